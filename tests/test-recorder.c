/* test-recorder.c: the figures that leave a run, each from a state small enough to work out by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: no allocator works here. The test sets the free area and what walk() shows, and says
 * what the driver would say, so that every figure has one cause.
 */

#include "simcore/recording/recorder.h"
#include "tests/testutils.h"

#define N_FRAMES 256 /* of 4 KiB; the frame table takes the last two */
#define PAGE     4096

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages;
  KmlRecorder *recorder;
} Setup;

/* ---- A page allocator that shows frames 0 to 3 in use ---- */

static gboolean
still_init (KmlAllocator *self, GError **error)
{
  return TRUE;
}

static KmlAddr
still_alloc (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held)
{
  return KML_ADDR_NONE;
}

static guint64
still_free (KmlAllocator *self, KmlAddr addr, const KmlRequest *how)
{
  return 0;
}

static void
still_walk (const KmlAllocator *self, KmlWalkFunc func, gpointer user_data)
{
  const guint64 n_bytes = (guint64)self->machine->ram->n_usable * PAGE;

  func (0, 4 * PAGE, KML_BLOCK_USED, user_data);
  func (4 * PAGE, n_bytes - 4 * PAGE, KML_BLOCK_FREE, user_data);
}

static gboolean
still_check (const KmlAllocator *self, GError **error)
{
  return TRUE;
}

static const KmlAllocatorOps still_ops = {
  .name = "still",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (KmlAllocator),
  .init = still_init,
  .alloc = still_alloc,
  .free = still_free,
  .walk = still_walk,
  .check = still_check,
};

static void
set_up (Setup *setup)
{
  const KmlMachineConfig machine = { .n_cpus = 1, .ram = N_FRAMES * PAGE, .page_size = PAGE };
  const KmlRecordConfig record = {
    .latency = TRUE,
    .waste = TRUE,
    .pagemap = TRUE,
    .events = KML_RECORD_ALL,
    .points = 16,
    .external_order = 3,
  };

  setup->machine = kml_machine_new (&machine, NULL);
  kml_free_area_add_run (&setup->machine->free_area, 0, setup->machine->ram->n_usable,
                         KML_MOBILITY_UNMOVABLE);
  setup->pages = kml_allocator_new (&still_ops, setup->machine, NULL);
  setup->recorder = kml_recorder_new (&record, setup->machine, setup->pages, NULL);
}

static void
tear_down (Setup *setup)
{
  kml_recorder_free (setup->recorder);
  kml_allocator_destroy (setup->pages);
  kml_machine_free (setup->machine);
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

/* What the driver says of an operation that took @latency. */
static void
operate (Setup *setup, KmlOpKind kind, guint64 size, guint64 held, KmlTime latency)
{
  const KmlOperation operation = kind == KML_OP_ALLOC ? KML_OPERATION_ALLOC : KML_OPERATION_FREE;

  kml_recorder_add_latency (setup->recorder, operation, KML_CONTEXT_PROCESS, latency);
  if (kind == KML_OP_FREE) {
    kml_tally_add_free (&setup->recorder->tally, size, held);
    return;
  }
  kml_tally_add_alloc (&setup->recorder->tally, size, held);
  kml_recorder_add_waste (setup->recorder, size, held);
}

/* ---- Pages ---- */

/* 254 frames are free at first, then 54, then 154: the peak is 200 frames and stays. */
START_TEST (what_was_reserved_at_most_is_remembered)
{
  Setup setup;

  set_up (&setup);
  ck_assert_uint_eq (setup.machine->ram->n_usable, N_FRAMES - 2);
  ck_assert (!kml_free_area_has_changed (&setup.machine->free_area)); /* the recorder has looked */
  kml_free_area_remove_run (&setup.machine->free_area, 0, N_FRAMES - 2, KML_MOBILITY_UNMOVABLE);
  ck_assert (kml_free_area_has_changed (&setup.machine->free_area));
  kml_free_area_add_run (&setup.machine->free_area, 0, 54, KML_MOBILITY_UNMOVABLE);
  kml_recorder_look_at_pages (setup.recorder);
  ck_assert (!kml_free_area_has_changed (&setup.machine->free_area));
  kml_free_area_add_run (&setup.machine->free_area, 64, 100, KML_MOBILITY_UNMOVABLE);
  kml_recorder_look_at_pages (setup.recorder);
  ck_assert_double_eq (metric (&setup, "memory.reserved.peak_bytes"), 200.0 * PAGE);
  ck_assert_double_eq (metric (&setup, "memory.reserved.end_bytes"), 100.0 * PAGE);
  tear_down (&setup);
}
END_TEST

/* Free: one block of order 3 and two of order 0: 2 of 10 frames are unusable for order 3. Then only the
 * block of order 3: none is. */
START_TEST (the_worst_external_fragmentation_is_remembered)
{
  KmlFreeArea *area;
  Setup setup;

  set_up (&setup);
  area = &setup.machine->free_area;
  kml_free_area_remove_run (area, 0, N_FRAMES - 2, KML_MOBILITY_UNMOVABLE);
  kml_free_area_add (area, 3, KML_MOBILITY_UNMOVABLE);
  kml_free_area_add (area, 0, KML_MOBILITY_UNMOVABLE);
  kml_free_area_add (area, 0, KML_MOBILITY_MOVABLE);
  kml_recorder_look_at_pages (setup.recorder);
  ck_assert_double_eq (metric (&setup, "frag.external.end"), 0.2);
  ck_assert_double_eq (metric (&setup, "frag.unusable.order0.end"), 0.0);
  ck_assert_double_eq (metric (&setup, "frag.unusable.order3.end"), 0.2);
  ck_assert_double_eq (metric (&setup, "frag.unusable.order4.end"), 1.0);
  kml_free_area_remove (area, 0, KML_MOBILITY_UNMOVABLE);
  kml_free_area_remove (area, 0, KML_MOBILITY_MOVABLE);
  kml_recorder_look_at_pages (setup.recorder);
  ck_assert_double_eq (metric (&setup, "frag.external.end"), 0.0);
  ck_assert_double_eq (metric (&setup, "frag.external.peak"), 0.2);
  tear_down (&setup);
}
END_TEST

START_TEST (metadata_is_the_frame_table_and_what_allocators_keep)
{
  Setup setup;

  set_up (&setup);
  setup.pages->metadata_bytes = 1000;
  kml_recorder_look_at_pages (setup.recorder);
  setup.pages->metadata_bytes = 10;
  kml_recorder_look_at_pages (setup.recorder);
  ck_assert_double_eq (metric (&setup, "memory.metadata.peak_bytes"), 2.0 * PAGE + 1000);
  tear_down (&setup);
}
END_TEST

/* ---- Operations ---- */

/* 1 .. 1000 ns: the quantiles of the metrics are known to 1/32, upwards. */
START_TEST (each_quantile_is_the_one_that_its_name_says)
{
  static const struct {
    const char *name;
    double expected;
  } quantiles[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p999", 999 } };
  Setup setup;

  set_up (&setup);
  for (guint i = 1; i <= 1000; i++)
    operate (&setup, KML_OP_ALLOC, 8, 8, i * KML_NS);
  for (guint i = 0; i < G_N_ELEMENTS (quantiles); i++) {
    g_autofree char *name = g_strdup_printf ("latency.alloc.%s_ns", quantiles[i].name);
    const double measured = metric (&setup, name);

    ck_assert_msg (measured >= quantiles[i].expected && measured <= quantiles[i].expected * 33 / 32,
                   "%s is %g", name, measured);
  }
  /* p90 and p99 are in different buckets, p99 and p999 are told apart by a sharper tail */
  for (guint i = 0; i < 4; i++)
    operate (&setup, KML_OP_ALLOC, 8, 8, KML_MS);
  ck_assert_double_lt (metric (&setup, "latency.alloc.p99_ns"), 1100);
  ck_assert_double_gt (metric (&setup, "latency.alloc.p999_ns"), 900000);
  tear_down (&setup);
}
END_TEST

START_TEST (waste_is_counted_by_requested_size)
{
  guint64 lo, hi, size = 0;
  Setup setup;

  set_up (&setup);
  operate (&setup, KML_OP_ALLOC, 18, 32, 0);
  operate (&setup, KML_OP_ALLOC, 18, 24, 0);
  operate (&setup, KML_OP_FREE, 18, 24, 0);
  operate (&setup, KML_OP_ALLOC, 10000, 12288, 0);
  ck_assert_uint_eq (kml_recorder_waste (setup.recorder, 18).count, 2);
  ck_assert_uint_eq (kml_recorder_waste (setup.recorder, 18).requested, 36);
  ck_assert_uint_eq (kml_recorder_waste (setup.recorder, 18).held, 56);
  for (guint i = KML_WASTE_EXACT + 1; i < KML_WASTE_N; i++)
    if (kml_recorder_waste (setup.recorder, i).count > 0) {
      kml_recorder_waste_range (i, &lo, &hi);
      size = kml_recorder_waste (setup.recorder, i).held;
      ck_assert_uint_le (lo, 10000);
      ck_assert_uint_ge (hi, 10000);
    }
  ck_assert_uint_eq (size, 12288);
  ck_assert_double_eq_tol (metric (&setup, "frag.internal.end"), 2302.0 / 12320.0, 1e-9);
  tear_down (&setup);
}
END_TEST

/* ---- Snapshots ---- */

START_TEST (a_snapshot_shows_the_state)
{
  const KmlSnapshot *snapshot;
  Setup setup;

  set_up (&setup);
  kml_free_area_remove_run (&setup.machine->free_area, 0, N_FRAMES - 2, KML_MOBILITY_UNMOVABLE);
  kml_free_area_add (&setup.machine->free_area, 5, KML_MOBILITY_MOVABLE);
  operate (&setup, KML_OP_ALLOC, 18, 24, 0);
  kml_recorder_snapshot_due (setup.recorder, 0);
  snapshot = &g_array_index (setup.recorder->snapshots, KmlSnapshot, 0);
  ck_assert_uint_eq (snapshot->values[KML_SERIES_LIVE_BLOCKS], 1);
  ck_assert_uint_eq (snapshot->values[KML_SERIES_REQUESTED], 18);
  ck_assert_uint_eq (snapshot->values[KML_SERIES_HELD], 24);
  ck_assert_uint_eq (snapshot->values[KML_SERIES_FREE], 32 * PAGE);
  ck_assert_uint_eq (snapshot->values[KML_SERIES_RESERVED], (N_FRAMES - 2 - 32) * PAGE);
  ck_assert_uint_eq (snapshot->values[KML_SERIES_INTERNAL], 250000000);
  ck_assert_uint_eq (snapshot->values[KML_SERIES_EXTERNAL], 0);
  ck_assert_uint_eq (snapshot->free_blocks[KML_MOBILITY_MOVABLE][5], 1);
  tear_down (&setup);
}
END_TEST

/* Sixteen are kept, at 0 to 14 and 16 steps; the next finds every second gone, and 16 to be the last of the new grid before
 * it. What it would say of that moment is no longer true. */
START_TEST (no_snapshot_is_of_a_moment_after_its_own)
{
  const KmlSnapshot *snapshots;
  KmlTime step;
  Setup setup;

  set_up (&setup);
  step = setup.recorder->step;
  for (guint i = 0; i < 16; i++)
    kml_recorder_snapshot_due (setup.recorder, (i < 15 ? i : 16) * step);
  operate (&setup, KML_OP_ALLOC, 18, 24, 0);
  kml_recorder_snapshot_due (setup.recorder, 17 * step + 1);
  ck_assert_uint_eq (setup.recorder->next_snapshot, 18 * step);
  kml_recorder_snapshot_due (setup.recorder, 18 * step);

  snapshots = (const KmlSnapshot *)setup.recorder->snapshots->data;
  ck_assert_uint_eq (setup.recorder->snapshots->len, 10);
  ck_assert_uint_eq (snapshots[8].time, 16 * step);
  ck_assert_uint_eq (snapshots[8].values[KML_SERIES_LIVE_BLOCKS], 0);
  ck_assert_uint_eq (snapshots[9].time, 18 * step);
  ck_assert_uint_eq (snapshots[9].values[KML_SERIES_LIVE_BLOCKS], 1);
  tear_down (&setup);
}
END_TEST

/* 254 frames in 256 cells: each cell is a little less than a frame. Frames 0 to 3 are used. */
START_TEST (the_page_map_shows_what_walk_shows)
{
  const KmlSnapshot *snapshot;
  Setup setup;

  set_up (&setup);
  kml_recorder_snapshot_due (setup.recorder, 0);
  snapshot = &g_array_index (setup.recorder->snapshots, KmlSnapshot, 0);
  for (guint cell = 0; cell < 4; cell++)
    ck_assert_uint_eq (snapshot->pagemap[cell], 255);
  for (guint cell = 5; cell < KML_PAGEMAP_CELLS; cell++)
    ck_assert_uint_eq (snapshot->pagemap[cell], 0);
  ck_assert_uint_gt (snapshot->pagemap[4], 0); /* 4 frames are 4.03 cells */
  ck_assert_uint_lt (snapshot->pagemap[4], 20);
  tear_down (&setup);
}
END_TEST

static gboolean
take_samples (KmlTime t0, KmlTime t1, guint n, const guint8 *data, gsize n_bytes,
              gpointer user_data, GError **error)
{
  ck_assert (kml_sample_block_decode (data, n_bytes, n, user_data));
  return TRUE;
}

START_TEST (a_sample_says_all_that_the_operation_was)
{
  const KmlRequest request = { .context = KML_CONTEXT_HARDIRQ, .cpu = 200 };
  g_autofree KmlSampleBlock *block = g_new0 (KmlSampleBlock, 1);
  Setup setup;

  set_up (&setup);
  kml_recorder_set_sink (setup.recorder, take_samples, block);
  kml_recorder_add_entry (
      setup.recorder, 1000, 1700, 0x5008,
      kml_what_pack (kml_what_block (77, KML_LEVEL_OBJECTS), KML_OP_FREE, &request));
  ck_assert (kml_recorder_finish (setup.recorder, NULL));
  ck_assert_uint_eq (block->columns[KML_SAMPLE_TIME][0], 1000);
  ck_assert_uint_eq (block->columns[KML_SAMPLE_WHAT][0],
                     kml_sample_what (KML_OP_FREE, KML_LEVEL_OBJECTS, KML_CONTEXT_HARDIRQ, 200));
  ck_assert_uint_eq (block->columns[KML_SAMPLE_SIZE][0], 77);
  ck_assert_uint_eq (block->columns[KML_SAMPLE_ADDR][0], 0x5008);
  ck_assert_uint_eq (block->columns[KML_SAMPLE_LATENCY][0], 700);
  tear_down (&setup);
}
END_TEST

START_TEST (an_integral_of_more_than_64_bits_is_right)
{
  const guint64 most = G_GUINT64_CONSTANT (1) << 40;
  unsigned __int128 requested_time = 0, held_time = 0;
  guint64 requested = 0, held = 0;
  KmlTally tally = { 0 };
  KmlTime now = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "tally");
  kml_tally_init (&tally, most);
  for (guint i = 0; i < 10000; i++) {
    const KmlTime lasted = kml_rng_below (&rng, G_GUINT64_CONSTANT (1) << kml_rng_below (&rng, 50));
    const guint64 size = 1 + kml_rng_below (&rng, (most - held) / 2);

    now += lasted;
    kml_tally_pass_time (&tally, now);
    requested_time += (unsigned __int128)requested * lasted;
    held_time += (unsigned __int128)held * lasted;
    if (requested > 0 && kml_rng_below (&rng, 2) == 0) {
      kml_tally_add_free (&tally, requested, held);
      requested = held = 0;
    } else {
      kml_tally_add_alloc (&tally, size, 2 * size);
      requested += size;
      held += 2 * size;
    }
    ck_assert (kml_tally_requested_time (&tally) == requested_time);
    ck_assert (kml_tally_held_time (&tally) == held_time);
  }
  ck_assert (held_time >> 64 > 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("recorder");
  TCase *tcase = tcase_create ("recorder");

  tcase_add_test (tcase, what_was_reserved_at_most_is_remembered);
  tcase_add_test (tcase, the_worst_external_fragmentation_is_remembered);
  tcase_add_test (tcase, metadata_is_the_frame_table_and_what_allocators_keep);
  tcase_add_test (tcase, each_quantile_is_the_one_that_its_name_says);
  tcase_add_test (tcase, waste_is_counted_by_requested_size);
  tcase_add_test (tcase, a_snapshot_shows_the_state);
  tcase_add_test (tcase, no_snapshot_is_of_a_moment_after_its_own);
  tcase_add_test (tcase, the_page_map_shows_what_walk_shows);
  tcase_add_test (tcase, a_sample_says_all_that_the_operation_was);
  tcase_add_test (tcase, an_integral_of_more_than_64_bits_is_right);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
