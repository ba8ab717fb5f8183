/* magazine.c: per-CPU magazines around an object allocator.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Jeff Bonwick and Jonathan Adams, "Magazines and Vmem: Extending the Slab Allocator to Many CPUs and Arbitrary Resources", USENIX Annual
 * Technical Conference 2001: what made the slab allocator of Solaris scale, and was taken up by FreeBSD's UMA and others. slab.c is what
 * they put it around; this layer can be around any object allocator that says how large a block is (size_of).
 *
 * 1. Magazines
 *
 * A *magazine* holds up to M *rounds*, the addresses of free blocks. To ask for a block is to take the last round out of the magazine that this CPU has
 * loaded, and to free one is to put it back in there: nobody else is met, whatever lock the allocator below has.
 *
 *      CPU 0    loaded    [ ■ ■ ■ □ □ □ □ ]       3 rounds of 7
 *               previous  [ ■ ■ ■ ■ ■ ■ ■ ]       full, or empty
 *      CPU 1    …
 *      depot    full      [ ■ ■ ■ ■ ■ ■ ■ ] → …
 *               empty     [ □ □ □ □ □ □ □ ] → …
 *
 * When the loaded magazine has none left, or no room, it changes places with the *previous* one, if that will do. If not, the CPU gets a full, or an empty one from
 * the *depot*, which all CPUs share, with a lock: the previous magazine goes there, the loaded one becomes the previous one. When the depot has no full magazine, the
 * allocator below is asked for one block. When it has no empty one, the allocator below is asked for memory for one, and if that fails the
 * block is freed to it.
 *
 * 2. Why two
 *
 * With one magazine a CPU that takes a block, frees one, takes one … at the edge of it would visit the depot at every other operation. After an exchange the CPU has
 * one full and one empty magazine, or all but one round of that, so M operations at least go by until the next one, whatever they are (claim A29;
 * previous = no shows the other case). So the larger M, the less is the depot's lock wanted. Visits in vain, where the depot has nothing full, are not bounded by that: as often as
 * more blocks come to be in use than ever before, the allocator below is asked, too.
 *
 * 3. How large
 *
 * M is small at first, the smaller the larger the blocks are, and grows where CPUs wait for the depot's lock: by a step when that has
 * happened more than `contention` times within `interval`. It never shrinks. (The steps are illumos's, which looks every 15 seconds. A run here is a matter of
 * milliseconds, hence the default.) Who visits a depot whose magazines have grown gives its own back, rounds and all, and whoever
 * makes them grow does so with the depot's: illumos lets a background thread purge all CPUs instead.
 *
 * 4. Classes
 *
 * Blocks in a magazine must serve any request that is given one. Solaris has a magazine layer for each cache. Here there is a *class* for each size of the caches that
 * the allocator below shows (walk_caches), and where it has none, for the sizes of Linux's kmalloc(); requests are rounded up to it.
 * A block that is freed belongs to the largest class that it can serve. What is larger than `largest`, or wants an alignment or the like, is passed on.
 *
 * 5. Giving back
 *
 * Magazines that the depot had all the time since the last shrink() are more than its *working set*: nobody has needed them, and they are destroyed,
 * full ones with their rounds. Bonwick and Adams leave it at that. Here a CPU that has not used its magazines of a class since the last time gives them up, too, so two calls in
 * a row give back all. Before a request that may sleep fails, everything is given back, and the allocator below is asked once more. A CPU's
 * magazines are nobody else's to touch, so on a machine with tasks it is asked by an interrupt.
 *
 * 6. Memory
 *
 * A magazine is a block of the allocator below: a link and M addresses. It is the layer's metadata. To the allocator below, blocks in magazines
 * are in use; whoever walks the layer finds them free. Each begins with a mark, so that freeing one twice is found; that is ours and costs nothing.
 *
 * 7. Costs
 *
 * A CPU has a lock of its own for its magazines, as in Solaris, which is always free: here an atomic operation and no lock, since handlers and other tasks of
 * a CPU come in only where it meets others. Who frees finds out of what cache the block is (the record of its frame).
 *
 * 8. Not modelled
 *
 * Constructed objects (slab.c's are constructed below), the reaping of several caches by turns, hot-plugged CPUs.
 *
 * Invariants, verified by magazine_check():
 *   M1  of a CPU's two magazines neither has more rounds than room, and the previous one is full or empty
 *   M2  a depot's lists have as many magazines as they say, and never had fewer than `least`
 *   M3  each round is marked, is a block in use of the allocator below that its class can serve, and is in one magazine once
 *   M4  metadata_bytes is what the magazines hold, unless some are on their way
 */

#include "allocators/magazine.h"
#include "simcore/tasks/scheduler.h"

#define MIN_SIZE 8u /* a mark */

/* Estimates from reading the paths, as those of slab.h. */
#define TAKE_INSTRUCTIONS 20
#define PUT_INSTRUCTIONS  25

/* ---- A CPU's own magazines ---- */

/* With a cache model: the CPU's record, and the place of a round. */
static void
touch_magazine (const Magazine *self, const MagazineClass *class, guint cpu, guint32 i)
{
  KmlMachine *machine = self->base.machine;

  kml_touch (machine, class->statics + (1 + (KmlAddr)cpu) * MAGAZINE_LINE, MAGAZINE_LINE,
             KML_TOUCH_WRITE);
  kml_touch (machine, round_place (class->cpus[cpu].magazines.loaded, i), sizeof (KmlAddr),
             KML_TOUCH_WRITE);
}

static void
swap (Magazines *self)
{
  const KmlAddr magazine = self->loaded;
  const guint32 n = self->n_loaded;

  self->loaded = self->previous;
  self->n_loaded = self->n_previous;
  self->previous = magazine;
  self->n_previous = n;
}

/* FALSE: the depot has none either. Nobody comes in between TRUE and what the caller does then. */
static gboolean
load_full (Magazine *self, MagazineClass *class, const KmlRequest *request)
{
  Magazines *own = &class->cpus[request->cpu].magazines;

  while (own->n_loaded == 0)
    if (own->n_previous > 0)
      swap (own);
    else if (!magazine_fetch_full (self, class, request))
      return FALSE;
  return TRUE;
}

/* The same for one with room. FALSE: there is no memory for magazines. */
static gboolean
load_empty (Magazine *self, MagazineClass *class, const KmlRequest *how)
{
  Magazines *own = &class->cpus[how->cpu].magazines;

  while (own->n_loaded == own->capacity)
    if (own->previous != KML_ADDR_NONE && own->n_previous == 0)
      swap (own);
    else if (!magazine_fetch_empty (self, class, how))
      return FALSE;
  return TRUE;
}

static KmlAddr
take_round (Magazine *self, MagazineClass *class, const KmlRequest *request, guint64 *ret_held)
{
  KmlMachine *machine = self->base.machine;
  MagazineCpu *cpu = &class->cpus[request->cpu];
  const guint32 i = --cpu->magazines.n_loaded;
  const KmlAddr addr = round_of (self, cpu->magazines.loaded, i);

  g_assert (magazine_is_marked (self, addr)); /* else somebody wrote to a free block */
  kml_ram_store64 (&self->base.ram, addr, 0);
  cpu->is_wanted = TRUE;
  touch_magazine (self, class, request->cpu, i);
  *ret_held = magazine_size_of (self, addr);
  if (request->gfp & KML_GFP_ZERO)
    kml_clear (machine, &self->base.ram, addr, request->size);
  self->base.counters[COUNTER_HITS]++;
  kml_spend (machine, KML_COST_INSTRUCTION, TAKE_INSTRUCTIONS);
  kml_spend (machine, KML_COST_ATOMIC, 1);
  kml_spend_references (machine, KML_COST_HOT, 2);
  return addr;
}

static void
put_round (Magazine *self, MagazineClass *class, KmlAddr addr, guint cpu_number)
{
  KmlMachine *machine = self->base.machine;
  MagazineCpu *cpu = &class->cpus[cpu_number];
  const guint32 i = cpu->magazines.n_loaded++;

  kml_ram_store64 (&self->base.ram, round_place (cpu->magazines.loaded, i), addr);
  kml_ram_store64 (&self->base.ram, addr, magazine_mark_of (addr));
  cpu->is_wanted = TRUE;
  touch_magazine (self, class, cpu_number, i);
  self->base.counters[COUNTER_KEPT]++;
  kml_spend (machine, KML_COST_INSTRUCTION, PUT_INSTRUCTIONS);
  kml_spend (machine, KML_COST_ATOMIC, 1);
  kml_spend_references (machine, KML_COST_HOT, 2);
}

void
magazine_free_round (Magazine *self, KmlAddr addr, const KmlRequest *how)
{
  g_assert (magazine_is_marked (self, addr));

  kml_ram_store64 (&self->base.ram, addr, 0);
  kml_allocator_free_block (self->base.lower, addr, how);
}

/* ---- Classes ---- */

/* NULL: the request is passed on. */
static MagazineClass *
class_for (const Magazine *self, const KmlRequest *request)
{
  const guint i = kml_bin_table_find (&self->table, request->size);

  return i < self->n_classes && request->constraints == NULL ? &self->classes[i] : NULL;
}

/* The largest that a block of @held bytes can serve. NULL: it is none, or larger than all. */
static MagazineClass *
class_of (const Magazine *self, guint64 held)
{
  const guint i = kml_bin_table_find (&self->table, held);

  if (i == self->n_classes)
    return NULL;
  if (self->classes[i].size == held)
    return &self->classes[i];
  return i > 0 ? &self->classes[i - 1] : NULL;
}

/* ---- Requests ---- */

/* Whether there may be something to give back, and one may wait for it. */
static gboolean
may_drain (const Magazine *self, const KmlRequest *request)
{
  const KmlMachine *machine = self->base.machine;

  return self->base.metadata_bytes > 0 && kml_gfp_may_sleep (request->gfp) &&
         request->context == KML_CONTEXT_PROCESS &&
         (machine->scheduler == NULL || !kml_in_atomic (machine));
}

static void
shrink_lower (const KmlAllocator *base)
{
  if (base->lower->ops->shrink != NULL)
    base->lower->ops->shrink (base->lower);
}

static KmlAddr
ask_below (Magazine *self, const KmlRequest *request, guint64 *ret_held)
{
  KmlAllocator *base = &self->base;
  const KmlAddr addr = kml_allocator_alloc (base->lower, request, ret_held);

  base->counters[COUNTER_BELOW]++;
  if (G_LIKELY (addr != KML_ADDR_NONE) || !may_drain (self, request))
    return addr;
  base->counters[COUNTER_DRAINS]++;
  magazine_give_back (self, TRUE);
  shrink_lower (base);
  return kml_allocator_alloc (base->lower, request, ret_held);
}

static KmlAddr
magazine_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Magazine *self = (Magazine *)base;
  MagazineClass *class = class_for (self, request);
  KmlRequest whole = *request;

  if (class == NULL)
    return ask_below (self, request, ret_held);
  if (load_full (self, class, request))
    return take_round (self, class, request, ret_held);
  whole.size = class->size;
  return ask_below (self, &whole, ret_held);
}

static guint64
magazine_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Magazine *self = (Magazine *)base;
  const guint64 held = magazine_size_of (self, addr);
  MagazineClass *class = class_of (self, held);

  if (class == NULL)
    return kml_allocator_free_block (base->lower, addr, how);
  g_assert (!magazine_is_marked (self, addr)); /* it was freed already */
  kml_spend_references (base->machine, KML_COST_WARM, 1);
  kml_touch_frame (base->machine, kml_ram_frame (&base->ram, kml_ram_pfn (&base->ram, addr)),
                   KML_TOUCH_READ);
  if (!load_empty (self, class, how))
    return kml_allocator_free_block (base->lower, addr, how);
  put_round (self, class, addr, how->cpu);
  return held;
}

static void
magazine_shrink (KmlAllocator *base)
{
  magazine_give_back ((Magazine *)base, FALSE);
  shrink_lower (base);
}

/* ---- Life ---- */

typedef struct {
  GString *text;
  guint64 largest;
} Sizes;

static void
add_size (const KmlCacheInfo *cache, gpointer user_data)
{
  const Sizes *sizes = user_data;

  if (cache->object_size >= MIN_SIZE && cache->object_size <= sizes->largest)
    g_string_append_printf (sizes->text, "%s%" G_GUINT64_FORMAT, sizes->text->len > 0 ? "," : "",
                            cache->object_size);
}

/* Of what sizes blocks of the allocator below are; (transfer full) */
static char *
sizes_below (const Magazine *self, GError **error)
{
  Sizes sizes = { g_string_new (NULL), self->largest };

  if (self->sizer->ops->walk_caches == NULL)
    g_string_append (sizes.text, "linux");
  else
    self->sizer->ops->walk_caches (self->sizer, add_size, &sizes);
  if (sizes.text->len > 0)
    return g_string_free (sizes.text, FALSE);
  g_string_free (sizes.text, TRUE);
  kml_refuse (error, "largest", "%s has no blocks of %u bytes to so many", self->sizer->ops->name,
              MIN_SIZE);
  return NULL;
}

static gboolean
choose_classes (Magazine *self, GError **error)
{
  g_autofree char *text = sizes_below (self, error);

  if (text == NULL ||
      !kml_bin_table_init (&self->table, text, 1, MIN_SIZE, KML_MAX_BIN_SIZE, error))
    return FALSE;
  self->n_classes = self->table.bins.n;
  return TRUE;
}

static gboolean
magazine_init (KmlAllocator *base, GError **error)
{
  Magazine *self = (Magazine *)base;
  const guint n_cpus = base->machine->n_cpus;

  self->sizer = kml_allocator_sizer (base->lower);
  if (self->sizer == NULL)
    return kml_refuse (error, "allocator", "%s does not say how large a block is",
                       base->lower->ops->name);
  if (!choose_classes (self, error))
    return FALSE;
  self->classes = g_new0 (MagazineClass, self->n_classes);
  self->cpus = g_new0 (MagazineCpu, (gsize)self->n_classes * n_cpus);
  for (gsize i = 0; i < (gsize)self->n_classes * n_cpus; i++)
    self->cpus[i].magazines = self->cpus[i].dropped = no_magazines;
  for (guint i = 0; i < self->n_classes; i++) {
    MagazineClass *class = &self->classes[i];

    class->size = self->table.bins.sizes[i];
    class->cpus = self->cpus + (gsize)i * n_cpus;
    class->statics = kml_machine_statics (base->machine, (n_cpus + 1) * MAGAZINE_LINE);
    magazine_init_depot (self, class);
  }
  return TRUE;
}

static void
magazine_finish (KmlAllocator *base)
{
  Magazine *self = (Magazine *)base;

  for (guint i = 0; self->classes != NULL && i < self->n_classes; i++)
    g_free (self->classes[i].lock_name);
  g_clear_pointer (&self->classes, g_free);
  g_clear_pointer (&self->cpus, g_free);
  kml_bin_table_clear (&self->table);
}

static gboolean
magazine_remember (KmlAllocator *base, KmlImage *image)
{
  Magazine *self = (Magazine *)base;

  kml_image_add (image, self->classes, self->n_classes * sizeof *self->classes);
  kml_image_add (image, self->cpus,
                 (gsize)self->n_classes * base->machine->n_cpus * sizeof *self->cpus);
  return TRUE;
}

/* ---- What it is called ---- */

static const KmlParam magazine_params[] = {
  { .name = "rounds",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 1000,
    .offset = G_STRUCT_OFFSET (Magazine, rounds),
    .summary =
        "blocks that a magazine holds; 0: 15 of up to 64 bytes, 7, 3, and 1 of more than 3200" },
  { .name = "grow",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (Magazine, grow),
    .summary =
        "whether magazines get larger where CPUs wait for a depot: up to 143 rounds of blocks "
        "below 512 bytes, 1 of 64 KiB and more" },
  { .name = "contention",
    .type = KML_PARAM_COUNT,
    .value = "3",
    .max = 1000000000,
    .offset = G_STRUCT_OFFSET (Magazine, contention),
    .summary = "with more waits than this for a depot within the interval its magazines grow" },
  { .name = "interval",
    .type = KML_PARAM_TIME,
    .value = "1ms",
    .min = 1,
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (Magazine, interval),
    .summary = "after which the waits for a depot are looked at again" },
  { .name = "previous",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (Magazine, two),
    .summary = "whether a CPU has a second magazine beside the loaded one" },
  { .name = "largest",
    .type = KML_PARAM_SIZE,
    .value = "128KiB",
    .min = MIN_SIZE,
    .max = KML_MAX_BIN_SIZE,
    .offset = G_STRUCT_OFFSET (Magazine, largest),
    .summary = "larger blocks are not kept" },
  { NULL },
};

static const KmlCounterInfo magazine_counters[] = {
  [COUNTER_HITS] = { "hits", "requests",
                     "requests that were given a block of their CPU's magazine" },
  [COUNTER_KEPT] = { "kept", "blocks",
                     "blocks that were put into the magazine of the CPU that freed them" },
  [COUNTER_EXCHANGES] = { "exchanges", "magazines", "magazines that a CPU got from a depot" },
  [COUNTER_VAIN] = { "vain", "visits", "visits to a depot that had no full magazine" },
  [COUNTER_BELOW] = { "below", "requests", "requests that the allocator below was asked for" },
  [COUNTER_MADE] = { "made", "magazines", "magazines that were made" },
  [COUNTER_GIVEN_BACK] = { "given_back", "magazines", "magazines whose memory was given back" },
  [COUNTER_ROUNDS_GIVEN_BACK] = { "rounds_given_back", "blocks", "blocks that were in those" },
  [COUNTER_CONTENDED] = { "contended", "times",
                          "waits for the lock of a depot, up to when they were looked at last" },
  [COUNTER_GROWN] = { "grown", "times", "times that the magazines of a depot got larger" },
  [COUNTER_DRAINS] = { "drains", "times",
                       "times that all magazines were given back, for a request that would have "
                       "failed" },
  { NULL },
};

static const KmlAllocatorOps magazine_ops = {
  .name = "magazine",
  .summary = "magazines of free objects for each CPU, and depots of them (Bonwick and Adams)",
  .level = KML_LEVEL_LAYER,
  .around = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Magazine),
  .params = magazine_params,
  .counters = magazine_counters,
  .init = magazine_init,
  .finish = magazine_finish,
  .alloc = magazine_alloc,
  .free = magazine_free,
  .shrink = magazine_shrink,
  .remember = magazine_remember,
  .walk = magazine_walk,
  .check = magazine_check,
};

KML_REGISTER_ALLOCATOR (magazine_ops)
