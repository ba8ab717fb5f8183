/* draws.c: schedules of a run by chance, and answers that are given already.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/draws.h"

guint
kml_replayer_choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  KmlReplayer *self = data;

  if (self->at == self->choices->len || g_array_index (self->choices, guint32, self->at) >= n) {
    self->is_wrong = TRUE;
    return G_MAXUINT;
  }
  return g_array_index (self->choices, guint32, self->at++);
}

/* ---- By chance ---- */

struct _KmlDraws {
  KmlChooser chooser;
  guint64 seed;
  guint longest;
  GArray *choices; /* (owned) (element-type guint32) */
  gboolean is_cut;
  KmlRerun *rerun; /* (owned) */
};

static guint
draw (const KmlCandidate *candidates, guint n, gpointer data)
{
  KmlDraws *self = data;
  guint32 choice;

  if (self->choices->len == self->longest) {
    self->is_cut = TRUE;
    return G_MAXUINT;
  }
  choice = kml_chooser_choose (candidates, n, &self->chooser);
  g_array_append_val (self->choices, choice);
  return choice;
}

KmlDraws *
kml_draws_new (const KmlScenario *scenario, const KmlRunSpec *spec, const KmlChooser *how,
               guint longest, GError **error)
{
  g_autoptr (KmlDraws) self = g_new0 (KmlDraws, 1);

  self->chooser = *how;
  self->seed = spec->seed;
  self->longest = longest;
  self->choices = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->rerun = kml_rerun_new (scenario, spec, draw, self, error);
  return self->rerun != NULL ? g_steal_pointer (&self) : NULL;
}

void
kml_draws_free (KmlDraws *self)
{
  if (self == NULL)
    return;
  kml_rerun_free (self->rerun);
  g_array_unref (self->choices);
  g_free (self);
}

gboolean
kml_draws_execute (KmlDraws *self, guint64 index, GError **error)
{
  g_array_set_size (self->choices, 0);
  self->is_cut = FALSE;
  kml_chooser_begin (&self->chooser, self->seed, index);
  return kml_rerun_execute (self->rerun, error);
}

gboolean
kml_draws_is_cut (const KmlDraws *self)
{
  return self->is_cut;
}

const KmlIncident *
kml_draws_found (const KmlDraws *self)
{
  return self->is_cut ? NULL : kml_rerun_found (self->rerun);
}

const GArray *
kml_draws_choices (const KmlDraws *self)
{
  return self->choices;
}

gboolean
kml_draws_are_slow (const KmlDraws *self)
{
  return kml_rerun_is_slow (self->rerun);
}
