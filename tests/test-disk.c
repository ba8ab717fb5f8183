/* test-disk.c: disks do what can be added up by hand, and queues what is proved of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/devices/disk.h"
#include "simcore/base/arrivals.h"
#include "tests/device-fixture.h"

#define SETTINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static DeviceRig rig;
static GString *notes;

static KmlDisk *
disk (void)
{
  return kml_disk_from_device (rig.device);
}

static void
set_up (guint n_cpus, const char *kind, const char *const *settings)
{
  make_machine (&rig, n_cpus, 1);
  put_in (&rig, kind, settings);
  notes = g_string_new (NULL);
}

static void
tear_down (void)
{
  check_device (&rig);
  clear_rig (&rig);
  g_string_free (notes, TRUE);
}

/* "sector@us " for each request, in the order in which they are done */
static void
note_done (KmlDiskRequest *request, gpointer data)
{
  check_device (&rig);
  g_string_append_printf (notes, "%s%" G_GUINT64_FORMAT "@%" G_GUINT64_FORMAT,
                          notes->len > 0 ? " " : "", request->sector, request->finished / KML_US);
}

/* What a task submits all at once; ends with one of no sectors. */
typedef struct {
  guint64 sector;
  guint32 n_sectors;
  gboolean is_write;
} Wish;

#define MAX_WISHES 8

static KmlDiskRequest requests[MAX_WISHES];

static void
submit_all (KmlMachine *machine, gpointer data)
{
  const Wish *wishes = data;
  guint n = 0;

  for (; wishes[n].n_sectors > 0; n++) {
    requests[n] = (KmlDiskRequest){ .sector = wishes[n].sector,
                                    .n_sectors = wishes[n].n_sectors,
                                    .is_write = wishes[n].is_write,
                                    .done = note_done };
    kml_disk_submit (disk (), &requests[n]);
    check_device (&rig);
  }
  for (guint i = 0; i < n; i++)
    kml_disk_wait (disk (), &requests[i]);
}

static void
run (const Wish *wishes)
{
  start_task (&rig, 0, 0, submit_all, (gpointer)wishes);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
}

/* ---- All disks ---- */

static void
read_once (KmlMachine *machine, gpointer data)
{
  ck_assert_int_eq (kml_disk_read (disk (), 0, 8), KML_DISK_OK);
  g_string_append_printf (notes, "@%" G_GUINT64_FORMAT " ", machine->now / KML_US);
}

START_TEST (who_reads_sleeps_until_the_disk_has_served_those_before)
{
  set_up (2, "queue", SETTINGS ("service", "fixed(10us)"));
  start_task (&rig, 0, 0, read_once, NULL);
  start_task (&rig, 1, 4 * KML_US, read_once, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_str_eq (notes->str, "@10 @20 ");

  const KmlTask *second = g_ptr_array_index (kml_scheduler_tasks (rig.scheduler), 2);
  ck_assert_uint_eq (second->parts[KML_PART_IO], 16 * KML_US);
  ck_assert_uint_eq (counted (&rig, "wait"), 6 * KML_US);
  ck_assert_uint_eq (counted (&rig, "busy"), 20 * KML_US);
  ck_assert_uint_eq (counted (&rig, "read"), 8192);
  ck_assert_double_eq (figure (&rig, "wait_mean"), 3000);
  ck_assert_double_eq (figure (&rig, "latency_mean"), 13000);
  ck_assert_double_eq (figure (&rig, "utilisation"), 1);
  ck_assert_uint_eq (disk ()->worst_wait, 6 * KML_US);
  tear_down ();
}
END_TEST

static void
work_meanwhile (KmlMachine *machine, gpointer data)
{
  KmlDiskRequest request = { .n_sectors = 1, .is_write = TRUE };

  kml_disk_submit (disk (), &request);
  ck_assert_uint_eq (machine->now, 2 * KML_US);
  kml_work (machine, 5 * KML_US);
  ck_assert_int_eq (request.status, KML_DISK_PENDING);
  ck_assert_int_eq (kml_disk_wait (disk (), &request), KML_DISK_OK);
  /* 2 to submit, 10 to serve, 3 to handle the interrupt */
  ck_assert_uint_eq (machine->now, 15 * KML_US);
  ck_assert_int_eq (kml_disk_wait (disk (), &request), KML_DISK_OK);
  ck_assert_uint_eq (machine->now, 15 * KML_US);
}

START_TEST (a_disk_works_while_the_cpu_does)
{
  set_up (1, "queue", SETTINGS ("service", "fixed(10us)", "submit", "2us"));
  rig.machine->cost[KML_COST_INTERRUPT] = 2 * KML_US;
  rig.machine->cost[KML_COST_WAKE] = 1 * KML_US;
  start_task (&rig, 0, 0, work_meanwhile, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (rig.machine->now, 15 * KML_US);
  tear_down ();
}
END_TEST

START_TEST (neighbours_that_wait_are_served_as_one)
{
  /* the first is being served; 24 joins 16 behind, 8 in front; a write joins no read, and 32 would be too many */
  static const Wish wishes[] = {
    { 0, 8, FALSE }, { 16, 8, FALSE }, { 24, 8, FALSE }, { 32, 8, TRUE },
    { 8, 8, FALSE }, { 32, 8, FALSE }, { 0, 0, FALSE },
  };

  set_up (1, "queue", SETTINGS ("service", "fixed(10us)", "max-merged", "12KiB"));
  run (wishes);
  ck_assert_str_eq (notes->str, "0@10 16@20 24@20 8@20 32@30 32@40");
  ck_assert_uint_eq (counted (&rig, "merged"), 2);
  ck_assert_uint_eq (counted (&rig, "written"), 4096);
  ck_assert_uint_eq (counted (&rig, "read"), 5 * 4096);
  ck_assert_uint_eq (rig.device->counters[0], 6);
  tear_down ();
}
END_TEST

START_TEST (the_order_says_which_of_those_that_wait_goes_next)
{
  static const struct {
    const char *order, *expected;
  } cases[] = {
    { "fifo", "500@10 100@20 900@30 300@40" },
    { "elevator", "500@10 900@20 100@30 300@40" }, /* up from 501, then from the lowest */
    { "shortest", "500@10 300@20 100@30 900@40" }, /* 201, 201, 799 sectors away */
  };
  static const Wish wishes[] = {
    { 500, 1, FALSE }, { 100, 1, FALSE }, { 900, 1, FALSE }, { 300, 1, FALSE }, { 0, 0, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    set_up (1, "queue", SETTINGS ("service", "fixed(10us)", "order", cases[i].order));
    run (wishes);
    ck_assert_str_eq (notes->str, cases[i].expected);
    tear_down ();
  }
}
END_TEST

static void
read_three (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 3; i++)
    g_string_append_printf (notes, "%s ", kml_disk_status_names[kml_disk_read (disk (), i * 8, 8)]);
  g_string_append_printf (notes, "@%" G_GUINT64_FORMAT, machine->now / KML_US);
}

static void
expect_three (const char *const *settings, const char *expected)
{
  set_up (1, "queue", settings);
  start_task (&rig, 0, 0, read_three, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_str_eq (notes->str, expected);
  tear_down ();
}

START_TEST (a_disk_fails_and_is_slow_when_it_is_told_to)
{
#define TEN "service", "fixed(10us)"
  expect_three (SETTINGS (TEN, "errors", "every(2)"), "ok error ok @30");
  expect_three (SETTINGS (TEN, "errors", "share(1)"), "error error error @30");
  expect_three (SETTINGS (TEN, "errors", "share(0)"), "ok ok ok @30");
  expect_three (SETTINGS (TEN, "errors", "between(0, 10us)"), "error ok ok @30");
  expect_three (SETTINGS (TEN, "slow", "every(3)", "slow-by", "1ms"), "ok ok ok @1030");
  expect_three (SETTINGS (TEN, "size", "10KiB"), "ok ok out of range @20");
}
END_TEST

START_TEST (what_is_merged_with_one_that_fails_fails_too)
{
  static const Wish wishes[] = {
    { 0, 8, FALSE }, { 16, 8, FALSE }, { 24, 8, FALSE }, { 0, 0, FALSE }
  };

  set_up (1, "queue",
          SETTINGS ("service", "fixed(10us)", "max-merged", "1MiB", "errors", "every(2)"));
  run (wishes);
  ck_assert_int_eq (requests[0].status, KML_DISK_OK);
  ck_assert_int_eq (requests[1].status, KML_DISK_ERROR);
  ck_assert_int_eq (requests[2].status, KML_DISK_ERROR);
  ck_assert_uint_eq (counted (&rig, "errors"), 2);
  tear_down ();
}
END_TEST

static KmlIrq irq;
static KmlTimer timer;

static void
raise_irq (gpointer data)
{
  kml_irq_raise (data);
}

static void
read_in_interrupt_on (guint cpu)
{
  kml_irq_init (&irq, rig.scheduler, "irq", cpu, KML_LEVEL_HARDIRQ, read_once, NULL);
  kml_timer_init (&timer, rig.scheduler, raise_irq, &irq);
  kml_timer_set (&timer, rig.scheduler, 5 * KML_US);
}

static void
work_long (KmlMachine *machine, gpointer data)
{
  kml_work (machine, 100 * KML_US);
}

START_TEST (reading_in_an_interrupt_is_a_bug_and_the_cpu_stands_still)
{
  set_up (2, "queue", SETTINGS ("service", "fixed(10us)"));
  read_in_interrupt_on (1);
  start_task (&rig, 1, 0, work_long, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_str_eq (notes->str, "@15 ");
  ck_assert_uint_eq (rig.machine->now, 110 * KML_US);
  ck_assert_uint_eq (n_incidents (&rig, KML_INCIDENT_SLEEP_IN_ATOMIC), 1);
  tear_down ();
  kml_irq_clear (&irq);
}
END_TEST

/* The interrupt that would end the wait cannot interrupt the handler that waits for it. */
START_TEST (waiting_for_an_interrupt_that_one_keeps_away_ends_the_run_and_says_so)
{
  set_up (1, "queue", SETTINGS ("service", "fixed(10us)"));
  read_in_interrupt_on (0);
  start_task (&rig, 0, 0, work_long, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_str_eq (notes->str, "");
  ck_assert_uint_eq (n_incidents (&rig, KML_INCIDENT_SLEEP_IN_ATOMIC), 1);
  ck_assert_uint_eq (n_incidents (&rig, KML_INCIDENT_STALL), 1);
  tear_down ();
  kml_irq_clear (&irq);
}
END_TEST

START_TEST (the_check_finds_what_is_broken)
{
  g_autoptr (GError) error = NULL;

  set_up (1, "queue", NULL);
  disk ()->n_inside++;
  ck_assert (!kml_device_check (rig.device, &error));
  ck_assert_int_eq (error->code, KML_ERROR_CORRUPT);
  ck_assert_ptr_nonnull (strstr (error->message, "D1"));
  disk ()->n_inside--;
  rig.device->counters[0]++;
  g_clear_error (&error);
  ck_assert (!kml_device_check (rig.device, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "D4"));
  rig.device->counters[0]--;
  tear_down ();
}
END_TEST

START_TEST (what_cannot_be_is_refused)
{
  expect_refusal ("queue", SETTINGS ("cpu", "2"), "device.device.cpu: expected a CPU from 0 to 1");
  expect_refusal ("hdd", SETTINGS ("seek-next", "2ms", "seek-full", "1ms"),
                  "device.device.seek-full: expected one that is no shorter than seek-next");

  static const struct {
    const char *param, *text, *message;
  } cases[] = {
    { "errors", "evry(5)", "did you mean “every(N)”?" },
    { "errors", "every(0)", "expected a number above 0" },
    { "errors", "share(1.5)", "expected a share from 0 to 1" },
    { "slow", "between(2ms, 1ms)", "expected the earlier time first" },
    { "service", "forever", "expected exponential(TIME)" },
    { "order", "lift", "elevator" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const KmlParam *param = kml_param_find (kml_device_find ("queue")->params, cases[i].param);
    g_autoptr (GError) error = NULL;

    ck_assert (!kml_param_parse (param, cases[i].text, NULL, &error));
    ck_assert_int_eq (error->code, KML_ERROR_INPUT);
    ck_assert_msg (strstr (error->message, cases[i].message) != NULL, "%s", error->message);
  }
}
END_TEST

/* ---- Kinds ---- */

static void
read_hdd (KmlMachine *machine, gpointer data)
{
  static const struct {
    guint64 sector;
    guint32 n_sectors;
    KmlTime end_us;
  } steps[] = {
    { 400, 5,
      1050 }, /* 4 cylinders: 100 + (300 - 100) (2 - 1) / (3 - 1) = 200; sector 0 comes at 1000; 5 sectors */
    { 405, 5, 1100 },  /* just comes by */
    { 404, 1, 2050 },  /* has just gone: 940 until it comes again, 10 */
    { 500, 1, 3010 },  /* the next cylinder at 2150; its sector 0 comes at 3000 */
    { 950, 1, 3510 },  /* 4 cylinders: 3210; sector 50 comes at 3500 */
    { 960, 40, 4000 }, /* up to the end of the cylinder, where the arm stays: … */
    { 900, 1, 4010 },  /* … the first of the same one comes just now */
    { 30, 1, 5310 },   /* all 9 cylinders: 4310; sector 30 has gone at 4300 */
  };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    kml_disk_read (disk (), steps[i].sector, steps[i].n_sectors);
    ck_assert_uint_eq (machine->now, steps[i].end_us * KML_US);
  }
}

START_TEST (a_hard_disk_seeks_turns_and_transfers)
{
  /* a turn is 1 ms and has 100 sectors of 10 us; 10 cylinders */
  set_up (1, "hdd",
          SETTINGS ("rpm", "60000", "cylinder", "51200", "size", "512000", "controller", "0",
                    "seek-next", "100us", "seek-full", "300us", "submit", "0"));
  start_task (&rig, 0, 0, read_hdd, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (counted (&rig, "done"), 8);
  tear_down ();
}
END_TEST

typedef struct {
  KmlRng rng;
  KmlTime served;
} RandomReader;

#define N_RANDOM 20000

static void
read_at_random (KmlMachine *machine, gpointer data)
{
  RandomReader *self = data;

  for (guint i = 0; i < N_RANDOM; i++) {
    kml_sleep (machine, 1 + kml_rng_below (&self->rng, 20 * KML_MS));
    self->served -= machine->now;
    kml_disk_read (disk (), kml_rng_below (&self->rng, disk ()->n_sectors), 1);
    self->served += machine->now;
  }
}

/* Without seeks, half a turn and a sector. sd of the mean: turn / √12 / √N, 0.2 % of the turn. */
START_TEST (at_unrelated_times_a_hard_disk_takes_half_a_turn)
{
  RandomReader reader = { 0 };

  set_up (1, "hdd",
          SETTINGS ("rpm", "7500", "seek-next", "0", "seek-full", "0", "controller", "0", "submit",
                    "0"));
  kml_rng_init (&reader.rng, 1, "reader");
  start_task (&rig, 0, 0, read_at_random, &reader);
  kml_scheduler_run (rig.scheduler);
  ck_assert_double_eq_tol ((double)reader.served / N_RANDOM,
                           (double)(4 * KML_MS + 8 * KML_MS / 8192), 0.006 * 8 * KML_MS);
  tear_down ();
}
END_TEST

START_TEST (channels_of_a_solid_state_disk_work_side_by_side)
{
#define SSD                                                                                        \
  "channels", "2", "read", "fixed(10us)", "write", "fixed(3us)", "page", "1us", "submit", "0"
  /* sectors 0 and 256 lie on channel 0, 128 on channel 1 */
  static const Wish reads[] = {
    { 0, 8, FALSE }, { 128, 8, FALSE }, { 256, 8, FALSE }, { 0, 0, FALSE }
  };
  /* on whichever has least to do; the last takes a page more */
  static const Wish writes[] = {
    { 0, 8, TRUE }, { 256, 8, TRUE }, { 512, 16, TRUE }, { 0, 0, FALSE }
  };

  set_up (1, "ssd", SETTINGS (SSD));
  run (reads);
  ck_assert_str_eq (notes->str, "0@10 128@10 256@20");
  tear_down ();

  set_up (1, "ssd", SETTINGS (SSD, "queue-depth", "1"));
  run (reads);
  ck_assert_str_eq (notes->str, "0@10 128@20 256@30");
  tear_down ();

  set_up (1, "ssd", SETTINGS (SSD));
  run (writes);
  ck_assert_str_eq (notes->str, "0@3 256@3 512@7");
  tear_down ();
}
END_TEST

/* ---- The theorem ---- */

#define N_ARRIVALS 400000

typedef struct {
  KmlArrivals arrivals;
  KmlArrivalsClock clock;
  KmlTimer timer;
  KmlDiskRequest *requests; /* (array length=N_ARRIVALS) */
  guint n;
} Source;

static void
arrive (gpointer data)
{
  Source *self = data;
  KmlDiskRequest *request = &self->requests[self->n++];

  request->n_sectors = 1;
  kml_disk_submit (disk (), request);
  if (self->n < N_ARRIVALS)
    kml_timer_set (&self->timer, rig.scheduler, kml_arrivals_next (&self->arrivals, &self->clock));
}

static void
outlast_all (KmlMachine *machine, gpointer data)
{
  kml_sleep (machine, 1000000 * KML_S);
}

/* In ns: the mean wait at 500 requests a second. */
static double
wait_of (const char *service)
{
  Source source = { .requests = g_new0 (KmlDiskRequest, N_ARRIVALS) };
  double wait;

  set_up (1, "queue", SETTINGS ("service", service));
  ck_assert (kml_arrivals_parse ("poisson(500/s)", &source.arrivals, NULL));
  kml_rng_init (&source.clock.rng, 1, "arrivals");
  kml_timer_init (&source.timer, rig.scheduler, arrive, &source);
  kml_timer_set (&source.timer, rig.scheduler, kml_arrivals_next (&source.arrivals, &source.clock));
  start_task (&rig, 0, 0, outlast_all, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (counted (&rig, "done"), N_ARRIVALS);
  wait = figure (&rig, "wait_mean");
  tear_down ();
  g_free (source.requests);
  return wait;
}

/* Claim A32: λ E[S²] / (2 (1 - ρ)) with λ = 500/s, E[S] = 1 ms, ρ = ½ is 500/s E[S²]. */
START_TEST (the_mean_wait_is_that_of_pollaczek_and_khinchin)
{
  const double exponential = wait_of ("exponential(1ms)");             /* E[S²] = 2 ms² */
  const double fixed = wait_of ("fixed(1ms)");                         /* 1 ms² */
  const double weighted = wait_of ("weighted(500us:0.5, 1500us:0.5)"); /* 1.25 ms² */

  ck_assert_double_eq_tol (exponential, 1e6, 0.02e6);
  ck_assert_double_eq_tol (fixed, 0.5e6, 0.01e6);
  ck_assert_double_eq_tol (weighted, 0.625e6, 0.0125e6);
  ck_assert_double_eq_tol (exponential / fixed, 2, 0.04);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("disk");
  TCase *all = tcase_create ("all disks"), *kinds = tcase_create ("kinds"),
        *theorem = tcase_create ("the theorem");

  tcase_add_test (all, who_reads_sleeps_until_the_disk_has_served_those_before);
  tcase_add_test (all, a_disk_works_while_the_cpu_does);
  tcase_add_test (all, neighbours_that_wait_are_served_as_one);
  tcase_add_test (all, the_order_says_which_of_those_that_wait_goes_next);
  tcase_add_test (all, a_disk_fails_and_is_slow_when_it_is_told_to);
  tcase_add_test (all, what_is_merged_with_one_that_fails_fails_too);
  tcase_add_test (all, reading_in_an_interrupt_is_a_bug_and_the_cpu_stands_still);
  tcase_add_test (all, waiting_for_an_interrupt_that_one_keeps_away_ends_the_run_and_says_so);
  tcase_add_test (all, the_check_finds_what_is_broken);
  tcase_add_test (all, what_cannot_be_is_refused);
  tcase_add_test (kinds, a_hard_disk_seeks_turns_and_transfers);
  tcase_add_test (kinds, at_unrelated_times_a_hard_disk_takes_half_a_turn);
  tcase_add_test (kinds, channels_of_a_solid_state_disk_work_side_by_side);
  tcase_add_test (theorem, the_mean_wait_is_that_of_pollaczek_and_khinchin);
  suite_add_tcase (suite, all);
  suite_add_tcase (suite, kinds);
  suite_add_tcase (suite, theorem);
  return run_suite (suite);
}
