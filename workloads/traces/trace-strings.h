/* trace-strings.h: texts that occur again and again, as small numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recording of millions of lines has some thousand call sites and hundreds of
 * caches. Each distinct text gets the next number; 0 is the empty text, which
 * also stands for texts that are too many: a file of nonsense must not fill the
 * memory.
 *
 * A loop over the words of a text ends after a different count each time, which the processor
 * cannot foresee. So the words of a short text are all read, hashed and compared at once, and
 * what does not belong to the text is masked away: what lies behind it must be readable. The
 * numbers are given in the order of first appearance, so they do not depend on the hash.
 */

#pragma once

#include "workloads/traces/trace-walk.h"

G_BEGIN_DECLS

typedef struct {
  guint32 offset; /* of the text in bytes; zeros follow it */
  guint32 length;
  guint32 hash;
} KmlTraceString;

typedef struct {
  GString *bytes;          /* (owned): all texts */
  KmlTraceString *strings; /* (owned) (array length=n): [0] is "" */
  guint32 *index; /* (owned) (array length=n_index): open addressing, a power of two; 0: nothing */
  guint n, n_index;
  guint max; /* numbers given out at most */
} KmlTraceStrings;

/* A search that meets so many others gives up: the texts were made to collide. The index is at most
 * half full. */
#define KML_TRACE_STRINGS_PROBES 256

/* Texts of up to this length, which are most, are handled without a loop. */
#define KML_TRACE_SHORT 32

/* The words of a short text, zeros behind it. */
typedef struct {
  guint64 word[KML_TRACE_SHORT / 8];
} KmlTraceShort;

static inline guint64
kml_trace_masked_word (const char *text, const char *masks, guint at)
{
  return kml_trace_load_word (text + at) & kml_trace_load_word (masks + at);
}

static inline KmlTraceShort
kml_trace_short_text (const char *text, gsize length)
{
  const char *const masks = kml_trace_mask (length);

  return (KmlTraceShort){ {
      kml_trace_masked_word (text, masks, 0),
      kml_trace_masked_word (text, masks, 8),
      kml_trace_masked_word (text, masks, 16),
      kml_trace_masked_word (text, masks, 24),
  } };
}

/* Odd constants with well mixed bits: the golden ratio's, and xxHash's primes. */
static inline guint32
kml_trace_short_hash (const KmlTraceShort *words)
{
  const guint64 a = (words->word[0] ^ 0x27d4eb2f165667c5) * 0x9e3779b97f4a7c15;
  const guint64 b = (words->word[1] ^ a >> 29) * 0xc2b2ae3d27d4eb4f;
  const guint64 c = (words->word[2] ^ 0x165667b19e3779f9) * 0x9e3779b185ebca87;
  const guint64 d = (words->word[3] ^ c >> 29) * 0x85ebca77c2b2ae63;

  return (guint32)(((a ^ b ^ b >> 31) + (c ^ d ^ d >> 31)) * 0x9e3779b97f4a7c15 >> 32);
}

static inline gboolean
kml_trace_short_equal (const KmlTraceShort *words, const char *text)
{
  return ((words->word[0] ^ kml_trace_load_word (text)) |
          (words->word[1] ^ kml_trace_load_word (text + 8)) |
          (words->word[2] ^ kml_trace_load_word (text + 16)) |
          (words->word[3] ^ kml_trace_load_word (text + 24))) == 0;
}

/* The number of a text longer than KML_TRACE_SHORT. */
guint32 kml_trace_strings_intern_long (KmlTraceStrings *self, const char *text, gsize length);

/* Gives a new text the next number; for kml_trace_strings_intern(). */
guint32 kml_trace_strings_append (KmlTraceStrings *self, const char *text, gsize length,
                                  guint32 hash, guint at);

/* The number of a text, from whose beginning KML_TRACE_SHORT bytes must be readable. */
static inline guint32
kml_trace_strings_intern (KmlTraceStrings *self, const char *text, gsize length)
{
  const guint mask = self->n_index - 1;
  KmlTraceShort words;
  guint32 hash;
  guint at;

  if (length == 0)
    return 0;
  if (G_UNLIKELY (length > KML_TRACE_SHORT))
    return kml_trace_strings_intern_long (self, text, length);
  words = kml_trace_short_text (text, length);
  hash = kml_trace_short_hash (&words);
  at = hash & mask;
  for (guint i = 0; i < KML_TRACE_STRINGS_PROBES && self->index[at] != 0; i++) {
    const KmlTraceString *string = &self->strings[self->index[at]];

    if (string->hash == hash && string->length == length &&
        kml_trace_short_equal (&words, self->bytes->str + string->offset))
      return self->index[at];
    at = (at + 1) & mask;
  }
  return kml_trace_strings_append (self, text, length, hash, at);
}

/* The same for any text: reads nothing beyond its end. */
guint32 kml_trace_strings_add (KmlTraceStrings *self, const char *text, gsize length);

/* (transfer none) */
const char *kml_trace_strings_get (const KmlTraceStrings *self, guint32 number);

void kml_trace_strings_init (KmlTraceStrings *self, guint max);
void kml_trace_strings_finish (KmlTraceStrings *self);

G_END_DECLS
