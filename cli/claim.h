/* claim.h: a scenario that claims something, and whether that holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A claim is a scenario with [expect]. A line of the table is one line of its [expect], over all runs that
 * it is about: the range of what was measured, and in how many of them it held. Of what an interrupt
 * left undone nothing is said but that: it neither holds nor fails.
 */

#pragma once

#include "cli/experiment.h"

G_BEGIN_DECLS

/* One line of [expect], over the runs that it is about. */
typedef struct {
  const KmlExpectation *expectation; /* (transfer none) */
  double least, most;                /* measured; not a number: in no run */
  guint n_runs, n_held;
} KmlClaimLine;

typedef struct {
  char *path;
  KmlExperiment *experiment; /* (owned) (nullable): is no good scenario, or not looked at */
  GArray *lines;             /* (owned) (element-type KmlClaimLine) */
  int status;                /* exit status of this claim alone */
} KmlClaim;

typedef enum {
  KML_HOLDS,
  KML_FAILS,
  KML_OPEN,    /* no run says otherwise, but an interrupt came before all were made */
  KML_NOT_RUN, /* of a line alone: an error came before any run that it is about had ended */
} KmlJudgement;

KmlClaim *kml_claim_new (const char *path);
void kml_claim_free (KmlClaim *self);

/* Loads and runs it; its status is what was said of it, or done. @run_options are borrowed as long as it lives. */
void kml_claim_look_at (KmlClaim *self, const KmlRunOptions *run_options);

/* Holds: came to its end, and each line held in each run. */
KmlJudgement kml_claim_judge (const KmlClaim *self);
KmlJudgement kml_claim_judge_line (const KmlClaim *self, const KmlClaimLine *line);

G_END_DECLS
