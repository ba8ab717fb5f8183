/* part.h: where the time of simulated code goes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every picosecond of a task's life is in one of these parts, and so is every one of an operation of straight code, of which there
 * are only `run` and what is spent by name (kml_spend_as() in machine.h). The list is the only place: a line more is a part more, in stories, metrics and
 * the database.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

#define KML_PARTS(PART)                                                                            \
  PART (RUN, "run") /* it works */                                                                 \
  KML_PARTS_BUT_RUN (PART)

#define KML_PARTS_BUT_RUN(PART)                                                                    \
  PART (SPLIT, "split")             /* it halves blocks and joins them */                          \
  PART (CPU, "cpu")                 /* it could work, and waits for its CPU */                     \
  PART (INTERRUPTED, "interrupted") /* handlers of interrupts ran in its place */                  \
  PART (LOCK, "lock")               /* it waits for a lock, spinning or asleep */                  \
  PART (IO, "io")                   /* it waits for a device */                                    \
  PART (MEMORY, "memory")           /* it waits for memory that others are to free or to give */   \
  PART (RECLAIM, "reclaim")         /* it looks for memory itself */                               \
  PART (COMPACTION, "compaction")   /* it moves pages so that there is a larger block */           \
  PART (THROTTLE, "throttle")       /* it waits for pages to be written by others */               \
  PART (IPI, "ipi")                 /* it waits for other CPUs to do what it asked of them */      \
  PART (SLEEP, "sleep")             /* it wanted to wait: a time, or for somebody's wake-up */     \
  PART (CACHE, "cache") /* with a cache model: for lines that are not in its first-level cache */

#define KML_PART_ENUMERATOR(id, name) KML_PART_##id,

typedef enum {
  KML_PARTS (KML_PART_ENUMERATOR) KML_N_PARTS
} KmlPart;

#undef KML_PART_ENUMERATOR

/* "run", "split", … */
extern const char *const kml_part_names[KML_N_PARTS + 1];

G_END_DECLS
