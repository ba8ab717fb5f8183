/* test-origins.c: whose waste it is, from stories small enough to work out by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Goal: the sums by call site and by lifetime. Method: the test says itself what
 * operations did, and compares with a drawing, or with a plain model that
 * remembers every block there ever was.
 */

#include "simcore/recording/origins.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

/* Numbers 2 and 3 are called alike; 4 is no UTF-8. */
static const char *
name_site (const KmlWorkload *workload, guint32 site)
{
  static const char *const names[] = { "", "fork", "open", "open", "bad\xff", "dup" };

  return names[site];
}

static const KmlWorkloadOps named_ops = { .name = "named", .site = name_site };
static const KmlWorkloadOps plain_ops = { .name = "plain" };

static KmlWorkload web = { .ops = &named_ops, .name = (char *)"web" };
static KmlWorkload batch = { .ops = &plain_ops, .name = (char *)"batch" };
static KmlWorkload *const both[] = { &web, &batch };

static KmlOp
op_of (guint32 block, guint32 site, guint64 size, guint16 cpu)
{
  return (KmlOp){ .block = block, .request = { .size = size, .site = site, .cpu = cpu } };
}

static void
born (KmlOrigins *origins, KmlTime now, guint32 block, guint32 site, guint64 size, guint64 held)
{
  const KmlOp op = op_of (block, site, size, 0);

  kml_origins_add_alloc (origins, 0, &op, now, held);
}

/* A free does not say whose the block was. */
static void
died (KmlOrigins *origins, KmlTime now, guint32 block, guint64 size, guint64 held, guint16 cpu)
{
  const KmlOp op = op_of (block, 0, 0, cpu);

  kml_origins_add_free (origins, 0, &op, now, size, held);
}

/* The site of workload @workload that is called @name; the test fails when there is none. */
static const KmlSiteWaste *
find_site (const KmlOrigins *origins, const char *workload, const char *name)
{
  const GArray *sites = kml_origins_sites (origins);

  for (guint i = 0; i < sites->len; i++) {
    const KmlSiteOrigin *site = &g_array_index (sites, KmlSiteOrigin, i);

    if (g_str_equal (site->workload, workload) && g_str_equal (site->site, name))
      return &site->waste;
  }
  ck_abort_msg ("no site %s of %s", name, workload);
}

/*  t/us        0     2     4     6          20
 *  fork   48   [=====|=====]                      given 64 by CPU 0, back on CPU 1: wastes 16 for 4 us
 *  fork   33         [==========|==========       given 64: wastes 31 for 18 us, and lives on
 *  dup   100   [=====]                            given 128: wastes 28 for 2 us
 *
 *  fork wastes 16 * 4 + 31 * 18 = 622 byte us, dup 56; of 1-10 us are 64 + 56, alive 558.
 */
START_TEST (a_story_worked_out_by_hand)
{
  g_autoptr (KmlOrigins) origins = kml_origins_new (both, 2);
  const KmlSiteWaste *fork, *dup;
  const KmlLifetimeWaste *young, *alive;

  born (origins, 0, 0, 1, 48, 64);
  born (origins, 0, 1, 5, 100, 128);
  died (origins, 2 * KML_US, 1, 100, 128, 0);
  born (origins, 2 * KML_US, 1, 1, 33, 64);
  died (origins, 4 * KML_US, 0, 48, 64, 1);
  kml_origins_finish (origins, 20 * KML_US);

  ck_assert_uint_eq (kml_origins_sites (origins)->len, 2);
  fork = find_site (origins, "web", "fork");
  ck_assert_uint_eq (fork->count, 2);
  ck_assert_uint_eq (fork->requested, 81);
  ck_assert_uint_eq (fork->held, 128);
  ck_assert_uint_eq (fork->freed_elsewhere, 1);
  ck_assert_uint_eq (fork->live, 1);
  ck_assert_uint_eq (fork->live_requested, 33);
  ck_assert_uint_eq (fork->live_held, 64);
  ck_assert (fork->wasted_time == 622 * KML_US);
  dup = find_site (origins, "web", "dup");
  ck_assert_uint_eq (dup->count, 1);
  ck_assert_uint_eq (dup->freed_elsewhere, 0);
  ck_assert_uint_eq (dup->live, 0);
  ck_assert (dup->wasted_time == 56 * KML_US);

  young = kml_origins_lifetime (origins, 1);
  ck_assert_uint_eq (young->count, 2);
  ck_assert_uint_eq (young->requested, 148);
  ck_assert_uint_eq (young->held, 192);
  ck_assert (young->wasted_time == 120 * KML_US);
  alive = kml_origins_lifetime (origins, KML_LIFETIME_ALIVE);
  ck_assert_uint_eq (alive->count, 1);
  ck_assert_uint_eq (alive->requested, 33);
  ck_assert_uint_eq (alive->held, 64);
  ck_assert (alive->wasted_time == 558 * KML_US);
}
END_TEST

/* The same story, of which the first two microseconds are the warm-up: dup is left out, of fork the request for 48
 * and 2 of the 4 us that it wasted 16 bytes. 16 * 2 + 31 * 18 = 590 byte us in 18 us. */
START_TEST (a_warm_up_is_left_out)
{
  g_autoptr (KmlOrigins) origins = kml_origins_new (both, 2);
  const KmlLifetimeWaste *young;
  const KmlSiteWaste *fork;

  born (origins, 0, 0, 1, 48, 64);
  born (origins, 0, 1, 5, 100, 128);
  died (origins, 2 * KML_US, 1, 100, 128, 0);
  kml_origins_end_warm_up (origins, 2 * KML_US);
  born (origins, 2 * KML_US, 1, 1, 33, 64);
  died (origins, 4 * KML_US, 0, 48, 64, 1);
  kml_origins_finish (origins, 20 * KML_US);

  ck_assert_uint_eq (kml_origins_sites (origins)->len, 1);
  fork = find_site (origins, "web", "fork");
  ck_assert_uint_eq (fork->count, 1);
  ck_assert_uint_eq (fork->requested, 33);
  ck_assert_uint_eq (fork->freed_elsewhere, 1);
  ck_assert_uint_eq (fork->live_held, 64);
  ck_assert (fork->wasted_time == 590 * KML_US);
  ck_assert_double_eq (kml_origins_mean (origins, fork->wasted_time), 590.0 / 18.0);
  young = kml_origins_lifetime (origins, 1);
  ck_assert_uint_eq (young->count, 1);
  ck_assert (young->wasted_time == 32 * KML_US);
  ck_assert (kml_origins_lifetime (origins, KML_LIFETIME_ALIVE)->wasted_time == 558 * KML_US);
}
END_TEST

/* One picosecond on either side of every end. */
START_TEST (a_lifetime_is_in_the_band_whose_range_it_is_in)
{
  KmlTime previous = 0;

  for (guint band = 0; band < KML_LIFETIME_ALIVE; band++) {
    g_autoptr (KmlOrigins) origins = kml_origins_new (both, 1);
    KmlTime lo, hi;

    kml_lifetime_range (band, &lo, &hi);
    ck_assert_uint_eq (lo, previous);
    ck_assert_uint_gt (hi, lo);
    previous = hi;
    born (origins, 0, 0, 1, 1, 1);
    born (origins, 0, 1, 1, 1, 1);
    died (origins, lo, 0, 1, 1, 0);
    died (origins, hi - 1, 1, 1, 1, 0);
    kml_origins_finish (origins, KML_TIME_MAX);
    ck_assert_uint_eq (kml_origins_lifetime (origins, band)->count, 2);
  }
  ck_assert_uint_eq (previous, KML_TIME_MAX);
}
END_TEST

/* A block of 16 KiB, born at 0, is halved, and one half halved again: pieces of 8, 4 and 4 KiB. */
START_TEST (pieces_were_born_when_the_whole_was)
{
  g_autoptr (KmlOrigins) origins = kml_origins_new (both, 1);
  KmlOp split = op_of (0, 0, 0, 0);
  const KmlSiteWaste *site;

  born (origins, 0, 0, 1, 16384, 16384);
  split.other = 1;
  kml_origins_add_split (origins, 0, &split);
  split.other = 2000; /* a name far off */
  kml_origins_add_split (origins, 0, &split);
  died (origins, 50 * KML_US, 1, 8192, 8192, 0);
  died (origins, 60 * KML_US, 2000, 4096, 4096, 3);
  kml_origins_finish (origins, 70 * KML_US);

  site = find_site (origins, "web", "fork");
  ck_assert_uint_eq (site->count, 1);
  ck_assert_uint_eq (site->live, 1);
  ck_assert_uint_eq (site->live_held, 4096);
  ck_assert_uint_eq (site->freed_elsewhere, 1);
  ck_assert_uint_eq (kml_origins_lifetime (origins, 2)->count, 2);
  ck_assert_uint_eq (kml_origins_lifetime (origins, 2)->held, 12288);
  ck_assert_uint_eq (kml_origins_lifetime (origins, KML_LIFETIME_ALIVE)->held, 4096);
}
END_TEST

START_TEST (sites_are_sorted_and_namesakes_are_one)
{
  static const char *const expected[] = { "batch/", "web/", "web/bad\xef\xbf\xbd", "web/open" };
  g_autoptr (KmlOrigins) origins = kml_origins_new (both, 2);
  const GArray *sites;
  KmlOp op;

  born (origins, 0, 0, 3, 10, 16);
  born (origins, 0, 1, 4, 20, 24);
  born (origins, 0, 2, 2, 30, 32);
  born (origins, 0, 3, 0, 40, 48);
  op = op_of (0, 7, 50, 0); /* of a workload that has no names: all are one */
  kml_origins_add_alloc (origins, 1, &op, 0, 64);
  op = op_of (1, 0, 60, 0);
  kml_origins_add_alloc (origins, 1, &op, 0, 64);
  kml_origins_finish (origins, KML_S);

  sites = kml_origins_sites (origins);
  ck_assert_uint_eq (sites->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < sites->len; i++) {
    const KmlSiteOrigin *site = &g_array_index (sites, KmlSiteOrigin, i);
    g_autofree char *name = g_strconcat (site->workload, "/", site->site, NULL);

    ck_assert_str_eq (name, expected[i]);
  }
  ck_assert_uint_eq (find_site (origins, "web", "open")->requested, 40);
  ck_assert (find_site (origins, "web", "open")->wasted_time == 8 * KML_S);
  ck_assert_uint_eq (find_site (origins, "batch", "")->count, 2);
}
END_TEST

#define N_BLOCKS 500

typedef struct {
  KmlTime born;
  guint64 size, held;
  guint32 site;
} Block;

/* The plain model adds up each block when it dies, or at the end: no integral is kept up to date. */
START_TEST (random_operations_agree_with_a_plain_model)
{
  g_autoptr (KmlOrigins) origins = kml_origins_new (both, 1);
  Block blocks[N_BLOCKS] = { 0 };
  unsigned __int128 by_site[6] = { 0 }, sum = 0, total = 0;
  guint64 n_born[6] = { 0 };
  KmlTime now = 0;
  KmlRng rng;

  kml_rng_init (&rng, (guint64)_i, "origins");
  for (guint i = 0; i < 20000; i++) {
    const guint32 name = (guint32)kml_rng_below (&rng, N_BLOCKS);
    Block *block = &blocks[name];

    now += kml_rng_below (&rng, 1000 * KML_NS) << kml_rng_below (&rng, 12);
    if (block->size == 0) {
      *block = (Block){ .born = now,
                        .size = 1 + kml_rng_below (&rng, 4000),
                        .site = (guint32)kml_rng_below (&rng, 6) };
      block->held = block->size + kml_rng_below (&rng, 1000);
      n_born[block->site]++;
      born (origins, now, name, block->site, block->size, block->held);
    } else {
      by_site[block->site] += (unsigned __int128)(block->held - block->size) * (now - block->born);
      died (origins, now, name, block->size, block->held, 0);
      block->size = 0;
    }
  }
  for (guint i = 0; i < N_BLOCKS; i++)
    if (blocks[i].size > 0)
      by_site[blocks[i].site] += (unsigned __int128)(blocks[i].held - blocks[i].size) *
                                 (now - blocks[i].born);
  kml_origins_finish (origins, now);

  ck_assert (find_site (origins, "web", "fork")->wasted_time == by_site[1]);
  ck_assert (find_site (origins, "web", "open")->wasted_time == by_site[2] + by_site[3]);
  ck_assert_uint_eq (find_site (origins, "web", "dup")->count, n_born[5]);
  for (guint band = 0; band < KML_N_LIFETIMES; band++)
    sum += kml_origins_lifetime (origins, band)->wasted_time;
  for (guint i = 0; i < G_N_ELEMENTS (by_site); i++)
    total += by_site[i];
  ck_assert (sum == total); /* O1 */
}
END_TEST

START_TEST (a_run_without_operations_has_no_sites)
{
  g_autoptr (KmlOrigins) origins = kml_origins_new (NULL, 0);

  kml_origins_finish (origins, 0);
  ck_assert_uint_eq (kml_origins_sites (origins)->len, 0);
  ck_assert_uint_eq (kml_origins_lifetime (origins, KML_LIFETIME_ALIVE)->count, 0);
  ck_assert_double_eq (kml_origins_mean (origins, 0), 0);
  kml_origins_free (NULL);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("origins");
  TCase *tcase = tcase_create ("origins");

  tcase_add_test (tcase, a_story_worked_out_by_hand);
  tcase_add_test (tcase, a_warm_up_is_left_out);
  tcase_add_test (tcase, a_lifetime_is_in_the_band_whose_range_it_is_in);
  tcase_add_test (tcase, pieces_were_born_when_the_whole_was);
  tcase_add_test (tcase, sites_are_sorted_and_namesakes_are_one);
  tcase_add_loop_test (tcase, random_operations_agree_with_a_plain_model, 0, 5);
  tcase_add_test (tcase, a_run_without_operations_has_no_sites);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
