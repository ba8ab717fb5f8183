/* run.c: from the settings of a run to a machine that has done it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The order of building is that of dependence: machine, page allocator, object
 * allocator, workloads, recorder, driver. The pieces:
 *
 *   run-spec.c      what a run's settings are
 *   run.c           the machine is built, does it, and goes back
 *   run-start.c     memory that is in use when it begins
 *   run-bins.c      sets of bins that depend on the workload
 *   run-tasks*.c    machines with tasks
 *   run-caches.c    … and with a cache model
 *   run-metrics.c   what came of it
 */

#include "scenarios/running/run-private.h"

#include "simcore/memory/ram-image.h"
#include "simcore/pages/zones.h"

/* ---- Building ---- */

static gboolean
build_machine (KmlRun *self, GError **error)
{
  KmlMachineSettings settings = { 0 };
  KmlMachineConfig config = { .seed = self->spec->seed };
  g_autofree char *profile = NULL;
  KmlCachesConfig caches;
  gboolean ok;

  ok = kml_run_spec_apply (self->spec, "machine", kml_machine_params, &settings, error);
  if (ok) {
    profile = kml_scenario_locate (self->scenario, settings.profile);
    ok = kml_profile_load (settings.profile, profile, config.cost, error);
  }
  if (ok && !g_str_equal (settings.cache_model, KML_NO_CACHE_MODEL)) {
    g_autofree char *path = kml_scenario_locate (self->scenario, settings.cache_model);

    ok = kml_cache_model_load (settings.cache_model, path, &caches, error);
    config.caches = &caches;
    config.touch = settings.touch;
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

static gboolean
start_allocator (KmlAllocator *allocator, const char *group, GError **error)
{
  if (kml_allocator_start (allocator, error))
    return TRUE;
  kml_blame_group (error, group);
  return FALSE;
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
  if (config.reclaim && !kml_run_has_tasks (self->spec)) {
    kml_refuse (error, "memory.reclaim",
                "who reclaims sleeps, so expected a [task NAME], or [schedule] replay = cpus");
  } else if (kml_memory_is_plain (&config)) {
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

  if (kml_twin_go_back (twin, config.ram))
    return TRUE;
  kml_twin_clear (twin);
  memcpy (config.cost, self->machine->cost, sizeof config.cost);
  twin->machine = kml_machine_new (&config, error);
  if (twin->machine == NULL)
    return FALSE;
  twin->pages = make_page_level (self, twin->machine, error);
  if (twin->pages == NULL || !start_allocator (twin->pages, "pages", error))
    return FALSE;
  kml_twin_remember (twin);
  return TRUE;
}

/* Puts the layers that the scenario has around @inner; the outermost is what others ask. */
static KmlAllocator *
put_layers (KmlRun *self, const char *around, KmlLevel level, KmlAllocator *inner,
            GPtrArray *layers, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "layer");

  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *group = name[0] == '\0' ? g_strdup ("layer")
                                             : g_strconcat ("layer.", name, NULL);
    g_autofree char *key = g_strconcat (group, ".around", NULL);
    KmlAllocator *layer;

    if (!g_str_equal (kml_run_spec_get (self->spec, key), around))
      continue;
    layer = make_allocator (self, self->machine, group, inner, error);
    if (layer == NULL)
      return NULL;
    g_ptr_array_add (layers, layer);
    if (layer->ops->around != level && layer->ops->around != KML_LEVEL_LAYER) {
      kml_refuse (error, "around", "%s can be put around %s alone", layer->ops->name,
                  layer->ops->around == KML_LEVEL_PAGES ? "pages" : "objects");
      kml_blame_group (error, group);
      return NULL;
    }
    if (!start_allocator (layer, group, error))
      return NULL;
    inner = layer;
  }
  return inner;
}

static gboolean
build_pages (KmlRun *self, GError **error)
{
  KmlAllocator *inner;

  self->pages = make_page_level (self, self->machine, error);
  if (self->pages == NULL || !start_allocator (self->pages, "pages", error) ||
      !kml_run_start (self, error))
    return FALSE;
  inner = self->pages;
  if (kml_run_has_tasks (self->spec)) {
    self->tasks = kml_run_tasks_new (self->scenario, self->spec, self->machine);
    inner = kml_run_tasks_lock_pages (self->tasks, inner);
  }
  self->pages_top = put_layers (self, "pages", KML_LEVEL_PAGES, inner, self->page_layers, error);
  return self->pages_top != NULL;
}

static gboolean
build_objects (KmlRun *self, GError **error)
{
  KmlAllocator *inner;

  self->objects = make_allocator (self, self->machine, "objects",
                                  self->tasks != NULL
                                      ? kml_run_tasks_below_objects (self->tasks, self->pages_top)
                                      : self->pages_top,
                                  error);
  if (self->objects == NULL || !kml_run_resolve_bins (self, self->objects, error) ||
      !start_allocator (self->objects, "objects", error))
    return FALSE;
  inner = self->objects;
  if (self->tasks != NULL)
    inner = kml_run_tasks_lock_objects (self->tasks, inner, error);
  if (inner == NULL)
    return FALSE;
  self->objects_top = put_layers (self, "objects", KML_LEVEL_OBJECTS, inner, self->object_layers,
                                  error);
  return self->objects_top != NULL;
}

static gboolean
build_allocators (KmlRun *self, GError **error)
{
  return build_pages (self, error) && build_objects (self, error);
}

static gboolean
build_recorder (KmlRun *self, GError **error)
{
  KmlRecordConfig config = { 0 };

  if (!kml_run_spec_apply (self->spec, "record", kml_record_params, &config, error))
    return FALSE;
  self->recorder = kml_recorder_new (&config, self->machine, self->pages, self->objects);
  kml_recorder_set_outermost (self->recorder, self->objects_top);
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
    .pages = self->pages_top,
    .objects = self->objects_top,
    .old = self->old,
    .recorder = self->recorder,
    .workloads = (KmlWorkload *const *)self->workloads->pdata,
    .n_workloads = self->workloads->len,
    .until = settings.until == 0 ? KML_TIME_MAX : settings.until,
    .check_every_operation = settings.check != 0,
  };
  kml_params_clear (kml_scenario_params, &settings);
  if (self->tasks != NULL && self->driver.check_every_operation)
    return kml_refuse (error, "scenario.check",
                       "that is for runs without tasks: between tasks others are in the middle of "
                       "their operations");
  return self->tasks == NULL ||
         kml_run_tasks_build (self->tasks, self->pages_top, self->objects_top, self->old,
                              self->recorder, self->workloads, self->driver.until, error);
}

KmlRun *
kml_run_new (const KmlScenario *scenario, const KmlRunSpec *spec, GError **error)
{
  g_autoptr (KmlRun) self = g_new0 (KmlRun, 1);

  self->scenario = scenario;
  self->spec = spec;
  self->twins = (KmlTwinMaker){ renew_twin, self };
  self->page_layers = g_ptr_array_new ();
  self->object_layers = g_ptr_array_new ();
  if (!kml_scenario_check_inputs (scenario, spec, error) || !build_machine (self, error) ||
      !build_workloads (self, error) || !build_allocators (self, error) ||
      !build_recorder (self, error) || !build_driver (self, error)) {
    kml_scenario_place_error (scenario, spec, error);
    return NULL;
  }
  /* a run begins with cold caches, whatever was built how */
  if (self->machine->caches != NULL)
    kml_caches_clear (self->machine->caches);
  return g_steal_pointer (&self);
}

/* The outermost first. */
static void
destroy_layers (GPtrArray *layers)
{
  for (guint i = layers->len; i-- > 0;)
    kml_allocator_destroy (g_ptr_array_index (layers, i));
  g_ptr_array_unref (layers);
}

void
kml_run_free (KmlRun *self)
{
  if (self == NULL)
    return;
  if (self->image != NULL)
    kml_ram_image_end (self->machine->ram);
  kml_image_free (self->image);
  kml_recorder_free (self->recorder);
  g_clear_pointer (&self->workloads, g_ptr_array_unref);
  destroy_layers (self->object_layers);
  kml_allocator_destroy (self->objects);
  destroy_layers (self->page_layers);
  kml_run_tasks_free (self->tasks);
  kml_allocator_destroy (self->pages);
  kml_old_frames_free (self->old);
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
kml_run_set_choices (KmlRun *self, KmlChooseFunc choose, gpointer data)
{
  if (self->tasks == NULL)
    return FALSE;
  kml_run_tasks_set_choices (self->tasks, choose, data);
  return TRUE;
}

static gboolean
remember_allocators (const KmlRun *self, KmlImage *image)
{
  gboolean all = kml_allocator_remember (self->pages, image) &&
                 kml_allocator_remember (self->objects, image);

  for (guint i = 0; all && i < self->page_layers->len; i++)
    all = kml_allocator_remember (g_ptr_array_index (self->page_layers, i), image);
  for (guint i = 0; all && i < self->object_layers->len; i++)
    all = kml_allocator_remember (g_ptr_array_index (self->object_layers, i), image);
  return all;
}

gboolean
kml_run_remember (KmlRun *self)
{
  g_autoptr (KmlImage) image = kml_image_new ();

  g_assert (self->image == NULL);
  if (self->tasks == NULL || !remember_allocators (self, image) ||
      !kml_run_tasks_remember (self->tasks, image) || !kml_ram_image_begin (self->machine->ram))
    return FALSE;
  kml_machine_remember (self->machine, image);
  kml_recorder_remember (self->recorder, image);
  kml_image_take (image);
  self->image = g_steal_pointer (&image);
  return TRUE;
}

void
kml_run_go_back (KmlRun *self)
{
  kml_image_put_back (self->image);
  kml_ram_image_put_back (self->machine->ram);
  g_clear_pointer (&self->fingerprint, g_free);
  self->is_executed = FALSE;
}

static gboolean
execute_straight (KmlRun *self, GError **error)
{
  g_autoptr (KmlDriver) driver = kml_driver_new (&self->driver);

  if (!kml_driver_run (driver, error))
    return FALSE;
  self->n_operations = kml_driver_n_operations (driver);
  return TRUE;
}

static gboolean
execute_tasks (KmlRun *self, GError **error)
{
  if (!kml_run_tasks_execute (self->tasks, error))
    return FALSE;
  self->n_operations = kml_run_tasks_n_operations (self->tasks);
  return TRUE;
}

gboolean
kml_run_execute (KmlRun *self, GError **error)
{
  gboolean ok;

  g_assert (!self->is_executed); /* once, unless it goes back */
  self->is_executed = TRUE;

  ok = self->tasks != NULL ? execute_tasks (self, error) : execute_straight (self, error);
  if (!ok || !kml_scenario_check_inputs (self->scenario, self->spec, error)) {
    kml_scenario_place_error (self->scenario, self->spec, error);
    return FALSE;
  }
  return TRUE;
}

const KmlRecorder *
kml_run_recorder (const KmlRun *self)
{
  return self->recorder;
}

/* What went wrong is seen, too: of two runs that deadlock before any request has ended that is all there is. Where in the scenario the steps were is not: a reproducer has them elsewhere. */
static char *
fingerprint_with_incidents (const char *fingerprint, const GArray *incidents)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_MD5);

  g_checksum_update (checksum, (const guint8 *)fingerprint, -1);
  for (guint i = 0; i < incidents->len; i++) {
    g_autofree char *gist = kml_incident_gist (&g_array_index (incidents, KmlIncident, i));

    g_checksum_update (checksum, (const guint8 *)gist, -1);
  }
  return g_strdup (g_checksum_get_string (checksum));
}

const char *
kml_run_fingerprint (KmlRun *self)
{
  const GArray *incidents = kml_run_incidents (self);

  if (self->fingerprint == NULL) {
    g_autofree char *of_operations = kml_recorder_fingerprint (self->recorder);

    self->fingerprint = incidents != NULL && incidents->len > 0
                            ? fingerprint_with_incidents (of_operations, incidents)
                            : g_steal_pointer (&of_operations);
  }
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

gboolean
kml_run_has_caught_up (const KmlRun *self)
{
  return self->tasks != NULL && kml_run_tasks_has_caught_up (self->tasks);
}

const GArray *
kml_run_incidents (const KmlRun *self)
{
  return self->tasks != NULL ? kml_run_tasks_incidents (self->tasks) : NULL;
}

const KmlZones *
kml_run_zones (const KmlRun *self)
{
  return kml_zones_from_allocator (self->pages);
}

const GArray *
kml_run_oom_kills (const KmlRun *self)
{
  return self->tasks != NULL ? kml_run_tasks_oom_kills (self->tasks) : NULL;
}

const KmlLockdep *
kml_run_lockdep (const KmlRun *self)
{
  return self->tasks != NULL ? kml_run_tasks_lockdep (self->tasks) : NULL;
}
