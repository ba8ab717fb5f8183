/* test-buddy.c: stories of the buddy system, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What buddy has in common with other allocators is in test-conformance.c; limits of splits and merges are in test-buddy-limits.c.
 */

#include "allocators/buddy.h"
#include "simcore/base/rng.h"
#include "tests/page-fixture.h"

static void
start_with (guint n_frames, const char *max_order, const char *list, const char *grouping)
{
  start_allocator (kml_allocator_find ("buddy"), n_frames, "max-order", max_order, "list", list,
                   "grouping", grouping, NULL);
}

/* ---- Splitting and coalescing ---- */

START_TEST (eight_frames_are_split_and_joined)
{
  start_with (8, "3", "lifo", "none");
  assert_picture ("........|");
  ck_assert_int_eq (take (1), 0); /* 8 -> 4 + 4 -> 2 + 2 -> 1 + 1 */
  assert_picture ("U|.|..|....|");
  ck_assert_uint_eq (allocator->counters[COUNTER_SPLITS], 3);
  ck_assert_int_eq (take (2), 2);
  assert_picture ("U|.|UU|....|");
  ck_assert_int_eq (take (1), 1);
  ck_assert_int_eq (take (3), 4); /* rounded up to 4 */
  assert_picture ("U|U|UU|UUUU|");
  ck_assert_int_eq (take (1), -1);
  give_back (0);
  assert_picture (".|U|UU|UUUU|"); /* the buddy of 0 is 1, and used */
  give_back (2);
  assert_picture (".|U|..|UUUU|"); /* the buddy of 2-3 is 0-1, and split */
  give_back (1);
  assert_picture ("....|UUUU|"); /* 1 joins 0, 0-1 joins 2-3 */
  give_back (4);
  assert_picture ("........|");
  ck_assert_uint_eq (allocator->counters[COUNTER_SPLITS], 3);
  ck_assert_uint_eq (allocator->counters[COUNTER_MERGES], 3);
  stop ();
}
END_TEST

START_TEST (neighbours_that_are_not_buddies_stay_apart)
{
  start_with (4, "2", "lifo", "none");
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq (take (1), i);
  give_back (1);
  give_back (2);
  assert_picture ("U|.|.|U|");
  ck_assert_int_eq (take (2), -1); /* two free frames, but 1-2 is no block */
  stop ();
}
END_TEST

/* 13 = 8 + 4 + 1; nothing joins across the end, where a buddy would be half outside. */
START_TEST (memory_that_is_no_power_of_two_is_covered)
{
  start_with (13, "3", "lifo", "none");
  assert_picture ("........|....|.|");
  ck_assert_int_eq (take (1), 12);
  ck_assert_int_eq (take (4), 8);
  ck_assert_int_eq (take (8), 0);
  ck_assert_int_eq (take (1), -1);
  give_back (12);
  give_back (0);
  give_back (8);
  assert_picture ("........|....|.|");
  stop ();
}
END_TEST

START_TEST (memory_smaller_than_the_largest_block_is_covered)
{
  start_with (5, "20", "lifo", "none");
  assert_picture ("....|.|");
  ck_assert_int_eq (take (8), -1);
  ck_assert_int_eq (take (4), 0);
  stop ();
}
END_TEST

START_TEST (a_split_block_is_freed_in_pieces)
{
  start_with (8, "3", "lifo", "none");
  ck_assert_int_eq (take (4), 0);
  ck_assert (allocator->ops->split (allocator, 0, PAGE));
  assert_picture ("U|U|U|U|....|");
  give_back (1);
  give_back (3);
  assert_picture ("U|.|U|.|....|");
  give_back (0);
  give_back (2);
  assert_picture ("........|");
  /* one by the request, three by split() */
  ck_assert_uint_eq (allocator->counters[COUNTER_SPLITS], 1 + 3);
  ck_assert_uint_eq (allocator->counters[COUNTER_MERGES], 4);
  stop ();
}
END_TEST

/* Claim A13: a run that returns to its initial state has as many splits as merges. */
START_TEST (splits_equal_merges_when_all_is_back)
{
  int blocks[200];
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  start_with (3000, "10", "fifo", "none");
  for (int i = 0; i < 200; i++)
    blocks[i] = take ((guint)(1 + kml_rng_below (&rng, 20)));
  for (int i = 0; i < 200; i++)
    if (blocks[i] >= 0)
      give_back (blocks[i]);
  ck_assert_uint_gt (allocator->counters[COUNTER_SPLITS], 100);
  ck_assert_uint_eq (allocator->counters[COUNTER_SPLITS], allocator->counters[COUNTER_MERGES]);
  stop ();
}
END_TEST

START_TEST (a_split_that_is_not_accounted_for_is_noticed)
{
  g_autoptr (GError) error = NULL;

  start_with (13, "3", "lifo", "none");
  take (1);
  ((Buddy *)allocator)->n_split[2]++;
  ck_assert (!allocator->ops->check (allocator, &error));
  assert_error (error, KML_ERROR_CORRUPT, "Y7");
  stop ();
}
END_TEST

/* ---- Choice of block ---- */

/* Six frames in use, of which 4, 0 and 2 are freed in this order: their buddies are not. */
static void
free_three (const char *list)
{
  start_with (8, "3", list, "none");
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq (take (1), i);
  give_back (4);
  give_back (0);
  give_back (2);
}

START_TEST (lifo_takes_the_block_freed_last)
{
  free_three ("lifo");
  ck_assert_int_eq (take (1), 2);
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take (1), 4);
  stop ();
}
END_TEST

/* 2 and 3 are one free block when 0 is freed, so 1 would make two merges at once. With 8 that is not so. */
START_TEST (linux_leaves_alone_what_would_be_joined_twice)
{
  start_with (16, "3", "linux", "none");
  for (int i = 0; i < 16; i++)
    ck_assert_int_eq (take (1), i);
  give_back (2);
  give_back (3);
  give_back (8);
  give_back (0);
  assert_picture (".|U|..|U|U|U|U|.|U|U|U|U|U|U|U|");
  ck_assert_int_eq (take (1), 8);
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take (1), 2);
  stop ();
}
END_TEST

/* A free block of half the largest order has no parent to wait for. */
START_TEST (linux_lists_the_largest_two_orders_as_lifo_does)
{
  start_with (24, "2", "linux", "none");
  for (int i = 0; i < 24; i += 2)
    ck_assert_int_eq (take (2), i);
  give_back (4);
  give_back (6); /* joined: 4 to 7 */
  give_back (8);
  give_back (0);
  ck_assert_int_eq (take (2), 0);
  ck_assert_int_eq (take (2), 8);
  stop ();
}
END_TEST

START_TEST (fifo_takes_the_block_freed_first)
{
  free_three ("fifo");
  ck_assert_int_eq (take (1), 4);
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take (1), 2);
  stop ();
}
END_TEST

START_TEST (address_takes_the_lowest_block)
{
  free_three ("address");
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take (1), 2);
  ck_assert_int_eq (take (1), 4);
  stop ();
}
END_TEST

START_TEST (what_was_used_before_is_used_again_first)
{
  start_with (24, "3", "lifo", "none");
  ck_assert_int_eq (take (8), 0);
  ck_assert_int_eq (take (8), 8);
  give_back (0);
  ck_assert_int_eq (take (8), 0); /* not 16, which nobody has touched */
  ck_assert_int_eq (take (8), 16);
  stop ();
}
END_TEST

/* Setting up 16 GiB touches no record; using it touches those of what is used. */
START_TEST (untouched_memory_has_no_records)
{
  start_with (4 * 1024 * 1024, "10", "lifo", "none");
  ck_assert_uint_eq (machine->free_area.n_free, machine->ram->n_usable);
  ck_assert_uint_eq (kml_ram_frame (machine->ram, 0)->state, KML_FRAME_UNTOUCHED);
  ck_assert_int_eq (take (1024), 0);
  ck_assert_int_eq (take (1), 1024);
  ck_assert_uint_eq (kml_ram_frame (machine->ram, 2048)->state, KML_FRAME_UNTOUCHED);
  stop ();
}
END_TEST

/* ---- Constraints ---- */

START_TEST (an_alignment_beyond_the_size_gives_back_the_rest)
{
  const KmlConstraints constraints = { .alignment = 4 * PAGE };

  start_with (8, "3", "lifo", "none");
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take_within (1, &constraints), 4);
  assert_picture ("U|.|..|U|.|..|");
  stop ();
}
END_TEST

START_TEST (an_alignment_beyond_the_largest_block_is_searched)
{
  const KmlConstraints constraints = { .alignment = 16 * PAGE };

  start_with (40, "2", "lifo", "none");
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take_within (4, &constraints), 16);
  ck_assert_int_eq (take_within (4, &constraints), 32);
  ck_assert_int_eq (take_within (4, &constraints), -1);
  stop ();
}
END_TEST

START_TEST (a_limit_is_searched_below)
{
  const KmlConstraints constraints = { .limit = 2 * PAGE };

  start_with (8, "3", "lifo", "none");
  for (int i = 0; i < 8; i++)
    take (1);
  give_back (1);
  give_back (5); /* first in the list */
  ck_assert_int_eq (take_within (1, &constraints), 1);
  ck_assert_int_eq (take_within (1, &constraints), -1);
  stop ();
}
END_TEST

/* ---- Mobility ---- */

static int
take_as (KmlMobility mobility, guint n_pages)
{
  const KmlRequest request = { .size = n_pages * PAGE, .mobility = (guint8)mobility };
  guint64 held;

  return ask (allocator, &request, &held);
}

/* Pageblocks of 4 frames: max-order is less than 9, so a pageblock is the largest block. A
 * letter is a frame in use for Movable, Unmovable, Reclaimable; the line below says whose
 * pageblock it is.
 *
 *     M...|....|....     MM..|UU..|R...     MMMM|UU..|RM..     MMMM|UUR.|RM..
 *      M    m    m        M    U    R        M    U    M        M    R    M
 */
START_TEST (mobilities_live_in_pageblocks_of_their_own)
{
  start_with (12, "2", "lifo", "mobility");
  ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 1), 0);
  ck_assert_int_eq (take (1), 4);                              /* claims a whole pageblock ... */
  ck_assert_int_eq (take_as (KML_MOBILITY_RECLAIMABLE, 1), 8); /* ... as does the next */
  ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 1), 1);
  ck_assert_int_eq (take (1), 5);
  ck_assert_uint_eq (allocator->counters[COUNTER_CLAIMS], 2);

  ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 2), 2);
  ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 1), 9); /* 3 of 4 frames are free: claimed */
  ck_assert_uint_eq (allocator->counters[COUNTER_CLAIMS], 3);
  ck_assert_int_eq (take_as (KML_MOBILITY_RECLAIMABLE, 1), 6); /* 2 of 4, just enough */
  ck_assert_uint_eq (allocator->counters[COUNTER_CLAIMS], 4);
  ck_assert_uint_eq (allocator->counters[COUNTER_STEALS], 4);
  stop ();
}
END_TEST

/* Pageblocks of 16 frames, of which only single ones are free: movable requests take one and
 * leave the rest. */
START_TEST (movable_requests_do_not_steal_small_blocks)
{
  start_with (16, "4", "lifo", "mobility");
  for (int i = 0; i < 16; i++)
    ck_assert_int_eq (take (1), i);
  give_back (3);
  give_back (9);
  ck_assert_uint_eq (allocator->counters[COUNTER_STEALS], 1); /* of the first request */
  ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 1), 9);
  ck_assert_int_eq (take (1), 3);
  ck_assert_uint_eq (allocator->counters[COUNTER_STEALS], 1);
  stop ();
}
END_TEST

/* The pageblock from 0 is taken for its largest block, 8 to 15, and what is given is its smallest, as Linux does. */
START_TEST (a_steal_gives_the_smallest_block_of_what_was_stolen)
{
  start_with (32, "4", "lifo", "mobility");
  ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 1), 0);
  ck_assert_int_eq (take (16), 16);
  ck_assert_int_eq (take (1), 1);
  assert_picture ("U|U|..|....|........|UUUUUUUUUUUUUUUU|");
  ck_assert_int_eq (take (4), 4);
  ck_assert_uint_eq (allocator->counters[COUNTER_STEALS], 2);
  stop ();
}
END_TEST

START_TEST (stolen_blocks_are_listed_by_address_behind_all_others)
{
  start_with (32, "4", "lifo", "mobility");
  for (int i = 0; i < 16; i++)
    ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 1), i);
  ck_assert_int_eq (take (16), 16);
  give_back (13);
  give_back (5);
  give_back (9);
  give_back (2);
  give_back (3);
  ck_assert_int_eq (take (1), 5);
  ck_assert_int_eq (take (1), 9);
  ck_assert_int_eq (take (1), 13);
  ck_assert_int_eq (take (1), 2);
  stop ();
}
END_TEST

START_TEST (without_grouping_mobilities_mix)
{
  start_with (12, "2", "lifo", "none");
  ck_assert_int_eq (take_as (KML_MOBILITY_MOVABLE, 1), 0);
  ck_assert_int_eq (take (1), 1);
  stop ();
}
END_TEST

/* ---- Costs ---- */

/* With every item at 1 ps: a lock, two hot references, the instructions, and 1 + frames + 2 per
 * split warm ones. */
START_TEST (a_split_costs_more_than_none)
{
  KmlTime start, without, with;

  start_with (8, "3", "lifo", "none");
  start = machine->now;
  ck_assert_int_eq (take (1), 0);
  with = machine->now - start;
  start = machine->now;
  ck_assert_int_eq (take (1), 1);
  without = machine->now - start;
  ck_assert_uint_eq (with - without, 3 * (25 + 2));
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("buddy");
  TCase *story = tcase_create ("story");

  tcase_add_test (story, eight_frames_are_split_and_joined);
  tcase_add_test (story, neighbours_that_are_not_buddies_stay_apart);
  tcase_add_test (story, memory_that_is_no_power_of_two_is_covered);
  tcase_add_test (story, memory_smaller_than_the_largest_block_is_covered);
  tcase_add_test (story, a_split_block_is_freed_in_pieces);
  tcase_add_test (story, splits_equal_merges_when_all_is_back);
  tcase_add_test (story, a_split_that_is_not_accounted_for_is_noticed);
  tcase_add_test (story, lifo_takes_the_block_freed_last);
  tcase_add_test (story, linux_leaves_alone_what_would_be_joined_twice);
  tcase_add_test (story, linux_lists_the_largest_two_orders_as_lifo_does);
  tcase_add_test (story, fifo_takes_the_block_freed_first);
  tcase_add_test (story, address_takes_the_lowest_block);
  tcase_add_test (story, what_was_used_before_is_used_again_first);
  tcase_add_test (story, untouched_memory_has_no_records);
  tcase_add_test (story, an_alignment_beyond_the_size_gives_back_the_rest);
  tcase_add_test (story, an_alignment_beyond_the_largest_block_is_searched);
  tcase_add_test (story, a_limit_is_searched_below);
  tcase_add_test (story, mobilities_live_in_pageblocks_of_their_own);
  tcase_add_test (story, movable_requests_do_not_steal_small_blocks);
  tcase_add_test (story, a_steal_gives_the_smallest_block_of_what_was_stolen);
  tcase_add_test (story, stolen_blocks_are_listed_by_address_behind_all_others);
  tcase_add_test (story, without_grouping_mobilities_mix);
  tcase_add_test (story, a_split_costs_more_than_none);
  suite_add_tcase (suite, story);

  return run_suite (suite);
}
