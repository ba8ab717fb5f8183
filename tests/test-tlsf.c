/* test-tlsf.c: stories of two-level segregated fit, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What tlsf has in common with other allocators is in test-conformance.c. Arenas and physical blocks are
 * half-fit's, too, and are tested here. Pictures are in quanta of 8 bytes, headers included: U in use, . free.
 */

#include "tests/phys-model.h"

enum {
  ARENAS_NEW,
  ARENAS_GIVEN_BACK,
  SPLITS,
  MERGES,
  LARGE,
};

/* One page, for ever: 511 quanta. */
static void
start_with_a_page (const char *sli)
{
  g_autoptr (GError) error = NULL;

  try_start ("tlsf", 1, &error, "sli", sli, "pool", "4KiB", "arena", "0", NULL);
  assert_no_error (error);
}

static void
start_growing (const char *arena, const char *keep)
{
  g_autoptr (GError) error = NULL;

  try_start ("tlsf", 1, &error, "arena", arena, "keep", keep, NULL);
  assert_no_error (error);
}

/* ---- Blocks ---- */

START_TEST (blocks_are_cut_off_and_joined_again)
{
  KmlAddr a, b, c;

  start_with_a_page ("5");
  assert_picture (".511");
  a = take (32); /* 32 bytes and a header: 5 quanta */
  ck_assert_uint_eq (a, 8);
  assert_picture ("U5 .506");
  b = take (40);
  c = take (48);
  ck_assert_uint_eq (b, a + 40);
  ck_assert_uint_eq (c, b + 48);
  assert_picture ("U5 U6 U7 .493");
  give_back (b); /* no neighbour is free */
  assert_picture ("U5 .6 U7 .493");
  give_back (c); /* both are */
  assert_picture ("U5 .506");
  give_back (a); /* the one behind is */
  assert_picture (".511");
  a = take (32);
  b = take (40);
  c = take (1);
  give_back (a);
  give_back (b); /* the one in front is */
  assert_picture (".11 U2 .498");
  ck_assert_uint_eq (objects->counters[SPLITS], 6);
  ck_assert_uint_eq (objects->counters[MERGES], 4);
  stop ();
}
END_TEST

START_TEST (a_rest_smaller_than_a_block_stays_in_the_block)
{
  guint64 held;
  KmlAddr addr;

  start_with_a_page ("5");
  addr = take (40);
  take (1);
  give_back (addr);
  assert_picture (".6 U2 .503");
  ck_assert_uint_eq (take_held (32, &held), addr); /* needs 5 quanta, and one alone is no block */
  ck_assert_uint_eq (held, 40);
  assert_picture ("U6 U2 .503");
  stop ();
}
END_TEST

START_TEST (headers_are_metadata)
{
  start_with_a_page ("5");
  ck_assert_uint_eq (objects->metadata_bytes, 16); /* of the only block, and of the arena's end */
  take (100);
  ck_assert_uint_eq (objects->metadata_bytes, 24);
  stop ();
}
END_TEST

/* With a quantum of 64, headers lie in front of multiples of 64, and a block has at least 56 bytes. */
START_TEST (a_quantum_aligns_what_is_given)
{
  g_autoptr (GError) error = NULL;
  guint64 held;

  try_start ("tlsf", 1, &error, "quantum", "64", "pool", "4KiB", "arena", "0", NULL);
  assert_no_error (error);
  ck_assert_uint_eq (take_held (1, &held), 64);
  ck_assert_uint_eq (held, 56);
  ck_assert_uint_eq (take_held (57, &held), 128);
  ck_assert_uint_eq (held, 120);
  ck_assert_uint_eq (objects->metadata_bytes, 56 + 3 * 8 + 8);
  stop ();
}
END_TEST

/* ---- Lists ---- */

/* SLI = 2: lists of 8 and 9, 10 and 11, ... quanta. */
START_TEST (a_request_passes_over_the_list_of_its_own_size)
{
  KmlAddr nine;

  start_with_a_page ("2");
  nine = take (64);
  take (1);
  give_back (nine);
  assert_picture (".9 U2 .500");
  take (64); /* 9 quanta: looked for from 10 up, though a block of 9 is there */
  assert_picture (".9 U2 U9 .491");
  take (56); /* 8 quanta: the list of 8 and 9 will do */
  assert_picture ("U9 U2 U9 .491");
  stop ();
}
END_TEST

START_TEST (the_smallest_list_that_fits_is_taken)
{
  KmlAddr small, large;

  start_with_a_page ("5");
  large = take (800);
  take (1);
  small = take (400);
  take (1);
  give_back (small);
  give_back (large); /* last, but too good for it */
  assert_picture (".101 U2 .51 U2 .355");
  ck_assert_uint_eq (take (200), small);
  assert_picture (".101 U2 U26 .25 U2 .355");
  stop ();
}
END_TEST

START_TEST (of_one_list_the_last_freed_is_taken)
{
  KmlAddr first, second;

  start_with_a_page ("5");
  first = take (80);
  take (1);
  second = take (80);
  take (1);
  give_back (first);
  give_back (second);
  ck_assert_uint_eq (take (80), second);
  ck_assert_uint_eq (take (80), first);
  stop ();
}
END_TEST

/* The lower ends of all lists, by the definition: 2^sli equal parts of each doubling, as long as a
 * part is a quantum at least. */
static GArray *
lower_ends (guint sli)
{
  GArray *bins = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint32 size = 1; size < 1u << sli; size++)
    g_array_append_val (bins, size);
  for (guint32 doubling = 1u << sli; doubling < 1u << 20; doubling *= 2)
    for (guint32 part = 0; part < 1u << sli; part++) {
      const guint32 size = doubling + part * (doubling >> sli);

      g_array_append_val (bins, size);
    }
  return bins;
}

static guint32
quanta_of (guint64 size)
{
  return (guint32)MAX ((size + 15) / 8, 2);
}

START_TEST (it_agrees_with_a_search_through_all_blocks)
{
  for (guint sli = 0; sli <= 6; sli++) {
    g_autofree char *text = g_strdup_printf ("%u", sli);
    g_autoptr (GArray) bins = lower_ends (sli);
    g_autoptr (GError) error = NULL;

    try_start ("tlsf", 1, &error, "sli", text, "pool", "64KiB", "arena", "0", NULL);
    assert_no_error (error);
    compare_with_model (bins, 16, quanta_of, sli);
    stop ();
  }
}
END_TEST

/* What the rounding of the search costs, relative to what is looked for: 1 / (3m + 1) on average over the sizes of a
 * doubling with m parts (claim A04; m = 32: 1.031 %), below 1 / (m + 1) for each. Measured from outside: the
 * smallest free block that is taken for each size. */
static void
measure_rounding (guint sli, double *ret_mean, double *ret_worst)
{
  g_autofree char *text = g_strdup_printf ("%u", sli);
  const guint32 lo = 1024, hi = 2048;
  g_autoptr (GError) error = NULL;
  guint64 asked = 0, looked_for = 0;

  try_start ("tlsf", 1, &error, "sli", text, "pool", "64KiB", "arena", "0", NULL);
  assert_no_error (error);
  *ret_worst = 0;
  for (guint32 size = lo + 1; size <= hi; size++) {
    guint32 fits = size + (hi >> sli), too_small = size - 1;

    while (fits - too_small > 1) {
      const guint32 middle = (fits + too_small) / 2;
      const KmlAddr candidate = take (middle * 8 - 8), fence = take (1);
      KmlAddr given;

      give_back (candidate);
      given = take (size * 8 - 8);
      if (given == candidate)
        fits = middle;
      else
        too_small = middle;
      give_back (given);
      give_back (fence);
    }
    asked += size;
    looked_for += fits;
    *ret_worst = MAX (*ret_worst, 1 - (double)size / fits);
  }
  *ret_mean = 1 - (double)asked / (double)looked_for;
  stop ();
}

START_TEST (a_search_overlooks_one_part_in_3m_plus_1)
{
  const double expected[] = { 0.25, 1.0 / 7, 1.0 / 13, 0.04, 1.0 / 49, 1.0 / 97 };

  for (guint sli = 0; sli < G_N_ELEMENTS (expected); sli++) {
    double mean, worst;

    measure_rounding (sli, &mean, &worst);
    ck_assert_double_eq_tol (mean, expected[sli], 0.0006); /* sizes are whole quanta */
    ck_assert_double_lt (worst, 1.0 / ((1u << sli) + 1));
    ck_assert_double_gt (worst, 0.9 / ((1u << sli) + 1));
  }
}
END_TEST

/* ---- Arenas ---- */

START_TEST (arenas_come_when_needed_and_go_when_empty)
{
  KmlAddr first, second, third;

  start_growing ("4KiB", "1");
  ck_assert_uint_eq (objects->counters[ARENAS_NEW], 0);
  first = take (3000);
  second = take (3000);
  third = take (3000);
  assert_picture ("U376 .135 U376 .135 U376 .135");
  ck_assert_uint_eq (objects->counters[ARENAS_NEW], 3);
  give_back (second); /* one is kept */
  assert_picture ("U376 .135 .511 U376 .135");
  give_back (third); /* not two */
  assert_picture ("U376 .135 .511");
  ck_assert_uint_eq (objects->counters[ARENAS_GIVEN_BACK], 1);
  ck_assert_uint_eq (take (3000), second);
  give_back (second);
  objects->ops->shrink (objects);
  assert_picture ("U376 .135");
  give_back (first);
  objects->ops->shrink (objects);
  assert_picture ("");
  ck_assert_uint_eq (machine->free_area.n_free, N_FRAMES);
  ck_assert_uint_eq (objects->metadata_bytes, 0);
  stop ();
}
END_TEST

START_TEST (the_first_arena_stays)
{
  start_with_a_page ("5");
  give_back (take (100));
  objects->ops->shrink (objects);
  assert_picture (".511");
  take (2000);
  take (2000);
  ck_assert_uint_eq (take (100), KML_ADDR_NONE); /* and is all there is */
  ck_assert_uint_eq (objects->counters[ARENAS_NEW], 1);
  stop ();
}
END_TEST

/* buddy gives at most 4 MiB at a time. */
START_TEST (a_first_arena_is_made_of_several_where_the_page_level_has_no_such_run)
{
  g_autoptr (GError) error = NULL;

  ck_assert (try_start ("tlsf", 1, &error, "pool", "11MiB", NULL));
  assert_picture (".524287 .524287 .262143 .131071");
  stop ();
  ck_assert (!try_start ("tlsf", 1, &error, "pool", "17MiB", NULL));
  assert_error (error, KML_ERROR_INPUT,
                "pool: allocator tlsf: the page level has 1048576 bytes less");
  discard ();
}
END_TEST

START_TEST (parameters_that_cannot_be_are_refused)
{
  g_autoptr (GError) error = NULL;
  const KmlMachineConfig config = { .n_cpus = 1,
                                    .ram = G_GUINT64_CONSTANT (65) << 30,
                                    .page_size = PAGE };

  ck_assert (!try_start ("tlsf", 1, &error, "arena", "0", NULL));
  assert_error (error, KML_ERROR_INPUT, "arena: ");
  discard ();
  g_clear_error (&error);
  make_machine ("tlsf", &config);
  ck_assert (!kml_allocator_start (objects, &error));
  assert_error (error, KML_ERROR_INPUT, "a quantum of at least 32 bytes");
  discard ();
  g_clear_error (&error);
  make_machine ("tlsf", &config);
  set_parameter (objects, "quantum", "32");
  ck_assert (kml_allocator_start (objects, &error));
  stop ();
}
END_TEST

/* One page frame in two is in use: no arena of 64 KiB is to be had, one of a page is. */
START_TEST (a_smaller_arena_does_when_memory_is_in_pieces)
{
  const KmlRequest page = { .size = PAGE };
  guint64 held;

  start_growing ("64KiB", "1");
  while (kml_allocator_alloc (pages, &page, &held) != KML_ADDR_NONE)
    continue;
  for (KmlPfn pfn = 0; pfn < 20; pfn += 2)
    kml_allocator_free_block (pages, kml_ram_addr (machine->ram, pfn), &page);
  ck_assert_uint_ne (take (1000), KML_ADDR_NONE);
  assert_picture ("U126 .385");
  ck_assert_uint_eq (take (5000), KML_ADDR_NONE);
  stop ();
}
END_TEST

/* An empty arena of 64 KiB, 8191 quanta, is in the list of 8064 and more: 64504 bytes are found in it. */
START_TEST (what_an_empty_arena_does_not_surely_fit_goes_to_the_page_level)
{
  guint64 held;
  KmlAddr addr;

  start_growing ("64KiB", "1");
  give_back (take (64504));
  take_held (64504, &held);
  ck_assert_uint_eq (held, 64504);
  ck_assert_uint_eq (objects->counters[ARENAS_NEW], 1);
  addr = take_held (64505, &held);
  ck_assert_uint_eq (held, 65536);
  ck_assert_uint_eq (objects->counters[LARGE], 1);
  give_back (addr);
  stop ();
}
END_TEST

/* ---- Constraints ---- */

START_TEST (an_alignment_is_cut_out)
{
  const KmlConstraints constraints = { .alignment = 256 };
  const KmlRequest request = { .size = 100, .constraints = &constraints };
  guint64 held;

  start_with_a_page ("5");
  ck_assert_uint_eq (kml_allocator_alloc (objects, &request, &held), 256);
  ck_assert_uint_eq (held, 104);
  assert_picture (".31 U14 .466");
  ck_assert_uint_eq (kml_allocator_alloc (objects, &request, &held), 512);
  assert_picture (".31 U14 .18 U14 .434");
  stop ();
}
END_TEST

/* The first block begins at 8; 8 bytes in front of 16 are no block. */
START_TEST (what_is_cut_off_in_front_is_a_block)
{
  const KmlConstraints constraints = { .alignment = 16 };
  const KmlRequest request = { .size = 8, .constraints = &constraints };
  guint64 held;

  start_with_a_page ("5");
  ck_assert_uint_eq (kml_allocator_alloc (objects, &request, &held), 32);
  assert_picture (".3 U2 .506");
  stop ();
}
END_TEST

START_TEST (a_boundary_becomes_an_alignment)
{
  const KmlConstraints constraints = { .boundary = 512 };
  const KmlRequest request = { .size = 300, .constraints = &constraints };
  guint64 held;

  start_with_a_page ("5");
  for (guint i = 1; i <= 4; i++)
    ck_assert_uint_eq (kml_allocator_alloc (objects, &request, &held), i * 512);
  stop ();
}
END_TEST

/* ---- Costs ---- */

/* 20 + 30 instructions and 4 references; off its list 20 and 3; a split 10 and 2; the rest to a list 22 and 3. */
START_TEST (an_operation_costs_what_its_steps_cost)
{
  KmlTime start;
  KmlAddr addr;

  start_with_a_page ("5");
  start = machine->now;
  addr = take (100);
  ck_assert_uint_eq (machine->now - start, 54 + 23 + 12 + 25);
  start = machine->now;
  give_back (addr); /* 18 and 3; the neighbour off its list, joined, to a list */
  ck_assert_uint_eq (machine->now - start, 21 + 23 + 12 + 25);
  stop ();
}
END_TEST

START_TEST (zeroed_memory_costs_more)
{
  KmlMachineConfig config = { .n_cpus = 4, .ram = RAM, .page_size = PAGE };
  KmlRequest request = { .size = 1024, .gfp = KML_GFP_ZERO };
  g_autoptr (GError) error = NULL;
  guint64 held;

  config.cost[KML_COST_ZERO_PAGE] = 4000;
  make_machine ("tlsf", &config);
  kml_allocator_start (objects, &error);
  kml_allocator_alloc (objects, &request, &held);
  ck_assert_uint_eq (machine->now, 1000);
  stop ();
}
END_TEST

/* ---- check() ---- */

static void
assert_broken (const char *invariant)
{
  g_autofree char *text = g_strdup_printf ("invariant %s does not hold", invariant);
  g_autoptr (GError) error = NULL;

  ck_assert (!objects->ops->check (objects, &error));
  assert_error (error, KML_ERROR_CORRUPT, text);
  discard ();
}

START_TEST (check_says_which_invariant_is_broken)
{
  KmlAddr a, b;

  start_with_a_page ("5");
  kml_ram_store32 (machine->ram, take (100) - 8, 77 << 1); /* another size */
  assert_broken ("B1");

  start_with_a_page ("5");
  a = take (100);
  /* free, as its neighbour */
  kml_ram_store32 (machine->ram, a - 8, kml_ram_load32 (machine->ram, a - 8) | 1);
  assert_broken ("B2");

  start_with_a_page ("5");
  a = take (100);
  b = take (100);
  take (100);
  /* free, on no list */
  kml_ram_store32 (machine->ram, b - 8, kml_ram_load32 (machine->ram, b - 8) | 1);
  assert_broken ("B3");

  start_with_a_page ("5");
  objects->metadata_bytes++;
  assert_broken ("B4");
}
END_TEST

/* ---- Misuse ---- */

START_TEST (freeing_what_a_neighbour_absorbed_aborts)
{
  KmlAddr first, second;

  start_with_a_page ("5");
  first = take (100);
  second = take (100);
  take (100);
  give_back (second);
  give_back (first);
  take (400);
  give_back (second);
}
END_TEST

START_TEST (writing_over_the_next_header_aborts)
{
  KmlAddr addr;

  start_with_a_page ("5");
  addr = take (100);
  take (100);
  kml_ram_store64 (machine->ram, addr + 104, 0x4141414141414141); /* 104 bytes are held */
  give_back (addr);
}
END_TEST

START_TEST (what_looks_like_a_header_is_not_enough)
{
  KmlAddr addr;

  start_with_a_page ("5");
  addr = take (400);
  /* a block of 5 quanta in use, if one believes it */
  kml_ram_store64 (machine->ram, addr + 40, 5 << 1);
  give_back (addr + 48);
}
END_TEST

START_TEST (what_looks_like_a_header_and_the_next_is_not_enough)
{
  KmlAddr addr;

  start_with_a_page ("5");
  addr = take (400);
  kml_ram_store64 (machine->ram, addr + 40, G_GUINT64_CONSTANT (6) << 32 | 5 << 1);
  kml_ram_store64 (machine->ram, addr + 80, G_GUINT64_CONSTANT (5) << 32 | 5 << 1);
  give_back (addr + 48); /* the block before, of 51 quanta, does not have 6 */
}
END_TEST

/* All ways in which four neighbours can be joined: none of the addresses can be freed again once they are one block. */
START_TEST (freeing_one_of_several_absorbed_aborts)
{
  const guint orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 0, 2, 1, 3 }, { 1, 3, 2, 0 },
                              { 3, 0, 1, 2 }, { 2, 1, 3, 0 }, { 0, 3, 2, 1 }, { 1, 0, 3, 2 } };
  KmlAddr addrs[4];

  start_with_a_page ("5");
  for (guint i = 0; i < 4; i++)
    addrs[i] = take (100);
  for (guint i = 0; i < 4; i++)
    give_back (addrs[orders[_i / 3][i]]);
  take (450);
  give_back (addrs[1 + _i % 3]);
}
END_TEST

START_TEST (freeing_the_end_of_a_arena_aborts)
{
  start_with_a_page ("5");
  take (100);
  give_back (PAGE);
}
END_TEST

START_TEST (freeing_the_beginning_of_a_arena_aborts)
{
  start_with_a_page ("5");
  take (100);
  give_back (0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("tlsf");
  TCase *story = tcase_create ("story");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (story, blocks_are_cut_off_and_joined_again);
  tcase_add_test (story, a_rest_smaller_than_a_block_stays_in_the_block);
  tcase_add_test (story, headers_are_metadata);
  tcase_add_test (story, a_quantum_aligns_what_is_given);
  tcase_add_test (story, a_request_passes_over_the_list_of_its_own_size);
  tcase_add_test (story, the_smallest_list_that_fits_is_taken);
  tcase_add_test (story, of_one_list_the_last_freed_is_taken);
  tcase_add_test (story, it_agrees_with_a_search_through_all_blocks);
  tcase_add_test (story, a_search_overlooks_one_part_in_3m_plus_1);
  tcase_add_test (story, arenas_come_when_needed_and_go_when_empty);
  tcase_add_test (story, the_first_arena_stays);
  tcase_add_test (story, a_first_arena_is_made_of_several_where_the_page_level_has_no_such_run);
  tcase_add_test (story, parameters_that_cannot_be_are_refused);
  tcase_add_test (story, a_smaller_arena_does_when_memory_is_in_pieces);
  tcase_add_test (story, what_an_empty_arena_does_not_surely_fit_goes_to_the_page_level);
  tcase_add_test (story, an_alignment_is_cut_out);
  tcase_add_test (story, what_is_cut_off_in_front_is_a_block);
  tcase_add_test (story, a_boundary_becomes_an_alignment);
  tcase_add_test (story, an_operation_costs_what_its_steps_cost);
  tcase_add_test (story, zeroed_memory_costs_more);
  tcase_add_test (story, check_says_which_invariant_is_broken);
  suite_add_tcase (suite, story);

  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, freeing_what_a_neighbour_absorbed_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, writing_over_the_next_header_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, what_looks_like_a_header_is_not_enough, SIGABRT);
  tcase_add_test_raise_signal (misuse, what_looks_like_a_header_and_the_next_is_not_enough,
                               SIGABRT);
  tcase_add_loop_test_raise_signal (misuse, freeing_one_of_several_absorbed_aborts, SIGABRT, 0, 24);
  tcase_add_test_raise_signal (misuse, freeing_the_end_of_a_arena_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_the_beginning_of_a_arena_aborts, SIGABRT);
  suite_add_tcase (suite, misuse);

  return run_suite (suite);
}
