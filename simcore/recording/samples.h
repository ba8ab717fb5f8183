/* samples.h: raw per-operation samples, packed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A block is up to KML_SAMPLE_BLOCK operations in five columns; each column is
 * stored as the differences of neighbours (a latency's neighbour is that of the last operation of its kind),
 * without the bits that are 0 at the end of all of them, zigzag-coded, in LEB128 varints, columns one after the other, each preceded by a u32
 * (little-endian): its length in bytes, and in the highest 8 bits how many bits were left out. Differences of
 * like things are small: about 9 bytes a sample instead of 40.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

#define KML_SAMPLE_BLOCK   8192 /* a blob takes whole pages: half a page in ten is little */
#define KML_SAMPLE_COLUMNS 5

typedef enum {
  KML_SAMPLE_TIME,    /* start, ps */
  KML_SAMPLE_WHAT,    /* operation | level << 2 | context << 4 | cpu << 8: kml_sample_what() */
  KML_SAMPLE_SIZE,    /* bytes asked for (alloc) or given back (free) */
  KML_SAMPLE_ADDR,    /* address, or KML_ADDR_NONE: failed */
  KML_SAMPLE_LATENCY, /* ps */
} KmlSampleColumn;

typedef struct {
  guint n;
  guint64 columns[KML_SAMPLE_COLUMNS][KML_SAMPLE_BLOCK];
} KmlSampleBlock;

#define KML_SAMPLE_MAX_BYTES (KML_SAMPLE_COLUMNS * (4 + 10 * KML_SAMPLE_BLOCK))

/* Takes a full (or the last) block: @data of @n_bytes, for samples from @t0 to @t1. FALSE with @error: cannot be stored. */
typedef gboolean (*KmlSampleSink) (KmlTime t0, KmlTime t1, guint n, const guint8 *data,
                                   gsize n_bytes, gpointer user_data, GError **error);

static inline guint64
kml_sample_what (guint operation, guint level, guint context, guint cpu)
{
  return operation | level << 2 | context << 4 | cpu << 8;
}

/* @ret_data has room for KML_SAMPLE_MAX_BYTES. Returns the bytes written. */
gsize kml_sample_block_encode (const KmlSampleBlock *self, guint8 *ret_data);

/* FALSE when the bytes are not what kml_sample_block_encode() writes for @n samples. */
gboolean kml_sample_block_decode (const guint8 *data, gsize n_bytes, guint n,
                                  KmlSampleBlock *ret_block);

G_END_DECLS
