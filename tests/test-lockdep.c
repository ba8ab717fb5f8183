/* test-lockdep.c: one run shows what another could deadlock on.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tasks come one after the other (or an interrupt between them), so nothing ever waits; what is reported is potential.
 */

#include "simcore/locks/lockdep.h"
#include "tests/testutils.h"

#define N_LOCKS 4

static struct {
  KmlMachine *machine;
  KmlScheduler *scheduler;
  KmlLockdep *lockdep;
  KmlLock locks[N_LOCKS]; /* A, B, C, D */
  KmlIrq irq;
  KmlTimer timer;
  guint n_tasks;
} rig;

static const char *const names[N_LOCKS] = { "A", "B", "C", "D" };

static void
set_up (void)
{
  const KmlMachineConfig config = { .n_cpus = 1, .ram = 1 << 16, .page_size = 4096 };
  KmlSchedulerConfig settings = { .time_slice = KML_MS, .until = KML_TIME_MAX };

  memset (&rig, 0, sizeof rig);
  rig.machine = kml_machine_new (&config, NULL);
  rig.lockdep = kml_lockdep_new ();
  settings.machine = rig.machine;
  settings.lockdep = rig.lockdep;
  rig.scheduler = kml_scheduler_new (&settings);
  for (guint i = 0; i < N_LOCKS; i++)
    kml_lock_init (&rig.locks[i], KML_LOCK_SPIN, names[i]);
}

static void
tear_down (void)
{
  kml_irq_clear (&rig.irq);
  kml_scheduler_free (rig.scheduler);
  kml_lockdep_free (rig.lockdep);
  kml_machine_free (rig.machine);
}

/* A task that is over before the next one starts. */
static void
add (KmlTaskFunc func, const char *data)
{
  g_autofree char *name = g_strdup_printf ("T%u", ++rig.n_tasks);
  const KmlTaskConfig config = {
    .name = name, .start = rig.n_tasks * KML_MS, .func = func, .data = (gpointer)data
  };

  kml_task_new (rig.scheduler, &config);
}

/* "ABba!": takes A, takes B, gives B back, gives A back; before a '?' it only tries, '!' asks for memory, '(' and ')' are reclaim. */
static void
follow (KmlMachine *machine, gpointer data)
{
  KML_CALL (machine, "work_fn");
  KmlGfp gfp = KML_GFP_KERNEL;

  for (const char *c = data; *c != '\0'; c++) {
    if (c[0] >= 'A' && c[0] <= 'D' && c[1] == '?')
      ck_assert (kml_lock_try (machine, &rig.locks[*c++ - 'A']));
    else if (*c >= 'A' && *c <= 'D')
      kml_lock_take (machine, &rig.locks[*c - 'A'], KML_LOCK_EXCLUSIVE);
    else if (*c >= 'a' && *c <= 'd')
      kml_lock_give (machine, &rig.locks[*c - 'a']);
    else if (*c == 'n')
      gfp = KML_GFP_NOFS;
    else if (*c == '!')
      kml_lockdep_might_reclaim (machine, gfp);
    else if (*c == '(')
      kml_lockdep_enter_reclaim (machine, gfp);
    else if (*c == ')')
      kml_lockdep_leave_reclaim (machine);
    else
      g_assert_not_reached ();
  }
}

static void
raise_irq (gpointer data)
{
  kml_irq_raise (&rig.irq);
}

static void
interrupt (int level, const char *data)
{
  kml_irq_init (&rig.irq, rig.scheduler, "irq", 0, level, follow, (gpointer)data);
  kml_timer_init (&rig.timer, rig.scheduler, raise_irq, NULL);
  kml_timer_set (&rig.timer, rig.scheduler, KML_US);
}

static const KmlLockdepReport *
report (guint i)
{
  const GArray *reports = kml_lockdep_reports (rig.lockdep);

  ck_assert_uint_lt (i, reports->len);
  return &g_array_index (reports, KmlLockdepReport, i);
}

static void
expect_none (void)
{
  ck_assert_uint_eq (kml_lockdep_reports (rig.lockdep)->len, 0);
}

static void
expect_one (KmlLockdepKind kind, const char *classes)
{
  g_autofree char *found = NULL;

  ck_assert_uint_eq (kml_lockdep_reports (rig.lockdep)->len, 1);
  found = kml_lockdep_report_classes (report (0));
  ck_assert_str_eq (found, classes);
  ck_assert_uint_eq (report (0)->kind, kind);
}

/* Runs tasks that do these, one after the other. */
static void
run (const char *first, const char *second, const char *third)
{
  if (first != NULL)
    add (follow, first);
  if (second != NULL)
    add (follow, second);
  if (third != NULL)
    add (follow, third);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
}

/* ---- Orders ---- */

START_TEST (two_orders_at_different_times_are_told_in_lockdeps_four_sections)
{
  set_up ();
  run ("ABba", "BAab", NULL);
  expect_one (KML_LOCKDEP_CIRCULAR, "A -> B -> A");
  ck_assert_str_eq (report (0)->text, "======================================================\n"
                                      "WARNING: possible circular locking dependency detected\n"
                                      "------------------------------------------------------\n"
                                      "T2 is trying to acquire lock:\n"
                                      " (A){+.+.}, at: work_fn\n"
                                      "\n"
                                      "but task is already holding lock:\n"
                                      " (B){+.+.}, at: work_fn\n"
                                      "\n"
                                      "which lock already depends on the new lock.\n"
                                      "\n"
                                      "\n"
                                      "the existing dependency chain (in reverse order) is:\n"
                                      "\n"
                                      "-> #1 (B){+.+.}:\n"
                                      "       work_fn\n"
                                      "       T1, in process context on CPU 0\n"
                                      "\n"
                                      "-> #0 (A){+.+.}:\n"
                                      "       work_fn\n"
                                      "       T2, in process context on CPU 0\n"
                                      "\n"
                                      "other info that might help us debug this:\n"
                                      "\n"
                                      " Possible unsafe locking scenario:\n"
                                      "\n"
                                      "       CPU0                    CPU1\n"
                                      "       ----                    ----\n"
                                      "  lock(B);\n"
                                      "                               lock(A);\n"
                                      "                               lock(B);\n"
                                      "  lock(A);\n"
                                      "\n"
                                      " *** DEADLOCK ***\n"
                                      "\n"
                                      "1 lock held by T2:\n"
                                      " #0: (B){+.+.}, at: work_fn\n");
  tear_down ();
}
END_TEST

START_TEST (one_order_is_none)
{
  set_up ();
  run ("ABCcba", "BCcb", "ACca");
  expect_none ();
  tear_down ();
}
END_TEST

START_TEST (three_classes_make_a_chain)
{
  set_up ();
  run ("ABba", "BCcb", "CAac");
  expect_one (KML_LOCKDEP_CIRCULAR, "A -> B -> C -> A");
  ck_assert_ptr_nonnull (strstr (report (0)->text, "Chain exists of:\n  A --> B --> C\n"));
  ck_assert_ptr_nonnull (strstr (report (0)->text, "-> #2 (C){+.+.}:"));
  tear_down ();
}
END_TEST

START_TEST (the_same_circle_is_told_once)
{
  set_up ();
  run ("ABbaABba", "BAabBAab", "BAab");
  ck_assert_uint_eq (kml_lockdep_reports (rig.lockdep)->len, 1);
  tear_down ();
}
END_TEST

START_TEST (two_locks_of_a_class_are_one_to_it)
{
  set_up ();
  rig.locks[0].class_name = rig.locks[1].class_name = "inode";
  run ("ABba", NULL, NULL);
  expect_one (KML_LOCKDEP_RECURSIVE, "inode -> inode");
  ck_assert_ptr_nonnull (strstr (report (0)->text, "  lock(inode);\n  lock(inode);\n"));
  tear_down ();
}
END_TEST

START_TEST (who_only_tries_waits_for_nobody)
{
  set_up ();
  run ("ABba", "BA?ab", NULL);
  expect_none ();
  tear_down ();
}
END_TEST

START_TEST (what_was_tried_and_got_is_held)
{
  set_up ();
  run ("A?Bba", "BAab", NULL);
  expect_one (KML_LOCKDEP_CIRCULAR, "A -> B -> A");
  tear_down ();
}
END_TEST

/* ---- Interrupts ---- */

START_TEST (a_handler_must_not_want_what_is_held_where_it_may_come)
{
  set_up ();
  interrupt (KML_LEVEL_HARDIRQ, "Aa");
  run ("Aa", NULL, NULL);
  expect_one (KML_LOCKDEP_INCONSISTENT, "A");
  ck_assert_ptr_nonnull (strstr (report (0)->text, "{IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage"));
  ck_assert_ptr_nonnull (strstr (report (0)->text, "(A){?.+.}"));
  ck_assert_ptr_nonnull (strstr (report (0)->text, "  lock(A);\n  <Interrupt>\n    lock(A);\n"));
  tear_down ();
}
END_TEST

START_TEST (a_lock_that_turns_interrupts_off_is_safe)
{
  set_up ();
  kml_lock_init (&rig.locks[0], KML_LOCK_SPIN_IRQ, "A");
  interrupt (KML_LEVEL_HARDIRQ, "Aa");
  run ("Aa", NULL, NULL);
  expect_none ();
  tear_down ();
}
END_TEST

START_TEST (softirqs_off_are_enough_for_softirqs_alone)
{
  for (int level = KML_LEVEL_SOFTIRQ; level <= KML_LEVEL_HARDIRQ; level++) {
    set_up ();
    kml_lock_init (&rig.locks[0], KML_LOCK_SPIN_SOFTIRQ, "A");
    interrupt (level, "Aa");
    run ("Aa", NULL, NULL);
    ck_assert_uint_eq (kml_lockdep_reports (rig.lockdep)->len, level == KML_LEVEL_HARDIRQ);
    tear_down ();
  }
}
END_TEST

/* A: safe, for it turns interrupts off. B is taken with them on, and while A is held. */
START_TEST (a_safe_lock_must_not_wait_for_an_unsafe_one)
{
  set_up ();
  kml_lock_init (&rig.locks[0], KML_LOCK_SPIN_IRQ, "A");
  interrupt (KML_LEVEL_HARDIRQ, "Aa");
  run ("Bb", "ACcBba", NULL);
  expect_one (KML_LOCKDEP_IRQ_ORDER, "A -> B");
  ck_assert_ptr_nonnull (
      strstr (report (0)->text, "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected"));
  ck_assert_ptr_nonnull (strstr (report (0)->text,
                                 "       CPU0                    CPU1\n"
                                 "       ----                    ----\n"
                                 "  lock(B);\n"
                                 "                               local_irq_disable();\n"
                                 "                               lock(A);\n"
                                 "                               lock(B);\n"
                                 "  <Interrupt>\n"
                                 "    lock(A);\n"));
  tear_down ();
}
END_TEST

/* The last to be learnt is the use by the handler, or that B is unsafe: it is found all the same. */
START_TEST (the_order_in_which_it_is_learnt_does_not_matter)
{
  set_up ();
  kml_lock_init (&rig.locks[0], KML_LOCK_SPIN_IRQ, "A");
  interrupt (KML_LEVEL_HARDIRQ, "Aa");
  run ("ABCcba", "Cc", NULL);
  expect_one (KML_LOCKDEP_IRQ_ORDER, "A -> C");
  tear_down ();
}
END_TEST

/* ---- Memory ---- */

START_TEST (asking_for_memory_under_a_lock_that_reclaim_takes_is_a_circle)
{
  set_up ();
  run ("A!a", "(Aa)", NULL);
  expect_one (KML_LOCKDEP_CIRCULAR, "A -> fs_reclaim -> A");
  ck_assert_ptr_nonnull (strstr (report (0)->text, " #0: (fs_reclaim){+.+.}, at: reclaim"));
  tear_down ();
}
END_TEST

START_TEST (gfp_nofs_opens_it)
{
  set_up ();
  run ("nA!a", "(Aa)", "A!a");
  ck_assert_uint_eq (kml_lockdep_reports (rig.lockdep)->len, 1); /* the third alone */
  ck_assert_uint_eq (report (0)->time, 3 * KML_MS);
  tear_down ();
}
END_TEST

START_TEST (who_reclaims_asks_for_memory_without_reclaim)
{
  set_up ();
  run ("(A!a)", "n(Bb)B!b", NULL);
  expect_none ();
  tear_down ();
}
END_TEST

/* ---- Rows ---- */

START_TEST (orders_are_counted_by_place)
{
  g_autoptr (GArray) edges = NULL;
  const KmlLockdepEdge *edge;

  set_up ();
  interrupt (KML_LEVEL_HARDIRQ, "CDdc");
  run ("ABbBba", "ABba", NULL);
  edges = kml_lockdep_edges (rig.lockdep);
  ck_assert_uint_eq (edges->len, 2);
  edge = &g_array_index (edges, KmlLockdepEdge, 0);
  ck_assert_str_eq (edge->from, "A");
  ck_assert_str_eq (edge->to, "B");
  ck_assert_str_eq (edge->site, "work_fn");
  ck_assert_uint_eq (edge->context, KML_CONTEXT_PROCESS);
  ck_assert_uint_eq (edge->count, 3);
  edge = &g_array_index (edges, KmlLockdepEdge, 1);
  ck_assert_str_eq (edge->from, "C");
  ck_assert_uint_eq (edge->context, KML_CONTEXT_HARDIRQ);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("lockdep");
  TCase *orders = tcase_create ("orders"), *interrupts = tcase_create ("interrupts"),
        *memory = tcase_create ("memory");

  tcase_add_test (orders, two_orders_at_different_times_are_told_in_lockdeps_four_sections);
  tcase_add_test (orders, one_order_is_none);
  tcase_add_test (orders, three_classes_make_a_chain);
  tcase_add_test (orders, the_same_circle_is_told_once);
  tcase_add_test (orders, two_locks_of_a_class_are_one_to_it);
  tcase_add_test (orders, who_only_tries_waits_for_nobody);
  tcase_add_test (orders, what_was_tried_and_got_is_held);
  tcase_add_test (orders, orders_are_counted_by_place);
  tcase_add_test (interrupts, a_handler_must_not_want_what_is_held_where_it_may_come);
  tcase_add_test (interrupts, a_lock_that_turns_interrupts_off_is_safe);
  tcase_add_test (interrupts, softirqs_off_are_enough_for_softirqs_alone);
  tcase_add_test (interrupts, a_safe_lock_must_not_wait_for_an_unsafe_one);
  tcase_add_test (interrupts, the_order_in_which_it_is_learnt_does_not_matter);
  tcase_add_test (memory, asking_for_memory_under_a_lock_that_reclaim_takes_is_a_circle);
  tcase_add_test (memory, gfp_nofs_opens_it);
  tcase_add_test (memory, who_reclaims_asks_for_memory_without_reclaim);
  suite_add_tcase (suite, orders);
  suite_add_tcase (suite, interrupts);
  suite_add_tcase (suite, memory);
  return run_suite (suite);
}
