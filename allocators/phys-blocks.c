/* phys-blocks.c: arenas of physical blocks: what is rare, and looking at them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The theory is in phys-blocks.h.
 */

#include "allocators/phys-blocks.h"

/* KmlFrame.slab.size_class of an arena's first frame */
enum {
  ARENA_GROWN,
  ARENA_FIRST, /* one of those taken at the start */
};

static inline KmlFrame *
frame_of (const PhysBlocks *self, KmlPfn pfn)
{
  return kml_ram_frame (self->ram, pfn);
}

static inline KmlPfn
arena_of (const PhysBlocks *self, PhysBlock first)
{
  return kml_ram_pfn (self->ram, phys_addr (self, first) - PHYS_HEADER);
}

/* The arena's first block. */
static inline PhysBlock
first_block (const PhysBlocks *self, KmlPfn arena)
{
  return (PhysBlock)(kml_ram_addr (self->ram, arena) >> self->shift) + 1;
}

/* What would be the block after its last: the header there says 0. */
static inline PhysBlock
end_block (const PhysBlocks *self, KmlPfn arena)
{
  const guint64 end = kml_ram_addr (self->ram, arena + frame_of (self, arena)->n_frames);

  return (PhysBlock)(end >> self->shift);
}

/* ---- Setting up ---- */

static void
init_costs (PhysBlocks *self, guint find_instructions)
{
  const KmlTime *cost = self->base->machine->cost;
  const KmlTime instruction = cost[KML_COST_INSTRUCTION];
  const KmlTime hot = self->has_caches ? 0 : cost[KML_COST_HOT];
  const KmlTime warm = self->has_caches ? 0 : cost[KML_COST_WARM];
  /* the rest, or the joined block, and what follows */
  const KmlTime split_cost = PHYS_SPLIT_INSTRUCTIONS * instruction + 2 * warm;
  /* both in list */
  const KmlTime unlink_cost = PHYS_UNLINK_INSTRUCTIONS * instruction + hot + 2 * warm;

  /* the bitmaps, the head of the list, the block */
  self->grow_cost = (PHYS_ALLOC_INSTRUCTIONS + find_instructions) * instruction + 2 * hot +
                    2 * warm;
  self->take_cost = self->grow_cost + unlink_cost;
  self->free_cost = PHYS_FREE_INSTRUCTIONS * instruction + 3 * warm; /* the block, its neighbours */
  self->link_cost = PHYS_LINK_INSTRUCTIONS * instruction + hot + 2 * warm; /* head, first block */
  self->cut_cost = split_cost + self->link_cost;
  self->join_cost = split_cost + unlink_cost;
}

gboolean
phys_init (KmlAllocator *base, const PhysPolicy *policy, guint n_bins, guint find_instructions,
           GError **error)
{
  PhysBlocks *self = phys_blocks (base, policy);

  self->base = base;
  self->ram = &base->ram;
  self->store = self->ram->store;
  self->has_caches = base->machine->caches != NULL;
  self->is_usual = self->is_usual && !self->has_caches;
  self->statics = kml_machine_statics (base->machine, n_bins * sizeof (PhysBlock));
  self->shift = g_bit_storage (self->quantum) - 1;
  self->least = (guint32)MAX (2 * PHYS_HEADER >> self->shift, 1);
  self->n_quanta = self->ram->size >> self->shift;
  if (self->n_quanta > G_MAXUINT32)
    return kml_refuse (error, "quantum",
                       "blocks are named by 32 bits, so RAM of %" G_GUINT64_FORMAT
                       " GiB needs a quantum of at least %" G_GUINT64_FORMAT " bytes",
                       self->ram->size >> 30,
                       G_GUINT64_CONSTANT (2) << (g_bit_storage (self->ram->size - 1) - 33));
  self->n_bins = n_bins;
  self->heads = g_new0 (PhysBlock, n_bins);
  self->runs = (KmlPageRuns){ .owner = base,
                              .large_counter = PHYS_COUNTER_LARGE,
                              .large_instructions = PHYS_LARGE_INSTRUCTIONS };
  init_costs (self, find_instructions);
  return TRUE;
}

void
phys_finish (PhysBlocks *self)
{
  g_clear_pointer (&self->heads, g_free);
}

void
phys_remember (PhysBlocks *self, KmlImage *image)
{
  kml_image_add (image, self->heads, self->n_bins * sizeof *self->heads);
}

/* ---- Arenas ---- */

/* A run becomes an arena of one free block, which is on no list. PHYS_NO_BLOCK: the page level has none. */
static PhysBlock
make_arena (PhysBlocks *self, guint64 size, guint16 kind, const KmlRequest *request)
{
  const KmlPfn arena = kml_page_runs_take (&self->runs, size, kind, request);
  PhysBlock first, end;

  if (arena == KML_PFN_NONE)
    return PHYS_NO_BLOCK;
  first = first_block (self, arena);
  end = end_block (self, arena);
  phys_set (self, first, end - first, PHYS_FREE);
  phys_set_before (self, first, 0);
  phys_set (self, end, 0, 0);
  phys_set_before (self, end, end - first);
  /* up to the first payload, and the end */
  self->base->metadata_bytes += self->quantum + PHYS_HEADER;
  self->base->counters[PHYS_COUNTER_ARENAS_NEW]++;
  return first;
}

/* The largest block that is looked for in an empty arena of @size quanta, and found. */
static guint32
most_for (const PhysBlocks *self, const PhysPolicy *policy, guint32 size)
{
  guint32 lo = 0, hi = size;

  while (lo < hi) {
    const guint32 middle = lo + (hi - lo + 1) / 2;

    if (policy->bin_for (self, middle) <= policy->bin_of (self, size))
      lo = middle;
    else
      hi = middle - 1;
  }
  return lo;
}

gboolean
phys_start (PhysBlocks *self, const PhysPolicy *policy, GError **error)
{
  const guint64 page_size = kml_ram_page_size (self->ram);
  const KmlRequest request = { 0 };
  guint64 missing = (self->pool + page_size - 1) & ~(page_size - 1);
  guint64 size = missing == 0 ? 0 : G_GUINT64_CONSTANT (1) << (g_bit_storage (missing) - 1);
  guint32 largest = 0; /* quanta of an arena's only block */

  while (missing > 0) {
    const PhysBlock block = size > missing ? PHYS_NO_BLOCK
                                           : make_arena (self, size, ARENA_FIRST, &request);

    if (block != PHYS_NO_BLOCK) {
      missing -= size;
      largest = MAX (largest, phys_size (self, block));
      phys_link (self, policy, block, phys_size (self, block));
    } else if (size > page_size) {
      size /= 2;
    } else {
      return kml_refuse (error, "pool",
                         "the page level has %" G_GUINT64_FORMAT
                         " bytes less than the %" G_GUINT64_FORMAT " that were asked for",
                         missing, self->pool);
    }
  }
  if (self->arena > 0)
    largest = MAX (
        largest, (guint32)(((self->arena + page_size - 1) & ~(page_size - 1)) >> self->shift) - 1);
  if (largest == 0)
    return kml_refuse (error, "arena", "without a pool at the start more than 0 was expected");
  self->most = most_for (self, policy, largest);
  self->largest_size = phys_payload (self, self->most);
  self->usual_size = self->is_usual ? self->largest_size : 0;
  return TRUE;
}

PhysBlock
phys_grow (PhysBlocks *self, guint32 n_quanta, const KmlRequest *request)
{
  const guint64 page_size = kml_ram_page_size (self->ram);
  const guint64 needed = ((((guint64)n_quanta + 1) << self->shift) + page_size - 1) &
                         ~(page_size - 1);
  const guint64 wanted = (self->arena + page_size - 1) & ~(page_size - 1);
  PhysBlock block;

  if (self->arena == 0)
    return PHYS_NO_BLOCK;
  kml_spend (self->base->machine, KML_COST_INSTRUCTION, PHYS_NEW_ARENA_INSTRUCTIONS);
  block = make_arena (self, MAX (wanted, needed), ARENA_GROWN, request);
  if (block == PHYS_NO_BLOCK && needed < wanted)
    block = make_arena (self, needed, ARENA_GROWN, request);
  if (block != PHYS_NO_BLOCK)
    self->n_empty++;
  return block;
}

void
phys_arena_in_use (PhysBlocks *self, PhysBlock block)
{
  self->n_empty -= frame_of (self, arena_of (self, block))->slab.size_class == ARENA_GROWN;
}

static void
release_arena (PhysBlocks *self, PhysBlock block, const KmlRequest *how)
{
  kml_spend (self->base->machine, KML_COST_INSTRUCTION, PHYS_BACK_ARENA_INSTRUCTIONS);
  self->base->metadata_bytes -= self->quantum + PHYS_HEADER;
  self->base->counters[PHYS_COUNTER_ARENAS_GIVEN_BACK]++;
  kml_page_runs_give_back (&self->runs, arena_of (self, block), how);
}

gboolean
phys_arena_emptied (PhysBlocks *self, PhysBlock block, const KmlRequest *how)
{
  if (frame_of (self, arena_of (self, block))->slab.size_class == ARENA_FIRST)
    return FALSE;
  if (self->n_empty < self->keep) {
    self->n_empty++;
    return FALSE;
  }
  release_arena (self, block, how);
  return TRUE;
}

void
phys_shrink (PhysBlocks *self, const PhysPolicy *policy)
{
  const KmlRequest how = { 0 };
  guint32 n_frames;

  for (KmlPfn pfn = 0; kml_page_runs_next (&self->runs, &pfn); pfn += n_frames) {
    const KmlFrame *frame = frame_of (self, pfn);
    const PhysBlock block = first_block (self, pfn);

    n_frames = frame->n_frames;
    if (frame->slab.size_class != ARENA_GROWN || !phys_is_free (self, block) ||
        !phys_is_whole (self, block, phys_size (self, block)))
      continue;
    phys_unlink (self, policy, block, phys_size (self, block));
    self->n_empty--;
    release_arena (self, block, &how);
  }
}

guint64
phys_alignment (const PhysBlocks *self, const KmlRequest *request)
{
  const guint64 page_size = kml_ram_page_size (self->ram);
  const KmlConstraints *constraints = request->constraints;
  guint64 alignment = self->quantum;

  if (constraints == NULL)
    return 1;
  if (constraints->limit != 0)
    return 0;
  alignment = MAX (alignment, constraints->alignment);
  if (constraints->boundary != 0) {
    if (request->size > MIN (constraints->boundary, page_size))
      return 0;
    while (alignment < request->size)
      alignment *= 2;
  }
  return alignment > page_size ? 0 : alignment >> self->shift;
}

/* ---- Looking at them ---- */

static gboolean
is_large (const PhysBlocks *self, KmlPfn pfn)
{
  return frame_of (self, pfn)->slab.size_class == KML_PAGE_RUN_LARGE;
}

void
phys_walk (const PhysBlocks *self, KmlWalkFunc func, gpointer user_data)
{
  const KmlRam *ram = self->ram;

  for (KmlPfn pfn = 0; kml_page_runs_next (&self->runs, &pfn);
       pfn += frame_of (self, pfn)->n_frames) {
    KmlAddr end = kml_ram_addr (ram, pfn); /* of what has been shown */
    PhysBlock block = first_block (self, pfn);

    if (is_large (self, pfn)) {
      func (end, (guint64)frame_of (self, pfn)->n_frames << ram->page_shift, KML_BLOCK_USED,
            user_data);
      continue;
    }
    for (; phys_size (self, block) > 0; block += phys_size (self, block)) {
      const guint64 payload = phys_payload (self, phys_size (self, block));

      func (end, phys_addr (self, block) - end, KML_BLOCK_METADATA, user_data);
      func (phys_addr (self, block), payload,
            phys_is_free (self, block) ? KML_BLOCK_FREE : KML_BLOCK_USED, user_data);
      end = phys_addr (self, block) + payload;
    }
    func (end, phys_addr (self, block) - end, KML_BLOCK_METADATA, user_data);
  }
}

/* What the arenas come to. */
typedef struct {
  guint64 n_free, n_empty, metadata;
} Sums;

static gboolean
check_arena (const PhysBlocks *self, KmlPfn arena, Sums *sums, GError **error)
{
  const PhysBlock first = first_block (self, arena), end = end_block (self, arena);
  guint32 before = 0;
  gboolean was_free = FALSE;

  for (PhysBlock block = first; block < end; block += before) {
    if (phys_before (self, block) != before)
      return kml_allocator_broken ("B1", "address", phys_addr (self, block), error);
    before = phys_size (self, block);
    if (before < self->least || before > end - block)
      return kml_allocator_broken ("B1", "address", phys_addr (self, block), error);
    if (was_free && phys_is_free (self, block))
      return kml_allocator_broken ("B2", "address", phys_addr (self, block), error);
    was_free = phys_is_free (self, block);
    sums->n_free += was_free;
    sums->metadata += PHYS_HEADER;
  }
  if (phys_before (self, end) != before || phys_word (self, end) != 0)
    return kml_allocator_broken ("B1", "address", phys_addr (self, end), error);
  sums->metadata += self->quantum; /* before the first header, and the end's */
  if (was_free && before == end - first && frame_of (self, arena)->slab.size_class == ARENA_GROWN)
    sums->n_empty++;
  return TRUE;
}

/* FALSE: a list is broken, or they have not @n_free blocks in all (B3). */
static gboolean
check_lists (const PhysBlocks *self, const PhysPolicy *policy, guint64 n_free, GError **error)
{
  guint64 n = 0;

  for (guint bin = 0; bin < self->n_bins; bin++) {
    PhysBlock prev = PHYS_NO_BLOCK;

    for (PhysBlock block = self->heads[bin]; block != PHYS_NO_BLOCK;
         block = phys_next (self, block)) {
      if (++n > n_free || block >= self->n_quanta || !phys_is_free (self, block) ||
          phys_prev (self, block) != prev || policy->bin_of (self, phys_size (self, block)) != bin)
        return kml_allocator_broken ("B3", "bin", bin, error);
      prev = block;
    }
  }
  return n == n_free || kml_allocator_broken ("B3", "block", n, error);
}

gboolean
phys_check (const PhysBlocks *self, const PhysPolicy *policy, GError **error)
{
  Sums sums = { 0 };

  if (!kml_page_runs_check (&self->runs, error))
    return FALSE;
  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn);
       pfn += frame_of (self, pfn)->n_frames)
    if (!check_arena (self, pfn, &sums, error))
      return FALSE;
  if (!check_lists (self, policy, sums.n_free, error))
    return FALSE;
  if (sums.metadata != self->base->metadata_bytes)
    return kml_allocator_broken ("B4", "byte", sums.metadata, error);
  if (sums.n_empty != self->n_empty || self->n_empty > self->keep)
    return kml_allocator_broken ("B5", "pool", sums.n_empty, error);
  return TRUE;
}

const KmlCounterInfo phys_counters[] = {
  [PHYS_COUNTER_ARENAS_NEW] = { "arenas_new", "arenas",
                                "arenas made of pages from the page level" },
  [PHYS_COUNTER_ARENAS_GIVEN_BACK] = { "arenas_given_back", "arenas",
                                       "arenas given back to the page level" },
  [PHYS_COUNTER_SPLITS] = { "splits", "blocks", "blocks cut off others" },
  [PHYS_COUNTER_MERGES] = { "merges", "blocks", "free blocks joined with the one before" },
  [PHYS_COUNTER_LARGE] = { "large", "blocks",
                           "requests that no arena could serve: taken from the page level" },
  { NULL },
};
