/* requests.h: requests of tasks, measured.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the driver is to straight code this is to tasks: a request is started, the
 * allocator works on it (and may wait meanwhile, for its lock or for memory), and the recorder learns
 * what happened. Many can be under way at once. They are recorded in the order in which they end, which is the order of
 * simulated time.
 */

#pragma once

#include "simcore/recorder.h"
#include "simcore/scheduler.h"

G_BEGIN_DECLS

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages;   /* whom tasks ask: with all layers around */
  KmlAllocator *objects; /* (nullable) */
  KmlRecorder *recorder;
  guint64 n_operations;
  KmlTime worst[KML_N_OPERATIONS][KML_N_CONTEXTS]; /* the longest operation of each kind … */
  KmlTime parts[KML_N_OPERATIONS][KML_N_CONTEXTS][KML_N_PARTS]; /* … and where its time went */
  char *who[KML_N_OPERATIONS][KML_N_CONTEXTS]; /* (owned) (nullable) … and whose it was */
} KmlRequests;

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

/* By the running task. FALSE: there was no memory, and @ret_block says so. */
gboolean kml_requests_alloc (KmlRequests *self, KmlLevel level, const KmlRequest *request,
                             KmlBlock *ret_block);

/* Gives back what there is; FALSE: there was nothing. Of @how only who frees counts. @block->held: what was given back. */
gboolean kml_requests_free (KmlRequests *self, KmlBlock *block, const KmlRequest *how);

/* Halves a block of pages: @lower is the lower half then, @ret_upper the upper. FALSE: the allocator does not split, and
 * the block stays whole under @lower. */
gboolean kml_requests_split (KmlRequests *self, KmlBlock *lower, KmlBlock *ret_upper,
                             const KmlRequest *how);

G_END_DECLS
