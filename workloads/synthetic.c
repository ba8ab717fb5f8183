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

#include "simcore/base/units.h"
#include "simcore/workload.h"
#include "simcore/base/arrivals.h"
#include "workloads/cpu-list.h"
#include "workloads/deaths.h"
#include "simcore/distribution.h"
#include "workloads/size-table.h"

#include <string.h>

#define DEFAULT_OPERATIONS 100000

/* Requests that sizes() draws at most: 2^27 take about a second, and the shares of the sizes
 * are then known to four digits. */
#define MAX_SIZE_DRAWS (G_GUINT64_CONSTANT (1) << 27)

/* What sizes() draws when the allocator decides how many requests there will be. */
#define UNKNOWN_SIZE_DRAWS (G_GUINT64_CONSTANT (1) << 20)

enum {
  TARGET_OBJECTS,
  TARGET_PAGES
};

/* "auto", then kml_mobility_names. */
static const char *const mobility_choices[] = { "auto", "unmovable", "movable", "reclaimable",
                                                NULL };
static const char *const target_choices[] = { "objects", "pages", NULL };

typedef struct {
  KmlWorkload base;

  /* parameters */
  guint target;
  char *cpus_text;
  guint context;
  char *operations_text;
  KmlTime duration; /* 0: no end but that of the operations */
  char *arrivals_text;
  guint64 live;
  char *sizes_text;
  char *orders_text;
  char *lifetimes_text;
  guint64 alignment;
  char *flags_text;
  guint mobility;
  gboolean drain;

  /* what they mean */
  guint64 n_operations; /* G_MAXUINT64: no limit */
  KmlTime end;          /* KML_TIME_MAX: no limit */
  KmlArrivals arrivals;
  KmlDistribution sizes; /* of objects or runs of pages, or orders */
  gboolean draws_orders;
  KmlDistribution lifetimes;
  guint16 *cpus; /* (array length=n_cpus) (owned) */
  guint n_cpus;
  KmlConstraints constraints;
  KmlOp alloc_op; /* what all requests have in common */
  KmlOp free_op;

  /* the stream */
  KmlArrivalsClock clock;
  KmlRng size_rng;
  KmlRng lifetime_rng;
  KmlRng victim_rng;
  KmlRng cpu_rng;
  guint64 n_asked;
  KmlTime next_arrival; /* open */
  KmlTime now;          /* open: time of the last operation */
  KmlDeaths deaths;     /* open */
  guint64 n_drained;    /* closed: blocks freed after the last request */
  gboolean is_freed;    /* closed: the step's free has been handed out, its request has not: */
  guint32 victim;
  guint16 cpu;
} Synthetic;

/* ---- Parameters ---- */

static gboolean
refuse (const char *expected, const char *text, GError **error)
{
  g_autofree char *quoted = kml_quote (text, -1);

  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected %s, not %s", expected, quoted);
  return FALSE;
}

/* 0: auto */
static gboolean
parse_operations (const char *text, guint64 *ret_n, GError **error)
{
  *ret_n = 0;
  if (strcmp (text, "auto") == 0)
    return TRUE;
  if (!kml_parse_count (text, ret_n, error))
    return FALSE;
  return *ret_n > 0 || refuse ("at least 1 operation", text, error);
}

static gboolean
validate_operations (const char *text, GError **error)
{
  guint64 n;

  return parse_operations (text, &n, error);
}

static gboolean
validate_lifetimes (const char *text, GError **error)
{
  return strcmp (text, "auto") == 0 || kml_distribution_validate_lifetimes (text, error);
}

static gboolean
validate_flags (const char *text, GError **error)
{
  KmlGfp gfp;

  return strcmp (text, "auto") == 0 || kml_gfp_parse (text, strlen (text), &gfp, error);
}

/* The FILE of trace(FILE). */
static char *
name_trace (const char *text)
{
  KmlDistribution law;
  char *path;

  if (!kml_distribution_parse (text, KML_DRAW_SIZES, &law, NULL))
    return NULL;
  path = g_strdup (law.path);
  kml_distribution_clear (&law);
  return path;
}

static const KmlParam synthetic_params[] = {
  { .name = "target",
    .type = KML_PARAM_CHOICE,
    .value = "objects",
    .choices = target_choices,
    .offset = G_STRUCT_OFFSET (Synthetic, target),
    .summary = "which allocator is asked" },
  { .name = "cpus",
    .type = KML_PARAM_TEXT,
    .value = "all",
    .validate = kml_cpu_list_validate,
    .offset = G_STRUCT_OFFSET (Synthetic, cpus_text),
    .grammar = "all | 0,2-3",
    .summary = "the CPUs that ask; which one is drawn for each request" },
  { .name = "context",
    .type = KML_PARAM_CHOICE,
    .value = "process",
    .choices = kml_context_names,
    .offset = G_STRUCT_OFFSET (Synthetic, context),
    .summary = "the context that asks and frees" },
  { .name = "operations",
    .type = KML_PARAM_TEXT,
    .value = "auto",
    .validate = validate_operations,
    .offset = G_STRUCT_OFFSET (Synthetic, operations_text),
    .grammar = "COUNT | auto",
    .summary =
        "requests in all, frees not counted; auto: 100000, or as many as the duration holds" },
  { .name = "duration",
    .type = KML_PARAM_TIME,
    .value = "0",
    .offset = G_STRUCT_OFFSET (Synthetic, duration),
    .summary =
        "simulated time after which nothing is asked or freed; 0: until all operations are done" },
  { .name = "arrivals",
    .type = KML_PARAM_TEXT,
    .value = "closed",
    .validate = kml_arrivals_validate,
    .offset = G_STRUCT_OFFSET (Synthetic, arrivals_text),
    .grammar = "poisson(RATE) | periodic(TIME) | bursts(N, TIME) | closed",
    .summary = "when requests come; closed: the next as soon as the last is done" },
  { .name = "live",
    .type = KML_PARAM_COUNT,
    .value = "1000",
    .min = 1,
    .max = KML_MAX_LIVE,
    .offset = G_STRUCT_OFFSET (Synthetic, live),
    .summary = "with closed arrivals: that many blocks are kept live, each step frees one at "
               "random and asks for one" },
  { .name = "sizes",
    .type = KML_PARAM_TEXT,
    .value = "fixed(64)",
    .validate = kml_distribution_validate_sizes,
    .offset = G_STRUCT_OFFSET (Synthetic, sizes_text),
    .file = name_trace,
    .grammar = "fixed(SIZE) | uniform(SIZE, SIZE) | loguniform(SIZE, SIZE) | exponential(MEAN) | "
               "weighted(SIZE:WEIGHT, …) | trace(FILE)",
    .summary = "sizes of the objects asked for; with target = pages, of the runs, rounded up to "
               "whole pages" },
  { .name = "orders",
    .type = KML_PARAM_TEXT,
    .value = "fixed(0)",
    .validate = kml_distribution_validate_orders,
    .offset = G_STRUCT_OFFSET (Synthetic, orders_text),
    .grammar = "fixed(ORDER) | weighted(ORDER:WEIGHT, …)",
    .summary = "with target = pages: orders of the runs asked for, unless sizes are given" },
  { .name = "lifetimes",
    .type = KML_PARAM_TEXT,
    .value = "auto",
    .validate = validate_lifetimes,
    .offset = G_STRUCT_OFFSET (Synthetic, lifetimes_text),
    .grammar = "exponential(TIME) | fixed(TIME) | lognormal(MEDIAN, SIGMA) | forever | auto",
    .summary = "how long blocks live, with arrivals that are not closed; auto: exponential(1ms)" },
  { .name = "alignment",
    .type = KML_PARAM_SIZE,
    .value = "1",
    .min = 1,
    .max = G_GUINT64_CONSTANT (1) << 40,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (Synthetic, alignment),
    .summary = "blocks begin at a multiple of this" },
  { .name = "flags",
    .type = KML_PARAM_TEXT,
    .value = "auto",
    .validate = validate_flags,
    .offset = G_STRUCT_OFFSET (Synthetic, flags_text),
    .grammar = "GFP_NAME|__GFP_NAME… | auto",
    .summary = "GFP flags of the requests; auto: GFP_KERNEL in process context, GFP_ATOMIC in the "
               "others" },
  { .name = "mobility",
    .type = KML_PARAM_CHOICE,
    .value = "auto",
    .choices = mobility_choices,
    .offset = G_STRUCT_OFFSET (Synthetic, mobility),
    .summary = "what may be done with the pages in use; auto: what the flags say" },
  { .name = "drain",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (Synthetic, drain),
    .summary = "after the last request, free what is still live: when its lifetime is over, or, "
               "with closed arrivals, at once" },
  { NULL }
};

/* Whether the parameter was given another value than its default. */
static gboolean
is_given (const char *name, const char *text)
{
  return strcmp (kml_param_find (synthetic_params, name)->value, text) != 0;
}

/* ---- Opening ---- */

static gboolean
blame (const Synthetic *self, const char *key, const char *message, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "workload %s: %s: %s", self->base.name, key,
               message);
  return FALSE;
}

/* Parameters that contradict each other: one of them would be ignored without a word. */
static gboolean
check_together (const Synthetic *self, GError **error)
{
  if (self->arrivals.kind == KML_ARRIVALS_CLOSED && is_given ("lifetimes", self->lifetimes_text))
    return blame (self, "lifetimes",
                  "closed arrivals take none: each step frees one of the live blocks at random; "
                  "give arrivals = poisson(…), periodic(…) or bursts(…), or leave lifetimes out",
                  error);
  if (self->target == TARGET_PAGES && is_given ("sizes", self->sizes_text) &&
      is_given ("orders", self->orders_text))
    return blame (self, "orders", "runs of pages have sizes or orders, not both", error);
  if (self->target == TARGET_OBJECTS && is_given ("orders", self->orders_text))
    return blame (self, "orders", "these are for target = pages; objects have sizes", error);
  return TRUE;
}

static gboolean
open_cpus (Synthetic *self, GError **error)
{
  g_autofree char *message = NULL;

  if (!kml_cpu_list_parse (self->cpus_text, self->base.n_cpus, &self->cpus, &self->n_cpus, error))
    return FALSE;
  for (guint i = 0; i < self->n_cpus; i++) {
    if (self->cpus[i] < self->base.n_cpus)
      continue;
    message = g_strdup_printf ("there is no CPU %u: the machine has %u, from 0 on", self->cpus[i],
                               self->base.n_cpus);
    return blame (self, "cpus", message, error);
  }
  return TRUE;
}

/* The sizes that the object requests of a trace have. */
static gboolean
read_trace_sizes (Synthetic *self, GError **error)
{
  const KmlWorkloadOps *ops = kml_workload_find ("trace");
  const KmlParam *file = ops != NULL ? kml_param_find (ops->params, "file") : NULL;
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  g_autoptr (KmlWorkload) trace = NULL;

  if (file == NULL || ops->sizes == NULL)
    return blame (self, "sizes", "this program was built without trace workloads", error);
  trace = kml_workload_new (ops, self->base.name, self->base.base_dir);
  kml_workload_set_elsewhere (trace, self->base.elsewhere);
  if (!kml_param_parse (file, self->sizes.path, trace, error) ||
      !kml_workload_open (trace, self->base.seed, self->base.n_cpus, self->base.page_size, error) ||
      !ops->sizes (trace, counts, error))
    return FALSE;
  if (!kml_distribution_set_counts (&self->sizes, (const KmlSizeCount *)(gpointer)counts->data,
                                    counts->len))
    return blame (self, "sizes", "the trace has no requests for objects", error);
  return TRUE;
}

static gboolean
open_laws (Synthetic *self, GError **error)
{
  const char *lifetimes = is_given ("lifetimes", self->lifetimes_text) ? self->lifetimes_text
                                                                       : "exponential(1ms)";

  if (!kml_arrivals_parse (self->arrivals_text, &self->arrivals, error) ||
      !check_together (self, error) ||
      !kml_distribution_parse (lifetimes, KML_DRAW_LIFETIMES, &self->lifetimes, error))
    return FALSE;
  self->draws_orders = self->target == TARGET_PAGES && !is_given ("sizes", self->sizes_text);
  if (self->draws_orders)
    return kml_distribution_parse (self->orders_text, KML_DRAW_ORDERS, &self->sizes, error);
  if (!kml_distribution_parse (self->sizes_text, KML_DRAW_SIZES, &self->sizes, error))
    return FALSE;
  return self->sizes.kind != KML_LAW_TRACE || read_trace_sizes (self, error);
}

/* How long the stream is; that it ends within simulated time. */
static gboolean
open_length (Synthetic *self, GError **error)
{
  guint64 n_groups, longest;

  if (!parse_operations (self->operations_text, &self->n_operations, error))
    return FALSE;
  if (self->n_operations == 0)
    self->n_operations = self->duration > 0 ? G_MAXUINT64 : DEFAULT_OPERATIONS;
  self->end = self->duration > 0 ? self->duration : KML_TIME_MAX;
  if (self->arrivals.kind == KML_ARRIVALS_CLOSED) {
    self->base.until = self->duration;
    return TRUE;
  }
  if (self->duration > 0)
    return TRUE;

  /* poisson: twice the expected time is beyond what chance can reach for all but a handful of
   * requests */
  longest = self->arrivals.kind == KML_ARRIVALS_POISSON ? (self->arrivals.gap >> 23) + 1
                                                        : self->arrivals.gap;
  n_groups = (self->n_operations - 1) / self->arrivals.n_burst + 1;
  if (n_groups > KML_TIME_MAX / longest)
    return blame (self, "operations",
                  "so many would take longer than the 213 days of simulated time", error);
  return TRUE;
}

static gboolean
open_ops (Synthetic *self, GError **error)
{
  KmlRequest *request = &self->alloc_op.request;
  KmlGfp gfp = self->context == KML_CONTEXT_PROCESS ? KML_GFP_KERNEL : KML_GFP_ATOMIC;

  if (is_given ("flags", self->flags_text) &&
      !kml_gfp_parse (self->flags_text, strlen (self->flags_text), &gfp, error))
    return FALSE;
  self->constraints.alignment = self->alignment;
  request->constraints = self->alignment > 1 ? &self->constraints : NULL;
  request->gfp = gfp;
  request->context = (guint8)self->context;
  request->mobility = (guint8)(self->mobility > 0 ? self->mobility - 1
                                                  : (guint)kml_gfp_mobility (gfp));
  self->alloc_op.kind = KML_OP_ALLOC;
  self->alloc_op.level = self->target == TARGET_PAGES ? KML_LEVEL_PAGES : KML_LEVEL_OBJECTS;
  self->free_op = self->alloc_op;
  self->free_op.kind = KML_OP_FREE;
  self->free_op.request.constraints = NULL;
  return TRUE;
}

static gboolean
synthetic_open (KmlWorkload *workload, GError **error)
{
  Synthetic *self = (Synthetic *)workload;

  if (!open_cpus (self, error) || !open_laws (self, error) || !open_length (self, error) ||
      !open_ops (self, error))
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
    g_prefix_error (error, "workload %s: ", self->base.name);
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
