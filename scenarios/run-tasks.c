/* run-tasks.c: from the settings of a run to tasks that do it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The page allocator and the object allocator are each wrapped in their lock ([pages] lock, [objects] lock). What tasks
 * and the object allocator call is the wrapped one; what is walked and counted is the allocator itself.
 *
 * A task in process context is a task. One in softirq or hardirq context is a handler: a source raises its interrupt at the
 * times that `every` says, and its program is run each time.
 */

#include "scenarios/run-tasks.h"

#include "simcore/locked.h"
#include "workloads/cpu-list.h"
#include "workloads/program-private.h"

static const char *const lock_choices[] = {
  "spin", "spin-softirq", "spin-irq", "mutex", "rw", NULL
};
static const char *const metadata_choices[] = { "pinned", "pageable", NULL };

typedef struct {
  char *cpus;
  guint context; /* KmlContext */
  guint64 count;
  guint64 priority;
  KmlTime start;
  char *every;
  guint64 times;
  char *program;
} TaskSettings;

typedef struct {
  guint kind; /* index into lock_choices */
} LockSettings;

typedef struct {
  guint64 size;
} RegionSettings;

typedef struct {
  guint metadata; /* index into metadata_choices */
  guint lock;
  guint64 pool;
  guint64 resident;
  KmlTime read, write;
} PagerSettings;

static gboolean
validate_every (const char *text, GError **error)
{
  g_autofree char *program = NULL;

  if (text[0] == '\0')
    return TRUE;
  program = g_strconcat ("work ", text, NULL);
  return kml_program_validate (program, error);
}

const KmlParam kml_task_params[] = {
  { .name = "program",
    .type = KML_PARAM_TEXT,
    .validate = kml_program_validate,
    .offset = G_STRUCT_OFFSET (TaskSettings, program),
    .grammar = "lock L, alloc x 64, unlock L, repeat 10 { work 1us }, free x",
    .summary = "what it does, step by step" },
  { .name = "cpus",
    .type = KML_PARAM_TEXT,
    .value = "0",
    .validate = kml_cpu_list_validate,
    .offset = G_STRUCT_OFFSET (TaskSettings, cpus),
    .grammar = "0-3,5 or all",
    .summary = "where it runs; several of it are spread over these in turn" },
  { .name = "count",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 100000,
    .offset = G_STRUCT_OFFSET (TaskSettings, count),
    .summary = "so many tasks with this program; 0: one on each of its CPUs" },
  { .name = "context",
    .type = KML_PARAM_CHOICE,
    .value = "process",
    .choices = kml_context_names,
    .offset = G_STRUCT_OFFSET (TaskSettings, context),
    .summary = "process: a task that may sleep; softirq, hardirq: the handler of an interrupt" },
  { .name = "priority",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 100,
    .offset = G_STRUCT_OFFSET (TaskSettings, priority),
    .summary = "the higher preempts; of a hardirq: the higher interrupts the lower" },
  { .name = "start",
    .type = KML_PARAM_TIME,
    .value = "0",
    .offset = G_STRUCT_OFFSET (TaskSettings, start),
    .summary = "when it begins, or its first interrupt may come" },
  { .name = "every",
    .type = KML_PARAM_TEXT,
    .value = "",
    .validate = validate_every,
    .offset = G_STRUCT_OFFSET (TaskSettings, every),
    .grammar = "100us, 50us..150us, exponential(100us)",
    .summary = "of a handler: the time between two interrupts" },
  { .name = "times",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .offset = G_STRUCT_OFFSET (TaskSettings, times),
    .summary = "of a handler: so many interrupts, and the run waits for them; 0: as long as "
               "anything else runs" },
  { NULL },
};

const KmlParam kml_lock_params[] = {
  { .name = "kind",
    .type = KML_PARAM_CHOICE,
    .value = "spin",
    .choices = lock_choices,
    .offset = G_STRUCT_OFFSET (LockSettings, kind),
    .summary =
        "spin locks keep the CPU busy, and others off it; mutex and rw (readers share) sleep" },
  { NULL },
};

const KmlParam kml_region_params[] = {
  { .name = "size",
    .type = KML_PARAM_SIZE,
    .value = "4KiB",
    .min = 1,
    .max = G_GUINT64_CONSTANT (1) << 32,
    .offset = G_STRUCT_OFFSET (RegionSettings, size),
    .summary = "bytes of pageable kernel memory, none of it resident at first" },
  { NULL },
};

const KmlParam kml_pager_params[] = {
  { .name = "metadata",
    .type = KML_PARAM_CHOICE,
    .value = "pinned",
    .choices = metadata_choices,
    .offset = G_STRUCT_OFFSET (PagerSettings, metadata),
    .summary = "where allocators keep their structures: in memory that is always there, or in "
               "memory that may be paged out" },
  { .name = "pool",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (PagerSettings, pool),
    .summary = "page frames set aside for the pager alone; 0: it asks the page allocator" },
  { .name = "resident",
    .type = KML_PARAM_COUNT,
    .value = "1000000",
    .min = 1,
    .max = 1000000000,
    .offset = G_STRUCT_OFFSET (PagerSettings, resident),
    .summary = "pageable pages that may be resident at a time" },
  { .name = "lock",
    .type = KML_PARAM_CHOICE,
    .value = "mutex",
    .choices = lock_choices,
    .offset = G_STRUCT_OFFSET (PagerSettings, lock),
    .summary = "what protects the page tables" },
  { .name = "read",
    .type = KML_PARAM_TIME,
    .value = "100us",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (PagerSettings, read),
    .summary = "from the disk, one page" },
  { .name = "write",
    .type = KML_PARAM_TIME,
    .value = "100us",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (PagerSettings, write),
    .summary = "to the disk, one page" },
  { NULL },
};

static const char *const policy_choices[] = { "timed", "random", NULL };

typedef struct {
  guint policy; /* index into policy_choices */
  KmlTime time_slice;
} ScheduleSettings;

const KmlParam kml_schedule_params[] = {
  { .name = "policy",
    .type = KML_PARAM_CHOICE,
    .value = "timed",
    .choices = policy_choices,
    .offset = G_STRUCT_OFFSET (ScheduleSettings, policy),
    .summary = "who goes on where several could: in the order of simulated time, or any of them "
               "with equal probability, "
               "as if CPUs were delayed at will; a repetition is another draw" },
  { .name = "time-slice",
    .type = KML_PARAM_TIME,
    .value = "4ms",
    .min = KML_NS,
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (ScheduleSettings, time_slice),
    .summary = "after so long an equal task of the same CPU has its turn" },
  { NULL },
};

/* An interrupt that comes again and again. */
typedef struct {
  KmlMachine *machine;
  KmlScheduler *scheduler;
  KmlIrq irq;
  KmlTimer timer;
  KmlProgramTask *doer; /* borrowed */
  KmlProgram *law;      /* (owned): "work LAW": its only step draws the times */
  KmlRng rng;
  guint64 times; /* 0: no end */
  guint64 n_raised, n_handled;
} Source;

struct _KmlRunTasks {
  const KmlRunSpec *spec;
  KmlMachine *machine;
  KmlScheduler *scheduler; /* (owned) */
  KmlRequests requests;
  KmlWorld world;
  KmlPager *pager;     /* (owned) (nullable) */
  KmlRng schedule_rng; /* of the policy random */
  KmlLocked *pages;    /* (owned) */
  KmlLocked *objects;  /* (owned) (nullable) */
  GPtrArray *devices;  /* (owned) (element-type KmlDevice) */
  GPtrArray *programs; /* (owned) (element-type KmlProgram) */
  GPtrArray *doers;    /* (owned) (element-type KmlProgramTask) */
  GPtrArray *sources;  /* (owned) (element-type Source) */
};

gboolean
kml_run_has_tasks (const KmlRunSpec *spec)
{
  g_autoptr (GPtrArray) tasks = kml_run_spec_names (spec, "task");
  g_autoptr (GPtrArray) devices = kml_run_spec_names (spec, "device");

  return tasks->len > 0 || devices->len > 0;
}

static char *
prefix_of (const char *group, const char *name)
{
  return name[0] == '\0' ? g_strdup (group) : g_strconcat (group, ".", name, NULL);
}

/* ---- Around the allocators ---- */

static KmlLockKind
lock_kind (const KmlRunSpec *spec, const char *key)
{
  const char *text = kml_run_spec_get (spec, key);

  for (guint i = 0; kml_lock_kind_names[i] != NULL; i++)
    if (g_str_equal (text, kml_lock_kind_names[i]))
      return (KmlLockKind)i;
  g_assert_not_reached ();
}

static gboolean
build_pager (KmlRunTasks *self, KmlAllocator *pages, GError **error)
{
  PagerSettings settings = { 0 };
  KmlPagerConfig config;

  if (!kml_run_spec_apply (self->spec, "pager", kml_pager_params, &settings, error))
    return FALSE;
  config = (KmlPagerConfig){
    .machine = self->machine,
    .pages = pages,
    .pool = settings.pool,
    .resident = settings.resident,
    .read = settings.read,
    .write = settings.write,
    .lock = (KmlLockKind)(KML_LOCK_SPIN + settings.lock),
  };
  self->pager = kml_pager_new (&config);
  if (!kml_pager_fill_pool (self->pager, error))
    return FALSE;
  if (settings.metadata == 1) { /* pageable */
    self->pages->metadata = kml_pager_add (self->pager, 1);
    self->pages->pager = self->pager;
  }
  return TRUE;
}

static void
free_source (gpointer data)
{
  Source *source = data;

  kml_irq_clear (&source->irq);
  kml_program_free (source->law);
  g_free (source);
}

KmlRunTasks *
kml_run_tasks_new (const KmlRunSpec *spec, KmlMachine *machine)
{
  KmlRunTasks *self = g_new0 (KmlRunTasks, 1);

  self->spec = spec;
  self->machine = machine;
  self->devices = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_device_free);
  self->programs = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_program_free);
  self->doers = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_program_task_free);
  self->sources = g_ptr_array_new_with_free_func (free_source);
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
  g_ptr_array_unref (self->devices);
  kml_scheduler_free (self->scheduler);
  g_ptr_array_unref (self->sources);
  g_ptr_array_unref (self->doers);
  g_ptr_array_unref (self->programs);
  kml_pager_free (self->pager);
  if (self->objects != NULL)
    kml_allocator_destroy (&self->objects->base);
  if (self->pages != NULL)
    kml_allocator_destroy (&self->pages->base);
  g_free (self);
}

KmlAllocator *
kml_run_tasks_lock_pages (KmlRunTasks *self, KmlAllocator *pages)
{
  self->pages = kml_locked_new (pages, lock_kind (self->spec, "pages.lock"), "pages");
  return &self->pages->base;
}

KmlAllocator *
kml_run_tasks_lock_objects (KmlRunTasks *self, KmlAllocator *objects)
{
  self->objects = kml_locked_new (objects, lock_kind (self->spec, "objects.lock"), "objects");
  return &self->objects->base;
}

/* ---- What tasks share ---- */

static gboolean
build_locks (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "lock");

  for (guint i = 0; i < names->len; i++) {
    g_autofree char *prefix = prefix_of ("lock", g_ptr_array_index (names, i));
    char *name = g_strdup (g_ptr_array_index (names, i));
    KmlLock *lock = g_new0 (KmlLock, 1);
    LockSettings settings;

    g_hash_table_insert (self->world.locks, name, lock);
    if (!kml_run_spec_apply (self->spec, prefix, kml_lock_params, &settings, error))
      return FALSE;
    kml_lock_init (lock, (KmlLockKind)(KML_LOCK_SPIN + settings.kind), name);
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
    g_autofree char *prefix = prefix_of ("region", g_ptr_array_index (names, i));
    KmlRegion *region = g_new0 (KmlRegion, 1);
    RegionSettings settings;

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
  const KmlDeviceHost host = { self->machine, self->requests.pages, self->requests.objects };
  g_autofree char *prefix = prefix_of ("device", name);
  g_autofree char *key = g_strconcat (prefix, ".kind", NULL);
  const KmlDeviceOps *ops = kml_device_find (kml_run_spec_get (self->spec, key));
  KmlDevice *device;
  KmlDisk *disk;

  g_assert (ops != NULL); /* the loader has checked the kind */
  device = kml_device_new (ops, name);
  g_ptr_array_add (self->devices, device);
  if (!kml_run_spec_apply (self->spec, prefix, ops->params, device, error) ||
      !kml_device_open (device, &host, error)) {
    g_prefix_error (error, "[device %s]: ", name);
    return FALSE;
  }
  disk = kml_disk_from_device (device);
  if (disk != NULL)
    g_hash_table_insert (self->world.disks, g_strdup (name), disk);
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
new_doer (KmlRunTasks *self, const char *name, const KmlProgram *program, GError **error)
{
  KmlProgramTask *doer;
  KmlRng rng;

  kml_rng_init (&rng, self->machine->seed, name);
  doer = kml_program_task_new (program, &self->world, &rng, error);
  if (doer != NULL)
    g_ptr_array_add (self->doers, doer);
  return doer;
}

static void
wait_for_next (Source *source)
{
  const KmlStep *step = &g_array_index (source->law->steps, KmlStep, 0);

  kml_timer_set (&source->timer, source->scheduler,
                 source->machine->now + kml_step_draw_time (step, &source->rng));
}

static void
come (gpointer data)
{
  Source *source = data;

  kml_irq_raise (&source->irq);
  if (++source->n_raised != source->times)
    wait_for_next (source);
}

static void
handle (KmlMachine *machine, gpointer data)
{
  Source *source = data;

  kml_program_run (machine, source->doer);
  if (++source->n_handled == source->times)
    kml_scheduler_release (source->scheduler);
}

static gboolean
add_source (KmlRunTasks *self, const char *name, guint cpu, const TaskSettings *settings,
            KmlProgramTask *doer, GError **error)
{
  Source *source;
  g_autofree char *law = g_strconcat ("work ", settings->every, NULL);
  int level = KML_LEVEL_SOFTIRQ;

  if (settings->every[0] == '\0') {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "a task in %s context is the handler of an interrupt: say how often it comes "
                 "(every = 100us)",
                 kml_context_names[settings->context]);
    return FALSE;
  }
  if (settings->context == KML_CONTEXT_HARDIRQ)
    level = KML_LEVEL_HARDIRQ + (int)settings->priority;
  source = g_new0 (Source, 1);
  g_ptr_array_add (self->sources, source);
  source->machine = self->machine;
  source->scheduler = self->scheduler;
  source->doer = doer;
  source->times = settings->times;
  source->law = kml_program_parse (law, error);
  if (source->law == NULL)
    return FALSE;
  kml_rng_init (&source->rng, self->machine->seed, law);
  kml_irq_init (&source->irq, self->scheduler, name, cpu, level, handle, source);
  kml_timer_init (&source->timer, self->scheduler, come, source);
  kml_timer_set (&source->timer, self->scheduler, settings->start);
  if (source->times > 0)
    kml_scheduler_hold (self->scheduler);
  return TRUE;
}

static gboolean
add_task (KmlRunTasks *self, const char *name, guint cpu, const TaskSettings *settings,
          const KmlProgram *program, GError **error)
{
  KmlProgramTask *doer = new_doer (self, name, program, error);
  const KmlTaskConfig config = {
    .name = name,
    .cpu = cpu,
    .priority = (int)settings->priority,
    .start = settings->start,
    .func = kml_program_run,
    .data = doer,
  };

  if (doer == NULL || !cpu_in_reach (self, cpu, error))
    return FALSE;
  if (settings->context != KML_CONTEXT_PROCESS)
    return add_source (self, name, cpu, settings, doer, error);
  g_hash_table_insert (self->world.tasks, g_strdup (name), kml_task_new (self->scheduler, &config));
  return TRUE;
}

/* All tasks of one group. */
static gboolean
add_tasks (KmlRunTasks *self, const char *name, const TaskSettings *settings, GError **error)
{
  KmlProgram *program = kml_program_parse (settings->program, error);
  g_autofree guint16 *cpus = NULL;
  guint n_cpus;
  guint64 n;

  if (program == NULL)
    return FALSE;
  g_ptr_array_add (self->programs, program);
  if (!kml_cpu_list_parse (settings->cpus, self->machine->n_cpus, &cpus, &n_cpus, error))
    return FALSE;
  n = settings->count > 0 ? settings->count : n_cpus;
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
    g_autofree char *prefix = prefix_of ("task", name);
    TaskSettings settings = { 0 };
    gboolean ok = kml_run_spec_apply (self->spec, prefix, kml_task_params, &settings, error) &&
                  add_tasks (self, name, &settings, error);

    kml_params_clear (kml_task_params, &settings);
    if (!ok) {
      g_prefix_error (error, "[task %s]: ", name);
      return FALSE;
    }
  }
  return TRUE;
}

/* A run that nothing ends is refused, not begun. */
static gboolean
check_end (const KmlRunTasks *self, KmlTime until, GError **error)
{
  gboolean ends = until != KML_TIME_MAX ||
                  g_hash_table_size (self->world.tasks) > self->sources->len;

  for (guint i = 0; i < self->sources->len; i++)
    ends |= ((const Source *)g_ptr_array_index (self->sources, i))->times > 0;
  if (!ends)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "there are only devices and interrupts without end: say [scenario] until, or "
                 "times of a task");
  return ends;
}

static guint
choose_at_random (const KmlCandidate *candidates, guint n, gpointer data)
{
  KmlRunTasks *self = data;

  return (guint)kml_rng_below (&self->schedule_rng, n);
}

gboolean
kml_run_tasks_build (KmlRunTasks *self, KmlAllocator *pages, KmlAllocator *objects,
                     KmlRecorder *recorder, KmlTime until, GError **error)
{
  ScheduleSettings settings = { 0 };
  KmlSchedulerConfig config = { .machine = self->machine, .until = until };

  if (!kml_run_spec_apply (self->spec, "schedule", kml_schedule_params, &settings, error))
    return FALSE;
  config.time_slice = settings.time_slice;
  if (settings.policy == 1) { /* random */
    kml_rng_init (&self->schedule_rng, self->machine->seed, "schedule");
    config.choose = choose_at_random;
    config.choose_data = self;
  }
  if (!build_pager (self, pages, error))
    return FALSE;
  self->scheduler = kml_scheduler_new (&config);
  self->requests = (KmlRequests){
    .machine = self->machine,
    .pages = pages,
    .objects = objects,
    .recorder = recorder,
  };
  kml_world_init (&self->world, self->machine, self->scheduler, &self->requests);
  return build_locks (self, error) && build_regions (self, error) && build_devices (self, error) &&
         build_tasks (self, error) && check_end (self, until, error);
}

/* ---- Running ---- */

void
kml_run_tasks_set_choices (KmlRunTasks *self, KmlChooseFunc choose, gpointer data)
{
  kml_scheduler_set_choices (self->scheduler, choose, data);
}

gboolean
kml_run_tasks_execute (KmlRunTasks *self, GError **error)
{
  kml_scheduler_run (self->scheduler);
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

/* ---- Results ---- */

static void G_GNUC_PRINTF (4, 5)
    add_metric (GArray *metrics, const char *unit, double value, const char *name, ...)
{
  KmlMetric metric = { .unit = unit, .value = value };
  va_list args;

  va_start (args, name);
  metric.name = g_strdup_vprintf (name, args);
  va_end (args);
  g_array_append_val (metrics, metric);
}

static void
add_lock (GArray *metrics, const KmlLock *lock)
{
  add_metric (metrics, "times", (double)lock->n_taken, "lock.%s.taken", lock->name);
  add_metric (metrics, "times", (double)lock->n_contended, "lock.%s.contended", lock->name);
  add_metric (metrics, "ns", (double)lock->waited / KML_NS, "lock.%s.wait_ns", lock->name);
  add_metric (metrics, "ns", (double)lock->worst_wait / KML_NS, "lock.%s.wait_max_ns", lock->name);
  add_metric (metrics, "ns", (double)lock->held / KML_NS, "lock.%s.hold_ns", lock->name);
  add_metric (metrics, "ns", (double)lock->worst_hold / KML_NS, "lock.%s.hold_max_ns", lock->name);
  add_metric (metrics, "tasks", lock->most_waiting, "lock.%s.waiters.peak", lock->name);
}

static void
add_worst (GArray *metrics, const KmlRequests *requests, guint operation, guint context)
{
  if (requests->who[operation][context] == NULL)
    return;
  for (guint part = 0; part < KML_N_PARTS; part++)
    add_metric (metrics, "ns", (double)requests->parts[operation][context][part] / KML_NS,
                "worst.%s.%s.%s_ns", kml_operation_names[operation], kml_context_names[context],
                kml_part_names[part]);
}

/* Devices of one kind are one metric, their sum; a mean of several is none. */
static void
add_device (const KmlRunTasks *self, GArray *metrics, KmlDevice *device)
{
  guint n_alike = 0;

  for (guint i = 0; i < self->devices->len; i++)
    n_alike += ((const KmlDevice *)g_ptr_array_index (self->devices, i))->ops == device->ops;
  kml_device_account (device);
  for (guint i = 0; device->ops->counters != NULL && device->ops->counters[i].name != NULL; i++)
    add_metric (metrics, device->ops->counters[i].unit, (double)device->counters[i], "%s.%s",
                device->ops->name, device->ops->counters[i].name);
  for (guint i = 0;
       n_alike == 1 && device->ops->figures != NULL && device->ops->figures[i].name != NULL; i++)
    add_metric (metrics, device->ops->figures[i].unit,
                device->ops->figures[i].value (device->counters), "%s.%s", device->ops->name,
                device->ops->figures[i].name);
}

void
kml_run_tasks_metrics (const KmlRunTasks *self, GArray *metrics)
{
  const GArray *incidents = kml_scheduler_incidents (self->scheduler);
  guint n[KML_N_INCIDENTS] = { 0 };
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "lock");

  for (guint i = 0; i < incidents->len; i++)
    n[g_array_index (incidents, KmlIncident, i).kind]++;
  for (guint i = 0; i < KML_N_INCIDENTS; i++)
    add_metric (metrics, "times", n[i], "%s", kml_incident_metrics[i]);
  for (guint i = 0; i < names->len; i++)
    add_lock (metrics, g_hash_table_lookup (self->world.locks, g_ptr_array_index (names, i)));
  for (guint i = 0; i < self->devices->len; i++)
    add_device (self, metrics, g_ptr_array_index (self->devices, i));
  add_lock (metrics, &self->pages->lock);
  add_lock (metrics, &self->objects->lock);
  add_lock (metrics, &self->pager->lock);
  add_metric (metrics, "faults", (double)self->pager->n_faults, "fault.count");
  add_metric (metrics, "pages", (double)self->pager->n_evicted, "fault.evicted");
  add_metric (metrics, "faults", (double)self->pager->n_no_frame, "fault.failed");
  add_metric (metrics, "ns", (double)self->machine->now / KML_NS, "time.end_ns");
  add_metric (metrics, "switches", (double)kml_scheduler_n_switches (self->scheduler),
              "task.switches");
  for (guint i = 0; i < KML_N_OPERATIONS; i++)
    for (guint j = 0; j < KML_N_CONTEXTS; j++)
      add_worst (metrics, &self->requests, i, j);
}
