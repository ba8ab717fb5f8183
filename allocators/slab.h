/* slab.h: what the pieces of the slab allocator share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in slab.c. The pieces:
 *
 *   slab.h        the state, and what is in simulated RAM
 *   slab.c        the theory; small objects, and what is called
 *   slab-large.c  large objects: bufctls and their hash tables
 *   slab-life.c   slabs are made, listed, reaped
 *   slab-check.c  the walk and the invariants
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/objects/bin-table.h"
#include "simcore/objects/page-runs.h"

G_BEGIN_DECLS

#define SLAB_MAX_OBJECTS G_MAXUINT16       /* 1 + index fits in the 16 bits of a link */
#define SLAB_HASH        (G_MAXUINT16 - 1) /* KmlFrame.slab.size_class of a hash table */
#define SLAB_STATIC_BITS 6u                /* a hash table has 2^6 chains to begin with */

G_STATIC_ASSERT (KML_MAX_BINS + 2 < SLAB_HASH);

/* ---- In simulated RAM ---- */

/* A slab's header, Bonwick's kmem_slab: at the end of a small object's page, or an object of its own. */
typedef struct {
  KmlPfn next, prev; /* slabs of the cache with free objects; KML_PFN_NONE: no more */
  union {
    struct {              /* small objects: */
      guint16 first_free; /* 1 + index of the first free object, 0: none but ... */
      guint16 n_fresh;    /* ... [n_fresh, n_objects), which were never given out */
    };
    KmlAddr bufctls; /* large objects: of the first free one, or KML_ADDR_NONE */
  };
  guint16 n_used, n_objects;
  guint32 colour;  /* offset of the first object, bytes */
  KmlPfn pfn;      /* of the slab's first frame */
  guint32 emptied; /* when its last object was freed, in ticks */
} SlabHeader;

G_STATIC_ASSERT (sizeof (SlabHeader) == 32);

/* Of a large object, for as long as its slab lives. */
typedef struct {
  KmlAddr next; /* on the slab's free list, or in its chain of the hash table */
  KmlAddr addr; /* of the object */
  KmlAddr slab; /* of the header */
} Bufctl;

/* ---- The state ---- */

enum {
  COUNTER_SLABS_NEW,
  COUNTER_SLABS_GIVEN_BACK,
  COUNTER_SLABS_SMALL,
  COUNTER_REAPS,
  COUNTER_RESCALES,
  COUNTER_LOOKED,
  COUNTER_LARGE,
};

typedef enum {
  CONSTRUCTED_RETAINED,
  CONSTRUCTED_ALWAYS,
} Constructed;

/* The chains of a hash table: simulated memory, seen from the host. The first few are the cache's
 * own, a kernel's static data. */
typedef struct {
  KmlAddr *chains; /* of the first bufctl of each, or KML_ADDR_NONE */
  guint bits;      /* there are 2^bits */
  guint shift;     /* of an address: neighbours have neighbouring chains */
  KmlPfn run;      /* where the chains are, KML_PFN_NONE: first_chains */
  KmlAddr first_chains[1 << SLAB_STATIC_BITS];
} SlabHash;

#define SLAB_CHAINS  128u /* where a cache's chains are in its static data, */
#define SLAB_STATICS (SLAB_CHAINS + (8u << SLAB_STATIC_BITS)) /* and how much that is: bytes */

/* The first cache line and a half is what the fast paths need. */
typedef struct {
  SlabHeader *head;   /* of the first slab with free objects; of a large cache, or when there is
                          none: a header with nothing to give */
  KmlAddr objects;    /* where its first object is */
  guint64 reciprocal; /* ceil (2^64 / chunk) */
  KmlTime zero_cost;  /* of clearing an object */
  guint64 n_active;   /* objects in use */
  guint32 object_size;
  guint32 chunk;       /* from object to object: object_size, with a link when it is constructed */
  guint32 link_offset; /* of the link in its chunk: the last 4 bytes */
  guint32 n_empty;     /* slabs without an object in use: at the end of the list */
  gboolean is_small;

  KmlPfn first, last; /* slabs with free objects */
  guint32 colour, colour_max;
  guint8 order, least_order; /* of large slabs: as wanted, and what one object needs */
  guint64 n_slabs, n_frames, n_objects;
  SlabHash *hash;  /* (owned) (nullable): of large objects in use */
  KmlAddr statics; /* of the cache itself and its first chains, for a cache model */
} __attribute__ ((aligned (64))) Cache;

typedef struct {
  KmlAllocator base;

  /* what every operation needs */
  Cache *caches; /* (owned) (array length=n_caches + 2): of the bins, then two internal ones */
  KmlBinTable table;
  KmlTime request_cost;          /* of a request */
  KmlTime alloc_cost, free_cost; /* of an internal object, and of any that is freed */
  guint n_caches;
  gboolean has_caches; /* the machine has a cache model */
  guint64 page_mask;
  SlabHeader nothing; /* all zero */

  /* parameters */
  char *bin_text; /* (owned) */
  guint64 quantum, max_order, keep;
  gboolean colouring;
  KmlTime working_set, constructor;
  guint constructed; /* Constructed */

  KmlPageRuns runs;
} Slab;

/* Headers and bufctls of large slabs are small objects of these. */
static inline Cache *
header_cache (const Slab *self)
{
  return &self->caches[self->n_caches];
}

static inline Cache *
bufctl_cache (const Slab *self)
{
  return &self->caches[self->n_caches + 1];
}

static inline const KmlRam *
ram_of (const Slab *self)
{
  return &self->base.ram;
}

static inline KmlFrame *
frame_of (const Slab *self, KmlPfn pfn)
{
  return kml_ram_frame (ram_of (self), pfn);
}

/* Addresses of headers and bufctls are multiples of 8, and both are read and written as what they
 * are and as nothing else. */
static inline SlabHeader *
header_at (const Slab *self, KmlAddr addr)
{
  return (SlabHeader *)(ram_of (self)->store + addr);
}

static inline Bufctl *
bufctl_at (const Slab *self, KmlAddr addr)
{
  return (Bufctl *)(ram_of (self)->store + addr);
}

static inline KmlAddr
addr_of (const Slab *self, const void *in_store)
{
  return (KmlAddr)((const guint8 *)in_store - ram_of (self)->store);
}

/* The header of a small object's slab, which is one page. */
static inline SlabHeader *
small_header (const Slab *self, KmlPfn pfn)
{
  return header_at (self, kml_ram_addr (ram_of (self), pfn + 1) - sizeof (SlabHeader));
}

/* The words of a large slab's first record have the header's address, where lists have their links. */
static inline KmlAddr *
large_header_addr (const Slab *self, KmlPfn pfn)
{
  return &frame_of (self, pfn)->words[0];
}

static inline SlabHeader *
header_of (const Slab *self, const Cache *cache, KmlPfn pfn)
{
  return cache->is_small ? small_header (self, pfn)
                         : header_at (self, *large_header_addr (self, pfn));
}

static inline KmlAddr
first_object (const Slab *self, const SlabHeader *slab)
{
  return kml_ram_addr (ram_of (self), slab->pfn) + slab->colour;
}

/* ---- slab-life.c ---- */

/* A slab with nothing in use, first on the cache's list. FALSE: the page level has no memory, not
 * even after reaping. */
gboolean slab_create (Slab *self, Cache *cache, const KmlRequest *request);

/* Gives back empty slabs that were emptied before @before; returns whether there were any. */
gboolean slab_reap (Slab *self, KmlTime before, const KmlRequest *how);

/* The slab's last free object was taken. */
void slab_is_full (Slab *self, Cache *cache, SlabHeader *slab);

/* An object of a slab that was full, or now is empty, was freed. */
void slab_was_freed_to (Slab *self, Cache *cache, SlabHeader *slab, const KmlRequest *how);

/* ---- slab-large.c ---- */

void slab_hash_init (SlabHash *self, guint64 chunk);
void slab_hash_rescale (Slab *self, Cache *cache, const KmlRequest *request);

/* Header and bufctls of a new large slab at @pfn. NULL: there is no memory for them. */
SlabHeader *slab_make_large (Slab *self, Cache *cache, KmlPfn pfn, guint n_objects, guint32 colour,
                             const KmlRequest *request);
void slab_unmake_large (Slab *self, SlabHeader *slab, const KmlRequest *how);

KmlAddr slab_take_large (Slab *self, Cache *cache, const KmlRequest *request, guint64 *ret_held);
gboolean slab_is_large_in_use (const Slab *self, const Cache *cache, KmlAddr addr);
void slab_free_large (Slab *self, Cache *cache, KmlAddr addr, const KmlRequest *how);

/* ---- slab.c ---- */

/* An object of an internal cache, or KML_ADDR_NONE. */
KmlAddr slab_take_internal (Slab *self, Cache *cache, const KmlRequest *request);
void slab_free_internal (Slab *self, Cache *cache, KmlAddr addr, const KmlRequest *how);

/* ---- slab-check.c ---- */

/* Whether object @index is on the free list of its slab, of small objects. */
gboolean slab_is_listed (const Slab *self, const Cache *cache, const SlabHeader *slab,
                         guint64 index);

guint64 slab_size_of (const KmlAllocator *base, KmlAddr addr);
void slab_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
void slab_walk_caches (const KmlAllocator *base, KmlCacheFunc func, gpointer user_data);
gboolean slab_check (const KmlAllocator *base, GError **error);

/* ---- Guards ---- */

#define SLAB_GUARD_BITS 0xffff0000u /* of a free object's last word; the others are the link */

/* What a free object at @addr has in the upper half of its last word: the middle of a product
 * with 2^32 / golden ratio, so neighbours differ; its lowest bit is set, so it is never 0. */
static inline guint32
slab_guard (KmlAddr addr)
{
  return ((guint32)(addr >> 2) * 0x9e3779b1u | 0x10000u) & SLAB_GUARD_BITS;
}

/* ---- Costs ---- */

/* Estimates from reading the paths without assertions, guards and what only a simulation does;
 * they are not measured on a kernel. */
#define SLAB_ALLOC_INSTRUCTIONS  35
#define SLAB_FREE_INSTRUCTIONS   40
#define SLAB_LIST_INSTRUCTIONS   20
#define SLAB_CREATE_INSTRUCTIONS 150
#define SLAB_BUFFER_INSTRUCTIONS 4 /* to link an object into a new slab */
#define SLAB_HASH_INSTRUCTIONS   12
#define SLAB_LARGE_INSTRUCTIONS  30 /* to leave a request to the page level */

static inline void
slab_spend (const Slab *self, guint64 instructions, guint64 n_warm)
{
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, instructions);
  if (!self->has_caches)
    kml_spend (self->base.machine, KML_COST_WARM, n_warm);
}

/* With a cache model: what lies in simulated RAM, and the cache, which is static data. */
static inline void
slab_touch (const Slab *self, gconstpointer stored, guint64 size)
{
  kml_touch_stored (self->base.machine, stored, size, KML_TOUCH_WRITE);
}

static inline void
slab_touch_cache (const Slab *self, const Cache *cache)
{
  kml_touch (self->base.machine, cache->statics, 64, KML_TOUCH_WRITE);
}

/* About a millisecond, so that 32 bits are 53 days. */
static inline guint64
slab_tick (KmlTime time)
{
  return time >> 30;
}

G_END_DECLS
