/* trace-identity.h: which block a recorded address means.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/traces/trace-format.h"
#include "workloads/traces/trace-lists.h"
#include "workloads/traces/trace-names.h"
#include "workloads/traces/trace.h"

G_BEGIN_DECLS

/* Events are held back until this many have followed, so that a page allocation can still
 * be recognised as one for a slab when objects of the slab appear. */
#define KML_TRACE_WINDOW 4096

#define KML_TRACE_KNOWN_FRAMES 16384 /* a power of two */
#define KML_TRACE_NEAR_CPUS    64    /* a power of two */

#define KML_TRACE_MOST_COMPACTING 64

/* Lines wait until as many have followed, so that what they need from memory has come meanwhile. */
#define KML_TRACE_PIPELINE 16

typedef struct {
  KmlTraceLine line;
  guint64 time_ns;
} KmlTracePending;

/* A page allocation of a CPU that is recent enough to be that of a slab. */
typedef struct {
  guint64 pfn;
  guint8 order;
  guint8 events_left;
} KmlTraceNear;

#define KML_TRACE_N_PAGE_SIZES 3 /* that kernels have */

typedef struct {
  KmlTraceNames objects;                         /* by address */
  KmlTraceNames pages;                           /* by page frame number, see trace-pages.c */
  guint32 compacting[KML_TRACE_MOST_COMPACTING]; /* tasks that compact … */
  guint n_compacting;                            /* … so many */
  KmlTraceLists lists;                           /* of the kernel's CPUs, when it began */
  guint64 *counts; /* (array length=KML_TRACE_N_COUNTS): the caller's */
  guint64 live_objects_peak, live_pages_peak;

  KmlTracePending pipeline[KML_TRACE_PIPELINE];
  guint64 n_taken; /* lines that went into the pipeline */
  guint64 n_done;  /* lines that came out of it */

  KmlTraceEvent *queue; /* (owned) (array length=n_queue): a ring, a power of two */
  guint32 n_queue;
  guint64 head, tail; /* numbers of the first event in it and of the next one */

  guint64 n_live_order[KML_MAX_ORDER + 1]; /* page blocks */
  guint32 live_orders;                     /* a bit for each order of which there are some */

  gboolean knows_offset;
  guint64 page_offset; /* where the kernel maps frame 0 */
  guint page_shift;    /* of the recorded kernel's frames */
  guint64 candidates[KML_TRACE_N_PAGE_SIZES];
  KmlTraceNear near[KML_TRACE_NEAR_CPUS];
  guint32
      known_frames[KML_TRACE_KNOWN_FRAMES]; /* by the low bits of a frame number, 1 + the others:
                                                 * objects in it need not be looked at again */
} KmlTraceIdentity;

void kml_trace_identity_init (KmlTraceIdentity *self, guint64 *counts);
void kml_trace_identity_finish (KmlTraceIdentity *self);

/* Where the next line is to be parsed into. */
static inline KmlTraceLine *
kml_trace_identity_slot (KmlTraceIdentity *self)
{
  return &self->pipeline[self->n_taken % KML_TRACE_PIPELINE].line;
}

/* Takes the line that was parsed, which is an event of a record; its time is in @time_ns,
 * since the first event. FALSE: the addresses were made to collide, or are too many. */
gboolean kml_trace_identity_add (KmlTraceIdentity *self, guint64 time_ns);

/* No line will follow. */
gboolean kml_trace_identity_flush (KmlTraceIdentity *self);

/* How many events can be taken; @at_end: no line will follow. */
static inline guint64
kml_trace_identity_ready (const KmlTraceIdentity *self, gboolean at_end)
{
  const guint64 waiting = self->tail - self->head;

  if (at_end)
    return waiting;
  return waiting > KML_TRACE_WINDOW ? waiting - KML_TRACE_WINDOW : 0;
}

guint kml_trace_identity_take (KmlTraceIdentity *self, KmlTraceEvent *events, guint n);

/* ---- Between trace-identity.c and trace-pages.c ---- */

/* A new event at the end of the queue, filled from the line. Valid until the next call. */
KmlTraceEvent *kml_trace_identity_emit (KmlTraceIdentity *self, const KmlTraceLine *line,
                                        guint64 time_ns, KmlOpKind kind, KmlLevel level,
                                        guint32 block);

/* The flags of a request: what most have that are made in the line's context, where the recorder has left them out. */
static inline guint32
kml_trace_identity_gfp (const KmlTraceLine *line)
{
  if (G_LIKELY (line->gfp != KML_TRACE_NO_GFP))
    return line->gfp;
  return line->context == KML_CONTEXT_PROCESS ? KML_GFP_KERNEL : KML_GFP_ATOMIC;
}

void kml_trace_pages_init (KmlTraceIdentity *self);
gboolean kml_trace_pages_alloc (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns);
gboolean kml_trace_pages_free (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns);

/* What tells of lists and of compaction alone. */
void kml_trace_pages_take (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns);
void kml_trace_pages_compact (KmlTraceIdentity *self, const KmlTraceLine *line);
void kml_trace_pages_drain (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns);

/* Frame @pfn is part of a slab. */
void kml_trace_pages_mark_slab (KmlTraceIdentity *self, guint64 pfn);

G_END_DECLS
