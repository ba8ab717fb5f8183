/* bin-table.h: the smallest bin that holds a size, by one look into a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What allocators with bins do at every request, as Linux's kmalloc() does with its table of
 * caches. The table has an entry for each size up to 8 KiB: 16 KiB, of which a workload touches the
 * lines of the sizes that it uses. Linux's has one for 8 bytes, and a shift before each look.
 * Larger sizes are found by bisection.
 */

#pragma once

#include "simcore/objects/bins.h"
#include "simcore/request.h"

G_BEGIN_DECLS

typedef struct {
  KmlBins bins;
  guint16 *entries; /* (owned) (array length=limit + 1): by size */
  guint64 limit;    /* the largest size that has an entry */
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
  return self->entries[size];
}

/* For any size; bins.n: there is none. */
static inline guint
kml_bin_table_find (const KmlBinTable *self, guint64 size)
{
  return size <= self->limit ? kml_bin_table_look (self, size) : kml_bins_find (&self->bins, size);
}

/* For any request whose block will be cut out of a slab: the smallest bin that holds it and keeps its constraints; bins.n: none
 * does, or whole pages would be smaller. Objects of a slab lie one behind another from the beginning of a page on, and the slab
 * anywhere, so a bin keeps no limit. */
guint kml_bin_table_choose (const KmlBinTable *self, const KmlRequest *request, guint64 page_size);

G_END_DECLS
