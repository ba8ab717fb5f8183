/* completion.c: waiting for what others bring about.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/tasks/completion.h"

#include "simcore/tasks/scheduler-private.h"

void
kml_completion_init (KmlCompletion *self, const char *name)
{
  *self = (KmlCompletion){ .name = name, .object = kml_object_named (name) };
  g_queue_init (&self->waiters);
  self->posters.tasks = g_ptr_array_new ();
}

void
kml_completion_clear (KmlCompletion *self)
{
  g_queue_clear (&self->waiters);
  g_clear_pointer (&self->posters.tasks, g_ptr_array_unref);
}

static void
forget_waiters (gpointer data)
{
  g_queue_clear (&((KmlCompletion *)data)->waiters);
}

void
kml_completion_remember (KmlCompletion *self, KmlImage *image)
{
  g_assert (g_queue_is_empty (&self->waiters));
  kml_image_add_hook (image, forget_waiters, self);
  kml_image_add (image, self, sizeof *self);
}

void
kml_completion_add_poster (KmlCompletion *self, KmlTask *task)
{
  kml_providers_add (&self->posters, task);
}

/* ---- Whose elements are ---- */

static void
take_element (KmlCompletion *self, KmlTask *task)
{
  if (self->is_pool && task->n_elements < KML_MAX_ELEMENTS)
    task->elements[task->n_elements++] = (KmlElement){ self->name, &self->posters,
                                                       task->scheduler->machine->now, task->step };
}

/* The latest of @task's. */
static KmlElement *
find_element (const KmlCompletion *self, KmlTask *task)
{
  for (guint i = task->n_elements; i-- > 0;)
    if (task->elements[i].pool == &self->posters)
      return &task->elements[i];
  return NULL;
}

/* Whose has been out for longest; of equal ones, the first task's. (nullable) */
static KmlTask *
find_longest (const KmlCompletion *self, const KmlScheduler *scheduler)
{
  const GPtrArray *tasks = kml_scheduler_tasks (scheduler);
  const KmlElement *longest = NULL;
  KmlTask *whose = NULL;

  for (guint i = 0; i < tasks->len; i++) {
    const KmlElement *element = find_element (self, g_ptr_array_index (tasks, i));

    if (element != NULL && (longest == NULL || element->since < longest->since)) {
      longest = element;
      whose = g_ptr_array_index (tasks, i);
    }
  }
  return whose;
}

static void
give_element (KmlCompletion *self, KmlTask *task)
{
  KmlTask *whose = find_element (self, task) != NULL ? task : find_longest (self, task->scheduler);
  const KmlElement *element = whose != NULL ? find_element (self, whose) : NULL;

  if (element == NULL)
    return; /* one more than there were */
  kml_span_lock (whose, self->name, element->since, whose->scheduler->machine->now);
  for (guint i = (guint)(element - whose->elements) + 1; i < whose->n_elements; i++)
    whose->elements[i - 1] = whose->elements[i];
  whose->n_elements--;
}

/* ---- Waiting ---- */

void
kml_completion_wait (KmlMachine *machine, KmlCompletion *self, KmlTask *provider)
{
  KmlTask *task = kml_current_task (machine);
  const KmlWait wait = {
    .kind = KML_WAIT_EVENT, .what = self->name, .provider = provider, .providers = &self->posters
  };

  kml_sync_on (machine, self->object);
  while (self->n_posted == 0) {
    g_queue_push_tail (&self->waiters, task);
    if (machine->scheduler->wakes_commute)
      kml_task_wait_now (machine, &wait, KML_PART_SLEEP, FALSE); /* as part of the same step */
    else
      kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
    g_queue_remove (&self->waiters, task);
  }
  self->n_posted--;
  take_element (self, task);
}

void
kml_completion_post (KmlMachine *machine, KmlCompletion *self)
{
  KmlTask *waiter;

  kml_sync_on (machine, self->object);
  kml_spend (machine, KML_COST_WAKE, 1);
  self->n_posted++;
  if (self->is_pool)
    give_element (self, kml_current_task (machine));
  waiter = g_queue_pop_head (&self->waiters);
  if (waiter != NULL)
    kml_task_wake (waiter);
}
