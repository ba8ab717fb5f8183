/* unequal-buddy-check.c: the invariants of buddy systems whose parts need not be halves.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are named in unequal-buddy.h. Each root is split again by the rule, from the largest block
 * down to those that there are.
 */

#include "allocators/unequal-buddy.h"

#define frame_of kml_unequal_frame

void
kml_unequal_buddy_state (const KmlAllocator *base, GArray *words)
{
  const KmlUnequalBuddy *self = (const KmlUnequalBuddy *)base;

  kml_state_add (words, self->frontier);
  for (guint class = 0; class < self->n_classes; class ++) {
    for (KmlPfn pfn = kml_unequal_buddy_next (self, class, KML_PFN_NONE); pfn != KML_PFN_NONE;
         pfn = kml_unequal_buddy_next (self, class, pfn))
      kml_state_add (words, pfn);
    kml_state_add (words, KML_PFN_NONE);
  }
}

void
kml_unequal_buddy_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const KmlUnequalBuddy *self = (const KmlUnequalBuddy *)base;
  const KmlRam *ram = &base->ram;
  KmlPfn n_frames;

  for (KmlPfn pfn = 0; pfn < ram->n_usable; pfn += n_frames) {
    const gboolean is_untouched = pfn >= self->frontier && pfn < self->frontier_end;
    const KmlFrame *frame = frame_of (self, pfn);

    n_frames = is_untouched ? self->sizes[self->n_classes - 1] : frame->n_frames;
    func (kml_ram_addr (ram, pfn), (guint64)n_frames << ram->page_shift,
          !is_untouched && frame->state == KML_FRAME_USED ? KML_BLOCK_USED : KML_BLOCK_FREE,
          user_data);
  }
}

/* What has been found. */
typedef struct {
  KmlFreeArea area;                      /* all free blocks, for U5 */
  guint64 n_listed[KML_UNEQUAL_CLASSES]; /* those that have records, for U4 */
  guint64 n_split;                       /* blocks that are split, for U7 */
} Found;

/* U1, U2, U3 of what became of the block of @class at @pfn. *@ret_is_free: it is free and whole. */
static gboolean
check_block (const KmlUnequalBuddy *self, KmlPfn pfn, guint class, Found *found,
             gboolean *ret_is_free, GError **error)
{
  const KmlFrame *frame = frame_of (self, pfn);
  gboolean is_left_free, is_right_free;
  KmlPfn right;

  if (frame->state != KML_FRAME_FREE && frame->state != KML_FRAME_USED)
    return kml_allocator_broken ("U1", "frame", pfn, error);
  *ret_is_free = FALSE;
  if (frame->order == class) {
    if (frame->n_frames != self->sizes[class])
      return kml_allocator_broken ("U1", "frame", pfn, error);
    if (frame->state == KML_FRAME_USED)
      return TRUE;
    *ret_is_free = TRUE;
    found->n_listed[class]++;
    kml_free_area_add_run (&found->area, pfn, frame->n_frames, KML_MOBILITY_UNMOVABLE);
    return TRUE;
  }
  if (frame->order > class)
    return kml_allocator_broken ("U1", "frame", pfn, error);

  found->n_split++;
  right = pfn + self->sizes[class - 1];
  if (kml_frame_own (frame_of (self, right)) != class)
    return kml_allocator_broken ("U2", "frame", right, error);
  if (!check_block (self, pfn, class - 1, found, &is_left_free, error) ||
      !check_block (self, right, self->rights[class], found, &is_right_free, error))
    return FALSE;
  return is_left_free && is_right_free ? kml_allocator_broken ("U3", "frame", pfn, error) : TRUE;
}

static gboolean
check_roots (const KmlUnequalBuddy *self, Found *found, GError **error)
{
  const guint largest = self->n_classes - 1;
  guint class;

  for (KmlPfn pfn = 0; pfn < self->base.ram.n_usable; pfn += self->sizes[class]) {
    const gboolean is_untouched = pfn >= self->frontier && pfn < self->frontier_end;
    gboolean is_free;

    class = pfn < self->frontier_end ? largest : kml_unequal_buddy_root_class (self, pfn);
    if (is_untouched && frame_of (self, pfn)->state != KML_FRAME_UNTOUCHED)
      return kml_allocator_broken ("U1", "frame", pfn, error);
    if (is_untouched) {
      kml_free_area_add_run (&found->area, pfn, self->sizes[class], KML_MOBILITY_UNMOVABLE);
      continue;
    }
    if (kml_frame_own (frame_of (self, pfn)) != KML_UNEQUAL_ROOT)
      return kml_allocator_broken ("U2", "frame", pfn, error);
    if (!check_block (self, pfn, class, found, &is_free, error))
      return FALSE;
  }
  return TRUE;
}

/* U4 and U6 for one list. One that is too long, or goes in a circle, is found out by counting. */
static gboolean
check_list (const KmlUnequalBuddy *self, guint class, guint64 n_expected, GError **error)
{
  const gboolean is_linked = self->list_order != KML_UNEQUAL_ADDRESS;
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = kml_unequal_buddy_next (self, class, KML_PFN_NONE); pfn != KML_PFN_NONE;
       pfn = kml_unequal_buddy_next (self, class, pfn)) {
    const KmlFrame *frame = frame_of (self, pfn);

    if (++n > n_expected || frame->state != KML_FRAME_FREE || frame->order != class ||
        (is_linked && frame->free.prev != before))
      return kml_allocator_broken ("U4", "frame", pfn, error);
    before = pfn;
  }
  if (n != n_expected || (is_linked && self->lists[class].last != before))
    return kml_allocator_broken ("U4", "frame", before, error);
  if ((n > 0) != ((self->nonempty >> class & 1) != 0))
    return kml_allocator_broken ("U6", "frame", before, error);
  return TRUE;
}

gboolean
kml_unequal_buddy_check (const KmlAllocator *base, GError **error)
{
  const KmlUnequalBuddy *self = (const KmlUnequalBuddy *)base;
  const KmlFreeArea *area = base->free_area;
  Found found = { 0 };

  if (!check_roots (self, &found, error))
    return FALSE;
  for (guint class = 0; class < self->n_classes; class ++)
    if (!check_list (self, class, found.n_listed[class], error))
      return FALSE;
  if (memcmp (found.area.blocks, area->blocks, sizeof area->blocks) != 0 ||
      found.area.n_free != area->n_free)
    return kml_allocator_broken ("U5", "frame", 0, error);
  if (found.n_split != base->counters[KML_UNEQUAL_SPLITS] - base->counters[KML_UNEQUAL_MERGES])
    return kml_allocator_broken ("U7", "frame", 0, error);
  return TRUE;
}
