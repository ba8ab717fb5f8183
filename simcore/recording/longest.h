/* longest.h: the longest operation of each kind and context, and why it took so long.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A bound is believed when it is explained: whose operation it was, where its time went, part by part to the picosecond, and what it was in the
 * middle of when most of that went. One record for each operation and context, written only when there is a new maximum; of an
 * operation under way there is its cause, which each wait looks at.
 *
 * Invariant, asserted:
 *   L1  the parts of an operation add up to its latency
 */

#pragma once

#include "simcore/tasks/cause.h"
#include "simcore/request.h"

G_BEGIN_DECLS

typedef struct {
  KmlTime latency; /* 0: there was none that took time */
  KmlTime start;
  KmlTime parts[KML_N_PARTS];
  guint64 size; /* bytes: asked for */
  KmlGfp gfp;   /* of an alloc */
  guint16 cpu;
  guint8 level;     /* KML_LEVEL_PAGES or KML_LEVEL_OBJECTS */
  const char *task; /* (nullable): NULL: of straight code */
  const char *step; /* (nullable): of a program: the step, as it is written */
  guint workload;   /* 1 + index of the one whose operation it was; 0: of none */
  guint32 site;     /* of that workload */
  /* (owned) (nullable): after the run: the call site, where the workload knows it */
  char *site_text;
  KmlCause cause;
} KmlLongest;

/* Its latency, all other parts given: what none of them has is work. */
void kml_longest_close (KmlLongest *self);

/* L1 */
void kml_longest_check (const KmlLongest *self);

G_END_DECLS
