/* rest.c: tasks that rest where it is not usual: see rest.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/tasks/rest.h"

gboolean
kml_rest_slowly (KmlScheduler *self, KmlTask *task)
{
  KmlCoroutine *to;
  KmlTask *next;

  g_assert (self->config.choose == NULL);

  to = kml_scheduler_find_next (self);
  next = kml_current_task (self->machine);
  if (next != NULL && next->rests_in == task->func) {
    self->n_switches += next != task;
    kml_rest_change (task, next);
  } else {
    kml_scheduler_switch (self, task->coroutine, to);
    kml_current_task (self->machine)->rests_in = NULL;
  }
  return kml_cpu_is_wanted (self->running);
}

gboolean
kml_sync_resting_slowly (KmlScheduler *self)
{
  KmlMachine *machine = self->machine;

  if (machine->now >= self->watch.next)
    kml_progress_look (self);
  kml_scheduler_refresh_horizon (self);
  if (machine->now < machine->horizon) {
    kml_sync_rested (machine);
    return FALSE;
  }
  kml_rest_until (self, machine->now);
  return TRUE;
}

void
kml_sync_rested_slowly (KmlScheduler *self)
{
  KmlMachine *machine = self->machine;

  while (kml_interrupts_deliver (self) || kml_scheduler_preempt (self))
    if (machine->now >= machine->horizon) {
      kml_cpu_stops_until (kml_scheduler_cpu (self), machine->now, KML_OBJECT_ANY);
      kml_scheduler_park (self);
    }
}
