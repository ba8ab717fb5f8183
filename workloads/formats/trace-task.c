/* trace-task.c: "comm-PID", as trace-cmd and the kernel begin their lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A comm is up to 15 bytes of anything: "kworker/0:1", "(sd-pam)", "a-b c". What
 * follows it is strict, so each '-' is tried from the left until all of the rest
 * can be read: a whole "-PID [CPU] time: name" does not fit into a comm.
 *
 * Few tasks are at work at any one time, so what was read of a task is kept with its text, and a
 * line that begins with the same text needs only be compared.
 */

#include "workloads/formats/trace-task.h"

#define NOT_A_CONTEXT 255
#define MAX_PREFIX    64 /* bytes up to the '-' before the PID */

/* One of the latency flags: what was interrupted. */
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

/* "d..h1.", of four to seven flags; the first is never a digit, the third tells the context. Seven have kernels with the real-time patches
 * (until Linux 6.0), which put "need to reschedule, lazily" before the context. */
static inline gboolean
read_flags (const char *at, const char **ret_at, guint8 *ret_context)
{
  const guint64 spaces = kml_trace_match_byte (kml_trace_load_word (at), ' ');
  const guint n = spaces != 0 ? (guint)__builtin_ctzll (spaces) / 8 : 8;

  *ret_at = at + n;
  *ret_context = context_of_flag (at[n < 7 ? 2 : 3]);
  return n >= 4 && n <= 7 && *ret_context != NOT_A_CONTEXT && !kml_trace_is_digit (at[0]);
}

/* Behind a number, "us :" or "us+:": microseconds, and a mark of how long it was to the next event. */
static gboolean G_GNUC_NO_INLINE
read_latency (const char **at, guint64 *time_ns)
{
  if (!KML_TRACE_STARTS (*at, "us") || (*at)[2] == '\0' || (*at)[3] != ':' ||
      *time_ns > G_MAXUINT64 / 1000)
    return FALSE;
  *at += 3;
  *time_ns *= 1000;
  return TRUE;
}

/* "83.794970: name", or "12us : name" (the kernel's option latency-format); *@ret_at is at the colon. */
static inline gboolean
read_moment (const char *at, const char *end, const char **ret_at, guint64 *ret_time_ns)
{
  return kml_trace_read_time (at, ret_at, ret_time_ns) &&
         (**ret_at == ':' || read_latency (ret_at, ret_time_ns)) &&
         kml_trace_skip_spaces (*ret_at + 1, end) < end;
}

/* What stands behind the CPU, up to the time, which must be one: [flags]. */
static gboolean
read_context (const char *at, const char *end, gboolean has_flags, const char **ret_time,
              KmlTraceLine *ret_line)
{
  const char *colon;

  ret_line->context = KML_CONTEXT_PROCESS;
  at = kml_trace_skip_spaces (at, end);
  if (has_flags) {
    if (!read_flags (at, &at, &ret_line->context))
      return FALSE;
    at = kml_trace_skip_spaces (at, end);
  }
  *ret_time = at;
  return read_moment (at, end, &colon, &ret_line->time_ns);
}

static gboolean
read_behind_pid (const char *at, const char *end, guint styles, const char **ret_time,
                 KmlTraceLine *ret_line)
{
  guint64 cpu;

  at = kml_trace_skip_spaces (at, end);
  if (at < end && *at == '(') { /* the kernel's option record-tgid */
    at = kml_trace_find (at, end, ')');
    at = kml_trace_skip_spaces (at < end ? at + 1 : at, end);
  }
  if (at == end)
    return FALSE;
  if (*at == '[') {
    if (!kml_trace_read_decimal (at + 1, &at, &cpu) || *at != ']' || cpu > G_MAXUINT16)
      return FALSE;
    ret_line->cpu = (guint16)cpu;
    if (styles & KML_TRACE_CPU_WITH_FLAGS && read_context (at + 1, end, TRUE, ret_time, ret_line))
      return TRUE;
    return styles & KML_TRACE_CPU_BRACKETS && read_context (at + 1, end, FALSE, ret_time, ret_line);
  }
  if (!(styles & KML_TRACE_CPU_BARE) || !kml_trace_read_decimal (at, &at, &cpu) ||
      cpu > G_MAXUINT16)
    return FALSE;
  ret_line->cpu = (guint16)cpu;
  return read_context (at, end, TRUE, ret_time, ret_line);
}

/* Reads a line's "comm-PID CPU [flags] " up to the time. */
static gboolean G_GNUC_NO_INLINE
read_prefix (const char *line, const char *end, guint styles, const char **ret_time,
             KmlTraceLine *ret_line)
{
  const char *const limit = MIN (end, line + MAX_PREFIX);

  for (const char *at = kml_trace_find (line, limit, '-'); at < limit;
       at = kml_trace_find (at + 1, limit, '-')) {
    guint64 pid;
    const char *behind;

    if (kml_trace_read_decimal (at + 1, &behind, &pid) && pid <= G_MAXUINT32 &&
        read_behind_pid (behind, end, styles, ret_time, ret_line)) {
      ret_line->pid = (guint32)pid;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
kml_trace_read_task (KmlTraceTasks *tasks, const char *line, const char *end, guint styles,
                     const char **ret_at, KmlTraceLine *ret_line)
{
  const KmlTraceTask *const task = kml_trace_tasks_find (tasks, line);
  const char *time;

  if (task != NULL && read_moment (line + tasks->length, end, ret_at, &ret_line->time_ns)) {
    ret_line->pid = task->pid;
    ret_line->cpu = task->cpu;
    ret_line->context = task->context;
    return TRUE;
  }
  if (!read_prefix (line, end, styles, &time, ret_line) ||
      !read_moment (time, end, ret_at, &ret_line->time_ns))
    return FALSE;
  kml_trace_tasks_learn (tasks, line, (gsize)(time - line), ret_line);
  return TRUE;
}
