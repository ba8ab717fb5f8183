/* bump.c: the allocator that only moves forward.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The smallest allocator there is, made to be copied: the order of the parts
 * below is that of every allocator's file.
 *
 * 1. Theory of operation
 *
 * Frames below `next` have been given out, frames from next on are free. An
 * allocation moves next; a free only counts. When the last block is freed, next
 * returns to 0. It is the floor of every comparison: no allocator does less
 * work, and none wastes more memory.
 *
 *     0                             next                 n_usable
 *     | used | hole | used | hole |  free                |
 *
 * A hole is a freed block, or what was skipped for the sake of an alignment.
 * Nobody can have it until next returns to 0: it is metadata, neither free nor
 * a block.
 *
 * What an alignment a costs, when next can be any multiple of the granule g (here a page
 * frame): next lies 0, g, 2 g ... or a - g below the next multiple of a, so (a - g) / 2 is skipped
 * if all are equally likely, and a block of n bytes needs n + a - g in the worst case.
 *
 * 2. What is written where
 *
 * The record of the first frame of each block and of each hole has its length,
 * so that walk() can go from one to the next. A block is KML_FRAME_USED, a hole
 * KML_FRAME_TAIL.
 *
 * 3. Not modelled
 *
 * Blocks are as long as was asked for, not a power of two, and cannot be split.
 * There is no lock: boot code, whose allocator this is, runs alone.
 *
 * 4. Invariants, verified by bump_check()
 *
 *   P1  blocks and holes tile [0, next), and next <= n_usable
 *   P2  n_live is the number of blocks; when it is 0, so is next
 *   P3  metadata_bytes is the sum of the holes
 *   P4  the free area counts the run [next, n_usable)
 */

#include "simcore/allocator.h"

enum {
  COUNTER_PADDING,
};

typedef struct {
  KmlAllocator base;
  guint32 next; /* the first frame that is free */
  guint32 n_live;
  KmlAddr statics; /* of these two, for a cache model */
} Bump;

static gboolean
bump_init (KmlAllocator *base, GError **error)
{
  Bump *self = (Bump *)base;

  self->statics = kml_machine_statics (base->machine, 8);
  kml_free_area_add_run (base->free_area, 0, base->ram.n_usable, KML_MOBILITY_UNMOVABLE);
  return TRUE;
}

static gboolean
bump_remember (KmlAllocator *base, KmlImage *image)
{
  return TRUE; /* it is all in the instance */
}

/* The free run began at @self->next and begins at @next from now on. No block of the free area
 * spans a multiple of the largest block's size, so what lies behind the next multiple is
 * counted as before. */
static void
move_next (Bump *self, guint32 next)
{
  const guint64 largest = G_GUINT64_CONSTANT (1) << KML_MAX_ORDER;
  const guint64 multiple = (MAX (next, self->next) + largest - 1) & ~(largest - 1);
  const guint64 end = MIN (multiple, self->base.ram.n_usable);
  KmlFreeArea *area = self->base.free_area;

  kml_free_area_remove_run (area, self->next, end - self->next, KML_MOBILITY_UNMOVABLE);
  kml_free_area_add_run (area, next, end - next, KML_MOBILITY_UNMOVABLE);
  self->next = next;
}

/* The first address that keeps the constraints, if there were no end of memory. */
static KmlAddr
first_suitable (KmlAddr addr, guint64 size, const KmlConstraints *constraints)
{
  const guint64 alignment = MAX (constraints->alignment, 1);
  const guint64 boundary = constraints->boundary;

  addr = (addr + alignment - 1) & ~(alignment - 1);
  if (boundary == 0 || addr / boundary == (addr + size - 1) / boundary)
    return addr;
  if (size > boundary)
    return KML_ADDR_NONE;
  return (addr + MAX (alignment, boundary) - 1) & ~(MAX (alignment, boundary) - 1);
}

static void
write_record (Bump *self, guint32 pfn, guint32 n_frames, KmlFrameState state)
{
  *kml_ram_frame (&self->base.ram, pfn) = (KmlFrame){ .state = (guint8)state,
                                                      .n_frames = n_frames };
}

static KmlAddr
bump_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Bump *self = (Bump *)base;
  KmlMachine *machine = base->machine;
  const KmlRam *ram = &base->ram;
  const guint64 end = kml_ram_addr (ram, ram->n_usable);
  KmlAddr addr = kml_ram_addr (ram, self->next);
  guint64 limit = end;
  guint32 pfn, n_frames;

  g_assert (request->size > 0);
  g_assert (request->size % kml_ram_page_size (ram) == 0);

  /* The path: load next, add, compare, store next, write the record, return. */
  kml_spend (machine, KML_COST_INSTRUCTION, 10);
  kml_spend_references (machine, KML_COST_HOT, 1);
  kml_touch (machine, self->statics, sizeof self->next, KML_TOUCH_WRITE);
  if (request->constraints != NULL) {
    if (request->size <= end)
      addr = first_suitable (addr, request->size, request->constraints);
    if (request->constraints->limit != 0)
      limit = MIN (limit, request->constraints->limit);
  }
  if (addr > limit || request->size > limit - addr)
    return KML_ADDR_NONE;

  pfn = kml_ram_pfn (ram, addr);
  n_frames = (guint32)(request->size >> ram->page_shift);
  if (pfn > self->next) {
    write_record (self, self->next, pfn - self->next, KML_FRAME_TAIL);
    base->metadata_bytes += addr - kml_ram_addr (ram, self->next);
    base->counters[COUNTER_PADDING] += pfn - self->next;
  }
  write_record (self, pfn, n_frames, KML_FRAME_USED);
  move_next (self, pfn + n_frames);
  self->n_live++;
  kml_spend_references (machine, KML_COST_WARM, 1);
  kml_touch_frame (machine, kml_ram_frame (ram, pfn), KML_TOUCH_WRITE);
  if (request->gfp & KML_GFP_ZERO)
    kml_clear (machine, ram, addr, request->size);
  *ret_held = request->size;
  return addr;
}

static guint64
bump_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Bump *self = (Bump *)base;
  KmlMachine *machine = base->machine;
  KmlFrame *frame = kml_ram_frame (&base->ram, kml_ram_pfn (&base->ram, addr));
  guint64 size;

  g_assert (addr % kml_ram_page_size (&base->ram) == 0);
  g_assert (addr < kml_ram_addr (&base->ram, self->next));
  g_assert (frame->state == KML_FRAME_USED);

  /* Load and change the record, count, compare. */
  kml_spend (machine, KML_COST_INSTRUCTION, 8);
  kml_spend_references (machine, KML_COST_HOT, 1);
  kml_spend_references (machine, KML_COST_WARM, 1);
  kml_touch (machine, self->statics, sizeof self->n_live, KML_TOUCH_WRITE);
  kml_touch_frame (machine, frame, KML_TOUCH_WRITE);
  size = (guint64)frame->n_frames << base->ram.page_shift;
  frame->state = KML_FRAME_TAIL;
  base->metadata_bytes += size;
  if (--self->n_live == 0) {
    move_next (self, 0);
    base->metadata_bytes = 0;
  }
  return size;
}

static void
bump_state (const KmlAllocator *base, GArray *words)
{
  kml_state_add (words, ((const Bump *)base)->next);
}

static void
bump_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const Bump *self = (const Bump *)base;
  const KmlRam *ram = &base->ram;
  guint32 n_frames;

  for (guint32 pfn = 0; pfn < self->next; pfn += n_frames) {
    const KmlFrame *frame = kml_ram_frame (ram, pfn);

    n_frames = frame->n_frames;
    func (kml_ram_addr (ram, pfn), (guint64)n_frames << ram->page_shift,
          frame->state == KML_FRAME_USED ? KML_BLOCK_USED : KML_BLOCK_METADATA, user_data);
  }
  if (self->next < ram->n_usable)
    func (kml_ram_addr (ram, self->next), (guint64)(ram->n_usable - self->next) << ram->page_shift,
          KML_BLOCK_FREE, user_data);
}

static gboolean
bump_check (const KmlAllocator *base, GError **error)
{
  const Bump *self = (const Bump *)base;
  const KmlRam *ram = &base->ram;
  KmlFreeArea expected = { 0 };
  guint64 hole_frames = 0, n_live = 0;
  guint32 pfn = 0;

  if (self->next > ram->n_usable)
    return kml_allocator_broken ("P1", "frame", self->next, error);
  while (pfn < self->next) {
    const KmlFrame *frame = kml_ram_frame (ram, pfn);

    if (frame->n_frames == 0 || frame->n_frames > self->next - pfn)
      return kml_allocator_broken ("P1", "frame", pfn, error);
    if (frame->state == KML_FRAME_USED)
      n_live++;
    else if (frame->state == KML_FRAME_TAIL)
      hole_frames += frame->n_frames;
    else
      return kml_allocator_broken ("P1", "frame", pfn, error);
    pfn += frame->n_frames;
  }
  if (n_live != self->n_live || (n_live == 0 && self->next != 0))
    return kml_allocator_broken ("P2", "frame", self->next, error);
  if (base->metadata_bytes != hole_frames << ram->page_shift)
    return kml_allocator_broken ("P3", "frame", self->next, error);
  kml_free_area_add_run (&expected, self->next, ram->n_usable - self->next, KML_MOBILITY_UNMOVABLE);
  if (memcmp (expected.blocks, base->free_area->blocks, sizeof expected.blocks) != 0 ||
      expected.n_free != base->free_area->n_free)
    return kml_allocator_broken ("P4", "frame", self->next, error);
  return TRUE;
}

static const KmlCounterInfo bump_counters[] = {
  [COUNTER_PADDING] = { "padding", "frames",
                        "page frames skipped for the sake of alignments and boundaries" },
  { NULL },
};

static const KmlAllocatorOps bump_ops = {
  .name = "bump",
  .summary = "moves forward and never reuses, until all is free again",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (Bump),
  .counters = bump_counters,
  .init = bump_init,
  .alloc = bump_alloc,
  .free = bump_free,
  .remember = bump_remember,
  .walk = bump_walk,
  .state = bump_state,
  .check = bump_check,
};

KML_REGISTER_ALLOCATOR (bump_ops)
