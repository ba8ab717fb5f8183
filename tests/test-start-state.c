/* test-start-state.c: which memory of a running kernel was free, from the files in which it shows that.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of it in a run is tested from outside: tests/e2e/memory.py.
 */

#include "scenarios/loading/start-state.h"
#include "tests/testutils.h"

#include <string.h>
#include <unistd.h>

#define PAGE     4096
#define N_FRAMES 16384 /* 64 MiB */
#define BUDDY    (G_GUINT64_CONSTANT (1) << 10)
#define LRU      (G_GUINT64_CONSTANT (1) << 5)
#define SLAB     (G_GUINT64_CONSTANT (1) << 7)
#define NOPAGE   (G_GUINT64_CONSTANT (1) << 20)

static char *path;
static KmlStartState state;
static GError *failure;

static void
set_up (void)
{
  const int fd = g_file_open_tmp ("start-XXXXXX", &path, NULL);

  ck_assert_int_ge (fd, 0);
  close (fd);
}

static void
tear_down (void)
{
  kml_start_state_clear (&state);
  g_clear_error (&failure);
  remove (path);
  g_free (path);
}

static gboolean
load (gconstpointer bytes, gsize n, guint64 seed)
{
  kml_start_state_clear (&state);
  g_clear_error (&failure);
  ck_assert (g_file_set_contents (path, bytes, (gssize)n, NULL));
  return kml_start_state_load (&state, path, "the-file", N_FRAMES, PAGE, seed, &failure);
}

static void
load_text (const char *text, guint64 seed)
{
  load (text, strlen (text), seed);
  assert_no_error (failure);
}

static void
assert_refused (gconstpointer bytes, gsize n, const char *fragment)
{
  ck_assert (!load (bytes, n, 1));
  assert_error (failure, KML_ERROR_INPUT, fragment);
  ck_assert (g_str_has_prefix (failure->message, "the-file: "));
}

/* How many blocks of each order, as the kernel joins them. */
static void
count_blocks (guint64 ret_blocks[KML_MAX_ORDER + 1])
{
  memset (ret_blocks, 0, (KML_MAX_ORDER + 1) * sizeof *ret_blocks);
  for (guint pfn = 0; pfn < state.n_frames;) {
    guint order = 10;

    if (!state.is_free[pfn]) {
      pfn++;
      continue;
    }
    while (pfn % (1u << order) != 0 || pfn + (1u << order) > state.n_frames ||
           memchr (state.is_free + pfn, FALSE, 1u << order) != NULL)
      order--;
    ret_blocks[order]++;
    pfn += 1u << order;
  }
}

static void
assert_blocks (const guint64 *expected)
{
  guint64 blocks[KML_MAX_ORDER + 1];

  count_blocks (blocks);
  for (guint order = 0; order <= 10; order++)
    ck_assert_uint_eq (blocks[order], expected[order]);
}

/* Four pageblocks: half in use by slabs, half free; on LRU lists; free; and one of which there is little. */
START_TEST (flags_say_which_frames_are_free_and_what_pageblocks_are)
{
  guint64 words[4 * 512];

  for (guint i = 0; i < 512; i++) {
    words[i] = GUINT64_TO_LE (i < 256 ? SLAB : BUDDY);
    words[512 + i] = GUINT64_TO_LE (i < 500 ? LRU : SLAB);
    words[1024 + i] = GUINT64_TO_LE (BUDDY);
    words[1536 + i] = GUINT64_TO_LE (i < 510 ? NOPAGE : SLAB);
  }
  load (words, sizeof words, 1);
  assert_no_error (failure);
  for (guint i = 0; i < N_FRAMES; i++) {
    ck_assert_int_eq (state.is_free[i], (i >= 256 && i < 512) || (i >= 1024 && i < 1536));
    ck_assert_int_eq (state.is_old[i], i < 256 || (i >= 512 && i < 1024) || i == 2046 || i == 2047);
  }
  ck_assert_uint_eq (state.mobilities[0], KML_MOBILITY_UNMOVABLE);
  ck_assert_uint_eq (state.mobilities[1], KML_MOBILITY_MOVABLE);
  ck_assert_uint_eq (state.mobilities[2], KML_MOBILITY_MOVABLE);
  ck_assert_uint_eq (state.mobilities[3], KML_MOBILITY_UNMOVABLE);
  ck_assert_uint_eq (state.mobilities[4], KML_MOBILITY_MOVABLE);
}
END_TEST

#define DMA                                                                                        \
  "Node 0, zone      DMA      1      0      2      0      0      1      1      1      0      1   " \
  "   2 \n"
#define DMA32                                                                                      \
  "Node 0, zone    DMA32     70     27      8      8      4      1      2      2      4      3   " \
  "   5 \n"

START_TEST (as_many_blocks_are_placed_as_there_were)
{
  static const guint64 dma[] = { 1, 0, 2, 0, 0, 1, 1, 1, 0, 1, 2 };
  static const guint64 both[] = { 71, 27, 10, 8, 4, 2, 3, 3, 4, 4, 7 };
  g_autofree guint8 *first = NULL;

  load_text (DMA, 1);
  ck_assert_ptr_null (state.is_old);
  assert_blocks (dma);
  ck_assert_ptr_null (memchr (state.is_free + 4096, TRUE, N_FRAMES - 4096));
  load_text (DMA DMA32, 1);
  assert_blocks (both);
  first = g_memdup2 (state.is_free, N_FRAMES);
  load_text (DMA DMA32, 1);
  ck_assert_mem_eq (first, state.is_free, N_FRAMES);
  load_text (DMA DMA32, 2);
  assert_blocks (both);
  ck_assert_mem_ne (first, state.is_free, N_FRAMES);
}
END_TEST

/* Of DMA's eight pageblocks four are free in two blocks of order 10. */
START_TEST (as_many_pageblocks_have_a_mobility_as_had_it)
{
  guint n[KML_N_MOBILITIES] = { 0 }, n_free[KML_N_MOBILITIES] = { 0 };

  load_text (
      "Page block order: 9\nPages per block:  512\n\n"
      "Free pages count per migrate type at order 0 1 2 3 4 5 6 7 8 9 10 \n"
      "Node    0, zone      DMA, type    Unmovable 3 0 0 0 0 0 0 0 0 0 1 \n"
      "Node    0, zone      DMA, type      Movable 0 0 0 0 0 0 0 0 0 0 1 \n"
      "Node    0, zone      DMA, type  Reclaimable 0 2 0 0 0 0 0 0 0 0 0 \n\n"
      "Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate \n"
      "Node 0, zone      DMA            3            4            1            0            0 \n",
      1);
  assert_blocks ((const guint64[]){ 3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2 });
  for (guint i = 0; i < 8; i++) {
    n[state.mobilities[i]]++;
    n_free[state.mobilities[i]] += memchr (state.is_free + i * 512, FALSE, 512) == NULL;
  }
  ck_assert_uint_eq (n[KML_MOBILITY_UNMOVABLE], 3);
  ck_assert_uint_eq (n[KML_MOBILITY_MOVABLE], 4);
  ck_assert_uint_eq (n[KML_MOBILITY_RECLAIMABLE], 1);
  ck_assert_uint_eq (n_free[KML_MOBILITY_UNMOVABLE], 2);
  ck_assert_uint_eq (n_free[KML_MOBILITY_MOVABLE], 2);
}
END_TEST

START_TEST (what_is_no_such_file_is_refused)
{
  static const struct {
    const char *text, *fragment;
  } texts[] = {
    { "", "it is empty: expected /proc/kpageflags" },
    { "MemTotal:         467648 kB\n", "word 0 is not the flags of a page" },
    { "short\n", "ends in the middle of a word" },
    { "Node 0, zone DMA 1 2", "ends in the middle of a line" },
    { "Node 0, zone DMA 1 x\n", "line 1: expected a number: “x”" },
    { "Node 0, zone DMA -1\n", "line 1: expected a number: “-1”" },
    { "Node 0, zone DMA >100000\n", "line 1: expected a number: “>100000”" },
    { "Node 0, zone DMA 1\nNode 0, zone Movable 1\n", "line 2: expected the zone DMA, DMA32 or" },
    { "Node 0, zone DMA\n", "line 1: expected Node N, zone NAME and numbers" },
    { "Node 0, zone DMA 0 0\n", "it has no free blocks" },
    { "Node 0, zone DMA 0 0 0 0 0 0 0 0 0 0 5\n", "the zone DMA has more free blocks than" },
    { "Node 0, zone Normal 1\n", "the zone Normal has more free blocks than" },
  };
  guint64 words[3] = { 0, 0, 0 };
  g_autofree guint64 *many = g_new0 (guint64, N_FRAMES + 1);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_refused (texts[i].text, strlen (texts[i].text), texts[i].fragment);
  assert_refused (words, sizeof words, "no page in it is free");
  words[1] = GUINT64_TO_LE (BUDDY);
  assert_refused (words, sizeof words - 1, "ends in the middle of a word");
  many[N_FRAMES] = GUINT64_TO_LE (BUDDY);
  assert_refused (
      many, (N_FRAMES + 1) * sizeof *many,
      "frame 16384 is free, and the machine has 16384, beside its frame table: expected "
      "[machine] ram = 65MiB or more");
  kml_start_state_clear (&state);
  ck_assert (!kml_start_state_load (&state, "/", "the-file", N_FRAMES, PAGE, 1, NULL));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("start-state");
  TCase *files = tcase_create ("files");

  tcase_add_checked_fixture (files, set_up, tear_down);
  tcase_add_test (files, flags_say_which_frames_are_free_and_what_pageblocks_are);
  tcase_add_test (files, as_many_blocks_are_placed_as_there_were);
  tcase_add_test (files, as_many_pageblocks_have_a_mobility_as_had_it);
  tcase_add_test (files, what_is_no_such_file_is_refused);
  suite_add_tcase (suite, files);
  return run_suite (suite);
}
