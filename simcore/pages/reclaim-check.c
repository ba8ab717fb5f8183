/* reclaim-check.c: invariants of pages that can be taken back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   Q1  each list's links agree, it has as many pages as it says, and each of them says so
 *   Q2  a mapping's entry and the frame's record lead to each other
 *   Q3  as many pages are on lists as are in mappings, less those that somebody works on
 *   W1  as many pages of files are dirty as are counted, in each file and in all
 *   W2  as many pages are under write-back as requests on their way have
 */

#include "simcore/pages/reclaim.h"

static gboolean
broken (const char *invariant, KmlPfn pfn, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "reclaim: invariant %s does not hold at frame %u", invariant, pfn);
  return FALSE;
}

static gboolean
check_list (const KmlReclaim *self, KmlLruKind kind, GError **error)
{
  const KmlLruList *list = &self->lists[kind];
  const KmlRam *ram = self->machine->ram;
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = list->frames.first; pfn != KML_PFN_NONE;
       pfn = kml_ram_frame (ram, pfn)->lru.next) {
    const KmlFrame *frame = kml_ram_frame (ram, pfn);
    const KmlMapping *mapping = kml_mapping_of (self, frame);

    if (frame->lru.prev != before || frame->lru.kind != kind || ++n > list->n ||
        mapping->is_anon != (kind <= KML_LRU_ACTIVE_ANON))
      return broken ("Q1", pfn, error);
    if (frame->state != KML_FRAME_USED || mapping->frames[frame->lru.index] != pfn)
      return broken ("Q2", pfn, error);
    before = pfn;
  }
  if (n != list->n || list->frames.last != before)
    return broken ("Q1", list->frames.last, error);
  return TRUE;
}

/* Pages that somebody has in his hands. */
static guint64
n_dirty_in_hands (const KmlMapping *mapping)
{
  const KmlRam *ram = mapping->reclaim->machine->ram;
  guint64 n = 0;

  for (guint i = 0; i < mapping->fetches->len; i++) {
    const KmlPfn pfn = g_array_index (mapping->fetches, KmlMappingFetch, i).pfn;

    n += pfn != KML_PFN_NONE && (kml_ram_frame (ram, pfn)->lru.bits & KML_PAGE_DIRTY);
  }
  return n;
}

gboolean
kml_reclaim_check (const KmlReclaim *self, GError **error)
{
  guint64 n_resident = 0, n_listed = 0, n_isolated = 0, n_dirty = 0, n_dirty_anon = 0,
          n_writing = 0;

  for (KmlLruKind kind = 0; kind < KML_N_LRU_LISTS; kind++) {
    if (!check_list (self, kind, error))
      return FALSE;
    n_listed += self->lists[kind].n;
  }
  for (guint i = 0; i < self->mappings->len; i++) {
    const KmlMapping *mapping = g_ptr_array_index (self->mappings, i);
    const guint64 in_hands = n_dirty_in_hands (mapping);
    guint64 n = 0, n_dirty_here = mapping->is_anon ? 0 : in_hands;

    n_dirty_anon += mapping->is_anon ? in_hands : 0;
    for (guint32 index = 0; index < mapping->n_pages; index++) {
      const KmlPfn pfn = mapping->frames[index];
      const KmlFrame *frame;

      if (pfn == KML_PFN_NONE || pfn == KML_PFN_BUSY)
        continue;
      frame = kml_ram_frame (self->machine->ram, pfn);
      if (frame->lru.mapping != mapping->id || frame->lru.index != index)
        return broken ("Q2", pfn, error);
      n_isolated += frame->lru.kind == KML_LRU_ISOLATED;
      n_dirty_here += !mapping->is_anon && (frame->lru.bits & KML_PAGE_DIRTY);
      n_dirty_anon += mapping->is_anon && (frame->lru.bits & KML_PAGE_DIRTY);
      n++;
    }
    if (n != mapping->n_resident)
      return broken ("Q3", KML_PFN_NONE, error);
    if (n_dirty_here != mapping->n_dirty)
      return broken ("W1", KML_PFN_NONE, error);
    n_resident += n;
    n_dirty += n_dirty_here;
  }
  for (guint i = 0; i < KML_MAX_PAGE_WRITES; i++)
    for (guint j = self->writes[i].n_done; self->writes[i].mapping != NULL && j < self->writes[i].n;
         j++, n_writing++)
      if (!(kml_ram_frame (self->machine->ram, self->writes[i].pages[j])->lru.bits &
            KML_PAGE_WRITEBACK))
        return broken ("W2", self->writes[i].pages[j], error);
  if (n_dirty != self->n_dirty || n_dirty_anon != self->n_dirty_anon)
    return broken ("W1", KML_PFN_NONE, error);
  if (n_writing != self->n_writing)
    return broken ("W2", KML_PFN_NONE, error);
  return n_resident == n_listed + n_isolated || broken ("Q3", KML_PFN_NONE, error);
}
