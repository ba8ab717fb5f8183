/* experiment.c: what `run` and `compare` have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/seen.h"
#include "cli/stop.h"
#include "simcore/base/units.h"

#include <string.h>

#define MAX_JOBS 1024

/* ---- Options ---- */

gboolean
kml_option_count (const char *command, const char *option, const char *text, guint64 min,
                  guint64 max, guint64 *ret_value)
{
  g_autoptr (GError) error = NULL;
  guint64 value;

  if (text == NULL)
    return TRUE;
  if (!kml_parse_count (text, &value, &error)) {
    kml_usage_error (command, "%s: %s", option, error->message);
    return FALSE;
  }
  if (value < min || value > max) {
    kml_usage_error (command,
                     "%s: expected a count from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                     ", not %" G_GUINT64_FORMAT,
                     option, min, max, value);
    return FALSE;
  }
  *ret_value = value;
  return TRUE;
}

/* @ret_n_jobs, @ret_max_runs: 0 where nothing was said. */
static gboolean
read_options (const KmlRunOptions *options, const char *command, guint64 *ret_n_jobs,
              guint64 *ret_max_runs)
{
  guint64 seed;

  *ret_n_jobs = 0;
  *ret_max_runs = 0;
  return kml_option_count (command, "--jobs", options->jobs, 1, MAX_JOBS, ret_n_jobs) &&
         kml_option_count (command, "--max-runs", options->max_runs, 1, G_MAXINT64, ret_max_runs) &&
         kml_option_count (command, "--seed", options->seed, 0, G_MAXINT64, &seed);
}

gboolean
kml_option_file (const char *command, const char *output, const char *what)
{
  if (output == NULL || !g_str_equal (output, "-"))
    return TRUE;
  kml_usage_error (
      command,
      "--output: %s cannot go to standard output: expected a file (./- for one of that name)",
      what);
  return FALSE;
}

gboolean
kml_run_options_check (const KmlRunOptions *options, const char *command)
{
  guint64 n_jobs, max_runs;

  if (!kml_option_file (command, options->output, "a database"))
    return FALSE;
  if (!read_options (options, command, &n_jobs, &max_runs))
    return FALSE;
  if (options->check != NULL && !g_str_equal (options->check, "every-event")) {
    g_autofree char *quoted = kml_quote (options->check, -1);

    kml_usage_error (command, "--check: expected every-event, not %s", quoted);
    return FALSE;
  }
  return TRUE;
}

char *
kml_shell_word (const char *text)
{
  const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                      "_@%+=:,./-";

  if (text[0] != '\0' && text[strspn (text, plain)] == '\0')
    return g_strdup (text);
  return g_shell_quote (text);
}

/* ---- Life ---- */

/* "bins.db" for "scenarios/bins.ini" */
static char *
default_database (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return g_strconcat (name, ".db", NULL);
}

static char **
collect_overrides (const KmlRunOptions *options, const char *const *more)
{
  g_autoptr (GPtrArray) overrides = g_ptr_array_new ();

  for (guint i = 0; options->settings != NULL && options->settings[i] != NULL; i++)
    g_ptr_array_add (overrides, g_strdup (options->settings[i]));
  if (options->seed != NULL)
    g_ptr_array_add (overrides, g_strconcat ("scenario.seed=", options->seed, NULL));
  for (guint i = 0; more != NULL && more[i] != NULL; i++)
    g_ptr_array_add (overrides, g_strdup (more[i]));
  g_ptr_array_add (overrides, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&overrides), FALSE);
}

/* What is wrong with an override is told of the option that was typed. They are in the order of collect_overrides(). */
static void
name_options (GPtrArray *problems, const KmlRunOptions *options)
{
  const guint n_settings = options->settings != NULL ? g_strv_length (options->settings) : 0;
  const guint n_seeds = options->seed != NULL ? 1 : 0;

  for (guint i = 0; i < problems->len; i++) {
    KmlProblem *problem = g_ptr_array_index (problems, i);
    const char *option = problem->column > n_settings + n_seeds ? options->more_option
                         : problem->column > n_settings         ? "--seed"
                         : problem->column == n_settings        ? options->last_option
                                                                : NULL;

    if (problem->line > 0 || option == NULL)
      continue;
    g_free (problem->file);
    problem->file = g_strdup (option);
  }
}

/* @text (nullable): the scenario, when @path is no file. */
static KmlExperiment *
new_experiment (const char *path, const char *text, const char *base_dir,
                const KmlRunOptions *options, const char *const *more, int *ret_status)
{
  g_autoptr (KmlExperiment) self = g_new0 (KmlExperiment, 1);
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_auto (GStrv) strings = collect_overrides (options, more);
  g_autofree char *name = g_path_get_basename (path);
  const char *const *overrides = (const char *const *)strings;
  KmlErrorCode code = KML_ERROR_INPUT;

  self->path = g_strdup (path);
  self->options = options;
  self->database = options->output != NULL ? g_strdup (options->output) : default_database (path);
  if (text != NULL)
    self->scenario = kml_scenario_load_text (name, base_dir, NULL, text, strlen (text), overrides,
                                             problems);
  else
    self->scenario = kml_scenario_load (path, overrides, problems, &code);
  if (self->scenario == NULL) {
    name_options (problems, options);
    kml_print_problems (problems);
    *ret_status = kml_exit_of_code (code);
    return NULL;
  }
  return g_steal_pointer (&self);
}

KmlExperiment *
kml_experiment_new (const char *path, const KmlRunOptions *options, const char *const *more,
                    int *ret_status)
{
  return new_experiment (path, NULL, NULL, options, more, ret_status);
}

KmlExperiment *
kml_experiment_new_text (const char *path, const char *text, const char *base_dir,
                         const KmlRunOptions *options, const char *const *more, int *ret_status)
{
  return new_experiment (path, text, base_dir, options, more, ret_status);
}

/* "sweep.objects.bins=pow2 | linux" for "objects.bins=pow2,linux". NULL after the mistake has
 * been said. */
static char *
make_axis (const char *command, const char *text)
{
  const char *equals = strchr (text, '=');
  g_autofree char *key = NULL;
  g_auto (GStrv) values = NULL;
  g_autofree char *list = NULL;

  if (equals == NULL || equals == text || equals[1] == '\0') {
    g_autofree char *quoted = kml_quote (text, -1);

    kml_usage_error (command, "--vary: expected group.key=value,value…, not %s", quoted);
    return NULL;
  }
  key = g_strstrip (g_strndup (text, (gsize)(equals - text)));
  if (strchr (key, '.') == NULL) {
    g_autofree char *quoted = kml_quote (key, -1);

    kml_usage_error (command,
                     "--vary: %s is not the name of a setting: expected group.key, such as "
                     "machine.cpus%s",
                     quoted, g_str_equal (key, "repeat") ? "; -s sweep.repeat=N repeats runs" : "");
    return NULL;
  }
  values = g_strsplit (equals + 1, strchr (equals, '|') != NULL ? "|" : ",", -1);
  for (guint i = 0; values[i] != NULL; i++) {
    g_strstrip (values[i]);
    if (values[i][0] == '\0') {
      kml_usage_error (command, "--vary: a value of %s is empty", key);
      return NULL;
    }
  }
  list = g_strjoinv (" | ", values);
  return g_strdup_printf ("sweep.%s=%s", key, list);
}

/* Two axes of one key: the second would take the place of the first. */
static gboolean
is_named_already (const GPtrArray *axes, const char *axis)
{
  const gsize length = strcspn (axis, "=") + 1;

  for (guint i = 0; i < axes->len; i++)
    if (strncmp (g_ptr_array_index (axes, i), axis, length) == 0)
      return TRUE;
  return FALSE;
}

char **
kml_experiment_axes (const char *command, char **vary)
{
  g_autoptr (GPtrArray) axes = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; vary != NULL && vary[i] != NULL; i++) {
    char *axis = make_axis (command, vary[i]);

    if (axis == NULL)
      return NULL;
    if (is_named_already (axes, axis)) {
      g_autofree char *key = g_strndup (vary[i], strcspn (vary[i], "="));

      g_free (axis);
      kml_usage_error (command, "--vary: there is a %s already: put its values together",
                       g_strstrip (key));
      return NULL;
    }
    g_ptr_array_add (axes, axis);
  }
  g_ptr_array_add (axes, NULL);
  g_ptr_array_set_free_func (axes, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&axes), FALSE);
}

void
kml_experiment_free (KmlExperiment *self)
{
  if (self == NULL)
    return;
  kml_campaign_result_clear (&self->result);
  kml_scenario_free (self->scenario);
  g_free (self->database);
  g_free (self->path);
  g_free (self);
}

/* ---- Running ---- */

static int
judge_failures (const KmlCampaignResult *result)
{
  const guint64 n = result->n_failed + result->n_crashed;
  g_autofree char *message = NULL;

  if (n == 0)
    return KML_EXIT_DONE;
  message = kml_printable (result->first_failure != NULL ? result->first_failure : "");
  kml_error ("%s", message);
  if (n > 1)
    kml_note ("%" G_GUINT64_FORMAT " runs in all did not come to their end: %" G_GUINT64_FORMAT
              " failed, %" G_GUINT64_FORMAT " crashed",
              n, result->n_failed, result->n_crashed);
  if (result->n_crashed > 0) {
    kml_note ("A crash is a bug of kmemlab: please report the message, the scenario and the seed.");
    return KML_EXIT_BUG;
  }
  return kml_exit_of_code ((int)result->first_failure_code);
}

static int
judge_stop (const KmlExperiment *self)
{
  const KmlCampaignResult *result = &self->result;
  const int status = kml_stop_exit ();

  if (!result->stopped)
    return KML_EXIT_DONE;
  if (self->options->thrown_away)
    kml_note ("Stopped: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
              " runs of %s were finished, and nothing is kept without --output.",
              result->n_done, result->n_runs, kml_scenario_name (self->scenario));
  else if (result->n_done > 0)
    kml_note ("Stopped: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
              " runs are finished and kept in %s; the same command goes on.",
              result->n_done, result->n_runs, self->database);
  else
    kml_note ("Stopped before a run was finished; the same command begins again.");
  return status != KML_EXIT_DONE ? status : KML_EXIT_STOPPED;
}

/* For `verify`, which looks for what was read here. */
static void
note_where_inputs_are (const KmlExperiment *self)
{
  g_autoptr (GPtrArray) inputs = kml_scenario_inputs (self->scenario);

  for (guint i = 0; i < inputs->len; i++) {
    const KmlInput *input = g_ptr_array_index (inputs, i);
    g_autofree char *path = kml_scenario_locate (self->scenario, input->file);

    if (input->digest[0] != '\0')
      kml_seen_add (input->digest, path);
  }
}

int
kml_experiment_run (KmlExperiment *self)
{
  KmlCampaignConfig config = {
    .output = self->database,
    .with_timings = self->options->timings,
    .check_every_operation = self->options->check != NULL,
    .progress = kml_progress_show,
    .stop = kml_stop_install (),
  };
  g_autoptr (GError) error = NULL;
  guint64 n_jobs;
  gboolean good;
  int status = KML_EXIT_DONE;

  good = read_options (self->options, "run", &n_jobs, &config.max_runs);
  g_assert (good); /* they have been checked */
  config.n_jobs = (guint)n_jobs;
  if (!self->options->quiet)
    kml_progress_begin (kml_scenario_name (self->scenario));
  good = kml_campaign_run (self->scenario, &config, &self->result, &error);
  kml_progress_end ();
  note_where_inputs_are (self);

  if (!good) {
    status = kml_fail (error);
    if (self->result.n_done > 0 && !self->options->thrown_away)
      kml_note ("%" G_GUINT64_FORMAT " finished runs are kept in %s.", self->result.n_done,
                self->database);
  } else
    status = judge_stop (self);
  status = kml_worse_exit (status, judge_failures (&self->result));
  if (self->result.n_unmet > 0)
    status = kml_worse_exit (status, KML_EXIT_FOUND);
  return status;
}
