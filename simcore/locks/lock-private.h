/* lock-private.h: taking a lock in steps.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What kml_lock_take() does, for who would not stand on a stack meanwhile (kml_rest()):
 *
 *   approach    may it, does it know what it does
 *               … others are let in, as by kml_sync_on (machine, lock->object) …
 *   join        takes it; or waits for a time that is known; or waits in the queue
 *               … until then …
 *   settle      what the wait has cost
 *   give        what kml_lock_give() does
 *
 * They are here to become part of who calls them: CPUs that meet at one lock do little else. What is rare is in lock.c.
 */

#pragma once

#include "simcore/locks/lock.h"
#include "simcore/locks/lockdep.h"
#include "simcore/tasks/switch.h"

G_BEGIN_DECLS

typedef enum {
  KML_LOCK_TAKEN,
  KML_LOCK_COMES,  /* it is the task's from lock->free_at on: keep the CPU busy until then */
  KML_LOCK_QUEUED, /* wait until task->mode == KML_LOCK_GRANTED */
} KmlLockStep;

/* A wait for a lock under way. */
typedef struct {
  KmlPart part; /* where the task's time went before */
  KmlTime start;
  KmlTime booked; /* what it had spent on locks by then */
  gboolean is_queued;
} KmlLockWait;

/* ---- lock.c ---- */

/* Holds as many as it may; that is recorded. Returns FALSE. */
gboolean kml_lock_refuse_another (KmlMachine *machine, const KmlLock *self, const KmlTask *task);
void kml_lock_report_sleep (KmlMachine *machine, const KmlLock *self);

/* With a cache model: the word of the lock is written, in a line of its own. @how: KmlTouch */
void kml_lock_touch_line (KmlMachine *machine, KmlLock *self, guint how);

/* Where it is among the locks that @task holds; -1: nowhere. */
int kml_lock_search_held (const KmlLock *self, const KmlTask *task);

/* To the next, or to all readers that are next; or where schedules are chosen. */
void kml_lock_hand_over_slowly (KmlMachine *machine, KmlLock *self);

/* What lock->kind kept away is kept away no longer, and is looked at. */
void kml_lock_let_waiting_in (KmlMachine *machine, KmlLockKind kind);
void kml_lock_report_not_held (KmlMachine *machine, const KmlLock *self, const KmlTask *task);

/* ---- Its state ---- */

/* Nobody has it, now or at a time yet to come. */
static inline gboolean
kml_lock_is_given_back (const KmlLock *self, guint mode)
{
  return self->owner == NULL && (mode == KML_LOCK_SHARED || self->n_readers == 0);
}

static inline gboolean
kml_lock_can_be_taken (const KmlMachine *machine, const KmlLock *self, guint mode)
{
  return kml_lock_is_given_back (self, mode) && self->first == NULL &&
         self->free_at <= machine->now;
}

static inline void
kml_lock_touch (KmlMachine *machine, KmlLock *self, guint how)
{
  if (kml_has_caches (machine))
    kml_lock_touch_line (machine, self, how);
}

static inline void
kml_lock_grant (KmlLock *self, KmlTask *task, guint mode, KmlTime now)
{
  const guint n = task->n_held;

  g_assert (n < KML_MAX_HELD);

  if (mode == KML_LOCK_SHARED)
    self->n_readers++;
  else
    self->owner = task;
  task->held[n] = (KmlHold){ self, now, kml_task_function (task), task->step };
  task->n_held = n + 1;
  self->n_taken++;
}

/* ---- Taking ---- */

/* FALSE: it holds as many as it may; that is recorded. */
static inline gboolean
kml_lock_may_hold_another (KmlMachine *machine, const KmlLock *self, const KmlTask *task)
{
  return G_LIKELY (task->n_held < KML_MAX_HELD) || kml_lock_refuse_another (machine, self, task);
}

static inline void
kml_lock_keep_others_away (KmlCpu *cpu, KmlLockKind kind)
{
  if (G_LIKELY (kind == KML_LOCK_SPIN_IRQ)) {
    cpu->irq_off++;
    cpu->preempt_off++;
  } else if (kind <= KML_LOCK_SPIN_IRQ) {
    cpu->softirq_off += kind == KML_LOCK_SPIN_SOFTIRQ;
    cpu->preempt_off++;
  }
}

static inline void
kml_lock_learn (KmlMachine *machine, KmlLock *self, KmlLockMode mode, gboolean tries)
{
  if (machine->scheduler->config.lockdep != NULL)
    kml_lockdep_take (machine->scheduler, self, mode == KML_LOCK_SHARED, tries);
}

/* FALSE: the task is not given another one; that is recorded. */
static inline gboolean
kml_lock_approach (KmlMachine *machine, KmlLock *self, KmlLockMode mode)
{
  const KmlTask *task = kml_current_task (machine);

  if (!kml_lock_may_hold_another (machine, self, task))
    return FALSE;
  if (G_UNLIKELY (kml_lock_sleeps (self)) && kml_in_atomic (machine))
    kml_lock_report_sleep (machine, self);
  kml_lock_keep_others_away (kml_scheduler_cpu (machine->scheduler), self->kind);
  kml_lock_learn (machine, self, mode, FALSE);
  return TRUE;
}

static inline void
kml_lock_enqueue (KmlLock *self, KmlTask *task, KmlLockMode mode)
{
  task->mode = mode;
  task->next = NULL;
  if (self->last != NULL)
    self->last->next = task;
  else
    self->first = task;
  self->last = task;
}

/* @ret_wait is set unless it is TAKEN. */
static inline KmlLockStep
kml_lock_join (KmlMachine *machine, KmlLock *self, KmlLockMode mode, KmlLockWait *ret_wait)
{
  KmlTask *task = kml_current_task (machine);
  const gboolean is_given_back = kml_lock_is_given_back (self, mode) && self->first == NULL;

  if (is_given_back && self->free_at <= machine->now) {
    kml_lock_grant (self, task, mode, machine->now);
    kml_lock_touch (machine, self, 0);
    kml_spend (machine, KML_COST_LOCK, !self->is_paid);
    return KML_LOCK_TAKEN;
  }
  ret_wait->part = task->part;
  kml_task_account (task, machine->now, KML_PART_LOCK);
  ret_wait->start = machine->now;
  ret_wait->booked = task->parts[KML_PART_LOCK];
  ret_wait->is_queued = !is_given_back;
  self->n_waiting++;
  self->n_contended++;
  self->most_waiting = MAX (self->most_waiting, self->n_waiting);
  if (!is_given_back) {
    kml_lock_enqueue (self, task, mode);
    return KML_LOCK_QUEUED;
  }
  kml_lock_grant (self, task, mode, self->free_at);
  return KML_LOCK_COMES;
}

static inline void
kml_lock_settle (KmlMachine *machine, KmlLock *self, const KmlLockWait *wait)
{
  KmlTask *task = kml_current_task (machine);
  KmlTime waited;

  self->n_waiting -= !wait->is_queued; /* who was in the queue has left it when he was granted it */
  kml_spend (machine, KML_COST_HANDOVER, 1);
  kml_spend (machine, KML_COST_BYSTANDER, self->n_waiting);
  kml_lock_touch (machine, self, KML_TOUCH_UNPAID); /* that was the hand-over */
  waited = machine->now - wait->start;
  self->waited += waited;
  self->worst_wait = MAX (self->worst_wait, waited);
  kml_task_account (task, machine->now, wait->part);
  kml_task_stopped (task, task->parts[KML_PART_LOCK] - wait->booked, KML_PART_LOCK, self->name);
  kml_spend (machine, KML_COST_LOCK, !self->is_paid);
}

/* What a task in the queue waits for. */
static inline KmlWait
kml_lock_wait (KmlLock *self)
{
  return (KmlWait){ .kind = KML_WAIT_LOCK, .what = self->name, .lock = self };
}

/* ---- Giving back ---- */

static inline int
kml_lock_find_held (const KmlLock *self, const KmlTask *task)
{
  const int last = (int)task->n_held - 1;

  return G_LIKELY (last >= 0 && task->held[last].lock == self) ? last
                                                               : kml_lock_search_held (self, task);
}

/* See the head of lock.c: nobody need be looked at first. */
static inline gboolean
kml_lock_is_given_ahead (KmlScheduler *scheduler, const KmlLock *self)
{
  return !kml_lock_sleeps (self) && scheduler->config.choose == NULL &&
         (scheduler->n_timers_set | scheduler->n_sleepers) == 0 &&
         kml_scheduler_cpu (scheduler)->first == NULL;
}

/* The first in the queue has it. Returns that one, which is to be woken. */
static inline KmlTask *
kml_lock_grant_first (KmlMachine *machine, KmlLock *self)
{
  KmlTask *next = self->first;

  self->first = next->next;
  if (self->first == NULL)
    self->last = NULL;
  next->next = NULL;
  self->n_waiting--;
  kml_lock_grant (self, next, next->mode, machine->now);
  next->mode = KML_LOCK_GRANTED;
  return next;
}

/* There is a queue. */
static inline void
kml_lock_hand_over (KmlMachine *machine, KmlLock *self)
{
  if (kml_lock_sleeps (self) || machine->scheduler->config.choose != NULL)
    kml_lock_hand_over_slowly (machine, self);
  else
    kml_task_wake_spinner (kml_lock_grant_first (machine, self));
}

static inline void
kml_lock_let_others_in (KmlMachine *machine, KmlLockKind kind)
{
  KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);

  if (G_LIKELY (kind == KML_LOCK_SPIN_IRQ && !kml_cpu_is_wanted (cpu) && cpu->preempt_off > 0 &&
                cpu->irq_off > 0)) {
    cpu->preempt_off--;
    cpu->irq_off--;
  } else {
    kml_lock_let_waiting_in (machine, kind);
  }
}

static inline void
kml_lock_forget_held (KmlTask *task, guint i)
{
  task->n_held--;
  for (; G_UNLIKELY (i < task->n_held); i++)
    task->held[i] = task->held[i + 1];
}

/* Of a lock that is one, on a machine with tasks. */
static inline void
kml_lock_give_back (KmlMachine *machine, KmlLock *self)
{
  KmlTask *task;
  KmlTime now, held;
  int i;

  if (machine->now >= machine->horizon && !kml_lock_is_given_ahead (machine->scheduler, self))
    kml_sync_on (machine, self->object);
  task = kml_current_task (machine);
  now = machine->now;
  i = kml_lock_find_held (self, task);
  if (G_UNLIKELY (i < 0)) {
    kml_lock_report_not_held (machine, self, task);
    return;
  }
  held = now - task->held[i].since;
  kml_span_lock (task, self->name, task->held[i].since, now);
  self->held += held;
  self->worst_hold = MAX (self->worst_hold, held);
  kml_lock_forget_held (task, (guint)i);
  if (self->owner == task)
    self->owner = NULL;
  else
    self->n_readers--;
  self->free_at = now;
  if (self->first != NULL)
    kml_lock_hand_over (machine, self);
  kml_lock_let_others_in (machine, self->kind);
}

G_END_DECLS
