/* deaths.c: the blocks that will be freed, the next one first.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A heap with four children to a node is half as deep as one with two, and the four
 * take 56 bytes: one cache line or two. Not the agenda of simcore: that is stable, which
 * costs 8 bytes an event, and has no room for the free names.
 *
 * Invariants
 *
 *   T1  no entry of the heap is earlier than its parent, (i - 1) / 4
 *   T2  n_heap + n_free <= capacity, and n_free names are in [n_heap, n_heap + n_free)
 *   T3  n_names = n_heap + n_free + the blocks that never die
 */

#include "workloads/deaths.h"
#include "simcore/base/units.h"

#define ARITY          4
#define FIRST_CAPACITY 1024

static inline gboolean
is_earlier (const KmlDeath *a, const KmlDeath *b)
{
  return a->time != b->time ? a->time < b->time : a->block < b->block;
}

static gboolean
grow (KmlDeaths *self, GError **error)
{
  const guint capacity = MAX (FIRST_CAPACITY, self->capacity * 2);
  KmlDeath *entries = g_try_renew (KmlDeath, self->entries, capacity);

  if (entries == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "no memory for %u live objects", capacity);
    return FALSE;
  }
  self->entries = entries;
  self->capacity = capacity;
  return TRUE;
}

static gboolean
take_new_name (KmlDeaths *self, guint32 *ret_block, GError **error)
{
  if (self->n_names == KML_MAX_LIVE) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "expected at most %u live objects: the arrivals are too many for their lifetimes",
                 KML_MAX_LIVE);
    return FALSE;
  }
  if (self->n_heap + self->n_free == self->capacity && !grow (self, error))
    return FALSE;
  *ret_block = self->n_names++;
  return TRUE;
}

gboolean
kml_deaths_add (KmlDeaths *self, KmlTime time, guint16 cpu, guint32 *ret_block, GError **error)
{
  KmlDeath death = { time, 0, cpu };
  guint32 block;
  guint at;

  if (self->n_free == 0) {
    if (!take_new_name (self, &block, error))
      return FALSE;
  } else if (time == KML_TIME_MAX) {
    block = self->entries[self->n_heap + --self->n_free].block;
  } else {
    /* the name whose entry the heap is about to take */
    block = self->entries[self->n_heap].block;
    self->n_free--;
  }
  *ret_block = death.block = block;
  if (time == KML_TIME_MAX)
    return TRUE;

  at = self->n_heap++;
  while (at > 0 && is_earlier (&death, &self->entries[(at - 1) / ARITY])) {
    self->entries[at] = self->entries[(at - 1) / ARITY];
    at = (at - 1) / ARITY;
  }
  self->entries[at] = death;
  return TRUE;
}

KmlDeath
kml_deaths_take (KmlDeaths *self)
{
  KmlDeath *entries = self->entries;
  const KmlDeath first = entries[0];
  KmlDeath last;
  guint at = 0;

  g_assert (self->n_heap > 0);

  last = entries[--self->n_heap];
  for (guint child = 1; child < self->n_heap; child = at * ARITY + 1) {
    const guint end = MIN (child + ARITY, self->n_heap);
    guint least = child;

    for (guint i = child + 1; i < end; i++)
      if (is_earlier (&entries[i], &entries[least]))
        least = i;
    if (!is_earlier (&entries[least], &last))
      break;
    entries[at] = entries[least];
    at = least;
  }
  entries[at] = last;
  entries[self->n_heap].block = first.block;
  self->n_free++;
  return first;
}

void
kml_deaths_clear (KmlDeaths *self)
{
  g_clear_pointer (&self->entries, g_free);
  *self = (KmlDeaths){ 0 };
}
