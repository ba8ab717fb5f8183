/* output.c: what the program says, and where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/output.h"
#include "cli/progress.h"
#include "simcore/base/types.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- Text ---- */

static int out_errno; /* why standard output did not take something; 0: it took all */

void
kml_out_begin (void)
{
  /* the wrong way round: what was closed stays unusable */
  static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

  for (int fd = 0; fd < (int)G_N_ELEMENTS (modes); fd++)
    if (fcntl (fd, F_GETFD) < 0 && errno == EBADF)
      (void)!open ("/dev/null", modes[fd]); /* gets the lowest number that is free: this one */
}

void
kml_out (const char *format, ...)
{
  va_list values;

  va_start (values, format);
  if (vprintf (format, values) < 0 && out_errno == 0)
    out_errno = errno;
  va_end (values);
}

gboolean
kml_out_is_broken (void)
{
  return out_errno != 0;
}

static void
flush_out (void)
{
  if (fflush (stdout) != 0 && out_errno == 0)
    out_errno = errno;
}

static void
say (const char *prefix, KmlStyle style, const char *format, va_list values)
{
  g_autofree char *message = g_strdup_vprintf (format, values);

  kml_progress_clear ();
  flush_out (); /* on a terminal both are read together */
  fprintf (stderr, "%s%s%s%s\n", kml_style_begin (stderr, style), prefix,
           kml_style_end (stderr, style), message);
}

void
kml_note (const char *format, ...)
{
  va_list values;

  va_start (values, format);
  say ("", KML_STYLE_PLAIN, format, values);
  va_end (values);
}

void
kml_error (const char *format, ...)
{
  va_list values;

  va_start (values, format);
  say ("kmemlab: ", KML_STYLE_BAD, format, values);
  va_end (values);
}

void
kml_warn (const char *format, ...)
{
  va_list values;

  va_start (values, format);
  say ("kmemlab: warning: ", KML_STYLE_HEADER, format, values);
  va_end (values);
}

/* Valid UTF-8 of printable characters, line ends excepted: messages may have several lines. */
char *
kml_printable (const char *text)
{
  const char *end = text + strlen (text);
  GString *printable = g_string_new (NULL);

  while (text < end) {
    const gunichar c = g_utf8_get_char_validated (text, end - text);

    if (c >= (gunichar)-2) {
      g_string_append_printf (printable, "\\x%02x", (guint)(guint8)*text);
      text++;
      continue;
    }
    if (c == '\n' || g_unichar_isprint (c))
      g_string_append_unichar (printable, c);
    else
      g_string_append_printf (printable, "\\u%04x", c);
    text = g_utf8_next_char (text);
  }
  return g_string_free (printable, FALSE);
}

/* ---- Errors ---- */

static const char *
begin (KmlStyle style)
{
  return kml_style_begin (stderr, style);
}

static const char *
end (KmlStyle style)
{
  return kml_style_end (stderr, style);
}

void
kml_print_problems (const GPtrArray *problems)
{
  kml_progress_clear ();
  flush_out ();
  for (guint i = 0; i < problems->len; i++) {
    const KmlProblem *problem = g_ptr_array_index (problems, i);
    g_autofree char *place = kml_problem_describe_place (problem);
    g_autofree char *printable_place = kml_printable (place);
    g_autofree char *message = kml_printable (problem->message);
    g_autofree char *line = NULL, *caret = NULL;

    fprintf (stderr, "%s%s:%s %serror:%s %s\n", begin (KML_STYLE_HEADER), printable_place,
             end (KML_STYLE_HEADER), begin (KML_STYLE_BAD), end (KML_STYLE_BAD), message);
    kml_problem_describe_source (problem, &line, &caret);
    if (problem->source != NULL)
      fprintf (stderr, "%s\n%.*s%s^%s\n", line, (int)strlen (caret) - 1, caret,
               begin (KML_STYLE_GOOD), end (KML_STYLE_GOOD));
  }
}

int
kml_exit_of_code (int code)
{
  switch ((KmlErrorCode)code) {
  case KML_ERROR_INPUT:
    return KML_EXIT_INPUT;
  case KML_ERROR_WORLD:
    return KML_EXIT_WORLD;
  case KML_ERROR_NEWER:
    return KML_EXIT_NEWER;
  case KML_ERROR_STOPPED:
    return KML_EXIT_STOPPED;
  case KML_ERROR_CORRUPT:
    return KML_EXIT_BUG;
  }
  return KML_EXIT_BUG;
}

int
kml_fail (const GError *error)
{
  g_autofree char *printable = kml_printable (error->message);

  kml_error ("%s", printable);
  return error->domain == KML_ERROR ? kml_exit_of_code (error->code) : KML_EXIT_WORLD;
}

int
kml_worse_exit (int a, int b)
{
  static const int order[] = { KML_EXIT_TERMINATE, KML_EXIT_INTERRUPT, KML_EXIT_BUG,
                               KML_EXIT_WORLD,     KML_EXIT_NEWER,     KML_EXIT_INPUT,
                               KML_EXIT_FOUND,     KML_EXIT_STOPPED,   KML_EXIT_DONE };

  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    if (a == order[i] || b == order[i])
      return order[i];
  return KML_EXIT_BUG;
}

int
kml_out_finish (int status)
{
  kml_progress_clear ();
  flush_out ();
  if (close (STDOUT_FILENO) != 0 && errno != EBADF && out_errno == 0)
    out_errno = errno;
  /* a reader that has seen enough (`| head`) is no error */
  if (out_errno == 0 || out_errno == EPIPE)
    return status;
  kml_error ("cannot write to standard output: %s", g_strerror (out_errno));
  return kml_worse_exit (status, KML_EXIT_WORLD);
}

/* ---- Colour ---- */

gboolean
kml_is_coloured (FILE *stream)
{
  const char *no_colour = g_getenv ("NO_COLOR");
  const char *force = g_getenv ("CLICOLOR_FORCE");
  const char *term = g_getenv ("TERM");

  if (no_colour != NULL && no_colour[0] != '\0')
    return FALSE;
  if (force != NULL && force[0] != '\0' && !g_str_equal (force, "0"))
    return TRUE;
  return isatty (fileno (stream)) && term != NULL && !g_str_equal (term, "dumb");
}

const char *
kml_style_begin (FILE *stream, KmlStyle style)
{
  /* bold, and the bright green and red of the terminal's palette; none means anything by itself */
  static const char *const codes[] = { "", "\033[1m", "\033[1;32m", "\033[1;31m" };

  return kml_is_coloured (stream) ? codes[style] : "";
}

const char *
kml_style_end (FILE *stream, KmlStyle style)
{
  return style != KML_STYLE_PLAIN && kml_is_coloured (stream) ? "\033[0m" : "";
}
