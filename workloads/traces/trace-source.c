/* trace-source.c: what the forms of other tools' recordings have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/traces/trace-source.h"

#include "simcore/base/registry.h"

static KmlRegistry registry;

void
kml_trace_source_register (const KmlTraceSourceOps *ops)
{
  g_assert (ops->recognises != NULL);
  g_assert ((ops->line != NULL) + (ops->step != NULL) + (ops->translate != NULL) == 1);

  kml_registry_add (&registry, ops);
}

const KmlTraceSourceOps *const *
kml_trace_source_list (guint *ret_n)
{
  *ret_n = registry.n;
  return (const KmlTraceSourceOps *const *)registry.entries;
}

const KmlTraceSourceOps *
kml_trace_source_find (const char *head, gsize n, const KmlTraceOptions *options)
{
  const KmlTraceSourceOps *with_columns = NULL;

  for (guint i = 0; i < registry.n; i++) {
    const KmlTraceSourceOps *ops = registry.entries[i];

    if (ops->recognises (head, n))
      return ops;
    if (ops->takes_columns)
      with_columns = ops;
  }
  return options->columns != NULL ? with_columns : NULL;
}

KmlTraceSource *
kml_trace_source_new (const KmlTraceSourceOps *ops, KmlTraceInput *input,
                      const KmlTraceOptions *options, KmlTraceInfo *info, GError **error)
{
  g_autoptr (KmlTraceSource) self = g_malloc0 (ops->instance_size);

  self->ops = ops;
  self->input = input;
  self->options = options;
  self->shown = kml_trace_input_shown (input);
  kml_trace_feed_init (&self->feed, info, self->shown);
  if (ops->line != NULL)
    kml_trace_lines_init (&self->lines, input, KML_TRACE_ROOM);
  info->format = ops->name;
  if (ops->open != NULL && !ops->open (self, error))
    return NULL;
  self->options = NULL;
  return g_steal_pointer (&self);
}

void
kml_trace_source_free (KmlTraceSource *self)
{
  if (self == NULL)
    return;
  if (self->ops->close != NULL)
    self->ops->close (self);
  kml_trace_lines_finish (&self->lines);
  kml_trace_feed_finish (&self->feed);
  g_free (self);
}

/* Takes the next line, or what comes after the last. */
static gboolean
step_line (KmlTraceSource *self, GError **error)
{
  const char *line, *end, *fault;
  const int n = kml_trace_lines_next (&self->lines, &line, &end, error);

  if (n < 0)
    return FALSE;
  if (n == 0) {
    self->at_end = TRUE;
    return self->ops->end == NULL || self->ops->end (self, error);
  }
  self->feed.info->n_lines = self->lines.number;
  self->feed.info->unended = self->lines.unended;
  fault = kml_trace_line_fault (line, end);
  if (fault == NULL)
    return self->ops->line (self, line, end, error);
  kml_trace_feed_malformed (&self->feed, self->lines.number, line, end, fault);
  return TRUE;
}

static gboolean
step (KmlTraceSource *self, GError **error)
{
  if (self->ops->step != NULL)
    return self->ops->step (self, error);
  return step_line (self, error) &&
         ((!self->at_end && self->lines.number % 1024 != 0) ||
          kml_trace_feed_check (&self->feed, self->lines.number, self->at_end, self->ops->summary,
                                error));
}

int
kml_trace_source_next (KmlTraceSource *self, KmlTraceEvent *events, guint n, GError **error)
{
  KmlTraceIdentity *const identity = &self->feed.identity;

  while (!self->at_end && kml_trace_identity_ready (identity, FALSE) < n)
    if (!step (self, error))
      return -1;
  if (self->at_end && !kml_trace_feed_flush (&self->feed, error))
    return -1;
  kml_trace_feed_update (&self->feed, self->at_end);
  n = (guint)MIN (n, kml_trace_identity_ready (identity, self->at_end));
  return (int)kml_trace_identity_take (identity, events, n);
}

double
kml_trace_source_progress (const KmlTraceSource *self)
{
  return self->ops->progress != NULL ? self->ops->progress (self)
                                     : kml_trace_input_progress (self->input);
}

/* ---- For sources ---- */

gboolean
kml_trace_source_refuse (const KmlTraceSource *self, GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s:%" G_GUINT64_FORMAT ": %s", self->shown,
               MAX (self->lines.number, 1), message);
  return FALSE;
}

gboolean
kml_trace_source_set_size (KmlTraceSource *self, KmlTraceLine *line, guint64 size)
{
  if (size > G_MAXUINT32)
    return FALSE;
  if (size == 0)
    self->feed.info->counts[KML_TRACE_N_ZERO_SIZE]++;
  line->bytes_req = line->bytes_alloc = MAX ((guint32)size, 1);
  return TRUE;
}

const char *
kml_trace_source_hex (const char *at, guint64 *ret_value)
{
  const char *const begin = at;
  guint64 value = 0;

  for (; g_ascii_isxdigit (*at) && at - begin < 17; at++)
    value = value << 4 | (guint64)g_ascii_xdigit_value (*at);
  *ret_value = value;
  return at > begin && at - begin <= 16 ? at : NULL;
}
