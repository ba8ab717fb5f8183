/* usage.h: what each CPU did in a run, for metrics.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The scheduler counts where it switches and where handlers begin; here it is put together when the run is over.
 */

#pragma once

#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef struct {
  guint64 switches; /* times that a task began to run, or went on after another or after idleness */
  guint64 preemptions; /* … in the place of one that wanted to go on */
  guint64 interrupts;  /* handlers that ran, of softirqs and of IPIs, too */
  guint64 ipis_sent;   /* calls of other CPUs that it asked for … */
  /* … and those that it did for others, of which one interrupt can bring several */
  guint64 ipis_taken;
  KmlTime busy, idle; /* together the time of the run; idle: nobody runs, no task and no handler */
} KmlCpuUsage;

KmlCpuUsage kml_cpu_usage (const KmlScheduler *self, guint cpu);

/* Adds @other's. */
void kml_cpu_usage_add (KmlCpuUsage *self, const KmlCpuUsage *other);

/* Whether @task only stands for a CPU that has nothing to do. */
gboolean kml_task_is_idle (const KmlTask *task);

G_END_DECLS
