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

G_END_DECLS
