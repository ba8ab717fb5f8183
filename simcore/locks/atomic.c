/* atomic.c: what must not be disturbed, and what must not sleep there.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A CPU is *atomic* in an interrupt, while interrupts, softirqs or preemption are off, and while a spinlock is held. Each of the three is off as often as it was turned
 * off; who did so last is remembered, for the report of what was forgotten, or of who slept.
 */

#include <string.h>

#include "simcore/locks/lock-private.h"

/* ---- Off and on ---- */

gboolean
kml_in_atomic (const KmlMachine *machine)
{
  return kml_cpu_is_atomic (kml_scheduler_cpu (machine->scheduler));
}

static guint *
depth_of (KmlCpu *cpu, KmlOff what)
{
  switch (what) {
  case KML_OFF_IRQ:
    return &cpu->irq_off;
  case KML_OFF_SOFTIRQ:
    return &cpu->softirq_off;
  case KML_OFF_PREEMPT:
    return &cpu->preempt_off;
  case KML_N_OFF:
    break;
  }
  g_assert_not_reached ();
}

static inline void
disable (KmlMachine *machine, KmlOff what)
{
  KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);
  const KmlTask *task = kml_current_task (machine);
  KmlCause *by = &cpu->off_by[what];

  ++*depth_of (cpu, what);
  by->what = task->step;
  kml_cause_place (by, task->chain, task->n_chain);
}

void
kml_preempt_disable (KmlMachine *machine)
{
  disable (machine, KML_OFF_PREEMPT);
}

/* What was kept waiting is looked at now. */
static inline void
enable (KmlScheduler *self, guint *depth, const char *what)
{
  const KmlCpu *cpu = kml_scheduler_cpu (self);

  if (*depth == 0) {
    kml_scheduler_report (self, KML_INCIDENT_IRQ_MISUSE,
                          g_strdup_printf ("%s enabled, but not disabled before", what));
    return;
  }
  --*depth;
  if (G_UNLIKELY (cpu->pending != NULL || cpu->first != NULL) && *depth == 0)
    while (kml_interrupts_deliver (self) || kml_scheduler_preempt (self))
      ;
}

void
kml_preempt_enable (KmlMachine *machine)
{
  enable (machine->scheduler, &kml_scheduler_cpu (machine->scheduler)->preempt_off, "preemption");
}

void
kml_irq_disable (KmlMachine *machine)
{
  disable (machine, KML_OFF_IRQ);
}

void
kml_irq_enable (KmlMachine *machine)
{
  enable (machine->scheduler, &kml_scheduler_cpu (machine->scheduler)->irq_off, "interrupts");
}

void
kml_softirq_disable (KmlMachine *machine)
{
  disable (machine, KML_OFF_SOFTIRQ);
}

void
kml_softirq_enable (KmlMachine *machine)
{
  enable (machine->scheduler, &kml_scheduler_cpu (machine->scheduler)->softirq_off, "softirqs");
}

/* ---- What an ended task has left so ---- */

/* @self, which has ended, has turned it off: the report shows where. */
static void
report_off (KmlScheduler *scheduler, KmlTask *self, const char *what, const KmlCause *by)
{
  self->n_chain = by->n_chain;
  memcpy (self->chain, by->chain, sizeof self->chain);
  self->step = by->what;
  kml_scheduler_report_why (scheduler, KML_INCIDENT_IRQ_MISUSE,
                            g_strdup_printf ("%s has ended with %s off", self->name, what),
                            by->what != NULL ? g_strdup_printf (", as it was left by %s", by->what)
                                             : NULL);
}

/* @self, which has ended, has locks. */
static void
report_locks (KmlScheduler *scheduler, const KmlTask *self)
{
  GString *text = g_string_new (self->name);

  g_string_append (text, " has ended and keeps a lock");
  for (guint i = 0; i < self->n_held; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? ": " : ", ", self->held[i].lock->name);
  kml_scheduler_report (scheduler, KML_INCIDENT_LOCK_MISUSE, g_string_free (text, FALSE));
}

static const char *const names_of_off[KML_N_OFF] = { "interrupts", "softirqs", "preemption" };

/* Whoever has the CPU next finds nothing off: Linux's do_exit() tells of it and turns all on, too. */
static void
turn_all_on (KmlScheduler *scheduler, KmlTask *self)
{
  KmlCpu *cpu = kml_scheduler_cpu (scheduler);
  KmlCpu by_locks = { 0 };

  for (guint i = 0; i < self->n_held; i++)
    kml_lock_keep_others_away (&by_locks, self->held[i].lock->kind);
  for (KmlOff what = KML_OFF_IRQ; what < KML_N_OFF; what++) {
    if (*depth_of (cpu, what) > *depth_of (&by_locks, what))
      report_off (scheduler, self, names_of_off[what], &cpu->off_by[what]);
    *depth_of (cpu, what) = 0;
  }
  kml_interrupts_deliver (scheduler);
}

void
kml_task_leave_nothing (KmlTask *self)
{
  KmlScheduler *scheduler = self->scheduler;

  if (self->n_held > 0)
    report_locks (scheduler, self);
  if (G_UNLIKELY (kml_in_atomic (scheduler->machine)))
    turn_all_on (scheduler, self);
}

/* ---- Sleep ---- */

/* ", with WHAT", and since which step of its program. (transfer full) */
static char *
with (const char *what, const char *how, const char *step)
{
  return g_strdup_printf (", with %s %s%s%s", what, how, step != NULL ? " since " : "",
                          step != NULL ? step : "");
}

void
kml_report_sleep (KmlMachine *machine, const char *what)
{
  KmlCpu *cpu = kml_scheduler_cpu (machine->scheduler);
  const KmlTask *task = kml_current_task (machine);
  char *why = NULL;

  if (task->context != KML_CONTEXT_PROCESS)
    why = g_strdup_printf (", in %s context", kml_context_names[task->context]);
  for (guint i = task->n_held; i-- > 0 && why == NULL;)
    if (!kml_lock_sleeps (task->held[i].lock))
      why = with (task->held[i].lock->name, "held", task->held[i].step);
  for (KmlOff off = KML_OFF_IRQ; off < KML_N_OFF && why == NULL; off++)
    if (*depth_of (cpu, off) > 0)
      why = with (names_of_off[off], "off", cpu->off_by[off].what);
  kml_scheduler_report_why (machine->scheduler, KML_INCIDENT_SLEEP_IN_ATOMIC,
                            g_strdup_printf ("%s %s", task->name, what), why);
}
