/* bins.h: a set of bin sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A bin set is the heart of a segregated allocator: a request is rounded up to
 * the smallest bin that holds it. It is a kind of parameter, as a size or a time
 * is, so it lives beside them; sets are written
 *
 *   pow2              8 16 32 64 … 1 MiB
 *   linux             kmalloc's: 8 16 32 64 96 128 192 256 512 1k 2k 4k 8k (Linux 6.1, CONFIG_SLUB)
 *   geometric:M       M linear steps to each doubling, up to 1 MiB
 *   8,24,40,64        just these
 *   optimal:K         the K sizes that waste least for the workload's own sizes
 *
 * Bins are rounded up to a multiple of the quantum (default 8, as kmalloc's minimum alignment), and
 * equal ones are one.
 */

#pragma once

#include "simcore/types.h"
#include "simcore/workload.h"

G_BEGIN_DECLS

#define KML_MAX_BINS 4096

typedef struct {
  guint n;
  guint64 *sizes; /* (array length=n) (owned): ascending, distinct */
} KmlBins;

/* Whether @text is written as above: for KmlParam.validate. */
gboolean kml_bins_validate (const char *text, GError **error);

/* Whether the set needs the workload's sizes (optimal:K). */
gboolean kml_bins_needs_sizes (const char *text);

/* The set that @text means. @counts (array of KmlSizeCount, ascending) is used by optimal:K
 * alone and may be NULL for all others. */
gboolean kml_bins_parse (const char *text, guint64 quantum, const KmlSizeCount *counts,
                         guint n_counts, KmlBins *ret_bins, GError **error);
void kml_bins_clear (KmlBins *self);

/* "8,24,40,64" (transfer full) */
char *kml_bins_format (const KmlBins *self);

/* The K sizes, multiples of @quantum, that waste least in all for these requests: the exact
 * optimum, by dynamic programming. Fewer than @k when fewer distinct rounded sizes exist. */
void kml_bins_optimal (const KmlSizeCount *counts, guint n_counts, guint k, guint64 quantum,
                       KmlBins *ret_bins);

/* Index of the smallest bin that holds @size, or n: none does. By bisection: the reference
 * for the tables that allocators build. */
guint kml_bins_find (const KmlBins *self, guint64 size);

G_END_DECLS
