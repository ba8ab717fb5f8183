/* rng.c: xoshiro256** seeded through splitmix64.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * David Blackman and Sebastiano Vigna, "Scrambled Linear Pseudorandom Number
 * Generators", ACM TOMS 47(4), 2021; both generators are in the public domain.
 * Not GRand: its sequence depends on an environment variable, and GLib promises
 * nothing about it for the next release.
 *
 * A stream's initial state is splitmix64 run from seed ^ FNV-1a(name): no table
 * of stream numbers is needed, and adding a component renumbers no other.
 */

#include "simcore/base/rng.h"

static guint64
splitmix64_next (guint64 *state)
{
  guint64 z = (*state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

void
kml_rng_init (KmlRng *self, guint64 seed, const char *stream)
{
  guint64 state = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (const char *c = stream; *c != '\0'; c++)
    state = (state ^ (guint8)*c) * G_GUINT64_CONSTANT (0x100000001b3);
  state ^= seed;
  for (guint i = 0; i < G_N_ELEMENTS (self->s); i++)
    self->s[i] = splitmix64_next (&state);
}

/* Daniel Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS
 * 29(1), 2019: the high half of a 64 x 64 bit product is nearly uniform in
 * [0, bound); the few products whose low half falls below 2^64 mod bound are the
 * surplus, and are drawn again. */
guint64
kml_rng_below (KmlRng *self, guint64 bound)
{
  unsigned __int128 product;

  g_assert (bound > 0);

  product = (unsigned __int128)kml_rng_next (self) * bound;
  if ((guint64)product < bound) {
    const guint64 surplus = -bound % bound;

    while ((guint64)product < surplus)
      product = (unsigned __int128)kml_rng_next (self) * bound;
  }
  return (guint64)(product >> 64);
}

guint64
kml_rng_repetition_seed (guint64 seed, guint64 repetition)
{
  guint64 state = seed ^ (repetition * G_GUINT64_CONSTANT (0xd1342543de82ef95));

  if (repetition == 0)
    return seed;
  return splitmix64_next (&state) >> 1;
}
