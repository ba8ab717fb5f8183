/* unequal-buddy.h: buddy systems whose two parts need not be halves.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What `weighted-buddy` and `fibonacci-buddy` share. A buddy system is a list of sizes: the smallest is
 * one page frame, and each of the others is the next smaller one and a second one of the list,
 *
 *     size[k] = size[k - 1] + size[right[k]]
 *
 * which is how a block of *class* k is split into a *left* part and a *right* one. The binary system is the
 * list 1, 2, 4, 8 ... (J. L. Peterson and T. A. Norman, "Buddy Systems", CACM 20(6), June 1977, treat the
 * three alike.)
 *
 * 1. Who is whose buddy
 *
 * From its address alone a block does not know which of the two parts it is, as it does in the binary
 * system. So the record of its first frame says of what class the block was that was split when a
 * block first began there, its *origin*, or that none was: it is a *root*, one of the blocks that
 * memory begins as. The origin is kept while the block is split, joined or in use: of the blocks that begin at
 * one frame one after the other only the largest is a right part, and the others are left ones. So
 *
 *     class = right[origin]     a right part; its buddy ends where it begins, of class origin - 1
 *     class < right[origin]     a left part; its buddy begins where it ends, with the origin class + 1
 *
 * Seven bits here; the papers need two, or a small number, of each block.
 *
 * 2. Allocating
 *
 * A request is rounded up to a size. The first block of the smallest class that has one is split, and of its
 * parts the smaller one that suffices is split on, until there is a block of the right class; each class can be had
 * from each larger one, since the left part is of the next. Otherwise as in buddy.c: free lists in the records
 * of first frames, in the order of `list`; and memory that was never used, from `frontier` on, has no records yet.
 *
 * 3. Constraints
 *
 * Blocks are not aligned to their sizes. A request with constraints looks at free blocks, smallest class first,
 * for a part of its class that keeps them, leaving out what lies above the limit and what holds
 * no multiple of the alignment.
 *
 * 4. Not modelled
 *
 * Mobility; splitting a block in use (its parts would be powers of two, which are not parts of such blocks).
 *
 * 5. Invariants, verified by kml_unequal_buddy_check()
 *
 *   U1  each root, split by the rule, gives the blocks there are: they tile [0, n_usable)
 *   U2  each right part has the class of what it was split from as its origin; each root has none
 *   U3  no two parts of one block are both free and whole
 *   U4  each free block below the frontier, or above the last root of the largest class, is on
 *       the list of its class, each list has no other, and its links agree
 *   U5  the free area counts the free blocks
 *   U6  a class is marked as non-empty if and only if its list is not
 *   U7  there are as many split blocks as splits less merges
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/memory/frame-list.h"
#include "simcore/memory/frame-set.h"

G_BEGIN_DECLS

#define KML_UNEQUAL_CLASSES 63 /* at most: each is a bit of a word, and an origin of seven bits */
#define KML_UNEQUAL_ROOT    127

typedef struct {
  KmlAllocator base;
  guint64 max_frames;
  guint list_order; /* KmlUnequalOrder */

  guint n_classes;
  KmlPfn sizes[KML_UNEQUAL_CLASSES];  /* page frames, ascending */
  guint8 rights[KML_UNEQUAL_CLASSES]; /* sizes[k] = sizes[k - 1] + sizes[rights[k]], k > 0 */

  KmlPfn frontier;     /* roots of the largest class from here ... */
  KmlPfn frontier_end; /* ... to here were never used */
  guint64 n_steps;     /* splits and merges of the operation at hand, for its cost */
  KmlAddr statics;     /* of the lists' heads, for a cache model */
  guint64 nonempty;    /* bit k: the list of class k is not empty */
  KmlFrameList lists[KML_UNEQUAL_CLASSES];
  KmlFrameSet sets[KML_UNEQUAL_CLASSES]; /* members: frames; KML_UNEQUAL_ADDRESS alone */
} KmlUnequalBuddy;

typedef enum {
  KML_UNEQUAL_LIFO,
  KML_UNEQUAL_FIFO,
  KML_UNEQUAL_ADDRESS,
} KmlUnequalOrder;

enum {
  KML_UNEQUAL_SPLITS,
  KML_UNEQUAL_MERGES,
};

extern const KmlParam kml_unequal_buddy_params[];
extern const KmlCounterInfo kml_unequal_buddy_counters[];

/* The next larger class has blocks of @size frames; the first is 1. It must be the sum of the largest size so
 * far and another one, or that one again. */
void kml_unequal_buddy_add_class (KmlUnequalBuddy *self, KmlPfn size);

/* The slots of the table. init() adds its classes, then returns start(). */
gboolean kml_unequal_buddy_start (KmlUnequalBuddy *self, GError **error);
void kml_unequal_buddy_finish (KmlAllocator *base);
KmlAddr kml_unequal_buddy_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held);
guint64 kml_unequal_buddy_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how);
gboolean kml_unequal_buddy_remember (KmlAllocator *base, KmlImage *image);
void kml_unequal_buddy_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
void kml_unequal_buddy_state (const KmlAllocator *base, GArray *words);
gboolean kml_unequal_buddy_check (const KmlAllocator *base, GError **error);

/* ---- Between the pieces ---- */

static inline KmlFrame *
kml_unequal_frame (const KmlUnequalBuddy *self, KmlPfn pfn)
{
  return kml_ram_frame (&self->base.ram, pfn);
}

/* The class of the root at @pfn: the largest that fits in what was left of memory there. */
guint kml_unequal_buddy_root_class (const KmlUnequalBuddy *self, KmlPfn pfn);

/* The block that comes first in the list's order, or after @after; KML_PFN_NONE: no more. */
KmlPfn kml_unequal_buddy_next (const KmlUnequalBuddy *self, guint class, KmlPfn after);

G_END_DECLS
