/* slub.h: what the pieces of the slub allocator share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in slub.c. The pieces:
 *
 *   slub.h        the state, and what is in simulated RAM
 *   slub.c        the theory; fast paths, and what is called
 *   slub-caches.c which caches there are, and which one a request is for
 *   slub-life.c   slow paths: slabs are made, frozen, listed, given back
 *   slub-shrink.c CPUs give up the slabs that they have
 *   slub-check.c  references with a cache model, the walk, the invariants
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/base/rng.h"
#include "simcore/locks/lock.h"
#include "simcore/memory/frame-list.h"
#include "simcore/objects/bin-table.h"
#include "simcore/objects/page-runs.h"
#include "simcore/objects/slab-order.h"

G_BEGIN_DECLS

#define SLUB_MIN_OBJECT_SIZE G_GUINT64_CONSTANT (8) /* a pointer */
#define SLUB_MAX_OBJECT_SIZE (G_GUINT64_CONSTANT (1) << 30)

G_STATIC_ASSERT (4 * KML_MAX_BINS + 1024 < KML_PAGE_RUN_LARGE); /* caches, slub-caches.c */

typedef enum {
  SLUB_CACHES_BINS,
  SLUB_CACHES_RECORDED,
} SlubWhichCaches;

typedef enum {
  SLUB_FREELIST_LINEAR,
  SLUB_FREELIST_RANDOM,
} SlubFreelist;

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

  KmlFrameList partial; /* slabs of the node */
  guint32 n_partial;
  guint32 min_partial; /* as many are kept, though they may be empty */
  /* a CPU's partial slabs are given to the node when there are as many */
  guint32 cpu_partial_slabs;
  guint8 order, least_order; /* of slabs: as wanted, and what one object needs */
  guint16 *sequence;  /* (nullable) (owned): of freelist = random: an order of the objects of */
  guint32 n_sequence; /* a slab of the wanted order, and how many those are */

  guint64 n_slabs, n_frames, n_objects;
  KmlAddr statics; /* of the node's list and of the CPUs, for a cache model */

  KmlLock list_lock;   /* of the node's list */
  char *lock_name;     /* (owned) */
  char *name;          /* (owned) (nullable): NULL: its size is what it is called */
  gboolean is_charged; /* caches = recorded: its objects are, to a control group */
  guint32 n_moving;    /* slabs that are frozen and no CPU's: on their way */
} __attribute__ ((aligned (64))) SlubCache;

G_STATIC_ASSERT (G_STRUCT_OFFSET (SlubCache, partial) <= 64);

typedef struct {
  KmlAllocator base;

  /* what every operation needs */
  SlubCache *caches; /* (owned) (array length=n_room): the first n_caches are there */
  KmlBinTable table;
  guint64 usual; /* up to this size a request's bin is its cache */
  KmlTime free_cost, alloc_cost;

  /* parameters */
  char *bin_text; /* (owned) */
  guint64 quantum;
  KmlSlabRule rule;  /* its machine's values are set when it starts */
  guint cpu_partial; /* CpuPartial */
  guint64 cpu_partial_objects, min_partial;
  guint freelist;     /* SlubFreelist */
  guint which_caches; /* SlubWhichCaches */

  guint n_caches, n_room;
  guint16 *named;  /* (owned) (nullable): which cache a size has, slub-caches.c */
  SlubCpu *cpus;   /* (owned) (array length=n_room * n_cpus): a cache's side by side */
  KmlRng rng;      /* where shuffled slabs begin */
  guint64 records; /* what the record of slab 0 is to kml_sync_on() */
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

/* ---- Others, on a machine with tasks (slub-life.c has the theory) ---- */

static inline gboolean
slub_has_others (const Slub *self)
{
  return self->base.machine->task != NULL;
}

/* Handlers of this CPU, and other tasks of it, stay out. */
static inline void
slub_enter (const Slub *self)
{
  if (slub_has_others (self))
    kml_irq_disable (self->base.machine);
}

static inline void
slub_leave (const Slub *self)
{
  if (slub_has_others (self))
    kml_irq_enable (self->base.machine);
}

/* Before the slab's record is looked at to be changed. */
static inline void
slub_meet (const Slub *self, KmlPfn pfn)
{
  if (slub_has_others (self))
    kml_sync_on (self->base.machine, self->records + 4 * (guint64)pfn);
}

/* Before the node's list is looked at without its lock. */
static inline void
slub_meet_at_node (const Slub *self, const SlubCache *cache)
{
  if (slub_has_others (self))
    kml_sync_on (self->base.machine, cache->list_lock.object);
}

static inline void
slub_lock_node (const Slub *self, SlubCache *cache)
{
  if (slub_has_others (self))
    kml_lock_take (self->base.machine, &cache->list_lock, KML_LOCK_EXCLUSIVE);
}

static inline void
slub_unlock_node (const Slub *self, SlubCache *cache)
{
  if (slub_has_others (self))
    kml_lock_give (self->base.machine, &cache->list_lock);
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

/* ---- Spending, on slow paths ---- */

/* A slab's record is changed by a compare-and-exchange, since other CPUs free to it. */
static inline void
slub_spend_exchange (const Slub *self, const KmlFrame *slab, guint instructions)
{
  KmlMachine *machine = self->base.machine;

  kml_spend (machine, KML_COST_INSTRUCTION, instructions);
  kml_spend (machine, KML_COST_ATOMIC, 1);
  kml_spend_references (machine, KML_COST_WARM, 1);
  kml_touch_frame (machine, slab, KML_TOUCH_WRITE);
}

static inline void
slub_spend_node_lock (const Slub *self, const SlubCache *cache)
{
  kml_spend (self->base.machine, KML_COST_LOCK, 1);
  slub_touch_node (self, cache);
}

/* ---- slub-caches.c ---- */

/* Parameters and costs are known. */
void slub_caches_init (Slub *self);
void slub_caches_clear (Slub *self);
void slub_caches_remember (Slub *self, KmlImage *image);

/* The cache that a request is for; NULL: the page level. */
SlubCache *slub_choose (Slub *self, const KmlRequest *request);

/* ---- slub-life.c ---- */

/* The CPU's own list is empty: it gets another one, between slub_enter() and slub_leave(). FALSE: there is no memory. */
gboolean slub_refill (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *request);

/* Object @index of a slab that the CPU does not take objects from. Returns what slub_free() is to return. */
guint64 slub_free_slowly (Slub *self, SlubCache *cache, KmlPfn pfn, guint index,
                          const KmlRequest *how);

#define SLUB_UNFREEZE_INSTRUCTIONS 30 /* an estimate, as those of slub-life.c */

/* The node's list: by who has its lock. */
void slub_add_partial (Slub *self, SlubCache *cache, KmlPfn pfn, gboolean at_front);
void slub_remove_partial (Slub *self, SlubCache *cache, KmlPfn pfn);

/* Whether the slab is empty and the node has enough of them. @how: (nullable): NULL: nothing is unwanted. */
gboolean slub_is_unwanted (const Slub *self, const SlubCache *cache, KmlPfn pfn,
                           const KmlRequest *how);

/* A slab that is on no list: others may come in before it is where it goes. */
void slub_set_out (const Slub *self, SlubCache *cache, KmlPfn pfn);

/* One that is empty and has set out goes to the page level; or all that their records link. No lock is held. */
void slub_discard_slab (Slub *self, SlubCache *cache, KmlPfn pfn, const KmlRequest *how);
void slub_discard_all (Slub *self, SlubCache *cache, KmlPfn first, const KmlRequest *how);

/* The CPU's partial slabs become the node's. */
void slub_unfreeze_all (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *how);

/* ---- slub-shrink.c ---- */

/* The CPU gives up the slab that it takes objects from. @how: see slub_is_unwanted(). */
void slub_deactivate (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *how);

void slub_shrink (KmlAllocator *base);

/* ---- slub-check.c ---- */

/* What the fast paths touch: for the object, or the pages, at @addr that were taken, or will be freed. */
void slub_touch_taken (const Slub *self, KmlAddr addr, const KmlRequest *request);
void slub_touch_freed (const Slub *self, KmlAddr addr, const KmlRequest *how);

/* Whether a free list of the slab has the object: its own, or that of the CPU that takes objects from it. */
gboolean slub_is_listed (const Slub *self, const SlubCache *cache, KmlPfn pfn, KmlAddr addr);

guint64 slub_size_of (const KmlAllocator *base, KmlAddr addr);
void slub_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
void slub_walk_caches (const KmlAllocator *base, KmlCacheFunc func, gpointer user_data);
gboolean slub_check (const KmlAllocator *base, GError **error);

G_END_DECLS
