/* slub-caches.c: the caches of slub, and which of them a request is for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * caches = bins: there is one for each bin, and a request's size decides.
 *
 * caches = recorded: those of the kernel that a recording is of. What kmalloc() asks for has a cache for each bin and *type*, as kmalloc_type() says
 * (include/linux/slab.h, 6.1):
 *
 *   dma-kmalloc-N   __GFP_DMA
 *   kmalloc-rcl-N   __GFP_RECLAIMABLE
 *   kmalloc-cg-N    __GFP_ACCOUNT
 *   kmalloc-N       all others
 *
 * What is asked of a kmem_cache is of that one. No event says its name, but how large its objects are, and whether they are charged to a control group
 * (SLAB_ACCOUNT); and caches that are alike in that are mostly one, since SLUB merges them. So one is made when the first request for such a size comes, and has
 * the name under which /sys/kernel/slab knows merged caches (create_unique_id()):
 *
 *   :0000640        objects of 640 bytes
 *   :A-0000192      objects of 192 bytes, charged
 *
 * They stay. Where there are MOST_NAMED, other sizes are kmalloc()'s.
 *
 * Not modelled: what keeps two caches of one size from being merged (a constructor, a part that may be copied to user space, SLAB_TYPESAFE_BY_RCU); reclaimable
 * ones (SLAB_RECLAIM_ACCOUNT), which no event of an object shows; the caches of caches and of their nodes, of boot.
 */

#include "allocators/slub.h"

#define MOST_NAMED 1024 /* a kernel has 100 to 300 */
#define N_SLOTS    2048 /* a power of two */

typedef enum {
  KIND_NORMAL,
  KIND_RECLAIMABLE,
  KIND_CHARGED,
  KIND_DMA,
  N_KINDS,
} Kind;

static const char *const kind_names[N_KINDS] = {
  [KIND_NORMAL] = "kmalloc-",
  [KIND_RECLAIMABLE] = "kmalloc-rcl-",
  [KIND_CHARGED] = "kmalloc-cg-",
  [KIND_DMA] = "dma-kmalloc-",
};

static Kind
kind_of (KmlGfp gfp)
{
  if (gfp & KML_GFP_DMA)
    return KIND_DMA;
  if (gfp & KML_GFP_RECLAIMABLE)
    return KIND_RECLAIMABLE;
  return gfp & KML_GFP_ACCOUNT ? KIND_CHARGED : KIND_NORMAL;
}

/* ---- One cache ---- */

/* Objects that a CPU's partial slabs should offer. */
static guint64
cpu_partial_of (const Slub *self, guint64 size)
{
  if (self->cpu_partial_objects != 0)
    return self->cpu_partial_objects;
  if (size >= kml_ram_page_size (ram_of (self)))
    return 6;
  if (size >= 1024)
    return 24;
  return size >= 256 ? 52 : 120;
}

static guint32
min_partial_of (const Slub *self, guint64 size)
{
  const guint half = (g_bit_storage (size) - 1) / 2;

  return self->min_partial != 0 ? (guint32)self->min_partial : CLAMP (half, 5, 10);
}

/* Fisher and Yates; the same for all slabs of the cache. */
static void
shuffle (Slub *self, SlubCache *cache)
{
  const guint n = (guint)kml_slab_objects (&self->rule, cache->order, cache->object_size);

  cache->n_sequence = n;
  cache->sequence = g_new (guint16, n);
  for (guint i = 0; i < n; i++)
    cache->sequence[i] = (guint16)i;
  for (guint i = n - 1; i > 0; i--) {
    const guint k = (guint)kml_rng_below (&self->rng, i + 1);
    const guint16 swapped = cache->sequence[i];

    cache->sequence[i] = cache->sequence[k];
    cache->sequence[k] = swapped;
  }
}

static void
clear_cache (SlubCache *cache)
{
  g_clear_pointer (&cache->sequence, g_free);
  g_clear_pointer (&cache->name, g_free);
  g_clear_pointer (&cache->lock_name, g_free);
}

/* The next one. @name: (transfer full) (nullable): NULL: its size is what it is called. */
static void
add_cache (Slub *self, guint64 size, char *name)
{
  const guint n_cpus = self->base.machine->n_cpus, i = self->n_caches++;
  SlubCache *cache = &self->caches[i];
  guint64 n_objects;

  clear_cache (cache); /* of a run whose end was put back to its beginning */
  *cache = (SlubCache){ .object_size = (guint32)size, .name = name };
  cache->link_offset = (guint32)(size / 2 & ~G_GUINT64_CONSTANT (7));
  cache->reciprocal = G_MAXUINT64 / size + 1; /* size >= 8: no overflow */
  cache->alloc_cost[0] = self->alloc_cost;
  cache->alloc_cost[1] = self->alloc_cost + kml_clearing_time (self->base.machine, size);
  cache->order = (guint8)kml_slab_order (&self->rule, size);
  cache->least_order = (guint8)kml_slab_least_order (&self->rule, 1, size);
  kml_frame_list_init (&cache->partial);
  cache->min_partial = min_partial_of (self, size);
  n_objects = kml_slab_objects (&self->rule, cache->order, size);
  cache->cpu_partial_slabs = (guint32)((2 * cpu_partial_of (self, size) + n_objects - 1) /
                                       n_objects);
  cache->cpus = self->cpus + (gsize)i * n_cpus;
  for (guint cpu = 0; cpu < n_cpus; cpu++)
    cache->cpus[cpu] = (SlubCpu){ .pfn = KML_PFN_NONE, .partial = KML_PFN_NONE };
  cache->statics = kml_machine_statics (self->base.machine, (n_cpus + 1) * SLUB_LINE);
  cache->lock_name = name != NULL ? g_strdup_printf ("list_lock of %s", name)
                                  : g_strdup_printf ("list_lock of %" G_GUINT64_FORMAT, size);
  kml_lock_init (&cache->list_lock, KML_LOCK_SPIN_IRQ, cache->lock_name);
  cache->list_lock.class_name = "list_lock";
  cache->list_lock.is_paid = TRUE; /* slub_spend_node_lock() */
  if (self->freelist == SLUB_FREELIST_RANDOM)
    shuffle (self, cache);
}

/* ---- Those of kmalloc() ---- */

/* (transfer full): "kmalloc-cg-96", "kmalloc-1k", "kmalloc-2M" */
static char *
name_of_kind (Kind kind, guint64 size)
{
  static const char *const suffixes[] = { "", "k", "M" };
  guint i = 0;

  for (; i + 1 < G_N_ELEMENTS (suffixes) && size % 1024 == 0; i++)
    size /= 1024;
  return g_strdup_printf ("%s%" G_GUINT64_FORMAT "%s", kind_names[kind], size, suffixes[i]);
}

void
slub_caches_init (Slub *self)
{
  const gboolean is_recorded = self->which_caches == SLUB_CACHES_RECORDED;
  const guint n_bins = self->table.bins.n, n_kinds = is_recorded ? N_KINDS : 1;

  self->n_room = n_bins * n_kinds + (is_recorded ? MOST_NAMED : 0);
  self->caches = g_aligned_alloc0 (self->n_room, sizeof (SlubCache), 64);
  self->cpus = g_new (SlubCpu, (gsize)self->n_room * self->base.machine->n_cpus);
  if (is_recorded)
    self->named = g_new0 (guint16, N_SLOTS);
  for (guint kind = 0; kind < n_kinds; kind++)
    for (guint i = 0; i < n_bins; i++)
      add_cache (self, self->table.bins.sizes[i],
                 is_recorded ? name_of_kind (kind, self->table.bins.sizes[i]) : NULL);
}

void
slub_caches_clear (Slub *self)
{
  for (guint i = 0; self->caches != NULL && i < self->n_room; i++)
    clear_cache (&self->caches[i]);
  g_clear_pointer (&self->caches, g_aligned_free);
  g_clear_pointer (&self->cpus, g_free);
  g_clear_pointer (&self->named, g_free);
}

void
slub_caches_remember (Slub *self, KmlImage *image)
{
  kml_image_add (image, self->caches, self->n_caches * sizeof *self->caches);
  kml_image_add (image, self->cpus,
                 (gsize)self->n_caches * self->base.machine->n_cpus * sizeof *self->cpus);
  if (self->named != NULL)
    kml_image_add (image, self->named, N_SLOTS * sizeof *self->named);
}

/* ---- Those with objects of their own ---- */

/* Where the one for objects of @size bytes is, or would be. */
static guint16 *
slot_of (const Slub *self, guint64 size, gboolean is_charged)
{
  const guint64 key = size << 1 | is_charged;
  guint at = (guint)(key * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) >> 32) % N_SLOTS;

  while (self->named[at] != 0 && (self->caches[self->named[at]].object_size != size ||
                                  self->caches[self->named[at]].is_charged != is_charged))
    at = (at + 1) % N_SLOTS;
  return &self->named[at];
}

/* NULL: there are too many. */
static SlubCache *
named_cache (Slub *self, const KmlRequest *request)
{
  const guint64 size = (MAX (request->cache, SLUB_MIN_OBJECT_SIZE) + 7) & ~G_GUINT64_CONSTANT (7);
  const gboolean is_charged = (request->gfp & KML_GFP_ACCOUNT) != 0;
  guint16 *slot = slot_of (self, size, is_charged);

  if (*slot != 0)
    return &self->caches[*slot];
  if (self->n_caches == self->n_room)
    return NULL;
  *slot = (guint16)self->n_caches; /* never 0: that is one of kmalloc()'s */
  add_cache (self, size, g_strdup_printf (":%s%07" G_GUINT64_FORMAT, is_charged ? "A-" : "", size));
  self->caches[*slot].is_charged = is_charged;
  return &self->caches[*slot];
}

SlubCache *
slub_choose (Slub *self, const KmlRequest *request)
{
  const gboolean is_recorded = self->which_caches == SLUB_CACHES_RECORDED;
  guint bin;

  if (is_recorded && request->cache >= request->size && request->cache <= SLUB_MAX_OBJECT_SIZE &&
      request->constraints == NULL) {
    SlubCache *cache = named_cache (self, request);

    if (cache != NULL)
      return cache;
  }
  bin = kml_bin_table_choose (&self->table, request, kml_ram_page_size (ram_of (self)));
  if (bin >= self->table.bins.n)
    return NULL;
  return &self->caches[is_recorded ? kind_of (request->gfp) * self->table.bins.n + bin : bin];
}
