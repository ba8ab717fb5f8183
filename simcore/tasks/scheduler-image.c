/* scheduler-image.c: tasks, as they were before any of them ran.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stacks are not copied: at that time nobody stood on one. Who stands on one when it is put back leaves it to the pool, which
 * hands it out again while it is still in the caches.
 */

#include "simcore/tasks/ipi.h"
#include "simcore/tasks/scheduler-private.h"

/* Tasks that were made since: the idle ones, who refills a reserve. */
static void
forget_tasks (KmlScheduler *self)
{
  for (guint i = 0; i < self->own->len; i++) {
    KmlTask *task = g_ptr_array_index (self->own, i);

    kml_coroutine_drop (&task->own, self->pool);
    if (i >= self->remembered.n_own)
      g_free (task->name);
  }
  g_ptr_array_set_size (self->own, (int)self->remembered.n_own);
  g_ptr_array_set_size (self->tasks, (int)self->remembered.n_tasks);
  g_ptr_array_set_size (self->timers, (int)self->remembered.n_timers);
  g_ptr_array_set_size (self->any_time, (int)self->remembered.n_any_time);
}

static void
set_events (KmlScheduler *self)
{
  kml_agenda_clear (self->agenda);
  for (guint i = 0; i < self->remembered.events->len; i++) {
    const KmlEvent *event = &g_array_index (self->remembered.events, KmlEvent, i);

    kml_agenda_schedule (self->agenda, event->time, event->what);
  }
}

static void
forget (gpointer data)
{
  KmlScheduler *self = data;

  if (self->ipis != self->remembered.ipis)
    kml_ipis_free (self->ipis);
  kml_turns_drop_room (&self->turns);
  forget_tasks (self);
  set_events (self);
  kml_incidents_clear (self->incidents);
  g_hash_table_remove_all (self->bugs);
}

void
kml_scheduler_remember (KmlScheduler *self, KmlImage *image)
{
  KmlEvent event;

  g_assert (self->running == NULL);
  g_assert (self->remembered.events == NULL);

  self->config.lockdep = NULL;
  self->remembered.events = g_array_new (FALSE, FALSE, sizeof (KmlEvent));
  while (kml_agenda_take (self->agenda, &event))
    g_array_append_val (self->remembered.events, event);
  set_events (self);
  self->remembered.ipis = self->ipis;
  self->remembered.n_own = self->own->len;
  self->remembered.n_tasks = self->tasks->len;
  self->remembered.n_timers = self->timers->len;
  self->remembered.n_any_time = self->any_time->len;
  kml_turns_keep (&self->turns);
  kml_image_add_hook (image, forget, self);
  kml_image_add (image, self, sizeof *self);
  kml_image_add (image, self->cpus, self->machine->n_cpus * sizeof *self->cpus);
  kml_image_add (image, self->turns.block, kml_turns_size (&self->turns));
  if (self->ipis != NULL)
    kml_ipis_remember (self->ipis, image);
  for (guint i = 0; i < self->own->len; i++)
    kml_image_add (image, g_ptr_array_index (self->own, i), sizeof (KmlTask));
}
