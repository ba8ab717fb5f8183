/* student.h: how far a mean that was measured may be from the true one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * "Student" (W. S. Gosset), "The Probable Error of a Mean", Biometrika 6(1), 1908.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The t that a variable of Student's distribution with @degrees > 0 of freedom exceeds, up or down, with probability 1 - @confidence. */
double kml_student_t (guint degrees, double confidence);

/* The mean of the @n > 0 @values, and half the width of the interval around it that has the true mean with @confidence; not a number
 * for one value, of which nobody knows. The values must be independent, and their mean be nearly normal. */
void kml_mean_interval (const double *values, guint n, double confidence, double *ret_mean,
                        double *ret_margin);

/* How many values it takes for the interval around their mean to leave out 0 in four of five cases, if the true mean is @mean and the values vary as
 * the @n > 1 did whose interval is @margin wide to each side. 0: so small a mean that no number is enough. */
guint64 kml_values_needed (double mean, double margin, guint n, double confidence);

G_END_DECLS
