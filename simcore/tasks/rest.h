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
 * Most steps of CPUs that take turns are alike: nobody has raised an interrupt or waits for the CPU, no timer rings before the next one's turn
 * (scheduler->others), and that one rests in the same function. These are here, to become part of the function. All else is in rest.c.
 *
 * A horizon that is too early costs a look and is never wrong.
 *
 * Not where choices are open.
 */

#pragma once

#include "simcore/tasks/switch.h"

G_BEGIN_DECLS

/* ---- rest.c ---- */

/* kml_rest(), of a task that is on the running CPU or has just left it. */
gboolean kml_rest_slowly (KmlScheduler *self, KmlTask *task);

gboolean kml_sync_resting_slowly (KmlScheduler *self);
void kml_sync_rested_slowly (KmlScheduler *self);

/* ---- task.c ---- */

gboolean kml_work_until_resting_slowly (KmlMachine *machine, KmlTime time);
void kml_work_until_rested_slowly (KmlMachine *machine, KmlTime time);

/* ---- Resting ---- */

/* The running CPU goes on at @time … */
static inline void
kml_rest_until (KmlScheduler *self, KmlTime time)
{
  self->running->resume = time;
}

/* … when somebody kicks it; … */
static inline void
kml_rest_until_kicked (KmlScheduler *self)
{
  self->running->resume = KML_TIME_MAX;
}

/* … when it has somebody again: the task has left it, and nobody wants it. */
static inline void
kml_rest_asleep (KmlScheduler *self)
{
  g_assert (self->running->first == NULL);

  kml_cpu_is_idle (self->running, self);
  kml_rest_until_kicked (self);
}

/* @next goes on where @task stopped. */
static inline void
kml_rest_change (KmlTask *task, KmlTask *next)
{
  KmlCoroutine *here = task->coroutine; /* each on the other's stack */

  task->coroutine = next->coroutine;
  next->coroutine = here;
  next->rests_in = NULL;
}

/* The task of the running CPU rests. It was said when that goes on. Returns whether the CPU that goes on here is wanted. */
static inline gboolean
kml_rest (KmlScheduler *self)
{
  const KmlTurn first = kml_turns_first (&self->turns);
  KmlTask *task = kml_current_task (self->machine), *next = kml_turn_task (self, first);
  KmlCpu *cpu = self->running;

  cpu->committed = self->machine->now;
  task->rests_in = task->func;
  if (G_UNLIKELY (next == NULL || next->rests_in != task->func ||
                  kml_turn_time (first) > cpu->resume))
    return kml_rest_slowly (self, task);
  kml_cpu_makes_way (cpu, self);
  kml_turn_begins (self, first, next);
  self->n_switches += next != task;
  kml_rest_change (task, next);
  return FALSE;
}

/* ---- kml_sync() ---- */

static inline gboolean
kml_sync_resting (KmlMachine *machine)
{
  KmlScheduler *self = machine->scheduler;

  if (machine->now < machine->horizon)
    return FALSE;
  if (G_UNLIKELY (machine->now >= self->others) || kml_cpu_is_wanted (self->running))
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
  if (G_UNLIKELY (time >= self->others) || kml_cpu_is_wanted (self->running))
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
