/* survey.c: a run that is many schedules.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * How often a scenario fails, and whether it ever can, are measurements like others: they have a sweep, a place in the database, and
 * expectations. So a run can be asked to look at many schedules first:
 *
 *     policy = random, pct   with schedules = N: those with the numbers 0 to N - 1 of its seed; how many failed
 *     policy = explore       all of them, or at most so many, until one fails (explore.h)
 *     find                   what it is to fail (sought.h)
 *
 *     policy = replay        none: the run has the schedule that the setting choices is; so a reproducer's has a database and pictures, too
 *
 * What was seen are the metrics schedules.…; all others, the story, the pictures and the fingerprint are those of one schedule, which is executed
 * last: the first that failed, or else the one that the run would have been without all this.
 */

#include "scenarios/exploring/survey.h"

#include "scenarios/exploring/explore-private.h"
#include "scenarios/running/run-tasks.h"
#include "simcore/base/units.h"

void
kml_survey_clear (KmlSurvey *self)
{
  g_clear_pointer (&self->first, g_array_unref);
}

/* ---- Looking ---- */

typedef struct {
  guint64 n, n_all; /* all: 0: nobody knows */
  void (*progress) (guint64 n_operations, double share, gpointer data);
  gpointer data;
} Watcher;

/* Never: whoever stops a run ends its process. */
static gboolean
watch (gpointer data)
{
  Watcher *self = data;

  self->progress (0, self->n_all > 0 ? (double)self->n / (double)self->n_all : 0, self->data);
  self->n++;
  return FALSE;
}

static guint64
setting (const KmlRunSpec *spec, const char *key)
{
  guint64 value = 0;
  const gboolean good = kml_parse_count (kml_run_spec_get (spec, key), &value, NULL);

  g_assert (good); /* the loader has checked it */
  return value;
}

/* All schedules are to be looked at, so there must be an end of them. */
static gboolean
check_end (const KmlRunSpec *spec, GError **error)
{
  g_autofree char *key = kml_explore_endless_key (spec);

  if (key == NULL)
    return TRUE;
  return kml_refuse (error, key,
                     "that interrupt comes for ever, so policy = explore finds no end of "
                     "schedules: expected 3, say, [schedule] schedules = 10000, or [scenario] "
                     "until");
}

static gboolean
explore (KmlSurvey *self, const KmlScenario *scenario, const KmlRunSpec *spec, guint64 n,
         Watcher *watcher, GError **error)
{
  const KmlExploreConfig config = { .search.preemptions = KML_ANY_PREEMPTIONS,
                                    .budget = n,
                                    .n_jobs = 1,
                                    .stop = watch,
                                    .data = watcher };
  KmlExploreVerdict verdict;
  KmlExploreState state;
  gboolean good;

  kml_explore_state_init (&state);
  good = kml_explore (scenario, spec, &config, &state, &verdict, error);
  if (good) {
    self->sample.n_schedules = state.n_schedules;
    self->sample.n_failed = verdict == KML_EXPLORE_FOUND;
    self->n_pruned = state.n_pruned;
    self->is_exhausted = verdict == KML_EXPLORE_EXHAUSTED;
    if (self->sample.n_failed > 0)
      g_array_append_vals (self->first, state.place.choices->data, state.place.choices->len);
  }
  kml_explore_state_clear (&state);
  return good;
}

/* The run is to have the schedule that the setting choices is, and no other is looked at. */
static gboolean
prepare_replay (KmlSurvey *self, const KmlRunSpec *spec, GError **error)
{
  if (self->is_needed || !kml_run_has_tasks (spec) ||
      !g_str_equal (kml_run_spec_get (spec, "schedule.policy"), "replay"))
    return kml_refuse (error, "schedule.choices",
                       "they are those of one schedule, of a scenario with tasks: expected policy "
                       "= replay, and schedules = 0");
  self->leads = TRUE;
  self->first = g_array_new (FALSE, FALSE, sizeof (guint32));
  return kml_choices_parse (kml_run_spec_get (spec, "schedule.choices"), self->first, error);
}

static gboolean
take (KmlSurvey *self, const KmlScenario *scenario, const KmlRunSpec *spec,
      void (*progress) (guint64 n_operations, double share, gpointer data), gpointer data,
      GError **error)
{
  const char *policy = kml_run_spec_get (spec, "schedule.policy");
  const guint64 n = setting (spec, "schedule.schedules");
  const gboolean is_all = g_str_equal (policy, "explore");
  const gboolean is_replay = g_str_equal (policy, "replay");
  const char *choices = kml_run_spec_get (spec, "schedule.choices");
  Watcher watcher = { 0, n, progress, data };
  KmlSampleHow how = { .n = n, .stop = watch, .data = &watcher };

  self->is_needed = is_all || n > 0;
  if (is_replay || choices[0] != '\0')
    return prepare_replay (self, spec, error);
  if (!self->is_needed)
    return TRUE;
  if (g_str_equal (policy, "timed") || !kml_run_has_tasks (spec))
    return kml_refuse (error, n > 0 ? "schedule.schedules" : "schedule.policy",
                       "there is one schedule to look at: several need tasks, and policy = random, "
                       "pct or explore");
  self->first = g_array_new (FALSE, FALSE, sizeof (guint32));
  if (is_all)
    return (n > 0 || check_end (spec, error)) && explore (self, scenario, spec, n, &watcher, error);
  how.search = (KmlSearch){ .kind = g_str_equal (policy, "pct") ? KML_SEARCH_PCT
                                                                : KML_SEARCH_RANDOM,
                            .depth = (guint)setting (spec, "schedule.depth") };
  how.steps = setting (spec, "schedule.steps");
  how.first = self->first;
  return kml_sample_schedules (scenario, spec, &how, &self->sample, error);
}

gboolean
kml_survey_take (KmlSurvey *self, const KmlScenario *scenario, const KmlRunSpec *spec,
                 void (*progress) (guint64 n_operations, double share, gpointer data),
                 gpointer data, GError **error)
{
  if (take (self, scenario, spec, progress, data, error))
    return TRUE;
  kml_scenario_place_error (scenario, spec, error);
  return FALSE;
}

void
kml_survey_lead (KmlSurvey *self, KmlRun *run)
{
  self->leads |= self->sample.n_failed > 0;
  if (!self->leads)
    return;
  self->replayer = (KmlReplayer){ .choices = self->first };
  kml_run_set_choices (run, kml_replayer_choose, &self->replayer);
}

gboolean
kml_survey_check (const KmlSurvey *self, const KmlScenario *scenario, const KmlRunSpec *spec,
                  GError **error)
{
  if (!self->leads || kml_replayer_check (&self->replayer, error))
    return TRUE;
  kml_blame (error, "schedule.choices");
  kml_scenario_place_error (scenario, spec, error);
  return FALSE;
}

/* ---- Telling ---- */

void
kml_survey_add_metrics (const KmlSurvey *self, GArray *metrics)
{
  const KmlSample *sample = &self->sample;
  const struct {
    const char *name, *unit;
    double value;
  } all[] = {
    { "schedules.count", "schedules", (double)sample->n_schedules },
    { "schedules.failed", "schedules", (double)sample->n_failed },
    { "schedules.failed_share", "ratio",
      (double)sample->n_failed / (double)MAX (sample->n_schedules, 1) },
    { "schedules.cut", "schedules", (double)sample->n_cut },
    { "schedules.pruned", "choices", (double)self->n_pruned },
    { "schedules.exhausted", "1 or 0", self->is_exhausted },
  };

  if (!self->is_needed)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    const KmlMetric metric = { .name = g_strdup (all[i].name),
                               .unit = all[i].unit,
                               .value = all[i].value };

    g_array_append_val (metrics, metric);
  }
  kml_metrics_sort (metrics);
}
