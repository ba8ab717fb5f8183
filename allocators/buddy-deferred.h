/* buddy-deferred.h: merges that are put off, so that no operation takes too long.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "allocators/buddy.h"

G_BEGIN_DECLS

/* Joins pairs that wait, oldest first, and what they make with its buddies, by at most @n_most
 * merges in all. Returns how many it took. */
guint64 buddy_join_deferred (Buddy *self, guint64 n_most);

/* Whether the block, whose buddy is in use, would be joined twice once that is freed: then it is better left alone until it is. */
static inline gboolean
will_be_joined_twice (Buddy *self, KmlPfn pfn, guint order)
{
  const KmlPfn other = (pfn & ~frames_in (order)) ^ frames_in (order + 1);

  if (order + 1 >= self->max_order)
    return FALSE;
  buddy_look_at (self, other);
  kml_spend_references (self->base.machine, KML_COST_WARM, 1);
  return is_free_block (self, other, order + 1);
}

/* Frees the block, which is on no list, and joins it with its buddies for as long as they are
 * free, by at most @n_most merges; one more that would be possible is put off. Returns how many
 * it took. */
static BUDDY_INLINE guint
join_block (Buddy *self, gboolean is_usual, KmlPfn pfn, guint order, KmlMobility mobility,
            guint n_most)
{
  const guint first = order;
  const guint last = MIN ((guint)self->max_order, order + n_most);

  for (; order < last; order++) {
    const KmlPfn buddy = pfn ^ frames_in (order);

    if (!is_usual && G_UNLIKELY (self->has_caches))
      buddy_look_at (self, buddy);
    if (!is_free_block (self, buddy, order))
      break;
    remove_block (self, is_usual, buddy);
    pfn &= buddy; /* the lower of the two */
    self->n_split[order + 1]--;
  }
  put_block_at (self, is_usual, pfn, order, mobility,
                !is_usual && self->list_order == ORDER_LINUX &&
                    will_be_joined_twice (self, pfn, order));
  if (G_UNLIKELY (order == last && last < self->max_order) &&
      is_free_block (self, pfn ^ frames_in (order), order))
    buddy_defer (self, pfn);
  return order - first;
}

G_END_DECLS
