/* trace-names.c: a hash table with names that stay dense.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Buckets of twelve names fill a line of the processor's cache each, together with eight bits of
 * every key's hash. So a search takes one line, compares twelve tags at once, and looks at about one
 * key. That is what it costs: loops that end after a different count each time, as those of linear
 * probing, cost more than the memory they save.
 *
 * A key whose bucket is full goes to the next one on its way that is not, and each bucket counts the
 * keys that passed it: a search that meets a count of 0 has seen all places where its key might be.
 * Removal takes the key out of the counts, so there are no tombstones. (Nathan Bronson and Xiao Shi,
 * "Open-sourcing F14 for faster, more memory-efficient hash tables", 2019, of which the counts and
 * the ways are. Robin Hood hashing, which was here before, needs as much memory, and at three places
 * a branch that the processor does not foresee.)
 *
 * Memory for each live key: 6 bytes for the key, 1/8 for its bit, 16/3 bytes for a place. A table at
 * the limit of 7/8 grows by an eighth, so there are 1.14 to 1.29 places a key: 12.2 to 13.0 bytes in
 * all, and two more where the upper bits of keys differ. The buckets are made anew from the keys when the
 * table grows, so there are never two.
 *
 * Invariants
 *   N1  a key is in its home bucket or in one of the next on its way, KML_TRACE_NAMES_WAY
 *       in all
 *   N2  n_passed of a bucket is how often the ways of all keys, from home to where they are, leave it
 *   N3  n_live is the number of tags other than 0, and of bits
 *   N4  the bits of a key that are not stored are the same for all keys in the table
 */

#include "workloads/traces/trace-names.h"

#define FIRST_BUCKETS 96
#define MAX_NAMES     (G_MAXUINT32 - 1)
#define MAX_BUCKETS   (G_MAXUINT32 / 8) /* more than enough for MAX_NAMES */
#define NARROW        6  /* bytes of a key: what is above 48 bits is the same for all */
#define AHEAD         16 /* how much earlier memory is asked for */

static inline gboolean
is_full (const KmlTraceNames *self)
{
  return (guint64)self->n_live * 8 >= (guint64)self->n_buckets * KML_TRACE_BUCKET_NAMES * 7;
}

/* Makes @n empty buckets. What is not used of a large block is not there, so room is doubled: each move
 * of pages costs the host, and there are many on the way to a large table. */
static void
renew_buckets (KmlTraceNames *self, guint32 n)
{
  const gsize line = sizeof (KmlTraceBucket);

  G_STATIC_ASSERT (sizeof (KmlTraceBucket) == 64);
  if (n > self->bucket_room) {
    self->bucket_room = (guint32)MIN ((guint64)n * 2, MAX_BUCKETS);
    self->memory = g_realloc (self->memory, (self->bucket_room + 1) * line);
    self->buckets = (KmlTraceBucket *)(((gsize)self->memory + line - 1) & ~(line - 1));
  }
  self->n_buckets = n;
  memset (self->buckets, 0, n * line);
}

void
kml_trace_names_init (KmlTraceNames *self, guint64 mask)
{
  memset (self, 0, sizeof *self);
  self->mask = mask;
  self->key_bytes = mask == G_MAXUINT64 ? NARROW : sizeof (guint64);
  self->stored = G_MAXUINT64 >> (64 - 8 * self->key_bytes);
  self->next_free = KML_TRACE_NO_NAME;
  renew_buckets (self, FIRST_BUCKETS);
}

void
kml_trace_names_finish (KmlTraceNames *self)
{
  g_free (self->keys);
  g_free (self->alive);
  g_free (self->memory);
  memset (self, 0, sizeof *self);
}

gsize
kml_trace_names_bytes (const KmlTraceNames *self)
{
  return (gsize)self->n_names * self->key_bytes + self->n_names / 8 +
         self->n_buckets * sizeof (KmlTraceBucket);
}

/* FALSE: the way from home would be too long; buckets have counted it, so they must be made anew. */
static inline gboolean
put (KmlTraceNames *self, guint32 name, KmlTraceNamesPlace place)
{
  guint32 at = place.home;

  for (guint way = 0; way < KML_TRACE_NAMES_WAY; way++) {
    KmlTraceBucket *const bucket = &self->buckets[at];
    const guint room = kml_trace_bucket_match (bucket, 0);

    if (room != 0) {
      const guint slot = (guint)__builtin_ctz (room);

      bucket->tags[slot] = place.tag;
      bucket->names[slot] = name;
      return TRUE;
    }
    if (bucket->n_passed == G_MAXUINT8)
      return FALSE;
    bucket->n_passed++;
    at = kml_trace_names_next (self, at, place.tag);
  }
  return FALSE;
}

static gboolean
put_all (KmlTraceNames *self)
{
  for (guint32 name = 0; name < self->n_names; name++) {
    if (name + AHEAD < self->n_names)
      kml_trace_names_prefetch_bucket (self, kml_trace_names_key (self, name + AHEAD));
    if (kml_trace_names_is_alive (self, name) &&
        !put (self, name, kml_trace_names_home (self, kml_trace_names_key (self, name))))
      return FALSE;
  }
  return TRUE;
}

/* FALSE: even in a table that is seven eighths empty there are keys too far from home. */
static gboolean
rebuild (KmlTraceNames *self)
{
  do {
    const guint64 n = MIN ((guint64)self->n_buckets + self->n_buckets / 8, MAX_BUCKETS);
    const guint64 n_places = n * KML_TRACE_BUCKET_NAMES;

    if (n == self->n_buckets || (n > FIRST_BUCKETS * 4 && n_places / 8 > self->n_live))
      return FALSE;
    renew_buckets (self, (guint32)n);
  } while (!put_all (self));
  return TRUE;
}

/* ---- Keys ---- */

void
kml_trace_names_set_key (KmlTraceNames *self, guint32 name, guint64 key)
{
  guint8 *const at = self->keys + (gsize)name * self->key_bytes;

  key = GUINT64_TO_LE (key);
  if (self->key_bytes == NARROW)
    memcpy (at, &key, NARROW);
  else
    memcpy (at, &key, sizeof key);
}

static void
renew_keys (KmlTraceNames *self)
{
  self->keys = g_realloc (self->keys, (gsize)self->n_room * self->key_bytes + KML_TRACE_KEY_ROOM);
}

/* Makes keys as wide as any key is, from the last on: each is behind the narrow one that it was. */
static void
widen_keys (KmlTraceNames *self)
{
  const KmlTraceNames narrow = *self;

  self->key_bytes = sizeof (guint64);
  self->stored = G_MAXUINT64;
  self->upper = 0;
  renew_keys (self);
  for (guint32 name = self->n_names; name-- > 0;) {
    guint64 key;

    memcpy (&key, self->keys + (gsize)name * NARROW, sizeof key);
    key = (GUINT64_FROM_LE (key) & narrow.stored) | narrow.upper;
    kml_trace_names_set_key (self, name, key);
  }
}

/* Before a key is stored (N4). */
static inline void
prepare_for (KmlTraceNames *self, guint64 key)
{
  if (G_LIKELY ((key & ~self->stored) == self->upper))
    return;
  if (self->n_live == 0)
    self->upper = key & ~self->stored;
  else
    widen_keys (self);
}

static guint32
take_name (KmlTraceNames *self, guint64 key)
{
  guint32 name = self->next_free;

  prepare_for (self, key);
  if (name != KML_TRACE_NO_NAME) {
    self->next_free = (guint32)kml_trace_names_key (self, name);
    if (self->next_free != KML_TRACE_NO_NAME)
      __builtin_prefetch (kml_trace_names_at (self, self->next_free)); /* soon to be taken, too */
  } else {
    if (self->n_names == self->n_room) {
      /* Doubled for the same reason; a multiple of 64 for the bits. */
      const guint64 room = MIN ((guint64)self->n_room * 2 + 1024, (guint64)MAX_NAMES & ~63ull);

      if (room == self->n_room)
        return KML_TRACE_NO_NAME;
      self->n_room = (guint32)room;
      renew_keys (self);
      self->alive = g_renew (guint64, self->alive, self->n_room / 64);
    }
    name = self->n_names++;
    if (name % 64 == 0)
      self->alive[name / 64] = 0;
  }
  kml_trace_names_set_key (self, name, key);
  self->alive[name / 64] |= G_GUINT64_CONSTANT (1) << (name % 64);
  self->n_live++;
  return name;
}

/* ---- Changing ---- */

guint32
kml_trace_names_insert (KmlTraceNames *self, guint64 key, KmlTraceNamesPlace place)
{
  const gboolean was_full = is_full (self);
  const guint32 name = take_name (self, key);

  if (name == KML_TRACE_NO_NAME)
    return KML_TRACE_NO_NAME;
  if (was_full || !put (self, name, place))
    if (!rebuild (self)) /* from the keys: it is in there already */
      return KML_TRACE_NO_NAME;
  return name;
}

void
kml_trace_names_remove (KmlTraceNames *self, KmlTraceNamesPlace place)
{
  KmlTraceBucket *const bucket = &self->buckets[place.bucket];
  const guint32 name = bucket->names[place.slot];

  for (guint32 at = place.home; at != place.bucket; at = kml_trace_names_next (self, at, place.tag))
    self->buckets[at].n_passed--;
  bucket->tags[place.slot] = 0;
  self->alive[name / 64] &= ~(G_GUINT64_CONSTANT (1) << (name % 64));
  kml_trace_names_set_key (self, name, self->next_free);
  self->next_free = name;
  self->n_live--;
}
