/* wait-graph.c: who waits for whom, and who never will move again.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The general resource graph of Richard C. Holt, "Some Deadlock Properties of Computer Systems", ACM Computing Surveys 4(3),
 * September 1972. Its nodes are tasks. A task has an edge to
 *
 *     the holders of the lock that it waits for: all of them must move before it does
 *     the one task that can end its wait, where there is only one (reclaim, a page that is being read, a transaction that it must finish itself)
 *     those who can give an element of the pool back, or bring about the event, that it waits for: any of them is enough
 *     the handler that runs in its place, when it was interrupted
 *     whoever has interrupts off on its CPU, when it is a handler that somebody waits for
 *     the task that spins on its CPU, when it is ready, be it below a handler; or the one that has it, when it was ready and did not run while somebody tried in vain (progress.c)
 *
 * Where every edge must go, a cycle is a deadlock. Where any is enough, it takes a knot: a set of tasks that only wait for each other. Both are
 * found by reducing the graph: whoever waits for nobody can move, and so can whoever is then no longer kept; those that are left are stuck for ever.
 *
 * An edge appears when a task begins to wait, is interrupted, or becomes ready; the graph is not kept but walked from there: edges
 * follow from the state of tasks, locks and pools. Waits for devices and for times end by themselves and have none.
 *
 * Who can bring about an event is who has a step for it in its program, whether or not it still comes to that step; so what is called stuck is, and one
 * that is stuck since the other has gone past its step is called a stall, when all is over.
 *
 * Likewise who can bring about memory, for a request that must not fail or may not call file systems, is who has a step that gives some back, kswapd and the
 * flusher (requests.c, reclaim.c); besides, whoever looks for some, and the disk. So that is only seen when all is over: such a wait among those of a cycle.
 *
 * Stuck without a cycle is who waits for what nobody brings about, or for a lock that its last owner took to the grave, and who waits for one
 * of those.
 */

#include "simcore/locks/lock.h"
#include "simcore/tasks/scheduler-private.h"

const KmlTask *
kml_wait_who_runs (const KmlCpu *cpu)
{
  const KmlTask *current = cpu->current;

  while (current != NULL && current->below != NULL)
    current = current->below;
  return current;
}

KmlTask *
kml_wait_who_spins (const KmlCpu *cpu)
{
  KmlTask *task = cpu->current;

  while (task != NULL && task->state != KML_TASK_SPINNING)
    task = task->below;
  return task;
}

void
kml_providers_add (KmlProviders *self, KmlTask *task)
{
  if (task == NULL)
    self->from_outside = TRUE;
  else if (!g_ptr_array_find (self->tasks, task, NULL))
    g_ptr_array_add (self->tasks, task);
}

/* @task is ready, was not let on its CPU in all the time that somebody tried in vain, and no end of a time slice will let it. */
static gboolean
is_kept_off (const KmlScheduler *self, const KmlTask *task)
{
  const KmlCpu *cpu = &self->cpus[task->cpu];

  return self->watch.trier != NULL && task->part_since <= self->watch.kept_since &&
         (kml_wait_who_runs (cpu)->priority > task->priority || kml_cpu_is_atomic (cpu));
}

/* The task that runs in the place of @task on its CPU: its interrupter, or whom it must wait for when it is ready. (nullable) */
KmlTask *
kml_wait_cpu_blocker (const KmlScheduler *self, const KmlTask *task)
{
  KmlTask *current = self->cpus[task->cpu].current;

  if (current == NULL || current == task)
    return NULL;
  if (task->irq != NULL && task->state == KML_TASK_ENDED) /* a handler that is to come */
    return kml_irq_is_masked (task->irq, &self->cpus[task->cpu]) ? current : NULL;
  if (task->state == KML_TASK_READY) {
    KmlTask *spinner = kml_wait_who_spins (&self->cpus[task->cpu]);

    return spinner != NULL ? spinner : is_kept_off (self, task) ? current : NULL;
  }
  while (current != NULL && current->below != task)
    current = current->below;
  return current;
}

gboolean
kml_wait_is_for_any (const KmlTask *task)
{
  return task->wait.providers != NULL && task->wait.provider == NULL;
}

gboolean
kml_task_has_element (const KmlTask *task, const KmlProviders *pool)
{
  for (guint i = 0; i < task->n_elements; i++)
    if (task->elements[i].pool == pool)
      return TRUE;
  return FALSE;
}

/* A daemon that nobody has given anything to do. */
static gboolean
is_idle (const KmlTask *task)
{
  return task->is_daemon && task->wait.kind == KML_WAIT_EVENT && !task->is_woken;
}

/* The @i-th of those that could end @waiter's wait: where some have elements of the pool, of those. Memory that it would give
 * back itself comes behind its wait: then nobody is in its way, it has taken too much. */
static KmlTask *
provider (const KmlTask *waiter, guint i)
{
  const KmlWait *wait = &waiter->wait;
  const GPtrArray *tasks = wait->providers->tasks;
  gboolean any_has = FALSE;

  for (guint j = 0; j < tasks->len; j++)
    any_has |= kml_task_has_element (g_ptr_array_index (tasks, j), wait->providers);
  for (guint j = 0; j < tasks->len; j++) {
    KmlTask *task = g_ptr_array_index (tasks, j);

    if (task->state != KML_TASK_ENDED && !is_idle (task) &&
        (task != waiter || wait->kind != KML_WAIT_MEMORY) &&
        (!any_has || kml_task_has_element (task, wait->providers)) && i-- == 0)
      return task;
  }
  return NULL;
}

KmlTask *
kml_wait_blocker (const KmlScheduler *self, const KmlTask *task, guint i)
{
  const KmlWait *wait = &task->wait;
  KmlTask *there = kml_wait_cpu_blocker (self, task);

  if (there != NULL && i-- == 0)
    return there;
  if (wait->kind == KML_WAIT_NONE || task->state == KML_TASK_READY || task->is_woken)
    return NULL;
  if (kml_wait_is_for_any (task))
    return provider (task, i);
  if (wait->kind != KML_WAIT_LOCK)
    return i == 0 ? wait->provider : NULL;
  if (wait->lock->owner != NULL)
    return i == 0 ? wait->lock->owner : NULL;
  for (guint j = 0; j < self->tasks->len; j++) {
    KmlTask *other = g_ptr_array_index (self->tasks, j);

    if (kml_lock_is_held_by (wait->lock, other) && i-- == 0)
      return other;
  }
  return NULL;
}

/* ---- Reducing ---- */

typedef struct {
  const KmlScheduler *scheduler;
  /* (owned) (element-type KmlTask): all that the first one waits for, and itself */
  GPtrArray *tasks;
  guint8 *is_in, *is_stuck; /* (owned): by the id of a task */
} Graph;

static void
add (Graph *self, KmlTask *task)
{
  if (self->is_in[task->id])
    return;
  self->is_in[task->id] = self->is_stuck[task->id] = TRUE;
  g_ptr_array_add (self->tasks, task);
}

static gboolean
is_no_more (const KmlTask *task)
{
  return task->state == KML_TASK_ENDED && task->irq == NULL;
}

/* It could go on, but in all the time that interrupts came thick and fast it has not. */
static gboolean
is_starved (const KmlScheduler *self, const KmlTask *task)
{
  return self->watch.is_stormy && !task->is_daemon && task->irq == NULL &&
         task->parts[KML_PART_RUN] == task->ran_then &&
         (task->state == KML_TASK_READY ||
          (task->state == KML_TASK_RUNNING && self->cpus[task->cpu].current != task));
}

/* Nothing was achieved by anybody while it tried the same a million times. */
static gboolean
is_in_vain (const KmlScheduler *self, const KmlTask *task)
{
  return self->watch.trier != NULL && task->vain.n >= KML_N_VAIN &&
         task->vain.seen == self->watch.n_achieved;
}

/* It waits for memory, whoever gives some back. */
static gboolean
is_for_somebody (const KmlTask *task)
{
  return task->wait.kind == KML_WAIT_MEMORY && task->wait.provider == NULL;
}

/* Whether it is kept by nobody that is stuck. */
static gboolean
can_move (const Graph *self, const KmlTask *task)
{
  const KmlTask *there = kml_wait_cpu_blocker (self->scheduler, task);
  const KmlProviders *providers = task->wait.providers;
  const KmlTask *other;

  if (is_no_more (task) || is_starved (self->scheduler, task) ||
      is_in_vain (self->scheduler, task) || (there != NULL && self->is_stuck[there->id]))
    return FALSE;
  if (task->wait.kind == KML_WAIT_NONE || task->state == KML_TASK_READY || task->is_woken)
    return TRUE;
  if (!kml_wait_is_for_any (task)) {
    for (guint i = 0; (other = kml_wait_blocker (self->scheduler, task, i)) != NULL; i++)
      if (self->is_stuck[other->id])
        return FALSE;
    return !(self->scheduler->watch.is_hopeless && is_for_somebody (task));
  }
  for (guint i = 0; i < providers->tasks->len; i++) {
    other = g_ptr_array_index (providers->tasks, i);
    if (other->state != KML_TASK_ENDED && !self->is_stuck[other->id] &&
        !(other->is_daemon && self->scheduler->watch.is_hopeless))
      return TRUE;
  }
  return providers->from_outside && !self->scheduler->watch.is_hopeless;
}

static void
reduce (Graph *self)
{
  gboolean any = TRUE;

  while (any) {
    any = FALSE;
    for (guint i = 0; i < self->tasks->len; i++) {
      const KmlTask *task = g_ptr_array_index (self->tasks, i);

      if (self->is_stuck[task->id] && can_move (self, task)) {
        self->is_stuck[task->id] = FALSE;
        any = TRUE;
      }
    }
  }
}

/* A path over those that are stuck from @task to @goal is put behind @path. @is_in: is still to be tried. */
static gboolean
find_path (Graph *self, KmlTask *task, const KmlTask *goal, GPtrArray *path)
{
  KmlTask *next;

  g_ptr_array_add (path, task);
  for (guint i = 0; (next = kml_wait_blocker (self->scheduler, task, i)) != NULL; i++) {
    if (next == goal)
      return TRUE;
    if (!self->is_in[next->id] || !self->is_stuck[next->id])
      continue;
    self->is_in[next->id] = FALSE;
    if (find_path (self, next, goal, path))
      return TRUE;
  }
  g_ptr_array_set_size (path, (int)path->len - 1);
  return FALSE;
}

/* Those behind the cycle that are in its way, too, since any of them would have been enough. */
static void
add_rest_of_knot (const Graph *self, GPtrArray *knot)
{
  const guint n_cycle = knot->len;
  KmlTask *other;

  for (guint i = 0; i < knot->len; i++) {
    const KmlTask *task = g_ptr_array_index (knot, i);

    if (i >= n_cycle || kml_wait_is_for_any (task))
      for (guint j = 0; (other = kml_wait_blocker (self->scheduler, task, j)) != NULL; j++)
        if (self->is_stuck[other->id] && !g_ptr_array_find (knot, other, NULL))
          g_ptr_array_add (knot, other);
  }
}

/* All that can end the wait: those that have no element could give back one that they have not. */
static void
add_all (Graph *self)
{
  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);
    KmlTask *other;

    for (guint j = 0; (other = kml_wait_blocker (self->scheduler, task, j)) != NULL; j++)
      add (self, other);
    if (task->wait.kind != KML_WAIT_NONE && kml_wait_is_for_any (task))
      for (guint j = 0; j < task->wait.providers->tasks->len; j++)
        add (self, g_ptr_array_index (task->wait.providers->tasks, j));
  }
}

static Graph
graph_new (const KmlScheduler *scheduler)
{
  return (Graph){ .scheduler = scheduler,
                  .tasks = g_ptr_array_new (),
                  .is_in = g_new0 (guint8, scheduler->tasks->len),
                  .is_stuck = g_new0 (guint8, scheduler->tasks->len) };
}

static void
graph_clear (Graph *self)
{
  g_ptr_array_unref (self->tasks);
  g_free (self->is_in);
  g_free (self->is_stuck);
}

GPtrArray *
kml_wait_find_knot (const KmlScheduler *self, KmlTask *task, guint *ret_n_cycle,
                    gboolean *ret_is_stuck)
{
  Graph graph = graph_new (self);
  GPtrArray *knot = g_ptr_array_new ();

  add (&graph, task);
  add_all (&graph);
  reduce (&graph);
  *ret_is_stuck = graph.is_stuck[task->id];
  if (*ret_is_stuck && find_path (&graph, task, task, knot)) {
    *ret_n_cycle = knot->len;
    add_rest_of_knot (&graph, knot);
  }
  graph_clear (&graph);
  if (knot->len == 0)
    g_clear_pointer (&knot, g_ptr_array_unref);
  return knot;
}

/* ---- All of them ---- */

static gboolean
is_waited_for (const KmlTask *task)
{
  return !task->is_daemon && task->state != KML_TASK_ENDED;
}

gboolean
kml_wait_is_free (const KmlScheduler *self, const KmlTask *task)
{
  const KmlWaitKind kind = task->wait.kind;

  return task->state != KML_TASK_ENDED && kml_wait_cpu_blocker (self, task) == NULL &&
         !is_starved (self, task) && !is_in_vain (self, task) &&
         (kind == KML_WAIT_NONE || kind == KML_WAIT_TIME || kind == KML_WAIT_IO ||
          task->state == KML_TASK_READY || task->is_woken);
}

/* Most often there is one, and the same as the last time. */
static gboolean
any_is_free (KmlScheduler *self)
{
  const guint n = self->tasks->len;

  for (guint i = 0; i < n; i++) {
    const guint at = (self->mover + i) % n;
    const KmlTask *task = g_ptr_array_index (self->tasks, at);

    if (is_waited_for (task) && kml_wait_is_free (self, task)) {
      self->mover = at;
      return TRUE;
    }
  }
  return FALSE;
}

/* A source of so many interrupts, for whose end the run waits, has had none handled since it is looked for a storm. */
static gboolean
is_kept_out (const KmlScheduler *self, const KmlTask *task)
{
  return self->watch.is_stormy && task->irq != NULL && task->irq->comes == KML_IRQ_COUNTED &&
         task->irq->n_pending > 0 && task->irq->raised <= self->watch.storm_since;
}

gboolean
kml_wait_all_are_stuck (KmlScheduler *self)
{
  Graph graph;
  guint n_waited_for = 0, n_stuck = 0, n_kept = 0;

  if (any_is_free (self))
    return FALSE;
  graph = graph_new (self);
  for (guint i = 0; i < self->tasks->len; i++)
    add (&graph, g_ptr_array_index (self->tasks, i));
  reduce (&graph);
  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);

    n_waited_for += is_waited_for (task);
    n_stuck += is_waited_for (task) && graph.is_stuck[task->id];
    n_kept += graph.is_stuck[task->id] ? kml_ipis_n_kept (self->ipis, task) : 0;
    n_kept += is_kept_out (self, task);
  }
  graph_clear (&graph);
  return n_stuck == n_waited_for && n_waited_for + n_kept == self->n_alive;
}
