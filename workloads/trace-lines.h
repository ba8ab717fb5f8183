/* trace-lines.h: the lines of a text, one by one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/trace-input.h"
#include "workloads/trace-walk.h"

G_BEGIN_DECLS

#define KML_TRACE_MAX_LINE (64 * 1024)

typedef struct {
  KmlTraceInput *input; /* (borrowed) */
  char *buffer;         /* (owned) */
  gsize begin, end;     /* of what is in there and has not been given */
  gboolean at_end;      /* no more bytes will come */
  gboolean in_long; /* what comes up to the next newline is the rest of a line that was too long */
  guint64 number;   /* of the line given last, from 1 */
  gboolean
      too_long; /* that line was longer than KML_TRACE_MAX_LINE: only its beginning was given */
} KmlTraceLines;

void kml_trace_lines_init (KmlTraceLines *self, KmlTraceInput *input);
void kml_trace_lines_finish (KmlTraceLines *self);

/* The next line without its newline, "\n" or "\r\n"; the last one may lack it. KML_TRACE_PADDING bytes
 * beyond *@ret_end may be looked at; what stands there is no digit. Valid until the next call.
 * 1: there is one; 0: the end; -1: @error is set. */
int kml_trace_lines_next (KmlTraceLines *self, const char **ret_line, const char **ret_end,
                          GError **error);

G_END_DECLS
