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
#define KML_SLOT_UNUSED (KML_ADDR_NONE - 1) /* no address: nothing is called so */

/* Operations ahead: a miss of all caches is about 100 ns, an operation 10. */
#define KML_AHEAD_OP    64
#define KML_AHEAD_SLOT  24
#define KML_AHEAD_BLOCK 12

typedef struct {
  KmlAddr addr;  /* KML_SLOT_UNUSED, KML_ADDR_NONE (the request failed), or where the block is */
  guint64 block; /* kml_what_block(): bytes asked for, level */
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
 * ended), and one that halves a block. */
gboolean kml_driver_pay_attention (KmlDriver *self, KmlSource *source, KmlTime start);
void kml_driver_split (KmlDriver *self, KmlSource *source, const KmlOp *op, KmlTime start);

typedef KmlAddr (*KmlAllocFunc) (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held);
typedef guint64 (*KmlFreeFunc) (KmlAllocator *self, KmlAddr addr, const KmlRequest *how);

/* Host memory that coming operations will want: first the operation, then its slot, then, when that has come, the
 * record of the page that its block lies in and the block itself. A run is the same without; with many live
 * blocks it takes half the time. No branch here depends on what the operation is, for none could predict it: what
 * names no block fetches address 0. (A function of prefetches alone has no effect in gcc's eyes: unless inlined it
 * is left out.) */
KML_FAST void
kml_driver_fetch_ahead (const KmlRam *ram, const KmlSlot *slots, const KmlOp *ops)
{
  const KmlAddr named = slots[ops[KML_AHEAD_BLOCK].block].addr;
  const KmlAddr addr = named & -(KmlAddr)(named < ram->size);

  __builtin_prefetch (&ops[KML_AHEAD_OP]);
  __builtin_prefetch (&slots[ops[KML_AHEAD_SLOT].block], 1);
  __builtin_prefetch (kml_ram_frame (ram, kml_ram_pfn (ram, addr)), 1);
  __builtin_prefetch (ram->store + addr, 1);
}

/* Executes @n operations, or up to the one that the source ends before; returns how many. @alloc and @free are the object
 * allocator's, NULL: asked of its table. @ahead: there are KML_AHEAD_SLOT more operations after the last. All
 * names of the operations have slots. */
KML_FAST guint
kml_driver_loop (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n, gboolean ahead,
                 KmlAllocFunc alloc, KmlFreeFunc free)
{
  KmlMachine *machine = self->config.machine;
  KmlRecorder *recorder = self->config.recorder;
  KmlAllocator *objects = self->allocators[KML_LEVEL_OBJECTS];
  KmlSlot *slots = source->slots;
  KmlTally tally = recorder->tally;
  const KmlOp *op = ops, *end = ops + n;

  for (; op < end; op++) {
    KmlTime *cpu_clock = &machine->cpu_clock[op->request.cpu];
    const KmlTime start = MAX (MAX (op->time, *cpu_clock), tally.last_time);
    const gboolean is_object = op->level == KML_LEVEL_OBJECTS;
    KmlSlot *slot = &slots[op->block];
    const KmlAddr addr = slot->addr;
    guint64 held = 0;

    if (ahead)
      kml_driver_fetch_ahead (machine->ram, slots, op);
    if (G_UNLIKELY (start >= source->attention)) {
      recorder->tally = tally;
      if (!kml_driver_pay_attention (self, source, start))
        break;
    }
    machine->now = start;
    kml_tally_pass_time (&tally, start); /* D2 */
    if (op->kind == KML_OP_ALLOC) {
      const guint64 size = op->request.size, block = kml_what_block (size, op->level);
      KmlAddr given;

      g_assert (addr == KML_SLOT_UNUSED); /* D1 */
      if (G_LIKELY (is_object))
        given = (alloc != NULL ? alloc : objects->ops->alloc) (objects, &op->request, &held);
      else
        given = kml_allocator_alloc (self->allocators[op->level], &op->request, &held);
      slot->addr = given;
      slot->block = block;
      kml_recorder_add_entry (recorder, start, machine->now, given,
                              kml_what_pack (block, KML_OP_ALLOC, &op->request));
      kml_recorder_add_latency (recorder, KML_OPERATION_ALLOC, op->request.context,
                                machine->now - start);
      if (G_LIKELY (given != KML_ADDR_NONE)) {
        kml_tally_add_alloc (&tally, size, held);
        kml_recorder_add_waste (recorder, size, held);
      } else {
        kml_recorder_failed (recorder, op, start);
      }
    } else if (G_LIKELY (op->kind == KML_OP_FREE)) {
      const guint64 block = slot->block;

      g_assert (addr != KML_SLOT_UNUSED); /* D1 */
      slot->addr = KML_SLOT_UNUSED;
      if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
        recorder->n_free_skipped++;
        *cpu_clock = start;
        continue;
      }
      if (G_LIKELY (is_object))
        held = (free != NULL ? free : objects->ops->free) (objects, addr, &op->request);
      else
        held = kml_allocator_free_block (self->allocators[op->level], addr, &op->request);
      kml_recorder_add_entry (recorder, start, machine->now, addr,
                              kml_what_pack (block, KML_OP_FREE, &op->request));
      kml_recorder_add_latency (recorder, KML_OPERATION_FREE, op->request.context,
                                machine->now - start);
      kml_tally_add_free (&tally, kml_what_size (block), held);
    } else {
      kml_driver_split (self, source, op, start);
    }
    *cpu_clock = machine->now;
    if (G_UNLIKELY (machine->free_area.version != recorder->area_version))
      kml_recorder_look_at_pages (recorder);
  }
  recorder->tally = tally;
  self->n_operations += (guint)(op - ops);
  return (guint)(op - ops);
}

/* Fetches ahead as long as there is something ahead. */
KML_FAST void
kml_driver_execute_with (KmlDriver *self, KmlSource *source, const KmlOp *ops, guint n,
                         KmlAllocFunc alloc, KmlFreeFunc free)
{
  const guint n_ahead = n > KML_AHEAD_SLOT ? n - KML_AHEAD_SLOT : 0;

  if (kml_driver_loop (self, source, ops, n_ahead, TRUE, alloc, free) == n_ahead)
    kml_driver_loop (self, source, ops + n_ahead, n - n_ahead, FALSE, alloc, free);
}

#define KML_DEFINE_EXECUTE(name)                                                                   \
  static void name##_execute (KmlDriver *driver, KmlSource *source, const KmlOp *ops, guint n)     \
  {                                                                                                \
    kml_driver_execute_with (driver, source, ops, n, name##_alloc, name##_free);                   \
  }

G_END_DECLS
