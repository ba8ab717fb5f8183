/* buddy.h: what the pieces of the binary buddy system share: its state and its free blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in buddy.c. The pieces:
 *
 *   buddy.h           the state, and free blocks on their lists
 *   buddy-search.h    which free block suits a request
 *   buddy-mobility.c  what a request takes when its mobility has nothing left
 *   buddy-deferred.c  merges that are put off, so that no operation takes too long
 *   buddy-pieces.c    blocks that become several in use
 *   buddy-costs.h     what an operation takes
 *   buddy-check.c     the invariants
 *   buddy.c           splitting and coalescing
 *
 * Most runs have the usual parameters: lists that are last in first out, one mobility, and no cache model. What every operation
 * passes through takes @is_usual, which is a constant where it is inlined: so the usual path has none of the questions.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/memory/frame-list.h"
#include "simcore/memory/frame-set.h"

G_BEGIN_DECLS

typedef enum {
  ORDER_LIFO,
  ORDER_FIFO,
  ORDER_ADDRESS,
  ORDER_LINUX,
} ListOrder;

typedef enum {
  GROUPING_NONE,
  GROUPING_MOBILITY,
} Grouping;

enum {
  COUNTER_SPLITS,
  COUNTER_MERGES,
  COUNTER_STEALS,
  COUNTER_CLAIMS,
  COUNTER_MOST_SPLITS,
  COUNTER_MOST_MERGES,
  COUNTER_OVERSIZED,
  COUNTER_OMITTED_SPLITS,
  COUNTER_DEFERRED_MERGES,
  COUNTER_LATE_MERGES,
};

#define BUDDY_INLINE inline __attribute__ ((always_inline))

#define BUDDY_HEAD 16u /* bytes of a list's head: two pointers of a 64-bit kernel */

/* A used block keeps in its own flags the order that was asked for. A flag of a free block: it is one of two buddies that wait to be joined. */
#define FLAG_QUEUED (1 << KML_FRAME_OWN_SHIFT)

typedef struct {
  KmlAllocator base;
  guint64 max_order;
  guint list_order;               /* ListOrder */
  guint grouping;                 /* Grouping */
  guint64 max_splits, max_merges; /* of one operation; more than max_order: as many as it takes */

  KmlPfn frontier;     /* blocks of max_order from here ... */
  KmlPfn frontier_end; /* ... to here were never used */
  KmlMobility frontier_mobility;
  guint64 n_steps;                    /* splits and merges of the operation at hand, for its cost */
  guint64 n_split[KML_MAX_ORDER + 1]; /* blocks of each order that are two at the moment: how often
                                         one was split, less how often two became one */

  gboolean is_usual;                  /* see above */
  KmlTime alloc_cost, free_cost;      /* of a path, without a cache model, … */
  KmlTime step_cost;                  /* … and of each split or merge */
  gboolean has_caches;                /* the machine has a cache model */
  guint32 nonempty[KML_N_MOBILITIES]; /* bit k: the list of order k is not empty */
  KmlFrameList lists[KML_N_MOBILITIES][KML_MAX_ORDER + 1];
  KmlFrameSet sets[KML_N_MOBILITIES]
                  [KML_MAX_ORDER + 1]; /* members: frame >> order; ORDER_ADDRESS alone */

  guint pageblock_order; /* GROUPING_MOBILITY alone, as the next */
  guint8 *pageblocks;    /* (owned) (nullable): KmlMobility of each */

  KmlAddr statics; /* of the lists' heads, for a cache model */

  KmlPfn first_pair, last_pair; /* free buddies to be joined later, oldest first: the lower of each
                                   pair, or KML_PFN_NONE */
  guint64 n_pairs;
} Buddy;

static inline KmlFrame *
frame_of (const Buddy *self, KmlPfn pfn)
{
  return kml_ram_frame (&self->base.ram, pfn);
}

static inline KmlPfn
frames_in (guint order)
{
  return (KmlPfn)1 << order;
}

/* The order of the smallest block of at least @n_frames: 5 -> 3. */
static inline guint
order_for (guint64 n_frames)
{
  return n_frames <= 1 ? 0 : 64 - (guint)__builtin_clzll (n_frames - 1);
}

/* One branch for state and order: whether a buddy is free is hard enough to predict. */
static inline gboolean
is_free_block (const Buddy *self, KmlPfn pfn, guint order)
{
  const KmlFrame *frame = frame_of (self, pfn);

  return pfn < self->base.ram.n_usable &&
         (frame->state << 8 | frame->order) == (KML_FRAME_FREE << 8 | (int)order);
}

/* Of whose lists a block is that is being freed. */
static inline KmlMobility
home_of (const Buddy *self, KmlPfn pfn)
{
  return self->pageblocks == NULL ? KML_MOBILITY_UNMOVABLE
                                  : self->pageblocks[pfn >> self->pageblock_order];
}

/* The block that starts at @pfn. */
static inline guint
block_at (const Buddy *self, KmlPfn pfn, KmlBlockState *ret_state)
{
  const KmlFrame *frame = frame_of (self, pfn);

  if (pfn >= self->frontier && pfn < self->frontier_end) {
    *ret_state = KML_BLOCK_FREE;
    return (guint)self->max_order;
  }
  *ret_state = frame->state == KML_FRAME_USED ? KML_BLOCK_USED : KML_BLOCK_FREE;
  return frame->order;
}

/* ---- References, with a cache model: calls, so that who has none pays a comparison ---- */

/* The head of the list that the block is on, and the records that its links join. */
void buddy_touch_links (const Buddy *self, KmlPfn pfn);

/* The record of a frame, where there is one. */
void buddy_look_at (const Buddy *self, KmlPfn pfn);

/* ---- The free lists ---- */

/* The block that comes first in the list's order, or after @after; KML_PFN_NONE: no more. */
static BUDDY_INLINE KmlPfn
next_block (const Buddy *self, gboolean is_usual, guint order, KmlMobility mobility, KmlPfn after)
{
  const KmlFrameSet *set = &self->sets[mobility][order];
  guint64 member;

  if (is_usual || self->list_order != ORDER_ADDRESS)
    return after == KML_PFN_NONE ? self->lists[mobility][order].first
                                 : frame_of (self, after)->free.next;
  member = kml_frame_set_next (set, after == KML_PFN_NONE ? 0 : (after >> order) + 1);
  return member == set->n ? KML_PFN_NONE : (KmlPfn)(member << order);
}

/* A free block goes to the lists of @mobility: @last, behind all others there (unless they lie by address). */
static BUDDY_INLINE void
list_block (Buddy *self, gboolean is_usual, KmlPfn pfn, guint order, KmlMobility mobility,
            gboolean last)
{
  frame_of (self, pfn)->mobility = (guint8)mobility;
  if (!is_usual && self->list_order == ORDER_ADDRESS)
    kml_frame_set_insert (&self->sets[mobility][order], pfn >> order);
  else
    kml_frame_list_insert (&self->lists[mobility][order], &self->base.ram, pfn,
                           !last && (is_usual || self->list_order != ORDER_FIFO));
  self->nonempty[mobility] |= (guint32)1 << order;
  kml_free_area_add (self->base.free_area, order, mobility);
  if (!is_usual && G_UNLIKELY (self->has_caches))
    buddy_touch_links (self, pfn);
}

static BUDDY_INLINE void
unlist_block (Buddy *self, gboolean is_usual, KmlPfn pfn)
{
  const KmlFrame *frame = frame_of (self, pfn);
  const guint order = frame->order;
  const KmlMobility mobility = is_usual ? KML_MOBILITY_UNMOVABLE : frame->mobility;

  if (!is_usual && G_UNLIKELY (self->has_caches))
    buddy_touch_links (self, pfn);
  if (!is_usual && self->list_order == ORDER_ADDRESS)
    kml_frame_set_remove (&self->sets[mobility][order], pfn >> order);
  else
    kml_frame_list_remove (&self->lists[mobility][order], &self->base.ram, pfn);
  if (next_block (self, is_usual, order, mobility, KML_PFN_NONE) == KML_PFN_NONE)
    self->nonempty[mobility] &= ~((guint32)1 << order);
  kml_free_area_remove (self->base.free_area, order, mobility);
}

/* ---- Blocks in use ---- */

/* @asked: the order that the request came to; less than @order if max-splits left more. */
static inline void
use_block (Buddy *self, KmlPfn pfn, guint order, guint asked, KmlMobility mobility)
{
  KmlFrame *frame = frame_of (self, pfn);

  frame->state = KML_FRAME_USED;
  frame->order = (guint8)order;
  frame->mobility = (guint8)mobility;
  frame->flags = (guint8)(asked << KML_FRAME_OWN_SHIFT);
  frame->n_frames = frames_in (order);
}

/* The frame of a live block that begins at @addr. */
static inline KmlPfn
live_block (const Buddy *self, KmlAddr addr)
{
  const KmlRam *ram = &self->base.ram;
  const guint64 pfn = addr >> ram->page_shift;
  const KmlFrame *frame = &ram->frames[pfn];

  g_assert (pfn < ram->n_usable);
  g_assert (pfn << ram->page_shift == addr);
  g_assert (frame->state == KML_FRAME_USED);
  g_assert (!(frame->flags & KML_FRAME_FLAG_SLAB)); /* its owner has it still */
  return (KmlPfn)pfn;
}

/* ---- What the pieces do ---- */

gboolean buddy_check (const KmlAllocator *base, GError **error);

/* Slots of the table (allocator.h). */
gboolean buddy_split (KmlAllocator *base, KmlAddr addr, guint64 piece);
guint64 buddy_isolate (KmlAllocator *base, KmlAddr addr);
KmlMobility buddy_mobility_at (const KmlAllocator *base, KmlAddr addr);

/* The block at @pfn and its buddy are free and wait to be joined; or do no longer. */
void buddy_defer (Buddy *self, KmlPfn pfn);
void buddy_undefer (Buddy *self, KmlPfn pfn);

/* ---- Free blocks ---- */

/* Makes [pfn, pfn + 2^order) a free block of its own, where the list's order wants it, or @last; joins nothing. */
static BUDDY_INLINE void
put_block_at (Buddy *self, gboolean is_usual, KmlPfn pfn, guint order, KmlMobility mobility,
              gboolean last)
{
  KmlFrame *frame = frame_of (self, pfn);

  frame->state = KML_FRAME_FREE;
  frame->order = (guint8)order;
  frame->flags = 0;
  frame->n_frames = frames_in (order);
  list_block (self, is_usual, pfn, order, mobility, last);
}

static BUDDY_INLINE void
put_block (Buddy *self, gboolean is_usual, KmlPfn pfn, guint order, KmlMobility mobility)
{
  put_block_at (self, is_usual, pfn, order, mobility, FALSE);
}

/* Takes a free block off its list; its first frame is an inner one until something else is
 * written. */
static BUDDY_INLINE void
remove_block (Buddy *self, gboolean is_usual, KmlPfn pfn)
{
  KmlFrame *frame = frame_of (self, pfn);

  if (G_UNLIKELY (frame->flags & FLAG_QUEUED))
    buddy_undefer (self, pfn);
  unlist_block (self, is_usual, pfn);
  frame->state = KML_FRAME_TAIL;
}

G_END_DECLS
