/* rng.h: random numbers that mean the same everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One run has one seed and many streams. A stream is named after what it is
 * for ("sizes", "arrivals"), so a model that draws one number more from its own
 * stream leaves every other stream as it was, and two allocators under one seed
 * meet the same workload.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The state of one stream of xoshiro256**. */
typedef struct {
  guint64 s[4];
} KmlRng;

void kml_rng_init (KmlRng *self, guint64 seed, const char *stream);

static inline guint64
kml_rng_next (KmlRng *self)
{
  guint64 *s = self->s;
  const guint64 scaled = s[1] * 5;
  const guint64 result = ((scaled << 7) | (scaled >> 57)) * 9;
  const guint64 shifted = s[1] << 17;

  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = (s[3] << 45) | (s[3] >> 19);
  return result;
}

/* Uniform in [0, bound), bound > 0: no modulo bias, no floating point. */
guint64 kml_rng_below (KmlRng *self, guint64 bound);

/* The seed of repetition r of an experiment: the seed itself for r = 0, so that
 * any stored run can be repeated by its own seed. Below 2^63, as SQLite's integers. */
guint64 kml_rng_repetition_seed (guint64 seed, guint64 repetition);

G_END_DECLS
