/* allocator.h: what a simulated allocator is, seen from the machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An allocator answers requests with blocks of simulated RAM. A *page allocator*
 * hands out runs of page frames of the machine's RAM. An *object allocator* hands
 * out objects and gets its pages from the allocator below it. A *layer* wraps an
 * allocator of either level and is one itself. All three are this one interface,
 * so they can be stacked, and one conformance suite tests them all.
 *
 * To add one: write one file that ends with KML_REGISTER_ALLOCATOR, name it in
 * allocators/meson.build. allocators/bump.c is the smallest, made to be copied.
 */

#pragma once

#include "simcore/machine.h"
#include "simcore/op.h"
#include "simcore/param.h"
#include "simcore/request.h"
#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef struct _KmlAllocator KmlAllocator;
typedef struct _KmlAllocatorOps KmlAllocatorOps;
typedef struct _KmlDriver KmlDriver;
typedef struct _KmlLock KmlLock;
typedef struct _KmlSource KmlSource;

typedef enum {
  KML_LEVEL_PAGES,
  KML_LEVEL_OBJECTS,
  KML_LEVEL_LAYER,
} KmlLevel;

/* What an allocator counts, one name a counter: "splits" of buddy becomes the metric "buddy.splits". Of several that are of
 * one kind the counters are added up; of one that is a maximum, "the most splits that one request made", the largest is taken. */
typedef struct {
  const char *name;
  const char *unit;
  const char *summary;
  gboolean is_maximum;
} KmlCounterInfo;

#define KML_MAX_COUNTERS 16

/* What follows from counters, a share or a mean: "search_length" of first-fit becomes the metric
 * "first-fit.search_length". @value gets what each counter has counted since the end of the warm-up;
 * a maximum is that of the whole run. */
typedef struct {
  const char *name;
  const char *unit;
  const char *summary;
  double (*value) (const guint64 *counted);
} KmlFigureInfo;

/* 0 where nothing was counted. */
static inline double
kml_figure_quotient (guint64 dividend, guint64 divisor)
{
  return divisor == 0 ? 0 : (double)dividend / (double)divisor;
}

/* One cache (size class) of an object allocator, for slab statistics. */
typedef struct {
  /* (nullable): unique within the allocator; NULL: its object size is what it is called */
  const char *name;
  guint64 object_size; /* bytes an object occupies */
  guint64 n_objects;   /* room for, in the slabs there are */
  guint64 n_active;    /* in use, as its kernel counts: slub calls active what its CPUs keep, too */
  guint64 n_slabs;
  guint64 n_frames; /* page frames held */
} KmlCacheInfo;

typedef enum {
  KML_BLOCK_FREE,
  KML_BLOCK_USED,
  KML_BLOCK_METADATA, /* neither: headers, tails of slabs, the allocator's own pages */
} KmlBlockState;

/* From where an allocator may be called. Most take calls from anywhere; Linux's vfree() may not be called in interrupts, and
 * dma_free_coherent() not with interrupts off, since it may have to wait for other CPUs. */
typedef enum {
  KML_FROM_ANY,
  KML_FROM_SOFTIRQ,   /* not from hardirqs */
  KML_FROM_PROCESS,   /* nor from softirqs */
  KML_FROM_SLEEPABLE, /* only where one may sleep */
  KML_N_FROM,
} KmlFrom;

/* "any", "softirq", … */
extern const char *const kml_from_names[KML_N_FROM + 1];

/* @size bytes from @start. Page allocators report runs of frames, object allocators what is inside the runs they hold. */
typedef void (*KmlWalkFunc) (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data);
typedef void (*KmlCacheFunc) (const KmlCacheInfo *cache, gpointer user_data);
typedef void (*KmlLockFunc) (const KmlLock *lock, gpointer user_data);

/**
 * KmlAllocatorOps:
 * @name: the name that scenario files and result tables use, e.g. "buddy"
 * @summary: one line for `kmemlab list allocators`
 * @level: pages, objects or layer
 * @around: layers only: what they can be put around: KML_LEVEL_PAGES, KML_LEVEL_OBJECTS, or KML_LEVEL_LAYER: either
 * @instance_size: size of the struct that begins with a #KmlAllocator; the core allocates it zeroed
 * @alloc_from: from where it may be asked for memory; elsewhere that is a bug (bug.alloc_context), and a scenario may allow less
 * @free_from: from where it may be given memory back (bug.free_context)
 * @params: (nullable): table of parameters; values are in the instance before @init
 * @counters: (nullable): names of the counters in #KmlAllocator.counters, ended by a NULL name
 * @figures: (nullable): what follows from the counters, ended by a NULL name
 * @init: sets up an instance. Checks what one parameter alone cannot tell: kml_refuse() with its name
 * @finish: (nullable): releases what @init took on the host, not the instance
 * @alloc: a block of at least request->size bytes that keeps request->constraints, or %KML_ADDR_NONE: out of
 *   memory is an outcome. *@ret_held is the size of the block given, including what the request
 *   cannot use; written only on success. The cost of the work is spent on the machine's clock
 * @free: takes back what @alloc returned; returns its held size. @how says which CPU and context frees.
 *   A pointer that is not one to a live block is a bug of the caller and fails an assertion
 * @size_of: (nullable): objects only: the held size of the live block at @addr, as @free would return it: what Linux calls ksize(). It spends and
 *   changes nothing. A pointer that is not one to a live block fails an assertion. Layers that keep blocks ask it
 * @execute: (nullable): objects only: the driver's loop with @alloc and @free inlined, made by KML_DEFINE_EXECUTE
 *   (driver-loop.h). Without it the loop asks the table for each operation
 * @split: (nullable): pages only: makes the block at @addr two or more blocks of @piece bytes each (a power of two
 *   number of frames) that are freed separately from then on, as Linux's split_page(). FALSE: this one it
 *   leaves whole, since it is larger than was asked for and the pieces would not be known to anybody
 * @isolate: (nullable): pages only: the free block that begins at @addr becomes movable blocks in use of one page frame each, to be freed
 *   separately: so compaction gets frames at a place of its choice. Returns how many; 0: no free block begins there. For allocators whose
 *   blocks begin at multiples of their size and say in their first frame's record what they are
 * @mobility_at: (nullable): pages only: of which mobility free memory around @addr is meant to be; KML_N_MOBILITIES, or without it: of any
 * @shrink: (nullable): gives back to the lower allocator all that holds no live block; does now what was put off. What keeps a working set gives back
 *   what has not been wanted since the last call, so two in a row give back all
 * @drain: (nullable): around pages only: gives back to the lower allocator the free memory that it keeps for CPU @cpu, or for each (%KML_ALL_CPUS). With
 *   tasks it is called where one may sleep. Returns whether there was any to be given back
 * @keep_less: (nullable): around pages only: from now on a daemon reclaims (@less) and it keeps less free memory for CPUs, or no longer
 * @remember: (nullable): adds to @image what changes after @init besides the instance, its counters and simulated RAM, so that
 *   putting them back brings back a state. FALSE, or without it: it cannot
 * @walk: calls @func for every block in address order. Page allocators: the blocks tile the usable
 *   range without gap or overlap. Object allocators: the blocks tile each run of pages they hold
 * @walk_caches: (nullable): calls @func for every cache, in order of object size
 * @walk_locks: (nullable): objects only: calls @func for every lock that it takes itself. An allocator that has this keeps others out itself: on a
 *   machine with tasks (machine->task is not NULL) no lock is put around it, and several CPUs and their handlers call it at a time
 * @state: (nullable): pages only: appends to @words (guint64) what decides how the allocator will answer from now on and
 *   does not follow from where the live blocks are: the order of its free lists, where untouched memory begins. Equal
 *   words and equal blocks, equal answers. Without it kind = worst-case cannot tell states apart
 * @check: verifies every invariant that the file's head names; the error (KML_ERROR_CORRUPT) names the one that broke
 *
 * What is known about fragmentation comes from @walk and from the free area, never from the allocator's
 * own opinion, so it means the same for all.
 */
struct _KmlAllocatorOps {
  const char *name;
  const char *summary;
  KmlLevel level;
  KmlLevel around;
  gsize instance_size;
  KmlFrom alloc_from, free_from;
  const KmlParam *params;
  const KmlCounterInfo *counters;
  const KmlFigureInfo *figures;

  gboolean (*init) (KmlAllocator *self, GError **error);
  void (*finish) (KmlAllocator *self);

  KmlAddr (*alloc) (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held);
  guint64 (*free) (KmlAllocator *self, KmlAddr addr, const KmlRequest *how);
  guint64 (*size_of) (const KmlAllocator *self, KmlAddr addr);
  void (*execute) (KmlDriver *driver, KmlSource *source, const KmlOp *ops, guint n);
  gboolean (*split) (KmlAllocator *self, KmlAddr addr, guint64 piece);
  guint64 (*isolate) (KmlAllocator *self, KmlAddr addr);
  KmlMobility (*mobility_at) (const KmlAllocator *self, KmlAddr addr);
  void (*shrink) (KmlAllocator *self);
  gboolean (*drain) (KmlAllocator *self, guint cpu);
  void (*keep_less) (KmlAllocator *self, gboolean less);
  gboolean (*remember) (KmlAllocator *self, KmlImage *image);

  void (*walk) (const KmlAllocator *self, KmlWalkFunc func, gpointer user_data);
  void (*walk_caches) (const KmlAllocator *self, KmlCacheFunc func, gpointer user_data);
  void (*walk_locks) (const KmlAllocator *self, KmlLockFunc func, gpointer user_data);
  void (*state) (const KmlAllocator *self, GArray *words);
  gboolean (*check) (const KmlAllocator *self, GError **error);
};

struct _KmlAllocator {
  const KmlAllocatorOps *ops;
  KmlMachine *machine;
  /* a copy of the machine's record: that never changes, and is one look less; of a zone's allocator, the zone's */
  KmlRam ram;
  /* borrowed: what a page allocator keeps its counts in: the machine's, or the zone's */
  KmlFreeArea *free_area;
  /* of a page allocator: bytes of the largest block that it can ever have; 0: all of RAM */
  guint64 largest;
  KmlAllocator *lower; /* (nullable): where pages come from; NULL for page allocators */
  /* simulated memory that is neither free nor a block: headers, tails, lists */
  guint64 metadata_bytes;
  guint64 counters[KML_MAX_COUNTERS]; /* in the order of ops->counters */
  /* Of a page allocator: what it spends on each frame of a block besides, for which it needs no lock; 0 where somebody else spends that (locked.h) … */
  KmlTime frame_check;
  guint64 n_checked; /* … and how many frames that were in the last call; 0: it checks none */
};

/* ---- Calling one ---- */

static inline KmlAddr
kml_allocator_alloc (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held)
{
  return self->ops->alloc (self, request, ret_held);
}

static inline guint64
kml_allocator_free_block (KmlAllocator *self, KmlAddr addr, const KmlRequest *how)
{
  return self->ops->free (self, addr, how);
}

#define KML_ALL_CPUS G_MAXUINT

/* Whoever keeps free memory for CPUs in @self or below is asked to drain it. Returns whether there was any. */
gboolean kml_allocator_drain (KmlAllocator *self, guint cpu);

/* Whoever does so is told to keep less of it. */
void kml_allocator_keep_less (KmlAllocator *self, gboolean less);

/* ---- Making one ---- */

/* An instance whose parameters have their defaults, not yet initialised: set fields with kml_param_parse(), then
 * call kml_allocator_start(). @lower is NULL for a page allocator. (transfer full) */
KmlAllocator *kml_allocator_new (const KmlAllocatorOps *ops, KmlMachine *machine,
                                 KmlAllocator *lower);
gboolean kml_allocator_start (KmlAllocator *self, GError **error);

/* For check(): the error that invariant @invariant does not hold at @what number @which. Returns FALSE. */
gboolean kml_allocator_broken (const char *invariant, const char *what, guint64 which,
                               GError **error);
/* The least that it and all below it allow: who is called calls them. */
KmlFrom kml_allocator_alloc_from (const KmlAllocator *self);
KmlFrom kml_allocator_free_from (const KmlAllocator *self);

/* Who says how large the blocks of @self are (size_of): @self, or what it is a layer around, since layers pass blocks on as they are.
 * (transfer none) (nullable) */
const KmlAllocator *kml_allocator_sizer (const KmlAllocator *self);

/* What changes in it, but for RAM. FALSE: it cannot be remembered. */
gboolean kml_allocator_remember (KmlAllocator *self, KmlImage *image);

void kml_allocator_destroy (KmlAllocator *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlAllocator, kml_allocator_destroy)

/* For @state: one more word. */
static inline void
kml_state_add (GArray *words, guint64 word)
{
  g_array_append_val (words, word);
}

/* ---- The registry ---- */

/* (transfer none) (nullable) */
const KmlAllocatorOps *kml_allocator_find (const char *name);

/* Sorted by name, not by the order in which the linker placed the constructors. (transfer none) */
const KmlAllocatorOps *const *kml_allocator_list (guint *ret_n);

void kml_allocator_register (const KmlAllocatorOps *ops);

/* The last line of an allocator's file, built in or out of tree. */
#define KML_REGISTER_ALLOCATOR(ops)                                                                \
  static void __attribute__ ((constructor)) ops##_register (void)                                  \
  {                                                                                                \
    kml_allocator_register (&(ops));                                                               \
  }

G_END_DECLS
