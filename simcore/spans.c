/* spans.c: what tasks did lately.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A deadlock is explained by what led to it. Each change of where a task's time goes (KmlPart), and each lock that is given back, ends a span; the
 * latest of them are kept in a ring, and an incident takes those of its tasks along. The ring forgets the oldest, so a
 * long run costs no more memory than a short one.
 */

#include "simcore/lock.h"
#include "simcore/scheduler-private.h"

const char *const kml_span_hold = "hold";

static KmlSpan *
next_span (KmlScheduler *self)
{
  return &self->spans[self->n_spans++ % KML_N_SPANS];
}

static const char *
resource_of (const KmlTask *task, guint part)
{
  const guint waits = 1u << KML_PART_LOCK | 1u << KML_PART_IO | 1u << KML_PART_MEMORY |
                      1u << KML_PART_SLEEP | 1u << KML_PART_THROTTLE;

  return (waits >> part & 1) != 0 && task->wait.what != NULL ? task->wait.what : "";
}

void
kml_span_part (KmlTask *task, KmlTime now)
{
  *next_span (task->scheduler) = (KmlSpan){ .task = task,
                                            .what = kml_part_names[task->part],
                                            .resource = resource_of (task, task->part),
                                            .start = task->part_since,
                                            .end = now };
}

void
kml_span_lock (KmlTask *task, const char *lock, KmlTime since, KmlTime now)
{
  if (now > since)
    *next_span (task->scheduler) = (KmlSpan){
      .task = task, .what = kml_span_hold, .resource = lock, .start = since, .end = now
    };
}

static void
add_span (GArray *spans, const KmlSpan *span)
{
  const KmlIncidentSpan copy = {
    .task = g_strdup (span->task->name),
    .cpu = span->task->cpu,
    .what = span->what,
    .resource = g_strdup (span->resource),
    .start = span->start,
    .end = span->end,
  };

  g_array_append_val (spans, copy);
}

/* Those that have ended, oldest first; then what goes on. */
static void
add_spans_of (const KmlScheduler *self, const KmlTask *task, GArray *spans)
{
  const KmlTime now = self->machine->now;
  KmlSpan open = { .task = task, .end = now };

  for (guint64 i = self->n_spans - MIN (self->n_spans, KML_N_SPANS); i < self->n_spans; i++)
    if (self->spans[i % KML_N_SPANS].task == task)
      add_span (spans, &self->spans[i % KML_N_SPANS]);
  open.what = kml_part_names[task->part];
  open.resource = resource_of (task, task->part);
  open.start = task->part_since;
  add_span (spans, &open);
  for (guint i = 0; i < task->n_held; i++) {
    open.what = kml_span_hold;
    open.resource = task->held[i]->name;
    open.start = task->held_since[i];
    add_span (spans, &open);
  }
  for (guint i = 0; i < task->n_elements; i++) {
    open.what = kml_span_hold;
    open.resource = task->elements[i].name;
    open.start = task->elements[i].since;
    add_span (spans, &open);
  }
}

GArray *
kml_spans_of_incident (const KmlScheduler *self, const KmlIncident *incident)
{
  GArray *spans = g_array_new (FALSE, FALSE, sizeof (KmlIncidentSpan));

  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);
    gboolean is_meant = FALSE;

    for (guint j = 0; !is_meant && j < incident->edges->len; j++) {
      const KmlIncidentEdge *edge = &g_array_index (incident->edges, KmlIncidentEdge, j);

      is_meant = g_str_equal (edge->waiter, task->name) ||
                 g_strcmp0 (edge->waits_for, task->name) == 0;
    }
    if (is_meant)
      add_spans_of (self, task, spans);
  }
  return spans;
}
