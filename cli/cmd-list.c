/* cmd-list.c: kmemlab list: what there is, with every parameter, default and unit.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything is read off the tables that check a scenario, so it cannot be
 * out of date.
 */

#include "cli/json.h"
#include "cli/keys.h"
#include "cli/output.h"
#include "cli/table.h"
#include "scenarios/loading/scenario.h"
#include "simcore/objects/bin-set.h"
#include "simcore/device.h"
#include "simcore/base/units.h"
#include "simcore/workload.h"
#include "workloads/programs/program.h"
#include "workloads/traces/trace.h"

static struct {
  gboolean json, markdown;
} options;

/* ---- Parameters ---- */

static void
add_param_columns (KmlTable *table)
{
  kml_table_add_column (table, "key", KML_ALIGN_LEFT);
  kml_table_add_column (table, "type", KML_ALIGN_LEFT);
  kml_table_add_column (table, "default", KML_ALIGN_LEFT);
  kml_table_add_column (table, "what it is", KML_ALIGN_LEFT);
}

static void
add_param_row (KmlTable *table, const char *key, const KmlParam *param, const char *condition)
{
  const char *value = param->value == NULL ? "(compulsory)" : param->value;

  kml_table_add_cell (table, g_strdup (key));
  kml_table_add_cell (table, kml_key_describe_type (param));
  kml_table_add_cell (table, g_strdup (value));
  kml_table_add_cell (table, condition != NULL
                                 ? g_strdup_printf ("(%s) %s", condition, param->summary)
                                 : g_strdup (param->summary));
}

static void
print_params (const char *indent, const KmlParam *params)
{
  g_autoptr (KmlTable) table = kml_table_new ();

  if (params == NULL || params->name == NULL)
    return;
  add_param_columns (table);
  for (; params->name != NULL; params++) {
    g_autofree char *name = g_strconcat (indent, params->name, NULL);

    add_param_row (table, name, params, NULL);
  }
  kml_table_print (table);
}

static void
add_param_json (JsonBuilder *builder, const char *key, const KmlParam *param)
{
  g_autofree char *type = kml_param_describe_type (param);
  g_autofree char *range = kml_key_describe_range (param);

  kml_json_text (builder, "key", key);
  kml_json_text (builder, "type", type);
  kml_json_text (builder, "range", range[0] != '\0' ? range : NULL);
  kml_json_text (builder, "default", param->value);
  kml_json_text (builder, "summary", param->summary);
}

static void
add_params_json (JsonBuilder *builder, const KmlParam *params)
{
  kml_json_begin_array (builder, "params");
  for (; params != NULL && params->name != NULL; params++) {
    kml_json_begin_object (builder, NULL);
    add_param_json (builder, params->name, params);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

/* ---- Plug-ins ---- */

static void
print_counters (const KmlCounterInfo *counters)
{
  for (; counters != NULL && counters->name != NULL; counters++)
    kml_out ("  counts %s (%s): %s\n", counters->name, counters->unit, counters->summary);
}

static void
print_figures (const KmlFigureInfo *figures)
{
  for (; figures != NULL && figures->name != NULL; figures++)
    kml_out ("  from which follows %s (%s): %s\n", figures->name, figures->unit, figures->summary);
}

static void
add_quantity_json (JsonBuilder *builder, const char *name, const char *unit, const char *summary)
{
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "name", name);
  kml_json_text (builder, "unit", unit);
  kml_json_text (builder, "summary", summary);
  json_builder_end_object (builder);
}

static void
show_plugin (JsonBuilder *builder, const char *name, const char *kind, const char *summary,
             const KmlParam *params, const KmlCounterInfo *counters, const KmlFigureInfo *figures)
{
  if (builder == NULL) {
    kml_out ("%s%s%s (%s): %s\n", kml_style_begin (stdout, KML_STYLE_HEADER), name,
             kml_style_end (stdout, KML_STYLE_HEADER), kind, summary);
    print_params ("  ", params);
    print_counters (counters);
    print_figures (figures);
    kml_out ("\n");
    return;
  }
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "name", name);
  kml_json_text (builder, "kind", kind);
  kml_json_text (builder, "summary", summary);
  add_params_json (builder, params);
  kml_json_begin_array (builder, "counters");
  for (; counters != NULL && counters->name != NULL; counters++)
    add_quantity_json (builder, counters->name, counters->unit, counters->summary);
  json_builder_end_array (builder);
  kml_json_begin_array (builder, "figures");
  for (; figures != NULL && figures->name != NULL; figures++)
    add_quantity_json (builder, figures->name, figures->unit, figures->summary);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
list_allocators (JsonBuilder *builder)
{
  static const char *const levels[] = { "pages", "objects", "layer" };
  guint n;
  const KmlAllocatorOps *const *all = kml_allocator_list (&n);

  for (guint i = 0; i < n; i++)
    show_plugin (builder, all[i]->name, levels[all[i]->level], all[i]->summary, all[i]->params,
                 all[i]->counters, all[i]->figures);
}

static void
list_workloads (JsonBuilder *builder)
{
  guint n;
  const KmlWorkloadOps *const *all = kml_workload_list (&n);

  for (guint i = 0; i < n; i++)
    show_plugin (builder, all[i]->name, "workload", all[i]->summary, all[i]->params,
                 all[i]->counters, NULL);
}

static void
add_bin_set_row (KmlTable *table, const KmlBinSet *set)
{
  kml_table_add_cell (table, g_strdup (set->name));
  kml_table_add_cell (table, g_strdup_printf ("%u", set->bins.n));
  kml_table_add_cell (table, kml_format_size (set->bins.sizes[0]));
  kml_table_add_cell (table, kml_format_size (set->bins.sizes[set->bins.n - 1]));
  kml_table_add_cell (table, g_strdup_printf ("%s; %s", set->title, set->source));
}

static void
add_bin_set_json (JsonBuilder *builder, const KmlBinSet *set)
{
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "name", set->name);
  kml_json_text (builder, "title", set->title);
  kml_json_text (builder, "source", set->source);
  kml_json_begin_array (builder, "sizes");
  for (guint i = 0; i < set->bins.n; i++)
    json_builder_add_int_value (builder, (gint64)set->bins.sizes[i]);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
list_bins (JsonBuilder *builder)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  const char *const *names = kml_bin_set_names ();

  kml_table_add_column (table, "name", KML_ALIGN_LEFT);
  kml_table_add_column (table, "bins", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "from", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "to", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "what it is, and where the numbers are from", KML_ALIGN_LEFT);
  for (guint i = 0; names[i] != NULL; i++)
    if (builder != NULL)
      add_bin_set_json (builder, kml_bin_set_find (names[i]));
    else
      add_bin_set_row (table, kml_bin_set_find (names[i]));
  if (builder == NULL) {
    kml_table_print (table);
    kml_out (
        "\nBesides these: pow2, geometric:M (M steps to each doubling), optimal:K (the K that "
        "waste "
        "least for the workload while each of its requests fits one; kmemlab bins may leave large "
        "requests to the page level), FILE.bins, and lists such as 8,24,40,64.\n");
  }
}

static void
list_traces (JsonBuilder *builder)
{
  g_autoptr (GArray) forms = kml_trace_forms ();
  g_autoptr (KmlTable) table = kml_table_new ();

  kml_table_add_column (table, "form", KML_ALIGN_LEFT);
  kml_table_add_column (table, "what it is", KML_ALIGN_LEFT);
  for (guint i = 0; i < forms->len; i++) {
    const KmlTraceForm *form = &g_array_index (forms, KmlTraceForm, i);

    if (builder == NULL) {
      kml_table_add_cell (table, g_strdup (form->name));
      kml_table_add_cell (table, g_strdup (form->summary));
      continue;
    }
    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "name", form->name);
    kml_json_text (builder, "summary", form->summary);
    json_builder_end_object (builder);
  }
  if (builder == NULL)
    kml_table_print (table);
}

/* The interface is there before the first device is: whoever asks gets an answer. */
static void
list_devices (JsonBuilder *builder)
{
  guint n;
  const KmlDeviceOps *const *all = kml_device_list (&n);

  for (guint i = 0; i < n; i++)
    show_plugin (builder, all[i]->name, all[i]->disk != NULL ? "disk" : "device", all[i]->summary,
                 all[i]->params, all[i]->counters, all[i]->figures);
}

/* What a name stands for, one a line. */
static void
show_described (JsonBuilder *builder, char **names, char *(*describe) (const char *name))
{
  for (guint i = 0; names[i] != NULL; i++) {
    g_autofree char *text = describe (names[i]);

    if (builder == NULL) {
      kml_out ("%s%s%s: %s\n", kml_style_begin (stdout, KML_STYLE_HEADER), names[i],
               kml_style_end (stdout, KML_STYLE_HEADER), text);
      continue;
    }
    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "name", names[i]);
    kml_json_text (builder, "summary", text);
    json_builder_end_object (builder);
  }
}

static void
list_profiles (JsonBuilder *builder)
{
  g_auto (GStrv) names = kml_profile_list ();

  show_described (builder, names, kml_profile_describe);
  if (builder == NULL) {
    kml_out ("\nWhat a profile gives a time to:\n");
    for (guint i = 0; i < KML_N_COSTS; i++)
      kml_out ("  %-12s %s\n", kml_cost_items[i].key, kml_cost_items[i].summary);
  }
}

static void
list_caches (JsonBuilder *builder)
{
  g_auto (GStrv) names = kml_cache_model_list ();

  show_described (builder, names, kml_cache_model_describe);
  if (builder == NULL) {
    kml_out ("\nWhat a cache model gives a time to:\n");
    for (guint i = 0; i < KML_N_SERVED; i++)
      kml_out ("  %-12s %s\n", kml_served_info[i].key, kml_served_info[i].summary);
  }
}

/* ---- Metrics ---- */

static void
add_metric (JsonBuilder *builder, KmlTable *table, char *name, const char *unit,
            const char *formula)
{
  if (builder == NULL) {
    kml_table_add_cell (table, g_strdup (name));
    kml_table_add_cell (table, g_strdup (unit));
    kml_table_add_cell (table, g_strdup (formula));
  } else {
    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "name", name);
    kml_json_text (builder, "unit", unit);
    kml_json_text (builder, "formula", formula);
    json_builder_end_object (builder);
  }
  g_free (name);
}

static void
add_counters (JsonBuilder *builder, KmlTable *table, const char *plugin,
              const KmlCounterInfo *counters)
{
  for (; counters != NULL && counters->name != NULL; counters++)
    add_metric (builder, table, g_strjoin (".", plugin, counters->name, NULL), counters->unit,
                counters->summary);
}

static void
add_figures (JsonBuilder *builder, KmlTable *table, const char *plugin,
             const KmlFigureInfo *figures)
{
  for (; figures != NULL && figures->name != NULL; figures++)
    add_metric (builder, table, g_strjoin (".", plugin, figures->name, NULL), figures->unit,
                figures->summary);
}

static void
list_metrics (JsonBuilder *builder)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  const KmlAllocatorOps *const *allocators;
  const KmlDeviceOps *const *devices;
  const KmlWorkloadOps *const *workloads;
  guint n;

  kml_table_add_column (table, "name", KML_ALIGN_LEFT);
  kml_table_add_column (table, "unit", KML_ALIGN_LEFT);
  kml_table_add_column (table, "formula", KML_ALIGN_LEFT);
  for (const KmlMetricInfo *info = kml_recorder_metric_info; info->name != NULL; info++)
    add_metric (builder, table, g_strdup (info->name), info->unit, info->formula);
  allocators = kml_allocator_list (&n);
  for (guint i = 0; i < n; i++) {
    add_counters (builder, table, allocators[i]->name, allocators[i]->counters);
    add_figures (builder, table, allocators[i]->name, allocators[i]->figures);
  }
  devices = kml_device_list (&n);
  for (guint i = 0; i < n; i++) {
    add_counters (builder, table, devices[i]->name, devices[i]->counters);
    add_figures (builder, table, devices[i]->name, devices[i]->figures);
  }
  add_metric (builder, table, g_strdup ("device.NAME.{read,latency_mean,…}"), "",
              "the same of [device NAME] alone; the metrics above that begin with a kind are sums "
              "over all devices of the kind, and means and shares are there where it has one");
  workloads = kml_workload_list (&n);
  for (guint i = 0; i < n; i++)
    add_counters (builder, table, workloads[i]->name, workloads[i]->counters);
  if (builder == NULL)
    kml_table_print (table);
}

/* ---- Keys ---- */

static void
list_keys (JsonBuilder *builder)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  g_autoptr (GArray) keys = kml_keys_new ();

  add_param_columns (table);
  for (guint i = 0; i < keys->len; i++) {
    const KmlKey *key = &g_array_index (keys, KmlKey, i);

    if (builder == NULL) {
      add_param_row (table, key->key, key->param, key->condition);
      continue;
    }
    kml_json_begin_object (builder, NULL);
    add_param_json (builder, key->key, key->param);
    kml_json_text (builder, "condition", key->condition);
    json_builder_end_object (builder);
  }
  if (builder == NULL)
    kml_table_print (table);
}

/* A cell of a Markdown table. */
static void
print_cell (const char *text, gboolean is_code)
{
  g_auto (GStrv) parts = g_strsplit (text, "|", -1);
  g_autofree char *escaped = g_strjoinv ("\\|", parts);
  const char *quote = is_code && text[0] != '\0' ? "`" : "";

  kml_out (" %s%s%s |", quote, escaped, quote);
}

static void
print_group_heading (const KmlGroupInfo *group)
{
  g_autofree char *title = kml_key_group_title (group);
  g_autofree char *summary = kml_key_sentence (group->summary);
  g_autoptr (GArray) plugins = group->plugins != NULL ? group->plugins () : NULL;

  kml_out ("\n## %s\n\n%s\n", title, summary);
  if (plugins != NULL && plugins->len > 0)
    kml_out ("\n");
  for (guint i = 0; plugins != NULL && i < plugins->len; i++) {
    const KmlPlugin *plugin = &g_array_index (plugins, KmlPlugin, i);

    kml_out ("- `%s = %s`: %s\n", group->chooser, plugin->name, plugin->summary);
  }
}

/* The heading and the beginning of the table of @key, the first of its group or plug-in. */
static void
print_key_heading (const KmlKey *key, gboolean is_new_group)
{
  if (is_new_group)
    print_group_heading (key->group);
  if (key->condition != NULL)
    kml_out ("\n### %s\n", key->condition);
  kml_out ("\n| key | type | default | what it is |\n| --- | --- | --- | --- |\n");
}

/* docs/parameters.md */
static void
print_keys_markdown (void)
{
  g_autoptr (GArray) keys = kml_keys_new ();

  kml_out (
      "# Parameters\n\n"
      "Everything that a scenario can set, group by group, and what an allocator or a kind of "
      "workload adds to its group.\n"
      "This page is what `kmemlab list keys --markdown` prints; `man kmemlab-scenario` says how "
      "a scenario is written.\n");
  for (guint i = 0; i < keys->len; i++) {
    const KmlKey *key = &g_array_index (keys, KmlKey, i);
    const gboolean is_new_group = i == 0 || key->group != key[-1].group;
    g_autofree char *type = kml_key_describe_type (key->param);
    const char *value = key->param->value;

    if (is_new_group || g_strcmp0 (key->condition, key[-1].condition) != 0)
      print_key_heading (key, is_new_group);
    kml_out ("|");
    print_cell (key->param->name, TRUE);
    print_cell (type, FALSE);
    print_cell (value != NULL ? value : "(compulsory)", value != NULL);
    print_cell (key->param->summary, FALSE);
    kml_out ("\n");
  }
}

/* ---- Steps of programs ---- */

static void
list_steps (JsonBuilder *builder)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  guint n;
  const KmlStepForm *forms = kml_program_step_forms (&n);

  kml_table_add_column (table, "step", KML_ALIGN_LEFT);
  kml_table_add_column (table, "what it does", KML_ALIGN_LEFT);
  for (guint i = 0; i < n; i++) {
    if (builder == NULL) {
      kml_table_add_cell (table, g_strdup (forms[i].shape));
      kml_table_add_cell (table, g_strdup (forms[i].summary));
      continue;
    }
    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "name", forms[i].name);
    kml_json_text (builder, "shape", forms[i].shape);
    kml_json_text (builder, "summary", forms[i].summary);
    json_builder_end_object (builder);
  }
  if (builder == NULL)
    kml_table_print (table);
}

/* ---- The command ---- */

static const struct {
  const char *name;
  void (*list) (JsonBuilder *builder); /* NULL: for people */
  const char *next;
} topics[] = {
  { "allocators", list_allocators, "list keys" },
  { "bins", list_bins, "run SCENARIO -s objects.bins=NAME" },
  { "caches", list_caches, "run SCENARIO -s machine.cache-model=NAME" },
  { "devices", list_devices, "list keys" },
  { "keys", list_keys, "run SCENARIO -s KEY=VALUE" },
  { "metrics", list_metrics, "compare SCENARIO --vary KEY=A,B --metrics NAME" },
  { "profiles", list_profiles, "run SCENARIO -s machine.profile=NAME" },
  { "steps", list_steps, "run SCENARIO -s task.NAME.program=STEPS" },
  { "traces", list_traces, "trace info FILE" },
  { "workloads", list_workloads, "list keys" },
};

static const char *const topic_names[] = { "allocators", "bins",      "caches",   "devices",
                                           "keys",       "metrics",   "profiles", "steps",
                                           "traces",     "workloads", NULL };

static char **
list_words (guint number)
{
  return number == 0 ? g_strdupv ((char **)topic_names) : NULL;
}

static int
run (char **arguments)
{
  g_autofree char *message = NULL;

  if (options.markdown) {
    if (!g_str_equal (arguments[0], "keys") || options.json)
      return kml_usage_error ("list", "--markdown: expected list keys --markdown");
    print_keys_markdown ();
    return KML_EXIT_DONE;
  }
  for (guint i = 0; i < G_N_ELEMENTS (topics); i++) {
    JsonBuilder *builder;

    if (!g_str_equal (topics[i].name, arguments[0]))
      continue;
    if (!options.json) {
      topics[i].list (NULL);
      kml_note ("Next: kmemlab %s", topics[i].next);
      return KML_EXIT_DONE;
    }
    builder = kml_json_new ("list/1");
    kml_json_begin_array (builder, topics[i].name);
    topics[i].list (builder);
    json_builder_end_array (builder);
    kml_json_print (builder);
    return KML_EXIT_DONE;
  }
  message = kml_unknown_name ("list of", arguments[0], topic_names);
  return kml_usage_error ("list", "%s", message);
}

static const GOptionEntry entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "markdown", 0, 0, G_OPTION_ARG_NONE, &options.markdown,
    "keys: print a page of Markdown, docs/parameters.md", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "list",
  .summary = "Say what there is: allocators, bins, workloads, devices, profiles, caches, metrics, "
             "keys, steps, traces",
  .usage = "allocators | bins | caches | workloads | devices | profiles | metrics | keys | steps | "
           "traces [--json]",
  .examples = { "list allocators", "list keys" },
  .options = entries,
  .words = list_words,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
