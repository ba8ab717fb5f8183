/* start-state.h: which memory of a running kernel was free, for a run that begins there.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * start-state.c says what files there are; start-counts.c places blocks of which only the numbers are known; run-start.c makes a
 * machine's page allocator look like it.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

#define KML_START_PAGEBLOCK_ORDER 9 /* as Linux on x86-64 */

typedef struct {
  guint32 n_frames; /* of the machine */
  guint8 *is_free;  /* (owned) (array length=n_frames) */
  /* (owned) (nullable) (array length=n_frames): in use; NULL: what is free was placed at random */
  guint8 *is_old;
  /* (owned): KmlMobility of each pageblock, the last of which may be a part of one */
  guint8 *mobilities;
} KmlStartState;

static inline guint32
kml_start_state_n_pageblocks (const KmlStartState *self)
{
  return (self->n_frames >> KML_START_PAGEBLOCK_ORDER) + 1;
}

/* Reads the file at @path, called @shown, for a machine of @n_frames. What is left to chance is drawn from a stream of @seed. */
gboolean kml_start_state_load (KmlStartState *self, const char *path, const char *shown,
                               guint32 n_frames, guint64 page_size, guint64 seed, GError **error);
void kml_start_state_clear (KmlStartState *self);

/* ---- start-counts.c ---- */

/* From the text of /proc/buddyinfo or /proc/pagetypeinfo. */
gboolean kml_start_state_place (KmlStartState *self, const char *text, guint64 seed,
                                GError **error);

G_END_DECLS
