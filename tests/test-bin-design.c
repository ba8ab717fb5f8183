/* test-bin-design.c: bin sizes made for given requests, and what any set of bins wastes on them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Designs are held against brute force: every set of sizes that the rules allow is measured with
 * kml_bin_usage(), which knows nothing of prices and partitions, and none may waste less. Pages of 256
 * bytes make the ends of slabs and the page level matter among small sizes.
 */

#include "analysis/bin-study.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

#include <glib/gstdio.h>
#include <math.h>
#include <sqlite3.h>

#define MAX_SIZES 9
#define PAGE      256

typedef struct {
  guint n_counts;
  KmlSizeCount counts[MAX_SIZES];
  guint64 prefix[2];
  KmlBinRules rules;
} Case;

static void
random_case (KmlRng *rng, Case *ret_case)
{
  Case *self = ret_case;
  guint64 size = 0;

  *self = (Case){ .n_counts = 1 + (guint)kml_rng_below (rng, MAX_SIZES) };
  for (guint i = 0; i < self->n_counts; i++) {
    size += 1 + kml_rng_below (rng, 120);
    self->counts[i] = (KmlSizeCount){ size, 1 + kml_rng_below (rng, 50) };
  }
  self->rules = (KmlBinRules){
    .quantum = kml_rng_below (rng, 2) == 0 ? 1 : 8,
    .hold = kml_rng_below (rng, 3) * 150,
    .max_size = 300 + kml_rng_below (rng, 2000),
    .with_tails = kml_rng_below (rng, 2) == 0,
    .slabs = { .page_size = PAGE, .n_cpus = 1, .max_order = kml_rng_below (rng, 4) },
  };
  if (kml_rng_below (rng, 3) == 0) {
    self->prefix[0] = 8 * (1 + kml_rng_below (rng, 6));
    self->prefix[1] = self->prefix[0] + 8 * (1 + kml_rng_below (rng, 6));
    self->rules.prefix = (KmlBins){ 2, self->prefix };
  }
}

static double
measure (const Case *self, const KmlBins *bins)
{
  KmlBinUsage usage;
  double waste;

  kml_bin_usage (bins, self->counts, self->n_counts, &self->rules.slabs, &usage);
  waste = self->rules.with_tails ? kml_bin_usage_with_tails (&usage)
                                 : kml_bin_usage_internal (&usage);
  kml_bin_usage_clear (&usage);
  return waste;
}

/* The sizes that may become bins: rounded, above the prefix, up to max_size. Returns how many. */
static guint
candidates (const Case *self, guint64 *ret_sizes)
{
  guint n = 0;

  for (guint i = 0; i < self->n_counts; i++) {
    const guint64 size = self->counts[i].size, quantum = self->rules.quantum;
    const guint64 rounded = (size + quantum - 1) / quantum * quantum;

    if (rounded > self->rules.max_size ||
        kml_bins_find (&self->rules.prefix, size) < self->rules.prefix.n)
      continue;
    if (n == 0 || ret_sizes[n - 1] != rounded)
      ret_sizes[n++] = rounded;
  }
  return n;
}

/* Whether @bins hold what they have to. */
static gboolean
holds (const Case *self, const KmlBins *bins)
{
  const guint64 largest = bins->n > 0 ? bins->sizes[bins->n - 1] : 0;

  for (guint i = 0; i < self->n_counts; i++) {
    const guint64 quantum = self->rules.quantum;
    const guint64 rounded = (self->counts[i].size + quantum - 1) / quantum * quantum;

    if (rounded <= self->rules.hold && rounded <= self->rules.max_size && rounded > largest &&
        kml_bins_find (&self->rules.prefix, self->counts[i].size) >= self->rules.prefix.n)
      return FALSE;
  }
  return TRUE;
}

/* The least waste of all sets of @k bins besides the prefix; not a number: there is none. */
static double
brute_force (const Case *self, const guint64 *sizes, guint n, guint k)
{
  double least = NAN;

  for (guint set = 0; set < 1u << n; set++) {
    guint64 members[MAX_SIZES + 2];
    KmlBins bins = { 0, members };

    if ((guint)__builtin_popcount (set) != k)
      continue;
    for (guint i = 0; i < self->rules.prefix.n; i++)
      members[bins.n++] = self->rules.prefix.sizes[i];
    for (guint i = 0; i < n; i++)
      if (set >> i & 1)
        members[bins.n++] = sizes[i];
    if (holds (self, &bins))
      least = fmin (least, measure (self, &bins));
  }
  return least;
}

START_TEST (no_set_of_as_many_bins_wastes_less)
{
  KmlRng rng;
  guint n_compared = 0;

  kml_rng_init (&rng, 1, "bin-design");
  for (guint round = 0; round < 2000; round++) {
    guint64 sizes[MAX_SIZES];
    double curve[MAX_SIZES + 3];
    guint n, min;
    Case one;

    random_case (&rng, &one);
    {
      g_autoptr (KmlBinDesign) design = kml_bin_design_new (one.counts, one.n_counts, &one.rules);

      n = candidates (&one, sizes);
      min = kml_bin_design_min_bins (design);
      ck_assert_uint_eq (kml_bin_design_max_bins (design), one.rules.prefix.n + n);
      if (min > 0)
        kml_bin_design_curve (design, one.rules.prefix.n + n, curve);
      for (guint k = min; k <= one.rules.prefix.n + n && k > 0; k++) {
        const double least = brute_force (&one, sizes, n, k - one.rules.prefix.n);
        /* prices with tails are rounded up by 2^-16 bytes at most */
        const double tolerance = one.rules.with_tails ? 1e-5 : 1e-12;
        KmlBins bins;

        kml_bin_design_bins (design, k, &bins);
        ck_assert_uint_eq (bins.n, k);
        ck_assert (holds (&one, &bins));
        ck_assert_double_eq_tol (measure (&one, &bins), least, tolerance);
        ck_assert_double_eq_tol (curve[k - min], least, tolerance);
        kml_bins_clear (&bins);
        n_compared++;
      }
    }
  }
  ck_assert_uint_gt (n_compared, 5000);
}
END_TEST

/* What designs with tails stand on. */
START_TEST (a_larger_object_never_has_a_smaller_share_of_its_slab)
{
  for (guint n_cpus = 1; n_cpus <= 256; n_cpus *= 4)
    for (guint max_order = 0; max_order <= 5; max_order++)
      for (guint min_objects = 0; min_objects <= 48; min_objects += 16) {
        const KmlSlabRule rule = { 4096, n_cpus, max_order / 2, max_order, min_objects };
        double previous = 0;

        for (guint64 size = 4; size <= 9000; size++) {
          const guint order = kml_slab_order (&rule, size);
          const double share = (double)(4096u << order) /
                               (double)kml_slab_objects (&rule, order, size);

          ck_assert_msg (share >= previous, "%u CPUs, order %u, %u objects: %" G_GUINT64_FORMAT,
                         n_cpus, max_order, min_objects, size);
          previous = share;
        }
      }
}
END_TEST

START_TEST (the_knee_is_furthest_below_the_chord)
{
  static const double flat[] = { 0.5, 0.4, 0.3, 0.2, 0.1 };
  static const double corner[] = { 1.0, 0.5, 0.1, 0.08, 0.06, 0.04 };
  static const double one[] = { 0.3 };
  double hyperbola[100];

  ck_assert_uint_eq (kml_bin_design_knee (flat, 5), 0);
  ck_assert_uint_eq (kml_bin_design_knee (corner, 6), 2);
  ck_assert_uint_eq (kml_bin_design_knee (one, 1), 0);
  for (guint i = 0; i < 100; i++)
    hyperbola[i] = 1.0 / (i + 1);
  /* where the slope is the chord's: sqrt (100) */
  ck_assert_uint_eq (kml_bin_design_knee (hyperbola, 100), 9);
}
END_TEST

START_TEST (a_usage_adds_up)
{
  static const KmlSizeCount counts[] = { { 10, 4 }, { 16, 1 }, { 100, 2 }, { 5000, 3 } };
  static const KmlSlabRule slabs = { 4096, 1, 0, 0, 1 };
  guint64 sizes[] = { 16, 104 };
  const KmlBins bins = { 2, sizes };
  const KmlBinUse *page_level;
  KmlBinUsage usage;

  kml_bin_usage (&bins, counts, G_N_ELEMENTS (counts), &slabs, &usage);
  ck_assert_double_eq (usage.weight, 10);
  ck_assert_double_eq (usage.asked, 40 + 16 + 200 + 15000);
  ck_assert_double_eq (usage.given, 5 * 16 + 2 * 104 + 3 * 8192);
  ck_assert_double_eq (usage.page_level, 3);
  ck_assert_double_eq_tol (usage.tails, 2 * (4096.0 - 39 * 104) / 39, 1e-9);
  ck_assert_uint_eq (usage.uses->len, 3);
  page_level = &g_array_index (usage.uses, KmlBinUse, 2);
  ck_assert_uint_eq (page_level->size, 0);
  ck_assert_double_eq (page_level->given, 3 * 8192);
  ck_assert_double_eq_tol (kml_bin_usage_internal (&usage), 1 - 15256.0 / 24864, 1e-12);
  kml_bin_usage_clear (&usage);
}
END_TEST

/* Claim A07: the columns "fixed" and "inc" of tcmalloc's tables, every row, to the last digit printed. */
START_TEST (a07_the_columns_of_tcmallocs_tables_are_reproduced)
{
  g_autofree char *path = g_build_filename (g_getenv ("KML_SOURCE_ROOT"),
                                            "tests/data/tcmalloc-size-classes.tsv", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint64 previous = 0, previous_page = 0;
  guint n_rows = 0;

  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    guint64 metadata, page, size, pages, objects;
    char fixed[16], increment[16], expected_fixed[16], expected_increment[16];

    if (sscanf (*line,
                "%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT
                "\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT "\t%15s\t%15s",
                &metadata, &page, &size, &pages, &objects, expected_fixed, expected_increment) != 7)
      continue;
    if (size < previous || page != previous_page)
      previous = 0;
    g_snprintf (fixed, sizeof fixed, "%.2f",
                100 * kml_bin_fixed_waste (pages * page, size, metadata));
    g_snprintf (increment, sizeof increment, "%.2f", 100 * kml_bin_increment (size, previous));
    ck_assert_uint_eq (pages * page / size, objects);
    ck_assert_str_eq (fixed, expected_fixed);
    ck_assert_str_eq (increment, expected_increment);
    previous = size;
    previous_page = page;
    n_rows++;
  }
  ck_assert_uint_eq (n_rows, 213);
}
END_TEST

/* ---- Studies ---- */

static GArray *
make_counts (guint64 first, guint64 step, guint n)
{
  GArray *counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));

  for (guint i = 0; i < n; i++) {
    const KmlSizeCount count = { first + i * step, 1 + i % 3 };

    g_array_append_val (counts, count);
  }
  return counts;
}

static const KmlBinRules plain_rules = {
  .quantum = 8,
  .hold = 8192,
  .max_size = 1 << 20,
  .slabs = { 4096, 1, 0, 3, 0 },
};

static void
expect_refusal (GArray *counts, const KmlBinRules *rules, guint max_bins, guint n_bins,
                const char *fragment)
{
  g_autoptr (KmlBinStudy) study = kml_bin_study_new (counts, rules);
  g_autoptr (GError) error = NULL;

  ck_assert (!kml_bin_study_design (study, max_bins, &error) ||
             !kml_bin_study_choose (study, n_bins, &error));
  assert_error (error, KML_ERROR_INPUT, fragment);
}

START_TEST (what_cannot_be_designed_is_refused)
{
  KmlBinRules small = plain_rules, prefix = plain_rules;
  guint64 given[] = { 8, 16, 24 };

  small.max_size = 16;
  prefix.prefix = (KmlBins){ 3, given };
  expect_refusal (make_counts (1, 1, 0), &plain_rules, 8, 1, "there are none");
  expect_refusal (make_counts (24, 8, 4), &small, 8, 1, "more than 16 B: no bin can hold it");
  expect_refusal (make_counts (24, 8, 4), &plain_rules, 8, 5, "from 1 to 4");
  expect_refusal (make_counts (24, 8, 4), &plain_rules, 8, 0, "from 1 to 4");
  expect_refusal (make_counts (24, 8, 4), &prefix, 2, 4, "at least 4 bins, not 2");
  expect_refusal (make_counts (24, 8, 4), &prefix, 8, 3, "from 4 to 6");
}
END_TEST

START_TEST (a_study_compares_the_chosen_set_with_others)
{
  g_autoptr (KmlBinStudy) study = kml_bin_study_new (make_counts (24, 8, 20), &plain_rules);
  g_autoptr (GError) error = NULL;
  const KmlBinStudySet *chosen, *linux_set;
  KmlBins bins;

  ck_assert (kml_bin_study_design (study, 64, &error));
  ck_assert_uint_eq (study->curve->len, 20);
  ck_assert_double_eq (g_array_index (study->curve, double, 19), 0);
  ck_assert (kml_bin_study_choose (study, 6, &error));
  ck_assert (kml_bins_parse ("linux", 8, NULL, 0, &bins, NULL));
  kml_bin_study_compare (study, "linux", "a kernel", &bins);
  kml_bins_clear (&bins);
  chosen = kml_bin_study_chosen (study);
  linux_set = g_ptr_array_index (study->sets, 1);
  ck_assert_str_eq (chosen->name, "optimal");
  ck_assert_uint_eq (chosen->bins.n, 6);
  ck_assert_double_eq_tol (kml_bin_usage_internal (&chosen->usage), chosen->optimum, 1e-12);
  ck_assert_double_lt (linux_set->optimum, kml_bin_usage_internal (&linux_set->usage));
  ck_assert (isnan (linux_set->simulation.mean));
}
END_TEST

/* Requests of the first half have sizes that the second half has not. */
START_TEST (validation_measures_where_it_was_not_designed)
{
  g_autoptr (KmlBinStudy) study = kml_bin_study_new (make_counts (24, 8, 20), &plain_rules);
  g_autoptr (GArray) low = make_counts (24, 8, 6), high = make_counts (80, 16, 6);
  g_autoptr (GArray) nothing = make_counts (1, 1, 0);
  const KmlBinValidation *same, *other;

  ck_assert (kml_bin_study_design (study, 64, NULL));
  ck_assert (kml_bin_study_choose (study, 3, NULL));
  kml_bin_study_validate (study, "halves", 1, low, low);
  kml_bin_study_validate (study, "halves", 2, high, low);
  kml_bin_study_validate (study, "halves", 3, nothing, low);
  ck_assert_uint_eq (study->validations->len, 2);
  same = &g_array_index (study->validations, KmlBinValidation, 0);
  other = &g_array_index (study->validations, KmlBinValidation, 1);
  ck_assert_double_eq (same->measured, same->best);
  ck_assert_double_eq (same->measured, same->trained);
  ck_assert_double_eq (other->best, same->best);
  ck_assert_double_gt (other->measured, other->best);
}
END_TEST

/* Nobody asked for more than 100 bytes in training: larger sizes have no bin, though up to 8192 they must, and lose nothing by it. */
START_TEST (a_gap_is_to_the_best_set_that_holds_as_much)
{
  static const KmlSizeCount there[] = { { 24, 100 }, { 100, 100 }, { 4096, 50 }, { 8192, 50 } };
  g_autoptr (KmlBinStudy) study = kml_bin_study_new (make_counts (24, 8, 20), &plain_rules);
  g_autoptr (GArray) small = make_counts (24, 76, 2);
  g_autoptr (GArray) test = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  const KmlBinValidation *validation;

  g_array_append_vals (test, there, G_N_ELEMENTS (there));
  study->rules.hold = 8192;
  ck_assert (kml_bin_study_design (study, 64, NULL));
  ck_assert (kml_bin_study_choose (study, 2, NULL));
  kml_bin_study_validate (study, "halves", 1, small, test);
  validation = &g_array_index (study->validations, KmlBinValidation, 0);
  ck_assert_double_gt (validation->page_level, 0.3);
  ck_assert_double_eq (validation->measured, validation->best);
}
END_TEST

static GArray *
array_of (const Case *self)
{
  GArray *counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));

  return g_array_append_vals (counts, self->counts, self->n_counts);
}

START_TEST (no_design_beats_foresight)
{
  KmlRng rng;

  kml_rng_init (&rng, 7, "gaps");
  for (guint round = 0; round < 300; round++) {
    g_autoptr (KmlBinStudy) study = NULL;
    g_autoptr (GArray) train = NULL, test = NULL;
    Case here, there;

    random_case (&rng, &here);
    random_case (&rng, &there);
    train = array_of (&here);
    test = array_of (&there);
    study = kml_bin_study_new (array_of (&here), &here.rules);
    if (!kml_bin_study_design (study, 64, NULL) ||
        !kml_bin_study_choose (
            study, study->min_bins + (guint)kml_rng_below (&rng, study->curve->len), NULL))
      continue; /* no bin holds anything */
    kml_bin_study_validate (study, "folds", 1, train, test);
    for (guint i = 0; i < study->validations->len; i++) {
      const KmlBinValidation *validation = &g_array_index (study->validations, KmlBinValidation, i);

      ck_assert_double_ge (validation->measured - validation->best, -1e-5);
    }
  }
}
END_TEST

/* ---- In the database ---- */

static double
ask (KmlDatabase *database, const char *sql)
{
  sqlite3_stmt *statement;
  double value;

  ck_assert_int_eq (sqlite3_prepare_v2 (kml_database_handle (database), sql, -1, &statement, NULL),
                    SQLITE_OK);
  ck_assert_int_eq (sqlite3_step (statement), SQLITE_ROW);
  value = sqlite3_column_double (statement, 0);
  sqlite3_finalize (statement);
  return value;
}

START_TEST (a_stored_study_says_what_it_said)
{
  g_autofree char *folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "bins.db", NULL);
  g_autoptr (KmlBinStudy) study = kml_bin_study_new (make_counts (24, 8, 20), &plain_rules);
  g_autoptr (GArray) half = make_counts (24, 8, 6);
  g_autoptr (GError) error = NULL;
  KmlDatabase *database = kml_database_open_for_writing (path, &error);
  guint64 id = 0;

  assert_no_error (error);
  ck_assert (kml_bin_study_design (study, 64, NULL));
  ck_assert (kml_bin_study_choose (study, 5, NULL));
  kml_bin_study_validate (study, "folds", 1, half, half);
  for (guint i = 1; i <= 2; i++) {
    ck_assert (kml_bin_study_store (study, database, &id, &error));
    ck_assert_uint_eq (id, i);
  }
  ck_assert (kml_database_finish (database, &error));
  database = kml_database_open (path, &error);
  assert_no_error (error);
  ck_assert_double_eq (ask (database, "SELECT count (*) FROM bin_studies"), 2);
  ck_assert_double_eq (
      ask (database, "SELECT sum (size * weight) FROM bin_sizes WHERE study_id = 2"),
      kml_bin_study_chosen (study)->usage.asked);
  ck_assert_double_eq (
      ask (database, "SELECT waste FROM bin_curve WHERE study_id = 1 AND bins = 5"),
      g_array_index (study->curve, double, 4));
  ck_assert_double_eq (
      ask (database, "SELECT sum (given_bytes) FROM bin_classes WHERE study_id = 1"),
      kml_bin_study_chosen (study)->usage.given);
  ck_assert_double_eq (
      ask (database, "SELECT count (*) FROM bin_validations WHERE measured = best"), 2);
  ck_assert_double_eq (ask (database, "SELECT count (*) FROM v_bin_sets WHERE bins = 5"), 2);
  kml_database_close (database);
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bin-design");
  TCase *design = tcase_create ("design");
  TCase *study = tcase_create ("study");

  tcase_set_timeout (design, 120);
  tcase_add_test (design, no_set_of_as_many_bins_wastes_less);
  tcase_add_test (design, a_larger_object_never_has_a_smaller_share_of_its_slab);
  tcase_add_test (design, the_knee_is_furthest_below_the_chord);
  tcase_add_test (design, a_usage_adds_up);
  tcase_add_test (design, a07_the_columns_of_tcmallocs_tables_are_reproduced);
  suite_add_tcase (suite, design);

  tcase_add_test (study, what_cannot_be_designed_is_refused);
  tcase_add_test (study, a_study_compares_the_chosen_set_with_others);
  tcase_add_test (study, validation_measures_where_it_was_not_designed);
  tcase_add_test (study, a_gap_is_to_the_best_set_that_holds_as_much);
  tcase_add_test (study, no_design_beats_foresight);
  tcase_add_test (study, a_stored_study_says_what_it_said);
  suite_add_tcase (suite, study);
  return run_suite (suite);
}
