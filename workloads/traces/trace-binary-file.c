/* trace-binary-file.c: the parts of a recording in binary form: header, trailer, footer, sections.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing here knows what is in a block; that no part is taken for what it is not is shown by trace-binary.c's head.
 */

#include "workloads/traces/trace-binary-private.h"

#include <errno.h>
#include <unistd.h>

gboolean
kml_trace_binary_damaged (const KmlTraceBinary *self, guint64 offset, const char *what,
                          GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: byte %" G_GUINT64_FORMAT ": %s",
               kml_trace_input_shown (self->input), offset, what);
  return FALSE;
}

gboolean
kml_trace_binary_read_at (const KmlTraceBinary *self, guint64 offset, guint8 *bytes, gsize n,
                          GError **error)
{
  gsize done = 0;

  while (done < n) {
    const gssize more = pread (kml_trace_input_fd (self->input), bytes + done, n - done,
                               (off_t)(offset + done));

    if (more < 0 && errno == EINTR)
      continue;
    if (more < 0) {
      g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot read: %s",
                   kml_trace_input_shown (self->input), g_strerror (errno));
      return FALSE;
    }
    if (more == 0)
      return kml_trace_binary_damaged (self, offset + done, "the file ends early", error);
    done += (gsize)more;
  }
  return TRUE;
}

/* ---- Sections ---- */

void
kml_trace_binary_make_room (KmlKmtRoom *self, gsize n)
{
  if (n <= self->room)
    return;
  g_free (self->bytes);
  self->bytes = g_malloc (n);
  self->room = n;
}

static void
parse_section (const guint8 *head, KmlKmtSection *ret_section)
{
  *ret_section = (KmlKmtSection){
    .tag = kml_kmt_load32 (head),
    .codec = kml_kmt_load32 (head + 4),
    .stored_length = kml_kmt_load32 (head + 8),
    .raw_length = kml_kmt_load32 (head + 12),
    .first_event = kml_kmt_load64 (head + 16),
    .first_time_ns = kml_kmt_load64 (head + 24),
    .n_events = kml_kmt_load32 (head + 32),
    .live_objects = kml_kmt_load32 (head + 36),
    .live_pages = kml_kmt_load32 (head + 40),
    .checksum = kml_kmt_load64 (head + 48),
  };
}

gboolean
kml_trace_binary_unpack (const KmlTraceBinary *self, const guint8 *bytes, guint64 length,
                         guint64 offset, guint32 tag, guint8 *raw, gsize raw_size,
                         KmlKmtSection *ret_section, GError **error)
{
  KmlKmtSection section;
  gsize n;

  parse_section (bytes, &section);
  if (section.tag != tag || section.stored_length != length - KML_KMT_SECTION ||
      section.checksum != kml_kmt_checksum (bytes, bytes + KML_KMT_SECTION, section.stored_length))
    return kml_trace_binary_damaged (self, offset, "the checksum is wrong: the file is damaged",
                                     error);
  if (section.raw_length > raw_size || section.codec > KML_KMT_ZSTD ||
      kml_kmt_load32 (bytes + 44) != 0)
    return kml_trace_binary_damaged (self, offset, "the section's head is not one", error);
  if (section.codec == KML_KMT_ZSTD) {
    n = ZSTD_decompressDCtx (self->zstd, raw, section.raw_length, bytes + KML_KMT_SECTION,
                             section.stored_length);
  } else {
    n = section.stored_length;
    if (n == section.raw_length)
      memcpy (raw, bytes + KML_KMT_SECTION, n);
  }
  if (ZSTD_isError (n) || n != section.raw_length)
    return kml_trace_binary_damaged (self, offset, "the section cannot be unpacked", error);
  *ret_section = section;
  return TRUE;
}

/* ---- The footer ---- */

static char *
get_text (KmlKmtCursor *cursor)
{
  const guint64 length = kml_kmt_get_below (cursor, (guint64)(cursor->end - cursor->at) + 1);
  char *text;

  if (length > (guint64)(cursor->end - cursor->at)) {
    cursor->overrun = TRUE;
    return g_strdup ("");
  }
  text = g_strndup ((const char *)cursor->at, length);
  cursor->at += length;
  return text;
}

static void
get_strings (KmlKmtCursor *cursor, KmlTraceStrings *strings)
{
  const guint64 n = kml_kmt_get_below (cursor, G_MAXUINT32);

  kml_trace_strings_init (strings, (guint)MIN (n, G_MAXUINT32 - 1));
  for (guint64 i = 0; i < n && !cursor->overrun; i++) {
    g_autofree char *text = get_text (cursor);

    /* each is a new one, or the numbers would shift */
    if (kml_trace_strings_add (strings, text, strlen (text)) != i + 1)
      cursor->overrun = TRUE;
  }
}

static void
get_names (KmlKmtCursor *cursor, GArray *names)
{
  const guint64 n = kml_kmt_get_below (cursor, 1u << 16);

  for (guint64 i = 0; i < n && !cursor->overrun; i++) {
    KmlTraceNameCount name = { .name = get_text (cursor) };
    const guint64 packed = kml_kmt_get_varint (cursor);

    name.count = packed >> 1;
    name.used = packed & 1;
    g_array_append_val (names, name);
  }
}

/* Blocks must follow each other, from the header to the footer. */
static void
get_index (KmlTraceBinary *self, KmlKmtCursor *cursor, guint64 n_stream)
{
  const guint64 n = kml_kmt_get_below (cursor, G_MAXUINT32);
  guint64 n_events = 0, offset = KML_KMT_HEADER, time_ns = 0;

  for (guint64 i = 0; i < n && !cursor->overrun; i++) {
    KmlKmtIndexEntry entry = { .first_event = n_events };

    entry.offset = kml_kmt_get_below (cursor, self->footer_offset);
    entry.first_time_ns = kml_kmt_get_below (cursor, KML_TIME_MAX / KML_NS);
    entry.n_events = (guint32)kml_kmt_get_below (cursor, KML_KMT_BLOCK_EVENTS + 1);
    entry.live_objects = (guint32)kml_kmt_get_below (cursor, G_MAXUINT32);
    entry.live_pages = (guint32)kml_kmt_get_below (cursor, G_MAXUINT32);
    if (entry.n_events == 0 || entry.first_time_ns < time_ns ||
        (i == 0 ? entry.offset != KML_KMT_HEADER : entry.offset < offset + KML_KMT_SECTION))
      cursor->overrun = TRUE;
    time_ns = entry.first_time_ns;
    offset = entry.offset;
    n_events += entry.n_events;
    self->most_events = MAX (self->most_events, entry.n_events);
    g_array_append_val (self->index, entry);
  }
  if (n_events != n_stream || (n == 0 && self->footer_offset != KML_KMT_HEADER))
    cursor->overrun = TRUE;
}

static void
get_footer (KmlTraceBinary *self, KmlKmtCursor *cursor, guint64 n_stream)
{
  KmlTraceInfo *info = self->info;
  guint64 n_counts;

  self->source = get_text (cursor);
  info->duration_ns = kml_kmt_get_below (cursor, KML_TIME_MAX / KML_NS + 1);
  info->n_lines = kml_kmt_get_varint (cursor);
  info->n_cpus = (guint)kml_kmt_get_below (cursor, G_MAXUINT16 + 2);
  info->live_objects_peak = kml_kmt_get_below (cursor, MIN (n_stream + 1, G_MAXUINT32));
  info->live_pages_peak = kml_kmt_get_below (cursor, MIN (n_stream + 1, G_MAXUINT32));
  info->malformed_line = kml_kmt_get_varint (cursor);
  self->malformed_text = get_text (cursor);
  n_counts = kml_kmt_get_below (cursor, KML_TRACE_N_COUNTS + 1);
  for (guint64 i = 0; i < n_counts; i++)
    info->counts[i] = kml_kmt_get_varint (cursor);
  get_names (cursor, self->names);
  get_strings (cursor, &self->sites);
  get_strings (cursor, &self->caches);
  get_index (self, cursor, n_stream);

  info->format = "kmt";
  info->source = self->source;
  info->malformed_text = self->malformed_text[0] != '\0' ? self->malformed_text : NULL;
  info->n_stream = n_stream;
  info->complete = TRUE;
  info->n_sites = self->sites.n > 0 ? self->sites.n - 1 : 0;
  info->n_caches = self->caches.n > 0 ? self->caches.n - 1 : 0;
}

static gboolean
read_footer (KmlTraceBinary *self, guint64 length, GError **error)
{
  g_autofree guint8 *bytes = NULL, *raw = NULL;
  KmlKmtSection section;
  KmlKmtCursor cursor = { 0 };
  guint64 raw_length;

  if (length < KML_KMT_SECTION || length > KML_KMT_SECTION + KML_KMT_MAX_FOOTER_BYTES)
    return kml_trace_binary_damaged (self, self->footer_offset, "the footer's length is not one",
                                     error);
  bytes = g_malloc (length);
  if (!kml_trace_binary_read_at (self, self->footer_offset, bytes, length, error))
    return FALSE;
  raw_length = MIN (kml_kmt_load32 (bytes + 12), KML_KMT_MAX_FOOTER_BYTES);
  raw = g_malloc (raw_length + 1);
  if (!kml_trace_binary_unpack (self, bytes, length, self->footer_offset, KML_KMT_TAG_FOOTER, raw,
                                raw_length, &section, error))
    return FALSE;
  cursor.at = raw;
  cursor.end = raw + section.raw_length;
  get_footer (self, &cursor, section.first_event);
  if (cursor.overrun || cursor.at != cursor.end)
    return kml_trace_binary_damaged (self, self->footer_offset, "the footer is not one", error);
  return TRUE;
}

/* ---- Both ends ---- */

static gboolean
read_header (KmlTraceBinary *self, GError **error)
{
  guint8 header[KML_KMT_HEADER];

  if (!kml_trace_binary_read_at (self, 0, header, sizeof header, error))
    return FALSE;
  if (memcmp (header, KML_KMT_MAGIC, 8) != 0)
    return kml_trace_binary_damaged (self, 0, "the header is damaged: was the file copied as text?",
                                     error);
  if (kml_kmt_load32 (header + 8) > KML_KMT_VERSION && kml_kmt_load32 (header + 8) < 0x10000) {
    g_set_error (error, KML_ERROR, KML_ERROR_NEWER,
                 "%s: version %u of the binary form: this program reads up to %u",
                 kml_trace_input_shown (self->input), kml_kmt_load32 (header + 8), KML_KMT_VERSION);
    return FALSE;
  }
  self->version = kml_kmt_load32 (header + 8);
  if (kml_kmt_load64 (header + 24) != XXH3_64bits (header, 24) || self->version == 0 ||
      self->version > KML_KMT_VERSION || kml_kmt_load32 (header + 12) != KML_KMT_HEADER)
    return kml_trace_binary_damaged (self, 0, "the header is damaged", error);
  self->info->base_ns = kml_kmt_load64 (header + 16);
  return TRUE;
}

static gboolean
read_trailer (KmlTraceBinary *self, GError **error)
{
  const guint64 size = kml_trace_input_size (self->input);
  const guint64 offset = size - KML_KMT_TRAILER;
  guint8 trailer[KML_KMT_TRAILER];

  if (size < KML_KMT_HEADER + KML_KMT_SECTION + KML_KMT_TRAILER)
    return kml_trace_binary_damaged (self, size, "the file ends early", error);
  if (!kml_trace_binary_read_at (self, offset, trailer, sizeof trailer, error))
    return FALSE;
  if (memcmp (trailer + 24, KML_KMT_END_MAGIC, 8) != 0 ||
      kml_kmt_load64 (trailer + 16) != XXH3_64bits (trailer, 16) ||
      kml_kmt_load64 (trailer + 8) != size)
    return kml_trace_binary_damaged (self, offset,
                                     "no trailer: the file was cut or something was added", error);
  self->footer_offset = kml_kmt_load64 (trailer);
  if (self->footer_offset < KML_KMT_HEADER || self->footer_offset > offset - KML_KMT_SECTION)
    return kml_trace_binary_damaged (self, offset, "the trailer leads nowhere", error);
  return read_footer (self, offset - self->footer_offset, error);
}

gboolean
kml_trace_binary_read_file (KmlTraceBinary *self, GError **error)
{
  return read_header (self, error) && read_trailer (self, error);
}
