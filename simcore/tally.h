/* tally.h: the sums that every operation of a run changes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The driver's loop works on a copy of its own, which the compiler keeps in registers and on the stack, and puts it
 * back when somebody wants to know.
 */

#pragma once

#include "simcore/types.h"

G_BEGIN_DECLS

typedef struct {
  guint64 n_alloc, n_free;
  guint64 requested, held; /* bytes, of live blocks */
  guint64 peak_requested, peak_held, requested_at_peak_held;
  KmlTime last_time; /* up to which the integrals go: the start of the last operation */
  unsigned __int128 requested_time, held_time; /* integrals of requested and held over time */
} KmlTally;

/* Times of successive calls never decrease. */
static inline void
kml_tally_pass_time (KmlTally *self, KmlTime now)
{
  const KmlTime lasted = now - self->last_time;

  self->requested_time += (unsigned __int128)self->requested * lasted;
  self->held_time += (unsigned __int128)self->held * lasted;
  self->last_time = now;
}

/* A request for @size bytes was given a block of @held bytes. */
static inline void
kml_tally_add_alloc (KmlTally *self, guint64 size, guint64 held)
{
  self->n_alloc++;
  self->requested += size;
  self->held += held;
  if (G_UNLIKELY (self->requested > self->peak_requested))
    self->peak_requested = self->requested;
  if (G_UNLIKELY (self->held > self->peak_held)) {
    self->peak_held = self->held;
    self->requested_at_peak_held = self->requested;
  }
}

/* The block of @held bytes that was asked for as @size is no more. */
static inline void
kml_tally_add_free (KmlTally *self, guint64 size, guint64 held)
{
  self->n_free++;
  self->requested -= size;
  self->held -= held;
}

G_END_DECLS
