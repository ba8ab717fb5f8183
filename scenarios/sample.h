/* sample.h: how often a run fails, over schedules by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/scenario.h"

G_BEGIN_DECLS

typedef struct {
  guint64 n_schedules;
  guint64 n_failed; /* ended in a deadlock, a stall or a livelock */
  guint64 n_cut;    /* were too long to be looked at to their end; not among those that failed */
} KmlSample;

/* Runs the schedules with the numbers 0 to @n - 1 of the run's seed, the same for every run. @stop (nullable) is asked again and again whether to
 * leave off. Errors: INPUT when the run has no tasks, or cannot be built. */
gboolean kml_sample_schedules (const KmlScenario *scenario, const KmlRunSpec *spec, guint64 n,
                               gboolean (*stop) (gpointer data), gpointer data,
                               KmlSample *ret_sample, GError **error);

G_END_DECLS
