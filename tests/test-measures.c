/* test-measures.c: what a run measures, worked out by hand: sums, means, waste, snapshots, samples.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/driver-fixture.h"

/*  t/ns  0        10        20   25            100  105
 *  CPU 0 [ask 8 --][ask 4 --]     .             .
 *  CPU 1           .         [free 8]           [free 4]
 *  asked    8          12         4 ............ 0       bytes, from the start of the operation on
 *  held     16         32         16 ........... 0
 *
 *  integral of asked: 10*8 + 10*12 + 80*4 = 520; of held: 10*16 + 10*32 + 80*16 = 1760 byte ns
 */
START_TEST (a_run_worked_out_by_hand)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4), give_back (20 * KML_NS, 1, 0),
                        give_back (100 * KML_NS, 1, 1) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_uint_eq (setup.machine->now, 105 * KML_NS);
  ck_assert_double_eq (metric (&setup, "alloc.count"), 2);
  ck_assert_double_eq (metric (&setup, "free.count"), 2);
  ck_assert_double_eq (metric (&setup, "frag.internal.mean"), (1760.0 - 520.0) / 1760.0);
  ck_assert_double_eq (metric (&setup, "frag.internal.requests"), 20.0 / 32.0);
  ck_assert_double_eq (metric (&setup, "frag.internal.peak"), 20.0 / 32.0);
  ck_assert_double_eq (metric (&setup, "memory.requested.peak_bytes"), 12);
  ck_assert_double_eq (metric (&setup, "live.blocks.end"), 0);
  ck_assert_double_eq (metric (&setup, "latency.alloc.mean_ns"), 10);
  ck_assert_double_eq (metric (&setup, "latency.free.process.max_ns"), 5);
  ck_assert_double_eq (metric (&setup, "sampling.count"), 4);
  tear_down (&setup);
}
END_TEST

/* The same run with a warm-up of two operations: what counts begins at 10 ns, where the second did.
 *
 *  integral of asked: 10*12 + 80*4 = 440; of held: 10*32 + 80*16 = 1600 byte ns
 */
START_TEST (means_leave_out_the_warm_up)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4), give_back (20 * KML_NS, 1, 0),
                        give_back (100 * KML_NS, 1, 1) };
  KmlRecordConfig record = everything;
  Setup setup;

  record.warm_up = 2;
  for (guint n_workloads = 1; n_workloads <= 2; n_workloads++) {
    set_up (&setup, &record, n_workloads, KML_TIME_MAX);
    give (&setup, 0, ops, G_N_ELEMENTS (ops));
    give (&setup, 1, ops, 0);
    run (&setup);
    ck_assert_double_eq (metric (&setup, "frag.internal.mean"), (1600.0 - 440.0) / 1600.0);
    ck_assert_double_eq (metric (&setup, "frag.internal.requests"), 0); /* there were none */
    ck_assert_uint_eq (
        kml_histogram_n (setup.recorder->latency[KML_OPERATION_ALLOC][KML_CONTEXT_PROCESS]), 0);
    ck_assert_double_eq (metric (&setup, "latency.free.mean_ns"), 5);
    /* counts and peaks are the whole run's */
    ck_assert_double_eq (metric (&setup, "alloc.count"), 2);
    ck_assert_double_eq (metric (&setup, "memory.requested.peak_bytes"), 12);
    ck_assert_uint_eq (setup.recorder->counted_before[1][0], 2);
    tear_down (&setup);
  }
}
END_TEST

START_TEST (a_run_that_ends_within_its_warm_up_has_measured_nothing)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4) };
  KmlRecordConfig record = everything;
  g_autoptr (GError) error = NULL;
  Setup setup;

  record.warm_up = 3;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  ck_assert (!kml_driver_run (setup.driver, &error));
  assert_error (error, KML_ERROR_INPUT, "record.warm-up: the run has ended before its first 3");
  tear_down (&setup);
}
END_TEST

/* Half a MiB for a second, then a pause in which the room that it left would overflow 64 bits. */
START_TEST (a_long_pause_does_not_spoil_the_means)
{
  const KmlOp ops[] = { ask (0, 0, 7, 1 << 19), give_back (KML_S, 0, 7),
                        ask (200 * KML_S, 0, 8, 16) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_driver_execute (setup.driver, 0, ops, G_N_ELEMENTS (ops));
  ck_assert (kml_tally_requested_time (&setup.recorder->tally) == (unsigned __int128)KML_S << 19);
  tear_down (&setup);
}
END_TEST

/* A block of pages lives from 0 to 20 ns beside two objects. What counts of these, from 0 ns on or, behind a warm-up of
 * three operations, from 10 ns on:
 *
 *  asked 8 bytes up to 10 ns, 12 up to 40 ns, 4 up to 100 ns: 680 byte ns, or 600
 *  held  16                   32              16:            2080 byte ns, or 1920
 */
START_TEST (what_objects_waste_leaves_pages_out)
{
  KmlOp ops[] = { ask (0, 0, 0, 8),
                  ask (0, 1, 2, 1),
                  ask (0, 0, 1, 4),
                  give_back (20 * KML_NS, 1, 2),
                  give_back (40 * KML_NS, 1, 0),
                  give_back (100 * KML_NS, 1, 1) };
  KmlRecordConfig record = everything;
  Setup setup;

  ops[1].level = ops[3].level = KML_LEVEL_PAGES;
  for (guint i = 0; i < 4; i++) {
    const gboolean warm_up = i % 2 == 1;

    record.warm_up = warm_up ? 3 : 0;
    set_up (&setup, &record, 1 + i / 2, KML_TIME_MAX);
    give (&setup, 0, ops, G_N_ELEMENTS (ops));
    give (&setup, 1, ops, 0);
    run (&setup);
    ck_assert_double_eq (metric (&setup, "frag.internal.objects.mean"),
                         warm_up ? (1920.0 - 600.0) / 1920.0 : (2080.0 - 680.0) / 2080.0);
    ck_assert_double_eq (metric (&setup, "frag.internal.objects.requests"),
                         warm_up ? 0 : 20.0 / 32.0);
    ck_assert_double_eq (metric (&setup, "frag.internal.requests"), warm_up ? 0 : 35.0 / 48.0);
    tear_down (&setup);
  }
}
END_TEST

/* Two workloads by turns, whose blocks have the same names; one request fails, one block outlives the run.
 * By call site and by lifetime it is the whole that the recorder adds up (invariants O1 and O2 of origins.h), also
 * when the first two requests are the warm-up. */
START_TEST (origins_add_up_to_the_whole)
{
  const KmlRecordConfig record = {
    .waste = TRUE, .origins = TRUE, .points = 8, .warm_up = _i == 0 ? 0 : 2
  };
  KmlOp first[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4), give_back (30 * KML_US, 1, 0),
                    ask (40 * KML_US, 0, 0, 16) };
  KmlOp second[] = { ask (KML_US, 1, 0, 3), ask (KML_US, 1, 1, 9), give_back (2 * KML_MS, 1, 1),
                     give_back (3 * KML_MS, 1, 0) };
  unsigned __int128 by_site = 0, by_lifetime = 0;
  guint64 count = 0, requested = 0, held = 0, n_blocks = 0;
  const KmlOrigins *origins;
  const GArray *sites;
  Setup setup;

  first[0].request.site = first[3].request.site = 1;
  set_up (&setup, &record, 2, KML_TIME_MAX);
  give (&setup, 0, first, G_N_ELEMENTS (first));
  give (&setup, 1, second, G_N_ELEMENTS (second));
  run (&setup);
  /* the second of the second: three live already */
  ck_assert_uint_eq (setup.recorder->n_failed, 1);

  origins = setup.recorder->origins;
  sites = kml_origins_sites (origins);
  ck_assert_uint_eq (sites->len, 1); /* nobody names them, and both workloads are called alike */
  for (guint i = 0; i < sites->len; i++) {
    const KmlSiteWaste *waste = &g_array_index (sites, KmlSiteOrigin, i).waste;

    by_site += waste->wasted_time;
    count += waste->count;
    requested += waste->requested;
    held += waste->held;
  }
  for (guint band = 0; band < KML_N_LIFETIMES; band++) {
    by_lifetime += kml_origins_lifetime (origins, band)->wasted_time;
    n_blocks += kml_origins_lifetime (origins, band)->count;
  }
  ck_assert (by_site == kml_tally_held_time (&setup.recorder->tally) -
                            kml_tally_requested_time (&setup.recorder->tally)); /* O1 */
  ck_assert (by_lifetime == by_site);
  ck_assert_uint_eq (count, _i == 0 ? 4 : 2); /* O2 */
  ck_assert_uint_eq (n_blocks, 4);            /* all died, or are alive, after the warm-up */
  ck_assert_uint_eq (requested, (_i == 0 ? 8 + 4 : 0) + 3 + 16);
  ck_assert_uint_eq (held, 16 * count);
  ck_assert_uint_eq (kml_origins_lifetime (origins, KML_LIFETIME_ALIVE)->requested, 4 + 16);
  tear_down (&setup);
}
END_TEST

START_TEST (a_run_that_does_not_ask_for_origins_has_none)
{
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  ck_assert_ptr_null (setup.recorder->origins);
  tear_down (&setup);
}
END_TEST

/* 1 ms of operations 1 us apart: 8 snapshots at most, at least 4 and the last, on a grid of one step. */
START_TEST (snapshots_stay_few_and_on_a_grid)
{
  g_autoptr (GArray) ops = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  Setup setup;
  GArray *snapshots;

  for (guint i = 0; i < 1000; i++) {
    const KmlOp op = i % 2 == 0 ? ask (i * KML_US, 0, 0, 1) : give_back (i * KML_US, 0, 0);

    g_array_append_val (ops, op);
  }
  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, (const KmlOp *)ops->data, ops->len);
  run (&setup);
  snapshots = setup.recorder->snapshots;
  ck_assert_uint_le (snapshots->len, 8 + 1);
  ck_assert_uint_ge (snapshots->len, 4);
  ck_assert_uint_eq (g_array_index (snapshots, KmlSnapshot, 0).time, 0);
  for (guint i = 0; i + 1 < snapshots->len; i++)
    ck_assert_uint_eq (g_array_index (snapshots, KmlSnapshot, i).time, i * setup.recorder->step);
  tear_down (&setup);
}
END_TEST

/* Three blocks, and three frames, at once for 5 ns of a run that is shorter than the first step of the grid; with origins every
 * operation is executed alone. */
START_TEST (peaks_of_pages_are_seen_between_snapshots)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8),    ask (0, 0, 1, 8),   give_back (0, 0, 0),
                        ask (0, 0, 2, 8),    ask (0, 0, 3, 8),   give_back (0, 0, 1),
                        give_back (0, 0, 2), give_back (0, 0, 3) };
  KmlRecordConfig record = everything;
  const KmlRam *ram;
  Setup setup;

  record.origins = _i == 1;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  ram = setup.machine->ram;
  ((Three *)setup.objects)->takes_pages = TRUE;
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_double_eq (metric (&setup, "memory.reserved.peak_bytes"), 3 * 4096);
  ck_assert_double_eq (metric (&setup, "memory.reserved.end_bytes"), 0);
  ck_assert_double_eq (metric (&setup, "memory.metadata.peak_bytes"),
                       (ram->n_frames - ram->n_usable) * 4096 + 3 * 100);
  ck_assert_double_eq (metric (&setup, "frag.total.peak"), 1 - 24.0 / (3 * 4096));
  tear_down (&setup);
}
END_TEST

/* 8 kinds of the same: p = 0.1 of 20000 is 2000 +- 4 sigma (42). */
START_TEST (a_sample_is_the_share_that_was_asked_for)
{
  KmlRecordConfig record = { .events = KML_RECORD_SAMPLE, .sampling = 0.1, .points = 2 };
  g_autoptr (GArray) ops = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  Setup setup;

  for (guint i = 0; i < 20000; i++) {
    const KmlOp op = i % 2 == 0 ? ask (0, 0, 0, 1) : give_back (0, 0, 0);

    g_array_append_val (ops, op);
  }
  set_up (&setup, &record, 1, KML_TIME_MAX);
  give (&setup, 0, (const KmlOp *)ops->data, ops->len);
  run (&setup);
  ck_assert_double_ge (metric (&setup, "sampling.count"), 2000 - 4 * 42);
  ck_assert_double_le (metric (&setup, "sampling.count"), 2000 + 4 * 42);
  tear_down (&setup);
}
END_TEST

static gboolean
disk_is_full (KmlTime t0, KmlTime t1, guint n, const guint8 *data, gsize n_bytes,
              gpointer user_data, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "disk full");
  return FALSE;
}

START_TEST (samples_that_cannot_be_stored_fail_the_run)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8) };
  g_autoptr (GError) error = NULL;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  kml_recorder_set_sink (setup.recorder, disk_is_full, NULL);
  ck_assert (!kml_driver_run (setup.driver, &error));
  assert_error (error, KML_ERROR_WORLD, "disk full");
  tear_down (&setup);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("measures");
  TCase *tcase = tcase_create ("measures");

  tcase_add_test (tcase, a_run_worked_out_by_hand);
  tcase_add_test (tcase, means_leave_out_the_warm_up);
  tcase_add_test (tcase, what_objects_waste_leaves_pages_out);
  tcase_add_test (tcase, a_run_that_ends_within_its_warm_up_has_measured_nothing);
  tcase_add_loop_test (tcase, origins_add_up_to_the_whole, 0, 2);
  tcase_add_test (tcase, a_run_that_does_not_ask_for_origins_has_none);
  tcase_add_test (tcase, a_long_pause_does_not_spoil_the_means);
  tcase_add_test (tcase, snapshots_stay_few_and_on_a_grid);
  tcase_add_loop_test (tcase, peaks_of_pages_are_seen_between_snapshots, 0, 2);
  tcase_add_test (tcase, samples_that_cannot_be_stored_fail_the_run);
  tcase_add_test (tcase, a_sample_is_the_share_that_was_asked_for);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
