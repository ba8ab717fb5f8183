/* export-tables.c: what was measured, as tables that a notebook or a spreadsheet reads.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   metrics   a line for each run: where it is from, the settings in which the runs differ, then every metric
 *   series    a line for each run, moment and quantity
 *   latency   a line for each run, operation, context and bucket of its histogram
 *
 * CSV as in RFC 4180, with a line of names; run_id is what joins them. Without --run they are of every run that is done. An empty cell is a
 * metric, or a setting, that a run has not got. Numbers have as many digits as tell them from all others, so they are read back as they were.
 */

#include <sqlite3.h>
#include <string.h>

#include "cli/export.h"

#define ENOUGH 65536 /* bytes that are written at a time */

/* ?1 is the run, or 0. */
#define CHOSEN "SELECT run_id FROM runs WHERE status = 'done' AND ?1 IN (0, run_id)"

/* ---- Cells ---- */

static void
add_text (GString *text, const char *cell)
{
  if (cell[strcspn (cell, ",\"\r\n")] == '\0') {
    g_string_append (text, cell);
    return;
  }
  g_string_append_c (text, '"');
  for (const char *c = cell; *c != '\0'; c++) {
    if (*c == '"')
      g_string_append_c (text, '"');
    g_string_append_c (text, *c);
  }
  g_string_append_c (text, '"');
}

/* The fewest digits that are read back as the same number. */
static void
add_number (GString *text, double number)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (digits, sizeof digits, "%.15g", number);
  if (g_ascii_strtod (digits, NULL) != number)
    g_ascii_dtostr (digits, sizeof digits, number);
  g_string_append (text, digits);
}

static void
add_cell (GString *text, sqlite3_stmt *row, int column)
{
  if (sqlite3_column_type (row, column) == SQLITE_FLOAT)
    add_number (text, sqlite3_column_double (row, column));
  else if (sqlite3_column_type (row, column) != SQLITE_NULL)
    add_text (text, (const char *)sqlite3_column_text (row, column));
}

/* ---- Queries ---- */

/* One query, and how far it is. Finished by query_finish(). */
typedef struct {
  sqlite3_stmt *rows;
  int code;
} Query;

static void
query_init (Query *self, KmlDatabase *database, const char *sql, guint64 run_id)
{
  self->code = sqlite3_prepare_v2 (kml_database_handle (database), sql, -1, &self->rows, NULL);
  if (self->code == SQLITE_OK)
    self->code = sqlite3_bind_int64 (self->rows, 1, (sqlite3_int64)run_id);
}

static gboolean
query_next (Query *self)
{
  if (self->code == SQLITE_OK || self->code == SQLITE_ROW)
    self->code = sqlite3_step (self->rows);
  return self->code == SQLITE_ROW;
}

static gboolean
query_finish (Query *self, KmlDatabase *database, GError **error)
{
  sqlite3_finalize (self->rows);
  return self->code == SQLITE_DONE || kml_database_read_error (database, self->code, error);
}

static gboolean
fail_empty (guint64 run_id, const char *what, GError **error)
{
  if (run_id == 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "no run of it that is done has %s", what);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "run %" G_GUINT64_FORMAT " has no %s, or is not done", run_id, what);
  return FALSE;
}

/* The rows of @sql as they are. */
static gboolean
write_rows (KmlDatabase *database, const char *sql, guint64 run_id, const char *what, GString *text,
            GError **error)
{
  gboolean is_empty = TRUE, good = TRUE;
  Query query = { NULL };

  query_init (&query, database, sql, run_id);
  for (; good && query_next (&query); is_empty = FALSE) {
    const int n = sqlite3_column_count (query.rows);

    for (int i = 0; is_empty && i < n; i++)
      g_string_append_printf (text, "%s%s", i > 0 ? "," : "", sqlite3_column_name (query.rows, i));
    for (int i = 0; i < n; i++) {
      g_string_append_c (text, i > 0 ? ',' : '\n');
      add_cell (text, query.rows, i);
    }
    good = text->len < ENOUGH || kml_export_flush (text, error);
  }
  if (!good) {
    sqlite3_finalize (query.rows);
    return FALSE;
  }
  if (!query_finish (&query, database, error))
    return FALSE;
  g_string_append (text, is_empty ? "" : "\n");
  return !is_empty || fail_empty (run_id, what, error);
}

static gboolean
write_series (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  return write_rows (database,
                     "SELECT run_id, t_ns, name, value, unit FROM series JOIN series_info USING "
                     "(name) WHERE run_id IN (" CHOSEN ") ORDER BY run_id, name, t_ns",
                     run_id, "snapshots", text, error);
}

static gboolean
write_latency (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  return write_rows (database,
                     "SELECT run_id, operation, context, bucket_lo_ns, bucket_hi_ns, count FROM "
                     "latency WHERE run_id IN (" CHOSEN
                     ") ORDER BY run_id, operation, context, bucket_lo_ns",
                     run_id, "latencies: set [record] latency = yes", text, error);
}

/* ---- A line for each run ---- */

/* What one run has by name, held against the columns that there are. */
typedef struct {
  const char *names; /* the columns, in their order */
  /* the name and the value of each that a run has, in the same order; ?1 is the run */
  const char *values;
} Columns;

/* A setting that is the same in all runs is no column; a seed has its own. */
static const Columns settings = {
  .names = "SELECT key FROM params WHERE run_id IN (" CHOSEN ") AND key != 'scenario.seed' GROUP "
           "BY key HAVING count (DISTINCT value) > 1 OR count (*) < (SELECT count (*) FROM "
           "(" CHOSEN ")) ORDER BY key",
  .values = "SELECT key, value FROM params WHERE run_id = ?1 ORDER BY key",
};

static const Columns metrics = {
  .names = "SELECT DISTINCT name FROM metrics WHERE run_id IN (" CHOSEN ") ORDER BY name",
  .values = "SELECT name, value FROM metrics WHERE run_id = ?1 ORDER BY name",
};

/* (transfer full) (element-type utf8) */
static GPtrArray *
read_names (KmlDatabase *database, const Columns *columns, guint64 run_id, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  Query query = { NULL };

  query_init (&query, database, columns->names, run_id);
  while (query_next (&query))
    g_ptr_array_add (names, g_strdup ((const char *)sqlite3_column_text (query.rows, 0)));
  return query_finish (&query, database, error) ? g_steal_pointer (&names) : NULL;
}

static gboolean
add_values (KmlDatabase *database, const Columns *columns, const GPtrArray *names, guint64 run_id,
            GString *text, GError **error)
{
  Query query = { NULL };
  gboolean is_row;

  query_init (&query, database, columns->values, run_id);
  is_row = query_next (&query);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);

    g_string_append_c (text, ',');
    while (is_row && strcmp ((const char *)sqlite3_column_text (query.rows, 0), name) < 0)
      is_row = query_next (&query);
    if (is_row && strcmp ((const char *)sqlite3_column_text (query.rows, 0), name) == 0)
      add_cell (text, query.rows, 1);
  }
  while (is_row)
    is_row = query_next (&query);
  return query_finish (&query, database, error);
}

static void
add_names (GString *text, const GPtrArray *names)
{
  for (guint i = 0; i < names->len; i++) {
    g_string_append_c (text, ',');
    add_text (text, g_ptr_array_index (names, i));
  }
}

static gboolean
write_metrics (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  g_autoptr (GPtrArray) keys = read_names (database, &settings, run_id, error);
  g_autoptr (GPtrArray) names = NULL;
  gboolean is_empty = TRUE, good = TRUE;
  Query runs = { NULL };

  if (keys == NULL || (names = read_names (database, &metrics, run_id, error)) == NULL)
    return FALSE;
  query_init (&runs, database,
              "SELECT run_id, scenario, seed, fingerprint FROM runs WHERE run_id IN (" CHOSEN
              ") ORDER BY run_id",
              run_id);
  g_string_append (text, "run_id,scenario,seed,fingerprint");
  add_names (text, keys);
  add_names (text, names);
  for (; good && query_next (&runs); is_empty = FALSE) {
    const guint64 run = (guint64)sqlite3_column_int64 (runs.rows, 0);

    for (int i = 0; i < 4; i++) {
      g_string_append_c (text, i > 0 ? ',' : '\n');
      add_cell (text, runs.rows, i);
    }
    good = add_values (database, &settings, keys, run, text, error) &&
           add_values (database, &metrics, names, run, text, error) &&
           kml_export_flush (text, error);
  }
  if (!good) {
    sqlite3_finalize (runs.rows);
    return FALSE;
  }
  if (!query_finish (&runs, database, error))
    return FALSE;
  g_string_append_c (text, '\n');
  return !is_empty || fail_empty (run_id, "metrics", error);
}

/* ---- What they are called ---- */

static const KmlExport metrics_table = {
  "metrics",
  "every metric of every run and the settings in which they differ, as CSV: a line a run",
  write_metrics, .of_all_runs = TRUE
};
static const KmlExport series_table = {
  "series", "what changes over time, of every run, as CSV: a line a moment and quantity",
  write_series, .of_all_runs = TRUE
};
static const KmlExport latency_table = {
  "latency", "histograms of latencies of every run, as CSV: a line a bucket", write_latency,
  .of_all_runs = TRUE
};

KML_REGISTER_EXPORT (metrics_table)
KML_REGISTER_EXPORT (series_table)
KML_REGISTER_EXPORT (latency_table)
