/* pager.h: virtual memory of the kernel that may be paged out.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Some of a kernel's memory is *pinned*: always resident. The rest is
 * *pageable*: its pages lie on disk until somebody touches them. Touching one that is
 * not resident is a page fault: the pager takes its lock, gets a page frame, reads
 * the page, enters it in the page table and gives the lock back. Who faults waits for all of it, whatever locks
 * it holds: that is where the trouble comes from.
 *
 * The frame comes from the machine's page allocator as any other request's, or from a *pool* of frames
 * that were set aside for the pager when the machine started.
 *
 * Metadata of an allocator that is pageable lets one thread deadlock with itself: allocator, page fault, pager, allocator. A pager that is *guarded* against
 * that keeps a frame for each page of metadata, and what its own requests touch is always there. The orders of the two locks stay what they are.
 *
 * Not modelled: protection, several address spaces, reading ahead, faults of user programs.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/locks/lock.h"

G_BEGIN_DECLS

typedef struct {
  gboolean is_resident;
  gboolean was_touched; /* since the clock's hand passed */
  gboolean is_dirty;    /* written to since it came */
  gboolean
      keeps_frame; /* pinned; or metadata of an allocator, guarded: it comes into this frame and stays */
  KmlAddr frame;
} KmlPagerPage;

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages; /* borrowed: whom it asks for frames; with all layers around */
  KmlLock lock;
  guint64 pool;        /* frames set aside; 0: none */
  guint64 resident;    /* pages that may be resident at a time; then one goes when another comes */
  gboolean is_guarded; /* neither it nor an allocator calls itself */
  KmlTime read, write; /* a page from the disk, to the disk */

  GArray *table; /* (owned) (element-type KmlPagerPage): the page table */
  GArray *spare; /* (owned) (element-type KmlAddr): of the pool */
  guint n_resident;
  guint hand; /* of the clock */
  guint64 n_faults, n_evicted, n_written, n_no_frame;
} KmlPager;

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages;
  guint64 pool, resident;
  gboolean is_guarded;
  KmlTime read, write;
  KmlLockKind lock;
} KmlPagerConfig;

KmlPager *kml_pager_new (const KmlPagerConfig *config);
void kml_pager_free (KmlPager *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlPager, kml_pager_free)

/* Frames for the pool, before tasks run. FALSE: there are not as many: @error is INPUT. */
gboolean kml_pager_fill_pool (KmlPager *self, GError **error);

/* @n pages more of pageable memory, none resident; returns the first. */
guint kml_pager_add (KmlPager *self, guint n);

/* @n pages more that are pinned: all resident, each in a frame of its own, before tasks run. FALSE: there are not as many frames: @error is INPUT, on @key. */
gboolean kml_pager_add_pinned (KmlPager *self, guint n, const char *key, guint *ret_first,
                               GError **error);

/* A page more for an allocator's metadata, before tasks run. FALSE: guarded, and there is no frame for it: @error is INPUT. */
gboolean kml_pager_add_metadata (KmlPager *self, guint *ret_page, GError **error);

/* What changes in it. */
void kml_pager_remember (KmlPager *self, KmlImage *image);

/* By the running task, which reads or writes it: returns when the page is resident, or FALSE when there is no frame for it. */
gboolean kml_pager_touch (KmlPager *self, guint page, gboolean is_write);

/* The same by an allocator that has its lock. */
void kml_pager_touch_metadata (KmlPager *self, guint page);

G_END_DECLS
