/* test-expect.c: what a scenario expects of its metrics.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenario-fixture.h"
#include "scenarios/running/verdict.h"

#include <math.h>

/* [expect] is line 4. */
#define EXPECT TOY "[expect]\n"

static const BadText bad_texts[] = {
  /* metrics */
  { EXPECT "alloc.cuont = 1\n", NULL, 5, 1,
    "unknown metric “alloc.cuont”; did you mean “alloc.count”?" },
  { EXPECT "zzzzzzzzzzzzzzzzzzzzzzzzz = 1\n", NULL, 5, 1, "`kmemlab list metrics` lists them" },
  { EXPECT "frag.unusable.orderN.end = 1\n", NULL, 5, 1,
    "did you mean “frag.unusable.order9.end”?" },
  { EXPECT "frag.unusable.order.end = 1\n", NULL, 5, 1, "unknown metric" },
  { EXPECT "latency.alloc.p98_ns = 1\n", NULL, 5, 1, "did you mean “latency.alloc.p9" },
  { EXPECT "latency.alloc.hardirg.p99_ns = 1\n", NULL, 5, 1,
    "did you mean “latency.alloc.hardirq.p99_ns”?" },
  { EXPECT "latency.alloc.hardirq.p99 = 1\n", NULL, 5, 1, "unknown metric" },
  { EXPECT "buddy.split = 1\n", NULL, 5, 1, "did you mean “buddy.splits”?" },
  { EXPECT "first-fit.search_lenght = 1\n", NULL, 5, 1, "did you mean “first-fit.search_length”?" },
  { EXPECT "toy.lots = 1\n", NULL, 5, 1, "did you mean “toy.lost”?" },
  /* ranges */
  { EXPECT "alloc.count = many\n", NULL, 5, 15, "alloc.count: expected a number" },
  { EXPECT "alloc.count = alloc.cuont\n", NULL, 5, 15,
    "alloc.count: unknown metric “alloc.cuont”; did you mean “alloc.count”?" },
  { EXPECT "alloc.count = lock.pages.takne\n", NULL, 5, 15, "did you mean “lock.pages.taken”?" },
  { EXPECT "lock.pages.takne = 1\n", NULL, 5, 1, "did you mean “lock.pages.taken”?" },
  { EXPECT "alloc.count =\n", NULL, 5, 14, "expected a number" },
  { EXPECT "alloc.count = nan\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = >= inf\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = 0x10\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = >=\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = => 1\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = 1 2\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = 1 +- -1\n", NULL, 5, 15, "a tolerance is not negative" },
  { EXPECT "alloc.count = 1 +- \n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = 1 +- %\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = 4..3\n", NULL, 5, 15, "a range goes up; 3 is below 4" },
  { EXPECT "alloc.count = 4..\n", NULL, 5, 15, "expected a number" },
  { EXPECT "alloc.count = 1KiB\n", NULL, 5, 15, "expected a number" },
  { EXPECT "memory.held.peak_bytes = 1ms\n", NULL, 5, 26, "expected a size" },
  { EXPECT "latency.alloc.p99_ns = 1KiB\n", NULL, 5, 24, "expected a time" },
  /* when */
  { EXPECT "when = x\n", NULL, 5, 8, "when: expected group.key = value" },
  { EXPECT "when = cpus = 1\n", NULL, 5, 8, "is not the name of a setting" },
  { EXPECT "when = machine.cpsu = 1\n", NULL, 5, 8, "did you mean “cpus”?" },
  { EXPECT "when = machine.cpus = x\n", NULL, 5, 8, "when: machine.cpus: expected a count" },
  { EXPECT "when = machine.cpus = 2\n", NULL, 5, 8, "no run has machine.cpus = “2”" },
  { EXPECT "when = machine.cpus = 1 and machine.ram = 5MiB\n", NULL, 5, 29,
    "no run has machine.ram = “5MiB”" },
  { EXPECT "when = machine.cpus = 1 and \n", NULL, 5, 8, "when: machine.cpus: expected a count" },
  { EXPECT "when = machine.cpus = 1, machine.ram = 256MiB\n", NULL, 5, 8, "expected a count" },
  { TOY "[expect a b]\n", NULL, 4, 1, "“a b” is not a name" },
};

START_TEST (each_slip_is_told_with_its_place)
{
  assert_bad (&bad_texts[_i]);
}
END_TEST

static const KmlExpectation *
get_expectation (const KmlScenario *scenario, guint i)
{
  return g_ptr_array_index (kml_scenario_expectations (scenario), i);
}

/* ---- Ranges ---- */

static const struct {
  const char *metric, *text;
  double holds[3], fails[3];
} ranges[] = {
  { "alloc.count", "42", { 42, 42, 42 }, { 41.999, 42.001, -42 } },
  { "alloc.count", ">= 1", { 1, 2, 1e300 }, { 0.999, 0, -1e300 } },
  { "alloc.count", "<= 2", { 2, 0, -1e300 }, { 2.001, 3, 1e300 } },
  { "alloc.count", ">0", { 0.001, 1, 1e300 }, { 0, -1, -1e300 } },
  { "alloc.count", "<  3", { 2.999, 0, -1e300 }, { 3, 4, 1e300 } },
  { "frag.internal.mean", "0.25 +- 0.125", { 0.125, 0.25, 0.375 }, { 0.1249, 0.3751, 0 } },
  { "frag.internal.mean", "0.5 +- 50%", { 0.25, 0.5, 0.75 }, { 0.2499, 0.7501, 0 } },
  { "frag.internal.mean", "-0.5 +- 50 %", { -0.25, -0.5, -0.75 }, { -0.2499, -0.7501, 0.5 } },
  { "frag.internal.mean", "0.5 ± 0.25", { 0.25, 0.5, 0.75 }, { 0.2499, 0.7501, 0 } },
  { "buddy.splits", "3..4", { 3, 3.5, 4 }, { 2.999, 4.001, 0 } },
  { "first-fit.fifty_percent_gap", "0 +- 0.5", { -0.5, 0, 0.5 }, { -0.6, 0.6, 1 } },
  { "toy.lost", "-1 .. 1.5e1", { -1, 0, 15 }, { -1.1, 15.1, 100 } },
  { "memory.held.peak_bytes", "1KiB..1MiB", { 1024, 2000, 1048576 }, { 1023, 1048577, 0 } },
  { "latency.alloc.p99_ns", "<= 2us", { 2000, 0, 1 }, { 2001, 1e9, 1e10 } },
  { "latency.free.softirq.max_ns", "1us +- 100ns", { 900, 1000, 1100 }, { 899, 1101, 0 } },
  { "frag.unusable.order10.end", "1", { 1, 1, 1 }, { 0, 0.5, 2 } },
};

START_TEST (a_range_holds_what_it_says)
{
  g_autofree char *text = g_strconcat (EXPECT, ranges[_i].metric, " = ", ranges[_i].text, NULL);
  g_autoptr (KmlScenario) scenario = load_scenario (text, NULL, NULL);
  const KmlExpectation *expectation = get_expectation (scenario, 0);

  ck_assert_str_eq (expectation->metric, ranges[_i].metric);
  ck_assert_str_eq (expectation->text, ranges[_i].text);
  ck_assert_uint_eq (expectation->line, 5);
  for (guint i = 0; i < 3; i++) {
    ck_assert (kml_expectation_holds (expectation, ranges[_i].holds[i]));
    ck_assert (!kml_expectation_holds (expectation, ranges[_i].fails[i]));
  }
  ck_assert (!kml_expectation_holds (expectation, NAN));
}
END_TEST

static double
look_up (const char *metric, gpointer user_data)
{
  const double *values = user_data;

  if (g_str_equal (metric, "buddy.splits"))
    return values[0];
  return g_str_equal (metric, "buddy.merges") ? values[1] : NAN;
}

START_TEST (a_metric_can_be_what_another_is)
{
  static const double same[] = { 7, 7 }, different[] = { 7, 6 }, missing[] = { 7, NAN };
  g_autoptr (KmlScenario)
      scenario = load_scenario (EXPECT "buddy.splits = buddy.merges\n", NULL, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  const double *const cases[] = { same, different, missing };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GArray) verdicts = kml_verdicts_new (scenario, spec, look_up, (gpointer)cases[i]);

    ck_assert_uint_eq (verdicts->len, 1);
    ck_assert_uint_eq (kml_verdicts_n_unmet (verdicts), i == 0 ? 0 : 1);
  }
}
END_TEST

/* ---- Which runs ---- */

/* For each run, one letter for each expectation: x where it applies. */
static char *
describe (const KmlScenario *scenario)
{
  GString *text = g_string_new (NULL);

  for (guint64 run = 0; run < kml_scenario_n_runs (scenario); run++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, run);

    for (guint i = 0; i < kml_scenario_expectations (scenario)->len; i++)
      g_string_append_c (text,
                         kml_expectation_applies (get_expectation (scenario, i), spec) ? 'x' : '.');
    g_string_append_c (text, ' ');
  }
  return g_string_free (text, FALSE);
}

static const char text_of_sweep[] = TOY
    "[sweep]\nmachine.ram = 512MiB | 1GiB | 2GiB\n"
    "[expect]\nalloc.failed = 0\n"
    "[expect one]\nalloc.count = 1\nwhen = machine.ram = 1024MiB\n"
    "[expect two]\nwhen = machine.ram=2GiB\nalloc.count = 2\n";

START_TEST (when_is_about_the_runs_that_have_the_value_however_it_is_written)
{
  g_autoptr (KmlScenario) scenario = load_scenario (text_of_sweep, NULL, NULL);
  g_autofree char *runs = describe (scenario);

  ck_assert_str_eq (runs, "x.. xx. x.x ");
}
END_TEST

START_TEST (of_several_conditions_a_run_must_fulfil_all)
{
  g_autoptr (KmlScenario) scenario = load_scenario (
      TOY "[sweep]\nmachine.cpus = 1 | 2\nmachine.ram = 512MiB | 1GiB\n"
          "[expect]\nwhen = machine.cpus = 2 and machine.ram = 1024MiB\nalloc.failed = 0\n"
          "[expect both]\nwhen = machine.cpus = 2\nalloc.failed = 0\n",
      NULL, NULL);
  g_autofree char *runs = describe (scenario);

  ck_assert_str_eq (runs, ".. .. .x xx ");
}
END_TEST

START_TEST (a_condition_that_an_override_takes_away_applies_to_no_run)
{
  const char *overrides[] = { "machine.ram=1GiB|4GiB", NULL };
  g_autoptr (KmlScenario) scenario = load_scenario (text_of_sweep, overrides, NULL);
  g_autofree char *runs = describe (scenario);

  ck_assert_str_eq (runs, "xx. x.. ");
}
END_TEST

START_TEST (when_can_be_about_a_default)
{
  g_autoptr (KmlScenario) scenario = load_scenario (
      EXPECT "when = machine.ram = 262144KiB\nalloc.failed = 0\n", NULL, NULL);
  g_autofree char *runs = describe (scenario);

  ck_assert_str_eq (runs, "x ");
}
END_TEST

START_TEST (a_condition_on_a_setting_that_a_run_lacks_does_not_apply)
{
  g_autoptr (KmlScenario) scenario = load_scenario (
      TOY "[sweep]\npages.allocator = buddy | bump\npages.max-order = 4 | 5\n"
          "[expect]\nwhen = pages.max-order = 4\nbuddy.splits = 3\n",
      NULL, NULL);
  g_autofree char *runs = describe (scenario);

  ck_assert_str_eq (runs, "x . . ");
}
END_TEST

START_TEST (an_expectation_of_an_allocator_outlives_its_replacement)
{
  const char *overrides[] = { "pages.allocator=bump", NULL };
  g_autoptr (KmlScenario) scenario = load_scenario (EXPECT "buddy.splits = 3\n", overrides, NULL);

  ck_assert_uint_eq (kml_scenario_expectations (scenario)->len, 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("expect");
  TCase *tests = tcase_create ("expect");

  tcase_add_loop_test (tests, each_slip_is_told_with_its_place, 0, G_N_ELEMENTS (bad_texts));
  tcase_add_loop_test (tests, a_range_holds_what_it_says, 0, G_N_ELEMENTS (ranges));
  tcase_add_test (tests, when_is_about_the_runs_that_have_the_value_however_it_is_written);
  tcase_add_test (tests, a_condition_that_an_override_takes_away_applies_to_no_run);
  tcase_add_test (tests, of_several_conditions_a_run_must_fulfil_all);
  tcase_add_test (tests, when_can_be_about_a_default);
  tcase_add_test (tests, a_condition_on_a_setting_that_a_run_lacks_does_not_apply);
  tcase_add_test (tests, a_metric_can_be_what_another_is);
  tcase_add_test (tests, an_expectation_of_an_allocator_outlives_its_replacement);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
