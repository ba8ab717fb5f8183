/* recorder.c: what is to be recorded, digesting the journal, and the end of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots are taken in recorder-snapshots.c; the scalar results are in recorder-metrics.c.
 */

#include "simcore/recording/recorder.h"

#include <math.h>
#include <string.h>

const char *const kml_operation_names[KML_N_OPERATIONS] = { "alloc", "free" };

static const char *const event_choices[] = { "none", "sample", "all", NULL };

const KmlParam kml_record_params[] = {
  { .name = "latency",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, latency),
    .summary = "a latency histogram per operation and context" },
  { .name = "waste",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, waste),
    .summary = "bytes asked for and held, by requested size" },
  { .name = "origins",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, origins),
    .summary = "bytes asked for and held, by call site and by lifetime" },
  { .name = "population",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, population),
    .summary = "mean and dispersion over time of how many blocks are live" },
  { .name = "pagemap",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, pagemap),
    .summary = "which page frames are in use, at every snapshot" },
  { .name = "events",
    .type = KML_PARAM_CHOICE,
    .value = "none",
    .choices = event_choices,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, events),
    .summary = "raw samples of operations: none, a random sample, or all" },
  { .name = "sampling",
    .type = KML_PARAM_SHARE,
    .value = "0.02",
    .positive = TRUE,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, sampling),
    .summary = "with events = sample: the share of operations that is kept" },
  { .name = "interval",
    .type = KML_PARAM_TIME,
    .value = "0",
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, interval),
    .summary = "simulated time between snapshots; 0: as fine as `points` allows" },
  { .name = "points",
    .type = KML_PARAM_COUNT,
    .value = "512",
    .min = 2,
    .max = 65536,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, points),
    .summary = "with interval = 0: at most so many snapshots, at least half as many" },
  { .name = "external-order",
    .type = KML_PARAM_COUNT,
    .value = "9",
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, external_order),
    .summary = "the order that frag.external is about; 9 is a 2 MiB page" },
  { .name = "warm-up",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .min = 0,
    .max = G_MAXUINT64,
    .offset = G_STRUCT_OFFSET (KmlRecordConfig, warm_up),
    .summary = "operations at the beginning that means, quantiles, waste and figures leave out" },
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
  self->outermost = objects;
  if (config->latency)
    for (guint operation = 0; operation < KML_N_OPERATIONS; operation++)
      for (guint context = 0; context < KML_N_CONTEXTS; context++)
        self->latency[operation][context] = g_new0 (KmlHistogram, 1);
  kml_tally_init (&self->tally, (guint64)machine->ram->n_frames << machine->ram->page_shift);
  self->waste = g_new0 (KmlSizeWaste, KML_WASTE_EXACT + 1);
  if (config->events != KML_RECORD_NONE)
    self->samples = g_new0 (KmlSampleBlock, 1);
  self->sampling_threshold = G_MAXUINT64;
  if (config->events == KML_RECORD_SAMPLE && config->sampling < 1.0)
    self->sampling_threshold = (guint64)ldexp (config->sampling, 64);
  self->fingerprint = kml_fingerprint_new ();
  kml_rng_init (&self->sampling_rng, machine->seed, "recorder.sampling");
  self->failures = g_array_new (FALSE, FALSE, sizeof (KmlFailure));
  self->snapshots = g_array_new (FALSE, TRUE, sizeof (KmlSnapshot));
  self->is_warm = config->warm_up == 0;
  self->step = config->interval != 0 ? config->interval : KML_FIRST_STEP;
  self->least_free = machine->ram->n_usable;
  kml_free_area_watch (&machine->free_area, (guint)config->external_order);
  kml_recorder_look_at_pages (self);
  return self;
}

void
kml_recorder_free (KmlRecorder *self)
{
  if (self == NULL)
    return;
  for (guint operation = 0; operation < KML_N_OPERATIONS; operation++)
    for (guint context = 0; context < KML_N_CONTEXTS; context++) {
      g_free (self->latency[operation][context]);
      g_free (self->longest[operation][context].site_text);
    }
  for (guint i = 0; i < self->snapshots->len; i++)
    kml_snapshot_clear (&g_array_index (self->snapshots, KmlSnapshot, i));
  g_array_unref (self->snapshots);
  g_array_unref (self->failures);
  kml_fingerprint_free (self->fingerprint);
  g_free (self->waste);
  kml_origins_free (self->origins);
  g_free (self->samples);
  g_clear_error (&self->sink_error);
  g_free (self);
}

static void
forget_records (gpointer data)
{
  KmlRecorder *self = data;

  kml_fingerprint_clear (self->fingerprint);
  g_array_set_size (self->failures, 0);
}

void
kml_recorder_remember (KmlRecorder *self, KmlImage *image)
{
  g_assert (self->tally.n_alloc + self->n_failed == 0);

  self->is_brief = TRUE;
  self->is_warm = TRUE;
  self->next_snapshot = KML_TIME_MAX;
  self->config.latency = FALSE;
  for (guint operation = 0; operation < KML_N_OPERATIONS; operation++)
    for (guint context = 0; context < KML_N_CONTEXTS; context++)
      g_clear_pointer (&self->latency[operation][context], g_free);
  g_clear_pointer (&self->samples, g_free);
  kml_image_add_hook (image, forget_records, self);
  kml_image_add (image, self, sizeof *self);
}

void
kml_recorder_set_sink (KmlRecorder *self, KmlSampleSink sink, gpointer data)
{
  self->sink = sink;
  self->sink_data = data;
}

void
kml_recorder_set_outermost (KmlRecorder *self, const KmlAllocator *outermost)
{
  self->outermost = outermost;
}

void
kml_recorder_set_workloads (KmlRecorder *self, KmlWorkload *const *workloads, guint n_workloads)
{
  g_assert (self->origins == NULL);

  self->workloads = workloads;
  if (self->config.origins)
    self->origins = kml_origins_new (workloads, n_workloads);
}

/* ---- What follows from the counts ---- */

guint64
kml_recorder_live_blocks (const KmlRecorder *self)
{
  return self->tally.n_alloc + self->n_split - self->tally.n_free;
}

/* The index in parts per 10^9: what is compared and hashed is an integer. */
guint64
kml_recorder_external_ppb (const KmlRecorder *self)
{
  const KmlFreeArea *area = &self->machine->free_area;

  return area->n_free == 0 ? 0 : (area->n_free - area->n_large) * KML_PPB / area->n_free;
}

guint64
kml_recorder_internal_ppb (guint64 requested, guint64 held)
{
  if (held == 0)
    return 0;
  return (guint64)((unsigned __int128)(held - requested) * KML_PPB / held);
}

/* ---- Digesting ---- */

static void
flush_samples (KmlRecorder *self)
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

static void
digest_samples (KmlRecorder *self)
{
  const KmlJournal *journal = &self->journal;
  KmlSampleBlock *block = self->samples;

  for (guint i = 0; i < journal->n; i++) {
    const guint64 what = journal->words[i][KML_WORD_WHAT];
    guint at;

    if (self->sampling_threshold != G_MAXUINT64 &&
        kml_rng_next (&self->sampling_rng) >= self->sampling_threshold)
      continue;
    at = block->n++;
    block->columns[KML_SAMPLE_TIME][at] = journal->start[i];
    block->columns[KML_SAMPLE_WHAT][at] = kml_sample_what (
        kml_what_kind (what), kml_what_level (what), kml_what_context (what), kml_what_cpu (what));
    block->columns[KML_SAMPLE_SIZE][at] = kml_what_size (what);
    block->columns[KML_SAMPLE_ADDR][at] = journal->words[i][KML_WORD_ADDR];
    block->columns[KML_SAMPLE_LATENCY][at] = journal->words[i][KML_WORD_END] - journal->start[i];
    if (block->n == KML_SAMPLE_BLOCK)
      flush_samples (self);
  }
}

void
kml_recorder_digest (KmlRecorder *self)
{
  kml_fingerprint_digest (self->fingerprint, &self->journal);
  if (self->samples != NULL)
    digest_samples (self);
  self->journal.n = 0;
}

char *
kml_recorder_fingerprint (KmlRecorder *self)
{
  kml_recorder_digest (self);
  return kml_fingerprint_text (self->fingerprint);
}

void
kml_recorder_add_large_waste (KmlRecorder *self, guint64 size, guint64 held)
{
  KmlWaste *waste = &self->large_waste[kml_histogram_bucket (size)];

  waste->count++;
  waste->requested += size;
  waste->held += held;
}

void
kml_recorder_note_longest (KmlRecorder *self, KmlOperation operation, const KmlOp *op,
                           guint workload, guint64 size, KmlTime start, KmlTime latency)
{
  KmlLongest *longest = &self->longest[operation][op->request.context];

  *longest = (KmlLongest){
    .latency = latency,
    .start = start,
    .size = size,
    .gfp = op->request.gfp,
    .cpu = op->request.cpu,
    .level = op->level,
    .workload = 1 + workload,
    .site = op->request.site,
  };
  if (self->machine->aside > 0)
    memcpy (longest->parts, self->machine->parts, sizeof longest->parts);
  kml_longest_close (longest);
}

static void
add_failure (KmlRecorder *self, const KmlOp *op, KmlTime start)
{
  const KmlTask *task = kml_running_task (self->machine);
  KmlFailure failure = { .time = start,
                         .request = op->request,
                         .level = op->level,
                         .task = task != NULL ? task->name : NULL,
                         .step = task != NULL ? task->step : NULL };

  failure.request.constraints = NULL;
  kml_failure_explain (&failure, self->pages, &op->request);
  g_array_append_val (self->failures, failure);
}

gboolean
kml_recorder_failed (KmlRecorder *self, const KmlOp *op, KmlTime start, KmlTime end)
{
  const guint64 size = MIN (op->request.size, KML_WHAT_MAX_SIZE);

  kml_recorder_add_entry (
      self, start, end, KML_ADDR_NONE,
      kml_what_pack (kml_what_block (size, op->level), KML_OP_ALLOC, &op->request));
  self->n_failed++;
  if (self->failures->len < KML_MAX_FAILURES)
    add_failure (self, op, start);
  return kml_recorder_add_latency (self, KML_OPERATION_ALLOC, op->request.context, end - start);
}

void
kml_recorder_settle_latencies (KmlRecorder *self)
{
  if (!self->config.latency)
    return;
  for (guint operation = 0; operation < KML_N_OPERATIONS; operation++)
    for (guint context = 0; context < KML_N_CONTEXTS; context++)
      kml_recent_settle (&self->recent[operation][context], self->latency[operation][context]);
}

void
kml_recorder_end_warm_up (KmlRecorder *self)
{
  self->is_warm = TRUE;
  kml_tally_forget_time (&self->tally);
  kml_page_tally_forget (&self->page_tally, self->tally.last_time);
  self->population = (KmlPopulation){ 0 };
  if (self->origins != NULL)
    kml_origins_end_warm_up (self->origins, self->tally.last_time);
  memset (self->waste, 0, (KML_WASTE_EXACT + 1) * sizeof *self->waste);
  memset (self->large_waste, 0, sizeof self->large_waste);
  kml_recorder_settle_latencies (self);
  memset (self->recent, 0, sizeof self->recent);
  memset (self->longest, 0, sizeof self->longest);
  for (guint operation = 0; self->config.latency && operation < KML_N_OPERATIONS; operation++)
    for (guint context = 0; context < KML_N_CONTEXTS; context++)
      *self->latency[operation][context] = (KmlHistogram){ 0 };
  memcpy (self->counted_before[0], self->pages->counters, sizeof self->counted_before[0]);
  if (self->objects != NULL)
    memcpy (self->counted_before[1], self->objects->counters, sizeof self->counted_before[1]);
}

/* Call sites have names when all has been read. */
static void
name_sites (KmlRecorder *self)
{
  for (guint i = 0; i < KML_N_OPERATIONS; i++)
    for (guint j = 0; j < KML_N_CONTEXTS; j++) {
      KmlLongest *longest = &self->longest[i][j];
      const KmlWorkload *workload = longest->workload > 0 && self->workloads != NULL
                                        ? self->workloads[longest->workload - 1]
                                        : NULL;

      if (workload != NULL && workload->ops->site != NULL)
        longest->site_text = g_strdup (workload->ops->site (workload, longest->site));
    }
}

gboolean
kml_recorder_finish (KmlRecorder *self, GError **error)
{
  const KmlTime end = self->machine->now;

  if (self->is_brief)
    return TRUE;
  if (!self->is_warm)
    return kml_refuse (error, "record.warm-up",
                       "the run has ended before its first %" G_GUINT64_FORMAT
                       " operations were done, so nothing was measured",
                       self->config.warm_up);
  kml_recorder_digest (self);
  kml_recorder_settle_latencies (self);
  kml_tally_pass_time (&self->tally, end);
  if (self->origins != NULL)
    kml_origins_finish (self->origins, end);
  name_sites (self);
  kml_recorder_look_at_pages (self);
  kml_recorder_take_snapshot (self, end);
  if (self->samples != NULL)
    flush_samples (self);
  if (self->sink_error != NULL) {
    g_propagate_error (error, g_steal_pointer (&self->sink_error));
    return FALSE;
  }
  return TRUE;
}

KmlWaste
kml_recorder_waste (const KmlRecorder *self, guint i)
{
  const KmlSizeWaste *waste = &self->waste[i];

  g_assert (i < KML_WASTE_N);

  if (i > KML_WASTE_EXACT)
    return self->large_waste[i - KML_WASTE_EXACT - 1];
  return (KmlWaste){ .count = waste->count, .requested = waste->count * i, .held = waste->held };
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
