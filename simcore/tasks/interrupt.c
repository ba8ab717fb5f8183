/* interrupt.c: lines, levels, delivery.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A handler is called on the stack of the task that it interrupts, as real ones are. It
 * has a record of its own (KmlTask) meanwhile: it can hold locks, wait for one, and
 * be found in the way of the task below it. Levels nest: a softirq interrupts
 * tasks, a hardirq softirqs too, a higher hardirq a lower one. Turning interrupts off keeps all of
 * them away, turning softirqs off those only.
 *
 * Not modelled: lines that are lost because they were raised twice (each raising is handled), interrupts that may go to any of several
 * CPUs, ksoftirqd.
 */

#include "simcore/tasks/switch.h"

void
kml_irq_init (KmlIrq *self, KmlScheduler *scheduler, const char *name, guint cpu, int level,
              KmlTaskFunc func, gpointer data)
{
  g_assert (level >= KML_LEVEL_SOFTIRQ);

  *self = (KmlIrq){ .level = level };
  kml_task_init (&self->task, scheduler, name, cpu);
  self->task.context = level == KML_LEVEL_SOFTIRQ ? KML_CONTEXT_SOFTIRQ : KML_CONTEXT_HARDIRQ;
  self->task.is_daemon = TRUE;
  self->task.irq = self;
  self->task.func = func;
  self->task.data = data;
}

void
kml_irq_clear (KmlIrq *self)
{
  g_clear_pointer (&self->task.name, g_free);
}

void
kml_irq_raise (KmlIrq *self)
{
  KmlScheduler *scheduler = self->task.scheduler;
  KmlCpu *cpu = &scheduler->cpus[self->task.cpu];
  const KmlTime now = scheduler->machine->now;

  self->n_raised++;
  if (self->n_pending++ == 0) {
    KmlIrq **link = &cpu->pending;

    self->raised = now;
    while (*link != NULL && (*link)->level >= self->level)
      link = &(*link)->next;
    self->next = *link;
    *link = self;
  }
  kml_progress_interrupt (scheduler, self);
  if (kml_interrupts_deliverable (cpu))
    kml_scheduler_kick (scheduler, self->task.cpu, now);
}

static void
handle (KmlScheduler *self, KmlCpu *cpu, KmlIrq *irq)
{
  KmlMachine *machine = self->machine;
  KmlTask *handler = &irq->task, *below = cpu->current;
  const KmlPart part = below->part;
  const int level = cpu->level;
  const guint irq_off = cpu->irq_off, softirq_off = cpu->softirq_off,
              preempt_off = cpu->preempt_off;

  cpu->n_interrupts++;
  irq->worst_delay = MAX (irq->worst_delay, machine->now - irq->raised);
  irq->raised = machine->now;
  kml_task_account (below, machine->now, KML_PART_INTERRUPTED);
  handler->below = below;
  handler->coroutine = below->coroutine;
  handler->state = KML_TASK_RUNNING;
  handler->mark = handler->part_since = machine->now;
  handler->part = KML_PART_RUN;
  handler->n_chain = 0;
  cpu->current = machine->task = handler;
  cpu->level = irq->level;
  machine->now += machine->cost[KML_COST_INTERRUPT];
  handler->func (machine, handler->data);
  if (cpu->irq_off != irq_off || cpu->softirq_off != softirq_off ||
      cpu->preempt_off != preempt_off || handler->n_held > 0) {
    kml_scheduler_report (
        self, handler->n_held > 0 ? KML_INCIDENT_LOCK_MISUSE : KML_INCIDENT_IRQ_MISUSE,
        g_strdup_printf ("%s returned and left %s", handler->name,
                         handler->n_held > 0 ? "a lock taken"
                                             : "interrupts or preemption changed"));
    cpu->irq_off = irq_off;
    cpu->softirq_off = softirq_off;
    cpu->preempt_off = preempt_off;
  }
  kml_progress_interrupt (self, irq);
  kml_task_account (handler, machine->now, KML_PART_SLEEP);
  handler->state = KML_TASK_ENDED;
  handler->below = NULL;
  cpu->level = level;
  cpu->current = machine->task = below;
  kml_task_stopped (below, machine->now - below->part_since, KML_PART_INTERRUPTED, handler->name);
  kml_task_account (below, machine->now, part);
}

void
kml_interrupts_deliver_pending (KmlScheduler *self)
{
  KmlCpu *cpu = kml_scheduler_cpu (self);

  while (kml_interrupts_deliverable (cpu)) {
    KmlIrq *irq = cpu->pending;

    if (--irq->n_pending == 0)
      cpu->pending = irq->next;
    handle (self, cpu, irq);
  }
}
