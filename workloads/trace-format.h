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

#include "simcore/gfp.h"
#include "workloads/trace-strings.h"
#include "workloads/trace-walk.h"

G_BEGIN_DECLS

/* The events that request memory or give it back, or tell about such. */
typedef enum {
  KML_TRACE_KMALLOC,
  KML_TRACE_KMALLOC_NODE,
  KML_TRACE_KMEM_CACHE_ALLOC,
  KML_TRACE_KMEM_CACHE_ALLOC_NODE,
  KML_TRACE_KMEM_BULK_ALLOC,
  KML_TRACE_KFREE,
  KML_TRACE_KMEM_CACHE_FREE,
  KML_TRACE_KMEM_BULK_FREE,
  KML_TRACE_MM_PAGE_ALLOC,
  KML_TRACE_PAGE_BULK_ALLOC,
  KML_TRACE_MM_PAGE_FREE,
  KML_TRACE_MM_PAGE_FREE_BATCHED, /* information only: the same page has its own mm_page_free */
  KML_TRACE_SLAB_NEW,
  KML_TRACE_SLAB_FREE, /* information only */
  KML_TRACE_N_RECORDS,
  KML_TRACE_OTHER = KML_TRACE_N_RECORDS,
} KmlTraceRecord;

typedef enum {
  KML_TRACE_LINE_EVENT,     /* all fields that the record needs are there */
  KML_TRACE_LINE_HEADER,    /* nothing of interest: a header, a comment, an empty line */
  KML_TRACE_LINE_LOST,      /* .lost events were lost here */
  KML_TRACE_LINE_MALFORMED, /* .reason says why */
} KmlTraceLineKind;

/* What a line says. */
typedef struct {
  guint64 time_ns; /* of the recorder's clock */
  guint64 key;     /* address of an object; page frame number */
  guint64 lost;
  const char *reason; /* malformed: what is wrong */
  guint32 bytes_req, bytes_alloc;
  guint32 gfp;
  guint32 site, cache; /* numbers of strings */
  guint32 name;        /* of an event that is KML_TRACE_OTHER */
  guint32 pid;
  guint16 cpu;
  guint8 record;      /* KmlTraceRecord */
  guint8 context;     /* KmlContext */
  guint8 order;       /* pages */
  guint8 migratetype; /* pages: as recorded, or KML_TRACE_NO_MIGRATETYPE */
  guint8 failed;      /* an allocation that gave nothing */
} KmlTraceLine;

#define KML_TRACE_NO_MIGRATETYPE 255

/* What a line begins with, up to the time: padding, comm, PID, CPU, flags. */
#define KML_TRACE_TASK_TEXT 64

typedef struct {
  guint length; /* of the text; 0: none is known */
  guint32 pid;
  guint16 cpu;
  guint8 context; /* KmlContext */
  char text[KML_TRACE_TASK_TEXT];
} KmlTraceTask;

/* Those that were met last; zeroed: none. */
typedef struct {
  KmlTraceTask known[64];
} KmlTraceTasks;

/* The texts that have been met. */
typedef struct {
  KmlTraceTasks tasks;
  KmlTraceStrings sites, caches;
  KmlTraceStrings names; /* of other events */
  KmlTraceStrings flags; /* texts of GFP flags */
  GArray *flag_values;   /* (owned) (element-type KmlGfp): by number of the text */
  guint64 n_gfp_unknown;
} KmlTraceTexts;

void kml_trace_texts_init (KmlTraceTexts *self);
void kml_trace_texts_finish (KmlTraceTexts *self);

/* The flags of a text such as "GFP_KERNEL|__GFP_ZERO", of which each is read once; KML_TRACE_SHORT bytes from its
 * beginning must be readable. Names that no kernel we know has are left out and the text is counted. */
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

/* Reads "name: key=value …" from @at; time, CPU, pid and context are in *@line already. */
KmlTraceLineKind kml_trace_parse_event (KmlTraceTexts *texts, const char *at, const char *end,
                                        KmlTraceLine *line);

/* What a line is that does not look like an event: a header, a note of lost events, or malformed.
 * */
KmlTraceLineKind kml_trace_parse_note (const char *line, const char *end, KmlTraceLine *ret_line);

/* "# tracer: …" begins the kernel's own file, "cpus=4" what trace-cmd prints. */
gboolean kml_trace_begins_with (const char *line, const char *end, const char *text);

G_END_DECLS
