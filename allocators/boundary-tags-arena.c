/* boundary-tags-arena.c: arenas: taken, swept, given back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/boundary-tags-private.h"

static inline const KmlRam *
ram_of (const KmlBoundaryTags *self)
{
  return &self->base.ram;
}

/* Joins all free neighbours of one arena. */
static void
sweep_arena (KmlBoundaryTags *self, KmlPfn arena)
{
  const KmlAddr end = kml_arena_end (self, arena);
  guint32 run = 0; /* the free block below, if there is one */
  guint64 size;

  for (KmlAddr addr = kml_arena_first (self, arena); addr < end; addr += size) {
    const guint64 tag = kml_tag_load (self, addr);
    const guint32 number = kml_tag_number (tag);

    kml_tags_touch (self, addr, KML_TOUCH_READ);
    size = tag & KML_TAG_SIZE;
    kml_tags_spend (self, KML_TAGS_NODE_INSTRUCTIONS, 1);
    if (tag & KML_TAG_USED)
      run = 0;
    else if (run == 0)
      run = number;
    else
      kml_free_block_absorb (self, run, number);
  }
}

void
kml_arenas_sweep (KmlBoundaryTags *self)
{
  const KmlRam *ram = ram_of (self);

  for (KmlPfn pfn = 0; kml_page_runs_next (&self->runs, &pfn);
       pfn += kml_ram_frame (ram, pfn)->n_frames)
    if (kml_ram_frame (ram, pfn)->slab.size_class != KML_PAGE_RUN_LARGE)
      sweep_arena (self, pfn);
  self->n_loose = 0;
  self->base.counters[KML_COUNTER_SWEEPS]++;
}

static guint64
rim_of (const KmlBoundaryTags *self, KmlPfn arena)
{
  const KmlRam *ram = ram_of (self);

  return ((guint64)kml_ram_frame (ram, arena)->n_frames << ram->page_shift) -
         (kml_arena_end (self, arena) - kml_arena_first (self, arena));
}

guint32
kml_arena_new (KmlBoundaryTags *self, const KmlRequest *request, guint64 size)
{
  const guint64 page_size = kml_ram_page_size (ram_of (self));
  const guint64 least = (self->offset + size + page_size - 1) & ~(page_size - 1);
  const guint64 wanted = (self->arena + page_size - 1) & ~(page_size - 1);
  KmlPfn arena = kml_page_runs_take (&self->runs, MAX (wanted, least), 0, request);
  KmlAddr addr;

  kml_tags_spend (self, KML_TAGS_GROW_INSTRUCTIONS, 2);
  if (arena == KML_PFN_NONE && least < wanted)
    arena = kml_page_runs_take (&self->runs, least, 0, request);
  if (arena == KML_PFN_NONE)
    return 0;
  *kml_arena_n_live (self, arena) = 0;
  addr = kml_arena_first (self, arena);
  self->base.metadata_bytes += rim_of (self, arena);
  self->base.counters[KML_COUNTER_ARENAS_NEW]++;
  self->n_empty++;
  return kml_free_block_new (self, addr, kml_arena_end (self, arena) - addr,
                             KML_TAG_PREV_USED | KML_TAG_LAST);
}

/* The arena is one free block. */
static void
give_back_arena (KmlBoundaryTags *self, KmlPfn arena, const KmlRequest *how)
{
  const KmlAddr addr = kml_arena_first (self, arena);
  const guint32 number = kml_tag_number (kml_tag_load (self, addr));

  g_assert (addr + self->blocks[number].size == kml_arena_end (self, arena));

  kml_tag_store (self, addr, 0);
  kml_tag_store (self, addr + self->blocks[number].size - KML_TAG_WORD, 0);
  kml_free_block_drop (self, number, 0);
  self->base.metadata_bytes -= rim_of (self, arena);
  self->base.counters[KML_COUNTER_ARENAS_GIVEN_BACK]++;
  self->n_empty--;
  kml_page_runs_give_back (&self->runs, arena, how);
}

void
kml_arena_is_empty (KmlBoundaryTags *self, KmlPfn arena, const KmlRequest *how)
{
  if (self->coalescing != KML_COALESCING_IMMEDIATE)
    sweep_arena (self, arena);
  self->n_empty++;
  if (self->n_empty > self->keep)
    give_back_arena (self, arena, how);
}

void
kml_boundary_tags_shrink (KmlAllocator *base)
{
  KmlBoundaryTags *self = (KmlBoundaryTags *)base;
  const KmlRam *ram = ram_of (self);
  const KmlRequest how = { 0 };
  guint32 n_frames;

  for (KmlPfn pfn = 0; kml_page_runs_next_own (&self->runs, &pfn); pfn += n_frames) {
    n_frames = kml_ram_frame (ram, pfn)->n_frames;
    if (*kml_arena_n_live (self, pfn) == 0)
      give_back_arena (self, pfn, &how);
  }
}
