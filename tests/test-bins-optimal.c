/* test-bins-optimal.c: sets of bins that waste least.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are compared with brute force, which tries every choice of K sizes: on thousands of small random cases, ties included, both must
 * give the same set.
 */

#include "simcore/base/rng.h"
#include "simcore/objects/bins.h"
#include "tests/testutils.h"

#include <string.h>

#define MAX_SIZES 12

static guint64
bytes_given (const KmlBins *bins, const KmlSizeCount *counts, guint n)
{
  guint64 given = 0;

  for (guint i = 0; i < n; i++) {
    const guint bin = kml_bins_find (bins, counts[i].size);

    ck_assert_uint_lt (bin, bins->n);
    given += bins->sizes[bin] * counts[i].count;
  }
  return given;
}

/* All subsets of the distinct rounded sizes with @k members, the largest size among them; of
 * equal ones that with the smaller bins, compared from the largest down: the lower number, as
 * bit i is the i-th size. */
static guint64
brute_force (const KmlSizeCount *counts, guint n, guint k, guint64 quantum, KmlBins *ret_best)
{
  guint64 sizes[MAX_SIZES];
  guint n_sizes = 0;
  guint64 least = G_MAXUINT64;

  for (guint i = 0; i < n; i++) {
    const guint64 rounded = (counts[i].size + quantum - 1) / quantum * quantum;

    if (n_sizes == 0 || sizes[n_sizes - 1] != rounded)
      sizes[n_sizes++] = rounded;
  }
  k = MIN (k, n_sizes);
  for (guint set = 1u << (n_sizes - 1); set < 1u << n_sizes; set++) {
    guint64 bins_of_set[MAX_SIZES];
    KmlBins bins = { 0, bins_of_set };
    guint64 given;

    if ((guint)__builtin_popcount (set) != k)
      continue;
    for (guint i = 0; i < n_sizes; i++)
      if (set >> i & 1)
        bins_of_set[bins.n++] = sizes[i];
    given = bytes_given (&bins, counts, n);
    if (given < least) {
      least = given;
      ret_best->n = bins.n;
      memcpy (ret_best->sizes, bins_of_set, bins.n * sizeof *bins_of_set);
    }
  }
  return least;
}

START_TEST (optimal_sets_agree_with_brute_force)
{
  static const guint64 quanta[] = { 1, 8, 5 };
  KmlRng rng;

  kml_rng_init (&rng, 1, "brute-force");
  for (guint round = 0; round < 6000; round++) {
    const guint n = 1 + (guint)kml_rng_below (&rng, MAX_SIZES);
    const guint k = 1 + (guint)kml_rng_below (&rng, n);
    const guint64 quantum = quanta[round % 3];
    /* small numbers make ties, large ones reach the bounds of the sums */
    const guint64 max_step = round % 2 == 0 ? 3 : G_GUINT64_CONSTANT (1) << 20;
    const guint64 max_count = round % 4 < 2 ? 2 : G_GUINT64_CONSTANT (1) << 30;
    KmlSizeCount counts[MAX_SIZES];
    guint64 best_sizes[MAX_SIZES];
    KmlBins best = { 0, best_sizes }, bins;
    guint64 size = 0;

    for (guint i = 0; i < n; i++) {
      size += 1 + kml_rng_below (&rng, max_step);
      counts[i] = (KmlSizeCount){ size, 1 + kml_rng_below (&rng, max_count) };
    }
    brute_force (counts, n, k, quantum, &best);
    kml_bins_optimal (counts, n, k, quantum, &bins);
    ck_assert_uint_eq (bins.n, best.n);
    for (guint i = 0; i < bins.n; i++)
      ck_assert_msg (bins.sizes[i] == best.sizes[i],
                     "round %u (%u sizes, %u bins): bin %u is %" G_GUINT64_FORMAT
                     ", not %" G_GUINT64_FORMAT,
                     round, n, k, i, bins.sizes[i], best.sizes[i]);
    kml_bins_clear (&bins);
  }
}
END_TEST

START_TEST (of_equal_sets_the_smaller_bins_are_chosen)
{
  /* two bins for 8, 16, 24: {8, 24} and {16, 24} both waste 8 */
  static const KmlSizeCount counts[] = { { 8, 1 }, { 16, 1 }, { 24, 1 } };
  g_autofree char *text = NULL;
  KmlBins bins;

  kml_bins_optimal (counts, 3, 2, 8, &bins);
  text = kml_bins_format (&bins);
  ck_assert_str_eq (text, "8,24");
  kml_bins_clear (&bins);
}
END_TEST

START_TEST (sizes_that_nobody_asks_for_are_no_bins)
{
  static const KmlSizeCount counts[] = {
    { 8, 5 }, { 100, 0 }, { 200, 1 }, { G_GUINT64_CONSTANT (1) << 50, 1 }
  };
  g_autofree char *text = NULL;
  KmlBins bins;

  kml_bins_optimal (counts, G_N_ELEMENTS (counts), 10, 8, &bins);
  text = kml_bins_format (&bins);
  ck_assert_str_eq (text, "8,200");
  kml_bins_clear (&bins);
}
END_TEST

START_TEST (enormous_counts_do_not_overflow)
{
  static const KmlSizeCount counts[] = {
    { 1, G_MAXUINT64 / 4 },
    { (G_GUINT64_CONSTANT (1) << 40) - 8, G_MAXUINT64 / 4 },
    { (G_GUINT64_CONSTANT (1) << 40) - 1, 1 },
    { G_GUINT64_CONSTANT (1) << 40, G_MAXUINT64 / 4 },
  };
  g_autofree char *text = NULL;
  KmlBins bins;

  kml_bins_optimal (counts, 4, 3, 1, &bins);
  text = kml_bins_format (&bins);
  ck_assert_str_eq (text, "1,1099511627768,1099511627776");
  kml_bins_clear (&bins);
}
END_TEST

/* The plain recurrence of bins-optimal.c, O(n^2 K): the least bytes given, for sizes that
 * brute force cannot do. */
static guint64
plain_optimum (const KmlSizeCount *counts, guint n, guint k)
{
  g_autofree guint64 *above = g_new (guint64, n + 1);
  g_autofree guint64 *row = g_new (guint64, n + 1);
  g_autofree guint64 *sums = g_new0 (guint64, n + 1);

  for (guint j = 1; j <= n; j++)
    sums[j] = sums[j - 1] + counts[j - 1].count;
  for (guint j = 1; j <= n; j++)
    above[j] = counts[j - 1].size * sums[j];
  for (guint m = 2; m <= k; m++) {
    for (guint j = m; j <= n; j++) {
      row[j] = G_MAXUINT64;
      for (guint i = m - 1; i < j; i++)
        row[j] = MIN (row[j], above[i] + counts[j - 1].size * (sums[j] - sums[i]));
    }
    memcpy (above, row, (n + 1) * sizeof *row);
  }
  return above[n];
}

START_TEST (larger_optima_agree_with_the_plain_recurrence)
{
  enum {
    N = 300
  };
  KmlSizeCount counts[N];
  KmlRng rng;

  kml_rng_init (&rng, 2, "recurrence");
  for (guint round = 0; round < 12; round++) {
    const guint k = 1 + (guint)kml_rng_below (&rng, round % 2 == 0 ? 10 : 120);
    guint64 size = 0;
    KmlBins bins;

    for (guint i = 0; i < N; i++) {
      size += 1 + kml_rng_below (&rng, 100);
      counts[i] = (KmlSizeCount){ size, 1 + kml_rng_below (&rng, 1000) };
    }
    kml_bins_optimal (counts, N, k, 1, &bins);
    ck_assert_uint_eq (bins.n, k);
    ck_assert_uint_eq (bytes_given (&bins, counts, N), plain_optimum (counts, N, k));
    kml_bins_clear (&bins);
  }
}
END_TEST

START_TEST (a_hundred_thousand_sizes_are_not_too_many)
{
  enum {
    N = 100000,
    K = 128
  };
  g_autofree KmlSizeCount *counts = g_new (KmlSizeCount, N);
  KmlBins bins;
  KmlRng rng;

  kml_rng_init (&rng, 3, "many");
  for (guint i = 0; i < N; i++)
    counts[i] = (KmlSizeCount){ 8 * (i + 1), 1 + kml_rng_below (&rng, 1000) };
  kml_bins_optimal (counts, N, K, 8, &bins);
  ck_assert_uint_eq (bins.n, K);
  ck_assert_uint_eq (bins.sizes[K - 1], 8 * N);
  kml_bins_clear (&bins);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bins-optimal");
  TCase *optimal = tcase_create ("optimal");

  tcase_set_timeout (optimal, 60);
  tcase_add_test (optimal, optimal_sets_agree_with_brute_force);
  tcase_add_test (optimal, of_equal_sets_the_smaller_bins_are_chosen);
  tcase_add_test (optimal, sizes_that_nobody_asks_for_are_no_bins);
  tcase_add_test (optimal, enormous_counts_do_not_overflow);
  tcase_add_test (optimal, larger_optima_agree_with_the_plain_recurrence);
  tcase_add_test (optimal, a_hundred_thousand_sizes_are_not_too_many);
  suite_add_tcase (suite, optimal);

  return run_suite (suite);
}
