/* arrivals.h: when a synthetic workload asks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   poisson(RATE)     the gaps are exponential, with mean 1 / RATE
 *   periodic(TIME)    one request at TIME, 2 TIME, 3 TIME …
 *   bursts(N, TIME)   N requests at each of these
 *   closed            no clock of its own: the next as soon as the last is done
 */

#pragma once

#include "simcore/base/rng.h"
#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef enum {
  KML_ARRIVALS_POISSON,
  KML_ARRIVALS_PERIODIC,
  KML_ARRIVALS_BURSTS,
  KML_ARRIVALS_CLOSED,
} KmlArrivalsKind;

typedef struct {
  KmlArrivalsKind kind;
  guint64 gap;     /* POISSON: the mean, in 2^-24 ps; PERIODIC and BURSTS: ps */
  guint64 n_burst; /* requests at once */
} KmlArrivals;

/* The time of the next request. Fractions of a picosecond are carried, so that the mean rate
 * is exact. */
typedef struct {
  KmlRng rng;
  unsigned __int128 now; /* 2^-24 ps */
  guint64 n_left;        /* of the burst */
} KmlArrivalsClock;

gboolean kml_arrivals_parse (const char *text, KmlArrivals *ret_arrivals, GError **error);

/* For KmlParam.validate. */
gboolean kml_arrivals_validate (const char *text, GError **error);

/* The next request's time, above 0; KML_TIME_MAX: beyond the end of simulated time. Not for
 * closed arrivals. */
KmlTime kml_arrivals_next (const KmlArrivals *self, KmlArrivalsClock *clock);

G_END_DECLS
