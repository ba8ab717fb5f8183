/* aligned-check.c: walking the blocks of the allocator "aligned", and its invariants.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/aligned.h"

static void
walk_slab (const KmlAllocator *base, KmlPfn pfn, KmlWalkFunc func, gpointer user_data)
{
  const Aligned *self = (const Aligned *)base;
  const Slab slab = slab_at (self, pfn);
  const KmlAddr end = object_at (&slab, slab.n_objects);

  for (guint i = 0; i < slab.n_objects; i++) {
    const guint32 front = front_of (self, &slab, i);

    if (front > 0)
      func (object_at (&slab, i), front, KML_BLOCK_METADATA, user_data);
    func (object_at (&slab, i) + front, slab.size - front,
          get_bit (slab.used, i) ? KML_BLOCK_USED : KML_BLOCK_FREE, user_data);
  }
  func (end, slab.start + slab.bytes - end, KML_BLOCK_METADATA, user_data);
}

void
aligned_slab_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  kml_page_runs_walk (&((const Aligned *)base)->runs, walk_slab, func, user_data);
}

/* Adds up the slab's free objects and metadata. */
static gboolean
check_slab (const Aligned *self, const Slab *slab, guint64 *n_free, guint64 *metadata,
            GError **error)
{
  guint n_used = 0;

  *metadata += slab->bytes - slab->n_objects * slab->size;
  for (guint i = 0; i < slab->n_objects; i++) {
    const gboolean is_used = get_bit (slab->used, i);
    const guint32 front = front_of (self, slab, i);

    n_used += is_used;
    *metadata += front;
    if (get_bit (slab->padded, i) && (!is_used || front == 0 || front >= slab->size))
      return kml_allocator_broken ("L3", "address", object_at (slab, i), error);
  }
  if (n_used != slab->frame->slab.n_used || n_used == 0)
    return kml_allocator_broken ("L2", "address", slab->start, error);
  *n_free += slab->n_objects - n_used;
  return TRUE;
}

/* Whether @object is a free one of @class that belongs on @list. */
static gboolean
is_at_home (const Aligned *self, guint class, guint list, KmlAddr object)
{
  const KmlRam *ram = &self->base.ram;
  const KmlFrame *frame = kml_ram_frame (ram, kml_ram_pfn (ram, object));
  Slab slab;
  guint64 i;

  if (!(frame->flags & KML_FRAME_FLAG_SLAB))
    return FALSE;
  slab = slab_at (self, frame->slab.head);
  i = (object - slab.start) / slab.size;
  return slab.frame->slab.size_class == class && i < slab.n_objects &&
         object == object_at (&slab, (guint)i) && !get_bit (slab.used, (guint)i) &&
         list_of (self, object) == list;
}

static gboolean
check_list (const Aligned *self, guint class, guint list, guint64 *n_listed, GError **error)
{
  const KmlRam *ram = &self->base.ram;
  guint32 before = 0, link = *head_of (self, class, list);

  if ((self->masks[class] >> list & 1) != (link != 0))
    return kml_allocator_broken ("L5", "list", class * self->n_lists + list, error);
  for (; link != 0; link = kml_ram_load32 (ram, object_of (self, link))) {
    const KmlAddr object = object_of (self, link);

    if (object >= ram->size || !is_at_home (self, class, list, object) ||
        kml_ram_load32 (ram, object + 4) != before)
      return kml_allocator_broken ("L1", "address", object, error);
    before = link;
    ++*n_listed;
  }
  return TRUE;
}

gboolean
aligned_slab_check (const KmlAllocator *base, GError **error)
{
  const Aligned *self = (const Aligned *)base;
  guint64 n_free = 0, n_listed = 0, metadata = 0;

  if (!kml_page_runs_check (&self->runs, error))
    return FALSE;
  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn);
       pfn += kml_ram_frame (&base->ram, pfn)->n_frames) {
    const Slab slab = slab_at (self, pfn);

    if (!check_slab (self, &slab, &n_free, &metadata, error))
      return FALSE;
  }
  for (guint class = 0; class < self->n_classes; class ++)
    for (guint list = 0; list < self->n_lists; list++)
      if (!check_list (self, class, list, &n_listed, error))
        return FALSE;
  if (n_listed != n_free)
    return kml_allocator_broken ("L1", "lists with objects", n_listed, error);
  return metadata == base->metadata_bytes ||
         kml_allocator_broken ("L4", "metadata bytes", metadata, error);
}
