/* plot-data.c: the data of a picture, as text that gnuplot reads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/database-private.h"
#include "analysis/plot-private.h"

#include <string.h>

#define MAX_ROWS 4000000 /* of one query: gnuplot keeps them in memory */

/* ---- Text ---- */

char *
kml_plot_tidy (const char *text, glong max_chars)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
  g_autofree char *start = NULL;

  for (char *c = valid; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  g_strstrip (valid);
  if (g_utf8_strlen (valid, -1) <= max_chars)
    return g_steal_pointer (&valid);
  start = g_utf8_substring (valid, 0, max_chars - 1);
  return g_strconcat (g_strchomp (start), "…", NULL);
}

void
kml_plot_append_string (GString *script, const char *text)
{
  g_autofree char *line = kml_plot_tidy (text, 200);

  g_string_append_c (script, '\'');
  for (const char *c = line; *c != '\0'; c++) {
    if (*c == '\'')
      g_string_append_c (script, '\'');
    g_string_append_c (script, *c);
  }
  g_string_append_c (script, '\'');
}

/* ---- Data ---- */

/* mean_byte (blob, from, to): the mean of the bytes at indices [from, to), from 0, of one at least; NULL beyond the end. SQL has no other
 * way into a blob. */
static void
mean_byte (sqlite3_context *context, int n_values, sqlite3_value **values)
{
  const guint8 *data = sqlite3_value_blob (values[0]);
  const int n_bytes = sqlite3_value_bytes (values[0]);
  const sqlite3_int64 from = sqlite3_value_int64 (values[1]);
  const sqlite3_int64 to = MAX (sqlite3_value_int64 (values[2]), from + 1);
  guint64 sum = 0;

  if (data == NULL || from < 0 || to > n_bytes)
    return;
  for (sqlite3_int64 i = from; i < to; i++)
    sum += data[i];
  sqlite3_result_double (context, (double)sum / (double)(to - from));
}

static void
bind_if_named (sqlite3_stmt *statement, const char *name, gint64 value)
{
  const int i = sqlite3_bind_parameter_index (statement, name);

  if (i > 0)
    sqlite3_bind_int64 (statement, i, value);
}

static void
bind_text_if_named (sqlite3_stmt *statement, const char *name, const char *value)
{
  const int i = sqlite3_bind_parameter_index (statement, name);

  if (i > 0)
    sqlite3_bind_text (statement, i, value, -1, SQLITE_STATIC);
}

static void
append_value (GString *text, sqlite3_stmt *statement, int column)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *line = NULL;

  switch (sqlite3_column_type (statement, column)) {
  case SQLITE_NULL:
    g_string_append (text, "NaN");
    break;
  case SQLITE_FLOAT:
    g_ascii_formatd (number, sizeof number, "%.9g", sqlite3_column_double (statement, column));
    g_string_append (text, number);
    break;
  case SQLITE_INTEGER:
    g_string_append_printf (text, "%" G_GINT64_FORMAT,
                            (gint64)sqlite3_column_int64 (statement, column));
    break;
  default:
    line = kml_plot_tidy ((const char *)sqlite3_column_text (statement, column), 200);
    g_string_append (text, line);
    break;
  }
}

/* The heading that makes a file readable alone: "# t_ns	value". */
static void
append_heading (GString *text, sqlite3_stmt *statement, int first)
{
  g_string_append (text, "#");
  for (int column = first; column < sqlite3_column_count (statement); column++)
    g_string_append_printf (text, "%s%s", column > first ? "\t" : " ",
                            sqlite3_column_name (statement, column));
  g_string_append_c (text, '\n');
}

/* gnuplot tells blocks of data apart by two empty lines. */
static void
follow_blocks (GString *text, sqlite3_stmt *statement, GPtrArray *blocks)
{
  const char *block = (const char *)sqlite3_column_text (statement, 0);

  if (blocks->len > 0 && g_strcmp0 (block, blocks->pdata[blocks->len - 1]) == 0)
    return;
  if (blocks->len > 0)
    g_string_append (text, "\n\n");
  g_ptr_array_add (blocks, g_strdup (block != NULL ? block : ""));
}

char *
kml_plot_query (KmlDatabase *database, const KmlFigureQuery *query, const KmlPlotBindings *bindings,
                GPtrArray **ret_blocks, GError **error)
{
  g_autoptr (GPtrArray) blocks = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code, first;
  guint n_rows = 0;

  sqlite3_create_function (database->db, "mean_byte", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                           mean_byte, NULL, NULL);
  statement = kml_database_prepare (database, query->sql, error);
  if (statement == NULL)
    return NULL;
  bind_if_named (statement, ":order", bindings->order);
  bind_if_named (statement, ":columns", bindings->columns);
  bind_if_named (statement, ":rows", bindings->rows);
  bind_if_named (statement, ":study", (gint64)bindings->study);
  bind_text_if_named (statement, ":metric", bindings->metric);
  first = g_str_equal (sqlite3_column_name (statement, 0), "block") ? 1 : 0;
  append_heading (text, statement, first);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW && n_rows++ < MAX_ROWS) {
    if (first == 1)
      follow_blocks (text, statement, blocks);
    for (int column = first; column < sqlite3_column_count (statement); column++) {
      if (column > first)
        g_string_append_c (text, '\t');
      append_value (text, statement, column);
    }
    g_string_append_c (text, '\n');
  }
  if (code == SQLITE_ROW) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: more than %d rows for one plot: choose fewer runs", database->path, MAX_ROWS);
    return NULL;
  }
  if (code != SQLITE_DONE) {
    kml_database_fail (database, code, "cannot be read", error);
    return NULL;
  }
  *ret_blocks = g_steal_pointer (&blocks);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
