/* task.c: what a task may do.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever stops a task comes down to two things: its CPU is parked while it keeps it
 * busy (working, spinning), or it leaves the CPU to others (asleep, preempted). All
 * waiting goes through kml_task_wait(), so that every wait is known with its reason: what closes a cycle
 * is seen when it closes (incident.c), and every picosecond of a task's life is booked to a part.
 *
 * In atomic context (atomic.c) there is nothing to leave the CPU to. Code that sleeps there is
 * wrong; the machine records it and does what would really happen where nothing checks: the CPU stands still until the
 * event comes.
 */

#include "simcore/tasks/inject.h"
#include "simcore/tasks/rest.h"

#include <string.h>

void
kml_task_init (KmlTask *self, KmlScheduler *scheduler, const char *name, guint cpu)
{
  g_assert (cpu < scheduler->machine->n_cpus);

  self->scheduler = scheduler;
  self->name = g_strdup (name);
  self->id = scheduler->tasks->len;
  self->cpu = (guint16)cpu;
  self->state = KML_TASK_ENDED;
  g_ptr_array_add (scheduler->tasks, self);
}

KmlPart
kml_task_part (KmlMachine *machine, KmlPart part)
{
  KmlTask *task = kml_current_task (machine);
  const KmlPart before = task->part;

  kml_task_account (task, machine->now, part);
  return before;
}

void
kml_task_main (gpointer data)
{
  KmlTask *self = data;
  KmlScheduler *scheduler = self->scheduler;

  self->is_woken = FALSE; /* that was to start it */
  self->func (scheduler->machine, self->data);
  /* of those that rested here, the one that has ended */
  self = kml_current_task (scheduler->machine);
  kml_sync_on (scheduler->machine, KML_OBJECT_NONE);
  kml_task_leave_nothing (self);
  kml_task_account (self, scheduler->machine->now, KML_PART_SLEEP);
  self->state = KML_TASK_ENDED;
  self->vain.depth = 0; /* it may have been killed */
  kml_scheduler_progress (scheduler);
  if (!self->is_daemon)
    kml_scheduler_release (scheduler);
  kml_scheduler_leave (scheduler);
  g_assert_not_reached ();
}

/* ---- Waiting ---- */

/* Keeps the CPU, until it is woken; interrupts are taken. */
static void
wait_busily (KmlScheduler *self, KmlTask *task)
{
  while (!task->is_woken) {
    kml_scheduler_park (self);
    kml_interrupts_deliver (self);
  }
  task->state = KML_TASK_RUNNING;
}

static void
report_sleep (KmlMachine *machine, const KmlWait *wait)
{
  g_autofree char *what = g_strdup_printf ("sleeps for %s", wait->what);

  kml_report_sleep (machine, what);
}

/* kml_task_wait_now() */
static inline __attribute__ ((always_inline)) void
wait_now (KmlMachine *machine, const KmlWait *wait, KmlPart part, gboolean spin)
{
  KmlScheduler *self = machine->scheduler;
  KmlTask *task = kml_current_task (machine);
  const KmlPart before = task->part;

  if (!spin && G_UNLIKELY (kml_cpu_is_atomic (kml_scheduler_cpu (self)))) {
    report_sleep (machine, wait);
    spin = TRUE;
  }
  if (spin)
    task->state = KML_TASK_SPINNING; /* who is ready on its CPU waits for it */
  if (!kml_task_wait_begin (task, wait, part)) {
    task->state = KML_TASK_RUNNING;
    return;
  }
  if (spin) {
    wait_busily (self, task);
  } else {
    task->state = KML_TASK_SLEEPING;
    kml_scheduler_leave (self);
  }
  kml_task_wait_end (task, part, before);
}

/* ---- Time ---- */

/* @is_work: what others do meanwhile puts the end off. */
static void
be_busy (KmlMachine *machine, KmlTime end, gboolean is_work)
{
  KmlScheduler *self = machine->scheduler;

  while (end >= machine->horizon && end > machine->now) {
    KmlCpu *cpu = kml_scheduler_cpu (self);
    KmlTime limit = end, before;

    if (machine->now >= self->watch.next)
      kml_progress_look (self);
    kml_scheduler_refresh_horizon (self);
    before = machine->now;
    if (!kml_interrupts_deliver (self) && !kml_scheduler_preempt (self)) {
      if (end < machine->horizon)
        break;
      if (cpu->first != NULL && cpu->first->priority == cpu->current->priority &&
          !kml_in_atomic (machine))
        limit = CLAMP (cpu->slice_end, machine->now, end);
      limit = MIN (limit, self->watch.next); /* not past: it was looked just now */
      kml_cpu_stops_until (cpu, limit, KML_OBJECT_NONE);
      kml_scheduler_park (self);
      before = machine->now;
      if (!kml_interrupts_deliver (self) && !kml_scheduler_preempt (self) && before >= end)
        return;
    }
    if (is_work)
      end = kml_time_after (end, machine->now - before);
  }
  machine->now = MAX (end, machine->now);
}

void
kml_work (KmlMachine *machine, KmlTime time)
{
  be_busy (machine, kml_time_after (machine->now, time), TRUE);
}

void
kml_work_until (KmlMachine *machine, KmlTime time)
{
  be_busy (machine, time, FALSE);
}

gboolean
kml_work_until_resting_slowly (KmlMachine *machine, KmlTime time)
{
  KmlScheduler *self = machine->scheduler;

  if (kml_cpu_is_wanted (kml_scheduler_cpu (self))) {
    kml_work_until (machine, time);
    return FALSE;
  }
  if (machine->now >= self->watch.next)
    kml_progress_look (self);
  kml_scheduler_refresh_horizon (self);
  if (time < machine->horizon) {
    machine->now = time;
    return FALSE;
  }
  kml_rest_until (self, MIN (time, self->watch.next));
  return TRUE;
}

void
kml_work_until_rested_slowly (KmlMachine *machine, KmlTime time)
{
  KmlScheduler *self = machine->scheduler;
  const KmlTime before = machine->now;

  if (kml_interrupts_deliver (self) || kml_scheduler_preempt (self) || before < time)
    kml_work_until (machine, time);
}

void
kml_yield (KmlMachine *machine)
{
  KmlScheduler *self = machine->scheduler;
  KmlTask *task = kml_current_task (machine);
  const KmlPart part = task->part;

  if (G_UNLIKELY (kml_in_atomic (machine))) {
    kml_report_sleep (machine, "yields its CPU");
    return;
  }
  if (kml_scheduler_cpu (self)->first == NULL)
    return;
  kml_scheduler_make_ready (self, task);
  kml_scheduler_leave (self);
  kml_task_account (task, machine->now, part);
}

/* Waits until @end, a time that comes by itself. The alarm is set. */
G_GNUC_NO_INLINE static void
wait_until (KmlMachine *machine, KmlTime end, const KmlWait *wait, KmlPart part)
{
  while (machine->now < end) {
    kml_sync (machine);
    wait_now (machine, wait, part, FALSE);
  }
}

/* Waits for a time that comes by itself. */
G_GNUC_NO_INLINE static void
wait_for_time (KmlMachine *machine, KmlTime time, const KmlWait *wait, KmlPart part)
{
  KmlTask *task = kml_current_task (machine);
  const KmlTime end = kml_time_after (machine->now, time);

  if (G_UNLIKELY (task->alarm.kind != KML_TIMER_WAKE)) { /* a handler */
    report_sleep (machine, wait);
    kml_work (machine, time);
    return;
  }
  kml_alarm_set (machine->scheduler, task, end);
  wait_until (machine, end, wait, part);
}

/* Whether nothing is in the way of who sleeps now: nobody else is to run on its CPU, nothing comes first, and no request of its own is to be told of the wait. */
static inline gboolean
may_sleep_at_once (const KmlMachine *machine, const KmlTask *task)
{
  const KmlCpu *cpu = machine->scheduler->running;

  return machine->now < machine->horizon && !kml_cpu_is_atomic (cpu) && cpu->first == NULL &&
         task->cause == NULL && !(task->is_woken | task->alarm.is_set | task->alarm.is_turn);
}

static const KmlWait for_time = { .kind = KML_WAIT_TIME, .what = "a time" };

/* @next goes on at the first turn, while the running task sleeps until @end. */
static inline void
sleep_meanwhile (KmlScheduler *self, KmlTask *task, KmlTime end, KmlTask *next)
{
  const KmlTurn first = kml_turns_first (&self->turns);

  task->state = KML_TASK_SLEEPING;
  task->alarm.time = end;
  task->alarm.is_turn = TRUE;
  self->n_sleepers++;
  self->n_switches++;
  kml_turns_take_and_add (&self->turns, kml_turn (end, self->n_set++, kml_task_who (task)));
  kml_turns_fetch_task (self);
  kml_turn_begins (self, first, next);
  kml_coroutine_switch (task->coroutine, next->coroutine);
}

void
kml_sleep (KmlMachine *machine, KmlTime time)
{
  KmlScheduler *self = machine->scheduler;
  KmlTask *task = kml_current_task (machine), *next = NULL;
  const KmlTime end = kml_time_after (machine->now, time);
  const KmlPart before = task->part;
  const KmlTurn first = kml_turns_first (&self->turns);
  const gboolean is_first = end < kml_turn_time (first);

  kml_turns_fetch_stack (self);
  if (G_UNLIKELY (!may_sleep_at_once (machine, task) ||
                  (is_first ? end >= self->others || time == 0
                            : (next = kml_turn_task (self, first)) == NULL))) {
    wait_for_time (machine, time, &for_time, KML_PART_SLEEP);
    return;
  }
  task->wait = for_time;
  task->wait.since = machine->now;
  kml_task_account (task, machine->now, KML_PART_SLEEP);
  kml_cpu_is_idle (self->running, self);
  if (is_first) {
    machine->now = end;
    kml_cpu_wake_up (self->running, self, task);
  } else {
    sleep_meanwhile (self, task, end, next);
  }
  task->is_woken = FALSE;
  task->wait.kind = KML_WAIT_NONE;
  if (G_UNLIKELY (task->part != before))
    kml_task_account (task, machine->now, before);
  if (G_UNLIKELY (machine->now < end)) /* it has been woken */
    wait_until (machine, end, &for_time, KML_PART_SLEEP);
}

void
kml_task_io (KmlMachine *machine, const char *what, KmlTime time)
{
  const KmlWait wait = { .kind = KML_WAIT_IO, .what = what };

  if (time > 0)
    wait_for_time (machine, time + kml_inject_delay (machine), &wait, KML_PART_IO);
}

void
kml_task_wait_now (KmlMachine *machine, const KmlWait *wait, KmlPart part, gboolean spin)
{
  wait_now (machine, wait, part, spin);
}

void
kml_task_wait (KmlMachine *machine, const KmlWait *wait, KmlPart part, gboolean spin)
{
  kml_sync (machine);
  wait_now (machine, wait, part, spin);
}

void
kml_task_wake (KmlTask *task)
{
  KmlScheduler *self = task->scheduler;

  if (task->is_woken)
    return;
  task->is_woken = TRUE;
  if (task->state == KML_TASK_SLEEPING)
    kml_scheduler_make_ready (self, task);
  else if (task->state == KML_TASK_SPINNING)
    kml_scheduler_kick (self, task->cpu, self->machine->now);
}
