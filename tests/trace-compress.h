/* trace-compress.h: what the tools that people compress their recordings with would make.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "tests/testutils.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

static inline GByteArray *
compress_gzip (const GByteArray *bytes)
{
  GByteArray *out = g_byte_array_new ();
  z_stream stream = { 0 };

  g_byte_array_set_size (out, bytes->len + 1024);
  ck_assert_int_eq (deflateInit2 (&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = bytes->data;
  stream.avail_in = bytes->len;
  stream.next_out = out->data;
  stream.avail_out = out->len;
  ck_assert_int_eq (deflate (&stream, Z_FINISH), Z_STREAM_END);
  g_byte_array_set_size (out, (guint)stream.total_out);
  deflateEnd (&stream);
  return out;
}

static inline GByteArray *
compress_xz (const GByteArray *bytes)
{
  GByteArray *out = g_byte_array_new ();
  gsize n = 0;

  g_byte_array_set_size (out, bytes->len + 1024);
  ck_assert_int_eq (lzma_easy_buffer_encode (6, LZMA_CHECK_CRC64, NULL, bytes->data, bytes->len,
                                             out->data, &n, out->len),
                    LZMA_OK);
  g_byte_array_set_size (out, (guint)n);
  return out;
}

static inline GByteArray *
compress_zstd (const GByteArray *bytes)
{
  GByteArray *out = g_byte_array_new ();
  ZSTD_CCtx *zstd = ZSTD_createCCtx ();
  gsize n;

  ZSTD_CCtx_setParameter (zstd, ZSTD_c_checksumFlag, 1);
  g_byte_array_set_size (out, (guint)ZSTD_compressBound (bytes->len));
  n = ZSTD_compress2 (zstd, out->data, out->len, bytes->data, bytes->len);
  ck_assert (!ZSTD_isError (n));
  ZSTD_freeCCtx (zstd);
  g_byte_array_set_size (out, (guint)n);
  return out;
}

typedef struct {
  const char *name;
  GByteArray *(*compress) (const GByteArray *bytes);
} Compressor;

static const Compressor compressors[] = {
  { "gzip", compress_gzip },
  { "xz", compress_xz },
  { "zstd", compress_zstd },
};
