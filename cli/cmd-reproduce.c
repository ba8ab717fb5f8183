/* cmd-reproduce.c: kmemlab reproduce: the schedule of a reproducer, once more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/reproducer.h"
#include "scenarios/explore.h"

static struct {
  gboolean json, quiet;
} options;

static void
say (const KmlReproducer *reproducer, const KmlReplayResult *result, gboolean same)
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
    kml_json_print (builder);
    return;
  }
  kml_out ("%s", result->story != NULL ? result->story : "this schedule does not deadlock\n");
  kml_out ("\n%s\n", same ? "reproduced: the fingerprint is the same" : "not reproduced");
  if (!options.quiet)
    kml_note ("Next: the scenario with a remedy, and kmemlab explore");
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
  experiment = kml_experiment_new (reproducer->scenario, &run_options, NULL, &status);
  if (experiment == NULL) {
    g_set_error (&error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%u: that is why %s cannot be run as it was explored", path,
                 reproducer->scenario_line, reproducer->scenario);
    kml_fail (error);
    return status;
  }
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
  say (reproducer, &result, same);
  kml_replay_result_clear (&result);
  return same ? KML_EXIT_DONE : KML_EXIT_FOUND;
}

static int
run (char **arguments)
{
  g_autoptr (GError) error = NULL;
  KmlReproducer reproducer;
  int status;

  if (kml_reproducer_load (&reproducer, arguments[0], &error))
    status = replay (&reproducer, arguments[0]);
  else
    status = kml_fail (error);
  kml_reproducer_clear (&reproducer);
  return status;
}

static const GOptionEntry entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No hints", NULL },
  { NULL },
};

static const KmlCommand reproduce_command = {
  .name = "reproduce",
  .summary = "replay a reproducer, and tell the story of its deadlock",
  .usage = "FILE",
  .details = "Exit status 0: the same schedule has the same fingerprint; 1: it has another, or "
             "does not deadlock; 2: the file or its\n"
             "scenario is wrong, or another version of the program made it.",
  .examples = { "reproduce allocator-pager-none.reproducer", "reproduce abba.reproducer --json" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (reproduce_command)
