/* plot-data.c: which runs a picture is of, how they are called, and their data as text.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs are called by what tells them apart: the settings in which they differ.
 * The names of those settings become the title of the legend and their values its
 * entries, so a sweep over objects.bins has a legend "objects.bins" with the entries "linux",
 * "pow2", and nobody must look up what run 3 was.
 *
 * Queries see the chosen runs as the table chosen (i, run_id, label), i = 1, 2, …
 */

#include "analysis/database-private.h"
#include "analysis/plot-private.h"

#include <string.h>

/* More settings than this in a label are too many to read. */

/* So many characters, and the number of a run behind them, leave room for two columns of labels beside each other in a picture of the usual size. One column of twelve
 * would take half of it. A value that had to be cut is still to be known. */
#define MAX_LABEL_CHARS 28
#define MIN_VALUE_CHARS 6
#define MAX_ROWS        4000000 /* of one query: gnuplot keeps them in memory */

/* ---- Text ---- */

/* @text on one line, valid, and at most @max_chars long. (transfer full) */
static char *
tidy (const char *text, glong max_chars)
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
  g_autofree char *line = tidy (text, 200);

  g_string_append_c (script, '\'');
  for (const char *c = line; *c != '\0'; c++) {
    if (*c == '\'')
      g_string_append_c (script, '\'');
    g_string_append_c (script, *c);
  }
  g_string_append_c (script, '\'');
}

/* ---- Asking ---- */

/* The first column of every row. (element-type utf8) (transfer full) */
static GPtrArray *
ask_column (KmlDatabase *database, const char *sql, gint64 value, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (database, sql, error);
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func (g_free);
  int code;

  if (statement == NULL)
    return NULL;
  if (sqlite3_bind_parameter_count (statement) > 0)
    sqlite3_bind_int64 (statement, 1, value);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    g_ptr_array_add (answers, g_strdup ((const char *)sqlite3_column_text (statement, 0)));
  if (code != SQLITE_DONE) {
    kml_database_fail (database, code, "cannot be read", error);
    return NULL;
  }
  return g_steal_pointer (&answers);
}

/* ---- Which runs ---- */

static gboolean
is_asked_for (const KmlPlotOptions *options, guint64 run_id)
{
  for (guint i = 0; i < options->n_runs; i++)
    if (options->runs[i] == run_id)
      return TRUE;
  return options->n_runs == 0;
}

static gboolean
check_asked_exist (KmlDatabase *database, const KmlPlotOptions *options, GError **error)
{
  for (guint i = 0; i < options->n_runs; i++) {
    g_autoptr (GPtrArray) status = ask_column (database, "SELECT status FROM runs WHERE run_id = ?",
                                               (gint64)options->runs[i], error);

    if (status == NULL)
      return FALSE;
    if (status->len == 0)
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                   "%s: there is no run %" G_GUINT64_FORMAT " in it", database->path,
                   options->runs[i]);
    else if (g_strcmp0 (status->pdata[0], "done") != 0)
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                   "%s: run %" G_GUINT64_FORMAT " is not done but %s, and has no results",
                   database->path, options->runs[i], (char *)status->pdata[0]);
    else
      continue;
    return FALSE;
  }
  return TRUE;
}

/* What was found while choosing. */
typedef struct {
  guint n_candidates; /* that have the data */
  guint n_without;    /* that have not */
  guint64 first_without;
} Choice;

/* Fills subject->runs with the ids of the runs that have what @figure needs, up to its limit. */
static gboolean
choose_runs (KmlDatabase *database, const KmlFigure *figure, const KmlPlotOptions *options,
             KmlPlotSubject *subject, Choice *choice, GError **error)
{
  g_autofree char *sql = g_strdup_printf (
      "SELECT r.run_id, %s FROM runs r WHERE r.status = 'done' ORDER BY r.run_id", figure->needs);
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (database, sql, error);
  int code;

  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    const KmlPlotRun run = { .run_id = (guint64)sqlite3_column_int64 (statement, 0) };

    if (!is_asked_for (options, run.run_id))
      continue;
    if (!sqlite3_column_int (statement, 1)) {
      if (choice->n_without++ == 0)
        choice->first_without = run.run_id;
    } else if (choice->n_candidates++ < figure->max_runs) {
      g_array_append_val (subject->runs, run);
    }
  }
  return code == SQLITE_DONE || kml_database_fail (database, code, "cannot be read", error);
}

static gboolean
check_choice (KmlDatabase *database, const KmlFigure *figure, const KmlPlotOptions *options,
              const Choice *choice, GError **error)
{
  if (choice->n_without > 0 && (options->n_runs > 0 || choice->n_candidates == 0))
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: run %" G_GUINT64_FORMAT " %s",
                 database->path, choice->first_without, figure->missing);
  else if (choice->n_candidates == 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: it has no run that is done",
                 database->path);
  else
    return TRUE;
  return FALSE;
}

/* Makes the table that queries join with. */
static gboolean
publish_choice (KmlDatabase *database, const KmlPlotSubject *subject, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;

  if (!kml_database_exec (database,
                          "DROP TABLE IF EXISTS temp.chosen; CREATE TEMP TABLE chosen "
                          "(i INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, label TEXT)",
                          error))
    return FALSE;
  statement = kml_database_prepare (database, "INSERT INTO temp.chosen VALUES (?, ?, ?)", error);
  for (guint i = 0; statement != NULL && i < subject->runs->len; i++) {
    const KmlPlotRun *run = &g_array_index (subject->runs, KmlPlotRun, i);

    sqlite3_bind_int (statement, 1, (int)i + 1);
    sqlite3_bind_int64 (statement, 2, (sqlite3_int64)run->run_id);
    sqlite3_bind_text (statement, 3, run->label, -1, SQLITE_STATIC);
    if (!kml_database_run (database, statement, error))
      return FALSE;
  }
  return statement != NULL;
}

/* ---- How they are called ---- */

/* The value of @key in a run, or an em dash. (transfer full) NULL with @error */
static char *
value_of (KmlDatabase *database, guint64 run_id, const char *key, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (
      database,
      "SELECT value FROM params WHERE run_id = ?1 AND key = ?2 UNION ALL "
      "SELECT scenario FROM runs WHERE run_id = ?1 AND ?2 = 'scenario'",
      error);
  const char *value = NULL;
  int code;

  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)run_id);
  sqlite3_bind_text (statement, 2, key, -1, SQLITE_STATIC);
  code = sqlite3_step (statement);
  if (code == SQLITE_ROW)
    value = (const char *)sqlite3_column_text (statement, 0);
  else if (code != SQLITE_DONE) {
    kml_database_read_error (database, code, error);
    return NULL;
  }
  return tidy (value != NULL ? value : "—", MAX_LABEL_CHARS);
}

/* The most characters of each value with which all of them fit: short ones leave more to the others. */
static glong
share_label (const GPtrArray *values)
{
  glong most = MAX_LABEL_CHARS;

  for (; most > MIN_VALUE_CHARS; most--) {
    glong sum = 0;

    for (guint i = 0; i < values->len; i++)
      sum += MIN (g_utf8_strlen (values->pdata[i], -1), most) + (i > 0 ? 2 : 0);
    if (sum <= MAX_LABEL_CHARS)
      break;
  }
  return most;
}

static char *
make_label (KmlDatabase *database, guint64 run_id, const GPtrArray *keys, GError **error)
{
  g_autoptr (GString) label = g_string_new (NULL);
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func (g_free);
  glong most;

  for (guint i = 0; i < keys->len; i++) {
    char *value = value_of (database, run_id, keys->pdata[i], error);

    if (value == NULL)
      return NULL;
    g_ptr_array_add (values, value);
  }
  most = share_label (values);
  for (guint i = 0; i < values->len; i++) {
    g_autofree char *value = tidy (values->pdata[i], most);

    g_string_append_printf (label, "%s%s", i > 0 ? ", " : "", value);
  }
  if (keys->len == 0)
    g_string_printf (label, "run %" G_GUINT64_FORMAT, run_id);
  return g_string_free (g_steal_pointer (&label), FALSE);
}

/* Repetitions have the same settings: their labels get the number of the run. */
static void
tell_apart (GArray *runs)
{
  g_autofree gboolean *is_double = g_new0 (gboolean, runs->len);

  for (guint i = 0; i < runs->len; i++)
    for (guint j = 0; j < runs->len; j++)
      if (i != j && g_str_equal (g_array_index (runs, KmlPlotRun, i).label,
                                 g_array_index (runs, KmlPlotRun, j).label))
        is_double[i] = TRUE;
  for (guint i = 0; i < runs->len; i++) {
    KmlPlotRun *run = &g_array_index (runs, KmlPlotRun, i);

    if (is_double[i]) {
      char *label = g_strdup_printf ("%s (run %" G_GUINT64_FORMAT ")", run->label, run->run_id);

      g_free (run->label);
      run->label = label;
    }
  }
}

static char *
join (const GPtrArray *texts)
{
  g_autoptr (GString) joined = g_string_new (NULL);

  for (guint i = 0; i < texts->len; i++)
    g_string_append_printf (joined, "%s%s", i > 0 ? ", " : "", (char *)texts->pdata[i]);
  return g_string_free (g_steal_pointer (&joined), FALSE);
}

/* ---- Title and caption ---- */

/* "runs 1-3, 7". (transfer full) */
static char *
describe_ids (const GArray *runs)
{
  g_autoptr (GString) text = g_string_new (runs->len == 1 ? "run " : "runs ");

  for (guint i = 0; i < runs->len;) {
    const guint64 first = g_array_index (runs, KmlPlotRun, i).run_id;
    guint64 last = first;

    for (i++; i < runs->len && g_array_index (runs, KmlPlotRun, i).run_id == last + 1; i++)
      last++;
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT,
                            text->str[text->len - 1] == ' ' ? "" : ", ", first);
    if (last > first)
      g_string_append_printf (text, "–%" G_GUINT64_FORMAT, last);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
make_caption (const GPtrArray *scenarios, const KmlPlotSubject *subject, const Choice *choice)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *ids = describe_ids (subject->runs);

  g_string_append_printf (
      text, "%s, %s", scenarios->len == 1 ? (char *)scenarios->pdata[0] : "several scenarios", ids);
  if (subject->runs->len == 1 && subject->varied[0] != '\0')
    g_string_append_printf (text, ": %s = %s", subject->varied,
                            g_array_index (subject->runs, KmlPlotRun, 0).label);
  if (choice->n_candidates > subject->runs->len)
    g_string_append_printf (text, " (of %u; others with --run)", choice->n_candidates);
  if (choice->n_without > 0)
    g_string_append_printf (text, "; without %u that did not record this", choice->n_without);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
name_subject (KmlDatabase *database, KmlPlotSubject *subject, const Choice *choice, GError **error)
{
  g_autoptr (GPtrArray) keys = kml_plot_find_varied (database, subject->runs->len == 1, error);
  g_autoptr (GPtrArray) titles = NULL, scenarios = NULL;

  if (keys == NULL)
    return FALSE;
  for (guint i = 0; i < subject->runs->len; i++) {
    KmlPlotRun *run = &g_array_index (subject->runs, KmlPlotRun, i);

    run->label = make_label (database, run->run_id, keys, error);
    if (run->label == NULL)
      return FALSE;
  }
  tell_apart (subject->runs);
  subject->varied = join (keys);

  titles = ask_column (database,
                       "SELECT DISTINCT iif (title = '', scenario, title) FROM runs JOIN "
                       "temp.chosen USING (run_id) ORDER BY i",
                       0, error);
  scenarios = titles == NULL ? NULL
                             : ask_column (database,
                                           "SELECT DISTINCT scenario FROM runs JOIN temp.chosen "
                                           "USING (run_id) ORDER BY i",
                                           0, error);
  if (scenarios == NULL)
    return FALSE;
  subject->title = g_strdup (titles->len == 1 ? titles->pdata[0] : "");
  subject->caption = make_caption (scenarios, subject, choice);
  return TRUE;
}

gboolean
kml_plot_choose (KmlDatabase *database, const KmlFigure *figure, const KmlPlotOptions *options,
                 KmlPlotSubject *ret_subject, GError **error)
{
  KmlPlotSubject subject = { .runs = g_array_new (FALSE, TRUE, sizeof (KmlPlotRun)) };
  Choice choice = { 0 };

  if (figure->about_study) {
    kml_plot_subject_clear (&subject);
    return kml_plot_choose_study (database, options, ret_subject, error);
  }
  if (check_asked_exist (database, options, error) &&
      choose_runs (database, figure, options, &subject, &choice, error) &&
      check_choice (database, figure, options, &choice, error) &&
      publish_choice (database, &subject, error) &&
      name_subject (database, &subject, &choice, error) &&
      publish_choice (database, &subject, error)) { /* again, with labels */
    *ret_subject = subject;
    return TRUE;
  }
  kml_plot_subject_clear (&subject);
  return FALSE;
}

void
kml_plot_subject_clear (KmlPlotSubject *self)
{
  for (guint i = 0; self->runs != NULL && i < self->runs->len; i++)
    g_free (g_array_index (self->runs, KmlPlotRun, i).label);
  g_clear_pointer (&self->runs, g_array_unref);
  g_clear_pointer (&self->varied, g_free);
  g_clear_pointer (&self->title, g_free);
  g_clear_pointer (&self->caption, g_free);
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
    line = tidy ((const char *)sqlite3_column_text (statement, column), 200);
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
