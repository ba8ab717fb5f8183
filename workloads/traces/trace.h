/* trace.h: recordings of what a kernel's allocators were asked, read, converted and described.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recording comes as the text that people have (`trace-cmd report`, the
 * kernel's own `trace` file, `perf script`; plain or compressed by gzip, xz or
 * zstd), in another tool's form (trace-source.h), or in this program's binary form, .kmt
 * (docs/trace-format.md). Which one a file is, its bytes tell, never its name. Either way out
 * comes one stream of KmlTraceEvent, in the order of the recording.
 *
 * Blocks have names instead of addresses. Names are small integers, used again
 * after the block is freed, counted separately for objects and for pages, so
 * what a reader remembers is O(live blocks), never O(length). What a recording
 * lacks or contradicts (frees of blocks born before it, allocations of an address that is in
 * use, lost events) is counted, see KmlTraceCount, and never silently dropped.
 *
 *   g_autoptr (KmlTrace) trace = kml_trace_open ("mix.txt.zst", NULL, &error);
 *
 *   while ((n = kml_trace_next (trace, events, G_N_ELEMENTS (events), &error)) > 0)
 *     …
 */

#pragma once

#include "simcore/base/histogram.h"
#include "simcore/workload.h"

G_BEGIN_DECLS

typedef struct _KmlTrace KmlTrace;

/* What is particular about an event. */
typedef enum {
  KML_TRACE_SLAB_PAGE =
      1 << 0, /* pages that the recorded kernel's object allocator took for itself */
  KML_TRACE_INFERRED = 1 << 1, /* a free that was not recorded, but must have been */
  KML_TRACE_MOVED = 1 << 2, /* a free of one page by compaction: if it was in use, it has moved */
  KML_TRACE_OF_CACHE =
      1
      << 3, /* an allocation from a kmem_cache, whose objects have bytes_alloc bytes; others are kmalloc()'s */
} KmlTraceFlags;

typedef struct {
  guint64 time_ns;   /* since the first event of the recording; never decreases */
  guint32 block;     /* name, unique among the live blocks of the level; old pages: 0 */
  guint32 other;     /* splits: name of the upper half; old pages: number of the first page frame */
  guint32 bytes_req; /* object allocations: bytes asked for, > 0 */
  guint32 bytes_alloc; /* object allocations: bytes that the recorded kernel gave */
  guint32 gfp;         /* allocations: KmlGfp */
  guint32 site;        /* call site, see kml_trace_site(); 0: unknown */
  guint32 cache;       /* see kml_trace_cache(); 0: not recorded */
  guint32 pid;         /* the task that ran, or was interrupted */
  guint16 cpu;         /* as recorded */
  guint8 kind;         /* KmlOpKind */
  guint8 level;        /* KML_LEVEL_OBJECTS or KML_LEVEL_PAGES */
  guint8 context;      /* KmlContext; process where the recording does not say */
  guint8 order;        /* pages: of the block; splits: of each half */
  guint8 mobility;     /* allocations: KmlMobility */
  guint8 flags;        /* KmlTraceFlags */
} KmlTraceEvent;

/* What is counted while a recording is read. A converted recording reports the same numbers. */
typedef enum {
  KML_TRACE_N_EVENTS,        /* lines that are an event of any name */
  KML_TRACE_N_OBJECT_ALLOCS, /* allocations that succeeded */
  KML_TRACE_N_OBJECT_FREES,  /* frees of an object that was born in the recording */
  KML_TRACE_N_PAGE_ALLOCS,   /* allocations that succeeded */
  KML_TRACE_N_PAGE_FREES,   /* frees of a block, or a part of one, that was born in the recording */
  KML_TRACE_N_FAILED,       /* allocations that failed, of objects and pages */
  KML_TRACE_N_FREE_NULL,    /* kfree (NULL), which does nothing */
  KML_TRACE_N_FREE_UNKNOWN, /* frees of objects born before the recording, or lost births */
  KML_TRACE_N_PAGE_FREE_UNKNOWN, /* the same of pages, which are KML_OP_FREE_OLD where their frame is known */
  KML_TRACE_N_DOUBLE_ALLOC,      /* objects allocated where one was live: a free is inferred */
  KML_TRACE_N_PAGE_DOUBLE_ALLOC, /* page blocks whose free is inferred in the same way */
  KML_TRACE_N_SPLITS,            /* halvings of page blocks that were freed in pieces */
  KML_TRACE_N_MERGED_FREES,      /* page frees that gave back several blocks, or a part */
  KML_TRACE_N_SLAB_PAGES,        /* page allocations of the kernel's own object allocator */
  KML_TRACE_N_SLAB_PAGES_LATE,   /* … that were recognised too late to be flagged */
  KML_TRACE_N_BULK_REPEATED,     /* bulk page events that repeat an allocation already recorded */
  KML_TRACE_N_LOST,              /* events that the recorder says it lost */
  KML_TRACE_N_OTHER,             /* events that are no requests: see kml_trace_names() */
  KML_TRACE_N_MALFORMED,         /* lines that are no event, or lack what their event must have */
  KML_TRACE_N_UNORDERED,         /* events whose time is before an earlier one's: taken as that */
  KML_TRACE_N_GFP_UNKNOWN,       /* distinct flag texts with unknown names, which are left out */
  KML_TRACE_N_UNTIMED,           /* events without a time: a microsecond apart */
  KML_TRACE_N_REALLOCS,          /* reallocations: a free, then an allocation */
  KML_TRACE_N_ZERO_SIZE,         /* requests for 0 bytes, which are taken as 1 */
  KML_TRACE_N_COUNTS,
} KmlTraceCount;

/* "events", "object_allocs", … and one sentence each. */
extern const char *const kml_trace_count_names[KML_TRACE_N_COUNTS + 1];
extern const char *const kml_trace_count_summaries[KML_TRACE_N_COUNTS + 1];

/* How often the events of one name were recorded. */
typedef struct {
  char *name; /* (owned) */
  guint64 count;
  gboolean used; /* whether it is one that requests memory or gives it back */
} KmlTraceNameCount;

/* All borrowed; valid until the trace is closed. Of text, counts are those of what has been read so
 * far. */
typedef struct {
  const char *format;      /* "trace-cmd", "mtrace", …; "kmt" */
  const char *source;      /* (nullable): the format that a .kmt was converted from */
  const char *compression; /* "none", "gzip", "xz" or "zstd" */
  gboolean complete;   /* whether the whole recording is known: .kmt, or the end has been reached */
  guint64 base_ns;     /* the recorder's clock at the first event */
  guint64 duration_ns; /* from the first event to the last */
  guint64 n_lines;     /* of the text; of a binary form, its entries */
  guint64 n_stream;    /* events that kml_trace_next() gives in all */
  guint n_cpus;        /* as the recording says, or the highest CPU seen plus 1 */
  guint n_sites, n_caches;                    /* indices from 1 to these are valid */
  guint64 live_objects_peak, live_pages_peak; /* born in the recording; pages: blocks */
  guint64 counts[KML_TRACE_N_COUNTS];
  guint64 malformed_line;     /* number of the first malformed line; 0: none */
  const char *malformed_text; /* (nullable): what is wrong with it, with a quotation */
  gboolean unended; /* text: the last line, n_lines, has no newline: the file may have been cut */
} KmlTraceInfo;

/* What a file cannot say of itself. All may be zero. */
typedef struct {
  const char *shown;   /* (nullable): the name that messages use, where it is not the path */
  const char *columns; /* (nullable): what the columns of a CSV mean, see trace-columns.h */
} KmlTraceOptions;

/* Opens a recording. @path may be "-" for the standard input. @options are borrowed for the call.
 * A file that is no recording is KML_ERROR_INPUT. */
KmlTrace *kml_trace_open_with (const char *path, const KmlTraceOptions *options, GError **error);

/* The same with the one option @shown. */
KmlTrace *kml_trace_open (const char *path, const char *shown, GError **error);

/* A form of recording that is read. */
typedef struct {
  const char *name;
  const char *summary; /* one line */
} KmlTraceForm;

/* (element-type KmlTraceForm) (transfer full): all, sorted by name. */
GArray *kml_trace_forms (void);

/* Their names, as a sentence lists them. (transfer full) */
char *kml_trace_describe_forms (void);
void kml_trace_close (KmlTrace *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTrace, kml_trace_close)

/* Up to @n events; 0: the end; -1: @error is set. */
int kml_trace_next (KmlTrace *self, KmlTraceEvent *events, guint n, GError **error);

/* Reads on to the end, so that the info is complete. */
gboolean kml_trace_finish (KmlTrace *self, GError **error);

const KmlTraceInfo *kml_trace_info (KmlTrace *self);

/* Share of the file that has been read, in [0, 1]; negative when unknown. */
double kml_trace_progress (const KmlTrace *self);

/* (transfer none): "" for 0. */
const char *kml_trace_site (const KmlTrace *self, guint32 site);
const char *kml_trace_cache (const KmlTrace *self, guint32 cache);

/* (element-type KmlTraceNameCount) (transfer full): the names of all events, most frequent first.
 * */
GArray *kml_trace_names (KmlTrace *self);

/* .kmt only: continues with the block of events that holds number @event of the stream, whose first
 * event's number is written to *@ret_event. Blocks born earlier are live but were not seen. */
gboolean kml_trace_seek (KmlTrace *self, guint64 event, guint64 *ret_event, GError **error);

/* ---- Binary form ---- */

typedef struct {
  gboolean overwrite;                             /* replace @path if it exists */
  int level;                                      /* of zstd, 1 to 19; 0: the default */
  void (*progress) (double share, gpointer data); /* (nullable) */
  gpointer data;
  volatile int *stop; /* becomes non-zero on a signal: there is no file then (nullable) */
} KmlTraceConvert;

/* Writes what is left of @self (all of it, after kml_trace_open()) to @path in binary
 * form. The file appears under its name when it is whole and on the disk, or not at all.
 * Errors: KML_ERROR_STOPPED as well. */
gboolean kml_trace_convert (KmlTrace *self, const char *path, const KmlTraceConvert *options,
                            GError **error);

/* ---- Statistics ---- */

typedef struct {
  guint64 size; /* bytes_req */
  guint64 count;
  guint64 bytes_alloc; /* in all; bytes_alloc - count * size were wasted */
} KmlTraceSizeCount;

/* What the blocks of one level that a site asked for came to. */
typedef struct {
  guint32 site;
  guint64 allocs, frees;
  guint64 bytes_req, bytes_alloc; /* in all; pages: 4096 << order for both */
  guint64 live;                   /* blocks that are live at the end */
  guint64 ping_pong;              /* frees on another CPU than the allocation's */
} KmlTraceSiteCount;

typedef struct {
  guint64 n_live, n_peak;         /* blocks */
  guint64 bytes_live, bytes_peak; /* objects: bytes_alloc; pages: 4096 << order */
  guint64 bytes_req_at_peak;      /* objects: what was asked for when bytes_live was highest */
  guint64 bytes_req_live;
  guint64 allocs, frees;          /* splits are neither */
  guint64 bytes_req, bytes_alloc; /* in all */
  guint64 frees_seen;             /* frees that were recorded, and not inferred */
  guint64 bytes_freed;            /* by those */
  guint64 ping_pong;              /* of those, on another CPU than the allocation's */
} KmlTraceLevelStats;

/* Lifetimes are counted by powers of ten: (0, 10), [10, 100), [100, 1000) … ns. */
#define KML_TRACE_N_DECADES 20

typedef struct {
  KmlHistogram histogram; /* ns */
  guint64 n_at_once; /* that began and ended at one time, as far as the recorder's clock can tell */
  guint64 decades[KML_TRACE_N_DECADES];
} KmlTraceLifetimes;

typedef struct _KmlTraceStats KmlTraceStats;

KmlTraceStats *kml_trace_stats_new (void);
void kml_trace_stats_free (KmlTraceStats *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTraceStats, kml_trace_stats_free)

void kml_trace_stats_add (KmlTraceStats *self, const KmlTraceEvent *events, guint n);

/* The same for kml_trace_stats_sizes() alone, in a fraction of the time. */
void kml_trace_stats_add_sizes (KmlTraceStats *self, const KmlTraceEvent *events, guint n);

/* @level: KML_LEVEL_OBJECTS or KML_LEVEL_PAGES. */
const KmlTraceLevelStats *kml_trace_stats_level (const KmlTraceStats *self, guint level);
const KmlTraceLifetimes *kml_trace_stats_lifetimes (const KmlTraceStats *self, guint level);

/* How many allocations there were: of pages, and of both levels. */
guint64 kml_trace_stats_pages (const KmlTraceStats *self, guint order, KmlMobility mobility);
guint64 kml_trace_stats_requests (const KmlTraceStats *self, guint cpu, KmlContext context);
guint kml_trace_stats_n_cpus (const KmlTraceStats *self);

/* (element-type KmlTraceSizeCount) (transfer full): of objects, ascending. */
GArray *kml_trace_stats_sizes (const KmlTraceStats *self);

/* (element-type KmlTraceSiteCount) (transfer full): all sites that asked for blocks of the level, most
 * wasted bytes first, then most bytes, then by number. */
GArray *kml_trace_stats_sites (const KmlTraceStats *self, guint level);

/* Internal fragmentation in percent, as perf kmem has it: 100 - 100 * asked / given, and 0 of nothing. */
double kml_trace_fragmentation (guint64 bytes_req, guint64 bytes_alloc);

G_END_DECLS
