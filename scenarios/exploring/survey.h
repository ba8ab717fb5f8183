/* survey.h: a run that is many schedules.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/exploring/draws.h"
#include "scenarios/exploring/sample.h"

G_BEGIN_DECLS

/* What was seen, before the run itself. All zero at first. */
typedef struct {
  gboolean is_needed; /* the run is more than its own schedule */
  KmlSample sample;
  guint64 n_pruned;
  gboolean is_exhausted; /* there are no schedules but those that were looked at */
  /* (owned) (nullable) (element-type guint32): the choices of the first that failed, or that the run is to have */
  GArray *first;
  gboolean leads; /* the run follows them */
  KmlReplayer replayer;
} KmlSurvey;

void kml_survey_clear (KmlSurvey *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (KmlSurvey, kml_survey_clear)

/* Looks at the schedules that [schedule] schedules and policy want of the run, in a process that has no other at work. @progress: as that of
 * kml_run_set_progress(). Errors: INPUT, or those of building a run. */
gboolean kml_survey_take (KmlSurvey *self, const KmlScenario *scenario, const KmlRunSpec *spec,
                          void (*progress) (guint64 n_operations, double share, gpointer data),
                          gpointer data, GError **error);

/* Before @run is executed: it follows the first schedule that failed, if any has, or the one that it is to have. @self must outlive it. */
void kml_survey_lead (KmlSurvey *self, KmlRun *run);

/* After it was executed. FALSE, with @error: its schedule was not the one that it was to have. */
gboolean kml_survey_check (const KmlSurvey *self, const KmlScenario *scenario,
                           const KmlRunSpec *spec, GError **error);

/* (element-type KmlMetric) */
void kml_survey_add_metrics (const KmlSurvey *self, GArray *metrics);

G_END_DECLS
