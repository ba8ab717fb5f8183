/* slub-life.c: the slow paths: slabs are made, frozen, listed, given back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * On a machine with tasks no lock is around them. Who changes a slab's record, by a compare-and-exchange, lets all that is earlier happen
 * (slub_meet()) and then looks at it again; who changes the node's list has the cache's list_lock. What a CPU has for itself it works on with
 * interrupts off where others come in between, since its handlers use it as well. Pages are asked for and given back with no lock held and
 * interrupts as whoever asked had them.
 *
 *     refill        interrupts off: the CPU's slab; its partial slabs; list_lock: those of the node
 *                   as before: a run of pages. Off: while somebody has got the CPU a slab meanwhile, that one is given up
 *     free          the record; before it the list_lock, if the slab will be listed or leave the list: who has waited for it looks again
 *
 * A slab that goes from one list to another, or to the page level, is in nobody's hands on the way where others come in: it is frozen then, and counted in
 * n_moving.
 */

#include "allocators/slub.h"

/* Estimates from reading the paths without debugging and statistics; they are not measured on a kernel. */
#define REFILL_INSTRUCTIONS  60
#define FREE_INSTRUCTIONS    60
#define LIST_INSTRUCTIONS    20 /* to put a slab on a list or take it off */
#define CREATE_INSTRUCTIONS  150
#define LINK_INSTRUCTIONS    4 /* to link an object of a new slab */
#define SHUFFLE_INSTRUCTIONS 6 /* … more, where the order is random */

/* Nobody else touches what a CPU has. */
static void
check_cpu (const Slub *self, guint cpu)
{
  const KmlTask *task = self->base.machine->task;

  g_assert (task == NULL || task->cpu == cpu);
}

/* ---- The node's list ---- */

static void
spend_links (const Slub *self, KmlPfn pfn)
{
  KmlMachine *machine = self->base.machine;

  kml_spend (machine, KML_COST_INSTRUCTION, LIST_INSTRUCTIONS);
  kml_spend_references (machine, KML_COST_WARM, 2); /* the record and its neighbour's */
  kml_frame_list_touch (machine, ram_of (self), pfn);
}

void
slub_add_partial (Slub *self, SlubCache *cache, KmlPfn pfn, gboolean at_front)
{
  kml_frame_list_insert (&cache->partial, ram_of (self), pfn, at_front);
  cache->n_partial++;
  self->base.counters[COUNTER_FREE_ADD_PARTIAL]++;
  spend_links (self, pfn);
}

void
slub_remove_partial (Slub *self, SlubCache *cache, KmlPfn pfn)
{
  kml_frame_list_remove (&cache->partial, ram_of (self), pfn);
  cache->n_partial--;
  spend_links (self, pfn);
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

void
slub_set_out (const Slub *self, SlubCache *cache, KmlPfn pfn)
{
  frame_of (self, pfn)->slab.is_frozen = TRUE;
  cache->n_moving++;
}

void
slub_discard_slab (Slub *self, SlubCache *cache, KmlPfn pfn, const KmlRequest *how)
{
  KmlFrame *slab = frame_of (self, pfn);

  g_assert (slab->slab.n_used == 0);
  g_assert (slab->slab.is_frozen);
  g_assert (cache->n_moving > 0);

  slab->slab.is_frozen = FALSE;
  cache->n_moving--;
  count_slab (self, cache, slab, -1);
  self->base.counters[COUNTER_SLABS_GIVEN_BACK]++;
  kml_page_runs_give_back (&self->runs, pfn, how);
}

/* ---- A CPU's partial slabs ---- */

void
slub_discard_all (Slub *self, SlubCache *cache, KmlPfn first, const KmlRequest *how)
{
  for (KmlPfn pfn = first, next; pfn != KML_PFN_NONE; pfn = next) {
    next = frame_of (self, pfn)->slab.next;
    slub_discard_slab (self, cache, pfn, how);
  }
}

gboolean
slub_is_unwanted (const Slub *self, const SlubCache *cache, KmlPfn pfn, const KmlRequest *how)
{
  return how != NULL && frame_of (self, pfn)->slab.n_used == 0 &&
         cache->n_partial >= cache->min_partial;
}

/* What a CPU kept becomes the node's, the one that it got last first. */
static void
unfreeze (Slub *self, SlubCache *cache, KmlPfn first, const KmlRequest *how)
{
  KmlPfn unwanted = KML_PFN_NONE;

  slub_lock_node (self, cache);
  slub_spend_node_lock (self, cache);
  for (KmlPfn pfn = first, next; pfn != KML_PFN_NONE; pfn = next) {
    KmlFrame *slab = frame_of (self, pfn);

    next = slab->slab.next;
    slub_meet (self, pfn);
    slub_spend_exchange (self, slab, SLUB_UNFREEZE_INSTRUCTIONS);
    if (slub_is_unwanted (self, cache, pfn, how)) {
      slab->slab.next = unwanted;
      unwanted = pfn;
    } else {
      slab->slab.is_frozen = FALSE;
      cache->n_moving--;
      slub_add_partial (self, cache, pfn, FALSE);
    }
  }
  slub_unlock_node (self, cache);
  slub_discard_all (self, cache, unwanted, how);
}

/* The partial slabs of the CPU, which has none then. */
static KmlPfn
detach_partial (SlubCache *cache, SlubCpu *cpu)
{
  const KmlPfn first = cpu->partial;

  cache->n_moving += cpu->n_partial;
  cpu->partial = KML_PFN_NONE;
  cpu->n_partial = 0;
  return first;
}

void
slub_unfreeze_all (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *how)
{
  const KmlPfn first = detach_partial (cache, cpu);

  if (first != KML_PFN_NONE)
    unfreeze (self, cache, first, how);
}

static void
push_cpu_partial (const Slub *self, SlubCpu *cpu, KmlPfn pfn)
{
  frame_of (self, pfn)->slab.next = cpu->partial;
  cpu->partial = pfn;
  cpu->n_partial++;
}

static void
spend_cpu_partial (const Slub *self, const SlubCache *cache, const SlubCpu *cpu)
{
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, LIST_INSTRUCTIONS);
  kml_spend_references (self->base.machine, KML_COST_HOT, 1);
  slub_touch_cpu (self, cache, cpu);
}

/* A slab that was full got a free object: this CPU keeps it, and if it had enough of them, those become the node's. */
static void
freeze_freed (Slub *self, SlubCache *cache, KmlPfn pfn, const KmlRequest *how)
{
  SlubCpu *cpu = &cache->cpus[how->cpu];
  KmlPfn others = KML_PFN_NONE;

  self->base.counters[COUNTER_CPU_PARTIAL_FREE]++;
  if (cpu->partial != KML_PFN_NONE && cpu->n_partial >= cache->cpu_partial_slabs) {
    self->base.counters[COUNTER_CPU_PARTIAL_DRAIN]++;
    others = detach_partial (cache, cpu);
  }
  push_cpu_partial (self, cpu, pfn);
  if (others != KML_PFN_NONE)
    unfreeze (self, cache, others, how);
  spend_cpu_partial (self, cache, cpu);
}

/* ---- The slab that a CPU takes objects from ---- */

/* All that is free in it becomes the CPU's own list; to others, who were let in before, the slab is full. */
static void
take_list (Slub *self, SlubCpu *cpu)
{
  KmlFrame *slab = frame_of (self, cpu->pfn);

  slub_spend_exchange (self, slab, 0);
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

/* The node's first partial slab; of those behind it the CPU gets as many as it may keep, halved. */
static void
take_listed (Slub *self, SlubCache *cache, SlubCpu *cpu)
{
  const guint n_more = self->cpu_partial == CPU_PARTIAL_NONE ? 0 : cache->cpu_partial_slabs / 2 + 1;
  KmlPfn pfn = cache->partial.first;

  self->base.counters[COUNTER_ALLOC_FROM_PARTIAL]++;
  slub_spend_node_lock (self, cache);
  slub_meet (self, pfn);
  slub_remove_partial (self, cache, pfn);
  set_slab (self, cpu, pfn);
  for (guint i = 0; i < n_more && (pfn = cache->partial.first) != KML_PFN_NONE; i++) {
    self->base.counters[COUNTER_CPU_PARTIAL_NODE]++;
    slub_meet (self, pfn);
    slub_spend_exchange (self, frame_of (self, pfn), 0);
    frame_of (self, pfn)->slab.is_frozen = TRUE;
    slub_remove_partial (self, cache, pfn);
    push_cpu_partial (self, cpu, pfn);
    spend_cpu_partial (self, cache, cpu);
  }
}

/* FALSE: there is none. Whether there may be one is looked at before the lock is taken. */
static gboolean
take_from_node (Slub *self, SlubCache *cache, SlubCpu *cpu)
{
  gboolean is_there;

  slub_meet_at_node (self, cache);
  if (cache->partial.first == KML_PFN_NONE)
    return FALSE;
  slub_lock_node (self, cache);
  is_there = cache->partial.first != KML_PFN_NONE;
  if (is_there)
    take_listed (self, cache, cpu);
  slub_unlock_node (self, cache);
  return is_there;
}

/* Meanwhile handlers come in, and other tasks of the CPU: it may have got a slab from them. */
static gboolean
take_new (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *request)
{
  KmlPfn pfn;

  slub_leave (self);
  pfn = create_slab (self, cache, request);
  if (pfn != KML_PFN_NONE)
    slub_set_out (self, cache, pfn);
  slub_enter (self);
  if (pfn == KML_PFN_NONE)
    return FALSE;
  while (G_UNLIKELY (cpu->pfn != KML_PFN_NONE)) {
    slub_leave (self);
    slub_deactivate (self, cache, cpu, request);
    slub_enter (self);
  }
  cache->n_moving--;
  set_slab (self, cpu, pfn);
  return TRUE;
}

gboolean
slub_refill (Slub *self, SlubCache *cache, SlubCpu *cpu, const KmlRequest *request)
{
  check_cpu (self, request->cpu);
  self->base.counters[COUNTER_ALLOC_SLOWPATH]++;
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, REFILL_INSTRUCTIONS);
  slub_touch_cpu (self, cache, cpu);
  if (cpu->pfn != KML_PFN_NONE) {
    slub_meet (self, cpu->pfn);
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
    slub_meet (self, pfn);
    cpu->partial = frame_of (self, pfn)->slab.next;
    cpu->n_partial--;
    set_slab (self, cpu, pfn);
    return TRUE;
  }
  return take_from_node (self, cache, cpu) || take_new (self, cache, cpu, request);
}

/* ---- Freeing to a slab that is not the CPU's ---- */

/* The slab is in nobody's hands, and was full or is empty now; the list_lock is held. */
static void
move_on_node (Slub *self, SlubCache *cache, KmlPfn pfn, gboolean was_full, const KmlRequest *how)
{
  const gboolean is_unwanted = slub_is_unwanted (self, cache, pfn, how);

  slub_spend_node_lock (self, cache);
  if (is_unwanted) {
    if (!was_full) {
      self->base.counters[COUNTER_FREE_REMOVE_PARTIAL]++;
      slub_remove_partial (self, cache, pfn);
    }
    slub_set_out (self, cache, pfn);
  } else if (was_full) {
    slub_add_partial (self, cache, pfn, FALSE);
  }
  slub_unlock_node (self, cache);
  if (is_unwanted)
    slub_discard_slab (self, cache, pfn, how);
}

/* Whether the node's list changes, or might, when one more object is freed: of a full slab it does not if the CPU keeps it. */
static gboolean
concerns_node (const Slub *self, const KmlFrame *slab)
{
  if (slab->slab.is_frozen)
    return FALSE;
  return slab->slab.first_free == 0 ? self->cpu_partial == CPU_PARTIAL_NONE
                                    : slab->slab.n_used == 1;
}

/* Nobody comes in between any more; the list_lock is held if the node is concerned. Returns whether it is. */
static gboolean
meet_to_free (const Slub *self, SlubCache *cache, KmlPfn pfn)
{
  const KmlFrame *slab = frame_of (self, pfn);
  gboolean is_locked = FALSE;

  slub_meet (self, pfn);
  if (G_LIKELY (slab->slab.is_frozen))
    return FALSE;
  while (G_UNLIKELY (concerns_node (self, slab) != is_locked)) {
    if (is_locked)
      slub_unlock_node (self, cache);
    else
      slub_lock_node (self, cache);
    is_locked = !is_locked;
    slub_meet (self, pfn);
  }
  return is_locked;
}

guint64
slub_free_slowly (Slub *self, SlubCache *cache, KmlPfn pfn, guint index, const KmlRequest *how)
{
  KmlFrame *slab = frame_of (self, pfn);
  const KmlAddr addr = object_of (self, cache, pfn, index);
  const gboolean is_locked = meet_to_free (self, cache, pfn);
  const gboolean was_full = slab->slab.first_free == 0;
  const gboolean is_frozen = slab->slab.is_frozen;

  check_cpu (self, how->cpu);
  self->base.counters[COUNTER_FREE_SLOWPATH]++;
  slub_spend_exchange (self, slab, FREE_INSTRUCTIONS);
  slub_store (self, cache, addr, slub_guard_of (addr) | slab->slab.first_free);
  slab->slab.first_free = (guint16)(index + 1);
  slab->slab.n_used--;
  if (is_frozen) {
    self->base.counters[COUNTER_FREE_FROZEN]++;
  } else if (is_locked) {
    move_on_node (self, cache, pfn, was_full, how);
  } else if (was_full) {
    slab->slab.is_frozen = TRUE;
    freeze_freed (self, cache, pfn, how);
  }
  return cache->object_size;
}
