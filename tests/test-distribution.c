/* test-distribution.c: the laws that synthetic workloads draw from.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Goal: the draws follow their laws, and are the same on every machine. Method:
 * fixed-point functions are compared with libm in long double; laws by their
 * moments and shares over many draws of one seed, with bounds of four standard deviations or
 * more; the bits by golden values, which any compiler at any optimisation must reproduce.
 */

#include "simcore/objects/bins.h"
#include "tests/testutils.h"
#include "simcore/distribution.h"
#include "simcore/base/fixed-point.h"
#include "simcore/base/law.h"

#include <math.h>
#include <string.h>

/* ---- Fixed point ---- */

START_TEST (logarithms_agree_with_libm)
{
  static const guint64 edges[] = {
    1,
    2,
    3,
    G_MAXUINT64,
    G_MAXUINT64 - 1,
    G_GUINT64_CONSTANT (1) << 63,
    /* √½, where the halves of the range meet */
    G_GUINT64_CONSTANT (0xb504f333f9de6483),
    G_GUINT64_CONSTANT (0xb504f333f9de6484),
  };
  KmlRng rng;

  kml_rng_init (&rng, 1, "logarithms");
  for (guint i = 0; i < 200000; i++) {
    const guint64 u = i < G_N_ELEMENTS (edges) ? edges[i] : kml_rng_next (&rng) >> (i % 64);
    const long double expected = u == 0 ? 0 : -logl (ldexpl ((long double)u, -64));
    const long double found = ldexpl ((long double)kml_fixed_minus_ln (u), -58);

    ck_assert_msg (fabsl (found - expected) < 0x1p-54L, "%" G_GUINT64_FORMAT ": %.18Lf, not %.18Lf",
                   u, found, expected);
  }
  ck_assert_uint_eq (kml_fixed_minus_ln (0), 0);
}
END_TEST

START_TEST (powers_agree_with_libm)
{
  KmlRng rng;

  kml_rng_init (&rng, 1, "powers");
  for (guint i = 0; i < 200000; i++) {
    const guint64 base = (kml_rng_next (&rng) >> (i % 64)) | 1;
    const gint64 exponent = (gint64)(kml_rng_next (&rng) >> (i % 3 == 0 ? 14 : 8)) *
                            (i % 2 == 0 ? 1 : -1);
    const long double expected = (long double)base * exp2l (ldexpl ((long double)exponent, -50));
    const long double found = (long double)kml_fixed_scale (base, exponent);

    if (expected >= 0x1p64L)
      ck_assert_uint_eq (kml_fixed_scale (base, exponent), G_MAXUINT64);
    else
      ck_assert_msg (fabsl (found - expected) <= 1 + expected * 0x1p-50L,
                     "%" G_GUINT64_FORMAT " * 2^%Lf: %.4Lf, not %.4Lf", base,
                     ldexpl ((long double)exponent, -50), found, expected);
  }
  ck_assert_uint_eq (kml_fixed_scale (1000, 0), 1000);
  ck_assert_uint_eq (kml_fixed_scale (1, (gint64)63 << 50), G_GUINT64_CONSTANT (1) << 63);
  ck_assert_uint_eq (kml_fixed_scale (1, (gint64)64 << 50), G_MAXUINT64);
  ck_assert_uint_eq (kml_fixed_scale (G_MAXUINT64, (gint64)-64 * ((gint64)1 << 50)), 0);
  ck_assert_uint_eq (kml_fixed_scale (G_MAXUINT64, (gint64)-63 * ((gint64)1 << 50)), 1);
}
END_TEST

START_TEST (ratios_agree_with_libm)
{
  static const guint64 pairs[][2] = {
    { 65537, 1 }, { 2, 1 }, { 7, 7 }, { 4294967296, 1 }, { 4294967296, 4294967295 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    ck_assert_double_eq_tol (ldexp ((double)kml_fixed_log2_ratio (pairs[i][0], pairs[i][1]), -50),
                             log2 ((double)pairs[i][0] / (double)pairs[i][1]), 0x1p-47);
}
END_TEST

START_TEST (normal_draws_are_normal)
{
  enum {
    N = 1000000
  };
  /* P (z < x) at x = -3, -2, -1, 0, 1, 2, 3 */
  static const double below[] = { 0.00134990, 0.02275013, 0.15865525, 0.5,
                                  0.84134475, 0.97724987, 0.99865010 };
  guint counts[G_N_ELEMENTS (below)] = { 0 };
  double sum = 0, squares = 0, cubes = 0, fourths = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "normal");
  for (guint i = 0; i < N; i++) {
    const double z = ldexp ((double)kml_fixed_normal (&rng), -57);

    sum += z;
    squares += z * z;
    cubes += z * z * z;
    fourths += z * z * z * z;
    for (guint k = 0; k < G_N_ELEMENTS (below); k++)
      counts[k] += z < (double)k - 3;
  }
  ck_assert_double_eq_tol (sum / N, 0, 0.004);
  ck_assert_double_eq_tol (squares / N, 1, 0.006);
  ck_assert_double_eq_tol (cubes / N, 0, 0.016);
  ck_assert_double_eq_tol (fourths / N, 3, 0.04);
  for (guint k = 0; k < G_N_ELEMENTS (below); k++)
    ck_assert_double_eq_tol ((double)counts[k] / N, below[k],
                             4 * sqrt (below[k] * (1 - below[k]) / N));
}
END_TEST

/* ---- Laws ---- */

static KmlDistribution
law (const char *text, KmlDraw what)
{
  g_autoptr (GError) error = NULL;
  KmlDistribution parsed;

  if (!kml_distribution_parse (text, what, &parsed, &error))
    ck_abort_msg ("%s: %s", text, error->message);
  return parsed;
}

/* The mean of @n draws, and how many standard deviations it may be off. */
static double
mean_of (const char *text, KmlDraw what, guint n)
{
  KmlDistribution self = law (text, what);
  double sum = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "mean");
  for (guint i = 0; i < n; i++)
    sum += (double)kml_distribution_draw (&self, &rng);
  kml_distribution_clear (&self);
  return sum / n;
}

START_TEST (means_are_what_the_laws_say)
{
  enum {
    N = 1000000
  };

  ck_assert_double_eq (mean_of ("fixed(18)", KML_DRAW_SIZES, 10), 18);
  ck_assert_double_eq (mean_of ("fixed(4KiB)", KML_DRAW_SIZES, 10), 4096);
  /* sd of the mean: (b - a) / √12 / √N = 18.9 */
  ck_assert_double_eq_tol (mean_of ("uniform(1,65536)", KML_DRAW_SIZES, N), 32768.5, 76);
  /* (b - a) / ln (b / a) - 1/2: 5909; sd 11 590 / √N */
  ck_assert_double_eq_tol (mean_of ("loguniform(1, 65536)", KML_DRAW_SIZES, N),
                           65536 / log (65537) - 0.5, 47);
  ck_assert_double_eq_tol (mean_of ("exponential(100)", KML_DRAW_SIZES, N), 100, 0.4);
  ck_assert_double_eq_tol (mean_of ("exponential(2)", KML_DRAW_SIZES, N), 2, 0.006);
  ck_assert_double_eq (mean_of ("exponential(1)", KML_DRAW_SIZES, 1000), 1);
  ck_assert_double_eq_tol (mean_of ("weighted(18:0.6, 64:0.4)", KML_DRAW_SIZES, N), 36.4, 0.1);
  ck_assert_double_eq_tol (mean_of ("weighted(0:0.9, 9:0.1)", KML_DRAW_ORDERS, N), 0.9, 0.011);
  ck_assert_double_eq_tol (mean_of ("exponential(1ms)", KML_DRAW_LIFETIMES, N), 1e9, 4e6);
  ck_assert_double_eq (mean_of ("fixed(2us)", KML_DRAW_LIFETIMES, 10), 2e6);
  /* median e^(σ²/2) */
  ck_assert_double_eq_tol (mean_of ("lognormal(1ms, 0.5)", KML_DRAW_LIFETIMES, N),
                           1e9 * exp (0.125), 2.5e6);
  ck_assert_double_eq (mean_of ("lognormal(1ms, 0)", KML_DRAW_LIFETIMES, 10), 1e9);
  ck_assert_double_eq_tol (mean_of ("uniform(1ms, 3ms)", KML_DRAW_SERVICES, N), 2e9, 8e6);
  ck_assert_double_eq_tol (mean_of ("weighted(1ms:1, 4ms:2)", KML_DRAW_SERVICES, N), 3e9, 18e6);
}
END_TEST

START_TEST (forever_is_the_end_of_time)
{
  KmlDistribution self = law ("forever", KML_DRAW_LIFETIMES);

  ck_assert_uint_eq (kml_distribution_draw (&self, NULL), KML_TIME_MAX);
}
END_TEST

START_TEST (half_of_the_lognormal_draws_are_below_the_median)
{
  enum {
    N = 100000
  };
  KmlDistribution self = law ("lognormal(1ms, 2.5)", KML_DRAW_LIFETIMES);
  guint n_below = 0, n_below_sigma = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "median");
  for (guint i = 0; i < N; i++) {
    const double draw = (double)kml_distribution_draw (&self, &rng);

    n_below += draw < 1e9;
    n_below_sigma += draw < 1e9 * exp (2.5);
  }
  ck_assert_double_eq_tol ((double)n_below / N, 0.5, 0.007);
  ck_assert_double_eq_tol ((double)n_below_sigma / N, 0.84134, 0.005);
}
END_TEST

START_TEST (both_ends_of_a_range_are_drawn_and_nothing_beyond)
{
  static const char *const texts[] = { "uniform(3, 6)", "loguniform(3, 6)" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    KmlDistribution self = law (texts[i], KML_DRAW_SIZES);
    guint counts[10] = { 0 };
    KmlRng rng;

    kml_rng_init (&rng, 1, "ends");
    for (guint n = 0; n < 100000; n++)
      counts[MIN (kml_distribution_draw (&self, &rng), 9)]++;
    ck_assert_uint_eq (counts[3] + counts[4] + counts[5] + counts[6], 100000);
    for (guint size = 3; size <= 6; size++) {
      const double share = i == 0 ? 0.25 : log ((size + 1.0) / size) / log (7.0 / 3);

      ck_assert_double_eq_tol (counts[size] / 1e5, share, 0.006);
    }
  }
  ck_assert_double_eq (mean_of ("loguniform(7,7)", KML_DRAW_SIZES, 100), 7);
  ck_assert_double_eq (mean_of ("uniform(7,7)", KML_DRAW_SIZES, 100), 7);
  ck_assert_double_gt (mean_of ("loguniform(1,4294967295)", KML_DRAW_SIZES, 1000), 1e7);
}
END_TEST

START_TEST (weights_are_shares)
{
  enum {
    N = 1000000
  };
  KmlDistribution self = law ("weighted(10:1, 20:2, 30:0, 40:3.5, 50:0.5, 20:1)", KML_DRAW_SIZES);
  static const double shares[] = { 0, 0.125, 0.375, 0, 0.4375, 0.0625 };
  guint counts[6] = { 0 };
  KmlRng rng;

  kml_rng_init (&rng, 1, "weights");
  for (guint n = 0; n < N; n++)
    counts[kml_distribution_draw (&self, &rng) / 10]++;
  for (guint i = 0; i < 6; i++)
    ck_assert_double_eq_tol ((double)counts[i] / N, shares[i], 0.002);
  ck_assert_uint_eq (counts[3], 0);
  kml_distribution_clear (&self);
}
END_TEST

START_TEST (counts_of_a_trace_are_shares_too)
{
  enum {
    N = 100000
  };
  static const KmlSizeCount counts[] = {
    { 8, G_MAXUINT64 }, { 16, 0 }, { 24, G_MAXUINT64 }, { G_GUINT64_CONSTANT (1) << 40, 5 }
  };
  static const KmlSizeCount nothing[] = { { 8, 0 }, { G_GUINT64_CONSTANT (1) << 40, 5 } };
  KmlDistribution self = law ("trace(a, b (c).txt)", KML_DRAW_SIZES);
  guint n_small = 0, n_large = 0;
  KmlRng rng;

  ck_assert_str_eq (self.path, "a, b (c).txt");
  ck_assert (!kml_distribution_set_counts (&self, nothing, G_N_ELEMENTS (nothing)));
  ck_assert (!kml_distribution_set_counts (&self, NULL, 0));
  ck_assert (kml_distribution_set_counts (&self, counts, G_N_ELEMENTS (counts)));
  kml_rng_init (&rng, 1, "counts");
  for (guint n = 0; n < N; n++) {
    const guint64 size = kml_distribution_draw (&self, &rng);

    n_small += size == 8;
    n_large += size == 24;
  }
  ck_assert_uint_eq (n_small + n_large, N);
  ck_assert_double_eq_tol ((double)n_small / N, 0.5, 0.007);
  kml_distribution_clear (&self);
}
END_TEST

/* 1 - E[asked] / E[given] for the closed forms of bins.h's theory; test-bins.c has them
 * without drawing. */
START_TEST (drawn_sizes_waste_what_theory_says)
{
  enum {
    N = 1000000
  };
  static const struct {
    const char *set;
    double uniform, log_uniform;
  } cases[] = {
    { "geometric:1", 25.000, 27.865 }, { "geometric:2", 14.286, 15.509 },
    { "geometric:4", 7.692, 8.192 },   { "geometric:8", 4.000, 4.211 },
    { "geometric:32", 1.031, 1.075 },
  };

  for (guint which = 0; which < 2; which++) {
    KmlDistribution self = law (which == 0 ? "uniform(1,65536)" : "loguniform(1,65536)",
                                KML_DRAW_SIZES);

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
      double asked = 0, given = 0;
      KmlBins bins;
      KmlRng rng;

      ck_assert (kml_bins_parse (cases[i].set, 8, NULL, 0, &bins, NULL));
      kml_rng_init (&rng, 1, "waste");
      for (guint n = 0; n < N; n++) {
        const guint64 size = kml_distribution_draw (&self, &rng);

        asked += (double)size;
        given += (double)bins.sizes[kml_bins_find (&bins, size)];
      }
      ck_assert_double_eq_tol (100 * (1 - asked / given),
                               which == 0 ? cases[i].uniform : cases[i].log_uniform, 0.05);
      kml_bins_clear (&bins);
    }
  }
}
END_TEST

START_TEST (draws_are_the_same_bits_everywhere)
{
  static const struct {
    const char *text;
    KmlDraw what;
    guint64 sum; /* of a thousand draws, each multiplied by its number */
  } golden[] = {
    { "uniform(1,65536)", KML_DRAW_SIZES, G_GUINT64_CONSTANT (16399365690) },
    { "loguniform(1,65536)", KML_DRAW_SIZES, G_GUINT64_CONSTANT (2897003771) },
    { "loguniform(100,4294967295)", KML_DRAW_SIZES, G_GUINT64_CONSTANT (119082531981083) },
    { "exponential(200)", KML_DRAW_SIZES, G_GUINT64_CONSTANT (98573354) },
    { "weighted(18:0.6, 64:0.4, 100:0.123456789)", KML_DRAW_SIZES, G_GUINT64_CONSTANT (21969958) },
    { "weighted(0:0.9, 9:0.1)", KML_DRAW_ORDERS, G_GUINT64_CONSTANT (447084) },
    { "exponential(1ms)", KML_DRAW_LIFETIMES, G_GUINT64_CONSTANT (492798183094491) },
    { "lognormal(1ms, 1.5)", KML_DRAW_LIFETIMES, G_GUINT64_CONSTANT (1867084291026447) },
  };

  for (guint i = 0; i < G_N_ELEMENTS (golden); i++) {
    KmlDistribution self = law (golden[i].text, golden[i].what);
    guint64 sum = 0;
    KmlRng rng;

    kml_rng_init (&rng, 42, "golden");
    for (guint64 n = 1; n <= 1000; n++)
      sum += n * kml_distribution_draw (&self, &rng);
    ck_assert_msg (sum == golden[i].sum, "%s: %" G_GUINT64_FORMAT, golden[i].text, sum);
    kml_distribution_clear (&self);
  }
}
END_TEST

START_TEST (what_is_not_a_law_is_refused)
{
  static const struct {
    KmlDraw what;
    const char *text, *fragment;
  } cases[] = {
    { KML_DRAW_SIZES, "", "expected fixed(SIZE) | uniform(SIZE, SIZE) | " },
    { KML_DRAW_SIZES, "64", "not “64”" },
    { KML_DRAW_SIZES, "fixd(64)", "not “fixd(64)”; did you mean “fixed(SIZE)”?" },
    { KML_DRAW_SIZES, "fixed", "expected fixed(SIZE)" },
    { KML_DRAW_SIZES, "fixed(", "expected fixed(SIZE)" },
    { KML_DRAW_SIZES, "fixed(64", "expected fixed(SIZE)" },
    { KML_DRAW_SIZES, "fixed)", "expected fixed(SIZE)" },
    { KML_DRAW_SIZES, "fixed()", "expected a size such as 64KiB, not “”" },
    { KML_DRAW_SIZES, "fixed(64) x", "expected fixed(SIZE)" },
    { KML_DRAW_SIZES, "fixed(64, 65)", "expected a size such as 64KiB, not “64, 65”" },
    { KML_DRAW_SIZES, "fixed(0)", "expected a size from 1 byte to 4294967295 bytes, not “0”" },
    { KML_DRAW_SIZES, "fixed(4294967296)", "from 1 byte to 4294967295 bytes" },
    { KML_DRAW_SIZES, "fixed(1000000000000000000000000000000)", "expected a size" },
    { KML_DRAW_SIZES, "fixed(-1)", "expected a size" },
    { KML_DRAW_SIZES, "uniform(5, 1)", "expected the smaller value first, not “uniform(5, 1)”" },
    { KML_DRAW_SIZES, "uniform(5)", "expected fixed(SIZE) | uniform(SIZE, SIZE)" },
    { KML_DRAW_SIZES, "uniform(1,2,3)", "expected fixed(SIZE) | uniform(SIZE, SIZE)" },
    { KML_DRAW_SIZES, "uniform(0,5)", "from 1 byte" },
    { KML_DRAW_SIZES, "loguniform(0,5)", "from 1 byte" },
    { KML_DRAW_SIZES, "loguniform(9,5)", "the smaller value first" },
    { KML_DRAW_SIZES, "exponential(0)", "from 1 byte" },
    { KML_DRAW_SIZES, "exponential(65MiB)", "expected a mean of at most 64MiB" },
    { KML_DRAW_SIZES, "weighted()", "expected a weight above 0" },
    { KML_DRAW_SIZES, "weighted(18)", "expected a value and its weight such as 18:0.6, not “18”" },
    { KML_DRAW_SIZES, "weighted(18:0.6,)", "expected a value and its weight" },
    { KML_DRAW_SIZES, "weighted(18:-1)", "expected a number from 0 to 999999999" },
    { KML_DRAW_SIZES, "weighted(18:0, 64:0.0)", "expected a weight above 0" },
    { KML_DRAW_SIZES, "weighted(18:nan)", "expected a number" },
    { KML_DRAW_SIZES, "weighted(18:1e3)", "expected a number" },
    { KML_DRAW_SIZES, "weighted(18:0.0000000001)", "at most nine decimals" },
    { KML_DRAW_SIZES, "weighted(18:1000000000)", "expected a number" },
    { KML_DRAW_SIZES, "weighted(0:1)", "from 1 byte" },
    { KML_DRAW_SIZES, "trace()", "expected trace(FILE)" },
    { KML_DRAW_SIZES, "lognormal(1, 2)", "expected fixed(SIZE)" },
    { KML_DRAW_ORDERS, "fixed(21)", "expected an order from 0 to 20, not “21”" },
    { KML_DRAW_ORDERS, "fixed(1.5)", "expected an order from 0 to 20" },
    { KML_DRAW_ORDERS, "uniform(0,3)", "expected fixed(ORDER) | weighted(ORDER:WEIGHT, …)" },
    { KML_DRAW_LIFETIMES, "exponential(1)", "expected a time with its unit" },
    { KML_DRAW_LIFETIMES, "exponential(0)", "expected a time above 0" },
    { KML_DRAW_LIFETIMES, "lognormal(1ms)", "lognormal(MEDIAN, SIGMA)" },
    { KML_DRAW_LIFETIMES, "lognormal(1ms, 11)", "expected a sigma from 0 to 10, not “11”" },
    { KML_DRAW_LIFETIMES, "lognormal(1ms, -1)", "expected a number" },
    { KML_DRAW_LIFETIMES, "forever()", "expected exponential(TIME)" },
    { KML_DRAW_SERVICES, "forever", "expected exponential(TIME)" },
    { KML_DRAW_SERVICES, "uniform(2ms, 1ms)", "expected the smaller value first" },
    { KML_DRAW_LIFETIMES, "forevr", "did you mean “forever”?" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    KmlDistribution parsed;

    ck_assert_msg (!kml_distribution_parse (cases[i].text, cases[i].what, &parsed, &error),
                   "“%s” was taken", cases[i].text);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
}
END_TEST

START_TEST (too_many_weights_are_refused)
{
  g_autoptr (GString) text = g_string_new ("weighted(1:1");
  g_autoptr (GError) error = NULL;
  KmlDistribution parsed;

  for (guint i = 1; i < 5000; i++)
    g_string_append (text, ",1:999999999");
  g_string_append (text, ")");
  ck_assert (!kml_distribution_parse (text->str, KML_DRAW_SIZES, &parsed, &error));
  assert_error (error, KML_ERROR_INPUT, "expected at most 4096 values");
  ck_assert_uint_lt (strlen (error->message), 300);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("distribution");
  TCase *fixed_point = tcase_create ("fixed-point");
  TCase *laws = tcase_create ("laws");

  tcase_add_test (fixed_point, logarithms_agree_with_libm);
  tcase_add_test (fixed_point, powers_agree_with_libm);
  tcase_add_test (fixed_point, ratios_agree_with_libm);
  tcase_add_test (fixed_point, normal_draws_are_normal);
  suite_add_tcase (suite, fixed_point);

  tcase_set_timeout (laws, 60);
  tcase_add_test (laws, means_are_what_the_laws_say);
  tcase_add_test (laws, forever_is_the_end_of_time);
  tcase_add_test (laws, half_of_the_lognormal_draws_are_below_the_median);
  tcase_add_test (laws, both_ends_of_a_range_are_drawn_and_nothing_beyond);
  tcase_add_test (laws, weights_are_shares);
  tcase_add_test (laws, counts_of_a_trace_are_shares_too);
  tcase_add_test (laws, drawn_sizes_waste_what_theory_says);
  tcase_add_test (laws, draws_are_the_same_bits_everywhere);
  tcase_add_test (laws, what_is_not_a_law_is_refused);
  tcase_add_test (laws, too_many_weights_are_refused);
  suite_add_tcase (suite, laws);

  return run_suite (suite);
}
