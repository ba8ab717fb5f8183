/* histogram.c: reading a log-linear histogram, and adding much at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/histogram.h"

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

static void
add_sum (KmlHistogram *self, unsigned __int128 sum)
{
  sum += (unsigned __int128)self->sum_high << 64 | self->sum_low;
  self->sum_low = (guint64)sum;
  self->sum_high = (guint64)(sum >> 64);
}

void
kml_histogram_add_many (KmlHistogram *self, guint64 value, guint64 n)
{
  if (n == 0)
    return;
  self->counts[kml_histogram_bucket (value)] += n;
  add_sum (self, (unsigned __int128)value * n);
  self->max = MAX (self->max, value);
}

void
kml_recent_replace (KmlRecent *self, guint64 value, KmlHistogram *histogram)
{
  const guint at = kml_recent_place (value);

  if (histogram != NULL)
    kml_histogram_add_many (histogram, self->values[at], self->counts[at]);
  self->values[at] = value;
  self->counts[at] = 0;
}

void
kml_recent_settle (KmlRecent *self, KmlHistogram *histogram)
{
  for (guint at = 0; at < G_N_ELEMENTS (self->values); at++) {
    kml_histogram_add_many (histogram, self->values[at], self->counts[at]);
    self->counts[at] = 0;
  }
}

void
kml_histogram_merge (KmlHistogram *self, const KmlHistogram *other)
{
  for (guint bucket = 0; bucket < KML_HISTOGRAM_N_BUCKETS; bucket++)
    self->counts[bucket] += other->counts[bucket];
  add_sum (self, (unsigned __int128)other->sum_high << 64 | other->sum_low);
  self->max = MAX (self->max, other->max);
}
