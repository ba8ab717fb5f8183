/* iommu.c: addresses of their own for devices.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ranges are taken from the top, first fit, aligned to their size rounded up to a power of two, as Linux's drivers/iommu/iova.c does. A
 * range is found by a walk over those in use; its red-black tree would find the same. Every unmapping flushes at once (Linux's strict mode).
 *
 * Not modelled: the page table's own pages, hits and misses of the IOTLB, flushes that are put off and done together, per-CPU caches of ranges.
 *
 * Invariants:
 *   I1  ranges are in order, do not overlap and end within the address space
 *   I2  page 0 is in no range: address 0 is none
 */

#include "simcore/devices/iommu.h"

void
kml_iommu_init (KmlIommu *self, guint page_shift, KmlAddr limit)
{
  *self = (KmlIommu){ .page_shift = page_shift, .n_pages = limit >> page_shift };
  self->ranges = g_array_new (FALSE, FALSE, sizeof (KmlIommuRange));
}

void
kml_iommu_finish (KmlIommu *self)
{
  g_clear_pointer (&self->ranges, g_array_unref);
}

static guint64
power_of_two_from (guint64 n)
{
  return n <= 1 ? 1 : G_GUINT64_CONSTANT (1) << (64 - __builtin_clzll (n - 1));
}

KmlAddr
kml_iommu_map (KmlIommu *self, KmlMachine *machine, guint64 n, guint64 alignment)
{
  const guint64 align = MAX (power_of_two_from (n),
                             (alignment + (1 << self->page_shift) - 1) >> self->page_shift);
  guint64 end = self->n_pages;
  guint i = self->ranges->len;

  g_assert (n > 0);

  /* the gap below each range, from the top; page 0 ends the last one */
  for (;;) {
    const KmlIommuRange *below = i > 0 ? &g_array_index (self->ranges, KmlIommuRange, i - 1) : NULL;
    const guint64 from = below != NULL ? below->start + below->n : 1;

    if (end >= n && (end - n) / align * align >= from) {
      const KmlIommuRange range = { .start = (end - n) / align * align, .n = n };

      g_array_insert_val (self->ranges, i, range);
      self->n_mapped += n;
      machine->now += n * self->map_page;
      return range.start << self->page_shift;
    }
    if (below == NULL)
      return KML_ADDR_NONE;
    end = below->start;
    i--;
  }
}

void
kml_iommu_unmap (KmlIommu *self, KmlMachine *machine, KmlAddr addr, guint64 n)
{
  guint i = 0;

  while (i < self->ranges->len &&
         g_array_index (self->ranges, KmlIommuRange, i).start != addr >> self->page_shift)
    i++;
  g_assert (i < self->ranges->len);
  g_assert (g_array_index (self->ranges, KmlIommuRange, i).n == n);
  g_array_remove_index (self->ranges, i);
  self->n_flushes++;
  machine->now += n * self->unmap_page + self->flush;
}

void
kml_iommu_remap_page (KmlIommu *self, KmlMachine *machine)
{
  self->n_flushes++;
  machine->now += self->unmap_page + self->map_page + self->flush;
}

gboolean
kml_iommu_check (const KmlIommu *self, GError **error)
{
  guint64 end = 1; /* I2 */

  for (guint i = 0; i < self->ranges->len; i++) {
    const KmlIommuRange *range = &g_array_index (self->ranges, KmlIommuRange, i);

    if (range->start < end || range->n > self->n_pages || range->start > self->n_pages - range->n) {
      g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
                   "invariant %s does not hold at I/O page %" G_GUINT64_FORMAT,
                   range->start == 0 ? "I2" : "I1", range->start);
      return FALSE;
    }
    end = range->start + range->n;
  }
  return TRUE;
}
