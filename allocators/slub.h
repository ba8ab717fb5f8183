/* slub.h: what the pieces of the slub allocator share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in slub.c. The pieces:
 *
 *   slub.h        the state, and what is in simulated RAM
 *   slub.c        the theory; fast paths, and what is called
 *   slub-life.c   slow paths: slabs are made, frozen, listed, given back
 *   slub-check.c  references with a cache model, the walk, the invariants
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/base/rng.h"
#include "simcore/objects/bin-table.h"
#include "simcore/objects/page-runs.h"
#include "simcore/objects/slab-order.h"

G_BEGIN_DECLS

G_STATIC_ASSERT (KML_MAX_BINS < KML_PAGE_RUN_LARGE);

typedef enum {
  FREELIST_LINEAR,
  FREELIST_RANDOM,
} Freelist;

typedef enum {
  CPU_PARTIAL_LINUX,
  CPU_PARTIAL_NONE,
} CpuPartial;

enum {
  COUNTER_SLABS_NEW,
  COUNTER_SLABS_GIVEN_BACK,
  COUNTER_SLABS_SMALL,
  COUNTER_LARGE,
  COUNTER_ALLOC_SLOWPATH,
  COUNTER_ALLOC_REFILL,
  COUNTER_CPU_PARTIAL_ALLOC,
  COUNTER_ALLOC_FROM_PARTIAL,
  COUNTER_CPU_PARTIAL_NODE,
  COUNTER_FREE_SLOWPATH,
  COUNTER_FREE_FROZEN,
  COUNTER_CPU_PARTIAL_FREE,
  COUNTER_CPU_PARTIAL_DRAIN,
  COUNTER_FREE_ADD_PARTIAL,
  COUNTER_FREE_REMOVE_PARTIAL,
};

/* What a CPU has of a cache, Linux's kmem_cache_cpu. */
typedef struct {
  guint8 *objects;    /* where the objects of its slab begin: in the host's memory, */
  KmlAddr start;      /* and in the machine's */
  KmlPfn pfn;         /* the slab that it takes objects from; KML_PFN_NONE: it has none */
  guint16 first_free; /* 1 + index of the first object of its own list; 0: none */
  KmlPfn partial; /* the first of its partial slabs, linked by their records; KML_PFN_NONE: none */
  guint32 n_partial;
} SlubCpu;

/* The first cache line is all that the fast paths need besides. */
typedef struct {
  guint64 reciprocal;    /* ceil (2^64 / object_size) */
  KmlTime alloc_cost[2]; /* of the fast path; [1]: and of clearing the object */
  SlubCpu *cpus;         /* (array length=n_cpus): some of the allocator's */
  guint32 object_size;
  guint32 link_offset; /* where a free object has its link */

  KmlPfn first, last; /* partial slabs of the node, linked by their records */
  guint32 n_partial;
  guint32 min_partial; /* as many are kept, though they may be empty */
  guint32
      cpu_partial_slabs; /* a CPU's partial slabs are given to the node when there are as many */
  guint8 order, least_order; /* of slabs: as wanted, and what one object needs */
  guint16 *sequence;  /* (nullable) (owned): of freelist = random: an order of the objects of */
  guint32 n_sequence; /* a slab of the wanted order, and how many those are */

  guint64 n_slabs, n_frames, n_objects;
  KmlAddr statics; /* of the node's list and of the CPUs, for a cache model */
} __attribute__ ((aligned (64))) SlubCache;

G_STATIC_ASSERT (G_STRUCT_OFFSET (SlubCache, first) <= 64);

typedef struct {
  KmlAllocator base;

  /* what every operation needs */
  SlubCache *caches; /* (owned) (array length=n_caches) */
  KmlBinTable table;
  KmlTime free_cost;

  /* parameters */
  char *bin_text; /* (owned) */
  guint64 quantum;
  KmlSlabRule rule;  /* its machine's values are set when it starts */
  guint cpu_partial; /* CpuPartial */
  guint64 cpu_partial_objects, min_partial;
  guint freelist; /* Freelist */

  guint n_caches;
  SlubCpu *cpus; /* (owned) (array length=n_caches * n_cpus): a cache's side by side */
  KmlRng rng;    /* where shuffled slabs begin */
  KmlPageRuns runs;
} Slub;

static inline const KmlRam *
ram_of (const Slub *self)
{
  return &self->base.ram;
}

static inline KmlFrame *
frame_of (const Slub *self, KmlPfn pfn)
{
  return kml_ram_frame (ram_of (self), pfn);
}

static inline KmlAddr
object_of (const Slub *self, const SlubCache *cache, KmlPfn pfn, guint index)
{
  return kml_ram_addr (ram_of (self), pfn) + (guint64)index * cache->object_size;
}

/* What is left over behind the objects of a slab, bytes. */
static inline guint64
tail_of (const Slub *self, const SlubCache *cache, const KmlFrame *slab)
{
  return ((guint64)slab->n_frames << ram_of (self)->page_shift) -
         (guint64)slab->slab.n_objects * cache->object_size;
}

/* ---- Links ---- */

/* A free object has in its middle, where Linux has a pointer, 1 + the index of the next in the lower 16 bits. The
 * others are the guard. */
static inline guint
slub_link_of (guint64 word)
{
  return word & 0xffff;
}

/* The upper 48 bits of a product with 2^64 / golden ratio, so neighbours differ; the lowest of them is set, so it is
 * never 0. */
static inline guint64
slub_guard_of (KmlAddr addr)
{
  return (addr * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) | 0x10000) & ~G_GUINT64_CONSTANT (0xffff);
}

static inline gboolean
slub_has_guard (guint64 word, KmlAddr addr)
{
  return (word ^ slub_guard_of (addr)) <= 0xffff;
}

static inline guint64
slub_load (const Slub *self, const SlubCache *cache, KmlAddr addr)
{
  return kml_ram_load64 (ram_of (self), addr + cache->link_offset);
}

static inline void
slub_store (Slub *self, const SlubCache *cache, KmlAddr addr, guint64 word)
{
  kml_ram_store64 (&self->base.ram, addr + cache->link_offset, word);
}

/* The list that a walk over a slab's free objects goes along, from @link on: FALSE: it ends. */
static inline gboolean
slub_next (const Slub *self, const SlubCache *cache, KmlPfn pfn, guint *link)
{
  if (*link == 0)
    return FALSE;
  *link = slub_link_of (slub_load (self, cache, object_of (self, cache, pfn, *link - 1)));
  return TRUE;
}

/* The CPU that takes objects from the slab, or NULL: it is nobody's. */
static inline const SlubCpu *
slub_taker_of (const Slub *self, const SlubCache *cache, KmlPfn pfn)
{
  for (guint i = 0; i < self->base.machine->n_cpus; i++)
    if (cache->cpus[i].pfn == pfn)
      return &cache->cpus[i];
  return NULL;
}

/* ---- References, with a cache model ---- */

#define SLUB_LINE 64u /* of static data: the node's list, then each CPU's own */

static inline void
slub_touch_node (const Slub *self, const SlubCache *cache)
{
  kml_touch (self->base.machine, cache->statics, SLUB_LINE, KML_TOUCH_WRITE);
}

static inline void
slub_touch_cpu (const Slub *self, const SlubCache *cache, const SlubCpu *cpu)
{
  kml_touch (self->base.machine, cache->statics + (KmlAddr)(cpu - cache->cpus + 1) * SLUB_LINE,
             SLUB_LINE, KML_TOUCH_WRITE);
}

/* ---- slub-life.c ---- */

/* The CPU's own list is empty: it gets another one. FALSE: there is no memory. */
gboolean slub_refill (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *request);

/* Object @index of a slab that the CPU does not take objects from. Returns what slub_free() is to return. */
guint64 slub_free_slowly (Slub *self, SlubCache *cache, KmlPfn pfn, guint index,
                          const KmlRequest *how);

void slub_shrink (KmlAllocator *base);

/* ---- slub-check.c ---- */

/* What the fast paths touch: for the object, or the pages, at @addr that were taken, or will be freed. */
void slub_touch_taken (const Slub *self, KmlAddr addr, const KmlRequest *request);
void slub_touch_freed (const Slub *self, KmlAddr addr, const KmlRequest *how);

void slub_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
void slub_walk_caches (const KmlAllocator *base, KmlCacheFunc func, gpointer user_data);
gboolean slub_check (const KmlAllocator *base, GError **error);

G_END_DECLS
