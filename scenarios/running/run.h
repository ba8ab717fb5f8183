/* run.h: one execution of a scenario with one seed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"
#include "simcore/tasks/scheduler.h"
#include "simcore/replay/driver.h"
#include "simcore/pages/zones.h"

G_BEGIN_DECLS

/* A run that has been set up: the machine, the allocators and the workloads of one KmlRunSpec. */
typedef struct _KmlRun KmlRun;

/* Builds all of it; errors are those of the world (a trace that is missing or corrupt, no memory) or of settings that do not
 * go together, with the scenario's name in front. */
KmlRun *kml_run_new (const KmlScenario *scenario, const KmlRunSpec *spec, GError **error);
void kml_run_free (KmlRun *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlRun, kml_run_free)

void kml_run_set_progress (KmlRun *self,
                           void (*progress) (guint64 n_operations, double share, gpointer data),
                           gpointer data);
void kml_run_set_sink (KmlRun *self, KmlSampleSink sink, gpointer data);
/* Whether to verify all allocators after each operation even if the scenario does not say so. */
void kml_run_set_checking (KmlRun *self, gboolean check_every_operation);

/* The workloads of @spec, made and opened: what kml_run_new() begins with. (transfer full) (element-type KmlWorkload); NULL
 * with @error. */
GPtrArray *kml_run_open_workloads (const KmlScenario *scenario, const KmlRunSpec *spec,
                                   guint n_cpus, guint64 page_size, GError **error);

/* To the end. */
gboolean kml_run_execute (KmlRun *self, GError **error);

/* Of a run with tasks, before it is executed: it can then be executed any number of times, each from the same state on, at a cost that grows with
 * what the run does and not with its machine. Only the fingerprint and the incidents of the latest execution can be asked for.
 * One run of a process at a time. FALSE: it has parts that cannot go back (KmlAllocatorOps.remember); it is executed once. */
gboolean kml_run_remember (KmlRun *self);
void kml_run_go_back (KmlRun *self);

/* After kml_run_execute(). */
const KmlRecorder *kml_run_recorder (const KmlRun *self);
const char *kml_run_fingerprint (KmlRun *self);
guint64 kml_run_n_operations (const KmlRun *self);
KmlTime kml_run_end_time (const KmlRun *self);

/* The recorder's metrics and the counters of the allocators and workloads, sorted by name. (transfer full) (element-type KmlMetric) */
GArray *kml_run_metrics (const KmlRun *self);

/* What should not be and was: deadlocks, bugs of the simulated kernel. (nullable) (element-type KmlIncident) */
const GArray *kml_run_incidents (const KmlRun *self);

/* The zones that its memory is in. (nullable): it is in one piece */
const KmlZones *kml_run_zones (const KmlRun *self);

/* (nullable) (element-type KmlOomKill): who was killed for want of memory */
const GArray *kml_run_oom_kills (const KmlRun *self);

/* Of a run with tasks whose schedule was chosen: it had to make up for who was passed over: see kml_scheduler_has_caught_up(). */
gboolean kml_run_has_caught_up (const KmlRun *self);

/* What it learnt of orders of locks. (nullable) (transfer none) */
const KmlLockdep *kml_run_lockdep (const KmlRun *self);

/* Of a run with tasks, before it is executed: who comes next is @choose's to say. FALSE: it has none. */
gboolean kml_run_set_choices (KmlRun *self, KmlChooseFunc choose, gpointer data);

G_END_DECLS
