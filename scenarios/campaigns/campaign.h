/* campaign.h: all runs of scenarios, by worker processes, into one database.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each run is executed by a process of its own (fork), which writes the rows
 * of that one run into a file beside the result (a shard) and ends. The parent adopts the
 * shards in the order of the runs, so the number of workers never changes a
 * byte. A worker that crashes costs its run, which is stored as "crashed". Runs that
 * the database has already are not run again: the same command goes on where
 * it stopped.
 */

#pragma once

#include "analysis/database.h"
#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* What a campaign tells while it goes on: about ten times a second at most. */
typedef struct {
  guint64 n_runs, n_finished; /* finished includes those found in the database */
  guint64 n_operations;       /* so far, by all workers */
  double operations_per_second;
  double share;        /* of all work, [0, 1] */
  double seconds_left; /* negative: unknown */
} KmlCampaignProgress;

/* A run that has just ended; valid during the call. */
typedef struct {
  guint64 index;
  const char *status;      /* "done", "failed", "crashed" */
  const char *fingerprint; /* "" unless done */
  const char *message;     /* (nullable) */
} KmlCampaignRun;

typedef struct {
  const char *output;    /* path of the database; unused with discard_output */
  guint n_jobs;          /* 0: as many as there are processors */
  gboolean with_timings; /* store started_at and wall_ns */
  gboolean check_every_operation;
  gboolean discard_output; /* verify: run, compare, keep nothing */

  /* (nullable) (array length=n_only): indices of the runs to do, ascending; NULL: all */
  const guint64 *only;
  guint64 n_only;
  guint64 max_runs; /* stop on request after this many new runs; 0: no limit */

  /* becomes non-zero on a signal: finished runs are kept, the others are left (nullable) */
  volatile int *stop;

  void (*run_ended) (const KmlCampaignRun *run, gpointer data); /* (nullable): in run order */
  void (*progress) (const KmlCampaignProgress *progress, gpointer data); /* (nullable) */
  gpointer data;                                                         /* of both */
} KmlCampaignConfig;

/* How a campaign ended. */
typedef struct {
  guint64 n_runs, n_done, n_skipped; /* skipped: were in the database already (counted in done) */
  guint64 n_failed, n_crashed;
  guint64 n_expectations, n_unmet;
  gboolean stopped;
  guint64 n_operations;
  gint64 wall_ns;
  GArray *run_ids;     /* (owned) (element-type guint64): in the order of the runs, those stored */
  char *first_failure; /* (owned) (nullable): message of the first failed or crashed run */
  KmlErrorCode first_failure_code;
} KmlCampaignResult;

void kml_campaign_result_clear (KmlCampaignResult *self);

/* Errors: the database cannot be opened or written. A run that failed is in the result. */
gboolean kml_campaign_run (const KmlScenario *scenario, const KmlCampaignConfig *config,
                           KmlCampaignResult *ret_result, GError **error);

G_END_DECLS
