/* driver.c: the straight path from a workload's operation to a result.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The life of an operation:
 *
 *   1. next operation         of the workload whose turn it is (one workload: simply the next)
 *   2. start                  max (its time, its CPU's clock, the last start)
 *   3. the allocator works    machine->now moves by what it spends
 *   4. recorder, fingerprint  are told
 *   5. slot                   where the block's name leads from now on
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

#include "simcore/recorder-hot.h"

#define BATCH            256           /* operations taken from a workload at a time: 14 KiB, half of a first-level cache */
#define PROGRESS_EVERY   (1u << 16)
#define SLOT_UNUSED      (KML_ADDR_NONE - 1) /* no address: nothing is called so */
#define FIRST_SLOTS      1024

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
  KmlTime last_end; /* of its last operation */
  KmlOp batch[BATCH];
  int n_batch, at; /* of the batch: at == n_batch: it is used up */
} Source;

struct _KmlDriver {
  KmlDriverConfig config;
  KmlFingerprint fingerprint;
  Source *sources; /* (owned) (array length=config.n_workloads) */
  KmlTime last_start, last_end;
  guint64 n_operations;
  gboolean past_until;
};

KmlDriver *
kml_driver_new (const KmlDriverConfig *config)
{
  KmlDriver *self = g_new0 (KmlDriver, 1);

  self->config = *config;
  self->sources = g_new0 (Source, config->n_workloads);
  for (guint i = 0; i < config->n_workloads; i++)
    self->sources[i].workload = config->workloads[i];
  kml_fingerprint_init (&self->fingerprint);
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
  kml_fingerprint_finish (&self->fingerprint);
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
  return kml_fingerprint_text (&self->fingerprint);
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
    const guint64 wanted = MAX ((guint64) block + 1, (guint64) source->n_slots * 2);

    source->n_slots = (guint32) MIN (MAX (wanted, FIRST_SLOTS), G_MAXUINT32);
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
           ? (guint64) slot->size << self->config.machine->ram->page_shift
           : slot->size;
}

/* ---- One operation ---- */

static inline KmlAllocator *
allocator_of (const KmlDriver *self, const KmlOp *op)
{
  return op->level == KML_LEVEL_PAGES ? self->config.pages : self->config.objects;
}

static inline guint64
what_happened (const KmlOp *op)
{
  return op->kind | (guint64) op->request.context << 8 | (guint64) op->request.cpu << 16 |
         (guint64) op->level << 32;
}

static inline void
run_alloc (KmlDriver *self, Source *source, const KmlOp *op, KmlTime start)
{
  KmlMachine *machine = self->config.machine;
  KmlRecorder *recorder = self->config.recorder;
  Slot *slot = slot_of (source, op->block);
  guint64 held = 0;
  KmlAddr addr;

  g_assert (slot->addr == SLOT_UNUSED); /* D1 */

  addr = kml_allocator_alloc (allocator_of (self, op), &op->request, &held);
  slot->addr = addr;
  slot->level = op->level;
  slot->size = (guint32) (op->level == KML_LEVEL_PAGES
                            ? op->request.size >> machine->ram->page_shift
                            : op->request.size);
  if (G_LIKELY (addr != KML_ADDR_NONE))
    kml_recorder_given (recorder, op->request.size, held);
  else
    kml_recorder_failed (recorder, op, start);
  kml_recorder_after (recorder, op, KML_OPERATION_ALLOC, start, machine->now, addr,
                      op->request.size);
  kml_fingerprint_add (&self->fingerprint, machine->now, what_happened (op), addr,
                       op->request.size);
}

static inline void
run_free (KmlDriver *self, Source *source, const KmlOp *op, KmlTime start)
{
  KmlMachine *machine = self->config.machine;
  KmlRecorder *recorder = self->config.recorder;
  Slot *slot = slot_of (source, op->block);
  const KmlAddr addr = slot->addr;
  const guint64 size = slot_bytes (self, slot);

  g_assert (addr != SLOT_UNUSED); /* D1 */

  slot->addr = SLOT_UNUSED;
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    recorder->n_free_skipped++;
    return;
  }
  kml_recorder_given_back (recorder, size,
                           kml_allocator_free_block (allocator_of (self, op), addr, &op->request));
  kml_recorder_after (recorder, op, KML_OPERATION_FREE, start, machine->now, addr, size);
  kml_fingerprint_add (&self->fingerprint, machine->now, what_happened (op), addr, size);
}

/* The lower half keeps the name. An allocator that cannot split keeps the block whole under it: then the
 * upper half is a name for nothing, and the block goes back when the lower half does. */
static void
run_split (KmlDriver *self, Source *source, const KmlOp *op)
{
  KmlMachine *machine = self->config.machine;
  Slot *upper, *lower;

  slot_of (source, MAX (op->block, op->other)); /* the table may move: first name, then point */
  upper = slot_of (source, op->other);
  lower = slot_of (source, op->block);

  g_assert (lower->addr != SLOT_UNUSED);
  g_assert (lower->level == KML_LEVEL_PAGES);
  g_assert (upper->addr == SLOT_UNUSED); /* D1 */

  upper->level = KML_LEVEL_PAGES;
  upper->size = 0;
  upper->addr = KML_ADDR_NONE;
  if (lower->addr == KML_ADDR_NONE || self->config.pages->ops->split == NULL)
    return;
  lower->size /= 2;
  upper->size = lower->size;
  upper->addr = lower->addr + slot_bytes (self, lower);
  self->config.pages->ops->split (self->config.pages, lower->addr, slot_bytes (self, lower));
  self->config.recorder->live_blocks++;
  kml_fingerprint_add (&self->fingerprint, machine->now, what_happened (op), lower->addr,
                       slot_bytes (self, lower));
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

static inline void
run_op (KmlDriver *self, Source *source, const KmlOp *op)
{
  KmlMachine *machine = self->config.machine;
  KmlTime *cpu_clock = &machine->cpu_clock[op->request.cpu];
  const KmlTime start = MAX (MAX (op->time, *cpu_clock), self->last_start);

  if (G_UNLIKELY (start > self->config.until)) {
    self->past_until = TRUE;
    return;
  }
  kml_recorder_before (self->config.recorder, start);
  machine->now = start;
  self->last_start = start; /* D2 */
  if (op->kind == KML_OP_ALLOC)
    run_alloc (self, source, op, start);
  else if (op->kind == KML_OP_FREE)
    run_free (self, source, op, start);
  else
    run_split (self, source, op);
  *cpu_clock = machine->now;
  source->last_end = machine->now;
  self->last_end = MAX (self->last_end, machine->now);
  self->n_operations++;
  if (G_UNLIKELY (self->config.check_every_operation))
    check_all (self);
}

void
kml_driver_execute (KmlDriver *self, guint workload, const KmlOp *ops, guint n)
{
  Source *source = &self->sources[workload];

  g_assert (workload < self->config.n_workloads);

  for (guint i = 0; i < n && !self->past_until; i++)
    run_op (self, source, &ops[i]);
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

  while (!self->past_until) {
    if (!refill (source, error))
      return FALSE;
    if (source->n_batch == 0)
      return TRUE;
    kml_driver_execute (self, 0, source->batch, (guint) source->n_batch);
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

  while (!self->past_until) {
    if (!earliest_source (self, &source, error))
      return FALSE;
    if (source == NULL)
      return TRUE;
    run_op (self, source, &source->batch[source->at++]);
    if (self->n_operations % PROGRESS_EVERY == 0)
      tell_progress (self);
  }
  return TRUE;
}

gboolean
kml_driver_run (KmlDriver *self, GError **error)
{
  const gboolean ok =
    self->config.n_workloads == 1 ? run_single (self, error) : run_several (self, error);

  if (!ok)
    return FALSE;
  self->config.machine->now = self->last_end;
  return kml_recorder_finish (self->config.recorder, error);
}
