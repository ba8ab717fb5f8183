/* fixed-point.h: logarithms and normal numbers that are the same bits everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What libm gives for log() and exp() differs in the last bit between C libraries,
 * and the last bit of a draw can change a run. These functions use integers only.
 * “Q58” is an integer that means itself divided by 2^58.
 */

#pragma once

#include "simcore/base/rng.h"

G_BEGIN_DECLS

#define KML_FIXED_LOG2E G_GUINT64_CONSTANT (0x5c551d94ae0bf85e) /* log2 e = 1.4427 in Q62 */

/* -ln (@u / 2^64) in Q58, where 0 stands for 2^64; at most 44.4. Error below 2^-54. Of a
 * uniform @u: an exponential draw with mean 1. Of integers: ln m - ln n is the difference for
 * n and m. */
guint64 kml_fixed_minus_ln (guint64 u);

/* log2 (@x / @y) in Q50, for @x >= @y > 0. Error below 2^-48. */
guint64 kml_fixed_log2_ratio (guint64 x, guint64 y);

/* @base * 2^@exponent, @exponent in Q50 and of either sign; rounded down, G_MAXUINT64 when it
 * is larger. Relative error below 2^-50. */
guint64 kml_fixed_scale (guint64 base, gint64 exponent);

/* The integer part of the square root. */
guint64 kml_fixed_square_root (unsigned __int128 n);

/* A standard normal draw in Q57; between -9.5 and 9.5. */
gint64 kml_fixed_normal (KmlRng *rng);

G_END_DECLS
