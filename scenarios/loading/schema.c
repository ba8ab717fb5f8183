/* schema.c: what may stand in a scenario file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table of groups. What checks a file, what `kmemlab list keys` prints, the
 * manual's page of parameters and the shell completion are read off it, so a new
 * group is one entry here and its table of parameters. A group that chooses a
 * plug-in (an allocator, a kind of workload) has that plug-in's parameters too.
 *
 * [sweep] and [expect] have keys of their own making: the names of other
 * settings, and metrics.
 */

#include "scenarios/loading/schema.h"

#include <string.h>

#include "scenarios/running/run-tasks.h"
#include "simcore/device.h"
#include "simcore/locks/lock.h"
#include "simcore/machine.h"
#include "simcore/memory/ram.h"
#include "simcore/base/units.h"
#include "simcore/workload.h"
#include "simcore/pages/zones.h"

/* So many names are listed where none is near. */
#define MAX_LISTED 24

static const char *const check_choices[] = { "never", "every-event", NULL };

const KmlParam kml_scenario_params[] = {
  { .name = "title",
    .type = KML_PARAM_TEXT,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlScenarioSettings, title),
    .summary = "what the experiment is called in tables and pictures" },
  { .name = "question",
    .type = KML_PARAM_TEXT,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlScenarioSettings, question),
    .summary = "what one wants to know from it" },
  { .name = "source",
    .type = KML_PARAM_TEXT,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlScenarioSettings, source),
    .summary = "of a claim: the paper or the derivation that its numbers come from" },
  { .name = "seed",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .min = 0,
    .max = G_MAXINT64,
    .offset = G_STRUCT_OFFSET (KmlScenarioSettings, seed),
    .summary = "where all randomness begins; repetitions derive theirs from it" },
  { .name = "until",
    .type = KML_PARAM_TIME,
    .value = "0",
    .offset = G_STRUCT_OFFSET (KmlScenarioSettings, until),
    .summary = "simulated time after which no operation starts; 0: when the workloads end" },
  { .name = "check",
    .type = KML_PARAM_CHOICE,
    .value = "never",
    .choices = check_choices,
    .offset = G_STRUCT_OFFSET (KmlScenarioSettings, check),
    .summary = "when every invariant of every allocator is verified (slow); a run stops where one "
               "does not hold. --check does the same" },
  { NULL },
};

const KmlParam kml_machine_params[] = {
  { .name = "cpus",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .min = 1,
    .max = KML_MAX_CPUS,
    .offset = G_STRUCT_OFFSET (KmlMachineSettings, cpus),
    .summary = "processors" },
  { .name = "ram",
    .type = KML_PARAM_SIZE,
    .value = "256MiB",
    .min = 4 * 512,
    .max = G_GUINT64_CONSTANT (16) << 40,
    .offset = G_STRUCT_OFFSET (KmlMachineSettings, ram),
    .summary = "simulated memory, whole pages of it; the host gives what is really touched" },
  { .name = "page-size",
    .type = KML_PARAM_SIZE,
    .value = "4KiB",
    .min = 512,
    .max = G_GUINT64_CONSTANT (16) << 20,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (KmlMachineSettings, page_size),
    .summary = "bytes of a page frame" },
  { .name = "profile",
    .type = KML_PARAM_TEXT,
    .value = "default",
    .offset = G_STRUCT_OFFSET (KmlMachineSettings, profile),
    .file = kml_profile_file,
    .grammar = "the name of a built-in profile, or a path",
    .summary = "what each kind of work costs in simulated time" },
  { .name = "cache-model",
    .type = KML_PARAM_TEXT,
    .value = KML_NO_CACHE_MODEL,
    .offset = G_STRUCT_OFFSET (KmlMachineSettings, cache_model),
    .file = kml_cache_model_file,
    .grammar = "none | NAME (list caches) | FILE.caches",
    .summary = "the processors' caches, which then say what a reference to memory costs; none: the "
               "profile does" },
  { .name = "touch",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .max = G_GUINT64_CONSTANT (1) << 20,
    .offset = G_STRUCT_OFFSET (KmlMachineSettings, touch),
    .summary = "with a cache model: bytes of a block that its owner writes when it gets it, and "
               "reads before it gives it back" },
  { NULL },
};

/* "auto", and kml_lock_kind_names */
static const char *const object_locks[] = { "auto",     "none",  "spin", "spin-softirq",
                                            "spin-irq", "mutex", "rw",   NULL };

/* Of both levels: who may ask. */
#define ALLOC_FROM_PARAM                                                                           \
  {                                                                                                \
    .name = "alloc-from", .type = KML_PARAM_CHOICE, .value = "any", .choices = kml_from_names,     \
    .summary = "from where tasks may ask for memory, if the allocator allows it; elsewhere it is " \
               "a bug (bug.alloc_context)"                                                         \
  }
#define FREE_FROM_PARAM                                                                            \
  {                                                                                                \
    .name = "free-from", .type = KML_PARAM_CHOICE, .value = "any", .choices = kml_from_names,      \
    .summary = "from where tasks may give memory back, if the allocator allows it; elsewhere it "  \
               "is a bug (bug.free_context)"                                                       \
  }

/* A chooser's value is not written into a struct: the loader turns it into the plug-in. */
static const KmlParam pages_params[] = {
  { .name = "lock",
    .type = KML_PARAM_CHOICE,
    .value = "spin-irq",
    .choices = kml_lock_kind_names,
    .summary = "what keeps tasks on several CPUs apart; where there are no tasks, nothing" },
  ALLOC_FROM_PARAM,
  FREE_FROM_PARAM,
  { .name = "allocator",
    .type = KML_PARAM_TEXT,
    .value = "buddy",
    .grammar = "a page allocator",
    .summary = "who hands out page frames" },
  { NULL },
};

static const KmlParam objects_params[] = {
  { .name = "lock",
    .type = KML_PARAM_CHOICE,
    .value = "auto",
    .choices = object_locks,
    .summary =
        "what keeps tasks on several CPUs apart: auto: spin-irq, and none around an allocator that "
        "keeps them apart itself; where there are no tasks, nothing" },
  ALLOC_FROM_PARAM,
  FREE_FROM_PARAM,
  { .name = "allocator",
    .type = KML_PARAM_TEXT,
    .value = "segregated",
    .grammar = "an object allocator",
    .summary = "who hands out objects" },
  { NULL },
};

static const char *const around_choices[] = { "pages", "objects", NULL };

static const KmlParam layer_params[] = {
  { .name = "allocator",
    .type = KML_PARAM_TEXT,
    .grammar = "a layer",
    .summary = "what is put around an allocator" },
  { .name = "around",
    .type = KML_PARAM_CHOICE,
    .value = "pages",
    .choices = around_choices,
    .summary = "around which; of several layers the first in the file is the innermost" },
  { NULL },
};

static const KmlParam device_params[] = {
  { .name = "kind",
    .type = KML_PARAM_TEXT,
    .grammar = "a kind of device",
    .summary = "what it is" },
  { NULL },
};

static const KmlParam workload_params[] = {
  { .name = "kind",
    .type = KML_PARAM_TEXT,
    .grammar = "a kind of workload",
    .summary = "where the requests come from" },
  { NULL },
};

static const KmlParam sweep_params[] = {
  { .name = "repeat",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .min = 1,
    .max = 1000000,
    .summary = "runs of each combination, each with a seed of its own" },
  { .name = "constraint",
    .type = KML_PARAM_TEXT,
    .value = "",
    .grammar = "machine.cpus <= 8 or pages.allocator != \"buddy\"",
    .summary = "which combinations are run: comparisons joined by and, or, not, ( )" },
  { NULL },
};

static const KmlParam expect_params[] = {
  { .name = "when",
    .type = KML_PARAM_TEXT,
    .value = "",
    .grammar = "group.key = value",
    .summary = "the group is about runs with this setting alone" },
  { NULL },
};

/* ---- Plug-ins ---- */

static GArray *
list_allocators (KmlLevel level)
{
  GArray *plugins = g_array_new (FALSE, FALSE, sizeof (KmlPlugin));
  guint n;
  const KmlAllocatorOps *const *all = kml_allocator_list (&n);

  for (guint i = 0; i < n; i++) {
    const KmlPlugin plugin = { all[i]->name, all[i]->params, all[i]->counters, all[i]->summary,
                               all[i]->figures };

    if (all[i]->level == level)
      g_array_append_val (plugins, plugin);
  }
  return plugins;
}

static GArray *
list_page_allocators (void)
{
  return list_allocators (KML_LEVEL_PAGES);
}

static GArray *
list_object_allocators (void)
{
  return list_allocators (KML_LEVEL_OBJECTS);
}

static GArray *
list_layers (void)
{
  return list_allocators (KML_LEVEL_LAYER);
}

static GArray *
list_workloads (void)
{
  GArray *plugins = g_array_new (FALSE, FALSE, sizeof (KmlPlugin));
  guint n;
  const KmlWorkloadOps *const *all = kml_workload_list (&n);

  for (guint i = 0; i < n; i++) {
    const KmlPlugin plugin = { all[i]->name, all[i]->params, all[i]->counters, all[i]->summary };

    g_array_append_val (plugins, plugin);
  }
  return plugins;
}

static GArray *
list_devices (void)
{
  GArray *plugins = g_array_new (FALSE, FALSE, sizeof (KmlPlugin));
  guint n;
  const KmlDeviceOps *const *all = kml_device_list (&n);

  for (guint i = 0; i < n; i++) {
    const KmlPlugin plugin = { all[i]->name, all[i]->params, all[i]->counters, all[i]->summary,
                               all[i]->figures };

    g_array_append_val (plugins, plugin);
  }
  return plugins;
}

/* ---- Groups ---- */

const KmlGroupInfo kml_scenario_groups[] = {
  { .name = "scenario", .params = kml_scenario_params, .summary = "the experiment as a whole" },
  { .name = "machine", .params = kml_machine_params, .summary = "the virtual computer" },
  { .name = "pages",
    .chooser = "allocator",
    .plugins = list_page_allocators,
    .params = pages_params,
    .summary = "the page allocator and its parameters" },
  { .name = "objects",
    .chooser = "allocator",
    .plugins = list_object_allocators,
    .params = objects_params,
    .summary = "the object allocator and its parameters" },
  { .name = "layer",
    .named = TRUE,
    .chooser = "allocator",
    .plugins = list_layers,
    .params = layer_params,
    .summary = "a layer around the objects or the pages, and its parameters" },
  { .name = "workload",
    .named = TRUE,
    .chooser = "kind",
    .plugins = list_workloads,
    .params = workload_params,
    .summary = "who asks for memory; one group each" },
  { .name = "memory",
    .params = kml_memory_params,
    .summary = "zones, how much of them stays free, and who takes memory back" },
  { .name = "device",
    .named = TRUE,
    .needs_name = TRUE,
    .chooser = "kind",
    .plugins = list_devices,
    .params = device_params,
    .summary = "something that works beside the CPUs; one group each" },
  { .name = "task",
    .named = TRUE,
    .needs_name = TRUE,
    .params = kml_task_params,
    .summary = "code that runs on a CPU: a task, or the handler of an interrupt; one group each" },
  { .name = "lock",
    .named = TRUE,
    .needs_name = TRUE,
    .params = kml_lock_params,
    .summary = "a lock that programs of tasks take; one group each" },
  { .name = "pool",
    .named = TRUE,
    .needs_name = TRUE,
    .params = kml_pool_params,
    .summary = "elements, as of a mempool: the step wait takes one, wake gives one back; one group "
               "each" },
  { .name = "region",
    .named = TRUE,
    .needs_name = TRUE,
    .params = kml_region_params,
    .summary = "pageable kernel memory that programs touch; one group each" },
  { .name = "mapping",
    .named = TRUE,
    .needs_name = TRUE,
    .params = kml_mapping_params,
    .summary = "a file, or anonymous memory of a task, whose pages programs touch and reclaim "
               "takes back; one group each" },
  { .name = "pager", .params = kml_pager_params, .summary = "who brings pageable memory in" },
  { .name = "schedule",
    .params = kml_schedule_params,
    .summary = "in which order tasks go on where that is open" },
  { .name = "record", .params = kml_record_params, .summary = "what is measured and kept" },
  { .name = "sweep",
    .kind = KML_GROUP_SWEEP,
    .params = sweep_params,
    .summary = "settings that take several values, each combination a run: group.key = a | b | "
               "4..16 step 4" },
  { .name = "expect",
    .kind = KML_GROUP_EXPECT,
    .named = TRUE,
    .params = expect_params,
    .summary = "what the metrics of every run should be: metric = >= 1, 0.18 +- 0.01, 3..4, "
               "another metric" },
  { NULL },
};

const KmlGroupInfo *
kml_schema_find_group (const char *name)
{
  for (const KmlGroupInfo *info = kml_scenario_groups; info->name != NULL; info++)
    if (g_str_equal (info->name, name))
      return info;
  return NULL;
}

const KmlPlugin *
kml_schema_find_plugin (const GArray *plugins, const char *name)
{
  for (guint i = 0; i < plugins->len; i++) {
    const KmlPlugin *plugin = &g_array_index (plugins, KmlPlugin, i);

    if (g_str_equal (plugin->name, name))
      return plugin;
  }
  return NULL;
}

char *
kml_schema_suggest_place (const char *name)
{
  for (const KmlGroupInfo *info = kml_scenario_groups; info->name != NULL; info++) {
    g_autoptr (GArray) plugins = info->plugins != NULL ? info->plugins () : NULL;

    if (plugins != NULL && kml_schema_find_plugin (plugins, name) != NULL)
      return g_strdup_printf ("; did you mean [%s%s] %s = %s?", info->name,
                              info->named ? " NAME" : "", info->chooser, name);
  }
  return NULL;
}

char *
kml_schema_suggest (const char *name, const char *const *names)
{
  const char *nearest = kml_nearest_name (name, names);
  GString *text;
  guint i;

  if (nearest != NULL)
    return g_strdup_printf ("; did you mean “%s”?", nearest);
  if (names[0] == NULL)
    return g_strdup ("; there is none");

  text = g_string_new ("; there is ");
  for (i = 0; names[i] != NULL && i < MAX_LISTED; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", names[i]);
  if (names[i] != NULL)
    g_string_append (text, ", …");
  return g_string_free (text, FALSE);
}

/* ---- Values ---- */

gboolean
kml_value_is_ordered (const KmlParam *param)
{
  switch (param->type) {
  case KML_PARAM_COUNT:
  case KML_PARAM_SIZE:
  case KML_PARAM_TIME:
  case KML_PARAM_RATE:
  case KML_PARAM_SHARE:
    return TRUE;
  case KML_PARAM_BOOL:
  case KML_PARAM_CHOICE:
  case KML_PARAM_FLAGS:
  case KML_PARAM_TEXT:
  case KML_PARAM_PATH:
    return FALSE;
  }
  g_assert_not_reached ();
}

/* "8, 24" and "8,24" are one bin set. */
static char *
without_blanks (const char *text)
{
  GString *result = g_string_new (NULL);

  for (; *text != '\0'; text++)
    if (*text != ' ' && *text != '\t')
      g_string_append_c (result, *text);
  return g_string_free (result, FALSE);
}

/* The parameter's own parser does the work, on a copy without bounds that writes to the start of a local field. */
gboolean
kml_value_parse (const KmlParam *param, const char *text, KmlValue *ret_value, GError **error)
{
  KmlParam unbounded = *param;
  union {
    guint64 integer;
    double real;
    gboolean boolean;
    guint choice;
    guint32 flags;
  } field = { 0 };
  KmlValue value = { 0 };

  if (param->type == KML_PARAM_TEXT || param->type == KML_PARAM_PATH) {
    value = (KmlValue){ .text = param->type == KML_PARAM_TEXT ? without_blanks (text)
                                                              : g_strdup (text) };
    *ret_value = value;
    return TRUE;
  }
  unbounded.offset = 0;
  unbounded.min = unbounded.max = 0;
  unbounded.power_of_two = unbounded.positive = FALSE;
  if (!kml_param_parse (&unbounded, text, &field, error))
    return FALSE;

  switch ((int)param->type) {
  case KML_PARAM_SHARE:
    value.real = field.real;
    break;
  case KML_PARAM_BOOL:
    value.integer = field.boolean ? 1 : 0;
    break;
  case KML_PARAM_CHOICE:
    value.integer = field.choice;
    break;
  case KML_PARAM_FLAGS:
    value.integer = field.flags;
    break;
  default:
    value.integer = field.integer;
    break;
  }
  *ret_value = value;
  return TRUE;
}

void
kml_value_clear (KmlValue *self)
{
  g_clear_pointer (&self->text, g_free);
}

int
kml_value_compare (const KmlValue *a, const KmlValue *b)
{
  if (a->text != NULL || b->text != NULL)
    return g_strcmp0 (a->text, b->text);
  if (a->integer != b->integer)
    return a->integer < b->integer ? -1 : 1;
  return a->real < b->real ? -1 : a->real > b->real;
}

gboolean
kml_value_texts_equal (const KmlParam *param, const char *a, const char *b)
{
  KmlValue left, right;
  gboolean equal;

  if (!kml_value_parse (param, a, &left, NULL))
    return FALSE;
  if (!kml_value_parse (param, b, &right, NULL)) {
    kml_value_clear (&left);
    return FALSE;
  }
  equal = kml_value_compare (&left, &right) == 0;
  kml_value_clear (&left);
  kml_value_clear (&right);
  return equal;
}
