/* segregated-life.c: slabs are made, listed, used, given back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/segregated.h"

/* Estimates, as those of segregated.c. */
#define LIST_INSTRUCTIONS   60 /* to put a slab on a list or take it off */
#define CREATE_INSTRUCTIONS 150

/* ---- Lists of slabs ---- */

/* With a cache model: the list, a slab on it and its neighbours. */
static void
touch_links (const Segregated *self, const SlabList *list, KmlPfn pfn)
{
  kml_touch (self->base.machine,
             self->statics + (KmlAddr)((const guint8 *)list - (const guint8 *)self->bins),
             sizeof *list, KML_TOUCH_WRITE);
  kml_frame_list_touch (self->base.machine, ram_of (self), pfn);
}

static void
list_add (Segregated *self, SlabList *list, KmlPfn pfn, gboolean at_front)
{
  kml_frame_list_insert (&list->slabs, ram_of (self), pfn, at_front);
  list->n++;
  if (kml_has_caches (self->base.machine))
    touch_links (self, list, pfn);
}

static void
list_remove (Segregated *self, SlabList *list, KmlPfn pfn)
{
  kml_frame_list_remove (&list->slabs, ram_of (self), pfn);
  list->n--;
  if (kml_has_caches (self->base.machine))
    touch_links (self, list, pfn);
}

static void
spend_slow (Segregated *self, guint instructions)
{
  KmlMachine *machine = self->base.machine;

  kml_spend (machine, KML_COST_LOCK, 1);
  kml_spend (machine, KML_COST_INSTRUCTION, instructions);
  kml_spend_references (machine, KML_COST_WARM, 2); /* the slab's record and its neighbour's */
}

/* ---- Making and giving back slabs ---- */

static void
init_slab (Segregated *self, Bin *bin, KmlPfn pfn)
{
  KmlFrame *slab = frame_of (self, pfn);
  const guint64 size = (guint64)slab->n_frames << ram_of (self)->page_shift;

  slab->slab.next = KML_PFN_NONE;
  slab->slab.prev = KML_PFN_NONE;
  slab->slab.n_used = 0;
  slab->slab.first_free = 0;
  slab->slab.n_fresh = 0;
  slab->slab.n_objects = (guint16)MIN (size / bin->object_size, KML_SLAB_MAX_OBJECTS);
  bin->n_slabs++;
  bin->n_frames += slab->n_frames;
  bin->n_objects += slab->slab.n_objects;
  self->base.metadata_bytes += tail_of (self, bin, slab);
  self->base.counters[COUNTER_SLABS_NEW]++;
}

/* KML_PFN_NONE: the page level has nothing. */
static KmlPfn
create_slab (Segregated *self, Bin *bin, const KmlRequest *request)
{
  const guint64 page_size = kml_ram_page_size (ram_of (self));
  const guint number = (guint)(bin - self->bins);
  KmlPfn pfn = kml_page_runs_take (&self->runs, page_size << bin->order, number, request);

  spend_slow (self, CREATE_INSTRUCTIONS);
  if (pfn == KML_PFN_NONE && bin->least_order < bin->order) {
    pfn = kml_page_runs_take (&self->runs, page_size << bin->least_order, number, request);
    if (pfn != KML_PFN_NONE)
      self->base.counters[COUNTER_SLABS_SMALL]++;
  }
  if (pfn != KML_PFN_NONE)
    init_slab (self, bin, pfn);
  return pfn;
}

static void
release_slab (Segregated *self, Bin *bin, KmlPfn pfn, const KmlRequest *how)
{
  const KmlFrame *slab = frame_of (self, pfn);

  g_assert (slab->slab.n_used == 0);

  bin->n_slabs--;
  bin->n_frames -= slab->n_frames;
  bin->n_objects -= slab->slab.n_objects;
  self->base.metadata_bytes -= tail_of (self, bin, slab);
  self->base.counters[COUNTER_SLABS_GIVEN_BACK]++;
  kml_page_runs_give_back (&self->runs, pfn, how);
}

guint64
segregated_move_slab (Segregated *self, Bin *bin, KmlPfn pfn, const KmlRequest *how)
{
  const KmlFrame *slab = frame_of (self, pfn);
  const gboolean was_full = slab->slab.n_used + 1 == slab->slab.n_objects;

  spend_slow (self, LIST_INSTRUCTIONS);
  if (slab->slab.n_used > 0) {
    list_add (self, &bin->partial, pfn, self->list_order == LIST_LIFO);
    return bin->object_size;
  }
  if (!was_full)
    list_remove (self, &bin->partial, pfn);
  if (bin->empty.n < self->keep)
    list_add (self, &bin->empty, pfn, TRUE);
  else
    release_slab (self, bin, pfn, how);
  return bin->object_size;
}

/* ---- The slab that objects are taken from ---- */

void
segregated_set_current (const Segregated *self, Bin *bin, KmlPfn pfn)
{
  bin->current = pfn;
  bin->slab = frame_of (self, pfn);
  bin->start = kml_ram_addr (ram_of (self), pfn);
  bin->objects = ram_of (self)->store + bin->start;
}

/* The host's cache gets what the next operation will touch: objects and records of partial
 * slabs were left alone for long. It saves the host time and changes nothing else; a link of 0
 * fetches something harmless. */
static inline void
fetch_object (const Segregated *self, const Bin *bin, KmlPfn pfn, guint link)
{
  const KmlRam *ram = ram_of (self);

  __builtin_prefetch (ram->store + kml_ram_addr (ram, pfn) + (guint64)link * bin->object_size -
                          bin->object_size,
                      1);
}

/* The first partial slab's record was fetched when it became second: its first object is known. */
static void
fetch_next_slab (const Segregated *self, const Bin *bin)
{
  const KmlFrame *slab;

  if (bin->partial.n < 2)
    return;
  slab = frame_of (self, bin->partial.slabs.first);
  fetch_object (self, bin, bin->partial.slabs.first, slab->slab.first_free);
  __builtin_prefetch (frame_of (self, slab->slab.next), 1);
}

gboolean
segregated_refill (Segregated *self, Bin *bin, const KmlRequest *request)
{
  KmlPfn pfn;

  self->base.counters[COUNTER_REFILLS]++;
  spend_slow (self, LIST_INSTRUCTIONS);
  if (bin->partial.n > 0) {
    pfn = bin->partial.slabs.first;
    list_remove (self, &bin->partial, pfn);
    fetch_next_slab (self, bin);
  } else if (bin->empty.n > 0) {
    pfn = bin->empty.slabs.first;
    list_remove (self, &bin->empty, pfn);
  } else {
    pfn = create_slab (self, bin, request);
    if (pfn == KML_PFN_NONE)
      return FALSE;
  }
  segregated_set_current (self, bin, pfn);
  return TRUE;
}

/* ---- When memory is out ---- */

void
segregated_shrink (KmlAllocator *base)
{
  Segregated *self = (Segregated *)base;
  const KmlRequest how = { 0 };

  for (guint i = 0; i < self->n_bins; i++) {
    Bin *bin = &self->bins[i];
    const KmlPfn current = bin->current;

    while (bin->empty.n > 0) {
      const KmlPfn pfn = bin->empty.slabs.first;

      list_remove (self, &bin->empty, pfn);
      release_slab (self, bin, pfn, &how);
    }
    if (current != ram_of (self)->n_usable && frame_of (self, current)->slab.n_used == 0) {
      segregated_set_current (self, bin, ram_of (self)->n_usable);
      release_slab (self, bin, current, &how);
    }
  }
}
