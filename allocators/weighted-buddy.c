/* weighted-buddy.c: the weighted buddy system: sizes 2^k and 3 * 2^k.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kenneth K. Shen and James L. Peterson, "A Weighted Buddy Method for Dynamic Storage
 * Allocation", CACM 17(10), October 1974.
 *
 * A block of 4 * 2^k is split in the ratio of 3 to 1, one of 3 * 2^k in the ratio of 2 to 1:
 *
 *     frame   0   1   2   3   4   5   6   7        class   size   parts
 *            [                             ] 8       5       8    6 + 2
 *            [                     ]              4       6    4 + 2
 *                                   [      ] 2       3       4    3 + 1
 *            [             ]                      2       3    2 + 1
 *                           [      ]              1       2    1 + 1
 *            [         ]    3 and 1               0       1
 *
 * With twice as many sizes as the binary system it wastes less inside of blocks: 1/7 of sizes that are uniform
 * up to a power of two, where that one wastes 1/4. But a part and its buddy are less alike, so
 * what is left over fits less often: outside of blocks it wastes more (the paper's simulations).
 *
 * The paper splits down to blocks of any size; frames cannot be split. A block of 2 would be split
 * into 1 1/2 and 1/2, so here it is halved, or single frames could be had only from blocks of 3 and 4.
 *
 * How a block finds its buddy, what a request does, costs, invariants: unequal-buddy.h.
 */

#include "allocators/unequal-buddy.h"

static gboolean
weighted_init (KmlAllocator *base, GError **error)
{
  KmlUnequalBuddy *self = (KmlUnequalBuddy *)base;

  kml_unequal_buddy_add_class (self, 1);
  for (KmlPfn power = 2; power <= self->max_frames; power *= 2) {
    kml_unequal_buddy_add_class (self, power);
    if (power / 2 * 3 <= self->max_frames)
      kml_unequal_buddy_add_class (self, power / 2 * 3);
  }
  return kml_unequal_buddy_start (self, error);
}

static const KmlAllocatorOps weighted_buddy_ops = {
  .name = "weighted-buddy",
  .summary = "buddy system of the sizes 2^k and 3 * 2^k",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (KmlUnequalBuddy),
  .params = kml_unequal_buddy_params,
  .counters = kml_unequal_buddy_counters,
  .init = weighted_init,
  .finish = kml_unequal_buddy_finish,
  .alloc = kml_unequal_buddy_alloc,
  .free = kml_unequal_buddy_free,
  .remember = kml_unequal_buddy_remember,
  .walk = kml_unequal_buddy_walk,
  .state = kml_unequal_buddy_state,
  .check = kml_unequal_buddy_check,
};

KML_REGISTER_ALLOCATOR (weighted_buddy_ops)
