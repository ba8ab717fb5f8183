/* comparison.c: runs beside each other, repetitions of one run taken together.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Repetitions differ in their seeds alone, and every line has the same seeds: each seed is one workload that all lines met. So two lines are
 * compared by the differences within the seeds, which vary much less than the values themselves, and the interval is one of the
 * mean difference (a paired t test).
 */

#include "cli/comparison.h"

#include <math.h>

#include "analysis/student.h"

#define CONFIDENCE 0.95

gboolean
kml_comparison_same (const GPtrArray *keys, const KmlResult *a, const KmlResult *b)
{
  for (guint i = 0; i < keys->len; i++) {
    const char *key = g_ptr_array_index (keys, i);

    if (g_strcmp0 (kml_result_setting (a, key), kml_result_setting (b, key)) != 0)
      return FALSE;
  }
  return TRUE;
}

GPtrArray *
kml_comparison_lines (const GPtrArray *runs, const GPtrArray *keys)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func ((GDestroyNotify)g_ptr_array_unref);

  for (guint i = 0; i < runs->len; i++) {
    KmlResult *run = g_ptr_array_index (runs, i);
    GPtrArray *line = NULL;

    for (guint j = 0; j < lines->len && line == NULL; j++) {
      GPtrArray *other = g_ptr_array_index (lines, j);

      if (kml_comparison_same (keys, run, g_ptr_array_index (other, 0)))
        line = other;
    }
    if (line == NULL) {
      line = g_ptr_array_new ();
      g_ptr_array_add (lines, line);
    }
    g_ptr_array_add (line, run);
  }
  return lines;
}

/* ---- Means ---- */

/* The values that the runs of @line have. (transfer full) (element-type double) */
static GArray *
collect_values (const GPtrArray *line, const char *name)
{
  GArray *values = g_array_new (FALSE, FALSE, sizeof (double));

  for (guint i = 0; i < line->len; i++) {
    const double value = kml_result_look_up (name, g_ptr_array_index (line, i));

    if (!isnan (value))
      g_array_append_val (values, value);
  }
  return values;
}

static void
find_mean (const GArray *values, double *ret_mean, double *ret_margin)
{
  *ret_mean = *ret_margin = NAN;
  if (values->len > 0)
    kml_mean_interval ((const double *)(gconstpointer)values->data, values->len, CONFIDENCE,
                       ret_mean, ret_margin);
}

static double
mean_of (const GPtrArray *line, const char *name)
{
  g_autoptr (GArray) values = collect_values (line, name);
  double mean, margin;

  find_mean (values, &mean, &margin);
  return mean;
}

/* ---- The best ---- */

/* Of most that is measured less is better; of requests that were answered, more. */
static gboolean
more_is_better (const char *metric)
{
  return g_str_equal (metric, "alloc.count") || g_str_equal (metric, "free.count");
}

/* The best of the means of all @lines; not a number when all are the same. */
static double
find_best (const GPtrArray *lines, const char *name)
{
  double best = NAN, worst = NAN;

  for (guint i = 0; i < lines->len; i++) {
    const double value = mean_of (g_ptr_array_index (lines, i), name);

    if (isnan (value))
      continue;
    best = isnan (best) || (value > best) == more_is_better (name) ? value : best;
    worst = isnan (worst) || (value < worst) == more_is_better (name) ? value : worst;
  }
  return best == worst ? NAN : best;
}

/* ---- Differences ---- */

static const KmlResult *
find_seed (const GPtrArray *line, guint64 seed)
{
  for (guint i = 0; i < line->len; i++) {
    const KmlResult *run = g_ptr_array_index (line, i);

    if (run->seed == seed)
      return run;
  }
  return NULL;
}

/* In percent of the first line's value where that is not 0. */
static void
find_change (const GPtrArray *first, const GPtrArray *line, const char *name,
             KmlComparedMetric *metric)
{
  g_autoptr (GArray) differences = g_array_new (FALSE, FALSE, sizeof (double));
  double base = 0, mean, margin;

  metric->is_same = TRUE;
  for (guint i = 0; i < line->len; i++) {
    const KmlResult *run = g_ptr_array_index (line, i);
    const KmlResult *other = find_seed (first, run->seed);
    const double value = kml_result_look_up (name, (gpointer)run);
    const double before = other != NULL ? kml_result_look_up (name, (gpointer)other) : NAN;
    const double difference = value - before;

    if (isnan (difference))
      continue;
    g_array_append_val (differences, difference);
    base += before;
    metric->is_same = metric->is_same && difference == 0;
  }
  metric->is_same = metric->is_same && differences->len > 0;
  find_mean (differences, &mean, &margin);
  metric->needed = margin >= fabs (mean) && !metric->is_same
                       ? kml_values_needed (mean, margin, differences->len, CONFIDENCE)
                       : 0;
  base = fabs (base / differences->len);
  metric->change = metric->is_same ? 0 : base > 0 ? 100 * mean / base : NAN;
  metric->change_margin = base > 0 ? 100 * margin / base : NAN;
}

KmlComparedMetric
kml_comparison_metric (const GPtrArray *lines, guint line, const char *name)
{
  const GPtrArray *runs = g_ptr_array_index (lines, line);
  g_autoptr (GArray) values = collect_values (runs, name);
  KmlComparedMetric metric = { .unit = "" };

  find_mean (values, &metric.value, &metric.margin);
  find_change (g_ptr_array_index (lines, 0), runs, name, &metric);
  metric.is_best = metric.value == find_best (lines, name);
  for (guint i = 0; i < runs->len; i++) {
    const KmlResultMetric *stored = kml_result_metric (g_ptr_array_index (runs, i), name);

    if (stored != NULL)
      metric.unit = stored->unit;
  }
  return metric;
}
