/* zones-private.h: what zones.c, whose head explains it, and its check share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/pages/zones.h"

G_BEGIN_DECLS

static inline KmlAddr
kml_zone_start (const KmlZones *self, const KmlZone *zone)
{
  return kml_ram_addr (&self->base.ram, zone->first);
}

static inline guint64
kml_zones_largest_counter (const KmlZones *self, guint counter)
{
  guint64 largest = 0;

  for (guint i = 0; i < self->n_zones; i++)
    largest = MAX (largest, self->zones[i].pages->counters[counter]);
  return largest;
}

void kml_zones_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
void kml_zones_state (const KmlAllocator *base, GArray *words);
gboolean kml_zones_check (const KmlAllocator *base, GError **error);

G_END_DECLS
