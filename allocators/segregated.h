/* segregated.h: what the pieces of the segregated allocator share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in segregated.c. The pieces:
 *
 *   segregated.h        the state, and what is in simulated RAM
 *   segregated.c        the theory; objects, and what is called
 *   segregated-life.c   slabs are made, listed, used, given back
 *   segregated-check.c  the walk and the invariants
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/memory/frame-list.h"
#include "simcore/objects/bin-table.h"
#include "simcore/objects/page-runs.h"
#include "simcore/objects/slab-order.h"

G_BEGIN_DECLS

G_STATIC_ASSERT (KML_MAX_BINS < KML_PAGE_RUN_LARGE);

typedef enum {
  LIST_FIFO,
  LIST_LIFO,
} ListOrder;

enum {
  COUNTER_SLABS_NEW,
  COUNTER_SLABS_GIVEN_BACK,
  COUNTER_SLABS_SMALL,
  COUNTER_REFILLS,
  COUNTER_LARGE,
};

typedef struct {
  KmlFrameList slabs;
  guint32 n;
} SlabList;

/* The first cache line is all that the fast paths need. */
typedef struct {
  guint64 reciprocal;    /* ceil (2^64 / object_size) */
  KmlTime alloc_cost[2]; /* of the fast path; [1]: and of clearing the object */
  guint64 n_active;      /* objects in use */
  guint32 object_size;
  KmlPfn current;  /* slab, or n_usable: none */
  KmlFrame *slab;  /* its record */
  guint8 *objects; /* where they begin: in the host's memory, */
  KmlAddr start;   /* and in the machine's */

  SlabList partial, empty;
  guint8 order, least_order; /* of slabs: as wanted, and what one object needs */

  guint64 n_slabs, n_frames, n_objects;
} __attribute__ ((aligned (64))) Bin;

G_STATIC_ASSERT (G_STRUCT_OFFSET (Bin, partial) <= 64);

typedef struct {
  KmlAllocator base;

  /* what every operation needs */
  Bin *bins; /* (owned) (array length=n_bins) */
  KmlBinTable table;
  KmlTime free_cost, fresh_cost;

  /* parameters */
  char *bin_text; /* (owned) */
  guint64 quantum;
  KmlSlabRule rule; /* its machine's values are set when it starts */
  guint64 keep;
  guint list_order; /* ListOrder */

  guint n_bins;
  KmlAddr statics; /* of the bins, for a cache model */
  KmlPageRuns runs;
} Segregated;

static inline const KmlRam *
ram_of (const Segregated *self)
{
  return &self->base.ram;
}

static inline KmlFrame *
frame_of (const Segregated *self, KmlPfn pfn)
{
  return kml_ram_frame (ram_of (self), pfn);
}

/* What is left over behind the objects of a slab, bytes. */
static inline guint64
tail_of (const Segregated *self, const Bin *bin, const KmlFrame *slab)
{
  return ((guint64)slab->n_frames << ram_of (self)->page_shift) -
         (guint64)slab->slab.n_objects * bin->object_size;
}

/* ---- Objects ---- */

/* The first word of a free object: the lower half is the link, the upper one the guard. */
static inline guint
link_of (guint32 word)
{
  return word & 0xffff;
}

/* The upper half of this is the guard, where it is in the word: a product with 2^32 / golden ratio, so neighbours differ;
 * the guard's lowest bit is set, so it is never 0. */
static inline guint32
guard_of (KmlAddr addr)
{
  return (guint32)addr * 0x9e3779b1u | 0x10000;
}

static inline gboolean
has_guard (guint32 word, KmlAddr addr)
{
  return (word ^ guard_of (addr)) <= 0xffff;
}

/* ---- segregated-life.c ---- */

/* Objects are taken from @pfn from now on; from n_usable: there is no such slab. */
void segregated_set_current (const Segregated *self, Bin *bin, KmlPfn pfn);

/* The current slab has nothing to give: another one becomes current. FALSE: there is none. */
gboolean segregated_refill (Segregated *self, Bin *bin, const KmlRequest *request);

/* A slab that was full, or that has become empty, and is not current, changes its list. Returns
 * what segregated_free() is to return: as its last call it needs no registers saved. */
guint64 segregated_move_slab (Segregated *self, Bin *bin, KmlPfn pfn, const KmlRequest *how);

void segregated_shrink (KmlAllocator *base);

/* ---- segregated-check.c ---- */

/* Whether object @index is on the slab's free list. */
gboolean segregated_is_listed (const Segregated *self, const Bin *bin, const KmlFrame *slab,
                               guint64 index);

guint64 segregated_size_of (const KmlAllocator *base, KmlAddr addr);
void segregated_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
void segregated_walk_caches (const KmlAllocator *base, KmlCacheFunc func, gpointer user_data);
gboolean segregated_check (const KmlAllocator *base, GError **error);

G_END_DECLS
