/* unequal-buddy.c: buddy systems whose two parts need not be halves.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in unequal-buddy.h.
 */

#include "allocators/unequal-buddy.h"

#include "allocators/frame-check.h"

/* As buddy.c's, and derived in the same way; to tell which part a block is takes a look at its
 * origin and at the table of classes, five instructions more a step. */
#define ALLOC_INSTRUCTIONS 60
#define FREE_INSTRUCTIONS  45
#define STEP_INSTRUCTIONS  30
#define STEP_RECORDS       2

#define frame_of kml_unequal_frame

/* ---- Classes ---- */

/* The smallest class of at least @n_frames, or n_classes: there is none. */
static guint
class_for (const KmlUnequalBuddy *self, guint64 n_frames)
{
  guint lo = 0, hi = self->n_classes;

  while (lo < hi) {
    const guint middle = (lo + hi) / 2;

    if (self->sizes[middle] >= n_frames)
      hi = middle;
    else
      lo = middle + 1;
  }
  return lo;
}

void
kml_unequal_buddy_add_class (KmlUnequalBuddy *self, KmlPfn size)
{
  const guint class = self->n_classes;

  g_assert (class < KML_UNEQUAL_CLASSES);
  g_assert (class > 0 || size == 1);

  if (class > 0) {
    const KmlPfn right = size - self->sizes[class - 1];

    g_assert (size > self->sizes[class - 1]);
    self->rights[class] = (guint8)class_for (self, right);
    g_assert (self->rights[class] < class);
    g_assert (self->sizes[self->rights[class]] == right);
  }
  self->sizes[class] = size;
  self->n_classes++;
}

/* ---- The free lists ---- */

KmlPfn
kml_unequal_buddy_next (const KmlUnequalBuddy *self, guint class, KmlPfn after)
{
  guint64 member;

  if (self->list_order != KML_UNEQUAL_ADDRESS)
    return after == KML_PFN_NONE ? self->lists[class].first : frame_of (self, after)->free.next;
  member = kml_frame_set_next (&self->sets[class], after == KML_PFN_NONE ? 0 : (guint64)after + 1);
  return member == self->sets[class].n ? KML_PFN_NONE : (KmlPfn)member;
}

/* With a cache model: the head of the list, and the records that its links join. */
static void
touch_links (const KmlUnequalBuddy *self, KmlPfn pfn)
{
  KmlMachine *machine = self->base.machine;
  const KmlFrame *frame = frame_of (self, pfn);

  kml_touch (machine, self->statics + (KmlAddr)frame->order * sizeof (KmlFrameList),
             sizeof (KmlFrameList), KML_TOUCH_WRITE);
  if (self->list_order == KML_UNEQUAL_ADDRESS)
    kml_touch_frame (machine, frame, KML_TOUCH_WRITE);
  else
    kml_frame_list_touch (machine, &self->base.ram, pfn);
}

/* Makes the frames from @pfn on a free block of its own; its origin stays. */
static void
put_block (KmlUnequalBuddy *self, KmlPfn pfn, guint class)
{
  KmlFrame *frame = frame_of (self, pfn);

  frame->state = KML_FRAME_FREE;
  frame->order = (guint8) class;
  frame->n_frames = self->sizes[class];
  if (self->list_order == KML_UNEQUAL_ADDRESS)
    kml_frame_set_insert (&self->sets[class], pfn);
  else
    kml_frame_list_insert (&self->lists[class], &self->base.ram, pfn,
                           self->list_order == KML_UNEQUAL_LIFO);
  self->nonempty |= G_GUINT64_CONSTANT (1) << class;
  kml_free_area_add_run (self->base.free_area, pfn, self->sizes[class], KML_MOBILITY_UNMOVABLE);
  touch_links (self, pfn);
}

/* Takes a free block off its list; its first frame is an inner one until something else is
 * written. */
static void
remove_block (KmlUnequalBuddy *self, KmlPfn pfn)
{
  KmlFrame *frame = frame_of (self, pfn);
  const guint class = frame->order;

  touch_links (self, pfn);
  if (self->list_order == KML_UNEQUAL_ADDRESS)
    kml_frame_set_remove (&self->sets[class], pfn);
  else
    kml_frame_list_remove (&self->lists[class], &self->base.ram, pfn);
  if (kml_unequal_buddy_next (self, class, KML_PFN_NONE) == KML_PFN_NONE)
    self->nonempty &= ~(G_GUINT64_CONSTANT (1) << class);
  kml_free_area_remove_run (self->base.free_area, pfn, self->sizes[class], KML_MOBILITY_UNMOVABLE);
  frame->state = KML_FRAME_TAIL;
}

static void
put_root (KmlUnequalBuddy *self, KmlPfn pfn, guint class)
{
  kml_frame_set_own (frame_of (self, pfn), KML_UNEQUAL_ROOT);
  put_block (self, pfn, class);
}

/* The frontier moves over one root, which goes to a list. */
static void
touch_frontier (KmlUnequalBuddy *self)
{
  const guint class = self->n_classes - 1;
  const KmlPfn pfn = self->frontier;

  self->frontier += self->sizes[class];
  kml_free_area_remove_run (self->base.free_area, pfn, self->sizes[class], KML_MOBILITY_UNMOVABLE);
  put_root (self, pfn, class);
}

/* ---- Setting up ---- */

guint
kml_unequal_buddy_root_class (const KmlUnequalBuddy *self, KmlPfn pfn)
{
  const KmlPfn n_left = self->base.ram.n_usable - pfn;
  const guint class = class_for (self, (guint64)n_left + 1);

  return class - 1;
}

static gboolean
init_sets (KmlUnequalBuddy *self, GError **error)
{
  for (guint class = 0; class < self->n_classes; class ++)
    if (!kml_frame_set_init (&self->sets[class], self->base.ram.n_usable, error))
      return FALSE;
  return TRUE;
}

gboolean
kml_unequal_buddy_start (KmlUnequalBuddy *self, GError **error)
{
  const KmlPfn n_usable = self->base.ram.n_usable;
  const KmlPfn largest = self->sizes[self->n_classes - 1];

  for (guint class = 0; class < KML_UNEQUAL_CLASSES; class ++)
    kml_frame_list_init (&self->lists[class]);
  if (self->list_order == KML_UNEQUAL_ADDRESS && !init_sets (self, error))
    return FALSE;

  self->statics = kml_machine_statics (self->base.machine, sizeof self->lists);
  self->base.largest = kml_ram_addr (&self->base.ram, largest);
  self->frontier_end = n_usable / largest * largest;
  for (KmlPfn pfn = 0; pfn < self->frontier_end; pfn += largest)
    kml_free_area_add_run (self->base.free_area, pfn, largest, KML_MOBILITY_UNMOVABLE);
  for (KmlPfn pfn = self->frontier_end; pfn < n_usable; pfn += frame_of (self, pfn)->n_frames)
    put_root (self, pfn, kml_unequal_buddy_root_class (self, pfn));
  kml_frame_check_init (&self->base);
  return TRUE;
}

void
kml_unequal_buddy_finish (KmlAllocator *base)
{
  KmlUnequalBuddy *self = (KmlUnequalBuddy *)base;

  for (guint class = 0; class < KML_UNEQUAL_CLASSES; class ++)
    kml_frame_set_clear (&self->sets[class]);
}

gboolean
kml_unequal_buddy_remember (KmlAllocator *base, KmlImage *image)
{
  KmlUnequalBuddy *self = (KmlUnequalBuddy *)base;

  for (guint class = 0; class < KML_UNEQUAL_CLASSES; class ++)
    kml_frame_set_remember (&self->sets[class], image);
  return TRUE;
}

/* ---- Finding a block ---- */

/* What a request comes to. */
typedef struct {
  guint class;       /* of the block that it gets */
  KmlPfn n_frames;   /* that must keep the constraints: what was asked for */
  guint64 alignment; /* frames, at least 1 */
  guint64 boundary;  /* frames; 0: none */
  KmlPfn end;
} Wish;

/* A free block, and the part of it that is the request's. */
typedef struct {
  KmlPfn block; /* KML_PFN_NONE: there is none */
  KmlPfn part;
} Find;

static const Find nothing = { KML_PFN_NONE, KML_PFN_NONE };

/* Which part of the block is the request's, if any will do: of two that suffice the smaller. */
static KmlPfn
usual_part (const KmlUnequalBuddy *self, KmlPfn pfn, guint class, guint wanted)
{
  while (class > wanted)
    if (self->rights[class] >= wanted) {
      pfn += self->sizes[class - 1];
      class = self->rights[class];
    } else {
      class --;
    }
  return pfn;
}

/* The first part of the block, in that order, that keeps the constraints, or KML_PFN_NONE. */
static KmlPfn
suitable_part (const KmlUnequalBuddy *self, const Wish *wish, KmlPfn pfn, guint class)
{
  const guint64 first = ((guint64)pfn + wish->alignment - 1) / wish->alignment * wish->alignment;
  KmlPfn part = KML_PFN_NONE;

  if (first - pfn >= self->sizes[class] || first + wish->n_frames > wish->end)
    return KML_PFN_NONE;
  if (class == wish->class)
    return first == pfn && (wish->boundary == 0 ||
                            pfn / wish->boundary == (pfn + wish->n_frames - 1) / wish->boundary)
               ? pfn
               : KML_PFN_NONE;
  if (self->rights[class] >= wish->class)
    part = suitable_part (self, wish, pfn + self->sizes[class - 1], self->rights[class]);
  return part != KML_PFN_NONE ? part : suitable_part (self, wish, pfn, class - 1);
}

static Find
find_in_frontier (KmlUnequalBuddy *self, const Wish *wish)
{
  const guint class = self->n_classes - 1;

  for (KmlPfn root = self->frontier; root < MIN (self->frontier_end, wish->end);
       root += self->sizes[class]) {
    const KmlPfn part = suitable_part (self, wish, root, class);

    if (part == KML_PFN_NONE)
      continue;
    while (self->frontier <= root)
      touch_frontier (self);
    return (Find){ root, part };
  }
  return nothing;
}

/* Of lists whose blocks may not suit. */
static Find
find_suitable (KmlUnequalBuddy *self, const Wish *wish)
{
  for (guint class = wish->class; class < self->n_classes; class ++)
    for (KmlPfn pfn = kml_unequal_buddy_next (self, class, KML_PFN_NONE); pfn != KML_PFN_NONE;
         pfn = kml_unequal_buddy_next (self, class, pfn)) {
      const KmlPfn part = suitable_part (self, wish, pfn, class);

      if (part != KML_PFN_NONE)
        return (Find){ pfn, part };
      kml_spend_references (self->base.machine, KML_COST_WARM, 1);
      kml_touch_frame (self->base.machine, frame_of (self, pfn), KML_TOUCH_READ);
    }
  return find_in_frontier (self, wish);
}

static Find
find_any (KmlUnequalBuddy *self, const Wish *wish)
{
  const guint64 classes = self->nonempty & (G_MAXUINT64 << wish->class);
  KmlPfn pfn = self->frontier;
  guint class = self->n_classes - 1;

  if (classes != 0) {
    class = (guint)__builtin_ctzll (classes);
    pfn = kml_unequal_buddy_next (self, class, KML_PFN_NONE);
  } else if (self->frontier < self->frontier_end) {
    touch_frontier (self);
  } else {
    return nothing;
  }
  return (Find){ pfn, usual_part (self, pfn, class, wish->class) };
}

static Find
find_block (KmlUnequalBuddy *self, const KmlRequest *request)
{
  const KmlRam *ram = &self->base.ram;
  const KmlConstraints *constraints = request->constraints;
  const guint64 n_frames = request->size >> ram->page_shift;
  Wish wish = { .class = class_for (self, n_frames), .n_frames = (KmlPfn)n_frames };

  if (wish.class == self->n_classes)
    return nothing;
  if (constraints == NULL)
    return find_any (self, &wish);
  if (constraints->boundary != 0 && request->size > constraints->boundary)
    return nothing;
  wish.alignment = MAX (constraints->alignment >> ram->page_shift, 1);
  wish.boundary = constraints->boundary >> ram->page_shift;
  wish.end = ram->n_usable;
  if (constraints->limit != 0)
    wish.end = (KmlPfn)MIN (constraints->limit >> ram->page_shift, ram->n_usable);
  return find_suitable (self, &wish);
}

/* ---- Allocating ---- */

/* @pfn: whose frames' flags are checked. */
static void
spend_path (KmlUnequalBuddy *self, guint instructions, KmlPfn pfn, guint64 n_frames)
{
  KmlMachine *machine = self->base.machine;

  kml_spend (machine, KML_COST_LOCK, 1);
  /* the list's head and the word of non-empty classes */
  kml_spend_references (machine, KML_COST_HOT, 2);
  kml_spend (machine, KML_COST_INSTRUCTION, instructions);
  kml_spend_references (machine, KML_COST_WARM, 1);
  kml_frame_check (&self->base, n_frames);
  if (self->n_steps > 0)
    kml_spend_as (machine, KML_PART_SPLIT,
                  self->n_steps * (STEP_INSTRUCTIONS * machine->cost[KML_COST_INSTRUCTION] +
                                   STEP_RECORDS * kml_reference_cost (machine, KML_COST_WARM)));
  if (n_frames > 0)
    kml_touch_stored (machine, frame_of (self, pfn), n_frames * sizeof (KmlFrame), KML_TOUCH_WRITE);
}

/* Splits the block, which is on no list, until what begins at @part is a block of class @wanted. */
static void
split_down (KmlUnequalBuddy *self, KmlPfn pfn, guint class, KmlPfn part, guint wanted)
{
  while (class > wanted) {
    const KmlPfn right = pfn + self->sizes[class - 1];

    kml_frame_set_own (frame_of (self, right), class);
    if (part >= right) {
      put_block (self, pfn, class - 1);
      pfn = right;
      class = self->rights[class];
    } else {
      put_block (self, right, self->rights[class]);
      class --;
    }
    self->n_steps++;
    self->base.counters[KML_UNEQUAL_SPLITS]++;
  }
  g_assert (pfn == part);
}

KmlAddr
kml_unequal_buddy_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  KmlUnequalBuddy *self = (KmlUnequalBuddy *)base;
  const KmlRam *ram = &base->ram;
  guint wanted;
  KmlFrame *frame;
  Find find;

  g_assert (request->size > 0);
  g_assert (request->size % kml_ram_page_size (ram) == 0);

  self->n_steps = 0;
  find = find_block (self, request);
  if (find.block == KML_PFN_NONE) {
    spend_path (self, ALLOC_INSTRUCTIONS, 0, 0);
    return KML_ADDR_NONE;
  }

  wanted = class_for (self, request->size >> ram->page_shift);
  remove_block (self, find.block);
  split_down (self, find.block, frame_of (self, find.block)->order, find.part, wanted);
  frame = frame_of (self, find.part);
  frame->state = KML_FRAME_USED;
  frame->order = (guint8)wanted;
  frame->mobility = request->mobility;
  frame->n_frames = self->sizes[wanted];
  spend_path (self, ALLOC_INSTRUCTIONS, find.part, frame->n_frames);
  if (request->gfp & KML_GFP_ZERO) {
    kml_spend (base->machine, KML_COST_ZERO_PAGE, frame->n_frames);
    kml_machine_clears (base->machine, ram->store + kml_ram_addr (ram, find.part), request->size);
  }
  *ret_held = (guint64)frame->n_frames << ram->page_shift;
  return kml_ram_addr (ram, find.part);
}

/* ---- Freeing ---- */

/* The other part of what the block was split from, if it is free and whole, and the class of the two
 * together; KML_PFN_NONE otherwise. */
static KmlPfn
free_buddy (const KmlUnequalBuddy *self, KmlPfn pfn, guint class, guint *ret_joined)
{
  const guint origin = kml_frame_own (frame_of (self, pfn));
  const gboolean is_right = origin < self->n_classes && class == self->rights[origin];
  const guint joined = is_right ? origin : class + 1;
  const KmlFrame *frame;
  KmlPfn buddy;

  if (joined == self->n_classes)
    return KML_PFN_NONE;
  buddy = is_right ? pfn - self->sizes[joined - 1] : pfn + self->sizes[class];
  if (buddy >= self->base.ram.n_usable)
    return KML_PFN_NONE;
  frame = frame_of (self, buddy);
  kml_touch_frame (self->base.machine, frame, KML_TOUCH_READ);
  if (frame->state != KML_FRAME_FREE ||
      frame->order != (is_right ? joined - 1 : self->rights[joined]) ||
      (!is_right && kml_frame_own (frame) != joined))
    return KML_PFN_NONE;
  *ret_joined = joined;
  return buddy;
}

guint64
kml_unequal_buddy_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  KmlUnequalBuddy *self = (KmlUnequalBuddy *)base;
  const KmlRam *ram = &base->ram;
  const KmlPfn freed = kml_ram_pfn (ram, addr);
  KmlPfn pfn = freed, buddy, held;
  guint class;

  g_assert (addr < kml_ram_addr (ram, ram->n_usable));
  g_assert (addr % kml_ram_page_size (ram) == 0);
  g_assert (frame_of (self, pfn)->state == KML_FRAME_USED);
  g_assert (!(frame_of (self, pfn)->flags & KML_FRAME_FLAG_SLAB)); /* its owner has it still */

  self->n_steps = 0;
  class = frame_of (self, pfn)->order;
  held = self->sizes[class];
  frame_of (self, pfn)->state = KML_FRAME_TAIL;
  while ((buddy = free_buddy (self, pfn, class, &class)) != KML_PFN_NONE) {
    remove_block (self, buddy);
    pfn = MIN (pfn, buddy);
    self->n_steps++;
  }
  put_block (self, pfn, class);
  base->counters[KML_UNEQUAL_MERGES] += self->n_steps;
  spend_path (self, FREE_INSTRUCTIONS, freed, held);
  return (guint64)held << ram->page_shift;
}

/* ---- What it is called ---- */

static const char *const list_orders[] = { "lifo", "fifo", "address", NULL };

const KmlParam kml_unequal_buddy_params[] = {
  { .name = "max-frames",
    .type = KML_PARAM_COUNT,
    .value = "1024",
    .min = 1,
    .max = 1 << KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (KmlUnequalBuddy, max_frames),
    .summary = "no block is larger than this many page frames" },
  { .name = "list",
    .type = KML_PARAM_CHOICE,
    .value = "lifo",
    .choices = list_orders,
    .offset = G_STRUCT_OFFSET (KmlUnequalBuddy, list_order),
    .summary = "which of several free blocks of one size is taken: the one freed last, first, or "
               "the lowest" },
  { NULL },
};

const KmlCounterInfo kml_unequal_buddy_counters[] = {
  [KML_UNEQUAL_SPLITS] = { "splits", "blocks", "times that a block was made two" },
  [KML_UNEQUAL_MERGES] = { "merges", "blocks", "times that two free buddies were made one block" },
  { NULL },
};
