/* test-reclaim.c: what becomes of memory when it runs short.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/reclaim-fixture.h"

/* ---- Pages ---- */

static void
reads_twice (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 2; i++)
    touch_all (story.file, 4, FALSE);
  ck_assert_uint_eq (machine->now, 4 * KML_MS);
  touch_all (story.anon, 4, TRUE); /* begins as zeros: no disk */
  ck_assert_uint_eq (machine->now, 4 * KML_MS);
}

START_TEST (a_page_is_read_when_it_is_first_touched)
{
  set_up (TRUE);
  run (reads_twice);
  ck_assert_uint_eq (count (KML_RECLAIM_FAULTS), 8);
  ck_assert_uint_eq (count (KML_RECLAIM_READS), 4);
  ck_assert_uint_eq (story.task->parts[KML_PART_IO], 4 * KML_MS);
  ck_assert_uint_eq (n_free (), N - 8);
  kml_mapping_drop (story.file);
  kml_mapping_drop (story.anon);
  ck_assert_uint_eq (n_free (), N);
  tear_down ();
}
END_TEST

static void
reads_one (KmlMachine *machine, gpointer data)
{
  ck_assert (kml_mapping_touch (story.file, 7, FALSE));
  ck_assert_uint_eq (machine->now, KML_MS);
}

START_TEST (two_tasks_that_want_the_same_page_fetch_it_once)
{
  set_up (TRUE);
  add_task ("first", 0, reads_one);
  add_task ("second", KML_US, reads_one);
  kml_scheduler_run (story.rig.scheduler);
  ck_assert_uint_eq (count (KML_RECLAIM_READS), 1);
  tear_down ();
}
END_TEST

static void
reads_from_a_bad_disk (KmlMachine *machine, gpointer data)
{
  ck_assert (!kml_mapping_touch (story.file, 0, FALSE));
  ck_assert (kml_mapping_touch (story.file, 1, FALSE));
}

START_TEST (a_read_that_fails_is_a_fault_and_an_error_and_no_page_read)
{
  set_up (TRUE);
  kml_disk_from_device (story.rig.device)->errors = (KmlFault){ .kind = KML_FAULT_BETWEEN,
                                                                .to = KML_US };
  run (reads_from_a_bad_disk);
  ck_assert_uint_eq (count (KML_RECLAIM_FAULTS), 2);
  ck_assert_uint_eq (count (KML_RECLAIM_READS), 1);
  ck_assert_uint_eq (count (KML_RECLAIM_ERRORS), 1);
  ck_assert_uint_eq (count (KML_RECLAIM_NO_FRAME), 0);
  tear_down ();
}
END_TEST

/* ---- kswapd ---- */

static void
reads_much (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 3 * N, FALSE);
}

START_TEST (clean_pages_make_room_without_the_disk_and_in_the_daemon_s_time)
{
  set_up (TRUE);
  run (reads_much);
  ck_assert_uint_eq (story.rig.machine->now, 3 * N * KML_MS); /* the reads, and no more */
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 0);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 0);
  ck_assert_uint_gt (count (KML_RECLAIM_WAKEUPS), 1);
  ck_assert_uint_eq (count (KML_RECLAIM_PAGES), 3 * N - story.file->n_resident);
  /* it frees 32 at a time and sleeps above the high watermark */
  ck_assert_uint_ge (n_free (), 10);
  ck_assert_uint_le (n_free (), 12 + 32);
  ck_assert_uint_eq (story.task->parts[KML_PART_RECLAIM], 0);
  tear_down ();
}
END_TEST

/* A block that nobody can take back, asked for with kswapd's help alone; and some time for kswapd. */
static void
ask_in_vain (guint n)
{
  for (guint i = 0; i < n; i++) {
    ask (1, KML_GFP_NOWAIT);
    kml_sleep (story.rig.machine, KML_MS);
  }
}

static void
fills_memory_with_blocks (KmlMachine *machine, gpointer data)
{
  ask_in_vain (2 * N);
  ck_assert_uint_eq (n_free (), 8);
  ck_assert_uint_eq (count (KML_RECLAIM_WAKEUPS), 1);
  ck_assert_uint_eq (count (KML_RECLAIM_GAVE_UP), 1);

  /* 10 pages of a file instead of as many blocks: kswapd could take them, but nobody has yet */
  for (guint i = 0; i < 10; i++)
    give_back_one ();
  touch_all (story.file, 10, FALSE);
  ask_in_vain (1);
  ck_assert_uint_eq (n_free (), 8);
  ck_assert_uint_eq (count (KML_RECLAIM_WAKEUPS), 1);

  /* who may sleep takes one or more, and kswapd has a chance again; soon it gives up for good */
  ck_assert_uint_ne (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 1);
  ask_in_vain (2 * N);
  ck_assert_uint_eq (count (KML_RECLAIM_WAKEUPS), 2);
  ck_assert_uint_eq (count (KML_RECLAIM_GAVE_UP), 2);
  ck_assert_uint_eq (count (KML_RECLAIM_PAGES), 10);
}

START_TEST (the_daemon_gives_up_until_somebody_reclaims_something)
{
  set_up (TRUE);
  run (fills_memory_with_blocks);
  tear_down ();
}
END_TEST

static void
writes_much (KmlMachine *machine, gpointer data)
{
  touch_all (story.anon, 2 * N, TRUE);
  touch_all (story.anon, N, FALSE); /* what is gone is in swap */
}

START_TEST (anonymous_pages_go_to_swap_and_come_back)
{
  set_up (TRUE);
  run (writes_much);
  ck_assert_uint_ge (count (KML_RECLAIM_WRITTEN), N);
  ck_assert_uint_ge (count (KML_RECLAIM_READS), N - 32);
  ck_assert_uint_gt (count (KML_RECLAIM_DIRECT), 0); /* it writes faster than the disk */
  ck_assert_uint_gt (story.task->parts[KML_PART_IO], 0);
  tear_down ();
}
END_TEST

static void
reads_one_often (KmlMachine *machine, gpointer data)
{
  for (guint i = 1; i < 3 * N; i++) {
    ck_assert (kml_mapping_touch (story.file, i, FALSE));
    ck_assert (kml_mapping_touch (story.file, 0, FALSE));
  }
}

START_TEST (a_page_that_is_used_again_and_again_stays)
{
  set_up (TRUE);
  run (reads_one_often);
  ck_assert_uint_eq (count (KML_RECLAIM_READS), 3 * N);
  ck_assert_uint_gt (count (KML_RECLAIM_ACTIVATED), 0);
  tear_down ();
}
END_TEST

static void
pins_one (KmlMachine *machine, gpointer data)
{
  KmlPfn pfn;

  ck_assert (kml_mapping_touch (story.file, 0, FALSE));
  pfn = story.file->frames[0];
  kml_pin (machine, pfn);
  touch_all (story.file, 3 * N, FALSE);
  ck_assert_uint_eq (story.file->frames[0], pfn);
  kml_unpin (machine, pfn);
}

START_TEST (a_page_that_a_device_has_stays)
{
  set_up (TRUE);
  run (pins_one);
  ck_assert_uint_eq (count (KML_RECLAIM_READS), 3 * N);
  tear_down ();
}
END_TEST

/* ---- Flags ---- */

static void
uses_all_up (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, 30, TRUE);
  while (n_free () > 8)
    ask (1, KML_GFP_HIGH);
  /* 30 dirty pages of a file, and nothing else that could be had */
  ck_assert_uint_eq (machine->now, 30 * KML_MS);
  while (ask (1, KML_GFP_ATOMIC) != KML_ADDR_NONE)
    ;
  ck_assert_uint_eq (n_free (), 3); /* 3/8 of min */
  ck_assert_uint_eq (machine->now, 30 * KML_MS);
  ck_assert_uint_eq (ask (1, KML_GFP_NOIO | KML_GFP_NORETRY), KML_ADDR_NONE);
  ck_assert_uint_eq (ask (1, KML_GFP_NOFS | KML_GFP_NORETRY), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->now, 30 * KML_MS);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 2);
  /* six pages must be freed until 8 are left after this one: the first of them are written one by one */
  ck_assert_uint_ne (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_ge (machine->now, 36 * KML_MS);
  ck_assert_uint_ge (count (KML_RECLAIM_WRITTEN), 6);
}

START_TEST (atomic_requests_never_wait_and_others_do_what_their_flags_allow)
{
  set_up (TRUE);
  /* keeps the daemon out of it: it believes it was woken … */
  story.reclaim->kswapd_is_wanted = TRUE;
  story.zones->reclaim.wake = NULL; /* … and nobody calls it */
  run (uses_all_up);
  ck_assert_uint_gt (story.task->parts[KML_PART_IO], 30 * KML_MS);
  ck_assert_uint_eq (count (KML_RECLAIM_WAKEUPS), 0);
  tear_down ();
}
END_TEST

static void
has_anonymous_pages_only (KmlMachine *machine, gpointer data)
{
  story.zones->reclaim.wake = NULL;
  touch_all (story.anon, 40, TRUE);
  while (n_free () > 8)
    ask (1, KML_GFP_HIGH);
  ck_assert_uint_eq (ask (1, KML_GFP_NOIO | KML_GFP_NORETRY), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->now, 0);
  ck_assert_uint_ne (ask (1, KML_GFP_NOFS | KML_GFP_NORETRY), KML_ADDR_NONE); /* swaps */
  ck_assert_uint_eq (machine->now, 32 * KML_MS);
}

START_TEST (who_may_not_call_a_file_system_may_swap)
{
  set_up (TRUE);
  run (has_anonymous_pages_only);
  ck_assert_uint_eq (count (KML_RECLAIM_WRITTEN), 32);
  tear_down ();
}
END_TEST

/* ---- Out of memory ---- */

static void
fills (KmlMachine *machine, gpointer data)
{
  touch_all (story.other, 60, TRUE);
  touch_all (story.anon, 20, TRUE);
  kml_sleep (machine, KML_MS);
  ck_assert (!kml_mapping_touch (story.other, 0, TRUE)); /* all is gone */
  ck_assert (kml_mapping_touch (story.anon, 0, TRUE));
}

static void
idles (KmlMachine *machine, gpointer data)
{
  kml_sleep (machine, 2 * KML_MS);
}

static void
needs_20 (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < 20; i++)
    ck_assert_uint_ne (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
}

START_TEST (the_killer_takes_who_has_most)
{
  KmlTask *hog;

  set_up (FALSE); /* no swap */
  hog = add_task ("hog", 0, idles);
  story.other = kml_mapping_new_anon (story.reclaim, "other", N, hog);
  add_task ("needs", KML_US, needs_20);
  run (fills);
  ck_assert_uint_eq (count (KML_RECLAIM_OOM_KILLS), 1);
  ck_assert (hog->is_killed);
  ck_assert_uint_eq (story.other->n_resident, 0);
  ck_assert_uint_eq (story.anon->n_resident, 20);
  ck_assert_uint_eq (kml_scheduler_incidents (story.rig.scheduler)->len, 0);
  tear_down ();
}
END_TEST

static void
does_not_want_to_kill (KmlMachine *machine, gpointer data)
{
  touch_all (story.anon, 40, TRUE);
  while (n_free () > 8)
    ask (1, KML_GFP_KERNEL);
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL | KML_GFP_RETRY_MAYFAIL), KML_ADDR_NONE);
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL | KML_GFP_NORETRY), KML_ADDR_NONE);
  ck_assert_uint_eq (ask (16, KML_GFP_KERNEL), KML_ADDR_NONE); /* order 4 */
  ck_assert_uint_eq (count (KML_RECLAIM_OOM_KILLS), 0);
}

START_TEST (nobody_is_killed_for_who_can_do_without)
{
  set_up (FALSE);
  run (does_not_want_to_kill);
  tear_down ();
}
END_TEST

static void
touches_more_than_there_is (KmlMachine *machine, gpointer data)
{
  touch_all (story.file, GOOD, TRUE);
  for (guint i = 0; i < 3; i++)
    ck_assert (!kml_mapping_touch (story.file, GOOD + i, FALSE));
}

START_TEST (a_fault_that_finds_no_frame_is_counted)
{
  set_up (FALSE); /* what is dirty stays, and there is nobody to kill */
  run (touches_more_than_there_is);
  ck_assert_uint_eq (count (KML_RECLAIM_NO_FRAME), 3);
  ck_assert_uint_eq (count (KML_RECLAIM_FAULTS), GOOD + 3);
  tear_down ();
}
END_TEST

static void
must_have_it (KmlMachine *machine, gpointer data)
{
  while (n_free () > 8)
    ask (1, KML_GFP_KERNEL);
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE); /* nobody to kill */
  while (n_free () > 0) {
    ck_assert_uint_ne (ask (1, KML_GFP_KERNEL | KML_GFP_NOFAIL), KML_ADDR_NONE);
    ck_assert_uint_eq (machine->now, 0);
  }
  ck_assert_uint_ne (ask (1, KML_GFP_KERNEL | KML_GFP_NOFAIL), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->now, 5 * KML_MS);
}

static void
frees_at_5_ms (KmlMachine *machine, gpointer data)
{
  give_back_one ();
}

START_TEST (who_must_not_fail_has_the_reserve_and_then_waits_until_somebody_frees_something)
{
  set_up (FALSE);
  add_task ("frees", 5 * KML_MS, frees_at_5_ms);
  run (must_have_it);
  ck_assert_uint_eq (story.task->parts[KML_PART_MEMORY], 5 * KML_MS);
  tear_down ();
}
END_TEST

/* Nobody is killed for one that is to fail rather than that. */
static void
must_have_it_and_is_modest (KmlMachine *machine, gpointer data)
{
  const KmlGfp gfp = KML_GFP_KERNEL | KML_GFP_NOFAIL | KML_GFP_RETRY_MAYFAIL;

  while (n_free () > 8)
    ask (1, KML_GFP_KERNEL);
  while (ask (1, gfp) != KML_ADDR_NONE && machine->now == 0)
    ;
  ck_assert_uint_eq (machine->now, 5 * KML_MS);
  ck_assert_uint_eq (n_free (), 6);
}

START_TEST (who_must_not_fail_and_is_worth_no_life_has_a_quarter_of_the_reserve)
{
  set_up (FALSE);
  add_task ("frees", 5 * KML_MS, frees_at_5_ms);
  run (must_have_it_and_is_modest);
  tear_down ();
}
END_TEST

/* The page allocator finds nothing, and before who asked begins to wait somebody gives back what it needs: another CPU, while that one waits for
 * the lock of the next zone. */
static KmlAllocatorOps late_ops;
static KmlAddr (*real_alloc) (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held);
static guint n_late;

static KmlAddr
finds_nothing_just_before_it_is_freed (KmlAllocator *base, const KmlRequest *request,
                                       guint64 *ret_held)
{
  if (n_late == 0)
    return real_alloc (base, request, ret_held);
  n_late--;
  give_back_one ();
  return KML_ADDR_NONE;
}

static void
asks_in_a_bad_moment (KmlMachine *machine, gpointer data)
{
  KmlAllocator *pages = story.zones->zones[0].pages;

  while (n_free () > 20)
    ask (1, KML_GFP_KERNEL);
  late_ops = *pages->ops;
  real_alloc = late_ops.alloc;
  late_ops.alloc = finds_nothing_just_before_it_is_freed;
  pages->ops = &late_ops;
  n_late = 3; /* as often as it looks before it waits */
  ck_assert_uint_ne (ask (1, KML_GFP_KERNEL | KML_GFP_NOFAIL), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->now, 0);
}

START_TEST (what_is_freed_between_a_look_and_the_wait_is_not_missed)
{
  set_up (FALSE);
  run (asks_in_a_bad_moment);
  ck_assert_uint_eq (kml_scheduler_incidents (story.rig.scheduler)->len, 0);
  tear_down ();
}
END_TEST

static void
must_have_it_and_will_not (KmlMachine *machine, gpointer data)
{
  while (n_free () > 8)
    ask (1, KML_GFP_KERNEL);
  ask (1, KML_GFP_NOIO);
  ck_abort_msg ("there is no memory");
}

START_TEST (a_wait_for_memory_that_nobody_will_free_ends_the_run_and_says_why)
{
  const KmlIncident *incident;

  set_up (FALSE);
  run (must_have_it_and_will_not);
  ck_assert_uint_eq (kml_scheduler_incidents (story.rig.scheduler)->len, 1);
  incident = &g_array_index (kml_scheduler_incidents (story.rig.scheduler), KmlIncident, 0);
  ck_assert_uint_eq (incident->kind, KML_INCIDENT_STALL);
  tear_down ();
}
END_TEST

/* ---- The wrong context ---- */

static void
asks_in_an_interrupt (KmlMachine *machine, gpointer data)
{
  while (ask (1, KML_GFP_ATOMIC) != KML_ADDR_NONE)
    ;
  ck_assert_uint_eq (n_incidents (&story.rig, KML_INCIDENT_SLEEP_IN_ATOMIC), 0);
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
}

static void
raises (KmlMachine *machine, gpointer data)
{
  KmlIrq irq = { 0 };

  touch_all (story.file, 4, FALSE);
  kml_irq_init (&irq, story.rig.scheduler, "nic", 0, KML_LEVEL_HARDIRQ, asks_in_an_interrupt, NULL);
  kml_irq_raise (&irq);
  kml_work (machine, KML_US);
  kml_irq_clear (&irq);
}

START_TEST (a_request_that_may_sleep_in_an_interrupt_is_a_bug_and_fails_at_once)
{
  const KmlIncident *incident;

  set_up (TRUE);
  story.zones->reclaim.wake = NULL;
  run (raises);
  ck_assert_uint_eq (n_incidents (&story.rig, KML_INCIDENT_SLEEP_IN_ATOMIC), 1);
  incident = &g_array_index (kml_scheduler_incidents (story.rig.scheduler), KmlIncident, 0);
  ck_assert_ptr_nonnull (strstr (incident->text, "GFP_KERNEL"));
  ck_assert_uint_eq (story.rig.machine->now, 4 * KML_MS + KML_US);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reclaim");
  TCase *pages = tcase_create ("pages");
  TCase *flags = tcase_create ("flags");
  TCase *oom = tcase_create ("out of memory");

  tcase_add_test (pages, a_page_is_read_when_it_is_first_touched);
  tcase_add_test (pages, two_tasks_that_want_the_same_page_fetch_it_once);
  tcase_add_test (pages, a_read_that_fails_is_a_fault_and_an_error_and_no_page_read);
  tcase_add_test (pages, clean_pages_make_room_without_the_disk_and_in_the_daemon_s_time);
  tcase_add_test (pages, the_daemon_gives_up_until_somebody_reclaims_something);
  tcase_add_test (pages, anonymous_pages_go_to_swap_and_come_back);
  tcase_add_test (pages, a_page_that_is_used_again_and_again_stays);
  tcase_add_test (pages, a_page_that_a_device_has_stays);
  tcase_add_test (flags, atomic_requests_never_wait_and_others_do_what_their_flags_allow);
  tcase_add_test (flags, who_may_not_call_a_file_system_may_swap);
  tcase_add_test (flags, a_request_that_may_sleep_in_an_interrupt_is_a_bug_and_fails_at_once);
  tcase_add_test (oom, the_killer_takes_who_has_most);
  tcase_add_test (oom, nobody_is_killed_for_who_can_do_without);
  tcase_add_test (oom, a_fault_that_finds_no_frame_is_counted);
  tcase_add_test (oom,
                  who_must_not_fail_has_the_reserve_and_then_waits_until_somebody_frees_something);
  tcase_add_test (oom, who_must_not_fail_and_is_worth_no_life_has_a_quarter_of_the_reserve);
  tcase_add_test (oom, what_is_freed_between_a_look_and_the_wait_is_not_missed);
  tcase_add_test (oom, a_wait_for_memory_that_nobody_will_free_ends_the_run_and_says_why);
  suite_add_tcase (suite, pages);
  suite_add_tcase (suite, flags);
  suite_add_tcase (suite, oom);
  return run_suite (suite);
}
