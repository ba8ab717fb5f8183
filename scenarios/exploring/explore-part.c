/* explore-part.c: schedules that follow each other, by one process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/exploring/explore-private.h"

#include "scenarios/exploring/draws.h"

#define MAX_CHOICES   1000000 /* of a schedule by chance: a loop without end is cut there */
#define LOOK_INTERVAL 256 /* schedules after which the time is looked at, where they are quick … */
#define SLOW_CHOICES  1000 /* … and have fewer choices than so many */

static gboolean
is_over (const KmlExploreTask *task, const KmlExploreState *state, gboolean is_slow,
         guint n_choices)
{
  const KmlExploreConfig *config = task->config;

  if (config->budget > 0 && state->n_schedules >= config->budget)
    return TRUE;
  if (state->n_schedules % LOOK_INTERVAL != 0 && !is_slow && n_choices < SLOW_CHOICES)
    return FALSE;
  if (config->progress != NULL)
    config->progress (state, config->data);
  return config->stop != NULL && config->stop (config->data);
}

void
kml_explore_note (KmlUnsought *self, const KmlIncident *incident)
{
  if (incident != NULL && self->n_schedules++ == 0)
    self->kind = incident->kind;
}

/* ---- All ---- */

static void
count (const KmlScheduleTree *tree, guint64 pruned_before, KmlExploreState *state)
{
  state->n_pruned = pruned_before + kml_schedule_tree_n_pruned (tree);
  state->is_cut |= kml_schedule_tree_is_cut (tree);
  state->longest = MAX (state->longest, kml_schedule_tree_n_choices (tree));
}

static gboolean
look_at_all (const KmlExploreTask *task, const KmlExplorePart *part, KmlExploreState *state,
             KmlPartEnd *ret_end, GError **error)
{
  g_autoptr (KmlScheduleTree) tree = kml_schedule_tree_new (task->config->search.preemptions);
  g_autoptr (KmlRerun)
      rerun = kml_rerun_new (task->scenario, task->spec, kml_schedule_tree_choose, tree, error);
  const guint64 pruned_before = state->n_pruned;
  gboolean is_more;
  guint n_choices;

  if (rerun == NULL)
    return FALSE;
  kml_schedule_tree_start_at (tree, &part->place, part->n_fixed);
  do {
    KmlTreeEnd end;

    kml_schedule_tree_begin (tree);
    if (!kml_rerun_execute (rerun, error))
      return FALSE;
    end = kml_schedule_tree_end (tree);
    if (end == KML_TREE_ASTRAY) {
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                   "the search cannot go on from there: this scenario has no such schedule");
      return FALSE;
    }
    state->n_schedules += end != KML_TREE_BLOCKED;
    state->n_blocked += end == KML_TREE_BLOCKED;
    count (tree, pruned_before, state);
    state->is_cut |= kml_rerun_has_caught_up (rerun);
    if (end == KML_TREE_TO_THE_END)
      kml_explore_note (&state->unsought, kml_rerun_unsought (rerun));
    if (end == KML_TREE_TO_THE_END && kml_rerun_found (rerun) != NULL) {
      kml_schedule_tree_get_choices (tree, state->place.choices);
      *ret_end = KML_PART_END_FOUND;
      return TRUE;
    }
    n_choices = kml_schedule_tree_n_choices (tree);
    is_more = kml_schedule_tree_next (tree);
    count (tree, pruned_before, state);
    if (is_more && is_over (task, state, kml_rerun_is_slow (rerun), n_choices)) {
      kml_schedule_tree_get_place (tree, &state->place);
      *ret_end = KML_PART_END_OVER;
      return TRUE;
    }
  } while (is_more);
  *ret_end = KML_PART_END_DONE;
  return TRUE;
}

/* ---- By chance ---- */

static void
stand_at (KmlExploreState *state, const GArray *choices)
{
  g_array_set_size (state->place.choices, 0);
  if (choices != NULL)
    g_array_append_vals (state->place.choices, choices->data, choices->len);
}

static gboolean
look_by_chance (const KmlExploreTask *task, const KmlExplorePart *part, KmlExploreState *state,
                KmlPartEnd *ret_end, GError **error)
{
  g_autoptr (KmlDraws)
      draws = kml_draws_new (task->scenario, task->spec, &task->how, MAX_CHOICES, error);

  if (draws == NULL)
    return FALSE;
  stand_at (state, NULL);
  *ret_end = KML_PART_END_DONE;
  for (guint64 i = part->first; i < part->last && *ret_end == KML_PART_END_DONE; i++) {
    if (!kml_draws_execute (draws, i, error))
      return FALSE;
    state->n_schedules++;
    state->next = i + 1;
    state->longest = MAX (state->longest, kml_draws_choices (draws)->len);
    kml_explore_note (&state->unsought, kml_draws_unsought (draws));
    if (kml_draws_found (draws) != NULL) {
      stand_at (state, kml_draws_choices (draws));
      *ret_end = KML_PART_END_FOUND;
    } else if (is_over (task, state, kml_draws_are_slow (draws), kml_draws_choices (draws)->len)) {
      *ret_end = KML_PART_END_OVER;
    }
  }
  return TRUE;
}

/* ---- The run's own ---- */

gboolean
kml_explore_own (const KmlExploreTask *task, KmlExploreState *state, gboolean *ret_found,
                 GError **error)
{
  const KmlChooser clock = { .kind = KML_CHOOSER_CLOCK };
  g_autoptr (KmlDraws)
      draws = kml_draws_new (task->scenario, task->spec, &clock, MAX_CHOICES, error);

  if (draws == NULL || !kml_draws_execute (draws, 0, error))
    return FALSE;
  *ret_found = kml_draws_found (draws) != NULL;
  if (*ret_found) {
    state->n_schedules++;
    state->longest = kml_draws_choices (draws)->len;
    kml_explore_note (&state->unsought, kml_draws_unsought (draws));
    stand_at (state, kml_draws_choices (draws));
  }
  return TRUE;
}

gboolean
kml_explore_part (const KmlExploreTask *task, const KmlExplorePart *part, KmlExploreState *state,
                  KmlPartEnd *ret_end, GError **error)
{
  return task->config->search.kind == KML_SEARCH_EXHAUSTIVE
             ? look_at_all (task, part, state, ret_end, error)
             : look_by_chance (task, part, state, ret_end, error);
}
