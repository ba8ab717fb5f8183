/* recorder-snapshots.c: the state at instants of a regular grid.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * recorder.h says how the grid thins itself.
 */

#include "simcore/recording/recorder.h"

#include <string.h>

const KmlSeriesInfo kml_series_info[KML_N_SERIES] = {
  [KML_SERIES_LIVE_BLOCKS] = { "live.blocks", "blocks", 1 },
  [KML_SERIES_REQUESTED] = { "memory.requested_bytes", "bytes", 1 },
  [KML_SERIES_HELD] = { "memory.held_bytes", "bytes", 1 },
  [KML_SERIES_RESERVED] = { "memory.reserved_bytes", "bytes", 1 },
  [KML_SERIES_FREE] = { "memory.free_bytes", "bytes", 1 },
  [KML_SERIES_INTERNAL] = { "frag.internal", "ratio", 1e9 },
  [KML_SERIES_EXTERNAL] = { "frag.external", "ratio", 1e9 },
};

void
kml_snapshot_clear (KmlSnapshot *self)
{
  g_clear_pointer (&self->caches, g_free);
  g_clear_pointer (&self->pagemap, g_free);
}

/* ---- One snapshot ---- */

static void
collect_cache (const KmlCacheInfo *cache, gpointer user_data)
{
  g_array_append_val ((GArray *)user_data, *cache);
}

typedef struct {
  guint64 *used;   /* (array length=KML_PAGEMAP_CELLS): bytes in use */
  guint64 n_bytes; /* of the usable range */
} Pagemap;

/* Cell c is about [c, c + 1) / KML_PAGEMAP_CELLS of the usable range. */
static KmlAddr
cell_start (const Pagemap *map, guint64 cell)
{
  return (KmlAddr)((unsigned __int128)cell * map->n_bytes / KML_PAGEMAP_CELLS);
}

static void
add_to_pagemap (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  Pagemap *map = user_data;
  const KmlAddr end = start + size;
  guint64 cell;

  if (state == KML_BLOCK_FREE)
    return;
  cell = (guint64)((unsigned __int128)start * KML_PAGEMAP_CELLS / map->n_bytes);
  while (start < end) {
    const KmlAddr cell_end = MIN (cell_start (map, cell + 1), end);

    if (cell_end > start) {
      map->used[cell] += cell_end - start;
      start = cell_end;
    }
    cell++;
  }
}

static guint8 *
take_pagemap (const KmlRecorder *self)
{
  const KmlRam *ram = self->machine->ram;
  guint64 used[KML_PAGEMAP_CELLS] = { 0 };
  Pagemap map = { .used = used, .n_bytes = (guint64)ram->n_usable << ram->page_shift };
  guint8 *cells = g_new (guint8, KML_PAGEMAP_CELLS);

  self->pages->ops->walk (self->pages, add_to_pagemap, &map);
  for (guint cell = 0; cell < KML_PAGEMAP_CELLS; cell++) {
    const guint64 size = cell_start (&map, cell + 1) - cell_start (&map, cell);

    /* rounded up: one used frame is seen */
    cells[cell] = size == 0 ? 0 : (guint8)((used[cell] * 255 + size - 1) / size);
  }
  return cells;
}

void
kml_recorder_take_snapshot (KmlRecorder *self, KmlTime time)
{
  const KmlFreeArea *area = &self->machine->free_area;
  const guint64 requested = kml_tally_requested (&self->tally);
  const guint64 held = kml_tally_held (&self->tally);
  KmlSnapshot snapshot = {
    .time = time,
    .values = {
      [KML_SERIES_LIVE_BLOCKS] = kml_recorder_live_blocks (self),
      [KML_SERIES_REQUESTED] = requested,
      [KML_SERIES_HELD] = held,
      [KML_SERIES_RESERVED] = kml_recorder_reserved (self, self->machine->free_area.n_free),
      [KML_SERIES_FREE] = area->n_free << self->machine->ram->page_shift,
      [KML_SERIES_INTERNAL] = kml_recorder_internal_ppb (requested, held),
      [KML_SERIES_EXTERNAL] = kml_recorder_external_ppb (self),
    },
  };

  memcpy (snapshot.free_blocks, area->blocks, sizeof snapshot.free_blocks);
  if (self->objects != NULL && self->objects->ops->walk_caches != NULL) {
    GArray *caches = g_array_new (FALSE, FALSE, sizeof (KmlCacheInfo));

    self->objects->ops->walk_caches (self->objects, collect_cache, caches);
    snapshot.n_caches = caches->len;
    snapshot.caches = (KmlCacheInfo *)g_array_free (caches, FALSE);
  }
  if (self->config.pagemap)
    snapshot.pagemap = take_pagemap (self);
  g_array_append_val (self->snapshots, snapshot);
}

/* ---- On a grid ---- */

/* Drops every second snapshot and doubles the step: those that stay are on the new, coarser grid. */
static void
thin_snapshots (KmlRecorder *self)
{
  KmlSnapshot *snapshots = (KmlSnapshot *)self->snapshots->data;
  guint n_kept = 0;

  self->step *= 2;
  for (guint i = 0; i < self->snapshots->len; i++) {
    if (snapshots[i].time % self->step == 0)
      snapshots[n_kept++] = snapshots[i];
    else
      kml_snapshot_clear (&snapshots[i]);
  }
  g_array_set_size (self->snapshots, n_kept);
}

/* The state has not changed since the last operation, or since somebody said that pages change, so it is that of every grid point up to now;
 * the last one before @now is written. */
void
kml_recorder_snapshot_due (KmlRecorder *self, KmlTime now)
{
  KmlTime at;

  while (self->config.interval == 0 && self->snapshots->len >= self->config.points)
    thin_snapshots (self);
  at = now - now % self->step;
  /* a coarser grid may have no point since the last one: the state of @at is gone then */
  if (at >= self->next_snapshot)
    kml_recorder_take_snapshot (self, at);
  self->next_snapshot = at + self->step;
}

void
kml_recorder_look_before_pages (gpointer recorder)
{
  KmlRecorder *self = recorder;

  if (kml_free_area_has_changed (&self->machine->free_area))
    kml_recorder_look_at_pages (self);
  if (self->machine->now >= self->next_snapshot)
    kml_recorder_snapshot_due (self, self->machine->now);
}
