/* test-migrate.c: pages that move, and pages that devices have.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/reclaim-fixture.h"

/* A byte of page @index, in simulated memory. */
static guint8 *
byte_of (const KmlMapping *mapping, guint32 index)
{
  KmlRam *ram = story.rig.machine->ram;

  return &ram->store[kml_ram_addr (ram, mapping->frames[index]) + 5];
}

static void
moves_one (KmlMachine *machine, gpointer data)
{
  KmlPfn before;

  touch_all (story.anon, 3, TRUE);
  *byte_of (story.anon, 1) = 77;
  before = story.anon->frames[1];
  machine->cost[KML_COST_ZERO_PAGE] = 10;
  machine->cost[KML_COST_IPI] = 100; /* of two CPUs one must be told */
  ck_assert_int_eq (kml_mapping_migrate (story.anon, 1), KML_MIGRATED);
  ck_assert_uint_eq (machine->now, 120);
  ck_assert_uint_ne (story.anon->frames[1], before);
  ck_assert_uint_eq (*byte_of (story.anon, 1), 77);
  ck_assert_uint_eq (n_free (), N - 3);
  check_all ();
}

START_TEST (a_page_moves_with_its_contents_and_its_old_frame_is_free)
{
  set_up (TRUE);
  run (moves_one);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 1);
  tear_down ();
}
END_TEST

static void
works (KmlMachine *machine, gpointer data)
{
  machine->cost[KML_COST_INTERRUPT] = 7;
  kml_work (machine, 1000);
  ck_assert_uint_eq (machine->now, 1007);
}

static void
moves_with_interrupts (KmlMachine *machine, gpointer data)
{
  touch_all (story.anon, 2, TRUE);
  machine->cost[KML_COST_ZERO_PAGE] = 10;
  machine->cost[KML_COST_IPI] = 100;
  ck_assert_int_eq (kml_mapping_migrate (story.anon, 1), KML_MIGRATED);
  ck_assert_uint_eq (machine->now, 127);
}

START_TEST (the_other_cpus_are_interrupted_for_a_page_that_moves)
{
  const KmlTaskConfig config = { .name = "other", .cpu = 1, .func = works };
  KmlTask *other;

  set_up (TRUE);
  other = kml_task_new (story.rig.scheduler, &config);
  run (moves_with_interrupts);
  ck_assert_uint_eq (other->parts[KML_PART_INTERRUPTED], 7);
  tear_down ();
}
END_TEST

static void
touches_soon (KmlMachine *machine, gpointer data)
{
  kml_sleep (machine, 50);
  ck_assert_uint_eq (story.anon->frames[1], KML_PFN_BUSY);
  kml_mapping_drop (story.anon); /* what somebody works on stays */
  ck_assert (kml_mapping_touch (story.anon, 1, FALSE));
  ck_assert_uint_eq (machine->now, 120);
  ck_assert_uint_eq (*byte_of (story.anon, 1), 77);
}

static void
moves_while_it_is_touched (KmlMachine *machine, gpointer data)
{
  touch_all (story.anon, 2, TRUE);
  *byte_of (story.anon, 1) = 77;
  machine->cost[KML_COST_ZERO_PAGE] = 10;
  machine->cost[KML_COST_IPI] = 100;
  ck_assert_int_eq (kml_mapping_migrate (story.anon, 1), KML_MIGRATED);
  check_all ();
}

START_TEST (who_touches_a_page_that_others_are_still_to_forget_waits)
{
  const KmlTaskConfig config = { .name = "other", .cpu = 1, .func = touches_soon };

  set_up (TRUE);
  kml_task_new (story.rig.scheduler, &config);
  run (moves_while_it_is_touched);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 1);
  tear_down ();
}
END_TEST

static void
moves_what_cannot_be_moved (KmlMachine *machine, gpointer data)
{
  KmlPfn pfn;

  ck_assert_int_eq (kml_mapping_migrate (story.anon, 0), KML_MIGRATE_ABSENT);
  pfn = kml_mapping_pin (story.anon, 0, TRUE);
  ck_assert_int_eq (kml_mapping_migrate (story.anon, 0), KML_MIGRATE_PINNED);
  ck_assert_uint_eq (story.anon->frames[0], pfn);
  ck_assert_uint_eq (n_free (), N - 1);
  kml_mapping_unpin (story.reclaim, pfn);
  ck_assert_int_eq (kml_mapping_migrate (story.anon, 0), KML_MIGRATED);
}

START_TEST (what_is_not_there_or_pinned_stays)
{
  set_up (TRUE);
  run (moves_what_cannot_be_moved);
  ck_assert_uint_eq (count (KML_MIGRATE_FAILED), 1);
  ck_assert_uint_eq (count (KML_MIGRATE_FAILED_PINNED), 1);
  tear_down ();
}
END_TEST

static void
drops_a_pinned_page (KmlMachine *machine, gpointer data)
{
  KmlPfn pfn;

  touch_all (story.anon, 2, TRUE);
  pfn = kml_mapping_pin (story.anon, 1, TRUE);
  kml_mapping_drop (story.anon);
  ck_assert_uint_eq (story.anon->n_resident, 0);
  ck_assert_uint_eq (n_free (), N - 1); /* the device may still write to it */
  check_all ();
  kml_mapping_unpin (story.reclaim, pfn);
  ck_assert_uint_eq (n_free (), N);
}

START_TEST (a_dropped_page_is_freed_when_the_device_is_done_with_it)
{
  set_up (TRUE);
  run (drops_a_pinned_page);
  tear_down ();
}
END_TEST

/* ---- Written first ---- */

static void
moves_what_must_be_written (KmlMachine *machine, gpointer data)
{
  KmlTask *task = kml_current_task (machine);
  const KmlTime start = machine->now;

  story.file->moves_by_writing = TRUE;
  kml_mapping_make_empty (story.file);
  ck_assert (kml_mapping_touch (story.file, 0, TRUE));
  ck_assert (kml_mapping_touch (story.file, 1, FALSE));
  ck_assert_int_eq (kml_mapping_migrate (story.file, 1), KML_MIGRATED); /* it is clean */
  ck_assert_uint_eq (machine->now, start);
  task->memalloc = KML_MEMALLOC_NOFS;
  ck_assert_int_eq (kml_mapping_migrate (story.file, 0), KML_MIGRATE_DIRTY);
  task->memalloc = 0;
  ck_assert_uint_eq (story.reclaim->n_dirty, 1);
  ck_assert_int_eq (kml_mapping_migrate (story.file, 0), KML_MIGRATED);
  ck_assert_uint_eq (machine->now, start + KML_MS);
  ck_assert_uint_eq (story.reclaim->n_dirty, 0);
  ck_assert_uint_eq (n_free (), N - 2);
  check_all ();
}

START_TEST (a_dirty_page_that_cannot_be_copied_is_written_and_moved_and_not_without_fs)
{
  set_up (TRUE);
  run (moves_what_must_be_written);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 2);
  ck_assert_uint_eq (count (KML_MIGRATE_FAILED), 1);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 1);
  tear_down ();
}
END_TEST

static void
touches_meanwhile (KmlMachine *machine, gpointer data)
{
  kml_sleep (machine, KML_MS / 2);
  ck_assert_uint_eq (story.file->frames[0], KML_PFN_BUSY);
  kml_mapping_drop (story.file); /* what somebody works on stays */
  if (data != NULL)
    ck_assert (kml_mapping_sync (story.file));
  else
    ck_assert (kml_mapping_touch (story.file, 0, TRUE));
  ck_assert_uint_eq (machine->now, KML_MS);
  check_all ();
}

static void
moves_meanwhile (KmlMachine *machine, gpointer data)
{
  story.file->moves_by_writing = TRUE;
  kml_mapping_make_empty (story.file);
  ck_assert (kml_mapping_touch (story.file, 0, TRUE));
  kml_mapping_migrate (story.file, 0); /* the other may write to it as soon as it can */
}

START_TEST (who_touches_or_syncs_a_page_under_migration_waits_for_its_end)
{
  static int syncs;
  const KmlTaskConfig config = {
    .name = "other", .cpu = 1, .func = touches_meanwhile, .data = _i == 0 ? NULL : &syncs
  };

  set_up (TRUE);
  kml_task_new (story.rig.scheduler, &config);
  run (moves_meanwhile);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 1);
  tear_down ();
}
END_TEST

/* ---- Under a device ---- */

static KmlDevice *engine;
static KmlDmaRequest request;

static void
put_in_engine (void)
{
  /* 1 ms for each page */
  static const char *const settings[] = { "alignment",    "4KiB",       "burst",
                                          "4KiB",         "burst-time", "1ms",
                                          "segment-time", "0",          NULL };
  const KmlDeviceHost host = { .machine = story.rig.machine };

  engine = make_device ("dma", settings);
  ck_assert (kml_device_open (engine, &host, NULL));
}

static void
submits_and_moves (KmlMachine *machine, gpointer data)
{
  KmlDma *dma = kml_dma_from_device (engine);
  KmlPfn pages[3], before;

  for (guint i = 0; i < 3; i++)
    pages[i] = kml_mapping_pin (story.anon, i, TRUE);
  before = pages[2];
  request = (KmlDmaRequest){
    .pages = pages, .n_pages = 3, .size = 3 * PAGE, .is_from_device = TRUE, .tag = 9
  };
  ck_assert_int_eq (kml_dma_submit (dma, &request), KML_DMA_PENDING);
  ck_assert_int_eq (kml_mapping_migrate (story.anon, 2), KML_MIGRATE_PINNED);
  ck_assert_int_eq (kml_mapping_migrate_under (story.anon, 2, dma, &request), KML_MIGRATED);
  ck_assert_uint_eq (machine->now, KML_MS); /* the end of the first burst */
  ck_assert_uint_ne (story.anon->frames[2], before);
  ck_assert_uint_eq (pages[2], story.anon->frames[2]);
  ck_assert (!kml_is_pinned (machine, before));
  check_all ();
  ck_assert_int_eq (kml_dma_wait (dma, &request), KML_DMA_OK);
  ck_assert_uint_eq (machine->now, 3 * KML_MS);
  for (guint i = 0; i < 3; i++) {
    ck_assert_uint_eq (*byte_of (story.anon, i), 9); /* the device wrote to where the page is now */
    kml_mapping_unpin (story.reclaim, pages[i]);
    ck_assert (!kml_is_pinned (machine, pages[i]));
  }
  ck_assert_uint_eq (n_free (), N - 3);
}

START_TEST (a_page_under_dma_moves_while_the_device_is_paused)
{
  set_up (TRUE);
  put_in_engine ();
  run (submits_and_moves);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 1);
  ck_assert_uint_eq (count (KML_MIGRATE_FAILED_PINNED), 1);
  kml_device_free (engine);
  tear_down ();
}
END_TEST

static void
moves_when_the_device_is_done (KmlMachine *machine, gpointer data)
{
  KmlDma *dma = kml_dma_from_device (engine);
  KmlPfn page = kml_mapping_pin (story.anon, 0, TRUE);

  request = (KmlDmaRequest){ .pages = &page, .n_pages = 1, .size = PAGE };
  ck_assert_int_eq (kml_dma_submit (dma, &request), KML_DMA_PENDING);
  ck_assert_int_eq (kml_dma_wait (dma, &request), KML_DMA_OK);
  kml_mapping_unpin (story.reclaim, page);
  memset (&request, 0xff, sizeof request); /* it is somebody else's memory now */
  ck_assert_int_eq (kml_mapping_migrate_under (story.anon, 0, dma, &request), KML_MIGRATED);
  ck_assert_uint_ne (story.anon->frames[0], page);
}

START_TEST (a_page_whose_device_is_done_moves_as_any_other)
{
  set_up (TRUE);
  put_in_engine ();
  run (moves_when_the_device_is_done);
  kml_device_free (engine);
  tear_down ();
}
END_TEST

/* ---- Write-back ---- */

static void
syncs (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 4, FALSE);
  ck_assert (kml_mapping_touch (story.file, 1, TRUE));
  ck_assert (kml_mapping_touch (story.file, 3, TRUE));
  ck_assert_uint_eq (machine->now, 4 * KML_MS);
  ck_assert (kml_mapping_sync (story.file));
  ck_assert_uint_eq (machine->now, 6 * KML_MS); /* the two that are dirty */
  ck_assert (kml_mapping_sync (story.file));
  ck_assert_uint_eq (machine->now, 6 * KML_MS);
}

START_TEST (a_sync_writes_what_is_dirty_and_no_more)
{
  set_up (TRUE);
  run (syncs);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 2);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("migrate");
  TCase *pages = tcase_create ("pages");

  tcase_add_test (pages, a_page_moves_with_its_contents_and_its_old_frame_is_free);
  tcase_add_test (pages, the_other_cpus_are_interrupted_for_a_page_that_moves);
  tcase_add_test (pages, who_touches_a_page_that_others_are_still_to_forget_waits);
  tcase_add_test (pages, what_is_not_there_or_pinned_stays);
  tcase_add_test (pages, a_dropped_page_is_freed_when_the_device_is_done_with_it);
  tcase_add_test (pages,
                  a_dirty_page_that_cannot_be_copied_is_written_and_moved_and_not_without_fs);
  tcase_add_loop_test (pages, who_touches_or_syncs_a_page_under_migration_waits_for_its_end, 0, 2);
  tcase_add_test (pages, a_page_under_dma_moves_while_the_device_is_paused);
  tcase_add_test (pages, a_page_whose_device_is_done_moves_as_any_other);
  tcase_add_test (pages, a_sync_writes_what_is_dirty_and_no_more);
  suite_add_tcase (suite, pages);
  return run_suite (suite);
}
