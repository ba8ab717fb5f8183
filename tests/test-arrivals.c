/* test-arrivals.c: what generators of requests are made of besides laws: when, on which CPU, until when; and the sizes that come of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/arrivals.h"
#include "tests/testutils.h"
#include "workloads/cpu-list.h"
#include "workloads/deaths.h"
#include "workloads/size-table.h"

/* ---- Arrivals ---- */

static KmlArrivals
arrivals (const char *text)
{
  g_autoptr (GError) error = NULL;
  KmlArrivals parsed;

  if (!kml_arrivals_parse (text, &parsed, &error))
    ck_abort_msg ("%s: %s", text, error->message);
  return parsed;
}

START_TEST (periodic_requests_come_at_multiples)
{
  const KmlArrivals self = arrivals ("periodic(10us)");
  KmlArrivalsClock clock = { 0 };

  for (guint64 i = 1; i <= 100; i++)
    ck_assert_uint_eq (kml_arrivals_next (&self, &clock), i * 10 * KML_US);
}
END_TEST

START_TEST (bursts_come_together)
{
  const KmlArrivals self = arrivals ("bursts(3, 1ms)");
  KmlArrivalsClock clock = { 0 };

  for (guint64 i = 0; i < 12; i++)
    ck_assert_uint_eq (kml_arrivals_next (&self, &clock), (i / 3 + 1) * KML_MS);
}
END_TEST

START_TEST (poisson_requests_have_the_rate_at_any_scale)
{
  static const struct {
    const char *text;
    double gap;
  } cases[] = { { "poisson(1/s)", 1e12 },
                { "poisson(100000/s)", 1e7 },
                { "poisson(300/ns)", 1000 / 300.0 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const KmlArrivals self = arrivals (cases[i].text);
    KmlArrivalsClock clock = { 0 };
    KmlTime now = 0, before = 0;
    double squares = 0;
    guint n_unordered = 0;

    kml_rng_init (&clock.rng, 1, "poisson");
    for (guint n = 0; n < 1000000; n++, before = now) {
      now = kml_arrivals_next (&self, &clock);
      n_unordered += now < before;
      squares += (double)(now - before) * (double)(now - before);
    }
    ck_assert_uint_eq (n_unordered, 0);
    ck_assert_double_eq_tol ((double)now / 1e6 / cases[i].gap, 1, 0.004);
    if (cases[i].gap > 1000)
      ck_assert_double_eq_tol (squares / 1e6 / cases[i].gap / cases[i].gap, 2, 0.02);
  }
}
END_TEST

START_TEST (time_ends_without_overflow)
{
  const KmlArrivals self = arrivals ("periodic(18446744s)");
  KmlArrivalsClock clock = { 0 };

  ck_assert_uint_eq (kml_arrivals_next (&self, &clock), 18446744 * KML_S);
  ck_assert_uint_eq (kml_arrivals_next (&self, &clock), KML_TIME_MAX);
  ck_assert_uint_eq (kml_arrivals_next (&self, &clock), KML_TIME_MAX);
}
END_TEST

START_TEST (what_are_not_arrivals_is_refused)
{
  static const struct {
    const char *text, *fragment;
  } cases[] = {
    { "", "expected poisson(RATE) | periodic(TIME) | bursts(N, TIME) | closed, not “”" },
    { "open", "not “open”" },
    { "close", "did you mean “closed”?" },
    { "closed()", "did you mean “closed”?" },
    { "poisson(5)", "expected a rate such as" },
    { "poisson(0/s)", "expected a rate from 1/s to 1/ps" },
    { "poisson(2/ps)", "expected a rate from 1/s to 1/ps" },
    { "poisson(1e30/s)", "fewer than 2^64" },
    { "periodic(0)", "expected a time above 0, not “0”" },
    { "periodic(1)", "expected a time with its unit" },
    { "periodic(300 days)", "expected a time" },
    { "periodic(99999999s)", "less than 213 days" },
    { "bursts(0, 1ms)", "expected a burst of 1 to 4294967295 requests" },
    { "bursts(5e9, 1ms)", "expected a burst of 1 to 4294967295 requests" },
    { "bursts(5, 0)", "expected a time above 0" },
    { "bursts(5)", "bursts(N, TIME)" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_msg (!kml_arrivals_validate (cases[i].text, &error), "“%s” was taken", cases[i].text);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
}
END_TEST

/* ---- CPUs ---- */

START_TEST (cpus_are_lists_of_ranges)
{
  static const guint16 expected[] = { 0, 2, 3, 7 };
  g_autofree guint16 *cpus = NULL;
  g_autofree guint16 *all = NULL;
  guint n;

  ck_assert (kml_cpu_list_parse ("0, 2-3,7", 4, &cpus, &n, NULL));
  ck_assert_uint_eq (n, 4);
  ck_assert_mem_eq (cpus, expected, sizeof expected);
  ck_assert (kml_cpu_list_parse ("all", 4, &all, &n, NULL));
  ck_assert_uint_eq (n, 4);
  ck_assert_uint_eq (all[3], 3);
}
END_TEST

START_TEST (what_is_not_a_list_of_cpus_is_refused)
{
  static const struct {
    const char *text, *fragment;
  } cases[] = {
    { "", "expected all, or CPUs such as 0,2-3, not “”" },
    { "3-0", "not “3-0”" },
    { "0-", "not “0-”" },
    { "-1", "not “-1”" },
    { "0,,1", "not “”" },
    { "0-1-2", "not “0-1-2”" },
    { "65536", "not “65536”" },
    { "0-99999999999999999999", "expected all" },
    { "0-3,2", "expected each CPU once, not “2”" },
    { "x", "not “x”" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_msg (!kml_cpu_list_validate (cases[i].text, &error), "“%s” was taken", cases[i].text);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
}
END_TEST

/* ---- Deaths ---- */

/* Against a plain table: who dies at what time, who is alive. */
START_TEST (deaths_come_in_order_and_names_are_used_again)
{
  enum {
    N_STEPS = 200000,
    MAX_BLOCKS = 3000
  };
  g_autofree KmlTime *dies_at = g_new0 (KmlTime, MAX_BLOCKS); /* 0: the name is free */
  KmlDeaths self = { 0 };
  guint n_live = 0, peak = 0, n_wrong = 0; /* asserting is slow: a million times is too often */
  KmlTime now = 1;
  KmlRng rng;

  kml_rng_init (&rng, 1, "deaths");
  for (guint step = 0; step < N_STEPS; step++) {
    if (n_live < MAX_BLOCKS - 500 && kml_rng_below (&rng, 1 + n_live / 20) < 50) {
      const gboolean is_immortal = step % 1000 == 0;
      const KmlTime time = is_immortal ? KML_TIME_MAX : now + kml_rng_below (&rng, 2000);
      guint32 block;

      ck_assert (kml_deaths_add (&self, time, (guint16)step, &block, NULL));
      ck_assert_uint_lt (block, MAX_BLOCKS);
      ck_assert_uint_eq (dies_at[block], 0);
      dies_at[block] = time;
      n_live++;
      peak = MAX (peak, n_live);
    } else {
      const KmlTime next = kml_deaths_next_time (&self);
      const KmlDeath death = kml_deaths_take (&self);

      ck_assert_uint_eq (death.time, next);
      ck_assert_uint_ge (death.time, now);
      ck_assert_uint_eq (dies_at[death.block], death.time);
      if (step % 50 == 0) {
        for (guint32 i = 0; i < MAX_BLOCKS; i++)
          n_wrong += (dies_at[i] != 0 && dies_at[i] < death.time) ||
                     (dies_at[i] == death.time && i < death.block);
      }
      now = death.time;
      dies_at[death.block] = 0;
      n_live--;
    }
    n_wrong += self.n_names != peak;
  }
  ck_assert_uint_eq (n_wrong, 0);
  kml_deaths_clear (&self);
}
END_TEST

START_TEST (too_many_live_blocks_are_an_error)
{
  KmlDeaths self = { .n_names = KML_MAX_LIVE };
  g_autoptr (GError) error = NULL;
  guint32 block;

  ck_assert (!kml_deaths_add (&self, 5, 0, &block, &error));
  assert_error (error, KML_ERROR_INPUT, "expected at most 268435456 live objects");
}
END_TEST

/* ---- Counting sizes ---- */

START_TEST (sizes_are_counted_exactly_and_in_order)
{
  g_autoptr (KmlSizeTable) table = kml_size_table_new ();
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));

  for (guint64 i = 0; i < 100000; i++)
    kml_size_table_add (table, 1 + i * i % 5000, i % 7);
  kml_size_table_add (table, 77777, 5);
  kml_size_table_append_to (table, counts);
  for (guint i = 0; i < counts->len; i++) {
    const KmlSizeCount *found = &g_array_index (counts, KmlSizeCount, i);
    guint64 expected = found->size == 77777 ? 5 : 0;

    for (guint64 k = 0; k < 100000 && i % 100 == 0; k++)
      if (1 + k * k % 5000 == found->size)
        expected += k % 7;
    ck_assert (i == 0 || found->size > g_array_index (counts, KmlSizeCount, i - 1).size);
    if (i % 100 == 0)
      ck_assert_uint_eq (found->count, expected);
  }
  ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, counts->len - 1).size, 77777);
}
END_TEST

START_TEST (too_many_sizes_are_rounded_up)
{
  enum {
    N = 5 << 19
  };
  g_autoptr (KmlSizeTable) table = kml_size_table_new ();
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  guint64 sum = 0;
  guint n_wrong = 0;

  for (guint64 i = 1; i <= N; i++)
    kml_size_table_add (table, 8 * i, 1); /* multiples of 8, then of 16, are too many still */
  kml_size_table_append_to (table, counts);
  ck_assert_uint_eq (counts->len, N / 4);
  for (guint i = 0; i < counts->len; i++) {
    const KmlSizeCount *found = &g_array_index (counts, KmlSizeCount, i);

    n_wrong += found->size != 32 * ((guint64)i + 1);
    sum += found->count;
  }
  ck_assert_uint_eq (n_wrong, 0);
  ck_assert_uint_eq (sum, N);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("arrivals");
  TCase *when = tcase_create ("arrivals");
  TCase *parts = tcase_create ("parts");

  tcase_set_timeout (when, 60);
  tcase_add_test (when, periodic_requests_come_at_multiples);
  tcase_add_test (when, bursts_come_together);
  tcase_add_test (when, poisson_requests_have_the_rate_at_any_scale);
  tcase_add_test (when, time_ends_without_overflow);
  tcase_add_test (when, what_are_not_arrivals_is_refused);
  suite_add_tcase (suite, when);

  tcase_add_test (parts, cpus_are_lists_of_ranges);
  tcase_add_test (parts, what_is_not_a_list_of_cpus_is_refused);
  tcase_add_test (parts, deaths_come_in_order_and_names_are_used_again);
  tcase_add_test (parts, too_many_live_blocks_are_an_error);
  tcase_add_test (parts, sizes_are_counted_exactly_and_in_order);
  tcase_add_test (parts, too_many_sizes_are_rounded_up);
  suite_add_tcase (suite, parts);

  return run_suite (suite);
}
