/* demand.c: what a scenario's workloads ask objects for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stream's length is not known before its end, so it is read twice: once to count its requests for objects, and once to
 * count their sizes in parts that have equally many of them, to one. (One pass, with parts that are joined when they become too many, left pieces that
 * differed by a third.) Memory is O(live blocks + sizes). A block's lifetime counts where it was born;
 * blocks that are live at the end lived until then.
 *
 * Pieces of time are pieces of the stream: each has as many requests as the next, whether the recorded kernel was busy or
 * idle. For a workload without times (asap, closed) there is no other measure.
 */

#include "scenarios/running/demand.h"

#include "scenarios/running/run.h"

#include <string.h>

#define EXACT_SIZES 16384 /* sizes below are found by index, larger ones by hash */
#define BATCH       512

/* A size, and where it is among those of its stream. */
typedef struct {
  guint64 size;
  guint32 index;
} Place;

typedef struct {
  guint n_parts;  /* request r of n is in part r * n_parts / n */
  GArray *sizes;  /* (owned) (element-type guint64): in the order in which they came */
  GArray *counts; /* (owned) (element-type guint64): requests for each size in each part */
  /* (owned) (nullable) (element-type unsigned __int128): … their sum, ps: where these are its weights */
  GArray *lifetimes;
  /* (owned) (element-type Place): the sizes from the smallest on, when all are there */
  GArray *order;
} Stream;

/* A live block. */
typedef struct {
  KmlTime born;
  guint64 bytes;
  guint32 size; /* 1 + index in the stream's sizes; 0: of pages */
  guint32 part; /* of the stream in which it was born */
} Block;

struct _KmlDemand {
  KmlDemandWeight weight;
  guint n_parts;
  KmlDemandTotals totals;
  GArray *streams; /* (owned) (element-type Stream) */
};

/* Who wants to know how far it is. */
typedef struct {
  void (*show) (double share, gpointer data); /* (nullable) */
  gpointer data;
  guint pass; /* 0 or 1 */
} Progress;

/* A stream as it is read. */
typedef struct {
  KmlDemandTotals *totals;
  Stream *stream;
  guint64 length;     /* its requests for objects */
  guint64 n_requests; /* … so far */
  guint part;         /* that the next one is in */
  guint64 part_end;   /* … the first request behind it */
  GArray *blocks;     /* (owned) (element-type Block): by name */
  guint32 *exact;     /* (owned) (array length=EXACT_SIZES): 1 + index of the size */
  GHashTable *larger; /* (owned): size to 1 + index */
  guint64 live_bytes, peak_bytes;
  KmlTime now;
} Reading;

/* ---- Parts ---- */

/* The first request that is not in @part or before it: request r is in part r * n_parts / length. */
static guint64
end_of_part (const Reading *self, guint part)
{
  const guint n_parts = self->stream->n_parts;

  return ((part + 1) * self->length + n_parts - 1) / n_parts;
}

/* The next request's. One that the first pass did not see is in the last. */
static guint
next_part (Reading *self)
{
  while (self->n_requests >= self->part_end && self->part + 1 < self->stream->n_parts)
    self->part_end = end_of_part (self, ++self->part);
  return self->part;
}

/* ---- Reading ---- */

static guint32
new_size (Reading *self, guint64 bytes)
{
  Stream *stream = self->stream;

  g_array_append_val (stream->sizes, bytes);
  g_array_set_size (stream->counts, stream->sizes->len * stream->n_parts);
  if (stream->lifetimes != NULL)
    g_array_set_size (stream->lifetimes, stream->sizes->len * stream->n_parts);
  return stream->sizes->len;
}

/* 1 + index of the size */
static guint32
find_size (Reading *self, guint64 bytes)
{
  guint32 index;

  if (bytes < EXACT_SIZES) {
    if (self->exact[bytes] == 0)
      self->exact[bytes] = new_size (self, bytes);
    return self->exact[bytes];
  }
  index = GPOINTER_TO_UINT (g_hash_table_lookup (self->larger, GSIZE_TO_POINTER (bytes)));
  if (index == 0) {
    index = new_size (self, bytes);
    g_hash_table_insert (self->larger, GSIZE_TO_POINTER (bytes), GUINT_TO_POINTER (index));
  }
  return index;
}

static Block *
block_of (Reading *self, guint32 name)
{
  GArray *blocks = self->blocks;

  if (name >= blocks->len)
    g_array_set_size (blocks, MAX (name + 1, MIN (blocks->len * 2, blocks->len + (1u << 20))));
  return &g_array_index (blocks, Block, name);
}

static void
count_request (Reading *self, const KmlRequest *request, Block *block)
{
  Stream *stream = self->stream;

  block->size = find_size (self, request->size);
  block->part = next_part (self);
  g_array_index (stream->counts, guint64, (block->size - 1) * stream->n_parts + block->part)++;
  self->n_requests++;
  self->totals->requests++;
  self->totals->of_caches += request->cache != 0;
  self->totals->constrained += request->constraints != NULL;
  self->totals->bytes += request->size;
  self->totals->largest = MAX (self->totals->largest, request->size);
}

static void
end_block (Reading *self, Block *block)
{
  const Stream *stream = self->stream;

  if (block->size > 0 && stream->lifetimes != NULL)
    g_array_index (stream->lifetimes, unsigned __int128,
                   (block->size - 1) * stream->n_parts + block->part) += self->now - block->born;
  self->live_bytes -= block->bytes;
  *block = (Block){ 0 };
}

static void
read_operation (Reading *self, const KmlOp *op)
{
  Block *block = block_of (self, op->block);

  self->now = MAX (self->now, op->time);
  switch (op->kind) {
  case KML_OP_ALLOC:
    *block = (Block){ .born = self->now, .bytes = op->request.size };
    if (op->level == KML_LEVEL_OBJECTS)
      count_request (self, &op->request, block);
    self->live_bytes += block->bytes;
    self->peak_bytes = MAX (self->peak_bytes, self->live_bytes);
    break;
  case KML_OP_FREE:
    end_block (self, block);
    break;
  case KML_OP_SPLIT: { /* both halves were born when the whole was */
    Block half = *block;

    half.bytes /= 2;
    *block_of (self, op->other) = half; /* the table may move */
    *block_of (self, op->block) = half;
    break;
  }
  default: /* KML_OP_FREE_OLD: nobody in it had asked for that */
    break;
  }
  self->totals->n_cpus = MAX (self->totals->n_cpus, op->request.cpu + 1u);
  self->totals->operations++;
}

/* The first pass. */
static void
count_operation (Reading *self, const KmlOp *op)
{
  self->length += op->kind == KML_OP_ALLOC && op->level == KML_LEVEL_OBJECTS;
}

static void
show_progress (const Progress *progress, const KmlWorkload *workload)
{
  const double share = workload->ops->progress != NULL ? workload->ops->progress (workload) : -1;

  if (progress->show != NULL)
    progress->show (share < 0 ? -1 : (progress->pass + share) / 2, progress->data);
}

/* All of @workload up to @until. */
static gboolean
read_workload (Reading *self, KmlWorkload *workload, KmlTime until,
               void (*read) (Reading *self, const KmlOp *op), const Progress *progress,
               GError **error)
{
  g_autofree KmlOp *ops = g_new (KmlOp, BATCH);
  int n;

  if (workload->until != 0 && workload->until < until)
    until = workload->until;
  while ((n = workload->ops->next (workload, ops, BATCH, error)) > 0) {
    for (int i = 0; i < n; i++) {
      if (ops[i].time > until)
        return TRUE;
      read (self, &ops[i]);
    }
    show_progress (progress, workload);
  }
  return n == 0;
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const Place *left = a, *right = b;

  return (left->size > right->size) - (left->size < right->size);
}

/* Once, because a study asks for the sizes of many folds. What is counted stays where it is: it is up to 256 bytes
 * for a size. */
static void
sort_sizes (Stream *self)
{
  self->order = g_array_sized_new (FALSE, FALSE, sizeof (Place), self->sizes->len);
  for (guint i = 0; i < self->sizes->len; i++) {
    const Place place = { g_array_index (self->sizes, guint64, i), i };

    g_array_append_val (self->order, place);
  }
  g_array_sort (self->order, compare_places);
}

/* @length: what the first pass counted. */
static gboolean
add_stream (KmlDemand *self, KmlWorkload *workload, guint64 length, KmlTime until,
            const Progress *progress, GError **error)
{
  Stream stream = { .n_parts = self->n_parts,
                    .sizes = g_array_new (FALSE, FALSE, sizeof (guint64)),
                    .counts = g_array_new (FALSE, TRUE, sizeof (guint64)),
                    .lifetimes = self->weight == KML_DEMAND_TIME
                                     ? g_array_new (FALSE, TRUE, sizeof (unsigned __int128))
                                     : NULL };
  Reading reading = {
    .totals = &self->totals,
    .stream = &stream,
    .length = length,
    .blocks = g_array_new (FALSE, TRUE, sizeof (Block)),
    .exact = g_new0 (guint32, EXACT_SIZES),
    .larger = g_hash_table_new (NULL, NULL),
  };
  gboolean good;

  reading.part_end = end_of_part (&reading, 0);
  good = read_workload (&reading, workload, until, read_operation, progress, error);
  for (guint i = 0; i < reading.blocks->len; i++)
    if (g_array_index (reading.blocks, Block, i).bytes > 0)
      end_block (&reading, &g_array_index (reading.blocks, Block, i));
  self->totals.peak_bytes += reading.peak_bytes;
  self->totals.end = MAX (self->totals.end, reading.now);
  self->totals.has_times |= reading.now > 0;
  sort_sizes (&stream);
  g_array_append_val (self->streams, stream);
  g_array_unref (reading.blocks);
  g_hash_table_unref (reading.larger);
  g_free (reading.exact);
  return good;
}

static gboolean
read_settings (const KmlRunSpec *spec, KmlMachineSettings *ret_machine, KmlTime *ret_until,
               GError **error)
{
  KmlScenarioSettings settings = { 0 };
  gboolean good;

  good = kml_run_spec_apply (spec, "scenario", kml_scenario_params, &settings, error) &&
         kml_run_spec_apply (spec, "machine", kml_machine_params, ret_machine, error);
  *ret_until = settings.until == 0 ? KML_TIME_MAX : settings.until;
  kml_params_clear (kml_scenario_params, &settings);
  kml_params_clear (kml_machine_params, ret_machine);
  return good;
}

/* What is read twice. */
typedef struct {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  KmlMachineSettings machine;
  KmlTime until;
} Source;

static GPtrArray *
open_workloads (const Source *source, GError **error)
{
  return kml_run_open_workloads (source->scenario, source->spec, (guint)source->machine.cpus,
                                 source->machine.page_size, error);
}

/* How many requests for objects there are in each stream. (transfer full) (element-type guint64) */
static GArray *
count_requests (const Source *source, Progress *progress, GError **error)
{
  g_autoptr (GPtrArray) workloads = open_workloads (source, error);
  g_autoptr (GArray) lengths = g_array_new (FALSE, FALSE, sizeof (guint64));

  if (workloads == NULL)
    return NULL;
  progress->pass = 0;
  for (guint i = 0; i < workloads->len; i++) {
    Reading reading = { 0 };

    if (!read_workload (&reading, g_ptr_array_index (workloads, i), source->until, count_operation,
                        progress, error))
      return NULL;
    g_array_append_val (lengths, reading.length);
  }
  return g_steal_pointer (&lengths);
}

static gboolean
read_streams (KmlDemand *self, const Source *source, Progress *progress, GError **error)
{
  g_autoptr (GArray) lengths = count_requests (source, progress, error);
  g_autoptr (GPtrArray) workloads = lengths != NULL ? open_workloads (source, error) : NULL;

  if (workloads == NULL)
    return FALSE;
  progress->pass = 1;
  for (guint i = 0; i < workloads->len; i++)
    if (!add_stream (self, g_ptr_array_index (workloads, i), g_array_index (lengths, guint64, i),
                     source->until, progress, error))
      return FALSE;
  return TRUE;
}

KmlDemand *
kml_demand_new (const KmlScenario *scenario, guint64 index, KmlDemandWeight weight, guint n_parts,
                void (*show) (double share, gpointer data), gpointer data, GError **error)
{
  g_autoptr (KmlDemand) self = g_new0 (KmlDemand, 1);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, index);
  Source source = { .scenario = scenario, .spec = spec };
  Progress progress = { .show = show, .data = data };

  g_assert (n_parts >= 1 && n_parts <= KML_DEMAND_MAX_PARTS);

  self->weight = weight;
  self->n_parts = n_parts;
  self->streams = g_array_new (FALSE, FALSE, sizeof (Stream));
  if (!read_settings (spec, &source.machine, &source.until, error) ||
      !read_streams (self, &source, &progress, error)) {
    kml_scenario_place_error (scenario, spec, error);
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
kml_demand_free (KmlDemand *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->streams->len; i++) {
    Stream *stream = &g_array_index (self->streams, Stream, i);

    g_array_unref (stream->sizes);
    g_array_unref (stream->order);
    g_array_unref (stream->counts);
    g_clear_pointer (&stream->lifetimes, g_array_unref);
  }
  g_array_unref (self->streams);
  g_free (self);
}

const KmlDemandTotals *
kml_demand_totals (const KmlDemand *self)
{
  return &self->totals;
}

/* ---- Sizes ---- */

/* The size and its weight in some folds. */
typedef struct {
  guint64 size;
  unsigned __int128 weight;
} Weighted;

/* The parts that are in these folds, as bits. */
static guint32
parts_of (guint n_parts, guint n_folds, guint32 folds)
{
  guint32 parts = 0;

  G_STATIC_ASSERT (KML_DEMAND_MAX_PARTS <= 32);
  for (guint part = 0; part < n_parts; part++)
    parts |= (folds >> (part * n_folds / n_parts) & 1) << part;
  return parts;
}

static Weighted
weigh (const Stream *stream, const Place *place, guint32 parts)
{
  Weighted result = { .size = place->size };

  for (; parts != 0; parts &= parts - 1) {
    const guint i = place->index * stream->n_parts + (guint)__builtin_ctz (parts);

    result.weight += stream->lifetimes != NULL
                         ? g_array_index (stream->lifetimes, unsigned __int128, i)
                         : g_array_index (stream->counts, guint64, i);
  }
  return result;
}

static int
compare_weighted (gconstpointer a, gconstpointer b)
{
  const Weighted *left = a, *right = b;

  return (left->size > right->size) - (left->size < right->size);
}

/* Bits to leave out so that the sum of all weights, each rounded up, is below 2^62. */
static guint
bits_too_many (const GArray *all)
{
  unsigned __int128 sum = 0;
  guint bits = 0;

  for (guint i = 0; i < all->len; i++)
    sum += g_array_index (all, Weighted, i).weight;
  while (sum >> bits >= G_GUINT64_CONSTANT (1) << 61)
    bits++;
  return bits;
}

GArray *
kml_demand_sizes (const KmlDemand *self, guint n_folds, guint32 folds)
{
  GArray *counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Weighted));
  const guint32 parts = parts_of (self->n_parts, n_folds, folds);
  guint shift;

  g_assert (n_folds >= 1);
  g_assert (self->n_parts % n_folds == 0);

  for (guint i = 0; i < self->streams->len; i++) {
    const Stream *stream = &g_array_index (self->streams, Stream, i);

    for (guint j = 0; j < stream->order->len; j++) {
      const Weighted weighted = weigh (stream, &g_array_index (stream->order, Place, j), parts);

      if (weighted.weight > 0)
        g_array_append_val (all, weighted);
    }
  }
  if (self->streams->len > 1) /* each is sorted */
    g_array_sort (all, compare_weighted);
  shift = bits_too_many (all);
  for (guint i = 0; i < all->len; i++) {
    const Weighted *weighted = &g_array_index (all, Weighted, i);
    const KmlSizeCount count = { weighted->size, MAX ((guint64)(weighted->weight >> shift), 1) };

    if (counts->len > 0 && g_array_index (counts, KmlSizeCount, counts->len - 1).size == count.size)
      g_array_index (counts, KmlSizeCount, counts->len - 1).count += count.count;
    else
      g_array_append_val (counts, count);
  }
  return counts;
}
