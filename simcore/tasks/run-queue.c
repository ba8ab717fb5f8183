/* run-queue.c: who is ready to run on a CPU, and when it is its turn.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each CPU has a queue: by priority, then first come first served. A task that has run for a time slice makes room for an
 * equal one; a higher one preempts it at the next point where that is allowed.
 */

#include "simcore/tasks/switch.h"

static void
enqueue (KmlCpu *cpu, KmlTask *task)
{
  KmlTask **link = &cpu->first;

  if (cpu->last != NULL && cpu->last->priority >= task->priority)
    link = &cpu->last->next;
  while (*link != NULL && (*link)->priority >= task->priority)
    link = &(*link)->next;
  task->next = *link;
  *link = task;
  if (task->next == NULL)
    cpu->last = task;
}

void
kml_scheduler_make_ready (KmlScheduler *self, KmlTask *task)
{
  KmlCpu *cpu = &self->cpus[task->cpu];
  const KmlTime now = self->machine->now;
  const KmlTask *current;

  kml_task_account (task, now, KML_PART_CPU);
  if (cpu->current == NULL) {                        /* S3: its queue is empty */
    const KmlTime free = MAX (now, cpu->idle_since); /* it may have run ahead */

    kml_cpu_was_idle (cpu, free);
    cpu->committed = free + self->machine->cost[KML_COST_SWITCH];
    kml_cpu_begin_to_run (cpu, self, task, cpu->committed);
    kml_cpu_need_not_go_on (cpu, self);
    kml_cpu_goes_on (cpu, self, cpu->committed);
    return;
  }
  task->state = KML_TASK_READY;
  enqueue (cpu, task);
  if (kml_wait_who_spins (cpu) != NULL)
    kml_incident_look_for_cycle (self, task);
  if (cpu->current->state == KML_TASK_SPINNING)
    return;
  for (current = cpu->current; current->below != NULL; current = current->below)
    ;
  kml_scheduler_kick (self, task->cpu,
                      task->priority > current->priority ? now : MAX (now, cpu->slice_end));
}

gboolean
kml_scheduler_preempt_ready (KmlScheduler *self)
{
  KmlMachine *machine = self->machine;
  KmlCpu *cpu = kml_scheduler_cpu (self);
  KmlTask *task = cpu->current;

  if (kml_cpu_is_atomic (cpu) || task->state != KML_TASK_RUNNING)
    return FALSE;
  if (cpu->first->priority <= task->priority &&
      (machine->now < cpu->slice_end || cpu->first->priority < task->priority))
    return FALSE;
  cpu->n_preempted++;
  kml_yield (machine);
  return TRUE;
}
