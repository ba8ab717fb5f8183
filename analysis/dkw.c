/* dkw.c: how far the distribution of a sample may be from the true one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Dvoretzky, Kiefer and Wolfowitz, "Asymptotic Minimax Character of the Sample Distribution Function and of the Classical Multinomial
 * Estimator", Annals of Mathematical Statistics 27 (1956), with the constant that Massart proved in "The Tight Constant in the
 * Dvoretzky-Kiefer-Wolfowitz Inequality", Annals of Probability 18 (1990): of n independent draws from any distribution
 *
 *   P (sup |F_n - F| > e) <= 2 exp (-2 n e^2)
 *
 * Draws are independent when each has a seed of its own; operations of one run are not.
 */

#include "analysis/dkw.h"

#include <math.h>

/* n e^2 */
static double
product (double confidence)
{
  g_assert (confidence > 0);
  g_assert (confidence < 1);
  return log (2 / (1 - confidence)) / 2;
}

double
kml_dkw_band (guint64 n, double confidence)
{
  g_assert (n > 0);
  return fmin (sqrt (product (confidence) / (double)n), 1);
}

guint64
kml_dkw_draws (double band, double confidence)
{
  g_assert (band > 0);
  g_assert (band < 1);
  return (guint64)ceil (product (confidence) / (band * band));
}
