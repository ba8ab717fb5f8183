/* verdict.c: what [expect] says of a run, once its metrics are known.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker asks with the metrics in its memory, the program with those of a
 * database: one rule for both, so a run that was stored yesterday is judged by what
 * the scenario says today.
 */

#include "scenarios/running/verdict.h"

#include <math.h>

#include "simcore/tasks/scheduler.h"

/* What no scenario has to say: there are no deadlocks, and the simulated kernel has no bugs. One that means
 * to find some says how many. */
static const KmlExpectation unspoken[] = {
  { .metric = (char *)"deadlock.count", .text = (char *)"0" },
  { .metric = (char *)"stall.count", .text = (char *)"0" },
  { .metric = (char *)"livelock.count", .text = (char *)"0" },
  { .metric = (char *)"inversion.count", .text = (char *)"0" },
  { .metric = (char *)"bug.sleep_in_atomic", .text = (char *)"0" },
  { .metric = (char *)"bug.lock_misuse", .text = (char *)"0" },
  { .metric = (char *)"bug.irq_misuse", .text = (char *)"0" },
  { .metric = (char *)"bug.alloc_context", .text = (char *)"0" },
  { .metric = (char *)"bug.free_context", .text = (char *)"0" },
  { .metric = (char *)"bug.free_in_flight", .text = (char *)"0" },
  { .metric = (char *)"bug.double_free", .text = (char *)"0" },
  { .metric = (char *)"bug.use_after_free", .text = (char *)"0" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (unspoken) == KML_N_INCIDENTS);

static gboolean
is_spoken_of (const GArray *verdicts, const char *metric)
{
  for (guint i = 0; i < verdicts->len; i++)
    if (g_str_equal (g_array_index (verdicts, KmlVerdict, i).expectation->metric, metric))
      return TRUE;
  return FALSE;
}

static void
add_unspoken (GArray *verdicts, KmlMetricLookup lookup, gpointer user_data)
{
  for (guint i = 0; i < G_N_ELEMENTS (unspoken); i++) {
    const KmlVerdict verdict = { &unspoken[i], lookup (unspoken[i].metric, user_data), FALSE };

    if (verdict.measured > 0 && !is_spoken_of (verdicts, unspoken[i].metric))
      g_array_append_val (verdicts, verdict);
  }
}

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
  add_unspoken (verdicts, lookup, user_data);
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
