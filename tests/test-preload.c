/* test-preload.c: requests for objects that wait for pages without the allocator's lock, and scopes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * On the machine of the fixture, with an object allocator of one bin above its page level: an object of 2 KiB is half a page.
 */

#include "tests/reclaim-fixture.h"

static KmlPreload *preload;
static KmlAllocator *objects;
static KmlLocked *locked;

static void
set_up_objects (void)
{
  const KmlAllocatorOps *ops = kml_allocator_find ("segregated");
  g_autoptr (GError) error = NULL;

  set_up (TRUE);
  kml_zones_lock (story.zones, KML_LOCK_SPIN_IRQ);
  preload = kml_preload_new (&story.zones->base);
  objects = kml_allocator_new (ops, story.rig.machine, &preload->base);
  ck_assert (kml_param_parse (kml_param_find (ops->params, "bins"), "2048", objects, &error));
  ck_assert (kml_param_parse (kml_param_find (ops->params, "max-order"), "0", objects, &error));
  ck_assert (kml_allocator_start (objects, &error));
  locked = kml_locked_new (objects, KML_LOCK_SPIN_IRQ, "objects");
  locked->preload = preload;
  story.reclaim->config.slabs = &locked->base;
}

static void
tear_down_objects (void)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (objects->ops->check (objects, &error), "%s", error != NULL ? error->message : "");
  kml_allocator_destroy (&locked->base);
  kml_allocator_destroy (objects);
  kml_allocator_destroy (&preload->base);
  tear_down ();
}

static KmlAddr
ask_for_object (KmlGfp gfp)
{
  const KmlRequest wish = { .size = 2048, .gfp = gfp };
  guint64 held;

  return kml_allocator_alloc (&locked->base, &wish, &held);
}

/* Down to the min watermark, and all that is not free are dirty pages of a file. */
static void
fill_with_dirty_pages (void)
{
  story.zones->reclaim.wake = NULL; /* without the daemon */
  touch_all (story.file, GOOD, TRUE);
  ck_assert_uint_eq (n_free (), N - GOOD);
}

static void
asks_for_objects (KmlMachine *machine, gpointer data)
{
  KmlTime before;

  fill_with_dirty_pages ();
  before = machine->now;
  ck_assert_uint_eq (ask_for_object (KML_GFP_NOWAIT), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->now, before);
  ck_assert_uint_ne (ask_for_object (KML_GFP_KERNEL), KML_ADDR_NONE);
  /* 32 pages are freed, each after it was written; nobody slept with the lock */
  ck_assert_uint_eq (machine->now - before, 32 * KML_MS);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 1);
  ck_assert_uint_eq (n_free (), 8 + 32 - 1);
}

START_TEST (an_object_s_page_is_reclaimed_without_the_allocator_s_lock)
{
  set_up_objects ();
  run (asks_for_objects);
  ck_assert_uint_eq (kml_scheduler_incidents (story.rig.scheduler)->len, 0);
  ck_assert_uint_eq (locked->lock.worst_hold, 0); /* all costs are 0 */
  tear_down_objects ();
}
END_TEST

static KmlAddr first_object;

/* While the other task waits for the disk, an object becomes free. */
static void
frees_an_object (KmlMachine *machine, gpointer data)
{
  const KmlRequest how = { 0 };

  kml_sleep (machine, 200 * KML_MS); /* the other one has begun to write */
  kml_allocator_free_block (&locked->base, first_object, &how);
}

static void
needs_a_page_no_longer (KmlMachine *machine, gpointer data)
{
  first_object = ask_for_object (KML_GFP_KERNEL);
  ck_assert_uint_ne (ask_for_object (KML_GFP_KERNEL), KML_ADDR_NONE); /* the other half */
  story.zones->reclaim.wake = NULL;
  touch_all (story.file, GOOD - 1, TRUE);
  kml_sleep (machine, 190 * KML_MS - machine->now);
  ck_assert_uint_ne (ask_for_object (KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_eq (n_free (), 8 + 32); /* what was fetched for it has been given back */
}

START_TEST (pages_that_turn_out_to_be_needless_are_given_back)
{
  set_up_objects ();
  add_task ("other", 0, frees_an_object);
  run (needs_a_page_no_longer);
  tear_down_objects ();
}
END_TEST

static void
leaves_empty_slabs (KmlMachine *machine, gpointer data)
{
  const KmlRequest how = { 0 };
  KmlAddr got[8];

  for (guint i = 0; i < 8; i++)
    got[i] = ask_for_object (KML_GFP_KERNEL);
  for (guint i = 0; i < 8; i++)
    kml_allocator_free_block (&locked->base, got[i], &how);
  story.zones->reclaim.wake = NULL;
  while (n_free () > 8)
    ask (1, KML_GFP_KERNEL);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 0);
  ck_assert_uint_ne (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->now, 0); /* no page was looked at, let alone written */
}

START_TEST (empty_slabs_are_given_back_before_pages_are_looked_at)
{
  set_up_objects ();
  run (leaves_empty_slabs);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 1);
  ck_assert_uint_ge (count (KML_RECLAIM_SLABS), 1);
  ck_assert_uint_eq (count (KML_RECLAIM_SCANNED), 0);
  tear_down_objects ();
}
END_TEST

/* ---- Scopes ---- */

static void
asks_in_scopes (KmlMachine *machine, gpointer data)
{
  KmlTask *task = kml_current_task (machine);
  KmlTime before;

  fill_with_dirty_pages ();
  before = machine->now;
  task->memalloc = KML_MEMALLOC_NOFS; /* pages of files only, which must not be written */
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL | KML_GFP_NORETRY), KML_ADDR_NONE);
  task->memalloc = KML_MEMALLOC_NOIO;
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL | KML_GFP_NORETRY), KML_ADDR_NONE);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 2);
  task->memalloc = KML_MEMALLOC_RESERVES; /* down to the last frame, and none is reclaimed */
  for (guint i = 0; i < 8; i++)
    ck_assert_uint_ne (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_eq (n_free (), 0);
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 2);
  ck_assert_uint_eq (machine->now, before);
  task->memalloc = 0;
  ck_assert_uint_ne (ask (1, KML_GFP_KERNEL), KML_ADDR_NONE);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 3);
}

START_TEST (a_scope_says_what_all_requests_of_a_task_may_do)
{
  set_up (TRUE);
  run (asks_in_scopes);
  tear_down ();
}
END_TEST

static KmlLock file_system;

static void
writes_back_with_its_own_lock (KmlMachine *machine, gpointer data)
{
  fill_with_dirty_pages ();
  story.file->lock = &file_system;
  kml_lock_take (machine, &file_system, KML_LOCK_EXCLUSIVE);
  kml_current_task (machine)->memalloc = KML_MEMALLOC_NOFS;
  ck_assert_uint_eq (ask (1, KML_GFP_KERNEL | KML_GFP_NORETRY), KML_ADDR_NONE);
  kml_current_task (machine)->memalloc = 0;
  ask (1, KML_GFP_KERNEL);
  ck_assert_msg (FALSE, "it goes on");
}

START_TEST (who_reclaims_with_the_file_system_s_lock_waits_for_itself)
{
  set_up (TRUE);
  kml_lock_init (&file_system, KML_LOCK_MUTEX, "fs");
  run (writes_back_with_its_own_lock);
  ck_assert_uint_eq (n_incidents (&story.rig, KML_INCIDENT_DEADLOCK), 1);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("preload");
  TCase *cases = tcase_create ("objects");
  TCase *scopes = tcase_create ("scopes");

  tcase_add_test (cases, an_object_s_page_is_reclaimed_without_the_allocator_s_lock);
  tcase_add_test (cases, pages_that_turn_out_to_be_needless_are_given_back);
  tcase_add_test (cases, empty_slabs_are_given_back_before_pages_are_looked_at);
  tcase_add_test (scopes, a_scope_says_what_all_requests_of_a_task_may_do);
  tcase_add_test (scopes, who_reclaims_with_the_file_system_s_lock_waits_for_itself);
  suite_add_tcase (suite, cases);
  suite_add_tcase (suite, scopes);
  return run_suite (suite);
}
