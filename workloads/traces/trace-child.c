/* trace-child.c: another program that turns a file into text.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A library that crashes on a hostile file takes the program with it; another process does not. What it prints comes
 * through a pipe. Its messages go to a file without a name, since nobody reads them while its text
 * is read, and no more than MAX_MESSAGES of them.
 */

#include "workloads/traces/trace-child.h"

#include "simcore/base/units.h"
#include "workloads/traces/trace-spool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#define MAX_MESSAGES  (64 * 1024)
#define PATIENCE_MS   2000 /* for the program to end once nobody wants its text */
#define INTERVAL_MS   5
#define MAX_QUOTATION 300

struct _KmlTraceChild {
  const char *name; /* (borrowed) */
  char *shown;      /* (owned) */
  GPid pid;         /* 0: has ended */
  int messages;     /* descriptor of the file with what it wrote to its standard error */
  KmlTraceInput *input;
};

/* In the child, before it becomes the program: only what a signal handler may do. */
static void
prepare (gpointer data)
{
  const struct rlimit limit = { MAX_MESSAGES, MAX_MESSAGES };

  (void)data;
  signal (SIGPIPE, SIG_DFL);
  signal (SIGXFSZ, SIG_IGN); /* further messages are lost, that is all */
  setrlimit (RLIMIT_FSIZE, &limit);
#ifdef __linux__
  prctl (PR_SET_PDEATHSIG, SIGKILL);
#endif
}

static gboolean
spawn (KmlTraceChild *self, const char *const *argv, int fd, int *ret_out, const char *package,
       GError **error)
{
  const int to = 3;
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "LC_ALL", "C.UTF-8", TRUE);
  g_autoptr (GError) reason = NULL;

  if (g_spawn_async_with_pipes_and_fds (NULL, argv, (const char *const *)environment,
                                        G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, prepare,
                                        NULL, -1, -1, self->messages, &fd, &to, 1, &self->pid, NULL,
                                        ret_out, NULL, &reason))
    return TRUE;
  if (g_error_matches (reason, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "%s: this form is read through the program %s, which is not there (the package is "
                 "called %s)",
                 self->shown, argv[0], package);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: %s cannot be started: %s", self->shown,
                 argv[0], reason->message);
  return FALSE;
}

KmlTraceChild *
kml_trace_child_new (const char *const *argv, int fd, const char *shown, const char *package,
                     GError **error)
{
  g_autoptr (KmlTraceChild) self = g_new0 (KmlTraceChild, 1);
  g_autofree char *path = NULL;
  int out = -1;

  self->name = argv[0];
  self->shown = g_strdup (shown);
  self->messages = kml_trace_spool_new (shown, error);
  if (self->messages >= 0 && spawn (self, argv, fd, &out, package, error)) {
    path = g_strdup_printf ("/dev/fd/%d", out);
    self->input = kml_trace_input_open (path, shown, error);
    close (out);
  }
  close (fd);
  return self->input != NULL ? g_steal_pointer (&self) : NULL;
}

/* Its status, once it has ended. Ends it if it does not within PATIENCE_MS. */
static int
wait_for_end (KmlTraceChild *self)
{
  int status = 0;
  pid_t pid = 0;

  for (guint ms = 0; ms < PATIENCE_MS && pid == 0; ms += INTERVAL_MS) {
    pid = waitpid (self->pid, &status, WNOHANG);
    if (pid == 0)
      g_usleep (INTERVAL_MS * 1000);
  }
  if (pid == 0) {
    kill (self->pid, SIGKILL);
    do
      pid = waitpid (self->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
  }
  g_spawn_close_pid (self->pid);
  self->pid = 0;
  return status;
}

/* The first line of its messages that says something. (transfer full): quoted */
static char *
first_message (const KmlTraceChild *self)
{
  char text[MAX_QUOTATION + 1];
  const gssize n = pread (self->messages, text, MAX_QUOTATION, 0);
  g_auto (GStrv) lines = NULL;

  text[MAX (n, 0)] = '\0';
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (g_strstrip (lines[i])[0] != '\0')
      return kml_quote (lines[i], -1);
  return g_strdup ("it does not say why");
}

gboolean
kml_trace_child_finish (KmlTraceChild *self, GError **error)
{
  const int status = wait_for_end (self);
  const int number = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
  g_autofree char *message = NULL;

  if (number == SIGKILL || number == SIGPIPE || status == 0)
    return TRUE; /* it did not end because nobody read on, which is not its fault */
  message = first_message (self);
  if (number != 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: %s crashed on it (signal %d, %s): %s",
                 self->shown, self->name, number, g_strsignal (number), message);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: %s cannot read it: %s", self->shown,
                 self->name, message);
  return FALSE;
}

void
kml_trace_child_close (KmlTraceChild *self)
{
  if (self == NULL)
    return;
  if (self->pid != 0) {
    kill (self->pid, SIGKILL);
    wait_for_end (self);
  }
  kml_trace_input_close (self->input);
  if (self->messages >= 0)
    close (self->messages);
  g_free (self->shown);
  g_free (self);
}

KmlTraceInput *
kml_trace_child_input (KmlTraceChild *self)
{
  return self->input;
}
