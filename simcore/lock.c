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

#include "simcore/lock-private.h"

#include "simcore/lockdep.h"
#include "simcore/scheduler-private.h"

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

/* With a cache model: the word of the lock is written, in a line of its own. */
static void
touch (KmlMachine *machine, KmlLock *self, guint how)
{
  if (!kml_has_caches (machine))
    return;
  if (self->line == 0)
    self->line = kml_machine_statics (machine, 64);
  kml_machine_touch (machine, self->line, sizeof (guint32), KML_TOUCH_WRITE | how);
}

G_GNUC_NO_INLINE static int
search_held (const KmlLock *self, const KmlTask *task)
{
  for (guint i = task->n_held; i-- > 0;)
    if (task->held[i] == self)
      return (int)i;
  return -1;
}

static inline int
find_held (const KmlLock *self, const KmlTask *task)
{
  const int last = (int)task->n_held - 1;

  return G_LIKELY (last >= 0 && task->held[last] == self) ? last : search_held (self, task);
}

gboolean
kml_lock_is_held_by (const KmlLock *self, const KmlTask *task)
{
  return find_held (self, task) >= 0;
}

static inline void
keep_others_away (KmlMachine *machine, KmlLockKind kind)
{
  KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);

  cpu->irq_off += kind == KML_LOCK_SPIN_IRQ;
  cpu->softirq_off += kind == KML_LOCK_SPIN_SOFTIRQ;
  cpu->preempt_off += kind <= KML_LOCK_SPIN_IRQ;
}

G_GNUC_NO_INLINE static void
let_waiting_in (KmlMachine *machine, KmlLockKind kind)
{
  if (kind <= KML_LOCK_SPIN_IRQ)
    kml_preempt_enable (machine);
  if (kind == KML_LOCK_SPIN_IRQ)
    kml_irq_enable (machine);
  else if (kind == KML_LOCK_SPIN_SOFTIRQ)
    kml_softirq_enable (machine);
}

static inline void
let_others_in (KmlMachine *machine, KmlLockKind kind)
{
  KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);

  if (G_LIKELY (kind == KML_LOCK_SPIN_IRQ && cpu->pending == NULL && cpu->first == NULL &&
                cpu->preempt_off > 0 && cpu->irq_off > 0)) { /* nobody is there */
    cpu->preempt_off--;
    cpu->irq_off--;
  } else {
    let_waiting_in (machine, kind);
  }
}

/* Nobody has it, now or at a time yet to come. */
static inline gboolean
is_given_back (const KmlLock *self, guint mode)
{
  return self->owner == NULL && (mode == KML_LOCK_SHARED || self->n_readers == 0);
}

static inline gboolean
can_be_taken (const KmlMachine *machine, const KmlLock *self, guint mode)
{
  return is_given_back (self, mode) && self->first == NULL && self->free_at <= machine->now;
}

static inline void
grant (KmlLock *self, KmlTask *task, guint mode, KmlTime now)
{
  g_assert (task->n_held < KML_MAX_HELD);

  if (mode == KML_LOCK_SHARED)
    self->n_readers++;
  else
    self->owner = task;
  task->held[task->n_held] = self;
  task->held_at[task->n_held] = task->n_chain > 0
                                    ? task->chain[MIN (task->n_chain, KML_MAX_CHAIN) - 1]
                                    : NULL;
  task->held_since[task->n_held++] = now;
  self->n_taken++;
}

static void
enqueue (KmlLock *self, KmlTask *task, KmlLockMode mode)
{
  task->mode = mode;
  task->next = NULL;
  if (self->last != NULL)
    self->last->next = task;
  else
    self->first = task;
  self->last = task;
}

G_GNUC_NO_INLINE static gboolean
refuse_another (KmlMachine *machine, const KmlLock *self, const KmlTask *task)
{
  kml_scheduler_report (machine->scheduler, KML_INCIDENT_LOCK_MISUSE,
                        g_strdup_printf ("%s holds %d locks and wants one more, %s, which it is "
                                         "not given",
                                         task->name, KML_MAX_HELD, self->name));
  return FALSE;
}

/* FALSE: it holds as many as it may; that is recorded. */
static inline gboolean
may_hold_another (KmlMachine *machine, const KmlLock *self, const KmlTask *task)
{
  return G_LIKELY (task->n_held < KML_MAX_HELD) || refuse_another (machine, self, task);
}

G_GNUC_NO_INLINE static void
report_sleep (KmlMachine *machine, const KmlLock *self, const KmlTask *task)
{
  kml_scheduler_report (machine->scheduler, KML_INCIDENT_SLEEP_IN_ATOMIC,
                        g_strdup_printf ("%s takes the sleeping lock %s", task->name, self->name));
}

static inline void
learn (KmlMachine *machine, KmlLock *self, KmlLockMode mode, gboolean tries)
{
  if (machine->scheduler->config.lockdep != NULL)
    kml_lockdep_take (machine->scheduler, self, mode == KML_LOCK_SHARED, tries);
}

gboolean
kml_lock_approach (KmlMachine *machine, KmlLock *self, KmlLockMode mode)
{
  const KmlTask *task = kml_current_task (machine);

  if (!may_hold_another (machine, self, task))
    return FALSE;
  if (kml_lock_sleeps (self) && kml_in_atomic (machine))
    report_sleep (machine, self, task);
  keep_others_away (machine, self->kind);
  learn (machine, self, mode, FALSE);
  return TRUE;
}

KmlLockStep
kml_lock_join (KmlMachine *machine, KmlLock *self, KmlLockMode mode, KmlLockWait *ret_wait)
{
  KmlTask *task = kml_current_task (machine);

  if (can_be_taken (machine, self, mode)) {
    grant (self, task, mode, machine->now);
    touch (machine, self, 0);
    kml_spend (machine, KML_COST_LOCK, !self->is_paid);
    return KML_LOCK_TAKEN;
  }
  ret_wait->part = kml_task_part (machine, KML_PART_LOCK);
  ret_wait->start = machine->now;
  self->n_waiting++;
  self->n_contended++;
  self->most_waiting = MAX (self->most_waiting, self->n_waiting);
  ret_wait->is_queued = !is_given_back (self, mode) || self->first != NULL;
  if (ret_wait->is_queued) {
    enqueue (self, task, mode);
    return KML_LOCK_QUEUED;
  }
  grant (self, task, mode, self->free_at);
  return KML_LOCK_COMES;
}

void
kml_lock_settle (KmlMachine *machine, KmlLock *self, const KmlLockWait *wait)
{
  self->n_waiting -= !wait->is_queued; /* who was in the queue has left it when he was granted it */
  kml_spend (machine, KML_COST_HANDOVER, 1);
  kml_spend (machine, KML_COST_BYSTANDER, self->n_waiting);
  touch (machine, self, KML_TOUCH_UNPAID); /* that was the hand-over */
  self->waited += machine->now - wait->start;
  self->worst_wait = MAX (self->worst_wait, machine->now - wait->start);
  kml_task_part (machine, wait->part);
  kml_spend (machine, KML_COST_LOCK, !self->is_paid);
}

KmlWait
kml_lock_wait (KmlLock *self)
{
  return (KmlWait){ .kind = KML_WAIT_LOCK, .what = self->name, .lock = self };
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
  if (!can_be_taken (machine, self, KML_LOCK_EXCLUSIVE)) {
    kml_task_tried (machine, self->name, self);
    kml_spend (machine, KML_COST_ATOMIC, 1);
    return FALSE;
  }
  if (!may_hold_another (machine, self, task))
    return FALSE;
  kml_task_got (machine, self);
  keep_others_away (machine, self->kind);
  learn (machine, self, KML_LOCK_EXCLUSIVE, TRUE);
  grant (self, task, KML_LOCK_EXCLUSIVE, machine->now);
  touch (machine, self, 0);
  kml_spend (machine, KML_COST_LOCK, !self->is_paid);
  return TRUE;
}

/* To the next, or to all readers that are next. */
G_GNUC_NO_INLINE static void
hand_over (KmlMachine *machine, KmlLock *self)
{
  while (self->first != NULL && is_given_back (self, self->first->mode)) {
    KmlTask *next = self->first;

    self->first = next->next;
    if (self->first == NULL)
      self->last = NULL;
    next->next = NULL;
    self->n_waiting--;
    grant (self, next, next->mode, machine->now);
    next->mode = KML_LOCK_GRANTED;
    if (kml_lock_sleeps (self))
      kml_spend (machine, KML_COST_WAKE, 1);
    kml_task_wake (next);
    if (machine->scheduler->cpus[next->cpu].current == next)
      machine->scheduler->cpus[next->cpu].object =
          self->object; /* it goes on in what the lock protects */
  }
}

/* See the head: nobody need be looked at first. */
static inline gboolean
is_given_ahead (KmlScheduler *scheduler, const KmlLock *self)
{
  return !kml_lock_sleeps (self) && scheduler->config.choose == NULL &&
         scheduler->n_timers_set == 0 && kml_scheduler_cpu (scheduler)->first == NULL;
}

G_GNUC_NO_INLINE static void
report_not_held (KmlMachine *machine, const KmlLock *self, const KmlTask *task)
{
  kml_scheduler_report (
      machine->scheduler, KML_INCIDENT_LOCK_MISUSE,
      g_strdup_printf ("%s gives %s back and does not hold it", task->name, self->name));
}

void
kml_lock_give (KmlMachine *machine, KmlLock *self)
{
  KmlTask *task;
  KmlTime held;
  int i;

  if (machine->scheduler == NULL || self->kind == KML_LOCK_NONE)
    return;
  if (!is_given_ahead (machine->scheduler, self))
    kml_sync_on (machine, self->object);
  task = kml_current_task (machine);
  i = find_held (self, task);
  if (G_UNLIKELY (i < 0)) {
    report_not_held (machine, self, task);
    return;
  }
  held = machine->now - task->held_since[i];
  kml_span_lock (task, self->name, task->held_since[i], machine->now);
  self->held += held;
  self->worst_hold = MAX (self->worst_hold, held);
  task->n_held--;
  for (guint j = (guint)i; j < task->n_held; j++) {
    task->held[j] = task->held[j + 1];
    task->held_since[j] = task->held_since[j + 1];
    task->held_at[j] = task->held_at[j + 1];
  }
  if (self->owner == task)
    self->owner = NULL;
  else
    self->n_readers--;
  self->free_at = machine->now;
  if (self->first != NULL)
    hand_over (machine, self);
  let_others_in (machine, self->kind);
}
