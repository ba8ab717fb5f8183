/* progress.c: one line on a terminal that says how far a campaign is.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   bins.ini [##########----------]  12/24 runs  51 %  8.3 Mop/s  0:21 left
 */

#include "cli/progress.h"
#include "cli/output.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH    20
#define MIN_INTERVAL (100 * G_TIME_SPAN_MILLISECOND)

static struct {
  char *title; /* (owned) (nullable): NULL: nothing is shown */
  gboolean is_shown;
  gint64 last; /* monotonic, us */
} line;

void
kml_progress_begin (const char *title)
{
  const char *term = g_getenv ("TERM");

  kml_progress_end ();
  if (isatty (STDERR_FILENO) && term != NULL && !g_str_equal (term, "dumb"))
    line.title = kml_printable (title);
}

static void
append_bar (GString *text, double share)
{
  const int n = (int)(CLAMP (share, 0.0, 1.0) * BAR_WIDTH);

  g_string_append_c (text, '[');
  for (int i = 0; i < BAR_WIDTH; i++)
    g_string_append_c (text, i < n ? '#' : '-');
  g_string_append_c (text, ']');
}

static void
append_rate (GString *text, double per_second)
{
  if (per_second >= 1e6)
    g_string_append_printf (text, "  %.1f Mop/s", per_second / 1e6);
  else
    g_string_append_printf (text, "  %.0f kop/s", per_second / 1e3);
}

static void
append_time_left (GString *text, double seconds)
{
  const guint64 whole = (guint64)ceil (CLAMP (seconds, 0.0, 1e9));

  if (whole >= 3600)
    g_string_append_printf (text, "  %" G_GUINT64_FORMAT ":%02u:%02u left", whole / 3600,
                            (guint)(whole / 60 % 60), (guint)(whole % 60));
  else
    g_string_append_printf (text, "  %u:%02u left", (guint)(whole / 60), (guint)(whole % 60));
}

/* No longer than the terminal is wide: a line that wraps cannot be removed. */
static void
show (GString *text)
{
  struct winsize size;
  glong width = 79;

  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
    width = size.ws_col - 1;
  if (g_utf8_strlen (text->str, -1) > width)
    g_string_truncate (text, (gsize)(g_utf8_offset_to_pointer (text->str, width) - text->str));
  fprintf (stderr, "\r%s\033[K", text->str);
  fflush (stderr);
  line.is_shown = TRUE;
}

static gboolean
is_due (void)
{
  const gint64 now = g_get_monotonic_time ();

  if (line.title == NULL || (line.last != 0 && now - line.last < MIN_INTERVAL))
    return FALSE;
  line.last = now;
  return TRUE;
}

void
kml_progress_show (const KmlCampaignProgress *progress, gpointer data)
{
  g_autoptr (GString) text = NULL;

  if (!is_due ())
    return;
  text = g_string_new (line.title);
  g_string_append_c (text, ' ');
  append_bar (text, progress->share);
  g_string_append_printf (text, "  %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " runs  %.0f %%",
                          progress->n_finished, progress->n_runs, 100 * progress->share);
  append_rate (text, progress->operations_per_second);
  if (progress->seconds_left >= 0)
    append_time_left (text, progress->seconds_left);
  show (text);
}

void
kml_progress_show_share (double share, gpointer data)
{
  g_autoptr (GString) text = NULL;

  if (share < 0 || !is_due ())
    return;
  text = g_string_new (line.title);
  g_string_append_c (text, ' ');
  append_bar (text, share);
  g_string_append_printf (text, "  %.0f %%", 100 * share);
  show (text);
}

void
kml_progress_show_text (const char *format, ...)
{
  g_autoptr (GString) text = NULL;
  va_list args;

  if (!is_due ())
    return;
  text = g_string_new (line.title);
  g_string_append_c (text, ' ');
  va_start (args, format);
  g_string_append_vprintf (text, format, args);
  va_end (args);
  show (text);
}

void
kml_progress_clear (void)
{
  if (!line.is_shown)
    return;
  fputs ("\r\033[K", stderr);
  fflush (stderr);
  line.is_shown = FALSE;
}

void
kml_progress_end (void)
{
  kml_progress_clear ();
  g_clear_pointer (&line.title, g_free);
  line.last = 0;
}
