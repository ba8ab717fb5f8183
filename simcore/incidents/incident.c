/* incident.c: what should not be: deadlocks, stalls, bugs of the simulated kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A deadlock is a set of tasks that keep each other for ever (wait-graph.c), reported when its last edge appears: when somebody begins to wait, when the
 * last of those who could have helped has ended, or when nothing is left to happen, for edges that were none when their waits began.
 *
 * A stall: tasks still wait, and nobody can move any more, be it that nothing is left to happen or that interrupts come for ever and
 * change nothing. That is no deadlock when they wait for an event that somebody forgot.
 *
 * Both end the run, and so does a livelock (progress.c). Bugs do not: the kernel would go on, too. One that is done again, of the same kind by the same task at
 * the same step, is counted where it was first told, so a loop with a bug does not fill the memory.
 */

#include "simcore/locks/lock.h"
#include "simcore/tasks/scheduler-private.h"

const char *const kml_incident_metrics[] = {
  [KML_INCIDENT_DEADLOCK] = "deadlock.count",
  [KML_INCIDENT_STALL] = "stall.count",
  [KML_INCIDENT_LIVELOCK] = "livelock.count",
  [KML_INCIDENT_INVERSION] = "inversion.count",
  [KML_INCIDENT_SLEEP_IN_ATOMIC] = "bug.sleep_in_atomic",
  [KML_INCIDENT_LOCK_MISUSE] = "bug.lock_misuse",
  [KML_INCIDENT_IRQ_MISUSE] = "bug.irq_misuse",
  [KML_INCIDENT_ALLOC_CONTEXT] = "bug.alloc_context",
  [KML_INCIDENT_FREE_CONTEXT] = "bug.free_context",
  [KML_INCIDENT_FREE_IN_FLIGHT] = "bug.free_in_flight",
  [KML_INCIDENT_DOUBLE_FREE] = "bug.double_free",
  [KML_INCIDENT_USE_AFTER_FREE] = "bug.use_after_free",
  NULL,
};

const char *const kml_incident_names[] = {
  [KML_INCIDENT_DEADLOCK] = "deadlock",
  [KML_INCIDENT_STALL] = "stall",
  [KML_INCIDENT_LIVELOCK] = "livelock",
  [KML_INCIDENT_INVERSION] = "priority inversion",
  [KML_INCIDENT_SLEEP_IN_ATOMIC] = "sleeping in atomic context",
  [KML_INCIDENT_LOCK_MISUSE] = "misuse of a lock",
  [KML_INCIDENT_IRQ_MISUSE] = "misuse of interrupts",
  [KML_INCIDENT_ALLOC_CONTEXT] = "asking in the wrong context",
  [KML_INCIDENT_FREE_CONTEXT] = "freeing in the wrong context",
  [KML_INCIDENT_FREE_IN_FLIGHT] = "freeing under a device",
  [KML_INCIDENT_DOUBLE_FREE] = "freeing twice",
  [KML_INCIDENT_USE_AFTER_FREE] = "use after free",
  NULL,
};

/* ---- Telling ---- */

static char *
chain_of (const KmlTask *task)
{
  return kml_call_chain_text (task->chain, task->n_chain);
}

/* A call chain with what is done there (nullable) behind it. */
static char *
join (const char *chain, const char *what)
{
  return g_strconcat (chain, chain[0] != '\0' && what != NULL ? " > " : "", what, NULL);
}

/* Its call chain, which ends with the step of its program, or what it does instead. */
static char *
site_of (const KmlTask *task)
{
  g_autofree char *chain = chain_of (task);
  g_autofree char *told = task->step == NULL && task->tell != NULL ? task->tell (task->data) : NULL;

  return join (chain, told != NULL ? told : task->step);
}

/* The same of the block in which it goes round for at least half of the steps behind the first @n_steps. (nullable) */
static char *
site_of_round (const KmlScheduler *self, const KmlTask *task, guint64 n_steps)
{
  g_autofree char *chain = NULL;
  KmlRound round;

  n_steps += (self->watch.n_steps - n_steps) / 2;
  if (task->find_round == NULL || !task->find_round (task, n_steps, &round))
    return NULL;
  chain = kml_call_chain_text (task->chain, round.n_chain);
  return join (chain, round.step);
}

static GArray *
what_is_held (const KmlTask *task)
{
  GArray *held = g_array_new (FALSE, FALSE, sizeof (KmlIncidentHold));

  for (guint i = 0; i < task->n_held; i++) {
    const KmlIncidentHold hold = { g_strdup (task->held[i].lock->name),
                                   g_strdup (task->held[i].step), task->held[i].since };

    g_array_append_val (held, hold);
  }
  for (guint i = 0; i < task->n_elements; i++) {
    const KmlIncidentHold hold = { g_strdup (task->elements[i].name),
                                   g_strdup (task->elements[i].step), task->elements[i].since };

    g_array_append_val (held, hold);
  }
  return held;
}

char *
kml_incident_names_of_held (const KmlIncidentEdge *edge)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < edge->held->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
                            g_array_index (edge->held, KmlIncidentHold, i).name);
  return g_string_free (text, FALSE);
}

/* Since when it cannot go on. */
static KmlTime
since_when (const KmlScheduler *self, const KmlTask *waiter, gboolean by_cpu)
{
  if (!by_cpu)
    return waiter->wait.since;
  if (waiter->irq == NULL || waiter->state != KML_TASK_ENDED)
    return waiter->part_since;
  return waiter->irq->n_pending > 0 ? waiter->irq->raised : self->machine->now;
}

static void
add_edge (const KmlScheduler *self, GArray *edges, const KmlTask *waiter, const KmlTask *other)
{
  const gboolean by_cpu = other != NULL && (other == kml_wait_cpu_blocker (self, waiter) ||
                                            waiter->state == KML_TASK_READY);
  KmlIncidentEdge edge = {
    .waiter = g_strdup (waiter->name),
    .waits_for = other != NULL ? g_strdup (other->name) : NULL,
    .resource = by_cpu ? g_strdup_printf ("CPU %u", waiter->cpu)
                       : g_strdup (waiter->wait.what != NULL ? waiter->wait.what : "nothing"),
    .held = what_is_held (waiter),
    .by_cpu = by_cpu,
    .by_lock = waiter->wait.kind == KML_WAIT_LOCK ||
               (other != NULL && kml_task_has_element (other, waiter->wait.providers)),
    .lock_class = by_cpu || waiter->wait.kind != KML_WAIT_LOCK
                      ? NULL
                      : g_strdup (kml_lock_class_name (waiter->wait.lock)),
    .chain = chain_of (waiter),
    .site = site_of (waiter),
    .since = since_when (self, waiter, by_cpu),
  };

  g_array_append_val (edges, edge);
}

static KmlIncident *
add_incident (KmlScheduler *self, KmlIncidentKind kind, const KmlTask *task, char *text)
{
  const KmlIncident incident = {
    .kind = (guint8)kind,
    .cpu = task != NULL ? task->cpu : 0,
    .time = self->machine->now,
    .count = 1,
    .task = g_strdup (task != NULL ? task->name : ""),
    .text = text,
    .chain = task != NULL ? chain_of (task) : g_strdup (""),
    .site = task != NULL ? site_of (task) : g_strdup (""),
    .edges = g_array_new (FALSE, FALSE, sizeof (KmlIncidentEdge)),
  };

  g_array_append_val (self->incidents, incident);
  return &g_array_index (self->incidents, KmlIncident, self->incidents->len - 1);
}

/* What makes two bugs the same. (transfer full) */
static char *
key_of_bug (KmlIncidentKind kind, const KmlTask *task)
{
  g_autofree char *chain = chain_of (task);

  return g_strdup_printf ("%d on CPU %u: %s; in %s > %p", kind, task->cpu, task->name, chain,
                          (const void *)task->step);
}

void
kml_scheduler_report (KmlScheduler *self, KmlIncidentKind kind, char *text)
{
  kml_scheduler_report_why (self, kind, text, NULL);
}

void
kml_scheduler_report_why (KmlScheduler *self, KmlIncidentKind kind, char *text, char *why)
{
  const KmlTask *task = kml_current_task (self->machine);
  g_autofree char *key = key_of_bug (kind, task);
  gpointer index;

  if (g_hash_table_lookup_extended (self->bugs, key, NULL, &index)) {
    g_array_index (self->incidents, KmlIncident, GPOINTER_TO_UINT (index)).count++;
    g_free (text);
    g_free (why);
    return;
  }
  g_hash_table_insert (self->bugs, g_steal_pointer (&key), GUINT_TO_POINTER (self->incidents->len));
  add_incident (self, kind, task, text)->why = why;
}

/* ---- Looking ---- */

/* From the @i-th task of the knot: to the next in the cycle, and to others where any of them would do. */
static void
add_edges_of_knot (const KmlScheduler *self, GArray *edges, GPtrArray *knot, guint n_cycle, guint i)
{
  const KmlTask *task = g_ptr_array_index (knot, i);
  const KmlTask *next = i < n_cycle ? g_ptr_array_index (knot, (i + 1) % n_cycle) : NULL;
  KmlTask *other;

  if (next != NULL)
    add_edge (self, edges, task, next);
  if (next != NULL && !kml_wait_is_for_any (task))
    return;
  for (guint j = 0; (other = kml_wait_blocker (self, task, j)) != NULL; j++)
    if (other != next && g_ptr_array_find (knot, other, NULL))
      add_edge (self, edges, task, other);
}

/* One of those of whom any is enough is at work, which is seen without a graph. */
static gboolean
any_is_at_work (const KmlScheduler *self, const KmlTask *task)
{
  const GPtrArray *tasks = task->wait.providers->tasks;
  gboolean any = FALSE;

  for (guint i = 0; i < tasks->len; i++) {
    const KmlTask *other = g_ptr_array_index (tasks, i);

    if (kml_task_has_element (other, task->wait.providers))
      return FALSE; /* and others do not count */
    any |= other != task && kml_task_is_at_work (other);
  }
  return any;
}

/* A lock is what it waits for, and whose that is works: most often. */
static inline gboolean
owner_is_at_work (const KmlScheduler *self, const KmlTask *task)
{
  const KmlTask *owner = task->wait.kind == KML_WAIT_LOCK ? task->wait.lock->owner : NULL;

  return owner != NULL && owner != task && self->cpus[task->cpu].current == task &&
         kml_task_is_at_work (owner);
}

/* Those who keep each other for ever, @task among them. FALSE: there are none. *@ret_is_stuck: whether it will never move all the same. */
static gboolean
report_knot (KmlScheduler *self, KmlTask *task, gboolean *ret_is_stuck)
{
  guint n_cycle;
  g_autoptr (GPtrArray) knot = kml_wait_find_knot (self, task, &n_cycle, ret_is_stuck);
  KmlIncident *incident;

  if (knot == NULL)
    return FALSE;
  incident = add_incident (self, KML_INCIDENT_DEADLOCK, task,
                           knot->len == 1 ? g_strdup_printf ("%s waits for itself", task->name)
                                          : g_strdup_printf (n_cycle == knot->len
                                                                 ? "%u tasks wait in a cycle"
                                                                 : "%u tasks wait for each other",
                                                             knot->len));
  for (guint i = 0; i < knot->len; i++)
    add_edges_of_knot (self, incident->edges, knot, n_cycle, i);
  incident->remedy = kml_remedy_of_knot (self, knot);
  incident->spans = kml_spans_of_incident (self, incident);
  kml_scheduler_stop (self);
  return TRUE;
}

G_GNUC_NO_INLINE static void
look_for_cycle (KmlScheduler *self, KmlTask *task)
{
  const KmlTask *next = kml_wait_blocker (self, task, 0);
  gboolean is_stuck;

  if ((next == NULL && !kml_wait_is_for_any (task)) ||
      (kml_wait_is_for_any (task) && task->wait.providers->from_outside &&
       kml_wait_cpu_blocker (self, task) == NULL))
    return;
  if (next != NULL && next != task && kml_task_is_at_work (next) &&
      (kml_wait_is_for_any (task) || kml_wait_blocker (self, task, 1) == NULL))
    return;
  if (kml_wait_is_for_any (task) && kml_wait_cpu_blocker (self, task) == NULL &&
      any_is_at_work (self, task))
    return;
  if (!report_knot (self, task, &is_stuck) && is_stuck)
    kml_incident_look_for_stall (self);
}

void
kml_incident_look_for_cycle (KmlScheduler *self, KmlTask *task)
{
  if (G_UNLIKELY (!owner_is_at_work (self, task)))
    look_for_cycle (self, task);
}

/* To whom it waits for, or to all of whom any would do; at least one. */
static void
add_edges (const KmlScheduler *self, GArray *edges, const KmlTask *task)
{
  guint i = 0;

  do
    add_edge (self, edges, task, kml_wait_blocker (self, task, i));
  while (kml_wait_is_for_any (task) && kml_wait_blocker (self, task, ++i) != NULL);
}

static int
latest_first (gconstpointer a, gconstpointer b)
{
  const KmlTask *left = *(KmlTask *const *)a, *right = *(KmlTask *const *)b;

  if (left->wait.since != right->wait.since)
    return left->wait.since > right->wait.since ? -1 : 1;
  return left->id > right->id ? -1 : left->id < right->id;
}

/* Of those who wait for each other the one that does so since last closes the cycle. FALSE: nobody does. */
static gboolean
find_deadlock (KmlScheduler *self)
{
  g_autoptr (GPtrArray) waiters = g_ptr_array_copy (self->tasks, NULL, NULL);

  g_ptr_array_sort (waiters, latest_first);
  for (guint i = 0; i < waiters->len; i++) {
    KmlTask *task = g_ptr_array_index (waiters, i);
    gboolean is_stuck;

    if (task->state != KML_TASK_ENDED && task->wait.kind != KML_WAIT_NONE &&
        report_knot (self, task, &is_stuck))
      return TRUE;
  }
  return FALSE;
}

/* Not for what comes by itself. */
static gboolean
waits_in_vain (const KmlTask *task)
{
  return task->state != KML_TASK_ENDED && task->wait.kind != KML_WAIT_NONE &&
         task->wait.kind != KML_WAIT_TIME && task->wait.kind != KML_WAIT_IO;
}

/* It has work to do, and another has its CPU for ever. */
static gboolean
is_kept (const KmlScheduler *self, const KmlTask *task)
{
  return task->state != KML_TASK_ENDED && !task->is_daemon &&
         kml_wait_cpu_blocker (self, task) != NULL;
}

static void
add_stall (KmlScheduler *self)
{
  KmlIncident *incident;
  guint n = 0;

  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);

    n += task->state != KML_TASK_ENDED && !task->is_daemon;
  }
  incident = add_incident (
      self, KML_INCIDENT_STALL, NULL,
      g_strdup_printf ("%u task%s wait%s, and nobody is left who could wake %s", n,
                       n == 1 ? "" : "s", n == 1 ? "s" : "", n == 1 ? "it" : "them"));
  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);

    if (waits_in_vain (task) || is_kept (self, task))
      add_edges (self, incident->edges, task);
  }
  incident->spans = kml_spans_of_incident (self, incident);
  kml_scheduler_stop (self);
}

void
kml_incident_stall (KmlScheduler *self)
{
  self->watch.is_hopeless = TRUE; /* what has not come does not come any more */
  if (!find_deadlock (self))
    add_stall (self);
}

void
kml_incident_look_for_stall (KmlScheduler *self)
{
  if (!self->is_stopped && self->n_alive > 0 && kml_wait_all_are_stuck (self))
    kml_incident_stall (self);
}

/* ---- Going on and getting nowhere ---- */

/* Who has what @task tries to get. (nullable) */
static const KmlTask *
holder_of_tried (const KmlScheduler *self, const KmlTask *task)
{
  for (guint i = 0; task->tries.lock != NULL && i < self->tasks->len; i++) {
    KmlTask *other = g_ptr_array_index (self->tasks, i);

    if (other != task && kml_lock_is_held_by (task->tries.lock, other))
      return other;
  }
  return NULL;
}

/* Whether @task goes on, be it after a time. */
static gboolean
goes_on (const KmlTask *task)
{
  return task->wait.kind == KML_WAIT_NONE || task->wait.kind == KML_WAIT_TIME ||
         task->wait.kind == KML_WAIT_IO;
}

/* What keeps @task from getting anywhere: another that has its CPU, what it tries to get, what it waits for; or nobody knows. */
static void
add_vain_edge (const KmlScheduler *self, GArray *edges, const KmlTask *task, guint64 n_steps)
{
  g_autofree char *round = site_of_round (self, task, n_steps);
  const gboolean is_trying = task->tries.what != NULL && task->tries.latest >= self->watch.since;
  KmlIncidentEdge *edge;

  if (self->watch.is_stormy && kml_wait_cpu_blocker (self, task) != NULL) {
    add_edge (self, edges, task, kml_wait_cpu_blocker (self, task));
    return;
  }
  if (task->state == KML_TASK_READY) {
    add_edge (self, edges, task, kml_wait_who_runs (&self->cpus[task->cpu]));
    return;
  }
  add_edge (self, edges, task,
            goes_on (task) ? holder_of_tried (self, task) : kml_wait_blocker (self, task, 0));
  edge = &g_array_index (edges, KmlIncidentEdge, edges->len - 1);
  if (!goes_on (task))
    return;
  edge->by_trying = TRUE;
  edge->by_lock = is_trying && edge->waits_for != NULL;
  edge->since = is_trying ? task->tries.since : self->watch.since;
  g_free (edge->resource);
  edge->resource = g_strdup (is_trying ? task->tries.what : "progress");
  if (!is_trying)
    g_clear_pointer (&edge->waits_for, g_free);
  if (round == NULL)
    return;
  g_free (edge->site);
  edge->site = g_steal_pointer (&round);
}

/* (transfer full) (nullable) */
static char *
remedy_of_livelock (const KmlScheduler *self, const GArray *edges)
{
  for (guint i = 0; i < edges->len; i++) {
    const KmlIncidentEdge *edge = &g_array_index (edges, KmlIncidentEdge, i);

    if (self->watch.is_stormy && edge->by_cpu)
      return g_strdup_printf ("%s stays masked while there is work left, which a task polls for "
                              "that takes turns with the others (as NAPI does)",
                              edge->waits_for);
    if (edge->by_trying && edge->by_lock)
      return g_strdup_printf ("%s waits for %s instead of trying: it gives back what it has, and "
                              "takes all in the order of the others",
                              edge->waiter, edge->resource);
  }
  return NULL;
}

void
kml_incident_livelock (KmlScheduler *self, char *text, guint64 n_steps)
{
  KmlIncident *incident = add_incident (self, KML_INCIDENT_LIVELOCK, NULL, text);

  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);

    if (task->state != KML_TASK_ENDED && !task->is_daemon)
      add_vain_edge (self, incident->edges, task, n_steps);
  }
  incident->remedy = remedy_of_livelock (self, incident->edges);
  incident->spans = kml_spans_of_incident (self, incident);
  kml_scheduler_stop (self);
}

void
kml_incident_inversion (KmlScheduler *self, const KmlTask *task, const KmlTask *low,
                        const KmlTask *middle)
{
  KmlIncident *incident = add_incident (
      self, KML_INCIDENT_INVERSION, task,
      g_strdup_printf ("%s (priority %d) waits for %s (%d), in whose place %s (%d) runs",
                       task->name, task->priority, low->name, low->priority, middle->name,
                       middle->priority));
  const KmlTask *next;

  incident->remedy = g_strdup_printf ("whoever has what %s waits for has its priority meanwhile "
                                      "(a priority ceiling: priority = %d for %s)",
                                      task->name, task->priority, low->name);
  for (const KmlTask *at = task; at != low; at = next) {
    next = kml_wait_blocker (self, at, 0);
    add_edge (self, incident->edges, at, next);
  }
  add_edge (self, incident->edges, low, middle);
  incident->spans = kml_spans_of_incident (self, incident);
}

/* ---- The list ---- */

const GArray *
kml_scheduler_incidents (const KmlScheduler *self)
{
  return self->incidents;
}

void
kml_incidents_clear (GArray *incidents)
{
  for (guint i = 0; i < incidents->len; i++) {
    KmlIncident *incident = &g_array_index (incidents, KmlIncident, i);

    for (guint j = 0; j < incident->edges->len; j++) {
      KmlIncidentEdge *edge = &g_array_index (incident->edges, KmlIncidentEdge, j);

      g_free (edge->waiter);
      g_free (edge->waits_for);
      g_free (edge->resource);
      g_free (edge->lock_class);
      for (guint k = 0; k < edge->held->len; k++) {
        g_free (g_array_index (edge->held, KmlIncidentHold, k).name);
        g_free (g_array_index (edge->held, KmlIncidentHold, k).step);
      }
      g_array_unref (edge->held);
      g_free (edge->chain);
      g_free (edge->site);
    }
    g_array_unref (incident->edges);
    for (guint j = 0; incident->spans != NULL && j < incident->spans->len; j++) {
      g_free (g_array_index (incident->spans, KmlIncidentSpan, j).task);
      g_free (g_array_index (incident->spans, KmlIncidentSpan, j).resource);
    }
    g_clear_pointer (&incident->spans, g_array_unref);
    g_free (incident->task);
    g_free (incident->text);
    g_free (incident->why);
    g_free (incident->chain);
    g_free (incident->site);
    g_free (incident->remedy);
  }
  g_array_set_size (incidents, 0);
}

void
kml_incidents_free (GArray *incidents)
{
  kml_incidents_clear (incidents);
  g_array_unref (incidents);
}
