/* preload.h: pages for an object allocator whose lock must not be held while memory is reclaimed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An object allocator that needs a page asks for it in the middle of its work, with its lock held (locked.h). Nobody may sleep then, so such a
 * request can have what is free, and no more. Where that is not enough and the request may sleep, the lock is given back, the pages are fetched
 * without it, and the work begins anew with them at hand: as Linux's radix_tree_preload() does it, and as SLUB gives its
 * lock back before it asks. This layer lies between the two allocators: it takes the right to sleep away, remembers what was missing,
 * and hands out what was fetched.
 *
 * Invariant:
 *   W1  what was fetched is handed out once, or given back
 */

#pragma once

#include "simcore/allocator.h"

G_BEGIN_DECLS

/* One call of the object allocator: on the stack of who makes it. */
typedef struct {
  KmlAddr addr;       /* pages that lie ready, KML_ADDR_NONE: none … */
  guint64 size, held; /* … and so many bytes of them */
  KmlRequest missing; /* the last request for pages that got nothing; size 0: there was none */
  KmlConstraints constraints; /* what its constraints were */
} KmlPreloadCall;

typedef struct {
  KmlAllocator base;
  KmlPreloadCall *call; /* (nullable): of who has the object allocator's lock */
} KmlPreload;

/* Around the page level @pages, which is borrowed; the object allocator has it as its lower one. */
KmlPreload *kml_preload_new (KmlAllocator *pages);

/* Fetches what @call is missing, with the flags that it was asked for with. No lock is held: it may sleep. FALSE: there is none, or what was
 * fetched before was not what was needed. */
gboolean kml_preload_fetch (KmlPreload *self, KmlPreloadCall *call);

/* Gives back what nobody needed. */
void kml_preload_end (KmlPreload *self, KmlPreloadCall *call);

G_END_DECLS
