/* per-cpu-pages-check.c: the blocks of per-CPU page lists, and their invariants.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/per-cpu-pages.h"

typedef struct {
  const PerCpuPages *self;
  KmlWalkFunc func;
  gpointer user_data;
} Walk;

static void
walk_block (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  const Walk *walk = user_data;
  const KmlFrame *frame = frame_at (walk->self, kml_ram_pfn (&walk->self->base.ram, start));

  if (state == KML_BLOCK_USED && (frame->flags & KML_FRAME_FLAG_SLAB) == 0 &&
      frame->words[2] == MARK)
    state = KML_BLOCK_FREE;
  walk->func (start, size, state, walk->user_data);
}

void
per_cpu_pages_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  Walk walk = { (const PerCpuPages *)base, func, user_data };

  base->lower->ops->walk (base->lower, walk_block, &walk);
}

/* C1. Adds up the pages of the list, which are no more than @most. */
static gboolean
count_pages (const PerCpuPages *self, const List *list, guint order, guint64 most, guint64 *n)
{
  for (KmlPfn pfn = list->first; pfn != KML_PFN_NONE;
       pfn = (KmlPfn)frame_at (self, pfn)->words[0]) {
    const KmlFrame *frame = frame_at (self, pfn);

    if (frame->state != KML_FRAME_USED || frame->n_frames != 1u << order || frame->words[2] != MARK)
      return FALSE;
    *n += frame->n_frames;
    if (*n > most)
      return TRUE; /* C2, or the list is a ring */
  }
  return TRUE;
}

gboolean
per_cpu_pages_check (const KmlAllocator *base, GError **error)
{
  const PerCpuPages *self = (const PerCpuPages *)base;

  for (guint i = 0; i < base->machine->n_cpus; i++) {
    const Cpu *cpu = &self->cpus[i];
    guint64 n = 0, limit = self->high;

    for (guint j = 0; j < N_LISTS; j++) {
      const guint order = order_of_list (j);

      if (!count_pages (self, &cpu->lists[j], order, cpu->n_pages, &n))
        return kml_allocator_broken ("C1", "CPU", i, error);
      if (has_lists_of (self, order))
        limit += n_to_fetch (self, order) << order;
    }
    if (n != cpu->n_pages || n >= limit)
      return kml_allocator_broken ("C2", "CPU", i, error);
  }
  return base->lower->ops->check (base->lower, error);
}
