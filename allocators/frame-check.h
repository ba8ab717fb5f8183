/* frame-check.h: the check of a block's page frames.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linux looks at the record of each page frame that it gives out or gets back, whether its flags and counts are those of a free one (check_new_pages(),
 * free_pages_prepare()): a few instructions and one warm record a frame. It does so without the zone's lock, as the block is nobody else's then; so whoever takes
 * one around calls of the allocator spends that time himself, outside of it (KmlAllocator.frame_check, simcore/pages/locked.h).
 */

#pragma once

#include "simcore/allocator.h"

G_BEGIN_DECLS

/* An estimate from reading the code, not measured on a kernel. */
#define KML_FRAME_INSTRUCTIONS 4

/* By a page allocator's init. With a cache model the records cost what their lines do, when they are touched. */
static inline void
kml_frame_check_init (KmlAllocator *pages)
{
  const KmlTime *cost = pages->machine->cost;

  pages->frame_check = KML_FRAME_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] +
                       (kml_has_caches (pages->machine) ? 0 : cost[KML_COST_WARM]);
}

static inline void
kml_frame_check (KmlAllocator *pages, guint64 n_frames)
{
  pages->n_checked = n_frames;
  pages->machine->now += pages->frame_check * n_frames;
}

G_END_DECLS
