/* explore.c: every schedule of a scenario, each once.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Patrice Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", LNCS 1032, 1996, chapter 5: sleep
 * sets; and his VeriSoft (POPL 1997) for looking without remembering states.
 *
 * 1. The tree
 *
 * A schedule is the list of its choices. All schedules are a tree, walked depth first: run to the end, go back to the last choice that
 * has another answer, run again. A machine is made anew for each schedule, since the stacks of its tasks cannot be copied.
 *
 * 2. Not twice
 *
 * Two steps that touch different objects can be done in either order and lead to the same state. Of all schedules that differ
 * in such orders alone one is enough. When a step t was tried at a node and everything behind it was seen, t goes to sleep there: further
 * choices of the node need not do t until somebody has done a step that depends on it. A node where all candidates sleep leads to
 * nothing new.
 *
 *     {t} sleeps; u is done, which is independent of t:   t sleeps on
 *                 v is done, which touches what t touches: t wakes up
 *
 * What a step touches is announced by kml_sync_on(). A step that says nothing depends on all.
 *
 * Sleep sets leave one schedule of each class of equivalent ones, so all deadlocks and stalls are found: both are states.
 *
 * 3. What is not explored: choices that are not the scheduler's. Times that tasks draw are those of the seed; of timers the earliest rings
 * first.
 */

#include "scenarios/explore.h"

#include "scenarios/run.h"

#define MAX_DEPTH                                                                                  \
  1000000 /* choices of one schedule: a loop without end is cut there, and that is said */

const char *const kml_explore_verdicts[] = { "deadlock", "none, exhausted", "none within budget" };

/* A choice on the way to where we are. */
typedef struct {
  KmlCandidate *candidates; /* (owned) (array length=n) */
  guint n;
  guint chosen;
  KmlCandidate
      *sleeping; /* (owned) (array length=n_sleeping): there is room for all CPUs and the timer */
  guint n_sleeping;
} Node;

typedef struct {
  GArray *path; /* (owned) (element-type Node) */
  guint at;     /* choices made in this schedule */
  guint room;   /* candidates that there can be */
  gboolean blocked, too_long;
  guint64 n_pruned;
} Explorer;

static Node *
node_at (const Explorer *self, guint i)
{
  return &g_array_index (self->path, Node, i);
}

static void
clear_node (gpointer data)
{
  Node *node = data;

  g_free (node->candidates);
  g_free (node->sleeping);
}

/* ---- Sleep sets ---- */

static gboolean
sleeps (const Node *node, guint who)
{
  for (guint i = 0; i < node->n_sleeping; i++)
    if (node->sleeping[i].who == who)
      return TRUE;
  return FALSE;
}

static gboolean
are_independent (const KmlCandidate *a, const KmlCandidate *b)
{
  if (a->who == b->who || a->object == KML_OBJECT_ANY || b->object == KML_OBJECT_ANY)
    return FALSE;
  return a->object != b->object || a->object == KML_OBJECT_NONE;
}

/* The first candidate from @first on that is awake. FALSE: there is none. */
static gboolean
choose_awake (Explorer *self, Node *node, guint first)
{
  for (node->chosen = first; node->chosen < node->n; node->chosen++) {
    if (!sleeps (node, node->candidates[node->chosen].who))
      return TRUE;
    self->n_pruned++;
  }
  return FALSE;
}

/* Who sleeps at the parent and is not woken by its choice sleeps here, too. */
static void
inherit_sleep (const Explorer *self, Node *node)
{
  const Node *parent = self->path->len > 0 ? node_at (self, self->path->len - 1) : NULL;

  for (guint i = 0; parent != NULL && i < parent->n_sleeping; i++)
    if (are_independent (&parent->sleeping[i], &parent->candidates[parent->chosen]))
      node->sleeping[node->n_sleeping++] = parent->sleeping[i];
}

/* ---- One schedule ---- */

static guint
choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  Explorer *self = data;
  Node node = { .n = n };

  if (self->at < self->path->len) { /* on the way back to where there is another answer */
    const Node *known = node_at (self, self->at++);

    g_assert (known->n == n); /* the same choices lead to the same place */
    return known->chosen;
  }
  if (self->path->len == MAX_DEPTH) {
    self->too_long = TRUE;
    return G_MAXUINT;
  }
  node.candidates = g_memdup2 (candidates, n * sizeof *candidates);
  node.sleeping = g_new (KmlCandidate, self->room);
  inherit_sleep (self, &node);
  if (!choose_awake (self, &node, 0)) {
    clear_node (&node);
    self->blocked = TRUE;
    return G_MAXUINT;
  }
  g_array_append_val (self->path, node);
  self->at++;
  return node.chosen;
}

/* To the next schedule. FALSE: that was the last. */
static gboolean
go_back (Explorer *self)
{
  while (self->path->len > 0) {
    Node *node = node_at (self, self->path->len - 1);

    node->sleeping[node->n_sleeping++] = node->candidates[node->chosen];
    if (choose_awake (self, node, node->chosen + 1))
      return TRUE;
    g_array_set_size (self->path, self->path->len - 1);
  }
  return FALSE;
}

/* The story of the first deadlock or stall; NULL: there was none. (transfer full) */
static char *
story_of (const KmlRun *run)
{
  const GArray *incidents = kml_run_incidents (run);

  for (guint i = 0; i < incidents->len; i++) {
    const KmlIncident *incident = &g_array_index (incidents, KmlIncident, i);

    if (incident->kind == KML_INCIDENT_DEADLOCK || incident->kind == KML_INCIDENT_STALL)
      return kml_incident_story (incident);
  }
  return NULL;
}

static gboolean
run_schedule (const KmlScenario *scenario, const KmlRunSpec *spec, KmlChooseFunc func,
              gpointer data, KmlExploreResult *result, GError **error)
{
  g_autoptr (KmlRun) run = kml_run_new (scenario, spec, error);

  if (run == NULL)
    return FALSE;
  if (!kml_run_set_choices (run, func, data)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: there is nothing to explore without tasks: it has no group [task NAME]",
                 kml_scenario_name (scenario));
    return FALSE;
  }
  if (!kml_run_execute (run, error))
    return FALSE;
  result->story = story_of (run);
  if (result->story != NULL)
    result->fingerprint = g_strdup (kml_run_fingerprint (run));
  return TRUE;
}

/* ---- All of them ---- */

static void
keep_choices (const Explorer *self, KmlExploreResult *result)
{
  for (guint i = 0; i < self->at; i++) {
    const guint32 choice = node_at (self, i)->chosen;

    g_array_append_val (result->choices, choice);
  }
}

static gboolean
look (Explorer *self, const KmlScenario *scenario, const KmlRunSpec *spec,
      const KmlExploreConfig *config, KmlExploreResult *result, GError **error)
{
  gboolean cut = FALSE;

  do {
    self->at = 0;
    self->blocked = self->too_long = FALSE;
    if (!run_schedule (scenario, spec, choose, self, result, error))
      return FALSE;
    result->longest = MAX (result->longest, self->at);
    if (result->story != NULL && !self->blocked) {
      result->n_schedules++;
      result->verdict = KML_EXPLORE_DEADLOCK;
      keep_choices (self, result);
      return TRUE;
    }
    result->n_schedules += !self->blocked;
    cut |= self->too_long;
    if ((config->budget > 0 && result->n_schedules >= config->budget) ||
        (config->stop != NULL && config->stop (result->n_schedules, config->data))) {
      result->verdict = go_back (self) || cut ? KML_EXPLORE_BUDGET : KML_EXPLORE_EXHAUSTED;
      return TRUE;
    }
  } while (go_back (self));
  result->verdict = cut ? KML_EXPLORE_BUDGET : KML_EXPLORE_EXHAUSTED;
  return TRUE;
}

void
kml_explore_result_clear (KmlExploreResult *self)
{
  g_clear_pointer (&self->choices, g_array_unref);
  g_clear_pointer (&self->story, g_free);
  g_clear_pointer (&self->fingerprint, g_free);
}

gboolean
kml_explore (const KmlScenario *scenario, const KmlRunSpec *spec, const KmlExploreConfig *config,
             KmlExploreResult *ret_result, GError **error)
{
  Explorer explorer = { .room = KML_MAX_CPUS + 1 };
  gboolean good;

  *ret_result = (KmlExploreResult){ .choices = g_array_new (FALSE, FALSE, sizeof (guint32)) };
  explorer.path = g_array_new (FALSE, FALSE, sizeof (Node));
  g_array_set_clear_func (explorer.path, clear_node);
  good = look (&explorer, scenario, spec, config, ret_result, error);
  ret_result->n_pruned = explorer.n_pruned;
  g_array_unref (explorer.path);
  if (!good)
    kml_explore_result_clear (ret_result);
  return good;
}

/* ---- One again ---- */

typedef struct {
  const GArray *choices;
  guint at;
  gboolean wrong; /* one is out of range, or there are too few */
} Replay;

static guint
choose_again (const KmlCandidate *candidates, guint n, gpointer data)
{
  Replay *self = data;
  guint32 choice;

  if (self->at == self->choices->len) {
    self->wrong = TRUE;
    return G_MAXUINT;
  }
  choice = g_array_index (self->choices, guint32, self->at);
  if (choice >= n) {
    self->wrong = TRUE;
    return G_MAXUINT;
  }
  self->at++;
  return choice;
}

gboolean
kml_explore_replay (const KmlScenario *scenario, const KmlRunSpec *spec, const GArray *choices,
                    KmlExploreResult *ret_result, GError **error)
{
  Replay replay = { .choices = choices };

  *ret_result = (KmlExploreResult){ .verdict = KML_EXPLORE_BUDGET, .n_schedules = 1 };
  if (!run_schedule (scenario, spec, choose_again, &replay, ret_result, error))
    return FALSE;
  if (replay.wrong) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 replay.at == choices->len
                     ? "choice %u: the schedule goes on, but there are no more choices"
                     : "choice %u is out of range there",
                 replay.at + 1);
    kml_explore_result_clear (ret_result);
    return FALSE;
  }
  if (ret_result->story != NULL)
    ret_result->verdict = KML_EXPLORE_DEADLOCK;
  return TRUE;
}
