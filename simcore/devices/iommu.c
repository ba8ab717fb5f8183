/* iommu.c: addresses of their own for devices.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ranges are taken from the top, first fit, aligned to their size rounded up to a power of two, as Linux's drivers/iommu/iova.c does. What is kept are the gaps
 * between them: a device that serves its requests in turn has thousands of ranges and two or three gaps. Every unmapping flushes at once (Linux's strict mode).
 *
 * Not modelled: the page table's own pages, hits and misses of the IOTLB, flushes that are put off and done together, per-CPU caches of ranges.
 *
 * Invariants:
 *   I1  gaps are in order, neither overlap nor touch, and end within the address space
 *   I2  page 0 is in no gap: address 0 is none
 *   I3  every other page is in a gap or in a range
 */

#include "simcore/devices/iommu.h"

static KmlIommuRange *
gap_at (const KmlIommu *self, guint i)
{
  return &g_array_index (self->gaps, KmlIommuRange, i);
}

static void
insert_gap (KmlIommu *self, guint i, guint64 start, guint64 n)
{
  const KmlIommuRange gap = { start, n };

  if (n > 0)
    g_array_insert_val (self->gaps, i, gap);
}

void
kml_iommu_init (KmlIommu *self, guint page_shift, KmlAddr limit)
{
  *self = (KmlIommu){ .page_shift = page_shift, .n_pages = limit >> page_shift };
  self->gaps = g_array_new (FALSE, FALSE, sizeof (KmlIommuRange));
  if (self->n_pages > 1)
    insert_gap (self, 0, 1, self->n_pages - 1);
}

void
kml_iommu_finish (KmlIommu *self)
{
  g_clear_pointer (&self->gaps, g_array_unref);
}

static guint64
power_of_two_from (guint64 n)
{
  return n <= 1 ? 1 : G_GUINT64_CONSTANT (1) << (64 - __builtin_clzll (n - 1));
}

/* What is left of gap @i. */
static void
take (KmlIommu *self, guint i, guint64 start, guint64 n)
{
  const KmlIommuRange gap = *gap_at (self, i);

  g_array_remove_index (self->gaps, i);
  insert_gap (self, i, start + n, gap.start + gap.n - (start + n));
  insert_gap (self, i, gap.start, start - gap.start);
}

KmlAddr
kml_iommu_map (KmlIommu *self, KmlMachine *machine, guint64 n, guint64 alignment)
{
  const guint64 align = MAX (power_of_two_from (n),
                             (alignment + (1 << self->page_shift) - 1) >> self->page_shift);

  g_assert (n > 0);

  for (guint i = self->gaps->len; i-- > 0;) {
    const KmlIommuRange *gap = gap_at (self, i);
    const guint64 end = gap->start + gap->n;
    const guint64 start = n <= gap->n ? (end - n) / align * align : 0;

    if (start < gap->start)
      continue;
    take (self, i, start, n);
    self->n_ranges++;
    self->n_in_use += n;
    self->n_mapped += n;
    machine->now += n * self->map_page;
    return start << self->page_shift;
  }
  return KML_ADDR_NONE;
}

/* How many gaps there are below @page. */
static guint
gaps_below (const KmlIommu *self, guint64 page)
{
  guint lo = 0, hi = self->gaps->len;

  while (lo < hi) {
    const guint middle = lo + (hi - lo) / 2;

    if (gap_at (self, middle)->start < page)
      lo = middle + 1;
    else
      hi = middle;
  }
  return lo;
}

void
kml_iommu_unmap (KmlIommu *self, KmlMachine *machine, KmlAddr addr, guint64 n)
{
  guint64 start = addr >> self->page_shift, end = start + n;
  const guint i = gaps_below (self, start);

  g_assert (self->n_in_use >= n);
  self->n_in_use -= n;
  self->n_ranges--;
  if (i < self->gaps->len) {
    const KmlIommuRange above = *gap_at (self, i);

    g_assert (end <= above.start); /* it was in no gap */
    if (end == above.start) {
      end += above.n;
      g_array_remove_index (self->gaps, i);
    }
  }
  if (i > 0 && gap_at (self, i - 1)->start + gap_at (self, i - 1)->n >= start) {
    KmlIommuRange *below = gap_at (self, i - 1);

    g_assert (below->start + below->n == start);
    below->n += end - start;
  } else {
    insert_gap (self, i, start, end - start);
  }
  self->n_flushes++;
  machine->now += n * self->unmap_page + self->flush;
}

void
kml_iommu_remap_page (KmlIommu *self, KmlMachine *machine)
{
  self->n_flushes++;
  machine->now += self->unmap_page + self->map_page + self->flush;
}

static gboolean
broken (const char *invariant, guint64 page, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "invariant %s does not hold at I/O page %" G_GUINT64_FORMAT, invariant, page);
  return FALSE;
}

gboolean
kml_iommu_check (const KmlIommu *self, GError **error)
{
  guint64 end = 0, n = 0;

  for (guint i = 0; i < self->gaps->len; i++) {
    const KmlIommuRange *gap = gap_at (self, i);

    if (gap->start == 0)
      return broken ("I2", 0, error);
    if ((i > 0 && gap->start <= end) || gap->n == 0 || gap->n > self->n_pages ||
        gap->start > self->n_pages - gap->n)
      return broken ("I1", gap->start, error);
    end = gap->start + gap->n;
    n += gap->n;
  }
  return 1 + n + self->n_in_use == self->n_pages || broken ("I3", n, error);
}
