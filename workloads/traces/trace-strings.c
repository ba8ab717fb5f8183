/* trace-strings.c: numbering texts, without allocating for each.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The search itself is in the header: it is done for each line of a recording.
 */

#include "workloads/traces/trace-strings.h"

#define MAX_BYTES (64u << 20)     /* of all texts */
#define BEHIND    KML_TRACE_SHORT /* zeros behind each text in the store */

#define ONES_8  "\xff\xff\xff\xff\xff\xff\xff\xff"
#define ONES_32 ONES_8 ONES_8 ONES_8 ONES_8

const char kml_trace_masks[2 * KML_TRACE_MASKED] = ONES_32 ONES_32 ONES_32 ONES_32;

static void
append_zeros (GString *bytes)
{
  const char zeros[BEHIND] = { 0 };

  g_string_append_len (bytes, zeros, BEHIND);
}

void
kml_trace_strings_init (KmlTraceStrings *self, guint max)
{
  memset (self, 0, sizeof *self);
  self->max = max;
  self->bytes = g_string_new (NULL);
  append_zeros (self->bytes);
  self->n_index = 256;
  self->index = g_new0 (guint32, self->n_index);
  self->strings = g_new0 (KmlTraceString, self->n_index);
  self->n = 1;
}

void
kml_trace_strings_finish (KmlTraceStrings *self)
{
  if (self->bytes != NULL)
    g_string_free (self->bytes, TRUE);
  g_free (self->strings);
  g_free (self->index);
  memset (self, 0, sizeof *self);
}

/* At most half of the index is used, so a search meets an empty place soon. */
static void
grow (KmlTraceStrings *self)
{
  self->n_index *= 2;
  g_free (self->index);
  self->index = g_new0 (guint32, self->n_index);
  self->strings = g_renew (KmlTraceString, self->strings, self->n_index);
  for (guint i = 1; i < self->n; i++) {
    guint at = self->strings[i].hash & (self->n_index - 1);

    while (self->index[at] != 0)
      at = (at + 1) & (self->n_index - 1);
    self->index[at] = i;
  }
}

guint32
kml_trace_strings_append (KmlTraceStrings *self, const char *text, gsize length, guint32 hash,
                          guint at)
{
  KmlTraceString *string = &self->strings[self->n];

  if (self->index[at] != 0 || self->n > self->max || length + BEHIND > MAX_BYTES - self->bytes->len)
    return 0;
  string->offset = (guint32)self->bytes->len;
  string->length = (guint32)length;
  string->hash = hash;
  g_string_append_len (self->bytes, text, (gssize)length);
  append_zeros (self->bytes);
  self->index[at] = self->n++;
  if (self->n * 2 > self->n_index)
    grow (self);
  return self->n - 1;
}

/* FNV-1a, by Fowler, Noll and Vo. */
static guint32
hash_long (const char *text, gsize length)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (gsize i = 0; i < length; i++)
    hash = (hash ^ (guint8)text[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return (guint32)(hash ^ hash >> 32);
}

guint32
kml_trace_strings_intern_long (KmlTraceStrings *self, const char *text, gsize length)
{
  const guint32 hash = hash_long (text, length);
  guint at = hash & (self->n_index - 1);

  for (guint i = 0; i < KML_TRACE_STRINGS_PROBES && self->index[at] != 0; i++) {
    const KmlTraceString *string = &self->strings[self->index[at]];

    if (string->hash == hash && string->length == length &&
        memcmp (self->bytes->str + string->offset, text, length) == 0)
      return self->index[at];
    at = (at + 1) & (self->n_index - 1);
  }
  return kml_trace_strings_append (self, text, length, hash, at);
}

guint32
kml_trace_strings_add (KmlTraceStrings *self, const char *text, gsize length)
{
  g_autofree char *padded = g_malloc0 (length + KML_TRACE_SHORT);

  memcpy (padded, text, length);
  return kml_trace_strings_intern (self, padded, length);
}

const char *
kml_trace_strings_get (const KmlTraceStrings *self, guint32 number)
{
  return number < self->n ? self->bytes->str + self->strings[number].offset : "";
}
