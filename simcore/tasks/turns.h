/* turns.h: who goes on next.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A CPU that has stopped goes on at one time, and a task that sleeps wakes up at one: that is its *turn*. There are few, and each is taken, so they
 * are not in the agenda, which is made for many events and keeps what was set anew. They are in a heap (J. W. J. Williams, "Algorithm 232: Heapsort", CACM 7(6),
 * June 1964).
 *
 *            1              the first
 *        2       3          below node i are 2 i and 2 i + 1
 *      4   5   6   7
 *
 * Who runs has no turn. Most often who stops has one from then on, and the first goes on: the one takes the place of the other, and sinks. Its way is as long as
 * there are turns: CPUs that wait for a lock are not on it, and get a turn when they are given it.
 *
 * A turn is one number: time, then the order in which they were set, which is never the same twice, then whose it is. Where each lies is kept, for one that becomes
 * an earlier one or is taken back.
 *
 * Invariants:
 *   T1  no turn is before the one above it
 *   T2  places[who] is the node of that one's turn, if it has one
 *   T3  nodes that are not in use are KML_TURN_NEVER
 */

#pragma once

#include <stdlib.h>

#include "simcore/machine.h"

G_BEGIN_DECLS

typedef unsigned __int128 KmlTurn; /* time << 64 | order << KML_WHO_BITS | who */

#define KML_TURN_NEVER (~(KmlTurn)0)

/* Twice the number of a CPU, or one more than twice the id of a task. The order has 46 bits: 80 days at ten million turns a second. */
#define KML_WHO_BITS 18

typedef struct {
  KmlTurn *nodes;   /* node 2 is at the beginning of a line; those from node 1 up to … */
  KmlTurn *last;    /* … this are in use; none: node 0 */
  KmlTurn **places; /* (array length=n_room) */
  guint n_room;
  gpointer block; /* (owned): both */
  /* (owned) (nullable): a block that stays where it is when there is more room: see kml_turns_keep() */
  gpointer kept;
} KmlTurns;

static inline KmlTurn
kml_turn (KmlTime time, guint64 order, guint who)
{
  return (KmlTurn)time << 64 | order << KML_WHO_BITS | who;
}

static inline KmlTime
kml_turn_time (KmlTurn turn)
{
  return (KmlTime)(turn >> 64);
}

static inline guint
kml_turn_who (KmlTurn turn)
{
  return (guint)turn & ((1u << KML_WHO_BITS) - 1);
}

/* Nodes that are there besides: one before the first, and those that are looked at behind the last. */
#define KML_TURNS_PADDING 8

static inline gsize
kml_turns_size (const KmlTurns *self)
{
  const gsize size = (self->n_room + KML_TURNS_PADDING) * sizeof *self->nodes +
                     self->n_room * sizeof *self->places;

  return (size + 63) & ~(gsize)63;
}

/* KML_TURN_NEVER: there is none. */
static inline KmlTurn
kml_turns_first (const KmlTurns *self)
{
  return self->nodes[1];
}

/* The two nodes below it are this one and the next. In bytes, as that is an addition. */
static inline KmlTurn *
kml_turns_below (const KmlTurn *nodes, KmlTurn *node)
{
  return (KmlTurn *)(gpointer)((guint8 *)node + ((guint8 *)node - (const guint8 *)nodes));
}

/* It comes to @node, or to where it belongs below … */
static inline void
kml_turns_sink (KmlTurns *self, KmlTurn *node, KmlTurn turn)
{
  KmlTurn *nodes = self->nodes, *last = self->last, **places = self->places;
  KmlTurn *child;

  for (child = kml_turns_below (nodes, node); child <= last;
       child = kml_turns_below (nodes, node)) {
    child += child[1] < child[0]; /* which nobody can foresee: not a branch */
    if (turn < *child)
      break;
    *node = *child;
    places[kml_turn_who (*child)] = node;
    node = child;
  }
  *node = turn;
  places[kml_turn_who (turn)] = node;
}

/* … or above. */
static inline void
kml_turns_rise (KmlTurns *self, KmlTurn *node, KmlTurn turn)
{
  KmlTurn *nodes = self->nodes, **places = self->places;

  while (node > nodes + 1) {
    KmlTurn *above = nodes + (gsize)(node - nodes) / 2;

    if (turn > *above)
      break;
    *node = *above;
    places[kml_turn_who (*above)] = node;
    node = above;
  }
  *node = turn;
  places[kml_turn_who (turn)] = node;
}

static inline gsize
kml_turns_n (const KmlTurns *self)
{
  return (gsize)(self->last - self->nodes);
}

/* Of one who has none. */
static inline void
kml_turns_add (KmlTurns *self, KmlTurn turn)
{
  kml_turns_rise (self, ++self->last, turn);
}

/* Of one who has a later one. */
static inline void
kml_turns_bring_forward (KmlTurns *self, KmlTurn turn)
{
  kml_turns_rise (self, self->places[kml_turn_who (turn)], turn);
}

/* That of @who, who has one, is taken back. */
static inline void
kml_turns_remove (KmlTurns *self, guint who)
{
  KmlTurn *node = self->places[who];
  const KmlTurn last = *self->last;

  *self->last-- = KML_TURN_NEVER;
  if (node > self->last)
    return;
  kml_turns_sink (self, node, last);
  kml_turns_rise (self, self->places[kml_turn_who (last)], last);
}

/* There is one, and the first is taken, … */
static inline void
kml_turns_take (KmlTurns *self)
{
  const KmlTurn last = *self->last;

  *self->last-- = KML_TURN_NEVER;
  if (self->last > self->nodes)
    kml_turns_sink (self, self->nodes + 1, last);
}

/* … and another one set, which is not before it, of who has none. */
static inline void
kml_turns_take_and_add (KmlTurns *self, KmlTurn turn)
{
  kml_turns_sink (self, self->nodes + 1, turn);
}

/* For all who are below @n_whos. */
static inline void
kml_turns_make_room (KmlTurns *self, guint n_whos)
{
  KmlTurns old = *self;
  KmlTurn *nodes;

  if (n_whos <= old.n_room)
    return;
  g_assert (n_whos <= 1u << KML_WHO_BITS);
  self->n_room = MAX (n_whos, 2 * old.n_room);
  self->block = nodes = aligned_alloc (64, kml_turns_size (self));
  g_assert (nodes != NULL);
  self->nodes = self->last = nodes + 2;
  self->places = (KmlTurn **)(gpointer)(nodes + self->n_room + KML_TURNS_PADDING);
  for (guint i = 0; i < self->n_room + KML_TURNS_PADDING; i++)
    nodes[i] = KML_TURN_NEVER;
  for (guint i = 0; i < self->n_room; i++)
    self->places[i] = NULL;
  for (const KmlTurn *node = old.nodes; node != old.last; node++)
    kml_turns_add (self, node[1]);
  if (old.block != old.kept)
    free (old.block);
}

/* The block stays, for who puts all of this back as it is now … */
static inline void
kml_turns_keep (KmlTurns *self)
{
  self->kept = self->block;
}

/* … and is about to: a larger one is no longer needed. */
static inline void
kml_turns_drop_room (KmlTurns *self)
{
  if (self->block != self->kept)
    free (self->block);
}

static inline void
kml_turns_init (KmlTurns *self, guint n_whos)
{
  *self = (KmlTurns){ 0 };
  kml_turns_make_room (self, n_whos);
}

static inline void
kml_turns_finish (KmlTurns *self)
{
  kml_turns_drop_room (self);
  free (self->kept);
}

G_END_DECLS
