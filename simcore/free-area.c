/* free-area.c: counting free runs, and what fragmentation follows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/free-area.h"

/* The order of the largest aligned block that starts at @pfn and ends within @n_frames. */
static guint
largest_order (KmlPfn pfn, guint64 n_frames)
{
  const guint aligned = pfn == 0 ? KML_MAX_ORDER : (guint)__builtin_ctz (pfn);
  const guint fits = 63 - (guint)__builtin_clzll (n_frames);

  return MIN (MIN (aligned, fits), KML_MAX_ORDER);
}

void
kml_free_area_watch (KmlFreeArea *self, guint order)
{
  self->watched_order = order;
  self->n_large = kml_free_area_suitable (self, order);
}

void
kml_free_area_add_run (KmlFreeArea *self, KmlPfn first, guint64 n_frames, KmlMobility mobility)
{
  while (n_frames > 0) {
    const guint order = largest_order (first, n_frames);

    kml_free_area_add (self, order, mobility);
    first += (KmlPfn)1 << order;
    n_frames -= G_GUINT64_CONSTANT (1) << order;
  }
}

void
kml_free_area_remove_run (KmlFreeArea *self, KmlPfn first, guint64 n_frames, KmlMobility mobility)
{
  while (n_frames > 0) {
    const guint order = largest_order (first, n_frames);

    kml_free_area_remove (self, order, mobility);
    first += (KmlPfn)1 << order;
    n_frames -= G_GUINT64_CONSTANT (1) << order;
  }
}

guint64
kml_free_area_suitable (const KmlFreeArea *self, guint order)
{
  guint64 n = 0;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint k = order; k <= KML_MAX_ORDER; k++)
      n += self->blocks[mobility][k] << k;
  return n;
}

double
kml_free_area_unusable (const KmlFreeArea *self, guint order)
{
  if (self->n_free == 0)
    return 0.0;
  return (double)(self->n_free - kml_free_area_suitable (self, order)) / (double)self->n_free;
}
