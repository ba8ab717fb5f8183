/* problems.c: what is wrong with a scenario, all of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/scenario-private.h"

static void
problem_free (KmlProblem *problem)
{
  g_free (problem->file);
  g_free (problem->message);
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

char *
kml_problems_format (const GPtrArray *problems)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < problems->len; i++) {
    const KmlProblem *problem = g_ptr_array_index (problems, i);

    g_string_append (text, problem->file);
    if (problem->line > 0)
      g_string_append_printf (text, ":%u", problem->line);
    if (problem->line > 0 && problem->column > 0)
      g_string_append_printf (text, ":%u", problem->column);
    g_string_append_printf (text, ": error: %s\n", problem->message);
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
