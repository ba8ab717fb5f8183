/* test-tasks.c: tasks, CPUs and locks do what simulated time says.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Interrupts alone are in test-interrupts.c.
 */

#include "simcore/base/rng.h"
#include "tests/tasks-fixture.h"

/* ---- Time ---- */

static void
three_steps (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 3; i++) {
    kml_sync (machine);
    note (machine, "step");
    kml_work (machine, GPOINTER_TO_UINT (data) * KML_NS);
  }
}

START_TEST (cpus_touch_what_is_shared_in_the_order_of_their_clocks)
{
  set_up (2);
  start ("fast", 0, 0, three_steps, GUINT_TO_POINTER (10));
  start ("slow", 1, 0, three_steps, GUINT_TO_POINTER (25));
  kml_scheduler_run (rig.scheduler);
  expect_log ("fast step@0, slow step@0, fast step@10, fast step@20, slow step@25, slow step@50");
  ck_assert_uint_eq (rig.machine->now, 75 * KML_NS);
  expect_peace ();
  tear_down ();
}
END_TEST

static void
sleeper (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 2; i++) {
    kml_sleep (machine, GPOINTER_TO_UINT (data) * KML_NS);
    note (machine, "awake");
    kml_work (machine, 5 * KML_NS);
  }
}

START_TEST (a_task_that_is_alone_ends_with_the_run)
{
  static const struct {
    guint step;
    const char *log;
  } cases[] = { { 10, "alone step@0, alone step@10, alone step@20" }, { 100, "alone step@0" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    set_up_until (1, 25 * KML_NS);
    start ("alone", 0, 0, three_steps, GUINT_TO_POINTER (cases[i].step));
    kml_scheduler_run (rig.scheduler);
    expect_log (cases[i].log);
    ck_assert_uint_eq (rig.machine->now, 25 * KML_NS);
    expect_peace ();
    tear_down ();
  }
}
END_TEST

START_TEST (who_sleeps_leaves_the_cpu_to_others_and_waits_for_it_when_it_wakes)
{
  set_up (1);
  start ("x", 0, 0, sleeper, GUINT_TO_POINTER (10));
  start ("y", 0, 0, sleeper, GUINT_TO_POINTER (12));
  kml_scheduler_run (rig.scheduler);
  expect_log ("x awake@10, y awake@15, x awake@25, y awake@32");
  tear_down ();
}
END_TEST

/* In one step, where nothing is in the way, or by all steps there are. */
typedef void (*SleepFunc) (KmlMachine *machine, KmlTime time);

static void
sleep_by_all_steps (KmlMachine *machine, KmlTime time)
{
  kml_task_io (machine, "a time", time);
}

typedef struct {
  SleepFunc sleep;
  guint number;
} Restless;

/* Few times, so that many are equal. */
static void
restless (KmlMachine *machine, gpointer data)
{
  const Restless *self = data;
  KmlRng rng;

  kml_rng_init (&rng, self->number, "restless");
  for (guint i = 0; i < 300; i++) {
    self->sleep (machine, (1 + kml_rng_below (&rng, 4)) * KML_NS);
    kml_sync (machine);
    note (machine, "");
    kml_work (machine, kml_rng_below (&rng, 3) * KML_NS);
  }
}

static char *
log_of_restless (guint n_tasks, SleepFunc sleep, KmlTime to_switch)
{
  Restless tasks[7];
  char *log;

  set_up (3);
  rig.machine->cost[KML_COST_SWITCH] = to_switch;
  for (guint i = 0; i < n_tasks; i++) {
    const char name[] = { (char)('a' + i), '\0' };

    tasks[i] = (Restless){ sleep, i };
    start (name, i % 3, 0, restless, &tasks[i]);
  }
  kml_scheduler_run (rig.scheduler);
  expect_peace ();
  log = g_strdup_printf ("%s, %" G_GUINT64_FORMAT " switches", rig.log->str,
                         kml_scheduler_n_switches (rig.scheduler));
  tear_down ();
  return log;
}

START_TEST (sleeps_in_one_step_are_like_those_by_all_steps)
{
  for (guint n_tasks = 1; n_tasks <= 7; n_tasks++)
    for (KmlTime to_switch = 0; to_switch <= KML_NS; to_switch += KML_NS / 2) {
      g_autofree char *in_one = log_of_restless (n_tasks, kml_sleep, to_switch);
      g_autofree char *by_all = log_of_restless (n_tasks, sleep_by_all_steps, to_switch);

      ck_assert_msg (g_str_equal (in_one, by_all), "%u tasks", n_tasks);
    }
}
END_TEST

static void
worker (KmlMachine *machine, gpointer data)
{
  note (machine, "begins");
  kml_work (machine, 2500 * KML_US);
  note (machine, "ends");
}

START_TEST (equal_tasks_take_turns_when_a_time_slice_is_over)
{
  set_up (1);
  start ("x", 0, 0, worker, NULL);
  start ("y", 0, 0, worker, NULL);
  kml_scheduler_run (rig.scheduler);
  /* x 1 ms, y 1 ms, x 1 ms, y 1 ms, x its last half, y its last half */
  expect_log ("x begins@0, y begins@1000000, x ends@4500000, y ends@5000000");
  tear_down ();
}
END_TEST

START_TEST (a_higher_task_preempts_at_once)
{
  KmlTaskConfig urgent = { .name = "urgent", .priority = 1, .start = 300 * KML_US, .func = worker };

  set_up (1);
  start ("x", 0, 0, worker, NULL);
  kml_task_new (rig.scheduler, &urgent);
  kml_scheduler_run (rig.scheduler);
  expect_log ("x begins@0, urgent begins@300000, urgent ends@2800000, x ends@5000000");
  tear_down ();
}
END_TEST

/* ---- Locks ---- */

static void
critical (KmlMachine *machine, gpointer data)
{
  KmlLock *lock = data;

  kml_lock_take (machine, lock, KML_LOCK_EXCLUSIVE);
  note (machine, "has");
  kml_work (machine, 10 * KML_NS);
  kml_lock_give (machine, lock);
}

START_TEST (a_contended_lock_is_given_in_the_order_in_which_it_was_asked_for)
{
  set_up (4);
  rig.machine->cost[KML_COST_HANDOVER] = 2 * KML_NS;
  start ("p", 0, 0, critical, &rig.a);
  start ("q", 1, 3 * KML_NS, critical, &rig.a);
  start ("r", 2, 1 * KML_NS, critical, &rig.a);
  start ("s", 3, 2 * KML_NS, critical, &rig.a);
  kml_scheduler_run (rig.scheduler);
  expect_log ("p has@0, r has@12, s has@24, q has@36");
  ck_assert_uint_eq (rig.a.n_contended, 3);
  ck_assert_uint_eq (rig.a.worst_wait, 33 * KML_NS);
  tear_down ();
}
END_TEST

START_TEST (a_hand_over_takes_longer_the_more_others_wait)
{
  set_up (4);
  rig.machine->cost[KML_COST_BYSTANDER] = KML_NS;
  for (guint i = 0; i < 4; i++)
    start ("p", i, i * KML_NS, critical, &rig.a);
  kml_scheduler_run (rig.scheduler);
  /* two others wait at the first hand-over, then one, then none */
  expect_log ("p has@0, p has@12, p has@23, p has@33");
  tear_down ();
}
END_TEST

START_TEST (who_waits_for_a_mutex_sleeps)
{
  KmlLock mutex;

  set_up (2);
  kml_lock_init (&mutex, KML_LOCK_MUTEX, "M");
  start ("p", 0, 0, critical, &mutex);
  start ("q", 1, 1 * KML_NS, critical, &mutex);
  start ("other", 1, 2 * KML_NS, work_100, NULL);
  kml_scheduler_run (rig.scheduler);
  /* q sleeps at 1; other has its CPU from 2 on, and no slice has ended when q is given the mutex at 10 */
  expect_log ("p has@0, other done@102, q has@102");
  expect_peace ();
  tear_down ();
}
END_TEST

static void
reader (KmlMachine *machine, gpointer data)
{
  kml_lock_take (machine, data, KML_LOCK_SHARED);
  note (machine, "reads");
  kml_work (machine, 10 * KML_NS);
  kml_lock_give (machine, data);
}

START_TEST (readers_share_and_a_writer_is_alone)
{
  KmlLock lock;

  set_up (4);
  kml_lock_init (&lock, KML_LOCK_RW, "rw");
  start ("r1", 0, 0, reader, &lock);
  start ("r2", 1, 5 * KML_NS, reader, &lock);
  start ("w", 2, 6 * KML_NS, critical, &lock);
  start ("r3", 3, 7 * KML_NS, reader, &lock);
  kml_scheduler_run (rig.scheduler);
  expect_log ("r1 reads@0, r2 reads@5, w has@15, r3 reads@25");
  tear_down ();
}
END_TEST

/* ---- What should not be ---- */

static void
a_then_b (KmlMachine *machine, gpointer data)
{
  KML_CALL (machine, "a_then_b");
  kml_lock_take (machine, &rig.a, KML_LOCK_EXCLUSIVE);
  kml_work (machine, 10 * KML_NS);
  kml_lock_take (machine, &rig.b, KML_LOCK_EXCLUSIVE);
  kml_lock_give (machine, &rig.b);
  kml_lock_give (machine, &rig.a);
}

static void
b_then_a (KmlMachine *machine, gpointer data)
{
  KML_CALL (machine, "b_then_a");
  kml_lock_take (machine, &rig.b, KML_LOCK_EXCLUSIVE);
  kml_work (machine, 10 * KML_NS);
  kml_lock_take (machine, &rig.a, KML_LOCK_EXCLUSIVE);
  kml_lock_give (machine, &rig.a);
  kml_lock_give (machine, &rig.b);
}

START_TEST (abba_is_a_deadlock_at_the_moment_its_cycle_closes)
{
  const KmlIncident *incident;
  const KmlIncidentEdge *edges;
  g_autofree char *story = NULL;

  set_up (2);
  start ("T1", 0, 0, a_then_b, NULL);
  start ("T2", 1, 4 * KML_NS, b_then_a, NULL);
  kml_scheduler_run (rig.scheduler);
  incident = only_incident (KML_INCIDENT_DEADLOCK);
  edges = (const KmlIncidentEdge *)incident->edges->data;
  ck_assert_uint_eq (incident->time, 14 * KML_NS);
  ck_assert_uint_eq (incident->edges->len, 2);
  ck_assert_str_eq (edges[0].waiter, "T2");
  ck_assert_str_eq (edges[0].resource, "A");
  ck_assert_str_eq (edges[0].waits_for, "T1");
  ck_assert_str_eq (g_array_index (edges[0].held, KmlIncidentHold, 0).name, "B");
  ck_assert_str_eq (edges[0].site, "b_then_a");
  ck_assert_uint_eq (edges[0].since, 14 * KML_NS);
  ck_assert_str_eq (edges[1].waiter, "T1");
  ck_assert_str_eq (edges[1].resource, "B");
  ck_assert_str_eq (edges[1].waits_for, "T2");
  ck_assert_uint_eq (edges[1].since, 10 * KML_NS);
  story = kml_incident_story (incident);
  ck_assert_str_eq (
      story, "deadlock at 14 ns: 2 tasks wait in a cycle\n"
             "  1.          0 s  T1 takes A\n"
             "  2.         4 ns  T2 takes B\n"
             "  3.        10 ns  T1 waits for B, which T2 has; in a_then_b\n"
             "  4.        14 ns  T2 waits for A, which T1 has; in b_then_a: the cycle is closed\n"
             "remedy: take A and B in one order everywhere, or only try the last (try-lock) and "
             "give the others back when that fails\n");
  tear_down ();
}
END_TEST

START_TEST (abba_at_another_time_is_none)
{
  set_up (2);
  start ("T1", 0, 0, a_then_b, NULL);
  start ("T2", 1, 11 * KML_NS, b_then_a, NULL);
  kml_scheduler_run (rig.scheduler);
  expect_peace ();
  tear_down ();
}
END_TEST

static void
takes_a (KmlMachine *machine, gpointer data)
{
  kml_lock_take (machine, &rig.a, KML_LOCK_EXCLUSIVE);
  kml_lock_give (machine, &rig.a);
}

START_TEST (a_handler_that_wants_the_lock_of_whom_it_interrupts_is_a_deadlock)
{
  const KmlIncident *incident;

  set_up (1);
  start ("x", 0, 0, critical, &rig.a);
  interrupt_at (4 * KML_NS, 0, takes_a);
  kml_scheduler_run (rig.scheduler);
  incident = only_incident (KML_INCIDENT_DEADLOCK);
  ck_assert_uint_eq (incident->time, 4 * KML_NS);
  ck_assert_str_eq (g_array_index (incident->edges, KmlIncidentEdge, 0).waiter, "irq");
  ck_assert_str_eq (g_array_index (incident->edges, KmlIncidentEdge, 1).resource, "CPU 0");
  tear_down ();
}
END_TEST

START_TEST (the_same_with_interrupts_off_is_none)
{
  set_up (1);
  rig.a.kind = KML_LOCK_SPIN_IRQ;
  start ("x", 0, 0, critical, &rig.a);
  interrupt_at (4 * KML_NS, 0, takes_a);
  kml_scheduler_run (rig.scheduler);
  expect_peace ();
  tear_down ();
}
END_TEST

static void
sleeps_in_a (KmlMachine *machine, gpointer data)
{
  kml_lock_take (machine, &rig.a, KML_LOCK_EXCLUSIVE);
  kml_sleep (machine, 30 * KML_NS);
  kml_lock_give (machine, &rig.a);
  note (machine, "done");
}

START_TEST (to_sleep_with_a_spinlock_is_a_bug_and_keeps_the_cpu_busy)
{
  set_up (1);
  start ("x", 0, 0, sleeps_in_a, NULL);
  start ("y", 0, 0, work_100, NULL);
  kml_scheduler_run (rig.scheduler);
  expect_log ("x done@30, y done@130");
  ck_assert_uint_eq (only_incident (KML_INCIDENT_SLEEP_IN_ATOMIC)->time, 0);
  tear_down ();
}
END_TEST

static void
waits_for_ever (KmlMachine *machine, gpointer data)
{
  const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = "Godot" };

  kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
}

START_TEST (a_wait_that_nobody_ends_is_a_stall)
{
  const KmlIncident *incident;

  set_up (2);
  start ("Vladimir", 0, 0, waits_for_ever, NULL);
  start ("x", 1, 0, work_100, NULL);
  kml_scheduler_run (rig.scheduler);
  incident = only_incident (KML_INCIDENT_STALL);
  ck_assert_uint_eq (incident->time, 100 * KML_NS);
  ck_assert_uint_eq (incident->edges->len, 1);
  ck_assert_str_eq (g_array_index (incident->edges, KmlIncidentEdge, 0).resource, "Godot");
  ck_assert_ptr_null (g_array_index (incident->edges, KmlIncidentEdge, 0).waits_for);
  tear_down ();
}
END_TEST

static void
gives_a (KmlMachine *machine, gpointer data)
{
  kml_lock_give (machine, &rig.a);
}

START_TEST (to_give_back_what_one_does_not_hold_is_a_bug)
{
  set_up (1);
  start ("x", 0, 0, gives_a, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_str_eq (only_incident (KML_INCIDENT_LOCK_MISUSE)->text,
                    "x gives A back and does not hold it");
  tear_down ();
}
END_TEST

static void
takes_too_many (KmlMachine *machine, gpointer data)
{
  KmlLock locks[KML_MAX_HELD + 1];

  for (guint i = 0; i <= KML_MAX_HELD; i++) {
    kml_lock_init (&locks[i], KML_LOCK_SPIN, "one of many");
    kml_lock_take (machine, &locks[i], KML_LOCK_EXCLUSIVE);
  }
  for (guint i = 0; i < KML_MAX_HELD; i++)
    kml_lock_give (machine, &locks[i]);
}

START_TEST (more_locks_than_a_task_may_hold_are_a_bug)
{
  set_up (1);
  start ("x", 0, 0, takes_too_many, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert (strstr (only_incident (KML_INCIDENT_LOCK_MISUSE)->text,
                     "holds 16 locks and wants one more") != NULL);
  tear_down ();
}
END_TEST

/* ---- Laws ---- */

static void
closed_queue (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 1000; i++) {
    kml_lock_take (machine, &rig.a, KML_LOCK_EXCLUSIVE);
    kml_spend (machine, KML_COST_INSTRUCTION, 40);
    kml_lock_give (machine, &rig.a);
  }
}

START_TEST (a_closed_queue_of_n_cpus_takes_n_times_the_critical_section)
{
  const guint n = (guint)_i;

  set_up (n);
  rig.machine->cost[KML_COST_INSTRUCTION] = KML_NS;
  for (guint i = 0; i < n; i++)
    start ("loop", i, 0, closed_queue, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (rig.machine->now, (guint64)n * 1000 * 40 * KML_NS);
  ck_assert_uint_eq (rig.a.n_taken, n * 1000);
  tear_down ();
}
END_TEST

static void
random_walk (KmlMachine *machine, gpointer data)
{
  guint64 x = GPOINTER_TO_UINT (data) * G_GUINT64_CONSTANT (0x9E3779B97F4A7C15) + 1;

  for (guint i = 0; i < 200; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    switch (x % 5) {
    case 0:
      kml_work (machine, x / 5 % 1000);
      break;
    case 1:
      kml_sleep (machine, x / 5 % 3000);
      break;
    case 2:
      kml_yield (machine);
      break;
    case 3:
      kml_lock_take (machine, &rig.a, KML_LOCK_EXCLUSIVE);
      kml_work (machine, x / 5 % 100);
      kml_lock_give (machine, &rig.a);
      break;
    default:
      kml_lock_take (machine, &rig.b, KML_LOCK_EXCLUSIVE);
      kml_work (machine, x / 5 % 50);
      kml_lock_give (machine, &rig.b);
      break;
    }
  }
}

/* Takes the lock again and again, after times that no other CPU has. */
static void
takes_a_now_and_then (KmlMachine *machine, gpointer data)
{
  KmlRng rng;

  kml_rng_init (&rng, GPOINTER_TO_UINT (data), "now and then");
  for (guint i = 0; i < 300; i++) {
    kml_work (machine, kml_rng_below (&rng, 200 * KML_NS));
    kml_lock_take (machine, &rig.a, KML_LOCK_EXCLUSIVE);
    note (machine, "has it");
    machine->now += kml_rng_below (&rng, 100 * KML_NS);
    kml_lock_give (machine, &rig.a);
  }
}

/* With a timer that is set, however far ahead, giving back meets the other CPUs; without one it need not. */
START_TEST (to_give_a_lock_back_ahead_of_time_changes_nothing)
{
  g_autofree char *story = NULL;
  KmlLock lock = { 0 };
  guint64 n_switches = 0;

  for (guint round = 0; round < 2; round++) {
    set_up (4);
    rig.machine->cost[KML_COST_HANDOVER] = 13 * KML_NS;
    rig.machine->cost[KML_COST_BYSTANDER] = 7 * KML_NS;
    kml_timer_init (&timer, rig.scheduler, raise_irq, &rig.irq);
    if (round == 1)
      kml_timer_set (&timer, rig.scheduler, KML_S);
    for (guint cpu = 0; cpu < 4; cpu++)
      start ("T", cpu, 0, takes_a_now_and_then, GUINT_TO_POINTER (cpu));
    kml_scheduler_run (rig.scheduler);
    expect_peace ();
    if (round == 0) {
      lock = rig.a;
      n_switches = kml_scheduler_n_switches (rig.scheduler);
      story = g_strdup (rig.log->str);
    } else {
      ck_assert_msg (g_str_equal (rig.log->str, story), "others had it, or at other times");
      ck_assert_uint_gt (rig.a.n_contended, 600);
      ck_assert_uint_eq (rig.a.n_contended, lock.n_contended);
      ck_assert_uint_eq (rig.a.waited, lock.waited);
      ck_assert_uint_eq (rig.a.worst_wait, lock.worst_wait);
      ck_assert_uint_eq (rig.a.held, lock.held);
      ck_assert_uint_eq (rig.a.most_waiting, lock.most_waiting);
      ck_assert_uint_gt (kml_scheduler_n_switches (rig.scheduler), n_switches);
    }
    tear_down ();
  }
}
END_TEST

START_TEST (every_picosecond_of_every_task_is_in_one_part)
{
  const KmlTask *task;
  KmlTime sum = 0;

  set_up (8);
  rig.b.kind = KML_LOCK_MUTEX;
  for (guint i = 0; i < 40; i++)
    start ("walk", i % 8, i * 10, random_walk, GUINT_TO_POINTER (i));
  kml_scheduler_run (rig.scheduler);
  expect_peace ();
  for (guint i = 0; i < 40; i++) {
    task = g_ptr_array_index (kml_scheduler_tasks (rig.scheduler), i);
    sum = 0;
    for (guint part = 0; part < KML_N_PARTS; part++)
      sum += task->parts[part];
    ck_assert_uint_eq (sum, task->mark);
    ck_assert_uint_le (task->mark, rig.machine->now);
    ck_assert_uint_eq (task->state, KML_TASK_ENDED);
  }
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("tasks");
  TCase *time = tcase_create ("time"), *locks = tcase_create ("locks"),
        *wrong = tcase_create ("what should not be"), *laws = tcase_create ("laws");

  tcase_add_test (time, cpus_touch_what_is_shared_in_the_order_of_their_clocks);
  tcase_add_test (time, a_task_that_is_alone_ends_with_the_run);
  tcase_add_test (time, sleeps_in_one_step_are_like_those_by_all_steps);
  tcase_add_test (time, who_sleeps_leaves_the_cpu_to_others_and_waits_for_it_when_it_wakes);
  tcase_add_test (time, equal_tasks_take_turns_when_a_time_slice_is_over);
  tcase_add_test (time, a_higher_task_preempts_at_once);
  tcase_add_test (locks, a_contended_lock_is_given_in_the_order_in_which_it_was_asked_for);
  tcase_add_test (locks, a_hand_over_takes_longer_the_more_others_wait);
  tcase_add_test (locks, who_waits_for_a_mutex_sleeps);
  tcase_add_test (locks, readers_share_and_a_writer_is_alone);
  tcase_add_test (wrong, abba_is_a_deadlock_at_the_moment_its_cycle_closes);
  tcase_add_test (wrong, abba_at_another_time_is_none);
  tcase_add_test (wrong, a_handler_that_wants_the_lock_of_whom_it_interrupts_is_a_deadlock);
  tcase_add_test (wrong, the_same_with_interrupts_off_is_none);
  tcase_add_test (wrong, to_sleep_with_a_spinlock_is_a_bug_and_keeps_the_cpu_busy);
  tcase_add_test (wrong, a_wait_that_nobody_ends_is_a_stall);
  tcase_add_test (wrong, to_give_back_what_one_does_not_hold_is_a_bug);
  tcase_add_test (wrong, more_locks_than_a_task_may_hold_are_a_bug);
  tcase_add_loop_test (laws, a_closed_queue_of_n_cpus_takes_n_times_the_critical_section, 1, 9);
  tcase_add_test (laws, to_give_a_lock_back_ahead_of_time_changes_nothing);
  tcase_add_test (laws, every_picosecond_of_every_task_is_in_one_part);
  suite_add_tcase (suite, time);
  suite_add_tcase (suite, locks);
  suite_add_tcase (suite, wrong);
  suite_add_tcase (suite, laws);
  return run_suite (suite);
}
