/* switch.h: a task goes on, or stops: what becomes of its CPU and its time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where nothing but turns (turns.h) comes next, and whose turn is first goes on at once, two tasks change places in few steps: kml_turn_task() says whether it is so,
 * kml_turn_begins() does it. Whoever stops does it in his own way: scheduler.c by another stack, rest.h without one, kml_sleep() by the same step. All else is in scheduler.c.
 *
 * It is here to become part of who calls it.
 */

#pragma once

#include "simcore/tasks/scheduler-private.h"

G_BEGIN_DECLS

/* ---- What a task's time is ---- */

/* Its time goes to @part from @now on. */
static inline void
kml_task_account (KmlTask *self, KmlTime now, KmlPart part)
{
  kml_task_account_now (self, now);
  if (self->part == part)
    return;
  if (now > self->part_since)
    kml_span_part (self, now);
  self->part = part;
  self->part_since = now;
}

/* It goes on after what has stopped it for @lasted: @part of its time, because of @what. */
static inline void
kml_task_stopped (KmlTask *self, KmlTime lasted, KmlPart part, const char *what)
{
  if (G_UNLIKELY (self->cause != NULL))
    kml_cause_consider (self->cause, lasted, part, what, self->chain, self->n_chain);
}

/* It has waited for its CPU, which is its own now. */
static inline void
kml_task_was_ready (KmlTask *self, KmlTime lasted)
{
  if (G_UNLIKELY (lasted > self->worst_ready))
    self->worst_ready = lasted;
  kml_task_stopped (self, lasted, KML_PART_CPU, "its CPU");
}

/* Nobody is current from now on. */
static inline void
kml_cpu_is_idle (KmlCpu *cpu, const KmlScheduler *scheduler)
{
  cpu->current = NULL;
  cpu->idle_since = scheduler->machine->now;
}

/* Somebody is about to be. */
static inline void
kml_cpu_was_idle (KmlCpu *cpu, KmlTime now)
{
  if (G_LIKELY (now > cpu->idle_since))
    cpu->idle_time += now - cpu->idle_since;
}

/* @task is current from @now on, when the switch to it is done. */
static inline void
kml_cpu_begin_to_run (KmlCpu *cpu, const KmlScheduler *scheduler, KmlTask *task, KmlTime now)
{
  cpu->n_switches++;
  cpu->current = task;
  cpu->slice_end = now + scheduler->config.time_slice;
  task->state = KML_TASK_RUNNING;
  if (task->part == KML_PART_CPU)
    kml_task_was_ready (task, now - task->part_since);
  kml_task_account (task, now, KML_PART_RUN);
}

/* @task sleeps on an idle CPU, and runs there from now on. */
static inline void
kml_cpu_wake_up (KmlCpu *cpu, KmlScheduler *scheduler, KmlTask *task)
{
  KmlMachine *machine = scheduler->machine;
  const KmlTime to_switch = machine->cost[KML_COST_SWITCH];

  kml_cpu_was_idle (cpu, machine->now);
  if (to_switch > 0) {
    kml_task_account (task, machine->now, KML_PART_CPU);
    machine->now += to_switch;
  }
  kml_cpu_begin_to_run (cpu, scheduler, task, machine->now);
}

/* ---- Turns ---- */

static inline gboolean
kml_turn_is_alarm (KmlTurn turn)
{
  return (turn & 1) != 0;
}

/* The number, or the id. */
static inline guint
kml_turn_of (KmlTurn turn)
{
  return kml_turn_who (turn) / 2;
}

/* kml_timer_set() of the running task's alarm. */
static inline void
kml_alarm_set (KmlScheduler *self, KmlTask *task, KmlTime time)
{
  if (G_UNLIKELY (self->config.choose != NULL || task->alarm.is_set || task->alarm.is_turn)) {
    kml_timer_set (&task->alarm, self, time);
    return;
  }
  task->alarm.time = time;
  task->alarm.is_turn = TRUE;
  self->n_sleepers++;
  kml_turns_add (&self->turns, kml_turn (time, self->n_set++, kml_task_who (task)));
  self->machine->horizon = MIN (self->machine->horizon, time);
}

/* It stops, and the first goes on, which is not later. */
static inline void
kml_cpu_makes_way (const KmlCpu *cpu, KmlScheduler *scheduler)
{
  if (kml_cpu_has_turn (cpu))
    kml_turns_take_and_add (&scheduler->turns,
                            kml_turn (cpu->resume, scheduler->n_set++, kml_cpu_who (cpu->number)));
  else
    kml_turns_take (&scheduler->turns);
}

/* The task that goes on with @turn, where that is what comes next and nothing but that: none is ready or to be interrupted on its CPU. NULL: it
 * is not that simple. */
static inline KmlTask *
kml_turn_task (const KmlScheduler *self, KmlTurn turn)
{
  KmlTask *task;
  const KmlCpu *cpu;

  if (G_UNLIKELY (kml_turn_time (turn) >= self->others))
    return NULL;
  if (!kml_turn_is_alarm (turn)) {
    cpu = &self->cpus[kml_turn_of (turn)];
    task = cpu->current;
    return task != NULL && task->coroutine != NULL && !kml_cpu_is_wanted (cpu) ? task : NULL;
  }
  task = g_ptr_array_index (self->tasks, kml_turn_of (turn));
  cpu = &self->cpus[task->cpu];
  if (G_UNLIKELY (task->state != KML_TASK_SLEEPING || cpu->current != NULL ||
                  kml_turn_time (turn) < cpu->idle_since || kml_cpu_has_turn (cpu)))
    return NULL;
  return task;
}

/* It goes on. The turn was taken. */
static inline void
kml_turn_begins (KmlScheduler *self, KmlTurn turn, KmlTask *task)
{
  KmlMachine *machine = self->machine;
  KmlCpu *cpu = &self->cpus[task->cpu];

  machine->now = kml_turn_time (turn);
  self->running = cpu;
  machine->task = task;
  machine->horizon = MIN (self->others, kml_turn_time (kml_turns_first (&self->turns)));
  if (kml_turn_is_alarm (turn)) {
    task->alarm.is_turn = FALSE;
    self->n_sleepers--;
    kml_cpu_wake_up (cpu, self, task);
  } else {
    cpu->resume = KML_TIME_MAX;
  }
}

/* ---- Fetching ahead ---- */

/* With as many sleepers, what a switch touches is in no near cache of the host any more: the task, and the top of its stack. So both are fetched while others
 * run: the task when its turn has become the first, and its stack, which the task says where it is, when the one before stops. A run is the same without. (Unless they
 * are inlined, gcc leaves functions of prefetches alone out.) */
#define KML_MANY_TURNS 32

#define KML_HOST_LINE 64

#define KML_FETCH static inline __attribute__ ((always_inline)) void

KML_FETCH
kml_fetch_lines (gconstpointer from, gsize n_bytes)
{
  for (gsize at = 0; at < n_bytes; at += KML_HOST_LINE)
    __builtin_prefetch ((const guint8 *)from + at, 1);
}

/* Whose turn is first, if there are many and it is one who sleeps. (nullable) */
static inline const KmlTask *
kml_turns_first_sleeper (const KmlScheduler *self)
{
  const KmlTurn first = kml_turns_first (&self->turns);

  return kml_turns_n (&self->turns) >= KML_MANY_TURNS && kml_turn_is_alarm (first)
             ? g_ptr_array_index (self->tasks, kml_turn_of (first))
             : NULL;
}

KML_FETCH
kml_turns_fetch_task (const KmlScheduler *self)
{
  const KmlTask *task = kml_turns_first_sleeper (self);

  if (task != NULL)
    kml_fetch_lines (task, G_STRUCT_OFFSET (KmlTask, parts[KML_N_PARTS]));
}

KML_FETCH
kml_turns_fetch_stack (const KmlScheduler *self)
{
  const KmlTask *task = kml_turns_first_sleeper (self);

  if (task != NULL)
    kml_fetch_lines (task->own.sp, (gsize)3 * KML_HOST_LINE);
}

/* ---- Waiting ---- */

/* kml_task_wait_now() up to where the task waits, which is then up to the caller (FALSE: it was woken and need not) … */
static inline gboolean
kml_task_wait_begin (KmlTask *self, const KmlWait *wait, KmlPart part)
{
  KmlScheduler *scheduler = self->scheduler;
  const KmlTime now = scheduler->machine->now;

  if (self->is_woken) { /* meanwhile */
    self->is_woken = FALSE;
    return FALSE;
  }
  self->wait = *wait;
  self->wait.since = now;
  kml_task_account (self, now, part);
  self->wait.booked = self->parts[part];
  if (wait->kind != KML_WAIT_TIME && wait->kind != KML_WAIT_IO) /* those end by themselves */
    kml_incident_look_for_cycle (scheduler, self);
  return TRUE;
}

/* … and from there on. What a lock has cost is known when it is settled (lock-private.h). */
static inline void
kml_task_wait_end (KmlTask *self, KmlPart part, KmlPart before)
{
  self->is_woken = FALSE;
  kml_task_account (self, self->scheduler->machine->now, before);
  if (self->wait.kind != KML_WAIT_LOCK)
    kml_task_stopped (self, self->parts[part] - self->wait.booked, part, self->wait.what);
  self->wait.kind = KML_WAIT_NONE;
}

G_END_DECLS
