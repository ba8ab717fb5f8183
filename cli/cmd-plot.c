/* cmd-plot.c: kmemlab plot: pictures of what a database says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/plot.h"
#include "analysis/save.h"
#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "scenarios/loading/scenario.h"
#include "simcore/base/units.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMN_MM 85
#define PAGE_MM   178 /* two columns and what is between them */

static struct {
  char *output, *format, *keep;
  char **runs;
  char *width, *height, *size, *order, *study, *metric;
  gboolean quiet;
} options;

/* ---- Options ---- */

static int
find_format (const char *name)
{
  for (int i = 0; kml_plot_format_names[i] != NULL; i++)
    if (g_str_equal (kml_plot_format_names[i], name))
      return i;
  return -1;
}

/* What --format says, or else the end of the output's name, or else SVG. FALSE after the mistake
 * has been said. */
static gboolean
choose_format (KmlPlotFormat *ret_format)
{
  const char *dot = options.output != NULL ? strrchr (options.output, '.') : NULL;
  int format = KML_PLOT_SVG;

  if (options.format != NULL)
    format = find_format (options.format);
  else if (dot != NULL)
    format = find_format (dot + 1);
  if (format < 0) {
    g_autofree char *known = g_strjoinv (", ", (char **)kml_plot_format_names);
    g_autofree char *quoted = kml_quote (options.format != NULL ? options.format : options.output,
                                         -1);

    kml_usage_error ("plot", "%s: expected %s, not %s",
                     options.format != NULL ? "--format" : "--output: the name says the format",
                     known, quoted);
    return FALSE;
  }
  if (options.format != NULL && dot != NULL && find_format (dot + 1) >= 0 &&
      find_format (dot + 1) != format) {
    kml_usage_error ("plot", "--format: %s contradicts the name %s", options.format,
                     options.output);
    return FALSE;
  }
  *ret_format = (KmlPlotFormat)format;
  return TRUE;
}

/* (element-type guint64) (transfer full); NULL after the mistake has been said. */
static GArray *
read_runs (void)
{
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (guint64));

  for (guint i = 0; options.runs != NULL && options.runs[i] != NULL; i++) {
    guint64 run;

    if (!kml_option_count ("plot", "--run", options.runs[i], 1, G_MAXINT64, &run))
      return NULL;
    g_array_append_val (runs, run);
  }
  return g_steal_pointer (&runs);
}

/* FALSE after the mistake has been said. */
static gboolean
metric_is_known (void)
{
  g_autofree char *problem = options.metric != NULL ? kml_describe_unknown_metric (options.metric)
                                                    : NULL;

  if (problem != NULL)
    kml_usage_error ("plot", "--metric: %s", problem);
  return problem == NULL;
}

static gboolean
not_a_size (void)
{
  g_autofree char *quoted = kml_quote (options.size, -1);

  kml_usage_error (
      "plot", "--size: expected column, page or a size such as 85mm or 85x60mm, not %s", quoted);
  return FALSE;
}

/* "column", "page", "85mm" or "85x60mm". FALSE after the mistake has been said. */
static gboolean
read_size (KmlPlotOptions *plot)
{
  guint64 width, height = 0; /* 0: as the figure needs */
  char *end;

  if (options.size == NULL)
    return TRUE;
  if (options.width != NULL || options.height != NULL) {
    kml_usage_error ("plot", "--size says it in millimetres, --width and --height in pixels");
    return FALSE;
  }
  if (g_str_equal (options.size, "column"))
    plot->width_mm = COLUMN_MM;
  else if (g_str_equal (options.size, "page"))
    plot->width_mm = PAGE_MM;
  if (plot->width_mm > 0)
    return TRUE;
  if (!g_ascii_isdigit (options.size[0]))
    return not_a_size ();
  width = g_ascii_strtoull (options.size, &end, 10);
  if (*end == 'x' && end[1] >= '1' && end[1] <= '9')
    height = g_ascii_strtoull (end + 1, &end, 10);
  plot->width_mm = (guint)MIN (width, G_MAXINT);
  plot->height_mm = (guint)MIN (height, G_MAXINT);
  return (plot->width_mm > 0 && g_str_equal (end, "mm")) || not_a_size ();
}

/* As large as the terminal, less a line for the prompt. */
static void
fit_terminal (KmlPlotOptions *plot)
{
  struct winsize size;

  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
    return;
  if (plot->width == 0 && size.ws_col >= 40)
    plot->width = size.ws_col;
  if (plot->height == 0 && size.ws_row >= 13)
    plot->height = size.ws_row - 1u;
}

/* "results-internal.svg" for results.db */
static char *
default_output (const char *database, const char *kind, KmlPlotFormat format)
{
  g_autofree char *name = g_path_get_basename (database);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return g_strdup_printf ("%s-%s.%s", name, kind, kml_plot_format_names[format]);
}

/* ---- The command ---- */

static int
list_kinds (const char *database)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  g_autofree char *word = kml_shell_word (database);
  guint n;
  const KmlPlotInfo *kinds = kml_plot_list (&n);

  kml_table_add_column (table, "kind", KML_ALIGN_LEFT);
  kml_table_add_column (table, "what it shows", KML_ALIGN_LEFT);
  for (guint i = 0; i < n; i++) {
    kml_table_add_cell (table, g_strdup (kinds[i].name));
    kml_table_add_cell (table, g_strdup (kinds[i].summary));
  }
  kml_table_print (table);
  kml_note ("Next: kmemlab plot %s %s", word, n > 0 ? kinds[0].name : "");
  return KML_EXIT_DONE;
}

static char **
list_words (guint number)
{
  guint n;
  const KmlPlotInfo *kinds = kml_plot_list (&n);
  char **names = number == 1 ? g_new0 (char *, n + 1) : NULL;

  for (guint i = 0; names != NULL && i < n; i++)
    names[i] = g_strdup (kinds[i].name);
  return names;
}

static int
show_text (const char *text)
{
  g_autoptr (GError) error = NULL;

  if (options.output == NULL) {
    kml_out ("%s", text);
    return KML_EXIT_DONE;
  }
  return kml_save (options.output, text, -1, &error) ? KML_EXIT_DONE : kml_fail (error);
}

static int
draw (const char *path, KmlDatabase *database, const char *kind, KmlPlotOptions *plot)
{
  g_autofree char *output = options.output != NULL ? g_strdup (options.output)
                                                   : default_output (path, kind, plot->format);
  g_autofree char *text = NULL;
  g_autofree char *printable = kml_printable (output);
  g_autofree char *word = kml_shell_word (path);
  g_autoptr (GError) error = NULL;

  plot->output = output;
  plot->stop = kml_stop_install ();
  if (!kml_plot_render (database, kind, plot, &text, &error))
    return kml_stop_or_fail (error);
  if (plot->format == KML_PLOT_TERMINAL)
    return show_text (text);
  if (options.quiet || g_str_equal (output, "-"))
    return KML_EXIT_DONE;
  if (text != NULL)
    kml_note ("For the caption: %s", text);
  kml_note ("The picture is in %s.%s%s", printable,
            plot->keep != NULL ? " Data and script are in " : "",
            plot->keep != NULL ? plot->keep : "");
  kml_note ("Next: kmemlab plot %s (lists what else there is to see)", word);
  return KML_EXIT_DONE;
}

static int
run (char **arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = NULL;
  g_autoptr (GArray) runs = NULL;
  KmlPlotOptions plot = KML_PLOT_OPTIONS_INIT;
  guint64 width = 0, height = 0, order = 0;

  if (!choose_format (&plot.format) ||
      !kml_option_count ("plot", "--width", options.width, 1, 20000, &width) ||
      !kml_option_count ("plot", "--height", options.height, 1, 20000, &height) ||
      !read_size (&plot) ||
      !kml_option_count ("plot", "--order", options.order, 0, KML_MAX_ORDER, &order) ||
      !kml_option_count ("plot", "--study", options.study, 1, G_MAXINT64, &plot.study) ||
      !metric_is_known () || (runs = read_runs ()) == NULL)
    return KML_EXIT_INPUT;
  database = kml_database_open (arguments[0], &error);
  if (database == NULL)
    return kml_fail (error);
  if (arguments[1] == NULL)
    return list_kinds (arguments[0]);

  plot.runs = runs->len > 0 ? (const guint64 *)runs->data : NULL;
  plot.n_runs = runs->len;
  plot.keep = options.keep;
  plot.metric = options.metric;
  plot.width = (guint)width;
  plot.height = (guint)height;
  if (options.order != NULL)
    plot.order = (gint)order;
  plot.colour = options.output == NULL && kml_is_coloured (stdout);
  if (plot.format == KML_PLOT_TERMINAL && options.output == NULL)
    fit_terminal (&plot);
  return draw (arguments[0], database, arguments[1], &plot);
}

static const GOptionEntry entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Where to, - for the standard output (default: DB-KIND.svg, in this folder)", "FILE" },
  { "format", 0, 0, G_OPTION_ARG_STRING, &options.format,
    "What to draw (default: what the end of the output's name says)", "svg|png|pdf|eps|terminal" },
  { "keep", 0, 0, G_OPTION_ARG_FILENAME, &options.keep, "Leave data and gnuplot script there",
    "FOLDER" },
  { "run", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.runs,
    "Only this run (repeatable; default: all)", "N" },
  { "size", 0, 0, G_OPTION_ARG_STRING, &options.size,
    "On paper: a column of 85 mm, a page of 178, or so large; letters of 7 to 9 points",
    "column|page|Wmm|WxHmm" },
  { "width", 0, 0, G_OPTION_ARG_STRING, &options.width, "In pixels, or characters", "N" },
  { "height", 0, 0, G_OPTION_ARG_STRING, &options.height, "In pixels, or characters", "N" },
  { "order", 0, 0, G_OPTION_ARG_STRING, &options.order,
    "external: the order that the index is about", "N" },
  { "metric", 0, 0, G_OPTION_ARG_STRING, &options.metric,
    "distribution: of what (default: frag.internal.mean)", "METRIC" },
  { "study", 0, 0, G_OPTION_ARG_STRING, &options.study,
    "bins-…: the study of bin sizes (default: the last)", "N" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No hints", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "plot",
  .summary = "Draw what a database says (without a kind: list them)",
  .usage = "DB [KIND] [OPTION]…",
  .examples = { "plot bins.db internal -o internal.svg",
                "plot bins.db waste --run 1 --format terminal",
                "plot bins.db distribution --metric frag.external.end --size column -o "
                "spread.pdf" },
  .options = entries,
  .words = list_words,
  .min_arguments = 1,
  .max_arguments = 2,
  .run = run,
};

KML_REGISTER_COMMAND (command)
