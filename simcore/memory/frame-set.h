/* frame-set.h: an ordered set of page frames.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A bitmap with a summary above it, and a summary of that, until one word is
 * left: bit i of a level says whether word i of the level below has any bit. To
 * insert, remove or find the next member looks at one word a level, and 2^32
 * members need six. Memory is n / 8 bytes and 1/63 of it, given by the host as
 * it is touched.
 *
 *     level 1                0 0 1 1              words 2 and 3 of level 0 are not 0
 *     level 0   ..0  ..0  .1.  1..
 */

#pragma once

#include "simcore/base/image.h"

G_BEGIN_DECLS

#define KML_FRAME_SET_LEVELS 6 /* 64^6 >= 2^32 */

typedef struct {
  guint64 *words; /* (owned): of all levels */
  guint64 *levels[KML_FRAME_SET_LEVELS];
  guint64 sizes[KML_FRAME_SET_LEVELS]; /* words of each level */
  guint n_levels;
  guint64 n; /* members are below n */
} KmlFrameSet;

/* An empty set of room for members [0, @n). Errors are WORLD. */
gboolean kml_frame_set_init (KmlFrameSet *self, guint64 n, GError **error);
void kml_frame_set_clear (KmlFrameSet *self);

/* What changes in it, but for the struct: all of its memory. */
void kml_frame_set_remember (KmlFrameSet *self, KmlImage *image);

gboolean kml_frame_set_contains (const KmlFrameSet *self, guint64 member);
void kml_frame_set_insert (KmlFrameSet *self, guint64 member);
void kml_frame_set_remove (KmlFrameSet *self, guint64 member);

/* The least member that is not below @from, or n: there is none. */
guint64 kml_frame_set_next (const KmlFrameSet *self, guint64 from);

G_END_DECLS
