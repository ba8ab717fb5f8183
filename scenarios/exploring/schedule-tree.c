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
 * 3. No beginnings that lead nowhere
 *
 * Sleep sets alone come to many nodes where all sleep. P. Abdulla, S. Aronis, B. Jonsson, K. Sagonas, "Optimal Dynamic Partial Order Reduction", POPL
 * 2014: source sets. At a node one candidate is tried, and another only when a schedule behind it has shown a race (races.c) with the step that was tried:
 * then one of the initials is wanted there, unless one was wanted, was tried, or sleeps. Three things are no races and are wanted all the same: both answers to whether something
 * goes wrong; whoever could have gone on when a run ended, which may be a daemon that its end has kept from its next step; and all candidates, where no initial is one.
 *
 * Where schedules are long, the first choices of all are not reduced so: then what lies below them are parts that several processes can look at (explore-jobs.c).
 *
 * 4. Few preemptions
 *
 * Most bugs need few: a CPU is passed over although it could go on, and another does. With a bound on their number only such schedules are
 * walked, all of them: the one of a class that is kept may have more preemptions than another, so with a bound nobody sleeps and everybody is
 * wanted. (K. E. Coons, M. Musuvathi, K. S. McKinley, "Bounded Partial-Order Reduction", OOPSLA 2013, says which wants would have to be added.)
 *
 * 5. Beginning in the middle
 *
 * What sleeps at a node follows from the path to it and from what was tried there; where everybody is wanted, that is all candidates before the chosen one.
 * Otherwise a mark for each candidate says it. So a path with marks says where a walk stands, and a part of the tree can be walked by somebody else.
 *
 * Not reduced: what depends on simulated time ([scenario] until, time slices, no-progress) is taken to depend on the order of dependent steps alone.
 *
 * Invariants:
 *   T1  the same choices lead to the same candidates
 *   T2  a candidate is tried at most once at a node
 */

#include "scenarios/exploring/schedule-tree.h"

#include <string.h>

#include "scenarios/exploring/races.h"

/* Choices of one schedule: a loop without end is cut there, and that is said. Looking for races takes time in proportion to the square: a quarter of a second. */
#define MAX_DEPTH         1000000
#define MAX_DEPTH_REDUCED 20000
#define LONG              24 /* choices: a schedule of so many begins with … */
#define TOP               6  /* … so many at which everybody is wanted */

/* A choice on the way to where we are. */
typedef struct {
  KmlCandidate *candidates; /* (owned) (array length=n), with room for those that sleep behind */
  KmlCandidate *sleeping;   /* (array length=n_sleeping): in the same memory */
  guint8 *marks;            /* (array length=n): in the same memory: KML_MARK_… */
  guint n, n_sleeping;
  guint chosen;
  guint last_cpu;        /* whose step came before; G_MAXUINT: nobody's */
  guint64 n_preemptions; /* before this choice */
} Node;

/* Of a candidate */
enum {
  MARK_WANTED = 1,
  MARK_TRIED = 2, /* and everything behind it was seen */
};

struct _KmlScheduleTree {
  GArray *path;    /* (owned) (element-type Node) */
  KmlRaces *races; /* (owned) (nullable): of the path; NULL: everybody is wanted */
  /* at so many choices everybody is wanted; KML_TOP_UNKNOWN: before the first schedule */
  guint top;
  GArray *start;           /* (owned) (element-type guint32): choices to begin with */
  GByteArray *start_marks; /* (owned): of their candidates, from the choice @top on */
  guint n_start_marks;     /* so many were used */
  guint n_fixed;
  guint max_depth, too_long;
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
  self->races = preemptions == KML_ANY_PREEMPTIONS ? kml_races_new () : NULL;
  self->top = KML_TOP_UNKNOWN;
  self->start = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->start_marks = g_byte_array_new ();
  self->preemptions = preemptions;
  self->max_depth = self->too_long = self->races != NULL ? MAX_DEPTH_REDUCED : MAX_DEPTH;
  return self;
}

void
kml_schedule_tree_free (KmlScheduleTree *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->path);
  kml_races_free (self->races);
  g_array_unref (self->start);
  g_byte_array_unref (self->start_marks);
  g_free (self);
}

void
kml_schedule_tree_start_at (KmlScheduleTree *self, const KmlTreePlace *place, guint n_fixed)
{
  g_assert (self->path->len == 0);
  g_assert (n_fixed <= place->choices->len);

  g_array_append_vals (self->start, place->choices->data, place->choices->len);
  g_byte_array_append (self->start_marks, place->marks->data, place->marks->len);
  self->top = place->top;
  self->n_fixed = n_fixed;
}

void
kml_schedule_tree_limit_depth (KmlScheduleTree *self, guint depth)
{
  self->max_depth = MIN (depth, self->too_long);
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
sleeps (const Node *node, guint who)
{
  for (guint i = 0; i < node->n_sleeping; i++)
    if (node->sleeping[i].who == who)
      return TRUE;
  return FALSE;
}

/* The candidate that @who is; node->n: none. */
static guint
find (const Node *node, guint who)
{
  guint i = 0;

  while (i < node->n && node->candidates[i].who != who)
    i++;
  return i;
}

/* Whether something goes wrong, and not who goes on. */
static gboolean
is_about_luck (const Node *node)
{
  return node->candidates[0].kind > KML_CANDIDATE_TIMER;
}

static void
want_all (Node *node)
{
  for (guint i = 0; i < node->n; i++)
    node->marks[i] |= MARK_WANTED;
}

/* Another CPU goes on although the last one could. Timers, and what is no CPU, preempt nobody. */
static gboolean
preempts (const Node *node, guint i)
{
  const guint who = node->candidates[i].who;

  return node->last_cpu != G_MAXUINT && who != node->last_cpu &&
         node->candidates[i].kind == KML_CANDIDATE_CPU && find (node, node->last_cpu) < node->n;
}

/* The first candidate that is wanted, or simply the first, where @is_new. FALSE: there is none. */
static gboolean
choose_next (KmlScheduleTree *self, Node *node, gboolean is_new)
{
  for (guint i = 0; i < node->n; i++) {
    if ((node->marks[i] & MARK_TRIED) != 0 || (!is_new && (node->marks[i] & MARK_WANTED) == 0) ||
        sleeps (node, node->candidates[i].who))
      continue;
    if (node->n_preemptions == self->preemptions && preempts (node, i)) {
      self->is_cut = TRUE;
      continue;
    }
    node->chosen = i;
    node->marks[i] |= MARK_WANTED;
    return TRUE;
  }
  return FALSE;
}

/* What was tried need not be done until somebody does what depends on it. Whether something goes wrong is no step that could be done later. */
static void
put_to_sleep (const KmlScheduleTree *self, Node *node, guint i)
{
  node->marks[i] |= MARK_TRIED;
  if (self->races != NULL && !is_about_luck (node))
    node->sleeping[node->n_sleeping++] = node->candidates[i];
}

/* The node will not be come to again. */
static void
count_pruned (KmlScheduleTree *self, const Node *node)
{
  if (self->races != NULL)
    for (guint i = 0; i < node->n; i++)
      self->n_pruned += (node->marks[i] & MARK_TRIED) == 0;
}

/* ---- Races ---- */

/* KmlRaceFunc: instead of the step @at somebody else could have gone on. */
static void
want_another (guint at, const guint *whos, guint n_whos, gpointer data)
{
  const KmlScheduleTree *self = data;
  Node *node = node_at (self, at);
  guint wanted = node->n;

  for (guint i = n_whos; i-- > 0;) {
    const guint candidate = find (node, whos[i]);

    if (sleeps (node, whos[i]) || (candidate < node->n && node->marks[candidate] != 0))
      return;
    if (candidate < node->n)
      wanted = candidate;
  }
  if (wanted < node->n)
    node->marks[wanted] |= MARK_WANTED;
  else
    want_all (node);
}

/* Which step has made the choice at @at possible, or has changed what it touches. *@ret_before: the first of them was possible, too. */
static guint
find_enabler (const KmlScheduleTree *self, guint at, gboolean *ret_before)
{
  const KmlCandidate *step = &node_at (self, at)->candidates[node_at (self, at)->chosen];

  while (at-- > 0) {
    const Node *node = node_at (self, at);
    guint i;

    if (is_about_luck (node))
      continue;
    i = find (node, step->who);
    if (i == node->chosen)
      return KML_NO_STEP; /* its own */
    *ret_before = i < node->n;
    if (i == node->n || node->candidates[i].object != step->object)
      return at;
  }
  return KML_NO_STEP;
}

/* The last choice of the path has been made. */
static void
look_for_races (KmlScheduleTree *self)
{
  const guint at = self->path->len - 1;
  const Node *node = node_at (self, at);
  gboolean is_possible_before = FALSE;
  guint enabler;

  if (self->races == NULL)
    return;
  enabler = is_about_luck (node) ? KML_NO_STEP : find_enabler (self, at, &is_possible_before);
  kml_races_add (self->races, &node->candidates[node->chosen], enabler, is_possible_before,
                 want_another, self);
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
    if (kml_steps_are_independent (&parent->sleeping[i], step))
      node->sleeping[node->n_sleeping++] = parent->sleeping[i];
}

/* The node behind the path. */
static Node
make_node (const KmlScheduleTree *self, const KmlCandidate *candidates, guint n)
{
  const guint n_inherited = self->path->len > 0 ? node_at (self, self->path->len - 1)->n_sleeping
                                                : 0;
  const guint n_all = 2 * n + n_inherited;
  Node node = { .n = n, .candidates = g_malloc (n_all * sizeof *candidates + n) };

  memcpy (node.candidates, candidates, n * sizeof *candidates);
  node.sleeping = node.candidates + n;
  node.marks = (guint8 *)(node.candidates + n_all);
  memset (node.marks, 0, n);
  inherit (self, &node);
  if (self->races == NULL || is_about_luck (&node) ||
      (self->top != KML_TOP_UNKNOWN && self->at < self->top))
    want_all (&node);
  return node;
}

/* Of a node that is not reduced all before the chosen one were tried; of others the marks say it. FALSE: there are none. */
static gboolean
read_marks (KmlScheduleTree *self, Node *node, guint chosen)
{
  if (self->races == NULL || (self->top != KML_TOP_UNKNOWN && self->at < self->top)) {
    memset (node->marks, MARK_WANTED | MARK_TRIED, chosen);
    return TRUE;
  }
  if (self->start_marks->len - self->n_start_marks < node->n)
    return FALSE;
  memcpy (node->marks, self->start_marks->data + self->n_start_marks, node->n);
  self->n_start_marks += node->n;
  node->marks[chosen] = MARK_WANTED;
  return TRUE;
}

/* As the walk would have chosen that came here before. */
static gboolean
choose_as_before (KmlScheduleTree *self, Node *node, guint chosen)
{
  if (chosen >= node->n || sleeps (node, node->candidates[chosen].who) ||
      !read_marks (self, node, chosen))
    return FALSE;
  for (guint i = 0; i < node->n; i++)
    if ((node->marks[i] & MARK_TRIED) == 0)
      continue;
    else if (sleeps (node, node->candidates[i].who))
      node->marks[i] &= (guint8)~MARK_TRIED; /* it was not: it slept */
    else
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
  gboolean good, is_start;
  Node node;

  if (self->at < self->path->len) { /* on the way back to where there is another answer */
    const Node *known = node_at (self, self->at++);

    g_assert (known->n == n); /* T1 */
    return known->chosen;
  }
  if (self->at >= self->max_depth)
    return leave (self, self->max_depth == self->too_long ? KML_TREE_TOO_LONG : KML_TREE_LIMITED);
  node = make_node (self, candidates, n);
  is_start = self->at < self->start->len;
  good = is_start ? choose_as_before (self, &node, g_array_index (self->start, guint32, self->at))
                  : choose_next (self, &node, TRUE);
  if (!good) {
    if (!is_start)
      count_pruned (self, &node);
    clear_node (&node);
    return leave (self, is_start ? KML_TREE_ASTRAY : KML_TREE_BLOCKED);
  }
  g_array_append_val (self->path, node);
  look_for_races (self);
  self->at++;
  return node.chosen;
}

/* What the end of a schedule shows: who could still have gone on; after the first of all, how many choices are not reduced. */
static void
look_at_end (KmlScheduleTree *self)
{
  guint last = self->path->len;

  if (self->races == NULL)
    return;
  while (last > 0 && is_about_luck (node_at (self, last - 1)))
    last--;
  if (self->end == KML_TREE_TO_THE_END && last > 0)
    want_all (node_at (self, last - 1));
  if (self->top != KML_TOP_UNKNOWN)
    return;
  self->top = self->path->len >= LONG ? TOP : 0;
  for (guint i = 0; i < MIN (self->top, self->path->len); i++)
    want_all (node_at (self, i));
}

gboolean
kml_schedule_tree_next (KmlScheduleTree *self)
{
  g_array_set_size (self->start, 0); /* we have been there */
  look_at_end (self);
  while (self->path->len > self->n_fixed) {
    Node *node = node_at (self, self->path->len - 1);

    put_to_sleep (self, node, node->chosen);
    if (self->races != NULL)
      kml_races_truncate (self->races, self->path->len - 1);
    if (choose_next (self, node, FALSE)) {
      look_for_races (self);
      return TRUE;
    }
    count_pruned (self, node);
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

void
kml_schedule_tree_get_choices (const KmlScheduleTree *self, GArray *choices)
{
  g_array_set_size (choices, 0);
  for (guint i = 0; i < self->path->len; i++) {
    const guint32 choice = node_at (self, i)->chosen;

    g_array_append_val (choices, choice);
  }
}

void
kml_schedule_tree_get_place (const KmlScheduleTree *self, KmlTreePlace *place)
{
  kml_schedule_tree_get_choices (self, place->choices);
  g_byte_array_set_size (place->marks, 0);
  place->top = self->top;
  for (guint i = self->top; self->races != NULL && i < self->path->len; i++)
    g_byte_array_append (place->marks, node_at (self, i)->marks, node_at (self, i)->n);
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

/* ---- Places ---- */

void
kml_tree_place_init (KmlTreePlace *self)
{
  *self = (KmlTreePlace){ .choices = g_array_new (FALSE, FALSE, sizeof (guint32)),
                          .marks = g_byte_array_new (),
                          .top = KML_TOP_UNKNOWN };
}

void
kml_tree_place_clear (KmlTreePlace *self)
{
  g_clear_pointer (&self->choices, g_array_unref);
  g_clear_pointer (&self->marks, g_byte_array_unref);
}

void
kml_tree_place_copy (KmlTreePlace *self, const KmlTreePlace *from)
{
  g_array_set_size (self->choices, 0);
  g_array_append_vals (self->choices, from->choices->data, from->choices->len);
  g_byte_array_set_size (self->marks, 0);
  g_byte_array_append (self->marks, from->marks->data, from->marks->len);
  self->top = from->top;
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
