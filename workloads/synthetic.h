/* synthetic.h: what the pieces of synthetic workloads share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the stream is like is said in synthetic.c, which makes it; synthetic-params.c has the parameters, and what they mean.
 */

#pragma once

#include "simcore/base/arrivals.h"
#include "simcore/distribution.h"
#include "simcore/workload.h"
#include "workloads/deaths.h"

G_BEGIN_DECLS

enum {
  TARGET_OBJECTS,
  TARGET_PAGES
};

typedef struct {
  KmlWorkload base;

  /* parameters */
  guint target;
  char *cpus_text;
  guint context;
  char *operations_text;
  KmlTime duration; /* 0: no end but that of the operations */
  char *arrivals_text;
  guint64 live;
  char *sizes_text;
  char *orders_text;
  char *lifetimes_text;
  guint64 alignment;
  char *flags_text;
  guint mobility;
  gboolean drain;

  /* what they mean */
  guint64 n_operations; /* G_MAXUINT64: no limit */
  KmlTime end;          /* KML_TIME_MAX: no limit */
  KmlArrivals arrivals;
  KmlDistribution sizes; /* of objects or runs of pages, or orders */
  gboolean draws_orders;
  KmlDistribution lifetimes;
  guint16 *cpus; /* (array length=n_cpus) (owned) */
  guint n_cpus;
  KmlConstraints constraints;
  KmlOp alloc_op; /* what all requests have in common */
  KmlOp free_op;

  /* the stream */
  KmlArrivalsClock clock;
  KmlRng size_rng;
  KmlRng lifetime_rng;
  KmlRng victim_rng;
  KmlRng cpu_rng;
  guint64 n_asked;
  KmlTime next_arrival; /* open */
  KmlTime now;          /* open: time of the last operation */
  KmlDeaths deaths;     /* open */
  guint64 n_drained;    /* closed: blocks freed after the last request */
  gboolean is_freed;    /* closed: the step's free has been handed out, its request has not: */
  guint32 victim;
  guint16 cpu;
} Synthetic;

/* ---- synthetic-params.c ---- */

extern const KmlParam synthetic_params[];

/* From the parameters to what they mean. */
gboolean synthetic_read_params (Synthetic *self, GError **error);

G_END_DECLS
