/* scheduler.c: what is next, and switching to it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The order of things
 *
 * All that will happen has a time: a CPU goes on (turns.h), a task's sleep is over, a device is done (timers, in the agenda). dispatch()
 * takes the earliest and lets it happen; of two at one time, the one that was set first. It is called by whoever cannot go on, on that one's stack, and switches straight to
 * the stack of whoever can: there is no main loop to switch to and fro.
 *
 *     running CPU:  spend, spend, sync ──earlier things?──► park: resume at now; dispatch
 *                                     └──no: goes on
 *
 * 2. Ahead of the others
 *
 * machine->horizon is the time of the earliest of these, or the end of the time slice where others are ready. Until then the
 * running CPU is alone in the world. It is kept up to date where timers are set and taken; a timer that was cancelled leaves it too early,
 * which costs a look and is never wrong.
 *
 * 3. Run queues
 *
 * One a CPU, by priority, then first come first served. A task that has run for a time slice makes room for an
 * equal one; a higher one preempts it at the next point where that is allowed.
 *
 * 4. Open choices
 *
 * The order of time is one schedule of many: a real CPU may be delayed at any point. With config.choose the scheduler asks at each
 * point where others can see something who goes on. CPUs that could are in no order then. What a task does up to its first
 * such point nobody sees, so all that are ready at first are there before anything is chosen.
 *
 * Invariants:
 *   S1  what happens is never earlier than what has happened
 *   S2  a task is in at most one of: current on its CPU or below its handlers, its run queue, waiting
 *   S3  a CPU is idle only when its run queue is empty
 */

#include "simcore/inject.h"
#include "simcore/ipi.h"
#include "simcore/scheduler-private.h"

/* ---- Timers ---- */

static void
timer_init (KmlTimer *self, KmlScheduler *scheduler, KmlTimerKind kind, gpointer data)
{
  *self = (KmlTimer){
    .scheduler = scheduler, .index = scheduler->timers->len, .kind = kind, .data = data
  };
  g_ptr_array_add (scheduler->timers, self);
}

void
kml_timer_init (KmlTimer *self, KmlScheduler *scheduler, void (*func) (gpointer data),
                gpointer data)
{
  timer_init (self, scheduler, KML_TIMER_CALL, data);
  self->func = func;
}

void
kml_timer_may_come_any_time (KmlTimer *self, KmlScheduler *scheduler)
{
  if (!kml_injects (scheduler->config.injector, KML_INJECT_INTERRUPT))
    return;
  self->is_any_time = TRUE;
  g_ptr_array_add (scheduler->any_time, self);
  scheduler->candidates = g_renew (KmlCandidate, scheduler->candidates,
                                   scheduler->machine->n_cpus + 1 + scheduler->any_time->len);
}

void
kml_timer_set (KmlTimer *self, KmlScheduler *scheduler, KmlTime time)
{
  self->generation++;
  self->time = time;
  self->order = scheduler->n_set++;
  scheduler->n_timers_set += !self->is_set;
  self->is_set = TRUE;
  if (self->is_any_time && scheduler->config.choose != NULL)
    return; /* see 4. */
  kml_agenda_schedule (scheduler->agenda, time, (guint64)self->generation << 32 | self->index);
  if (time < scheduler->machine->horizon)
    scheduler->machine->horizon = time;
}

void
kml_timer_cancel (KmlTimer *self)
{
  self->generation++;
  if (self->is_set)
    kml_timer_unset (self);
}

/* When the earliest timer rings, or earlier: one that was cancelled is not told from others. KML_TIME_MAX: there is none. */
static KmlTime
timer_time (const KmlScheduler *self)
{
  return self->n_timers_set > 0 ? kml_agenda_next_time (self->agenda) : KML_TIME_MAX;
}

/* The CPU goes on at @time. */
static void
set_resume (KmlScheduler *self, guint number, KmlTime time)
{
  KmlCpu *cpu = &self->cpus[number];

  cpu->goes_on = TRUE;
  cpu->resume = time;
  if (self->config.choose != NULL) {
    cpu->object = KML_OBJECT_ANY;
    return; /* who goes on is chosen: see 4. */
  }
  kml_turns_set (&self->turns, number, kml_turn (time, self->n_set++, number));
  self->machine->horizon = MIN (self->machine->horizon, time);
}

void
kml_scheduler_goes_on (KmlScheduler *self, KmlTime time)
{
  set_resume (self, self->cpu, time);
}

/* Whether what is in the agenda is still meant; where it is chosen when it comes it is not. */
static gboolean
is_meant (const KmlScheduler *self, const KmlTimer *timer, const KmlEvent *event)
{
  return timer->is_set && timer->generation == (guint32)(event->what >> 32) &&
         (self->config.choose == NULL || !timer->is_any_time);
}

/* The earliest timer that is meant, which stays in the agenda. NULL: none. */
static KmlTimer *
look_for_timer (KmlScheduler *self)
{
  KmlEvent event;

  while (kml_agenda_peek (self->agenda, &event)) {
    KmlTimer *timer = g_ptr_array_index (self->timers, (guint32)event.what);

    if (is_meant (self, timer, &event))
      return timer;
    kml_agenda_take (self->agenda, &event);
  }
  return NULL;
}

KmlTimer *
kml_scheduler_take_timer (KmlScheduler *self)
{
  KmlTimer *timer = look_for_timer (self);
  KmlEvent event;

  g_assert (timer != NULL);
  kml_agenda_take (self->agenda, &event);
  return timer;
}

/* Whether a timer that rings at the time of @turn was set before it. */
static gboolean
rings_before (KmlScheduler *self, KmlTurn turn)
{
  const KmlTimer *timer = look_for_timer (self);

  return timer != NULL && kml_turn (timer->time, timer->order, 0) < turn;
}

/* By the clock. FALSE: nothing does. */
static inline gboolean
take_next (KmlScheduler *self, KmlNext *ret_next)
{
  const KmlTurn turn = kml_turns_first (&self->turns);
  const KmlTime turn_time = kml_turn_time (turn);
  KmlEvent event;

  while (self->n_timers_set > 0) {
    const KmlTime time = kml_agenda_next_time (self->agenda);
    KmlTimer *timer;

    if (time > turn_time || (time == turn_time && !rings_before (self, turn)))
      break;
    kml_agenda_take (self->agenda, &event);
    timer = g_ptr_array_index (self->timers, (guint32)event.what);
    if (is_meant (self, timer, &event)) {
      *ret_next = kml_next_timer (timer);
      return TRUE;
    }
  }
  if (turn == KML_TURN_NEVER)
    return FALSE;
  kml_turns_set (&self->turns, kml_turn_cpu (turn), KML_TURN_NEVER);
  *ret_next = kml_next_cpu (self, kml_turn_cpu (turn));
  return TRUE;
}

/* Takes what comes next. FALSE: nothing does. */
static inline gboolean
take (KmlScheduler *self, KmlNext *ret_next)
{
  if (G_LIKELY (self->config.choose == NULL))
    return take_next (self, ret_next);
  if (!kml_scheduler_choose_next (self, ret_next))
    return FALSE;
  self->latest = ret_next->time = MAX (ret_next->time, self->latest);
  return TRUE;
}

static inline void
refresh_horizon (KmlScheduler *self)
{
  const KmlCpu *cpu = self->cpu != KML_NO_CPU ? kml_scheduler_cpu (self) : NULL;
  KmlTime horizon = self->is_stopped || self->config.choose != NULL
                        ? 0
                        : MIN (timer_time (self), kml_turn_time (kml_turns_first (&self->turns)));

  horizon = MIN (horizon, self->watch.next);
  if (cpu != NULL && cpu->first != NULL)
    horizon = MIN (horizon, cpu->slice_end);
  if (cpu != NULL && kml_interrupts_deliverable (cpu))
    horizon = 0;
  self->machine->horizon = horizon;
}

void
kml_scheduler_refresh_horizon (KmlScheduler *self)
{
  refresh_horizon (self);
}

/* ---- Switching ---- */

/* Goes on with the current task of the CPU that runs now, from the stack of @from. */
static void
switch_to (KmlScheduler *self, KmlCoroutine *from, KmlCoroutine *to)
{
  if (from == to)
    return;
  self->n_switches++;
  kml_coroutine_switch (from, to);
  if (self->dead != NULL) {
    kml_coroutine_drop (self->dead, self->pool);
    self->dead = NULL;
  }
}

/* A task gets its stack when it runs for the first time. */
static KmlCoroutine *
coroutine_of (KmlScheduler *self, KmlTask *task)
{
  if (G_UNLIKELY (task->coroutine == NULL)) {
    task->coroutine = &task->own;
    kml_coroutine_start (&task->own, self->pool, kml_task_main, task);
  }
  return task->coroutine;
}

static void
begin_to_run (KmlScheduler *self, KmlCpu *cpu, KmlTask *task)
{
  const KmlTime now = self->machine->now;

  cpu->current = task;
  cpu->slice_end = now + self->config.time_slice;
  task->state = KML_TASK_RUNNING;
  kml_task_account (task, now, KML_PART_RUN);
}

static KmlTask *
take_ready (KmlCpu *cpu)
{
  KmlTask *task = cpu->first;

  if (task != NULL) {
    cpu->first = task->next;
    if (cpu->first == NULL)
      cpu->last = NULL;
    task->next = NULL;
  }
  return task;
}

/* An idle CPU is needed by interrupts: somebody must be interrupted. */
static void
idle_main (KmlMachine *machine, gpointer data)
{
  KmlScheduler *self = machine->scheduler;

  for (;;) {
    kml_interrupts_deliver (self);
    kml_scheduler_leave (self);
  }
}

static KmlTask *
idle_task (KmlScheduler *self, guint number)
{
  KmlCpu *cpu = &self->cpus[number];

  if (cpu->idle == NULL) {
    g_autofree char *name = g_strdup_printf ("idle/%u", number);

    cpu->idle = g_new0 (KmlTask, 1);
    kml_task_init (cpu->idle, self, name, number);
    cpu->idle->priority = G_MININT16;
    cpu->idle->func = idle_main;
    cpu->idle->is_daemon = TRUE;
    g_ptr_array_add (self->own, cpu->idle);
  }
  return cpu->idle;
}

/* A CPU goes on. */
static KmlCoroutine *
resume (KmlScheduler *self, guint number, KmlTime time)
{
  KmlCpu *cpu = &self->cpus[number];

  self->cpu = number;
  self->machine->now = time;
  if (cpu->current == NULL)
    begin_to_run (self, cpu, idle_task (self, number));
  return coroutine_of (self, cpu->current);
}

/* A task's sleep is over. NULL: it cannot run at once. */
static KmlCoroutine *
wake_up (KmlScheduler *self, KmlTask *task)
{
  KmlCpu *cpu = &self->cpus[task->cpu];

  if (cpu->current != NULL || task->state != KML_TASK_SLEEPING) {
    kml_task_wake (task);
    return NULL;
  }
  task->is_woken = TRUE;
  self->cpu = task->cpu;
  kml_task_account (task, self->machine->now, KML_PART_CPU);
  self->machine->now += self->machine->cost[KML_COST_SWITCH];
  begin_to_run (self, cpu, task);
  return coroutine_of (self, task);
}

/* Lets happen what is next, until it is somebody's turn, and returns where that one stands. */
static KmlCoroutine *
find_next (KmlScheduler *self)
{
  KmlMachine *machine = self->machine;
  KmlCoroutine *to = NULL;

  while (to == NULL) {
    KmlNext next;
    const gboolean goes_on = !self->is_stopped && self->n_alive > 0 && take (self, &next);

    if (!goes_on || next.time > self->config.until) {
      if (goes_on)
        machine->now = self->config.until;
      else if (!self->is_stopped && self->n_alive > 0)
        kml_incident_stall (self);
      self->is_stopped = TRUE;
      self->cpu = KML_NO_CPU;
      to = &self->host;
      break;
    }
    if (next.timer == NULL) {
      to = resume (self, next.cpu, next.time);
      break;
    }
    self->cpu = KML_NO_CPU;
    machine->task = NULL;
    machine->now = next.time;
    if (next.timer->kind == KML_TIMER_WAKE)
      to = wake_up (self, next.timer->data);
    else
      next.timer->func (next.timer->data);
  }
  machine->task = self->cpu != KML_NO_CPU ? kml_scheduler_cpu (self)->current : NULL;
  refresh_horizon (self);
  return to;
}

/* Goes on with whose turn is next. */
static void
dispatch (KmlScheduler *self, KmlCoroutine *from)
{
  switch_to (self, from, find_next (self));
}

void
kml_scheduler_park (KmlScheduler *self)
{
  KmlCpu *cpu = kml_scheduler_cpu (self);

  cpu->committed = self->machine->now;
  dispatch (self, cpu->current->coroutine);
}

/* The current task of @cpu, or the one that just left it, rests. */
static void
rest (KmlScheduler *self, KmlCpu *cpu, KmlTask *task)
{
  KmlCoroutine *to;
  KmlTask *next;

  g_assert (self->config.choose == NULL);

  cpu->committed = self->machine->now;
  task->rests = TRUE;
  to = find_next (self);
  next = kml_current_task (self->machine);
  if (next != NULL && next->rests && next->func == task->func) { /* each on the other's stack */
    self->n_switches += next != task;
    next->coroutine = task->coroutine;
    task->coroutine = to;
  } else {
    switch_to (self, task->coroutine, to);
    next = kml_current_task (self->machine);
  }
  next->rests = FALSE;
}

void
kml_scheduler_rest (KmlScheduler *self)
{
  KmlCpu *cpu = kml_scheduler_cpu (self);

  rest (self, cpu, cpu->current);
}

void
kml_scheduler_rest_asleep (KmlScheduler *self)
{
  KmlCpu *cpu = kml_scheduler_cpu (self);
  KmlTask *task = cpu->current;

  g_assert (cpu->first == NULL);

  cpu->current = NULL;
  rest (self, cpu, task);
}

void
kml_scheduler_leave (KmlScheduler *self)
{
  KmlMachine *machine = self->machine;
  KmlCpu *cpu = kml_scheduler_cpu (self);
  KmlTask *task = cpu->current, *next = take_ready (cpu);
  KmlCoroutine *from = task->coroutine;

  if (task->state == KML_TASK_ENDED)
    self->dead = from;
  if (next == NULL) { /* S3 */
    cpu->current = NULL;
    dispatch (self, from);
    return;
  }
  if (task != cpu->idle)
    machine->now += machine->cost[KML_COST_SWITCH];
  begin_to_run (self, cpu, next);
  machine->task = next;
  refresh_horizon (self);
  if (machine->now < machine->horizon) {
    switch_to (self, from, coroutine_of (self, next));
    return;
  }
  cpu->committed = machine->now;
  kml_scheduler_goes_on (self, machine->now);
  dispatch (self, from);
}

/* ---- Run queues ---- */

void
kml_scheduler_kick (KmlScheduler *self, guint number, KmlTime time)
{
  KmlCpu *cpu = &self->cpus[number];

  if (number == self->cpu) {
    self->machine->horizon = 0; /* at the next look */
    return;
  }
  time = MAX (time, cpu->committed);
  if (!cpu->goes_on || cpu->resume > time)
    set_resume (self, number, time);
}

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
  if (cpu->current == NULL) { /* S3: its queue is empty */
    begin_to_run (self, cpu, task);
    cpu->committed = now + self->machine->cost[KML_COST_SWITCH];
    set_resume (self, task->cpu, cpu->committed);
    return;
  }
  task->state = KML_TASK_READY;
  enqueue (cpu, task);
  if (cpu->current->state == KML_TASK_SPINNING) {
    kml_incident_look_for_cycle (self, task);
    return;
  }
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
  kml_yield (machine);
  return TRUE;
}

void
kml_scheduler_sync (KmlScheduler *self, guint64 object)
{
  KmlMachine *machine = self->machine;

  if (machine->now >= self->watch.next)
    kml_progress_look (self);
  refresh_horizon (self);
  do {
    if (machine->now >= machine->horizon) {
      KmlCpu *cpu = kml_scheduler_cpu (self);

      kml_scheduler_goes_on (self, machine->now);
      cpu->object = object;
      kml_scheduler_park (self);
    }
  } while (kml_interrupts_deliver (self) || kml_scheduler_preempt (self));
}

gboolean
kml_scheduler_sync_resting (KmlScheduler *self, guint64 object)
{
  KmlMachine *machine = self->machine;

  if (machine->now >= self->watch.next)
    kml_progress_look (self);
  refresh_horizon (self);
  if (machine->now < machine->horizon) {
    kml_scheduler_sync_rested (self, object);
    return FALSE;
  }
  kml_scheduler_goes_on (self, machine->now);
  kml_scheduler_cpu (self)->object = object;
  kml_scheduler_rest (self);
  return TRUE;
}

void
kml_scheduler_sync_rested (KmlScheduler *self, guint64 object)
{
  KmlMachine *machine = self->machine;

  while (kml_interrupts_deliver (self) || kml_scheduler_preempt (self))
    if (machine->now >= machine->horizon) {
      KmlCpu *cpu = kml_scheduler_cpu (self);

      kml_scheduler_goes_on (self, machine->now);
      cpu->object = object;
      kml_scheduler_park (self);
    }
}

/* ---- The whole ---- */

KmlScheduler *
kml_scheduler_new (const KmlSchedulerConfig *config)
{
  KmlScheduler *self = g_new0 (KmlScheduler, 1);

  g_assert (config->machine->scheduler == NULL);
  self->config = *config;
  self->machine = config->machine;
  self->machine->scheduler = self;
  self->agenda = kml_agenda_new ();
  self->pool = kml_stack_pool_new ();
  self->timers = g_ptr_array_new ();
  self->any_time = g_ptr_array_new ();
  self->tasks = g_ptr_array_new ();
  self->own = g_ptr_array_new ();
  self->spans = g_new (KmlSpan, KML_N_SPANS);
  self->incidents = g_array_new (FALSE, FALSE, sizeof (KmlIncident));
  self->cpu = KML_NO_CPU;
  kml_progress_init (self);
  self->cpus = g_new0 (KmlCpu, self->machine->n_cpus);
  self->candidates = g_new (KmlCandidate, self->machine->n_cpus + 1);
  kml_turns_init (&self->turns, self->machine->n_cpus);
  for (guint i = 0; i < self->machine->n_cpus; i++)
    self->cpus[i].level = KML_LEVEL_PROCESS;
  return self;
}

void
kml_scheduler_free (KmlScheduler *self)
{
  if (self == NULL)
    return;
  self->machine->scheduler = NULL;
  self->machine->task = NULL;
  self->machine->horizon = KML_TIME_MAX;
  for (guint i = 0; i < self->own->len; i++) {
    KmlTask *task = g_ptr_array_index (self->own, i);

    g_free (task->name);
    g_free (task);
  }
  kml_ipis_free (self->ipis);
  kml_incidents_free (self->incidents);
  g_free (self->spans);
  g_ptr_array_unref (self->timers);
  g_ptr_array_unref (self->any_time);
  g_ptr_array_unref (self->tasks);
  g_ptr_array_unref (self->own);
  kml_stack_pool_free (self->pool);
  kml_agenda_free (self->agenda);
  kml_turns_finish (&self->turns);
  g_free (self->cpus);
  g_free (self->candidates);
  g_clear_pointer (&self->remembered.events, g_array_unref);
  g_free (self);
}

KmlTask *
kml_task_new (KmlScheduler *scheduler, const KmlTaskConfig *config)
{
  KmlTask *self = g_new0 (KmlTask, 1);

  kml_task_init (self, scheduler, config->name, config->cpu);
  self->priority = (gint16)config->priority;
  self->is_daemon = config->is_daemon;
  self->func = config->func;
  self->data = config->data;
  timer_init (&self->alarm, scheduler, KML_TIMER_WAKE, self);
  g_ptr_array_add (scheduler->own, self);
  if (!self->is_daemon)
    scheduler->n_alive++;
  self->state = KML_TASK_SLEEPING;
  self->part = KML_PART_SLEEP;
  self->mark = self->part_since = scheduler->machine->now;
  if (config->start > scheduler->machine->now) {
    kml_timer_set (&self->alarm, scheduler, config->start);
    return self;
  }
  kml_scheduler_make_ready (scheduler, self);
  if (scheduler->cpus[self->cpu].current == self) {
    scheduler->cpus[self->cpu].begins = TRUE;
    scheduler->n_begin++;
  }
  return self;
}

void
kml_scheduler_set_choices (KmlScheduler *self, KmlChooseFunc choose, gpointer data)
{
  self->config.choose = choose;
  self->config.choose_data = data;
}

void
kml_scheduler_run (KmlScheduler *self)
{
  g_assert (self->cpu == KML_NO_CPU);
  dispatch (self, &self->host);
}

void
kml_scheduler_stop (KmlScheduler *self)
{
  self->is_stopped = TRUE;
  self->machine->horizon = 0;
}

void
kml_scheduler_hold (KmlScheduler *self)
{
  self->n_alive++;
}

void
kml_scheduler_release (KmlScheduler *self)
{
  g_assert (self->n_alive > 0);
  self->n_alive--;
}

const GPtrArray *
kml_scheduler_tasks (const KmlScheduler *self)
{
  return self->tasks;
}

guint64
kml_scheduler_n_switches (const KmlScheduler *self)
{
  return self->n_switches;
}
