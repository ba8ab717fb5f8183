/* trace-strings.c: numbering texts, without allocating for each.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts are hashed and compared eight bytes at a time. Reading a whole word at
 * the end reads past the text, so callers keep eight bytes readable behind it and
 * so does the store; what does not belong to the text is masked away. The numbers are given in the
 * order of first appearance, so they do not depend on the hash.
 */

#include "workloads/trace-strings.h"

#include "workloads/trace-walk.h"

#define MAX_BYTES (64u << 20)      /* of all texts */
#define BEHIND    "\0\0\0\0\0\0\0" /* eight zeros end each in the store */

/* Odd constants with well mixed bits: the golden ratio's, and one of xxHash's primes. */
#define MULTIPLIER_1 G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)
#define MULTIPLIER_2 G_GUINT64_CONSTANT (0xc2b2ae3d27d4eb4f)

/* The first @n bytes of a word, 1 to 7. */
static inline guint64
first_bytes (guint64 word, gsize n)
{
  return word & ((G_GUINT64_CONSTANT (1) << (8 * n)) - 1);
}

static inline guint32
hash_text (const char *text, gsize length)
{
  guint64 hash = length * MULTIPLIER_2;

  for (; length >= 8; text += 8, length -= 8)
    hash = (((hash << 23) | (hash >> 41)) ^ kml_trace_load_word (text)) * MULTIPLIER_1;
  if (length > 0)
    hash = (((hash << 23) | (hash >> 41)) ^ first_bytes (kml_trace_load_word (text), length)) *
           MULTIPLIER_1;
  return (guint32)(hash >> 32);
}

static inline gboolean
same_text (const char *a, const char *b, gsize length)
{
  for (; length >= 8; a += 8, b += 8, length -= 8)
    if (kml_trace_load_word (a) != kml_trace_load_word (b))
      return FALSE;
  return length == 0 ||
         first_bytes (kml_trace_load_word (a) ^ kml_trace_load_word (b), length) == 0;
}

void
kml_trace_strings_init (KmlTraceStrings *self, guint max)
{
  memset (self, 0, sizeof *self);
  self->max = max;
  self->bytes = g_string_new (NULL);
  g_string_append_len (self->bytes, BEHIND, 8);
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

static guint32 G_GNUC_NO_INLINE
append (KmlTraceStrings *self, const char *text, gsize length, guint32 hash, guint at)
{
  KmlTraceString *string = &self->strings[self->n];

  if (self->n > self->max || length + 8 > MAX_BYTES - self->bytes->len)
    return 0;
  string->offset = (guint32)self->bytes->len;
  string->length = (guint32)length;
  string->hash = hash;
  g_string_append_len (self->bytes, text, (gssize)length);
  g_string_append_len (self->bytes, BEHIND, 8);
  self->index[at] = self->n++;
  if (self->n * 2 > self->n_index)
    grow (self);
  return self->n - 1;
}

guint32
kml_trace_strings_intern (KmlTraceStrings *self, const char *text, gsize length)
{
  guint32 hash;
  guint at;

  if (length == 0)
    return 0;
  hash = hash_text (text, length);
  for (at = hash & (self->n_index - 1); self->index[at] != 0; at = (at + 1) & (self->n_index - 1)) {
    const KmlTraceString *string = &self->strings[self->index[at]];

    if (string->hash == hash && string->length == length &&
        same_text (self->bytes->str + string->offset, text, length))
      return self->index[at];
  }
  return append (self, text, length, hash, at);
}

guint32
kml_trace_strings_add (KmlTraceStrings *self, const char *text, gsize length)
{
  g_autofree char *padded = g_malloc0 (length + 8);

  memcpy (padded, text, length);
  return kml_trace_strings_intern (self, padded, length);
}

const char *
kml_trace_strings_get (const KmlTraceStrings *self, guint32 number)
{
  return number < self->n ? self->bytes->str + self->strings[number].offset : "";
}
