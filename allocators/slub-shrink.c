/* slub-shrink.c: CPUs give up the slabs that they have.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A slab that a CPU takes objects from is given up when a second one has come meanwhile, and all are when memory is out: Linux's deactivate_slab() and
 * kmem_cache_shrink(). What a CPU has nobody else touches, so on a machine with tasks each is asked to by an interrupt (Linux asks by a work item since 5.15). Whoever
 * does it there gives no pages back, but makes all of them the node's; who has asked gives back what is empty then, with no lock held.
 */

#include "allocators/slub.h"
#include "simcore/tasks/ipi.h"

/* An estimate, as those of slub-life.c: for each object of a CPU's list that goes back to its slab. */
#define DETACH_INSTRUCTIONS 3

/* ---- The slab that a CPU takes objects from ---- */

/* What the CPU had left of its own list lies before what others have freed meanwhile. */
static void
join_lists (Slub *self, const SlubCache *cache, SlubCpu *cpu)
{
  KmlFrame *slab = frame_of (self, cpu->pfn);
  guint link = cpu->first_free, last = 0, n = 0;
  KmlAddr addr;

  for (; link != 0; n++) {
    last = link;
    slub_next (self, cache, cpu->pfn, &link);
  }
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, (guint64)n * DETACH_INSTRUCTIONS);
  if (n == 0)
    return;
  addr = object_of (self, cache, cpu->pfn, last - 1);
  slub_store (self, cache, addr, slub_guard_of (addr) | slab->slab.first_free);
  slab->slab.first_free = cpu->first_free;
  slab->slab.n_used -= (guint16)n;
  cpu->first_free = 0;
}

/* Takes it from the CPU. KML_PFN_NONE: it has none. *@ret_is_own: nobody else has freed to it. */
static KmlPfn
detach_slab (Slub *self, SlubCache *cache, SlubCpu *cpu, gboolean *ret_is_own)
{
  const KmlPfn pfn = cpu->pfn;

  if (pfn == KML_PFN_NONE)
    return KML_PFN_NONE;
  slub_meet (self, pfn);
  *ret_is_own = frame_of (self, pfn)->slab.first_free == 0;
  slub_spend_exchange (self, frame_of (self, pfn), SLUB_UNFREEZE_INSTRUCTIONS);
  join_lists (self, cache, cpu);
  cpu->pfn = KML_PFN_NONE;
  cache->n_moving++;
  return pfn;
}

/* One with free objects, that is frozen and on its way. */
static void
give_to_node (Slub *self, SlubCache *cache, KmlPfn pfn, gboolean at_front, const KmlRequest *how)
{
  gboolean is_unwanted;

  slub_lock_node (self, cache);
  slub_meet (self, pfn);
  is_unwanted = slub_is_unwanted (self, cache, pfn, how);
  if (!is_unwanted) {
    slub_spend_node_lock (self, cache);
    frame_of (self, pfn)->slab.is_frozen = FALSE;
    cache->n_moving--;
    slub_add_partial (self, cache, pfn, at_front);
  }
  slub_unlock_node (self, cache);
  if (is_unwanted)
    slub_discard_slab (self, cache, pfn, how);
}

void
slub_deactivate (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *how)
{
  gboolean is_own = FALSE;
  KmlPfn pfn;

  slub_enter (self);
  pfn = detach_slab (self, cache, cpu, &is_own);
  slub_leave (self);
  if (pfn == KML_PFN_NONE)
    return;
  slub_meet (self, pfn);
  if (frame_of (self, pfn)->slab.first_free != 0) {
    give_to_node (self, cache, pfn, is_own, how);
  } else { /* full: nobody keeps it */
    frame_of (self, pfn)->slab.is_frozen = FALSE;
    cache->n_moving--;
  }
}

/* ---- All that CPUs have ---- */

/* Also what is empty becomes the node's. */
static void
flush (Slub *self, guint cpu)
{
  for (guint i = 0; i < self->n_caches; i++) {
    SlubCache *cache = &self->caches[i];

    slub_deactivate (self, cache, &cache->cpus[cpu], NULL);
    slub_unfreeze_all (self, cache, &cache->cpus[cpu], NULL);
  }
}

/* Of the CPU that runs this. */
static void
flush_own (KmlMachine *machine, gpointer data)
{
  flush (data, kml_current_task (machine)->cpu);
}

static gboolean
has_slabs (guint cpu, gpointer data)
{
  const Slub *self = data;

  for (guint i = 0; i < self->n_caches; i++)
    if (self->caches[i].cpus[cpu].pfn != KML_PFN_NONE ||
        self->caches[i].cpus[cpu].partial != KML_PFN_NONE)
      return TRUE;
  return FALSE;
}

/* Others are asked where one may wait for them. */
static void
flush_everywhere (Slub *self)
{
  KmlMachine *machine = self->base.machine;

  flush_own (machine, self);
  if (!kml_in_atomic (machine))
    kml_ipi_call_others (machine, has_slabs, flush_own, self, KML_IPI_WAIT);
}

/* ---- When memory is out ---- */

/* Gives back what is empty on the node's list. */
static void
discard_empty (Slub *self, SlubCache *cache, const KmlRequest *how)
{
  KmlPfn unwanted = KML_PFN_NONE;

  slub_lock_node (self, cache);
  for (KmlPfn pfn = cache->partial.first, next; pfn != KML_PFN_NONE; pfn = next) {
    KmlFrame *slab = frame_of (self, pfn);

    next = slab->slab.next;
    slub_meet (self, pfn);
    if (slab->slab.n_used > 0)
      continue;
    slub_remove_partial (self, cache, pfn);
    slub_set_out (self, cache, pfn);
    slab->slab.next = unwanted;
    unwanted = pfn;
  }
  slub_unlock_node (self, cache);
  slub_discard_all (self, cache, unwanted, how);
}

void
slub_shrink (KmlAllocator *base)
{
  Slub *self = (Slub *)base;
  const KmlTask *task = base->machine->task;
  KmlRequest how = { 0 };

  if (task != NULL) {
    how = (KmlRequest){ .cpu = (guint8)task->cpu, .context = task->context };
    flush_everywhere (self);
  }
  for (guint i = 0; task == NULL && i < base->machine->n_cpus; i++)
    flush (self, i);
  for (guint i = 0; i < self->n_caches; i++)
    discard_empty (self, &self->caches[i], &how);
}
