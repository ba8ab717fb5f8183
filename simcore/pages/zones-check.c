/* zones-check.c: every block of all zones, and the invariants that zones.c names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/pages/zones-private.h"

#include <string.h>

typedef struct {
  KmlAddr start;
  KmlWalkFunc func;
  gpointer user_data;
} Walk;

static void
walk_translated (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  const Walk *walk = user_data;

  walk->func (walk->start + start, size, state, walk->user_data);
}

void
kml_zones_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const KmlZones *self = (const KmlZones *)base;

  for (guint i = 0; i < self->n_zones; i++) {
    const KmlZone *zone = &self->zones[i];
    Walk walk = { kml_zone_start (self, zone), func, user_data };

    zone->pages->ops->walk (zone->pages, walk_translated, &walk);
  }
}

void
kml_zones_state (const KmlAllocator *base, GArray *words)
{
  const KmlZones *self = (const KmlZones *)base;

  for (guint i = 0; i < self->n_zones; i++)
    self->zones[i].pages->ops->state (self->zones[i].pages, words);
}

static gboolean
broken (const char *invariant, const KmlZone *zone, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant %s does not hold in zone %s",
               invariant, kml_zone_names[zone->kind]);
  return FALSE;
}

gboolean
kml_zones_check (const KmlAllocator *base, GError **error)
{
  const KmlZones *self = (const KmlZones *)base;
  guint64 counters[KML_MAX_COUNTERS] = { 0 }, metadata_bytes = 0;
  KmlFreeArea all = { 0 };
  KmlPfn next = 0;

  for (guint i = 0; i < self->n_zones; i++) {
    const KmlZone *zone = &self->zones[i];

    if (!zone->pages->ops->check (zone->pages, error)) {
      g_prefix_error (error, "zone %s: ", kml_zone_names[zone->kind]);
      return FALSE;
    }
    if (zone->first != next || zone->n_frames == 0)
      return broken ("Z1", zone, error);
    next += zone->n_frames;
    for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
      for (guint order = 0; order <= KML_MAX_ORDER; order++)
        all.blocks[mobility][order] += zone->area.blocks[mobility][order];
    all.n_free += zone->area.n_free;
    for (guint j = 0; j < KML_MAX_COUNTERS; j++)
      counters[j] += zone->pages->counters[j];
    metadata_bytes += zone->pages->metadata_bytes;
  }
  for (guint i = 0; i < self->n_maxima; i++)
    counters[self->maxima[i]] = kml_zones_largest_counter (self, self->maxima[i]);
  if (next != base->ram.n_usable)
    return broken ("Z1", &self->zones[self->n_zones - 1], error);
  if (memcmp (all.blocks, base->free_area->blocks, sizeof all.blocks) != 0 ||
      all.n_free != base->free_area->n_free ||
      base->free_area->n_large != kml_free_area_suitable (&all, base->free_area->watched_order))
    return broken ("Z2", &self->zones[0], error);
  if (memcmp (counters, base->counters, sizeof counters) != 0 ||
      metadata_bytes != base->metadata_bytes)
    return broken ("Z3", &self->zones[0], error);
  return TRUE;
}
