/* run-tasks.h: the part of a run that has tasks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A scenario with a group [task NAME] or [device NAME], or with [schedule] replay, is run by tasks on CPUs, with locks around
 * its allocators; any other is run straight, by the driver.
 */

#pragma once

#include "scenarios/loading/scenario.h"
#include "simcore/replay/requests.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef struct _KmlRunTasks KmlRunTasks;

extern const KmlParam kml_task_params[];
extern const KmlParam kml_lock_params[];
extern const KmlParam kml_pool_params[];
extern const KmlParam kml_region_params[];
extern const KmlParam kml_mapping_params[];
extern const KmlParam kml_pager_params[];
extern const KmlParam kml_schedule_params[];

gboolean kml_run_has_tasks (const KmlRunSpec *spec);

/* All are borrowed. */
KmlRunTasks *kml_run_tasks_new (const KmlScenario *scenario, const KmlRunSpec *spec,
                                KmlMachine *machine);
void kml_run_tasks_free (KmlRunTasks *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlRunTasks, kml_run_tasks_free)

/* The allocators with their locks around. (transfer none) */
KmlAllocator *kml_run_tasks_lock_pages (KmlRunTasks *self, KmlAllocator *pages);

/* (nullable): NULL: @error says that these need a lock. */
KmlAllocator *kml_run_tasks_lock_objects (KmlRunTasks *self, KmlAllocator *objects, GError **error);

/* Whom the object allocator asks for pages, which are @pages with all layers. (transfer none) */
KmlAllocator *kml_run_tasks_below_objects (KmlRunTasks *self, KmlAllocator *pages);

/* The tasks, when all else is there. @pages and @objects are what they and the workloads ask, with all layers; @old (nullable): what
 * was in use when it began. */
gboolean kml_run_tasks_build (KmlRunTasks *self, KmlAllocator *pages, KmlAllocator *objects,
                              KmlOldFrames *old, KmlRecorder *recorder, const GPtrArray *workloads,
                              KmlTime until, GError **error);

/* Before it is executed: what changes in all of it. FALSE: it has parts that cannot be remembered. */
gboolean kml_run_tasks_remember (KmlRunTasks *self, KmlImage *image);

/* Before it is executed: who comes next is @choose's to say. */
void kml_run_tasks_set_choices (KmlRunTasks *self, KmlChooseFunc choose, gpointer data);

/* Runs to the end of all tasks, or to whatever ends the run before. */
gboolean kml_run_tasks_execute (KmlRunTasks *self, GError **error);

guint64 kml_run_tasks_n_operations (const KmlRunTasks *self);

/* Appends the metrics of tasks, locks and pager. */
void kml_run_tasks_metrics (const KmlRunTasks *self, GArray *metrics);

/* What should not be and was. (nullable) (element-type KmlIncident) */
const GArray *kml_run_tasks_incidents (const KmlRunTasks *self);

/* (nullable) (element-type KmlOomKill): NULL: there is no reclaim */
const GArray *kml_run_tasks_oom_kills (const KmlRunTasks *self);
gboolean kml_run_tasks_has_caught_up (const KmlRunTasks *self);

/* What it learnt of orders of locks. (transfer none) */
const KmlLockdep *kml_run_tasks_lockdep (const KmlRunTasks *self);

G_END_DECLS
