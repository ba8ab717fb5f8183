/* run-tasks-metrics.c: what a run with tasks has to tell.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/running/run-tasks-private.h"

#include "simcore/pages/compaction.h"
#include "simcore/tasks/usage.h"
#include "simcore/pages/writeback.h"

static void
add_lock (GArray *metrics, const KmlLock *lock)
{
  kml_metrics_add (metrics, "times", (double)lock->n_taken, "lock.%s.taken", lock->name);
  kml_metrics_add (metrics, "times", (double)lock->n_contended, "lock.%s.contended", lock->name);
  kml_metrics_add (metrics, "ns", (double)lock->waited / KML_NS, "lock.%s.wait_ns", lock->name);
  kml_metrics_add (metrics, "ns", (double)lock->worst_wait / KML_NS, "lock.%s.wait_max_ns",
                   lock->name);
  kml_metrics_add (metrics, "ns", (double)lock->held / KML_NS, "lock.%s.hold_ns", lock->name);
  kml_metrics_add (metrics, "ns", (double)lock->worst_hold / KML_NS, "lock.%s.hold_max_ns",
                   lock->name);
  kml_metrics_add (metrics, "tasks", lock->most_waiting, "lock.%s.waiters.peak", lock->name);
}

/* By the device's own name, "device.sda.reads", and by its kind: the counters of all of a kind are added up, "hdd.reads"; what follows from
 * counters (a mean, a share) is none of several. */
static void
add_device (const KmlRunTasks *self, GArray *metrics, KmlDevice *device)
{
  const KmlDeviceOps *ops = device->ops;
  guint n_alike = 0;

  for (guint i = 0; i < self->devices->len; i++)
    n_alike += ((const KmlDevice *)g_ptr_array_index (self->devices, i))->ops == ops;
  kml_device_account (device);
  for (const KmlCounterInfo *counter = ops->counters; counter != NULL && counter->name != NULL;
       counter++) {
    const double value = (double)device->counters[counter - ops->counters];

    kml_metrics_add (metrics, counter->unit, value, "%s.%s", ops->name, counter->name);
    kml_metrics_add (metrics, counter->unit, value, "device.%s.%s", device->name, counter->name);
  }
  for (const KmlFigureInfo *figure = ops->figures; figure != NULL && figure->name != NULL;
       figure++) {
    const double value = figure->value (device->counters);

    if (n_alike == 1)
      kml_metrics_add (metrics, figure->unit, value, "%s.%s", ops->name, figure->name);
    kml_metrics_add (metrics, figure->unit, value, "device.%s.%s", device->name, figure->name);
  }
}

static void
add_page_lock (KmlLocked *locked, gpointer metrics)
{
  add_lock (metrics, &locked->lock);
}

static void
add_up_lock (const KmlLock *lock, gpointer data)
{
  KmlLock *sum = data;

  sum->n_taken += lock->n_taken;
  sum->n_contended += lock->n_contended;
  sum->waited += lock->waited;
  sum->held += lock->held;
  sum->most_waiting = MAX (sum->most_waiting, lock->most_waiting);
  sum->worst_wait = MAX (sum->worst_wait, lock->worst_wait);
  sum->worst_hold = MAX (sum->worst_hold, lock->worst_hold);
}

/* That around the allocator, or those that it takes itself, together. */
static void
add_object_locks (GArray *metrics, const KmlLocked *objects)
{
  const KmlAllocator *inner = objects->base.lower;
  KmlLock all = objects->lock;

  if (inner->ops->walk_locks != NULL)
    inner->ops->walk_locks (inner, add_up_lock, &all);
  add_lock (metrics, &all);
}

static void
add_reclaim (GArray *metrics, const KmlReclaim *reclaim)
{
  for (guint i = 0; i < KML_N_RECLAIM_COUNTERS; i++)
    kml_metrics_add (metrics, kml_reclaim_counters[i].unit, (double)reclaim->counters[i], "%s",
                     kml_reclaim_counters[i].name);
  for (guint i = 0; reclaim->compaction != NULL && i < KML_N_COMPACT_COUNTERS; i++)
    kml_metrics_add (metrics, kml_compact_counters[i].unit,
                     (double)reclaim->compaction->counters[i], "%s", kml_compact_counters[i].name);
  if (reclaim->writeback != NULL)
    kml_metrics_add (metrics, "ns", (double)reclaim->writeback->throttled / KML_NS,
                     "throttle.time_ns");
  kml_metrics_add (metrics, "pages", (double)reclaim->n_dirtied, "dirty.pages");
  kml_metrics_add (metrics, "pages", (double)reclaim->n_dirty, "dirty.end");
}

/* ---- What CPUs, tasks and handlers did ---- */

/* @of is "cpu" or "cpu.3". */
static void
add_cpu (GArray *metrics, const char *of, const KmlCpuUsage *usage)
{
  kml_metrics_add (metrics, "times", (double)usage->switches, "%s.switches", of);
  kml_metrics_add (metrics, "times", (double)usage->preemptions, "%s.preemptions", of);
  kml_metrics_add (metrics, "times", (double)usage->interrupts, "%s.interrupts", of);
  kml_metrics_add (metrics, "calls", (double)usage->ipis_sent, "%s.ipis_sent", of);
  kml_metrics_add (metrics, "calls", (double)usage->ipis_taken, "%s.ipis_taken", of);
  kml_metrics_add (metrics, "ns", (double)usage->busy / KML_NS, "%s.busy_ns", of);
  kml_metrics_add (metrics, "ns", (double)usage->idle / KML_NS, "%s.idle_ns", of);
}

static void
add_cpus (GArray *metrics, const KmlScheduler *scheduler, guint n_cpus)
{
  KmlCpuUsage all = { 0 };

  for (guint i = 0; i < n_cpus; i++) {
    const KmlCpuUsage usage = kml_cpu_usage (scheduler, i);
    g_autofree char *of = g_strdup_printf ("cpu.%u", i);

    add_cpu (metrics, of, &usage);
    kml_cpu_usage_add (&all, &usage);
  }
  add_cpu (metrics, "cpu", &all);
  kml_metrics_add (metrics, "ratio",
                   all.busy + all.idle > 0 ? (double)all.busy / (double)(all.busy + all.idle) : 0,
                   "cpu.utilisation");
}

/* Of several tasks: their sum, and the longest wait. */
typedef struct {
  KmlTime parts[KML_N_PARTS], worst_ready;
} TaskUsage;

/* A task whose CPU had run ahead when the run ended (a switch to it, say) has done that. */
static void
add_usage_of_task (TaskUsage *self, KmlTask *task, KmlTime end)
{
  const KmlTime now = MAX (end, task->mark);

  if (task->state != KML_TASK_ENDED)
    kml_task_account_now (task, now);
  for (guint i = 0; i < KML_N_PARTS; i++)
    self->parts[i] += task->parts[i];
  self->worst_ready = MAX (self->worst_ready, task->worst_ready);
  if (task->part == KML_PART_CPU) /* still */
    self->worst_ready = MAX (self->worst_ready, now - task->part_since);
}

static void
add_task (GArray *metrics, const char *name, const TaskUsage *usage)
{
  for (guint i = 0; i < KML_N_PARTS; i++)
    kml_metrics_add (metrics, "ns", (double)usage->parts[i] / KML_NS, "task.%s.%s_ns", name,
                     kml_part_names[i]);
  kml_metrics_add (metrics, "ns", (double)usage->worst_ready / KML_NS, "task.%s.ready_max_ns",
                   name);
}

static void
add_handler (GArray *metrics, const KmlIrq *irq)
{
  const char *context = kml_context_names[irq->task.context];

  kml_metrics_add (metrics, "times", (double)(irq->n_raised - irq->n_pending), "%s.%s.taken",
                   context, irq->task.name);
  kml_metrics_add (metrics, "ns", (double)irq->worst_delay / KML_NS, "%s.%s.delay_max_ns", context,
                   irq->task.name);
  g_array_index (metrics, KmlMetric, metrics->len - 1).is_maximum = TRUE; /* of a card's rings */
}

/* By group, those of the machine (kswapd) by their names, handlers one by one; not the tasks that replay workloads. */
static void
add_tasks (const KmlRunTasks *self, GArray *metrics)
{
  const GPtrArray *tasks = kml_scheduler_tasks (self->scheduler);
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "task");
  g_autofree TaskUsage *groups = g_new0 (TaskUsage, names->len);
  g_autofree gboolean *is_there = g_new0 (gboolean, names->len);

  for (guint i = 0; i < tasks->len; i++) {
    KmlTask *task = g_ptr_array_index (tasks, i);
    TaskUsage own = { 0 };

    if (task->workload > 0 || kml_task_is_idle (task))
      continue;
    if (task->irq != NULL) {
      add_handler (metrics, task->irq);
      continue;
    }
    add_usage_of_task (task->group > 0 ? &groups[task->group - 1] : &own, task, self->machine->now);
    if (task->group > 0)
      is_there[task->group - 1] = TRUE;
    else
      add_task (metrics, task->name, &own);
  }
  for (guint i = 0; i < names->len; i++)
    if (is_there[i])
      add_task (metrics, g_ptr_array_index (names, i), &groups[i]);
}

void
kml_run_tasks_metrics (const KmlRunTasks *self, GArray *metrics)
{
  const GArray *incidents = kml_scheduler_incidents (self->scheduler);
  guint64 n[KML_N_INCIDENTS] = { 0 };
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "lock");

  for (guint i = 0; i < incidents->len; i++)
    n[g_array_index (incidents, KmlIncident, i).kind] +=
        g_array_index (incidents, KmlIncident, i).count;
  for (guint i = 0; i < KML_N_INCIDENTS; i++)
    kml_metrics_add (metrics, "times", n[i], "%s", kml_incident_metrics[i]);
  kml_metrics_add (metrics, "circles", kml_lockdep_reports (self->lockdep)->len, "lockdep.cycles");
  for (guint i = 0; i < names->len; i++)
    add_lock (metrics, g_hash_table_lookup (self->world.locks, g_ptr_array_index (names, i)));
  for (guint i = 0; i < self->devices->len; i++)
    add_device (self, metrics, g_ptr_array_index (self->devices, i));
  kml_run_tasks_for_page_locks (self, add_page_lock, metrics);
  add_object_locks (metrics, self->objects);
  add_lock (metrics, &self->pager->lock);
  if (self->reclaim != NULL)
    add_reclaim (metrics, self->reclaim);
  kml_metrics_add (metrics, "times", (double)self->world.n_untouched, "touch.skipped");
  kml_metrics_add (metrics, "faults", (double)self->pager->n_faults, "fault.count");
  kml_metrics_add (metrics, "pages", (double)self->pager->n_evicted, "fault.evicted");
  kml_metrics_add (metrics, "pages", (double)self->pager->n_written, "fault.written");
  kml_metrics_add (metrics, "faults", (double)self->pager->n_no_frame, "fault.failed");
  kml_metrics_add (metrics, "ns", (double)self->machine->now / KML_NS, "time.end_ns");
  add_cpus (metrics, self->scheduler, self->machine->n_cpus);
  add_tasks (self, metrics);
  kml_metrics_add (metrics, "switches", (double)kml_scheduler_n_switches (self->scheduler),
                   "task.switches");
}
