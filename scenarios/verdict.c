/* verdict.c: what [expect] says of a run, once its metrics are known.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker asks with the metrics in its memory, the program with those of a
 * database: one rule for both, so a run that was stored yesterday is judged by what
 * the scenario says today.
 */

#include "scenarios/verdict.h"

#include <math.h>

GArray *
kml_verdicts_new (const KmlScenario *scenario, const KmlRunSpec *spec, KmlMetricLookup lookup,
                  gpointer user_data)
{
  const GPtrArray *expectations = kml_scenario_expectations (scenario);
  GArray *verdicts = g_array_new (FALSE, FALSE, sizeof (KmlVerdict));

  for (guint i = 0; i < expectations->len; i++) {
    const KmlExpectation *expectation = g_ptr_array_index (expectations, i);
    KmlVerdict verdict = { .expectation = expectation };

    if (!kml_expectation_applies (expectation, spec))
      continue;
    verdict.measured = lookup (expectation->metric, user_data);
    /* a metric that is not there holds no promise */
    verdict.held = !isnan (verdict.measured) &&
                   (expectation->other == NULL
                        ? kml_expectation_holds (expectation, verdict.measured)
                        : verdict.measured == lookup (expectation->other, user_data));
    g_array_append_val (verdicts, verdict);
  }
  return verdicts;
}

guint
kml_verdicts_n_unmet (const GArray *verdicts)
{
  guint n = 0;

  for (guint i = 0; i < verdicts->len; i++)
    if (!g_array_index (verdicts, KmlVerdict, i).held)
      n++;
  return n;
}
