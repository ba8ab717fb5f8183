/* bin-table.h: the smallest bin that holds a size, by one look into a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What allocators with bins do at every request, as Linux's kmalloc() does with its table of
 * caches. The table has an entry for each *grain* of sizes up to 8 KiB: 8 bytes, or the quantum
 * if that is less. Bins are multiples of the quantum, so all sizes of a grain have one bin. Larger
 * sizes are found by bisection.
 */

#pragma once

#include "simcore/bins.h"

G_BEGIN_DECLS

typedef struct {
  KmlBins bins;
  guint16 *entries; /* (owned): bin of size s at (s + round) >> shift */
  guint64 limit;    /* the largest size that has an entry */
  guint64 round;    /* 2^shift - 1 */
  guint shift;
} KmlBinTable;

/* The bins of @text, a list of sizes or the name of a set (bins.h). Bins smaller than @least become
 * one of @least bytes; one above @most is KML_ERROR_INPUT, as is what cannot be read. */
gboolean kml_bin_table_init (KmlBinTable *self, const char *text, guint64 quantum, guint64 least,
                             guint64 most, GError **error);
void kml_bin_table_clear (KmlBinTable *self);

/* For sizes up to self->limit: these have a bin. */
static inline guint
kml_bin_table_look (const KmlBinTable *self, guint64 size)
{
  return self->entries[(size + self->round) >> self->shift];
}

/* For any size; bins.n: there is none. */
static inline guint
kml_bin_table_find (const KmlBinTable *self, guint64 size)
{
  return size <= self->limit ? kml_bin_table_look (self, size) : kml_bins_find (&self->bins, size);
}

G_END_DECLS
