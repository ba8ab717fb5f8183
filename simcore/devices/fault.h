/* fault.h: things that go wrong on request.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   never
 *   every(N)               the N-th, the 2 N-th, …
 *   share(P)               each with probability P, a decimal from 0 to 1
 *   between(TIME, TIME)    all that happen from the one time on and before the other
 */

#pragma once

#include "simcore/base/rng.h"
#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef enum {
  KML_FAULT_NEVER,
  KML_FAULT_EVERY,
  KML_FAULT_SHARE,
  KML_FAULT_BETWEEN,
} KmlFaultKind;

typedef struct {
  KmlFaultKind kind;
  guint64 n;        /* EVERY: N; SHARE: P in units of 10^-9 */
  KmlTime from, to; /* BETWEEN */
} KmlFault;

gboolean kml_fault_parse (const char *text, KmlFault *ret_fault, GError **error);

/* For KmlParam.validate. */
gboolean kml_fault_validate (const char *text, GError **error);

/* Whether the @ordinal-th event (from 1 on), which happens at @now, is one that goes wrong. Draws from @rng only
 * for a share. */
gboolean kml_fault_strikes (const KmlFault *self, guint64 ordinal, KmlTime now, KmlRng *rng);

G_END_DECLS
