/* progress.c: tasks that go on and get nowhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * No cycle of waits closes, and yet nothing comes of it. Three kinds are named:
 *
 *   livelock            for a stated time steps are done and none of them achieves anything. What counts as progress is told by who runs the
 *                       steps (kml_scheduler_progress()), as SPIN's progress labels tell it (G. J. Holzmann, The SPIN Model Checker, 2003, chapter 4)
 *   livelock at one     a task does a million steps and simulated time does not pass: without an end of its own such a run would
 *   instant             have none. This is always watched
 *   priority inversion  for a stated time a task waits for one of lower priority, which is ready and does not run, since one in
 *                       between has its CPU (L. Sha, R. Rajkumar, J. P. Lehoczky, IEEE Trans. Computers 39(9), 1990)
 *
 * A livelock ends the run, an inversion does not: who has the CPU may be done one day.
 *
 * Time is looked at where others are let in anyway: the horizon (scheduler.h) is never further than the next look, sixteen of which are in the
 * stated time. Nothing is put into the agenda, so a stall is still seen as one.
 */

#include "simcore/scheduler-private.h"
#include "simcore/units.h"

#define LOOKS   16
#define N_STEPS 16 /* fewer in the stated time are slow, and no livelock */
#define N_AT_ONCE                                                                                  \
  1000000 /* a second of the host, or less; no real code takes no time for so many */

void
kml_progress_init (KmlScheduler *self)
{
  self->watch.next = self->config.no_progress > 0 ? self->machine->now : KML_TIME_MAX;
}

void
kml_scheduler_progress (KmlScheduler *self)
{
  self->watch.n_progress++;
}

/* ---- Inversions ---- */

static gboolean
has_waited (const KmlScheduler *self, const KmlTask *task)
{
  return (task->state == KML_TASK_SLEEPING || task->state == KML_TASK_SPINNING) &&
         task->wait.kind != KML_WAIT_NONE &&
         self->machine->now - task->wait.since >= self->config.no_progress;
}

/* Whom @task waits for in the end, if that one is ready and kept from its CPU. (nullable) */
static KmlTask *
kept_from_cpu (const KmlScheduler *self, const KmlTask *task)
{
  KmlTask *other = kml_wait_blocker (self, task, 0);

  for (guint n = 0; other != NULL && other->state != KML_TASK_READY; n++) {
    if (other->wait.kind == KML_WAIT_NONE || n == self->tasks->len)
      return NULL;
    other = kml_wait_blocker (self, other, 0);
  }
  if (other == NULL || self->machine->now - other->part_since < self->config.no_progress)
    return NULL;
  return other;
}

static void
look_for_inversion (KmlScheduler *self, KmlTask *task)
{
  const KmlTask *low = kept_from_cpu (self, task);
  const KmlTask *middle;

  if (low == NULL)
    return;
  middle = self->cpus[low->cpu].current;
  while (middle != NULL && middle->below != NULL)
    middle = middle->below;
  if (middle == NULL || middle->priority >= task->priority || middle->priority <= low->priority)
    return;
  task->is_inverted = TRUE;
  kml_incident_inversion (self, task, low, middle);
}

/* ---- Looking ---- */

void
kml_progress_look (KmlScheduler *self)
{
  const KmlTime now = self->machine->now;

  self->watch.next = now + MAX (1, self->config.no_progress / LOOKS);
  if (self->watch.n_progress != self->watch.n_seen) {
    self->watch.n_seen = self->watch.n_progress;
    self->watch.since = now;
    self->watch.n_steps_then = self->watch.n_steps;
  }
  for (guint i = 0; i < self->tasks->len; i++) {
    KmlTask *task = g_ptr_array_index (self->tasks, i);

    if (!has_waited (self, task))
      task->is_inverted = FALSE;
    else if (!task->is_inverted)
      look_for_inversion (self, task);
  }
  if (now - self->watch.since >= self->config.no_progress &&
      self->watch.n_steps - self->watch.n_steps_then >= N_STEPS) {
    g_autofree char *time = kml_format_time (now - self->watch.since);

    kml_incident_livelock (
        self, g_strdup_printf ("for %s %" G_GUINT64_FORMAT " steps were done, and nothing came of "
                               "them",
                               time, self->watch.n_steps - self->watch.n_steps_then));
  }
}

gboolean
kml_progress_step (KmlScheduler *self, KmlStepCount *count)
{
  const KmlTime now = self->machine->now;

  self->watch.n_steps++;
  if (G_LIKELY (now != count->time)) {
    count->time = now;
    count->n = 0;
    return TRUE;
  }
  if (++count->n < N_AT_ONCE || self->is_stopped)
    return TRUE;
  kml_incident_livelock (self, g_strdup_printf ("%s has done %d steps, and time did not pass",
                                                kml_current_task (self->machine)->name, N_AT_ONCE));
  return FALSE;
}
