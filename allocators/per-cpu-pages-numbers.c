/* per-cpu-pages-numbers.c: how many pages a CPU keeps, and how many it gives back at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * By default both depend on the zone, as in Linux (watermark.h has the rules); of several zones, on the largest, since here lists are in front
 * of all of them, and in Linux each has its own. While kswapd reclaims, a CPU keeps no more than four batches (ZONE_RECLAIM_ACTIVE): what it gets above that, it gives back
 * with its next free.
 */

#include "allocators/per-cpu-pages.h"

#define BATCHES_WHILE_RECLAIM 4

/* The zone that most pages come from; RAM that is not in zones is one, with the marks that Linux would choose. */
static void
describe_zone (const KmlAllocator *base, guint64 *ret_n_frames, guint64 *ret_low)
{
  const guint64 n_usable = base->ram.n_usable;
  const guint page_shift = base->ram.page_shift;
  const guint64 min_free = kml_min_free_kbytes (n_usable << page_shift >> 10,
                                                KML_MIN_FREE_KBYTES_MOST);
  const KmlWatermarkConfig config = { .managed = { [KML_ZONE_NORMAL] = n_usable },
                                      .min_free = min_free << 10 >> page_shift,
                                      .scale_factor = KML_WATERMARK_SCALE_FACTOR };
  KmlWatermarks marks[KML_N_ZONES];

  for (KmlAllocator *at = base->lower; at != NULL; at = at->lower) {
    const KmlZones *zones = kml_zones_from_allocator (at);
    const KmlZone *largest;

    if (zones == NULL)
      continue;
    largest = &zones->zones[0];
    for (guint i = 1; i < zones->n_zones; i++)
      if (zones->zones[i].n_frames > largest->n_frames)
        largest = &zones->zones[i];
    *ret_n_frames = largest->n_frames;
    *ret_low = largest->marks.low;
    return;
  }
  kml_watermarks_compute (&config, marks);
  *ret_n_frames = n_usable;
  *ret_low = marks[KML_ZONE_NORMAL].low;
}

gboolean
per_cpu_pages_choose_numbers (PerCpuPages *self, GError **error)
{
  guint64 n_frames, low;

  for (KmlAllocator *at = self->base.lower; at != NULL && self->zones == NULL; at = at->lower)
    self->zones = kml_zones_from_allocator (at);
  describe_zone (&self->base, &n_frames, &low);
  if (self->batch == 0)
    self->batch = kml_pcp_batch (n_frames, kml_ram_page_size (&self->base.ram));
  if (self->high == 0)
    self->high = kml_pcp_high (low, self->base.machine->n_cpus, self->batch);
  self->limit = self->high;
  return self->batch <= self->high ||
         kml_refuse (error, "batch",
                     "%" G_GUINT64_FORMAT " is more than high = %" G_GUINT64_FORMAT
                     ", what a CPU may keep",
                     self->batch, self->high);
}

void
per_cpu_pages_keep_less (KmlAllocator *base, gboolean less)
{
  PerCpuPages *self = (PerCpuPages *)base;
  const guint64 n = BATCHES_WHILE_RECLAIM * self->batch;

  self->limit = less ? MIN (n, self->high) : self->high;
}

/* How many pages a CPU gives back that has reached its limit. Linux's nr_pcp_free(). */
guint64
per_cpu_pages_n_to_give_back (const PerCpuPages *self, Cpu *cpu)
{
  const guint64 n = self->batch << cpu->free_factor, most = self->limit - self->batch;

  if (self->grow && n < most)
    cpu->free_factor++;
  return CLAMP (n, self->batch, MAX (most, self->batch));
}
