/* watermark.c: how much of a zone must stay free, and for whom.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mel Gorman, "Understanding the Linux Virtual Memory Manager" (Prentice Hall 2004), chapters 2 and
 * 10; the rule is that of Linux 6.1 (mm/page_alloc.c), whose GFP bits gfp.h has, too.
 *
 * 1. Three marks
 *
 * Reclaim takes time, and while it works, who frees memory needs some, and interrupts cannot wait
 * for it. So a zone is never meant to be used up:
 *
 *     free frames
 *     ──────────── high    the reclaim daemon goes back to sleep
 *     ──────────── low     it is woken
 *     ──────────── min     ordinary requests reclaim for themselves
 *       reserves           for atomic requests, and for those who free memory
 *     ──────────── 0
 *
 * How much is kept in all is min_free_kbytes = sqrt (16 lowmem_kbytes): what interrupts take while
 * reclaim runs grows with the machine, but more slowly. Kernels say 11584 for 8 GiB in a comment; the
 * integer root of 16 * 8388608 is 11585. Each zone has a share in proportion to its size, and low and high
 * lie above min by a quarter of min, or by scale_factor / 10000 of the zone if that is more.
 *
 * 2. Lower zones are defended
 *
 * A request that could be served by Normal falls back to DMA32 and DMA, but these have what only
 * they can give. So it must leave there, besides the mark, what all zones between have divided by a ratio.
 *
 * 3. The test
 *
 * A request of order k passes if more is left than a floor, where left = free - (2^k - 1):
 *
 *     floor = mark;  HIGH: floor -= floor / 2;  OOM: floor -= floor / 2, or else HARDER: floor -= floor / 4
 *
 * in integers, in this order. Of the mark remain 4/8 with HIGH, 3/8 with HIGH and HARDER, 2/8 with
 * HIGH and OOM. Who has neither HARDER nor OOM does not see the high-atomic frames: they count as used.
 * The last frame of the request counts as not yet taken, so an order 0 request compares all that is free.
 *
 * 4. Per-CPU lists
 *
 * The pages that CPUs keep for themselves are not free. So that full lists do not begin reclaim, all CPUs together keep no more than the low mark
 * (but four batches each). A batch is a 4096th of the zone, or 256 KiB if that is less, made one less than a power of two: 110 / 4 = 27 -> 40 -> 32 - 1.
 *
 * 5. Not modelled
 *
 * Boosted watermarks (watermark_boost_factor), the promotion mark, CMA, per-CPU drift of the count of free frames,
 * real-time tasks (which are HARDER).
 *
 * Invariants:
 *   K1  min <= low <= high in every zone
 *   K2  the floors of all flags lie between 2/8 of the mark and the mark, rounded up
 */

#include "simcore/memory/watermark.h"

/* The integer part of the root, bit by bit from above: no floating point. 17 -> 4 */
static guint64
integer_root (guint64 n)
{
  guint64 root = 0;

  for (guint64 bit = G_GUINT64_CONSTANT (1) << 31; bit > 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= n)
      root += bit;
  return root;
}

guint64
kml_min_free_kbytes (guint64 lowmem_kbytes, guint64 most)
{
  return CLAMP (integer_root (lowmem_kbytes * 16), KML_MIN_FREE_KBYTES_LEAST, most);
}

/* @n * @part / @whole without overflow, as the kernel's mult_frac(). */
static guint64
share (guint64 n, guint64 part, guint64 whole)
{
  return n / whole * part + n % whole * part / whole;
}

void
kml_watermarks_compute (const KmlWatermarkConfig *config, KmlWatermarks ret_marks[KML_N_ZONES])
{
  guint64 all = 0;

  for (guint i = 0; i < KML_N_ZONES; i++)
    all += config->managed[i];
  for (guint i = 0; i < KML_N_ZONES; i++) {
    const guint64 managed = config->managed[i];
    KmlWatermarks *marks = &ret_marks[i];
    guint64 distance, above = 0;

    *marks = (KmlWatermarks){ 0 };
    if (managed == 0)
      continue;
    marks->min = config->min_free * managed / all;
    distance = MAX (marks->min / 4, share (managed, config->scale_factor, 10000));
    marks->low = marks->min + distance;
    marks->high = marks->low + distance;
    for (guint j = i + 1; j < KML_N_ZONES; j++) {
      above += config->managed[j];
      marks->lowmem_reserve[j] = config->reserve_ratio == 0 ? 0 : above / config->reserve_ratio;
    }
  }
}

guint
kml_alloc_flags (KmlGfp gfp)
{
  guint flags = 0;

  if (gfp & KML_GFP_HIGH)
    flags |= KML_ALLOC_HIGH;
  if ((gfp & KML_GFP_ATOMIC_BIT) && !(gfp & KML_GFP_NOMEMALLOC))
    flags |= KML_ALLOC_HARDER;
  if ((gfp & KML_GFP_MEMALLOC) && !(gfp & KML_GFP_NOMEMALLOC))
    flags |= KML_ALLOC_NO_WATERMARKS;
  return flags;
}

guint64
kml_watermark_floor (const KmlWatermarkQuestion *self)
{
  guint64 floor = self->mark;

  if (self->flags & KML_ALLOC_HIGH)
    floor -= floor / 2;
  if (self->flags & KML_ALLOC_OOM)
    floor -= floor / 2;
  else if (self->flags & KML_ALLOC_HARDER)
    floor -= floor / 4;
  return floor + self->lowmem_reserve;
}

gboolean
kml_watermark_ok (const KmlWatermarkQuestion *self)
{
  guint64 unusable = (G_GUINT64_CONSTANT (1) << self->order) - 1;

  if (!(self->flags & (KML_ALLOC_HARDER | KML_ALLOC_OOM)))
    unusable += self->n_highatomic;
  return self->n_free > unusable && self->n_free - unusable > kml_watermark_floor (self);
}

gboolean
kml_watermark_ok_in (const KmlWatermarkQuestion *self, const KmlFreeArea *area)
{
  return kml_watermark_ok (self) &&
         (self->order == 0 || kml_free_area_suitable (area, self->order) > 0);
}

guint64
kml_pcp_batch (guint64 managed, guint64 page_size)
{
  const guint64 most = (G_GUINT64_CONSTANT (1) << 20) / page_size;
  guint64 batch = MIN (managed >> 10, most) / 4, power = 1;

  batch = MAX (batch, 1);
  while (power * 2 <= batch + batch / 2)
    power *= 2;
  return MAX (power - 1, 1);
}

guint64
kml_pcp_high (guint64 low, guint n_cpus, guint64 batch)
{
  return MAX (low / n_cpus, batch * 4);
}
