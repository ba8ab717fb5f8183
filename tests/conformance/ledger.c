/* ledger.c: random operations against a sorted list.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Slow and plain on purpose: the reader can see that it is right.
 */

#include "tests/conformance/ledger.h"

#define BROKEN(promise, ...)                                                                       \
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, promise ": " __VA_ARGS__)
#define U64 G_GUINT64_FORMAT

void
ledger_init (Ledger *self, Rig *rig)
{
  *self = (Ledger){ .rig = rig };
  self->blocks = g_array_new (FALSE, FALSE, sizeof (Live));
}

void
ledger_finish (Ledger *self)
{
  g_array_unref (self->blocks);
}

static Live *
block_at (const Ledger *self, guint i)
{
  return &g_array_index (self->blocks, Live, i);
}

/* ---- What an outcome must be like ---- */

/* What a failed request must not change. */
typedef struct {
  KmlFreeArea area;
  guint64 pages_metadata, objects_metadata;
} Totals;

static Totals
totals_of (const Rig *rig)
{
  Totals totals = { rig->machine->free_area, rig->pages->metadata_bytes, 0 };

  for (const KmlAllocator *at = rig->tested; at != rig->pages; at = at->lower)
    totals.objects_metadata += at->metadata_bytes;
  return totals;
}

/* What the page level has not given out. What bump takes back is metadata, not free. */
static guint64
not_used (const Rig *rig, const Totals *totals)
{
  return (totals->area.n_free << rig->machine->ram->page_shift) + totals->pages_metadata;
}

/* A page allocator may join free blocks before it refuses a request: then of no order is less free than
 * before in blocks that are not smaller. */
static gboolean
pages_are_as_before (const Rig *rig, const Totals *before, const Totals *after)
{
  for (guint order = 0; order <= KML_MAX_ORDER; order++)
    if (kml_free_area_suitable (&after->area, order) <
        kml_free_area_suitable (&before->area, order))
      return FALSE;
  return not_used (rig, before) == not_used (rig, after);
}

/* An allocator of objects may try the page level, and give runs back that it does not need: then
 * less of memory is in use than before. */
static gboolean
lost_nothing (const Rig *rig, const Totals *before, const Totals *after)
{
  if (rig->objects == NULL)
    return pages_are_as_before (rig, before, after);
  return after->objects_metadata <= before->objects_metadata &&
         not_used (rig, after) >= not_used (rig, before);
}

static gboolean
keeps (const KmlConstraints *constraints, KmlAddr addr, guint64 size, GError **error)
{
  if (constraints == NULL)
    return TRUE;
  if (constraints->alignment != 0 && addr % constraints->alignment != 0)
    BROKEN ("constraint", "%" U64 " is not aligned to %" U64, addr, constraints->alignment);
  else if (constraints->boundary != 0 &&
           addr / constraints->boundary != (addr + size - 1) / constraints->boundary)
    BROKEN ("constraint", "%" U64 " + %" U64 " crosses a multiple of %" U64, addr, size,
            constraints->boundary);
  else if (constraints->limit != 0 && addr + size > constraints->limit)
    BROKEN ("constraint", "%" U64 " + %" U64 " ends above %" U64, addr, size, constraints->limit);
  else
    return TRUE;
  return FALSE;
}

/* The first block that does not begin below @addr, by halving: thousands are live, and each request asks. */
static guint
place_of (const Ledger *self, KmlAddr addr)
{
  guint begin = 0, end = self->blocks->len;

  while (begin < end) {
    const guint middle = begin + (end - begin) / 2;

    if (block_at (self, middle)->addr < addr)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

/* Enters the block where it belongs in the order of addresses. */
static gboolean
enter (Ledger *self, Live block, GError **error)
{
  const KmlRam *ram = self->rig->machine->ram;
  const guint at = place_of (self, block.addr);

  if (block.addr + block.held > kml_ram_addr (ram, ram->n_usable)) {
    BROKEN ("overlap", "%" U64 " + %" U64 " is outside of usable RAM", block.addr, block.held);
    return FALSE;
  }
  if ((at > 0 && block_at (self, at - 1)->addr + block_at (self, at - 1)->held > block.addr) ||
      (at < self->blocks->len && block.addr + block.held > block_at (self, at)->addr)) {
    BROKEN ("overlap", "%" U64 " + %" U64 " is in use already", block.addr, block.held);
    return FALSE;
  }
  g_array_insert_val (self->blocks, at, block);
  return TRUE;
}

/* A block's size is what was said when it was given, for whoever asks. */
static gboolean
has_size (const Ledger *self, const Live *block, GError **error)
{
  const KmlAllocator *tested = self->rig->tested;
  guint64 size;

  if (tested->ops->size_of == NULL)
    return TRUE;
  size = tested->ops->size_of (tested, block->addr);
  if (size == block->held)
    return TRUE;
  BROKEN ("size", "%" U64 " bytes were given at %" U64 ", size_of() is %" U64, block->held,
          block->addr, size);
  return FALSE;
}

gboolean
ledger_alloc (Ledger *self, const KmlRequest *request, KmlAddr *ret_addr, GError **error)
{
  const Totals before = totals_of (self->rig);
  Totals after;
  Live block = { 0 };

  block.addr = kml_allocator_alloc (self->rig->tested, request, &block.held);
  *ret_addr = block.addr;
  self->history = (self->history ^ block.addr) * G_GUINT64_CONSTANT (0x100000001b3);
  if (block.addr != KML_ADDR_NONE) {
    if (block.held < request->size) {
      BROKEN ("size", "%" U64 " bytes asked for, %" U64 " given", request->size, block.held);
      return FALSE;
    }
    return keeps (request->constraints, block.addr, request->size, error) &&
           has_size (self, &block, error) && enter (self, block, error);
  }
  self->n_failed++;
  after = totals_of (self->rig);
  if (!lost_nothing (self->rig, &before, &after)) {
    BROKEN ("change", "a failed request for %" U64 " bytes changed the totals", request->size);
    return FALSE;
  }
  return TRUE;
}

gboolean
ledger_free (Ledger *self, guint index, GError **error)
{
  const Live block = *block_at (self, index);
  const KmlRequest how = { .cpu = (guint8)(index % self->rig->machine->n_cpus) };
  guint64 held;

  if (!has_size (self, &block, error))
    return FALSE;
  held = kml_allocator_free_block (self->rig->tested, block.addr, &how);
  g_array_remove_index (self->blocks, index);
  if (held != block.held) {
    BROKEN ("size", "%" U64 " bytes were given at %" U64 ", %" U64 " came back", block.held,
            block.addr, held);
    return FALSE;
  }
  return TRUE;
}

void
ledger_split (Ledger *self, guint index, guint64 piece)
{
  const Live block = *block_at (self, index);

  if (!self->rig->tested->ops->split (self->rig->tested, block.addr, piece))
    return;
  g_array_remove_index (self->blocks, index);
  for (KmlAddr addr = block.addr; addr < block.addr + block.held; addr += piece) {
    const Live part = { addr, piece };

    g_array_insert_val (self->blocks, index, part);
    index++;
  }
}

/* The free block of a walk that is to be isolated. */
typedef struct {
  guint64 n_left; /* free blocks before it */
  KmlAddr addr;
  guint64 size; /* 0: there is none */
} Pick;

static void
pick_free (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  Pick *pick = user_data;

  if (state != KML_BLOCK_FREE || pick->size > 0)
    return;
  if (pick->n_left-- == 0) {
    pick->addr = start;
    pick->size = size;
  }
}

gboolean
ledger_isolate (Ledger *self, guint64 which, GError **error)
{
  KmlAllocator *tested = self->rig->tested;
  const guint64 page = kml_ram_page_size (self->rig->machine->ram);
  Pick pick = { .n_left = which };
  guint64 n;

  tested->ops->walk (tested, pick_free, &pick);
  if (pick.size == 0)
    return TRUE;
  n = tested->ops->isolate (tested, pick.addr);
  if (n != 0 && n * page != pick.size) {
    BROKEN ("size", "%" U64 " frames of a block of %" U64 " bytes were isolated", n, pick.size);
    return FALSE;
  }
  for (guint64 i = 0; i < n; i++)
    if (!enter (self, (Live){ pick.addr + i * page, page }, error))
      return FALSE;
  return TRUE;
}

/* ---- What the whole must be like ---- */

/* What a walk has found. */
typedef struct {
  const Ledger *ledger;
  gboolean is_tested; /* the walk of the allocator that the ledger keeps */
  gboolean is_gapless;
  KmlAddr end; /* of the last block */
  guint n_used;
  guint64 used, free, metadata;
  KmlFreeArea area;
  const char *broken;
  KmlAddr broken_at;
} Walk;

static void
on_block (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  Walk *walk = user_data;
  const guint page_shift = walk->ledger->rig->machine->ram->page_shift;

  if (walk->broken == NULL &&
      (size == 0 || start < walk->end || (walk->is_gapless && start != walk->end))) {
    walk->broken = "a gap, an overlap or an empty block";
    walk->broken_at = start;
  }
  walk->end = start + size;
  if (state == KML_BLOCK_FREE) {
    walk->free += size;
    if (walk->is_gapless)
      kml_free_area_add_run (&walk->area, (KmlPfn)(start >> page_shift), size >> page_shift, 0);
  } else if (state == KML_BLOCK_METADATA) {
    walk->metadata += size;
  } else {
    const Live *live = walk->n_used < walk->ledger->blocks->len
                           ? block_at (walk->ledger, walk->n_used)
                           : NULL;

    walk->used += size;
    walk->n_used++;
    if (walk->is_tested && walk->broken == NULL &&
        (live == NULL || live->addr != start || live->held != size)) {
      walk->broken = "a used block that is not live";
      walk->broken_at = start;
    }
  }
}

static gboolean
walk (const Ledger *self, const KmlAllocator *allocator, Walk *ret_walk, GError **error)
{
  guint64 metadata;

  *ret_walk = (Walk){
    .ledger = self,
    .is_tested = allocator == self->rig->tested,
    .is_gapless = allocator == self->rig->pages,
  };
  allocator->ops->walk (allocator, on_block, ret_walk);
  if (ret_walk->broken == NULL && ret_walk->is_tested && ret_walk->n_used < self->blocks->len)
    ret_walk->broken = "a live block is missing";
  if (ret_walk->broken != NULL) {
    BROKEN ("tiles", "%s: %s at %" U64, allocator->ops->name, ret_walk->broken,
            ret_walk->broken_at);
    return FALSE;
  }
  metadata = allocator->metadata_bytes;
  for (const KmlAllocator *at = allocator; at->ops->level == KML_LEVEL_LAYER; at = at->lower)
    metadata += at->lower->metadata_bytes;
  if (ret_walk->metadata != metadata) {
    BROKEN ("metadata", "%s says %" U64 " bytes, walk() %" U64, allocator->ops->name, metadata,
            ret_walk->metadata);
    return FALSE;
  }
  return TRUE;
}

static guint64
blocks_of_order (const KmlFreeArea *area, guint order)
{
  guint64 n = 0;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    n += area->blocks[mobility][order];
  return n;
}

static gboolean
same_area (const KmlFreeArea *area, const KmlFreeArea *expected, const char *promise,
           GError **error)
{
  if (area->n_free != expected->n_free) {
    g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "%s: %" U64 " free frames, not %" U64,
                 promise, area->n_free, expected->n_free);
    return FALSE;
  }
  for (guint order = 0; order <= KML_MAX_ORDER; order++)
    if (blocks_of_order (area, order) != blocks_of_order (expected, order)) {
      g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
                   "%s: %" U64 " free blocks of order %u, not %" U64, promise,
                   blocks_of_order (area, order), order, blocks_of_order (expected, order));
      return FALSE;
    }
  return TRUE;
}

static gboolean
check (const KmlAllocator *allocator, GError **error)
{
  if (allocator->ops->check (allocator, error))
    return TRUE;
  g_prefix_error (error, "check: %s: ", allocator->ops->name);
  return FALSE;
}

gboolean
ledger_verify (const Ledger *self, GError **error)
{
  const Rig *rig = self->rig;
  const KmlRam *ram = rig->machine->ram;
  Walk pages, objects;
  guint64 all;

  if (!check (rig->pages, error) || (rig->objects != NULL && !check (rig->objects, error)))
    return FALSE;
  if (!walk (self, rig->pages, &pages, error))
    return FALSE;
  if (pages.end != kml_ram_addr (ram, ram->n_usable)) {
    BROKEN ("tiles", "%s: walk() ends at %" U64, rig->pages->ops->name, pages.end);
    return FALSE;
  }
  if (!same_area (&rig->machine->free_area, &pages.area, "area", error))
    return FALSE;
  if (rig->objects == NULL)
    return TRUE;
  if (!walk (self, rig->objects, &objects, error))
    return FALSE;
  /* a layer shows all that the allocator below shows, an object allocator what it holds of it */
  all = rig_is_of_pages (rig) ? pages.end : pages.used;
  if (objects.used + objects.free + objects.metadata != all) {
    BROKEN ("tiles", "%s: walk() tiles %" U64 " bytes of %" U64, rig->objects->ops->name,
            objects.used + objects.free + objects.metadata, all);
    return FALSE;
  }
  return TRUE;
}

/* ---- Random operations ---- */

/* Small sizes are frequent, large ones possible: up to 32 KiB of objects, 64 page frames. */
static guint64
random_size (const Rig *rig, KmlRng *rng)
{
  const guint most = rig_grain (rig) == 1 ? 15 : 6;
  const guint64 below = G_GUINT64_CONSTANT (1) << kml_rng_below (rng, most + 1);

  return (1 + kml_rng_below (rng, below)) * rig_grain (rig);
}

static void
random_constraints (const Rig *rig, KmlRng *rng, KmlConstraints *ret_constraints)
{
  const guint64 end = kml_ram_addr (rig->machine->ram, rig->machine->ram->n_usable);

  *ret_constraints = (KmlConstraints){ 0 };
  if (kml_rng_below (rng, 2) == 0)
    ret_constraints->alignment = G_GUINT64_CONSTANT (1) << kml_rng_below (rng, 26);
  if (kml_rng_below (rng, 2) == 0)
    ret_constraints->boundary = G_GUINT64_CONSTANT (1) << kml_rng_below (rng, 20);
  if (kml_rng_below (rng, 2) == 0)
    ret_constraints->limit = 1 + kml_rng_below (rng, end);
}

static gboolean
random_alloc (Ledger *self, KmlRng *rng, GError **error)
{
  KmlConstraints constraints;
  KmlRequest request = {
    .size = random_size (self->rig, rng),
    .gfp = kml_rng_below (rng, 2) == 0 ? KML_GFP_KERNEL : KML_GFP_KERNEL | KML_GFP_ZERO,
    .mobility = (guint8)kml_rng_below (rng, KML_N_MOBILITIES),
    .cpu = (guint16)kml_rng_below (rng, self->rig->machine->n_cpus),
  };
  KmlAddr addr;

  if (kml_rng_below (rng, 8) == 0) {
    random_constraints (self->rig, rng, &constraints);
    request.constraints = &constraints;
  }
  return ledger_alloc (self, &request, &addr, error);
}

/* In halves, quarters, ..., if the block has a power of two of frames and more than one. */
static void
random_split (Ledger *self, KmlRng *rng)
{
  const guint index = (guint)kml_rng_below (rng, self->blocks->len);
  const guint64 held = block_at (self, index)->held;
  guint64 piece = held / 2;

  if (piece < rig_grain (self->rig) || (held & (held - 1)) != 0)
    return;
  while (piece > rig_grain (self->rig) && kml_rng_below (rng, 2) == 0)
    piece /= 2;
  ledger_split (self, index, piece);
}

/* Blocks are freed as often as asked for, so their number wanders; now and then nearly all are
 * freed. */
static gboolean
random_operation (Ledger *self, KmlRng *rng, GError **error)
{
  const guint64 what = kml_rng_below (rng, 400);

  if (what == 0 && self->rig->tested->ops->shrink != NULL)
    self->rig->tested->ops->shrink (self->rig->tested);
  if (what == 1)
    while (self->blocks->len > 2)
      if (!ledger_free (self, (guint)kml_rng_below (rng, self->blocks->len), error))
        return FALSE;
  if (what < 20 && self->rig->tested->ops->split != NULL && self->blocks->len > 0)
    random_split (self, rng);
  if (what >= 20 && what < 24 && self->rig->tested->ops->isolate != NULL &&
      !ledger_isolate (self, kml_rng_below (rng, 8), error))
    return FALSE;
  if (what % 2 == 0 || self->blocks->len == 0)
    return random_alloc (self, rng, error);
  return ledger_free (self, (guint)kml_rng_below (rng, self->blocks->len), error);
}

gboolean
ledger_churn (Ledger *self, guint64 seed, guint n_operations, GError **error)
{
  const KmlFreeArea start = self->rig->machine->free_area;
  KmlRng rng;

  kml_rng_init (&rng, seed, "churn");
  for (guint i = 0; i < n_operations; i++)
    if (!random_operation (self, &rng, error) || !ledger_verify (self, error)) {
      g_prefix_error (error, "seed %" U64 ", operation %u: ", seed, i);
      return FALSE;
    }
  while (self->blocks->len > 0)
    if (!ledger_free (self, self->blocks->len - 1, error))
      return FALSE;
  rig_shrink (self->rig);
  return ledger_verify (self, error) &&
         same_area (&self->rig->machine->free_area, &start, "lost", error);
}
