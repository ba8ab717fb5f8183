/* story.c: an incident told step by step.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a deadlock's tasks hold and wait for, each with its time, in the order in which it happened; the last line is the
 * one that closed the cycle.
 */

#include "simcore/scheduler.h"
#include "simcore/units.h"

typedef struct {
  KmlTime time;
  guint rank; /* of equal times: what was taken before what is waited for, in the order of edges */
  char *text; /* (owned) */
} Line;

static int
compare_lines (gconstpointer a, gconstpointer b)
{
  const Line *left = a, *right = b;

  if (left->time != right->time)
    return left->time < right->time ? -1 : 1;
  return left->rank < right->rank ? -1 : left->rank > right->rank;
}

static void
clear_line (gpointer line)
{
  g_free (((Line *)line)->text);
}

static void
add_held (GArray *lines, const KmlIncidentEdge *edge)
{
  for (guint i = 0; i < edge->held->len; i++) {
    const KmlIncidentHold *hold = &g_array_index (edge->held, KmlIncidentHold, i);
    const Line line = { hold->since, lines->len,
                        g_strdup_printf ("%s takes %s", edge->waiter, hold->name) };

    g_array_append_val (lines, line);
  }
}

/* ", which T2 has": how the other is in the way. (transfer full) */
static char *
whose_it_is (const KmlIncidentEdge *edge)
{
  if (edge->waits_for == NULL)
    return g_strdup ("");
  if (edge->by_cpu)
    return g_strdup_printf (", where %s runs", edge->waits_for);
  if (edge->by_lock)
    return g_strdup_printf (", which %s has", edge->waits_for);
  return g_strdup_printf (", which only %s can bring about", edge->waits_for);
}

static const char *
verb_of (const KmlIncidentEdge *edge)
{
  return edge->by_cpu ? "cannot go on without" : "waits for";
}

static void
add_wait (GArray *lines, const KmlIncidentEdge *edge)
{
  g_autofree char *whose = whose_it_is (edge);
  const Line line = {
    .time = edge->since,
    .rank = lines->len,
    .text = g_strdup_printf ("%s %s %s%s%s%s", edge->waiter, verb_of (edge), edge->resource, whose,
                             edge->site[0] != '\0' ? "; in " : "", edge->site),
  };

  g_array_append_val (lines, line);
}

char *
kml_incident_story (const KmlIncident *self)
{
  g_autofree char *when = kml_format_time (self->time);
  GString *text = g_string_new (NULL);
  g_autoptr (GArray) lines = g_array_new (FALSE, FALSE, sizeof (Line));

  g_array_set_clear_func (lines, clear_line);
  g_string_append_printf (text, "%s at %s: %s\n", kml_incident_names[self->kind], when, self->text);
  for (guint i = 0; i < self->edges->len; i++)
    add_held (lines, &g_array_index (self->edges, KmlIncidentEdge, i));
  /* the first edge is of the task that closed the cycle: it comes last */
  for (guint i = self->edges->len; i-- > 0;)
    add_wait (lines, &g_array_index (self->edges, KmlIncidentEdge, i));
  g_array_sort (lines, compare_lines);
  for (guint i = 0; i < lines->len; i++) {
    const Line *line = &g_array_index (lines, Line, i);
    g_autofree char *time = kml_format_time (line->time);
    const gboolean closes = self->kind == KML_INCIDENT_DEADLOCK && i + 1 == lines->len;

    g_string_append_printf (text, "%3u. %12s  %s%s\n", i + 1, time, line->text,
                            closes ? ": the cycle is closed" : "");
  }
  return g_string_free (text, FALSE);
}
