/* trace-lines.h: the lines of a text, one by one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/traces/trace-input.h"
#include "workloads/traces/trace-walk.h"

G_BEGIN_DECLS

#define KML_TRACE_MAX_LINE (64 * 1024)

/* What a crash leaves in a file are whole sectors of zeros; with the lines that one begins and ends
 * in it looks like a single line, which is longer than this. */
#define KML_TRACE_SECTOR 512

typedef struct {
  KmlTraceInput *input; /* (borrowed) */
  char *buffer;         /* (owned) */
  gsize room;           /* in the buffer, for lines; there is padding behind */
  gsize begin, end;     /* of what is in there and has not been given */
  gboolean at_end;      /* no more bytes will come */
  gboolean unended;     /* the line given last ends with the file, without a newline */
  gboolean in_long; /* what comes up to the next newline is the rest of a line that was too long */
  guint64 number;   /* of the line given last, from 1 */
} KmlTraceLines;

#define KML_TRACE_PIECE (256 * 1024) /* small enough to stay in the processor's cache */
#define KML_TRACE_ROOM  (KML_TRACE_PIECE + KML_TRACE_MAX_LINE)

/* @room: at least KML_TRACE_ROOM. */
void kml_trace_lines_init (KmlTraceLines *self, KmlTraceInput *input, gsize room);
void kml_trace_lines_finish (KmlTraceLines *self);

/* What has not been given moves to the front of the buffer, and a piece is read behind it, for which there must be room. */
gboolean kml_trace_lines_refill (KmlTraceLines *self, GError **error);

/* Why no form has such a line. (nullable): it may have. */
static inline const char *
kml_trace_line_fault (const char *line, const char *end)
{
  const gsize length = (gsize)(end - line);

  if (G_LIKELY (length < KML_TRACE_SECTOR))
    return NULL;
  if (length > KML_TRACE_MAX_LINE)
    return "the line is longer than 64 KiB";
  return memchr (line, '\0', length) != NULL ? "the line has zeros in it" : NULL;
}

/* The next line without its newline, "\n" or "\r\n"; the last one may lack it. Of one that is longer than KML_TRACE_MAX_LINE
 * only the beginning is given, one byte more than that. KML_TRACE_PADDING bytes
 * beyond *@ret_end may be looked at; what stands there is no digit. Valid until the next call.
 * 1: there is one; 0: the end; -1: @error is set. */
int kml_trace_lines_next (KmlTraceLines *self, const char **ret_line, const char **ret_end,
                          GError **error);

G_END_DECLS
