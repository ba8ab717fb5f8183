/* run-caches.c: what the caches of a run have to tell.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/running/run-caches.h"

static void
add_account (GArray *metrics, const KmlCacheCounts *counts, guint account)
{
  const char *name = kml_cache_account_names[account];
  guint64 n = 0;

  for (guint i = 0; i < KML_N_SERVED; i++) {
    n += counts->served[account][i];
    kml_metrics_add (metrics, "references", (double)counts->served[account][i], "cache.%s.%s", name,
                     kml_served_info[i].key);
  }
  kml_metrics_add (metrics, "references", (double)n, "cache.%s.references", name);
  kml_metrics_add (metrics, "ratio",
                   n == 0 ? 0 : 1 - (double)counts->served[account][KML_SERVED_L1] / (double)n,
                   "cache.%s.miss_ratio", name);
  kml_metrics_add (metrics, "ns", (double)counts->stalled[account] / KML_NS, "cache.%s.stall_ns",
                   name);
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
  kml_metrics_add (metrics, "ns",
                   n_operations == 0 ? 0
                                     : (double)counts->stalled[KML_ACCOUNT_METADATA] / KML_NS /
                                           (double)n_operations,
                   "cache.operation.stall_ns");
  if (latency > 0)
    kml_metrics_add (metrics, "ratio", (double)counts->stalled[KML_ACCOUNT_METADATA] / latency,
                     "cache.operation.share");
  kml_metrics_add (metrics, "lines", (double)counts->n_invalidated, "cache.invalidations");
  kml_metrics_add (metrics, "lines", (double)counts->n_evicted, "cache.back_invalidations");
  kml_metrics_add (metrics, "lines", (double)counts->n_device, "cache.device_lines");
}
