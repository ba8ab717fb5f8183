/* cmd-reproduce.c: kmemlab reproduce: the schedule of a reproducer, once more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/reproducer.h"
#include "scenarios/exploring/draws.h"
#include "scenarios/exploring/explore.h"

static struct {
  char *output;
  gboolean json, quiet;
} options;

/* What one would type next. */
static void
say_next (const char *path, gboolean is_bug)
{
  g_autofree char *database = options.output != NULL ? kml_shell_word (options.output) : NULL;
  g_autofree char *file = kml_shell_word (path);

  if (is_bug)
    kml_note ("Next: the scenario with a remedy, and kmemlab explore with --find bugs");
  else if (database != NULL)
    kml_note ("Next: kmemlab plot %s waits, who waits for whom (lanes: what they did before); the "
              "scenario with a remedy, and kmemlab explore",
              database);
  else
    kml_note ("Next: kmemlab reproduce %s -o FILE.db, for kmemlab plot FILE.db waits and lanes; "
              "the scenario with a remedy, and kmemlab explore",
              file);
}

static void
say (const KmlReproducer *reproducer, const char *path, const KmlReplayResult *result,
     gboolean same)
{
  if (options.json) {
    JsonBuilder *builder = kml_json_new ("reproduce/1");

    kml_json_text (builder, "scenario", reproducer->scenario);
    kml_json_text (builder, "verdict", same ? "reproduced" : "not reproduced");
    kml_json_text (builder, "kind", result->kind);
    if (result->story != NULL)
      kml_json_text (builder, "story", result->story);
    if (result->fingerprint != NULL)
      kml_json_text (builder, "fingerprint", result->fingerprint);
    if (options.output != NULL)
      kml_json_text (builder, "database", options.output);
    kml_json_print (builder);
    return;
  }
  kml_out ("%s", result->story != NULL ? result->story : "nothing is found in this schedule\n");
  kml_out ("\n%s\n", same ? "reproduced: the fingerprint is the same" : "not reproduced");
  if (!options.quiet)
    say_next (path, result->is_bug);
}

/* The scenario with what was set when it was explored, and @more. NULL after all that is wrong has been said. */
static KmlExperiment *
load (const KmlReproducer *reproducer, const KmlRunOptions *run_options, const char *const *more,
      const char *path, int *ret_status)
{
  KmlExperiment *experiment = kml_experiment_new (reproducer->scenario, run_options, more,
                                                  ret_status);
  g_autoptr (GError) error = NULL;

  if (experiment == NULL) {
    g_set_error (&error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%u: that is why %s cannot be run as it was explored", path,
                 reproducer->scenario_line, reproducer->scenario);
    kml_fail (error);
  }
  return experiment;
}

/* The same schedule as a run with all its rows, in the database that was asked for. */
static gboolean
store (const KmlReproducer *reproducer, const KmlRunOptions *run_options, const char *path,
       int *ret_status)
{
  static const guint64 first = 0;
  const KmlCampaignConfig config = {
    .output = options.output, .n_jobs = 1, .only = &first, .n_only = 1
  };
  g_autofree char *choices = kml_choices_format (reproducer->choices);
  g_autofree char *setting = g_strconcat ("schedule.choices=", choices, NULL);
  const char *const more[] = { "schedule.policy=replay", "schedule.schedules=0", setting, NULL };
  g_autoptr (KmlExperiment) experiment = load (reproducer, run_options, more, path, ret_status);
  g_autoptr (GError) error = NULL;

  if (experiment == NULL)
    return FALSE;
  if (kml_campaign_run (experiment->scenario, &config, &experiment->result, &error) &&
      experiment->result.first_failure != NULL)
    g_set_error (&error, KML_ERROR, (int)experiment->result.first_failure_code, "%s",
                 experiment->result.first_failure);
  if (error == NULL)
    return TRUE;
  *ret_status = kml_fail (error);
  return FALSE;
}

static int
replay (const KmlReproducer *reproducer, const char *path)
{
  g_autofree char *seed = g_strdup_printf ("%" G_GUINT64_FORMAT, reproducer->seed);
  g_autofree char **settings = g_new0 (char *, reproducer->overrides->len + 1);
  const KmlRunOptions run_options = { .settings = settings, .seed = seed, .quiet = TRUE };
  g_autoptr (KmlExperiment) experiment = NULL;
  g_autoptr (KmlRunSpec) spec = NULL;
  g_autoptr (GError) error = NULL;
  KmlReplayResult result;
  gboolean same;
  int status;

  for (guint i = 0; i < reproducer->overrides->len; i++)
    settings[i] = g_ptr_array_index (reproducer->overrides, i);
  experiment = load (reproducer, &run_options, NULL, path, &status);
  if (experiment == NULL)
    return status;
  spec = kml_scenario_run_spec (experiment->scenario, 0);
  if (!g_str_equal (spec->key, reproducer->run)) {
    g_set_error (&error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%u: %s is not, or no longer, the scenario that was explored: its run is %s",
                 path, reproducer->run_line, reproducer->scenario, spec->key);
    return kml_fail (error);
  }
  if (!kml_explore_replay (experiment->scenario, spec, reproducer->choices, &result, &error)) {
    g_prefix_error (&error, "%s:%u: ", path, reproducer->choices_line);
    return kml_fail (error);
  }
  same = g_strcmp0 (result.fingerprint, reproducer->fingerprint) == 0;
  status = same ? KML_EXIT_DONE : KML_EXIT_FOUND;
  if (options.output == NULL || store (reproducer, &run_options, path, &status))
    say (reproducer, path, &result, same);
  kml_replay_result_clear (&result);
  return status;
}

static int
run (char **arguments)
{
  g_autoptr (GError) error = NULL;
  KmlReproducer reproducer;
  int status;

  if (!kml_option_file ("reproduce", options.output, "a database"))
    return KML_EXIT_INPUT;
  if (kml_reproducer_load (&reproducer, arguments[0], &error))
    status = replay (&reproducer, arguments[0]);
  else
    status = kml_fail (error);
  kml_reproducer_clear (&reproducer);
  return status;
}

static const GOptionEntry entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Store the schedule as a run in this database, for kmemlab plot and export", "FILE" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No hints", NULL },
  { NULL },
};

static const KmlCommand reproduce_command = {
  .name = "reproduce",
  .summary = "Replay a reproducer, and tell the story of its deadlock or bug",
  .usage = "FILE [OPTION]…",
  .details = "Exit status 0: the same schedule has the same fingerprint; 1: it has another, or "
             "nothing is found in it; 2: the file or its\n"
             "scenario is wrong, or another version of the program made it.",
  .examples = { "reproduce allocator-pager-none.reproducer",
                "reproduce abba.reproducer -o abba-short.db", "reproduce abba.reproducer --json" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (reproduce_command)
