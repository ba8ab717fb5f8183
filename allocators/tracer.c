/* tracer.c: what it costs to look: every call leaves an event in a ring buffer.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * kmemlab's own recorder costs the simulated machine nothing. A kernel that is measured pays for it: its tracepoints (kmem:kmalloc and the like) reserve a place in
 * a ring buffer of their CPU, write the event, and let go; a reader empties the rings now and then. This layer is such an observer, around whatever is to be
 * observed, so that its effect is a figure like any other. Mathieu Desnoyers and Michel Dagenais, "The LTTng tracer: A low impact performance and behavior
 * monitor for GNU/Linux", Ottawa Linux Symposium 2006, describe rings and their cost; the default, 100 ns, is an order of magnitude and not
 * measured on anything.
 *
 *      call ──sampled?──no──►  goes on
 *               │ yes
 *               └──room in the ring of this CPU?──yes──►  an event, for `cost`
 *                                  └──no──►  lost, and counted
 *
 * With `sampling` only a share of the calls is recorded, each by a draw of its own, which costs a few instructions.
 *
 * A ring holds `ring` events of 48 bytes; the reader empties all rings whenever simulated time comes to a multiple of `every`. What comes when a ring
 * is full is lost, and that costs only the look.
 *
 * Not modelled: what the reader costs its CPU, and what rings push out of caches. Their memory is said (tracer.ring_bytes) and not taken.
 *
 * Invariants, verified by tracer_check():
 *   T1  no ring has more events than it holds
 */

#include <math.h>

#include "simcore/allocator.h"
#include "simcore/base/rng.h"

#define EVENT_SIZE        48 /* bytes: time, call site, address, two sizes, flags */
#define DRAW_INSTRUCTIONS 10
#define LOOK_INSTRUCTIONS 10

enum {
  COUNTER_EVENTS,
  COUNTER_LOST,
  COUNTER_RING_BYTES,
};

typedef struct {
  guint64 n_events; /* since the reader was there */
  guint64 visit;    /* which of its visits that was */
} Ring;

typedef struct {
  KmlAllocator base;

  /* parameters */
  KmlTime cost, every;
  guint64 ring;
  double sampling;

  guint64 threshold; /* a draw below is a sample */
  KmlRng rng;
  Ring *rings; /* (owned) (array length=n_cpus) */
} Tracer;

/* ---- Events ---- */

static gboolean
is_sampled (Tracer *self)
{
  if (self->threshold == G_MAXUINT64)
    return TRUE;
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, DRAW_INSTRUCTIONS);
  return kml_rng_next (&self->rng) < self->threshold;
}

static void
add_event (Tracer *self, guint cpu)
{
  KmlMachine *machine = self->base.machine;
  Ring *ring = &self->rings[cpu];
  const guint64 visit = machine->now / self->every;

  if (!is_sampled (self))
    return;
  if (visit != ring->visit)
    *ring = (Ring){ .visit = visit };
  if (ring->n_events == self->ring) {
    self->base.counters[COUNTER_LOST]++;
    kml_spend (machine, KML_COST_INSTRUCTION, LOOK_INSTRUCTIONS);
    return;
  }
  ring->n_events++;
  self->base.counters[COUNTER_EVENTS]++;
  machine->now += self->cost;
}

/* ---- Calls ---- */

static KmlAddr
tracer_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  const KmlAddr addr = kml_allocator_alloc (base->lower, request, ret_held);

  add_event ((Tracer *)base, request->cpu);
  return addr;
}

static guint64
tracer_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  const guint64 held = kml_allocator_free_block (base->lower, addr, how);

  add_event ((Tracer *)base, how->cpu);
  return held;
}

static gboolean
tracer_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  return base->lower->ops->split != NULL && base->lower->ops->split (base->lower, addr, piece);
}

static void
tracer_shrink (KmlAllocator *base)
{
  if (base->lower->ops->shrink != NULL)
    base->lower->ops->shrink (base->lower);
}

/* ---- Life ---- */

static gboolean
tracer_init (KmlAllocator *base, GError **error)
{
  Tracer *self = (Tracer *)base;

  self->threshold = self->sampling < 1 ? (guint64)ldexp (self->sampling, 64) : G_MAXUINT64;
  kml_rng_init (&self->rng, base->machine->seed, "tracer");
  self->rings = g_new0 (Ring, base->machine->n_cpus);
  base->counters[COUNTER_RING_BYTES] = base->machine->n_cpus * self->ring * EVENT_SIZE;
  return TRUE;
}

static void
tracer_finish (KmlAllocator *base)
{
  g_free (((Tracer *)base)->rings);
}

static gboolean
tracer_remember (KmlAllocator *base, KmlImage *image)
{
  const Tracer *self = (const Tracer *)base;

  kml_image_add (image, self->rings, base->machine->n_cpus * sizeof *self->rings);
  return TRUE;
}

static void
tracer_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  base->lower->ops->walk (base->lower, func, user_data);
}

static gboolean
tracer_check (const KmlAllocator *base, GError **error)
{
  const Tracer *self = (const Tracer *)base;

  for (guint i = 0; i < base->machine->n_cpus; i++)
    if (self->rings[i].n_events > self->ring)
      return kml_allocator_broken ("T1", "CPU", i, error);
  return base->lower->ops->check (base->lower, error);
}

/* ---- What it is ---- */

static const KmlParam tracer_params[] = {
  { .name = "cost",
    .type = KML_PARAM_TIME,
    .value = "100ns",
    .max = KML_S,
    .offset = G_STRUCT_OFFSET (Tracer, cost),
    .summary = "that an event takes" },
  { .name = "sampling",
    .type = KML_PARAM_SHARE,
    .value = "1",
    .positive = TRUE,
    .offset = G_STRUCT_OFFSET (Tracer, sampling),
    .summary = "the share of calls that leave an event" },
  { .name = "ring",
    .type = KML_PARAM_COUNT,
    .value = "30000",
    .min = 1,
    .max = 1000000000,
    .offset = G_STRUCT_OFFSET (Tracer, ring),
    .summary = "events that a CPU's ring buffer holds (48 bytes each); more are lost" },
  { .name = "every",
    .type = KML_PARAM_TIME,
    .value = "100ms",
    .min = 1,
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (Tracer, every),
    .summary = "from one visit of the reader, who empties all rings, to the next" },
  { NULL },
};

static const KmlCounterInfo tracer_counters[] = {
  [COUNTER_EVENTS] = { "events", "events", "events that were recorded" },
  [COUNTER_LOST] = { "lost", "events", "events for which a ring had no room" },
  [COUNTER_RING_BYTES] = { "ring_bytes", "bytes", "the ring buffers of all CPUs" },
  { NULL },
};

static const KmlAllocatorOps tracer_ops = {
  .name = "tracer",
  .summary = "an observer: each call leaves an event in a ring buffer, and pays for it",
  .level = KML_LEVEL_LAYER,
  .around = KML_LEVEL_LAYER,
  .instance_size = sizeof (Tracer),
  .params = tracer_params,
  .counters = tracer_counters,
  .init = tracer_init,
  .finish = tracer_finish,
  .alloc = tracer_alloc,
  .free = tracer_free,
  .split = tracer_split,
  .shrink = tracer_shrink,
  .remember = tracer_remember,
  .walk = tracer_walk,
  .check = tracer_check,
};

KML_REGISTER_ALLOCATOR (tracer_ops)
