/* spans.c: what tasks did lately.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A deadlock is explained by what led to it. Each change of where a task's time goes (KmlPart), and each lock that is given back, ends a span; the
 * latest of them are kept in a ring, and an incident takes those of its tasks along. The ring forgets the oldest, so a
 * long run costs no more memory than a short one.
 */

#include "simcore/locks/lock.h"
#include "simcore/tasks/scheduler-private.h"

/* What it waited for, or had; "". */
static const char *
resource_of (const KmlSpan *span)
{
  const guint named = 1u << KML_PART_LOCK | 1u << KML_PART_IO | 1u << KML_PART_MEMORY |
                      1u << KML_PART_SLEEP | 1u << KML_PART_THROTTLE | 1u << KML_SPAN_HOLD;

  return (named >> span->what & 1) != 0 && span->resource != NULL ? span->resource : "";
}

static void
add_span (GArray *spans, const KmlTask *task, const KmlSpan *span)
{
  const KmlIncidentSpan copy = {
    .task = g_strdup (task->name),
    .cpu = task->cpu,
    .what = span->what == KML_SPAN_HOLD ? "hold" : kml_part_names[span->what],
    .resource = g_strdup (resource_of (span)),
    .start = span->start,
    .end = span->end,
  };

  g_array_append_val (spans, copy);
}

/* Those that have ended, oldest first; then what goes on. */
static void
add_spans_of (const KmlScheduler *self, const KmlTask *task, GArray *spans)
{
  KmlSpan open = { .what = task->part,
                   .resource = task->wait.what,
                   .start = task->part_since,
                   .end = self->machine->now };

  for (guint64 i = self->n_spans - MIN (self->n_spans, KML_N_SPANS); i < self->n_spans; i++)
    if (self->spans[i % KML_N_SPANS].task == task->id)
      add_span (spans, task, &self->spans[i % KML_N_SPANS]);
  add_span (spans, task, &open);
  open.what = KML_SPAN_HOLD;
  for (guint i = 0; i < task->n_held; i++) {
    open.resource = task->held[i].lock->name;
    open.start = task->held[i].since;
    add_span (spans, task, &open);
  }
  for (guint i = 0; i < task->n_elements; i++) {
    open.resource = task->elements[i].name;
    open.start = task->elements[i].since;
    add_span (spans, task, &open);
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
