/* buddy-pieces.c: blocks that become several in use.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A used block whose parts are to be freed separately (Linux's split_page()), and a free block that compaction takes out where it
 * lies (__isolate_free_page()).
 */

#include "allocators/buddy-costs.h"

/* A block that is on no list becomes blocks in use of order @to: two are made of each, again and again. */
static void
use_pieces (Buddy *self, KmlPfn pfn, guint from, guint to, KmlMobility mobility)
{
  KmlMachine *machine = self->base.machine;
  const KmlPfn n_pieces = frames_in (from - to);

  for (KmlPfn i = 0; i < n_pieces; i++) {
    kml_touch_frame (machine, frame_of (self, pfn + (i << to)), KML_TOUCH_WRITE);
    use_block (self, pfn + (i << to), to, to, mobility);
  }
  self->base.counters[COUNTER_SPLITS] += n_pieces - 1;
  for (guint k = from; k > to; k--)
    self->n_split[k] += frames_in (from - k);
  kml_spend (machine, KML_COST_INSTRUCTION, n_pieces * KML_FRAME_INSTRUCTIONS);
  kml_spend_references (machine, KML_COST_WARM, n_pieces);
}

gboolean
buddy_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  Buddy *self = (Buddy *)base;
  const KmlPfn pfn = live_block (self, addr);
  const KmlFrame frame = *frame_of (self, pfn);
  const guint order = order_for (piece >> base->ram.page_shift);

  g_assert ((guint64)frames_in (order) << base->ram.page_shift == piece);
  g_assert (order < frame.order);

  if (kml_frame_own (&frame) != frame.order)
    return FALSE; /* max-splits: nobody asked for the upper part */
  use_pieces (self, pfn, frame.order, order, frame.mobility);
  return TRUE;
}

/* Half a pageblock or more will be movable from now on. */
guint64
buddy_isolate (KmlAllocator *base, KmlAddr addr)
{
  Buddy *self = (Buddy *)base;
  const KmlPfn pfn = kml_ram_pfn (&base->ram, addr);
  const KmlFrame *frame = frame_of (self, pfn);
  const guint order = frame->order;

  if (frame->state != KML_FRAME_FREE)
    return 0;
  remove_block (self, FALSE, pfn);
  if (self->pageblocks != NULL && order + 1 >= self->pageblock_order)
    memset (&self->pageblocks[pfn >> self->pageblock_order], KML_MOBILITY_MOVABLE,
            MAX (frames_in (order) >> self->pageblock_order, 1));
  use_pieces (self, pfn, order, 0, KML_MOBILITY_MOVABLE);
  self->n_steps = 0;
  spend_path (self, FALSE, TRUE, KML_PFN_NONE, 0);
  return frames_in (order);
}

KmlMobility
buddy_mobility_at (const KmlAllocator *base, KmlAddr addr)
{
  const Buddy *self = (const Buddy *)base;

  return self->pageblocks == NULL
             ? KML_N_MOBILITIES
             : self->pageblocks[addr >> base->ram.page_shift >> self->pageblock_order];
}
