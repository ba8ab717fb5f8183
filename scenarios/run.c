/* run.c: from the settings of a run to a machine that has done it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The order of building is that of dependence: machine, page allocator, object
 * allocator, workloads, recorder, driver. A bin set that depends on the workload
 * (optimal:K) is worked out before the object allocator is made, from a pass
 * over the sizes that disturbs no stream; one in a file (mine.bins) is read then.
 */

#include "scenarios/run.h"

#include "scenarios/bin-file.h"
#include "simcore/zones.h"

struct _KmlRun {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  KmlMachine *machine;   /* (owned) */
  KmlAllocator *pages;   /* (owned) */
  KmlAllocator *objects; /* (owned) */
  GPtrArray *workloads;  /* (owned) (element-type KmlWorkload) */
  KmlTwinMaker twins;    /* for those of them that want some */
  KmlRecorder *recorder; /* (owned) */
  KmlDriverConfig driver;
  char *fingerprint; /* (owned) (nullable) */
  guint64 n_operations;
};

/* ---- Building ---- */

static gboolean
build_machine (KmlRun *self, GError **error)
{
  KmlMachineSettings settings = { 0 };
  KmlMachineConfig config = { .seed = self->spec->seed };
  g_autofree char *profile = NULL;
  gboolean ok;

  ok = kml_run_spec_apply (self->spec, "machine", kml_machine_params, &settings, error);
  if (ok) {
    profile = kml_scenario_locate (self->scenario, settings.profile);
    ok = kml_profile_load (settings.profile, profile, config.cost, error);
  }
  if (ok) {
    config.n_cpus = (guint)settings.cpus;
    config.ram = settings.ram;
    config.page_size = settings.page_size;
    self->machine = kml_machine_new (&config, error);
  }
  kml_params_clear (kml_machine_params, &settings);
  return self->machine != NULL;
}

GPtrArray *
kml_run_open_workloads (const KmlScenario *scenario, const KmlRunSpec *spec, guint n_cpus,
                        guint64 page_size, GError **error)
{
  g_autoptr (GPtrArray)
      workloads = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_workload_free);
  g_autoptr (GPtrArray) names = kml_run_spec_names (spec, "workload");

  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *prefix = name[0] == '\0' ? g_strdup ("workload")
                                              : g_strconcat ("workload.", name, NULL);
    g_autofree char *kind_key = g_strconcat (prefix, ".kind", NULL);
    const KmlWorkloadOps *ops = kml_workload_find (kml_run_spec_get (spec, kind_key));
    KmlWorkload *workload;

    g_assert (ops != NULL); /* the loader has checked the kind */
    workload = kml_workload_new (ops, name, kml_scenario_base_dir (scenario));
    kml_workload_set_elsewhere (workload, kml_scenario_elsewhere (scenario));
    g_ptr_array_add (workloads, workload);
    if (!kml_run_spec_apply (spec, prefix, ops->params, workload, error) ||
        !kml_workload_open (workload, spec->seed, n_cpus, page_size, error))
      return NULL;
  }
  return g_steal_pointer (&workloads);
}

/* Workloads are made before the object allocator, which may want to know their sizes, and opened once. */
static gboolean
build_workloads (KmlRun *self, GError **error)
{
  self->workloads = kml_run_open_workloads (self->scenario, self->spec, self->machine->n_cpus,
                                            kml_ram_page_size (self->machine->ram), error);
  for (guint i = 0; self->workloads != NULL && i < self->workloads->len; i++)
    ((KmlWorkload *)g_ptr_array_index (self->workloads, i))->twins = &self->twins;
  return self->workloads != NULL;
}

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

/* `optimal:K` and files become the list of sizes that they mean; any other set stays as it is. */
static gboolean
resolve_bins (KmlRun *self, KmlAllocator *objects, GError **error)
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
                    error))
    return FALSE;
  list = kml_bins_format (&bins);
  kml_bins_clear (&bins);
  return kml_param_parse (bins_param, list, objects, error);
}

/* The allocator that @group chooses, its parameters set, not yet started. */
static KmlAllocator *
make_allocator (const KmlRun *self, KmlMachine *machine, const char *group, KmlAllocator *lower,
                GError **error)
{
  g_autofree char *key = g_strconcat (group, ".allocator", NULL);
  const KmlAllocatorOps *ops = kml_allocator_find (kml_run_spec_get (self->spec, key));
  g_autoptr (KmlAllocator) allocator = NULL;

  g_assert (ops != NULL); /* the loader has checked the name */
  allocator = kml_allocator_new (ops, machine, lower);
  if (!kml_run_spec_apply (self->spec, group, ops->params, allocator, error))
    return NULL;
  return g_steal_pointer (&allocator);
}

static KmlAllocator *
make_plain_pages (gpointer data, KmlMachine *machine, GError **error)
{
  return make_allocator (data, machine, "pages", NULL, error);
}

/* The page allocator that the scenario chooses, in zones if it says so; not yet started. */
static KmlAllocator *
make_page_level (KmlRun *self, KmlMachine *machine, GError **error)
{
  KmlMemoryConfig config = { 0 };
  KmlAllocator *pages = NULL;

  if (!kml_run_spec_apply (self->spec, "memory", kml_memory_params, &config, error)) {
    kml_params_clear (kml_memory_params, &config);
    return NULL;
  }
  if (kml_memory_is_plain (&config)) {
    pages = make_plain_pages (self, machine, error);
  } else {
    KmlZones *zones = kml_zones_new (machine, &config, make_plain_pages, self, error);

    pages = zones != NULL ? &zones->base : NULL;
  }
  kml_params_clear (kml_memory_params, &config);
  return pages;
}

static gboolean
renew_twin (gpointer data, guint32 n_frames, KmlTwin *twin, GError **error)
{
  KmlRun *self = data;
  const guint64 page_size = kml_ram_page_size (self->machine->ram);
  KmlMachineConfig config = { .n_cpus = self->machine->n_cpus,
                              .ram = kml_ram_size_for (n_frames, page_size),
                              .page_size = page_size,
                              .seed = self->spec->seed };

  g_clear_pointer (&twin->pages, kml_allocator_destroy);
  if (twin->machine != NULL && twin->machine->ram->size == config.ram) {
    kml_machine_reset (twin->machine);
  } else {
    kml_twin_clear (twin);
    memcpy (config.cost, self->machine->cost, sizeof config.cost);
    twin->machine = kml_machine_new (&config, error);
    if (twin->machine == NULL)
      return FALSE;
  }
  twin->pages = make_page_level (self, twin->machine, error);
  return twin->pages != NULL && kml_allocator_start (twin->pages, error);
}

static gboolean
build_allocators (KmlRun *self, GError **error)
{
  self->pages = make_page_level (self, self->machine, error);
  if (self->pages == NULL || !kml_allocator_start (self->pages, error))
    return FALSE;
  self->objects = make_allocator (self, self->machine, "objects", self->pages, error);
  return self->objects != NULL && resolve_bins (self, self->objects, error) &&
         kml_allocator_start (self->objects, error);
}

static gboolean
build_recorder (KmlRun *self, GError **error)
{
  KmlRecordConfig config = { 0 };

  if (!kml_run_spec_apply (self->spec, "record", kml_record_params, &config, error))
    return FALSE;
  self->recorder = kml_recorder_new (&config, self->machine, self->pages, self->objects);
  return TRUE;
}

static gboolean
build_driver (KmlRun *self, GError **error)
{
  KmlScenarioSettings settings = { 0 };

  if (!kml_run_spec_apply (self->spec, "scenario", kml_scenario_params, &settings, error))
    return FALSE;
  self->driver = (KmlDriverConfig){
    .machine = self->machine,
    .pages = self->pages,
    .objects = self->objects,
    .recorder = self->recorder,
    .workloads = (KmlWorkload *const *)self->workloads->pdata,
    .n_workloads = self->workloads->len,
    .until = settings.until == 0 ? KML_TIME_MAX : settings.until,
    .check_every_operation = settings.check != 0,
  };
  kml_params_clear (kml_scenario_params, &settings);
  return TRUE;
}

KmlRun *
kml_run_new (const KmlScenario *scenario, const KmlRunSpec *spec, GError **error)
{
  g_autoptr (KmlRun) self = g_new0 (KmlRun, 1);

  self->scenario = scenario;
  self->spec = spec;
  self->twins = (KmlTwinMaker){ renew_twin, self };
  if (!kml_scenario_check_inputs (scenario, spec, error) || !build_machine (self, error) ||
      !build_workloads (self, error) || !build_allocators (self, error) ||
      !build_recorder (self, error) || !build_driver (self, error)) {
    g_prefix_error (error, "%s: ", kml_scenario_name (scenario));
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
kml_run_free (KmlRun *self)
{
  if (self == NULL)
    return;
  kml_recorder_free (self->recorder);
  g_clear_pointer (&self->workloads, g_ptr_array_unref);
  kml_allocator_destroy (self->objects);
  kml_allocator_destroy (self->pages);
  kml_machine_free (self->machine);
  g_free (self->fingerprint);
  g_free (self);
}

/* ---- Running ---- */

void
kml_run_set_progress (KmlRun *self,
                      void (*progress) (guint64 n_operations, double share, gpointer data),
                      gpointer data)
{
  self->driver.progress = progress;
  self->driver.progress_data = data;
}

void
kml_run_set_sink (KmlRun *self, KmlSampleSink sink, gpointer data)
{
  kml_recorder_set_sink (self->recorder, sink, data);
}

void
kml_run_set_checking (KmlRun *self, gboolean check_every_operation)
{
  self->driver.check_every_operation |= check_every_operation;
}

gboolean
kml_run_execute (KmlRun *self, GError **error)
{
  g_autoptr (KmlDriver) driver = kml_driver_new (&self->driver);

  g_assert (self->fingerprint == NULL); /* a run is executed once */

  if (!kml_driver_run (driver, error) ||
      !kml_scenario_check_inputs (self->scenario, self->spec, error)) {
    g_prefix_error (error, "%s: ", kml_scenario_name (self->scenario));
    return FALSE;
  }
  self->fingerprint = kml_recorder_fingerprint (self->recorder);
  self->n_operations = kml_driver_n_operations (driver);
  return TRUE;
}

const KmlRecorder *
kml_run_recorder (const KmlRun *self)
{
  return self->recorder;
}

const char *
kml_run_fingerprint (const KmlRun *self)
{
  return self->fingerprint;
}

guint64
kml_run_n_operations (const KmlRun *self)
{
  return self->n_operations;
}

KmlTime
kml_run_end_time (const KmlRun *self)
{
  return self->machine->now;
}

/* ---- Results ---- */

static void
add_counters (GArray *metrics, const char *prefix, const KmlCounterInfo *infos,
              const guint64 *counters)
{
  for (guint i = 0; infos != NULL && infos[i].name != NULL; i++) {
    const KmlMetric metric = {
      .name = g_strconcat (prefix, ".", infos[i].name, NULL),
      .unit = infos[i].unit,
      .value = (double)counters[i],
    };

    g_array_append_val (metrics, metric);
  }
}

/* From what the counters have counted since the end of the warm-up. */
static void
add_figures (GArray *metrics, const KmlAllocator *allocator, const guint64 *before)
{
  guint64 counted[KML_MAX_COUNTERS];

  for (guint i = 0; i < KML_MAX_COUNTERS; i++)
    counted[i] = allocator->counters[i] - before[i];
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

/* Several workloads of one kind are one metric: their sum. Sorted, so equal names are neighbours. */
static void
add_up_equal_names (GArray *metrics)
{
  guint n = 0;

  for (guint i = 0; i < metrics->len; i++) {
    KmlMetric *all = (KmlMetric *)metrics->data;

    if (n > 0 && g_str_equal (all[n - 1].name, all[i].name)) {
      all[n - 1].value += all[i].value;
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

  add_counters (metrics, self->pages->ops->name, self->pages->ops->counters, self->pages->counters);
  add_counters (metrics, self->objects->ops->name, self->objects->ops->counters,
                self->objects->counters);
  add_figures (metrics, self->pages, self->recorder->counted_before[0]);
  add_figures (metrics, self->objects, self->recorder->counted_before[1]);
  for (guint i = 0; i < self->workloads->len; i++) {
    const KmlWorkload *workload = g_ptr_array_index (self->workloads, i);

    add_counters (metrics, workload->ops->name, workload->ops->counters, workload->counters);
  }
  kml_metrics_sort (metrics);
  add_up_equal_names (metrics);
  return metrics;
}
