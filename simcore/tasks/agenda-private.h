/* agenda-private.h: how an agenda is built: for agenda.c, whose head explains it, and its check.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/tasks/agenda-bottom.h"

G_BEGIN_DECLS

/* A rung of so many events has between one and two buckets for each, of fewer half as many. Measured
 * in the hold model: two are faster by 1.25 with 64k pending, slower by 1.05 with 64. */
#define MANY_EVENTS 256

#define NONE      G_MAXUINT32
#define NO_BUCKET G_MAXSIZE

typedef struct {
  KmlTime time;
  guint64 what;
  guint32 next;
} Node;

/* A list in order of arrival: the tail, whose next is the head. NONE: empty. */
typedef guint32 Ring;

/* A chain is a list that has left its ring: from the head, the last one's next is NONE. */
typedef guint32 Chain;

typedef struct {
  KmlTime start;        /* of the first bucket */
  KmlTime end;          /* see agenda.c, 2 */
  guint shift;          /* a bucket is 2^shift wide */
  gsize first_bucket;   /* index in the agenda's buckets, a multiple of 64 */
  gsize current_bucket; /* likewise; those before it are empty and take no more */
} Rung;

struct _KmlAgenda {
  KmlTime now;        /* the time of the event taken last */
  KmlTime bottom_end; /* the bottom accepts what is before */
  KmlTime top_start; /* the top accepts what is not before: the end of rung 0, or 0 without rungs */
  guint64 n_outside; /* events in the rungs and the top */

  Ring top;
  guint64 n_top;
  KmlTime top_min; /* of the events in the top, when there are any */
  KmlTime top_max;

  Rung *rungs; /* (array length=n_rungs) (owned): a stack; their ends never increase */
  guint n_rungs;
  guint rungs_size;

  /* The buckets of all rungs, in the rungs' order. A rung is a whole number of words of @occupied, in
   * which a bit says that there is something in a bucket; what an empty bucket holds is undefined. */
  Ring *buckets;     /* (array length=n_buckets) (owned) */
  guint64 *occupied; /* (array length=n_buckets/64) (owned) */
  gsize n_buckets;
  gsize buckets_size;

  Node *nodes; /* (array length=n_nodes) (owned): every event outside the bottom is in one */
  guint32 n_nodes;
  Chain free_nodes;

  Bottom bottom;
};

/* The index of the bucket of @time, which is not before the start of @rung. */
static inline gsize
rung_bucket (const Rung *rung, KmlTime time)
{
  return rung->first_bucket + (gsize)((time - rung->start) >> rung->shift);
}

G_END_DECLS
