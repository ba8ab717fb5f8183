/* shown-metrics.h: which metrics a table of runs shows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* The option's text, as a G_OPTION_ARG_STRING. */
#define KML_METRICS_OPTION(text, summary)                                                          \
  {                                                                                                \
    "metrics", 0, 0, G_OPTION_ARG_STRING, &(text), summary, "METRIC,…"                           \
  }

/* Those that @option (nullable) names; without it what the scenario's [expect] speaks of, and of the usual ones as many as there is
 * room for beside these; which are usual depends on what @results (element-type KmlResult) did. NULL-terminated. (transfer full) */
GStrv kml_shown_metrics (const char *option, const KmlScenario *scenario, const GPtrArray *results);

/* Before runs: whether there are metrics called as @option (nullable) says; otherwise an error of @command is printed. */
gboolean kml_shown_metrics_are_known (const char *option, const char *command);

/* Whether each is one that any of @results (element-type KmlResult) has; otherwise an error of @command is printed. */
gboolean kml_shown_metrics_check (const char *const *metrics, const GPtrArray *results,
                                  const char *command);

G_END_DECLS
