/* worker.c: one run, in a process of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The process
 *
 * fork() without exec(): the child has the scenario already and starts at once.
 * It is the parent's single thread that is copied, so no lock is held by one
 * that is gone. The child leaves by _exit(): what the parent had not yet
 * written is the parent's to write. What the child prints goes nowhere, because
 * standard output is the command's (GLib prints "Bail out!" there when an
 * assertion fails).
 *
 * 2. Signals
 *
 * A terminal sends Ctrl-C to the whole group, and SIGHUP when it goes away;
 * timeout and batch systems send SIGTERM. But what it means is the parent's to
 * decide, so workers ignore them all. When the parent dies, by whatever cause, the kernel ends them too.
 *
 * 3. What a worker says
 *
 * Records of one size through a pipe: how far it is, what was printed as an
 * error (the text of an assertion that failed), and how it ended. A record is
 * smaller than PIPE_BUF, so it arrives whole or not at all. Progress is dropped
 * when the pipe is full: a parent that is busy never holds up a run.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2() */
#endif

#include "scenarios/campaigns/worker.h"
#include "scenarios/exploring/survey.h"
#include "scenarios/running/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRESS_INTERVAL (100 * G_TIME_SPAN_MILLISECOND)

typedef enum {
  RECORD_PROGRESS,
  RECORD_SAID,
  RECORD_END
} RecordKind;

typedef struct {
  RecordKind kind;
  KmlWorkerState state; /* END */
  KmlErrorCode code;
  double share;
  guint64 n_operations;
  guint64 n_expectations, n_unmet;
  char fingerprint[33];
  char text[3072]; /* SAID, END: a message, cut where it is too long */
} Record;

G_STATIC_ASSERT (sizeof (Record) <= PIPE_BUF);

struct _KmlWorker {
  pid_t pid;          /* 0: has been waited for */
  int fd;             /* -1: closed */
  KmlWorkerState end; /* what the END record says; AT_WORK: it has not come */
  KmlWorkerReport report;
  char *said; /* (owned) (nullable) */
};

/* ---- In the child ---- */

/* What the child knows of itself. */
typedef struct {
  const KmlWorkerJob *job;
  int fd;
  gint64 last_progress; /* monotonic, us */
  KmlDatabase *shard;   /* (nullable) */
  gboolean shard_failed;
  Record end;
} Child;

static int said_fd = -1; /* the printerr handler of GLib has no argument for it */

static void
send_record (int fd, const Record *record)
{
  gssize n;

  do
    n = write (fd, record, sizeof *record);
  while (n < 0 && errno == EINTR);
}

static void
set_text (Record *record, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  const gsize length = strlen (valid);
  const gsize room = sizeof record->text - 1;
  const char *end = valid + MIN (length, room);

  if (length > room)
    end = g_utf8_find_prev_char (valid, end + 1);
  memcpy (record->text, valid, end - valid);
  record->text[end - valid] = '\0';
}

/* The text of an assertion goes to the parent, which says which run it was. */
static void
say (const char *text)
{
  Record record = { .kind = RECORD_SAID };

  set_text (&record, text);
  send_record (said_fd, &record);
}

static void
tell_progress (guint64 n_operations, double share, gpointer data)
{
  Child *self = data;
  const gint64 now = g_get_monotonic_time ();
  struct pollfd writable = { .fd = self->fd, .events = POLLOUT };
  const Record record = { .kind = RECORD_PROGRESS,
                          .n_operations = n_operations,
                          .share = CLAMP (share, 0.0, 1.0) };

  if (now - self->last_progress < PROGRESS_INTERVAL)
    return;
  self->last_progress = now;
  /* a pipe is writable when PIPE_BUF bytes fit */
  if (poll (&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0)
    send_record (self->fd, &record);
}

/* Tells an error of the shard from one of the run: both come out of kml_run_execute(). */
static gboolean
store_samples (KmlTime t0, KmlTime t1, guint n, const guint8 *data, gsize n_bytes,
               gpointer user_data, GError **error)
{
  Child *self = user_data;

  if (kml_database_sample_sink (t0, t1, n, data, n_bytes, self->shard, error))
    return TRUE;
  self->shard_failed = TRUE;
  return FALSE;
}

static gboolean
open_shard (Child *self, GError **error)
{
  self->shard = kml_database_create_shard (self->job->shard, error);
  if (self->shard != NULL && kml_database_begin_run (self->shard, self->job->run_id, error))
    return TRUE;
  self->shard_failed = TRUE;
  return FALSE;
}

static double
look_up_metric (const char *name, gpointer user_data)
{
  const GArray *metrics = user_data;

  for (guint i = 0; i < metrics->len; i++) {
    const KmlMetric *metric = &g_array_index (metrics, KmlMetric, i);

    if (g_str_equal (metric->name, name))
      return metric->value;
  }
  return NAN;
}

static void
describe_expectations (const GArray *verdicts, GArray *ret_expectations)
{
  for (guint i = 0; i < verdicts->len; i++) {
    const KmlVerdict *verdict = &g_array_index (verdicts, KmlVerdict, i);
    const KmlDatabaseExpectation expectation = {
      .metric = verdict->expectation->metric,
      .text = verdict->expectation->text,
      .measured = verdict->measured,
      .held = verdict->held,
    };

    g_array_append_val (ret_expectations, expectation);
  }
}

static gboolean
store_result (Child *self, KmlRun *run, GArray *metrics, const GArray *verdicts, gint64 started_at,
              gint64 wall_ns, GError **error)
{
  g_auto (KmlWorkerRow) columns = KML_WORKER_ROW_INIT;
  g_autoptr (GArray) expectations = g_array_new (FALSE, FALSE, sizeof (KmlDatabaseExpectation));
  KmlDatabaseRun row;

  describe_expectations (verdicts, expectations);
  kml_worker_describe_run (self->job, &columns, &row);
  row.status = "done";
  row.fingerprint = kml_run_fingerprint (run);
  row.end_time = kml_run_end_time (run);
  row.operations = kml_run_n_operations (run);
  row.metrics = (const KmlMetric *)metrics->data;
  row.n_metrics = metrics->len;
  row.expectations = (const KmlDatabaseExpectation *)expectations->data;
  row.n_expectations = expectations->len;
  row.incidents = kml_run_incidents (run);
  row.oom_kills = kml_run_oom_kills (run);
  row.lockdep = kml_run_lockdep (run);
  row.zones = kml_run_zones (run);
  if (self->job->with_timings) {
    row.started_at = started_at;
    row.wall_ns = wall_ns;
  }
  if (kml_database_end_run (self->shard, &row, kml_run_recorder (run), error) &&
      kml_database_finish (g_steal_pointer (&self->shard), error))
    return TRUE;
  self->shard_failed = TRUE;
  return FALSE;
}

static gboolean
execute (Child *self, GError **error)
{
  const KmlWorkerJob *job = self->job;
  const gint64 started_at = g_get_real_time () / G_USEC_PER_SEC;
  const gint64 start = g_get_monotonic_time ();
  g_auto (KmlSurvey) survey = { 0 };
  g_autoptr (KmlRun) run = NULL;
  g_autoptr (GArray) metrics = NULL;
  g_autoptr (GArray) verdicts = NULL;

  if (!kml_survey_take (&survey, job->scenario, job->spec, tell_progress, self, error))
    return FALSE;
  run = kml_run_new (job->scenario, job->spec, error);
  if (run == NULL || (job->shard != NULL && !open_shard (self, error)))
    return FALSE;
  kml_survey_lead (&survey, run);
  kml_run_set_progress (run, tell_progress, self);
  kml_run_set_checking (run, job->check_every_operation);
  if (self->shard != NULL)
    kml_run_set_sink (run, store_samples, self);
  if (!kml_run_execute (run, error) || !kml_survey_check (&survey, job->scenario, job->spec, error))
    return FALSE;

  metrics = kml_run_metrics (run);
  kml_survey_add_metrics (&survey, metrics);
  verdicts = kml_verdicts_new (job->scenario, job->spec, look_up_metric, metrics);
  self->end.n_operations = kml_run_n_operations (run);
  self->end.n_expectations = verdicts->len;
  self->end.n_unmet = kml_verdicts_n_unmet (verdicts);
  g_strlcpy (self->end.fingerprint, kml_run_fingerprint (run), sizeof self->end.fingerprint);
  return self->shard == NULL || store_result (self, run, metrics, verdicts, started_at,
                                              (g_get_monotonic_time () - start) * 1000, error);
}

static void
become_worker (pid_t parent)
{
  const int null = open ("/dev/null", O_WRONLY);
  sigset_t none;

  if (prctl (PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid () != parent)
    _exit (1);
  signal (SIGHUP, SIG_IGN);
  signal (SIGINT, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGTERM, SIG_IGN);
  signal (SIGABRT, SIG_DFL); /* whatever the program does then: here the signal is the message */
  signal (SIGTRAP, SIG_DFL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  if (null >= 0)
    dup2 (null, STDOUT_FILENO);
  g_set_printerr_handler (say);
}

static G_GNUC_NORETURN void
work (const KmlWorkerJob *job, int fd, pid_t parent)
{
  Child self = { .job = job, .fd = fd, .end = { .kind = RECORD_END, .state = KML_WORKER_DONE } };
  g_autoptr (GError) error = NULL;

  said_fd = fd;
  become_worker (parent);
  if (!execute (&self, &error)) {
    self.end.state = self.shard_failed ? KML_WORKER_UNSTORED : KML_WORKER_FAILED;
    self.end.code = error->domain == KML_ERROR ? (KmlErrorCode)error->code : KML_ERROR_WORLD;
    set_text (&self.end, error->message);
  }
  send_record (fd, &self.end);
  _exit (0);
}

/* ---- In the parent ---- */

/* A page that both sides of a fork have is copied when one of them writes to it, at the price of
 * a fault and, in virtual machines, of an interrupt to every processor. What malloc() keeps but
 * nobody uses need not be shared: with runs of 20 ms this, with a parent that has let go of its
 * database's pages, saves 40 % of all CPU time. */
static void
give_back_free_memory (void)
{
#ifdef __GLIBC__
  malloc_trim (0);
#endif
}

KmlWorker *
kml_worker_start (const KmlWorkerJob *job, GError **error)
{
  g_autoptr (KmlWorker) self = g_new0 (KmlWorker, 1);
  const pid_t parent = getpid ();
  int fds[2];

  self->fd = -1;
  if (pipe2 (fds, O_CLOEXEC) != 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "cannot start a worker: %s",
                 g_strerror (errno));
    return NULL;
  }
  self->fd = fds[0];
  give_back_free_memory ();
  self->pid = fork ();
  if (self->pid == 0)
    work (job, fds[1], parent);
  if (self->pid < 0) {
    self->pid = 0;
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "cannot start a worker: %s",
                 g_strerror (errno));
  }
  close (fds[1]);
  if (self->pid == 0)
    return NULL;
  fcntl (self->fd, F_SETFL, O_NONBLOCK);
  return g_steal_pointer (&self);
}

int
kml_worker_fd (const KmlWorker *self)
{
  return self->fd;
}

/* "Aborted (signal 6): scenarios/x.c:12: assertion failed": of a worker that did not say how it
 * ended. */
static char *
describe_crash (const KmlWorker *self, int status)
{
  g_autoptr (GString) text = g_string_new ("the run's process ");

  if (WIFSIGNALED (status))
    g_string_append_printf (text, "died of signal %d (%s)", WTERMSIG (status),
                            strsignal (WTERMSIG (status)));
  else
    g_string_append_printf (text, "ended with status %d and without a result",
                            WEXITSTATUS (status));
  if (self->said != NULL) {
    g_autofree char *said = g_strstrip (g_strdup (self->said));

    g_string_append_printf (text, ": %s", g_str_has_prefix (said, "**\n") ? said + 3 : said);
  }
  return g_strdup (text->str);
}

static void
take_record (KmlWorker *self, const Record *record)
{
  switch (record->kind) {
  case RECORD_PROGRESS:
    self->report.n_operations = record->n_operations;
    self->report.share = record->share;
    break;
  case RECORD_SAID:
    g_free (self->said);
    self->said = g_strdup (record->text);
    break;
  case RECORD_END:
    self->end = record->state;
    self->report.code = record->code;
    self->report.n_operations = MAX (record->n_operations, self->report.n_operations);
    self->report.n_expectations = record->n_expectations;
    self->report.n_unmet = record->n_unmet;
    g_strlcpy (self->report.fingerprint, record->fingerprint, sizeof self->report.fingerprint);
    if (record->text[0] != '\0')
      self->report.message = g_strdup (record->text);
    break;
  }
}

/* The pipe is closed, so the process has ended or is about to. */
static void
reap (KmlWorker *self)
{
  int status = 0;
  pid_t pid;

  do
    pid = waitpid (self->pid, &status, 0);
  while (pid < 0 && errno == EINTR);
  self->pid = 0;
  close (self->fd);
  self->fd = -1;
  self->report.state = self->end;
  if (self->end == KML_WORKER_AT_WORK) {
    self->report.state = KML_WORKER_CRASHED;
    self->report.message = describe_crash (self, status);
  }
}

const KmlWorkerReport *
kml_worker_read (KmlWorker *self)
{
  Record record;
  gssize n;

  while (self->fd >= 0) {
    n = read (self->fd, &record, sizeof record);
    if (n == (gssize)sizeof record)
      take_record (self, &record);
    else if (n < 0 && errno == EINTR)
      continue;
    else if (n < 0 && errno == EAGAIN)
      break;
    else
      reap (self);
  }
  return &self->report;
}

void
kml_worker_kill (KmlWorker *self)
{
  if (self->pid == 0)
    return;
  kill (self->pid, SIGKILL);
  reap (self);
}

void
kml_worker_free (KmlWorker *self)
{
  if (self == NULL)
    return;
  kml_worker_kill (self);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->report.message);
  g_free (self->said);
  g_free (self);
}

/* ---- Rows ---- */

void
kml_worker_row_clear (KmlWorkerRow *self)
{
  g_clear_pointer (&self->params, g_array_unref);
  g_clear_pointer (&self->inputs, g_array_unref);
}

void
kml_worker_describe_run (const KmlWorkerJob *job, KmlWorkerRow *ret_row, KmlDatabaseRun *ret_run)
{
  ret_row->params = g_array_new (FALSE, FALSE, sizeof (KmlDatabaseParam));
  ret_row->inputs = g_array_new (FALSE, FALSE, sizeof (KmlDatabaseInput));
  for (guint i = 0; i < job->spec->settings->len; i++) {
    const KmlSetting *setting = g_ptr_array_index (job->spec->settings, i);
    const KmlDatabaseParam param = { .key = setting->key, .value = setting->value };

    g_array_append_val (ret_row->params, param);
  }
  for (guint i = 0; i < job->spec->inputs->len; i++) {
    const KmlInput *input = g_ptr_array_index (job->spec->inputs, i);
    const KmlDatabaseInput column = {
      .key = input->key, .file = input->file, .digest = input->digest, .size = input->size
    };

    g_array_append_val (ret_row->inputs, column);
  }
  *ret_run = (KmlDatabaseRun){
    .run_id = job->run_id,
    .run_key = job->spec->key,
    .scenario = kml_scenario_name (job->scenario),
    .title = kml_scenario_title (job->scenario),
    .scenario_text = kml_scenario_text (job->scenario),
    .overrides = job->overrides,
    .base_dir = job->base_dir,
    .seed = job->spec->seed,
    .version = KML_VERSION,
    .started_at = -1,
    .wall_ns = -1,
    .params = (const KmlDatabaseParam *)ret_row->params->data,
    .n_params = ret_row->params->len,
    .inputs = (const KmlDatabaseInput *)ret_row->inputs->data,
    .n_inputs = ret_row->inputs->len,
  };
}
