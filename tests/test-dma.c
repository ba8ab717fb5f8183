/* test-dma.c: what a device may be given, what that costs, and that its bytes end where they should.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A burst is a page and takes 400 ns, a segment 200 ns: the defaults of the kind `dma'. RAM has 256 frames of 4 KiB.
 */

#include "simcore/devices/dma.h"
#include "tests/device-fixture.h"

#define SETTINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define PAGE          4096

static DeviceRig rig;

/* What the task does. */
static KmlPfn pages[8];
static KmlDmaRequest request;
static KmlDmaStatus status;

static KmlDma *
dma (void)
{
  return kml_dma_from_device (rig.device);
}

static void
set_up (const char *const *settings)
{
  make_machine (&rig, 2, 1);
  put_in (&rig, "dma", settings);
}

static void
tear_down (void)
{
  check_device (&rig);
  clear_rig (&rig);
}

static void
want (guint n_pages, const KmlPfn *from, gboolean is_from_device)
{
  memcpy (pages, from, n_pages * sizeof *from);
  request = (KmlDmaRequest){ .pages = pages,
                             .n_pages = n_pages,
                             .size = n_pages * PAGE,
                             .is_from_device = is_from_device,
                             .tag = 0x5a };
}

#define WANT(is_from_device, ...)                                                                  \
  want (sizeof ((KmlPfn[]){ __VA_ARGS__ }) / sizeof (KmlPfn), (const KmlPfn[]){ __VA_ARGS__ },     \
        is_from_device)

static void
transfer (KmlMachine *machine, gpointer data)
{
  status = kml_dma_submit (dma (), &request);
  check_device (&rig);
  if (status == KML_DMA_PENDING)
    status = kml_dma_wait (dma (), &request);
}

/* When it was done, in ns. */
static KmlTime
run (void)
{
  start_task (&rig, 0, 0, transfer, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
  for (KmlPfn pfn = 0; pfn < rig.machine->ram->n_frames; pfn++)
    ck_assert (!kml_is_pinned (rig.machine, pfn));
  return request.finished / KML_NS;
}

static gboolean
is_full_of (KmlPfn pfn, guint8 byte)
{
  const guint8 *bytes = rig.machine->ram->store + (gsize)pfn * PAGE;

  for (guint i = 0; i < PAGE; i++)
    if (bytes[i] != byte)
      return FALSE;
  return TRUE;
}

START_TEST (scattered_pages_are_a_segment_for_each_run_of_neighbours)
{
  set_up (NULL);
  WANT (TRUE, 7, 3, 4, 9);
  ck_assert_uint_eq (run (), 3 * 200 + 4 * 400);
  ck_assert_int_eq (status, KML_DMA_OK);
  ck_assert_uint_eq (request.n_segments, 3);
  ck_assert_uint_eq (counted (&rig, "segments"), 3);
  for (guint i = 0; i < 4; i++)
    ck_assert (is_full_of (pages[i], 0x5a));
  ck_assert (is_full_of (5, 0));
  tear_down ();
}
END_TEST

START_TEST (an_iommu_makes_one_range_of_them_and_costs_what_it_costs)
{
  set_up (SETTINGS ("max-segments", "1", "iommu", "yes"));
  WANT (TRUE, 7, 3, 4, 9);
  /* mapped: 4 x 30; moved: 200 + 4 x 400; taken back: 4 x 20 + 700 */
  ck_assert_uint_eq (run (), 120 + 1800 + 780);
  ck_assert_uint_eq (request.n_segments, 1);
  for (guint i = 0; i < 4; i++)
    ck_assert (is_full_of (pages[i], 0x5a));
  ck_assert_uint_eq (counted (&rig, "iommu_pages"), 4);
  ck_assert_uint_eq (counted (&rig, "iommu_flushes"), 1);
  ck_assert_uint_eq (counted (&rig, "overhead"), 900 * KML_NS);
  ck_assert_uint_eq (counted (&rig, "busy"), 1800 * KML_NS);
  tear_down ();
}
END_TEST

static void
expect_status (KmlDmaStatus expected, const char *const *settings)
{
  set_up (settings);
  run ();
  ck_assert_str_eq (kml_dma_status_names[status], kml_dma_status_names[expected]);
  ck_assert_uint_eq (counted (&rig, "refused"), expected != KML_DMA_OK);
  tear_down ();
}

START_TEST (a_buffer_that_does_not_suit_is_refused)
{
  WANT (FALSE, 7, 3, 4, 9);
  expect_status (KML_DMA_OK, SETTINGS ("max-segments", "3"));
  WANT (FALSE, 7, 3, 4, 9);
  expect_status (KML_DMA_SCATTERED, SETTINGS ("max-segments", "2"));
  WANT (FALSE, 6, 7);
  expect_status (KML_DMA_OK, SETTINGS ("limit", "32KiB"));
  WANT (FALSE, 7, 8);
  expect_status (KML_DMA_OUT_OF_REACH, SETTINGS ("limit", "32KiB"));
  WANT (FALSE, 7, 8);
  expect_status (KML_DMA_OK, SETTINGS ("limit", "32KiB", "iommu", "yes"));
  WANT (FALSE, 15, 16);
  expect_status (KML_DMA_SCATTERED, SETTINGS ("boundary", "64KiB", "max-segments", "1"));
  WANT (FALSE, 15, 16);
  expect_status (KML_DMA_OK, SETTINGS ("boundary", "128KiB", "max-segments", "1"));
  WANT (FALSE, 3);
  expect_status (KML_DMA_MISALIGNED, SETTINGS ("alignment", "8KiB"));
  WANT (FALSE, 4, 5, 6);
  expect_status (KML_DMA_SCATTERED, SETTINGS ("max-segment", "4KiB", "max-segments", "2"));
  WANT (FALSE, 3);
  request.offset = 32;
  request.size = 100;
  expect_status (KML_DMA_MISALIGNED, SETTINGS ("alignment", "64"));
}
END_TEST

static guint n_taken;

static void
transfer_until_memory_is_full (KmlMachine *machine, gpointer data)
{
  const KmlConstraints constraints = kml_dma_constraints (dma (), 2 * PAGE);
  const KmlRequest ask = { .size = 2 * PAGE, .constraints = &constraints };
  guint64 held;
  KmlAddr addr;

  while ((addr = kml_allocator_alloc (rig.pages, &ask, &held)) != KML_ADDR_NONE) {
    const KmlPfn pfn = kml_ram_pfn (machine->ram, addr);

    WANT (TRUE, pfn, pfn + 1);
    ck_assert_int_eq (kml_dma_submit (dma (), &request), KML_DMA_PENDING);
    ck_assert_int_eq (kml_dma_wait (dma (), &request), KML_DMA_OK);
    ck_assert_uint_eq (request.n_segments, 1);
    n_taken++;
  }
}

START_TEST (a_buffer_that_keeps_the_constraints_suits)
{
  set_up (
      SETTINGS ("alignment", "4KiB", "boundary", "8KiB", "limit", "512KiB", "max-segments", "1"));
  rig.pages = kml_allocator_new (kml_allocator_find ("page-first-fit"), rig.machine, NULL);
  ck_assert (kml_allocator_start (rig.pages, NULL));
  n_taken = 0;
  start_task (&rig, 0, 0, transfer_until_memory_is_full, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_ge (n_taken, 60); /* of 64 pairs below the limit */
  tear_down ();
  set_up (SETTINGS ("limit", "1MiB", "iommu", "yes"));
  /* the IOMMU reaches everything */
  ck_assert_uint_eq (kml_dma_constraints (dma (), PAGE).limit, 0);
  tear_down ();
}
END_TEST

/* A block at each place that keeps to what is asked for. */
static void
transfer_from_everywhere (KmlMachine *machine, gpointer data)
{
  const guint64 size = *(const guint64 *)data;
  const KmlConstraints want = kml_dma_constraints (dma (), size);
  const guint64 step = MAX (want.alignment, 4);
  KmlPfn all[8];

  for (KmlAddr addr = 0; addr + size <= 64 * 1024; addr += step) {
    if (want.boundary != 0 && addr / want.boundary != (addr + size - 1) / want.boundary)
      continue;
    for (guint i = 0; i < 8; i++)
      all[i] = (KmlPfn)(addr / PAGE + i);
    request = (KmlDmaRequest){ .pages = all,
                               .n_pages = (guint)((addr % PAGE + size - 1) / PAGE + 1),
                               .offset = addr % PAGE,
                               .size = size };
    status = kml_dma_submit (dma (), &request);
    ck_assert_str_eq (kml_dma_status_names[status], "pending");
    ck_assert_int_eq (kml_dma_wait (dma (), &request), KML_DMA_OK);
  }
}

START_TEST (a_block_keeps_the_boundary_only_where_the_device_cannot_be_given_it_in_pieces)
{
  static const struct {
    const char *max_segments, *max_segment, *boundary, *iommu;
    guint64 size, want_alignment, want_boundary;
  } cases[] = {
    { "1", "0", "4KiB", "no", 200, 64, 4096 },
    { "1", "0", "4KiB", "no", 64, 64, 0 }, /* cannot cross it */
    { "2", "0", "4KiB", "no", 200, 64, 0 },
    { "2", "0", "4KiB", "no", 4160, 64, 0 },
    { "2", "0", "4KiB", "no", 4161, 4096, 0 }, /* at 4 KiB - 64 there would be three */
    { "3", "0", "4KiB", "no", 4161, 64, 0 },
    { "2", "0", "4KiB", "no", 8192, 4096, 0 },
    { "3", "1KiB", "8KiB", "no", 2048, 64, 0 },
    { "2", "1KiB", "8KiB", "no", 2048, 64, 8192 },
    { "8", "1KiB", "8KiB", "no", 8192, 64, 8192 },
    { "12", "1KiB", "8KiB", "no", 12000, 8192, 0 },
    { "1", "0", "4KiB", "yes", 200, 64, 4096 },
    { "2", "0", "4KiB", "yes", 8192, 4096, 0 },
    { "1", "0", "64KiB", "yes", 20000, 64, 65536 },
    { "2", "0", "16KiB", "yes", 20000, 4096, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint64 size = cases[i].size;
    KmlConstraints want;

    set_up (SETTINGS ("max-segments", cases[i].max_segments, "max-segment", cases[i].max_segment,
                      "boundary", cases[i].boundary, "iommu", cases[i].iommu));
    want = kml_dma_constraints (dma (), size);
    ck_assert_uint_eq (want.alignment, cases[i].want_alignment);
    ck_assert_uint_eq (want.boundary, cases[i].want_boundary);
    start_task (&rig, 0, 0, transfer_from_everywhere, &size);
    kml_scheduler_run (rig.scheduler);
    ck_assert_uint_eq (counted (&rig, "refused"), 0);
    tear_down ();
  }
}
END_TEST

START_TEST (what_goes_to_the_device_is_what_lies_in_memory)
{
  set_up (NULL);
  memset (rig.machine->ram->store + 3 * PAGE, 1, PAGE);
  memset (rig.machine->ram->store + 4 * PAGE, 2, PAGE);
  WANT (FALSE, 4, 3);
  request.offset = PAGE - 64;
  request.size = 64 + 100;
  run ();
  ck_assert_uint_eq (request.sum, 64 * 2 + 100);
  tear_down ();
}
END_TEST

/* 100 bytes of frame 3, 64 of frame 9, 96 behind those of frame 9, and 60 at its end. */
static const KmlDmaPiece pieces[] = {
  { 0, PAGE - 100 }, { 100, 128 }, { 164, 192 }, { 260, PAGE - 60 }
};

static void
want_pieces (gboolean is_from_device)
{
  WANT (is_from_device, 3, 9, 9, 9);
  request.pieces = pieces;
  request.size = 320;
}

START_TEST (pieces_of_pages_are_a_segment_each_unless_they_follow_each_other)
{
  const guint8 *store;

  set_up (SETTINGS ("alignment", "4"));
  want_pieces (TRUE);
  ck_assert_uint_eq (run (), 3 * 200 + 31); /* 320 bytes of 4096, which take 400 */
  ck_assert_uint_eq (request.n_segments, 3);
  store = rig.machine->ram->store;
  for (guint i = 0; i < 2 * PAGE; i++) {
    const guint at = i % PAGE, pfn = i < PAGE ? 3 : 9;
    const gboolean is_moved = pfn == 3 ? at >= PAGE - 100
                                       : (at >= 128 && at < 288) || at >= PAGE - 60;

    ck_assert_uint_eq (store[pfn * PAGE + at], is_moved ? 0x5a : 0);
  }
  tear_down ();

  set_up (SETTINGS ("alignment", "4", "coherent", "no"));
  memset (rig.machine->ram->store + 3 * PAGE, 1, PAGE);
  memset (rig.machine->ram->store + 9 * PAGE, 2, PAGE);
  want_pieces (FALSE);
  run ();
  ck_assert_uint_eq (request.sum, 100 + 2 * 220);
  ck_assert_uint_eq (counted (&rig, "flushed_lines"), 2 + 1 + 2 + 1);
  tear_down ();

  /* an IOMMU translates whole pages, and each piece has one: the first ends its page, the second does not begin one */
  want_pieces (TRUE);
  expect_status (KML_DMA_OK, SETTINGS ("alignment", "4", "iommu", "yes", "max-segments", "4"));
  ck_assert_uint_eq (request.n_segments, 4);
  want_pieces (TRUE);
  expect_status (KML_DMA_SCATTERED,
                 SETTINGS ("alignment", "4", "iommu", "yes", "max-segments", "3"));
  want_pieces (TRUE);
  expect_status (KML_DMA_SCATTERED, SETTINGS ("alignment", "4", "max-segments", "2"));
  want_pieces (TRUE);
  expect_status (KML_DMA_MISALIGNED, SETTINGS ("alignment", "64"));
}
END_TEST

START_TEST (caches_that_the_device_does_not_see_are_flushed_line_by_line)
{
  for (guint from_device = 0; from_device < 2; from_device++) {
    set_up (SETTINGS ("coherent", "no", "alignment", "4"));
    WANT (from_device, 3);
    request.offset = 60;
    request.size = 100; /* lines 0, 1 and 2 */
    run ();
    ck_assert_uint_eq (counted (&rig, "flushed_lines"), from_device ? 6 : 3);
    ck_assert_uint_eq (counted (&rig, "overhead"), (from_device ? 60 : 30) * KML_NS);
    tear_down ();
  }
}
END_TEST

/* ---- Moving a page ---- */

static gboolean is_moved;

static void
move_last_page (KmlMachine *machine, gpointer data)
{
  ck_assert (kml_is_pinned (machine, 4));
  ck_assert (kml_is_pinned (machine, 7));
  is_moved = kml_dma_move_page (dma (), &request, 7, 21);
  check_device (&rig);
  ck_assert (kml_is_pinned (machine, 21) == (is_moved && request.status == KML_DMA_PENDING));
  ck_assert (!is_moved || !kml_is_pinned (machine, 7));
}

static KmlTime
run_and_move (const char *const *settings, KmlTime at)
{
  set_up (settings);
  rig.machine->cost[KML_COST_ZERO_PAGE] = 100 * KML_NS;
  memset (rig.machine->ram->store + 7 * PAGE, 0x11, PAGE);
  WANT (TRUE, 4, 5, 6, 7);
  start_task (&rig, 1, at, move_last_page, NULL);
  return run ();
}

START_TEST (a_page_is_moved_under_dma_while_the_device_stands_still)
{
  /* submitted at 120, bursts end at 720 (with the segment), 1120, …; the page is copied (200) and mapped anew (750) from 720 on; then
   * the device reads its list (200) and moves three pages; taking back costs 780 */
  ck_assert_uint_eq (run_and_move (SETTINGS ("iommu", "yes"), 500 * KML_NS),
                     720 + 950 + 200 + 3 * 400 + 780);
  ck_assert (is_moved);
  ck_assert_uint_eq (pages[3], 21);
  ck_assert (is_full_of (21, 0x5a));
  ck_assert (is_full_of (7, 0x11)); /* the device no longer writes there */
  ck_assert_uint_eq (counted (&rig, "paused"), 950 * KML_NS);
  ck_assert_uint_eq (counted (&rig, "moves"), 1);
  tear_down ();
}
END_TEST

START_TEST (what_was_written_before_the_move_moves_with_the_page)
{
  /* the last burst would end at 1800 and is at 1500 under way: it ends in the old page, which moves while the interrupt is on its way */
  run_and_move (NULL, 1500 * KML_NS);
  ck_assert (is_moved);
  ck_assert_uint_eq (counted (&rig, "paused"), 0);
  ck_assert (is_full_of (7, 0x5a));
  ck_assert (is_full_of (21, 0x5a));
  tear_down ();
  /* in smaller bursts half of the page is written when it moves */
  run_and_move (SETTINGS ("burst", "2KiB", "burst-time", "200ns"), 1500 * KML_NS);
  ck_assert (is_moved);
  ck_assert (is_full_of (21, 0x5a));
  ck_assert (!is_full_of (7, 0x5a));
  tear_down ();
}
END_TEST

START_TEST (a_page_stays_where_the_device_could_not_follow)
{
  ck_assert_uint_eq (run_and_move (SETTINGS ("max-segments", "1"), 500 * KML_NS), 1800);
  ck_assert (!is_moved);
  ck_assert (is_full_of (7, 0x5a));
  tear_down ();
}
END_TEST

/* ---- The IOMMU ---- */

enum {
  SPACE = 512 /* pages */
};

/* What map() is to return: the highest aligned place where all @n pages are free. */
static KmlAddr
plain_map (gboolean *in_use, guint64 n)
{
  guint64 align = 1;

  while (align < n)
    align *= 2;
  for (guint64 k = (SPACE - n) / align + 1; k-- > 0;) {
    guint64 i = 0;

    while (i < n && !in_use[k * align + i])
      i++;
    if (i < n)
      continue;
    while (i-- > 0)
      in_use[k * align + i] = TRUE;
    return k * align * PAGE;
  }
  return KML_ADDR_NONE;
}

START_TEST (ranges_are_where_a_plain_search_finds_them_and_end_when_there_are_no_more)
{
  enum {
    N = 64
  };
  gboolean in_use[SPACE] = { TRUE }; /* address 0 is none */
  KmlIommu iommu;
  KmlAddr held[N];
  guint64 sizes[N];
  guint n = 0, n_refused = 0;
  KmlRng rng;

  make_machine (&rig, 1, 1);
  kml_iommu_init (&iommu, 12, SPACE * PAGE);
  kml_rng_init (&rng, 1, "iommu");
  for (guint i = 0; i < 20000; i++) {
    g_autoptr (GError) error = NULL;

    if (n < N && kml_rng_below (&rng, 2) == 0) {
      sizes[n] = 1 + kml_rng_below (&rng, 40);
      held[n] = kml_iommu_map (&iommu, rig.machine, sizes[n], 0);
      ck_assert_uint_eq (held[n], plain_map (in_use, sizes[n]));
      if (held[n] == KML_ADDR_NONE)
        n_refused++;
      else
        n++;
    } else if (n > 0) {
      const guint victim = (guint)kml_rng_below (&rng, n);

      kml_iommu_unmap (&iommu, rig.machine, held[victim], sizes[victim]);
      memset (&in_use[held[victim] / PAGE], 0, sizes[victim] * sizeof *in_use);
      held[victim] = held[--n];
      sizes[victim] = sizes[n];
    }
    ck_assert_msg (kml_iommu_check (&iommu, &error), "%s", error != NULL ? error->message : "");
  }
  ck_assert_uint_gt (n_refused, 0);
  while (n > 0) {
    n--;
    kml_iommu_unmap (&iommu, rig.machine, held[n], sizes[n]);
  }
  /* the upper half, whole again */
  ck_assert_uint_eq (kml_iommu_map (&iommu, rig.machine, 256, 0), 256 * PAGE);
  kml_iommu_finish (&iommu);
  clear_rig (&rig);
}
END_TEST

static void
submit_twice (KmlMachine *machine, gpointer data)
{
  KmlPfn others[8] = { 20, 21, 22, 23, 24, 25, 26, 27 };
  KmlDmaRequest other = { .pages = others, .n_pages = 8, .size = 8 * PAGE };

  ck_assert_int_eq (kml_dma_submit (dma (), &request), KML_DMA_PENDING);
  ck_assert_int_eq (kml_dma_submit (dma (), &other), KML_DMA_NO_ADDRESSES);
  ck_assert_int_eq (kml_dma_wait (dma (), &request), KML_DMA_OK);
  ck_assert_int_eq (kml_dma_submit (dma (), &other), KML_DMA_PENDING);
  ck_assert_int_eq (kml_dma_wait (dma (), &other), KML_DMA_OK);
}

START_TEST (an_address_space_that_is_full_refuses_and_recovers)
{
  set_up (SETTINGS ("iommu", "yes", "limit", "64KiB")); /* 16 pages, of which page 0 is none */
  WANT (FALSE, 1, 2, 3, 4, 5, 6, 7, 8);
  start_task (&rig, 0, 0, submit_twice, NULL);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (counted (&rig, "refused"), 1);
  ck_assert_uint_eq (counted (&rig, "done"), 2);
  tear_down ();
}
END_TEST

/* ---- What cannot be ---- */

START_TEST (constraints_that_no_buffer_can_keep_are_refused)
{
  expect_refusal ("dma", SETTINGS ("alignment", "8KiB", "boundary", "4KiB"),
                  "device.device.boundary: it can reach no memory so: expected no less than the "
                  "alignment, which is 8 KiB");
  expect_refusal ("dma", SETTINGS ("alignment", "64", "max-segment", "100"),
                  "max-segment: it can reach no memory so: expected a multiple of the alignment, "
                  "which is 64 B");
  expect_refusal ("dma", SETTINGS ("limit", "2KiB"),
                  "limit: it can reach no memory so: expected at least 4 KiB");
  expect_refusal ("dma", SETTINGS ("limit", "4KiB", "iommu", "yes"),
                  "limit: it can reach no memory so: expected at least 8 KiB");
  expect_refusal ("dma", SETTINGS ("cpu", "7"), "expected a CPU from 0 to 1");
}
END_TEST

static void
unpin_and_check (KmlMachine *machine, gpointer data)
{
  g_autoptr (GError) error = NULL;

  kml_dma_submit (dma (), &request);
  kml_unpin (machine, 3);
  ck_assert (!kml_device_check (rig.device, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "E1"));
  kml_pin (machine, 3);
  kml_dma_wait (dma (), &request);
}

START_TEST (the_check_finds_a_page_that_is_not_pinned)
{
  set_up (NULL);
  WANT (TRUE, 3);
  start_task (&rig, 0, 0, unpin_and_check, NULL);
  kml_scheduler_run (rig.scheduler);
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("dma");
  TCase *buffers = tcase_create ("buffers"), *moving = tcase_create ("moving a page"),
        *iommu = tcase_create ("the IOMMU"), *wrong = tcase_create ("what cannot be");

  tcase_add_test (buffers, scattered_pages_are_a_segment_for_each_run_of_neighbours);
  tcase_add_test (buffers, an_iommu_makes_one_range_of_them_and_costs_what_it_costs);
  tcase_add_test (buffers, a_buffer_that_does_not_suit_is_refused);
  tcase_add_test (buffers, a_buffer_that_keeps_the_constraints_suits);
  tcase_add_test (buffers,
                  a_block_keeps_the_boundary_only_where_the_device_cannot_be_given_it_in_pieces);
  tcase_add_test (buffers, what_goes_to_the_device_is_what_lies_in_memory);
  tcase_add_test (buffers, pieces_of_pages_are_a_segment_each_unless_they_follow_each_other);
  tcase_add_test (buffers, caches_that_the_device_does_not_see_are_flushed_line_by_line);
  tcase_add_test (moving, a_page_is_moved_under_dma_while_the_device_stands_still);
  tcase_add_test (moving, what_was_written_before_the_move_moves_with_the_page);
  tcase_add_test (moving, a_page_stays_where_the_device_could_not_follow);
  tcase_add_test (iommu, ranges_are_where_a_plain_search_finds_them_and_end_when_there_are_no_more);
  tcase_add_test (iommu, an_address_space_that_is_full_refuses_and_recovers);
  tcase_add_test (wrong, constraints_that_no_buffer_can_keep_are_refused);
  tcase_add_test (wrong, the_check_finds_a_page_that_is_not_pinned);
  suite_add_tcase (suite, buffers);
  suite_add_tcase (suite, moving);
  suite_add_tcase (suite, iommu);
  suite_add_tcase (suite, wrong);
  return run_suite (suite);
}
