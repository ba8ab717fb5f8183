/* explore-report.h: what a search has found, and how it is said.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/exploring/explore.h"
#include "scenarios/exploring/minimise.h"

G_BEGIN_DECLS

typedef struct {
  KmlExploreVerdict verdict;
  guint64 n_schedules, n_blocked, n_pruned, longest;
  KmlUnsought unsought;
  gboolean is_finished; /* there is nothing left to look at */
  gboolean is_bounded;  /* in preemptions */
  const char *kind;     /* (nullable): what was found: "deadlock", "stall", "freeing twice", … */
  gboolean is_bug;      /* and no deadlock or the like */
  char *reproducer, *story; /* (owned) (nullable) */
  char *endless;            /* (owned) (nullable): the key that would give the space an end */
  /* its number: was not explored, since one before it has what is sought; 0: none */
  guint64 next_run;
  KmlMinimised minimised;
  GArray *potentials; /* (owned) (element-type KmlPotential) */
} KmlExploreReport;

/* Of nothing so far: none. */
void kml_explore_report_init (KmlExploreReport *self);
void kml_explore_report_clear (KmlExploreReport *self);

/* For people, with hints unless @quiet, or as a document. @wall: seconds; @state_path: where a search that was stopped is. */
void kml_explore_report_say (const KmlExploreReport *self, double wall, const char *state_path,
                             gboolean quiet);
void kml_explore_report_say_json (const KmlExploreReport *self, double wall);

G_END_DECLS
