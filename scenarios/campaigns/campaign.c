/* campaign.c: all runs of a scenario, by worker processes, into one database.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The line of tasks
 *
 * A task is a run that the database does not have yet. Tasks are started in the order of the
 * runs, at most n_jobs at a time, and wait in a line until they are stored:
 *
 *    run        3        4        5        6        7
 *            ended    at work  ended    at work  (not started)
 *            ▲ stored next             ▲ started last
 *
 * Only the first of the line is ever stored, so rows enter the database in the order of the
 * runs whatever the number of workers (invariant: the same bytes). A run's id is
 * fixed when its task is made, for the same reason.
 *
 * 2. Stopping
 *
 * On request, or when the database cannot take more, the workers are ended and
 * what has ended by itself is stored, also behind a gap: its work is done. The
 * next campaign on the same database finds it there and fills the gap.
 *
 * 3. What is left behind
 *
 * Shards (shard.h) of a campaign that was killed are removed by the next one: it holds the database's lock, so
 * nobody is writing them. A new database that got nothing is removed too: an empty result looks like a result.
 *
 * 4. Waiting
 *
 * ppoll() on the workers' pipes, with the signals that may ask to stop let in
 * only there: none can slip in between the look at the flag and the wait. There
 * is no timer, and nothing is done while nothing happens.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll() */
#endif

#include "scenarios/campaigns/campaign.h"
#include "scenarios/loading/inputs.h"
#include "scenarios/campaigns/shard.h"
#include "scenarios/campaigns/stored.h"
#include "scenarios/running/verdict.h"
#include "scenarios/campaigns/worker.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define PROGRESS_INTERVAL (100 * G_TIME_SPAN_MILLISECOND)

/* Tasks that may wait in the line behind a slow one: shards take room on the disk. */
#define LINE_MAX_LENGTH 1024

typedef struct {
  guint64 index;    /* of the run, in the scenario */
  guint64 position; /* of the run, among those looked at */
  guint64 run_id;
  KmlRunSpec *spec;              /* (owned) */
  char *shard;                   /* (owned) (nullable): path */
  KmlWorker *worker;             /* (owned) */
  const KmlWorkerReport *report; /* the worker's */
} Task;

typedef struct {
  const KmlScenario *scenario;
  const KmlCampaignConfig *config;
  KmlCampaignResult *result;
  KmlDatabase *database; /* (owned) (nullable): NULL with discard_output, and once it is closed */
  gboolean is_new;       /* the database was not there before */
  guint64 campaign_id;
  char *base_dir;  /* (owned): as it is stored */
  char *overrides; /* (owned) */

  guint n_jobs;
  guint64 n_runs; /* to look at: all or those of config->only */
  guint64 next;   /* the first of them that was not looked at */
  guint64 next_run_id;
  GQueue line; /* of Task: those that are not stored, in the order of the runs */
  guint n_at_work;
  guint64 n_started;
  gboolean at_limit; /* there is a run that config->max_runs forbids */
  /* (owned) (element-type guint64): one for each run looked at; 0: is not stored */
  GArray *run_ids;

  gint64 start;         /* monotonic, us */
  gint64 last_progress; /* the same */
} Campaign;

static gboolean
has_ended (const Task *task)
{
  return task->report->state != KML_WORKER_AT_WORK;
}

static void
task_free (Task *task)
{
  if (task == NULL)
    return;
  kml_worker_free (task->worker);
  kml_shard_remove (task->shard);
  kml_run_spec_free (task->spec);
  g_free (task->shard);
  g_free (task);
}

/* ---- Beginning ---- */

static gboolean
begin (Campaign *self, GError **error)
{
  const KmlCampaignConfig *config = self->config;

  self->n_jobs = config->n_jobs != 0 ? config->n_jobs : g_get_num_processors ();
  self->n_runs = config->only != NULL ? config->n_only : kml_scenario_n_runs (self->scenario);
  self->result->n_runs = self->n_runs;
  self->overrides = kml_scenario_overrides (self->scenario);
  self->start = g_get_monotonic_time ();
  if (config->discard_output)
    return TRUE;

  self->is_new = !g_file_test (config->output, G_FILE_TEST_EXISTS);
  self->database = kml_database_open_for_writing (config->output, error);
  if (self->database == NULL)
    return FALSE;
  self->base_dir = kml_input_describe_base_dir (kml_scenario_base_dir (self->scenario));
  kml_shards_remove_all (config->output);
  return kml_database_begin_campaign (self->database, kml_scenario_name (self->scenario),
                                      self->n_runs, &self->campaign_id, error) &&
         kml_database_next_run_id (self->database, &self->next_run_id, error);
}

/* ---- Starting runs ---- */

static gboolean
is_told_to_stop (const Campaign *self)
{
  return self->config->stop != NULL && *self->config->stop != 0;
}

static KmlWorkerJob
task_job (const Campaign *self, const Task *task)
{
  return (KmlWorkerJob){
    .scenario = self->scenario,
    .spec = task->spec,
    .run_id = task->run_id,
    .overrides = self->overrides,
    .base_dir = self->base_dir,
    .shard = task->shard,
    .with_timings = self->config->with_timings,
    .check_every_operation = self->config->check_every_operation,
  };
}

/* A run that is stored keeps its numbers; what the scenario expects of them may be new. */
static gboolean
take_stored_run (Campaign *self, const KmlRunSpec *spec, guint64 run_id, GError **error)
{
  g_autoptr (GHashTable) metrics = kml_stored_metrics (self->database, run_id, error);
  g_autoptr (GArray) verdicts = NULL;

  if (metrics == NULL)
    return FALSE;
  verdicts = kml_verdicts_new (self->scenario, spec, kml_stored_look_up, metrics);
  g_array_append_val (self->run_ids, run_id);
  self->result->n_skipped++;
  self->result->n_done++;
  self->result->n_expectations += verdicts->len;
  self->result->n_unmet += kml_verdicts_n_unmet (verdicts);
  return TRUE;
}

/* *@ret_run_id: of the run with this key in the database; 0: there is none. One that failed is
 * made again under its id. */
static gboolean
find_stored_run (Campaign *self, const char *key, guint64 *ret_run_id, gboolean *ret_is_done,
                 GError **error)
{
  *ret_run_id = 0;
  *ret_is_done = FALSE;
  return self->database == NULL || self->is_new ||
         kml_stored_find_run (self->database, key, ret_run_id, ret_is_done, error);
}

static gboolean
start_task (Campaign *self, Task *task, GError **error)
{
  KmlWorkerJob job;

  if (task->run_id == 0)
    task->run_id = self->next_run_id++;
  if (self->database != NULL)
    task->shard = kml_shard_path (self->config->output, task->run_id);
  if (self->database != NULL)
    kml_stored_release_memory (self->database); /* see kml_worker_start() */
  job = task_job (self, task);
  task->worker = kml_worker_start (&job, error);
  if (task->worker == NULL)
    return FALSE;
  task->report = kml_worker_read (task->worker);
  self->n_at_work += !has_ended (task); /* a short run on a busy machine */
  self->n_started++;
  return TRUE;
}

/* Looks at the next run, and starts it unless it is stored. */
static gboolean
take_next_run (Campaign *self, GError **error)
{
  const guint64 none = 0;
  Task *task = g_new0 (Task, 1);
  gboolean is_done, good;

  task->position = self->next;
  task->index = self->config->only != NULL ? self->config->only[self->next] : self->next;
  task->spec = kml_scenario_run_spec (self->scenario, task->index);
  good = find_stored_run (self, task->spec->key, &task->run_id, &is_done, error);
  self->at_limit = good && !is_done && self->config->max_runs != 0 &&
                   self->n_started == self->config->max_runs;
  if (good && !self->at_limit) {
    self->next++;
    if (is_done)
      good = take_stored_run (self, task->spec, task->run_id, error);
    else {
      g_array_append_val (self->run_ids, none);
      good = start_task (self, task, error);
      if (good)
        g_queue_push_tail (&self->line, g_steal_pointer (&task));
    }
  }
  task_free (task);
  return good;
}

/* ---- Storing runs ---- */

static gboolean
store_without_result (Campaign *self, const Task *task, const char *status, GError **error)
{
  g_auto (KmlWorkerRow) columns = KML_WORKER_ROW_INIT;
  const KmlWorkerJob job = task_job (self, task);
  KmlDatabaseRun row;

  kml_worker_describe_run (&job, &columns, &row);
  row.status = status;
  row.message = task->report->message;
  row.operations = task->report->n_operations;
  return kml_database_begin_run (self->database, task->run_id, error) &&
         kml_database_end_run (self->database, &row, NULL, error);
}

static gboolean
store_task (Campaign *self, const Task *task, const char *status, GError **error)
{
  if (self->database == NULL)
    return TRUE;
  if (task->report->state == KML_WORKER_DONE)
    return kml_database_adopt (self->database, task->shard, error);
  return store_without_result (self, task, status, error);
}

static void
note_failure (KmlCampaignResult *result, const KmlWorkerReport *report)
{
  if (result->first_failure != NULL)
    return;
  result->first_failure = g_strdup (report->message);
  result->first_failure_code = report->state == KML_WORKER_CRASHED ? KML_ERROR_CORRUPT
                                                                   : report->code;
}

/* @task has ended: into the database and the result with it. */
static gboolean
finish_task (Campaign *self, const Task *task, GError **error)
{
  const KmlWorkerReport *report = task->report;
  KmlCampaignResult *result = self->result;
  KmlCampaignRun run = { .index = task->index,
                         .fingerprint = report->fingerprint,
                         .message = report->message };

  switch (report->state) {
  case KML_WORKER_DONE:
    run.status = "done";
    break;
  case KML_WORKER_FAILED:
    run.status = "failed";
    break;
  case KML_WORKER_CRASHED:
    run.status = "crashed";
    break;
  case KML_WORKER_UNSTORED:
    g_set_error_literal (error, KML_ERROR, (int)report->code, report->message);
    return FALSE;
  case KML_WORKER_AT_WORK:
    g_assert_not_reached ();
  }
  if (!store_task (self, task, run.status, error))
    return FALSE;

  g_array_index (self->run_ids, guint64, task->position) = task->run_id;
  result->n_operations += report->n_operations;
  result->n_expectations += report->n_expectations;
  result->n_unmet += report->n_unmet;
  result->n_done += report->state == KML_WORKER_DONE;
  result->n_failed += report->state == KML_WORKER_FAILED;
  result->n_crashed += report->state == KML_WORKER_CRASHED;
  if (report->state != KML_WORKER_DONE)
    note_failure (result, report);
  if (self->config->run_ended != NULL)
    self->config->run_ended (&run, self->config->data);
  return TRUE;
}

/* Whether the first of the line can be stored: whatever comes before it is. */
static gboolean
has_storable (const Campaign *self)
{
  return self->line.length > 0 && has_ended (self->line.head->data);
}

static gboolean
store_first (Campaign *self, GError **error)
{
  Task *task = g_queue_pop_head (&self->line);
  const gboolean good = finish_task (self, task, error);

  task_free (task);
  return good;
}

/* ---- Waiting ---- */

static void
tell_progress (Campaign *self)
{
  const gint64 now = g_get_monotonic_time ();
  const double elapsed = (double)(now - self->start) / G_USEC_PER_SEC;
  const KmlCampaignResult *result = self->result;
  KmlCampaignProgress progress = { .n_runs = self->n_runs,
                                   .n_operations = result->n_operations,
                                   .seconds_left = -1 };
  double done;

  if (self->config->progress == NULL || now - self->last_progress < PROGRESS_INTERVAL)
    return;
  self->last_progress = now;
  progress.n_finished = result->n_done + result->n_failed + result->n_crashed;
  done = (double)progress.n_finished;
  for (GList *link = self->line.head; link != NULL; link = link->next) {
    const Task *task = link->data;

    progress.n_operations += task->report->n_operations;
    progress.n_finished += has_ended (task);
    done += has_ended (task) ? 1.0 : task->report->share;
  }
  progress.share = done / (double)self->n_runs;
  progress.operations_per_second = (double)progress.n_operations / MAX (elapsed, 1e-3);
  /* what was stored before has taken no time now */
  if (done > (double)result->n_skipped && elapsed > 0.5)
    progress.seconds_left = elapsed * ((double)self->n_runs - done) /
                            (done - (double)result->n_skipped);
  self->config->progress (&progress, self->config->data);
}

static void
read_workers (Campaign *self)
{
  for (GList *link = self->line.head; link != NULL; link = link->next) {
    Task *task = link->data;

    if (has_ended (task))
      continue;
    kml_worker_read (task->worker);
    if (has_ended (task))
      self->n_at_work--;
  }
}

/* Until a worker has something to say, or a signal comes. */
static void
wait_for_workers (Campaign *self)
{
  g_autofree struct pollfd *fds = g_new0 (struct pollfd, self->n_at_work);
  sigset_t stops, before;
  guint n = 0;

  for (GList *link = self->line.head; link != NULL; link = link->next) {
    const Task *task = link->data;

    if (!has_ended (task))
      fds[n++] = (struct pollfd){ .fd = kml_worker_fd (task->worker), .events = POLLIN };
  }
  g_assert (n == self->n_at_work);

  sigemptyset (&stops);
  sigaddset (&stops, SIGHUP);
  sigaddset (&stops, SIGINT);
  sigaddset (&stops, SIGTERM);
  sigprocmask (SIG_BLOCK, &stops, &before);
  if (!is_told_to_stop (self))
    ppoll (fds, n, NULL, &before);
  sigprocmask (SIG_SETMASK, &before, NULL);
}

/* ---- The campaign ---- */

static gboolean
may_start (const Campaign *self)
{
  return self->next < self->n_runs && self->n_at_work < self->n_jobs && !self->at_limit &&
         self->line.length < LINE_MAX_LENGTH && !is_told_to_stop (self);
}

/* A worker that has ended is replaced before anything is stored: storing waits for the disk,
 * runs do not. */
static gboolean
work_through (Campaign *self, GError **error)
{
  for (;;) {
    while (may_start (self))
      if (!take_next_run (self, error))
        return FALSE;
    if (has_storable (self)) {
      if (!store_first (self, error))
        return FALSE;
    } else if (self->n_at_work == 0 || is_told_to_stop (self))
      return TRUE;
    else
      wait_for_workers (self);
    read_workers (self);
    tell_progress (self);
  }
}

/* Ends the workers that are still at it; stores what the others did unless that is what went
 * wrong (@failed). */
static gboolean
wind_up (Campaign *self, gboolean failed, GError **error)
{
  gboolean good = TRUE;

  read_workers (self);
  while (self->line.length > 0) {
    if (has_storable (self))
      good = store_first (self, failed || !good ? NULL : error) && good;
    else
      task_free (g_queue_pop_head (&self->line));
  }
  return good;
}

/* Whether the database, new, has nothing that anybody would look at: no run was finished, and
 * those that failed did so before anything happened. */
static gboolean
is_worthless (const Campaign *self)
{
  const KmlCampaignResult *result = self->result;

  return self->is_new && result->n_done == 0 && result->n_crashed == 0 && result->n_operations == 0;
}

static gboolean
close_database (Campaign *self, gboolean failed, GError **error)
{
  const KmlCampaignResult *result = self->result;
  const gboolean worthless = is_worthless (self);
  GError **ret_error = failed ? NULL : error; /* the first error is the one to report */
  gboolean good = TRUE;

  if (self->database == NULL)
    return TRUE;
  /* of workers that were ended while they made theirs */
  kml_shards_remove_all (self->config->output);
  if (self->campaign_id != 0 && !worthless)
    good = kml_database_end_campaign (self->database, self->campaign_id,
                                      failed || result->stopped ? "stopped" : "complete",
                                      ret_error);
  if (worthless)
    g_unlink (self->config->output);
  if (!good)
    g_clear_pointer (&self->database, kml_database_close);
  else
    good = kml_database_finish (g_steal_pointer (&self->database), ret_error);
  return good;
}

static void
list_run_ids (Campaign *self)
{
  if (is_worthless (self))
    return;
  for (guint i = 0; i < self->run_ids->len; i++) {
    const guint64 run_id = g_array_index (self->run_ids, guint64, i);

    if (run_id != 0)
      g_array_append_val (self->result->run_ids, run_id);
  }
}

gboolean
kml_campaign_run (const KmlScenario *scenario, const KmlCampaignConfig *config,
                  KmlCampaignResult *ret_result, GError **error)
{
  Campaign self = {
    .scenario = scenario, .config = config, .result = ret_result, .next_run_id = 1
  };
  gboolean good;

  *ret_result = (KmlCampaignResult){ 0 };
  ret_result->run_ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  self.run_ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_queue_init (&self.line);

  good = begin (&self, error) && work_through (&self, error);
  if (!wind_up (&self, !good, error))
    good = FALSE;
  ret_result->stopped = ret_result->n_done + ret_result->n_failed + ret_result->n_crashed <
                        ret_result->n_runs;
  if (!close_database (&self, !good, error))
    good = FALSE;
  list_run_ids (&self);
  ret_result->wall_ns = (g_get_monotonic_time () - self.start) * 1000;

  g_array_unref (self.run_ids);
  g_free (self.overrides);
  g_free (self.base_dir);
  return good;
}

void
kml_campaign_result_clear (KmlCampaignResult *self)
{
  g_clear_pointer (&self->run_ids, g_array_unref);
  g_clear_pointer (&self->first_failure, g_free);
}
