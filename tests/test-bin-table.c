/* test-bin-table.c: the table from size to bin, against the search.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/objects/bin-table.h"
#include "tests/testutils.h"

/* Sizes with an entry and sizes above. */
START_TEST (every_size_gets_the_bin_that_a_search_finds)
{
  const char *const sets[] = { "linux", "geometric:8", "24,1000,5000,9000,20000", "4,9,27,31,64" };
  const guint64 quanta[] = { 1, 2, 8, 64 };

  for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
    for (guint k = 0; k < G_N_ELEMENTS (quanta); k++) {
      g_autoptr (GError) error = NULL;
      guint n_wrong = 0;
      KmlBinTable table;
      KmlBins bins;

      kml_bins_parse (sets[i], quanta[k], NULL, 0, &bins, &error);
      assert_no_error (error);
      kml_bin_table_init (&table, sets[i], quanta[k], 1, KML_MAX_BIN_SIZE, &error);
      assert_no_error (error);
      ck_assert_uint_eq (table.limit, MIN (bins.sizes[bins.n - 1], 8192));
      for (guint64 size = 1; size <= 30000; size++) {
        const guint bin = kml_bins_find (&bins, size);

        n_wrong += kml_bin_table_find (&table, size) != bin;
        n_wrong += size <= table.limit && kml_bin_table_look (&table, size) != bin;
      }
      ck_assert_uint_eq (n_wrong, 0);
      kml_bin_table_clear (&table);
      kml_bins_clear (&bins);
    }
}
END_TEST

START_TEST (small_bins_become_one_of_the_least_size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  KmlBinTable table;

  kml_bin_table_init (&table, "1,2,3,9", 1, 4, 100, &error);
  assert_no_error (error);
  text = kml_bins_format (&table.bins);
  ck_assert_str_eq (text, "4,9");
  ck_assert_uint_eq (kml_bin_table_find (&table, 1), 0);
  ck_assert_uint_eq (kml_bin_table_find (&table, 4), 0);
  ck_assert_uint_eq (kml_bin_table_find (&table, 5), 1);
  ck_assert_uint_eq (kml_bin_table_find (&table, 10), table.bins.n);
  kml_bin_table_clear (&table);
}
END_TEST

START_TEST (what_cannot_be_is_refused)
{
  KmlBinTable table = { 0 };
  g_autoptr (GError) too_large = NULL;
  g_autoptr (GError) unreadable = NULL;

  ck_assert (!kml_bin_table_init (&table, "8,101", 1, 4, 100, &too_large));
  assert_error (too_large, KML_ERROR_INPUT, "bins: the largest can be 100 bytes, not 101");
  kml_bin_table_clear (&table);
  ck_assert (!kml_bin_table_init (&table, "optimal:8", 1, 4, 100, &unreadable));
  assert_error (unreadable, KML_ERROR_INPUT, "bins: ");
  kml_bin_table_clear (&table);
}
END_TEST

static guint64
chosen (const KmlBinTable *table, guint64 size, KmlConstraints constraints)
{
  const KmlRequest request = { .size = size, .constraints = &constraints };
  const guint bin = kml_bin_table_choose (table, &request, 4096);

  return bin < table->bins.n ? table->bins.sizes[bin] : 0;
}

START_TEST (constraints_ask_for_a_bin_that_keeps_them)
{
  g_autoptr (GError) error = NULL;
  KmlBinTable table;

  kml_bin_table_init (&table, "24,48,64,4096,8192,16384", 8, 8, KML_MAX_BIN_SIZE, &error);
  assert_no_error (error);
  ck_assert_uint_eq (chosen (&table, 30, (KmlConstraints){ 0 }), 48);
  ck_assert_uint_eq (chosen (&table, 20, (KmlConstraints){ .alignment = 16 }), 48);
  ck_assert_uint_eq (chosen (&table, 20, (KmlConstraints){ .alignment = 64 }), 64);
  ck_assert_uint_eq (chosen (&table, 20, (KmlConstraints){ .boundary = 64 }), 64);
  ck_assert_uint_eq (chosen (&table, 65, (KmlConstraints){ .alignment = 4096 }), 4096);
  ck_assert_uint_eq (chosen (&table, 4097, (KmlConstraints){ .alignment = 4096 }), 8192);
  /* three pages would do, the bin has four */
  ck_assert_uint_eq (chosen (&table, 12288, (KmlConstraints){ .alignment = 4096 }), 0);
  ck_assert_uint_eq (chosen (&table, 20, (KmlConstraints){ .alignment = 8192 }), 0);
  ck_assert_uint_eq (chosen (&table, 20, (KmlConstraints){ .limit = 1 << 24 }), 0);
  kml_bin_table_clear (&table);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bin-table");
  TCase *table = tcase_create ("table");

  tcase_add_test (table, every_size_gets_the_bin_that_a_search_finds);
  tcase_add_test (table, small_bins_become_one_of_the_least_size);
  tcase_add_test (table, constraints_ask_for_a_bin_that_keeps_them);
  tcase_add_test (table, what_cannot_be_is_refused);
  suite_add_tcase (suite, table);

  return run_suite (suite);
}
