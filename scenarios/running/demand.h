/* demand.h: what a scenario's workloads ask objects for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two passes over the streams of a run, without a machine: no allocator answers, so it is the same
 * for all. Sizes are counted by parts of the stream, so that bins designed on one part can
 * be measured on another.
 */

#pragma once

#include "scenarios/loading/scenario.h"
#include "simcore/workload.h"

G_BEGIN_DECLS

#define KML_DEMAND_MAX_PARTS 32

typedef enum {
  KML_DEMAND_REQUESTS, /* how often a size was asked for */
  KML_DEMAND_TIME,     /* for how long, in ps, blocks of that size lived: what is live on average */
} KmlDemandWeight;

typedef struct {
  guint64 requests;    /* for objects */
  guint64 of_caches;   /* those that were asked of a kmem_cache, which needs no bin */
  guint64 constrained; /* those that want an alignment, a boundary or a limit of address */
  guint64 bytes;       /* asked for by all of them */
  guint64 operations;  /* all, of objects and pages */
  guint64 peak_bytes;  /* of live blocks, pages included; the sum of the streams' peaks */
  guint64 largest;     /* size */
  guint n_cpus;        /* highest CPU + 1 */
  gboolean has_times;  /* operations are at set times, so lifetimes are known */
  KmlTime end;         /* of the last operation */
} KmlDemandTotals;

typedef struct _KmlDemand KmlDemand;

/* Reads the workloads of run @index of @scenario, for weights of @weight, in @n_parts parts of equally many requests for objects. @show
 * (nullable): share of the work. */
KmlDemand *kml_demand_new (const KmlScenario *scenario, guint64 index, KmlDemandWeight weight,
                           guint n_parts, void (*show) (double share, gpointer data), gpointer data,
                           GError **error);
void kml_demand_free (KmlDemand *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlDemand, kml_demand_free)

const KmlDemandTotals *kml_demand_totals (const KmlDemand *self);

/* The sizes asked for in some of @n_folds equal pieces of time, a number that divides n_parts: those whose bit is
 * set in @folds. Ascending, each once. Weights are scaled down together when their sum
 * would not fit. (transfer full) (element-type KmlSizeCount) */
GArray *kml_demand_sizes (const KmlDemand *self, guint n_folds, guint32 folds);

G_END_DECLS
