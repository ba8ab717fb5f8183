/* run-tasks-metrics.c: what a run with tasks has to tell.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/run-tasks-private.h"

#include "simcore/writeback.h"

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
add_reclaim (GArray *metrics, const KmlReclaim *reclaim)
{
  for (guint i = 0; i < KML_N_RECLAIM_COUNTERS; i++)
    kml_metrics_add (metrics, kml_reclaim_counters[i].unit, (double)reclaim->counters[i], "%s",
                     kml_reclaim_counters[i].name);
  if (reclaim->writeback != NULL)
    kml_metrics_add (metrics, "ns", (double)reclaim->writeback->throttled / KML_NS,
                     "throttle.time_ns");
  kml_metrics_add (metrics, "pages", (double)reclaim->n_dirtied, "dirty.pages");
  kml_metrics_add (metrics, "pages", (double)reclaim->n_dirty, "dirty.end");
}

void
kml_run_tasks_metrics (const KmlRunTasks *self, GArray *metrics)
{
  const GArray *incidents = kml_scheduler_incidents (self->scheduler);
  guint n[KML_N_INCIDENTS] = { 0 };
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "lock");

  for (guint i = 0; i < incidents->len; i++)
    n[g_array_index (incidents, KmlIncident, i).kind]++;
  for (guint i = 0; i < KML_N_INCIDENTS; i++)
    kml_metrics_add (metrics, "times", n[i], "%s", kml_incident_metrics[i]);
  kml_metrics_add (metrics, "circles", kml_lockdep_reports (self->lockdep)->len, "lockdep.cycles");
  for (guint i = 0; i < names->len; i++)
    add_lock (metrics, g_hash_table_lookup (self->world.locks, g_ptr_array_index (names, i)));
  for (guint i = 0; i < self->devices->len; i++)
    add_device (self, metrics, g_ptr_array_index (self->devices, i));
  kml_run_tasks_for_page_locks (self, add_page_lock, metrics);
  add_lock (metrics, &self->objects->lock);
  add_lock (metrics, &self->pager->lock);
  if (self->reclaim != NULL)
    add_reclaim (metrics, self->reclaim);
  kml_metrics_add (metrics, "times", (double)self->world.n_untouched, "touch.skipped");
  kml_metrics_add (metrics, "faults", (double)self->pager->n_faults, "fault.count");
  kml_metrics_add (metrics, "pages", (double)self->pager->n_evicted, "fault.evicted");
  kml_metrics_add (metrics, "pages", (double)self->pager->n_written, "fault.written");
  kml_metrics_add (metrics, "faults", (double)self->pager->n_no_frame, "fault.failed");
  kml_metrics_add (metrics, "ns", (double)self->machine->now / KML_NS, "time.end_ns");
  kml_metrics_add (metrics, "switches", (double)kml_scheduler_n_switches (self->scheduler),
                   "task.switches");
}
