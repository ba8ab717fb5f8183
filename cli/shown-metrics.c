/* shown-metrics.c: which metrics a table of runs shows.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever wrote an [expect] has said what a scenario is about: that comes first. Of runs that asked for no memory, times say more than what became of it.
 */

#include "cli/shown-metrics.h"

#include "cli/output.h"
#include "cli/results.h"

#define MAX_EXPECTED 6
#define MAX_SHOWN    7 /* with the usual ones, where something is expected */

static void
add_once (GPtrArray *metrics, const char *name, guint most)
{
  if (metrics->len < most && !g_ptr_array_find_with_equal_func (metrics, name, g_str_equal, NULL))
    g_ptr_array_add (metrics, g_strdup (name));
}

static double
value_of (const KmlResult *result, const char *name)
{
  const KmlResultMetric *metric = kml_result_metric (result, name);

  return metric != NULL ? metric->value : 0;
}

/* None of the runs asked for memory, and each has what tasks did. */
static gboolean
are_about_time (const GPtrArray *results)
{
  for (guint i = 0; i < results->len; i++) {
    const KmlResult *result = g_ptr_array_index (results, i);

    if (kml_result_metric (result, kml_time_metrics[1]) == NULL ||
        value_of (result, "alloc.count") + value_of (result, "alloc.failed") > 0)
      return FALSE;
  }
  return results->len > 0;
}

GStrv
kml_shown_metrics (const char *option, const KmlScenario *scenario, const GPtrArray *results)
{
  const char *const *usual = are_about_time (results) ? kml_time_metrics : kml_main_metrics;
  const GPtrArray *expectations = kml_scenario_expectations (scenario);
  g_auto (GStrv) asked = g_strsplit (option != NULL ? option : "", ",", -1);
  GPtrArray *metrics = g_ptr_array_new ();
  guint most = G_MAXUINT;

  for (guint i = 0; asked[i] != NULL; i++)
    add_once (metrics, g_strstrip (asked[i]), G_MAXUINT);
  if (option == NULL) {
    for (guint i = 0; i < expectations->len; i++)
      add_once (metrics, ((const KmlExpectation *)g_ptr_array_index (expectations, i))->metric,
                MAX_EXPECTED);
    most = metrics->len > 0 ? MAX_SHOWN : G_MAXUINT;
    for (guint i = 0; usual[i] != NULL; i++)
      add_once (metrics, usual[i], most);
  }
  g_ptr_array_add (metrics, NULL);
  return (GStrv)g_ptr_array_free (metrics, FALSE);
}

gboolean
kml_shown_metrics_are_known (const char *option, const char *command)
{
  g_auto (GStrv) asked = g_strsplit (option != NULL ? option : "", ",", -1);

  for (guint i = 0; asked[i] != NULL; i++) {
    g_autofree char *problem = kml_describe_unknown_metric (g_strstrip (asked[i]));

    if (problem != NULL) {
      kml_usage_error (command, "--metrics: %s", problem);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
any_has (const GPtrArray *results, const char *name)
{
  for (guint i = 0; i < results->len; i++)
    if (kml_result_metric (g_ptr_array_index (results, i), name) != NULL)
      return TRUE;
  return FALSE;
}

gboolean
kml_shown_metrics_check (const char *const *metrics, const GPtrArray *results, const char *command)
{
  const KmlResult *first = results->len > 0 ? g_ptr_array_index (results, 0) : NULL;
  g_autofree const char **names = NULL;

  if (first == NULL)
    return TRUE;
  names = g_new0 (const char *, first->metrics->len + 1);
  for (guint i = 0; i < first->metrics->len; i++)
    names[i] = g_array_index (first->metrics, KmlResultMetric, i).name;
  for (guint i = 0; metrics[i] != NULL; i++)
    if (!any_has (results, metrics[i])) {
      g_autofree char *message = kml_unknown_name ("metric", metrics[i], names);

      kml_usage_error (command, "--metrics: %s", message);
      return FALSE;
    }
  return TRUE;
}
