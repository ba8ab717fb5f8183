/* population.h: how many blocks are live, over time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The mean and the variance over time of a number that changes in steps: integrals of n and n^2, which are exact. Where requests
 * come independently of each other and blocks live as long as a law says, whatever the allocator does, live blocks are the
 * customers of an M/G/infinity queue, whose number is Poisson's: its *dispersion*, variance / mean, is 1.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef struct {
  gboolean has_begun;
  KmlTime last;                      /* up to which the integrals go */
  KmlTime lasted;                    /* … since when they began */
  unsigned __int128 n_time, n2_time; /* of n, n^2 */
} KmlPopulation;

/* There were @n from the last call up to @now, with which the first begins. @n < 2^28. */
static inline void
kml_population_pass_time (KmlPopulation *self, guint64 n, KmlTime now)
{
  const KmlTime lasted = self->has_begun ? now - self->last : 0;

  self->n_time += (unsigned __int128)n * lasted;
  self->n2_time += (unsigned __int128)(n * n) * lasted;
  self->lasted += lasted;
  self->last = now;
  self->has_begun = TRUE;
}

/* 0 where no time has passed. */
static inline double
kml_population_mean (const KmlPopulation *self)
{
  return self->lasted == 0 ? 0 : (double)self->n_time / (double)self->lasted;
}

/* Variance by mean; 0 where there was nothing. */
static inline double
kml_population_dispersion (const KmlPopulation *self)
{
  const double mean = kml_population_mean (self);

  return mean == 0 ? 0 : ((double)self->n2_time / (double)self->lasted - mean * mean) / mean;
}

G_END_DECLS
