/* test-slub.c: stories of CPUs and their slabs, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What slub has in common with other allocators is in test-conformance.c; a real kernel is in test-slub-recorded.c. Every cost is 1 ps.
 * The page level gives the lowest page that is free, so slabs of one page are A at page 0, B at page 1 and so on; their objects are A0, A1 …
 */

#include "allocators/slub.h"
#include "tests/object-fixture.h"

/* Slabs of one page with four objects; a CPU keeps two partial slabs (2 x 4 objects / 4), the node one more if it is empty. */
static void
start_small (const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  try_start ("slub", 2, &error, "bins", "1024", "max-order", "0", "cpu-partial-objects", "4",
             "min-partial", "2", name, value, NULL);
  assert_no_error (error);
}

static KmlAddr
take_on (guint8 cpu)
{
  const KmlRequest request = { .size = 1024, .cpu = cpu };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (objects, &request, &held);

  verify ();
  return addr;
}

static void
give_on (guint8 cpu, KmlAddr addr)
{
  const KmlRequest how = { .cpu = cpu };

  kml_allocator_free_block (objects, addr, &how);
  verify ();
}

/* Object @index of the slab with the name @slab. */
static KmlAddr
at (char slab, guint index)
{
  return (KmlAddr)(slab - 'A') * PAGE + index * 1024;
}

static void
take_slabs (guint8 cpu, guint n)
{
  for (guint i = 0; i < 4 * n; i++)
    take_on (cpu);
}

/* "BA": slabs from the first to the last of a list. */
static void
assert_list (KmlPfn first, const char *expected)
{
  g_autoptr (GString) found = g_string_new (NULL);

  for (KmlPfn pfn = first; pfn != KML_PFN_NONE; pfn = kml_ram_frame (machine->ram, pfn)->slab.next)
    g_string_append_c (found, (char)('A' + pfn));
  ck_assert_str_eq (found->str, expected);
}

static void
assert_lists (const char *of_cpu, const char *of_node)
{
  const SlubCache *cache = &((Slub *)objects)->caches[0];

  assert_list (cache->cpus[0].partial, of_cpu);
  assert_list (cache->partial.first, of_node);
}

static guint64
counted (guint counter)
{
  return objects->counters[counter];
}

/* ---- Slabs on their way ---- */

START_TEST (a_full_slab_that_is_freed_to_becomes_the_freers)
{
  start_small ("quantum", "8");
  take_slabs (0, 3); /* A B C are full; nobody has them, but that C is still CPU 0's */
  take_on (0);       /* D0 */
  assert_lists ("", "");
  give_on (0, at ('A', 0));
  assert_lists ("A", "");
  give_on (0, at ('B', 0));
  assert_lists ("BA", "");
  give_on (0, at ('B', 1)); /* it is where it is */
  assert_lists ("BA", "");
  /* two are enough: they go to the node, which puts them at its end, one after the other */
  give_on (0, at ('C', 0));
  assert_lists ("C", "BA");
  ck_assert_uint_eq (counted (COUNTER_CPU_PARTIAL_DRAIN), 1);
  ck_assert_uint_eq (counted (COUNTER_CPU_PARTIAL_FREE), 3);
  ck_assert_uint_eq (counted (COUNTER_FREE_FROZEN), 1);
  ck_assert_uint_eq (counted (COUNTER_FREE_SLOWPATH), 4);
  stop ();
}
END_TEST

START_TEST (an_empty_slab_stays_while_the_node_has_few)
{
  start_small ("quantum", "8");
  take_slabs (0, 3);
  take_on (0);
  for (char slab = 'A'; slab <= 'C'; slab++)
    give_on (0, at (slab, 0));
  assert_lists ("C", "BA");
  for (guint i = 1; i < 4; i++)
    give_on (0, at ('A', i));
  assert_lists ("C", "B"); /* there were two */
  ck_assert_uint_eq (counted (COUNTER_SLABS_GIVEN_BACK), 1);
  for (guint i = 1; i < 4; i++)
    give_on (0, at ('B', i));
  assert_lists ("C", "B"); /* empty, but there is only one */
  ck_assert_uint_eq (counted (COUNTER_SLABS_GIVEN_BACK), 1);
  stop ();
}
END_TEST

START_TEST (a_cpu_looks_for_objects_near_to_far)
{
  start_small ("quantum", "8");
  take_slabs (0, 3);
  take_on (0);
  for (char slab = 'A'; slab <= 'C'; slab++)
    give_on (0, at (slab, 0));
  assert_lists ("C", "BA");
  for (guint i = 1; i < 4; i++)
    ck_assert_uint_eq (take_on (0), at ('D', i)); /* its own list … */
  ck_assert_uint_eq (take_on (0), at ('C', 0));   /* … its partial slabs … */
  ck_assert_uint_eq (take_on (0), at ('B', 0)); /* … the node's, and 2 / 2 + 1 more of those … */
  assert_lists ("A", "");
  ck_assert_uint_eq (take_on (0), at ('A', 0));
  ck_assert_uint_eq (take_on (0), at ('E', 0)); /* … the page level */
  ck_assert_uint_eq (counted (COUNTER_CPU_PARTIAL_ALLOC), 2);
  ck_assert_uint_eq (counted (COUNTER_ALLOC_FROM_PARTIAL), 1);
  ck_assert_uint_eq (counted (COUNTER_CPU_PARTIAL_NODE), 1);
  ck_assert_uint_eq (counted (COUNTER_SLABS_NEW), 5);
  stop ();
}
END_TEST

/* Five slabs on the node: a CPU that needs one gets 2 / 2 + 1 = 2 more, each put before the others. */
START_TEST (half_of_what_a_cpu_may_keep_comes_along)
{
  start_small ("quantum", "8");
  take_slabs (0, 7);
  for (char slab = 'A'; slab <= 'F'; slab++)
    give_on (0, at (slab, 0));
  assert_lists ("FE", "BADC");
  ck_assert_uint_eq (take_on (1), at ('B', 0));
  assert_lists ("FE", "C");
  assert_list (((Slub *)objects)->caches[0].cpus[1].partial, "DA");
  stop ();
}
END_TEST

START_TEST (objects_that_others_free_come_back_in_a_refill)
{
  start_small ("quantum", "8");
  take_slabs (0, 1);
  give_on (1, at ('A', 2)); /* A is CPU 0's: the other CPU leaves it there */
  give_on (1, at ('A', 1));
  ck_assert_uint_eq (counted (COUNTER_FREE_FROZEN), 2);
  ck_assert_uint_eq (take_on (1), at ('B', 0));
  ck_assert_uint_eq (take_on (0), at ('A', 1));
  ck_assert_uint_eq (take_on (0), at ('A', 2));
  ck_assert_uint_eq (counted (COUNTER_ALLOC_REFILL), 1);
  stop ();
}
END_TEST

START_TEST (without_partial_slabs_of_cpus_the_node_gets_them)
{
  start_small ("cpu-partial", "none");
  take_slabs (0, 3);
  give_on (0, at ('A', 0));
  give_on (0, at ('B', 0));
  assert_lists ("", "AB");
  give_on (0, at ('C', 0)); /* C is CPU 0's own */
  assert_lists ("", "AB");
  ck_assert_uint_eq (take_on (0), at ('C', 0));
  ck_assert_uint_eq (take_on (0), at ('A', 0));
  assert_lists ("", "B");
  stop ();
}
END_TEST

/* ---- What is seen of it ---- */

/* Free objects of CPUs are active to Linux's slabinfo, those on the node's list are not. */
START_TEST (active_is_what_the_kernel_calls_so)
{
  start_small ("quantum", "8");
  take_slabs (0, 3);
  take_on (0);
  for (char slab = 'A'; slab <= 'C'; slab++)
    give_on (0, at (slab, 0));
  give_on (0, at ('B', 1));
  assert_lists ("C", "BA");
  ck_assert_uint_eq (cache_of (1024).n_slabs, 4);
  ck_assert_uint_eq (cache_of (1024).n_objects, 16);
  ck_assert_uint_eq (cache_of (1024).n_active, 16 - 3); /* two of B, one of A */
  stop ();
}
END_TEST

START_TEST (a_walk_shows_what_is_free_on_both_lists_of_a_slab)
{
  g_autoptr (GError) error = NULL;

  try_start ("slub", 2, &error, "bins", "800", "max-order", "0", NULL);
  assert_no_error (error);
  for (guint i = 0; i < 4; i++)
    take (800);
  give_back (800);
  give_on (1, 1600);
  assert_picture ("U..U.m");
  stop ();
}
END_TEST

START_TEST (shrinking_gives_back_what_is_empty)
{
  start_small ("quantum", "8");
  take_slabs (0, 3);
  take_slabs (1, 2);
  for (char slab = 'A'; slab <= 'E'; slab++)
    for (guint i = 0; i < 4; i++)
      if (slab != 'B' || i != 0)
        give_on (0, at (slab, i));
  objects->ops->shrink (objects);
  verify ();
  assert_lists ("", "B");
  ck_assert_uint_eq (machine->free_area.n_free, N_FRAMES - 1);
  give_on (1, at ('B', 0));
  objects->ops->shrink (objects);
  ck_assert_uint_eq (machine->free_area.n_free, N_FRAMES);
  ck_assert_uint_eq (take_on (0), at ('A', 0)); /* and goes on working */
  stop ();
}
END_TEST

/* ---- The order of objects ---- */

/* The index of each object of the first slab, in the order in which they are taken. */
static char *
order_of (guint64 seed, const char *freelist)
{
  KmlMachineConfig config = { .n_cpus = 1, .ram = RAM, .page_size = PAGE, .seed = seed };
  GString *order = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  make_machine ("slub", &config);
  set_parameter (objects, "bins", "256");
  set_parameter (objects, "max-order", "0");
  set_parameter (objects, "freelist", freelist);
  kml_allocator_start (objects, &error);
  assert_no_error (error);
  for (guint i = 0; i < 16; i++)
    g_string_append_c (order, (char)('a' + take (256) / 256));
  stop ();
  return g_string_free (order, FALSE);
}

static int
compare_letters (const void *a, const void *b)
{
  return *(const char *)a - *(const char *)b;
}

START_TEST (a_new_slab_is_taken_by_address_or_shuffled)
{
  g_autofree char *linear = order_of (1, "linear"), *first = order_of (1, "random"),
                  *again = order_of (1, "random"), *other = order_of (2, "random");

  ck_assert_str_eq (linear, "abcdefghijklmnop");
  ck_assert_str_ne (first, linear);
  ck_assert_str_eq (first, again);
  ck_assert_str_ne (first, other);
  qsort (first, 16, 1, compare_letters);
  ck_assert_str_eq (first, linear);
}
END_TEST

/* ---- Costs ---- */

/* Every item at 1 ps: 40 instructions, a compare-and-exchange, two hot references and a warm one; to free, 5
 * instructions and a warm one more. */
START_TEST (the_fast_paths_cost_what_their_items_cost)
{
  KmlAddr addr;
  KmlTime start;

  start_small ("quantum", "8");
  take_on (0);
  start = machine->now;
  addr = take_on (0);
  ck_assert_uint_eq (machine->now - start, 40 + 1 + 2 + 1);
  start = machine->now;
  give_on (0, addr);
  ck_assert_uint_eq (machine->now - start, 45 + 1 + 2 + 2);
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("slub");
  TCase *story = tcase_create ("story");

  tcase_add_test (story, a_full_slab_that_is_freed_to_becomes_the_freers);
  tcase_add_test (story, an_empty_slab_stays_while_the_node_has_few);
  tcase_add_test (story, a_cpu_looks_for_objects_near_to_far);
  tcase_add_test (story, half_of_what_a_cpu_may_keep_comes_along);
  tcase_add_test (story, objects_that_others_free_come_back_in_a_refill);
  tcase_add_test (story, without_partial_slabs_of_cpus_the_node_gets_them);
  tcase_add_test (story, active_is_what_the_kernel_calls_so);
  tcase_add_test (story, a_walk_shows_what_is_free_on_both_lists_of_a_slab);
  tcase_add_test (story, shrinking_gives_back_what_is_empty);
  tcase_add_test (story, a_new_slab_is_taken_by_address_or_shuffled);
  tcase_add_test (story, the_fast_paths_cost_what_their_items_cost);
  suite_add_tcase (suite, story);
  return run_suite (suite);
}
