/* test-page-first-fit.c: stories of first fit over page frames, and the list that it stands for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What it has in common with other allocators is in test-conformance.c.
 */

#include "simcore/base/rng.h"
#include "tests/page-fixture.h"

enum {
  LOOKED,
  SPLITS,
  MERGES,
};

static const char *const orders[] = { "address", "lifo", "fifo" };

static void
start (guint n_frames, const char *list)
{
  start_allocator (kml_allocator_find ("page-first-fit"), n_frames, "list", list, NULL);
}

/* ---- Stories ---- */

START_TEST (runs_are_as_long_as_asked_for_and_join_again)
{
  start (10, "address");
  assert_picture ("..........|");
  ck_assert_int_eq (take (3), 0);
  ck_assert_int_eq (take (3), 3);
  ck_assert_int_eq (take (2), 6);
  assert_picture ("UUU|UUU|UU|..|");
  ck_assert_int_eq (take (3), -1);
  give_back (3);
  assert_picture ("UUU|...|UU|..|");
  ck_assert_int_eq (take (1), 3); /* the first that is long enough */
  ck_assert_int_eq (take (2), 4); /* to the frame: nothing is left of it */
  assert_picture ("UUU|U|UU|UU|..|");
  give_back (3);
  give_back (6);
  assert_picture ("UUU|.|UU|....|"); /* joined with what is above */
  give_back (4);
  assert_picture ("UUU|.......|"); /* with both */
  give_back (0);
  assert_picture ("..........|");
  ck_assert_uint_eq (allocator->counters[SPLITS], 4);
  ck_assert_uint_eq (allocator->counters[MERGES], 4);
  stop ();
}
END_TEST

/* Of eight runs of one frame 6, 0 and 3 are freed, in this order. */
static void
free_three (const char *list)
{
  start (8, list);
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq (take (1), i);
  give_back (6);
  give_back (0);
  give_back (3);
}

START_TEST (address_takes_the_lowest)
{
  free_three ("address");
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take (1), 3);
  ck_assert_int_eq (take (1), 6);
  stop ();
}
END_TEST

START_TEST (lifo_takes_what_was_freed_last)
{
  free_three ("lifo");
  ck_assert_int_eq (take (1), 3);
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take (1), 6);
  stop ();
}
END_TEST

START_TEST (fifo_takes_what_was_freed_first)
{
  free_three ("fifo");
  ck_assert_int_eq (take (1), 6);
  ck_assert_int_eq (take (1), 0);
  ck_assert_int_eq (take (1), 3);
  stop ();
}
END_TEST

START_TEST (constraints_are_kept_within_a_run)
{
  const KmlConstraints aligned = { .alignment = 4 * PAGE }, within = { .boundary = 2 * PAGE },
                       low = { .limit = 7 * PAGE }, lowest = { .limit = 5 * PAGE };

  start (10, "address");
  ck_assert_int_eq (take (2), 0);
  ck_assert_int_eq (take (1), 2);
  ck_assert_int_eq (take (1), 3);
  ck_assert_int_eq (take (1), 4);
  give_back (0);
  give_back (3);
  assert_picture ("..|U|.|U|.....|");
  ck_assert_int_eq (take_within (2, &aligned), 0);
  ck_assert_int_eq (take_within (2, &aligned), 8); /* 5-7 stays below it */
  assert_picture ("UU|U|.|U|...|UU|");
  ck_assert_int_eq (take_within (2, &within), 6); /* 5-6 would cross 6 */
  ck_assert_int_eq (take_within (1, &lowest), 3);
  ck_assert_int_eq (take_within (1, &lowest), -1);
  ck_assert_int_eq (take_within (1, &low), 5);
  assert_picture ("UU|U|U|U|U|UU|UU|");
  stop ();
}
END_TEST

START_TEST (a_run_is_freed_in_pieces)
{
  start (8, "address");
  ck_assert_int_eq (take (6), 0);
  ck_assert (allocator->ops->split (allocator, 0, 2 * PAGE));
  assert_picture ("UU|UU|UU|..|");
  give_back (2);
  assert_picture ("UU|..|UU|..|");
  give_back (4);
  give_back (0);
  assert_picture ("........|");
  stop ();
}
END_TEST

/* ---- Against a list ---- */

/* A free run. Slow and plain on purpose: the list is an array, and what a search looks at is counted. */
typedef struct {
  int pfn, n;
} Run;

typedef struct {
  GArray *runs; /* (element-type Run): in the order of the list */
  const char *order;
  guint64 n_looked;
} List;

static Run *
run_at (const List *self, guint i)
{
  return &g_array_index (self->runs, Run, i);
}

static int
list_take (List *self, int n)
{
  for (guint i = 0; i < self->runs->len; i++) {
    Run *run = run_at (self, i);
    const int pfn = run->pfn;

    self->n_looked++;
    if (run->n < n)
      continue;
    run->pfn += n;
    run->n -= n;
    if (run->n == 0)
      g_array_remove_index (self->runs, i);
    return pfn;
  }
  return -1;
}

static void
list_insert (List *self, Run run, gboolean has_joined)
{
  guint at = 0;

  if (g_str_equal (self->order, "address")) {
    while (at < self->runs->len && run_at (self, at)->pfn < run.pfn)
      at++;
    self->n_looked += has_joined ? 0 : at;
  } else if (g_str_equal (self->order, "fifo")) {
    at = self->runs->len;
  }
  g_array_insert_val (self->runs, at, run);
}

static void
list_give_back (List *self, int pfn, int n)
{
  Run run = { pfn, n };
  gboolean has_joined = FALSE;

  for (guint i = 0; i < self->runs->len;) {
    const Run other = *run_at (self, i);

    if (other.pfn + other.n != run.pfn && run.pfn + run.n != other.pfn) {
      i++;
      continue;
    }
    run.pfn = MIN (run.pfn, other.pfn);
    run.n += other.n;
    g_array_remove_index (self->runs, i);
    has_joined = TRUE;
  }
  list_insert (self, run, has_joined);
}

START_TEST (it_agrees_with_a_list_and_costs_what_a_search_of_it_costs)
{
  const Run all = { 0, 700 };
  List list = { .runs = g_array_new (FALSE, FALSE, sizeof (Run)), .order = orders[_i] };
  Run blocks[90] = { { 0, 0 } };
  guint n_failed = 0, n_taken = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  g_array_append_val (list.runs, all);
  start (700, orders[_i]);
  for (guint i = 0; i < 20000; i++) {
    Run *block = &blocks[kml_rng_below (&rng, G_N_ELEMENTS (blocks))];

    if (block->n == 0) {
      const int n = 1 + (int)kml_rng_below (&rng, 1 + kml_rng_below (&rng, 40));

      block->pfn = take ((guint)n);
      ck_assert_int_eq (block->pfn, list_take (&list, n));
      block->n = block->pfn >= 0 ? n : 0;
      n_failed += block->n == 0;
      n_taken += block->n > 0;
    } else {
      give_back (block->pfn);
      list_give_back (&list, block->pfn, block->n);
      block->n = 0;
    }
    ck_assert_uint_eq (allocator->counters[LOOKED], list.n_looked);
    if (i % 100 == 0)
      verify ();
  }
  ck_assert_uint_gt (n_failed, 100);
  ck_assert_uint_gt (n_taken, 5000);
  g_array_unref (list.runs);
  stop ();
}
END_TEST

/* With every item at 1 ps a run that was looked at takes 4 instructions and a warm record. */
START_TEST (a_longer_search_costs_more)
{
  KmlTime begin, first, third;

  start (12, "address");
  for (int i = 0; i < 12; i++)
    ck_assert_int_eq (take (1), i);
  for (int i = 0; i < 6; i += 2)
    give_back (i);
  give_back (5);
  assert_picture (".|U|.|U|..|U|U|U|U|U|U|");
  begin = machine->now;
  ck_assert_int_eq (take (2), 4); /* the third that is free; nothing is left of it */
  third = machine->now - begin;
  give_back (1);
  begin = machine->now;
  ck_assert_int_eq (take (2), 0); /* the first; 2 is left */
  first = machine->now - begin;
  /* to cut off what is left: 20 and 2 records */
  ck_assert_uint_eq (third + 20 + 2 - first, 2 * (4 + 1));
  stop ();
}
END_TEST

/* ---- What is broken is noticed ---- */

typedef struct {
  const char *invariant;
  void (*damage) (void);
} Damage;

static void
lengthen_run (void)
{
  kml_ram_frame (machine->ram, 0)->n_frames = 20;
}

static void
forget_to_join (void)
{
  kml_ram_frame (machine->ram, 2)->state = KML_FRAME_FREE;
}

static void
forget_tag (void)
{
  kml_ram_frame (machine->ram, 9)->flags = 0;
}

static void
forget_number (void)
{
  kml_ram_frame (machine->ram, 3)->free.next++;
}

static void
miscount (void)
{
  machine->free_area.blocks[KML_MOBILITY_UNMOVABLE][0]++;
}

static const Damage damages[] = {
  { "F1", lengthen_run },  { "F2", forget_to_join }, { "F3", forget_tag },
  { "F4", forget_number }, { "F5", miscount },
};

START_TEST (each_broken_invariant_is_noticed)
{
  g_autoptr (GError) error = NULL;

  start (10, "lifo");
  ck_assert_int_eq (take (2), 0);
  ck_assert_int_eq (take (1), 2);
  assert_picture ("UU|U|.......|");
  damages[_i].damage ();
  ck_assert (!allocator->ops->check (allocator, &error));
  assert_error (error, KML_ERROR_CORRUPT, damages[_i].invariant);
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("page-first-fit");
  TCase *story = tcase_create ("story");
  TCase *model = tcase_create ("model");

  tcase_add_test (story, runs_are_as_long_as_asked_for_and_join_again);
  tcase_add_test (story, address_takes_the_lowest);
  tcase_add_test (story, lifo_takes_what_was_freed_last);
  tcase_add_test (story, fifo_takes_what_was_freed_first);
  tcase_add_test (story, constraints_are_kept_within_a_run);
  tcase_add_test (story, a_run_is_freed_in_pieces);
  tcase_add_test (story, a_longer_search_costs_more);
  suite_add_tcase (suite, story);
  tcase_add_loop_test (model, it_agrees_with_a_list_and_costs_what_a_search_of_it_costs, 0,
                       (int)G_N_ELEMENTS (orders));
  tcase_add_loop_test (model, each_broken_invariant_is_noticed, 0, (int)G_N_ELEMENTS (damages));
  suite_add_tcase (suite, model);

  return run_suite (suite);
}
