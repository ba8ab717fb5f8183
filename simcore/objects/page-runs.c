/* page-runs.c: the runs of page frames that an object allocator has from the page level.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/objects/page-runs.h"

#include "simcore/pages/failure.h"

static inline const KmlRam *
ram_of (const KmlPageRuns *self)
{
  return self->owner->machine->ram;
}

static inline KmlFrame *
frame_of (const KmlPageRuns *self, KmlPfn pfn)
{
  return kml_ram_frame (ram_of (self), pfn);
}

/* ---- Runs for objects ---- */

KmlPfn
kml_page_runs_take (KmlPageRuns *self, guint64 size, guint size_class, const KmlRequest *request)
{
  const KmlRequest pages = {
    .size = size,
    .gfp = request->gfp & ~(KmlGfp)(KML_GFP_ZERO | KML_GFP_MOVABLE),
    .site = request->site,
    .cpu = request->cpu,
    .context = request->context,
    .mobility = KML_MOBILITY_UNMOVABLE,
  };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (self->owner->lower, &pages, &held);
  KmlPfn pfn;
  guint32 n_frames;

  g_assert (size_class < KML_PAGE_RUN_LARGE);

  if (addr == KML_ADDR_NONE) {
    kml_failure_note_pages (self->owner->machine, &pages);
    return KML_PFN_NONE;
  }
  pfn = kml_ram_pfn (ram_of (self), addr);
  n_frames = frame_of (self, pfn)->n_frames;
  for (guint32 i = 0; i < n_frames; i++) {
    KmlFrame *frame = frame_of (self, pfn + i);

    kml_touch_frame (self->owner->machine, frame, KML_TOUCH_WRITE);
    frame->flags |= KML_FRAME_FLAG_SLAB;
    frame->slab.head = pfn;
    frame->slab.size_class = (guint16)size_class;
    if (i > 0)
      frame->state = KML_FRAME_TAIL;
  }
  self->end = MAX (self->end, (guint64)pfn + n_frames);
  return pfn;
}

void
kml_page_runs_give_back (KmlPageRuns *self, KmlPfn pfn, const KmlRequest *how)
{
  const guint32 n_frames = frame_of (self, pfn)->n_frames;

  g_assert (frame_of (self, pfn)->slab.head == pfn);

  for (guint32 i = 0; i < n_frames; i++) {
    kml_touch_frame (self->owner->machine, frame_of (self, pfn + i), KML_TOUCH_WRITE);
    frame_of (self, pfn + i)->flags &= (guint8)~KML_FRAME_FLAG_SLAB;
  }
  kml_allocator_free_block (self->owner->lower, kml_ram_addr (ram_of (self), pfn), how);
}

/* ---- Large runs ---- */

static KmlAddr
take_large (KmlPageRuns *self, const KmlRequest *request, guint64 *ret_held)
{
  const KmlRam *ram = ram_of (self);
  const guint64 page_size = kml_ram_page_size (ram);
  KmlConstraints constraints = { 0 };
  KmlRequest pages = *request;
  KmlFrame *frame;
  KmlAddr addr;

  if (request->size > ram->size)
    return KML_ADDR_NONE;
  pages.size = (request->size + page_size - 1) & ~(page_size - 1);
  if (request->constraints != NULL) {
    constraints = *request->constraints;
    if (request->size <= constraints.boundary && constraints.boundary < page_size)
      constraints.boundary = 0; /* what begins with a page crosses none */
    pages.constraints = &constraints;
  }
  addr = kml_allocator_alloc (self->owner->lower, &pages, ret_held);
  if (addr == KML_ADDR_NONE) {
    kml_failure_note_pages (self->owner->machine, &pages);
    return KML_ADDR_NONE;
  }

  frame = frame_of (self, kml_ram_pfn (ram, addr));
  kml_touch_frame (self->owner->machine, frame, KML_TOUCH_WRITE);
  frame->flags |= KML_FRAME_FLAG_SLAB;
  frame->slab.head = kml_ram_pfn (ram, addr);
  frame->slab.size_class = KML_PAGE_RUN_LARGE;
  self->n_large++;
  self->end = MAX (self->end, (guint64)frame->slab.head + frame->n_frames);
  return addr;
}

KmlAddr
kml_page_runs_alloc_large (KmlPageRuns *self, const KmlRequest *request, guint64 *ret_held)
{
  const KmlAddr addr = take_large (self, request, ret_held);

  kml_spend (self->owner->machine, KML_COST_INSTRUCTION, self->large_instructions);
  self->owner->counters[self->large_counter] += addr != KML_ADDR_NONE;
  return addr;
}

guint64
kml_page_runs_free_large (KmlPageRuns *self, KmlAddr addr, const KmlRequest *how)
{
  KmlFrame *frame = frame_of (self, kml_ram_pfn (ram_of (self), addr));

  g_assert (addr == kml_ram_addr (ram_of (self), frame->slab.head));
  g_assert (self->n_large > 0);

  kml_spend (self->owner->machine, KML_COST_INSTRUCTION, self->large_instructions);
  kml_touch_frame (self->owner->machine, frame, KML_TOUCH_WRITE);
  frame->flags &= (guint8)~KML_FRAME_FLAG_SLAB;
  self->n_large--;
  return kml_allocator_free_block (self->owner->lower, addr, how);
}

guint64
kml_page_runs_size_of_large (const KmlPageRuns *self, KmlAddr addr)
{
  const KmlFrame *frame = frame_of (self, kml_ram_pfn (ram_of (self), addr));

  g_assert (addr == kml_ram_addr (ram_of (self), frame->slab.head));

  return (guint64)frame->n_frames << ram_of (self)->page_shift;
}

/* ---- Looking at them ---- */

gboolean
kml_page_runs_next (const KmlPageRuns *self, KmlPfn *pfn)
{
  const KmlFrame *const frames = frame_of (self, 0);
  KmlPfn at = *pfn;

  while (at < self->end &&
         !((frames[at].flags & KML_FRAME_FLAG_SLAB) && frames[at].slab.head == at))
    at++;
  *pfn = at;
  return at < self->end;
}

static gboolean
is_large (const KmlPageRuns *self, KmlPfn pfn)
{
  return frame_of (self, pfn)->slab.size_class == KML_PAGE_RUN_LARGE;
}

gboolean
kml_page_runs_next_own (const KmlPageRuns *self, KmlPfn *pfn)
{
  for (; kml_page_runs_next (self, pfn); *pfn += frame_of (self, *pfn)->n_frames)
    if (!is_large (self, *pfn))
      return TRUE;
  return FALSE;
}

void
kml_page_runs_walk (const KmlPageRuns *self, KmlRunWalkFunc walk_own, KmlWalkFunc func,
                    gpointer user_data)
{
  const KmlRam *ram = ram_of (self);

  for (KmlPfn pfn = 0; kml_page_runs_next (self, &pfn); pfn += frame_of (self, pfn)->n_frames)
    if (is_large (self, pfn))
      func (kml_ram_addr (ram, pfn), (guint64)frame_of (self, pfn)->n_frames << ram->page_shift,
            KML_BLOCK_USED, user_data);
    else
      walk_own (self->owner, pfn, func, user_data);
}

gboolean
kml_page_runs_check (const KmlPageRuns *self, GError **error)
{
  guint64 n_large = 0;

  for (KmlPfn pfn = 0; kml_page_runs_next (self, &pfn); pfn += frame_of (self, pfn)->n_frames) {
    const KmlFrame *first = frame_of (self, pfn);

    if (first->state != KML_FRAME_USED || first->n_frames == 0)
      return kml_allocator_broken ("R1", "frame", pfn, error);
    for (guint32 i = 1; !is_large (self, pfn) && i < first->n_frames; i++) {
      const KmlFrame *frame = frame_of (self, pfn + i);

      if (frame->slab.head != pfn || !(frame->flags & KML_FRAME_FLAG_SLAB) ||
          frame->slab.size_class != first->slab.size_class)
        return kml_allocator_broken ("R1", "frame", pfn + i, error);
    }
    n_large += is_large (self, pfn);
  }
  if (n_large != self->n_large)
    return kml_allocator_broken ("R2", "run", n_large, error);
  return TRUE;
}
