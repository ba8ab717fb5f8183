/* test-slab.c: stories of slabs, colours and constructors, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What slab has in common with other allocators is in test-conformance.c. Every cost is 1 ps. The page level gives the
 * lowest page that is free. Of large objects the first slab gets page 0, its header comes from a slab in page 1,
 * and its bufctls from one in page 2.
 */

#include "simcore/objects/bins.h"
#include "tests/object-fixture.h"

enum {
  SLABS_NEW,
  SLABS_GIVEN_BACK,
  SLABS_SMALL,
  REAPS,
  RESCALES,
  LOOKED,
  LARGE,
};

#define HEADER 32u /* bytes, at the end of a small object's page */
#define SECOND (G_GUINT64_CONSTANT (1000000000000))
#define US     (G_GUINT64_CONSTANT (1000000))

/* One parameter besides the bins. */
static void
start_with (const char *bins, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  try_start ("slab", 1, &error, "bins", bins, name, value, NULL);
  assert_no_error (error);
}

static void
start_with_bins (const char *bins)
{
  start_with (bins, "quantum", "8");
}

static KmlAddr
page (guint64 pfn)
{
  return pfn * PAGE;
}

static void
use_up_pages (void)
{
  const KmlRequest request = { .size = PAGE };
  guint64 held;

  while (kml_allocator_alloc (pages, &request, &held) != KML_ADDR_NONE)
    continue;
}

/* ---- Small objects ---- */

/* 4096 - 32 = 4064 bytes: 8 objects of 500. The second slab begins with a colour. */
START_TEST (a_slab_of_small_objects_is_a_page_with_its_header_at_the_end)
{

  start_with_bins ("500");
  for (guint i = 0; i < 8; i++)
    ck_assert_uint_eq (take (500), i * 504); /* rounded up to the quantum */
  ck_assert_uint_eq (take (500), PAGE + 8);
  give_back (504);
  assert_picture ("U.UUUUUUmmU.......m");
  ck_assert_uint_eq (cache_of (504).n_objects, 16);
  ck_assert_uint_eq (cache_of (504).n_active, 8);
  ck_assert_uint_eq (objects->metadata_bytes, 2 * (PAGE - 8 * 504));
  stop ();
}
END_TEST

START_TEST (objects_are_taken_in_order_and_again_last_in_first_out)
{
  start_with_bins ("200");
  for (guint i = 0; i < 5; i++)
    ck_assert_uint_eq (take (200), i * 200);
  give_back (200);
  give_back (600);
  ck_assert_uint_eq (take (200), 600);
  ck_assert_uint_eq (take (200), 200);
  ck_assert_uint_eq (take (200), 1000);
  stop ();
}
END_TEST

/* Claim A09. What is left over in a slab of n objects is less than 1/n of it, whatever the size; and the order is the
 * first that leaves at most an eighth, or else the one with the smallest share. */
START_TEST (a_slab_of_n_objects_leaves_less_than_one_nth_of_it)
{
  g_autoptr (GString) bins = g_string_new ("8");

  for (guint size = 16; size <= 8 * PAGE; size += size < 1024 ? 8 : 40)
    g_string_append_printf (bins, ",%u", size);
  start_with_bins (bins->str);
  for (guint64 size = 8; size <= 8 * PAGE; size += size < 1024 ? 8 : 40) {
    const KmlAddr addr = take (size);
    const KmlCacheInfo cache = cache_of (size);
    const guint64 bytes = cache.n_frames * PAGE;
    const gboolean is_small = size < PAGE / 8;
    const guint64 rest = bytes - cache.n_objects * size - (is_small ? HEADER : 0);

    ck_assert_uint_lt (rest, size);
    ck_assert_uint_lt (rest * cache.n_objects, bytes);
    if (is_small)
      ck_assert_uint_eq (cache.n_frames, 1);
    if (is_small)
      ck_assert_uint_le (rest, bytes / 8);
    for (guint64 other = PAGE; !is_small && other <= 8 * PAGE; other *= 2) {
      if (other < size)
        continue;
      if (other < bytes)
        ck_assert_uint_gt (other % size, other / 8); /* was too wasteful */
      if (rest > bytes / 8)
        ck_assert_uint_ge (other % size * bytes, rest * other); /* none wastes less */
    }
    give_back (addr);
    objects->ops->shrink (objects);
  }
  ck_assert_uint_eq (machine->free_area.n_free, N_FRAMES);
  stop ();
}
END_TEST

/* ---- Colours ---- */

static void
assert_colours (const guint *colours, guint n)
{
  for (guint slab = 0; slab < n; slab++)
    for (guint i = 0; i < 20; i++)
      ck_assert_uint_eq (take (200), page (slab) + colours[slab] + i * 200);
  stop ();
}

/* 4064 - 20 * 200 = 64 bytes are left over. */
START_TEST (each_slab_begins_a_quantum_further_on)
{
  const guint eight[] = { 0, 8, 16, 24, 32, 40, 48, 56, 64, 0, 8 };
  const guint none[] = { 0, 0, 0 };

  start_with_bins ("200");
  assert_colours (eight, G_N_ELEMENTS (eight));
  start_with ("200", "colouring", "no");
  assert_colours (none, G_N_ELEMENTS (none));
}
END_TEST

/* 4064 = 63 * 64 + 32: less than a quantum of 64. And a large slab has colours, too: 4096 - 4 * 1000 = 96. */
START_TEST (colours_are_multiples_of_the_quantum)
{
  g_autoptr (GError) error = NULL;

  try_start ("slab", 1, &error, "bins", "64", "quantum", "64", NULL);
  assert_no_error (error);
  for (guint i = 0; i < 3 * 63; i++)
    ck_assert_uint_eq (take (64) % 64, 0);
  stop ();
  start_with ("1000", "quantum", "8");
  for (guint i = 0; i < 4; i++)
    ck_assert_uint_eq (take (1000), i * 1000);
  for (guint i = 0; i < 4; i++)
    ck_assert_uint_eq (take (1000), page (3) + 8 + i * 1000);
  stop ();
}
END_TEST

/* ---- Large objects ---- */

typedef struct {
  const char *bin;
  guint order, n_objects;
} OrderCase;

/* 832    a page would leave 768 over, more than 512; two have 9 and leave 704 of 8192
 * 3000   a page leaves 1096, two leave 2192, four have 5 and leave 1384 of 16384
 * 20000  no slab of up to 8 pages leaves an eighth or less
 */
static const OrderCase order_cases[] = {
  { "512", 0, 8 },  { "600", 0, 6 },  { "832", 1, 9 },  { "1000", 0, 4 },  { "1504", 1, 5 },
  { "2048", 0, 2 }, { "2504", 1, 3 }, { "3000", 2, 5 }, { "20000", 3, 1 }, { "40960", 4, 1 },
};

START_TEST (a_large_slab_leaves_an_eighth_over_if_it_can)
{
  const OrderCase *expected = &order_cases[_i];
  KmlCacheInfo cache;

  start_with_bins (expected->bin);
  take (1);
  cache = cache_of (g_ascii_strtoull (expected->bin, NULL, 10));
  ck_assert_uint_eq (cache.n_frames, 1u << expected->order);
  ck_assert_uint_eq (cache.n_objects, expected->n_objects);
  stop ();
}
END_TEST

/* 8 objects of 512 bytes fill page 0; nothing of it is lost, but pages 1 and 2 have the header and the bufctls.
 * Those are there once for many slabs: (4096 - 32) / 24 = 169 bufctls. */
START_TEST (large_objects_have_their_headers_elsewhere)
{
  start_with_bins ("512");
  for (guint i = 0; i < 8; i++)
    ck_assert_uint_eq (take (512), i * 512);
  ck_assert_uint_eq (objects->metadata_bytes, 2 * PAGE);
  ck_assert_uint_eq (take (512), page (3));
  ck_assert_uint_eq (objects->metadata_bytes, 2 * PAGE);
  ck_assert_uint_eq (objects->counters[SLABS_NEW], 4);
  stop ();
}
END_TEST

/* 64 chains are enough for 128 objects. The 17th slab makes it 136: a page of 512 chains, enough for 1024. 129 slabs
 * have 1032, for 1024 chains. Neighbours have neighbouring chains, so 8 chains have two objects each, of which the older
 * one is freed first and found behind the other. */
START_TEST (hash_tables_grow_and_shrink_with_the_objects)
{
  const guint n = 129 * 8;
  KmlAddr addrs[129 * 8];

  start_with_bins ("512");
  for (guint i = 0; i < n; i++) {
    addrs[i] = take (512);
    ck_assert_uint_eq (objects->counters[RESCALES], i < 128 ? 0 : i < 1024 ? 1 : 2);
  }
  verify ();
  for (guint i = 0; i < n; i++)
    give_back (addrs[i]);
  ck_assert_uint_eq (objects->counters[LOOKED], n + 8);
  objects->ops->shrink (objects);
  ck_assert_uint_eq (objects->counters[RESCALES], 4);
  ck_assert_uint_eq (machine->free_area.n_free, N_FRAMES);
  ck_assert_uint_eq (objects->metadata_bytes, 0);
  ck_assert_uint_eq (take (512), 0); /* and goes on working */
  stop ();
}
END_TEST

/* One frame of memory in two is free: no slab of 832 bytes can have two, but one frame holds 4. */
START_TEST (a_smaller_slab_does_when_memory_is_in_pieces)
{
  const KmlRequest how = { .size = PAGE };

  start_with_bins ("832");
  use_up_pages ();
  for (KmlPfn pfn = 0; pfn < 20; pfn += 2)
    kml_allocator_free_block (pages, page (pfn), &how);
  ck_assert_uint_eq (take (832) % (2 * PAGE), 0);
  ck_assert_uint_eq (cache_of (832).n_objects, 4);
  ck_assert_uint_eq (objects->counters[SLABS_SMALL], 1);
  stop ();
}
END_TEST

START_TEST (what_no_bin_holds_goes_to_the_page_level)
{
  guint64 held;

  start_with_bins ("8,24,40,64");
  ck_assert_uint_eq (take_held (65, &held) % PAGE, 0);
  ck_assert_uint_eq (held, PAGE);
  take_held (18, &held);
  ck_assert_uint_eq (held, 24);
  ck_assert_uint_eq (objects->counters[LARGE], 1);
  ck_assert_uint_eq (objects->counters[SLABS_NEW], 1);
  stop ();
}
END_TEST

/* ---- Full, partial, empty ---- */

/* Two objects a slab. On the right what the cache's list has: free is ".", in use is "U". */
START_TEST (slabs_go_from_full_to_partial_to_empty_and_back)
{
  const KmlAddr a = page (0), b = page (3), c = page (4), d = page (5);

  start_with_bins ("2048");
  for (guint i = 0; i < 7; i++)
    take (2048); /*          d U.          full: a, b, c */
  ck_assert_uint_eq (cache_of (2048).n_slabs, 4);
  give_back (c);        /*   c .U, d U.                  a slab that was full goes to the front */
  give_back (a);        /*   a .U, c .U, d U. */
  give_back (a + 2048); /*   c .U, d U., a ..            an empty one goes to the end */
  give_back (c + 2048); /*   d U., a .., c .. */
  verify ();
  ck_assert_uint_eq (take (2048), d + 2048); /* partial ones come first, ... */
  ck_assert_uint_eq (take (2048), a + 2048); /* ... then what has been empty for longest */
  give_back (b);                             /* b .U, a .U, c .. */
  ck_assert_uint_eq (take (2048), b);
  ck_assert_uint_eq (take (2048), a);
  ck_assert_uint_eq (take (2048), c + 2048);
  ck_assert_uint_eq (take (2048), c);
  ck_assert_uint_eq (cache_of (2048).n_slabs, 4);
  ck_assert_uint_eq (take (2048), page (6)); /* only now a new one */
  stop ();
}
END_TEST

START_TEST (a_cache_keeps_as_many_empty_slabs_as_it_is_told)
{
  start_with ("504", "keep", "1");
  for (guint i = 0; i < 24; i++)
    take (504); /* colours 0, 8, 16 */
  for (guint i = 0; i < 8; i++)
    give_back (i * 504);
  ck_assert_uint_eq (cache_of (504).n_slabs, 3);
  for (guint i = 0; i < 8; i++)
    give_back (page (1) + 8 + i * 504);
  ck_assert_uint_eq (cache_of (504).n_slabs, 2);
  ck_assert_uint_eq (objects->counters[SLABS_GIVEN_BACK], 1);
  ck_assert_uint_eq (take (504), 7 * 504); /* it is not the first one that went back */
  stop ();
}
END_TEST

/* Two slabs of 504 bytes are emptied, the second one at @later. Then memory is out, and a slab is needed. */
static void
reap_at (KmlTime later, KmlTime now)
{
  start_with_bins ("64,504");
  for (guint i = 0; i < 16; i++)
    take (504);
  use_up_pages ();
  for (guint i = 0; i < 8; i++)
    give_back (i * 504);
  machine->now = later;
  for (guint i = 0; i < 8; i++)
    give_back (PAGE + 8 + i * 504);
  ck_assert_uint_eq (objects->counters[SLABS_GIVEN_BACK], 0);
  machine->now = now;
  ck_assert_uint_eq (take (64), 0);
}

START_TEST (reaping_spares_the_working_set_of_fifteen_seconds)
{
  reap_at (10 * SECOND, 20 * SECOND); /* empty for 20 s and for 10 s */
  ck_assert_uint_eq (cache_of (504).n_slabs, 1);
  ck_assert_uint_eq (objects->counters[REAPS], 1);
  ck_assert_uint_eq (take (504), PAGE + 8 + 7 * 504);
  stop ();
}
END_TEST

START_TEST (reaping_takes_the_working_set_when_nothing_else_is_left)
{
  reap_at (12 * SECOND, 14 * SECOND);
  ck_assert_uint_eq (cache_of (504).n_slabs, 0);
  stop ();
}
END_TEST

START_TEST (memory_that_is_out_is_an_outcome)
{
  start_with_bins ("64,512");
  use_up_pages ();
  ck_assert_uint_eq (take (64), KML_ADDR_NONE);
  ck_assert_uint_eq (take (512), KML_ADDR_NONE);
  ck_assert_uint_eq (objects->metadata_bytes, 0);
  stop ();
}
END_TEST

/* A frame for the slab, one for its header, none for its bufctls. */
START_TEST (a_slab_without_memory_for_its_bufctls_is_given_up)
{
  const KmlRequest how = { .size = PAGE };

  start_with_bins ("512");
  use_up_pages ();
  kml_allocator_free_block (pages, page (0), &how);
  kml_allocator_free_block (pages, page (1), &how);
  ck_assert_uint_eq (take (512), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->free_area.n_free, 2);
  stop ();
}
END_TEST

/* ---- Constructors ---- */

/* (4096 - 32) / (200 + 8) = 19 objects, with a word for the link. */
START_TEST (retained_objects_are_constructed_when_their_slab_is_made)
{
  start_with ("200", "constructor", "1us");
  ck_assert_uint_eq (take (200), 0);
  ck_assert_uint_eq (machine->now / US, 19);
  ck_assert_uint_eq (take (200), 208);
  for (guint i = 0; i < 1000; i++) {
    give_back (208);
    take (200);
  }
  /* 2000 operations of at most 44 ps are less than 1 us */
  ck_assert_uint_eq (machine->now / US, 19);
  for (guint i = 2; i < 20; i++)
    take (200); /* the last one needs a second slab */
  ck_assert_uint_eq (machine->now / US, 38);
  stop ();
}
END_TEST

START_TEST (without_the_cache_each_request_is_constructed)
{
  g_autoptr (GError) error = NULL;

  try_start ("slab", 1, &error, "bins", "200", "constructor", "1us", "constructed", "always", NULL);
  assert_no_error (error);
  ck_assert_uint_eq (take (200), 0);
  ck_assert_uint_eq (machine->now / US, 1);
  for (guint i = 0; i < 1000; i++) {
    give_back (0);
    take (200);
  }
  ck_assert_uint_eq (machine->now / US, 1001);
  ck_assert_uint_eq (take (200), 200); /* no word for a link: the next request overwrites it */
  stop ();
}
END_TEST

/* The last word of a free object that is not constructed is its link. */
START_TEST (a_link_leaves_constructed_state_alone)
{
  start_with ("200", "constructor", "1us");
  take (200);
  for (guint i = 0; i < 200; i += 4)
    kml_ram_store32 (machine->ram, i, i + 1);
  give_back (0);
  ck_assert_uint_eq (take (200), 0);
  for (guint i = 0; i < 200; i += 4)
    ck_assert_uint_eq (kml_ram_load32 (machine->ram, i), i + 1);
  stop ();
}
END_TEST

/* ---- Constraints and costs ---- */

START_TEST (colours_keep_no_alignment_but_the_quantum)
{
  KmlConstraints constraints = { .alignment = 8 };
  const KmlRequest request = { .size = 64, .constraints = &constraints };
  guint64 held;

  start_with_bins ("64");
  kml_allocator_alloc (objects, &request, &held);
  ck_assert_uint_eq (held, 64);
  constraints.alignment = 64;
  ck_assert_uint_eq (kml_allocator_alloc (objects, &request, &held) % 64, 0);
  ck_assert_uint_eq (held, PAGE);
  stop ();
}
END_TEST

static KmlTime
cost_of_taking (guint64 size)
{
  const KmlTime before = machine->now;

  take (size);
  return machine->now - before;
}

static KmlTime
cost_of_giving_back (KmlAddr addr)
{
  const KmlTime before = machine->now;

  give_back (addr);
  return machine->now - before;
}

/* A lock, a hot reference and two warm ones; of large objects 12 instructions and two warm references for the chain,
 * besides. */
START_TEST (the_usual_path_costs_what_its_items_cost)
{
  start_with_bins ("64,512");
  take (64);
  ck_assert_uint_eq (cost_of_taking (64), 35 + 1 + 1 + 2);
  ck_assert_uint_eq (cost_of_giving_back (0), 40 + 1 + 1 + 2);
  ck_assert_uint_eq (take (512), page (1));
  ck_assert_uint_eq (cost_of_taking (512), 35 + 1 + 1 + 2 + 12 + 2);
  ck_assert_uint_eq (cost_of_giving_back (page (1)), 40 + 1 + 1 + 2 + 12 + 2);
  stop ();
}
END_TEST

/* ---- Misuse ---- */

START_TEST (an_owner_may_write_what_looks_like_a_guard)
{
  start_with_bins ("64");
  take (64);
  take (64);
  for (guint32 guard = 0; guard < 65536; guard++) {
    kml_ram_store32 (machine->ram, 64 + 60, guard << 16);
    give_back (64);
    ck_assert_uint_eq (take (64), 64);
  }
  stop ();
}
END_TEST

START_TEST (writing_to_the_link_of_a_free_object_aborts)
{
  start_with_bins ("64");
  take (64);
  take (64);
  give_back (0);
  kml_ram_store32 (machine->ram, 60, 0x12345678);
  take (64);
}
END_TEST

START_TEST (freeing_a_small_object_twice_aborts)
{
  start_with_bins ("64");
  take (64);
  take (64);
  give_back (0);
  give_back (0);
}
END_TEST

START_TEST (freeing_a_large_object_twice_aborts)
{
  start_with_bins ("512");
  take (512);
  take (512);
  give_back (0);
  give_back (0);
}
END_TEST

START_TEST (freeing_what_was_never_given_out_aborts)
{
  start_with_bins ("64");
  take (64);
  give_back (64);
}
END_TEST

START_TEST (freeing_the_middle_of_a_large_object_aborts)
{
  start_with_bins ("512");
  take (512);
  take (512);
  give_back (512 + 8);
}
END_TEST

START_TEST (freeing_the_colour_of_a_slab_aborts)
{
  start_with_bins ("504");
  for (guint i = 0; i < 9; i++)
    take (504);
  give_back (PAGE);
}
END_TEST

START_TEST (freeing_the_allocators_own_memory_aborts)
{
  start_with_bins ("512");
  take (512);
  give_back (page (1)); /* the slab's header */
}
END_TEST

static void
assert_refused (const char *name, const char *value, const char *fragment)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!try_start ("slab", 1, &error, "bins", "8", name, value, NULL));
  assert_error (error, KML_ERROR_INPUT, fragment);
  discard ();
}

START_TEST (parameters_that_cannot_be_are_refused)
{
  assert_refused ("bins", "optimal:8", "bins: "); /* the workload's sizes are not known here */
  assert_refused ("bins", "8,2147483648", "2147483648");
  assert_refused ("max-order", "19", "2 GiB");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("slab");
  TCase *story = tcase_create ("story");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (story, a_slab_of_small_objects_is_a_page_with_its_header_at_the_end);
  tcase_add_test (story, objects_are_taken_in_order_and_again_last_in_first_out);
  tcase_add_test (story, a_slab_of_n_objects_leaves_less_than_one_nth_of_it);
  tcase_add_test (story, each_slab_begins_a_quantum_further_on);
  tcase_add_test (story, colours_are_multiples_of_the_quantum);
  tcase_add_loop_test (story, a_large_slab_leaves_an_eighth_over_if_it_can, 0,
                       G_N_ELEMENTS (order_cases));
  tcase_add_test (story, large_objects_have_their_headers_elsewhere);
  tcase_add_test (story, hash_tables_grow_and_shrink_with_the_objects);
  tcase_add_test (story, a_smaller_slab_does_when_memory_is_in_pieces);
  tcase_add_test (story, what_no_bin_holds_goes_to_the_page_level);
  tcase_add_test (story, slabs_go_from_full_to_partial_to_empty_and_back);
  tcase_add_test (story, a_cache_keeps_as_many_empty_slabs_as_it_is_told);
  tcase_add_test (story, reaping_spares_the_working_set_of_fifteen_seconds);
  tcase_add_test (story, reaping_takes_the_working_set_when_nothing_else_is_left);
  tcase_add_test (story, memory_that_is_out_is_an_outcome);
  tcase_add_test (story, a_slab_without_memory_for_its_bufctls_is_given_up);
  tcase_add_test (story, retained_objects_are_constructed_when_their_slab_is_made);
  tcase_add_test (story, without_the_cache_each_request_is_constructed);
  tcase_add_test (story, a_link_leaves_constructed_state_alone);
  tcase_add_test (story, colours_keep_no_alignment_but_the_quantum);
  tcase_add_test (story, the_usual_path_costs_what_its_items_cost);
  tcase_add_test (story, parameters_that_cannot_be_are_refused);
  tcase_add_test (story, an_owner_may_write_what_looks_like_a_guard);
  suite_add_tcase (suite, story);

  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, writing_to_the_link_of_a_free_object_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_a_small_object_twice_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_a_large_object_twice_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_what_was_never_given_out_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_the_middle_of_a_large_object_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_the_colour_of_a_slab_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, freeing_the_allocators_own_memory_aborts, SIGABRT);
  suite_add_tcase (suite, misuse);

  return run_suite (suite);
}
