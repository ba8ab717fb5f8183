/* test-boot.c: what an early allocator leaves behind, counted by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the layer has in common with others is in test-conformance.c.
 */

#include "simcore/allocator.h"
#include "tests/testutils.h"

#include <signal.h>

#define PAGE 4096

enum {
  PAGES,
  KEPT,
  PERMANENT_BYTES,
};

static KmlMachine *machine;
static KmlAllocator *pages, *boot;
static guint64 n_free_before;

/* "key", "value" pairs; NULL ends them. */
static gboolean
try_set_up (const char *const *settings, GError **error)
{
  const KmlMachineConfig config = {
    .n_cpus = 1, .ram = kml_ram_size_for (1024, PAGE), .page_size = PAGE, .seed = 1
  };

  machine = kml_machine_new (&config, NULL);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  ck_assert (kml_allocator_start (pages, NULL));
  n_free_before = machine->free_area.n_free;
  boot = kml_allocator_new (kml_allocator_find ("boot"), machine, pages);
  for (; settings[0] != NULL; settings += 2)
    ck_assert (
        kml_param_parse (kml_param_find (boot->ops->params, settings[0]), settings[1], boot, NULL));
  return kml_allocator_start (boot, error);
}

static void
set_up (const char *const *settings)
{
  g_autoptr (GError) error = NULL;

  try_set_up (settings, &error);
  assert_no_error (error);
}

static void
tear_down (void)
{
  kml_allocator_destroy (boot);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}

static void
assert_left_behind (guint n_pages, guint n_kept, guint n_bytes)
{
  g_autoptr (GError) error = NULL;

  ck_assert_uint_eq (boot->counters[PAGES], n_pages);
  ck_assert_uint_eq (boot->counters[KEPT], n_kept);
  ck_assert_uint_eq (boot->counters[PERMANENT_BYTES], n_bytes);
  ck_assert_uint_eq (machine->free_area.n_free, n_free_before - n_kept);
  ck_assert_uint_eq (boot->metadata_bytes, (guint64)n_kept * PAGE);
  ck_assert_int_eq (machine->now, 0);
  boot->ops->check (boot, &error);
  assert_no_error (error);
}

START_TEST (what_is_for_boot_alone_is_given_over)
{
  set_up ((const char *[]){ "requests", "100", "sizes", "fixed(1000)", "permanent", "0", NULL });
  assert_left_behind (25, 0, 0); /* 100000 bytes */
  tear_down ();
}
END_TEST

START_TEST (what_lives_for_ever_stays)
{
  set_up ((const char *[]){ "requests", "100", "sizes", "fixed(1000)", "permanent", "1", NULL });
  assert_left_behind (25, 25, 100000);
  tear_down ();
}
END_TEST

START_TEST (blocks_lie_at_multiples_of_eight_bytes)
{
  set_up ((const char *[]){ "requests", "513", "sizes", "fixed(1)", "permanent", "1", NULL });
  assert_left_behind (2, 2, 513);
  tear_down ();
}
END_TEST

START_TEST (all_pages_of_a_block_stay)
{
  set_up ((const char *[]){ "requests", "1", "sizes", "fixed(12288)", "permanent", "1", NULL });
  assert_left_behind (3, 3, 12288);
  tear_down ();
}
END_TEST

/* Blocks of a page each: as many pages stay as blocks live for ever, with one pointer or two. */
START_TEST (a_block_that_fills_a_page_shares_it_with_nobody)
{
  const char *const lifetimes[] = { "mixed", "separate" };
  guint64 n_kept;

  set_up ((const char *[]){ "requests", "200", "sizes", "fixed(4096)", "permanent", "0.5",
                            "lifetimes", lifetimes[_i], NULL });
  n_kept = boot->counters[KEPT];
  ck_assert_uint_gt (n_kept, 100 - 36); /* five standard deviations */
  ck_assert_uint_lt (n_kept, 100 + 36);
  assert_left_behind (200, (guint)n_kept, (guint)n_kept * PAGE);
  tear_down ();
}
END_TEST

/* 16 small blocks a page, of which on the average 1.6 live for ever: told apart they are on a tenth of the pages. */
START_TEST (lifetimes_that_are_told_apart_leave_fewer_pages)
{
  const char *settings[] = { "requests", "1600",      "sizes", "fixed(256)", "permanent",
                             "0.1",      "lifetimes", "mixed", NULL };
  guint64 n_bytes, n_mixed;

  set_up (settings);
  n_mixed = boot->counters[KEPT];
  n_bytes = boot->counters[PERMANENT_BYTES];
  tear_down ();
  settings[7] = "separate";
  set_up (settings);
  ck_assert_uint_eq (boot->counters[PERMANENT_BYTES], n_bytes);
  assert_left_behind (
      (guint)((n_bytes + PAGE - 1) / PAGE + (1600 * 256 - n_bytes + PAGE - 1) / PAGE),
      (guint)((n_bytes + PAGE - 1) / PAGE), (guint)n_bytes);
  ck_assert_uint_gt (n_mixed, 3 * boot->counters[KEPT]);
  tear_down ();
}
END_TEST

START_TEST (more_than_there_is_is_an_error)
{
  g_autoptr (GError) error = NULL;

  try_set_up ((const char *[]){ "requests", "1025", "sizes", "fixed(4096)", NULL }, &error);
  assert_error (error, KML_ERROR_INPUT, "the early allocator");
  tear_down ();
}
END_TEST

/* The first page that stays, from whom it is not. */
static KmlAddr kept;

static void
note_kept (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  if (state == KML_BLOCK_METADATA)
    kept = start;
}

START_TEST (a_page_that_is_gone_is_noticed)
{
  const KmlRequest how = { .size = PAGE };
  g_autoptr (GError) error = NULL;

  set_up ((const char *[]){ "requests", "9", "sizes", "fixed(4096)", "permanent", "1", NULL });
  boot->ops->walk (boot, note_kept, NULL);
  kml_allocator_free_block (pages, kept, &how);
  ck_assert (!boot->ops->check (boot, &error));
  assert_error (error, KML_ERROR_CORRUPT, "B1");
  tear_down ();
}
END_TEST

START_TEST (nobody_gives_back_what_stays)
{
  const KmlRequest how = { .size = PAGE };

  set_up ((const char *[]){ "requests", "9", "sizes", "fixed(4096)", "permanent", "1", NULL });
  boot->ops->walk (boot, note_kept, NULL);
  kml_allocator_free_block (boot, kept, &how);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("boot");
  TCase *tcase = tcase_create ("story"), *misuse = tcase_create ("misuse");

  tcase_add_test (tcase, what_is_for_boot_alone_is_given_over);
  tcase_add_test (tcase, what_lives_for_ever_stays);
  tcase_add_test (tcase, blocks_lie_at_multiples_of_eight_bytes);
  tcase_add_test (tcase, all_pages_of_a_block_stay);
  tcase_add_loop_test (tcase, a_block_that_fills_a_page_shares_it_with_nobody, 0, 2);
  tcase_add_test (tcase, lifetimes_that_are_told_apart_leave_fewer_pages);
  tcase_add_test (tcase, more_than_there_is_is_an_error);
  tcase_add_test (tcase, a_page_that_is_gone_is_noticed);
  suite_add_tcase (suite, tcase);
  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, nobody_gives_back_what_stays, SIGABRT);
  suite_add_tcase (suite, misuse);
  return run_suite (suite);
}
