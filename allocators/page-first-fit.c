/* page-first-fit.c: the first run of page frames that is long enough.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Donald E. Knuth, The Art of Computer Programming, vol. 1, section 2.5, algorithms A and C. What memory is like
 * without buddies: blocks are as long as was asked for, begin anywhere, and join whatever is free beside
 * them.
 *
 * 1. Runs
 *
 * Memory is used and free *runs* of frames. Free runs are on one list. A request takes the first of the list that is
 * long enough, from its lower end, and what remains keeps its place; a free run is never next to
 * another, since a freed run is joined with its neighbours at once.
 *
 *     frame   0   1   2   3   4   5   6   7   8   9
 *            [ used    ] [ free      ] [ used ] [free ]       2 is freed: [3 ... 6] + [7] + [8, 9]
 *
 * 2. The order of the list
 *
 *   address  lowest first. Short runs gather at the beginning, long ones stay at the end, so it does much
 *            like best fit; but a freed run without free neighbours looks for its place
 *   lifo     freed last first. A run that was joined is as new as what was freed
 *   fifo     freed first first. The same at the other end
 *
 * 3. Boundary tags
 *
 * The record of a run's first frame has its length. That of a free run's *last* frame says that it is one
 * (flag PAGE_FIRST_FIT_LAST), and the length, too. So whoever frees a run finds its neighbours in two looks, as with
 * the tags of algorithm C; used runs need no tag at their end.
 *
 * 4. The list on the host
 *
 * A search by looking at one run after the other takes as long on the host as in the model. The list is an index
 * (simcore/memory/fit-index.h) here, which finds the first fit in logarithmic time and says how many runs
 * the search of the textbook would have looked at; that is what it costs.
 *
 * 5. Decisions
 *
 * - The lower end of a run is given. Knuth gives the upper one, which spares linking the rest anew (two records); but what
 *   is used is to gather at the low end, as it does in a kernel.
 * - A request with constraints takes the first run in which they can be kept, from the lowest frame that keeps them;
 *   what is below remains where it was in the list, what is above is a new run behind it (address), or a
 *   run freed just now (lifo, fifo).
 *
 * 6. Costs
 *
 * The lock; a warm record for each run that was looked at, for the run, for each neighbour, and for each frame whose flags
 * are checked as in buddy.c. The numbers of instructions are at their definition.
 *
 * 7. Not modelled
 *
 * Mobility; a roving pointer (next fit).
 *
 * 8. Invariants, verified by page_first_fit_check()
 *
 *   F1  the runs tile [0, n_usable)
 *   F2  no two free runs are neighbours
 *   F3  the last frame of a free run, and of no other, has the flag and the length
 *   F4  each free run is in the list, with its length and number, and no other is; by address they ascend
 *   F5  the free area counts the free runs
 */

#include "allocators/page-first-fit.h"

#include "allocators/frame-check.h"

/* Estimates from reading the paths without what only a simulation does: to take from a run or put one
 * back, per run looked at, and per run joined or cut in two. */
#define ALLOC_INSTRUCTIONS 45
#define FREE_INSTRUCTIONS  45
#define LOOK_INSTRUCTIONS  4
#define STEP_INSTRUCTIONS  20

/* ---- Free runs ---- */

static guint32
new_number (PageFirstFit *self)
{
  guint32 number;

  if (G_UNLIKELY (self->unused == 0)) {
    const guint32 first = MAX (self->n_room, 1);

    self->n_room = MAX (2 * self->n_room, 64);
    self->firsts = g_renew (KmlPfn, self->firsts, self->n_room);
    for (guint32 i = self->n_room - 1; i >= first; i--) {
      self->firsts[i] = self->unused;
      self->unused = i;
    }
  }
  number = self->unused;
  self->unused = self->firsts[number];
  return number;
}

/* Writes what the records of its ends say of a free run. */
static void
write_tags (PageFirstFit *self, KmlPfn pfn, KmlPfn n_frames, guint32 number)
{
  KmlFrame *first = frame_of (self, pfn);
  KmlFrame *last = frame_of (self, pfn + n_frames - 1);

  kml_touch_frame (self->base.machine, first, KML_TOUCH_WRITE);
  kml_touch_frame (self->base.machine, last, KML_TOUCH_WRITE);
  last->state = KML_FRAME_TAIL;
  last->flags = PAGE_FIRST_FIT_LAST;
  last->n_frames = n_frames;
  if (first != last)
    first->flags = 0;
  first->state = KML_FRAME_FREE;
  first->n_frames = n_frames;
  first->free.next = number;
}

static void
put_run (PageFirstFit *self, KmlPfn pfn, KmlPfn n_frames)
{
  const guint32 number = new_number (self);
  guint64 key = pfn;

  if (self->list_order == ORDER_LIFO)
    key = G_MAXUINT64 - self->next_key++;
  else if (self->list_order == ORDER_FIFO)
    key = self->next_key++;
  self->firsts[number] = pfn;
  kml_fit_index_insert (&self->list, number, key, n_frames);
  write_tags (self, pfn, n_frames, number);
  kml_free_area_add_run (self->base.free_area, pfn, n_frames, KML_MOBILITY_UNMOVABLE);
}

/* With a cache model: the records of the ends of a run. */
static void
touch_ends (const PageFirstFit *self, const KmlFrame *first)
{
  kml_touch_frame (self->base.machine, first, KML_TOUCH_WRITE);
  kml_touch_frame (self->base.machine, first + first->n_frames - 1, KML_TOUCH_WRITE);
}

/* The run is no longer one; its frames are inner ones until something else is written. */
static void
remove_run (PageFirstFit *self, KmlPfn pfn)
{
  KmlFrame *frame = frame_of (self, pfn);
  const guint32 number = frame->free.next;

  touch_ends (self, frame);
  kml_free_area_remove_run (self->base.free_area, pfn, frame->n_frames, KML_MOBILITY_UNMOVABLE);
  kml_fit_index_remove (&self->list, number);
  self->firsts[number] = self->unused;
  self->unused = number;
  frame_of (self, pfn + frame->n_frames - 1)->flags = 0;
  frame->state = KML_FRAME_TAIL;
}

/* The free run at @old has other ends, and its place in the list. */
static void
move_run (PageFirstFit *self, KmlPfn old, KmlPfn pfn, KmlPfn n_frames)
{
  KmlFrame *frame = frame_of (self, old);
  const guint32 number = frame->free.next;
  KmlFreeArea *area = self->base.free_area;

  touch_ends (self, frame);
  kml_free_area_remove_run (area, old, frame->n_frames, KML_MOBILITY_UNMOVABLE);
  frame_of (self, old + frame->n_frames - 1)->flags = 0;
  frame->state = KML_FRAME_TAIL;
  kml_fit_index_change (&self->list, number,
                        self->list_order == ORDER_ADDRESS ? pfn : self->list.nodes[number].key,
                        n_frames);
  self->firsts[number] = pfn;
  write_tags (self, pfn, n_frames, number);
  kml_free_area_add_run (area, pfn, n_frames, KML_MOBILITY_UNMOVABLE);
}

/* ---- Setting up ---- */

static gboolean
page_first_fit_init (KmlAllocator *base, GError **error)
{
  PageFirstFit *self = (PageFirstFit *)base;

  self->statics = kml_machine_statics (base->machine, 2 * sizeof (KmlPfn));
  kml_fit_index_init (&self->list, FALSE);
  kml_frame_check_init (base);
  put_run (self, 0, base->ram.n_usable);
  return TRUE;
}

static gboolean
page_first_fit_remember (KmlAllocator *base, KmlImage *image)
{
  PageFirstFit *self = (PageFirstFit *)base;

  kml_fit_index_remember (&self->list, image);
  kml_image_add_block (image, &self->firsts, self->n_room * sizeof *self->firsts);
  return TRUE;
}

static void
page_first_fit_finish (KmlAllocator *base)
{
  PageFirstFit *self = (PageFirstFit *)base;

  kml_fit_index_clear (&self->list);
  g_clear_pointer (&self->firsts, g_free);
}

/* ---- Finding a run ---- */

/* The lowest frame of the run from which on the request fits and keeps its constraints, or KML_PFN_NONE. */
static KmlPfn
suitable_frame (const PageFirstFit *self, const KmlRequest *request, KmlPfn first, KmlPfn n_frames)
{
  const KmlRam *ram = &self->base.ram;
  const KmlConstraints *constraints = request->constraints;
  const guint64 alignment = MAX (constraints->alignment, 1), boundary = constraints->boundary;
  guint64 end = kml_ram_addr (ram, first) + kml_ram_addr (ram, n_frames);
  guint64 addr = (kml_ram_addr (ram, first) + alignment - 1) & ~(alignment - 1);

  if (constraints->limit != 0)
    end = MIN (end, constraints->limit);
  if (boundary != 0 && addr / boundary != (addr + request->size - 1) / boundary)
    addr = (addr + MAX (alignment, boundary) - 1) & ~(MAX (alignment, boundary) - 1);
  return addr < end && request->size <= end - addr ? kml_ram_pfn (ram, addr) : KML_PFN_NONE;
}

/* A run's number, and where in it the request begins. 0: there is none. */
static guint32
find_suitable (PageFirstFit *self, const KmlRequest *request, guint64 n_frames, KmlPfn *ret_pfn)
{
  guint32 number;

  if (request->constraints->boundary != 0 && request->size > request->constraints->boundary)
    return 0;
  for (number = kml_fit_index_first (&self->list, n_frames); number != 0;) {
    const KmlPfn first = self->firsts[number];
    const guint32 next = kml_fit_index_next (&self->list, number);

    *ret_pfn = suitable_frame (self, request, first, frame_of (self, first)->n_frames);
    if (*ret_pfn != KML_PFN_NONE)
      return number;
    number = next == 0 ? 0 : kml_fit_index_first_from (&self->list, next, n_frames);
  }
  return 0;
}

static guint32
find_run (PageFirstFit *self, const KmlRequest *request, KmlPfn *ret_pfn)
{
  const guint64 n_frames = request->size >> self->base.ram.page_shift;
  guint32 number;

  if (G_UNLIKELY (request->constraints != NULL)) {
    number = find_suitable (self, request, n_frames, ret_pfn);
  } else {
    number = kml_fit_index_first (&self->list, n_frames);
    *ret_pfn = number == 0 ? KML_PFN_NONE : self->firsts[number];
  }
  self->n_looked = kml_fit_index_looked (&self->list, number);
  return number;
}

/* ---- Allocating ---- */

/* @pfn: whose frames' flags are checked. A search costs a warm reference a run with a cache model, too: which runs
 * it passes is not looked at (kml_fit_index_looked() counts them). */
static void
spend_path (PageFirstFit *self, guint instructions, KmlPfn pfn, guint64 n_frames)
{
  KmlMachine *machine = self->base.machine;

  kml_spend (machine, KML_COST_LOCK, 1);
  kml_spend_references (machine, KML_COST_HOT, 1); /* the list's head */
  kml_touch (machine, self->statics, 2 * sizeof (KmlPfn), KML_TOUCH_WRITE);
  kml_spend (machine, KML_COST_INSTRUCTION,
             instructions + self->n_looked * LOOK_INSTRUCTIONS + self->n_steps * STEP_INSTRUCTIONS);
  kml_spend (machine, KML_COST_WARM, self->n_looked);
  kml_spend_references (machine, KML_COST_WARM, 2 * self->n_steps);
  kml_frame_check (&self->base, n_frames);
  if (n_frames > 0)
    kml_touch_stored (machine, frame_of (self, pfn), n_frames * sizeof (KmlFrame), KML_TOUCH_WRITE);
  self->base.counters[COUNTER_LOOKED] += self->n_looked;
}

/* Takes [pfn, pfn + n_frames) out of the free run that it is a part of. */
static void
cut (PageFirstFit *self, KmlPfn first, KmlPfn pfn, KmlPfn n_frames)
{
  const KmlPfn n_all = frame_of (self, first)->n_frames;
  const KmlPfn n_below = pfn - first;
  const KmlPfn n_above = n_all - n_below - n_frames;

  self->n_steps = (n_below > 0) + (n_above > 0);
  self->base.counters[COUNTER_SPLITS] += self->n_steps;
  if (n_below > 0) {
    move_run (self, first, first, n_below);
    if (n_above > 0)
      put_run (self, pfn + n_frames, n_above);
  } else if (n_above > 0) {
    move_run (self, first, pfn + n_frames, n_above);
  } else {
    remove_run (self, first);
  }
}

static void
use_run (PageFirstFit *self, KmlPfn pfn, KmlPfn n_frames, guint8 mobility)
{
  KmlFrame *frame = frame_of (self, pfn);

  frame->state = KML_FRAME_USED;
  frame->mobility = mobility;
  frame->flags = 0;
  frame->n_frames = n_frames;
}

static KmlAddr
page_first_fit_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  PageFirstFit *self = (PageFirstFit *)base;
  const KmlRam *ram = &base->ram;
  guint32 number;
  KmlPfn pfn, n_frames;

  g_assert (request->size > 0);
  g_assert (request->size % kml_ram_page_size (ram) == 0);

  self->n_steps = 0;
  number = find_run (self, request, &pfn);
  if (number == 0) {
    spend_path (self, ALLOC_INSTRUCTIONS, 0, 0);
    return KML_ADDR_NONE;
  }
  n_frames = (KmlPfn)(request->size >> ram->page_shift);
  cut (self, self->firsts[number], pfn, n_frames);
  use_run (self, pfn, n_frames, request->mobility);
  spend_path (self, ALLOC_INSTRUCTIONS, pfn, n_frames);
  if (request->gfp & KML_GFP_ZERO)
    kml_clear (base->machine, ram, kml_ram_addr (ram, pfn), request->size);
  *ret_held = request->size;
  return kml_ram_addr (ram, pfn);
}

/* ---- Freeing ---- */

/* The frame of a live run that begins at @addr. */
static KmlPfn
live_run (const PageFirstFit *self, KmlAddr addr)
{
  const KmlRam *ram = &self->base.ram;
  const KmlPfn pfn = kml_ram_pfn (ram, addr);

  g_assert (addr < kml_ram_addr (ram, ram->n_usable));
  g_assert (addr % kml_ram_page_size (ram) == 0);
  g_assert (frame_of (self, pfn)->state == KML_FRAME_USED);
  g_assert (!(frame_of (self, pfn)->flags & KML_FRAME_FLAG_SLAB)); /* its owner has it still */
  return pfn;
}

/* The free run that ends below @pfn, or KML_PFN_NONE. */
static KmlPfn
run_below (const PageFirstFit *self, KmlPfn pfn)
{
  if (pfn == 0 || !(frame_of (self, pfn - 1)->flags & PAGE_FIRST_FIT_LAST))
    return KML_PFN_NONE;
  return pfn - frame_of (self, pfn - 1)->n_frames;
}

/* The free run that begins at @pfn, or KML_PFN_NONE. */
static KmlPfn
run_at (const PageFirstFit *self, KmlPfn pfn)
{
  if (pfn == self->base.ram.n_usable || frame_of (self, pfn)->state != KML_FRAME_FREE)
    return KML_PFN_NONE;
  return pfn;
}

/* Puts [pfn, pfn + n_frames) into the list of addresses: into the place of a neighbour that it joins, or where a
 * search from the beginning comes to. */
static void
free_by_address (PageFirstFit *self, KmlPfn pfn, KmlPfn n_frames, KmlPfn below, KmlPfn above)
{
  const KmlPfn first = below != KML_PFN_NONE ? below : pfn;
  const KmlPfn n_above = above != KML_PFN_NONE ? frame_of (self, above)->n_frames : 0;
  const KmlPfn n_all = pfn - first + n_frames + n_above;

  if (below != KML_PFN_NONE && above != KML_PFN_NONE)
    remove_run (self, above);
  if (below != KML_PFN_NONE || above != KML_PFN_NONE) {
    move_run (self, below != KML_PFN_NONE ? below : above, first, n_all);
    return;
  }
  put_run (self, pfn, n_frames);
  self->n_looked = kml_fit_index_rank (&self->list, frame_of (self, pfn)->free.next);
}

/* The same with a list whose order is that of freeing. */
static void
free_by_time (PageFirstFit *self, KmlPfn pfn, KmlPfn n_frames, KmlPfn below, KmlPfn above)
{
  const KmlPfn first = below != KML_PFN_NONE ? below : pfn;

  if (above != KML_PFN_NONE) {
    n_frames += frame_of (self, above)->n_frames;
    remove_run (self, above);
  }
  if (below != KML_PFN_NONE)
    remove_run (self, below);
  put_run (self, first, pfn - first + n_frames);
}

static guint64
page_first_fit_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  PageFirstFit *self = (PageFirstFit *)base;
  const KmlPfn pfn = live_run (self, addr);
  const KmlPfn n_frames = frame_of (self, pfn)->n_frames;
  const KmlPfn below = run_below (self, pfn);
  const KmlPfn above = run_at (self, pfn + n_frames);

  if (pfn > 0)
    kml_touch_frame (base->machine, frame_of (self, pfn - 1), KML_TOUCH_READ);
  if (pfn + n_frames < base->ram.n_usable)
    kml_touch_frame (base->machine, frame_of (self, pfn + n_frames), KML_TOUCH_READ);
  self->n_looked = 0;
  self->n_steps = (below != KML_PFN_NONE) + (above != KML_PFN_NONE);
  base->counters[COUNTER_MERGES] += self->n_steps;
  frame_of (self, pfn)->state = KML_FRAME_TAIL;
  if (self->list_order == ORDER_ADDRESS)
    free_by_address (self, pfn, n_frames, below, above);
  else
    free_by_time (self, pfn, n_frames, below, above);
  spend_path (self, FREE_INSTRUCTIONS, pfn, n_frames);
  kml_spend_references (base->machine, KML_COST_WARM, 2); /* the neighbours' records */
  return (guint64)n_frames << base->ram.page_shift;
}

static gboolean
page_first_fit_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  PageFirstFit *self = (PageFirstFit *)base;
  const KmlPfn pfn = live_run (self, addr);
  const KmlFrame frame = *frame_of (self, pfn);
  const KmlPfn n_piece = (KmlPfn)(piece >> base->ram.page_shift);

  g_assert (n_piece > 0 && n_piece < frame.n_frames);
  g_assert (frame.n_frames % n_piece == 0);

  for (KmlPfn at = 0; at < frame.n_frames; at += n_piece) {
    kml_touch_frame (base->machine, frame_of (self, pfn + at), KML_TOUCH_WRITE);
    use_run (self, pfn + at, n_piece, frame.mobility);
  }
  kml_spend (base->machine, KML_COST_INSTRUCTION,
             frame.n_frames / n_piece * KML_FRAME_INSTRUCTIONS);
  kml_spend_references (base->machine, KML_COST_WARM, frame.n_frames / n_piece);
  return TRUE;
}

/* ---- What it is called ---- */

static const char *const list_orders[] = { "address", "lifo", "fifo", NULL };

static const KmlParam page_first_fit_params[] = {
  { .name = "list",
    .type = KML_PARAM_CHOICE,
    .value = "address",
    .choices = list_orders,
    .offset = G_STRUCT_OFFSET (PageFirstFit, list_order),
    .summary = "the order of the free list: by address, or what was freed last, or first, comes "
               "first" },
  { NULL },
};

static const KmlCounterInfo page_first_fit_counters[] = {
  [COUNTER_LOOKED] = { "looked", "runs", "free runs that searches of the list looked at" },
  [COUNTER_SPLITS] = { "splits", "runs", "parts of free runs that were left over by requests" },
  [COUNTER_MERGES] = { "merges", "runs", "free neighbours that freed runs were joined with" },
  { NULL },
};

static const KmlAllocatorOps page_first_fit_ops = {
  .name = "page-first-fit",
  .summary = "the first run of page frames that is long enough",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (PageFirstFit),
  .params = page_first_fit_params,
  .counters = page_first_fit_counters,
  .init = page_first_fit_init,
  .finish = page_first_fit_finish,
  .alloc = page_first_fit_alloc,
  .free = page_first_fit_free,
  .split = page_first_fit_split,
  .remember = page_first_fit_remember,
  .walk = page_first_fit_walk,
  .state = page_first_fit_state,
  .check = page_first_fit_check,
};

KML_REGISTER_ALLOCATOR (page_first_fit_ops)
