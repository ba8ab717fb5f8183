/* bin-set.h: bin sizes that have a name: those of well-known allocators.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A set is a text file, NAME.bins. To add one: write simcore/bin-sets/NAME.bins, name it in
 * simcore/meson.build; then `bins = NAME` means it, everywhere. One that is not part of the program is
 * used as `bins = FILE.bins`.
 *
 *   # what a reader should know
 *   title = size classes of tcmalloc
 *   source = where the numbers are from
 *   metadata = 48          optional: bytes that the allocator keeps besides each span; 64 otherwise
 *
 *   8        8192          a size, and optionally the span that its objects are cut from
 *   16       8192
 */

#pragma once

#include "simcore/objects/bins.h"

G_BEGIN_DECLS

/* A page's record in Linux. */
#define KML_SPAN_METADATA 64

typedef struct {
  char *name;           /* (owned): "tcmalloc" */
  char *title, *source; /* (owned) */
  guint64 metadata;     /* bytes besides each span */
  KmlBins bins;         /* (owned): as written, whatever a quantum may make of them */
  guint64 *spans;       /* (owned) (array length=bins.n): bytes; 0: not said */
} KmlBinSet;

/* Reads the text of @file, whose name is that of the set. Errors are INPUT, with file and line. */
gboolean kml_bin_set_parse (const char *file, const char *text, KmlBinSet *ret_set, GError **error);
void kml_bin_set_clear (KmlBinSet *self);

/* The sets that come with the program: names, sorted, NULL-terminated; and one by its name
 * (nullable). (transfer none) */
const char *const *kml_bin_set_names (void);
const KmlBinSet *kml_bin_set_find (const char *name);

G_END_DECLS
