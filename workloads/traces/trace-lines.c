/* trace-lines.c: the lines of a text, one by one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text is read in large pieces. The line that a piece ends within is moved
 * to the front of the buffer and read on, so every line is in one place, with
 * KML_TRACE_PADDING bytes behind it that may be looked at. A line that is longer than
 * KML_TRACE_MAX_LINE is given up to there; the rest is skipped without being kept.
 */

#include "workloads/traces/trace-lines.h"

void
kml_trace_lines_init (KmlTraceLines *self, KmlTraceInput *input, gsize room)
{
  g_assert (room >= KML_TRACE_ROOM);

  *self = (KmlTraceLines){ .input = input,
                           .buffer = g_malloc (room + KML_TRACE_PADDING),
                           .room = room };
}

void
kml_trace_lines_finish (KmlTraceLines *self)
{
  g_clear_pointer (&self->buffer, g_free);
}

gboolean
kml_trace_lines_refill (KmlTraceLines *self, GError **error)
{
  gssize n;

  memmove (self->buffer, self->buffer + self->begin, self->end - self->begin);
  self->end -= self->begin;
  self->begin = 0;
  n = kml_trace_input_read (self->input, self->buffer + self->end, KML_TRACE_PIECE, error);
  if (n < 0)
    return FALSE;
  g_assert (self->end + (gsize)n <= self->room);
  self->at_end = n == 0;
  self->end += (gsize)n;
  memset (self->buffer + self->end, 0, KML_TRACE_PADDING);
  return TRUE;
}

/* Takes what is in the buffer up to the newline, or all of it. */
static void
take (KmlTraceLines *self, const char *newline, const char **ret_line, const char **ret_end)
{
  const char *const line = self->buffer + self->begin;
  const char *const end = newline != NULL ? newline : self->buffer + self->end;

  self->begin = newline != NULL ? (gsize)(newline - self->buffer) + 1 : self->end;
  self->unended = newline == NULL && self->at_end;
  *ret_line = line;
  *ret_end = newline != NULL && newline > line && newline[-1] == '\r' ? newline - 1 : end;
}

int
kml_trace_lines_next (KmlTraceLines *self, const char **ret_line, const char **ret_end,
                      GError **error)
{
  for (;;) {
    const gsize n = self->end - self->begin;
    const char *const newline = memchr (self->buffer + self->begin, '\n', n);
    const gboolean goes_on = newline == NULL && !self->at_end;
    gboolean is_rest;

    if (n == 0 && self->at_end)
      return 0;
    if (goes_on && n <= KML_TRACE_MAX_LINE) {
      if (!kml_trace_lines_refill (self, error))
        return -1;
      continue;
    }
    is_rest = self->in_long;
    self->in_long = goes_on;
    take (self, newline, ret_line, ret_end);
    if (is_rest)
      continue;
    self->number++;
    *ret_end = MIN (*ret_end, *ret_line + KML_TRACE_MAX_LINE + 1);
    return 1;
  }
}
