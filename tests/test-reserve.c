/* test-reserve.c: the story of an emergency reserve, and Erlang's formula at work (claim A31).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Costs are zero but where a test says so, so that all times can be added up by hand. What the layer has in common with others is in
 * test-conformance.c.
 */

#include "simcore/allocator.h"
#include "simcore/base/arrivals.h"
#include "simcore/base/erlang.h"
#include "simcore/tasks/scheduler.h"
#include "tests/testutils.h"

#include <math.h>
#include <signal.h>
#include <string.h>

#define PAGE 4096

enum {
  HITS,
  EMPTY,
  REFILLS,
  REFILLS_FAILED,
};

static KmlTime instruction; /* what one costs */
static KmlMachine *machine;
static KmlAllocator *pages, *reserve;
static KmlScheduler *scheduler;

/* "key", "value" pairs; NULL ends them. */
static gboolean
try_set_up (guint n_cpus, guint n_frames, gboolean with_tasks, const char *const *settings,
            GError **error)
{
  KmlMachineConfig config = { .n_cpus = n_cpus,
                              .ram = kml_ram_size_for (n_frames, PAGE),
                              .page_size = PAGE };
  KmlSchedulerConfig tasks = { .time_slice = KML_MS, .until = KML_TIME_MAX };
  gboolean ok;

  config.cost[KML_COST_INSTRUCTION] = instruction;
  machine = kml_machine_new (&config, NULL);
  tasks.machine = machine;
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  ck_assert (kml_allocator_start (pages, error));
  reserve = kml_allocator_new (kml_allocator_find ("reserve"), machine, pages);
  for (; settings[0] != NULL; settings += 2)
    ck_assert (kml_param_parse (kml_param_find (reserve->ops->params, settings[0]), settings[1],
                                reserve, NULL));
  ok = kml_allocator_start (reserve, error);
  scheduler = with_tasks ? kml_scheduler_new (&tasks) : NULL; /* boot is over */
  return ok;
}

static void
set_up (guint n_cpus, guint n_frames, gboolean with_tasks, const char *const *settings)
{
  g_autoptr (GError) error = NULL;

  try_set_up (n_cpus, n_frames, with_tasks, settings, &error);
  assert_no_error (error);
}

static void
check_all (void)
{
  g_autoptr (GError) error = NULL;

  reserve->ops->check (reserve, &error);
  assert_no_error (error);
}

static void
tear_down (void)
{
  kml_allocator_destroy (reserve);
  kml_allocator_destroy (pages);
  kml_scheduler_free (scheduler);
  kml_machine_free (machine);
  instruction = 0;
}

static KmlAddr
ask (guint cpu, KmlGfp gfp)
{
  const KmlRequest request = { .size = PAGE, .cpu = (guint8)cpu, .gfp = gfp };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (reserve, &request, &held);

  if (addr != KML_ADDR_NONE)
    ck_assert_uint_eq (held, PAGE);
  return addr;
}

static void
give_back (KmlAddr addr, guint cpu)
{
  const KmlRequest how = { .cpu = (guint8)cpu };

  ck_assert_uint_eq (kml_allocator_free_block (reserve, addr, &how), PAGE);
}

static void
use_up (void)
{
  while (ask (0, KML_GFP_KERNEL) != KML_ADDR_NONE)
    ;
}

/* ---- The story ---- */

/* Eight frames: each of two CPUs has a stash of two, four are left for all. */
START_TEST (who_may_not_sleep_gets_a_block_when_nothing_else_is_left)
{
  const KmlConstraints below = { .limit = 8 * PAGE };
  const KmlRequest picky = { .size = PAGE, .gfp = KML_GFP_ATOMIC, .constraints = &below },
                   large = { .size = 2 * PAGE, .gfp = KML_GFP_ATOMIC };
  KmlAddr first;
  guint64 held;

  set_up (2, 8, FALSE, (const char *const[]){ "size", "2", "refill", "returned", NULL });
  ck_assert_uint_eq (machine->free_area.n_free, 4);
  first = ask (0, KML_GFP_ATOMIC); /* of the common ones */
  use_up ();
  ck_assert_uint_eq (reserve->counters[HITS], 0);
  ck_assert_uint_eq (kml_allocator_alloc (reserve, &picky, &held), KML_ADDR_NONE);
  ck_assert_uint_eq (kml_allocator_alloc (reserve, &large, &held), KML_ADDR_NONE);
  ck_assert_uint_eq (reserve->counters[EMPTY], 0); /* they did not look */
  ck_assert_uint_ne (ask (1, KML_GFP_ATOMIC), KML_ADDR_NONE);
  ck_assert_uint_ne (ask (1, KML_GFP_ATOMIC), KML_ADDR_NONE);
  ck_assert_uint_eq (ask (1, KML_GFP_ATOMIC), KML_ADDR_NONE);
  ck_assert_uint_eq (reserve->counters[HITS], 2);
  ck_assert_uint_eq (reserve->counters[EMPTY], 1);
  ck_assert_uint_eq (ask (0, KML_GFP_KERNEL), KML_ADDR_NONE); /* may wait, so it must */
  ck_assert_uint_ne (ask (0, KML_GFP_ATOMIC), KML_ADDR_NONE);
  ck_assert_uint_eq (reserve->counters[HITS], 3);
  check_all ();
  give_back (first, 1); /* an ordinary block goes below, not into the stash */
  ck_assert_uint_eq (machine->free_area.n_free, 1);
  check_all ();
  tear_down ();
}
END_TEST

START_TEST (a_block_that_comes_back_is_in_the_stash_again)
{
  KmlAddr addr;

  set_up (1, 8, FALSE,
          (const char *const[]){ "size", "1", "refill", "returned", "use", "first", NULL });
  addr = ask (0, KML_GFP_ATOMIC);
  ck_assert_uint_ne (ask (0, KML_GFP_ATOMIC), KML_ADDR_NONE); /* from below */
  ck_assert_uint_eq (reserve->counters[EMPTY], 1);
  give_back (addr, 0);
  ck_assert_uint_eq (ask (0, KML_GFP_ATOMIC), addr);
  ck_assert_uint_eq (reserve->counters[HITS], 2);
  check_all ();
  tear_down ();
}
END_TEST

START_TEST (a_place_is_filled_a_while_after_its_block_was_taken)
{
  KmlAddr addr;

  set_up (1, 16, FALSE,
          (const char *const[]){ "size", "2", "use", "first", "delay", "10us", NULL });
  addr = ask (0, KML_GFP_ATOMIC);
  machine->now = 5 * KML_US;
  ask (0, KML_GFP_ATOMIC);
  machine->now = 10 * KML_US - 1;
  ask (0, KML_GFP_ATOMIC);
  ck_assert_uint_eq (reserve->counters[EMPTY], 1);
  machine->now = 10 * KML_US;
  ask (0, KML_GFP_ATOMIC); /* the first place */
  ck_assert_uint_eq (machine->now, 10 * KML_US);
  ck_assert_uint_eq (reserve->counters[HITS], 3);
  ck_assert_uint_eq (reserve->counters[REFILLS], 1);
  machine->now = 40 * KML_US; /* both are full again, so one that comes back goes below */
  give_back (addr, 0);
  ck_assert_uint_eq (reserve->counters[REFILLS], 3);
  ck_assert_uint_eq (machine->free_area.n_free, 16 - 2 - 3);
  check_all ();
  tear_down ();
}
END_TEST

/* The page allocator splits a block for a refill and books the time as such; the refill is in nobody's time. */
START_TEST (what_a_refill_spends_is_no_part_of_the_request)
{
  instruction = KML_NS;
  set_up (1, 16, FALSE,
          (const char *const[]){ "size", "2", "use", "first", "delay", "10us", NULL });
  ask (0, KML_GFP_ATOMIC);
  machine->now = 20 * KML_US;
  machine->aside = 0;
  kml_machine_book (machine, KML_PART_LOCK, 3); /* by who stands around it */
  ask (0, KML_GFP_ATOMIC);
  ck_assert_uint_eq (reserve->counters[REFILLS], 1);
  ck_assert_uint_eq (machine->now, 20 * KML_US + 10 * KML_NS); /* what taking a block takes */
  ck_assert_uint_eq (machine->aside, 3);
  ck_assert_uint_eq (machine->parts[KML_PART_LOCK], 3);
  ck_assert_uint_eq (machine->parts[KML_PART_SPLIT], 0);
  tear_down ();
}
END_TEST

START_TEST (what_cannot_be_filled_is_tried_again)
{
  KmlAddr common;

  set_up (1, 4, FALSE, (const char *const[]){ "size", "1", "delay", "10us", NULL });
  common = ask (0, KML_GFP_KERNEL);
  use_up ();
  ask (0, KML_GFP_ATOMIC);
  machine->now = 10 * KML_US;
  ck_assert_uint_eq (ask (0, KML_GFP_ATOMIC), KML_ADDR_NONE);
  ck_assert_uint_eq (reserve->counters[REFILLS_FAILED], 1);
  give_back (common, 0);
  machine->now = 20 * KML_US;
  ck_assert_uint_ne (ask (0, KML_GFP_ATOMIC), KML_ADDR_NONE);
  ck_assert_uint_eq (reserve->counters[HITS], 2);
  check_all ();
  tear_down ();
}
END_TEST

START_TEST (shrinking_gives_the_reserve_up)
{
  set_up (2, 16, FALSE, (const char *const[]){ "size", "3", NULL });
  ck_assert_uint_eq (machine->free_area.n_free, 10);
  reserve->ops->shrink (reserve);
  ck_assert_uint_eq (machine->free_area.n_free, 16);
  check_all ();
  tear_down ();
}
END_TEST

START_TEST (reclaim_does_not_get_it)
{
  set_up (2, 16, TRUE, (const char *const[]){ "size", "3", NULL });
  reserve->ops->shrink (reserve);
  ck_assert_uint_eq (machine->free_area.n_free, 10);
  check_all ();
  tear_down ();
}
END_TEST

/* ---- Sizes ---- */

START_TEST (the_size_follows_from_the_load)
{
  g_autoptr (GError) error = NULL;
  const char *const shared[] = { "size", "0",       "rate",   "1000000/s", "holding",
                                 "64us", "stashes", "shared", NULL };
  const char *const per_cpu[] = { "size", "0", "rate", "1000000/s", "holding", "64us", NULL };
  const char *const nothing[] = { "size", "0", NULL };

  set_up (16, 1000, FALSE, shared);
  ck_assert_uint_eq (machine->free_area.n_free, 1000 - 88);
  tear_down ();
  set_up (16, 1000, FALSE, per_cpu);
  ck_assert_uint_eq (machine->free_area.n_free, 1000 - 192);
  tear_down ();
  ck_assert (!try_set_up (1, 100, FALSE, nothing, &error));
  assert_error (error, KML_ERROR_INPUT, "rate and holding must be set");
  tear_down ();
}
END_TEST

/* Poisson requests, each of which keeps its block for 10 us: 10 Erlang, and a stash of 15. */
START_TEST (the_share_that_finds_the_stash_empty_is_erlang_s)
{
  static struct {
    KmlTime back;
    KmlAddr addr;
  } live[64]; /* a ring: what was taken first comes back first */
  const double expected = kml_erlang_b (10, 15), n = 100000;
  guint64 first = 0, end = 0;
  KmlArrivals arrivals;
  KmlArrivalsClock clock = { 0 };
  double share;

  set_up (1, 64, FALSE,
          (const char *const[]){ "size", "15", "use", "first", "refill", "returned", NULL });
  ck_assert (kml_arrivals_parse ("poisson(1000000/s)", &arrivals, NULL));
  kml_rng_init (&clock.rng, 5, "arrivals");
  for (guint i = 0; i < n; i++) {
    const KmlRequest request = { .size = PAGE, .gfp = KML_GFP_ATOMIC };
    const KmlTime now = kml_arrivals_next (&arrivals, &clock);
    guint64 held;

    for (; first < end && live[first % 64].back <= now; first++)
      kml_allocator_free_block (reserve, live[first % 64].addr, &request);
    machine->now = now;
    live[end % 64].back = now + 10 * KML_US;
    live[end % 64].addr = kml_allocator_alloc (reserve, &request, &held);
    if (live[end++ % 64].addr == KML_ADDR_NONE)
      ck_abort_msg ("memory is short");
  }
  share = (double)reserve->counters[EMPTY] / n;
  ck_assert_uint_eq (reserve->counters[HITS] + reserve->counters[EMPTY], (guint64)n);
  /* losses come in clusters: twice the binomial error is about theirs */
  ck_assert_double_eq_tol (share, expected, 3 * 2 * sqrt (expected * (1 - expected) / n));
  check_all ();
  tear_down ();
}
END_TEST

/* ---- With tasks ---- */

static KmlIrq irq;
static KmlAddr taken[3];

static void
in_the_interrupt (KmlMachine *self, gpointer data)
{
  for (guint i = 0; i < 3; i++)
    taken[i] = ask (0, KML_GFP_ATOMIC);
  ck_assert (kml_in_atomic (self));
}

static void
main_task (KmlMachine *self, gpointer data)
{
  kml_irq_init (&irq, scheduler, "nic", 0, KML_LEVEL_HARDIRQ, in_the_interrupt, NULL);
  kml_work (self, KML_US);
  kml_irq_raise (&irq);
  kml_work (self, 4 * KML_US);
  ck_assert_uint_eq (reserve->counters[REFILLS], 0);
  kml_sleep (self, 10 * KML_US);
  ck_assert_uint_eq (reserve->counters[REFILLS], 2);
  kml_irq_raise (&irq);
  kml_work (self, KML_US);
  kml_irq_clear (&irq);
}

START_TEST (interrupts_take_and_a_task_refills)
{
  const KmlTaskConfig config = { .name = "main", .func = main_task };
  const GPtrArray *tasks;

  set_up (1, 16, TRUE, (const char *const[]){ "size", "2", "use", "first", "delay", "10us", NULL });
  kml_task_new (scheduler, &config);
  kml_scheduler_run (scheduler);
  ck_assert_uint_eq (reserve->counters[HITS], 4);
  ck_assert_uint_eq (reserve->counters[EMPTY], 2);
  ck_assert_uint_ne (taken[2], KML_ADDR_NONE); /* from below */
  ck_assert_uint_eq (kml_scheduler_incidents (scheduler)->len, 0);
  tasks = kml_scheduler_tasks (scheduler);
  ck_assert_str_eq (((KmlTask *)g_ptr_array_index (tasks, tasks->len - 1))->name, "reserve-refill");
  check_all ();
  tear_down ();
}
END_TEST

/* Nobody gives anything back for a millisecond, in which a task that tries again at once would do nothing else. */
static void
take_all (KmlMachine *self, gpointer data)
{
  use_up ();
  kml_work (self, KML_US); /* the task of the reserve has come and sleeps */
  kml_irq_init (&irq, scheduler, "nic", 0, KML_LEVEL_HARDIRQ, in_the_interrupt, NULL);
  kml_irq_raise (&irq);
  kml_sleep (self, KML_MS);
  kml_irq_clear (&irq);
}

START_TEST (without_a_delay_too_a_refill_that_fails_is_tried_again_after_a_while)
{
  const KmlTaskConfig config = { .name = "main", .func = take_all };

  set_up (1, 16, TRUE, (const char *const[]){ "size", "2", "delay", "0", NULL });
  kml_task_new (scheduler, &config);
  kml_scheduler_run (scheduler);
  ck_assert_uint_eq (reserve->counters[HITS], 2);
  ck_assert_uint_gt (reserve->counters[REFILLS_FAILED], 100);
  ck_assert_uint_le (reserve->counters[REFILLS_FAILED], 2 * 100 + 2);
  check_all ();
  tear_down ();
}
END_TEST

/* ---- Misuse ---- */

START_TEST (what_lies_in_a_stash_is_not_freed)
{
  KmlAddr addr;

  set_up (1, 8, FALSE, (const char *const[]){ "size", "1", "use", "first", NULL });
  addr = ask (0, KML_GFP_ATOMIC);
  give_back (addr, 0);
  give_back (addr, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reserve");
  TCase *story = tcase_create ("story");
  TCase *sizes = tcase_create ("sizes");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (story, who_may_not_sleep_gets_a_block_when_nothing_else_is_left);
  tcase_add_test (story, a_block_that_comes_back_is_in_the_stash_again);
  tcase_add_test (story, a_place_is_filled_a_while_after_its_block_was_taken);
  tcase_add_test (story, what_a_refill_spends_is_no_part_of_the_request);
  tcase_add_test (story, what_cannot_be_filled_is_tried_again);
  tcase_add_test (story, shrinking_gives_the_reserve_up);
  tcase_add_test (story, reclaim_does_not_get_it);
  tcase_add_test (story, interrupts_take_and_a_task_refills);
  tcase_add_test (story, without_a_delay_too_a_refill_that_fails_is_tried_again_after_a_while);
  tcase_add_test (sizes, the_size_follows_from_the_load);
  tcase_add_test (sizes, the_share_that_finds_the_stash_empty_is_erlang_s);
  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, what_lies_in_a_stash_is_not_freed, SIGABRT);
  suite_add_tcase (suite, story);
  suite_add_tcase (suite, sizes);
  suite_add_tcase (suite, misuse);
  return run_suite (suite);
}
