/* plot.h: pictures of what a database says, drawn by gnuplot.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A figure is one file, plots/KIND.gp: a gnuplot script whose leading comment
 * names the queries that give its data. plots/style.gp, which goes before each
 * of them, says how such a file is written.
 */

#pragma once

#include "analysis/database.h"

G_BEGIN_DECLS

typedef enum {
  KML_PLOT_SVG,
  KML_PLOT_PNG,
  KML_PLOT_PDF,
  KML_PLOT_EPS,
  KML_PLOT_TERMINAL, /* text */
} KmlPlotFormat;

typedef struct {
  const char *name;    /* "internal" */
  const char *summary; /* one line for `kmemlab list` and `plot --help` */
} KmlPlotInfo;

typedef struct {
  const guint64 *runs; /* (nullable) (array length=n_runs): which; NULL: every one that is done */
  guint n_runs;
  KmlPlotFormat format;
  const char *output;  /* the file; not for the terminal */
  const char *keep;    /* (nullable): folder where data and script stay */
  guint width, height; /* pixels, or characters of the terminal; 0: as usual */
  /* on paper, whose letters are of 7 to 9 points; width 0: for a screen; height 0: what the figure needs */
  guint width_mm, height_mm;
  gboolean colour;    /* of the terminal; the other formats have it always */
  gint order;         /* external: the order the index is about; -1: as recorded */
  guint64 study;      /* of bin sizes, for figures about one; 0: the last */
  const char *metric; /* (nullable): what distribution is about */
  /* (nullable): not 0 when the picture is not wanted any more, which is an error */
  const volatile int *stop;
} KmlPlotOptions;

#define KML_PLOT_OPTIONS_INIT                                                                      \
  {                                                                                                \
    .order = -1                                                                                    \
  }

/* Sorted by name. (transfer none) */
const KmlPlotInfo *kml_plot_list (guint *ret_n);

/* "svg", "png", "pdf", "eps", "terminal", in the order of KmlPlotFormat; ends with NULL */
extern const char *const kml_plot_format_names[];

/* Draws. @ret_text: for KML_PLOT_TERMINAL the picture; on paper what stands over and under other pictures, for the
 * text beside this one; else NULL. Errors: INPUT for a kind, a run or a recording that is not there; WORLD for gnuplot and files. What
 * lies at options->output is replaced when the picture is complete, or not at all. */
gboolean kml_plot_render (KmlDatabase *database, const char *kind, const KmlPlotOptions *options,
                          char **ret_text, GError **error);

G_END_DECLS
