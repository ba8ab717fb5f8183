/* rest.c: tasks that rest where it is not usual: see rest.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/rest.h"

/* Whether the alarm of a sleeper comes next, of one that rests where @task does and that runs at once then. */
static gboolean
next_is_sleeper (const KmlScheduler *self, const KmlTask *task)
{
  const KmlTurn alarm = kml_turns_first (&self->alarms);
  const KmlTime time = kml_turn_time (alarm);
  const KmlCpu *cpu = &self->cpus[kml_turn_cpu (alarm)];

  return alarm < kml_turns_first (&self->turns) && time <= self->running->resume &&
         time < self->next_timer && time < self->watch.next && time < self->end &&
         !self->is_stopped && cpu->sleeper->rests_in == task->func &&
         cpu->sleeper->state == KML_TASK_SLEEPING && cpu->current == NULL &&
         !kml_cpu_has_turn (cpu) && !kml_cpu_is_wanted (cpu);
}

/* It goes on on the stack of @task. */
static void
rest_until_alarm (KmlScheduler *self, KmlTask *task)
{
  const KmlTurn alarm = kml_turns_first (&self->alarms);
  KmlCpu *cpu = &self->cpus[kml_turn_cpu (alarm)];
  KmlTask *next = cpu->sleeper;

  kml_cpu_stop (self->running, self);
  kml_alarm_unset (self, cpu);
  self->machine->now = kml_turn_time (alarm);
  kml_cpu_wake_up (cpu, self, next);
  kml_scheduler_refresh_horizon (self);
  self->n_switches += next != task;
  kml_rest_change (task, next);
}

gboolean
kml_rest_slowly (KmlScheduler *self, KmlTask *task)
{
  KmlCoroutine *to;
  KmlTask *next;

  g_assert (self->config.choose == NULL);

  if (next_is_sleeper (self, task)) {
    rest_until_alarm (self, task);
    return FALSE;
  }
  to = kml_scheduler_find_next (self);
  next = kml_current_task (self->machine);
  if (next != NULL && next->rests_in == task->func) { /* each on the other's stack */
    self->n_switches += next != task;
    next->coroutine = task->coroutine;
    task->coroutine = to;
  } else {
    kml_scheduler_switch (self, task->coroutine, to);
    next = kml_current_task (self->machine);
  }
  next->rests_in = NULL;
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
