/* distribution.c: the laws that sizes, orders, lifetimes and times of service follow.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. What the laws mean
 *
 * fixed(A)            A.
 * uniform(A, B)       every integer from A to B, B included, is equally likely.
 * loguniform(A, B)    the integer part of a number whose logarithm is uniform on
 *                     [ln A, ln (B + 1)): P(n) is proportional to ln ((n + 1) / n).
 * exponential(MEAN)   of sizes: the geometric law on 1, 2, 3, …, which is what the exponential
 *                     law is on integers: P(more than n) = (1 - 1/MEAN)^n. The mean is
 *                     MEAN exactly, which a rounded exponential's is not.
 *                     Of times: the exponential law, to the nearest picosecond.
 * lognormal(M, S)     the median M times e^(S z), z standard normal.
 * weighted(V:W, …)    V with a probability in proportion to W, a decimal.
 * trace(FILE)         weighted by how often the trace's object requests had each size.
 * forever             no end.
 *
 * 2. How they are drawn
 *
 * Uniform draws are exact (rng.c). Those that need a logarithm take it in fixed
 * point, with an error below 2^-48 of the mean: no statistic can see it, and
 * every machine makes the same one. Weighted draws are exact too (alias.c): weights are
 * integers, decimals in units of 10^-9.
 *
 * 3. What a and b are
 *
 *   FIXED        a: the value
 *   UNIFORM      a: the least, b: how many values
 *   LOG_UNIFORM  a: the least, b: log2 ((B + 1) / A) in Q50, max: B
 *   GEOMETRIC    a: -ln (1 - 1/MEAN) in Q58; 0 when MEAN is 1; max
 *   EXPONENTIAL  a: the mean
 *   LOG_NORMAL   a: the median, b: S log2 e in Q50
 *   WEIGHTED     its table
 */

#include "simcore/distribution.h"
#include "simcore/base/units.h"
#include "simcore/base/fixed-point.h"
#include "simcore/base/law.h"

#include <string.h>

typedef unsigned __int128 Wide;

#define MAX_WEIGHTED 4096

/* The largest draw of 64 bits is 44.4 times the mean, and a size has 32 bits. */
#define MAX_MEAN_SIZE (G_GUINT64_CONSTANT (64) << 20)

/* e^(10 z) spans the 213 days of simulated time from picoseconds on. */
#define MAX_SIGMA_NANO G_GUINT64_CONSTANT (10000000000)

static const KmlLawForm size_forms[] = {
  { "fixed", 1, "fixed(SIZE)" },
  { "uniform", 2, "uniform(SIZE, SIZE)" },
  { "loguniform", 2, "loguniform(SIZE, SIZE)" },
  { "exponential", 1, "exponential(MEAN)" },
  { "weighted", 1, "weighted(SIZE:WEIGHT, …)" },
  { "trace", 1, "trace(FILE)" },
  { NULL, 0, NULL },
};
static const KmlLawKind size_kinds[] = { KML_LAW_FIXED,     KML_LAW_UNIFORM,  KML_LAW_LOG_UNIFORM,
                                         KML_LAW_GEOMETRIC, KML_LAW_WEIGHTED, KML_LAW_TRACE };

static const KmlLawForm order_forms[] = {
  { "fixed", 1, "fixed(ORDER)" },
  { "weighted", 1, "weighted(ORDER:WEIGHT, …)" },
  { NULL, 0, NULL },
};
static const KmlLawKind order_kinds[] = { KML_LAW_FIXED, KML_LAW_WEIGHTED };

static const KmlLawForm lifetime_forms[] = {
  { "exponential", 1, "exponential(TIME)" },
  { "fixed", 1, "fixed(TIME)" },
  { "lognormal", 2, "lognormal(MEDIAN, SIGMA)" },
  { "forever", 0, "forever" },
  { NULL, 0, NULL },
};
static const KmlLawKind lifetime_kinds[] = { KML_LAW_EXPONENTIAL, KML_LAW_FIXED, KML_LAW_LOG_NORMAL,
                                             KML_LAW_FIXED };

static const KmlLawForm service_forms[] = {
  { "exponential", 1, "exponential(TIME)" },     { "fixed", 1, "fixed(TIME)" },
  { "uniform", 2, "uniform(TIME, TIME)" },       { "lognormal", 2, "lognormal(MEDIAN, SIGMA)" },
  { "weighted", 1, "weighted(TIME:WEIGHT, …)" }, { NULL, 0, NULL },
};
static const KmlLawKind service_kinds[] = { KML_LAW_EXPONENTIAL, KML_LAW_FIXED, KML_LAW_UNIFORM,
                                            KML_LAW_LOG_NORMAL, KML_LAW_WEIGHTED };

/* ---- Values ---- */

static gboolean
parse_value (const char *text, KmlDraw what, guint64 *ret_value, GError **error)
{
  guint64 value = 0;

  switch (what) {
  case KML_DRAW_SIZES:
    if (!kml_parse_size (text, &value, error))
      return FALSE;
    if (value == 0 || value > KML_MAX_DRAWN_SIZE)
      return kml_refuse_text ("a size from 1 byte to 4294967295 bytes", text, error);
    break;
  case KML_DRAW_ORDERS:
    if (!kml_parse_count (text, &value, NULL) || value > KML_MAX_ORDER)
      return kml_refuse_text ("an order from 0 to " G_STRINGIFY (KML_MAX_ORDER), text, error);
    break;
  case KML_DRAW_LIFETIMES:
  case KML_DRAW_SERVICES:
    if (!kml_parse_time (text, &value, error))
      return FALSE;
    if (value == 0)
      return kml_refuse_text ("a time above 0", text, error);
    break;
  }
  *ret_value = value;
  return TRUE;
}

/* ---- Weighted ---- */

/* FALSE when no weight is positive. */
static gboolean
set_weights (KmlDistribution *self, const KmlWeighted *items, guint n)
{
  self->kind = KML_LAW_WEIGHTED;
  return kml_alias_init (&self->weighted, items, n);
}

static gboolean
parse_weighted (const char *text, KmlDraw what, KmlDistribution *self, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ",", MAX_WEIGHTED + 1);
  const guint n = g_strv_length (words);
  g_autofree KmlWeighted *items = g_new0 (KmlWeighted, n);
  guint64 total = 0;

  if (n > MAX_WEIGHTED)
    return kml_refuse_text ("at most " G_STRINGIFY (MAX_WEIGHTED) " values", text, error);
  for (guint i = 0; i < n; i++) {
    char *weight = strchr (words[i], ':');

    if (weight == NULL)
      return kml_refuse_text ("a value and its weight such as 18:0.6", g_strstrip (words[i]),
                              error);
    *weight++ = '\0';
    if (!parse_value (g_strstrip (words[i]), what, &items[i].value, error) ||
        !kml_law_parse_decimal (g_strstrip (weight), &items[i].weight, error))
      return FALSE;
    total += items[i].weight; /* below 10^18 each */
    if (total > G_MAXINT64)
      return kml_refuse_text ("weights that are below 10^9 in all", text, error);
  }
  if (!set_weights (self, items, n))
    return kml_refuse_text ("a weight above 0", text, error);
  return TRUE;
}

gboolean
kml_distribution_set_counts (KmlDistribution *self, const KmlSizeCount *counts, guint n)
{
  g_autofree KmlWeighted *items = g_new0 (KmlWeighted, n);
  guint n_items = 0;
  guint shift = 0;
  Wide total = 0;

  for (guint i = 0; i < n; i++)
    if (counts[i].size > 0 && counts[i].size <= KML_MAX_DRAWN_SIZE)
      total += counts[i].count;
  while (total >> shift > G_MAXINT64)
    shift++;
  for (guint i = 0; i < n; i++)
    if (counts[i].size > 0 && counts[i].size <= KML_MAX_DRAWN_SIZE)
      items[n_items++] = (KmlWeighted){ counts[i].size, counts[i].count >> shift };
  return set_weights (self, items, n_items);
}

/* ---- Parsing ---- */

static gboolean
parse_range (const KmlLaw *law, KmlDraw what, const char *text, KmlDistribution *self,
             GError **error)
{
  guint64 least, most;

  if (!parse_value (law->args[0], what, &least, error) ||
      !parse_value (law->args[1], what, &most, error))
    return FALSE;
  if (least > most)
    return kml_refuse_text ("the smaller value first", text, error);
  self->a = least;
  self->max = most;
  self->b = self->kind == KML_LAW_UNIFORM ? most - least + 1
                                          : kml_fixed_log2_ratio (most + 1, least);
  return TRUE;
}

static gboolean
parse_mean_size (const char *text, KmlDistribution *self, GError **error)
{
  guint64 mean = 0;

  if (!parse_value (text, KML_DRAW_SIZES, &mean, error))
    return FALSE;
  if (mean > MAX_MEAN_SIZE)
    return kml_refuse_text ("a mean of at most 64MiB", text, error);
  self->a = mean == 1 ? 0 : kml_fixed_minus_ln (mean - 1) - kml_fixed_minus_ln (mean);
  self->max = KML_MAX_DRAWN_SIZE;
  return TRUE;
}

static gboolean
parse_log_normal (const KmlLaw *law, KmlDistribution *self, GError **error)
{
  guint64 sigma;

  if (!parse_value (law->args[0], KML_DRAW_LIFETIMES, &self->a, error) ||
      !kml_law_parse_decimal (law->args[1], &sigma, error))
    return FALSE;
  if (sigma > MAX_SIGMA_NANO)
    return kml_refuse_text ("a sigma from 0 to 10", law->args[1], error);
  self->b = (guint64)((((Wide)sigma * KML_FIXED_LOG2E) / 1000000000) >> 12);
  return TRUE;
}

static gboolean
parse_arguments (const KmlLaw *law, KmlDraw what, const char *text, KmlDistribution *self,
                 GError **error)
{
  if (law->args[0] == NULL) {
    self->a = KML_TIME_MAX;
    return TRUE;
  }
  switch (self->kind) {
  case KML_LAW_FIXED:
  case KML_LAW_EXPONENTIAL:
    return parse_value (law->args[0], what, &self->a, error);
  case KML_LAW_UNIFORM:
  case KML_LAW_LOG_UNIFORM:
    return parse_range (law, what, text, self, error);
  case KML_LAW_GEOMETRIC:
    return parse_mean_size (law->args[0], self, error);
  case KML_LAW_LOG_NORMAL:
    return parse_log_normal (law, self, error);
  case KML_LAW_WEIGHTED:
    return parse_weighted (law->args[0], what, self, error);
  case KML_LAW_TRACE:
    if (law->args[0][0] == '\0')
      return kml_refuse_text ("trace(FILE)", text, error);
    self->path = g_strdup (law->args[0]);
    return TRUE;
  }
  g_assert_not_reached ();
}

gboolean
kml_distribution_parse (const char *text, KmlDraw what, KmlDistribution *ret_law, GError **error)
{
  static const struct {
    const KmlLawForm *forms;
    const KmlLawKind *kinds;
  } tables[] = {
    [KML_DRAW_SIZES] = { size_forms, size_kinds },
    [KML_DRAW_ORDERS] = { order_forms, order_kinds },
    [KML_DRAW_LIFETIMES] = { lifetime_forms, lifetime_kinds },
    [KML_DRAW_SERVICES] = { service_forms, service_kinds },
  };
  g_auto (KmlLaw) law = { 0 };
  KmlDistribution self = { 0 };

  if (!kml_law_parse (text, tables[what].forms, &law, error))
    return FALSE;
  self.kind = tables[what].kinds[law.form];
  if (!parse_arguments (&law, what, text, &self, error)) {
    kml_distribution_clear (&self);
    return FALSE;
  }
  *ret_law = self;
  return TRUE;
}

void
kml_distribution_clear (KmlDistribution *self)
{
  kml_alias_finish (&self->weighted);
  g_clear_pointer (&self->path, g_free);
}

static gboolean
validate (const char *text, KmlDraw what, GError **error)
{
  KmlDistribution law = { 0 };
  const gboolean is_valid = kml_distribution_parse (text, what, &law, error);

  kml_distribution_clear (&law);
  return is_valid;
}

gboolean
kml_distribution_validate_sizes (const char *text, GError **error)
{
  return validate (text, KML_DRAW_SIZES, error);
}

gboolean
kml_distribution_validate_orders (const char *text, GError **error)
{
  return validate (text, KML_DRAW_ORDERS, error);
}

gboolean
kml_distribution_validate_lifetimes (const char *text, GError **error)
{
  return validate (text, KML_DRAW_LIFETIMES, error);
}

gboolean
kml_distribution_validate_services (const char *text, GError **error)
{
  return validate (text, KML_DRAW_SERVICES, error);
}

/* ---- Drawing ---- */

static guint64
draw_exponential (const KmlDistribution *self, KmlRng *rng)
{
  const Wide product = (Wide)self->a * kml_fixed_minus_ln (kml_rng_next (rng));
  const Wide rounded = (product + ((Wide)1 << 57)) >> 58;

  return (guint64)MIN (rounded, (Wide)KML_TIME_MAX);
}

static guint64
draw_log_normal (const KmlDistribution *self, KmlRng *rng)
{
  /* Q57 * Q50; below 2^(57 + 4 + 50 + 4) */
  const __int128 exponent = (__int128)kml_fixed_normal (rng) * (gint64)self->b;

  return kml_fixed_scale (self->a, (gint64)(exponent >> 57));
}

guint64
kml_distribution_draw_from (const KmlDistribution *self, KmlRng *rng)
{
  guint64 value;

  switch (self->kind) {
  case KML_LAW_FIXED:
    return self->a;
  case KML_LAW_UNIFORM:
    return self->a + kml_rng_below (rng, self->b);
  case KML_LAW_LOG_UNIFORM:
    value = (guint64)(((Wide)kml_rng_next (rng) * self->b) >> 64);
    return MIN (kml_fixed_scale (self->a, (gint64)value), self->max);
  case KML_LAW_GEOMETRIC:
    if (self->a == 0)
      return 1;
    value = kml_fixed_minus_ln (kml_rng_next (rng)) / self->a;
    return MIN (1 + value, self->max);
  case KML_LAW_EXPONENTIAL:
    return draw_exponential (self, rng);
  case KML_LAW_LOG_NORMAL:
    return draw_log_normal (self, rng);
  case KML_LAW_WEIGHTED:
    return kml_alias_draw (&self->weighted, rng);
  case KML_LAW_TRACE:
    break;
  }
  g_assert_not_reached ();
}
