/* trace-format.h: what a text format is, and what all of them share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A text format turns a line into a KmlTraceLine. To add one: write one file
 * that ends with KML_REGISTER_TRACE_FORMAT, name it in workloads/meson.build.
 * Formats whose events are the kernel's own kmem events in "name: key=value …"
 * form only need to find where the name begins; kml_trace_parse_event() does the rest.
 */

#pragma once

#include "simcore/memory/gfp.h"
#include "workloads/traces/trace-line.h"
#include "workloads/traces/trace-shape.h"
#include "workloads/traces/trace-strings.h"
#include "workloads/traces/trace-walk.h"

G_BEGIN_DECLS

/* The texts that have been met. */
typedef struct {
  KmlTraceTasks tasks;
  KmlTraceSecond second;
  KmlTraceShapes shapes;
  KmlTraceStrings sites, caches;
  KmlTraceStrings names; /* of other events */
  KmlTraceStrings flags; /* texts of GFP flags */
  GArray *flag_values;   /* (owned) (element-type KmlGfp): by number of the text */
  guint64 n_gfp_unknown;
  gboolean lacks_gfp; /* a text was empty */
} KmlTraceTexts;

void kml_trace_texts_init (KmlTraceTexts *self);
void kml_trace_texts_finish (KmlTraceTexts *self);

/* The flags of a text such as "GFP_KERNEL|__GFP_ZERO", of which each is read once; KML_TRACE_SHORT bytes from its
 * beginning must be readable. Names that no kernel we know has are left out and the text is counted, as is the empty text, which is
 * KML_TRACE_NO_GFP. */
KmlGfp kml_trace_texts_gfp (KmlTraceTexts *self, const char *text, gsize length);

/**
 * KmlTraceFormat:
 * @name: e.g. "ftrace"
 * @summary: one line
 * @recognises: whether a line can only be of this format: an event, or a header that no other
 * format has
 * @parse: reads the line; it has no newline and is readable for KML_TRACE_PADDING bytes beyond @end
 */
typedef struct {
  const char *name;
  const char *summary;
  gboolean (*recognises) (const char *line, const char *end);
  KmlTraceLineKind (*parse) (KmlTraceTexts *texts, const char *line, const char *end,
                             KmlTraceLine *ret_line);
} KmlTraceFormat;

void kml_trace_format_register (const KmlTraceFormat *format);

/* Sorted by name. */
const KmlTraceFormat *const *kml_trace_format_list (guint *ret_n);

#define KML_REGISTER_TRACE_FORMAT(format)                                                          \
  static void __attribute__ ((constructor)) format##_register (void)                               \
  {                                                                                                \
    kml_trace_format_register (&(format));                                                         \
  }

/* "kmalloc" … of the records. */
extern const char *const kml_trace_record_names[KML_TRACE_N_RECORDS + 1];

/* Reads the name of an event at @at, perhaps behind spaces: line->record and, of others, line->name. What is returned is behind
 * its colon; @end: what follows the name says nothing. NULL: it is no name. */
const char *kml_trace_read_name (KmlTraceTexts *texts, const char *at, const char *end,
                                 KmlTraceLine *line);

/* Reads ": name: key=value …" from @at, behind the time; time, CPU, pid and context are in *@line
 * already. */
KmlTraceLineKind kml_trace_parse_event (KmlTraceTexts *texts, const char *at, const char *end,
                                        KmlTraceLine *line);

/* Reads a line of which task and head are known, see trace-shape.h: the same as the format's parse
 * reads, without knowing where the line ends. @limit is behind what may be the line's. What is
 * returned is behind its newline; NULL: it is something else, perhaps nothing good, and must be
 * parsed. */
const char *kml_trace_parse_known (KmlTraceTexts *texts, const char *line, const char *limit,
                                   KmlTraceLine *ret_line);

/* What a line is that does not look like an event: a header, a note of lost events, or malformed.
 * */
KmlTraceLineKind kml_trace_parse_note (const char *line, const char *end, KmlTraceLine *ret_line);

/* "# tracer: …" begins the kernel's own file, "cpus=4" what trace-cmd prints. */
gboolean kml_trace_begins_with (const char *line, const char *end, const char *text);

G_END_DECLS
