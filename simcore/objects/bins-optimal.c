/* bins-optimal.c: the K bins that waste least for given requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Requests of n distinct sizes, rounded up to the quantum: v[1] < … < v[n]. Only these sizes can be
 * bins of an optimal set (a bin between two of them could shrink to the lower one), and v[n] must
 * be one. A bin v[j] whose next smaller bin is v[i] holds the sizes i+1 … j, so the bytes given are v[j]
 * for each of their requests. The bytes asked for do not depend on the bins: least waste is least
 * given, and the bins are the ends of the cheapest partition at the price v (partition.c). More bins
 * never waste more, so exactly min (K, n) are used.
 *
 * This is `optimal:K` of scenarios. Designs that count the tails of slabs, too, or keep some bins, and
 * what a design is worth, are analysis' business (analysis/bin-design.h).
 */

#include "simcore/objects/bins.h"
#include "simcore/base/partition.h"

/* The distinct rounded sizes and the sums of their requests: v[1 … n], c[0 … n]. Larger requests
 * than any bin go to the page allocator. Returns n. */
static guint
prepare (const KmlSizeCount *counts, guint n_counts, guint64 quantum, guint64 *v, guint64 *c)
{
  guint n = 0;

  c[0] = 0;
  for (guint i = 0; i < n_counts; i++) {
    guint64 rounded;

    g_assert (i == 0 || counts[i].size > counts[i - 1].size);
    if (counts[i].count == 0 || counts[i].size == 0 || counts[i].size > KML_MAX_BIN_SIZE)
      continue;
    rounded = (counts[i].size + quantum - 1) / quantum * quantum;
    if (n == 0 || rounded > v[n]) {
      n++;
      v[n] = rounded;
      c[n] = c[n - 1];
    }
    g_assert (c[n] <= G_MAXUINT64 - counts[i].count);
    c[n] += counts[i].count;
  }
  return n;
}

void
kml_bins_optimal (const KmlSizeCount *counts, guint n_counts, guint k, guint64 quantum,
                  KmlBins *ret_bins)
{
  g_autofree guint64 *v = g_new (guint64, (gsize)n_counts + 1);
  g_autofree guint64 *c = g_new (guint64, (gsize)n_counts + 1);
  g_autofree guint *ends = NULL;
  KmlPartition partition = { .price = v, .requests = c };

  g_assert (quantum > 0);
  g_assert (quantum <= KML_MAX_BIN_SIZE);
  g_assert (k > 0);

  partition.n = prepare (counts, n_counts, quantum, v, c);
  k = MIN (k, partition.n);
  *ret_bins = (KmlBins){ k, g_new (guint64, k) };
  if (k == 0)
    return;
  ends = g_new (guint, k);
  kml_partition_solve (&partition, k, ends);
  for (guint i = 0; i < k; i++)
    ret_bins->sizes[i] = v[ends[i]];
}
