/* task.c: what a task may do.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever stops a task comes down to two things: its CPU is parked while it keeps it
 * busy (working, spinning), or it leaves the CPU to others (asleep, preempted). All
 * waiting goes through kml_task_wait(), so that every wait is known with its reason: what closes a cycle
 * is seen when it closes (incident.c), and every picosecond of a task's life is booked to a part.
 *
 * In atomic context there is nothing to leave the CPU to. Code that sleeps there is
 * wrong; the machine records it and does what would really happen where nothing checks: the CPU stands still until the
 * event comes.
 */

#include "simcore/inject.h"
#include "simcore/lock-private.h"
#include "simcore/rest.h"

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

static guint *
depth_of (KmlCpu *cpu, KmlOff what)
{
  switch (what) {
  case KML_OFF_IRQ:
    return &cpu->irq_off;
  case KML_OFF_SOFTIRQ:
    return &cpu->softirq_off;
  case KML_OFF_PREEMPT:
    return &cpu->preempt_off;
  case KML_N_OFF:
    break;
  }
  g_assert_not_reached ();
}

/* @self, which has ended, has turned it off: the report shows where. */
static void
report_off (KmlScheduler *scheduler, KmlTask *self, const char *what, const KmlCause *by)
{
  self->n_chain = by->n_chain;
  memcpy (self->chain, by->chain, sizeof self->chain);
  self->step = by->what;
  kml_scheduler_report_why (scheduler, KML_INCIDENT_IRQ_MISUSE,
                            g_strdup_printf ("%s has ended with %s off", self->name, what),
                            by->what != NULL ? g_strdup_printf (", as it was left by %s", by->what)
                                             : NULL);
}

/* @self, which has ended, has locks. */
static void
report_locks (KmlScheduler *scheduler, const KmlTask *self)
{
  GString *text = g_string_new (self->name);

  g_string_append (text, " has ended and keeps a lock");
  for (guint i = 0; i < self->n_held; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? ": " : ", ", self->held[i].lock->name);
  kml_scheduler_report (scheduler, KML_INCIDENT_LOCK_MISUSE, g_string_free (text, FALSE));
}

static const char *const names_of_off[KML_N_OFF] = { "interrupts", "softirqs", "preemption" };

/* Whoever has the CPU next finds nothing off: Linux's do_exit() tells of it and turns all on, too. */
static void
turn_all_on (KmlScheduler *scheduler, KmlTask *self)
{
  KmlCpu *cpu = kml_scheduler_cpu (scheduler);
  KmlCpu by_locks = { 0 };

  for (guint i = 0; i < self->n_held; i++)
    kml_lock_keep_others_away (&by_locks, self->held[i].lock->kind);
  for (KmlOff what = KML_OFF_IRQ; what < KML_N_OFF; what++) {
    if (*depth_of (cpu, what) > *depth_of (&by_locks, what))
      report_off (scheduler, self, names_of_off[what], &cpu->off_by[what]);
    *depth_of (cpu, what) = 0;
  }
  kml_interrupts_deliver (scheduler);
}

/* ", with WHAT", and since which step of its program. (transfer full) */
static char *
with (const char *what, const char *how, const char *step)
{
  return g_strdup_printf (", with %s %s%s%s", what, how, step != NULL ? " since " : "",
                          step != NULL ? step : "");
}

void
kml_report_sleep (KmlMachine *machine, const char *what)
{
  KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);
  const KmlTask *task = kml_current_task (machine);
  char *why = NULL;

  if (task->context != KML_CONTEXT_PROCESS)
    why = g_strdup_printf (", in %s context", kml_context_names[task->context]);
  for (guint i = task->n_held; i-- > 0 && why == NULL;)
    if (!kml_lock_sleeps (task->held[i].lock))
      why = with (task->held[i].lock->name, "held", task->held[i].step);
  for (KmlOff off = KML_OFF_IRQ; off < KML_N_OFF && why == NULL; off++)
    if (*depth_of (cpu, off) > 0)
      why = with (names_of_off[off], "off", cpu->off_by[off].what);
  kml_scheduler_report_why (machine->scheduler, KML_INCIDENT_SLEEP_IN_ATOMIC,
                            g_strdup_printf ("%s %s", task->name, what), why);
}

void
kml_task_main (gpointer data)
{
  KmlTask *self = data;
  KmlScheduler *scheduler = self->scheduler;

  self->is_woken = FALSE; /* that was to start it */
  self->func (scheduler->machine, self->data);
  self = kml_current_task (
      scheduler->machine); /* of those that rested here, the one that has ended */
  kml_sync_on (scheduler->machine, KML_OBJECT_NONE);
  if (self->n_held > 0)
    report_locks (scheduler, self);
  if (G_UNLIKELY (kml_in_atomic (scheduler->machine)))
    turn_all_on (scheduler, self);
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

/* ---- What may not be disturbed ---- */

gboolean
kml_in_atomic (const KmlMachine *machine)
{
  return kml_cpu_is_atomic (kml_scheduler_cpu (machine->scheduler));
}

static inline void
disable (KmlMachine *machine, KmlOff what)
{
  KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);
  const KmlTask *task = kml_current_task (machine);
  KmlCause *by = &cpu->off_by[what];

  ++*depth_of (cpu, what);
  by->what = task->step;
  kml_cause_place (by, task->chain, task->n_chain);
}

void
kml_preempt_disable (KmlMachine *machine)
{
  disable (machine, KML_OFF_PREEMPT);
}

/* What was kept waiting is looked at now. */
static inline void
enable (KmlScheduler *self, guint *depth, const char *what)
{
  const KmlCpu *cpu = kml_scheduler_cpu (self);

  if (*depth == 0) {
    kml_scheduler_report (self, KML_INCIDENT_IRQ_MISUSE,
                          g_strdup_printf ("%s enabled, but not disabled before", what));
    return;
  }
  --*depth;
  if (G_UNLIKELY (cpu->pending != NULL || cpu->first != NULL) && *depth == 0)
    while (kml_interrupts_deliver (self) || kml_scheduler_preempt (self))
      ;
}

void
kml_preempt_enable (KmlMachine *machine)
{
  enable (machine->scheduler, &kml_scheduler_cpu (machine->scheduler)->preempt_off, "preemption");
}

void
kml_irq_disable (KmlMachine *machine)
{
  disable (machine, KML_OFF_IRQ);
}

void
kml_irq_enable (KmlMachine *machine)
{
  enable (machine->scheduler, &kml_scheduler_cpu (machine->scheduler)->irq_off, "interrupts");
}

void
kml_softirq_disable (KmlMachine *machine)
{
  disable (machine, KML_OFF_SOFTIRQ);
}

void
kml_softirq_enable (KmlMachine *machine)
{
  enable (machine->scheduler, &kml_scheduler_cpu (machine->scheduler)->softirq_off, "softirqs");
}
