/* plot-private.h: what the files of plotting share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   plot.c          the whole: script, gnuplot, output
 *   plot-figure.c   figures: the files plots/KIND.gp and their leading comments
 *   plot-size.c     how large it is
 *   plot-runs.c     which runs, how they are called
 *   plot-data.c     their data as text
 *   plot-study.c    which study of bin sizes
 *   plot-gnuplot.c  the program gnuplot
 */

#pragma once

#include <sqlite3.h>

#include "analysis/plot.h"

G_BEGIN_DECLS

/* ---- plot-figure.c ---- */

#define KML_FIGURE_MAX_QUERIES 4

typedef struct {
  char *name;
  char *sql;
} KmlFigureQuery;

/* A parsed plots/KIND.gp. */
typedef struct {
  char *name;
  char *summary;
  gboolean about_study; /* of a study of bin sizes, and not of runs: the next three say nothing */
  guint max_runs;       /* more are left out, and the caption says so */
  /* (nullable): runs that differ in their seeds alone are one i of the table chosen; what the caption says of them */
  char *repetitions;
  char *metric; /* (nullable): that it is about, unless another is asked for */
  /* 0, or what a run needs of a picture that grows with their number, in pixels of the usual size */
  guint bar_height;
  guint paper_height; /* in a narrow column, without legend and bars, in the same unit */
  char *needs;        /* SQL that is true for a run r that has the data */
  char *missing;      /* "recorded no …": said of a run that has not */
  KmlFigureQuery queries[KML_FIGURE_MAX_QUERIES];
  guint n_queries;
  char *script; /* all of the file */
} KmlFigure;

/* Every figure, sorted by name. (transfer none) (element-type KmlFigure) */
const GPtrArray *kml_figures (void);

/* What goes before each. (transfer none) */
const char *kml_figure_style (void);

/* ---- plot-runs.c ---- */

typedef struct {
  guint64 run_id;
  /* (owned) (nullable) (element-type guint64): repetitions that are shown together with it */
  GArray *others;
  char *label;
} KmlPlotRun;

/* The runs that a picture is of. */
typedef struct {
  GArray *runs;  /* (element-type KmlPlotRun) */
  char *varied;  /* the keys that tell them apart, "objects.bins, machine.cpus"; "" */
  char *title;   /* of the scenario */
  char *caption; /* scenario and runs */
  guint64 study; /* of bin sizes; 0: the picture is of runs */
} KmlPlotSubject;

/* The metric that @options ask for, or that of @figure. (nullable) (transfer none) */
const char *kml_plot_metric (const KmlFigure *figure, const KmlPlotOptions *options);

gboolean kml_plot_choose (KmlDatabase *database, const KmlFigure *figure,
                          const KmlPlotOptions *options, KmlPlotSubject *ret_subject,
                          GError **error);
void kml_plot_subject_clear (KmlPlotSubject *self);

/* ---- plot-size.c ---- */

typedef struct {
  guint width, height;                /* pixels, or characters */
  double width_inches, height_inches; /* of what has no pixels */
  double scale;                       /* pixels for one of the design */
  guint room;                         /* the width in pixels of the design */
  gboolean is_paper;
  gboolean is_narrow;                /* a legend has no room beside the plot */
  guint legend_columns, legend_rows; /* on paper, above the plot */
} KmlPlotSize;

gboolean kml_plot_measure (const KmlFigure *figure, const KmlPlotOptions *options,
                           const KmlPlotSubject *subject, KmlPlotSize *ret_size, GError **error);

/* ---- plot-study.c ---- */

/* The same for a figure about a study of bin sizes. */
gboolean kml_plot_choose_study (KmlDatabase *database, const KmlPlotOptions *options,
                                KmlPlotSubject *ret_subject, GError **error);

/* ---- plot-varied.c ---- */

/* Runs that differ in this alone are repetitions. */
#define KML_PLOT_SEED "scenario.seed"

/* The settings that tell apart the runs in temp.chosen, or all of the database (@of_all). (transfer full) (element-type utf8) */
GPtrArray *kml_plot_find_varied (KmlDatabase *database, gboolean of_all, gboolean without_seeds,
                                 GError **error);

/* ---- plot-data.c ---- */

/* Values that queries may name: ":order". */
typedef struct {
  gint order;
  guint columns, rows; /* of a picture made of cells */
  guint64 study;
  const char *metric; /* (nullable) */
} KmlPlotBindings;

/* Runs @query: its rows as tab-separated text, and in @ret_blocks (element-type utf8) (transfer full) the names of the blocks
 * they are in: rows with the same value of a first column called "block". (transfer full) */
char *kml_plot_query (KmlDatabase *database, const KmlFigureQuery *query,
                      const KmlPlotBindings *bindings, GPtrArray **ret_blocks, GError **error);

/* @text on one line, valid, and at most @max_chars long. (transfer full) */
char *kml_plot_tidy (const char *text, glong max_chars);

/* @text as a string of gnuplot, in which nothing is evaluated. */
void kml_plot_append_string (GString *script, const char *text);

/* ---- plot-glyphs.c ---- */

/* @text with a question mark for each character that no font of this host has. (transfer full) */
char *kml_plot_drawable (const char *text);

/* ---- plot-gnuplot.c ---- */

/* Runs gnuplot on @script, a file in @folder. @stop (nullable) is KmlPlotOptions.stop. */
gboolean kml_plot_run_gnuplot (const char *folder, const char *script, const volatile int *stop,
                               GError **error);

G_END_DECLS
