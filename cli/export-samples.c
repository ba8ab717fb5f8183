/* export-samples.c: every operation of which a run kept a sample, as a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A line each, in the order in which they were recorded, which is not that of time where there are several CPUs. Latencies have
 * three decimals: the simulator counts picoseconds. A request that got nothing has no address.
 */

#include <sqlite3.h>

#include "cli/export.h"

#define ENOUGH 65536 /* bytes that are written at a time */

static const char columns[] = "t_ns,operation,level,context,cpu,size,address,latency_ns\n";

static const char query[] = "SELECT t_ns, operation, level, context, cpu, size, addr, latency_ns "
                            "FROM samples_expanded WHERE run_id = ?1";

/* A name that no version of this program has stored is empty. */
static const char *
text_of (sqlite3_stmt *row, int column)
{
  const char *text = (const char *)sqlite3_column_text (row, column);

  return text != NULL ? text : "";
}

static void
add_sample (GString *text, sqlite3_stmt *row)
{
  char latency[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (text, "%" G_GINT64_FORMAT ",%s,%s,%s,%d,%" G_GINT64_FORMAT ",",
                          (gint64)sqlite3_column_int64 (row, 0), text_of (row, 1), text_of (row, 2),
                          text_of (row, 3), sqlite3_column_int (row, 4),
                          (gint64)sqlite3_column_int64 (row, 5));
  if (sqlite3_column_type (row, 6) != SQLITE_NULL)
    g_string_append_printf (text, "0x%" G_GINT64_MODIFIER "x",
                            (guint64)sqlite3_column_int64 (row, 6));
  g_string_append_printf (
      text, ",%s\n",
      g_ascii_formatd (latency, sizeof latency, "%.3f", sqlite3_column_double (row, 7)));
}

static gboolean
write_samples (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  sqlite3_stmt *rows = NULL;
  gboolean is_empty = TRUE, good = TRUE;
  int code = sqlite3_prepare_v2 (kml_database_handle (database), query, -1, &rows, NULL);

  if (code == SQLITE_OK) {
    sqlite3_bind_int64 (rows, 1, (sqlite3_int64)run_id);
    g_string_append (text, columns);
    for (; good && (code = sqlite3_step (rows)) == SQLITE_ROW; is_empty = FALSE) {
      add_sample (text, rows);
      good = text->len < ENOUGH || kml_export_flush (text, error);
    }
  }
  sqlite3_finalize (rows);
  if (!good)
    return FALSE;
  if (code != SQLITE_DONE)
    return kml_database_read_error (database, code, error);
  if (is_empty)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "run %" G_GUINT64_FORMAT " has no samples: set [record] events = all", run_id);
  return !is_empty;
}

static const KmlExport samples = {
  .name = "samples",
  .summary = "every operation that [record] events kept, as CSV: when, what, where, how long",
  .write = write_samples,
};

KML_REGISTER_EXPORT (samples)
