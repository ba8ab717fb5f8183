/* trace-lists.h: page frames that lay on a CPU's list when a recording began.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kernel keeps free pages for each CPU, which are neither free blocks nor anybody's. What it shows of its memory
 * (kpageflags, buddyinfo) does not tell them from pages in use; a recording does, later:
 *
 *     a frame's first event                        where it was when the recording began
 *     mm_page_free                                 in use
 *     mm_page_alloc_zone_locked                    in a free block, of which it is taken now, for somebody or for a list
 *     mm_page_alloc, mm_page_pcpu_drain            on a list: it is given out, or put back, and nobody has freed it nor taken it out of a free block
 *
 * That holds only where the second is recorded at all. So what seems to come from lists waits until there is one. Of recordings that have lost events
 * nothing is said any more: that first event may be among those.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef struct {
  guint64 pfn;
  guint8 order;
} KmlTraceListed;

typedef struct {
  guint64 *seen; /* (owned): a bit for each frame that has had an event */
  gsize n_words;
  gboolean has_takes;
  GArray *waiting; /* (owned) (element-type KmlTraceListed) */
} KmlTraceLists;

void kml_trace_lists_init (KmlTraceLists *self);
void kml_trace_lists_finish (KmlTraceLists *self);

/* The block has an event. Whether it is the first of one of its frames. */
gboolean kml_trace_lists_see (KmlTraceLists *self, guint64 pfn, guint order);

/* It came from a list, if takes are recorded. */
void kml_trace_lists_wait (KmlTraceLists *self, guint64 pfn, guint order);

G_END_DECLS
