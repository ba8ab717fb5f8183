/* races.h: which steps of a schedule could have come in the other order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

/* Whether both orders of two steps lead to the same state. */
gboolean kml_steps_are_independent (const KmlCandidate *a, const KmlCandidate *b);

/* The steps of a schedule so far, and what happens before what. */
typedef struct _KmlRaces KmlRaces;

KmlRaces *kml_races_new (void);
void kml_races_free (KmlRaces *self);

/* The first @n steps stay. */
void kml_races_truncate (KmlRaces *self, guint n);

/* The step with the number @at could have been put off: instead of it any of @whos could go on there, to let the latest step come before it. */
typedef void (*KmlRaceFunc) (guint at, const guint *whos, guint n_whos, gpointer data);

#define KML_NO_STEP G_MAXUINT

/* @step comes next. @enabler: the step that has made it possible, or has changed what it touches, or KML_NO_STEP; @is_possible_before: it was possible,
 * though it would have touched something else. @found is called for each race with an earlier step. */
void kml_races_add (KmlRaces *self, const KmlCandidate *step, guint enabler,
                    gboolean is_possible_before, KmlRaceFunc found, gpointer data);

G_END_DECLS
