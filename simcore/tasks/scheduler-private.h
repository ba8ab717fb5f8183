/* scheduler-private.h: what the files of the scheduler share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * scheduler.c   what is next, switching
 * turns.h       who goes on next
 * switch.h      a task goes on, or stops
 * rest.h, rest.c   tasks that stop with nothing on their stacks
 * timer.c       what happens at a time by itself
 * run-queue.c   who is ready on a CPU
 * scheduler-choose.c   what is next where it is open
 * task.c        what a task may do: work, sleep, wait
 * interrupt.c   lines, levels, delivery
 * scheduler-image.c   going back to before the run
 * wait-graph.c  who waits for whom, and who is stuck
 * incident.c    what should not be: cycles of waits, stalls, bugs
 * progress.c    livelocks and inversions of priorities
 * remedy.c      what would have kept tasks from waiting for each other
 * spans.c       what tasks did lately
 * usage.c       what each CPU did, when the run is over
 */

#pragma once

#include "simcore/tasks/scheduler.h"
#include "simcore/tasks/turns.h"

G_BEGIN_DECLS

/* A stretch of a task's time, or of its holding a lock. */
typedef struct {
  guint32 task; /* its id */
  guint32 what; /* KmlPart; KML_SPAN_HOLD: it had … */
  /* (nullable) borrowed: … this; or what it waited for, where that is a wait */
  const char *resource;
  KmlTime start, end;
} KmlSpan;

#define KML_SPAN_HOLD KML_N_PARTS

#define KML_N_SPANS 512 /* that are remembered, of all tasks together: 16 KiB */

/* What a CPU may be told to keep away. */
typedef enum {
  KML_OFF_IRQ,
  KML_OFF_SOFTIRQ,
  KML_OFF_PREEMPT,
  KML_N_OFF,
} KmlOff;

/* How many interrupts of those that come for ever are pending, and were handled, when so much was achieved. */
typedef struct {
  guint64 n_pending, n_handled, n_achieved;
} KmlBacklog;

/* A CPU is *running* (one is, or none while a timer's function is called), *parked* (its current task will go on
 * where it stopped), or *idle* (current is NULL). */
typedef struct {
  KmlTask *current; /* (nullable): NULL: idle */
  guint number;
  /* it is parked, and its current task goes on then; KML_TIME_MAX: it is not, or that goes on when it is kicked, as one that spins */
  KmlTime resume;
  /* the run queue: by priority, equal ones in the order in which they came */
  KmlTask *first, *last;
  KmlIrq *pending;   /* by level, the highest first, equal ones in order */
  KmlTime committed; /* while it is parked: what it does up to then is done, whatever comes */
  guint64 object;    /* meanwhile: what its next step touches, see KmlCandidate */
  KmlTime slice_end; /* of the current task, when others are ready */
  int level;         /* KML_LEVEL_… */
  guint irq_off, softirq_off, preempt_off; /* depths */
  /* (array length=KML_N_OFF): borrowed: the step and where each was turned off last, but for locks */
  KmlCause *off_by;
  guint n_turns;      /* where schedules are chosen: how often it was, since watch.since … */
  gboolean is_behind; /* … and whether that is too seldom: see progress.c */
  gboolean begins;    /* its first task has yet to run up to its first point */
  /* (nullable): whom interrupts interrupt when there is nobody else; made when first needed */
  KmlTask *idle;
  guint64 n_switches, n_preempted, n_interrupts; /* see usage.h … */
  KmlTime idle_time, idle_since; /* … current was NULL for so long; it is since then */
} KmlCpu;

/* CPUs, the earliest timer, and one for each CPU that may be made while the run goes on; others that may ring at any time are made before. */
#define KML_CANDIDATES_WITHOUT_TIMERS(n_cpus) (2 * (n_cpus) + 1)

struct _KmlScheduler {
  KmlSchedulerConfig config;
  KmlMachine *machine;
  KmlAgenda *agenda; /* (owned): of timers */
  KmlTurns turns;    /* where nobody chooses: of CPUs and of tasks that sleep, see kml_task_who() */
  guint64 n_set;     /* how often a turn or a timer was set */
  /* when the earliest timer of the agenda rings, or earlier; KML_TIME_MAX: none does */
  KmlTime next_timer;
  KmlTime others;      /* before that nothing comes but turns; or earlier */
  KmlTime end;         /* what comes then, or later, does not happen */
  KmlStackPool *pool;  /* (owned) */
  KmlCpu *cpus;        /* (owned) (array length=machine->n_cpus) */
  KmlCause *off_by;    /* (owned): all CPUs' */
  KmlCpu *running;     /* (nullable): one of them */
  GPtrArray *timers;   /* (element-type KmlTimer): borrowed, by index */
  GPtrArray *any_time; /* (element-type KmlTimer): borrowed: those that may ring at any time */
  GPtrArray *tasks;    /* (element-type KmlTask): borrowed, by id */
  GPtrArray *own;      /* (element-type KmlTask): those that were made here, which lie in … */
  GPtrArray *pieces;   /* (owned) … pieces of the host's memory */
  guint n_alive;       /* tasks that the run waits for */
  guint mover;         /* the id of one that could move when it was last asked for */
  guint n_timers_set;  /* in the agenda */
  guint n_sleepers;    /* tasks that have turns */
  guint n_begin;       /* CPUs that begin */
  gboolean is_bounded, is_stopped, time_is_over;
  gboolean wakes_commute;   /* where schedules are chosen: see scheduler-choose.c */
  KmlCandidate *candidates; /* (owned): room for them */
  KmlTime latest;           /* when the last thing happened */
  KmlCoroutine host;
  /* (nullable): of the task that has ended last: nobody needs its stack, but somebody may still stand on it */
  KmlCoroutine *dead;
  guint64 n_switches;
  KmlIpis *ipis;     /* (owned) (nullable): see ipi.h */
  GArray *incidents; /* (owned) (element-type KmlIncident) */
  /* (owned) (element-type utf8 guint): the numbers of those that are bugs, by what makes them the same */
  GHashTable *bugs;
  struct {
    GArray *events; /* (owned) (nullable) (element-type KmlEvent): NULL: nothing is remembered */
    guint n_own, n_tasks, n_timers, n_any_time;
    KmlIpis *ipis; /* (nullable) */
  } remembered;
  KmlSpan *spans; /* (owned) (array length=KML_N_SPANS): a ring … */
  struct {
    KmlTime next, since;        /* when to look again; the last progress that was seen */
    guint64 n_progress, n_seen; /* how often something was achieved */
    guint64 n_steps, n_steps_then;
    gboolean is_catching_up; /* CPUs that are behind, and timers … */
    KmlTime due;             /* … that should have rung by then, come first */
    gboolean has_caught_up;  /* that has been so */
    guint64 n_achieved;      /* the same without what comes to nothing; and since the latest … */
    gint64 balance, best;    /* … bytes given back less those that were taken, and the most … */
    guint64 most_free;       /* … and the most page frames that were free */
    guint64 fewest_dirty;    /* … and the fewest dirty pages that the flusher or kswapd left */
    guint64 n_interrupts;    /* how often one was raised or handled */
    guint64 next_storm_look; /* to be done when so many were, steps of programs included */
    KmlTime storm_since;     /* no task has run since then, as far as such looks show … */
    guint64 n_interrupts_then, n_achieved_then; /* … which was when there were so many … */
    KmlBacklog backlog;                         /* … and at the last look */
    guint n_growing; /* so many looks in a row interrupts have come faster than they were handled */
    gboolean is_stormy;   /* who has not run between two looks for a storm cannot move … */
    const KmlTask *trier; /* (nullable): … nor who tries in vain while this one does … */
    KmlTime kept_since;   /* … nor who is kept from its CPU since then by such a one … */
    gboolean is_hopeless; /* … nor who waits for what handlers might bring about */
  } watch;
  guint64 n_spans; /* … of so many as there ever were */
};

static inline KmlCpu *
kml_scheduler_cpu (KmlScheduler *self)
{
  return self->running;
}

/* There is an interrupt for the CPU, or another task. */
static inline gboolean
kml_cpu_is_wanted (const KmlCpu *self)
{
  return G_UNLIKELY (((guintptr)self->pending | (guintptr)self->first) != 0);
}

/* It is parked, and goes on by itself. */
static inline gboolean
kml_cpu_has_turn (const KmlCpu *self)
{
  return self->resume != KML_TIME_MAX;
}

/* Whether what runs on the CPU must not sleep. */
static inline gboolean
kml_cpu_is_atomic (const KmlCpu *self)
{
  return ((guint)(self->level - KML_LEVEL_PROCESS) | self->irq_off | self->softirq_off |
          self->preempt_off) != 0;
}

static inline void
kml_timer_unset (KmlTimer *self)
{
  self->is_set = FALSE;
  if (--self->scheduler->n_timers_set == 0)
    self->scheduler->next_timer = KML_TIME_MAX;
}

/* ---- Turns ---- */

/* Whose turns are: twice a CPU's number, or one more than twice a task's id. */
static inline guint
kml_cpu_who (guint number)
{
  return 2 * number;
}

static inline guint
kml_task_who (const KmlTask *self)
{
  return 2 * self->id + 1;
}

/* What comes next. */
typedef struct {
  KmlTimer *timer; /* (nullable): it rings; NULL: … */
  KmlCpu *cpu;     /* … this one goes on … */
  KmlTime time;    /* … then */
} KmlNext;

static inline KmlNext
kml_next_timer (KmlTimer *timer)
{
  kml_timer_unset (timer);
  return (KmlNext){ .timer = timer, .time = timer->time };
}

static inline KmlNext
kml_next_cpu (KmlCpu *cpu)
{
  const KmlTime time = cpu->resume;

  cpu->resume = KML_TIME_MAX;
  return (KmlNext){ .cpu = cpu, .time = time };
}

/* The running CPU is about to stop, goes on at @time, and touches @object then. */
static inline void
kml_cpu_stops_until (KmlCpu *cpu, KmlTime time, guint64 object)
{
  cpu->resume = time;
  cpu->object = object;
}

/* Another one, that goes on later or does not, goes on at @time. */
static inline void
kml_cpu_goes_on (KmlCpu *cpu, KmlScheduler *scheduler, KmlTime time)
{
  const gboolean is_later = kml_cpu_has_turn (cpu);
  KmlTurn turn;

  cpu->resume = time;
  if (G_UNLIKELY (scheduler->config.choose != NULL)) {
    cpu->object = KML_OBJECT_ANY;
    return; /* who goes on is chosen: scheduler.c, 3. */
  }
  turn = kml_turn (time, scheduler->n_set++, kml_cpu_who (cpu->number));
  if (is_later)
    kml_turns_bring_forward (&scheduler->turns, turn);
  else
    kml_turns_add (&scheduler->turns, turn);
  scheduler->machine->horizon = MIN (scheduler->machine->horizon, time);
}

/* An idle one was to go on for an interrupt, and need not: a task goes on there, which takes it. */
static inline void
kml_cpu_need_not_go_on (KmlCpu *cpu, KmlScheduler *scheduler)
{
  if (G_LIKELY (!kml_cpu_has_turn (cpu)))
    return;
  cpu->resume = KML_TIME_MAX;
  if (scheduler->config.choose == NULL)
    kml_turns_remove (&scheduler->turns, kml_cpu_who (cpu->number));
}

/* ---- atomic.c ---- */

/* The current task has ended: locks that it has are reported, and what it has turned off is, and is on again. */
void kml_task_leave_nothing (KmlTask *self);

/* ---- scheduler-choose.c ---- */

/* Before it runs. */
void kml_scheduler_begin_to_choose (KmlScheduler *self);

/* Asks config.choose. FALSE: nothing comes next. */
gboolean kml_scheduler_choose_next (KmlScheduler *self, KmlNext *ret_next);

/* ---- timer.c ---- */

void kml_timer_init_kind (KmlTimer *self, KmlScheduler *scheduler, KmlTimerKind kind,
                          gpointer data);

/* The earliest timer that is meant, of which there is one. */
KmlTimer *kml_scheduler_take_timer (KmlScheduler *self);

/* The same, which stays in the agenda. NULL: there is none. */
KmlTimer *kml_scheduler_look_for_timer (KmlScheduler *self);

/* Whether what is in the agenda is the last that the timer was set to: of one that has rung, or was cancelled, there is no such event (timer.c). */
static inline gboolean
kml_timer_is_latest (const KmlTimer *self, const KmlEvent *event)
{
  return self->generation == (guint32)(event->what >> 32);
}

/* Whether it is still meant; where it is chosen when it comes it is not. */
static inline gboolean
kml_timer_is_meant (const KmlTimer *self, const KmlEvent *event)
{
  return kml_timer_is_latest (self, event) &&
         (self->scheduler->config.choose == NULL || !self->is_any_time);
}

/* The earliest event, whose timer may not mean it any more. There is one. */
static inline KmlTimer *
kml_scheduler_take_event (KmlScheduler *self, KmlEvent *ret_event)
{
  self->next_timer = kml_agenda_take_one (self->agenda, ret_event);
  return g_ptr_array_index (self->timers, (guint32)ret_event->what);
}

/* ---- scheduler.c ---- */

/* When something else happens that comes first; at once, when the run is to end. */
void kml_scheduler_refresh_horizon (KmlScheduler *self);

/* Lets happen what is next, until it is somebody's turn, and returns where that one stands. */
KmlCoroutine *kml_scheduler_find_next (KmlScheduler *self);

/* Goes on with the current task of the CPU that runs now, from the stack of @from. */
void kml_scheduler_switch (KmlScheduler *self, KmlCoroutine *from, KmlCoroutine *to);

/* The running CPU stops here and goes on when it was said, or somebody kicks it. */
void kml_scheduler_park (KmlScheduler *self);

/* The current task leaves its CPU to the next one. Returns when it is current again; never, when it has ended. */
void kml_scheduler_leave (KmlScheduler *self);

/* A task that is all zero, the next of own. */
KmlTask *kml_scheduler_add_own (KmlScheduler *self);

/* ---- run-queue.c ---- */

/* @task joins its CPU's run queue at machine->now. */
void kml_scheduler_make_ready (KmlScheduler *self, KmlTask *task);

/* There is something new for the CPU to see, at @time. */
static inline void
kml_scheduler_kick (KmlScheduler *self, guint number, KmlTime time)
{
  KmlCpu *cpu = &self->cpus[number];

  if (cpu == self->running) {
    self->machine->horizon = 0; /* at the next look */
    return;
  }
  time = MAX (time, cpu->current != NULL ? cpu->committed : cpu->idle_since);
  if (cpu->resume > time)
    kml_cpu_goes_on (cpu, self, time);
}

/* kml_task_wake() of one that most often spins. */
static inline void
kml_task_wake_spinner (KmlTask *task)
{
  if (G_UNLIKELY (task->is_woken || task->state != KML_TASK_SPINNING)) {
    kml_task_wake (task);
    return;
  }
  task->is_woken = TRUE;
  kml_scheduler_kick (task->scheduler, task->cpu, task->scheduler->machine->now);
}

/* Gives up the CPU where another task has a right to it. TRUE: time has passed. */
gboolean kml_scheduler_preempt_ready (KmlScheduler *self);

static inline gboolean
kml_scheduler_preempt (KmlScheduler *self)
{
  return G_UNLIKELY (kml_scheduler_cpu (self)->first != NULL) && kml_scheduler_preempt_ready (self);
}

/* ---- task.c ---- */

/* What runs on a task's own stack. */
void kml_task_main (gpointer data);

/* kml_task_wait() of who has just called kml_sync() and found that it must wait. */
void kml_task_wait_now (KmlMachine *machine, const KmlWait *wait, KmlPart part, gboolean spin);
void kml_task_init (KmlTask *self, KmlScheduler *scheduler, const char *name, guint cpu);

/* ---- interrupt.c ---- */

/* Whether what runs on the CPU keeps @irq away. */
static inline gboolean
kml_irq_is_masked (const KmlIrq *self, const KmlCpu *cpu)
{
  return self->level <= cpu->level || cpu->irq_off > 0 ||
         (self->level == KML_LEVEL_SOFTIRQ && cpu->softirq_off > 0);
}

static inline gboolean
kml_interrupts_deliverable (const KmlCpu *cpu)
{
  return G_UNLIKELY (cpu->pending != NULL) && !kml_irq_is_masked (cpu->pending, cpu);
}

/* What kml_interrupts_deliver() does where there is something to do. */
void kml_interrupts_deliver_pending (KmlScheduler *self);

/* Runs the handlers that may run now on the running CPU. TRUE: there were some. */
static inline gboolean
kml_interrupts_deliver (KmlScheduler *self)
{
  if (!kml_interrupts_deliverable (kml_scheduler_cpu (self)))
    return FALSE;
  kml_interrupts_deliver_pending (self);
  return TRUE;
}

/* ---- wait-graph.c ---- */

/* Who has the CPU, below the handlers that run there. (nullable) */
const KmlTask *kml_wait_who_runs (const KmlCpu *cpu);

/* Who has the CPU and waits without giving it away, be it below handlers. (nullable) */
KmlTask *kml_wait_who_spins (const KmlCpu *cpu);

KmlTask *kml_wait_cpu_blocker (const KmlScheduler *self, const KmlTask *task);

/* The @i-th task that must move before @task does, or of which any must; NULL: there are no more. */
KmlTask *kml_wait_blocker (const KmlScheduler *self, const KmlTask *task, guint i);

/* Whether any of them is enough. */
gboolean kml_wait_is_for_any (const KmlTask *task);

/* Whether it has an element of the pool, and that is remembered. */
gboolean kml_task_has_element (const KmlTask *task, const KmlProviders *pool);

/* Those who keep each other for ever, @task among them: first a cycle from it to itself, *@ret_n_cycle long, then those who are in its way
 * besides. (transfer full) (nullable) (element-type KmlTask): NULL: there is no cycle. *@ret_is_stuck: whether it will never move, for that or
 * another reason. */
GPtrArray *kml_wait_find_knot (const KmlScheduler *self, KmlTask *task, guint *ret_n_cycle,
                               gboolean *ret_is_stuck);

/* ---- ipi.c ---- */

/* How many IPIs have arrived that @handler has not begun to answer; it may be another handler. @self: (nullable) */
guint kml_ipis_n_kept (const KmlIpis *self, const KmlTask *handler);

/* ---- wait-graph.c, of all of them ---- */

/* Whether nobody and nothing keeps the task, which is seen without a graph. */
gboolean kml_wait_is_free (const KmlScheduler *self, const KmlTask *task);

/* Whether none of those that the run waits for will ever move, whatever handlers still come. */
gboolean kml_wait_all_are_stuck (KmlScheduler *self);

/* ---- remedy.c ---- */

/* In a sentence, for the story. @knot: (element-type KmlTask). (transfer full) (nullable): nothing is known. */
char *kml_remedy_of_knot (const KmlScheduler *self, const GPtrArray *knot);

/* ---- spans.c ---- */

static inline void
kml_span_add (const KmlTask *task, guint what, const char *resource, KmlTime start, KmlTime end)
{
  KmlScheduler *self = task->scheduler;

  self->spans[self->n_spans++ % KML_N_SPANS] = (KmlSpan){ task->id, what, resource, start, end };
}

/* The task's time goes elsewhere from @now on, which is after task->part_since. */
static inline void
kml_span_part (KmlTask *task, KmlTime now)
{
  kml_span_add (task, task->part, task->wait.what, task->part_since, now);
}

/* It gives a lock, or an element of a pool, back. */
static inline void
kml_span_lock (KmlTask *task, const char *lock, KmlTime since, KmlTime now)
{
  if (now > since)
    kml_span_add (task, KML_SPAN_HOLD, lock, since, now);
}

/* (transfer full) */
GArray *kml_spans_of_incident (const KmlScheduler *self, const KmlIncident *incident);

/* ---- progress.c ---- */

void kml_progress_init (KmlScheduler *self);

/* Whether tasks get anywhere. To be called when watch.next has come. */
void kml_progress_look (KmlScheduler *self);

/* Leaves of @n candidates those that were passed over for too long, if any. Returns how many are left. */
guint kml_progress_let_catch_up (KmlScheduler *self, KmlCandidate *candidates, guint n);

#define KML_N_VAIN  1000000 /* tries: whoever has made so many of them goes on making them */
#define KML_N_STORM 1000000 /* interrupts, raised or handled: a storm */

void kml_progress_look_for_storm (KmlScheduler *self);

/* It was raised, or handled. */
static inline void
kml_progress_interrupt (KmlScheduler *self, const KmlIrq *irq)
{
  if (irq->comes != KML_IRQ_COUNTED &&
      G_UNLIKELY (++self->watch.n_interrupts + self->watch.n_steps >= self->watch.next_storm_look))
    kml_progress_look_for_storm (self);
}

/* The CPU was chosen. */
void kml_progress_turn (KmlScheduler *self, KmlCpu *cpu);

/* ---- incident.c ---- */

/* @task has begun to wait: whether that closes a cycle, or nobody can move any more. */
void kml_incident_look_for_cycle (KmlScheduler *self, KmlTask *task);

/* Somebody that the run waits for is no more: the same, of those that are left. */
void kml_incident_look_for_stall (KmlScheduler *self);

/* Whether @task goes on right now, or is about to. */
static inline gboolean
kml_task_is_at_work (const KmlTask *task)
{
  return task->scheduler->cpus[task->cpu].current == task &&
         (task->is_woken || (task->wait.kind == KML_WAIT_NONE && task->state == KML_TASK_RUNNING));
}

/* @text: (transfer full). Nothing has come of all steps but the first @n_steps. Ends the run. */
void kml_incident_livelock (KmlScheduler *self, char *text, guint64 n_steps);

/* @task waits for @low, in whose place @middle runs. */
void kml_incident_inversion (KmlScheduler *self, const KmlTask *task, const KmlTask *low,
                             const KmlTask *middle);

/* Nothing will ever happen: who waits for what. */
void kml_incident_stall (KmlScheduler *self);
void kml_incidents_clear (GArray *incidents);
void kml_incidents_free (GArray *incidents);

G_END_DECLS
