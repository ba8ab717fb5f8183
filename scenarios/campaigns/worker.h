/* worker.h: one run, in a process of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing that happens to a worker, not even an assertion that fails, touches
 * the process that started it or another run.
 */

#pragma once

#include "analysis/database.h"
#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* What to do. All borrowed until the worker has been started. */
typedef struct {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  guint64 run_id;
  const char *overrides; /* what to store as runs.overrides … */
  const char *base_dir;  /* … and as runs.base_dir */
  const char *shard;     /* (nullable): path of the file to write; NULL: the result is not kept */
  gboolean with_timings;
  gboolean check_every_operation;
} KmlWorkerJob;

typedef enum {
  KML_WORKER_AT_WORK,
  KML_WORKER_DONE,     /* the shard is whole */
  KML_WORKER_FAILED,   /* the run ended with an error of the world: there is no shard */
  KML_WORKER_UNSTORED, /* the run is fine, but its shard could not be written */
  KML_WORKER_CRASHED,  /* the process ended without a word, or by a signal */
} KmlWorkerState;

typedef struct {
  KmlWorkerState state;
  guint64 n_operations;
  double share; /* of the run, [0, 1]; 0 while unknown */
  guint64 n_expectations, n_unmet;
  char fingerprint[33];
  KmlErrorCode code; /* FAILED, UNSTORED */
  char *message;     /* (owned) (nullable): FAILED, UNSTORED, CRASHED */
} KmlWorkerReport;

typedef struct _KmlWorker KmlWorker;

/* Forks. The calling process has one thread. */
KmlWorker *kml_worker_start (const KmlWorkerJob *job, GError **error);

/* Readable when the worker has something to say, its end included. */
int kml_worker_fd (const KmlWorker *self);

/* Reads what there is, without waiting. The state is something else than AT_WORK once the
 * process has ended. */
const KmlWorkerReport *kml_worker_read (KmlWorker *self);

/* Ends a worker that is still at it, and waits for its end. */
void kml_worker_kill (KmlWorker *self);

/* Kills it if need be. */
void kml_worker_free (KmlWorker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlWorker, kml_worker_free)

/* What a KmlDatabaseRun points into. */
typedef struct {
  GArray *params; /* (owned) (nullable) (element-type KmlDatabaseParam) */
  GArray *inputs; /* (owned) (nullable) (element-type KmlDatabaseInput) */
} KmlWorkerRow;

#define KML_WORKER_ROW_INIT                                                                        \
  {                                                                                                \
    NULL, NULL                                                                                     \
  }

void kml_worker_row_clear (KmlWorkerRow *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (KmlWorkerRow, kml_worker_row_clear)

/* What is known of the row in table runs before the run. */
void kml_worker_describe_run (const KmlWorkerJob *job, KmlWorkerRow *ret_row,
                              KmlDatabaseRun *ret_run);

G_END_DECLS
