/* agenda-private.h: how an agenda is built: for agenda.c, whose head explains it, and its check.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/agenda.h"

G_BEGIN_DECLS

/* The bottom is refilled with at most BOTTOM_REFILL events and holds at most BOTTOM_MAX. Measured
 * in the hold model: 48 and 64 are slower by 1.2 with 64 pending (by 4 with increments of two
 * scales), 8 and 48 by 1.1 with 1k and by 1.2 with 64k; 16 and 48 make no difference. */
#define BOTTOM_REFILL 32
#define BOTTOM_MAX    48

/* Room for the bottom to wander to the right before it is moved back: 80 insertions. Slot 0 stays
 * the earliest time there is, so that insertion needs no test for the left border: what is left of
 * the head is slot 0 or has been taken, and so is not later than anything that may be scheduled. */
#define BOTTOM_SIZE 128

#define NONE G_MAXUINT32

typedef struct {
  KmlEvent event;
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
  gsize first_bucket;   /* index in the agenda's buckets */
  gsize current_bucket; /* likewise; those before it are empty and take no more */
  guint64 n_events;
} Rung;

struct _KmlAgenda {
  KmlTime now;        /* the time of the event taken last */
  KmlTime bottom_end; /* the bottom accepts what is before */
  KmlTime top_start; /* the top accepts what is not before: the end of rung 0, or 0 without rungs */
  guint head;        /* bottom[head] is the next event … */
  guint tail;        /* … and bottom[tail - 1] the last of the bottom */
  guint64 length;    /* events in all parts */

  Ring top;
  guint64 n_top;
  KmlTime top_min; /* of the events in the top, when there are any */
  KmlTime top_max;

  Rung *rungs; /* (array length=n_rungs) (owned): a stack; their ends never increase */
  guint n_rungs;
  guint rungs_size;

  Ring *buckets; /* (array length=n_buckets) (owned): those of all rungs, in the rungs' order */
  gsize n_buckets;
  gsize buckets_size;

  Node *nodes; /* (array length=n_nodes) (owned): every event outside the bottom is in one */
  guint32 n_nodes;
  Chain free_nodes;

  /* Two arrays: two stores of 8 bytes that are soon loaded again as one of 16 stall the CPU. An
   * array of KmlEvent is up to 1.5 times slower with 4 pending. */
  KmlTime bottom_times[BOTTOM_SIZE];
  guint64 bottom_whats[BOTTOM_SIZE];
};

/* The index of the bucket of @time, which is not before the start of @rung. */
static inline gsize
rung_bucket (const Rung *rung, KmlTime time)
{
  return rung->first_bucket + (gsize)((time - rung->start) >> rung->shift);
}

G_END_DECLS
