/* frame-list.h: a list of free runs, linked through the records of their first frames.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * KmlFrame.free holds the links, as struct page's lru does in Linux. A run is on one list at most.
 */

#pragma once

#include "simcore/machine.h"

G_BEGIN_DECLS

typedef struct {
  KmlPfn first, last; /* KML_PFN_NONE: empty */
} KmlFrameList;

static inline void
kml_frame_list_init (KmlFrameList *self)
{
  self->first = self->last = KML_PFN_NONE;
}

/* Puts the run in front of all others, or behind them. */
static inline void
kml_frame_list_insert (KmlFrameList *self, const KmlRam *ram, KmlPfn pfn, gboolean at_front)
{
  KmlFrame *frame = kml_ram_frame (ram, pfn);

  frame->free.prev = at_front ? KML_PFN_NONE : self->last;
  frame->free.next = at_front ? self->first : KML_PFN_NONE;
  if (frame->free.prev != KML_PFN_NONE)
    kml_ram_frame (ram, frame->free.prev)->free.next = pfn;
  else
    self->first = pfn;
  if (frame->free.next != KML_PFN_NONE)
    kml_ram_frame (ram, frame->free.next)->free.prev = pfn;
  else
    self->last = pfn;
}

static inline void
kml_frame_list_remove (KmlFrameList *self, const KmlRam *ram, KmlPfn pfn)
{
  const KmlFrame *frame = kml_ram_frame (ram, pfn);

  if (frame->free.prev != KML_PFN_NONE)
    kml_ram_frame (ram, frame->free.prev)->free.next = frame->free.next;
  else
    self->first = frame->free.next;
  if (frame->free.next != KML_PFN_NONE)
    kml_ram_frame (ram, frame->free.next)->free.prev = frame->free.prev;
  else
    self->last = frame->free.prev;
}

/* With a cache model: the records of the run, which is on a list, and of its neighbours there are written. */
static inline void
kml_frame_list_touch (KmlMachine *machine, const KmlRam *ram, KmlPfn pfn)
{
  const KmlFrame *frame = kml_ram_frame (ram, pfn);

  if (!kml_has_caches (machine))
    return;
  kml_touch_frame (machine, frame, KML_TOUCH_WRITE);
  if (frame->free.prev != KML_PFN_NONE)
    kml_touch_frame (machine, kml_ram_frame (ram, frame->free.prev), KML_TOUCH_WRITE);
  if (frame->free.next != KML_PFN_NONE)
    kml_touch_frame (machine, kml_ram_frame (ram, frame->free.next), KML_TOUCH_WRITE);
}

G_END_DECLS
