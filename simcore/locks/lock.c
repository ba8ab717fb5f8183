/* lock.c: taking, waiting, handing over.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * T. E. Anderson, "The Performance of Spin Lock Alternatives for Shared-Memory
 * Multiprocessors", IEEE TPDS 1(1), January 1990, and Mellor-Crummey & Scott, TOCS
 * 9(1), February 1991, on why a hand-over costs more the more others watch the lock's line.
 *
 * Who gives a lock back hands it to the next at once: from then on the next one is the owner,
 * though it will notice only when the line has come to its CPU. So nobody can slip in between, and
 * the wait-for graph is right at every instant.
 *
 * Ahead of time. A spinlock that is given back by a CPU that is ahead of others needs no look at them where nothing but CPUs can
 * come first: those who want it before that time find it taken until then (free_at), or wait in its queue, whose order is that in
 * which they came. So an operation of an allocator is one meeting with the other CPUs, when it takes its lock, and not two. With
 * open choices there is no such thing: to give back is a point where others may be chosen.
 *
 * Invariants:
 *   L1  an exclusive owner excludes readers
 *   L2  a lock is in the list `held` of each of its holders once, and in no other
 *   L3  who waits is not a holder, unless it has deadlocked with itself
 */

#include "simcore/locks/lock-private.h"

const char *const kml_lock_kind_names[] = {
  [KML_LOCK_NONE] = "none",
  [KML_LOCK_SPIN] = "spin",
  [KML_LOCK_SPIN_SOFTIRQ] = "spin-softirq",
  [KML_LOCK_SPIN_IRQ] = "spin-irq",
  [KML_LOCK_MUTEX] = "mutex",
  [KML_LOCK_RW] = "rw",
  NULL,
};

void
kml_lock_init (KmlLock *self, KmlLockKind kind, const char *name)
{
  *self = (KmlLock){ .kind = kind, .name = name, .object = kml_object_named (name) };
}

void
kml_lock_touch_line (KmlMachine *machine, KmlLock *self, guint how)
{
  if (self->line == 0)
    self->line = kml_machine_statics (machine, 64);
  kml_machine_touch (machine, self->line, sizeof (guint32), KML_TOUCH_WRITE | how);
}

int
kml_lock_search_held (const KmlLock *self, const KmlTask *task)
{
  for (guint i = task->n_held; i-- > 0;)
    if (task->held[i].lock == self)
      return (int)i;
  return -1;
}

gboolean
kml_lock_is_held_by (const KmlLock *self, const KmlTask *task)
{
  return kml_lock_find_held (self, task) >= 0;
}

/* ---- Taking ---- */

gboolean
kml_lock_refuse_another (KmlMachine *machine, const KmlLock *self, const KmlTask *task)
{
  kml_scheduler_report (machine->scheduler, KML_INCIDENT_LOCK_MISUSE,
                        g_strdup_printf ("%s holds %d locks and wants one more, %s, which it is "
                                         "not given",
                                         task->name, KML_MAX_HELD, self->name));
  return FALSE;
}

void
kml_lock_report_sleep (KmlMachine *machine, const KmlLock *self)
{
  g_autofree char *what = g_strdup_printf ("takes the sleeping lock %s", self->name);

  kml_report_sleep (machine, what);
}

void
kml_lock_take (KmlMachine *machine, KmlLock *self, KmlLockMode mode)
{
  KmlLockWait wait;
  KmlLockStep step;

  if (self->kind == KML_LOCK_NONE)
    return;
  if (machine->scheduler == NULL) {
    kml_spend (machine, KML_COST_LOCK, !self->is_paid);
    self->n_taken++;
    return;
  }
  if (!kml_lock_approach (machine, self, mode))
    return;
  kml_sync_on (machine, self->object);
  step = kml_lock_join (machine, self, mode, &wait);
  if (step == KML_LOCK_TAKEN)
    return;
  if (step == KML_LOCK_COMES) {
    kml_work_until (machine, self->free_at);
  } else {
    const KmlWait for_turn = kml_lock_wait (self);

    while (kml_current_task (machine)->mode != KML_LOCK_GRANTED)
      kml_task_wait_now (machine, &for_turn, KML_PART_LOCK, !kml_lock_sleeps (self));
  }
  kml_lock_settle (machine, self, &wait);
}

gboolean
kml_lock_try (KmlMachine *machine, KmlLock *self)
{
  KmlTask *task;

  if (machine->scheduler == NULL || self->kind == KML_LOCK_NONE) {
    kml_lock_take (machine, self, KML_LOCK_EXCLUSIVE);
    return TRUE;
  }
  kml_sync_on (machine, self->object);
  task = kml_current_task (machine);
  if (!kml_lock_can_be_taken (machine, self, KML_LOCK_EXCLUSIVE)) {
    kml_task_tried (machine, self->name, self);
    kml_spend (machine, KML_COST_ATOMIC, 1);
    return FALSE;
  }
  if (!kml_lock_may_hold_another (machine, self, task))
    return FALSE;
  kml_task_got (machine, self);
  kml_lock_keep_others_away (kml_scheduler_cpu (machine->scheduler), self->kind);
  kml_lock_learn (machine, self, KML_LOCK_EXCLUSIVE, TRUE);
  kml_lock_grant (self, task, KML_LOCK_EXCLUSIVE, machine->now);
  kml_lock_touch (machine, self, 0);
  kml_spend (machine, KML_COST_LOCK, !self->is_paid);
  return TRUE;
}

/* ---- Giving back ---- */

void
kml_lock_hand_over_slowly (KmlMachine *machine, KmlLock *self)
{
  while (self->first != NULL && kml_lock_is_given_back (self, self->first->mode)) {
    KmlTask *next = kml_lock_grant_first (machine, self);

    if (kml_lock_sleeps (self))
      kml_spend (machine, KML_COST_WAKE, 1);
    kml_task_wake (next);
    /* it goes on in what the lock protects */
    if (machine->scheduler->config.choose != NULL &&
        machine->scheduler->cpus[next->cpu].current == next)
      machine->scheduler->cpus[next->cpu].object = self->object;
  }
}

void
kml_lock_let_waiting_in (KmlMachine *machine, KmlLockKind kind)
{
  if (kind <= KML_LOCK_SPIN_IRQ)
    kml_preempt_enable (machine);
  if (kind == KML_LOCK_SPIN_IRQ)
    kml_irq_enable (machine);
  else if (kind == KML_LOCK_SPIN_SOFTIRQ)
    kml_softirq_enable (machine);
}

void
kml_lock_report_not_held (KmlMachine *machine, const KmlLock *self, const KmlTask *task)
{
  kml_scheduler_report (
      machine->scheduler, KML_INCIDENT_LOCK_MISUSE,
      g_strdup_printf ("%s gives %s back and does not hold it", task->name, self->name));
}

void
kml_lock_give (KmlMachine *machine, KmlLock *self)
{
  if (machine->scheduler != NULL && self->kind != KML_LOCK_NONE)
    kml_lock_give_back (machine, self);
}
