/* run-metrics.c: every scalar result of a run: what the recorder has, and what allocators, layers, workloads, tasks and caches have
 * counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/running/run-caches.h"
#include "scenarios/running/run-private.h"

/* @before: (nullable): what counters had counted when the run began; 0 of a maximum. */
static void
add_counters (GArray *metrics, const char *prefix, const KmlCounterInfo *infos,
              const guint64 *counters, const guint64 *before)
{
  for (guint i = 0; infos != NULL && infos[i].name != NULL; i++) {
    const KmlMetric metric = {
      .name = g_strconcat (prefix, ".", infos[i].name, NULL),
      .unit = infos[i].unit,
      .value = (double)(counters[i] - (before != NULL ? before[i] : 0)),
      .is_maximum = infos[i].is_maximum,
    };

    g_array_append_val (metrics, metric);
  }
}

/* From what the counters have counted since the end of the warm-up: a maximum has no difference. */
static void
add_figures (GArray *metrics, const KmlAllocator *allocator, const guint64 *before)
{
  const KmlCounterInfo *infos = allocator->ops->counters;
  guint64 counted[KML_MAX_COUNTERS] = { 0 };

  for (guint i = 0; infos != NULL && infos[i].name != NULL; i++)
    counted[i] = allocator->counters[i] - (infos[i].is_maximum ? 0 : before[i]);
  for (const KmlFigureInfo *figure = allocator->ops->figures;
       figure != NULL && figure->name != NULL; figure++) {
    const KmlMetric metric = {
      .name = g_strconcat (allocator->ops->name, ".", figure->name, NULL),
      .unit = figure->unit,
      .value = figure->value (counted),
    };

    g_array_append_val (metrics, metric);
  }
}

static void
add_layers (GArray *metrics, const GPtrArray *layers)
{
  for (guint i = 0; i < layers->len; i++) {
    const KmlAllocator *layer = g_ptr_array_index (layers, i);

    add_counters (metrics, layer->ops->name, layer->ops->counters, layer->counters, NULL);
  }
}

static void
add_old_frames (GArray *metrics, const KmlOldFrames *old)
{
  kml_metrics_add (metrics, "frames", (double)old->n_at_first, "start.in_use");
  kml_metrics_add (metrics, "frames", (double)old->n_given_back, "start.given_back");
  kml_metrics_add (metrics, "frames", (double)old->n_listed, "start.on_lists");
  kml_metrics_add (metrics, "pages", (double)old->n_moved, "start.moved");
  kml_metrics_add (metrics, "pages", (double)old->n_moved_back, "start.moved_back");
  kml_metrics_add (metrics, "frames", (double)old->n_unknown, "start.unknown");
}

/* Several workloads of one kind are one metric: their sum, or the largest. Sorted, so equal names are neighbours. */
static void
join_equal_names (GArray *metrics)
{
  guint n = 0;

  for (guint i = 0; i < metrics->len; i++) {
    KmlMetric *all = (KmlMetric *)metrics->data;

    if (n > 0 && g_str_equal (all[n - 1].name, all[i].name)) {
      all[n - 1].value = all[i].is_maximum ? MAX (all[n - 1].value, all[i].value)
                                           : all[n - 1].value + all[i].value;
      kml_metric_clear (&all[i]);
    } else if (n != i) {
      all[n++] = all[i];
      all[i].name = NULL;
    } else {
      n++;
    }
  }
  g_array_set_size (metrics, n);
}

GArray *
kml_run_metrics (const KmlRun *self)
{
  GArray *metrics = kml_recorder_metrics (self->recorder);

  add_counters (metrics, self->pages->ops->name, self->pages->ops->counters, self->pages->counters,
                self->counted_before);
  add_counters (metrics, self->objects->ops->name, self->objects->ops->counters,
                self->objects->counters, NULL);
  add_layers (metrics, self->page_layers);
  add_layers (metrics, self->object_layers);
  add_figures (metrics, self->pages, self->recorder->counted_before[0]);
  add_figures (metrics, self->objects, self->recorder->counted_before[1]);
  for (guint i = 0; i < self->workloads->len; i++) {
    const KmlWorkload *workload = g_ptr_array_index (self->workloads, i);

    add_counters (metrics, workload->ops->name, workload->ops->counters, workload->counters, NULL);
  }
  if (self->old != NULL)
    add_old_frames (metrics, self->old);
  if (self->tasks != NULL)
    kml_run_tasks_metrics (self->tasks, metrics);
  if (self->machine->caches != NULL)
    kml_run_caches_metrics (self->machine->caches, self->recorder, metrics);
  kml_metrics_sort (metrics);
  join_equal_names (metrics);
  return metrics;
}
