/* buddy.c: the binary buddy system.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kenneth C. Knowlton, "A Fast Storage Allocator", CACM 8(10), October 1965;
 * Donald E. Knuth, The Art of Computer Programming, vol. 1, section 2.5,
 * algorithms R and S. The page allocator of Linux is its best-known descendant.
 *
 * 1. Blocks
 *
 * A block of order k is 2^k page frames long and starts at a multiple of 2^k.
 * Its buddy is the block of the same order whose frame number differs in bit k
 * alone: the two together are exactly one block of order k + 1.
 *
 *       frame   0   1   2   3   4   5   6   7
 *     order 0  [ ] [ ] [ ] [ ] [ ] [ ] [ ] [ ]
 *     order 1  [     ] [     ] [     ] [     ]     buddy of 2 is 0 (bit 1)
 *     order 2  [             ] [             ]     buddy of 4 is 0 (bit 2)
 *
 * 2. Splitting and coalescing
 *
 * A request is rounded up to an order. If no block of that order is free, the
 * smallest larger free block is halved until one is; the upper halves go to
 * the free lists. A freed block is joined with its buddy for as long as the
 * buddy is free, so free memory is always held in the largest blocks possible.
 * A split makes two blocks of one, a merge one of two, whoever asks for it: a
 * run that ends as it began has as many splits as merges.
 *
 * 3. Where things are
 *
 * A free block is known by the record of its first frame: KML_FRAME_FREE, its
 * order, and the links of its free list. A used block is KML_FRAME_USED. No other
 * frame is either of the two, so whether a buddy is free is one look at one record.
 *
 *     lists[3] -> 40 <-> 8      records  8: FREE order 3    40: FREE order 3
 *     lists[1] -> 18                    16: USED order 1    18: FREE order 1   20: USED order 2
 *
 * Memory that was never used is not on a list: the blocks of the largest order
 * from `frontier` up have no records yet. Setting up takes the same time for
 * 1 MiB and for 1 TiB (but for one byte a pageblock, with grouping), and the host
 * gives no memory for what nobody touches. The rest above the last whole block of
 * the largest order is put on the lists at once.
 *
 * 4. Choice of block
 *
 *   lifo     the block freed last. What Linux does, for the sake of warm caches
 *   fifo     the block freed first. Leaves buddies time to be freed
 *   address  the lowest, so that what is used gathers at the low end. The lists are then ordered
 *            sets (simcore/frame-set.h): a few words to look at and no search. A real kernel would
 *            keep their bits, about n/4 bytes for n frames; here the host does, not counted
 *
 * The frontier comes last, lowest block first.
 *
 * 5. Mobility
 *
 * With grouping = mobility there are free lists for each mobility, and each *pageblock* (2^9
 * frames, or the largest block if that is less) belongs to one: Mel Gorman and Andy Whitcroft,
 * "The What, The Why and the Where To of Anti-Fragmentation", OLS 2006. A block is freed to the
 * list of its pageblock. When the lists of a mobility have nothing, the *largest* block of
 * another one is taken, so that mixing happens seldom. Unmovable and reclaimable requests, and
 * movable ones that meet a block of at least half a pageblock's order, *steal*: all that is
 * free in the pageblock goes to the lists of the new mobility, and the pageblock itself is
 * *claimed* when at least half of it is now free or of a like mobility. A movable request that
 * meets only smaller blocks takes the smallest and steals nothing: it can be moved away later.
 * Memory that was never used is movable.
 *
 * 6. Constraints
 *
 * A block of order k is aligned to 2^k frames and crosses no multiple of a power of two
 * that is not smaller. A greater alignment is met by taking a block of the alignment's
 * order and giving back what is above the request; what exceeds the largest order, and
 * limits of address, by looking through the lists, which takes time in proportion to the
 * free blocks (Linux has zones for that). A boundary below the request's size cannot be kept.
 *
 * 7. Costs
 *
 * Those of Linux's path without per-CPU lists, which are a layer of their own: the zone's lock;
 * the list's head, hot; the records of the block, of the neighbours in its list and of each
 * buddy looked at, warm; and the check of every frame's flags, one warm record each
 * (check_new_pages(), free_pages_prepare()). The numbers of instructions are at their definition.
 *
 * 8. Not modelled
 *
 * Zones, watermarks and reclaim, per-CPU lists, isolated and CMA pageblocks, the high-atomic
 * reserve.
 *
 * 9. Invariants, verified by buddy_check()
 *
 *   Y1  the blocks tile [0, n_usable); nothing below the frontier is untouched
 *   Y2  a block of order k starts at a multiple of 2^k, and k <= max-order
 *   Y3  no two buddies are both free, except at the largest order
 *   Y4  each free block below the frontier or above the last whole block is on the list of its
 *       order and mobility, each list has no other, and its links agree
 *   Y5  the free area counts the free blocks
 *   Y6  an order is marked as non-empty if and only if its list is not
 */

#include "simcore/allocator.h"
#include "simcore/frame-set.h"

#define LARGEST_PAGEBLOCK_ORDER 9 /* 2 MiB of 4 KiB: what a huge page needs, as Linux on x86-64 */

/* Estimates from reading the paths below without what only a simulation does (counting the free
 * area, spending, constraints): to find and unlink a block, to link one, per split or merge,
 * and per frame whose flags are checked. They are not measured on a kernel. */
#define ALLOC_INSTRUCTIONS 60
#define FREE_INSTRUCTIONS  45
#define STEP_INSTRUCTIONS  25
#define FRAME_INSTRUCTIONS 4

/* Records looked at besides the frames': the neighbour in the list (alloc), the old head
 * (free), and per split or merge the other half and its neighbour. */
#define STEP_RECORDS 2

typedef enum {
  ORDER_LIFO,
  ORDER_FIFO,
  ORDER_ADDRESS,
} ListOrder;

typedef enum {
  GROUPING_NONE,
  GROUPING_MOBILITY,
} Grouping;

enum {
  COUNTER_SPLITS,
  COUNTER_MERGES,
  COUNTER_STEALS,
  COUNTER_CLAIMS,
};

typedef struct {
  KmlPfn first, last; /* KML_PFN_NONE: empty */
} FreeList;

typedef struct {
  KmlAllocator base;
  guint64 max_order;
  guint list_order; /* ListOrder */
  guint grouping;   /* Grouping */

  KmlPfn frontier;     /* blocks of max_order from here ... */
  KmlPfn frontier_end; /* ... to here were never used */
  KmlMobility frontier_mobility;
  guint64 n_steps; /* splits and merges of the operation at hand, for its cost */

  guint32 nonempty[KML_N_MOBILITIES]; /* bit k: the list of order k is not empty */
  FreeList lists[KML_N_MOBILITIES][KML_MAX_ORDER + 1];
  KmlFrameSet sets[KML_N_MOBILITIES]
                  [KML_MAX_ORDER + 1]; /* members: frame >> order; ORDER_ADDRESS alone */

  guint pageblock_order;
  guint8 *pageblocks; /* (owned) (nullable): KmlMobility of each; GROUPING_MOBILITY alone */
} Buddy;

static inline KmlFrame *
frame_of (const Buddy *self, KmlPfn pfn)
{
  return kml_ram_frame (self->base.machine->ram, pfn);
}

static inline KmlPfn
frames_in (guint order)
{
  return (KmlPfn)1 << order;
}

/* ---- The free lists ---- */

static void
link_block (Buddy *self, KmlPfn pfn, guint order, KmlMobility mobility)
{
  FreeList *list = &self->lists[mobility][order];
  KmlFrame *frame = frame_of (self, pfn);
  const gboolean at_front = self->list_order == ORDER_LIFO;

  frame->free.prev = at_front ? KML_PFN_NONE : list->last;
  frame->free.next = at_front ? list->first : KML_PFN_NONE;
  if (frame->free.prev != KML_PFN_NONE)
    frame_of (self, frame->free.prev)->free.next = pfn;
  else
    list->first = pfn;
  if (frame->free.next != KML_PFN_NONE)
    frame_of (self, frame->free.next)->free.prev = pfn;
  else
    list->last = pfn;
}

static void
unlink_block (Buddy *self, KmlPfn pfn, guint order, KmlMobility mobility)
{
  FreeList *list = &self->lists[mobility][order];
  const KmlFrame *frame = frame_of (self, pfn);

  if (frame->free.prev != KML_PFN_NONE)
    frame_of (self, frame->free.prev)->free.next = frame->free.next;
  else
    list->first = frame->free.next;
  if (frame->free.next != KML_PFN_NONE)
    frame_of (self, frame->free.next)->free.prev = frame->free.prev;
  else
    list->last = frame->free.prev;
}

/* The block that comes first in the list's order, or after @after; KML_PFN_NONE: no more. */
static KmlPfn
next_block (const Buddy *self, guint order, KmlMobility mobility, KmlPfn after)
{
  const KmlFrameSet *set = &self->sets[mobility][order];
  guint64 member;

  if (self->list_order != ORDER_ADDRESS)
    return after == KML_PFN_NONE ? self->lists[mobility][order].first
                                 : frame_of (self, after)->free.next;
  member = kml_frame_set_next (set, after == KML_PFN_NONE ? 0 : (after >> order) + 1);
  return member == set->n ? KML_PFN_NONE : (KmlPfn)(member << order);
}

/* Makes [pfn, pfn + 2^order) a free block of its own; joins nothing. */
static void
put_block (Buddy *self, KmlPfn pfn, guint order, KmlMobility mobility)
{
  KmlFrame *frame = frame_of (self, pfn);

  frame->state = KML_FRAME_FREE;
  frame->order = (guint8)order;
  frame->mobility = (guint8)mobility;
  frame->n_frames = frames_in (order);
  if (self->list_order == ORDER_ADDRESS)
    kml_frame_set_insert (&self->sets[mobility][order], pfn >> order);
  else
    link_block (self, pfn, order, mobility);
  self->nonempty[mobility] |= (guint32)1 << order;
  kml_free_area_add (&self->base.machine->free_area, order, mobility);
}

/* Takes a free block off its list; its first frame is an inner one until something else is
 * written. */
static void
remove_block (Buddy *self, KmlPfn pfn)
{
  KmlFrame *frame = frame_of (self, pfn);
  const guint order = frame->order;
  const KmlMobility mobility = frame->mobility;

  if (self->list_order == ORDER_ADDRESS)
    kml_frame_set_remove (&self->sets[mobility][order], pfn >> order);
  else
    unlink_block (self, pfn, order, mobility);
  if (next_block (self, order, mobility, KML_PFN_NONE) == KML_PFN_NONE)
    self->nonempty[mobility] &= ~((guint32)1 << order);
  kml_free_area_remove (&self->base.machine->free_area, order, mobility);
  frame->state = KML_FRAME_TAIL;
}

/* The frontier moves over one block, which goes to a list. */
static void
touch_frontier (Buddy *self)
{
  const KmlPfn pfn = self->frontier;

  self->frontier += frames_in ((guint)self->max_order);
  kml_free_area_remove (&self->base.machine->free_area, (guint)self->max_order,
                        self->frontier_mobility);
  put_block (self, pfn, (guint)self->max_order, self->frontier_mobility);
}

/* ---- Setting up ---- */

/* Covers what is left above the last whole block of the largest order with smaller ones. */
static void
put_rest (Buddy *self)
{
  const KmlPfn end = self->base.machine->ram->n_usable;
  KmlPfn pfn = self->frontier_end;

  for (guint order = (guint)self->max_order; order-- > 0;)
    if (end - pfn >= frames_in (order)) {
      put_block (self, pfn, order, self->frontier_mobility);
      pfn += frames_in (order);
    }
}

static gboolean
init_sets (Buddy *self, GError **error)
{
  const guint64 n_frames = self->base.machine->ram->n_usable;
  const guint n_mobilities = self->grouping == GROUPING_NONE ? 1 : KML_N_MOBILITIES;

  for (guint mobility = 0; mobility < n_mobilities; mobility++)
    for (guint order = 0; order <= self->max_order; order++)
      if (!kml_frame_set_init (&self->sets[mobility][order], (n_frames >> order) + 1, error))
        return FALSE;
  return TRUE;
}

static gboolean
init_pageblocks (Buddy *self, GError **error)
{
  const guint64 n = ((guint64)self->base.machine->ram->n_usable >> self->pageblock_order) + 1;

  self->pageblocks = g_try_malloc (n);
  if (self->pageblocks == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "the host has no memory for %" G_GUINT64_FORMAT " pageblocks", n);
    return FALSE;
  }
  memset (self->pageblocks, KML_MOBILITY_MOVABLE, n);
  return TRUE;
}

static gboolean
buddy_init (KmlAllocator *base, GError **error)
{
  Buddy *self = (Buddy *)base;
  KmlFreeArea *area = &base->machine->free_area;
  const guint max_order = (guint)self->max_order;
  const guint32 n_blocks = base->machine->ram->n_usable >> max_order;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; order <= KML_MAX_ORDER; order++)
      self->lists[mobility][order] = (FreeList){ KML_PFN_NONE, KML_PFN_NONE };
  self->pageblock_order = MIN (LARGEST_PAGEBLOCK_ORDER, max_order);
  if (self->list_order == ORDER_ADDRESS && !init_sets (self, error))
    return FALSE;
  if (self->grouping == GROUPING_MOBILITY && !init_pageblocks (self, error))
    return FALSE;

  self->frontier_mobility = self->grouping == GROUPING_MOBILITY ? KML_MOBILITY_MOVABLE
                                                                : KML_MOBILITY_UNMOVABLE;
  self->frontier_end = n_blocks << max_order;
  area->blocks[self->frontier_mobility][max_order] += n_blocks;
  area->n_free += self->frontier_end;
  area->version++;
  put_rest (self);
  return TRUE;
}

static void
buddy_finish (KmlAllocator *base)
{
  Buddy *self = (Buddy *)base;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; order <= KML_MAX_ORDER; order++)
      kml_frame_set_clear (&self->sets[mobility][order]);
  g_clear_pointer (&self->pageblocks, g_free);
}

/* ---- Finding a block ---- */

/* What a request comes to. */
typedef struct {
  guint order;          /* of the block that it gets */
  guint search_order;   /* of the block that this is cut from: >= order */
  KmlPfn alignment;     /* frames; what search_order does not give by itself */
  KmlPfn end;           /* the block ends at or below this frame */
  KmlMobility mobility; /* of the lists to look in first */
} Wish;

/* The order of the smallest block of at least @n_frames: 5 -> 3. */
static inline guint
order_for (guint64 n_frames)
{
  return n_frames <= 1 ? 0 : 64 - (guint)__builtin_clzll (n_frames - 1);
}

/* FALSE: no block can ever be suitable. */
static gboolean
wish_constraints (const Buddy *self, const KmlRequest *request, Wish *wish)
{
  const KmlRam *ram = self->base.machine->ram;
  const KmlConstraints *constraints = request->constraints;
  const guint64 alignment = constraints->alignment >> ram->page_shift; /* 0: less than a page */

  if (constraints->boundary != 0 && request->size > constraints->boundary)
    return FALSE;
  if (constraints->limit != 0)
    wish->end = (KmlPfn)MIN (constraints->limit >> ram->page_shift, ram->n_usable);
  if (alignment > ram->n_usable)
    wish->end = MIN (wish->end, frames_in (wish->order)); /* frame 0 is aligned to anything */
  wish->search_order = (guint)MIN (MAX (order_for (alignment), wish->order), self->max_order);
  wish->alignment = alignment > ram->n_usable ? 0 : (KmlPfn)alignment;
  return TRUE;
}

static gboolean
make_wish (const Buddy *self, const KmlRequest *request, Wish *ret_wish)
{
  const KmlRam *ram = self->base.machine->ram;
  Wish wish = { .end = ram->n_usable };

  wish.order = order_for (request->size >> ram->page_shift);
  if (wish.order > self->max_order)
    return FALSE;
  wish.search_order = wish.order;
  wish.mobility = self->grouping == GROUPING_MOBILITY ? request->mobility : KML_MOBILITY_UNMOVABLE;
  if (request->constraints != NULL && !wish_constraints (self, request, &wish))
    return FALSE;
  *ret_wish = wish;
  return TRUE;
}

/* Of a suitable block the lowest part is kept. */
static inline gboolean
is_suitable (const Wish *wish, KmlPfn pfn)
{
  return (wish->alignment == 0 || (pfn & (wish->alignment - 1)) == 0) && pfn < wish->end &&
         wish->end - pfn >= frames_in (wish->order);
}

/* A suitable block beyond the frontier becomes one of the lists'. */
static KmlPfn
find_in_frontier (Buddy *self, const Wish *wish)
{
  const guint64 alignment = MAX (wish->alignment, 1);
  const guint64 pfn = (self->frontier + alignment - 1) & ~(alignment - 1);

  if (pfn >= self->frontier_end || !is_suitable (wish, (KmlPfn)pfn))
    return KML_PFN_NONE;
  while (self->frontier <= pfn)
    touch_frontier (self);
  return (KmlPfn)pfn;
}

/* The first suitable block of this list. Without constraints that is the first. */
static KmlPfn
find_in_list (const Buddy *self, const Wish *wish, guint order, KmlMobility mobility)
{
  KmlPfn pfn = next_block (self, order, mobility, KML_PFN_NONE);

  while (pfn != KML_PFN_NONE && !is_suitable (wish, pfn)) {
    kml_spend (self->base.machine, KML_COST_WARM, 1);
    pfn = next_block (self, order, mobility, pfn);
  }
  return pfn;
}

/* The smallest suitable block of one mobility. */
static KmlPfn
find_smallest (Buddy *self, const Wish *wish, KmlMobility mobility)
{
  guint32 orders = self->nonempty[mobility] & (G_MAXUINT32 << wish->search_order);

  for (; orders != 0; orders &= orders - 1) {
    const KmlPfn pfn = find_in_list (self, wish, (guint)__builtin_ctz (orders), mobility);

    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  if (mobility == self->frontier_mobility)
    return find_in_frontier (self, wish);
  return KML_PFN_NONE;
}

/* ---- Fallback to other mobilities ---- */

/* Whose blocks are taken first. What is reclaimable goes away by itself, so it disturbs least. */
static const KmlMobility fallbacks[KML_N_MOBILITIES][KML_N_MOBILITIES - 1] = {
  [KML_MOBILITY_UNMOVABLE] = { KML_MOBILITY_RECLAIMABLE, KML_MOBILITY_MOVABLE },
  [KML_MOBILITY_MOVABLE] = { KML_MOBILITY_RECLAIMABLE, KML_MOBILITY_UNMOVABLE },
  [KML_MOBILITY_RECLAIMABLE] = { KML_MOBILITY_UNMOVABLE, KML_MOBILITY_MOVABLE },
};

/* A suitable block of exactly this order among the other mobilities. */
static KmlPfn
find_foreign (Buddy *self, const Wish *wish, guint order)
{
  for (guint i = 0; i < G_N_ELEMENTS (fallbacks[0]); i++) {
    const KmlMobility mobility = fallbacks[wish->mobility][i];
    KmlPfn pfn = find_in_list (self, wish, order, mobility);

    if (pfn == KML_PFN_NONE && order == self->max_order && mobility == self->frontier_mobility)
      pfn = find_in_frontier (self, wish);
    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  return KML_PFN_NONE;
}

static KmlPfn
find_largest_foreign (Buddy *self, const Wish *wish)
{
  for (guint order = (guint)self->max_order + 1; order-- > wish->search_order;) {
    const KmlPfn pfn = find_foreign (self, wish, order);

    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  return KML_PFN_NONE;
}

static KmlPfn
find_smallest_foreign (Buddy *self, const Wish *wish)
{
  for (guint order = wish->search_order; order <= self->max_order; order++) {
    const KmlPfn pfn = find_foreign (self, wish, order);

    if (pfn != KML_PFN_NONE)
      return pfn;
  }
  return KML_PFN_NONE;
}

/* Moves every free block of the pageblock around @pfn to the lists of @mobility. Returns how
 * many frames of it are free or go well with @mobility. Its blocks lie within it: one of them
 * is free and smaller. */
static KmlPfn
move_pageblock (Buddy *self, KmlPfn pfn, KmlMobility mobility)
{
  const KmlPfn start = pfn & ~(frames_in (self->pageblock_order) - 1);
  const KmlPfn end = (KmlPfn)MIN ((guint64)start + frames_in (self->pageblock_order),
                                  self->base.machine->ram->n_usable);
  const KmlMobility old = self->pageblocks[start >> self->pageblock_order];
  KmlPfn n_free = 0, n_movable = 0, n_other = 0;

  for (KmlPfn at = start; at < end;) {
    const KmlFrame *frame = frame_of (self, at);
    const KmlPfn n_frames = frames_in (frame->order);

    if (frame->state == KML_FRAME_FREE) {
      remove_block (self, at);
      put_block (self, at, frame->order, mobility);
      n_free += n_frames;
    } else if (frame->mobility == KML_MOBILITY_MOVABLE) {
      n_movable += n_frames;
    } else {
      n_other += n_frames;
    }
    kml_spend (self->base.machine, KML_COST_WARM, 1);
    at += n_frames;
  }
  if (mobility == KML_MOBILITY_MOVABLE)
    return n_free + n_movable;
  return old == KML_MOBILITY_MOVABLE ? n_free + n_other : n_free;
}

/* Takes what there is to take with the free block at @pfn, which is on a foreign list. */
static void
steal_around (Buddy *self, KmlPfn pfn, KmlMobility mobility)
{
  const guint order = frame_of (self, pfn)->order;
  const KmlPfn block = pfn >> self->pageblock_order;
  const guint half = self->pageblock_order == 0 ? 0 : self->pageblock_order - 1;

  self->base.counters[COUNTER_STEALS]++;
  if (order >= self->pageblock_order) {
    memset (&self->pageblocks[block], (int)mobility, frames_in (order - self->pageblock_order));
    self->base.counters[COUNTER_CLAIMS] += frames_in (order - self->pageblock_order);
  } else if (move_pageblock (self, pfn, mobility) >= frames_in (half)) {
    self->pageblocks[block] = (guint8)mobility;
    self->base.counters[COUNTER_CLAIMS]++;
  }
}

/* A block of another mobility, when there is none of the right one. */
static KmlPfn
find_fallback (Buddy *self, const Wish *wish)
{
  KmlPfn pfn = find_largest_foreign (self, wish);

  if (pfn == KML_PFN_NONE)
    return KML_PFN_NONE;
  if (wish->mobility == KML_MOBILITY_MOVABLE &&
      frame_of (self, pfn)->order < self->pageblock_order / 2)
    return find_smallest_foreign (self, wish);
  steal_around (self, pfn, wish->mobility);
  return pfn;
}

static KmlPfn
find_block (Buddy *self, const Wish *wish)
{
  const KmlPfn pfn = find_smallest (self, wish, wish->mobility);

  if (pfn == KML_PFN_NONE && self->grouping == GROUPING_MOBILITY)
    return find_fallback (self, wish);
  return pfn;
}

/* ---- Allocating ---- */

static void
spend_path (Buddy *self, guint instructions, guint order)
{
  KmlMachine *machine = self->base.machine;
  const guint64 n_frames = frames_in (order);

  kml_spend (machine, KML_COST_LOCK, 1);
  kml_spend (machine, KML_COST_HOT, 2); /* the list's head and the count of its blocks */
  kml_spend (machine, KML_COST_INSTRUCTION,
             instructions + self->n_steps * STEP_INSTRUCTIONS + n_frames * FRAME_INSTRUCTIONS);
  kml_spend (machine, KML_COST_WARM, 1 + self->n_steps * STEP_RECORDS + n_frames);
}

/* Halves the block at @pfn, which is on no list, and gives back upper halves. */
static void
cut (Buddy *self, KmlPfn pfn, guint from, guint to, KmlMobility mobility)
{
  self->n_steps += from - to;
  self->base.counters[COUNTER_SPLITS] += from - to;
  while (from > to) {
    from--;
    put_block (self, pfn + frames_in (from), from, mobility);
  }
}

static inline void
use_block (Buddy *self, KmlPfn pfn, guint order, KmlMobility mobility)
{
  KmlFrame *frame = frame_of (self, pfn);

  frame->state = KML_FRAME_USED;
  frame->order = (guint8)order;
  frame->mobility = (guint8)mobility;
  frame->flags = 0;
  frame->n_frames = frames_in (order);
}

static KmlAddr
buddy_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Buddy *self = (Buddy *)base;
  KmlMachine *machine = base->machine;
  KmlPfn pfn = KML_PFN_NONE;
  Wish wish;

  g_assert (request->size > 0);
  g_assert (request->size % kml_ram_page_size (machine->ram) == 0);
  g_assert (request->mobility < KML_N_MOBILITIES);

  self->n_steps = 0;
  if (G_LIKELY (make_wish (self, request, &wish)))
    pfn = find_block (self, &wish);
  if (G_UNLIKELY (pfn == KML_PFN_NONE)) {
    spend_path (self, ALLOC_INSTRUCTIONS, 0);
    return KML_ADDR_NONE;
  }

  remove_block (self, pfn);
  cut (self, pfn, frame_of (self, pfn)->order, wish.order, wish.mobility);
  use_block (self, pfn, wish.order, request->mobility);
  spend_path (self, ALLOC_INSTRUCTIONS, wish.order);
  if (request->gfp & KML_GFP_ZERO)
    kml_spend (machine, KML_COST_ZERO_PAGE, frames_in (wish.order));
  *ret_held = (guint64)frames_in (wish.order) << machine->ram->page_shift;
  return kml_ram_addr (machine->ram, pfn);
}

/* ---- Freeing ---- */

/* The frame of a live block that begins at @addr. */
static KmlPfn
live_block (const Buddy *self, KmlAddr addr)
{
  const KmlRam *ram = self->base.machine->ram;
  const KmlPfn pfn = kml_ram_pfn (ram, addr);

  g_assert (addr < kml_ram_addr (ram, ram->n_usable));
  g_assert (addr % kml_ram_page_size (ram) == 0);
  g_assert (kml_ram_frame (ram, pfn)->state == KML_FRAME_USED);
  g_assert (!(kml_ram_frame (ram, pfn)->flags & KML_FRAME_FLAG_SLAB)); /* its owner has it still */
  return pfn;
}

static inline gboolean
is_free_block (const Buddy *self, KmlPfn pfn, guint order)
{
  const KmlFrame *frame = frame_of (self, pfn);

  return pfn < self->base.machine->ram->n_usable && frame->state == KML_FRAME_FREE &&
         frame->order == order;
}

static guint64
buddy_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Buddy *self = (Buddy *)base;
  KmlPfn pfn = live_block (self, addr);
  KmlFrame *frame = frame_of (self, pfn);
  const guint held_order = frame->order;
  const KmlMobility mobility = self->pageblocks == NULL
                                   ? KML_MOBILITY_UNMOVABLE
                                   : self->pageblocks[pfn >> self->pageblock_order];
  guint order = held_order;

  frame->state = KML_FRAME_TAIL;
  for (; order < self->max_order; order++) {
    const KmlPfn buddy = pfn ^ frames_in (order);

    if (!is_free_block (self, buddy, order))
      break;
    remove_block (self, buddy);
    pfn &= buddy; /* the lower of the two */
  }
  put_block (self, pfn, order, mobility);
  base->counters[COUNTER_MERGES] += order - held_order;

  self->n_steps = order - held_order;
  spend_path (self, FREE_INSTRUCTIONS, held_order);
  return (guint64)frames_in (held_order) << base->machine->ram->page_shift;
}

static void
buddy_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  Buddy *self = (Buddy *)base;
  const KmlPfn pfn = live_block (self, addr);
  const KmlFrame frame = *frame_of (self, pfn);
  const guint order = order_for (piece >> base->machine->ram->page_shift);
  const KmlPfn n_pieces = frames_in (frame.order) >> order;

  g_assert ((guint64)frames_in (order) << base->machine->ram->page_shift == piece);
  g_assert (order < frame.order);

  for (KmlPfn i = 0; i < n_pieces; i++)
    use_block (self, pfn + (i << order), order, frame.mobility);
  base->counters[COUNTER_SPLITS] += n_pieces - 1;
  kml_spend (base->machine, KML_COST_INSTRUCTION, n_pieces * FRAME_INSTRUCTIONS);
  kml_spend (base->machine, KML_COST_WARM, n_pieces);
}

/* ---- Looking at it ---- */

/* The block that starts at @pfn. */
static guint
block_at (const Buddy *self, KmlPfn pfn, KmlBlockState *ret_state)
{
  const KmlFrame *frame = frame_of (self, pfn);

  if (pfn >= self->frontier && pfn < self->frontier_end) {
    *ret_state = KML_BLOCK_FREE;
    return (guint)self->max_order;
  }
  *ret_state = frame->state == KML_FRAME_USED ? KML_BLOCK_USED : KML_BLOCK_FREE;
  return frame->order;
}

static void
buddy_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const Buddy *self = (const Buddy *)base;
  const KmlRam *ram = base->machine->ram;

  for (guint64 pfn = 0; pfn < ram->n_usable;) {
    KmlBlockState state;
    const guint order = block_at (self, (KmlPfn)pfn, &state);

    func (kml_ram_addr (ram, (KmlPfn)pfn), kml_ram_page_size (ram) << order, state, user_data);
    pfn += frames_in (order);
  }
}

static gboolean
broken (const char *invariant, guint64 pfn, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "invariant %s does not hold at frame %" G_GUINT64_FORMAT, invariant, pfn);
  return FALSE;
}

/* Y1, Y2, Y3; counts the free blocks, those of the lists apart, for Y4 and Y5. */
static gboolean
check_blocks (const Buddy *self, KmlFreeArea *ret_all, KmlFreeArea *ret_listed, GError **error)
{
  const guint64 n_usable = self->base.machine->ram->n_usable;

  for (guint64 at = 0; at < n_usable;) {
    const KmlPfn pfn = (KmlPfn)at;
    const gboolean is_untouched = pfn >= self->frontier && pfn < self->frontier_end;
    const KmlFrame *frame = frame_of (self, pfn);
    KmlBlockState state;
    const guint order = block_at (self, pfn, &state);

    if (is_untouched != (frame->state == KML_FRAME_UNTOUCHED) || frame->state == KML_FRAME_TAIL)
      return broken ("Y1", pfn, error);
    if (order > self->max_order || (pfn & (frames_in (order) - 1)) != 0)
      return broken ("Y2", pfn, error);
    if (at + frames_in (order) > n_usable)
      return broken ("Y1", pfn, error);
    if (state == KML_BLOCK_FREE && order < self->max_order &&
        is_free_block (self, pfn ^ frames_in (order), order))
      return broken ("Y3", pfn, error);
    if (state == KML_BLOCK_FREE)
      kml_free_area_add (ret_all, order, is_untouched ? self->frontier_mobility : frame->mobility);
    if (state == KML_BLOCK_FREE && !is_untouched)
      kml_free_area_add (ret_listed, order, frame->mobility);
    at += frames_in (order);
  }
  return TRUE;
}

/* Y4 for one list: as many blocks as were found, each of the right kind, linked both ways. A
 * list that is too long, or goes in a circle, is found out by counting. */
static gboolean
check_list (const Buddy *self, guint order, KmlMobility mobility, guint64 n_expected,
            GError **error)
{
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = next_block (self, order, mobility, KML_PFN_NONE); pfn != KML_PFN_NONE;
       pfn = next_block (self, order, mobility, pfn)) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (++n > n_expected || !is_free_block (self, pfn, order) || frame->mobility != mobility)
      return broken ("Y4", pfn, error);
    if (self->list_order != ORDER_ADDRESS && frame->free.prev != before)
      return broken ("Y4", pfn, error);
    before = pfn;
  }
  if (n != n_expected ||
      (self->list_order != ORDER_ADDRESS && self->lists[mobility][order].last != before))
    return broken ("Y4", before, error);
  if ((n > 0) != ((self->nonempty[mobility] >> order & 1) != 0))
    return broken ("Y6", before, error);
  return TRUE;
}

static gboolean
buddy_check (const KmlAllocator *base, GError **error)
{
  const Buddy *self = (const Buddy *)base;
  const KmlFreeArea *area = &base->machine->free_area;
  const guint n_mobilities = self->grouping == GROUPING_NONE ? 1 : KML_N_MOBILITIES;
  KmlFreeArea all = { 0 }, listed = { 0 };

  if (!check_blocks (self, &all, &listed, error))
    return FALSE;
  for (guint mobility = 0; mobility < n_mobilities; mobility++)
    for (guint order = 0; order <= self->max_order; order++)
      if (!check_list (self, order, mobility, listed.blocks[mobility][order], error))
        return FALSE;
  if (memcmp (all.blocks, area->blocks, sizeof all.blocks) != 0 || all.n_free != area->n_free)
    return broken ("Y5", 0, error);
  return TRUE;
}

/* ---- What it is called ---- */

static const char *const list_orders[] = { "lifo", "fifo", "address", NULL };
static const char *const groupings[] = { "none", "mobility", NULL };

static const KmlParam buddy_params[] = {
  { .name = "max-order",
    .type = KML_PARAM_COUNT,
    .value = "10",
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Buddy, max_order),
    .summary = "the largest block is 2^max-order page frames" },
  { .name = "list",
    .type = KML_PARAM_CHOICE,
    .value = "lifo",
    .choices = list_orders,
    .offset = G_STRUCT_OFFSET (Buddy, list_order),
    .summary = "which of several free blocks of one order is taken: the one freed last, first, or "
               "the lowest" },
  { .name = "grouping",
    .type = KML_PARAM_CHOICE,
    .value = "none",
    .choices = groupings,
    .offset = G_STRUCT_OFFSET (Buddy, grouping),
    .summary = "whether blocks of different mobility are kept apart, by pageblocks" },
  { NULL },
};

static const KmlCounterInfo buddy_counters[] = {
  [COUNTER_SPLITS] = { "splits", "blocks", "times that a block was made two" },
  [COUNTER_MERGES] = { "merges", "blocks", "times that two free buddies were made one block" },
  [COUNTER_STEALS] = { "steals", "blocks",
                       "times that a request took blocks of another mobility for its own" },
  [COUNTER_CLAIMS] = { "claims", "pageblocks", "pageblocks that changed their mobility" },
  { NULL },
};

static const KmlAllocatorOps buddy_ops = {
  .name = "buddy",
  .summary = "binary buddy system, as in Linux's page allocator",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (Buddy),
  .params = buddy_params,
  .counters = buddy_counters,
  .init = buddy_init,
  .finish = buddy_finish,
  .alloc = buddy_alloc,
  .free = buddy_free,
  .split = buddy_split,
  .walk = buddy_walk,
  .check = buddy_check,
};

KML_REGISTER_ALLOCATOR (buddy_ops)
