/* stored.c: what a database that is open says of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/campaigns/stored.h"

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
  } else if (code != SQLITE_DONE)
    return kml_database_read_error (database, code, error);
  return TRUE;
}

GHashTable *
kml_stored_done_keys (KmlDatabase *database, GError **error)
{
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code = sqlite3_prepare_v2 (kml_database_handle (database),
                                 "SELECT run_key FROM runs WHERE status = 'done'", -1, &statement,
                                 NULL);

  if (code == SQLITE_OK)
    while ((code = sqlite3_step (statement)) == SQLITE_ROW)
      g_hash_table_add (keys, g_strdup ((const char *)sqlite3_column_text (statement, 0)));
  if (code != SQLITE_DONE) {
    kml_database_read_error (database, code, error);
    return NULL;
  }
  return g_steal_pointer (&keys);
}

GHashTable *
kml_stored_metrics (KmlDatabase *database, guint64 run_id, GError **error)
{
  g_autoptr (GHashTable) metrics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code = sqlite3_prepare_v2 (
      kml_database_handle (database),
      "SELECT name, value FROM metrics WHERE run_id = ? AND value IS NOT NULL", -1, &statement,
      NULL);

  if (code == SQLITE_OK) {
    sqlite3_bind_int64 (statement, 1, (sqlite3_int64)run_id);
    while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
      const double value = sqlite3_column_double (statement, 1);

      g_hash_table_insert (metrics, g_strdup ((const char *)sqlite3_column_text (statement, 0)),
                           g_memdup2 (&value, sizeof value));
    }
  }
  if (code != SQLITE_DONE) {
    kml_database_read_error (database, code, error);
    return NULL;
  }
  return g_steal_pointer (&metrics);
}

double
kml_stored_look_up (const char *name, gpointer metrics)
{
  const double *value = g_hash_table_lookup (metrics, name);

  return value != NULL ? *value : NAN;
}

void
kml_stored_release_memory (KmlDatabase *database)
{
  sqlite3_db_release_memory (kml_database_handle (database));
}
