/* completion.c: waiting for what others bring about.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/completion.h"

void
kml_completion_init (KmlCompletion *self, const char *name)
{
  *self = (KmlCompletion){ .name = name, .object = kml_object_named (name) };
  g_queue_init (&self->waiters);
}

void
kml_completion_clear (KmlCompletion *self)
{
  g_queue_clear (&self->waiters);
}

static void
forget_waiters (gpointer data)
{
  kml_completion_clear (data);
}

void
kml_completion_remember (KmlCompletion *self, KmlImage *image)
{
  g_assert (g_queue_is_empty (&self->waiters));
  kml_image_add_hook (image, forget_waiters, self);
  kml_image_add (image, self, sizeof *self);
}

void
kml_completion_wait (KmlMachine *machine, KmlCompletion *self, KmlTask *provider)
{
  KmlTask *task = kml_current_task (machine);
  const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = self->name, .provider = provider };

  kml_sync_on (machine, self->object);
  while (self->n_posted == 0) {
    g_queue_push_tail (&self->waiters, task);
    kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
    g_queue_remove (&self->waiters, task);
  }
  self->n_posted--;
}

void
kml_completion_post (KmlMachine *machine, KmlCompletion *self)
{
  KmlTask *waiter;

  kml_sync_on (machine, self->object);
  kml_spend (machine, KML_COST_WAKE, 1);
  self->n_posted++;
  waiter = g_queue_pop_head (&self->waiters);
  if (waiter != NULL)
    kml_task_wake (waiter);
}
