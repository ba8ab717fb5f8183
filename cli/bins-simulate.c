/* bins-simulate.c: the workload under every set of a study.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An ordinary experiment: a run for each different set, in worker processes. Sets that mean the same share a run.
 */

#include "cli/bins.h"
#include "cli/output.h"
#include "simcore/objects/bin-set.h"

/* How the simulation calls a set: by its name, when that says enough. */
static char *
simulated_text (const KmlBinStudySet *set)
{
  if (g_str_equal (set->name, "pow2") || g_str_has_prefix (set->name, "geometric:") ||
      kml_bin_set_find (set->name) != NULL)
    return g_strdup (set->name);
  return kml_bins_format (&set->bins);
}

/* Sets @set's run_id to the run of its text. */
static void
take_runs (KmlBinStudy *study, char *const *texts, const GPtrArray *results)
{
  for (guint i = 0; i < results->len; i++) {
    const KmlResult *result = g_ptr_array_index (results, i);

    for (guint j = 0; j < study->sets->len && g_str_equal (result->status, "done"); j++)
      if (g_strcmp0 (kml_result_setting (result, "objects.bins"), texts[j]) == 0)
        ((KmlBinStudySet *)g_ptr_array_index (study->sets, j))->run_id = result->run_id;
  }
}

/* The texts of @texts, each once. (transfer container) */
static GPtrArray *
distinct (char *const *texts)
{
  GPtrArray *once = g_ptr_array_new ();

  for (; *texts != NULL; texts++)
    if (!g_ptr_array_find_with_equal_func (once, *texts, g_str_equal, NULL))
      g_ptr_array_add (once, *texts);
  g_ptr_array_add (once, NULL);
  return once;
}

/* "1234ns": the share of the time that the workloads take. NULL: all of it. */
static char *
until_of (const KmlBinSubject *subject, double share)
{
  const double end_ns = (double)kml_demand_totals (subject->demand)->end / KML_NS;

  return share < 1 ? g_strdup_printf ("%.0fns", MAX (end_ns * share, 1)) : NULL;
}

int
kml_bin_study_simulate (KmlBinStudy *study, const KmlBinSubject *subject, double share,
                        const KmlRunOptions *run_options)
{
  g_auto (GStrv) texts = g_new0 (char *, study->sets->len + 1);
  g_autofree char *until = until_of (subject, share);
  g_autoptr (KmlExperiment) experiment = NULL;
  g_autoptr (GPtrArray) once = NULL, results = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  for (guint i = 0; i < study->sets->len; i++)
    texts[i] = simulated_text (g_ptr_array_index (study->sets, i));
  once = distinct (texts);
  experiment = kml_bin_subject_experiment (subject, (const char *const *)once->pdata, until,
                                           run_options, &status);
  if (experiment == NULL)
    return status;
  status = kml_experiment_run (experiment);
  if (status == KML_EXIT_FOUND)
    status = KML_EXIT_DONE; /* what the scenario expects, it expects of its own bins */
  results = kml_experiment_results (experiment, &error);
  if (results == NULL)
    return kml_worse_exit (status, kml_fail (error));
  take_runs (study, texts, results);
  if (!run_options->quiet)
    kml_experiment_print_summary (experiment);
  return status;
}
