/* potential.c: what the lock validator warns of, and whether a schedule really deadlocks there.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The validator (simcore/locks/lockdep.h) says from one run that others could deadlock, as far as locks are concerned; exploring knows all others. A
 * warning is confirmed by a deadlock in which each of its classes is waited for. Where all schedules were tried and none deadlocked, it is a false alarm: of
 * this scenario, whose programs may do less than a kernel.
 *
 * fs_reclaim is nobody's lock, so it is not asked for: that somebody waits in reclaim is another edge of the deadlock.
 */

#include "scenarios/exploring/potential.h"

#include "scenarios/exploring/draws.h"
#include "scenarios/running/sought.h"
#include "simcore/locks/lockdep.h"

#define MAX_CHOICES 1000000 /* of a run that has no end: a second */

const char *const kml_potential_fates[] = { "refuted", "open", "confirmed", NULL };

static void
clear_potential (gpointer data)
{
  g_free (((KmlPotential *)data)->classes);
}

GArray *
kml_potentials_new (void)
{
  GArray *potentials = g_array_new (FALSE, FALSE, sizeof (KmlPotential));

  g_array_set_clear_func (potentials, clear_potential);
  return potentials;
}

/* Whether a task of the deadlock waits for a lock of that class. */
static gboolean
is_waited_for (const KmlIncident *deadlock, const char *class)
{
  for (guint i = 0; i < deadlock->edges->len; i++) {
    const KmlIncidentEdge *edge = &g_array_index (deadlock->edges, KmlIncidentEdge, i);

    if (g_strcmp0 (edge->lock_class, class) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_confirmed_by (const KmlLockdepReport *report, const GArray *incidents)
{
  for (guint i = 0; i < incidents->len; i++) {
    const KmlIncident *incident = &g_array_index (incidents, KmlIncident, i);
    gboolean all = incident->kind == KML_INCIDENT_DEADLOCK;

    for (guint j = 0; all && j < report->classes->len; j++) {
      const char *class = g_ptr_array_index (report->classes, j);

      all = g_str_equal (class, KML_LOCKDEP_RECLAIM) || is_waited_for (incident, class);
    }
    if (all)
      return TRUE;
  }
  return FALSE;
}

static void
add (GArray *potentials, const KmlLockdepReport *report, KmlPotentialFate fate)
{
  KmlPotential new = { report->kind, (guint8)fate, kml_lockdep_report_classes (report) };

  for (guint i = 0; i < potentials->len; i++) {
    KmlPotential *potential = &g_array_index (potentials, KmlPotential, i);

    if (potential->kind == new.kind && g_str_equal (potential->classes, new.classes)) {
      potential->fate = MAX (potential->fate, new.fate);
      g_free (new.classes);
      return;
    }
  }
  g_array_append_val (potentials, new);
}

/* ---- Running ---- */

/* The order of the clock, so far: a run that has no end shows soon what it takes in which order. */
typedef struct {
  KmlChooser clock;
  guint n_left;
} Beginning;

static guint
choose_by_clock (const KmlCandidate *candidates, guint n, gpointer data)
{
  Beginning *self = data;

  if (self->n_left == 0)
    return G_MAXUINT;
  self->n_left--;
  return kml_chooser_choose (candidates, n, &self->clock);
}

static gboolean
judge_run (GArray *potentials, const KmlScenario *scenario, const KmlRunSpec *spec,
           KmlPotentialFate otherwise, const GArray *choices, GError **error)
{
  g_autoptr (KmlRun) run = kml_run_new (scenario, spec, error);
  KmlReplayer replay = { .choices = choices };
  Beginning beginning = { { .kind = KML_CHOOSER_CLOCK }, MAX_CHOICES };
  const GArray *reports;

  if (run == NULL)
    return FALSE;
  if (choices != NULL)
    kml_run_set_choices (run, kml_replayer_choose, &replay);
  else
    kml_run_set_choices (run, choose_by_clock, &beginning);
  if (!kml_run_execute (run, error))
    return FALSE;
  reports = kml_lockdep_reports (kml_run_lockdep (run));
  for (guint i = 0; i < reports->len; i++) {
    const KmlLockdepReport *report = &g_array_index (reports, KmlLockdepReport, i);

    add (potentials, report,
         is_confirmed_by (report, kml_run_incidents (run)) ? KML_POTENTIAL_CONFIRMED : otherwise);
  }
  return TRUE;
}

gboolean
kml_potentials_judge (GArray *potentials, const KmlScenario *scenario, const KmlRunSpec *spec,
                      KmlExploreVerdict verdict, const GArray *choices, GError **error)
{
  const gboolean is_refuted = verdict == KML_EXPLORE_EXHAUSTED &&
                              kml_is_sought (kml_sought_of (spec), KML_INCIDENT_DEADLOCK);
  const KmlPotentialFate otherwise = is_refuted ? KML_POTENTIAL_REFUTED : KML_POTENTIAL_OPEN;

  return judge_run (potentials, scenario, spec, otherwise, NULL, error) &&
         (verdict != KML_EXPLORE_FOUND ||
          judge_run (potentials, scenario, spec, otherwise, choices, error));
}
