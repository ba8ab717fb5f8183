/* reserve.c: a few blocks kept for those who may not wait.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An emergency reserve, as Linux's mempools are (mm/mempool.c): code that may not sleep cannot wait for reclaim, so what it may need
 * lies ready. How much that must be is told by Erlang's loss formula (simcore/base/erlang.h).
 *
 * 1. Stashes
 *
 * A stash is a stack of blocks of one size that the layer below has given; one for each CPU, or one for all. Taking from a CPU's own is
 * a load and a store with no lock, safe in any context, since who interrupts leaves the stack as it was. A shared one
 * is a compare-and-exchange on a line that all CPUs want.
 *
 *      CPU 0   [ ■ ■ ■ ■ □ □ ]    4 of 6: two were taken, and their places will be filled
 *      CPU 1   [ ■ ■ ■ ■ ■ ■ ]
 *
 * Who may take: requests that may not sleep, for no more than a block of the stash has, without constraints. They ask the layer below first and the
 * stash when that fails (use = last-resort), or the stash first.
 *
 * 2. Refilling
 *
 * A place is free again when its block is given back (refill = returned: M/G/c/c with the block's lifetime), or also
 * a while after it was taken, by a task that may wait for memory (refill = task: with the time that the task needs). On a machine with tasks that
 * is a daemon in process context. On one without, places that are due are filled before the next request, in nobody's time. What
 * cannot be filled for want of memory is tried again after the same while, or 10 us if that is longer. A block that comes back to a full stash goes below.
 *
 * 3. Decisions
 *
 * Which blocks are the reserve's own is kept in a table of the host; a kernel has a bit in the page's record. Blocks that lie in a stash are free to whoever
 * walks, and in use to the layer below, which cannot give them to anybody: that is what they cost.
 *
 * 4. Not modelled
 *
 * Several sizes in one layer (put several around each other), tuning by load, CPUs that take from each other.
 *
 * 5. Invariants, verified by reserve_check()
 *
 *   V1  a stash has no more blocks than places, and places are full, being filled, or held by a block that was taken
 *   V2  the table has exactly the blocks in stashes and those that were taken and not given back
 */

#include "allocators/reserve.h"

#include "simcore/base/erlang.h"

#define MAX_SIZE 100000

/* ---- Stashes ---- */

/* Bytes: a count, the addresses of `size` blocks and one more; no line is shared. */
static guint64
stash_statics (const Reserve *self)
{
  return ((self->size + 2) * sizeof (KmlAddr) + 63) & ~G_GUINT64_CONSTANT (63);
}

static ReserveStash *
stash_of (Reserve *self, guint cpu)
{
  return &self->stashes[self->n_stashes == 1 ? 0 : cpu];
}

/* With a cache model: how many there are in the stash, and the place of the last. */
static void
touch_stash (const Reserve *self, const ReserveStash *stash)
{
  const KmlAddr addr = self->statics + (KmlAddr)(stash - self->stashes) * stash_statics (self);

  kml_touch (self->base.machine, addr, sizeof stash->n, KML_TOUCH_WRITE);
  kml_touch (self->base.machine, addr + (1 + stash->n) * sizeof (KmlAddr), sizeof (KmlAddr),
             KML_TOUCH_WRITE);
}

/* ---- Requests ---- */

static gboolean
may_take (const Reserve *self, const KmlRequest *request)
{
  return !kml_gfp_may_sleep (request->gfp) && request->constraints == NULL &&
         request->size <= self->block;
}

static KmlAddr
take (Reserve *self, const KmlRequest *request, guint64 *ret_held)
{
  KmlMachine *machine = self->base.machine;
  ReserveStash *stash = stash_of (self, request->cpu);
  KmlAddr addr;

  kml_sync_if_running (machine);
  reserve_make_task (self);
  kml_spend (machine, KML_COST_INSTRUCTION, 10);
  if (self->n_stashes == 1 && machine->n_cpus > 1)
    kml_spend (machine, KML_COST_ATOMIC, 1);
  else
    kml_spend_references (machine, KML_COST_HOT, 1);
  touch_stash (self, stash);
  if (stash->n == 0) {
    self->base.counters[COUNTER_EMPTY]++;
    return KML_ADDR_NONE;
  }
  addr = stash->blocks[--stash->n];
  g_hash_table_insert (self->own, reserve_key (addr), RESERVE_TAKEN);
  self->n_taken++;
  self->base.counters[COUNTER_HITS]++;
  if (request->gfp & KML_GFP_ZERO)
    kml_spend (machine, KML_COST_ZERO_PAGE, request->size >> self->base.ram.page_shift);
  *ret_held = self->held;
  reserve_ask_for_refill (self, (guint32)(stash - self->stashes));
  return addr;
}

static KmlAddr
reserve_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Reserve *self = (Reserve *)base;
  const gboolean may = may_take (self, request);
  KmlAddr addr = KML_ADDR_NONE;

  reserve_fill_aside (self);
  if (may && self->use == USE_FIRST)
    addr = take (self, request, ret_held);
  if (addr == KML_ADDR_NONE)
    addr = kml_allocator_alloc (base->lower, request, ret_held);
  if (addr == KML_ADDR_NONE && may && self->use == USE_LAST_RESORT)
    addr = take (self, request, ret_held);
  return addr;
}

static guint64
reserve_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Reserve *self = (Reserve *)base;
  const gpointer state = g_hash_table_lookup (self->own, reserve_key (addr));
  ReserveStash *stash = stash_of (self, how->cpu);

  kml_sync_if_running (base->machine);
  kml_spend_references (base->machine, KML_COST_HOT, 1); /* whose it is */
  kml_touch_frame (base->machine,
                   kml_ram_frame (base->machine->ram, kml_ram_pfn (base->machine->ram, addr)),
                   KML_TOUCH_READ);
  if (state == NULL)
    return kml_allocator_free_block (base->lower, addr, how);
  g_assert (state == RESERVE_TAKEN); /* V2: what lies in a stash is not to be freed */
  self->n_taken--;
  reserve_fill_aside (self);
  if (stash->n < self->size) {
    touch_stash (self, stash);
    reserve_put (self, stash, addr);
    return self->held;
  }
  g_hash_table_remove (self->own, reserve_key (addr));
  return kml_allocator_free_block (base->lower, addr, how);
}

/* They are filled again from the next request on. */
static void
give_stashes_up (Reserve *self)
{
  KmlAllocator *base = &self->base;
  const KmlRequest how = { 0 };

  self->head = self->tail;
  for (guint i = 0; i < self->n_stashes; i++) {
    ReserveStash *stash = &self->stashes[i];

    while (stash->n > 0) {
      const KmlAddr addr = stash->blocks[--stash->n];

      g_hash_table_remove (self->own, reserve_key (addr));
      kml_allocator_free_block (base->lower, addr, &how);
    }
    for (guint64 n = 0; self->refill == REFILL_TASK && n < self->size; n++)
      reserve_await (self, i, base->machine->now + MAX (self->delay, 1));
  }
}

/* With tasks it is reclaim that asks, and the reserve is for those who cannot wait for that. */
static void
reserve_shrink (KmlAllocator *base)
{
  if (base->machine->scheduler == NULL)
    give_stashes_up ((Reserve *)base);
  if (base->lower->ops->shrink != NULL)
    base->lower->ops->shrink (base->lower);
}

/* ---- Life ---- */

static gboolean
choose_size (Reserve *self, GError **error)
{
  double load;

  if (self->size > 0)
    return TRUE;
  if (self->rate == 0 || self->holding == 0)
    return kml_refuse (error, "size",
                       "0 means: as large as rate, holding and target ask for; rate and holding "
                       "must be set for that");
  load = (double)self->rate * (double)self->holding / (double)KML_S / (double)self->n_stashes;
  self->size = kml_erlang_size (load, self->target, MAX_SIZE);
  self->size = MAX (self->size, 1); /* 0: whatever the target, a request may find nothing */
  if (kml_erlang_b (load, self->size) <= self->target)
    return TRUE;
  return kml_refuse (error, "rate",
                     "a load of %g blocks needs a stash of more than %d: that is no emergency "
                     "reserve",
                     load, MAX_SIZE);
}

static gboolean
is_around_pages (const KmlAllocator *self)
{
  const KmlAllocator *inner = self->lower;

  while (inner->ops->level == KML_LEVEL_LAYER)
    inner = inner->lower;
  return inner->ops->level == KML_LEVEL_PAGES;
}

static gboolean
reserve_init (KmlAllocator *base, GError **error)
{
  Reserve *self = (Reserve *)base;
  KmlMachine *machine = base->machine;
  const guint64 page_size = kml_ram_page_size (&base->ram);
  const KmlTime now = machine->now;

  self->n_stashes = self->shared ? 1 : machine->n_cpus;
  if (!choose_size (self, error))
    return FALSE;
  if (is_around_pages (base))
    self->block = (self->block + page_size - 1) / page_size * page_size;
  self->own = g_hash_table_new (NULL, NULL);
  self->statics = kml_machine_statics (machine, self->n_stashes * stash_statics (self));
  self->stashes = g_new0 (ReserveStash, self->n_stashes);
  for (guint i = 0; i < self->n_stashes; i++)
    self->stashes[i].blocks = g_new (KmlAddr, self->size);
  for (guint i = 0; i < self->n_stashes; i++)
    for (guint64 n = 0; n < self->size; n++)
      if (!reserve_fill_place (self, i))
        reserve_await (self, i, machine->now + MAX (self->delay, 1));
  base->counters[COUNTER_REFILLS] = 0;
  machine->now = now; /* that was at boot, in nobody's time */
  return TRUE;
}

static gboolean
reserve_remember (KmlAllocator *base, KmlImage *image)
{
  Reserve *self = (Reserve *)base;

  kml_image_add_block (image, &self->places, self->n_room * sizeof *self->places);
  kml_image_add_table (image, self->own);
  for (guint i = 0; i < self->n_stashes; i++) {
    kml_image_add (image, &self->stashes[i], sizeof self->stashes[i]);
    kml_image_add (image, self->stashes[i].blocks, self->size * sizeof *self->stashes[i].blocks);
  }
  return TRUE;
}

static void
reserve_finish (KmlAllocator *base)
{
  Reserve *self = (Reserve *)base;

  g_free (self->places);
  for (guint i = 0; self->stashes != NULL && i < self->n_stashes; i++)
    g_free (self->stashes[i].blocks);
  g_free (self->stashes);
  g_clear_pointer (&self->own, g_hash_table_unref);
}

/* ---- Looking at it ---- */

typedef struct {
  const Reserve *self;
  KmlWalkFunc func;
  gpointer user_data;
} Walk;

static void
walk_block (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  const Walk *walk = user_data;

  if (state == KML_BLOCK_USED &&
      g_hash_table_lookup (walk->self->own, reserve_key (start)) == RESERVE_IN_STASH)
    state = KML_BLOCK_FREE;
  walk->func (start, size, state, walk->user_data);
}

static void
reserve_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  Walk walk = { (const Reserve *)base, func, user_data };

  base->lower->ops->walk (base->lower, walk_block, &walk);
}

static gboolean
reserve_check (const KmlAllocator *base, GError **error)
{
  const Reserve *self = (const Reserve *)base;
  guint64 n = 0;

  for (guint i = 0; i < self->n_stashes; i++) {
    const ReserveStash *stash = &self->stashes[i];

    if (stash->n > self->size)
      return kml_allocator_broken ("V1", "stash", i, error);
    for (guint64 k = 0; k < stash->n; k++)
      if (g_hash_table_lookup (self->own, reserve_key (stash->blocks[k])) != RESERVE_IN_STASH)
        return kml_allocator_broken ("V2", "stash", i, error);
    n += stash->n;
  }
  if (g_hash_table_size (self->own) != n + self->n_taken)
    return kml_allocator_broken ("V2", "stash", 0, error);
  return base->lower->ops->check (base->lower, error);
}

/* ---- What it is ---- */

static const char *const shared_choices[] = { "per-cpu", "shared", NULL };
static const char *const use_choices[] = { "last-resort", "first", NULL };
static const char *const refill_choices[] = { "task", "returned", NULL };

static const KmlParam reserve_params[] = {
  { .name = "size",
    .type = KML_PARAM_COUNT,
    .value = "8",
    .max = MAX_SIZE,
    .offset = G_STRUCT_OFFSET (Reserve, size),
    .summary = "blocks of a stash; 0: as many as rate, holding and target ask for (Erlang's B)" },
  { .name = "block",
    .type = KML_PARAM_SIZE,
    .value = "4KiB",
    .min = 1,
    .max = 1 << 30,
    .offset = G_STRUCT_OFFSET (Reserve, block),
    .summary = "the size of a block; around a page allocator whole pages" },
  { .name = "stashes",
    .type = KML_PARAM_CHOICE,
    .value = "per-cpu",
    .choices = shared_choices,
    .offset = G_STRUCT_OFFSET (Reserve, shared),
    .summary = "one for each CPU, or one for all" },
  { .name = "use",
    .type = KML_PARAM_CHOICE,
    .value = "last-resort",
    .choices = use_choices,
    .offset = G_STRUCT_OFFSET (Reserve, use),
    .summary =
        "whether requests that may not sleep take from it when nothing else is left, or first" },
  { .name = "refill",
    .type = KML_PARAM_CHOICE,
    .value = "task",
    .choices = refill_choices,
    .offset = G_STRUCT_OFFSET (Reserve, refill),
    .summary = "by a task in process context, or by blocks that are given back alone" },
  { .name = "delay",
    .type = KML_PARAM_TIME,
    .value = "50us",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (Reserve, delay),
    .summary = "from taking a block until the task looks for another one" },
  { .name = "rate",
    .type = KML_PARAM_RATE,
    .value = "0/s",
    .max = G_GUINT64_CONSTANT (1000000000000),
    .offset = G_STRUCT_OFFSET (Reserve, rate),
    .summary = "with size = 0: how often a block is taken, on all CPUs together" },
  { .name = "holding",
    .type = KML_PARAM_TIME,
    .value = "0",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (Reserve, holding),
    .summary = "with size = 0: how long its place is empty, on average" },
  { .name = "target",
    .type = KML_PARAM_SHARE,
    .value = "0.001",
    .positive = TRUE,
    .offset = G_STRUCT_OFFSET (Reserve, target),
    .summary = "with size = 0: the share of requests that may find nothing" },
  { NULL },
};

static const KmlCounterInfo reserve_counters[] = {
  [COUNTER_HITS] = { "hits", "requests", "requests that were given a block of a stash" },
  [COUNTER_EMPTY] = { "empty", "requests", "requests that found their stash empty" },
  [COUNTER_REFILLS] = { "refills", "blocks", "blocks that the refilling task put into a stash" },
  [COUNTER_REFILLS_FAILED] = { "refills_failed", "blocks",
                               "blocks that the refilling task did not get" },
  { NULL },
};

static const KmlAllocatorOps reserve_ops = {
  .name = "reserve",
  .summary = "an emergency reserve: a stash of blocks for those who may not sleep",
  .level = KML_LEVEL_LAYER,
  .around = KML_LEVEL_LAYER,
  .instance_size = sizeof (Reserve),
  .params = reserve_params,
  .counters = reserve_counters,
  .init = reserve_init,
  .finish = reserve_finish,
  .alloc = reserve_alloc,
  .free = reserve_free,
  .shrink = reserve_shrink,
  .remember = reserve_remember,
  .walk = reserve_walk,
  .check = reserve_check,
};

KML_REGISTER_ALLOCATOR (reserve_ops)
