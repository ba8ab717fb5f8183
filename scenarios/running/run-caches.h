/* run-caches.h: the cache model of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"
#include "simcore/machine.h"

G_BEGIN_DECLS

/* What the caches of a run have to tell, where there are some; @metrics: (element-type KmlMetric) */
void kml_run_caches_metrics (const KmlCaches *caches, const KmlRecorder *recorder, GArray *metrics);

G_END_DECLS
