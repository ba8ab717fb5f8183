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
 * 1. Where lists are
 *
 * There is one for each order up to 3 and each mobility, and two for huge pages (2^9 frames), movable or not. A page on a list is
 * in use to the allocator below. Its frame record holds the links. The heads are static data of
 * the kernel, a few hundred bytes a CPU, and not counted.
 *
 * 2. Filling and giving back
 *
 * All is as in Linux 6.1. An empty list is filled with max (batch >> order, 2) runs from the layer below, which are given out in the order that
 * they came in: a free block that is cut up for it comes in the order of addresses. That is done with interrupts off, so nobody sleeps in it: who finds nothing so, and may sleep, asks
 * the layer below once more, with interrupts as they were. A CPU that has `high` pages gives a batch back, those first that have lain there
 * the longest: from the list that it has just put a page on, and if that has not enough, from the next, and so on around. Who goes on freeing will not want them
 * back soon, so until the CPU takes a page again each batch is twice the one before (of batch = 31 and high = 204: 31, 62, 124, then 173 = high - batch, so that
 * a batch stays); every page taken halves the next one. A run of several pages that is freed meanwhile makes it give back all it has: kept apart, runs
 * break larger blocks up. (Mel Gorman, 5.14; before that each batch was the same: grow = no.)
 *
 * How many is a compromise between waiting for the lock and pages that nobody else finds (per-cpu-pages-numbers.c).
 *
 * 3. Draining
 *
 * Free pages on the list of one CPU are no use to another that finds nothing. So all CPUs that have some give them back (Linux's drain_all_pages())
 *
 *     where nobody reclaims         before a request that may sleep fails
 *     where somebody does           when a request has freed something and still finds nothing (direct-reclaim.c), each time
 *     when kcompactd has failed     (compaction.c)
 *
 * and the layer below is asked once more. Compaction drains the lists of its own CPU (compact-zone.c). Nobody touches another CPU's lists, so each is asked by an interrupt (as
 * in Linux up to 4.10; later a work item does it, and since 6.1 a lock for each CPU lets others in). Straight code pays for
 * the interrupts and does it itself.
 *
 * 4. Not modelled
 *
 * Linux takes the zone's lock once for a batch; here it is taken for each page of it. A page goes back to the list of the mobility that was asked for, in Linux to
 * that of its pageblock. In Linux a request takes nothing from a list while its zone is below the mark; here it does.
 *
 * Invariants, verified by per_cpu_pages_check():
 *   C1  a list holds runs of its order that are in use to the layer below
 *   C2  the pages of a CPU's lists add up to its count, which is less than high and what each list is filled with together: who fills
 *       one does not look at high, but it is empty then; and who has high or more gives back no less than he has just put there
 *   C3  a run is on at most one list
 */

#include <string.h>

#include "allocators/per-cpu-pages.h"
#include "simcore/tasks/ipi.h"

enum {
  COUNTER_HITS,
  COUNTER_REFILLS,
  COUNTER_DRAINS,
  COUNTER_ALL_DRAINS,
};

/* Those of two CPUs share no line, as a kernel's per-CPU data do not. */
#define CPU_STATICS ((sizeof (Cpu) + 63) & ~(gsize)63)

/* ---- Lists: in a frame's words are the next run, the one before, and the mark ---- */

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

  if (n_frames != G_GUINT64_CONSTANT (1) << order || !has_lists_of (self, order))
    return NULL;
  if (order == HUGE_ORDER)
    return &cpu->lists[FIRST_HUGE + (mobility == KML_MOBILITY_MOVABLE)];
  return &cpu->lists[order * KML_N_MOBILITIES + mobility];
}

/* ---- Batches ---- */

/* A run for the request, and others for the list: they need not be zeroed yet, and nobody wakes kswapd for them. Nobody sleeps here. One that is
 * larger than was asked for, as some allocators give, is not for a list. */
static KmlAddr
refill (PerCpuPages *self, Cpu *cpu, List *list, const KmlRequest *request, guint64 *ret_held)
{
  guint64 n_wanted = n_to_fetch (self, order_of_list ((guint)(list - cpu->lists)));
  KmlRequest one = *request, another = *request;
  KmlAddr first;

  if (self->base.machine->scheduler != NULL)
    one.gfp &= ~(KmlGfp)(KML_GFP_DIRECT_RECLAIM | KML_GFP_NOFAIL);
  first = kml_allocator_alloc (self->base.lower, &one, ret_held);
  another.gfp &= ~(KmlGfp)(KML_GFP_ZERO | KML_GFP_RECLAIM);
  self->base.counters[COUNTER_REFILLS]++;
  for (; first != KML_ADDR_NONE && *ret_held == request->size && n_wanted > 1; n_wanted--) {
    guint64 held;
    const KmlAddr addr = kml_allocator_alloc (self->base.lower, &another, &held);

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

/* Gives back @n pages, or all there are, the oldest of a list first: of list @i, then of the next. */
static void
drain (PerCpuPages *self, Cpu *cpu, guint64 n, guint i, const KmlRequest *how)
{
  while (n > 0 && cpu->n_pages > 0) {
    List *list = &cpu->lists[i];
    const KmlPfn pfn = list->last;

    if (pfn == KML_PFN_NONE) {
      i = (i + 1) % N_LISTS;
      continue;
    }
    take (self, cpu, list, pfn);
    n -= MIN (n, frame_at (self, pfn)->n_frames);
    kml_allocator_free_block (self->base.lower, kml_ram_addr (&self->base.ram, pfn), how);
  }
}

static void
drain_all_of (PerCpuPages *self, Cpu *cpu, const KmlRequest *how)
{
  drain (self, cpu, cpu->n_pages, 0, how);
}

/* After a run has been put on the list. */
static void
drain_if_too_many (PerCpuPages *self, Cpu *cpu, const List *list, const KmlRequest *how)
{
  const guint i = (guint)(list - cpu->lists), order = order_of_list (i);
  const gboolean all = cpu->free_factor > 0 && order > 0 && order <= MAX_ORDER;

  if (!all && cpu->n_pages < self->limit)
    return;
  self->base.counters[COUNTER_DRAINS]++;
  drain (self, cpu, all ? cpu->n_pages : per_cpu_pages_n_to_give_back (self, cpu), i, how);
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

  drain_all_of (self, &self->cpus[how.cpu], &how);
}

static gboolean
has_pages (guint cpu, gpointer data)
{
  return ((const PerCpuPages *)data)->cpus[cpu].n_pages > 0;
}

/* Looks at other CPUs. */
static gboolean
has_any_pages (PerCpuPages *self)
{
  kml_sync_if_running (self->base.machine);
  for (guint i = 0; i < self->base.machine->n_cpus; i++)
    if (has_pages (i, self))
      return TRUE;
  return FALSE;
}

static void
drain_here (PerCpuPages *self, guint cpu)
{
  const KmlRequest how = { .cpu = (guint8)cpu };

  if (self->base.machine->scheduler != NULL)
    kml_ipi_call (self->base.machine, cpu, drain_own, self, KML_IPI_WAIT);
  else
    drain_all_of (self, &self->cpus[cpu], &how);
}

static void
drain_everywhere (PerCpuPages *self, const KmlRequest *request)
{
  KmlMachine *machine = self->base.machine;
  guint n_others = 0;

  self->base.counters[COUNTER_ALL_DRAINS]++;
  if (machine->scheduler != NULL) {
    drain_here (self, request->cpu);
    kml_ipi_call_others (machine, has_pages, drain_own, self, KML_IPI_WAIT);
    return;
  }
  for (guint i = 0; i < machine->n_cpus; i++) {
    n_others += i != request->cpu && has_pages (i, self);
    drain_all_of (self, &self->cpus[i], request);
  }
  kml_spend (machine, KML_COST_IPI, n_others > 0);
}

static gboolean
per_cpu_pages_drain (KmlAllocator *base, guint cpu)
{
  PerCpuPages *self = (PerCpuPages *)base;
  const KmlTask *task = kml_running_task (base->machine);
  const KmlRequest how = { .cpu = task != NULL ? (guint8)task->cpu : 0 };

  if (cpu == KML_ALL_CPUS ? !self->drain_all || !has_any_pages (self) : !has_pages (cpu, self))
    return FALSE;
  if (cpu == KML_ALL_CPUS)
    drain_everywhere (self, &how);
  else
    drain_here (self, cpu);
  return TRUE;
}

/* Whether there is somebody to ask, one may wait for it, and it is not reclaim that asks. */
static gboolean
may_drain (PerCpuPages *self, const KmlRequest *request)
{
  const KmlMachine *machine = self->base.machine;

  return self->drain_all && kml_gfp_may_sleep (request->gfp) &&
         request->context == KML_CONTEXT_PROCESS &&
         (machine->scheduler == NULL || !kml_in_atomic (machine)) &&
         (self->zones == NULL || !self->zones->has_reclaim) && has_any_pages (self);
}

/* The first run on the list. What is cleared is cleared when it is given out. */
static KmlAddr
take_first (PerCpuPages *self, Cpu *cpu, List *list, const KmlRequest *request)
{
  KmlAllocator *base = &self->base;
  const KmlAddr addr = kml_ram_addr (&base->ram, list->first);

  take (self, cpu, list, list->first);
  if (request->gfp & KML_GFP_ZERO)
    kml_clear (base->machine, &base->ram, addr, request->size);
  return addr;
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
  cpu->free_factor >>= 1;
  if (list->first == KML_PFN_NONE) {
    addr = refill (self, cpu, list, request, ret_held);
  } else {
    base->counters[COUNTER_HITS]++;
    addr = take_first (self, cpu, list, request);
    *ret_held = request->size;
  }
  leave (self);
  if (addr == KML_ADDR_NONE && base->machine->scheduler != NULL && kml_gfp_may_sleep (request->gfp))
    addr = kml_allocator_alloc (base->lower, request, ret_held); /* it may sleep for it here */
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
  drain_if_too_many (self, cpu, list, how);
  leave (self);
  return n_frames << base->ram.page_shift;
}

static void
per_cpu_pages_shrink (KmlAllocator *base)
{
  PerCpuPages *self = (PerCpuPages *)base;
  const KmlRequest how = { 0 };

  for (guint i = 0; i < base->machine->n_cpus; i++)
    drain_all_of (self, &self->cpus[i], &how);
  if (base->lower->ops->shrink != NULL)
    base->lower->ops->shrink (base->lower);
}

/* ---- Life ---- */

static gboolean
per_cpu_pages_init (KmlAllocator *base, GError **error)
{
  PerCpuPages *self = (PerCpuPages *)base;

  if (!per_cpu_pages_choose_numbers (self, error))
    return FALSE;
  self->statics = kml_machine_statics (base->machine, base->machine->n_cpus * CPU_STATICS);
  self->cpus = g_new (Cpu, base->machine->n_cpus);
  memset (self->cpus, 0xff, base->machine->n_cpus * sizeof (Cpu)); /* KML_PFN_NONE */
  for (guint i = 0; i < base->machine->n_cpus; i++)
    self->cpus[i].n_pages = self->cpus[i].free_factor = 0;
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

/* ---- What it is ---- */

static const KmlParam per_cpu_pages_params[] = {
  { .name = "high",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (PerCpuPages, high),
    .summary = "a CPU that has so many page frames gives some back; 0: as Linux 6.1 chooses, the "
               "zone's low "
               "watermark divided by the CPUs, and at least four batches" },
  { .name = "batch",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (PerCpuPages, batch),
    .summary = "page frames that are fetched or given back at a time; 0: as Linux 6.1 chooses, for "
               "the zone's size" },
  { .name = "max-order",
    .type = KML_PARAM_COUNT,
    .value = "3",
    .min = 0,
    .max = MAX_ORDER,
    .offset = G_STRUCT_OFFSET (PerCpuPages, max_order),
    .summary = "runs of up to 2^max-order frames are kept" },
  { .name = "huge",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (PerCpuPages, huge),
    .summary = "whether runs of 2^9 frames are kept, too" },
  { .name = "grow",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (PerCpuPages, grow),
    .summary = "whether a CPU that only frees gives back twice as many each time, and all after a "
               "run of several frames (Linux since 5.14)" },
  { .name = "drain-all",
    .type = KML_PARAM_BOOL,
    .value = "yes",
    .offset = G_STRUCT_OFFSET (PerCpuPages, drain_all),
    .summary =
        "when a request that may sleep would fail, or has reclaimed something and still finds "
        "nothing, all CPUs give back what they keep, by interrupts that its CPU sends" },
  { NULL },
};

static const KmlCounterInfo per_cpu_pages_counters[] = {
  [COUNTER_HITS] = { "hits", "requests", "requests answered from a CPU's own list" },
  [COUNTER_REFILLS] = { "refills", "batches", "batches fetched from the layer below" },
  [COUNTER_DRAINS] = { "drains", "batches", "batches given back" },
  [COUNTER_ALL_DRAINS] = { "all_drains", "times",
                           "times that all CPUs gave back what they kept, for a request that "
                           "found nothing or for kcompactd" },
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
  .drain = per_cpu_pages_drain,
  .keep_less = per_cpu_pages_keep_less,
  .remember = per_cpu_pages_remember,
  .walk = per_cpu_pages_walk,
  .check = per_cpu_pages_check,
};

KML_REGISTER_ALLOCATOR (per_cpu_pages_ops)
