/* lock.h: locks of the simulated kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Spinlocks are ticket locks (first come, first served), as Linux's were and its queued ones are in
 * effect: who waits keeps its CPU busy, who holds one is not preempted. A variant turns softirqs or all interrupts off as well,
 * from before the wait. A mutex and a reader-writer semaphore put their waiters to sleep. Both are fair too: they are
 * handed over, so a stream of late-comers starves nobody.
 *
 * Cost. A lock that is free costs KML_COST_LOCK. One that is contended moves to
 * the CPU of the next when it is given back (KML_COST_HANDOVER), which takes longer the more others
 * watch the same line (KML_COST_BYSTANDER for each of them). With a cache model one that is free costs besides what it takes to
 * get its line, which may be in the cache of the CPU that had it last.
 *
 * A machine without tasks has no one to wait for: there a lock is its cost.
 */

#pragma once

#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef enum {
  KML_LOCK_NONE, /* no lock at all: costs nothing */
  KML_LOCK_SPIN,
  KML_LOCK_SPIN_SOFTIRQ, /* spin_lock_bh() */
  KML_LOCK_SPIN_IRQ,     /* spin_lock_irqsave() */
  KML_LOCK_MUTEX,
  KML_LOCK_RW, /* sleeping */
} KmlLockKind;

/* "none", "spin", "spin-softirq", "spin-irq", "mutex", "rw" */
extern const char *const kml_lock_kind_names[];

typedef enum {
  KML_LOCK_EXCLUSIVE,
  KML_LOCK_SHARED,
  KML_LOCK_GRANTED,
} KmlLockMode;

typedef struct _KmlLockClass KmlLockClass;

/* Lives where its owner puts it; all zero but kind and name is one that is free. */
struct _KmlLock {
  const char *name; /* borrowed */
  /* (nullable) borrowed: what lockdep.h takes it for; NULL: a class of its own, called name */
  const char *class_name;
  KmlLockClass *class; /* (nullable): the same, looked up */
  KmlLockKind kind;
  guint64 object; /* see kml_sync_on() */
  KmlAddr line;   /* with a cache model: where its word is; 0: nowhere yet */
  /* whom it protects has its cost among his own: a free one is taken for nothing */
  gboolean is_paid;
  KmlTask *owner; /* (nullable): exclusive */
  /* of a spinlock without an owner: it was given back then, which may be yet to come */
  KmlTime free_at;
  guint n_readers;       /* > 0: owner is NULL */
  KmlTask *first, *last; /* who waits, in the order in which they came */
  guint n_waiting;

  guint64 n_taken, n_contended;
  guint most_waiting;
  KmlTime waited, worst_wait; /* by those who waited */
  KmlTime held, worst_hold;
};

void kml_lock_init (KmlLock *self, KmlLockKind kind, const char *name);

/* @mode: EXCLUSIVE, or for KML_LOCK_RW SHARED. A task that holds KML_MAX_HELD locks gets no other; that is recorded. */
void kml_lock_take (KmlMachine *machine, KmlLock *self, KmlLockMode mode);

/* Takes it when that needs no waiting. */
gboolean kml_lock_try (KmlMachine *machine, KmlLock *self);

/* By the task that has taken it. Anything else is a bug of the simulated kernel: recorded, and nothing is given back. */
void kml_lock_give (KmlMachine *machine, KmlLock *self);

gboolean kml_lock_is_held_by (const KmlLock *self, const KmlTask *task);

static inline const char *
kml_lock_class_name (const KmlLock *self)
{
  return self->class_name != NULL ? self->class_name : self->name;
}

static inline gboolean
kml_lock_sleeps (const KmlLock *self)
{
  return self->kind >= KML_LOCK_MUTEX;
}

G_END_DECLS
