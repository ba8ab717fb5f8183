/* explore-private.h: what the files of the explorer share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * explore.c        the search: parts of it in their order
 * explore-part.c   one part, by one process
 * explore-jobs.c   several parts at a time
 * explore-replay.c one schedule
 * schedule-tree.c, draws.c, rerun.c   which schedules there are, and running them
 */

#pragma once

#include "scenarios/running/chooser.h"
#include "scenarios/exploring/explore.h"
#include "scenarios/exploring/rerun.h"

G_BEGIN_DECLS

/* Schedules that follow each other. */
typedef struct {
  KmlTreePlace place;  /* exhaustive: those that begin there, and … */
  guint n_fixed;       /* … go on to the last that has so many choices of them */
  guint64 first, last; /* by chance: those with the numbers [first, last) */
} KmlExplorePart;

typedef enum {
  KML_PART_END_DONE,  /* all of it was looked at */
  KML_PART_END_FOUND, /* what is sought: state.place.choices is its schedule */
  KML_PART_END_OVER,  /* the budget was */
} KmlPartEnd;

/* What a search needs to know of the run. */
typedef struct {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  const KmlExploreConfig *config;
  KmlChooser how; /* by chance */
} KmlExploreTask;

/* By chance: how schedules of the run are drawn, but for the steps of PCT. */
KmlChooser kml_explore_chooser (const KmlRunSpec *spec, const KmlSearch *search);

/* The whole search from @state on, by config->n_jobs processes besides this one. */
gboolean kml_explore_jobs (const KmlExploreTask *task, KmlExploreState *state, KmlPartEnd *ret_end,
                           GError **error);

/* Looks at @part and adds what it sees to @state. @budget: of schedules, counted from where @state is at the beginning. */
gboolean kml_explore_part (const KmlExploreTask *task, const KmlExplorePart *part,
                           KmlExploreState *state, KmlPartEnd *ret_end, GError **error);

/* One schedule had @incident (nullable), which is not sought. */
void kml_explore_note (KmlUnsought *self, const KmlIncident *incident);

/* Executes the schedule that the run has by the clock. It counts where something is found, and state->place.choices is it. */
gboolean kml_explore_own (const KmlExploreTask *task, KmlExploreState *state, gboolean *ret_found,
                          GError **error);

G_END_DECLS
