/* test-interrupts.c: when handlers run, and what becomes of too many of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/tasks-fixture.h"

/* ---- Interrupts ---- */

static void
handler (KmlMachine *machine, gpointer data)
{
  note (machine, "in");
  kml_work (machine, 7 * KML_NS);
  note (machine, "out");
}

START_TEST (an_interrupt_is_taken_in_the_middle_of_work_and_its_time_is_not_the_task_s)
{
  set_up (1);
  rig.machine->cost[KML_COST_INTERRUPT] = 3 * KML_NS;
  start ("x", 0, 0, work_100, NULL);
  interrupt_at (40 * KML_NS, 0, handler);
  kml_scheduler_run (rig.scheduler);
  expect_log ("irq in@43, irq out@50, x done@110");
  const KmlTask *task = g_ptr_array_index (kml_scheduler_tasks (rig.scheduler), 0);
  ck_assert_uint_eq (task->parts[KML_PART_RUN], 100 * KML_NS);
  ck_assert_uint_eq (task->parts[KML_PART_INTERRUPTED], 10 * KML_NS);
  tear_down ();
}
END_TEST

START_TEST (an_idle_cpu_takes_an_interrupt)
{
  set_up (2);
  start ("x", 0, 0, work_100, NULL);
  interrupt_at (40 * KML_NS, 1, handler);
  kml_scheduler_run (rig.scheduler);
  expect_log ("irq in@40, irq out@47, x done@100");
  tear_down ();
}
END_TEST

static KmlTask *told;

static void
sleeps_until_told (KmlMachine *machine, gpointer data)
{
  static const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = "word" };

  kml_sleep (machine, 20 * KML_NS);
  note (machine, "slept");
  told = kml_current_task (machine);
  kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
  note (machine, "told");
}

static void
tells (KmlMachine *machine, gpointer data)
{
  kml_sync (machine);
  note (machine, "tells");
  kml_task_wake (told);
}

START_TEST (who_goes_on_on_an_idle_cpu_is_switched_to_whoever_wakes_it)
{
  set_up (1);
  rig.machine->cost[KML_COST_SWITCH] = 5 * KML_NS;
  start ("x", 0, 0, sleeps_until_told, NULL);
  interrupt_at (60 * KML_NS, 0, tells);
  kml_scheduler_run (rig.scheduler);
  /* to x at first, by the clock, and by the handler */
  expect_log ("x slept@30, irq tells@60, x told@65");
  ck_assert_uint_eq (told->parts[KML_PART_CPU], 15 * KML_NS);
  tear_down ();
}
END_TEST

/* ---- Storms ---- */

/* Interrupts every so often, the handlers of which do a number of steps of 1 ns each. */
typedef struct {
  KmlIrq irq;
  KmlTimer timer;
  KmlTime every;
  guint64 n_steps, n_steps_later;    /* the first n_long handlers, and the others */
  guint64 n_long, n_handled, n_left; /* so many are to come; 0: there is no end */
} Source;

static void
come_again (gpointer data)
{
  Source *self = data;

  kml_irq_raise (&self->irq);
  if (self->n_left == 0 || --self->n_left > 0)
    kml_timer_set (&self->timer, rig.scheduler, rig.machine->now + self->every);
}

static void
do_steps (KmlMachine *machine, gpointer data)
{
  Source *self = data;
  const guint64 n = self->n_handled++ < self->n_long ? self->n_steps : self->n_steps_later;
  KmlStepCount count = { 0 };

  for (guint64 i = 0; i < n; i++) {
    machine->now += KML_NS;
    kml_progress_step (machine->scheduler, &count);
  }
  kml_sync (machine);
}

static void
begin_source (Source *self, int level)
{
  const guint8 comes = self->n_left > 0 ? KML_IRQ_COUNTED : KML_IRQ_ENDLESS;

  kml_irq_init (&self->irq, rig.scheduler, "source", 0, level, do_steps, self);
  self->irq.comes = comes;
  kml_timer_init (&self->timer, rig.scheduler, come_again, self);
  kml_timer_set (&self->timer, rig.scheduler, 10 * KML_NS);
}

START_TEST (a_storm_of_long_handlers_ends_when_it_is_seen_that_they_are_too_slow)
{
  Source source = { .every = 500 * KML_US, .n_steps = 1000000, .n_long = G_MAXUINT64 };

  set_up (1);
  start ("x", 0, 0, work_100, NULL);
  begin_source (&source, KML_LEVEL_HARDIRQ);
  kml_scheduler_run (rig.scheduler);
  only_incident (KML_INCIDENT_LIVELOCK);
  ck_assert_uint_ge (source.n_handled, 32);
  ck_assert_uint_lt (source.n_handled, 40);
  kml_irq_clear (&source.irq);
  tear_down ();
}
END_TEST

/* In each, tasks do not run for more than 40 million steps of handlers, while more and more interrupts are pending for long; and then they do. */
static const struct {
  Source endless, counted;
} honest[] = {
  /* just time enough for all in the long run, after a handler that takes as long as 40 */
  { .endless = { .every = 2 * KML_MS,
                 .n_steps = 40000000,
                 .n_steps_later = 1000000,
                 .n_long = 1 } },
  /* more than there is time for, 25 times; then less */
  { .endless = { .every = KML_MS, .n_steps = 2000000, .n_steps_later = 100000, .n_long = 25 } },
  /* what comes for ever is kept by what does not */
  { .endless = { .every = 500 * KML_US, .n_steps_later = 1000 },
    .counted = { .every = KML_US, .n_steps = 1000000, .n_long = 45, .n_left = 45 } },
};

START_TEST (long_handlers_that_are_worked_off_are_no_storm)
{
  Source endless = honest[_i].endless, counted = honest[_i].counted;

  set_up (1);
  start ("x", 0, 0, work_100, NULL);
  begin_source (&endless, KML_LEVEL_HARDIRQ);
  if (counted.every > 0)
    begin_source (&counted, KML_LEVEL_HARDIRQ + 1);
  kml_scheduler_run (rig.scheduler);
  expect_peace ();
  ck_assert (g_str_has_prefix (rig.log->str, "x done@"));
  kml_irq_clear (&endless.irq);
  kml_irq_clear (&counted.irq);
  tear_down ();
}
END_TEST

static void
closed (KmlMachine *machine, gpointer data)
{
  kml_irq_disable (machine);
  kml_work (machine, 100 * KML_NS);
  note (machine, "opens");
  kml_irq_enable (machine);
  note (machine, "goes on");
}

static void
spends_twice (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 2; i++) {
    kml_spend (machine, KML_COST_INSTRUCTION, 10);
    kml_sync (machine);
    note (machine, "spent");
  }
}

START_TEST (what_is_one_path_of_instructions_is_not_interrupted)
{
  set_up (2);
  rig.machine->cost[KML_COST_INSTRUCTION] = KML_NS;
  start ("T", 0, 0, spends_twice, NULL);
  interrupt_at (4 * KML_NS, 0, handler);
  kml_scheduler_run (rig.scheduler);
  expect_log ("irq in@10, irq out@17, T spent@17, T spent@27");
  tear_down ();
}
END_TEST

static void
sleeps_twice (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 2; i++) {
    kml_sleep (machine, 30 * KML_NS);
    note (machine, "awake");
  }
}

/* From 70 to 90 the CPU goes from T to U, which sleeps at once. */
START_TEST (an_interrupt_that_comes_while_a_task_is_switched_to_is_not_lost)
{
  set_up (2);
  rig.machine->cost[KML_COST_SWITCH] = 20 * KML_NS;
  start ("T", 0, 0, sleeps_twice, NULL);
  start ("U", 0, 0, sleeps_twice, NULL);
  interrupt_at (75 * KML_NS, 0, handler);
  kml_scheduler_run (rig.scheduler);
  expect_log ("T awake@70, U awake@90, irq in@90, irq out@97, T awake@120, U awake@140");
  tear_down ();
}
END_TEST

START_TEST (interrupts_wait_until_they_are_enabled)
{
  set_up (1);
  start ("x", 0, 0, closed, NULL);
  interrupt_at (40 * KML_NS, 0, handler);
  kml_scheduler_run (rig.scheduler);
  expect_log ("x opens@100, irq in@100, irq out@107, x goes on@107");
  ck_assert_uint_eq (rig.irq.worst_delay, 60 * KML_NS);
  tear_down ();
}
END_TEST

static void
closed_to_softirqs (KmlMachine *machine, gpointer data)
{
  kml_softirq_disable (machine);
  kml_work (machine, 100 * KML_NS);
  note (machine, "opens");
  kml_softirq_enable (machine);
}

/* A softirq at 10, a hardirq at 40: only the first is kept away. */
START_TEST (softirqs_that_are_off_stay_away_and_hardirqs_do_not)
{
  KmlIrq softirq;
  KmlTimer soft_timer;

  set_up (1);
  start ("x", 0, 0, closed_to_softirqs, NULL);
  kml_irq_init (&softirq, rig.scheduler, "soft", 0, KML_LEVEL_SOFTIRQ, handler, NULL);
  kml_timer_init (&soft_timer, rig.scheduler, raise_irq, &softirq);
  kml_timer_set (&soft_timer, rig.scheduler, 10 * KML_NS);
  interrupt_at (40 * KML_NS, 0, handler);
  kml_scheduler_run (rig.scheduler);
  expect_log ("irq in@40, irq out@47, x opens@107, soft in@107, soft out@114");
  kml_irq_clear (&softirq);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("interrupts");
  TCase *when = tcase_create ("when"), *storms = tcase_create ("storms");

  tcase_add_test (when, an_interrupt_is_taken_in_the_middle_of_work_and_its_time_is_not_the_task_s);
  tcase_add_test (when, an_idle_cpu_takes_an_interrupt);
  tcase_add_test (storms, a_storm_of_long_handlers_ends_when_it_is_seen_that_they_are_too_slow);
  tcase_add_loop_test (storms, long_handlers_that_are_worked_off_are_no_storm, 0,
                       G_N_ELEMENTS (honest));
  tcase_add_test (when, who_goes_on_on_an_idle_cpu_is_switched_to_whoever_wakes_it);
  tcase_add_test (when, what_is_one_path_of_instructions_is_not_interrupted);
  tcase_add_test (when, an_interrupt_that_comes_while_a_task_is_switched_to_is_not_lost);
  tcase_add_test (when, interrupts_wait_until_they_are_enabled);
  tcase_add_test (when, softirqs_that_are_off_stay_away_and_hardirqs_do_not);
  suite_add_tcase (suite, when);
  suite_add_tcase (suite, storms);
  return run_suite (suite);
}
