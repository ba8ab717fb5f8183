/* bin-study.c: a design of bin sizes with all that is said about it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Waste is always what the rules count: (cost - asked) / cost, with the tails of slabs or without,
 * weighted as the requests are.
 *
 * Cross-validation. A set that is made for a trace fits that trace; whether it fits the next hour, nobody knows who
 * has only measured it on what it was made for. So it is designed again on one half of the time and
 * measured on the other, both ways, and on all but one of several pieces of time, for each of them. The pieces are
 * runs of neighbouring requests: a random sample of requests would have the same sizes on both
 * sides and find no difference.
 */

#include "analysis/bin-study.h"

#include <math.h>

#include "simcore/base/units.h"

static void
set_free (KmlBinStudySet *self)
{
  kml_bins_clear (&self->bins);
  kml_bin_usage_clear (&self->usage);
  g_free (self->name);
  g_free (self->source);
  g_free (self);
}

static KmlBins
copy_bins (const KmlBins *bins)
{
  KmlBins copy = { bins->n, g_new (guint64, bins->n) };

  for (guint i = 0; i < bins->n; i++)
    copy.sizes[i] = bins->sizes[i];
  return copy;
}

KmlBinStudy *
kml_bin_study_new (GArray *counts, const KmlBinRules *rules)
{
  KmlBinStudy *self = g_new0 (KmlBinStudy, 1);

  self->counts = counts;
  self->rules = *rules;
  self->rules.prefix = copy_bins (&rules->prefix);
  self->prefix = kml_bins_format (&self->rules.prefix);
  self->subject = g_strdup ("");
  self->title = g_strdup ("");
  self->weight = g_strdup ("requests");
  self->curve = g_array_new (FALSE, FALSE, sizeof (double));
  self->sets = g_ptr_array_new_with_free_func ((GDestroyNotify)set_free);
  self->validations = g_array_new (FALSE, FALSE, sizeof (KmlBinValidation));
  return self;
}

void
kml_bin_study_free (KmlBinStudy *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->counts);
  g_array_unref (self->curve);
  g_array_unref (self->validations);
  g_ptr_array_unref (self->sets);
  kml_bins_clear (&self->rules.prefix);
  g_free (self->prefix);
  g_free (self->subject);
  g_free (self->title);
  g_free (self->weight);
  g_free (self);
}

static KmlBinDesign *
design_for (const GArray *counts, const KmlBinRules *rules)
{
  return kml_bin_design_new ((const KmlSizeCount *)counts->data, counts->len, rules);
}

/* ---- The curve ---- */

gboolean
kml_bin_study_design (KmlBinStudy *self, guint max_bins, GError **error)
{
  g_autoptr (KmlBinDesign) design = design_for (self->counts, &self->rules);
  const guint most = MIN (max_bins, kml_bin_design_max_bins (design));

  self->min_bins = kml_bin_design_min_bins (design);
  if (self->counts->len == 0) {
    g_set_error_literal (
        error, KML_ERROR, KML_ERROR_INPUT,
        "expected requests for objects, whose sizes bins are made for: there are none");
    return FALSE;
  }
  if (self->min_bins == 0) {
    g_autofree char *limit = kml_format_size (self->rules.max_size);

    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "every request is for more than %s: no bin can hold it", limit);
    return FALSE;
  }
  if (max_bins < self->min_bins) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected at least %u bins, not %u",
                 self->min_bins, max_bins);
    return FALSE;
  }
  g_array_set_size (self->curve, most - self->min_bins + 1);
  kml_bin_design_curve (design, most, (double *)self->curve->data);
  self->knee = self->min_bins +
               kml_bin_design_knee ((const double *)self->curve->data, self->curve->len);
  return TRUE;
}

/* ---- Sets ---- */

/* The waste that the rules count. */
static double
waste_of (const KmlBinStudy *self, const KmlBinUsage *usage)
{
  return self->rules.with_tails ? kml_bin_usage_with_tails (usage) : kml_bin_usage_internal (usage);
}

static KmlBinSimulation
no_simulation (void)
{
  return (KmlBinSimulation){ NAN, NAN, NAN, NAN, NAN, NAN, NAN };
}

void
kml_bin_study_compare (KmlBinStudy *self, const char *name, const char *source, const KmlBins *bins)
{
  KmlBinStudySet *set = g_new0 (KmlBinStudySet, 1);
  const guint i = bins->n - self->min_bins;

  set->name = g_strdup (name);
  set->source = g_strdup (source);
  set->bins = copy_bins (bins);
  set->optimum = bins->n >= self->min_bins && i < self->curve->len
                     ? g_array_index (self->curve, double, i)
                     : NAN;
  set->simulation = no_simulation ();
  kml_bin_usage (bins, (const KmlSizeCount *)self->counts->data, self->counts->len,
                 &self->rules.slabs, &set->usage);
  g_ptr_array_add (self->sets, set);
}

gboolean
kml_bin_study_choose (KmlBinStudy *self, guint n_bins, GError **error)
{
  g_autoptr (KmlBinDesign) design = design_for (self->counts, &self->rules);
  const guint least = kml_bin_design_min_bins (design), most = kml_bin_design_max_bins (design);
  g_autofree char *source = NULL;
  KmlBins bins;

  if (n_bins < least || n_bins > most) {
    g_set_error (
        error, KML_ERROR, KML_ERROR_INPUT,
        "expected a number of bins from %u to %u, which is how many different sizes there are "
        "(as multiples of %" G_GUINT64_FORMAT "), not %u",
        least, most, self->rules.quantum, n_bins);
    return FALSE;
  }
  kml_bin_design_bins (design, n_bins, &bins);
  source = g_strdup_printf ("designed for these requests (%s)", n_bins == self->knee
                                                                    ? "the knee of the curve"
                                                                    : "as many as asked for");
  self->chosen = self->sets->len;
  kml_bin_study_compare (self, "optimal", source, &bins);
  kml_bins_clear (&bins);
  return TRUE;
}

const KmlBinStudySet *
kml_bin_study_chosen (const KmlBinStudy *self)
{
  return g_ptr_array_index (self->sets, self->chosen);
}

/* ---- Cross-validation ---- */

/* The waste of @bins on @counts, and in @ret_page_level (nullable) the share of requests that they do not hold. */
static double
measure (const KmlBinStudy *self, const KmlBins *bins, const GArray *counts, double *ret_weight,
         double *ret_page_level)
{
  KmlBinUsage usage;
  double waste;

  kml_bin_usage (bins, (const KmlSizeCount *)counts->data, counts->len, &self->rules.slabs, &usage);
  waste = waste_of (self, &usage);
  if (ret_weight != NULL)
    *ret_weight = usage.weight;
  if (ret_page_level != NULL)
    *ret_page_level = usage.weight > 0 ? usage.page_level / usage.weight : 0.0;
  kml_bin_usage_clear (&usage);
  return waste;
}

/* What a design on one part is compared with on another: the best set there among those that keep to the same rules. Sizes that nobody asked for in
 * training have no bin even where they must be held, so the other set need not hold them either. */
static KmlBinRules
rules_there (const KmlBinStudy *self, const KmlBins *trained)
{
  KmlBinRules rules = self->rules;

  rules.hold = MIN (rules.hold, trained->n > 0 ? trained->sizes[trained->n - 1] : 0);
  return rules;
}

void
kml_bin_study_validate (KmlBinStudy *self, const char *split, guint part, const GArray *train,
                        const GArray *test)
{
  KmlBinValidation validation = { .split = split, .part = part };
  g_autoptr (KmlBinDesign) design_here = NULL, design_there = NULL;
  KmlBins trained, best, linux_bins;
  KmlBinRules there;
  guint n;

  if (train->len == 0 || test->len == 0)
    return;
  design_here = design_for (train, &self->rules);
  n = MAX (kml_bin_study_chosen (self)->bins.n, kml_bin_design_min_bins (design_here));
  kml_bin_design_bins (design_here, n, &trained);
  there = rules_there (self, &trained);
  design_there = design_for (test, &there);
  kml_bin_design_bins (design_there, MAX (n, kml_bin_design_min_bins (design_there)), &best);
  if (!kml_bins_parse ("linux", self->rules.quantum, NULL, 0, &linux_bins, NULL))
    g_assert_not_reached (); /* it comes with the program */
  validation.trained = measure (self, &trained, train, NULL, NULL);
  validation.measured = measure (self, &trained, test, &validation.weight, &validation.page_level);
  validation.best = measure (self, &best, test, NULL, NULL);
  validation.linux_waste = measure (self, &linux_bins, test, NULL, NULL);
  g_array_append_val (self->validations, validation);
  kml_bins_clear (&trained);
  kml_bins_clear (&best);
  kml_bins_clear (&linux_bins);
}

double
kml_bin_validation_gap (const KmlBinValidation *self)
{
  /* the design reckons in integers, this in fractions: equal sets may differ in the last digits */
  return fmax (self->measured - self->best, 0.0);
}
