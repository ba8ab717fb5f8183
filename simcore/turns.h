/* turns.h: which CPU goes on next.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A CPU that has stopped goes on at one time, and there are few CPUs. So their times are not in the agenda, which is made for many events
 * and keeps what was set anew, but in a tournament (D. E. Knuth, The Art of Computer Programming 3, 5.4.1): a tree whose leaves are CPUs,
 * and each inner node has the earliest turn of the four below it, which are one line of the host's cache.
 *
 *         0    1    2    3             the top: the earliest of 16 CPUs each
 *       ╱    ╲
 *     4 5 6 7   8 9 10 11  …           of four CPUs each; then the leaves of 64. Of four CPUs the top is the leaves
 *
 * The CPU that runs has no turn, and the first of the others is kept. When one stops there is nothing to be found: the first goes on, and who is first of the rest
 * is the earliest of those that it meets on its way up.
 *
 * Who gets a turn, or an earlier one, while others have theirs, goes up only as far as it is the earliest.
 *
 * Nothing is searched, and but for that no branch depends on who wins. A turn is one number: time, then the order in which they were set, which is
 * never the same twice, then the CPU.
 *
 * Invariant:
 *   T1  first is the earliest of all leaves but that of the CPU that runs, whose leaf is of no account
 */

#pragma once

#include <stdlib.h>

#include "simcore/machine.h"

G_BEGIN_DECLS

typedef unsigned __int128 KmlTurn; /* time << 64 | order << 8 | cpu */

#define KML_TURN_NEVER (~(KmlTurn)0) /* and any other at KML_TIME_MAX */

G_STATIC_ASSERT (KML_MAX_CPUS <= 1 << 8);

typedef struct {
  KmlTurn first;
  KmlTurn *
      nodes; /* (owned) (array length=n_nodes): below node i are 4 (i + 1) and the three behind it */
  guint n_nodes;
  guint first_leaf;
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
  guint n_leaves = 4;

  self->first = KML_TURN_NEVER;
  self->first_leaf = 0;
  for (; n_leaves < n_cpus; n_leaves *= 4)
    self->first_leaf = 4 * (self->first_leaf + 1);
  self->n_nodes = self->first_leaf + n_leaves;
  self->nodes = aligned_alloc (64, self->n_nodes * sizeof *self->nodes);
  g_assert (self->nodes != NULL);
  for (guint i = 0; i < self->n_nodes; i++)
    self->nodes[i] = KML_TURN_NEVER;
}

static inline void
kml_turns_finish (KmlTurns *self)
{
  free (self->nodes);
}

/* The earliest of CPUs that do not run; KML_TURN_NEVER: there is none. */
static inline KmlTurn
kml_turns_first (const KmlTurns *self)
{
  return self->first;
}

/* Of a CPU that has stopped: not before the first … */
static inline void
kml_turns_stop_behind (KmlTurns *self, guint cpu, KmlTurn turn)
{
  guint node = self->first_leaf + cpu;

  self->nodes[node] = turn;
  for (; node >= 4; self->nodes[node] = turn) {
    const KmlTurn *of_parent = &self->nodes[node & ~3u];
    const KmlTurn left = MIN (of_parent[0], of_parent[1]);
    const KmlTurn right = MIN (of_parent[2], of_parent[3]);

    turn = MIN (left, right);
    node = node / 4 - 1;
  }
}

/* … or at any time. */
static inline void
kml_turns_stop (KmlTurns *self, guint cpu, KmlTurn turn)
{
  self->first = MIN (self->first, turn);
  kml_turns_stop_behind (self, cpu, turn);
}

/* Of one that does not run, and has none, or a later one. What lies above the CPU that runs need not be right: that one's stop makes it so. */
static inline void
kml_turns_set (KmlTurns *self, guint cpu, KmlTurn turn)
{
  guint node = self->first_leaf + cpu;

  self->first = MIN (self->first, turn);
  self->nodes[node] = turn;
  for (; node >= 4 && turn < self->nodes[node / 4 - 1]; self->nodes[node] = turn)
    node = node / 4 - 1;
}

/* The CPU has stopped, without a turn. */
static inline void
kml_turns_leave (KmlTurns *self, guint cpu)
{
  if (kml_turn_time (self->nodes[self->first_leaf + cpu]) != KML_TIME_MAX)
    kml_turns_stop_behind (self, cpu, KML_TURN_NEVER);
}

/* The CPU runs from now on. Returns when the first of the others goes on. */
static inline KmlTime
kml_turns_run (KmlTurns *self, guint cpu)
{
  guint node = self->first_leaf + cpu;
  KmlTurn first = KML_TURN_NEVER;

  for (;; node = node / 4 - 1) {
    const KmlTurn *nodes = self->nodes;
    KmlTurn other = nodes[node ^ 1];

    first = MIN (first, other);
    other = nodes[node ^ 2];
    first = MIN (first, other);
    other = nodes[node ^ 3];
    first = MIN (first, other);
    if (node < 4)
      break;
  }
  self->first = first;
  return kml_turn_time (first);
}

/* A CPU that does not run has no turn any more, and none does run. */
static inline void
kml_turns_forget (KmlTurns *self, guint cpu)
{
  KmlTurn first = KML_TURN_NEVER;

  kml_turns_stop_behind (self, cpu, KML_TURN_NEVER);
  for (guint i = 0; i < 4; i++)
    first = MIN (first, self->nodes[i]);
  self->first = first;
}

G_END_DECLS
