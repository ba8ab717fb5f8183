/* test-database-damage.c: databases that were crafted, damaged, cut or changed by another program.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Goal: nobody reads a wrong number out of one. Every byte of the file counts.
 */

#include "tests/database-fixture.h"

#include <string.h>

/* ---- Crafted files ---- */

START_TEST (a_view_in_the_place_of_a_table_is_refused)
{
  make_database ();
  run_sql (
      "PRAGMA writable_schema = OFF; PRAGMA foreign_keys = OFF; DROP VIEW v_waste;"
      "DROP TABLE waste; CREATE VIEW waste AS WITH RECURSIVE t (run_id) AS (SELECT 1 UNION ALL "
      "SELECT run_id + 1 FROM t) SELECT run_id, 1 AS size_lo, 1 AS size_hi, 1 AS count, 1 AS "
      "requested_bytes, 1 AS held_bytes FROM t");
  expect_refused (KML_ERROR_INPUT, "it has no stored column waste.");
}
END_TEST

START_TEST (triggers_of_a_stranger_do_not_fire)
{
  make_database ();
  run_sql ("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM params; END");
  {
    g_autoptr (GError) error = NULL;
    KmlDatabase *database = kml_database_open_for_writing (path, &error);
    sqlite3_stmt *statement;

    assert_no_error (error);
    synthetic_store (database, 2, "pow2", 1, "failed", &error);
    synthetic_store (database, 2, "pow2", 1, "done", &error);
    assert_no_error (error);
    sqlite3_prepare_v2 (kml_database_handle (database), "SELECT count (*) FROM params", -1,
                        &statement, NULL);
    ck_assert_int_eq (sqlite3_step (statement), SQLITE_ROW);
    ck_assert_int_eq (sqlite3_column_int (statement, 0), 8); /* but deletions do cascade */
    sqlite3_finalize (statement);
    kml_database_close (database);
  }
}
END_TEST

/* ---- Damaged files ---- */

static void
put (const char *bytes, gsize n)
{
  FILE *file = fopen (path, "wb"); /* g_file_set_contents() waits for the disk each time */

  ck_assert_ptr_nonnull (file);
  ck_assert_uint_eq (fwrite (bytes, 1, n, file), n);
  ck_assert_int_eq (fclose (file), 0);
}

/* What lies at `path` is refused as damaged, or as no database of ours, by readers and writers alike. @what: was done to it. */
static void
expect_found_out (const char *what, gsize at)
{
  KmlDatabase *(*const ways[]) (const char *, GError **) = { kml_database_open,
                                                             kml_database_open_for_writing };

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (KmlDatabase) database = ways[i](path, &error);

    /* a writer does not read the whole file first */
    ck_assert_msg (database == NULL || i == 1, "%s %" G_GSIZE_FORMAT " was taken", what, at);
    if (database != NULL)
      continue;
    ck_assert_ptr_nonnull (strstr (error->message, path));
    ck_assert_msg (error->code == KML_ERROR_INPUT, "%s %" G_GSIZE_FORMAT ": code %d: %s", what, at,
                   error->code, error->message);
  }
}

START_TEST (a_change_of_any_byte_is_found_out)
{
  g_autofree char *bytes = NULL;
  gsize n;
  KmlRng rng;

  make_database ();
  ck_assert (g_file_get_contents (path, &bytes, &n, NULL));
  kml_rng_init (&rng, 1, "damage");
  for (guint i = 0; i < 400; i++) {
    const gsize at = i < 120 ? i : kml_rng_below (&rng, n); /* all of the header, then anywhere */
    const char saved = bytes[at];

    bytes[at] ^= (char)(i % 2 == 0 ? 0xff : 1u << kml_rng_below (&rng, 8));
    put (bytes, n);
    bytes[at] = saved;
    expect_found_out ("a change of byte", at);
  }
}
END_TEST

START_TEST (a_file_that_was_cut_or_extended_is_found_out)
{
  g_autofree char *bytes = NULL;
  gsize n, page_size;

  make_database ();
  ck_assert (g_file_get_contents (path, &bytes, &n, NULL));
  page_size = kml_database_page_size ((const guint8 *)bytes);
  ck_assert_uint_eq (n % page_size, 0);
  for (gsize length = 0; length < n; length += length < 200 ? 1 : page_size / 3) {
    put (bytes, length);
    expect_found_out ("a cut at byte", length);
  }
  for (gsize length = page_size; length < n; length += page_size) {
    put (bytes, length);
    expect_found_out ("a cut at page", length / page_size);
  }
  for (gsize lacking = 1; lacking < 20; lacking++) {
    put (bytes, (n - lacking));
    expect_found_out ("the lack of bytes at the end:", lacking);
  }
  bytes = g_realloc (bytes, n + page_size);
  memset (bytes + n, 0, page_size);
  put (bytes, n + 1);
  expect_found_out ("a byte too many:", n);
  put (bytes, (n + page_size));
  expect_found_out ("a page too many:", n);
}
END_TEST

static char *
find (char *bytes, gsize n, const char *text)
{
  const gsize length = strlen (text);

  for (gsize i = 0; i + length <= n; i++)
    if (memcmp (bytes + i, text, length) == 0)
      return bytes + i;
  return NULL;
}

/* What SQLite answers. */
static int
ask (sqlite3 *db, const char *sql)
{
  return sqlite3_exec (db, sql, NULL, NULL, NULL);
}

START_TEST (a_damaged_page_of_a_large_file_is_found_out_where_it_is_read)
{
  g_autofree char *bytes = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = NULL;
  char *at;
  gsize n;
  sqlite3 *db;

  make_database ();
  /* while it is whole: the check at the start passes */
  database = kml_database_open (path, &error);
  assert_no_error (error);
  db = kml_database_handle (database);
  sqlite3_extended_result_codes (db, 1);
  sqlite3_db_release_memory (db);
  ck_assert (g_file_get_contents (path, &bytes, &n, NULL));
  at = find (bytes, n, "objects.bins"); /* in a row of params */
  ck_assert_ptr_nonnull (at);
  {
    FILE *file = fopen (path, "r+b"); /* the same file, not another of that name */

    ck_assert_ptr_nonnull (file);
    ck_assert_int_eq (fseek (file, at - bytes, SEEK_SET), 0);
    ck_assert_int_eq (fputc ('O', file), 'O');
    fclose (file);
  }
  ck_assert_int_eq (ask (db, "SELECT sum (value) FROM series"), SQLITE_OK);
  ck_assert_int_eq (ask (db, "SELECT * FROM params"), SQLITE_IOERR_DATA);
  ck_assert (!kml_database_read_error (database, SQLITE_IOERR_DATA, &error));
  assert_error (error, KML_ERROR_INPUT, "the checksum of a page is wrong");
}
END_TEST

START_TEST (what_another_program_has_written_is_taken_for_damage)
{
  sqlite3 *db;

  make_database ();
  ck_assert_int_eq (sqlite3_open (path, &db), SQLITE_OK);
  ck_assert_int_eq (ask (db, "UPDATE metrics SET value = 0"), SQLITE_OK);
  sqlite3_close (db);
  expect_refused (KML_ERROR_INPUT, "or another program has written to it");
}
END_TEST

/* The sums of SQLite's extension cksumvfs, worked out by hand for a page of two pairs of words. */
START_TEST (sums_are_those_of_cksumvfs)
{
  const guint8 page[] = { 1, 0, 0, 0, 2,  0, 0, 0, /* s1 = 1, s2 = 2 + 1 = 3 */
                          4, 0, 0, 0, 0,  1, 0, 0, /* s1 = 1 + 4 + 3 = 8, s2 = 3 + 256 + 8 = 267 */
                          8, 0, 0, 0, 11, 1, 0, 0 };

  ck_assert (kml_database_page_is_intact (page, sizeof page));
}
END_TEST

START_TEST (samples_that_do_not_decode_are_an_error_of_the_query)
{
  g_autoptr (KmlDatabase) database = NULL;
  sqlite3 *db;

  make_database ();
  run_sql ("UPDATE samples SET data = substr (data, 1, 500)");
  database = kml_database_open (path, NULL);
  ck_assert_ptr_nonnull (database);
  db = kml_database_handle (database);
  ck_assert_int_eq (sqlite3_exec (db, "SELECT * FROM samples_expanded", NULL, NULL, NULL) & 0xff,
                    SQLITE_CORRUPT);
}
END_TEST

static Suite *
make_suite (void)
{
  Suite *suite = suite_create ("database-damage");
  TCase *damage = tcase_create ("damage");

  tcase_add_checked_fixture (damage, make_folder, remove_folder);
  tcase_add_test (damage, a_view_in_the_place_of_a_table_is_refused);
  tcase_add_test (damage, triggers_of_a_stranger_do_not_fire);
  tcase_add_test (damage, a_change_of_any_byte_is_found_out);
  tcase_add_test (damage, a_file_that_was_cut_or_extended_is_found_out);
  tcase_add_test (damage, a_damaged_page_of_a_large_file_is_found_out_where_it_is_read);
  tcase_add_test (damage, what_another_program_has_written_is_taken_for_damage);
  tcase_add_test (damage, sums_are_those_of_cksumvfs);
  tcase_add_test (damage, samples_that_do_not_decode_are_an_error_of_the_query);
  suite_add_tcase (suite, damage);
  return suite;
}

int
main (void)
{
  return run_suite (make_suite ());
}
