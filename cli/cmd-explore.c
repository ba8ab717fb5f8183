/* cmd-explore.c: kmemlab explore: hunts for deadlocks over schedules.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every run of the scenario is explored in turn, until one deadlocks. What is said in the end is one of three things, and the last two are
 * never mixed: there is a deadlock (and here is how to see it again), there is none in any schedule, or none was found in the
 * time that was given.
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/reproducer.h"
#include "cli/stop.h"
#include "scenarios/potential.h"
#include "simcore/lockdep.h"
#include "simcore/units.h"

static struct {
  char **settings;
  char *seed;
  char *budget;
  char *output;
  gboolean json, quiet;
} options;

typedef struct {
  guint64 schedules; /* 0: no end */
  gint64 deadline;   /* of the monotonic clock; 0: none */
  gint64 start;
} Budget;

static gboolean
read_budget (Budget *ret_budget)
{
  KmlTime time;

  *ret_budget = (Budget){ .start = g_get_monotonic_time () };
  if (options.budget == NULL)
    return TRUE;
  if (kml_parse_count (options.budget, &ret_budget->schedules, NULL))
    return TRUE;
  if (!kml_parse_time (options.budget, &time, NULL))
    return FALSE;
  ret_budget->deadline = ret_budget->start + (gint64)(time / KML_US);
  return TRUE;
}

static gboolean
is_over (guint64 n_schedules, gpointer data)
{
  const Budget *budget = data;

  return kml_stop_exit () != KML_EXIT_DONE ||
         (budget->deadline != 0 && g_get_monotonic_time () >= budget->deadline);
}

static char *
reproducer_path (const char *scenario)
{
  g_autofree char *base = g_path_get_basename (scenario);
  char *dot = g_strrstr (base, ".");

  if (options.output != NULL)
    return g_strdup (options.output);
  if (dot != NULL)
    *dot = '\0';
  return g_strconcat (base, ".reproducer", NULL);
}

/* -s settings, and what the sweep has set in this run. (transfer full) */
static GPtrArray *
overrides_of (const KmlExperiment *experiment, const KmlRunSpec *spec)
{
  GPtrArray *overrides = g_ptr_array_new_with_free_func (g_free);
  const char *const *axes = kml_scenario_axes (experiment->scenario);

  for (guint i = 0; options.settings != NULL && options.settings[i] != NULL; i++)
    g_ptr_array_add (overrides, g_strdup (options.settings[i]));
  for (guint i = 0; axes[i] != NULL; i++)
    if (kml_run_spec_get (spec, axes[i]) != NULL)
      g_ptr_array_add (overrides,
                       g_strdup_printf ("%s=%s", axes[i], kml_run_spec_get (spec, axes[i])));
  return overrides;
}

static gboolean
save (const KmlExperiment *experiment, const KmlRunSpec *spec, const KmlExploreResult *result,
      const char *path, GError **error)
{
  g_autoptr (GPtrArray) overrides = overrides_of (experiment, spec);
  const KmlReproducer reproducer = {
    .version = (char *)KML_VERSION,
    .scenario = experiment->path,
    .fingerprint = result->fingerprint,
    .overrides = overrides,
    .seed = spec->seed,
    .choices = result->choices,
  };

  return kml_reproducer_save (&reproducer, path, error);
}

/* What the order of locks in one run warns of. */
static void
say_potentials (const GArray *potentials)
{
  static const char *const words[] = {
    [KML_POTENTIAL_REFUTED] = "a false alarm: no schedule of this scenario deadlocks",
    [KML_POTENTIAL_OPEN] = "open: it was not seen to happen, and not all schedules were tried",
    [KML_POTENTIAL_CONFIRMED] = "confirmed: a schedule deadlocks there",
  };

  if (potentials->len > 0)
    kml_out ("\npotential deadlocks, by the order and context of locks:\n");
  for (guint i = 0; i < potentials->len; i++) {
    const KmlPotential *potential = &g_array_index (potentials, KmlPotential, i);
    g_autofree char *classes = kml_printable (potential->classes);

    kml_out ("  %s (%s): %s\n", classes, kml_lockdep_kind_names[potential->kind],
             words[potential->fate]);
  }
}

static void
say (const KmlExploreResult *result, const GArray *potentials, double wall, const char *path)
{
  kml_out ("%s: %" G_GUINT64_FORMAT " schedules, %" G_GUINT64_FORMAT
           " pruned, at most %" G_GUINT64_FORMAT " choices, %.2f s\n",
           result->verdict == KML_EXPLORE_DEADLOCK    ? "deadlock found"
           : result->verdict == KML_EXPLORE_EXHAUSTED ? "none: the space is exhausted"
                                                      : "none within the budget",
           result->n_schedules, result->n_pruned, result->longest, wall);
  if (result->story != NULL)
    kml_out ("\n%s", result->story);
  say_potentials (potentials);
  if (path != NULL && !options.quiet)
    kml_note ("Next: kmemlab reproduce %s", path);
  else if (result->verdict == KML_EXPLORE_BUDGET && !options.quiet)
    kml_note ("Next: the same command with a larger --budget");
}

static void
add_potentials_json (JsonBuilder *builder, const GArray *potentials)
{
  kml_json_begin_array (builder, "potential");
  for (guint i = 0; i < potentials->len; i++) {
    const KmlPotential *potential = &g_array_index (potentials, KmlPotential, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "kind", kml_lockdep_kind_names[potential->kind]);
    kml_json_text (builder, "classes", potential->classes);
    kml_json_text (builder, "fate", kml_potential_fates[potential->fate]);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
say_json (const KmlExploreResult *result, const GArray *potentials, double wall, const char *path)
{
  JsonBuilder *builder = kml_json_new ("explore/1");

  kml_json_text (builder, "verdict", kml_explore_verdicts[result->verdict]);
  kml_json_count (builder, "schedules", result->n_schedules);
  kml_json_count (builder, "pruned", result->n_pruned);
  json_builder_set_member_name (builder, "wall_s");
  json_builder_add_double_value (builder, wall);
  if (path != NULL)
    kml_json_text (builder, "reproducer", path);
  if (result->story != NULL)
    kml_json_text (builder, "story", result->story);
  add_potentials_json (builder, potentials);
  kml_json_print (builder);
}

static int
exit_of_verdict (KmlExploreVerdict verdict)
{
  switch (verdict) {
  case KML_EXPLORE_DEADLOCK:
    return KML_EXIT_FOUND;
  case KML_EXPLORE_EXHAUSTED:
    return KML_EXIT_DONE;
  case KML_EXPLORE_BUDGET:
    return KML_EXIT_STOPPED;
  }
  g_assert_not_reached ();
}

/* One run after the other; counts add up. */
static gboolean
explore (const KmlExperiment *experiment, Budget *budget, KmlExploreResult *total,
         GArray *potentials, char **ret_path, GError **error)
{
  for (guint64 i = 0; i < kml_scenario_n_runs (experiment->scenario); i++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (experiment->scenario, i);
    const KmlExploreConfig config = { budget->schedules, is_over, budget };
    KmlExploreResult result;

    if (!kml_explore (experiment->scenario, spec, &config, &result, error))
      return FALSE;
    if (!kml_potentials_judge (potentials, experiment->scenario, spec, result.verdict,
                               result.choices, error)) {
      kml_explore_result_clear (&result);
      return FALSE;
    }
    result.n_schedules += total->n_schedules;
    result.n_pruned += total->n_pruned;
    result.longest = MAX (result.longest, total->longest);
    if (result.verdict == KML_EXPLORE_EXHAUSTED && total->verdict == KML_EXPLORE_BUDGET)
      result.verdict = KML_EXPLORE_BUDGET;
    kml_explore_result_clear (total);
    *total = result;
    if (result.verdict == KML_EXPLORE_DEADLOCK) {
      *ret_path = reproducer_path (experiment->path);
      return save (experiment, spec, total, *ret_path, error);
    }
  }
  return TRUE;
}

static int
run (char **arguments)
{
  const KmlRunOptions run_options = { .settings = options.settings,
                                      .seed = options.seed,
                                      .quiet = TRUE };
  g_autoptr (KmlExperiment) experiment = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GArray) potentials = kml_potentials_new ();
  KmlExploreResult result = { .verdict = KML_EXPLORE_EXHAUSTED };
  Budget budget;
  double wall;
  int status;

  if (!read_budget (&budget))
    return kml_usage_error ("explore",
                            "--budget: expected schedules (100000) or a time (10s), not “%s”",
                            options.budget);
  if (!kml_run_options_check (&run_options, "explore"))
    return KML_EXIT_INPUT;
  experiment = kml_experiment_new (arguments[0], &run_options, NULL, &status);
  if (experiment == NULL)
    return status;
  kml_stop_install ();
  if (!explore (experiment, &budget, &result, potentials, &path, &error)) {
    kml_explore_result_clear (&result);
    return kml_fail (error);
  }
  wall = (double)(g_get_monotonic_time () - budget.start) / G_USEC_PER_SEC;
  if (options.json)
    say_json (&result, potentials, wall, path);
  else
    say (&result, potentials, wall, path);
  status = exit_of_verdict (result.verdict);
  kml_explore_result_clear (&result);
  return kml_stop_exit () != KML_EXIT_DONE ? kml_stop_exit () : status;
}

static const GOptionEntry entries[] = {
  { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.settings,
    "Override a setting of the scenario (repeatable)", "GROUP.KEY=VALUE" },
  { "seed", 0, 0, G_OPTION_ARG_STRING, &options.seed, "Begin all randomness here", "N" },
  { "budget", 0, 0, G_OPTION_ARG_STRING, &options.budget,
    "Stop after so many schedules, or after a time", "N|TIME" },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Where the reproducer goes (default: SCENARIO.reproducer, in this folder)", "FILE" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No hints", NULL },
  { NULL },
};

static const KmlCommand explore_command = {
  .name = "explore",
  .summary = "hunt for deadlocks over all schedules of a scenario with tasks",
  .usage = "SCENARIO",
  .details = "At every point where several CPUs could go on, each of them is tried, once for each "
             "class of schedules that\n"
             "differ only in the order of steps that do not touch the same. A deadlock or a stall "
             "ends the search; its schedule goes into\n"
             "a reproducer. Exit status 1: a deadlock was found; 0: there is none, in any "
             "schedule; 75: none within the budget.",
  .examples = { "explore scenarios/deadlock/allocator-pager-none.ini",
                "explore scenarios/deadlock/allocator-pager-both.ini --budget 10s --json" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (explore_command)
