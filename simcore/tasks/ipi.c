/* ipi.c: asking other CPUs to do something at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where schedules are explored (scheduler-choose.c) a step of this touches the destination's queue alone, with these exceptions, in which it touches all: code that goes on
 * behind it in the same step, of a function that is not quiet, of the caller whose wait is over, of a task below that was woken while it spun; and is_meant, which looks at the
 * other CPU. Whether it is one is only known when the step comes; so it is said when the step is announced, and again by who makes it one (touches_all()).
 *
 * Invariants:
 *   I1  a call is on the queue of its destination from when it is sent until the handler takes it
 *   I2  while a queue is not empty its interrupt is on the way, or raised
 */

#include "simcore/tasks/ipi.h"

#include "simcore/tasks/scheduler-private.h"

/* From one CPU to another. */
typedef struct _Call Call;

struct _Call {
  KmlTaskFunc func;
  gpointer data;
  KmlIpiHow how;
  guint from;
  guint64 n_sent, n_done; /* equal: it is free */
  KmlTask *waiters;       /* (nullable): linked by next */
  Call *next;             /* on the queue */
};

/* A destination. */
typedef struct {
  KmlIpis *ipis;
  KmlIrq irq;
  KmlTimer arrival;
  Call *first, *last; /* its queue */
  guint64 object;     /* which is that: see kml_sync_on() */
} Door;

struct _KmlIpis {
  KmlScheduler *scheduler;
  guint n_cpus;
  gboolean has_warned;
  Door *doors; /* (owned) (array length=n_cpus) */
  Call *calls; /* (owned) (array length=n_cpus * n_cpus): by sender, then by destination */
};

static Call *
call_to (KmlIpis *self, guint from, guint to)
{
  return &self->calls[from * self->n_cpus + to];
}

/* The next step of the CPU may touch anything, whatever it was taken for. */
static void
touches_all (KmlIpis *self, guint cpu)
{
  self->scheduler->cpus[cpu].object = KML_OBJECT_ANY;
}

/* ---- The other side ---- */

static void
be_done (KmlIpis *self, Call *call)
{
  KmlTask *task = call->waiters;

  call->n_done++;
  call->waiters = NULL;
  while (task != NULL) {
    KmlTask *next = task->next;

    task->next = NULL;
    kml_task_wake (task);
    task = next;
  }
  touches_all (self, call->from);
  kml_scheduler_release (self->scheduler);
}

/* What the handler touches next, in which it may begin any of @calls, linked by next. */
static guint64
object_of (const Door *door, const Call *calls)
{
  const KmlTask *handler = &door->irq.task;

  if (kml_wait_who_spins (&handler->scheduler->cpus[handler->cpu]) != NULL)
    return KML_OBJECT_ANY;
  for (const Call *call = calls; call != NULL; call = call->next)
    if ((call->how & KML_IPI_QUIET) == 0)
      return KML_OBJECT_ANY;
  return door->object;
}

/* @others: (nullable): that come behind it. */
static void
answer_one (KmlMachine *machine, const Door *door, Call *call, const Call *others)
{
  KmlIpis *self = door->ipis;
  const KmlTaskFunc func = call->func;
  gpointer data = call->data;

  if ((call->how & KML_IPI_WAIT) == 0) { /* the record is free as soon as it was read */
    be_done (self, call);
    func (machine, data);
    return;
  }
  func (machine, data);
  kml_sync_on (machine, object_of (door, others));
  be_done (self, call);
}

/* The handler. */
static void
answer (KmlMachine *machine, gpointer data)
{
  Door *door = data;
  Call *call;

  kml_sync_on (machine, object_of (door, door->first));
  call = door->first;
  door->first = door->last = NULL;
  while (call != NULL) {
    Call *next = call->next;

    call->next = NULL;
    answer_one (machine, door, call, next);
    call = next;
  }
}

static void
arrive (gpointer data)
{
  Door *door = data;

  kml_irq_raise (&door->irq);
  kml_incident_look_for_stall (door->ipis->scheduler); /* where nobody ever lets it in */
}

guint
kml_ipis_n_kept (const KmlIpis *self, const KmlTask *handler)
{
  const Door *door = self != NULL ? &self->doors[handler->cpu] : NULL;
  guint n = 0;

  if (door == NULL || &door->irq.task != handler || door->irq.n_pending == 0)
    return 0;
  for (const Call *call = door->first; call != NULL; call = call->next)
    n++;
  return n;
}

/* ---- This side ---- */

static void
add_waiter (Call *call, KmlTask *task)
{
  for (const KmlTask *other = call->waiters; other != NULL; other = other->next)
    if (other == task)
      return;
  task->next = call->waiters;
  call->waiters = task;
}

/* Until the destination is done with the @number-th call. */
static void
wait_until_done (KmlMachine *machine, Door *door, Call *call, guint64 number)
{
  const KmlWait wait = { .kind = KML_WAIT_EVENT,
                         .what = door->irq.task.name,
                         .provider = &door->irq.task };

  kml_sync_on (machine, call->n_done < number ? door->object : KML_OBJECT_ANY);
  while (call->n_done < number) {
    add_waiter (call, kml_current_task (machine));
    kml_task_wait_now (machine, &wait, KML_PART_IPI, TRUE);
  }
}

/* @is_alone: what is done up to the next such step touches nothing but the queue. */
static void
send (KmlMachine *machine, KmlIpis *self, guint to, KmlTaskFunc func, gpointer data, KmlIpiHow how,
      gboolean is_alone)
{
  Door *door = &self->doors[to];
  Call *call = call_to (self, kml_current_task (machine)->cpu, to);

  kml_spend (machine, KML_COST_ATOMIC, 1);
  kml_sync_on (machine, is_alone && (how & KML_IPI_QUIET) != 0 ? door->object : KML_OBJECT_ANY);
  while (call->n_done < call->n_sent)
    wait_until_done (machine, door, call, call->n_sent);
  call->func = func;
  call->data = data;
  call->how = how;
  call->n_sent++;
  if ((how & KML_IPI_QUIET) == 0)
    touches_all (self, to);
  kml_scheduler_hold (self->scheduler);
  if (door->first == NULL) {
    door->first = call;
    kml_timer_set (&door->arrival, self->scheduler, machine->now + machine->cost[KML_COST_IPI]);
  } else {
    door->last->next = call;
  }
  door->last = call;
}

static KmlIpis *
ipis_new (KmlScheduler *scheduler)
{
  KmlIpis *self = g_new0 (KmlIpis, 1);

  self->scheduler = scheduler;
  self->n_cpus = scheduler->machine->n_cpus;
  self->doors = g_new0 (Door, self->n_cpus);
  self->calls = g_new0 (Call, (gsize)self->n_cpus * self->n_cpus);
  for (guint i = 0; i < self->n_cpus; i++) {
    Door *door = &self->doors[i];
    g_autofree char *name = g_strdup_printf ("ipi.%u", i);

    door->ipis = self;
    door->object = kml_object_named (name);
    kml_irq_init (&door->irq, scheduler, name, i, KML_LEVEL_HARDIRQ, answer, door);
    door->irq.is_quiet = TRUE;
    kml_timer_init (&door->arrival, scheduler, arrive, door);
    kml_timer_is_for_cpu (&door->arrival, scheduler, i);
    for (guint to = 0; to < self->n_cpus; to++)
      call_to (self, i, to)->from = i;
  }
  return self;
}

void
kml_ipi_prepare (KmlScheduler *scheduler)
{
  if (scheduler->ipis == NULL)
    scheduler->ipis = ipis_new (scheduler);
}

/* Nobody who waits for others keeps them waiting. */
static void
warn_about (KmlMachine *machine, KmlIpis *self)
{
  const KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);

  if (self->has_warned || (cpu->irq_off == 0 && cpu->level < KML_LEVEL_HARDIRQ))
    return;
  self->has_warned = TRUE;
  kml_scheduler_report (machine->scheduler, KML_INCIDENT_IRQ_MISUSE,
                        g_strdup_printf ("%s asks other CPUs with its interrupts off: two that do "
                                         "wait for each other",
                                         kml_current_task (machine)->name));
}

static KmlIpis *
begin (KmlMachine *machine)
{
  kml_ipi_prepare (machine->scheduler);
  kml_preempt_disable (machine);
  warn_about (machine, machine->scheduler->ipis);
  return machine->scheduler->ipis;
}

void
kml_ipi_call (KmlMachine *machine, guint cpu, KmlTaskFunc func, gpointer data, KmlIpiHow how)
{
  const guint here = kml_current_task (machine)->cpu;
  KmlIpis *self;

  g_assert (cpu < machine->n_cpus);

  if (cpu == here) {
    kml_irq_disable (machine);
    func (machine, data);
    kml_irq_enable (machine);
    return;
  }
  self = begin (machine);
  send (machine, self, cpu, func, data, how, TRUE);
  if ((how & KML_IPI_WAIT) != 0)
    wait_until_done (machine, &self->doors[cpu], call_to (self, here, cpu),
                     call_to (self, here, cpu)->n_sent);
  kml_preempt_enable (machine);
}

void
kml_ipi_call_others (KmlMachine *machine, gboolean (*is_meant) (guint cpu, gpointer data),
                     KmlTaskFunc func, gpointer data, KmlIpiHow how)
{
  const guint here = kml_current_task (machine)->cpu;
  KmlIpis *self = begin (machine);
  guint64 numbers[KML_MAX_CPUS] = { 0 }; /* 0: it was not asked */

  if (is_meant != NULL)
    kml_sync (machine); /* before it looks at the others */
  for (guint cpu = 0; cpu < machine->n_cpus; cpu++)
    if (cpu != here && (is_meant == NULL || is_meant (cpu, data))) {
      send (machine, self, cpu, func, data, how, is_meant == NULL);
      numbers[cpu] = call_to (self, here, cpu)->n_sent;
    }
  for (guint cpu = 0; cpu < machine->n_cpus; cpu++)
    if (numbers[cpu] > 0 && (how & KML_IPI_WAIT) != 0)
      wait_until_done (machine, &self->doors[cpu], call_to (self, here, cpu), numbers[cpu]);
  kml_preempt_enable (machine);
}

void
kml_ipis_count (const KmlIpis *self, guint cpu, guint64 *ret_sent, guint64 *ret_taken)
{
  *ret_sent = *ret_taken = 0;
  for (guint other = 0; other < self->n_cpus; other++) {
    *ret_sent += self->calls[cpu * self->n_cpus + other].n_sent;
    *ret_taken += self->calls[other * self->n_cpus + cpu].n_done;
  }
}

/* ---- Life ---- */

void
kml_ipis_free (KmlIpis *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->n_cpus; i++)
    kml_irq_clear (&self->doors[i].irq);
  g_free (self->doors);
  g_free (self->calls);
  g_free (self);
}

void
kml_ipis_remember (KmlIpis *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
  kml_image_add (image, self->doors, self->n_cpus * sizeof *self->doors);
  kml_image_add (image, self->calls, (gsize)self->n_cpus * self->n_cpus * sizeof *self->calls);
}
