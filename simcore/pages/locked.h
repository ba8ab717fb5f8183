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
 * for a large block takes longer than all else. So that is done here, after the lock: the check by what the allocator says of it (frame_check), the clearing by the bytes
 * that are held. Of a block that comes back Linux checks the frames before it takes the lock; here it is after it as well, as nobody knows before how large it is.
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
void kml_locked_clear (KmlLocked *self, KmlAddr addr, guint64 held);

/* With the lock, … */
static inline KmlAddr
kml_locked_ask (KmlLocked *self, const KmlRequest *request, guint64 *ret_held)
{
  if (G_UNLIKELY (request->gfp & KML_GFP_ZERO))
    return kml_locked_ask_uncleared (self, request, ret_held);
  return kml_allocator_alloc (self->base.lower, request, ret_held);
}

/* … and after it. @held: 0: there was no memory. */
static inline void
kml_locked_finish_alloc (KmlLocked *self, const KmlRequest *request, KmlAddr addr, guint64 held)
{
  self->base.machine->now += self->frame_check * (held >> self->base.ram.page_shift);
  if (G_UNLIKELY (request->gfp & KML_GFP_ZERO) && addr != KML_ADDR_NONE)
    kml_locked_clear (self, addr, held);
}

/* After the lock, in which the block was given back. */
static inline void
kml_locked_finish_free (KmlLocked *self, guint64 held)
{
  self->base.machine->now += self->frame_check * (held >> self->base.ram.page_shift);
}

G_END_DECLS
