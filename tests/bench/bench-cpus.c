/* bench-cpus.c: how fast a trace is replayed by several CPUs at once, against native malloc.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The operations of a trace by turns
 *
 *   native   malloc() and free() of this process, one after another
 *   kmemlab  replay -> locked ALLOCATOR -> locked buddy: each CPU executes its own, exactly interleaved, with locks, cost model,
 *            fragmentation accounting and latency histograms: what `kmemlab run` does with [schedule] replay = cpus
 *
 * In the first row each of four CPUs executes what was recorded on it, at the recorded times, so that hardly anybody waits for a lock. In
 * the others every CPU does one operation after the other, as fast as it can, and they all meet at one lock, which is the worst case. There
 * on other numbers of CPUs than four blocks are spread over all of them, and each is given back where it was asked for.
 *
 * The last row has a cache model besides.
 *
 *   bench-cpus TRACE [ROUNDS]
 *   bench-cpus --profile TRACE N_CPUS [ROUNDS]        without glibc, for perf and callgrind; N_CPUS 0: four, at recorded times
 */

#include <stdlib.h>
#include <string.h>

#include "simcore/pages/locked.h"
#include "simcore/replay/replay.h"
#include "tests/bench/stream.h"

static const guint numbers[] = { 1, 4, 64, 256 };

/* ---- A workload that plays a stream ---- */

typedef struct {
  KmlWorkload base;
  const KmlOp *ops;
  guint n, at, n_cpus;
  KmlTime start; /* of this round: times count from here */
} Player;

static gboolean
player_open (KmlWorkload *base, GError **error)
{
  return TRUE;
}

static int
player_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  Player *self = (Player *)base;
  const guint taken = MIN (n, self->n - self->at);

  for (guint i = 0; i < taken; i++) {
    ops[i] = self->ops[self->at + i];
    ops[i].request.context = KML_CONTEXT_PROCESS;
    if (ops[i].time > 0)
      ops[i].time += self->start;
    if (self->n_cpus != 4)
      ops[i].request.cpu = (guint8)(ops[i].block % self->n_cpus);
  }
  self->at += taken;
  return (int)taken;
}

static const KmlWorkloadOps player_ops = {
  .name = "player",
  .instance_size = sizeof (Player),
  .open = player_open,
  .next = player_next,
};

/* ---- A machine ---- */

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages, *objects;
  KmlLocked *locked_pages, *locked_objects;
  KmlRecorder *recorder;
} Rig;

/* scenarios/profiles/skylake-sp.caches, with latencies of the same kind as the costs below. */
static const KmlCachesConfig geometry = {
  .line = 64,
  .shapes = { { 32 << 10, 8 }, { 1 << 20, 16 }, { 1408 << 10, 11 } },
  .is_per_cpu = TRUE,
  .latency = { 1300, 4700, 20000, 45000, 50000, 45000, 80000 },
};

/* @caches: (nullable) */
static Rig
rig_new (guint n_cpus, const KmlCachesConfig *caches)
{
  g_autoptr (GError) error = NULL;
  KmlMachineConfig config = {
    .n_cpus = n_cpus, .ram = G_GUINT64_CONSTANT (2) << 30, .page_size = 4096, .caches = caches
  };
  KmlRecordConfig record = { 0 };
  Rig self = { 0 };

  for (guint cost = 0; cost < KML_N_COSTS; cost++)
    config.cost[cost] = 100 + cost;
  for (const KmlParam *param = kml_record_params; param->name != NULL; param++)
    set_param (&record, kml_record_params, param->name, param->value);
  self.machine = kml_machine_new (&config, &error);
  if (self.machine == NULL)
    die (error);
  self.pages = kml_allocator_new (kml_allocator_find ("buddy"), self.machine, NULL);
  self.locked_pages = kml_locked_new (self.pages, KML_LOCK_SPIN_IRQ, "pages");
  self.objects = kml_allocator_new (kml_allocator_find ("segregated"), self.machine,
                                    &self.locked_pages->base);
  if (!kml_allocator_start (self.pages, &error) || !kml_allocator_start (self.objects, &error))
    die (error);
  self.locked_objects = kml_locked_new (self.objects, KML_LOCK_SPIN_IRQ, "objects");
  self.recorder = kml_recorder_new (&record, self.machine, self.pages, self.objects);
  return self;
}

static void
rig_free (Rig *self)
{
  kml_recorder_free (self->recorder);
  kml_allocator_destroy (&self->locked_objects->base);
  kml_allocator_destroy (self->objects);
  kml_allocator_destroy (&self->locked_pages->base);
  kml_allocator_destroy (self->pages);
  kml_machine_free (self->machine);
}

/* ns an operation, of one replay from the beginning to the end */
static double
simulated_round (const Stream *stream, Rig *rig)
{
  KmlRequests requests = { .machine = rig->machine,
                           .pages = &rig->locked_pages->base,
                           .objects = &rig->locked_objects->base,
                           .recorder = rig->recorder };
  KmlWorkload *workload = kml_workload_new (&player_ops, "player", ".");
  Player *player = (Player *)workload;
  double taken;
  KmlReplayConfig config = { .requests = &requests, .workload = workload, .until = KML_TIME_MAX };
  KmlReplay *replay;

  player->ops = (const KmlOp *)stream->ops->data;
  player->n = stream->ops->len;
  player->n_cpus = rig->machine->n_cpus;
  player->start = rig->machine->now;
  config.scheduler = kml_scheduler_new (
      &(KmlSchedulerConfig){ .machine = rig->machine, .time_slice = KML_S, .until = KML_TIME_MAX });
  replay = kml_replay_new (&config);
  taken = cpu_seconds ();
  kml_scheduler_run (config.scheduler);
  taken = cpu_seconds () - taken;
  if (requests.n_operations != stream->ops->len)
    g_error ("%" G_GUINT64_FORMAT " of %u operations were executed", requests.n_operations,
             stream->ops->len);
  kml_scheduler_free (config.scheduler);
  kml_replay_free (replay);
  kml_workload_free (workload);
  return taken * 1e9 / stream->ops->len;
}

static void
measure (const Stream *stream, const char *title, guint n_cpus, const KmlCachesConfig *caches,
         guint n_rounds)
{
  g_autofree void **blocks = g_new0 (void *, stream->n_names);
  g_autofree double *native = g_new (double, n_rounds);
  g_autofree double *simulated = g_new (double, n_rounds);
  g_autofree double *ratios = g_new (double, n_rounds);
  Rig rig = rig_new (n_cpus, caches);

  native_round (stream, blocks);
  simulated_round (stream, &rig);
  for (guint i = 0; i < n_rounds; i++) {
    native[i] = native_round (stream, blocks);
    simulated[i] = simulated_round (stream, &rig);
    ratios[i] = native[i] / simulated[i];
  }
  g_print ("%4u CPUs%s  glibc %5.1f ns   kmemlab %6.1f ns   ratio %.2f", n_cpus, title,
           median (native, n_rounds), median (simulated, n_rounds), median (ratios, n_rounds));
  g_print (" (of the minima %.2f); %.0f %% of locks contended\n", native[0] / simulated[0],
           100.0 * (double)rig.locked_objects->lock.n_contended /
               (double)rig.locked_objects->lock.n_taken);
  rig_free (&rig);
}

int
main (int argc, char **argv)
{
  guint n_rounds = 5;
  Stream *stream;

  if (argc < 2) {
    g_printerr ("bench-cpus TRACE [ROUNDS]\n");
    return 2;
  }
  if (argc >= 4 && strcmp (argv[1], "--profile") == 0) {
    const guint n_cpus = (guint)MIN (g_ascii_strtoull (argv[3], NULL, 10), KML_MAX_CPUS);
    Rig rig = rig_new (n_cpus == 0 ? 4 : n_cpus, NULL);

    stream = n_cpus == 0 ? timed_trace_stream (argv[2], "the trace", "objects")
                         : trace_stream (argv[2], "the trace", "objects");
    n_rounds = argc > 4 ? (guint)MAX (1, g_ascii_strtoull (argv[4], NULL, 10)) : 1;
    for (guint i = 0; i < n_rounds; i++)
      g_print ("%.1f ns\n", simulated_round (stream, &rig));
    rig_free (&rig);
    stream_free (stream);
    return 0;
  }
  if (argc > 2)
    n_rounds = (guint)MAX (1, g_ascii_strtoull (argv[2], NULL, 10));
  stream = timed_trace_stream (argv[1], "the trace", "objects");
  measure (stream, " at recorded times", 4, NULL, n_rounds);
  stream_free (stream);
  stream = trace_stream (argv[1], "the trace", "objects");
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    measure (stream, "", numbers[i], NULL, n_rounds);
  measure (stream, " and caches", 4, &geometry, n_rounds);
  stream_free (stream);
  return 0;
}
