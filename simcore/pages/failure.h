/* failure.h: requests that got nothing, and why.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An allocator that has nothing says so, and no more. Why is read off the state of memory when the failure is recorded (failure.c); what
 * cannot be seen there is noted by whoever knows it.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef enum {
  KML_FAILURE_EXHAUSTED,  /* fewer frames are free than it takes */
  KML_FAILURE_FRAGMENTED, /* as many are free, and no block is so large */
  KML_FAILURE_WATERMARK, /* what is free is kept from such a request: for who frees memory, for lower zones' users, for atomic ones */
  KML_FAILURE_ZONE,      /* a higher zone has a block, which its flags forbid */
  KML_FAILURE_CONSTRAINT, /* a block is free, but not where alignment, boundary or limit want it */
  KML_FAILURE_TOO_LARGE,  /* the allocator never has such a block */
  KML_FAILURE_INJECTED,   /* the schedule wanted it (inject.h) */
  KML_FAILURE_ALLOCATOR,  /* the object allocator, or a layer, did not even ask for pages */
  KML_FAILURE_LATE,       /* by the time it was recorded a block was free */
  KML_N_FAILURE_REASONS,
} KmlFailureReason;

/* "out of memory", "fragmentation", … */
extern const char *const kml_failure_reasons[KML_N_FAILURE_REASONS + 1];

typedef struct {
  KmlTime time;       /* when it was asked */
  KmlRequest request; /* constraints are not kept: NULL */
  guint8 level;
  guint8 reason;    /* KmlFailureReason */
  const char *task; /* (nullable) borrowed: NULL: of straight code */
  const char *step; /* (nullable) borrowed: of a program: the step, as it is written */
  /* bytes, in the zones that its flags allow: free, and in the largest block */
  guint64 free, largest;
} KmlFailure;

/* By who records @request, which @self->time, level and task belong to. @pages: the page allocator itself. */
void kml_failure_explain (KmlFailure *self, const KmlAllocator *pages, const KmlRequest *request);

/* The page level had nothing for this, which an object allocator has asked for. */
void kml_failure_note_pages (KmlMachine *machine, const KmlRequest *request);

/* The schedule lets the request under way fail. */
void kml_failure_note_injected (KmlMachine *machine);

G_END_DECLS
