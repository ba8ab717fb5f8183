/* trace-input.c: a stream of bytes from a plain or compressed file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The stored bytes are read in large pieces into one buffer; a decoder turns
 * them into the bytes that the caller asked for. Decoders are the libraries' own
 * streaming ones, so memory is bounded by their windows: 32 KiB for gzip, at most
 * 256 MiB for xz (MAX_XZ_MEMORY), at most 128 MiB for zstd (MAX_ZSTD_WINDOW_LOG:
 * `zstd --long=27` is what the recordings were made with).
 *
 * Several streams one after the other are one file, as with the tools. Whatever
 * follows that is not another stream is damage. The end of the file inside a
 * stream is damage, too: a recording that was cut must not look like a short one.
 */

#ifdef KML_ZSTD_TAKES_MEMORY
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_createDCtx_advanced() */
#endif

#include "workloads/traces/trace-input.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "simcore/base/host-memory.h"
#include "simcore/base/units.h"

#define STORED_SIZE         (256 * 1024)
#define HEAD_ZEROS          64
#define MAX_ZSTD_WINDOW_LOG 27
#define MAX_XZ_MEMORY       (G_GUINT64_CONSTANT (256) << 20)

typedef enum {
  PLAIN,
  GZIP,
  XZ,
  ZSTD,
} Compression;

static const char *const compression_names[] = { "none", "gzip", "xz", "zstd" };

struct _KmlTraceInput {
  int fd;
  char *shown; /* (owned) */
  guint64 size;
  guint64 stored_before; /* bytes of the file before stored[0] */
  guint8 *stored;        /* (owned): STORED_SIZE bytes */
  gsize begin, end;      /* of what is in there and not yet decoded */
  gboolean at_eof;       /* of the file */
  gboolean in_stream;    /* of a compressed stream that has begun and not ended */
  Compression compression;
  z_stream gzip;
  gboolean has_gzip;
  lzma_stream xz;
  ZSTD_DStream *zstd; /* (owned) (nullable) */
  guint8 *head;       /* (owned) (nullable): decoded bytes that were looked at before their time */
  gsize head_at, n_head;
};

/* One read(): how many bytes, 0 at the end of the file, -1 with an error. */
static gssize
read_some (KmlTraceInput *self, guint8 *bytes, gsize n, GError **error)
{
  gssize done;

  do
    done = read (self->fd, bytes, n);
  while (done < 0 && errno == EINTR);
  if (done < 0)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot read: %s", self->shown,
                 g_strerror (errno));
  if (done == 0)
    self->at_eof = TRUE;
  return done;
}

static gboolean
refill (KmlTraceInput *self, GError **error)
{
  gssize n;

  g_assert (self->begin == self->end);

  self->stored_before += self->end;
  self->begin = self->end = 0;
  n = read_some (self, self->stored, STORED_SIZE, error);
  self->end = (gsize)MAX (n, 0);
  return n >= 0;
}

/* A pipe may give a few bytes at a time; the magic bytes are wanted at once. */
static gboolean
fill_first (KmlTraceInput *self, GError **error)
{
  while (self->end < 64) {
    const gssize n = read_some (self, self->stored + self->end, STORED_SIZE - self->end, error);

    if (n < 0)
      return FALSE;
    if (n == 0)
      break;
    self->end += (gsize)n;
  }
  return TRUE;
}

static gboolean
begins_with (const KmlTraceInput *self, const char *magic, gsize length)
{
  return self->end >= length && memcmp (self->stored, magic, length) == 0;
}

/* ---- Decoders ---- */

static void *
xz_alloc (void *data, size_t n, size_t size)
{
  return kml_host_memory_new (n * size); /* lzma.h: n is always 1 */
}

static void
xz_free (void *data, void *memory)
{
  free (memory);
}

static const lzma_allocator xz_memory = { xz_alloc, xz_free, NULL };

#ifdef KML_ZSTD_TAKES_MEMORY
static void *
zstd_alloc (void *data, size_t n)
{
  return kml_host_memory_new (n);
}

static void
zstd_free (void *data, void *memory)
{
  free (memory);
}

static ZSTD_DStream *
zstd_new (void)
{
  return ZSTD_createDCtx_advanced ((ZSTD_customMem){ zstd_alloc, zstd_free, NULL });
}
#else
static ZSTD_DStream *
zstd_new (void)
{
  return ZSTD_createDStream ();
}
#endif

static void
start_decoder (KmlTraceInput *self)
{
  if (begins_with (self, "\x1f\x8b", 2)) {
    self->compression = GZIP;
    /* 15: the largest window; +16: gzip's header is expected and its checksum verified. */
    self->has_gzip = inflateInit2 (&self->gzip, 15 + 16) == Z_OK;
    g_assert (self->has_gzip);
  } else if (begins_with (self,
                          "\xfd"
                          "7zXZ\0",
                          6)) {
    lzma_ret ret;

    self->xz.allocator = &xz_memory;
    ret = lzma_stream_decoder (&self->xz, MAX_XZ_MEMORY, LZMA_CONCATENATED);
    self->compression = XZ;
    g_assert (ret == LZMA_OK);
  } else if (begins_with (self, "\x28\xb5\x2f\xfd", 4)) {
    self->compression = ZSTD;
    self->zstd = zstd_new ();
    g_assert (self->zstd != NULL);
    ZSTD_DCtx_setParameter (self->zstd, ZSTD_d_windowLogMax, MAX_ZSTD_WINDOW_LOG);
  }
}

KmlTraceInput *
kml_trace_input_open (const char *path, const char *shown, GError **error)
{
  g_autoptr (KmlTraceInput) self = g_new0 (KmlTraceInput, 1);
  struct stat status;

  self->shown = g_strdup (shown);
  self->stored = g_malloc (STORED_SIZE);
  self->xz = (lzma_stream)LZMA_STREAM_INIT;
  if (strcmp (path, "-") == 0)
    self->fd = dup (STDIN_FILENO);
  else
    self->fd = open (path, O_RDONLY | O_CLOEXEC);
  if (self->fd < 0 || fstat (self->fd, &status) != 0) {
    const gboolean wrong_name = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG;

    g_set_error (error, KML_ERROR, wrong_name ? KML_ERROR_INPUT : KML_ERROR_WORLD,
                 "%s: cannot open: %s", shown, g_strerror (errno));
    return NULL;
  }
  if (S_ISDIR (status.st_mode)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: a directory: expected a trace file",
                 shown);
    return NULL;
  }
  if (S_ISREG (status.st_mode))
    self->size = (guint64)status.st_size;
  if (!fill_first (self, error))
    return NULL;
  start_decoder (self);
  return g_steal_pointer (&self);
}

void
kml_trace_input_close (KmlTraceInput *self)
{
  if (self == NULL)
    return;
  if (self->has_gzip)
    inflateEnd (&self->gzip);
  lzma_end (&self->xz);
  ZSTD_freeDStream (self->zstd);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->head);
  g_free (self->stored);
  g_free (self->shown);
  g_free (self);
}

static gboolean
damaged (const KmlTraceInput *self, const char *what, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: byte %" G_GUINT64_FORMAT ": %s", self->shown,
               self->stored_before + self->begin, what);
  return FALSE;
}

/* Each decoder takes from stored[begin, end), gives up to *ret_n bytes at @out
 * and leaves in *ret_n how many; at the end of the file there is nothing to take. */

/* The end of the file may be known while the first bytes of a small one are yet to be decoded. */
static gboolean
has_nothing_left (const KmlTraceInput *self)
{
  return self->at_eof && self->begin == self->end;
}

static gboolean
decode_gzip (KmlTraceInput *self, guint8 *out, gsize *ret_n, GError **error)
{
  int status;

  if (!self->in_stream) {
    if (has_nothing_left (self)) {
      *ret_n = 0;
      return TRUE;
    }
    inflateReset (&self->gzip);
    self->in_stream = TRUE;
  }
  if (has_nothing_left (self))
    return damaged (self, "the gzip stream ends early", error);
  self->gzip.next_in = self->stored + self->begin;
  self->gzip.avail_in = (uInt)(self->end - self->begin);
  self->gzip.next_out = out;
  self->gzip.avail_out = (uInt)MIN (*ret_n, 1u << 30);
  status = inflate (&self->gzip, Z_NO_FLUSH);
  self->begin = self->end - self->gzip.avail_in;
  *ret_n = (gsize)(self->gzip.next_out - out);
  if (status == Z_STREAM_END)
    self->in_stream = FALSE;
  else if (status == Z_MEM_ERROR)
    g_error ("out of memory");
  else if (status != Z_OK && status != Z_BUF_ERROR)
    return damaged (self, "the gzip stream is damaged", error);
  return TRUE;
}

static gboolean
decode_xz (KmlTraceInput *self, guint8 *out, gsize *ret_n, GError **error)
{
  lzma_ret status;

  self->xz.next_in = self->stored + self->begin;
  self->xz.avail_in = self->end - self->begin;
  self->xz.next_out = out;
  self->xz.avail_out = *ret_n;
  status = lzma_code (&self->xz, self->at_eof ? LZMA_FINISH : LZMA_RUN);
  self->begin = self->end - self->xz.avail_in;
  *ret_n = (gsize)(self->xz.next_out - out);
  if (status == LZMA_OK)
    return TRUE;
  if (status == LZMA_STREAM_END) {
    self->in_stream = FALSE;
    return TRUE;
  }
  if (status == LZMA_MEMLIMIT_ERROR)
    return damaged (self, "the xz stream needs more than 256 MiB to decode", error);
  if (status == LZMA_BUF_ERROR)
    return damaged (self, "the xz stream ends early", error);
  return damaged (self, "the xz stream is damaged", error);
}

static gboolean
decode_zstd (KmlTraceInput *self, guint8 *out, gsize *ret_n, GError **error)
{
  ZSTD_inBuffer from = { self->stored, self->end, self->begin };
  ZSTD_outBuffer to = { out, *ret_n, 0 };
  gsize status;

  if (has_nothing_left (self)) {
    *ret_n = 0;
    if (self->in_stream)
      return damaged (self, "the zstd stream ends early", error);
    return TRUE;
  }
  status = ZSTD_decompressStream (self->zstd, &to, &from);
  self->begin = from.pos;
  *ret_n = to.pos;
  if (ZSTD_getErrorCode (status) == ZSTD_error_frameParameter_windowTooLarge)
    return damaged (
        self,
        "the zstd stream needs more than 128 MiB to decode: compress it with --long=27 or less",
        error);
  if (ZSTD_isError (status)) {
    g_autofree char *what = g_strdup_printf ("the zstd stream is damaged (%s)",
                                             ZSTD_getErrorName (status));

    return damaged (self, what, error);
  }
  self->in_stream = status != 0;
  return TRUE;
}

static gboolean
decode_some (KmlTraceInput *self, guint8 *out, gsize *ret_n, GError **error)
{
  gsize n;

  switch (self->compression) {
  case GZIP:
    return decode_gzip (self, out, ret_n, error);
  case XZ:
    return decode_xz (self, out, ret_n, error);
  case ZSTD:
    return decode_zstd (self, out, ret_n, error);
  case PLAIN:
    n = MIN (*ret_n, self->end - self->begin);
    memcpy (out, self->stored + self->begin, n);
    self->begin += n;
    *ret_n = n;
    return TRUE;
  }
  g_assert_not_reached ();
}

static gsize
take_head (KmlTraceInput *self, guint8 *out, gsize n)
{
  n = MIN (n, self->n_head - self->head_at);
  memcpy (out, self->head + self->head_at, n);
  self->head_at += n;
  if (self->head_at == self->n_head) {
    g_clear_pointer (&self->head, g_free);
    self->head_at = self->n_head = 0;
  }
  return n;
}

gssize
kml_trace_input_read (KmlTraceInput *self, void *buffer, gsize n, GError **error)
{
  guint8 *const out = buffer;
  gsize done = self->head != NULL ? take_head (self, out, n) : 0;

  while (done < n) {
    gsize piece = n - done;

    if (self->compression == PLAIN && self->begin == self->end) { /* no detour through the buffer */
      const gssize more = self->at_eof ? 0 : read_some (self, out + done, piece, error);

      if (more < 0)
        return -1;
      if (more == 0)
        break;
      self->stored_before += (guint64)more;
      done += (gsize)more;
      continue;
    }
    if (self->begin == self->end && !self->at_eof && !refill (self, error))
      return -1;
    if (!decode_some (self, out + done, &piece, error))
      return -1;
    done += piece;
    if (piece == 0 && has_nothing_left (self))
      break;
  }
  return (gssize)done;
}

gsize
kml_trace_input_peek (KmlTraceInput *self, const guint8 **ret_bytes)
{
  g_assert (self->stored_before == 0);
  g_assert (self->begin == 0);

  *ret_bytes = self->stored;
  return self->end;
}

gboolean
kml_trace_input_head (KmlTraceInput *self, gsize n, const char **ret_bytes, gsize *ret_n,
                      GError **error)
{
  guint8 *const head = g_malloc0 (n + HEAD_ZEROS);
  gssize n_read;

  g_assert (self->head == NULL);

  n_read = kml_trace_input_read (self, head, n, error);
  if (n_read < 0) {
    g_free (head);
    return FALSE;
  }
  self->head = head;
  self->n_head = (gsize)n_read;
  self->head_at = kml_byte_order_mark ((const char *)head, self->n_head);
  if (head[self->head_at] == '\0') /* no text follows: a number that begins with these bytes */
    self->head_at = 0;
  *ret_bytes = (const char *)head + self->head_at;
  *ret_n = self->n_head - self->head_at;
  return TRUE;
}

const char *
kml_trace_input_compression (const KmlTraceInput *self)
{
  return compression_names[self->compression];
}

const char *
kml_trace_input_shown (const KmlTraceInput *self)
{
  return self->shown;
}

double
kml_trace_input_progress (const KmlTraceInput *self)
{
  if (self->size == 0)
    return -1.0;
  return MIN (1.0, (double)(self->stored_before + self->begin) / (double)self->size);
}

int
kml_trace_input_fd (const KmlTraceInput *self)
{
  return self->fd;
}

guint64
kml_trace_input_size (const KmlTraceInput *self)
{
  return self->size;
}
