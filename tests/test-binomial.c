/* test-binomial.c: intervals of Clopper and Pearson.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Some are well known; all must leave what they say in each tail, which a sum over the binomial distribution shows.
 */

#include "analysis/binomial.h"

#include <math.h>

#include "tests/testutils.h"

static const struct {
  guint64 k, n;
  double low, high;
} known[] = {
  { 0, 8, 0, 0.36942 }, /* 1 - 0.025^(1/8) */
  { 3, 7, 0.09899, 0.81595 },   { 5, 10, 0.18709, 0.81291 },
  { 1, 1, 0.025, 1 },           { 0, 1000, 0, 0.0036821 }, /* 1 - 0.025^(1/1000) */
  { 1000, 1000, 0.9963179, 1 },
};

START_TEST (well_known_intervals_are_as_known)
{
  double low, high;

  kml_clopper_pearson (known[_i].k, known[_i].n, 0.95, &low, &high);
  ck_assert_double_eq_tol (low, known[_i].low, 1e-5);
  ck_assert_double_eq_tol (high, known[_i].high, 1e-5);
}
END_TEST

/* The probability of k or more of n. */
static double
tail_from (guint64 k, guint64 n, double p)
{
  double sum = 0;

  for (guint64 i = k; i <= n; i++)
    sum += exp (lgamma ((double)n + 1) - lgamma ((double)i + 1) - lgamma ((double)(n - i) + 1) +
                (double)i * log (p) + (double)(n - i) * log1p (-p));
  return sum;
}

START_TEST (each_tail_has_half_of_what_the_confidence_leaves)
{
  static const guint64 sizes[] = { 2, 7, 40, 1000 };
  const guint64 n = sizes[_i];

  for (guint64 k = 1; k < n; k += 1 + n / 17) {
    double low, high;

    kml_clopper_pearson (k, n, 0.9, &low, &high);
    ck_assert_double_eq_tol (tail_from (k, n, low), 0.05, 1e-9);
    ck_assert_double_eq_tol (1 - tail_from (k + 1, n, high), 0.05, 1e-9);
  }
}
END_TEST

START_TEST (a_million_schedules_are_no_trouble)
{
  double low, high;

  kml_clopper_pearson (500000, 1000000, 0.95, &low, &high);
  ck_assert_double_eq_tol (low, 0.5 - 1.96 * 0.0005, 1e-5);
  ck_assert_double_eq_tol (high, 0.5 + 1.96 * 0.0005, 1e-5);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("binomial");
  TCase *tcase = tcase_create ("intervals");

  tcase_add_loop_test (tcase, well_known_intervals_are_as_known, 0, G_N_ELEMENTS (known));
  tcase_add_loop_test (tcase, each_tail_has_half_of_what_the_confidence_leaves, 0, 4);
  tcase_add_test (tcase, a_million_schedules_are_no_trouble);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
