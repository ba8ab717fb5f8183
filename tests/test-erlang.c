/* test-erlang.c: how large a reserve must be, to the digit, and the same simulated (claim A31).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: the recursion against the sum that defines B (c, a), the published table, and a simulation of
 * M/G/c/c that shares nothing with either, with three laws of holding times. Seeds are fixed: the simulated
 * numbers are always the same, and four standard errors is what they must keep to.
 */

#include "simcore/base/erlang.h"
#include "simcore/base/loss-system.h"
#include "tests/testutils.h"

#include <math.h>

/* (a^c / c!) / sum of a^k / k!, with terms relative to the last one, which cannot overflow. */
static double
by_definition (double load, guint c)
{
  double sum = 1.0, term = 1.0;

  for (guint k = c; k > 0; k--) {
    term *= k / load;
    sum += term;
  }
  return 1.0 / sum;
}

START_TEST (the_recursion_is_the_sum)
{
  for (guint c = 0; c <= 120; c += 5)
    for (double load = c <= 60 ? 0.1 : 1.0; load < 100.0; load *= 2.5) /* 60! 10^60 is a double */
      ck_assert_double_eq_tol (kml_erlang_b (load, c) / by_definition (load, c), 1.0, 1e-12);
  ck_assert_double_eq_tol (kml_erlang_b (10.0, 20), 0.00187, 0.000005);
  ck_assert_double_eq (kml_erlang_b (7.0, 0), 1.0);
  ck_assert_double_eq (kml_erlang_b (0.0, 1), 0.0);
}
END_TEST

START_TEST (the_least_sizes_are_those_of_the_table)
{
  static const struct {
    double load;
    guint64 per_mille, per_million;
  } table[] = {
    { 0.1, 3, 5 }, { 1, 6, 10 },   { 2, 8, 13 },   { 4, 12, 17 },
    { 8, 18, 25 }, { 16, 30, 39 }, { 32, 50, 62 }, { 64, 88, 105 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    ck_assert_uint_eq (kml_erlang_size (table[i].load, 1e-3, 1000), table[i].per_mille);
    ck_assert_uint_eq (kml_erlang_size (table[i].load, 1e-6, 1000), table[i].per_million);
    ck_assert_double_gt (kml_erlang_b (table[i].load, table[i].per_mille - 1), 1e-3);
  }
  ck_assert_uint_eq (kml_erlang_size (64, 1e-3, 50), 50); /* no more than that */
}
END_TEST

/* One reserve of 64 Erlang needs 88 objects; sixteen of 4 Erlang need 192. */
START_TEST (a_stash_for_each_cpu_needs_more_than_twice_as_much_as_one_for_all)
{
  ck_assert_uint_eq (kml_erlang_size (64, 1e-3, 1000), 88);
  ck_assert_uint_eq (16 * kml_erlang_size (4, 1e-3, 1000), 192);
}
END_TEST

static KmlLoss
simulate (const char *arrivals, KmlHolding law, guint64 n_pools, guint64 size)
{
  KmlLossConfig config = { .law = law,
                           .holding = 10 * KML_US,
                           .n_pools = n_pools,
                           .size = size,
                           .n_requests = 320000,
                           .seed = 7 };
  KmlLoss loss;

  ck_assert (kml_arrivals_parse (arrivals, &config.arrivals, NULL));
  kml_loss_simulate (&config, &loss);
  ck_assert_uint_eq (loss.n_requests, 320000);
  return loss;
}

static void
expect_share (KmlLoss loss, double share)
{
  ck_assert_double_gt (loss.error,
                       sqrt (share / (double)loss.n_requests) / 2); /* no less than chance allows */
  ck_assert_double_lt (loss.error, share / 4);
  ck_assert_double_eq_tol (loss.share, share, 4 * loss.error);
}

START_TEST (the_simulation_loses_what_erlang_says_whatever_the_law_of_holding_times)
{
  for (KmlHolding law = 0; law < KML_N_HOLDINGS; law++) {
    /* 10 Erlang, 20 objects: 0.00187; 10 objects: 0.2146 */
    expect_share (simulate ("poisson(1000000/s)", law, 1, 20), kml_erlang_b (10, 20));
    expect_share (simulate ("poisson(1000000/s)", law, 1, 10), kml_erlang_b (10, 10));
    /* four pools of 2.5 Erlang each */
    expect_share (simulate ("poisson(1000000/s)", law, 4, 5), kml_erlang_b (2.5, 5));
  }
}
END_TEST

/* What it says of one run is what runs of other seeds differ by: with 40 of them that is known to a ninth. */
START_TEST (the_standard_error_is_how_much_seeds_differ)
{
  double sum = 0.0, squares = 0.0, errors = 0.0;
  KmlLossConfig config = {
    .law = KML_HOLDING_FIXED, .holding = 10 * KML_US, .n_pools = 1, .size = 10, .n_requests = 32000
  };

  ck_assert (kml_arrivals_parse ("poisson(1000000/s)", &config.arrivals, NULL));
  for (config.seed = 1; config.seed <= 40; config.seed++) {
    KmlLoss loss;

    kml_loss_simulate (&config, &loss);
    sum += loss.share;
    squares += loss.share * loss.share;
    errors += loss.error / 40;
  }
  ck_assert_double_eq_tol (errors / sqrt ((squares - sum * sum / 40) / 39), 1.0, 0.35);
}
END_TEST

/* The same rate in bursts of 40 every 40 us: the pool is empty again before each, so 20 of 40 are lost. In the Poisson
 * process 2 of 1000 were. Without bursts, at equal distances, 10 objects are enough for ever. */
START_TEST (bursts_break_it_and_regularity_spares_it)
{
  ck_assert_double_eq (simulate ("bursts(40, 40us)", KML_HOLDING_FIXED, 1, 20).share, 0.5);
  ck_assert_double_eq (simulate ("bursts(40, 40us)", KML_HOLDING_FIXED, 1, 40).share, 0.0);
  ck_assert_double_eq (simulate ("periodic(1us)", KML_HOLDING_FIXED, 1, 10).share, 0.0);
  ck_assert_double_gt (simulate ("periodic(1us)", KML_HOLDING_FIXED, 1, 9).share, 0.05);
}
END_TEST

START_TEST (a_reserve_of_nothing_loses_everything)
{
  ck_assert_double_eq (simulate ("poisson(1000/s)", KML_HOLDING_FIXED, 1, 0).share, 1.0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("erlang");
  TCase *formula = tcase_create ("formula");
  TCase *simulation = tcase_create ("simulation");

  tcase_add_test (formula, the_recursion_is_the_sum);
  tcase_add_test (formula, the_least_sizes_are_those_of_the_table);
  tcase_add_test (formula, a_stash_for_each_cpu_needs_more_than_twice_as_much_as_one_for_all);
  tcase_add_test (simulation,
                  the_simulation_loses_what_erlang_says_whatever_the_law_of_holding_times);
  tcase_add_test (simulation, the_standard_error_is_how_much_seeds_differ);
  tcase_add_test (simulation, bursts_break_it_and_regularity_spares_it);
  tcase_add_test (simulation, a_reserve_of_nothing_loses_everything);
  suite_add_tcase (suite, formula);
  suite_add_tcase (suite, simulation);
  return run_suite (suite);
}
