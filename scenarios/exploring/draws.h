/* draws.h: schedules of a run by chance, and answers that are given already.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/running/chooser.h"
#include "scenarios/exploring/rerun.h"

G_BEGIN_DECLS

/* ---- A list of choices, once more ---- */

typedef struct {
  const GArray *choices; /* borrowed (element-type guint32) */
  guint at;              /* so many were made */
  gboolean is_wrong;     /* one is out of range, or there are too few: the run was ended there */
} KmlReplayer;

/* KmlChooseFunc: @data is a KmlReplayer. */
guint kml_replayer_choose (const KmlCandidate *candidates, guint n, gpointer data);

/* After the run: whether it was one of this schedule, to the end. Errors: INPUT, with the choice at which it was not. */
gboolean kml_replayer_check (const KmlReplayer *self, GError **error);

/* As they are written: numbers with blanks between them. @choices: (element-type guint32): they are added to it, or it is written. */
gboolean kml_choices_parse (const char *text, GArray *choices, GError **error);
char *kml_choices_format (const GArray *choices);

/* Of a parameter (param.h). */
gboolean kml_choices_validate (const char *text, GError **error);

/* ---- By chance ---- */

/* The schedules of a run that belong to its seed, by number. */
typedef struct _KmlDraws KmlDraws;

/* @how: kind, depth, steps and share are taken. @longest: a schedule is cut behind so many choices. Errors: INPUT when the run has no
 * tasks, or cannot be built. */
KmlDraws *kml_draws_new (const KmlScenario *scenario, const KmlRunSpec *spec, const KmlChooser *how,
                         guint longest, GError **error);
void kml_draws_free (KmlDraws *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlDraws, kml_draws_free)

/* Executes the @index-th. */
gboolean kml_draws_execute (KmlDraws *self, guint64 index, GError **error);

/* Of the latest: whether it was cut; what it ended in, if it was not (nullable); what it had besides (nullable); its choices
 * (element-type guint32). */
gboolean kml_draws_is_cut (const KmlDraws *self);
const KmlIncident *kml_draws_found (const KmlDraws *self);
const KmlIncident *kml_draws_unsought (const KmlDraws *self);
const GArray *kml_draws_choices (const KmlDraws *self);

/* kml_rerun_is_slow() */
gboolean kml_draws_are_slow (const KmlDraws *self);

G_END_DECLS
