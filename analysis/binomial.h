/* binomial.h: how far a share that was counted may be from the true one.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * C. J. Clopper and E. S. Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial", Biometrika 26(4), 1934:
 * the interval of all probabilities under which what was counted is not too unlikely in either direction. It is never too narrow, and right
 * for no failures at all: 0 of 8 says at most 37 %.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* @k of @n > 0 failed; @confidence in (0, 1), such as 0.95. */
void kml_clopper_pearson (guint64 k, guint64 n, double confidence, double *ret_low,
                          double *ret_high);

G_END_DECLS
