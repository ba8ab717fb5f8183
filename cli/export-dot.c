/* export-dot.c: the wait-for graphs of a run's deadlocks, for Graphviz.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same graph as `kmemlab plot DB waits` draws, for those who want another layout: boxes are tasks, ellipses what they wait for. A
 * graph for each deadlock or stall. All names are quoted: whatever is in them, they are names.
 */

#include <sqlite3.h>

#include "cli/export.h"
#include "simcore/base/units.h"

/* As a quoted string of DOT. */
static void
add_quoted (GString *text, const char *prefix, const char *name)
{
  g_autofree char *valid = g_utf8_make_valid (name, -1);

  g_string_append_printf (text, "\"%s", prefix);
  for (const char *c = valid; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_c (text, '\\');
    g_string_append_c (text, g_ascii_iscntrl (*c) ? ' ' : *c);
  }
  g_string_append_c (text, '"');
}

static void
add_node (GString *text, const char *prefix, const char *name, const char *shape)
{
  g_string_append (text, "  ");
  add_quoted (text, prefix, name);
  g_string_append (text, " [label=");
  add_quoted (text, "", name);
  g_string_append_printf (text, ", shape=%s];\n", shape);
}

#define TASK     "task "
#define RESOURCE "resource "

/* A row of deadlock_edges. */
static void
add_edge (GString *text, sqlite3_stmt *row)
{
  const char *waiter = (const char *)sqlite3_column_text (row, 0);
  const char *waits_for = (const char *)sqlite3_column_text (row, 1);
  const char *resource = (const char *)sqlite3_column_text (row, 2);
  g_autofree char *since = kml_format_time ((KmlTime)sqlite3_column_int64 (row, 3) * KML_NS);

  add_node (text, TASK, waiter, "box, style=filled, fillcolor=\"#e3eef9\", color=\"#0072b2\"");
  add_node (text, RESOURCE, resource,
            "ellipse, style=filled, fillcolor=\"#fdf0e6\", color=\"#d55e00\"");
  g_string_append (text, "  ");
  add_quoted (text, TASK, waiter);
  g_string_append (text, " -> ");
  add_quoted (text, RESOURCE, resource);
  g_string_append_printf (text, " [label=\"waits since %s\", color=\"#d55e00\"];\n", since);
  if (waits_for[0] == '\0')
    return;
  add_node (text, TASK, waits_for, "box, style=filled, fillcolor=\"#e3eef9\", color=\"#0072b2\"");
  g_string_append (text, "  ");
  add_quoted (text, RESOURCE, resource);
  g_string_append (text, " -> ");
  add_quoted (text, TASK, waits_for);
  g_string_append (text, " [label=\"held by\", style=dashed, color=\"#0072b2\"];\n");
}

static gboolean
add_graph (KmlDatabase *database, gint64 deadlock, const char *label, GString *text, GError **error)
{
  sqlite3_stmt *rows = NULL;
  int code = sqlite3_prepare_v2 (
      kml_database_handle (database),
      "SELECT waiter, waits_for, resource, since_ns FROM deadlock_edges WHERE deadlock_id = ? "
      "ORDER BY seq",
      -1, &rows, NULL);

  if (code == SQLITE_OK) {
    g_string_append (text, "digraph waits {\n  label=");
    add_quoted (text, "", label);
    g_string_append (text, ";\n  node [fontname=\"Helvetica\"];\n"
                           "  edge [fontname=\"Helvetica\", fontsize=10];\n");
    sqlite3_bind_int64 (rows, 1, deadlock);
    while ((code = sqlite3_step (rows)) == SQLITE_ROW)
      add_edge (text, rows);
    g_string_append (text, "}\n");
  }
  sqlite3_finalize (rows);
  return code == SQLITE_DONE || kml_database_read_error (database, code, error);
}

static gboolean
write_dot (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  sqlite3_stmt *rows = NULL;
  int code = sqlite3_prepare_v2 (
      kml_database_handle (database),
      "SELECT deadlock_id, kind, t_ns FROM deadlocks WHERE run_id = ? ORDER BY deadlock_id", -1,
      &rows, NULL);
  gboolean good = TRUE;

  if (code == SQLITE_OK) {
    sqlite3_bind_int64 (rows, 1, (sqlite3_int64)run_id);
    while (good && (code = sqlite3_step (rows)) == SQLITE_ROW) {
      g_autofree char *time = kml_format_time ((KmlTime)sqlite3_column_int64 (rows, 2) * KML_NS);
      g_autofree char *label = g_strdup_printf ("%s at %s", sqlite3_column_text (rows, 1), time);

      good = add_graph (database, sqlite3_column_int64 (rows, 0), label, text, error);
    }
  }
  sqlite3_finalize (rows);
  if (!good)
    return FALSE;
  if (code != SQLITE_DONE)
    return kml_database_read_error (database, code, error);
  if (text->len == 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "run %" G_GUINT64_FORMAT " has no deadlock and no stall", run_id);
  return text->len > 0;
}

static const KmlExport dot = {
  .name = "dot",
  .summary = "wait-for graphs of deadlocks and stalls, for Graphviz",
  .write = write_dot,
};

KML_REGISTER_EXPORT (dot)
