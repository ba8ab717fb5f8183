/* synthetic-params.c: the parameters of synthetic workloads, and what they mean.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/synthetic.h"

#include "simcore/base/units.h"
#include "workloads/cpu-list.h"

#include <string.h>

#define DEFAULT_OPERATIONS 100000

/* ---- Parameters ---- */

/* "auto", then kml_mobility_names. */
static const char *const mobility_choices[] = { "auto", "unmovable", "movable", "reclaimable",
                                                NULL };
static const char *const target_choices[] = { "objects", "pages", NULL };

/* 0: auto */
static gboolean
parse_operations (const char *text, guint64 *ret_n, GError **error)
{
  *ret_n = 0;
  if (strcmp (text, "auto") == 0)
    return TRUE;
  if (!kml_parse_count (text, ret_n, error))
    return FALSE;
  return *ret_n > 0 || kml_refuse_text ("at least 1 operation", text, error);
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

const KmlParam synthetic_params[] = {
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

/* ---- What they mean ---- */

/* Parameters that contradict each other: one of them would be ignored without a word. */
static gboolean
check_together (const Synthetic *self, GError **error)
{
  if (self->arrivals.kind == KML_ARRIVALS_CLOSED && is_given ("lifetimes", self->lifetimes_text))
    return kml_refuse (
        error, "lifetimes",
        "closed arrivals take none: each step frees one of the live blocks at random; "
        "give arrivals = poisson(…), periodic(…) or bursts(…), or leave lifetimes out");
  if (self->target == TARGET_PAGES && is_given ("sizes", self->sizes_text) &&
      is_given ("orders", self->orders_text))
    return kml_refuse (error, "orders", "runs of pages have sizes or orders, not both");
  if (self->target == TARGET_OBJECTS && is_given ("orders", self->orders_text))
    return kml_refuse (error, "orders", "these are for target = pages; objects have sizes");
  return TRUE;
}

static gboolean
open_cpus (Synthetic *self, GError **error)
{
  if (!kml_cpu_list_parse (self->cpus_text, self->base.n_cpus, &self->cpus, &self->n_cpus, error))
    return FALSE;
  for (guint i = 0; i < self->n_cpus; i++)
    if (self->cpus[i] >= self->base.n_cpus)
      return kml_refuse (error, "cpus", "the machine has CPUs 0 to %u, there is no %u",
                         self->base.n_cpus - 1, self->cpus[i]);
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
    return kml_refuse (error, "sizes", "this program was built without trace workloads");
  trace = kml_workload_new (ops, self->base.name, self->base.base_dir);
  kml_workload_set_elsewhere (trace, self->base.elsewhere);
  if (!kml_param_parse (file, self->sizes.path, trace, error) ||
      !kml_workload_open (trace, self->base.seed, self->base.n_cpus, self->base.page_size, error) ||
      !ops->sizes (trace, counts, error))
    return FALSE;
  if (!kml_distribution_set_counts (&self->sizes, (const KmlSizeCount *)(gpointer)counts->data,
                                    counts->len))
    return kml_refuse (error, "sizes", "the trace has no requests for objects");
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
    return kml_refuse (error, "operations",
                       "so many would take longer than the 213 days of simulated time");
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

gboolean
synthetic_read_params (Synthetic *self, GError **error)
{
  return open_cpus (self, error) && open_laws (self, error) && open_length (self, error) &&
         open_ops (self, error);
}
