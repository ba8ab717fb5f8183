/* run-bins.c: sets of bins that depend on what a run reads.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * `optimal:K` is worked out before the object allocator starts, from a pass over the workloads' sizes that disturbs no stream; a set in a
 * file (mine.bins) is read then. The allocator gets a plain list of sizes.
 */

#include "scenarios/loading/bin-file.h"
#include "scenarios/running/run-private.h"

static int
compare_size_counts (gconstpointer a, gconstpointer b)
{
  const KmlSizeCount *left = a, *right = b;

  return left->size < right->size ? -1 : left->size > right->size;
}

/* Every size that the workloads will ask objects for, ascending, each once. (transfer full) */
static GArray *
collect_sizes (KmlRun *self, GError **error)
{
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  guint n = 0;

  for (guint i = 0; i < self->workloads->len; i++) {
    KmlWorkload *workload = g_ptr_array_index (self->workloads, i);

    if (workload->ops->sizes != NULL && !workload->ops->sizes (workload, counts, error))
      return NULL;
  }
  g_array_sort (counts, compare_size_counts);
  for (guint i = 0; i < counts->len; i++) {
    KmlSizeCount *all = (KmlSizeCount *)counts->data;

    if (n > 0 && all[n - 1].size == all[i].size)
      all[n - 1].count += all[i].count;
    else
      all[n++] = all[i];
  }
  g_array_set_size (counts, n);
  return g_steal_pointer (&counts);
}

/* The set that @text means for these workloads: `optimal:K`, or one in a file. */
static gboolean
resolve_set (KmlRun *self, const char *text, guint64 quantum, KmlBins *ret_bins, GError **error)
{
  g_autoptr (GArray) counts = NULL;
  KmlBinSet set;

  if (kml_bins_is_file (text)) {
    g_autofree char *path = kml_scenario_locate (self->scenario, text);

    if (!kml_bin_file_load (path, &set, error))
      return FALSE;
    kml_bins_from_sizes (set.bins.sizes, set.bins.n, quantum, ret_bins);
    kml_bin_set_clear (&set);
    return TRUE;
  }
  counts = collect_sizes (self, error);
  return counts != NULL && kml_bins_parse (text, quantum, (const KmlSizeCount *)counts->data,
                                           counts->len, ret_bins, error);
}

gboolean
kml_run_resolve_bins (KmlRun *self, KmlAllocator *objects, GError **error)
{
  const KmlParam *bins_param = kml_param_find (objects->ops->params, "bins");
  const KmlParam *quantum_param = kml_param_find (objects->ops->params, "quantum");
  const char *text = kml_run_spec_get (self->spec, "objects.bins");
  g_autofree char *list = NULL;
  KmlBins bins;

  if (bins_param == NULL || text == NULL ||
      (!kml_bins_needs_sizes (text) && !kml_bins_is_file (text)))
    return TRUE;
  g_assert (quantum_param != NULL); /* who has bins that can be computed has a quantum */
  if (!resolve_set (self, text, G_STRUCT_MEMBER (guint64, objects, quantum_param->offset), &bins,
                    error)) {
    kml_blame (error, "objects.bins");
    return FALSE;
  }
  list = kml_bins_format (&bins);
  kml_bins_clear (&bins);
  return kml_param_parse (bins_param, list, objects, error);
}
