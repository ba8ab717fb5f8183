/* free-area.c: counting free runs, and what fragmentation follows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/memory/free-area.h"

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

/* ---- As Linux counts ---- */

typedef struct {
  guint64 n_free, n_blocks; /* page frames; blocks of any order */
  guint64 n_suitable;       /* requests for 2^order frames that there are blocks for */
} FreeInfo;

static FreeInfo
look_at (const guint64 *counts, guint n_orders, guint order)
{
  FreeInfo info = { 0 };

  for (guint k = 0; k < n_orders; k++) {
    info.n_free += counts[k] << k;
    info.n_blocks += counts[k];
    if (k >= order)
      info.n_suitable += counts[k] << (k - order);
  }
  return info;
}

gint
kml_linux_unusable_index (const guint64 *counts, guint n_orders, guint order)
{
  const FreeInfo info = look_at (counts, n_orders, order);

  if (info.n_free == 0)
    return 1000;
  return (gint)((info.n_free - (info.n_suitable << order)) * 1000 / info.n_free);
}

gint
kml_linux_fragmentation_index (const guint64 *counts, guint n_orders, guint order)
{
  const FreeInfo info = look_at (counts, n_orders, order);

  if (info.n_blocks == 0)
    return 0;
  if (info.n_suitable > 0)
    return -1000;
  return 1000 - (gint)((1000 + (info.n_free * 1000 >> order)) / info.n_blocks);
}

gint
kml_free_area_fragmentation_index (const KmlFreeArea *self, guint order)
{
  guint64 counts[KML_MAX_ORDER + 1] = { 0 };

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint k = 0; k <= KML_MAX_ORDER; k++)
      counts[k] += self->blocks[mobility][k];
  return kml_linux_fragmentation_index (counts, G_N_ELEMENTS (counts), order);
}
