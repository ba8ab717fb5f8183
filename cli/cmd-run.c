/* cmd-run.c: kmemlab run: executes scenarios.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/dkw.h"
#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/shown-metrics.h"
#include "cli/stop.h"
#include "cli/stories.h"
#include "cli/table.h"
#include "scenarios/campaigns/stored.h"
#include "simcore/tasks/scheduler.h"

#include <math.h>

/* A table of more rows is no table for people; the database has them all. */
#define MAX_ROWS 500

static struct {
  KmlRunOptions common;
  char *metrics;
  gboolean list, dry_run;
} options;

/* ---- What was measured ---- */

static void
add_columns (const KmlExperiment *self, KmlTable *table, const char *const *metrics,
             gboolean has_repetitions)
{
  const char *const *axes = kml_scenario_axes (self->scenario);

  kml_table_add_column (table, "run", KML_ALIGN_RIGHT);
  for (guint i = 0; axes[i] != NULL; i++)
    kml_table_add_column (table, axes[i], KML_ALIGN_LEFT);
  if (has_repetitions)
    kml_table_add_column (table, "seed", KML_ALIGN_RIGHT);
  for (guint i = 0; metrics[i] != NULL; i++)
    kml_table_add_column (table, metrics[i], KML_ALIGN_RIGHT);
  kml_table_add_column (table, "", KML_ALIGN_LEFT);
}

static void
add_row (const KmlExperiment *self, const KmlResult *result, KmlTable *table,
         const char *const *metrics, gboolean has_repetitions)
{
  const char *const *axes = kml_scenario_axes (self->scenario);
  g_autoptr (GArray) verdicts = kml_experiment_verdicts (self, result);
  const gboolean is_done = g_strcmp0 (result->status, "done") == 0;
  const guint n_unmet = is_done ? kml_verdicts_n_unmet (verdicts) : 0;

  kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, result->run_id));
  for (guint i = 0; axes[i] != NULL; i++) {
    const char *value = kml_result_setting (result, axes[i]);

    kml_table_add_cell (table, g_strdup (value != NULL ? value : "-"));
  }
  if (has_repetitions)
    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, result->seed));
  for (guint i = 0; metrics[i] != NULL; i++) {
    const KmlResultMetric *metric = kml_result_metric (result, metrics[i]);

    kml_table_add_cell (table, metric != NULL ? kml_format_metric (metric->value, metric->unit)
                                              : g_strdup ("-"));
  }
  if (!is_done)
    kml_table_add_styled_cell (table, g_strdup (result->status), KML_STYLE_BAD);
  else if (n_unmet > 0)
    kml_table_add_styled_cell (table, g_strdup_printf ("%u not as expected", n_unmet),
                               KML_STYLE_BAD);
  else
    kml_table_add_cell (table, g_strdup (""));
}

/* Repetitions are the innermost of the loops, so the last run is one if there are any. */
static gboolean
has_repetitions (const KmlScenario *scenario)
{
  g_autoptr (KmlRunSpec)
      last = kml_scenario_run_spec (scenario, kml_scenario_n_runs (scenario) - 1);

  return last->repetition > 0;
}

static void
print_table (const KmlExperiment *self, const GPtrArray *results, const char *const *metrics)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  const gboolean repeated = has_repetitions (self->scenario);
  g_autofree char *title = kml_printable (kml_scenario_title (self->scenario));

  if (results->len == 0)
    return;
  if (title[0] != '\0')
    kml_out ("%s%s%s\n\n", kml_style_begin (stdout, KML_STYLE_HEADER), title,
             kml_style_end (stdout, KML_STYLE_HEADER));
  add_columns (self, table, metrics, repeated);
  for (guint i = 0; i < MIN (results->len, MAX_ROWS); i++)
    add_row (self, g_ptr_array_index (results, i), table, metrics, repeated);
  kml_table_print (table);
  if (results->len > MAX_ROWS)
    kml_out ("… and %u more: SELECT * FROM v_summary\n", results->len - MAX_ROWS);
  kml_out ("\n");
}

/* Whether any run has a story, of a deadlock or the like: there are pictures of it. */
static gboolean
have_a_story (const GPtrArray *results)
{
  for (guint i = 0; i < results->len; i++)
    for (guint kind = KML_INCIDENT_DEADLOCK; kind <= KML_INCIDENT_INVERSION; kind++) {
      const KmlResultMetric *metric = kml_result_metric (g_ptr_array_index (results, i),
                                                         kml_incident_metrics[kind]);

      if (metric != NULL && metric->value > 0)
        return TRUE;
    }
  return FALSE;
}

/* What one would type next. @stuck (nullable): has runs that got nowhere. */
static void
show_next (const KmlExperiment *last, const KmlExperiment *stuck)
{
  g_autofree char *database = kml_shell_word (last->database);
  g_autofree char *scenario = NULL;

  if (stuck == NULL) {
    kml_note ("Next: kmemlab plot %s internal", database);
    return;
  }
  scenario = kml_shell_word (stuck->path);
  kml_note ("Next: kmemlab plot %s waits, who waits for whom (lanes: what they did before); "
            "kmemlab explore %s, the shortest way there",
            database, scenario);
}

/* FALSE: nobody has what --metrics asks for. */
static gboolean
tell (const KmlExperiment *self, const GPtrArray *results)
{
  g_auto (GStrv) metrics = kml_shown_metrics (options.metrics, self->scenario, results);

  if (options.metrics != NULL &&
      !kml_shown_metrics_check ((const char *const *)metrics, results, "run"))
    return FALSE;
  print_table (self, results, (const char *const *)metrics);
  kml_stories_print (self->database, results);
  return TRUE;
}

static int
show (GPtrArray *experiments, int status)
{
  JsonBuilder *builder = options.common.json ? kml_json_new ("run/1") : NULL;
  const KmlExperiment *last = g_ptr_array_index (experiments, experiments->len - 1);
  const KmlExperiment *stuck = NULL;
  gboolean have_results = FALSE;

  if (builder != NULL) {
    kml_json_text (builder, "database", last->database);
    kml_json_begin_array (builder, "runs");
  }
  for (guint i = 0; i < experiments->len; i++) {
    const KmlExperiment *experiment = g_ptr_array_index (experiments, i);
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) results = kml_experiment_results (experiment, &error);

    if (results == NULL) {
      status = kml_worse_exit (status, kml_fail (error));
      continue;
    }
    for (guint j = 0; builder != NULL && j < results->len; j++)
      kml_experiment_add_json (experiment, g_ptr_array_index (results, j), builder);
    if (builder == NULL && !tell (experiment, results))
      status = kml_worse_exit (status, KML_EXIT_INPUT);
    kml_experiment_print_unmet (experiment, results);
    kml_experiment_print_summary (experiment);
    have_results = have_results || results->len > 0;
    if (stuck == NULL && have_a_story (results))
      stuck = experiment;
  }
  if (builder != NULL) {
    json_builder_end_array (builder);
    kml_json_print (builder);
  } else if (have_results && !options.common.quiet) {
    show_next (last, stuck);
  }
  return status;
}

/* ---- What would be run ---- */

static void
add_spec_json (const KmlExperiment *self, const KmlRunSpec *spec, JsonBuilder *builder)
{
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "scenario", kml_scenario_name (self->scenario));
  kml_json_count (builder, "index", spec->index);
  kml_json_count (builder, "seed", spec->seed);
  kml_json_text (builder, "run_key", spec->key);
  kml_json_begin_object (builder, "params");
  for (guint i = 0; i < spec->settings->len; i++) {
    const KmlSetting *setting = g_ptr_array_index (spec->settings, i);

    kml_json_text (builder, setting->key, setting->value);
  }
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

static void
print_specs (const KmlExperiment *self)
{
  const char *const *axes = kml_scenario_axes (self->scenario);
  g_autoptr (KmlTable) table = kml_table_new ();

  kml_table_add_column (table, "index", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "key", KML_ALIGN_LEFT);
  kml_table_add_column (table, "seed", KML_ALIGN_RIGHT);
  for (guint i = 0; axes[i] != NULL; i++)
    kml_table_add_column (table, axes[i], KML_ALIGN_LEFT);
  for (guint64 index = 0; index < kml_scenario_n_runs (self->scenario); index++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (self->scenario, index);

    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, index));
    kml_table_add_cell (table, g_strdup (spec->key));
    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, spec->seed));
    for (guint i = 0; axes[i] != NULL; i++) {
      const char *value = kml_run_spec_get (spec, axes[i]);

      kml_table_add_cell (table, g_strdup (value != NULL ? value : "-"));
    }
  }
  kml_table_print (table);
}

static int
list_runs (const GPtrArray *experiments)
{
  JsonBuilder *builder = options.common.json ? kml_json_new ("run-list/1") : NULL;

  if (builder != NULL)
    kml_json_begin_array (builder, "runs");
  for (guint i = 0; i < experiments->len; i++) {
    const KmlExperiment *self = g_ptr_array_index (experiments, i);

    if (builder == NULL)
      print_specs (self);
    for (guint64 j = 0; builder != NULL && j < kml_scenario_n_runs (self->scenario); j++) {
      g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (self->scenario, j);

      add_spec_json (self, spec, builder);
    }
  }
  if (builder != NULL) {
    json_builder_end_array (builder);
    kml_json_print (builder);
  }
  return KML_EXIT_DONE;
}

/* How many of the runs the database has already. */
static gboolean
count_stored (const KmlExperiment *self, guint64 *ret_n, GError **error)
{
  g_autoptr (KmlDatabase) database = NULL;
  g_autoptr (GHashTable) stored = NULL;
  g_autoptr (KmlRunKeys) keys = NULL;

  *ret_n = 0;
  if (!g_file_test (self->database, G_FILE_TEST_EXISTS))
    return TRUE;
  database = kml_database_open (self->database, error);
  stored = database != NULL ? kml_stored_done_keys (database, error) : NULL;
  if (stored == NULL)
    return FALSE;
  keys = kml_run_keys_new (self->scenario);
  for (guint64 i = 0; i < kml_scenario_n_runs (self->scenario); i++) {
    char key[KML_RUN_KEY_LENGTH + 1];

    kml_run_keys_get (keys, i, key);
    *ret_n += g_hash_table_contains (stored, key);
  }
  return TRUE;
}

/* What so many draws from the distribution of a metric will tell of it. */
static void
print_precision (guint64 n_repetitions)
{
  if (n_repetitions < 2)
    return;
  kml_out ("With %" G_GUINT64_FORMAT
           " repetitions the distribution of a metric over seeds is known to "
           "± %.3g, with 95 %% confidence; ± 0.1 takes %" G_GUINT64_FORMAT
           ", ± 0.05 %" G_GUINT64_FORMAT ".\n",
           n_repetitions, kml_dkw_band (n_repetitions, 0.95), kml_dkw_draws (0.1, 0.95),
           kml_dkw_draws (0.05, 0.95));
}

static int
dry_run (const GPtrArray *experiments)
{
  JsonBuilder *builder = options.common.json ? kml_json_new ("dry-run/1") : NULL;
  int status = KML_EXIT_DONE;

  if (builder != NULL)
    kml_json_begin_array (builder, "scenarios");
  for (guint i = 0; i < experiments->len; i++) {
    const KmlExperiment *self = g_ptr_array_index (experiments, i);
    const guint64 n_runs = kml_scenario_n_runs (self->scenario);
    g_autoptr (GError) error = NULL;
    guint64 n_stored;

    if (!count_stored (self, &n_stored, &error)) {
      status = kml_worse_exit (status, kml_fail (error));
      continue;
    }
    if (builder == NULL) {
      kml_out ("%s: %" G_GUINT64_FORMAT " runs into %s, %" G_GUINT64_FORMAT " of them are there\n",
               self->path, n_runs, self->database, n_stored);
      print_precision (kml_scenario_n_repetitions (self->scenario));
      continue;
    }
    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "scenario", self->path);
    kml_json_text (builder, "database", self->database);
    kml_json_count (builder, "runs", n_runs);
    kml_json_count (builder, "stored", n_stored);
    kml_json_count (builder, "repetitions", kml_scenario_n_repetitions (self->scenario));
    json_builder_end_object (builder);
  }
  if (builder != NULL) {
    json_builder_end_array (builder);
    kml_json_print (builder);
  } else if (status == KML_EXIT_DONE && !options.common.quiet)
    kml_note ("Next: the same command without --dry-run");
  return status;
}

/* ---- The command ---- */

static int
run (char **arguments)
{
  g_autoptr (GPtrArray)
      experiments = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_experiment_free);
  int status = KML_EXIT_DONE;

  if (!kml_run_options_check (&options.common, "run") ||
      !kml_shown_metrics_are_known (options.metrics, "run"))
    return KML_EXIT_INPUT;
  /* all mistakes in all scenarios first: nothing is run until there are none */
  for (guint i = 0; arguments[i] != NULL; i++) {
    int load_status;
    KmlExperiment *experiment = kml_experiment_new (arguments[i], &options.common, NULL,
                                                    &load_status);

    if (experiment == NULL)
      status = kml_worse_exit (status, load_status);
    else
      g_ptr_array_add (experiments, experiment);
  }
  if (status != KML_EXIT_DONE)
    return status;
  if (options.list)
    return list_runs (experiments);
  if (options.dry_run)
    return dry_run (experiments);

  for (guint i = 0; i < experiments->len; i++) {
    if (kml_stop_exit () != KML_EXIT_DONE) {
      kml_note ("Stopped before the next scenario; the same command goes on.");
      status = kml_worse_exit (status, kml_stop_exit ());
      break;
    }
    status = kml_worse_exit (status, kml_experiment_run (g_ptr_array_index (experiments, i)));
  }
  return show (experiments, status);
}

static const GOptionEntry entries[] = {
  KML_METRICS_OPTION (options.metrics, "What the table shows"),
  KML_RUN_OPTIONS (options.common),
  { "list", 0, 0, G_OPTION_ARG_NONE, &options.list, "Only list the runs and what they vary", NULL },
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &options.dry_run,
    "Only check the scenarios and count the runs", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "run",
  .summary = "Execute scenarios and store what was measured",
  .usage = "SCENARIO… [OPTION]…",
  .details = "Runs that the database has already are not executed again, so the same command goes\n"
             "on after it was stopped. Exit status 1: an [expect] of the scenario did not hold.",
  .examples = { "run scenarios/bins/which-bins.ini -o bins.db",
                "run bins.ini -s machine.ram=1GiB --seed 7 --json" },
  .options = entries,
  .min_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
