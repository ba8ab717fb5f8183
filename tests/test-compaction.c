/* test-compaction.c: pages that move together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/compaction-fixture.h"

/* ---- The story ---- */

static void
asks_for_eight (KmlMachine *machine, gpointer data)
{
  static const KmlPfn places[] = { 49, 51, 53, 55, 8, 10 };

  fragment ();
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_KERNEL)), 0);
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    ck_assert_uint_eq (story.anon->frames[i], places[i]);
  check_contents ();
}

START_TEST (a_request_moves_pages_from_the_bottom_to_the_top_and_has_its_block)
{
  set_up_compaction (small_blocks, FALSE);
  run (asks_for_eight);
  ck_assert_uint_eq (count_compact (KML_COMPACT_STALL), 1);
  ck_assert_uint_eq (count_compact (KML_COMPACT_SUCCESS), 1);
  ck_assert_uint_eq (count_compact (KML_COMPACT_FAIL), 0);
  ck_assert_uint_eq (count_compact (KML_COMPACT_MIGRATE_SCANNED), 8); /* frames 0 to 7 */
  ck_assert_uint_eq (count_compact (KML_COMPACT_FREE_SCANNED), 8);    /* 48 to 55 */
  ck_assert_uint_eq (count_compact (KML_COMPACT_ISOLATED), 4 + 4);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 4);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 0); /* it came before reclaim */
  tear_down ();
}
END_TEST

/* ---- Lists of CPUs ---- */

static KmlAllocator *lists;

/* A CPU keeps what it is given back, and fetches no more than it needs. */
static void
set_up_lists (void)
{
  static const char *const settings[][2] = { { "high", "60" }, { "batch", "1" } };

  set_up_compaction (small_blocks, FALSE);
  lists = kml_allocator_new (kml_allocator_find ("per-cpu-pages"), story.rig.machine,
                             &story.zones->base);
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    ck_assert (kml_param_parse (kml_param_find (lists->ops->params, settings[i][0]), settings[i][1],
                                lists, NULL));
  ck_assert (kml_allocator_start (lists, NULL));
  story.reclaim->config.pages = lists;
  story.zones->reclaim.wake = NULL; /* while kswapd works a CPU keeps less */
}

static void
tear_down_lists (void)
{
  g_autoptr (GError) error = NULL;

  lists->ops->check (lists, &error);
  assert_no_error (error);
  kml_allocator_destroy (lists);
  tear_down ();
}

static void
fragment_all_lists (void)
{
  touch_by_turns ();
  kml_mapping_drop (rest);
  ck_assert_uint_eq (n_free (), 8);
  ck_assert (kml_allocator_drain (lists, 0));
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_KERNEL)), 56);
}

/* The frames at 0, 2, 4 and 6 are on the CPU's list when the scanner has left the block, and no use to anybody. */
static void
asks_for_eight_beside_lists (KmlMachine *machine, gpointer data)
{
  fragment_all_lists ();
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_KERNEL)), 0);
  ck_assert_uint_eq (n_free (), 20);
  check_contents ();
}

START_TEST (the_list_of_a_cpu_that_compacts_is_drained_when_a_block_is_done)
{
  set_up_lists ();
  run (asks_for_eight_beside_lists);
  ck_assert_uint_eq (count_compact (KML_COMPACT_STALL), 1);
  ck_assert_uint_eq (count_compact (KML_COMPACT_SUCCESS), 1);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 4);
  ck_assert_uint_eq (count (KML_RECLAIM_DIRECT), 0);
  tear_down_lists ();
}
END_TEST

/* compact_memory drains nothing: what has moved left its frame on the list. */
static void
compacts_all_beside_lists (KmlMachine *machine, gpointer data)
{
  guint64 n_before;

  fragment_all_lists ();
  n_before = n_free ();
  kml_compaction_all (story.reclaim->compaction);
  ck_assert_uint_gt (count (KML_MIGRATE_PAGES), 8);
  ck_assert_uint_eq (n_before - n_free (), count (KML_MIGRATE_PAGES));
  ck_assert (kml_allocator_drain (lists, 0));
  ck_assert_uint_eq (n_free (), n_before);
  check_contents ();
}

START_TEST (compaction_of_everything_leaves_frames_on_the_list)
{
  set_up_lists ();
  run (compacts_all_beside_lists);
  tear_down_lists ();
}
END_TEST

/* ---- What does not move ---- */

static void
pins_one_and_asks (KmlMachine *machine, gpointer data)
{
  KmlPfn pfn;

  fragment ();
  pfn = kml_mapping_pin (story.anon, 1, FALSE);
  ck_assert_uint_eq (pfn, 2);
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_KERNEL)), 8); /* the next pageblock */
  ck_assert_uint_eq (story.anon->frames[0], 0);            /* it is not moved for nothing */
  ck_assert_uint_eq (story.anon->frames[1], 2);
  check_contents ();
  kml_mapping_unpin (story.reclaim, pfn);
}

START_TEST (what_a_device_has_stays_and_so_does_what_is_beside_it)
{
  set_up_compaction (small_blocks, FALSE);
  run (pins_one_and_asks);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 4);
  ck_assert_uint_eq (count (KML_MIGRATE_FAILED_PINNED), 0); /* it was not tried */
  tear_down ();
}
END_TEST

static void
asks_without (KmlMachine *machine, gpointer data)
{
  static const KmlGfp weak[] = { KML_GFP_NOIO | KML_GFP_NORETRY, KML_GFP_NOWAIT };

  fragment ();
  for (guint i = 0; i < G_N_ELEMENTS (weak); i++)
    ck_assert_uint_eq (ask (8, weak[i]), KML_ADDR_NONE);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 0);
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_NOFS)), 0); /* anonymous pages it may move */
}

START_TEST (who_may_not_start_io_or_sleep_moves_nothing)
{
  set_up_compaction (small_blocks, FALSE);
  run (asks_without);
  ck_assert_uint_eq (count_compact (KML_COMPACT_STALL), 1);
  tear_down ();
}
END_TEST

static void
asks_with_a_file_in_the_way (KmlMachine *machine, gpointer data)
{
  /* frame 0; dirty, or it would be taken back */
  ck_assert (kml_mapping_touch (story.file, 0, TRUE));
  for (guint i = 0; i < 28; i++) {
    ck_assert (kml_mapping_touch (rest, i, TRUE));
    if (i < 27)
      ck_assert (kml_mapping_touch (story.anon, i, TRUE));
  }
  kml_mapping_drop (rest);
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_KERNEL)), 56);
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_NOFS)), 8);
  ck_assert_uint_eq (story.file->frames[0], 0);
  check_all ();
}

START_TEST (pages_of_files_stay_where_file_systems_may_not_be_called)
{
  set_up_compaction (small_blocks, FALSE);
  run (asks_with_a_file_in_the_way);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 4);
  tear_down ();
}
END_TEST

/* ---- Meanwhile ---- */

static void
compacts_while_others_work (KmlMachine *machine, gpointer data)
{
  fragment ();
  machine->cost[KML_COST_ZERO_PAGE] = 10;
  machine->cost[KML_COST_IPI] = 100; /* for so long each page is in the hands of who moves it */
  kml_compaction_all (story.reclaim->compaction);
  ck_assert_uint_gt (machine->now, 500);
}

static void
reads_on (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; machine->now < 2000; i = (i + 1) % 28) {
    ck_assert (kml_mapping_touch (story.anon, i, TRUE));
    ck_assert_uint_eq (*byte_of (story.anon, i), i + 1);
    kml_work (machine, 7);
  }
}

static void
drops_all (KmlMachine *machine, gpointer data)
{
  kml_sleep (machine, 500);
  kml_mapping_drop (story.anon);
  check_all ();
}

START_TEST (others_use_pages_and_drop_them_while_they_move)
{
  const KmlTaskConfig config = {
    .name = "other", .cpu = 1, .start = 1, .func = _i == 0 ? reads_on : drops_all
  };

  set_up_compaction (small_blocks, FALSE);
  kml_task_new (story.rig.scheduler, &config);
  run (compacts_while_others_work);
  ck_assert_uint_eq (n_free () + story.anon->n_resident, N - 8);
  if (_i == 0)
    check_contents ();
  tear_down ();
}
END_TEST

/* ---- Mobilities ---- */

static KmlCompactResult
tries (KmlMobility mobility, KmlPfn *ret_pfn)
{
  const KmlRequest request = { .size = 8 * PAGE, .gfp = KML_GFP_KERNEL, .mobility = mobility };
  KmlCompactTry try = { .order = 3, .priority = KML_COMPACT_ASYNC };
  guint64 held;

  *ret_pfn = pfn_of (
      kml_compaction_try (story.reclaim->compaction, &try, story.zones, &request, &held));
  return try.result;
}

/* The last pageblock is unmovable: pages do not go there, and are not taken from others by who wants an unmovable block at little cost. */
static void
asks_beside_unmovable (KmlMachine *machine, gpointer data)
{
  KmlPfn pfn;

  touch_by_turns ();
  ck_assert_uint_eq (pfn_of (ask (1, BELOW)), 56);
  kml_mapping_drop (rest);
  ck_assert_int_eq (tries (KML_MOBILITY_UNMOVABLE, &pfn), KML_COMPACT_IS_COMPLETE);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 0);
  ck_assert_int_eq (tries (KML_MOBILITY_MOVABLE, &pfn), KML_COMPACT_IS_DONE);
  ck_assert_uint_eq (pfn, 0);
  ck_assert_uint_eq (count (KML_MIGRATE_PAGES), 4);
  for (guint i = 0; i < 28; i++)
    ck_assert_uint_lt (story.anon->frames[i], 56);
  check_contents ();
}

START_TEST (pages_stay_among_pageblocks_of_their_mobility)
{
  set_up_compaction (grouped, FALSE);
  run (asks_beside_unmovable);
  tear_down ();
}
END_TEST

/* ---- Against the least that there can be ---- */

#define BLOCK    8
#define N_BLOCKS (N / BLOCK)

static gint
compare_counts (gconstpointer a, gconstpointer b)
{
  return *(const gint *)a - *(const gint *)b;
}

/* How many pages lie in each pageblock, fewest first. Returns how many are empty. */
static guint
count_pages (gint counts[N_BLOCKS])
{
  GArray *sorted = g_array_new (FALSE, TRUE, sizeof (gint));
  guint n_empty = 0;

  g_array_set_size (sorted, N_BLOCKS);
  for (guint i = 0; i < story.anon->n_pages; i++)
    if (story.anon->frames[i] != KML_PFN_NONE)
      g_array_index (sorted, gint, story.anon->frames[i] / BLOCK)++;
  g_array_sort (sorted, compare_counts);
  for (guint i = 0; i < N_BLOCKS; i++) {
    counts[i] = g_array_index (sorted, gint, i);
    n_empty += counts[i] == 0;
  }
  g_array_unref (sorted);
  return n_empty;
}

/* Some pages of anon, wherever the generator wants them. */
static void
scatter (guint64 seed)
{
  KmlRng rng;
  guint n = 0, n_rest = 0;

  kml_rng_init (&rng, seed, "pages");
  while (n + n_rest < 56)
    if (kml_rng_below (&rng, 100) < 45)
      ck_assert (kml_mapping_touch (story.anon, n++, TRUE));
    else
      ck_assert (kml_mapping_touch (rest, n_rest++, TRUE));
  kml_mapping_drop (rest);
}

static void
compacts_all (KmlMachine *machine, gpointer data)
{
  gint before[N_BLOCKS], after[N_BLOCKS];
  guint n_before, n_after, n_pages = 0, n_least = 0;

  scatter (story.rig.machine->seed);
  n_before = count_pages (before);
  kml_compaction_all (story.reclaim->compaction);
  n_after = count_pages (after);
  for (guint i = 0; i < N_BLOCKS; i++)
    n_pages += (guint)before[i];
  for (guint i = 0; i < n_after; i++)
    n_least += (guint)before[i];
  ck_assert_uint_ge (count (KML_MIGRATE_PAGES), n_least);
  ck_assert_uint_le (n_after, N_BLOCKS - (n_pages + BLOCK - 1) / BLOCK);
  ck_assert_uint_gt (n_after, n_before);
  check_all ();
}

/* To empty the n pageblocks that have fewest pages, these must move: nobody can do with fewer for n free pageblocks. And pages need as many pageblocks as they
 * fill. (Claim A17: the ideal compaction fills the fullest from the emptiest.) */
START_TEST (no_compaction_moves_fewer_pages_than_lie_in_the_emptiest_blocks)
{
  set_up_compaction (small_blocks, FALSE);
  story.rig.machine->seed = (guint64)_i;
  run (compacts_all);
  tear_down ();
}
END_TEST

/* ---- Claim A16 ---- */

#define HUGE       512
#define N_HUGE     64
#define N_FRAMES   (HUGE * N_HUGE)
#define ITERATIONS 20

static gint
compare_descending (gconstpointer a, gconstpointer b)
{
  return *(const gint *)b - *(const gint *)a;
}

/* The moves of an ideal compaction: all pages but those in the pageblocks that are fullest, of as many as they need. */
static guint
ideal_moves (const GArray *live)
{
  g_autoptr (GArray) counts = g_array_new (FALSE, TRUE, sizeof (gint));
  guint n_moves = live->len;

  g_array_set_size (counts, N_HUGE);
  for (guint i = 0; i < live->len; i++)
    g_array_index (counts, gint, g_array_index (live, KmlAddr, i) / PAGE / HUGE)++;
  g_array_sort (counts, compare_descending);
  for (guint i = 0; i < (live->len + HUGE - 1) / HUGE; i++)
    n_moves -= (guint)g_array_index (counts, gint, i);
  return n_moves;
}

static void
take_pages (KmlAllocator *pages, GArray *live, guint n)
{
  const KmlRequest request = { .size = PAGE };

  for (guint i = 0; i < n; i++) {
    guint64 held;
    const KmlAddr addr = kml_allocator_alloc (pages, &request, &held);

    ck_assert_uint_ne (addr, KML_ADDR_NONE);
    g_array_append_val (live, addr);
  }
}

static void
give_random_pages (KmlAllocator *pages, GArray *live, guint n, KmlRng *rng)
{
  const KmlRequest how = { 0 };

  for (guint i = 0; i < n; i++) {
    const guint which = (guint)kml_rng_below (rng, live->len);

    kml_allocator_free_block (pages, g_array_index (live, KmlAddr, which), &how);
    g_array_remove_index_fast (live, which);
  }
}

/* Memory is filled and half of it freed at random; then a tenth of what is left is freed, and as much taken, again and again. */
START_TEST (a_buddy_system_does_not_get_easier_to_compact_with_time)
{
  const KmlMachineConfig config = { .n_cpus = 1,
                                    .ram = kml_ram_size_for (N_FRAMES, PAGE),
                                    .page_size = PAGE };
  KmlMachine *machine = kml_machine_new (&config, NULL);
  KmlAllocator *pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  g_autoptr (GArray) live = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  guint at_first;
  KmlRng rng;

  kml_rng_init (&rng, 16, "pages");
  ck_assert (kml_allocator_start (pages, NULL));
  take_pages (pages, live, N_FRAMES);
  give_random_pages (pages, live, N_FRAMES / 2, &rng);
  at_first = ideal_moves (live);
  for (guint i = 0; i < ITERATIONS; i++) {
    guint n;

    give_random_pages (pages, live, live->len / 10, &rng);
    take_pages (pages, live, N_FRAMES / 2 - live->len);
    n = ideal_moves (live);
    ck_assert_uint_ge (n, at_first * 95 / 100);
    ck_assert_uint_le (n, at_first * 105 / 100);
  }
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}
END_TEST

/* ---- kcompactd ---- */

static void
asks_again_later (KmlMachine *machine, gpointer data)
{
  fragment ();
  ck_assert_uint_eq (ask (8, KML_GFP_NOWAIT), KML_ADDR_NONE);
  kml_sleep (machine, KML_MS);
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_NOWAIT)), 0);
  check_contents ();
}

/* Woken by kswapd, or, where that has given up, by the request. */
START_TEST (kcompactd_makes_the_block_that_was_asked_for_in_vain)
{
  set_up_compaction (small_blocks, TRUE);
  story.reclaim->kswapd_failures = _i == 0 ? 0 : KML_RECLAIM_RETRIES;
  run (asks_again_later);
  ck_assert_uint_eq (count (KML_RECLAIM_WAKEUPS) > 0, _i == 0);
  ck_assert_uint_eq (count_compact (KML_COMPACT_DAEMON_WAKE), 1);
  ck_assert_uint_eq (count_compact (KML_COMPACT_DAEMON_MIGRATE_SCANNED), 8);
  ck_assert_uint_eq (count_compact (KML_COMPACT_MIGRATE_SCANNED), 8);
  ck_assert_uint_eq (count_compact (KML_COMPACT_STALL), 0);
  tear_down ();
}
END_TEST

static void
compacts_itself (KmlMachine *machine, gpointer data)
{
  fragment ();
  ck_assert_uint_ne (ask (8, KML_GFP_KERNEL), KML_ADDR_NONE);
}

START_TEST (who_compacts_for_itself_wakes_no_kcompactd_where_kswapd_has_given_up)
{
  set_up_compaction (small_blocks, TRUE);
  story.reclaim->kswapd_failures = KML_RECLAIM_RETRIES;
  run (compacts_itself);
  ck_assert_uint_eq (count_compact (KML_COMPACT_DAEMON_WAKE), 0);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("compaction");
  TCase *requests = tcase_create ("requests");

  tcase_add_test (requests, a_request_moves_pages_from_the_bottom_to_the_top_and_has_its_block);
  tcase_add_test (requests, the_list_of_a_cpu_that_compacts_is_drained_when_a_block_is_done);
  tcase_add_test (requests, compaction_of_everything_leaves_frames_on_the_list);
  tcase_add_test (requests, what_a_device_has_stays_and_so_does_what_is_beside_it);
  tcase_add_test (requests, who_may_not_start_io_or_sleep_moves_nothing);
  tcase_add_test (requests, pages_of_files_stay_where_file_systems_may_not_be_called);
  tcase_add_loop_test (requests, others_use_pages_and_drop_them_while_they_move, 0, 2);
  tcase_add_test (requests, pages_stay_among_pageblocks_of_their_mobility);
  tcase_add_loop_test (requests, no_compaction_moves_fewer_pages_than_lie_in_the_emptiest_blocks, 0,
                       20);
  tcase_add_test (requests, a_buddy_system_does_not_get_easier_to_compact_with_time);
  tcase_add_loop_test (requests, kcompactd_makes_the_block_that_was_asked_for_in_vain, 0, 2);
  tcase_add_test (requests, who_compacts_for_itself_wakes_no_kcompactd_where_kswapd_has_given_up);
  suite_add_tcase (suite, requests);

  return run_suite (suite);
}
