/* run-tasks.c: from the settings of a run to tasks that do it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The page allocator and the object allocator are each wrapped in their lock ([pages] lock, [objects] lock). What tasks
 * and the object allocator call is the wrapped one; what is walked and counted is the allocator itself. In zones each zone's
 * allocator has a lock of its own.
 *
 * A task in process context is a task. One in softirq or hardirq context is a handler: a source raises its interrupt at the
 * times that `every` says, and its program is run each time.
 */

#include "scenarios/run-tasks-private.h"

#include "simcore/memalloc.h"
#include "workloads/cpu-list.h"

gboolean
kml_run_has_tasks (const KmlRunSpec *spec)
{
  g_autoptr (GPtrArray) tasks = kml_run_spec_names (spec, "task");
  g_autoptr (GPtrArray) devices = kml_run_spec_names (spec, "device");

  return tasks->len > 0 || devices->len > 0 ||
         !g_str_equal (kml_run_spec_get (spec, "schedule.replay"), "straight");
}

char *
kml_run_tasks_prefix (const char *group, const char *name)
{
  return name[0] == '\0' ? g_strdup (group) : g_strconcat (group, ".", name, NULL);
}

void
kml_run_tasks_prefix_error (const KmlRunTasks *self, const char *group, const char *name,
                            GError **error)
{
  const guint line = kml_scenario_line_of_group (self->scenario, group, name);
  g_autofree char *place = line > 0 ? g_strdup_printf (" (%s:%u)",
                                                       kml_scenario_name (self->scenario), line)
                                    : g_strdup ("");

  g_prefix_error (error, "[%s%s%s]%s: ", group, name[0] != '\0' ? " " : "", name, place);
}

guint
kml_run_tasks_choice (const KmlRunSpec *spec, const char *key, const char *const *names)
{
  const char *text = kml_run_spec_get (spec, key);

  for (guint i = 0; names[i] != NULL; i++)
    if (g_str_equal (text, names[i]))
      return i;
  g_assert_not_reached ();
}

/* ---- Around the allocators ---- */

void
kml_run_tasks_for_page_locks (const KmlRunTasks *self,
                              void (*func) (KmlLocked *locked, gpointer data), gpointer data)
{
  if (self->zones == NULL)
    func (self->pages, data);
  else
    for (guint i = 0; i < self->zones->n_zones; i++)
      func (self->zones->zones[i].locked, data);
}

typedef struct {
  KmlRunTasks *self;
  GError *error; /* (nullable) */
} Paging;

static void
add_metadata (KmlLocked *locked, gpointer data)
{
  Paging *paging = data;

  if (paging->error == NULL)
    kml_pager_add_metadata (paging->self->pager, &locked->metadata, &paging->error);
}

static void
begin_to_page (KmlLocked *locked, gpointer data)
{
  locked->pager = ((Paging *)data)->self->pager;
}

static gboolean
make_pageable (KmlRunTasks *self, GError **error)
{
  Paging paging = { .self = self };

  kml_run_tasks_for_page_locks (self, add_metadata, &paging);
  if (paging.error != NULL) {
    g_propagate_error (error, paging.error);
    return FALSE;
  }
  kml_run_tasks_for_page_locks (self, begin_to_page, &paging);
  return TRUE;
}

static gboolean
build_pager (KmlRunTasks *self, KmlAllocator *pages, GError **error)
{
  KmlPagerSettings settings = { 0 };
  KmlPagerConfig config;

  if (!kml_run_spec_apply (self->spec, "pager", kml_pager_params, &settings, error))
    return FALSE;
  config = (KmlPagerConfig){
    .machine = self->machine,
    .pages = pages,
    .pool = settings.pool,
    .resident = settings.resident,
    .is_guarded = settings.recursion != 0,
    .read = settings.read,
    .write = settings.write,
    .lock = (KmlLockKind)(KML_LOCK_SPIN + settings.lock),
  };
  self->pager = kml_pager_new (&config);
  if (!kml_pager_fill_pool (self->pager, error))
    return FALSE;
  return settings.metadata == KML_METADATA_PINNED || make_pageable (self, error);
}

KmlRunTasks *
kml_run_tasks_new (const KmlScenario *scenario, const KmlRunSpec *spec, KmlMachine *machine)
{
  KmlRunTasks *self = g_new0 (KmlRunTasks, 1);

  self->scenario = scenario;
  self->spec = spec;
  self->machine = machine;
  self->texts = g_ptr_array_new_with_free_func (g_free);
  self->devices = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_device_free);
  self->programs = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_program_free);
  self->doers = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_program_task_free);
  self->replays = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_replay_free);
  self->sources = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_irq_source_free);
  return self;
}

void
kml_run_tasks_free (KmlRunTasks *self)
{
  if (self == NULL)
    return;
  if (self->world.locks != NULL)
    kml_world_clear (&self->world);
  kml_requests_clear (&self->requests);
  kml_reclaim_free (self->reclaim);
  g_ptr_array_unref (self->devices);
  kml_scheduler_free (self->scheduler);
  kml_lockdep_free (self->lockdep);
  g_ptr_array_unref (self->texts);
  g_ptr_array_unref (self->sources);
  g_ptr_array_unref (self->replays);
  g_ptr_array_unref (self->doers);
  g_ptr_array_unref (self->programs);
  kml_pager_free (self->pager);
  if (self->objects != NULL)
    kml_allocator_destroy (&self->objects->base);
  if (self->preload != NULL)
    kml_allocator_destroy (&self->preload->base);
  if (self->pages != NULL)
    kml_allocator_destroy (&self->pages->base);
  g_free (self);
}

KmlAllocator *
kml_run_tasks_lock_pages (KmlRunTasks *self, KmlAllocator *pages)
{
  const KmlLockKind kind = (KmlLockKind)kml_run_tasks_choice (self->spec, "pages.lock",
                                                              kml_lock_kind_names);

  self->zones = kml_zones_from_allocator (pages);
  if (self->zones != NULL) {
    kml_zones_lock (self->zones, kind);
    return pages;
  }
  self->pages = kml_locked_new (pages, kind, "pages");
  return &self->pages->base;
}

/* An object allocator that waits for the page level in its middle must keep others out meanwhile. */
static gboolean
can_be_left_alone (const KmlRunTasks *self, KmlLockKind kind, GError **error)
{
  const guint of_pages = kml_run_tasks_choice (self->spec, "pages.lock", kml_lock_kind_names);

  if (kind != KML_LOCK_NONE || of_pages == KML_LOCK_NONE)
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "[objects] lock = none: who waits for the lock of the pages in the middle of a "
               "request would be met there by "
               "another: expected a lock, or [pages] lock = none as well");
  return FALSE;
}

KmlAllocator *
kml_run_tasks_lock_objects (KmlRunTasks *self, KmlAllocator *objects, GError **error)
{
  const KmlLockKind kind = (KmlLockKind)kml_run_tasks_choice (self->spec, "objects.lock",
                                                              kml_lock_kind_names);

  if (!can_be_left_alone (self, kind, error))
    return NULL;
  self->objects = kml_locked_new (objects, kind, "objects");
  self->objects->preload = self->preload;
  return &self->objects->base;
}

/* ---- What tasks share ---- */

static gboolean
build_locks (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "lock");

  for (guint i = 0; i < names->len; i++) {
    g_autofree char *prefix = kml_run_tasks_prefix ("lock", g_ptr_array_index (names, i));
    char *name = g_strdup (g_ptr_array_index (names, i));
    KmlLock *lock = g_new0 (KmlLock, 1);
    KmlLockSettings settings = { 0 };

    g_hash_table_insert (self->world.locks, name, lock);
    if (!kml_run_spec_apply (self->spec, prefix, kml_lock_params, &settings, error))
      return FALSE;
    kml_lock_init (lock, (KmlLockKind)(KML_LOCK_SPIN + settings.kind), name);
    g_ptr_array_add (self->texts, settings.class_name);
    if (settings.class_name[0] != '\0')
      lock->class_name = settings.class_name;
  }
  return TRUE;
}

static gboolean
build_pools (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "pool");

  for (guint i = 0; i < names->len; i++) {
    g_autofree char *prefix = kml_run_tasks_prefix ("pool", g_ptr_array_index (names, i));
    KmlPoolSettings settings;
    KmlCompletion *pool;

    if (!kml_run_spec_apply (self->spec, prefix, kml_pool_params, &settings, error))
      return FALSE;
    pool = kml_world_completion (&self->world, g_ptr_array_index (names, i));
    pool->n_posted = settings.size;
    pool->is_pool = TRUE;
  }
  return TRUE;
}

static gboolean
build_regions (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "region");
  const guint64 page = kml_ram_page_size (self->machine->ram);

  self->world.pager = self->pager;
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *prefix = kml_run_tasks_prefix ("region", g_ptr_array_index (names, i));
    KmlRegion *region = g_new0 (KmlRegion, 1);
    KmlRegionSettings settings;

    g_hash_table_insert (self->world.regions, g_strdup (g_ptr_array_index (names, i)), region);
    if (!kml_run_spec_apply (self->spec, prefix, kml_region_params, &settings, error))
      return FALSE;
    region->n = (guint)((settings.size + page - 1) / page);
    region->first = kml_pager_add (self->pager, region->n);
  }
  return TRUE;
}

static gboolean
build_device (KmlRunTasks *self, const char *name, GError **error)
{
  const KmlDeviceHost host = { self->machine, self->requests.pages, self->requests.objects,
                               &self->requests };
  g_autofree char *prefix = kml_run_tasks_prefix ("device", name);
  g_autofree char *key = g_strconcat (prefix, ".kind", NULL);
  const KmlDeviceOps *ops = kml_device_find (kml_run_spec_get (self->spec, key));
  KmlDevice *device;
  KmlDisk *disk;
  KmlDma *dma;

  g_assert (ops != NULL); /* the loader has checked the kind */
  device = kml_device_new (ops, name);
  g_ptr_array_add (self->devices, device);
  if (!kml_run_spec_apply (self->spec, prefix, ops->params, device, error) ||
      !kml_device_open (device, &host, error)) {
    kml_run_tasks_prefix_error (self, "device", name, error);
    return FALSE;
  }
  disk = kml_disk_from_device (device);
  dma = kml_dma_from_device (device);
  if (disk != NULL)
    g_hash_table_insert (self->world.disks, g_strdup (name), disk);
  if (dma != NULL)
    g_hash_table_insert (self->world.dmas, g_strdup (name), dma);
  if (disk == NULL && dma == NULL) /* a network card gives back what it has asked for */
    kml_providers_add (&self->requests.givers, NULL);
  return TRUE;
}

static gboolean
build_devices (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "device");

  for (guint i = 0; i < names->len; i++)
    if (!build_device (self, g_ptr_array_index (names, i), error))
      return FALSE;
  return TRUE;
}

/* ---- Tasks ---- */

static gboolean
cpu_in_reach (const KmlRunTasks *self, guint cpu, GError **error)
{
  if (cpu < self->machine->n_cpus)
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "cpus: the machine has CPUs 0 to %u, there is no %u", self->machine->n_cpus - 1,
               cpu);
  return FALSE;
}

static KmlProgramTask *
new_doer (KmlRunTasks *self, const char *name, guint cpu, const KmlProgram *program, GError **error)
{
  KmlProgramTask *doer;
  KmlRng rng;

  kml_rng_init (&rng, self->machine->seed, name);
  doer = kml_program_task_new (program, &self->world, cpu, &rng, error);
  if (doer != NULL)
    g_ptr_array_add (self->doers, doer);
  return doer;
}

static gboolean
add_task (KmlRunTasks *self, const char *name, guint cpu, const KmlTaskSettings *settings,
          const KmlProgram *program, GError **error)
{
  static const guint8 memalloc[] = { 0, KML_MEMALLOC_NOFS, KML_MEMALLOC_NOIO,
                                     KML_MEMALLOC_RESERVES };
  KmlProgramTask *doer = new_doer (self, name, cpu, program, error);
  const KmlTaskConfig config = {
    .name = name,
    .cpu = cpu,
    .priority = (int)settings->priority,
    .start = settings->start,
    .func = kml_program_run,
    .data = doer,
  };
  KmlTask *task;

  if (doer == NULL || !cpu_in_reach (self, cpu, error))
    return FALSE;
  if (settings->context != KML_CONTEXT_PROCESS) {
    KmlIrqSource *source = kml_irq_source_new (self->scheduler, self->machine, name, cpu, settings,
                                               doer, error);

    kml_program_task_set_runner (doer, NULL);
    if (source != NULL)
      g_ptr_array_add (self->sources, source);
    return source != NULL;
  }
  task = kml_task_new (self->scheduler, &config);
  task->memalloc = memalloc[settings->memalloc];
  kml_program_task_set_runner (doer, task);
  g_hash_table_insert (self->world.tasks, g_strdup (name), task);
  return TRUE;
}

/* Where the program of [task @name] stands. */
static void
set_place (const KmlRunTasks *self, KmlProgram *program, const char *name)
{
  g_autofree char *prefix = kml_run_tasks_prefix ("task", name);
  g_autofree char *key = g_strconcat (prefix, ".program", NULL);
  const guint line = kml_scenario_line_of (self->scenario, key);
  g_autofree char *place = line > 0
                               ? g_strdup_printf ("%s:%u", kml_scenario_name (self->scenario), line)
                               : g_strdup ("-s");

  kml_program_set_place (program, place);
}

/* All tasks of one group. */
static gboolean
add_tasks (KmlRunTasks *self, const char *name, const KmlTaskSettings *settings, GError **error)
{
  KmlProgram *program = kml_program_parse (settings->program, error);
  g_autofree guint16 *cpus = NULL;
  guint n_cpus;
  guint64 n;

  if (program == NULL)
    return FALSE;
  g_ptr_array_add (self->programs, program);
  set_place (self, program, name);
  if (!kml_cpu_list_parse (settings->cpus, self->machine->n_cpus, &cpus, &n_cpus, error))
    return FALSE;
  n = settings->count > 0 ? settings->count : n_cpus;
  self->n_tasks += n;
  if (self->n_tasks > KML_MAX_TASKS) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "count: expected at most %d tasks and handlers in all", KML_MAX_TASKS);
    return FALSE;
  }
  for (guint64 i = 0; i < n; i++) {
    g_autofree char *full = n == 1 ? g_strdup (name)
                                   : g_strdup_printf ("%s.%" G_GUINT64_FORMAT, name, i);

    if (!add_task (self, full, cpus[i % n_cpus], settings, program, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
build_tasks (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "task");

  for (guint i = 0; i < names->len; i++) /* whom others may name, before there is anybody */
    g_hash_table_insert (self->world.tasks, g_strdup (g_ptr_array_index (names, i)), NULL);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *prefix = kml_run_tasks_prefix ("task", name);
    const GPtrArray *tasks = kml_scheduler_tasks (self->scheduler);
    const guint n_before = tasks->len;
    KmlTaskSettings settings = { 0 };
    gboolean ok = kml_run_spec_apply (self->spec, prefix, kml_task_params, &settings, error) &&
                  add_tasks (self, name, &settings, error);

    for (guint j = n_before; j < tasks->len; j++)
      ((KmlTask *)g_ptr_array_index (tasks, j))->group = 1 + i;
    kml_params_clear (kml_task_params, &settings);
    if (!ok) {
      g_prefix_error (error, "[task %s]: ", name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
build_replays (KmlRunTasks *self, const KmlScheduleSettings *settings, const GPtrArray *workloads,
               KmlTime until, GError **error)
{
  if (workloads->len > 0 && settings->replay == KML_REPLAY_STRAIGHT) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "[schedule] replay = straight: beside tasks and devices it must be cpus");
    return FALSE;
  }
  for (guint i = 0; i < workloads->len; i++) {
    const KmlReplayConfig config = {
      .scheduler = self->scheduler,
      .requests = &self->requests,
      .workload = g_ptr_array_index (workloads, i),
      .number = i,
      .until = until,
    };

    g_ptr_array_add (self->replays, kml_replay_new (&config));
    kml_providers_add (&self->requests.givers, NULL);
  }
  kml_recorder_set_workloads (self->requests.recorder, (KmlWorkload *const *)workloads->pdata,
                              workloads->len);
  return TRUE;
}

/* A run that nothing ends is refused, not begun. */
static gboolean
check_end (const KmlRunTasks *self, KmlTime until, GError **error)
{
  gboolean ends = until != KML_TIME_MAX || self->replays->len > 0 ||
                  g_hash_table_size (self->world.tasks) > self->sources->len;

  for (guint i = 0; i < self->sources->len; i++)
    ends |= kml_irq_source_ends (g_ptr_array_index (self->sources, i));
  if (!ends)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "there are only devices and interrupts without end: say [scenario] until, or "
                 "times of a task");
  return ends;
}

/* What may go wrong. */
static gboolean
set_injector (KmlRunTasks *self, const KmlScheduleSettings *settings, KmlSchedulerConfig *config,
              GError **error)
{
  g_assert (settings->inject_share > 0); /* the loader has checked it */
  g_assert (settings->inject_share <= 1);
  self->injector = (KmlInjector){
    .share = (guint64)(settings->inject_share * (double)KML_SHARE_ONE),
    .most = settings->inject_most,
    .delay = settings->inject_delay,
  };
  kml_rng_init (&self->injector.rng, self->machine->seed, "inject");
  config->injector = &self->injector;
  return kml_injections_parse (settings->inject, &self->injector.what, error);
}

/* By chance, if the policy says so. */
static void
set_policy (KmlRunTasks *self, const KmlScheduleSettings *settings, KmlSchedulerConfig *config)
{
  if (settings->policy != KML_POLICY_RANDOM && settings->policy != KML_POLICY_PCT)
    return;
  self->chooser.kind = settings->policy == KML_POLICY_PCT ? KML_CHOOSER_PCT : KML_CHOOSER_RANDOM;
  self->chooser.depth = (guint)settings->depth;
  self->chooser.steps = settings->steps;
  self->chooser.share = self->injector.share;
  kml_chooser_begin (&self->chooser, self->machine->seed, 0);
  config->choose = kml_chooser_choose;
  config->choose_data = &self->chooser;
}

/* A scenario may allow less than the allocators do, not more. */
static void
set_contexts (KmlRunTasks *self, KmlLevel level, const char *group, const KmlAllocator *allocator)
{
  g_autofree char *alloc_key = g_strconcat (group, ".alloc-from", NULL);
  g_autofree char *free_key = g_strconcat (group, ".free-from", NULL);
  const KmlFrom alloc_from = (KmlFrom)kml_run_tasks_choice (self->spec, alloc_key, kml_from_names);
  const KmlFrom free_from = (KmlFrom)kml_run_tasks_choice (self->spec, free_key, kml_from_names);

  self->requests.alloc_from[level] = MAX (alloc_from, kml_allocator_alloc_from (allocator));
  self->requests.free_from[level] = MAX (free_from, kml_allocator_free_from (allocator));
}

/* All but what @settings hold. */
static gboolean
build_all (KmlRunTasks *self, const KmlScheduleSettings *settings, KmlAllocator *pages,
           KmlAllocator *objects, KmlRecorder *recorder, const GPtrArray *workloads, KmlTime until,
           GError **error)
{
  KmlSchedulerConfig config = { .machine = self->machine,
                                .until = until,
                                .time_slice = settings->time_slice,
                                .no_progress = settings->no_progress };

  if (!set_injector (self, settings, &config, error))
    return FALSE;
  set_policy (self, settings, &config);
  if (!build_pager (self, pages, error))
    return FALSE;
  self->lockdep = config.lockdep = kml_lockdep_new ();
  self->scheduler = kml_scheduler_new (&config);
  kml_requests_init (&self->requests, self->machine, pages, objects, recorder);
  set_contexts (self, KML_LEVEL_PAGES, "pages", pages);
  set_contexts (self, KML_LEVEL_OBJECTS, "objects", objects);
  kml_world_init (&self->world, self->machine, self->scheduler, &self->requests);
  return build_replays (self, settings, workloads, until, error) && build_locks (self, error) &&
         build_pools (self, error) && build_regions (self, error) && build_devices (self, error) &&
         kml_run_tasks_build_memory (self, pages, error) && build_tasks (self, error) &&
         kml_run_tasks_bind_owners (self, error) && check_end (self, until, error);
}

gboolean
kml_run_tasks_build (KmlRunTasks *self, KmlAllocator *pages, KmlAllocator *objects,
                     KmlRecorder *recorder, const GPtrArray *workloads, KmlTime until,
                     GError **error)
{
  KmlScheduleSettings settings = { 0 };
  const gboolean good = kml_run_spec_apply (self->spec, "schedule", kml_schedule_params, &settings,
                                            error) &&
                        build_all (self, &settings, pages, objects, recorder, workloads, until,
                                   error);

  kml_params_clear (kml_schedule_params, &settings);
  return good;
}

/* ---- Running ---- */

void
kml_run_tasks_set_choices (KmlRunTasks *self, KmlChooseFunc choose, gpointer data)
{
  kml_scheduler_set_choices (self->scheduler, choose, data);
}

typedef struct {
  KmlImage *image;
  gboolean all; /* so far all could be remembered */
} Remembering;

static void
remember_page_lock (KmlLocked *locked, gpointer data)
{
  Remembering *self = data;

  self->all = self->all && kml_allocator_remember (&locked->base, self->image);
}

static gboolean
remember_memory (KmlRunTasks *self, KmlImage *image)
{
  Remembering remembering = { image, self->replays->len == 0 };

  kml_run_tasks_for_page_locks (self, remember_page_lock, &remembering);
  for (guint i = 0; remembering.all && i < self->devices->len; i++)
    remembering.all = kml_device_remember (g_ptr_array_index (self->devices, i), image);
  if (!remembering.all || !kml_allocator_remember (&self->objects->base, image) ||
      (self->preload != NULL && !kml_allocator_remember (&self->preload->base, image)))
    return FALSE;
  if (self->reclaim != NULL)
    kml_reclaim_remember (self->reclaim, image);
  return TRUE;
}

gboolean
kml_run_tasks_remember (KmlRunTasks *self, KmlImage *image)
{
  if (!remember_memory (self, image))
    return FALSE;
  kml_scheduler_remember (self->scheduler, image);
  kml_requests_remember (&self->requests, image);
  kml_pager_remember (self->pager, image);
  kml_world_remember (&self->world, image);
  for (guint i = 0; i < self->doers->len; i++)
    kml_program_task_remember (g_ptr_array_index (self->doers, i), image);
  kml_image_add (image, &self->injector, sizeof self->injector);
  for (guint i = 0; i < self->sources->len; i++)
    kml_irq_source_remember (g_ptr_array_index (self->sources, i), image);
  return TRUE;
}

gboolean
kml_run_tasks_execute (KmlRunTasks *self, GError **error)
{
  kml_scheduler_run (self->scheduler);
  if (kml_scheduler_time_is_over (self->scheduler)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "this would take longer than the 213 days of simulated time that there are");
    return FALSE;
  }
  for (guint i = 0; i < self->replays->len; i++)
    if (!kml_replay_finish (g_ptr_array_index (self->replays, i), error))
      return FALSE;
  return kml_recorder_finish (self->requests.recorder, error);
}

guint64
kml_run_tasks_n_operations (const KmlRunTasks *self)
{
  return self->requests.n_operations;
}

const GArray *
kml_run_tasks_incidents (const KmlRunTasks *self)
{
  return kml_scheduler_incidents (self->scheduler);
}

const GArray *
kml_run_tasks_oom_kills (const KmlRunTasks *self)
{
  return self->reclaim != NULL ? self->reclaim->kills : NULL;
}

gboolean
kml_run_tasks_has_caught_up (const KmlRunTasks *self)
{
  return kml_scheduler_has_caught_up (self->scheduler);
}

const KmlLockdep *
kml_run_tasks_lockdep (const KmlRunTasks *self)
{
  return self->lockdep;
}
