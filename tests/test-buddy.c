/* test-buddy.c: stories of the buddy system, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What buddy has in common with other allocators is in test-conformance.c. In the
 * pictures a letter is a frame: U used, . free; a bar is the end of a block.
 */

#include "simcore/allocator.h"
#include "simcore/frame-set.h"
#include "simcore/rng.h"
#include "tests/testutils.h"

#define PAGE 4096

enum {
  SPLITS,
  MERGES,
  STEALS,
  CLAIMS,
};

static KmlMachine *machine;
static KmlAllocator *buddy;

static void
start_with (guint n_frames, const char *max_order, const char *list, const char *grouping)
{
  const guint n_table_frames = (n_frames + 126) / 127; /* 128 records of 32 bytes to a frame */
  KmlMachineConfig config = { .n_cpus = 1, .page_size = PAGE };
  g_autoptr (GError) error = NULL;

  config.ram = (guint64)(n_frames + n_table_frames) * PAGE;
  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = 1;
  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  ck_assert_uint_eq (machine->ram->n_usable, n_frames);
  buddy = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  kml_param_parse (kml_param_find (buddy->ops->params, "max-order"), max_order, buddy, &error);
  assert_no_error (error);
  kml_param_parse (kml_param_find (buddy->ops->params, "list"), list, buddy, &error);
  assert_no_error (error);
  kml_param_parse (kml_param_find (buddy->ops->params, "grouping"), grouping, buddy, &error);
  assert_no_error (error);
  kml_allocator_start (buddy, &error);
  assert_no_error (error);
}

static void
stop (void)
{
  kml_allocator_destroy (buddy);
  kml_machine_free (machine);
}

static void
draw (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  GString *picture = user_data;

  for (guint64 i = 0; i < size / PAGE; i++)
    g_string_append_c (picture, state == KML_BLOCK_USED ? 'U' : '.');
  g_string_append_c (picture, '|');
}

static void
assert_picture (const char *expected)
{
  g_autoptr (GString) picture = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  buddy->ops->check (buddy, &error);
  assert_no_error (error);
  buddy->ops->walk (buddy, draw, picture);
  ck_assert_str_eq (picture->str, expected);
}

/* Frame number of the block, or -1. */
static int
ask (guint n_pages, KmlMobility mobility, const KmlConstraints *constraints)
{
  const KmlRequest request = { .size = n_pages * PAGE,
                               .mobility = (guint8)mobility,
                               .constraints = constraints };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (buddy, &request, &held);

  return addr == KML_ADDR_NONE ? -1 : (int)(addr / PAGE);
}

static int
take (guint n_pages)
{
  return ask (n_pages, KML_MOBILITY_UNMOVABLE, NULL);
}

static void
give_back (int pfn)
{
  const KmlRequest how = { 0 };

  kml_allocator_free_block (buddy, (KmlAddr)pfn * PAGE, &how);
}

/* ---- Splitting and coalescing ---- */

START_TEST (eight_frames_are_split_and_joined)
{
  start_with (8, "3", "lifo", "none");
  assert_picture ("........|");
  ck_assert_int_eq (take (1), 0); /* 8 -> 4 + 4 -> 2 + 2 -> 1 + 1 */
  assert_picture ("U|.|..|....|");
  ck_assert_uint_eq (buddy->counters[SPLITS], 3);
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
  ck_assert_uint_eq (buddy->counters[SPLITS], 3);
  ck_assert_uint_eq (buddy->counters[MERGES], 3);
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
  buddy->ops->split (buddy, 0, PAGE);
  assert_picture ("U|U|U|U|....|");
  give_back (1);
  give_back (3);
  assert_picture ("U|.|U|.|....|");
  give_back (0);
  give_back (2);
  assert_picture ("........|");
  ck_assert_uint_eq (buddy->counters[SPLITS], 1 + 3); /* one by the request, three by split() */
  ck_assert_uint_eq (buddy->counters[MERGES], 4);
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
  ck_assert_uint_gt (buddy->counters[SPLITS], 100);
  ck_assert_uint_eq (buddy->counters[SPLITS], buddy->counters[MERGES]);
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
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, &constraints), 4);
  assert_picture ("U|.|..|U|.|..|");
  stop ();
}
END_TEST

START_TEST (an_alignment_beyond_the_largest_block_is_searched)
{
  const KmlConstraints constraints = { .alignment = 16 * PAGE };

  start_with (40, "2", "lifo", "none");
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (ask (4, KML_MOBILITY_UNMOVABLE, &constraints), 16);
  ck_assert_int_eq (ask (4, KML_MOBILITY_UNMOVABLE, &constraints), 32);
  ck_assert_int_eq (ask (4, KML_MOBILITY_UNMOVABLE, &constraints), -1);
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
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, &constraints), 1);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, &constraints), -1);
  stop ();
}
END_TEST

/* ---- Mobility ---- */

/* Pageblocks of 4 frames: max-order is less than 9, so a pageblock is the largest block. A
 * letter is a frame in use for Movable, Unmovable, Reclaimable; the line below says whose
 * pageblock it is.
 *
 *     M...|....|....     MM..|UU..|R...     MMMM|UU..|R.M.     MMMM|UUR.|R.M.
 *      M    m    m        M    U    R        M    U    M        M    R    M
 */
START_TEST (mobilities_live_in_pageblocks_of_their_own)
{
  start_with (12, "2", "lifo", "mobility");
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 0);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 4);   /* claims a whole pageblock ... */
  ck_assert_int_eq (ask (1, KML_MOBILITY_RECLAIMABLE, NULL), 8); /* ... as does the next */
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 1);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 5);
  ck_assert_uint_eq (buddy->counters[CLAIMS], 2);

  ck_assert_int_eq (ask (2, KML_MOBILITY_MOVABLE, NULL), 2);
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 10); /* 3 of 4 frames are free: claimed */
  ck_assert_uint_eq (buddy->counters[CLAIMS], 3);
  ck_assert_int_eq (ask (1, KML_MOBILITY_RECLAIMABLE, NULL), 6); /* 2 of 4, just enough */
  ck_assert_uint_eq (buddy->counters[CLAIMS], 4);
  ck_assert_uint_eq (buddy->counters[STEALS], 4);
  stop ();
}
END_TEST

/* Pageblocks of 16 frames, of which only single ones are free: movable requests take one and
 * leave the rest. */
START_TEST (movable_requests_do_not_steal_small_blocks)
{
  start_with (16, "4", "lifo", "mobility");
  for (int i = 0; i < 16; i++)
    ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), i);
  give_back (3);
  give_back (9);
  ck_assert_uint_eq (buddy->counters[STEALS], 1); /* of the first request */
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 9);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 3);
  ck_assert_uint_eq (buddy->counters[STEALS], 1);
  stop ();
}
END_TEST

START_TEST (without_grouping_mobilities_mix)
{
  start_with (12, "2", "lifo", "none");
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 0);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 1);
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

/* ---- The ordered set ---- */

START_TEST (a_frame_set_agrees_with_an_array)
{
  const guint64 n = 64 * 64 * 3 + 17; /* three levels, none of them full */
  g_autofree gboolean *members = g_new0 (gboolean, n);
  g_autoptr (GError) error = NULL;
  KmlFrameSet set;
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  ck_assert (kml_frame_set_init (&set, n, &error));
  for (guint i = 0; i < 20000; i++) {
    const guint64 member = kml_rng_below (&rng, i % 2 == 0 ? n : 200);
    guint64 from = kml_rng_below (&rng, n + 10);
    guint64 expected = from;

    if (members[member])
      kml_frame_set_remove (&set, member);
    else
      kml_frame_set_insert (&set, member);
    members[member] = !members[member];
    ck_assert_int_eq (kml_frame_set_contains (&set, member), members[member]);
    if (i % 100 == 0) /* nearly empty, too: next() must climb */
      for (guint64 k = 300; k < n; k++)
        if (members[k]) {
          kml_frame_set_remove (&set, k);
          members[k] = FALSE;
        }
    while (expected < n && !members[expected])
      expected++;
    ck_assert_uint_eq (kml_frame_set_next (&set, from), MIN (expected, n));
  }
  kml_frame_set_clear (&set);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("buddy");
  TCase *story = tcase_create ("story");
  TCase *set = tcase_create ("frame set");

  tcase_add_test (story, eight_frames_are_split_and_joined);
  tcase_add_test (story, neighbours_that_are_not_buddies_stay_apart);
  tcase_add_test (story, memory_that_is_no_power_of_two_is_covered);
  tcase_add_test (story, memory_smaller_than_the_largest_block_is_covered);
  tcase_add_test (story, a_split_block_is_freed_in_pieces);
  tcase_add_test (story, splits_equal_merges_when_all_is_back);
  tcase_add_test (story, lifo_takes_the_block_freed_last);
  tcase_add_test (story, fifo_takes_the_block_freed_first);
  tcase_add_test (story, address_takes_the_lowest_block);
  tcase_add_test (story, what_was_used_before_is_used_again_first);
  tcase_add_test (story, untouched_memory_has_no_records);
  tcase_add_test (story, an_alignment_beyond_the_size_gives_back_the_rest);
  tcase_add_test (story, an_alignment_beyond_the_largest_block_is_searched);
  tcase_add_test (story, a_limit_is_searched_below);
  tcase_add_test (story, mobilities_live_in_pageblocks_of_their_own);
  tcase_add_test (story, movable_requests_do_not_steal_small_blocks);
  tcase_add_test (story, without_grouping_mobilities_mix);
  tcase_add_test (story, a_split_costs_more_than_none);
  suite_add_tcase (suite, story);
  tcase_add_test (set, a_frame_set_agrees_with_an_array);
  suite_add_tcase (suite, set);

  return run_suite (suite);
}
