/* run-tasks-programs.c: the tasks and handlers of a run, with their programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A task in process context is a task. One in softirq or hardirq context is a handler: a source raises its interrupt at the
 * times that `every` says, and its program is run each time.
 */

#include "scenarios/running/run-tasks-private.h"

#include "simcore/pages/memalloc.h"
#include "workloads/cpu-list.h"

static gboolean
cpu_in_reach (const KmlRunTasks *self, guint cpu, GError **error)
{
  if (cpu < self->machine->n_cpus)
    return TRUE;
  return kml_refuse (error, "cpus", "the machine has CPUs 0 to %u, there is no %u",
                     self->machine->n_cpus - 1, cpu);
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
  if (self->n_tasks > KML_MAX_TASKS)
    return kml_refuse (error, "count", "expected at most %d tasks and handlers in all",
                       KML_MAX_TASKS);
  for (guint64 i = 0; i < n; i++) {
    g_autofree char *full = n == 1 ? g_strdup (name)
                                   : g_strdup_printf ("%s.%" G_GUINT64_FORMAT, name, i);

    if (!add_task (self, full, cpus[i % n_cpus], settings, program, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
kml_run_tasks_build_programs (KmlRunTasks *self, GError **error)
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
      kml_blame_group (error, prefix);
      return FALSE;
    }
  }
  return TRUE;
}
