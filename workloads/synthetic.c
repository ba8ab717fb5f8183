/* synthetic.c: requests drawn from laws.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Open and closed
 *
 * With *open* arrivals (poisson, periodic, bursts) requests come when their law
 * says, whatever the allocator does, and each block lives as long as its
 * lifetime says: the number of live blocks follows from both (in the long run,
 * the rate times the mean lifetime: Little's law). With *closed* arrivals there
 * is no clock. The first `live` requests fill the memory; from then on each step
 * frees one of the live blocks, all of them equally likely, and asks for
 * another, so exactly `live` blocks are live, and a lifetime is a number of
 * steps. That is why closed arrivals take no lifetimes.
 *
 * 2. The end
 *
 * `operations` counts requests, not frees, those that fill the memory included.
 * The stream ends with the last of them: what is still live stays, since how
 * memory looks at the end is what one wants to measure. With `duration`,
 * requests and deaths up to that time happen. What comes first ends the stream
 * when both are given. A closed workload does not know the time; the driver
 * stops it (KmlWorkload.until). With `drain` the stream goes on until all is freed
 * again: open, as lifetimes end; closed, block after block.
 *
 * 3. Streams
 *
 * Everything random has its own stream, named "arrivals", "sizes" (orders too),
 * "lifetimes", "victims", "cpus": to give the objects other sizes changes
 * neither when they are asked for nor how long they live. The CPU of a request
 * is drawn uniformly from `cpus`, nothing is drawn when there is one. A block is
 * freed on the CPU that asked for it; with closed arrivals on the CPU that will
 * ask next, so objects wander between CPUs.
 *
 * 4. Order
 *
 * A death at the time of an arrival comes before it. Deaths at one time come in
 * the order of their blocks' names.
 */

#include "workloads/synthetic.h"
#include "workloads/size-table.h"

/* Requests that sizes() draws at most: 2^27 take about a second, and the shares of the sizes
 * are then known to four digits. */
#define MAX_SIZE_DRAWS (G_GUINT64_CONSTANT (1) << 27)

/* What sizes() draws when the allocator decides how many requests there will be. */
#define UNKNOWN_SIZE_DRAWS (G_GUINT64_CONSTANT (1) << 20)

/* ---- Opening ---- */

static gboolean
synthetic_open (KmlWorkload *workload, GError **error)
{
  Synthetic *self = (Synthetic *)workload;

  if (!synthetic_read_params (self, error))
    return FALSE;

  kml_workload_rng (workload, "arrivals", &self->clock.rng);
  kml_workload_rng (workload, "sizes", &self->size_rng);
  kml_workload_rng (workload, "lifetimes", &self->lifetime_rng);
  kml_workload_rng (workload, "victims", &self->victim_rng);
  kml_workload_rng (workload, "cpus", &self->cpu_rng);
  if (self->arrivals.kind != KML_ARRIVALS_CLOSED)
    self->next_arrival = kml_arrivals_next (&self->arrivals, &self->clock);
  return TRUE;
}

static void
synthetic_close (KmlWorkload *workload)
{
  Synthetic *self = (Synthetic *)workload;

  kml_distribution_clear (&self->sizes);
  kml_distribution_clear (&self->lifetimes);
  kml_deaths_clear (&self->deaths);
  g_clear_pointer (&self->cpus, g_free);
}

/* ---- The stream ---- */

static inline guint16
draw_cpu (Synthetic *self)
{
  return self->cpus[self->n_cpus == 1 ? 0 : kml_rng_below (&self->cpu_rng, self->n_cpus)];
}

static inline guint64
draw_size (const Synthetic *self, KmlRng *rng)
{
  const guint64 drawn = kml_distribution_draw (&self->sizes, rng);

  if (self->target == TARGET_OBJECTS)
    return drawn;
  return self->draws_orders ? self->base.page_size << drawn
                            : (drawn + self->base.page_size - 1) & ~(self->base.page_size - 1);
}

static inline void
write_alloc (Synthetic *self, KmlOp *op, KmlTime time, guint32 block, guint16 cpu)
{
  *op = self->alloc_op;
  op->time = time;
  op->block = block;
  op->request.cpu = cpu;
  op->request.size = draw_size (self, &self->size_rng);
  self->n_asked++;
}

static inline void
write_free (const Synthetic *self, KmlOp *op, KmlTime time, guint32 block, guint16 cpu)
{
  *op = self->free_op;
  op->time = time;
  op->block = block;
  op->request.cpu = cpu;
}

/* The names of the live blocks are 0 … live - 1: the new block takes the name of the one just
 * freed. */
static guint
next_closed (Synthetic *self, KmlOp *ops, guint n)
{
  guint at = 0;

  while (at < n && self->n_asked < self->n_operations) {
    if (self->n_asked < self->live) {
      write_alloc (self, &ops[at++], 0, (guint32)self->n_asked, draw_cpu (self));
    } else if (self->is_freed) {
      self->is_freed = FALSE;
      write_alloc (self, &ops[at++], 0, self->victim, self->cpu);
    } else {
      self->is_freed = TRUE;
      self->victim = (guint32)kml_rng_below (&self->victim_rng, self->live);
      self->cpu = draw_cpu (self);
      write_free (self, &ops[at++], 0, self->victim, self->cpu);
    }
  }
  while (at < n && self->drain && self->n_drained < MIN (self->live, self->n_operations)) {
    write_free (self, &ops[at++], 0, (guint32)self->n_drained, draw_cpu (self));
    self->n_drained++;
  }
  return at;
}

static gboolean
write_arrival (Synthetic *self, KmlOp *op, GError **error)
{
  const KmlTime now = self->next_arrival;
  const KmlTime lifetime = kml_distribution_draw (&self->lifetimes, &self->lifetime_rng);
  const KmlTime death = lifetime < KML_TIME_MAX - now ? now + lifetime : KML_TIME_MAX;
  const guint16 cpu = draw_cpu (self);
  guint32 block;

  if (!kml_deaths_add (&self->deaths, death, cpu, &block, error)) {
    kml_workload_blame (&self->base, error);
    return FALSE;
  }
  write_alloc (self, op, now, block, cpu);
  self->next_arrival = kml_arrivals_next (&self->arrivals, &self->clock);
  return TRUE;
}

/* -1: @error is set */
static int
next_open (Synthetic *self, KmlOp *ops, guint n, GError **error)
{
  guint at = 0;

  while (at < n && (self->n_asked < self->n_operations || self->drain)) {
    const KmlTime next_death = kml_deaths_next_time (&self->deaths);
    const KmlTime next_arrival = self->n_asked < self->n_operations ? self->next_arrival
                                                                    : KML_TIME_MAX;
    const KmlTime now = MIN (next_death, next_arrival);

    if (now > self->end || now == KML_TIME_MAX)
      break;
    self->now = now;
    if (next_death == now) {
      const KmlDeath death = kml_deaths_take (&self->deaths);

      write_free (self, &ops[at++], now, death.block, death.cpu);
    } else if (!write_arrival (self, &ops[at++], error)) {
      return -1;
    }
  }
  return (int)at;
}

static int
synthetic_next (KmlWorkload *workload, KmlOp *ops, guint n, GError **error)
{
  Synthetic *self = (Synthetic *)workload;

  n = MIN (n, G_MAXINT);
  return self->arrivals.kind == KML_ARRIVALS_CLOSED ? (int)next_closed (self, ops, n)
                                                    : next_open (self, ops, n, error);
}

static double
synthetic_progress (const KmlWorkload *workload)
{
  const Synthetic *self = (const Synthetic *)workload;

  const double of_operations = self->n_operations != G_MAXUINT64
                                   ? (double)self->n_asked / (double)self->n_operations
                                   : -1;
  const double of_time = self->end != KML_TIME_MAX && self->arrivals.kind != KML_ARRIVALS_CLOSED
                             ? (double)self->now / (double)self->end
                             : -1;

  return MAX (of_operations, of_time);
}

/* ---- Sizes ---- */

/* How many requests the stream will have, as far as sizes() wants to know. */
static guint64
count_requests (const Synthetic *self)
{
  const guint64 most = MIN (self->n_operations, MAX_SIZE_DRAWS);
  KmlArrivalsClock clock = { 0 };
  guint64 n = 0;

  if (self->duration == 0)
    return most;
  if (self->arrivals.kind == KML_ARRIVALS_CLOSED)
    return MIN (self->n_operations, UNKNOWN_SIZE_DRAWS);
  kml_workload_rng (&self->base, "arrivals", &clock.rng);
  while (n < most && kml_arrivals_next (&self->arrivals, &clock) <= self->end)
    n++;
  return n;
}

static gboolean
synthetic_sizes (KmlWorkload *workload, GArray *counts, GError **error)
{
  const Synthetic *self = (const Synthetic *)workload;
  g_autoptr (KmlSizeTable) table = kml_size_table_new ();
  const guint64 n = count_requests (self);
  KmlRng rng;

  (void)error; /* nothing here can fail */
  if (self->target == TARGET_PAGES || n == 0)
    return TRUE;
  if (self->sizes.kind == KML_LAW_FIXED) {
    kml_size_table_add (table, self->sizes.a, n);
  } else {
    kml_workload_rng (workload, "sizes", &rng);
    for (guint64 i = 0; i < n; i++)
      kml_size_table_add (table, draw_size (self, &rng), 1);
  }
  kml_size_table_append_to (table, counts);
  return TRUE;
}

static const KmlWorkloadOps synthetic_ops = {
  .name = "synthetic",
  .summary = "requests drawn from laws: arrivals, sizes, lifetimes",
  .instance_size = sizeof (Synthetic),
  .params = synthetic_params,
  .open = synthetic_open,
  .next = synthetic_next,
  .sizes = synthetic_sizes,
  .progress = synthetic_progress,
  .close = synthetic_close,
};

KML_REGISTER_WORKLOAD (synthetic_ops)
