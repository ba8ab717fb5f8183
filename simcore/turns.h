/* turns.h: which CPU goes on next.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A CPU that has stopped goes on at one time, and there are few CPUs. So their times are not in the agenda, which is made for many events
 * and keeps what was set anew, but in a tournament (D. E. Knuth, The Art of Computer Programming 3, 5.4.1): a binary tree whose leaves are CPUs,
 * and each inner node has the earlier turn of the two below it.
 *
 *            1: 20              CPU    0    1    2    3
 *           /     \             leaf   4    5    6    7
 *       2: 20     3: 30         time  20   40   30   50
 *       /   \     /   \
 *      20   40   30   50        a new time for CPU 0: two games are played again, of 256 CPUs eight
 *
 * Nothing is searched and no branch depends on who wins. A turn is one number: time, then the order in which they were set, which is
 * never the same twice, then the CPU.
 */

#pragma once

#include "simcore/machine.h"

G_BEGIN_DECLS

typedef unsigned __int128 KmlTurn; /* time << 64 | order << 8 | cpu */

#define KML_TURN_NEVER (~(KmlTurn)0)

G_STATIC_ASSERT (KML_MAX_CPUS <= 1 << 8);

typedef struct {
  KmlTurn
      *nodes; /* (owned) (array length=2*n_leaves): from 1 on; the children of i are 2i and 2i+1 */
  guint n_leaves; /* a power of two */
} KmlTurns;

static inline KmlTurn
kml_turn (KmlTime time, guint64 order, guint cpu)
{
  return (KmlTurn)time << 64 | order << 8 | cpu;
}

static inline KmlTime
kml_turn_time (KmlTurn turn)
{
  return (KmlTime)(turn >> 64);
}

static inline guint
kml_turn_cpu (KmlTurn turn)
{
  return (guint)turn & 0xff;
}

static inline void
kml_turns_init (KmlTurns *self, guint n_cpus)
{
  self->n_leaves = 1;
  while (self->n_leaves < n_cpus)
    self->n_leaves *= 2;
  self->nodes = g_new (KmlTurn, 2 * self->n_leaves);
  for (guint i = 0; i < 2 * self->n_leaves; i++)
    self->nodes[i] = KML_TURN_NEVER;
}

static inline void
kml_turns_finish (KmlTurns *self)
{
  g_free (self->nodes);
}

/* The earliest; KML_TURN_NEVER: there is none. */
static inline KmlTurn
kml_turns_first (const KmlTurns *self)
{
  return self->nodes[1];
}

static inline void
kml_turns_set (KmlTurns *self, guint cpu, KmlTurn turn)
{
  guint node = self->n_leaves + cpu;

  self->nodes[node] = turn;
  while (node > 1) {
    const KmlTurn other = self->nodes[node ^ 1];

    turn = other < turn ? other : turn;
    node /= 2;
    self->nodes[node] = turn;
  }
}

G_END_DECLS
