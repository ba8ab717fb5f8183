/* scheduler.c: what is next, and switching to it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The order of things
 *
 * All that will happen has a time: a CPU goes on (turns.h), a task's sleep is over, a device is done (timer.c). dispatch()
 * takes the earliest and lets it happen; of two at one time, the one that was set first. It is called by whoever cannot go on, on that one's stack, and switches straight to
 * the stack of whoever can: there is no main loop to switch to and fro.
 *
 *     running CPU:  spend, spend, sync ──earlier things?──► park: resume at now; dispatch
 *                                     └──no: goes on
 *
 * 2. Ahead of the others
 *
 * machine->horizon is the time of the earliest of these, or the end of the time slice where others are ready, or of the run. Until then the
 * running CPU is alone in the world. It is kept up to date where timers are set and taken; a timer that was cancelled leaves it too early,
 * which costs a look and is never wrong.
 *
 * 3. Open choices
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

#include <stdlib.h>

#include "simcore/base/host-memory.h"
#include "simcore/tasks/ipi.h"
#include "simcore/tasks/rest.h"

/* Whether a timer that rings at the time of @turn was set before it. */
static gboolean
rings_before (KmlScheduler *self, KmlTurn turn)
{
  const KmlTimer *timer = kml_scheduler_look_for_timer (self);

  return timer != NULL && kml_turn (timer->time, timer->order, 0) < turn;
}

/* Others are ready on the CPU: when one of them has its turn; 0: at once. */
static inline KmlTime
end_of_turn (const KmlCpu *cpu)
{
  return cpu->first->priority > cpu->current->priority && !kml_cpu_is_atomic (cpu) ? 0
                                                                                   : cpu->slice_end;
}

static inline void
refresh_horizon (KmlScheduler *self)
{
  const KmlCpu *cpu = self->running;
  const KmlTime next_turn = kml_turn_time (kml_turns_first (&self->turns));
  const KmlTime next_event = MIN (self->next_timer, self->watch.next);
  KmlTime horizon = MIN (next_event, self->end);

  if (G_UNLIKELY (self->is_stopped || self->config.choose != NULL))
    horizon = 0;
  self->others = self->n_alive > 0 ? horizon : 0;
  horizon = MIN (horizon, next_turn);
  if (cpu != NULL && cpu->first != NULL)
    horizon = MIN (horizon, end_of_turn (cpu));
  if (G_UNLIKELY (cpu != NULL && kml_interrupts_deliverable (cpu)))
    horizon = 0;
  self->machine->horizon = horizon;
}

void
kml_scheduler_refresh_horizon (KmlScheduler *self)
{
  refresh_horizon (self);
}

/* ---- Switching ---- */

void
kml_scheduler_switch (KmlScheduler *self, KmlCoroutine *from, KmlCoroutine *to)
{
  if (from == to)
    return;
  self->n_switches++;
  kml_coroutine_switch (from, to);
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
idle_task (KmlScheduler *self, KmlCpu *cpu)
{
  if (cpu->idle == NULL) {
    g_autofree char *name = g_strdup_printf ("idle/%u", cpu->number);

    cpu->idle = kml_scheduler_add_own (self);
    kml_task_init (cpu->idle, self, name, cpu->number);
    cpu->idle->priority = G_MININT16;
    cpu->idle->func = idle_main;
    cpu->idle->is_daemon = TRUE;
  }
  return cpu->idle;
}

/* A CPU goes on. */
static inline KmlCoroutine *
resume (KmlScheduler *self, KmlCpu *cpu, KmlTime time)
{
  self->running = cpu;
  self->machine->now = time;
  if (G_UNLIKELY (cpu->current == NULL)) {
    kml_cpu_was_idle (cpu, time);
    kml_cpu_begin_to_run (cpu, self, idle_task (self, cpu), time);
    cpu->n_switches--; /* to no task */
  }
  self->machine->task = cpu->current;
  return coroutine_of (self, cpu->current);
}

/* A task's sleep is over. NULL: it cannot run at once. */
static inline KmlCoroutine *
wake_up (KmlScheduler *self, KmlTask *task, KmlTime time)
{
  KmlCpu *cpu = &self->cpus[task->cpu];

  self->running = NULL;
  self->machine->task = NULL;
  self->machine->now = time;
  if (G_UNLIKELY (cpu->current != NULL || time < cpu->idle_since ||
                  task->state != KML_TASK_SLEEPING)) {
    kml_task_wake (task);
    return NULL;
  }
  kml_cpu_need_not_go_on (cpu, self);
  task->is_woken = TRUE;
  self->running = cpu;
  self->machine->task = task;
  kml_cpu_wake_up (cpu, self, task);
  return coroutine_of (self, task);
}

/* A timer rings. NULL: it is nobody's turn for that. */
static inline KmlCoroutine *
ring (KmlScheduler *self, KmlTimer *timer, KmlTime time)
{
  if (timer->kind == KML_TIMER_WAKE)
    return wake_up (self, timer->data, time);
  self->running = NULL;
  self->machine->task = NULL;
  self->machine->now = time;
  timer->func (timer->data);
  return NULL;
}

/* The first turn is taken. NULL: it is nobody's to run at once. */
static inline KmlCoroutine *
take_turn (KmlScheduler *self, KmlTurn turn)
{
  const KmlTime time = kml_turn_time (turn);
  KmlCpu *cpu = &self->cpus[kml_turn_of (turn)];

  kml_turns_take (&self->turns);
  if (kml_turn_is_alarm (turn)) {
    KmlTask *task = g_ptr_array_index (self->tasks, kml_turn_of (turn));

    task->alarm.is_turn = FALSE;
    self->n_sleepers--;
    return wake_up (self, task, time);
  }
  cpu->resume = KML_TIME_MAX;
  return resume (self, cpu, time);
}

static KmlCoroutine *
end_run (KmlScheduler *self)
{
  self->is_stopped = TRUE;
  self->running = NULL;
  self->machine->task = NULL;
  return &self->host;
}

/* Nothing will happen any more. */
static KmlCoroutine *
end_in_stall (KmlScheduler *self)
{
  if (!self->is_stopped)
    kml_incident_stall (self);
  return end_run (self);
}

/* What would come next is after the end. */
static KmlCoroutine *
end_by_time (KmlScheduler *self)
{
  self->machine->now = self->config.until;
  self->time_is_over = !self->is_bounded;
  return end_run (self);
}

/* The earliest happens. NULL: it is nobody's turn for that. */
static inline KmlCoroutine *
go_on_by_clock (KmlScheduler *self)
{
  const KmlTurn first = kml_turns_first (&self->turns);
  const KmlTime time = kml_turn_time (first), until = self->config.until;

  while (self->next_timer <= time && self->n_timers_set > 0) {
    KmlEvent event;
    KmlTimer *timer;

    if (self->next_timer == time && !rings_before (self, first))
      break;
    timer = kml_scheduler_take_event (self, &event);
    if (G_UNLIKELY (!kml_timer_is_latest (timer, &event)))
      continue;
    kml_timer_unset (timer);
    return G_LIKELY (event.time <= until) ? ring (self, timer, event.time) : end_by_time (self);
  }
  if (G_UNLIKELY (time == KML_TIME_MAX))
    return end_in_stall (self);
  if (G_UNLIKELY (time > until))
    return end_by_time (self);
  return take_turn (self, first);
}

/* What was chosen happens, no earlier than what has happened. */
static KmlCoroutine *
go_on_by_choice (KmlScheduler *self)
{
  KmlNext next;

  if (!kml_scheduler_choose_next (self, &next))
    return end_in_stall (self);
  self->latest = MAX (next.time, self->latest);
  if (self->latest > self->config.until)
    return end_by_time (self);
  return next.timer != NULL ? ring (self, next.timer, self->latest)
                            : resume (self, next.cpu, self->latest);
}

G_GNUC_NO_INLINE static KmlCoroutine *
find_next (KmlScheduler *self)
{
  const KmlCpu *cpu = self->running;
  KmlCoroutine *to;

  if (cpu != NULL && kml_cpu_has_turn (cpu) && self->config.choose == NULL)
    kml_turns_add (&self->turns, kml_turn (cpu->resume, self->n_set++, kml_cpu_who (cpu->number)));
  do {
    if (G_UNLIKELY (self->is_stopped || self->n_alive == 0))
      to = end_run (self);
    else if (G_LIKELY (self->config.choose == NULL))
      to = go_on_by_clock (self);
    else
      to = go_on_by_choice (self);
  } while (G_UNLIKELY (to == NULL));
  refresh_horizon (self);
  return to;
}

KmlCoroutine *
kml_scheduler_find_next (KmlScheduler *self)
{
  const KmlTurn first = kml_turns_first (&self->turns);
  const KmlCpu *cpu = self->running;
  KmlTask *task = kml_turn_task (self, first);

  if (G_UNLIKELY (task == NULL || cpu == NULL || kml_turn_time (first) > cpu->resume))
    return find_next (self);
  kml_cpu_makes_way (cpu, self);
  kml_turn_begins (self, first, task);
  return task->coroutine;
}

/* Goes on with whose turn is next. */
static void
dispatch (KmlScheduler *self, KmlCoroutine *from)
{
  kml_scheduler_switch (self, from, kml_scheduler_find_next (self));
}

void
kml_scheduler_park (KmlScheduler *self)
{
  KmlCpu *cpu = kml_scheduler_cpu (self);

  cpu->committed = self->machine->now;
  dispatch (self, cpu->current->coroutine);
}

/* @task has ended. Nobody stands on the stack of the one before any more. */
static void
bury (KmlScheduler *self, KmlTask *task)
{
  if (self->dead != NULL)
    kml_coroutine_drop (self->dead, self->pool);
  self->dead = task->coroutine;
}

void
kml_scheduler_leave (KmlScheduler *self)
{
  KmlMachine *machine = self->machine;
  KmlCpu *cpu = kml_scheduler_cpu (self);
  KmlTask *task = cpu->current, *next = take_ready (cpu);
  KmlCoroutine *from = task->coroutine;

  if (task->state == KML_TASK_ENDED)
    bury (self, task);
  if (next == NULL) { /* S3 */
    kml_cpu_is_idle (cpu, self);
    dispatch (self, from);
    return;
  }
  machine->now = MAX (machine->now, next->part_since); /* another CPU's wake-up may still last */
  machine->now += machine->cost[KML_COST_SWITCH];
  kml_cpu_begin_to_run (cpu, self, next, machine->now);
  machine->task = next;
  refresh_horizon (self);
  if (machine->now < machine->horizon) {
    kml_scheduler_switch (self, from, coroutine_of (self, next));
    return;
  }
  cpu->committed = machine->now;
  kml_cpu_stops_until (cpu, machine->now, KML_OBJECT_ANY);
  dispatch (self, from);
}

/* ---- Meeting the others ---- */

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

      kml_cpu_stops_until (cpu, machine->now, object);
      kml_scheduler_park (self);
    }
  } while (kml_interrupts_deliver (self) || kml_scheduler_preempt (self));
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
  self->pieces = g_ptr_array_new_with_free_func (free);
  self->spans = g_new (KmlSpan, KML_N_SPANS);
  self->incidents = g_array_new (FALSE, FALSE, sizeof (KmlIncident));
  self->bugs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->next_timer = KML_TIME_MAX;
  self->is_bounded = config->until < KML_TIME_MAX;
  self->config.until = MIN (config->until, KML_TIME_LAST - 1);
  self->end = self->config.until + 1;
  kml_progress_init (self);
  self->cpus = g_new0 (KmlCpu, self->machine->n_cpus);
  self->off_by = g_new0 (KmlCause, self->machine->n_cpus * KML_N_OFF);
  self->candidates = g_new (KmlCandidate, KML_CANDIDATES_WITHOUT_TIMERS (self->machine->n_cpus));
  kml_turns_init (&self->turns, kml_cpu_who (self->machine->n_cpus));
  for (guint i = 0; i < self->machine->n_cpus; i++) {
    self->cpus[i].number = i;
    self->cpus[i].off_by = self->off_by + i * KML_N_OFF;
    self->cpus[i].resume = KML_TIME_MAX;
    self->cpus[i].level = KML_LEVEL_PROCESS;
  }
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
  }
  kml_ipis_free (self->ipis);
  kml_incidents_free (self->incidents);
  g_hash_table_unref (self->bugs);
  g_free (self->spans);
  g_ptr_array_unref (self->timers);
  g_ptr_array_unref (self->any_time);
  g_ptr_array_unref (self->tasks);
  g_ptr_array_unref (self->own);
  g_ptr_array_unref (self->pieces);
  kml_stack_pool_free (self->pool);
  kml_agenda_free (self->agenda);
  kml_turns_finish (&self->turns);
  g_free (self->cpus);
  g_free (self->off_by);
  g_free (self->candidates);
  g_clear_pointer (&self->remembered.events, g_array_unref);
  g_free (self);
}

/* Ten thousand tasks are thousands of pages of the host, each of which it takes longer to get than to fill: the more there are, the larger the pieces
 * that they lie in, and the largest are of huge pages. */
static const gsize piece_sizes[] = { 16 << 10, 256 << 10, 4 << 20 }; /* bytes */

KmlTask *
kml_scheduler_add_own (KmlScheduler *self)
{
  guint at = self->own->len, piece = 0;
  gsize size = piece_sizes[0];
  KmlTask *task;

  while (at >= size / sizeof (KmlTask)) {
    at -= (guint)(size / sizeof (KmlTask));
    piece++;
    size = piece_sizes[MIN (piece, G_N_ELEMENTS (piece_sizes) - 1)];
  }
  if (piece == self->pieces->len) {
    g_ptr_array_add (self->pieces, kml_host_memory_new (size));
    g_assert (g_ptr_array_index (self->pieces, piece) != NULL);
  }
  task = (KmlTask *)g_ptr_array_index (self->pieces, piece) + at;
  *task = (KmlTask){ 0 };
  g_ptr_array_add (self->own, task);
  return task;
}

KmlTask *
kml_task_new (KmlScheduler *scheduler, const KmlTaskConfig *config)
{
  KmlTask *self = kml_scheduler_add_own (scheduler);

  kml_task_init (self, scheduler, config->name, config->cpu);
  kml_turns_make_room (&scheduler->turns, kml_task_who (self) + 1);
  self->priority = (gint16)config->priority;
  self->is_daemon = config->is_daemon;
  self->func = config->func;
  self->data = config->data;
  kml_timer_init_kind (&self->alarm, scheduler, KML_TIMER_WAKE, self);
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
  g_assert (self->running == NULL);
  kml_scheduler_begin_to_choose (self);
  dispatch (self, &self->host);
}

void
kml_scheduler_stop (KmlScheduler *self)
{
  self->is_stopped = TRUE;
  self->others = 0;
  self->machine->horizon = 0;
}

gboolean
kml_scheduler_time_is_over (const KmlScheduler *self)
{
  return self->time_is_over;
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
  if (--self->n_alive == 0)
    self->others = 0;
  kml_incident_look_for_stall (self);
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
