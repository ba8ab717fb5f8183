/* draws.c: schedules of a run by chance, and answers that are given already.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/exploring/draws.h"

#include "simcore/base/units.h"

#define MAX_CHOICE 256 /* there are never so many that could go on */

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

gboolean
kml_replayer_check (const KmlReplayer *self, GError **error)
{
  const guint n = self->choices->len;

  if (self->is_wrong)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 self->at == n ? "choice %u: the schedule goes on, but there are no more choices"
                               : "choice %u is out of range there",
                 self->at + 1);
  else if (self->at < n)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "choice %u: the schedule has ended before it; there are %u choices too many",
                 self->at + 1, n - self->at);
  return !self->is_wrong && self->at == n;
}

gboolean
kml_choices_parse (const char *text, GArray *choices, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  for (guint i = 0; words[i] != NULL; i++) {
    guint64 choice;
    guint32 narrow;

    if (words[i][0] == '\0')
      continue;
    if (!kml_parse_count (words[i], &choice, NULL) || choice > MAX_CHOICE) {
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                   "choices: expected small numbers such as 0 or 1, not “%s”", words[i]);
      return FALSE;
    }
    narrow = (guint32)choice;
    g_array_append_val (choices, narrow);
  }
  return TRUE;
}

char *
kml_choices_format (const GArray *choices)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < choices->len; i++)
    g_string_append_printf (text, i == 0 ? "%u" : " %u", g_array_index (choices, guint32, i));
  return g_string_free (text, FALSE);
}

gboolean
kml_choices_validate (const char *text, GError **error)
{
  g_autoptr (GArray) choices = g_array_new (FALSE, FALSE, sizeof (guint32));

  return kml_choices_parse (text, choices, error);
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

const KmlIncident *
kml_draws_unsought (const KmlDraws *self)
{
  return self->is_cut ? NULL : kml_rerun_unsought (self->rerun);
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
