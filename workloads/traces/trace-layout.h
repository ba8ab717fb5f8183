/* trace-layout.h: the binary form of a recording, as its reader and its writer share it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * docs/trace-format.md describes it byte by byte; names here are as there.
 */

#pragma once

#include "simcore/base/types.h"

#include <string.h>
#include <xxhash.h>

G_BEGIN_DECLS

/* As PNG's: a byte above 127, a text, both kinds of newline and an end-of-file mark, so
 * that every way in which files are mangled when taken for text shows. */
#define KML_KMT_MAGIC     "\x89KMT\r\n\x1a\n"
#define KML_KMT_END_MAGIC "KMTEND\r\n"
#define KML_KMT_VERSION   4 /* the newest; a file has the oldest that its events need */
#define KML_KMT_FIRST     1
#define KML_KMT_OLD_PAGES 2 /* the first with KML_OP_FREE_OLD … */
#define KML_KMT_MOVED     3 /* … with KML_TRACE_MOVED … */
#define KML_KMT_OF_CACHE  4 /* … and with KML_TRACE_OF_CACHE */

#define KML_KMT_HEADER  32 /* bytes */
#define KML_KMT_SECTION 56 /* bytes before the payload of a block or of the footer */
#define KML_KMT_TRAILER 32

#define KML_KMT_TAG_BLOCK  0x4b4c424b /* "KBLK" */
#define KML_KMT_TAG_FOOTER 0x544f464b /* "KFOT" */

#define KML_KMT_STORED 0 /* codecs */
#define KML_KMT_ZSTD   1

#define KML_KMT_BLOCK_EVENTS 16384 /* at most in a block */

/* What an event adds to its block at most: all of it new (two dictionary entries of 10 and 3
 * numbers), and its columns. */
#define KML_KMT_EVENT_BYTES      96
#define KML_KMT_BLOCK_PREFIX     32
#define KML_KMT_MAX_BLOCK_BYTES  (KML_KMT_BLOCK_PREFIX + KML_KMT_BLOCK_EVENTS * KML_KMT_EVENT_BYTES)
#define KML_KMT_MAX_FOOTER_BYTES (128u << 20)

#define KML_KMT_ESCAPE 255 /* in the column of times: the difference is among the escapes */

/* The head of a block or of the footer. */
typedef struct {
  guint32 tag;
  guint32 codec;
  guint32 stored_length, raw_length; /* of the payload */
  guint64 first_event;               /* number in the stream; footer: of all */
  guint64 first_time_ns;             /* of the first event; footer: 0 */
  guint32 n_events;
  guint32 live_objects, live_pages; /* blocks that are live before the first event */
  guint64 checksum;
} KmlKmtSection;

/* ---- Little-endian words ---- */

static inline guint32
kml_kmt_load32 (const guint8 *at)
{
  guint32 value;

  memcpy (&value, at, sizeof value);
  return GUINT32_FROM_LE (value);
}

static inline guint64
kml_kmt_load64 (const guint8 *at)
{
  guint64 value;

  memcpy (&value, at, sizeof value);
  return GUINT64_FROM_LE (value);
}

static inline void
kml_kmt_store32 (guint8 *at, guint32 value)
{
  value = GUINT32_TO_LE (value);
  memcpy (at, &value, sizeof value);
}

static inline void
kml_kmt_store64 (guint8 *at, guint64 value)
{
  value = GUINT64_TO_LE (value);
  memcpy (at, &value, sizeof value);
}

/* The head's own bytes are the seed for those of the payload, so one checksum covers both. */
static inline guint64
kml_kmt_checksum (const guint8 *head, const guint8 *payload, gsize length)
{
  return XXH3_64bits_withSeed (payload, length, XXH3_64bits (head, KML_KMT_SECTION - 8));
}

/* ---- Variable-length numbers: seven bits a byte, the lowest first, the highest bit says that more
 * follow ---- */

#define KML_KMT_MAX_VARINT 10

static inline guint8 *
kml_kmt_put_varint (guint8 *at, guint64 value)
{
  while (value >= 0x80) {
    *at++ = (guint8)(value | 0x80);
    value >>= 7;
  }
  *at++ = (guint8)value;
  return at;
}

/* What is being read. Reading beyond the end gives zeros and is remembered. */
typedef struct {
  const guint8 *at, *end;
  gboolean overrun;
} KmlKmtCursor;

static inline guint64
kml_kmt_get_varint (KmlKmtCursor *cursor)
{
  guint64 value = 0;

  for (guint shift = 0; shift < 70 && cursor->at < cursor->end; shift += 7) {
    const guint8 byte = *cursor->at++;

    value |= (guint64)(byte & 0x7f) << MIN (shift, 63);
    if (byte < 0x80)
      return value;
  }
  cursor->overrun = TRUE;
  return 0;
}

/* The same with a limit: a greater number is taken for an overrun. */
static inline guint64
kml_kmt_get_below (KmlKmtCursor *cursor, guint64 limit)
{
  const guint64 value = kml_kmt_get_varint (cursor);

  if (value < limit)
    return value;
  cursor->overrun = TRUE;
  return 0;
}

G_END_DECLS
