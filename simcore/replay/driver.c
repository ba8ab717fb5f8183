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
 *   5. sums and journal       what happened: the recorder adds it up, the fingerprint hashes the journal when it is full
 *
 * All of it is in driver-loop.h. Nothing there allocates, except that the table of slots grows when the
 * workload uses a name for the first time.
 */

#include "simcore/replay/driver-loop.h"

#define CHUNK          2048 /* of a longer array: 112 KiB, in the second-level cache when it is read again */
#define PROGRESS_EVERY (1u << 16)
#define FIRST_SLOTS    1024

KmlDriver *
kml_driver_new (const KmlDriverConfig *config)
{
  KmlDriver *self = g_new0 (KmlDriver, 1);

  self->config = *config;
  self->allocators[KML_LEVEL_PAGES] = config->pages;
  self->allocators[KML_LEVEL_OBJECTS] = config->objects;
  self->sources = g_new0 (KmlSource, config->n_workloads);
  for (guint i = 0; i < config->n_workloads; i++) {
    const KmlTime until = config->workloads[i]->until;

    self->sources[i].workload = config->workloads[i];
    self->sources[i].until = until != 0 ? MIN (until, config->until) : config->until;
  }
  kml_recorder_set_workloads (config->recorder, config->workloads, config->n_workloads);
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
  g_free (self);
}

guint64
kml_driver_n_operations (const KmlDriver *self)
{
  return self->n_operations;
}

gsize
kml_driver_host_bytes (const KmlDriver *self)
{
  gsize n_bytes = sizeof *self;

  for (guint i = 0; i < self->config.n_workloads; i++)
    n_bytes += sizeof (KmlSource) + self->sources[i].n_named * sizeof (KmlSlot);
  return n_bytes;
}

/* ---- Slots ---- */

/* Names are dense, so a new one is mostly the next. The table doubles, but what lies above the names in use is
 * not written and costs the host address space only. */
void
kml_driver_name_new (KmlSource *source, guint32 block)
{
  g_assert (block < G_MAXUINT32);

  if (block >= source->n_slots) {
    const guint64 wanted = MAX ((guint64)block + 1, (guint64)source->n_slots * 2);

    source->n_slots = (guint32)MIN (MAX (wanted, FIRST_SLOTS), G_MAXUINT32);
    source->slots = g_renew (KmlSlot, source->slots, source->n_slots);
  }
  while (source->n_named <= block)
    source->slots[source->n_named++] = (KmlSlot){ 0 };
}

/* ---- One operation ---- */

/* The lower half keeps the name. An allocator that does not split keeps the block whole under it: then the
 * upper half is a name for nothing, and the block goes back when the lower half does. */
static KmlTime
split (KmlDriver *self, KmlSource *source, const KmlOp *op, KmlTime start)
{
  KmlMachine *machine = self->config.machine;
  KmlAllocator *pages = self->config.pages;
  KmlSlot *upper, *lower;
  guint64 half;

  kml_driver_name (source, op->other);
  upper = &source->slots[op->other];
  lower = &source->slots[op->block];

  g_assert (lower->size != 0);
  g_assert (upper->size == 0); /* D1 */

  *upper = (KmlSlot){ .addr = KML_ADDR_NONE, .size = lower->size };
  if (lower->addr == KML_ADDR_NONE || pages->ops->split == NULL)
    return start;
  half = lower->size / 2;
  if (!pages->ops->split (pages, lower->addr, half))
    return start;
  lower->size = upper->size = half;
  upper->addr = lower->addr + half;
  kml_recorder_add_entry (
      self->config.recorder, start, machine->now, lower->addr,
      kml_what_pack (kml_what_block (half, KML_LEVEL_PAGES), KML_OP_SPLIT, &op->request));
  self->config.recorder->n_split++;
  return machine->now;
}

/* One entry, whatever the number of frames: a stretch has room for one an operation. */
static KmlTime
free_old (KmlDriver *self, const KmlOp *op, KmlTime start)
{
  KmlMachine *machine = self->config.machine;
  KmlAllocator *pages = self->config.pages;
  const guint64 n_frames = op->request.size >> machine->ram->page_shift;
  KmlOldCursor cursor = { .number = op->other, .end = op->other + n_frames };
  guint64 n_taken = 0;
  KmlAddr first = KML_ADDR_NONE;
  KmlPfn pfn;

  if (self->config.old == NULL)
    return start;
  if (op->old >= KML_OLD_MOVED)
    kml_old_frames_move (self->config.old, pages, op);
  if (op->old == KML_OLD_MOVE)
    return machine->now;
  while (kml_old_frames_next (self->config.old, op, &cursor, &pfn)) {
    const KmlAddr addr = kml_ram_addr (machine->ram, pfn);

    if (n_taken++ == 0)
      first = addr;
    kml_allocator_free_block (pages, addr, &op->request);
  }
  if (n_taken > 0)
    kml_recorder_add_entry (
        self->config.recorder, start, machine->now, first,
        kml_what_pack (kml_what_block (n_taken << machine->ram->page_shift, KML_LEVEL_PAGES),
                       KML_OP_FREE_OLD, &op->request));
  return machine->now;
}

KmlTime
kml_driver_rare (KmlDriver *self, KmlSource *source, const KmlOp *op, KmlTime start)
{
  return op->kind == KML_OP_SPLIT ? split (self, source, op, start) : free_old (self, op, start);
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

/* The end, or a snapshot is due. */
gboolean
kml_driver_pay_attention (KmlDriver *self, KmlSource *source, KmlTime start)
{
  KmlRecorder *recorder = self->config.recorder;

  if (start > source->until) {
    source->has_ended = TRUE;
    return FALSE;
  }
  if (start >= recorder->next_snapshot)
    kml_recorder_snapshot_due (recorder, start);
  source->attention = source->until < recorder->next_snapshot ? source->until + 1
                                                              : recorder->next_snapshot;
  return TRUE;
}

/* What the operation did can be read off the recorder's sums, so that the loop knows nothing of origins. */
static void
tell_origins (const KmlDriver *self, const KmlSource *source, const KmlOp *op,
              const KmlTally *before, guint64 n_split_before)
{
  const KmlRecorder *recorder = self->config.recorder;
  const KmlTally *after = &recorder->tally;
  const guint workload = (guint)(source - self->sources);

  if (after->n_alloc > before->n_alloc)
    kml_origins_add_alloc (recorder->origins, workload, op, after->last_time,
                           kml_tally_held (after) - kml_tally_held (before));
  else if (after->n_free > before->n_free)
    kml_origins_add_free (recorder->origins, workload, op, after->last_time,
                          kml_tally_requested (before) - kml_tally_requested (after),
                          kml_tally_held (before) - kml_tally_held (after));
  else if (recorder->n_split > n_split_before)
    kml_origins_add_split (recorder->origins, workload, op);
}

/* One by one, for who wants to look at each. */
static void
execute_watched (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n)
{
  KmlRecorder *recorder = self->config.recorder;

  for (; n > 0; n--, ops++) {
    const KmlTally before = recorder->tally;
    const guint64 n_live = kml_recorder_live_blocks (recorder);
    const guint64 n_split = recorder->n_split;

    if (kml_driver_loop (self, source, ops, 1, FALSE, NULL, NULL) == 0)
      return;
    if (recorder->config.population)
      kml_population_pass_time (&recorder->population, n_live, recorder->tally.last_time);
    if (recorder->origins != NULL)
      tell_origins (self, source, ops, &before, n_split);
    if (self->config.check_every_operation)
      check_all (self);
  }
}

/* Whether somebody wants to look at each. */
static gboolean
is_watched (const KmlDriver *self)
{
  return self->config.check_every_operation || self->config.recorder->origins != NULL ||
         self->config.recorder->config.population;
}

/* One by one with a cache model: references go to the caches of the operation's CPU, and owners use their blocks, in time
 * of their own before and after. */
static void
execute_with_caches (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n)
{
  KmlMachine *machine = self->config.machine;

  for (; n > 0; n--, ops++) {
    KmlTime *clock = &machine->cpu_clock[ops->request.cpu];
    const KmlSlot *slot;

    kml_driver_name (source, ops->block);
    slot = &source->slots[ops->block];
    machine->cpu = ops->request.cpu;
    machine->now = MAX (*clock, ops->time);
    if (ops->kind == KML_OP_FREE && slot->size != 0 && slot->addr != KML_ADDR_NONE) {
      kml_machine_use_block (machine, slot->addr, slot->size, KML_TOUCH_READ);
      *clock = machine->now;
    }
    if (is_watched (self))
      execute_watched (self, source, ops, 1);
    else
      kml_driver_execute_with (self, source, ops, 1, NULL, NULL);
    if (source->has_ended)
      return;
    slot = &source->slots[ops->block];
    if (ops->kind == KML_OP_ALLOC && slot->addr != KML_ADDR_NONE) {
      machine->now = *clock;
      kml_machine_use_block (machine, slot->addr, ops->request.size, KML_TOUCH_WRITE);
      *clock = machine->now;
    }
  }
}

/* All of them, or up to the one that the source ends before. */
static void
execute (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n)
{
  const KmlAllocator *objects = self->config.objects;

  if (self->config.machine->caches != NULL)
    execute_with_caches (self, source, ops, n);
  else if (is_watched (self))
    execute_watched (self, source, ops, n);
  else if (objects != NULL && objects->ops->execute != NULL)
    objects->ops->execute (self, source, ops, n);
  else
    kml_driver_execute_with (self, source, ops, n, NULL, NULL);
}

void
kml_driver_execute (KmlDriver *self, guint workload, const KmlOp *ops, guint n)
{
  KmlSource *source = &self->sources[workload];

  g_assert (workload < self->config.n_workloads);

  for (guint at = 0; at < n && !source->has_ended; at += CHUNK) {
    const guint n_chunk = MIN (n - at, CHUNK);

    execute (self, source, ops + at, n_chunk);
  }
}

/* ---- Many operations ---- */

/* FALSE: @error is set. An ended workload leaves an empty batch. */
static gboolean
refill (KmlSource *source, GError **error)
{
  if (source->at < source->n_batch)
    return TRUE;
  source->at = 0;
  source->n_batch = source->workload->ops->next (source->workload, source->batch, KML_BATCH, error);
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

/* Of @n operations those that can be done before somebody wants to know: the warm-up ends between two. */
static guint
until_warm (const KmlDriver *self, guint n)
{
  const KmlRecorder *recorder = self->config.recorder;

  return recorder->is_warm ? n : (guint)MIN (n, recorder->config.warm_up - self->n_operations);
}

static void
look_whether_warm (KmlDriver *self)
{
  KmlRecorder *recorder = self->config.recorder;

  if (recorder->is_warm || self->n_operations < recorder->config.warm_up)
    return;
  kml_recorder_end_warm_up (recorder);
}

static gboolean
run_single (KmlDriver *self, GError **error)
{
  KmlSource *source = &self->sources[0];
  guint64 next_progress = PROGRESS_EVERY;

  while (!source->has_ended) {
    guint n;

    if (!refill (source, error))
      return FALSE;
    if (source->n_batch == 0)
      return TRUE;
    n = until_warm (self, (guint)(source->n_batch - source->at));
    execute (self, source, &source->batch[source->at], n);
    source->at += (int)n;
    look_whether_warm (self);
    if (self->n_operations >= next_progress) {
      next_progress = self->n_operations + PROGRESS_EVERY;
      tell_progress (self);
    }
  }
  return TRUE;
}

/* When the operation can start at the earliest, as far as its workload is concerned. */
static inline KmlTime
ready_time (const KmlSource *source)
{
  return MAX (source->batch[source->at].time, source->last_end);
}

/* The workload whose next operation is the earliest; the first of several. NULL: all have ended. */
static gboolean
earliest_source (KmlDriver *self, KmlSource **ret_source, GError **error)
{
  KmlSource *earliest = NULL;

  for (guint i = 0; i < self->config.n_workloads; i++) {
    KmlSource *source = &self->sources[i];

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
  KmlSource *source;

  for (;;) {
    if (!earliest_source (self, &source, error))
      return FALSE;
    if (source == NULL)
      return TRUE;
    execute (self, source, &source->batch[source->at], 1);
    source->last_end = self->config.machine->cpu_clock[source->batch[source->at].request.cpu];
    source->at++;
    look_whether_warm (self);
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
  self->config.machine->now = last_end (self);
  return kml_recorder_finish (self->config.recorder, error);
}
