/* trace-cells.h: the cells of a line of a CSV.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Separated by commas, semicolons or tabs, and perhaps quoted as in RFC 4180: "a ""b"", c".
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *at, *end; /* equal: an empty cell */
  gboolean is_quoted;   /* the quotes are still there */
} KmlTraceCell;

/* The one of ',', ';' and tab that the line has most of. */
char kml_trace_find_separator (const char *line, const char *end);

/* The cell at *@at, which is moved behind its separator, or to NULL behind the last cell. FALSE: a quote is not
 * closed, or is closed before the cell's end. */
gboolean kml_trace_next_cell (const char **at, const char *end, char separator,
                              KmlTraceCell *ret_cell);

/* Appends what stands between the quotes. */
void kml_trace_unquote_cell (GString *text, KmlTraceCell cell);

/* All cells as texts, without blanks around them. (transfer full) (nullable): as above */
char **kml_trace_split_cells (const char *line, const char *end, char separator);

G_END_DECLS
