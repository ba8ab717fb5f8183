/* loss-system.h: requests for the objects of a reserve, simulated without a machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The check of erlang.h, and what it cannot say: pools of c objects each; a request that comes to a pool takes an object for a
 * holding time, or is lost. Requests that arrive alone choose their pool at random, which makes the stream of each pool a Poisson
 * process of its own where the whole is one. Those of a burst all go to one pool, as interrupts of one device go to
 * one CPU.
 *
 * The share of lost requests is an estimate. Losses come in clusters (a full pool stays full for a while), so they
 * are not independent and the binomial error would be too small. The requests are cut into KML_LOSS_BATCHES parts in order
 * of time, much longer than a holding time, whose shares are nearly independent; the error is theirs.
 */

#pragma once

#include "simcore/base/arrivals.h"

G_BEGIN_DECLS

#define KML_LOSS_BATCHES 32

/* All have the same mean. */
typedef enum {
  KML_HOLDING_FIXED,
  KML_HOLDING_EXPONENTIAL,
  KML_HOLDING_SKEWED, /* nine of ten hold half the mean, one holds 5.5 times the mean */
  KML_N_HOLDINGS,
} KmlHolding;

/* "fixed", "exponential", "skewed" */
extern const char *const kml_holding_names[KML_N_HOLDINGS + 1];

typedef struct {
  KmlArrivals arrivals; /* of all pools together; not closed */
  KmlHolding law;
  KmlTime holding; /* the mean */
  guint64 n_pools; /* >= 1 */
  guint64 size;    /* objects of each pool */
  /* rounded down to a multiple of KML_LOSS_BATCHES; after as many as a batch has, which warm up */
  guint64 n_requests;
  guint64 seed;
} KmlLossConfig;

typedef struct {
  guint64 n_requests, n_lost;
  double share; /* n_lost / n_requests */
  double error; /* the standard error of that */
} KmlLoss;

void kml_loss_simulate (const KmlLossConfig *config, KmlLoss *ret_loss);

G_END_DECLS
