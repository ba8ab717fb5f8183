/* test-turns.c: turns, against a search among all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: turns are set, brought forward, taken back and taken, drawn at random, for so many at most that the heap has one level, several, and a last one
 * that is full or has a single node. Times are few, so that many are equal. After each step the first is that which a search finds, and T1 to T3 hold.
 */

#include "simcore/base/rng.h"
#include "simcore/tasks/turns.h"
#include "tests/testutils.h"

#define MOST 1000

typedef struct {
  KmlTurns turns;
  KmlTurn of[MOST]; /* KML_TURN_NEVER: it has none */
  guint n;
  guint64 n_set;
  KmlTime now;
  KmlRng rng;
} Fixture;

static KmlTurn
search (const Fixture *self)
{
  KmlTurn first = KML_TURN_NEVER;

  for (guint i = 0; i < self->n; i++)
    first = MIN (first, self->of[i]);
  return first;
}

static KmlTurn
new_turn (Fixture *self, guint who, KmlTime time)
{
  return self->of[who] = kml_turn (time, self->n_set++, who);
}

static KmlTime
soon (Fixture *self)
{
  return self->now + kml_rng_below (&self->rng, 4);
}

static void
check (const Fixture *self)
{
  const KmlTurns *turns = &self->turns;
  guint n = 0;

  for (guint who = 0; who < self->n; who++) {
    if (self->of[who] == KML_TURN_NEVER)
      continue;
    n++;
    ck_assert (*turns->places[who] == self->of[who]); /* T2 */
  }
  ck_assert_uint_eq (turns->last - turns->nodes, n);
  for (guint i = 2; i <= n; i++)
    ck_assert (turns->nodes[i / 2] < turns->nodes[i]); /* T1 */
  for (guint i = n + 1; i < turns->n_room + 2; i++)
    ck_assert (turns->nodes[i] == KML_TURN_NEVER); /* T3 */
}

/* The first is taken, and now it is then. Returns whose it was. */
static guint
take (Fixture *self)
{
  const KmlTurn first = kml_turns_first (&self->turns);

  self->now = kml_turn_time (first);
  self->of[kml_turn_who (first)] = KML_TURN_NEVER;
  return kml_turn_who (first);
}

static void
take_and_maybe_add (Fixture *self)
{
  const guint who = take (self);

  if (kml_rng_below (&self->rng, 3) > 0)
    kml_turns_take_and_add (&self->turns, new_turn (self, who, soon (self)));
  else
    kml_turns_take (&self->turns);
}

static void
set (Fixture *self, guint who)
{
  const KmlTime time = soon (self);

  if (self->of[who] == KML_TURN_NEVER)
    kml_turns_add (&self->turns, new_turn (self, who, time));
  else if (time < kml_turn_time (self->of[who]))
    kml_turns_bring_forward (&self->turns, new_turn (self, who, time));
}

static void
remove_one (Fixture *self, guint who)
{
  if (self->of[who] == KML_TURN_NEVER)
    return;
  kml_turns_remove (&self->turns, who);
  self->of[who] = KML_TURN_NEVER;
}

START_TEST (the_first_is_the_earliest)
{
  static const guint numbers[] = { 1, 2, 3, 4, 5, 7, 8, 63, 64, 65, MOST };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    Fixture self = { .n = numbers[i] };

    kml_rng_init (&self.rng, numbers[i], "turns");
    kml_turns_init (&self.turns, self.n);
    for (guint who = 0; who < MOST; who++)
      self.of[who] = KML_TURN_NEVER;
    for (guint step = 0; step < 20000; step++) {
      const guint what = (guint)kml_rng_below (&self.rng, 8);
      const guint who = (guint)kml_rng_below (&self.rng, self.n);

      if (what < 2 && kml_turns_first (&self.turns) != KML_TURN_NEVER)
        take_and_maybe_add (&self);
      else if (what < 7)
        set (&self, who);
      else
        remove_one (&self, who);
      ck_assert (kml_turns_first (&self.turns) == search (&self));
      if (step % 16 == 0)
        check (&self);
    }
    kml_turns_finish (&self.turns);
  }
}
END_TEST

START_TEST (turns_stay_when_there_is_more_room)
{
  Fixture self = { .n = MOST };

  kml_turns_init (&self.turns, 0);
  for (guint who = 0; who < MOST; who++)
    self.of[who] = KML_TURN_NEVER;
  for (guint who = 0; who < MOST; who++) {
    kml_turns_make_room (&self.turns, who + 1);
    kml_turns_add (&self.turns, new_turn (&self, who, who * 7 % 13));
  }
  check (&self);
  while (kml_turns_first (&self.turns) != KML_TURN_NEVER) {
    ck_assert (kml_turns_first (&self.turns) == search (&self));
    take (&self);
    kml_turns_take (&self.turns);
  }
  kml_turns_finish (&self.turns);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("turns");
  TCase *all = tcase_create ("all");

  tcase_add_test (all, the_first_is_the_earliest);
  tcase_add_test (all, turns_stay_when_there_is_more_room);
  suite_add_tcase (suite, all);
  return run_suite (suite);
}
