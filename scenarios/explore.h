/* explore.h: every schedule of a scenario.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/scenario.h"

G_BEGIN_DECLS

typedef enum {
  KML_EXPLORE_DEADLOCK,  /* one was found */
  KML_EXPLORE_EXHAUSTED, /* there is none, in any schedule */
  KML_EXPLORE_BUDGET,    /* none was found; not all was looked at */
} KmlExploreVerdict;

/* "deadlock", "none, exhausted", "none within budget" */
extern const char *const kml_explore_verdicts[];

typedef struct {
  guint64 budget; /* schedules; 0: no end */
  /* (nullable): asked after each schedule whether to stop */
  gboolean (*stop) (guint64 n_schedules, gpointer data);
  gpointer data;
} KmlExploreConfig;

typedef struct {
  KmlExploreVerdict verdict;
  guint64 n_schedules; /* run to their end */
  guint64
      n_pruned; /* answers not tried, since what is behind them differs in the order of independent steps alone */
  guint64 longest;   /* choices of a schedule, at most */
  GArray *choices;   /* (owned) (element-type guint32): of the schedule that deadlocked */
  char *story;       /* (owned) (nullable): what happened in it */
  char *fingerprint; /* (owned) (nullable): of it */
} KmlExploreResult;

void kml_explore_result_clear (KmlExploreResult *self);

/* Looks for a schedule of the run that deadlocks or stalls. Errors: INPUT when it has no tasks, or cannot be run. */
gboolean kml_explore (const KmlScenario *scenario, const KmlRunSpec *spec,
                      const KmlExploreConfig *config, KmlExploreResult *ret_result, GError **error);

/* Runs the one schedule with @choices (element-type guint32). Errors: INPUT, too, when a choice is out of range or they are too few. */
gboolean kml_explore_replay (const KmlScenario *scenario, const KmlRunSpec *spec,
                             const GArray *choices, KmlExploreResult *ret_result, GError **error);

G_END_DECLS
