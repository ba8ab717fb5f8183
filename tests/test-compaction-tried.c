/* test-compaction-tried.c: whether pages are moved at all, and how hard it is tried.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/compaction-fixture.h"

static void
asks_with_less_room (KmlMachine *machine, gpointer data)
{
  fragment ();
  for (guint i = 0; i < 4; i++) /* 28 - 4 is no more than min + 2 * 8 */
    ck_assert_uint_ne (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_eq (ask (8, KML_GFP_KERNEL | KML_GFP_NORETRY), KML_ADDR_NONE);
  ck_assert_uint_eq (count_compact (KML_COMPACT_STALL), 0);
  give_back_one ();
  ck_assert_uint_ne (ask (8, KML_GFP_KERNEL | KML_GFP_NORETRY), KML_ADDR_NONE);
}

START_TEST (without_room_for_pages_to_move_to_it_is_not_tried)
{
  set_up_compaction (small_blocks, FALSE);
  run (asks_with_less_room);
  ck_assert_uint_eq (count_compact (KML_COMPACT_STALL), 1);
  ck_assert_uint_eq (count_compact (KML_COMPACT_SUCCESS), 1);
  tear_down ();
}
END_TEST

/* Of each four frames three are free, and the last eight. */
static void
thin_out (void)
{
  for (guint i = 0; i < 14; i++) {
    ck_assert (kml_mapping_touch (story.anon, i, TRUE));
    for (guint j = 0; j < 3; j++)
      ck_assert (kml_mapping_touch (rest, 3 * i + j, TRUE));
  }
  kml_mapping_drop (rest);
  ck_assert_uint_eq (n_free (), 50);
}

/* Pageblocks of 16 frames: 14 blocks of one frame, 14 of two and one of eight, 50 frames, more than low + 2 * 16. The fragmentation
 * index of 16 frames is 1000 - (1000 + 50 * 1000 / 16) / 29 = 858. */
static void
asks_for_sixteen (KmlMachine *machine, gpointer data)
{
  const guint *threshold = data;

  thin_out ();
  ck_assert_uint_eq (pfn_of (ask (16, KML_GFP_KERNEL)) == 0, *threshold < 858);
  check_all ();
}

START_TEST (where_the_index_says_that_memory_is_missing_it_is_not_tried)
{
  guint threshold = 857 + (guint)_i;
  const KmlTaskConfig config = { .name = "asker", .func = asks_for_sixteen, .data = &threshold };

  set_up_compaction (larger_blocks, FALSE);
  story.reclaim->compaction->frag_threshold = threshold;
  story.anon = kml_mapping_new_anon (story.reclaim, "anon", N, NULL);
  kml_task_new (story.rig.scheduler, &config);
  kml_scheduler_run (story.rig.scheduler);
  ck_assert_uint_eq (count_compact (KML_COMPACT_STALL), _i == 0 ? 1 : 0);
  tear_down ();
}
END_TEST

/* A device has the page at 4. That at 0 moves, and the pageblock is marked: the second request does not look at it again. */
static void
asks_twice (KmlMachine *machine, gpointer data)
{
  const KmlRequest request = { .size = 8 * PAGE, .gfp = KML_GFP_KERNEL };
  KmlCompactTry try = { .order = 3, .priority = KML_COMPACT_SYNC_LIGHT };

  thin_out ();
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_KERNEL)), 56);
  kml_mapping_pin (story.anon, 1, FALSE);
  for (guint i = 1; i <= 2; i++) {
    guint64 held;
    const KmlAddr addr = kml_compaction_try (story.reclaim->compaction, &try, story.zones, &request,
                                             &held);

    ck_assert_uint_eq (pfn_of (addr), 8 * i);
    ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 1 + 2 * i);
  }
  kml_mapping_unpin (story.reclaim, story.anon->frames[1]);
}

START_TEST (a_pageblock_that_was_looked_at_is_left_out)
{
  set_up_compaction (small_blocks, FALSE);
  run (asks_twice);
  ck_assert_uint_eq (count_compact (KML_COMPACT_MIGRATE_SCANNED), 6 + 6 + 6);
  tear_down ();
}
END_TEST

/* Nothing can be spared: 7 frames are free, in the last pageblock. */
static void
compacts_at_the_mark (KmlMachine *machine, gpointer data)
{
  touch_by_turns ();
  ck_assert_uint_eq (pfn_of (ask (1, BELOW)), 56);
  kml_compaction_all (story.reclaim->compaction);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 0);
  check_contents ();
}

START_TEST (free_frames_below_the_mark_are_no_place_for_pages)
{
  set_up_compaction (small_blocks, FALSE);
  run (compacts_at_the_mark);
  tear_down ();
}
END_TEST

/* A device has a page of each pageblock, so nothing comes of it. */
static void
fails_again_and_again (KmlMachine *machine, gpointer data)
{
  KmlCompactZone *state = &story.reclaim->compaction->zones[0];
  KmlCompactTry try = { .order = 3, .priority = KML_COMPACT_SYNC_LIGHT };
  const KmlRequest request = { .size = 8 * PAGE, .gfp = KML_GFP_KERNEL };
  guint64 held;

  fragment ();
  for (guint i = 0; i < 28; i += 4)
    kml_mapping_pin (story.anon, i, FALSE);
  for (guint shift = 1; shift <= 8; shift++) {
    const guint n = 1u << MIN (shift - 1, 6); /* 1, 2, 4, … 64, 64 */
    const guint64 n_scanned = count_compact (KML_COMPACT_MIGRATE_SCANNED);

    for (guint i = 1; i <= n; i++) {
      ck_assert_uint_eq (
          kml_compaction_try (story.reclaim->compaction, &try, story.zones, &request, &held),
          KML_ADDR_NONE);
      if (i < n)
        ck_assert_int_eq (try.result, KML_COMPACT_IS_DEFERRED);
      else
        ck_assert_int_ge (try.result, KML_COMPACT_IS_COMPLETE);
    }
    ck_assert_uint_eq (state->defer_shift, MIN (shift, 6));
    ck_assert_uint_eq (state->cached_free, 56); /* the next pass begins at both ends again */
    /* what was looked at is left out, until it has been waited for as long as can be */
    if (shift > 2)
      ck_assert_int_eq (count_compact (KML_COMPACT_MIGRATE_SCANNED) > n_scanned, shift >= 7);
  }
  ck_assert (state->skip[0]);
  state->cached_free = state->cached_migrate[1] = 24; /* one that came since has ended there */
  kml_compaction_kswapd_sleeps (story.reclaim->compaction);
  ck_assert (!state->skip[0]);
  ck_assert_uint_eq (state->cached_free, 56);
  ck_assert_uint_eq (state->cached_migrate[1], 0);
  for (guint i = 0; i < 28; i += 4)
    kml_mapping_unpin (story.reclaim, story.anon->frames[i]);
  try.priority = KML_COMPACT_SYNC_FULL; /* whatever happened before */
  ck_assert_uint_ne (
      kml_compaction_try (story.reclaim->compaction, &try, story.zones, &request, &held),
      KML_ADDR_NONE);
  ck_assert_uint_eq (state->defer_shift, 0);
  check_contents ();
}

START_TEST (a_zone_in_which_it_fails_is_left_alone_for_twice_as_long_each_time_up_to_64)
{
  set_up_compaction (small_blocks, FALSE);
  run (fails_again_and_again);
  tear_down ();
}
END_TEST

START_TEST (once_more_is_as_hard_as_it_gets)
{
  KmlCompactTry small = { .order = 3,
                          .priority = KML_COMPACT_SYNC_LIGHT,
                          .result = KML_COMPACT_IS_COMPLETE },
                large = { .order = 4,
                          .priority = KML_COMPACT_ASYNC,
                          .result = KML_COMPACT_IS_DEFERRED };

  ck_assert (kml_compaction_tries_again (&small));
  ck_assert_int_eq (small.priority, KML_COMPACT_SYNC_FULL);
  ck_assert (!kml_compaction_tries_again (&small));
  ck_assert (kml_compaction_tries_again (&large));
  ck_assert_int_eq (large.priority, KML_COMPACT_SYNC_LIGHT);
  ck_assert (!kml_compaction_tries_again (&large));
  large.result = KML_COMPACT_IS_DONE; /* and somebody else has had it */
  for (guint i = 0; i < 4; i++)
    ck_assert (kml_compaction_tries_again (&large));
  ck_assert (!kml_compaction_tries_again (&large));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("compaction-tried");
  TCase *requests = tcase_create ("requests");

  tcase_add_test (requests, without_room_for_pages_to_move_to_it_is_not_tried);
  tcase_add_loop_test (requests, where_the_index_says_that_memory_is_missing_it_is_not_tried, 0, 2);
  tcase_add_test (requests,
                  a_zone_in_which_it_fails_is_left_alone_for_twice_as_long_each_time_up_to_64);
  tcase_add_test (requests, a_pageblock_that_was_looked_at_is_left_out);
  tcase_add_test (requests, free_frames_below_the_mark_are_no_place_for_pages);
  tcase_add_test (requests, once_more_is_as_hard_as_it_gets);
  suite_add_tcase (suite, requests);

  return run_suite (suite);
}
