/* test-buddy.c: stories of the buddy system, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What buddy has in common with other allocators is in test-conformance.c. In the
 * pictures a letter is a frame: U used, . free; a bar is the end of a block.
 */

#include "allocators/buddy.h"
#include "simcore/base/rng.h"
#include "tests/conformance/ledger.h"
#include "tests/testutils.h"

#define PAGE 4096

static KmlMachine *machine;
static KmlAllocator *buddy;

static void
set (const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  kml_param_parse (kml_param_find (buddy->ops->params, name), value, buddy, &error);
  assert_no_error (error);
}

static void
start_capped (guint n_frames, const char *max_order, const char *list, const char *grouping,
              const char *max_splits, const char *max_merges)
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
  set ("max-order", max_order);
  set ("list", list);
  set ("grouping", grouping);
  set ("max-splits", max_splits);
  set ("max-merges", max_merges);
  kml_allocator_start (buddy, &error);
  assert_no_error (error);
}

static void
start_with (guint n_frames, const char *max_order, const char *list, const char *grouping)
{
  start_capped (n_frames, max_order, list, grouping, "20", "20");
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
  ck_assert_uint_eq (buddy->counters[COUNTER_SPLITS], 3);
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
  ck_assert_uint_eq (buddy->counters[COUNTER_SPLITS], 3);
  ck_assert_uint_eq (buddy->counters[COUNTER_MERGES], 3);
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
  ck_assert (buddy->ops->split (buddy, 0, PAGE));
  assert_picture ("U|U|U|U|....|");
  give_back (1);
  give_back (3);
  assert_picture ("U|.|U|.|....|");
  give_back (0);
  give_back (2);
  assert_picture ("........|");
  ck_assert_uint_eq (buddy->counters[COUNTER_SPLITS],
                     1 + 3); /* one by the request, three by split() */
  ck_assert_uint_eq (buddy->counters[COUNTER_MERGES], 4);
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
  ck_assert_uint_gt (buddy->counters[COUNTER_SPLITS], 100);
  ck_assert_uint_eq (buddy->counters[COUNTER_SPLITS], buddy->counters[COUNTER_MERGES]);
  stop ();
}
END_TEST

START_TEST (a_split_that_is_not_accounted_for_is_noticed)
{
  g_autoptr (GError) error = NULL;

  start_with (13, "3", "lifo", "none");
  take (1);
  ((Buddy *)buddy)->n_split[2]++;
  ck_assert (!buddy->ops->check (buddy, &error));
  assert_error (error, KML_ERROR_CORRUPT, "Y7");
  stop ();
}
END_TEST

/* ---- Limits of splits and merges ---- */

/* Eight frames in use, one by one. */
static void
use_eight (const char *max_splits, const char *max_merges)
{
  start_capped (8, "3", "address", "none", "20", max_merges);
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq (take (1), i);
  set ("max-splits", max_splits);
}

START_TEST (a_merge_too_many_is_made_later)
{
  use_eight ("20", "1");
  give_back (1);
  give_back (2);
  give_back (3);
  assert_picture ("U|.|..|U|U|U|U|");
  give_back (0);
  assert_picture ("..|..|U|U|U|U|"); /* 0 joined 1; 0-1 and 2-3 wait */
  ck_assert_uint_eq (buddy->counters[COUNTER_DEFERRED_MERGES], 1);
  give_back (4);
  assert_picture ("....|.|U|U|U|"); /* nothing to join for itself, so it joined what waited */
  ck_assert_uint_eq (buddy->counters[COUNTER_LATE_MERGES], 1);
  give_back (7);
  give_back (5);
  give_back (6);
  assert_picture ("....|..|..|"); /* 6 joined 7; 4-5 and 6-7 wait */
  buddy->ops->shrink (buddy);
  assert_picture ("........|"); /* 4-5 with 6-7, and what that makes with 0-3 */
  ck_assert_uint_eq (buddy->counters[COUNTER_DEFERRED_MERGES], 2);
  ck_assert_uint_eq (buddy->counters[COUNTER_LATE_MERGES], 3);
  ck_assert_uint_eq (buddy->counters[COUNTER_MOST_MERGES], 1);
  ck_assert_uint_eq (buddy->counters[COUNTER_MERGES], buddy->counters[COUNTER_SPLITS]);
  stop ();
}
END_TEST

START_TEST (a_request_that_would_fail_joins_what_waits)
{
  use_eight ("20", "1");
  for (int i = 7; i >= 0; i--)
    give_back (i);
  assert_picture ("..|..|....|"); /* the last free joined 0 with 1 */
  ck_assert_int_eq (take (4), 4);
  ck_assert_int_eq (take (4), 0); /* joins 0-1 with 2-3, which is enough */
  ck_assert_uint_eq (buddy->counters[COUNTER_LATE_MERGES], 2);
  give_back (0);
  give_back (4);
  assert_picture ("........|");
  stop ();
}
END_TEST

START_TEST (a_request_that_fails_all_the_same_has_helped_the_next)
{
  use_eight ("20", "1");
  for (int i = 7; i >= 0; i--)
    give_back (i);
  assert_picture ("..|..|....|");
  ck_assert_int_eq (take (8), -1);
  assert_picture ("....|....|");
  ck_assert_int_eq (take (8), 0);
  ck_assert_uint_eq (buddy->counters[COUNTER_MOST_MERGES], 1);
  stop ();
}
END_TEST

START_TEST (a_pair_of_which_one_is_taken_is_forgotten)
{
  use_eight ("20", "0");
  give_back (4);
  give_back (5);
  assert_picture ("U|U|U|U|.|.|U|U|");
  ck_assert_uint_eq (((Buddy *)buddy)->n_pairs, 1);
  ck_assert_int_eq (take (1), 4);
  ck_assert_uint_eq (((Buddy *)buddy)->n_pairs, 0);
  assert_picture ("U|U|U|U|U|.|U|U|");
  give_back (4); /* and is one again */
  ck_assert_uint_eq (((Buddy *)buddy)->n_pairs, 1);
  ck_assert_int_eq (take (2), -1); /* no merge is allowed but in shrink() */
  buddy->ops->shrink (buddy);
  ck_assert_int_eq (take (2), 4);
  stop ();
}
END_TEST

START_TEST (a_pair_that_nobody_waits_for_is_noticed)
{
  g_autoptr (GError) error = NULL;

  use_eight ("20", "0");
  give_back (4);
  give_back (5);
  ((Buddy *)buddy)->first_pair = KML_PFN_NONE;
  ck_assert (!buddy->ops->check (buddy, &error));
  assert_error (error, KML_ERROR_CORRUPT, "Y3");
  stop ();
}
END_TEST

/* 8 -> 4 + 4 -> 2 + 2, and the two frames are given for one. */
START_TEST (a_split_too_many_is_left_out)
{
  start_capped (8, "3", "lifo", "none", "2", "20");
  ck_assert_int_eq (take (1), 0);
  assert_picture ("UU|..|....|");
  ck_assert_uint_eq (buddy->counters[COUNTER_OVERSIZED], 1);
  ck_assert_uint_eq (buddy->counters[COUNTER_OMITTED_SPLITS], 1);
  ck_assert (!buddy->ops->split (buddy, 0, PAGE)); /* frame 1 is nobody's */
  assert_picture ("UU|..|....|");
  ck_assert_int_eq (take (1), 2); /* 2 -> 1 + 1 */
  assert_picture ("UU|U|.|....|");
  ck_assert_uint_eq (buddy->counters[COUNTER_OVERSIZED], 1);
  give_back (0);
  give_back (2);
  assert_picture ("........|");
  ck_assert_uint_eq (buddy->counters[COUNTER_MOST_SPLITS], 2);
  stop ();
}
END_TEST

/* With every item of cost at 1 ps an operation's time says how many steps it made. The longest of 5000 on
 * single frames, in which memory falls apart and grows together again and again. */
static KmlTime
longest_operation (const char *max_splits, const char *max_merges)
{
  const KmlRequest request = { .size = PAGE };
  KmlAddr blocks[64];
  KmlTime longest = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  start_capped (1024, "10", "lifo", "none", max_splits, max_merges);
  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++)
    blocks[i] = KML_ADDR_NONE;
  for (guint i = 0; i < 5000; i++) {
    const guint64 k = kml_rng_below (&rng, i / 200 % 2 == 0 ? G_N_ELEMENTS (blocks) : 2);
    const KmlTime start = machine->now;
    guint64 held;

    if (blocks[k] == KML_ADDR_NONE) {
      blocks[k] = kml_allocator_alloc (buddy, &request, &held);
    } else {
      kml_allocator_free_block (buddy, blocks[k], &request);
      blocks[k] = KML_ADDR_NONE;
    }
    longest = MAX (longest, machine->now - start);
  }
  stop ();
  return longest;
}

/* A request without a split takes a lock, two hot references, 60 instructions and 4 for its frame, and
 * one warm reference for the list and the frame each; a step 25 instructions and 2 references. A pair takes
 * 2 references when it begins to wait and 3 when it ends. */
START_TEST (the_longest_operation_keeps_the_limit)
{
  const KmlTime step = 25 + 2;
  const KmlTime request = 1 + 2 + 60 + 4 + 1 + 1;
  const KmlTime unlimited = longest_operation ("20", "20");

  ck_assert_uint_eq (unlimited, request + 10 * step);
  for (guint limit = 0; limit < 5; limit++) {
    g_autofree char *text = g_strdup_printf ("%u", limit);
    const KmlTime longest = longest_operation (text, text);

    ck_assert_uint_ge (longest, request);
    ck_assert_uint_le (longest, request + limit * step + (limit + 1) * (2 + 3));
  }
}
END_TEST

/* Every form with every limit, against the naive model of the conformance suite. */
static const char *const limits[] = { "0", "1", "2", "5", "20" };

START_TEST (limited_buddies_keep_every_promise)
{
  const char *max_splits = limits[_i / (int)G_N_ELEMENTS (limits)];
  const char *max_merges = limits[_i % (int)G_N_ELEMENTS (limits)];
  static const char *const forms[][2] = { { "lifo", "none" },        { "lifo", "mobility" },
                                          { "fifo", "mobility" },    { "address", "none" },
                                          { "address", "mobility" }, { "linux", "none" },
                                          { "linux", "mobility" } };

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autoptr (GError) error = NULL;
    Ledger ledger;
    Rig rig;

    start_capped (1100, "6", forms[i][0], forms[i][1], max_splits, max_merges);
    rig = (Rig){ .machine = machine, .pages = buddy, .tested = buddy };
    ledger_init (&ledger, &rig);
    ck_assert_msg (ledger_churn (&ledger, 1, 1000, &error), "%s %s: %s", forms[i][0], forms[i][1],
                   error != NULL ? error->message : "");
    ck_assert_uint_le (buddy->counters[COUNTER_MOST_SPLITS], ((Buddy *)buddy)->max_splits);
    ck_assert_uint_le (buddy->counters[COUNTER_MOST_MERGES], ((Buddy *)buddy)->max_merges);
    ledger_finish (&ledger);
    stop ();
  }
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
 *     M...|....|....     MM..|UU..|R...     MMMM|UU..|RM..     MMMM|UUR.|RM..
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
  ck_assert_uint_eq (buddy->counters[COUNTER_CLAIMS], 2);

  ck_assert_int_eq (ask (2, KML_MOBILITY_MOVABLE, NULL), 2);
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 9); /* 3 of 4 frames are free: claimed */
  ck_assert_uint_eq (buddy->counters[COUNTER_CLAIMS], 3);
  ck_assert_int_eq (ask (1, KML_MOBILITY_RECLAIMABLE, NULL), 6); /* 2 of 4, just enough */
  ck_assert_uint_eq (buddy->counters[COUNTER_CLAIMS], 4);
  ck_assert_uint_eq (buddy->counters[COUNTER_STEALS], 4);
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
  ck_assert_uint_eq (buddy->counters[COUNTER_STEALS], 1); /* of the first request */
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 9);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 3);
  ck_assert_uint_eq (buddy->counters[COUNTER_STEALS], 1);
  stop ();
}
END_TEST

/* The pageblock from 0 is taken for its largest block, 8 to 15, and what is given is its smallest, as Linux does. */
START_TEST (a_steal_gives_the_smallest_block_of_what_was_stolen)
{
  start_with (32, "4", "lifo", "mobility");
  ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), 0);
  ck_assert_int_eq (ask (16, KML_MOBILITY_UNMOVABLE, NULL), 16);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 1);
  assert_picture ("U|U|..|....|........|UUUUUUUUUUUUUUUU|");
  ck_assert_int_eq (ask (4, KML_MOBILITY_UNMOVABLE, NULL), 4);
  ck_assert_uint_eq (buddy->counters[COUNTER_STEALS], 2);
  stop ();
}
END_TEST

START_TEST (stolen_blocks_are_listed_by_address_behind_all_others)
{
  start_with (32, "4", "lifo", "mobility");
  for (int i = 0; i < 16; i++)
    ck_assert_int_eq (ask (1, KML_MOBILITY_MOVABLE, NULL), i);
  ck_assert_int_eq (ask (16, KML_MOBILITY_UNMOVABLE, NULL), 16);
  give_back (13);
  give_back (5);
  give_back (9);
  give_back (2);
  give_back (3);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 5);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 9);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 13);
  ck_assert_int_eq (ask (1, KML_MOBILITY_UNMOVABLE, NULL), 2);
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
  tcase_add_test (story, a_split_that_is_not_accounted_for_is_noticed);
  tcase_add_test (story, a_merge_too_many_is_made_later);
  tcase_add_test (story, a_request_that_would_fail_joins_what_waits);
  tcase_add_test (story, a_request_that_fails_all_the_same_has_helped_the_next);
  tcase_add_test (story, a_pair_of_which_one_is_taken_is_forgotten);
  tcase_add_test (story, a_pair_that_nobody_waits_for_is_noticed);
  tcase_add_test (story, a_split_too_many_is_left_out);
  tcase_add_test (story, the_longest_operation_keeps_the_limit);
  tcase_add_loop_test (story, limited_buddies_keep_every_promise, 0,
                       (int)(G_N_ELEMENTS (limits) * G_N_ELEMENTS (limits)));
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
  tcase_add_test (set, a_frame_set_agrees_with_an_array);
  suite_add_tcase (suite, set);

  return run_suite (suite);
}
