/* races.c: which steps of a schedule could have come in the other order.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two steps of a schedule are *ordered* when they are of one CPU, or touch the same, or the one made the other possible, and so on
 * through others (Lamport's happens-before). Of steps that are not ordered the order does not matter. Two of different CPUs are a *race* when
 * they are ordered by themselves alone, through nobody in between, and the later one was possible before the earlier one: then there is a schedule
 * with the later one first, which may lead elsewhere.
 *
 *     steps        a1   b1   a2   c1          b1 and c1 touch the same; a1, a2 touch something else
 *     not ordered behind b1:  a2              to have c1 before b1, go on instead of b1 with a2 or with c1: the *initials*
 *
 * Vector clocks (Mattern 1988; Fidge 1988): each step knows the last step of every CPU that is ordered before it. So once a step of a CPU is known to be ordered before
 * a new one, all before it on that CPU are, and need not be looked at: a step costs as much as there are steps that are not, and not as the schedule is long.
 *
 * Invariants:
 *   R1  step i is ordered before step j > i if and only if clock j of the CPU of i is above i
 *   R2  last, and before of each step, lead through all steps of a CPU, latest first
 */

#include "scenarios/exploring/races.h"

#include <string.h>

typedef struct {
  KmlCandidate step;
  guint slot;   /* of its CPU in clocks; KML_NO_STEP: it is no step */
  guint before; /* 1 + number of the step of this CPU before it; 0: none */
} Event;

struct _KmlRaces {
  GArray *events; /* (owned) (element-type Event) */
  GArray *whos;   /* (owned) (element-type guint): by slot */
  /* (owned) (element-type guint32): of each event, n_slots: 1 + number of a step; 0: none */
  GArray *clocks;
  guint n_slots; /* room for so many CPUs */
  /* (owned) (array length=n_slots): of each CPU 1 + number of its last step; 0: none */
  guint *last;
  guint *next;     /* (owned) (array length=n_slots): likewise: which is to be looked at */
  GArray *racing;  /* (owned) (element-type guint): of the step that is being added */
  guint32 *clock;  /* (owned) (array length=n_slots): likewise */
  guint *first;    /* (owned) (array length=n_slots): for initials */
  guint *initials; /* (owned) (array length=n_slots) */
};

/* Whether @a changes what comes next on the CPU whose step @b is. */
static gboolean
disturbs (const KmlCandidate *a, const KmlCandidate *b)
{
  return b->kind == KML_CANDIDATE_CPU && a->object == KML_OBJECT_CPU (b->who);
}

gboolean
kml_steps_are_independent (const KmlCandidate *a, const KmlCandidate *b)
{
  if (a->who == b->who || a->object == KML_OBJECT_ANY || b->object == KML_OBJECT_ANY ||
      disturbs (a, b) || disturbs (b, a))
    return FALSE;
  return a->object != b->object || a->object == KML_OBJECT_NONE;
}

KmlRaces *
kml_races_new (void)
{
  KmlRaces *self = g_new0 (KmlRaces, 1);

  self->events = g_array_new (FALSE, FALSE, sizeof (Event));
  self->whos = g_array_new (FALSE, FALSE, sizeof (guint));
  self->clocks = g_array_new (FALSE, TRUE, sizeof (guint32));
  self->racing = g_array_new (FALSE, FALSE, sizeof (guint));
  return self;
}

void
kml_races_free (KmlRaces *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->events);
  g_array_unref (self->whos);
  g_array_unref (self->clocks);
  g_array_unref (self->racing);
  g_free (self->last);
  g_free (self->next);
  g_free (self->clock);
  g_free (self->first);
  g_free (self->initials);
  g_free (self);
}

void
kml_races_truncate (KmlRaces *self, guint n)
{
  for (guint slot = 0; slot < self->whos->len; slot++)
    while (self->last[slot] > n)
      self->last[slot] = g_array_index (self->events, Event, self->last[slot] - 1).before;
  g_array_set_size (self->events, n);
  g_array_set_size (self->clocks, n * self->n_slots);
}

/* ---- Clocks ---- */

static guint32 *
clock_of (const KmlRaces *self, guint i)
{
  return &g_array_index (self->clocks, guint32, i * self->n_slots);
}

/* Room for twice as many CPUs. */
static void
grow (KmlRaces *self)
{
  const guint before = self->n_slots, n = MAX (4, 2 * before);
  GArray *clocks = g_array_new (FALSE, TRUE, sizeof (guint32));

  g_array_set_size (clocks, self->events->len * n);
  for (guint i = 0; before > 0 && i < self->events->len; i++)
    memcpy (&g_array_index (clocks, guint32, i * n), clock_of (self, i), before * sizeof (guint32));
  g_array_unref (self->clocks);
  self->clocks = clocks;
  self->n_slots = n;
  self->last = g_renew (guint, self->last, n);
  memset (self->last + before, 0, (n - before) * sizeof *self->last);
  self->next = g_renew (guint, self->next, n);
  self->clock = g_renew (guint32, self->clock, n);
  self->first = g_renew (guint, self->first, n);
  self->initials = g_renew (guint, self->initials, n);
}

static guint
slot_of (KmlRaces *self, guint who)
{
  for (guint i = 0; i < self->whos->len; i++)
    if (g_array_index (self->whos, guint, i) == who)
      return i;
  g_array_append_val (self->whos, who);
  if (self->whos->len > self->n_slots)
    grow (self);
  return self->whos->len - 1;
}

static void
join (KmlRaces *self, guint i)
{
  const guint32 *other = clock_of (self, i);

  for (guint slot = 0; slot < self->whos->len; slot++)
    self->clock[slot] = MAX (self->clock[slot], other[slot]);
}

/* The latest step that is not known to be ordered before the new one, and was not looked at. KML_NO_STEP: there is none. */
static guint
latest_left (KmlRaces *self)
{
  guint latest = 0;

  for (guint slot = 0; slot < self->whos->len; slot++)
    if (self->next[slot] > self->clock[slot])
      latest = MAX (latest, self->next[slot]);
  return latest > 0 ? latest - 1 : KML_NO_STEP;
}

/* Steps that are ordered before the new one, latest first: those that are so by themselves alone, and of others, race. */
static void
order (KmlRaces *self, const Event *new, guint enabler, gboolean is_possible_before)
{
  guint i;

  g_array_set_size (self->racing, 0);
  memset (self->clock, 0, self->n_slots * sizeof *self->clock);
  memcpy (self->next, self->last, self->whos->len * sizeof *self->next);
  while ((i = latest_left (self)) != KML_NO_STEP) {
    const Event *event = &g_array_index (self->events, Event, i);

    self->next[event->slot] = event->before;
    if (i != enabler && kml_steps_are_independent (&event->step, &new->step))
      continue;
    join (self, i);
    if (event->slot != new->slot && (i != enabler || is_possible_before))
      g_array_append_val (self->racing, i);
  }
  self->clock[new->slot] = self->events->len + 1;
}

/* ---- Initials ---- */

/* Of the steps behind @at that are not ordered behind it, the new one included: is nothing of theirs ordered before this one? */
static gboolean
is_initial (const KmlRaces *self, const guint32 *clock)
{
  for (guint slot = 0; slot < self->whos->len; slot++)
    if (self->first[slot] != KML_NO_STEP && clock[slot] > self->first[slot])
      return FALSE;
  return TRUE;
}

static void
tell (KmlRaces *self, guint at, const Event *new, KmlRaceFunc found, gpointer data)
{
  const guint slot_at = g_array_index (self->events, Event, at).slot;
  guint n = 0;

  for (guint slot = 0; slot < self->whos->len; slot++)
    self->first[slot] = KML_NO_STEP;
  for (guint i = at + 1; i < self->events->len; i++) {
    const Event *event = &g_array_index (self->events, Event, i);

    if (event->slot == KML_NO_STEP || clock_of (self, i)[slot_at] > at)
      continue;
    /* its own entry is itself, and nobody's first yet, or it comes behind its CPU's first */
    if (self->first[event->slot] == KML_NO_STEP) {
      if (is_initial (self, clock_of (self, i)))
        self->initials[n++] = event->step.who;
      self->first[event->slot] = i;
    }
  }
  if (self->first[new->slot] == KML_NO_STEP && is_initial (self, self->clock)) {
    self->initials[n] = self->initials[0]; /* it comes first: with it the race is turned round */
    self->initials[0] = new->step.who;
    n++;
  }
  found (at, self->initials, n, data);
}

void
kml_races_add (KmlRaces *self, const KmlCandidate *step, guint enabler, gboolean is_possible_before,
               KmlRaceFunc found, gpointer data)
{
  Event event = { .step = *step, .slot = KML_NO_STEP };
  const guint n = self->events->len;

  if (step->kind <= KML_CANDIDATE_TIMER) {
    event.slot = slot_of (self, step->who);
    order (self, &event, enabler, is_possible_before);
    for (guint i = 0; i < self->racing->len; i++)
      tell (self, g_array_index (self->racing, guint, i), &event, found, data);
  }
  if (event.slot != KML_NO_STEP) {
    event.before = self->last[event.slot];
    self->last[event.slot] = n + 1;
  }
  g_array_append_val (self->events, event);
  g_array_set_size (self->clocks, (n + 1) * self->n_slots);
  if (event.slot != KML_NO_STEP)
    memcpy (clock_of (self, n), self->clock, self->n_slots * sizeof *self->clock);
}
