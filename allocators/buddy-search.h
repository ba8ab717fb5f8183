/* buddy-search.h: which free block of the binary buddy system suits a request.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Section 6 of buddy.c. Without constraints the first block of the first list that is
 * not empty suits; so this is a bit trick and a load, and inline.
 */

#pragma once

#include "allocators/buddy.h"

G_BEGIN_DECLS

/* What a request comes to. */
typedef struct {
  guint order;          /* of the block that it gets */
  guint search_order;   /* of the block that this is cut from: >= order */
  KmlPfn alignment;     /* frames; what search_order does not give by itself */
  KmlPfn end;           /* the block ends at or below this frame */
  KmlMobility mobility; /* of the lists to look in first */
} Wish;

/* FALSE: no block can ever be suitable. */
static inline gboolean
wish_constraints (const Buddy *self, const KmlRequest *request, Wish *wish)
{
  const KmlRam *ram = &self->base.ram;
  const KmlConstraints *constraints = request->constraints;
  const guint64 alignment = constraints->alignment >> ram->page_shift; /* 0: less than a page */

  if (constraints->boundary != 0 && request->size > constraints->boundary)
    return FALSE;
  if (constraints->limit != 0)
    wish->end = (KmlPfn)MIN (constraints->limit >> ram->page_shift, ram->n_usable);
  if (alignment > ram->n_usable)
    wish->end = MIN (wish->end, frames_in (wish->order)); /* frame 0 is aligned to anything */
  wish->search_order = (guint)MIN (MAX (order_for (alignment), wish->order), self->max_order);
  wish->alignment = alignment > ram->n_usable ? 0 : (KmlPfn)alignment;
  return TRUE;
}

/* Of whose lists a request is served first. */
static inline KmlMobility
wished_mobility (const Buddy *self, const KmlRequest *request)
{
  return self->grouping == GROUPING_MOBILITY ? request->mobility : KML_MOBILITY_UNMOVABLE;
}

static inline gboolean
make_wish (const Buddy *self, const KmlRequest *request, Wish *ret_wish)
{
  const KmlRam *ram = &self->base.ram;
  Wish wish = { .end = ram->n_usable };

  wish.order = order_for (request->size >> ram->page_shift);
  if (wish.order > self->max_order)
    return FALSE;
  wish.search_order = wish.order;
  wish.mobility = wished_mobility (self, request);
  if (request->constraints != NULL && !wish_constraints (self, request, &wish))
    return FALSE;
  *ret_wish = wish;
  return TRUE;
}

/* Of a suitable block the lowest part is kept. */
static inline gboolean
is_suitable (const Wish *wish, KmlPfn pfn)
{
  return (wish->alignment == 0 || (pfn & (wish->alignment - 1)) == 0) && pfn < wish->end &&
         wish->end - pfn >= frames_in (wish->order);
}

/* The frontier moves over one block, which goes to a list. */
static inline void
touch_frontier (Buddy *self)
{
  const KmlPfn pfn = self->frontier;

  self->frontier += frames_in ((guint)self->max_order);
  kml_free_area_remove (self->base.free_area, (guint)self->max_order, self->frontier_mobility);
  put_block (self, FALSE, pfn, (guint)self->max_order, self->frontier_mobility);
}

/* A suitable block beyond the frontier becomes one of the lists'. */
static inline KmlPfn
find_in_frontier (Buddy *self, const Wish *wish)
{
  const guint64 alignment = MAX (wish->alignment, 1);
  const guint64 pfn = (self->frontier + alignment - 1) & ~(alignment - 1);

  if (pfn >= self->frontier_end || !is_suitable (wish, (KmlPfn)pfn))
    return KML_PFN_NONE;
  while (self->frontier <= pfn)
    touch_frontier (self);
  return (KmlPfn)pfn;
}

/* The first suitable block of this list. Without constraints that is the first. */
static inline KmlPfn
find_in_list (const Buddy *self, const Wish *wish, guint order, KmlMobility mobility)
{
  KmlPfn pfn = next_block (self, FALSE, order, mobility, KML_PFN_NONE);

  while (pfn != KML_PFN_NONE && !is_suitable (wish, pfn)) {
    kml_spend_references (self->base.machine, KML_COST_WARM, 1);
    kml_touch_frame (self->base.machine, frame_of (self, pfn), KML_TOUCH_READ);
    pfn = next_block (self, FALSE, order, mobility, pfn);
  }
  return pfn;
}

/* What find_smallest() finds on the lists where every block suits that is large enough. */
static BUDDY_INLINE KmlPfn
find_plain (const Buddy *self, gboolean is_usual, guint order, KmlMobility mobility)
{
  const guint32 orders = self->nonempty[mobility] & (guint32)(G_MAXUINT64 << order);

  return orders == 0
             ? KML_PFN_NONE
             : next_block (self, is_usual, (guint)__builtin_ctz (orders), mobility, KML_PFN_NONE);
}

/* The smallest suitable block of one mobility. */
static inline KmlPfn
find_smallest (Buddy *self, const Wish *wish, KmlMobility mobility)
{
  guint32 orders = self->nonempty[mobility] & (G_MAXUINT32 << wish->search_order);

  for (; orders != 0; orders &= orders - 1) {
    const KmlPfn pfn = find_in_list (self, wish, (guint)__builtin_ctz (orders), mobility);

    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  if (mobility == self->frontier_mobility)
    return find_in_frontier (self, wish);
  return KML_PFN_NONE;
}

G_END_DECLS
