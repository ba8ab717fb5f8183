/* compact-zone.c: one pass of compaction over a zone.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Two scanners
 *
 *     | M M M . M . M M | M . . M . M . . | . . M . . . M . | . M . . . . . . |      M: a page of a mapping   .: a free frame
 *       ─► pages to be moved                                    free frames ◄─
 *
 * One looks for pages from the bottom, 32 at a time and never out of a pageblock. For those the other looks for free frames, from the top, pageblock by
 * pageblock, and upwards within each; the highest found is used first. Both stop when they are in one pageblock: then the pass is complete. It ends before
 * that at the end of a pageblock when there is a block of the order that is wanted; of a whole pageblock or more, as soon as there is (the kernel captures that).
 *
 * 2. What moves
 *
 * Pages of mappings that no device has. Where a request may not call file systems (GFP_NOFS), anonymous ones alone. ASYNC leaves out what would have to be waited for: pages
 * that are being written, and dirty ones that would have to be written first. Others look at these, too, and fail in moving them, as Linux in
 * MIGRATE_SYNC_LIGHT: compaction writes nothing. Blocks of several frames, and frames of everybody else, do not move.
 *
 * An ASYNC request is after one block: where it meets a frame that stays, it gives up the 2^order frames around it, and what it had in hand of them.
 *
 * 3. Which pageblocks
 *
 * A page goes to a pageblock that is movable, or of no mobility, and is not all free. ASYNC takes pages out of pageblocks of the mobility that is asked for, others out of
 * any. SYNC_FULL moves pages to wherever there is room.
 * A pageblock that has been looked at is marked, and left out by both scanners until the marks are forgotten (compaction.c).
 *
 * 4. Decisions
 *
 * Linux takes the 32 pages off their lists at once. Here each is when its turn comes, so that nobody has to wait for those that are not moved; one that
 * has gone meanwhile is passed over.
 *
 * 5. Per-CPU lists
 *
 * Old frames are freed like all others, so they come to lie on the list of the CPU that compacts, where there is one ([layer] per-cpu-pages). It is drained each time that the scanner has left
 * the 2^order frames from which pages were moved, so that they are joined and it is seen whether there is a block now; not when everything is compacted (compact_memory), nor at the end.
 *
 * 6. Not modelled
 *
 * Searches of the free lists for both scanners before they walk, and the steps of 32 frames that ASYNC makes (Linux 5.1): it looks at more frames here. Giving up for want of
 * a lock, or because somebody else wants the CPU; too_many_isolated(); pages of drivers that can move. Pages that wait on a CPU to be put on the LRU lists (lru_add_drain()).
 */

#include "simcore/pages/compaction.h"

#include "simcore/memory/pin.h"

/* To look at a frame; to isolate a page; to unmap it, and to map it where it is then. Estimates from reading. */
#define SCAN_INSTRUCTIONS    15
#define ISOLATE_INSTRUCTIONS 60
#define MIGRATE_INSTRUCTIONS 1200

static KmlPfn
pageblock_size (const KmlCompactPass *self)
{
  return (KmlPfn)1 << self->compaction->pageblock_order;
}

/* 13 -> 12, for blocks of 2^2 */
static KmlPfn
block_start (KmlPfn at, guint order)
{
  return at >> order << order;
}

/* 13 -> 8, for pageblocks of 8 */
static KmlPfn
pageblock_start (const KmlCompactPass *self, KmlPfn at)
{
  return block_start (at, self->compaction->pageblock_order);
}

/* 13 -> 16, 16 -> 24 */
static KmlPfn
block_end (KmlPfn at, guint order)
{
  return ((at >> order) + 1) << order;
}

static KmlFrame *
frame_at (const KmlCompactPass *self, KmlPfn at)
{
  return kml_ram_frame (self->compaction->reclaim->machine->ram, self->zone->first + at);
}

static KmlAddr
addr_at (const KmlCompactPass *self, KmlPfn at)
{
  return kml_ram_addr (self->compaction->reclaim->machine->ram, self->zone->first + at);
}

static KmlAllocator *
allocator_of (const KmlCompactPass *self)
{
  return &self->compaction->reclaim->config.zones->base;
}

static KmlMobility
mobility_at (const KmlCompactPass *self, KmlPfn at)
{
  const KmlAllocator *pages = allocator_of (self);

  return pages->ops->mobility_at != NULL ? pages->ops->mobility_at (pages, addr_at (self, at))
                                         : KML_N_MOBILITIES;
}

/* ---- Hints ---- */

static gboolean
is_left_out (const KmlCompactPass *self, KmlPfn at)
{
  return !self->ignores_hints && self->state->skip[at >> self->compaction->pageblock_order];
}

static void
leave_out (KmlCompactPass *self, KmlPfn at)
{
  if (!self->ignores_hints)
    self->state->skip[at >> self->compaction->pageblock_order] = TRUE;
}

/* The pageblock that ends at @end has no more pages to be moved. */
static void
note_migrated_up_to (KmlCompactPass *self, KmlPfn end)
{
  KmlCompactZone *state = self->state;

  state->cached_migrate[0] = MAX (state->cached_migrate[0], end);
  if (!self->is_async)
    state->cached_migrate[1] = MAX (state->cached_migrate[1], end);
}

void
kml_compact_zone_restart (const KmlCompaction *self, const KmlZone *zone, KmlCompactZone *state)
{
  state->cached_migrate[0] = state->cached_migrate[1] = 0;
  state->cached_free = (zone->n_frames - 1) >> self->pageblock_order << self->pageblock_order;
}

/* ---- Pages to be moved ---- */

/* @n frames were looked at. */
static void
spend_looks (const KmlCompactPass *self, guint64 n)
{
  KmlMachine *machine = self->compaction->reclaim->machine;

  kml_spend (machine, KML_COST_INSTRUCTION, n * SCAN_INSTRUCTIONS);
  kml_spend_references (machine, KML_COST_WARM, n);
}

/* (nullable): it is no page of a mapping, or somebody works on it. A frame's words are its owner's: that it is a page is for the mapping to say. */
static KmlMapping *
mapping_at (const KmlCompactPass *self, KmlPfn at)
{
  const KmlReclaim *reclaim = self->compaction->reclaim;
  const KmlFrame *frame = frame_at (self, at);
  KmlMapping *mapping;

  if (frame->state != KML_FRAME_USED || frame->n_frames != 1 ||
      frame->lru.mapping >= reclaim->mappings->len)
    return NULL;
  mapping = kml_mapping_of (reclaim, frame);
  return frame->lru.index < mapping->n_pages &&
                 mapping->frames[frame->lru.index] == self->zone->first + at &&
                 frame->lru.kind != KML_LRU_ISOLATED
             ? mapping
             : NULL;
}

static gboolean
may_move (const KmlCompactPass *self, KmlPfn at)
{
  const KmlMapping *mapping = mapping_at (self, at);
  const guint8 bits = frame_at (self, at)->lru.bits;

  if (mapping == NULL || kml_is_pinned (self->compaction->reclaim->machine, self->zone->first + at))
    return FALSE;
  if (!mapping->is_anon && !kml_gfp_may_fs (self->gfp))
    return FALSE;
  if (self->is_async && (bits & KML_PAGE_WRITEBACK))
    return FALSE;
  return !(self->is_async && (bits & KML_PAGE_DIRTY) && !mapping->is_anon &&
           mapping->moves_by_writing);
}

/* Looks from migrate_pfn on, up to @end, for pages to be moved. */
static void
isolate_pages (KmlCompactPass *self, KmlPfn end)
{
  KmlMachine *machine = self->compaction->reclaim->machine;
  const gboolean is_picky = self->is_direct && self->is_async;
  const KmlPfn start = self->migrate_pfn;
  KmlPfn at = start, group_end = is_picky ? block_end (at, self->order) : end;
  guint64 n_scanned = 0;

  kml_sync (machine);
  while (at < end && self->n_pages < KML_COMPACT_CLUSTER) {
    const KmlFrame *frame = frame_at (self, at);

    if (at >= group_end) {
      if (self->n_pages > 0)
        break;
      group_end = block_end (at, self->order);
    }
    n_scanned++;
    kml_touch_frame (machine, frame, KML_TOUCH_READ);
    if (frame->state != KML_FRAME_USED) { /* free, or now the inside of what is free */
      at += frame->state == KML_FRAME_FREE ? frame->n_frames : 1;
    } else if (may_move (self, at)) {
      self->pages[self->n_pages++] = at++;
    } else {
      at += frame->n_frames;
      if (is_picky) {
        self->n_pages = 0;
        at = MAX (at, group_end);
      }
    }
  }
  self->migrate_pfn = MIN (at, end);
  if (start == pageblock_start (self, start))
    leave_out (self, start);
  if (self->migrate_pfn == end && self->n_pages == 0)
    note_migrated_up_to (self, end);
  self->n_migrate_scanned += n_scanned;
  self->compaction->counters[KML_COMPACT_ISOLATED] += self->n_pages;
  spend_looks (self, n_scanned);
  kml_spend (machine, KML_COST_INSTRUCTION, self->n_pages * ISOLATE_INSTRUCTIONS);
}

/* Never used, or the inside of a block that is larger than a pageblock. */
static gboolean
is_part_of_more (const KmlCompactPass *self, KmlPfn start)
{
  const KmlFrame *frame = frame_at (self, start);

  return frame->state == KML_FRAME_UNTOUCHED || frame->state == KML_FRAME_TAIL ||
         frame->n_frames >= pageblock_size (self);
}

static gboolean
is_source (const KmlCompactPass *self, KmlPfn start)
{
  const KmlMobility mobility = mobility_at (self, start);

  if (is_part_of_more (self, start))
    return FALSE;
  return !self->is_async || !self->is_direct || mobility == KML_N_MOBILITIES ||
         mobility == self->mobility;
}

/* Finds pages to be moved in the next pageblock that has any. */
static void
find_pages (KmlCompactPass *self)
{
  for (;;) {
    const KmlPfn start = pageblock_start (self, self->migrate_pfn),
                 end = start + pageblock_size (self);

    if (end > self->free_pfn)
      return;
    if (self->migrate_pfn == start && is_left_out (self, start)) {
      self->migrate_pfn = end;
    } else if (self->migrate_pfn == start && !is_source (self, start)) {
      note_migrated_up_to (self, end);
      spend_looks (self, 1);
      self->migrate_pfn = end;
    } else {
      isolate_pages (self, end);
      return;
    }
  }
}

/* ---- Frames to move them to ---- */

/* Whether the zone can do without @n more of its free frames for a while. */
static gboolean
can_spare (const KmlCompactPass *self, guint64 n)
{
  const KmlWatermarkQuestion question = { .n_free = self->zone->area.n_free,
                                          .mark = self->zone->marks.min + n,
                                          .n_highatomic = self->zone->n_highatomic };

  return kml_watermark_ok (&question);
}

/* From *@at up to @end, until there are as many as pages. FALSE: the zone can spare no more. */
static gboolean
isolate_frames (KmlCompactPass *self, KmlPfn *at, KmlPfn end)
{
  KmlAllocator *pages = allocator_of (self);
  gboolean is_spared = TRUE;
  guint64 n_scanned = 0;

  while (*at < end && self->n_frames < self->n_pages && is_spared) {
    const KmlFrame *frame = frame_at (self, *at);
    guint64 n = frame->state == KML_FRAME_USED ? frame->n_frames : 1, n_isolated = 0;

    n_scanned++;
    kml_touch_frame (allocator_of (self)->machine, frame, KML_TOUCH_READ);
    if (frame->state == KML_FRAME_FREE) {
      is_spared = can_spare (self, frame->n_frames);
      n_isolated = is_spared ? pages->ops->isolate (pages, addr_at (self, *at)) : 0;
      n = is_spared ? MAX (n_isolated, 1) : 0;
    }
    g_assert (self->n_frames + n_isolated <= G_N_ELEMENTS (self->frames));
    for (guint64 i = 0; i < n_isolated; i++)
      self->frames[self->n_frames++] = *at + (KmlPfn)i;
    *at = (KmlPfn)MIN (*at + n, end);
    self->compaction->counters[KML_COMPACT_ISOLATED] += n_isolated;
  }
  self->n_free_scanned += n_scanned;
  spend_looks (self, n_scanned);
  return is_spared;
}

static gboolean
is_target (const KmlCompactPass *self, KmlPfn start)
{
  const KmlMobility mobility = mobility_at (self, start);

  if (is_part_of_more (self, start))
    return FALSE;
  return self->ignores_hints || mobility == KML_N_MOBILITIES || mobility == KML_MOBILITY_MOVABLE;
}

/* Never down to the pageblock where pages are taken from. */
static void
find_frames (KmlCompactPass *self)
{
  const guint order = self->compaction->pageblock_order;
  const KmlPfn lowest = block_end (self->migrate_pfn, order);
  KmlPfn start = pageblock_start (self, self->free_pfn), at = self->free_pfn;
  gboolean is_spared = TRUE;

  while (start >= lowest && self->n_frames < self->n_pages && is_spared) {
    const KmlPfn end = MIN (start + pageblock_size (self), self->zone->n_frames);

    if (is_target (self, start) && !is_left_out (self, start)) {
      is_spared = isolate_frames (self, &at, end);
      if (at == end) {
        leave_out (self, start);
        self->state->cached_free = MIN (self->state->cached_free, start - pageblock_size (self));
      }
    } else {
      spend_looks (self, 1);
      at = end;
    }
    if (at == end)
      at = start -= pageblock_size (self);
  }
  self->free_pfn = at;
}

static void
give_back_frame (KmlCompactPass *self, KmlPfn at)
{
  const KmlReclaim *reclaim = self->compaction->reclaim;
  const KmlRequest how = { .size = kml_ram_page_size (reclaim->machine->ram),
                           .cpu = (guint8)kml_current_task (reclaim->machine)->cpu,
                           .mobility = KML_MOBILITY_MOVABLE };

  kml_allocator_free_block (reclaim->config.pages, addr_at (self, at), &how);
}

/* What was not needed. */
static void
give_back_frames (KmlCompactPass *self)
{
  KmlPfn highest = 0;

  for (; self->n_frames > 0; self->n_frames--) {
    highest = MAX (highest, self->frames[self->n_frames - 1]);
    give_back_frame (self, self->frames[self->n_frames - 1]);
  }
  highest = pageblock_start (self, highest);
  self->state->cached_free = MAX (self->state->cached_free, highest);
}

/* ---- Moving ---- */

static gboolean
move_page (KmlCompactPass *self, KmlPfn at)
{
  KmlMachine *machine = self->compaction->reclaim->machine;
  KmlMapping *mapping = mapping_at (self, at);
  KmlPfn frame = self->zone->first + self->frames[self->n_frames - 1];

  if (mapping == NULL)
    return FALSE;
  kml_spend (machine, KML_COST_INSTRUCTION, MIGRATE_INSTRUCTIONS);
  if (kml_mapping_migrate_to (mapping, frame_at (self, at)->lru.index, &frame) != KML_MIGRATED)
    return FALSE;
  self->n_frames--;
  give_back_frame (self, frame - self->zone->first);
  return TRUE;
}

typedef enum {
  MOVED,
  MOVED_SOME,
  MOVED_WITHOUT_ROOM, /* there was no frame for one */
} Moved;

static Moved
move_pages (KmlCompactPass *self)
{
  Moved moved = MOVED;

  for (; self->n_pages > 0; self->n_pages--) {
    if (self->n_frames == 0)
      find_frames (self);
    if (self->n_frames == 0) {
      self->n_pages = 0;
      return MOVED_WITHOUT_ROOM;
    }
    if (!move_page (self, self->pages[self->n_pages - 1]))
      moved = MOVED_SOME;
  }
  return moved;
}

/* ---- The pass ---- */

static gboolean
scanners_have_met (const KmlCompactPass *self)
{
  const guint order = self->compaction->pageblock_order;

  return self->free_pfn >> order <= self->migrate_pfn >> order;
}

/* Whether a request of the mobility may have a block of @order of any other, too. */
static gboolean
may_steal (const KmlCompactPass *self, guint order)
{
  return self->mobility != KML_MOBILITY_MOVABLE || order >= self->compaction->pageblock_order / 2 ||
         mobility_at (self, 0) == KML_N_MOBILITIES;
}

static gboolean
has_block (const KmlCompactPass *self)
{
  const KmlFreeArea *area = &self->zone->area;

  for (guint order = self->order; order <= KML_MAX_ORDER; order++)
    for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
      if (area->blocks[mobility][order] > 0 &&
          (mobility == self->mobility || may_steal (self, order)))
        return TRUE;
  return FALSE;
}

static KmlCompactResult
state_of (const KmlCompactPass *self)
{
  const KmlTask *task = kml_current_task (self->compaction->reclaim->machine);
  const gboolean is_boundary = self->migrate_pfn == pageblock_start (self, self->migrate_pfn);

  if (scanners_have_met (self)) {
    kml_compact_zone_restart (self->compaction, self->zone, self->state);
    self->state->wants_flush |= self->is_direct;
    return self->is_whole ? KML_COMPACT_IS_COMPLETE : KML_COMPACT_IS_PARTIAL;
  }
  if (task->is_killed)
    return KML_COMPACT_IS_STOPPED;
  if (!self->is_all && (is_boundary || self->order >= self->compaction->pageblock_order) &&
      has_block (self))
    return KML_COMPACT_IS_DONE;
  return KML_COMPACT_GOES_ON;
}

static void
begin (KmlCompactPass *self)
{
  self->migrate_pfn = self->is_whole ? 0 : self->state->cached_migrate[!self->is_async];
  self->free_pfn = self->is_whole ? pageblock_start (self, self->zone->n_frames - 1)
                                  : self->state->cached_free;
  self->is_whole |= self->migrate_pfn == 0;
}

/* Frames that lie on the CPU's own lists can neither be joined nor be had. */
static void
drain_if_left (KmlCompactPass *self)
{
  const KmlReclaim *reclaim = self->compaction->reclaim;

  if (self->is_all || !self->has_moved ||
      self->last_moved >= block_start (self->migrate_pfn, self->order))
    return;
  kml_allocator_drain (reclaim->config.pages, kml_current_task (reclaim->machine)->cpu);
  self->has_moved = FALSE;
}

static KmlCompactResult
go_on (KmlCompactPass *self)
{
  KmlCompactResult result;

  while ((result = state_of (self)) == KML_COMPACT_GOES_ON) {
    const KmlPfn at = self->migrate_pfn;
    Moved moved;

    find_pages (self);
    if (self->n_pages > 0) {
      self->has_moved = TRUE;
      self->last_moved = at;
    }
    moved = move_pages (self);
    if (moved == MOVED_WITHOUT_ROOM && !scanners_have_met (self))
      return KML_COMPACT_IS_STOPPED;
    if (moved != MOVED && self->is_async && self->is_direct) {
      self->migrate_pfn = block_end (self->migrate_pfn - 1, self->order);
      self->has_moved = FALSE; /* what was moved from there is of no use */
    }
    drain_if_left (self);
  }
  return result;
}

KmlCompactResult
kml_compact_zone (KmlCompactPass *self)
{
  guint64 *counters = self->compaction->counters;
  KmlCompactResult result;

  begin (self);
  result = go_on (self);
  if (self->n_frames > 0)
    give_back_frames (self);
  counters[KML_COMPACT_MIGRATE_SCANNED] += self->n_migrate_scanned;
  counters[KML_COMPACT_FREE_SCANNED] += self->n_free_scanned;
  return result;
}
