/* bench-tasks.c: what tasks cost: to switch, to lock, to sleep, to begin.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tasks in the hold model sleep for a random time again and again: a timer, a run queue and a switch for each event. They
 * are compared with actors of SimGrid and processes of SimPy, which do the same. Instructions an event:
 *
 *   valgrind --tool=callgrind bench-tasks --once 64 100000
 *   valgrind --tool=callgrind bench-tasks --once 64 1100000
 *
 * and a millionth of the difference.
 */

#include <string.h>

#include "simcore/locks/lock.h"
#include "simcore/tasks/scheduler.h"
#include "tests/bench/contest.h"
#include "tests/bench/hold.h"

#define N_EVENTS   1000000
#define N_SWITCHES 10000000
#define N_LOCKS    4000000 /* of all CPUs together */
#define MANY_CPUS  256
#define MANY_TASKS 10000

static const guint64 sizes[] = { 4, 64, 1000 };

static const ContestPromise promises[] = { { "SimGrid", 20.0 }, { "SimPy", 20.0 }, { NULL } };

typedef struct {
  KmlMachine *machine;
  KmlScheduler *scheduler;
} Rig;

static Rig
rig_new (guint n_cpus)
{
  const KmlMachineConfig config = { .n_cpus = n_cpus, .ram = 1 << 20, .page_size = 4096 };
  Rig self = { .machine = kml_machine_new (&config, NULL) };

  self.scheduler = kml_scheduler_new (
      &(KmlSchedulerConfig){ .machine = self.machine, .time_slice = KML_S, .until = KML_TIME_MAX });
  return self;
}

static void
rig_free (Rig *self)
{
  kml_scheduler_free (self->scheduler);
  kml_machine_free (self->machine);
}

static void
add_tasks (Rig *self, guint64 n, KmlTaskFunc func, gpointer data)
{
  for (guint64 i = 0; i < n; i++)
    kml_task_new (self->scheduler, &(KmlTaskConfig){ .name = "task",
                                                     .cpu = (guint)(i % self->machine->n_cpus),
                                                     .func = func,
                                                     .data = data });
}

/* ---- The hold model ---- */

typedef struct {
  Hold hold;
  guint64 n_until_start, n_until_stop;
  double start, stop;
} Sleepers;

static void
sleep_again (KmlMachine *machine, gpointer data)
{
  Sleepers *self = data;

  for (;;) {
    kml_sleep (machine, hold_next (&self->hold));
    if (self->n_until_start > 0) {
      if (--self->n_until_start == 0)
        self->start = hold_cpu_ns ();
    } else if (--self->n_until_stop == 0) {
      self->stop = hold_cpu_ns ();
      kml_scheduler_stop (machine->scheduler);
    }
  }
}

static double
time_tasks (guint64 n_tasks, guint64 n_events)
{
  Rig rig = rig_new ((guint)MIN (n_tasks, MANY_CPUS));
  Sleepers sleepers = { .n_until_start = HOLD_WARM_UP (n_tasks), .n_until_stop = n_events };

  hold_init (&sleepers.hold);
  add_tasks (&rig, n_tasks, sleep_again, &sleepers);
  kml_scheduler_run (rig.scheduler);
  rig_free (&rig);
  return (sleepers.stop - sleepers.start) / (double)n_events;
}

/* ---- Other figures ---- */

static KmlCoroutine here, there;

static void
switch_back (gpointer data)
{
  for (;;)
    kml_coroutine_switch (&there, &here);
}

static double
time_switch (void)
{
  KmlStackPool *pool = kml_stack_pool_new ();
  double start;

  kml_coroutine_start (&there, pool, switch_back, NULL);
  kml_coroutine_switch (&here, &there);
  start = hold_cpu_ns ();
  for (guint i = 0; i < N_SWITCHES / 2; i++)
    kml_coroutine_switch (&here, &there);
  start = (hold_cpu_ns () - start) / N_SWITCHES;
  kml_stack_pool_free (pool);
  return start;
}

static void
lock_and_unlock (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < N_LOCKS / machine->n_cpus; i++) {
    kml_lock_take (machine, data, KML_LOCK_EXCLUSIVE);
    kml_spend (machine, KML_COST_INSTRUCTION, 100);
    kml_lock_give (machine, data);
    kml_spend (machine, KML_COST_INSTRUCTION, 10000);
  }
}

/* Host nanoseconds for one lock and unlock by one of @n_cpus CPUs. */
static double
time_lock (guint n_cpus)
{
  Rig rig = rig_new (n_cpus);
  KmlLock lock;
  double start;

  rig.machine->cost[KML_COST_INSTRUCTION] = KML_NS;
  kml_lock_init (&lock, KML_LOCK_SPIN_IRQ, "lock");
  add_tasks (&rig, n_cpus, lock_and_unlock, &lock);
  start = hold_cpu_ns ();
  kml_scheduler_run (rig.scheduler);
  start = (hold_cpu_ns () - start) / N_LOCKS;
  rig_free (&rig);
  return start;
}

static double
time_begin (void)
{
  const double start = hold_cpu_ns ();
  Rig rig = rig_new (MANY_CPUS);
  Sleepers sleepers = { 0 };
  double taken;

  add_tasks (&rig, MANY_TASKS, sleep_again, &sleepers);
  taken = hold_cpu_ns () - start;
  rig_free (&rig);
  return taken;
}

static const Contest contest = { "tasks", time_tasks, N_EVENTS, promises };

int
main (int argc, char **argv)
{
  guint64 n_tasks, n_events;

  if (argc > 1 && strcmp (argv[1], "--once") == 0) {
    if (!hold_arguments (argc - 1, argv + 1, &n_tasks, &n_events)) {
      g_printerr ("usage: bench-tasks [PROGRAM …]\n       bench-tasks --once N EVENTS\n");
      return 2;
    }
    g_print ("%.2f tasks\n", time_tasks (n_tasks, n_events));
    return EXIT_SUCCESS;
  }
  g_print ("%10.1f ns  a switch (4 ns promised)\n", time_switch ());
  for (guint n_cpus = 1; n_cpus <= MANY_CPUS; n_cpus *= 16)
    g_print ("%10.1f ns  to lock and unlock, on %u CPUs\n", time_lock (n_cpus), n_cpus);
  g_print ("%10.1f ms  until %d tasks on %d CPUs could begin (10 ms promised)\n",
           time_begin () / 1e6, MANY_TASKS, MANY_CPUS);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    if (!contest_hold (&contest, sizes[i], argv + 1, (guint)argc - 1))
      return EXIT_FAILURE;
  return EXIT_SUCCESS;
}
