/* test-population.c: the mean and the variance over time of how many there are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/recording/population.h"
#include "tests/testutils.h"

START_TEST (mean_and_dispersion_are_weighted_by_time)
{
  KmlPopulation population = { 0 };

  /* it begins here: what was before does not count */
  kml_population_pass_time (&population, 77, 10);
  kml_population_pass_time (&population, 0, 12);
  kml_population_pass_time (&population, 1, 14);
  kml_population_pass_time (&population, 3, 18);
  /* n: (2 * 0 + 2 * 1 + 4 * 3) / 8; n^2: (2 * 1 + 4 * 9) / 8 = 4.75; 4.75 - 1.75^2 = 1.6875 */
  ck_assert_double_eq (kml_population_mean (&population), 1.75);
  ck_assert_double_eq (kml_population_dispersion (&population), 1.6875 / 1.75);
}
END_TEST

START_TEST (nothing_has_no_mean_and_long_times_do_not_overflow)
{
  KmlPopulation population = { 0 };

  ck_assert_double_eq (kml_population_mean (&population), 0);
  ck_assert_double_eq (kml_population_dispersion (&population), 0);
  kml_population_pass_time (&population, 0, 1);
  kml_population_pass_time (&population, (1 << 28) - 1, G_MAXUINT64);
  ck_assert_double_eq (kml_population_mean (&population), (1 << 28) - 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("population");
  TCase *cases = tcase_create ("population");

  tcase_add_test (cases, mean_and_dispersion_are_weighted_by_time);
  tcase_add_test (cases, nothing_has_no_mean_and_long_times_do_not_overflow);
  suite_add_tcase (suite, cases);
  return run_suite (suite);
}
