/* test-per-cpu-pages-recorded.c: a real kernel's per-CPU page lists did the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/per-cpu-pages-linux-6.1.txt has what CPUs of a running kernel took and gave back, how many runs their lists were filled with and how
 * many pages they gave back at a time, and how many pages were on each list before and afterwards. The layer must come to the same numbers.
 * Which page it was does not matter to them.
 */

#include <string.h>

#include "allocators/per-cpu-pages.h"
#include "tests/testutils.h"

#define PAGE     4096
#define N_FRAMES 32768

static KmlMachine *machine;
static KmlAllocator *pages;
static PerCpuPages *layer;
static GArray *live[MAX_ORDER + 1][KML_N_MOBILITIES]; /* of KmlAddr: runs in use */
static GArray *seen[2], *expected[2];                 /* of guint64: refills, drains */

static void
start (void)
{
  static const char *const settings[][2] = { { "high", "204" }, { "batch", "31" } };
  const KmlMachineConfig config = { .n_cpus = 1,
                                    .ram = kml_ram_size_for (N_FRAMES, PAGE),
                                    .page_size = PAGE };
  g_autoptr (GError) error = NULL;

  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  ck_assert (kml_allocator_start (pages, NULL));
  layer = (PerCpuPages *)kml_allocator_new (kml_allocator_find ("per-cpu-pages"), machine, pages);
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    ck_assert (kml_param_parse (kml_param_find (layer->base.ops->params, settings[i][0]),
                                settings[i][1], layer, NULL));
  ck_assert (kml_allocator_start (&layer->base, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (live); i++)
    for (guint j = 0; j < KML_N_MOBILITIES; j++)
      live[i][j] = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  for (guint i = 0; i < 2; i++) {
    seen[i] = g_array_new (FALSE, FALSE, sizeof (guint64));
    expected[i] = g_array_new (FALSE, FALSE, sizeof (guint64));
  }
}

static void
stop (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (live); i++)
    for (guint j = 0; j < KML_N_MOBILITIES; j++)
      g_array_unref (live[i][j]);
  for (guint i = 0; i < 2; i++) {
    g_array_unref (seen[i]);
    g_array_unref (expected[i]);
  }
  kml_allocator_destroy (&layer->base);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}

static KmlAddr
ask (KmlAllocator *whom, guint order, guint mobility)
{
  const KmlRequest request = { .size = PAGE << order, .mobility = (guint8)mobility };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (whom, &request, &held);

  ck_assert_uint_ne (addr, KML_ADDR_NONE);
  return addr;
}

/* What was in use from the beginning comes from below. */
static KmlAddr
some_run (guint order, guint mobility)
{
  GArray *const runs = live[order][mobility];
  KmlAddr addr;

  if (runs->len == 0)
    return ask (pages, order, mobility);
  addr = g_array_index (runs, KmlAddr, runs->len - 1);
  g_array_set_size (runs, runs->len - 1);
  return addr;
}

static void
note (guint what, guint64 n)
{
  g_array_append_val (seen[what], n);
}

/* "+01": a run of order 0, movable. */
static void
operate (const char *op)
{
  const guint order = (guint)(op[1] - '0'), mobility = (guint)(op[2] - '0');
  const guint64 before = layer->cpus[0].n_pages;
  const guint64 n_refills = layer->base.counters[1], n_drains = layer->base.counters[2];
  const KmlRequest how = { 0 };

  if (op[0] == '+') {
    const KmlAddr addr = ask (&layer->base, order, mobility);

    g_array_append_val (live[order][mobility], addr);
    if (layer->base.counters[1] > n_refills)
      note (0, ((layer->cpus[0].n_pages - before) >> order) + 1);
    return;
  }
  kml_allocator_free_block (&layer->base, some_run (order, mobility), &how);
  if (layer->base.counters[2] > n_drains)
    note (1, before + (1u << order) - layer->cpus[0].n_pages);
}

static guint64
pages_on (guint i)
{
  guint64 n = 0;

  for (KmlPfn pfn = layer->cpus[0].lists[i].first; pfn != KML_PFN_NONE;
       pfn = (KmlPfn)frame_at (layer, pfn)->words[0])
    n += frame_at (layer, pfn)->n_frames;
  return n;
}

/* A CPU whose lists have as many pages. */
static void
fill (char *const *words)
{
  const KmlRequest how = { 0 };

  start ();
  ck_assert_str_eq (words[1], "0"); /* so that nothing goes back */
  for (guint i = 0; i < N_LISTS; i++)
    for (guint64 n = g_ascii_strtoull (words[2 + i], NULL, 10); n > 0; n -= 1u << order_of_list (i))
      kml_allocator_free_block (&layer->base, ask (pages, order_of_list (i), i % KML_N_MOBILITIES),
                                &how);
  ck_assert_uint_eq (layer->base.counters[2], 0);
}

static void
compare (char *const *words)
{
  g_autoptr (GError) error = NULL;

  ck_assert_uint_eq (layer->cpus[0].free_factor, g_ascii_strtoull (words[1], NULL, 10));
  for (guint i = 0; i < N_LISTS; i++)
    ck_assert_uint_eq (pages_on (i), g_ascii_strtoull (words[2 + i], NULL, 10));
  for (guint i = 0; i < 2; i++) {
    ck_assert_uint_eq (seen[i]->len, expected[i]->len);
    for (guint j = 0; j < seen[i]->len; j++)
      ck_assert_uint_eq (g_array_index (seen[i], guint64, j),
                         g_array_index (expected[i], guint64, j));
  }
  layer->base.ops->check (&layer->base, &error);
  assert_no_error (error);
  stop ();
}

static guint
play_line (const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  const guint what = g_str_equal (words[0], "drains");

  if (g_str_equal (words[0], "before")) {
    fill (words);
  } else if (g_str_equal (words[0], "ops")) {
    for (guint i = 1; words[i] != NULL; i++)
      operate (words[i]);
  } else if (what == 1 || g_str_equal (words[0], "refills")) {
    for (guint i = 1; words[i] != NULL; i++) {
      const guint64 n = g_ascii_strtoull (words[i], NULL, 10);

      g_array_append_val (expected[what], n);
    }
  } else if (g_str_equal (words[0], "after")) {
    compare (words);
    return 1;
  }
  return 0;
}

START_TEST (the_kernels_lists_are_filled_and_given_back_alike)
{
  g_autofree char *path = g_build_filename (g_getenv ("KML_SOURCE_ROOT"), "tests", "data",
                                            "per-cpu-pages-linux-6.1.txt", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) error = NULL;
  guint n_pieces = 0;

  g_file_get_contents (path, &text, NULL, &error);
  assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    n_pieces += play_line (lines[i]);
  ck_assert_uint_eq (n_pieces, 3);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("per-cpu-pages-recorded");
  TCase *story = tcase_create ("story");

  tcase_add_test (story, the_kernels_lists_are_filled_and_given_back_alike);
  suite_add_tcase (suite, story);
  return run_suite (suite);
}
