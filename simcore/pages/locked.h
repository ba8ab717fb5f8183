/* locked.h: an allocator that several CPUs may call.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Allocators are written as if they were alone. On a machine with tasks each is
 * wrapped in a layer that takes the allocator's lock around every call, as zone->lock is taken around the buddy allocator
 * and a cache's list_lock around its slabs. An object allocator that needs a page calls the page allocator with its own lock
 * held, so the two nest as they do in a kernel. Where memory is reclaimed for it, the lock is given back first (preload.h). Around one that
 * takes locks itself (walk_locks) it takes none, and only says who was called and what fails on request.
 *
 * Work upon a block that is nobody else's needs no lock, so Linux has given it back by then: the check of its page frames (prep_new_page()), and its clearing, which
 * for a large block takes longer than all else. So that is done here, after the lock, for the frames that the allocator says it would have checked; if it
 * checks none, all that is held is cleared. Of a block that comes back Linux checks the frames before it takes the lock; here it is after it as well, as nobody knows before how large it is.
 * With a cache model the records are touched in the allocator's path, under the lock; so they are in a refill of per-CPU page lists in Linux, where all is under it.
 *
 * The allocator's own costs contain the lock already (KML_COST_LOCK), so the layer spends nothing for one that is free.
 *
 * Metadata that may be paged out. An allocator's structures lie in memory that is
 * *pinned*, or in memory of the kernel that may be paged out as any other (pager.h); then the layer touches it, with the
 * lock held, as the allocator's first access to it would.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/locks/lock.h"
#include "simcore/pages/pager.h"
#include "simcore/pages/preload.h"

G_BEGIN_DECLS

typedef struct {
  KmlAllocator base;
  KmlLock lock;
  KmlPager *pager;     /* (nullable): borrowed: the metadata is pageable … */
  guint metadata;      /* … and this is its first page there */
  KmlPreload *preload; /* (nullable): borrowed: what lies below an object allocator */
  KmlTime frame_check; /* of a frame, of a page allocator */
} KmlLocked;

/* Around @inner, which is borrowed, and has been started. @name is of the lock, and lives longer. */
KmlLocked *kml_locked_new (KmlAllocator *inner, KmlLockKind kind, const char *name);

/* Whether @allocator is one whose calls are a lock around those of another and no more: the lock can be taken, the other called (base.lower) and the
 * lock given back, by who takes it in steps. (nullable) */
KmlLocked *kml_locked_plain (KmlAllocator *allocator);

/* ---- What is done with the lock, and what without ---- */

/* One that is to be cleared is asked for as it is, … */
KmlAddr kml_locked_ask_uncleared (KmlLocked *self, const KmlRequest *request, guint64 *ret_held);

/* … and cleared. */
void kml_locked_clear (KmlLocked *self, KmlAddr addr, guint64 n_bytes);

/* With the lock. @ret_bytes: of the block, that are to be worked upon without it; 0: there was no memory. */
static inline KmlAddr
kml_locked_ask (KmlLocked *self, const KmlRequest *request, guint64 *ret_held, guint64 *ret_bytes)
{
  KmlAllocator *lower = self->base.lower;
  const KmlAddr addr = G_UNLIKELY (request->gfp & KML_GFP_ZERO)
                           ? kml_locked_ask_uncleared (self, request, ret_held)
                           : kml_allocator_alloc (lower, request, ret_held);

  if (addr == KML_ADDR_NONE)
    *ret_bytes = 0;
  else
    *ret_bytes = lower->n_checked > 0 ? lower->n_checked << lower->ram.page_shift : *ret_held;
  return addr;
}

/* Returns what was held. */
static inline guint64
kml_locked_take_back (KmlLocked *self, KmlAddr addr, const KmlRequest *how, guint64 *ret_bytes)
{
  KmlAllocator *lower = self->base.lower;
  const guint64 held = kml_allocator_free_block (lower, addr, how);

  *ret_bytes = lower->n_checked << lower->ram.page_shift;
  return held;
}

/* Without it. */
static inline void
kml_locked_check (KmlLocked *self, guint64 n_bytes)
{
  self->base.machine->now += self->frame_check * (n_bytes >> self->base.ram.page_shift);
}

static inline void
kml_locked_prepare (KmlLocked *self, const KmlRequest *request, KmlAddr addr, guint64 n_bytes)
{
  kml_locked_check (self, n_bytes);
  if (G_UNLIKELY (request->gfp & KML_GFP_ZERO) && n_bytes > 0)
    kml_locked_clear (self, addr, n_bytes);
}

G_END_DECLS
