/* sample.h: how often a run fails, over schedules by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/exploring/explore.h"

G_BEGIN_DECLS

typedef struct {
  guint64 n_schedules;
  guint64 n_failed; /* ended in a deadlock, a stall or a livelock */
  guint64 n_cut;    /* were too long to be looked at to their end; not among those that failed */
} KmlSample;

typedef struct {
  KmlSearch search;                 /* by chance */
  guint64 steps;                    /* PCT: see chooser.h */
  guint64 n;                        /* so many schedules */
  gboolean (*stop) (gpointer data); /* (nullable): asked before each whether to leave off */
  gpointer data;
  GArray *first; /* (nullable) (element-type guint32): gets the choices of the first that fails */
} KmlSampleHow;

/* Runs the schedules with the numbers 0 to how->n - 1 of the run's seed, the same for every run. Errors: INPUT when the run has no tasks, or
 * cannot be built. */
gboolean kml_sample_schedules (const KmlScenario *scenario, const KmlRunSpec *spec,
                               const KmlSampleHow *how, KmlSample *ret_sample, GError **error);

G_END_DECLS
