/* segregated-check.c: what slabs look like, and whether that is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/segregated.h"

/* ---- One object ---- */

gboolean
segregated_is_listed (const Segregated *self, const Bin *bin, const KmlFrame *slab, guint64 index)
{
  const KmlAddr start = kml_ram_addr (ram_of (self), slab->slab.head);
  guint link = slab->slab.first_free;

  for (guint n = slab->slab.n_fresh - slab->slab.n_used; n > 0 && link != 0; n--) {
    if (link == index + 1)
      return TRUE;
    link = link_of (kml_ram_load32 (ram_of (self), start + (guint64)(link - 1) * bin->object_size));
  }
  return FALSE;
}

guint64
segregated_size_of (const KmlAllocator *base, KmlAddr addr)
{
  const Segregated *self = (const Segregated *)base;
  const KmlPfn pfn = kml_ram_pfn (ram_of (self), addr);
  const KmlFrame *slab;
  const Bin *bin;
  guint64 offset;

  g_assert (addr >> ram_of (self)->page_shift < ram_of (self)->n_usable);
  g_assert (frame_of (self, pfn)->flags & KML_FRAME_FLAG_SLAB);

  if (frame_of (self, pfn)->slab.size_class == KML_PAGE_RUN_LARGE)
    return kml_page_runs_size_of_large (&self->runs, addr);
  slab = frame_of (self, frame_of (self, pfn)->slab.head);
  bin = &self->bins[slab->slab.size_class];
  offset = addr - kml_ram_addr (ram_of (self), slab->slab.head);
  g_assert (offset % bin->object_size == 0);
  g_assert (offset / bin->object_size < slab->slab.n_fresh);
  if (has_guard (kml_ram_load32 (ram_of (self), addr),
                 addr)) /* it is free, or its owner wrote that */
    g_assert (!segregated_is_listed (self, bin, slab, offset / bin->object_size));
  return bin->object_size;
}

/* ---- Walking ---- */

/* Marks the free objects of a slab, of those that were given out. FALSE: the list is broken
 * (S2). */
static gboolean
mark_free (const Segregated *self, const Bin *bin, KmlPfn pfn, guint8 *ret_is_free)
{
  const KmlRam *ram = ram_of (self);
  const KmlFrame *slab = frame_of (self, pfn);
  guint link = slab->slab.first_free;

  memset (ret_is_free, FALSE, slab->slab.n_objects);
  if (slab->slab.n_used > slab->slab.n_fresh || slab->slab.n_fresh > slab->slab.n_objects)
    return FALSE;
  for (guint n = slab->slab.n_fresh - slab->slab.n_used; n > 0; n--) {
    const KmlAddr addr = kml_ram_addr (ram, pfn) + (guint64)(link - 1) * bin->object_size;

    if (link == 0 || link > slab->slab.n_fresh || ret_is_free[link - 1])
      return FALSE;
    if (!has_guard (kml_ram_load32 (ram, addr), addr))
      return FALSE;
    ret_is_free[link - 1] = TRUE;
    link = link_of (kml_ram_load32 (ram, addr));
  }
  return link == 0;
}

static void
walk_slab (const KmlAllocator *base, KmlPfn pfn, KmlWalkFunc func, gpointer user_data)
{
  const Segregated *self = (const Segregated *)base;
  const KmlFrame *slab = frame_of (self, pfn);
  const Bin *bin = &self->bins[slab->slab.size_class];
  g_autofree guint8 *is_free = g_malloc (slab->slab.n_objects);
  KmlAddr addr = kml_ram_addr (ram_of (self), pfn);

  mark_free (self, bin, pfn, is_free);
  for (guint i = 0; i < slab->slab.n_objects; i++, addr += bin->object_size)
    func (addr, bin->object_size,
          is_free[i] || i >= slab->slab.n_fresh ? KML_BLOCK_FREE : KML_BLOCK_USED, user_data);
  if (tail_of (self, bin, slab) > 0)
    func (addr, tail_of (self, bin, slab), KML_BLOCK_METADATA, user_data);
}

void
segregated_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  kml_page_runs_walk (&((const Segregated *)base)->runs, walk_slab, func, user_data);
}

void
segregated_walk_caches (const KmlAllocator *base, KmlCacheFunc func, gpointer user_data)
{
  const Segregated *self = (const Segregated *)base;

  for (guint i = 0; i < self->n_bins; i++) {
    const Bin *bin = &self->bins[i];
    const KmlCacheInfo cache = {
      .object_size = bin->object_size,
      .n_objects = bin->n_objects,
      .n_active = bin->n_active,
      .n_slabs = bin->n_slabs,
      .n_frames = bin->n_frames,
    };

    func (&cache, user_data);
  }
}

/* ---- Checking ---- */

/* What the slabs of one bin come to. */
typedef struct {
  guint64 n_slabs, n_frames, n_objects, n_active;
  guint64 n_partial, n_empty;
} Sums;

static gboolean
check_slab (const Segregated *self, KmlPfn pfn, Sums *sums, GError **error)
{
  const KmlFrame *slab = frame_of (self, pfn);
  const Bin *bin;
  g_autofree guint8 *is_free = g_malloc (slab->slab.n_objects);

  if (slab->slab.size_class >= self->n_bins || slab->slab.n_objects == 0)
    return kml_allocator_broken ("S1", "frame", pfn, error);
  bin = &self->bins[slab->slab.size_class];
  if (tail_of (self, bin, slab) > (guint64)slab->n_frames << ram_of (self)->page_shift)
    return kml_allocator_broken ("S1", "frame", pfn, error);
  if (!mark_free (self, bin, pfn, is_free))
    return kml_allocator_broken ("S2", "frame", pfn, error);

  sums = &sums[slab->slab.size_class];
  sums->n_slabs++;
  sums->n_frames += slab->n_frames;
  sums->n_objects += slab->slab.n_objects;
  sums->n_active += slab->slab.n_used;
  if (pfn != bin->current && slab->slab.n_used == 0)
    sums->n_empty++;
  else if (pfn != bin->current && slab->slab.n_used < slab->slab.n_objects)
    sums->n_partial++;
  return TRUE;
}

static gboolean
check_list (const Segregated *self, guint i, const SlabList *list, gboolean of_empty,
            guint64 n_expected, GError **error)
{
  const Bin *bin = &self->bins[i];
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = list->slabs.first; pfn != KML_PFN_NONE; pfn = frame_of (self, pfn)->slab.next) {
    const KmlFrame *slab = frame_of (self, pfn);

    if (++n > n_expected || slab->slab.prev != before || slab->slab.size_class != i)
      return kml_allocator_broken ("S3", "frame", pfn, error);
    if (!(slab->flags & KML_FRAME_FLAG_SLAB) || pfn == bin->current ||
        slab->slab.n_used == slab->slab.n_objects || (slab->slab.n_used == 0) != of_empty)
      return kml_allocator_broken ("S3", "frame", pfn, error);
    before = pfn;
  }
  if (n != n_expected || n != list->n || list->slabs.last != before)
    return kml_allocator_broken ("S3", "bin", bin->object_size, error);
  return TRUE;
}

static gboolean
check_bin (const Segregated *self, guint i, const Sums *sums, GError **error)
{
  const Bin *bin = &self->bins[i];

  if (!check_list (self, i, &bin->partial, FALSE, sums->n_partial, error) ||
      !check_list (self, i, &bin->empty, TRUE, sums->n_empty, error))
    return FALSE;
  if (sums->n_empty > self->keep)
    return kml_allocator_broken ("S4", "bin", bin->object_size, error);
  if (sums->n_slabs != bin->n_slabs || sums->n_frames != bin->n_frames ||
      sums->n_objects != bin->n_objects || sums->n_active != bin->n_active)
    return kml_allocator_broken ("S5", "bin", bin->object_size, error);
  return TRUE;
}

gboolean
segregated_check (const KmlAllocator *base, GError **error)
{
  const Segregated *self = (const Segregated *)base;
  g_autofree Sums *sums = g_new0 (Sums, self->n_bins);
  guint64 tails = 0;

  if (!kml_page_runs_check (&self->runs, error))
    return FALSE;
  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn);
       pfn += frame_of (self, pfn)->n_frames) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (!check_slab (self, pfn, sums, error))
      return FALSE;
    tails += tail_of (self, &self->bins[frame->slab.size_class], frame);
  }
  for (guint i = 0; i < self->n_bins; i++)
    if (!check_bin (self, i, &sums[i], error))
      return FALSE;
  if (tails != base->metadata_bytes)
    return kml_allocator_broken ("S6", "byte", tails, error);
  return TRUE;
}
