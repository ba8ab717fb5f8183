/* slub.c: SLUB, the object allocator of Linux, with what each CPU keeps.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Christoph Lameter's unqueued slab allocator (mm/slub.c, since Linux 2.6.22, 2007), as it is in Linux 6.1: with partial slabs for each
 * CPU (2011). segregated.c has its bins and slabs without CPUs; slab.c is what it descends from.
 *
 * 1. Caches and slabs
 *
 * A cache has objects of one size, and there is one for each bin (simcore/objects/bins.h), as kmalloc() has them; or as in the kernel that was
 * recorded (slub-caches.c). Its slabs are runs of page frames,
 * of an order that simcore/objects/slab-order.c finds; when the page level has none of that order at once, the least order that holds an object does.
 * The slab's header is the record of its first frame (struct slab), so it costs no memory.
 *
 * 2. Free objects
 *
 * Those of a slab are a list, last in first out, linked through the middle of each object: an overflow of its neighbour does not
 * reach there. When a slab is made, all its objects are linked; with freelist = random (CONFIG_SLAB_FREELIST_RANDOM) not by
 * address but in a shuffled order of the cache's, which each slab begins at a random place.
 *
 * The link is an index of 16 bits, beside 48 bits that follow from the object's address, the *guard*: an object in use has
 * not got it, so freeing twice is found by a compare (a look along the lists tells whether its owner
 * wrote those bits), and so is a write to a free object.
 *
 * 3. Whose a slab is
 *
 *                                      its CPU's list is empty, and nobody
 *          page level                  has freed to it
 *               |  new        +------------------------------> full: on no list
 *               v             |                                  |
 *      CPU's slab, frozen ----+                                  | an object is freed: frozen, it goes to the
 *         ^   ^                                                  v CPU that freed
 *         |   |       first one                        CPU's partial slabs, frozen
 *         |   +----------------------------------------          |
 *         |                                                      | as many as cpu_partial_slabs: all of them
 *         |           first one, and some more                   v at its end
 *         +-------------------------------------------- node's partial slabs --> page level, if it is empty and the node has min_partial
 *
 * A slab is *frozen* while it belongs to a CPU. Frees by others go to the slab's list and
 * move nothing. A CPU's own slab has two lists: the CPU's, which it took as a whole and works on alone, and the slab's, where others
 * free to meanwhile; when the first is used up, the second becomes the first (a *refill*). To others the
 * slab is full all the while (n_used counts what is on the CPU's list).
 *
 * A full slab is on no list and nobody knows it, until something of it is freed; and nobody takes note of how full the slabs of a CPU are.
 *
 * 4. How many
 *
 *   cpu_partial        objects that a CPU's partial slabs should offer, by object size: 120 below 256 bytes, 52 below 1024, 24 below a
 *                      page, else 6
 *   cpu_partial_slabs  slabs that offer as many if each is half full: 2 cpu_partial / objects of a slab, rounded up
 *   min_partial        log2 (size) / 2, but 5 .. 10: an empty slab stays on the node's list if there are fewer
 *
 *   192 bytes: slabs of 21 objects, so 240 / 21 = 12 slabs a CPU
 *
 * From the node a CPU takes cpu_partial_slabs / 2 + 1 more slabs than the one it needs.
 *
 * 5. Large requests, constraints
 *
 * What no bin holds goes to the page level. A slab begins with a page, so an alignment or a boundary decides which bin will do
 * (kml_bin_table_choose()).
 *
 * 6. Costs
 *
 * On a machine with tasks only the node's list has a lock (slub-life.c says how CPUs meet); where nobody has to wait, costs are those of one without tasks.
 *
 * Fast: the CPU's record and the cache are hot, the object's link is warm (to free, so is the frame's record that says whose it is), and
 * a compare-and-exchange without lock. Slow: a compare-and-exchange of the slab's record for each slab that changes hands, the
 * node's lock where its list changes. The numbers of instructions are at their definition.
 *
 * 7. Not modelled
 *
 * NUMA nodes; constructors; debugging (red zones, poison, lists of full slabs); __GFP_MEMALLOC's slabs; that kmem_cache_shrink() sorts the
 * node's list; RCU, which keeps slabs of some caches for a grace period. Who frees several objects of one slab at once (kmem_cache_free_bulk()) frees
 * them one by one here. A compare-and-exchange that fails since another CPU was faster costs nothing and is not counted (it is done when it is its turn).
 *
 * 8. Held against a kernel
 *
 * Nine recordings of Linux 6.1.192 on four CPUs, with dumps of all lists and the operations between them. Orders, numbers of objects,
 * min_partial and cpu_partial_slabs are the kernel's for each of 166 caches. Begun with a dump and given the operations until the
 * next one, a cache takes each object of the very slab that the kernel took it of, and ends with the same slabs on the same
 * lists, in order, in 5000 of 5062 cases in which it had anything to do: 1.3 million objects, and 60 thousand slabs on lists. In the others the recorded order is
 * not the true one, where that was looked at: a task that waits for a new slab comes back when its CPU has one
 * already (26 cases), or where a bulk of frees ends cannot be seen. tests/test-slub-recorded.c has three of them all.
 *
 * And a whole boot, from nothing, with recorded caches, against /proc/slabinfo at its end (docs/recording.md, tools/slab-states): of 58 sizes 37 have the same
 * number of pages. In most of the others the kernel has more, of what was there before the recording began.
 *
 * 9. Invariants, verified by slub_check()
 *
 *   R1, R2 of page-runs.h
 *   U1  as many objects as a slab says fit in its run
 *   U2  a slab's list has n_objects - n_used objects, that of a CPU is of its slab, no object is on a list twice, and each has its guard
 *   U3  the node's list has the slabs that are not frozen and have free objects, and no others; links and counts agree
 *   U4  the slabs that CPUs take objects from, their partial ones, and those on their way, which are counted, are all that are frozen
 *   U5  a CPU's partial slabs have free objects, agree with its count, and are no more than cpu_partial_slabs
 *   U6  each cache's numbers of slabs, frames and room are the sums over its slabs
 *   U7  metadata_bytes is the sum of the slabs' tails
 */

#include "allocators/slub.h"
#include "simcore/replay/driver-loop.h"

/* Estimates from reading the paths below without assertions, guards and what only a simulation
 * does; they are not measured on a kernel. */
#define ALLOC_INSTRUCTIONS 40
#define FREE_INSTRUCTIONS  45
#define LARGE_INSTRUCTIONS 30

/* ---- Setting up ---- */

/* Returns that of taking an object from a CPU's list. */
static KmlTime
init_costs (Slub *self)
{
  const KmlMachine *machine = self->base.machine;
  const KmlTime *cost = machine->cost;
  const KmlTime hot = 2 * kml_reference_cost (machine, KML_COST_HOT);
  const KmlTime warm = kml_reference_cost (machine, KML_COST_WARM);

  self->free_cost = FREE_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] + cost[KML_COST_ATOMIC] + hot +
                    2 * warm;
  return ALLOC_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] + cost[KML_COST_ATOMIC] + hot + warm;
}

static gboolean
slub_init (KmlAllocator *base, GError **error)
{
  Slub *self = (Slub *)base;

  self->alloc_cost = init_costs (self);
  self->rule.page_size = kml_ram_page_size (ram_of (self));
  self->rule.n_cpus = base->machine->n_cpus;
  if (!kml_bin_table_init (&self->table, self->bin_text, self->quantum, SLUB_MIN_OBJECT_SIZE,
                           SLUB_MAX_OBJECT_SIZE, error) ||
      !kml_slab_order_check (self->rule.page_size, self->rule.min_order, self->rule.max_order,
                             error))
    return FALSE;
  self->runs = (KmlPageRuns){ .owner = base,
                              .large_counter = COUNTER_LARGE,
                              .large_instructions = LARGE_INSTRUCTIONS };
  kml_rng_init (&self->rng, base->machine->seed, "slub");
  self->records = kml_object_named ("slab");
  self->usual = self->which_caches == SLUB_CACHES_RECORDED ? 0 : self->table.limit;
  slub_caches_init (self);
  return TRUE;
}

static void
slub_finish (KmlAllocator *base)
{
  Slub *self = (Slub *)base;

  slub_caches_clear (self);
  kml_bin_table_clear (&self->table);
}

static gboolean
slub_remember (KmlAllocator *base, KmlImage *image)
{
  slub_caches_remember ((Slub *)base, image);
  return TRUE;
}

static void
slub_walk_locks (const KmlAllocator *base, KmlLockFunc func, gpointer user_data)
{
  const Slub *self = (const Slub *)base;

  for (guint i = 0; i < self->n_caches; i++)
    func (&self->caches[i].list_lock, user_data);
}

/* ---- Objects ---- */

static KmlAddr refill_and_take (Slub *self, SlubCache *cache, const KmlRequest *request,
                                guint64 *ret_held);

/* The first object of the CPU's list. What is called here and in slub_alloc() is called last, as in segregated.c. */
KML_FAST KmlAddr
take_object (Slub *self, SlubCache *cache, const KmlRequest *request, guint64 *ret_held)
{
  SlubCpu *cpu = &cache->cpus[request->cpu];
  guint64 offset, word;

  if (G_UNLIKELY (cpu->first_free == 0)) {
    guint64 held = 0;
    const KmlAddr addr = refill_and_take (self, cache, request, &held);

    *ret_held = held;
    return addr;
  }
  offset = (guint64)(cpu->first_free - 1u) * cache->object_size;
  memcpy (&word, cpu->objects + offset + cache->link_offset, sizeof word);
  g_assert (slub_has_guard (word, cpu->start + offset)); /* else somebody wrote to a free object */
  cpu->first_free = (guint16)word;
  memset (cpu->objects + offset + cache->link_offset, 0, sizeof word);
  /* without a branch: whether a request asks for zeroed memory is hard to predict */
  self->base.machine->now += cache->alloc_cost[(request->gfp & KML_GFP_ZERO) != 0];
  *ret_held = cache->object_size;
  return cpu->start + offset;
}

static KmlAddr G_GNUC_NO_INLINE
refill_and_take (Slub *self, SlubCache *cache, const KmlRequest *request, guint64 *ret_held)
{
  KmlAddr addr = KML_ADDR_NONE;

  slub_enter (self);
  if (slub_refill (self, cache, &cache->cpus[request->cpu], request))
    addr = take_object (self, cache, request, ret_held);
  slub_leave (self);
  return addr;
}

/* Large sizes and constraints, and all that is asked of recorded caches. */
static KmlAddr G_GNUC_NO_INLINE
alloc_unusual (Slub *self, const KmlRequest *request, guint64 *ret_held)
{
  SlubCache *cache;

  g_assert (request->size > 0);

  cache = slub_choose (self, request);
  if (cache != NULL)
    return take_object (self, cache, request, ret_held);
  return kml_page_runs_alloc_large (&self->runs, request, ret_held);
}

/* ---- The operations ---- */

KML_FAST KmlAddr
slub_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Slub *self = (Slub *)base;
  const guint64 size = request->size;

  if (G_UNLIKELY (size - 1 >= self->usual || request->constraints != NULL)) {
    guint64 held = 0;
    const KmlAddr addr = alloc_unusual (self, request, &held);

    *ret_held = held;
    return addr;
  }
  return take_object (self, &self->caches[kml_bin_table_look (&self->table, size)], request,
                      ret_held);
}

KML_FAST guint64 slub_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how);

/* The object at @addr looks as a free one does. If it is none, its owner wrote that; once it
 * is wiped out, there is no doubt. */
static guint64 G_GNUC_NO_INLINE
free_suspicious (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Slub *self = (Slub *)base;
  const KmlPfn head = frame_of (self, kml_ram_pfn (ram_of (self), addr))->slab.head;
  const KmlFrame *slab = frame_of (self, head);
  const SlubCache *cache = &self->caches[slab->slab.size_class];

  g_assert (!slub_is_listed (self, cache, head, addr)); /* it was freed already */

  slub_store (self, cache, addr, 0);
  return slub_free (base, addr, how);
}

KML_FAST guint64
slub_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Slub *self = (Slub *)base;
  const guint64 pfn = addr >> self->base.ram.page_shift;
  const KmlFrame *frame = &self->base.ram.frames[pfn];
  unsigned __int128 product;
  SlubCache *cache;
  SlubCpu *cpu;
  guint64 word;
  KmlPfn head;

  g_assert (pfn < self->base.ram.n_usable);
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);

  if (G_UNLIKELY (frame->slab.size_class == KML_PAGE_RUN_LARGE))
    return kml_page_runs_free_large (&self->runs, addr, how);
  cache = &self->caches[frame->slab.size_class];
  head = frame->slab.head;
  cpu = &cache->cpus[how->cpu];

  /* the quotient is the upper half, and nothing remains if the lower one is below the reciprocal
   * (segregated.c says why) */
  product = (unsigned __int128)(addr - ((KmlAddr)head << self->base.ram.page_shift)) *
            cache->reciprocal;
  g_assert ((guint64)product < cache->reciprocal); /* the beginning of an object ... */
  /* ... of this slab ... */
  g_assert ((guint64)(product >> 64) < self->base.ram.frames[head].slab.n_objects);
  word = kml_ram_load64 (&self->base.ram, addr + cache->link_offset);
  if (G_UNLIKELY (slub_has_guard (word, addr)))
    return free_suspicious (base, addr, how); /* ... and is not free */

  base->machine->now += self->free_cost;
  if (G_UNLIKELY (head != cpu->pfn))
    return slub_free_slowly (self, cache, head, (guint)(product >> 64), how);
  kml_ram_store64 (&self->base.ram, addr + cache->link_offset,
                   slub_guard_of (addr) | cpu->first_free);
  cpu->first_free = (guint16)((product >> 64) + 1);
  return cache->object_size;
}

KML_DEFINE_EXECUTE (slub)

/* Where there may be a cache model: */

static KmlAddr
alloc_and_touch (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  const KmlAddr addr = slub_alloc (base, request, ret_held);

  if (kml_has_caches (base->machine) && addr != KML_ADDR_NONE)
    slub_touch_taken ((Slub *)base, addr, request);
  return addr;
}

static guint64
touch_and_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  if (kml_has_caches (base->machine))
    slub_touch_freed ((Slub *)base, addr, how);
  return slub_free (base, addr, how);
}

/* ---- What it is called ---- */

static const char *const caches_choices[] = { "bins", "recorded", NULL };
static const char *const cpu_partial_choices[] = { "linux", "none", NULL };
static const char *const freelists[] = { "linear", "random", NULL };

static const KmlParam slub_params[] = {
  KML_BINS_PARAM (Slub),
  { .name = "quantum",
    .type = KML_PARAM_SIZE,
    .value = "8",
    .min = 8,
    .max = 4096,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (Slub, quantum),
    .summary = "bins are rounded up to a multiple of this, the least alignment of objects" },
  { .name = "min-order",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Slub, rule.min_order),
    .summary = "a slab has at least 2^min-order page frames (slub_min_order)" },
  { .name = "max-order",
    .type = KML_PARAM_COUNT,
    .value = "3",
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Slub, rule.max_order),
    .summary = "a slab has at most 2^max-order page frames, unless one object needs more "
               "(slub_max_order)" },
  { .name = "min-objects",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .min = 0,
    .max = KML_SLAB_MAX_OBJECTS,
    .offset = G_STRUCT_OFFSET (Slub, rule.min_objects),
    .summary = "objects that a slab should have room for (slub_min_objects); 0: the more, the more "
               "CPUs there are" },
  { .name = "cpu-partial",
    .type = KML_PARAM_CHOICE,
    .value = "linux",
    .choices = cpu_partial_choices,
    .offset = G_STRUCT_OFFSET (Slub, cpu_partial),
    .summary = "each CPU keeps slabs with free objects, or it has none besides the one it works on "
               "(CONFIG_SLUB_CPU_PARTIAL = n)" },
  { .name = "cpu-partial-objects",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .min = 0,
    .max = 30000,
    .offset = G_STRUCT_OFFSET (Slub, cpu_partial_objects),
    .summary = "objects that those should offer when half full (/sys/kernel/slab/*/cpu_partial); "
               "0: 6 to 120, by size" },
  { .name = "min-partial",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .min = 0,
    .max = G_MAXUINT32,
    .offset = G_STRUCT_OFFSET (Slub, min_partial),
    .summary = "an empty slab is kept if fewer than these are on its cache's list "
               "(/sys/kernel/slab/*/min_partial); 0: 5 to 10, by size" },
  { .name = "caches",
    .type = KML_PARAM_CHOICE,
    .value = "bins",
    .choices = caches_choices,
    .offset = G_STRUCT_OFFSET (Slub, which_caches),
    .summary = "one for each bin; or as in the recorded kernel: each kmem_cache has its own, by "
               "the size of its objects, and kmalloc() a bin's "
               "four (kmalloc-, kmalloc-cg-, kmalloc-rcl-, dma-kmalloc-)" },
  { .name = "freelist",
    .type = KML_PARAM_CHOICE,
    .value = "linear",
    .choices = freelists,
    .offset = G_STRUCT_OFFSET (Slub, freelist),
    .summary = "objects of a new slab are taken by address, or in a shuffled order "
               "(CONFIG_SLAB_FREELIST_RANDOM)" },
  { NULL },
};

static const KmlCounterInfo slub_counters[] = {
  KML_SLAB_COUNTERS,
  [COUNTER_ALLOC_SLOWPATH] = { "alloc_slowpath", "requests",
                               "requests that found the list of their CPU empty" },
  [COUNTER_ALLOC_REFILL] = { "alloc_refill", "requests",
                             "... whose CPU's slab had objects that others had freed to it" },
  [COUNTER_CPU_PARTIAL_ALLOC] = { "cpu_partial_alloc", "requests",
                                  "... that took a partial slab of their CPU" },
  [COUNTER_ALLOC_FROM_PARTIAL] = { "alloc_from_partial", "requests",
                                   "... that took a partial slab of the node" },
  [COUNTER_CPU_PARTIAL_NODE] = { "cpu_partial_node", "slabs",
                                 "partial slabs of the node that a CPU took besides" },
  [COUNTER_FREE_SLOWPATH] = { "free_slowpath", "blocks",
                              "objects freed to another slab than that of their CPU" },
  [COUNTER_FREE_FROZEN] = { "free_frozen", "blocks", "... which some CPU had" },
  [COUNTER_CPU_PARTIAL_FREE] = { "cpu_partial_free", "blocks",
                                 "... which was full, and became a partial slab of the CPU" },
  [COUNTER_CPU_PARTIAL_DRAIN] = { "cpu_partial_drain", "times",
                                  "times that a CPU gave its partial slabs to the node" },
  [COUNTER_FREE_ADD_PARTIAL] = { "free_add_partial", "slabs", "slabs put on the node's list" },
  [COUNTER_FREE_REMOVE_PARTIAL] = { "free_remove_partial", "slabs",
                                    "slabs taken off the node's list because they were empty" },
  { NULL },
};

static const KmlAllocatorOps slub_ops = {
  .name = "slub",
  .summary = "SLUB of Linux 6.1: slabs for each bin of sizes, with lists of each CPU",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Slub),
  .params = slub_params,
  .counters = slub_counters,
  .init = slub_init,
  .finish = slub_finish,
  .alloc = alloc_and_touch,
  .free = touch_and_free,
  .size_of = slub_size_of,
  .execute = slub_execute,
  .shrink = slub_shrink,
  .remember = slub_remember,
  .walk = slub_walk,
  .walk_caches = slub_walk_caches,
  .walk_locks = slub_walk_locks,
  .check = slub_check,
};

KML_REGISTER_ALLOCATOR (slub_ops)
