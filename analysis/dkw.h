/* dkw.h: how far the distribution of a sample may be from the true one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* With @confidence in (0, 1) the shares of @n > 0 independent draws that are at most x differ for no x by more than this from the probabilities. At
 * most 1. */
double kml_dkw_band (guint64 n, double confidence);

/* The draws that it takes for such a band of @band in (0, 1). */
guint64 kml_dkw_draws (double band, double confidence);

G_END_DECLS
