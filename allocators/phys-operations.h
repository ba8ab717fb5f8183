/* phys-operations.h: taking and giving back physical blocks, to be compiled together with an allocator's policy.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The theory is in phys-blocks.h.
 *
 * They work on a copy of the state that nothing else can point to, so it is kept in registers: of the
 * state itself the compiler must assume that every store into RAM changes it. What changes (counters, heads,
 * the policy's bitmaps) is behind pointers, and what is wanted once, a cost, is read from the state itself where it is: in a copy
 * it would wait on the stack.
 *
 * With the usual parameters an operation is mostly shifts, by numbers that never change. So there are two of each
 * in the program: one for which they are constants (shifts of addresses become part of the instruction that
 * uses the address), and one for all others.
 */

#pragma once

#include "allocators/phys-blocks.h"

G_BEGIN_DECLS

#define PHYS_USUAL_SHIFT 3 /* a quantum of 8 bytes */

static PHYS_INLINE PhysBlocks
phys_registers (KmlAllocator *base, const PhysPolicy *policy, gboolean is_usual)
{
  PhysBlocks registers = *phys_blocks (base, policy);

  registers.base = base;
  registers.ram = &base->ram;
  registers.is_usual = is_usual;
  if (is_usual) {
    registers.shift = PHYS_USUAL_SHIFT;
    registers.quantum = 1 << PHYS_USUAL_SHIFT;
    registers.least = 2 * PHYS_HEADER >> PHYS_USUAL_SHIFT;
  }
  return registers;
}

static PHYS_INLINE guint32
phys_quanta (const PhysBlocks *self, guint64 size)
{
  return MAX ((guint32)((size + PHYS_HEADER + self->quantum - 1) >> self->shift), self->least);
}

/* Frees what is in front of the first multiple of @alignment at which the rest can begin a block. */
static PHYS_INLINE PhysBlock
phys_cut_front (PhysBlocks *self, const PhysPolicy *policy, PhysBlock block, guint32 size,
                guint32 alignment)
{
  guint32 front = -block & (alignment - 1);

  if (front == 0)
    return block;
  if (front < self->least)
    front += alignment;
  phys_split (self, policy, block, size, front);
  phys_unlink (self, policy, block + front, size - front);
  phys_set (self, block + front, size - front, 0);
  phys_set (self, block, front, PHYS_FREE);
  phys_link (self, policy, block, front);
  return block + front;
}

/* A block of @wanted quanta at a multiple of @alignment quanta, a power of two. */
static PHYS_INLINE KmlAddr
phys_take (KmlAllocator *base, const PhysPolicy *policy, gboolean is_usual, guint32 wanted,
           guint32 alignment, const KmlRequest *request, guint64 *ret_held)
{
  PhysBlocks *blocks = phys_blocks (base, policy);
  PhysBlocks registers = phys_registers (base, policy, is_usual), *self = &registers;
  const guint32 enough = alignment == 1 ? wanted : wanted + alignment + self->least - 1;
  const guint bin = policy->first_from (self, policy->bin_for (self, enough));
  PhysBlock block;
  KmlTime cost;
  guint32 size;

  if (G_LIKELY (bin != PHYS_NO_BIN)) {
    block = self->heads[bin];
    phys_pop (self, policy, bin);
    cost = blocks->take_cost;
  } else {
    block = phys_grow (blocks, enough, request);
    cost = blocks->grow_cost;
    if (block == PHYS_NO_BLOCK) {
      base->machine->now += cost;
      return KML_ADDR_NONE;
    }
  }
  size = phys_size (self, block);
  phys_touch_header (self, block);
  if (G_UNLIKELY (phys_is_whole (self, block, size)))
    phys_arena_in_use (blocks, block);
  if (alignment > 1) {
    kml_spend (base->machine, KML_COST_INSTRUCTION, PHYS_ALIGN_INSTRUCTIONS);
    block = phys_cut_front (self, policy, block, size, alignment);
    size = phys_size (self, block);
    cost += blocks->cut_cost;
  }
  if (size - wanted >= self->least) {
    phys_split (self, policy, block, size, wanted);
    size = wanted;
    cost += blocks->cut_cost;
  } else {
    phys_set (self, block, size, 0);
  }
  *ret_held = phys_payload (self, size);
  if (request->gfp & KML_GFP_ZERO)
    cost += kml_clearing_time (base->machine, *ret_held);
  base->machine->now += cost;
  if (!self->is_usual && self->has_caches && (request->gfp & KML_GFP_ZERO))
    kml_machine_clears (base->machine, phys_bytes (self, block), *ret_held);
  return phys_addr (self, block);
}

/* Of quanta, or the page level's business. @size are the quanta that the policy makes of
 * request->size, if it is not too large. */
static PHYS_INLINE KmlAddr
phys_take_unusual (PhysBlocks *self, const PhysPolicy *policy, guint32 size,
                   const KmlRequest *request, guint64 *ret_held)
{
  const guint64 alignment = phys_alignment (self, request);

  if (alignment == 0 || request->size > self->largest_size ||
      (guint64)size + alignment + self->least - 1 > self->most)
    return kml_page_runs_alloc_large (&self->runs, request, ret_held);
  return phys_take (self->base, policy, FALSE, size, (guint32)alignment, request, ret_held);
}

/* The size of the block in use at @addr, which lies in an arena, or an assertion fails. */
static PHYS_INLINE guint32
phys_size_in_use (const PhysBlocks *self, KmlAddr addr)
{
  const PhysBlock block = (PhysBlock)(addr >> self->shift);
  const guint32 word = phys_word (self, block), size = word >> 1;

  g_assert ((addr & (self->quantum - 1)) == 0);
  g_assert ((word & PHYS_FREE) == 0); /* else it was freed already */
  g_assert (size >= self->least);     /* else no block begins here */
  g_assert ((guint64)block + size < self->n_quanta);
  return size;
}

/* The headers of a block and of both its neighbours. */
static PHYS_INLINE void
phys_touch_neighbours (const PhysBlocks *self, PhysBlock block, guint32 size)
{
  phys_touch_header (self, block);
  phys_touch_header (self, block + size);
  if (phys_before (self, block) != 0)
    phys_touch_header (self, block - phys_before (self, block));
}

/* Whether the block begins where the first one of an arena does. */
static PHYS_INLINE gboolean
phys_is_first (const PhysBlocks *self, PhysBlock block)
{
  const KmlAddr addr = phys_addr (self, block);
  const KmlFrame *frame = kml_ram_frame (self->ram, kml_ram_pfn (self->ram, addr));

  return addr == kml_ram_addr (self->ram, frame->slab.head) + self->quantum;
}

/* For KmlAllocatorOps.size_of. */
static PHYS_INLINE guint64
phys_size_of (const PhysBlocks *self, KmlAddr addr)
{
  const KmlRam *ram = self->ram;
  const KmlPfn pfn = kml_ram_pfn (ram, addr);
  const KmlFrame *frame = kml_ram_frame (ram, pfn);
  const PhysBlock block = (PhysBlock)(addr >> self->shift);
  guint32 size, before;

  g_assert (addr >> ram->page_shift < ram->n_usable);
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);

  if (frame->slab.head == pfn) {
    if (frame->slab.size_class == KML_PAGE_RUN_LARGE)
      return kml_page_runs_size_of_large (&self->runs, addr);
    g_assert (addr > kml_ram_addr (ram, pfn)); /* where the first header is */
  }
  size = phys_size_in_use (self, addr);
  before = phys_before (self, block);
  g_assert (phys_before (self, block + size) == size); /* the neighbours agree */
  g_assert (before == 0 ? phys_is_first (self, block)
                        : before < block && phys_size (self, block - before) == before);
  return phys_payload (self, size);
}

/* A free block leaves its list to become part of its neighbour. */
static PHYS_INLINE void
phys_absorb (PhysBlocks *self, const PhysPolicy *policy, PhysBlock block, guint32 size)
{
  phys_unlink (self, policy, block, size);
  self->base->metadata_bytes -= PHYS_HEADER;
  self->base->counters[PHYS_COUNTER_MERGES]++;
}

/* Absorbs the block behind one of @size quanta, if it is free. Returns how large it was, or 0. */
static PHYS_INLINE guint32
phys_join_behind (PhysBlocks *self, const PhysPolicy *policy, PhysBlock block, guint32 size)
{
  const guint32 word = phys_word (self, block + size);

  g_assert (phys_before (self, block + size) == size); /* the neighbours agree */
  if ((word & PHYS_FREE) == 0)
    return 0;
  phys_absorb (self, policy, block + size, word >> 1);
  return word >> 1;
}

/* The same of the block before. */
static PHYS_INLINE guint32
phys_join_before (PhysBlocks *self, const PhysPolicy *policy, PhysBlock block)
{
  const guint32 size = phys_before (self, block);
  guint32 word;

  if (G_UNLIKELY (size == 0)) {
    g_assert (phys_is_first (self, block));
    return 0;
  }
  g_assert (size < block);
  word = phys_word (self, block - size);
  g_assert (word >> 1 == size);
  if ((word & PHYS_FREE) == 0)
    return 0;
  phys_absorb (self, policy, block - size, size);
  return size;
}

static PHYS_INLINE guint64
phys_give_back (KmlAllocator *base, const PhysPolicy *policy, gboolean is_usual, KmlAddr addr,
                const KmlRequest *how)
{
  PhysBlocks *blocks = phys_blocks (base, policy);
  PhysBlocks registers = phys_registers (base, policy, is_usual), *self = &registers;
  const guint64 pfn = addr >> base->ram.page_shift;
  const KmlFrame *frame = &base->ram.frames[pfn];
  PhysBlock block = (PhysBlock)(addr >> self->shift);
  KmlTime cost = blocks->free_cost;
  guint32 given_size, joined, size;

  g_assert (pfn < base->ram.n_usable);
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);

  if (frame->slab.head == pfn) {
    if (frame->slab.size_class == KML_PAGE_RUN_LARGE)
      return kml_page_runs_free_large (&blocks->runs, addr, how);
    g_assert (addr > kml_ram_addr (&base->ram, (KmlPfn)pfn)); /* where the first header is */
  }
  given_size = size = phys_size_in_use (self, addr);
  phys_touch_neighbours (self, block, size);

  joined = phys_join_behind (self, policy, block, size);
  if (joined != 0) {
    size += joined;
    cost += blocks->join_cost;
  }
  joined = phys_join_before (self, policy, block);
  if (joined != 0) {
    block -= joined;
    size += joined;
    cost += blocks->join_cost;
  }
  phys_set (self, block, size, PHYS_FREE);
  phys_set_before (self, block + size, size);

  if (G_UNLIKELY (phys_is_whole (self, block, size) && phys_arena_emptied (blocks, block, how))) {
    base->machine->now += cost;
    return phys_payload (self, given_size);
  }
  phys_link (self, policy, block, size);
  base->machine->now += cost + blocks->link_cost;
  return phys_payload (self, given_size);
}

G_END_DECLS
