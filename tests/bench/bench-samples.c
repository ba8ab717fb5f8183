/* bench-samples.c: recording raw per-operation samples into a result database.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs a trace as fast as possible with [record] events = all, once into a sink that
 * throws the blocks away and once into a database on disk, and prints samples a second of the recording (the
 * difference to a run without samples) and bytes a sample.
 *
 *   bench-samples TRACE [REPEATS]
 */

#include <glib/gstdio.h>
#include <stdlib.h>

#include "analysis/database.h"
#include "simcore/recording/recorder.h"
#include "simcore/workload.h"
#include "tests/bench/bench.h"

/* One sample of each operation of a trace, with addresses and latencies as an allocator would give them. */
typedef struct {
  KmlOp op;
  KmlTime start, end;
  KmlAddr addr;
} Sample;

static GArray *
read_samples (const char *path)
{
  g_autoptr (GError) error = NULL;
  KmlWorkload *workload = kml_workload_new (kml_workload_find ("trace"), "bench", ".");
  KmlMachineConfig machine_config = { .n_cpus = 4, .ram = 1 << 28, .page_size = 4096 };
  g_autoptr (KmlMachine) machine = NULL;
  KmlAllocator *pages, *objects;
  GArray *samples = g_array_new (FALSE, FALSE, sizeof (Sample));
  g_autoptr (GArray) addresses = g_array_new (FALSE, TRUE, sizeof (KmlAddr));
  KmlOp batch[256];
  int n;

  for (guint cost = 0; cost < KML_N_COSTS; cost++)
    machine_config.cost[cost] = 500 + 300 * cost;
  machine = kml_machine_new (&machine_config, &error);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  objects = kml_allocator_new (kml_allocator_find ("segregated"), machine, pages);
  if (!kml_allocator_start (pages, &error) || !kml_allocator_start (objects, &error) ||
      !kml_param_parse (kml_param_find (workload->ops->params, "file"), path, workload, &error) ||
      !kml_workload_open (workload, 1, 4, 4096, &error))
    die (error);
  while ((n = workload->ops->next (workload, batch, G_N_ELEMENTS (batch), &error)) > 0)
    for (int i = 0; i < n; i++) {
      Sample sample = { .op = batch[i], .start = MAX (batch[i].time, machine->now) };
      guint64 held;

      machine->now = sample.start;
      if (batch[i].block >= addresses->len)
        g_array_set_size (addresses, batch[i].block + 1);
      if (batch[i].kind == KML_OP_ALLOC)
        g_array_index (addresses, KmlAddr,
                       batch[i].block) = kml_allocator_alloc (objects, &batch[i].request, &held);
      sample.addr = g_array_index (addresses, KmlAddr, batch[i].block);
      if (batch[i].kind == KML_OP_FREE)
        sample.op.request.size = kml_allocator_free_block (objects, sample.addr, &batch[i].request);
      sample.end = machine->now;
      g_array_append_val (samples, sample);
    }
  if (n < 0)
    die (error);
  kml_workload_free (workload);
  kml_allocator_destroy (objects);
  kml_allocator_destroy (pages);
  return samples;
}

static void
record (KmlRecorder *recorder, const GArray *samples, guint n_repeats)
{
  for (guint repeat = 0; repeat < n_repeats; repeat++)
    for (guint i = 0; i < samples->len; i++) {
      const Sample *sample = &g_array_index (samples, Sample, i);

      const KmlOp *op = &sample->op;

      kml_recorder_add_entry (
          recorder, sample->start, sample->end, sample->addr,
          kml_what_pack (kml_what_block (op->request.size, op->level), op->kind, &op->request));
    }
  if (!kml_recorder_finish (recorder, NULL))
    abort ();
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const guint n_repeats = argc > 2 ? (guint)g_ascii_strtoull (argv[2], NULL, 10) : 20;
  g_autofree char *folder = g_dir_make_tmp ("bench-samples-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "samples.db", NULL);
  const KmlRecordConfig config = { .events = KML_RECORD_ALL, .sampling = 1, .points = 2 };
  g_autoptr (GArray) samples = NULL;
  KmlMachineConfig machine_config = { .n_cpus = 1, .ram = 1 << 20, .page_size = 4096 };
  KmlDatabase *database;
  double best = 0, bytes = 0;

  if (argc < 2) {
    g_printerr ("bench-samples TRACE [REPEATS]\n");
    return 2;
  }
  samples = read_samples (argv[1]);
  for (guint round = 0; round < 5; round++) {
    g_autoptr (KmlMachine) machine = kml_machine_new (&machine_config, &error);
    KmlAllocator *pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
    KmlRecorder *recorder;
    GStatBuf status;
    double before, seconds;

    if (!kml_allocator_start (pages, &error))
      die (error);
    recorder = kml_recorder_new (&config, machine, pages, NULL);
    g_unlink (path);
    database = kml_database_open_for_writing (path, &error);
    if (database == NULL || !kml_database_begin_run (database, 1, &error))
      die (error);
    before = cpu_seconds ();
    kml_recorder_set_sink (recorder, kml_database_sample_sink, database);
    record (recorder, samples, n_repeats);
    if (!kml_database_end_run (database,
                               &(KmlDatabaseRun){ .run_id = 1,
                                                  .run_key = "bench",
                                                  .scenario = "bench",
                                                  .title = "",
                                                  .scenario_text = "",
                                                  .overrides = "",
                                                  .base_dir = "",
                                                  .status = "done",
                                                  .fingerprint = "",
                                                  .version = "",
                                                  .started_at = -1,
                                                  .wall_ns = -1 },
                               NULL, &error) ||
        !kml_database_finish (database, &error))
      die (error);
    seconds = cpu_seconds () - before;
    g_stat (path, &status);
    best = MAX (best, (double)recorder->n_samples / seconds);
    bytes = (double)status.st_size / (double)recorder->n_samples;
    kml_recorder_free (recorder);
    kml_allocator_destroy (pages);
  }
  g_print ("raw samples into SQLite: %.1f million a second (best of 5), %.2f bytes each\n",
           best / 1e6, bytes);
  g_unlink (path);
  g_rmdir (folder);
  return 0;
}
