/* replay.c: lets a workload loose on a machine with tasks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Streams. Operations are read from the workload in its order and dealt to streams: of each CPU one for each context; those without a
 * time all go to that of processes, which keeps them in order. A stream is a queue; a task or a handler takes from it. To read on is no
 * event of the simulation. At most WINDOW operations are dealt and not executed, so memory does not grow with the length of a
 * workload; who would need more waits until others have caught up.
 *
 * Blocks. A workload gives a name to another block once the first is given back; here the first may still be
 * in use on a CPU that lags behind. So each block gets a record of its own when its first operation is dealt, and each
 * operation knows its *turn* among those of its block. One whose predecessor is on the same stream need not look.
 *
 * Edges (wait-graph.c). Who waits for its turn waits for the stream that has the one before. Who has nothing to do waits
 * for any of those that have something, unless more is dealt at a time.
 *
 * Invariants:
 *   R1  the operation that was read first of all that are not executed can be executed: nothing waits in a circle
 *   R2  a record is used again only when the last operation on its block has been executed
 */

#include "simcore/replay/replay-private.h"

#include <stdlib.h>
#include <string.h>

#include "simcore/base/host-memory.h"
#include "simcore/base/units.h"

/* Who does its operations. */
static KmlTask *
doer_of (Stream *self)
{
  return self->task != NULL ? self->task : &self->irq.task;
}

/* ---- Queues ---- */

#define FEW_CHUNKS  16
#define MANY_CHUNKS 1024 /* 4 MiB: the whole window */

static Chunk *
new_chunk (KmlReplay *self)
{
  Chunk *chunk = self->free_chunks;

  if (chunk != NULL) {
    self->free_chunks = chunk->next;
    return chunk;
  }
  if (self->n_fresh == 0) {
    self->n_fresh = self->pieces->len == 0 ? FEW_CHUNKS : MANY_CHUNKS;
    self->fresh = kml_host_memory_new (self->n_fresh * sizeof *self->fresh);
    g_assert (self->fresh != NULL);
    g_ptr_array_add (self->pieces, self->fresh);
  }
  self->n_fresh--;
  chunk = self->fresh++;
  memset (chunk, 0, sizeof *chunk); /* see kml_stream_fetch_ahead() */
  return chunk;
}

/* The last chunk of the stream is full, or there is none. TRUE: the stream was empty. */
G_GNUC_NO_INLINE static gboolean
add_chunk (Stream *self)
{
  const gboolean was_empty = kml_stream_is_empty (self);
  Chunk *chunk = new_chunk (self->replay);

  chunk->next = NULL;
  if (was_empty)
    self->first = chunk->entries;
  else
    kml_chunk_of (self->behind)->next = chunk;
  self->behind = chunk->entries;
  return was_empty;
}

void
kml_stream_drop_chunk (Stream *self)
{
  KmlReplay *replay = self->replay;
  Chunk *chunk = kml_chunk_of (self->first);

  self->first = chunk->next != NULL ? chunk->next->entries : NULL;
  if (self->first == NULL)
    self->behind = NULL;
  chunk->next = replay->free_chunks;
  replay->free_chunks = chunk;
}

/* ---- Dealing ---- */

#define FEW_RECORDS  1024
#define MANY_RECORDS 65536

static void
make_room_for_records (KmlReplay *self)
{
  const guint32 n_room = self->n_room == 0 ? FEW_RECORDS : MAX (MANY_RECORDS, 2 * self->n_room);
  Record *records = kml_host_memory_new (n_room * sizeof *records);

  g_assert (records != NULL && n_room > self->n_room);
  if (self->n_records > 0)
    memcpy (records, self->records, self->n_records * sizeof *records);
  free (self->records);
  self->records = records;
  self->n_room = n_room;
}

static inline guint32
new_record (KmlReplay *self)
{
  guint32 i = self->first_unused;

  if (i == KML_NO_RECORD) {
    if (self->n_records == self->n_room)
      make_room_for_records (self);
    i = self->n_records++;
  } else {
    self->first_unused = kml_replay_record_at (self, i)->next_unused;
  }
  *kml_replay_record_at (self, i) = (Record){ 0 }; /* an address, see kml_stream_fetch_ahead() */
  return i;
}

G_GNUC_NO_INLINE static void
make_room_for_names (KmlReplay *self, guint32 name)
{
  const guint32 n_names = MAX (name + 1, 2 * self->n_names);

  self->names = g_renew (guint32, self->names, n_names);
  memset (self->names + self->n_names, 0, (n_names - self->n_names) * sizeof *self->names);
  self->n_names = n_names;
}

/* The record that a name means; it is new when the operation brings the block into being. */
static inline guint32
record_of (KmlReplay *self, guint32 name, gboolean is_new)
{
  if (G_UNLIKELY (name >= self->n_names))
    make_room_for_names (self, name);
  return is_new ? (self->names[name] = new_record (self)) : self->names[name];
}

/* What sets a stream in motion that had nothing to do, or had to wait. */
static void
set_going (Stream *self)
{
  KmlReplay *replay = self->replay;

  if (!self->is_waiting || (self->task == NULL && kml_stream_is_empty (self)))
    return;
  self->is_waiting = FALSE;
  if (self->task != NULL) {
    kml_task_wake (self->task);
    return;
  }
  self->irq.task.wait.kind = KML_WAIT_NONE;
  kml_timer_set (&self->due, replay->config.scheduler,
                 MAX (self->first->op.time, replay->machine->now));
}

/* Those that have nothing to do. */
static void
set_idle_going (KmlReplay *self)
{
  for (guint cpu = 0; cpu < self->machine->n_cpus; cpu++)
    for (guint context = 0; context < KML_N_CONTEXTS; context++)
      if (kml_stream_is_empty (&self->streams[cpu][context]))
        set_going (&self->streams[cpu][context]);
}

static void
look_whether_done (KmlReplay *self)
{
  if (!self->has_ended || self->n_queued > 0 || !self->is_held)
    return;
  self->is_held = FALSE;
  kml_scheduler_release (self->config.scheduler);
}

static void
end (KmlReplay *self)
{
  self->has_ended = TRUE;
  self->is_full = FALSE; /* there is nothing to make room for */
  set_idle_going (self);
  look_whether_done (self);
}

/* One that is not done in steps. @last: 1 + the number of its stream. */
static void
deal_whole (KmlReplay *self, const KmlOp *op, Entry *entry, guint last)
{
  Record *record;

  entry->is_whole = TRUE;
  if (op->kind != KML_OP_SPLIT)
    return;
  entry->op.other = record_of (self, op->other, TRUE);
  record = kml_replay_record_at (self, entry->op.other);
  record->n_dealt = 1;
  record->last = last;
}

static inline void
deal (KmlReplay *self, const KmlOp *op)
{
  const guint context = op->time == 0 ? KML_CONTEXT_PROCESS : op->request.context;
  const guint number = op->request.cpu * KML_N_CONTEXTS + context;
  Stream *stream = kml_replay_stream_at (self, number);
  const guint32 block = G_UNLIKELY (op->kind == KML_OP_FREE_OLD)
                            ? new_record (self) /* there is no block */
                            : record_of (self, op->block, op->kind == KML_OP_ALLOC);
  Record *record = kml_replay_record_at (self, block);
  gboolean was_empty = FALSE;
  Entry *entry;

  if (G_UNLIKELY (kml_chunk_ends (stream->behind)))
    was_empty = add_chunk (stream);
  entry = stream->behind++;
  entry->op = *op;
  entry->op.block = block;
  entry->turn = record->n_dealt++;
  entry->before = record->last == 1 + number ? 0 : (guint16)record->last;
  entry->is_whole = FALSE;
  record->last = 1 + number;
  if (G_UNLIKELY (op->kind >= KML_OP_SPLIT || op->request.context != KML_CONTEXT_PROCESS))
    deal_whole (self, op, entry, 1 + number);
  self->n_queued++;
  if (G_UNLIKELY (was_empty))
    set_going (stream);
}

/* Deals what the workload has next. */
static void
read_on (KmlReplay *self)
{
  KmlWorkload *workload = self->config.workload;

  self->n_batch = workload->ops->next (workload, self->batch, BATCH, &self->error);
  if (self->n_batch < 0) {
    self->n_batch = 0;
    kml_scheduler_stop (self->config.scheduler);
  }
  if (self->n_batch == 0)
    end (self);
  for (int i = 0; i < self->n_batch; i++) {
    if (self->batch[i].time > self->config.until) {
      end (self);
      return;
    }
    deal (self, &self->batch[i]);
  }
}

/* Says when more is to be dealt. @time: KML_TIME_MAX: when somebody needs it. Then it comes by others, or, as it may, by handlers. */
static void
set_next (KmlReplay *self, KmlTime time)
{
  self->busy.from_outside = time != KML_TIME_MAX;
  if (time != KML_TIME_MAX)
    kml_timer_set (&self->next, self->config.scheduler, time);
  for (guint cpu = 0; cpu < self->machine->n_cpus; cpu++)
    for (guint context = KML_CONTEXT_PROCESS + 1; context < KML_N_CONTEXTS; context++)
      self->busy.from_outside |= !kml_stream_is_empty (&self->streams[cpu][context]);
}

/* All that is to come up to some time is dealt, and at that time more; what has no time is dealt when it is needed. */
void
kml_replay_deal_more (gpointer data)
{
  KmlReplay *self = data;
  KmlTime last = 0;

  do {
    if (self->n_queued >= WINDOW) {
      self->is_full = TRUE;
      set_next (self, KML_TIME_MAX);
      return;
    }
    read_on (self);
    if (self->has_ended)
      return;
    last = self->batch[self->n_batch - 1].time;
  } while (last > 0 && last <= self->machine->now);
  set_next (self, last > 0 ? last : KML_TIME_MAX);
}

/* ---- Executing ---- */

static void
execute_alloc (KmlReplay *self, const KmlOp *op)
{
  KmlBlock block;

  kml_requests_alloc (self->config.requests, op->level, &op->request, &block);
  kml_replay_allocated (self, op, &block);
}

static void
execute_free (KmlReplay *self, const KmlOp *op)
{
  KmlBlock *block = &kml_replay_record_at (self, op->block)->block;
  KmlBlock given = *block;

  block->addr = KML_ADDR_NONE;
  if (kml_requests_free (self->config.requests, &given, &op->request))
    kml_replay_freed (self, op, given.size, given.held);
}

static void
execute_split (KmlReplay *self, const KmlOp *op)
{
  KmlOrigins *origins = self->config.requests->recorder->origins;
  KmlBlock lower = kml_replay_record_at (self, op->block)->block, upper;

  if (kml_requests_split (self->config.requests, &lower, &upper, &op->request) && origins != NULL)
    kml_origins_add_split (origins, self->config.number, op);
  kml_replay_record_at (self, op->block)->block = lower;
  kml_replay_record_at (self, op->other)->block = upper;
}

/* Whoever waited for its turn looks again. */
static void
pass_on (KmlReplay *self, guint32 i)
{
  Stream *stream = kml_replay_record_at (self, i)->waiting;

  if (stream != NULL) {
    kml_sync (self->machine);
    stream = kml_replay_record_at (self, i)->waiting;
  }
  kml_replay_record_at (self, i)->n_executed++;
  kml_replay_record_at (self, i)->done = self->machine->now;
  kml_replay_record_at (self, i)->waiting = NULL;
  while (stream != NULL) {
    Stream *next = stream->next_waiting;

    set_going (stream);
    stream = next;
  }
}

void
kml_replay_pass_on (KmlReplay *self, const KmlOp *op)
{
  pass_on (self, op->block);
  if (op->kind == KML_OP_SPLIT)
    pass_on (self, op->other);
}

void
kml_replay_look_whether_empty (KmlReplay *self)
{
  if (self->is_full && self->n_queued < WINDOW / 2) {
    self->is_full = FALSE;
    set_next (self, self->machine->now);
  }
  look_whether_done (self);
}

void
kml_replay_execute_first (Stream *stream, Stream *doer)
{
  KmlReplay *self = stream->replay;
  const KmlOp op = *kml_stream_begin_first (stream);

  kml_stream_drop_first (stream);
  doer->whole = &op;
  if (op.kind == KML_OP_ALLOC)
    execute_alloc (self, &op);
  else if (op.kind == KML_OP_FREE)
    execute_free (self, &op);
  else if (op.kind == KML_OP_SPLIT)
    execute_split (self, &op);
  else
    kml_requests_free_old (self->config.requests, &op);
  doer->whole = NULL;
  kml_replay_executed (self, &op);
}

void
kml_replay_abandon_first (Stream *stream)
{
  KmlReplay *self = stream->replay;
  const KmlOp op = *kml_stream_begin_first (stream);

  kml_stream_drop_first (stream);
  if (!self->has_ended)
    end (self);
  kml_replay_executed (self, &op);
}

KmlWait
kml_stream_wait_for_turn (Stream *stream)
{
  const Entry *entry = stream->first;
  Record *record = kml_replay_record_at (stream->replay, entry->op.block);

  stream->next_waiting = record->waiting;
  record->waiting = stream;
  stream->is_waiting = TRUE;
  return (KmlWait){
    .kind = KML_WAIT_EVENT,
    .what = "a block of another CPU",
    .provider = doer_of (kml_replay_stream_at (stream->replay, entry->before - 1)),
    .since = stream->replay->machine->now,
  };
}

/* ---- Of softirqs and hardirqs: the handlers of interrupts ---- */

/* The time of the first operation of a handler has come. */
static void
come (gpointer data)
{
  Stream *self = data;

  const KmlTime time = kml_stream_turn_time (self);

  if (time == KML_TIME_MAX)
    self->irq.task.wait = kml_stream_wait_for_turn (self);
  else if (time > self->replay->machine->now)
    kml_timer_set (&self->due, self->replay->config.scheduler, time);
  else
    kml_irq_raise (&self->irq);
}

/* An interrupt does what is due when it has come, which may be more than what it came for. */
static void
handle (KmlMachine *machine, gpointer data)
{
  Stream *self = data;

  if (self->lender != NULL) {
    kml_replay_execute_first (g_steal_pointer (&self->lender), self);
    return;
  }
  do {
    kml_replay_execute_first (self, self);
    kml_sync (machine);
  } while (!kml_stream_is_empty (self) && self->first->op.time <= machine->now &&
           kml_stream_turn_time (self) <= machine->now);
  self->is_waiting = TRUE;
  set_going (self);
}

/* ---- Telling ---- */

/* KmlTask.tell, of a stream: "alloc of 64 B at 1.20 ms of [workload net]": what it does, or waits for its turn to do. */
static char *
tell (gconstpointer data)
{
  static const char *const kinds[] = {
    [KML_OP_ALLOC] = "alloc",
    [KML_OP_FREE] = "free",
    [KML_OP_SPLIT] = "split",
    [KML_OP_FREE_OLD] = "free of pages from before the run",
  };
  const Stream *self = data;
  const KmlOp *op = self->whole;
  GString *text;

  if (op == NULL && !kml_stream_is_empty (self))
    op = &self->first->op;
  if (op == NULL)
    return NULL;
  text = g_string_new (kinds[op->kind]);
  if (op->kind == KML_OP_ALLOC) {
    g_autofree char *size = kml_format_size (op->request.size);

    g_string_append_printf (text, " of %s", size);
  }
  if (op->time > 0) {
    g_autofree char *time = kml_format_time (op->time);

    g_string_append_printf (text, " at %s", time);
  }
  g_string_append_printf (text, " of [workload %s]", self->replay->config.workload->name);
  return g_string_free (text, FALSE);
}

/* ---- The whole ---- */

static const int level_of_context[KML_N_CONTEXTS] = {
  [KML_CONTEXT_PROCESS] = KML_LEVEL_PROCESS,
  [KML_CONTEXT_SOFTIRQ] = KML_LEVEL_SOFTIRQ,
  [KML_CONTEXT_HARDIRQ] = KML_LEVEL_HARDIRQ,
};

static void
build_handler (KmlReplay *self, guint cpu, guint context)
{
  KmlScheduler *scheduler = self->config.scheduler;
  Stream *stream = &self->streams[cpu][context];
  g_autofree char *name = g_strdup_printf ("%s.%u.%s", self->config.workload->name, cpu,
                                           kml_context_names[context]);

  kml_irq_init (&stream->irq, scheduler, name, cpu, level_of_context[context], handle, stream);
  stream->irq.task.workload = 1 + self->config.number;
  stream->irq.task.tell = tell;
  kml_timer_init (&stream->due, scheduler, come, stream);
  stream->is_waiting = TRUE;
}

static void
build_cpu (KmlReplay *self, guint cpu)
{
  Stream *stream = &self->streams[cpu][KML_CONTEXT_PROCESS];
  g_autofree char *name = g_strdup_printf ("%s.%u", self->config.workload->name, cpu);
  const KmlTaskConfig config = {
    .name = name, .cpu = cpu, .func = kml_replay_run_stream, .data = stream
  };

  for (guint context = 0; context < KML_N_CONTEXTS; context++) {
    self->streams[cpu][context].replay = self;
    if (context != KML_CONTEXT_PROCESS)
      build_handler (self, cpu, context);
  }
  stream->step = STEP_NEXT;
  stream->task = kml_task_new (self->config.scheduler, &config);
  stream->task->workload = 1 + self->config.number;
  stream->task->tell = tell;
  g_ptr_array_add (self->busy.tasks, stream->task);
}

KmlReplay *
kml_replay_new (const KmlReplayConfig *config)
{
  KmlReplay *self = g_new0 (KmlReplay, 1);
  const guint n_cpus = config->requests->machine->n_cpus;

  self->config = *config;
  if (config->workload->until != 0)
    self->config.until = MIN (config->until, config->workload->until);
  self->machine = config->requests->machine;
  self->pieces = g_ptr_array_new_with_free_func (free);
  self->first_unused = KML_NO_RECORD;
  self->busy.tasks = g_ptr_array_new ();
  self->streams = g_malloc0_n (n_cpus, sizeof *self->streams);
  for (guint cpu = 0; cpu < n_cpus; cpu++)
    build_cpu (self, cpu);
  kml_timer_init (&self->next, config->scheduler, kml_replay_deal_more, self);
  set_next (self, self->machine->now);
  self->is_held = TRUE;
  kml_scheduler_hold (config->scheduler);
  return self;
}

void
kml_replay_free (KmlReplay *self)
{
  if (self == NULL)
    return;
  for (guint cpu = 0; cpu < self->machine->n_cpus; cpu++)
    for (guint context = KML_CONTEXT_PROCESS + 1; context < KML_N_CONTEXTS; context++)
      kml_irq_clear (&self->streams[cpu][context].irq);
  g_free (self->streams);
  g_ptr_array_unref (self->busy.tasks);
  g_free (self->names);
  free (self->records);
  g_ptr_array_unref (self->pieces);
  g_clear_error (&self->error);
  g_free (self);
}

gboolean
kml_replay_finish (KmlReplay *self, GError **error)
{
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return FALSE;
}
