/* recorder.h: the only way by which anything measured leaves a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The recorder keeps in memory what a run measured: sums, histograms, and a
 * bounded number of snapshots of the state over time. Recording never changes a
 * run. What a scenario does not ask for is not paid for.
 *
 *   totals      counts, peaks, and integrals over time of the bytes asked for and held
 *   latency     one histogram of picoseconds per operation and context
 *   longest     the longest operation of each histogram, and why (longest.h)
 *   snapshots   the state at instants of a regular grid. The grid starts fine; whenever the table
 *               is full every second snapshot is dropped and the step doubles, so a run of any length
 *               ends with between points/2 and points of them, on round times
 *   waste       by requested size: how often, how many bytes asked and held
 *   origins     the same by call site and by lifetime (origins.h)
 *   failures    requests that got nothing, the first KML_MAX_FAILURES of them one by one
 *   samples     every operation or a random share, packed by KML_SAMPLE_BLOCK (samples.h), handed to a sink as they
 *               fill: the only thing that grows with the run, so it does not stay in memory
 *
 * The first `warm-up` operations bring the machine into the state that one wants to measure: means,
 * quantiles, waste and figures are about what comes after them. Counts, peaks, snapshots and samples
 * are about the whole run.
 *
 * Definitions.
 *   held        bytes of the blocks that live requests were given
 *   internal fragmentation  (held - requested) / held; its mean over time is 1 - integral of requested / integral of held
 *   external fragmentation  the unusable free space index (free-area.h) at [record] external-order
 *   reserved    page frames that are not free, in bytes: blocks, slabs, empty slabs, allocators' own pages
 *   metadata    the frame table and what allocators say they keep for themselves
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/pages/failure.h"
#include "simcore/recording/fingerprint.h"
#include "simcore/base/histogram.h"
#include "simcore/recording/journal.h"
#include "simcore/recording/longest.h"
#include "simcore/machine.h"
#include "simcore/op.h"
#include "simcore/recording/origins.h"
#include "simcore/recording/population.h"
#include "simcore/base/rng.h"
#include "simcore/recording/samples.h"
#include "simcore/recording/tally.h"

G_BEGIN_DECLS

#define KML_MAX_FAILURES 10000
/* sizes up to this are counted one by one, larger ones by histogram bucket */
#define KML_WASTE_EXACT   8192
#define KML_WASTE_N       (KML_WASTE_EXACT + 1 + KML_HISTOGRAM_N_BUCKETS)
#define KML_PAGEMAP_CELLS 256
#define KML_PPB           G_GUINT64_CONSTANT (1000000000)

typedef enum {
  KML_RECORD_NONE,
  KML_RECORD_SAMPLE,
  KML_RECORD_ALL
} KmlRecordEvents;

/* The [record] group. */
typedef struct {
  gboolean latency;
  gboolean waste;
  gboolean origins;
  gboolean population;
  gboolean pagemap;
  guint events;     /* KmlRecordEvents */
  double sampling;  /* share of operations for events = sample */
  KmlTime interval; /* between snapshots; 0: automatic */
  guint64 points;   /* most snapshots when automatic */
  guint64 external_order;
  guint64 warm_up; /* operations */
} KmlRecordConfig;

extern const KmlParam kml_record_params[];

typedef enum {
  KML_SERIES_LIVE_BLOCKS,
  KML_SERIES_REQUESTED,
  KML_SERIES_HELD,
  KML_SERIES_RESERVED,
  KML_SERIES_FREE,
  KML_SERIES_INTERNAL, /* parts per 10^9 */
  KML_SERIES_EXTERNAL, /* parts per 10^9 */
  KML_N_SERIES,
} KmlSeries;

/* Name, unit and the divisor that makes an integer of a snapshot the value people see. */
typedef struct {
  const char *name;
  const char *unit;
  double scale;
} KmlSeriesInfo;

extern const KmlSeriesInfo kml_series_info[KML_N_SERIES];

/* Of the automatic grid: the finest that pays off in a plot of any run. */
#define KML_FIRST_STEP (10 * KML_US)

typedef struct {
  KmlTime time;
  guint64 values[KML_N_SERIES];
  guint64 free_blocks[KML_N_MOBILITIES][KML_MAX_ORDER + 1];
  KmlCacheInfo *caches; /* (owned) (array length=n_caches) */
  guint n_caches;
  /* share of the cell's frames in use, 0 .. 255 */
  guint8 *pagemap; /* (owned) (nullable) (array length=KML_PAGEMAP_CELLS) */
} KmlSnapshot;

typedef struct {
  guint64 count, requested, held;
} KmlWaste;

/* Requests for one size: what they asked for is count times that. */
typedef struct {
  guint64 count, held;
} KmlSizeWaste;

typedef enum {
  KML_OPERATION_ALLOC,
  KML_OPERATION_FREE,
  KML_N_OPERATIONS
} KmlOperation;

/* "alloc", "free" */
extern const char *const kml_operation_names[KML_N_OPERATIONS];

/* One scalar result. */
typedef struct {
  char *name; /* (owned) */
  const char *unit;
  double value;
  gboolean is_maximum; /* of several with its name the largest counts, else their sum */
} KmlMetric;

/* What `kmemlab list metrics` says of a metric; N, CONTEXT and the like in a name stand for many. */
typedef struct {
  const char *name;
  const char *unit;
  const char *formula;
} KmlMetricInfo;

extern const KmlMetricInfo kml_recorder_metric_info[]; /* ends with a NULL name */

typedef struct {
  KmlRecordConfig config;
  KmlMachine *machine;
  KmlAllocator *pages;
  KmlAllocator *objects; /* (nullable) */
  /* (nullable): the last layer around the objects; without any, the same */
  const KmlAllocator *outermost;

  /* totals */
  KmlTally tally;
  KmlPageTally page_tally; /* of page blocks among them */
  guint64 n_failed, n_free_skipped;
  guint64 n_split;    /* blocks made two: live are n_alloc + n_split - n_free */
  guint64 least_free; /* page frames */
  guint64 peak_kept;  /* bytes, by allocators for themselves */
  gboolean is_warm;
  guint64 counted_before
      [2][KML_MAX_COUNTERS]; /* counters of pages and objects at the end of the warm-up */
  guint64 peak_external_ppb;

  gboolean is_brief; /* only the fingerprint is wanted */

  KmlJournal journal;          /* of operations that fingerprint and samples do not have yet */
  KmlFingerprint *fingerprint; /* (owned) */

  KmlHistogram *latency[KML_N_OPERATIONS][KML_N_CONTEXTS]; /* (owned) (nullable) */
  KmlRecent recent[KML_N_OPERATIONS][KML_N_CONTEXTS];   /* latencies that those do not have yet */
  KmlRecent *stretch[KML_N_OPERATIONS];                 /* of those, where the driver's are going */
  KmlLongest longest[KML_N_OPERATIONS][KML_N_CONTEXTS]; /* since the end of the warm-up */
  /* (owned) (array length=KML_WASTE_EXACT + 1): of all requests given a block, by size */
  KmlSizeWaste *waste;
  KmlWaste large_waste[KML_HISTOGRAM_N_BUCKETS]; /* … of larger ones, by bucket */
  KmlPopulation population;                      /* of live blocks, where it is asked for */
  KmlWorkload *const *workloads;                 /* (nullable) borrowed, until the finish */
  KmlOrigins *origins; /* (owned) (nullable): when they are asked for and the workloads are known */
  GArray *failures;    /* (owned) (element-type KmlFailure) */
  GArray *snapshots;   /* (owned) (element-type KmlSnapshot) */
  KmlTime step, next_snapshot;

  KmlRng sampling_rng;
  guint64 sampling_threshold;
  KmlSampleBlock *samples; /* (owned) (nullable) */
  guint64 n_samples;
  KmlSampleSink sink; /* (nullable) */
  gpointer sink_data;
  /* (owned) (nullable): the first; recording of samples stops there and the run fails */
  GError *sink_error;
} KmlRecorder;

KmlRecorder *kml_recorder_new (const KmlRecordConfig *config, KmlMachine *machine,
                               KmlAllocator *pages, KmlAllocator *objects);
void kml_recorder_free (KmlRecorder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlRecorder, kml_recorder_free)

/* Before anything was recorded: what changes in it, which from then on is the fingerprint and no more: nothing else is asked of
 * runs that are done again and again. */
void kml_recorder_remember (KmlRecorder *self, KmlImage *image);

/* Where full blocks of samples go; without a sink they are dropped. */
void kml_recorder_set_sink (KmlRecorder *self, KmlSampleSink sink, gpointer data);

/* @outermost is the last layer around the objects: what layers keep is counted, too. */
void kml_recorder_set_outermost (KmlRecorder *self, const KmlAllocator *outermost);

/* Whose requests they will be: borrowed, until the finish. */
void kml_recorder_set_workloads (KmlRecorder *self, KmlWorkload *const *workloads,
                                 guint n_workloads);

/* Hashes what is in the journal, takes samples of it, and empties it. */
void kml_recorder_digest (KmlRecorder *self);

/* ---- For the driver, at each operation: a few additions to memory that stays in the first-level cache ---- */

static inline void
kml_recorder_add_entry (KmlRecorder *self, KmlTime start, KmlTime end, KmlAddr addr, guint64 what)
{
  kml_journal_set (&self->journal, self->journal.n++, start, end, addr, what);
  if (G_UNLIKELY (self->journal.n == KML_JOURNAL_SIZE))
    kml_recorder_digest (self);
}

/* TRUE: it is the longest so far, and somebody should say why. That is asked only where there is a value that was not there lately. */
static inline gboolean
kml_recorder_add_latency (KmlRecorder *self, KmlOperation operation, guint context, KmlTime latency)
{
  const gboolean is_new = kml_recent_add (&self->recent[operation][context], latency,
                                          &self->latency[operation][context]);

  return G_UNLIKELY (is_new) && latency > self->longest[operation][context].latency;
}

/* A request that took @latency from @start on, of straight code, is the longest so far. @workload: the index of its workload; @size: asked for. */
void kml_recorder_note_longest (KmlRecorder *self, KmlOperation operation, const KmlOp *op,
                                guint workload, guint64 size, KmlTime start, KmlTime latency);

/* For sizes above KML_WASTE_EXACT. */
void kml_recorder_add_large_waste (KmlRecorder *self, guint64 size, guint64 held);

/* A request for @size bytes was given a block of @held bytes. */
static inline void
kml_recorder_add_waste (KmlRecorder *self, guint64 size, guint64 held)
{
  if (G_LIKELY (size <= KML_WASTE_EXACT)) {
    KmlSizeWaste *waste = &self->waste[size];

    waste->count++;
    waste->held += held;
  } else {
    kml_recorder_add_large_waste (self, size, held);
  }
}

/* All of a request that got nothing: these are kept one by one. Returns what kml_recorder_add_latency() does. */
gboolean kml_recorder_failed (KmlRecorder *self, const KmlOp *op, KmlTime start, KmlTime end);

/* Of the state as it is, which is that of @time. */
void kml_recorder_take_snapshot (KmlRecorder *self, KmlTime time);
void kml_snapshot_clear (KmlSnapshot *self);

/* Before an operation that starts at @now >= next_snapshot. */
void kml_recorder_snapshot_due (KmlRecorder *self, KmlTime now);

/* Before pages change without an operation: what there was until now is part of peaks and snapshots. @recorder: a KmlRecorder */
void kml_recorder_look_before_pages (gpointer recorder);

/* The warm-up is over: means, quantiles, waste and figures begin anew. */
void kml_recorder_end_warm_up (KmlRecorder *self);

/* Closes the integrals at the end of the run, takes the last snapshot, flushes samples. A run that ended within
 * its warm-up is KML_ERROR_INPUT. */
gboolean kml_recorder_finish (KmlRecorder *self, GError **error);

/* Whoever reads the histograms of latency before the run has finished calls this first. */
void kml_recorder_settle_latencies (KmlRecorder *self);

/* Every scalar result, sorted by name. (transfer full) (element-type KmlMetric) */
GArray *kml_recorder_metrics (KmlRecorder *self);
void kml_metric_clear (KmlMetric *metric);
void kml_metrics_sort (GArray *metrics); /* by name */

/* @name: as for printf(). */
void kml_metrics_add (GArray *metrics, const char *unit, double value, const char *name, ...)
    G_GNUC_PRINTF (4, 5);

/* Of all operations so far: 32 hexadecimal digits. (transfer full) */
char *kml_recorder_fingerprint (KmlRecorder *self);

guint64 kml_recorder_live_blocks (const KmlRecorder *self);

/* The external index in parts per 10^9; (held - requested) / held likewise. */
guint64 kml_recorder_external_ppb (const KmlRecorder *self);
guint64 kml_recorder_internal_ppb (guint64 requested, guint64 held);

/* What is not free, in bytes, where @n_free frames are. */
static inline guint64
kml_recorder_reserved (const KmlRecorder *self, guint64 n_free)
{
  return (self->machine->ram->n_usable - n_free) << self->machine->ram->page_shift;
}

/* What allocators keep for themselves, in bytes; the frame table comes to it. */
static inline guint64
kml_recorder_kept (const KmlRecorder *self)
{
  guint64 kept = self->pages->metadata_bytes;

  for (const KmlAllocator *at = self->outermost; at != self->objects; at = at->lower)
    kept += at->metadata_bytes;
  return kept + (self->objects != NULL ? self->objects->metadata_bytes : 0);
}

/* To be called when the free area has changed: peaks of what pages show. An index is divided out only when it is higher
 * than all before: there are less than 2^32 frames, so no product overflows. */
static inline void
kml_recorder_look_at_pages (KmlRecorder *self)
{
  KmlFreeArea *area = &self->machine->free_area;
  const guint64 n_free = area->n_free, kept = kml_recorder_kept (self);

  area->look_at = KML_TIME_MAX;
  self->least_free = MIN (self->least_free, n_free);
  self->peak_kept = MAX (self->peak_kept, kept);
  if (G_UNLIKELY ((n_free - area->n_large) * KML_PPB >= (self->peak_external_ppb + 1) * n_free))
    self->peak_external_ppb = MAX (self->peak_external_ppb, kml_recorder_external_ppb (self));
}

/* Entry @i of waste, whole; the requested sizes [lo, hi] that it counts. */
KmlWaste kml_recorder_waste (const KmlRecorder *self, guint i);
void kml_recorder_waste_range (guint i, guint64 *ret_lo, guint64 *ret_hi);

G_END_DECLS
