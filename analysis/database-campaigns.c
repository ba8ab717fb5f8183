/* database-campaigns.c: campaigns; looking runs up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/database-private.h"

/* ---- Looking up ---- */

/* TRUE with the integer of the one row that @statement gives, FALSE without @error when it gives none. */
static gboolean
look_up (KmlDatabase *self, sqlite3_stmt *statement, guint64 *ret_value, GError **error)
{
  const int code = sqlite3_step (statement);

  if (code == SQLITE_ROW) {
    *ret_value = (guint64)sqlite3_column_int64 (statement, 0);
    return TRUE;
  }
  return code == SQLITE_DONE ? FALSE : kml_database_fail (self, code, "cannot be read", error);
}

gboolean
kml_database_has_run (KmlDatabase *self, const char *run_key, guint64 *ret_run_id, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (
      self, "SELECT run_id FROM runs WHERE run_key = ? AND status = 'done'", error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, run_key, -1, SQLITE_STATIC);
  return look_up (self, statement, ret_run_id, error);
}

gboolean
kml_database_next_run_id (KmlDatabase *self, guint64 *ret_run_id, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (
      self, "SELECT ifnull (max (run_id), 0) + 1 FROM runs", error);

  return statement != NULL && look_up (self, statement, ret_run_id, error);
}

/* ---- Campaigns ---- */

gboolean
kml_database_begin_campaign (KmlDatabase *self, const char *scenario, guint64 n_runs,
                             guint64 *ret_campaign_id, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  /* nobody else writes now: a campaign that is still "running" was killed */
  if (!kml_database_exec (
          self, "UPDATE campaigns SET status = 'interrupted' WHERE status = 'running'", error))
    return FALSE;
  statement = kml_database_prepare (
      self, "INSERT INTO campaigns (scenario, n_runs, status) VALUES (?, ?, 'running')", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, scenario, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, (sqlite3_int64)n_runs);
  if (!kml_database_run (self, statement, error))
    return FALSE;
  *ret_campaign_id = (guint64)sqlite3_last_insert_rowid (self->db);
  return TRUE;
}

gboolean
kml_database_end_campaign (KmlDatabase *self, guint64 campaign_id, const char *status,
                           GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (
      self, "UPDATE campaigns SET status = ? WHERE campaign_id = ?", error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, status, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, (sqlite3_int64)campaign_id);
  return kml_database_run (self, statement, error);
}
