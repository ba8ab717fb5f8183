/* plot-size.c: how large a picture is, and its letters.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Figures are laid out in pixels of a design, in which names are 14 high. On a screen the design is as wide as a picture of the usual
 * size, so that letters grow and shrink with the picture. On paper letters have 8 points whatever the picture's size is, so the design is
 * as wide as the paper has room for: a page has that of a screen, and a column of 85 mm 422 pixels. Figures lay themselves out anew where it is narrow.
 */

#include "analysis/plot-private.h"

#define DESIGN_WIDTH  960
#define DESIGN_HEIGHT 600
#define DESIGN_FRAME  210 /* titles and axes over and under bars */
#define DESIGN_NAME   14  /* a name's height */
#define NARROW        640 /* pixels of the design: no room for a legend beside the plot */

#define PAPER_NAME_PT 8
#define PAPER_DPI     300 /* of a PNG; the other formats have no pixels */
#define SCREEN_DPI    96

#define MAX_PIXELS     20000
#define MAX_CHARACTERS 1000
#define MAX_PAPER_MM   1000

static guint
longest_label (const KmlPlotSubject *subject)
{
  guint longest = 0;

  for (guint i = 0; i < subject->runs->len; i++) {
    const char *label = g_array_index (subject->runs, KmlPlotRun, i).label;

    longest = MAX (longest, (guint)g_utf8_strlen (label, -1));
  }
  return longest;
}

/* ---- Screens and terminals ---- */

/* The usual one, or what as many bars need as there are. */
static guint
default_height (const KmlFigure *figure, const KmlPlotOptions *options,
                const KmlPlotSubject *subject, guint width)
{
  const guint n_bars = figure->bar_height > 0 ? subject->runs->len : 0;
  const guint bars = DESIGN_FRAME + n_bars * figure->bar_height;

  if (options->format == KML_PLOT_TERMINAL)
    return MAX (30, n_bars + 9);
  return width * MAX (DESIGN_HEIGHT, bars) / DESIGN_WIDTH;
}

/* Characters: lines for the legend, in columns of the longest label and its mark, where there is one. */
static guint
legend_height (const KmlFigure *figure, const KmlPlotSubject *subject, guint width)
{
  const guint n = subject->runs->len;

  if (n < 2 || figure->bar_height > 0)
    return 0;
  return (n - 1) / MAX (width / (longest_label (subject) + 12), 1) + 1;
}

static gboolean
measure_screen (const KmlFigure *figure, const KmlPlotOptions *options,
                const KmlPlotSubject *subject, KmlPlotSize *size, GError **error)
{
  const gboolean terminal = options->format == KML_PLOT_TERMINAL;
  const guint least_width = terminal ? 40 : 200, least_height = terminal ? 12 : 150;
  const guint most = terminal ? MAX_CHARACTERS : MAX_PIXELS;

  size->width = options->width;
  size->height = options->height;
  if (size->width == 0)
    size->width = terminal ? 100 : DESIGN_WIDTH;
  if (size->height == 0)
    size->height = default_height (figure, options, subject, size->width);
  if (size->width < least_width || size->height < least_height || size->width > most ||
      size->height > most) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "a picture of %u x %u %s cannot be drawn: %u x %u to %u x %u are possible",
                 size->width, size->height, terminal ? "characters" : "pixels", least_width,
                 least_height, most, most);
    return FALSE;
  }
  if (terminal) /* a legend that does not fit lies on the plot */
    size->height = MAX (size->height, least_height + legend_height (figure, subject, size->width));
  size->scale = MIN ((double)size->width / DESIGN_WIDTH, (double)size->height / DESIGN_HEIGHT);
  size->width_inches = (double)size->width / SCREEN_DPI;
  size->height_inches = (double)size->height / SCREEN_DPI;
  size->room = DESIGN_WIDTH;
  return TRUE;
}

/* ---- Paper ---- */

/* Rows of a legend above the plot: its title, and entries in as many columns as fit. */
static void
measure_legend (const KmlFigure *figure, const KmlPlotSubject *subject, KmlPlotSize *size)
{
  const guint n = subject->runs->len;
  const guint entry = 8 * longest_label (subject) + 70; /* with its mark */
  const guint across = (size->room - 130) / entry;      /* between the margins */

  size->legend_columns = CLAMP (across, 1, MAX (n, 1));
  if (n > 1 && figure->bar_height == 0)
    size->legend_rows = (n - 1) / size->legend_columns + 1 + (subject->varied[0] != '\0');
}

/* Pixels of the design. A page is twice as wide as a column, and its pictures are somewhat higher. */
static guint
paper_height (const KmlFigure *figure, const KmlPlotSubject *subject, const KmlPlotSize *size)
{
  const guint bars = subject->runs->len * figure->bar_height;

  if (size->is_narrow)
    return figure->paper_height + 2 * bars + 19 * size->legend_rows;
  return figure->paper_height * 5 / 4 + bars;
}

static gboolean
measure_paper (const KmlFigure *figure, const KmlPlotOptions *options,
               const KmlPlotSubject *subject, KmlPlotSize *size, GError **error)
{
  const guint dpi = options->format == KML_PLOT_PNG ? PAPER_DPI : SCREEN_DPI;

  if (options->format == KML_PLOT_TERMINAL) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, "a terminal has no size on paper");
    return FALSE;
  }
  size->is_paper = TRUE;
  size->scale = PAPER_NAME_PT / 72.0 * dpi / DESIGN_NAME;
  size->width_inches = options->width_mm / 25.4;
  size->room = (guint)(size->width_inches * dpi / size->scale);
  size->is_narrow = size->room < NARROW;
  measure_legend (figure, subject, size);
  size->height_inches = options->height_mm > 0
                            ? options->height_mm / 25.4
                            : paper_height (figure, subject, size) * size->scale / dpi;
  if (options->width_mm < 60 || options->width_mm > MAX_PAPER_MM || size->height_inches < 1.2 ||
      options->height_mm > MAX_PAPER_MM) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "a picture of %u x %u mm cannot be drawn: 60 x 31 to %d x %d are possible",
                 options->width_mm, options->height_mm, MAX_PAPER_MM, MAX_PAPER_MM);
    return FALSE;
  }
  size->width = (guint)(size->width_inches * dpi + 0.5);
  size->height = (guint)(size->height_inches * dpi + 0.5);
  return TRUE;
}

gboolean
kml_plot_measure (const KmlFigure *figure, const KmlPlotOptions *options,
                  const KmlPlotSubject *subject, KmlPlotSize *ret_size, GError **error)
{
  *ret_size = (KmlPlotSize){ 0 };
  return options->width_mm > 0 ? measure_paper (figure, options, subject, ret_size, error)
                               : measure_screen (figure, options, subject, ret_size, error);
}
