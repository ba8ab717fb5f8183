/* frame-list.h: a list of runs of frames, linked through the records of their first frames.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * KmlFrame.link holds the links, as struct page's lru does in Linux, whether the run is free or a slab. It is on one list at most.
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

  frame->link.prev = at_front ? KML_PFN_NONE : self->last;
  frame->link.next = at_front ? self->first : KML_PFN_NONE;
  if (frame->link.prev != KML_PFN_NONE)
    kml_ram_frame (ram, frame->link.prev)->link.next = pfn;
  else
    self->first = pfn;
  if (frame->link.next != KML_PFN_NONE)
    kml_ram_frame (ram, frame->link.next)->link.prev = pfn;
  else
    self->last = pfn;
}

static inline void
kml_frame_list_remove (KmlFrameList *self, const KmlRam *ram, KmlPfn pfn)
{
  const KmlFrame *frame = kml_ram_frame (ram, pfn);

  if (frame->link.prev != KML_PFN_NONE)
    kml_ram_frame (ram, frame->link.prev)->link.next = frame->link.next;
  else
    self->first = frame->link.next;
  if (frame->link.next != KML_PFN_NONE)
    kml_ram_frame (ram, frame->link.next)->link.prev = frame->link.prev;
  else
    self->last = frame->link.prev;
}

/* With a cache model: the records of the run, which is on a list, and of its neighbours there are written. */
static inline void
kml_frame_list_touch (KmlMachine *machine, const KmlRam *ram, KmlPfn pfn)
{
  const KmlFrame *frame = kml_ram_frame (ram, pfn);

  if (!kml_has_caches (machine))
    return;
  kml_touch_frame (machine, frame, KML_TOUCH_WRITE);
  if (frame->link.prev != KML_PFN_NONE)
    kml_touch_frame (machine, kml_ram_frame (ram, frame->link.prev), KML_TOUCH_WRITE);
  if (frame->link.next != KML_PFN_NONE)
    kml_touch_frame (machine, kml_ram_frame (ram, frame->link.next), KML_TOUCH_WRITE);
}

G_END_DECLS
