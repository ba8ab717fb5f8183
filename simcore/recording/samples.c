/* samples.c: packing samples into columns of differences.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/recording/samples.h"

#include <string.h>

/* Small differences of either sign become small numbers: 0 -1 1 -2 2 -> 0 1 2 3 4. */
static inline guint64
zigzag (guint64 difference)
{
  return (difference << 1) ^ (guint64)((gint64)difference >> 63);
}

static inline guint64
unzigzag (guint64 code)
{
  return (code >> 1) ^ -(code & 1);
}

static guint8 *
put_varint (guint8 *at, guint64 value)
{
  while (value >= 0x80) {
    *at++ = (guint8)(value | 0x80);
    value >>= 7;
  }
  *at++ = (guint8)value;
  return at;
}

/* What a value is likely to be near to: the one before it in its column; a latency is near that of the last operation
 * of the same kind, for allocations and frees cost different things. */
static inline guint
neighbour (guint column, guint64 what)
{
  return column == KML_SAMPLE_LATENCY ? what & 1 : 0;
}

/* How many bits are 0 at the end of every value, and so of every difference: nobody has odd addresses, and times are whole nanoseconds, or some. */
static guint
common_zeros (const guint64 *values, guint n)
{
  guint64 any = 0;

  for (guint i = 0; i < n; i++)
    any |= values[i];
  return any == 0 ? 0 : (guint)__builtin_ctzll (any);
}

#define LENGTH_BITS 24 /* of a column's first word; the others say how many bits were left out */

G_STATIC_ASSERT (KML_SAMPLE_MAX_BYTES < 1 << LENGTH_BITS);

gsize
kml_sample_block_encode (const KmlSampleBlock *self, guint8 *ret_data)
{
  guint8 *at = ret_data;

  g_assert (self->n <= KML_SAMPLE_BLOCK);

  for (guint column = 0; column < KML_SAMPLE_COLUMNS; column++) {
    const guint64 *values = self->columns[column];
    const guint zeros = common_zeros (values, self->n);
    guint8 *const start = at + 4;
    guint64 previous[2] = { 0, 0 };
    guint32 head;

    at = start;
    for (guint i = 0; i < self->n; i++) {
      guint64 *const near = &previous[neighbour (column, self->columns[KML_SAMPLE_WHAT][i])];

      at = put_varint (at, zigzag ((guint64)((gint64)(values[i] - *near) >> zeros)));
      *near = values[i];
    }
    head = GUINT32_TO_LE ((guint32)(at - start) | zeros << LENGTH_BITS);
    memcpy (start - 4, &head, sizeof head);
  }
  return (gsize)(at - ret_data);
}

/* NULL when the varint runs over @end or over 64 bits. */
static const guint8 *
get_varint (const guint8 *at, const guint8 *end, guint64 *ret_value)
{
  guint64 value = 0;

  for (guint shift = 0; at < end && shift < 64; shift += 7) {
    const guint8 byte = *at++;

    if (shift == 63 && byte > 1)
      return NULL;
    value |= (guint64)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *ret_value = value;
      return at;
    }
  }
  return NULL;
}

gboolean
kml_sample_block_decode (const guint8 *data, gsize n_bytes, guint n, KmlSampleBlock *ret_block)
{
  const guint8 *at = data, *const data_end = data + n_bytes;

  if (n > KML_SAMPLE_BLOCK)
    return FALSE;
  ret_block->n = n;
  for (guint column = 0; column < KML_SAMPLE_COLUMNS; column++) {
    const guint8 *end;
    guint64 previous[2] = { 0, 0 };
    guint32 head, zeros;

    if (data_end - at < 4)
      return FALSE;
    memcpy (&head, at, sizeof head);
    head = GUINT32_FROM_LE (head);
    zeros = head >> LENGTH_BITS;
    head &= (1U << LENGTH_BITS) - 1;
    at += 4;
    if ((gsize)(data_end - at) < head || zeros > 63)
      return FALSE;
    end = at + head;
    for (guint i = 0; i < n; i++) {
      /* the column of kinds is an earlier one: it is there already */
      guint64 *const near = &previous[neighbour (column, ret_block->columns[KML_SAMPLE_WHAT][i])];
      guint64 code;

      at = get_varint (at, end, &code);
      if (at == NULL)
        return FALSE;
      *near += unzigzag (code) << zeros;
      ret_block->columns[column][i] = *near;
    }
    if (at != end)
      return FALSE;
  }
  return at == data_end;
}
