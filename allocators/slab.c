/* slab.c: the slab allocator, as it was first.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Jeff Bonwick, "The Slab Allocator: An Object-Caching Kernel Memory Allocator", USENIX Summer
 * 1994: the kernel memory allocator of SunOS 5.4. What became of it in Linux is segregated.c.
 *
 * 1. Caches and slabs
 *
 * A *cache* has objects of one size; here one for each bin (simcore/objects/bins.h), as kmem_alloc() has
 * them, to which a request is rounded up. Its memory comes in *slabs*, each cut into equal
 * chunks, with a count of those in use and a list of the others. To ask for an object is to take the
 * first free one of the first slab that has any; to free one is to put it in front of its
 * slab's list. Both take constant time.
 *
 * 2. Small objects
 *
 * Those below an eighth of a page. The slab is a page with its header, the kmem_slab, at its end,
 * which is found from an object's address alone, so nothing else is to be kept for an object:
 *
 *     |colour| 0 | 1 | 2 | ...  | 19 |  rest  | header: 32 bytes |      200 bytes: 20 objects
 *
 * A free object is its own list entry. The link is in its last word, since owners use the beginning
 * of a structure most: a write after free does not lead the list astray so easily.
 *
 * 3. Large objects
 *
 * A header at the end of a page would leave room for 7 objects of 512 bytes. So all else is kept
 * elsewhere: the header is an object of an internal cache, and each object has a *bufctl*, of
 * another one, which is on the slab's free list or, while the object is in use, in its cache's hash
 * table, where freeing finds it by the object's address:
 *
 *     slab |     0     |     1     |     2     |     3     |rest|
 *                ^           ^           ^           ^
 *     bufctls   [0]         [1]         [2]         [3]         header
 *                |           |           |           |             |
 *            hash chain      |       hash chain      |             |
 *                           [1] <-----------------  [3] <--- free list
 *
 * A table has 64 chains of its own (static data), then whole pages of them: it is doubled when there are more
 * than two objects a chain, and halved when there is less than half of one. (SunOS looks every 15
 * seconds.)
 *
 * A slab is as many pages, a power of two, as leave at most an eighth of it over; if none of up to
 * 2^max-order does, the one that leaves the least. If the page level has no such run, one that
 * holds an object does.
 *
 * What is left over in a slab of n objects, headers apart, is less than 1/n of it: it holds no other
 * object (claim A09).
 *
 * 4. Colours
 *
 * Slabs begin with a page, so objects of one index would all fall into the same lines of the
 * processor's cache. What is left over makes them differ: each slab of a cache has its first object
 * `quantum` bytes further on than the one before, until that does not fit any more.
 *
 *     200 bytes, a page: 4096 - 32 - 20 * 200 = 64 left over: colours 0, 8, 16, ... 64, 0, 8, ...
 *
 * What they save shows with a cache model (scenarios/caches/slab-colours.ini).
 *
 * 5. Slabs on their way
 *
 *                    its last object                     an object is freed
 *        first on     is taken                 goes        to it                 goes
 *        the list   ----------------->  full   off  ----------------------->   to the front
 *                                                        its last one is
 *        partial    --------------------------------------------------------->  to the end
 *
 * Bonwick's list of all slabs has the full ones first, then the partial ones, then the empty ones, and a
 * pointer to where the full ones end. Nobody looks for a full one, so here the list begins at that
 * pointer. (He calls a slab empty when all of it is in use, and complete when nothing is. Here
 * empty is what it is elsewhere.) So an empty slab is used only when no other has a free object, and
 * the one that was emptied first is used first.
 *
 * 6. Reaping
 *
 * Empty slabs stay (`keep` can limit them) until memory is out. Then those go back that nobody has
 * used for the time of the *working set*, 15 seconds; and if that is not enough, all.
 *
 * 7. Constructors
 *
 * What the allocator is for: objects are constructed when their slab is made, and free ones stay
 * so, so a request finds its object's locks and counts initialised. What is modelled is the cost, a
 * time per object, and the memory: a link must not overwrite the object's state, so it has a word
 * of its own.
 *
 *   constructed = retained   constructed when the slab is made
 *                 always     constructed at each request, as without this allocator
 *
 * 8. Guards
 *
 * The link is an index, 16 bits, beside 16 bits that follow from the object's address. An object in
 * use has not got them; that its owner wrote them by chance is told by looking through the free list.
 * So freeing twice is always found, and so is what was written over the link of a free object. Of
 * large objects the hash table knows which are in use. Objects in [n_fresh, n_objects) are on the list
 * in order, without the link being written: the host gives no memory for what was never used.
 * Bonwick links all of them, and that is paid.
 *
 * 9. Constraints
 *
 * Colours leave an object no more aligned than to the quantum. Requests with any further constraint,
 * and those above the largest bin, are left to the page level.
 *
 * 10. Costs
 *
 * A lock. The cache is hot; the slab's header and the object's link are warm, as are the bufctl, the
 * head of the chain and each bufctl looked at there. To make a slab writes a link in each object.
 * The numbers of instructions are in slab.h.
 *
 * 11. Not modelled
 *
 * Caches of single CPUs (magazines came in 2001), destructors, debugging features, the daemon that
 * rescales tables and reaps.
 *
 * 12. Invariants, verified by slab_check()
 *
 *   L1  each slab's objects fit between its colour and its header or end; all its frames name its
 *       cache
 *   L2  a small slab's free list has n_fresh - n_used different objects, all below n_fresh, each
 *       with its guard
 *   L3  each object of a large slab has one bufctl, which says so; it is on the slab's free list, and
 *       n_objects - n_used are, or in the chain of its address
 *   L4  a cache's list has its partial slabs, then the empty ones, and no others; links agree, and
 *       the head is the first slab's
 *   L5  each cache's numbers of slabs, frames, room, used objects and empty slabs are the sums
 *       over its slabs
 *   L6  the internal caches have as many objects in use as large slabs have headers and bufctls
 *   L7  metadata_bytes is all that is no object of a bin: rests, headers, internal slabs, tables
 *   L8  a cache has at most keep empty slabs
 *   R1, R2 of page-runs.h
 */

#include "allocators/slab.h"

#include "simcore/replay/driver-loop.h"
#include "simcore/objects/slab-order.h"

#define MIN_OBJECT_SIZE 4u
#define MAX_OBJECT_SIZE (G_GUINT64_CONSTANT (1) << 30)
#define LINK_WORD       8u /* of a constructed object: keeps what follows aligned */

/* ---- Setting up ---- */

static void
init_costs (Slab *self)
{
  const KmlTime *cost = self->base.machine->cost;
  const KmlTime references = self->base.machine->caches != NULL
                                 ? 0 /* they cost what they cost where they are made */
                                 : cost[KML_COST_HOT] + 2 * cost[KML_COST_WARM];

  self->alloc_cost = SLAB_ALLOC_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] + cost[KML_COST_LOCK] +
                     references;
  self->request_cost = self->alloc_cost +
                       (self->constructed == CONSTRUCTED_ALWAYS ? self->constructor : 0);
  self->free_cost = SLAB_FREE_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] + cost[KML_COST_LOCK] +
                    references;
}

/* What a slab of this order leaves over. */
static guint64
rest_of (const Slab *self, guint order, guint64 chunk)
{
  const guint64 size = kml_ram_page_size (ram_of (self)) << order;

  return size - MIN (size / chunk, SLAB_MAX_OBJECTS) * chunk;
}

/* The smallest order up to max-order that leaves at most an eighth of the slab over, or the one
 * that leaves the smallest share; more, if one object needs it. */
static guint
best_order (const Slab *self, guint least, guint64 chunk)
{
  const guint64 page_size = kml_ram_page_size (ram_of (self));
  guint best = least;

  for (guint order = least; order <= self->max_order; order++) {
    const guint64 rest = rest_of (self, order, chunk);

    if (rest <= page_size << order >> 3)
      return order;
    if (rest < rest_of (self, best, chunk) << (order - best)) /* a smaller share */
      best = order;
  }
  return best;
}

static void
init_cache (Slab *self, Cache *cache, guint64 size, gboolean has_link_word)
{
  const guint64 page_size = kml_ram_page_size (ram_of (self));
  const guint64 n_pages = (size - 1) >> ram_of (self)->page_shift;

  cache->statics = kml_machine_statics (self->base.machine, SLAB_STATICS);
  cache->object_size = (guint32)size;
  cache->is_small = size < page_size / 8;
  cache->chunk = (guint32)(cache->is_small && has_link_word
                               ? (size + LINK_WORD + self->quantum - 1) & ~(self->quantum - 1)
                               : size);
  cache->link_offset = cache->chunk - 4;
  cache->reciprocal = G_MAXUINT64 / cache->chunk + 1; /* chunk >= 4: no overflow */
  cache->zero_cost = kml_clearing_time (self->base.machine, size);
  cache->head = &self->nothing;
  cache->first = cache->last = KML_PFN_NONE;
  if (cache->is_small) {
    cache->colour_max = (guint32)((page_size - sizeof (SlabHeader)) % cache->chunk);
    return;
  }
  cache->least_order = (guint8)(n_pages == 0 ? 0 : 64 - (guint)__builtin_clzll (n_pages));
  cache->order = (guint8)best_order (self, cache->least_order, cache->chunk);
  cache->colour_max = (guint32)rest_of (self, cache->order, cache->chunk);
  cache->hash = g_new0 (SlabHash, 1);
  slab_hash_init (cache->hash, cache->chunk);
}

static gboolean
slab_init (KmlAllocator *base, GError **error)
{
  Slab *self = (Slab *)base;
  const guint64 page_size = kml_ram_page_size (ram_of (self));

  if (!kml_bin_table_init (&self->table, self->bin_text, self->quantum, MIN_OBJECT_SIZE,
                           MAX_OBJECT_SIZE, error) ||
      !kml_slab_order_check (page_size, 0, self->max_order, error))
    return FALSE;
  self->runs = (KmlPageRuns){ .owner = base,
                              .large_counter = COUNTER_LARGE,
                              .large_instructions = SLAB_LARGE_INSTRUCTIONS };
  self->has_caches = base->machine->caches != NULL;
  self->page_mask = page_size - 1;
  self->n_caches = self->table.bins.n;
  self->caches = g_aligned_alloc0 (self->n_caches + 2, sizeof (Cache), 64);
  for (guint i = 0; i < self->n_caches; i++)
    init_cache (self, &self->caches[i], self->table.bins.sizes[i],
                self->constructor > 0 && self->constructed == CONSTRUCTED_RETAINED);
  init_cache (self, header_cache (self), sizeof (SlabHeader), FALSE);
  init_cache (self, bufctl_cache (self), sizeof (Bufctl), FALSE);
  init_costs (self);
  return TRUE;
}

static void
slab_finish (KmlAllocator *base)
{
  Slab *self = (Slab *)base;

  for (guint i = 0; self->caches != NULL && i < self->n_caches; i++)
    g_free (self->caches[i].hash);
  g_clear_pointer (&self->caches, g_aligned_free);
  kml_bin_table_clear (&self->table);
}

static gboolean
slab_remember (KmlAllocator *base, KmlImage *image)
{
  Slab *self = (Slab *)base;

  kml_image_add (image, self->caches, (self->n_caches + 2) * sizeof *self->caches);
  for (guint i = 0; i < self->n_caches + 2; i++)
    if (self->caches[i].hash != NULL)
      kml_image_add (image, self->caches[i].hash, sizeof *self->caches[i].hash);
  return TRUE;
}

/* ---- Small objects ---- */

/* With a cache model: the cache, the slab's header, the object's link; all of an object that is cleared. */
static void G_GNUC_NO_INLINE
touch_small (const Slab *self, const Cache *cache, KmlAddr addr, gboolean is_cleared)
{
  slab_touch_cache (self, cache);
  slab_touch (self, small_header (self, kml_ram_pfn (ram_of (self), addr)), sizeof (SlabHeader));
  kml_touch (self->base.machine, addr + cache->link_offset, sizeof (guint32), KML_TOUCH_WRITE);
  if (is_cleared)
    kml_machine_clears (self->base.machine, ram_of (self)->store + addr, cache->object_size);
}

static KmlAddr take_slowly (Slab *self, Cache *cache, const KmlRequest *request, guint64 *ret_held);

/* The first free object of the first slab that has one. */
KML_FAST KmlAddr
take_small (Slab *self, Cache *cache, const KmlRequest *request, guint64 *ret_held)
{
  KmlRam *ram = &self->base.ram;
  SlabHeader *slab = cache->head;
  KmlAddr addr = cache->objects;

  if (G_LIKELY (slab->first_free != 0)) {
    guint32 word;

    addr += (guint64)(slab->first_free - 1u) * cache->chunk;
    word = kml_ram_load32 (ram, addr + cache->link_offset);
    g_assert ((word & SLAB_GUARD_BITS) == slab_guard (addr)); /* else somebody wrote there */
    slab->first_free = (guint16)word;
  } else if (G_LIKELY (slab->n_fresh < slab->n_objects)) {
    addr += (guint64)slab->n_fresh++ * cache->chunk;
  } else {
    return take_slowly (self, cache, request, ret_held);
  }
  kml_ram_store32 (ram, addr + cache->link_offset, 0);
  *ret_held = cache->object_size;
  cache->n_active++;
  cache->n_empty -= slab->n_used == 0;
  if (G_UNLIKELY (self->has_caches))
    touch_small (self, cache, addr, (request->gfp & KML_GFP_ZERO) != 0);
  if (G_UNLIKELY (++slab->n_used == slab->n_objects))
    slab_is_full (self, cache, slab);
  return addr;
}

/* The cache has large objects, or no slab with a free one. */
static KmlAddr G_GNUC_NO_INLINE
take_slowly (Slab *self, Cache *cache, const KmlRequest *request, guint64 *ret_held)
{
  if (!cache->is_small)
    return slab_take_large (self, cache, request, ret_held);
  if (!slab_create (self, cache, request))
    return KML_ADDR_NONE;
  return take_small (self, cache, request, ret_held);
}

static void free_suspicious (Slab *self, Cache *cache, KmlAddr addr, const KmlRequest *how);

KML_FAST void
free_small (Slab *self, Cache *cache, KmlAddr addr, const KmlRequest *how)
{
  KmlRam *ram = &self->base.ram;
  SlabHeader *slab = small_header (self, kml_ram_pfn (ram, addr));
  const guint32 offset = (guint32)(addr & self->page_mask) - slab->colour;
  const unsigned __int128 product = (unsigned __int128)offset * cache->reciprocal;
  const guint32 guard = slab_guard (addr);

  /* the quotient is the upper half, and nothing remains if the lower one is below the reciprocal
   * (segregated.c says why) */
  g_assert ((guint64)product < cache->reciprocal);     /* the beginning of an object ... */
  g_assert ((guint64)(product >> 64) < slab->n_fresh); /* ... that was given out ... */
  if (G_UNLIKELY ((kml_ram_load32 (ram, addr + cache->link_offset) & SLAB_GUARD_BITS) == guard)) {
    free_suspicious (self, cache, addr, how); /* ... and is not free */
    return;
  }
  if (G_UNLIKELY (self->has_caches))
    touch_small (self, cache, addr, FALSE);
  kml_ram_store32 (ram, addr + cache->link_offset, guard | slab->first_free);
  slab->first_free = (guint16)((product >> 64) + 1);
  cache->n_active--;
  if (G_UNLIKELY (slab->n_used-- == slab->n_objects || slab->n_used == 0))
    slab_was_freed_to (self, cache, slab, how);
}

/* The object ends as a free one does. If it is none, its owner wrote that; once it is wiped
 * out, there is no doubt. */
static void G_GNUC_NO_INLINE
free_suspicious (Slab *self, Cache *cache, KmlAddr addr, const KmlRequest *how)
{
  const SlabHeader *slab = small_header (self, kml_ram_pfn (ram_of (self), addr));

  g_assert (!slab_is_listed (
      self, cache, slab, (addr - first_object (self, slab)) / cache->chunk)); /* freed already */

  kml_ram_store32 (&self->base.ram, addr + cache->link_offset, 0);
  free_small (self, cache, addr, how);
}

KmlAddr
slab_take_internal (Slab *self, Cache *cache, const KmlRequest *request)
{
  guint64 held;

  self->base.machine->now += self->alloc_cost;
  return take_small (self, cache, request, &held);
}

void
slab_free_internal (Slab *self, Cache *cache, KmlAddr addr, const KmlRequest *how)
{
  self->base.machine->now += self->free_cost;
  free_small (self, cache, addr, how);
}

/* ---- The operations ---- */

/* Large sizes, and constraints that objects keep, or do not. */
static KmlAddr G_GNUC_NO_INLINE
alloc_unusual (Slab *self, const KmlRequest *request, guint64 *ret_held)
{
  const KmlConstraints *constraints = request->constraints;
  const guint bin = kml_bin_table_find (&self->table, request->size);
  KmlAddr addr;

  if (bin < self->n_caches &&
      (constraints == NULL || (constraints->alignment <= self->quantum &&
                               constraints->boundary == 0 && constraints->limit == 0))) {
    Cache *cache = &self->caches[bin];

    self->base.machine->now += self->request_cost +
                               (request->gfp & KML_GFP_ZERO ? cache->zero_cost : 0);
    return take_small (self, cache, request, ret_held);
  }
  addr = kml_page_runs_alloc_large (&self->runs, request, ret_held);
  if (addr == KML_ADDR_NONE && request->size <= ram_of (self)->size &&
      slab_reap (self, KML_TIME_MAX, request))
    addr = kml_page_runs_alloc_large (&self->runs, request, ret_held);
  return addr;
}

KML_FAST KmlAddr
slab_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Slab *self = (Slab *)base;
  Cache *cache;

  g_assert (request->size > 0);

  if (G_UNLIKELY (request->size > self->table.limit || request->constraints != NULL))
    return alloc_unusual (self, request, ret_held);
  cache = &self->caches[kml_bin_table_look (&self->table, request->size)];
  /* without a branch: whether a request asks for zeroed memory is hard to predict */
  base->machine->now += self->request_cost +
                        (cache->zero_cost & -(guint64)((request->gfp & KML_GFP_ZERO) != 0));
  return take_small (self, cache, request, ret_held);
}

static guint64 G_GNUC_NO_INLINE
free_unusual (Slab *self, guint size_class, KmlAddr addr, const KmlRequest *how)
{
  Cache *cache = &self->caches[size_class];

  if (size_class == KML_PAGE_RUN_LARGE)
    return kml_page_runs_free_large (&self->runs, addr, how);
  g_assert (size_class < self->n_caches); /* the allocator's own memory is not for others to free */
  self->base.machine->now += self->free_cost;
  slab_free_large (self, cache, addr, how);
  return cache->object_size;
}

KML_FAST guint64
slab_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Slab *self = (Slab *)base;
  const KmlRam *ram = &base->ram;
  const KmlFrame *frame = kml_ram_frame (ram, kml_ram_pfn (ram, addr));
  Cache *cache;

  g_assert (addr >> ram->page_shift < ram->n_usable);
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);

  if (G_UNLIKELY (frame->slab.size_class >= self->n_caches))
    return free_unusual (self, frame->slab.size_class, addr, how);
  cache = &self->caches[frame->slab.size_class];
  if (!cache->is_small)
    return free_unusual (self, frame->slab.size_class, addr, how);
  base->machine->now += self->free_cost;
  free_small (self, cache, addr, how);
  return cache->object_size;
}

KML_DEFINE_EXECUTE (slab)

static void
slab_shrink (KmlAllocator *base)
{
  const KmlRequest how = { 0 };

  slab_reap ((Slab *)base, KML_TIME_MAX, &how);
}

/* ---- What it is called ---- */

static const char *const constructed_choices[] = { "retained", "always", NULL };

static const KmlParam slab_params[] = {
  KML_BINS_PARAM (Slab),
  { .name = "quantum",
    .type = KML_PARAM_SIZE,
    .value = "8",
    .min = 1,
    .max = 4096,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (Slab, quantum),
    .summary = "bins are rounded up to a multiple of this, the least alignment of objects and the "
               "step from colour to colour" },
  { .name = "max-order",
    .type = KML_PARAM_COUNT,
    .value = "3",
    .min = 0,
    .max = KML_MAX_ORDER,
    .offset = G_STRUCT_OFFSET (Slab, max_order),
    .summary = "a slab has at most 2^max-order page frames, unless one object needs more" },
  { .name = "colouring",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (Slab, colouring),
    .summary = "slabs of one cache begin with different offsets" },
  { .name = "keep",
    .type = KML_PARAM_COUNT,
    .value = "4294967295",
    .min = 0,
    .max = G_MAXUINT32,
    .offset = G_STRUCT_OFFSET (Slab, keep),
    .summary = "empty slabs that a cache keeps until memory is out, instead of giving them back" },
  { .name = "working-set",
    .type = KML_PARAM_TIME,
    .value = "15s",
    .offset = G_STRUCT_OFFSET (Slab, working_set),
    .summary = "when memory is out, slabs that have been empty for longer are given back first" },
  { .name = "constructor",
    .type = KML_PARAM_TIME,
    .value = "0",
    .offset = G_STRUCT_OFFSET (Slab, constructor),
    .summary = "time that it takes to construct an object" },
  { .name = "constructed",
    .type = KML_PARAM_CHOICE,
    .value = "retained",
    .choices = constructed_choices,
    .offset = G_STRUCT_OFFSET (Slab, constructed),
    .summary = "objects are constructed when their slab is made and stay so, or always anew" },
  { NULL },
};

static const KmlCounterInfo slab_counters[] = {
  [COUNTER_REAPS] = { "reaps", "times", "times that empty slabs of all caches were given back" },
  [COUNTER_RESCALES] = { "rescales", "times", "times that a hash table was doubled or halved" },
  [COUNTER_LOOKED] = { "looked", "bufctls", "bufctls looked at when large objects were freed" },
  KML_SLAB_COUNTERS,
  { NULL },
};

static const KmlAllocatorOps slab_ops = {
  .name = "slab",
  .summary = "slabs of equal objects for each bin of sizes, as in SunOS 5.4",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Slab),
  .params = slab_params,
  .counters = slab_counters,
  .init = slab_init,
  .finish = slab_finish,
  .alloc = slab_alloc,
  .free = slab_free,
  .size_of = slab_size_of,
  .execute = slab_execute,
  .shrink = slab_shrink,
  .remember = slab_remember,
  .walk = slab_walk,
  .walk_caches = slab_walk_caches,
  .check = slab_check,
};

KML_REGISTER_ALLOCATOR (slab_ops)
