/* recorder-metrics.c: the scalar results of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table says of each metric what it means; `kmemlab list metrics` prints it.
 */

#include <math.h>
#include <string.h>

#include "simcore/recording/recorder.h"

#define HALF_LN_200                                                                                \
  2.6491586832740180 /* ln (2 / 0.01) / 2: a constant, since log() may differ in its last bit */

#define PART_WORD(id, name) "," name

const KmlMetricInfo kml_recorder_metric_info[] = {
  { "alloc.count", "requests", "requests that were given a block" },
  { "alloc.failed", "requests", "requests that were given none" },
  { "free.count", "operations", "blocks given back" },
  { "free.skipped", "operations",
    "frees of blocks whose request had failed: nothing to give back" },
  { "touch.skipped", "times",
    "steps touch and dirty of blocks whose request had failed, or that were never asked for: there "
    "was nothing to touch" },
  { "frag.internal.mean", "ratio",
    "1 - (integral of requested over time) / (integral of held over time), of live blocks" },
  { "frag.internal.requests", "ratio",
    "1 - (sum of bytes asked for) / (sum of bytes held), over all requests given a block" },
  { "frag.internal.objects.mean", "ratio",
    "the same as frag.internal.mean, of blocks that were asked of the object allocator" },
  { "frag.internal.objects.requests", "ratio",
    "the same as frag.internal.requests, over the requests to the object allocator" },
  { "frag.internal.end", "ratio", "(held - requested) / held of the blocks live at the end" },
  { "frag.internal.peak", "ratio",
    "(held - requested) / held at the moment when most was held: the share at the peak of held, "
    "not "
    "the largest share that there was, which the first few blocks would decide" },
  { "frag.total.peak", "ratio",
    "1 - memory.requested.peak_bytes / memory.reserved.peak_bytes: of the memory that had to be "
    "there, what "
    "nobody asked for, whatever became of it" },
  { "frag.external.end", "ratio",
    "unusable free space index for [record] external-order at the end: 1 - (free memory in blocks "
    "of at "
    "least this order) / (free memory)" },
  { "frag.external.peak", "ratio",
    "the largest value that the index had: the peak of the share, whatever was in use then" },
  { "frag.unusable.orderN.end", "ratio", "unusable free space index for order N at the end" },
  { "frag.index.orderN.end", "1",
    "Linux's fragmentation index (extfrag_index) for order N at the end: -1: a block is free; else "
    "why "
    "there is none: towards 0 too little memory, towards 1 fragmentation" },
  { "memory.requested.peak_bytes", "bytes", "the most bytes asked for by live blocks" },
  { "memory.held.peak_bytes", "bytes", "the most bytes held by live blocks" },
  { "memory.reserved.peak_bytes", "bytes",
    "the most page memory taken from the page allocator, metadata and empty slabs included" },
  { "memory.reserved.end_bytes", "bytes", "the same at the end" },
  { "memory.metadata.peak_bytes", "bytes",
    "the frame table, and what allocators keep for themselves, at most" },
  { "start.in_use", "frames",
    "page frames that were in use when the run began, where there is a [memory] start" },
  { "start.given_back", "frames",
    "of those, what the recording gave back; they are in no other count of frees" },
  { "start.on_lists", "frames",
    "of those, what the recording gave out although nobody had given it back: free pages on lists "
    "of the kernel's CPUs" },
  { "start.moved", "pages",
    "pages in use that the recorded kernel's compaction has moved: a frame is taken for each" },
  { "start.moved_back", "pages",
    "of those, what the recording gave back, by frames that nobody is known to have had" },
  { "start.unknown", "frames",
    "frames that the recording gave back without an allocation, and that were not in use when the "
    "run began, or no longer; by a pagetypeinfo or buddyinfo, only the latter" },
  { "live.blocks.end", "blocks", "blocks not given back at the end" },
  { "live.blocks.mean", "blocks", "live blocks, mean over time ([record] population)" },
  { "live.blocks.dispersion", "ratio",
    "their variance over time by their mean; 1 where they are Poisson's" },
  { "latency.{alloc,free}.{mean,p50,p90,p99,p999,max}_ns", "ns",
    "simulated time from start to end of an operation; quantiles to 3 %" },
  { "latency.{alloc,free}.CONTEXT.{mean,p50,p90,p99,p999,max}_ns", "ns",
    "the same in process, softirq or hardirq context alone" },
  { "sampling.count", "samples", "operations kept as raw samples" },
  { "sampling.dkw99", "probability",
    "with 99 % confidence the distribution of the samples is nowhere further than this from that "
    "of all "
    "operations (Dvoretzky-Kiefer-Wolfowitz, Massart): sqrt (ln (2 / 0.01) / (2 n))" },
  { "deadlock.count", "times", "cycles of waits that closed; the first ends the run" },
  { "stall.count", "times",
    "ends of a run at which tasks waited and nobody was left who could wake them" },
  { "livelock.count", "times",
    "ends of a run at which tasks had gone on for [schedule] no-progress, or for a million steps "
    "at one instant, and got nowhere" },
  { "inversion.count", "times",
    "waits of [schedule] no-progress or more for a task that one of a priority in between kept "
    "from its CPU" },
  { "bug.sleep_in_atomic", "times", "sleeps, or sleeping locks taken, where one must not sleep" },
  { "bug.lock_misuse", "times",
    "locks given back by who did not hold them, or kept beyond the end" },
  { "bug.irq_misuse", "times",
    "interrupts, softirqs or preemption enabled out of turn, or left disabled by a handler or a "
    "task that has ended" },
  { "lockdep.cycles", "circles",
    "potential deadlocks that the orders and contexts of locks show, whether or not any schedule "
    "deadlocks" },
  { "bug.alloc_context", "times", "requests in a context in which the allocator forbids them" },
  { "bug.free_context", "times", "frees in a context in which the allocator forbids them" },
  { "bug.free_in_flight", "times", "frees of blocks that a device works on, which are not done" },
  { "bug.double_free", "times",
    "frees of blocks that were given back already, which are not done" },
  { "bug.use_after_free", "times",
    "steps touch, dirty and dma of blocks that were given back already" },
  { "lock.NAME.taken", "times",
    "how often the lock was taken; pages (with zones pages.DMA and so on), objects and pager are "
    "the machine's own" },
  { "lock.NAME.contended", "times", "how often somebody had to wait for it" },
  { "lock.NAME.{wait,wait_max,hold,hold_max}_ns", "ns",
    "simulated time that tasks waited for it or held it, in sum and at most" },
  { "lock.NAME.waiters.peak", "tasks", "the most that waited for it at a time" },
  { "fault.count", "faults", "touches of pages of regions and mappings that were not resident" },
  { "fault.reads", "pages", "pages of mappings that faults read from the disk" },
  { "fault.evicted", "pages", "pageable pages that had to go when another came" },
  { "fault.written", "pages", "… and were written to the disk first, since they were dirty" },
  { "fault.failed", "faults", "page faults of regions and mappings for which there was no frame" },
  { "reclaim.pages", "pages", "pages of mappings that were taken back" },
  { "reclaim.slab_pages", "pages", "pages that slabs without objects gave back" },
  { "reclaim.direct", "requests", "requests that had to look for memory themselves" },
  { "reclaim.scanned", "pages", "pages that reclaim looked at" },
  { "reclaim.activated", "pages", "pages that reclaim spared, since they had been used" },
  { "reclaim.written", "pages",
    "dirty pages that the disk has written, to files or swap, for reclaim and the step sync" },
  { "reclaim.throttled", "times",
    "waits of reclaim for pages that others write, of 100 ms at most" },
  { "dirty.pages", "pages", "clean pages of files that were written to" },
  { "dirty.peak", "pages", "the most of them that were dirty at a time" },
  { "dirty.end", "pages", "those that were dirty at the end" },
  { "writeback.pages", "pages", "dirty pages that the disk has written for the flusher" },
  { "writeback.requests", "requests", "requests to the disk for that" },
  { "writeback.wakeups", "times",
    "how often the flusher was woken since too much was dirty, by writers or reclaim" },
  { "throttle.pauses", "times", "waits of who dirtied pages faster than the disk writes them" },
  { "throttle.time_ns", "ns", "their sum, of all tasks" },
  { "reclaim.io_errors", "requests", "reads and writes of pages in which the disk failed" },
  { "kswapd.wakeups", "times", "how often the reclaim daemon was woken" },
  { "kswapd.gave_up", "times",
    "how often it gave up after 16 looks in vain, until somebody has reclaimed something" },
  { "oom.kills", "tasks", "tasks killed for want of memory" },
  { "migrate.pages", "pages", "pages moved to another frame" },
  { "migrate.failed_pinned", "pages", "pages that could not be moved, since a device had them" },
  { "migrate.failed", "pages",
    "pages that could not be moved: they were not there, somebody worked on them, or there was no "
    "other frame" },
  { "compact_stall", "requests",
    "requests of several frames that moved pages together themselves, or would have if a zone were "
    "not left alone for a while" },
  { "compact_success", "requests", "… and had their block then" },
  { "compact_fail", "requests", "… and had none" },
  { "compact_migrate_scanned", "pages", "page frames looked at for pages that could be moved" },
  { "compact_free_scanned", "pages", "page frames looked at for places to move them to" },
  { "compact_isolated", "pages", "pages and free frames that were taken out for it" },
  { "compact_daemon_wake", "times", "how often kcompactd was woken" },
  { "compact_daemon_migrate_scanned", "pages",
    "of compact_migrate_scanned what kcompactd has looked at" },
  { "compact_daemon_free_scanned", "pages", "… and of compact_free_scanned" },
  { "time.end_ns", "ns",
    "simulated time when the last task had ended, or something ended the run" },
  { "task.switches", "switches", "changes from one flow of control to another, on the host" },
  { "cpu.{switches,preemptions,interrupts}", "times",
    "with tasks, of all CPUs: a task began to run, or went on after another or after idleness; in "
    "the place of one that wanted to go on; a handler ran, of a softirq or an IPI, too" },
  { "cpu.{ipis_sent,ipis_taken}", "calls",
    "calls of other CPUs that were asked for, and that were done; one interrupt can bring several "
    "(hardirq.ipi.N.taken)" },
  { "cpu.{busy_ns,idle_ns}", "ns",
    "together the time of the run on each CPU; idle: nobody ran, no task and no handler" },
  { "cpu.utilisation", "ratio", "cpu.busy_ns / (cpu.busy_ns + cpu.idle_ns)" },
  { "cpu.N.{switches,preemptions,interrupts,ipis_sent,ipis_taken,busy_ns,idle_ns}", "",
    "the same of CPU N alone" },
  { "{hardirq,softirq}.NAME.taken", "times",
    "how often the handler ran: of a [task NAME] or a [device NAME], NAME.0 and so on where it is "
    "on several CPUs, or ipi.N of CPU N" },
  { "{hardirq,softirq}.NAME.delay_max_ns", "ns",
    "the longest from when it was raised to its handler" },
  { "task.NAME.{run" KML_PARTS_BUT_RUN (PART_WORD) "}_ns", "ns",
    "of all tasks of [task NAME] in process context, of kswapd, the flusher and the consumer of a "
    "[device NAME]: where their time went" },
  { "task.NAME.ready_max_ns", "ns",
    "the longest that one of them could have run and waited for its CPU, with the switch to it" },
  { "schedules.count", "schedules",
    "of a run that is many schedules ([schedule] schedules): how many were looked at" },
  { "schedules.failed", "schedules", "those that ended in a deadlock, a stall or a livelock" },
  { "schedules.failed_share", "ratio", "schedules.failed / schedules.count" },
  { "schedules.cut", "schedules", "those that were too long to be looked at to their end" },
  { "schedules.pruned", "choices", "answers that exploring need not try, for what others show" },
  { "schedules.exhausted", "1 or 0", "1: every schedule was looked at, and none failed" },
  { "worst.{alloc,free}.CONTEXT.{run" KML_PARTS_BUT_RUN (PART_WORD) "}_ns", "ns",
    "of the longest operation in a context: where its time went" },
  { "cache.{metadata,data,unpaid}.{l1,l2,last,clean,modified,upgrade,memory}", "references",
    "with a cache model: references of allocators and locks, of the owners of blocks, or those "
    "whose time has another price (memory is cleared, a lock is handed over), by where "
    "the line was: in the CPU's caches, the last level, another CPU's caches (as it is in memory, "
    "or modified), in others that had to drop it, or in memory" },
  { "cache.{metadata,data,unpaid}.references", "references", "their sum" },
  { "cache.{metadata,data,unpaid}.miss_ratio", "ratio", "1 - l1 / references" },
  { "cache.{metadata,data}.stall_ns", "ns", "time that they took beyond hits of l1" },
  { "cache.operation.stall_ns", "ns",
    "cache.metadata.stall_ns by the number of operations: what misses add to one" },
  { "cache.operation.share", "ratio",
    "cache.metadata.stall_ns by the time of all operations (without a warm-up)" },
  { "cache.invalidations", "lines", "copies in caches that went because another CPU wrote" },
  { "cache.back_invalidations", "lines",
    "copies that went because an inclusive last level lost the line" },
  { "cache.device_lines", "lines", "lines in some cache that a device wrote to" },
  { NULL }
};

void
kml_metric_clear (KmlMetric *metric)
{
  g_clear_pointer (&metric->name, g_free);
}

void
kml_metrics_add (GArray *metrics, const char *unit, double value, const char *name, ...)
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
  } quantiles[] = {
    { "p50", 50, 100 }, { "p90", 90, 100 }, { "p99", 99, 100 }, { "p999", 999, 1000 }
  };

  kml_metrics_add (metrics, "ns", kml_histogram_mean (histogram) / KML_NS, "latency.%s.%smean_ns",
                   operation, context);
  for (guint i = 0; i < G_N_ELEMENTS (quantiles); i++)
    kml_metrics_add (
        metrics, "ns",
        (double)kml_histogram_quantile (histogram, quantiles[i].parts, quantiles[i].per) / KML_NS,
        "latency.%s.%s%s_ns", operation, context, quantiles[i].name);
  kml_metrics_add (metrics, "ns", (double)histogram->max / KML_NS, "latency.%s.%smax_ns", operation,
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

      if (kml_histogram_n (histogram) == 0)
        continue;
      kml_histogram_merge (all, histogram);
      add_latency (metrics, kml_operation_names[operation], infix, histogram);
    }
    add_latency (metrics, kml_operation_names[operation], "", all);
  }
}

static double
share_wasted (unsigned __int128 requested, unsigned __int128 held)
{
  return held == 0 ? 0.0 : (double)(held - requested) / (double)held;
}

/* Of all blocks, and of objects: what is not of pages. */
static void
add_internal (const KmlRecorder *self, GArray *metrics)
{
  const KmlFlow *page_requested = &self->page_tally.requested, *page_held = &self->page_tally.held;
  const KmlTime end = self->tally.last_time;
  const unsigned __int128 requested_time = kml_tally_requested_time (&self->tally);
  const unsigned __int128 held_time = kml_tally_held_time (&self->tally);
  guint64 requested = 0, held = 0;

  for (guint i = 0; i < KML_WASTE_N; i++) {
    const KmlWaste waste = kml_recorder_waste (self, i);

    requested += waste.requested;
    held += waste.held;
  }
  kml_metrics_add (metrics, "ratio", share_wasted (requested_time, held_time),
                   "frag.internal.mean");
  kml_metrics_add (metrics, "ratio",
                   share_wasted (requested_time - kml_flow_time (page_requested, end),
                                 held_time - kml_flow_time (page_held, end)),
                   "frag.internal.objects.mean");
  kml_metrics_add (metrics, "ratio", share_wasted (requested, held), "frag.internal.requests");
  kml_metrics_add (metrics, "ratio",
                   share_wasted (requested - page_requested->all, held - page_held->all),
                   "frag.internal.objects.requests");
}

static void
add_fragmentation (const KmlRecorder *self, GArray *metrics)
{
  const KmlFreeArea *area = &self->machine->free_area;
  const guint64 peak_reserved = kml_recorder_reserved (self, self->least_free);
  guint largest = 10; /* buddyinfo's columns at least */

  kml_metrics_add (metrics, "ratio",
                   (double)kml_recorder_internal_ppb (kml_tally_requested (&self->tally),
                                                      kml_tally_held (&self->tally)) /
                       1e9,
                   "frag.internal.end");
  kml_metrics_add (metrics, "ratio",
                   (double)kml_recorder_internal_ppb (self->tally.requested_at_peak_held,
                                                      self->tally.held.peak) /
                       1e9,
                   "frag.internal.peak");
  kml_metrics_add (
      metrics, "ratio",
      peak_reserved == 0 ? 0.0 : 1 - (double)self->tally.requested.peak / (double)peak_reserved,
      "frag.total.peak");
  kml_metrics_add (metrics, "ratio", (double)kml_recorder_external_ppb (self) / 1e9,
                   "frag.external.end");
  kml_metrics_add (metrics, "ratio", (double)self->peak_external_ppb / 1e9, "frag.external.peak");
  for (guint order = largest + 1; order <= KML_MAX_ORDER; order++)
    for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
      if (area->blocks[mobility][order] > 0)
        largest = order;
  for (guint order = 0; order <= largest; order++) {
    kml_metrics_add (metrics, "ratio", kml_free_area_unusable (area, order),
                     "frag.unusable.order%u.end", order);
    kml_metrics_add (metrics, "1", kml_free_area_fragmentation_index (area, order) / 1000.0,
                     "frag.index.order%u.end", order);
  }
}

static int
compare_metrics (gconstpointer a, gconstpointer b)
{
  return strcmp (((const KmlMetric *)a)->name, ((const KmlMetric *)b)->name);
}

void
kml_metrics_sort (GArray *metrics)
{
  g_array_sort (metrics, compare_metrics);
}

static void
add_longest (const KmlRecorder *self, GArray *metrics)
{
  for (guint i = 0; i < KML_N_OPERATIONS; i++)
    for (guint j = 0; j < KML_N_CONTEXTS; j++)
      for (guint part = 0; self->longest[i][j].latency > 0 && part < KML_N_PARTS; part++)
        kml_metrics_add (metrics, "ns", (double)self->longest[i][j].parts[part] / KML_NS,
                         "worst.%s.%s.%s_ns", kml_operation_names[i], kml_context_names[j],
                         kml_part_names[part]);
}

GArray *
kml_recorder_metrics (KmlRecorder *self)
{
  GArray *metrics = g_array_new (FALSE, FALSE, sizeof (KmlMetric));
  const KmlRam *ram = self->machine->ram;
  const guint64 frame_table = (guint64)(ram->n_frames - ram->n_usable) << ram->page_shift;

  g_array_set_clear_func (metrics, (GDestroyNotify)kml_metric_clear);
  kml_metrics_add (metrics, "requests", (double)self->tally.n_alloc, "alloc.count");
  kml_metrics_add (metrics, "requests", (double)self->n_failed, "alloc.failed");
  kml_metrics_add (metrics, "operations", (double)self->tally.n_free, "free.count");
  kml_metrics_add (metrics, "operations", (double)self->n_free_skipped, "free.skipped");
  kml_metrics_add (metrics, "blocks", (double)kml_recorder_live_blocks (self), "live.blocks.end");
  if (self->config.population) {
    kml_metrics_add (metrics, "blocks", kml_population_mean (&self->population),
                     "live.blocks.mean");
    kml_metrics_add (metrics, "ratio", kml_population_dispersion (&self->population),
                     "live.blocks.dispersion");
  }
  kml_metrics_add (metrics, "bytes", (double)self->tally.requested.peak,
                   "memory.requested.peak_bytes");
  kml_metrics_add (metrics, "bytes", (double)self->tally.held.peak, "memory.held.peak_bytes");
  kml_metrics_add (metrics, "bytes", (double)kml_recorder_reserved (self, self->least_free),
                   "memory.reserved.peak_bytes");
  kml_metrics_add (metrics, "bytes",
                   (double)kml_recorder_reserved (self, self->machine->free_area.n_free),
                   "memory.reserved.end_bytes");
  kml_metrics_add (metrics, "bytes", (double)(frame_table + self->peak_kept),
                   "memory.metadata.peak_bytes");
  add_internal (self, metrics);
  add_fragmentation (self, metrics);
  kml_recorder_settle_latencies (self);
  if (self->config.latency)
    add_latencies (self, metrics);
  add_longest (self, metrics);
  if (self->samples != NULL) {
    kml_metrics_add (metrics, "samples", (double)self->n_samples, "sampling.count");
    if (self->config.events == KML_RECORD_SAMPLE && self->n_samples > 0)
      kml_metrics_add (metrics, "probability", sqrt (HALF_LN_200 / (double)self->n_samples),
                       "sampling.dkw99");
  }
  kml_metrics_sort (metrics);
  return metrics;
}
