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
 * run that ends as it began has as many splits as merges, of each order. How many
 * of either one operation may make can be limited: buddy-deferred.c.
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
 *   lifo     the block freed last, for the sake of warm caches. What Linux did up to 2.6.34
 *   fifo     the block freed first. Leaves buddies time to be freed
 *   address  the lowest, so that what is used gathers at the low end. The lists are then ordered
 *            sets (simcore/memory/frame-set.h): a few words to look at and no search. A real kernel would
 *            keep their bits, about n/4 bytes for n frames; here the host does, not counted
 *
 *   linux    as lifo, but a block whose buddy is in use and whose parent's buddy is free waits at the end of its list: when
 *            the buddy is freed, two merges come at once (Linux 2.6.35 and later, buddy_merge_likely())
 *
 * The frontier comes last, lowest block first.
 *
 * 5. Mobility
 *
 * With grouping = mobility there are free lists for each mobility, and each pageblock belongs to
 * one: a block is freed to the list of its pageblock. Who takes from whom when a mobility has
 * nothing left is told in buddy-mobility.c.
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
 * buddy looked at, warm; and the check of the flags of every frame asked for, one warm record each
 * (frame-check.h). The numbers of instructions are in buddy-costs.h.
 *
 * 8. Not modelled
 *
 * Zones and watermarks (they are around it: simcore/pages/zones.h), per-CPU lists, isolated and CMA pageblocks, the high-atomic
 * reserve; that compaction (simcore/pages/compaction.c) turns free lists round where it has looked; in a pageblock that a zone has only the end or the
 * beginning of, Linux steals what is above the block it met, or that block alone.
 *
 * 9. Invariants, verified by buddy_check()
 *
 *   Y1  the blocks tile [0, n_usable); nothing below the frontier is untouched
 *   Y2  a block of order k starts at a multiple of 2^k, and k <= max-order
 *   Y3  no two buddies are both free, except at the largest order, or as a pair that waits to be
 *       joined: each of these is on the queue once, under its lower block, and has both flags
 *   Y4  each free block below the frontier or above the last whole block is on the list of its
 *       order and mobility, each list has no other, and its links agree
 *   Y5  the free area counts the free blocks
 *   Y6  an order is marked as non-empty if and only if its list is not
 *   Y7  splits and merges account for the blocks there are, at each order k: there are as many
 *       as at the beginning, less those of them that are split, and two for each of order k + 1 that is
 */

#include "allocators/buddy-costs.h"
#include "allocators/buddy-deferred.h"
#include "allocators/buddy-mobility.h"

/* ---- References, with a cache model ---- */

void
buddy_touch_links (const Buddy *self, KmlPfn pfn)
{
  KmlMachine *machine = self->base.machine;
  const KmlFrame *frame = frame_of (self, pfn);

  kml_touch (machine,
             self->statics +
                 ((KmlAddr)frame->order * KML_N_MOBILITIES + frame->mobility) * BUDDY_HEAD,
             BUDDY_HEAD, KML_TOUCH_WRITE);
  if (self->list_order == ORDER_ADDRESS)
    kml_touch_frame (machine, frame, KML_TOUCH_WRITE);
  else
    kml_frame_list_touch (machine, &self->base.ram, pfn);
}

void
buddy_look_at (const Buddy *self, KmlPfn pfn)
{
  if (pfn < self->base.ram.n_usable)
    kml_touch_frame (self->base.machine, frame_of (self, pfn), KML_TOUCH_READ);
}

/* ---- Setting up ---- */

/* Covers what is left above the last whole block of the largest order with smaller ones. */
static void
put_rest (Buddy *self)
{
  const KmlPfn end = self->base.ram.n_usable;
  KmlPfn pfn = self->frontier_end;

  for (guint order = (guint)self->max_order; order-- > 0;)
    if (end - pfn >= frames_in (order)) {
      put_block (self, FALSE, pfn, order, self->frontier_mobility);
      pfn += frames_in (order);
    }
}

static gboolean
init_sets (Buddy *self, GError **error)
{
  const guint64 n_frames = self->base.ram.n_usable;
  const guint n_mobilities = self->grouping == GROUPING_NONE ? 1 : KML_N_MOBILITIES;

  for (guint mobility = 0; mobility < n_mobilities; mobility++)
    for (guint order = 0; order <= self->max_order; order++)
      if (!kml_frame_set_init (&self->sets[mobility][order], (n_frames >> order) + 1, error))
        return FALSE;
  return TRUE;
}

static gboolean
buddy_init (KmlAllocator *base, GError **error)
{
  Buddy *self = (Buddy *)base;
  KmlFreeArea *area = base->free_area;
  const guint max_order = (guint)self->max_order;
  const guint32 n_blocks = base->ram.n_usable >> max_order;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; order <= KML_MAX_ORDER; order++)
      kml_frame_list_init (&self->lists[mobility][order]);
  if (self->list_order == ORDER_ADDRESS && !init_sets (self, error))
    return FALSE;
  if (self->grouping == GROUPING_MOBILITY && !buddy_init_pageblocks (self, error))
    return FALSE;

  self->frontier_mobility = self->grouping == GROUPING_MOBILITY ? KML_MOBILITY_MOVABLE
                                                                : KML_MOBILITY_UNMOVABLE;
  self->first_pair = self->last_pair = KML_PFN_NONE;
  self->has_caches = base->machine->caches != NULL;
  self->is_usual = self->list_order == ORDER_LIFO && self->grouping == GROUPING_NONE &&
                   !self->has_caches;
  init_costs (self);
  self->statics = kml_machine_statics (base->machine,
                                       (KML_MAX_ORDER + 1) * KML_N_MOBILITIES * BUDDY_HEAD);
  base->largest = kml_ram_page_size (&base->ram) << max_order;
  self->frontier_end = n_blocks << max_order;
  kml_free_area_add_blocks (area, max_order, n_blocks, self->frontier_mobility);
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

/* Sets, of order = address, are as large as RAM is: an eighth of a byte for each frame, and half as much for each order. */
static gboolean
buddy_remember (KmlAllocator *base, KmlImage *image)
{
  Buddy *self = (Buddy *)base;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; order <= KML_MAX_ORDER; order++)
      kml_frame_set_remember (&self->sets[mobility][order], image);
  if (self->pageblocks != NULL)
    kml_image_add (image, self->pageblocks, buddy_n_pageblocks (self));
  return TRUE;
}

/* ---- Finding a block ---- */

static inline void
note_most (Buddy *self, guint counter, guint64 n)
{
  self->base.counters[counter] = MAX (self->base.counters[counter], n);
}

static inline KmlPfn
find_listed (Buddy *self, const Wish *wish)
{
  const KmlPfn pfn = find_smallest (self, wish, wish->mobility);

  if (pfn == KML_PFN_NONE && self->grouping == GROUPING_MOBILITY)
    return buddy_find_fallback (self, wish);
  return pfn;
}

/* With constraints, beyond the frontier, among other mobilities, and after deferred merges. */
static KmlPfn G_GNUC_NO_INLINE
search_block (Buddy *self, const KmlRequest *request)
{
  KmlPfn pfn;
  Wish wish;

  if (!make_wish (self, request, &wish))
    return KML_PFN_NONE;
  pfn = find_listed (self, &wish);
  if (G_LIKELY (pfn != KML_PFN_NONE || self->first_pair == KML_PFN_NONE))
    return pfn;
  self->n_steps = buddy_join_deferred (self, self->max_merges);
  note_most (self, COUNTER_MOST_MERGES, self->n_steps);
  return self->n_steps > 0 ? find_listed (self, &wish) : KML_PFN_NONE;
}

/* ---- Allocating ---- */

/* Halves the block at @pfn, which is on no list, and gives back upper halves, as often as allowed.
 * Returns the order of what is left: @to or more. */
static BUDDY_INLINE guint
cut (Buddy *self, gboolean is_usual, KmlPfn pfn, guint from, guint to, KmlMobility mobility)
{
  if (from == to)
    return to;
  if (G_UNLIKELY (from - to > self->max_splits)) {
    self->base.counters[COUNTER_OVERSIZED]++;
    self->base.counters[COUNTER_OMITTED_SPLITS] += from - to - self->max_splits;
    to = from - (guint)self->max_splits;
  }
  self->n_steps += from - to;
  self->base.counters[COUNTER_SPLITS] += from - to;
  note_most (self, COUNTER_MOST_SPLITS, from - to);
  while (from > to) {
    self->n_split[from]++;
    from--;
    put_block (self, is_usual, pfn + frames_in (from), from, mobility);
  }
  return to;
}

static BUDDY_INLINE KmlAddr
take_block (Buddy *self, gboolean is_usual, const KmlRequest *request, guint64 *ret_held)
{
  KmlMachine *machine = self->base.machine;
  const KmlRam *ram = &self->base.ram;
  const guint64 n_frames = request->size >> ram->page_shift;
  const guint asked = order_for (n_frames);
  const KmlMobility mobility = is_usual ? KML_MOBILITY_UNMOVABLE : wished_mobility (self, request);
  KmlPfn pfn = KML_PFN_NONE;
  guint order;

  g_assert (n_frames > 0);
  g_assert (n_frames << ram->page_shift == request->size);
  g_assert (request->mobility < KML_N_MOBILITIES);

  self->n_steps = 0;
  if (G_LIKELY (request->constraints == NULL))
    pfn = find_plain (self, is_usual, asked, mobility);
  if (G_UNLIKELY (pfn == KML_PFN_NONE))
    pfn = search_block (self, request);
  if (G_UNLIKELY (pfn == KML_PFN_NONE)) {
    spend_path (self, is_usual, TRUE, KML_PFN_NONE, 0);
    return KML_ADDR_NONE;
  }

  remove_block (self, is_usual, pfn);
  order = cut (self, is_usual, pfn, frame_of (self, pfn)->order, asked, mobility);
  use_block (self, pfn, order, asked, request->mobility);
  spend_path (self, is_usual, TRUE, pfn, asked);
  /* times 0 or 1, and no branch: whether zeroed memory is asked for is hard to predict */
  kml_spend (machine, KML_COST_ZERO_PAGE, (guint64)((request->gfp & KML_GFP_ZERO) != 0) << asked);
  if (!is_usual && G_UNLIKELY (self->has_caches) && (request->gfp & KML_GFP_ZERO))
    kml_machine_clears (machine, ram->store + kml_ram_addr (ram, pfn), request->size);
  *ret_held = (guint64)frames_in (order) << ram->page_shift;
  return kml_ram_addr (ram, pfn);
}

static KmlAddr G_GNUC_NO_INLINE
take_unusual (Buddy *self, const KmlRequest *request, guint64 *ret_held)
{
  return take_block (self, FALSE, request, ret_held);
}

static KmlAddr
buddy_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Buddy *self = (Buddy *)base;

  return G_LIKELY (self->is_usual) ? take_block (self, TRUE, request, ret_held)
                                   : take_unusual (self, request, ret_held);
}

/* ---- Freeing ---- */

static BUDDY_INLINE guint64
give_back (Buddy *self, gboolean is_usual, KmlAddr addr)
{
  const KmlPfn pfn = live_block (self, addr);
  KmlFrame *frame = frame_of (self, pfn);
  const guint held_order = frame->order;
  const guint asked = kml_frame_own (frame);
  const KmlMobility home = is_usual ? KML_MOBILITY_UNMOVABLE : home_of (self, pfn);

  frame->state = KML_FRAME_TAIL;
  self->n_steps = join_block (self, is_usual, pfn, held_order, home, (guint)self->max_merges);
  self->base.counters[COUNTER_MERGES] += self->n_steps;
  if (G_UNLIKELY (self->first_pair != KML_PFN_NONE))
    self->n_steps += buddy_join_deferred (self, self->max_merges - self->n_steps);
  note_most (self, COUNTER_MOST_MERGES, self->n_steps);
  spend_path (self, is_usual, FALSE, pfn, asked);
  return (guint64)frames_in (held_order) << self->base.ram.page_shift;
}

static guint64 G_GNUC_NO_INLINE
give_back_unusual (Buddy *self, KmlAddr addr)
{
  return give_back (self, FALSE, addr);
}

static guint64
buddy_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Buddy *self = (Buddy *)base;

  return G_LIKELY (self->is_usual) ? give_back (self, TRUE, addr) : give_back_unusual (self, addr);
}

/* Joins all that waits to be joined. */
static void
buddy_shrink (KmlAllocator *base)
{
  Buddy *self = (Buddy *)base;

  self->n_steps = buddy_join_deferred (self, G_MAXUINT64);
  spend_path (self, FALSE, FALSE, KML_PFN_NONE, 0);
}

/* ---- Looking at it ---- */

static void
buddy_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const Buddy *self = (const Buddy *)base;
  const KmlRam *ram = &base->ram;

  for (guint64 pfn = 0; pfn < ram->n_usable;) {
    KmlBlockState state;
    const guint order = block_at (self, (KmlPfn)pfn, &state);

    func (kml_ram_addr (ram, (KmlPfn)pfn), kml_ram_page_size (ram) << order, state, user_data);
    pfn += frames_in (order);
  }
}

static void
buddy_state (const KmlAllocator *base, GArray *words)
{
  const Buddy *self = (const Buddy *)base;
  const guint n_mobilities = self->grouping == GROUPING_NONE ? 1 : KML_N_MOBILITIES;

  kml_state_add (words, self->frontier);
  for (guint mobility = 0; mobility < n_mobilities; mobility++)
    for (guint order = 0; order <= self->max_order; order++) {
      for (KmlPfn pfn = next_block (self, FALSE, order, mobility, KML_PFN_NONE);
           pfn != KML_PFN_NONE; pfn = next_block (self, FALSE, order, mobility, pfn))
        kml_state_add (words, pfn);
      kml_state_add (words, KML_PFN_NONE);
    }
  for (KmlPfn pair = self->first_pair; pair != KML_PFN_NONE;
       pair = frame_of (self, pair)->free.queue_next)
    kml_state_add (words, pair);
  for (guint64 i = 0; self->pageblocks != NULL && i <= base->ram.n_usable >> self->pageblock_order;
       i++)
    kml_state_add (words, self->pageblocks[i]);
}

/* ---- What it is called ---- */

static const char *const list_orders[] = { "lifo", "fifo", "address", "linux", NULL };
static const char *const groupings[] = { "none", "mobility", NULL };

#define UNLIMITED "20" /* KML_MAX_ORDER: no operation can need more steps */

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
    .summary = "which of several free blocks of one order is taken: the one freed last, first, "
               "the lowest, or as in Linux: freed last, unless it would be joined twice soon" },
  { .name = "grouping",
    .type = KML_PARAM_CHOICE,
    .value = "none",
    .choices = groupings,
    .offset = G_STRUCT_OFFSET (Buddy, grouping),
    .summary = "whether blocks of different mobility are kept apart, by pageblocks" },
  { .name = "max-splits",
    .type = KML_PARAM_COUNT,
    .value = UNLIMITED,
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Buddy, max_splits),
    .summary = "splits that one request makes at most; if they do not suffice it gets a larger "
               "block, whole (20: no limit)" },
  { .name = "max-merges",
    .type = KML_PARAM_COUNT,
    .value = UNLIMITED,
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Buddy, max_merges),
    .summary = "merges that one operation makes at most; the others are put off until a later one "
               "(20: no limit)" },
  { NULL },
};

static const KmlCounterInfo buddy_counters[] = {
  [COUNTER_SPLITS] = { "splits", "blocks", "times that a block was made two" },
  [COUNTER_MERGES] = { "merges", "blocks", "times that two free buddies were made one block" },
  [COUNTER_STEALS] = { "steals", "blocks",
                       "times that a request took blocks of another mobility for its own" },
  [COUNTER_CLAIMS] = { "claims", "pageblocks", "pageblocks that changed their mobility" },
  [COUNTER_MOST_SPLITS] = { "most_splits", "blocks", "the most splits that one request made",
                            TRUE },
  [COUNTER_MOST_MERGES] = { "most_merges", "blocks", "the most merges that one operation made",
                            TRUE },
  [COUNTER_OVERSIZED] = { "oversized", "requests",
                          "requests that got a larger block because of max-splits" },
  [COUNTER_OMITTED_SPLITS] = { "omitted_splits", "blocks", "splits that max-splits forbade" },
  [COUNTER_DEFERRED_MERGES] = { "deferred_merges", "pairs",
                                "times that two free buddies were left for later, because of "
                                "max-merges" },
  [COUNTER_LATE_MERGES] = { "late_merges", "blocks",
                            "merges that began with a pair left for later" },
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
  .isolate = buddy_isolate,
  .mobility_at = buddy_mobility_at,
  .shrink = buddy_shrink,
  .remember = buddy_remember,
  .walk = buddy_walk,
  .state = buddy_state,
  .check = buddy_check,
};

KML_REGISTER_ALLOCATOR (buddy_ops)
