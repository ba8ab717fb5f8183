/* test-nic.c: packets get a buffer or are counted as lost.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Buffers are page frames, of which a machine of 1 MiB has 254 besides those of the frame table.
 */

#include "simcore/memory/pin.h"
#include "tests/device-fixture.h"

#define SETTINGS(...)                                                                              \
  ((const char *const[]){ "from", "pages", "buffer", "4KiB", __VA_ARGS__, NULL })

static DeviceRig rig;

static KmlTime instruction; /* what one costs */

static void
wait_for_all (KmlMachine *machine, gpointer data)
{
  kml_sleep (machine, 100 * KML_MS);
}

static void
run (const char *const *settings)
{
  g_autoptr (GError) error = NULL;

  make_machine (&rig, 4, 1);
  rig.machine->cost[KML_COST_INSTRUCTION] = instruction;
  rig.pages = kml_allocator_new (kml_allocator_find ("page-first-fit"), rig.machine, NULL);
  ck_assert (kml_allocator_start (rig.pages, &error));
  put_in (&rig, "nic", settings);
  start_task (&rig, 3, 0, wait_for_all, NULL);
  kml_scheduler_run (rig.scheduler);
  check_device (&rig);
  ck_assert (rig.pages->ops->check (rig.pages, &error));
  ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
}

static void
tear_down (void)
{
  clear_rig (&rig);
}

static guint
n_pinned (void)
{
  guint n = 0;

  for (KmlPfn pfn = 0; pfn < rig.machine->ram->n_frames; pfn++)
    n += kml_is_pinned (rig.machine, pfn);
  return n;
}

START_TEST (packets_that_come_one_by_one_are_all_received)
{
  run (SETTINGS ("ring-size", "4", "arrivals", "periodic(10us)", "packets", "500", "consume",
                 "fixed(1us)"));
  ck_assert_uint_eq (counted (&rig, "packets"), 500);
  ck_assert_uint_eq (counted (&rig, "received"), 500);
  ck_assert_uint_eq (counted (&rig, "consumed"), 500);
  ck_assert_uint_eq (counted (&rig, "interrupts"), 500);
  ck_assert_double_eq (figure (&rig, "drop_share"), 0);
  ck_assert_uint_eq (n_pinned (), 4); /* what is in the ring, and nothing that has left it */
  tear_down ();
}
END_TEST

/* The first is polled for 2 us, in which the others come: three more find a buffer. */
START_TEST (a_burst_that_is_larger_than_the_ring_loses_the_rest)
{
  run (
      SETTINGS ("ring-size", "4", "arrivals", "bursts(6, 100us)", "packets", "6", "packet", "2us"));
  ck_assert_uint_eq (counted (&rig, "received"), 4);
  ck_assert_uint_eq (counted (&rig, "drops_ring"), 2);
  ck_assert_uint_eq (counted (&rig, "interrupts"), 1);
  ck_assert_uint_eq (counted (&rig, "polls"), 1);
  tear_down ();
}
END_TEST

/* The consumer keeps all: 254 frames, of which the ring has 4 all the time. */
START_TEST (when_there_is_no_memory_packets_are_lost_and_the_ring_goes_on)
{
  static const char *const contexts[] = { "softirq", "hardirq" };

  for (guint i = 0; i < 2; i++) {
    run (SETTINGS ("ring-size", "4", "arrivals", "periodic(10us)", "packets", "300", "consume",
                   "fixed(10s)", "context", contexts[i]));
    ck_assert_uint_eq (counted (&rig, "received"), 250);
    ck_assert_uint_eq (counted (&rig, "drops_memory"), 50);
    ck_assert_uint_eq (counted (&rig, "drops_ring"), 0);
    ck_assert_double_eq (figure (&rig, "drop_share"), 50. / 300);
    ck_assert_uint_eq (n_pinned (), 4);
    tear_down ();
  }
}
END_TEST

START_TEST (a_consumer_that_is_too_slow_loses_packets_and_their_memory_comes_back)
{
  run (SETTINGS ("ring-size", "4", "arrivals", "periodic(10us)", "packets", "300", "consume",
                 "fixed(10s)", "backlog", "20"));
  ck_assert_uint_eq (counted (&rig, "received"), 20);
  ck_assert_uint_eq (counted (&rig, "drops_backlog"), 280);
  ck_assert_uint_eq (counted (&rig, "drops_memory"), 0);
  ck_assert_uint_eq (rig.machine->free_area.n_free, 254 - 24);
  tear_down ();
}
END_TEST

/* In picoseconds: of a search that takes some instructions, of 1 ns each. */
START_TEST (the_time_that_polls_spend_asking_for_buffers_is_counted)
{
  for (instruction = 0; instruction <= KML_NS; instruction += KML_NS) {
    run (SETTINGS ("ring-size", "8", "arrivals", "bursts(8, 50us)", "packets", "8"));
    ck_assert_uint_eq (counted (&rig, "allocations"), 8);
    ck_assert_uint_ge (counted (&rig, "allocation_time"), 8 * instruction);
    ck_assert_uint_le (counted (&rig, "allocation_time"), 8 * 200 * instruction);
    tear_down ();
  }
  instruction = 0;
}
END_TEST

/* Twice 21 at once, five a poll: the polls go on every 20 us, so the second 21 come while they do; no further interrupt. */
START_TEST (a_poll_stops_after_its_budget_and_goes_on_later)
{
  run (
      SETTINGS ("ring-size", "32", "arrivals", "bursts(21, 50us)", "packets", "42", "budget", "5"));
  ck_assert_uint_eq (counted (&rig, "received"), 42);
  ck_assert_uint_eq (counted (&rig, "interrupts"), 1);
  ck_assert_uint_eq (counted (&rig, "polls"), 9);
  tear_down ();
}
END_TEST

START_TEST (rings_on_several_cpus_share_the_packets)
{
  run (SETTINGS ("rings", "3", "ring-size", "8", "arrivals", "poisson(200000/s)", "packets", "5000",
                 "consume", "exponential(2us)", "consumer-cpu", "3"));
  ck_assert_uint_eq (counted (&rig, "packets"), 5000);
  ck_assert_uint_gt (counted (&rig, "received"), 4500);
  for (guint i = 0, n = 0; i < kml_scheduler_tasks (rig.scheduler)->len; i++) {
    const KmlTask *task = g_ptr_array_index (kml_scheduler_tasks (rig.scheduler), i);

    if (task->context == KML_CONTEXT_SOFTIRQ) {
      ck_assert_uint_eq (task->cpu, n++);
      /* a third of 5000, 500 ns each, with room */
      ck_assert_uint_gt (task->parts[KML_PART_RUN], 500 * 500 * KML_NS);
    }
  }
  tear_down ();
}
END_TEST

START_TEST (the_same_seed_loses_the_same_packets)
{
  guint64 first[KML_MAX_DEVICE_COUNTERS];

  for (guint i = 0; i < 2; i++) {
    run (SETTINGS ("rings", "2", "ring-size", "4", "arrivals", "poisson(1000000/s)", "packets",
                   "5000"));
    ck_assert_uint_gt (counted (&rig, "drops_ring"), 0);
    if (i == 0)
      memcpy (first, rig.device->counters, sizeof first);
    else
      ck_assert_mem_eq (first, rig.device->counters, sizeof first);
    tear_down ();
  }
}
END_TEST

START_TEST (what_cannot_be_is_refused)
{
#define ALONE(...) ((const char *const[]){ __VA_ARGS__, NULL })
  expect_refusal ("nic", ALONE ("arrivals", "closed"), "arrivals: expected poisson(RATE)");
  expect_refusal ("nic", ALONE ("from", "objects"), "no object allocator");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("nic");
  TCase *all = tcase_create ("all");

  tcase_add_test (all, packets_that_come_one_by_one_are_all_received);
  tcase_add_test (all, a_burst_that_is_larger_than_the_ring_loses_the_rest);
  tcase_add_test (all, when_there_is_no_memory_packets_are_lost_and_the_ring_goes_on);
  tcase_add_test (all, a_consumer_that_is_too_slow_loses_packets_and_their_memory_comes_back);
  tcase_add_test (all, a_poll_stops_after_its_budget_and_goes_on_later);
  tcase_add_test (all, the_time_that_polls_spend_asking_for_buffers_is_counted);
  tcase_add_test (all, rings_on_several_cpus_share_the_packets);
  tcase_add_test (all, the_same_seed_loses_the_same_packets);
  tcase_add_test (all, what_cannot_be_is_refused);
  suite_add_tcase (suite, all);
  return run_suite (suite);
}
