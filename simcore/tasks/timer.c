/* timer.c: what happens at a time by itself: a sleep is over, a device is done.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A timer that is set is an event of the agenda, which cannot be told to forget it: one that is set anew, or cancelled, leaves the old
 * event there, and that is passed over when it comes, since its generation is not the timer's any more.
 *
 * Most timers are alarms of tasks that sleep. Where nobody chooses what comes next, those are no events but turns (turns.h).
 *
 * Invariants:
 *   S4  next_timer is not later than the earliest timer that is set
 *   S5  a task's alarm is set, or it has a turn, or neither
 */

#include "simcore/tasks/inject.h"
#include "simcore/tasks/scheduler-private.h"

void
kml_timer_init_kind (KmlTimer *self, KmlScheduler *scheduler, KmlTimerKind kind, gpointer data)
{
  *self = (KmlTimer){
    .scheduler = scheduler, .index = scheduler->timers->len, .kind = kind, .data = data
  };
  g_ptr_array_add (scheduler->timers, self);
}

void
kml_timer_init (KmlTimer *self, KmlScheduler *scheduler, void (*func) (gpointer data),
                gpointer data)
{
  kml_timer_init_kind (self, scheduler, KML_TIMER_CALL, data);
  self->func = func;
}

static void
may_come_any_time (KmlTimer *self, KmlScheduler *scheduler)
{
  self->is_any_time = TRUE;
  g_ptr_array_add (scheduler->any_time, self);
}

void
kml_timer_may_come_any_time (KmlTimer *self, KmlScheduler *scheduler)
{
  if (!kml_injects (scheduler->config.injector, KML_INJECT_INTERRUPT))
    return;
  may_come_any_time (self, scheduler);
  scheduler->candidates = g_renew (KmlCandidate, scheduler->candidates,
                                   KML_CANDIDATES_WITHOUT_TIMERS (scheduler->machine->n_cpus) +
                                       scheduler->any_time->len);
}

void
kml_timer_is_for_cpu (KmlTimer *self, KmlScheduler *scheduler, guint cpu)
{
  self->cpu = cpu + 1;
  may_come_any_time (self, scheduler);
}

/* It is an alarm, and its task has a turn no more. */
static void
take_turn_back (KmlTimer *self)
{
  if (!self->is_turn)
    return;
  self->is_turn = FALSE;
  self->scheduler->n_sleepers--;
  kml_turns_remove (&self->scheduler->turns, kml_task_who (self->data));
}

void
kml_timer_set (KmlTimer *self, KmlScheduler *scheduler, KmlTime time)
{
  take_turn_back (self);
  self->generation++;
  self->time = time;
  self->order = scheduler->n_set++;
  scheduler->n_timers_set += !self->is_set;
  self->is_set = TRUE;
  if (self->is_any_time && scheduler->config.choose != NULL)
    return; /* it is chosen: scheduler.c, 3. */
  kml_agenda_schedule (scheduler->agenda, time, (guint64)self->generation << 32 | self->index);
  scheduler->next_timer = MIN (scheduler->next_timer, time);
  scheduler->others = MIN (scheduler->others, time);
  scheduler->machine->horizon = MIN (scheduler->machine->horizon, time);
}

void
kml_timer_cancel (KmlTimer *self)
{
  take_turn_back (self);
  self->generation++;
  if (self->is_set)
    kml_timer_unset (self);
}

/* The earliest timer that is meant, which stays in the agenda. NULL: none. */
KmlTimer *
kml_scheduler_look_for_timer (KmlScheduler *self)
{
  KmlEvent event;

  while (kml_agenda_peek (self->agenda, &event)) {
    KmlTimer *timer = g_ptr_array_index (self->timers, (guint32)event.what);

    if (kml_timer_is_meant (timer, &event))
      return timer;
    kml_scheduler_take_event (self, &event);
  }
  return NULL;
}

KmlTimer *
kml_scheduler_take_timer (KmlScheduler *self)
{
  KmlTimer *timer = kml_scheduler_look_for_timer (self);
  KmlEvent event;

  g_assert (timer != NULL);
  return kml_scheduler_take_event (self, &event);
}
