/* trace-source.h: a form of recording of another tool than the kernel's tracers.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * To add one: write one file that ends with KML_REGISTER_TRACE_SOURCE, name it in
 * workloads/meson.build. It says whether the first bytes of a file are of its form, and turns a line,
 * or a piece of binary data, into any number of events:
 *
 *   KmlTraceLine *event = kml_trace_feed_line (&self->base.feed);
 *
 *   event->record = KML_TRACE_KMALLOC;
 *   event->key = …                      the address, which tells blocks apart
 *   event->bytes_req = event->bytes_alloc = …
 *   event->name = self->malloc_name;
 *   return kml_trace_feed_add (&self->base.feed, error);
 *
 * Names for blocks, lost frees, times and counts are not its business. Text of the kernel's own events is
 * simpler still: see trace-format.h.
 */

#pragma once

#include "workloads/traces/trace-child.h"
#include "workloads/traces/trace-feed.h"
#include "workloads/traces/trace-lines.h"

G_BEGIN_DECLS

#define KML_TRACE_HEAD (64 * 1024) /* bytes by which a source is recognised, at most */

typedef struct _KmlTraceSource KmlTraceSource;

/**
 * KmlTraceSourceOps:
 * @name: e.g. "mtrace"
 * @summary: one line
 * @instance_size: of the struct that begins with a KmlTraceSource; zeroed
 * @takes_columns: whether the option columns is for it
 * @recognises: whether a file that begins with these bytes can only be of this form; zeros follow them
 * @open: (nullable): feed, lines and options are there; errors name the file
 * @line: text: takes a line; FALSE: @error is set. What is wrong with the line alone is given to
 *   kml_trace_feed_malformed() and is no error
 * @end: (nullable): text: there are no more lines
 * @step: binary: instead of @line and @end: takes some data, and sets .at_end if there is none
 * @translate: (nullable): instead of all of these: another program prints the kernel's text of it
 * @progress: (nullable): share read, in [0, 1], where the input does not know it
 * @close: (nullable): releases what @open took
 */
typedef struct {
  const char *name;
  const char *summary;
  gsize instance_size;
  gboolean takes_columns;
  gboolean (*recognises) (const char *head, gsize n);
  gboolean (*open) (KmlTraceSource *self, GError **error);
  gboolean (*line) (KmlTraceSource *self, const char *line, const char *end, GError **error);
  gboolean (*end) (KmlTraceSource *self, GError **error);
  gboolean (*step) (KmlTraceSource *self, GError **error);
  KmlTraceChild *(*translate) (KmlTraceInput *input, GError **error);
  double (*progress) (const KmlTraceSource *self);
  void (*close) (KmlTraceSource *self);
} KmlTraceSourceOps;

struct _KmlTraceSource {
  const KmlTraceSourceOps *ops;
  KmlTraceInput *input;           /* (borrowed) */
  const KmlTraceOptions *options; /* (borrowed): while it is opened */
  const char *shown;              /* (borrowed): how messages call the file */
  KmlTraceFeed feed;
  KmlTraceLines lines; /* text */
  gboolean at_end;
};

void kml_trace_source_register (const KmlTraceSourceOps *ops);

/* Sorted by name. */
const KmlTraceSourceOps *const *kml_trace_source_list (guint *ret_n);

#define KML_REGISTER_TRACE_SOURCE(ops)                                                             \
  static void __attribute__ ((constructor)) ops##_register (void)                                  \
  {                                                                                                \
    kml_trace_source_register (&(ops));                                                            \
  }

/* ---- For whoever reads a recording ---- */

/* Whose form it is that begins with these bytes. With columns, text is of the form that takes them unless
 * another one claims it. (nullable) */
const KmlTraceSourceOps *kml_trace_source_find (const char *head, gsize n,
                                                const KmlTraceOptions *options);

/* @input and @info are borrowed for good. */
KmlTraceSource *kml_trace_source_new (const KmlTraceSourceOps *ops, KmlTraceInput *input,
                                      const KmlTraceOptions *options, KmlTraceInfo *info,
                                      GError **error);
void kml_trace_source_free (KmlTraceSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTraceSource, kml_trace_source_free)

int kml_trace_source_next (KmlTraceSource *self, KmlTraceEvent *events, guint n, GError **error);
double kml_trace_source_progress (const KmlTraceSource *self);

/* ---- For sources ---- */

/* "FILE:LINE: " and the message, as KML_ERROR_INPUT. Returns FALSE. */
gboolean kml_trace_source_refuse (const KmlTraceSource *self, GError **error, const char *format,
                                  ...) G_GNUC_PRINTF (3, 4);

/* Sets both sizes of a request of a program; 0 bytes, for which a program gets a block of its own, are counted and
 * taken as 1. FALSE: more than can be. */
gboolean kml_trace_source_set_size (KmlTraceSource *self, KmlTraceLine *line, guint64 size);

/* 1 to 16 hexadecimal digits without 0x; NULL: there are none, or more. */
const char *kml_trace_source_hex (const char *at, guint64 *ret_value);

G_END_DECLS
