/* trace-convert.c: writes a recording in binary form.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recording repeats itself: some thousand combinations of call site, size and
 * flags, and a few combinations of task and CPU at any one time. So each block
 * has a dictionary of both, and an event is four small numbers: what (template),
 * who (actor), how much later, and which block (name). Each kind of number is
 * stored in a column of its own, of the least number of bytes that does for the
 * block, which is decoded without a branch and compressed well. Blocks know
 * nothing of each other, so reading can start at any.
 *
 * The file is written beside the target under a name of its own, brought to the
 * disk, and only then given the target's name: nothing that is half written
 * can be taken for a recording. Memory is one block and the index, 40 bytes for
 * 16384 events.
 */

#include "workloads/traces/trace-layout.h"
#include "workloads/traces/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>
#include <zstd.h>

#define DEFAULT_LEVEL 3
#define N_HASH        (2 * KML_KMT_BLOCK_EVENTS) /* a power of two, at most half full */

/* A dictionary: for each event, the first event of the block that is like it, as a small number. */
typedef struct {
  guint16 index[N_HASH];               /* 1 + number; 0: nothing */
  guint16 first[KML_KMT_BLOCK_EVENTS]; /* by number: the event that is the entry */
  guint16 of[KML_KMT_BLOCK_EVENTS];    /* by event: the number */
  guint n;
} Dictionary;

typedef struct {
  guint64 offset;
  guint64 first_time_ns;
  guint32 n_events;
  guint32 live_objects, live_pages;
} IndexEntry;

typedef struct {
  const char *path;
  char *temporary; /* (owned) (nullable): exists as long as this is set */
  int fd;
  guint64 offset;  /* written so far */
  guint32 version; /* that the events so far need */
  ZSTD_CCtx *zstd;
  int level;
  guint64 n_stream;
  guint32 live_objects, live_pages;
  GArray *index; /* (owned) (element-type IndexEntry) */
  KmlTraceEvent events[KML_KMT_BLOCK_EVENTS];
  Dictionary templates, actors;
  guint8 raw[KML_KMT_MAX_BLOCK_BYTES];
  guint8 stored[KML_KMT_SECTION + ZSTD_COMPRESSBOUND (KML_KMT_MAX_BLOCK_BYTES)];
} Writer;

static void
writer_free (Writer *self)
{
  if (self->fd >= 0)
    close (self->fd);
  if (self->temporary != NULL)
    g_unlink (self->temporary);
  g_free (self->temporary);
  ZSTD_freeCCtx (self->zstd);
  g_array_unref (self->index);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Writer, writer_free)

static gboolean
fail (const Writer *self, const char *what, int code, GError **error)
{
  g_set_error (error, KML_ERROR, code == EEXIST ? KML_ERROR_INPUT : KML_ERROR_WORLD,
               "%s: cannot %s: %s", self->path, what, g_strerror (code));
  return FALSE;
}

static gboolean
write_bytes (Writer *self, const guint8 *bytes, gsize n, GError **error)
{
  while (n > 0) {
    const gssize done = write (self->fd, bytes, n);

    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return fail (self, "write", errno, error);
    bytes += done;
    n -= (gsize)done;
    self->offset += (guint64)done;
  }
  return TRUE;
}

/* ---- Dictionaries ---- */

static inline gboolean
same_template (const KmlTraceEvent *a, const KmlTraceEvent *b)
{
  return a->site == b->site && a->kind == b->kind && a->level == b->level &&
         a->bytes_req == b->bytes_req && a->bytes_alloc == b->bytes_alloc && a->gfp == b->gfp &&
         a->cache == b->cache && a->order == b->order && a->mobility == b->mobility &&
         a->flags == b->flags;
}

static inline guint64
hash_template (const KmlTraceEvent *event)
{
  const guint64 a = (guint64)event->site << 32 | event->bytes_req;
  const guint64 b = (guint64)event->gfp << 32 | event->cache;
  const guint64 c = (guint64)event->bytes_alloc << 32 | (guint64)event->kind << 24 |
                    (guint64)event->level << 20 | (guint64)event->order << 8 |
                    (guint64)event->mobility << 4 | event->flags;

  return ((a * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) ^ b) *
              G_GUINT64_CONSTANT (0xc2b2ae3d27d4eb4f) ^
          c) *
         G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

static inline gboolean
same_actor (const KmlTraceEvent *a, const KmlTraceEvent *b)
{
  return a->pid == b->pid && a->cpu == b->cpu && a->context == b->context;
}

static inline guint64
hash_actor (const KmlTraceEvent *event)
{
  return ((guint64)event->pid << 32 | (guint64)event->cpu << 8 | event->context) *
         G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

static inline void
make_dictionary (Dictionary *self, const KmlTraceEvent *events, guint n,
                 gboolean (*same) (const KmlTraceEvent *, const KmlTraceEvent *),
                 guint64 (*hash) (const KmlTraceEvent *))
{
  memset (self->index, 0, sizeof self->index);
  self->n = 0;
  for (guint i = 0; i < n; i++) {
    guint at = (guint)(hash (&events[i]) >> 32) % N_HASH;

    while (self->index[at] != 0 && !same (&events[i], &events[self->first[self->index[at] - 1]]))
      at = (at + 1) % N_HASH;
    if (self->index[at] == 0) {
      self->first[self->n] = (guint16)i;
      self->index[at] = (guint16)++self->n;
    }
    self->of[i] = self->index[at] - 1;
  }
}

/* ---- Blocks ---- */

static guint8 *
put_template (guint8 *at, const KmlTraceEvent *event)
{
  *at++ = (guint8)(event->kind | (event->level == KML_LEVEL_PAGES) << 2 | event->flags << 3);
  *at++ = (guint8)(event->order | event->mobility << 5);
  at = kml_kmt_put_varint (at, event->site);
  at = kml_kmt_put_varint (at, event->cache);
  if (event->kind == KML_OP_ALLOC) {
    at = kml_kmt_put_varint (at, event->gfp);
    at = kml_kmt_put_varint (at, event->bytes_req);
    at = kml_kmt_put_varint (at, event->bytes_alloc - event->bytes_req);
  }
  return at;
}

static guint8 *
put_actor (guint8 *at, const KmlTraceEvent *event)
{
  *at++ = event->context;
  at = kml_kmt_put_varint (at, event->cpu);
  return kml_kmt_put_varint (at, event->pid);
}

/* The numbers of a dictionary in one or two planes of bytes: all low bytes, then all high ones. */
static guint8 *
put_planes16 (guint8 *at, const guint16 *values, guint n, guint n_planes)
{
  for (guint plane = 0; plane < n_planes; plane++, at += n)
    for (guint i = 0; i < n; i++)
      at[i] = (guint8)(values[i] >> (8 * plane));
  return at;
}

static guint8 *
put_names (guint8 *at, const KmlTraceEvent *events, guint n, guint n_planes)
{
  for (guint plane = 0; plane < n_planes; plane++, at += n)
    for (guint i = 0; i < n; i++)
      at[i] = (guint8)(events[i].block >> (8 * plane));
  return at;
}

static guint64
greatest_common_divisor (guint64 a, guint64 b)
{
  while (b != 0) {
    const guint64 rest = a % b;

    a = b;
    b = rest;
  }
  return a;
}

/* The clock's step: text has microseconds. 1 when all events are at one time. */
static guint64
time_unit (const KmlTraceEvent *events, guint n)
{
  guint64 unit = 0;

  for (guint i = 1; i < n && unit != 1; i++)
    unit = greatest_common_divisor (events[i].time_ns - events[i - 1].time_ns, unit);
  return MAX (unit, 1);
}

/* The payload of the block, into self->raw; returns its length. */
static gsize
make_block (Writer *self, guint n)
{
  const KmlTraceEvent *events = self->events;
  const guint64 unit = time_unit (events, n);
  guint8 *const prefix = self->raw;
  guint8 *at = prefix + KML_KMT_BLOCK_PREFIX, *times;
  guint32 n_splits = 0, n_escapes = 0, all_names = 0;
  guint n_name_planes;

  make_dictionary (&self->templates, events, n, same_template, hash_template);
  make_dictionary (&self->actors, events, n, same_actor, hash_actor);
  for (guint i = 0; i < self->templates.n; i++)
    at = put_template (at, &events[self->templates.first[i]]);
  for (guint i = 0; i < self->actors.n; i++)
    at = put_actor (at, &events[self->actors.first[i]]);
  for (guint i = 0; i < n; i++) {
    all_names |= events[i].block;
    if (events[i].kind >= KML_OP_SPLIT) {
      at = kml_kmt_put_varint (at, events[i].other);
      n_splits++;
    }
    if (events[i].kind == KML_OP_FREE_OLD)
      self->version = MAX (self->version, KML_KMT_OLD_PAGES);
    if (events[i].flags & KML_TRACE_MOVED)
      self->version = MAX (self->version, KML_KMT_MOVED);
    if (events[i].flags & KML_TRACE_OF_CACHE)
      self->version = KML_KMT_OF_CACHE;
  }
  n_name_planes = all_names == 0 ? 1 : (39 - (guint)__builtin_clz (all_names)) / 8;
  for (guint i = 1; i < n; i++) {
    const guint64 steps = (events[i].time_ns - events[i - 1].time_ns) / unit;

    if (steps >= KML_KMT_ESCAPE) {
      at = kml_kmt_put_varint (at, steps);
      n_escapes++;
    }
  }
  kml_kmt_store32 (prefix, self->templates.n);
  kml_kmt_store32 (prefix + 4, self->actors.n);
  kml_kmt_store32 (prefix + 8, n_splits);
  kml_kmt_store32 (prefix + 12, n_escapes);
  kml_kmt_store32 (prefix + 16, (guint32)(at - prefix) - KML_KMT_BLOCK_PREFIX);
  prefix[20] = self->templates.n > 256 ? 2 : 1;
  prefix[21] = self->actors.n > 256 ? 2 : 1;
  prefix[22] = (guint8)n_name_planes;
  prefix[23] = 0;
  kml_kmt_store64 (prefix + 24, unit);

  at = put_planes16 (at, self->templates.of, n, prefix[20]);
  at = put_planes16 (at, self->actors.of, n, prefix[21]);
  times = at;
  times[0] = 0;
  for (guint i = 1; i < n; i++)
    times[i] = (guint8)MIN ((events[i].time_ns - events[i - 1].time_ns) / unit, KML_KMT_ESCAPE);
  at = put_names (at + n, events, n, n_name_planes);
  g_assert ((gsize)(at - self->raw) <= sizeof self->raw);
  return (gsize)(at - self->raw);
}

/* Compresses @raw and writes it behind its head. @stored has room for KML_KMT_SECTION bytes and the
 * compressed ones. */
static gboolean
write_section (Writer *self, KmlKmtSection section, const guint8 *raw, gsize length, guint8 *stored,
               gsize stored_size, GError **error)
{
  guint8 *const payload = stored + KML_KMT_SECTION;
  gsize stored_length = ZSTD_compressCCtx (self->zstd, payload, stored_size - KML_KMT_SECTION, raw,
                                           length, self->level);

  g_assert (!ZSTD_isError (stored_length));
  section.codec = KML_KMT_ZSTD;
  if (stored_length >= length) {
    memcpy (payload, raw, length);
    stored_length = length;
    section.codec = KML_KMT_STORED;
  }
  kml_kmt_store32 (stored, section.tag);
  kml_kmt_store32 (stored + 4, section.codec);
  kml_kmt_store32 (stored + 8, (guint32)stored_length);
  kml_kmt_store32 (stored + 12, (guint32)length);
  kml_kmt_store64 (stored + 16, section.first_event);
  kml_kmt_store64 (stored + 24, section.first_time_ns);
  kml_kmt_store32 (stored + 32, section.n_events);
  kml_kmt_store32 (stored + 36, section.live_objects);
  kml_kmt_store32 (stored + 40, section.live_pages);
  kml_kmt_store32 (stored + 44, 0);
  kml_kmt_store64 (stored + 48, kml_kmt_checksum (stored, payload, stored_length));
  return write_bytes (self, stored, KML_KMT_SECTION + stored_length, error);
}

static void
count_live (Writer *self, guint n)
{
  for (guint i = 0; i < n; i++) {
    const KmlTraceEvent *event = &self->events[i];
    guint32 *const live = event->level == KML_LEVEL_PAGES ? &self->live_pages : &self->live_objects;

    if (event->kind != KML_OP_FREE_OLD)
      *live += event->kind == KML_OP_FREE ? -1u : 1u; /* a split makes one more, too */
  }
}

static gboolean
write_block (Writer *self, guint n, GError **error)
{
  const IndexEntry entry = { self->offset, self->events[0].time_ns, n, self->live_objects,
                             self->live_pages };
  const KmlKmtSection section = {
    .tag = KML_KMT_TAG_BLOCK,
    .first_event = self->n_stream,
    .first_time_ns = entry.first_time_ns,
    .n_events = n,
    .live_objects = entry.live_objects,
    .live_pages = entry.live_pages,
  };
  const gsize length = make_block (self, n);

  g_array_append_val (self->index, entry);
  self->n_stream += n;
  count_live (self, n);
  return write_section (self, section, self->raw, length, self->stored, sizeof self->stored, error);
}

/* ---- Header, footer, trailer ---- */

static void
append_varint (GByteArray *bytes, guint64 value)
{
  guint8 buffer[KML_KMT_MAX_VARINT];

  g_byte_array_append (bytes, buffer, (guint)(kml_kmt_put_varint (buffer, value) - buffer));
}

static void
append_text (GByteArray *bytes, const char *text)
{
  append_varint (bytes, strlen (text));
  g_byte_array_append (bytes, (const guint8 *)text, (guint)strlen (text));
}

static void
append_names (GByteArray *bytes, KmlTrace *trace)
{
  g_autoptr (GArray) names = kml_trace_names (trace);

  append_varint (bytes, names->len);
  for (guint i = 0; i < names->len; i++) {
    const KmlTraceNameCount *name = &g_array_index (names, KmlTraceNameCount, i);

    append_text (bytes, name->name);
    append_varint (bytes, name->count << 1 | (name->used ? 1 : 0));
  }
}

static gboolean
write_footer (Writer *self, KmlTrace *trace, GError **error)
{
  const KmlTraceInfo *info = kml_trace_info (trace);
  const KmlKmtSection section = { .tag = KML_KMT_TAG_FOOTER, .first_event = self->n_stream };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *stored = NULL;
  gsize stored_size;

  append_text (bytes, info->source != NULL ? info->source : info->format);
  append_varint (bytes, info->duration_ns);
  append_varint (bytes, info->n_lines);
  append_varint (bytes, info->n_cpus);
  append_varint (bytes, info->live_objects_peak);
  append_varint (bytes, info->live_pages_peak);
  append_varint (bytes, info->malformed_line);
  append_text (bytes, info->malformed_text != NULL ? info->malformed_text : "");
  append_varint (bytes, KML_TRACE_N_COUNTS);
  for (guint i = 0; i < KML_TRACE_N_COUNTS; i++)
    append_varint (bytes, info->counts[i]);
  append_names (bytes, trace);
  append_varint (bytes, info->n_sites);
  for (guint32 i = 1; i <= info->n_sites; i++)
    append_text (bytes, kml_trace_site (trace, i));
  append_varint (bytes, info->n_caches);
  for (guint32 i = 1; i <= info->n_caches; i++)
    append_text (bytes, kml_trace_cache (trace, i));
  append_varint (bytes, self->index->len);
  for (guint i = 0; i < self->index->len; i++) {
    const IndexEntry *entry = &g_array_index (self->index, IndexEntry, i);

    append_varint (bytes, entry->offset);
    append_varint (bytes, entry->first_time_ns);
    append_varint (bytes, entry->n_events);
    append_varint (bytes, entry->live_objects);
    append_varint (bytes, entry->live_pages);
  }
  if (bytes->len > KML_KMT_MAX_FOOTER_BYTES) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: the recording has more call sites and blocks than the binary form holds",
                 self->path);
    return FALSE;
  }
  stored_size = KML_KMT_SECTION + MAX (ZSTD_compressBound (bytes->len), bytes->len);
  stored = g_malloc (stored_size);
  return write_section (self, section, bytes->data, bytes->len, stored, stored_size, error);
}

static gboolean
write_trailer (Writer *self, guint64 footer_offset, GError **error)
{
  guint8 trailer[KML_KMT_TRAILER];

  kml_kmt_store64 (trailer, footer_offset);
  kml_kmt_store64 (trailer + 8, self->offset + KML_KMT_TRAILER);
  kml_kmt_store64 (trailer + 16, XXH3_64bits (trailer, 16));
  memcpy (trailer + 24, KML_KMT_END_MAGIC, 8);
  return write_bytes (self, trailer, sizeof trailer, error);
}

/* Where the file is at. The base of the times is known once the first event is, the version once the last is. */
static gboolean
write_header (Writer *self, guint64 base_ns, GError **error)
{
  guint8 header[KML_KMT_HEADER];

  memcpy (header, KML_KMT_MAGIC, 8);
  kml_kmt_store32 (header + 8, self->version);
  kml_kmt_store32 (header + 12, KML_KMT_HEADER);
  kml_kmt_store64 (header + 16, base_ns);
  kml_kmt_store64 (header + 24, XXH3_64bits (header, 24));
  return write_bytes (self, header, sizeof header, error);
}

/* ---- The whole ---- */

/* Collects a block's worth of events: how many, or -1. */
static int
collect (Writer *self, KmlTrace *trace, const KmlTraceConvert *options, GError **error)
{
  guint n = 0;

  while (n < KML_KMT_BLOCK_EVENTS) {
    const int more = kml_trace_next (trace, self->events + n, MIN (KML_KMT_BLOCK_EVENTS - n, 2048),
                                     error);

    if (more < 0)
      return -1;
    if (options->stop != NULL && *options->stop != 0) {
      g_set_error (error, KML_ERROR, KML_ERROR_STOPPED, "%s: stopped before it was whole",
                   self->path);
      return -1;
    }
    if (more == 0)
      break;
    n += (guint)more;
  }
  return (int)n;
}

static gboolean
write_all (Writer *self, KmlTrace *trace, const KmlTraceConvert *options, GError **error)
{
  guint64 footer_offset;
  int n = collect (self, trace, options, error);

  if (n < 0 || !write_header (self, kml_trace_info (trace)->base_ns, error))
    return FALSE;
  while (n > 0) {
    if (!write_block (self, (guint)n, error))
      return FALSE;
    if (options->progress != NULL)
      options->progress (kml_trace_progress (trace), options->data);
    n = collect (self, trace, options, error);
  }
  if (n < 0)
    return FALSE;
  footer_offset = self->offset;
  if (!write_footer (self, trace, error) || !write_trailer (self, footer_offset, error))
    return FALSE;
  if (self->version == KML_KMT_FIRST)
    return TRUE;
  if (lseek (self->fd, 0, SEEK_SET) != 0)
    return fail (self, "write", errno, error);
  return write_header (self, kml_trace_info (trace)->base_ns, error);
}

/* The file and its name are on the disk when this returns. */
static gboolean
publish (Writer *self, gboolean overwrite, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (self->path);
  int fd = self->fd;

  if (fsync (fd) != 0)
    return fail (self, "write", errno, error);
  self->fd = -1;
  if (close (fd) != 0)
    return fail (self, "write", errno, error);
  if (overwrite) {
    if (g_rename (self->temporary, self->path) != 0)
      return fail (self, "replace it", errno, error);
    g_clear_pointer (&self->temporary, g_free);
  } else if (link (self->temporary, self->path) != 0) {
    /* Unlike rename(), link() never replaces; some file systems have none. */
    if (errno == EEXIST || g_file_test (self->path, G_FILE_TEST_EXISTS))
      return fail (self, "create it", EEXIST, error);
    if (g_rename (self->temporary, self->path) != 0)
      return fail (self, "create it", errno, error);
    g_clear_pointer (&self->temporary, g_free);
  }
  fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync (fd);
    close (fd);
  }
  return TRUE;
}

gboolean
kml_trace_convert (KmlTrace *trace, const char *path, const KmlTraceConvert *options,
                   GError **error)
{
  g_autoptr (Writer) self = g_new0 (Writer, 1);

  self->path = path;
  self->fd = -1;
  self->version = KML_KMT_FIRST;
  self->level = options->level > 0 ? options->level : DEFAULT_LEVEL;
  self->index = g_array_new (FALSE, FALSE, sizeof (IndexEntry));
  if (!options->overwrite && g_file_test (path, G_FILE_TEST_EXISTS))
    return fail (self, "create it", EEXIST, error);
  if (g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "%s: cannot replace it: expected a file, not a pipe or a device", path);
    return FALSE;
  }
  self->zstd = ZSTD_createCCtx ();
  g_assert (self->zstd != NULL);

  self->temporary = g_strconcat (path, ".XXXXXX", NULL);
  self->fd = g_mkstemp_full (self->temporary, O_WRONLY | O_CLOEXEC, 0666);
  if (self->fd < 0) {
    const int code = errno;

    g_clear_pointer (&self->temporary, g_free);
    return fail (self, "create it", code, error);
  }
  return write_all (self, trace, options, error) && publish (self, options->overwrite, error);
}
