/* cost.h: what things take on the simulated machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A cost profile is a data file (scenarios/profiles/) that gives a time to each
 * item below; simulated code names the items it uses and never a number:
 *
 *   kml_spend (machine, KML_COST_INSTRUCTION, 12);
 *
 * Without the cache model a reference to memory costs what its kind says: hot
 * data (list heads, the CPU's own state) hits the first level, warm data (a frame's record, a
 * slab's header) the second, cold data (an object not touched since it was freed) memory.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef enum {
  KML_COST_INSTRUCTION, /* one instruction of a straight path */
  KML_COST_BRANCH_MISS, /* a branch that no predictor gets right */
  KML_COST_HOT,         /* a reference that hits the first-level cache */
  KML_COST_WARM,        /* ... the second-level cache */
  KML_COST_COLD,        /* ... the last-level cache or memory */
  KML_COST_ATOMIC,      /* an atomic read-modify-write of a line that this CPU owns */
  KML_COST_LOCK,        /* taking and releasing a lock that nobody else wants */
  KML_COST_ZERO_PAGE,   /* clearing one page frame (__GFP_ZERO) */
  KML_COST_HANDOVER,    /* a contended lock goes to the next: its line moves to another CPU */
  KML_COST_BYSTANDER,   /* ... and is asked for by each of the others that wait, too */
  KML_COST_SWITCH,      /* from one task to another */
  KML_COST_INTERRUPT,   /* entering and leaving a handler */
  KML_COST_WAKE,        /* making another task ready */
  KML_COST_IPI,         /* from asking another CPU for something to its taking notice */
  KML_N_COSTS,
} KmlCost;

typedef struct {
  const char *key; /* in the profile's [costs] group */
  const char *summary;
} KmlCostItem;

extern const KmlCostItem kml_cost_items[KML_N_COSTS];

G_END_DECLS
