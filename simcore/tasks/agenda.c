/* agenda.c: what happens when, as a ladder queue below which a few events are kept in order.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Wai Teng Tang, Rick Siow Mong Goh and Ian Li-Jin Thng, "Ladder Queue: An O(1)
 * Priority Queue Structure for Large-Scale Discrete Event Simulation", ACM
 * TOMACS 15(3), July 2005. The idea: sort nothing that is still far away.
 *
 * 1. The parts, from the soonest events to the latest
 *
 *   bottom   the soonest events in order, sixteen at most (agenda-bottom.h)
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
 * When the bottom is empty it is refilled from the next bucket that is not, which one
 * bit for each bucket tells. A bucket (or a top) of more events than go into the
 * bottom is not sorted but spread over a new rung, whose buckets are a fraction of
 * its width. When there are no rungs and the top is short, the bottom takes it
 * all and the agenda is simply a bottom, until that is full.
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
 * spread from their head on, and what is inserted in the bottom goes behind its equals:
 * all stable. A later arrival never overtakes, because of two events of
 * one time the later is in the same list or in a part behind (see 2).
 *
 * 4. What is guaranteed, whatever the times are
 *
 *   - The paper has a fixed number of rungs and a bottom that grows when they are used
 *     up (all events at one time). Here the bottom never grows; the rungs are not
 *     limited, and a bucket of one single time, which no rung can refine, is given to
 *     the bottom in portions of BOTTOM_SLOTS / 2.
 *   - A rung made of n events has more than n / 2 buckets (or buckets of width 1), so that
 *     each rung is at least BOTTOM_SLOTS / 2 times finer than the bucket it is made
 *     of: an event is spread at most 64 / 3 times on its way to the bottom.
 *   - An insertion that finds the bottom full moves its BOTTOM_SLOTS events to a rung, and no
 *     more than those. This happens when many events are scheduled before one that
 *     has been looked at, or taken from a bucket that is wide for them: "95 % of
 *     increments are 40 ticks, 5 % are 1000000".
 *   - Ever earlier events, each looked at, make a rung of every BOTTOM_SLOTS of them (a
 *     million events: 62500 rungs). Rungs are found by bisection, so that this costs
 *     a logarithm and not a collapse.
 *   - Memory: 24 bytes for each event of the fullest moment, and for each rung that it has been
 *     spread on 4 to 8 bytes, or 320 by rung if that is more, rounded up by doubling.
 *     Nodes are recycled and the buckets of all rungs are one stack: a steady state
 *     allocates nothing. Only kml_agenda_free() gives anything back.
 *
 * 5. The roads not taken
 *
 * Nanoseconds an event in the hold model (take the earliest, schedule it again at an
 * exponential distance), one Zen 5 core; all but the last two prototypes, each inlined into
 * its loop, whose increments repeat so that the CPU learns its branches:
 *
 *   pending               4   64    1k   64k
 *   sorted array          5   26   319     -
 *   4-ary heap            9   22    33    70   its moves are branches that nobody can predict
 *   pairing heap          9   42    71   229   a cache miss a link
 *   calendar queue       20   17    21    34   but see below
 *   ladder queue         13    9     9    25
 *   array below ladder   15   23    22    32   not inlined, increments drawn at random, all checks
 *   this file             8   19    18    30   likewise
 *
 * A branch that nobody can predict costs 8 ns here, half of what is spent on an event:
 * hence a bottom without a search, appending to a bucket without asking whether it is
 * empty, and bits instead of a walk over empty buckets. Buckets for four events
 * each, so that fewer refills are needed, are slower by 1.3 to 1.5.
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
 *   G1  the bottom is in order, begins no earlier than now and ends no later than bottom_end
 *   G2  every event of a rung is in the bucket of its time, and none before the rung's
 *       current bucket
 *   G3  no event of a part comes before the end of the part in front of it, or after its own
 *   G4  the counts are right, and each node is in one list, the free one included
 *   G5  the bottom's order is a permutation, and nothing in a free slot is later than now
 */

#include <string.h>

#include "simcore/tasks/agenda-private.h"

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
new_node (KmlAgenda *self, KmlTime time, guint64 what)
{
  guint32 node;

  if (G_UNLIKELY (self->free_nodes == NONE))
    grow_nodes (self);
  node = self->free_nodes;
  self->free_nodes = self->nodes[node].next;
  self->nodes[node].time = time;
  self->nodes[node].what = what;
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
  const KmlTime time = self->nodes[node].time;

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

/* ring_append() without a branch, as nobody can predict which bucket is empty: a ring that is empty
 * begins as one of @node alone, to which @node is then appended. */
static inline void
append_to_rung (KmlAgenda *self, Rung *rung, guint32 node)
{
  const gsize bucket = rung_bucket (rung, self->nodes[node].time);
  guint64 *word = &self->occupied[bucket / 64];
  const guint32 tail = self->buckets[bucket];
  const guint32 keep_tail = -(guint32)(*word >> bucket % 64 & 1); /* all bits or none */
  const guint32 last = (tail & keep_tail) | (node & ~keep_tail);

  self->nodes[node].next = node;
  self->nodes[node].next = self->nodes[last].next;
  self->nodes[last].next = node;
  self->buckets[bucket] = node;
  *word |= G_GUINT64_CONSTANT (1) << bucket % 64;
}

/* The first bucket of the deepest rung that is not empty, NO_BUCKET when all are. */
static inline gsize
find_bucket (const KmlAgenda *self)
{
  const Rung *rung = &self->rungs[self->n_rungs - 1];

  for (gsize word = rung->current_bucket / 64; word < self->n_buckets / 64; word++)
    if (self->occupied[word] != 0)
      return 64 * word + (gsize)__builtin_ctzll (self->occupied[word]);
  return NO_BUCKET;
}

static Chain
empty_bucket (KmlAgenda *self, gsize bucket)
{
  self->occupied[bucket / 64] &= ~(G_GUINT64_CONSTANT (1) << bucket % 64);
  return ring_to_chain (self->nodes, &self->buckets[bucket]);
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
  guint64 n_wanted = n_events;
  gsize n_buckets;
  guint shift = 0;

  if (n_events >= MANY_EVENTS)
    n_wanted *= 2;
  while (span >> shift >= n_wanted)
    shift++;
  n_buckets = (gsize)(span >> shift) + 1;

  n_buckets = (n_buckets + 63) / 64 * 64; /* whole words of bits */
  if (self->n_buckets + n_buckets > self->buckets_size) {
    self->buckets_size = MAX (2 * self->buckets_size, self->n_buckets + n_buckets);
    self->buckets = g_renew (Ring, self->buckets, self->buckets_size);
    self->occupied = g_renew (guint64, self->occupied, self->buckets_size / 64);
  }
  memset (self->occupied + self->n_buckets / 64, 0, n_buckets / 8);

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

static inline void
free_node (KmlAgenda *self, guint32 node)
{
  self->nodes[node].next = self->free_nodes;
  self->free_nodes = node;
}

/* Moves the events of @chain, which has some, to the empty bottom: all or the first @n_max of them.
 * Returns the rest. */
static inline Chain
chain_to_bottom (KmlAgenda *self, Chain chain, guint n_max)
{
  guint32 node = chain;

  chain = self->nodes[node].next;
  bottom_insert_first (&self->bottom, self->nodes[node].time, self->nodes[node].what);
  free_node (self, node);
  while (chain != NONE && self->bottom.n_events < n_max) {
    node = chain;
    chain = self->nodes[node].next;
    bottom_insert (&self->bottom, self->nodes[node].time, self->nodes[node].what);
    free_node (self, node);
  }
  self->n_outside -= self->bottom.n_events;
  return chain;
}

static guint32
new_node_of_bottom (KmlAgenda *self, guint rank)
{
  const guint slot = bottom_slot (&self->bottom, rank);

  return new_node (self, self->bottom.times[slot], self->bottom.whats[slot]);
}

/* The bottom was everything: start the ladder. Its events become the top, in front of those of the
 * time 2^64 - 1 that it would not accept. Everything is for the top then until the next refill. */
static void
spill_bottom_to_top (KmlAgenda *self)
{
  Chain rest = empty_top (self);

  for (guint i = 0; i < self->bottom.n_events; i++)
    append_to_top (self, new_node_of_bottom (self, i));
  while (rest != NONE) {
    const guint32 node = rest;

    rest = self->nodes[node].next;
    append_to_top (self, node);
  }
  self->bottom_end = 0;
  self->n_outside += self->bottom.n_events;
  bottom_clear (&self->bottom);
}

static void
spread_bottom (KmlAgenda *self, Rung *rung)
{
  for (guint i = 0; i < self->bottom.n_events; i++)
    append_to_rung (self, rung, new_node_of_bottom (self, i));
  self->n_outside += self->bottom.n_events;
  bottom_clear (&self->bottom);
}

/* Empties the bottom, which is full. */
G_GNUC_NO_INLINE static void
spill_bottom (KmlAgenda *self)
{
  /* A rung without events need not stay above the one to be made: the bottom speaks for it. */
  while (self->n_rungs > 0 && find_bucket (self) == NO_BUCKET) {
    self->bottom_end = self->rungs[self->n_rungs - 1].end;
    pop_rung (self);
  }
  if (self->n_rungs == 0)
    spill_bottom_to_top (self);
  else
    spread_bottom (self, push_rung (self, bottom_time (&self->bottom, 0), self->bottom_end,
                                    self->bottom.n_events));
}

/* All of the top to the bottom when they are few, else to a rung. */
static void
refill_from_top (KmlAgenda *self)
{
  const guint64 n_events = self->n_top;
  const KmlTime min = self->top_min;
  const KmlTime max = self->top_max;
  const Chain chain = empty_top (self);

  if (n_events <= BOTTOM_SLOTS) {
    chain_to_bottom (self, chain, BOTTOM_SLOTS);
    self->bottom_end = KML_TIME_MAX;
  } else {
    spread_chain (self, chain, push_rung (self, min, max, n_events));
  }
}

/* The bucket is of one single time: a portion of it, that leaves room for what is sooner. */
static void
refill_from_instant (KmlAgenda *self, Rung *rung)
{
  const gsize bucket = rung->current_bucket;
  const guint32 tail = self->buckets[bucket];
  const Chain rest = chain_to_bottom (self, empty_bucket (self, bucket), BOTTOM_SLOTS / 2);

  if (rest != NONE) {
    self->nodes[tail].next = rest;
    self->buckets[bucket] = tail;
    self->occupied[bucket / 64] |= G_GUINT64_CONSTANT (1) << bucket % 64;
    self->bottom_end = rung->start + (bucket - rung->first_bucket);
  } else {
    self->bottom_end = bucket_end (rung, bucket);
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
  const Chain rest = chain_to_bottom (self, empty_bucket (self, rung->current_bucket),
                                      BOTTOM_SLOTS);
  guint64 n_events = self->bottom.n_events;
  KmlTime min;
  KmlTime max;

  if (G_LIKELY (rest == NONE)) {
    self->bottom_end = bucket_end (rung, rung->current_bucket);
    rung->current_bucket++;
    return;
  }

  min = bottom_time (&self->bottom, 0);
  max = bottom_time (&self->bottom, BOTTOM_SLOTS - 1);
  for (Chain i = rest; i != NONE; i = self->nodes[i].next) {
    min = MIN (min, self->nodes[i].time);
    max = MAX (max, self->nodes[i].time);
    n_events++;
  }
  rung = push_rung (self, min, max, n_events);
  spread_bottom (self, rung);
  spread_chain (self, rest, rung);
}

/* Fills the empty bottom with the earliest events of all. FALSE: there are none. */
G_GNUC_NO_INLINE static gboolean
refill_bottom (KmlAgenda *self)
{
  if (self->n_outside == 0)
    return FALSE;

  while (self->bottom.n_events == 0) {
    gsize bucket = NO_BUCKET;

    while (self->n_rungs > 0 && (bucket = find_bucket (self)) == NO_BUCKET)
      pop_rung (self);
    if (bucket == NO_BUCKET) {
      refill_from_top (self);
    } else {
      Rung *rung = &self->rungs[self->n_rungs - 1];

      rung->current_bucket = bucket;
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

  kml_agenda_clear (self);
  return self;
}

static void
free_parts (KmlAgenda *self)
{
  g_free (self->rungs);
  g_free (self->buckets);
  g_free (self->occupied);
  g_free (self->nodes);
}

void
kml_agenda_free (KmlAgenda *self)
{
  if (self == NULL)
    return;
  free_parts (self);
  g_free (self);
}

void
kml_agenda_clear (KmlAgenda *self)
{
  free_parts (self);
  *self = (KmlAgenda){
    .bottom_end = KML_TIME_MAX,
    .top = NONE,
    .top_min = KML_TIME_MAX,
    .free_nodes = NONE,
  };
  bottom_clear (&self->bottom);
}

/* What the bottom does not accept: rare with few pending, usual with many. Apart, so that the other
 * way saves no registers. An event is passed in two words here: as one it would be stored in two parts
 * and loaded again as one of 16 bytes, for which the CPU has to wait. */
G_GNUC_NO_INLINE static void
schedule_outside (KmlAgenda *self, KmlTime time, guint64 what)
{
  if (time < self->bottom_end) {
    spill_bottom (self);
    if (time < self->bottom_end) {
      bottom_insert (&self->bottom, time, what);
      return;
    }
  }

  if (time >= self->top_start)
    append_to_top (self, new_node (self, time, what));
  else
    append_to_rung (self, find_rung (self, time), new_node (self, time, what));
  self->n_outside++;
}

void
kml_agenda_schedule (KmlAgenda *self, KmlTime time, guint64 what)
{
  g_assert (time >= self->now);

  if (time < self->bottom_end && self->bottom.n_events < BOTTOM_SLOTS)
    bottom_insert (&self->bottom, time, what);
  else
    schedule_outside (self, time, what);
}

static inline gboolean
take_from_bottom (KmlAgenda *self, KmlEvent *ret_event)
{
  bottom_take (&self->bottom, ret_event);
  self->now = ret_event->time;
  return TRUE;
}

/* Apart for the same reason. */
G_GNUC_NO_INLINE static gboolean
take_from_outside (KmlAgenda *self, KmlEvent *ret_event)
{
  return refill_bottom (self) && take_from_bottom (self, ret_event);
}

gboolean
kml_agenda_take (KmlAgenda *self, KmlEvent *ret_event)
{
  if (G_UNLIKELY (self->bottom.n_events == 0))
    return take_from_outside (self, ret_event);
  return take_from_bottom (self, ret_event);
}

gboolean
kml_agenda_peek (KmlAgenda *self, KmlEvent *ret_event)
{
  guint slot;

  if (self->bottom.n_events == 0 && !refill_bottom (self))
    return FALSE;
  slot = bottom_slot (&self->bottom, 0);
  *ret_event = (KmlEvent){ self->bottom.times[slot], self->bottom.whats[slot] };
  return TRUE;
}

static inline KmlTime
next_time (KmlAgenda *self)
{
  if (G_UNLIKELY (self->bottom.n_events == 0) && !refill_bottom (self))
    return KML_TIME_MAX;
  return bottom_time (&self->bottom, 0);
}

KmlTime
kml_agenda_next_time (KmlAgenda *self)
{
  return next_time (self);
}

KmlTime
kml_agenda_take_one (KmlAgenda *self, KmlEvent *ret_event)
{
  if (G_UNLIKELY (self->bottom.n_events == 0))
    refill_bottom (self);
  g_assert (self->bottom.n_events > 0);
  take_from_bottom (self, ret_event);
  return next_time (self);
}

guint64
kml_agenda_length (const KmlAgenda *self)
{
  return self->bottom.n_events + self->n_outside;
}
