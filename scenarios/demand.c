/* demand.c: what a scenario's workloads ask objects for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stream's length is not known before its end, so parts begin with one request each; whenever
 * there are KML_DEMAND_PARTS of them, neighbours are joined and parts become twice as long. Memory is
 * O(live blocks + sizes) and one pass is enough. A block's lifetime counts where it was born;
 * blocks that are live at the end lived until then.
 *
 * Pieces of time are pieces of the stream: each has as many requests as the next, whether the recorded kernel was busy or
 * idle. For a workload without times (asap, closed) there is no other measure.
 */

#include "scenarios/demand.h"

#include "scenarios/run.h"

#include <string.h>

#define EXACT_SIZES 16384 /* sizes below are found by index, larger ones by hash */
#define BATCH       512

/* Of one size, in each part. */
typedef struct {
  guint64 parts[KML_DEMAND_PARTS];
} Requests;

typedef struct {
  unsigned __int128 parts[KML_DEMAND_PARTS]; /* ps */
} Lifetimes;

/* A size, and where it is among those of its stream. */
typedef struct {
  guint64 size;
  guint32 index;
} Place;

typedef struct {
  GArray *sizes;     /* (owned) (element-type guint64): in the order in which they came */
  GArray *counts;    /* (owned) (element-type Requests): of each size */
  GArray *lifetimes; /* (owned) (nullable) (element-type Lifetimes): where these are its weights */
  GArray
      *order; /* (owned) (element-type Place): the sizes from the smallest on, when all are there */
  guint64 requests; /* so far */
  guint64 length;   /* requests to a part: request r is in part r / length */
} Stream;

/* A live block. */
typedef struct {
  KmlTime born;
  guint64 request; /* its number in the stream */
  guint64 bytes;
  guint32 size; /* 1 + index in the stream's sizes; 0: of pages */
} Block;

struct _KmlDemand {
  KmlDemandWeight weight;
  KmlDemandTotals totals;
  GArray *streams; /* (owned) (element-type Stream) */
};

/* A stream as it is read. */
typedef struct {
  KmlDemandTotals *totals;
  Stream *stream;
  GArray *blocks;     /* (owned) (element-type Block): by name */
  guint32 *exact;     /* (owned) (array length=EXACT_SIZES): 1 + index of the size */
  GHashTable *larger; /* (owned): size to 1 + index */
  guint64 live_bytes, peak_bytes;
  KmlTime now;
} Reading;

/* ---- Parts ---- */

static void
join_requests (Requests *self)
{
  for (guint part = 0; part < KML_DEMAND_PARTS / 2; part++)
    self->parts[part] = self->parts[2 * part] + self->parts[2 * part + 1];
  memset (self->parts + KML_DEMAND_PARTS / 2, 0, sizeof self->parts / 2);
}

static void
join_lifetimes (Lifetimes *self)
{
  for (guint part = 0; part < KML_DEMAND_PARTS / 2; part++)
    self->parts[part] = self->parts[2 * part] + self->parts[2 * part + 1];
  memset (self->parts + KML_DEMAND_PARTS / 2, 0, sizeof self->parts / 2);
}

static void
join_parts (Stream *self)
{
  for (guint i = 0; i < self->sizes->len; i++)
    join_requests (&g_array_index (self->counts, Requests, i));
  for (guint i = 0; self->lifetimes != NULL && i < self->sizes->len; i++)
    join_lifetimes (&g_array_index (self->lifetimes, Lifetimes, i));
  self->length *= 2;
}

static guint
part_of (const Stream *self, guint64 request)
{
  return (guint)(request / self->length);
}

/* ---- Reading ---- */

static guint32
new_size (Reading *self, guint64 bytes)
{
  Stream *stream = self->stream;

  g_array_append_val (stream->sizes, bytes);
  g_array_set_size (stream->counts, stream->sizes->len);
  if (stream->lifetimes != NULL)
    g_array_set_size (stream->lifetimes, stream->sizes->len);
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

static guint32
count_request (Reading *self, const KmlRequest *request)
{
  Stream *stream = self->stream;
  const guint32 size = find_size (self, request->size);

  if (part_of (stream, stream->requests) == KML_DEMAND_PARTS)
    join_parts (stream);
  g_array_index (stream->counts, Requests, size - 1).parts[part_of (stream, stream->requests)]++;
  stream->requests++;
  self->totals->requests++;
  self->totals->constrained += request->constraints != NULL;
  self->totals->bytes += request->size;
  self->totals->largest = MAX (self->totals->largest, request->size);
  return size;
}

static void
end_block (Reading *self, Block *block)
{
  if (block->size > 0 && self->stream->lifetimes != NULL)
    g_array_index (self->stream->lifetimes, Lifetimes, block->size - 1)
        .parts[part_of (self->stream, block->request)] += self->now - block->born;
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
    *block = (Block){ .born = self->now,
                      .request = self->stream->requests,
                      .bytes = op->request.size };
    if (op->level == KML_LEVEL_OBJECTS)
      block->size = count_request (self, &op->request);
    self->live_bytes += block->bytes;
    self->peak_bytes = MAX (self->peak_bytes, self->live_bytes);
    break;
  case KML_OP_FREE:
    end_block (self, block);
    break;
  default: { /* both halves were born when the whole was */
    Block half = *block;

    half.bytes /= 2;
    *block_of (self, op->other) = half; /* the table may move */
    *block_of (self, op->block) = half;
  }
  }
  self->totals->n_cpus = MAX (self->totals->n_cpus, op->request.cpu + 1u);
  self->totals->operations++;
}

/* All of @workload up to @until. */
static gboolean
read_workload (Reading *self, KmlWorkload *workload, KmlTime until,
               void (*progress) (double share, gpointer data), gpointer data, GError **error)
{
  g_autofree KmlOp *ops = g_new (KmlOp, BATCH);
  int n;

  while ((n = workload->ops->next (workload, ops, BATCH, error)) > 0) {
    for (int i = 0; i < n; i++) {
      if (ops[i].time > until)
        return TRUE;
      read_operation (self, &ops[i]);
    }
    if (progress != NULL)
      progress (workload->ops->progress != NULL ? workload->ops->progress (workload) : -1, data);
  }
  return n == 0;
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const Place *left = a, *right = b;

  return (left->size > right->size) - (left->size < right->size);
}

/* Once, because a study asks for the sizes of many folds. What is counted stays where it is: it is 256 bytes
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

static gboolean
add_stream (KmlDemand *self, KmlWorkload *workload, KmlTime until,
            void (*progress) (double share, gpointer data), gpointer data, GError **error)
{
  Stream stream = { .sizes = g_array_new (FALSE, FALSE, sizeof (guint64)),
                    .counts = g_array_new (FALSE, TRUE, sizeof (Requests)),
                    .lifetimes = self->weight == KML_DEMAND_TIME
                                     ? g_array_new (FALSE, TRUE, sizeof (Lifetimes))
                                     : NULL,
                    .length = 1 };
  Reading reading = {
    .totals = &self->totals,
    .stream = &stream,
    .blocks = g_array_new (FALSE, TRUE, sizeof (Block)),
    .exact = g_new0 (guint32, EXACT_SIZES),
    .larger = g_hash_table_new (NULL, NULL),
  };
  const gboolean good = read_workload (&reading, workload,
                                       workload->until != 0 ? MIN (until, workload->until) : until,
                                       progress, data, error);

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

KmlDemand *
kml_demand_new (const KmlScenario *scenario, guint64 index, KmlDemandWeight weight,
                void (*progress) (double share, gpointer data), gpointer data, GError **error)
{
  g_autoptr (KmlDemand) self = g_new0 (KmlDemand, 1);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, index);
  g_autoptr (GPtrArray) workloads = NULL;
  KmlMachineSettings machine = { 0 };
  KmlTime until;

  self->weight = weight;
  self->streams = g_array_new (FALSE, FALSE, sizeof (Stream));
  if (read_settings (spec, &machine, &until, error))
    workloads = kml_run_open_workloads (scenario, spec, (guint)machine.cpus, machine.page_size,
                                        error);
  for (guint i = 0; workloads != NULL && i < workloads->len; i++)
    if (!add_stream (self, g_ptr_array_index (workloads, i), until, progress, data, error))
      g_clear_pointer (&workloads, g_ptr_array_unref);
  if (workloads == NULL) {
    g_prefix_error (error, "%s: ", kml_scenario_name (scenario));
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
parts_of (const Stream *stream, guint n_folds, guint32 folds)
{
  const guint n_parts = stream->requests > 0 ? part_of (stream, stream->requests - 1) + 1 : 1;
  guint32 parts = 0;

  G_STATIC_ASSERT (KML_DEMAND_PARTS <= 32);
  for (guint part = 0; part < n_parts; part++)
    parts |= (folds >> (part * n_folds / n_parts) & 1) << part;
  return parts;
}

static Weighted
weigh (const Stream *stream, const Place *place, guint32 parts)
{
  Weighted result = { .size = place->size };

  for (; parts != 0; parts &= parts - 1) {
    const guint part = (guint)__builtin_ctz (parts);

    result.weight += stream->lifetimes != NULL
                         ? g_array_index (stream->lifetimes, Lifetimes, place->index).parts[part]
                         : g_array_index (stream->counts, Requests, place->index).parts[part];
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
  guint shift;

  g_assert (n_folds >= 1 && n_folds <= KML_DEMAND_PARTS);

  for (guint i = 0; i < self->streams->len; i++) {
    const Stream *stream = &g_array_index (self->streams, Stream, i);
    const guint32 parts = parts_of (stream, n_folds, folds);

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
