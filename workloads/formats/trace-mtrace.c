/* trace-mtrace.c: what glibc's mtrace() writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   = Start
 *   @ /usr/bin/python3:(PyThread_allocate_lock+2a)[0xf71ba] + 0x14f014a0 0x20
 *   @ [0x55d0c8a3a1b9] - 0x14f014a0
 *   @ ./a.out:[0x1189] < 0x14f014a0        reallocation: the old block …
 *   @ ./a.out:[0x1189] > 0x14f01500 0x40   … and the new one, perhaps in the same place
 *   @ ./a.out:[0x1189] ! 0x14f01500 0xffff…  a reallocation that failed: the old block stays
 *   = End
 *
 * What stands behind the "@" may hold anything, blanks included, so a line is read from its end; it becomes
 * the call site as it is. A line without it is read, too.
 *
 * Time. There is none: only the order is recorded. Each operation comes one microsecond after the one
 * before it, so a lifetime of 1 ms means a thousand operations; a duration or a rate mean nothing.
 *
 * Reallocation. The two lines are a free and then an allocation, in the order of the file. An
 * allocator that has to move the block needs both at once for a moment: that peak is not replayed.
 *
 * malloc (0) gives a block, which counts as one byte. Threads are not told apart; all is on CPU 0.
 */

#include "workloads/traces/trace-source.h"

typedef struct {
  KmlTraceSource base;
  guint32 names[128]; /* by the sign of the operation */
  gboolean is_moving; /* the last line was "<" */
} Mtrace;

/* What a line says. */
typedef struct {
  char sign;
  guint64 ptr;
  guint64 size;
  const char *begin; /* of the sign */
} Operation;

/* ---- A line ---- */

/* "0x1a", "(nil)"; a size may be "0", as printf's %#lx writes it. */
static gboolean
read_hex (const char *at, const char *end, guint64 *ret_value)
{
  if (end - at == 5 && memcmp (at, "(nil)", 5) == 0) {
    *ret_value = 0;
    return TRUE;
  }
  if (end - at > 2 && at[0] == '0' && at[1] == 'x')
    return kml_trace_source_hex (at + 2, ret_value) == end;
  *ret_value = 0;
  return end - at == 1 && at[0] == '0';
}

static inline gboolean
is_sign (const char *word, const char *end, const char *signs)
{
  return end - word == 1 && strchr (signs, *word) != NULL;
}

static gboolean
read_operation (const char *line, const char *end, Operation *ret)
{
  const char *last, *middle, *first, *last_end, *middle_end, *first_end;

  last_end = kml_trace_blanks_before (line, end);
  last = kml_trace_word_before (line, last_end);
  middle_end = kml_trace_blanks_before (line, last);
  middle = kml_trace_word_before (line, middle_end);
  if (is_sign (middle, middle_end, "-<")) {
    *ret = (Operation){ .sign = *middle, .begin = middle };
    return read_hex (last, last_end, &ret->ptr);
  }
  first_end = kml_trace_blanks_before (line, middle);
  first = kml_trace_word_before (line, first_end);
  if (!is_sign (first, first_end, "+>!"))
    return FALSE;
  *ret = (Operation){ .sign = *first, .begin = first };
  return read_hex (middle, middle_end, &ret->ptr) && read_hex (last, last_end, &ret->size);
}

/* "= Start", "= End", and nothing. */
static gboolean
is_frame (const char *line, const char *end)
{
  return line == end || *line == '=';
}

static guint32
read_site (Mtrace *self, const char *line, const char *end)
{
  if (*line != '@')
    return 0;
  line = kml_trace_skip_spaces (line + 1, end);
  end = kml_trace_blanks_before (line, end);
  return kml_trace_feed_site (&self->base.feed, line, (gsize)(MAX (end, line) - line));
}

/* ---- The source ---- */

static gboolean
mtrace_recognises (const char *head, gsize n)
{
  const char *const end = head + n;
  const char *const newline = memchr (head, '\n', n);
  Operation operation;

  if (kml_trace_begins_with (head, end, "= Start"))
    return TRUE;
  return newline != NULL && kml_trace_begins_with (head, end, "@ ") &&
         read_operation (head, newline[-1] == '\r' ? newline - 1 : newline, &operation);
}

static gboolean
mtrace_open (KmlTraceSource *base, GError **error)
{
  static const struct {
    char sign;
    const char *name;
  } names[] = {
    { '+', "malloc" },
    { '-', "free" },
    { '<', KML_TRACE_OLD_BLOCK },
    { '>', "realloc (new block)" },
    { '!', "realloc (failed)" },
  };
  Mtrace *const self = (Mtrace *)base;

  (void)error; /* nothing here can fail */
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    self->names[(guint)names[i].sign] = kml_trace_feed_name (&base->feed, names[i].name,
                                                             strlen (names[i].name), TRUE);
  return TRUE;
}

static gboolean
mtrace_line (KmlTraceSource *base, const char *line, const char *end, GError **error)
{
  Mtrace *const self = (Mtrace *)base;
  KmlTraceLine *event;
  Operation operation;

  if (is_frame (line, end))
    return TRUE;
  if (!read_operation (line, end, &operation)) {
    kml_trace_feed_malformed (&base->feed, base->lines.number, line, end, "no operation of mtrace");
    return TRUE;
  }
  event = kml_trace_feed_line (&base->feed);
  event->name = self->names[(guint)operation.sign];
  event->key = operation.ptr;
  event->record = strchr ("-<", operation.sign) != NULL ? KML_TRACE_KFREE : KML_TRACE_KMALLOC;
  event->failed = operation.sign == '!' || operation.ptr == 0;
  event->site = read_site (self, line, operation.begin);
  if (event->record == KML_TRACE_KMALLOC && !event->failed &&
      !kml_trace_source_set_size (base, event, operation.size)) {
    kml_trace_feed_malformed (&base->feed, base->lines.number, line, end,
                              "the size is above 4 GiB");
    return TRUE;
  }
  if (operation.sign == '>' && self->is_moving)
    base->feed.info->counts[KML_TRACE_N_REALLOCS]++;
  self->is_moving = operation.sign == '<';
  return kml_trace_feed_add_untimed (&base->feed, error);
}

static const KmlTraceSourceOps mtrace_source = {
  .name = "mtrace",
  .summary = "what glibc's mtrace() writes",
  .instance_size = sizeof (Mtrace),
  .recognises = mtrace_recognises,
  .open = mtrace_open,
  .line = mtrace_line,
};

KML_REGISTER_TRACE_SOURCE (mtrace_source)
