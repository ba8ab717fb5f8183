/* fixed-point.c: logarithms and normal numbers that are the same bits everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The logarithm
 *
 * u is brought to m * 2^-shift with m in [√½, √2), the range in which
 *
 *   -ln m = 2 artanh z,   z = (1 - m) / (1 + m),   |z| < 0.172
 *
 * converges at once: artanh z = z + z^3/3 + z^5/5 + …, where thirteen terms leave
 * less than 2^-68. What is lost is in the rounding to Q64, once a term.
 *
 * 2. The power of two
 *
 * 2^(n + f) = 2^n e^y with y = f ln 2 < 0.694, by the Taylor series to y^19 / 19!,
 * which leaves less than 2^-70.
 *
 * 3. The normal law
 *
 * George Marsaglia's polar method: a point drawn uniformly in the unit disc, at
 * squared distance s from its centre, has the x of a normal draw after
 * stretching by √(-2 ln s / s). It needs a logarithm and a root and no sine, and is
 * exact but for rounding, tails included, where an approximated inverse is not. The
 * second draw that y would give is left alone: a draw then depends on the stream only.
 */

#include "simcore/base/fixed-point.h"

typedef unsigned __int128 Wide;

#define LN2_Q64       G_GUINT64_CONSTANT (0xb17217f7d1cf79ac)
#define SQRT_HALF_Q64 G_GUINT64_CONSTANT (0xb504f333f9de6484)

/* a * b of numbers below 1 in Q64 */
static inline guint64
multiply (guint64 a, guint64 b)
{
  return (guint64)(((Wide)a * b) >> 64);
}

/* 2 artanh (x / y) in Q58, for x / y < 0.172 */
static guint64
twice_artanh (guint64 x, guint64 y)
{
  /* 1/3, 1/5, … 1/25 in Q64 */
  static const guint64 coefficients[] = {
    0x5555555555555555, 0x3333333333333333, 0x2492492492492492, 0x1c71c71c71c71c72,
    0x1745d1745d1745d1, 0x13b13b13b13b13b1, 0x1111111111111111, 0x0f0f0f0f0f0f0f0f,
    0x0d79435e50d79436, 0x0c30c30c30c30c31, 0x0b21642c8590b216, 0x0a3d70a3d70a3d71,
  };
  const guint64 z = (guint64)(((Wide)x << 64) / y);
  const guint64 square = multiply (z, z);
  guint64 sum = coefficients[G_N_ELEMENTS (coefficients) - 1];

  for (guint i = G_N_ELEMENTS (coefficients) - 1; i > 0; i--)
    sum = coefficients[i - 1] + multiply (sum, square);
  return (z + multiply (z, multiply (sum, square))) >> 5;
}

/* In Q58; the constant has six bits more, so that 64 times it are as exact as one. */
static inline guint64
times_ln2 (guint64 n)
{
  return (guint64)(((Wide)n * LN2_Q64) >> 6);
}

guint64
kml_fixed_minus_ln (guint64 u)
{
  guint64 shift, m;

  if (u == 0)
    return 0;

  /* u / 2^64 = m / 2^64 * 2^-shift, m / 2^64 in [½, 1). Sums and differences are halved to
   * fit 64 bits. */
  shift = (guint64)__builtin_clzll (u);
  m = u << shift;
  if (m >= SQRT_HALF_Q64)
    return times_ln2 (shift) +
           twice_artanh ((guint64)-m >> 1, (G_GUINT64_CONSTANT (1) << 63) + (m >> 1));
  /* twice m is in [1, √2): -ln m = ln 2 - ln 2m, and (2m - 1) / (2m + 1) = (m - ½) / (m + ½) */
  return times_ln2 (shift + 1) - twice_artanh ((m - (G_GUINT64_CONSTANT (1) << 63)) >> 1,
                                               (m >> 1) + (G_GUINT64_CONSTANT (1) << 62));
}

guint64
kml_fixed_log2_ratio (guint64 x, guint64 y)
{
  g_assert (y > 0);
  g_assert (x >= y);

  return (guint64)(((Wide)(kml_fixed_minus_ln (y) - kml_fixed_minus_ln (x)) * KML_FIXED_LOG2E) >>
                   70);
}

/* 2^f in Q63, for f < 1 in Q64 */
static guint64
power_of_two (guint64 f)
{
  /* 1/2!, 1/3!, … 1/19! in Q64 */
  static const guint64 coefficients[] = {
    0x8000000000000000, 0x2aaaaaaaaaaaaaab, 0x0aaaaaaaaaaaaaab, 0x0222222222222222,
    0x005b05b05b05b05b, 0x000d00d00d00d00d, 0x0001a01a01a01a02, 0x00002e3bc74aad8e,
    0x0000049f93edde28, 0x0000006b99159fd5, 0x00000008f76c77fc, 0x00000000b092309d,
    0x000000000c9cba54, 0x0000000000d73f9f, 0x00000000000d73fa, 0x000000000000ca96,
    0x0000000000000b41, 0x0000000000000098,
  };
  const guint64 y = multiply (f, LN2_Q64);
  guint64 sum = coefficients[G_N_ELEMENTS (coefficients) - 1];

  for (guint i = G_N_ELEMENTS (coefficients) - 1; i > 0; i--)
    sum = coefficients[i - 1] + multiply (sum, y);
  return (G_GUINT64_CONSTANT (1) << 63) + ((y + multiply (multiply (y, y), sum)) >> 1);
}

guint64
kml_fixed_scale (guint64 base, gint64 exponent)
{
  const guint64 f = (guint64)exponent << 14; /* modulo 1: two's complement rounds down */
  const gint64 n = (exponent - (gint64)(f >> 14)) / (G_GINT64_CONSTANT (1) << 50);
  Wide product;

  if (base == 0 || n < -64)
    return 0;
  if (n >= 64)
    return G_MAXUINT64;

  product = (Wide)base * power_of_two (f); /* Q63 */
  if (n < 0)
    return (guint64)(product >> (63 - n));
  if (product >> (127 - n) != 0)
    return G_MAXUINT64;
  return (guint64)((product << n) >> 63);
}

/* Newton's method from above. */
guint64
kml_fixed_square_root (Wide n)
{
  const guint64 high = (guint64)(n >> 64);
  const guint bits = high != 0 ? 128 - (guint)__builtin_clzll (high)
                     : n != 0  ? 64 - (guint)__builtin_clzll ((guint64)n)
                               : 0;
  Wide root = (Wide)1 << ((bits + 1) / 2);

  for (;;) {
    const Wide next = (root + n / root) / 2;

    if (next >= root)
      return (guint64)root;
    root = next;
  }
}

gint64
kml_fixed_normal (KmlRng *rng)
{
  guint64 x, s, ratio, z;
  gboolean is_negative;

  do {
    const gint64 a = (gint64)kml_rng_next (rng); /* Q63 in [-1, 1) */
    const gint64 b = (gint64)kml_rng_next (rng);
    const guint64 y = b < 0 ? -(guint64)b : (guint64)b;
    Wide sum;

    is_negative = a < 0;
    x = is_negative ? -(guint64)a : (guint64)a;
    sum = ((Wide)x * x + (Wide)y * y) >> 62; /* Q64 */
    s = sum >> 64 != 0 ? 0 : (guint64)sum;   /* 0: not inside the disc, or its very centre */
  } while (s == 0);

  /* z^2 = 2 (x^2 / s) (-ln s): Q63 * Q58 = Q121 for half of it, kept in Q114 for the whole.
   * x^2 <= s up to rounding. */
  ratio = (guint64)MIN ((((Wide)x * x >> 62) << 63) / s, (Wide)1 << 63);
  z = kml_fixed_square_root (((Wide)ratio * kml_fixed_minus_ln (s)) >> 6);
  return is_negative ? -(gint64)z : (gint64)z;
}
