/* tally.h: the sums that every operation of a run changes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The driver's loop works on a copy of its own, which the compiler keeps in registers and on the stack, and puts it
 * back when somebody wants to know.
 *
 * Peaks without a search. Of bytes asked for, and of bytes held, is kept what is left below their peak so far, the *room*:
 *
 *     peak   _____________________________
 *                 _       |   room        an allocation takes from the room, and where there is too little the peak rises;
 *     value  ____| |_     |               a free gives it back
 *               |    |____|
 *     0      _____________________________
 *
 * So an allocation is a subtraction and a look at its borrow. The integral of the value over time is that of a peak which has always been
 * as high as now, less that of the room below it; when the peak rises by n, there have been n bytes more of room all the time.
 *
 * An integral has 128 bits, and what comes to it at each operation is gathered in 64: as no room is larger than RAM, these are enough for some
 * time, which is known from the beginning, and are *settled* before it is over.
 *
 * Page blocks are counted once more, apart from objects, which pay nothing for it. Of their bytes no peak is wanted, so the integral up to T
 * comes from the moments at which they came and went: a block of n bytes that came at t adds n (T - t), and one that went at t takes that away.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef struct {
  guint64 peak, room;
  guint64 recent;              /* integral of room over time, since it was settled … */
  unsigned __int128 room_time; /* … and before */
} KmlGauge;

typedef struct {
  guint64 n_alloc, n_free;
  KmlGauge requested, held; /* bytes, of live blocks */
  guint64 requested_at_peak_held;
  /* the integrals are over [since, last_time): up to the start of the last operation */
  KmlTime since, last_time;
  KmlTime settle_by; /* an operation that starts then or later settles them first */
  KmlTime span;      /* … which is to be so long after it was done */
} KmlTally;

typedef struct {
  guint64 live; /* bytes of live blocks */
  guint64 all;  /* … of all that came since the integral began */
  /* sum of bytes x time they came at, less that of those that went; modulo 2^128 */
  unsigned __int128 births;
} KmlFlow;

/* What a KmlTally counts, of page blocks alone. */
typedef struct {
  KmlFlow requested, held;
} KmlPageTally;

static inline guint64
kml_gauge_value (const KmlGauge *self)
{
  return self->peak - self->room;
}

/* Its integral, where there has been one for @lasted. */
static inline unsigned __int128
kml_gauge_time (const KmlGauge *self, KmlTime lasted)
{
  return (unsigned __int128)self->peak * lasted - self->room_time - self->recent;
}

/* The integral begins anew; the peak stays. */
static inline void
kml_gauge_forget_time (KmlGauge *self)
{
  self->recent = 0;
  self->room_time = 0;
}

/* @lasted: since the last operation, which may be longer than 64 bits are enough for. */
static inline void
kml_gauge_settle (KmlGauge *self, KmlTime lasted)
{
  self->room_time += self->recent + (unsigned __int128)self->room * lasted;
  self->recent = 0;
}

static inline guint64
kml_tally_requested (const KmlTally *self)
{
  return kml_gauge_value (&self->requested);
}

static inline guint64
kml_tally_held (const KmlTally *self)
{
  return kml_gauge_value (&self->held);
}

/* Integrals over time. */
static inline unsigned __int128
kml_tally_requested_time (const KmlTally *self)
{
  return kml_gauge_time (&self->requested, self->last_time - self->since);
}

static inline unsigned __int128
kml_tally_held_time (const KmlTally *self)
{
  return kml_gauge_time (&self->held, self->last_time - self->since);
}

/* They begin anew; peaks stay. */
static inline void
kml_tally_forget_time (KmlTally *self)
{
  kml_gauge_forget_time (&self->requested);
  kml_gauge_forget_time (&self->held);
  self->since = self->last_time;
}

/* All zero before. @most: bytes that can be live at a time. */
static inline void
kml_tally_init (KmlTally *self, guint64 most)
{
  self->span = G_MAXUINT64 / MAX (most, 1);
  self->settle_by = self->span;
}

/* Up to @now. */
static inline void
kml_tally_settle (KmlTally *self, KmlTime now)
{
  const KmlTime lasted = now - self->last_time;

  kml_gauge_settle (&self->requested, lasted);
  kml_gauge_settle (&self->held, lasted);
  self->last_time = now;
  self->settle_by = kml_time_after (now, self->span);
}

/* Up to @now, which is before settle_by. */
static inline void
kml_tally_pass_short_time (KmlTally *self, KmlTime now)
{
  const KmlTime lasted = now - self->last_time;

  self->requested.recent += self->requested.room * lasted;
  self->held.recent += self->held.room * lasted;
  self->last_time = now;
}

/* Times of successive calls never decrease. */
static inline void
kml_tally_pass_time (KmlTally *self, KmlTime now)
{
  if (G_UNLIKELY (now >= self->settle_by))
    kml_tally_settle (self, now);
  else
    kml_tally_pass_short_time (self, now);
}

/* FALSE: there is not so much room. */
static inline gboolean
kml_gauge_take (KmlGauge *self, guint64 n)
{
  return !__builtin_sub_overflow (self->room, n, &self->room);
}

/* kml_gauge_take() found too little: what is missing. @lasted: since when there are integrals. */
static inline void
kml_gauge_rise (KmlGauge *self, KmlTime lasted)
{
  const guint64 missing = -self->room;

  self->peak += missing;
  self->room = 0;
  self->room_time += (unsigned __int128)missing * lasted;
}

/* A request for @size bytes was given a block of @held bytes. */
static inline void
kml_tally_add_alloc (KmlTally *self, guint64 size, guint64 held)
{
  self->n_alloc++;
  if (G_UNLIKELY (!kml_gauge_take (&self->requested, size)))
    kml_gauge_rise (&self->requested, self->last_time - self->since);
  if (G_UNLIKELY (!kml_gauge_take (&self->held, held))) {
    kml_gauge_rise (&self->held, self->last_time - self->since);
    self->requested_at_peak_held = kml_tally_requested (self);
  }
}

/* The block of @held bytes that was asked for as @size is no more. */
static inline void
kml_tally_add_free (KmlTally *self, guint64 size, guint64 held)
{
  self->n_free++;
  self->requested.room += size;
  self->held.room += held;
}

/* ---- Page blocks ---- */

static inline unsigned __int128
kml_flow_time (const KmlFlow *self, KmlTime now)
{
  return (unsigned __int128)self->live * now - self->births;
}

/* The integral begins at @now: as if all that is live had come then. */
static inline void
kml_flow_forget (KmlFlow *self, KmlTime now)
{
  self->all = 0;
  self->births = (unsigned __int128)self->live * now;
}

static inline void
kml_flow_come (KmlFlow *self, guint64 n, KmlTime now)
{
  self->live += n;
  self->all += n;
  self->births += (unsigned __int128)n * now;
}

static inline void
kml_flow_go (KmlFlow *self, guint64 n, KmlTime now)
{
  self->live -= n;
  self->births -= (unsigned __int128)n * now;
}

static inline void
kml_page_tally_forget (KmlPageTally *self, KmlTime now)
{
  kml_flow_forget (&self->requested, now);
  kml_flow_forget (&self->held, now);
}

static inline void
kml_page_tally_add_alloc (KmlPageTally *self, guint64 size, guint64 held, KmlTime now)
{
  kml_flow_come (&self->requested, size, now);
  kml_flow_come (&self->held, held, now);
}

static inline void
kml_page_tally_add_free (KmlPageTally *self, guint64 size, guint64 held, KmlTime now)
{
  kml_flow_go (&self->requested, size, now);
  kml_flow_go (&self->held, held, now);
}

G_END_DECLS
