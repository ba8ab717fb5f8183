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
 * A recording can say anything: frames that were free all along, that were given back before, or that the machine has not. These are
 * counted, and nothing else happens. By stand-ins the first kind cannot be told.
 */

#pragma once

#include "simcore/op.h"

G_BEGIN_DECLS

typedef struct {
  guint64 *words; /* (owned): a bit for each frame, the lowest first */
  guint64 *
      meant; /* (owned) (nullable): likewise, the numbers for which a stand-in was given back; NULL: frame by frame */
  guint32 n_frames;
  guint64 n_at_first;   /* frames that were old in the beginning */
  guint64 n_given_back; /* of those */
  guint64 n_listed;     /* … that nobody gave back, but were given out: on lists of free pages */
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

/* Of @op's frames @n_taken were old. */
static inline void
kml_old_frames_count (KmlOldFrames *self, const KmlOp *op, guint64 n, guint64 n_taken)
{
  if (op->is_inferred) {
    self->n_listed += n_taken;
    return;
  }
  self->n_given_back += n_taken;
  self->n_unknown += n - n_taken;
}

G_END_DECLS
