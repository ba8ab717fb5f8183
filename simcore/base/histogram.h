/* histogram.h: a distribution of integers in bounded memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Log-linear buckets, as in Gil Tene's HdrHistogram: exact below 64, then 32
 * buckets to each power of two, so a value is known to 1/32 (3.1 %) and
 * recording is a shift and an increment. Histograms of the same kind are merged
 * by adding the counts.
 *
 *   value  0 .. 63         bucket = value
 *   value  64 .. 127       width 2, buckets 64 .. 95
 *   value  128 .. 255      width 4, buckets 96 .. 127        and so on
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

#define KML_HISTOGRAM_LINEAR_BITS 6
#define KML_HISTOGRAM_SUB_BUCKETS 32
#define KML_HISTOGRAM_N_BUCKETS   (64 + (64 - KML_HISTOGRAM_LINEAR_BITS) * KML_HISTOGRAM_SUB_BUCKETS)

typedef struct {
  guint64 counts[KML_HISTOGRAM_N_BUCKETS];
  guint64 sum_low, sum_high; /* 128 bits; as one variable it would be carried through the stack */
  guint64 max;
} KmlHistogram;

static inline guint
kml_histogram_bucket (guint64 value)
{
  /* log2 of the bucket's width: value >> shift is 32 .. 63, or less where buckets are exact */
  const guint shift = (guint)(63 ^ __builtin_clzll (value | KML_HISTOGRAM_SUB_BUCKETS)) - 5;

  return shift * KML_HISTOGRAM_SUB_BUCKETS + (guint)(value >> shift);
}

static inline void
kml_histogram_add (KmlHistogram *self, guint64 value)
{
  self->counts[kml_histogram_bucket (value)]++;
  self->sum_low += value;
  self->sum_high += self->sum_low < value;
  if (value > self->max)
    self->max = value;
}

/* @value, @n times. */
void kml_histogram_add_many (KmlHistogram *self, guint64 value, guint64 n);

/* Values on their way to a histogram, counted one by one as long as no other wants their place: where few values come
 * often, as the cost of work does, adding one is a comparison and an increment. */
#define KML_RECENT_BITS 5

typedef struct {
  guint64 values[1 << KML_RECENT_BITS];
  guint64 counts[1 << KML_RECENT_BITS];
} KmlRecent;

/* The upper bits of a product with 2^32 / golden ratio. */
static inline guint
kml_recent_place (guint64 value)
{
  return (guint32)value * 0x9e3779b1u >> (32 - KML_RECENT_BITS);
}

/* Gives @value a place; what was there goes to @histogram, or nowhere if that is NULL. */
void kml_recent_replace (KmlRecent *self, guint64 value, KmlHistogram *histogram);

/* TRUE: it had to be given a place. A value that is larger than all before it always has. */
static inline gboolean
kml_recent_add (KmlRecent *self, guint64 value, KmlHistogram *const *histogram)
{
  const guint at = kml_recent_place (value);
  const gboolean is_new = self->values[at] != value;

  if (G_UNLIKELY (is_new))
    kml_recent_replace (self, value, *histogram);
  self->counts[at]++;
  return is_new;
}

/* All of them go to @histogram. */
void kml_recent_settle (KmlRecent *self, KmlHistogram *histogram);

/* The values of a bucket are [lo, lo + width). */
guint64 kml_histogram_bucket_lo (guint bucket);
guint64 kml_histogram_bucket_width (guint bucket);

/* How many values were added. */
guint64 kml_histogram_n (const KmlHistogram *self);

double kml_histogram_mean (const KmlHistogram *self);

/* The smallest recorded value that is known to be >= a share @parts / @per of all values, as the upper
 * end of its bucket, never above the maximum; 0 when empty. Integers, so the result is exact: p99.9 is (999, 1000). */
guint64 kml_histogram_quantile (const KmlHistogram *self, guint64 parts, guint64 per);

void kml_histogram_merge (KmlHistogram *self, const KmlHistogram *other);

G_END_DECLS
