/* per-cpu-pages.c: a few free pages for each CPU, taken without a lock.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linux's per-CPU page lists (mm/page_alloc.c, "pcp"; Mel Gorman describes them in Understanding the Linux Virtual Memory
 * Manager, 2004, section 6.7). The page allocator has one lock, and most requests are for one page. So each CPU keeps a list of
 * pages that it was given back, and hands them out again: no lock, and the page is still in this CPU's cache.
 *
 *      CPU 0   order 0:  17 → 4 → 92        a page freed last is given first
 *              order 1:  8
 *      CPU 1   …
 *
 * An empty list is filled with a batch from the layer below, which is given out in the order that it came in: a free block that is cut up
 * for it comes in the order of addresses. A CPU that keeps more than `high` gives a batch back, from each
 * list those first that have lain there the longest.
 *
 * 1. Where lists are
 *
 * A page on a list is in use to the allocator below. Its frame record holds the links. The heads are static data of
 * the kernel, a few hundred bytes a CPU, and not counted.
 *
 * 2. Draining
 *
 * Free pages on the list of one CPU are no use to another that finds nothing. Before a request that may sleep fails, all CPUs that
 * have some give them back, and the layer below is asked once more: Linux's drain_all_pages(). Nobody touches another CPU's lists, so each is asked by an interrupt (as
 * in Linux up to 4.10; later a work item does it, and since 6.1 a lock for each CPU lets others in). Straight code pays for
 * the interrupts and does it itself.
 *
 * 3. Not modelled
 *
 * Linux takes the zone's lock once for a batch; here it is taken for each page of it. Batch and high are not tuned by the
 * size of the zone, lists are not drained on a timer, and huge pages have no list. Since 5.14 a CPU that only frees gives back twice as many
 * each time (of batch = 31 and high = 204: 31, 62, 124, then 173 = high - batch), and all that it has after freeing runs of pages; and it takes
 * from its lists by turns, not from one after the other.
 *
 * Invariants, verified by per_cpu_pages_check():
 *   C1  a list holds runs of its order that are in use to the layer below
 *   C2  the pages of a CPU's lists add up to its count, which is at most high when nothing is under way
 *   C3  a run is on at most one list
 */

#include <string.h>

#include "simcore/allocator.h"
#include "simcore/ipi.h"

#define MAX_ORDER 3
#define MARK      G_GUINT64_CONSTANT (0x70637020706167e5) /* in the third word of a frame on a list */

enum {
  COUNTER_HITS,
  COUNTER_REFILLS,
  COUNTER_DRAINS,
  COUNTER_ALL_DRAINS,
};

typedef struct {
  KmlPfn first, last; /* KML_PFN_NONE: empty */
} List;

typedef struct {
  List lists[MAX_ORDER + 1][KML_N_MOBILITIES];
  guint64 n_pages;
} Cpu;

/* Those of two CPUs share no line, as a kernel's per-CPU data do not. */
#define CPU_STATICS ((sizeof (Cpu) + 63) & ~(gsize)63)

typedef struct {
  KmlAllocator base;

  /* parameters */
  guint64 high, batch, max_order;
  gboolean drain_all;

  KmlAddr statics; /* of the CPUs' lists, for a cache model */
  Cpu *cpus;       /* (owned) (array length=n_cpus) */
} PerCpuPages;

/* ---- Lists: in a frame's words are the next run, the one before, and the mark ---- */

static KmlFrame *
frame_at (const PerCpuPages *self, KmlPfn pfn)
{
  return kml_ram_frame (&self->base.ram, pfn);
}

/* With a cache model: the CPU's count, the head of the list, and the records that its links join. */
static void
touch_links (const PerCpuPages *self, const Cpu *cpu, const List *list, KmlPfn pfn)
{
  KmlMachine *machine = self->base.machine;
  const KmlFrame *frame = frame_at (self, pfn);
  const KmlAddr lists = self->statics + (KmlAddr)(cpu - self->cpus) * CPU_STATICS;

  if (!kml_has_caches (machine))
    return;
  kml_touch (machine, lists + (KmlAddr)((const guint8 *)list - (const guint8 *)cpu), sizeof *list,
             KML_TOUCH_WRITE);
  kml_touch (machine, lists + G_STRUCT_OFFSET (Cpu, n_pages), sizeof cpu->n_pages, KML_TOUCH_WRITE);
  kml_touch_frame (machine, frame, KML_TOUCH_WRITE);
  for (guint i = 0; i < 2; i++)
    if (frame->words[i] != KML_PFN_NONE)
      kml_touch_frame (machine, frame_at (self, (KmlPfn)frame->words[i]), KML_TOUCH_WRITE);
}

/* Puts the run in front of the others, or behind them. */
static void
push (PerCpuPages *self, Cpu *cpu, List *list, KmlPfn pfn, gboolean at_front)
{
  KmlFrame *frame = frame_at (self, pfn);

  frame->words[0] = at_front ? list->first : KML_PFN_NONE;
  frame->words[1] = at_front ? KML_PFN_NONE : list->last;
  frame->words[2] = MARK;
  if (frame->words[0] != KML_PFN_NONE)
    frame_at (self, (KmlPfn)frame->words[0])->words[1] = pfn;
  else
    list->last = pfn;
  if (frame->words[1] != KML_PFN_NONE)
    frame_at (self, (KmlPfn)frame->words[1])->words[0] = pfn;
  else
    list->first = pfn;
  touch_links (self, cpu, list, pfn);
  cpu->n_pages += frame->n_frames;
}

static void
take (PerCpuPages *self, Cpu *cpu, List *list, KmlPfn pfn)
{
  KmlFrame *frame = frame_at (self, pfn);
  const KmlPfn next = (KmlPfn)frame->words[0], before = (KmlPfn)frame->words[1];

  touch_links (self, cpu, list, pfn);
  if (before != KML_PFN_NONE)
    frame_at (self, before)->words[0] = next;
  else
    list->first = next;
  if (next != KML_PFN_NONE)
    frame_at (self, next)->words[1] = before;
  else
    list->last = before;
  frame->words[0] = frame->words[1] = frame->words[2] = 0;
  cpu->n_pages -= frame->n_frames;
}

/* The list that @n_frames would come from; NULL: none has runs of that length. */
static List *
find_list (const PerCpuPages *self, Cpu *cpu, guint64 n_frames, guint mobility)
{
  const guint order = n_frames > 0 ? (guint)__builtin_ctzll (n_frames) : 0;

  if (n_frames != G_GUINT64_CONSTANT (1) << order || order > self->max_order)
    return NULL;
  return &cpu->lists[order][mobility];
}

/* ---- Batches ---- */

/* A run for the request, and a batch of others for the list as far as the CPU may keep them. One that is larger than was asked
 * for, as some allocators give, is not for a list. */
static KmlAddr
refill (PerCpuPages *self, Cpu *cpu, List *list, const KmlRequest *request, guint64 *ret_held)
{
  const guint64 n_frames = request->size >> self->base.ram.page_shift;
  const KmlAddr first = kml_allocator_alloc (self->base.lower, request, ret_held);
  guint64 n_wanted = MIN (self->batch, self->high - cpu->n_pages) / n_frames;

  self->base.counters[COUNTER_REFILLS]++;
  for (; first != KML_ADDR_NONE && *ret_held == request->size && n_wanted > 1; n_wanted--) {
    guint64 held;
    const KmlAddr addr = kml_allocator_alloc (self->base.lower, request, &held);

    if (addr == KML_ADDR_NONE)
      break;
    if (held != request->size) {
      kml_allocator_free_block (self->base.lower, addr, request);
      break;
    }
    push (self, cpu, list, kml_ram_pfn (&self->base.ram, addr), FALSE);
  }
  return first;
}

/* Gives the oldest pages back until no more than @left are kept. */
static void
drain (PerCpuPages *self, Cpu *cpu, guint64 left, const KmlRequest *how)
{
  for (guint order = 0; order <= self->max_order; order++)
    for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++) {
      List *list = &cpu->lists[order][mobility];

      while (cpu->n_pages > left && list->last != KML_PFN_NONE) {
        const KmlPfn pfn = list->last;

        take (self, cpu, list, pfn);
        kml_allocator_free_block (self->base.lower, kml_ram_addr (&self->base.ram, pfn), how);
      }
    }
}

/* ---- Requests ---- */

/* Interrupts stay out while a CPU works on its lists: its handlers use them, too. */
static void
enter (const PerCpuPages *self)
{
  if (self->base.machine->scheduler != NULL)
    kml_irq_disable (self->base.machine);
}

static void
leave (const PerCpuPages *self)
{
  if (self->base.machine->scheduler != NULL)
    kml_irq_enable (self->base.machine);
}

/* Of the CPU that runs this, in the handler of an interrupt or with interrupts off. */
static void
drain_own (KmlMachine *machine, gpointer data)
{
  PerCpuPages *self = data;
  const KmlTask *task = kml_current_task (machine);
  const KmlRequest how = { .cpu = (guint8)task->cpu, .context = task->context };

  drain (self, &self->cpus[how.cpu], 0, &how);
}

static gboolean
has_pages (guint cpu, gpointer data)
{
  return ((const PerCpuPages *)data)->cpus[cpu].n_pages > 0;
}

static void
drain_everywhere (PerCpuPages *self, const KmlRequest *request)
{
  KmlMachine *machine = self->base.machine;
  guint n_others = 0;

  self->base.counters[COUNTER_ALL_DRAINS]++;
  if (machine->scheduler != NULL) {
    kml_ipi_call (machine, request->cpu, drain_own, self, TRUE);
    kml_ipi_call_others (machine, has_pages, drain_own, self, TRUE);
    return;
  }
  for (guint i = 0; i < machine->n_cpus; i++) {
    n_others += i != request->cpu && has_pages (i, self);
    drain (self, &self->cpus[i], 0, request);
  }
  kml_spend (machine, KML_COST_IPI, n_others > 0);
}

/* Whether there is somebody to ask, and one may wait for it. */
static gboolean
may_drain (const PerCpuPages *self, const KmlRequest *request)
{
  const KmlMachine *machine = self->base.machine;

  if (!self->drain_all || !kml_gfp_may_sleep (request->gfp) ||
      request->context != KML_CONTEXT_PROCESS ||
      (machine->scheduler != NULL && kml_in_atomic (machine)))
    return FALSE;
  for (guint i = 0; i < machine->n_cpus; i++)
    if (self->cpus[i].n_pages > 0)
      return TRUE;
  return FALSE;
}

static KmlAddr
take_or_fetch (PerCpuPages *self, const KmlRequest *request, guint64 *ret_held)
{
  KmlAllocator *base = &self->base;
  Cpu *cpu = &self->cpus[request->cpu];
  List *list = request->constraints == NULL
                   ? find_list (self, cpu, request->size >> base->ram.page_shift, request->mobility)
                   : NULL;
  KmlAddr addr;

  if (list == NULL)
    return kml_allocator_alloc (base->lower, request, ret_held);
  enter (self);
  kml_spend (base->machine, KML_COST_INSTRUCTION, 20);
  kml_spend_references (base->machine, KML_COST_HOT, 2);
  if (list->first == KML_PFN_NONE) {
    addr = refill (self, cpu, list, request, ret_held);
  } else {
    base->counters[COUNTER_HITS]++;
    addr = kml_ram_addr (&base->ram, list->first);
    take (self, cpu, list, list->first);
    *ret_held = request->size;
  }
  leave (self);
  return addr;
}

static KmlAddr
per_cpu_pages_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  PerCpuPages *self = (PerCpuPages *)base;
  const KmlAddr addr = take_or_fetch (self, request, ret_held);

  if (G_LIKELY (addr != KML_ADDR_NONE) || !may_drain (self, request))
    return addr;
  drain_everywhere (self, request);
  return take_or_fetch (self, request, ret_held);
}

static guint64
per_cpu_pages_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  PerCpuPages *self = (PerCpuPages *)base;
  const KmlPfn pfn = kml_ram_pfn (&base->ram, addr);
  const KmlFrame *frame;
  List *list;
  guint64 n_frames;
  Cpu *cpu = &self->cpus[how->cpu];

  g_assert (pfn < base->ram.n_usable && kml_ram_addr (&base->ram, pfn) == addr);
  frame = frame_at (self, pfn);
  n_frames = frame->n_frames;
  list = find_list (self, cpu, n_frames, frame->mobility);
  if (list == NULL)
    return kml_allocator_free_block (base->lower, addr, how);
  g_assert (frame->state == KML_FRAME_USED && frame->words[2] != MARK); /* C3 */
  enter (self);
  kml_spend (base->machine, KML_COST_INSTRUCTION, 20);
  kml_spend_references (base->machine, KML_COST_HOT, 2);
  push (self, cpu, list, pfn, TRUE);
  if (cpu->n_pages > self->high) {
    base->counters[COUNTER_DRAINS]++;
    drain (self, cpu, self->high - MIN (self->high, self->batch), how);
  }
  leave (self);
  return n_frames << base->ram.page_shift;
}

static void
per_cpu_pages_shrink (KmlAllocator *base)
{
  PerCpuPages *self = (PerCpuPages *)base;
  const KmlRequest how = { 0 };

  for (guint i = 0; i < base->machine->n_cpus; i++)
    drain (self, &self->cpus[i], 0, &how);
  if (base->lower->ops->shrink != NULL)
    base->lower->ops->shrink (base->lower);
}

/* ---- Life ---- */

static gboolean
per_cpu_pages_init (KmlAllocator *base, GError **error)
{
  PerCpuPages *self = (PerCpuPages *)base;

  if (self->batch > self->high) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "batch = %" G_GUINT64_FORMAT " is more than high = %" G_GUINT64_FORMAT
                 ", what a CPU may keep",
                 self->batch, self->high);
    return FALSE;
  }
  self->statics = kml_machine_statics (base->machine, base->machine->n_cpus * CPU_STATICS);
  self->cpus = g_new (Cpu, base->machine->n_cpus);
  memset (self->cpus, 0xff, base->machine->n_cpus * sizeof (Cpu)); /* KML_PFN_NONE */
  for (guint i = 0; i < base->machine->n_cpus; i++)
    self->cpus[i].n_pages = 0;
  return TRUE;
}

static void
per_cpu_pages_finish (KmlAllocator *base)
{
  g_free (((PerCpuPages *)base)->cpus);
}

static gboolean
per_cpu_pages_remember (KmlAllocator *base, KmlImage *image)
{
  PerCpuPages *self = (PerCpuPages *)base;

  kml_image_add (image, self->cpus, base->machine->n_cpus * sizeof *self->cpus);
  return TRUE;
}

/* ---- Looking ---- */

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

static void
per_cpu_pages_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  Walk walk = { (const PerCpuPages *)base, func, user_data };

  base->lower->ops->walk (base->lower, walk_block, &walk);
}

static gboolean
per_cpu_pages_check (const KmlAllocator *base, GError **error)
{
  const PerCpuPages *self = (const PerCpuPages *)base;

  for (guint i = 0; i < base->machine->n_cpus; i++) {
    const Cpu *cpu = &self->cpus[i];
    guint64 n = 0;

    for (guint order = 0; order <= MAX_ORDER; order++)
      for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
        for (KmlPfn pfn = cpu->lists[order][mobility].first; pfn != KML_PFN_NONE;
             pfn = (KmlPfn)frame_at (self, pfn)->words[0]) {
          const KmlFrame *frame = frame_at (self, pfn);

          if (frame->state != KML_FRAME_USED || frame->n_frames != 1u << order ||
              frame->words[2] != MARK)
            return kml_allocator_broken ("C1", "CPU", i, error);
          n += frame->n_frames;
          if (n > cpu->n_pages)
            return kml_allocator_broken ("C2", "CPU", i, error);
        }
    if (n != cpu->n_pages || n > self->high)
      return kml_allocator_broken ("C2", "CPU", i, error);
  }
  return base->lower->ops->check (base->lower, error);
}

/* ---- What it is ---- */

static const KmlParam per_cpu_pages_params[] = {
  { .name = "high",
    .type = KML_PARAM_COUNT,
    .value = "186",
    .min = 1,
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (PerCpuPages, high),
    .summary = "page frames that a CPU keeps at most" },
  { .name = "batch",
    .type = KML_PARAM_COUNT,
    .value = "31",
    .min = 1,
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (PerCpuPages, batch),
    .summary = "page frames that are fetched or given back at a time" },
  { .name = "max-order",
    .type = KML_PARAM_COUNT,
    .value = "3",
    .min = 0,
    .max = MAX_ORDER,
    .offset = G_STRUCT_OFFSET (PerCpuPages, max_order),
    .summary = "runs of up to 2^max-order frames are kept" },
  { .name = "drain-all",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (PerCpuPages, drain_all),
    .summary = "before a request that may sleep fails, all CPUs give back what they keep, by "
               "interrupts that its CPU sends" },
  { NULL },
};

static const KmlCounterInfo per_cpu_pages_counters[] = {
  [COUNTER_HITS] = { "hits", "requests", "requests answered from a CPU's own list" },
  [COUNTER_REFILLS] = { "refills", "batches", "batches fetched from the layer below" },
  [COUNTER_DRAINS] = { "drains", "batches", "batches given back" },
  [COUNTER_ALL_DRAINS] = { "all_drains", "times",
                           "times that all CPUs gave back what they kept, for a request that "
                           "would have failed" },
  { NULL },
};

static const KmlAllocatorOps per_cpu_pages_ops = {
  .name = "per-cpu-pages",
  .summary = "lists of free pages for each CPU, taken without a lock (Linux's pcp)",
  .level = KML_LEVEL_LAYER,
  .around = KML_LEVEL_PAGES,
  .instance_size = sizeof (PerCpuPages),
  .params = per_cpu_pages_params,
  .counters = per_cpu_pages_counters,
  .init = per_cpu_pages_init,
  .finish = per_cpu_pages_finish,
  .alloc = per_cpu_pages_alloc,
  .free = per_cpu_pages_free,
  .shrink = per_cpu_pages_shrink,
  .remember = per_cpu_pages_remember,
  .walk = per_cpu_pages_walk,
  .check = per_cpu_pages_check,
};

KML_REGISTER_ALLOCATOR (per_cpu_pages_ops)
