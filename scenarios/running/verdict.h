/* verdict.h: what [expect] says of a run, once its metrics are known.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* One expectation that is about the run, beside what was measured. */
typedef struct {
  const KmlExpectation *expectation; /* (transfer none): the scenario's */
  double measured;                   /* not a number: the run has no such metric */
  gboolean held;
} KmlVerdict;

/* The value of the metric called @name; not a number when there is none. */
typedef double (*KmlMetricLookup) (const char *name, gpointer user_data);

/* In the order of the file. (transfer full) (element-type KmlVerdict) */
GArray *kml_verdicts_new (const KmlScenario *scenario, const KmlRunSpec *spec,
                          KmlMetricLookup lookup, gpointer user_data);

guint kml_verdicts_n_unmet (const GArray *verdicts);

G_END_DECLS
