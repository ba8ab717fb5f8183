/* trace-text.c: reads a recording in text form, line by line.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lines lie in the buffer of trace-lines.h, and are taken from it here. (Files are not mapped: it would be their end to be cut
 * by others meanwhile, and a mapping took four times as long as reading on the virtual machine where it was tried.)
 *
 * Nine of ten lines are like an earlier one, and are known without looking for their end
 * (trace-shape.h); the others are parsed by the format.
 *
 * A recording has bad lines: a recorder was killed, two writers shared a pipe. They are counted
 * and the first is quoted. But a file of which more than half is bad is something else, and so is
 * one without a single event in its first MiB: they are refused. A line that is longer than
 * KML_TRACE_MAX_LINE is bad and is skipped without being kept.
 */

#include "workloads/traces/trace-text.h"

#include "simcore/base/units.h"
#include "workloads/traces/trace-foreign.h"
#include "workloads/traces/trace-identity.h"
#include "workloads/traces/trace-lines.h"

#define FIRST     (1024 * 1024) /* in which the format is looked for: whole pieces */
#define FEW_LINES 1000 /* so many must have been read before the share of bad ones says something */

struct _KmlTraceText {
  KmlTraceInfo *info; /* (borrowed) */
  const KmlTraceFormat *format;
  KmlTraceTexts texts;
  KmlTraceIdentity identity;
  guint64 record_counts[KML_TRACE_N_RECORDS];
  GArray *name_counts;  /* (owned) (element-type guint64): of other events, by number of the name */
  char *malformed_text; /* (owned) (nullable) */

  KmlTraceLines lines; /* with room for FIRST */
  /* the first whose time has a decimal comma, until the format is known; 0: none */
  guint64 comma_line;
  guint64 last_ns; /* of the last event, since the first */
};

/* ---- Lines ---- */

/* The next line of what is in the buffer; the last line of the file may lack its newline. */
static inline gboolean
next_line (KmlTraceText *self, const char **ret_line, const char **ret_end)
{
  char *const line = self->lines.buffer + self->lines.begin;
  const gsize n = self->lines.end - self->lines.begin;
  char *newline = memchr (line, '\n', n);

  if (newline == NULL) {
    if (!self->lines.at_end || n == 0)
      return FALSE;
    newline = line + n;
    self->lines.begin = self->lines.end;
    self->lines.unended = TRUE;
  } else {
    self->lines.begin += (gsize)(newline - line) + 1;
  }
  *ret_line = line;
  *ret_end = newline > line && newline[-1] == '\r' ? newline - 1 : newline;
  return TRUE;
}

/* "12,345678:": a time as some locales write it, in front of the event. */
static gboolean
has_decimal_comma (const char *line, const char *end)
{
  const char *comma = line;

  while ((comma = memchr (comma, ',', (gsize)(end - comma))) != NULL) {
    const char *at = comma + 1;

    while (at < end && g_ascii_isdigit (*at))
      at++;
    if (comma > line && g_ascii_isdigit (comma[-1]) && at > comma + 1 && at < end && *at == ':')
      return TRUE;
    comma++;
  }
  return FALSE;
}

static void G_GNUC_NO_INLINE
note_malformed (KmlTraceText *self, const char *line, const char *end, const char *reason)
{
  g_autofree char *quoted = NULL;

  if (self->info->counts[KML_TRACE_N_MALFORMED]++ > 0)
    return;
  if (has_decimal_comma (line, end))
    reason = KML_TRACE_DECIMAL_COMMA;
  quoted = kml_quote (line, end - line);
  self->malformed_text = g_strdup_printf ("%s: %s", reason, quoted);
  self->info->malformed_text = self->malformed_text;
  self->info->malformed_line = self->info->n_lines;
}

/* A buffer full of one line. */
static void
drop_long_line (KmlTraceText *self)
{
  const char *const line = self->lines.buffer + self->lines.begin;
  const char *const end = self->lines.buffer + self->lines.end;

  if (!self->lines.in_long) {
    self->info->n_lines++;
    note_malformed (self, line, end, kml_trace_line_fault (line, end));
  }
  self->lines.in_long = TRUE;
  self->lines.begin = self->lines.end;
}

static gboolean
refuse (const KmlTraceText *self, guint64 line, GError **error)
{
  const char *const foreign = self->format == NULL
                                  ? kml_trace_foreign (self->lines.buffer, self->lines.end)
                                  : NULL;
  g_autofree char *forms = kml_trace_describe_forms ();

  if (self->format == NULL && self->comma_line > 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%" G_GUINT64_FORMAT ": " KML_TRACE_DECIMAL_COMMA
                 ": write the text with LC_ALL=C",
                 kml_trace_input_shown (self->lines.input), self->comma_line);
  else if (self->lines.at_end && self->lines.end == 0 && self->info->n_lines == 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: it is empty: not a trace that kmemlab reads: expected %s",
                 kml_trace_input_shown (self->lines.input), forms);
  else if (foreign != NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: %s",
                 kml_trace_input_shown (self->lines.input), foreign);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%" G_GUINT64_FORMAT ": not a trace that kmemlab reads: expected %s",
                 kml_trace_input_shown (self->lines.input), line, forms);
  return FALSE;
}

static gboolean
check_share (const KmlTraceText *self, GError **error)
{
  const KmlTraceInfo *info = self->info;
  const gboolean says_nothing = self->lines.at_end && info->counts[KML_TRACE_N_EVENTS] == 0 &&
                                info->counts[KML_TRACE_N_LOST] == 0;

  if (says_nothing && info->counts[KML_TRACE_N_MALFORMED] == 0)
    return refuse (self, 1, error);
  if (!says_nothing && ((!self->lines.at_end && info->n_lines < FEW_LINES) ||
                        info->counts[KML_TRACE_N_MALFORMED] * 2 <= info->n_lines))
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s:%" G_GUINT64_FORMAT ": %s; %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
               " lines are like that: expected %s text",
               kml_trace_input_shown (self->lines.input), info->malformed_line,
               info->malformed_text, info->counts[KML_TRACE_N_MALFORMED], info->n_lines,
               self->format->name);
  return FALSE;
}

/* ---- Events ---- */

static void
count_name (KmlTraceText *self, const KmlTraceLine *line)
{
  if (line->record != KML_TRACE_OTHER) {
    self->record_counts[line->record]++;
    return;
  }
  if (line->name >= self->name_counts->len)
    g_array_set_size (self->name_counts, line->name + 1);
  g_array_index (self->name_counts, guint64, line->name)++;
}

static gboolean
collide (const KmlTraceText *self, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s:%" G_GUINT64_FORMAT ": the addresses of live blocks are too many or too much "
               "alike for those of a kernel",
               kml_trace_input_shown (self->lines.input), self->info->n_lines);
  return FALSE;
}

static inline gboolean
take_event (KmlTraceText *self, const KmlTraceLine *line, const char *text, const char *end,
            GError **error)
{
  KmlTraceInfo *info = self->info;
  guint64 time_ns;

  if (G_UNLIKELY (info->counts[KML_TRACE_N_EVENTS] == 0))
    info->base_ns = line->time_ns;
  time_ns = line->time_ns - info->base_ns;
  if (G_UNLIKELY (line->time_ns < info->base_ns || time_ns < self->last_ns)) {
    info->counts[KML_TRACE_N_UNORDERED]++;
    time_ns = self->last_ns;
  } else if (G_UNLIKELY (time_ns > KML_TIME_MAX / KML_NS)) {
    if (end[-1] == '\n')
      end -= end[-2] == '\r' ? 2 : 1;
    note_malformed (self, text, end, "more than 213 days after the first event");
    return TRUE;
  }
  self->last_ns = time_ns;
  info->duration_ns = time_ns;
  info->n_cpus = MAX (info->n_cpus, line->cpu + 1u);
  info->counts[KML_TRACE_N_EVENTS]++;
  count_name (self, line);
  return kml_trace_identity_add (&self->identity, time_ns) || collide (self, error);
}

/* "cpus=4", and "#P:4" at the end of a line of the kernel's header. */
static void
read_cpus (KmlTraceText *self, const char *line, const char *end)
{
  const char *at = line;
  guint64 n;

  if (kml_trace_begins_with (line, end, "cpus="))
    at = line + 5;
  else
    at = *line == '#' ? g_strstr_len (line, end - line, "#P:") : NULL;
  if (at != NULL && *line == '#')
    at += 3;
  if (at != NULL && kml_trace_read_decimal (at, &at, &n) && n <= G_MAXUINT16 + 1)
    self->info->n_cpus = MAX (self->info->n_cpus, (guint)n);
}

static gboolean
take_line (KmlTraceText *self, const char *line, const char *end, GError **error)
{
  KmlTraceLine *const parsed = kml_trace_identity_slot (&self->identity);
  const char *const fault = kml_trace_line_fault (line, end);

  if (G_UNLIKELY (self->lines.in_long)) {
    self->lines.in_long = FALSE;
    return TRUE;
  }
  self->info->n_lines++;
  if (G_UNLIKELY (fault != NULL)) {
    note_malformed (self, line, end, fault);
    return TRUE;
  }
  switch (self->format->parse (&self->texts, line, end, parsed)) {
  case KML_TRACE_LINE_EVENT:
    return take_event (self, parsed, line, end, error);
  case KML_TRACE_LINE_HEADER:
    if (end > line)
      read_cpus (self, line, end);
    return TRUE;
  case KML_TRACE_LINE_LOST:
    read_cpus (self, line, end);
    self->info->counts[KML_TRACE_N_LOST] += MIN (parsed->lost, G_MAXUINT32);
    return TRUE;
  case KML_TRACE_LINE_MALFORMED:
    note_malformed (self, line, end, parsed->reason);
    return TRUE;
  }
  g_assert_not_reached ();
}

/* Takes lines from the buffer, up to the first that is not like an earlier one or as long as fewer
 * than @n events are ready. */
static gboolean
take_known_lines (KmlTraceText *self, guint n, GError **error)
{
  while (!self->lines.in_long && kml_trace_identity_ready (&self->identity, FALSE) < n) {
    KmlTraceLine *const parsed = kml_trace_identity_slot (&self->identity);
    const char *const line = self->lines.buffer + self->lines.begin;
    const char *const next = kml_trace_parse_known (&self->texts, line,
                                                    self->lines.buffer + self->lines.end, parsed);

    if (next == NULL || next - line > KML_TRACE_SECTOR)
      return TRUE;
    self->lines.begin = (gsize)(next - self->lines.buffer);
    self->info->n_lines++;
    if (G_UNLIKELY (!take_event (self, parsed, line, next, error)))
      return FALSE;
  }
  return TRUE;
}

/* ---- The reader ---- */

static const KmlTraceFormat *
format_of (const char *line, const char *end)
{
  guint n;
  const KmlTraceFormat *const *formats = kml_trace_format_list (&n);

  for (guint i = 0; i < n; i++)
    if (formats[i]->recognises (line, end))
      return formats[i];
  return NULL;
}

/* Looks at the first lines without taking them. */
static gboolean
find_format (KmlTraceText *self, GError **error)
{
  const char *line, *end;

  do {
    self->lines.begin = 0;
    if (!kml_trace_lines_refill (&self->lines, error))
      return FALSE;
    for (guint64 n = 1; self->format == NULL && next_line (self, &line, &end); n++) {
      if (end - line <= KML_TRACE_MAX_LINE)
        self->format = format_of (line, end);
      if (self->comma_line == 0 && has_decimal_comma (line, end))
        self->comma_line = n;
    }
  } while (self->format == NULL && !self->lines.at_end && self->lines.end < FIRST);
  self->lines.begin = 0;
  return self->format != NULL || refuse (self, 1, error);
}

KmlTraceText *
kml_trace_text_new (KmlTraceInput *input, KmlTraceInfo *info, GError **error)
{
  g_autoptr (KmlTraceText) self = g_new0 (KmlTraceText, 1);

  self->info = info;
  kml_trace_lines_init (&self->lines, input, FIRST + KML_TRACE_MAX_LINE);
  self->name_counts = g_array_new (FALSE, TRUE, sizeof (guint64));
  kml_trace_texts_init (&self->texts);
  kml_trace_identity_init (&self->identity, info->counts);
  if (!find_format (self, error))
    return NULL;
  info->format = self->format->name;
  return g_steal_pointer (&self);
}

void
kml_trace_text_free (KmlTraceText *self)
{
  if (self == NULL)
    return;
  kml_trace_identity_finish (&self->identity);
  kml_trace_texts_finish (&self->texts);
  g_array_unref (self->name_counts);
  g_free (self->malformed_text);
  kml_trace_lines_finish (&self->lines);
  g_free (self);
}

static void
update_info (KmlTraceText *self)
{
  KmlTraceInfo *info = self->info;

  info->n_sites = self->texts.sites.n - 1;
  info->n_caches = self->texts.caches.n - 1;
  info->counts[KML_TRACE_N_GFP_UNKNOWN] = self->texts.n_gfp_unknown;
  info->live_objects_peak = self->identity.live_objects_peak;
  info->live_pages_peak = self->identity.live_pages_peak;
  info->n_stream = self->identity.tail;
  info->complete = self->lines.at_end && self->lines.begin == self->lines.end;
  info->unended = self->lines.unended;
}

int
kml_trace_text_next (KmlTraceText *self, KmlTraceEvent *events, guint n, GError **error)
{
  const char *line, *end;

  for (;;) {
    if (!take_known_lines (self, n, error))
      return -1;
    if (kml_trace_identity_ready (&self->identity, FALSE) >= n)
      break;
    if (G_LIKELY (next_line (self, &line, &end))) {
      if (!take_line (self, line, end, error))
        return -1;
      continue;
    }
    if (!check_share (self, error))
      return -1;
    if (self->lines.at_end) {
      if (!kml_trace_identity_flush (&self->identity)) {
        collide (self, error);
        return -1;
      }
      break;
    }
    if (self->lines.end - self->lines.begin > KML_TRACE_MAX_LINE)
      drop_long_line (self);
    if (!kml_trace_lines_refill (&self->lines, error))
      return -1;
  }
  update_info (self);
  n = (guint)MIN (n, kml_trace_identity_ready (&self->identity, self->info->complete));
  return (int)kml_trace_identity_take (&self->identity, events, n);
}

const KmlTraceTexts *
kml_trace_text_texts (const KmlTraceText *self)
{
  return &self->texts;
}

void
kml_trace_text_names (const KmlTraceText *self, GArray *names)
{
  for (guint i = 0; i < KML_TRACE_N_RECORDS; i++) {
    const gboolean used = i <= KML_TRACE_LAST_PAGES || i == KML_TRACE_SLAB_NEW;
    const KmlTraceNameCount count = { g_strdup (kml_trace_record_names[i]), self->record_counts[i],
                                      used };

    if (count.count > 0)
      g_array_append_val (names, count);
    else
      g_free (count.name);
  }
  for (guint i = 0; i < self->name_counts->len; i++) {
    const guint64 n = g_array_index (self->name_counts, guint64, i);
    const char *name = i > 0 ? kml_trace_strings_get (&self->texts.names, i) : "(others)";
    g_autofree char *valid = g_utf8_make_valid (name, -1);
    const KmlTraceNameCount count = { g_strdup (valid), n, FALSE };

    if (n > 0)
      g_array_append_val (names, count);
    else
      g_free (count.name);
  }
}
