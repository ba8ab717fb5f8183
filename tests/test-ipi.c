/* test-ipi.c: one CPU has others do something.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An interrupt takes 5 ns to arrive and all else nothing, so that times can be added up by hand.
 */

#include "simcore/tasks/ipi.h"
#include "simcore/locks/lock.h"
#include "tests/testutils.h"

static KmlMachine *machine;
static KmlScheduler *scheduler;
static GString *story;
static KmlLock lock;

static void
set_up (void)
{
  const KmlMachineConfig config = {
    .n_cpus = 3, .ram = 1 << 20, .page_size = 4096, .cost[KML_COST_IPI] = 5 * KML_NS
  };
  KmlSchedulerConfig schedule = { .time_slice = KML_MS, .until = KML_TIME_MAX };

  machine = kml_machine_new (&config, NULL);
  schedule.machine = machine;
  scheduler = kml_scheduler_new (&schedule);
  story = g_string_new (NULL);
  kml_lock_init (&lock, KML_LOCK_SPIN, "L");
}

static void
tear_down (void)
{
  kml_scheduler_free (scheduler);
  kml_machine_free (machine);
  g_string_free (story, TRUE);
}

static void
start (const char *name, guint cpu, KmlTime time, KmlTaskFunc func)
{
  const KmlTaskConfig config = { .name = name, .cpu = cpu, .start = time, .func = func };

  kml_task_new (scheduler, &config);
}

/* "name what@ns" */
static void
note (const char *what)
{
  g_string_append_printf (story, "%s%s %s@%" G_GUINT64_FORMAT, story->len > 0 ? ", " : "",
                          kml_current_task (machine)->name, what, machine->now / KML_NS);
}

static guint
count (KmlIncidentKind kind)
{
  const GArray *incidents = kml_scheduler_incidents (scheduler);
  guint n = 0;

  for (guint i = 0; i < incidents->len; i++)
    n += g_array_index (incidents, KmlIncident, i).kind == kind;
  return n;
}

/* What is asked: 10 ns of work, in hardirq context. */
static void
work (KmlMachine *at, gpointer data)
{
  ck_assert (kml_in_atomic (at));
  kml_work (at, 10 * KML_NS);
  note ("works");
}

static void
ask_1 (KmlMachine *at, gpointer data)
{
  kml_work (at, 20 * KML_NS);
  kml_ipi_call (at, 1, work, NULL, KML_IPI_WAIT);
  note ("goes on");
}

static void
tell_1_twice (KmlMachine *at, gpointer data)
{
  kml_work (at, 20 * KML_NS);
  kml_ipi_call (at, 1, work, NULL, 0);
  note ("told once");
  kml_ipi_call (at, 1, work, NULL, 0);
  note ("told twice");
}

static void
ask_others (KmlMachine *at, gpointer data)
{
  kml_ipi_call_others (at, NULL, work, NULL, KML_IPI_WAIT);
  note ("goes on");
}

/* Interrupts are off from 0 to 100. */
static void
keep_irqs_off (KmlMachine *at, gpointer data)
{
  kml_irq_disable (at);
  kml_work (at, 100 * KML_NS);
  kml_irq_enable (at);
}

START_TEST (it_runs_there_after_the_cost_and_the_caller_waits)
{
  start ("A", 0, 0, ask_1);
  kml_scheduler_run (scheduler);
  ck_assert_str_eq (story->str, "ipi.1 works@35, A goes on@35");
  ck_assert_uint_eq (kml_scheduler_incidents (scheduler)->len, 0);
}
END_TEST

START_TEST (interrupts_that_are_off_keep_it_waiting)
{
  KmlTask *task;

  start ("A", 0, 0, ask_1);
  start ("B", 1, 0, keep_irqs_off);
  kml_scheduler_run (scheduler);
  ck_assert_str_eq (story->str, "ipi.1 works@110, A goes on@110");
  task = g_ptr_array_index (kml_scheduler_tasks (scheduler), 0);
  ck_assert_uint_eq (task->parts[KML_PART_IPI], 90 * KML_NS);
}
END_TEST

START_TEST (without_waiting_the_second_call_waits_until_the_first_is_taken)
{
  start ("A", 0, 0, tell_1_twice);
  kml_scheduler_run (scheduler);
  /* taken at 25 and done at 35; the second is sent at 25, arrives at 30, and comes when the handler returns */
  ck_assert_str_eq (story->str, "A told once@20, A told twice@25, ipi.1 works@35, ipi.1 works@45");
}
END_TEST

START_TEST (all_others_work_at_the_same_time)
{
  start ("A", 0, 0, ask_others);
  start ("B", 2, 0, keep_irqs_off);
  kml_scheduler_run (scheduler);
  ck_assert_str_eq (story->str, "ipi.1 works@15, ipi.2 works@110, A goes on@110");
}
END_TEST

START_TEST (the_own_cpu_does_it_at_once)
{
  start ("A", 1, 0, ask_1);
  /* in the context of the caller, as Linux does */
  kml_scheduler_run (scheduler);
  ck_assert_uint_eq (machine->now, 30 * KML_NS);
}
END_TEST

static void
nothing (KmlMachine *at, gpointer data)
{
}

static void
ask_1_with_irqs_off (KmlMachine *at, gpointer data)
{
  kml_irq_disable (at);
  kml_work (at, 20 * KML_NS);
  kml_ipi_call (at, 1, nothing, NULL, KML_IPI_WAIT);
  kml_irq_enable (at);
}

static void
ask_0_with_irqs_off (KmlMachine *at, gpointer data)
{
  kml_irq_disable (at);
  kml_work (at, 30 * KML_NS);
  kml_ipi_call (at, 0, nothing, NULL, KML_IPI_WAIT);
  kml_irq_enable (at);
}

START_TEST (two_who_wait_with_interrupts_off_are_a_deadlock)
{
  const KmlIncident *incident;
  g_autofree char *text = NULL;

  start ("A", 0, 0, ask_1_with_irqs_off);
  start ("B", 1, 0, ask_0_with_irqs_off);
  kml_scheduler_run (scheduler);
  ck_assert_uint_eq (count (KML_INCIDENT_IRQ_MISUSE), 1); /* once a run */
  ck_assert_uint_eq (count (KML_INCIDENT_DEADLOCK), 1);
  incident = &g_array_index (kml_scheduler_incidents (scheduler), KmlIncident, 1);
  ck_assert_uint_eq (incident->time, 30 * KML_NS);
  ck_assert_uint_eq (incident->edges->len, 4); /* two callers and two handlers */
  text = kml_incident_story (incident);
  ck_assert_ptr_nonnull (strstr (text, "A waits for ipi.1"));
}
END_TEST

static void
lock_and_ask_1 (KmlMachine *at, gpointer data)
{
  kml_lock_take (at, &lock, KML_LOCK_EXCLUSIVE);
  kml_work (at, 20 * KML_NS);
  kml_ipi_call (at, 1, nothing, NULL, KML_IPI_WAIT);
  kml_lock_give (at, &lock);
}

static void
lock_with_irqs_off (KmlMachine *at, gpointer data)
{
  kml_irq_disable (at);
  kml_work (at, 10 * KML_NS);
  kml_lock_take (at, &lock, KML_LOCK_EXCLUSIVE);
  kml_lock_give (at, &lock);
  kml_irq_enable (at);
}

START_TEST (who_spins_with_interrupts_off_for_the_lock_of_who_asks_is_a_deadlock)
{
  start ("A", 0, 0, lock_and_ask_1);
  start ("B", 1, 0, lock_with_irqs_off);
  kml_scheduler_run (scheduler);
  ck_assert_uint_eq (count (KML_INCIDENT_IRQ_MISUSE), 0);
  ck_assert_uint_eq (count (KML_INCIDENT_DEADLOCK), 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("ipi");
  TCase *calls = tcase_create ("calls"), *wrong = tcase_create ("what should not be");

  tcase_add_checked_fixture (calls, set_up, tear_down);
  tcase_add_test (calls, it_runs_there_after_the_cost_and_the_caller_waits);
  tcase_add_test (calls, interrupts_that_are_off_keep_it_waiting);
  tcase_add_test (calls, without_waiting_the_second_call_waits_until_the_first_is_taken);
  tcase_add_test (calls, all_others_work_at_the_same_time);
  tcase_add_test (calls, the_own_cpu_does_it_at_once);
  tcase_add_checked_fixture (wrong, set_up, tear_down);
  tcase_add_test (wrong, two_who_wait_with_interrupts_off_are_a_deadlock);
  tcase_add_test (wrong, who_spins_with_interrupts_off_for_the_lock_of_who_asks_is_a_deadlock);
  suite_add_tcase (suite, calls);
  suite_add_tcase (suite, wrong);
  return run_suite (suite);
}
