/* bench-bins.c: designing bin sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two cases: 10^5 different sizes and 128 bins, the dynamic programme alone; and all that `kmemlab bins` does but the
 * simulations for 10^6 requests and a curve to 64 bins, for few sizes, as kernels ask for, and for many. Median of the
 * rounds, CPU time.
 */

#include "analysis/bin-study.h"
#include "scenarios/running/demand.h"
#include "simcore/base/rng.h"
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 5

static int
compare_doubles (const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static const KmlBinRules rules = {
  .quantum = 8, .hold = 8192, .max_size = 1 << 30, .slabs = { 4096, 4, 0, 3, 0 }
};

/* 10^5 sizes and their best 128 bins: the whole curve, and the set. */
static void
design_many_sizes (gboolean with_tails)
{
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  KmlBinRules these = rules;
  double seconds[ROUNDS], waste[128];
  guint64 size = 0;
  KmlRng rng;

  these.with_tails = with_tails;
  these.quantum = 1;
  kml_rng_init (&rng, 1, "bench-bins");
  for (guint i = 0; i < 100000; i++) {
    const KmlSizeCount count = { size += 1 + kml_rng_below (&rng, 10),
                                 1 + kml_rng_below (&rng, 1000) };

    g_array_append_val (counts, count);
  }
  for (guint round = 0; round < ROUNDS; round++) {
    const double begin = cpu_seconds ();
    g_autoptr (KmlBinDesign)
        design = kml_bin_design_new ((const KmlSizeCount *)counts->data, counts->len, &these);
    KmlBins bins;

    kml_bin_design_curve (design, 128, waste);
    kml_bin_design_bins (design, 128, &bins);
    kml_bins_clear (&bins);
    seconds[round] = cpu_seconds () - begin;
  }
  qsort (seconds, ROUNDS, sizeof *seconds, compare_doubles);
  g_print ("100000 sizes, 128 bins%s: %.2f s (curve and set)\n", with_tails ? ", tails" : "",
           seconds[ROUNDS / 2]);
}

static void
validate (KmlBinStudy *study, const KmlDemand *demand, const char *split, guint n_folds)
{
  const guint32 all = (1u << n_folds) - 1;

  for (guint fold = 0; fold < n_folds; fold++) {
    g_autoptr (GArray) train = kml_demand_sizes (demand, n_folds, all & ~(1u << fold));
    g_autoptr (GArray) test = kml_demand_sizes (demand, n_folds, 1u << fold);

    kml_bin_study_validate (study, split, fold + 1, train, test);
  }
}

/* From a scenario of 10^6 requests to a validated design. */
static void
study_requests (const char *sizes)
{
  g_autofree char *text = g_strdup_printf ("[machine]\nram = 64MiB\n[workload]\nkind = synthetic\n"
                                           "operations = 1000000\narrivals = closed\nlive = 1000\n"
                                           "sizes = %s\n",
                                           sizes);
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = kml_scenario_load_text ("bench.ini", ".", NULL, text,
                                                             strlen (text), NULL, problems);
  double seconds[ROUNDS], reading[ROUNDS];
  guint n_sizes = 0;

  for (guint round = 0; round < ROUNDS; round++) {
    const double begin = cpu_seconds ();
    g_autoptr (KmlDemand)
        demand = kml_demand_new (scenario, 0, KML_DEMAND_REQUESTS, 10, NULL, NULL, NULL);
    g_autoptr (KmlBinStudy) study = NULL;

    reading[round] = cpu_seconds () - begin;
    study = kml_bin_study_new (kml_demand_sizes (demand, 1, 1), &rules);
    if (!kml_bin_study_design (study, 64, NULL) || !kml_bin_study_choose (study, 64, NULL))
      abort ();
    validate (study, demand, "halves", 2);
    validate (study, demand, "folds", 5);
    n_sizes = study->counts->len;
    seconds[round] = cpu_seconds () - begin;
  }
  qsort (seconds, ROUNDS, sizeof *seconds, compare_doubles);
  qsort (reading, ROUNDS, sizeof *reading, compare_doubles);
  g_print ("1000000 requests for %u sizes, 64 bins: %.2f s, %.2f s of it reading\n", n_sizes,
           seconds[ROUNDS / 2], reading[ROUNDS / 2]);
}

int
main (void)
{
  design_many_sizes (FALSE);
  design_many_sizes (TRUE);
  study_requests ("loguniform(1,2000)");
  study_requests ("uniform(1,200000)");
  return 0;
}
