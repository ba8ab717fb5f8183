/* free-area.h: how much is free, in blocks of which order.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The page allocator keeps these counts as it works, so fragmentation costs an
 * addition and not a walk, and means the same for every page allocator: a free
 * run that is not a power of two is counted as the naturally aligned blocks
 * it can be cut into, largest first, as /proc/buddyinfo would show it.
 * The conformance suite holds the counts against walk().
 *
 * External fragmentation for an order j is Mel Gorman's unusable free space
 * index (Gorman & Whitcroft, "The What, The Why and the Where To of
 * Anti-Fragmentation", OLS 2006):
 *
 *     1 - (free frames in blocks of order >= j) / (free frames)
 *
 * Of a request that fails, their *fragmentation index* says why (Gorman & Whitcroft, "Supporting the Allocation of Large Contiguous
 * Regions of Memory", OLS 2007, and mm/vmstat.c of Linux, which shows both indices in thousandths under debugfs, extfrag/):
 *
 *     1 - (1 + (free frames) / 2^j) / (free blocks)       towards 0 for want of memory, towards 1 for fragmentation
 *
 * and -1 when there is a block for it, so that it does not fail.
 *
 * Of one order, which somebody watches, the numerator is counted too: its index after every operation costs no sum over all
 * orders. Most blocks are smaller than that, and then it is a comparison.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef struct {
  guint64 blocks[KML_N_MOBILITIES][KML_MAX_ORDER + 1]; /* free blocks */
  guint64 n_free;      /* page frames: always the sum over blocks[m][k] << k */
  guint64 n_large;     /* of them in blocks of the order that is watched, or above */
  guint watched_order; /* see kml_free_area_watch() */
  /* 0 whenever a count has changed; who has looked says when he wants to look again at the latest */
  KmlTime look_at;
} KmlFreeArea;

/* Since somebody looked. */
static inline gboolean
kml_free_area_has_changed (const KmlFreeArea *self)
{
  return self->look_at == 0;
}

/* From now on n_large is about @order. At first it is about order 0, which is all. */
void kml_free_area_watch (KmlFreeArea *self, guint order);

/* @n blocks more. */
static inline void
kml_free_area_add_blocks (KmlFreeArea *self, guint order, guint64 n, KmlMobility mobility)
{
  self->blocks[mobility][order] += n;
  self->n_free += n << order;
  if (G_UNLIKELY (order >= self->watched_order))
    self->n_large += n << order;
  self->look_at = 0;
}

static inline void
kml_free_area_add (KmlFreeArea *self, guint order, KmlMobility mobility)
{
  kml_free_area_add_blocks (self, order, 1, mobility);
}

static inline void
kml_free_area_remove (KmlFreeArea *self, guint order, KmlMobility mobility)
{
  g_assert (self->blocks[mobility][order] > 0);
  self->blocks[mobility][order]--;
  self->n_free -= G_GUINT64_CONSTANT (1) << order;
  if (G_UNLIKELY (order >= self->watched_order))
    self->n_large -= G_GUINT64_CONSTANT (1) << order;
  self->look_at = 0;
}

/* For runs that are not one aligned power of two. */
void kml_free_area_add_run (KmlFreeArea *self, KmlPfn first, guint64 n_frames,
                            KmlMobility mobility);
void kml_free_area_remove_run (KmlFreeArea *self, KmlPfn first, guint64 n_frames,
                               KmlMobility mobility);

/* Free frames in blocks of at least @order. */
guint64 kml_free_area_suitable (const KmlFreeArea *self, guint order);

/* The unusable free space index of @order in [0, 1]; 0 when nothing is free. */
double kml_free_area_unusable (const KmlFreeArea *self, guint order);

/* Both indices as Linux has them, in thousandths with its roundings, of @counts[k] free blocks of order k < @n_orders. Where
 * nothing is free, all of it is unusable, 1000, and the fragmentation index is 0. */
gint kml_linux_unusable_index (const guint64 *counts, guint n_orders, guint order);
gint kml_linux_fragmentation_index (const guint64 *counts, guint n_orders, guint order);

/* The latter, of all free blocks. */
gint kml_free_area_fragmentation_index (const KmlFreeArea *self, guint order);

G_END_DECLS
