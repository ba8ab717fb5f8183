/* op.h: one step of a workload, ready to be executed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/request.h"

G_BEGIN_DECLS

typedef enum {
  KML_OP_ALLOC, /* ask for request.size bytes and call the block `block` */
  KML_OP_FREE,  /* give `block` back; of the request only cpu, context and site count */
  KML_OP_SPLIT, /* pages: halve `block`; the upper half is called `other` from now on */
  KML_OP_FREE_OLD, /* pages without a name: give back what was in use before the run began (old-frames.h) of the
                    * frames from number `other` on, as many as request.size says */
} KmlOpKind;

/* What a recording says of frames that were in use before it began. */
typedef enum {
  KML_OLD_GIVE_BACK, /* they are given back */
  KML_OLD_LISTED, /* nobody has given them back, and they are given out: they lay on a list of free pages */
  KML_OLD_MOVED, /* they are given back by the kernel's compaction: if it was in use, the page has moved, and stays in use without a name */
  KML_OLD_MOVE, /* a page with a name has moved, which is given back next: likewise; there are no frames */
} KmlOldKind;

/* Blocks have names, not addresses, so one stream of operations can be run by every allocator. Names are small
 * integers; a name is free to be used again after KML_OP_FREE, so the table of live blocks stays dense. */
typedef struct {
  KmlRequest request; /* first: whoever has the operation's address has the request's */
  KmlTime time;       /* not before; 0: as soon as the workload's last operation is done */
  guint32 block;
  guint32 other; /* … or a page frame number */
  guint8 kind;   /* KmlOpKind */
  guint8 level;  /* KML_LEVEL_PAGES or KML_LEVEL_OBJECTS: which allocator is asked */
  guint8 old;    /* KmlOldKind, of KML_OP_FREE_OLD alone */
} KmlOp;

G_END_DECLS
