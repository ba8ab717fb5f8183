/* bench-replay.c: how fast a trace is replayed, against native malloc.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same operations, decoded beforehand, are executed by turns
 *
 *   native   malloc() and free() of this process: one table of pointers, nothing is touched
 *   kmemlab  driver -> ALLOCATOR (segregated) -> buddy, with cost model, fragmentation accounting, waste by size, latency
 *            histograms, snapshots and fingerprint: what `kmemlab run` does
 *
 * in the same process and the same minute; the figure is the ratio. Every round
 * ends with all blocks freed. Other allocators are measured by starting this
 * program again under LD_PRELOAD (--native), again by turns.
 *
 *   bench-replay TRACE [ROUNDS [ALLOCATOR]]
 *   bench-replay --constant-time TRACE [ROUNDS [ALLOCATOR]]   the trace with each constant-time allocator, or with that one: one
 *                                                       line for one; the trace's page requests for buddy
 *   bench-replay --profile TRACE ROUNDS [ALLOCATOR]     only kmemlab's side of the first stream, for perf and callgrind
 *
 * Times are CPU time of the thread; the median of the rounds is printed, with the minimum in brackets.
 */

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "simcore/replay/driver.h"
#include "tests/bench/stream.h"

#define N_PEERS G_N_ELEMENTS (peers)

static const char *const peers[] = { "libjemalloc.so.2", "libmimalloc.so.2.0" };

static const char *object_allocator = "segregated";

static const char *const constant_time[] = { "segregated", "slab", "slub", "tlsf", "half-fit" };

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages, *objects;
  KmlRecorder *recorder;
  KmlWorkload *workload;
  KmlDriver *driver;
} Simulator;

static Simulator
simulator_new (void)
{
  g_autoptr (GError) error = NULL;
  KmlMachineConfig machine = { .n_cpus = 4,
                               .ram = G_GUINT64_CONSTANT (2) << 30,
                               .page_size = 4096 };
  KmlRecordConfig record = { 0 };
  Simulator self = { 0 };
  gboolean ok;

  for (guint cost = 0; cost < KML_N_COSTS; cost++)
    machine.cost[cost] = 100 + cost;
  for (const KmlParam *param = kml_record_params; param->name != NULL; param++)
    set_param (&record, kml_record_params, param->name, param->value);
  self.machine = kml_machine_new (&machine, &error);
  if (self.machine == NULL)
    die (error);
  self.pages = kml_allocator_new (kml_allocator_find ("buddy"), self.machine, NULL);
  self.objects = kml_allocator_new (kml_allocator_find (object_allocator), self.machine,
                                    self.pages);
  ok = kml_allocator_start (self.pages, &error) && kml_allocator_start (self.objects, &error);
  if (!ok)
    die (error);
  self.recorder = kml_recorder_new (&record, self.machine, self.pages, self.objects);
  self.workload = kml_workload_new (kml_workload_find ("synthetic"), "stand-in", ".");
  self.driver = kml_driver_new (&(KmlDriverConfig){ .machine = self.machine,
                                                    .pages = self.pages,
                                                    .objects = self.objects,
                                                    .recorder = self.recorder,
                                                    .workloads = &self.workload,
                                                    .n_workloads = 1,
                                                    .until = KML_TIME_MAX });
  return self;
}

static double
simulated_round (const Stream *stream, Simulator *simulator)
{
  const double before = cpu_seconds ();

  kml_driver_execute (simulator->driver, 0, (const KmlOp *)stream->ops->data, stream->ops->len);
  return (cpu_seconds () - before) * 1e9 / stream->ops->len;
}

/* The same program under another malloc: it prints one figure. Negative: not to be had. */
static double
peer_round (const char *peer, const char *trace, guint stream)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *number = g_strdup_printf ("%u", stream);
  g_autofree char *output = NULL;

  g_subprocess_launcher_setenv (launcher, "LD_PRELOAD", peer, TRUE);
  process = g_subprocess_launcher_spawn (launcher, NULL, "/proc/self/exe", "--native", trace,
                                         number, NULL);
  if (process == NULL ||
      !g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, NULL) ||
      !g_subprocess_get_successful (process))
    return -1;
  return g_ascii_strtod (output, NULL);
}

/* ---- Rounds ---- */

static double
native_figure (const Stream *stream)
{
  g_autofree void **blocks = g_new0 (void *, stream->n_names);
  double rounds[5];

  native_round (stream, blocks);
  for (guint i = 0; i < G_N_ELEMENTS (rounds); i++)
    rounds[i] = native_round (stream, blocks);
  return median (rounds, G_N_ELEMENTS (rounds));
}

/* Returns the median of kmemlab's rounds. */
static double
measure (const Stream *stream, guint n_rounds)
{
  g_autofree void **blocks = g_new0 (void *, stream->n_names);
  g_autofree double *native = g_new (double, n_rounds);
  g_autofree double *simulated = g_new (double, n_rounds);
  g_autofree double *ratios = g_new (double, n_rounds);
  Simulator simulator = simulator_new ();

  native_round (stream, blocks);
  simulated_round (stream, &simulator);
  for (guint i = 0; i < n_rounds; i++) {
    native[i] = native_round (stream, blocks);
    simulated[i] = simulated_round (stream, &simulator);
    ratios[i] = native[i] / simulated[i];
  }
  g_print ("%-26s %9u operations", stream->title, stream->ops->len);
  g_print ("  glibc %5.1f ns", median (native, n_rounds));
  g_print (" (%.1f)", native[0]);
  g_print ("   kmemlab %5.1f ns", median (simulated, n_rounds));
  g_print (" (%.1f)", simulated[0]);
  g_print ("   ratio %.2f", median (ratios, n_rounds));
  g_print (" (of the minima %.2f)\n", native[0] / simulated[0]);
  return simulated[n_rounds / 2];
}

static void
compare_with_peers (double simulated, guint index, const char *trace)
{
  for (guint peer = 0; peer < N_PEERS; peer++) {
    const double figure = peer_round (peers[peer], trace, index);

    if (figure > 0)
      g_print ("%-26s %20s %s %5.1f ns: kmemlab takes %.2f times as long\n", "", "", peers[peer],
               figure, simulated / figure);
  }
}

/* A round of page requests is short, so there are more of them. */
static int
measure_constant_time (const char *trace, guint n_rounds, const char *only)
{
  Stream *pages;

  for (guint i = 0; i < G_N_ELEMENTS (constant_time); i++) {
    Stream *stream;

    if (only != NULL && !g_str_equal (only, constant_time[i]))
      continue;
    stream = trace_stream (trace, constant_time[i], "objects");
    object_allocator = constant_time[i];
    measure (stream, n_rounds);
    stream_free (stream);
  }
  if (only != NULL && !g_str_equal (only, "buddy"))
    return 0;
  pages = trace_stream (trace, "buddy", "pages");
  measure (pages, 10 * n_rounds);
  stream_free (pages);
  return 0;
}

static int
profile (const char *trace, guint n_rounds)
{
  const gboolean is_pages = strcmp (object_allocator, "buddy") == 0;
  Stream *stream;
  Simulator simulator;
  double least;

  if (is_pages)
    object_allocator = "segregated";
  stream = trace_stream (trace, "the trace", is_pages ? "pages" : "objects");
  simulator = simulator_new ();
  least = simulated_round (stream, &simulator);

  for (guint i = 1; i < n_rounds; i++) {
    const double round = simulated_round (stream, &simulator);

    least = MIN (least, round);
  }
  g_print ("%.1f ns\n", least);
  return 0;
}

int
main (int argc, char **argv)
{
  const gboolean native_only = argc == 4 && strcmp (argv[1], "--native") == 0;
  const char *trace = native_only ? argv[2] : argv[1];
  guint n_rounds = 9;

  if (argc < 2) {
    g_printerr ("bench-replay [--constant-time] TRACE [ROUNDS [ALLOCATOR]]\n");
    return 2;
  }
  if (argc >= 4 && strcmp (argv[1], "--profile") == 0) {
    if (argc == 5)
      object_allocator = argv[4];
    return profile (argv[2], (guint)MAX (1, g_ascii_strtoull (argv[3], NULL, 10)));
  }
  if (argc >= 3 && strcmp (argv[1], "--constant-time") == 0)
    return measure_constant_time (
        argv[2], argc > 3 ? (guint)MAX (1, g_ascii_strtoull (argv[3], NULL, 10)) : n_rounds,
        argc > 4 ? argv[4] : NULL);
  if (!native_only && argc == 4)
    object_allocator = argv[3];
  if (!native_only && argc >= 3)
    n_rounds = (guint)MAX (1, g_ascii_strtoull (argv[2], NULL, 10));
  for (guint i = 0; i < 3; i++) {
    Stream *stream;

    if (native_only && i != g_ascii_strtoull (argv[3], NULL, 10))
      continue;
    stream = i == 0   ? trace_stream (trace, "the trace", "objects")
             : i == 1 ? synthetic_stream (trace, "25000", "1000000")
                      : synthetic_stream (trace, "250000", "2000000");
    if (native_only)
      g_print ("%.3f\n", native_figure (stream));
    else
      compare_with_peers (measure (stream, n_rounds), i, trace);
    stream_free (stream);
  }
  return 0;
}
