/* test-student.c: intervals of means.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Against the printed tables of Student's distribution, and by drawing: so many intervals as are promised have the true mean.
 */

#include "analysis/student.h"

#include <math.h>

#include "simcore/base/rng.h"
#include "tests/testutils.h"

static const struct {
  guint degrees;
  double confidence, t;
} known[] = {
  { 1, 0.95, 12.7062 }, { 2, 0.95, 4.3027 },  { 3, 0.95, 3.1824 },  { 4, 0.95, 2.7764 },
  { 9, 0.95, 2.2622 },  { 30, 0.95, 2.0423 }, { 99, 0.95, 1.9842 }, { 1000, 0.95, 1.9623 },
  { 1, 0.99, 63.6567 }, { 9, 0.99, 3.2498 },  { 30, 0.99, 2.7500 }, { 5, 0.5, 0.7267 },
};

START_TEST (quantiles_are_those_of_the_tables)
{
  ck_assert_double_eq_tol (kml_student_t (known[_i].degrees, known[_i].confidence), known[_i].t,
                           5e-5);
}
END_TEST

START_TEST (of_very_many_values_it_is_the_normal_distribution)
{
  ck_assert_double_eq_tol (kml_student_t (G_MAXUINT, 0.95), 1.95996, 3e-3);
}
END_TEST

START_TEST (a_sample_is_computed_by_hand)
{
  /* mean 4, squares 4 + 0 + 4, variance 4, error of the mean 2 / sqrt (3) */
  static const double values[] = { 2, 4, 6 };
  double mean, margin;

  kml_mean_interval (values, 3, 0.95, &mean, &margin);
  ck_assert_double_eq (mean, 4);
  ck_assert_double_eq_tol (margin, 4.30265 * 2 / sqrt (3), 1e-4);
  kml_mean_interval (values, 1, 0.95, &mean, &margin);
  ck_assert_double_eq (mean, 2);
  ck_assert (isnan (margin));
}
END_TEST

/* Of @rounds samples of @n > 0 values with the mean @mean and the standard deviation 1, those whose interval leaves out 0. */
static guint
count_told (const char *stream, guint rounds, guint n, double mean)
{
  g_autofree double *values = g_new (double, n);
  KmlRng rng;
  guint told = 0;

  kml_rng_init (&rng, 7, stream);
  for (guint i = 0; i < rounds; i++) {
    double middle, margin;

    for (guint j = 0; j < n; j++) {
      values[j] = mean;
      for (guint k = 0; k < 12; k++) /* nearly normal */
        values[j] += (double)kml_rng_below (&rng, 1 << 20) / (1 << 20) - 0.5;
    }
    kml_mean_interval (values, n, 0.95, &middle, &margin);
    told += fabs (middle) > margin;
  }
  return told;
}

static void
expect_share (guint n, guint of, double share, double more)
{
  ck_assert_double_eq_tol ((double)n / of, share, 3 * sqrt (share * (1 - share) / of) + more);
}

START_TEST (as_many_intervals_as_promised_have_the_true_mean)
{
  expect_share (count_told ("student", 4000, 5, 0), 4000, 0.05, 0);
}
END_TEST

/* With 5 values of the mean 0.7 and the deviation 1 nothing is told; with as many as are said to be needed, four times of five. */
START_TEST (as_many_values_as_are_needed_tell_in_four_of_five_cases)
{
  const double margin = kml_student_t (4, 0.95) / sqrt (5);
  const guint64 needed = kml_values_needed (-0.7, margin, 5, 0.95);

  ck_assert_uint_eq (needed, 18); /* of the normal distribution (1.96 + 0.84)^2 / 0.7^2 = 16 */
  expect_share (count_told ("needed", 1500, (guint)needed, 0.7), 1500, 0.8, 0.02);
  ck_assert_uint_eq (kml_values_needed (0, margin, 5, 0.95), 0);
  ck_assert_uint_eq (kml_values_needed (1e-9, margin, 5, 0.95), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("student");
  TCase *tests = tcase_create ("student");

  tcase_add_loop_test (tests, quantiles_are_those_of_the_tables, 0, G_N_ELEMENTS (known));
  tcase_add_test (tests, of_very_many_values_it_is_the_normal_distribution);
  tcase_add_test (tests, a_sample_is_computed_by_hand);
  tcase_add_test (tests, as_many_intervals_as_promised_have_the_true_mean);
  tcase_add_test (tests, as_many_values_as_are_needed_tell_in_four_of_five_cases);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
