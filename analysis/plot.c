/* plot.c: drawing a figure: its data, its script, gnuplot, its file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A picture is made in a folder of its own, temporary unless it is to be kept:
 *
 *   KIND.gp           terminal, names of runs and data; then style.gp, then plots/KIND.gp
 *   KIND-QUERY.tsv    what each query gave
 *   KIND.svg          what gnuplot made of it
 *
 * `gnuplot KIND.gp` in a folder that was kept draws it again, to be changed at
 * will. The picture is moved to where it was asked for when it is complete.
 *
 * Nothing that comes from a scenario is evaluated: text reaches gnuplot in data
 * files, whose names are ours, or in single quotes, where gnuplot knows no escape
 * but the doubled quote.
 */

#include "analysis/database-private.h"
#include "analysis/plot-private.h"
#include "analysis/save.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "simcore/base/units.h"

const char *const kml_plot_format_names[] = { "svg", "png", "pdf", "eps", "terminal", NULL };

static const char *const extensions[] = { "svg", "png", "pdf", "eps", "txt" };

/* ---- Which figure ---- */

const KmlPlotInfo *
kml_plot_list (guint *ret_n)
{
  static KmlPlotInfo *list; /* the program's: made once, kept */
  const GPtrArray *figures = kml_figures ();

  if (list == NULL) {
    list = g_new (KmlPlotInfo, figures->len);
    for (guint i = 0; i < figures->len; i++) {
      const KmlFigure *figure = figures->pdata[i];

      list[i] = (KmlPlotInfo){ .name = figure->name, .summary = figure->summary };
    }
  }
  *ret_n = figures->len;
  return list;
}

static const KmlFigure *
find_figure (const char *kind, GError **error)
{
  const GPtrArray *figures = kml_figures ();
  g_autofree const char **names = g_new0 (const char *, figures->len + 1);
  g_autofree char *known = NULL;
  const char *nearest;

  for (guint i = 0; i < figures->len; i++) {
    const KmlFigure *figure = figures->pdata[i];

    if (g_str_equal (figure->name, kind))
      return figure;
    names[i] = figure->name;
  }
  nearest = kml_nearest_name (kind, names);
  known = g_strjoinv (", ", (char **)names);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "unknown plot “%s”%s%s%s (there are: %s)", kind,
               nearest != NULL ? ", did you mean “" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "”?" : "", known);
  return NULL;
}

static gboolean
check_metric (const KmlFigure *figure, const KmlPlotOptions *options, GError **error)
{
  if (options->metric == NULL || figure->metric != NULL)
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "the plot “%s” is about no metric that can be chosen; distribution is",
               figure->name);
  return FALSE;
}

/* ---- The script ---- */

typedef struct {
  const KmlFigure *figure;
  const KmlPlotOptions *options;
  KmlPlotSize size;
  const char *folder;
  KmlPlotSubject subject;
  GString *script;
} Drawing;

/* Of a picture made of cells: of characters what titles and axes leave. */
static guint
n_columns (const Drawing *self)
{
  return self->options->format == KML_PLOT_TERMINAL ? self->size.width - 14 : 480;
}

static guint
n_rows (const Drawing *self)
{
  return self->options->format == KML_PLOT_TERMINAL ? self->size.height - 8 : 256;
}

static void
append_terminal (Drawing *self)
{
  const KmlPlotSize *size = &self->size;
  char scale[G_ASCII_DTOSTR_BUF_SIZE], font[G_ASCII_DTOSTR_BUF_SIZE],
      width[G_ASCII_DTOSTR_BUF_SIZE], height[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (scale, sizeof scale, "%.4f", size->scale);
  g_ascii_formatd (font, sizeof font, "%.4f", 15 * size->scale);
  g_string_append_printf (self->script, "SCALE = %s\n", scale);
  g_ascii_formatd (width, sizeof width, "%.4f", size->width_inches);
  g_ascii_formatd (height, sizeof height, "%.4f", size->height_inches);
  g_string_append (self->script, "set encoding utf8\n");
  switch (self->options->format) {
  case KML_PLOT_SVG: /* a line has the height of the font before it is scaled: so it comes scaled */
    g_string_append_printf (self->script,
                            "set terminal svg noenhanced size %u,%u font 'Arial,%s' fontscale %s "
                            "linewidth %s background '#ffffff'\n",
                            size->width, size->height, size->is_paper ? font : "15",
                            size->is_paper ? "1" : scale, scale);
    break;
  case KML_PLOT_PNG:
    g_string_append_printf (
        self->script,
        "set terminal pngcairo noenhanced size %u,%u font 'Sans,11' fontscale %s "
        "linewidth %s background '#ffffff'\n",
        size->width, size->height, scale, scale);
    break;
  case KML_PLOT_PDF:
  case KML_PLOT_EPS:
    g_string_append_printf (self->script,
                            "set terminal %s noenhanced size %sin,%sin font 'Sans,11' "
                            "fontscale %s linewidth %s\n",
                            self->options->format == KML_PLOT_PDF ? "pdfcairo" : "epscairo", width,
                            height, scale, scale);
    break;
  case KML_PLOT_TERMINAL:
    g_string_append_printf (self->script, "set terminal dumb noenhanced size %u,%u aspect 1 %s\n",
                            size->width, size->height, self->options->colour ? "ansi256" : "mono");
    break;
  default:
    g_assert_not_reached ();
  }
  g_string_append_printf (self->script, "set output '%s.%s'\n", self->figure->name,
                          extensions[self->options->format]);
}

static void
append_assignment (GString *script, const char *name, const char *text)
{
  g_string_append_printf (script, "%s = ", name);
  kml_plot_append_string (script, text);
  g_string_append_c (script, '\n');
}

/* array NAME[n] = ['a', 'b'] */
static void
append_array (GString *script, const char *name, guint n, const char *(*get) (gconstpointer, guint),
              gconstpointer data)
{
  if (n == 0)
    return;
  g_string_append_printf (script, "array %s[%u] = [", name, n);
  for (guint i = 0; i < n; i++) {
    if (i > 0)
      g_string_append (script, ", ");
    kml_plot_append_string (script, get (data, i));
  }
  g_string_append (script, "]\n");
}

static const char *
get_label (gconstpointer runs, guint i)
{
  return g_array_index ((const GArray *)runs, KmlPlotRun, i).label;
}

static const char *
get_text (gconstpointer texts, guint i)
{
  return ((const GPtrArray *)texts)->pdata[i];
}

static void
append_subject (Drawing *self)
{
  g_string_append_printf (
      self->script,
      "ON_TERMINAL = %d\nON_PAPER = %d\nNARROW = %d\nROOM = %u\nIN_SVG = %d\nWIDTH = %u\n"
      "HEIGHT = %u\nLEGEND_COLUMNS = %u\nLEGEND_ROWS = %u\nCOLUMNS = %u\nROWS = %u\n"
      "ORDER = %d\nN = %u\n",
      self->options->format == KML_PLOT_TERMINAL, self->size.is_paper, self->size.is_narrow,
      self->size.room, self->options->format == KML_PLOT_SVG, self->size.width, self->size.height,
      self->size.legend_columns, self->size.legend_rows, n_columns (self), n_rows (self),
      self->options->order, self->subject.runs->len);
  append_assignment (self->script, "TITLE", self->subject.title);
  append_assignment (self->script, "CAPTION", self->subject.caption);
  append_assignment (self->script, "VARIED", self->subject.varied);
  append_array (self->script, "LABEL", self->subject.runs->len, get_label, self->subject.runs);
}

/* ---- Files ---- */

static gboolean
save_text (const Drawing *self, const char *path, const char *text, GError **error)
{
  const gboolean has_fonts = self->options->format == KML_PLOT_PNG ||
                             self->options->format == KML_PLOT_PDF ||
                             self->options->format == KML_PLOT_EPS;
  g_autofree char *drawable = has_fonts ? kml_plot_drawable (text) : NULL;

  if (drawable != NULL)
    text = drawable;
  return kml_save (path, text, (gssize)strlen (text), error);
}

/* A study of one request cannot be cross-validated. @text: a heading and rows. */
static gboolean
check_study (const Drawing *self, const char *text, GError **error)
{
  if (!self->figure->about_study || strchr (text, '\n')[1] != '\0')
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "study %" G_GUINT64_FORMAT " has too few requests for this picture",
               self->subject.study);
  return FALSE;
}

/* The query NAME becomes the file KIND-NAME.tsv, and in the script NAME (the file), NAME_N and NAME_BLOCK. */
static gboolean
write_data (Drawing *self, KmlDatabase *database, const KmlFigureQuery *query, GError **error)
{
  const KmlPlotBindings bindings = {
    .order = self->options->order,
    .columns = n_columns (self),
    .rows = n_rows (self),
    .study = self->subject.study,
    .metric = kml_plot_metric (self->figure, self->options),
  };
  g_autofree char *file = g_strdup_printf ("%s-%s.tsv", self->figure->name, query->name);
  g_autofree char *path = g_build_filename (self->folder, file, NULL);
  g_autofree char *name = g_ascii_strup (query->name, -1);
  g_autofree char *array_name = g_strconcat (name, "_BLOCK", NULL);
  g_autoptr (GPtrArray) blocks = NULL;
  g_autofree char *text = kml_plot_query (database, query, &bindings, &blocks, error);

  if (text == NULL || !check_study (self, text, error) || !save_text (self, path, text, error))
    return FALSE;
  append_assignment (self->script, name, file);
  g_string_append_printf (self->script, "%s_N = %u\n", name, blocks->len);
  append_array (self->script, array_name, blocks->len, get_text, blocks);
  return TRUE;
}

static gboolean
write_script (Drawing *self, KmlDatabase *database, const char *file, GError **error)
{
  g_autofree char *path = g_build_filename (self->folder, file, NULL);

  g_string_append_printf (self->script,
                          "# %s: made by kmemlab " KML_VERSION "; `gnuplot %s` draws it again\n",
                          file, file);
  append_terminal (self);
  append_subject (self);
  for (guint i = 0; i < self->figure->n_queries; i++)
    if (!write_data (self, database, &self->figure->queries[i], error))
      return FALSE;
  g_string_append_printf (self->script, "\n%s\n%s", kml_figure_style (), self->figure->script);
  return save_text (self, path, self->script->str, error);
}

/* @text without the form feed and the empty lines around it. (transfer full) */
static char *
trim (const char *text)
{
  const char *start = text;
  g_autofree char *body = NULL;

  for (const char *c = text; g_ascii_isspace (*c); c++)
    if (*c == '\n' || *c == '\f')
      start = c + 1;
  body = g_strchomp (g_strdup (start));
  return g_strconcat (body, "\n", NULL);
}

/* "Which bins? bins.ini, runs 1–4." (transfer full) */
static char *
describe (const KmlPlotSubject *subject)
{
  const gsize length = strlen (subject->title);
  const gboolean ends = length == 0 || strchr (".?!", subject->title[length - 1]) != NULL;

  return g_strconcat (subject->title, ends ? "" : ".", length > 0 ? " " : "", subject->caption, ".",
                      NULL);
}

/* Moves what gnuplot drew to where it is asked for. */
static gboolean
deliver (const Drawing *self, char **ret_text, GError **error)
{
  g_autofree char *file = g_strdup_printf ("%s.%s", self->figure->name,
                                           extensions[self->options->format]);
  g_autofree char *path = g_build_filename (self->folder, file, NULL);
  g_autofree char *data = NULL;
  g_autoptr (GError) reason = NULL;
  gsize length;

  if (!g_file_get_contents (path, &data, &length, &reason) || length == 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "gnuplot made no picture%s%s",
                 reason != NULL ? ": " : "", reason != NULL ? reason->message : "");
    return FALSE;
  }
  if (self->options->format == KML_PLOT_TERMINAL) {
    *ret_text = trim (data);
    return TRUE;
  }
  if (self->size.is_paper)
    *ret_text = describe (&self->subject);
  return kml_save (self->options->output, data, (gssize)length, error);
}

static gboolean
draw (Drawing *self, KmlDatabase *database, char **ret_text, GError **error)
{
  g_autofree char *file = g_strdup_printf ("%s.gp", self->figure->name);

  return write_script (self, database, file, error) &&
         kml_plot_run_gnuplot (self->folder, file, self->options->stop, error) &&
         deliver (self, ret_text, error);
}

/* ---- The folder ---- */

static char *
make_folder (const char *keep, GError **error)
{
  g_autoptr (GError) reason = NULL;
  char *folder;

  if (keep != NULL) {
    if (g_mkdir_with_parents (keep, 0777) == 0)
      return g_strdup (keep);
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot be made: %s", keep,
                 g_strerror (errno));
    return NULL;
  }
  folder = g_dir_make_tmp ("kmemlab-plot-XXXXXX", &reason);
  if (folder == NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "no temporary folder: %s", reason->message);
  return folder;
}

/* Our own temporary folder and what is in it. */
static void
remove_folder (const char *folder)
{
  GDir *files = g_dir_open (folder, 0, NULL);
  const char *name;

  while (files != NULL && (name = g_dir_read_name (files)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_clear_pointer (&files, g_dir_close);
  g_rmdir (folder);
}

gboolean
kml_plot_render (KmlDatabase *database, const char *kind, const KmlPlotOptions *options,
                 char **ret_text, GError **error)
{
  Drawing drawing = { .figure = find_figure (kind, error), .options = options };
  g_autofree char *folder = NULL;
  gboolean good;

  *ret_text = NULL;
  if (drawing.figure == NULL || !check_metric (drawing.figure, options, error) ||
      !kml_plot_choose (database, drawing.figure, options, &drawing.subject, error))
    return FALSE;
  if (!kml_plot_measure (drawing.figure, options, &drawing.subject, &drawing.size, error)) {
    kml_plot_subject_clear (&drawing.subject);
    return FALSE;
  }
  drawing.folder = folder = make_folder (options->keep, error);
  drawing.script = g_string_new (NULL);
  good = folder != NULL && draw (&drawing, database, ret_text, error);
  if (folder != NULL && options->keep == NULL)
    remove_folder (folder);
  g_string_free (drawing.script, TRUE);
  kml_plot_subject_clear (&drawing.subject);
  return good;
}
