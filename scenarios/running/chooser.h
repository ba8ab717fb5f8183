/* chooser.h: who comes next, by chance.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/tasks/inject.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef enum {
  KML_CHOOSER_RANDOM, /* any candidate, with equal probability */
  KML_CHOOSER_PCT,    /* the candidate of the highest priority; see chooser.c */
  KML_CHOOSER_CLOCK,  /* the earliest one, and all goes well */
} KmlChooserKind;

#define KML_MAX_DEPTH    16                 /* of PCT */
#define KML_N_PRIORITIES (2 * KML_MAX_CPUS) /* who is further on shares one with another */

typedef struct {
  KmlChooserKind kind;
  guint depth;   /* PCT: d, 1 .. KML_MAX_DEPTH */
  guint64 steps; /* PCT: k: choices that a schedule has */
  guint64 share; /* of what may go wrong, how much does, in units of 10^-9 (inject.h) */
  KmlRng rng;
  guint64 at;                           /* choices made in this schedule */
  guint32 priorities[KML_N_PRIORITIES]; /* of who; 0: not drawn yet */
  guint64 change_points[KML_MAX_DEPTH]; /* d - 1 of them, in no order */
} KmlChooser;

/* The @index-th schedule of those that belong to @seed: each has a stream of its own, so that any of them can be had without
 * the ones before. */
void kml_chooser_begin (KmlChooser *self, guint64 seed, guint64 index);

/* KmlChooseFunc: @data is a KmlChooser. */
guint kml_chooser_choose (const KmlCandidate *candidates, guint n, gpointer data);

G_END_DECLS
