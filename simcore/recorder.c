/* recorder.c: setting up, snapshots, and the scalar results.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What runs on every operation is inline in driver.c's reach (recorder-hot.h);
 * this file is what runs now and then.
 */

#include "simcore/recorder-hot.h"

#include <math.h>

#define HALF_LN_200 2.6491586832740180 /* ln (2 / 0.01) / 2: a constant, since log() may differ in its last bit */

#define FIRST_STEP (10 * KML_US) /* of the automatic grid: the finest that pays off in a plot of any run */

const char *const kml_operation_names[KML_N_OPERATIONS] = { "alloc", "free" };

const KmlSeriesInfo kml_series_info[KML_N_SERIES] = {
  [KML_SERIES_LIVE_BLOCKS] = { "live.blocks", "blocks", 1 },
  [KML_SERIES_REQUESTED] = { "memory.requested_bytes", "bytes", 1 },
  [KML_SERIES_HELD] = { "memory.held_bytes", "bytes", 1 },
  [KML_SERIES_RESERVED] = { "memory.reserved_bytes", "bytes", 1 },
  [KML_SERIES_FREE] = { "memory.free_bytes", "bytes", 1 },
  [KML_SERIES_INTERNAL] = { "frag.internal", "ratio", 1e9 },
  [KML_SERIES_EXTERNAL] = { "frag.external", "ratio", 1e9 },
};

static const char *const event_choices[] = { "none", "sample", "all", NULL };

const KmlParam kml_record_params[] = {
  { .name = "latency", .type = KML_PARAM_BOOL, .value = "yes",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, latency),
    .summary = "a latency histogram per operation and context" },
  { .name = "waste", .type = KML_PARAM_BOOL, .value = "yes",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, waste),
    .summary = "bytes asked for and held, by requested size" },
  { .name = "pagemap", .type = KML_PARAM_BOOL, .value = "no",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, pagemap),
    .summary = "which page frames are in use, at every snapshot" },
  { .name = "events", .type = KML_PARAM_CHOICE, .value = "none", .choices = event_choices,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, events),
    .summary = "raw samples of operations: none, a random sample, or all" },
  { .name = "sampling", .type = KML_PARAM_REAL, .value = "0.02",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, sampling),
    .grammar = "a share in (0, 1]",
    .summary = "with events = sample: the share of operations that is kept" },
  { .name = "interval", .type = KML_PARAM_TIME, .value = "0",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, interval),
    .summary = "simulated time between snapshots; 0: as fine as `points` allows" },
  { .name = "points", .type = KML_PARAM_COUNT, .value = "512", .min = 2, .max = 65536,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, points),
    .summary = "with interval = 0: at most so many snapshots, at least half as many" },
  { .name = "external-order", .type = KML_PARAM_COUNT, .value = "9", .min = 0, .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, external_order),
    .summary = "the order that frag.external is about; 9 is a 2 MiB page" },
  { NULL }
};

const KmlMetricInfo kml_recorder_metric_info[] = {
  { "alloc.count", "requests", "requests that were given a block" },
  { "alloc.failed", "requests", "requests that were given none" },
  { "free.count", "operations", "blocks given back" },
  { "free.skipped", "operations", "frees of blocks whose request had failed: nothing to give back" },
  { "frag.internal.mean", "ratio",
    "1 - (integral of requested over time) / (integral of held over time), of live blocks" },
  { "frag.internal.requests", "ratio",
    "1 - (sum of bytes asked for) / (sum of bytes held), over all requests given a block" },
  { "frag.internal.end", "ratio", "(held - requested) / held of the blocks live at the end" },
  { "frag.internal.peak", "ratio", "(held - requested) / held at the moment when most was held" },
  { "frag.external.end", "ratio",
    "unusable free space index for [record] external-order at the end: 1 - (free memory in blocks of at "
    "least this order) / (free memory)" },
  { "frag.external.peak", "ratio", "the largest value that the index had" },
  { "frag.unusable.orderN.end", "ratio", "unusable free space index for order N at the end" },
  { "memory.requested.peak_bytes", "bytes", "the most bytes asked for by live blocks" },
  { "memory.held.peak_bytes", "bytes", "the most bytes held by live blocks" },
  { "memory.reserved.peak_bytes", "bytes",
    "the most page memory taken from the page allocator, metadata and empty slabs included" },
  { "memory.reserved.end_bytes", "bytes", "the same at the end" },
  { "memory.metadata.peak_bytes", "bytes",
    "the frame table, and what allocators keep for themselves, at most" },
  { "live.blocks.end", "blocks", "blocks not given back at the end" },
  { "latency.{alloc,free}.{mean,p50,p90,p99,p999,max}_ns", "ns",
    "simulated time from start to end of an operation; quantiles to 3 %" },
  { "latency.{alloc,free}.CONTEXT.{mean,p50,p90,p99,p999,max}_ns", "ns",
    "the same in process, softirq or hardirq context alone" },
  { "sampling.count", "samples", "operations kept as raw samples" },
  { "sampling.dkw99", "probability",
    "with 99 % confidence the distribution of the samples is nowhere further than this from that of all "
    "operations (Dvoretzky-Kiefer-Wolfowitz, Massart): sqrt (ln (2 / 0.01) / (2 n))" },
  { NULL }
};

/* ---- Life ---- */

KmlRecorder *
kml_recorder_new (const KmlRecordConfig *config, KmlMachine *machine, KmlAllocator *pages,
                  KmlAllocator *objects)
{
  KmlRecorder *self = g_new0 (KmlRecorder, 1);

  g_assert (config->points >= 2);

  self->config = *config;
  self->machine = machine;
  self->pages = pages;
  self->objects = objects;
  if (config->latency)
    for (guint operation = 0; operation < KML_N_OPERATIONS; operation++)
      for (guint context = 0; context < KML_N_CONTEXTS; context++)
        self->latency[operation][context] = g_new0 (KmlHistogram, 1);
  if (config->waste)
    self->waste = g_new0 (KmlWaste, KML_WASTE_N);
  if (config->events != KML_RECORD_NONE)
    self->samples = g_new0 (KmlSampleBlock, 1);
  self->sampling_threshold = G_MAXUINT64;
  if (config->events == KML_RECORD_SAMPLE && config->sampling < 1.0)
    self->sampling_threshold = (guint64) ldexp (config->sampling, 64);
  kml_rng_init (&self->sampling_rng, machine->seed, "recorder.sampling");
  self->failures = g_array_new (FALSE, FALSE, sizeof (KmlFailure));
  self->snapshots = g_array_new (FALSE, TRUE, sizeof (KmlSnapshot));
  self->step = config->interval != 0 ? config->interval : FIRST_STEP;
  self->area_version = machine->free_area.version - 1;
  kml_recorder_look_at_pages (self);
  return self;
}

static void
snapshot_clear (KmlSnapshot *snapshot)
{
  g_clear_pointer (&snapshot->caches, g_free);
  g_clear_pointer (&snapshot->pagemap, g_free);
}

void
kml_recorder_free (KmlRecorder *self)
{
  if (self == NULL)
    return;
  for (guint operation = 0; operation < KML_N_OPERATIONS; operation++)
    for (guint context = 0; context < KML_N_CONTEXTS; context++)
      g_free (self->latency[operation][context]);
  for (guint i = 0; i < self->snapshots->len; i++)
    snapshot_clear (&g_array_index (self->snapshots, KmlSnapshot, i));
  g_array_unref (self->snapshots);
  g_array_unref (self->failures);
  g_free (self->waste);
  g_free (self->samples);
  g_clear_error (&self->sink_error);
  g_free (self);
}

void
kml_recorder_set_sink (KmlRecorder *self, KmlSampleSink sink, gpointer data)
{
  self->sink = sink;
  self->sink_data = data;
}

/* ---- Pages ---- */

static guint64
metadata_bytes (const KmlRecorder *self)
{
  const KmlRam *ram = self->machine->ram;
  guint64 bytes = (guint64) (ram->n_frames - ram->n_usable) << ram->page_shift;

  bytes += self->pages->metadata_bytes;
  if (self->objects != NULL)
    bytes += self->objects->metadata_bytes;
  return bytes;
}

static guint64
reserved_bytes (const KmlRecorder *self)
{
  return (self->machine->ram->n_usable - self->machine->free_area.n_free)
         << self->machine->ram->page_shift;
}

/* The index in parts per 10^9: what is compared and hashed is an integer. */
static guint64
external_ppb (const KmlRecorder *self)
{
  const KmlFreeArea *area = &self->machine->free_area;
  const guint64 suitable = kml_free_area_suitable (area, (guint) self->config.external_order);

  if (area->n_free == 0)
    return 0;
  return (guint64) ((unsigned __int128) (area->n_free - suitable) * 1000000000 / area->n_free);
}

void
kml_recorder_look_at_pages (KmlRecorder *self)
{
  self->area_version = self->machine->free_area.version;
  self->peak_reserved = MAX (self->peak_reserved, reserved_bytes (self));
  self->peak_metadata = MAX (self->peak_metadata, metadata_bytes (self));
  self->peak_external_ppb = MAX (self->peak_external_ppb, external_ppb (self));
}

/* ---- Snapshots ---- */

static void
collect_cache (const KmlCacheInfo *cache, gpointer user_data)
{
  g_array_append_val ((GArray *) user_data, *cache);
}

typedef struct {
  guint64 *used; /* (array length=KML_PAGEMAP_CELLS): bytes in use */
  guint64 n_bytes; /* of the usable range */
} Pagemap;

/* Cell c is about [c, c + 1) / KML_PAGEMAP_CELLS of the usable range. */
static KmlAddr
cell_start (const Pagemap *map, guint64 cell)
{
  return (KmlAddr) ((unsigned __int128) cell * map->n_bytes / KML_PAGEMAP_CELLS);
}

static void
add_to_pagemap (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  Pagemap *map = user_data;
  const KmlAddr end = start + size;
  guint64 cell;

  if (state == KML_BLOCK_FREE)
    return;
  cell = (guint64) ((unsigned __int128) start * KML_PAGEMAP_CELLS / map->n_bytes);
  while (start < end) {
    const KmlAddr cell_end = MIN (cell_start (map, cell + 1), end);

    if (cell_end > start) {
      map->used[cell] += cell_end - start;
      start = cell_end;
    }
    cell++;
  }
}

static guint8 *
take_pagemap (const KmlRecorder *self)
{
  const KmlRam *ram = self->machine->ram;
  guint64 used[KML_PAGEMAP_CELLS] = { 0 };
  Pagemap map = { .used = used, .n_bytes = (guint64) ram->n_usable << ram->page_shift };
  guint8 *cells = g_new (guint8, KML_PAGEMAP_CELLS);

  self->pages->ops->walk (self->pages, add_to_pagemap, &map);
  for (guint cell = 0; cell < KML_PAGEMAP_CELLS; cell++) {
    const guint64 size = cell_start (&map, cell + 1) - cell_start (&map, cell);

    /* rounded up: one used frame is seen */
    cells[cell] = size == 0 ? 0 : (guint8) ((used[cell] * 255 + size - 1) / size);
  }
  return cells;
}

static guint64
internal_ppb (guint64 requested, guint64 held)
{
  if (held == 0)
    return 0;
  return (guint64) ((unsigned __int128) (held - requested) * 1000000000 / held);
}

static void
take_snapshot (KmlRecorder *self, KmlTime time)
{
  const KmlFreeArea *area = &self->machine->free_area;
  KmlSnapshot snapshot = {
    .time = time,
    .values = {
      [KML_SERIES_LIVE_BLOCKS] = self->live_blocks,
      [KML_SERIES_REQUESTED] = self->requested,
      [KML_SERIES_HELD] = self->held,
      [KML_SERIES_RESERVED] = reserved_bytes (self),
      [KML_SERIES_FREE] = area->n_free << self->machine->ram->page_shift,
      [KML_SERIES_INTERNAL] = internal_ppb (self->requested, self->held),
      [KML_SERIES_EXTERNAL] = external_ppb (self),
    },
  };

  memcpy (snapshot.free_blocks, area->blocks, sizeof snapshot.free_blocks);
  if (self->objects != NULL && self->objects->ops->walk_caches != NULL) {
    GArray *caches = g_array_new (FALSE, FALSE, sizeof (KmlCacheInfo));

    self->objects->ops->walk_caches (self->objects, collect_cache, caches);
    snapshot.n_caches = caches->len;
    snapshot.caches = (KmlCacheInfo *) g_array_free (caches, FALSE);
  }
  if (self->config.pagemap)
    snapshot.pagemap = take_pagemap (self);
  g_array_append_val (self->snapshots, snapshot);
}

/* Drops every second snapshot and doubles the step: those that stay are on the new, coarser grid. */
static void
thin_snapshots (KmlRecorder *self)
{
  KmlSnapshot *snapshots = (KmlSnapshot *) self->snapshots->data;
  guint n_kept = 0;

  self->step *= 2;
  for (guint i = 0; i < self->snapshots->len; i++) {
    if (snapshots[i].time % self->step == 0)
      snapshots[n_kept++] = snapshots[i];
    else
      snapshot_clear (&snapshots[i]);
  }
  g_array_set_size (self->snapshots, n_kept);
}

/* The state has not changed since the last operation, so it is that of every grid point up to now;
 * the last one before @now is written. */
void
kml_recorder_snapshot_due (KmlRecorder *self, KmlTime now)
{
  while (self->config.interval == 0 && self->snapshots->len >= self->config.points)
    thin_snapshots (self);
  take_snapshot (self, now - now % self->step);
  self->next_snapshot = now - now % self->step + self->step;
}

/* ---- Samples and failures ---- */

void
kml_recorder_flush_samples (KmlRecorder *self)
{
  g_autofree guint8 *data = NULL;
  KmlSampleBlock *block = self->samples;

  if (block->n == 0)
    return;
  self->n_samples += block->n;
  if (self->sink != NULL && self->sink_error == NULL) {
    gsize n_bytes;

    data = g_malloc (KML_SAMPLE_MAX_BYTES);
    n_bytes = kml_sample_block_encode (block, data);
    self->sink (block->columns[KML_SAMPLE_TIME][0], block->columns[KML_SAMPLE_TIME][block->n - 1],
                block->n, data, n_bytes, self->sink_data, &self->sink_error);
  }
  block->n = 0;
}

void
kml_recorder_failed (KmlRecorder *self, const KmlOp *op, KmlTime start)
{
  KmlFailure failure = { .time = start, .request = op->request, .level = op->level };

  self->n_failed++;
  if (self->failures->len >= KML_MAX_FAILURES)
    return;
  failure.request.constraints = NULL;
  g_array_append_val (self->failures, failure);
}

gboolean
kml_recorder_finish (KmlRecorder *self, GError **error)
{
  const KmlTime end = self->machine->now;

  kml_recorder_advance (self, end);
  kml_recorder_look_at_pages (self);
  take_snapshot (self, end);
  if (self->samples != NULL)
    kml_recorder_flush_samples (self);
  if (self->sink_error != NULL) {
    g_propagate_error (error, g_steal_pointer (&self->sink_error));
    return FALSE;
  }
  return TRUE;
}

void
kml_recorder_waste_range (guint i, guint64 *ret_lo, guint64 *ret_hi)
{
  g_assert (i < KML_WASTE_N);

  if (i <= KML_WASTE_EXACT) {
    *ret_lo = *ret_hi = i;
  } else {
    const guint bucket = i - KML_WASTE_EXACT - 1;

    *ret_lo = MAX (kml_histogram_bucket_lo (bucket), KML_WASTE_EXACT + 1);
    *ret_hi = kml_histogram_bucket_lo (bucket) + (kml_histogram_bucket_width (bucket) - 1);
  }
}

/* ---- Metrics ---- */

void
kml_metric_clear (KmlMetric *metric)
{
  g_clear_pointer (&metric->name, g_free);
}

static void G_GNUC_PRINTF (4, 5)
add_metric (GArray *metrics, const char *unit, double value, const char *name, ...)
{
  KmlMetric metric = { .unit = unit, .value = value };
  va_list args;

  va_start (args, name);
  metric.name = g_strdup_vprintf (name, args);
  va_end (args);
  g_array_append_val (metrics, metric);
}

/* @context is "" or "process." and the like. */
static void
add_latency (GArray *metrics, const char *operation, const char *context,
             const KmlHistogram *histogram)
{
  static const struct {
    const char *name;
    guint64 parts, per;
  } quantiles[] = { { "p50", 50, 100 }, { "p90", 90, 100 }, { "p99", 99, 100 },
                    { "p999", 999, 1000 } };

  add_metric (metrics, "ns", kml_histogram_mean (histogram) / KML_NS, "latency.%s.%smean_ns",
              operation, context);
  for (guint i = 0; i < G_N_ELEMENTS (quantiles); i++)
    add_metric (metrics, "ns",
                (double) kml_histogram_quantile (histogram, quantiles[i].parts, quantiles[i].per) /
                  KML_NS,
                "latency.%s.%s%s_ns", operation, context, quantiles[i].name);
  add_metric (metrics, "ns", (double) histogram->max / KML_NS, "latency.%s.%smax_ns", operation,
              context);
}

static void
add_latencies (const KmlRecorder *self, GArray *metrics)
{
  for (guint operation = 0; operation < KML_N_OPERATIONS; operation++) {
    g_autofree KmlHistogram *all = g_new0 (KmlHistogram, 1);

    for (guint context = 0; context < KML_N_CONTEXTS; context++) {
      const KmlHistogram *histogram = self->latency[operation][context];
      g_autofree char *infix = g_strconcat (kml_context_names[context], ".", NULL);

      if (histogram->n == 0)
        continue;
      kml_histogram_merge (all, histogram);
      add_latency (metrics, kml_operation_names[operation], infix, histogram);
    }
    add_latency (metrics, kml_operation_names[operation], "", all);
  }
}

static void
add_fragmentation (const KmlRecorder *self, GArray *metrics)
{
  const KmlFreeArea *area = &self->machine->free_area;
  const double mean = self->held_time == 0
                        ? 0.0
                        : (double) (self->held_time - self->requested_time) / (double) self->held_time;
  guint64 requested = 0, held = 0;
  guint largest = 10; /* buddyinfo's columns at least */

  add_metric (metrics, "ratio", mean, "frag.internal.mean");
  if (self->waste != NULL) {
    for (guint i = 0; i < KML_WASTE_N; i++) {
      requested += self->waste[i].requested;
      held += self->waste[i].held;
    }
    add_metric (metrics, "ratio", held == 0 ? 0.0 : (double) (held - requested) / (double) held,
                "frag.internal.requests");
  }
  add_metric (metrics, "ratio", (double) internal_ppb (self->requested, self->held) / 1e9,
              "frag.internal.end");
  add_metric (metrics, "ratio",
              (double) internal_ppb (self->requested_at_peak_held, self->peak_held) / 1e9,
              "frag.internal.peak");
  add_metric (metrics, "ratio", (double) external_ppb (self) / 1e9, "frag.external.end");
  add_metric (metrics, "ratio", (double) self->peak_external_ppb / 1e9, "frag.external.peak");
  for (guint order = largest + 1; order <= KML_MAX_ORDER; order++)
    for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
      if (area->blocks[mobility][order] > 0)
        largest = order;
  for (guint order = 0; order <= largest; order++)
    add_metric (metrics, "ratio", kml_free_area_unusable (area, order),
                "frag.unusable.order%u.end", order);
}

static int
compare_metrics (gconstpointer a, gconstpointer b)
{
  return strcmp (((const KmlMetric *) a)->name, ((const KmlMetric *) b)->name);
}

void
kml_metrics_sort (GArray *metrics)
{
  g_array_sort (metrics, compare_metrics);
}

GArray *
kml_recorder_metrics (const KmlRecorder *self)
{
  GArray *metrics = g_array_new (FALSE, FALSE, sizeof (KmlMetric));

  g_array_set_clear_func (metrics, (GDestroyNotify) kml_metric_clear);
  add_metric (metrics, "requests", (double) self->n_alloc, "alloc.count");
  add_metric (metrics, "requests", (double) self->n_failed, "alloc.failed");
  add_metric (metrics, "operations", (double) self->n_free, "free.count");
  add_metric (metrics, "operations", (double) self->n_free_skipped, "free.skipped");
  add_metric (metrics, "blocks", (double) self->live_blocks, "live.blocks.end");
  add_metric (metrics, "bytes", (double) self->peak_requested, "memory.requested.peak_bytes");
  add_metric (metrics, "bytes", (double) self->peak_held, "memory.held.peak_bytes");
  add_metric (metrics, "bytes", (double) self->peak_reserved, "memory.reserved.peak_bytes");
  add_metric (metrics, "bytes", (double) reserved_bytes (self), "memory.reserved.end_bytes");
  add_metric (metrics, "bytes", (double) self->peak_metadata, "memory.metadata.peak_bytes");
  add_fragmentation (self, metrics);
  if (self->config.latency)
    add_latencies (self, metrics);
  if (self->samples != NULL) {
    add_metric (metrics, "samples", (double) self->n_samples, "sampling.count");
    if (self->config.events == KML_RECORD_SAMPLE && self->n_samples > 0)
      add_metric (metrics, "probability",
                  sqrt (HALF_LN_200 / (double) self->n_samples), "sampling.dkw99");
  }
  kml_metrics_sort (metrics);
  return metrics;
}
