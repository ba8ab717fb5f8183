/* agenda-check.c: whether an agenda is as the invariants in the head of agenda.c say.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * That events of one time are in their order of arrival cannot be seen here, as
 * they do not carry it: test-agenda.c compares with a model that does.
 */

#include "simcore/tasks/agenda-private.h"

static gboolean
broken (GError **error, const char *invariant, const char *part)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "the agenda's invariant %s does not hold in the %s", invariant, part);
  return FALSE;
}

static gboolean
check_bottom (const KmlAgenda *self, GError **error)
{
  const Bottom *bottom = &self->bottom;
  KmlTime previous = self->now;
  guint slots = 0;

  if (bottom->n_events > BOTTOM_SLOTS)
    return broken (error, "G1", "bottom");
  for (guint rank = 0; rank < BOTTOM_SLOTS; rank++) {
    const KmlTime time = bottom_time (bottom, rank);

    slots |= 1u << bottom_slot (bottom, rank);
    if (rank >= bottom->n_events) {
      if (time > self->now)
        return broken (error, "G5", "bottom");
      continue;
    }
    if (time < previous || time > self->bottom_end)
      return broken (error, "G1", "bottom");
    previous = time;
  }
  if (slots != (1u << BOTTOM_SLOTS) - 1)
    return broken (error, "G5", "bottom");
  return TRUE;
}

/* Adds to @n_nodes how many there are in @ring; all are between @from and @to. */
static gboolean
check_ring (const KmlAgenda *self, Ring ring, KmlTime from, KmlTime to, guint64 *n_nodes)
{
  guint32 node = ring;

  if (ring == NONE)
    return TRUE;
  do {
    node = self->nodes[node].next;
    ++*n_nodes;
    if (node >= self->n_nodes || *n_nodes > self->n_nodes)
      return FALSE;
    if (self->nodes[node].time < from || self->nodes[node].time > to)
      return FALSE;
  } while (node != ring);
  return TRUE;
}

/* @from is the end of the part in front. Adds to @n_listed. */
static gboolean
check_rung (const KmlAgenda *self, const Rung *rung, KmlTime from, guint64 *n_listed,
            GError **error)
{
  const gsize last_bucket = rung_bucket (rung, rung->end);
  guint64 n_events = 0;

  if (rung->end < from)
    return broken (error, "G3", "rungs");
  for (gsize i = rung->first_bucket; i <= last_bucket; i++) {
    const Ring ring = self->buckets[i];
    guint32 node = ring;

    if ((self->occupied[i / 64] >> i % 64 & 1) == 0)
      continue;
    if (i < rung->current_bucket)
      return broken (error, "G2", "rungs");
    if (!check_ring (self, ring, MAX (from, rung->start), rung->end, &n_events))
      return broken (error, "G3", "rungs");
    do {
      if (rung_bucket (rung, self->nodes[node].time) != i)
        return broken (error, "G2", "rungs");
      node = self->nodes[node].next;
    } while (node != ring);
  }
  *n_listed += n_events;
  return TRUE;
}

gboolean
kml_agenda_check (const KmlAgenda *self, GError **error)
{
  guint64 n_listed = 0;
  guint64 n_top = 0;
  guint64 n_free = 0;
  KmlTime from = self->bottom_end;

  if (!check_bottom (self, error))
    return FALSE;

  for (guint i = self->n_rungs; i > 0; i--) {
    if (!check_rung (self, &self->rungs[i - 1], from, &n_listed, error))
      return FALSE;
    from = self->rungs[i - 1].end;
  }
  if (self->top_start != (self->n_rungs > 0 ? from : 0))
    return broken (error, "G3", "top");
  if (!check_ring (self, self->top, MAX (from, self->top_min), self->top_max, &n_top))
    return broken (error, "G3", "top");
  if (n_top != self->n_top)
    return broken (error, "G4", "top");
  n_listed += n_top;

  if (self->n_outside != n_listed)
    return broken (error, "G4", "rungs and the top");
  for (Chain i = self->free_nodes; i != NONE && n_free <= self->n_nodes; i = self->nodes[i].next)
    n_free++;
  if (n_free + n_listed != self->n_nodes)
    return broken (error, "G4", "free nodes");
  return TRUE;
}
