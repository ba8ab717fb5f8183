/* reserve.h: what the pieces of the layer "reserve" share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in reserve.c; reserve-refill.c fills the places of blocks that were taken.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

enum {
  COUNTER_HITS,
  COUNTER_EMPTY,
  COUNTER_REFILLS,
  COUNTER_REFILLS_FAILED,
};

enum {
  USE_LAST_RESORT,
  USE_FIRST,
};

enum {
  REFILL_TASK,
  REFILL_RETURNED,
};

typedef struct {
  KmlAddr *blocks; /* (owned) (array length=size): the first n are there */
  guint64 n;
} ReserveStash;

/* A place that is to be filled. */
typedef struct {
  KmlTime due;
  guint32 stash;
} ReservePlace;

typedef struct {
  KmlAllocator base;

  /* parameters */
  guint64 size, block;
  guint shared, use, refill;
  KmlTime delay;
  guint64 rate;
  KmlTime holding;
  double target;

  guint n_stashes;
  KmlAddr statics;       /* of the stashes, for a cache model */
  ReserveStash *stashes; /* (owned) */
  guint64 held;          /* bytes of a block, as the layer below says */
  /* a ring, by due, since every one waits for the same time */
  ReservePlace *places; /* (owned) (array length=n_room) */
  guint n_room;         /* a power of two, or 0 */
  guint64 head, tail;   /* counted since the beginning: [head, tail) are to be filled */
  GHashTable *own;      /* (owned): address + 1 -> where the block is. Looked up, never iterated */
  guint64 n_taken;
  KmlTask *task; /* (nullable): who refills; made when there is something to do */
  gboolean task_sleeps;
} Reserve;

/* Where a block of the reserve's is. */
#define RESERVE_IN_STASH GINT_TO_POINTER (1)
#define RESERVE_TAKEN    GINT_TO_POINTER (2)

static inline gpointer
reserve_key (KmlAddr addr)
{
  return GSIZE_TO_POINTER (addr + 1);
}

static inline void
reserve_put (Reserve *self, ReserveStash *stash, KmlAddr addr)
{
  stash->blocks[stash->n++] = addr;
  g_hash_table_insert (self->own, reserve_key (addr), RESERVE_IN_STASH);
}

/* ---- reserve-refill.c ---- */

/* FALSE: the layer below has nothing. */
gboolean reserve_fill_place (Reserve *self, guint32 number);

/* A place of the stash is to be filled at @due. */
void reserve_await (Reserve *self, guint32 stash, KmlTime due);

/* On a machine without tasks: what is due. The work is done by somebody else, somewhere else: the clock does not move. */
void reserve_fill_aside (Reserve *self);

/* The daemon is made when somebody looks for a block: at boot there are no tasks yet. */
void reserve_make_task (Reserve *self);

/* A block was taken. */
void reserve_ask_for_refill (Reserve *self, guint32 stash);

G_END_DECLS
