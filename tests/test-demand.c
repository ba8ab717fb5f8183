/* test-demand.c: what a scenario's workloads ask objects for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A workload of the tests' own, "steps", asks for sizes that are known: block i, of (i % 8 + 1) 16 bytes,
 * at i us, and gives it back (i % 8 + 1) us later. So sizes, parts and lifetimes can be
 * computed beside it. Real workloads are held against what they say themselves.
 */

#include "scenarios/running/demand.h"
#include "scenarios/loading/write.h"
#include "tests/testutils.h"

#include <string.h>

typedef struct {
  KmlWorkload base;
  guint64 requests;
  gboolean timed;
  guint64 tick; /* us */
} Steps;

static const KmlParam steps_params[] = {
  { .name = "requests",
    .type = KML_PARAM_COUNT,
    .value = "1000",
    .offset = G_STRUCT_OFFSET (Steps, requests),
    .summary = "how many" },
  { .name = "timed",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (Steps, timed),
    .summary = "whether operations have times" },
  { NULL },
};

static gboolean
steps_open (KmlWorkload *self, GError **error)
{
  return TRUE;
}

/* Whole ticks: what is given back at a time, and then what is asked for. */
static int
steps_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  Steps *self = (Steps *)base;
  guint n_ops = 0;

  for (; n_ops + 9 <= n && self->tick < self->requests + 9; self->tick++) {
    for (guint64 age = 1; age <= 8; age++) {
      const guint64 i = self->tick - age;

      if (self->tick >= age && i < self->requests && i % 8 + 1 == age)
        ops[n_ops++] = (KmlOp){ .time = self->timed ? self->tick * KML_US : 0,
                                .block = (guint32)(i % 16),
                                .kind = KML_OP_FREE,
                                .level = KML_LEVEL_OBJECTS };
    }
    if (self->tick < self->requests)
      ops[n_ops++] = (KmlOp){ .time = self->timed ? self->tick * KML_US : 0,
                              .request = { .size = (self->tick % 8 + 1) * 16,
                                           .cpu = (guint16)(self->tick % 3) },
                              .block = (guint32)(self->tick % 16),
                              .kind = KML_OP_ALLOC,
                              .level = KML_LEVEL_OBJECTS };
  }
  return (int)n_ops;
}

static const KmlWorkloadOps steps_ops = {
  .name = "steps",
  .summary = "asks for known sizes",
  .instance_size = sizeof (Steps),
  .params = steps_params,
  .open = steps_open,
  .next = steps_next,
};

KML_REGISTER_WORKLOAD (steps_ops)

static KmlScenario *
load (const char *text)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  KmlScenario *scenario = kml_scenario_load_text ("t.ini", ".", NULL, text, strlen (text), NULL,
                                                  problems);
  g_autofree char *told = kml_problems_format (problems);

  ck_assert_msg (scenario != NULL, "%s", told);
  return scenario;
}

static KmlDemand *
demand_in_parts (KmlDemandWeight weight, guint n_parts, const char *text)
{
  g_autoptr (KmlScenario) scenario = load (text);
  g_autoptr (GError) error = NULL;
  KmlDemand *demand = kml_demand_new (scenario, 0, weight, n_parts, NULL, NULL, &error);

  assert_no_error (error);
  return demand;
}

static KmlDemand *
demand_of (KmlDemandWeight weight, const char *text)
{
  return demand_in_parts (weight, 1, text);
}

static guint64
sum_of (const GArray *counts)
{
  guint64 sum = 0;

  for (guint i = 0; i < counts->len; i++)
    sum += g_array_index (counts, KmlSizeCount, i).count;
  return sum;
}

START_TEST (sizes_are_counted)
{
  g_autoptr (KmlDemand)
      demand = demand_of (KML_DEMAND_REQUESTS, "[workload]\nkind = steps\nrequests = 8000\n");
  const KmlDemandTotals *totals = kml_demand_totals (demand);
  g_autoptr (GArray) counts = kml_demand_sizes (demand, 1, 1);

  ck_assert_uint_eq (counts->len, 8);
  for (guint i = 0; i < 8; i++) {
    ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, i).size, (i + 1) * 16);
    ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, i).count, 1000);
  }
  ck_assert_uint_eq (totals->requests, 8000);
  ck_assert_uint_eq (totals->operations, 16000);
  ck_assert_uint_eq (totals->bytes, 1000 * 16 * 36);
  ck_assert_uint_eq (totals->largest, 128);
  ck_assert_uint_eq (totals->n_cpus, 3);
  ck_assert (totals->has_times);
}
END_TEST

START_TEST (lifetimes_weigh_a_size)
{
  g_autoptr (KmlDemand)
      demand = demand_of (KML_DEMAND_TIME, "[workload]\nkind = steps\nrequests = 8000\n");
  g_autoptr (GArray) counts = kml_demand_sizes (demand, 1, 1);

  for (guint i = 0; i < 8; i++)
    ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, i).count, 1000 * (i + 1) * KML_US);
}
END_TEST

/* Pieces differ by the requests that cannot be shared out; together they are all. */
START_TEST (pieces_of_time_are_equal_and_make_the_whole)
{
  for (guint n_parts = 1; n_parts <= KML_DEMAND_MAX_PARTS; n_parts++) {
    g_autoptr (KmlDemand) demand = demand_in_parts (
        KML_DEMAND_REQUESTS, n_parts, "[workload]\nkind = steps\nrequests = 100003\n");

    for (guint n_folds = 1; n_folds <= n_parts; n_folds++) {
      guint64 sum = 0;

      if (n_parts % n_folds != 0)
        continue;
      for (guint fold = 0; fold < n_folds; fold++) {
        const guint32 all = (guint32)((G_GUINT64_CONSTANT (1) << n_folds) - 1);
        g_autoptr (GArray) piece = kml_demand_sizes (demand, n_folds, 1u << fold);
        g_autoptr (GArray) rest = kml_demand_sizes (demand, n_folds, all & ~(1u << fold));

        ck_assert_uint_eq (sum_of (piece) + sum_of (rest), 100003);
        ck_assert_double_eq_tol ((double)sum_of (piece), 100003.0 / n_folds, 1);
        sum += sum_of (piece);
      }
      ck_assert_uint_eq (sum, 100003);
    }
  }
}
END_TEST

/* The first six requests are for 16, 32, … 96 bytes. */
START_TEST (pieces_are_in_the_order_of_the_requests)
{
  g_autoptr (KmlDemand)
      demand = demand_in_parts (KML_DEMAND_REQUESTS, 3, "[workload]\nkind = steps\nrequests = 6\n");

  for (guint part = 0; part < 3; part++) {
    g_autoptr (GArray) counts = kml_demand_sizes (demand, 3, 1u << part);

    ck_assert_uint_eq (counts->len, 2);
    ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, 0).size, 32 * part + 16);
    ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, 1).size, 32 * part + 32);
  }
}
END_TEST

START_TEST (workloads_without_times_have_no_lifetimes)
{
  g_autoptr (KmlDemand)
      demand = demand_of (KML_DEMAND_TIME, "[workload]\nkind = steps\ntimed = no\n");
  g_autoptr (GArray) counts = kml_demand_sizes (demand, 1, 1);

  ck_assert (!kml_demand_totals (demand)->has_times);
  ck_assert_uint_eq (counts->len, 0);
}
END_TEST

START_TEST (until_ends_the_pass_as_it_ends_a_run)
{
  g_autoptr (KmlDemand) demand = demand_of (KML_DEMAND_REQUESTS, "[scenario]\nuntil = 99us\n"
                                                                 "[workload]\nkind = steps\n");

  ck_assert_uint_eq (kml_demand_totals (demand)->requests, 100); /* at 0 … 99 us */
}
END_TEST

START_TEST (several_workloads_are_added_up)
{
  g_autoptr (KmlDemand)
      demand = demand_of (KML_DEMAND_REQUESTS, "[workload a]\nkind = steps\nrequests = 800\n"
                                               "[workload b]\nkind = steps\nrequests = 80\n");
  g_autoptr (GArray) counts = kml_demand_sizes (demand, 1, 1);

  ck_assert_uint_eq (counts->len, 8);
  ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, 3).count, 110);
}
END_TEST

START_TEST (a_real_workload_asks_for_what_it_says)
{
  g_autoptr (KmlDemand) demand = demand_of (
      KML_DEMAND_REQUESTS,
      "[scenario]\nseed = 3\n[machine]\ncpus = 2\n[workload]\nkind = synthetic\n"
      "operations = 5000\narrivals = closed\nlive = 50\nsizes = uniform(1,20000)\n");
  g_autoptr (GArray) counts = kml_demand_sizes (demand, 1, 1);

  ck_assert_uint_eq (sum_of (counts), 5000);
  for (guint i = 1; i < counts->len; i++)
    ck_assert_uint_gt (g_array_index (counts, KmlSizeCount, i).size,
                       g_array_index (counts, KmlSizeCount, i - 1).size);
}
END_TEST

/* ---- Scenarios written from a run ---- */

START_TEST (a_written_run_is_the_same_run)
{
  static const char text[] =
      "# a comment\n[scenario]\ntitle = Two\\\\three\nquestion = \\sWhy?\nseed = "
      "7\n[machine]\ncpus = 2\n"
      "[objects]\nallocator = segregated\nkeep = 3\n[workload b]\nkind = steps\nrequests = 10\n"
      "[workload a]\nkind = steps\ntimed = no\n[sweep]\nobjects.bins = pow2 | linux\nrepeat = 2\n";
  g_autoptr (KmlScenario) scenario = load (text);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 2); /* linux, first repetition */
  g_autofree char *written = kml_scenario_write (scenario, spec, NULL, 0, "Made\nby a test", ".");
  g_autoptr (KmlScenario) again = load (written);
  g_autoptr (KmlRunSpec) same = kml_scenario_run_spec (again, 0);

  ck_assert (g_str_has_prefix (written, "# Made\n# by a test\n"));
  ck_assert_uint_eq (kml_scenario_n_runs (again), 1);
  ck_assert_str_eq (same->key, spec->key);
  ck_assert_str_eq (kml_scenario_title (again), "Two\\three");
  ck_assert_str_eq (kml_scenario_question (again), " Why?");
  ck_assert_ptr_null (strstr (written, "cpus = 1"));
}
END_TEST

START_TEST (a_changed_setting_is_written_instead)
{
  g_autoptr (KmlScenario) scenario = load (
      "[workload]\nkind = steps\n[objects]\nallocator = segregated\nbins = pow2\n");
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  const KmlSetting change = { (char *)"objects.bins", (char *)"8,24" };
  g_autofree char *written = kml_scenario_write (scenario, spec, &change, 1, NULL, ".");

  ck_assert_ptr_nonnull (strstr (written, "bins = 8,24\n"));
  ck_assert_ptr_null (strstr (written, "pow2"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("demand");
  TCase *demand = tcase_create ("demand");
  TCase *write = tcase_create ("write");

  tcase_add_test (demand, sizes_are_counted);
  tcase_add_test (demand, lifetimes_weigh_a_size);
  tcase_add_test (demand, pieces_of_time_are_equal_and_make_the_whole);
  tcase_add_test (demand, pieces_are_in_the_order_of_the_requests);
  tcase_add_test (demand, workloads_without_times_have_no_lifetimes);
  tcase_add_test (demand, until_ends_the_pass_as_it_ends_a_run);
  tcase_add_test (demand, several_workloads_are_added_up);
  tcase_add_test (demand, a_real_workload_asks_for_what_it_says);
  suite_add_tcase (suite, demand);
  tcase_add_test (write, a_written_run_is_the_same_run);
  tcase_add_test (write, a_changed_setting_is_written_instead);
  suite_add_tcase (suite, write);
  return run_suite (suite);
}
