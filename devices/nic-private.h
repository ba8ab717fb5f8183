/* nic-private.h: what a network card is made of: for nic.c, whose head explains it, and its parameters.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/base/arrivals.h"
#include "simcore/device.h"
#include "simcore/distribution.h"

G_BEGIN_DECLS

enum {
  COUNT_PACKETS,
  COUNT_RECEIVED,
  COUNT_CONSUMED,
  COUNT_DROPS_RING,
  COUNT_DROPS_MEMORY,
  COUNT_DROPS_BACKLOG,
  COUNT_INTERRUPTS,
  COUNT_POLLS,
  COUNT_ALLOCATIONS,
  COUNT_ALLOCATION_TIME,
};

enum {
  FROM_OBJECTS,
  FROM_PAGES
};

typedef struct _Nic Nic;

/* Buffers in the order in which they are filled: [head, head + n_filled) are, the n_posted behind them are not yet. */
typedef struct {
  Nic *nic;
  KmlAddr *slots; /* (owned) (array length=nic->ring_size): modulo its length */
  guint head, n_filled, n_posted;
  gboolean is_polling;
  KmlIrq hardirq, softirq;
  KmlTimer again;
} Ring;

struct _Nic {
  KmlDevice base;

  /* parameters */
  guint64 cpu, n_rings, ring_size, budget, n_packets;
  char *arrivals_text;
  guint64 buffer; /* bytes */
  guint from;
  guint context;
  KmlGfp gfp;
  KmlConstraints constraints;
  KmlTime packet, again;
  char *consume_text;
  guint64 consumer_cpu, backlog;

  KmlArrivals arrivals;
  KmlArrivalsClock clock;
  KmlTimer arrival;
  KmlDistribution consume;
  KmlRng ring_rng, consume_rng;
  Ring *rings;    /* (owned) (array length=n_rings) */
  KmlAddr *queue; /* (owned) (array length=backlog): modulo its length */
  guint64 first, n_queued;
  KmlTask *consumer;
};

extern const KmlParam kml_nic_params[];
extern const KmlCounterInfo kml_nic_counters[];
extern const KmlFigureInfo kml_nic_figures[];

G_END_DECLS
