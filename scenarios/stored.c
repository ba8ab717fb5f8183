/* stored.c: what a database that is open says of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/stored.h"

#include <math.h>
#include <sqlite3.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)

gboolean
kml_stored_find_run (KmlDatabase *database, const char *run_key, guint64 *ret_run_id,
                     gboolean *ret_is_done, GError **error)
{
  sqlite3 *db = kml_database_handle (database);
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code;

  *ret_run_id = 0;
  *ret_is_done = FALSE;
  code = sqlite3_prepare_v2 (db, "SELECT run_id, status = 'done' FROM runs WHERE run_key = ?", -1,
                             &statement, NULL);
  if (code == SQLITE_OK) {
    sqlite3_bind_text (statement, 1, run_key, -1, SQLITE_STATIC);
    code = sqlite3_step (statement);
  }
  if (code == SQLITE_ROW) {
    *ret_run_id = (guint64)sqlite3_column_int64 (statement, 0);
    *ret_is_done = sqlite3_column_int (statement, 1) != 0;
  } else if (code != SQLITE_DONE) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "the database cannot be read: %s",
                 sqlite3_errmsg (db));
    return FALSE;
  }
  return TRUE;
}

double
kml_stored_metric (KmlDatabase *database, guint64 run_id, const char *name)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (sqlite3_prepare_v2 (kml_database_handle (database),
                          "SELECT value FROM metrics WHERE run_id = ? AND name = ?", -1, &statement,
                          NULL) != SQLITE_OK)
    return NAN;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)run_id);
  sqlite3_bind_text (statement, 2, name, -1, SQLITE_STATIC);
  if (sqlite3_step (statement) != SQLITE_ROW || sqlite3_column_type (statement, 0) == SQLITE_NULL)
    return NAN;
  return sqlite3_column_double (statement, 0);
}

void
kml_stored_release_memory (KmlDatabase *database)
{
  sqlite3_db_release_memory (kml_database_handle (database));
}
