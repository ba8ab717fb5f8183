/* alias.h: draws from a table of weights.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/base/rng.h"

G_BEGIN_DECLS

typedef struct {
  guint64 value;
  guint64 weight;
} KmlWeighted;

/* A column of the table. */
typedef struct {
  guint64 value;
  guint64 other; /* the value that shares the column */
  guint64 share; /* how much of the total weight is the column's own value */
} KmlAliasColumn;

/* Zeroed: none. */
typedef struct {
  KmlAliasColumn *columns; /* (array length=n) (owned) */
  guint n;
  guint64 total; /* of the weights */
} KmlAlias;

/* FALSE when no weight is positive. The total must fit 63 bits. */
gboolean kml_alias_init (KmlAlias *self, const KmlWeighted *items, guint n);
void kml_alias_finish (KmlAlias *self);

/* A value with a probability in proportion to its weight, exactly: two draws of the stream. */
static inline guint64
kml_alias_draw (const KmlAlias *self, KmlRng *rng)
{
  const KmlAliasColumn *column = &self->columns[kml_rng_below (rng, self->n)];

  return kml_rng_below (rng, self->total) < column->share ? column->value : column->other;
}

G_END_DECLS
