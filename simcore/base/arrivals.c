/* arrivals.c: when a synthetic workload asks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/arrivals.h"
#include "simcore/base/units.h"
#include "simcore/base/fixed-point.h"
#include "simcore/base/law.h"

typedef unsigned __int128 Wide;

#define FRACTION_BITS 24

/* One a picosecond; its mean gap has room in 64 bits with the fraction, as has that of one a
 * second: 10^12 * 2^24 < 2^64. */
#define MAX_RATE G_GUINT64_CONSTANT (1000000000000)

#define MAX_BURST G_MAXUINT32

static const KmlLawForm forms[] = {
  [KML_ARRIVALS_POISSON] = { "poisson", 1, "poisson(RATE)" },
  [KML_ARRIVALS_PERIODIC] = { "periodic", 1, "periodic(TIME)" },
  [KML_ARRIVALS_BURSTS] = { "bursts", 2, "bursts(N, TIME)" },
  [KML_ARRIVALS_CLOSED] = { "closed", 0, "closed" },
  { NULL, 0, NULL },
};

static gboolean
parse_rate (const char *text, guint64 *ret_gap, GError **error)
{
  guint64 rate;

  if (!kml_parse_rate (text, &rate, error))
    return FALSE;
  if (rate == 0 || rate > MAX_RATE)
    return kml_refuse_text ("a rate from 1/s to 1/ps", text, error);
  *ret_gap = (KML_S << FRACTION_BITS) / rate;
  return TRUE;
}

static gboolean
parse_gap (const char *text, guint64 *ret_gap, GError **error)
{
  if (!kml_parse_time (text, ret_gap, error))
    return FALSE;
  return *ret_gap > 0 || kml_refuse_text ("a time above 0", text, error);
}

gboolean
kml_arrivals_parse (const char *text, KmlArrivals *ret_arrivals, GError **error)
{
  g_auto (KmlLaw) law = { 0 };
  KmlArrivals arrivals = { .n_burst = 1 };

  if (!kml_law_parse (text, forms, &law, error))
    return FALSE;
  arrivals.kind = (KmlArrivalsKind)law.form;
  switch (arrivals.kind) {
  case KML_ARRIVALS_POISSON:
    if (!parse_rate (law.args[0], &arrivals.gap, error))
      return FALSE;
    break;
  case KML_ARRIVALS_PERIODIC:
    if (!parse_gap (law.args[0], &arrivals.gap, error))
      return FALSE;
    break;
  case KML_ARRIVALS_BURSTS:
    if (!kml_parse_count (law.args[0], &arrivals.n_burst, error) ||
        !parse_gap (law.args[1], &arrivals.gap, error))
      return FALSE;
    if (arrivals.n_burst == 0 || arrivals.n_burst > MAX_BURST)
      return kml_refuse_text ("a burst of 1 to 4294967295 requests", law.args[0], error);
    break;
  case KML_ARRIVALS_CLOSED:
    break;
  }
  *ret_arrivals = arrivals;
  return TRUE;
}

gboolean
kml_arrivals_validate (const char *text, GError **error)
{
  KmlArrivals arrivals;

  return kml_arrivals_parse (text, &arrivals, error);
}

KmlTime
kml_arrivals_next (const KmlArrivals *self, KmlArrivalsClock *clock)
{
  const Wide end = (Wide)KML_TIME_MAX << FRACTION_BITS;
  KmlTime now;

  if (clock->n_left > 0) {
    clock->n_left--;
  } else {
    if (self->kind == KML_ARRIVALS_POISSON)
      clock->now += ((Wide)self->gap * kml_fixed_minus_ln (kml_rng_next (&clock->rng))) >> 58;
    else
      clock->now += (Wide)self->gap << FRACTION_BITS;
    clock->now = MIN (clock->now, end); /* and stays there */
    clock->n_left = self->n_burst - 1;
  }
  now = (KmlTime)(clock->now >> FRACTION_BITS);
  return MAX (now, 1); /* 0 would mean: as soon as possible */
}
