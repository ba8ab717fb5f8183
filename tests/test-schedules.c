/* test-schedules.c: every schedule can be reached, and a random one is each with its probability.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Schedules are enumerated by their choices, in the order of an odometer: the last choice that has another answer is
 * given the next one.
 */

#include "simcore/lock.h"
#include "simcore/rng.h"
#include "simcore/scheduler.h"
#include "tests/testutils.h"

#define MAX_CHOICES 64

typedef struct {
  guint n_begun; /* both tasks stand at their first point before anything is chosen */
  guint n;       /* choices so far in this schedule */
  guint depth;   /* of the odometer */
  guint answers[MAX_CHOICES], wheels[MAX_CHOICES];
  KmlRng *rng; /* (nullable): answers at random instead */
} Choices;

static KmlLock a, b;
static guint n_steps;

static guint
choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  Choices *self = data;

  if (self->n_begun < 2)
    return self->n_begun++; /* first the one begins, then the other */
  if (self->rng != NULL)
    return (guint)kml_rng_below (self->rng, n);
  g_assert_cmpuint (self->n, <, MAX_CHOICES);
  if (self->n == self->depth) {
    self->answers[self->depth] = 0;
    self->wheels[self->depth++] = n;
  }
  g_assert_cmpuint (self->wheels[self->n], ==, n); /* the same choices lead to the same place */
  return self->answers[self->n++];
}

/* FALSE: that was the last schedule. */
static gboolean
next_schedule (Choices *self)
{
  while (self->depth > 0 && self->answers[self->depth - 1] + 1 == self->wheels[self->depth - 1])
    self->depth--;
  if (self->depth > 0)
    self->answers[self->depth - 1]++;
  self->n = 0;
  return self->depth > 0;
}

/* One schedule of two tasks; TRUE: it deadlocked. */
static gboolean
run_schedule (Choices *choices, KmlTaskFunc first, KmlTaskFunc second)
{
  const KmlMachineConfig config = { .n_cpus = 2, .ram = 1 << 16, .page_size = 4096 };
  g_autoptr (KmlMachine) machine = kml_machine_new (&config, NULL);
  const KmlSchedulerConfig settings = {
    .machine = machine,
    .time_slice = KML_MS,
    .until = KML_TIME_MAX,
    .choose = choose,
    .choose_data = choices,
  };
  g_autoptr (KmlScheduler) scheduler = kml_scheduler_new (&settings);
  const KmlTaskConfig tasks[] = { { .name = "T1", .cpu = 0, .func = first },
                                  { .name = "T2", .cpu = 1, .func = second } };

  choices->n_begun = 0;
  kml_lock_init (&a, KML_LOCK_SPIN, "A");
  kml_lock_init (&b, KML_LOCK_SPIN, "B");
  for (guint i = 0; i < 2; i++)
    kml_task_new (scheduler, &tasks[i]);
  kml_scheduler_run (scheduler);
  return kml_scheduler_incidents (scheduler)->len > 0;
}

/* ---- Counting ---- */

static void
only_steps (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < n_steps; i++)
    kml_sync (machine);
}

static guint64
binomial (guint n, guint k)
{
  guint64 result = 1;

  for (guint i = 1; i <= k; i++)
    result = result * (n - k + i) / i;
  return result;
}

START_TEST (two_tasks_have_as_many_schedules_as_their_steps_can_be_interleaved)
{
  Choices choices = { 0 };
  guint64 n = 0;

  n_steps = (guint)_i;
  do {
    ck_assert (!run_schedule (&choices, only_steps, only_steps));
    n++;
  } while (next_schedule (&choices));
  /* the end of a task is a point, too */
  ck_assert_uint_eq (n, binomial (2 * (n_steps + 1), n_steps + 1));
}
END_TEST

/* ---- ABBA ---- */

static void
a_then_b (KmlMachine *machine, gpointer data)
{
  kml_lock_take (machine, &a, KML_LOCK_EXCLUSIVE);
  for (guint i = 0; i < n_steps; i++)
    kml_sync (machine);
  kml_lock_take (machine, &b, KML_LOCK_EXCLUSIVE);
  kml_lock_give (machine, &b);
  kml_lock_give (machine, &a);
}

static void
b_then_a (KmlMachine *machine, gpointer data)
{
  kml_lock_take (machine, &b, KML_LOCK_EXCLUSIVE);
  for (guint i = 0; i < n_steps; i++)
    kml_sync (machine);
  kml_lock_take (machine, &a, KML_LOCK_EXCLUSIVE);
  kml_lock_give (machine, &a);
  kml_lock_give (machine, &b);
}

/* The same two programs as a model of their own, written down as steps: 0 lock own, 1 .. j nothing, then lock other,
 * unlock other, unlock own, end. Counts the schedules from here, and those of them that deadlock. */
typedef struct {
  guint at[2];
  int owner[2];        /* of A and B: 0, 1, or -1 */
  gboolean waiting[2]; /* for a lock */
  gboolean woken[2];   /* has been given it and has yet to notice */
} Model;

static void
count_model (const Model *model, guint64 *ret_all, guint64 *ret_deadlocks)
{
  const guint last = n_steps + 4; /* the end */
  gboolean any = FALSE;

  for (guint t = 0; t < 2; t++) {
    Model next = *model;
    const guint own = t, other = 1 - t;

    if (model->at[t] > last || model->waiting[t])
      continue;
    any = TRUE;
    next.woken[t] = FALSE;
    next.at[t] += !model->woken[t];
    if (model->woken[t]) {
      count_model (&next, ret_all, ret_deadlocks);
      continue;
    }
    if (model->at[t] == 0) {
      next.waiting[t] = model->owner[own] >= 0;
      if (!next.waiting[t])
        next.owner[own] = (int)t;
    } else if (model->at[t] == n_steps + 1) {
      next.waiting[t] = model->owner[other] >= 0;
      if (!next.waiting[t])
        next.owner[other] = (int)t;
    } else if (model->at[t] == n_steps + 2) {
      next.owner[other] = -1;
    } else if (model->at[t] == n_steps + 3) {
      next.owner[own] = -1;
    }
    /* what was given back goes to the one who waits for it */
    for (guint w = 0; w < 2; w++) {
      const guint wanted = next.at[w] == 1 ? w : 1 - w;

      if (next.waiting[w] && w != t && next.owner[wanted] < 0) {
        next.owner[wanted] = (int)w;
        next.waiting[w] = FALSE;
        next.woken[w] = TRUE;
      }
    }
    if (next.waiting[0] && next.waiting[1]) {
      (*ret_all)++;
      (*ret_deadlocks)++;
    } else {
      count_model (&next, ret_all, ret_deadlocks);
    }
  }
  if (!any)
    (*ret_all)++;
}

START_TEST (all_schedules_of_abba_are_those_of_an_independent_model)
{
  const Model start = { .owner = { -1, -1 } };
  Choices choices = { 0 };
  guint64 n = 0, n_deadlocks = 0, all = 0, deadlocks = 0;

  n_steps = (guint)_i;
  do {
    n_deadlocks += run_schedule (&choices, a_then_b, b_then_a);
    n++;
  } while (next_schedule (&choices));
  count_model (&start, &all, &deadlocks);
  ck_assert_uint_eq (n_deadlocks, deadlocks);
  ck_assert_uint_eq (n, all);
}
END_TEST

/* Claim A40: under a scheduler that chooses uniformly, ABBA with j steps between its locks deadlocks with probability
 * 1 - 2^-(j + 1): after the first lock the same task has to be chosen j + 1 times more to have both. */
START_TEST (a_random_schedule_deadlocks_as_often_as_the_coin_says)
{
  const guint n = 4000;
  const double p = 1 - 1.0 / (double)(2u << _i);
  Choices choices = { 0 };
  KmlRng rng;
  guint n_deadlocks = 0;
  double off;

  n_steps = (guint)_i;
  kml_rng_init (&rng, 1, "schedules");
  choices.rng = &rng;
  for (guint i = 0; i < n; i++)
    n_deadlocks += run_schedule (&choices, a_then_b, b_then_a);
  off = n_deadlocks - n * p;
  ck_assert_msg (off * off <= 9 * n * p * (1 - p), "%u of %u, expected %.0f", n_deadlocks, n,
                 n * p);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("schedules");
  TCase *all = tcase_create ("all"), *random = tcase_create ("random");

  tcase_add_loop_test (all, two_tasks_have_as_many_schedules_as_their_steps_can_be_interleaved, 0,
                       5);
  tcase_add_loop_test (all, all_schedules_of_abba_are_those_of_an_independent_model, 0, 3);
  tcase_add_loop_test (random, a_random_schedule_deadlocks_as_often_as_the_coin_says, 0, 5);
  suite_add_tcase (suite, all);
  suite_add_tcase (suite, random);
  return run_suite (suite);
}
