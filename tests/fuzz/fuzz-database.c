/* fuzz-database.c: any bytes as a result database: opened, every run read, every view asked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/fuzz/fuzz.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

#include "cli/results.h"

/* A file of its own: SQLite looks beside it for a journal. */
static char *
new_file (const uint8_t *data, size_t size)
{
  char *path = NULL;
  const int fd = g_file_open_tmp ("kmemlab-fuzz-XXXXXX.db", &path, NULL);

  g_assert (fd >= 0);
  g_close (fd, NULL);
  g_assert (g_file_set_contents_full (path, (const char *)data, (gssize)size,
                                      G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  return path;
}

static void
ask (KmlDatabase *database, const char *sql)
{
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (kml_database_handle (database), sql, -1, &statement, NULL) == SQLITE_OK)
    for (guint i = 0; i < 1000 && sqlite3_step (statement) == SQLITE_ROW; i++)
      continue;
  sqlite3_finalize (statement);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *path = new_file (data, size);
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = kml_database_open (path, &error);
  g_autoptr (GArray) run_ids = database != NULL ? kml_result_list (database, &error) : NULL;

  g_assert (database != NULL || error != NULL);
  for (guint i = 0; run_ids != NULL && i < MIN (run_ids->len, 16); i++) {
    g_autoptr (GError) run_error = NULL;
    KmlResult *result = kml_result_load (database, g_array_index (run_ids, guint64, i), &run_error);

    g_assert (result != NULL || run_error != NULL);
    kml_result_free (result);
  }
  if (database != NULL) {
    ask (database, "SELECT * FROM v_summary");
    ask (database, "SELECT * FROM samples_expanded");
  }
  kml_database_close (database);
  g_unlink (path);
  return 0;
}
