/* test-half-fit.c: stories of half-fit, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Arenas and physical blocks, which it shares with tlsf, are tested in test-tlsf.c. Pictures are in quanta of 8 bytes,
 * headers included: U in use, . free.
 */

#include "tests/phys-model.h"

/* One page, for ever: 511 quanta. */
static void
start_with_a_page (const char *rounding)
{
  g_autoptr (GError) error = NULL;

  try_start ("half-fit", 1, &error, "rounding", rounding, "pool", "4KiB", "arena", "0", NULL);
  assert_no_error (error);
}

/* Lists of 8 .. 15 and 16 .. 31 quanta. */
START_TEST (a_request_passes_over_what_may_be_too_small)
{
  KmlAddr twelve;

  start_with_a_page ("none");
  twelve = take (88);
  take (1);
  give_back (twelve);
  assert_picture (".12 U2 .497");
  take (64); /* 9 quanta: from 16 up, though the block of 12 would do */
  assert_picture (".12 U2 U9 .488");
  take (56); /* 8 quanta: the list of 8 .. 15 will do */
  assert_picture ("U8 .4 U2 U9 .488");
  stop ();
}
END_TEST

/* The empty page has 511 quanta and is in the list of 256 and more. */
START_TEST (half_of_memory_may_be_too_small)
{
  start_with_a_page ("none");
  ck_assert_uint_ne (take (128 * 8 - 8), KML_ADDR_NONE);
  assert_picture ("U128 .383");
  ck_assert_uint_eq (take (257 * 8 - 8) % PAGE, 0); /* not in an arena, but pages */
  ck_assert_uint_ne (take (129 * 8 - 8), KML_ADDR_NONE);
  assert_picture ("U128 U129 .254 U513"); /* the page has no header */
  /* 254 are free, and in the list of 128 and more */
  ck_assert_uint_eq (take (129 * 8 - 8), KML_ADDR_NONE);
  stop ();
}
END_TEST

START_TEST (rounding_cuts_powers_of_two)
{
  guint64 held;

  start_with_a_page ("pow2");
  take_held (1, &held);
  ck_assert_uint_eq (held, 8);
  take_held (17, &held); /* 4 quanta */
  ck_assert_uint_eq (held, 24);
  take_held (25, &held); /* 5 quanta become 8 */
  ck_assert_uint_eq (held, 56);
  assert_picture ("U2 U4 U8 .497");
  stop ();
}
END_TEST

/* The lower ends of all lists. */
static GArray *
lower_ends (void)
{
  GArray *bins = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint32 size = 1; size < 1u << 20; size *= 2)
    g_array_append_val (bins, size);
  return bins;
}

static guint32
quanta_of (guint64 size)
{
  return (guint32)MAX ((size + 15) / 8, 2);
}

static guint32
rounded_quanta_of (guint64 size)
{
  guint32 quanta = 1;

  while (quanta < quanta_of (size))
    quanta *= 2;
  return quanta;
}

START_TEST (it_agrees_with_a_search_through_all_blocks)
{
  const char *const roundings[] = { "none", "pow2" };
  g_autoptr (GArray) bins = lower_ends ();

  for (guint i = 0; i < G_N_ELEMENTS (roundings); i++) {
    g_autoptr (GError) error = NULL;

    try_start ("half-fit", 1, &error, "rounding", roundings[i], "pool", "64KiB", "arena", "0",
               NULL);
    assert_no_error (error);
    compare_with_model (bins, 16, i == 0 ? quanta_of : rounded_quanta_of, i);
    stop ();
  }
}
END_TEST

/* The paper of TLSF calls half-fit the case without a second level. */
START_TEST (it_is_tlsf_without_a_second_level)
{
  KmlAddr addrs[2][400];

  for (guint i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;
    KmlRng rng;

    if (i == 0)
      try_start ("half-fit", 1, &error, NULL);
    else
      try_start ("tlsf", 1, &error, "sli", "0", NULL);
    assert_no_error (error);
    kml_rng_init (&rng, 1, "test");
    for (guint k = 0; k < G_N_ELEMENTS (addrs[i]); k++) {
      addrs[i][k] = take (1 + kml_rng_below (&rng, 5000));
      if (k % 3 == 2)
        give_back (addrs[i][k - 1 - kml_rng_below (&rng, 2)]);
    }
    stop ();
  }
  ck_assert_mem_eq (addrs[0], addrs[1], sizeof addrs[0]);
}
END_TEST

/* 20 + 12 instructions and 4 references; off its list 20 and 3; a split 10 and 2; the rest to a list 22 and 3. */
START_TEST (finding_costs_less_than_tlsf)
{
  KmlTime start;

  start_with_a_page ("none");
  start = machine->now;
  take (100);
  ck_assert_uint_eq (machine->now - start, 36 + 23 + 12 + 25);
  stop ();
}
END_TEST

START_TEST (writing_over_a_header_aborts)
{
  KmlAddr addr;

  start_with_a_page ("none");
  addr = take (100);
  kml_ram_store64 (machine->ram, addr - 8, 0);
  give_back (addr);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("half-fit");
  TCase *story = tcase_create ("story");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (story, a_request_passes_over_what_may_be_too_small);
  tcase_add_test (story, half_of_memory_may_be_too_small);
  tcase_add_test (story, rounding_cuts_powers_of_two);
  tcase_add_test (story, it_agrees_with_a_search_through_all_blocks);
  tcase_add_test (story, it_is_tlsf_without_a_second_level);
  tcase_add_test (story, finding_costs_less_than_tlsf);
  suite_add_tcase (suite, story);

  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, writing_over_a_header_aborts, SIGABRT);
  suite_add_tcase (suite, misuse);

  return run_suite (suite);
}
