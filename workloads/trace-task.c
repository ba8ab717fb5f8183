/* trace-task.c: "comm-PID", as trace-cmd and the kernel begin their lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A comm is up to 15 bytes of anything: "kworker/0:1", "(sd-pam)", "a-b c". What
 * follows it is strict, so each '-' is tried from the left until all of the rest
 * can be read: a whole "-PID [CPU] time: name" does not fit into a comm.
 */

#include "workloads/trace-task.h"

#define MAX_PREFIX 64 /* padding, comm, PID: the '-' is within */

#define NOT_A_CONTEXT 255

/* The third of the latency flags: what was interrupted. */
static inline guint8
context_of_flag (char flag)
{
  switch (flag) {
  case '.':
    return KML_CONTEXT_PROCESS;
  case 's':
    return KML_CONTEXT_SOFTIRQ;
  case 'h': /* hardirq */
  case 'H': /* hardirq inside a softirq */
  case 'z': /* NMI */
  case 'Z': /* NMI inside a hardirq */
    return KML_CONTEXT_HARDIRQ;
  default:
    return NOT_A_CONTEXT;
  }
}

/* "d..h1.", of four to six flags; the first is never a digit. */
static inline gboolean
read_flags (const char *at, const char **ret_at, guint8 *ret_context)
{
  const guint64 spaces = kml_trace_match_byte (kml_trace_load_word (at), ' ');
  const guint n = spaces != 0 ? (guint)__builtin_ctzll (spaces) / 8 : 8;

  *ret_at = at + n;
  *ret_context = context_of_flag (at[2]);
  return n >= 4 && n <= 6 && *ret_context != NOT_A_CONTEXT && !kml_trace_is_digit (at[0]);
}

/* What stands behind the CPU, up to the event's name: [flags] time ":". */
static inline gboolean
read_moment (const char *at, const char *end, gboolean has_flags, const char **ret_at,
             KmlTraceLine *line)
{
  line->context = KML_CONTEXT_PROCESS;
  at = kml_trace_skip_spaces (at, end);
  if (has_flags) {
    if (!read_flags (at, &at, &line->context))
      return FALSE;
    at = kml_trace_skip_spaces (at, end);
  }
  if (!kml_trace_read_time (at, &at, &line->time_ns) || *at != ':')
    return FALSE;
  at = kml_trace_skip_spaces (at + 1, end);
  *ret_at = at;
  return at < end;
}

static inline gboolean
read_behind_pid (const char *at, const char *end, guint styles, const char **ret_at,
                 KmlTraceLine *line)
{
  guint64 cpu;

  at = kml_trace_skip_spaces (at, end);
  if (at < end && *at == '(') { /* the kernel's option record-tgid */
    while (at < end && *at != ')')
      at++;
    at = kml_trace_skip_spaces (at < end ? at + 1 : at, end);
  }
  if (at == end)
    return FALSE;
  if (*at == '[') {
    if (!kml_trace_read_decimal (at + 1, &at, &cpu) || *at != ']')
      return FALSE;
    if (cpu > G_MAXUINT16)
      return FALSE;
    line->cpu = (guint16)cpu;
    if (styles & KML_TRACE_CPU_WITH_FLAGS && read_moment (at + 1, end, TRUE, ret_at, line))
      return TRUE;
    return styles & KML_TRACE_CPU_BRACKETS && read_moment (at + 1, end, FALSE, ret_at, line);
  }
  if (!(styles & KML_TRACE_CPU_BARE) || !kml_trace_read_decimal (at, &at, &cpu))
    return FALSE;
  if (cpu > G_MAXUINT16)
    return FALSE;
  line->cpu = (guint16)cpu;
  return read_moment (at, end, TRUE, ret_at, line);
}

gboolean
kml_trace_read_task (const char *line, const char *end, guint styles, const char **ret_at,
                     KmlTraceLine *ret_line)
{
  const char *const limit = MIN (end, line + MAX_PREFIX);

  for (const char *at = kml_trace_find (line, limit, '-'); at < limit;
       at = kml_trace_find (at + 1, limit, '-')) {
    guint64 pid;
    const char *behind;

    if (kml_trace_read_decimal (at + 1, &behind, &pid) && pid <= G_MAXUINT32 &&
        read_behind_pid (behind, end, styles, ret_at, ret_line)) {
      ret_line->pid = (guint32)pid;
      return TRUE;
    }
  }
  return FALSE;
}
