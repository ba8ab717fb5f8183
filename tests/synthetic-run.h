/* synthetic-run.h: a run that never happened, for tests of what stores and shows runs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recorder is filled by hand with numbers that look like those of a run and
 * depend on @flavour alone, so a test knows every one of them without running
 * the simulator.
 */

#pragma once

#include <string.h>

#include "analysis/database.h"
#include "simcore/base/rng.h"
#include "simcore/tasks/scheduler-private.h"

#define SYNTHETIC_N_SNAPSHOTS 200
#define SYNTHETIC_STEP        (10 * KML_MS)
#define SYNTHETIC_RAM         (64 << 20)

/* What a run has at least, for one of which a test says the rest. */
#define BARE_RUN                                                                                   \
  .run_id = 1, .run_key = "k", .scenario = "s", .title = "", .scenario_text = "", .overrides = "", \
  .base_dir = "", .status = "done", .version = "", .started_at = -1, .wall_ns = -1

typedef struct {
  KmlMachine *machine;
  KmlAllocator pages;
  KmlRecorder *recorder;
} Synthetic;

static inline void
synthetic_finish (Synthetic *self)
{
  kml_recorder_free (self->recorder);
  kml_machine_free (self->machine);
}

static inline void
synthetic_add_snapshot (KmlRecorder *recorder, guint i, guint flavour, KmlRng *rng)
{
  const guint64 live = 2000 + 30 * i + kml_rng_below (rng, 400);
  const guint64 requested = live * 180 + 40000 * (i / 50);
  const guint64 held = requested + requested * (6 + 5 * flavour + kml_rng_below (rng, 2)) / 100;
  const guint64 reserved = (held * 5 / 4 + (2 << 20)) & ~G_GUINT64_CONSTANT (4095);
  KmlSnapshot snapshot = { .time = i * SYNTHETIC_STEP };

  snapshot.values[KML_SERIES_LIVE_BLOCKS] = live;
  snapshot.values[KML_SERIES_REQUESTED] = requested;
  snapshot.values[KML_SERIES_HELD] = held;
  snapshot.values[KML_SERIES_RESERVED] = reserved;
  snapshot.values[KML_SERIES_FREE] = SYNTHETIC_RAM - reserved;
  snapshot.values[KML_SERIES_INTERNAL] = (held - requested) * 1000000000 / held;
  snapshot.values[KML_SERIES_EXTERNAL] = 1000000 *
                                         (100 + 2 * i + 40 * flavour + kml_rng_below (rng, 20));
  for (guint order = 0; order <= 10; order++) {
    snapshot.free_blocks[KML_MOBILITY_UNMOVABLE][order] = kml_rng_below (rng, 40) >> (order / 2);
    snapshot.free_blocks[KML_MOBILITY_MOVABLE][order] = (1200 >> order) + kml_rng_below (rng, 3);
  }
  snapshot.n_caches = 2;
  snapshot.caches = g_new0 (KmlCacheInfo, 2);
  snapshot.caches[0] = (KmlCacheInfo){ .name = "kmalloc-64",
                                       .object_size = 64,
                                       .n_objects = 128,
                                       .n_active = 100 + flavour,
                                       .n_slabs = 2,
                                       .n_frames = 2 };
  snapshot.caches[1] = (KmlCacheInfo){ .name = "kmalloc-192",
                                       .object_size = 192,
                                       .n_objects = 42,
                                       .n_active = 40,
                                       .n_slabs = 2,
                                       .n_frames = 2 };
  if (recorder->config.pagemap) {
    const guint filled = 20 + i + 10 * flavour;

    snapshot.pagemap = g_new0 (guint8, KML_PAGEMAP_CELLS);
    for (guint cell = 0; cell < KML_PAGEMAP_CELLS; cell++)
      snapshot.pagemap[cell] = (guint8)(cell < filled ? 155 + kml_rng_below (rng, 101)
                                        : kml_rng_below (rng, 30) == 0 ? 40
                                                                       : 0);
  }
  g_array_append_val (recorder->snapshots, snapshot);
}

static inline void
synthetic_add_latencies (KmlRecorder *recorder, guint flavour, KmlRng *rng)
{
  for (guint i = 0; i < 20000; i++) {
    const KmlContext context = i % 10 == 0 ? KML_CONTEXT_HARDIRQ : KML_CONTEXT_PROCESS;
    const guint64 slow = kml_rng_below (rng, 50) == 0 ? kml_rng_below (rng, 4000000) : 0;

    kml_histogram_add (recorder->latency[KML_OPERATION_ALLOC][context],
                       (12 + 4 * flavour) * KML_NS + kml_rng_below (rng, 30000) + slow);
    kml_histogram_add (recorder->latency[KML_OPERATION_FREE][context],
                       (8 + flavour) * KML_NS + kml_rng_below (rng, 12000) + slow / 8);
  }
}

static inline void
synthetic_add_waste (KmlRecorder *recorder, guint flavour)
{
  static const guint sizes[] = { 8,   18,  24,  40,  56,   72,   100,  130,
                                 192, 260, 520, 600, 1200, 4000, 8300, 30000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    const guint size = sizes[i];
    guint64 held = 8;

    while (held < size)
      held += flavour == 0 ? held : MAX (8, held / (2 * flavour));
    for (guint n = 900000 / size; n > 0; n--)
      kml_recorder_add_waste (recorder, size, held);
  }
}

/* Three sites: one that wastes much for a short time, one that wastes little for ever, and one without a
 * name. The third and fourth number are called alike. */
static const char *
synthetic_site (const KmlWorkload *workload, guint32 site)
{
  static const char *const names[] = { "", "short `touch canary`<b>", "ever+0x1", "ever+0x1" };

  return names[site];
}

static const KmlWorkloadOps synthetic_workload_ops = { .name = "toy", .site = synthetic_site };

static inline void
synthetic_add_origins (KmlRecorder *recorder, guint flavour)
{
  static KmlWorkload workload = { .ops = &synthetic_workload_ops, .name = (char *)"it's" };
  static KmlWorkload *const workloads[] = { &workload };
  KmlTime now = 0;

  kml_recorder_set_workloads (recorder, workloads, 1);
  for (guint32 i = 0; i < 1000; i++) {
    const guint32 site = i % 50 == 0 ? 2 + i / 50 % 2 : i % 9 == 0 ? 0 : 1;
    KmlOp op = { .block = i, .request = { .size = 100, .site = site } };

    now += KML_MS;
    kml_origins_add_alloc (recorder->origins, 0, &op, now, 110 + 10 * flavour);
    op.request.cpu = i % 2;
    if (site < 2)
      kml_origins_add_free (recorder->origins, 0, &op, now + (i % 7) * 40 * KML_US, 100,
                            110 + 10 * flavour);
  }
  kml_origins_finish (recorder->origins, 2 * KML_S);
}

static inline void
synthetic_init (Synthetic *self, guint flavour, gboolean pagemap)
{
  const KmlMachineConfig machine = {
    .n_cpus = 2, .ram = SYNTHETIC_RAM, .page_size = 4096, .seed = 1
  };
  const KmlRecordConfig config = { .latency = TRUE,
                                   .waste = TRUE,
                                   .origins = TRUE,
                                   .pagemap = pagemap,
                                   .points = SYNTHETIC_N_SNAPSHOTS,
                                   .external_order = 9,
                                   .events = KML_RECORD_ALL,
                                   .sampling = 1 };
  KmlFailure failure = {
    .time = 1234567,
    .level = KML_LEVEL_PAGES,
    .reason = KML_FAILURE_FRAGMENTED,
    .task = "T1",
    .free = 12288,
    .largest = 4096,
    .request = { .size = 8192, .gfp = KML_GFP_KERNEL, .cpu = 1, .context = KML_CONTEXT_SOFTIRQ }
  };
  KmlRng rng;

  kml_rng_init (&rng, flavour, "synthetic");
  *self = (Synthetic){ .machine = kml_machine_new (&machine, NULL) };
  g_assert (self->machine != NULL);
  self->recorder = kml_recorder_new (&config, self->machine, &self->pages, NULL);
  for (guint i = 0; i < SYNTHETIC_N_SNAPSHOTS; i++)
    synthetic_add_snapshot (self->recorder, i, flavour, &rng);
  synthetic_add_latencies (self->recorder, flavour, &rng);
  synthetic_add_waste (self->recorder, flavour);
  synthetic_add_origins (self->recorder, flavour);
  g_array_append_val (self->recorder->failures, failure);
}

/* A block of @n samples that resemble a trace's, packed. */
static inline gsize
synthetic_samples (guint n, guint64 first, guint8 *ret_data)
{
  g_autofree KmlSampleBlock *block = g_new0 (KmlSampleBlock, 1);

  block->n = n;
  for (guint i = 0; i < n; i++) {
    const guint64 k = first + i;

    block->columns[KML_SAMPLE_TIME][i] = k * 7919 * KML_NS;
    block->columns[KML_SAMPLE_WHAT][i] = kml_sample_what (k & 1, KML_LEVEL_OBJECTS,
                                                          KML_CONTEXT_HARDIRQ, (guint)(k % 3));
    block->columns[KML_SAMPLE_SIZE][i] = 8 + k * 37 % 400;
    block->columns[KML_SAMPLE_ADDR][i] = k % 100 == 99 ? KML_ADDR_NONE : k * 64 % 100000;
    block->columns[KML_SAMPLE_LATENCY][i] = 9500 + k % 11 * 250;
  }
  return kml_sample_block_encode (block, ret_data);
}

/* Text that must come through as it is, wherever it lands. */
#define SYNTHETIC_TITLE "What does a bin set waste? It's a \"test\" `touch canary` <b> 100 %"

/* A deadlock of two tasks at @time, whose names are not for the faint-hearted. (element-type KmlIncident) (transfer full) */
static inline GArray *
synthetic_incidents (KmlTime time)
{
  static const char *const names[] = { "it's `touch canary`", "<b>\"two\" 100 %" };
  static const char *const locks[] = { "A{1}_^2", "system(\"touch canary\")" };
  GArray *incidents = g_array_new (FALSE, FALSE, sizeof (KmlIncident));
  KmlIncident incident = { .kind = KML_INCIDENT_DEADLOCK,
                           .time = time,
                           .task = g_strdup (names[0]),
                           .text = g_strdup ("2 tasks wait in a cycle"),
                           .site = g_strdup (""),
                           .edges = g_array_new (FALSE, FALSE, sizeof (KmlIncidentEdge)),
                           .spans = g_array_new (FALSE, FALSE, sizeof (KmlIncidentSpan)) };

  for (guint i = 0; i < 2; i++) {
    const KmlIncidentEdge edge = { .waiter = g_strdup (names[i]),
                                   .waits_for = g_strdup (names[1 - i]),
                                   .resource = g_strdup (locks[1 - i]),
                                   .site = g_strdup ("main"),
                                   .held = g_array_new (FALSE, FALSE, sizeof (KmlIncidentHold)),
                                   .by_lock = TRUE,
                                   .since = time - time / 4 * i };
    const KmlIncidentSpan spans[] = {
      { g_strdup (names[i]), (guint16)i, "run", g_strdup (""), 0, edge.since },
      { g_strdup (names[i]), (guint16)i, "lock", g_strdup (locks[1 - i]), edge.since, time },
      { g_strdup (names[i]), (guint16)i, "hold", g_strdup (locks[i]), time / 3, time },
    };

    g_array_append_val (incident.edges, edge);
    g_array_append_vals (incident.spans, spans, G_N_ELEMENTS (spans));
  }
  g_array_append_val (incidents, incident);
  return incidents;
}

static inline gboolean
synthetic_store (KmlDatabase *database, guint64 run_id, const char *bins, guint flavour,
                 const char *status, GError **error)
{
  g_autofree char *key = g_strdup_printf ("%032x", (guint)run_id);
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);
  const gboolean done = strcmp (status, "done") == 0;
  GArray *incidents = done ? synthetic_incidents (2 * KML_S) : NULL;
  Synthetic synthetic;
  gboolean good;

  const KmlDatabaseParam params[] = {
    { "machine.ram", "64MiB" },
    { "objects.allocator", "segregated" },
    { "objects.bins", bins },
    { "record.external-order", "9" },
  };
  const KmlMetric metrics[] = {
    { (char *)"alloc.count", "requests", 20000 },
    { (char *)"frag.external.end", "ratio", 0.5 + 0.04 * flavour },
    { (char *)"frag.internal.mean", "ratio", 0.06 + 0.04 * flavour },
    { (char *)"frag.internal.peak", "ratio", 0.08 + 0.04 * flavour },
    { (char *)"latency.alloc.max_ns", "ns", 900 - 100 * flavour },
    { (char *)"latency.free.max_ns", "ns", 400 },
    { (char *)"memory.requested.peak_bytes", "bytes", 9.0 * (1 << 20) },
    { (char *)"memory.reserved.peak_bytes", "bytes", (11 + 0.5 * flavour) * (1 << 20) },
    { (char *)"nothing", "ratio", 0.0 / 0.0 },
  };
  const KmlDatabaseExpectation expectations[] = {
    { "frag.internal.mean", "<= 0.2", 0.06 + 0.04 * flavour, TRUE },
    { "no.such", ">= 1", 0.0 / 0.0, FALSE },
  };
  const KmlDatabaseRun run = {
    .run_id = run_id,
    .run_key = key,
    .scenario = "bins.ini",
    .title = SYNTHETIC_TITLE,
    .scenario_text = "[scenario]\n",
    .overrides = "",
    .base_dir = ".",
    .seed = G_MAXUINT64,
    .status = status,
    .message = done ? NULL : "no such trace",
    .fingerprint = done ? "00112233445566778899aabbccddeeff" : NULL,
    .version = "0.1.0",
    .started_at = -1,
    .wall_ns = -1,
    .end_time = 2 * KML_S,
    .operations = 40000,
    .params = params,
    .n_params = G_N_ELEMENTS (params),
    .metrics = metrics,
    .n_metrics = done ? G_N_ELEMENTS (metrics) : 0,
    .expectations = expectations,
    .n_expectations = done ? G_N_ELEMENTS (expectations) : 0,
    .incidents = incidents,
  };

  if (!kml_database_begin_run (database, run_id, error)) {
    g_clear_pointer (&incidents, kml_incidents_free);
    return FALSE;
  }
  for (guint block = 0; done && block < 2; block++) {
    const gsize n_bytes = synthetic_samples (1000, 1000 * block, data);

    if (!kml_database_sample_sink (block * KML_MS, (block + 1) * KML_MS, 1000, data, n_bytes,
                                   database, error)) {
      kml_database_abort_run (database);
      kml_incidents_free (incidents);
      return FALSE;
    }
  }
  synthetic_init (&synthetic, flavour, TRUE);
  good = kml_database_end_run (database, &run, done ? synthetic.recorder : NULL, error);
  synthetic_finish (&synthetic);
  if (incidents != NULL)
    kml_incidents_free (incidents);
  return good;
}
