/* database-merge.c: a shard into a database; campaigns; looking runs up.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A shard is a database of one run, written by a worker. It is copied table by
 * table in the order of the keys, so the bytes of the result depend on the runs
 * and the order in which they are adopted, and on nothing else.
 */

#include "analysis/database-private.h"

/* The tables that have rows of a run, and the order of those rows. sample_id is left out: it is given anew. */
static const struct {
  const char *columns;
  const char *table;
  const char *order;
} run_tables[] = {
  { "*", "runs", "run_id" },
  { "*", "params", "run_id, key" },
  { "*", "inputs", "run_id, key" },
  { "*", "metrics", "run_id, name" },
  { "*", "expectations", "run_id, seq" },
  { "*", "series", "run_id, name, t_ns" },
  { "run_id, seq, name, t0_ns, t1_ns, n, data", "samples", "run_id, seq" },
  { "*", "latency", "run_id, operation, context, bucket_lo_ns" },
  { "*", "waste", "run_id, size_lo" },
  { "*", "site_waste", "run_id, workload, site" },
  { "*", "lifetime_waste", "run_id, band" },
  { "*", "longest", "run_id, operation, context" },
  { "*", "longest_parts", "run_id, operation, context, part" },
  { "*", "failures", "run_id, seq" },
  { "*", "bugs", "run_id, seq" },
  { "*", "free_blocks", "run_id, t_ns, zone, mobility, \"order\"" },
  { "*", "slabs", "run_id, t_ns, cache" },
  { "*", "pagemap", "run_id, t_ns" },
  { "*", "lock_edges", "run_id, from_class, to_class, context, site" },
  { "*", "potential_deadlocks", "run_id, seq" },
};

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

/* ---- Adopting ---- */

static gboolean
attach (KmlDatabase *self, const char *full_path, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (self, "ATTACH ? AS shard", error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, full_path, -1, SQLITE_STATIC);
  return kml_database_run (self, statement, error);
}

static gboolean
copy_table (KmlDatabase *self, guint i, GError **error)
{
  const gboolean all = run_tables[i].columns[0] == '*';
  /* names come from the table above, never from input */
  g_autofree char *sql = g_strdup_printf (
      "INSERT INTO main.%s %s%s%s SELECT %s FROM shard.%s ORDER BY %s", run_tables[i].table,
      all ? "" : "(", all ? "" : run_tables[i].columns, all ? "" : ")", run_tables[i].columns,
      run_tables[i].table, run_tables[i].order);

  return kml_database_exec (self, sql, error);
}

/* Deadlocks have an id of their own, given anew here: the next free one and up, in the order of the shard. */
static const char copy_deadlocks_sql[] =
    "CREATE TEMP TABLE renamed AS SELECT deadlock_id AS old, row_number () OVER (ORDER BY "
    "deadlock_id) + (SELECT ifnull (max (deadlock_id), 0) FROM main.deadlocks) AS new FROM "
    "shard.deadlocks;"
    "INSERT INTO main.deadlocks SELECT r.new, d.run_id, d.t_ns, d.kind, d.story FROM "
    "shard.deadlocks d JOIN temp.renamed r ON r.old = d.deadlock_id ORDER BY r.new;"
    "INSERT INTO main.deadlock_edges SELECT r.new, e.seq, e.waiter, e.waits_for, e.resource, "
    "e.held, e.site, e.since_ns FROM shard.deadlock_edges e JOIN temp.renamed r ON r.old = "
    "e.deadlock_id ORDER BY r.new, e.seq;"
    "INSERT INTO main.deadlock_spans SELECT r.new, s.seq, s.task, s.cpu, s.what, s.resource, "
    "s.t0_ns, s.t1_ns FROM shard.deadlock_spans s JOIN temp.renamed r ON r.old = s.deadlock_id "
    "ORDER BY r.new, s.seq;"
    "DROP TABLE temp.renamed";

static gboolean
copy_run (KmlDatabase *self, GError **error)
{
  if (!kml_database_exec (self,
                          "DELETE FROM main.runs WHERE status <> 'done' AND "
                          "(run_id IN (SELECT run_id FROM shard.runs) OR "
                          "run_key IN (SELECT run_key FROM shard.runs));"
                          "INSERT OR IGNORE INTO main.series_info SELECT * FROM shard.series_info "
                          "ORDER BY name",
                          error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (run_tables); i++)
    if (!copy_table (self, i, error))
      return FALSE;
  return kml_database_exec (self, copy_deadlocks_sql, error);
}

/* A worker that was killed leaves a shard without one. */
static gboolean
shard_has_run (KmlDatabase *self, const char *path, GError **error)
{
  g_autoptr (sqlite3_stmt)
      statement = kml_database_prepare (self, "SELECT count (*) FROM shard.runs", error);
  guint64 n_runs = 0;

  if (statement == NULL || !look_up (self, statement, &n_runs, error))
    return FALSE;
  if (n_runs == 0)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: the worker left no run in it", path);
  return n_runs > 0;
}

gboolean
kml_database_adopt (KmlDatabase *self, const char *path, GError **error)
{
  g_autofree char *full_path = kml_database_resolve (path, error);
  gboolean exists, good;

  g_assert (self->run_id == 0);

  if (full_path == NULL || !kml_database_probe (path, full_path, &exists, error))
    return FALSE;
  if (!exists) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: the result of a worker is gone", path);
    return FALSE;
  }
  if (!attach (self, full_path, error))
    return FALSE;
  good = shard_has_run (self, path, error) && kml_database_exec (self, "BEGIN IMMEDIATE", error) &&
         copy_run (self, error) && kml_database_exec (self, "COMMIT", error);
  kml_database_abort_run (self); /* nothing to do after a commit */
  sqlite3_exec (self->db, "DETACH shard", NULL, NULL, NULL);
  return good;
}

/* ---- Looking up ---- */

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
