/* schedule-tree.c: every schedule of a run, each once.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Patrice Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", LNCS 1032, 1996, chapter 5: sleep
 * sets; and his VeriSoft (POPL 1997) for looking without remembering states. Madanlal Musuvathi and Shaz Qadeer, "Iterative
 * Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007: bounded preemptions.
 *
 * 1. The tree
 *
 * A schedule is the list of its choices. All schedules are a tree, walked depth first: run to the end, go back to the last choice that
 * has another answer, run again from the beginning, since the stacks of tasks cannot be copied.
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
 * 3. Few preemptions
 *
 * Most bugs need few: a CPU is passed over although it could go on, and another does. With a bound on their number only such schedules are
 * walked, all of them: the one of a class that sleep sets would keep may have more preemptions than another, so with a bound nobody
 * sleeps. (K. E. Coons, M. Musuvathi, K. S. McKinley, "Bounded Partial-Order Reduction", OOPSLA 2013, says what could.)
 *
 * 4. Beginning in the middle
 *
 * What sleeps at a node follows from the path to it: all candidates before the chosen one were tried. So a path says where a walk
 * stands, and a part of the tree can be walked by somebody else.
 *
 * Invariants:
 *   T1  the same choices lead to the same candidates
 *   T2  a candidate is tried at most once at a node
 */

#include "scenarios/schedule-tree.h"

#include <string.h>

#define MAX_DEPTH                                                                                  \
  1000000 /* choices of one schedule: a loop without end is cut there, and that is said */

/* A choice on the way to where we are. */
typedef struct {
  KmlCandidate *candidates; /* (owned) (array length=n), with room for those that sleep behind */
  KmlCandidate *sleeping;   /* (array length=n_sleeping): in the same memory */
  guint n, n_sleeping;
  guint chosen;
  guint last_cpu;        /* whose step came before; G_MAXUINT: nobody's */
  guint64 n_preemptions; /* before this choice */
} Node;

struct _KmlScheduleTree {
  GArray *path;  /* (owned) (element-type Node) */
  GArray *start; /* (owned) (element-type guint32): choices to begin with */
  guint n_fixed;
  guint max_depth;
  guint64 preemptions; /* at most */
  guint at;            /* choices made in this schedule */
  KmlTreeEnd end;
  guint64 n_pruned;
  gboolean is_cut;
};

static void
clear_node (gpointer data)
{
  g_free (((Node *)data)->candidates);
}

KmlScheduleTree *
kml_schedule_tree_new (guint64 preemptions)
{
  KmlScheduleTree *self = g_new0 (KmlScheduleTree, 1);

  self->path = g_array_new (FALSE, FALSE, sizeof (Node));
  g_array_set_clear_func (self->path, clear_node);
  self->start = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->preemptions = preemptions;
  self->max_depth = MAX_DEPTH;
  return self;
}

void
kml_schedule_tree_free (KmlScheduleTree *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->path);
  g_array_unref (self->start);
  g_free (self);
}

void
kml_schedule_tree_start_at (KmlScheduleTree *self, const GArray *path, guint n_fixed)
{
  g_assert (self->path->len == 0);
  g_assert (n_fixed <= path->len);

  g_array_append_vals (self->start, path->data, path->len);
  self->n_fixed = n_fixed;
}

void
kml_schedule_tree_limit_depth (KmlScheduleTree *self, guint depth)
{
  self->max_depth = depth;
}

void
kml_schedule_tree_begin (KmlScheduleTree *self)
{
  self->at = 0;
  self->end = KML_TREE_TO_THE_END;
}

static Node *
node_at (const KmlScheduleTree *self, guint i)
{
  return &g_array_index (self->path, Node, i);
}

/* ---- Which candidates ---- */

static gboolean
are_independent (const KmlCandidate *a, const KmlCandidate *b)
{
  if (a->who == b->who || a->object == KML_OBJECT_ANY || b->object == KML_OBJECT_ANY)
    return FALSE;
  return a->object != b->object || a->object == KML_OBJECT_NONE;
}

static gboolean
sleeps (const Node *node, guint who)
{
  for (guint i = 0; i < node->n_sleeping; i++)
    if (node->sleeping[i].who == who)
      return TRUE;
  return FALSE;
}

/* Whether another CPU goes on although the last one could. Timers, and what is no CPU, preempt nobody. */
static gboolean
preempts (const Node *node, guint i)
{
  const guint who = node->candidates[i].who;

  if (node->last_cpu == G_MAXUINT || who == node->last_cpu ||
      node->candidates[i].kind != KML_CANDIDATE_CPU)
    return FALSE;
  for (guint j = 0; j < node->n; j++)
    if (node->candidates[j].who == node->last_cpu)
      return TRUE;
  return FALSE;
}

/* The first candidate from @first on that is to be tried. FALSE: there is none. */
static gboolean
choose_from (KmlScheduleTree *self, Node *node, guint first)
{
  for (node->chosen = first; node->chosen < node->n; node->chosen++) {
    if (node->n_preemptions == self->preemptions && preempts (node, node->chosen))
      self->is_cut = TRUE;
    else if (sleeps (node, node->candidates[node->chosen].who))
      self->n_pruned++;
    else
      return TRUE;
  }
  return FALSE;
}

/* What was tried need not be done until somebody does what depends on it. Whether something goes wrong is no step that could be done later. */
static void
put_to_sleep (const KmlScheduleTree *self, Node *node, guint i)
{
  if (self->preemptions == KML_ANY_PREEMPTIONS && node->candidates[i].kind <= KML_CANDIDATE_TIMER)
    node->sleeping[node->n_sleeping++] = node->candidates[i];
}

/* ---- Nodes ---- */

static void
inherit (const KmlScheduleTree *self, Node *node)
{
  const Node *parent = self->path->len > 0 ? node_at (self, self->path->len - 1) : NULL;
  const KmlCandidate *step;

  node->last_cpu = G_MAXUINT;
  if (parent == NULL)
    return;
  step = &parent->candidates[parent->chosen];
  node->last_cpu = step->kind == KML_CANDIDATE_CPU ? step->who : parent->last_cpu;
  node->n_preemptions = parent->n_preemptions + preempts (parent, parent->chosen);
  for (guint i = 0; i < parent->n_sleeping; i++)
    if (are_independent (&parent->sleeping[i], step))
      node->sleeping[node->n_sleeping++] = parent->sleeping[i];
}

/* The node behind the path. */
static Node
make_node (const KmlScheduleTree *self, const KmlCandidate *candidates, guint n)
{
  const guint n_inherited = self->path->len > 0 ? node_at (self, self->path->len - 1)->n_sleeping
                                                : 0;
  Node node = { .n = n, .candidates = g_new (KmlCandidate, 2 * n + n_inherited) };

  memcpy (node.candidates, candidates, n * sizeof *candidates);
  node.sleeping = node.candidates + n;
  inherit (self, &node);
  return node;
}

/* As the walk would have chosen that came here before. */
static gboolean
choose_as_before (KmlScheduleTree *self, Node *node, guint chosen)
{
  if (chosen >= node->n || sleeps (node, node->candidates[chosen].who))
    return FALSE;
  for (guint i = 0; i < chosen; i++)
    if (!sleeps (node, node->candidates[i].who))
      put_to_sleep (self, node, i);
  node->chosen = chosen;
  return TRUE;
}

static guint
leave (KmlScheduleTree *self, KmlTreeEnd end)
{
  self->end = end;
  self->is_cut |= end == KML_TREE_TOO_LONG;
  return G_MAXUINT;
}

guint
kml_schedule_tree_choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  KmlScheduleTree *self = data;
  Node node;
  gboolean good;

  if (self->at < self->path->len) { /* on the way back to where there is another answer */
    const Node *known = node_at (self, self->at++);

    g_assert (known->n == n); /* T1 */
    return known->chosen;
  }
  if (self->at >= self->max_depth)
    return leave (self, self->max_depth == MAX_DEPTH ? KML_TREE_TOO_LONG : KML_TREE_LIMITED);
  node = make_node (self, candidates, n);
  good = self->at < self->start->len
             ? choose_as_before (self, &node, g_array_index (self->start, guint32, self->at))
             : choose_from (self, &node, 0);
  if (!good) {
    clear_node (&node);
    return leave (self, self->at < self->start->len ? KML_TREE_ASTRAY : KML_TREE_BLOCKED);
  }
  g_array_append_val (self->path, node);
  self->at++;
  return node.chosen;
}

gboolean
kml_schedule_tree_next (KmlScheduleTree *self)
{
  g_array_set_size (self->start, 0); /* we have been there */
  while (self->path->len > self->n_fixed) {
    Node *node = node_at (self, self->path->len - 1);

    put_to_sleep (self, node, node->chosen);
    if (choose_from (self, node, node->chosen + 1))
      return TRUE;
    g_array_set_size (self->path, self->path->len - 1);
  }
  return FALSE;
}

/* ---- Asking ---- */

KmlTreeEnd
kml_schedule_tree_end (const KmlScheduleTree *self)
{
  return self->end == KML_TREE_TO_THE_END && self->at < self->start->len ? KML_TREE_ASTRAY
                                                                         : self->end;
}

guint
kml_schedule_tree_n_choices (const KmlScheduleTree *self)
{
  return self->at;
}

/* Where the walk stands: after kml_schedule_tree_next(), the beginning of the next schedule. */
void
kml_schedule_tree_get_choices (const KmlScheduleTree *self, GArray *choices)
{
  g_array_set_size (choices, 0);
  for (guint i = 0; i < self->path->len; i++) {
    const guint32 choice = node_at (self, i)->chosen;

    g_array_append_val (choices, choice);
  }
}

guint
kml_schedule_tree_n_switches (const KmlScheduleTree *self)
{
  guint n = 0;

  for (guint i = 0; i < self->at; i++) {
    const Node *node = node_at (self, i);
    const KmlCandidate *step = &node->candidates[node->chosen];

    n += step->kind == KML_CANDIDATE_CPU && node->last_cpu != G_MAXUINT &&
         step->who != node->last_cpu;
  }
  return n;
}

guint64
kml_schedule_tree_n_pruned (const KmlScheduleTree *self)
{
  return self->n_pruned;
}

gboolean
kml_schedule_tree_is_cut (const KmlScheduleTree *self)
{
  return self->is_cut;
}
