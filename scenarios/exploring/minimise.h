/* minimise.h: the shortest form of a deadlock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/exploring/explore.h"

G_BEGIN_DECLS

typedef struct {
  guint n_switches; /* how often another CPU goes on than the one before */
  guint n_choices;
  /* no schedule with a deadlock or stall has fewer switches, or as many and fewer choices */
  gboolean is_least;
} KmlMinimised;

/* Makes @choices (element-type guint32), a schedule that deadlocks or stalls, another one that does with fewest context switches, and of
 * those one with fewest choices; as far as a bounded search shows. */
gboolean kml_minimise (const KmlScenario *scenario, const KmlRunSpec *spec, GArray *choices,
                       KmlMinimised *ret_minimised, GError **error);

G_END_DECLS
