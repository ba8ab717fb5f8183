/* trace-feed.c: turns requests that name addresses into events that name blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recording has bad lines: a recorder was killed, two writers shared a pipe. They are counted
 * and the first is quoted. But a file of which more than half is bad is something else.
 */

#include "workloads/traces/trace-feed.h"

#include "simcore/base/units.h"

#define FEW_LINES 1000 /* so many must have been read before the share of bad ones says something */

typedef struct {
  guint64 count;
  gboolean used;
} NameUse;

void
kml_trace_feed_init (KmlTraceFeed *self, KmlTraceInfo *info, const char *shown)
{
  memset (self, 0, sizeof *self);
  self->info = info;
  self->shown = shown;
  self->name_counts = g_array_new (FALSE, TRUE, sizeof (NameUse));
  kml_trace_texts_init (&self->texts);
  kml_trace_identity_init (&self->identity, info->counts);
}

void
kml_trace_feed_finish (KmlTraceFeed *self)
{
  if (self->name_counts == NULL)
    return; /* was never made */
  kml_trace_identity_finish (&self->identity);
  kml_trace_texts_finish (&self->texts);
  g_clear_pointer (&self->name_counts, g_array_unref);
  g_clear_pointer (&self->malformed_text, g_free);
}

/* ---- Texts ---- */

guint32
kml_trace_feed_name (KmlTraceFeed *self, const char *name, gsize length, gboolean used)
{
  const guint32 number = kml_trace_strings_add (&self->texts.names, name, length);

  if (number >= self->name_counts->len)
    g_array_set_size (self->name_counts, number + 1);
  g_array_index (self->name_counts, NameUse, number).used |= used;
  return number;
}

guint32
kml_trace_feed_site (KmlTraceFeed *self, const char *text, gsize length)
{
  return kml_trace_strings_add (&self->texts.sites, text, length);
}

guint32
kml_trace_feed_cache (KmlTraceFeed *self, const char *text, gsize length)
{
  return kml_trace_strings_add (&self->texts.caches, text, length);
}

/* ---- Events ---- */

KmlTraceLine *
kml_trace_feed_line (KmlTraceFeed *self)
{
  KmlTraceLine *const line = kml_trace_identity_slot (&self->identity);

  *line = (KmlTraceLine){ .gfp = KML_GFP_KERNEL, .migratetype = KML_TRACE_NO_MIGRATETYPE };
  return line;
}

static gboolean
collide (const KmlTraceFeed *self, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s:%" G_GUINT64_FORMAT ": the addresses of live blocks are too many or too much "
               "alike for those of a program",
               self->shown, self->info->n_lines);
  return FALSE;
}

gboolean
kml_trace_feed_add (KmlTraceFeed *self, GError **error)
{
  const KmlTraceLine *const line = kml_trace_identity_slot (&self->identity);
  KmlTraceInfo *const info = self->info;
  guint64 time_ns;

  if (info->counts[KML_TRACE_N_EVENTS] == 0)
    info->base_ns = line->time_ns;
  time_ns = line->time_ns - info->base_ns;
  if (line->time_ns < info->base_ns || time_ns < self->last_ns) {
    info->counts[KML_TRACE_N_UNORDERED]++;
    time_ns = self->last_ns;
  } else if (time_ns > KML_TIME_MAX / KML_NS) {
    kml_trace_feed_malformed (self, info->n_lines, NULL, NULL,
                              "more than 213 days after the first event");
    return TRUE;
  }
  self->last_ns = time_ns;
  info->duration_ns = time_ns;
  info->n_cpus = MAX (info->n_cpus, line->cpu + 1u);
  info->counts[KML_TRACE_N_EVENTS]++;
  g_array_index (self->name_counts, NameUse, line->name).count++;
  return kml_trace_identity_add (&self->identity, time_ns) || collide (self, error);
}

gboolean
kml_trace_feed_add_untimed (KmlTraceFeed *self, GError **error)
{
  guint64 *const counts = self->info->counts;

  kml_trace_identity_slot (&self->identity)->time_ns = counts[KML_TRACE_N_EVENTS] *
                                                       KML_TRACE_UNTIMED_STEP_NS;
  counts[KML_TRACE_N_UNTIMED]++;
  return kml_trace_feed_add (self, error);
}

gboolean
kml_trace_feed_flush (KmlTraceFeed *self, GError **error)
{
  return kml_trace_identity_flush (&self->identity) || collide (self, error);
}

/* ---- What is wrong ---- */

void
kml_trace_feed_malformed (KmlTraceFeed *self, guint64 number, const char *text, const char *end,
                          const char *reason)
{
  KmlTraceInfo *const info = self->info;
  g_autofree char *quoted = NULL;

  if (info->counts[KML_TRACE_N_MALFORMED]++ > 0)
    return;
  if (text != NULL) {
    quoted = kml_quote (text, end - text);
    self->malformed_text = g_strdup_printf ("%s: %s", reason, quoted);
  } else {
    self->malformed_text = g_strdup (reason);
  }
  info->malformed_text = self->malformed_text;
  info->malformed_line = number;
}

gboolean
kml_trace_feed_check (const KmlTraceFeed *self, guint64 n, gboolean at_end, const char *what,
                      GError **error)
{
  const KmlTraceInfo *const info = self->info;
  const guint64 n_bad = info->counts[KML_TRACE_N_MALFORMED];

  if ((at_end || n >= FEW_LINES) && n_bad > n / 2)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%" G_GUINT64_FORMAT ": %s; %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                 " are like that: expected %s",
                 self->shown, info->malformed_line, info->malformed_text, n_bad, n, what);
  else if (at_end && info->counts[KML_TRACE_N_EVENTS] == 0 && n_bad > 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%" G_GUINT64_FORMAT ": %s; there is not a single event: expected %s",
                 self->shown, info->malformed_line, info->malformed_text, what);
  else if (at_end && info->counts[KML_TRACE_N_EVENTS] == 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s:%" G_GUINT64_FORMAT ": %s without a single event", self->shown, MAX (n, 1),
                 what);
  else
    return TRUE;
  return FALSE;
}

/* ---- Results ---- */

void
kml_trace_feed_update (KmlTraceFeed *self, gboolean complete)
{
  KmlTraceInfo *const info = self->info;

  info->n_sites = self->texts.sites.n - 1;
  info->n_caches = self->texts.caches.n - 1;
  info->counts[KML_TRACE_N_GFP_UNKNOWN] = self->texts.n_gfp_unknown;
  info->live_objects_peak = self->identity.live_objects_peak;
  info->live_pages_peak = self->identity.live_pages_peak;
  info->n_stream = self->identity.tail;
  info->complete = complete;
}

void
kml_trace_feed_names (const KmlTraceFeed *self, GArray *names)
{
  for (guint i = 0; i < self->name_counts->len; i++) {
    const NameUse *use = &g_array_index (self->name_counts, NameUse, i);
    const char *name = i > 0 ? kml_trace_strings_get (&self->texts.names, i) : "(others)";
    const KmlTraceNameCount count = { use->count > 0 ? g_utf8_make_valid (name, -1) : NULL,
                                      use->count, use->used };

    if (use->count > 0)
      g_array_append_val (names, count);
  }
}
