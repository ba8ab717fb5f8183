/* test-driver.c: a run small enough to work out by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: a workload that plays a list of operations, and a stand-in for an
 * object allocator that rounds up to 16 bytes, takes 10 ns to give a block and 5 ns to take it back, and
 * has room for three.
 */

#include <string.h>

#include "simcore/replay/driver.h"
#include "tests/list-workload.h"
#include "tests/testutils.h"

/* ---- Stand-ins ---- */

typedef struct {
  KmlAllocator base;
  guint n_live;
  KmlAddr next;
  gboolean keeps_whole;           /* does not split */
  gboolean takes_pages;           /* a frame for each block, and 100 bytes for itself */
  KmlAddr last_freed, last_split; /* what the last calls were about */
  guint64 last_piece;
} Three;

static gboolean
three_init (KmlAllocator *base, GError **error)
{
  return TRUE;
}

static void
take_page (Three *self, gboolean back)
{
  KmlFreeArea *area = &self->base.machine->free_area;

  if (!self->takes_pages)
    return;
  if (back)
    kml_free_area_add (area, 0, KML_MOBILITY_UNMOVABLE);
  else
    kml_free_area_remove (area, 0, KML_MOBILITY_UNMOVABLE);
  self->base.metadata_bytes = 100 * self->n_live;
}

static KmlAddr
three_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Three *self = (Three *)base;

  kml_spend (base->machine, KML_COST_INSTRUCTION, 10);
  if (self->n_live == 3)
    return KML_ADDR_NONE;
  self->n_live++;
  take_page (self, FALSE);
  base->counters[0]++;
  self->next += 4096;
  *ret_held = (request->size + 15) / 16 * 16;
  return self->next;
}

static guint64
three_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Three *self = (Three *)base;

  kml_spend (base->machine, KML_COST_INSTRUCTION, 5);
  self->n_live--;
  take_page (self, TRUE);
  self->last_freed = addr;
  return 16;
}

static gboolean
three_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  Three *self = (Three *)base;

  self->last_split = addr;
  self->last_piece = piece;
  if (self->keeps_whole)
    return FALSE;
  self->n_live++;
  return TRUE;
}

static void
three_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
}

static gboolean
three_check (const KmlAllocator *base, GError **error)
{
  return TRUE;
}

static const KmlAllocatorOps three_pages_ops = {
  .name = "three-pages",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (Three),
  .init = three_init,
  .alloc = three_alloc,
  .free = three_free,
  .split = three_split,
  .walk = three_walk,
  .check = three_check,
};

static const KmlAllocatorOps three_ops = {
  .name = "three",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Three),
  .init = three_init,
  .alloc = three_alloc,
  .free = three_free,
  .walk = three_walk,
  .check = three_check,
};

/* ---- A machine with all of that ---- */

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages, *objects;
  KmlOldFrames *old;
  KmlRecorder *recorder;
  KmlWorkload *workloads[2];
  KmlDriver *driver;
} Setup;

static void
set_up (Setup *setup, const KmlRecordConfig *record, guint n_workloads, KmlTime until)
{
  KmlMachineConfig config = { .n_cpus = 2, .ram = 1 << 20, .page_size = 4096 };

  config.cost[KML_COST_INSTRUCTION] = KML_NS;
  setup->machine = kml_machine_new (&config, NULL);
  setup->pages = kml_allocator_new (&three_pages_ops, setup->machine, NULL);
  setup->objects = kml_allocator_new (&three_ops, setup->machine, setup->pages);
  kml_free_area_add_blocks (&setup->machine->free_area, 0, setup->machine->ram->n_usable,
                            KML_MOBILITY_UNMOVABLE);
  setup->recorder = kml_recorder_new (record, setup->machine, setup->pages, setup->objects);
  for (guint i = 0; i < 2; i++)
    setup->workloads[i] = kml_workload_new (&list_ops, "list", ".");
  setup->old = kml_old_frames_new (setup->machine->ram->n_usable, FALSE);
  setup->driver = kml_driver_new (&(KmlDriverConfig){ .machine = setup->machine,
                                                      .old = setup->old,
                                                      .pages = setup->pages,
                                                      .objects = setup->objects,
                                                      .recorder = setup->recorder,
                                                      .workloads = setup->workloads,
                                                      .n_workloads = n_workloads,
                                                      .until = until });
}

static void
tear_down (Setup *setup)
{
  kml_driver_free (setup->driver);
  kml_old_frames_free (setup->old);
  kml_recorder_free (setup->recorder);
  for (guint i = 0; i < 2; i++)
    kml_workload_free (setup->workloads[i]);
  kml_allocator_destroy (setup->objects);
  kml_allocator_destroy (setup->pages);
  kml_machine_free (setup->machine);
}

static void
give (Setup *setup, guint workload, const KmlOp *ops, guint n)
{
  List *list = (List *)setup->workloads[workload];

  list->ops = ops;
  list->n = n;
}

static void
run (Setup *setup)
{
  g_autoptr (GError) error = NULL;

  kml_driver_run (setup->driver, &error);
  assert_no_error (error);
}

static double
metric (const Setup *setup, const char *name)
{
  g_autoptr (GArray) metrics = kml_recorder_metrics (setup->recorder);

  for (guint i = 0; i < metrics->len; i++)
    if (g_str_equal (g_array_index (metrics, KmlMetric, i).name, name))
      return g_array_index (metrics, KmlMetric, i).value;
  ck_abort_msg ("no metric %s", name);
}

static KmlOp
ask (KmlTime time, guint16 cpu, guint32 block, guint64 size)
{
  return (KmlOp){ .time = time,
                  .kind = KML_OP_ALLOC,
                  .level = KML_LEVEL_OBJECTS,
                  .block = block,
                  .request = { .size = size, .cpu = cpu } };
}

static KmlOp
give_back (KmlTime time, guint16 cpu, guint32 block)
{
  return (KmlOp){ .time = time,
                  .kind = KML_OP_FREE,
                  .level = KML_LEVEL_OBJECTS,
                  .block = block,
                  .request = { .cpu = cpu } };
}

static const KmlRecordConfig everything = {
  .latency = TRUE,
  .waste = TRUE,
  .events = KML_RECORD_ALL,
  .sampling = 1.0,
  .points = 8,
};

/* ---- Tests ---- */

/*  t/ns  0        10        20   25            100  105
 *  CPU 0 [ask 8 --][ask 4 --]     .             .
 *  CPU 1           .         [free 8]           [free 4]
 *  asked    8          12         4 ............ 0       bytes, from the start of the operation on
 *  held     16         32         16 ........... 0
 *
 *  integral of asked: 10*8 + 10*12 + 80*4 = 520; of held: 10*16 + 10*32 + 80*16 = 1760 byte ns
 */
START_TEST (a_run_worked_out_by_hand)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4), give_back (20 * KML_NS, 1, 0),
                        give_back (100 * KML_NS, 1, 1) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_uint_eq (setup.machine->now, 105 * KML_NS);
  ck_assert_double_eq (metric (&setup, "alloc.count"), 2);
  ck_assert_double_eq (metric (&setup, "free.count"), 2);
  ck_assert_double_eq (metric (&setup, "frag.internal.mean"), (1760.0 - 520.0) / 1760.0);
  ck_assert_double_eq (metric (&setup, "frag.internal.requests"), 20.0 / 32.0);
  ck_assert_double_eq (metric (&setup, "frag.internal.peak"), 20.0 / 32.0);
  ck_assert_double_eq (metric (&setup, "memory.requested.peak_bytes"), 12);
  ck_assert_double_eq (metric (&setup, "live.blocks.end"), 0);
  ck_assert_double_eq (metric (&setup, "latency.alloc.mean_ns"), 10);
  ck_assert_double_eq (metric (&setup, "latency.free.process.max_ns"), 5);
  ck_assert_double_eq (metric (&setup, "sampling.count"), 4);
  tear_down (&setup);
}
END_TEST

/* The same run with a warm-up of two operations: what counts begins at 10 ns, where the second did.
 *
 *  integral of asked: 10*12 + 80*4 = 440; of held: 10*32 + 80*16 = 1600 byte ns
 */
START_TEST (means_leave_out_the_warm_up)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4), give_back (20 * KML_NS, 1, 0),
                        give_back (100 * KML_NS, 1, 1) };
  KmlRecordConfig record = everything;
  Setup setup;

  record.warm_up = 2;
  for (guint n_workloads = 1; n_workloads <= 2; n_workloads++) {
    set_up (&setup, &record, n_workloads, KML_TIME_MAX);
    give (&setup, 0, ops, G_N_ELEMENTS (ops));
    give (&setup, 1, ops, 0);
    run (&setup);
    ck_assert_double_eq (metric (&setup, "frag.internal.mean"), (1600.0 - 440.0) / 1600.0);
    ck_assert_double_eq (metric (&setup, "frag.internal.requests"), 0); /* there were none */
    ck_assert_uint_eq (
        kml_histogram_n (setup.recorder->latency[KML_OPERATION_ALLOC][KML_CONTEXT_PROCESS]), 0);
    ck_assert_double_eq (metric (&setup, "latency.free.mean_ns"), 5);
    /* counts and peaks are the whole run's */
    ck_assert_double_eq (metric (&setup, "alloc.count"), 2);
    ck_assert_double_eq (metric (&setup, "memory.requested.peak_bytes"), 12);
    ck_assert_uint_eq (setup.recorder->counted_before[1][0], 2);
    tear_down (&setup);
  }
}
END_TEST

/* A block of pages lives from 0 to 20 ns beside two objects. What counts of these, from 0 ns on or, behind a warm-up of
 * three operations, from 10 ns on:
 *
 *  asked 8 bytes up to 10 ns, 12 up to 40 ns, 4 up to 100 ns: 680 byte ns, or 600
 *  held  16                   32              16:            2080 byte ns, or 1920
 */
START_TEST (what_objects_waste_leaves_pages_out)
{
  KmlOp ops[] = { ask (0, 0, 0, 8),
                  ask (0, 1, 2, 1),
                  ask (0, 0, 1, 4),
                  give_back (20 * KML_NS, 1, 2),
                  give_back (40 * KML_NS, 1, 0),
                  give_back (100 * KML_NS, 1, 1) };
  KmlRecordConfig record = everything;
  Setup setup;

  ops[1].level = ops[3].level = KML_LEVEL_PAGES;
  for (guint i = 0; i < 4; i++) {
    const gboolean warm_up = i % 2 == 1;

    record.warm_up = warm_up ? 3 : 0;
    set_up (&setup, &record, 1 + i / 2, KML_TIME_MAX);
    give (&setup, 0, ops, G_N_ELEMENTS (ops));
    give (&setup, 1, ops, 0);
    run (&setup);
    ck_assert_double_eq (metric (&setup, "frag.internal.objects.mean"),
                         warm_up ? (1920.0 - 600.0) / 1920.0 : (2080.0 - 680.0) / 2080.0);
    ck_assert_double_eq (metric (&setup, "frag.internal.objects.requests"),
                         warm_up ? 0 : 20.0 / 32.0);
    ck_assert_double_eq (metric (&setup, "frag.internal.requests"), warm_up ? 0 : 35.0 / 48.0);
    tear_down (&setup);
  }
}
END_TEST

START_TEST (a_run_that_ends_within_its_warm_up_has_measured_nothing)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4) };
  KmlRecordConfig record = everything;
  g_autoptr (GError) error = NULL;
  Setup setup;

  record.warm_up = 3;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  ck_assert (!kml_driver_run (setup.driver, &error));
  assert_error (error, KML_ERROR_INPUT, "record.warm-up: the run has ended before its first 3");
  tear_down (&setup);
}
END_TEST

/* Two workloads by turns, whose blocks have the same names; one request fails, one block outlives the run.
 * By call site and by lifetime it is the whole that the recorder adds up (invariants O1 and O2 of origins.h), also
 * when the first two requests are the warm-up. */
START_TEST (origins_add_up_to_the_whole)
{
  const KmlRecordConfig record = {
    .waste = TRUE, .origins = TRUE, .points = 8, .warm_up = _i == 0 ? 0 : 2
  };
  KmlOp first[] = { ask (0, 0, 0, 8), ask (0, 0, 1, 4), give_back (30 * KML_US, 1, 0),
                    ask (40 * KML_US, 0, 0, 16) };
  KmlOp second[] = { ask (KML_US, 1, 0, 3), ask (KML_US, 1, 1, 9), give_back (2 * KML_MS, 1, 1),
                     give_back (3 * KML_MS, 1, 0) };
  unsigned __int128 by_site = 0, by_lifetime = 0;
  guint64 count = 0, requested = 0, held = 0, n_blocks = 0;
  const KmlOrigins *origins;
  const GArray *sites;
  Setup setup;

  first[0].request.site = first[3].request.site = 1;
  set_up (&setup, &record, 2, KML_TIME_MAX);
  give (&setup, 0, first, G_N_ELEMENTS (first));
  give (&setup, 1, second, G_N_ELEMENTS (second));
  run (&setup);
  /* the second of the second: three live already */
  ck_assert_uint_eq (setup.recorder->n_failed, 1);

  origins = setup.recorder->origins;
  sites = kml_origins_sites (origins);
  ck_assert_uint_eq (sites->len, 1); /* nobody names them, and both workloads are called alike */
  for (guint i = 0; i < sites->len; i++) {
    const KmlSiteWaste *waste = &g_array_index (sites, KmlSiteOrigin, i).waste;

    by_site += waste->wasted_time;
    count += waste->count;
    requested += waste->requested;
    held += waste->held;
  }
  for (guint band = 0; band < KML_N_LIFETIMES; band++) {
    by_lifetime += kml_origins_lifetime (origins, band)->wasted_time;
    n_blocks += kml_origins_lifetime (origins, band)->count;
  }
  ck_assert (by_site == kml_tally_held_time (&setup.recorder->tally) -
                            kml_tally_requested_time (&setup.recorder->tally)); /* O1 */
  ck_assert (by_lifetime == by_site);
  ck_assert_uint_eq (count, _i == 0 ? 4 : 2); /* O2 */
  ck_assert_uint_eq (n_blocks, 4);            /* all died, or are alive, after the warm-up */
  ck_assert_uint_eq (requested, (_i == 0 ? 8 + 4 : 0) + 3 + 16);
  ck_assert_uint_eq (held, 16 * count);
  ck_assert_uint_eq (kml_origins_lifetime (origins, KML_LIFETIME_ALIVE)->requested, 4 + 16);
  tear_down (&setup);
}
END_TEST

START_TEST (a_run_that_does_not_ask_for_origins_has_none)
{
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  ck_assert_ptr_null (setup.recorder->origins);
  tear_down (&setup);
}
END_TEST

/* A CPU does one thing at a time: three requests at time 0 of one CPU start 10 ns apart, one of another CPU
 * does not wait for its own CPU, but starts never decrease. */
START_TEST (a_cpu_does_one_thing_at_a_time)
{
  const KmlOp ops[] = { ask (0, 0, 0, 1), ask (0, 0, 1, 1), ask (0, 1, 2, 1) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_uint_eq (setup.recorder->samples->n, 0); /* flushed */
  ck_assert_uint_eq (setup.machine->cpu_clock[0], 20 * KML_NS);
  ck_assert_uint_eq (setup.machine->cpu_clock[1], 20 * KML_NS); /* started at 10, with the second */
  tear_down (&setup);
}
END_TEST

START_TEST (a_failed_request_is_an_outcome_and_its_free_is_skipped)
{
  const KmlOp ops[] = { ask (0, 0, 0, 1), ask (0, 0, 1, 1), ask (0, 0, 2, 1), ask (0, 0, 3, 77),
                        give_back (0, 0, 3) };
  const KmlFailure *failure;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_double_eq (metric (&setup, "alloc.count"), 3);
  ck_assert_double_eq (metric (&setup, "alloc.failed"), 1);
  ck_assert_double_eq (metric (&setup, "free.skipped"), 1);
  ck_assert_uint_eq (setup.recorder->failures->len, 1);
  failure = &g_array_index (setup.recorder->failures, KmlFailure, 0);
  ck_assert_uint_eq (failure->request.size, 77);
  ck_assert_uint_eq (failure->time, 30 * KML_NS);
  tear_down (&setup);
}
END_TEST

START_TEST (the_workload_whose_time_has_come_goes_first)
{
  const KmlOp early[] = { ask (5 * KML_NS, 0, 0, 1), ask (70 * KML_NS, 0, 1, 1) };
  const KmlOp late[] = { ask (40 * KML_NS, 1, 0, 8) };
  Setup setup;

  set_up (&setup, &everything, 2, KML_TIME_MAX);
  give (&setup, 0, early, G_N_ELEMENTS (early));
  give (&setup, 1, late, G_N_ELEMENTS (late));
  run (&setup);
  ck_assert_uint_eq (setup.machine->now, 80 * KML_NS);
  ck_assert_uint_eq (setup.machine->cpu_clock[1], 50 * KML_NS);
  /* 1 byte for 35 ns, 9 for 30, 10 for 10 */
  ck_assert_double_eq (metric (&setup, "frag.internal.mean"),
                       1 - (35.0 * 1 + 30 * 9 + 10 * 10) / (35.0 * 16 + 30 * 32 + 10 * 48));
  tear_down (&setup);
}
END_TEST

/* A block of 8 pages at 4096 is halved: the upper half begins 4 pages higher, and is freed for itself. */
START_TEST (halves_of_a_block_are_freed_one_by_one)
{
  KmlOp ops[] = { ask (0, 0, 7, 8 * 4096),
                  { .kind = KML_OP_SPLIT, .block = 7, .other = 9 },
                  give_back (0, 0, 9),
                  give_back (0, 0, 7) };
  KmlRecordConfig record = everything;
  const Three *pages;
  Setup setup;

  for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
    ops[i].level = KML_LEVEL_PAGES;
  record.origins = TRUE;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  pages = (const Three *)setup.pages;
  kml_driver_execute (setup.driver, 0, ops, 3);
  ck_assert_uint_eq (pages->last_split, 4096);
  ck_assert_uint_eq (pages->last_piece, 4 * 4096);
  ck_assert_uint_eq (pages->last_freed, 4096 + 4 * 4096);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 4 * 4096);
  kml_driver_execute (setup.driver, 0, &ops[3], 1);
  ck_assert_uint_eq (pages->last_freed, 4096);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 0);
  ck_assert_uint_eq (kml_recorder_live_blocks (setup.recorder), 0);
  ck_assert_uint_eq (setup.recorder->journal.n, 4); /* the fingerprint covers the halving, too */
  ck_assert_uint_eq (kml_what_kind (setup.recorder->journal.words[1][KML_WORD_WHAT]), KML_OP_SPLIT);
  kml_origins_finish (setup.recorder->origins, setup.machine->now);
  ck_assert_uint_eq (kml_origins_lifetime (setup.recorder->origins, 0)->count, 2);
  ck_assert_uint_eq (kml_origins_lifetime (setup.recorder->origins, KML_LIFETIME_ALIVE)->count, 0);
  tear_down (&setup);
}
END_TEST

START_TEST (a_block_that_is_kept_whole_is_freed_with_its_lower_half)
{
  KmlOp ops[] = { ask (0, 0, 7, 8 * 4096),
                  { .kind = KML_OP_SPLIT, .block = 7, .other = 9 },
                  give_back (0, 0, 9),
                  give_back (0, 0, 7) };
  Setup setup;
  Three *pages;

  for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
    ops[i].level = KML_LEVEL_PAGES;
  set_up (&setup, &everything, 1, KML_TIME_MAX);
  pages = (Three *)setup.pages;
  pages->keeps_whole = TRUE;
  kml_driver_execute (setup.driver, 0, ops, 3);
  ck_assert_uint_eq (pages->last_split, 4096);
  ck_assert_uint_eq (pages->last_freed, 0);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 8 * 4096);
  kml_driver_execute (setup.driver, 0, &ops[3], 1);
  ck_assert_uint_eq (pages->last_freed, 4096);
  ck_assert_uint_eq (kml_tally_requested (&setup.recorder->tally), 0);
  ck_assert_uint_eq (kml_recorder_live_blocks (setup.recorder), 0);
  tear_down (&setup);
}
END_TEST

/* Half a MiB for a second, then a pause in which the room that it left would overflow 64 bits. */
/* Frames 64 and 66 are old, and the last one that the machine has; the second operation asks for frame 66 again, the third for frames that
 * are not there. */
START_TEST (pages_of_before_are_given_back_once)
{
  static const guint32 first[] = { 64, 66, G_MAXUINT32 - 1, 0 };
  static const guint64 n_frames[] = { 4, 1, 1u << 20, 1u << 20 };
  static const guint64 given_back[] = { 2, 2, 2, 3 };
  KmlRecordConfig record = everything;
  const Three *pages;
  Setup setup;

  record.origins = TRUE;
  record.population = TRUE;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  pages = (const Three *)setup.pages;
  kml_old_frames_add (setup.old, 64);
  kml_old_frames_add (setup.old, 66);
  kml_old_frames_add (setup.old, setup.machine->ram->n_usable - 1);
  for (guint i = 0; i < G_N_ELEMENTS (first); i++) {
    const KmlOp op = { .kind = KML_OP_FREE_OLD,
                       .level = KML_LEVEL_PAGES,
                       .other = first[i],
                       .request = { .size = n_frames[i] * 4096 } };

    kml_driver_execute (setup.driver, 0, &op, 1);
    ck_assert_uint_eq (setup.old->n_given_back, given_back[i]);
    if (i == 0)
      ck_assert_uint_eq (pages->last_freed, 66 * 4096);
  }
  ck_assert_uint_eq (pages->last_freed,
                     (setup.machine->ram->n_usable - 1) * G_GUINT64_CONSTANT (4096));
  ck_assert_uint_eq (setup.old->n_unknown, 2 + 1 + (2u << 20) - 1);
  ck_assert_uint_eq (setup.machine->now, 15 * KML_NS);
  ck_assert_uint_eq (setup.recorder->journal.n, 2);
  ck_assert_uint_eq (setup.recorder->journal.words[0][KML_WORD_ADDR], 64 * 4096);
  ck_assert_uint_eq (kml_what_size (setup.recorder->journal.words[0][KML_WORD_WHAT]), 2 * 4096);
  ck_assert_uint_eq (kml_what_kind (setup.recorder->journal.words[0][KML_WORD_WHAT]),
                     KML_OP_FREE_OLD);
  ck_assert_uint_eq (setup.recorder->tally.n_free, 0);
  ck_assert_uint_eq (kml_recorder_live_blocks (setup.recorder), 0);
  tear_down (&setup);
}
END_TEST

/* What was on a list is in no count of what is unknown: who looks for it asks for frames that were in free blocks, too. */
START_TEST (pages_of_lists_are_counted_for_themselves)
{
  const KmlOp op = { .kind = KML_OP_FREE_OLD,
                     .level = KML_LEVEL_PAGES,
                     .other = 64,
                     .old = KML_OLD_LISTED,
                     .request = { .size = 4 * 4096 } };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_old_frames_add (setup.old, 66);
  for (guint i = 0; i < 2; i++) {
    kml_driver_execute (setup.driver, 0, &op, 1);
    ck_assert_uint_eq (setup.old->n_listed, 1);
    ck_assert_uint_eq (setup.old->n_given_back + setup.old->n_unknown, 0);
  }
  ck_assert_uint_eq (((const Three *)setup.pages)->last_freed, 66 * 4096);
  tear_down (&setup);
}
END_TEST

/* Frame 66 is moved, and one with a name, and 100 is free; then 80 is given back, which nobody had: a frame of the two. And 81, but not two at a time. */
START_TEST (a_page_that_has_moved_is_given_back_where_nobody_is_known)
{
  static const struct {
    guint8 old;
    guint32 other;
    guint n, n_moved, n_moved_back, n_given_back, n_unknown;
  } steps[] = {
    { KML_OLD_MOVED, 66, 1, 1, 0, 1, 0 },     { KML_OLD_MOVE, 0, 1, 2, 0, 1, 0 },
    { KML_OLD_MOVED, 100, 1, 2, 0, 1, 1 },    { KML_OLD_GIVE_BACK, 82, 2, 2, 0, 1, 3 },
    { KML_OLD_GIVE_BACK, 80, 1, 2, 1, 1, 3 }, { KML_OLD_LISTED, 90, 1, 2, 1, 1, 3 },
    { KML_OLD_GIVE_BACK, 81, 1, 2, 2, 1, 3 }, { KML_OLD_GIVE_BACK, 83, 1, 2, 2, 1, 4 },
  };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_old_frames_add (setup.old, 66);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    const KmlOp op = { .kind = KML_OP_FREE_OLD,
                       .level = KML_LEVEL_PAGES,
                       .other = steps[i].other,
                       .old = steps[i].old,
                       .request = { .size = steps[i].n * 4096 } };

    kml_driver_execute (setup.driver, 0, &op, 1);
    ck_assert_uint_eq (setup.old->n_moved, steps[i].n_moved);
    ck_assert_uint_eq (setup.old->n_moved_back, steps[i].n_moved_back);
    ck_assert_uint_eq (setup.old->n_given_back, steps[i].n_given_back);
    ck_assert_uint_eq (setup.old->n_unknown, steps[i].n_unknown);
  }
  tear_down (&setup);
}
END_TEST

/* Of four old frames, where their numbers mean nothing: the next one, around the end, no number twice, and none when all are gone. */
START_TEST (a_stand_in_is_given_back_for_each_number)
{
  static const guint32 numbers[] = { 10, 10, 11, 100, 5, 0, 1, 2000 };
  static const guint32 expected[] = { 20, 0, 21, 3, 7, 0, 0, 0 }; /* 0: none */
  g_autoptr (KmlOldFrames) old = kml_old_frames_new (128, TRUE);

  for (guint i = 0; i < 4; i++)
    kml_old_frames_add (old, ((const KmlPfn[]){ 3, 7, 20, 21 })[i]);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    guint64 number = numbers[i];
    KmlPfn pfn = 0;

    ck_assert_int_eq (kml_old_frames_take (old, &number, numbers[i] + 1, &pfn), expected[i] != 0);
    ck_assert_uint_eq (pfn, expected[i]);
  }
}
END_TEST

/* A stretch of operations has room for an entry of each in the journal, which these fill several times. */
START_TEST (of_many_pages_of_before_each_is_in_the_journal)
{
  g_autofree KmlOp *ops = g_new0 (KmlOp, 1000);
  g_autofree char *whole = NULL, *one_by_one = NULL;

  for (guint round = 0; round < 2; round++) {
    Setup setup;

    set_up (&setup, &everything, 1, KML_TIME_MAX);
    for (guint i = 0; i < 200; i++)
      kml_old_frames_add (setup.old, i);
    for (guint i = 0; i < 1000; i++)
      ops[i] = (KmlOp){ .kind = KML_OP_FREE_OLD,
                        .level = KML_LEVEL_PAGES,
                        .other = i / 5,
                        .request = { .size = 4096 } };
    for (guint i = 0; i < 1000; i += round == 0 ? 1000 : 1)
      kml_driver_execute (setup.driver, 0, ops + i, round == 0 ? 1000 : 1);
    ck_assert_uint_eq (setup.old->n_given_back, 200);
    ck_assert_uint_eq (setup.old->n_unknown, 800);
    *(round == 0 ? &whole : &one_by_one) = kml_recorder_fingerprint (setup.recorder);
    tear_down (&setup);
  }
  ck_assert_str_eq (whole, one_by_one);
}
END_TEST

START_TEST (a_long_pause_does_not_spoil_the_means)
{
  const KmlOp ops[] = { ask (0, 0, 7, 1 << 19), give_back (KML_S, 0, 7),
                        ask (200 * KML_S, 0, 8, 16) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_driver_execute (setup.driver, 0, ops, G_N_ELEMENTS (ops));
  ck_assert (kml_tally_requested_time (&setup.recorder->tally) == (unsigned __int128)KML_S << 19);
  tear_down (&setup);
}
END_TEST

START_TEST (nothing_starts_after_the_end)
{
  const KmlOp ops[] = { ask (0, 0, 0, 1), ask (50 * KML_NS, 0, 1, 1), ask (51 * KML_NS, 1, 2, 1) };
  Setup setup;

  set_up (&setup, &everything, 1, 50 * KML_NS);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_double_eq (metric (&setup, "alloc.count"), 2);
  tear_down (&setup);
}
END_TEST

START_TEST (the_fingerprint_tells_runs_apart_and_not_recorders)
{
  const KmlRecordConfig nothing = { .points = 2 };
  const KmlOp ops[] = { ask (0, 0, 0, 8), give_back (0, 0, 0) };
  const KmlOp other[] = { ask (0, 0, 0, 9), give_back (0, 0, 0) };
  g_autofree char *first = NULL, *second = NULL, *third = NULL;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  first = kml_recorder_fingerprint (setup.recorder);
  tear_down (&setup);
  set_up (&setup, &nothing, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  second = kml_recorder_fingerprint (setup.recorder);
  tear_down (&setup);
  set_up (&setup, &nothing, 1, KML_TIME_MAX);
  give (&setup, 0, other, G_N_ELEMENTS (other));
  run (&setup);
  third = kml_recorder_fingerprint (setup.recorder);
  tear_down (&setup);
  ck_assert_uint_eq (strlen (first), 32);
  ck_assert_str_eq (first, second);
  ck_assert_str_ne (first, third);
}
END_TEST

/* 1 ms of operations 1 us apart: 8 snapshots at most, at least 4 and the last, on a grid of one step. */
START_TEST (snapshots_stay_few_and_on_a_grid)
{
  g_autoptr (GArray) ops = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  Setup setup;
  GArray *snapshots;

  for (guint i = 0; i < 1000; i++) {
    const KmlOp op = i % 2 == 0 ? ask (i * KML_US, 0, 0, 1) : give_back (i * KML_US, 0, 0);

    g_array_append_val (ops, op);
  }
  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, (const KmlOp *)ops->data, ops->len);
  run (&setup);
  snapshots = setup.recorder->snapshots;
  ck_assert_uint_le (snapshots->len, 8 + 1);
  ck_assert_uint_ge (snapshots->len, 4);
  ck_assert_uint_eq (g_array_index (snapshots, KmlSnapshot, 0).time, 0);
  for (guint i = 0; i + 1 < snapshots->len; i++)
    ck_assert_uint_eq (g_array_index (snapshots, KmlSnapshot, i).time, i * setup.recorder->step);
  tear_down (&setup);
}
END_TEST

/* Three blocks, and three frames, at once for 5 ns of a run that is shorter than the first step of the grid; with origins every
 * operation is executed alone. */
START_TEST (peaks_of_pages_are_seen_between_snapshots)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8),    ask (0, 0, 1, 8),   give_back (0, 0, 0),
                        ask (0, 0, 2, 8),    ask (0, 0, 3, 8),   give_back (0, 0, 1),
                        give_back (0, 0, 2), give_back (0, 0, 3) };
  KmlRecordConfig record = everything;
  const KmlRam *ram;
  Setup setup;

  record.origins = _i == 1;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  ram = setup.machine->ram;
  ((Three *)setup.objects)->takes_pages = TRUE;
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  run (&setup);
  ck_assert_double_eq (metric (&setup, "memory.reserved.peak_bytes"), 3 * 4096);
  ck_assert_double_eq (metric (&setup, "memory.reserved.end_bytes"), 0);
  ck_assert_double_eq (metric (&setup, "memory.metadata.peak_bytes"),
                       (ram->n_frames - ram->n_usable) * 4096 + 3 * 100);
  ck_assert_double_eq (metric (&setup, "frag.total.peak"), 1 - 24.0 / (3 * 4096));
  tear_down (&setup);
}
END_TEST

START_TEST (an_error_of_the_workload_is_the_run_s)
{
  g_autoptr (GError) error = NULL;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  ((List *)setup.workloads[0])->is_torn = TRUE;
  ck_assert (!kml_driver_run (setup.driver, &error));
  assert_error (error, KML_ERROR_INPUT, "the tape is torn");
  tear_down (&setup);
}
END_TEST

static gboolean
disk_is_full (KmlTime t0, KmlTime t1, guint n, const guint8 *data, gsize n_bytes,
              gpointer user_data, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "disk full");
  return FALSE;
}

START_TEST (samples_that_cannot_be_stored_fail_the_run)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8) };
  g_autoptr (GError) error = NULL;
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  give (&setup, 0, ops, G_N_ELEMENTS (ops));
  kml_recorder_set_sink (setup.recorder, disk_is_full, NULL);
  ck_assert (!kml_driver_run (setup.driver, &error));
  assert_error (error, KML_ERROR_WORLD, "disk full");
  tear_down (&setup);
}
END_TEST

/* 8 kinds of the same: p = 0.1 of 20000 is 2000 +- 4 sigma (42). */
START_TEST (a_sample_is_the_share_that_was_asked_for)
{
  KmlRecordConfig record = { .events = KML_RECORD_SAMPLE, .sampling = 0.1, .points = 2 };
  g_autoptr (GArray) ops = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  Setup setup;

  for (guint i = 0; i < 20000; i++) {
    const KmlOp op = i % 2 == 0 ? ask (0, 0, 0, 1) : give_back (0, 0, 0);

    g_array_append_val (ops, op);
  }
  set_up (&setup, &record, 1, KML_TIME_MAX);
  give (&setup, 0, (const KmlOp *)ops->data, ops->len);
  run (&setup);
  ck_assert_double_ge (metric (&setup, "sampling.count"), 2000 - 4 * 42);
  ck_assert_double_le (metric (&setup, "sampling.count"), 2000 + 4 * 42);
  tear_down (&setup);
}
END_TEST

START_TEST (a_name_for_two_live_blocks_aborts)
{
  const KmlOp ops[] = { ask (0, 0, 0, 8), ask (0, 0, 0, 8) };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_driver_execute (setup.driver, 0, ops, G_N_ELEMENTS (ops));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("driver");
  TCase *tcase = tcase_create ("driver");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (tcase, a_run_worked_out_by_hand);
  tcase_add_test (tcase, means_leave_out_the_warm_up);
  tcase_add_test (tcase, what_objects_waste_leaves_pages_out);
  tcase_add_test (tcase, a_run_that_ends_within_its_warm_up_has_measured_nothing);
  tcase_add_loop_test (tcase, origins_add_up_to_the_whole, 0, 2);
  tcase_add_test (tcase, a_run_that_does_not_ask_for_origins_has_none);
  tcase_add_test (tcase, a_cpu_does_one_thing_at_a_time);
  tcase_add_test (tcase, a_failed_request_is_an_outcome_and_its_free_is_skipped);
  tcase_add_test (tcase, the_workload_whose_time_has_come_goes_first);
  tcase_add_test (tcase, halves_of_a_block_are_freed_one_by_one);
  tcase_add_test (tcase, a_block_that_is_kept_whole_is_freed_with_its_lower_half);
  tcase_add_test (tcase, pages_of_before_are_given_back_once);
  tcase_add_test (tcase, pages_of_lists_are_counted_for_themselves);
  tcase_add_test (tcase, a_page_that_has_moved_is_given_back_where_nobody_is_known);
  tcase_add_test (tcase, a_stand_in_is_given_back_for_each_number);
  tcase_add_test (tcase, of_many_pages_of_before_each_is_in_the_journal);
  tcase_add_test (tcase, a_long_pause_does_not_spoil_the_means);
  tcase_add_test (tcase, nothing_starts_after_the_end);
  tcase_add_test (tcase, the_fingerprint_tells_runs_apart_and_not_recorders);
  tcase_add_test (tcase, snapshots_stay_few_and_on_a_grid);
  tcase_add_loop_test (tcase, peaks_of_pages_are_seen_between_snapshots, 0, 2);
  tcase_add_test (tcase, an_error_of_the_workload_is_the_run_s);
  tcase_add_test (tcase, samples_that_cannot_be_stored_fail_the_run);
  tcase_add_test (tcase, a_sample_is_the_share_that_was_asked_for);
  suite_add_tcase (suite, tcase);
  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, a_name_for_two_live_blocks_aborts, SIGABRT);
  suite_add_tcase (suite, misuse);
  return run_suite (suite);
}
