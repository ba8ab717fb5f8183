/* cmd-compare.c: kmemlab compare: the same work under each value of a setting.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A comparison is the scenario with one more axis; runs are stored and found
 * again as those of any sweep. What the scenario varies besides makes groups:
 * differences and the best value are told within a group, where nothing but the
 * compared settings differs. Repetitions of a run are one line of a table.
 */

#include "analysis/plot.h"
#include "cli/comparison.h"
#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/shown-metrics.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "simcore/base/units.h"

#include <math.h>
#include <string.h>

static struct {
  KmlRunOptions common;
  char **vary;
  char *metrics;
  gboolean plot;
  char *plot_file;  /* (nullable) */
  char *plot_other; /* (nullable): an argument that GOption took for the file of --plot */
} options;

typedef struct {
  const KmlExperiment *experiment;
  GPtrArray *results; /* (element-type KmlResult): those that are done, of all groups */
  GPtrArray *varied;  /* (element-type utf8) (transfer none): axes that are compared */
  GPtrArray *others;  /* the other axes */
  const char *const *metrics;
} Comparison;

/* ---- The question ---- */

/* Whether --vary names @axis: in full, or "workload.sizes" for "workload.web.sizes". */
static gboolean
is_varied (const char *axis)
{
  const char *last = strrchr (axis, '.');

  for (guint i = 0; options.vary[i] != NULL; i++) {
    g_autofree char *text = g_strndup (options.vary[i], strcspn (options.vary[i], "="));
    const char *key = g_strstrip (text);
    const char *dot = strchr (key, '.');

    if (g_str_equal (key, axis))
      return TRUE;
    if (dot != NULL && last != NULL && g_str_equal (dot, last) &&
        strncmp (key, axis, (gsize)(dot - key + 1)) == 0)
      return TRUE;
  }
  return FALSE;
}

/* ---- Groups ---- */

static gboolean
is_first_of_group (const Comparison *self, guint i)
{
  for (guint j = 0; j < i; j++)
    if (kml_comparison_same (self->others, g_ptr_array_index (self->results, j),
                             g_ptr_array_index (self->results, i)))
      return FALSE;
  return TRUE;
}

/* The lines of the group of @member, of all seeds or of its own. (transfer full) (element-type GPtrArray) */
static GPtrArray *
collect_group (const Comparison *self, const KmlResult *member, gboolean of_all_seeds)
{
  g_autoptr (GPtrArray) runs = g_ptr_array_new ();

  for (guint i = 0; i < self->results->len; i++) {
    KmlResult *run = g_ptr_array_index (self->results, i);

    if (kml_comparison_same (self->others, member, run) &&
        (of_all_seeds || run->seed == member->seed))
      g_ptr_array_add (runs, run);
  }
  return kml_comparison_lines (runs, self->varied);
}

/* The most repetitions that a line has. */
static guint
n_repetitions (const GPtrArray *lines)
{
  guint most = 0;

  for (guint i = 0; i < lines->len; i++) {
    const GPtrArray *line = g_ptr_array_index (lines, i);

    most = MAX (most, line->len);
  }
  return most;
}

/* ---- The table ---- */

/* "-8.9 %", with "± 0.2" where repetitions tell; of the first line how far its own mean may be off. (transfer full) */
static char *
describe_change (const KmlComparedMetric *metric, gboolean is_first)
{
  if (is_first)
    return metric->margin > 0 && metric->value != 0
               ? g_strdup_printf ("± %.1f %%", 100 * metric->margin / fabs (metric->value))
               : g_strdup ("");
  if (isnan (metric->change))
    return g_strdup ("");
  if (metric->is_same)
    return g_strdup ("=");
  return isnan (metric->change_margin)
             ? g_strdup_printf ("%+.1f %%", metric->change)
             : g_strdup_printf ("%+.1f ± %.1f %%", metric->change, metric->change_margin);
}

static void
add_value (KmlTable *table, const GPtrArray *lines, guint line, const char *name)
{
  const KmlComparedMetric metric = kml_comparison_metric (lines, line, name);
  g_autofree char *text = kml_format_metric (metric.value, metric.unit);

  kml_table_add_styled_cell (table, g_strconcat (text, metric.is_best ? " *" : "  ", NULL),
                             metric.is_best ? KML_STYLE_GOOD : KML_STYLE_PLAIN);
  kml_table_add_cell (table, describe_change (&metric, line == 0));
}

static void
print_group (const Comparison *self, const GPtrArray *lines)
{
  g_autoptr (KmlTable) table = kml_table_new ();

  for (guint i = 0; i < self->varied->len; i++)
    kml_table_add_column (table, g_ptr_array_index (self->varied, i), KML_ALIGN_LEFT);
  for (guint i = 0; self->metrics[i] != NULL; i++) {
    kml_table_add_column (table, self->metrics[i], KML_ALIGN_RIGHT);
    kml_table_add_column (table, "", KML_ALIGN_RIGHT);
  }
  for (guint i = 0; i < lines->len; i++) {
    const GPtrArray *line = g_ptr_array_index (lines, i);

    for (guint j = 0; j < self->varied->len; j++) {
      const char *value = kml_result_setting (g_ptr_array_index (line, 0),
                                              g_ptr_array_index (self->varied, j));

      kml_table_add_cell (table, g_strdup (value != NULL ? value : "-"));
    }
    for (guint j = 0; self->metrics[j] != NULL; j++)
      add_value (table, lines, i, self->metrics[j]);
  }
  kml_table_print (table);
}

/* "machine.cpus = 4, machine.ram = 1GiB". (transfer full) */
static char *
describe_settings (const GPtrArray *keys, const KmlResult *result)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < keys->len; i++) {
    const char *key = g_ptr_array_index (keys, i);
    const char *value = kml_result_setting (result, key);

    g_string_append_printf (text, "%s%s = %s", i > 0 ? ", " : "", key, value != NULL ? value : "-");
  }
  return kml_printable (text->str);
}

/* Above the table of a group, where there are several. */
static void
print_group_title (const Comparison *self, const KmlResult *first)
{
  g_autofree char *title = describe_settings (self->others, first);

  kml_out ("%s%s%s\n", kml_style_begin (stdout, KML_STYLE_HEADER), title,
           kml_style_end (stdout, KML_STYLE_HEADER));
}

/* For each value that may differ from the first line's by chance: how many repetitions would tell. */
static void
print_undecided (const Comparison *self, const GPtrArray *lines)
{
  for (guint i = 1; i < lines->len; i++) {
    const KmlResult *result = g_ptr_array_index ((GPtrArray *)g_ptr_array_index (lines, i), 0);
    g_autofree char *settings = describe_settings (self->varied, result);

    for (guint j = 0; self->metrics[j] != NULL; j++) {
      const KmlComparedMetric metric = kml_comparison_metric (lines, i, self->metrics[j]);

      if (metric.needed > 0)
        kml_out ("%s: %s may be that of the first line; about %" G_GUINT64_FORMAT
                 " repetitions would tell\n",
                 settings, self->metrics[j], metric.needed);
    }
  }
}

static void
print_comparison (const Comparison *self)
{
  guint most = 0;

  for (guint i = 0; i < self->results->len; i++) {
    const KmlResult *first = g_ptr_array_index (self->results, i);
    g_autoptr (GPtrArray) lines = NULL;

    if (!is_first_of_group (self, i))
      continue;
    lines = collect_group (self, first, TRUE);
    most = MAX (most, n_repetitions (lines));
    if (self->others->len > 0)
      print_group_title (self, first);
    print_group (self, lines);
    print_undecided (self, lines);
    kml_out ("\n");
  }
  if (most > 0)
    kml_out ("* best; percentages are differences to the first line\n");
  if (most > 1)
    kml_out (
        "Values are means of %u repetitions, differences those of runs with the same seed;\n"
        "± is half of the interval that has the true one with 95 %% confidence (Student's t)\n",
        most);
}

/* ---- JSON ---- */

static void
add_settings_json (JsonBuilder *builder, const char *name, const GPtrArray *keys,
                   const KmlResult *result)
{
  kml_json_begin_object (builder, name);
  for (guint i = 0; i < keys->len; i++) {
    const char *key = g_ptr_array_index (keys, i);

    kml_json_text (builder, key, kml_result_setting (result, key));
  }
  json_builder_end_object (builder);
}

/* A run, held against those with the same seed. */
static void
add_result_json (const Comparison *self, const KmlResult *result, JsonBuilder *builder)
{
  g_autoptr (GPtrArray) lines = collect_group (self, result, FALSE);
  const KmlResult *first = g_ptr_array_index ((GPtrArray *)g_ptr_array_index (lines, 0), 0);
  guint own = 0;

  while (g_ptr_array_index ((GPtrArray *)g_ptr_array_index (lines, own), 0) != result)
    own++;
  kml_json_begin_object (builder, NULL);
  kml_json_count (builder, "run_id", result->run_id);
  kml_json_count (builder, "baseline", first->run_id);
  kml_json_count (builder, "seed", result->seed);
  add_settings_json (builder, "values", self->varied, result);
  kml_json_begin_object (builder, "metrics");
  for (guint i = 0; self->metrics[i] != NULL; i++) {
    const KmlComparedMetric metric = kml_comparison_metric (lines, own, self->metrics[i]);

    kml_json_begin_object (builder, self->metrics[i]);
    kml_json_number (builder, "value", metric.value);
    kml_json_number (builder, "difference_percent", metric.change);
    kml_json_boolean (builder, "best", metric.is_best);
    json_builder_end_object (builder);
  }
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

/* A line of a table: the repetitions of one run. */
static void
add_line_json (const Comparison *self, const GPtrArray *lines, guint i, JsonBuilder *builder)
{
  const GPtrArray *line = g_ptr_array_index (lines, i);

  kml_json_begin_object (builder, NULL);
  add_settings_json (builder, "values", self->varied, g_ptr_array_index (line, 0));
  add_settings_json (builder, "others", self->others, g_ptr_array_index (line, 0));
  kml_json_count (builder, "repetitions", line->len);
  kml_json_begin_object (builder, "metrics");
  for (guint j = 0; self->metrics[j] != NULL; j++) {
    const KmlComparedMetric metric = kml_comparison_metric (lines, i, self->metrics[j]);

    kml_json_begin_object (builder, self->metrics[j]);
    kml_json_number (builder, "mean", metric.value);
    kml_json_number (builder, "margin", metric.margin);
    kml_json_number (builder, "difference_percent", metric.change);
    kml_json_number (builder, "difference_margin_percent", metric.change_margin);
    kml_json_count (builder, "repetitions_needed", metric.needed);
    kml_json_boolean (builder, "best", metric.is_best);
    json_builder_end_object (builder);
  }
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

static void
add_means_json (const Comparison *self, JsonBuilder *builder)
{
  for (guint i = 0; i < self->results->len; i++) {
    g_autoptr (GPtrArray) lines = NULL;

    if (!is_first_of_group (self, i))
      continue;
    lines = collect_group (self, g_ptr_array_index (self->results, i), TRUE);
    for (guint j = 0; j < lines->len; j++)
      add_line_json (self, lines, j, builder);
  }
}

static void
print_json (const Comparison *self)
{
  JsonBuilder *builder = kml_json_new ("compare/1");

  kml_json_text (builder, "database", self->experiment->database);
  kml_json_begin_array (builder, "compared");
  for (guint i = 0; i < self->results->len; i++)
    add_result_json (self, g_ptr_array_index (self->results, i), builder);
  json_builder_end_array (builder);
  kml_json_begin_array (builder, "means");
  add_means_json (self, builder);
  json_builder_end_array (builder);
  kml_json_begin_array (builder, "runs");
  for (guint i = 0; i < self->results->len; i++)
    kml_experiment_add_json (self->experiment, g_ptr_array_index (self->results, i), builder);
  json_builder_end_array (builder);
  kml_json_print (builder);
}

/* ---- The picture ---- */

/* "bins-compare.svg" for bins.db */
static char *
default_plot_file (const char *database)
{
  g_autofree char *name = g_path_get_basename (database);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return g_strconcat (name, "-compare.svg", NULL);
}

static int
draw (const Comparison *self)
{
  g_autofree char *file = options.plot_file != NULL
                              ? g_strdup (options.plot_file)
                              : default_plot_file (self->experiment->database);
  g_autoptr (GArray) run_ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = kml_database_open (self->experiment->database, &error);
  g_autofree char *text = NULL;
  KmlPlotOptions plot = KML_PLOT_OPTIONS_INIT;

  if (database == NULL)
    return kml_fail (error);
  for (guint i = 0; i < self->results->len; i++) {
    const KmlResult *result = g_ptr_array_index (self->results, i);

    g_array_append_val (run_ids, result->run_id);
  }
  plot.runs = (const guint64 *)run_ids->data;
  plot.n_runs = run_ids->len;
  plot.format = g_str_has_suffix (file, ".png")   ? KML_PLOT_PNG
                : g_str_has_suffix (file, ".pdf") ? KML_PLOT_PDF
                                                  : KML_PLOT_SVG;
  plot.output = file;
  plot.stop = kml_stop_install ();
  if (!kml_plot_render (database, "bins", &plot, &text, &error))
    return kml_stop_or_fail (error);
  kml_note ("The picture is in %s.", file);
  return KML_EXIT_DONE;
}

/* --plot may have a file or not. GOption gives it whatever argument comes next, so "--plot
 * scenario.ini" must be told from "--plot bins.svg" here. */
static gboolean
take_plot (const char *name, const char *value, gpointer data, GError **error)
{
  options.plot = TRUE;
  if (value == NULL)
    return TRUE;
  if (g_str_has_suffix (value, ".svg") || g_str_has_suffix (value, ".png") ||
      g_str_has_suffix (value, ".pdf"))
    options.plot_file = g_strdup (value);
  else
    options.plot_other = g_strdup (value);
  return TRUE;
}

/* ---- The command ---- */

static void
sort_axes (Comparison *self)
{
  const char *const *axes = kml_scenario_axes (self->experiment->scenario);

  for (guint i = 0; axes[i] != NULL; i++)
    g_ptr_array_add (is_varied (axes[i]) ? self->varied : self->others, (gpointer)axes[i]);
}

static void
keep_done (GPtrArray *results)
{
  for (guint i = results->len; i-- > 0;) {
    const KmlResult *result = g_ptr_array_index (results, i);

    if (g_strcmp0 (result->status, "done") != 0)
      g_ptr_array_remove_index (results, i);
  }
}

static int
show (Comparison *self, int status)
{
  sort_axes (self);
  keep_done (self->results);
  if (options.metrics != NULL && !kml_shown_metrics_check (self->metrics, self->results, "compare"))
    return KML_EXIT_INPUT;
  if (options.common.json)
    print_json (self);
  else
    print_comparison (self);
  kml_experiment_print_unmet (self->experiment, self->results);
  kml_experiment_print_summary (self->experiment);
  if (options.plot && self->results->len > 0)
    status = kml_worse_exit (status, draw (self));
  else if (!options.common.json && !options.common.quiet && self->results->len > 0) {
    g_autofree char *word = kml_shell_word (self->experiment->database);

    kml_note ("Next: kmemlab plot %s bins", word);
  }
  return status;
}

static int
compare (const char *path, const char *const *axes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlExperiment) experiment = NULL;
  g_autoptr (GPtrArray) results = NULL;
  g_autoptr (GPtrArray) varied = g_ptr_array_new ();
  g_autoptr (GPtrArray) others = g_ptr_array_new ();
  g_auto (GStrv) metrics = NULL;
  Comparison comparison = { .varied = varied, .others = others };
  int status;

  experiment = kml_experiment_new (path, &options.common, axes, &status);
  if (experiment == NULL)
    return status;
  if (!kml_shown_metrics_are_known (options.metrics, "compare"))
    return KML_EXIT_INPUT;
  status = kml_experiment_run (experiment);
  results = kml_experiment_results (experiment, &error);
  if (results == NULL)
    return kml_worse_exit (status, kml_fail (error));
  comparison.experiment = experiment;
  comparison.results = results;
  metrics = kml_shown_metrics (options.metrics, experiment->scenario, results);
  comparison.metrics = (const char *const *)metrics;
  return show (&comparison, status);
}

static int
run (char **arguments)
{
  g_auto (GStrv) axes = NULL;
  const char *path = arguments[0] != NULL ? arguments[0] : options.plot_other;

  if (path == NULL)
    return kml_usage_error ("compare", "an argument is missing: the scenario");
  if (arguments[0] != NULL && options.plot_other != NULL)
    return kml_usage_error ("compare",
                            "--plot: expected a name that ends in .svg, .png or .pdf, not %s",
                            options.plot_other);
  if (options.vary == NULL)
    return kml_usage_error ("compare", "--vary is missing: what to compare");
  if (!kml_run_options_check (&options.common, "compare"))
    return KML_EXIT_INPUT;
  options.common.more_option = "--vary";
  axes = kml_experiment_axes ("compare", options.vary);
  if (axes == NULL)
    return KML_EXIT_INPUT;
  return compare (path, (const char *const *)axes);
}

static const GOptionEntry entries[] = {
  { "vary", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.vary,
    "What to compare (repeatable); values with commas are separated by |", "GROUP.KEY=A,B,…" },
  KML_METRICS_OPTION (options.metrics, "What to compare it by"),
  { "plot", 0, G_OPTION_FLAG_OPTIONAL_ARG | G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK,
    (gpointer)take_plot, "Draw the comparison too, to FILE (.svg, .png or .pdf)", "FILE" },
  KML_RUN_OPTIONS (options.common),
  { NULL },
};

static const KmlCommand command = {
  .name = "compare",
  .summary = "Execute a scenario under each value of a setting and compare",
  .usage = "SCENARIO --vary GROUP.KEY=A,B,… [OPTION]…",
  .examples = { "compare bins.ini --vary 'objects.bins=pow2|linux|8,24,40,64'",
                "compare bins.ini --vary machine.ram=64MiB,1GiB --metrics alloc.failed --plot" },
  .options = entries,
  .details =
      "Repetitions of a run ([sweep] repeat, or -s sweep.repeat=10) are one line: means, and what "
      "may be\n"
      "chance: ± is half of a 95 % interval of the mean difference of runs with the same seed. "
      "Where it\n"
      "has 0 in it, the number of repetitions is said that would tell in four of five cases, if "
      "the mean\n"
      "and the spread of the differences stay as they are.",
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
