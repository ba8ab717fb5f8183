/* problems.c: what is wrong with a scenario, all of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stands at the place of a problem is shown below the message:
 *
 *   bins.ini:3:1: error: unknown key “rma”; did you mean “ram”?
 *       3 | rma = 64MiB
 *         | ^
 *
 * A file may hold anything, so the line is made fit first: a tab becomes a
 * space, what cannot be printed a replacement character, and of a long line only
 * what is around the place is kept. Every character then has the width that
 * Unicode gives it, and the caret is where it should be.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

/* Columns of a line that are shown, and how many of them at least are behind the place. */
#define SOURCE_WIDTH 100
#define SOURCE_AFTER 30

static void
problem_free (KmlProblem *problem)
{
  g_free (problem->file);
  g_free (problem->message);
  g_free (problem->source);
  g_free (problem);
}

GPtrArray *
kml_problems_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)problem_free);
}

void
kml_problems_add (GPtrArray *problems, const char *file, guint line, guint column,
                  const char *format, ...)
{
  KmlProblem *problem = g_new0 (KmlProblem, 1);
  va_list args;

  problem->file = g_strdup (file);
  problem->line = line;
  problem->column = column;
  va_start (args, format);
  problem->message = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (problems, problem);
}

/* ---- What stands there ---- */

static guint
width_of (gunichar c)
{
  return g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
}

/* As it is shown: see above. */
static gunichar
fit (gunichar c)
{
  return c == '\t' ? ' ' : g_unichar_isprint (c) ? c : 0xfffd;
}

/* Fills source and caret from the line, which is @length bytes long. */
static void
quote_line (KmlProblem *self, const char *line, gsize length)
{
  g_autofree char *valid = g_utf8_make_valid (line, (gssize)length);
  g_autofree gunichar *characters = g_utf8_to_ucs4_fast (valid, -1, NULL);
  g_autoptr (GString) source = g_string_new (NULL);
  const guint at = self->column - 1; /* characters in front of the place */
  guint width = 0, first = 0;

  /* so that the place is within SOURCE_WIDTH, with something in front of it */
  for (guint i = 0; characters[i] != 0 && i < at; i++)
    width += width_of (fit (characters[i]));
  while (width > SOURCE_WIDTH - SOURCE_AFTER && first < at)
    width -= width_of (fit (characters[first++]));
  if (first > 0) {
    g_string_append (source, "…");
    width++;
  }
  self->caret = width;

  width = first > 0;
  for (guint i = first; characters[i] != 0; i++) {
    const gunichar c = fit (characters[i]);

    if (width + width_of (c) > SOURCE_WIDTH) {
      g_string_append (source, "…");
      break;
    }
    g_string_append_unichar (source, c);
    width += width_of (c);
  }
  self->source = g_strchomp (g_string_free (g_steal_pointer (&source), FALSE));
}

/* The line @number of the text; NULL: it has not so many. */
static const char *
find_line (const char *text, gsize length, guint number, gsize *ret_length)
{
  const char *end = text + length;
  const char *newline;

  for (; number > 1 && text < end; number--) {
    newline = memchr (text, '\n', (gsize)(end - text));
    text = newline != NULL ? newline + 1 : end;
  }
  if (text == end)
    return NULL;
  newline = memchr (text, '\n', (gsize)(end - text));
  *ret_length = (gsize)((newline != NULL ? newline : end) - text);
  if (*ret_length > 0 && text[*ret_length - 1] == '\r')
    --*ret_length;
  return text;
}

void
kml_problems_quote (GPtrArray *problems, const char *file, const char *text, gsize length)
{
  for (guint i = 0; i < problems->len; i++) {
    KmlProblem *problem = g_ptr_array_index (problems, i);
    const char *line;
    gsize n;

    if (problem->line == 0 || problem->column == 0 || problem->source != NULL ||
        !g_str_equal (problem->file, file))
      continue;
    line = find_line (text, length, problem->line, &n);
    if (line != NULL)
      quote_line (problem, line, n);
  }
}

/* ---- As text ---- */

char *
kml_problem_describe_place (const KmlProblem *problem)
{
  if (problem->line == 0)
    return g_strdup (problem->file);
  if (problem->column == 0)
    return g_strdup_printf ("%s:%u", problem->file, problem->line);
  return g_strdup_printf ("%s:%u:%u", problem->file, problem->line, problem->column);
}

void
kml_problem_describe_source (const KmlProblem *problem, char **ret_line, char **ret_caret)
{
  const gboolean has_source = problem->source != NULL;

  *ret_line = has_source ? g_strdup_printf ("%5u | %s", problem->line, problem->source)
                         : g_strdup ("");
  *ret_caret = has_source ? g_strdup_printf ("%5s | %*s^", "", (int)problem->caret, "")
                          : g_strdup ("");
}

char *
kml_problems_format (const GPtrArray *problems)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < problems->len; i++) {
    const KmlProblem *problem = g_ptr_array_index (problems, i);
    g_autofree char *place = kml_problem_describe_place (problem);
    g_autofree char *line = NULL, *caret = NULL;

    kml_problem_describe_source (problem, &line, &caret);
    g_string_append_printf (text, "%s: error: %s\n", place, problem->message);
    if (problem->source != NULL)
      g_string_append_printf (text, "%s\n%s\n", line, caret);
  }
  return g_string_free (text, FALSE);
}

/* ---- Of a scenario ---- */

void
kml_scenario_problem (KmlScenario *self, KmlPlace place, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  kml_problems_add (self->problems, place.file, place.line, place.column, "%s", message);
}

gboolean
kml_scenario_is_hopeless (const KmlScenario *self)
{
  return self->problems->len >= KML_SCENARIO_MAX_PROBLEMS;
}
