/* requests.h: requests of tasks, measured.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the driver is to straight code this is to tasks: a request is started, the
 * allocator works on it (and may wait meanwhile, for its lock or for memory), and the recorder learns
 * what happened. Many can be under way at once. They count from their begin, in the order of
 * simulated time; one during which others began counts from the latest of these.
 */

#pragma once

#include "simcore/pages/old-frames.h"
#include "simcore/recording/recorder.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

/* A task that must not fail and waits until somebody gives memory back. */
typedef struct _KmlRequestWaiter KmlRequestWaiter;

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages;   /* whom tasks ask: with all layers around */
  KmlAllocator *objects; /* (nullable) */
  KmlOldFrames *old;     /* (nullable) */
  KmlRecorder *recorder;
  /* by level: pages, objects: from where tasks may ask and give back */
  KmlFrom alloc_from[2], free_from[2];
  guint64 n_operations;
  guint64 n_free_old;        /* times that old frames were given back, which no tally counts */
  KmlProviders givers;       /* who may give something back */
  KmlRequestWaiter *waiters; /* (nullable): the first; each on its stack */
} KmlRequests;

void kml_requests_init (KmlRequests *self, KmlMachine *machine, KmlAllocator *pages,
                        KmlAllocator *objects, KmlRecorder *recorder);
void kml_requests_clear (KmlRequests *self);

/* What changes in it; nothing was asked for yet. */
void kml_requests_remember (KmlRequests *self, KmlImage *image);

/* What a task keeps of a block. */
typedef struct {
  KmlAddr addr; /* KML_ADDR_NONE: there is none */
  guint64 size; /* asked for */
  guint64 held; /* given */
  KmlLevel level;
} KmlBlock;

/* By the running task; a request that may sleep in atomic context is reported. One of a program with __GFP_NOFAIL that may sleep waits until there is
 * memory, if need be for ever. FALSE: there was none, and @ret_block says so. */
gboolean kml_requests_alloc (KmlRequests *self, KmlLevel level, const KmlRequest *request,
                             KmlBlock *ret_block);

/* Gives back what there is; FALSE: there was nothing. Of @how only who frees counts. Where the allocator forbids it, that is reported. @block->held: what was given back. */
gboolean kml_requests_free (KmlRequests *self, KmlBlock *block, const KmlRequest *how);

/* Halves a block of pages: @lower is the lower half then, @ret_upper the upper. FALSE: the allocator does not split, and
 * the block stays whole under @lower. */
gboolean kml_requests_split (KmlRequests *self, KmlBlock *lower, KmlBlock *ret_upper,
                             const KmlRequest *how);

/* KML_OP_FREE_OLD */
void kml_requests_free_old (KmlRequests *self, const KmlOp *op);

G_END_DECLS
