/* tasks-fixture.h: a small machine with tasks, two spinlocks and one interrupt, and what they say.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every cost is zero unless a test sets it, so that all times can be added up by hand.
 */

#pragma once

#include "simcore/locks/lock.h"
#include "simcore/tasks/scheduler.h"
#include "tests/testutils.h"

typedef struct {
  KmlMachine *machine;
  KmlScheduler *scheduler;
  KmlLock a, b;
  KmlIrq irq;
  GString *log;
} Rig;

static Rig rig;

static void
set_up_until (guint n_cpus, KmlTime until)
{
  const KmlMachineConfig config = { .n_cpus = n_cpus, .ram = 1 << 20, .page_size = 4096 };
  KmlSchedulerConfig scheduler = { .time_slice = KML_MS, .until = until };

  rig = (Rig){ .machine = kml_machine_new (&config, NULL), .log = g_string_new (NULL) };
  scheduler.machine = rig.machine;
  rig.scheduler = kml_scheduler_new (&scheduler);
  kml_lock_init (&rig.a, KML_LOCK_SPIN, "A");
  kml_lock_init (&rig.b, KML_LOCK_SPIN, "B");
}

static void
set_up (guint n_cpus)
{
  set_up_until (n_cpus, KML_TIME_MAX);
}

static void
tear_down (void)
{
  kml_irq_clear (&rig.irq);
  kml_scheduler_free (rig.scheduler);
  kml_machine_free (rig.machine);
  g_string_free (rig.log, TRUE);
}

static void
start (const char *name, guint cpu, KmlTime time, KmlTaskFunc func, gpointer data)
{
  const KmlTaskConfig config = {
    .name = name, .cpu = cpu, .start = time, .func = func, .data = data
  };

  kml_task_new (rig.scheduler, &config);
}

/* "name what@ns " */
static void
note (KmlMachine *machine, const char *what)
{
  g_string_append_printf (rig.log, "%s%s %s@%" G_GUINT64_FORMAT, rig.log->len > 0 ? ", " : "",
                          kml_current_task (machine)->name, what, machine->now / KML_NS);
}

static void
expect_log (const char *text)
{
  ck_assert_str_eq (rig.log->str, text);
}

static const KmlIncident *
only_incident (KmlIncidentKind kind)
{
  const GArray *incidents = kml_scheduler_incidents (rig.scheduler);
  const KmlIncident *incident = &g_array_index (incidents, KmlIncident, 0);

  ck_assert_uint_eq (incidents->len, 1);
  ck_assert_uint_eq (incident->kind, kind);
  return incident;
}

static void
expect_peace (void)
{
  ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
}

/* ---- What tasks and interrupts do ---- */

static void
work_100 (KmlMachine *machine, gpointer data)
{
  kml_work (machine, 100 * KML_NS);
  note (machine, "done");
}

static void
raise_irq (gpointer data)
{
  kml_irq_raise (data);
}

static KmlTimer timer;

static void
interrupt_at (KmlTime time, guint cpu, KmlTaskFunc func)
{
  kml_irq_init (&rig.irq, rig.scheduler, "irq", cpu, KML_LEVEL_HARDIRQ, func, NULL);
  kml_timer_init (&timer, rig.scheduler, raise_irq, &rig.irq);
  kml_timer_set (&timer, rig.scheduler, time);
}
