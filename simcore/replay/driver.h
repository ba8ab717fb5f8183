/* driver.h: lets workloads loose on the allocators of a machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The driver is the straight path: code that needs no task of its own. It takes
 * operations from the workloads in the order of their times, lets the CPU of
 * each one execute it, and tells the recorder what
 * happened. A run with one workload never looks at the agenda.
 *
 * Time. An operation starts when its time has come, its CPU is free, and no
 * earlier operation of the run starts later: starts never decrease. It ends
 * when the costs that the allocator spent are spent.
 */

#pragma once

#include "simcore/pages/old-frames.h"
#include "simcore/recording/recorder.h"
#include "simcore/workload.h"

G_BEGIN_DECLS

/* All borrowed. @objects may be NULL when no workload asks for objects. */
typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages;
  KmlAllocator *objects; /* (nullable) */
  KmlOldFrames *old;     /* (nullable) */
  KmlRecorder *recorder;
  KmlWorkload *const *workloads; /* (array length=n_workloads) */
  guint n_workloads;
  KmlTime until; /* operations that would start later are not executed; KML_TIME_MAX: none */
  gboolean check_every_operation; /* call check() of all allocators after each operation (slow) */
  /* (nullable): about every 2^16 operations */
  void (*progress) (guint64 n_operations, double share, gpointer data);
  gpointer progress_data;
} KmlDriverConfig;

KmlDriver *kml_driver_new (const KmlDriverConfig *config);
void kml_driver_free (KmlDriver *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlDriver, kml_driver_free)

/* Runs to the end of all workloads. Errors are those of the workloads (a corrupt trace) or of the recorder's sink. */
gboolean kml_driver_run (KmlDriver *self, GError **error);

/* Executes operations one by one: what kml_driver_run() does for each batch. @workload is an index. For benchmarks and tests. */
void kml_driver_execute (KmlDriver *self, guint workload, const KmlOp *ops, guint n);

guint64 kml_driver_n_operations (const KmlDriver *self);

/* Host bytes that the driver itself needs for its table of blocks. */
gsize kml_driver_host_bytes (const KmlDriver *self);

G_END_DECLS
