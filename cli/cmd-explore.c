/* cmd-explore.c: kmemlab explore: hunts for deadlocks and bugs over schedules.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every run of the scenario is explored in turn, until one fails. What is said in the end is one of three things, and the last two are
 * never mixed: there is a schedule with what is sought (and here is how to see it again), there is none in any schedule, or none was found in the
 * time that was given. A search that was stopped leaves a file behind, from which the same command goes on.
 */

#include "cli/experiment.h"
#include "cli/explore-report.h"
#include "cli/explore-state.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/reproducer.h"
#include "cli/stop.h"
#include "scenarios/exploring/minimise.h"
#include "scenarios/exploring/potential.h"
#include "simcore/base/units.h"

#include <errno.h>
#include <unistd.h>

#define MAX_JOBS 1024

static struct {
  char **settings;
  char *seed;
  char *run;
  char *find, *search, *preemptions, *budget, *jobs;
  char *output, *state;
  gboolean no_minimise, afresh;
  gboolean json, quiet;
} options;

typedef struct {
  KmlSearch search;
  guint64 n_jobs;
  guint64 first, end;     /* of the scenario's runs, those that are explored: [first, end) */
  guint64 schedules;      /* of the budget; 0: no end */
  KmlTime time;           /* of the budget; 0: no end */
  gint64 start, deadline; /* of the monotonic clock; 0: none */
  guint64 n_done;         /* schedules of runs before this one, by this command */
  guint64 n_at_first;     /* schedules of this run, by commands before this one */
} Hunt;

/* ---- Options ---- */

static gboolean
read_search (KmlSearch *ret_search)
{
  const char *text = options.search != NULL ? options.search : "exhaustive";
  guint64 depth = 3;

  *ret_search = (KmlSearch){ .preemptions = KML_ANY_PREEMPTIONS };
  if (g_str_equal (text, "exhaustive"))
    ret_search->kind = KML_SEARCH_EXHAUSTIVE;
  else if (g_str_equal (text, "random"))
    ret_search->kind = KML_SEARCH_RANDOM;
  else if (g_str_has_prefix (text, "pct") &&
           (text[3] == '\0' || (text[3] == ':' && kml_parse_count (text + 4, &depth, NULL))) &&
           depth >= 1 && depth <= 16)
    ret_search->kind = KML_SEARCH_PCT;
  else {
    kml_usage_error ("explore",
                     "--search: expected exhaustive, random, pct or pct:DEPTH (1 to 16), not “%s”",
                     text);
    return FALSE;
  }
  ret_search->depth = (guint)depth;
  if (options.preemptions == NULL)
    return TRUE;
  if (ret_search->kind != KML_SEARCH_EXHAUSTIVE) {
    kml_usage_error ("explore", "--preemptions bounds the exhaustive search, not --search %s",
                     text);
    return FALSE;
  }
  return kml_option_count ("explore", "--preemptions", options.preemptions, 0, G_MAXINT32,
                           &ret_search->preemptions);
}

static gboolean
read_budget (Hunt *hunt)
{
  if (options.budget == NULL && hunt->search.kind != KML_SEARCH_EXHAUSTIVE) {
    kml_usage_error ("explore", "--search %s has no end: say --budget, such as 100000 or 10s",
                     options.search);
    return FALSE;
  }
  if (options.budget == NULL)
    return TRUE;
  if ((kml_parse_count (options.budget, &hunt->schedules, NULL) && hunt->schedules > 0) ||
      (kml_parse_time (options.budget, &hunt->time, NULL) && hunt->time > 0))
    return TRUE;
  kml_usage_error ("explore", "--budget: expected schedules (100000) or a time (10s), not “%s”",
                   options.budget);
  return FALSE;
}

static gboolean
read_options (Hunt *hunt)
{
  *hunt = (Hunt){ .start = g_get_monotonic_time (), .n_jobs = g_get_num_processors () };
  return read_search (&hunt->search) && read_budget (hunt) &&
         (options.jobs == NULL ||
          kml_option_count ("explore", "--jobs", options.jobs, 1, MAX_JOBS, &hunt->n_jobs));
}

/* What a search is for: one that is another does not go on from where this one stopped. (transfer full) */
static char *
search_text (const KmlSearch *search)
{
  switch (search->kind) {
  case KML_SEARCH_RANDOM:
    return g_strdup ("random");
  case KML_SEARCH_PCT:
    return g_strdup_printf ("pct:%u", search->depth);
  case KML_SEARCH_EXHAUSTIVE:
    break;
  }
  return search->preemptions == KML_ANY_PREEMPTIONS
             ? g_strdup ("exhaustive")
             : g_strdup_printf ("exhaustive, preemptions %" G_GUINT64_FORMAT, search->preemptions);
}

/* ---- Files ---- */

/* The scenario's name with another ending, in this folder. (transfer full) */
static char *
file_beside (const char *scenario, const char *ending, const char *wanted)
{
  g_autofree char *base = g_path_get_basename (scenario);
  char *dot = g_strrstr (base, ".");

  if (wanted != NULL)
    return g_strdup (wanted);
  if (dot != NULL)
    *dot = '\0';
  return g_strconcat (base, ending, NULL);
}

/* --find as a setting, which a reproducer repeats. (transfer full) */
static char *
find_setting (void)
{
  return g_strconcat ("schedule.find=", options.find, NULL);
}

/* -s settings, --find, and what the sweep has set in this run. (transfer full) */
static GPtrArray *
overrides_of (const KmlExperiment *experiment, const KmlRunSpec *spec)
{
  GPtrArray *overrides = g_ptr_array_new_with_free_func (g_free);
  const char *const *axes = kml_scenario_axes (experiment->scenario);

  for (guint i = 0; options.settings != NULL && options.settings[i] != NULL; i++)
    g_ptr_array_add (overrides, g_strdup (options.settings[i]));
  if (options.find != NULL)
    g_ptr_array_add (overrides, find_setting ());
  for (guint i = 0; axes[i] != NULL; i++)
    if (kml_run_spec_get (spec, axes[i]) != NULL)
      g_ptr_array_add (overrides,
                       g_strdup_printf ("%s=%s", axes[i], kml_run_spec_get (spec, axes[i])));
  return overrides;
}

/* Its schedule made short, told, and written down. */
static gboolean
keep (const KmlExperiment *experiment, const KmlRunSpec *spec, GArray *choices,
      KmlExploreReport *report, GError **error)
{
  g_autoptr (GPtrArray) overrides = overrides_of (experiment, spec);
  KmlReproducer reproducer = {
    .version = (char *)KML_VERSION,
    .scenario = experiment->path,
    .run = spec->key,
    .overrides = overrides,
    .seed = spec->seed,
    .choices = choices,
  };
  KmlReplayResult replay;
  gboolean good;

  if ((!options.no_minimise &&
       !kml_minimise (experiment->scenario, spec, choices, &report->minimised, error)) ||
      !kml_explore_replay (experiment->scenario, spec, choices, &replay, error))
    return FALSE;
  report->reproducer = file_beside (experiment->path, ".reproducer", options.output);
  report->kind = replay.kind;
  report->is_bug = replay.is_bug;
  report->story = g_steal_pointer (&replay.story);
  reproducer.fingerprint = replay.fingerprint;
  good = kml_reproducer_save (&reproducer, report->reproducer, error);
  kml_replay_result_clear (&replay);
  return good;
}

/* ---- Exploring ---- */

static gboolean
is_over (gpointer data)
{
  const Hunt *hunt = data;

  return kml_stop_exit () != KML_EXIT_DONE ||
         (hunt->deadline != 0 && g_get_monotonic_time () >= hunt->deadline);
}

static void
show_progress (const KmlExploreState *state, gpointer data)
{
  const Hunt *hunt = data;
  const double seconds = (double)(g_get_monotonic_time () - hunt->start) / G_USEC_PER_SEC;
  const guint64 n = hunt->n_done + state->n_schedules - hunt->n_at_first;

  kml_progress_show_text ("%" G_GUINT64_FORMAT " schedules  %.0f/s  %" G_GUINT64_FORMAT " pruned",
                          n, seconds > 0 ? (double)n / seconds : 0, state->n_pruned);
}

/* What one of @n_left runs may have of the budget: all that is left where it ends by itself, a fair share where it does not. */
static void
share_budget (Hunt *hunt, guint64 n_left, KmlExploreConfig *config, const KmlExploreState *state)
{
  const gint64 now = g_get_monotonic_time (), end = hunt->start + (gint64)(hunt->time / KML_US);
  const guint64 parts = hunt->search.kind == KML_SEARCH_EXHAUSTIVE ? 1 : n_left;

  if (hunt->schedules > 0)
    config->budget = state->n_schedules +
                     MAX ((hunt->schedules - MIN (hunt->schedules, hunt->n_done)) / parts, 1);
  if (hunt->time > 0)
    hunt->deadline = now + MAX (end - now, 0) / (gint64)parts;
}

/* The next run; behind the last one, by chance, the first again: numbers of schedules that any run has had are not used again. */
static void
go_to_next_run (const KmlExploreReport *report, const Hunt *hunt, KmlExploreStop *stop)
{
  const guint64 next = MAX (stop->next_round, stop->state.next);
  const KmlUnsought unsought = stop->state.unsought;

  stop->n_schedules_before = report->n_schedules;
  stop->n_blocked_before = report->n_blocked;
  stop->n_pruned_before = report->n_pruned;
  kml_explore_state_clear (&stop->state);
  kml_explore_state_init (&stop->state);
  stop->state.unsought = unsought; /* of all runs so far */
  stop->index++;
  stop->state.next = stop->round;
  stop->next_round = next;
  if (stop->index == hunt->end) {
    stop->index = hunt->first;
    stop->state.next = stop->round = next;
  }
}

static void
count (const KmlExploreStop *stop, KmlExploreReport *report)
{
  report->n_schedules = stop->n_schedules_before + stop->state.n_schedules;
  report->n_blocked = stop->n_blocked_before + stop->state.n_blocked;
  report->n_pruned = stop->n_pruned_before + stop->state.n_pruned;
  report->longest = MAX (report->longest, stop->state.longest);
  report->unsought = stop->state.unsought;
}

/* From where @stop says on; afterwards it says where to go on. */
static gboolean
explore_runs (const KmlExperiment *experiment, Hunt *hunt, KmlExploreStop *stop,
              KmlExploreReport *report, GError **error)
{
  for (guint64 i = stop->index; i < hunt->end; i++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (experiment->scenario, i);
    KmlExploreConfig config = { .search = hunt->search,
                                .n_jobs = (guint)hunt->n_jobs,
                                .stop = is_over,
                                .progress = show_progress,
                                .data = hunt };
    KmlExploreVerdict verdict;

    if (hunt->schedules > 0 && hunt->n_done >= hunt->schedules) {
      report->verdict = KML_EXPLORE_BUDGET;
      return TRUE;
    }
    hunt->n_at_first = stop->state.n_schedules;
    share_budget (hunt, hunt->end - i, &config, &stop->state);
    if (!kml_explore (experiment->scenario, spec, &config, &stop->state, &verdict, error) ||
        !kml_potentials_judge (report->potentials, experiment->scenario, spec, verdict,
                               stop->state.place.choices, error))
      return FALSE;
    hunt->n_done += stop->state.n_schedules - hunt->n_at_first;
    count (stop, report);
    if (verdict != KML_EXPLORE_EXHAUSTED)
      report->verdict = verdict;
    if (verdict == KML_EXPLORE_BUDGET && hunt->search.kind == KML_SEARCH_EXHAUSTIVE &&
        report->endless == NULL)
      report->endless = kml_explore_endless_key (spec);
    if (verdict == KML_EXPLORE_FOUND && i + 1 < hunt->end)
      report->next_run = i + 2;
    if (verdict == KML_EXPLORE_FOUND)
      return keep (experiment, spec, stop->state.place.choices, report, error);
    if (kml_stop_exit () != KML_EXIT_DONE ||
        (hunt->search.kind == KML_SEARCH_EXHAUSTIVE && !stop->state.is_finished))
      return TRUE;
    go_to_next_run (report, hunt, stop);
  }
  report->is_finished = hunt->search.kind == KML_SEARCH_EXHAUSTIVE;
  report->is_bounded = hunt->search.preemptions != KML_ANY_PREEMPTIONS;
  return TRUE;
}

/* ---- Going on ---- */

/* All that has to be the same: what is looked for, and in what. (transfer full) */
static char *
identity (const KmlExperiment *experiment, const Hunt *hunt)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *text = search_text (&hunt->search);

  for (guint64 i = hunt->first; i < hunt->end; i++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (experiment->scenario, i);

    g_checksum_update (checksum, (const guchar *)spec->key, -1);
  }
  return g_strdup_printf ("%s of %.32s", text, g_checksum_get_string (checksum));
}

/* What an earlier command has left. FALSE: it is wrong. */
static gboolean
go_on (KmlExploreStop *stop, const char *path, const char *search, GError **error)
{
  if (options.afresh || !g_file_test (path, G_FILE_TEST_EXISTS)) {
    stop->search = g_strdup (search);
    return TRUE;
  }
  if (!kml_explore_stop_load (stop, path, error)) {
    g_prefix_error (error,
                    "cannot go on with a search that was stopped (--afresh begins a new one): ");
    return FALSE;
  }
  if (g_str_equal (stop->search, search)) {
    if (!options.quiet)
      kml_note ("Going on from %s, behind %" G_GUINT64_FORMAT " schedules; --afresh begins anew",
                path, stop->n_schedules_before + stop->state.n_schedules);
    return TRUE;
  }
  if (!options.quiet)
    kml_note ("%s is of another search, and makes room for this one", path);
  kml_explore_stop_clear (stop);
  kml_explore_stop_init (stop);
  stop->search = g_strdup (search);
  return TRUE;
}

/* There is a file as long as there is more to look at. */
static gboolean
leave (const KmlExploreStop *stop, const KmlExploreReport *report, const char *path, GError **error)
{
  if (report->verdict == KML_EXPLORE_BUDGET && !report->is_finished)
    return kml_explore_stop_save (stop, path, error);
  if (unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: %s", path, g_strerror (errno));
  return FALSE;
}

static int
exit_of_verdict (KmlExploreVerdict verdict)
{
  switch (verdict) {
  case KML_EXPLORE_FOUND:
    return KML_EXIT_FOUND;
  case KML_EXPLORE_EXHAUSTED:
    return KML_EXIT_DONE;
  case KML_EXPLORE_BUDGET:
    return KML_EXIT_STOPPED;
  }
  g_assert_not_reached ();
}

/* ---- The command ---- */

static gboolean
hunt_down (const KmlExperiment *experiment, Hunt *hunt, const char *state_path,
           KmlExploreReport *report, GError **error)
{
  g_autofree char *search = identity (experiment, hunt);
  KmlExploreStop stop;
  gboolean good;

  kml_explore_stop_init (&stop);
  kml_progress_begin (experiment->path);
  good = go_on (&stop, state_path, search, error);
  stop.index = MAX (stop.index, hunt->first);
  good = good && explore_runs (experiment, hunt, &stop, report, error) &&
         leave (&stop, report, state_path, error);
  kml_progress_end ();
  kml_explore_stop_clear (&stop);
  return good;
}

static int
explore (const KmlExperiment *experiment, Hunt *hunt)
{
  g_autofree char *state_path = file_beside (experiment->path, ".search", options.state);
  g_autoptr (GError) error = NULL;
  KmlExploreReport report;
  double wall;
  int status;

  kml_explore_report_init (&report);
  if (!hunt_down (experiment, hunt, state_path, &report, &error)) {
    kml_explore_report_clear (&report);
    return kml_fail (error);
  }
  wall = (double)(g_get_monotonic_time () - hunt->start) / G_USEC_PER_SEC;
  if (options.json)
    kml_explore_report_say_json (&report, wall);
  else
    kml_explore_report_say (&report, wall, state_path, options.quiet);
  status = exit_of_verdict (report.verdict);
  kml_explore_report_clear (&report);
  return kml_stop_exit () != KML_EXIT_DONE ? kml_stop_exit () : status;
}

/* All runs of the scenario, or the one that is asked for. */
static gboolean
choose_runs (const KmlExperiment *experiment, Hunt *hunt)
{
  const guint64 n_runs = kml_scenario_n_runs (experiment->scenario);

  hunt->first = 0;
  hunt->end = n_runs;
  if (options.run == NULL)
    return TRUE;
  if (!kml_option_count ("explore", "--run", options.run, 1, n_runs, &hunt->end))
    return FALSE;
  hunt->first = hunt->end - 1;
  return TRUE;
}

static int
run (char **arguments)
{
  const KmlRunOptions run_options = {
    .settings = options.settings, .seed = options.seed, .more_option = "--find", .quiet = TRUE
  };
  g_autofree char *find = options.find != NULL ? find_setting () : NULL;
  const char *const more[] = { find, NULL };
  g_autoptr (KmlExperiment) experiment = NULL;
  Hunt hunt;
  int status;

  if (!read_options (&hunt) || !kml_run_options_check (&run_options, "explore"))
    return KML_EXIT_INPUT;
  experiment = kml_experiment_new (arguments[0], &run_options, more, &status);
  if (experiment == NULL)
    return status;
  if (!choose_runs (experiment, &hunt))
    return KML_EXIT_INPUT;
  kml_stop_install ();
  return explore (experiment, &hunt);
}

static const GOptionEntry entries[] = {
  KML_SETTING_OPTIONS (options),
  { "run", 0, 0, G_OPTION_ARG_STRING, &options.run,
    "Only this run of a scenario with a sweep (default: each, until one fails)", "N" },
  { "find", 0, 0, G_OPTION_ARG_STRING, &options.find,
    "What to look for (default: deadlocks); kinds of bugs such as bug.double_free, too",
    "deadlocks|bugs|all" },
  { "search", 0, 0, G_OPTION_ARG_STRING, &options.search,
    "exhaustive (default), random, or pct[:DEPTH]", "KIND" },
  { "preemptions", 0, 0, G_OPTION_ARG_STRING, &options.preemptions,
    "Only schedules with at most so many preemptions; these are not reduced", "N" },
  { "budget", 0, 0, G_OPTION_ARG_STRING, &options.budget,
    "Stop after so many schedules, or after a time", "N|TIME" },
  { "jobs", 'j', 0, G_OPTION_ARG_STRING, &options.jobs,
    "Processes that look at the same time (default: one per processor)", "N" },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Where the reproducer goes (default: SCENARIO.reproducer, in this folder)", "FILE" },
  { "state", 0, 0, G_OPTION_ARG_FILENAME, &options.state,
    "From where a search goes on that was stopped (default: SCENARIO.search, in this folder)",
    "FILE" },
  { "afresh", 0, 0, G_OPTION_ARG_NONE, &options.afresh, "Begin anew", NULL },
  { "no-minimise", 0, 0, G_OPTION_ARG_NONE, &options.no_minimise,
    "Keep the schedule as it was found", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No hints", NULL },
  { NULL },
};

static const KmlCommand explore_command = {
  .name = "explore",
  .summary = "Hunt for deadlocks and bugs over all schedules of a scenario with tasks",
  .usage = "SCENARIO [OPTION]…",
  .details = "At every point where several CPUs could go on, each of them is tried, once for each "
             "class of schedules that\n"
             "differ only in the order of steps that do not touch the same; or schedules are drawn "
             "(--search). A deadlock or a stall,\n"
             "or with --find a bug such as a block that is given back twice, ends the search; its "
             "schedule is made as short as it\n"
             "can be and goes into a reproducer. A search that is stopped goes on with the same "
             "command. Exit status 1: it was\n"
             "found; 0: it is not there, in any schedule; 75: it was not found within the budget.",
  .examples = { "explore scenarios/deadlock/allocator-pager-none.ini",
                "explore scenarios/deadlock/allocator-pager-both.ini --budget 10s --json",
                "explore scenarios/deadlock/abba.ini --find all --search pct:2 --budget 10000" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (explore_command)
