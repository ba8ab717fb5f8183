/* slub-check.c: what is seen of slabs: by caches, by a walk, and whether it is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/slub.h"

/* ---- References, with a cache model ---- */

/* What the object, or the pages, at @addr are of. */
static const KmlFrame *
slab_of (const Slub *self, KmlAddr addr)
{
  return frame_of (self, frame_of (self, kml_ram_pfn (ram_of (self), addr))->slab.head);
}

static void
touch_object (const Slub *self, const SlubCache *cache, KmlAddr addr, const KmlRequest *request)
{
  slub_touch_cpu (self, cache, &cache->cpus[request->cpu]);
  kml_touch (self->base.machine, addr + cache->link_offset, sizeof (guint64), KML_TOUCH_WRITE);
}

void
slub_touch_taken (const Slub *self, KmlAddr addr, const KmlRequest *request)
{
  const KmlFrame *slab = slab_of (self, addr);
  const SlubCache *cache;

  if (slab->slab.size_class == KML_PAGE_RUN_LARGE)
    return;
  cache = &self->caches[slab->slab.size_class];
  touch_object (self, cache, addr, request);
  if (request->gfp & KML_GFP_ZERO)
    kml_touch (self->base.machine, addr, cache->object_size, KML_TOUCH_WRITE | KML_TOUCH_UNPAID);
}

void
slub_touch_freed (const Slub *self, KmlAddr addr, const KmlRequest *how)
{
  const KmlFrame *slab = slab_of (self, addr);

  kml_touch_frame (self->base.machine, frame_of (self, kml_ram_pfn (ram_of (self), addr)),
                   KML_TOUCH_READ);
  if (slab->slab.size_class != KML_PAGE_RUN_LARGE)
    touch_object (self, &self->caches[slab->slab.size_class], addr, how);
}

/* ---- One object ---- */

static gboolean
list_has (const Slub *self, const SlubCache *cache, KmlPfn pfn, guint link, KmlAddr addr)
{
  while (link != 0) {
    if (object_of (self, cache, pfn, link - 1) == addr)
      return TRUE;
    slub_next (self, cache, pfn, &link);
  }
  return FALSE;
}

gboolean
slub_is_listed (const Slub *self, const SlubCache *cache, KmlPfn pfn, KmlAddr addr)
{
  const SlubCpu *taker = slub_taker_of (self, cache, pfn);

  return list_has (self, cache, pfn, frame_of (self, pfn)->slab.first_free, addr) ||
         (taker != NULL && list_has (self, cache, pfn, taker->first_free, addr));
}

guint64
slub_size_of (const KmlAllocator *base, KmlAddr addr)
{
  const Slub *self = (const Slub *)base;
  const KmlPfn pfn = kml_ram_pfn (ram_of (self), addr);
  const KmlFrame *slab;
  const SlubCache *cache;
  guint64 offset;

  g_assert (addr >> ram_of (self)->page_shift < ram_of (self)->n_usable);
  g_assert (frame_of (self, pfn)->flags & KML_FRAME_FLAG_SLAB);

  slab = frame_of (self, frame_of (self, pfn)->slab.head);
  if (slab->slab.size_class == KML_PAGE_RUN_LARGE)
    return kml_page_runs_size_of_large (&self->runs, addr);
  cache = &self->caches[slab->slab.size_class];
  offset = addr - kml_ram_addr (ram_of (self), slab->slab.head);
  g_assert (offset % cache->object_size == 0);
  g_assert (offset / cache->object_size < slab->slab.n_objects);
  if (slub_has_guard (slub_load (self, cache, addr),
                      addr)) /* it is free, or its owner wrote that */
    g_assert (!slub_is_listed (self, cache, slab->slab.head, addr));
  return cache->object_size;
}

/* ---- Which objects are free ---- */

/* Marks the objects of a list; returns how many it has, or G_MAXUINT: it is broken (U2). */
static guint
mark_list (const Slub *self, const SlubCache *cache, KmlPfn pfn, guint link, guint8 *is_free)
{
  const KmlFrame *slab = frame_of (self, pfn);
  guint n = 0;

  for (; link != 0; n++) {
    const guint index = link - 1;
    KmlAddr addr;

    if (index >= slab->slab.n_objects || is_free[index])
      return G_MAXUINT;
    addr = object_of (self, cache, pfn, index);
    if (!slub_has_guard (slub_load (self, cache, addr), addr))
      return G_MAXUINT;
    is_free[index] = TRUE;
    slub_next (self, cache, pfn, &link);
  }
  return n;
}

/* The free objects of a slab, its own and those on its CPU's list. FALSE: a list is broken. */
static gboolean
mark_free (const Slub *self, const SlubCache *cache, KmlPfn pfn, guint8 *is_free)
{
  const KmlFrame *slab = frame_of (self, pfn);
  const SlubCpu *taker = slub_taker_of (self, cache, pfn);
  const guint n_own = mark_list (self, cache, pfn, slab->slab.first_free, is_free);

  if (n_own != (guint)(slab->slab.n_objects - slab->slab.n_used))
    return FALSE;
  return taker == NULL ||
         mark_list (self, cache, pfn, taker->first_free, is_free) <= slab->slab.n_used;
}

/* ---- Walking ---- */

static void
walk_slab (const KmlAllocator *base, KmlPfn pfn, KmlWalkFunc func, gpointer user_data)
{
  const Slub *self = (const Slub *)base;
  const KmlFrame *slab = frame_of (self, pfn);
  const SlubCache *cache = &self->caches[slab->slab.size_class];
  g_autofree guint8 *is_free = g_malloc0 (slab->slab.n_objects);
  KmlAddr addr = kml_ram_addr (ram_of (self), pfn);

  mark_free (self, cache, pfn, is_free);
  for (guint i = 0; i < slab->slab.n_objects; i++, addr += cache->object_size)
    func (addr, cache->object_size, is_free[i] ? KML_BLOCK_FREE : KML_BLOCK_USED, user_data);
  if (tail_of (self, cache, slab) > 0)
    func (addr, tail_of (self, cache, slab), KML_BLOCK_METADATA, user_data);
}

void
slub_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  kml_page_runs_walk (&((const Slub *)base)->runs, walk_slab, func, user_data);
}

/* As /proc/slabinfo counts: only what lies free on the node's list is not active. */
static guint64
count_active (const Slub *self, const SlubCache *cache)
{
  guint64 n = cache->n_objects;

  for (KmlPfn pfn = cache->partial.first; pfn != KML_PFN_NONE;
       pfn = frame_of (self, pfn)->slab.next)
    n -= (guint64)(frame_of (self, pfn)->slab.n_objects - frame_of (self, pfn)->slab.n_used);
  return n;
}

static int
compare_sizes (gconstpointer left, gconstpointer right)
{
  const SlubCache *const *a = left, *const *b = right;

  if ((*a)->object_size != (*b)->object_size)
    return (*a)->object_size < (*b)->object_size ? -1 : 1;
  return g_strcmp0 ((*a)->name, (*b)->name);
}

/* Of recorded caches, those that have slabs: a kernel's kmalloc() has 50, of which it uses half. */
void
slub_walk_caches (const KmlAllocator *base, KmlCacheFunc func, gpointer user_data)
{
  const Slub *self = (const Slub *)base;
  g_autoptr (GArray) sorted = g_array_new (FALSE, FALSE, sizeof (const SlubCache *));

  for (guint i = 0; i < self->n_caches; i++) {
    const SlubCache *cache = &self->caches[i];

    g_array_append_val (sorted, cache);
  }
  g_array_sort (sorted, compare_sizes);
  for (guint i = 0; i < self->n_caches; i++) {
    const SlubCache *cache = g_array_index (sorted, const SlubCache *, i);
    const KmlCacheInfo info = {
      .name = cache->name,
      .object_size = cache->object_size,
      .n_objects = cache->n_objects,
      .n_active = count_active (self, cache),
      .n_slabs = cache->n_slabs,
      .n_frames = cache->n_frames,
    };

    if (cache->name == NULL || cache->n_slabs > 0)
      func (&info, user_data);
  }
}

/* ---- Checking ---- */

/* What the slabs of one cache come to. */
typedef struct {
  guint64 n_slabs, n_frames, n_objects;
  guint64 n_frozen, n_listed; /* listed: with free objects, and nobody's */
} Sums;

static gboolean
check_slab (const Slub *self, KmlPfn pfn, Sums *sums, GError **error)
{
  const KmlFrame *slab = frame_of (self, pfn);
  const SlubCache *cache;
  g_autofree guint8 *is_free = g_malloc0 (MAX (slab->slab.n_objects, 1));

  if (slab->slab.size_class >= self->n_caches || slab->slab.n_objects == 0)
    return kml_allocator_broken ("U1", "frame", pfn, error);
  cache = &self->caches[slab->slab.size_class];
  if (tail_of (self, cache, slab) > (guint64)slab->n_frames << ram_of (self)->page_shift)
    return kml_allocator_broken ("U1", "frame", pfn, error);
  if (slab->slab.n_used > slab->slab.n_objects || !mark_free (self, cache, pfn, is_free))
    return kml_allocator_broken ("U2", "frame", pfn, error);

  sums = &sums[slab->slab.size_class];
  sums->n_slabs++;
  sums->n_frames += slab->n_frames;
  sums->n_objects += slab->slab.n_objects;
  sums->n_frozen += slab->slab.is_frozen != 0;
  sums->n_listed += !slab->slab.is_frozen && slab->slab.first_free != 0;
  return TRUE;
}

/* A slab that a list or a CPU says is of cache @i. */
static gboolean
is_slab_of (const Slub *self, guint i, KmlPfn pfn)
{
  const KmlFrame *slab = frame_of (self, pfn);

  return pfn < ram_of (self)->n_usable && (slab->flags & KML_FRAME_FLAG_SLAB) &&
         slab->slab.head == pfn && slab->slab.size_class == i;
}

static gboolean
check_node (const Slub *self, guint i, guint64 n_expected, GError **error)
{
  const SlubCache *cache = &self->caches[i];
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = cache->partial.first; pfn != KML_PFN_NONE;
       pfn = frame_of (self, pfn)->slab.next) {
    const KmlFrame *slab = frame_of (self, pfn);

    if (++n > n_expected || !is_slab_of (self, i, pfn) || slab->slab.prev != before ||
        slab->slab.is_frozen || slab->slab.first_free == 0)
      return kml_allocator_broken ("U3", "frame", pfn, error);
    before = pfn;
  }
  if (n != n_expected || n != cache->n_partial || cache->partial.last != before)
    return kml_allocator_broken ("U3", "cache", cache->object_size, error);
  return TRUE;
}

/* Adds up the slabs that the CPU has frozen. */
static gboolean
check_cpu (const Slub *self, guint i, const SlubCpu *cpu, guint64 *n_frozen, GError **error)
{
  const SlubCache *cache = &self->caches[i];
  const guint64 most = MAX (cache->cpu_partial_slabs, 1);
  guint64 n = 0;

  if (cpu->pfn == KML_PFN_NONE ? cpu->first_free != 0 : !is_slab_of (self, i, cpu->pfn))
    return kml_allocator_broken ("U4", "cache", cache->object_size, error);
  *n_frozen += cpu->pfn != KML_PFN_NONE;
  for (KmlPfn pfn = cpu->partial; pfn != KML_PFN_NONE; pfn = frame_of (self, pfn)->slab.next) {
    const KmlFrame *slab = frame_of (self, pfn);

    if (++n > most || !is_slab_of (self, i, pfn) || !slab->slab.is_frozen ||
        slab->slab.first_free == 0)
      return kml_allocator_broken ("U5", "frame", pfn, error);
  }
  if (n != cpu->n_partial || (n > 0 && self->cpu_partial == CPU_PARTIAL_NONE))
    return kml_allocator_broken ("U5", "cache", cache->object_size, error);
  *n_frozen += n;
  return TRUE;
}

static gboolean
check_cache (const Slub *self, guint i, const Sums *sums, GError **error)
{
  const SlubCache *cache = &self->caches[i];
  guint64 n_frozen = 0;

  if (!check_node (self, i, sums->n_listed, error))
    return FALSE;
  for (guint k = 0; k < self->base.machine->n_cpus; k++)
    if (!check_cpu (self, i, &cache->cpus[k], &n_frozen, error))
      return FALSE;
  if (n_frozen + cache->n_moving != sums->n_frozen)
    return kml_allocator_broken ("U4", "cache", cache->object_size, error);
  if (sums->n_slabs != cache->n_slabs || sums->n_frames != cache->n_frames ||
      sums->n_objects != cache->n_objects)
    return kml_allocator_broken ("U6", "cache", cache->object_size, error);
  return TRUE;
}

gboolean
slub_check (const KmlAllocator *base, GError **error)
{
  const Slub *self = (const Slub *)base;
  g_autofree Sums *sums = g_new0 (Sums, self->n_caches);
  guint64 tails = 0;

  if (!kml_page_runs_check (&self->runs, error))
    return FALSE;
  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn);
       pfn += frame_of (self, pfn)->n_frames) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (!check_slab (self, pfn, sums, error))
      return FALSE;
    tails += tail_of (self, &self->caches[frame->slab.size_class], frame);
  }
  for (guint i = 0; i < self->n_caches; i++)
    if (!check_cache (self, i, &sums[i], error))
      return FALSE;
  if (tails != base->metadata_bytes)
    return kml_allocator_broken ("U7", "byte", tails, error);
  return TRUE;
}
