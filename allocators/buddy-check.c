/* buddy-check.c: the invariants of the binary buddy system.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are named in buddy.c.
 */

#include "allocators/buddy.h"

static gboolean
broken (const char *invariant, guint64 pfn, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "invariant %s does not hold at frame %" G_GUINT64_FORMAT, invariant, pfn);
  return FALSE;
}

/* Y1, Y2, Y3; counts the free blocks, those of the lists apart, for Y4 and Y5. */
static gboolean
check_blocks (const Buddy *self, KmlFreeArea *ret_all, KmlFreeArea *ret_listed, GError **error)
{
  const guint64 n_usable = self->base.machine->ram->n_usable;

  for (guint64 at = 0; at < n_usable;) {
    const KmlPfn pfn = (KmlPfn)at;
    const gboolean is_untouched = pfn >= self->frontier && pfn < self->frontier_end;
    const KmlFrame *frame = frame_of (self, pfn);
    KmlBlockState state;
    const guint order = block_at (self, pfn, &state);

    if (is_untouched != (frame->state == KML_FRAME_UNTOUCHED) || frame->state == KML_FRAME_TAIL)
      return broken ("Y1", pfn, error);
    if (order > self->max_order || (pfn & (frames_in (order) - 1)) != 0)
      return broken ("Y2", pfn, error);
    if (at + frames_in (order) > n_usable)
      return broken ("Y1", pfn, error);
    if (state == KML_BLOCK_FREE && order < self->max_order &&
        is_free_block (self, pfn ^ frames_in (order), order))
      return broken ("Y3", pfn, error);
    if (state == KML_BLOCK_FREE)
      kml_free_area_add (ret_all, order, is_untouched ? self->frontier_mobility : frame->mobility);
    if (state == KML_BLOCK_FREE && !is_untouched)
      kml_free_area_add (ret_listed, order, frame->mobility);
    at += frames_in (order);
  }
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

  for (KmlPfn pfn = next_block (self, order, mobility, KML_PFN_NONE); pfn != KML_PFN_NONE;
       pfn = next_block (self, order, mobility, pfn)) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (++n > n_expected || !is_free_block (self, pfn, order) || frame->mobility != mobility)
      return broken ("Y4", pfn, error);
    if (self->list_order != ORDER_ADDRESS && frame->free.prev != before)
      return broken ("Y4", pfn, error);
    before = pfn;
  }
  if (n != n_expected ||
      (self->list_order != ORDER_ADDRESS && self->lists[mobility][order].last != before))
    return broken ("Y4", before, error);
  if ((n > 0) != ((self->nonempty[mobility] >> order & 1) != 0))
    return broken ("Y6", before, error);
  return TRUE;
}

gboolean
buddy_check (const KmlAllocator *base, GError **error)
{
  const Buddy *self = (const Buddy *)base;
  const KmlFreeArea *area = &base->machine->free_area;
  const guint n_mobilities = self->grouping == GROUPING_NONE ? 1 : KML_N_MOBILITIES;
  KmlFreeArea all = { 0 }, listed = { 0 };

  if (!check_blocks (self, &all, &listed, error))
    return FALSE;
  for (guint mobility = 0; mobility < n_mobilities; mobility++)
    for (guint order = 0; order <= self->max_order; order++)
      if (!check_list (self, order, mobility, listed.blocks[mobility][order], error))
        return FALSE;
  if (memcmp (all.blocks, area->blocks, sizeof all.blocks) != 0 || all.n_free != area->n_free)
    return broken ("Y5", 0, error);
  return TRUE;
}
