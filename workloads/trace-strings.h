/* trace-strings.h: texts that occur again and again, as small numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recording of millions of lines has some thousand call sites and hundreds of
 * caches. Each distinct text gets the next number; 0 is the empty text, which
 * also stands for texts that are too many: a file of nonsense must not fill the
 * memory.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  guint32 offset; /* of the text in bytes; zeros follow it */
  guint32 length;
  guint32 hash;
} KmlTraceString;

typedef struct {
  GString *bytes;          /* (owned): all texts */
  KmlTraceString *strings; /* (owned) (array length=n): [0] is "" */
  guint32 *index; /* (owned) (array length=n_index): open addressing, a power of two; 0: nothing */
  guint n, n_index;
  guint max; /* numbers given out at most */
} KmlTraceStrings;

/* @text must be readable for 8 bytes beyond its end. */
guint32 kml_trace_strings_intern (KmlTraceStrings *self, const char *text, gsize length);

/* The same for any text: reads nothing beyond its end. */
guint32 kml_trace_strings_add (KmlTraceStrings *self, const char *text, gsize length);

/* (transfer none) */
const char *kml_trace_strings_get (const KmlTraceStrings *self, guint32 number);

void kml_trace_strings_init (KmlTraceStrings *self, guint max);
void kml_trace_strings_finish (KmlTraceStrings *self);

G_END_DECLS
