/* run-tasks.c: from the settings of a run to tasks that do it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The page allocator and the object allocator are each wrapped in their lock ([pages] lock, [objects] lock), if they do not take locks themselves. What tasks
 * and the object allocator call is the wrapped one; what is walked and counted is the allocator itself. In zones each zone's
 * allocator has a lock of its own.
 *
 * The pieces: run-tasks-settings.c, what can be set; run-tasks-shared.c, locks, pools, regions and devices; run-tasks-memory.c, reclaim and mappings;
 * run-tasks-programs.c, tasks and handlers; run-tasks-source.c, when interrupts come; run-tasks-metrics.c, what it came to.
 */

#include "scenarios/running/run-tasks-private.h"

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

static void
for_metadata (KmlRunTasks *self, const KmlPagerSettings *settings,
              void (*func) (KmlLocked *locked, gpointer data), gpointer data)
{
  if (settings->metadata == KML_METADATA_PAGEABLE)
    kml_run_tasks_for_page_locks (self, func, data);
  if (settings->object_metadata == KML_METADATA_PAGEABLE)
    func (self->objects, data);
}

static gboolean
make_pageable (KmlRunTasks *self, const KmlPagerSettings *settings, GError **error)
{
  Paging paging = { .self = self };

  for_metadata (self, settings, add_metadata, &paging);
  if (paging.error != NULL) {
    g_propagate_error (error, paging.error);
    return FALSE;
  }
  for_metadata (self, settings, begin_to_page, &paging);
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
  return make_pageable (self, &settings, error) && kml_run_tasks_add_regions (self, error);
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
  if (self->regions != NULL)
    g_array_unref (self->regions);
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

static KmlLockKind
lock_of_objects (const KmlRunTasks *self, const KmlAllocator *objects)
{
  if (g_str_equal (kml_run_spec_get (self->spec, "objects.lock"), "auto"))
    return objects->ops->walk_locks != NULL ? KML_LOCK_NONE : KML_LOCK_SPIN_IRQ;
  return (KmlLockKind)kml_run_tasks_choice (self->spec, "objects.lock", kml_lock_kind_names);
}

/* Who takes locks itself gives them back before it waits for the page level; one around it would be held. */
static gboolean
can_have_around (const KmlAllocator *objects, KmlLockKind kind, GError **error)
{
  if (objects->ops->walk_locks == NULL || kind == KML_LOCK_NONE)
    return TRUE;
  return kml_refuse (error, "objects.lock",
                     "%s keeps others out itself, where it must: expected auto, or none",
                     objects->ops->name);
}

/* An object allocator that waits for the page level in its middle must keep others out meanwhile. */
static gboolean
can_be_left_alone (const KmlRunTasks *self, const KmlAllocator *objects, KmlLockKind kind,
                   GError **error)
{
  const guint of_pages = kml_run_tasks_choice (self->spec, "pages.lock", kml_lock_kind_names);

  if (kind != KML_LOCK_NONE || of_pages == KML_LOCK_NONE || objects->ops->walk_locks != NULL)
    return TRUE;
  return kml_refuse (error, "objects.lock",
                     "who waits for the lock of the pages in the middle of a request would be met "
                     "there by another: expected a lock, or [pages] lock = none as well");
}

KmlAllocator *
kml_run_tasks_lock_objects (KmlRunTasks *self, KmlAllocator *objects, GError **error)
{
  const KmlLockKind kind = lock_of_objects (self, objects);

  if (!can_have_around (objects, kind, error) || !can_be_left_alone (self, objects, kind, error))
    return NULL;
  self->objects = kml_locked_new (objects, kind, "objects");
  if (objects->ops->walk_locks == NULL)
    self->objects->preload = self->preload;
  return &self->objects->base;
}

/* ---- Workloads ---- */

static gboolean
build_replays (KmlRunTasks *self, const KmlScheduleSettings *settings, const GPtrArray *workloads,
               KmlTime until, GError **error)
{
  if (workloads->len > 0 && settings->replay == KML_REPLAY_STRAIGHT)
    return kml_refuse (error, "schedule.replay", "beside tasks and devices expected cpus");
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

/* What nothing ends: the first handler, or the first device. (transfer full) */
static char *
endless_setting (const KmlRunSpec *spec)
{
  g_autoptr (GPtrArray) tasks = kml_run_spec_names (spec, "task");
  g_autoptr (GPtrArray) devices = kml_run_spec_names (spec, "device");
  g_autofree char *prefix = tasks->len > 0
                                ? kml_run_tasks_prefix ("task", g_ptr_array_index (tasks, 0))
                                : kml_run_tasks_prefix ("device", g_ptr_array_index (devices, 0));

  return g_strconcat (prefix, tasks->len > 0 ? ".times" : ".", NULL);
}

/* A run that nothing ends is refused, not begun. */
static gboolean
check_end (const KmlRunTasks *self, KmlTime until, GError **error)
{
  gboolean ends = until != KML_TIME_MAX || self->replays->len > 0 ||
                  g_hash_table_size (self->world.tasks) > self->sources->len;

  for (guint i = 0; i < self->sources->len; i++)
    ends |= kml_irq_source_ends (g_ptr_array_index (self->sources, i));
  if (!ends) {
    g_autofree char *endless = endless_setting (self->spec);

    kml_refuse (error, endless,
                "there are only devices and interrupts without end: expected [scenario] until, or "
                "times of a handler");
  }
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
  return build_replays (self, settings, workloads, until, error) &&
         kml_run_tasks_build_shared (self, error) &&
         kml_run_tasks_build_memory (self, pages, error) &&
         kml_run_tasks_build_programs (self, error) && kml_run_tasks_bind_owners (self, error) &&
         check_end (self, until, error);
}

gboolean
kml_run_tasks_build (KmlRunTasks *self, KmlAllocator *pages, KmlAllocator *objects,
                     KmlOldFrames *old, KmlRecorder *recorder, const GPtrArray *workloads,
                     KmlTime until, GError **error)
{
  KmlScheduleSettings settings = { 0 };
  const gboolean good = kml_run_spec_apply (self->spec, "schedule", kml_schedule_params, &settings,
                                            error) &&
                        build_all (self, &settings, pages, objects, recorder, workloads, until,
                                   error);

  self->requests.old = old;
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
  if (kml_scheduler_time_is_over (self->scheduler))
    return kml_refuse (error, "scenario.until",
                       "this would take longer than the 213 days of simulated time that there are");
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
