/* experiment-report.c: what `run` and `compare` say of runs that are stored.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is read back from the database, also right after the run: what a table says is what anybody will find there.
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/stories.h"

#include <math.h>

#define MAX_UNMET_LINES 40

GPtrArray *
kml_experiment_results (const KmlExperiment *self, GError **error)
{
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_result_free);
  const GArray *run_ids = self->result.run_ids;
  g_autoptr (KmlDatabase) database = NULL;

  if (run_ids == NULL || run_ids->len == 0)
    return g_steal_pointer (&results);
  database = kml_database_open (self->database, error);
  if (database == NULL)
    return NULL;
  for (guint i = 0; i < run_ids->len; i++) {
    KmlResult *result = kml_result_load (database, g_array_index (run_ids, guint64, i), error);

    if (result == NULL)
      return NULL;
    g_ptr_array_add (results, result);
  }
  return g_steal_pointer (&results);
}

GArray *
kml_experiment_verdicts (const KmlExperiment *self, const KmlResult *result)
{
  const KmlRunSpec spec = { .seed = result->seed,
                            .key = result->run_key,
                            .settings = result->settings };

  return kml_verdicts_new (self->scenario, &spec, kml_result_look_up, (gpointer)result);
}

/* "objects.bins = pow2, machine.cpus = 4" */
static char *
describe_run (const KmlExperiment *self, const KmlResult *result)
{
  const char *const *axes = kml_scenario_axes (self->scenario);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "run %" G_GUINT64_FORMAT, result->run_id);
  for (guint i = 0; axes[i] != NULL; i++) {
    const char *value = kml_result_setting (result, axes[i]);

    if (value != NULL)
      g_string_append_printf (text, ", %s = %s", axes[i], value);
  }
  return g_string_free (text, FALSE);
}

/* "claims/a04.ini:31: frag.internal.mean is 0.2512, expected <= 0.2 (run 3, …)"; what no line says is expected of every run. */
static void
print_unmet (const KmlExperiment *self, const KmlResult *result, const KmlVerdict *verdict)
{
  const KmlExpectation *expectation = verdict->expectation;
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *run = describe_run (self, result);
  g_autofree char *place = NULL;
  g_autofree char *text = NULL;
  g_autofree char *printable = NULL;

  if (isnan (verdict->measured))
    g_strlcpy (number, "not measured", sizeof number);
  else
    g_ascii_formatd (number, sizeof number, "%.6g", verdict->measured);
  place = expectation->line > 0 ? g_strdup_printf ("%s:%u", self->path, expectation->line)
                                : g_strdup (self->path);
  text = g_strdup_printf ("%s: %s is %s, expected %s%s (%s)", place, expectation->metric, number,
                          expectation->text,
                          expectation->line > 0 ? "" : ", as [expect] does not say otherwise", run);
  printable = kml_printable (text);
  kml_note ("%s", printable);
}

void
kml_experiment_print_unmet (const KmlExperiment *self, const GPtrArray *results)
{
  guint64 n = 0;

  for (guint i = 0; i < results->len; i++) {
    const KmlResult *result = g_ptr_array_index (results, i);
    g_autoptr (GArray) verdicts = NULL;

    if (g_strcmp0 (result->status, "done") != 0)
      continue;
    verdicts = kml_experiment_verdicts (self, result);
    for (guint j = 0; j < verdicts->len; j++) {
      const KmlVerdict *verdict = &g_array_index (verdicts, KmlVerdict, j);

      if (!verdict->held && n++ < MAX_UNMET_LINES)
        print_unmet (self, result, verdict);
    }
  }
  if (n > MAX_UNMET_LINES)
    kml_note ("… and %" G_GUINT64_FORMAT " more", n - MAX_UNMET_LINES);
  if (n > 0)
    kml_error ("%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " expectations did not hold",
               self->path, n, self->result.n_expectations);
}

/* Of fewer a rate says nothing. */
#define MANY_OPERATIONS 10000

void
kml_experiment_print_summary (const KmlExperiment *self)
{
  const KmlCampaignResult *result = &self->result;
  const double seconds = (double)result->wall_ns / 1e9;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *database = kml_printable (self->database);

  if (self->options->quiet || result->n_done == 0)
    return; /* what came in the way has been said */
  g_string_append_printf (text, "%" G_GUINT64_FORMAT " run%s", result->n_done,
                          result->n_done == 1 ? "" : "s");
  if (!self->options->thrown_away)
    g_string_append_printf (text, " in %s", database);
  if (result->n_skipped > 0)
    g_string_append_printf (text, " (%" G_GUINT64_FORMAT " were there already)", result->n_skipped);
  if (result->n_operations >= MANY_OPERATIONS)
    g_string_append_printf (text, "; %.2f million operations in %.2f s, %.1f million a second",
                            (double)result->n_operations / 1e6, seconds,
                            (double)result->n_operations / 1e6 / MAX (seconds, 1e-3));
  else if (result->n_operations > 0)
    g_string_append_printf (text, "; %" G_GUINT64_FORMAT " operation%s", result->n_operations,
                            result->n_operations == 1 ? "" : "s");
  if (result->n_expectations > 0)
    g_string_append_printf (text,
                            "; %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " expectations held",
                            result->n_expectations - result->n_unmet, result->n_expectations);
  kml_note ("%s.", text->str);
}

/* ---- JSON ---- */

static void
add_longest (const KmlResult *result, JsonBuilder *builder)
{
  kml_json_begin_array (builder, "longest");
  for (guint i = 0; i < result->longest->len; i++)
    kml_story_longest_json (&g_array_index (result->longest, KmlResultLongest, i), builder);
  json_builder_end_array (builder);
}

static void
add_failures (const KmlResult *result, JsonBuilder *builder)
{
  kml_json_begin_array (builder, "failures");
  for (guint i = 0; i < result->failures->len; i++) {
    const KmlResultReason *reason = &g_array_index (result->failures, KmlResultReason, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "reason", reason->name);
    kml_json_count (builder, "count", reason->n);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_oom_kills (const KmlResult *result, JsonBuilder *builder)
{
  kml_json_begin_array (builder, "oom_kills");
  for (guint i = 0; i < result->oom_kills->len; i++)
    kml_story_kill_json (&g_array_index (result->oom_kills, KmlResultKill, i), builder);
  json_builder_end_array (builder);
}

static void
add_verdicts (const KmlExperiment *self, const KmlResult *result, JsonBuilder *builder)
{
  g_autoptr (GArray) verdicts = kml_experiment_verdicts (self, result);

  kml_json_begin_array (builder, "expectations");
  for (guint i = 0; g_strcmp0 (result->status, "done") == 0 && i < verdicts->len; i++) {
    const KmlVerdict *verdict = &g_array_index (verdicts, KmlVerdict, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "metric", verdict->expectation->metric);
    kml_json_text (builder, "expected", verdict->expectation->text);
    kml_json_number (builder, "measured", verdict->measured);
    kml_json_boolean (builder, "held", verdict->held);
    kml_json_count (builder, "line", verdict->expectation->line);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

void
kml_experiment_add_json (const KmlExperiment *self, const KmlResult *result, JsonBuilder *builder)
{
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "scenario", result->scenario);
  kml_json_text (builder, "database", self->database);
  kml_json_count (builder, "run_id", result->run_id);
  kml_json_count (builder, "seed", result->seed);
  kml_json_text (builder, "status", result->status);
  kml_json_text (builder, "message", result->message);
  kml_json_text (builder, "fingerprint", result->fingerprint);
  kml_json_begin_object (builder, "params");
  for (guint i = 0; i < result->settings->len; i++) {
    const KmlSetting *setting = g_ptr_array_index (result->settings, i);

    kml_json_text (builder, setting->key, setting->value);
  }
  json_builder_end_object (builder);
  kml_json_begin_array (builder, "inputs");
  for (guint i = 0; i < result->inputs->len; i++) {
    const KmlInput *input = g_ptr_array_index (result->inputs, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "key", input->key);
    kml_json_text (builder, "file", input->file);
    kml_json_text (builder, "digest", input->digest);
    kml_json_count (builder, "size_bytes", input->size);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  kml_json_begin_object (builder, "metrics");
  for (guint i = 0; i < result->metrics->len; i++) {
    const KmlResultMetric *metric = &g_array_index (result->metrics, KmlResultMetric, i);

    kml_json_number (builder, metric->name, metric->value);
  }
  json_builder_end_object (builder);
  add_longest (result, builder);
  add_failures (result, builder);
  add_oom_kills (result, builder);
  add_verdicts (self, result, builder);
  json_builder_end_object (builder);
}
