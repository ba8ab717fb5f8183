/* dma-private.h: what a device sees of a buffer, for dma.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/devices/dma.h"

G_BEGIN_DECLS

/* How long the segment is that begins with @byte. */
guint64 kml_dma_segment_length (const KmlDma *self, const KmlDmaRequest *request, guint64 byte);

/* PENDING: the device takes it as it is. */
KmlDmaStatus kml_dma_judge (const KmlDma *self, const KmlDmaRequest *request,
                            guint *ret_n_segments);

/* Cache lines that it has bytes in; of two pieces in one line each counts. */
guint64 kml_dma_n_lines (const KmlDmaRequest *request, guint64 page_size);

/* Whether pages, pieces and size fit together. */
gboolean kml_dma_is_well_formed (const KmlDmaRequest *request, guint64 page_size);

G_END_DECLS
