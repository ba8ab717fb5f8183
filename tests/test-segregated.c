/* test-segregated.c: stories of bins and slabs, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What segregated has in common with other allocators is in test-conformance.c.
 */

#include "simcore/objects/bins.h"
#include "simcore/base/rng.h"
#include "tests/object-fixture.h"

enum {
  SLABS_NEW,
  SLABS_GIVEN_BACK,
  SLABS_SMALL,
  REFILLS,
  LARGE,
};

static void
start_on (const KmlMachineConfig *config)
{
  g_autoptr (GError) error = NULL;

  make_machine ("segregated", config);
  kml_allocator_start (objects, &error);
  assert_no_error (error);
}

static void
start_with_bins (const char *bins)
{
  g_autoptr (GError) error = NULL;

  try_start ("segregated", 4, &error, "bins", bins, NULL);
  assert_no_error (error);
}

/* ---- Bins ---- */

/* The background's example: 18 bytes cost 32 in powers of two, 24 in the right bins. */
START_TEST (a_request_is_rounded_up_to_a_bin)
{
  guint64 held;

  start_with_bins ("pow2");
  take_held (18, &held);
  ck_assert_uint_eq (held, 32);
  stop ();
  start_with_bins ("8,24,40,64");
  take_held (18, &held);
  ck_assert_uint_eq (held, 24);
  stop ();
}
END_TEST

/* The table, and the bisection above it, against the plain search: every size up to the largest
 * bin. */
START_TEST (every_size_gets_the_smallest_bin_that_holds_it)
{
  const char *const sets[] = { "linux", "geometric:8", "24,1000,5000,9000,20000", "4,9,27,31,64" };
  const char *const quanta[] = { "1", "2", "8", "64" };

  for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
    for (guint k = 0; k < G_N_ELEMENTS (quanta); k++) {
      g_autoptr (GError) error = NULL;
      KmlBins bins;

      ck_assert (
          kml_bins_parse (sets[i], g_ascii_strtoull (quanta[k], NULL, 10), NULL, 0, &bins, &error));
      try_start ("segregated", 4, &error, "bins", sets[i], "quantum", quanta[k], NULL);
      assert_no_error (error);
      for (guint64 size = 1; size <= MIN (bins.sizes[bins.n - 1], 30000); size++) {
        guint64 held;
        const KmlAddr addr = take_held (size, &held);

        ck_assert_uint_eq (held, bins.sizes[kml_bins_find (&bins, size)]);
        give_back (addr);
      }
      kml_bins_clear (&bins);
      stop ();
    }
}
END_TEST

START_TEST (the_smallest_object_has_four_bytes)
{
  g_autoptr (GError) error = NULL;
  guint64 held;

  try_start ("segregated", 4, &error, "bins", "1,2,3,9", "quantum", "1", NULL);
  assert_no_error (error);
  for (guint64 size = 1; size <= 4; size++) {
    take_held (size, &held);
    ck_assert_uint_eq (held, 4);
  }
  take_held (5, &held);
  ck_assert_uint_eq (held, 9);
  stop ();
}
END_TEST

START_TEST (what_no_bin_holds_goes_to_the_page_level)
{
  guint64 held;
  KmlAddr addr;

  start_with_bins ("8,24,40,64");
  addr = take_held (65, &held);
  ck_assert_uint_eq (held, PAGE);
  ck_assert_uint_eq (addr % PAGE, 0);
  take_held (3 * PAGE, &held);
  ck_assert_uint_eq (held, 4 * PAGE); /* what buddy makes of three pages */
  ck_assert_uint_eq (objects->counters[LARGE], 2);
  ck_assert_uint_eq (objects->counters[SLABS_NEW], 0);
  stop ();
}
END_TEST

static void
assert_refused (const char *name, const char *value, const char *fragment)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!try_start ("segregated", 4, &error, "bins", "8", name, value, NULL));
  assert_error (error, KML_ERROR_INPUT, fragment);
  discard ();
}

START_TEST (parameters_that_cannot_be_are_refused)
{
  assert_refused ("bins", "optimal:8", "bins: "); /* the workload's sizes are not known here */
  assert_refused ("bins", "8,2147483648", "2147483648");
  assert_refused ("max-order", "19", "2 GiB");
  assert_refused ("min-order", "20", "2 GiB");
}
END_TEST

/* ---- The order of slabs ---- */

typedef struct {
  const char *bin;
  guint n_cpus;
  guint order, n_objects;
  guint64 tail;
} OrderCase;

/* Claim A08 (Linux's calculate_order()): min-objects is 4 (fls (4) + 1) = 16. More by hand:
 *
 *   8      16 of them fit in a page without tail
 *   96     16 x 96 = 1536: a page, 42 objects, tail 64 <= 256
 *   192    16 x 192 = 3072: a page, 21 objects, tail 64 <= 256
 *   256    a page, 16 objects
 *   1024   order 2; on one CPU 8 objects are wanted, and order 1 has them
 *   8192   at most 4 fit in order 3, and do
 *   4800   order 3 has 6 and a tail of 3968: more than 1/16, not more than 1/8 of 32768
 *   20000  order 3 holds one
 */
static const OrderCase order_cases[] = {
  { "832", 4, 2, 19, 576 },    { "8", 4, 0, 512, 0 },       { "96", 4, 0, 42, 64 },
  { "192", 4, 0, 21, 64 },     { "256", 4, 0, 16, 0 },      { "1024", 4, 2, 16, 0 },
  { "1024", 1, 1, 8, 0 },      { "8192", 4, 3, 4, 0 },      { "4800", 4, 3, 6, 3968 },
  { "20000", 4, 3, 1, 12768 }, { "40960", 4, 4, 1, 24576 },
};

START_TEST (slabs_have_the_order_that_slub_gives_them)
{
  const OrderCase *expected = &order_cases[_i];
  g_autoptr (GError) error = NULL;
  KmlCacheInfo cache;

  try_start ("segregated", expected->n_cpus, &error, "bins", expected->bin, NULL);
  assert_no_error (error);
  take (1);
  cache = cache_of (g_ascii_strtoull (expected->bin, NULL, 10));
  ck_assert_uint_eq (cache.n_frames, 1u << expected->order);
  ck_assert_uint_eq (cache.n_objects, expected->n_objects);
  ck_assert_uint_eq (objects->metadata_bytes, expected->tail);
  stop ();
}
END_TEST

/* Claim A08, the leftovers of 216 bytes at orders 0 to 4. */
START_TEST (the_tail_of_a_slab_is_metadata)
{
  const guint64 tails[] = { 208, 200, 184, 152, 88 };
  const guint64 n_objects[] = { 18, 37, 75, 151, 303 };

  for (guint order = 0; order < 5; order++) {
    g_autofree char *text = g_strdup_printf ("%u", order);
    g_autoptr (GError) error = NULL;

    try_start ("segregated", 4, &error, "bins", "216", "min-order", text, "max-order", text, NULL);
    assert_no_error (error);
    take (1);
    ck_assert_uint_eq (objects->metadata_bytes, tails[order]);
    ck_assert_uint_eq (cache_of (216).n_objects, n_objects[order]);
    stop ();
  }
}
END_TEST

/* A slab of 2 MiB could hold 2^19 objects of 4 bytes, of which a link can name 2^16 - 1. */
START_TEST (a_slab_has_no_more_objects_than_a_link_can_name)
{
  g_autoptr (GError) error = NULL;
  KmlAddr last = 0;

  try_start ("segregated", 4, &error, "bins", "1", "quantum", "1", "min-order", "9", "max-order",
             "9", NULL);
  assert_no_error (error);
  for (guint i = 0; i < 65535; i++)
    last = take (1);
  ck_assert_uint_eq (objects->counters[SLABS_NEW], 1);
  ck_assert_uint_eq (last, 65534 * 4);
  ck_assert_uint_eq (take (1), 512 * PAGE); /* a second slab */
  give_back (last);
  give_back (0);
  stop ();
}
END_TEST

/* One frame of memory in two is in use: no slab of 832 bytes can have order 2, but one of order
 * 0 holds 4. */
START_TEST (a_smaller_slab_does_when_memory_is_in_pieces)
{
  const KmlRequest page = { .size = PAGE };
  guint64 held;

  start_with_bins ("832");
  while (kml_allocator_alloc (pages, &page, &held) != KML_ADDR_NONE)
    continue;
  for (KmlPfn pfn = 0; pfn < 20; pfn += 2)
    kml_allocator_free_block (pages, kml_ram_addr (machine->ram, pfn), &page);
  ck_assert_uint_eq (take (832) % (2 * PAGE), 0);
  ck_assert_uint_eq (cache_of (832).n_objects, 4);
  ck_assert_uint_eq (objects->counters[SLABS_SMALL], 1);
  stop ();
}
END_TEST

/* ---- Objects on their way ---- */

START_TEST (objects_are_taken_in_order_and_again_last_in_first_out)
{
  start_with_bins ("1000");
  for (guint i = 0; i < 5; i++)
    ck_assert_uint_eq (take (1000), i * 1000);
  give_back (1000);
  give_back (3000);
  ck_assert_uint_eq (take (1000), 3000);
  ck_assert_uint_eq (take (1000), 1000);
  ck_assert_uint_eq (take (1000), 5000);
  stop ();
}
END_TEST

START_TEST (a_walk_shows_objects_and_tails)
{
  g_autoptr (GError) error = NULL;

  try_start ("segregated", 4, &error, "bins", "1000", "max-order", "0", NULL);
  assert_no_error (error);
  for (guint i = 0; i < 6; i++)
    take (1000);
  give_back (1000);
  assert_picture ("U.UUmUU..m"); /* fresh objects are free */
  stop ();
}
END_TEST

/* ---- Slabs on their way ---- */

/* Slabs of one page with two objects; keep = 1. Each line shows the objects in use and where
 * each slab is. */
START_TEST (slabs_go_from_list_to_list)
{
  g_autoptr (GError) error = NULL;
  const KmlAddr second = PAGE, third = 2 * PAGE, fourth = 3 * PAGE;

  try_start ("segregated", 4, &error, "bins", "2048", "max-order", "0", "keep", "1", NULL);
  assert_no_error (error);
  for (guint i = 0; i < 7; i++)
    take (2048); /* UU full   UU full   UU full   U. current */
  ck_assert_uint_eq (objects->counters[SLABS_NEW], 4);
  give_back (third);
  give_back (0);            /* .U partial   UU full   .U partial   U. current */
  give_back (2048);         /* .. empty     UU full   .U partial   U. current */
  give_back (third + 2048); /* .. empty     UU full   (given back)  U. current */
  ck_assert_uint_eq (objects->counters[SLABS_GIVEN_BACK], 1);
  give_back (second); /* .. empty     .U partial              U. current */
  ck_assert_uint_eq (take (2048), fourth + 2048); /* the current one first, ... */
  ck_assert_uint_eq (take (2048), second);        /* ... then a partial one, ... */
  ck_assert_uint_eq (take (2048), 2048);          /* ... then the empty one, ... */
  ck_assert_uint_eq (take (2048), 0);
  ck_assert_uint_eq (objects->counters[SLABS_NEW], 4);
  ck_assert_uint_eq (take (2048), third); /* ... then a new one */
  ck_assert_uint_eq (objects->counters[SLABS_NEW], 5);
  stop ();
}
END_TEST

/* Two slabs become partial, the first one first. */
static KmlAddr
next_slab_with (const char *list)
{
  g_autoptr (GError) error = NULL;

  try_start ("segregated", 4, &error, "bins", "2048", "max-order", "0", "list", list, NULL);
  assert_no_error (error);
  for (guint i = 0; i < 6; i++)
    take (2048);
  give_back (0);
  give_back (PAGE);
  return take (2048);
}

START_TEST (list_says_which_partial_slab_is_used)
{
  ck_assert_uint_eq (next_slab_with ("fifo"), 0);
  stop ();
  ck_assert_uint_eq (next_slab_with ("lifo"), PAGE);
  stop ();
}
END_TEST

START_TEST (shrinking_gives_back_what_is_empty)
{
  KmlAddr addrs[100];

  start_with_bins ("linux");
  for (guint i = 0; i < 100; i++)
    addrs[i] = take (1000);
  for (guint i = 1; i < 100; i++)
    give_back (addrs[i]);
  objects->ops->shrink (objects);
  ck_assert_uint_eq (cache_of (1024).n_slabs, 1); /* where the first one lives */
  give_back (addrs[0]);
  objects->ops->shrink (objects);
  ck_assert_uint_eq (machine->free_area.n_free, N_FRAMES);
  ck_assert_uint_eq (take (1000) % 1024, 0); /* and goes on working */
  stop ();
}
END_TEST

/* ---- Constraints ---- */

START_TEST (an_alignment_chooses_a_bin_that_keeps_it)
{
  const KmlConstraints constraints = { .alignment = 64 };
  const KmlRequest request = { .size = 70, .constraints = &constraints };
  guint64 held;

  start_with_bins ("linux");
  ck_assert_uint_eq (kml_allocator_alloc (objects, &request, &held) % 64, 0);
  ck_assert_uint_eq (held, 128); /* not 96 */
  stop ();
}
END_TEST

/* ---- Costs ---- */

/* Clearing costs in proportion to the object: a page frame's price for 4096 bytes. */
START_TEST (zeroed_memory_costs_more)
{
  KmlMachineConfig config = { .n_cpus = 4, .ram = RAM, .page_size = PAGE };
  KmlRequest request = { .size = 1024 };
  guint64 held;

  config.cost[KML_COST_ZERO_PAGE] = 4000;
  start_on (&config);
  kml_allocator_alloc (objects, &request, &held);
  ck_assert_uint_eq (machine->now, 0);
  request.gfp = KML_GFP_ZERO;
  kml_allocator_alloc (objects, &request, &held);
  ck_assert_uint_eq (machine->now, 1000);
  stop ();
}
END_TEST

/* Every item at 1 ps. A fresh object is as cold as it is warm here; the first one needs a slab. */
START_TEST (the_fast_path_costs_what_its_items_cost)
{
  KmlMachineConfig config = { .n_cpus = 4, .ram = RAM, .page_size = PAGE };
  KmlTime start;

  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = 1;
  start_on (&config);
  take (64);
  start = machine->now;
  take (64);
  ck_assert_uint_eq (machine->now - start, 40 + 2 + 1 + 1); /* instructions, hot, warm, atomic */
  start = machine->now;
  give_back (0);
  ck_assert_uint_eq (machine->now - start, 45 + 2 + 2 + 1);
  stop ();
}
END_TEST

/* ---- Division without dividing ---- */

/* The quotient and the remainder that segregated_free() takes from one product, for every
 * offset of slabs of awkward sizes: all objects of such slabs can be freed, and none of the
 * addresses between. */
START_TEST (the_reciprocal_finds_every_object)
{
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  for (guint i = 0; i < 200000; i++) {
    const guint32 size = (guint32)(4 +
                                   kml_rng_below (&rng, (G_GUINT64_CONSTANT (1) << (3 + i % 28))));
    const guint64 reciprocal = G_MAXUINT64 / size + 1;
    const guint32 offset = (guint32)(i % 2 == 0 ? kml_rng_next (&rng)
                                                : size * kml_rng_below (&rng, G_MAXUINT32 / size));
    const unsigned __int128 product = (unsigned __int128)offset * reciprocal;

    ck_assert_uint_eq ((guint64)(product >> 64), offset / size);
    ck_assert_int_eq ((guint64)product < reciprocal, offset % size == 0);
  }
}
END_TEST

/* ---- Misuse ---- */

START_TEST (an_owner_may_write_what_looks_like_a_guard)
{
  KmlAddr first, second;

  start_with_bins ("64");
  first = take (64);
  second = take (64);
  give_back (first);
  /* not yet the right one */
  kml_ram_store32 (machine->ram, second, kml_ram_load32 (machine->ram, first));
  for (guint32 guard = 0; guard < 65536; guard++) {
    kml_ram_store32 (machine->ram, second, guard << 16);
    give_back (second);
    ck_assert_uint_eq (take (64), second);
  }
  stop ();
}
END_TEST

START_TEST (writing_to_a_free_object_aborts)
{
  KmlAddr addr;

  start_with_bins ("64");
  addr = take (64);
  give_back (addr);
  kml_ram_store32 (machine->ram, addr, 0x12345678);
  take (64);
}
END_TEST

START_TEST (freeing_a_fresh_object_aborts)
{
  start_with_bins ("64");
  take (64);
  give_back (64);
}
END_TEST

START_TEST (freeing_a_slab_as_a_page_aborts)
{
  const KmlRequest how = { 0 };

  start_with_bins ("64");
  kml_allocator_free_block (pages, take (64), &how);
}
END_TEST

START_TEST (freeing_a_page_of_somebody_else_aborts)
{
  const KmlRequest request = { .size = PAGE };
  guint64 held;

  start_with_bins ("64");
  give_back (kml_allocator_alloc (pages, &request, &held));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("segregated");
  TCase *story = tcase_create ("story");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (story, a_request_is_rounded_up_to_a_bin);
  tcase_add_test (story, every_size_gets_the_smallest_bin_that_holds_it);
  tcase_add_test (story, the_smallest_object_has_four_bytes);
  tcase_add_test (story, what_no_bin_holds_goes_to_the_page_level);
  tcase_add_test (story, parameters_that_cannot_be_are_refused);
  tcase_add_loop_test (story, slabs_have_the_order_that_slub_gives_them, 0,
                       G_N_ELEMENTS (order_cases));
  tcase_add_test (story, the_tail_of_a_slab_is_metadata);
  tcase_add_test (story, a_slab_has_no_more_objects_than_a_link_can_name);
  tcase_add_test (story, a_smaller_slab_does_when_memory_is_in_pieces);
  tcase_add_test (story, objects_are_taken_in_order_and_again_last_in_first_out);
  tcase_add_test (story, a_walk_shows_objects_and_tails);
  tcase_add_test (story, slabs_go_from_list_to_list);
  tcase_add_test (story, list_says_which_partial_slab_is_used);
  tcase_add_test (story, shrinking_gives_back_what_is_empty);
  tcase_add_test (story, an_alignment_chooses_a_bin_that_keeps_it);
  tcase_add_test (story, zeroed_memory_costs_more);
  tcase_add_test (story, the_fast_path_costs_what_its_items_cost);
  tcase_add_test (story, the_reciprocal_finds_every_object);
  tcase_add_test (story, an_owner_may_write_what_looks_like_a_guard);
  suite_add_tcase (suite, story);

  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, writing_to_a_free_object_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_a_fresh_object_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_a_slab_as_a_page_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_a_page_of_somebody_else_aborts, SIGABRT);
  suite_add_tcase (suite, misuse);

  return run_suite (suite);
}
