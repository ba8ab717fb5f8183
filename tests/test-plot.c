/* test-plot.c: every figure is drawn, from the data, and nothing in the data is evaluated.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a picture looks like, people must look at; what it is made of is tested
 * here, in the data and script that are kept and in the text of the SVG.
 */

#include "analysis/bin-study.h"
#include "analysis/plot.h"
#include "tests/synthetic-run.h"
#include "tests/testutils.h"

#include <glib/gstdio.h>

static char *shared; /* the folder of results.db, which all tests of a case read */

static char *folder; /* of one test */
static char *keep;   /* where pictures, data and scripts go */
static char *picture;
static KmlDatabase *database;
static char *search_path; /* of programs; a test may change it */

/* A study of @n_sizes sizes, 24, 40, 56 and so on. */
static void
store_study (KmlDatabase *writer, guint n_sizes)
{
  static const KmlBinRules rules = { .quantum = 8,
                                     .max_size = 1 << 20,
                                     .slabs = { 4096, 1, 0, 3, 0 } };
  GArray *counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  g_autoptr (KmlBinStudy) study = kml_bin_study_new (counts, &rules);
  g_autoptr (GError) error = NULL;
  KmlBins bins;
  guint64 id;

  for (guint i = 0; i < n_sizes; i++) {
    const KmlSizeCount count = { 24 + 16 * i, 1 + i * i % 7 };

    g_array_append_val (counts, count);
  }
  g_free (study->title);
  study->title = g_strdup (SYNTHETIC_TITLE);
  ck_assert (kml_bin_study_design (study, 64, &error));
  ck_assert (kml_bin_study_choose (study, study->knee, &error));
  ck_assert (kml_bins_parse ("linux", 8, NULL, 0, &bins, &error));
  kml_bin_study_compare (study, "x'y`touch canary`", "nowhere", &bins);
  kml_bins_clear (&bins);
  kml_bin_study_validate (study, "halves", 1, counts, counts);
  ck_assert (kml_bin_study_store (study, writer, &id, &error));
}

/* A sweep over bin sets, with names that are no good for gnuplot; run 4 repeats run 2, run 5 failed. */
static void
make_results (void)
{
  static const char *const bins[] = { "pow2", "linux", "x'y`touch canary`\n\t<&>", "linux", "z" };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  KmlDatabase *writer;

  shared = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  path = g_build_filename (shared, "results.db", NULL);
  writer = kml_database_open_for_writing (path, &error);
  assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (bins); i++) {
    synthetic_store (writer, i + 1, bins[i], i, i == 4 ? "failed" : "done", &error);
    assert_no_error (error);
  }
  store_study (writer, 40);
  ck_assert (kml_database_finish (writer, &error));
}

static void
set_up (void)
{
  g_autofree char *path = g_build_filename (shared, "results.db", NULL);
  g_autoptr (GError) error = NULL;

  folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  keep = g_build_filename (folder, "kept", NULL);
  picture = g_build_filename (folder, "picture", NULL);
  search_path = g_strdup (g_getenv ("PATH"));
  database = kml_database_open (path, &error);
  assert_no_error (error);
}

static void
remove_tree (const char *path)
{
  GDir *files = g_dir_open (path, 0, NULL);
  const char *name;

  while (files != NULL && (name = g_dir_read_name (files)) != NULL) {
    g_autofree char *file = g_build_filename (path, name, NULL);

    if (g_file_test (file, G_FILE_TEST_IS_DIR))
      remove_tree (file);
    else
      g_unlink (file);
  }
  g_clear_pointer (&files, g_dir_close);
  g_rmdir (path);
}

static void
remove_results (void)
{
  remove_tree (shared);
  g_clear_pointer (&shared, g_free);
}

static void
tear_down (void)
{
  g_setenv ("PATH", search_path, TRUE);
  g_clear_pointer (&search_path, g_free);
  g_clear_pointer (&database, kml_database_close);
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&keep, g_free);
  g_clear_pointer (&picture, g_free);
}

/* Draws to `picture`, or gives the text of a picture for the terminal. */
static char *
draw (const char *kind, KmlPlotOptions options)
{
  g_autoptr (GError) error = NULL;
  char *text;

  options.output = picture;
  options.keep = keep;
  kml_plot_render (database, kind, &options, &text, &error);
  assert_no_error (error);
  return text;
}

static char *
read_file (const char *path)
{
  char *text = NULL;

  ck_assert_msg (g_file_get_contents (path, &text, NULL, NULL), "%s is not there", path);
  return text;
}

static char *
read_kept (const char *name)
{
  g_autofree char *path = g_build_filename (keep, name, NULL);

  return read_file (path);
}

static void
expect_text (const char *text, const char *fragment)
{
  ck_assert_msg (strstr (text, fragment) != NULL, "“%s” is not in:\n%.2000s", fragment, text);
}

static void
expect_error (const char *kind, KmlPlotOptions options, KmlErrorCode code, const char *fragment)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  options.output = picture;
  ck_assert (!kml_plot_render (database, kind, &options, &text, &error));
  assert_error (error, code, fragment);
  ck_assert_ptr_null (text);
}

/* ---- Every figure ---- */

static const char *
kind_of (int i)
{
  guint n;
  const KmlPlotInfo *kinds = kml_plot_list (&n);

  return (guint)i < n ? kinds[i].name : NULL;
}

#define N_KINDS 16

START_TEST (every_figure_is_listed)
{
  guint n;
  const KmlPlotInfo *kinds = kml_plot_list (&n);

  ck_assert_uint_eq (n, N_KINDS);
  for (guint i = 0; i < n; i++) {
    ck_assert_uint_gt (strlen (kinds[i].summary), 20);
    if (i > 0)
      ck_assert_str_lt (kinds[i - 1].name, kinds[i].name);
  }
}
END_TEST

START_TEST (every_figure_is_drawn_in_every_format)
{
  static const char *const beginnings[] = { "<?xml", "\x89PNG", "%PDF", "%!PS" };
  const guint first = IS_SANITIZED ? KML_PLOT_TERMINAL
                                   : KML_PLOT_SVG; /* what others write is gnuplot's affair */

  for (guint format = first; format <= KML_PLOT_TERMINAL; format++) {
    const KmlPlotOptions options = { .format = format, .order = -1 };
    g_autofree char *text = draw (kind_of (_i), options);
    g_autofree char *data = NULL;

    if (format == KML_PLOT_TERMINAL) {
      ck_assert_ptr_nonnull (text);
      ck_assert_uint_gt (strlen (text), 500);
    } else {
      data = read_file (picture);
      ck_assert (g_str_has_prefix (data, beginnings[format]));
    }
  }
}
END_TEST

START_TEST (what_is_kept_draws_the_same_bytes_again)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *script = g_strdup_printf ("%s.gp", kind_of (_i));
  g_autofree char *drawn = g_strdup_printf ("%s.svg", kind_of (_i));
  g_autofree char *first = NULL, *second = NULL;
  const char *const command[] = { "gnuplot", script, NULL };
  int status = -1;

  draw (kind_of (_i), options);
  first = read_file (picture);
  ck_assert (g_spawn_sync (keep, (char **)command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                           NULL, &status, NULL));
  ck_assert_int_eq (status, 0);
  second = read_kept (drawn);
  ck_assert_str_eq (first, second);
}
END_TEST

START_TEST (nothing_in_the_data_is_evaluated)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *canary = g_build_filename (keep, "canary", NULL);
  g_autofree char *svg = NULL;

  draw (kind_of (_i), options); /* the title and a bin set say `touch canary` */
  ck_assert (!g_file_test (canary, G_FILE_TEST_EXISTS));
  ck_assert (!g_file_test ("canary", G_FILE_TEST_EXISTS));
  svg = read_file (picture);
  expect_text (svg, "It's a \"test\" `touch canary` &lt;b> 100 %");
}
END_TEST

/* ---- What is in them ---- */

START_TEST (runs_are_called_by_what_tells_them_apart)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *script = NULL;

  draw ("waste-by-lifetime", options);
  script = read_kept ("waste-by-lifetime.gp");
  expect_text (script, "VARIED = 'objects.bins'\n");
  expect_text (script, "array LABEL[4] = ['pow2', 'linux (run 2)', 'x''y`touch canary`  <&>', "
                       "'linux (run 4)']\n");
  expect_text (script, "CAPTION = 'bins.ini, runs 1–4'\n");
}
END_TEST

START_TEST (the_data_are_those_of_the_runs)
{
  const guint64 runs[] = { 2 };
  const KmlPlotOptions options = { .runs = runs, .n_runs = 1, .order = -1 };
  g_autofree char *sizes = NULL, *series = NULL, *script = NULL;

  draw ("waste", options);
  sizes = read_kept ("waste-sizes.tsv");
  ck_assert (g_str_has_prefix (sizes, "# size\tpercent\n8\t0\n18\t25\n"));
  draw ("internal", options);
  series = read_kept ("internal-series.tsv");
  ck_assert (g_str_has_prefix (series, "# t_ns\tvalue\tleast\tmost\n0\t0."));
  script = read_kept ("internal.gp");
  expect_text (script, "CAPTION = 'bins.ini, run 2: objects.bins = linux'\n");
}
END_TEST

/* Of the thousand blocks 20 are of the two sites called alike. What they waste they waste for ever. */
START_TEST (waste_by_origin_is_of_the_runs)
{
  const guint64 runs[] = { 1 };
  const KmlPlotOptions options = { .runs = runs, .n_runs = 1, .order = -1 };
  g_autofree char *bars = NULL, *script = NULL, *lifetimes = NULL;

  draw ("waste-by-site", options);
  script = read_kept ("waste-by-site.gp");
  expect_text (script, "array NAMES_BLOCK[3] = ['ever+0x1', 'short `touch canary`<b>', "
                       "'(unknown)']\n");
  bars = read_kept ("waste-by-site-bars.tsv");
  expect_text (bars, "\n15\t152.4\t9.0909"); /* 10 bytes by 20 blocks, born from 1 to 951 ms on */
  draw ("waste-by-lifetime", options);
  lifetimes = read_kept ("waste-by-lifetime-bars.tsv");
  expect_text (lifetimes, "\n9\t2\t152.4\n"); /* alive: 20 of the thousand */
  expect_text (lifetimes, "\n1\t0\t0\n");
}
END_TEST

/* Runs 2 and 4 have 200 moments each, which are 120 means of both; the others are shown as they are. */
START_TEST (repetitions_are_one_line_over_time)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *series = NULL, *script = NULL;
  g_auto (GStrv) blocks = NULL, rows = NULL;

  draw ("internal", options);
  script = read_kept ("internal.gp");
  expect_text (script, "array LABEL[3] = ['pow2', 'linux', 'x''y`touch canary`  <&>']\n");
  expect_text (script,
               "bins.ini, runs 1–4; means of repetitions, bands from the least to the most");
  series = read_kept ("internal-series.tsv");
  blocks = g_strsplit (series, "\n\n\n", -1);
  ck_assert_uint_eq (g_strv_length (blocks), 3);
  rows = g_strsplit (blocks[1], "\n", -1);
  ck_assert_uint_eq (g_strv_length (rows), 120);
  for (guint i = 0; rows[i] != NULL; i++) {
    double time, mean, least, most;

    ck_assert_int_eq (sscanf (rows[i], "%lf %lf %lf %lf", &time, &mean, &least, &most), 4);
    ck_assert_double_lt (least, most);
    ck_assert_double_eq_tol (mean, (least + most) / 2, 1e-8);
  }
}
END_TEST

/* Runs 2 and 4 have latencies of their own, of which the line is the mean. */
START_TEST (repetitions_are_one_line_of_latencies_with_a_band)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *allocs = NULL, *script = NULL;
  g_auto (GStrv) blocks = NULL, rows = NULL;
  guint n_wide = 0;

  draw ("latency", options);
  script = read_kept ("latency.gp");
  expect_text (script, "array ALLOCS_BLOCK[3] = ['pow2', 'linux', 'x''y`touch canary`  <&>']\n");
  expect_text (script, "runs 1–4; means of repetitions, bands from the least to the most");
  allocs = read_kept ("latency-allocs.tsv");
  blocks = g_strsplit (allocs, "\n\n\n", -1);
  ck_assert_uint_eq (g_strv_length (blocks), 3);
  rows = g_strsplit (blocks[1], "\n", -1);
  for (guint i = 0; rows[i] != NULL; i++) {
    double ns, mean, least, most;

    ck_assert_int_eq (sscanf (rows[i], "%lf %lf %lf %lf", &ns, &mean, &least, &most), 4);
    ck_assert_double_eq_tol (mean, (least + most) / 2, 1e-8);
    n_wide += least < most;
  }
  ck_assert_uint_gt (n_wide, 0);
}
END_TEST

START_TEST (repetitions_are_one_sum_of_waste_and_one_place_of_the_worst_case)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *sums = NULL, *worst = NULL;
  g_auto (GStrv) blocks = NULL, rows = NULL;

  draw ("waste", options);
  sums = read_kept ("waste-sums.tsv");
  blocks = g_strsplit (sums, "\n\n\n", -1);
  ck_assert_uint_eq (g_strv_length (blocks), 3);
  draw ("worst-case", options);
  worst = read_kept ("worst-case-runs.tsv");
  rows = g_strsplit (g_strchomp (worst), "\n", -1);
  ck_assert_uint_eq (g_strv_length (rows), 1 + 3);
}
END_TEST

/* Runs 2 and 4 are draws from one distribution, and each of the others is alone. */
START_TEST (a_distribution_is_of_the_repetitions_of_a_setting)
{
  const KmlPlotOptions options = { .order = -1, .metric = "alloc.count" };
  g_autofree char *steps = NULL, *script = NULL;

  draw ("distribution", options);
  steps = read_kept ("distribution-steps.tsv");
  expect_text (steps, "\t0\t2\t1\n");
  expect_text (steps, "\t0.5\t2\t1\n");
  expect_text (steps, "\t1\t2\t1\n");
  script = read_kept ("distribution.gp");
  expect_text (script, "array LABEL[3] = ['pow2', 'linux', 'x''y`touch canary`  <&>']\n");
  expect_text (script, "array WHAT_BLOCK[1] = ['alloc.count']\n");
  expect_text (script, "CAPTION = 'bins.ini, runs 1–4; bands of 95 % confidence "
                       "(Dvoretzky-Kiefer-Wolfowitz)'\n");
  expect_error ("internal", options, KML_ERROR_INPUT, "about no metric that can be chosen");
}
END_TEST

START_TEST (an_order_is_computed_from_the_free_lists)
{
  KmlPlotOptions options = { .order = 0 };
  g_autofree char *series = NULL, *svg = NULL;

  draw ("external", options);
  series = read_kept ("external-series.tsv");
  /* every free block serves order 0 */
  expect_text (series, "# t_ns\tvalue\tleast\tmost\n0\t0\t0\t0\n");
  options.order = 4;
  draw ("external", options);
  svg = read_file (picture);
  expect_text (svg, "free memory unusable for order 4 (%)");
}
END_TEST

START_TEST (a_page_map_has_a_value_for_each_cell)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *cells = NULL;
  g_auto (GStrv) lines = NULL;

  draw ("pagemap", options);
  cells = read_kept ("pagemap-cells.tsv");
  lines = g_strsplit (cells, "\n", -1);
  ck_assert_uint_eq (g_strv_length (lines), 1 + 480 * 256 + 1);
}
END_TEST

START_TEST (a_picture_for_the_terminal_has_its_size)
{
  const KmlPlotOptions options = {
    .format = KML_PLOT_TERMINAL, .width = 70, .height = 24, .order = -1
  };
  g_autofree char *text = draw ("internal", options);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  ck_assert_uint_le (g_strv_length (lines), 25);
  for (char **line = lines; *line != NULL; line++)
    ck_assert_int_le (g_utf8_strlen (*line, -1), 70);
  expect_text (text, "simulated time");
}
END_TEST

/* ---- Odd runs ---- */

/* A database with one run, of which there are these metrics alone. */
static void
open_bare (const KmlMetric *metrics, guint n_metrics)
{
  g_autofree char *path = g_build_filename (folder, "bare.db", NULL);
  const KmlDatabaseRun run = { BARE_RUN, .metrics = metrics, .n_metrics = n_metrics };
  KmlDatabase *writer = kml_database_open_for_writing (path, NULL);

  ck_assert (kml_database_begin_run (writer, 1, NULL));
  ck_assert (kml_database_end_run (writer, &run, NULL, NULL));
  ck_assert (kml_database_finish (writer, NULL));
  kml_database_close (database);
  database = kml_database_open (path, NULL);
}

/* Frees came in interrupts, too, and requests did not: both are of processes, whose frees took longer. */
START_TEST (the_longest_request_and_free_are_of_one_context)
{
  const KmlMetric metrics[] = {
    { (char *)"latency.alloc.max_ns", "ns", 300 },
    { (char *)"latency.alloc.process.max_ns", "ns", 300 },
    { (char *)"latency.free.hardirq.max_ns", "ns", 54 },
    { (char *)"latency.free.max_ns", "ns", 170 },
    { (char *)"latency.free.process.max_ns", "ns", 170 },
  };
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *rows = NULL, *script = NULL;

  open_bare (metrics, G_N_ELEMENTS (metrics));
  draw ("worst-case", options);
  rows = read_kept ("worst-case-runs.tsv");
  expect_text (rows, "\n1\t300\t170\t");
  script = read_kept ("worst-case.gp");
  expect_text (script, "array RUNS_BLOCK[1] = ['process']\n");
}
END_TEST

/* One snapshot, at the start, of a machine on which one request of one byte took no time and nothing was ever freed. */
static void
empty (KmlRecorder *recorder)
{
  KmlSnapshot *snapshot;

  g_array_set_size (recorder->failures, 0);
  for (guint i = 1; i < recorder->snapshots->len; i++) {
    snapshot = &g_array_index (recorder->snapshots, KmlSnapshot, i);
    g_free (snapshot->caches);
    g_free (snapshot->pagemap);
  }
  g_array_set_size (recorder->snapshots, 1);
  snapshot = &g_array_index (recorder->snapshots, KmlSnapshot, 0);
  snapshot->time = 0;
  for (guint series = 0; series < KML_N_SERIES; series++)
    snapshot->values[series] = 0;
  memset (snapshot->free_blocks, 0, sizeof snapshot->free_blocks);
  snapshot->free_blocks[KML_MOBILITY_MOVABLE][0] = 1;
  memset (snapshot->pagemap, 0, KML_PAGEMAP_CELLS);
  memset (recorder->waste, 0, (KML_WASTE_EXACT + 1) * sizeof *recorder->waste);
  memset (recorder->large_waste, 0, sizeof recorder->large_waste);
  kml_recorder_add_waste (recorder, 1, 1);
  for (guint operation = 0; operation < KML_N_OPERATIONS; operation++)
    for (guint context = 0; context < KML_N_CONTEXTS; context++)
      memset (recorder->latency[operation][context], 0, sizeof (KmlHistogram));
  kml_histogram_add (recorder->latency[KML_OPERATION_ALLOC][KML_CONTEXT_SOFTIRQ], 0);
}

START_TEST (a_run_in_which_hardly_anything_happened_is_drawn)
{
  const KmlMetric metrics[] = {
    { (char *)"frag.internal.mean", "ratio", 0 },
    { (char *)"latency.alloc.max_ns", "ns", 0 },
    { (char *)"memory.requested.peak_bytes", "bytes", 0 },
    { (char *)"memory.reserved.peak_bytes", "bytes", 0 },
  };
  GArray *incidents = synthetic_incidents (0);
  KmlDatabaseRun run = { BARE_RUN, .metrics = metrics, .n_metrics = G_N_ELEMENTS (metrics) };
  g_autofree char *path = g_build_filename (folder, "idle.db", NULL);
  KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *text = NULL;
  Synthetic synthetic;
  KmlDatabase *writer = kml_database_open_for_writing (path, NULL);

  run.incidents = incidents;
  synthetic_init (&synthetic, 0, TRUE);
  empty (synthetic.recorder);
  ck_assert (kml_database_begin_run (writer, 1, NULL));
  ck_assert (kml_database_end_run (writer, &run, synthetic.recorder, NULL));
  kml_incidents_free (incidents);
  store_study (writer, 1);
  ck_assert (kml_database_finish (writer, NULL));
  synthetic_finish (&synthetic);
  kml_database_close (database);
  database = kml_database_open (path, NULL);
  draw (kind_of (_i), options);
  options.format = KML_PLOT_TERMINAL;
  text = draw (kind_of (_i), options);
}
END_TEST

/* ---- Errors ---- */

START_TEST (an_unknown_kind_is_answered_with_the_nearest)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;

  expect_error ("intrenal", options, KML_ERROR_INPUT, "did you mean “internal”?");
  expect_error ("x", options, KML_ERROR_INPUT, "there are: bins, bins-classes,");
}
END_TEST

START_TEST (runs_that_cannot_be_shown_are_errors)
{
  const guint64 none[] = { 9 }, failed[] = { 1, 5 };
  KmlPlotOptions options = { .runs = none, .n_runs = 1, .order = -1 };

  expect_error ("bins", options, KML_ERROR_INPUT, "there is no run 9 in it");
  options.runs = failed;
  options.n_runs = 2;
  expect_error ("bins", options, KML_ERROR_INPUT, "run 5 is not done but failed");
}
END_TEST

START_TEST (a_study_is_chosen_by_its_number)
{
  const guint64 one[] = { 1 };
  KmlPlotOptions options = { .study = 1, .order = -1 };
  g_autofree char *data = NULL;

  draw ("bins-curve", options);
  data = read_kept ("bins-curve-curve.tsv");
  ck_assert (g_str_has_prefix (data, "# bins\twaste\n1\t"));
  options.study = 2;
  expect_error ("bins-curve", options, KML_ERROR_INPUT, "there is no study 2 of bin sizes in it");
  options = (KmlPlotOptions){ .runs = one, .n_runs = 1, .order = -1 };
  expect_error ("bins-curve", options, KML_ERROR_INPUT, "about a study of bin sizes");
}
END_TEST

START_TEST (data_that_were_not_recorded_are_an_error_that_says_what_to_set)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;

  open_bare (NULL, 0);
  expect_error ("pagemap", options, KML_ERROR_INPUT,
                "bare.db: run 1 recorded no page map: set [record] pagemap = yes");
  for (int i = 0; i < N_KINDS; i++)
    expect_error (kind_of (i), options, KML_ERROR_INPUT,
                  g_str_has_prefix (kind_of (i), "bins-") ? "bare.db: there is no study"
                                                          : "bare.db: run 1 ");
}
END_TEST

START_TEST (a_size_that_makes_no_sense_is_refused)
{
  const KmlPlotOptions options = { .width = 10, .height = 10, .order = -1 };

  expect_error ("bins", options, KML_ERROR_INPUT, "10 x 10 pixels cannot be drawn");
}
END_TEST

START_TEST (without_gnuplot_the_old_picture_stays)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *data = NULL;

  ck_assert (g_file_set_contents (picture, "old", -1, NULL));
  g_setenv ("PATH", folder, TRUE);
  expect_error ("bins", options, KML_ERROR_WORLD, "gnuplot cannot be started");
  data = read_file (picture);
  ck_assert_str_eq (data, "old");
}
END_TEST

START_TEST (what_gnuplot_says_is_in_the_message)
{
  const KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autofree char *fake = g_build_filename (folder, "gnuplot", NULL);

  ck_assert (
      g_file_set_contents (fake,
                           "#!/bin/sh\n"
                           "printf 'plot x\\n     ^\\n\"bins.gp\" line 7: no such thing\\n' >&2\n"
                           "exit 1\n",
                           -1, NULL));
  g_chmod (fake, 0755);
  g_setenv ("PATH", folder, TRUE);
  expect_error ("bins", options, KML_ERROR_WORLD, "\"bins.gp\" line 7: no such thing");
}
END_TEST

START_TEST (a_picture_that_cannot_be_written_is_an_error)
{
  KmlPlotOptions options = KML_PLOT_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;
  char *text;

  options.output = "/nonexistent/x.svg";
  ck_assert (!kml_plot_render (database, "bins", &options, &text, &error));
  assert_error (error, KML_ERROR_WORLD, "/nonexistent/x.svg: cannot be written");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plot");
  TCase *figures = tcase_create ("figures");
  TCase *content = tcase_create ("content");
  TCase *errors = tcase_create ("errors");

  tcase_set_timeout (figures, 300);
  tcase_add_unchecked_fixture (figures, make_results, remove_results);
  tcase_add_checked_fixture (figures, set_up, tear_down);
  tcase_add_test (figures, every_figure_is_listed);
  tcase_add_loop_test (figures, every_figure_is_drawn_in_every_format, 0, N_KINDS);
  if (!IS_SANITIZED) /* it is gnuplot's affair */
    tcase_add_loop_test (figures, what_is_kept_draws_the_same_bytes_again, 0, N_KINDS);
  tcase_add_loop_test (figures, nothing_in_the_data_is_evaluated, 0, N_KINDS);
  tcase_add_loop_test (figures, a_run_in_which_hardly_anything_happened_is_drawn, 0, N_KINDS);
  suite_add_tcase (suite, figures);

  tcase_set_timeout (content, 300);
  tcase_add_unchecked_fixture (content, make_results, remove_results);
  tcase_add_checked_fixture (content, set_up, tear_down);
  tcase_add_test (content, runs_are_called_by_what_tells_them_apart);
  tcase_add_test (content, the_data_are_those_of_the_runs);
  tcase_add_test (content, waste_by_origin_is_of_the_runs);
  tcase_add_test (content, repetitions_are_one_line_over_time);
  tcase_add_test (content, repetitions_are_one_line_of_latencies_with_a_band);
  tcase_add_test (content, repetitions_are_one_sum_of_waste_and_one_place_of_the_worst_case);
  tcase_add_test (content, a_distribution_is_of_the_repetitions_of_a_setting);
  tcase_add_test (content, an_order_is_computed_from_the_free_lists);
  tcase_add_test (content, a_page_map_has_a_value_for_each_cell);
  tcase_add_test (content, a_picture_for_the_terminal_has_its_size);
  tcase_add_test (content, the_longest_request_and_free_are_of_one_context);
  suite_add_tcase (suite, content);

  tcase_set_timeout (errors, 300);
  tcase_add_unchecked_fixture (errors, make_results, remove_results);
  tcase_add_checked_fixture (errors, set_up, tear_down);
  tcase_add_test (errors, an_unknown_kind_is_answered_with_the_nearest);
  tcase_add_test (errors, a_study_is_chosen_by_its_number);
  tcase_add_test (errors, runs_that_cannot_be_shown_are_errors);
  tcase_add_test (errors, data_that_were_not_recorded_are_an_error_that_says_what_to_set);
  tcase_add_test (errors, a_size_that_makes_no_sense_is_refused);
  tcase_add_test (errors, without_gnuplot_the_old_picture_stays);
  tcase_add_test (errors, what_gnuplot_says_is_in_the_message);
  tcase_add_test (errors, a_picture_that_cannot_be_written_is_an_error);
  suite_add_tcase (suite, errors);

  return run_suite (suite);
}
