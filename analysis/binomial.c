/* binomial.c: how far a share that was counted may be from the true one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tails of a binomial distribution are incomplete beta functions: P (X >= k) = I_p (k, n - k + 1). I is computed by its continued
 * fraction, whose partial quotients are evaluated from the front (W. J. Lentz, Applied Optics 15, 1976), and the
 * limits by halving an interval.
 */

#include "analysis/binomial.h"

#include <math.h>

#define TINY          1e-300
#define ENOUGH        1e-15
#define MAX_QUOTIENTS 100000

static double
not_zero (double x)
{
  return fabs (x) < TINY ? TINY : x;
}

/* The fraction 1 / (1 + d1 / (1 + d2 / (1 + ...))) of the incomplete beta function. */
static double
fraction (double a, double b, double x)
{
  double c = 1, d = 1 / not_zero (1 - (a + b) * x / (a + 1)), value = d;

  for (int m = 1; m < MAX_QUOTIENTS; m++) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor;

    d = 1 / not_zero (1 + even * d);
    c = not_zero (1 + even / c);
    value *= c * d;
    d = 1 / not_zero (1 + odd * d);
    c = not_zero (1 + odd / c);
    factor = c * d;
    value *= factor;
    if (fabs (factor - 1) < ENOUGH)
      break;
  }
  return value;
}

/* I_x (a, b) */
static double
incomplete_beta (double a, double b, double x)
{
  double front;

  if (x <= 0 || x >= 1)
    return x <= 0 ? 0 : 1;
  front = exp (lgamma (a + b) - lgamma (a) - lgamma (b) + a * log (x) + b * log1p (-x));
  /* the fraction converges fast on this side of the mean, and its mirror image on the other */
  if (x < (a + 1) / (a + b + 2))
    return front * fraction (a, b, x) / a;
  return 1 - front * fraction (b, a, 1 - x) / b;
}

/* The x with I_x (a, b) = y. */
static double
inverse (double a, double b, double y)
{
  double low = 0, high = 1;

  for (int i = 0; i < 100; i++) {
    const double middle = (low + high) / 2;

    if (incomplete_beta (a, b, middle) < y)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}

void
kml_clopper_pearson (guint64 k, guint64 n, double confidence, double *ret_low, double *ret_high)
{
  const double tail = (1 - confidence) / 2;
  const double failed = (double)k, passed = (double)(n - k);

  g_assert (k <= n);
  g_assert (n > 0);
  *ret_low = k == 0 ? 0 : inverse (failed, passed + 1, tail);
  *ret_high = k == n ? 1 : inverse (failed + 1, passed, 1 - tail);
}
