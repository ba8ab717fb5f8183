/* trace-names.h: recorded addresses, as names of live blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table from a 64-bit key to a small integer. A key that is removed frees its
 * name, and the name freed last is the first to be used again, so names are
 * below the highest number of keys that were ever in the table at once.
 *
 * A key may carry a value in the bits that the mask leaves out: the page table
 * keeps a block's order beside its frame number in one word.
 *
 * Addresses of one recording have the upper 16 bits in common, so those are kept once and six bytes
 * of each key. The first key that has others makes all keys eight bytes wide.
 */

#pragma once

#include <glib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

G_BEGIN_DECLS

#define KML_TRACE_NO_NAME G_MAXUINT32

#define KML_TRACE_BUCKET_NAMES 12
/* buckets on a key's way; in a table that is 7/8 full, four is rare */
#define KML_TRACE_NAMES_WAY 32

/* One line of the processor's cache. */
typedef struct {
  guint8 tags[KML_TRACE_BUCKET_NAMES]; /* 0: empty; else 8 bits of the key's hash */
  guint8 n_passed; /* keys whose way from home to their place leads beyond this bucket */
  guint8 unused[3];
  guint32 names[KML_TRACE_BUCKET_NAMES];
} KmlTraceBucket;

typedef struct {
  /* (owned): @key_bytes each, the lowest first, by name; of a free name, the next free one */
  guint8 *keys;
  guint key_bytes; /* 6 or 8 */
  /* bits of a key that are in @keys, and what the others are of all of them */
  guint64 stored, upper;
  guint64 *alive; /* (owned): a bit for each name */
  guint32 n_names, n_room, n_live;
  guint32 next_free;
  KmlTraceBucket *buckets; /* (array length=n_buckets): in @memory, at a line of the cache */
  guint32 n_buckets, bucket_room;
  void *memory; /* (owned): of bucket_room */
  guint64 mask; /* bits of a key that are compared */
} KmlTraceNames;

/* Where a key is: the bucket in which it would like to be, the one where the search ended, and
 * which of its names. */
typedef struct {
  guint32 home, bucket;
  guint32 slot;
  guint8 tag;
} KmlTraceNamesPlace;

/* ---- Keys ---- */

#define KML_TRACE_KEY_ROOM 2 /* bytes behind the last narrow key that are read with it */

static inline const guint8 *
kml_trace_names_at (const KmlTraceNames *self, guint32 name)
{
  return self->keys + (gsize)name * self->key_bytes;
}

/* The key of a name that is in use. */
static inline guint64
kml_trace_names_key (const KmlTraceNames *self, guint32 name)
{
  guint64 key;

  memcpy (&key, kml_trace_names_at (self, name), sizeof key);
  return (GUINT64_FROM_LE (key) & self->stored) | self->upper;
}

/* Changes the value that the key of a name carries. */
void kml_trace_names_set_key (KmlTraceNames *self, guint32 name, guint64 key);

static inline gboolean
kml_trace_names_is_alive (const KmlTraceNames *self, guint32 name)
{
  return self->alive[name / 64] >> (name % 64) & 1;
}

/* ---- Searching, which is done for each line of a recording ---- */

/* Home and tag of a key. */
static inline KmlTraceNamesPlace
kml_trace_names_home (const KmlTraceNames *self, guint64 key)
{
  guint64 hash = (key & self->mask) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  guint32 home;
  guint8 tag;

  hash = (hash ^ (hash >> 32)) * G_GUINT64_CONSTANT (0xc2b2ae3d27d4eb4f);
  /* Daniel Lemire's fast range: the upper half of 32 random bits times n is in [0, n). */
  home = (guint32)(((hash >> 32) * self->n_buckets) >> 32);
  tag = (guint8)(hash >> 24);
  return (KmlTraceNamesPlace){ home, home, 0, tag + (tag == 0) };
}

/* The bucket after @bucket on the way of keys with this tag. Keys whose home is the same go different
 * ways: if all went on to the neighbour, full buckets would make their neighbours full. */
static inline guint32
kml_trace_names_next (const KmlTraceNames *self, guint32 bucket, guint8 tag)
{
  const guint64 next = (guint64)bucket + 2u * tag + 1;

  return (guint32)(next < self->n_buckets ? next : next % self->n_buckets);
}

/* A bit for each place of the bucket that has this tag. */
static inline guint
kml_trace_bucket_match (const KmlTraceBucket *bucket, guint8 tag)
{
#ifdef __SSE2__
  const __m128i tags = _mm_loadu_si128 ((const __m128i *)bucket->tags);

  return (guint)_mm_movemask_epi8 (_mm_cmpeq_epi8 (tags, _mm_set1_epi8 ((char)tag))) &
         ((1u << KML_TRACE_BUCKET_NAMES) - 1);
#else
  guint matches = 0;

  for (guint i = 0; i < KML_TRACE_BUCKET_NAMES; i++)
    matches |= (guint)(bucket->tags[i] == tag) << i;
  return matches;
#endif
}

/* KML_TRACE_NO_NAME: not there. *@ret_place is where it is or would be. */
static inline guint32
kml_trace_names_find (const KmlTraceNames *self, guint64 key, KmlTraceNamesPlace *ret_place)
{
  KmlTraceNamesPlace place = kml_trace_names_home (self, key);

  for (guint way = 0; way < KML_TRACE_NAMES_WAY; way++) {
    const KmlTraceBucket *const bucket = &self->buckets[place.bucket];

    for (guint matches = kml_trace_bucket_match (bucket, place.tag); matches != 0;
         matches &= matches - 1) {
      const guint32 name = bucket->names[place.slot = (guint)__builtin_ctz (matches)];

      if (((kml_trace_names_key (self, name) ^ key) & self->mask) == 0) {
        *ret_place = place;
        return name;
      }
    }
    if (G_LIKELY (bucket->n_passed == 0))
      break;
    place.bucket = kml_trace_names_next (self, place.bucket, place.tag);
  }
  *ret_place = place;
  return KML_TRACE_NO_NAME;
}

/* Asks the processor for what a search for @key will touch first: called some time
 * before, the search does not wait for memory. */
static inline void
kml_trace_names_prefetch_bucket (const KmlTraceNames *self, guint64 key)
{
  __builtin_prefetch (&self->buckets[kml_trace_names_home (self, key).home]);
}

/* The same for what it will touch next: the first key that it would compare, or another bucket; the
 * table may change before it does. */
static inline void
kml_trace_names_prefetch_key (const KmlTraceNames *self, guint64 key)
{
  const KmlTraceNamesPlace place = kml_trace_names_home (self, key);
  const KmlTraceBucket *const bucket = &self->buckets[place.home];
  const guint matches = kml_trace_bucket_match (bucket, place.tag);

  if (matches != 0)
    __builtin_prefetch (kml_trace_names_at (self, bucket->names[__builtin_ctz (matches)]));
  else if (bucket->n_passed > 0)
    __builtin_prefetch (&self->buckets[kml_trace_names_next (self, place.home, place.tag)]);
}

/* ---- Changing ---- */

void kml_trace_names_init (KmlTraceNames *self, guint64 mask);
void kml_trace_names_finish (KmlTraceNames *self);

/* @key must not be in the table; @place is from the search that said so.
 * KML_TRACE_NO_NAME: no room, because there are 2^32 - 2 keys or because the keys were
 * made to collide. */
guint32 kml_trace_names_insert (KmlTraceNames *self, guint64 key, KmlTraceNamesPlace place);

/* @place is from the search that found the key. */
void kml_trace_names_remove (KmlTraceNames *self, KmlTraceNamesPlace place);

/* Host bytes in use. */
gsize kml_trace_names_bytes (const KmlTraceNames *self);

G_END_DECLS
