/* test-database-files.c: databases that are foreign, locked, half written or too large for the disk.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Goal: whatever lies at the path, there is one message that names it, the
 * program goes on, a file that is not ours keeps its bytes, and the runs that
 * were committed stay readable.
 */

#include "tests/database-fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Files that are not ours ---- */

START_TEST (an_empty_file_is_refused)
{
  ck_assert (g_file_set_contents (path, "", 0, NULL));
  expect_untouched (KML_ERROR_INPUT, "not a kmemlab database (the file is empty)");
}
END_TEST

START_TEST (a_text_file_is_refused)
{
  g_autofree char *text = g_strnfill (5000, 'x');

  ck_assert (g_file_set_contents (path, "some notes\n", -1, NULL));
  expect_untouched (KML_ERROR_INPUT, "not an SQLite file");
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  expect_untouched (KML_ERROR_INPUT, "not an SQLite file");
}
END_TEST

START_TEST (a_foreign_database_is_not_touched_nor_its_journal)
{
  g_autofree char *journal = g_strconcat (path, "-journal", NULL);
  g_autofree char *after = NULL;

  run_sql ("PRAGMA application_id = 77; CREATE TABLE runs (a); INSERT INTO runs VALUES (1)");
  ck_assert (g_file_set_contents (journal, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7 hot", -1, NULL));
  expect_untouched (KML_ERROR_INPUT, "of another program (application id 0x0000004d");
  ck_assert (g_file_get_contents (journal, &after, NULL, NULL));
  ck_assert_str_eq (after, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7 hot");
  ck_assert_uint_eq (n_files (), 2);
}
END_TEST

START_TEST (a_newer_database_is_refused)
{
  make_database ();
  run_sql ("PRAGMA user_version = 1000");
  expect_untouched (KML_ERROR_NEWER, "made by a newer kmemlab (schema version 1000");
}
END_TEST

START_TEST (a_database_from_before_the_first_release_is_refused)
{
  run_sql ("PRAGMA application_id = 0x6b6d6c62; PRAGMA user_version = 1; CREATE TABLE runs (a)");
  expect_untouched (KML_ERROR_INPUT, "made by a kmemlab before its first release");
}
END_TEST

START_TEST (a_database_without_checksums_is_refused)
{
  run_sql ("PRAGMA application_id = 0x6b6d6c62; PRAGMA user_version = 10; CREATE TABLE runs (a)");
  expect_untouched (KML_ERROR_INPUT, "its pages have no checksums");
}
END_TEST

START_TEST (a_folder_and_a_missing_file_are_refused)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (kml_database_open (path, &error));
  assert_error (error, KML_ERROR_INPUT, "there is no such file");
  ck_assert_uint_eq (n_files (), 0);
  g_mkdir (path, 0700);
  expect_refused (KML_ERROR_INPUT, "it is a folder");
}
END_TEST

START_TEST (a_folder_that_is_not_there_is_a_failure_of_the_world)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_build_filename (folder, "no", "results.db", NULL);

  ck_assert_ptr_null (kml_database_open_for_writing (file, &error));
  assert_error (error, KML_ERROR_WORLD, "No such file or directory");
}
END_TEST

START_TEST (odd_names_are_names_of_files)
{
  static const char *const names[] = { ":memory:", "file:x?mode=memory", "-x", "a'b\"c", "näh" };
  g_autofree char *before = g_get_current_dir ();

  ck_assert_int_eq (g_chdir (folder), 0);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (KmlDatabase) database = kml_database_open_for_writing (names[i], &error);

    assert_no_error (error);
    ck_assert_uint_eq (n_files (), i + 1);
  }
  ck_assert_int_eq (g_chdir (before), 0);
}
END_TEST

START_TEST (links_are_followed)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *target = g_build_filename (folder, "elsewhere.db", NULL);

  ck_assert_int_eq (symlink (target, path), 0);
  make_database (); /* where the link points to, and there is nothing yet */
  ck_assert (g_file_test (path, G_FILE_TEST_IS_SYMLINK));
  ck_assert (g_file_test (target, G_FILE_TEST_IS_REGULAR));
  ck_assert_uint_eq (n_runs (), 1);
}
END_TEST

/* ---- In use ---- */

START_TEST (there_is_one_writer_and_readers_are_let_in)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) writer = NULL, reader = NULL;

  make_database ();
  writer = kml_database_open_for_writing (path, &error);
  assert_no_error (error);
  ck_assert_ptr_null (kml_database_open_for_writing (path, &error));
  assert_error (error, KML_ERROR_WORLD, "the database is in use: another kmemlab is writing to it");
  g_clear_error (&error);
  reader = kml_database_open (path, &error);
  assert_no_error (error);
  g_clear_pointer (&writer, kml_database_close);
  writer = kml_database_open_for_writing (path, &error);
  assert_no_error (error);
}
END_TEST

/* Says by how it ends whether it had the database, found it in use, or got neither. */
static void
make_it_or_find_it_in_use (int gate)
{
  g_autoptr (GError) error = NULL;
  KmlDatabase *database;
  char nothing;

  (void)!read (gate, &nothing, 1); /* until the gate is closed: all at once */
  database = kml_database_open_for_writing (path, &error);
  if (database == NULL)
    _exit (strstr (error->message, "is in use") != NULL ? 1 : 2);
  _exit (kml_database_finish (database, NULL) ? 0 : 2);
}

START_TEST (who_makes_a_database_second_goes_on_with_the_first_s)
{
  enum {
    N = 4
  };

  for (guint round = 0; round < 20; round++) {
    pid_t children[N];
    guint n_had_it = 0;
    int gate[2], status;

    ck_assert_int_eq (pipe (gate), 0);
    for (guint i = 0; i < N; i++) {
      children[i] = fork ();
      ck_assert_int_ge (children[i], 0);
      if (children[i] == 0) {
        close (gate[1]);
        make_it_or_find_it_in_use (gate[0]);
      }
    }
    close (gate[1]);
    for (guint i = 0; i < N; i++) {
      ck_assert_int_eq (waitpid (children[i], &status, 0), children[i]);
      ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) < 2, "neither it nor in use");
      n_had_it += WEXITSTATUS (status) == 0;
    }
    close (gate[0]);
    ck_assert_uint_ge (n_had_it, 1);
    ck_assert_int_eq (g_unlink (path), 0);
  }
}
END_TEST

START_TEST (a_database_that_another_program_holds_is_in_use)
{
  g_autoptr (GError) error = NULL;
  sqlite3 *other;

  make_database ();
  ck_assert_int_eq (sqlite3_open (path, &other), SQLITE_OK);
  ck_assert_int_eq (sqlite3_exec (other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
  ck_assert_ptr_null (kml_database_open (path, &error));
  assert_error (error, KML_ERROR_WORLD, "in use by another program");
  sqlite3_close (other);
}
END_TEST

/* ---- Crashes and full disks ---- */

/* Stores samples as run 2 until it fails or 64 MiB are written: more than the page cache holds. */
static gboolean
store_much (KmlDatabase *database, GError **error)
{
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);
  const gsize n_bytes = synthetic_samples (KML_SAMPLE_BLOCK, 0, data);

  if (!kml_database_begin_run (database, 2, error))
    return FALSE;
  for (gsize written = 0; written < 64 << 20; written += n_bytes)
    if (!kml_database_sample_sink (0, 1, KML_SAMPLE_BLOCK, data, n_bytes, database, error))
      return FALSE;
  return TRUE;
}

/* Runs @body in a process of its own; returns what waitpid() says. */
static int
in_a_child (void (*body) (void))
{
  const pid_t child = fork ();
  int status;

  ck_assert_int_ge (child, 0);
  if (child == 0) {
    body ();
    _exit (0);
  }
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  return status;
}

static void
be_killed_while_writing (void)
{
  KmlDatabase *database = kml_database_open_for_writing (path, NULL);

  if (!store_much (database, NULL))
    _exit (1);
  raise (SIGKILL);
}

START_TEST (a_run_that_was_killed_leaves_the_runs_before_it)
{
  g_autofree char *journal = g_strconcat (path, "-journal", NULL);
  const int status = (make_database (), in_a_child (be_killed_while_writing));

  ck_assert (WIFSIGNALED (status));
  ck_assert (g_file_test (journal, G_FILE_TEST_EXISTS));
  ck_assert_uint_eq (n_runs (), 1); /* the reader puts it right */
  ck_assert (!g_file_test (journal, G_FILE_TEST_EXISTS));
}
END_TEST

static void
read_half_written_as_nobody (void)
{
  g_autoptr (GError) error = NULL;

  if (g_chmod (folder, 0555) != 0 || g_chmod (path, 0444) != 0)
    _exit (1);
  if (geteuid () == 0 && setuid (65534) != 0)
    _exit (2);
  if (kml_database_open (path, &error) != NULL || error->code != KML_ERROR_WORLD ||
      strstr (error->message, "a crash left it half written") == NULL)
    _exit (3);
}

START_TEST (who_cannot_put_it_right_says_so)
{
  make_database ();
  in_a_child (be_killed_while_writing);
  ck_assert_int_eq (in_a_child (read_half_written_as_nobody), 0);
  g_chmod (folder, 0700);
}
END_TEST

static void
write_as_nobody (void)
{
  g_autofree char *other = g_build_filename (folder, "new.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) reader = NULL;

  if (g_chmod (path, 0444) != 0 || g_chmod (folder, 0555) != 0)
    _exit (1);
  if (geteuid () == 0 && setuid (65534) != 0)
    _exit (2);
  if (kml_database_open_for_writing (path, &error) != NULL || error->code != KML_ERROR_WORLD ||
      strstr (error->message, "Permission denied") == NULL)
    _exit (3);
  g_clear_error (&error);
  if (kml_database_open_for_writing (other, &error) != NULL || error->code != KML_ERROR_WORLD ||
      strstr (error->message, "cannot be created: Permission denied") == NULL)
    _exit (4);
  reader = kml_database_open (path, NULL);
  if (reader == NULL)
    _exit (5);
  if (sqlite3_exec (kml_database_handle (reader), "SELECT * FROM v_summary", NULL, NULL, NULL) !=
      SQLITE_OK)
    _exit (6);
}

START_TEST (a_read_only_file_can_be_read_and_not_written)
{
  make_database ();
  ck_assert_int_eq (in_a_child (write_as_nobody), 0);
  g_chmod (folder, 0700);
}
END_TEST

static void
write_over_the_limit (void)
{
  const struct rlimit limit = { 2 << 20, 2 << 20 };
  g_autoptr (GError) error = NULL;
  KmlDatabase *database;

  if (setrlimit (RLIMIT_FSIZE, &limit) != 0)
    _exit (1);
  database = kml_database_open_for_writing (path, &error);
  if (database == NULL)
    _exit (2);
  if (store_much (database, &error) || error->code != KML_ERROR_WORLD ||
      strstr (error->message, "File too large") == NULL || strstr (error->message, path) == NULL)
    _exit (3);
  kml_database_abort_run (database);
  g_clear_error (&error);
  if (!synthetic_store (database, 2, "pow2", 1, "done", &error)) /* a small one still fits */
    _exit (4);
  if (!kml_database_finish (database, &error))
    _exit (5);
}

START_TEST (a_disk_that_is_full_costs_the_run_and_no_other)
{
  make_database ();
  ck_assert_int_eq (in_a_child (write_over_the_limit), 0);
  ck_assert_uint_eq (n_runs (), 2);
  ck_assert_uint_eq (n_files (), 1);
}
END_TEST

static void
create_over_the_limit (void)
{
  const struct rlimit limit = { 4096, 4096 };
  g_autoptr (GError) error = NULL;

  if (setrlimit (RLIMIT_FSIZE, &limit) != 0)
    _exit (1);
  if (kml_database_open_for_writing (path, &error) != NULL || error->code != KML_ERROR_WORLD ||
      strstr (error->message, path) == NULL)
    _exit (2);
}

START_TEST (a_database_that_cannot_be_made_leaves_nothing_behind)
{
  ck_assert_int_eq (in_a_child (create_over_the_limit), 0);
  ck_assert_uint_eq (n_files (), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("database-files");
  TCase *files = tcase_create ("files");

  tcase_set_timeout (files, 60);
  tcase_add_checked_fixture (files, make_folder, remove_folder);
  tcase_add_test (files, an_empty_file_is_refused);
  tcase_add_test (files, a_text_file_is_refused);
  tcase_add_test (files, a_foreign_database_is_not_touched_nor_its_journal);
  tcase_add_test (files, a_newer_database_is_refused);
  tcase_add_test (files, a_database_from_before_the_first_release_is_refused);
  tcase_add_test (files, a_database_without_checksums_is_refused);
  tcase_add_test (files, a_folder_and_a_missing_file_are_refused);
  tcase_add_test (files, a_folder_that_is_not_there_is_a_failure_of_the_world);
  tcase_add_test (files, odd_names_are_names_of_files);
  tcase_add_test (files, links_are_followed);
  tcase_add_test (files, there_is_one_writer_and_readers_are_let_in);
  tcase_add_test (files, who_makes_a_database_second_goes_on_with_the_first_s);
  tcase_add_test (files, a_database_that_another_program_holds_is_in_use);
  tcase_add_test (files, a_run_that_was_killed_leaves_the_runs_before_it);
  tcase_add_test (files, who_cannot_put_it_right_says_so);
  tcase_add_test (files, a_read_only_file_can_be_read_and_not_written);
  tcase_add_test (files, a_disk_that_is_full_costs_the_run_and_no_other);
  tcase_add_test (files, a_database_that_cannot_be_made_leaves_nothing_behind);
  suite_add_tcase (suite, files);

  return run_suite (suite);
}
