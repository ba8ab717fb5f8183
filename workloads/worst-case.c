/* worst-case.c: the smallest memory in which nothing can fail, and what fails in less.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * How much memory does a page allocator need so that a kernel that never has more than M frames live, in blocks of at most
 * n, is never refused? For small M and n this workload finds out, for the very allocator of the scenario
 * and its parameters, by searching all states (worst-search.h): first in M frames, then in one more, and so on until
 * a memory is safe. Its counters are the answer. What it asks for in the run itself is the shortest
 * sequence that fails in the largest memory that was found unsafe; in a machine of that size (worst-case.ram says
 * which) the last request of the run fails.
 *
 * Sizes are tried one by one since safety need not grow with size: a policy may be safe in N and fail in N + 1.
 * What is reported is the smallest. Best fit needs almost M n, so beyond M (n + 1) none is looked for.
 *
 * Requests are for powers of two up to n and aligned to their size, as a buddy system gives them and Robson's bound
 *
 *     N >= M (1 + log2 (n) / 2) - n + 1
 *
 * has them, unless `sizes` and `aligned` say otherwise.
 *
 * The number of states grows exponentially with M: 36 for M = 4 and n = 2, about 300000 for M = 8 and n = 4.
 */

#include "simcore/workload.h"
#include "workloads/worst-search.h"

enum {
  SIZES_POW2,
  SIZES_ALL,
};

static const char *const size_choices[] = { "pow2", "all", NULL };

enum {
  COUNTER_SAFE,
  COUNTER_STATES,
  COUNTER_STEPS,
};

typedef struct {
  KmlWorkload base;

  /* parameters */
  guint64 most_live, largest; /* M and n, frames */
  guint sizes;
  gboolean is_aligned;
  guint64 most_states;

  KmlWorstConfig config;
  KmlConstraints constraints[KML_WORST_MAX_SIZES + 1]; /* of requests for so many frames */
  gboolean has_searched;
  GArray *sequence; /* (owned) (nullable) (element-type KmlWorstStep): what fails */
  guint at;         /* of the sequence */
} WorstCase;

/* ---- Setting up ---- */

static gboolean
worst_case_open (KmlWorkload *base, GError **error)
{
  WorstCase *self = (WorstCase *)base;
  KmlWorstConfig *config = &self->config;

  if (self->largest > self->most_live)
    return kml_refuse (error, "largest", "expected at most as many frames as are live");
  if (self->is_aligned && self->sizes == SIZES_ALL)
    return kml_refuse (error, "aligned", "expected no with sizes = all: only powers of two can be");
  *config = (KmlWorstConfig){ .most_live = self->most_live,
                              .page_size = base->page_size,
                              .is_aligned = self->is_aligned,
                              .most_states = self->most_states };
  for (guint64 size = 1; size <= self->largest; size += self->sizes == SIZES_POW2 ? size : 1)
    config->sizes[config->n_sizes++] = size;
  for (guint64 n = 1; n <= KML_WORST_MAX_SIZES; n++)
    self->constraints[n].alignment = n * base->page_size;
  return TRUE;
}

static void
worst_case_close (KmlWorkload *base)
{
  g_clear_pointer (&((WorstCase *)base)->sequence, g_array_unref);
}

/* ---- Searching ---- */

static gboolean
find_safe_memory (WorstCase *self, GError **error)
{
  const guint32 least = (guint32)self->most_live;
  const guint32 most = least * (guint32)(self->largest + 1);
  guint64 *counters = self->base.counters;

  for (guint32 n_frames = least; n_frames <= most; n_frames++) {
    KmlWorstResult result;

    if (!kml_worst_search (&self->config, n_frames, &result, error)) {
      g_prefix_error (error, "with %u frames: ", n_frames);
      kml_workload_blame (&self->base, error);
      return FALSE;
    }
    counters[COUNTER_STATES] = result.n_states;
    if (result.sequence == NULL) {
      counters[COUNTER_SAFE] = n_frames;
      return TRUE;
    }
    g_clear_pointer (&self->sequence, g_array_unref);
    self->sequence = result.sequence;
    counters[COUNTER_STEPS] = result.sequence->len;
  }
  kml_refuse (error, "live", "requests can fail with any number of frames up to %u", most);
  kml_workload_blame (&self->base, error);
  return FALSE;
}

static void
write_step (const WorstCase *self, const KmlWorstStep *step, KmlOp *op)
{
  *op = (KmlOp){
    .kind = step->n_frames > 0 ? KML_OP_ALLOC : KML_OP_FREE,
    .level = KML_LEVEL_PAGES,
    .block = step->block,
    .request = { .size = MAX (step->n_frames, 1) * self->base.page_size,
                 .constraints = self->is_aligned ? &self->constraints[step->n_frames] : NULL,
                 .gfp = KML_GFP_KERNEL },
  };
}

static int
worst_case_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  WorstCase *self = (WorstCase *)base;
  guint at = 0;

  if (!self->has_searched) {
    self->config.twins = base->twins;
    if (base->twins == NULL) {
      kml_refuse (error, "kind", "there is no allocator to be searched");
      kml_workload_blame (base, error);
      return -1;
    }
    if (!find_safe_memory (self, error))
      return -1;
    self->has_searched = TRUE;
  }
  for (; at < n && self->sequence != NULL && self->at < self->sequence->len; at++)
    write_step (self, &g_array_index (self->sequence, KmlWorstStep, self->at++), &ops[at]);
  return (int)at;
}

/* ---- What it is called ---- */

static const KmlParam worst_case_params[] = {
  { .name = "live",
    .type = KML_PARAM_COUNT,
    .value = "6",
    .min = 3, /* and one for their records: no machine has fewer frames */
    .max = 64,
    .offset = G_STRUCT_OFFSET (WorstCase, most_live),
    .summary = "M: the most page frames that are live" },
  { .name = "largest",
    .type = KML_PARAM_COUNT,
    .value = "2",
    .min = 1,
    .max = KML_WORST_MAX_SIZES,
    .offset = G_STRUCT_OFFSET (WorstCase, largest),
    .summary = "n: frames of the largest request" },
  { .name = "sizes",
    .type = KML_PARAM_CHOICE,
    .value = "pow2",
    .choices = size_choices,
    .offset = G_STRUCT_OFFSET (WorstCase, sizes),
    .summary = "what is asked for: powers of two up to the largest, or all sizes" },
  { .name = "aligned",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (WorstCase, is_aligned),
    .summary = "whether blocks are to be aligned to their size" },
  { .name = "states",
    .type = KML_PARAM_COUNT,
    .value = "2000000",
    .min = 1,
    .max = 1u << 30,
    .offset = G_STRUCT_OFFSET (WorstCase, most_states),
    .summary = "so many states of one memory are looked at; that there are more is an error" },
  { NULL },
};

static const KmlCounterInfo worst_case_counters[] = {
  [COUNTER_SAFE] = { "safe_frames", "frames", "the smallest memory in which no request fails" },
  [COUNTER_STATES] = { "states", "states", "all that can be reached in it" },
  [COUNTER_STEPS] = { "steps", "operations",
                      "the shortest sequence that fails with a frame less; 0: there is none" },
  { NULL },
};

static const KmlWorkloadOps worst_case_ops = {
  .name = "worst-case",
  .summary = "the smallest memory in which nothing can fail, and what fails in less",
  .instance_size = sizeof (WorstCase),
  .params = worst_case_params,
  .counters = worst_case_counters,
  .open = worst_case_open,
  .next = worst_case_next,
  .close = worst_case_close,
};

KML_REGISTER_WORKLOAD (worst_case_ops)
