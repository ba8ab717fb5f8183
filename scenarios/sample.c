/* sample.c: how often a run fails, over schedules by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/sample.h"

#include "scenarios/chooser.h"
#include "scenarios/explore-private.h"

#define MAX_CHOICES 100000

static guint
draw (const KmlCandidate *candidates, guint n, gpointer data)
{
  KmlChooser *self = data;

  return self->at == MAX_CHOICES ? G_MAXUINT : kml_chooser_choose (candidates, n, self);
}

gboolean
kml_sample_schedules (const KmlScenario *scenario, const KmlRunSpec *spec, guint64 n,
                      gboolean (*stop) (gpointer data), gpointer data, KmlSample *ret_sample,
                      GError **error)
{
  KmlChooser chooser = { .kind = KML_CHOOSER_RANDOM, .share = kml_explore_share (spec) };
  g_autoptr (KmlRerun) rerun = kml_rerun_new (scenario, spec, draw, &chooser, error);

  *ret_sample = (KmlSample){ 0 };
  if (rerun == NULL)
    return FALSE;
  for (guint64 i = 0; i < n && (stop == NULL || !stop (data)); i++) {
    kml_chooser_begin (&chooser, spec->seed, i);
    if (!kml_rerun_execute (rerun, error))
      return FALSE;
    ret_sample->n_schedules++;
    if (chooser.at == MAX_CHOICES)
      ret_sample->n_cut++;
    else
      ret_sample->n_failed += kml_rerun_found (rerun) != NULL;
  }
  return TRUE;
}
