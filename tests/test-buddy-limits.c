/* test-buddy-limits.c: stories of buddies of which an operation splits and joins only so many.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/buddy.h"
#include "simcore/base/rng.h"
#include "tests/conformance/ledger.h"
#include "tests/page-fixture.h"

static void
start_capped (guint n_frames, const char *max_order, const char *list, const char *grouping,
              const char *max_splits, const char *max_merges)
{
  start_allocator (kml_allocator_find ("buddy"), n_frames, "max-order", max_order, "list", list,
                   "grouping", grouping, "max-splits", max_splits, "max-merges", max_merges, NULL);
}

/* Eight frames in use, one by one. */
static void
use_eight (const char *max_splits, const char *max_merges)
{
  start_capped (8, "3", "address", "none", "20", max_merges);
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq (take (1), i);
  set_parameter (allocator, "max-splits", max_splits);
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
  ck_assert_uint_eq (allocator->counters[COUNTER_DEFERRED_MERGES], 1);
  give_back (4);
  assert_picture ("....|.|U|U|U|"); /* nothing to join for itself, so it joined what waited */
  ck_assert_uint_eq (allocator->counters[COUNTER_LATE_MERGES], 1);
  give_back (7);
  give_back (5);
  give_back (6);
  assert_picture ("....|..|..|"); /* 6 joined 7; 4-5 and 6-7 wait */
  allocator->ops->shrink (allocator);
  assert_picture ("........|"); /* 4-5 with 6-7, and what that makes with 0-3 */
  ck_assert_uint_eq (allocator->counters[COUNTER_DEFERRED_MERGES], 2);
  ck_assert_uint_eq (allocator->counters[COUNTER_LATE_MERGES], 3);
  ck_assert_uint_eq (allocator->counters[COUNTER_MOST_MERGES], 1);
  ck_assert_uint_eq (allocator->counters[COUNTER_MERGES], allocator->counters[COUNTER_SPLITS]);
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
  ck_assert_uint_eq (allocator->counters[COUNTER_LATE_MERGES], 2);
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
  ck_assert_uint_eq (allocator->counters[COUNTER_MOST_MERGES], 1);
  stop ();
}
END_TEST

START_TEST (a_pair_of_which_one_is_taken_is_forgotten)
{
  use_eight ("20", "0");
  give_back (4);
  give_back (5);
  assert_picture ("U|U|U|U|.|.|U|U|");
  ck_assert_uint_eq (((Buddy *)allocator)->n_pairs, 1);
  ck_assert_int_eq (take (1), 4);
  ck_assert_uint_eq (((Buddy *)allocator)->n_pairs, 0);
  assert_picture ("U|U|U|U|U|.|U|U|");
  give_back (4); /* and is one again */
  ck_assert_uint_eq (((Buddy *)allocator)->n_pairs, 1);
  ck_assert_int_eq (take (2), -1); /* no merge is allowed but in shrink() */
  allocator->ops->shrink (allocator);
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
  ((Buddy *)allocator)->first_pair = KML_PFN_NONE;
  ck_assert (!allocator->ops->check (allocator, &error));
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
  ck_assert_uint_eq (allocator->counters[COUNTER_OVERSIZED], 1);
  ck_assert_uint_eq (allocator->counters[COUNTER_OMITTED_SPLITS], 1);
  ck_assert (!allocator->ops->split (allocator, 0, PAGE)); /* frame 1 is nobody's */
  assert_picture ("UU|..|....|");
  ck_assert_int_eq (take (1), 2); /* 2 -> 1 + 1 */
  assert_picture ("UU|U|.|....|");
  ck_assert_uint_eq (allocator->counters[COUNTER_OVERSIZED], 1);
  give_back (0);
  give_back (2);
  assert_picture ("........|");
  ck_assert_uint_eq (allocator->counters[COUNTER_MOST_SPLITS], 2);
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
      blocks[k] = kml_allocator_alloc (allocator, &request, &held);
    } else {
      kml_allocator_free_block (allocator, blocks[k], &request);
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
    rig = (Rig){ .machine = machine, .pages = allocator, .tested = allocator };
    ledger_init (&ledger, &rig);
    ck_assert_msg (ledger_churn (&ledger, 1, 1000, &error), "%s %s: %s", forms[i][0], forms[i][1],
                   error != NULL ? error->message : "");
    ck_assert_uint_le (allocator->counters[COUNTER_MOST_SPLITS], ((Buddy *)allocator)->max_splits);
    ck_assert_uint_le (allocator->counters[COUNTER_MOST_MERGES], ((Buddy *)allocator)->max_merges);
    ledger_finish (&ledger);
    stop ();
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("buddy-limits");
  TCase *story = tcase_create ("story");

  tcase_add_test (story, a_merge_too_many_is_made_later);
  tcase_add_test (story, a_request_that_would_fail_joins_what_waits);
  tcase_add_test (story, a_request_that_fails_all_the_same_has_helped_the_next);
  tcase_add_test (story, a_pair_of_which_one_is_taken_is_forgotten);
  tcase_add_test (story, a_pair_that_nobody_waits_for_is_noticed);
  tcase_add_test (story, a_split_too_many_is_left_out);
  tcase_add_test (story, the_longest_operation_keeps_the_limit);
  tcase_add_loop_test (story, limited_buddies_keep_every_promise, 0,
                       (int)(G_N_ELEMENTS (limits) * G_N_ELEMENTS (limits)));
  suite_add_tcase (suite, story);

  return run_suite (suite);
}
