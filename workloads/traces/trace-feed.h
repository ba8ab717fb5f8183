/* trace-feed.h: turns requests that name addresses into events that name blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of all forms of recording share behind their parsers: times that begin at 0 and never decrease,
 * identities (trace-identity.h), counts, and the judgement whether a file is what it claims to be.
 */

#pragma once

#include "workloads/traces/trace-format.h"
#include "workloads/traces/trace-identity.h"
#include "workloads/traces/trace.h"

G_BEGIN_DECLS

#define KML_TRACE_UNTIMED_STEP_NS 1000 /* between events that were recorded without a time */

typedef struct {
  KmlTraceInfo *info; /* (borrowed) */
  const char *shown;  /* (borrowed): how messages call the file */
  KmlTraceTexts texts;
  KmlTraceIdentity identity;
  GArray *name_counts;  /* (owned): how often each name was met, by its number in texts.names */
  char *malformed_text; /* (owned) (nullable) */
  guint64 last_ns;      /* of the last event, since the first */
} KmlTraceFeed;

void kml_trace_feed_init (KmlTraceFeed *self, KmlTraceInfo *info, const char *shown);
void kml_trace_feed_finish (KmlTraceFeed *self);

/* The name of the free that is the first half of a reallocation: a reader that gives it one of its own counts lines, not halves, by the
 * name of the other. */
#define KML_TRACE_OLD_BLOCK "realloc (old block)"

/* The number of an event's name, for KmlTraceLine.name. @used: such events are requests. */
guint32 kml_trace_feed_name (KmlTraceFeed *self, const char *name, gsize length, gboolean used);

/* The number of a call site or cache; the text needs nothing readable behind it. */
guint32 kml_trace_feed_site (KmlTraceFeed *self, const char *text, gsize length);
guint32 kml_trace_feed_cache (KmlTraceFeed *self, const char *text, gsize length);

/* Where the next event is to be written to: zeros, of GFP_KERNEL and of no migrate type. */
KmlTraceLine *kml_trace_feed_line (KmlTraceFeed *self);

/* Takes that event. .name is set; its time is .time_ns. Error: more live blocks than can be, or times too far
 * apart. */
gboolean kml_trace_feed_add (KmlTraceFeed *self, GError **error);

/* The same for an event that has no time. */
gboolean kml_trace_feed_add_untimed (KmlTraceFeed *self, GError **error);

/* No event will follow. */
gboolean kml_trace_feed_flush (KmlTraceFeed *self, GError **error);

/* Counts a line or entry that is none; the first one is kept. @number: its own, from 1; @text
 * (nullable): a quotation. */
void kml_trace_feed_malformed (KmlTraceFeed *self, guint64 number, const char *text,
                               const char *end, const char *reason);

/* FALSE: most of the @n lines so far are none of @what, or @at_end and there was not a single event. */
gboolean kml_trace_feed_check (const KmlTraceFeed *self, guint64 n, gboolean at_end,
                               const char *what, GError **error);

/* Brings the info up to date. @complete: nothing will follow. */
void kml_trace_feed_update (KmlTraceFeed *self, gboolean complete);

/* Appends a KmlTraceNameCount for each name that has been met. */
void kml_trace_feed_names (const KmlTraceFeed *self, GArray *names);

G_END_DECLS
