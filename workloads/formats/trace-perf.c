/* trace-perf.c: what `perf script` prints.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *            perf   462 [000]    40.078843:          kmem:kmalloc: call_site=…
 *      a comm 1234/1240 [002]    40.079523:          kmem:kfree: call_site=…
 *             :-1    -1 [002] K  40.079540:          kmem:kfree: call_site=…
 *
 * The comm may hold spaces, the thread's id and the CPU may be missing (-1: perf does not know it), letters behind the CPU say what ran (`-F misc`), and only the time is
 * sure to be there: it is the first word that is a time and ends with a colon. What stands before it
 * is read backwards. perf does not print the latency flags, so every event counts as one in
 * process context. The event's name has its system's before it. The stacks of a recording with -g are
 * lines below an event, an address and a symbol each, or one of them, perhaps with a line of the source below; they are passed over, as is what perf says of its own records.
 */

#include "workloads/traces/trace-format.h"

#define MAX_PREFIX 96
#define MAX_MISC   6 /* letters */

/* "123", or "-1": who it was, perf does not know. */
static gboolean
read_id (const char *at, const char **ret_at, guint64 *ret_id)
{
  if (KML_TRACE_STARTS (at, "-1")) {
    *ret_at = at + 2;
    *ret_id = G_MAXUINT32;
    return TRUE;
  }
  return kml_trace_read_decimal (at, ret_at, ret_id) && *ret_id <= G_MAXUINT32;
}

/* Where the letters of `-F misc` begin, if @end is behind such, or @end: "[002] KSp". */
static const char *
before_misc (const char *line, const char *end)
{
  const char *const word = kml_trace_word_before (line, end);
  const char *at = word;

  while (at < end && g_ascii_isalpha (*at))
    at++;
  return at == end && at - word <= MAX_MISC ? word : end;
}

/* What is left of the time, from right to left: [CPU], then PID or PID/TID. */
static gboolean
read_who (const char *line, const char *end, KmlTraceLine *ret_line)
{
  guint64 value;
  const char *at, *word;

  end = kml_trace_blanks_before (line, end);
  end = kml_trace_blanks_before (line, before_misc (line, end));
  ret_line->cpu = 0;
  if (end > line && end[-1] == ']') {
    word = kml_trace_word_before (line, end);
    if (*word != '[' || !kml_trace_read_decimal (word + 1, &at, &value) || at != end - 1 ||
        value > G_MAXUINT16)
      return FALSE;
    ret_line->cpu = (guint16)value;
    end = kml_trace_blanks_before (line, word);
  }
  word = kml_trace_word_before (line, end);
  if (!read_id (word, &at, &value))
    return FALSE;
  if (at < end && *at == '/' && !read_id (at + 1, &at, &value))
    return FALSE;
  ret_line->pid = (guint32)value;
  return at == end;
}

/* @ret_time is where the time begins, and *@ret_at the colon behind it, after which there is a name.
 */
static gboolean
read_prefix (const char *line, const char *end, const char **ret_time, const char **ret_at,
             KmlTraceLine *ret_line)
{
  const char *const limit = MIN (end, line + MAX_PREFIX);
  const char *colon = line;

  while ((colon = memchr (colon, ':', (gsize)(limit - colon))) != NULL) {
    const char *const word = kml_trace_word_before (line, colon);
    const char *at;

    if (kml_trace_is_digit (*word) && kml_trace_read_time (word, &at, &ret_line->time_ns) &&
        at == colon && memchr (word, '.', (gsize)(colon - word)) != NULL &&
        read_who (line, word, ret_line)) {
      ret_line->context = KML_CONTEXT_PROCESS;
      *ret_time = word;
      *ret_at = colon;
      return kml_trace_skip_spaces (colon + 1, end) < end;
    }
    colon++;
  }
  return FALSE;
}

static gboolean
perf_recognises (const char *line, const char *end)
{
  KmlTraceLine ignored;
  const char *time, *name, *colon;

  /* "system:event:" and not "event:" alone, which other tools print */
  if (!read_prefix (line, end, &time, &name, &ignored))
    return FALSE;
  name = kml_trace_skip_spaces (name + 1, end);
  colon = memchr (name, ':', (gsize)(end - name));
  return colon != NULL && colon + 1 < end && g_ascii_isalpha (colon[1]);
}

/* "    ffffffff8133d5a3 __kmalloc+0x1f3 ([kernel.kallsyms])", "    __kmalloc+0x1f3" or "  slub.c:3961": a line that begins with a blank, and has neither a colon with a
 * blank behind it nor a CPU, as events have, even one that was cut. */
static gboolean
is_stack_frame (const char *line, const char *end)
{
  if (line == end || !(*line == ' ' || *line == '\t'))
    return FALSE;
  for (const char *at = line; at < end; at++)
    if ((*at == ':' && (at + 1 == end || at[1] == ' ')) ||
        (*at == '[' && kml_trace_is_digit (at[1])))
      return FALSE;
  return TRUE;
}

/* "PERF_RECORD_LOST lost 153", "PERF_RECORD_COMM: …": only what was lost says something. */
static KmlTraceLineKind
parse_record (const char *line, const char *end, KmlTraceLine *ret_line)
{
  return kml_trace_parse_note (line, end, ret_line) == KML_TRACE_LINE_LOST ? KML_TRACE_LINE_LOST
                                                                           : KML_TRACE_LINE_HEADER;
}

static KmlTraceLineKind
perf_parse (KmlTraceTexts *texts, const char *line, const char *end, KmlTraceLine *ret_line)
{
  const char *time, *at;

  if (!read_prefix (line, end, &time, &at, ret_line))
    return is_stack_frame (line, end) ? KML_TRACE_LINE_HEADER
                                      : kml_trace_parse_note (line, end, ret_line);
  if (kml_trace_begins_with (kml_trace_skip_spaces (at + 1, end), end, "PERF_RECORD_"))
    return parse_record (line, end, ret_line);
  kml_trace_tasks_learn (&texts->tasks, line, (gsize)(time - line), ret_line);
  return kml_trace_parse_event (texts, at, end, ret_line);
}

static const KmlTraceFormat perf_format = {
  .name = "perf",
  .summary = "text of `perf script`",
  .recognises = perf_recognises,
  .parse = perf_parse,
};

KML_REGISTER_TRACE_FORMAT (perf_format)
