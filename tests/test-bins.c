/* test-bins.c: sets of bin sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Internal fragmentation of the given laws is computed in closed form, request by request, without drawing anything. The optimal sets are
 * in test-bins-optimal.c.
 */

#include "simcore/objects/bin-set.h"
#include "simcore/base/rng.h"
#include "simcore/objects/slab-order.h"
#include "tests/testutils.h"

#include <math.h>
#include <string.h>

static void
parse (const char *text, guint64 quantum, KmlBins *ret_bins)
{
  g_autoptr (GError) error = NULL;

  if (!kml_bins_parse (text, quantum, NULL, 0, ret_bins, &error))
    ck_abort_msg ("%s: %s", text, error->message);
}

static void
assert_set (const char *text, guint64 quantum, const char *expected)
{
  KmlBins bins;
  g_autofree char *written = NULL;

  parse (text, quantum, &bins);
  written = kml_bins_format (&bins);
  ck_assert_str_eq (written, expected);
  kml_bins_clear (&bins);
  ck_assert_ptr_null (bins.sizes);
}

START_TEST (named_sets_are_what_their_names_say)
{
  assert_set ("pow2", 8,
              "8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288,"
              "1048576");
  assert_set ("linux", 8, "8,16,32,64,96,128,192,256,512,1024,2048,4096,8192");
  assert_set ("geometric:1", 8,
              "8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288,"
              "1048576");
}
END_TEST

START_TEST (geometric_sets_collapse_where_the_step_is_below_the_quantum)
{
  g_autofree char *fine = NULL;
  g_autofree char *coarse = NULL;
  KmlBins bins;

  parse ("geometric:4", 1, &bins);
  fine = kml_bins_format (&bins);
  ck_assert (g_str_has_prefix (fine, "8,10,12,14,16,20,24,28,32,40,48,56,64,80,"));
  ck_assert_uint_eq (bins.n, 17 * 4 + 1);
  ck_assert_uint_eq (bins.sizes[bins.n - 1], 1 << 20);
  kml_bins_clear (&bins);

  parse ("geometric:4", 8, &bins);
  coarse = kml_bins_format (&bins);
  ck_assert (g_str_has_prefix (coarse, "8,16,24,32,40,48,56,64,80,96,112,128,160,"));
  kml_bins_clear (&bins);
}
END_TEST

START_TEST (a_step_that_is_no_whole_number_is_rounded_up)
{
  KmlBins bins;

  parse ("geometric:3", 1, &bins);
  ck_assert_uint_eq (bins.sizes[1], 11); /* 8 + 8/3 = 10.67 */
  ck_assert_uint_eq (bins.sizes[2], 14); /* 8 + 16/3 = 13.33 */
  ck_assert_uint_eq (bins.sizes[3], 16);
  kml_bins_clear (&bins);
}
END_TEST

START_TEST (lists_are_sorted_rounded_and_distinct)
{
  assert_set ("8,24,40,64", 8, "8,24,40,64");
  assert_set ("64, 8 , 40,24,64", 8, "8,24,40,64");
  assert_set ("1,2,9,17", 8, "8,16,24");
  assert_set ("1KiB,18B", 1, "18,1024");
  assert_set ("18", 16, "32");
}
END_TEST

START_TEST (what_is_not_a_set_is_refused)
{
  static const struct {
    const char *text, *fragment;
  } cases[] = {
    { "", "expected pow2, geometric:M, optimal:K, a set with a name (jemalloc, linux, " },
    { "pow3", "not “pow3”; did you mean “pow2”?" },
    { "fibonacci", "not “fibonacci”" },
    { "geometric", "did you mean “geometric:”?" },
    { "geometric:", "expected a number of steps per doubling from 1 to 240, not “”" },
    { "geometric:0", "from 1 to 240, not “0”" },
    { "geometric:241", "from 1 to 240, not “241”" },
    { "geometric:1e30", "from 1 to 240" },
    { "optimal:0", "expected a number of bins from 1 to 4096, not “0”" },
    { "optimal:4097", "from 1 to 4096" },
    { "optimal:-1", "from 1 to 4096" },
    { "8,24,", "in a list of bins: expected a size such as 64KiB, not “”" },
    { ",8", "in a list of bins" },
    { "8,,24", "in a list of bins" },
    { "8;24", "not “8;24”" },
    { "8,-24", "not “-24”" },
    { "0,8", "expected a bin from 1 byte to 1TiB, not “0”" },
    { "8,2TiB", "expected a bin from 1 byte to 1TiB, not “2TiB”" },
    { "8,1000000000000000000000000000000", "in a list of bins" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) parse_error = NULL;
    KmlBins bins;

    ck_assert_msg (!kml_bins_validate (cases[i].text, &error), "“%s” was taken", cases[i].text);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
    ck_assert (!kml_bins_parse (cases[i].text, 8, NULL, 0, &bins, &parse_error));
    ck_assert_str_eq (error->message, parse_error->message);
  }
}
END_TEST

START_TEST (too_many_bins_are_refused)
{
  g_autoptr (GString) text = g_string_new ("8");
  g_autoptr (GError) error = NULL;

  for (guint i = 1; i < KML_MAX_BINS; i++)
    g_string_append (text, ",8");
  ck_assert (kml_bins_validate (text->str, NULL));
  g_string_append (text, ",8");
  ck_assert (!kml_bins_validate (text->str, &error));
  assert_error (error, KML_ERROR_INPUT, "expected at most 4096 bins");
  ck_assert_uint_lt (strlen (error->message), 200);
}
END_TEST

START_TEST (the_largest_geometric_set_fits)
{
  KmlBins bins;

  parse ("geometric:240", 1, &bins);
  ck_assert_uint_le (bins.n, KML_MAX_BINS);
  kml_bins_clear (&bins);
}
END_TEST

START_TEST (optimal_sets_need_the_sizes_of_a_workload)
{
  static const KmlSizeCount none[] = { { 100, 0 } };
  g_autoptr (GError) error = NULL;
  KmlBins bins;

  ck_assert (kml_bins_needs_sizes ("optimal:8"));
  ck_assert (!kml_bins_needs_sizes ("pow2"));
  ck_assert (kml_bins_validate ("optimal:8", NULL));
  ck_assert (!kml_bins_parse ("optimal:8", 8, NULL, 0, &bins, &error));
  assert_error (error, KML_ERROR_INPUT, "expected a workload that asks for objects");
  ck_assert (!kml_bins_parse ("optimal:8", 8, none, 1, &bins, NULL));
}
END_TEST

/* Two sizes are one when they are rounded up. */
START_TEST (more_optimal_bins_than_sizes_are_refused)
{
  static const KmlSizeCount counts[] = { { 8, 5 }, { 18, 1 }, { 20, 1 }, { 100, 2 } };
  g_autoptr (GError) error = NULL;
  KmlBins bins;

  ck_assert (kml_bins_parse ("optimal:3", 8, counts, 4, &bins, NULL));
  ck_assert_uint_eq (bins.n, 3);
  ck_assert_uint_eq (bins.sizes[2], 104); /* every request fits one */
  kml_bins_clear (&bins);
  ck_assert (!kml_bins_parse ("optimal:4", 8, counts, 4, &bins, &error));
  assert_error (error, KML_ERROR_INPUT,
                "expected optimal:1 to optimal:3, which is how many different sizes there are "
                "(as multiples of 8), not optimal:4");
}
END_TEST

START_TEST (bisection_agrees_with_a_scan)
{
  KmlBins bins;

  parse ("geometric:5", 8, &bins);
  for (guint64 size = 0; size <= (1 << 20) + 2; size += 1 + size / 57) {
    guint expected = 0;

    while (expected < bins.n && bins.sizes[expected] < size)
      expected++;
    ck_assert_uint_eq (kml_bins_find (&bins, size), expected);
  }
  for (guint i = 0; i < bins.n; i++) {
    ck_assert_uint_eq (kml_bins_find (&bins, bins.sizes[i]), i);
    ck_assert_uint_eq (kml_bins_find (&bins, bins.sizes[i] + 1), i + 1);
  }
  ck_assert_uint_eq (kml_bins_find (&bins, G_MAXUINT64), bins.n);
  kml_bins_clear (&bins);
}
END_TEST

/* ---- Sets with a name ---- */

START_TEST (every_set_with_a_name_can_be_used_by_it)
{
  const char *const *names = kml_bin_set_names ();
  guint n = 0;

  for (; names[n] != NULL; n++) {
    const KmlBinSet *set = kml_bin_set_find (names[n]);
    g_autofree char *written = kml_bins_format (&set->bins);

    ck_assert_str_eq (set->name, names[n]);
    ck_assert_uint_gt (strlen (set->title), 10);
    ck_assert_uint_gt (strlen (set->source), 20);
    if (n > 0)
      ck_assert_str_lt (names[n - 1], names[n]);
    assert_set (names[n], 1, written);
    for (guint i = 0; i < set->bins.n; i++)
      ck_assert (set->spans[i] == 0 || set->spans[i] >= set->bins.sizes[i]);
  }
  ck_assert_uint_ge (n, 5);
  ck_assert_ptr_null (kml_bin_set_find ("no such set"));
}
END_TEST

/* From @from to @to, the classes of @set are those of geometric:4. */
static void
assert_four_a_doubling (const KmlBinSet *set, guint64 from, guint64 to)
{
  KmlBins bins;

  parse ("geometric:4", 16, &bins);
  for (guint i = 0, j = 0; i < bins.n && bins.sizes[i] <= to; i++) {
    if (bins.sizes[i] < from)
      continue;
    while (set->bins.sizes[j] < bins.sizes[i])
      j++;
    ck_assert_uint_eq (set->bins.sizes[j], bins.sizes[i]);
    ck_assert (i == 0 || bins.sizes[i - 1] < from || set->bins.sizes[j - 1] == bins.sizes[i - 1]);
  }
  kml_bins_clear (&bins);
}

START_TEST (classes_of_allocators_follow_their_documented_rules)
{
  assert_four_a_doubling (kml_bin_set_find ("jemalloc"), 64, 1 << 20);
  assert_four_a_doubling (kml_bin_set_find ("mimalloc"), 64, 128 << 10);
  ck_assert_uint_eq (kml_bin_set_find ("jemalloc")->bins.n, 36 + 25); /* small, and to 1 MiB */
  ck_assert_uint_eq (kml_bin_set_find ("tcmalloc")->bins.n, 81);
  assert_set ("linux-slab", 8,
              "32,64,96,128,192,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,"
              "524288,1048576,2097152,4194304");
}
END_TEST

START_TEST (a_file_of_bins_has_sizes_and_may_have_spans)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *written = NULL;
  KmlBinSet set;

  ck_assert (kml_bin_set_parse ("sets/mine.bins",
                                "# for the web server\n title = Mine \nmetadata = 48\n\n8\n"
                                "24 4KiB\n\t40\t4096  \n",
                                &set, &error));
  ck_assert_str_eq (set.name, "mine");
  ck_assert_str_eq (set.title, "Mine");
  ck_assert_str_eq (set.source, "sets/mine.bins");
  ck_assert_uint_eq (set.metadata, 48);
  written = kml_bins_format (&set.bins);
  ck_assert_str_eq (written, "8,24,40");
  ck_assert_uint_eq (set.spans[0], 0);
  ck_assert_uint_eq (set.spans[1], 4096);
  ck_assert_uint_eq (set.spans[2], 4096);
  kml_bin_set_clear (&set);
}
END_TEST

START_TEST (a_file_that_is_no_set_is_refused_with_its_line)
{
  static const struct {
    const char *text, *fragment;
  } cases[] = {
    { "", "x.bins: there is no size in it" },
    { "title = a\n", "x.bins: there is no size in it" },
    { "8\n\nten\n", "x.bins:3: expected a size such as 64KiB, not “ten”" },
    { "8\n8\n", "x.bins:2: sizes ascend: expected one above 8, not 8" },
    { "0\n", "x.bins:1: expected a size from 1 byte to 1 TiB, not “0”" },
    { "8 4\n", "x.bins:1: an object of 8 does not fit a span of 4" },
    { "8 9 10\n", "x.bins:1: expected a size such as 64KiB, not “9 10”" },
    { "titel = a\n8\n", "x.bins:1: expected title, source or metadata, not “titel”; did you mean "
                        "“title”?" },
    { "title = a\ntitle = b\n8\n", "x.bins:2: “title” is said twice" },
    { "metadata = 1\nmetadata = 1\n8\n", "x.bins:2: “metadata” is said twice" },
    { "title =\n8\n", "x.bins:1: “title” says nothing" },
    { "8\ntitle = a\n", "x.bins:2: expected a size: “title” stands before the first one" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    KmlBinSet set;

    ck_assert_msg (!kml_bin_set_parse ("x.bins", cases[i].text, &set, &error), "“%s” was taken",
                   cases[i].text);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
}
END_TEST

START_TEST (a_file_is_a_set_that_only_a_scenario_can_read)
{
  g_autoptr (GError) error = NULL;
  KmlBins bins;

  ck_assert (kml_bins_is_file ("sets/mine.bins"));
  ck_assert (!kml_bins_is_file (".bins"));
  ck_assert (!kml_bins_is_file ("linux"));
  ck_assert_ptr_null (kml_bins_file ("linux"));
  ck_assert (kml_bins_validate ("sets/mine.bins", NULL));
  ck_assert (!kml_bins_parse ("sets/mine.bins", 8, NULL, 0, &bins, &error));
  assert_error (error, KML_ERROR_INPUT, "only scenarios know where files are");
}
END_TEST

/* ---- The order of slabs ---- */

/* Claim A08: the examples in the comments of Linux's mm/slub.c and its discussions. */
START_TEST (slabs_have_the_order_that_slub_chooses)
{
  KmlSlabRule rule = { .page_size = 4096, .n_cpus = 4, .max_order = 3 };
  static const struct {
    guint objects, left;
  } leftovers[] = { { 18, 208 }, { 37, 200 }, { 75, 184 }, { 151, 152 }, { 303, 88 } };

  ck_assert_uint_eq (kml_slab_order (&rule, 832), 2);
  ck_assert_uint_eq (kml_slab_objects (&rule, 2, 832), 19);
  ck_assert_uint_eq ((4096 << 2) - 19 * 832, 576);
  for (guint order = 0; order < G_N_ELEMENTS (leftovers); order++) {
    const guint64 n_objects = kml_slab_objects (&rule, order, 216);

    ck_assert_uint_eq (n_objects, leftovers[order].objects);
    ck_assert_uint_eq ((4096u << order) - n_objects * 216, leftovers[order].left);
  }
}
END_TEST

/* /sys/kernel/slab of a running Linux 6.1 (Debian 12, x86-64, 4 CPUs): slab_size, order and objs_per_slab of all its caches. */
START_TEST (slabs_are_those_of_a_running_kernel)
{
  const KmlSlabRule rule = { .page_size = 4096, .n_cpus = 4, .max_order = 3 };
  static const struct {
    guint size, order, objects;
  } caches[] = {
    { 8, 0, 512 },   { 16, 0, 256 },  { 24, 0, 170 },  { 32, 0, 128 },  { 40, 0, 102 },
    { 48, 0, 85 },   { 56, 0, 73 },   { 64, 0, 64 },   { 72, 0, 56 },   { 80, 0, 51 },
    { 88, 0, 46 },   { 96, 0, 42 },   { 104, 0, 39 },  { 112, 0, 36 },  { 120, 0, 34 },
    { 128, 0, 32 },  { 136, 0, 30 },  { 152, 0, 26 },  { 184, 0, 22 },  { 192, 0, 21 },
    { 200, 0, 20 },  { 216, 0, 18 },  { 256, 0, 16 },  { 272, 1, 30 },  { 312, 1, 26 },
    { 320, 1, 25 },  { 384, 1, 21 },  { 416, 1, 19 },  { 432, 1, 18 },  { 512, 1, 16 },
    { 576, 2, 28 },  { 584, 2, 28 },  { 624, 2, 26 },  { 640, 2, 25 },  { 664, 2, 24 },
    { 704, 2, 23 },  { 712, 2, 23 },  { 768, 2, 21 },  { 784, 2, 20 },  { 832, 2, 19 },
    { 960, 2, 17 },  { 968, 2, 16 },  { 1024, 2, 16 }, { 1088, 3, 30 }, { 1152, 3, 28 },
    { 1192, 3, 27 }, { 1216, 3, 26 }, { 1232, 3, 26 }, { 1344, 3, 24 }, { 1360, 3, 24 },
    { 1600, 3, 20 }, { 1984, 3, 16 }, { 2048, 3, 16 }, { 2112, 3, 15 }, { 2176, 3, 15 },
    { 2304, 3, 14 }, { 2496, 3, 13 }, { 2656, 3, 12 }, { 2888, 3, 11 }, { 3240, 3, 10 },
    { 4096, 3, 8 },  { 4480, 3, 7 },  { 7248, 3, 4 },  { 8192, 3, 4 },  { 8448, 3, 3 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (caches); i++) {
    ck_assert_uint_eq (kml_slab_order (&rule, caches[i].size), caches[i].order);
    ck_assert_uint_eq (kml_slab_objects (&rule, caches[i].order, caches[i].size),
                       caches[i].objects);
  }
}
END_TEST

/* ---- Internal fragmentation in closed form ---- */

/* Percent wasted by sizes 1 … 65536, with P(size) proportional to weight (size). */
static double
waste_percent (const char *set, guint64 quantum, double (*weight) (guint64 size))
{
  double asked = 0, given = 0;
  KmlBins bins;

  parse (set, quantum, &bins);
  for (guint64 size = 1; size <= 65536; size++) {
    asked += weight (size) * (double)size;
    given += weight (size) * (double)bins.sizes[kml_bins_find (&bins, size)];
  }
  kml_bins_clear (&bins);
  return 100 * (1 - asked / given);
}

static double
uniform_weight (guint64 size)
{
  (void)size;
  return 1;
}

static double
log_uniform_weight (guint64 size)
{
  return log1p (1 / (double)size);
}

START_TEST (waste_of_geometric_sets_is_what_theory_says)
{
  /* Sizes uniform on 1 … 2^k: 1 / (3m + 1). Log-uniform: 1 - E[size] / E[bin], where a class
   * from a to a (1 + 1/m') has the share of its logarithm; the numbers are those of the sums
   * in the limit of large k. The quantum of 8 costs no more than the tolerance. */
  static const struct {
    const char *set;
    double uniform, log_uniform;
  } cases[] = {
    { "geometric:1", 25.000, 27.865 }, { "geometric:2", 14.286, 15.509 },
    { "geometric:4", 7.692, 8.192 },   { "geometric:8", 4.000, 4.211 },
    { "geometric:32", 1.031, 1.075 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ck_assert_double_eq_tol (waste_percent (cases[i].set, 8, uniform_weight), cases[i].uniform,
                             0.05);
    ck_assert_double_eq_tol (waste_percent (cases[i].set, 8, log_uniform_weight),
                             cases[i].log_uniform, 0.05);
  }
}
END_TEST

START_TEST (eighteen_bytes_waste_less_in_a_fitting_set)
{
  KmlBins pow2, fitting;

  parse ("pow2", 8, &pow2);
  parse ("8,24,40,64", 8, &fitting);
  ck_assert_uint_eq (pow2.sizes[kml_bins_find (&pow2, 18)], 32);
  ck_assert_uint_eq (fitting.sizes[kml_bins_find (&fitting, 18)], 24);
  kml_bins_clear (&pow2);
  kml_bins_clear (&fitting);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bins");
  TCase *sets = tcase_create ("sets");
  TCase *named = tcase_create ("named");
  TCase *theory = tcase_create ("theory");

  tcase_add_test (sets, named_sets_are_what_their_names_say);
  tcase_add_test (sets, geometric_sets_collapse_where_the_step_is_below_the_quantum);
  tcase_add_test (sets, a_step_that_is_no_whole_number_is_rounded_up);
  tcase_add_test (sets, lists_are_sorted_rounded_and_distinct);
  tcase_add_test (sets, what_is_not_a_set_is_refused);
  tcase_add_test (sets, too_many_bins_are_refused);
  tcase_add_test (sets, the_largest_geometric_set_fits);
  tcase_add_test (sets, optimal_sets_need_the_sizes_of_a_workload);
  tcase_add_test (sets, more_optimal_bins_than_sizes_are_refused);
  tcase_add_test (sets, bisection_agrees_with_a_scan);
  suite_add_tcase (suite, sets);

  tcase_add_test (named, every_set_with_a_name_can_be_used_by_it);
  tcase_add_test (named, classes_of_allocators_follow_their_documented_rules);
  tcase_add_test (named, a_file_of_bins_has_sizes_and_may_have_spans);
  tcase_add_test (named, a_file_that_is_no_set_is_refused_with_its_line);
  tcase_add_test (named, a_file_is_a_set_that_only_a_scenario_can_read);
  tcase_add_test (named, slabs_have_the_order_that_slub_chooses);
  tcase_add_test (named, slabs_are_those_of_a_running_kernel);
  suite_add_tcase (suite, named);

  tcase_add_test (theory, waste_of_geometric_sets_is_what_theory_says);
  tcase_add_test (theory, eighteen_bytes_waste_less_in_a_fitting_set);
  suite_add_tcase (suite, theory);

  return run_suite (suite);
}
