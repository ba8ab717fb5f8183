/* run-private.h: what the pieces of a run share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * run.c says what the pieces are.
 */

#pragma once

#include "scenarios/running/run-tasks.h"
#include "scenarios/running/run.h"

G_BEGIN_DECLS

struct _KmlRun {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  KmlMachine *machine; /* (owned) */
  KmlAllocator *pages; /* (owned) */
  /* (owned) (nullable): those that were in use when it began, where they are known */
  KmlOldFrames *old;
  KmlAllocator *objects;                  /* (owned) */
  GPtrArray *page_layers, *object_layers; /* (owned) (element-type KmlAllocator): innermost first */
  KmlAllocator *pages_top, *objects_top;  /* with all layers around: whom workloads and tasks ask */
  KmlRunTasks *tasks;                     /* (owned) (nullable): NULL: the driver does it */
  GPtrArray *workloads;                   /* (owned) (element-type KmlWorkload) */
  KmlTwinMaker twins;                     /* for those of them that want some */
  KmlRecorder *recorder;                  /* (owned) */
  guint64 counted_before[KML_MAX_COUNTERS]; /* by the page allocator, before the run began */
  KmlDriverConfig driver;
  KmlImage *image;   /* (owned) (nullable): see kml_run_remember() */
  char *fingerprint; /* (owned) (nullable) */
  gboolean is_executed;
  guint64 n_operations;
};

/* ---- run-start.c ---- */

/* [memory] start: after the page allocator has started, and before there is anything around it. */
gboolean kml_run_start (KmlRun *self, GError **error);

/* ---- run-bins.c ---- */

/* Before @objects is started: `optimal:K` and files become the list of sizes that they mean; any other set stays as it is. */
gboolean kml_run_resolve_bins (KmlRun *self, KmlAllocator *objects, GError **error);

G_END_DECLS
