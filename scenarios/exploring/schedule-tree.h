/* schedule-tree.h: the tree of all schedules of a run, walked depth first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

#define KML_ANY_PREEMPTIONS G_MAXUINT64

typedef struct _KmlScheduleTree KmlScheduleTree;

#define KML_TOP_UNKNOWN G_MAXUINT

/* Where a walk stands. */
typedef struct {
  GArray *choices; /* (owned) (element-type guint32) */
  /* (owned): what was tried and is wanted of the candidates of the choices behind the top */
  GByteArray *marks;
  guint top; /* at so many choices everybody is wanted; KML_TOP_UNKNOWN: nothing was walked yet */
} KmlTreePlace;

void kml_tree_place_init (KmlTreePlace *self);
void kml_tree_place_clear (KmlTreePlace *self);
void kml_tree_place_copy (KmlTreePlace *self, const KmlTreePlace *from);

/* @preemptions: only schedules with so many are walked. */
KmlScheduleTree *kml_schedule_tree_new (guint64 preemptions);
void kml_schedule_tree_free (KmlScheduleTree *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlScheduleTree, kml_schedule_tree_free)

/* Begins at the first schedule that starts at @place, and ends when one of its first @n_fixed choices would have to
 * change. A place that cannot be is seen when it is come to: see KML_TREE_ASTRAY. */
void kml_schedule_tree_start_at (KmlScheduleTree *self, const KmlTreePlace *place, guint n_fixed);

/* Schedules are followed to this depth only: the walk is over their beginnings. Between two schedules it may change. */
void kml_schedule_tree_limit_depth (KmlScheduleTree *self, guint depth);

/* Before each schedule. */
void kml_schedule_tree_begin (KmlScheduleTree *self);

/* KmlChooseFunc: @data is a KmlScheduleTree. */
guint kml_schedule_tree_choose (const KmlCandidate *candidates, guint n, gpointer data);

/* To the next schedule. FALSE: that was the last. */
gboolean kml_schedule_tree_next (KmlScheduleTree *self);

/* Of the latest schedule */
typedef enum {
  KML_TREE_TO_THE_END,
  KML_TREE_BLOCKED,  /* it leads to nothing new, and was left */
  KML_TREE_TOO_LONG, /* it was cut */
  KML_TREE_LIMITED,  /* it was followed to the limit of depth */
  KML_TREE_ASTRAY,   /* the path that was to be begun at is none */
} KmlTreeEnd;

KmlTreeEnd kml_schedule_tree_end (const KmlScheduleTree *self);
guint kml_schedule_tree_n_choices (const KmlScheduleTree *self);
void kml_schedule_tree_get_choices (const KmlScheduleTree *self, GArray *choices);

/* After kml_schedule_tree_next(): the beginning of the next schedule. */
void kml_schedule_tree_get_place (const KmlScheduleTree *self, KmlTreePlace *place);

/* Of the latest schedule: how often another CPU went on than the one before. */
guint kml_schedule_tree_n_switches (const KmlScheduleTree *self);

/* Answers not tried because of what others show; whether any was not tried because of the bounds. */
guint64 kml_schedule_tree_n_pruned (const KmlScheduleTree *self);
gboolean kml_schedule_tree_is_cut (const KmlScheduleTree *self);

G_END_DECLS
