/* incident.c: what should not be: deadlocks, stalls, bugs of the simulated kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The wait-for graph
 *
 * R. C. Holt, "Some Deadlock Properties of Computer Systems", ACM Computing Surveys 4(3), September 1972. Its nodes are
 * tasks. A task has an edge to
 *
 *     the holders of the lock that it waits for
 *     the one task that can end its wait, where there is only one (reclaim, a refill, a transaction that it must finish itself)
 *     the handler that runs in its place, when it was interrupted
 *     the task that spins on its CPU, when it is ready
 *
 * All that it has edges to must move before it does, so a cycle is a deadlock. An edge appears when a task begins to wait, is
 * interrupted, or becomes ready; the graph is not kept but walked from there: edges follow from the state of tasks and locks.
 *
 * 2. Stalls
 *
 * When nothing is left to happen and tasks still wait, nobody can wake them. That is no cycle when they wait for an event
 * that somebody forgot.
 *
 * Both end the run, and so does a livelock (progress.c). Bugs do not: the kernel would go on, too.
 */

#include "simcore/lock.h"
#include "simcore/scheduler-private.h"

const char *const kml_incident_metrics[] = {
  [KML_INCIDENT_DEADLOCK] = "deadlock.count",
  [KML_INCIDENT_STALL] = "stall.count",
  [KML_INCIDENT_LIVELOCK] = "livelock.count",
  [KML_INCIDENT_INVERSION] = "inversion.count",
  [KML_INCIDENT_SLEEP_IN_ATOMIC] = "bug.sleep_in_atomic",
  [KML_INCIDENT_LOCK_MISUSE] = "bug.lock_misuse",
  [KML_INCIDENT_IRQ_MISUSE] = "bug.irq_misuse",
  [KML_INCIDENT_FREE_CONTEXT] = "bug.free_context",
  [KML_INCIDENT_FREE_IN_FLIGHT] = "bug.free_in_flight",
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
  [KML_INCIDENT_FREE_CONTEXT] = "freeing in the wrong context",
  [KML_INCIDENT_FREE_IN_FLIGHT] = "freeing under a device",
  NULL,
};

/* ---- Who is in the way ---- */

/* The task that runs in the place of @task on its CPU: its interrupter, or whom it must wait for when it is ready. (nullable) */
static KmlTask *
cpu_blocker (const KmlScheduler *self, const KmlTask *task)
{
  KmlTask *current = self->cpus[task->cpu].current;

  if (current == NULL || current == task)
    return NULL;
  if (task->state == KML_TASK_READY)
    return current->state == KML_TASK_SPINNING ? current : NULL;
  while (current != NULL && current->below != task)
    current = current->below;
  return current;
}

/* The @i-th task that must move before @task does; NULL: there are no more. */
static KmlTask *
blocker (const KmlScheduler *self, const KmlTask *task, guint i)
{
  const KmlWait *wait = &task->wait;
  KmlTask *there = cpu_blocker (self, task);

  if (there != NULL && i-- == 0)
    return there;
  if (wait->kind == KML_WAIT_NONE || task->state == KML_TASK_READY)
    return NULL;
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

KmlTask *
kml_incident_blocker (const KmlScheduler *self, const KmlTask *task)
{
  return blocker (self, task, 0);
}

/* A path of edges from @task to @goal is put behind @path. */
static gboolean
find_path (const KmlScheduler *self, KmlTask *task, const KmlTask *goal, GHashTable *seen,
           GPtrArray *path)
{
  KmlTask *next;

  g_ptr_array_add (path, task);
  for (guint i = 0; (next = blocker (self, task, i)) != NULL; i++) {
    if (next == goal)
      return TRUE;
    if (g_hash_table_add (seen, next) && find_path (self, next, goal, seen, path))
      return TRUE;
  }
  g_ptr_array_set_size (path, (int)path->len - 1);
  return FALSE;
}

/* ---- Telling ---- */

static char *
call_chain (const KmlTask *task)
{
  return kml_call_chain_text (task->chain, task->n_chain);
}

static GArray *
what_is_held (const KmlTask *task)
{
  GArray *held = g_array_new (FALSE, FALSE, sizeof (KmlIncidentHold));

  for (guint i = 0; i < task->n_held; i++) {
    const KmlIncidentHold hold = { g_strdup (task->held[i]->name), task->held_since[i] };

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

static void
add_edge (const KmlScheduler *self, GArray *edges, const KmlTask *waiter, const KmlTask *other)
{
  const gboolean by_cpu = other != NULL &&
                          (other == cpu_blocker (self, waiter) || waiter->state == KML_TASK_READY);
  KmlIncidentEdge edge = {
    .waiter = g_strdup (waiter->name),
    .waits_for = other != NULL ? g_strdup (other->name) : NULL,
    .resource = by_cpu ? g_strdup_printf ("CPU %u", waiter->cpu)
                       : g_strdup (waiter->wait.what != NULL ? waiter->wait.what : "nothing"),
    .held = what_is_held (waiter),
    .by_cpu = by_cpu,
    .by_lock = waiter->wait.kind == KML_WAIT_LOCK,
    .lock_class = by_cpu || waiter->wait.kind != KML_WAIT_LOCK
                      ? NULL
                      : g_strdup (kml_lock_class_name (waiter->wait.lock)),
    .site = call_chain (waiter),
    .since = by_cpu ? waiter->part_since : waiter->wait.since,
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
    .task = g_strdup (task != NULL ? task->name : ""),
    .text = text,
    .site = task != NULL ? call_chain (task) : g_strdup (""),
    .edges = g_array_new (FALSE, FALSE, sizeof (KmlIncidentEdge)),
  };

  g_array_append_val (self->incidents, incident);
  return &g_array_index (self->incidents, KmlIncident, self->incidents->len - 1);
}

void
kml_scheduler_report (KmlScheduler *self, KmlIncidentKind kind, char *text)
{
  add_incident (self, kind, kml_current_task (self->machine), text);
}

/* ---- Looking ---- */

void
kml_incident_look_for_cycle (KmlScheduler *self, KmlTask *task)
{
  g_autoptr (GPtrArray) path = NULL;
  g_autoptr (GHashTable) seen = NULL;
  const KmlTask *next = blocker (self, task, 0);
  KmlIncident *incident;

  if (next == NULL)
    return;
  if (next != task && self->cpus[next->cpu].current == next &&
      (next->is_woken || (next->wait.kind == KML_WAIT_NONE && next->state == KML_TASK_RUNNING)))
    return; /* the usual case: it is at work, or about to be */
  path = g_ptr_array_new ();
  seen = g_hash_table_new (NULL, NULL);
  if (!find_path (self, task, task, seen, path))
    return;
  incident = add_incident (self, KML_INCIDENT_DEADLOCK, task,
                           g_strdup_printf ("%u task%s wait%s in a cycle", path->len,
                                            path->len == 1 ? "" : "s", path->len == 1 ? "s" : ""));
  for (guint i = 0; i < path->len; i++)
    add_edge (self, incident->edges, g_ptr_array_index (path, i),
              g_ptr_array_index (path, (i + 1) % path->len));
  incident->spans = kml_spans_of_incident (self, incident);
  kml_scheduler_stop (self);
}

void
kml_incident_stall (KmlScheduler *self)
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

    if (task->state != KML_TASK_ENDED && task->wait.kind != KML_WAIT_NONE)
      add_edge (self, incident->edges, task, blocker (self, task, 0));
  }
  incident->spans = kml_spans_of_incident (self, incident);
}

/* ---- Going on and getting nowhere ---- */

void
kml_incident_livelock (KmlScheduler *self, char *text)
{
  KmlIncident *incident = add_incident (self, KML_INCIDENT_LIVELOCK, NULL, text);

  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);
    KmlIncidentEdge *edge;

    if (task->state == KML_TASK_ENDED || task->is_daemon)
      continue;
    add_edge (self, incident->edges, task, blocker (self, task, 0));
    edge = &g_array_index (incident->edges, KmlIncidentEdge, incident->edges->len - 1);
    if (task->wait.kind == KML_WAIT_NONE) { /* it is at work, and in vain */
      g_free (edge->resource);
      edge->resource = g_strdup ("progress");
      edge->since = self->watch.since;
    }
  }
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

  for (const KmlTask *at = task; at != low; at = next) {
    next = blocker (self, at, 0);
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
      for (guint k = 0; k < edge->held->len; k++)
        g_free (g_array_index (edge->held, KmlIncidentHold, k).name);
      g_array_unref (edge->held);
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
    g_free (incident->site);
  }
  g_array_set_size (incidents, 0);
}

void
kml_incidents_free (GArray *incidents)
{
  kml_incidents_clear (incidents);
  g_array_unref (incidents);
}
