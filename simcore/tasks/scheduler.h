/* scheduler.h: tasks, CPUs and interrupts: who runs where, and when.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A *task* is code that runs on a CPU in a context. Tasks in process context have
 * stacks of their own (coroutine.h), wait in their CPU's run queue and may sleep. A handler of an interrupt is a task
 * too, which borrows the stack of whom it interrupts, as on real hardware, and may not sleep.
 *
 * How exact it is. Every CPU has a clock and runs ahead of the others as long as
 * it does what nobody else can see; kml_spend() moves its clock, and that is all. Before it does something that others can see
 * (it takes or gives back a lock, wakes somebody, looks at what is shared) it calls kml_sync(), which lets all that is earlier
 * happen first. When nothing is earlier, that is a comparison. So what is shared is always
 * touched in the order of simulated time, and ties go to who asked first.
 *
 * Interrupts are taken between two such points, in the middle of kml_work(), while a task spins, and while a
 * CPU is idle: exactly then. They are not taken in the middle of kml_spend(), whose nanoseconds are one instruction path.
 *
 * A machine without a scheduler runs straight code (driver.h) and pays nothing for all this.
 *
 * Not modelled: migration of tasks between CPUs by load, priorities that change, CPUs that go offline.
 */

#pragma once

#include "simcore/tasks/agenda.h"
#include "simcore/base/coroutine.h"
#include "simcore/tasks/cause.h"
#include "simcore/machine.h"

G_BEGIN_DECLS

typedef struct _KmlInjector KmlInjector;
typedef struct _KmlIpis KmlIpis;
typedef struct _KmlIrq KmlIrq;
typedef struct _KmlLock KmlLock;
typedef struct _KmlLockdep KmlLockdep;

typedef void (*KmlTaskFunc) (KmlMachine *machine, gpointer data);

/* ---- Timers: something that happens at a time, on no CPU ---- */

typedef enum {
  KML_TIMER_CALL, /* calls func (data), which must not wait */
  KML_TIMER_WAKE, /* wakes a task that sleeps */
} KmlTimerKind;

typedef struct {
  KmlScheduler *scheduler;
  guint32 index; /* in the scheduler's table */
  /* one that was set anew leaves its old event in the agenda, which is then of another generation */
  guint32 generation;
  KmlTime time; /* while it is set */
  /* of setting, among all that happens: of two at one time the one that was set first comes first */
  guint64 order;
  guint8 is_set;      /* it is in the agenda */
  guint8 is_turn;     /* of a task that sleeps: it is not in the agenda, but a turn (turns.h) */
  guint8 is_any_time; /* where schedules are chosen it may ring at any time */
  guint8 kind;        /* KmlTimerKind */
  guint32 cpu;        /* 1 + which CPU its ringing is for, and touches alone; 0: who knows */
  void (*func) (gpointer data);
  gpointer data;
} KmlTimer;

/* @self must stay where it is as long as the scheduler lives. */
void kml_timer_init (KmlTimer *self, KmlScheduler *scheduler, void (*func) (gpointer data),
                     gpointer data);

/* It may ring at any time from when it is set on, where interrupts are injected (inject.h) and schedules chosen. */
void kml_timer_may_come_any_time (KmlTimer *self, KmlScheduler *scheduler);

/* The same where schedules are chosen, whatever is injected: it raises an interrupt of that CPU, and touches nothing else. */
void kml_timer_is_for_cpu (KmlTimer *self, KmlScheduler *scheduler, guint cpu);

/* Sets it, or sets it anew, to a time that is not past. */
void kml_timer_set (KmlTimer *self, KmlScheduler *scheduler, KmlTime time);
void kml_timer_cancel (KmlTimer *self);

/* ---- Tasks ---- */

typedef enum {
  KML_TASK_READY,    /* waits for its CPU */
  KML_TASK_RUNNING,  /* is its CPU's current task, or was interrupted there */
  KML_TASK_SPINNING, /* waits and keeps its CPU busy */
  KML_TASK_SLEEPING, /* waits and leaves its CPU to others */
  KML_TASK_ENDED,    /* of a handler: is not running */
} KmlTaskState;

typedef enum {
  KML_WAIT_NONE,
  KML_WAIT_LOCK,
  KML_WAIT_TIME,   /* ends by itself */
  KML_WAIT_IO,     /* ends by itself: a device will do it */
  KML_WAIT_EVENT,  /* for a wake-up */
  KML_WAIT_MEMORY, /* for memory */
} KmlWaitKind;

/* Those who can bring about what several can: each of them is enough. */
typedef struct {
  GPtrArray *tasks;      /* (owned) (element-type KmlTask) */
  gboolean from_outside; /* handlers of interrupts can, too */
} KmlProviders;

/* @task: (nullable): NULL: a handler. */
void kml_providers_add (KmlProviders *self, KmlTask *task);

/* What a task waits for, and who alone can end it. */
typedef struct {
  guint8 kind;      /* KmlWaitKind */
  const char *what; /* its name: borrowed, lives as long as the run */
  KmlLock *lock;    /* KML_WAIT_LOCK */
  /* (nullable): otherwise: the one task that can end it, where there is only one … */
  KmlTask *provider;
  const KmlProviders *providers; /* (nullable): … or those of which any can */
  KmlTime since;
  KmlTime booked; /* what its part of the task's time was then */
} KmlWait;

/* A lock that a task has. */
typedef struct {
  KmlLock *lock;
  KmlTime since;
  const char *function; /* (nullable): that took it */
  const char *step;     /* (nullable): … in which step of a program */
} KmlHold;

/* An element of a pool that a task has. */
typedef struct {
  const char *name;         /* of the pool: borrowed */
  const KmlProviders *pool; /* whose it is */
  KmlTime since;
  const char *step; /* (nullable): of a program: the step that took it */
} KmlElement;

/* What a task asks for again and again without waiting for it, and does not get: for the story of a livelock. */
typedef struct {
  const char *what;      /* (nullable) borrowed: its name; NULL: nothing */
  const KmlLock *lock;   /* (nullable): it is this one */
  KmlTime since, latest; /* the first time in vain, and the last */
} KmlTries;

/* What a task has written to pages of files, for who holds it to the disk's speed (writeback.h). */
typedef struct {
  guint64 n_pages; /* since it was looked at last */
  guint64 n_grace; /* before so many it is not looked at */
  KmlTime since;   /* when its last pause was over, or would have been; 0: it need not pause */
} KmlDirtier;

/* A block of a program that a task does again and again. */
typedef struct {
  const char *step; /* borrowed: how it is written, without its steps */
  guint n_chain;    /* calls around it */
} KmlRound;

#define KML_MAX_HELD     16 /* locks that a task may hold at a time */
#define KML_MAX_ELEMENTS 8  /* of pools that a task has and that are remembered */

/* What a switch reads and writes comes first, in few lines of the host's cache. */
struct _KmlTask {
  KmlScheduler *scheduler;
  char *name; /* (owned) */
  guint32 id; /* in the order of creation, handlers included */
  guint16 cpu;
  guint8 context;    /* KmlContext */
  guint8 state;      /* KmlTaskState */
  gint16 priority;   /* the higher runs; equal ones take turns */
  guint8 memalloc;   /* KML_MEMALLOC_…: what its requests for memory may not do, or may besides */
  guint8 part;       /* KmlPart: where its time goes now … */
  gboolean is_woken; /* what it waited for has happened */
  gboolean is_daemon; /* the run does not wait for its end */
  KmlTime mark;       /* … since then, or since it was last booked … */
  KmlTime part_since; /* … and it has gone there since then */
  /* its own, or that of whom it interrupts, or of another one that rested */
  KmlCoroutine *coroutine;
  KmlCoroutine own;
  KmlTask *next;   /* in a run queue, or in the queue of a lock */
  KmlCause *cause; /* (nullable): of its request under way: what has stopped it longest */
  KmlTaskFunc func;
  /* (nullable): it has stopped there, and there is nothing on its stack: see kml_rest() */
  KmlTaskFunc rests_in;
  gpointer data;
  KmlTimer alarm;
  KmlWait wait;
  KmlTime parts[KML_N_PARTS];
  KmlTime worst_ready; /* the longest that it has waited for its CPU */
  KmlTime ran_then;    /* of them, how long it had run when progress.c began to watch for a storm */
  struct {
    guint64 n;       /* how often it has tried the same again, for it had failed, … */
    guint64 seen;    /* … since scheduler->watch.n_achieved was that, … */
    guint64 n_steps; /* … and so many steps had been done, … */
    KmlTime begun;   /* … from then on */
    KmlTime latest;  /* when the latest KML_N_VAIN of them began */
    guint depth;     /* how many things it tries, one within the other */
  } vain;

  KmlTask *below;        /* (nullable): of a handler: whom it interrupts */
  KmlIrq *irq;           /* (nullable): of a handler: its line */
  guint mode;            /* of who waits for a lock: KmlLockMode */
  guint n_held, n_chain; /* calls may be more than are remembered */
  const char *chain[KML_MAX_CHAIN];
  KmlHold held[KML_MAX_HELD];
  guint n_elements; /* of pools, that it has */
  KmlElement elements[KML_MAX_ELEMENTS];
  KmlTries tries;
  KmlDirtier dirtier;
  KmlRefusal refusal;
  gboolean is_inverted; /* its wait has been reported as an inversion of priorities */
  gboolean is_killed;   /* for want of memory: it ends as soon as it can */
  guint n_reclaims;     /* it takes memory back: calls of that in each other … */
  gboolean reclaims_fs; /* … and calls file systems for it */
  const char *step;     /* (nullable) borrowed: of a program: what it does, as it is written */
  /* (nullable): of its data, for stories: what it does, where it has no step. (transfer full) (nullable) */
  char *(*tell) (gconstpointer data);
  /* (nullable): in which block of its program it goes round since @n_steps steps had been done by all. FALSE: in none */
  gboolean (*find_round) (const KmlTask *self, guint64 n_steps, KmlRound *ret_round);
  guint workload; /* 1 + index of the workload whose operations it executes; 0: of none */
  guint group;    /* 1 + index of the [task] of the scenario that it is of; 0: of none */
};

typedef struct {
  const char *name;
  guint cpu;
  int priority;
  gboolean is_daemon;
  KmlTime start;
  KmlTaskFunc func;
  gpointer data;
} KmlTaskConfig;

/* It is ready from start on. (transfer none) */
KmlTask *kml_task_new (KmlScheduler *scheduler, const KmlTaskConfig *config);

/* ---- Interrupts ---- */

/* Levels: process context is below all, a softirq below every hardirq. A handler is interrupted by higher levels only. */
#define KML_LEVEL_PROCESS (-1)
#define KML_LEVEL_SOFTIRQ 0
#define KML_LEVEL_HARDIRQ 1 /* and above */

typedef enum {
  KML_IRQ_ASKED_FOR, /* when a device or another CPU has something for it */
  KML_IRQ_ENDLESS,   /* by itself, again and again */
  KML_IRQ_COUNTED,   /* by itself, a number of times: it makes no storm */
} KmlIrqComes;

/* A line of interrupts of one CPU, with its handler. */
struct _KmlIrq {
  KmlTask task; /* the handler, while it runs */
  int level;
  guint8 comes;      /* KmlIrqComes */
  gboolean is_quiet; /* the handler lets others in before it touches anything that they can see */
  guint n_pending;   /* raised and not yet handled */
  guint64 n_raised;
  KmlTime raised;      /* the first of the pending ones */
  KmlTime worst_delay; /* from raising to handling */
  KmlIrq *next;        /* pending on its CPU */
};

/* @self must stay where it is. @func is called once for each time it was raised. */
void kml_irq_init (KmlIrq *self, KmlScheduler *scheduler, const char *name, guint cpu, int level,
                   KmlTaskFunc func, gpointer data);
void kml_irq_clear (KmlIrq *self);

/* Now: the CPU takes it as soon as its level and its interrupt flag allow. From any CPU, or from a timer's function. */
void kml_irq_raise (KmlIrq *self);

/* ---- For simulated code, on the running CPU ---- */

/* The task that runs; NULL in a timer's function, at boot, on a machine without tasks. */
static inline KmlTask *
kml_current_task (const KmlMachine *machine)
{
  return machine->task;
}

/* The same where there may be none: at boot, in a timer's function, on a machine without tasks. (nullable) */
static inline KmlTask *
kml_running_task (const KmlMachine *machine)
{
  return machine->scheduler != NULL ? kml_current_task (machine) : NULL;
}

/* What a step touches, by a number that is the same in every run. Equal numbers of different things cost time, and no truth. */
#define KML_OBJECT_ANY  0
#define KML_OBJECT_NONE 1

/* What comes next on that CPU: all its steps touch that. */
#define KML_OBJECT_CPU(number) (4 * ((guint64)(number) + 1))

static inline guint64
kml_object_named (const char *name)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325); /* FNV-1a */

  for (; *name != '\0'; name++)
    hash = (hash ^ (guint8)*name) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash | 2; /* none of those above */
}

/* Lets all that is earlier happen. To be called before anything that others can see. */
void kml_scheduler_sync (KmlScheduler *self, guint64 object);

/* The same by who knows that up to its next such point it will touch nothing shared but @object: a lock, a page; what a lock
 * protects is the lock's. Whoever explores schedules need not try both orders of steps that touch different objects. */
static inline void
kml_sync_on (KmlMachine *machine, guint64 object)
{
  if (G_UNLIKELY (machine->now >= machine->horizon))
    kml_scheduler_sync (machine->scheduler, object);
}

static inline void
kml_sync (KmlMachine *machine)
{
  kml_sync_on (machine, KML_OBJECT_ANY);
}

/* The same for code that may also run when no task does: at boot, in a timer's function, on a machine without tasks. */
static inline void
kml_sync_if_running (KmlMachine *machine)
{
  if (machine->task != NULL)
    kml_sync (machine);
}

/* Works for @time; interrupts are taken and a time slice may end meanwhile. */
void kml_work (KmlMachine *machine, KmlTime time);

/* Keeps the CPU busy up to @time, whatever comes meanwhile; not at all when that is past. */
void kml_work_until (KmlMachine *machine, KmlTime time);

/* Sleeps for @time. */
void kml_sleep (KmlMachine *machine, KmlTime time);

/* Waits for a device called @what, which takes @time. */
void kml_task_io (KmlMachine *machine, const char *what, KmlTime time);

/* Another ready task of this CPU may run. */
void kml_yield (KmlMachine *machine);

/* Nestable. Sleeping in between is a bug of the simulated kernel. */
void kml_preempt_disable (KmlMachine *machine);
void kml_preempt_enable (KmlMachine *machine);
void kml_irq_disable (KmlMachine *machine);
void kml_irq_enable (KmlMachine *machine);
void kml_softirq_disable (KmlMachine *machine);
void kml_softirq_enable (KmlMachine *machine);

/* Whether the running code must not sleep. */
gboolean kml_in_atomic (const KmlMachine *machine);

/* Waits until somebody calls kml_task_wake(). It spins where @spin says so; where it may not sleep, it is a bug, is
 * recorded as such, and keeps the CPU busy. A cycle of waits that closes is a deadlock: it is recorded and the
 * run ends. */
void kml_task_wait (KmlMachine *machine, const KmlWait *wait, KmlPart part, gboolean spin);

/* @task need not wait: then its next wait is short. */
void kml_task_wake (KmlTask *task);

/* The running task has asked for @what in vain, or has got it. @lock: (nullable): @what is its name. */
void kml_task_tried (KmlMachine *machine, const char *what, const KmlLock *lock);
void kml_task_got (KmlMachine *machine, const KmlLock *lock);

/* Time goes to @part from now on; returns where it went before. */
KmlPart kml_task_part (KmlMachine *machine, KmlPart part);

/* Brings task->parts up to date. */
static inline void
kml_task_account_now (KmlTask *self, KmlTime now)
{
  self->parts[self->part] += now - self->mark;
  self->mark = now;
}

/* A function that shows up in call chains, until the end of the block:
 *
 *   KML_CALL (machine, "direct reclaim");
 */
typedef struct {
  KmlTask *task;
} KmlCall;

static inline void
kml_call_end (KmlCall *self)
{
  if (self->task != NULL)
    self->task->n_chain--;
}

static inline KmlCall
kml_call_begin (const KmlMachine *machine, const char *name)
{
  KmlTask *task = machine->task;

  if (task != NULL) {
    if (task->n_chain < KML_MAX_CHAIN)
      task->chain[task->n_chain] = name;
    task->n_chain++;
  }
  return (KmlCall){ task };
}

/* The innermost that is remembered. (nullable) */
static inline const char *
kml_task_function (const KmlTask *self)
{
  const guint last = self->n_chain - 1;

  if (G_LIKELY (last < KML_MAX_CHAIN))
    return self->chain[last];
  return self->n_chain > 0 ? self->chain[KML_MAX_CHAIN - 1] : NULL;
}

#define KML_CALL(machine, name)                                                                    \
  __attribute__ ((cleanup (kml_call_end)))                                                         \
  G_GNUC_UNUSED KmlCall kml_call = kml_call_begin (machine, name)

/* ---- The whole ---- */

typedef enum {
  KML_INCIDENT_DEADLOCK, /* a cycle of waits */
  KML_INCIDENT_STALL,    /* tasks wait and nobody is left who could wake them */
  KML_INCIDENT_LIVELOCK, /* they go on and get nowhere */
  KML_INCIDENT_INVERSION, /* one waits for another that one of a priority in between keeps from its CPU */
  KML_INCIDENT_SLEEP_IN_ATOMIC,
  KML_INCIDENT_LOCK_MISUSE,    /* taken twice, given back by another, kept beyond the end */
  KML_INCIDENT_IRQ_MISUSE,     /* enabled more often than disabled, left disabled */
  KML_INCIDENT_ALLOC_CONTEXT,  /* memory is asked for where its allocator forbids it */
  KML_INCIDENT_FREE_CONTEXT,   /* memory is given back where its allocator forbids it */
  KML_INCIDENT_FREE_IN_FLIGHT, /* … while a device works on it */
  KML_INCIDENT_DOUBLE_FREE,    /* … and was given back already */
  KML_INCIDENT_USE_AFTER_FREE, /* memory is used that was given back */
  KML_N_INCIDENTS,
} KmlIncidentKind;

/* "deadlock.count", "stall.count", "bug.sleep_in_atomic", … */
extern const char *const kml_incident_metrics[KML_N_INCIDENTS + 1];

/* "deadlock", "stall", "sleeping in atomic context", … */
extern const char *const kml_incident_names[KML_N_INCIDENTS + 1];

typedef struct {
  char *name; /* (owned): of a lock */
  char *step; /* (owned) (nullable): of a program: the step that took it */
  KmlTime since;
} KmlIncidentHold;

/* A task that waits, in an incident: who, for what, and who is in its way. */
typedef struct {
  char *waiter, *resource; /* (owned) */
  char *waits_for;    /* (owned) (nullable): the task that must move first, where it is known */
  char *chain;        /* (owned): calls, outermost first */
  char *site;         /* (owned): the same, and the step of its program with its place */
  GArray *held;       /* (owned) (element-type KmlIncidentHold): what the waiter has meanwhile */
  gboolean by_cpu;    /* the other runs in its place on its CPU */
  gboolean by_lock;   /* the other has what is waited for: the lock, or an element of the pool */
  gboolean by_trying; /* it is not waited for: it is tried to have it, again and again */
  char *lock_class;   /* (owned) (nullable): the class of the lock that is waited for */
  KmlTime since;
} KmlIncidentEdge;

/* What a task of an incident did before it. */
typedef struct {
  char *task; /* (owned) */
  guint16 cpu;
  const char *what; /* "hold": it has a lock; else where its time goes: "run", "lock", … */
  char *resource;   /* (owned): what it has or waits for; "" */
  KmlTime start, end;
} KmlIncidentSpan;

typedef struct {
  guint8 kind; /* KmlIncidentKind */
  guint16 cpu;
  KmlTime time;
  guint64 count;     /* of a bug: how often, at @time first; else 1 */
  char *task, *text; /* (owned) */
  char *why;         /* (owned) (nullable): goes on from text, with places in the scenario */
  char *chain;       /* (owned): calls, outermost first */
  char *site;        /* (owned): the same, and the step of its program with its place */
  /* (owned) (nullable): what would have kept it from happening, where that is known */
  char *remedy;
  /* (owned) (element-type KmlIncidentEdge): of a deadlock in the order of the cycle */
  GArray *edges;
  /* (owned) (nullable) (element-type KmlIncidentSpan): by task, in the order of their ends; holds that go on last */
  GArray *spans;
} KmlIncident;

/* What happened, for people: several lines. (transfer full) */
char *kml_incident_story (const KmlIncident *self);

/* The same without steps of programs and their places: that is the same wherever the scenario has its lines. (transfer full) */
char *kml_incident_gist (const KmlIncident *self);

/* "A, B": what the waiter of an edge has. (transfer full) */
char *kml_incident_names_of_held (const KmlIncidentEdge *edge);

typedef enum {
  KML_CANDIDATE_CPU,   /* it goes on */
  KML_CANDIDATE_TIMER, /* the earliest one rings; or one that may ring at any time */
  KML_CANDIDATE_WELL,  /* what is done goes well … */
  KML_CANDIDATE_FAULT, /* … or goes wrong: see inject.h */
} KmlCandidateKind;

#define KML_WHO_NOBODY (1u << 30) /* from here on: the answers to whether something goes wrong */

/* Something that could come next. */
typedef struct {
  guint8 kind; /* KmlCandidateKind */
  guint who;   /* the number of the CPU; that of CPUs: the earliest timer; above: a certain timer */
  guint64 object; /* all that its next step touches of what is shared, or KML_OBJECT_… */
  KmlTime time;   /* when it would come if the clock chose; 0: now */
} KmlCandidate;

/* Answers which of @n > 0 candidates comes next; G_MAXUINT: none, the run ends here. CPUs come in the order of their numbers, timers last.
 * A CPU that is passed over has been slow: its clock is put forward when it goes on. */
typedef guint (*KmlChooseFunc) (const KmlCandidate *candidates, guint n, gpointer data);

typedef struct {
  KmlMachine *machine; /* borrowed */
  KmlTime time_slice;
  KmlTime until;        /* KML_TIME_MAX: when all tasks have ended */
  KmlChooseFunc choose; /* (nullable): NULL: what is earliest comes next */
  gpointer choose_data;
  /* after so long a livelock or an inversion is one; 0: neither is looked for */
  KmlTime no_progress;
  KmlInjector *injector; /* (nullable) borrowed: what may go wrong, see inject.h */
  KmlLockdep *lockdep;   /* (nullable) borrowed: learns orders of locks, see lockdep.h */
} KmlSchedulerConfig;

/* Makes the machine one with tasks, until it is freed. */
KmlScheduler *kml_scheduler_new (const KmlSchedulerConfig *config);
void kml_scheduler_free (KmlScheduler *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlScheduler, kml_scheduler_free)

/* Before it runs: who comes next is @choose's to say. */
void kml_scheduler_set_choices (KmlScheduler *self, KmlChooseFunc choose, gpointer data);

/* Before it runs: what changes in it and in tasks that were made with kml_task_new(). Handlers belong to whoever has them. Orders
 * of locks are no longer learnt: those of several runs would be taken for one's. */
void kml_scheduler_remember (KmlScheduler *self, KmlImage *image);

/* Runs until all tasks have ended, none can go on, the time is over, or somebody has called kml_scheduler_stop(). */
void kml_scheduler_run (KmlScheduler *self);
void kml_scheduler_stop (KmlScheduler *self);

/* The run waits for something besides tasks, until it is released. */
void kml_scheduler_hold (KmlScheduler *self);
void kml_scheduler_release (KmlScheduler *self);

/* (element-type KmlIncident) */
const GArray *kml_scheduler_incidents (const KmlScheduler *self);

/* (element-type KmlTask) (transfer none): in the order of creation, handlers included */
const GPtrArray *kml_scheduler_tasks (const KmlScheduler *self);

/* Something that should not be, done by the running task. @text: (transfer full) */
void kml_scheduler_report (KmlScheduler *self, KmlIncidentKind kind, char *text);

/* @why: (transfer full) (nullable): see KmlIncident. */
void kml_scheduler_report_why (KmlScheduler *self, KmlIncidentKind kind, char *text, char *why);

/* The running task does @what, "sleeps for a time", where it may not sleep: that is recorded, with the reason why it may not. */
void kml_report_sleep (KmlMachine *machine, const char *what);

/* A task has achieved something: see progress.c. */
void kml_scheduler_progress (KmlScheduler *self);

/* Memory has come back, or was taken. */
void kml_scheduler_gave_back (KmlScheduler *self, guint64 size);
void kml_scheduler_took (KmlScheduler *self, guint64 size);
void kml_scheduler_freed_frames (KmlScheduler *self);

/* The flusher has written pages, or kswapd has given some to the disk: @n_before were dirty, and @n_left are. */
void kml_scheduler_cleaned (KmlScheduler *self, guint64 n_before, guint64 n_left);

/* The running task begins to try something, tries it again since it has failed, and is done, be it that it has got it or that it
 * gives up. One such thing may be within another. */
void kml_progress_tries (KmlScheduler *self);
void kml_progress_tries_again (KmlScheduler *self);
void kml_progress_tried (KmlScheduler *self, gboolean got);

/* Whether the run is over since simulated time is, before whoever runs it said. */
gboolean kml_scheduler_time_is_over (const KmlScheduler *self);

/* How many steps somebody has done at one instant. All zero at first. */
typedef struct {
  KmlTime time;
  guint n;
} KmlStepCount;

/* The running task has done a step. FALSE: so many at one instant that it is a livelock; the run ends at the next kml_sync(). */
gboolean kml_progress_step (KmlScheduler *self, KmlStepCount *count);

/* How many were done, by whomever. */
guint64 kml_progress_n_steps (const KmlScheduler *self);

/* Where schedules are chosen: whether CPUs or timers were passed over for so long that they came before all others: see progress.c. */
gboolean kml_scheduler_has_caught_up (const KmlScheduler *self);

guint64 kml_scheduler_n_switches (const KmlScheduler *self);

G_END_DECLS
