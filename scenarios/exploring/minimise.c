/* minimise.c: the shortest form of a deadlock.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A schedule that was found by chance jumps to and fro between CPUs for no reason, and its story is as confused. Two steps make it short.
 *
 * 1. Undoing switches, after Andreas Zeller and Ralf Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2),
 *    2002. A schedule is taken as who goes on, one after the other. Where the CPU changes although the last one could have gone on, the
 *    last one does, and takes its next turn from behind; or all that follows is left to chance's opposite: whoever runs goes on as long
 *    as it can. What is shorter and still deadlocks is kept, until nothing helps.
 *
 * 2. Looking at all that could be shorter (schedule-tree.c): all schedules with 0 preemptions, then those with up to 1, and so on. A schedule has at
 *    least as many switches as preemptions, so once the bound has come to the switches of the best one, there is none with fewer. With as many
 *    switches but fewer choices likewise. The search is bounded in schedules: in large spaces the first step's answer stays.
 *
 * Both are bounded in choices made, too, and not in time, so that the answer is the same on every host: a schedule of ten thousand choices is
 * as good a reproducer as one of nine thousand.
 */

#include "scenarios/exploring/minimise.h"

#include "scenarios/exploring/rerun.h"

#define MAX_CHOICES 100000
#define MAX_QUICK   30000   /* schedules of the second step: a part of a second */
#define MAX_SLOW    500     /* likewise, where each is a run of its own */
#define MAX_EFFORT  3000000 /* choices in each step: a second or so */
#define TO_BUILD    10000   /* choices that could be made while a run of its own is built */
#define NOBODY      G_MAXUINT

/* ---- One schedule, as who goes on ---- */

typedef struct {
  GArray *whos;    /* (owned) (element-type guint): wanted, in this order */
  GArray *done;    /* (owned) (element-type guint): who went on */
  GArray *choices; /* (owned) (element-type guint32): the same as numbers of candidates */
  guint at;        /* in whos */
  guint last_cpu;
  guint n_switches;
  guint most; /* choices: those of the schedule that was found, or MAX_CHOICES */
  gboolean is_too_long;
} Follower;

static guint
find (const KmlCandidate *candidates, guint n, guint who)
{
  for (guint i = 0; i < n; i++)
    if (candidates[i].who == who)
      return i;
  return NOBODY;
}

/* The next one that is wanted and can; behind them all the last CPU, or else the first candidate. */
static guint
pick (Follower *self, const KmlCandidate *candidates, guint n)
{
  guint i = NOBODY;

  if (candidates[0].kind == KML_CANDIDATE_WELL) { /* it goes wrong only where it did */
    const gboolean is_meant = self->at < self->whos->len &&
                              g_array_index (self->whos, guint, self->at) >= KML_WHO_NOBODY;

    return is_meant && g_array_index (self->whos, guint, self->at++) > KML_WHO_NOBODY;
  }
  while (self->at < self->whos->len && i == NOBODY)
    i = find (candidates, n, g_array_index (self->whos, guint, self->at++));
  if (i == NOBODY)
    i = find (candidates, n, self->last_cpu);
  return i != NOBODY ? i : 0;
}

static guint
follow (const KmlCandidate *candidates, guint n, gpointer data)
{
  Follower *self = data;
  guint32 chosen;

  if (self->choices->len == self->most) {
    self->is_too_long = TRUE;
    return G_MAXUINT;
  }
  chosen = pick (self, candidates, n);
  g_array_append_val (self->choices, chosen);
  g_array_append_val (self->done, candidates[chosen].who);
  if (candidates[chosen].kind == KML_CANDIDATE_CPU) {
    self->n_switches += self->last_cpu != NOBODY && self->last_cpu != candidates[chosen].who;
    self->last_cpu = candidates[chosen].who;
  }
  return chosen;
}

static void
begin (Follower *self)
{
  g_array_set_size (self->done, 0);
  g_array_set_size (self->choices, 0);
  self->at = 0;
  self->last_cpu = NOBODY;
  self->n_switches = 0;
  self->most = MAX_CHOICES;
  self->is_too_long = FALSE;
}

/* ---- The best so far ---- */

typedef struct {
  Follower follower;
  KmlRerun *rerun; /* (owned) */
  GArray *whos;    /* (owned) (element-type guint): of the best */
  GArray *choices; /* (element-type guint32): borrowed: of the best */
  guint n_switches;
  KmlIncidentKind kind; /* of what it has */
  guint64 effort;       /* of this step so far */
} Best;

/* A schedule more. FALSE: it is enough. */
static gboolean
may_go_on (Best *self, const KmlRerun *rerun, guint n_choices)
{
  self->effort += n_choices + (kml_rerun_is_slow (rerun) ? TO_BUILD : 0);
  return self->effort < MAX_EFFORT;
}

static gboolean
is_better (const Best *self, guint n_switches, guint n_choices)
{
  return n_switches < self->n_switches ||
         (n_switches == self->n_switches && n_choices < self->choices->len);
}

static void
replace (GArray *array, const GArray *by)
{
  g_array_set_size (array, 0);
  g_array_append_vals (array, by->data, by->len);
}

/* What is shorter has the same kind of trouble. */
static gboolean
has_kind (const Best *self, const KmlRerun *rerun)
{
  const KmlIncident *found = kml_rerun_found (rerun);

  return found != NULL && found->kind == self->kind;
}

/* Tries what follower.whos says. TRUE: it is better, and now the best. */
static gboolean
attempt (Best *self, GError **error)
{
  Follower *follower = &self->follower;

  begin (follower);
  if (!kml_rerun_execute (self->rerun, error) || follower->is_too_long ||
      !has_kind (self, self->rerun) ||
      !is_better (self, follower->n_switches, follower->choices->len))
    return FALSE;
  replace (self->whos, follower->done);
  replace (self->choices, follower->choices);
  self->n_switches = follower->n_switches;
  return TRUE;
}

/* ---- Undoing switches ---- */

/* The best without its @i-th step, which comes where the same one's next turn would have. */
static void
put_off (const Best *self, guint i)
{
  GArray *whos = self->follower.whos;
  const guint who = g_array_index (self->whos, guint, i);
  guint j = i + 1;

  replace (whos, self->whos);
  while (j < whos->len && g_array_index (whos, guint, j) != who)
    j++;
  g_array_insert_val (whos, MIN (j, whos->len), who);
  g_array_remove_index (whos, i);
}

static gboolean
undo_switches (Best *self, GError **error)
{
  gboolean any = TRUE, more = TRUE;
  GError *cause = NULL;

  while (any && more) {
    any = FALSE;
    for (guint i = 0; i < self->whos->len && more; i++) {
      replace (self->follower.whos, self->whos);
      g_array_set_size (self->follower.whos, i);
      any |= attempt (self, &cause);
      more = cause == NULL && may_go_on (self, self->rerun, self->follower.choices->len);
    }
    for (guint i = 0; i < self->whos->len && more; i++) {
      put_off (self, i);
      any |= attempt (self, &cause);
      more = cause == NULL && may_go_on (self, self->rerun, self->follower.choices->len);
    }
  }
  if (cause != NULL)
    g_propagate_error (error, cause);
  return cause == NULL;
}

/* ---- Looking at all ---- */

/* All schedules with at most @preemptions. FALSE: an error, or there are more than *@left. */
static gboolean
look_at_all (Best *self, const KmlScenario *scenario, const KmlRunSpec *spec, guint preemptions,
             guint *left, GError **error)
{
  g_autoptr (KmlScheduleTree) tree = kml_schedule_tree_new (preemptions);
  g_autoptr (KmlRerun)
      rerun = kml_rerun_new (scenario, spec, kml_schedule_tree_choose, tree, error);

  if (rerun == NULL)
    return FALSE;
  if (kml_rerun_is_slow (rerun))
    *left = MIN (*left, MAX_SLOW);
  do {
    if (*left == 0)
      return FALSE;
    --*left;
    kml_schedule_tree_begin (tree);
    if (!kml_rerun_execute (rerun, error))
      return FALSE;
    if (kml_schedule_tree_end (tree) == KML_TREE_TO_THE_END && has_kind (self, rerun) &&
        is_better (self, kml_schedule_tree_n_switches (tree), kml_schedule_tree_n_choices (tree))) {
      self->n_switches = kml_schedule_tree_n_switches (tree);
      kml_schedule_tree_get_choices (tree, self->choices);
    }
    if (!may_go_on (self, rerun, kml_schedule_tree_n_choices (tree)))
      return FALSE;
  } while (kml_schedule_tree_next (tree));
  return TRUE;
}

/* A run at a time: the first step's must be gone. */
static gboolean
minimise (Best *self, const KmlScenario *scenario, const KmlRunSpec *spec,
          KmlMinimised *ret_minimised, GError **error)
{
  guint left = MAX_QUICK;
  gboolean is_least = TRUE;
  GError *cause = NULL;

  self->effort = 0;
  for (guint bound = 0; is_least && bound <= self->n_switches; bound++)
    is_least = look_at_all (self, scenario, spec, bound, &left, &cause);
  if (cause != NULL) {
    g_propagate_error (error, cause);
    return FALSE;
  }
  *ret_minimised = (KmlMinimised){
    .n_switches = self->n_switches,
    .n_choices = self->choices->len,
    .is_least = is_least,
  };
  return TRUE;
}

/* The schedule that @choices are, as who goes on. */
typedef struct {
  const GArray *choices;
  Follower *follower;
} Reader;

static guint
read_choice (const KmlCandidate *candidates, guint n, gpointer data)
{
  Reader *self = data;
  const guint at = self->follower->choices->len;

  if (at >= self->choices->len || g_array_index (self->choices, guint32, at) >= n)
    return G_MAXUINT;
  g_array_append_val (self->follower->whos,
                      candidates[g_array_index (self->choices, guint32, at)].who);
  return follow (candidates, n, self->follower);
}

static gboolean
read_schedule (Best *self, const KmlScenario *scenario, const KmlRunSpec *spec, GError **error)
{
  Reader reader = { self->choices, &self->follower };
  const KmlIncident *found;
  g_autoptr (KmlRerun) rerun = kml_rerun_new (scenario, spec, read_choice, &reader, error);

  begin (&self->follower);
  self->follower.most = self->choices->len;
  if (rerun == NULL || !kml_rerun_execute (rerun, error))
    return FALSE;
  g_assert (self->follower.choices->len == self->choices->len); /* it is one of this run */
  replace (self->whos, self->follower.done);
  self->n_switches = self->follower.n_switches;
  found = kml_rerun_found (rerun);
  g_assert (found != NULL); /* … in which it was found */
  self->kind = found->kind;
  return TRUE;
}

gboolean
kml_minimise (const KmlScenario *scenario, const KmlRunSpec *spec, GArray *choices,
              KmlMinimised *ret_minimised, GError **error)
{
  Best best = {
    .choices = choices,
    .whos = g_array_new (FALSE, FALSE, sizeof (guint)),
    .follower = { .whos = g_array_new (FALSE, FALSE, sizeof (guint)),
                  .done = g_array_new (FALSE, FALSE, sizeof (guint)),
                  .choices = g_array_new (FALSE, FALSE, sizeof (guint32)) },
  };
  gboolean good = read_schedule (&best, scenario, spec, error);

  if (good)
    best.rerun = kml_rerun_new (scenario, spec, follow, &best.follower, error);
  good = good && best.rerun != NULL && undo_switches (&best, error);
  g_clear_pointer (&best.rerun, kml_rerun_free);
  good = good && minimise (&best, scenario, spec, ret_minimised, error);
  g_array_unref (best.whos);
  g_array_unref (best.follower.whos);
  g_array_unref (best.follower.done);
  g_array_unref (best.follower.choices);
  return good;
}
