/* test-zones.c: page allocators in zones, and who gets memory from which.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A machine of 257 frames, of which 254 are left below the frame table: DMA has 16, DMA32 48, Normal 190. What is to be kept
 * free is set so that all marks can be worked out by hand: 64 frames in all, of which zones have
 *
 *     DMA     min 64 * 16 / 254 = 4     low 5    high 6     kept from DMA32 48 / 8 = 6, from Normal 238 / 8 = 29
 *     DMA32   min 64 * 48 / 254 = 12    low 15   high 18    kept from Normal 190 / 8 = 23
 *     Normal  min 64 * 190 / 254 = 47   low 58   high 69
 */

#include "simcore/base/rng.h"
#include "simcore/pages/zones.h"
#include "tests/testutils.h"

#include <string.h>

#define PAGE 4096

static KmlMachine *machine;
static KmlZones *zones;

static KmlAllocator *
make_pages (gpointer data, KmlMachine *for_machine, GError **error)
{
  return kml_allocator_new (kml_allocator_find (data), for_machine, NULL);
}

static void
set_up_with (const char *allocator)
{
  const KmlMachineConfig config = { .n_cpus = 1, .ram = 257 * PAGE, .page_size = PAGE };
  KmlMemoryConfig memory = {
    .zones = (char *)"64KiB, 256KiB", .min_free = 64 * PAGE, .scale_factor = 10, .reserve_ratio = 8
  };
  g_autoptr (GError) error = NULL;

  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  zones = kml_zones_new (machine, &memory, make_pages, (gpointer)allocator, &error);
  assert_no_error (error);
  ck_assert (kml_allocator_start (&zones->base, &error));
}

static void
tear_down (void)
{
  kml_allocator_destroy (&zones->base);
  kml_machine_free (machine);
}

static void
check_all (void)
{
  g_autoptr (GError) error = NULL;

  zones->base.ops->check (&zones->base, &error);
  assert_no_error (error);
}

static KmlAddr
take (guint n_pages, KmlGfp gfp, const KmlConstraints *constraints)
{
  const KmlRequest request = { .size = n_pages * PAGE, .gfp = gfp, .constraints = constraints };
  guint64 held;

  return kml_allocator_alloc (&zones->base, &request, &held);
}

static void
give_back (KmlAddr addr)
{
  const KmlRequest how = { 0 };

  ck_assert_uint_gt (kml_allocator_free_block (&zones->base, addr, &how), 0);
}

/* Single frames until there are no more. Returns how many in each zone. */
static void
take_all (KmlGfp gfp, guint counts[KML_N_ZONES])
{
  KmlAddr addr;

  memset (counts, 0, KML_N_ZONES * sizeof *counts);
  while ((addr = take (1, gfp, NULL)) != KML_ADDR_NONE)
    counts[kml_zones_of (zones, (KmlPfn)(addr / PAGE))->kind]++;
}

START_TEST (zones_tile_memory_and_have_marks)
{
  set_up_with ("buddy");
  kml_free_area_watch (&machine->free_area, 4);
  ck_assert_uint_eq (machine->ram->n_usable, 254);
  ck_assert_uint_eq (zones->n_zones, 3);
  ck_assert_uint_eq (zones->zones[0].n_frames, 16);
  ck_assert_uint_eq (zones->zones[1].n_frames, 48);
  ck_assert_uint_eq (zones->zones[2].n_frames, 190);
  ck_assert_uint_eq (zones->zones[0].marks.min, 4);
  ck_assert_uint_eq (zones->zones[1].marks.low, 15);
  ck_assert_uint_eq (zones->zones[2].marks.high, 69);
  ck_assert_uint_eq (zones->zones[0].marks.lowmem_reserve[KML_ZONE_NORMAL], 29);
  ck_assert_uint_eq (machine->free_area.n_free, 254);
  check_all ();
  tear_down ();
}
END_TEST

/* With every order 0 request more than the mark must be free, so one frame of it is never reached: Normal gives 190 - 47 frames,
 * DMA32 48 - 12 - 23, DMA (29 + 4 > 16) none. */
START_TEST (ordinary_requests_stop_at_min_and_leave_lower_zones_their_reserve)
{
  guint counts[KML_N_ZONES];

  set_up_with ("buddy");
  take_all (0, counts);
  ck_assert_uint_eq (counts[KML_ZONE_NORMAL], 190 - 47);
  ck_assert_uint_eq (counts[KML_ZONE_DMA32], 48 - 12 - 23);
  ck_assert_uint_eq (counts[KML_ZONE_DMA], 0);
  check_all ();
  /* who needs DMA32 does not meet Normal's reserve there; DMA keeps 6 + 4 of its 16 from them */
  take_all (KML_GFP_DMA32, counts);
  ck_assert_uint_eq (counts[KML_ZONE_DMA32], 23);
  ck_assert_uint_eq (counts[KML_ZONE_DMA], 16 - 6 - 4);
  take_all (KML_GFP_DMA, counts);
  ck_assert_uint_eq (counts[KML_ZONE_DMA], 6);
  check_all ();
  tear_down ();
}
END_TEST

/* Claim A36 at work. Of Normal's 47: HIGH leaves 24, and HARDER three quarters of that, 18. */
START_TEST (atomic_requests_dig_into_the_reserve)
{
  guint counts[KML_N_ZONES];

  set_up_with ("buddy");
  take_all (KML_GFP_KERNEL, counts);
  ck_assert_uint_eq (zones->zones[2].area.n_free, 47);
  take_all (KML_GFP_HIGH, counts);
  ck_assert_uint_eq (zones->zones[2].area.n_free, 24);
  take_all (KML_GFP_ATOMIC, counts);
  ck_assert_uint_eq (zones->zones[2].area.n_free, 18);
  take_all (KML_GFP_KERNEL | KML_GFP_MEMALLOC, counts); /* to the last frame, of every zone */
  ck_assert_uint_eq (machine->free_area.n_free, 0);
  check_all ();
  tear_down ();
}
END_TEST

static guint n_woken;
static guint n_slow;

static void
count_wake (gpointer data, const KmlRequest *request)
{
  n_woken++;
}

static KmlAddr
count_slow (gpointer data, KmlZones *self, const KmlRequest *request, guint64 *ret_held)
{
  n_slow++;
  return KML_ADDR_NONE;
}

START_TEST (the_daemon_is_woken_below_low_and_only_who_may_sleep_goes_the_slow_path)
{
  guint counts[KML_N_ZONES];

  set_up_with ("buddy");
  zones->reclaim = (KmlZonesReclaim){ .wake = count_wake, .slow_path = count_slow };
  n_woken = n_slow = 0;
  while (zones->zones[2].area.n_free > 58)
    take (1, KML_GFP_KERNEL, NULL);
  while (zones->zones[1].area.n_free > 15 + 23)
    take (1, KML_GFP_KERNEL, NULL);
  ck_assert_uint_eq (n_woken, 0);
  ck_assert_uint_ne (take (1, 0, NULL), KML_ADDR_NONE); /* did not ask for the daemon */
  ck_assert_uint_eq (n_woken, 0);
  ck_assert_uint_ne (take (1, KML_GFP_NOWAIT, NULL), KML_ADDR_NONE);
  ck_assert_uint_eq (n_woken, 1);
  take_all (KML_GFP_ATOMIC, counts);
  ck_assert_uint_eq (n_slow, 0);
  ck_assert_uint_eq (take (1, KML_GFP_KERNEL, NULL), KML_ADDR_NONE);
  ck_assert_uint_eq (n_slow, 1);
  tear_down ();
}
END_TEST

START_TEST (constraints_are_about_addresses_of_the_machine)
{
  const KmlConstraints below = { .limit = 65 * PAGE }, wide = { .alignment = 32 * PAGE },
                       aligned = { .alignment = 16 * PAGE }, picky = { .alignment = 64 * PAGE },
                       far = { .alignment = 128 * PAGE };

  set_up_with ("buddy");
  ck_assert_uint_eq (take (1, KML_GFP_MEMALLOC, &below) / PAGE, 64); /* in Normal, from frame 64 */
  ck_assert_uint_lt (take (1, KML_GFP_MEMALLOC, &below) / PAGE, 64); /* now that that is taken */
  /* DMA32 begins at 16, and DMA is too small for buddies of 32 */
  ck_assert_uint_eq (take (1, KML_GFP_MEMALLOC | KML_GFP_DMA32, &wide), KML_ADDR_NONE);
  ck_assert_uint_eq (take (16, KML_GFP_MEMALLOC | KML_GFP_DMA32, &aligned) / PAGE, 16);
  ck_assert_uint_eq (take (2, KML_GFP_MEMALLOC, &picky) / PAGE, 128);
  /* Normal begins at a multiple of 64, not of 128, so its allocator cannot know */
  ck_assert_uint_eq (take (2, KML_GFP_MEMALLOC, &far), KML_ADDR_NONE);
  check_all ();
  tear_down ();
}
END_TEST

static void
draw (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  KmlAddr *next = user_data;

  ck_assert_uint_eq (start, *next);
  *next = start + size;
}

/* Every page allocator, 2000 requests and frees at random; what is free is as much as was at the beginning. */
START_TEST (every_page_allocator_works_in_zones)
{
  guint n;
  const KmlAllocatorOps *const *all = kml_allocator_list (&n);

  for (guint i = 0; i < n; i++) {
    KmlAddr live[64];
    guint n_live = 0;
    KmlAddr end = 0;
    KmlRng rng;

    if (all[i]->level != KML_LEVEL_PAGES)
      continue;
    set_up_with (all[i]->name);
    kml_free_area_watch (&machine->free_area, 3);
    kml_rng_init (&rng, 1, all[i]->name);
    for (guint step = 0; step < 2000; step++) {
      static const KmlGfp flags[] = { KML_GFP_KERNEL, KML_GFP_ATOMIC, KML_GFP_DMA, KML_GFP_DMA32 };

      if (n_live < 64 && kml_rng_below (&rng, 2) == 0) {
        live[n_live] = take (1 + (guint)kml_rng_below (&rng, 5), flags[kml_rng_below (&rng, 4)],
                             NULL);
        n_live += live[n_live] != KML_ADDR_NONE;
      } else if (n_live > 0) {
        const guint which = (guint)kml_rng_below (&rng, n_live);

        give_back (live[which]);
        live[which] = live[--n_live];
      }
      if (step % 100 == 0)
        check_all ();
    }
    while (n_live > 0)
      give_back (live[--n_live]);
    if (zones->base.ops->shrink != NULL)
      zones->base.ops->shrink (&zones->base);
    check_all ();
    ck_assert_msg (machine->free_area.n_free == 254, "%s lost memory", all[i]->name);
    zones->base.ops->walk (&zones->base, draw, &end);
    ck_assert_uint_eq (end, 254 * PAGE);
    tear_down ();
  }
}
END_TEST

static guint64
count (const KmlAllocator *pages, const char *name)
{
  const KmlCounterInfo *counters = pages->ops->counters;
  guint i = 0;

  while (!g_str_equal (counters[i].name, name))
    i++;
  return pages->counters[i];
}

/* Each zone splits a block of its own: DMA and DMA32 one of 16 frames, four times, Normal one of two. */
START_TEST (of_counters_that_are_a_maximum_the_largest_is_taken)
{
  static const KmlGfp highest[] = { KML_GFP_DMA, KML_GFP_DMA32, 0 };
  guint64 splits = 0, most_splits = 0, most_merges = 0;

  set_up_with ("buddy");
  for (guint i = 0; i < G_N_ELEMENTS (highest); i++)
    give_back (take (1, highest[i], NULL));
  for (guint i = 0; i < zones->n_zones; i++) {
    splits += count (zones->zones[i].pages, "splits");
    most_splits = MAX (most_splits, count (zones->zones[i].pages, "most_splits"));
    most_merges = MAX (most_merges, count (zones->zones[i].pages, "most_merges"));
  }
  ck_assert_uint_eq (count (&zones->base, "splits"), splits);
  ck_assert_uint_eq (splits, 4 + 4 + 1);
  ck_assert_uint_eq (most_splits, 4);
  ck_assert_uint_eq (count (&zones->base, "most_splits"), most_splits);
  ck_assert_uint_eq (count (&zones->base, "most_merges"), most_merges);
  check_all ();
  tear_down ();
}
END_TEST

START_TEST (zones_that_make_no_sense_are_refused)
{
  static const char *const texts[] = { "two", "1MiB", "8MiB,1MiB", "1MiB,2MiB,3MiB", "1MiB,x" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert (!kml_param_parse (&kml_memory_params[0], texts[i], NULL, &error));
    assert_error (error, KML_ERROR_INPUT, "expected one, linux, or where DMA and DMA32 end");
  }
  ck_assert (kml_param_parse (&kml_memory_params[0], "linux", NULL, NULL));
  ck_assert (kml_param_parse (&kml_memory_params[0], "one", NULL, NULL));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("zones");
  TCase *tests = tcase_create ("zones");

  tcase_add_test (tests, zones_tile_memory_and_have_marks);
  tcase_add_test (tests, ordinary_requests_stop_at_min_and_leave_lower_zones_their_reserve);
  tcase_add_test (tests, atomic_requests_dig_into_the_reserve);
  tcase_add_test (tests, the_daemon_is_woken_below_low_and_only_who_may_sleep_goes_the_slow_path);
  tcase_add_test (tests, constraints_are_about_addresses_of_the_machine);
  tcase_add_test (tests, every_page_allocator_works_in_zones);
  tcase_add_test (tests, of_counters_that_are_a_maximum_the_largest_is_taken);
  tcase_add_test (tests, zones_that_make_no_sense_are_refused);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
