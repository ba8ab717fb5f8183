/* sought.h: which of what should not be ends a search, and counts as a failure of a schedule.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef guint32 KmlSought; /* 1 << KmlIncidentKind, of several */

G_STATIC_ASSERT (KML_N_INCIDENTS <= 32);

static inline gboolean
kml_is_sought (KmlSought self, KmlIncidentKind kind)
{
  return (self >> kind & 1) != 0;
}

/* "deadlocks", "bugs", "all", "bug.double_free", or several with commas between. */
gboolean kml_sought_parse (const char *text, KmlSought *ret_sought, GError **error);

/* For the table of settings. */
gboolean kml_sought_validate (const char *text, GError **error);

/* What [schedule] find of the run says. */
KmlSought kml_sought_of (const KmlRunSpec *spec);

G_END_DECLS
