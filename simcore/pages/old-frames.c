/* old-frames.c: the page frames that were in use when a run began, by nobody who is in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/pages/old-frames.h"

#define BITS 64

KmlOldFrames *
kml_old_frames_new (guint32 n_frames)
{
  KmlOldFrames *self = g_new0 (KmlOldFrames, 1);

  self->n_frames = n_frames;
  self->words = g_new0 (guint64, n_frames / BITS + 1);
  return self;
}

void
kml_old_frames_free (KmlOldFrames *self)
{
  if (self == NULL)
    return;
  g_free (self->words);
  g_free (self);
}

void
kml_old_frames_add (KmlOldFrames *self, KmlPfn pfn)
{
  const guint64 bit = G_GUINT64_CONSTANT (1) << pfn % BITS;

  g_assert (pfn < self->n_frames);
  g_assert (!(self->words[pfn / BITS] & bit));

  self->words[pfn / BITS] |= bit;
  self->n_at_first++;
}

/* A word at a time: a recording can ask for a million frames in a few bytes. */
gboolean
kml_old_frames_take (KmlOldFrames *self, guint64 *pfn, guint64 end)
{
  const guint64 last = MIN (end, self->n_frames);

  for (guint64 at = *pfn; at < last; at = (at / BITS + 1) * BITS) {
    guint64 *word = &self->words[at / BITS];
    const guint64 rest = *word >> at % BITS;

    if (rest == 0)
      continue;
    at += (guint)__builtin_ctzll (rest);
    if (at >= last)
      return FALSE;
    *word &= ~(G_GUINT64_CONSTANT (1) << at % BITS);
    *pfn = at;
    return TRUE;
  }
  return FALSE;
}
