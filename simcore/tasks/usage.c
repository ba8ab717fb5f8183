/* usage.c: what each CPU did in a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/tasks/usage.h"

#include "simcore/tasks/ipi.h"
#include "simcore/tasks/scheduler-private.h"

KmlCpuUsage
kml_cpu_usage (const KmlScheduler *self, guint cpu)
{
  const KmlCpu *of = &self->cpus[cpu];
  const KmlTime end = self->machine->now;
  const KmlTime still = of->current == NULL && end > of->idle_since ? end - of->idle_since : 0;
  KmlCpuUsage usage = {
    .switches = of->n_switches,
    .preemptions = of->n_preempted,
    .interrupts = of->n_interrupts,
    .idle = MIN (of->idle_time + still, end),
  };

  usage.busy = end - usage.idle;
  if (self->ipis != NULL)
    kml_ipis_count (self->ipis, cpu, &usage.ipis_sent, &usage.ipis_taken);
  return usage;
}

void
kml_cpu_usage_add (KmlCpuUsage *self, const KmlCpuUsage *other)
{
  self->switches += other->switches;
  self->preemptions += other->preemptions;
  self->interrupts += other->interrupts;
  self->ipis_sent += other->ipis_sent;
  self->ipis_taken += other->ipis_taken;
  self->busy += other->busy;
  self->idle += other->idle;
}

gboolean
kml_task_is_idle (const KmlTask *task)
{
  return task->scheduler->cpus[task->cpu].idle == task;
}
