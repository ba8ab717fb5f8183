/* buddy-check.c: the invariants of the binary buddy system.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are named in buddy.c.
 */

#include "allocators/buddy.h"

/* What a walk over the blocks has found. */
typedef struct {
  KmlFreeArea all, listed;             /* free blocks; those of the lists apart, for Y4 and Y5 */
  guint64 n_blocks[KML_MAX_ORDER + 1]; /* free or used, for Y7 */
  guint64 n_pairs;                     /* of free buddies, for Y3 */
} Found;

/* Y3 at the free block at @pfn. */
static gboolean
check_buddy (const Buddy *self, KmlPfn pfn, guint order, Found *found)
{
  const KmlPfn buddy = pfn ^ frames_in (order);
  const gboolean is_pair = order < self->max_order && is_free_block (self, buddy, order);
  const guint8 expected = is_pair ? FLAG_QUEUED : 0;

  if (is_pair && pfn < buddy)
    found->n_pairs++;
  return frame_of (self, pfn)->flags == expected;
}

/* Y1, Y2, Y3 */
static gboolean
check_blocks (const Buddy *self, Found *found, GError **error)
{
  const guint64 n_usable = self->base.ram.n_usable;

  for (guint64 at = 0; at < n_usable;) {
    const KmlPfn pfn = (KmlPfn)at;
    const gboolean is_untouched = pfn >= self->frontier && pfn < self->frontier_end;
    const KmlFrame *frame = frame_of (self, pfn);
    KmlBlockState state;
    const guint order = block_at (self, pfn, &state);

    if (is_untouched != (frame->state == KML_FRAME_UNTOUCHED) || frame->state == KML_FRAME_TAIL)
      return kml_allocator_broken ("Y1", "frame", pfn, error);
    if (order > self->max_order || (pfn & (frames_in (order) - 1)) != 0)
      return kml_allocator_broken ("Y2", "frame", pfn, error);
    if (at + frames_in (order) > n_usable)
      return kml_allocator_broken ("Y1", "frame", pfn, error);
    if (state == KML_BLOCK_FREE && !check_buddy (self, pfn, order, found))
      return kml_allocator_broken ("Y3", "frame", pfn, error);
    if (state == KML_BLOCK_FREE)
      kml_free_area_add (&found->all, order,
                         is_untouched ? self->frontier_mobility : frame->mobility);
    if (state == KML_BLOCK_FREE && !is_untouched)
      kml_free_area_add (&found->listed, order, frame->mobility);
    found->n_blocks[order]++;
    at += frames_in (order);
  }
  return TRUE;
}

/* Y3: the queue has the pairs that were found. One that goes in a circle is found out by counting. */
static gboolean
check_queue (const Buddy *self, guint64 n_expected, GError **error)
{
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = self->first_pair; pfn != KML_PFN_NONE;
       pfn = frame_of (self, pfn)->free.queue_next) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (++n > n_expected || frame->state != KML_FRAME_FREE || !(frame->flags & FLAG_QUEUED) ||
        (pfn & frames_in (frame->order)) != 0 || frame->free.queue_prev != before)
      return kml_allocator_broken ("Y3", "frame", pfn, error);
    before = pfn;
  }
  if (n != n_expected || n != self->n_pairs || self->last_pair != before)
    return kml_allocator_broken ("Y3", "frame", before, error);
  return TRUE;
}

/* Y7. At the beginning RAM is whole blocks of the largest order, and one of each smaller order whose
 * bit the number of frames has. */
static gboolean
check_steps (const Buddy *self, const Found *found, GError **error)
{
  const guint64 n_usable = self->base.ram.n_usable;
  guint64 n_split = 0;

  for (guint order = 0; order <= self->max_order; order++) {
    const guint64 n_first = order == self->max_order ? n_usable >> order : n_usable >> order & 1;
    const guint64 n_halves = order == self->max_order ? 0 : 2 * self->n_split[order + 1];

    if (self->n_split[order] > n_usable || /* more merges than splits */
        found->n_blocks[order] + self->n_split[order] != n_first + n_halves)
      return kml_allocator_broken ("Y7", "frame", order, error);
    n_split += self->n_split[order];
  }
  if (self->base.counters[COUNTER_SPLITS] - self->base.counters[COUNTER_MERGES] != n_split)
    return kml_allocator_broken ("Y7", "frame", 0, error);
  return TRUE;
}

/* Y4 for one list: as many blocks as were found, each of the right kind, linked both ways. A
 * list that is too long, or goes in a circle, is found out by counting. */
static gboolean
check_list (const Buddy *self, guint order, KmlMobility mobility, guint64 n_expected,
            GError **error)
{
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = next_block (self, FALSE, order, mobility, KML_PFN_NONE); pfn != KML_PFN_NONE;
       pfn = next_block (self, FALSE, order, mobility, pfn)) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (++n > n_expected || !is_free_block (self, pfn, order) || frame->mobility != mobility)
      return kml_allocator_broken ("Y4", "frame", pfn, error);
    if (self->list_order != ORDER_ADDRESS && frame->free.prev != before)
      return kml_allocator_broken ("Y4", "frame", pfn, error);
    before = pfn;
  }
  if (n != n_expected ||
      (self->list_order != ORDER_ADDRESS && self->lists[mobility][order].last != before))
    return kml_allocator_broken ("Y4", "frame", before, error);
  if ((n > 0) != ((self->nonempty[mobility] >> order & 1) != 0))
    return kml_allocator_broken ("Y6", "frame", before, error);
  return TRUE;
}

gboolean
buddy_check (const KmlAllocator *base, GError **error)
{
  const Buddy *self = (const Buddy *)base;
  const KmlFreeArea *area = base->free_area;
  const guint n_mobilities = self->grouping == GROUPING_NONE ? 1 : KML_N_MOBILITIES;
  Found found = { 0 };

  if (!check_blocks (self, &found, error) || !check_queue (self, found.n_pairs, error) ||
      !check_steps (self, &found, error))
    return FALSE;
  for (guint mobility = 0; mobility < n_mobilities; mobility++)
    for (guint order = 0; order <= self->max_order; order++)
      if (!check_list (self, order, mobility, found.listed.blocks[mobility][order], error))
        return FALSE;
  if (memcmp (found.all.blocks, area->blocks, sizeof area->blocks) != 0 ||
      found.all.n_free != area->n_free)
    return kml_allocator_broken ("Y5", "frame", 0, error);
  return TRUE;
}
