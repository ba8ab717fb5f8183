/* test-per-cpu-pages.c: lists of free pages for each CPU, counted by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the layer has in common with others is in test-conformance.c.
 */

#include "simcore/allocator.h"
#include "tests/testutils.h"

#define PAGE 4096

static KmlMachine *machine;
static KmlAllocator *pages, *layer;

/* @settings: names and values by turns. */
static void
start (guint n_frames, const char *const *settings)
{
  const KmlMachineConfig config = { .n_cpus = 2,
                                    .ram = kml_ram_size_for (n_frames, PAGE),
                                    .page_size = PAGE };
  g_autoptr (GError) error = NULL;

  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  ck_assert (kml_allocator_start (pages, NULL));
  layer = kml_allocator_new (kml_allocator_find ("per-cpu-pages"), machine, pages);
  for (guint i = 0; settings[i] != NULL; i += 2)
    ck_assert (kml_param_parse (kml_param_find (layer->ops->params, settings[i]), settings[i + 1],
                                layer, NULL));
  kml_allocator_start (layer, &error);
  assert_no_error (error);
}

/* Batches of four; a CPU that has eight pages gives some back. */
static void
set_up (void)
{
  static const char *const settings[] = { "high", "8", "batch", "4", NULL };

  start (1024, settings);
}

static void
set_up_constant (void)
{
  static const char *const settings[] = { "high", "40", "batch", "4", "grow", "no", NULL };

  start (1024, settings);
}

static void
set_up_growing (void)
{
  static const char *const settings[] = { "high", "40", "batch", "4", NULL };

  start (1024, settings);
}

static void
set_up_huge (void)
{
  static const char *const settings[] = { "high", "2000", "batch", "4", NULL };

  start (4096, settings);
}

/* 512 MiB, as of the guests in test-watermark.c. */
static void
set_up_chosen (void)
{
  static const char *const settings[] = { NULL };

  start (131072, settings);
}

static void
tear_down (void)
{
  g_autoptr (GError) error = NULL;

  layer->ops->check (layer, &error);
  assert_no_error (error);
  kml_allocator_destroy (layer);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}

static guint
take_run (guint cpu, guint order)
{
  const KmlRequest request = { .size = PAGE << order, .cpu = (guint8)cpu };
  guint64 held;

  return (guint)(kml_allocator_alloc (layer, &request, &held) / PAGE);
}

static guint
take (guint cpu)
{
  return take_run (cpu, 0);
}

static void
give_back (guint cpu, guint pfn)
{
  const KmlRequest how = { .cpu = (guint8)cpu };

  kml_allocator_free_block (layer, (KmlAddr)pfn * PAGE, &how);
}

/* Of Linux 6.1, 25134 of 25136 pages that were taken after a refill, and before the CPU was given back one, came in this order. */
START_TEST (a_batch_is_given_out_in_the_order_of_addresses)
{
  for (guint i = 0; i < 4; i++)
    ck_assert_uint_eq (take (0), i);
  ck_assert_uint_eq (take (1), 4);
  for (guint i = 8; i < 12; i++)
    ck_assert_uint_eq (take (0), i);
  ck_assert_uint_eq (take (1), 5);
}
END_TEST

START_TEST (a_page_that_is_given_back_is_the_next_to_be_given_out)
{
  take (0);
  take (0);
  give_back (0, 0);
  ck_assert_uint_eq (take (0), 0);
  ck_assert_uint_eq (take (0), 2);
}
END_TEST

/* CPU 0 takes @n pages and gives them back. After how many frees were how many pages given to the layer below? */
static void
assert_batches (guint n, const guint (*expected)[2])
{
  const guint64 n_free = pages->free_area->n_free;
  guint64 before;

  for (guint i = 0; i < n; i++)
    ck_assert_uint_eq (take (0), i);
  before = pages->free_area->n_free;
  ck_assert_uint_eq (n_free - before, n); /* whole batches */
  for (guint i = 0; i < n; i++) {
    give_back (0, i);
    if (i + 1 < (*expected)[0])
      continue;
    ck_assert_uint_eq (i + 1, (*expected)[0]);
    ck_assert_uint_eq (pages->free_area->n_free - before, (*expected)[1]);
    before = pages->free_area->n_free;
    expected++;
  }
}

/* It has 40, and 36 after a batch of 4; then 40 and 32, 40 and 24, and so on; but a batch stays: 36 at most. */
START_TEST (who_only_frees_gives_back_twice_as_much_each_time)
{
  static const guint expected[][2] = { { 40, 4 },   { 44, 8 },   { 52, 16 },  { 68, 32 },
                                       { 100, 36 }, { 136, 36 }, { 172, 36 }, { 1000, 0 } };

  assert_batches (200, expected);
}
END_TEST

START_TEST (batches_can_be_all_the_same)
{
  static const guint expected[][2] = { { 40, 4 }, { 44, 4 }, { 48, 4 }, { 52, 4 }, { 1000, 0 } };

  assert_batches (52, expected);
}
END_TEST

/* 40 pages: a batch has gone back, and 36 are left. A run of two, and the other of the two that its list was filled with, make 40 again: all go. */
START_TEST (a_run_given_back_by_who_only_frees_takes_all_others_along)
{
  const guint64 n_free = pages->free_area->n_free;
  const guint run = take_run (0, 1);

  for (guint i = 0; i < 36; i++)
    take (0);
  for (guint i = 0; i < 36; i++)
    give_back (0, i + 4);
  ck_assert_uint_eq (layer->counters[2], 0);
  for (guint i = 0; i < 4; i++)
    take (1);
  give_back (0, 40);
  give_back (0, 41);
  ck_assert_uint_eq (layer->counters[2], 1);
  give_back (0, run);
  ck_assert_uint_eq (layer->counters[2], 2);
  ck_assert_uint_eq (pages->free_area->n_free, n_free - 2);
}
END_TEST

START_TEST (huge_pages_have_a_list)
{
  const guint64 n_free = pages->free_area->n_free;
  const guint huge = take_run (0, 9);

  ck_assert_uint_eq (n_free - pages->free_area->n_free, 1024); /* two at a time */
  give_back (0, huge);
  ck_assert_uint_eq (layer->counters[2], 0);
  ck_assert_uint_eq (take_run (0, 9), huge);
  ck_assert_uint_eq (layer->counters[0], 1);
}
END_TEST

/* min_free_kbytes of 512 MiB is 2896: 724 frames. low = 724 + 181 = 905, of two CPUs: 452. */
START_TEST (numbers_are_chosen_as_for_a_zone)
{
  ck_assert_uint_eq (take (0), 0);
  ck_assert_uint_eq (131072 - pages->free_area->n_free, 31);
  for (guint i = 1; i < 31 * 16; i++)
    take (0);
  for (guint i = 0; i < 451; i++)
    give_back (0, i);
  ck_assert_uint_eq (layer->counters[2], 0);
  give_back (0, 451);
  ck_assert_uint_eq (layer->counters[2], 1);
}
END_TEST

/* Of batches of 4: 16 pages, of which 4 stay, or 40. What is too much when kswapd begins goes with the next that is freed. */
START_TEST (while_kswapd_reclaims_a_cpu_keeps_four_batches)
{
  guint64 before;

  for (guint i = 0; i < 60; i++)
    take (0);
  for (guint i = 0; i < 20; i++)
    give_back (0, i);
  ck_assert_uint_eq (layer->counters[2], 0);
  kml_allocator_keep_less (layer, TRUE);
  before = pages->free_area->n_free;
  give_back (0, 20);
  ck_assert_uint_eq (pages->free_area->n_free - before, 4);
  give_back (0, 21); /* 18 are too many as well; twice as much each time */
  ck_assert_uint_eq (pages->free_area->n_free - before, 4 + 8);
  for (guint i = 22; i < 22 + 5; i++)
    give_back (0, i);
  ck_assert_uint_eq (pages->free_area->n_free - before, 4 + 8);
  give_back (0, 27);
  ck_assert_uint_eq (pages->free_area->n_free - before, 4 + 8 + 12); /* 16 - batch at most */
  kml_allocator_keep_less (layer, FALSE);
  for (guint i = 28; i < 28 + 35; i++)
    give_back (0, i < 60 ? i : take (1));
  ck_assert_uint_eq (pages->free_area->n_free - before, 4 + 8 + 12 - 4);
}
END_TEST

START_TEST (lists_are_drained_of_one_cpu_or_of_all)
{
  const guint64 n_free = pages->free_area->n_free;

  give_back (0, take (0));
  give_back (1, take (1));
  ck_assert_uint_eq (n_free - pages->free_area->n_free, 8);
  ck_assert (kml_allocator_drain (layer, 1));
  ck_assert (!kml_allocator_drain (layer, 1));
  ck_assert_uint_eq (n_free - pages->free_area->n_free, 4);
  give_back (1, take (1));
  ck_assert (kml_allocator_drain (layer, KML_ALL_CPUS));
  ck_assert (!kml_allocator_drain (layer, KML_ALL_CPUS));
  ck_assert_uint_eq (pages->free_area->n_free, n_free);
  ck_assert_uint_eq (layer->counters[3], 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("per-cpu-pages");
  TCase *story = tcase_create ("story"), *growing = tcase_create ("growing"),
        *constant = tcase_create ("constant"), *huge = tcase_create ("huge"),
        *chosen = tcase_create ("chosen");

  tcase_add_checked_fixture (story, set_up, tear_down);
  tcase_add_test (story, a_batch_is_given_out_in_the_order_of_addresses);
  tcase_add_test (story, a_page_that_is_given_back_is_the_next_to_be_given_out);
  suite_add_tcase (suite, story);
  tcase_add_checked_fixture (growing, set_up_growing, tear_down);
  tcase_add_test (growing, who_only_frees_gives_back_twice_as_much_each_time);
  tcase_add_test (growing, a_run_given_back_by_who_only_frees_takes_all_others_along);
  tcase_add_test (growing, while_kswapd_reclaims_a_cpu_keeps_four_batches);
  tcase_add_test (growing, lists_are_drained_of_one_cpu_or_of_all);
  suite_add_tcase (suite, growing);
  tcase_add_checked_fixture (constant, set_up_constant, tear_down);
  tcase_add_test (constant, batches_can_be_all_the_same);
  suite_add_tcase (suite, constant);
  tcase_add_checked_fixture (huge, set_up_huge, tear_down);
  tcase_add_test (huge, huge_pages_have_a_list);
  suite_add_tcase (suite, huge);
  tcase_add_checked_fixture (chosen, set_up_chosen, tear_down);
  tcase_add_test (chosen, numbers_are_chosen_as_for_a_zone);
  suite_add_tcase (suite, chosen);
  return run_suite (suite);
}
