/* database-fixture.h: a database in a folder of its own, and what becomes of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "analysis/database-private.h"
#include "tests/synthetic-run.h"
#include "tests/testutils.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

static char *folder G_GNUC_UNUSED;
static char *path G_GNUC_UNUSED;

static inline void
make_folder (void)
{
  folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  g_assert (folder != NULL);
  path = g_build_filename (folder, "results.db", NULL);
}

static inline void
remove_folder (void)
{
  GDir *files = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (files)) != NULL) {
    g_autofree char *file = g_build_filename (folder, name, NULL);

    if (g_unlink (file) != 0)
      g_rmdir (file);
  }
  g_dir_close (files);
  g_rmdir (folder);
  g_free (folder);
  g_free (path);
}

/* A database of one run at `path`. */
static inline void
make_database (void)
{
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = kml_database_open_for_writing (path, &error);

  assert_no_error (error);
  synthetic_store (database, 1, "linux", 0, "done", &error);
  assert_no_error (error);
  kml_database_finish (database, &error);
  assert_no_error (error);
}

/* As a crafted file would be made: what is written gets the right checksums, if the file has them. */
static inline void
run_sql (const char *sql)
{
  sqlite3 *db;

  ck_assert_int_eq (
      sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, kml_database_vfs ()),
      SQLITE_OK);
  ck_assert_int_eq (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close (db);
}

/* Both ways of opening refuse the file, with @fragment in the message. */
static inline void
expect_refused (KmlErrorCode code, const char *fragment)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (kml_database_open (path, &error));
  assert_error (error, code, fragment);
  assert_error (error, code, path);
  g_clear_error (&error);
  ck_assert_ptr_null (kml_database_open_for_writing (path, &error));
  assert_error (error, code, fragment);
  assert_error (error, code, path);
}

/* … and leave its bytes as they were. */
static inline void
expect_untouched (KmlErrorCode code, const char *fragment)
{
  g_autofree char *before = NULL, *after = NULL;
  gsize n_before, n_after;

  ck_assert (g_file_get_contents (path, &before, &n_before, NULL));
  expect_refused (code, fragment);
  ck_assert (g_file_get_contents (path, &after, &n_after, NULL));
  ck_assert_uint_eq (n_before, n_after);
  ck_assert_int_eq (memcmp (before, after, n_before), 0);
}

static inline guint
n_files (void)
{
  GDir *files = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (files) != NULL)
    n++;
  g_dir_close (files);
  return n;
}

static inline guint64
n_runs (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = kml_database_open (path, &error);
  guint64 next;

  assert_no_error (error);
  ck_assert (kml_database_next_run_id (database, &next, &error));
  return next - 1;
}
