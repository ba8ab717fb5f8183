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

#include "workloads/trace-task.h"

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

/* "83.794970: name". */
static inline gboolean
read_moment (const char *at, const char *end, const char **ret_name, guint64 *ret_time_ns)
{
  if (!kml_trace_read_time (at, &at, ret_time_ns) || *at != ':')
    return FALSE;
  *ret_name = kml_trace_skip_spaces (at + 1, end);
  return *ret_name < end;
}

/* What stands behind the CPU, up to the time, which must be one: [flags]. */
static gboolean
read_context (const char *at, const char *end, gboolean has_flags, const char **ret_time,
              KmlTraceTask *task)
{
  const char *name;
  guint64 time_ns;

  task->context = KML_CONTEXT_PROCESS;
  at = kml_trace_skip_spaces (at, end);
  if (has_flags) {
    if (!read_flags (at, &at, &task->context))
      return FALSE;
    at = kml_trace_skip_spaces (at, end);
  }
  *ret_time = at;
  return read_moment (at, end, &name, &time_ns);
}

static gboolean
read_behind_pid (const char *at, const char *end, guint styles, const char **ret_time,
                 KmlTraceTask *task)
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
    task->cpu = (guint16)cpu;
    if (styles & KML_TRACE_CPU_WITH_FLAGS && read_context (at + 1, end, TRUE, ret_time, task))
      return TRUE;
    return styles & KML_TRACE_CPU_BRACKETS && read_context (at + 1, end, FALSE, ret_time, task);
  }
  if (!(styles & KML_TRACE_CPU_BARE) || !kml_trace_read_decimal (at, &at, &cpu) ||
      cpu > G_MAXUINT16)
    return FALSE;
  task->cpu = (guint16)cpu;
  return read_context (at, end, TRUE, ret_time, task);
}

/* Reads a line's "comm-PID CPU [flags] ", whose length is put into the task. */
static gboolean G_GNUC_NO_INLINE
read_prefix (const char *line, const char *end, guint styles, KmlTraceTask *task)
{
  const char *const limit = MIN (end, line + KML_TRACE_TASK_TEXT);

  for (const char *at = kml_trace_find (line, limit, '-'); at < limit;
       at = kml_trace_find (at + 1, limit, '-')) {
    guint64 pid;
    const char *time;

    if (kml_trace_read_decimal (at + 1, &time, &pid) && pid <= G_MAXUINT32 &&
        read_behind_pid (time, end, styles, &time, task)) {
      task->pid = (guint32)pid;
      task->length = (guint)(time - line);
      return TRUE;
    }
  }
  return FALSE;
}

static inline guint
place_of (const char *line)
{
  const guint64 words = kml_trace_load_word (line) ^ kml_trace_load_word (line + 8) * 3 ^
                        kml_trace_load_word (line + 16) * 5;

  return (guint)((words * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> 58);
}

/* A text of at least eight bytes: the last word overlaps the one before. */
static inline gboolean
begins_with_task (const KmlTraceTask *task, const char *line)
{
  const guint last = task->length - 8;

  for (guint at = 0; at < last; at += 8)
    if (kml_trace_load_word (task->text + at) != kml_trace_load_word (line + at))
      return FALSE;
  return kml_trace_load_word (task->text + last) == kml_trace_load_word (line + last);
}

gboolean
kml_trace_read_task (KmlTraceTasks *tasks, const char *line, const char *end, guint styles,
                     const char **ret_at, KmlTraceLine *ret_line)
{
  KmlTraceTask *task = &tasks->known[place_of (line)];

  G_STATIC_ASSERT (G_N_ELEMENTS (tasks->known) == 64);
  if (task->length == 0 || task->length >= (gsize)(end - line) || !begins_with_task (task, line)) {
    task->length = 0;
    if (!read_prefix (line, end, styles, task))
      return FALSE;
    if (task->length >= 8 && task->length <= sizeof task->text)
      memcpy (task->text, line, task->length);
  }
  ret_line->pid = task->pid;
  ret_line->cpu = task->cpu;
  ret_line->context = task->context;
  line += task->length;
  if (task->length < 8 || task->length > sizeof task->text)
    task->length = 0; /* will not be known again */
  return read_moment (line, end, ret_at, &ret_line->time_ns);
}
