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
} KmlLocked;

/* Around @inner, which is borrowed. @name is of the lock, and lives longer. */
KmlLocked *kml_locked_new (KmlAllocator *inner, KmlLockKind kind, const char *name);

/* Whether @allocator is one whose calls are a lock around those of another and no more: the lock can be taken, the other called (base.lower) and the
 * lock given back, by who takes it in steps. (nullable) */
KmlLocked *kml_locked_plain (KmlAllocator *allocator);

G_END_DECLS
