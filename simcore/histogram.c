/* histogram.c: reading a log-linear histogram.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/histogram.h"

guint64
kml_histogram_bucket_lo (guint bucket)
{
  guint shift;

  if (bucket < 64)
    return bucket;
  shift = (bucket - 64) / KML_HISTOGRAM_SUB_BUCKETS + 1; /* log2 of the width */
  return (guint64)(KML_HISTOGRAM_SUB_BUCKETS + bucket % KML_HISTOGRAM_SUB_BUCKETS) << shift;
}

guint64
kml_histogram_bucket_width (guint bucket)
{
  if (bucket < 64)
    return 1;
  return G_GUINT64_CONSTANT (1) << ((bucket - 64) / KML_HISTOGRAM_SUB_BUCKETS + 1);
}

guint64
kml_histogram_n (const KmlHistogram *self)
{
  guint64 n = 0;

  for (guint bucket = 0; bucket < KML_HISTOGRAM_N_BUCKETS; bucket++)
    n += self->counts[bucket];
  return n;
}

double
kml_histogram_mean (const KmlHistogram *self)
{
  const unsigned __int128 sum = (unsigned __int128)self->sum_high << 64 | self->sum_low;
  const guint64 n = kml_histogram_n (self);

  return n == 0 ? 0.0 : (double)sum / (double)n;
}

guint64
kml_histogram_quantile (const KmlHistogram *self, guint64 parts, guint64 per)
{
  const guint64 n = kml_histogram_n (self);
  guint64 rank, seen = 0;

  if (n == 0)
    return 0;
  rank = (guint64)(((unsigned __int128)n * parts + per - 1) / per);
  rank = CLAMP (rank, 1, n);
  for (guint bucket = 0; bucket < KML_HISTOGRAM_N_BUCKETS; bucket++) {
    seen += self->counts[bucket];
    if (seen >= rank) {
      const guint64 last = kml_histogram_bucket_lo (bucket) +
                           (kml_histogram_bucket_width (bucket) - 1);

      return MIN (last, self->max);
    }
  }
  g_assert_not_reached ();
}

void
kml_histogram_merge (KmlHistogram *self, const KmlHistogram *other)
{
  for (guint bucket = 0; bucket < KML_HISTOGRAM_N_BUCKETS; bucket++)
    self->counts[bucket] += other->counts[bucket];
  self->sum_low += other->sum_low;
  self->sum_high += other->sum_high + (self->sum_low < other->sum_low);
  self->max = MAX (self->max, other->max);
}
