/* student.c: how far a mean that was measured may be from the true one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * With a whole number of degrees of freedom the probability that |T| <= t is a finite sum in the angle a = atan (t / sqrt (degrees)):
 *
 *   even: sin a (1 + 1/2 cos^2 a + 1·3/(2·4) cos^4 a + … up to cos^(degrees - 2) a)
 *   odd:  2/pi (a + sin a (cos a + 2/3 cos^3 a + 2·4/(3·5) cos^5 a + … up to cos^(degrees - 2) a))
 *
 * (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.) The t of a probability is found by halving an interval.
 */

#include "analysis/student.h"

#include <math.h>

/* From here on it is nearly the normal distribution: the interval is 0.12 % wider than with infinitely many. */
#define MANY_DEGREES 1000

/* P (|T| <= t) */
static double
probability_within (guint degrees, double t)
{
  const double angle = atan (t / sqrt (degrees));
  const double square = cos (angle) * cos (angle);
  const gboolean odd = degrees % 2 == 1;
  double term = odd ? cos (angle) : 1, sum = 0;

  for (guint power = odd ? 1 : 0; power + 2 <= degrees; power += 2) {
    sum += term;
    term *= square * (power + 1) / (power + 2);
  }
  return odd ? 2 / G_PI * (angle + sin (angle) * sum) : sin (angle) * sum;
}

double
kml_student_t (guint degrees, double confidence)
{
  const guint few = MIN (degrees, MANY_DEGREES);
  double low = 0, high = 1;

  g_assert (degrees > 0);
  g_assert (confidence > 0);
  g_assert (confidence < 1);
  while (probability_within (few, high) < confidence)
    high *= 2;
  for (int i = 0; i < 60; i++) {
    const double middle = (low + high) / 2;

    if (probability_within (few, middle) < confidence)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}

void
kml_mean_interval (const double *values, guint n, double confidence, double *ret_mean,
                   double *ret_margin)
{
  double sum = 0, squares = 0;

  g_assert (n > 0);
  for (guint i = 0; i < n; i++)
    sum += values[i];
  *ret_mean = sum / n;
  for (guint i = 0; i < n; i++)
    squares += (values[i] - *ret_mean) * (values[i] - *ret_mean);
  *ret_margin = n == 1 ? NAN : kml_student_t (n - 1, confidence) * sqrt (squares / (n - 1) / n);
}

/* A mean that is estimated comes out above the true one, less this many of its standard errors, in four of five cases. */
#define IN_FOUR_OF_FIVE 0.8416

#define MOST_VALUES (G_GUINT64_CONSTANT (1) << 40)

/* The interval of n values reaches t standard errors to each side, and the mean is to be beyond it. */
static gboolean
is_enough (double n, double spread, double mean, double confidence)
{
  const double t = kml_student_t ((guint)MIN (n - 1, MANY_DEGREES), confidence);

  return (t + IN_FOUR_OF_FIVE) * spread / sqrt (n) <= fabs (mean);
}

guint64
kml_values_needed (double mean, double margin, guint n, double confidence)
{
  double spread; /* the standard deviation of one value */
  guint64 few = 1, many = MOST_VALUES;

  g_assert (n > 1);
  spread = margin * sqrt (n) / kml_student_t (n - 1, confidence);
  if (!is_enough ((double)many, spread, mean, confidence))
    return 0;
  while (many - few > 1) {
    const guint64 middle = few + (many - few) / 2;

    if (is_enough ((double)middle, spread, mean, confidence))
      many = middle;
    else
      few = middle;
  }
  return many;
}
