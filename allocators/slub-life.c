/* slub-life.c: the slow paths: slabs are made, frozen, listed, given back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/slub.h"

/* Estimates from reading the paths without debugging and statistics; they are not measured on a kernel. */
#define REFILL_INSTRUCTIONS   60
#define FREE_INSTRUCTIONS     60
#define LIST_INSTRUCTIONS     20 /* to put a slab on a list or take it off */
#define CREATE_INSTRUCTIONS   150
#define LINK_INSTRUCTIONS     4 /* to link an object of a new slab */
#define SHUFFLE_INSTRUCTIONS  6 /* … more, where the order is random */
#define UNFREEZE_INSTRUCTIONS 30
#define DETACH_INSTRUCTIONS   3 /* for each object of a CPU's list that goes back to its slab */

/* ---- Spending ---- */

/* A slab's record is changed by a compare-and-exchange, since other CPUs free to it. */
static void
spend_exchange (const Slub *self, const KmlFrame *slab, guint instructions)
{
  KmlMachine *machine = self->base.machine;

  kml_spend (machine, KML_COST_INSTRUCTION, instructions);
  kml_spend (machine, KML_COST_ATOMIC, 1);
  kml_spend_references (machine, KML_COST_WARM, 1);
  kml_touch_frame (machine, slab, KML_TOUCH_WRITE);
}

static void
spend_node_lock (const Slub *self, const SlubCache *cache)
{
  kml_spend (self->base.machine, KML_COST_LOCK, 1);
  slub_touch_node (self, cache);
}

/* ---- The node's list ---- */

static void
touch_links (const Slub *self, const KmlFrame *slab)
{
  KmlMachine *machine = self->base.machine;
  const KmlPfn neighbours[] = { slab->slab.prev, slab->slab.next };

  kml_spend (machine, KML_COST_INSTRUCTION, LIST_INSTRUCTIONS);
  kml_spend_references (machine, KML_COST_WARM, 2); /* the record and its neighbour's */
  if (!kml_has_caches (machine))
    return;
  kml_touch_frame (machine, slab, KML_TOUCH_WRITE);
  for (guint i = 0; i < G_N_ELEMENTS (neighbours); i++)
    if (neighbours[i] != KML_PFN_NONE)
      kml_touch_frame (machine, frame_of (self, neighbours[i]), KML_TOUCH_WRITE);
}

static void
add_partial (Slub *self, SlubCache *cache, KmlPfn pfn, gboolean at_front)
{
  KmlFrame *slab = frame_of (self, pfn);

  slab->slab.prev = at_front ? KML_PFN_NONE : cache->last;
  slab->slab.next = at_front ? cache->first : KML_PFN_NONE;
  if (slab->slab.prev != KML_PFN_NONE)
    frame_of (self, slab->slab.prev)->slab.next = pfn;
  else
    cache->first = pfn;
  if (slab->slab.next != KML_PFN_NONE)
    frame_of (self, slab->slab.next)->slab.prev = pfn;
  else
    cache->last = pfn;
  cache->n_partial++;
  self->base.counters[COUNTER_FREE_ADD_PARTIAL]++;
  touch_links (self, slab);
}

static void
remove_partial (Slub *self, SlubCache *cache, KmlPfn pfn)
{
  const KmlFrame *slab = frame_of (self, pfn);

  if (slab->slab.prev != KML_PFN_NONE)
    frame_of (self, slab->slab.prev)->slab.next = slab->slab.next;
  else
    cache->first = slab->slab.next;
  if (slab->slab.next != KML_PFN_NONE)
    frame_of (self, slab->slab.next)->slab.prev = slab->slab.prev;
  else
    cache->last = slab->slab.prev;
  cache->n_partial--;
  touch_links (self, slab);
}

/* ---- Making slabs and giving them back ---- */

/* Puts a free object before @next; returns what names it. */
static guint
link_object (Slub *self, const SlubCache *cache, KmlPfn pfn, guint index, guint next)
{
  const KmlAddr addr = object_of (self, cache, pfn, index);

  slub_store (self, cache, addr, slub_guard_of (addr) | next);
  kml_touch (self->base.machine, addr + cache->link_offset, sizeof (guint64), KML_TOUCH_WRITE);
  return index + 1;
}

/* The first @n objects by the cache's sequence, against it from a random place on. A slab that is smaller than wanted has not got all. */
static guint
link_shuffled (Slub *self, const SlubCache *cache, KmlPfn pfn, guint n, guint next)
{
  guint at = (guint)kml_rng_below (&self->rng, cache->n_sequence);

  while (n > 0) {
    at = at == 0 ? cache->n_sequence - 1 : at - 1;
    if (cache->sequence[at] < frame_of (self, pfn)->slab.n_objects) {
      next = link_object (self, cache, pfn, cache->sequence[at], next);
      n--;
    }
  }
  return next;
}

/* All objects of a new slab, from the last that will be taken to the first. Those that the sequence does not know, since the page
 * level gave more than was wanted, are behind the others. */
static void
link_objects (Slub *self, const SlubCache *cache, KmlPfn pfn)
{
  KmlFrame *slab = frame_of (self, pfn);
  const guint n_shuffled = MIN (cache->n_sequence, slab->slab.n_objects);
  guint next = 0;

  for (guint i = slab->slab.n_objects; i > n_shuffled; i--)
    next = link_object (self, cache, pfn, i - 1, next);
  if (n_shuffled > 0)
    next = link_shuffled (self, cache, pfn, n_shuffled, next);
  slab->slab.first_free = (guint16)next;
}

/* Each line of a new slab that gets a link is cold. */
static void
spend_creation (const Slub *self, const SlubCache *cache, const KmlFrame *slab)
{
  KmlMachine *machine = self->base.machine;
  const guint64 n = slab->slab.n_objects, n_bytes = n * cache->object_size;

  kml_spend (machine, KML_COST_INSTRUCTION,
             CREATE_INSTRUCTIONS +
                 n * (LINK_INSTRUCTIONS + (cache->sequence != NULL ? SHUFFLE_INSTRUCTIONS : 0)));
  kml_spend_references (machine, KML_COST_COLD, MIN (n, (n_bytes + 63) / 64));
}

static void
count_slab (Slub *self, SlubCache *cache, const KmlFrame *slab, gint64 n)
{
  cache->n_slabs += (guint64)n;
  cache->n_frames += (guint64)n * slab->n_frames;
  cache->n_objects += (guint64)n * slab->slab.n_objects;
  self->base.metadata_bytes += (guint64)n * tail_of (self, cache, slab);
}

/* As large as wanted, for which the page level does not go to any length if less will do; or as one object needs. */
static KmlPfn
take_run (Slub *self, const SlubCache *cache, const KmlRequest *request)
{
  const guint64 page_size = kml_ram_page_size (ram_of (self));
  const guint number = (guint)(cache - self->caches);
  KmlRequest modest = *request;
  KmlPfn pfn;

  if (cache->least_order == cache->order)
    return kml_page_runs_take (&self->runs, page_size << cache->order, number, request);
  modest.gfp = (request->gfp | KML_GFP_NOWARN | KML_GFP_NORETRY) & ~(KmlGfp)KML_GFP_NOFAIL;
  if (kml_gfp_may_sleep (modest.gfp))
    modest.gfp = (modest.gfp | KML_GFP_NOMEMALLOC) & ~(KmlGfp)KML_GFP_RECLAIM;
  pfn = kml_page_runs_take (&self->runs, page_size << cache->order, number, &modest);
  if (pfn == KML_PFN_NONE) {
    pfn = kml_page_runs_take (&self->runs, page_size << cache->least_order, number, request);
    self->base.counters[COUNTER_SLABS_SMALL] += pfn != KML_PFN_NONE;
  }
  return pfn;
}

/* All of its objects are on its list. KML_PFN_NONE: the page level has nothing. */
static KmlPfn
create_slab (Slub *self, SlubCache *cache, const KmlRequest *request)
{
  const KmlPfn pfn = take_run (self, cache, request);
  KmlFrame *slab;
  guint64 size;

  if (pfn == KML_PFN_NONE)
    return KML_PFN_NONE;
  slab = frame_of (self, pfn);
  size = (guint64)slab->n_frames << ram_of (self)->page_shift;
  slab->slab.next = slab->slab.prev = KML_PFN_NONE;
  slab->slab.n_used = 0;
  slab->slab.n_objects = (guint16)MIN (size / cache->object_size, KML_SLAB_MAX_OBJECTS);
  slab->slab.is_frozen = FALSE;
  link_objects (self, cache, pfn);
  count_slab (self, cache, slab, 1);
  spend_creation (self, cache, slab);
  self->base.counters[COUNTER_SLABS_NEW]++;
  return pfn;
}

/* A slab that is on no list. */
static void
discard_slab (Slub *self, SlubCache *cache, KmlPfn pfn, const KmlRequest *how)
{
  const KmlFrame *slab = frame_of (self, pfn);

  g_assert (slab->slab.n_used == 0);
  g_assert (!slab->slab.is_frozen);

  count_slab (self, cache, slab, -1);
  self->base.counters[COUNTER_SLABS_GIVEN_BACK]++;
  kml_page_runs_give_back (&self->runs, pfn, how);
}

/* ---- A CPU's partial slabs ---- */

/* Empty slabs that the node does not want, linked by their records. */
static void
discard_all (Slub *self, SlubCache *cache, KmlPfn first, const KmlRequest *how)
{
  for (KmlPfn pfn = first, next; pfn != KML_PFN_NONE; pfn = next) {
    next = frame_of (self, pfn)->slab.next;
    discard_slab (self, cache, pfn, how);
  }
}

/* What a CPU kept becomes the node's, the one that it got last first. */
static void
unfreeze (Slub *self, SlubCache *cache, KmlPfn first, const KmlRequest *how)
{
  KmlPfn unwanted = KML_PFN_NONE;

  spend_node_lock (self, cache);
  for (KmlPfn pfn = first, next; pfn != KML_PFN_NONE; pfn = next) {
    KmlFrame *slab = frame_of (self, pfn);

    next = slab->slab.next;
    spend_exchange (self, slab, UNFREEZE_INSTRUCTIONS);
    slab->slab.is_frozen = FALSE;
    if (slab->slab.n_used == 0 && cache->n_partial >= cache->min_partial) {
      slab->slab.next = unwanted;
      unwanted = pfn;
    } else {
      add_partial (self, cache, pfn, FALSE);
    }
  }
  discard_all (self, cache, unwanted, how);
}

static void
unfreeze_all (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *how)
{
  const KmlPfn first = cpu->partial;

  cpu->partial = KML_PFN_NONE;
  cpu->n_partial = 0;
  if (first != KML_PFN_NONE)
    unfreeze (self, cache, first, how);
}

static void
put_cpu_partial (Slub *self, SlubCache *cache, SlubCpu *cpu, KmlPfn pfn)
{
  frame_of (self, pfn)->slab.next = cpu->partial;
  cpu->partial = pfn;
  cpu->n_partial++;
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, LIST_INSTRUCTIONS);
  kml_spend_references (self->base.machine, KML_COST_HOT, 1);
  slub_touch_cpu (self, cache, cpu);
}

/* A slab that was full got a free object: this CPU keeps it, and if it has enough of them, those become the node's first. */
static void
freeze_freed (Slub *self, SlubCache *cache, KmlPfn pfn, const KmlRequest *how)
{
  SlubCpu *cpu = &cache->cpus[how->cpu];

  self->base.counters[COUNTER_CPU_PARTIAL_FREE]++;
  if (cpu->partial != KML_PFN_NONE && cpu->n_partial >= cache->cpu_partial_slabs) {
    self->base.counters[COUNTER_CPU_PARTIAL_DRAIN]++;
    unfreeze_all (self, cache, cpu, how);
  }
  put_cpu_partial (self, cache, cpu, pfn);
}

/* ---- The slab that a CPU takes objects from ---- */

/* All that is free in it becomes the CPU's own list; to others the slab is full. */
static void
take_list (Slub *self, SlubCpu *cpu)
{
  KmlFrame *slab = frame_of (self, cpu->pfn);

  spend_exchange (self, slab, 0);
  cpu->first_free = slab->slab.first_free;
  slab->slab.first_free = 0;
  slab->slab.n_used = slab->slab.n_objects;
  slab->slab.is_frozen = cpu->first_free != 0;
}

static void
set_slab (Slub *self, SlubCpu *cpu, KmlPfn pfn)
{
  cpu->pfn = pfn;
  cpu->start = kml_ram_addr (ram_of (self), pfn);
  cpu->objects = ram_of (self)->store + cpu->start;
  take_list (self, cpu);
  g_assert (cpu->first_free != 0);
}

/* The node's first partial slab; of those behind it the CPU gets as many as it may keep, halved. FALSE: there is none. */
static gboolean
take_from_node (Slub *self, SlubCache *cache, SlubCpu *cpu)
{
  const guint n_more = self->cpu_partial == CPU_PARTIAL_NONE ? 0 : cache->cpu_partial_slabs / 2 + 1;
  KmlPfn pfn = cache->first;

  if (pfn == KML_PFN_NONE)
    return FALSE;
  self->base.counters[COUNTER_ALLOC_FROM_PARTIAL]++;
  spend_node_lock (self, cache);
  remove_partial (self, cache, pfn);
  set_slab (self, cpu, pfn);
  for (guint i = 0; i < n_more && (pfn = cache->first) != KML_PFN_NONE; i++) {
    self->base.counters[COUNTER_CPU_PARTIAL_NODE]++;
    spend_exchange (self, frame_of (self, pfn), 0);
    frame_of (self, pfn)->slab.is_frozen = TRUE;
    remove_partial (self, cache, pfn);
    put_cpu_partial (self, cache, cpu, pfn);
  }
  return TRUE;
}

static gboolean
take_new (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *request)
{
  const KmlPfn pfn = create_slab (self, cache, request);

  if (pfn == KML_PFN_NONE)
    return FALSE;
  set_slab (self, cpu, pfn);
  return TRUE;
}

gboolean
slub_refill (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *request)
{
  self->base.counters[COUNTER_ALLOC_SLOWPATH]++;
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, REFILL_INSTRUCTIONS);
  slub_touch_cpu (self, cache, cpu);
  if (cpu->pfn != KML_PFN_NONE) {
    take_list (self, cpu);
    if (cpu->first_free != 0) {
      self->base.counters[COUNTER_ALLOC_REFILL]++;
      return TRUE;
    }
    cpu->pfn = KML_PFN_NONE; /* full: nobody keeps it */
  }
  if (cpu->partial != KML_PFN_NONE) {
    const KmlPfn pfn = cpu->partial;

    self->base.counters[COUNTER_CPU_PARTIAL_ALLOC]++;
    cpu->partial = frame_of (self, pfn)->slab.next;
    cpu->n_partial--;
    set_slab (self, cpu, pfn);
    return TRUE;
  }
  return take_from_node (self, cache, cpu) || take_new (self, cache, cpu, request);
}

/* ---- Freeing to a slab that is not the CPU's ---- */

/* The slab is in nobody's hands, and was full or is empty now. */
static void
move_on_node (Slub *self, SlubCache *cache, KmlPfn pfn, gboolean was_full, const KmlRequest *how)
{
  spend_node_lock (self, cache);
  if (frame_of (self, pfn)->slab.n_used == 0 && cache->n_partial >= cache->min_partial) {
    if (!was_full) {
      self->base.counters[COUNTER_FREE_REMOVE_PARTIAL]++;
      remove_partial (self, cache, pfn);
    }
    discard_slab (self, cache, pfn, how);
  } else if (was_full) {
    add_partial (self, cache, pfn, FALSE);
  }
}

guint64
slub_free_slowly (Slub *self, SlubCache *cache, KmlPfn pfn, guint index, const KmlRequest *how)
{
  KmlFrame *slab = frame_of (self, pfn);
  const KmlAddr addr = object_of (self, cache, pfn, index);
  const gboolean was_full = slab->slab.first_free == 0;

  self->base.counters[COUNTER_FREE_SLOWPATH]++;
  spend_exchange (self, slab, FREE_INSTRUCTIONS);
  slub_store (self, cache, addr, slub_guard_of (addr) | slab->slab.first_free);
  slab->slab.first_free = (guint16)(index + 1);
  slab->slab.n_used--;
  if (slab->slab.is_frozen) {
    self->base.counters[COUNTER_FREE_FROZEN]++;
  } else if (was_full && self->cpu_partial != CPU_PARTIAL_NONE) {
    slab->slab.is_frozen = TRUE;
    freeze_freed (self, cache, pfn, how);
  } else if (was_full || slab->slab.n_used == 0) {
    move_on_node (self, cache, pfn, was_full, how);
  }
  return cache->object_size;
}

/* ---- When memory is out ---- */

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

/* The CPU gives back the slab that it takes objects from. */
static void
deactivate (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *how)
{
  const KmlPfn pfn = cpu->pfn;
  KmlFrame *slab;
  gboolean has_remote;

  if (pfn == KML_PFN_NONE)
    return;
  slab = frame_of (self, pfn);
  has_remote = slab->slab.first_free != 0;
  spend_exchange (self, slab, UNFREEZE_INSTRUCTIONS);
  join_lists (self, cache, cpu);
  cpu->pfn = KML_PFN_NONE;
  slab->slab.is_frozen = FALSE;
  if (slab->slab.n_used == 0 && cache->n_partial >= cache->min_partial) {
    discard_slab (self, cache, pfn, how);
  } else if (slab->slab.first_free != 0) {
    spend_node_lock (self, cache);
    add_partial (self, cache, pfn, !has_remote);
  }
}

void
slub_shrink (KmlAllocator *base)
{
  Slub *self = (Slub *)base;
  const KmlRequest how = { 0 };

  for (guint i = 0; i < self->n_caches; i++) {
    SlubCache *cache = &self->caches[i];

    for (guint k = 0; k < base->machine->n_cpus; k++) {
      deactivate (self, cache, &cache->cpus[k], &how);
      unfreeze_all (self, cache, &cache->cpus[k], &how);
    }
    for (KmlPfn pfn = cache->first, next; pfn != KML_PFN_NONE; pfn = next) {
      next = frame_of (self, pfn)->slab.next;
      if (frame_of (self, pfn)->slab.n_used == 0) {
        remove_partial (self, cache, pfn);
        discard_slab (self, cache, pfn, &how);
      }
    }
  }
}
