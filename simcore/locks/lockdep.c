/* lockdep.c: orders of lock classes, and circles among them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ingo Molnár and Arjan van de Ven, "Runtime locking correctness validator", Documentation/locking/lockdep-design.rst in Linux. A lock belongs
 * to a *class*; what is learnt of one lock holds for all of its class.
 *
 * 1. Orders
 *
 * Whoever takes a lock of class B while he holds one of class A shows the order A -> B. Orders are kept for the whole run, whoever showed
 * them and whenever. When a new one closes a circle, tasks could each hold one class of it and want the next:
 *
 *     T1: A -> B        T2: B -> C        T3: C -> A
 *
 * They did not, for this run has come by; a potential deadlock is reported all the same. A lock that is only tried is nobody's next, since nobody
 * waits for it. Shared use counts as any other: locks are fair here, so a reader waits for a writer who waits for a reader.
 *
 * 2. Interrupts
 *
 * A handler runs in the middle of whom it interrupts. So a class that handlers of level l take must not be held where a handler of that level can
 * come; neither may anything for which who holds it could wait. Of each class we keep
 *
 *     used_in     the highest level of a handler that took it
 *     open_from   the lowest level above which handlers could come when it was taken
 *
 * and over orders S -> … -> U (S may be U) none must have used_in (S) > open_from (U): the handler wants S, which is held by one
 * who waits for U, which is held by whom the handler has interrupted. With levels as numbers one rule is enough for softirqs, hardirqs
 * and hardirqs above each other.
 *
 * 3. Memory
 *
 * Reclaim calls file systems, which take locks. An allocation that may call it waits for all that: for the class fs_reclaim,
 * which reclaim holds while it works. Nobody waits for it in fact, so lock orders alone do not show
 *
 *     T1: holds L, asks for memory       kswapd: reclaims, wants L
 *
 * 4. What it cannot know
 *
 * Circles that other reasons keep from closing (both orders under a third lock, at different times, on different members of a class) are
 * false alarms, and waits that are for no lock are not seen. kmemlab explore knows of both.
 *
 * Not modelled: lock nesting notation, trylocks' own contexts, wait types.
 */

#include "simcore/locks/lockdep-private.h"

#include <string.h>

#include "simcore/tasks/scheduler-private.h"

#define MAX_REPORTS 100

const char *const kml_lockdep_kind_names[] = {
  [KML_LOCKDEP_CIRCULAR] = "circular",
  [KML_LOCKDEP_RECURSIVE] = "recursive",
  [KML_LOCKDEP_INCONSISTENT] = "inconsistent",
  [KML_LOCKDEP_IRQ_ORDER] = "irq-order",
  NULL,
};

/* ---- Keeping ---- */

/* The same order at the same place, in the same context. */
static guint
hash_order (gconstpointer key)
{
  const KmlLockOrder *order = key;
  gsize hash = order->from->index * 31u + order->to->index * 1009u + order->context;

  for (guint i = 0; i < MIN (order->trace.n, KML_MAX_CHAIN); i++)
    hash = hash * 37 + GPOINTER_TO_SIZE (order->trace.functions[i]);
  return (guint)(hash ^ hash >> 32);
}

static gboolean
equal_orders (gconstpointer a, gconstpointer b)
{
  const KmlLockOrder *left = a, *right = b;

  return left->from == right->from && left->to == right->to && left->context == right->context &&
         left->trace.n == right->trace.n &&
         memcmp (left->trace.functions, right->trace.functions,
                 MIN (left->trace.n, KML_MAX_CHAIN) * sizeof left->trace.functions[0]) == 0;
}

static void
free_class (gpointer data)
{
  KmlLockClass *class = data;

  g_ptr_array_unref (class->after);
  g_ptr_array_unref (class->before);
  g_free (class);
}

static void
clear_report (gpointer data)
{
  KmlLockdepReport *report = data;

  g_ptr_array_unref (report->classes);
  g_free (report->text);
}

KmlLockdep *
kml_lockdep_new (void)
{
  KmlLockdep *self = g_new0 (KmlLockdep, 1);

  self->classes = g_ptr_array_new_with_free_func (free_class);
  self->orders = g_ptr_array_new_with_free_func (g_free);
  self->known = g_hash_table_new (hash_order, equal_orders);
  self->reports = g_array_new (FALSE, FALSE, sizeof (KmlLockdepReport));
  g_array_set_clear_func (self->reports, clear_report);
  kml_lock_init (&self->reclaim, KML_LOCK_MUTEX, KML_LOCKDEP_RECLAIM);
  return self;
}

void
kml_lockdep_free (KmlLockdep *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->known);
  g_ptr_array_unref (self->orders);
  g_ptr_array_unref (self->classes);
  g_array_unref (self->reports);
  g_free (self);
}

static KmlLockClass *
class_of (KmlLockdep *self, KmlLock *lock)
{
  const char *name = kml_lock_class_name (lock);
  KmlLockClass *class;

  if (G_LIKELY (lock->class != NULL))
    return lock->class;
  for (guint i = 0; i < self->classes->len; i++) {
    class = g_ptr_array_index (self->classes, i);
    if (g_str_equal (class->name, name))
      return lock->class = class;
  }
  class = g_new0 (KmlLockClass, 1);
  class->name = name;
  class->index = self->classes->len;
  class->used_in = KML_LEVEL_PROCESS;
  class->open_from = KML_LEVEL_CLOSED;
  class->after = g_ptr_array_new ();
  class->before = g_ptr_array_new ();
  g_ptr_array_add (self->classes, class);
  return lock->class = class;
}

static void
trace_of (const KmlTask *task, KmlTrace *ret_trace)
{
  ret_trace->task = task;
  ret_trace->n = task->n_chain;
  ret_trace->step = task->step;
  memcpy (ret_trace->functions, task->chain,
          MIN (task->n_chain, KML_MAX_CHAIN) * sizeof task->chain[0]);
}

/* ---- Looking along orders ---- */

/* All that can be reached from a class along orders, or against them, nearest first. */
typedef struct {
  gboolean against;
  GPtrArray *reached; /* (owned) (element-type KmlLockClass) */
  /* (owned) (element-type KmlLockOrder): by index of class: the order by which it was reached; NULL */
  GPtrArray *via;
} Search;

static void
search (const KmlLockdep *self, KmlLockClass *start, gboolean against, Search *ret_search)
{
  *ret_search = (Search){ against, g_ptr_array_new (), g_ptr_array_new () };
  g_ptr_array_set_size (ret_search->via, (int)self->classes->len);
  g_ptr_array_add (ret_search->reached, start);
  for (guint i = 0; i < ret_search->reached->len; i++) {
    const KmlLockClass *class = g_ptr_array_index (ret_search->reached, i);
    const GPtrArray *orders = against ? class->before : class->after;

    for (guint j = 0; j < orders->len; j++) {
      KmlLockOrder *order = g_ptr_array_index (orders, j);
      KmlLockClass *next = against ? order->from : order->to;

      if (next == start || g_ptr_array_index (ret_search->via, next->index) != NULL)
        continue;
      g_ptr_array_index (ret_search->via, next->index) = order;
      g_ptr_array_add (ret_search->reached, next);
    }
  }
}

static void
search_clear (Search *self)
{
  g_ptr_array_unref (self->reached);
  g_ptr_array_unref (self->via);
}

/* Puts the orders between the start of the search and @class into @path, in the order in which locks are taken. */
static void
add_way (const Search *self, const KmlLockClass *class, GPtrArray *path)
{
  const guint first = path->len;
  KmlLockOrder *order;

  while ((order = g_ptr_array_index (self->via, class->index)) != NULL) {
    g_ptr_array_insert (path, self->against ? -1 : (int)first, order);
    class = self->against ? order->to : order->from;
  }
}

/* ---- Rules ---- */

static gboolean
is_reported (const KmlLockdep *self, KmlLockdepKind kind, const GPtrArray *classes)
{
  for (guint i = 0; i < self->reports->len; i++) {
    const KmlLockdepReport *report = &g_array_index (self->reports, KmlLockdepReport, i);

    if (report->kind == kind && report->classes->len == classes->len &&
        memcmp (report->classes->pdata, classes->pdata, classes->len * sizeof (gpointer)) == 0)
      return TRUE;
  }
  return self->reports->len == MAX_REPORTS;
}

/* A circle begins anywhere: with the first of its names in the alphabet, so that it is the same whoever closes it. */
static void
turn_circle (GPtrArray *classes)
{
  guint first = 0;

  for (guint i = 1; i < classes->len; i++)
    if (strcmp (g_ptr_array_index (classes, i), g_ptr_array_index (classes, first)) < 0)
      first = i;
  while (first-- > 0)
    g_ptr_array_add (classes, g_ptr_array_steal_index (classes, 0));
}

static void
report (KmlLockdep *self, KmlLockdepKind kind, const KmlLockdepCase *found)
{
  KmlLockdepReport new = { .kind = (guint8)kind,
                           .time = found->task->scheduler->machine->now,
                           .classes = g_ptr_array_new () };

  g_ptr_array_add (new.classes, (gpointer)found->wanted->name);
  if (found->path != NULL) {
    g_ptr_array_set_size (new.classes, 0);
    for (guint i = 0; i < found->path->len; i++) {
      const KmlLockOrder *order = g_ptr_array_index (found->path, i);

      if (i == 0)
        g_ptr_array_add (new.classes, (gpointer)order->from->name);
      g_ptr_array_add (new.classes, (gpointer)order->to->name);
    }
  }
  if (kind == KML_LOCKDEP_CIRCULAR)
    turn_circle (new.classes);
  if (is_reported (self, kind, new.classes)) {
    g_ptr_array_unref (new.classes);
    return;
  }
  new.text = kml_lockdep_tell (self, kind, found);
  g_array_append_val (self->reports, new);
}

/* While @from is held @to is taken, for the first time: whether there is a way back. */
static void
check_circle (KmlLockdep *self, KmlLockClass *from, KmlLockClass *to, const KmlTrace *trace)
{
  g_autoptr (GPtrArray) path = g_ptr_array_new ();
  KmlLockdepCase found = { .task = trace->task, .held = from, .wanted = to, .trace = trace };
  Search ahead;

  if (from == to) {
    report (self, KML_LOCKDEP_RECURSIVE, &found);
    return;
  }
  search (self, to, FALSE, &ahead);
  if (g_ptr_array_index (ahead.via, from->index) != NULL) {
    add_way (&ahead, from, path);
    found.path = path;
    report (self, KML_LOCKDEP_CIRCULAR, &found);
  }
  search_clear (&ahead);
}

static gboolean
is_consistent (const KmlLockClass *class)
{
  return class->used_in <= class->open_from;
}

/* Something new is known of @from and @to, or of the order between them: whether a handler could want a lock whose holder waits for whom it
 * has interrupted. */
static void
check_interrupts (KmlLockdep *self, KmlLockClass *from, KmlLockClass *to, const KmlTrace *trace)
{
  g_autoptr (GPtrArray) path = g_ptr_array_new ();
  KmlLockdepCase found = { .task = trace->task, .held = from, .wanted = to, .trace = trace };
  Search behind, ahead;
  KmlLockClass *safe = NULL, *unsafe = NULL;

  search (self, from, TRUE, &behind);
  search (self, to, FALSE, &ahead);
  for (guint i = 0; i < behind.reached->len; i++) {
    KmlLockClass *class = g_ptr_array_index (behind.reached, i);

    if (is_consistent (class) && (safe == NULL || class->used_in > safe->used_in))
      safe = class;
  }
  for (guint i = 0; i < ahead.reached->len; i++) {
    KmlLockClass *class = g_ptr_array_index (ahead.reached, i);

    if (is_consistent (class) && (unsafe == NULL || class->open_from < unsafe->open_from))
      unsafe = class;
  }
  if (safe != NULL && unsafe != NULL && safe->used_in > unsafe->open_from) {
    add_way (&behind, safe, path);
    for (guint i = 0; from != to && i < from->after->len; i++) {
      KmlLockOrder *order = g_ptr_array_index (from->after, i);

      if (order->to == to)
        g_ptr_array_add (path, order);
    }
    add_way (&ahead, unsafe, path);
    found.path = path;
    report (self, KML_LOCKDEP_IRQ_ORDER, &found);
  }
  search_clear (&behind);
  search_clear (&ahead);
}

static void
check_class (KmlLockdep *self, KmlLockClass *class, const KmlTrace *trace)
{
  const KmlLockdepCase found = { .task = trace->task, .wanted = class, .trace = trace };

  if (is_consistent (class))
    check_interrupts (self, class, class, trace);
  else
    report (self, KML_LOCKDEP_INCONSISTENT, &found);
}

/* ---- Learning ---- */

static guint
usage_now (const KmlCpu *cpu, gboolean tries)
{
  guint usage = 0;

  if (cpu->level >= KML_LEVEL_HARDIRQ)
    return tries ? 0 : KML_USED_IN_HARDIRQ;
  if (cpu->level == KML_LEVEL_SOFTIRQ && !tries)
    usage = KML_USED_IN_SOFTIRQ;
  if (cpu->irq_off > 0)
    return usage;
  usage |= KML_USED_HARDIRQ_ON;
  if (cpu->level == KML_LEVEL_PROCESS && cpu->softirq_off == 0)
    usage |= KML_USED_SOFTIRQ_ON;
  return usage;
}

/* The level above which handlers can come now. */
static int
open_from_now (const KmlCpu *cpu)
{
  if (cpu->irq_off > 0)
    return KML_LEVEL_CLOSED;
  return cpu->softirq_off > 0 ? MAX (cpu->level, KML_LEVEL_SOFTIRQ) : cpu->level;
}

static void
learn_usage (KmlLockdep *self, KmlLockClass *class, const KmlCpu *cpu, const KmlTask *task,
             gboolean shared, gboolean tries)
{
  const int open_from = open_from_now (cpu), used_in = tries ? KML_LEVEL_PROCESS : cpu->level;
  KmlTrace trace;

  class->usage |= usage_now (cpu, tries) << (shared ? KML_USED_SHARED : 0);
  if (G_LIKELY (used_in <= class->used_in && open_from >= class->open_from))
    return;
  trace_of (task, &trace);
  if (used_in > class->used_in) {
    class->used_in = used_in;
    class->in = trace;
  }
  if (open_from < class->open_from) {
    class->open_from = open_from;
    class->open = trace;
  }
  check_class (self, class, &trace);
}

static gboolean
has_order (const KmlLockClass *from, const KmlLockClass *to)
{
  for (guint i = 0; i < from->after->len; i++)
    if (((const KmlLockOrder *)g_ptr_array_index (from->after, i))->to == to)
      return TRUE;
  return FALSE;
}

static void
learn_order (KmlLockdep *self, KmlLockClass *from, KmlLockClass *to, const KmlTask *task)
{
  KmlLockOrder order = { .from = from, .to = to, .context = task->context };
  KmlLockOrder *known;

  trace_of (task, &order.trace);
  if (self->last != NULL && equal_orders (self->last, &order)) {
    self->last->count++;
    return;
  }
  known = g_hash_table_lookup (self->known, &order);
  if (known == NULL) {
    known = g_memdup2 (&order, sizeof order);
    g_hash_table_add (self->known, known);
    g_ptr_array_add (self->orders, known);
    if (!has_order (from, to)) {
      check_circle (self, from, to, &known->trace);
      g_ptr_array_add (from->after, known);
      g_ptr_array_add (to->before, known);
      if (from != to)
        check_interrupts (self, from, to, &known->trace);
    }
  }
  known->count++;
  self->last = known;
}

void
kml_lockdep_take (KmlScheduler *scheduler, KmlLock *lock, gboolean shared, gboolean tries)
{
  KmlLockdep *self = scheduler->config.lockdep;
  const KmlCpu *cpu = kml_scheduler_cpu (scheduler);
  const KmlTask *task = cpu->current;
  KmlLockClass *class = class_of (self, lock);

  learn_usage (self, class, cpu, task, shared, tries);
  if (tries)
    return;
  for (guint i = 0; i < task->n_held; i++)
    learn_order (self, class_of (self, task->held[i].lock), class, task);
  if (task->reclaims_fs)
    learn_order (self, class_of (self, &self->reclaim), class, task);
}

/* ---- Memory waits ---- */

static gboolean
enters_file_systems (KmlGfp gfp)
{
  return kml_gfp_may_sleep (gfp) && kml_gfp_may_fs (gfp) && !(gfp & KML_GFP_MEMALLOC);
}

void
kml_lockdep_might_reclaim (KmlMachine *machine, KmlGfp gfp)
{
  KmlScheduler *scheduler = machine->scheduler;
  const KmlTask *task = scheduler != NULL ? kml_current_task (machine) : NULL;

  /* who reclaims may have what is there, and does not begin anew */
  if (task != NULL && scheduler->config.lockdep != NULL && task->n_reclaims == 0 &&
      enters_file_systems (gfp))
    kml_lockdep_take (scheduler, &scheduler->config.lockdep->reclaim, FALSE, FALSE);
}

void
kml_lockdep_enter_reclaim (KmlMachine *machine, KmlGfp gfp)
{
  KmlScheduler *scheduler = machine->scheduler;
  KmlTask *task = kml_current_task (machine);

  if (scheduler->config.lockdep != NULL && task->n_reclaims == 0 && enters_file_systems (gfp)) {
    kml_lockdep_take (scheduler, &scheduler->config.lockdep->reclaim, FALSE, FALSE);
    task->reclaims_fs = TRUE;
  }
  task->n_reclaims++;
}

void
kml_lockdep_leave_reclaim (KmlMachine *machine)
{
  KmlTask *task = kml_current_task (machine);

  g_assert (task->n_reclaims > 0);
  if (--task->n_reclaims == 0)
    task->reclaims_fs = FALSE;
}

/* ---- Results ---- */

const GArray *
kml_lockdep_reports (const KmlLockdep *self)
{
  return self->reports;
}

static int
compare_edges (gconstpointer a, gconstpointer b)
{
  const KmlLockdepEdge *left = a, *right = b;
  int order = strcmp (left->from, right->from);

  if (order == 0)
    order = strcmp (left->to, right->to);
  if (order == 0)
    order = (int)left->context - (int)right->context;
  return order != 0 ? order : strcmp (left->site, right->site);
}

static void
clear_edge (gpointer data)
{
  g_free (((KmlLockdepEdge *)data)->site);
}

GArray *
kml_lockdep_edges (const KmlLockdep *self)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (KmlLockdepEdge));
  GArray *edges = g_array_new (FALSE, FALSE, sizeof (KmlLockdepEdge));

  g_array_set_clear_func (all, clear_edge);
  g_array_set_clear_func (edges, clear_edge);
  for (guint i = 0; i < self->orders->len; i++) {
    const KmlLockOrder *order = g_ptr_array_index (self->orders, i);
    const KmlLockdepEdge edge = {
      .from = order->from->name,
      .to = order->to->name,
      .context = order->context,
      .site = kml_call_chain_text (order->trace.functions, order->trace.n),
      .count = order->count,
    };

    g_array_append_val (all, edge);
  }
  g_array_sort (all, compare_edges);
  for (guint i = 0; i < all->len; i++) {
    KmlLockdepEdge *edge = &g_array_index (all, KmlLockdepEdge, i);
    KmlLockdepEdge *before = edges->len > 0 ? &g_array_index (edges, KmlLockdepEdge, edges->len - 1)
                                            : NULL;

    if (before != NULL &&
        compare_edges (before, edge) == 0) { /* one function under two addresses */
      before->count += edge->count;
      continue;
    }
    g_array_append_val (edges, *edge);
    edge->site = NULL;
  }
  return edges;
}
