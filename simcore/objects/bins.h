/* bins.h: a set of bin sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A bin set is the heart of a segregated allocator: a request is rounded up to
 * the smallest bin that holds it. It is a kind of parameter, as a size or a time
 * is, so it lives beside them; sets are written
 *
 *   pow2              8 16 32 64 … 1 MiB
 *   geometric:M       M linear steps to each doubling, up to 1 MiB
 *   linux, jemalloc   and other sets with a name (bin-set.h; `kmemlab list bins`)
 *   mine.bins         such a set in a file of one's own, relative to the scenario
 *   8,24,40,64        just these
 *   optimal:K         the K sizes that waste least for the workload's own sizes, of all sets that hold every one of them
 *
 * Bins are rounded up to a multiple of the quantum (default 8, as kmalloc's minimum alignment), and
 * equal ones are one.
 */

#pragma once

#include "simcore/base/types.h"
#include "simcore/workload.h"

G_BEGIN_DECLS

#define KML_MAX_BINS     4096
#define KML_MAX_BIN_SIZE (G_GUINT64_CONSTANT (1) << 40) /* 1 TiB */

#define KML_BINS_SUFFIX ".bins"

/* For KmlParam.grammar. */
#define KML_BINS_GRAMMAR                                                                           \
  "pow2 | geometric:M | optimal:K | NAME (list bins) | FILE.bins | 8,24,40,64"

typedef struct {
  guint n;
  guint64 *sizes; /* (array length=n) (owned): ascending, distinct */
} KmlBins;

/* Whether @text is written as above: for KmlParam.validate. */
gboolean kml_bins_validate (const char *text, GError **error);

/* Whether the set needs the workload's sizes (optimal:K). */
gboolean kml_bins_needs_sizes (const char *text);

/* Whether the set is a file's. Who knows where files are reads it (kml_bin_set_parse()), and
 * passes its sizes on as a list. */
gboolean kml_bins_is_file (const char *text);
char *kml_bins_file (const char *text); /* for KmlParam.file (transfer full) (nullable) */

/* The parameter of an allocator: Type.bin_text. */
#define KML_BINS_PARAM(Type)                                                                       \
  {                                                                                                \
    .name = "bins", .type = KML_PARAM_TEXT, .value = "linux", .validate = kml_bins_validate,       \
    .file = kml_bins_file, .offset = G_STRUCT_OFFSET (Type, bin_text),                             \
    .grammar = KML_BINS_GRAMMAR,                                                                   \
    .summary = "the sizes of objects: a request is rounded up to the smallest that holds it; "     \
               "optimal:K: the K that waste least while each request fits one"                     \
  }

/* The set that @text means, unless it is a file's. @counts (array of KmlSizeCount, ascending) is
 * used by optimal:K alone and may be NULL for all others. */
gboolean kml_bins_parse (const char *text, guint64 quantum, const KmlSizeCount *counts,
                         guint n_counts, KmlBins *ret_bins, GError **error);

/* The same from sizes in any order. */
void kml_bins_from_sizes (const guint64 *sizes, guint n, guint64 quantum, KmlBins *ret_bins);
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
