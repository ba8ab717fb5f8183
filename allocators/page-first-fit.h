/* page-first-fit.h: what the pieces of "page-first-fit" share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in page-first-fit.c; page-first-fit-check.c has the walk and the invariants' check.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/memory/fit-index.h"

G_BEGIN_DECLS

/* One of the flags that are the page allocator's own: the last frame of a free run. */
#define PAGE_FIRST_FIT_LAST (1 << KML_FRAME_OWN_SHIFT)

typedef enum {
  ORDER_ADDRESS,
  ORDER_LIFO,
  ORDER_FIFO,
} ListOrder;

enum {
  COUNTER_LOOKED,
  COUNTER_SPLITS,
  COUNTER_MERGES,
};

/* A free run has a number, which is in its first frame's record (free.next) and leads to the run. */
typedef struct {
  KmlAllocator base;
  guint list_order; /* ListOrder */

  KmlFitIndex list; /* key: first frame, or the time of freeing */
  KmlPfn *firsts;   /* (owned) (array length=n_room): by number; of an unused number the next one */
  guint32 n_room;
  KmlAddr statics;  /* of the list's head, for a cache model */
  guint32 unused;   /* a number that no run has; 0: none */
  guint64 next_key; /* of a run that comes into a LIFO or FIFO list */
  guint64 n_looked; /* runs that the operation at hand looked at, for its cost */
  guint64 n_steps;  /* runs that it joined or cut off */
} PageFirstFit;

static inline KmlFrame *
frame_of (const PageFirstFit *self, KmlPfn pfn)
{
  return kml_ram_frame (&self->base.ram, pfn);
}

void page_first_fit_state (const KmlAllocator *base, GArray *words);
void page_first_fit_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
gboolean page_first_fit_check (const KmlAllocator *base, GError **error);

G_END_DECLS
