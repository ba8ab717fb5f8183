/* old-frames.h: the page frames that were in use when a run began, by nobody who is in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run that begins with a kernel's memory (`[memory] start`) has frames that somebody took before. Whoever that was, a
 * recording may show that they are given back (KML_OP_FREE_OLD), by the numbers that they have in the kernel. Each is a
 * block of its own to the page allocator. What is given back once is old no more: whoever gets the frame next has a name for it.
 *
 *   frame by frame   (kpageflags) the numbers here are the kernel's, and what is given back is the frame with that number, or nothing
 *   stand-ins        (pagetypeinfo, buddyinfo) only how many were in use is known, and which are here is left to chance. So for each
 *                    number one frame is given back, the next old one from there on, and around: as many as the kernel gave back, close to each
 *                    other as those were. No number counts twice
 *
 * A kernel keeps free pages on lists of its CPUs, which nobody can tell from pages in use before the recording shows that they are given out. These are given back
 * just before: so they come to lie on the list of the CPU that had them, where there are such lists.
 *
 * Where a kernel moves pages together, a recording shows that their old frames are given back, and not where they are now. So a frame is taken for each
 * (KML_OLD_MOVE, KML_OLD_MOVED), and given back in its place when one is freed that nobody is known to have had: that is where the kernel's page was, or another one's.
 *
 * A recording can say anything: frames that were free all along, that were given back before, or that the machine has not. These are
 * counted, and nothing else happens. By stand-ins the first kind cannot be told.
 */

#pragma once

#include "simcore/allocator.h"

G_BEGIN_DECLS

typedef struct {
  guint64 *words; /* (owned): a bit for each frame, the lowest first */
  /* (owned) (nullable): likewise, the numbers for which a stand-in was given back; NULL: frame by frame */
  guint64 *meant;
  guint64 *moved; /* (owned): likewise, those that are taken for pages that the kernel has moved */
  guint32 n_frames;
  guint64 n_at_first;   /* frames that were old in the beginning */
  guint64 n_given_back; /* of those */
  guint64 n_listed;     /* … that nobody gave back, but were given out: on lists of free pages */
  guint64 n_moved;      /* pages in use that were moved … */
  guint64 n_moved_back; /* … and of those given back */
  guint64 n_unknown;    /* frames that were to be given back and were none of those, or no longer */
} KmlOldFrames;

/* None of @n_frames is old. */
KmlOldFrames *kml_old_frames_new (guint32 n_frames, gboolean by_stand_ins);
void kml_old_frames_free (KmlOldFrames *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlOldFrames, kml_old_frames_free)

void kml_old_frames_add (KmlOldFrames *self, KmlPfn pfn);

/* The old frame that is meant by the first of the numbers in [*pfn, end) that means one; it is old no more, and *pfn is the number
 * behind that. FALSE: there is none. */
gboolean kml_old_frames_take (KmlOldFrames *self, guint64 *pfn, guint64 end, KmlPfn *ret_frame);

/* The frames that an operation names, and how many have been given back so far. */
typedef struct {
  guint64 number, end;
  guint64 n_old, n_moved;
} KmlOldCursor;

/* The next frame that is to be given back for @op: each of its frames that is old, or, where its only one is not, one that was moved. FALSE: that
 * was all, and is counted. */
gboolean kml_old_frames_next (KmlOldFrames *self, const KmlOp *op, KmlOldCursor *cursor,
                              KmlPfn *ret_frame);

/* KML_OLD_MOVE, KML_OLD_MOVED: takes a frame of @pages for a page that has moved. */
void kml_old_frames_move (KmlOldFrames *self, KmlAllocator *pages, const KmlOp *op);

G_END_DECLS
