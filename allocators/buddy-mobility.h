/* buddy-mobility.h: what a request takes when its mobility has nothing left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "allocators/buddy-search.h"

G_BEGIN_DECLS

static inline guint64
buddy_n_pageblocks (const Buddy *self)
{
  return ((guint64)self->base.ram.n_usable >> self->pageblock_order) + 1;
}

/* Sets up self->pageblocks, all movable. Errors are WORLD. */
gboolean buddy_init_pageblocks (Buddy *self, GError **error);

/* A free block of another mobility, or KML_PFN_NONE. The block, and what is free around it, may be on the
 * lists of wish->mobility now. */
KmlPfn buddy_find_fallback (Buddy *self, const Wish *wish);

G_END_DECLS
