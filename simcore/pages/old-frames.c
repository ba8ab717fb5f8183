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

/* The first old frame in [pfn, end), which is none any more. A word at a time: a recording can ask for a million frames in a few bytes. */
static gboolean
take_first (KmlOldFrames *self, guint64 pfn, guint64 end, KmlPfn *ret_frame)
{
  for (guint64 at = pfn; at < end; at = (at / BITS + 1) * BITS) {
    const guint64 rest = self->words[at / BITS] >> at % BITS;

    if (rest == 0)
      continue;
    at += (guint)__builtin_ctzll (rest);
    if (at >= end)
      return FALSE;
    self->words[at / BITS] &= ~bit_of (at);
    *ret_frame = (KmlPfn)at;
    return TRUE;
  }
  return FALSE;
}

gboolean
kml_old_frames_take (KmlOldFrames *self, guint64 *pfn, guint64 end, KmlPfn *ret_frame)
{
  const guint64 last = MIN (end, self->n_frames);

  if (self->meant == NULL) {
    if (!take_first (self, *pfn, last, ret_frame))
      return FALSE;
    *pfn = (guint64)*ret_frame + 1;
    return TRUE;
  }
  while (*pfn < last) {
    const guint64 number = (*pfn)++;

    if (self->meant[number / BITS] & bit_of (number))
      continue;
    self->meant[number / BITS] |= bit_of (number);
    return take_first (self, number, self->n_frames, ret_frame) ||
           take_first (self, 0, number, ret_frame);
  }
  return FALSE;
}
