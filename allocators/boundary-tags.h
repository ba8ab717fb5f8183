/* boundary-tags.h: what first-fit, next-fit and best-fit share: all but the choice of the block.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory, decisions and invariants are in boundary-tags.c. An allocator of the family embeds a
 * KmlBoundaryTags, gives it a policy, and fills its table of operations with the functions
 * below; allocators/first-fit.c is the smallest.
 */

#pragma once

#include "simcore/memory/fit-index.h"
#include "simcore/objects/page-runs.h"
#include "simcore/allocator.h"

G_BEGIN_DECLS

typedef struct _KmlBoundaryTags KmlBoundaryTags;

typedef enum {
  KML_TAGS_BOTH,
  KML_TAGS_HEADER,
  KML_TAGS_NONE,
} KmlTagsForm;

typedef enum {
  KML_COALESCING_IMMEDIATE,
  KML_COALESCING_DEFERRED,
  KML_COALESCING_NONE,
} KmlCoalescing;

typedef enum {
  KML_LIST_ADDRESS,
  KML_LIST_LIFO,
  KML_LIST_FIFO,
} KmlListOrder;

typedef enum {
  KML_WILDERNESS_LISTED,
  KML_WILDERNESS_PRESERVED,
} KmlWilderness;

enum {
  KML_COUNTER_FITS,
  KML_COUNTER_SPLITS,
  KML_COUNTER_LOOKED,
  KML_COUNTER_PASSED,
  KML_COUNTER_MERGES,
  KML_COUNTER_SWEEPS,
  KML_COUNTER_ARENAS_NEW,
  KML_COUNTER_ARENAS_GIVEN_BACK,
  KML_COUNTER_LARGE,
  KML_COUNTER_HOLES_SUM,
  KML_COUNTER_HOLE_WORDS_SUM,
  KML_COUNTER_LIVE_SUM,
  KML_COUNTER_LIVE_WORDS_SUM,
};

/**
 * KmlFitPolicy: which of the free blocks of the list a request gets. Blocks are numbers, those of the list's index;
 * 0 is none.
 * @find: a block of at least @size bytes, or 0. Spends what the search costs, by kml_boundary_tags_spend_search()
 * @enter: (nullable): the block has come into the list
 * @resize: (nullable): its size has changed, and perhaps its key, but not its place
 * @leave: (nullable): it is about to leave the list; of what it was a part of the list has @heir now, or 0
 * @taken: (nullable): the block that was found is about to be cut
 * @check: (nullable): what the policy keeps besides agrees with the list
 */
typedef struct {
  guint32 (*find) (KmlBoundaryTags *self, guint64 size);
  void (*enter) (KmlBoundaryTags *self, guint32 block);
  void (*resize) (KmlBoundaryTags *self, guint32 block);
  void (*leave) (KmlBoundaryTags *self, guint32 block, guint32 heir);
  void (*taken) (KmlBoundaryTags *self, guint32 block);
  gboolean (*check) (const KmlBoundaryTags *self, GError **error);
} KmlFitPolicy;

/* A free block. */
typedef struct {
  KmlAddr addr;
  guint64 size;        /* 0: the number is not in use ... */
  guint32 next_unused; /* ... and this is the next such */
  guint8 is_last;      /* of its arena: it is no hole */
  guint8 is_preserved; /* in `wilds`, not in `list` */
} KmlFreeBlock;

struct _KmlBoundaryTags {
  KmlAllocator base;
  const KmlFitPolicy *policy;

  /* parameters */
  guint tags;       /* KmlTagsForm */
  guint coalescing; /* KmlCoalescing */
  guint list_order; /* KmlListOrder */
  guint wilderness; /* KmlWilderness */
  guint64 alignment, minimum, arena, keep;

  /* what they come to */
  guint64 header, footer; /* bytes of a used block's tags */
  guint64 least;          /* the smallest block */
  guint64 offset;         /* of the first block in its arena */

  /* host address of the tag at simulated address 0: of RAM, or of its shadow (KML_TAGS_NONE) */
  guint8 *store;
  KmlAddr statics; /* of the list's head, for a cache model */

  KmlFreeBlock *blocks; /* (owned) (array length=n_room): by number; [0] is nobody */
  guint32 n_room;
  guint32 unused;    /* the first number not in use, or 0: all are */
  KmlFitIndex list;  /* the free list */
  KmlFitIndex wilds; /* KML_WILDERNESS_PRESERVED: the last blocks of arenas, by address */
  guint64 next_key;  /* of what is put on a LIFO or FIFO list */

  KmlPageRuns runs;
  guint64 n_live, live_bytes;  /* used blocks, with their tags */
  guint64 n_holes, hole_bytes; /* free blocks that are not their arenas' last */
  guint64 n_empty;             /* arenas without used block */
  guint64 n_loose;             /* blocks freed since the last sweep (KML_COALESCING_DEFERRED) */
};

/* The slots of KmlAllocatorOps. An init of the policy's own sets self->policy and calls this. */
gboolean kml_boundary_tags_init (KmlAllocator *base, GError **error);
void kml_boundary_tags_finish (KmlAllocator *base);
KmlAddr kml_boundary_tags_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held);
guint64 kml_boundary_tags_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how);
guint64 kml_boundary_tags_size_of (const KmlAllocator *base, KmlAddr addr);
gboolean kml_boundary_tags_remember (KmlAllocator *base, KmlImage *image);
void kml_boundary_tags_shrink (KmlAllocator *base);
void kml_boundary_tags_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
gboolean kml_boundary_tags_check (const KmlAllocator *base, GError **error);

extern const KmlParam kml_boundary_tags_params[];
extern const KmlCounterInfo kml_boundary_tags_counters[];
extern const KmlFigureInfo kml_boundary_tags_figures[];

/* @n free blocks were looked at in the list, one after the other. */
void kml_boundary_tags_spend_search (KmlBoundaryTags *self, guint64 n);

G_END_DECLS
