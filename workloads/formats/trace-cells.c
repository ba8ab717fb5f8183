/* trace-cells.c: the cells of a line of a CSV.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/formats/trace-cells.h"

#include "workloads/traces/trace-walk.h"

char
kml_trace_find_separator (const char *line, const char *end)
{
  static const char separators[] = { ',', ';', '\t' };
  guint counts[G_N_ELEMENTS (separators)] = { 0 };
  guint best = 0;

  for (; line < end; line++)
    for (guint i = 0; i < G_N_ELEMENTS (separators); i++)
      counts[i] += *line == separators[i];
  for (guint i = 1; i < G_N_ELEMENTS (separators); i++)
    if (counts[i] > counts[best])
      best = i;
  return separators[best];
}

/* Behind the closing quote of the cell at @at. NULL: there is none. */
static const char *
end_of_quoted (const char *at, const char *end)
{
  for (at++; at < end; at++) {
    if (*at != '"')
      continue;
    if (at + 1 == end || at[1] != '"')
      return at + 1;
    at++;
  }
  return NULL;
}

static inline gboolean
is_blank (char c, char separator)
{
  return c == ' ' || (c == '\t' && separator != '\t');
}

gboolean
kml_trace_next_cell (const char **at, const char *end, char separator, KmlTraceCell *ret_cell)
{
  const char *begin = *at, *stop, *next;
  gboolean is_quoted;

  while (begin < end && is_blank (*begin, separator))
    begin++;
  is_quoted = begin < end && *begin == '"';
  next = stop = is_quoted ? end_of_quoted (begin, end) : kml_trace_find (begin, end, separator);
  if (stop == NULL)
    return FALSE;
  while (next < end && is_blank (*next, separator))
    next++;
  if (next < end && *next != separator)
    return FALSE;
  while (stop > begin && is_blank (stop[-1], separator))
    stop--;
  *ret_cell = (KmlTraceCell){ begin, stop, is_quoted };
  *at = next < end ? next + 1 : NULL;
  return TRUE;
}

void
kml_trace_unquote_cell (GString *text, KmlTraceCell cell)
{
  for (const char *at = cell.at + 1; at < cell.end - 1; at++) {
    g_string_append_c (text, *at);
    if (*at == '"')
      at++;
  }
}

char **
kml_trace_split_cells (const char *line, const char *end, char separator)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  const char *at = line;

  while (at != NULL) {
    g_autoptr (GString) text = g_string_new (NULL);
    KmlTraceCell cell;

    if (!kml_trace_next_cell (&at, end, separator, &cell))
      return NULL;
    if (cell.is_quoted)
      kml_trace_unquote_cell (text, cell);
    else
      g_string_append_len (text, cell.at, cell.end - cell.at);
    g_ptr_array_add (cells, g_strdup (g_strstrip (text->str)));
  }
  g_ptr_array_add (cells, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&cells), FALSE);
}
