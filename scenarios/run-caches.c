/* run-caches.c: what the caches of a run have to tell.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/run-caches.h"

static void G_GNUC_PRINTF (4, 5)
    add_metric (GArray *metrics, const char *unit, double value, const char *name, ...)
{
  KmlMetric metric = { .unit = unit, .value = value };
  va_list args;

  va_start (args, name);
  metric.name = g_strdup_vprintf (name, args);
  va_end (args);
  g_array_append_val (metrics, metric);
}

static void
add_account (GArray *metrics, const KmlCacheCounts *counts, guint account)
{
  const char *name = kml_cache_account_names[account];
  guint64 n = 0;

  for (guint i = 0; i < KML_N_SERVED; i++) {
    n += counts->served[account][i];
    add_metric (metrics, "references", (double)counts->served[account][i], "cache.%s.%s", name,
                kml_served_info[i].key);
  }
  add_metric (metrics, "references", (double)n, "cache.%s.references", name);
  add_metric (metrics, "ratio",
              n == 0 ? 0 : 1 - (double)counts->served[account][KML_SERVED_L1] / (double)n,
              "cache.%s.miss_ratio", name);
  add_metric (metrics, "ns", (double)counts->stalled[account] / KML_NS, "cache.%s.stall_ns", name);
}

/* Of all operations, in picoseconds; 0: it was not measured, or not of all. */
static double
sum_latencies (const KmlRecorder *recorder)
{
  double sum = 0;

  for (guint i = 0; i < KML_N_OPERATIONS && recorder->config.latency; i++)
    for (guint j = 0; j < KML_N_CONTEXTS; j++)
      sum += kml_histogram_mean (recorder->latency[i][j]) *
             (double)kml_histogram_n (recorder->latency[i][j]);
  return recorder->config.warm_up == 0 ? sum : 0;
}

void
kml_run_caches_metrics (const KmlCaches *caches, const KmlRecorder *recorder, GArray *metrics)
{
  const KmlCacheCounts *counts = kml_caches_counts (caches);
  const double latency = sum_latencies (recorder);
  const guint64 n_operations = recorder->tally.n_alloc + recorder->tally.n_free;

  for (guint i = 0; i < KML_N_ACCOUNTS; i++)
    add_account (metrics, counts, i);
  add_metric (metrics, "ns",
              n_operations == 0
                  ? 0
                  : (double)counts->stalled[KML_ACCOUNT_METADATA] / KML_NS / (double)n_operations,
              "cache.operation.stall_ns");
  if (latency > 0)
    add_metric (metrics, "ratio", (double)counts->stalled[KML_ACCOUNT_METADATA] / latency,
                "cache.operation.share");
  add_metric (metrics, "lines", (double)counts->n_invalidated, "cache.invalidations");
  add_metric (metrics, "lines", (double)counts->n_evicted, "cache.back_invalidations");
  add_metric (metrics, "lines", (double)counts->n_device, "cache.device_lines");
}
