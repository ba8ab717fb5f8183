/* slab-check.c: what slabs look like, and whether that is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/slab.h"

/* ---- One object ---- */

gboolean
slab_is_listed (const Slab *self, const Cache *cache, const SlabHeader *slab, guint64 index)
{
  const KmlAddr links = first_object (self, slab) + cache->link_offset;
  guint link = slab->first_free;

  for (guint n = slab->n_fresh - slab->n_used; n > 0 && link != 0; n--) {
    if (link == index + 1)
      return TRUE;
    link = kml_ram_load32 (ram_of (self), links + (guint64)(link - 1) * cache->chunk) & 0xffff;
  }
  return FALSE;
}

static gboolean
is_small_in_use (const Slab *self, const Cache *cache, KmlAddr addr)
{
  const SlabHeader *slab = small_header (self, kml_ram_pfn (ram_of (self), addr));
  const guint64 offset = addr - first_object (self, slab), index = offset / cache->chunk;

  if (addr < first_object (self, slab) || offset % cache->chunk != 0 || index >= slab->n_fresh)
    return FALSE;
  if ((kml_ram_load32 (ram_of (self), addr + cache->link_offset) & SLAB_GUARD_BITS) !=
      slab_guard (addr))
    return TRUE;
  return !slab_is_listed (self, cache, slab, index); /* it is free, or its owner wrote that */
}

guint64
slab_size_of (const KmlAllocator *base, KmlAddr addr)
{
  const Slab *self = (const Slab *)base;
  const KmlFrame *frame = frame_of (self, kml_ram_pfn (ram_of (self), addr));
  const Cache *cache;

  g_assert (addr >> ram_of (self)->page_shift < ram_of (self)->n_usable);
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);

  if (frame->slab.size_class == KML_PAGE_RUN_LARGE)
    return kml_page_runs_size_of_large (&self->runs, addr);
  g_assert (frame->slab.size_class <
            self->n_caches); /* the allocator's own memory is nobody's block */
  cache = &self->caches[frame->slab.size_class];
  g_assert (cache->is_small ? is_small_in_use (self, cache, addr)
                            : slab_is_large_in_use (self, cache, addr));
  return cache->object_size;
}

/* ---- Which objects are free ---- */

/* Marks the free objects of a small slab. FALSE: the list is broken (L2). */
static gboolean
mark_small (const Slab *self, const Cache *cache, const SlabHeader *slab, guint8 *ret_is_free)
{
  const KmlRam *ram = ram_of (self);
  guint link = slab->first_free;

  if (slab->n_used > slab->n_fresh || slab->n_fresh > slab->n_objects)
    return FALSE;
  memset (ret_is_free, FALSE, slab->n_fresh);
  memset (ret_is_free + slab->n_fresh, TRUE, slab->n_objects - slab->n_fresh);
  for (guint n = slab->n_fresh - slab->n_used; n > 0; n--) {
    const KmlAddr addr = first_object (self, slab) + (guint64)(link - 1) * cache->chunk;
    guint32 word;

    if (link == 0 || link > slab->n_fresh || ret_is_free[link - 1])
      return FALSE;
    word = kml_ram_load32 (ram, addr + cache->link_offset);
    if ((word & SLAB_GUARD_BITS) != slab_guard (addr))
      return FALSE;
    ret_is_free[link - 1] = TRUE;
    link = word & 0xffff;
  }
  return link == 0;
}

/* The index of the object that the bufctl at @at is about, or n_objects: it is none of this slab. */
static guint
index_of (const Slab *self, const Cache *cache, const SlabHeader *slab, KmlAddr at)
{
  const Bufctl *bufctl = bufctl_at (self, at);
  const guint64 offset = bufctl->addr - first_object (self, slab);

  if (bufctl->slab != addr_of (self, slab) || offset % cache->chunk != 0 ||
      offset / cache->chunk >= slab->n_objects)
    return slab->n_objects;
  return (guint)(offset / cache->chunk);
}

/* The same of a large slab (L3). */
static gboolean
mark_large (const Slab *self, const Cache *cache, const SlabHeader *slab, guint8 *ret_is_free)
{
  guint n = 0;

  memset (ret_is_free, FALSE, slab->n_objects);
  for (KmlAddr at = slab->bufctls; at != KML_ADDR_NONE; at = bufctl_at (self, at)->next) {
    const guint index = index_of (self, cache, slab, at);

    if (index == slab->n_objects || ret_is_free[index])
      return FALSE;
    ret_is_free[index] = TRUE;
    n++;
  }
  return n == (guint)(slab->n_objects - slab->n_used);
}

static gboolean
mark_free (const Slab *self, const Cache *cache, const SlabHeader *slab, guint8 *ret_is_free)
{
  return cache->is_small ? mark_small (self, cache, slab, ret_is_free)
                         : mark_large (self, cache, slab, ret_is_free);
}

/* ---- Walking ---- */

static void
show (KmlAddr start, KmlAddr end, KmlBlockState state, KmlWalkFunc func, gpointer user_data)
{
  if (end > start)
    func (start, end - start, state, user_data);
}

static void
walk_slab (const Slab *self, const Cache *cache, KmlPfn pfn, KmlWalkFunc func, gpointer user_data)
{
  const KmlRam *ram = ram_of (self);
  const SlabHeader *slab = header_of (self, cache, pfn);
  g_autofree guint8 *is_free = g_malloc (slab->n_objects);
  KmlAddr done = kml_ram_addr (ram, pfn), addr = first_object (self, slab);

  mark_free (self, cache, slab, is_free);
  for (guint i = 0; i < slab->n_objects; i++, addr += cache->chunk) {
    show (done, addr, KML_BLOCK_METADATA, func, user_data); /* the colour, or a link */
    done = addr + cache->object_size;
    show (addr, done, is_free[i] ? KML_BLOCK_FREE : KML_BLOCK_USED, func, user_data);
  }
  show (done, kml_ram_addr (ram, pfn + frame_of (self, pfn)->n_frames), KML_BLOCK_METADATA, func,
        user_data);
}

static void
walk_run (const KmlAllocator *base, KmlPfn pfn, KmlWalkFunc func, gpointer user_data)
{
  const Slab *self = (const Slab *)base;
  const guint size_class = frame_of (self, pfn)->slab.size_class;

  if (size_class < self->n_caches)
    walk_slab (self, &self->caches[size_class], pfn, func, user_data);
  else /* the allocator's own: headers, bufctls, a hash table */
    show (kml_ram_addr (ram_of (self), pfn),
          kml_ram_addr (ram_of (self), pfn + frame_of (self, pfn)->n_frames), KML_BLOCK_METADATA,
          func, user_data);
}

void
slab_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  kml_page_runs_walk (&((const Slab *)base)->runs, walk_run, func, user_data);
}

void
slab_walk_caches (const KmlAllocator *base, KmlCacheFunc func, gpointer user_data)
{
  const Slab *self = (const Slab *)base;

  for (guint i = 0; i < self->n_caches; i++) {
    const Cache *cache = &self->caches[i];
    const KmlCacheInfo info = {
      .object_size = cache->object_size,
      .n_objects = cache->n_objects,
      .n_active = cache->n_active,
      .n_slabs = cache->n_slabs,
      .n_frames = cache->n_frames,
    };

    func (&info, user_data);
  }
}

/* ---- Checking ---- */

/* What the slabs of one cache come to. */
typedef struct {
  guint64 n_slabs, n_frames, n_objects, n_active;
  guint64 n_partial, n_empty;
} Sums;

/* Where the slab's objects must end. */
static KmlAddr
end_of_room (const Slab *self, const Cache *cache, KmlPfn pfn)
{
  return cache->is_small ? addr_of (self, small_header (self, pfn))
                         : kml_ram_addr (ram_of (self), pfn + frame_of (self, pfn)->n_frames);
}

static gboolean
check_slab (const Slab *self, KmlPfn pfn, Sums *sums, GError **error)
{
  const guint number = frame_of (self, pfn)->slab.size_class;
  const Cache *cache = &self->caches[number];
  const SlabHeader *slab = header_of (self, cache, pfn);
  g_autofree guint8 *is_free = NULL;

  if (slab->pfn != pfn || slab->n_objects == 0 || slab->n_used > slab->n_objects ||
      first_object (self, slab) + (guint64)slab->n_objects * cache->chunk >
          end_of_room (self, cache, pfn))
    return kml_allocator_broken ("L1", "frame", pfn, error);
  is_free = g_malloc (slab->n_objects);
  if (!mark_free (self, cache, slab, is_free))
    return kml_allocator_broken (cache->is_small ? "L2" : "L3", "frame", pfn, error);

  sums = &sums[number];
  sums->n_slabs++;
  sums->n_frames += frame_of (self, pfn)->n_frames;
  sums->n_objects += slab->n_objects;
  sums->n_active += slab->n_used;
  sums->n_empty += slab->n_used == 0;
  sums->n_partial += slab->n_used > 0 && slab->n_used < slab->n_objects;
  return TRUE;
}

/* The used objects' part of L3: each bufctl of the table is in the chain of its address and about
 * an object that is not free, and there are as many as objects in use. */
static gboolean
check_hash (const Slab *self, const Cache *cache, GError **error)
{
  const SlabHash *hash = cache->hash;
  guint64 n = 0;

  for (guint64 i = 0; i < (guint64)1 << hash->bits; i++)
    for (KmlAddr at = hash->chains[i]; at != KML_ADDR_NONE; at = bufctl_at (self, at)->next) {
      const Bufctl *bufctl = bufctl_at (self, at);
      const SlabHeader *slab = header_at (self, bufctl->slab);
      const guint index = index_of (self, cache, slab, at);
      g_autofree guint8 *is_free = g_malloc (slab->n_objects);

      if (++n > cache->n_active || (bufctl->addr >> hash->shift & ((1u << hash->bits) - 1)) != i ||
          index == slab->n_objects || !mark_large (self, cache, slab, is_free) || is_free[index])
        return kml_allocator_broken ("L3", "address", bufctl->addr, error);
    }
  return n == cache->n_active || kml_allocator_broken ("L3", "cache", cache->object_size, error);
}

static gboolean
check_list (const Slab *self, const Cache *cache, const Sums *sums, GError **error)
{
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = cache->first; pfn != KML_PFN_NONE;
       pfn = header_of (self, cache, pfn)->next, n++) {
    const SlabHeader *slab = header_of (self, cache, pfn);

    if (n >= sums->n_partial + sums->n_empty || slab->prev != before ||
        (slab->n_used == 0) != (n >= sums->n_partial) || slab->n_used == slab->n_objects)
      return kml_allocator_broken ("L4", "frame", pfn, error);
    before = pfn;
  }
  if (n != sums->n_partial + sums->n_empty || cache->last != before)
    return kml_allocator_broken ("L4", "cache", cache->object_size, error);
  if (cache->head != (cache->is_small && cache->first != KML_PFN_NONE
                          ? small_header (self, cache->first)
                          : &self->nothing))
    return kml_allocator_broken ("L4", "cache", cache->object_size, error);
  return TRUE;
}

static gboolean
check_cache (const Slab *self, const Cache *cache, const Sums *sums, GError **error)
{
  if (!check_list (self, cache, sums, error))
    return FALSE;
  if (sums->n_slabs != cache->n_slabs || sums->n_frames != cache->n_frames ||
      sums->n_objects != cache->n_objects || sums->n_active != cache->n_active ||
      sums->n_empty != cache->n_empty)
    return kml_allocator_broken ("L5", "cache", cache->object_size, error);
  if (cache->n_empty > self->keep)
    return kml_allocator_broken ("L8", "cache", cache->object_size, error);
  return cache->is_small || check_hash (self, cache, error);
}

/* Every byte of the runs that is no object of a bin, large runs apart. */
static guint64
count_metadata (const Slab *self)
{
  guint64 n_bytes = 0;

  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn);
       pfn += frame_of (self, pfn)->n_frames) {
    const KmlFrame *frame = frame_of (self, pfn);
    const guint size_class = frame->slab.size_class;

    n_bytes += (guint64)frame->n_frames << ram_of (self)->page_shift;
    if (size_class < self->n_caches) {
      const Cache *cache = &self->caches[size_class];

      n_bytes -= (guint64)header_of (self, cache, pfn)->n_objects * cache->object_size;
    }
  }
  return n_bytes;
}

gboolean
slab_check (const KmlAllocator *base, GError **error)
{
  const Slab *self = (const Slab *)base;
  const guint n_caches = self->n_caches + 2;
  g_autofree Sums *sums = g_new0 (Sums, n_caches);
  guint64 n_headers = 0, n_bufctls = 0;

  if (!kml_page_runs_check (&self->runs, error))
    return FALSE;
  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn);
       pfn += frame_of (self, pfn)->n_frames)
    if (frame_of (self, pfn)->slab.size_class < n_caches && !check_slab (self, pfn, sums, error))
      return FALSE;
  for (guint i = 0; i < n_caches; i++) {
    if (!check_cache (self, &self->caches[i], &sums[i], error))
      return FALSE;
    if (!self->caches[i].is_small) {
      n_headers += sums[i].n_slabs;
      n_bufctls += sums[i].n_objects;
    }
  }
  if (header_cache (self)->n_active != n_headers || bufctl_cache (self)->n_active != n_bufctls)
    return kml_allocator_broken ("L6", "slab", n_headers, error);
  if (count_metadata (self) != base->metadata_bytes)
    return kml_allocator_broken ("L7", "byte", count_metadata (self), error);
  return TRUE;
}
