/* plot-runs.c: which runs a picture is of, and how they are called.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs are called by what tells them apart: the settings in which they differ.
 * The names of those settings become the title of the legend and their values its
 * entries, so a sweep over objects.bins has a legend "objects.bins" with the entries "linux",
 * "pow2", and nobody must look up what run 3 was.
 *
 * Where there are more runs than a picture has room for, each value of what varies is shown, and repetitions are left out, as many of each.
 *
 * Queries see the chosen runs as the table chosen (i, run_id, label), i = 1, 2, …
 */

#include "analysis/database-private.h"
#include "analysis/plot-private.h"

/* So many characters, and the number of a run behind them, leave room for two columns of labels beside each other in a picture of the usual size. One column of twelve
 * would take half of it. A value that had to be cut is still to be known. */
#define MAX_LABEL_CHARS 28
#define MIN_VALUE_CHARS 5

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

/* ---- Repetitions ---- */

static void
add_repetition (KmlPlotRun *run, guint64 run_id)
{
  if (run->others == NULL)
    run->others = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_array_append_val (run->others, run_id);
}

static guint
n_repetitions (const KmlPlotRun *run)
{
  return 1 + (run->others != NULL ? run->others->len : 0);
}

static guint64
repetition_id (const KmlPlotRun *run, guint i)
{
  return i == 0 ? run->run_id : g_array_index (run->others, guint64, i - 1);
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

/* A run that has the data. */
typedef struct {
  guint64 run_id;
  guint settings;   /* number of its settings, from 0: repetitions have the same */
  guint repetition; /* from 0, of those with the data */
} Candidate;

/* What was found while choosing. */
typedef struct {
  GArray *candidates; /* (element-type Candidate): by run_id */
  guint n_settings;   /* different ones of the candidates */
  guint n_shown;      /* candidates that are in the picture */
  guint n_without;    /* runs without the data */
  guint64 first_without;
} Choice;

const char *
kml_plot_metric (const KmlFigure *figure, const KmlPlotOptions *options)
{
  return options->metric != NULL ? options->metric : figure->metric;
}

static gboolean
find_candidates (KmlDatabase *database, const KmlFigure *figure, const KmlPlotOptions *options,
                 Choice *choice, GError **error)
{
  g_autofree char *sql = g_strdup_printf (
      "SELECT r.run_id, %s FROM runs r WHERE r.status = 'done' ORDER BY r.run_id", figure->needs);
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (database, sql, error);
  int code, metric;

  if (statement == NULL)
    return FALSE;
  metric = sqlite3_bind_parameter_index (statement, ":metric");
  if (metric > 0)
    sqlite3_bind_text (statement, metric, kml_plot_metric (figure, options), -1, SQLITE_STATIC);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    const Candidate candidate = {
      .run_id = (guint64)sqlite3_column_int64 (statement, 0),
      .settings = choice->n_settings,
    };

    if (!is_asked_for (options, candidate.run_id))
      continue;
    if (sqlite3_column_int (statement, 1)) {
      g_array_append_val (choice->candidates, candidate);
      choice->n_settings++;
    } else if (choice->n_without++ == 0) {
      choice->first_without = candidate.run_id;
    }
  }
  return code == SQLITE_DONE || kml_database_fail (database, code, "cannot be read", error);
}

/* Gives those with the same settings the same number. */
static gboolean
find_repetitions (KmlDatabase *database, Choice *choice, GError **error)
{
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GArray) counts = g_array_new (FALSE, TRUE, sizeof (guint)); /* of each settings */

  for (guint i = 0; i < choice->candidates->len; i++) {
    Candidate *candidate = &g_array_index (choice->candidates, Candidate, i);
    g_autoptr (GPtrArray) texts = ask_column (
        database,
        "SELECT scenario || coalesce ((SELECT group_concat (char (10) || key || '=' || value) "
        "FROM (SELECT key, value FROM params p WHERE p.run_id = r.run_id AND key != '" KML_PLOT_SEED
        "' "
        "ORDER BY key)), '') "
        "FROM runs r WHERE run_id = ?",
        (gint64)candidate->run_id, error);
    gpointer number;

    if (texts == NULL)
      return FALSE;
    if (!g_hash_table_lookup_extended (known, texts->pdata[0], NULL, &number)) {
      number = GUINT_TO_POINTER (counts->len);
      g_hash_table_insert (known, g_strdup (texts->pdata[0]), number);
      g_array_set_size (counts, counts->len + 1);
    }
    candidate->settings = GPOINTER_TO_UINT (number);
    candidate->repetition = g_array_index (counts, guint, candidate->settings)++;
  }
  choice->n_settings = counts->len;
  return TRUE;
}

/* Up to the limit of @figure: all settings are shown equally often. */
static void
take_candidates (const KmlFigure *figure, Choice *choice, KmlPlotSubject *subject)
{
  const guint each = choice->n_settings > 0 ? MAX (figure->max_runs / choice->n_settings, 1) : 0;

  for (guint i = 0; i < choice->candidates->len; i++) {
    const Candidate *candidate = &g_array_index (choice->candidates, Candidate, i);
    const KmlPlotRun run = { .run_id = candidate->run_id };

    if (figure->repetitions != NULL && candidate->repetition > 0) {
      if (candidate->settings >= subject->runs->len)
        continue;
      add_repetition (&g_array_index (subject->runs, KmlPlotRun, candidate->settings),
                      candidate->run_id);
    } else if (candidate->repetition < each && subject->runs->len < figure->max_runs) {
      g_array_append_val (subject->runs, run);
    } else {
      continue;
    }
    choice->n_shown++;
  }
}

/* Fills subject->runs with the runs that have what @figure needs, up to its limit. */
static gboolean
choose_runs (KmlDatabase *database, const KmlFigure *figure, const KmlPlotOptions *options,
             KmlPlotSubject *subject, Choice *choice, GError **error)
{
  if (!find_candidates (database, figure, options, choice, error))
    return FALSE;
  if (figure->max_runs > 1 &&
      (figure->repetitions != NULL || choice->candidates->len > figure->max_runs) &&
      !find_repetitions (database, choice, error))
    return FALSE;
  take_candidates (figure, choice, subject);
  return TRUE;
}

static gboolean
check_choice (KmlDatabase *database, const KmlFigure *figure, const KmlPlotOptions *options,
              const Choice *choice, GError **error)
{
  if (choice->n_without > 0 && (options->n_runs > 0 || choice->candidates->len == 0))
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: run %" G_GUINT64_FORMAT " %s",
                 database->path, choice->first_without, figure->missing);
  else if (choice->candidates->len == 0)
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
                          "(i INTEGER NOT NULL, run_id INTEGER PRIMARY KEY, label TEXT)",
                          error))
    return FALSE;
  statement = kml_database_prepare (database, "INSERT INTO temp.chosen VALUES (?, ?, ?)", error);
  for (guint i = 0; statement != NULL && i < subject->runs->len; i++) {
    const KmlPlotRun *run = &g_array_index (subject->runs, KmlPlotRun, i);

    sqlite3_bind_int (statement, 1, (int)i + 1);
    sqlite3_bind_text (statement, 3, run->label, -1, SQLITE_STATIC);
    for (guint j = 0; j < n_repetitions (run); j++) {
      sqlite3_bind_int64 (statement, 2, (sqlite3_int64)repetition_id (run, j));
      if (!kml_database_run (database, statement, error))
        return FALSE;
    }
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
  return kml_plot_tidy (value != NULL ? value : "—", MAX_LABEL_CHARS);
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
    g_autofree char *value = kml_plot_tidy (values->pdata[i], most);

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

static gint
compare_ids (gconstpointer a, gconstpointer b)
{
  const guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;

  return x < y ? -1 : x > y;
}

/* Of all runs in the picture, ascending. (transfer full) (element-type guint64) */
static GArray *
collect_ids (const GArray *runs)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (guint64));

  for (guint i = 0; i < runs->len; i++) {
    const KmlPlotRun *run = &g_array_index (runs, KmlPlotRun, i);

    for (guint j = 0; j < n_repetitions (run); j++) {
      const guint64 id = repetition_id (run, j);

      g_array_append_val (ids, id);
    }
  }
  g_array_sort (ids, compare_ids);
  return ids;
}

/* "runs 1-3, 7". (transfer full) */
static char *
describe_ids (const GArray *runs)
{
  g_autoptr (GArray) ids = collect_ids (runs);
  g_autoptr (GString) text = g_string_new (ids->len == 1 ? "run " : "runs ");

  for (guint i = 0; i < ids->len;) {
    const guint64 first = g_array_index (ids, guint64, i);
    guint64 last = first;

    for (i++; i < ids->len && g_array_index (ids, guint64, i) == last + 1; i++)
      last++;
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT,
                            text->str[text->len - 1] == ' ' ? "" : ", ", first);
    if (last > first)
      g_string_append_printf (text, "–%" G_GUINT64_FORMAT, last);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
make_caption (const GPtrArray *scenarios, const KmlFigure *figure, const KmlPlotSubject *subject,
              const Choice *choice)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *ids = describe_ids (subject->runs);

  g_string_append_printf (
      text, "%s, %s", scenarios->len == 1 ? (char *)scenarios->pdata[0] : "several scenarios", ids);
  if (subject->runs->len == 1 && subject->varied[0] != '\0')
    g_string_append_printf (text, ": %s = %s", subject->varied,
                            g_array_index (subject->runs, KmlPlotRun, 0).label);
  if (choice->candidates->len > choice->n_shown)
    g_string_append_printf (text, " (of %u; others with --run)", choice->candidates->len);
  if (choice->n_shown > subject->runs->len)
    g_string_append_printf (text, "; %s", figure->repetitions);
  if (choice->n_without > 0)
    g_string_append_printf (text, "; without %u that did not record this", choice->n_without);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
name_subject (KmlDatabase *database, const KmlFigure *figure, KmlPlotSubject *subject,
              const Choice *choice, GError **error)
{
  g_autoptr (GPtrArray) keys = kml_plot_find_varied (database, subject->runs->len == 1,
                                                     figure->repetitions != NULL, error);
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
  subject->caption = make_caption (scenarios, figure, subject, choice);
  return TRUE;
}

gboolean
kml_plot_choose (KmlDatabase *database, const KmlFigure *figure, const KmlPlotOptions *options,
                 KmlPlotSubject *ret_subject, GError **error)
{
  KmlPlotSubject subject = { .runs = g_array_new (FALSE, TRUE, sizeof (KmlPlotRun)) };
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  Choice choice = { .candidates = candidates };

  if (figure->about_study) {
    kml_plot_subject_clear (&subject);
    return kml_plot_choose_study (database, options, ret_subject, error);
  }
  if (check_asked_exist (database, options, error) &&
      choose_runs (database, figure, options, &subject, &choice, error) &&
      check_choice (database, figure, options, &choice, error) &&
      publish_choice (database, &subject, error) &&
      name_subject (database, figure, &subject, &choice, error) &&
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
  for (guint i = 0; self->runs != NULL && i < self->runs->len; i++) {
    KmlPlotRun *run = &g_array_index (self->runs, KmlPlotRun, i);

    g_clear_pointer (&run->others, g_array_unref);
    g_free (run->label);
  }
  g_clear_pointer (&self->runs, g_array_unref);
  g_clear_pointer (&self->varied, g_free);
  g_clear_pointer (&self->title, g_free);
  g_clear_pointer (&self->caption, g_free);
}
