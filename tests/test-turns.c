/* test-turns.c: turns of CPUs, against a search among all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: CPUs run, stop with a turn or without one, get an earlier one, and lose theirs, drawn at random and for every number
 * of CPUs around which the tree changes its height. After each step the first turn is that which a search finds (T1).
 */

#include "simcore/rng.h"
#include "simcore/turns.h"
#include "tests/testutils.h"

#define NOBODY G_MAXUINT

typedef struct {
  KmlTurns turns;
  KmlTurn of[KML_MAX_CPUS]; /* KML_TURN_NEVER: it has none */
  guint n_cpus, running;    /* NOBODY: none runs */
  guint64 n_set;
  KmlTime now;
  KmlRng rng;
} Fixture;

static KmlTurn
search (const Fixture *self)
{
  KmlTurn first = KML_TURN_NEVER;

  for (guint i = 0; i < self->n_cpus; i++)
    if (i != self->running && self->of[i] < first)
      first = self->of[i];
  return first;
}

/* Few times, so that many are equal. */
static KmlTurn
later_turn (Fixture *self, guint cpu)
{
  return kml_turn (self->now + kml_rng_below (&self->rng, 4), self->n_set++, cpu);
}

/* Who runs stops, with a turn or without one. */
static void
stop (Fixture *self)
{
  const guint cpu = self->running;
  const KmlTurn turn = kml_rng_below (&self->rng, 3) > 0 ? later_turn (self, cpu) : KML_TURN_NEVER;
  const gboolean is_behind = turn > search (self);

  self->running = NOBODY;
  self->of[cpu] = turn;
  if (is_behind && kml_rng_below (&self->rng, 2) > 0)
    kml_turns_stop_behind (&self->turns, cpu, turn);
  else
    kml_turns_stop (&self->turns, cpu, turn);
}

/* Who runs stops, and the first goes on. */
static void
stop_and_go_on (Fixture *self)
{
  KmlTurn first;

  if (self->running != NOBODY)
    stop (self);
  first = search (self);
  ck_assert (kml_turns_first (&self->turns) == first);
  if (first == KML_TURN_NEVER)
    return;
  self->running = kml_turn_cpu (first);
  self->now = kml_turn_time (first);
  self->of[self->running] = KML_TURN_NEVER;
  ck_assert_uint_eq (kml_turns_run (&self->turns, self->running), kml_turn_time (search (self)));
}

/* Another one gets a turn, or an earlier one. */
static void
kick (Fixture *self, guint cpu)
{
  const KmlTurn turn = later_turn (self, cpu);

  if (cpu == self->running || turn > self->of[cpu])
    return;
  self->of[cpu] = turn;
  kml_turns_set (&self->turns, cpu, turn);
}

static void
forget (Fixture *self, guint cpu)
{
  if (cpu == self->running)
    return;
  self->of[cpu] = KML_TURN_NEVER;
  kml_turns_forget (&self->turns, cpu);
  if (self->running != NOBODY)
    kml_turns_run (&self->turns, self->running);
}

START_TEST (the_first_is_the_earliest_of_those_that_do_not_run)
{
  static const guint numbers[] = { 1, 2, 3, 4, 5, 15, 16, 17, 64, 65, 255, 256 };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    Fixture self = { .n_cpus = numbers[i], .running = NOBODY };

    kml_rng_init (&self.rng, numbers[i], "turns");
    kml_turns_init (&self.turns, self.n_cpus);
    for (guint cpu = 0; cpu < KML_MAX_CPUS; cpu++)
      self.of[cpu] = KML_TURN_NEVER;
    for (guint step = 0; step < 20000; step++) {
      const guint what = (guint)kml_rng_below (&self.rng, 8);
      const guint cpu = (guint)kml_rng_below (&self.rng, self.n_cpus);

      if (what < 5)
        stop_and_go_on (&self);
      else if (what < 7)
        kick (&self, cpu);
      else
        forget (&self, cpu);
      ck_assert (kml_turns_first (&self.turns) == search (&self));
    }
    kml_turns_finish (&self.turns);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("turns");
  TCase *all = tcase_create ("all");

  tcase_add_test (all, the_first_is_the_earliest_of_those_that_do_not_run);
  suite_add_tcase (suite, all);
  return run_suite (suite);
}
