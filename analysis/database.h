/* database.h: the result database.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * SQLite. schema.sql is the description of every table and column. A run is
 * written in one transaction: it is there whole or not at all. Rows depend only
 * on the runs, in the order of their run_id, so two campaigns with the same runs give
 * the same bytes whatever the number of workers; what the host's clock says
 * (started_at, wall_ns) is NULL unless asked for.
 */

#pragma once

#include "simcore/locks/lockdep.h"
#include "simcore/pages/reclaim.h"
#include "simcore/recording/recorder.h"
#include "simcore/tasks/scheduler.h"
#include "simcore/base/types.h"
#include "simcore/pages/zones.h"

G_BEGIN_DECLS

typedef struct sqlite3 sqlite3;
typedef struct _KmlDatabase KmlDatabase;

/* All strings borrowed for the call. */
typedef struct {
  const char *key;
  const char *value;
} KmlDatabaseParam;

/* A file that the run read. */
typedef struct {
  const char *key;
  const char *file;
  const char *digest;
  guint64 size;
} KmlDatabaseInput;

typedef struct {
  const char *metric;
  const char *text;
  double measured; /* not a number: there is no such metric */
  gboolean held;
} KmlDatabaseExpectation;

/* A run as it is stored. */
typedef struct {
  guint64 run_id;
  const char *run_key;
  const char *scenario; /* file name */
  const char *title;
  const char *scenario_text;
  const char *overrides;
  /* the scenario's folder, as the command named it; "": that says nothing elsewhere */
  const char *base_dir;
  guint64 seed;
  const char *status;  /* "done", "failed" (the world: message says why), "crashed" */
  const char *message; /* (nullable) */
  const char *fingerprint;
  const char *version;
  gint64 started_at; /* seconds since 1970, or -1: not recorded */
  gint64 wall_ns;    /* or -1 */
  KmlTime end_time;
  guint64 operations;
  const KmlDatabaseParam *params;
  guint n_params;
  const KmlDatabaseInput *inputs;
  guint n_inputs;
  const KmlMetric *metrics;
  guint n_metrics;
  const KmlDatabaseExpectation *expectations;
  guint n_expectations;
  const GArray *incidents;   /* (nullable) (element-type KmlIncident) */
  const GArray *oom_kills;   /* (nullable) (element-type KmlOomKill) */
  const KmlLockdep *lockdep; /* (nullable) */
  const KmlZones *zones;     /* (nullable) */
} KmlDatabaseRun;

/* For writing: makes a new database, or opens one of ours. Errors: INPUT when the file is not a kmemlab
 * database (it is not touched), NEWER, WORLD for I/O, a locked or read-only file. */
KmlDatabase *kml_database_open_for_writing (const char *path, GError **error);

/* For a worker: the rows of one run in a file that is adopted and deleted soon (database-shard.c). @path must not
 * exist. Only for writing: no queries. */
KmlDatabase *kml_database_create_shard (const char *path, GError **error);

/* Read-only; what is read is not trusted. samples_expanded (run_id, t_ns, operation, level, context, cpu, size,
 * addr, latency_ns) has a row for each raw sample. */
KmlDatabase *kml_database_open (const char *path, GError **error);
void kml_database_close (KmlDatabase *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlDatabase, kml_database_close)

/* For queries by commands, plots and exports. */
sqlite3 *kml_database_handle (KmlDatabase *self);

/* Sets @error from @code, what SQLite has answered to a query: INPUT when the file is damaged. Always FALSE. */
gboolean kml_database_read_error (KmlDatabase *self, int code, GError **error);

/* ---- Writing: one run at a time ---- */

/* Opens the transaction of run @run_id; samples go in by the sink, everything else by kml_database_end_run(). */
gboolean kml_database_begin_run (KmlDatabase *self, guint64 run_id, GError **error);
gboolean kml_database_sample_sink (KmlTime t0, KmlTime t1, guint n, const guint8 *data,
                                   gsize n_bytes, gpointer database, GError **error);
/* @recorder (nullable): of a run that has none (it crashed). Commits. */
gboolean kml_database_end_run (KmlDatabase *self, const KmlDatabaseRun *run,
                               const KmlRecorder *recorder, GError **error);
void kml_database_abort_run (KmlDatabase *self);

/* Stores the one run of the shard at @path, written by a worker, in one transaction. */
gboolean kml_database_adopt (KmlDatabase *self, const char *path, GError **error);

/* Whether a run of this key is stored with status "done". */
gboolean kml_database_has_run (KmlDatabase *self, const char *run_key, guint64 *ret_run_id,
                               GError **error);
/* The id that the next new run gets: the largest + 1, or 1. */
gboolean kml_database_next_run_id (KmlDatabase *self, guint64 *ret_run_id, GError **error);

/* ---- Campaigns: what one command was asked to do, and how far it came ---- */

gboolean kml_database_begin_campaign (KmlDatabase *self, const char *scenario, guint64 n_runs,
                                      guint64 *ret_campaign_id, GError **error);
gboolean kml_database_end_campaign (KmlDatabase *self, guint64 campaign_id, const char *status,
                                    GError **error); /* "complete", "stopped" */

/* Checks that everything is on the disk and closes; the error of a full disk comes out here at the latest. */
gboolean kml_database_finish (KmlDatabase *self, GError **error);

G_END_DECLS
