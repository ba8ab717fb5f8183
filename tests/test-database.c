/* test-database.c: what is written is there; what is not whole is not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/synthetic-run.h"
#include "tests/testutils.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

static char *folder;
static char *path;

static void
make_folder (void)
{
  folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  g_assert (folder != NULL);
  path = g_build_filename (folder, "results.db", NULL);
}

static void
remove_folder (void)
{
  GDir *files = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (files)) != NULL) {
    g_autofree char *file = g_build_filename (folder, name, NULL);

    g_unlink (file);
  }
  g_dir_close (files);
  g_rmdir (folder);
  g_free (folder);
  g_free (path);
}

/* The one value that @sql gives, as text. */
static char *
ask_handle (KmlDatabase *database, const char *sql)
{
  sqlite3_stmt *statement = NULL;
  char *answer = NULL;
  int code = sqlite3_prepare_v2 (kml_database_handle (database), sql, -1, &statement, NULL);

  ck_assert_msg (code == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg (kml_database_handle (database)));
  if (sqlite3_step (statement) == SQLITE_ROW)
    answer = g_strdup ((const char *)sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  return answer;
}

static void
expect_answer (const char *file, const char *sql, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = kml_database_open (file, &error);
  g_autofree char *answer = NULL;

  assert_no_error (error);
  answer = ask_handle (database, sql);
  ck_assert_msg (g_strcmp0 (answer, expected) == 0, "%s\n  gave %s, expected %s", sql, answer,
                 expected);
}

static KmlDatabase *
open_for_writing (void)
{
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = kml_database_open_for_writing (path, &error);

  assert_no_error (error);
  return database;
}

static void
store (KmlDatabase *database, guint64 run_id, const char *bins, guint flavour, const char *status)
{
  g_autoptr (GError) error = NULL;

  synthetic_store (database, run_id, bins, flavour, status, &error);
  assert_no_error (error);
}

static void
finish (KmlDatabase *database)
{
  g_autoptr (GError) error = NULL;

  kml_database_finish (database, &error);
  assert_no_error (error);
}

static guint
n_files (void)
{
  GDir *files = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (files) != NULL)
    n++;
  g_dir_close (files);
  return n;
}

/* ---- Writing and reading back ---- */

START_TEST (a_run_is_read_back_as_it_was_written)
{
  KmlDatabase *database = open_for_writing ();

  store (database, 1, "linux", 0, "done");
  finish (database);
  ck_assert_uint_eq (n_files (), 1); /* no journal, no temporary file */

  expect_answer (path, "SELECT title FROM runs", SYNTHETIC_TITLE);
  expect_answer (path, "SELECT seed FROM runs", "18446744073709551615");
  expect_answer (path, "SELECT sim_ns FROM runs", "2000000000");
  expect_answer (path, "SELECT started_at IS NULL AND wall_ns IS NULL FROM runs", "1");
  expect_answer (path, "SELECT value FROM params WHERE key = 'objects.bins'", "linux");
  expect_answer (path, "SELECT count(*) FROM metrics", "9");
  expect_answer (path, "SELECT value IS NULL FROM metrics WHERE name = 'nothing'", "1");
  expect_answer (path, "SELECT group_concat (held) FROM expectations", "1,0");
  expect_answer (path, "SELECT measured IS NULL FROM expectations WHERE metric = 'no.such'", "1");
  expect_answer (path, "SELECT count (DISTINCT t_ns) FROM series", "200");
  expect_answer (path, "SELECT max (t_ns) FROM series", "1990000000");
  expect_answer (path, "SELECT count (*) FROM series WHERE name = 'frag.internal' AND value > 1",
                 "0");
  expect_answer (path, "SELECT unit FROM series_info WHERE name = 'memory.held_bytes'", "bytes");
  expect_answer (path, "SELECT sum (count) FROM latency WHERE operation = 'alloc'", "20000");
  expect_answer (path, "SELECT group_concat (DISTINCT context) FROM latency", "hardirq,process");
  expect_answer (path, "SELECT requested_bytes FROM waste WHERE size_lo = 18 AND size_hi = 18",
                 "900000");
  expect_answer (path, "SELECT group_concat (site || ' ' || count, ', ') FROM site_waste",
                 " 109, ever+0x1 20, short `touch canary`<b> 871");
  expect_answer (path, "SELECT DISTINCT workload FROM site_waste", "it's");
  expect_answer (path, "SELECT sum (freed_elsewhere) FROM site_waste", "500");
  expect_answer (path,
                 "SELECT live_blocks || ' ' || live_requested_bytes || ' ' || live_held_bytes || "
                 "' ' || mean_wasted_bytes FROM site_waste WHERE live_blocks > 0",
                 "20 2000 2200 152.4");
  expect_answer (path, "SELECT group_concat (lo_ns || '-' || hi_ns) FROM lifetime_waste",
                 "0-1000,1000-10000,10000-100000,100000-1000000,1000000-10000000,"
                 "10000000-100000000,100000000-1000000000,1000000000-10000000000");
  expect_answer (path, "SELECT count FROM lifetime_waste WHERE lifetime = 'alive at the end'",
                 "20");
  expect_answer (path, "SELECT max (\"order\") FROM free_blocks", "10");
  expect_answer (path, "SELECT count (DISTINCT mobility) FROM free_blocks", "2");
  expect_answer (path, "SELECT active_objects FROM slabs WHERE cache = 'kmalloc-64' LIMIT 1",
                 "100");
  expect_answer (path, "SELECT min (length (cells)) FROM pagemap", "256");
  expect_answer (path,
                 "SELECT t_ns || context || size || \"order\" || gfp || reason || task || ifnull "
                 "(source, '-') "
                 "|| free || '>' || largest FROM failures",
                 "1234softirq81921GFP_KERNELfragmentationT1-12288>4096");
}
END_TEST

START_TEST (samples_are_expanded_by_the_reader)
{
  KmlDatabase *database = open_for_writing ();

  store (database, 1, "linux", 0, "done");
  store (database, 2, "pow2", 1, "done");
  finish (database);

  expect_answer (path, "SELECT count (*) FROM samples_expanded", "4000");
  expect_answer (path, "SELECT count (*) FROM samples_expanded WHERE run_id = 2", "2000");
  expect_answer (path, "SELECT count (*) FROM samples_expanded WHERE run_id = 3", "0");
  expect_answer (path, "SELECT count (*) FROM samples_expanded WHERE addr IS NULL", "40");
  expect_answer (
      path,
      "SELECT t_ns || operation || level || context || cpu || ' ' || size || ' ' || addr || "
      "' ' || latency_ns FROM samples_expanded WHERE run_id = 1 LIMIT 1 OFFSET 1003",
      "7942757freeobjectshardirq1 319 64192 10.0");
}
END_TEST

START_TEST (the_views_answer)
{
  static const char *const views[] = { "v_runs",         "v_varied",         "v_summary",
                                       "v_expectations", "v_series",         "v_waste",
                                       "v_site_waste",   "v_lifetime_waste", "v_free_orders" };
  KmlDatabase *database = open_for_writing ();

  store (database, 1, "linux", 0, "done");
  store (database, 2, "pow2", 1, "done");
  finish (database);
  for (guint i = 0; i < G_N_ELEMENTS (views); i++) {
    g_autofree char *sql = g_strdup_printf ("SELECT count (*) > 0 FROM %s", views[i]);

    expect_answer (path, sql, "1");
  }
  expect_answer (path, "SELECT varied FROM v_summary WHERE run_id = 2", "objects.bins = pow2");
  expect_answer (path,
                 "SELECT live_wasted_bytes FROM v_site_waste WHERE run_id = 1 AND live_blocks > 0",
                 "200");
  expect_answer (path,
                 "SELECT round (wasted_percent, 3) FROM v_site_waste WHERE run_id = 2 LIMIT 1",
                 "16.667");
  expect_answer (path,
                 "SELECT round (wasted_percent, 3) FROM v_lifetime_waste WHERE run_id = 1 AND "
                 "count > 0 LIMIT 1",
                 "9.091");
  expect_answer (path, "SELECT round (internal_mean_percent) FROM v_summary WHERE run_id = 2",
                 "10.0");
}
END_TEST

START_TEST (the_same_runs_give_the_same_bytes)
{
  g_autofree char *other = g_build_filename (folder, "other.db", NULL);
  g_autofree char *first = NULL, *second = NULL;
  gsize n_first, n_second;
  KmlDatabase *database = open_for_writing ();

  store (database, 1, "linux", 0, "done");
  store (database, 2, "pow2", 1, "done");
  finish (database);
  ck_assert_int_eq (g_rename (path, other), 0);
  database = open_for_writing ();
  store (database, 1, "linux", 0, "done");
  store (database, 2, "pow2", 1, "done");
  finish (database);

  ck_assert (g_file_get_contents (path, &first, &n_first, NULL));
  ck_assert (g_file_get_contents (other, &second, &n_second, NULL));
  ck_assert_uint_eq (n_first, n_second);
  ck_assert_int_eq (memcmp (first, second, n_first), 0);
}
END_TEST

START_TEST (of_snapshots_within_a_nanosecond_the_last_is_stored)
{
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = open_for_writing ();
  KmlDatabaseRun run = { BARE_RUN };
  Synthetic synthetic;

  run.started_at = 1700000000;
  run.wall_ns = 5;
  synthetic_init (&synthetic, 0, FALSE);
  g_array_index (synthetic.recorder->snapshots, KmlSnapshot, 8).time = 90 * KML_MS + 1;
  g_array_index (synthetic.recorder->snapshots, KmlSnapshot, 9).time = 90 * KML_MS + 999;
  g_array_index (synthetic.recorder->snapshots, KmlSnapshot, 9).values[KML_SERIES_LIVE_BLOCKS] = 77;
  ck_assert (kml_database_begin_run (database, 1, &error));
  kml_database_end_run (database, &run, synthetic.recorder, &error);
  assert_no_error (error);
  synthetic_finish (&synthetic);
  finish (database);
  expect_answer (path, "SELECT count (DISTINCT t_ns) FROM series", "199");
  expect_answer (path, "SELECT value FROM series WHERE name = 'live.blocks' AND t_ns = 90000000",
                 "77.0");
  expect_answer (path, "SELECT started_at || ' ' || wall_ns FROM runs", "1700000000 5");
}
END_TEST

/* ---- Transactions ---- */

START_TEST (a_run_that_is_aborted_leaves_nothing)
{
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);
  KmlDatabase *database = open_for_writing ();
  const gsize n_bytes = synthetic_samples (10, 0, data);

  store (database, 1, "linux", 0, "done");
  ck_assert (kml_database_begin_run (database, 2, &error));
  ck_assert (kml_database_sample_sink (0, 1, 10, data, n_bytes, database, &error));
  kml_database_abort_run (database);
  finish (database);
  expect_answer (path, "SELECT count (*) || ' ' || max (run_id) FROM runs", "1 1");
  expect_answer (path, "SELECT count (*) FROM samples WHERE run_id <> 1", "0");
}
END_TEST

START_TEST (a_failed_run_is_replaced_with_all_that_belongs_to_it)
{
  KmlDatabase *database = open_for_writing ();

  store (database, 1, "linux", 0, "crashed");
  store (database, 1, "pow2", 1, "done");
  finish (database);
  expect_answer (path, "SELECT status FROM runs", "done");
  expect_answer (path, "SELECT group_concat (value) FROM params WHERE key = 'objects.bins'",
                 "pow2");
}
END_TEST

START_TEST (a_run_that_is_done_is_not_overwritten)
{
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = open_for_writing ();

  store (database, 1, "linux", 0, "done");
  ck_assert (!synthetic_store (database, 1, "pow2", 1, "done", &error));
  assert_error (error, KML_ERROR_INPUT, "run 1 is there already");
  finish (database);
  expect_answer (path, "SELECT value FROM params WHERE key = 'objects.bins'", "linux");
}
END_TEST

/* ---- Shards ---- */

static void
adopt_shard (KmlDatabase *database, guint64 run_id, const char *bins, guint flavour)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *shard_path = g_strdup_printf ("%s.shard", path);
  KmlDatabase *shard = kml_database_create_shard (shard_path, &error);

  assert_no_error (error);
  store (shard, run_id, bins, flavour, "done");
  finish (shard);
  kml_database_adopt (database, shard_path, &error);
  assert_no_error (error);
  ck_assert_int_eq (g_unlink (shard_path), 0);
}

START_TEST (an_adopted_run_is_the_run)
{
  static const char *const tables[] = { "runs",     "params",      "metrics",       "expectations",
                                        "series",   "series_info", "samples",       "latency",
                                        "waste",    "free_blocks", "slabs",         "pagemap",
                                        "failures", "site_waste",  "lifetime_waste" };
  g_autofree char *direct = g_build_filename (folder, "direct.db", NULL);
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = kml_database_open_for_writing (direct, &error);

  store (database, 1, "linux", 0, "done");
  store (database, 2, "pow2", 1, "done");
  finish (database);
  database = open_for_writing ();
  store (database, 2, "old", 3, "failed");
  adopt_shard (database, 1, "linux", 0);
  adopt_shard (database, 2, "pow2", 1);
  finish (database);

  database = kml_database_open (path, &error);
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++) {
    g_autofree char *attach = g_strdup_printf ("ATTACH '%s' AS direct", direct);
    g_autofree char *sql = g_strdup_printf (
        "SELECT count (*) FROM (SELECT * FROM main.%1$s EXCEPT SELECT * FROM direct.%1$s UNION ALL "
        "SELECT * FROM (SELECT * FROM direct.%1$s EXCEPT SELECT * FROM main.%1$s))",
        tables[i]);
    g_autofree char *answer = NULL;

    sqlite3_exec (kml_database_handle (database), attach, NULL, NULL, NULL);
    answer = ask_handle (database, sql);
    ck_assert_msg (g_strcmp0 (answer, "0") == 0, "%s rows of %s differ", answer, tables[i]);
  }
  kml_database_close (database);
  expect_answer (path, "SELECT group_concat (DISTINCT sample_id) FROM samples", "1,2,3,4");
}
END_TEST

START_TEST (a_shard_without_its_run_is_an_error)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *shard_path = g_strdup_printf ("%s.shard", path);
  KmlDatabase *database = open_for_writing ();

  finish (kml_database_create_shard (shard_path, NULL));
  ck_assert (!kml_database_adopt (database, shard_path, &error));
  assert_error (error, KML_ERROR_WORLD, "left no run");
  g_clear_error (&error);
  ck_assert (!kml_database_adopt (database, "/nonexistent/shard", &error));
  assert_error (error, KML_ERROR_WORLD, "/nonexistent/shard");
  g_unlink (shard_path);
  adopt_shard (database, 1, "linux", 0); /* the database goes on */
  finish (database);
}
END_TEST

/* Whatever a file that was a shard has become: it is refused or stored, and the database goes on. */
START_TEST (a_shard_that_is_cut_short_or_damaged_is_an_error)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *shard_path = g_strdup_printf ("%s.shard", path), *whole = NULL;
  KmlDatabase *database = open_for_writing (),
              *shard = kml_database_create_shard (shard_path, NULL);
  gsize n_bytes;

  store (shard, 1, "linux", 0, "done");
  finish (shard);
  ck_assert (g_file_get_contents (shard_path, &whole, &n_bytes, NULL));
  for (gsize n = 0; n < n_bytes; n += 1 + n_bytes / 20) {
    ck_assert (g_file_set_contents (shard_path, whole, (gssize)n, NULL));
    ck_assert (!kml_database_adopt (database, shard_path, &error));
    ck_assert_int_eq (error->code, KML_ERROR_WORLD);
    ck_assert_ptr_nonnull (strstr (error->message, shard_path));
    g_clear_error (&error);
  }
  for (gsize at = 16; at < MIN (n_bytes, 400); at += 11) { /* the first rows, all of their form */
    whole[at] ^= 0x55;
    ck_assert (g_file_set_contents (shard_path, whole, (gssize)n_bytes, NULL));
    if (kml_database_adopt (database, shard_path, NULL))
      expect_answer (path, "SELECT count (*) FROM runs", "1");
    ck_assert_int_eq (
        sqlite3_exec (kml_database_handle (database), "DELETE FROM runs", NULL, NULL, NULL),
        SQLITE_OK);
    whole[at] ^= 0x55;
  }
  ck_assert (g_file_set_contents (shard_path, whole, (gssize)n_bytes, NULL));
  ck_assert (kml_database_adopt (database, shard_path, NULL));
  g_unlink (shard_path);
  finish (database);
  expect_answer (path, "SELECT status FROM runs", "done");
}
END_TEST

/* ---- Looking up; campaigns ---- */

START_TEST (runs_are_found_by_key_when_they_are_done)
{
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = open_for_writing ();
  guint64 run_id = 0;

  ck_assert (kml_database_next_run_id (database, &run_id, &error));
  ck_assert_uint_eq (run_id, 1);
  store (database, 3, "linux", 0, "done");
  store (database, 7, "pow2", 1, "failed");
  ck_assert (kml_database_has_run (database, "00000000000000000000000000000003", &run_id, &error));
  ck_assert_uint_eq (run_id, 3);
  ck_assert (!kml_database_has_run (database, "00000000000000000000000000000007", &run_id, &error));
  assert_no_error (error);
  ck_assert (kml_database_next_run_id (database, &run_id, &error));
  ck_assert_uint_eq (run_id, 8);
  finish (database);
}
END_TEST

START_TEST (a_campaign_that_was_killed_is_marked)
{
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = open_for_writing ();
  guint64 first, second;

  ck_assert (kml_database_begin_campaign (database, "bins.ini", 8, &first, &error));
  ck_assert (kml_database_begin_campaign (database, "bins.ini", 8, &second, &error));
  ck_assert (kml_database_end_campaign (database, second, "complete", &error));
  ck_assert_uint_eq (first, 1);
  ck_assert_uint_eq (second, 2);
  finish (database);
  expect_answer (path, "SELECT group_concat (status) FROM campaigns", "interrupted,complete");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("database");
  TCase *rows = tcase_create ("rows");

  tcase_add_checked_fixture (rows, make_folder, remove_folder);
  tcase_add_test (rows, a_run_is_read_back_as_it_was_written);
  tcase_add_test (rows, samples_are_expanded_by_the_reader);
  tcase_add_test (rows, the_views_answer);
  tcase_add_test (rows, the_same_runs_give_the_same_bytes);
  tcase_add_test (rows, of_snapshots_within_a_nanosecond_the_last_is_stored);
  tcase_add_test (rows, a_run_that_is_aborted_leaves_nothing);
  tcase_add_test (rows, a_failed_run_is_replaced_with_all_that_belongs_to_it);
  tcase_add_test (rows, a_run_that_is_done_is_not_overwritten);
  tcase_add_test (rows, an_adopted_run_is_the_run);
  tcase_add_test (rows, a_shard_without_its_run_is_an_error);
  tcase_add_test (rows, a_shard_that_is_cut_short_or_damaged_is_an_error);
  tcase_add_test (rows, runs_are_found_by_key_when_they_are_done);
  tcase_add_test (rows, a_campaign_that_was_killed_is_marked);
  suite_add_tcase (suite, rows);

  return run_suite (suite);
}
