/* driver.c: the straight path from a workload's operation to a result.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The life of an operation:
 *
 *   1. next operation         of the workload whose turn it is (one workload: simply the next)
 *   2. start                  max (its time, its CPU's clock, the last start)
 *   3. the allocator works    machine->now moves by what it spends
 *   4. slot                   where the block's name leads from now on
 *   5. journal                what happened; recorder and fingerprint digest it when it is full
 *
 * Nothing here allocates, except that the table of slots grows when the
 * workload uses a name for the first time.
 *
 * Slots. A block of a workload is a slot of 16 bytes: its address and what was
 * asked for. Sizes of objects are below 4 GiB and are kept in bytes; those of
 * pages are kept in page frames.
 *
 * Invariants, asserted:
 *   D1  a name is given to at most one live block
 *   D2  starts never decrease
 */

#include "simcore/driver.h"

#include "simcore/journal.h"

#define BATCH                                                                                      \
  256 /* operations taken from a workload at a time: 14 KiB, half of a first-level cache */
#define PROGRESS_EVERY (1u << 16)
#define ALWAYS_INLINE  inline __attribute__ ((always_inline))
#define SLOT_UNUSED    (KML_ADDR_NONE - 1) /* no address: nothing is called so */
#define PREFETCH_SLOT                                                                              \
  24 /* operations ahead: a miss of all caches is about 100 ns, an operation 10 */
#define PREFETCH_BLOCK 12
#define FIRST_SLOTS    1024

typedef struct {
  KmlAddr addr;  /* SLOT_UNUSED, KML_ADDR_NONE (the request failed), or where the block is */
  guint32 size;  /* asked for: bytes, or page frames */
  guint32 level; /* KmlLevel that it came from */
} Slot;

/* A workload, and what is known of the blocks it has named. */
typedef struct {
  KmlWorkload *workload;
  Slot *slots; /* (owned) (array length=n_slots): the first n_named are initialised */
  guint32 n_slots, n_named;
  KmlTime last_end;   /* of its last operation */
  KmlTime until;      /* the driver's end or the workload's own, what comes first */
  gboolean has_ended; /* an operation would have started later than that */
  KmlOp batch[BATCH];
  int n_batch, at; /* of the batch: at == n_batch: it is used up */
} Source;

struct _KmlDriver {
  KmlDriverConfig config;
  KmlFingerprint *fingerprint; /* (owned) */
  Source *sources;             /* (owned) (array length=config.n_workloads) */
  KmlTime last_start;
  guint64 n_operations;
  KmlJournal journal;
};

KmlDriver *
kml_driver_new (const KmlDriverConfig *config)
{
  KmlDriver *self = g_new0 (KmlDriver, 1);

  self->config = *config;
  self->sources = g_new0 (Source, config->n_workloads);
  for (guint i = 0; i < config->n_workloads; i++) {
    const KmlTime until = config->workloads[i]->until;

    self->sources[i].workload = config->workloads[i];
    self->sources[i].until = until != 0 ? MIN (until, config->until) : config->until;
  }
  self->fingerprint = kml_fingerprint_new ();
  return self;
}

void
kml_driver_free (KmlDriver *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->config.n_workloads; i++)
    g_free (self->sources[i].slots);
  g_free (self->sources);
  kml_fingerprint_free (self->fingerprint);
  g_free (self);
}

guint64
kml_driver_n_operations (const KmlDriver *self)
{
  return self->n_operations;
}

char *
kml_driver_fingerprint (KmlDriver *self)
{
  return kml_fingerprint_text (self->fingerprint);
}

gsize
kml_driver_host_bytes (const KmlDriver *self)
{
  gsize n_bytes = sizeof *self;

  for (guint i = 0; i < self->config.n_workloads; i++)
    n_bytes += sizeof (Source) + self->sources[i].n_named * sizeof (Slot);
  return n_bytes;
}

/* ---- Slots ---- */

/* Names are dense, so a new one is mostly the next. The table doubles, but what lies above the names in use is
 * not written and costs the host address space only. */
static void G_GNUC_NO_INLINE
name_slots (Source *source, guint32 block)
{
  g_assert (block < G_MAXUINT32);

  if (block >= source->n_slots) {
    const guint64 wanted = MAX ((guint64)block + 1, (guint64)source->n_slots * 2);

    source->n_slots = (guint32)MIN (MAX (wanted, FIRST_SLOTS), G_MAXUINT32);
    source->slots = g_renew (Slot, source->slots, source->n_slots);
  }
  while (source->n_named <= block)
    source->slots[source->n_named++].addr = SLOT_UNUSED;
}

static inline Slot *
slot_of (Source *source, guint32 block)
{
  if (G_UNLIKELY (block >= source->n_named))
    name_slots (source, block);
  return &source->slots[block];
}

static inline guint64
slot_bytes (const KmlDriver *self, const Slot *slot)
{
  return slot->level == KML_LEVEL_PAGES
             ? (guint64)slot->size << self->config.machine->ram->page_shift
             : slot->size;
}

/* ---- One operation ---- */

static inline KmlAllocator *
allocator_of (const KmlDriver *self, const KmlOp *op)
{
  return op->level == KML_LEVEL_PAGES ? self->config.pages : self->config.objects;
}

static inline void
run_alloc (KmlDriver *self, Source *source, const KmlOp *op, KmlTime start)
{
  KmlMachine *machine = self->config.machine;
  Slot *slot = slot_of (source, op->block);
  guint64 held = 0;
  KmlAddr addr;

  g_assert (slot->addr == SLOT_UNUSED); /* D1 */

  addr = kml_allocator_alloc (allocator_of (self, op), &op->request, &held);
  slot->addr = addr;
  slot->level = op->level;
  slot->size = (guint32)(op->level == KML_LEVEL_PAGES ? op->request.size >> machine->ram->page_shift
                                                      : op->request.size);
  if (G_UNLIKELY (addr == KML_ADDR_NONE))
    kml_recorder_failed (self->config.recorder, op, start);
  kml_journal_add (&self->journal, start, machine->now, addr, kml_what_pack (op, op->request.size),
                   held);
}

static inline void
run_free (KmlDriver *self, Source *source, const KmlOp *op, KmlTime start)
{
  KmlMachine *machine = self->config.machine;
  Slot *slot = slot_of (source, op->block);
  const KmlAddr addr = slot->addr;
  guint64 held;

  g_assert (addr != SLOT_UNUSED); /* D1 */

  slot->addr = SLOT_UNUSED;
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    self->config.recorder->n_free_skipped++;
    return;
  }
  held = kml_allocator_free_block (allocator_of (self, op), addr, &op->request);
  kml_journal_add (&self->journal, start, machine->now, addr,
                   kml_what_pack (op, slot_bytes (self, slot)), held);
}

/* The lower half keeps the name. An allocator that cannot split keeps the block whole under it: then the
 * upper half is a name for nothing, and the block goes back when the lower half does. */
static void
run_split (KmlDriver *self, Source *source, const KmlOp *op, KmlTime start)
{
  KmlAllocator *pages = self->config.pages;
  Slot *upper, *lower;

  slot_of (source, MAX (op->block, op->other)); /* the table may move: first name, then point */
  upper = slot_of (source, op->other);
  lower = slot_of (source, op->block);
  g_assert (lower->addr != SLOT_UNUSED);
  g_assert (lower->level == KML_LEVEL_PAGES);
  g_assert (upper->addr == SLOT_UNUSED); /* D1 */

  *upper = (Slot){ .addr = KML_ADDR_NONE, .level = KML_LEVEL_PAGES };
  if (lower->addr == KML_ADDR_NONE || pages->ops->split == NULL)
    return;
  lower->size /= 2;
  upper->size = lower->size;
  upper->addr = lower->addr + slot_bytes (self, lower);
  pages->ops->split (pages, lower->addr, slot_bytes (self, lower));
  kml_journal_add (&self->journal, start, self->config.machine->now, lower->addr,
                   kml_what_pack (op, slot_bytes (self, lower)), 0);
}

static void
check_all (const KmlDriver *self)
{
  KmlAllocator *const allocators[] = { self->config.pages, self->config.objects };

  for (guint i = 0; i < G_N_ELEMENTS (allocators); i++) {
    g_autoptr (GError) error = NULL;

    if (allocators[i] != NULL && !allocators[i]->ops->check (allocators[i], &error))
      g_error ("after operation %" G_GUINT64_FORMAT ": %s: %s", self->n_operations,
               allocators[i]->ops->name, error->message);
  }
}

/* Tells recorder and fingerprint what is in the journal. */
static void
digest (KmlDriver *self)
{
  if (self->journal.n == 0)
    return;
  kml_fingerprint_digest (self->fingerprint, &self->journal);
  kml_recorder_digest (self->config.recorder, &self->journal);
}

/* A start that is not just the next one: the end, or a snapshot is due. FALSE: the source has ended. */
static gboolean G_GNUC_NO_INLINE
pay_attention (KmlDriver *self, Source *source, KmlTime start)
{
  if (start > source->until) {
    source->has_ended = TRUE;
    return FALSE;
  }
  if (start >= self->config.recorder->next_snapshot) {
    digest (self);
    kml_recorder_snapshot_due (self->config.recorder, start);
  }
  return TRUE;
}

static ALWAYS_INLINE void
run_op (KmlDriver *self, Source *source, const KmlOp *op)
{
  KmlMachine *machine = self->config.machine;
  KmlRecorder *recorder = self->config.recorder;
  KmlTime *cpu_clock = &machine->cpu_clock[op->request.cpu];
  const KmlTime start = MAX (MAX (op->time, *cpu_clock), self->last_start);

  if (G_UNLIKELY (start >= recorder->next_snapshot || start > source->until) &&
      !pay_attention (self, source, start))
    return;
  machine->now = start;
  self->last_start = start; /* D2 */
  if (op->kind == KML_OP_ALLOC)
    run_alloc (self, source, op, start);
  else if (op->kind == KML_OP_FREE)
    run_free (self, source, op, start);
  else
    run_split (self, source, op, start);
  *cpu_clock = machine->now;
  self->n_operations++;
  if (G_UNLIKELY (machine->free_area.version != recorder->area_version))
    kml_recorder_look_at_pages (recorder);
  if (G_UNLIKELY (self->journal.n == KML_JOURNAL_SIZE))
    digest (self);
  if (G_UNLIKELY (self->config.check_every_operation))
    check_all (self);
}

/* Host memory that a coming operation will want: first its slot; then, when that has come, the record of the page
 * that its block lies in and the block itself. A run is the same without; with many live blocks it takes
 * half the time. (A function of prefetches alone has no effect in gcc's eyes: unless inlined it is left out.) */
static ALWAYS_INLINE void
prefetch (const KmlDriver *self, const Source *source, const KmlOp *ops, guint i, guint n)
{
  const KmlRam *ram = self->config.machine->ram;

  if (i + PREFETCH_SLOT < n)
    __builtin_prefetch (&source->slots[ops[i + PREFETCH_SLOT].block], 1);
  if (i + PREFETCH_BLOCK < n) {
    const KmlOp *op = &ops[i + PREFETCH_BLOCK];

    if (op->kind == KML_OP_FREE && op->block < source->n_named) {
      const KmlAddr addr = source->slots[op->block].addr;

      if (addr < ram->size) {
        __builtin_prefetch (kml_ram_frame (ram, kml_ram_pfn (ram, addr)), 1);
        __builtin_prefetch (ram->store + addr, 1);
      }
    }
  }
}

void
kml_driver_execute (KmlDriver *self, guint workload, const KmlOp *ops, guint n)
{
  Source *source = &self->sources[workload];

  g_assert (workload < self->config.n_workloads);

  for (guint i = 0; i < n && !source->has_ended; i++) {
    prefetch (self, source, ops, i, n);
    run_op (self, source, &ops[i]);
  }
  digest (self);
}

/* ---- Many operations ---- */

/* FALSE: @error is set. An ended workload leaves an empty batch. */
static gboolean
refill (Source *source, GError **error)
{
  if (source->at < source->n_batch)
    return TRUE;
  source->at = 0;
  source->n_batch = source->workload->ops->next (source->workload, source->batch, BATCH, error);
  if (source->n_batch < 0) {
    source->n_batch = 0;
    return FALSE;
  }
  return TRUE;
}

static void
tell_progress (const KmlDriver *self)
{
  double share = 0;

  if (self->config.progress == NULL)
    return;
  for (guint i = 0; i < self->config.n_workloads; i++) {
    const KmlWorkload *workload = self->config.workloads[i];

    if (workload->ops->progress != NULL)
      share += MAX (workload->ops->progress (workload), 0) / self->config.n_workloads;
  }
  self->config.progress (self->n_operations, share, self->config.progress_data);
}

static gboolean
run_single (KmlDriver *self, GError **error)
{
  Source *source = &self->sources[0];
  guint64 next_progress = PROGRESS_EVERY;

  while (!source->has_ended) {
    if (!refill (source, error))
      return FALSE;
    if (source->n_batch == 0)
      return TRUE;
    kml_driver_execute (self, 0, source->batch, (guint)source->n_batch);
    source->at = source->n_batch;
    if (self->n_operations >= next_progress) {
      next_progress = self->n_operations + PROGRESS_EVERY;
      tell_progress (self);
    }
  }
  return TRUE;
}

/* When the operation can start at the earliest, as far as its workload is concerned. */
static inline KmlTime
ready_time (const Source *source)
{
  return MAX (source->batch[source->at].time, source->last_end);
}

/* The workload whose next operation is the earliest; the first of several. NULL: all have ended. */
static gboolean
earliest_source (KmlDriver *self, Source **ret_source, GError **error)
{
  Source *earliest = NULL;

  for (guint i = 0; i < self->config.n_workloads; i++) {
    Source *source = &self->sources[i];

    if (source->has_ended)
      continue;
    if (!refill (source, error))
      return FALSE;
    if (source->at == source->n_batch)
      continue;
    if (earliest == NULL || ready_time (source) < ready_time (earliest))
      earliest = source;
  }
  *ret_source = earliest;
  return TRUE;
}

static gboolean
run_several (KmlDriver *self, GError **error)
{
  Source *source;

  for (;;) {
    if (!earliest_source (self, &source, error))
      return FALSE;
    if (source == NULL)
      return TRUE;
    run_op (self, source, &source->batch[source->at]);
    source->last_end = self->config.machine->cpu_clock[source->batch[source->at].request.cpu];
    source->at++;
    if (self->n_operations % PROGRESS_EVERY == 0)
      tell_progress (self);
  }
  return TRUE;
}

/* When the CPU that was busy longest was done. */
static KmlTime
last_end (const KmlDriver *self)
{
  KmlTime last = 0;

  for (guint cpu = 0; cpu < self->config.machine->n_cpus; cpu++)
    last = MAX (last, self->config.machine->cpu_clock[cpu]);
  return last;
}

gboolean
kml_driver_run (KmlDriver *self, GError **error)
{
  const gboolean ok = self->config.n_workloads == 1 ? run_single (self, error)
                                                    : run_several (self, error);

  if (!ok)
    return FALSE;
  digest (self);
  self->config.machine->now = last_end (self);
  return kml_recorder_finish (self->config.recorder, error);
}
