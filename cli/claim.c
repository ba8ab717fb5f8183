/* claim.c: a scenario that claims something, and whether that holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/claim.h"
#include "cli/output.h"

#include <math.h>

void
kml_claim_free (KmlClaim *self)
{
  kml_experiment_free (self->experiment);
  g_array_unref (self->lines);
  g_free (self->path);
  g_free (self);
}

static gboolean
was_interrupted (const KmlClaim *self)
{
  return self->status == KML_EXIT_INTERRUPT || self->status == KML_EXIT_TERMINATE;
}

/* A line that is about no run says nothing, which is not what it was written for. */
KmlJudgement
kml_claim_judge_line (const KmlClaim *self, const KmlClaimLine *line)
{
  if (line->n_held < line->n_runs)
    return KML_FAILS;
  if (was_interrupted (self))
    return KML_OPEN;
  if (line->n_runs > 0)
    return KML_HOLDS;
  return self->status == KML_EXIT_DONE || self->status == KML_EXIT_FOUND ? KML_FAILS : KML_NOT_RUN;
}

KmlJudgement
kml_claim_judge (const KmlClaim *self)
{
  for (guint i = 0; i < self->lines->len; i++)
    if (kml_claim_judge_line (self, &g_array_index (self->lines, KmlClaimLine, i)) == KML_FAILS)
      return KML_FAILS;
  if (was_interrupted (self))
    return KML_OPEN;
  return self->status == KML_EXIT_DONE ? KML_HOLDS : KML_FAILS;
}

/* ---- Running ---- */

/* The line of @expectation. What no scenario has to say (that there are no deadlocks) gets one where it is not so. */
static KmlClaimLine *
line_of (KmlClaim *self, const KmlExpectation *expectation)
{
  const KmlClaimLine line = { expectation, NAN, NAN, 0, 0 };

  for (guint i = 0; i < self->lines->len; i++)
    if (g_array_index (self->lines, KmlClaimLine, i).expectation == expectation)
      return &g_array_index (self->lines, KmlClaimLine, i);
  g_array_append_val (self->lines, line);
  return &g_array_index (self->lines, KmlClaimLine, self->lines->len - 1);
}

static void
judge_run (KmlClaim *self, const KmlResult *result)
{
  g_autoptr (GArray) verdicts = kml_experiment_verdicts (self->experiment, result);

  if (g_strcmp0 (result->status, "done") != 0)
    return;
  for (guint i = 0; i < verdicts->len; i++) {
    const KmlVerdict *verdict = &g_array_index (verdicts, KmlVerdict, i);
    KmlClaimLine *line = line_of (self, verdict->expectation);

    line->least = fmin (line->least, verdict->measured); /* of a number and none the number */
    line->most = fmax (line->most, verdict->measured);
    line->n_runs++;
    line->n_held += verdict->held;
  }
}

static void
run_claim (KmlClaim *self)
{
  const GPtrArray *expectations = kml_scenario_expectations (self->experiment->scenario);
  g_autoptr (GPtrArray) results = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < expectations->len; i++)
    line_of (self, g_ptr_array_index (expectations, i));
  self->status = kml_experiment_run (self->experiment);
  results = kml_experiment_results (self->experiment, &error);
  if (results == NULL) {
    self->status = kml_worse_exit (self->status, kml_fail (error));
    return;
  }
  for (guint i = 0; i < results->len; i++)
    judge_run (self, g_ptr_array_index (results, i));
}

/* FALSE after what is wrong with the file has been said. */
static gboolean
load_claim (KmlClaim *self, const KmlRunOptions *run_options)
{
  g_autoptr (KmlExperiment)
      experiment = kml_experiment_new (self->path, run_options, NULL, &self->status);

  if (experiment == NULL)
    return FALSE;
  if (kml_scenario_expectations (experiment->scenario)->len == 0) {
    self->status = kml_usage_error ("check", "%s has no [expect] group: it claims nothing",
                                    self->path);
    return FALSE;
  }
  self->experiment = g_steal_pointer (&experiment);
  return TRUE;
}

void
kml_claim_look_at (KmlClaim *self, const KmlRunOptions *run_options)
{
  if (load_claim (self, run_options))
    run_claim (self);
  if (self->status == KML_EXIT_DONE && kml_claim_judge (self) == KML_FAILS)
    self->status = KML_EXIT_FOUND;
}

KmlClaim *
kml_claim_new (const char *path)
{
  KmlClaim *self = g_new0 (KmlClaim, 1);

  self->path = g_strdup (path);
  self->lines = g_array_new (FALSE, FALSE, sizeof (KmlClaimLine));
  return self;
}
