/* trace-names.c: a hash table with names that stay dense.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pedro Celis, "Robin Hood Hashing", University of Waterloo, 1986: open
 * addressing with linear probing, in which a key that is far from home takes the
 * place of one that is nearer to its own. Keys that have the same home then
 * stand together, in the order of homes, and two things follow:
 *
 *   - a search ends at the first entry that is nearer to its home than the
 *     search has gone, so misses are as short as hits, and
 *   - an entry is worth comparing only if its distance is that of the search.
 *
 * The distances are kept in bytes of their own, so a search walks along one
 * cache line of them and looks at about one key, even when the table is
 * almost full. Removal shifts the entries behind it back by one, which needs
 * their distances and not their keys: no tombstones.
 *
 * Memory for each live key: 8 bytes for the key, 1/8 for its bit, 5 bytes for a
 * slot. A table at the limit of 0.8 grows by a quarter, so there are 1.25 to 1.56
 * slots a key: 14.4 to 15.9 bytes in all. The index is made anew from the keys when
 * it grows, so there are never two.
 *
 * Invariants
 *   N1  distances[s] is 1 + (s - home (key)) modulo n_slots, or 0 where there is none
 *   N2  along a run of entries, the distance grows by at most one a slot
 *   N3  n_live is the number of entries and of bits
 */

#include "workloads/trace-names.h"

#include <string.h>

#define FIRST_SLOTS  1024
#define MAX_DISTANCE 255
#define MAX_NAMES    (G_MAXUINT32 - 1)

static inline gboolean
is_full (const KmlTraceNames *self)
{
  return (guint64)self->n_live * 5 >= (guint64)self->n_slots * 4;
}

void
kml_trace_names_init (KmlTraceNames *self, guint64 mask)
{
  memset (self, 0, sizeof *self);
  self->mask = mask;
  self->next_free = KML_TRACE_NO_NAME;
  self->n_slots = FIRST_SLOTS;
  self->index = g_new (guint32, self->n_slots);
  self->distances = g_malloc0 (self->n_slots);
}

void
kml_trace_names_finish (KmlTraceNames *self)
{
  g_free (self->keys);
  g_free (self->alive);
  g_free (self->index);
  g_free (self->distances);
  memset (self, 0, sizeof *self);
}

gsize
kml_trace_names_bytes (const KmlTraceNames *self)
{
  return self->n_names * (sizeof (guint64)) + self->n_names / 8 +
         self->n_slots * (sizeof (guint32) + 1);
}

/* FALSE: some entry would be too far from home; the table is as it was but for the order of
 * entries, and one is in *@name. */
static gboolean
put (KmlTraceNames *self, guint32 *name, KmlTraceNamesPlace place)
{
  while (place.distance <= MAX_DISTANCE) {
    const guint8 there = self->distances[place.slot];

    if (there < place.distance) {
      const guint32 displaced = self->index[place.slot];

      self->index[place.slot] = *name;
      self->distances[place.slot] = (guint8)place.distance;
      if (there == 0)
        return TRUE;
      *name = displaced;
      place.distance = there;
    }
    place.slot = kml_trace_names_next (self, place.slot);
    place.distance++;
  }
  return FALSE;
}

/* FALSE: even in a table that is seven eighths empty there are entries too far from home. */
static gboolean
rebuild (KmlTraceNames *self)
{
  for (;;) {
    const guint64 n_slots = MIN ((guint64)self->n_slots + self->n_slots / 4, MAX_NAMES);
    gboolean fits = TRUE;

    if (n_slots == self->n_slots || (n_slots > FIRST_SLOTS * 4 && n_slots / 8 > self->n_live))
      return FALSE;
    self->n_slots = (guint32)n_slots;
    self->index = g_renew (guint32, self->index, self->n_slots);
    self->distances = g_realloc (self->distances, self->n_slots);
    memset (self->distances, 0, self->n_slots);
    for (guint32 name = 0; name < self->n_names && fits; name++) {
      guint32 moved = name;

      if (self->alive[name / 64] >> (name % 64) & 1)
        fits = put (self, &moved,
                    (KmlTraceNamesPlace){ kml_trace_names_home (self, self->keys[name]), 1 });
    }
    if (fits)
      return TRUE;
  }
}

static guint32
take_name (KmlTraceNames *self, guint64 key)
{
  guint32 name = self->next_free;

  if (name != KML_TRACE_NO_NAME) {
    self->next_free = (guint32)self->keys[name];
  } else {
    if (self->n_names == self->n_room) {
      /* By an eighth: realloc() of large blocks moves page tables, not bytes. A multiple of 64 for
       * the bits. */
      const guint64 room = MIN (((guint64)self->n_room + self->n_room / 8 + 1024) & ~63ull,
                                (guint64)MAX_NAMES & ~63ull);

      if (room == self->n_room)
        return KML_TRACE_NO_NAME;
      self->n_room = (guint32)room;
      self->keys = g_renew (guint64, self->keys, self->n_room);
      self->alive = g_renew (guint64, self->alive, self->n_room / 64);
    }
    name = self->n_names++;
    if (name % 64 == 0)
      self->alive[name / 64] = 0;
  }
  self->keys[name] = key;
  self->alive[name / 64] |= G_GUINT64_CONSTANT (1) << (name % 64);
  self->n_live++;
  return name;
}

guint32
kml_trace_names_insert (KmlTraceNames *self, guint64 key, KmlTraceNamesPlace place)
{
  const gboolean was_full = is_full (self);
  const guint32 name = take_name (self, key);
  guint32 moved = name;

  if (name == KML_TRACE_NO_NAME)
    return KML_TRACE_NO_NAME;
  if (was_full || !put (self, &moved, place))
    if (!rebuild (self)) /* from the keys: it is in there already */
      return KML_TRACE_NO_NAME;
  return name;
}

void
kml_trace_names_remove (KmlTraceNames *self, KmlTraceNamesPlace place)
{
  guint32 slot = place.slot, next = kml_trace_names_next (self, slot);
  const guint32 name = self->index[slot];

  self->alive[name / 64] &= ~(G_GUINT64_CONSTANT (1) << (name % 64));
  self->keys[name] = self->next_free;
  self->next_free = name;
  self->n_live--;

  /* Those behind it that are not at home move one nearer. */
  while (self->distances[next] > 1) {
    self->index[slot] = self->index[next];
    self->distances[slot] = self->distances[next] - 1;
    slot = next;
    next = kml_trace_names_next (self, next);
  }
  self->distances[slot] = 0;
}
