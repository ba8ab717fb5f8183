/* buddy-mobility.c: the fallback between mobilities.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mel Gorman and Andy Whitcroft, "The What, The Why and the Where To of
 * Anti-Fragmentation", OLS 2006.
 *
 * Memory is divided into *pageblocks* (2^9 frames, or the largest block if that is less), and
 * each belongs to one mobility. When the lists of a mobility have nothing, the *largest* block
 * of another one is taken, so that mixing happens seldom. Unmovable and reclaimable requests,
 * and movable ones that meet a block of at least half a pageblock's order, *steal*: all that is
 * free in the pageblock goes to the lists of the new mobility, and the pageblock itself is
 * *claimed* when at least half of it is now free or of a like mobility. The request then gets the
 * smallest block that will do of those that were stolen, which need not be the one that was met. A movable request that
 * meets only smaller blocks takes the smallest and steals nothing: it can be moved away later.
 * Memory that was never used is movable.
 */

#include "allocators/buddy-mobility.h"

#define LARGEST_PAGEBLOCK_ORDER 9 /* 2 MiB of 4 KiB: what a huge page needs, as Linux on x86-64 */

gboolean
buddy_init_pageblocks (Buddy *self, GError **error)
{
  guint64 n;

  self->pageblock_order = MIN (LARGEST_PAGEBLOCK_ORDER, (guint)self->max_order);
  n = buddy_n_pageblocks (self);
  self->pageblocks = g_try_malloc (n);
  if (self->pageblocks == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "the host has no memory for %" G_GUINT64_FORMAT " pageblocks", n);
    return FALSE;
  }
  memset (self->pageblocks, KML_MOBILITY_MOVABLE, n);
  return TRUE;
}

/* Whose blocks are taken first. What is reclaimable goes away by itself, so it disturbs least. */
static const KmlMobility fallbacks[KML_N_MOBILITIES][KML_N_MOBILITIES - 1] = {
  [KML_MOBILITY_UNMOVABLE] = { KML_MOBILITY_RECLAIMABLE, KML_MOBILITY_MOVABLE },
  [KML_MOBILITY_MOVABLE] = { KML_MOBILITY_RECLAIMABLE, KML_MOBILITY_UNMOVABLE },
  [KML_MOBILITY_RECLAIMABLE] = { KML_MOBILITY_UNMOVABLE, KML_MOBILITY_MOVABLE },
};

/* A suitable block of exactly this order among the other mobilities. */
static KmlPfn
find_foreign (Buddy *self, const Wish *wish, guint order)
{
  for (guint i = 0; i < G_N_ELEMENTS (fallbacks[0]); i++) {
    const KmlMobility mobility = fallbacks[wish->mobility][i];
    KmlPfn pfn = find_in_list (self, wish, order, mobility);

    if (pfn == KML_PFN_NONE && order == self->max_order && mobility == self->frontier_mobility)
      pfn = find_in_frontier (self, wish);
    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  return KML_PFN_NONE;
}

static KmlPfn
find_largest_foreign (Buddy *self, const Wish *wish)
{
  for (guint order = (guint)self->max_order + 1; order-- > wish->search_order;) {
    const KmlPfn pfn = find_foreign (self, wish, order);

    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  return KML_PFN_NONE;
}

static KmlPfn
find_smallest_foreign (Buddy *self, const Wish *wish)
{
  for (guint order = wish->search_order; order <= self->max_order; order++) {
    const KmlPfn pfn = find_foreign (self, wish, order);

    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  return KML_PFN_NONE;
}

/* Moves every free block of the pageblock around @pfn to the ends of the lists of @mobility. Returns how
 * many frames of it are free or go well with @mobility. Its blocks lie within it: one of them
 * is free and smaller. */
static KmlPfn
move_pageblock (Buddy *self, KmlPfn pfn, KmlMobility mobility)
{
  const KmlPfn start = pfn & ~(frames_in (self->pageblock_order) - 1);
  const KmlPfn end = (KmlPfn)MIN ((guint64)start + frames_in (self->pageblock_order),
                                  self->base.ram.n_usable);
  const KmlMobility old = self->pageblocks[start >> self->pageblock_order];
  KmlPfn n_free = 0, n_movable = 0, n_other = 0;

  for (KmlPfn at = start; at < end;) {
    const KmlFrame *frame = frame_of (self, at);
    const KmlPfn n_frames = frames_in (frame->order);

    if (frame->state == KML_FRAME_FREE) {
      unlist_block (self, FALSE, at); /* a pair that waits to be joined goes on waiting */
      list_block (self, FALSE, at, frame->order, mobility, TRUE);
      n_free += n_frames;
    } else if (frame->mobility == KML_MOBILITY_MOVABLE) {
      n_movable += n_frames;
    } else {
      n_other += n_frames;
    }
    kml_spend_references (self->base.machine, KML_COST_WARM, 1);
    kml_touch_frame (self->base.machine, frame, KML_TOUCH_READ);
    at += n_frames;
  }
  if (mobility == KML_MOBILITY_MOVABLE)
    return n_free + n_movable;
  return old == KML_MOBILITY_MOVABLE ? n_free + n_other : n_free;
}

/* Claims the pageblocks that are free block @pfn, which is on a foreign list. */
static void
claim_whole (Buddy *self, KmlPfn pfn, KmlMobility mobility)
{
  const KmlPfn n = frames_in (frame_of (self, pfn)->order - self->pageblock_order);

  memset (&self->pageblocks[pfn >> self->pageblock_order], (int)mobility, n);
  self->base.counters[COUNTER_STEALS]++;
  self->base.counters[COUNTER_CLAIMS] += n;
}

/* Takes what there is to take around the smaller free block at @pfn. */
static void
steal_around (Buddy *self, KmlPfn pfn, KmlMobility mobility)
{
  const KmlPfn half = frames_in (self->pageblock_order) / 2;

  self->base.counters[COUNTER_STEALS]++;
  if (move_pageblock (self, pfn, mobility) >= half) {
    self->pageblocks[pfn >> self->pageblock_order] = (guint8)mobility;
    self->base.counters[COUNTER_CLAIMS]++;
  }
}

KmlPfn
buddy_find_fallback (Buddy *self, const Wish *wish)
{
  KmlPfn pfn = find_largest_foreign (self, wish);

  if (pfn == KML_PFN_NONE)
    return KML_PFN_NONE;
  if (wish->mobility == KML_MOBILITY_MOVABLE &&
      frame_of (self, pfn)->order < self->pageblock_order / 2)
    return find_smallest_foreign (self, wish);
  if (frame_of (self, pfn)->order >= self->pageblock_order) {
    claim_whole (self, pfn, wish->mobility);
    return pfn;
  }
  steal_around (self, pfn, wish->mobility);
  return find_smallest (self, wish, wish->mobility);
}
