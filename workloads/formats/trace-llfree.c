/* trace-llfree.c: the page traces of LLFree.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Wrenger, Rommel, Halbuer, Dietrich, Lohmann, "LLFree: Scalable and Optionally-Persistent Page-Frame Allocation",
 * USENIX ATC 2023; its benchmark replay.rs reads these files.
 *
 * All is little-endian, in pieces of 4096 bytes. The first has three 32-bit numbers: pieces, CPUs, the highest frame. Every other one
 * belongs to a CPU:
 *
 *   at 0    32 bits: the CPU, then 96 of nothing
 *   at 16   255 entries of 128 bits, from bit 0 on:
 *
 *     time 38 (us) | pfn 24 | allocation 1 | order 4 | GFP flags 29 | pid 32
 *
 * An entry of frame 0 ends its piece early. The flags have the bits of Linux 6.1, and 0x10000000 for pages of the
 * page cache, which becomes the name of a cache here.
 *
 * Each CPU's pieces are in the order of time; CPUs are merged by time, then by number. To find the next piece of
 * a CPU the file must be entered anywhere: a compressed one is unpacked first (trace-spool.h). What is remembered is 4 bytes
 * a piece and one piece for each CPU.
 *
 * The number of pieces at the beginning is held against the file, so that one that was cut does not look like a short one. It may
 * or may not count the first piece.
 */

#include "workloads/traces/trace-source.h"
#include "workloads/traces/trace-spool.h"

#include <errno.h>
#include <unistd.h>

#define PIECE      4096
#define HEAD       16 /* bytes before the entries */
#define ENTRY      16
#define N_ENTRIES  ((PIECE - HEAD) / ENTRY)
#define MAX_CPUS   1024
#define MAX_PFN    ((1u << 24) - 1)
#define PAGE_CACHE 0x10000000u

typedef struct {
  guint64 time_us;
  guint32 pfn;
  guint32 gfp;
  guint32 pid;
  guint8 order;
  gboolean is_alloc;
} Entry;

/* A CPU that has entries left. */
typedef struct {
  guint16 cpu;
  guint32 next, end; /* into the order of pieces: those of this CPU that have not been read */
  guint at;          /* the next entry of the piece that has */
  Entry entry;       /* that entry */
  guint8 piece[PIECE];
} Stream;

typedef struct {
  KmlTraceSource base;
  int fd;
  guint32 n_pieces, n_done; /* without the first */
  guint32 n_cpus, max_pfn;
  guint32 *order;   /* (owned) (array length=n_pieces): pieces, those of CPU 0 first */
  Stream **streams; /* (owned) (array length=n_streams): a heap, the earliest first */
  guint n_streams;
  guint64 n_entries;
  guint32 alloc_name, free_name, page_cache;
} Llfree;

static inline guint32
load32 (const guint8 *at)
{
  guint32 value;

  memcpy (&value, at, sizeof value);
  return GUINT32_FROM_LE (value);
}

static inline guint64
load64 (const guint8 *at)
{
  return kml_trace_load_word ((const char *)at);
}

static Entry
parse_entry (const guint8 *at)
{
  const guint64 low = load64 (at), high = load64 (at + 8);

  return (Entry){
    .time_us = low & ((G_GUINT64_CONSTANT (1) << 38) - 1),
    .pfn = (guint32)(low >> 38) & MAX_PFN,
    .is_alloc = low >> 62 & 1,
    .order = (guint8)(low >> 63 | (high & 7) << 1),
    .gfp = (guint32)(high >> 3) & ((1u << 29) - 1),
    .pid = (guint32)(high >> 32),
  };
}

/* ---- Recognition ---- */

static gboolean
is_zero (const char *at, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (at[i] != 0)
      return FALSE;
  return TRUE;
}

static gboolean
llfree_recognises (const char *head, gsize n)
{
  const guint8 *const bytes = (const guint8 *)head;
  const guint8 *const piece = bytes + PIECE;
  guint32 n_cpus, max_pfn;
  Entry first;

  if (n < PIECE + HEAD + ENTRY)
    return FALSE;
  n_cpus = load32 (bytes + 4);
  max_pfn = load32 (bytes + 8);
  first = parse_entry (piece + HEAD);
  return load32 (bytes) > 0 && n_cpus > 0 && n_cpus <= MAX_CPUS && max_pfn > 0 &&
         max_pfn <= MAX_PFN && is_zero (head + 12, PIECE - 12) && load32 (piece) < n_cpus &&
         is_zero (head + PIECE + 4, HEAD - 4) && first.pfn <= max_pfn &&
         first.order <= KML_MAX_ORDER;
}

/* ---- Pieces ---- */

static gboolean
read_at (Llfree *self, guint64 offset, guint8 *bytes, gsize n, GError **error)
{
  while (n > 0) {
    const gssize done = pread (self->fd, bytes, n, (off_t)offset);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0) {
      g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot read: %s", self->base.shown,
                   done < 0 ? g_strerror (errno) : "the file has become shorter");
      return FALSE;
    }
    bytes += done;
    offset += (guint64)done;
    n -= (gsize)done;
  }
  return TRUE;
}

/* The next entry of the CPU; *ret_has_one: there is one. */
static gboolean
advance (Llfree *self, Stream *stream, gboolean *ret_has_one, GError **error)
{
  for (;;) {
    if (stream->at < N_ENTRIES) {
      stream->entry = parse_entry (stream->piece + HEAD + ENTRY * stream->at);
      stream->at = stream->entry.pfn != 0 ? stream->at + 1 : N_ENTRIES;
      if (stream->entry.pfn != 0) {
        *ret_has_one = TRUE;
        return TRUE;
      }
    }
    if (stream->next == stream->end) {
      *ret_has_one = FALSE;
      return TRUE;
    }
    if (!read_at (self, (self->order[stream->next++] + G_GUINT64_CONSTANT (1)) * PIECE,
                  stream->piece, PIECE, error))
      return FALSE;
    stream->at = 0;
    self->n_done++;
  }
}

/* ---- The heap ---- */

static inline gboolean
is_earlier (const Stream *a, const Stream *b)
{
  if (a->entry.time_us != b->entry.time_us)
    return a->entry.time_us < b->entry.time_us;
  return a->cpu < b->cpu;
}

static void
sift_down (Llfree *self, guint at)
{
  Stream **const heap = self->streams;

  for (;;) {
    Stream *const moved = heap[at];
    guint least = at;

    for (guint child = 2 * at + 1; child <= 2 * at + 2 && child < self->n_streams; child++)
      if (is_earlier (heap[child], heap[least]))
        least = child;
    if (least == at)
      return;
    heap[at] = heap[least];
    heap[least] = moved;
    at = least;
  }
}

/* ---- Opening ---- */

static gboolean
refuse_cut (const Llfree *self, guint64 size, const char *what, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: byte %" G_GUINT64_FORMAT ": %s",
               self->base.shown, size, what);
  return FALSE;
}

/* How many pieces each CPU has, then which: a counting sort. */
static gboolean
sort_pieces (Llfree *self, GError **error)
{
  g_autofree guint16 *cpu_of = g_new (guint16, self->n_pieces);
  g_autofree guint32 *begins = g_new0 (guint32, self->n_cpus + 1);

  for (guint32 i = 0; i < self->n_pieces; i++) {
    const guint64 offset = (i + G_GUINT64_CONSTANT (1)) * PIECE;
    guint8 cpu[4];

    if (!read_at (self, offset, cpu, sizeof cpu, error))
      return FALSE;
    if (load32 (cpu) >= self->n_cpus)
      return refuse_cut (self, offset, "a CPU that is not below their number at the beginning",
                         error);
    cpu_of[i] = (guint16)load32 (cpu);
    begins[cpu_of[i] + 1]++;
  }
  for (guint cpu = 0; cpu < self->n_cpus; cpu++)
    begins[cpu + 1] += begins[cpu];
  self->streams = g_new0 (Stream *, self->n_cpus);
  for (guint cpu = 0; cpu < self->n_cpus; cpu++) {
    Stream *stream;

    if (begins[cpu] == begins[cpu + 1])
      continue;
    stream = self->streams[self->n_streams++] = g_new (Stream, 1);
    stream->cpu = (guint16)cpu;
    stream->next = begins[cpu];
    stream->end = begins[cpu + 1];
    stream->at = N_ENTRIES;
  }
  self->order = g_new (guint32, self->n_pieces);
  for (guint32 i = 0; i < self->n_pieces; i++)
    self->order[begins[cpu_of[i]]++] = i;
  return TRUE;
}

static gboolean
start_streams (Llfree *self, GError **error)
{
  guint n_left = 0;

  for (guint i = 0; i < self->n_streams; i++) {
    Stream *const stream = self->streams[i];
    gboolean has_one = FALSE;

    self->streams[i] = NULL;
    if (!advance (self, stream, &has_one, error)) {
      g_free (stream);
      return FALSE;
    }
    if (has_one)
      self->streams[n_left++] = stream;
    else
      g_free (stream);
  }
  self->n_streams = n_left;
  for (guint i = n_left / 2; i > 0; i--)
    sift_down (self, i - 1);
  return TRUE;
}

static gboolean
llfree_open (KmlTraceSource *base, GError **error)
{
  Llfree *const self = (Llfree *)base;
  guint8 head[12];
  guint64 size;

  self->fd = kml_trace_spool (base->input, &size, error);
  if (self->fd < 0 || !read_at (self, 0, head, sizeof head, error))
    return FALSE;
  self->n_cpus = load32 (head + 4);
  self->max_pfn = load32 (head + 8);
  if (size % PIECE != 0)
    return refuse_cut (self, size, "the file ends within a piece of 4096 bytes", error);
  if (size / PIECE < load32 (head) || size / PIECE > G_MAXUINT32)
    return refuse_cut (self, size, "the file has fewer pieces than its beginning says", error);
  self->n_pieces = (guint32)(size / PIECE - 1);
  self->alloc_name = kml_trace_feed_name (&base->feed, "page_alloc", 10, TRUE);
  self->free_name = kml_trace_feed_name (&base->feed, "page_free", 9, TRUE);
  self->page_cache = kml_trace_feed_cache (&base->feed, "page cache", 10);
  base->feed.info->n_cpus = self->n_cpus;
  return sort_pieces (self, error) && start_streams (self, error);
}

static void
llfree_close (KmlTraceSource *base)
{
  Llfree *const self = (Llfree *)base;

  for (guint i = 0; i < self->n_streams; i++)
    g_free (self->streams[i]);
  g_free (self->streams);
  g_free (self->order);
  if (self->fd >= 0)
    close (self->fd);
}

/* ---- Entries ---- */

static gboolean
push (Llfree *self, const Entry *entry, guint16 cpu, GError **error)
{
  KmlTraceLine *const event = kml_trace_feed_line (&self->base.feed);
  const char *wrong = NULL;

  self->base.feed.info->n_lines = ++self->n_entries;
  if (entry->pfn > self->max_pfn)
    wrong = "the frame is above the highest one at the beginning";
  else if (entry->pfn & ((1u << entry->order) - 1))
    wrong = "the frame is not a multiple of 2^order";
  if (wrong != NULL) {
    kml_trace_feed_malformed (&self->base.feed, self->n_entries, NULL, NULL, wrong);
    return TRUE;
  }
  event->record = entry->is_alloc ? KML_TRACE_MM_PAGE_ALLOC : KML_TRACE_MM_PAGE_FREE;
  event->name = entry->is_alloc ? self->alloc_name : self->free_name;
  event->key = entry->pfn;
  event->order = entry->order;
  event->gfp = entry->gfp & ~PAGE_CACHE;
  event->cache = entry->gfp & PAGE_CACHE ? self->page_cache : 0;
  event->pid = entry->pid;
  event->cpu = cpu;
  event->time_ns = entry->time_us * 1000;
  return kml_trace_feed_add (&self->base.feed, error);
}

static gboolean
llfree_step (KmlTraceSource *base, GError **error)
{
  Llfree *const self = (Llfree *)base;
  Stream *stream;
  gboolean has_one;

  if (self->n_streams == 0) {
    base->at_end = TRUE;
    return kml_trace_feed_check (&base->feed, self->n_entries, TRUE, base->ops->summary, error);
  }
  stream = self->streams[0];
  if (!push (self, &stream->entry, stream->cpu, error) || !advance (self, stream, &has_one, error))
    return FALSE;
  if (!has_one) {
    self->streams[0] = self->streams[--self->n_streams];
    g_free (stream);
  }
  if (self->n_streams > 0)
    sift_down (self, 0);
  return TRUE;
}

static double
llfree_progress (const KmlTraceSource *base)
{
  const Llfree *const self = (const Llfree *)base;

  return self->n_pieces > 0 ? (double)self->n_done / self->n_pieces : 1.0;
}

static const KmlTraceSourceOps llfree_source = {
  .name = "llfree",
  .summary = "the page trace of LLFree's tracer",
  .instance_size = sizeof (Llfree),
  .recognises = llfree_recognises,
  .open = llfree_open,
  .step = llfree_step,
  .progress = llfree_progress,
  .close = llfree_close,
};

KML_REGISTER_TRACE_SOURCE (llfree_source)
