/* cmd-ablate.c: kmemlab ablate: which remedies does it take?
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An ablation takes remedies away one by one and in all combinations, and counts failures. On a real machine a run takes minutes and there are
 * seven of each; here there are thousands, under the same schedules for every combination, and an interval says what the counts are
 * worth.
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "scenarios/exploring/sample.h"
#include "analysis/binomial.h"

#define CONFIDENCE    0.95
#define STOP_INTERVAL 256 /* schedules after which a request to stop is looked at */

static struct {
  char **settings, **vary;
  char *seed, *schedules;
  gboolean json, quiet;
} options;

typedef struct {
  KmlRunSpec *spec; /* (owned) */
  KmlSample sample;
  double low, high; /* of the probability */
} Row;

static void
clear_row (gpointer data)
{
  kml_run_spec_free (((Row *)data)->spec);
}

/* ---- Counting ---- */

typedef struct {
  guint64 n_done, n_all;
} Progress;

static gboolean
is_over (gpointer data)
{
  Progress *progress = data;

  if (progress->n_done++ % STOP_INTERVAL == 0)
    kml_progress_show_share ((double)progress->n_done / (double)progress->n_all, NULL);
  return kml_stop_exit () != KML_EXIT_DONE;
}

static gboolean
count (const KmlExperiment *experiment, guint64 n_schedules, GArray *rows, GError **error)
{
  const guint64 n_runs = kml_scenario_n_runs (experiment->scenario);
  Progress progress = { 0, n_runs * n_schedules };
  const KmlSampleHow how = {
    .search.kind = KML_SEARCH_RANDOM, .n = n_schedules, .stop = is_over, .data = &progress
  };

  for (guint64 i = 0; i < n_runs && kml_stop_exit () == KML_EXIT_DONE; i++) {
    Row row = { .spec = kml_scenario_run_spec (experiment->scenario, i) };
    const gboolean ok = kml_sample_schedules (experiment->scenario, row.spec, &how, &row.sample,
                                              error);

    if (ok && row.sample.n_schedules > 0)
      kml_clopper_pearson (row.sample.n_failed, row.sample.n_schedules, CONFIDENCE, &row.low,
                           &row.high);
    g_array_append_val (rows, row);
    if (!ok)
      return FALSE;
  }
  return TRUE;
}

/* ---- Saying ---- */

static void
say (const KmlExperiment *experiment, const GArray *rows)
{
  const char *const *axes = kml_scenario_axes (experiment->scenario);
  g_autoptr (KmlTable) table = kml_table_new ();
  guint64 n_cut = 0;

  for (guint i = 0; axes[i] != NULL; i++)
    kml_table_add_column (table, axes[i], KML_ALIGN_LEFT);
  kml_table_add_column (table, "failed", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "of", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "share", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "95 % interval", KML_ALIGN_RIGHT);
  for (guint i = 0; i < rows->len; i++) {
    const Row *row = &g_array_index (rows, Row, i);
    const KmlSample *sample = &row->sample;

    for (guint j = 0; axes[j] != NULL; j++)
      kml_table_add_cell (table, g_strdup (kml_run_spec_get (row->spec, axes[j])));
    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, sample->n_failed));
    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, sample->n_schedules));
    kml_table_add_cell (table,
                        g_strdup_printf ("%.2f %%", 100.0 * (double)sample->n_failed /
                                                        (double)MAX (sample->n_schedules, 1)));
    kml_table_add_cell (table,
                        g_strdup_printf ("%.2f to %.2f %%", 100 * row->low, 100 * row->high));
    n_cut += sample->n_cut;
  }
  kml_table_print (table);
  if (n_cut > 0)
    kml_out ("%" G_GUINT64_FORMAT
             " schedules were too long to be looked at to their end; they count as "
             "not failed\n",
             n_cut);
  if (!options.quiet)
    kml_note (
        "Next: kmemlab explore %s, which finds one of the failures, or proves that there is none",
        experiment->path);
}

static void
say_json (const KmlExperiment *experiment, const GArray *rows)
{
  const char *const *axes = kml_scenario_axes (experiment->scenario);
  JsonBuilder *builder = kml_json_new ("ablate/1");

  kml_json_text (builder, "scenario", experiment->path);
  kml_json_number (builder, "confidence", CONFIDENCE);
  kml_json_begin_array (builder, "rows");
  for (guint i = 0; i < rows->len; i++) {
    const Row *row = &g_array_index (rows, Row, i);

    kml_json_begin_object (builder, NULL);
    kml_json_begin_object (builder, "params");
    for (guint j = 0; axes[j] != NULL; j++)
      kml_json_text (builder, axes[j], kml_run_spec_get (row->spec, axes[j]));
    json_builder_end_object (builder);
    kml_json_count (builder, "schedules", row->sample.n_schedules);
    kml_json_count (builder, "failed", row->sample.n_failed);
    kml_json_count (builder, "cut", row->sample.n_cut);
    kml_json_number (builder, "low", row->low);
    kml_json_number (builder, "high", row->high);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  kml_json_print (builder);
}

/* ---- The command ---- */

static int
ablate (const KmlExperiment *experiment, guint64 n_schedules)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_autoptr (GError) error = NULL;
  gboolean ok;

  g_array_set_clear_func (rows, clear_row);
  kml_progress_begin (experiment->path);
  ok = count (experiment, n_schedules, rows, &error);
  kml_progress_end ();
  if (!ok)
    return kml_fail (error);
  if (options.json)
    say_json (experiment, rows);
  else
    say (experiment, rows);
  return kml_stop_exit ();
}

static int
run (char **arguments)
{
  const KmlRunOptions run_options = {
    .settings = options.settings, .seed = options.seed, .more_option = "--vary", .quiet = TRUE
  };
  g_autoptr (KmlExperiment) experiment = NULL;
  g_auto (GStrv) axes = NULL;
  guint64 n_schedules = 1000;
  int status;

  if (!kml_option_count ("ablate", "--schedules", options.schedules, 1, 1000000000, &n_schedules) ||
      !kml_run_options_check (&run_options, "ablate"))
    return KML_EXIT_INPUT;
  axes = kml_experiment_axes ("ablate", options.vary);
  if (axes == NULL)
    return KML_EXIT_INPUT;
  experiment = kml_experiment_new (arguments[0], &run_options, (const char *const *)axes, &status);
  if (experiment == NULL)
    return status;
  kml_stop_install ();
  return ablate (experiment, n_schedules);
}

static const GOptionEntry entries[] = {
  { "vary", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.vary,
    "A remedy, without and with it (repeatable)", "GROUP.KEY=A,B,…" },
  { "schedules", 0, 0, G_OPTION_ARG_STRING, &options.schedules,
    "So many for each combination (default: 1000)", "N" },
  KML_SETTING_OPTIONS (options),
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No hints", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "ablate",
  .summary = "Count how often a scenario with tasks fails with each combination of remedies",
  .usage = "SCENARIO [--vary GROUP.KEY=A,B,…] [OPTION]…",
  .details = "Every run of the scenario's sweep and of --vary is executed under the same random "
             "schedules. A failure is a deadlock, a stall or a livelock;\n"
             "its probability is given with the interval of Clopper and Pearson.",
  .examples = { "ablate scenarios/deadlock/allocator-pager-none.ini --vary "
                "pager.metadata=pageable,pinned --vary pager.pool=0,4",
                "ablate scenarios/deadlock/abba-caches.ini --schedules 100000 --json" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
