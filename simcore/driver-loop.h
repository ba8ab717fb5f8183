/* driver-loop.h: the loop in which a run spends its time, to be compiled together with an allocator.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A call through a table for each operation costs more than the call: everything that the loop knows goes to memory and
 * comes back, a third of all instructions. So the loop is a function to be inlined, and an object allocator
 * that wants the speed has it compiled with its own alloc and free inside:
 *
 *     KML_DEFINE_EXECUTE (segregated)       after segregated_alloc and segregated_free, both KML_FAST
 *     .execute = segregated_execute,        in its table
 *
 * Then the table is asked once for a batch of operations. What happens is the same to the bit.
 *
 * Slots. A block of a workload is a slot of 16 bytes: its address, and what was asked for as the lower part of the
 * journal's third word.
 *
 * Invariants, asserted:
 *   D1  a name is given to at most one live block
 *   D2  starts never decrease
 */

#pragma once

#include "simcore/driver.h"

G_BEGIN_DECLS

/* A function that becomes part of each of its callers. */
#define KML_FAST static inline __attribute__ ((always_inline))

#define KML_BATCH                                                                                  \
  256 /* operations taken from a workload at a time: 14 KiB, half of a first-level cache */

/* Operations ahead: a miss of all caches is about 100 ns, an operation 10. */
#define KML_AHEAD_OP    64
#define KML_AHEAD_SLOT  24
#define KML_AHEAD_BLOCK 12

/* All zero: nothing is called so. */
typedef struct {
  KmlAddr addr;  /* where the block is; KML_ADDR_NONE: the request failed */
  guint64 block; /* kml_what_block(): bytes asked for, level; never 0 for what has a name */
} KmlSlot;

/* A workload, and what is known of the blocks it has named. */
struct _KmlSource {
  KmlWorkload *workload;
  KmlSlot *slots; /* (owned) (array length=n_slots): the first n_named are initialised */
  guint32 n_slots, n_named;
  KmlTime last_end;   /* of its last operation */
  KmlTime until;      /* the driver's end or the workload's own, what comes first */
  KmlTime attention;  /* an operation that starts then or later is not just the next one */
  gboolean has_ended; /* an operation would have started later than until */
  KmlOp batch[KML_BATCH];
  int n_batch, at; /* of the batch: at == n_batch: it is used up */
};

struct _KmlDriver {
  KmlDriverConfig config;
  KmlSource *sources;          /* (owned) (array length=config.n_workloads) */
  KmlAllocator *allocators[2]; /* by KmlLevel: pages, objects */
  guint64 n_operations;
};

/* What the loop leaves to driver.c: an operation that starts at @start >= source->attention (FALSE: the source has
 * ended), one that halves a block, and one that uses a name for the first time. */
gboolean kml_driver_pay_attention (KmlDriver *self, KmlSource *source, KmlTime start);
KmlTime kml_driver_split (KmlDriver *self, KmlSource *source, const KmlOp *op, KmlTime start);
void kml_driver_name_new (KmlSource *source, guint32 block);

KML_FAST void
kml_driver_name (KmlSource *source, guint32 block)
{
  if (G_UNLIKELY (block >= source->n_named))
    kml_driver_name_new (source, block);
}

typedef KmlAddr (*KmlAllocFunc) (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held);
typedef guint64 (*KmlFreeFunc) (KmlAllocator *self, KmlAddr addr, const KmlRequest *how);

/* Host memory that coming operations will want: first the operation, then its slot, then, when that has come, the
 * record of the page that its block lies in and the block itself. A run is the same without; with many live
 * blocks it takes half the time. No branch here depends on what the operation is, for none could predict it: what
 * names no block fetches address 0, and a request that failed what is nowhere, which no processor minds. (A function of
 * prefetches alone has no effect in gcc's eyes: unless inlined it is left out.) */
KML_FAST void
kml_driver_fetch_ahead (KmlSource *source, const KmlRam *ram, const KmlOp *ops)
{
  const KmlAddr addr = source->slots[ops[KML_AHEAD_BLOCK].block].addr;
  const guintptr record = (addr >> ram->page_shift) * sizeof (KmlFrame);

  __builtin_prefetch (&ops[KML_AHEAD_OP]);
  kml_driver_name (source, ops[KML_AHEAD_SLOT].block);
  __builtin_prefetch (&source->slots[ops[KML_AHEAD_SLOT].block], 1);
  __builtin_prefetch ((gconstpointer)((guintptr)ram->frames + record), 1);
  __builtin_prefetch ((gconstpointer)((guintptr)ram->store + addr), 1);
}

/* What the loop has in hand while it runs; its own copy of the recorder's sums. */
typedef struct {
  KmlRecorder *recorder;
  KmlTally tally;
  guint n_entries; /* of the journal */
  guint workload;  /* its index */
} KmlLoop;

KML_FAST void
kml_loop_add_entry (KmlLoop *self, KmlTime start, KmlTime end, KmlAddr addr, guint64 what)
{
  kml_journal_set (&self->recorder->journal, self->n_entries, start, end, addr, what);
  if (G_UNLIKELY (++self->n_entries == KML_JOURNAL_SIZE)) {
    self->recorder->journal.n = self->n_entries;
    kml_recorder_digest (self->recorder);
    self->n_entries = 0;
  }
}

KML_FAST void
kml_loop_put_down (const KmlLoop *self)
{
  self->recorder->tally = self->tally;
  self->recorder->journal.n = self->n_entries;
}

/* A block is asked for. @alloc: of the object allocator, or NULL: of the table of @allocator. Returns when it was done. */
KML_FAST KmlTime
kml_loop_alloc (KmlLoop *self, KmlMachine *machine, KmlAllocator *allocator, KmlLevel level,
                KmlSlot *slot, const KmlOp *op, KmlTime start, KmlAllocFunc alloc)
{
  const guint64 size = op->request.size;
  guint64 held;
  KmlAddr addr;
  KmlTime end;

  g_assert (slot->block == 0); /* D1 */
  if (alloc != NULL)
    addr = alloc (allocator, &op->request, &held);
  else
    addr = kml_allocator_alloc (allocator, &op->request, &held);
  end = machine->now;
  slot->addr = addr;
  slot->block = kml_what_block (size, level);
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    slot->block = kml_what_block (MIN (size, KML_WHAT_MAX_SIZE), level);
    self->recorder->journal.n = self->n_entries;
    if (kml_recorder_failed (self->recorder, op, start, end))
      kml_recorder_note_longest (self->recorder, KML_OPERATION_ALLOC, op, self->workload, size,
                                 start, end - start);
    self->n_entries = self->recorder->journal.n;
    return end;
  }
  kml_loop_add_entry (self, start, end, addr,
                      kml_what_pack (slot->block, KML_OP_ALLOC, &op->request));
  if (G_UNLIKELY (kml_recorder_add_latency (self->recorder, KML_OPERATION_ALLOC,
                                            op->request.context, end - start)))
    kml_recorder_note_longest (self->recorder, KML_OPERATION_ALLOC, op, self->workload, size, start,
                               end - start);
  kml_tally_add_alloc (&self->tally, size, held);
  kml_recorder_add_waste (self->recorder, size, held);
  return end;
}

/* A block is given back; one that was never given is not. */
KML_FAST KmlTime
kml_loop_free (KmlLoop *self, KmlMachine *machine, KmlAllocator *allocator, KmlSlot *slot,
               const KmlOp *op, KmlTime start, KmlFreeFunc free)
{
  const KmlAddr addr = slot->addr;
  const guint64 block = slot->block;
  guint64 held;
  KmlTime end;

  g_assert (block != 0); /* D1 */
  *slot = (KmlSlot){ 0 };
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    self->recorder->n_free_skipped++;
    return start;
  }
  if (free != NULL)
    held = free (allocator, addr, &op->request);
  else
    held = kml_allocator_free_block (allocator, addr, &op->request);
  end = machine->now;
  kml_loop_add_entry (self, start, end, addr, kml_what_pack (block, KML_OP_FREE, &op->request));
  if (G_UNLIKELY (kml_recorder_add_latency (self->recorder, KML_OPERATION_FREE, op->request.context,
                                            end - start)))
    kml_recorder_note_longest (self->recorder, KML_OPERATION_FREE, op, self->workload,
                               kml_what_size (block), start, end - start);
  kml_tally_add_free (&self->tally, kml_what_size (block), held);
  return end;
}

KML_FAST KmlTime
kml_loop_split (KmlLoop *self, KmlDriver *driver, KmlSource *source, const KmlOp *op, KmlTime start)
{
  KmlTime end;

  kml_loop_put_down (self);
  end = kml_driver_split (driver, source, op, start);
  self->n_entries = self->recorder->journal.n;
  return end;
}

/* Executes @n operations, or up to the one that the source ends before; returns how many. @alloc and @free are the object
 * allocator's, NULL: asked of its table. @ahead: there are KML_AHEAD_SLOT more operations after the last, and all
 * names of the first KML_AHEAD_SLOT have slots. */
KML_FAST guint
kml_driver_loop (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n, gboolean ahead,
                 KmlAllocFunc alloc, KmlFreeFunc free)
{
  KmlAllocator *objects = self->allocators[KML_LEVEL_OBJECTS];
  KmlAllocator *pages = self->allocators[KML_LEVEL_PAGES];
  const KmlRam ram = *self->config.machine->ram; /* a copy: nothing is looked up twice */
  KmlLoop loop = { self->config.recorder, self->config.recorder->tally,
                   self->config.recorder->journal.n, (guint)(source - self->sources) };
  const KmlOp *op = ops;
  guint n_left = n;

  for (; n_left > 0; n_left--, op++) {
    KmlMachine *machine = alloc != NULL ? objects->machine : self->config.machine;
    const guint cpu = op->request.cpu;
    const KmlTime ready = MAX (op->time, machine->cpu_clock[cpu]);
    const KmlTime start = MAX (ready, loop.tally.last_time);
    KmlSlot *slot;
    KmlTime end;

    if (ahead)
      kml_driver_fetch_ahead (source, &ram, op);
    else
      kml_driver_name (source, op->block);
    if (G_UNLIKELY (start >= source->attention)) {
      kml_loop_put_down (&loop);
      if (!kml_driver_pay_attention (self, source, start))
        break;
    }
    /* the allocator's own, looked up again: what is written to its clock here it finds in a register */
    machine = alloc != NULL ? objects->machine : self->config.machine;
    slot = &source->slots[op->block];
    machine->now = start;
    machine->aside = 0;
    kml_tally_pass_time (&loop.tally, start); /* D2 */
    if (op->kind == KML_OP_ALLOC && op->level == KML_LEVEL_OBJECTS)
      end = kml_loop_alloc (&loop, machine, objects, KML_LEVEL_OBJECTS, slot, op, start, alloc);
    else if (op->kind == KML_OP_FREE && op->level == KML_LEVEL_OBJECTS)
      end = kml_loop_free (&loop, machine, objects, slot, op, start, free);
    else if (op->kind == KML_OP_ALLOC)
      end = kml_loop_alloc (&loop, machine, pages, KML_LEVEL_PAGES, slot, op, start, NULL);
    else if (op->kind == KML_OP_FREE)
      end = kml_loop_free (&loop, machine, pages, slot, op, start, NULL);
    else
      end = kml_loop_split (&loop, self, source, op, start);
    machine->cpu_clock[cpu] = end;
    if (G_UNLIKELY (machine->free_area.has_changed))
      kml_recorder_look_at_pages (loop.recorder);
  }
  kml_loop_put_down (&loop);
  self->n_operations += n - n_left;
  return n - n_left;
}

/* Fetching ahead pays when what a run touches has left the caches behind. */
#define KML_MANY_NAMES 8192

/* Fetches ahead as long as there is something ahead. */
KML_FAST void
kml_driver_execute_with (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n,
                         KmlAllocFunc alloc, KmlFreeFunc free)
{
  guint n_ahead = 0;

  if (source->n_named >= KML_MANY_NAMES && n > KML_AHEAD_SLOT) {
    for (guint i = 0; i < KML_AHEAD_SLOT; i++)
      kml_driver_name (source, ops[i].block);
    n_ahead = n - KML_AHEAD_SLOT;
  }
  if (kml_driver_loop (self, source, ops, n_ahead, TRUE, alloc, free) == n_ahead)
    kml_driver_loop (self, source, ops + n_ahead, n - n_ahead, FALSE, alloc, free);
}

#define KML_DEFINE_EXECUTE(name)                                                                   \
  static void name##_execute (KmlDriver *driver, KmlSource *source, const KmlOp *ops, guint n)     \
  {                                                                                                \
    kml_driver_execute_with (driver, source, ops, n, name##_alloc, name##_free);                   \
  }

G_END_DECLS
