/* rerun.c: a run that goes back to its beginning, or another one like it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where all parts of a run can go back (kml_run_remember()), it is built once. Otherwise each execution gets a run of its own;
 * what comes out is the same, some hundred times slower.
 */

#include "scenarios/exploring/rerun.h"

#include "scenarios/running/sought.h"

struct _KmlRerun {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  KmlChooseFunc choose;
  gpointer data;
  KmlSought sought;
  KmlRun *run; /* (owned) */
  gboolean goes_back;
  gboolean is_fresh; /* not yet executed */
};

static gboolean
build (KmlRerun *self, GError **error)
{
  self->run = kml_run_new (self->scenario, self->spec, error);
  if (self->run == NULL)
    return FALSE;
  if (!kml_run_set_choices (self->run, self->choose, self->data)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: there is nothing to explore without tasks: it has no group [task NAME]",
                 kml_scenario_name (self->scenario));
    return FALSE;
  }
  self->goes_back = kml_run_remember (self->run);
  self->is_fresh = TRUE;
  return TRUE;
}

KmlRerun *
kml_rerun_new (const KmlScenario *scenario, const KmlRunSpec *spec, KmlChooseFunc choose,
               gpointer data, GError **error)
{
  g_autoptr (KmlRerun) self = g_new0 (KmlRerun, 1);

  self->scenario = scenario;
  self->spec = spec;
  self->choose = choose;
  self->data = data;
  self->sought = kml_sought_of (spec);
  return build (self, error) ? g_steal_pointer (&self) : NULL;
}

void
kml_rerun_free (KmlRerun *self)
{
  if (self == NULL)
    return;
  kml_run_free (self->run);
  g_free (self);
}

gboolean
kml_rerun_execute (KmlRerun *self, GError **error)
{
  if (!self->is_fresh && self->goes_back) {
    kml_run_go_back (self->run);
  } else if (!self->is_fresh) {
    g_clear_pointer (&self->run, kml_run_free);
    if (!build (self, error))
      return FALSE;
  }
  self->is_fresh = FALSE;
  return kml_run_execute (self->run, error);
}

const KmlIncident *
kml_rerun_found (const KmlRerun *self)
{
  const GArray *incidents = kml_run_incidents (self->run);
  const KmlIncident *found = NULL;

  for (guint i = 0; i < incidents->len; i++) {
    const KmlIncident *incident = &g_array_index (incidents, KmlIncident, i);

    if (!kml_is_sought (self->sought, incident->kind))
      continue;
    if (incident->kind <= KML_INCIDENT_LIVELOCK) /* what ends a run */
      return incident;
    if (found == NULL)
      found = incident;
  }
  return found;
}

const KmlIncident *
kml_rerun_unsought (const KmlRerun *self)
{
  const GArray *incidents = kml_run_incidents (self->run);

  for (guint i = 0; i < incidents->len; i++) {
    const KmlIncident *incident = &g_array_index (incidents, KmlIncident, i);

    if (!kml_is_sought (self->sought, incident->kind))
      return incident;
  }
  return NULL;
}

gboolean
kml_rerun_has_caught_up (const KmlRerun *self)
{
  return kml_run_has_caught_up (self->run);
}

const char *
kml_rerun_fingerprint (KmlRerun *self)
{
  return kml_run_fingerprint (self->run);
}

gboolean
kml_rerun_is_slow (const KmlRerun *self)
{
  return !self->goes_back;
}
