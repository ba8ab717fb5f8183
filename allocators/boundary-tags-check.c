/* boundary-tags-check.c: what blocks cut from arenas look like, and whether that is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/boundary-tags-private.h"

static inline const KmlRam *
ram_of (const KmlBoundaryTags *self)
{
  return &self->base.ram;
}

/* ---- Walking ---- */

static void
show (KmlAddr start, guint64 size, KmlBlockState state, KmlWalkFunc func, gpointer user_data)
{
  if (size > 0)
    func (start, size, state, user_data);
}

static void
walk_arena (const KmlAllocator *base, KmlPfn arena, KmlWalkFunc func, gpointer user_data)
{
  const KmlBoundaryTags *self = (const KmlBoundaryTags *)base;
  const KmlRam *ram = ram_of (self);
  const guint64 tags = self->header + self->footer;
  const KmlAddr start = kml_ram_addr (ram, arena), end = kml_arena_end (self, arena);
  guint64 size;

  show (start, self->offset, KML_BLOCK_METADATA, func, user_data);
  for (KmlAddr addr = kml_arena_first (self, arena); addr < end; addr += size) {
    const guint64 tag = kml_tag_load (self, addr);

    size = tag & KML_TAG_SIZE;
    if (tag & KML_TAG_USED) {
      show (addr, self->header, KML_BLOCK_METADATA, func, user_data);
      show (addr + self->header, size - tags, KML_BLOCK_USED, func, user_data);
      show (addr + size - self->footer, self->footer, KML_BLOCK_METADATA, func, user_data);
    } else {
      show (addr, size, KML_BLOCK_FREE, func, user_data);
    }
  }
  show (end, start + ((guint64)kml_ram_frame (ram, arena)->n_frames << ram->page_shift) - end,
        KML_BLOCK_METADATA, func, user_data);
}

void
kml_boundary_tags_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  kml_page_runs_walk (&((const KmlBoundaryTags *)base)->runs, walk_arena, func, user_data);
}

/* ---- Checking ---- */

/* What the blocks come to. */
typedef struct {
  guint64 n_live, live_bytes;
  guint64 n_free, n_holes, hole_bytes;
  guint64 n_empty;
  guint64 metadata;
} Sums;

/* K4, and the free block's part of K2. */
static gboolean
check_free_block (const KmlBoundaryTags *self, KmlAddr addr, guint64 tag, Sums *sums,
                  GError **error)
{
  const guint64 size = tag & KML_TAG_SIZE, number = tag >> KML_TAG_SHIFT;
  const gboolean is_last = (tag & KML_TAG_LAST) != 0;
  const gboolean is_preserved = is_last && self->wilderness == KML_WILDERNESS_PRESERVED;
  const KmlFitIndex *index = is_preserved ? &self->wilds : &self->list;
  const KmlFreeBlock *block;

  if (kml_tag_load (self, addr + size - KML_TAG_WORD) != tag)
    return kml_allocator_broken ("K2", "address", addr, error);
  if (number == 0 || number >= self->n_room || number >= index->n_room)
    return kml_allocator_broken ("K4", "address", addr, error);
  block = &self->blocks[number];
  if (block->addr != addr || block->size != size || block->is_last != is_last ||
      block->is_preserved != is_preserved || index->nodes[number].n == 0 ||
      index->nodes[number].size != size)
    return kml_allocator_broken ("K4", "address", addr, error);
  if ((is_preserved || self->list_order == KML_LIST_ADDRESS) && index->nodes[number].key != addr)
    return kml_allocator_broken ("K4", "address", addr, error);
  sums->n_free++;
  sums->n_holes += !is_last;
  sums->hole_bytes += is_last ? 0 : size;
  return TRUE;
}

static gboolean
check_used_block (const KmlBoundaryTags *self, KmlAddr addr, guint64 tag, Sums *sums,
                  GError **error)
{
  const guint64 size = tag & KML_TAG_SIZE;

  if (tag >> KML_TAG_SHIFT != kml_tag_seal (addr) >> KML_TAG_SHIFT)
    return kml_allocator_broken ("K2", "address", addr, error);
  if (self->footer > 0 && kml_tag_load (self, addr + size - KML_TAG_WORD) != tag)
    return kml_allocator_broken ("K2", "address", addr, error);
  sums->n_live++;
  sums->live_bytes += size;
  sums->metadata += self->header + self->footer;
  return TRUE;
}

static gboolean
check_arena (const KmlBoundaryTags *self, KmlPfn arena, Sums *sums, GError **error)
{
  const KmlRam *ram = ram_of (self);
  const KmlAddr first = kml_arena_first (self, arena), end = kml_arena_end (self, arena);
  const Sums before = *sums;
  gboolean prev_is_used = TRUE;
  guint64 size;

  sums->metadata += ((guint64)kml_ram_frame (ram, arena)->n_frames << ram->page_shift) -
                    (end - first);
  for (KmlAddr addr = first; addr < end; addr += size) {
    const guint64 tag = kml_tag_load (self, addr);
    const gboolean is_used = (tag & KML_TAG_USED) != 0;

    size = tag & KML_TAG_SIZE;
    if (size < self->least || size % self->alignment != 0 || size > end - addr ||
        (addr + size == end) != ((tag & KML_TAG_LAST) != 0))
      return kml_allocator_broken ("K1", "address", addr, error);
    if (((tag & KML_TAG_PREV_USED) != 0) != prev_is_used)
      return kml_allocator_broken ("K2", "address", addr, error);
    if (!is_used && !prev_is_used && self->coalescing == KML_COALESCING_IMMEDIATE)
      return kml_allocator_broken ("K3", "address", addr, error);
    if (!(is_used ? check_used_block (self, addr, tag, sums, error)
                  : check_free_block (self, addr, tag, sums, error)))
      return FALSE;
    prev_is_used = is_used;
  }
  if (*kml_arena_n_live (self, arena) != sums->n_live - before.n_live)
    return kml_allocator_broken ("K5", "address", first, error);
  if (sums->n_live == before.n_live) {
    sums->n_empty++;
    if (sums->n_free != before.n_free + 1)
      return kml_allocator_broken ("K6", "address", first, error);
  }
  return TRUE;
}

gboolean
kml_boundary_tags_check (const KmlAllocator *base, GError **error)
{
  const KmlBoundaryTags *self = (const KmlBoundaryTags *)base;
  const KmlRam *ram = ram_of (self);
  Sums sums = { 0 };

  if (!kml_page_runs_check (&self->runs, error))
    return FALSE;
  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn);
       pfn += kml_ram_frame (ram, pfn)->n_frames)
    if (!check_arena (self, pfn, &sums, error))
      return FALSE;
  if (kml_fit_index_n (&self->list) + (guint64)kml_fit_index_n (&self->wilds) != sums.n_free)
    return kml_allocator_broken ("K4", "address", sums.n_free, error);
  if (sums.n_live != self->n_live || sums.live_bytes != self->live_bytes ||
      sums.n_holes != self->n_holes || sums.hole_bytes != self->hole_bytes ||
      sums.n_empty != self->n_empty)
    return kml_allocator_broken ("K5", "address", sums.n_live, error);
  if (self->n_empty > self->keep)
    return kml_allocator_broken ("K6", "address", self->n_empty, error);
  if (sums.metadata != base->metadata_bytes)
    return kml_allocator_broken ("K7", "address", sums.metadata, error);
  return kml_fit_index_check (&self->list, error) && kml_fit_index_check (&self->wilds, error) &&
         (self->policy->check == NULL || self->policy->check (self, error));
}
