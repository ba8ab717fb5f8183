/* rerun.h: one run, executed again and again with other choices.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/running/run.h"

G_BEGIN_DECLS

typedef struct _KmlRerun KmlRerun;

/* Who comes next is @choose's to say, in each execution. Errors: INPUT when the run has no tasks, or cannot be built. */
KmlRerun *kml_rerun_new (const KmlScenario *scenario, const KmlRunSpec *spec, KmlChooseFunc choose,
                         gpointer data, GError **error);
void kml_rerun_free (KmlRerun *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlRerun, kml_rerun_free)

/* Executes it once more, from the beginning. */
gboolean kml_rerun_execute (KmlRerun *self, GError **error);

/* Of the latest execution: what [schedule] find says is sought: what it ended in, or else the first that it had. (nullable) */
const KmlIncident *kml_rerun_found (const KmlRerun *self);

/* The first that it had of what is not sought. (nullable) */
const KmlIncident *kml_rerun_unsought (const KmlRerun *self);

const char *kml_rerun_fingerprint (KmlRerun *self);

/* Of the latest execution: kml_run_has_caught_up(). */
gboolean kml_rerun_has_caught_up (const KmlRerun *self);

/* Whether it is made anew for each execution, having parts that cannot go back. */
gboolean kml_rerun_is_slow (const KmlRerun *self);

G_END_DECLS
