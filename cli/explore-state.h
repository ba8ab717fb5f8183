/* explore-state.h: a search that was stopped, in a small text file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/exploring/explore.h"

G_BEGIN_DECLS

typedef struct {
  char *search;  /* (owned): what was asked for, as text */
  guint64 index; /* the run of the scenario that is explored */
  guint64 n_schedules_before, n_blocked_before, n_pruned_before; /* in the runs before it */
  /* by chance: the first number of each run in this round, and in the next */
  guint64 round, next_round;
  KmlExploreState state;
} KmlExploreStop;

void kml_explore_stop_init (KmlExploreStop *self);
void kml_explore_stop_clear (KmlExploreStop *self);

/* Errors: INPUT with the line, WORLD. */
gboolean kml_explore_stop_load (KmlExploreStop *self, const char *path, GError **error);
gboolean kml_explore_stop_save (const KmlExploreStop *self, const char *path, GError **error);

G_END_DECLS
