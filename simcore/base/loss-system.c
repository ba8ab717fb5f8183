/* loss-system.c: requests for the objects of a reserve, simulated without a machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of a pool, only the times at which its objects come back matter: a binary heap, the earliest
 * first. Time is in integers, so a seed loses the same requests everywhere.
 */

#include "simcore/base/loss-system.h"

#include "simcore/base/fixed-point.h"

const char *const kml_holding_names[] = {
  [KML_HOLDING_FIXED] = "fixed",
  [KML_HOLDING_EXPONENTIAL] = "exponential",
  [KML_HOLDING_SKEWED] = "skewed",
  NULL,
};

typedef struct {
  KmlTime *back; /* borrowed: a heap of n times, room for size */
  guint64 n;
} Pool;

static void
swap (KmlTime *a, KmlTime *b)
{
  const KmlTime time = *a;

  *a = *b;
  *b = time;
}

static void
push (Pool *self, KmlTime time)
{
  guint64 i = self->n++;

  self->back[i] = time;
  for (; i > 0 && self->back[i] < self->back[(i - 1) / 2]; i = (i - 1) / 2)
    swap (&self->back[i], &self->back[(i - 1) / 2]);
}

static void
pop (Pool *self)
{
  guint64 i = 0;

  self->back[0] = self->back[--self->n];
  for (;;) {
    guint64 child = 2 * i + 1;

    if (child >= self->n)
      return;
    if (child + 1 < self->n && self->back[child + 1] < self->back[child])
      child++;
    if (self->back[i] <= self->back[child])
      return;
    swap (&self->back[i], &self->back[child]);
    i = child;
  }
}

static KmlTime
draw_holding (const KmlLossConfig *config, KmlRng *rng)
{
  switch (config->law) {
  case KML_HOLDING_EXPONENTIAL:
    return (
        KmlTime)(((unsigned __int128)config->holding * kml_fixed_minus_ln (kml_rng_next (rng))) >>
                 58);
  case KML_HOLDING_SKEWED:
    return kml_rng_below (rng, 10) > 0 ? config->holding / 2 : config->holding / 2 * 11;
  case KML_HOLDING_FIXED:
  case KML_N_HOLDINGS:
    break;
  }
  return config->holding;
}

/* FALSE: the request is lost. */
static gboolean
request (Pool *self, guint64 size, KmlTime now, KmlTime holding)
{
  while (self->n > 0 && self->back[0] <= now)
    pop (self);
  if (self->n == size)
    return FALSE;
  push (self, now + holding);
  return TRUE;
}

/* The square root, by Newton's method from above: the same everywhere, unlike a library's pow(). */
static double
root (double x)
{
  double guess = MAX (x, 1.0);

  for (guint i = 0; i < 64 && x > 0.0; i++)
    guess = (guess + x / guess) / 2.0;
  return x > 0.0 ? guess : 0.0;
}

static void
summarise (const guint64 *lost, guint64 per_batch, KmlLoss *ret_loss)
{
  double squares = 0.0;

  *ret_loss = (KmlLoss){ .n_requests = per_batch * KML_LOSS_BATCHES };
  for (guint i = 0; i < KML_LOSS_BATCHES; i++)
    ret_loss->n_lost += lost[i];
  ret_loss->share = (double)ret_loss->n_lost / (double)ret_loss->n_requests;
  for (guint i = 0; i < KML_LOSS_BATCHES; i++) {
    const double difference = (double)lost[i] / (double)per_batch - ret_loss->share;

    squares += difference * difference;
  }
  ret_loss->error = root (squares / (KML_LOSS_BATCHES - 1) / KML_LOSS_BATCHES);
}

void
kml_loss_simulate (const KmlLossConfig *config, KmlLoss *ret_loss)
{
  const guint64 per_batch = MAX (config->n_requests / KML_LOSS_BATCHES, 1);
  g_autofree KmlTime *times = g_new (KmlTime, MAX (config->n_pools * config->size, 1));
  g_autofree Pool *pools = g_new0 (Pool, config->n_pools);
  guint64 lost[KML_LOSS_BATCHES + 1] = { 0 }; /* the first one warms up */
  KmlArrivalsClock clock = { 0 };
  KmlRng holding_rng, pool_rng;
  Pool *pool = pools;

  g_assert (config->arrivals.kind != KML_ARRIVALS_CLOSED);
  g_assert (config->n_pools > 0);
  kml_rng_init (&clock.rng, config->seed, "arrivals");
  kml_rng_init (&holding_rng, config->seed, "holding");
  kml_rng_init (&pool_rng, config->seed, "pools");
  for (guint64 i = 0; i < config->n_pools; i++)
    pools[i].back = times + i * config->size;

  for (guint i = 0; i <= KML_LOSS_BATCHES; i++)
    for (guint64 j = 0; j < per_batch; j++) {
      const gboolean goes_with_the_last = clock.n_left > 0;
      const KmlTime now = kml_arrivals_next (&config->arrivals, &clock);

      if (!goes_with_the_last)
        pool = &pools[kml_rng_below (&pool_rng, config->n_pools)];
      lost[i] += !request (pool, config->size, now, draw_holding (config, &holding_rng));
    }
  summarise (lost + 1, per_batch, ret_loss);
}
