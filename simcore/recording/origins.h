/* origins.h: who asked for the bytes that are wasted, and for how long.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The recorder's waste by requested size says which sizes fit badly. Here is whose
 * they are: sums by call site and by lifetime, kept when [record] origins is set. To know either
 * when a block is given back, what it was born as must be remembered for each live
 * block: 16 bytes and a look-up at each operation, which a run without origins does not make.
 *
 * Definitions.
 *   wasted      held - requested of a block. A site that wastes much by the sum over its requests may
 *               give everything back at once: what memory loses is the mean over time
 *   lifetime    from the start of the request to the start of the operation that gives the block back
 *   piece       what splitting a block makes of it: each half was born when the whole was, and counts as one
 *               block when it is given back
 *   warm-up     the recorder's: requests, frees and time before its end are left out; blocks that were born in it
 *               have their whole lifetime
 *   elsewhere   on another CPU than the one that asked: what perf kmem calls ping-pong
 *
 * Invariants, of the sums after kml_origins_finish():
 *   O1  wasted_time summed over the sites is what it is summed over the lifetimes, and the recorder's
 *       held_time - requested_time
 *   O2  count, requested and held summed over the sites are those of all requests that were given a block, after
 *       the warm-up
 */

#pragma once

#include "simcore/workload.h"

G_BEGIN_DECLS

/* Decades from less than a microsecond to ten seconds and more, then the blocks that are alive at the end. */
#define KML_LIFETIME_ALIVE 9
#define KML_N_LIFETIMES    10

/* What is wasted is held - requested. */
typedef struct {
  guint64 count, requested, held; /* of the requests that were given a block */
  guint64 freed_elsewhere;        /* blocks given back elsewhere */
  guint64 live, live_requested, live_held;
  unsigned __int128 wasted_time; /* integral of live_held - live_requested, up to last_time */
  KmlTime last_time;
} KmlSiteWaste;

typedef struct {
  const char *workload; /* its name; borrowed from it */
  char *site;           /* (owned): "" where the workload knows none */
  KmlSiteWaste waste;
} KmlSiteOrigin;

typedef struct {
  guint64 count, requested, held; /* of the blocks that lived so long */
  unsigned __int128 wasted_time;
} KmlLifetimeWaste;

typedef struct _KmlOrigins KmlOrigins;

/* @workloads is borrowed, until the finish. */
KmlOrigins *kml_origins_new (KmlWorkload *const *workloads, guint n_workloads);
void kml_origins_free (KmlOrigins *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlOrigins, kml_origins_free)

/* ---- For the driver: what an operation of workload @workload, an index, did at @now ---- */

/* The request was given a block of @held bytes. */
void kml_origins_add_alloc (KmlOrigins *self, guint workload, const KmlOp *op, KmlTime now,
                            guint64 held);

/* The block of @held bytes, asked for as @requested, was given back. */
void kml_origins_add_free (KmlOrigins *self, guint workload, const KmlOp *op, KmlTime now,
                           guint64 requested, guint64 held);

/* The block was halved. */
void kml_origins_add_split (KmlOrigins *self, guint workload, const KmlOp *op);

/* The warm-up is over: everything but what is alive begins anew. */
void kml_origins_end_warm_up (KmlOrigins *self, KmlTime now);

/* ---- Results ---- */

/* Closes the sums at the end of the run and asks the workloads how their sites are called. */
void kml_origins_finish (KmlOrigins *self, KmlTime end);

/* After the finish: sorted by workload and site; two sites that are called alike are one.
 * (element-type KmlSiteOrigin) (transfer none) */
const GArray *kml_origins_sites (const KmlOrigins *self);
const KmlLifetimeWaste *kml_origins_lifetime (const KmlOrigins *self, guint band);
/* What the wasted_time of a site or lifetime is on average. */
double kml_origins_mean (const KmlOrigins *self, unsigned __int128 wasted_time);

/* "1–10 µs", …, "alive at the end" */
extern const char *const kml_lifetime_names[KML_N_LIFETIMES];

/* The lifetimes [lo, hi) of a band, in picoseconds; hi of the last one is KML_TIME_MAX. Not of those alive. */
void kml_lifetime_range (guint band, KmlTime *ret_lo, KmlTime *ret_hi);

G_END_DECLS
