/* explore.c: looking for a schedule that deadlocks or stalls, or has a bug.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three searches. All schedules, one of each class of equivalent ones (schedule-tree.c): in the end it is known that there is none.
 * By chance, each choice evenly or as PCT says (chooser.c): quick to find what is not rare, in spaces of any size, and it proves
 * nothing. A run is built once and goes back to its beginning for each schedule (rerun.c).
 *
 * All begins with the schedule in the order of the clock, unless preemptions are bounded: in a space without end nobody would come to it soon.
 * It is the run's own but for ties, and for work that an interrupt cuts there and that is whole here.
 *
 * Choices are those of the scheduler, and what goes wrong (inject.h). What is not explored: times that tasks draw are those of the seed; of timers
 * the earliest rings first, unless interrupts are injected.
 */

#include "scenarios/exploring/explore-private.h"

#include "scenarios/exploring/draws.h"

const char *const kml_explore_verdicts[] = { "deadlock", "none, exhausted", "none within budget" };

/* ---- How far it is ---- */

void
kml_explore_state_init (KmlExploreState *self)
{
  *self = (KmlExploreState){ 0 };
  kml_tree_place_init (&self->place);
}

void
kml_explore_state_clear (KmlExploreState *self)
{
  kml_tree_place_clear (&self->place);
}

void
kml_explore_state_copy (KmlExploreState *self, const KmlExploreState *from)
{
  const KmlTreePlace place = self->place;

  *self = *from;
  self->place = place;
  kml_tree_place_copy (&self->place, &from->place);
}

#define BEGINNING 4000 /* schedules that one process looks at alone */

/* ---- Choices of a schedule, for PCT ---- */

#define N_TRIALS 16

/* The most that a few schedules have. Their changes of priority are then somewhere in every schedule, as long as those are of about one
 * length. */
static gboolean
measure_steps (KmlExploreTask *task, GError **error)
{
  const KmlChooser evenly = { .kind = KML_CHOOSER_RANDOM };
  g_autoptr (KmlDraws)
      draws = kml_draws_new (task->scenario, task->spec, &evenly, G_MAXUINT16, error);

  if (draws == NULL)
    return FALSE;
  for (guint i = 0; i < N_TRIALS; i++) {
    if (!kml_draws_execute (draws, i, error))
      return FALSE;
    task->how.steps = MAX (task->how.steps, kml_draws_choices (draws)->len);
  }
  return TRUE;
}

/* ---- The search ---- */

KmlChooser
kml_explore_chooser (const KmlRunSpec *spec, const KmlSearch *search)
{
  const char *share = kml_run_spec_get (spec, "schedule.inject-share");

  return (KmlChooser){
    .kind = search->kind == KML_SEARCH_PCT ? KML_CHOOSER_PCT : KML_CHOOSER_RANDOM,
    .depth = search->depth,
    .share = share == NULL ? 0 : (guint64)(g_ascii_strtod (share, NULL) * (double)KML_SHARE_ONE),
  };
}

static KmlExploreVerdict
verdict_of (KmlPartEnd end, const KmlExploreState *state)
{
  switch (end) {
  case KML_PART_END_FOUND:
    return KML_EXPLORE_FOUND;
  case KML_PART_END_DONE:
    return state->is_cut ? KML_EXPLORE_BUDGET : KML_EXPLORE_EXHAUSTED;
  case KML_PART_END_OVER:
    return KML_EXPLORE_BUDGET;
  }
  g_assert_not_reached ();
}

static gboolean
explore_alone (const KmlExploreTask *task, KmlExploreState *state, KmlPartEnd *ret_end,
               GError **error)
{
  KmlExplorePart part = { .first = state->next, .last = G_MAXUINT64 };
  gboolean good;

  kml_tree_place_init (&part.place);
  kml_tree_place_copy (&part.place, &state->place);
  good = kml_explore_part (task, &part, state, ret_end, error);
  kml_tree_place_clear (&part.place);
  return good;
}

/* A small search is over before others are at work. */
static gboolean
explore_beginning (const KmlExploreTask *task, KmlExploreState *state, KmlPartEnd *ret_end,
                   gboolean *ret_is_over, GError **error)
{
  KmlExploreConfig config = *task->config;
  const KmlExploreTask beginning = { task->scenario, task->spec, &config, task->how };
  const guint64 limit = state->n_schedules + BEGINNING, wanted = config.budget;

  config.budget = wanted == 0 ? limit : MIN (wanted, limit);
  if (!explore_alone (&beginning, state, ret_end, error))
    return FALSE;
  *ret_is_over = *ret_end != KML_PART_END_OVER || config.budget == wanted ||
                 state->n_schedules < limit;
  return TRUE;
}

static gboolean
is_all_from_the_beginning (const KmlExploreConfig *config, const KmlExploreState *state)
{
  return config->search.kind == KML_SEARCH_EXHAUSTIVE &&
         config->search.preemptions == KML_ANY_PREEMPTIONS && state->n_schedules == 0;
}

gboolean
kml_explore (const KmlScenario *scenario, const KmlRunSpec *spec, const KmlExploreConfig *config,
             KmlExploreState *state, KmlExploreVerdict *ret_verdict, GError **error)
{
  KmlExploreTask task = { scenario, spec, config, kml_explore_chooser (spec, &config->search) };
  KmlPartEnd end;
  gboolean is_over = TRUE, is_found = FALSE;

  if (is_all_from_the_beginning (config, state) &&
      !kml_explore_own (&task, state, &is_found, error))
    return FALSE;
  if (is_found) {
    *ret_verdict = KML_EXPLORE_FOUND;
    return TRUE;
  }
  if (config->search.kind == KML_SEARCH_PCT && !measure_steps (&task, error))
    return FALSE;
  if (config->n_jobs <= 1) {
    if (!explore_alone (&task, state, &end, error))
      return FALSE;
  } else if (!explore_beginning (&task, state, &end, &is_over, error)) {
    return FALSE;
  }
  if (!is_over && !kml_explore_jobs (&task, state, &end, error))
    return FALSE;
  state->is_finished = end == KML_PART_END_DONE;
  *ret_verdict = verdict_of (end, state);
  return TRUE;
}

char *
kml_explore_endless_key (const KmlRunSpec *spec)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (spec, "task");

  if (!g_str_equal (kml_run_spec_get (spec, "scenario.until"), "0"))
    return NULL;
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *context = g_strdup_printf ("task.%s.context",
                                                (const char *)g_ptr_array_index (names, i));
    g_autofree char *times = g_strdup_printf ("task.%s.times",
                                              (const char *)g_ptr_array_index (names, i));

    if (!g_str_equal (kml_run_spec_get (spec, context), "process") &&
        g_str_equal (kml_run_spec_get (spec, times), "0"))
      return g_steal_pointer (&times);
  }
  return NULL;
}
