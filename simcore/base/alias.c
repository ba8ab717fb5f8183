/* alias.c: draws from a table of weights.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A. J. Walker, "New fast method for generating discrete random numbers with arbitrary frequency distributions",
 * Electronics Letters 10(8), 1974; built as by M. D. Vose, 1991, but of integers. The n bars of a histogram
 * are stacked, cut and mended, into n columns of the same height, each of at most two values; a draw picks a
 * column, and one of its two values.
 */

#include "simcore/base/alias.h"

typedef unsigned __int128 Wide;

/* Cuts what stands out of the bars (n times the weight) above the height (the total) and mends with it those below:
 * @items have positive weights. */
static void
build (KmlAlias *self, const KmlWeighted *items, guint n)
{
  const guint64 total = self->total;
  g_autofree Wide *bars = g_new (Wide, n);
  g_autofree guint *low = g_new (guint, n);
  g_autofree guint *high = g_new (guint, n);
  guint n_low = 0, n_high = 0;

  for (guint i = 0; i < n; i++) {
    bars[i] = (Wide)items[i].weight * n;
    if (bars[i] < total)
      low[n_low++] = i;
    else
      high[n_high++] = i;
  }
  while (n_low > 0) {
    const guint i = low[--n_low];
    /* the bars' mean is the height: below it needs one above it */
    const guint donor = high[n_high - 1];

    self->columns[i] = (KmlAliasColumn){ items[i].value, items[donor].value, (guint64)bars[i] };
    bars[donor] -= total - bars[i];
    if (bars[donor] < total) {
      n_high--;
      low[n_low++] = donor;
    }
  }
  while (n_high > 0) {
    const guint i = high[--n_high];

    g_assert (bars[i] == total);
    self->columns[i] = (KmlAliasColumn){ items[i].value, items[i].value, total };
  }
}

gboolean
kml_alias_init (KmlAlias *self, const KmlWeighted *items, guint n)
{
  g_autofree KmlWeighted *positive = g_new (KmlWeighted, n);
  guint n_positive = 0;

  *self = (KmlAlias){ 0 };
  for (guint i = 0; i < n; i++) {
    if (items[i].weight > 0)
      positive[n_positive++] = items[i];
    self->total += items[i].weight;
    g_assert (self->total <= G_MAXINT64);
  }
  if (n_positive == 0)
    return FALSE;
  self->columns = g_new (KmlAliasColumn, n_positive);
  self->n = n_positive;
  build (self, positive, n_positive);
  return TRUE;
}

void
kml_alias_finish (KmlAlias *self)
{
  g_clear_pointer (&self->columns, g_free);
  self->n = 0;
}
