/* segregated.c: segregated fits: one cache of slabs for each bin of sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Jeff Bonwick, "The Slab Allocator: An Object-Caching Kernel Memory Allocator",
 * USENIX Summer 1994; in the form that Christoph Lameter gave it in Linux's SLUB
 * (2007): no queues, and the only header of a slab is its page's record.
 *
 * 1. Bins
 *
 * A request is rounded up to the smallest bin that holds it (simcore/objects/bins.h has the sets). A
 * bin has slabs: runs of page frames, cut into objects of the bin's size.
 *
 *     bin 832, slab of order 2:  | 0 | 1 | 2 | ... | 18 | tail: 576 bytes |
 *
 * Requests above the largest bin go to the page level, rounded up to pages.
 *
 * 2. Order of a slab
 *
 * SLUB's rule (simcore/objects/slab-order.c). When the page level has no block of that order, the smallest
 * one that holds an object is tried, so slabs of one bin may differ in order.
 *
 * 3. Objects on their way
 *
 *            first_free                        n_fresh       n_objects
 *     | used | free | used | free -> | used |  | fresh | fresh | tail
 *              |______________^
 *
 * Free objects of a slab form a list inside themselves, last in first out. Objects from n_fresh
 * on were never given out: they are taken when the list is empty, so a new slab costs no walk
 * that links all of it (SLUB does walk, and shuffles for the sake of security, which has no
 * meaning here), and the host gives memory only for objects that were used.
 *
 * A free object begins with one word: the link, 1 + index of the next (16 bits), and a *guard*,
 * 16 bits that follow from its address and are never 0. An object in use begins without: the
 * guard is cleared when it is given out. So
 *
 *   - an object that is freed twice has its guard still. That its owner has written just these
 *     bits by chance is told apart by a look through the free list, so a double free is always
 *     found, at the price of a compare. A bitmap would find it too, but would be one more cold
 *     line for each operation.
 *   - a free object that somebody writes to is found when it is given out, before its link
 *     leads astray.
 *
 * Objects have at least 4 bytes for this, and a slab at most 65535 objects.
 *
 * Which object an address means is offset / size. With M = ceil (2^64 / size), the upper half
 * of the 128-bit product offset * M is the quotient and its lower half is below M if and only
 * if nothing remains, for all 32-bit offsets and sizes (Lemire, Kaser and Kurz, "Faster
 * remainder by direct computation", 2019): one multiplication says both which object it is and
 * whether the address is one's beginning.
 *
 * 4. Slabs on their way
 *
 *              the last object          an object           the last one
 *              is taken                 is freed            is freed
 *     current ----------------> full ------------> partial -------------> empty
 *        ^                     (no list)          (a list) |             (a list) |
 *        |_________________________________________________|______________________|
 *                            another current slab is needed            more than `keep`: page level
 *
 * Each bin has one current slab, from which objects are taken until it is full; then the first
 * partial slab becomes current, or an empty one, or a new one. A bin without a current slab
 * points to the record of the first reserved frame, which is zero for ever (M1 of ram.h): a
 * slab with nothing to give, so the fast path needs no question. list = fifo gives slabs time
 * to become empty (SLUB appends, too); lifo takes the one that was full last.
 *
 * 5. Where things are
 *
 * Links and guards lie in simulated RAM, in the objects; the slab's header is the record of its
 * first frame; records of all its frames lead there. Bins and the table of sizes are a kernel's
 * static data, and are not taken from the page level. Metadata is the tails.
 *
 * The contents of objects are not modelled: __GFP_ZERO is paid for, not done.
 *
 * 6. Constraints
 *
 * A slab is aligned to a page. So an alignment is kept by a bin whose size is a multiple of it,
 * and a boundary by a bin of a power of two that is not above it, neither more than a page.
 * Whatever no bin keeps, and every limit of address, is left to the page level.
 *
 * 7. Costs
 *
 * Those of SLUB's paths. Fast: a hot reference to the CPU's slab and one to the bin, one to the
 * object for its link, and a compare-and-exchange without lock; to free, the record that the
 * address leads to comes first, warm. An object was freed not long ago and is warm, a fresh one
 * is cold. Slow: the list's lock and the slab's record and its neighbour's. The numbers of
 * instructions are at their definition.
 *
 * 8. Not modelled
 *
 * Slabs of single CPUs (a layer's business), NUMA nodes, constructors, kmalloc's separate
 * caches for reclaimable and accounted objects, debugging red zones, merging of caches.
 *
 * 9. Invariants, verified by segregated_check()
 *
 *   R1, R2 of page-runs.h
 *   S1  as many objects as a slab says fit in its run
 *   S2  a slab's free list has n_fresh - n_used different objects, all below n_fresh, each with
 *       its guard
 *   S3  a slab is on its bin's partial list if it has used and free objects, on its empty list
 *       if it has none in use, on none if it is full or current; the lists' links and counts agree
 *   S4  a bin has at most keep empty slabs
 *   S5  each bin's numbers of slabs, frames, room and used objects are the sums over its slabs
 *   S6  metadata_bytes is the sum of the slabs' tails
 */

#include "allocators/segregated.h"
#include "simcore/replay/driver-loop.h"

#define MIN_OBJECT_SIZE 4u
#define MAX_OBJECT_SIZE (G_GUINT64_CONSTANT (1) << 30)

/* Estimates from reading the paths below without assertions, guards and what only a simulation
 * does; they are not measured on a kernel. */
#define ALLOC_INSTRUCTIONS 40
#define FREE_INSTRUCTIONS  45
#define LARGE_INSTRUCTIONS 30

/* ---- Setting up ---- */

/* Returns that of taking an object from a list. */
static KmlTime
init_costs (Segregated *self)
{
  const KmlTime *cost = self->base.machine->cost;
  const KmlTime alloc_cost = ALLOC_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] +
                             cost[KML_COST_ATOMIC];

  self->free_cost = FREE_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] + cost[KML_COST_ATOMIC];
  if (self->base.machine->caches != NULL)
    return alloc_cost; /* references cost what they cost where they are made */
  self->fresh_cost = cost[KML_COST_COLD] - MIN (cost[KML_COST_WARM], cost[KML_COST_COLD]);
  self->free_cost += 2 * cost[KML_COST_HOT] + 2 * cost[KML_COST_WARM];
  return alloc_cost + 2 * cost[KML_COST_HOT] + cost[KML_COST_WARM];
}

static void
init_bin (const Segregated *self, Bin *bin, guint64 size, KmlTime alloc_cost)
{
  bin->object_size = (guint32)size;
  bin->reciprocal = G_MAXUINT64 / size + 1; /* size >= 4: no overflow */
  bin->alloc_cost[0] = alloc_cost;
  bin->alloc_cost[1] = alloc_cost + kml_clearing_time (self->base.machine, size);
  segregated_set_current (self, bin, ram_of (self)->n_usable);
  kml_frame_list_init (&bin->partial.slabs);
  kml_frame_list_init (&bin->empty.slabs);
  bin->order = (guint8)kml_slab_order (&self->rule, size);
  bin->least_order = (guint8)kml_slab_least_order (&self->rule, 1, size);
}

static gboolean
segregated_init (KmlAllocator *base, GError **error)
{
  Segregated *self = (Segregated *)base;
  const KmlTime alloc_cost = init_costs (self);

  self->rule.page_size = kml_ram_page_size (ram_of (self));
  self->rule.n_cpus = self->base.machine->n_cpus;
  if (!kml_bin_table_init (&self->table, self->bin_text, self->quantum, MIN_OBJECT_SIZE,
                           MAX_OBJECT_SIZE, error) ||
      !kml_slab_order_check (self->rule.page_size, self->rule.min_order, self->rule.max_order,
                             error))
    return FALSE;
  self->n_bins = self->table.bins.n;
  self->runs = (KmlPageRuns){ .owner = base,
                              .large_counter = COUNTER_LARGE,
                              .large_instructions = LARGE_INSTRUCTIONS };
  self->bins = g_aligned_alloc0 (self->n_bins, sizeof (Bin), 64);
  for (guint i = 0; i < self->n_bins; i++)
    init_bin (self, &self->bins[i], self->table.bins.sizes[i], alloc_cost);
  self->statics = kml_machine_statics (base->machine, self->n_bins * sizeof (Bin));
  return TRUE;
}

static void
segregated_finish (KmlAllocator *base)
{
  Segregated *self = (Segregated *)base;

  g_clear_pointer (&self->bins, g_aligned_free);
  kml_bin_table_clear (&self->table);
}

static gboolean
segregated_remember (KmlAllocator *base, KmlImage *image)
{
  Segregated *self = (Segregated *)base;

  kml_image_add (image, self->bins, self->n_bins * sizeof *self->bins);
  return TRUE;
}

/* ---- References, with a cache model ---- */

/* What the object, or the pages, at @addr are of. */
static const KmlFrame *
slab_of (const Segregated *self, KmlAddr addr)
{
  return frame_of (self, frame_of (self, kml_ram_pfn (ram_of (self), addr))->slab.head);
}

static void
touch_bin (const Segregated *self, const Bin *bin)
{
  kml_touch (self->base.machine, self->statics + (KmlAddr)(bin - self->bins) * sizeof (Bin), 64,
             KML_TOUCH_WRITE);
}

/* Of the paths without a list: the bin, the slab's record, the object's first word. */
static void
touch_taken (const Segregated *self, KmlAddr addr, const KmlRequest *request)
{
  KmlMachine *machine = self->base.machine;
  const KmlFrame *slab = slab_of (self, addr);
  const Bin *bin;

  if (slab->slab.size_class == KML_PAGE_RUN_LARGE)
    return;
  bin = &self->bins[slab->slab.size_class];
  touch_bin (self, bin);
  kml_touch_frame (machine, slab, KML_TOUCH_WRITE);
  kml_touch (machine, addr, sizeof (guint32), KML_TOUCH_WRITE);
  if (request->gfp & KML_GFP_ZERO)
    kml_touch (machine, addr, bin->object_size, KML_TOUCH_WRITE | KML_TOUCH_UNPAID);
}

static void
touch_freed (const Segregated *self, KmlAddr addr)
{
  KmlMachine *machine = self->base.machine;
  const KmlFrame *slab = slab_of (self, addr);

  kml_touch_frame (machine, frame_of (self, kml_ram_pfn (ram_of (self), addr)), KML_TOUCH_READ);
  if (slab->slab.size_class == KML_PAGE_RUN_LARGE)
    return;
  kml_touch_frame (machine, slab, KML_TOUCH_WRITE);
  touch_bin (self, &self->bins[slab->slab.size_class]);
  kml_touch (machine, addr, sizeof (guint32), KML_TOUCH_WRITE);
}

/* ---- Objects ---- */

static KmlAddr refill_and_take (Segregated *self, Bin *bin, const KmlRequest *request,
                                guint64 *ret_held);

/* What is called here and in segregated_alloc() is called last, and gets no address of the caller's variables: so the
 * compiler keeps these in registers, the clock among them. */
KML_FAST KmlAddr
take_object (Segregated *self, Bin *bin, const KmlRequest *request, guint64 *ret_held)
{
  KmlMachine *machine = self->base.machine;
  KmlFrame *slab = bin->slab;
  KmlTime cost = 0;
  guint64 offset;

  if (G_LIKELY (slab->slab.first_free != 0)) {
    guint32 word;

    offset = (guint64)(slab->slab.first_free - 1u) * bin->object_size;
    memcpy (&word, bin->objects + offset, sizeof word);
    g_assert (has_guard (word, bin->start + offset)); /* else somebody wrote to a free object */
    slab->slab.first_free = (guint16)word;
    __builtin_prefetch (bin->objects + link_of (word) * bin->object_size - bin->object_size, 1);
  } else if (slab->slab.n_fresh < slab->slab.n_objects) {
    offset = (guint64)slab->slab.n_fresh++ * bin->object_size;
    cost = self->fresh_cost;
  } else {
    guint64 held = 0;
    const KmlAddr addr = refill_and_take (self, bin, request, &held);

    *ret_held = held;
    return addr;
  }
  memset (bin->objects + offset, 0, sizeof (guint32));
  slab->slab.n_used++;
  bin->n_active++;
  /* without a branch: whether a request asks for zeroed memory is hard to predict */
  machine->now += cost + bin->alloc_cost[(request->gfp & KML_GFP_ZERO) != 0];
  *ret_held = bin->object_size;
  return bin->start + offset;
}

static KmlAddr G_GNUC_NO_INLINE
refill_and_take (Segregated *self, Bin *bin, const KmlRequest *request, guint64 *ret_held)
{
  if (!segregated_refill (self, bin, request))
    return KML_ADDR_NONE;
  return take_object (self, bin, request, ret_held);
}

/* Large sizes and constraints. */
static KmlAddr G_GNUC_NO_INLINE
alloc_unusual (Segregated *self, const KmlRequest *request, guint64 *ret_held)
{
  const guint i = kml_bin_table_choose (&self->table, request, kml_ram_page_size (ram_of (self)));

  g_assert (request->size > 0);

  if (i < self->n_bins)
    return take_object (self, &self->bins[i], request, ret_held);
  return kml_page_runs_alloc_large (&self->runs, request, ret_held);
}

/* ---- The operations ---- */

KML_FAST KmlAddr
segregated_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Segregated *self = (Segregated *)base;
  const guint64 size = request->size;

  if (G_UNLIKELY (size - 1 >= self->table.limit || request->constraints != NULL)) {
    guint64 held = 0;
    const KmlAddr addr = alloc_unusual (self, request, &held);

    *ret_held = held;
    return addr;
  }
  return take_object (self, &self->bins[kml_bin_table_look (&self->table, size)], request,
                      ret_held);
}

KML_FAST guint64 segregated_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how);

/* The object at @addr begins as a free one does. If it is none, its owner wrote that; once it
 * is wiped out, there is no doubt. */
static guint64 G_GNUC_NO_INLINE
free_suspicious (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Segregated *self = (Segregated *)base;
  const KmlPfn head = frame_of (self, kml_ram_pfn (ram_of (self), addr))->slab.head;
  const KmlFrame *slab = frame_of (self, head);
  const Bin *bin = &self->bins[slab->slab.size_class];
  const guint64 index = (addr - kml_ram_addr (ram_of (self), head)) / bin->object_size;

  g_assert (!segregated_is_listed (self, bin, slab, index)); /* it was freed already */

  kml_ram_store32 (&base->ram, addr, 0);
  return segregated_free (base, addr, how);
}

KML_FAST guint64
segregated_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Segregated *self = (Segregated *)base;
  KmlMachine *machine = base->machine;
  const KmlTime now = machine->now + self->free_cost;
  const guint64 pfn = addr >> self->base.ram.page_shift;
  const KmlFrame *frame = &self->base.ram.frames[pfn];
  unsigned __int128 product;
  guint32 word;
  KmlPfn head;
  KmlFrame *slab;
  Bin *bin;

  g_assert (pfn < self->base.ram.n_usable);
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);

  if (G_UNLIKELY (frame->slab.size_class == KML_PAGE_RUN_LARGE))
    return kml_page_runs_free_large (&self->runs, addr, how);
  /* all from the one record: what waits for the slab's own need not wait for the bin, too */
  bin = &self->bins[frame->slab.size_class];
  head = frame->slab.head;
  slab = &self->base.ram.frames[head];

  product = (unsigned __int128)(addr - ((KmlAddr)head << self->base.ram.page_shift)) *
            bin->reciprocal;
  g_assert ((guint64)product < bin->reciprocal);            /* the beginning of an object ... */
  g_assert ((guint64)(product >> 64) < slab->slab.n_fresh); /* ... that was given out ... */
  memcpy (&word, self->base.ram.store + addr, sizeof word);
  if (G_UNLIKELY (has_guard (word, addr)))
    return free_suspicious (base, addr, how); /* ... and is not free */

  word = (guard_of (addr) & 0xffff0000) | slab->slab.first_free;
  memcpy (self->base.ram.store + addr, &word, sizeof word);
  slab->slab.first_free = (guint16)((product >> 64) + 1);
  bin->n_active--;
  machine->now = now;
  if (G_UNLIKELY (slab->slab.n_used-- == slab->slab.n_objects || slab->slab.n_used == 0))
    if (head != bin->current)
      return segregated_move_slab (self, bin, head, how);
  return bin->object_size;
}

KML_DEFINE_EXECUTE (segregated)

/* Where there may be a cache model: */

static KmlAddr
alloc_and_touch (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  const KmlAddr addr = segregated_alloc (base, request, ret_held);

  if (kml_has_caches (base->machine) && addr != KML_ADDR_NONE)
    touch_taken ((Segregated *)base, addr, request);
  return addr;
}

static guint64
touch_and_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  if (kml_has_caches (base->machine))
    touch_freed ((Segregated *)base, addr);
  return segregated_free (base, addr, how);
}

/* ---- What it is called ---- */

static const char *const list_orders[] = { "fifo", "lifo", NULL };

static const KmlParam segregated_params[] = {
  KML_BINS_PARAM (Segregated),
  { .name = "quantum",
    .type = KML_PARAM_SIZE,
    .value = "8",
    .min = 1,
    .max = 4096,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (Segregated, quantum),
    .summary = "bins are rounded up to a multiple of this, the least alignment of objects" },
  { .name = "min-order",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Segregated, rule.min_order),
    .summary = "a slab has at least 2^min-order page frames" },
  { .name = "max-order",
    .type = KML_PARAM_COUNT,
    .value = "3",
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Segregated, rule.max_order),
    .summary = "a slab has at most 2^max-order page frames, unless one object needs more" },
  { .name = "min-objects",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .min = 0,
    .max = KML_SLAB_MAX_OBJECTS,
    .offset = G_STRUCT_OFFSET (Segregated, rule.min_objects),
    .summary = "objects that a slab should have room for; 0: the more, the more CPUs there are" },
  { .name = "keep",
    .type = KML_PARAM_COUNT,
    .value = "5",
    .min = 0,
    .max = G_MAXUINT32,
    .offset = G_STRUCT_OFFSET (Segregated, keep),
    .summary = "empty slabs that a bin keeps instead of giving them back" },
  { .name = "list",
    .type = KML_PARAM_CHOICE,
    .value = "fifo",
    .choices = list_orders,
    .offset = G_STRUCT_OFFSET (Segregated, list_order),
    .summary =
        "which of several slabs with free objects is used: the one that was full first, or last" },
  { NULL },
};

static const KmlCounterInfo segregated_counters[] = {
  [COUNTER_REFILLS] = { "refills", "slabs",
                        "times that the current slab of a bin had nothing left to give" },
  KML_SLAB_COUNTERS,
  { NULL },
};

static const KmlAllocatorOps segregated_ops = {
  .name = "segregated",
  .summary = "segregated fits: slabs of equal objects for each bin of sizes, as in Linux's SLUB",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Segregated),
  .params = segregated_params,
  .counters = segregated_counters,
  .init = segregated_init,
  .finish = segregated_finish,
  .alloc = alloc_and_touch,
  .free = touch_and_free,
  .size_of = segregated_size_of,
  .execute = segregated_execute,
  .shrink = segregated_shrink,
  .remember = segregated_remember,
  .walk = segregated_walk,
  .walk_caches = segregated_walk_caches,
  .check = segregated_check,
};

KML_REGISTER_ALLOCATOR (segregated_ops)
