/* trace.c: replays a recording.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   [workload NAME]
 *   kind = trace
 *   file = boot.kmt                 any form, plain or compressed; relative to the scenario
 *   columns = time=ts_ns, op=2, …   of a CSV (trace-columns.h)
 *   timing = recorded | asap        at the recorded times, or each operation as soon as the last is
 *   done
 *   level = objects | pages | both  which of the recorded requests are made
 *   requests = all | kmalloc        … and of those for objects, all, or only what kmalloc() was asked for
 *
 * What becomes of an event:
 *
 *   time       since the first event of the recording
 *   cpu        the recorded one modulo the machine's number of CPUs
 *   size       of objects, the bytes asked for; of pages, the machine's page size << order
 *   mobility   of pages, the recorded migrate type; of objects, what the flags say
 *   site       an index into the recording's call sites
 *
 * With both levels, the pages that the recorded kernel took for its objects are
 * left out, because the simulated object allocator takes its own. Allocations that
 * failed when recorded are not made: how much was free is the simulation's
 * business. Objects and pages that were live before the recording are not there, but on a machine that begins
 * with the frames of the recorded kernel ([memory] start) pages of before are given back as they were.
 *
 * Names. Objects and pages are named apart in a recording, each densely, and a
 * workload has one set of names. With both levels, names are given out in chunks of 4096,
 * each to the level that first needs it, so the whole stays dense to within a
 * chunk for each level and what must be remembered is one number a chunk.
 */

#include "simcore/workload.h"
#include "workloads/traces/trace-columns.h"
#include "workloads/traces/trace.h"

#define BATCH       512
#define CHUNK_SHIFT 12
#define CHUNK_MASK  ((1u << CHUNK_SHIFT) - 1)

enum {
  TIMING_RECORDED,
  TIMING_ASAP,
};

enum {
  REPLAY_OBJECTS,
  REPLAY_PAGES,
  REPLAY_BOTH,
};

enum {
  REQUESTS_ALL,
  REQUESTS_KMALLOC,
};

typedef struct {
  KmlWorkload base;

  char *file;
  char *columns;
  guint timing;
  guint level;
  guint requests;

  char *path;      /* (owned): of the file */
  KmlTrace *trace; /* (owned) */
  /* (owned) (element-type guint32): by level; 1 + the chunk of names given to it */
  GArray *chunks[2];
  guint32 n_chunks; /* given out */
  GArray *
      left_out; /* (owned) (element-type guint64): a bit for each name of an object: it was asked of a kmem_cache */
  guint16 cpu_of[1u << 8]; /* recorded to simulated, for the first 256 */
  KmlTraceEvent batch[BATCH];
  guint n_batch, at;
  gboolean has_moved; /* the page that the event at @at frees */
} TraceWorkload;

/* ---- Names ---- */

static guint32 G_GNUC_NO_INLINE
new_chunk (TraceWorkload *self, GArray *chunks, guint32 chunk)
{
  if (chunk >= chunks->len)
    g_array_set_size (chunks, chunk + 1);
  if (g_array_index (chunks, guint32, chunk) == 0)
    g_array_index (chunks, guint32, chunk) = ++self->n_chunks;
  return g_array_index (chunks, guint32, chunk);
}

static inline guint32
name_of (TraceWorkload *self, guint level, guint32 name)
{
  GArray *const chunks = self->chunks[level == KML_LEVEL_PAGES];
  const guint32 chunk = name >> CHUNK_SHIFT;
  guint32 given = 0;

  if (self->level != REPLAY_BOTH)
    return name;
  if (G_LIKELY (chunk < chunks->len))
    given = g_array_index (chunks, guint32, chunk);
  if (G_UNLIKELY (given == 0))
    given = new_chunk (self, chunks, chunk);
  return (given - 1) << CHUNK_SHIFT | (name & CHUNK_MASK);
}

/* ---- The slots of a workload ---- */

/* Objects of kmem_caches, where only kmalloc()'s are wanted: a free says whose it is by its name alone. */
static gboolean
is_left_out (TraceWorkload *self, const KmlTraceEvent *event)
{
  const guint word = event->block / 64;
  const guint64 bit = G_GUINT64_CONSTANT (1) << event->block % 64;

  if (self->requests == REQUESTS_ALL || event->level != KML_LEVEL_OBJECTS)
    return FALSE;
  if (word >= self->left_out->len)
    g_array_set_size (self->left_out, word + 1);
  if (event->kind != KML_OP_ALLOC)
    return (g_array_index (self->left_out, guint64, word) & bit) != 0;
  if (event->flags & KML_TRACE_OF_CACHE)
    g_array_index (self->left_out, guint64, word) |= bit;
  else
    g_array_index (self->left_out, guint64, word) &= ~bit;
  return (event->flags & KML_TRACE_OF_CACHE) != 0;
}

static gboolean
is_wanted (TraceWorkload *self, const KmlTraceEvent *event)
{
  if (is_left_out (self, event))
    return FALSE;
  if (event->kind == KML_OP_FREE_OLD && !self->base.has_old_frames)
    return FALSE;
  if (self->level == REPLAY_BOTH)
    return !(event->flags & KML_TRACE_SLAB_PAGE);
  return (event->level == KML_LEVEL_PAGES) == (self->level == REPLAY_PAGES);
}

/* Names and frame numbers. */
static inline void
set_block (TraceWorkload *self, const KmlTraceEvent *event, KmlOp *op)
{
  if (G_UNLIKELY (event->kind == KML_OP_FREE_OLD)) {
    op->block = 0;
    op->other = event->other;
    op->old = event->flags & KML_TRACE_INFERRED ? KML_OLD_LISTED
              : event->flags & KML_TRACE_MOVED  ? KML_OLD_MOVED
                                                : KML_OLD_GIVE_BACK;
    return;
  }
  op->block = name_of (self, event->level, event->block);
  op->other = event->kind == KML_OP_SPLIT ? name_of (self, event->level, event->other) : 0;
}

static inline void
set_op (TraceWorkload *self, const KmlTraceEvent *event, KmlOp *op)
{
  op->time = self->timing == TIMING_ASAP ? 0 : event->time_ns * KML_NS;
  op->request.size = event->level == KML_LEVEL_PAGES ? self->base.page_size << event->order
                                                     : event->bytes_req;
  op->request.constraints = NULL;
  op->request.gfp = event->gfp;
  op->request.site = event->site;
  op->request.cpu = event->cpu < G_N_ELEMENTS (self->cpu_of)
                        ? self->cpu_of[event->cpu]
                        : (guint16)(event->cpu % self->base.n_cpus);
  op->request.context = event->context;
  op->request.mobility = event->mobility;
  op->request.cache = event->flags & KML_TRACE_OF_CACHE ? event->bytes_alloc : 0;
  set_block (self, event, op);
  op->kind = event->kind;
  op->level = event->level;
}

/* A page with a name that was moved: before its frame is given back, another one is in use. */
static inline gboolean
moves_first (TraceWorkload *self, const KmlTraceEvent *event, KmlOp *op)
{
  if (G_LIKELY (!(event->flags & KML_TRACE_MOVED)) || event->kind == KML_OP_FREE_OLD ||
      !self->base.has_old_frames || self->has_moved)
    return FALSE;
  self->has_moved = TRUE;
  set_op (self, event, op);
  op->kind = KML_OP_FREE_OLD;
  op->old = KML_OLD_MOVE;
  op->block = 0;
  op->other = KML_PFN_NONE;
  return TRUE;
}

static void
update_counters (TraceWorkload *self)
{
  static const guint8 shown[] = {
    KML_TRACE_N_EVENTS,       KML_TRACE_N_LOST,
    KML_TRACE_N_FREE_UNKNOWN, KML_TRACE_N_PAGE_FREE_UNKNOWN,
    KML_TRACE_N_DOUBLE_ALLOC, KML_TRACE_N_PAGE_DOUBLE_ALLOC,
    KML_TRACE_N_FAILED,       KML_TRACE_N_FREE_NULL,
    KML_TRACE_N_SPLITS,       KML_TRACE_N_MERGED_FREES,
    KML_TRACE_N_SLAB_PAGES,   KML_TRACE_N_SLAB_PAGES_LATE,
    KML_TRACE_N_OTHER,        KML_TRACE_N_MALFORMED,
    KML_TRACE_N_UNORDERED,
  };
  const guint64 *counts = kml_trace_info (self->trace)->counts;

  G_STATIC_ASSERT (G_N_ELEMENTS (shown) <= KML_MAX_COUNTERS);
  for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
    self->base.counters[i] = counts[shown[i]];
}

/* In the order of update_counters(). */
static const KmlCounterInfo trace_counters[] = {
  { "events", "events", "events of any name in the recording" },
  { "lost", "events", "events that the recorder lost" },
  { "free_unknown", "frees", "frees of objects whose allocation is not in the recording" },
  { "page_free_unknown", "frees", "frees of pages whose allocation is not in the recording" },
  { "double_alloc", "frees", "frees of objects that are missing and were inferred" },
  { "page_double_alloc", "frees", "frees of page blocks that are missing and were inferred" },
  { "failed", "allocations", "allocations that failed when recorded" },
  { "free_null", "frees", "frees of NULL or of what kmalloc (0) gives, which do nothing" },
  { "splits", "splits", "halvings of page blocks that were freed in pieces" },
  { "merged_frees", "frees", "page frees that gave back several blocks at once" },
  { "slab_pages", "blocks", "page blocks that the recorded kernel took for its objects" },
  { "slab_pages_late", "blocks", "page blocks for objects that were recognised too late" },
  { "other", "events", "events that neither request memory nor give it back" },
  { "malformed", "lines", "lines that are no event or lack what their event must have" },
  { "unordered", "events", "events whose time is before that of an earlier one" },
  { NULL },
};

static KmlTrace *
open_file (const TraceWorkload *self, GError **error)
{
  const KmlTraceOptions options = {
    .shown = self->file,
    .columns = strcmp (self->columns, "auto") != 0 ? self->columns : NULL,
  };

  return kml_trace_open_with (self->path, &options, error);
}

static gboolean
trace_open (KmlWorkload *base, GError **error)
{
  TraceWorkload *self = (TraceWorkload *)base;

  self->path = kml_workload_locate (base, self->file);
  self->trace = open_file (self, error);
  if (self->trace == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (self->chunks); i++)
    self->chunks[i] = g_array_new (FALSE, TRUE, sizeof (guint32));
  self->left_out = g_array_new (FALSE, TRUE, sizeof (guint64));
  for (guint i = 0; i < G_N_ELEMENTS (self->cpu_of); i++)
    self->cpu_of[i] = (guint16)(i % base->n_cpus);
  return TRUE;
}

static int
trace_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  TraceWorkload *self = (TraceWorkload *)base;
  guint n_ops = 0;

  while (n_ops < n) {
    if (self->at == self->n_batch) {
      const int n_events = kml_trace_next (self->trace, self->batch, BATCH, error);

      if (n_events < 0)
        return -1;
      if (n_events == 0)
        break;
      self->n_batch = (guint)n_events;
      self->at = 0;
    }
    for (; self->at < self->n_batch && n_ops < n; self->at++) {
      const KmlTraceEvent *const event = &self->batch[self->at];

      if (!is_wanted (self, event))
        continue;
      if (moves_first (self, event, &ops[n_ops]) && ++n_ops == n)
        break; /* and then comes the free */
      set_op (self, event, &ops[n_ops++]);
      self->has_moved = FALSE;
    }
  }
  update_counters (self);
  return (int)n_ops;
}

/* Those of @n events, from the first on, whose sizes count: how many. */
static guint
keep_counted (const TraceWorkload *self, KmlTraceEvent *events, guint n)
{
  guint n_kept = 0;

  if (self->requests == REQUESTS_ALL)
    return n;
  for (guint i = 0; i < n; i++)
    if (!(events[i].flags & KML_TRACE_OF_CACHE))
      events[n_kept++] = events[i];
  return n_kept;
}

/* Sizes are counted in a second pass over the file. */
static gboolean
trace_sizes (KmlWorkload *base, GArray *counts, GError **error)
{
  TraceWorkload *self = (TraceWorkload *)base;
  g_autoptr (KmlTraceStats) stats = kml_trace_stats_new ();
  g_autoptr (KmlTrace) trace = NULL;
  g_autoptr (GArray) sizes = NULL;
  KmlTraceEvent events[256];
  int n;

  trace = open_file (self, error);
  if (trace == NULL)
    return FALSE;
  while ((n = kml_trace_next (trace, events, G_N_ELEMENTS (events), error)) > 0)
    kml_trace_stats_add_sizes (stats, events, keep_counted (self, events, (guint)n));
  if (n < 0)
    return FALSE;
  sizes = kml_trace_stats_sizes (stats);
  for (guint i = 0; i < sizes->len; i++) {
    const KmlTraceSizeCount *size = &g_array_index (sizes, KmlTraceSizeCount, i);
    const KmlSizeCount count = { size->size, size->count };

    g_array_append_val (counts, count);
  }
  return TRUE;
}

static const char *
trace_site (const KmlWorkload *base, guint32 site)
{
  return kml_trace_site (((const TraceWorkload *)base)->trace, site);
}

static double
trace_progress (const KmlWorkload *base)
{
  return kml_trace_progress (((const TraceWorkload *)base)->trace);
}

static void
trace_close (KmlWorkload *base)
{
  TraceWorkload *self = (TraceWorkload *)base;

  kml_trace_close (self->trace);
  for (guint i = 0; i < G_N_ELEMENTS (self->chunks); i++)
    g_clear_pointer (&self->chunks[i], g_array_unref);
  g_clear_pointer (&self->left_out, g_array_unref);
  g_free (self->path);
}

static const char *const timings[] = { "recorded", "asap", NULL };
static const char *const levels[] = { "objects", "pages", "both", NULL };
static const char *const requests[] = { "all", "kmalloc", NULL };

static const KmlParam trace_params[] = {
  {
      .name = "file",
      .type = KML_PARAM_PATH,
      .offset = G_STRUCT_OFFSET (TraceWorkload, file),
      .summary = "the recording, of any form that `kmemlab list traces` names, plain or compressed",
  },
  {
      .name = "columns",
      .type = KML_PARAM_TEXT,
      .value = "auto",
      .validate = kml_trace_columns_validate,
      .offset = G_STRUCT_OFFSET (TraceWorkload, columns),
      .grammar = "FIELD=COLUMN[:UNIT],… | auto",
      .summary = "what the columns of a CSV mean (docs/traces.md); auto: what its first line says",
  },
  {
      .name = "timing",
      .type = KML_PARAM_CHOICE,
      .value = "recorded",
      .choices = timings,
      .offset = G_STRUCT_OFFSET (TraceWorkload, timing),
      .summary = "operations start at their recorded times, or as soon as the last one is done",
  },
  {
      .name = "level",
      .type = KML_PARAM_CHOICE,
      .value = "objects",
      .choices = levels,
      .offset = G_STRUCT_OFFSET (TraceWorkload, level),
      .summary = "which requests are made: those for objects, those for pages, or both without the "
                 "pages that the recorded kernel took for its objects",
  },
  {
      .name = "requests",
      .type = KML_PARAM_CHOICE,
      .value = "all",
      .choices = requests,
      .offset = G_STRUCT_OFFSET (TraceWorkload, requests),
      .summary = "of requests for objects, all, or only what kmalloc() was asked for: a kmem_cache "
                 "has objects of its own size, and needs no bin",
  },
  { NULL },
};

static const KmlWorkloadOps trace_ops = {
  .name = "trace",
  .summary = "replays a recording of a kernel's requests",
  .instance_size = sizeof (TraceWorkload),
  .params = trace_params,
  .counters = trace_counters,
  .open = trace_open,
  .next = trace_next,
  .sizes = trace_sizes,
  .site = trace_site,
  .progress = trace_progress,
  .close = trace_close,
};

KML_REGISTER_WORKLOAD (trace_ops)
