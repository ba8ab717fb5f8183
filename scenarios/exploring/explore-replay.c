/* explore-replay.c: one schedule once more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/exploring/explore-private.h"

#include "scenarios/exploring/draws.h"

void
kml_replay_result_clear (KmlReplayResult *self)
{
  g_clear_pointer (&self->story, g_free);
  g_clear_pointer (&self->fingerprint, g_free);
}

gboolean
kml_explore_replay (const KmlScenario *scenario, const KmlRunSpec *spec, const GArray *choices,
                    KmlReplayResult *ret_result, GError **error)
{
  KmlReplayer replay = { .choices = choices };
  g_autoptr (KmlRerun) rerun = kml_rerun_new (scenario, spec, kml_replayer_choose, &replay, error);
  const KmlIncident *found;

  if (rerun == NULL || !kml_rerun_execute (rerun, error) || !kml_replayer_check (&replay, error))
    return FALSE;
  found = kml_rerun_found (rerun);
  *ret_result = (KmlReplayResult){
    .kind = found != NULL ? kml_incident_names[found->kind] : NULL,
    .is_bug = found != NULL && found->kind > KML_INCIDENT_INVERSION,
    .story = found != NULL ? kml_incident_story (found) : NULL,
    .fingerprint = g_strdup (kml_rerun_fingerprint (rerun)),
  };
  return TRUE;
}
