/* page-first-fit-check.c: what the runs of "page-first-fit" look like, and whether that is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/page-first-fit.h"

void
page_first_fit_state (const KmlAllocator *base, GArray *words)
{
  const PageFirstFit *self = (const PageFirstFit *)base;

  for (guint32 run = kml_fit_index_first (&self->list, 1); run != 0;
       run = kml_fit_index_next (&self->list, run))
    kml_state_add (words, self->firsts[run]);
}

void
page_first_fit_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const PageFirstFit *self = (const PageFirstFit *)base;
  const KmlRam *ram = &base->ram;

  for (KmlPfn pfn = 0; pfn < ram->n_usable; pfn += frame_of (self, pfn)->n_frames)
    func (kml_ram_addr (ram, pfn), kml_ram_addr (ram, frame_of (self, pfn)->n_frames),
          frame_of (self, pfn)->state == KML_FRAME_USED ? KML_BLOCK_USED : KML_BLOCK_FREE,
          user_data);
}

/* F1, F2 */
static gboolean
check_tiling (const PageFirstFit *self, GError **error)
{
  const KmlPfn n_usable = self->base.ram.n_usable;
  gboolean is_free_below = FALSE;

  for (KmlPfn pfn = 0; pfn < n_usable; pfn += frame_of (self, pfn)->n_frames) {
    const KmlFrame *frame = frame_of (self, pfn);
    const gboolean is_free = frame->state == KML_FRAME_FREE;

    if ((!is_free && frame->state != KML_FRAME_USED) || frame->n_frames == 0 ||
        frame->n_frames > n_usable - pfn)
      return kml_allocator_broken ("F1", "frame", pfn, error);
    if (is_free && is_free_below)
      return kml_allocator_broken ("F2", "frame", pfn, error);
    is_free_below = is_free;
  }
  return TRUE;
}

/* F3, and F4 but for the number of runs, of the run at @pfn. */
static gboolean
check_run (const PageFirstFit *self, KmlPfn pfn, GError **error)
{
  const KmlFrame *frame = frame_of (self, pfn);
  const KmlFrame *last = frame_of (self, pfn + frame->n_frames - 1);
  const guint32 number = frame->free.next;

  if (((last->flags & PAGE_FIRST_FIT_LAST) != 0) != (frame->state == KML_FRAME_FREE))
    return kml_allocator_broken ("F3", "frame", pfn, error);
  if (frame->state == KML_FRAME_USED)
    return TRUE;
  if (last->n_frames != frame->n_frames)
    return kml_allocator_broken ("F3", "frame", pfn, error);
  if (number == 0 || number >= self->n_room || self->firsts[number] != pfn ||
      self->list.nodes[number].size != frame->n_frames ||
      (self->list_order == ORDER_ADDRESS && self->list.nodes[number].key != pfn))
    return kml_allocator_broken ("F4", "frame", pfn, error);
  return TRUE;
}

gboolean
page_first_fit_check (const KmlAllocator *base, GError **error)
{
  const PageFirstFit *self = (const PageFirstFit *)base;
  const KmlFreeArea *area = base->free_area;
  KmlFreeArea expected = { 0 };
  guint32 n_free = 0;

  if (!check_tiling (self, error))
    return FALSE;
  for (KmlPfn pfn = 0; pfn < base->ram.n_usable; pfn += frame_of (self, pfn)->n_frames) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (!check_run (self, pfn, error))
      return FALSE;
    if (frame->state == KML_FRAME_USED)
      continue;
    kml_free_area_add_run (&expected, pfn, frame->n_frames, KML_MOBILITY_UNMOVABLE);
    n_free++;
  }
  if (kml_fit_index_n (&self->list) != n_free)
    return kml_allocator_broken ("F4", "frame", 0, error);
  if (memcmp (expected.blocks, area->blocks, sizeof expected.blocks) != 0 ||
      expected.n_free != area->n_free)
    return kml_allocator_broken ("F5", "frame", 0, error);
  return kml_fit_index_check (&self->list, error);
}
