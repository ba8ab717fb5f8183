/* test-writeback.c: the flusher, writers that are throttled, and pages on their way to the disk.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The machine is that of reclaim-fixture.h: 100 frames, high watermark 12, so with Linux's ratios at first
 *
 *     dirtyable = 100 - 12 + 1 = 89,    limit = 17,    background = 8,    free_run = 12
 *
 * A page of a file moves from the free frames to the file's lists, so these stay as they are.
 */

#include "simcore/locks/lock.h"
#include "tests/reclaim-fixture.h"

static const KmlWritebackConfig linux_has = {
  .background_ratio = 10, .limit_ratio = 20, .expire = 30 * KML_S, .interval = 5 * KML_S, .cpu = 1
};

static void
set_up_flusher (void)
{
  set_up_with (TRUE, "1", &linux_has);
  kml_mapping_make_empty (story.file);
}

static void
write_to (guint first, guint last, guint step)
{
  for (guint i = first; i <= last; i += step) {
    ck_assert (kml_mapping_touch (story.file, i, TRUE));
    kml_mapping_throttle (story.file);
  }
}

/* ---- The flusher ---- */

static void
dirties_20_of_a_file_and_20_others (KmlMachine *machine, gpointer data)
{
  KmlDirtyLimits limits = kml_writeback_limits (story.reclaim->writeback);

  for (guint i = 0; i < 2; i++) {
    ck_assert_uint_eq (limits.dirtyable, 89 - 20 * i);
    ck_assert_uint_eq (limits.limit, i == 0 ? 17 : 13);
    ck_assert_uint_eq (limits.background, i == 0 ? 8 : 6);
    ck_assert_uint_eq (limits.free_run, i == 0 ? 12 : 9);
    touch_all (story.file, 20, TRUE);
    touch_all (story.anon, 20, TRUE); /* not free, and no file's */
    limits = kml_writeback_limits (story.reclaim->writeback);
  }
  ck_assert_uint_eq (story.reclaim->n_dirty, 20);
  story.reclaim->writeback->config.background_ratio = 50;
  limits = kml_writeback_limits (story.reclaim->writeback);
  ck_assert_uint_eq (limits.background, 13 / 2);
}

START_TEST (limits_are_shares_of_free_memory_and_pages_of_files_above_what_zones_keep)
{
  set_up_flusher ();
  run (dirties_20_of_a_file_and_20_others);
  tear_down ();
}
END_TEST

static void
dirties_4_and_waits (KmlMachine *machine, gpointer data)
{
  kml_sleep (machine, 2 * KML_S);
  write_to (0, 3, 1);
  kml_sleep (machine, 28 * KML_S); /* expired a moment later; the flusher looks at 7, 12, …, 32 s */
  ck_assert_uint_eq (story.reclaim->n_dirty, 4);
  kml_sleep (machine, 2 * KML_S - KML_MS);
  ck_assert_uint_eq (story.reclaim->n_dirty, 4);
  kml_sleep (machine, 2 * KML_MS + KML_US);
  ck_assert_uint_eq (story.reclaim->n_dirty + story.reclaim->n_writing, 0);
  kml_sleep (machine, 100 * KML_S);
}

START_TEST (what_has_been_dirty_for_long_enough_is_written_in_one_request)
{
  set_up_flusher ();
  run (dirties_4_and_waits);
  ck_assert_uint_eq (count (KML_WRITEBACK_PAGES), 4);
  ck_assert_uint_eq (count (KML_WRITEBACK_REQUESTS), 1);
  ck_assert_uint_eq (count (KML_WRITEBACK_WAKEUPS), 0);
  ck_assert (!story.reclaim->writeback->timer.is_set); /* nothing is dirty: nobody comes */
  tear_down ();
}
END_TEST

static void
dirties_12 (KmlMachine *machine, gpointer data)
{
  write_to (0, 11, 1);
  ck_assert_uint_eq (machine->now, 0);
  kml_sleep (machine, 100 * KML_MS);
  ck_assert_uint_le (story.reclaim->n_dirty, 8);
}

START_TEST (what_is_too_much_is_written_at_once_and_nobody_waits)
{
  set_up_flusher ();
  run (dirties_12);
  ck_assert_uint_ge (count (KML_WRITEBACK_PAGES), 4);
  ck_assert_uint_ge (count (KML_WRITEBACK_WAKEUPS), 1);
  ck_assert_uint_eq (count (KML_THROTTLE_PAUSES), 0);
  tear_down ();
}
END_TEST

static void
dirties_it_again (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 1, TRUE);
  kml_writeback_wake (story.reclaim->writeback, TRUE);
  kml_sleep (machine, KML_MS / 2);
  ck_assert_uint_eq (story.reclaim->n_writing, 1);
  ck_assert_uint_eq (story.reclaim->n_dirty, 0);
  check_all ();
  touch_all (story.file, 1, TRUE);
  ck_assert_uint_eq (kml_mapping_migrate (story.file, 0), KML_MIGRATE_ABSENT);
  kml_sleep (machine, KML_MS);
  ck_assert_uint_eq (story.reclaim->n_writing, 0);
  ck_assert_uint_eq (story.reclaim->n_dirty, 1);
  kml_writeback_wake (story.reclaim->writeback, TRUE);
  kml_sleep (machine, KML_US);
  ck_assert (kml_mapping_sync (story.file)); /* waits for it, and has nothing to do */
  ck_assert_uint_eq (machine->now, 2 * KML_MS + KML_MS / 2);
}

START_TEST (a_page_can_be_used_while_it_is_written_and_is_dirty_again_then)
{
  set_up_flusher ();
  run (dirties_it_again);
  ck_assert_uint_eq (count (KML_WRITEBACK_PAGES), 2);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 0);
  tear_down ();
}
END_TEST

static void
drops_it (KmlMachine *machine, gpointer data)
{
  KmlPfn pinned;

  touch_all (story.file, 2, TRUE);
  pinned = story.file->frames[1];
  kml_pin (machine, pinned);
  kml_writeback_wake (story.reclaim->writeback, TRUE);
  kml_sleep (machine, KML_MS / 2);
  kml_mapping_drop (story.file);
  ck_assert_uint_eq (n_free (), N - 2);
  kml_sleep (machine, KML_MS);
  ck_assert_uint_eq (n_free (), N - 1);
  kml_mapping_unpin (story.reclaim, pinned);
  ck_assert_uint_eq (n_free (), N);
}

START_TEST (a_page_that_is_dropped_meanwhile_is_freed_when_the_disk_is_done)
{
  set_up_flusher ();
  run (drops_it);
  tear_down ();
}
END_TEST

static void
loses_some (KmlMachine *machine, gpointer data)
{
  kml_fault_parse ("every(1)", &kml_disk_from_device (story.rig.device)->errors, NULL);
  touch_all (story.file, 2, TRUE);
  kml_writeback_wake (story.reclaim->writeback, TRUE);
  kml_sleep (machine, 2 * KML_MS);
  ck_assert_uint_eq (story.reclaim->n_dirty, 0);
  ck_assert (!kml_mapping_sync (story.file));
  ck_assert (kml_mapping_sync (story.file));
}

START_TEST (what_the_disk_failed_to_write_is_lost_and_the_next_sync_says_so)
{
  set_up_flusher ();
  run (loses_some);
  ck_assert_uint_eq (count (KML_RECLAIM_ERRORS), 1);
  ck_assert_uint_eq (count (KML_WRITEBACK_REQUESTS), 1);
  ck_assert_uint_eq (count (KML_WRITEBACK_PAGES), 0);
  tear_down ();
}
END_TEST

static void
loses_some_itself (KmlMachine *machine, gpointer data)
{
  kml_fault_parse ("every(1)", &kml_disk_from_device (story.rig.device)->errors, NULL);
  touch_all (story.file, 2, TRUE);
  ck_assert (!kml_mapping_sync (story.file));
  ck_assert_uint_eq (story.reclaim->n_dirty, 0);
  ck_assert (kml_mapping_sync (story.file));
}

START_TEST (what_sync_itself_failed_to_write_is_lost_too_and_it_says_so_once)
{
  set_up_flusher ();
  run (loses_some_itself);
  ck_assert_uint_eq (count (KML_RECLAIM_ERRORS), 2);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 0);
  tear_down ();
}
END_TEST

static void
writes_4_with_2_more (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 4, TRUE);
  kml_writeback_wake (story.reclaim->writeback, TRUE);
  kml_sleep (machine, KML_MS / 2);
  ck_assert_uint_eq (n_free (), N - 4 - 2);
  kml_sleep (machine, KML_MS);
  ck_assert_uint_eq (n_free (), N - 4);
  ck_assert_uint_eq (story.reclaim->n_dirty, 0);
}

START_TEST (memory_that_a_request_needs_is_given_back_when_the_disk_is_done)
{
  set_up_flusher ();
  story.file->write_memory = 2 * PAGE;
  story.file->write_gfp = KML_GFP_NOFS;
  run (writes_4_with_2_more);
  tear_down ();
}
END_TEST

static KmlLock journal;

static void
leaves_nothing_for_the_flusher (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 80, TRUE);
  while (ask (1, KML_GFP_ATOMIC) != KML_ADDR_NONE)
    ;
  kml_sleep (machine, 3 * KML_S);
}

/* 0: as anybody; 1: kswapd may use the reserve; 2: but needs the lock that the flusher has; 3: which asks with a right to the reserve, too */
START_TEST (the_flusher_has_no_right_to_reserves_and_kswapd_has)
{
  const gboolean is_stuck = _i == 0 || _i == 2;

  set_up_flusher ();
  kml_lock_init (&journal, KML_LOCK_MUTEX, "journal");
  story.file->lock = _i >= 2 ? &journal : NULL;
  story.file->write_memory = PAGE;
  story.file->write_gfp = KML_GFP_NOFS | (_i == 3 ? KML_GFP_MEMALLOC : 0);
  if (_i == 0)
    story.zones->reclaim.wake = NULL; /* without kswapd */
  run (leaves_nothing_for_the_flusher);
  if (_i == 0)
    ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN) + count (KML_WRITEBACK_PAGES), 0);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN) > 0, _i == 1);
  ck_assert_uint_eq (story.reclaim->n_dirty, is_stuck ? 80 : 0);
  tear_down ();
}
END_TEST

/* ---- Writers ---- */

#define LONG (60 * KML_S)

/* Every other page: each is a request of its own, and the disk writes 1000 of them a second. */
static void
writes_for_long (KmlMachine *machine, gpointer data)
{
  while (machine->now < LONG) {
    const guint64 n_dirtied = story.reclaim->n_dirtied;

    write_to (0, 2 * 39, 2);
    if (story.reclaim->n_dirtied == n_dirtied)
      kml_sleep (machine, KML_MS); /* all its pages are dirty */
  }
}

START_TEST (in_the_long_run_as_much_is_dirtied_as_the_disk_writes)
{
  static const char *const names[] = { "second", "third", "fourth" };
  guint64 n;

  set_up_flusher ();
  for (int i = 0; i < _i; i++)
    add_task (names[i], (KmlTime)i * KML_S, writes_for_long);
  run (writes_for_long);
  n = story.reclaim->n_dirtied;
  ck_assert_uint_ge (n, LONG / KML_MS * 97 / 100);
  ck_assert_uint_le (n, LONG / KML_MS * 103 / 100);
  ck_assert_uint_le (count (KML_DIRTY_PEAK), 17);
  ck_assert_uint_gt (story.task->parts[KML_PART_THROTTLE], LONG * 9 / 10);
  tear_down ();
}
END_TEST

static void
writes_with_the_journal_locked (KmlMachine *machine, gpointer data)
{
  kml_lock_take (machine, &journal, KML_LOCK_EXCLUSIVE);
  write_to (0, 39, 1);
  kml_lock_give (machine, &journal);
}

START_TEST (who_is_held_up_with_a_lock_that_the_flusher_needs_is_a_deadlock)
{
  const KmlIncident *incident;

  set_up_flusher ();
  kml_lock_init (&journal, KML_LOCK_MUTEX, "journal");
  story.file->lock = &journal;
  run (writes_with_the_journal_locked);
  ck_assert_uint_eq (kml_scheduler_incidents (story.rig.scheduler)->len, 1);
  incident = &g_array_index (kml_scheduler_incidents (story.rig.scheduler), KmlIncident, 0);
  ck_assert_uint_eq (incident->kind, KML_INCIDENT_DEADLOCK);
  ck_assert_uint_eq (incident->edges->len, 2);
  ck_assert_uint_le (story.reclaim->n_dirty, 17);
  tear_down ();
}
END_TEST

static void
cannot_sleep (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 40, FALSE); /* faults may sleep */
  kml_preempt_disable (machine);
  write_to (0, 39, 1);
  kml_preempt_enable (machine);
  ck_assert_uint_eq (machine->now, 0);
}

START_TEST (who_cannot_sleep_is_not_held_up)
{
  set_up_flusher ();
  run (cannot_sleep);
  ck_assert_uint_eq (kml_scheduler_incidents (story.rig.scheduler)->len, 0);
  ck_assert_uint_eq (story.reclaim->n_dirty, 40);
  tear_down ();
}
END_TEST

/* ---- Reclaim ---- */

static void
needs_a_page_when_all_are_dirty (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 80, TRUE); /* and does not call kml_mapping_throttle() */
  while (n_free () > 8)
    ask (1, KML_GFP_HIGH);
  ck_assert_uint_eq (machine->now, 0);
  /* GFP_NOFS and GFP_NOIO get it, too: they wait and write nothing */
  ck_assert_uint_ne (ask (1, (KmlGfp)GPOINTER_TO_SIZE (data)), KML_ADDR_NONE);
  ck_assert_uint_gt (machine->now, 0);
}

START_TEST (who_reclaims_leaves_files_to_the_flusher_and_waits_for_it)
{
  static const KmlGfp flags[] = { KML_GFP_KERNEL, KML_GFP_NOFS, KML_GFP_NOIO };
  KmlTaskConfig config = { .name = "asks",
                           .func = needs_a_page_when_all_are_dirty,
                           .data = GSIZE_TO_POINTER (flags[_i]) };

  set_up_flusher ();
  story.zones->reclaim.wake = NULL; /* without kswapd */
  story.task = kml_task_new (story.rig.scheduler, &config);
  kml_scheduler_run (story.rig.scheduler);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 0);
  ck_assert_uint_ge (count (KML_WRITEBACK_PAGES), 32);
  ck_assert_uint_ge (count (KML_RECLAIM_THROTTLED), 1);
  ck_assert_uint_gt (story.task->parts[KML_PART_THROTTLE], 0);
  ck_assert_uint_eq (story.task->parts[KML_PART_IO], 0);
  ck_assert_uint_eq (count (KML_RECLAIM_OOM_KILLS), 0);
  tear_down ();
}
END_TEST

static void
fills_with_dirty_pages (KmlMachine *machine, gpointer data)
{
  touch_all (story.anon, N - 11, TRUE);
  ck_assert_uint_eq (machine->now, 0);
  ask (1, KML_GFP_ATOMIC); /* wakes kswapd */
  ask (1, KML_GFP_ATOMIC);
  kml_sleep (machine, 8 * KML_MS + KML_MS / 2);
  ck_assert_uint_ge (n_free (), 32); /* 8 x 4 */
}

START_TEST (kswapd_has_the_disk_write_several_pages_at_a_time)
{
  set_up_with (TRUE, "4", NULL);
  run (fills_with_dirty_pages);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 32);
  tear_down ();
}
END_TEST

static void
fills_though_the_disk_fails (KmlMachine *machine, gpointer data)
{
  kml_fault_parse ("every(1)", &kml_disk_from_device (story.rig.device)->errors, NULL);
  touch_all (story.anon, N - 11, TRUE);
  ask (1, KML_GFP_ATOMIC);
  ask (1, KML_GFP_ATOMIC);
  kml_sleep (machine, 100 * KML_S);
}

START_TEST (kswapd_gives_up_where_the_disk_is_dead)
{
  set_up (TRUE);
  run (fills_though_the_disk_fails);
  ck_assert_uint_eq (count (KML_RECLAIM_PAGES), 0);
  ck_assert_uint_le (count (KML_RECLAIM_WRITTEN), 16 * 32);
  ck_assert (story.reclaim->kswapd_sleeps);
  ck_assert_uint_eq (count (KML_RECLAIM_GAVE_UP), 1);
  tear_down ();
}
END_TEST

static void
needs_a_page_when_kswapd_has_given_up (KmlMachine *machine, gpointer data)
{
  story.reclaim->kswapd_failures = KML_RECLAIM_RETRIES;
  touch_all (story.file, 80, TRUE);
  while (n_free () > 8)
    ask (1, KML_GFP_HIGH);
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
}

START_TEST (who_reclaims_where_kswapd_has_given_up_does_not_wait_for_the_disk)
{
  set_up_flusher ();
  run (needs_a_page_when_kswapd_has_given_up);
  ck_assert_uint_eq (count (KML_RECLAIM_THROTTLED), 0);
  ck_assert_uint_eq (story.rig.machine->now, 0);
  tear_down ();
}
END_TEST

/* ---- All of it ---- */

#define N_STEPS 1500
#define N_PAGES 90

static void
does_something (KmlMachine *machine, KmlRng *rng)
{
  KmlMapping *mapping = kml_rng_below (rng, 3) == 0 ? story.anon : story.file;
  const guint32 index = (guint32)kml_rng_below (rng, N_PAGES);
  KmlPfn pfn;

  switch (kml_rng_below (rng, 40)) {
  case 0:
    kml_mapping_sync (story.file);
    return;
  case 1:
    kml_mapping_drop (mapping);
    return;
  case 2:
    kml_mapping_migrate (mapping, index);
    return;
  case 3:
    pfn = kml_mapping_pin (mapping, index, TRUE);
    kml_sleep (machine, kml_rng_below (rng, 3 * KML_MS));
    if (pfn != KML_PFN_NONE)
      kml_mapping_unpin (story.reclaim, pfn);
    return;
  case 4:
    kml_sleep (machine, kml_rng_below (rng, 20 * KML_MS));
    return;
  case 5:
    kml_writeback_wake (story.reclaim->writeback, TRUE);
    return;
  case 6:
    if (story.n_got > 0)
      give_back_one ();
    return;
  case 7:
    if (story.n_got < 30)
      ask (1, KML_GFP_KERNEL);
    return;
  default:
    kml_mapping_touch (mapping, index, kml_rng_below (rng, 4) > 0);
    kml_mapping_throttle (mapping);
  }
}

static void
does_anything (KmlMachine *machine, gpointer data)
{
  KmlRng *rng = data;

  for (guint i = 0; i < N_STEPS; i++) {
    does_something (machine, rng);
    check_all ();
  }
}

START_TEST (whatever_tasks_do_to_pages_under_writeback_all_is_accounted_for)
{
  KmlRng rng[4];

  set_up_with (TRUE, _i % 2 == 0 ? "1" : "3", &linux_has);
  kml_fault_parse ("every(7)", &kml_disk_from_device (story.rig.device)->errors, NULL);
  story.file->write_memory = _i >= 2 ? PAGE : 0;
  story.file->write_gfp = KML_GFP_NOFS | KML_GFP_MEMALLOC;
  for (guint i = 0; i < G_N_ELEMENTS (rng); i++) {
    KmlTaskConfig config = { .name = "task", .cpu = i % 2, .func = does_anything, .data = &rng[i] };

    kml_rng_init (&rng[i], (guint64)(100 * _i) + i, "write-back");
    story.task = kml_task_new (story.rig.scheduler, &config);
  }
  story.anon = kml_mapping_new_anon (story.reclaim, "anon", N_PAGES, NULL);
  kml_scheduler_run (story.rig.scheduler);
  ck_assert_uint_eq (kml_scheduler_incidents (story.rig.scheduler)->len, 0);
  ck_assert_uint_gt (count (KML_WRITEBACK_PAGES), 100);
  ck_assert_uint_gt (count (KML_RECLAIM_ERRORS), 10);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("writeback");
  TCase *flusher = tcase_create ("flusher");
  TCase *writers = tcase_create ("writers");
  TCase *reclaim = tcase_create ("reclaim");
  TCase *all = tcase_create ("all");

  tcase_add_test (flusher,
                  limits_are_shares_of_free_memory_and_pages_of_files_above_what_zones_keep);
  tcase_add_test (flusher, what_has_been_dirty_for_long_enough_is_written_in_one_request);
  tcase_add_test (flusher, what_is_too_much_is_written_at_once_and_nobody_waits);
  tcase_add_test (flusher, a_page_can_be_used_while_it_is_written_and_is_dirty_again_then);
  tcase_add_test (flusher, a_page_that_is_dropped_meanwhile_is_freed_when_the_disk_is_done);
  tcase_add_test (flusher, what_the_disk_failed_to_write_is_lost_and_the_next_sync_says_so);
  tcase_add_test (flusher, what_sync_itself_failed_to_write_is_lost_too_and_it_says_so_once);
  tcase_add_test (flusher, memory_that_a_request_needs_is_given_back_when_the_disk_is_done);
  tcase_add_loop_test (flusher, the_flusher_has_no_right_to_reserves_and_kswapd_has, 0, 4);
  tcase_add_loop_test (writers, in_the_long_run_as_much_is_dirtied_as_the_disk_writes, 0, 4);
  tcase_add_test (writers, who_is_held_up_with_a_lock_that_the_flusher_needs_is_a_deadlock);
  tcase_add_test (writers, who_cannot_sleep_is_not_held_up);
  tcase_add_loop_test (reclaim, who_reclaims_leaves_files_to_the_flusher_and_waits_for_it, 0, 3);
  tcase_add_test (reclaim, kswapd_has_the_disk_write_several_pages_at_a_time);
  tcase_add_test (reclaim, kswapd_gives_up_where_the_disk_is_dead);
  tcase_add_test (reclaim, who_reclaims_where_kswapd_has_given_up_does_not_wait_for_the_disk);
  tcase_add_loop_test (all, whatever_tasks_do_to_pages_under_writeback_all_is_accounted_for, 0, 12);
  suite_add_tcase (suite, flusher);
  suite_add_tcase (suite, writers);
  suite_add_tcase (suite, reclaim);
  suite_add_tcase (suite, all);
  return run_suite (suite);
}
