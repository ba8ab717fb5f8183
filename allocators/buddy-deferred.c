/* buddy-deferred.c: merges that are put off, so that no operation takes too long.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Why
 *
 * A request may split from the largest order down to the smallest, a free may join all the way
 * back, and both with the lock held. Where the worst case counts and not the mean, max-splits and
 * max-merges bound the steps of one operation. What is left undone costs memory instead of time,
 * and is counted.
 *
 * 2. Merges
 *
 * A free that has used up max-merges lists its block as it is. If the buddy is free then, the two
 * are a *deferred pair*: both are ordinary free blocks, which any request may take, and the
 * pair waits on a queue. It is joined
 *
 *   - by a later free, with what its own block has left of max-merges, the oldest pair first;
 *   - by a request that would fail otherwise, with up to max-merges merges; then it looks again.
 *     If that is not enough it fails, but what it has joined stays joined: the next is further on;
 *   - by shrink(), all of them: what a kernel would do when it is idle.
 *
 * A pair of which one is taken is forgotten. What a merge makes may have a free buddy, too: it
 * goes on being joined, or is a pair itself. With max-merges = 0 only shrink() joins.
 *
 *     max-merges = 1, frame 0 of eight is freed, the last in use:
 *
 *     U|.|..|....|      ..|..|....|        ....|....|         ........|
 *                       0 joined with 1,   a later free       and another
 *                       (0-1, 2-3) waits   or request
 *
 * 3. Splits
 *
 * A request whose block would need more than max-splits splits gets what max-splits leave of it:
 * a larger block than necessary, whole, until it is freed (counters oversized, omitted_splits;
 * the waste is internal fragmentation). The halves that were split off are there for the next,
 * so a burst of small requests soon finds small blocks. Such a block is not split up while in use.
 *
 * 4. Not limited
 *
 * The search through a list for an alignment or a limit of address, the move of a pageblock to another
 * mobility, and the check of each frame's flags, which takes time in proportion to the size asked for.
 *
 * 5. Roads not taken
 *
 * - To fail where a split is forbidden. A request that real-time code makes is to succeed; and
 *   memory would be lost for small requests for ever once it was joined.
 * - To cut the block later, behind its owner's back: the owner was told how much it holds.
 * - To split in advance, so that each order has a block in stock. Then free buddies must be kept
 *   from joining although nobody is late, which makes external fragmentation of what is only a
 *   guess. Deferred pairs are such a stock, of the sizes that were really in use.
 * - A lazy buddy system (R. E. Barkley and T. P. Lee, "A Lazy Buddy System Bounded by Two
 *   Coalescing Delays per Class", SOSP 1989) leaves blocks unjoined so as to do less in the mean;
 *   here as much is done in the mean, and less at once.
 * - To give the allocation that fails the pairs that help it first: to find them is a search
 *   over the queue, as long as the queue.
 */

#include "allocators/buddy-deferred.h"

void
buddy_defer (Buddy *self, KmlPfn pfn)
{
  const KmlPfn partner = pfn ^ frames_in (frame_of (self, pfn)->order);
  const KmlPfn lower = MIN (pfn, partner);
  KmlFrame *frame = frame_of (self, lower);

  kml_touch_frame (self->base.machine, frame, KML_TOUCH_WRITE);
  frame->flags |= FLAG_QUEUED;
  frame_of (self, MAX (pfn, partner))->flags |= FLAG_QUEUED;
  frame->free.queue_prev = self->last_pair;
  frame->free.queue_next = KML_PFN_NONE;
  if (self->last_pair != KML_PFN_NONE) {
    kml_touch_frame (self->base.machine, frame_of (self, self->last_pair), KML_TOUCH_WRITE);
    frame_of (self, self->last_pair)->free.queue_next = lower;
  } else {
    self->first_pair = lower;
  }
  self->last_pair = lower;
  self->n_pairs++;
  self->base.counters[COUNTER_DEFERRED_MERGES]++;
  /* the lower one and the one before */
  kml_spend_references (self->base.machine, KML_COST_WARM, 2);
}

void
buddy_undefer (Buddy *self, KmlPfn pfn)
{
  const KmlPfn partner = pfn ^ frames_in (frame_of (self, pfn)->order);
  const KmlFrame *frame = frame_of (self, MIN (pfn, partner));

  frame_of (self, pfn)->flags &= (guint8)~FLAG_QUEUED;
  frame_of (self, partner)->flags &= (guint8)~FLAG_QUEUED;
  kml_touch_frame (self->base.machine, frame_of (self, partner), KML_TOUCH_WRITE);
  if (frame->free.queue_prev != KML_PFN_NONE) {
    kml_touch_frame (self->base.machine, frame_of (self, frame->free.queue_prev), KML_TOUCH_WRITE);
    frame_of (self, frame->free.queue_prev)->free.queue_next = frame->free.queue_next;
  } else {
    self->first_pair = frame->free.queue_next;
  }
  if (frame->free.queue_next != KML_PFN_NONE) {
    kml_touch_frame (self->base.machine, frame_of (self, frame->free.queue_next), KML_TOUCH_WRITE);
    frame_of (self, frame->free.queue_next)->free.queue_prev = frame->free.queue_prev;
  } else {
    self->last_pair = frame->free.queue_prev;
  }
  self->n_pairs--;
  kml_spend_references (self->base.machine, KML_COST_WARM, 3); /* the partner and two neighbours */
}

guint64
buddy_join_deferred (Buddy *self, guint64 n_most)
{
  guint64 n = 0;

  while (n < n_most && self->first_pair != KML_PFN_NONE) {
    const KmlPfn pfn = self->first_pair;
    const guint order = frame_of (self, pfn)->order;

    remove_block (self, FALSE, pfn); /* which ends the pair */
    n += join_block (self, FALSE, pfn, order, home_of (self, pfn),
                     (guint)MIN (n_most - n, KML_MAX_ORDER));
  }
  self->base.counters[COUNTER_LATE_MERGES] += n;
  self->base.counters[COUNTER_MERGES] += n;
  return n;
}
