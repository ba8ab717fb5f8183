/* agenda.c: what happens when, as a ladder queue on top of a sorted array.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Wai Teng Tang, Rick Siow Mong Goh and Ian Li-Jin Thng, "Ladder Queue: An O(1)
 * Priority Queue Structure for Large-Scale Discrete Event Simulation", ACM
 * TOMACS 15(3), July 2005. The idea: sort nothing that is still far away.
 *
 * 1. The parts, from the soonest events to the latest
 *
 *   bottom   a short sorted array, the soonest events; taking is reading its head
 *   rungs    each is a row of buckets of equal width in time. A bucket is a list
 *            in order of arrival. The deepest rung comes first; it refines one
 *            bucket of the rung above it (or a bottom that got too long)
 *   top      one list in order of arrival: whatever is later than every rung
 *
 *            now    bottom_end                                       top_start
 *     bottom  |..x.xx.|
 *     rung 1          |.x.|...|x..|xx.|                                  |
 *     rung 0          :               |..xxx..|.......|x...x..|..x....|.x|
 *     top                                                                |x.. x.x ...
 *
 * An event is put where its time falls: one comparison for the bottom, one for
 * the top, a binary search by the ends of the rungs and a shift for the rest.
 * When the bottom is empty it is refilled from the next bucket that is not. A
 * bucket (or a top) of more than BOTTOM_REFILL events is not sorted but spread
 * over a new rung, whose buckets are a fraction of its width. When there are no
 * rungs and the top is short, the bottom takes it all and the agenda is simply
 * a sorted array, until that holds more than BOTTOM_MAX.
 *
 * 2. Ends
 *
 * A part with the end E accepts new events of times < E and holds none of a
 * time > E. So an event that has exactly the time E may be in the part (it was
 * there when the end was drawn) while a later one of the same time goes to
 * the part behind it, which is where it belongs. Because E itself need not be
 * exclusive, no end is ever 2^64 and no sum overflows: the differences in
 * bucket computations are of times in the same rung, and never negative.
 *
 * 3. Ties
 *
 * There is no sequence number in an event. Lists are in order of arrival, are
 * spread from their head on, and the bottom's insertion goes behind its equals:
 * all stable. A later arrival never overtakes, because of two events of
 * one time the later is in the same list or in a part behind (see 2).
 *
 * 4. What is guaranteed, whatever the times are
 *
 *   - The bottom never holds more than BOTTOM_MAX events, so an insertion moves
 *     at most that many. The paper has a fixed number of rungs and a bottom that
 *     grows when they are used up (all events at one time); here the rungs are
 *     not limited, and a bucket of one single time, which no rung can
 *     refine, is given to the bottom in portions of BOTTOM_REFILL.
 *   - A rung made of n events has more than n / 2 buckets (or buckets of width 1)
 *     and at most n, so that each rung is at least BOTTOM_REFILL / 2 times finer
 *     than the bucket it is made of: an event is spread at most 64 / 4 times on
 *     its way to the bottom.
 *   - A bottom that spills had BOTTOM_MAX - BOTTOM_REFILL insertions since it was
 *     filled: its cost per insertion is bounded too. This happens when many
 *     events are scheduled before one that has been looked at, or taken from
 *     a bucket that is wide for them: "95 % of increments are 40 ticks, 5 %
 *     are 1000000".
 *   - Ever earlier events, each looked at, make a rung of every BOTTOM_MAX of them
 *     (a million events: 20833 rungs). Rungs are found by bisection, so that this
 *     costs a logarithm and not a collapse.
 *   - Memory: 24 bytes for each event of the fullest moment and 4 bytes for each
 *     rung that it has been spread on, rounded up by doubling. Nodes are recycled
 *     and the buckets of all rungs are one stack: a steady state allocates nothing.
 *     Only kml_agenda_free() gives anything back.
 *
 * 5. The roads not taken
 *
 * Nanoseconds an event in the hold model (take the earliest, schedule it again at an
 * exponential distance), one Zen 4 core; prototypes, each inlined into its loop:
 *
 *   pending               4   64    1k   64k
 *   sorted array          5   26   319     -   the best up to about 32: it is our bottom
 *   4-ary heap            9   22    33    70   its moves are branches that nobody can predict
 *   pairing heap          9   42    71   229   a cache miss a link
 *   calendar queue       20   17    21    34   but see below
 *   ladder queue         13    9     9    25
 *   this file            14   22    22    37   not inlined, increments drawn at random, all checks
 *
 * A calendar queue has one bucket width, which can fit one scale of time only:
 * with the two scales named in 4 and 64k pending it took more than 20 s for what
 * the others did in a tenth of a second. tests/bench/bench-agenda.c measures
 * this file, beside other simulators.
 *
 * Bucket widths are powers of two: a shift, where the paper divides. Lists are
 * singly linked rings of 32-bit node numbers known by their tail, so that a bucket
 * is 4 bytes; 2^32 - 1 events may be pending outside the bottom. Events cannot be
 * cancelled: a scheduler that changes its mind ignores the event when it comes,
 * which costs the agenda nothing.
 *
 * 6. Invariants, verified by kml_agenda_check() in agenda-check.c
 *
 *   G1  the bottom is sorted, begins no earlier than now, ends no later than bottom_end
 *       and is at most BOTTOM_MAX long
 *   G2  every event of a rung is in the bucket of its time, and none before the rung's
 *       current bucket
 *   G3  no event of a part comes before the end of the part in front of it, or after its own
 *   G4  the counts are right, and each node is in one list, the free one included
 */

#include <string.h>

#include "simcore/agenda-private.h"

/* Nodes, rings, chains */

G_GNUC_NO_INLINE static void
grow_nodes (KmlAgenda *self)
{
  const guint32 n_old = self->n_nodes;
  const guint32 n_new = n_old < NONE / 2 ? MAX (2 * n_old, 64) : NONE;

  g_assert (n_old < n_new);
  self->nodes = g_renew (Node, self->nodes, n_new);
  self->n_nodes = n_new;
  for (guint32 i = n_old; i < n_new; i++)
    self->nodes[i].next = i + 1 < n_new ? i + 1 : NONE;
  self->free_nodes = n_old;
}

static inline guint32
new_node (KmlAgenda *self, KmlEvent event)
{
  guint32 node;

  if (G_UNLIKELY (self->free_nodes == NONE))
    grow_nodes (self);
  node = self->free_nodes;
  self->free_nodes = self->nodes[node].next;
  self->nodes[node].event = event;
  return node;
}

static inline void
ring_append (Node *nodes, Ring *ring, guint32 node)
{
  const guint32 tail = *ring;

  if (tail == NONE) {
    nodes[node].next = node;
  } else {
    nodes[node].next = nodes[tail].next;
    nodes[tail].next = node;
  }
  *ring = node;
}

static Chain
ring_to_chain (Node *nodes, Ring *ring)
{
  const guint32 tail = *ring;
  Chain head = NONE;

  if (tail != NONE) {
    head = nodes[tail].next;
    nodes[tail].next = NONE;
    *ring = NONE;
  }
  return head;
}

/* Top */

static inline void
append_to_top (KmlAgenda *self, guint32 node)
{
  const KmlTime time = self->nodes[node].event.time;

  ring_append (self->nodes, &self->top, node);
  self->n_top++;
  self->top_min = MIN (self->top_min, time);
  self->top_max = MAX (self->top_max, time);
}

static Chain
empty_top (KmlAgenda *self)
{
  self->n_top = 0;
  self->top_min = KML_TIME_MAX;
  self->top_max = 0;
  return ring_to_chain (self->nodes, &self->top);
}

/* Rungs */

/* What the buckets after @bucket hold is not before this. */
static KmlTime
bucket_end (const Rung *rung, gsize bucket)
{
  return bucket < rung_bucket (rung, rung->end)
             ? rung->start + ((KmlTime)(bucket - rung->first_bucket + 1) << rung->shift)
             : rung->end;
}

static inline void
append_to_rung (KmlAgenda *self, Rung *rung, guint32 node)
{
  const gsize bucket = rung_bucket (rung, self->nodes[node].event.time);

  ring_append (self->nodes, &self->buckets[bucket], node);
  rung->n_events++;
}

/* The deepest rung that accepts @time; there is one, as it is not for the top. */
static inline Rung *
find_rung (const KmlAgenda *self, KmlTime time)
{
  guint low = 0;
  guint high = self->n_rungs - 1;

  while (low < high) {
    const guint middle = high - (high - low) / 2;

    if (time < self->rungs[middle].end)
      low = middle;
    else
      high = middle - 1;
  }
  return &self->rungs[low];
}

/* An empty rung below all the others for @n_events from @start to @end. The bottom, which is empty,
 * then accepts what is before it. */
static Rung *
push_rung (KmlAgenda *self, KmlTime start, KmlTime end, guint64 n_events)
{
  const KmlTime span = end - start;
  Rung *rung;
  gsize n_buckets;
  guint shift = 0;

  while (span >> shift >= n_events)
    shift++;
  n_buckets = (gsize)(span >> shift) + 1;

  if (self->n_buckets + n_buckets > self->buckets_size) {
    self->buckets_size = MAX (2 * self->buckets_size, self->n_buckets + n_buckets);
    self->buckets = g_renew (Ring, self->buckets, self->buckets_size);
  }
  memset (self->buckets + self->n_buckets, 0xff, n_buckets * sizeof (Ring)); /* NONE */

  if (self->n_rungs == self->rungs_size) {
    self->rungs_size = MAX (2 * self->rungs_size, 8);
    self->rungs = g_renew (Rung, self->rungs, self->rungs_size);
  }
  rung = &self->rungs[self->n_rungs];
  *rung = (Rung){
    .start = start,
    .end = end,
    .shift = shift,
    .first_bucket = self->n_buckets,
    .current_bucket = self->n_buckets,
  };
  if (self->n_rungs == 0)
    self->top_start = end;
  self->n_rungs++;
  self->n_buckets += n_buckets;
  self->bottom_end = start;
  return rung;
}

static void
pop_rung (KmlAgenda *self)
{
  self->n_rungs--;
  self->n_buckets = self->rungs[self->n_rungs].first_bucket;
  if (self->n_rungs == 0)
    self->top_start = 0;
}

static void
spread_chain (KmlAgenda *self, Chain chain, Rung *rung)
{
  while (chain != NONE) {
    const guint32 node = chain;

    chain = self->nodes[node].next;
    append_to_rung (self, rung, node);
  }
}

/* Bottom */

static inline KmlEvent
bottom_event (const KmlAgenda *self, guint at)
{
  return (KmlEvent){ .time = self->bottom_times[at], .what = self->bottom_whats[at] };
}

static inline void
insert_in_bottom (KmlAgenda *self, KmlEvent event)
{
  guint at = self->tail++;

  for (; self->bottom_times[at - 1] > event.time; at--) {
    self->bottom_times[at] = self->bottom_times[at - 1];
    self->bottom_whats[at] = self->bottom_whats[at - 1];
  }
  self->bottom_times[at] = event.time;
  self->bottom_whats[at] = event.what;
}

/* Moves the nodes of @chain, all or the first BOTTOM_REFILL of them, to the empty bottom. */
static Chain
chain_to_bottom (KmlAgenda *self, Chain chain)
{
  guint n_left = BOTTOM_REFILL;

  self->head = self->tail = 1;
  for (; chain != NONE && n_left > 0; n_left--) {
    const guint32 node = chain;

    chain = self->nodes[node].next;
    insert_in_bottom (self, self->nodes[node].event);
    self->nodes[node].next = self->free_nodes;
    self->free_nodes = node;
  }
  return chain;
}

static void
move_bottom_to_left (KmlAgenda *self)
{
  const guint n_events = self->tail - self->head;

  memmove (&self->bottom_times[1], &self->bottom_times[self->head], n_events * sizeof (KmlTime));
  memmove (&self->bottom_whats[1], &self->bottom_whats[self->head], n_events * sizeof (guint64));
  self->head = 1;
  self->tail = 1 + n_events;
}

/* The bottom was everything: start the ladder. Its events become the top, in front of those of the
 * time 2^64 - 1 that it would not accept. Everything is for the top then until the next refill. */
static void
spill_bottom_to_top (KmlAgenda *self)
{
  Chain rest = empty_top (self);

  for (guint i = self->head; i < self->tail; i++)
    append_to_top (self, new_node (self, bottom_event (self, i)));
  while (rest != NONE) {
    const guint32 node = rest;

    rest = self->nodes[node].next;
    append_to_top (self, node);
  }
  self->bottom_end = 0;
  self->head = self->tail = 1;
}

static void
spread_bottom (KmlAgenda *self, Rung *rung)
{
  for (guint i = self->head; i < self->tail; i++)
    append_to_rung (self, rung, new_node (self, bottom_event (self, i)));
  self->head = self->tail = 1;
}

/* Empties the bottom, which has become too long. */
G_GNUC_NO_INLINE static void
spill_bottom (KmlAgenda *self)
{
  /* A rung without events need not stay above the one to be made: the bottom speaks for it. */
  while (self->n_rungs > 0 && self->rungs[self->n_rungs - 1].n_events == 0) {
    self->bottom_end = self->rungs[self->n_rungs - 1].end;
    pop_rung (self);
  }
  if (self->n_rungs == 0)
    spill_bottom_to_top (self);
  else
    spread_bottom (self, push_rung (self, self->bottom_times[self->head], self->bottom_end,
                                    self->tail - self->head));
}

/* All of the top to the bottom when they are few, else to a rung. */
static void
refill_from_top (KmlAgenda *self)
{
  const guint64 n_events = self->n_top;
  const KmlTime min = self->top_min;
  const KmlTime max = self->top_max;
  const Chain chain = empty_top (self);

  if (n_events <= BOTTOM_REFILL) {
    chain_to_bottom (self, chain);
    self->bottom_end = KML_TIME_MAX;
  } else {
    spread_chain (self, chain, push_rung (self, min, max, n_events));
  }
}

/* The bucket is of one single time: as much of it as the bottom may hold. */
static void
refill_from_instant (KmlAgenda *self, Rung *rung)
{
  Ring *ring = &self->buckets[rung->current_bucket];
  const guint32 tail = *ring;
  const Chain rest = chain_to_bottom (self, ring_to_chain (self->nodes, ring));

  rung->n_events -= self->tail - self->head;
  if (rest != NONE) {
    self->nodes[tail].next = rest;
    *ring = tail;
    self->bottom_end = rung->start + (rung->current_bucket - rung->first_bucket);
  } else {
    self->bottom_end = bucket_end (rung, rung->current_bucket);
    rung->current_bucket++;
  }
}

/* All of the bucket to the bottom when they are few, else to a rung from its first event to its
 * last. What is scheduled behind that last one still goes to the bucket, which stays current.
 * Whether they are few is found by moving them: counting first would be a second walk of a length
 * that no CPU can predict. */
static void
refill_from_bucket (KmlAgenda *self, Rung *rung)
{
  const Chain chain = ring_to_chain (self->nodes, &self->buckets[rung->current_bucket]);
  const Chain rest = chain_to_bottom (self, chain);
  guint64 n_events = self->tail - self->head;
  KmlTime min;
  KmlTime max;

  if (G_LIKELY (rest == NONE)) {
    rung->n_events -= n_events;
    self->bottom_end = bucket_end (rung, rung->current_bucket);
    rung->current_bucket++;
    return;
  }

  min = self->bottom_times[self->head];
  max = self->bottom_times[self->tail - 1];
  for (Chain i = rest; i != NONE; i = self->nodes[i].next) {
    min = MIN (min, self->nodes[i].event.time);
    max = MAX (max, self->nodes[i].event.time);
    n_events++;
  }
  rung->n_events -= n_events;
  rung = push_rung (self, min, max, n_events);
  spread_bottom (self, rung);
  spread_chain (self, rest, rung);
}

/* Fills the empty bottom with the earliest events of all. FALSE: there are none. */
G_GNUC_NO_INLINE static gboolean
refill_bottom (KmlAgenda *self)
{
  if (self->length == 0)
    return FALSE;

  self->head = self->tail = 1;
  while (self->head == self->tail) {
    while (self->n_rungs > 0 && self->rungs[self->n_rungs - 1].n_events == 0)
      pop_rung (self);
    if (self->n_rungs == 0) {
      refill_from_top (self);
    } else {
      Rung *rung = &self->rungs[self->n_rungs - 1];

      while (self->buckets[rung->current_bucket] == NONE)
        rung->current_bucket++;
      if (rung->shift == 0)
        refill_from_instant (self, rung);
      else
        refill_from_bucket (self, rung);
    }
  }
  return TRUE;
}

/* The agenda */

KmlAgenda *
kml_agenda_new (void)
{
  KmlAgenda *self = g_new0 (KmlAgenda, 1);

  self->bottom_end = KML_TIME_MAX;
  self->head = self->tail = 1;
  self->top = NONE;
  self->top_min = KML_TIME_MAX;
  self->free_nodes = NONE;
  return self;
}

void
kml_agenda_free (KmlAgenda *self)
{
  if (self == NULL)
    return;
  g_free (self->rungs);
  g_free (self->buckets);
  g_free (self->nodes);
  g_free (self);
}

void
kml_agenda_schedule (KmlAgenda *self, KmlTime time, guint64 what)
{
  const KmlEvent event = { .time = time, .what = what };

  g_assert (time >= self->now);

  self->length++;
  if (time < self->bottom_end) {
    if (G_LIKELY (self->tail - self->head < BOTTOM_MAX)) {
      if (G_UNLIKELY (self->tail == BOTTOM_SIZE))
        move_bottom_to_left (self);
      insert_in_bottom (self, event);
      return;
    }
    spill_bottom (self);
    if (time < self->bottom_end) {
      insert_in_bottom (self, event);
      return;
    }
  }

  if (time >= self->top_start)
    append_to_top (self, new_node (self, event));
  else
    append_to_rung (self, find_rung (self, time), new_node (self, event));
}

gboolean
kml_agenda_take (KmlAgenda *self, KmlEvent *ret_event)
{
  if (self->head == self->tail && !refill_bottom (self))
    return FALSE;
  *ret_event = bottom_event (self, self->head++);
  self->now = ret_event->time;
  self->length--;
  return TRUE;
}

KmlTime
kml_agenda_next_time (KmlAgenda *self)
{
  if (self->head == self->tail && !refill_bottom (self))
    return KML_TIME_MAX;
  return self->bottom_times[self->head];
}

guint64
kml_agenda_length (const KmlAgenda *self)
{
  return self->length;
}
