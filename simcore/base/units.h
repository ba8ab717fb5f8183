/* units.h: sizes, times and counts as people write them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One grammar for scenario files, the command line and everything printed:
 *
 *   size    64KiB, 4K, 512, 1GiB, 18B       k M G T and KiB MiB GiB TiB are powers of 1024
 *   time    10us, 2ms, 1.5s, 800ns, 300ps   the unit is compulsory, except for 0
 *   count   1000000, 1e6, 10k, 2M           k M G are powers of 1000
 *   rate    100000/s, 5/ms                  events per time; kept as events per second
 *
 * Fractions are exact decimals ("1.5ms"), never doubles. Trailing junk, signs,
 * overflow and numbers out of range are errors that say what was expected.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

gboolean kml_parse_size (const char *text, guint64 *ret_bytes, GError **error);
gboolean kml_parse_time (const char *text, KmlTime *ret_time, GError **error);
gboolean kml_parse_count (const char *text, guint64 *ret_count, GError **error);
gboolean kml_parse_rate (const char *text, guint64 *ret_per_second, GError **error);
/* yes no true false on off */
gboolean kml_parse_boolean (const char *text, gboolean *ret_value, GError **error);

/* A finite decimal such as -1.25 or 3e-4, in the C locale whatever the user's. */
gboolean kml_parse_real (const char *text, double *ret_value, GError **error);

/* (transfer full): "64 KiB", "1.50 ms": for people. Exact when a whole number of the unit. */
char *kml_format_size (guint64 bytes);
char *kml_format_time (KmlTime time);

/* Bytes of the mark, U+FEFF in UTF-8, that some editors put before a text: 3 or 0. It says nothing. */
gsize kml_byte_order_mark (const char *text, gsize length);

/* “text” as a message may show it, whatever it holds: control characters and bytes that are
 * not UTF-8 are escaped, what goes on for too long is cut. @length is in bytes; -1: up to the
 * NUL. (transfer full) */
char *kml_quote (const char *text, gssize length);

/* FALSE and KML_ERROR_INPUT: "expected EXPECTED, not “TEXT”". */
gboolean kml_refuse_text (const char *expected, const char *text, GError **error);

/* Where one is in a file that is read; line 0: in none of its lines. */
typedef struct {
  const char *file;
  guint line;
} KmlFileLine;

/* FALSE and KML_ERROR_INPUT: "FILE:LINE: …". */
gboolean kml_refuse_at (const KmlFileLine *place, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* (transfer none) (nullable): the candidate (a NULL-terminated array) that a mistyped name
 * was most likely meant to be: the least Damerau-Levenshtein distance, at most a third of its
 * length, and not all of it; or else the first of which three quarters begin the name. */
const char *kml_nearest_name (const char *name, const char *const *candidates);

G_END_DECLS
