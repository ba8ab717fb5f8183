/* frame-set.c: an ordered set of page frames, as a bitmap with summaries.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/memory/frame-set.h"

#define BIT(i) (G_GUINT64_CONSTANT (1) << ((i)&63))

gboolean
kml_frame_set_init (KmlFrameSet *self, guint64 n, GError **error)
{
  guint64 n_words = 0;
  guint n_levels = 0;

  g_assert (n <= G_GUINT64_CONSTANT (1) << 32);

  for (guint64 below = n; n_levels == 0 || below > 1; n_levels++) {
    below = MAX ((below + 63) / 64, 1);
    self->sizes[n_levels] = below;
    n_words += below;
  }
  self->words = g_try_new0 (guint64, n_words);
  if (self->words == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "the host has no memory for an ordered set of %" G_GUINT64_FORMAT " page frames",
                 n);
    return FALSE;
  }
  self->n = n;
  self->n_levels = n_levels;
  self->levels[0] = self->words;
  for (guint level = 1; level < n_levels; level++)
    self->levels[level] = self->levels[level - 1] + self->sizes[level - 1];
  return TRUE;
}

void
kml_frame_set_clear (KmlFrameSet *self)
{
  g_clear_pointer (&self->words, g_free);
  self->n_levels = 0;
}

void
kml_frame_set_remember (KmlFrameSet *self, KmlImage *image)
{
  for (guint level = 0; level < self->n_levels; level++)
    kml_image_add (image, self->levels[level], self->sizes[level] * sizeof *self->words);
}

gboolean
kml_frame_set_contains (const KmlFrameSet *self, guint64 member)
{
  g_assert (member < self->n);

  return (self->levels[0][member / 64] & BIT (member)) != 0;
}

void
kml_frame_set_insert (KmlFrameSet *self, guint64 member)
{
  g_assert (!kml_frame_set_contains (self, member));

  for (guint level = 0; level < self->n_levels; level++, member /= 64) {
    guint64 *word = &self->levels[level][member / 64];
    const gboolean was_empty = *word == 0;

    *word |= BIT (member);
    if (!was_empty)
      return; /* the summaries know already */
  }
}

void
kml_frame_set_remove (KmlFrameSet *self, guint64 member)
{
  g_assert (kml_frame_set_contains (self, member));

  for (guint level = 0; level < self->n_levels; level++, member /= 64) {
    guint64 *word = &self->levels[level][member / 64];

    *word &= ~BIT (member);
    if (*word != 0)
      return;
  }
}

guint64
kml_frame_set_next (const KmlFrameSet *self, guint64 from)
{
  guint level = 0;

  if (from >= self->n)
    return self->n;

  /* Up, until there is a member at or after @from; `from` counts in units of the level. */
  for (;;) {
    const guint64 at = from / 64;
    const guint64 word = self->levels[level][at] & (G_MAXUINT64 << (from & 63));

    if (word != 0) {
      from = at * 64 + (guint64)__builtin_ctzll (word);
      break;
    }
    if (++level == self->n_levels)
      return self->n;
    from = at + 1; /* the words behind this one */
    if (from / 64 >= self->sizes[level])
      return self->n;
  }

  /* Down, to the least member below. */
  while (level-- > 0)
    from = from * 64 + (guint64)__builtin_ctzll (self->levels[level][from]);
  return from;
}
