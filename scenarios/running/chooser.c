/* chooser.c: who comes next, by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding
 * Bugs", ASPLOS 2010: probabilistic concurrency testing (PCT).
 *
 * Drawing each step evenly rarely keeps anybody away for long. PCT gives every thread a random priority and always lets the
 * highest go on; at d - 1 random ones of the k steps the thread that has just made it gets a priority below all others.
 * A bug that needs d orderings of steps is found with probability 1 / (n k^(d-1)) at least, whatever the program.
 *
 * Threads are what a choice is between here: the CPUs, and the timers of the machine together. k is what the caller says; schedules that are
 * longer have no changes behind the k-th step. What may go wrong (inject.h) does so with a given probability.
 */

#include "scenarios/running/chooser.h"

#include <string.h>

void
kml_chooser_begin (KmlChooser *self, guint64 seed, guint64 index)
{
  self->at = 0;
  kml_rng_init (&self->rng, kml_rng_repetition_seed (seed, index), "schedule");
  if (self->kind != KML_CHOOSER_PCT)
    return;
  g_assert (self->depth >= 1);
  g_assert (self->depth <= KML_MAX_DEPTH);
  memset (self->priorities, 0, sizeof self->priorities);
  for (guint i = 0; i + 1 < self->depth; i++)
    self->change_points[i] = 1 + kml_rng_below (&self->rng, MAX (self->steps, 1));
}

/* Above those that change points give, which are 1 .. d - 1. Two are equal with probability 2^-31: then the first is the higher. */
static guint32
priority_of (KmlChooser *self, guint who)
{
  guint32 *priority = &self->priorities[who % KML_N_PRIORITIES];

  if (*priority == 0)
    *priority = (guint32)kml_rng_below (&self->rng, G_MAXINT32) + KML_MAX_DEPTH;
  return *priority;
}

static guint
choose_highest (KmlChooser *self, const KmlCandidate *candidates, guint n)
{
  guint best = 0;

  for (guint i = 0; i < n; i++)
    if (priority_of (self, candidates[i].who) > priority_of (self, candidates[best].who))
      best = i;
  self->at++;
  for (guint i = 0; i + 1 < self->depth; i++)
    if (self->change_points[i] == self->at)
      self->priorities[candidates[best].who % KML_N_PRIORITIES] = i + 1;
  return best;
}

static guint
choose_earliest (const KmlCandidate *candidates, guint n)
{
  guint best = 0;

  for (guint i = 1; i < n; i++)
    if (candidates[i].time < candidates[best].time)
      best = i;
  return best;
}

guint
kml_chooser_choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  KmlChooser *self = data;

  if (self->kind == KML_CHOOSER_CLOCK)
    return choose_earliest (candidates, n); /* equal ones: that it goes well is the first */
  if (candidates[0].kind == KML_CANDIDATE_WELL)
    return kml_rng_below (&self->rng, KML_SHARE_ONE) < self->share;
  if (self->kind == KML_CHOOSER_PCT)
    return choose_highest (self, candidates, n);
  self->at++;
  return (guint)kml_rng_below (&self->rng, n);
}
