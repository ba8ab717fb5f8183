/* page-runs.h: the runs of page frames that an object allocator has from the page level.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An object allocator cuts objects out of runs of frames (slabs, pools), and hands
 * whole runs on when a request is too large or too picky for that. Both are told apart, and found
 * again from an address, by the records of their frames, as Linux's struct page leads from an
 * object to its slab:
 *
 *     frame        8      9      10     11   |  40     41     42
 *     state        USED   TAIL   TAIL   TAIL |  USED   (the page level's)
 *     flags        SLAB   SLAB   SLAB   SLAB |  SLAB
 *     slab.head    8      8      8      8    |  40
 *     size_class   the owner's number        |  KML_PAGE_RUN_LARGE
 *
 * Every frame of a run of its own use leads to the first one and says what kind of run it is. Of a *large* run only
 * the first frame is marked: nothing but its beginning may be given back.
 *
 * Invariants, which kml_page_runs_check() verifies:
 *   R1  a run begins with a frame in use; all its frames, or the first one if it is large, lead
 *       there and have the same size_class
 *   R2  n_large is the number of large runs
 */

#pragma once

#include "simcore/allocator.h"

G_BEGIN_DECLS

#define KML_PAGE_RUN_LARGE G_MAXUINT16 /* KmlFrame.slab.size_class of a large run */

typedef struct {
  KmlAllocator *owner;
  guint large_counter;      /* of the owner's counters: how many large runs were taken */
  guint large_instructions; /* that the owner spends to hand a request on, and to free its run */
  guint64 n_large;
  guint64 end; /* no frame from here on was ever the owner's */
} KmlPageRuns;

/* Takes a run of at least @size bytes, whole pages, for objects and marks its frames; all
 * else that the first record says of a slab is for the owner to write. @size_class: not KML_PAGE_RUN_LARGE.
 * Spends nothing but what the page level does. KML_PFN_NONE: the page level has none. */
KmlPfn kml_page_runs_take (KmlPageRuns *self, guint64 size, guint size_class,
                           const KmlRequest *request);
void kml_page_runs_give_back (KmlPageRuns *self, KmlPfn pfn, const KmlRequest *how);

/* A request handed on to the page level, rounded up to pages, its constraints included. Counted and paid for. */
KmlAddr kml_page_runs_alloc_large (KmlPageRuns *self, const KmlRequest *request, guint64 *ret_held);

/* @addr lies in a large run; that it is its beginning is asserted. Returns the held size. */
guint64 kml_page_runs_free_large (KmlPageRuns *self, KmlAddr addr, const KmlRequest *how);

/* The same without giving it back. */
guint64 kml_page_runs_size_of_large (const KmlPageRuns *self, KmlAddr addr);

/* The first run that begins at *@pfn or above; the next one is to be looked for from
 * *@pfn + n_frames on. FALSE: there is none. */
gboolean kml_page_runs_next (const KmlPageRuns *self, KmlPfn *pfn);

/* The same of runs that are not large. */
gboolean kml_page_runs_next_own (const KmlPageRuns *self, KmlPfn *pfn);

/* The walk of an allocator: a large run is a block in use, what is in another one @walk_own says. */
typedef void (*KmlRunWalkFunc) (const KmlAllocator *owner, KmlPfn pfn, KmlWalkFunc func,
                                gpointer user_data);
void kml_page_runs_walk (const KmlPageRuns *self, KmlRunWalkFunc walk_own, KmlWalkFunc func,
                         gpointer user_data);

gboolean kml_page_runs_check (const KmlPageRuns *self, GError **error);

G_END_DECLS
