/* database-events.c: what a run has to tell of single requests and tasks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/database-private.h"

/* ---- Requests: the longest, and those that got nothing ---- */

static double
to_exact_ns (KmlTime time)
{
  return (double)time / KML_NS;
}

static const char *
or_empty (const char *text)
{
  return text != NULL ? text : "";
}

static gboolean
put_longest_one (KmlDatabase *self, guint operation, guint context, const KmlLongest *longest,
                 GError **error)
{
  const char *operation_name = kml_operation_names[operation];
  const char *context_name = kml_context_names[context];
  g_autofree char *site = kml_call_chain_text (longest->cause.chain, longest->cause.n_chain);
  g_autofree char *gfp = operation == KML_OPERATION_ALLOC ? kml_gfp_format (longest->gfp)
                                                          : g_strdup ("");

  return kml_database_put (
      self, KML_PUT_LONGEST, error, "uttruuttuttttr", self->run_id, operation_name, context_name,
      to_exact_ns (longest->latency), kml_database_ns (longest->start), (guint64)longest->cpu,
      or_empty (longest->task), longest->level == KML_LEVEL_PAGES ? "pages" : "objects",
      longest->size, gfp, longest->step != NULL ? longest->step : or_empty (longest->site_text),
      site, longest->cause.lasted > 0 ? or_empty (longest->cause.what) : "",
      to_exact_ns (longest->cause.lasted));
}

static gboolean
put_longest_parts (KmlDatabase *self, guint operation, guint context, const KmlLongest *longest,
                   GError **error)
{
  for (guint i = 0; i < KML_N_PARTS; i++)
    if (longest->parts[i] > 0 &&
        !kml_database_put (self, KML_PUT_LONGEST_PART, error, "utttr", self->run_id,
                           kml_operation_names[operation], kml_context_names[context],
                           kml_part_names[i], to_exact_ns (longest->parts[i])))
      return FALSE;
  return TRUE;
}

static gboolean
put_longest (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  for (guint i = 0; i < KML_N_OPERATIONS; i++)
    for (guint j = 0; j < KML_N_CONTEXTS; j++) {
      const KmlLongest *longest = &recorder->longest[i][j];

      if (longest->latency > 0 && (!put_longest_one (self, i, j, longest, error) ||
                                   !put_longest_parts (self, i, j, longest, error)))
        return FALSE;
    }
  return TRUE;
}

static gboolean
put_failures (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  for (guint i = 0; i < recorder->failures->len; i++) {
    const KmlFailure *failure = &g_array_index (recorder->failures, KmlFailure, i);
    const KmlRequest *request = &failure->request;
    g_autofree char *gfp = kml_gfp_format (request->gfp);
    const gboolean is_pages = failure->level == KML_LEVEL_PAGES;
    gint64 order = -1;

    if (is_pages) {
      order = 0;
      while (order < KML_MAX_ORDER &&
             kml_ram_page_size (recorder->machine->ram) << order < request->size)
        order++;
    }
    if (!kml_database_put (self, KML_PUT_FAILURE, error,
                           "uuuuttt"
                           "uitttuu",
                           self->run_id, (guint64)i, kml_database_ns (failure->time),
                           (guint64)request->cpu, failure->task,
                           kml_context_names[request->context], is_pages ? "pages" : "objects",
                           request->size, order, gfp, kml_failure_reasons[failure->reason],
                           failure->step, failure->free, failure->largest))
      return FALSE;
  }
  return TRUE;
}

gboolean
kml_database_put_requests (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  return put_longest (self, recorder, error) && put_failures (self, recorder, error);
}

/* ---- What should not be ---- */

static gboolean
put_deadlock (KmlDatabase *self, const KmlIncident *incident, GError **error)
{
  g_autofree char *story = kml_incident_story (incident);

  if (!kml_database_put (self, KML_PUT_DEADLOCK, error, "uutt", self->run_id,
                         kml_database_ns (incident->time), kml_incident_names[incident->kind],
                         story))
    return FALSE;
  for (guint i = 0; i < incident->edges->len; i++) {
    const KmlIncidentEdge *edge = &g_array_index (incident->edges, KmlIncidentEdge, i);
    g_autofree char *held = kml_incident_names_of_held (edge);

    if (!kml_database_put (self, KML_PUT_DEADLOCK_EDGE, error, "utttttu", (guint64)i, edge->waiter,
                           edge->waits_for != NULL ? edge->waits_for : "", edge->resource, held,
                           edge->site, kml_database_ns (edge->since)))
      return FALSE;
  }
  for (guint i = 0; incident->spans != NULL && i < incident->spans->len; i++) {
    const KmlIncidentSpan *span = &g_array_index (incident->spans, KmlIncidentSpan, i);

    if (!kml_database_put (self, KML_PUT_DEADLOCK_SPAN, error, "ututtuu", (guint64)i, span->task,
                           (guint64)span->cpu, span->what, span->resource,
                           kml_database_ns (span->start), kml_database_ns (span->end)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
put_bug (KmlDatabase *self, const KmlIncident *incident, guint i, GError **error)
{
  g_autofree char *text = g_strconcat (incident->text, incident->why != NULL ? incident->why : "",
                                       NULL);

  return kml_database_put (self, KML_PUT_BUG, error, "uuuuttttu", self->run_id, (guint64)i,
                           kml_database_ns (incident->time), (guint64)incident->cpu, incident->task,
                           kml_incident_metrics[incident->kind], text, incident->site,
                           incident->count);
}

static gboolean
put_incidents (KmlDatabase *self, const GArray *incidents, GError **error)
{
  for (guint i = 0; i < incidents->len; i++) {
    const KmlIncident *incident = &g_array_index (incidents, KmlIncident, i);

    if (incident->kind <= KML_INCIDENT_INVERSION) {
      if (!put_deadlock (self, incident, error))
        return FALSE;
    } else if (!put_bug (self, incident, i, error)) {
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
put_lockdep (KmlDatabase *self, const KmlLockdep *lockdep, GError **error)
{
  const GArray *reports = kml_lockdep_reports (lockdep);
  g_autoptr (GArray) edges = kml_lockdep_edges (lockdep);

  for (guint i = 0; i < edges->len; i++) {
    const KmlLockdepEdge *edge = &g_array_index (edges, KmlLockdepEdge, i);

    if (!kml_database_put (self, KML_PUT_LOCK_EDGE, error, "uttttu", self->run_id, edge->from,
                           edge->to, kml_context_names[edge->context], edge->site, edge->count))
      return FALSE;
  }
  for (guint i = 0; i < reports->len; i++) {
    const KmlLockdepReport *report = &g_array_index (reports, KmlLockdepReport, i);
    g_autofree char *classes = kml_lockdep_report_classes (report);

    if (!kml_database_put (self, KML_PUT_POTENTIAL_DEADLOCK, error, "uuuttt", self->run_id,
                           (guint64)i, kml_database_ns (report->time),
                           kml_lockdep_kind_names[report->kind], classes, report->text))
      return FALSE;
  }
  return TRUE;
}

static gboolean
put_oom_kills (KmlDatabase *self, const GArray *kills, GError **error)
{
  for (guint i = 0; i < kills->len; i++) {
    const KmlOomKill *kill = &g_array_index (kills, KmlOomKill, i);
    g_autofree char *gfp = kml_gfp_format (kill->gfp);

    if (!kml_database_put (self, KML_PUT_OOM_KILL, error, "uuutuutuuttt", self->run_id, (guint64)i,
                           kml_database_ns (kill->time), kill->victim, kill->n_pages, kill->n_freed,
                           kill->task, (guint64)kill->cpu, kill->size, gfp, kill->step, kill->site))
      return FALSE;
  }
  return TRUE;
}

gboolean
kml_database_put_incidents (KmlDatabase *self, const KmlDatabaseRun *run, GError **error)
{
  return (run->incidents == NULL || put_incidents (self, run->incidents, error)) &&
         (run->oom_kills == NULL || put_oom_kills (self, run->oom_kills, error)) &&
         (run->lockdep == NULL || put_lockdep (self, run->lockdep, error));
}
