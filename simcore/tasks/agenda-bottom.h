/* agenda-bottom.h: the soonest events of an agenda, sorted without moving any.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * BOTTOM_SLOTS events at most lie in slots where they stay until they are taken. Their
 * order is a permutation of the slots in one word: sixteen digits of four bits,
 * from the lowest one on the slots of the pending events by time, then the free
 * slots, of which the highest digit is the next to be filled:
 *
 *   pending: 10 in slot 2, 30 in slot 0, 40 in slot 5      order = 0x…1 502
 *                                                     next free: slot 1
 *   taking the earliest     rotate right by a digit        order = 0x2…1 50
 *   inserting 35            rank 1: shift what is above    order = 0x…1 520
 *
 * The rank of a new event is how many pending ones are not later than it, which puts
 * it behind its equals. It is counted, not searched: sixteen comparisons
 * without a branch. A search in a sorted array ends where nobody can predict, and a
 * branch that went wrong costs as much as all this (8 ns here), so that the
 * same work takes half the time with 4 pending and as much with 16.
 *
 * All slots are compared, the free ones too. What a free slot holds is the time of an
 * event that was taken, or 0: never later than what may still be scheduled. So each of
 * them adds exactly one: rank = count - free slots, modulo 16 = count + pending ones.
 */

#pragma once

#include <stdatomic.h>
#include <string.h>

#include "simcore/tasks/agenda.h"

G_BEGIN_DECLS

#define BOTTOM_SLOTS 16

typedef struct {
  guint64 order;
  guint n_events;
  KmlTime times[BOTTOM_SLOTS]; /* two arrays: the times are all read together */
  guint64 whats[BOTTOM_SLOTS];
} Bottom;

static inline void
bottom_clear (Bottom *self)
{
  self->order = G_GUINT64_CONSTANT (0xfedcba9876543210);
  self->n_events = 0;
  memset (self->times, 0, sizeof self->times);
}

static inline guint
bottom_slot (const Bottom *self, guint rank)
{
  return (guint)(self->order >> 4 * rank) % BOTTOM_SLOTS;
}

/* When the event of @rank is, 0 being the earliest. */
static inline KmlTime
bottom_time (const Bottom *self, guint rank)
{
  return self->times[bottom_slot (self, rank)];
}

static inline guint64
rotate_left (guint64 word, guint n_bits)
{
  return word << n_bits % 64 | word >> -n_bits % 64;
}

/* There is a free slot, and no event later than @time has been taken. */
static inline void
bottom_insert (Bottom *self, KmlTime time, guint64 what)
{
  const guint64 order = self->order;
  const guint64 slot = order >> 60;
  guint n_even = self->n_events;
  guint n_odd = 0;
  guint64 digit;

  /* Two sums, which a CPU adds side by side; one after the other they turn the 1 to its digit. */
  for (guint i = 0; i < BOTTOM_SLOTS; i += 2) {
    n_even += self->times[i] <= time;
    n_odd += self->times[i + 1] <= time;
  }
  digit = rotate_left (rotate_left (1, 4 * n_even), 4 * n_odd);

  self->order = (order & (digit - 1)) | slot * digit | (order & -digit) << 4;
  self->times[slot] = time;
  self->whats[slot] = what;
  self->n_events++;
}

/* The first of an empty bottom: nothing to compare with. */
static inline void
bottom_insert_first (Bottom *self, KmlTime time, guint64 what)
{
  const guint64 slot = self->order >> 60;

  self->order = self->order << 4 | slot;
  self->times[slot] = time;
  self->whats[slot] = what;
  self->n_events = 1;
}

/* Takes the earliest; there is one. The fence costs no instruction: it keeps the compiler from making
 * one store of 16 bytes of the event, which a caller who loads 8 of them would have to wait for (12 ns
 * instead of 8 for an event with 4 pending). */
static inline void
bottom_take (Bottom *self, KmlEvent *ret_event)
{
  const guint slot = bottom_slot (self, 0);

  ret_event->time = self->times[slot];
  atomic_signal_fence (memory_order_seq_cst);
  ret_event->what = self->whats[slot];
  self->order = rotate_left (self->order, 60);
  self->n_events--;
}

G_END_DECLS
