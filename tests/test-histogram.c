/* test-histogram.c: buckets tile the integers, quantiles are right to a bucket.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/histogram.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

START_TEST (buckets_tile_the_integers)
{
  guint64 next = 0;

  for (guint bucket = 0; bucket < KML_HISTOGRAM_N_BUCKETS; bucket++) {
    ck_assert_uint_eq (kml_histogram_bucket_lo (bucket), next);
    next += kml_histogram_bucket_width (bucket);
  }
  ck_assert_uint_eq (next, 0); /* 2^64 */
}
END_TEST

START_TEST (a_value_falls_into_the_bucket_that_says_so)
{
  KmlRng rng;

  kml_rng_init (&rng, 3, "values");
  for (guint i = 0; i < 100000; i++) {
    const guint64 value = kml_rng_next (&rng) >> kml_rng_below (&rng, 64);
    const guint bucket = kml_histogram_bucket (value);

    ck_assert_uint_lt (bucket, KML_HISTOGRAM_N_BUCKETS);
    ck_assert_uint_ge (value, kml_histogram_bucket_lo (bucket));
    ck_assert_uint_lt (value - kml_histogram_bucket_lo (bucket),
                       kml_histogram_bucket_width (bucket));
  }
}
END_TEST

/* 1 .. 1000: the median is 500, p99.9 is 999; both are known to a bucket. */
START_TEST (quantiles_are_right_to_a_bucket)
{
  g_autofree KmlHistogram *histogram = g_new0 (KmlHistogram, 1);

  for (guint64 value = 1; value <= 1000; value++)
    kml_histogram_add (histogram, value);
  ck_assert_uint_eq (kml_histogram_bucket (kml_histogram_quantile (histogram, 1, 2)),
                     kml_histogram_bucket (500));
  ck_assert_uint_eq (kml_histogram_bucket (kml_histogram_quantile (histogram, 999, 1000)),
                     kml_histogram_bucket (999));
  ck_assert_uint_eq (kml_histogram_quantile (histogram, 1, 1), 1000);
  ck_assert_uint_eq (kml_histogram_quantile (histogram, 1, 1000), 1);
  ck_assert_double_eq (kml_histogram_mean (histogram), 500.5);
}
END_TEST

START_TEST (merging_is_adding)
{
  g_autofree KmlHistogram *left = g_new0 (KmlHistogram, 1);
  g_autofree KmlHistogram *right = g_new0 (KmlHistogram, 1);
  g_autofree KmlHistogram *both = g_new0 (KmlHistogram, 1);

  for (guint64 value = 0; value < 5000; value += 7) {
    kml_histogram_add (value % 2 == 0 ? left : right, value);
    kml_histogram_add (both, value);
  }
  kml_histogram_merge (left, right);
  ck_assert_mem_eq (left, both, sizeof *both);
}
END_TEST

/* Most values return, the others drive them out of their places: in the end the histograms are the same. */
START_TEST (values_on_their_way_arrive)
{
  g_autofree KmlHistogram *direct = g_new0 (KmlHistogram, 1);
  g_autofree KmlHistogram *histogram = g_new0 (KmlHistogram, 1);
  KmlHistogram *none = NULL;
  KmlRecent recent = { 0 }, lost = { 0 };
  KmlRng rng;

  kml_rng_init (&rng, 5, "values");
  for (guint i = 0; i < 20000; i++) {
    const gboolean is_new = kml_rng_below (&rng, 4) == 0;
    const guint64 value = is_new ? kml_rng_next (&rng) >> kml_rng_below (&rng, 64) : i % 50;

    kml_histogram_add (direct, value);
    kml_recent_add (&recent, value, &histogram);
    kml_recent_add (&lost, value, &none);
  }
  kml_recent_settle (&recent, histogram);
  ck_assert_mem_eq (histogram, direct, sizeof *direct);
  kml_recent_settle (&recent, histogram); /* has nothing left */
  ck_assert_mem_eq (histogram, direct, sizeof *direct);
}
END_TEST

START_TEST (an_empty_histogram_has_no_values)
{
  g_autofree KmlHistogram *histogram = g_new0 (KmlHistogram, 1);

  ck_assert_uint_eq (kml_histogram_quantile (histogram, 1, 2), 0);
  ck_assert_double_eq (kml_histogram_mean (histogram), 0.0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("histogram");
  TCase *tcase = tcase_create ("histogram");

  tcase_add_test (tcase, buckets_tile_the_integers);
  tcase_add_test (tcase, a_value_falls_into_the_bucket_that_says_so);
  tcase_add_test (tcase, quantiles_are_right_to_a_bucket);
  tcase_add_test (tcase, merging_is_adding);
  tcase_add_test (tcase, values_on_their_way_arrive);
  tcase_add_test (tcase, an_empty_histogram_has_no_values);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
