/* test-driver.c: operations find their way to allocators.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/driver-fixture.h"

/* A CPU does one thing at a time: three requests at time 0 of one CPU start 10 ns apart, one of another CPU
 * does not wait for its own CPU, but starts never decrease. */
START_TEST (a_cpu_does_one_thing_at_a_time)
{
  const KmlOp ops[] = { ask (0, 0, 0, 1), ask (0, 0, 1, 1), ask (0, 1, 2, 1) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_uint_eq (setup.recorder->samples->n, 0); /* flushed */
  ck_assert_uint_eq (setup.machine->cpu_clock[0], 20 * KML_NS);
  ck_assert_uint_eq (setup.machine->cpu_clock[1], 20 * KML_NS); /* started at 10, with the second */
  tear_down (&setup);
}
END_TEST

START_TEST (a_failed_request_is_an_outcome_and_its_free_is_skipped)
{
  const KmlOp ops[] = { ask (0, 0, 0, 1), ask (0, 0, 1, 1), ask (0, 0, 2, 1), ask (0, 0, 3, 77),
                        give_back (0, 0, 3) };
  const KmlFailure *failure;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_double_eq (metric (&setup, "alloc.count"), 3);
  ck_assert_double_eq (metric (&setup, "alloc.failed"), 1);
  ck_assert_double_eq (metric (&setup, "free.skipped"), 1);
  ck_assert_uint_eq (setup.recorder->failures->len, 1);
  failure = &g_array_index (setup.recorder->failures, KmlFailure, 0);
  ck_assert_uint_eq (failure->request.size, 77);
  ck_assert_uint_eq (failure->time, 30 * KML_NS);
  tear_down (&setup);
}
END_TEST

START_TEST (the_workload_whose_time_has_come_goes_first)
{
  const KmlOp early[] = { ask (5 * KML_NS, 0, 0, 1), ask (70 * KML_NS, 0, 1, 1) };
  const KmlOp late[] = { ask (40 * KML_NS, 1, 0, 8) };
  Setup setup;

  set_up (&setup, &everything, 2, KML_TIME_MAX);
  give (&setup, 0, early, G_N_ELEMENTS (early));
  give (&setup, 1, late, G_N_ELEMENTS (late));
  run (&setup);
  ck_assert_uint_eq (setup.machine->now, 80 * KML_NS);
  ck_assert_uint_eq (setup.machine->cpu_clock[1], 50 * KML_NS);
  /* 1 byte for 35 ns, 9 for 30, 10 for 10 */
  ck_assert_double_eq (metric (&setup, "frag.internal.mean"),
                       1 - (35.0 * 1 + 30 * 9 + 10 * 10) / (35.0 * 16 + 30 * 32 + 10 * 48));
  tear_down (&setup);
}
END_TEST

/* A block of 8 pages at 4096 is halved: the upper half begins 4 pages higher, and is freed for itself. */
START_TEST (halves_of_a_block_are_freed_one_by_one)
{
  KmlOp ops[] = { ask (0, 0, 7, 8 * 4096),
                  { .kind = KML_OP_SPLIT, .block = 7, .other = 9 },
                  give_back (0, 0, 9),
                  give_back (0, 0, 7) };
  KmlRecordConfig record = everything;
  const Three *pages;
  Setup setup;

  for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
    ops[i].level = KML_LEVEL_PAGES;
  record.origins = TRUE;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  pages = (const Three *)setup.pages;
  kml_driver_execute (setup.driver, 0, ops, 3);
  ck_assert_uint_eq (pages->last_split, 4096);
  ck_assert_uint_eq (pages->last_piece, 4 * 4096);
  ck_assert_uint_eq (pages->last_freed, 4096 + 4 * 4096);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 4 * 4096);
  kml_driver_execute (setup.driver, 0, &ops[3], 1);
  ck_assert_uint_eq (pages->last_freed, 4096);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 0);
  ck_assert_uint_eq (kml_recorder_live_blocks (setup.recorder), 0);
  ck_assert_uint_eq (setup.recorder->journal.n, 4); /* the fingerprint covers the halving, too */
  ck_assert_uint_eq (kml_what_kind (setup.recorder->journal.words[1][KML_WORD_WHAT]), KML_OP_SPLIT);
  kml_origins_finish (setup.recorder->origins, setup.machine->now);
  ck_assert_uint_eq (kml_origins_lifetime (setup.recorder->origins, 0)->count, 2);
  ck_assert_uint_eq (kml_origins_lifetime (setup.recorder->origins, KML_LIFETIME_ALIVE)->count, 0);
  tear_down (&setup);
}
END_TEST

START_TEST (a_block_that_is_kept_whole_is_freed_with_its_lower_half)
{
  KmlOp ops[] = { ask (0, 0, 7, 8 * 4096),
                  { .kind = KML_OP_SPLIT, .block = 7, .other = 9 },
                  give_back (0, 0, 9),
                  give_back (0, 0, 7) };
  Setup setup;
  Three *pages;

  for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
    ops[i].level = KML_LEVEL_PAGES;
  set_up (&setup, &everything, 1, KML_TIME_MAX);
  pages = (Three *)setup.pages;
  pages->keeps_whole = TRUE;
  kml_driver_execute (setup.driver, 0, ops, 3);
  ck_assert_uint_eq (pages->last_split, 4096);
  ck_assert_uint_eq (pages->last_freed, 0);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 8 * 4096);
  kml_driver_execute (setup.driver, 0, &ops[3], 1);
  ck_assert_uint_eq (pages->last_freed, 4096);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 0);
  ck_assert_uint_eq (kml_recorder_live_blocks (setup.recorder), 0);
  tear_down (&setup);
}
END_TEST

START_TEST (nothing_starts_after_the_end)
{
  const KmlOp ops[] = { ask (0, 0, 0, 1), ask (50 * KML_NS, 0, 1, 1), ask (51 * KML_NS, 1, 2, 1) };
  Setup setup;

  set_up (&setup, &everything, 1, 50 * KML_NS);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_double_eq (metric (&setup, "alloc.count"), 2);
  tear_down (&setup);
}
END_TEST

START_TEST (the_fingerprint_tells_runs_apart_and_not_recorders)
{
  const KmlRecordConfig nothing = { .points = 2 };
  const KmlOp ops[] = { ask (0, 0, 0, 8), give_back (0, 0, 0) };
  const KmlOp other[] = { ask (0, 0, 0, 9), give_back (0, 0, 0) };
  g_autofree char *first = NULL, *second = NULL, *third = NULL;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  first = kml_recorder_fingerprint (setup.recorder);
  tear_down (&setup);
  set_up (&setup, &nothing, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  second = kml_recorder_fingerprint (setup.recorder);
  tear_down (&setup);
  set_up (&setup, &nothing, 1, KML_TIME_MAX);
  give (&setup, 0, other, G_N_ELEMENTS (other));
  run (&setup);
  third = kml_recorder_fingerprint (setup.recorder);
  tear_down (&setup);
  ck_assert_uint_eq (strlen (first), 32);
  ck_assert_str_eq (first, second);
  ck_assert_str_ne (first, third);
}
END_TEST

START_TEST (an_error_of_the_workload_is_the_run_s)
{
  g_autoptr (GError) error = NULL;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  ((List *)setup.workloads[0])->is_torn = TRUE;
  ck_assert (!kml_driver_run (setup.driver, &error));
  assert_error (error, KML_ERROR_INPUT, "the tape is torn");
  tear_down (&setup);
}
END_TEST

START_TEST (a_name_for_two_live_blocks_aborts)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 0, 8) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_driver_execute (setup.driver, 0, ops, G_N_ELEMENTS (ops));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("driver");
  TCase *tcase = tcase_create ("driver");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (tcase, a_cpu_does_one_thing_at_a_time);
  tcase_add_test (tcase, a_failed_request_is_an_outcome_and_its_free_is_skipped);
  tcase_add_test (tcase, the_workload_whose_time_has_come_goes_first);
  tcase_add_test (tcase, halves_of_a_block_are_freed_one_by_one);
  tcase_add_test (tcase, a_block_that_is_kept_whole_is_freed_with_its_lower_half);
  tcase_add_test (tcase, nothing_starts_after_the_end);
  tcase_add_test (tcase, the_fingerprint_tells_runs_apart_and_not_recorders);
  tcase_add_test (tcase, an_error_of_the_workload_is_the_run_s);
  suite_add_tcase (suite, tcase);
  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, a_name_for_two_live_blocks_aborts, SIGABRT);
  suite_add_tcase (suite, misuse);
  return run_suite (suite);
}
