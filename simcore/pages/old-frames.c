/* old-frames.c: the page frames that were in use when a run began, by nobody who is in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/pages/old-frames.h"

#define BITS 64

KmlOldFrames *
kml_old_frames_new (guint32 n_frames, gboolean by_stand_ins)
{
  KmlOldFrames *self = g_new0 (KmlOldFrames, 1);

  self->n_frames = n_frames;
  self->words = g_new0 (guint64, n_frames / BITS + 1);
  self->moved = g_new0 (guint64, n_frames / BITS + 1);
  if (by_stand_ins)
    self->meant = g_new0 (guint64, n_frames / BITS + 1);
  return self;
}

void
kml_old_frames_free (KmlOldFrames *self)
{
  if (self == NULL)
    return;
  g_free (self->words);
  g_free (self->meant);
  g_free (self->moved);
  g_free (self);
}

static inline guint64
bit_of (guint64 pfn)
{
  return G_GUINT64_CONSTANT (1) << pfn % BITS;
}

void
kml_old_frames_add (KmlOldFrames *self, KmlPfn pfn)
{
  g_assert (pfn < self->n_frames);
  g_assert (!(self->words[pfn / BITS] & bit_of (pfn)));

  self->words[pfn / BITS] |= bit_of (pfn);
  self->n_at_first++;
}

/* The first frame of a set in [pfn, end), which is in it no more. A word at a time: a recording can ask for a million frames in a few bytes. */
static gboolean
take_first (guint64 *words, guint64 pfn, guint64 end, KmlPfn *ret_frame)
{
  for (guint64 at = pfn; at < end; at = (at / BITS + 1) * BITS) {
    const guint64 rest = words[at / BITS] >> at % BITS;

    if (rest == 0)
      continue;
    at += (guint)__builtin_ctzll (rest);
    if (at >= end)
      return FALSE;
    words[at / BITS] &= ~bit_of (at);
    *ret_frame = (KmlPfn)at;
    return TRUE;
  }
  return FALSE;
}

/* The next one from @number on, and around. */
static gboolean
take_near (const KmlOldFrames *self, guint64 *words, guint64 number, KmlPfn *ret_frame)
{
  return take_first (words, number, self->n_frames, ret_frame) ||
         take_first (words, 0, MIN (number, self->n_frames), ret_frame);
}

gboolean
kml_old_frames_take (KmlOldFrames *self, guint64 *pfn, guint64 end, KmlPfn *ret_frame)
{
  const guint64 last = MIN (end, self->n_frames);

  if (self->meant == NULL) {
    if (!take_first (self->words, *pfn, last, ret_frame))
      return FALSE;
    *pfn = (guint64)*ret_frame + 1;
    return TRUE;
  }
  while (*pfn < last) {
    const guint64 number = (*pfn)++;

    if (self->meant[number / BITS] & bit_of (number))
      continue;
    self->meant[number / BITS] |= bit_of (number);
    return take_near (self, self->words, number, ret_frame);
  }
  return FALSE;
}

/* In place of what @op names. */
static gboolean
take_moved (KmlOldFrames *self, const KmlOp *op, const KmlOldCursor *cursor, KmlPfn *ret_frame)
{
  return op->old == KML_OLD_GIVE_BACK && cursor->end - op->other == 1 && cursor->n_old == 0 &&
         cursor->n_moved == 0 && self->n_moved_back < self->n_moved &&
         take_near (self, self->moved, op->other, ret_frame);
}

static void
count (KmlOldFrames *self, const KmlOp *op, const KmlOldCursor *cursor)
{
  if (op->old == KML_OLD_LISTED) {
    self->n_listed += cursor->n_old;
    return;
  }
  self->n_given_back += cursor->n_old;
  self->n_moved_back += cursor->n_moved;
  self->n_unknown += cursor->end - op->other - cursor->n_old - cursor->n_moved;
}

gboolean
kml_old_frames_next (KmlOldFrames *self, const KmlOp *op, KmlOldCursor *cursor, KmlPfn *ret_frame)
{
  if (kml_old_frames_take (self, &cursor->number, cursor->end, ret_frame)) {
    cursor->n_old++;
    return TRUE;
  }
  if (take_moved (self, op, cursor, ret_frame)) {
    cursor->n_moved++;
    return TRUE;
  }
  count (self, op, cursor);
  return FALSE;
}

static gboolean
is_in_use (const KmlOldFrames *self, KmlPfn pfn)
{
  const guint64 *words = self->meant != NULL ? self->meant : self->words;

  return pfn < self->n_frames && ((words[pfn / BITS] & bit_of (pfn)) != 0) == (self->meant == NULL);
}

void
kml_old_frames_move (KmlOldFrames *self, KmlAllocator *pages, const KmlOp *op)
{
  KmlRequest request = op->request;
  guint64 held;
  KmlAddr addr;
  KmlPfn pfn;

  if (op->old == KML_OLD_MOVED && !is_in_use (self, op->other))
    return;                                        /* a free frame that compaction did not need */
  request.gfp = KML_GFP_MEMALLOC | KML_GFP_NOWARN; /* the kernel has had the memory */
  request.mobility = KML_MOBILITY_MOVABLE;
  addr = kml_allocator_alloc (pages, &request, &held);
  if (addr == KML_ADDR_NONE)
    return;
  pfn = kml_ram_pfn (&pages->ram, addr);
  if (held != request.size || pfn >= self->n_frames) {
    kml_allocator_free_block (pages, addr, &request);
    return;
  }
  self->moved[pfn / BITS] |= bit_of (pfn);
  self->n_moved++;
}
