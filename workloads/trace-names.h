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
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define KML_TRACE_NO_NAME G_MAXUINT32

typedef struct {
  guint64 *keys;  /* (owned): by name; of a free name, the next free one */
  guint64 *alive; /* (owned): a bit for each name */
  guint32 n_names, n_room, n_live;
  guint32 next_free;
  guint32 *index;    /* (owned) (array length=n_slots): name */
  guint8 *distances; /* (owned) (array length=n_slots): 0: empty; else 1 + how far from home */
  guint32 n_slots;
  guint64 mask; /* bits of a key that are compared */
} KmlTraceNames;

/* Where a search ended: an insertion goes on from there. */
typedef struct {
  guint32 slot;
  guint32 distance;
} KmlTraceNamesPlace;

/* ---- Searching, which is done for each line of a recording ---- */

static inline guint32
kml_trace_names_home (const KmlTraceNames *self, guint64 key)
{
  guint64 hash = (key & self->mask) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  hash = (hash ^ (hash >> 32)) * G_GUINT64_CONSTANT (0xc2b2ae3d27d4eb4f);
  /* Daniel Lemire's fast range: the upper half of 32 random bits times n is in [0, n). */
  return (guint32)(((hash >> 32) * self->n_slots) >> 32);
}

static inline guint32
kml_trace_names_next (const KmlTraceNames *self, guint32 slot)
{
  return slot + 1 == self->n_slots ? 0 : slot + 1;
}

/* KML_TRACE_NO_NAME: not there, and *@ret_place is where it would be. */
static inline guint32
kml_trace_names_find (const KmlTraceNames *self, guint64 key, KmlTraceNamesPlace *ret_place)
{
  guint32 slot = kml_trace_names_home (self, key);
  guint32 distance = 1;

  while (self->distances[slot] >= distance) {
    if (self->distances[slot] == distance) {
      const guint32 name = self->index[slot];

      if (((self->keys[name] ^ key) & self->mask) == 0) {
        *ret_place = (KmlTraceNamesPlace){ slot, distance };
        return name;
      }
    }
    slot = kml_trace_names_next (self, slot);
    distance++;
  }
  *ret_place = (KmlTraceNamesPlace){ slot, distance };
  return KML_TRACE_NO_NAME;
}

/* Asks the processor for what a search for @key will touch first: called some time
 * before, the search does not wait for memory. */
static inline void
kml_trace_names_prefetch_slot (const KmlTraceNames *self, guint64 key)
{
  const guint32 slot = kml_trace_names_home (self, key);

  __builtin_prefetch (&self->distances[slot]);
  __builtin_prefetch (&self->index[slot]);
}

/* The same for what it will touch next: the first entry that it would compare; the table may change
 * before it does. */
static inline void
kml_trace_names_prefetch_key (const KmlTraceNames *self, guint64 key)
{
  guint32 slot = kml_trace_names_home (self, key);
  guint32 distance = 1;

  while (self->distances[slot] > distance) {
    slot = kml_trace_names_next (self, slot);
    distance++;
  }
  if (self->distances[slot] == distance)
    __builtin_prefetch (&self->keys[self->index[slot]]);
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
