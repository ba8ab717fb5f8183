/* distribution.h: the laws that sizes, orders, lifetimes and times of service follow.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A law is written as name(arguments) and drawn from in integers only, so a
 * seed gives the same draws on every machine. What each law means to the last
 * detail stands in distribution.c.
 */

#pragma once

#include "simcore/base/rng.h"
#include "simcore/base/types.h"
#include "simcore/workload.h"
#include "simcore/base/alias.h"

G_BEGIN_DECLS

#define KML_MAX_DRAWN_SIZE G_MAXUINT32 /* bytes */

/* What is drawn, which decides the laws there are and the units of their arguments. */
typedef enum {
  KML_DRAW_SIZES,     /* bytes, from 1 to KML_MAX_DRAWN_SIZE */
  KML_DRAW_ORDERS,    /* from 0 to KML_MAX_ORDER */
  KML_DRAW_LIFETIMES, /* ps; KML_TIME_MAX: forever */
  KML_DRAW_SERVICES,  /* ps: what a device takes for something */
} KmlDraw;

typedef enum {
  KML_LAW_FIXED,
  KML_LAW_UNIFORM,
  KML_LAW_LOG_UNIFORM,
  KML_LAW_GEOMETRIC,
  KML_LAW_EXPONENTIAL,
  KML_LAW_LOG_NORMAL,
  KML_LAW_WEIGHTED,
  KML_LAW_TRACE, /* not yet drawable: kml_distribution_set_counts() makes it weighted */
} KmlLawKind;

typedef struct {
  KmlLawKind kind;
  guint64 a, b, max; /* what the law needs, prepared: see distribution.c */
  KmlAlias weighted; /* WEIGHTED */
  char *path;        /* TRACE (owned): as written */
} KmlDistribution;

gboolean kml_distribution_parse (const char *text, KmlDraw what, KmlDistribution *ret_law,
                                 GError **error);
void kml_distribution_clear (KmlDistribution *self);

/* Makes the law that of the given sizes, each in proportion to its count. FALSE: there are
 * none that can be drawn. */
gboolean kml_distribution_set_counts (KmlDistribution *self, const KmlSizeCount *counts, guint n);

guint64 kml_distribution_draw_from (const KmlDistribution *self, KmlRng *rng);

static inline guint64
kml_distribution_draw (const KmlDistribution *self, KmlRng *rng)
{
  return self->kind == KML_LAW_FIXED ? self->a : kml_distribution_draw_from (self, rng);
}

/* For KmlParam.grammar. */
#define KML_SERVICE_GRAMMAR                                                                        \
  "exponential(TIME) | fixed(TIME) | uniform(TIME, TIME) | lognormal(MEDIAN, SIGMA) | "            \
  "weighted(TIME:WEIGHT, …)"

/* For KmlParam.validate. */
gboolean kml_distribution_validate_sizes (const char *text, GError **error);
gboolean kml_distribution_validate_orders (const char *text, GError **error);
gboolean kml_distribution_validate_lifetimes (const char *text, GError **error);
gboolean kml_distribution_validate_services (const char *text, GError **error);

G_END_DECLS
