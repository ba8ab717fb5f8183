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
 * Then the table is asked once for a batch of operations. What happens is the same to the bit. Where there is a cache model, the
 * table's alloc and free are asked for each, so these two need not know of one.
 *
 * Stretches. What follows from an operation's CPU and context, and whether the journal has room, is looked up once for as many
 * operations as are alike in that (of recordings of four CPUs mostly 10 to 50): where their latencies are counted, what is the same
 * in their words of the journal, and the CPU's clock, which is the end of the last operation meanwhile. The first is a pointer in memory,
 * the recorder's: an address that the compiler sees being made it makes again for each operation.
 *
 * Slots. A block of a workload is a slot of 16 bytes: its address, and how many bytes were asked for.
 *
 * Invariants, asserted:
 *   D1  a name is given to at most one live block
 *   D2  starts never decrease
 */

#pragma once

#include "simcore/replay/driver.h"

G_BEGIN_DECLS

/* A function that becomes part of each of its callers. */
#define KML_FAST static inline __attribute__ ((always_inline))

#define KML_BATCH                                                                                  \
  256 /* operations taken from a workload at a time: 14 KiB, half of a first-level cache */

/* Operations ahead: a miss of all caches is about 100 ns, an operation 10. */
#define KML_AHEAD_SLOT  24
#define KML_AHEAD_BLOCK 12

#define KML_RECORD_SHIFT                                                                           \
  5 /* log2 of the size of a frame's record; what an address shifted so has below is within the record */
G_STATIC_ASSERT (sizeof (KmlFrame) == 1 << KML_RECORD_SHIFT);

/* All zero: nothing is called so. */
typedef struct {
  KmlAddr addr; /* where the block is; KML_ADDR_NONE: the request failed */
  guint64 size; /* bytes asked for, KML_WHAT_MAX_SIZE at most; never 0 for what has a name */
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

/* What the loop leaves to driver.c: an operation that starts at @start, when it is time to look (FALSE: the source has
 * ended), one that is neither an alloc nor a free, and one that uses a name for the first time. */
gboolean kml_driver_pay_attention (KmlDriver *self, KmlSource *source, KmlTime start);
KmlTime kml_driver_rare (KmlDriver *self, KmlSource *source, const KmlOp *op, KmlTime start);
void kml_driver_name_new (KmlSource *source, guint32 block);

KML_FAST void
kml_driver_name (KmlSource *source, guint32 block)
{
  if (G_UNLIKELY (block >= source->n_named))
    kml_driver_name_new (source, block);
}

typedef KmlAddr (*KmlAllocFunc) (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held);
typedef guint64 (*KmlFreeFunc) (KmlAllocator *self, KmlAddr addr, const KmlRequest *how);

/* What the loop has in hand while it runs: its own copies, which the compiler keeps in registers and on the stack. */
typedef struct {
  KmlRecorder *recorder;
  KmlMachine *machine;
  KmlSource *source;
  guint workload;                 /* its index */
  KmlSlot *slots;                 /* of the source */
  guint32 n_named;                /* … likewise */
  guint n_entries;                /* of the journal */
  KmlTally tally;                 /* the recorder's */
  guint context;                  /* of the stretch: KmlContext */
  guint16 who;                    /* … kml_request_who() */
  KmlTime clock;                  /* … before which its next operation does not start */
  guint64 allocated[2], freed[2]; /* … by KmlLevel: what comes to a size in a word of the journal */
} KmlLoop;

KML_FAST void
kml_loop_pick_up (KmlLoop *self)
{
  self->slots = self->source->slots;
  self->n_named = self->source->n_named;
  self->n_entries = self->recorder->journal.n;
  self->tally = self->recorder->tally;
}

/* An operation that starts then or later is not just the next one. */
KML_FAST KmlTime
kml_loop_attention (const KmlLoop *self)
{
  return MIN (self->source->attention, self->tally.settle_by);
}

KML_FAST void
kml_loop_put_down (const KmlLoop *self)
{
  self->recorder->tally = self->tally;
  self->recorder->journal.n = self->n_entries;
}

KML_FAST void
kml_loop_name (KmlLoop *self, guint32 block)
{
  if (G_UNLIKELY (block >= self->n_named)) {
    kml_driver_name_new (self->source, block);
    self->slots = self->source->slots;
    self->n_named = self->source->n_named;
  }
}

/* Host memory that coming operations will want: first the slot, then, when that has come, the
 * record of the page that its block lies in and the block itself. A run is the same without. No branch here depends on what
 * the operation is, for none could predict it: what names no block fetches address 0, and a request that failed what is
 * nowhere, which no processor minds. (A function of prefetches alone has no effect in gcc's eyes: unless inlined it is left out. In
 * a loop of its own for sixteen operations it takes fewer instructions and more time.) */
KML_FAST void
kml_loop_fetch_ahead (const KmlLoop *self, const KmlRam *ram, const KmlOp *op)
{
  const guint32 block = op[KML_AHEAD_BLOCK].block;
  const KmlAddr addr = block < self->n_named ? self->slots[block].addr : 0;

  __builtin_prefetch (&self->slots[op[KML_AHEAD_SLOT].block], 1);
  __builtin_prefetch (
      (gconstpointer)((guintptr)ram->frames + (addr >> (ram->page_shift - KML_RECORD_SHIFT))), 1);
  __builtin_prefetch ((gconstpointer)((guintptr)ram->store + addr), 1);
}

/* There is room for an entry. */
KML_FAST void
kml_loop_add_entry (KmlLoop *self, KmlTime start, KmlTime end, KmlAddr addr, guint64 what)
{
  kml_journal_set (&self->recorder->journal, self->n_entries++, start, end, addr, what);
}

/* TRUE: as kml_recorder_add_latency(). */
KML_FAST gboolean
kml_loop_add_latency (KmlLoop *self, KmlOperation operation, KmlTime latency)
{
  const gboolean is_new = kml_recent_add (self->recorder->stretch[operation], latency,
                                          &self->recorder->latency[operation][self->context]);

  return G_UNLIKELY (is_new) && latency > self->recorder->longest[operation][self->context].latency;
}

/* A block is asked for. @alloc: of the object allocator, or NULL: of the table of @allocator. Returns when it was done. */
KML_FAST KmlTime
kml_loop_alloc (KmlLoop *self, KmlAllocator *allocator, KmlLevel level, KmlSlot *slot,
                const KmlOp *op, KmlTime start, KmlAllocFunc alloc)
{
  const guint64 size = op->request.size;
  guint64 held;
  KmlAddr addr;
  KmlTime end;

  g_assert (slot->size == 0); /* D1 */
  if (alloc != NULL)
    addr = alloc (allocator, &op->request, &held);
  else
    addr = kml_allocator_alloc (allocator, &op->request, &held);
  end = self->machine->now;
  slot->addr = addr;
  slot->size = size;
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    slot->size = MIN (size, KML_WHAT_MAX_SIZE);
    self->recorder->journal.n = self->n_entries;
    if (kml_recorder_failed (self->recorder, op, start, end))
      kml_recorder_note_longest (self->recorder, KML_OPERATION_ALLOC, op, self->workload, size,
                                 start, end - start);
    self->n_entries = self->recorder->journal.n;
    return end;
  }
  kml_loop_add_entry (self, start, end, addr, size | self->allocated[level]);
  if (G_UNLIKELY (kml_loop_add_latency (self, KML_OPERATION_ALLOC, end - start)))
    kml_recorder_note_longest (self->recorder, KML_OPERATION_ALLOC, op, self->workload, size, start,
                               end - start);
  kml_tally_add_alloc (&self->tally, size, held);
  if (level == KML_LEVEL_PAGES)
    kml_page_tally_add_alloc (&self->recorder->page_tally, size, held, self->tally.last_time);
  kml_recorder_add_waste (self->recorder, size, held);
  return end;
}

/* A block is given back; one that was never given is not. */
KML_FAST KmlTime
kml_loop_free (KmlLoop *self, KmlAllocator *allocator, KmlLevel level, KmlSlot *slot,
               const KmlOp *op, KmlTime start, KmlFreeFunc free)
{
  const KmlAddr addr = slot->addr;
  const guint64 size = slot->size;
  guint64 held;
  KmlTime end;

  g_assert (size != 0); /* D1 */
  *slot = (KmlSlot){ 0 };
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    self->recorder->n_free_skipped++;
    return start;
  }
  if (free != NULL)
    held = free (allocator, addr, &op->request);
  else
    held = kml_allocator_free_block (allocator, addr, &op->request);
  end = self->machine->now;
  kml_loop_add_entry (self, start, end, addr, size | self->freed[level]);
  if (G_UNLIKELY (kml_loop_add_latency (self, KML_OPERATION_FREE, end - start)))
    kml_recorder_note_longest (self->recorder, KML_OPERATION_FREE, op, self->workload, size, start,
                               end - start);
  kml_tally_add_free (&self->tally, size, held);
  if (level == KML_LEVEL_PAGES)
    kml_page_tally_add_free (&self->recorder->page_tally, size, held, self->tally.last_time);
  return end;
}

/* Pages have changed, or somebody else wants to look. FALSE: the source has ended. */
KML_FAST gboolean
kml_loop_look (KmlLoop *self, KmlDriver *driver, KmlTime start)
{
  KmlFreeArea *area = &self->machine->free_area;

  if (kml_free_area_has_changed (area))
    kml_recorder_look_at_pages (self->recorder);
  if (G_UNLIKELY (start >= self->source->attention)) {
    kml_loop_put_down (self);
    if (!kml_driver_pay_attention (driver, self->source, start))
      return FALSE;
  }
  if (G_UNLIKELY (start >= self->tally.settle_by))
    kml_tally_settle (&self->tally, start);
  area->look_at = kml_loop_attention (self);
  return TRUE;
}

KML_FAST KmlTime
kml_loop_rare (KmlLoop *self, KmlDriver *driver, const KmlOp *op, KmlTime start)
{
  KmlTime end;

  kml_loop_put_down (self);
  end = kml_driver_rare (driver, self->source, op, start);
  kml_loop_pick_up (self);
  return end;
}

/* A *stretch* is a number of successive operations of one CPU in one context for which the journal has room: what follows from
 * that is looked up once. Returns of how many operations the next one is, @n at most. */
KML_FAST guint
kml_loop_begin_stretch (KmlLoop *self, const KmlOp *op, guint n)
{
  KmlRecorder *recorder = self->recorder;

  if (self->n_entries == KML_JOURNAL_SIZE) {
    recorder->journal.n = self->n_entries;
    kml_recorder_digest (recorder);
    self->n_entries = 0;
  }
  self->context = op->request.context;
  self->who = kml_request_who (&op->request);
  self->clock = MAX (self->machine->cpu_clock[op->request.cpu], self->tally.last_time);
  for (guint level = 0; level < G_N_ELEMENTS (self->allocated); level++) {
    self->allocated[level] = kml_what_pack (kml_what_block (0, level), KML_OP_ALLOC, &op->request);
    self->freed[level] = kml_what_pack (kml_what_block (0, level), KML_OP_FREE, &op->request);
  }
  for (guint i = 0; i < KML_N_OPERATIONS; i++)
    recorder->stretch[i] = &recorder->recent[i][op->request.context];
  return MIN (n, KML_JOURNAL_SIZE - self->n_entries);
}

/* Executes @n operations, or up to the one that the source ends before; returns how many. @alloc and @free are the object
 * allocator's, NULL: asked of its table. @ahead: there are KML_AHEAD_SLOT more operations after the last. */
KML_FAST guint
kml_driver_loop (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n, gboolean ahead,
                 KmlAllocFunc alloc, KmlFreeFunc free)
{
  KmlAllocator *objects = self->allocators[KML_LEVEL_OBJECTS];
  KmlAllocator *pages = self->allocators[KML_LEVEL_PAGES];
  KmlMachine *machine = self->config.machine;
  KmlLoop loop = { .recorder = self->config.recorder,
                   .machine = machine,
                   .source = source,
                   .workload = (guint)(source - self->sources) };
  const KmlRam ram = *machine->ram; /* a copy: nothing is looked up twice */
  const KmlOp *op = ops;
  const KmlOp *end_of_all = ops + n;

  kml_loop_pick_up (&loop);
  if (!kml_free_area_has_changed (&machine->free_area))
    machine->free_area.look_at = kml_loop_attention (&loop);
  while (op < end_of_all) {
    const KmlOp *first = op;
    const KmlOp *stop = op + kml_loop_begin_stretch (&loop, op, (guint)(end_of_all - op));

    do {
      const KmlTime start = MAX (op->time, loop.clock);
      KmlSlot *slot;

      if (ahead)
        kml_loop_fetch_ahead (&loop, &ram, op);
      kml_loop_name (&loop, op->block);
      if (G_UNLIKELY (start >= loop.machine->free_area.look_at) &&
          !kml_loop_look (&loop, self, start))
        break;
      /* the allocator's own, looked up again: what is written to its clock here it finds in a register */
      if (alloc != NULL)
        loop.machine = objects->machine;
      slot = &loop.slots[op->block];
      loop.machine->now = start;
      loop.machine->aside = 0;
      kml_tally_pass_short_time (&loop.tally, start); /* D2 */
      if (op->kind == KML_OP_ALLOC && op->level == KML_LEVEL_OBJECTS)
        loop.clock = kml_loop_alloc (&loop, objects, KML_LEVEL_OBJECTS, slot, op, start, alloc);
      else if (op->kind == KML_OP_FREE && op->level == KML_LEVEL_OBJECTS)
        loop.clock = kml_loop_free (&loop, objects, KML_LEVEL_OBJECTS, slot, op, start, free);
      else if (op->kind == KML_OP_ALLOC)
        loop.clock = kml_loop_alloc (&loop, pages, KML_LEVEL_PAGES, slot, op, start, NULL);
      else if (op->kind == KML_OP_FREE)
        loop.clock = kml_loop_free (&loop, pages, KML_LEVEL_PAGES, slot, op, start, NULL);
      else
        loop.clock = kml_loop_rare (&loop, self, op, start);
      op++;
    } while (op < stop && kml_request_who (&op->request) == loop.who);
    if (op > first)
      machine->cpu_clock[first->request.cpu] = loop.clock;
    if (source->has_ended)
      break;
  }
  kml_loop_put_down (&loop);
  if (kml_free_area_has_changed (&machine->free_area))
    kml_recorder_look_at_pages (loop.recorder);
  self->n_operations += (guint)(op - ops);
  return (guint)(op - ops);
}

/* Fetching ahead pays when what a run touches has left the caches behind: slots alone are 256 KiB then. */
#define KML_MANY_NAMES 16384

/* Fetches ahead as long as there is something ahead. */
KML_FAST void
kml_driver_execute_with (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n,
                         KmlAllocFunc alloc, KmlFreeFunc free)
{
  const gboolean pays = source->n_named >= KML_MANY_NAMES && n > KML_AHEAD_SLOT;
  const guint n_ahead = pays ? n - KML_AHEAD_SLOT : 0;

  if (kml_driver_loop (self, source, ops, n_ahead, TRUE, alloc, free) == n_ahead)
    kml_driver_loop (self, source, ops + n_ahead, n - n_ahead, FALSE, alloc, free);
}

#define KML_DEFINE_EXECUTE(name)                                                                   \
  static void name##_execute (KmlDriver *driver, KmlSource *source, const KmlOp *ops, guint n)     \
  {                                                                                                \
    kml_driver_execute_with (driver, source, ops, n, name##_alloc, name##_free);                   \
  }

G_END_DECLS
