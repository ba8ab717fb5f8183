/* trace-line.h: what a line of a recording says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

/* The events that request memory or give it back, or tell about such: objects, then pages. */
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
  KML_TRACE_MM_PAGE_TAKE,         /* a block leaves the free ones: information only, as is … */
  KML_TRACE_MM_PAGE_DRAIN,        /* … that one of a CPU's list comes back (trace-lists.h) */
  KML_TRACE_COMPACTION_BEGIN,     /* of the task: what it frees up to … */
  KML_TRACE_COMPACTION_END,       /* … here it has moved */
  KML_TRACE_SLAB_NEW,
  KML_TRACE_SLAB_FREE, /* information only */
  KML_TRACE_N_RECORDS,
  KML_TRACE_OTHER = KML_TRACE_N_RECORDS,

  KML_TRACE_LAST_OBJECT_ALLOC = KML_TRACE_KMEM_BULK_ALLOC,
  KML_TRACE_LAST_OBJECT_FREE = KML_TRACE_KMEM_BULK_FREE,
  KML_TRACE_LAST_PAGES = KML_TRACE_MM_PAGE_FREE,
} KmlTraceRecord;

typedef enum {
  KML_TRACE_LINE_EVENT,     /* all fields that the record needs are there */
  KML_TRACE_LINE_HEADER,    /* nothing of interest: a header, a comment, an empty line */
  KML_TRACE_LINE_LOST,      /* .lost events were lost here */
  KML_TRACE_LINE_MALFORMED, /* .reason says why */
} KmlTraceLineKind;

typedef struct {
  guint64 time_ns; /* of the recorder's clock */
  guint64 key;     /* address of an object; page frame number */
  union {
    guint64 lost;
    const char *reason; /* malformed: what is wrong */
  };
  guint32 bytes_req, bytes_alloc;
  guint32 gfp;         /* or KML_TRACE_NO_GFP */
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
/* the recorder has left the flags out; no kernel has this bit */
#define KML_TRACE_NO_GFP (1u << 31)

/* What is wrong with a line whose time some locale has written. */
#define KML_TRACE_DECIMAL_COMMA "the time has a comma where a point is expected"

#define KML_TRACE_MAX_PFN ((G_GUINT64_CONSTANT (1) << 40) - 1) /* 4 PiB of frames of 4 KiB */

G_END_DECLS
