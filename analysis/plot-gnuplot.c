/* plot-gnuplot.c: the program gnuplot.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is started by its arguments, never through a shell, without the user's
 * settings and in the C locale, so that the same data give the same picture
 * everywhere. A gnuplot that does not end is ended, as is one whose picture is not wanted any more.
 */

#include "analysis/plot-private.h"

#include <gio/gio.h>
#include <string.h>

#define TIMEOUT_SECONDS 120
#define LOOK_EVERY_MS   50

typedef struct {
  GSubprocess *process;
  GMainLoop *loop;
  char *messages;           /* what it wrote to its standard error */
  const volatile int *stop; /* (nullable) */
  gboolean timed_out;
  GError *error;
} Session;

static gboolean
end_it (gpointer data)
{
  Session *session = data;

  session->timed_out = TRUE;
  g_subprocess_force_exit (session->process);
  return G_SOURCE_REMOVE;
}

static gboolean
look_whether_to_stop (gpointer data)
{
  Session *session = data;

  if (session->stop != NULL && *session->stop != 0)
    g_subprocess_force_exit (session->process);
  return G_SOURCE_CONTINUE;
}

static void
ended (GObject *process, GAsyncResult *result, gpointer data)
{
  Session *session = data;

  g_subprocess_communicate_utf8_finish (session->process, result, NULL, &session->messages,
                                        &session->error);
  g_main_loop_quit (session->loop);
}

static GSubprocess *
start (const char *folder, const char *script, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GError) reason = NULL;
  GSubprocess *process;

  g_subprocess_launcher_set_cwd (launcher, folder);
  g_subprocess_launcher_setenv (launcher, "LC_ALL", "C.UTF-8", TRUE);
  g_subprocess_launcher_unsetenv (launcher, "GNUTERM");
  g_subprocess_launcher_unsetenv (launcher, "GNUPLOT_LIB");
  g_subprocess_launcher_unsetenv (launcher, "GNUPLOT_DEFAULT_GDFONT");
  process = g_subprocess_launcher_spawn (launcher, &reason, "gnuplot", "--default-settings", script,
                                         NULL);
  if (process == NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "gnuplot cannot be started: %s (the package is called gnuplot or gnuplot-nox)",
                 reason->message);
  return process;
}

/* The line of @messages that says what is wrong. gnuplot quotes the script line and a caret first:
 *
 *   plot 'x'
 *        ^
 *   "internal.gp" line 40: cannot open file "x"
 */
static char *
pick_message (const char *messages)
{
  g_auto (GStrv) lines = g_strsplit (messages != NULL ? messages : "", "\n", -1);
  const char *first = NULL;

  for (char **line = lines; *line != NULL; line++) {
    if (g_strstrip (*line)[0] == '\0' || g_str_equal (*line, "^"))
      continue;
    if (strstr (*line, " line ") != NULL)
      return g_utf8_make_valid (*line, -1);
    if (first == NULL)
      first = *line;
  }
  return g_utf8_make_valid (first != NULL ? first : "it says nothing", -1);
}

static gboolean
judge (Session *session, GError **error)
{
  g_autofree char *message = pick_message (session->messages);

  if (session->stop != NULL && *session->stop != 0)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "interrupted");
  else if (session->timed_out)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "gnuplot did not end within %d s",
                 TIMEOUT_SECONDS);
  else if (session->error != NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "gnuplot failed: %s", session->error->message);
  else if (!g_subprocess_get_successful (session->process))
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "gnuplot failed: %s", message);
  else
    return TRUE;
  return FALSE;
}

gboolean
kml_plot_run_gnuplot (const char *folder, const char *script, const volatile int *stop,
                      GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GSource) timeout = g_timeout_source_new_seconds (TIMEOUT_SECONDS);
  g_autoptr (GSource) look = g_timeout_source_new (LOOK_EVERY_MS);
  g_autoptr (GSubprocess) process = NULL;
  Session session = { .loop = loop, .stop = stop };
  gboolean good = FALSE;

  /* a context of our own: a caller's main loop does not go on meanwhile */
  g_main_context_push_thread_default (context);
  process = session.process = start (folder, script, error);
  if (process != NULL) {
    g_source_set_callback (timeout, end_it, &session, NULL);
    g_source_attach (timeout, context);
    g_source_set_callback (look, look_whether_to_stop, &session, NULL);
    g_source_attach (look, context);
    g_subprocess_communicate_utf8_async (process, NULL, NULL, ended, &session);
    g_main_loop_run (loop);
    g_source_destroy (timeout);
    g_source_destroy (look);
    good = judge (&session, error);
  }
  g_main_context_pop_thread_default (context);
  g_clear_error (&session.error);
  g_free (session.messages);
  return good;
}
