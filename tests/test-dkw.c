/* test-dkw.c: the band of a distribution, against published numbers and by drawing (claim A01).
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/dkw.h"

#include <math.h>
#include <stdlib.h>

#include "simcore/base/rng.h"
#include "tests/testutils.h"

static const struct {
  double band, confidence;
  guint64 draws;
} known[] = {
  { 0.01, 0.99, 26492 }, { 0.01, 0.95, 18445 },  { 0.005, 0.99, 105967 },
  { 0.05, 0.95, 738 },   { 0.01, 0.999, 38005 },
};

START_TEST (so_many_draws_are_needed_and_one_less_is_not_enough)
{
  ck_assert_uint_eq (kml_dkw_draws (known[_i].band, known[_i].confidence), known[_i].draws);
  ck_assert_double_le (kml_dkw_band (known[_i].draws, known[_i].confidence), known[_i].band);
  ck_assert_double_gt (kml_dkw_band (known[_i].draws - 1, known[_i].confidence), known[_i].band);
}
END_TEST

START_TEST (of_one_draw_nothing_is_known)
{
  ck_assert_double_eq (kml_dkw_band (1, 0.95), 1);
}
END_TEST

static int
compare_shares (const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return x < y ? -1 : x > y;
}

/* The largest difference between the share of @n draws that are at most x and x, for draws from 0 to 1 that are all alike. */
static double
draw_difference (KmlRng *rng, guint n)
{
  g_autofree double *draws = g_new (double, n);
  double most = 0;

  for (guint i = 0; i < n; i++)
    draws[i] = (double)kml_rng_below (rng, G_GUINT64_CONSTANT (1) << 40) / pow (2, 40);
  qsort (draws, n, sizeof *draws, compare_shares);
  for (guint i = 0; i < n; i++) {
    most = fmax (most, draws[i] - (double)i / n);
    most = fmax (most, (double)(i + 1) / n - draws[i]);
  }
  return most;
}

/* The inequality holds, and is no weaker than it must be: for many draws it is nearly an equation. */
START_TEST (one_sample_in_twenty_is_outside_of_its_band)
{
  const guint rounds = IS_SANITIZED ? 300 : 2000;
  const double band = kml_dkw_band (738, 0.95);
  const double chance = 3 * sqrt (0.05 * 0.95 / rounds);
  guint outside = 0;
  KmlRng rng;

  kml_rng_init (&rng, 7, "dkw");
  for (guint i = 0; i < rounds; i++)
    outside += draw_difference (&rng, 738) > band;
  ck_assert_double_le ((double)outside / rounds, 0.05 + chance);
  ck_assert_double_ge ((double)outside / rounds, 0.045 - chance);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("dkw");
  TCase *tests = tcase_create ("dkw");

  tcase_add_loop_test (tests, so_many_draws_are_needed_and_one_less_is_not_enough, 0,
                       G_N_ELEMENTS (known));
  tcase_add_test (tests, of_one_draw_nothing_is_known);
  tcase_add_test (tests, one_sample_in_twenty_is_outside_of_its_band);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
