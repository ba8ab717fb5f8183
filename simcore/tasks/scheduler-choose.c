/* scheduler-choose.c: what comes next where that is open.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * See scheduler.c, 3.
 *
 * What a step touches. A task that begins to wait for an event leaves its CPU to another one. Whether that is seen by who wakes a third task of that CPU depends on how
 * many there are. Of two equal ones, one waits and the other is ready or sleeps: it is next in any case, whether it was made ready before or after. So the wait touches
 * the event alone, and can be one step with the look whether the event has come. Of three, or of two with different priorities, it may be the order of those steps that says who
 * is next: there the wait is a step of its own that touches all.
 *
 * An IPI that arrives disturbs what its CPU does next, whatever that is, and nobody else. Its handler lets others in before it touches anything (ipi.c), so a step that it
 * comes before touches what it would have touched, or nothing.
 */

#include "simcore/tasks/scheduler-private.h"

static gboolean
has_two_equals_at_most (const KmlScheduler *self, guint number)
{
  const KmlTask *first = NULL;
  guint n = 0;

  for (guint i = 0; i < self->own->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->own, i);

    if (task->cpu != number)
      continue;
    if (first != NULL && first->priority != task->priority)
      return FALSE;
    first = task;
    n++;
  }
  return n <= 2;
}

void
kml_scheduler_begin_to_choose (KmlScheduler *self)
{
  self->wakes_commute = self->config.choose != NULL;
  for (guint i = 0; self->wakes_commute && i < self->machine->n_cpus; i++)
    self->wakes_commute = has_two_equals_at_most (self, i);
}

/* See KmlCandidate. */
static guint
who_of (const KmlScheduler *self, const KmlTimer *timer)
{
  const guint n_cpus = self->machine->n_cpus;

  return timer->cpu > 0 ? n_cpus + timer->cpu : 2 * n_cpus + 1 + timer->index;
}

/* One that may ring at any time. */
static KmlTimer *
find_timer (const KmlScheduler *self, guint who)
{
  guint i = 0;

  while (who_of (self, g_ptr_array_index (self->any_time, i)) != who)
    i++;
  return g_ptr_array_index (self->any_time, i);
}

/* The earliest timer, and those that may ring at any time, behind @n candidates. */
static guint
add_timers (KmlScheduler *self, guint n)
{
  const guint n_cpus = self->machine->n_cpus;
  guint n_open = 0;

  for (guint i = 0; i < self->any_time->len; i++)
    n_open += ((const KmlTimer *)g_ptr_array_index (self->any_time, i))->is_set;
  if (self->n_timers_set > n_open)
    self->candidates[n++] = (KmlCandidate){ KML_CANDIDATE_TIMER, n_cpus, KML_OBJECT_ANY,
                                            kml_agenda_next_time (self->agenda) };
  for (guint i = 0; i < self->any_time->len; i++) {
    const KmlTimer *timer = g_ptr_array_index (self->any_time, i);

    if (timer->is_set)
      self->candidates[n++] = (KmlCandidate){ KML_CANDIDATE_TIMER, who_of (self, timer),
                                              timer->cpu > 0 ? KML_OBJECT_CPU (timer->cpu - 1)
                                                             : KML_OBJECT_ANY,
                                              timer->time };
  }
  return n;
}

/* What its next step touches, interrupts that it may take before that included. */
static guint64
object_of (const KmlCpu *cpu)
{
  for (const KmlIrq *irq = cpu->pending; irq != NULL; irq = irq->next)
    if (!irq->is_quiet)
      return KML_OBJECT_ANY;
  return cpu->object;
}

/* A CPU whose first task has yet to begin. */
static KmlNext
next_beginning (KmlScheduler *self)
{
  KmlCpu *cpu = self->cpus;

  while (!cpu->begins)
    cpu++;
  cpu->begins = FALSE;
  self->n_begin--;
  return kml_next_cpu (cpu);
}

gboolean
kml_scheduler_choose_next (KmlScheduler *self, KmlNext *ret_next)
{
  const guint n_cpus = self->machine->n_cpus;
  KmlCandidate *candidates = self->candidates;
  guint n = 0, chosen, who;

  if (self->n_begin > 0) {
    *ret_next = next_beginning (self);
    return TRUE;
  }
  for (guint i = 0; i < n_cpus; i++) {
    const KmlCpu *cpu = &self->cpus[i];

    if (kml_cpu_has_turn (cpu))
      candidates[n++] = (KmlCandidate){ KML_CANDIDATE_CPU, i, object_of (cpu), cpu->resume };
  }
  n = add_timers (self, n);
  if (n == 0)
    return FALSE;
  n = kml_progress_let_catch_up (self, candidates, n);
  chosen = self->config.choose (candidates, n, self->config.choose_data);
  if (chosen == G_MAXUINT) {
    self->is_stopped = TRUE;
    return FALSE;
  }
  g_assert (chosen < n);
  who = candidates[chosen].who;
  if (who < n_cpus) {
    kml_progress_turn (self, &self->cpus[who]);
    *ret_next = kml_next_cpu (&self->cpus[who]);
    return TRUE;
  }
  if (who > n_cpus) { /* one that may ring at any time */
    *ret_next = kml_next_timer (find_timer (self, who));
    return TRUE;
  }
  *ret_next = kml_next_timer (kml_scheduler_take_timer (self));
  return TRUE;
}
