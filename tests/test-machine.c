/* test-machine.c: RAM, its frame table, and the count of what is free.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/machine.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

START_TEST (the_frame_table_lies_at_the_end_of_ram)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlRam) ram = kml_ram_new (64 << 20, 4096, &error);

  assert_no_error (error);
  ck_assert_uint_eq (ram->n_frames, 16384);
  ck_assert_uint_eq (ram->n_frames - ram->n_usable, 16384 * 32 / 4096);
  ck_assert_ptr_eq (ram->frames, ram->store + ((guint64)ram->n_usable << 12));
}
END_TEST

START_TEST (ram_is_zero_until_something_is_stored)
{
  g_autoptr (KmlRam) ram = kml_ram_new (1 << 20, 4096, NULL);

  ck_assert_uint_eq (kml_ram_load64 (ram, 4091), 0);
  kml_ram_store64 (ram, 4091, 0x0123456789abcdef); /* over a page's end, not aligned */
  ck_assert_uint_eq (kml_ram_load64 (ram, 4091), 0x0123456789abcdef);
}
END_TEST

/* Lazy: a machine of 4 TiB is made on a host that has a fraction of it. */
START_TEST (a_huge_machine_costs_nothing_until_it_is_used)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlRam) ram = kml_ram_new (G_GUINT64_CONSTANT (4) << 40, 4096, &error);

  if (ram == NULL) { /* a host that limits address space says so */
    assert_error (error, KML_ERROR_WORLD, "address space");
    return;
  }
  kml_ram_store64 (ram, G_GUINT64_CONSTANT (3) << 40, 7);
  ck_assert_uint_eq (kml_ram_load64 (ram, G_GUINT64_CONSTANT (3) << 40), 7);
}
END_TEST

START_TEST (nonsense_machines_are_refused)
{
  static const struct {
    guint n_cpus;
    guint64 ram, page_size;
    const char *says;
  } cases[] = {
    { 0, 1 << 20, 4096, "1 to 256 CPUs, not 0" },
    { 257, 1 << 20, 4096, "not 257" },
    { 1, 1 << 20, 3, "power of two" },
    { 1, 1 << 20, 0, "power of two" },
    { 1, 4097, 4096, "whole pages" },
    { 1, 0, 4096, "whole pages" },
    { 1, G_GUINT64_CONSTANT (1) << 62, 4096, "fewer than 2^32" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const KmlMachineConfig config = { .n_cpus = cases[i].n_cpus,
                                      .ram = cases[i].ram,
                                      .page_size = cases[i].page_size };
    g_autoptr (GError) error = NULL;
    g_autoptr (KmlMachine) machine = kml_machine_new (&config, &error);

    ck_assert_ptr_null (machine);
    assert_error (error, KML_ERROR_INPUT, cases[i].says);
  }
}
END_TEST

/* [5, 16) is 5 | 6-7 | 8-15: one block of order 0, one of order 1, one of order 3. */
START_TEST (a_free_run_counts_as_the_aligned_blocks_in_it)
{
  KmlFreeArea area = { 0 };

  kml_free_area_add_run (&area, 5, 11, KML_MOBILITY_MOVABLE);
  ck_assert_uint_eq (area.n_free, 11);
  ck_assert_uint_eq (area.blocks[KML_MOBILITY_MOVABLE][0], 1);
  ck_assert_uint_eq (area.blocks[KML_MOBILITY_MOVABLE][1], 1);
  ck_assert_uint_eq (area.blocks[KML_MOBILITY_MOVABLE][3], 1);
  ck_assert_uint_eq (kml_free_area_suitable (&area, 2), 8);
  ck_assert_double_eq (kml_free_area_unusable (&area, 2), 3.0 / 11.0);
  kml_free_area_remove_run (&area, 5, 11, KML_MOBILITY_MOVABLE);
  ck_assert_uint_eq (area.n_free, 0);
  ck_assert_double_eq (kml_free_area_unusable (&area, 2), 0.0);
}
END_TEST

/* Of a kernel: a line of /proc/buddyinfo, and what it showed at the same moment under debugfs, extfrag/. */
typedef struct {
  guint64 counts[11];
  gint unusable[11], index[11]; /* thousandths */
} KernelIndices;

static const KernelIndices kernel_indices[] = {
  { { 62, 77, 49, 22, 5, 2, 3, 0, 1, 0, 0 },
    { 0, 52, 183, 349, 498, 566, 620, 783, 783, 1000, 1000 },
    { -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, 986, 991 } },
  { { 4, 6, 1, 4, 1, 1, 2, 0, 0, 0, 0 },
    { 0, 17, 70, 87, 228, 298, 438, 1000, 1000, 1000, 1000 },
    { -1000, -1000, -1000, -1000, -1000, -1000, -1000, 854, 901, 924, 936 } },
  { { 0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0 },
    { 0, 0, 0, 0, 0, 0, 43, 130, 304, 304, 1000 },
    { -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, 571 } },
  { { 863, 2089, 42, 28, 12, 12, 9, 12, 15, 1, 0 },
    { 0, 69, 404, 417, 435, 450, 481, 527, 651, 958, 1000 },
    { -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, 996 } },
};

START_TEST (indices_are_those_that_a_kernel_shows)
{
  for (guint i = 0; i < G_N_ELEMENTS (kernel_indices); i++) {
    const KernelIndices *kernel = &kernel_indices[i];

    for (guint order = 0; order < G_N_ELEMENTS (kernel->counts); order++) {
      ck_assert_int_eq (kml_linux_unusable_index (kernel->counts, 11, order),
                        kernel->unusable[order]);
      ck_assert_int_eq (kml_linux_fragmentation_index (kernel->counts, 11, order),
                        kernel->index[order]);
    }
  }
}
END_TEST

START_TEST (without_free_memory_all_is_unusable_and_nothing_is_fragmented)
{
  const guint64 none[11] = { 0 };

  ck_assert_int_eq (kml_linux_unusable_index (none, 11, 3), 1000);
  ck_assert_int_eq (kml_linux_fragmentation_index (none, 11, 3), 0);
}
END_TEST

START_TEST (counts_add_up_for_random_runs)
{
  KmlFreeArea area = { 0 };
  KmlRng rng;

  kml_rng_init (&rng, 11, "runs");
  for (guint i = 0; i < 2000; i++) {
    const KmlPfn first = (KmlPfn)kml_rng_below (&rng, 1 << 22);
    const guint64 n = 1 + kml_rng_below (&rng, 1 << 12);
    guint64 sum = 0;

    kml_free_area_add_run (&area, first, n, KML_MOBILITY_UNMOVABLE);
    for (guint order = 0; order <= KML_MAX_ORDER; order++)
      sum += area.blocks[KML_MOBILITY_UNMOVABLE][order] << order;
    ck_assert_uint_eq (sum, n);
    ck_assert_uint_eq (area.n_free, n);
    kml_free_area_remove_run (&area, first, n, KML_MOBILITY_UNMOVABLE);
  }
}
END_TEST

START_TEST (what_suits_the_watched_order_is_counted)
{
  KmlFreeArea area = { 0 };

  kml_free_area_add_run (&area, 5, 11, KML_MOBILITY_MOVABLE);
  ck_assert_uint_eq (area.n_large, area.n_free); /* nobody watches */
  for (guint order = 0; order <= KML_MAX_ORDER; order++) {
    kml_free_area_watch (&area, order);
    ck_assert_uint_eq (area.n_large, kml_free_area_suitable (&area, order));
    kml_free_area_add_run (&area, 33, 1000, KML_MOBILITY_UNMOVABLE);
    ck_assert_uint_eq (area.n_large, kml_free_area_suitable (&area, order));
    kml_free_area_remove_run (&area, 33, 1000, KML_MOBILITY_UNMOVABLE);
    ck_assert_uint_eq (area.n_large, kml_free_area_suitable (&area, order));
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("machine");
  TCase *tcase = tcase_create ("machine");

  tcase_add_test (tcase, the_frame_table_lies_at_the_end_of_ram);
  tcase_add_test (tcase, ram_is_zero_until_something_is_stored);
  tcase_add_test (tcase, a_huge_machine_costs_nothing_until_it_is_used);
  tcase_add_test (tcase, nonsense_machines_are_refused);
  tcase_add_test (tcase, a_free_run_counts_as_the_aligned_blocks_in_it);
  tcase_add_test (tcase, indices_are_those_that_a_kernel_shows);
  tcase_add_test (tcase, without_free_memory_all_is_unusable_and_nothing_is_fragmented);
  tcase_add_test (tcase, counts_add_up_for_random_runs);
  tcase_add_test (tcase, what_suits_the_watched_order_is_counted);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
