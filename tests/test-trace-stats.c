/* test-trace-stats.c: what is in a recording, by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/traces/stats.csv, thirteen lines. Objects:
 *
 *   id  site  size  given  CPUs       lives
 *   1   a     18    32     0 → 1      5 us         ping-pong
 *   2   a     100   128    0 → 0      8 us
 *   3   b     8     8      1                       its free is missing, and inferred at 13 us
 *   1   b     24    32     1 → 0      100003 us    ping-pong
 *   3   b     8     8      1                       live at the end
 *
 *   site a: asked for 118, given 160: 100 - 100 * 118 / 160 = 26.25 %
 *   site b: asked for 40, given 48: 100 - 100 * 40 / 48 = 16 2/3 %
 *   all: 158 of 208: 24.038461538 %; freed 32 + 128 + 32 bytes
 *   most at a time: 168 bytes at 2 us
 *
 * Pages: order 2 from frame 16 by site p, freed in two halves after 8 us (on CPU 3: ping-pong) and 9 us (on CPU 1), and order 0, live.
 */

#include "trace-fixture.h"
#include "trace-lines.h"

static KmlTraceStats *
stats_of (const Recording *recording)
{
  KmlTraceStats *const stats = kml_trace_stats_new ();

  kml_trace_stats_add (stats, (const KmlTraceEvent *)(void *)recording->events->data,
                       recording->events->len);
  return stats;
}

START_TEST (objects_are_summed_up)
{
  g_autoptr (Recording) recording = read_sample ("stats.csv");
  g_autoptr (KmlTraceStats) stats = stats_of (recording);
  const KmlTraceLevelStats *objects = kml_trace_stats_level (stats, KML_LEVEL_OBJECTS);

  ck_assert_uint_eq (objects->allocs, 5);
  ck_assert_uint_eq (objects->frees, 4);
  ck_assert_uint_eq (objects->frees_seen, 3);
  ck_assert_uint_eq (objects->bytes_req, 158);
  ck_assert_uint_eq (objects->bytes_alloc, 208);
  ck_assert_uint_eq (objects->bytes_freed, 192);
  ck_assert_uint_eq (objects->ping_pong, 2);
  ck_assert_uint_eq (objects->n_live, 1);
  ck_assert_uint_eq (objects->n_peak, 3);
  ck_assert_uint_eq (objects->bytes_peak, 168);
  ck_assert_uint_eq (objects->bytes_req_at_peak, 126);
}
END_TEST

START_TEST (pages_are_summed_up)
{
  g_autoptr (Recording) recording = read_sample ("stats.csv");
  g_autoptr (KmlTraceStats) stats = stats_of (recording);
  const KmlTraceLevelStats *pages = kml_trace_stats_level (stats, KML_LEVEL_PAGES);

  ck_assert_uint_eq (pages->allocs, 2);
  ck_assert_uint_eq (pages->frees_seen, 2);
  ck_assert_uint_eq (pages->bytes_alloc, 5 * 4096);
  ck_assert_uint_eq (pages->bytes_freed, 4 * 4096);
  ck_assert_uint_eq (pages->ping_pong, 1);
  ck_assert_uint_eq (pages->n_live, 1);
  ck_assert_uint_eq (pages->n_peak, 3);
  ck_assert_uint_eq (pages->bytes_peak, 5 * 4096);
  ck_assert_uint_eq (kml_trace_stats_pages (stats, 2, KML_MOBILITY_MOVABLE), 1);
  ck_assert_uint_eq (kml_trace_stats_pages (stats, 0, KML_MOBILITY_UNMOVABLE), 1);
  ck_assert_uint_eq (kml_trace_stats_pages (stats, 0, KML_MOBILITY_MOVABLE), 0);
}
END_TEST

START_TEST (lifetimes_are_those_that_were_seen_to_end)
{
  g_autoptr (Recording) recording = read_sample ("stats.csv");
  g_autoptr (KmlTraceStats) stats = stats_of (recording);
  const KmlTraceLifetimes *objects = kml_trace_stats_lifetimes (stats, KML_LEVEL_OBJECTS);
  const KmlTraceLifetimes *pages = kml_trace_stats_lifetimes (stats, KML_LEVEL_PAGES);

  ck_assert_uint_eq (kml_histogram_n (&objects->histogram), 3);
  ck_assert_uint_eq (objects->decades[3], 2); /* 1 to 10 us */
  ck_assert_uint_eq (objects->decades[8], 1); /* 100 ms to 1 s */
  ck_assert_uint_eq (objects->histogram.max, 100003000);
  ck_assert_uint_eq (kml_histogram_n (&pages->histogram), 2);
  ck_assert_uint_eq (pages->decades[3], 2);
  ck_assert_uint_eq (pages->histogram.max, 9000);
}
END_TEST

/* heaptrack's clock ticks every 10 ms, and most blocks are gone by then. */
START_TEST (what_ends_within_a_tick_has_no_lifetime_that_is_known)
{
  g_autoptr (Recording)
      recording = read_text ("v 10400 3\nc 1\n+ 8 0 10\n- 10\n+ 8 0 10\nc 2\n- 10\n");
  g_autoptr (KmlTraceStats) stats = stats_of (recording);
  const KmlTraceLifetimes *objects = kml_trace_stats_lifetimes (stats, KML_LEVEL_OBJECTS);

  ck_assert_uint_eq (objects->n_at_once, 1);
  ck_assert_uint_eq (objects->decades[0], 0);
  ck_assert_uint_eq (objects->decades[6], 1); /* 1 ms to 10 ms */
}
END_TEST

START_TEST (cpus_and_contexts_have_their_shares)
{
  static const guint expected[2][KML_N_CONTEXTS] = { { 3, 0, 0 }, { 2, 1, 1 } };
  g_autoptr (Recording) recording = read_sample ("stats.csv");
  g_autoptr (KmlTraceStats) stats = stats_of (recording);

  ck_assert_uint_eq (kml_trace_stats_n_cpus (stats), 2); /* CPU 3 only frees */
  for (guint cpu = 0; cpu < 2; cpu++)
    for (guint i = 0; i < KML_N_CONTEXTS; i++)
      ck_assert_uint_eq (kml_trace_stats_requests (stats, cpu, (KmlContext)i), expected[cpu][i]);
}
END_TEST

static void
expect_site (const Recording *recording, const GArray *sites, guint i, const char *name,
             KmlTraceSiteCount expected)
{
  const KmlTraceSiteCount *site = &g_array_index (sites, KmlTraceSiteCount, i);

  ck_assert_str_eq (kml_trace_site (recording->trace, site->site), name);
  ck_assert_uint_eq (site->allocs, expected.allocs);
  ck_assert_uint_eq (site->frees, expected.frees);
  ck_assert_uint_eq (site->bytes_req, expected.bytes_req);
  ck_assert_uint_eq (site->bytes_alloc, expected.bytes_alloc);
  ck_assert_uint_eq (site->live, expected.live);
  ck_assert_uint_eq (site->ping_pong, expected.ping_pong);
}

START_TEST (waste_and_wandering_belong_to_the_site_that_asked)
{
  g_autoptr (Recording) recording = read_sample ("stats.csv");
  g_autoptr (KmlTraceStats) stats = stats_of (recording);
  g_autoptr (GArray) objects = kml_trace_stats_sites (stats, KML_LEVEL_OBJECTS);
  g_autoptr (GArray) pages = kml_trace_stats_sites (stats, KML_LEVEL_PAGES);

  ck_assert_uint_eq (objects->len, 2);
  expect_site (recording, objects, 0, "a", (KmlTraceSiteCount){ 0, 2, 2, 118, 160, 0, 1 });
  expect_site (recording, objects, 1, "b", (KmlTraceSiteCount){ 0, 3, 2, 40, 48, 1, 1 });
  ck_assert_uint_eq (pages->len, 2);
  expect_site (recording, pages, 0, "p", (KmlTraceSiteCount){ 0, 1, 2, 16384, 16384, 0, 1 });
  expect_site (recording, pages, 1, "", (KmlTraceSiteCount){ 0, 1, 0, 4096, 4096, 1, 0 });
}
END_TEST

/* perf kmem prints a site's with "%6.3f%%" and that of all with "%f%%"; the strings are worked out by hand. */
START_TEST (fragmentation_is_perf_s_to_the_digit)
{
  static const struct {
    guint64 bytes_req, bytes_alloc;
    const char *of_site, *of_all;
  } cases[] = {
    { 118, 160, "26.250%", "26.250000%" },         { 40, 48, "16.667%", "16.666667%" },
    { 158, 208, "24.038%", "24.038462%" },         { 0, 0, " 0.000%", "0.000000%" },
    { 4096, 4096, " 0.000%", "0.000000%" },        { 1, 4096, "99.976%", "99.975586%" },
    { 1951231, 2412390, "19.116%", "19.116271%" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const double percent = kml_trace_fragmentation (cases[i].bytes_req, cases[i].bytes_alloc);
    g_autofree char *of_site = g_strdup_printf ("%6.3f%%", percent);
    g_autofree char *of_all = g_strdup_printf ("%f%%", percent);

    ck_assert_str_eq (of_site, cases[i].of_site);
    ck_assert_str_eq (of_all, cases[i].of_all);
  }
}
END_TEST

START_TEST (statistics_follow_the_blocks)
{
  g_autoptr (Recording) recording = read_text (
      KMALLOC ("1", "0x1000") KMALLOC ("2", "0x2000") KFREE ("4", "0x1000") PAGES ("5", "8", "3")
          FREE_PAGES ("6", "8", "2")
              LINE ("7", "kmalloc: call_site=h ptr=0x3000 bytes_req=20000 bytes_alloc=32768 "
                         "gfp_flags=GFP_ATOMIC"));
  g_autoptr (KmlTraceStats) stats = stats_of (recording);
  const KmlTraceLevelStats *objects, *pages;
  g_autoptr (GArray) sizes = NULL, sites = NULL;

  objects = kml_trace_stats_level (stats, KML_LEVEL_OBJECTS);
  pages = kml_trace_stats_level (stats, KML_LEVEL_PAGES);
  sizes = kml_trace_stats_sizes (stats);
  sites = kml_trace_stats_sites (stats, KML_LEVEL_OBJECTS);
  ck_assert_uint_eq (objects->allocs, 3);
  ck_assert_uint_eq (objects->n_peak, 2);
  ck_assert_uint_eq (objects->bytes_peak, 32 + 32768);
  ck_assert_uint_eq (objects->bytes_req_at_peak, 18 + 20000);
  ck_assert_uint_eq (pages->n_live, 1);
  ck_assert_uint_eq (pages->bytes_peak, 8 * 4096);
  ck_assert_uint_eq (pages->bytes_live, 4 * 4096);
  ck_assert_uint_eq (kml_trace_stats_pages (stats, 3, KML_MOBILITY_MOVABLE), 1);
  ck_assert_uint_eq (
      kml_histogram_n (&kml_trace_stats_lifetimes (stats, KML_LEVEL_OBJECTS)->histogram), 1);
  ck_assert_uint_eq (kml_trace_stats_lifetimes (stats, KML_LEVEL_OBJECTS)->histogram.max,
                     300000000);
  ck_assert_uint_eq (sizes->len, 2);
  ck_assert_uint_eq (g_array_index (sizes, KmlTraceSizeCount, 0).size, 18);
  ck_assert_uint_eq (g_array_index (sizes, KmlTraceSizeCount, 0).count, 2);
  ck_assert_uint_eq (g_array_index (sizes, KmlTraceSizeCount, 1).size, 20000);
  ck_assert_uint_eq (g_array_index (sites, KmlTraceSiteCount, 0).bytes_alloc, 32768);
  ck_assert_str_eq (
      kml_trace_site (recording->trace, g_array_index (sites, KmlTraceSiteCount, 0).site), "h");
}
END_TEST

static Suite *
trace_stats_suite (void)
{
  Suite *suite = suite_create ("trace-stats");
  TCase *stats = tcase_create ("stats");

  tcase_add_test (stats, statistics_follow_the_blocks);
  tcase_add_test (stats, objects_are_summed_up);
  tcase_add_test (stats, pages_are_summed_up);
  tcase_add_test (stats, lifetimes_are_those_that_were_seen_to_end);
  tcase_add_test (stats, what_ends_within_a_tick_has_no_lifetime_that_is_known);
  tcase_add_test (stats, cpus_and_contexts_have_their_shares);
  tcase_add_test (stats, waste_and_wandering_belong_to_the_site_that_asked);
  tcase_add_test (stats, fragmentation_is_perf_s_to_the_digit);
  suite_add_tcase (suite, stats);
  return suite;
}

int
main (void)
{
  return run_suite (trace_stats_suite ());
}
