/* sample.c: how often a run fails, over schedules by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/exploring/sample.h"

#include "scenarios/exploring/draws.h"
#include "scenarios/exploring/explore-private.h"

#define MAX_CHOICES 100000 /* of a schedule: many are looked at to their end */

gboolean
kml_sample_schedules (const KmlScenario *scenario, const KmlRunSpec *spec, const KmlSampleHow *how,
                      KmlSample *ret_sample, GError **error)
{
  KmlChooser chooser = kml_explore_chooser (spec, &how->search);
  g_autoptr (KmlDraws) draws = NULL;

  *ret_sample = (KmlSample){ 0 };
  chooser.steps = how->steps;
  draws = kml_draws_new (scenario, spec, &chooser, MAX_CHOICES, error);
  if (draws == NULL)
    return FALSE;
  for (guint64 i = 0; i < how->n && (how->stop == NULL || !how->stop (how->data)); i++) {
    if (!kml_draws_execute (draws, i, error))
      return FALSE;
    ret_sample->n_schedules++;
    ret_sample->n_cut += kml_draws_is_cut (draws);
    if (kml_draws_found (draws) == NULL)
      continue;
    if (ret_sample->n_failed++ == 0 && how->first != NULL)
      g_array_append_vals (how->first, kml_draws_choices (draws)->data,
                           kml_draws_choices (draws)->len);
  }
  return TRUE;
}
