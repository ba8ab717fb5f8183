/* replay-private.h: what the files of the replay share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   replay.c         streams, dealing, blocks, handlers
 *   replay-steps.c   what a CPU does in process context
 */

#pragma once

#include "simcore/locks/lock-private.h"
#include "simcore/pages/locked.h"
#include "simcore/replay/replay.h"
#include "simcore/replay/requests-private.h"

G_BEGIN_DECLS

#define WINDOW 65536
#define BATCH  256

typedef struct {
  KmlOp op;   /* block and other are records here */
  guint turn; /* of op.block */
  union {
    struct {
      guint16 before; /* 1 + the number of the stream that has the turn before; 0: this one */
      /* it has no steps: a handler's, or neither an alloc nor a free: see replay-steps.c */
      guint16 is_whole;
    };
    guint32 is_special; /* either */
  };
} Entry;

/* Operations that were dealt wait in chunks, which go from stream to stream: nothing is moved, and what is used next is what was used last. A chunk lies at a
 * multiple of its size, so that the address of an entry says where in its chunk it is. */
#define N_ENTRIES 63 /* a chunk is 4 KiB */

typedef struct _Chunk Chunk;

struct _Chunk {
  Chunk *next;       /* in its stream, or of those that are free */
  guint64 unused[7]; /* entries are whole lines of the host's cache */
  Entry entries[N_ENTRIES];
};

G_STATIC_ASSERT (sizeof (Chunk) == 4096);

/* What a stream of processes does when its task goes on: replay-steps.c. */
typedef enum {
  STEP_LIE_DOWN, /* up to … */
  STEP_TURN,
  STEP_BEGIN,
  STEP_JOIN, /* … here others were let in before it */
  STEP_NEXT,
  STEP_SLEEP,
  STEP_WAKE,
  STEP_COMES,
  STEP_SPIN,
} Step;

/* The operation that it is in the middle of. */
typedef struct {
  const KmlOp *op;   /* the first of the stream, until it is done */
  KmlBlock given;    /* what a free gives back */
  KmlLocked *locked; /* whose lock it takes, and whom that protects it asks */
  KmlLockWait wait;
  KmlTime until; /* STEP_COMES: when the lock is its own */
  KmlCall call;
  KmlCourse course;
} Course;

typedef struct _Stream Stream;

struct _Stream {
  KmlReplay *replay;
  /* (nullable): of its operations, and the place behind the last; NULL: there is none */
  Entry *first, *behind;
  gboolean is_waiting;  /* until there is an operation, or the first one's turn has come */
  Stream *next_waiting; /* of those that wait for one block */
  KmlTask *task;        /* of processes: takes from it */
  Step step;            /* where that one is … */
  KmlPart part;         /* STEP_SLEEP: where its time went before */
  Course course;        /* … in this operation */
  KmlIrq irq;           /* of handlers: does so … */
  KmlTimer due;         /* … when this says so */
  Stream *lender; /* (nullable): whose first operation the handler is to do instead of its own */
  const KmlOp *whole; /* (nullable): the operation that it does, not in steps */
};

#define KML_NO_RECORD G_MAXUINT32

typedef struct {
  KmlBlock block;
  guint n_dealt; /* operations on it that were dealt */
  union {
    guint n_executed;
    guint32 next_unused; /* of a record that is not in use; KML_NO_RECORD: none */
  };
  KmlTime done;    /* the last of those: may be yet to come for a CPU that is behind */
  guint last;      /* 1 + the number of the stream to which the last was dealt; 0: none was */
  Stream *waiting; /* (nullable): who waits for its turn */
} Record;

struct _KmlReplay {
  KmlReplayConfig config;
  KmlMachine *machine;
  KmlLocked *in_steps
      [2]; /* (nullable) by level: around whom operations are done in steps: see kml_locked_plain() */
  Stream (*streams)[KML_N_CONTEXTS]; /* (owned) (array length=n_cpus) */
  guint32 *names; /* (owned) (array length=n_names): the workload's: the record each means now */
  guint32 n_names;
  Record *records; /* (owned) (array length=n_room): the first n_records have been in use */
  guint32 n_records, n_room;
  guint32 first_unused; /* of them: a list */
  Chunk *free_chunks;   /* a list */
  Chunk *fresh;         /* n_fresh that were never used */
  guint n_fresh;
  GPtrArray *pieces; /* (owned): of memory for chunks */
  KmlOp batch[BATCH];
  int n_batch;
  guint64 n_queued;   /* dealt and not executed */
  gboolean has_ended; /* the workload: nothing more will be dealt */
  gboolean is_full;   /* somebody waits for the window */
  gboolean is_held;   /* the run waits for this */
  KmlTimer next;      /* when more is to be dealt; not set: when somebody needs it */
  KmlProviders busy;  /* who can bring about that more is dealt */
  GError *error;      /* (owned) (nullable) */
};

static inline Record *
kml_replay_record_at (const KmlReplay *self, guint32 i)
{
  return &self->records[i];
}

static inline Stream *
kml_replay_stream_at (const KmlReplay *self, guint number)
{
  return &self->streams[0][0] + number;
}

/* The place behind the last of a chunk; NULL. */
static inline gboolean
kml_chunk_ends (const Entry *entry)
{
  return (guintptr)entry % sizeof (Chunk) == 0;
}

/* Of an entry in it, or of the place behind its last. */
static inline Chunk *
kml_chunk_of (const Entry *entry)
{
  return (Chunk *)(gpointer)((guintptr)(entry - 1) & ~(guintptr)(sizeof (Chunk) - 1));
}

static inline gboolean
kml_stream_is_empty (const Stream *self)
{
  return self->first == NULL;
}

/* Operations ahead: what a stream's next ones touch in the host's memory is fetched meanwhile, as in driver-loop.h, when there is more than stays in
 * the caches. */
#define AHEAD_RECORD   6
#define AHEAD_BLOCK    3
#define ENOUGH_RECORDS 8192

/* A run is the same without. Behind the last operation is what was in the chunk before, or 0. Where there is no block yet, its address is 0: to look in
 * vain for what is nowhere takes the host as long as to find something that is in no cache. */
static inline __attribute__ ((always_inline)) void
kml_stream_fetch_ahead (const Stream *self)
{
  const KmlReplay *replay = self->replay;
  const Entry *entries = self->first;
  const gsize at = (guintptr)entries % sizeof (Chunk);
  const KmlRam *ram = replay->machine->ram;
  KmlAddr addr;

  if (at >= sizeof (Chunk) - AHEAD_RECORD * sizeof (Entry))
    return;
  __builtin_prefetch (&replay->records[entries[AHEAD_RECORD].op.block], 1);
  addr = replay->records[entries[AHEAD_BLOCK].op.block].block.addr;
  __builtin_prefetch (
      (gconstpointer)((guintptr)ram->frames + (addr >> ram->page_shift) * sizeof (KmlFrame)), 1);
  __builtin_prefetch ((gconstpointer)((guintptr)ram->store + addr), 1);
}

/* The first operation begins. It stays where it is until it is dropped. */
static inline const KmlOp *
kml_stream_begin_first (Stream *self)
{
  if (self->replay->n_records >= ENOUGH_RECORDS)
    kml_stream_fetch_ahead (self);
  self->replay->n_queued--;
  return &self->first->op;
}

/* replay.c: the first operation would start after the end of the workload's own, which is the end of the stream. What follows in the queues, to
 * which it was dealt without a time, is given up likewise as its turn comes. */
void kml_replay_abandon_first (Stream *self);

/* replay.c: the first operation was the last, or the last in its chunk. */
void kml_stream_drop_chunk (Stream *self);

static inline void
kml_stream_drop_first (Stream *self)
{
  Entry *next = self->first + 1;

  if (G_UNLIKELY (next == self->behind || kml_chunk_ends (next)))
    kml_stream_drop_chunk (self);
  else
    self->first = next;
}

/* When the block of the first operation is as it must be for it; KML_TIME_MAX: that is not known yet. */
static inline KmlTime
kml_stream_turn_time (const Stream *self)
{
  const Entry *entry = self->first;
  const Record *record = kml_replay_record_at (self->replay, entry->op.block);

  if (entry->before == 0)
    return 0;
  return record->n_executed == entry->turn ? record->done : KML_TIME_MAX;
}

/* ---- What follows from an operation ---- */

/* The operation is done, and somebody waits for that, or it was one that halves a block. */
void kml_replay_pass_on (KmlReplay *self, const KmlOp *op);

/* The window was full, or nothing is left to execute. */
void kml_replay_look_whether_empty (KmlReplay *self);

/* @block was asked for, and may have been given. */
static inline void
kml_replay_allocated (KmlReplay *self, const KmlOp *op, const KmlBlock *block)
{
  KmlOrigins *origins = self->config.requests->recorder->origins;

  if (G_UNLIKELY (origins != NULL) && block->addr != KML_ADDR_NONE)
    kml_origins_add_alloc (origins, self->config.number, op, self->machine->now, block->held);
  kml_replay_record_at (self, op->block)->block = *block;
}

/* One of @size bytes was given back. */
static inline void
kml_replay_freed (KmlReplay *self, const KmlOp *op, guint64 size, guint64 held)
{
  KmlOrigins *origins = self->config.requests->recorder->origins;

  if (G_UNLIKELY (origins != NULL))
    kml_origins_add_free (origins, self->config.number, op, self->machine->now, size, held);
}

static inline void
kml_replay_executed (KmlReplay *self, const KmlOp *op)
{
  Record *record = kml_replay_record_at (self, op->block);

  if (G_UNLIKELY (record->waiting != NULL || op->kind == KML_OP_SPLIT)) {
    kml_replay_pass_on (self, op);
    record = kml_replay_record_at (self, op->block);
  } else {
    record->n_executed++;
    record->done = self->machine->now;
  }
  if (op->kind & KML_OP_FREE) { /* R2; KML_OP_FREE_OLD as well */
    record->next_unused = self->first_unused;
    self->first_unused = op->block;
  }
  if (G_UNLIKELY (self->is_full || self->n_queued == 0))
    kml_replay_look_whether_empty (self);
}

/* ---- replay.c ---- */

/* All that is to come up to some time is dealt, and at that time more; what has no time is dealt when it is needed. */
void kml_replay_deal_more (gpointer data);

/* It will be set going when the first operation's turn may have come. Returns the wait that begins. */
KmlWait kml_stream_wait_for_turn (Stream *self);

/* The first operation of @stream, on the running CPU, in its context, by the task or the handler of @doer. */
void kml_replay_execute_first (Stream *stream, Stream *doer);

/* ---- replay-steps.c ---- */

/* The function of the tasks of streams of processes. */
void kml_replay_run_stream (KmlMachine *machine, gpointer data);

G_END_DECLS
