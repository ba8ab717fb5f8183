/* trace-format.c: the parts of a line that all text formats have.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/traces/trace-format.h"

#include "simcore/base/registry.h"

/* A file of nonsense must not fill the memory; real recordings stay far below. */
#define MAX_SITES  (1u << 20)
#define MAX_CACHES (1u << 16)
#define MAX_NAMES  1024
#define MAX_FLAGS  8192

static KmlRegistry registry;

void
kml_trace_format_register (const KmlTraceFormat *format)
{
  g_assert (format->recognises != NULL);
  g_assert (format->parse != NULL);

  kml_registry_add (&registry, format);
}

const KmlTraceFormat *const *
kml_trace_format_list (guint *ret_n)
{
  *ret_n = registry.n;
  return (const KmlTraceFormat *const *)registry.entries;
}

void
kml_trace_texts_init (KmlTraceTexts *self)
{
  const KmlGfp none = 0;

  memset (&self->tasks, 0, sizeof self->tasks);
  memset (&self->second, 0, sizeof self->second);
  kml_trace_shapes_init (&self->shapes);
  kml_trace_strings_init (&self->sites, MAX_SITES);
  kml_trace_strings_init (&self->caches, MAX_CACHES);
  kml_trace_strings_init (&self->names, MAX_NAMES);
  kml_trace_strings_init (&self->flags, MAX_FLAGS);
  self->flag_values = g_array_new (FALSE, FALSE, sizeof (KmlGfp));
  g_array_append_val (self->flag_values, none);
  self->n_gfp_unknown = 0;
  self->lacks_gfp = FALSE;
}

void
kml_trace_texts_finish (KmlTraceTexts *self)
{
  kml_trace_shapes_finish (&self->shapes);
  kml_trace_strings_finish (&self->sites);
  kml_trace_strings_finish (&self->caches);
  kml_trace_strings_finish (&self->names);
  kml_trace_strings_finish (&self->flags);
  g_clear_pointer (&self->flag_values, g_array_unref);
}

static KmlGfp
read_flags (KmlTraceTexts *self, const char *text, gsize length)
{
  const char *const end = text + length;
  KmlGfp flags = 0;

  if (kml_gfp_parse (text, length, &flags, NULL))
    return flags;
  self->n_gfp_unknown++;
  for (const char *at = text; at < end;) {
    const char *const bar = memchr (at, '|', (gsize)(end - at));
    const char *const stop = bar != NULL ? bar : end;
    KmlGfp one;

    if (kml_gfp_parse (at, (gsize)(stop - at), &one, NULL))
      flags |= one;
    at = stop + 1;
  }
  return flags;
}

KmlGfp
kml_trace_texts_gfp (KmlTraceTexts *self, const char *text, gsize length)
{
  const guint32 number = kml_trace_strings_intern (&self->flags, text, length);
  KmlGfp flags;

  if (length == 0) {
    self->n_gfp_unknown += !self->lacks_gfp;
    self->lacks_gfp = TRUE;
    return KML_TRACE_NO_GFP;
  }
  if (number == 0)
    return read_flags (self, text, length); /* too many texts */
  if (number == self->flag_values->len) {
    flags = read_flags (self, text, length);
    g_array_append_val (self->flag_values, flags);
  }
  return g_array_index (self->flag_values, KmlGfp, number);
}

gboolean
kml_trace_begins_with (const char *line, const char *end, const char *text)
{
  const gsize length = strlen (text);

  return (gsize)(end - line) >= length && memcmp (line, text, length) == 0;
}

/* A number behind the word, or in front of it. */
static gboolean
number_beside (const char *begin, const char *at, gsize length, guint64 *ret_number)
{
  const char *number = at, *behind;

  if (kml_trace_read_decimal (at + length, &behind, ret_number))
    return TRUE;
  while (number > begin && g_ascii_isdigit (number[-1]))
    number--;
  return kml_trace_read_decimal (number, &behind, ret_number) && behind == at;
}

/* ftrace's "CPU:2 [LOST 153 EVENTS]" and trace-cmd's "CPU:2 [153 EVENTS DROPPED]", either of which may not know how many (then it is 1 at
 * least); "##### … LOST 153 …", perf's "PERF_RECORD_LOST lost 153". */
static gboolean
find_lost (const char *line, const char *end, guint64 *ret_lost)
{
  static const struct {
    const char *word;
    gboolean needs_number;
  } words[] = { { "LOST ", TRUE },
                { "lost ", TRUE },
                { " EVENTS DROPPED]", FALSE },
                { "[EVENTS DROPPED]", FALSE },
                { "[LOST EVENTS]", FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    const gsize length = strlen (words[i].word);

    for (const char *at = line; (gsize)(end - at) >= length; at++)
      if (memcmp (at, words[i].word, length) == 0) {
        if (number_beside (line, at, length, ret_lost))
          return TRUE;
        *ret_lost = 1;
        if (!words[i].needs_number)
          return TRUE;
      }
  }
  return FALSE;
}

/* "# entries-in-buffer/entries-written: 2/1002   #P:4": what came first was written over before it was read. */
static gboolean
find_overwritten (const char *line, const char *end, guint64 *ret_lost)
{
  static const char words[] = "# entries-in-buffer/entries-written: ";
  guint64 n_kept, n_written;
  const char *at;

  if (!kml_trace_begins_with (line, end, words) ||
      !kml_trace_read_decimal (line + sizeof words - 1, &at, &n_kept) || *at != '/' ||
      !kml_trace_read_decimal (at + 1, &at, &n_written) || n_written <= n_kept)
    return FALSE;
  *ret_lost = n_written - n_kept;
  return TRUE;
}

KmlTraceLineKind
kml_trace_parse_note (const char *line, const char *end, KmlTraceLine *ret_line)
{
  static const char *const headers[] = { "cpus=", "version = ", "CPU ", "trace-cmd", "tracer:" };
  const char *const at = kml_trace_skip_spaces (line, end);

  if (find_lost (line, MIN (end, line + 256), &ret_line->lost) ||
      find_overwritten (line, end, &ret_line->lost))
    return KML_TRACE_LINE_LOST;
  if (at == end || *at == '#' || kml_trace_begins_with (at, end, "=>")) /* a function of a stack */
    return KML_TRACE_LINE_HEADER;
  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    if (kml_trace_begins_with (at, end, headers[i]))
      return KML_TRACE_LINE_HEADER;
  ret_line->reason = "not an event";
  return KML_TRACE_LINE_MALFORMED;
}
