/* rest.h: tasks that stop with nothing on their stacks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A task *rests* when all that it has in hand is elsewhere and it can go on at the top of its function. All that rest in one function are alike but for their
 * data, so whichever goes on next does so where the last one stopped: no stack is switched. kml_rest() returns as the task that runs
 * then, which is to be asked for anew (kml_current_task()).
 *
 * What a function of scheduler.c or task.c does on a stack is here in two halves. …_resting(): TRUE: it is said when the CPU goes on, and kml_rest() must come
 * next; …_rested() is then to be called by whoever goes on. FALSE: that was all.
 *
 * Most steps of CPUs that take turns are alike: nobody has raised an interrupt or waits for the CPU, no timer rings before the next CPU goes on
 * (scheduler->quiet), and that one rests in the same function. These are here, to become part of the function. All else is in scheduler.c.
 *
 * A horizon that is too early costs a look and is never wrong; where a CPU is wanted that goes on here, it is 0.
 *
 * Not where choices are open.
 */

#pragma once

#include "simcore/scheduler-private.h"

G_BEGIN_DECLS

/* ---- scheduler.c ---- */

/* The task of the running CPU rests, or one that has just left it. */
void kml_rest_slowly (KmlScheduler *self, KmlTask *task);

gboolean kml_sync_resting_slowly (KmlScheduler *self);
void kml_sync_rested_slowly (KmlScheduler *self);

/* ---- task.c ---- */

gboolean kml_work_until_resting_slowly (KmlMachine *machine, KmlTime time);
void kml_work_until_rested_slowly (KmlMachine *machine, KmlTime time);

/* ---- Resting ---- */

/* The task of the running CPU rests. It was said when that goes on, or that it does when somebody kicks it. */
static inline void
kml_rest (KmlScheduler *self)
{
  KmlMachine *machine = self->machine;
  KmlTask *task = machine->task, *next;
  const KmlTurn turn = kml_turns_first (&self->turns);
  const KmlTime time = kml_turn_time (turn);
  KmlCoroutine *here;
  KmlTime horizon;
  KmlCpu *cpu;

  self->running->committed = machine->now;
  task->rests = TRUE;
  if (G_UNLIKELY (time >= self->quiet)) {
    kml_rest_slowly (self, task);
    return;
  }
  cpu = &self->cpus[kml_turn_cpu (turn)];
  next = cpu->current;
  if (G_UNLIKELY (next == NULL || !next->rests || next->func != task->func)) {
    kml_rest_slowly (self, task);
    return;
  }
  horizon = kml_turns_run (&self->turns, kml_turn_cpu (turn));
  machine->now = time;
  machine->task = next;
  machine->horizon = kml_cpu_is_wanted (cpu) ? 0 : MIN (self->quiet, horizon);
  self->running = cpu;
  cpu->goes_on = FALSE;
  here = task->coroutine; /* each on the other's stack */
  task->coroutine = next->coroutine;
  next->coroutine = here;
  next->rests = FALSE;
  self->n_switches += next != task;
}

/* The running CPU goes on at @time … */
static inline void
kml_rest_until (KmlScheduler *self, KmlTime time)
{
  KmlCpu *cpu = self->running;

  cpu->goes_on = TRUE;
  cpu->resume = time;
  kml_turns_set (&self->turns, cpu->number, kml_turn (time, self->n_set++, cpu->number));
}

/* … when somebody kicks it; … */
static inline void
kml_rest_until_kicked (KmlScheduler *self)
{
  kml_turns_leave (&self->turns, self->running->number);
}

/* … when it has somebody again: the task has left it, and nobody wants it. */
static inline void
kml_rest_asleep (KmlScheduler *self)
{
  g_assert (self->running->first == NULL);

  self->running->current = NULL;
  kml_rest_until_kicked (self);
}

/* ---- kml_sync() ---- */

static inline gboolean
kml_sync_resting (KmlMachine *machine)
{
  KmlScheduler *self = machine->scheduler;

  if (machine->now < machine->horizon)
    return FALSE;
  if (G_UNLIKELY (machine->now >= self->quiet) || kml_cpu_is_wanted (self->running))
    return kml_sync_resting_slowly (self);
  kml_rest_until (self, machine->now);
  return TRUE;
}

static inline void
kml_sync_rested (KmlMachine *machine)
{
  if (kml_cpu_is_wanted (machine->scheduler->running))
    kml_sync_rested_slowly (machine->scheduler);
}

/* ---- kml_work_until() ---- */

static inline gboolean
kml_work_until_resting (KmlMachine *machine, KmlTime time)
{
  KmlScheduler *self = machine->scheduler;

  if (time < machine->horizon || time <= machine->now) {
    machine->now = MAX (time, machine->now);
    return FALSE;
  }
  if (G_UNLIKELY (time >= self->quiet) || kml_cpu_is_wanted (self->running))
    return kml_work_until_resting_slowly (machine, time);
  kml_rest_until (self, time);
  return TRUE;
}

static inline void
kml_work_until_rested (KmlMachine *machine, KmlTime time)
{
  if (kml_cpu_is_wanted (machine->scheduler->running) || G_UNLIKELY (machine->now < time))
    kml_work_until_rested_slowly (machine, time);
}

G_END_DECLS
