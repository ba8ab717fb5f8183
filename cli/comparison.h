/* comparison.h: runs beside each other, repetitions of one run taken together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "cli/results.h"

G_BEGIN_DECLS

/* Whether the values of all @keys (element-type utf8) are the same in both. */
gboolean kml_comparison_same (const GPtrArray *keys, const KmlResult *a, const KmlResult *b);

/* @runs (element-type KmlResult) in lines: those with the same values of @keys (element-type utf8) are one, in the order of @runs. (transfer
 * full) (element-type GPtrArray) */
GPtrArray *kml_comparison_lines (const GPtrArray *runs, const GPtrArray *keys);

/* What a line says of a metric. Not a number: nothing can be said. */
typedef struct {
  double value;  /* the mean of its runs */
  double margin; /* half the width of the 95 % interval around it; of several runs */
  /* difference to the first line, in percent of that: the mean over pairs of runs with the same seed */
  double change;
  double change_margin; /* likewise, in percent: of several pairs */
  /* pairs that would tell whether there is a difference (kml_values_needed()), where these do not; else 0 */
  guint64 needed;
  gboolean is_same; /* no pair differs */
  gboolean is_best; /* of all lines, unless all are equal */
  const char *unit; /* "" where there is no value */
} KmlComparedMetric;

KmlComparedMetric kml_comparison_metric (const GPtrArray *lines, guint line, const char *name);

G_END_DECLS
