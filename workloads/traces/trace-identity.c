/* trace-identity.c: which block a recorded address means; objects.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Objects. An address that is allocated gets a name, which its free gives
 *    back. A free of an unknown address is counted: the object was born before the
 *    recording, or its birth was lost. An address that is allocated while live
 *    means that its free was lost: a free is inferred just before.
 *
 * 2. The queue. Events wait until KML_TRACE_WINDOW others have followed. This is for
 *    workloads that replay objects *and* pages: the simulated object allocator
 *    will ask for pages of its own, so the pages that the recorded kernel took for
 *    its slabs must not be asked for once more. Which ones those are is seen only
 *    afterwards, when an object appears inside.
 *
 * 3. The direct map. An object at address a lies in the frame (a - offset) / page size. Kernels choose
 *    the offset at boot (x86-64: 0xffff888000000000 unless randomised), and frames have 4, 16 or 64 KiB (arm64, POWER), so both are learned: when a
 *    CPU takes a page and an object appears on the same CPU within the next NEAR_EVENTS events,
 *    the object is often the slab's first. The offset is a multiple of 1 GiB (with 64 KiB of 512 MiB), and the remainder
 *    must be inside the block: by chance that is so once in 2^30 / (4096 << order) tries, so two
 *    equal findings decide, and one does for the usual offset. Hashed pointers are not kernel
 *    addresses and are left alone: then slab pages are known from slab_new events or not at all.
 *
 * 4. The pipeline. The tables are larger than the caches, and a search waits for memory three
 *    times. So a line is looked up KML_TRACE_PIPELINE lines after it was read: when it comes in,
 *    the slot of its address is asked for, half-way the key that the slot leads to.
 *
 * Not modelled: how large the frames are of a recording without objects, or with hashed pointers. [machine] page-size says it.
 */

#include "workloads/traces/trace-identity.h"

#define NEAR_EVENTS  16
#define NEAR_ORDER   5 /* slabs are not larger by default */
#define USUAL_OFFSET G_GUINT64_CONSTANT (0xffff888000000000)
#define KERNEL_HALF  (G_GUINT64_CONSTANT (1) << 63)
/* kmalloc (0) is this pointer, which may be freed as NULL may; other recorders number objects */
#define ZERO_SIZE 16

static const struct {
  guint shift;
  guint align_shift; /* of the offset */
  guint64 usual_offset;
} page_sizes[KML_TRACE_N_PAGE_SIZES] = {
  { 12, 30, USUAL_OFFSET },
  { 14, 30, 0 },
  { 16, 29, 0 },
};

void
kml_trace_identity_init (KmlTraceIdentity *self, guint64 *counts)
{
  memset (self, 0, sizeof *self);
  self->counts = counts;
  self->n_queue = 2 * KML_TRACE_WINDOW;
  self->queue = g_new (KmlTraceEvent, self->n_queue);
  kml_trace_names_init (&self->objects, G_MAXUINT64);
  kml_trace_pages_init (self);
}

void
kml_trace_identity_finish (KmlTraceIdentity *self)
{
  kml_trace_names_finish (&self->objects);
  kml_trace_names_finish (&self->pages);
  kml_trace_lists_finish (&self->lists);
  g_clear_pointer (&self->queue, g_free);
}

/* ---- The queue ---- */

static void G_GNUC_NO_INLINE
grow_queue (KmlTraceIdentity *self)
{
  KmlTraceEvent *const wider = g_new (KmlTraceEvent, (gsize)self->n_queue * 2);

  for (guint64 i = self->head; i != self->tail; i++)
    wider[i & (self->n_queue * 2 - 1)] = self->queue[i & (self->n_queue - 1)];
  g_free (self->queue);
  self->queue = wider;
  self->n_queue *= 2;
}

KmlTraceEvent *
kml_trace_identity_emit (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns,
                         KmlOpKind kind, KmlLevel level, guint32 block)
{
  KmlTraceEvent *event;

  if (G_UNLIKELY (self->tail - self->head == self->n_queue))
    grow_queue (self);
  event = &self->queue[self->tail++ & (self->n_queue - 1)];
  *event = (KmlTraceEvent){
    .time_ns = time_ns,
    .block = block,
    .site = line->site,
    .cache = line->cache,
    .pid = line->pid,
    .cpu = line->cpu,
    .kind = (guint8)kind,
    .level = (guint8)level,
    .context = line->context,
  };
  return event;
}

guint
kml_trace_identity_take (KmlTraceIdentity *self, KmlTraceEvent *events, guint n)
{
  guint done = 0;

  n = (guint)MIN (n, self->tail - self->head);
  while (done < n) {
    const guint32 at = (guint32)(self->head & (self->n_queue - 1));
    const guint piece = MIN (n - done, self->n_queue - at);

    memcpy (events + done, self->queue + at, piece * sizeof *events);
    self->head += piece;
    done += piece;
  }
  return n;
}

/* ---- The direct map ---- */

static inline void
mark_object (KmlTraceIdentity *self, guint64 addr)
{
  const guint64 pfn = (addr - self->page_offset) >> self->page_shift;
  guint32 *const known = &self->known_frames[pfn % KML_TRACE_KNOWN_FRAMES];
  const guint32 tag = (guint32)(pfn / KML_TRACE_KNOWN_FRAMES) + 1;

  if (*known == tag || addr < self->page_offset || pfn > KML_TRACE_MAX_PFN)
    return;
  *known = tag;
  kml_trace_pages_mark_slab (self, pfn);
}

/* Objects that came before the offset was known, as far as they are live. */
static void
mark_earlier_objects (KmlTraceIdentity *self)
{
  const guint64 n = MIN (self->tail, KML_TRACE_WINDOW);

  for (guint64 i = self->tail - n; i != self->tail; i++) {
    const KmlTraceEvent *event = &self->queue[i & (self->n_queue - 1)];
    const guint32 name = event->block;

    if (event->level == KML_LEVEL_OBJECTS && event->kind == KML_OP_ALLOC &&
        kml_trace_names_is_alive (&self->objects, name))
      mark_object (self, kml_trace_names_key (&self->objects, name));
  }
}

/* Whether the object is in the block, for frames of this size. */
static gboolean
learn_offset_with (KmlTraceIdentity *self, const KmlTraceNear *near, guint64 addr, guint size)
{
  const guint shift = page_sizes[size].shift;
  const guint64 offset = addr - (near->pfn << shift);
  const guint64 remainder = offset & ((G_GUINT64_CONSTANT (1) << page_sizes[size].align_shift) - 1);

  if (remainder >> shift >> near->order != 0)
    return FALSE;
  if (offset - remainder != page_sizes[size].usual_offset &&
      offset - remainder != self->candidates[size]) {
    self->candidates[size] = offset - remainder;
    return FALSE;
  }
  self->page_offset = offset - remainder;
  self->page_shift = shift;
  return TRUE;
}

static void
learn_offset (KmlTraceIdentity *self, const KmlTraceNear *near, guint64 addr)
{
  if (addr < KERNEL_HALF)
    return;
  for (guint size = 0; size < KML_TRACE_N_PAGE_SIZES && !self->knows_offset; size++)
    self->knows_offset = learn_offset_with (self, near, addr, size);
  if (self->knows_offset)
    mark_earlier_objects (self);
}

static inline void
note_object (KmlTraceIdentity *self, const KmlTraceLine *line)
{
  KmlTraceNear *near;

  if (G_LIKELY (self->knows_offset)) {
    mark_object (self, line->key);
    return;
  }
  near = &self->near[line->cpu & (KML_TRACE_NEAR_CPUS - 1)];
  if (near->events_left > 0) {
    near->events_left--;
    learn_offset (self, near, line->key);
  }
}

static void
note_page (KmlTraceIdentity *self, const KmlTraceLine *line)
{
  const guint64 n = MIN (G_GUINT64_CONSTANT (1) << line->order, KML_TRACE_KNOWN_FRAMES);

  for (guint64 pfn = line->key; pfn < line->key + n; pfn++)
    self->known_frames[pfn % KML_TRACE_KNOWN_FRAMES] = 0;
  if (line->order <= NEAR_ORDER)
    self->near[line->cpu & (KML_TRACE_NEAR_CPUS - 1)] = (KmlTraceNear){ line->key, line->order,
                                                                        NEAR_EVENTS };
}

/* ---- Objects ---- */

static gboolean
object_alloc (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns)
{
  KmlTraceNamesPlace place;
  KmlTraceEvent *event;
  guint32 name;

  if (line->failed) {
    self->counts[KML_TRACE_N_FAILED]++;
    return TRUE;
  }
  name = kml_trace_names_find (&self->objects, line->key, &place);
  if (G_LIKELY (name == KML_TRACE_NO_NAME)) {
    name = kml_trace_names_insert (&self->objects, line->key, place);
    if (name == KML_TRACE_NO_NAME)
      return FALSE;
    self->live_objects_peak = MAX (self->live_objects_peak, self->objects.n_live);
  } else {
    self->counts[KML_TRACE_N_DOUBLE_ALLOC]++;
    event = kml_trace_identity_emit (self, line, time_ns, KML_OP_FREE, KML_LEVEL_OBJECTS, name);
    event->site = event->cache = 0;
    event->flags = KML_TRACE_INFERRED;
  }
  self->counts[KML_TRACE_N_OBJECT_ALLOCS]++;
  event = kml_trace_identity_emit (self, line, time_ns, KML_OP_ALLOC, KML_LEVEL_OBJECTS, name);
  event->bytes_req = line->bytes_req;
  event->bytes_alloc = line->bytes_alloc;
  event->gfp = kml_trace_identity_gfp (line);
  event->mobility = (guint8)kml_gfp_mobility (event->gfp);
  if (line->record >= KML_TRACE_KMEM_CACHE_ALLOC)
    event->flags = KML_TRACE_OF_CACHE;
  note_object (self, line);
  return TRUE;
}

static void
object_free (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns)
{
  KmlTraceNamesPlace place;
  guint32 name;

  if (line->key == 0) {
    self->counts[KML_TRACE_N_FREE_NULL]++;
    return;
  }
  name = kml_trace_names_find (&self->objects, line->key, &place);
  if (name == KML_TRACE_NO_NAME) {
    self->counts[line->key == ZERO_SIZE ? KML_TRACE_N_FREE_NULL : KML_TRACE_N_FREE_UNKNOWN]++;
    return;
  }
  kml_trace_names_remove (&self->objects, place);
  self->counts[KML_TRACE_N_OBJECT_FREES]++;
  kml_trace_identity_emit (self, line, time_ns, KML_OP_FREE, KML_LEVEL_OBJECTS, name);
}

/* ---- The pipeline ---- */

/* Nine of ten lines are about objects: two branches are foreseen better than a jump. */
static gboolean
run_line (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns)
{
  if (line->record <= KML_TRACE_LAST_OBJECT_ALLOC)
    return object_alloc (self, line, time_ns);
  if (line->record <= KML_TRACE_LAST_OBJECT_FREE) {
    object_free (self, line, time_ns);
    return TRUE;
  }
  switch ((KmlTraceRecord)line->record) {
  case KML_TRACE_KMALLOC:
  case KML_TRACE_KMALLOC_NODE:
  case KML_TRACE_KMEM_CACHE_ALLOC:
  case KML_TRACE_KMEM_CACHE_ALLOC_NODE:
  case KML_TRACE_KMEM_BULK_ALLOC:
  case KML_TRACE_KFREE:
  case KML_TRACE_KMEM_CACHE_FREE:
  case KML_TRACE_KMEM_BULK_FREE:
    break;
  case KML_TRACE_MM_PAGE_ALLOC:
  case KML_TRACE_PAGE_BULK_ALLOC:
    if (!line->failed)
      note_page (self, line);
    return kml_trace_pages_alloc (self, line, time_ns);
  case KML_TRACE_MM_PAGE_FREE:
    return kml_trace_pages_free (self, line, time_ns);
  case KML_TRACE_MM_PAGE_TAKE:
    kml_trace_pages_take (self, line, time_ns);
    self->counts[KML_TRACE_N_OTHER]++;
    return TRUE;
  case KML_TRACE_MM_PAGE_DRAIN:
    kml_trace_pages_drain (self, line, time_ns);
    self->counts[KML_TRACE_N_OTHER]++;
    return TRUE;
  case KML_TRACE_COMPACTION_BEGIN:
  case KML_TRACE_COMPACTION_END:
    kml_trace_pages_compact (self, line);
    self->counts[KML_TRACE_N_OTHER]++;
    return TRUE;
  case KML_TRACE_SLAB_NEW:
    kml_trace_pages_mark_slab (self, line->key);
    self->counts[KML_TRACE_N_OTHER]++;
    return TRUE;
  case KML_TRACE_MM_PAGE_FREE_BATCHED:
  case KML_TRACE_SLAB_FREE:
  case KML_TRACE_OTHER:
    self->counts[KML_TRACE_N_OTHER]++;
    return TRUE;
  }
  g_assert_not_reached ();
}

/* The table in which the line's key will be looked up; NULL: in none. */
static inline const KmlTraceNames *
names_of (const KmlTraceIdentity *self, const KmlTraceLine *line)
{
  if (line->record <= KML_TRACE_LAST_OBJECT_FREE)
    return &self->objects;
  return line->record <= KML_TRACE_LAST_PAGES ? &self->pages : NULL;
}

gboolean
kml_trace_identity_add (KmlTraceIdentity *self, guint64 time_ns)
{
  KmlTracePending *entry = &self->pipeline[self->n_taken % KML_TRACE_PIPELINE];
  const KmlTracePending *half_way =
      &self->pipeline[(self->n_taken + KML_TRACE_PIPELINE / 2) % KML_TRACE_PIPELINE];
  const KmlTraceNames *names = names_of (self, &entry->line);

  entry->time_ns = time_ns;
  self->n_taken++;
  if (names != NULL)
    kml_trace_names_prefetch_bucket (names, entry->line.key);
  if (self->n_taken - self->n_done < KML_TRACE_PIPELINE)
    return TRUE;
  names = names_of (self, &half_way->line);
  if (names != NULL)
    kml_trace_names_prefetch_key (names, half_way->line.key);
  entry = &self->pipeline[self->n_done++ % KML_TRACE_PIPELINE];
  return run_line (self, &entry->line, entry->time_ns);
}

gboolean
kml_trace_identity_flush (KmlTraceIdentity *self)
{
  for (; self->n_done < self->n_taken; self->n_done++) {
    const KmlTracePending *entry = &self->pipeline[self->n_done % KML_TRACE_PIPELINE];

    if (!run_line (self, &entry->line, entry->time_ns))
      return FALSE;
  }
  return TRUE;
}
