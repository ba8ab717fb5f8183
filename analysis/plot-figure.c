/* plot-figure.c: the files plots/KIND.gp and their leading comments.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * plots/style.gp describes the form. The files are part of the program, so a
 * mistake in one is a bug and fails an assertion; the tests load them all.
 */

#include "analysis/plot-private.h"

#include <string.h>

#include "analysis/analysis-resources.h"

#define PLOTS_PREFIX "/kmemlab/plots/"
#define STYLE_NAME   "style.gp"

static char *
load_text (const char *name)
{
  g_autofree char *path = g_strconcat (PLOTS_PREFIX, name, NULL);
  g_autoptr (GBytes) bytes = g_resource_lookup_data (kml_analysis_get_resource (), path,
                                                     G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  g_assert (bytes != NULL);
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* Appends the line of a clause that goes on: "#   FROM series". */
static void
append_line (char **text, const char *line)
{
  char *longer = g_strconcat (*text != NULL ? *text : "", *text != NULL ? " " : "", line, NULL);

  g_free (*text);
  *text = longer;
}

/* The clause that "#word rest" begins, where its text goes. NULL: not one of ours. */
static char **
begin_clause (KmlFigure *figure, const char *word, const char *rest)
{
  if (g_str_equal (word, "summary"))
    return &figure->summary;
  if (g_str_equal (word, "needs"))
    return &figure->needs;
  if (g_str_equal (word, "missing"))
    return &figure->missing;
  if (g_str_equal (word, "repetitions"))
    return &figure->repetitions;
  if (g_str_equal (word, "metric"))
    return &figure->metric;
  if (g_str_equal (word, "query")) {
    KmlFigureQuery *query = &figure->queries[figure->n_queries++];

    g_assert (figure->n_queries <= KML_FIGURE_MAX_QUERIES);
    query->name = g_strdup (rest);
    return &query->sql;
  }
  if (g_str_equal (word, "about"))
    figure->about_study = g_str_equal (rest, "study");
  if (g_str_equal (word, "bars"))
    figure->bar_height = (guint)g_ascii_strtoull (rest, NULL, 10);
  if (g_str_equal (word, "paper"))
    figure->paper_height = (guint)g_ascii_strtoull (rest, NULL, 10);
  if (g_str_equal (word, "runs"))
    figure->max_runs = (guint)g_ascii_strtoull (rest, NULL, 10);
  return NULL;
}

static void
parse_clauses (KmlFigure *figure)
{
  g_auto (GStrv) lines = g_strsplit (figure->script, "\n", -1);
  char **clause = NULL;

  for (char **line = lines; *line != NULL && (*line)[0] == '#'; line++) {
    if (g_str_has_prefix (*line, "#   ") && clause != NULL) {
      append_line (clause, g_strstrip (*line + 1));
    } else if (g_ascii_isalpha ((*line)[1])) {
      g_auto (GStrv) words = g_strsplit (*line + 1, " ", 2);

      clause = begin_clause (figure, words[0], words[1]);
      if (clause != NULL && !g_str_equal (words[0], "query"))
        append_line (clause, words[1]);
    } else {
      clause = NULL;
    }
  }
}

static KmlFigure *
load_figure (const char *file_name)
{
  KmlFigure *figure = g_new0 (KmlFigure, 1);

  g_assert (g_str_has_suffix (file_name, ".gp"));
  figure->name = g_strndup (file_name, strlen (file_name) - strlen (".gp"));
  figure->script = load_text (file_name);
  parse_clauses (figure);
  g_assert (figure->summary != NULL);
  if (!figure->about_study) {
    g_assert (figure->needs != NULL);
    g_assert (figure->missing != NULL);
    g_assert (figure->max_runs > 0);
  }
  g_assert (figure->paper_height > 0);
  g_assert (figure->n_queries > 0);
  return figure;
}

static gint
compare_figures (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(KmlFigure *const *)a)->name, (*(KmlFigure *const *)b)->name);
}

const GPtrArray *
kml_figures (void)
{
  static GPtrArray *figures; /* the program's: loaded once, kept */

  if (figures == NULL) {
    g_auto (GStrv) names = g_resource_enumerate_children (
        kml_analysis_get_resource (), PLOTS_PREFIX, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

    g_assert (names != NULL);
    figures = g_ptr_array_new ();
    for (char **name = names; *name != NULL; name++)
      if (!g_str_equal (*name, STYLE_NAME))
        g_ptr_array_add (figures, load_figure (*name));
    g_ptr_array_sort (figures, compare_figures);
  }
  return figures;
}

const char *
kml_figure_style (void)
{
  static char *style;

  if (style == NULL)
    style = load_text (STYLE_NAME);
  return style;
}
