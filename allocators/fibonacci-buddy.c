/* fibonacci-buddy.c: the Fibonacci buddy system: sizes 1, 2, 3, 5, 8, 13 ...
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Daniel S. Hirschberg, "A Class of Dynamic Memory Allocation Algorithms", CACM 16(10), October
 * 1973, after a remark of Knuth's (The Art of Computer Programming, vol. 1, section 2.5).
 *
 * A block whose size is a Fibonacci number is split into the two before it, the larger one to
 * the left:
 *
 *     frame   0   1   2   3   4   5   6   7
 *            [                             ]    8 = 5 + 3
 *            [                 ]                5 = 3 + 2
 *                               [          ]    3 = 2 + 1
 *            [          ]                       3
 *                        [     ]                2 = 1 + 1
 *
 * Sizes grow by the golden ratio, 1.618, where the binary system's grow by 2 and those of the weighted one by 4/3 and 3/2
 * in turn, so of sizes that are uniform up to one of them it wastes 19.1 %, between the
 * two. No block is aligned to anything.
 *
 * Hirschberg finds the buddy with a count in each left part; J. A. Cranston and R. Thomas, "A Simplified Recombination
 * Scheme for the Fibonacci Buddy System", CACM 18(6), 1975, with two bits; here it is found as
 * in any system of unequal parts.
 *
 * How a block finds its buddy, what a request does, costs, invariants: unequal-buddy.h.
 */

#include "allocators/unequal-buddy.h"

static gboolean
fibonacci_init (KmlAllocator *base, GError **error)
{
  KmlUnequalBuddy *self = (KmlUnequalBuddy *)base;

  for (KmlPfn size = 1, next = 2; size <= self->max_frames;) {
    const KmlPfn sum = size + next;

    kml_unequal_buddy_add_class (self, size);
    size = next;
    next = sum;
  }
  return kml_unequal_buddy_start (self, error);
}

static const KmlAllocatorOps fibonacci_buddy_ops = {
  .name = "fibonacci-buddy",
  .summary = "buddy system of the sizes 1, 2, 3, 5, 8 and so on",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (KmlUnequalBuddy),
  .params = kml_unequal_buddy_params,
  .counters = kml_unequal_buddy_counters,
  .init = fibonacci_init,
  .finish = kml_unequal_buddy_finish,
  .alloc = kml_unequal_buddy_alloc,
  .free = kml_unequal_buddy_free,
  .remember = kml_unequal_buddy_remember,
  .walk = kml_unequal_buddy_walk,
  .state = kml_unequal_buddy_state,
  .check = kml_unequal_buddy_check,
};

KML_REGISTER_ALLOCATOR (fibonacci_buddy_ops)
