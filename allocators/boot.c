/* boot.c: what an early allocator leaves behind.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Before there is a page allocator somebody must allocate its own tables, the first drivers' data, the command line. That is done by moving a pointer through
 * memory (in Linux memblock: Documentation/core-api/boot-time-mm.rst). When the real allocator takes over, what was
 * for boot alone is given to it, and what lives for ever stays where the pointer happened to be. A page goes over only when nothing on it stays.
 *
 *     mixed      |t t P t|t t t t|t P t t|t t t t|        P: lives for ever, t: for boot alone
 *                  stays   over    stays   over           scars everywhere
 *
 *     separate   |P P    |t t t t|t t t t|t t t  |        the early allocator was told how long blocks live
 *                  stays   over    over    over
 *
 * This layer is that history: `requests` blocks are handed out before the first operation of the run, in nobody's time, from single pages of the
 * allocator that it is around, in the order in which that one gives them (`buddy`: of its smallest blocks first, then ascending). Then all pages without a permanent block are
 * freed. From then on the layer passes everything on. What it costs is seen in external fragmentation: pages that stay are neither free nor movable.
 *
 * Not modelled: blocks that the early allocator frees before it ends, holes in physical memory, pages taken over by later
 * freeing init sections.
 *
 * Invariants, verified by boot_check():
 *   B1  the pages that stay are blocks in use of the allocator below, of one page each
 */

#include <math.h>

#include "simcore/allocator.h"
#include "simcore/distribution.h"

#define ALIGNMENT 8

enum {
  COUNTER_PAGES,
  COUNTER_KEPT,
  COUNTER_PERMANENT_BYTES,
};

enum {
  LIFETIMES_MIXED,
  LIFETIMES_SEPARATE,
};

typedef struct {
  KmlAllocator base;

  /* parameters */
  guint64 requests;
  char *sizes;
  double permanent;
  guint lifetimes;

  GHashTable *kept; /* (owned) (element-type pfn + 1): pages that stay */
} Boot;

/* What one pointer moves through. */
typedef struct {
  guint64 next;      /* bytes handed out */
  GByteArray *stays; /* (owned): of each page: whether a permanent block is on it */
} Region;

static gpointer
key_of (const Boot *self, KmlAddr addr)
{
  return GSIZE_TO_POINTER (kml_ram_pfn (&self->base.ram, addr) + 1);
}

/* ---- The early allocator ---- */

static void
hand_out (Region *self, guint64 size, gboolean is_permanent, guint64 page_size)
{
  const guint64 first = self->next / page_size;
  guint64 end;

  self->next += (size + ALIGNMENT - 1) & ~(guint64)(ALIGNMENT - 1);
  end = (self->next + page_size - 1) / page_size;
  while (self->stays->len < end)
    g_byte_array_append (self->stays, (const guint8[]){ FALSE }, 1);
  for (guint64 page = first; is_permanent && page < end; page++)
    self->stays->data[page] = TRUE;
}

/* @regions: for permanent blocks, and for others; the same, when lifetimes are not told apart. FALSE: they have more bytes than RAM. */
static gboolean
hand_out_all (Boot *self, const KmlDistribution *sizes, Region *const regions[2], GError **error)
{
  const guint64 page_size = kml_ram_page_size (&self->base.ram);
  const guint64 room = kml_ram_addr (&self->base.ram, self->base.ram.n_usable);
  const guint64 threshold = (guint64)ldexp (self->permanent, 63);
  KmlRng rng;

  kml_rng_init (&rng, self->base.machine->seed, "boot");
  for (guint64 i = 0; i < self->requests; i++) {
    const guint64 size = kml_distribution_draw (sizes, &rng);
    const gboolean is_permanent = kml_rng_next (&rng) >> 1 < threshold;
    Region *region = regions[!is_permanent];

    if (size > room - MIN (room, region->next))
      return kml_refuse (error, "requests",
                         "the early allocator is out of memory at request %" G_GUINT64_FORMAT,
                         i + 1);
    hand_out (region, size, is_permanent, page_size);
    self->base.counters[COUNTER_PERMANENT_BYTES] += is_permanent ? size : 0;
  }
  return TRUE;
}

/* The pages of @region, in order, behind those in @pages. FALSE: there are not so many. */
static gboolean
take_pages (Boot *self, const Region *region, GArray *pages, GError **error)
{
  const KmlRequest request = { .size = kml_ram_page_size (&self->base.ram),
                               .gfp = KML_GFP_KERNEL | KML_GFP_NOWARN };

  for (guint i = 0; i < region->stays->len; i++) {
    guint64 held;
    const KmlAddr addr = kml_allocator_alloc (self->base.lower, &request, &held);

    if (addr == KML_ADDR_NONE)
      return kml_refuse (error, "requests", "the early allocator wants page %u, and there are %u",
                         pages->len + 1, pages->len);
    g_array_append_val (pages, addr);
  }
  return TRUE;
}

/* The real allocator takes over. */
static void
give_over (Boot *self, const Region *region, const KmlAddr *pages)
{
  const guint64 page_size = kml_ram_page_size (&self->base.ram);
  const KmlRequest how = { .size = page_size, .gfp = KML_GFP_KERNEL };

  for (guint i = 0; i < region->stays->len; i++)
    if (region->stays->data[i]) {
      g_hash_table_add (self->kept, key_of (self, pages[i]));
      self->base.metadata_bytes += page_size;
      self->base.counters[COUNTER_KEPT]++;
    } else {
      kml_allocator_free_block (self->base.lower, pages[i], &how);
    }
  self->base.counters[COUNTER_PAGES] += region->stays->len;
}

static gboolean
live_through_boot (Boot *self, const KmlDistribution *sizes, GError **error)
{
  const gboolean separate = self->lifetimes == LIFETIMES_SEPARATE;
  g_autoptr (GArray) pages = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  Region permanent = { .stays = g_byte_array_new () };
  Region others = { .stays = g_byte_array_new () };
  Region *const regions[2] = { &permanent, separate ? &others : &permanent };
  const gboolean good = hand_out_all (self, sizes, regions, error) &&
                        take_pages (self, &permanent, pages, error) &&
                        take_pages (self, &others, pages, error);

  if (good) {
    give_over (self, &permanent, (const KmlAddr *)pages->data);
    if (others.stays->len > 0)
      give_over (self, &others, (const KmlAddr *)pages->data + permanent.stays->len);
  }
  g_byte_array_unref (permanent.stays);
  g_byte_array_unref (others.stays);
  return good;
}

/* ---- Life ---- */

static gboolean
boot_init (KmlAllocator *base, GError **error)
{
  Boot *self = (Boot *)base;
  const KmlTime now = base->machine->now;
  KmlDistribution sizes = { 0 };
  gboolean good;

  self->kept = g_hash_table_new (NULL, NULL);
  if (!kml_distribution_parse (self->sizes, KML_DRAW_SIZES, &sizes, error))
    return FALSE;
  good = live_through_boot (self, &sizes, error);
  kml_distribution_clear (&sizes);
  base->machine->now = now; /* that was before all time */
  return good;
}

static void
boot_finish (KmlAllocator *base)
{
  g_clear_pointer (&((Boot *)base)->kept, g_hash_table_unref);
}

static gboolean
boot_remember (KmlAllocator *base, KmlImage *image)
{
  return TRUE; /* nothing changes any more */
}

/* ---- Calls ---- */

static KmlAddr
boot_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  return kml_allocator_alloc (base->lower, request, ret_held);
}

static guint64
boot_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  const Boot *self = (const Boot *)base;

  g_assert (g_hash_table_size (self->kept) == 0 || /* else it was nobody's to give back */
            !g_hash_table_contains (self->kept, key_of (self, addr)));
  return kml_allocator_free_block (base->lower, addr, how);
}

static gboolean
boot_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  return base->lower->ops->split != NULL && base->lower->ops->split (base->lower, addr, piece);
}

static void
boot_shrink (KmlAllocator *base)
{
  if (base->lower->ops->shrink != NULL)
    base->lower->ops->shrink (base->lower);
}

/* ---- Looking at it ---- */

typedef struct {
  const Boot *self;
  KmlWalkFunc func; /* (nullable) */
  gpointer user_data;
  guint64 n_kept;
} Walk;

static void
walk_block (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  Walk *walk = user_data;

  if (state == KML_BLOCK_USED && size == kml_ram_page_size (&walk->self->base.ram) &&
      g_hash_table_contains (walk->self->kept, key_of (walk->self, start))) {
    state = KML_BLOCK_METADATA;
    walk->n_kept++;
  }
  if (walk->func != NULL)
    walk->func (start, size, state, walk->user_data);
}

static void
boot_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  Walk walk = { (const Boot *)base, func, user_data, 0 };

  base->lower->ops->walk (base->lower, walk_block, &walk);
}

static gboolean
boot_check (const KmlAllocator *base, GError **error)
{
  Walk walk = { (const Boot *)base, NULL, NULL, 0 };

  base->lower->ops->walk (base->lower, walk_block, &walk);
  if (walk.n_kept != g_hash_table_size (walk.self->kept))
    return kml_allocator_broken ("B1", "page", walk.n_kept, error);
  return base->lower->ops->check (base->lower, error);
}

/* ---- What it is called ---- */

static const char *const lifetimes_choices[] = { "mixed", "separate", NULL };

static const KmlParam boot_params[] = {
  { .name = "requests",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 100000000,
    .offset = G_STRUCT_OFFSET (Boot, requests),
    .summary = "blocks that are handed out before the allocator takes over; there is nothing left "
               "behind without them" },
  { .name = "sizes",
    .type = KML_PARAM_TEXT,
    .value = "loguniform(16, 4KiB)",
    .validate = kml_distribution_validate_sizes,
    .offset = G_STRUCT_OFFSET (Boot, sizes),
    .grammar = "fixed(SIZE) | uniform(SIZE, SIZE) | loguniform(SIZE, SIZE) | exponential(MEAN) | "
               "weighted(SIZE:WEIGHT, …)",
    .summary = "their sizes" },
  { .name = "permanent",
    .type = KML_PARAM_SHARE,
    .value = "0.1",
    .offset = G_STRUCT_OFFSET (Boot, permanent),
    .summary = "the share of them that lives for ever" },
  { .name = "lifetimes",
    .type = KML_PARAM_CHOICE,
    .value = "mixed",
    .choices = lifetimes_choices,
    .offset = G_STRUCT_OFFSET (Boot, lifetimes),
    .summary = "one pointer for all, or one for blocks that live for ever and one for the others" },
  { NULL },
};

static const KmlCounterInfo boot_counters[] = {
  [COUNTER_PAGES] = { "pages", "pages", "pages that were in use before the allocator took over" },
  [COUNTER_KEPT] = { "kept", "pages",
                     "those that stay, for the sake of a block that lives for ever" },
  [COUNTER_PERMANENT_BYTES] = { "permanent_bytes", "bytes", "bytes of blocks that live for ever" },
  { NULL },
};

static const KmlAllocatorOps boot_ops = {
  .name = "boot",
  .summary = "what an early allocator left behind: pages in use before the first request",
  .level = KML_LEVEL_LAYER,
  .around = KML_LEVEL_PAGES,
  .instance_size = sizeof (Boot),
  .params = boot_params,
  .counters = boot_counters,
  .init = boot_init,
  .finish = boot_finish,
  .alloc = boot_alloc,
  .free = boot_free,
  .split = boot_split,
  .shrink = boot_shrink,
  .remember = boot_remember,
  .walk = boot_walk,
  .check = boot_check,
};

KML_REGISTER_ALLOCATOR (boot_ops)
