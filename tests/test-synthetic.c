/* test-synthetic.c: requests drawn from laws.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/synthetic-fixture.h"

#include <math.h>

/* ---- Closed ---- */

START_TEST (the_defaults_are_a_closed_loop_on_all_cpus)
{
  g_autoptr (KmlWorkload) self = open_workload (NULL);
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);
  guint n_cpu[N_CPUS] = { 0 };
  guint n_odd = 0;

  ck_assert_uint_eq (count (ops, KML_OP_ALLOC), 100000);
  ck_assert_uint_eq (count (ops, KML_OP_FREE), 99000);
  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = op_at (ops, i);

    n_odd += op->time != 0 || op->level != KML_LEVEL_OBJECTS || op->request.cpu >= N_CPUS ||
             op->request.constraints != NULL || op->request.context != KML_CONTEXT_PROCESS ||
             op->request.mobility != KML_MOBILITY_UNMOVABLE || op->request.gfp != KML_GFP_KERNEL ||
             (op->kind == KML_OP_ALLOC && op->request.size != 64);
    n_cpu[op->request.cpu % N_CPUS]++;
  }
  ck_assert_uint_eq (n_odd, 0);
  for (guint cpu = 0; cpu < N_CPUS; cpu++)
    ck_assert_double_eq_tol ((double)n_cpu[cpu] / ops->len, 0.25, 0.01);
}
END_TEST

START_TEST (closed_arrivals_fill_then_free_one_and_ask_for_one)
{
  enum {
    LIVE = 50,
    N = 20000
  };
  g_autoptr (KmlWorkload) self = open_workload ("live", "50", "operations", "20k");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);
  guint n_freed[LIVE] = { 0 };
  guint n_odd = 0;

  ck_assert_uint_eq (ops->len, LIVE + 2 * (N - LIVE));
  for (guint i = 0; i < LIVE; i++)
    n_odd += op_at (ops, i)->kind != KML_OP_ALLOC || op_at (ops, i)->block != i;
  for (guint i = LIVE; i < ops->len; i += 2) {
    const KmlOp *gone = op_at (ops, i), *born = op_at (ops, i + 1);

    n_odd += gone->kind != KML_OP_FREE || born->kind != KML_OP_ALLOC || gone->block >= LIVE ||
             gone->block != born->block || gone->request.cpu != born->request.cpu;
    n_freed[gone->block % LIVE]++;
  }
  ck_assert_uint_eq (n_odd, 0);
  for (guint i = 0; i < LIVE; i++) /* 399 expected, sd 20 */
    ck_assert_uint_lt (ABS ((int)n_freed[i] - 399), 90);
}
END_TEST

START_TEST (fewer_operations_than_live_blocks_only_fill)
{
  g_autoptr (KmlWorkload) self = open_workload ("operations", "10");
  g_autoptr (GArray) ops = collect (self, 3, G_MAXUINT);

  ck_assert_uint_eq (ops->len, 10);
  ck_assert_uint_eq (count (ops, KML_OP_ALLOC), 10);
}
END_TEST

START_TEST (a_drained_loop_frees_each_block_once)
{
  for (guint n = 0; n < 2; n++) { /* more than are live, and fewer */
    g_autoptr (KmlWorkload)
        self = open_workload ("live", "10", "operations", n == 0 ? "500" : "6", "drain", "yes");
    g_autoptr (GArray) ops = collect (self, 7, G_MAXUINT);
    gboolean is_live[10] = { FALSE };

    ck_assert_uint_eq (count (ops, KML_OP_ALLOC), n == 0 ? 500 : 6);
    ck_assert_uint_eq (count (ops, KML_OP_FREE), n == 0 ? 500 : 6);
    for (guint i = 0; i < ops->len; i++) {
      const KmlOp *op = op_at (ops, i);

      ck_assert_int_eq (is_live[op->block], op->kind == KML_OP_FREE);
      is_live[op->block] = op->kind == KML_OP_ALLOC;
    }
  }
}
END_TEST

START_TEST (a_closed_loop_with_a_duration_leaves_the_end_to_the_driver)
{
  g_autoptr (KmlWorkload) self = open_workload ("duration", "10s");
  g_autoptr (KmlWorkload) both = open_workload ("duration", "10s", "operations", "5");
  g_autoptr (GArray) ops = collect (self, 256, 300000);
  g_autoptr (GArray) few = collect (both, 256, G_MAXUINT);

  ck_assert_uint_eq (self->until, 10 * KML_S);
  ck_assert_uint_ge (ops->len, 300000);
  ck_assert_uint_eq (both->until, 10 * KML_S);
  ck_assert_uint_eq (few->len, 5);
}
END_TEST

/* ---- Open ---- */

START_TEST (blocks_are_freed_after_their_lifetime_where_they_were_asked_for)
{
  g_autoptr (KmlWorkload) self = open_workload ("arrivals", "periodic(10us)", "lifetimes",
                                                "fixed(95us)", "operations", "5000");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);
  KmlOp born[16] = { { { 0 } } };
  guint n_odd = 0, n_asked = 0;
  KmlTime now = 0;

  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = op_at (ops, i);
    KmlOp *birth = &born[op->block % G_N_ELEMENTS (born)];

    ck_assert_uint_lt (op->block, 10);
    n_odd += op->time < now;
    now = op->time;
    if (op->kind == KML_OP_ALLOC) {
      n_odd += op->time != ++n_asked * 10 * KML_US;
      *birth = *op;
    } else {
      n_odd += op->time != birth->time + 95 * KML_US || op->request.cpu != birth->request.cpu;
    }
  }
  ck_assert_uint_eq (n_odd, 0);
  ck_assert_uint_eq (n_asked, 5000);
  /* the stream ends with the last request: nine or ten blocks are still live */
  ck_assert_uint_eq (count (ops, KML_OP_FREE), 5000 - 10);
  ck_assert_uint_eq (op_at (ops, ops->len - 1)->kind, KML_OP_ALLOC);
}
END_TEST

START_TEST (a_death_at_the_time_of_an_arrival_comes_first)
{
  g_autoptr (KmlWorkload) self = open_workload ("arrivals", "periodic(1us)", "lifetimes",
                                                "fixed(1us)", "operations", "100");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);

  ck_assert_uint_eq (ops->len, 199);
  for (guint i = 0; i < ops->len; i++) {
    ck_assert_uint_eq (op_at (ops, i)->kind, i % 2 == 0 ? KML_OP_ALLOC : KML_OP_FREE);
    ck_assert_uint_eq (op_at (ops, i)->block, 0);
  }
}
END_TEST

START_TEST (a_duration_ends_requests_and_deaths)
{
  g_autoptr (KmlWorkload) self = open_workload ("arrivals", "periodic(10us)", "duration", "1ms",
                                                "lifetimes", "fixed(25us)");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);

  ck_assert_uint_eq (count (ops, KML_OP_ALLOC), 100);
  ck_assert_uint_eq (count (ops, KML_OP_FREE), 97);
  ck_assert_uint_eq (op_at (ops, ops->len - 1)->time, KML_MS);
}
END_TEST

START_TEST (the_first_of_two_ends_counts)
{
  g_autoptr (KmlWorkload)
      few = open_workload ("arrivals", "periodic(10us)", "duration", "1ms", "operations", "7");
  g_autoptr (KmlWorkload)
      brief = open_workload ("arrivals", "periodic(10us)", "duration", "1ms", "operations", "1e6");
  g_autoptr (GArray) few_ops = collect (few, 256, G_MAXUINT);
  g_autoptr (GArray) brief_ops = collect (brief, 256, G_MAXUINT);

  ck_assert_uint_eq (count (few_ops, KML_OP_ALLOC), 7);
  ck_assert_uint_eq (count (brief_ops, KML_OP_ALLOC), 100);
}
END_TEST

START_TEST (a_drained_stream_goes_on_until_the_last_death)
{
  g_autoptr (KmlWorkload) self = open_workload ("arrivals", "periodic(10us)", "lifetimes",
                                                "fixed(95us)", "operations", "500", "drain", "yes");
  g_autoptr (KmlWorkload)
      brief = open_workload ("arrivals", "periodic(10us)", "lifetimes", "fixed(95us)", "operations",
                             "500", "drain", "yes", "duration", "5050us");
  g_autoptr (GArray) ops = collect (self, 7, G_MAXUINT);
  g_autoptr (GArray) brief_ops = collect (brief, 7, G_MAXUINT);

  ck_assert_uint_eq (count (ops, KML_OP_ALLOC), 500);
  ck_assert_uint_eq (count (ops, KML_OP_FREE), 500);
  ck_assert_uint_eq (op_at (ops, ops->len - 1)->time, 5000 * KML_US + 95 * KML_US);
  ck_assert_uint_eq (count (brief_ops, KML_OP_FREE), 495); /* those asked for by 4955 us */
}
END_TEST

START_TEST (forever_is_never_freed)
{
  g_autoptr (KmlWorkload) self = open_workload ("arrivals", "bursts(10, 1ms)", "lifetimes",
                                                "forever", "operations", "95");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);

  ck_assert_uint_eq (ops->len, 95);
  for (guint i = 0; i < ops->len; i++) {
    ck_assert_uint_eq (op_at (ops, i)->block, i);
    ck_assert_uint_eq (op_at (ops, i)->time, (i / 10 + 1) * KML_MS);
  }
}
END_TEST

START_TEST (a_lifetime_beyond_the_end_of_time_is_forever)
{
  g_autoptr (KmlWorkload) self = open_workload ("arrivals", "periodic(1s)", "lifetimes",
                                                "fixed(18446744s)", "operations", "5");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);

  ck_assert_uint_eq (count (ops, KML_OP_ALLOC), 5);
  ck_assert_uint_eq (ops->len, 5);
}
END_TEST

/* A queue M/G/∞: Poisson arrivals at rate λ, lifetimes of mean τ under any law. The number of
 * live blocks is Poisson with mean and variance λτ. Here λτ = 100 for 10 000 lifetimes: the
 * time average is then known to 0.15 %, the variance to 1.5 %. */
START_TEST (live_blocks_are_poisson_whatever_the_law_of_lifetimes)
{
  static const struct {
    const char *lifetimes;
    double mean; /* λτ */
  } cases[] = {
    { "exponential(1ms)", 100 },
    { "fixed(1ms)", 100 },
    { "lognormal(1ms, 0.8)", 137.712776 }, /* e^(0.32) */
  };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    g_autoptr (KmlWorkload) self = open_workload ("arrivals", "poisson(100000/s)", "duration",
                                                  "10s", "lifetimes", cases[k].lifetimes);
    double time = 0, sum = 0, squares = 0, mean, variance;
    guint64 live = 0;
    KmlTime before = 0;
    KmlOp ops[256];
    int n;

    while ((n = self->ops->next (self, ops, G_N_ELEMENTS (ops), NULL)) > 0) {
      for (int i = 0; i < n; i++) {
        if (before > 100 * KML_MS) { /* in equilibrium */
          const double span = (double)(ops[i].time - before);

          time += span;
          sum += span * (double)live;
          squares += span * (double)live * (double)live;
        }
        live = ops[i].kind == KML_OP_ALLOC ? live + 1 : live - 1;
        before = ops[i].time;
      }
    }
    mean = sum / time;
    variance = squares / time - mean * mean;
    ck_assert_double_eq_tol (mean / cases[k].mean, 1, 0.01);
    ck_assert_double_eq_tol (variance / mean, 1, 0.05);
  }
}
END_TEST

/* ---- What is asked for ---- */

START_TEST (pages_are_asked_for_by_order)
{
  g_autoptr (KmlWorkload) self = open_workload ("target", "pages", "orders",
                                                "weighted(0:0.9, 9:0.1)", "mobility", "movable");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);
  guint n_small = 0, n_huge = 0;

  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = op_at (ops, i);

    if (op->kind != KML_OP_ALLOC)
      continue;
    n_small += op->request.size == PAGE_SIZE;
    n_huge += op->request.size == PAGE_SIZE << 9;
    if (i == 0) {
      ck_assert_uint_eq (op->level, KML_LEVEL_PAGES);
      ck_assert_uint_eq (op->request.mobility, KML_MOBILITY_MOVABLE);
    }
  }
  ck_assert_uint_eq (n_small + n_huge, 100000);
  ck_assert_double_eq_tol (n_huge / 1e5, 0.1, 0.004);
}
END_TEST

START_TEST (pages_can_be_asked_for_by_size)
{
  g_autoptr (KmlWorkload) self = open_workload ("target", "pages", "sizes", "uniform(1, 40960)");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);
  guint n[11] = { 0 };

  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = op_at (ops, i);

    if (op->kind != KML_OP_ALLOC)
      continue;
    ck_assert_uint_eq (op->level, KML_LEVEL_PAGES);
    ck_assert_uint_eq (op->request.size % PAGE_SIZE, 0);
    ck_assert_uint_le (op->request.size, 10 * PAGE_SIZE);
    n[op->request.size / PAGE_SIZE]++;
  }
  ck_assert_uint_eq (n[0], 0);
  for (guint i = 1; i <= 10; i++)
    ck_assert_double_eq_tol (n[i] / 1e5, 0.1, 0.004);
}
END_TEST

START_TEST (every_request_says_what_the_scenario_says)
{
  g_autoptr (KmlWorkload) self = open_workload ("cpus", "2", "context", "hardirq", "alignment",
                                                "4KiB", "sizes", "fixed(192)");
  g_autoptr (KmlWorkload)
      flags = open_workload ("context", "softirq", "flags", "GFP_NOWAIT|__GFP_RECLAIMABLE");
  g_autoptr (GArray) ops = collect (self, 256, 1);
  g_autoptr (GArray) flag_ops = collect (flags, 256, 1);
  const KmlRequest *request = &op_at (ops, 0)->request;

  ck_assert_uint_eq (request->cpu, 2);
  ck_assert_uint_eq (request->context, KML_CONTEXT_HARDIRQ);
  ck_assert_uint_eq (request->gfp, KML_GFP_ATOMIC);
  ck_assert_uint_eq (request->size, 192);
  ck_assert_ptr_nonnull (request->constraints);
  ck_assert_uint_eq (request->constraints->alignment, 4096);
  ck_assert_uint_eq (request->constraints->boundary, 0);
  ck_assert_uint_eq (request->constraints->limit, 0);
  ck_assert_uint_eq (op_at (flag_ops, 0)->request.gfp, KML_GFP_NOWAIT | KML_GFP_RECLAIMABLE);
  ck_assert_uint_eq (op_at (flag_ops, 0)->request.mobility, KML_MOBILITY_RECLAIMABLE);
}
END_TEST

START_TEST (only_the_named_cpus_ask)
{
  g_autoptr (KmlWorkload) self = open_workload ("cpus", "0,2-3", "operations", "3000");
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);
  guint n_cpu[N_CPUS] = { 0 };

  for (guint i = 0; i < ops->len; i++)
    n_cpu[op_at (ops, i)->request.cpu]++;
  ck_assert_uint_eq (n_cpu[1], 0);
  ck_assert_uint_gt (n_cpu[0], 1400);
  ck_assert_uint_gt (n_cpu[2], 1400);
  ck_assert_uint_gt (n_cpu[3], 1400);
}
END_TEST

/* ---- Errors ---- */

START_TEST (what_does_not_go_together_is_refused)
{
  static const struct {
    const char *pairs[9];
    const char *fragment;
  } cases[] = {
    { { "cpus", "0-4" }, "workload.web.cpus: the machine has CPUs 0 to 3, there is no 4" },
    { { "lifetimes", "exponential(1ms)" }, "workload.web.lifetimes: closed arrivals take none" },
    { { "orders", "fixed(1)" }, "workload.web.orders: these are for target = pages" },
    { { "target", "pages", "sizes", "fixed(1)", "orders", "fixed(1)" },
      "workload.web.orders: runs of pages have sizes or orders, not both" },
    { { "arrivals", "periodic(1s)", "operations", "1e9" },
      "workload.web.operations: so many would take longer than the 213 days" },
    { { "arrivals", "poisson(1/s)", "operations", "1e18" }, "213 days of simulated time" },
    { { "arrivals", "bursts(10, 10000000s)", "operations", "30" }, "213 days of simulated time" },
    { { "sizes", "trace(nonesuch.txt)" }, "nonesuch.txt" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (KmlWorkload) self = new_workload (cases[i].pairs);
    g_autoptr (GError) error = NULL;

    ck_assert_msg (!kml_workload_open (self, 1, N_CPUS, PAGE_SIZE, &error), "%s was opened",
                   cases[i].fragment);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
}
END_TEST

START_TEST (nonsense_is_refused_where_it_is_written)
{
  static const struct {
    const char *key, *text, *fragment;
  } cases[] = {
    { "target", "page", "did you mean “pages”?" },
    { "operations", "0", "expected at least 1 operation, not “0”" },
    { "operations", "-1", "expected a count" },
    { "duration", "10", "expected a time with its unit" },
    { "live", "0", "expected a count from 1 to 268435456" },
    { "live", "1e18", "expected a count from 1 to 268435456" },
    { "arrivals", "periodic(0)", "expected a time above 0" },
    { "sizes", "uniform(5,1)", "expected the smaller value first" },
    { "orders", "fixed(99)", "expected an order" },
    { "lifetimes", "fixed(0)", "expected a time above 0" },
    { "alignment", "48", "expected a size that is a power of two" },
    { "alignment", "0", "expected a size from 1B to 1TiB" },
    { "flags", "GFP_KERNAL", "not “GFP_KERNAL”" },
    { "mobility", "moveable", "did you mean “movable”?" },
    { "cpus", "", "expected all, or CPUs such as 0,2-3" },
  };
  const KmlParam *params = kml_workload_find ("synthetic")->params;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_msg (
        !kml_param_parse (kml_param_find (params, cases[i].key), cases[i].text, NULL, &error),
        "%s = %s was taken", cases[i].key, cases[i].text);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("synthetic");
  TCase *closed = tcase_create ("closed");
  TCase *open = tcase_create ("open");
  TCase *request = tcase_create ("request");
  TCase *errors = tcase_create ("errors");

  tcase_add_test (closed, the_defaults_are_a_closed_loop_on_all_cpus);
  tcase_add_test (closed, closed_arrivals_fill_then_free_one_and_ask_for_one);
  tcase_add_test (closed, fewer_operations_than_live_blocks_only_fill);
  tcase_add_test (closed, a_drained_loop_frees_each_block_once);
  tcase_add_test (closed, a_closed_loop_with_a_duration_leaves_the_end_to_the_driver);
  suite_add_tcase (suite, closed);

  tcase_set_timeout (open, 60);
  tcase_add_test (open, blocks_are_freed_after_their_lifetime_where_they_were_asked_for);
  tcase_add_test (open, a_death_at_the_time_of_an_arrival_comes_first);
  tcase_add_test (open, a_duration_ends_requests_and_deaths);
  tcase_add_test (open, the_first_of_two_ends_counts);
  tcase_add_test (open, a_drained_stream_goes_on_until_the_last_death);
  tcase_add_test (open, forever_is_never_freed);
  tcase_add_test (open, a_lifetime_beyond_the_end_of_time_is_forever);
  tcase_add_test (open, live_blocks_are_poisson_whatever_the_law_of_lifetimes);
  suite_add_tcase (suite, open);

  tcase_add_test (request, pages_are_asked_for_by_order);
  tcase_add_test (request, pages_can_be_asked_for_by_size);
  tcase_add_test (request, every_request_says_what_the_scenario_says);
  tcase_add_test (request, only_the_named_cpus_ask);
  suite_add_tcase (suite, request);

  tcase_add_test (errors, what_does_not_go_together_is_refused);
  tcase_add_test (errors, nonsense_is_refused_where_it_is_written);
  suite_add_tcase (suite, errors);

  return run_suite (suite);
}
