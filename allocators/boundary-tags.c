/* boundary-tags.c: blocks of any size, cut from arenas and joined again by boundary tags.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Donald E. Knuth, The Art of Computer Programming, vol. 1, section 2.5, algorithms A and C;
 * Paul R. Wilson, Mark S. Johnstone, Michael Neely and David Boles, "Dynamic Storage
 * Allocation: A Survey and Critical Review", 1995, for the words.
 *
 * 1. Blocks and tags
 *
 * An *arena* is a run of page frames, tiled by blocks, each used or free. A request is rounded
 * up to the alignment, and its block cut from a free one; of that the lower part is used and the
 * upper remains free. Each block has its size and state at both of its ends, the *boundary tags*,
 * so whoever frees a block sees from the two words next to it whether its neighbours are free:
 *
 *     ... used |F|H  used  F|H         free        F|H used ...      H header
 *                          ^ |                     ^ |               F footer
 *                  freeing this one looks at these words
 *
 * What a tag says beyond size and state makes do without sentinels: whether the block below is
 * used (PREV_USED) and whether this is the arena's last (LAST). From bit 35 on a free block has
 * its number in the index of free blocks; a used one has its *seal*, which follows from its
 * address. A tag that ceases to be one is wiped out. So an address that is not a used block's,
 * and a block that was written beyond its end, are found when something is freed.
 *
 *   tags = both     as above: 16 bytes a block
 *          header   a used block has no footer, its successor's PREV_USED says it all: 8 bytes
 *                   (Doug Lea's malloc; the idea is in Knuth's exercises)
 *          none     tags lie in a memory of their own that costs nothing: pure placement
 *
 * 2. Coalescing
 *
 *   immediate   a freed block is joined with free neighbours at once, so no two free blocks meet
 *   deferred    freed blocks stay as they are; when nothing fits, a *sweep* through all
 *               arenas joins what can be joined, and the search is repeated
 *   none        never. An arena without used block is made one free block again, with all three
 *
 * What remains is a free block only if it has at least the *minimum*; smaller remainders are
 * given away with the block. A free block has room for two tags and the links of its list, so
 * with tags in memory no block is below 32 bytes.
 *
 * 3. The list
 *
 *   address   in the order of addresses. If a neighbour is free, a freed block's place is known;
 *             else the list is searched for it from its beginning
 *   lifo      a freed block, with all that it was joined with, becomes the first ...
 *   fifo      ... or the last. What remains of a block that was cut keeps its place
 *
 * How the list is searched is the policy: first-fit.c, next-fit.c, best-fit.c.
 *
 * The list itself lies on the host, as an index (fit-index.h) that finds the same block as a
 * search would in logarithmic time, and tells how many blocks the search would have
 * looked at. Simulated time is spent for those: what is modelled is the linear search of the
 * textbook. Walking a real list gives the same times and addresses, and is the reference in the
 * tests; but with 85000 free blocks a search for a fit looks at 37000 of them.
 *
 * 4. Arenas and the wilderness
 *
 * When nothing fits, another arena is taken from the page level: `arena` bytes or what the request
 * needs, if that is more; if there is none so large, what the request needs. Arenas are never
 * joined. Up to `keep` arenas without used blocks are kept, others given back.
 *
 * The free block at the end of an arena is its *wilderness*: the memory not yet shaped by what
 * was freed.
 *
 *   wilderness = listed      it is a free block like all others
 *                preserved   it is not on the list, and only cut when nothing on the list
 *                            fits, the lowest first (D. G. Korn and K.-P. Vo, "In Search of a Better
 *                            Malloc", USENIX Summer 1985)
 *
 * 5. Fifty-percent rule
 *
 * A *hole* is a free block that is not wilderness. In equilibrium there are about p/2 as many
 * holes as used blocks, p being the share of fits that are not exact, if blocks are freed at random
 * and joined at once (Knuth). The counters that end in _sum are added up over all requests, so
 * the quotient of two of them is a mean; the figures follow from them. Of the unused-memory rule (P.
 * J. Denning, 1970), f = k / (k + 2) with f the share of memory in holes and k the quotient
 * of the mean sizes of holes and blocks, the form for any p is f = (p/2) k / (1 + (p/2) k).
 *
 * 6. Constraints
 *
 * Blocks are aligned to `alignment`. Requests with any further constraint, and those above 8
 * GiB, are left to the page level (page-runs.h).
 *
 * 7. Metadata
 *
 * Tags of used blocks; what lies in an arena before its first block (so that what follows the
 * header is aligned) and behind its last. Tags of free blocks lie in memory that is free.
 *
 * 8. Costs
 *
 * One lock; a hot reference to the list's head. A block looked at is a warm reference to
 * its header and a few instructions; so is one passed on the way to a freed block's place.
 * To cut and to join write two warm tags. To free looks at the tags on both sides of the block.
 * Numbers of instructions are at their definition. With a cache model a search costs the same: the index
 * says how many blocks it passes, not which.
 *
 * 9. Not modelled
 *
 * Bins (many lists by size), realloc, arenas that grow at their end.
 *
 * 10. Invariants, verified by kml_boundary_tags_check()
 *
 *   K1  blocks tile each arena: multiples of the alignment, not below the minimum, LAST where the
 *       arena ends and nowhere else
 *   K2  PREV_USED is right; a free block's footer is its header again; a used block has its seal,
 *       and with tags = both the same word at its end
 *   K3  with immediate coalescing no two neighbours are free
 *   K4  the index has the free blocks and no others, each under the number that its tag says, in
 *       the list or among the preserved wildernesses, whichever it belongs to
 *   K5  the counts of used blocks, holes, empty arenas and of their bytes are those of the blocks
 *   K6  at most keep arenas are empty, each of them one free block
 *   K7  metadata_bytes is the sum of used blocks' tags and the rims of arenas
 *   R1, R2 of page-runs.h
 */

#include "allocators/boundary-tags-private.h"

#define LARGEST_REQUEST (G_GUINT64_CONSTANT (8) << 30) /* sizes of arenas fit in a tag */

/* Two tags and two links. */
#define LEAST_TAGGED (4 * KML_TAG_WORD)

static inline const KmlRam *
ram_of (const KmlBoundaryTags *self)
{
  return &self->base.ram;
}

/* The first frame of the run that @addr lies in; asserts that it is one of ours. */
static inline KmlPfn
run_of (const KmlBoundaryTags *self, KmlAddr addr)
{
  const KmlRam *ram = ram_of (self);
  const KmlFrame *frame = kml_ram_frame (ram, kml_ram_pfn (ram, addr));

  g_assert (addr >> ram->page_shift < ram->n_usable);
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);
  return frame->slab.head;
}

void
kml_boundary_tags_spend_search (KmlBoundaryTags *self, guint64 n)
{
  kml_tags_spend (self, n * KML_TAGS_NODE_INSTRUCTIONS, 0);
  kml_spend (self->base.machine, KML_COST_WARM, n); /* see the head, 8 */
  self->base.counters[KML_COUNTER_LOOKED] += n;
}

/* ---- Setting up ---- */

static gboolean
refuse (GError **error, const char *name, guint64 value, guint64 least)
{
  return kml_refuse (error, name,
                     "with tags in memory at least %" G_GUINT64_FORMAT
                     " bytes were expected, not %" G_GUINT64_FORMAT "; tags = none needs less",
                     least, value);
}

static gboolean
init_tags (KmlBoundaryTags *self, GError **error)
{
  const guint64 size = ram_of (self)->size;

  self->store = ram_of (self)->store;
  self->least = MAX (self->minimum, KML_TAG_WORD);
  if (self->tags != KML_TAGS_NONE) {
    if (self->minimum != 0 && self->minimum < LEAST_TAGGED)
      return refuse (error, "minimum", self->minimum, LEAST_TAGGED);
    self->header = KML_TAG_WORD;
    self->footer = self->tags == KML_TAGS_BOTH ? KML_TAG_WORD : 0;
    self->offset = self->alignment - KML_TAG_WORD;
    self->least = MAX (self->least, LEAST_TAGGED);
  } else {
    if (!kml_ram_make_shadow (self->base.machine->ram)) {
      g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                   "the host has no memory for the tags of %" G_GUINT64_FORMAT " bytes", size);
      return FALSE;
    }
    self->store = self->base.machine->ram->shadow;
  }
  self->least = (self->least + self->alignment - 1) & ~(self->alignment - 1);
  return TRUE;
}

gboolean
kml_boundary_tags_init (KmlAllocator *base, GError **error)
{
  KmlBoundaryTags *self = (KmlBoundaryTags *)base;

  g_assert (self->policy != NULL);

  if (!init_tags (self, error))
    return FALSE;
  self->runs = (KmlPageRuns){ .owner = base,
                              .large_counter = KML_COUNTER_LARGE,
                              .large_instructions = KML_TAGS_LARGE_INSTRUCTIONS };
  self->statics = kml_machine_statics (base->machine, 2 * sizeof (KmlAddr));
  kml_fit_index_init (&self->list, FALSE);
  kml_fit_index_init (&self->wilds, FALSE);
  self->next_key = self->list_order == KML_LIST_LIFO ? G_MAXUINT64 : 0;
  return TRUE;
}

void
kml_boundary_tags_finish (KmlAllocator *base)
{
  KmlBoundaryTags *self = (KmlBoundaryTags *)base;

  kml_fit_index_clear (&self->list);
  kml_fit_index_clear (&self->wilds);
  g_clear_pointer (&self->blocks, g_free);
}

gboolean
kml_boundary_tags_remember (KmlAllocator *base, KmlImage *image)
{
  KmlBoundaryTags *self = (KmlBoundaryTags *)base;

  kml_image_add_block (image, &self->blocks, self->n_room * sizeof *self->blocks);
  kml_fit_index_remember (&self->list, image);
  kml_fit_index_remember (&self->wilds, image);
  return TRUE;
}

/* ---- Tags ---- */

static void
write_used (KmlBoundaryTags *self, KmlAddr addr, guint64 size, guint64 flags)
{
  const guint64 tag = size | flags | KML_TAG_USED | kml_tag_seal (addr);

  kml_tags_touch (self, addr, KML_TOUCH_WRITE);
  if (self->footer > 0)
    kml_tags_touch (self, addr + size - KML_TAG_WORD, KML_TOUCH_WRITE);
  /* the footer of the free block that it was, perhaps; and perhaps the same word as the header */
  kml_tag_store (self, addr + size - KML_TAG_WORD, self->footer > 0 ? tag : 0);
  kml_tag_store (self, addr, tag);
}

/* The block at @addr learns of the one below it. A tag of a used block is at its end again with
 * tags = both, one of a free block always. */
static void
tell_prev_used (KmlBoundaryTags *self, KmlAddr addr, gboolean is_used)
{
  const guint64 old = kml_tag_load (self, addr);
  const guint64 tag = is_used ? old | KML_TAG_PREV_USED : old & ~KML_TAG_PREV_USED;

  kml_tags_touch (self, addr, KML_TOUCH_WRITE);
  kml_tag_store (self, addr, tag);
  if (self->footer > 0 || !(tag & KML_TAG_USED))
    kml_tag_store (self, addr + (tag & KML_TAG_SIZE) - KML_TAG_WORD, tag);
}

/* ---- Allocating ---- */

/* Whether the request is one for blocks, not for the page level. */
static gboolean
is_ours (const KmlBoundaryTags *self, const KmlRequest *request)
{
  const KmlConstraints *constraints = request->constraints;

  if (request->size > LARGEST_REQUEST)
    return FALSE;
  return constraints == NULL || (constraints->alignment <= self->alignment &&
                                 constraints->boundary == 0 && constraints->limit == 0);
}

/* The lowest wilderness that fits. */
static guint32
find_in_wilds (KmlBoundaryTags *self, guint64 size)
{
  const guint32 number = kml_fit_index_first (&self->wilds, size);

  kml_boundary_tags_spend_search (self, number == 0
                                            ? kml_fit_index_n (&self->wilds)
                                            : kml_fit_index_rank (&self->wilds, number) + 1);
  return number;
}

static guint32
find_fit (KmlBoundaryTags *self, guint64 size)
{
  const guint32 number = self->policy->find (self, size);

  if (number == 0 && self->wilderness == KML_WILDERNESS_PRESERVED)
    return find_in_wilds (self, size);
  return number;
}

/* Cuts @size bytes, or all of it, from the free block. Returns how many. */
static guint64
cut (KmlBoundaryTags *self, guint32 number, guint64 size)
{
  const KmlFreeBlock block = self->blocks[number];
  const guint64 rest = block.size - size;
  const guint64 prev_used = kml_tag_load (self, block.addr) & KML_TAG_PREV_USED;

  if (rest >= self->least) {
    write_used (self, block.addr, size, prev_used);
    kml_free_block_change (self, number, block.addr + size, rest, block.is_last);
    kml_free_block_write_tags (self, number, KML_TAG_PREV_USED);
    kml_tags_spend (self, KML_TAGS_CUT_INSTRUCTIONS, 2);
    self->base.counters[KML_COUNTER_SPLITS]++;
    return size;
  }
  kml_free_block_drop (self, number, 0);
  write_used (self, block.addr, block.size, prev_used | (block.is_last ? KML_TAG_LAST : 0));
  if (!block.is_last)
    tell_prev_used (self, block.addr + block.size, TRUE);
  kml_tags_spend (self, KML_TAGS_MERGE_INSTRUCTIONS, 2);
  return block.size;
}

/* A used block of @size bytes is there now. */
static void
count_fit (KmlBoundaryTags *self, KmlAddr addr, guint64 size)
{
  guint64 *counters = self->base.counters;
  guint64 *n_live = kml_arena_n_live (self, run_of (self, addr));

  self->n_empty -= *n_live == 0;
  ++*n_live;
  self->n_live++;
  self->live_bytes += size;
  self->base.metadata_bytes += self->header + self->footer;
  counters[KML_COUNTER_FITS]++;
  counters[KML_COUNTER_HOLES_SUM] += self->n_holes;
  counters[KML_COUNTER_HOLE_WORDS_SUM] += self->hole_bytes / KML_TAG_WORD;
  counters[KML_COUNTER_LIVE_SUM] += self->n_live;
  counters[KML_COUNTER_LIVE_WORDS_SUM] += self->live_bytes / KML_TAG_WORD;
}

/* The free block to cut, with a sweep or another arena if there must be one. 0: memory is out. */
static guint32
find_or_make (KmlBoundaryTags *self, const KmlRequest *request, guint64 size)
{
  guint32 number = find_fit (self, size);

  if (number == 0 && self->n_loose > 0) {
    kml_arenas_sweep (self);
    number = find_fit (self, size);
  }
  return number != 0 ? number : kml_arena_new (self, request, size);
}

/* The size of the block for a request. */
static guint64
block_size (const KmlBoundaryTags *self, guint64 size)
{
  const guint64 with_tags = size + self->header + self->footer;

  return MAX ((with_tags + self->alignment - 1) & ~(self->alignment - 1), self->least);
}

KmlAddr
kml_boundary_tags_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  KmlBoundaryTags *self = (KmlBoundaryTags *)base;
  KmlMachine *machine = base->machine;
  guint32 number;
  guint64 size;
  KmlAddr addr;

  g_assert (request->size > 0);

  if (!is_ours (self, request))
    return kml_page_runs_alloc_large (&self->runs, request, ret_held);
  kml_spend (machine, KML_COST_LOCK, 1);
  kml_spend_references (machine, KML_COST_HOT, 1);
  kml_touch (machine, self->statics, 2 * sizeof (KmlAddr), KML_TOUCH_WRITE);
  kml_tags_spend (self, KML_TAGS_ALLOC_INSTRUCTIONS, 0);
  size = block_size (self, request->size);
  number = find_or_make (self, request, size);
  if (number == 0)
    return KML_ADDR_NONE;

  if (self->policy->taken != NULL && !self->blocks[number].is_preserved)
    self->policy->taken (self, number);
  addr = self->blocks[number].addr;
  size = cut (self, number, size);
  count_fit (self, addr, size);
  *ret_held = size - self->header - self->footer;
  if (request->gfp & KML_GFP_ZERO)
    machine->now += kml_clearing_time (machine, *ret_held);
  return addr + self->header;
}

/* ---- Freeing ---- */

/* The tag of the used block whose bytes begin at @addr; asserts that it is one. */
static guint64
live_tag (const KmlBoundaryTags *self, KmlPfn arena, KmlAddr addr)
{
  const KmlAddr block = addr - self->header;
  guint64 tag;

  g_assert (addr % self->alignment == 0);
  g_assert (addr >= kml_arena_first (self, arena) + self->header);
  tag = kml_tag_load (self, block);
  g_assert (tag & KML_TAG_USED);
  g_assert ((tag & ~(KML_TAG_SIZE | KML_TAG_USED | KML_TAG_PREV_USED | KML_TAG_LAST)) ==
            kml_tag_seal (block));
  g_assert ((tag & KML_TAG_SIZE) <= kml_arena_end (self, arena) - block);
  if (self->footer > 0) /* else its owner wrote beyond its end */
    g_assert (kml_tag_load (self, block + (tag & KML_TAG_SIZE) - KML_TAG_WORD) == tag);
  return tag;
}

/* On the list without neighbours that tell its place: the search for it is paid. */
static void
spend_place (KmlBoundaryTags *self, guint32 number)
{
  guint64 n_looked;

  if (self->list_order != KML_LIST_ADDRESS || self->blocks[number].is_preserved)
    return;
  n_looked = MIN (kml_fit_index_rank (&self->list, number) + 1, kml_fit_index_n (&self->list) - 1);
  kml_tags_spend (self, n_looked * KML_TAGS_NODE_INSTRUCTIONS, 0);
  kml_spend (self->base.machine, KML_COST_WARM, n_looked);
  self->base.counters[KML_COUNTER_PASSED] += n_looked;
}

/* The used block becomes a free one of its own. */
static void
put_alone (KmlBoundaryTags *self, KmlAddr addr, guint64 tag, gboolean place_is_known)
{
  const guint32 number = kml_free_block_new (self, addr, tag & KML_TAG_SIZE,
                                             tag & (KML_TAG_PREV_USED | KML_TAG_LAST));

  if (!place_is_known)
    spend_place (self, number);
}

/* The used block goes into the free one below it. */
static void
join_lower (KmlBoundaryTags *self, guint32 lower, KmlAddr addr, guint64 tag)
{
  const KmlFreeBlock low = self->blocks[lower];
  const guint64 prev_used = kml_tag_load (self, low.addr) & KML_TAG_PREV_USED;

  kml_tag_store (self, addr - KML_TAG_WORD, 0);
  kml_tag_store (self, addr, 0);
  kml_free_block_change (self, lower, low.addr, low.size + (tag & KML_TAG_SIZE),
                         (tag & KML_TAG_LAST) != 0);
  kml_free_block_write_tags (self, lower, prev_used);
}

/* The used block goes into the free one above it. */
static void
join_upper (KmlBoundaryTags *self, guint32 upper, KmlAddr addr, guint64 tag)
{
  const KmlFreeBlock up = self->blocks[upper];

  kml_tag_store (self, up.addr - KML_TAG_WORD, 0);
  kml_tag_store (self, up.addr, 0);
  kml_free_block_change (self, upper, addr, up.size + (tag & KML_TAG_SIZE), up.is_last);
  kml_free_block_write_tags (self, upper, tag & KML_TAG_PREV_USED);
}

static void
join (KmlBoundaryTags *self, guint32 lower, guint32 upper, KmlAddr addr, guint64 tag)
{
  const guint32 joined = lower != 0 ? lower : upper;

  if (lower != 0)
    join_lower (self, lower, addr, tag);
  else
    join_upper (self, upper, addr, tag);
  self->base.counters[KML_COUNTER_MERGES]++;
  kml_tags_spend (self, KML_TAGS_MERGE_INSTRUCTIONS, 2);
  if (lower != 0 && upper != 0)
    kml_free_block_absorb (self, lower, upper);
  if (self->list_order != KML_LIST_ADDRESS)
    kml_free_block_relist (self, joined);
}

static void
make_free (KmlBoundaryTags *self, KmlAddr addr, guint64 tag)
{
  const gboolean is_last = (tag & KML_TAG_LAST) != 0;
  const KmlAddr next = addr + (tag & KML_TAG_SIZE);
  guint32 lower = 0, upper = 0;

  if (!(tag & KML_TAG_PREV_USED))
    kml_tags_touch (self, addr - KML_TAG_WORD, KML_TOUCH_READ);
  if (!is_last)
    kml_tags_touch (self, next, KML_TOUCH_READ);
  if (!(tag & KML_TAG_PREV_USED))
    lower = kml_tag_number (kml_tag_load (self, addr - KML_TAG_WORD));
  if (!is_last && !(kml_tag_load (self, next) & KML_TAG_USED))
    upper = kml_tag_number (kml_tag_load (self, next));
  g_assert (lower == 0 || self->blocks[lower].addr + self->blocks[lower].size == addr);
  g_assert (upper == 0 || self->blocks[upper].addr == next);

  if (self->coalescing == KML_COALESCING_IMMEDIATE && (lower != 0 || upper != 0)) {
    join (self, lower, upper, addr, tag);
    if (upper != 0)
      return;
  } else {
    put_alone (self, addr, tag, lower != 0 || upper != 0);
  }
  if (!is_last)
    tell_prev_used (self, next, FALSE);
}

guint64
kml_boundary_tags_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  KmlBoundaryTags *self = (KmlBoundaryTags *)base;
  const KmlPfn arena = run_of (self, addr);
  guint64 tag, size;

  if (kml_ram_frame (ram_of (self), arena)->slab.size_class == KML_PAGE_RUN_LARGE)
    return kml_page_runs_free_large (&self->runs, addr, how);
  tag = live_tag (self, arena, addr);
  size = tag & KML_TAG_SIZE;

  kml_spend (base->machine, KML_COST_LOCK, 1);
  kml_spend_references (base->machine, KML_COST_HOT, 1);
  kml_touch (base->machine, self->statics, 2 * sizeof (KmlAddr), KML_TOUCH_WRITE);
  kml_tags_touch (self, addr - self->header, KML_TOUCH_WRITE);
  kml_tags_spend (self, KML_TAGS_FREE_INSTRUCTIONS, 2);
  self->n_loose += self->coalescing == KML_COALESCING_DEFERRED;
  self->n_live--;
  self->live_bytes -= size;
  base->metadata_bytes -= self->header + self->footer;
  make_free (self, addr - self->header, tag);
  if (--*kml_arena_n_live (self, arena) == 0)
    kml_arena_is_empty (self, arena, how);
  return size - self->header - self->footer;
}

guint64
kml_boundary_tags_size_of (const KmlAllocator *base, KmlAddr addr)
{
  const KmlBoundaryTags *self = (const KmlBoundaryTags *)base;
  const KmlPfn arena = run_of (self, addr);

  if (kml_ram_frame (ram_of (self), arena)->slab.size_class == KML_PAGE_RUN_LARGE)
    return kml_page_runs_size_of_large (&self->runs, addr);
  return (live_tag (self, arena, addr) & KML_TAG_SIZE) - self->header - self->footer;
}
