/* time-law.h: how long something takes, as scenarios write it: 5us, 1us..3us, exponential(2us).
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/distribution.h"

G_BEGIN_DECLS

typedef struct {
  KmlTime lo, hi;      /* a time that is uniform in [lo, hi] … */
  KmlDistribution law; /* … unless it has a law */
  gboolean has_law;
} KmlTimeLaw;

/* FALSE with an error of INPUT, and nothing to clear. */
gboolean kml_time_law_parse (const char *text, KmlTimeLaw *ret_law, GError **error);
void kml_time_law_clear (KmlTimeLaw *self);

/* A time that never varies draws nothing from @rng. */
KmlTime kml_time_law_draw (const KmlTimeLaw *self, KmlRng *rng);

/* For KmlParam.validate; "" is no law, and allowed. */
gboolean kml_time_law_validate (const char *text, GError **error);

G_END_DECLS
