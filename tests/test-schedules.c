/* test-schedules.c: every schedule can be reached, and a random one is each with its probability.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Schedules are enumerated by their choices, in the order of an odometer: the last choice that has another answer is
 * given the next one.
 */

#include "scenarios/running/chooser.h"
#include "simcore/locks/lock.h"
#include "simcore/tasks/scheduler.h"
#include "tests/odometer.h"
#include "tests/testutils.h"

#include <math.h>

typedef struct {
  Odometer odometer;
  KmlChooser *chooser; /* (nullable): answers by chance instead */
} Choices;

static KmlLock a, b;
static guint n_steps;

static guint
choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  Choices *self = data;

  if (self->chooser != NULL)
    return kml_chooser_choose (candidates, n, self->chooser);
  return odometer_choose (&self->odometer, n);
}

/* Two tasks, each on a CPU, that go back to their beginning for each schedule. */
static struct {
  KmlMachine *machine;     /* (owned) */
  KmlScheduler *scheduler; /* (owned) */
  KmlImage *image;         /* (owned) */
  Choices *choices;
} rig;

static guint
ask (const KmlCandidate *candidates, guint n, gpointer data)
{
  return choose (candidates, n, rig.choices);
}

static void
set_up (KmlTaskFunc first, KmlTaskFunc second)
{
  const KmlMachineConfig config = { .n_cpus = 2, .ram = 1 << 16, .page_size = 4096 };
  const KmlTaskConfig tasks[] = { { .name = "T1", .cpu = 0, .func = first },
                                  { .name = "T2", .cpu = 1, .func = second } };
  KmlSchedulerConfig settings = { .time_slice = KML_MS, .until = KML_TIME_MAX, .choose = ask };

  settings.machine = rig.machine = kml_machine_new (&config, NULL);
  rig.scheduler = kml_scheduler_new (&settings);
  rig.image = kml_image_new ();
  kml_lock_init (&a, KML_LOCK_SPIN, "A");
  kml_lock_init (&b, KML_LOCK_SPIN, "B");
  for (guint i = 0; i < 2; i++)
    kml_task_new (rig.scheduler, &tasks[i]);
  kml_machine_remember (rig.machine, rig.image);
  kml_scheduler_remember (rig.scheduler, rig.image);
  kml_image_add (rig.image, &a, sizeof a);
  kml_image_add (rig.image, &b, sizeof b);
  kml_image_take (rig.image);
}

static void
tear_down (void)
{
  g_clear_pointer (&rig.scheduler, kml_scheduler_free);
  g_clear_pointer (&rig.machine, kml_machine_free);
  g_clear_pointer (&rig.image, kml_image_free);
}

/* One schedule; TRUE: it deadlocked. */
static gboolean
run_schedule (Choices *choices)
{
  rig.choices = choices;
  kml_image_put_back (rig.image);
  kml_scheduler_run (rig.scheduler);
  return kml_scheduler_incidents (rig.scheduler)->len > 0;
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
  set_up (only_steps, only_steps);
  do {
    ck_assert (!run_schedule (&choices));
    n++;
  } while (odometer_turn (&choices.odometer));
  /* the end of a task is a point, too */
  ck_assert_uint_eq (n, binomial (2 * (n_steps + 1), n_steps + 1));
  tear_down ();
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
  set_up (a_then_b, b_then_a);
  do {
    n_deadlocks += run_schedule (&choices);
    n++;
  } while (odometer_turn (&choices.odometer));
  tear_down ();
  count_model (&start, &all, &deadlocks);
  ck_assert_uint_eq (n_deadlocks, deadlocks);
  ck_assert_uint_eq (n, all);
}
END_TEST

/* Of @n schedules of ABBA by chance, how many deadlock; the most steps that one has. */
static guint
count_deadlocks (KmlChooser *chooser, guint n, guint64 *ret_longest)
{
  Choices choices = { .chooser = chooser };
  guint n_deadlocks = 0;

  *ret_longest = 0;
  set_up (a_then_b, b_then_a);
  for (guint i = 0; i < n; i++) {
    kml_chooser_begin (chooser, 1, i);
    n_deadlocks += run_schedule (&choices);
    *ret_longest = MAX (*ret_longest, chooser->at);
  }
  tear_down ();
  return n_deadlocks;
}

/* Claim A40: under a scheduler that chooses uniformly, ABBA with j steps between its locks deadlocks with probability
 * 1 - 2^-(j + 1): after the first lock the same task has to be chosen j + 1 times more to have both. */
START_TEST (a_random_schedule_deadlocks_as_often_as_the_coin_says)
{
  const guint n = 10000;
  const double p = 1 - 1.0 / (double)(2u << _i);
  KmlChooser chooser = { .kind = KML_CHOOSER_RANDOM };
  guint64 longest;
  guint n_deadlocks;
  double off;

  n_steps = (guint)_i;
  n_deadlocks = count_deadlocks (&chooser, n, &longest);
  off = n_deadlocks - n * p;
  ck_assert_msg (off * off <= 9 * n * p * (1 - p), "%u of %u, expected %.0f", n_deadlocks, n,
                 n * p);
}
END_TEST

/* Claim A39: PCT finds a bug of depth d, of two threads and k steps, with probability 1 / (2 k^(d-1)) at least. ABBA has depth 2: each takes its
 * first lock before the other takes its second one. */
START_TEST (pct_deadlocks_at_least_as_often_as_is_guaranteed)
{
  const guint n = 10000;
  KmlChooser chooser = { .kind = KML_CHOOSER_RANDOM };
  guint64 k, longest;
  double p, least;
  guint n_deadlocks;

  n_steps = (guint)_i;
  count_deadlocks (&chooser, 50, &k);
  chooser = (KmlChooser){ .kind = KML_CHOOSER_PCT, .depth = 2, .steps = k };
  n_deadlocks = count_deadlocks (&chooser, n, &longest);
  p = 1 / (2 * (double)k);
  least = n * p - 3 * sqrt (n * p * (1 - p));
  ck_assert_msg (n_deadlocks >= least, "%u of %u, expected %.0f at least", n_deadlocks, n, least);
}
END_TEST

/* A bug of depth 2 needs one change of priority. */
START_TEST (pct_of_depth_1_changes_nothing_and_finds_nothing)
{
  KmlChooser chooser = { .kind = KML_CHOOSER_PCT, .depth = 1, .steps = 10 };
  guint64 longest;

  n_steps = 2;
  ck_assert_uint_eq (count_deadlocks (&chooser, 200, &longest), 0);
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
  tcase_add_loop_test (random, pct_deadlocks_at_least_as_often_as_is_guaranteed, 0, 5);
  tcase_add_test (random, pct_of_depth_1_changes_nothing_and_finds_nothing);
  suite_add_tcase (suite, all);
  suite_add_tcase (suite, random);
  return run_suite (suite);
}
