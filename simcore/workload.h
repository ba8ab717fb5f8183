/* workload.h: what asks for memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A workload is a stream of operations in the order in which they are to be
 * executed. The stream is a function of the workload's parameters, the seed and
 * the machine's number of CPUs and page size; it never depends on the
 * allocator, so every allocator meets the same requests. Memory is O(live
 * blocks), never O(length of the stream). One that looks for an allocator's weak sides
 * (workloads/worst-case.c) is the exception, and asks for twins.
 *
 * To add one: write one file that ends with KML_REGISTER_WORKLOAD, name it in workloads/meson.build.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/base/image.h"
#include "simcore/op.h"
#include "simcore/param.h"
#include "simcore/base/rng.h"

G_BEGIN_DECLS

typedef struct _KmlWorkload KmlWorkload;

/* How often each size was asked for. Sizes above the exact range do not fit a bin and are left out of designs. */
typedef struct {
  guint64 size;
  guint64 count;
} KmlSizeCount;

/* A machine like that of the run, of another size, with the same page allocator and its parameters: to try out what
 * the run's own would do. */
typedef struct {
  KmlMachine *machine; /* (owned) */
  KmlAllocator *pages; /* (owned) */
  KmlImage *image;     /* (owned) (nullable): of both when they were new */
} KmlTwin;

/* Both are new: so they can be again, if the allocator can be remembered. */
void kml_twin_remember (KmlTwin *self);
/* FALSE: they were not remembered, or the machine has another size than @ram bytes. */
gboolean kml_twin_go_back (KmlTwin *self, guint64 ram);
void kml_twin_clear (KmlTwin *self);

/* Who makes twins. @renew makes *@twin, which is zero or was made by an earlier call, as new; allocators have @n_frames
 * page frames there. */
typedef struct {
  gboolean (*renew) (gpointer data, guint32 n_frames, KmlTwin *twin, GError **error);
  gpointer data;
} KmlTwinMaker;

/**
 * KmlWorkloadOps:
 * @name: as in "kind = synthetic"
 * @counters: (nullable): names of the counters in #KmlWorkload.counters; they become the metrics NAME.counter
 * @open: parameters are in the instance and so are seed, n_cpus, page_size, base_dir; errors are INPUT or WORLD
 *   and name the file and line
 * @next: writes up to @n operations to @ops and returns how many; 0: the stream has ended; -1: @error is set
 * @sizes: (nullable): appends the #KmlSizeCount of every distinct size of object requests, ascending, without
 *   disturbing the stream (a fresh pass over the file, or what the law says)
 * @site: (nullable): how the call site number @site of its requests is called, "" where that is not known; sites are
 *   numbered densely. Asked after the last operation
 * @progress: (nullable): the share done in [0, 1]; negative when unknown
 * @close: (nullable): releases what @open took
 */
typedef struct {
  const char *name;
  const char *summary;
  gsize instance_size;
  const KmlParam *params;
  const KmlCounterInfo *counters;

  gboolean (*open) (KmlWorkload *self, GError **error);
  int (*next) (KmlWorkload *self, KmlOp *ops, guint n, GError **error);
  gboolean (*sizes) (KmlWorkload *self, GArray *counts, GError **error);
  const char *(*site) (const KmlWorkload *self, guint32 site);
  double (*progress) (const KmlWorkload *self);
  void (*close) (KmlWorkload *self);
} KmlWorkloadOps;

struct _KmlWorkload {
  const KmlWorkloadOps *ops;
  char *name;     /* (owned): "web" of [workload web]: names its random streams */
  char *base_dir; /* (owned): of the scenario file: files that parameters name are relative to it */
  GHashTable *elsewhere; /* (nullable) (element-type utf8 utf8): those that are not; a reference */
  guint64 seed;
  guint n_cpus;
  guint64 page_size;
  const KmlTwinMaker *twins; /* (nullable): set once it is open, where there are allocators */
  /* once it is open: KML_OP_FREE_OLD is no use where there are none (old-frames.h) */
  gboolean has_old_frames;
  KmlTime until; /* set by open; 0: none: an operation that would start later ends the stream */
  guint64 counters[KML_MAX_COUNTERS];
};

KmlWorkload *kml_workload_new (const KmlWorkloadOps *ops, const char *name, const char *base_dir);

/* Before it is opened. */
void kml_workload_set_elsewhere (KmlWorkload *self, GHashTable *elsewhere);
gboolean kml_workload_open (KmlWorkload *self, guint64 seed, guint n_cpus, guint64 page_size,
                            GError **error);
/* @error is about a setting of this workload (base/blame.h): what next is refused for. kml_workload_open() says it itself. */
void kml_workload_blame (const KmlWorkload *self, GError **error);
void kml_workload_free (KmlWorkload *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlWorkload, kml_workload_free)

/* Where the file lies that a parameter names. (transfer full) */
char *kml_workload_locate (const KmlWorkload *self, const char *file);

/* A stream of random numbers of this workload alone: the seed, the workload's name, @purpose. */
void kml_workload_rng (const KmlWorkload *self, const char *purpose, KmlRng *ret_rng);

const KmlWorkloadOps *kml_workload_find (const char *name);
const KmlWorkloadOps *const *kml_workload_list (guint *ret_n);
void kml_workload_register (const KmlWorkloadOps *ops);

#define KML_REGISTER_WORKLOAD(ops)                                                                 \
  static void __attribute__ ((constructor)) ops##_register (void)                                  \
  {                                                                                                \
    kml_workload_register (&(ops));                                                                \
  }

G_END_DECLS
