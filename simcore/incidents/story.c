/* story.c: an incident told step by step.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a deadlock's tasks hold and wait for, each with its time, in the order in which it happened; the last line is the
 * one that closed the cycle.
 */

#include "simcore/tasks/scheduler.h"
#include "simcore/base/units.h"

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

/* A task that waits for any of several has an edge to each. */
static gboolean
is_another_of (const GArray *edges, guint i)
{
  const KmlIncidentEdge *edge = &g_array_index (edges, KmlIncidentEdge, i);

  for (guint j = 0; j < i; j++)
    if (g_str_equal (g_array_index (edges, KmlIncidentEdge, j).waiter, edge->waiter))
      return TRUE;
  return FALSE;
}

/* "A", "A and B", "A, B and C": those whom the waiter of the @i-th edge, its first, waits for. (transfer full) */
static char *
names_of_others (const GArray *edges, guint i, const char *conjunction)
{
  const char *waiter = g_array_index (edges, KmlIncidentEdge, i).waiter;
  GString *text = g_string_new (g_array_index (edges, KmlIncidentEdge, i).waits_for);
  const char *last = NULL;

  for (guint j = i + 1; j < edges->len; j++) {
    const KmlIncidentEdge *edge = &g_array_index (edges, KmlIncidentEdge, j);

    if (!g_str_equal (edge->waiter, waiter) || g_str_equal (edge->waits_for, waiter))
      continue; /* that it has one itself is told already */
    if (last != NULL)
      g_string_append_printf (text, ", %s", last);
    last = edge->waits_for;
  }
  if (last != NULL)
    g_string_append_printf (text, " %s %s", conjunction, last);
  return g_string_free (text, FALSE);
}

static void
add_held (GArray *lines, const KmlIncidentEdge *edge, gboolean places)
{
  for (guint i = 0; i < edge->held->len; i++) {
    const KmlIncidentHold *hold = &g_array_index (edge->held, KmlIncidentHold, i);
    const Line line = { hold->since, lines->len,
                        g_strdup_printf ("%s takes %s%s%s", edge->waiter, hold->name,
                                         places && hold->step != NULL ? "; in " : "",
                                         places && hold->step != NULL ? hold->step : "") };

    g_array_append_val (lines, line);
  }
}

/* ", which T2 has": how the others are in the way. (transfer full) */
static char *
whose_it_is (const GArray *edges, guint i)
{
  const KmlIncidentEdge *edge = &g_array_index (edges, KmlIncidentEdge, i);
  g_autofree char *names = edge->waits_for == NULL
                               ? NULL
                               : names_of_others (edges, i, edge->by_lock ? "and" : "or");

  if (names == NULL)
    return g_strdup ("");
  if (edge->by_cpu)
    return g_strdup_printf (", where %s runs", names);
  if (g_str_equal (edge->resource, edge->waits_for)) /* a handler that is to come */
    return g_strdup ("");
  if (g_str_equal (names, edge->waiter))
    return g_strdup (edge->by_lock ? ", which it has itself"
                                   : ", which only it can bring about itself");
  if (edge->by_lock)
    return g_strdup_printf (", which %s %s", names,
                            g_str_equal (names, edge->waits_for) ? "has" : "have");
  return g_strdup_printf (", which only %s can bring about", names);
}

static const char *
verb_of (const KmlIncidentEdge *edge)
{
  if (edge->by_trying)
    return g_str_equal (edge->resource, "progress") ? "is at work without" : "tries in vain to get";
  return edge->by_cpu ? "cannot go on without" : "waits for";
}

static void
add_wait (GArray *lines, const GArray *edges, guint i, gboolean places)
{
  const KmlIncidentEdge *edge = &g_array_index (edges, KmlIncidentEdge, i);
  g_autofree char *whose = whose_it_is (edges, i);
  const char *site = places ? edge->site : edge->chain;
  const Line line = {
    .time = edge->since,
    .rank = lines->len,
    .text = g_strdup_printf ("%s %s %s%s%s%s", edge->waiter, verb_of (edge), edge->resource, whose,
                             site[0] != '\0' ? "; in " : "", site),
  };

  g_array_append_val (lines, line);
}

static char *
tell (const KmlIncident *self, gboolean places)
{
  g_autofree char *when = kml_format_time (self->time);
  const char *site = places ? self->site : self->chain;
  GString *text = g_string_new (NULL);
  g_autoptr (GArray) lines = g_array_new (FALSE, FALSE, sizeof (Line));

  g_array_set_clear_func (lines, clear_line);
  g_string_append_printf (text, "%s at %s: %s", kml_incident_names[self->kind], when, self->text);
  if (places && self->why != NULL)
    g_string_append (text, self->why);
  if (self->edges->len == 0 && site[0] != '\0')
    g_string_append_printf (text, "; in %s", site);
  if (self->count > 1)
    g_string_append_printf (text, "; and %" G_GUINT64_FORMAT " time%s later", self->count - 1,
                            self->count == 2 ? "" : "s");
  g_string_append_c (text, '\n');
  for (guint i = 0; i < self->edges->len; i++)
    if (!is_another_of (self->edges, i))
      add_held (lines, &g_array_index (self->edges, KmlIncidentEdge, i), places);
  /* the first edge is of the task that closed the cycle: it comes last */
  for (guint i = self->edges->len; i-- > 0;)
    if (!is_another_of (self->edges, i))
      add_wait (lines, self->edges, i, places);
  g_array_sort (lines, compare_lines);
  for (guint i = 0; i < lines->len; i++) {
    const Line *line = &g_array_index (lines, Line, i);
    g_autofree char *time = kml_format_time (line->time);
    const gboolean closes = self->kind == KML_INCIDENT_DEADLOCK && i + 1 == lines->len;

    g_string_append_printf (text, "%3u. %12s  %s%s\n", i + 1, time, line->text,
                            closes ? ": the cycle is closed" : "");
  }
  if (places && self->remedy != NULL)
    g_string_append_printf (text, "remedy: %s\n", self->remedy);
  return g_string_free (text, FALSE);
}

char *
kml_incident_story (const KmlIncident *self)
{
  return tell (self, TRUE);
}

char *
kml_incident_gist (const KmlIncident *self)
{
  return tell (self, FALSE);
}
