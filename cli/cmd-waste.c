/* cmd-waste.c: kmemlab waste: who asked for the bytes that are wasted.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three views of what a run wasted, each a table of the database: by requested
 * size, by call site and by lifetime. A view is a query and the names of its
 * columns; text and JSON are made from the same rows.
 *
 * "of given" is 100 - 100 * asked for / given, to three digits: "Frag" of perf kmem, in its
 * digits, and "elsewhere" is what perf calls ping-pong, so that both can be read side by side.
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/table.h"
#include "simcore/base/units.h"

#define DEFAULT_ROWS 20

static struct {
  char *by, *top;
  char **runs;
  gboolean json;
} options;

/* ---- Views ---- */

typedef enum {
  CELL_TEXT,
  CELL_COUNT,
  CELL_BYTES,
  CELL_PERCENT, /* of what was given */
  CELL_SHARE,   /* of the sum over all rows, in percent */
} Cell;

/* A column of a query: its name there and in JSON, and in the table. A header NULL: JSON only. */
typedef struct {
  const char *name;
  const char *header;
  Cell cell;
} Field;

#define MAX_FIELDS 12

typedef struct {
  const char *name;
  const char *heading;
  const char *sql; /* of the run ?1, the worst first; no row: it did not record this */
  const char *remedy;
  Field fields[MAX_FIELDS + 1]; /* in the order of the query; ends with a NULL name */
} View;

#define WASTED                                                                                     \
  "held_bytes - requested_bytes AS wasted, "                                                       \
  "100.0 - 100.0 * requested_bytes / nullif (held_bytes, 0)"

static const View views[] = {
  {
      .name = "size",
      .heading = "by requested size",
      .sql = "SELECT iif (size_lo = size_hi, size_lo || '', size_lo || '–' || size_hi), size_lo, "
             "size_hi, count, requested_bytes, held_bytes, " WASTED
             ", 100.0 * (held_bytes - requested_bytes) / "
             "nullif (sum (held_bytes - requested_bytes) OVER (), 0) "
             "FROM waste WHERE run_id = ?1 ORDER BY wasted DESC, size_lo",
      .remedy = "waste",
      .fields = { { "size", "size", CELL_COUNT },
                  { "size_lo", NULL, CELL_COUNT },
                  { "size_hi", NULL, CELL_COUNT },
                  { "count", "requests", CELL_COUNT },
                  { "requested_bytes", "asked for", CELL_BYTES },
                  { "held_bytes", "given", CELL_BYTES },
                  { "wasted_bytes", "wasted", CELL_BYTES },
                  { "wasted_percent", "of given", CELL_PERCENT },
                  { "share_percent", "share", CELL_SHARE } },
  },
  {
      .name = "site",
      .heading = "by call site",
      .sql = "SELECT site, workload, count, requested_bytes, held_bytes, " WASTED
             ", mean_wasted_bytes, "
             "100.0 * mean_wasted_bytes / nullif (sum (mean_wasted_bytes) OVER (), 0), "
             "live_blocks, live_held_bytes - live_requested_bytes, freed_elsewhere "
             "FROM site_waste WHERE run_id = ?1 "
             "ORDER BY mean_wasted_bytes DESC, wasted DESC, workload, site",
      .remedy = "origins",
      .fields = { { "site", "call site", CELL_TEXT },
                  { "workload", NULL, CELL_TEXT },
                  { "count", "requests", CELL_COUNT },
                  { "requested_bytes", "asked for", CELL_BYTES },
                  { "held_bytes", "given", CELL_BYTES },
                  { "wasted_bytes", "wasted", CELL_BYTES },
                  { "wasted_percent", "of given", CELL_PERCENT },
                  { "mean_wasted_bytes", "mean", CELL_BYTES },
                  { "share_percent", "share", CELL_SHARE },
                  { "live_blocks", "live at end", CELL_COUNT },
                  { "live_wasted_bytes", NULL, CELL_BYTES },
                  { "freed_elsewhere", "elsewhere", CELL_COUNT } },
  },
  {
      .name = "lifetime",
      .heading = "by lifetime",
      .sql = "SELECT lifetime, lo_ns, hi_ns, count, requested_bytes, held_bytes, " WASTED
             ", mean_wasted_bytes, "
             "100.0 * mean_wasted_bytes / nullif (sum (mean_wasted_bytes) OVER (), 0) "
             "FROM lifetime_waste WHERE run_id = ?1 ORDER BY band",
      .remedy = "origins",
      .fields = { { "lifetime", "lifetime", CELL_TEXT },
                  { "lo_ns", NULL, CELL_COUNT },
                  { "hi_ns", NULL, CELL_COUNT },
                  { "count", "blocks", CELL_COUNT },
                  { "requested_bytes", "asked for", CELL_BYTES },
                  { "held_bytes", "given", CELL_BYTES },
                  { "wasted_bytes", "wasted", CELL_BYTES },
                  { "wasted_percent", "of given", CELL_PERCENT },
                  { "mean_wasted_bytes", "mean", CELL_BYTES },
                  { "share_percent", "share", CELL_SHARE } },
  },
};

/* NULL after the mistake has been said. */
static const View *
find_view (const char *name)
{
  const char *names[G_N_ELEMENTS (views) + 1] = { NULL };
  g_autofree char *message = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (views); i++) {
    names[i] = views[i].name;
    if (g_str_equal (names[i], name))
      return &views[i];
  }
  message = kml_unknown_name ("view of waste", name, names);
  kml_usage_error ("waste", "--by: %s", message);
  return NULL;
}

/* ---- One run ---- */

/* Prints or adds the row that @statement is at. */
typedef void (*RowFunc) (const View *view, sqlite3_stmt *statement, gpointer data);

/* FALSE with @error, also when there is no row. */
static gboolean
for_each_row (KmlDatabase *database, const View *view, guint64 run_id, guint64 max_rows,
              RowFunc func, gpointer data, guint64 *ret_n_rows, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_result_prepare (database, view->sql, error);
  guint64 n_rows = 0;
  int code;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)run_id);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    if (n_rows++ < max_rows)
      func (view, statement, data);
  *ret_n_rows = n_rows;
  return code == SQLITE_DONE || kml_database_read_error (database, code, error);
}

/* ---- Text ---- */

/* (transfer full) */
static char *
format_cell (Cell cell, sqlite3_stmt *statement, int i)
{
  const char *text = (const char *)sqlite3_column_text (statement, i);
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (text == NULL)
    return g_strdup ("—");
  switch (cell) {
  case CELL_BYTES:
    return kml_format_metric (sqlite3_column_double (statement, i), "bytes");
  case CELL_PERCENT:
    g_ascii_formatd (number, sizeof number, "%.3f", sqlite3_column_double (statement, i));
    return g_strconcat (number, " %", NULL);
  case CELL_SHARE:
    g_ascii_formatd (number, sizeof number, "%.1f", sqlite3_column_double (statement, i));
    return g_strconcat (number, " %", NULL);
  case CELL_TEXT:
  case CELL_COUNT:
  default:
    return g_strdup (text[0] != '\0' ? text : "(unknown)");
  }
}

static void
add_cells (const View *view, sqlite3_stmt *statement, gpointer table)
{
  for (int i = 0; view->fields[i].name != NULL; i++)
    if (view->fields[i].header != NULL)
      kml_table_add_cell (table, format_cell (view->fields[i].cell, statement, i));
}

static KmlTable *
new_table (const View *view)
{
  KmlTable *table = kml_table_new ();

  for (int i = 0; view->fields[i].name != NULL; i++)
    if (view->fields[i].header != NULL)
      kml_table_add_column (table, view->fields[i].header,
                            view->fields[i].cell == CELL_TEXT ? KML_ALIGN_LEFT : KML_ALIGN_RIGHT);
  return table;
}

/* "objects.bins = pow2": what tells the run from the others. "" for the only one. (transfer full) */
static char *
describe_run (KmlDatabase *database, guint64 run_id, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_result_prepare (
      database,
      "SELECT key || ' = ' || value FROM params WHERE run_id = ?1 AND key IN "
      "(SELECT key FROM params GROUP BY key HAVING min (value) <> max (value)) ORDER BY key",
      error);
  g_autoptr (GString) text = g_string_new (NULL);
  int code;

  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)run_id);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "",
                            (const char *)sqlite3_column_text (statement, 0));
  if (code != SQLITE_DONE) {
    kml_database_read_error (database, code, error);
    return NULL;
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
print_run (KmlDatabase *database, const View *view, guint64 run_id, guint64 max_rows,
           GError **error)
{
  g_autoptr (KmlTable) table = new_table (view);
  g_autofree char *description = describe_run (database, run_id, error);
  g_autofree char *printable = NULL;
  guint64 n_rows;

  if (description == NULL ||
      !for_each_row (database, view, run_id, max_rows, add_cells, table, &n_rows, error))
    return FALSE;
  printable = kml_printable (description);
  kml_out ("run %" G_GUINT64_FORMAT "%s%s: waste %s\n\n", run_id, printable[0] != '\0' ? ", " : "",
           printable, view->heading);
  kml_table_print (table);
  if (n_rows > max_rows)
    kml_out ("… and %" G_GUINT64_FORMAT " more: --top 0 shows all\n", n_rows - max_rows);
  return TRUE;
}

/* ---- JSON ---- */

static void
add_object (const View *view, sqlite3_stmt *statement, gpointer builder)
{
  kml_json_begin_object (builder, NULL);
  for (int i = 0; view->fields[i].name != NULL; i++) {
    const char *name = view->fields[i].name;

    switch (sqlite3_column_type (statement, i)) {
    case SQLITE_INTEGER:
      kml_json_count (builder, name, (guint64)sqlite3_column_int64 (statement, i));
      break;
    case SQLITE_FLOAT:
      kml_json_number (builder, name, sqlite3_column_double (statement, i));
      break;
    default:
      kml_json_text (builder, name, (const char *)sqlite3_column_text (statement, i));
      break;
    }
  }
  json_builder_end_object (builder);
}

static gboolean
add_run_json (KmlDatabase *database, const View *view, guint64 run_id, guint64 max_rows,
              JsonBuilder *builder, GError **error)
{
  guint64 n_rows;
  gboolean good;

  kml_json_begin_object (builder, NULL);
  kml_json_count (builder, "run_id", run_id);
  kml_json_begin_array (builder, "waste");
  good = for_each_row (database, view, run_id, max_rows, add_object, builder, &n_rows, error);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return good;
}

/* ---- Which runs ---- */

/* Whether the run is there, done, and recorded what @view shows. */
static gboolean
check_run (KmlDatabase *database, const View *view, guint64 run_id, GError **error)
{
  g_autoptr (KmlResult) result = kml_result_load (database, run_id, error);
  const char *path = sqlite3_db_filename (kml_database_handle (database), "main");
  g_autofree char *key = g_strconcat ("record.", view->remedy, NULL);

  if (result == NULL)
    return FALSE;
  if (!g_str_equal (result->status, "done"))
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: run %" G_GUINT64_FORMAT " is not done but %s, and has no results", path,
                 run_id, result->status);
  else if (g_strcmp0 (kml_result_setting (result, key), "yes") != 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: run %" G_GUINT64_FORMAT " recorded no waste %s: set [record] %s = yes", path,
                 run_id, view->heading, view->remedy);
  else
    return TRUE;
  return FALSE;
}

/* Those of --run, or all that can be shown. (element-type guint64) (transfer full); NULL: *@ret_status is set. */
static GArray *
choose_runs (KmlDatabase *database, const View *view, int *ret_status)
{
  g_autoptr (GArray) chosen = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) all = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) first = NULL;

  for (guint i = 0; options.runs != NULL && options.runs[i] != NULL; i++) {
    guint64 run_id;

    if (!kml_option_count ("waste", "--run", options.runs[i], 1, G_MAXINT64, &run_id)) {
      *ret_status = KML_EXIT_INPUT;
      return NULL;
    }
    if (!check_run (database, view, run_id, &error)) {
      *ret_status = kml_fail (error);
      return NULL;
    }
    g_array_append_val (chosen, run_id);
  }
  if (options.runs != NULL)
    return g_steal_pointer (&chosen);

  all = kml_result_list (database, &error);
  if (all == NULL) {
    *ret_status = kml_fail (error);
    return NULL;
  }
  for (guint i = 0; i < all->len; i++) {
    const guint64 run_id = g_array_index (all, guint64, i);

    if (check_run (database, view, run_id, first == NULL ? &first : NULL))
      g_array_append_val (chosen, run_id);
  }
  if (chosen->len == 0) {
    if (first == NULL)
      g_set_error_literal (&first, KML_ERROR, KML_ERROR_INPUT, "the database has no run");
    *ret_status = kml_fail (first);
    return NULL;
  }
  return g_steal_pointer (&chosen);
}

/* ---- The command ---- */

static int
print_runs (const char *path, KmlDatabase *database, const View *view, const GArray *runs,
            guint64 max_rows)
{
  g_autofree char *word = kml_shell_word (path);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < runs->len; i++) {
    if (i > 0)
      kml_out ("\n");
    if (!print_run (database, view, g_array_index (runs, guint64, i), max_rows, &error))
      return kml_fail (error);
  }
  kml_note ("Next: kmemlab plot %s waste%s%s", word, view == &views[0] ? "" : "-by-",
            view == &views[0] ? "" : view->name);
  return KML_EXIT_DONE;
}

static int
print_json (const char *path, KmlDatabase *database, const View *view, const GArray *runs,
            guint64 max_rows)
{
  JsonBuilder *builder = kml_json_new ("waste/1");
  g_autoptr (GError) error = NULL;

  kml_json_text (builder, "database", path);
  kml_json_text (builder, "by", view->name);
  kml_json_begin_array (builder, "runs");
  for (guint i = 0; i < runs->len; i++) {
    if (!add_run_json (database, view, g_array_index (runs, guint64, i), max_rows, builder,
                       &error)) {
      g_object_unref (builder);
      return kml_fail (error);
    }
  }
  json_builder_end_array (builder);
  kml_json_print (builder);
  return KML_EXIT_DONE;
}

static int
run (char **arguments)
{
  const View *view = find_view (options.by != NULL ? options.by : "size");
  guint64 top = options.json ? 0 : DEFAULT_ROWS;
  int status = KML_EXIT_INPUT;
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = NULL;
  g_autoptr (GArray) runs = NULL;

  if (view == NULL || !kml_option_count ("waste", "--top", options.top, 0, G_MAXINT64, &top))
    return KML_EXIT_INPUT;
  if (top == 0)
    top = G_MAXUINT64;
  database = kml_database_open (arguments[0], &error);
  if (database == NULL)
    return kml_fail (error);
  runs = choose_runs (database, view, &status);
  if (runs == NULL)
    return status;
  return options.json ? print_json (arguments[0], database, view, runs, top)
                      : print_runs (arguments[0], database, view, runs, top);
}

static const GOptionEntry entries[] = {
  { "by", 0, 0, G_OPTION_ARG_STRING, &options.by, "What it is told by (default: size)",
    "size|site|lifetime" },
  { "run", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.runs,
    "Only this run (repeatable; default: all)", "N" },
  { "top", 0, 0, G_OPTION_ARG_STRING, &options.top,
    "At most so many rows of each run (default: 20; in JSON and with 0: all)", "N" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "waste",
  .summary = "Say who asked for the bytes that are wasted: by size, call site or lifetime",
  .usage = "DB [OPTION]…",
  .details = "Wasted is what blocks were given more than was asked for. The sum over all requests "
             "says who fits badly;\n"
             "“mean” is the mean over the time of the run of what live blocks waste, which is what "
             "memory loses.\n"
             "“elsewhere” counts the blocks given back on another CPU than the one that asked.\n"
             "Call sites and lifetimes are recorded with [record] origins = yes.",
  .examples = { "waste bins.db", "waste replay.db --by site --top 10" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
