/* buddy-costs.h: what the operations of the binary buddy system take.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Section 7 of buddy.c.
 */

#pragma once

#include "allocators/buddy.h"
#include "allocators/frame-check.h"

G_BEGIN_DECLS

/* Estimates from reading the paths of buddy.c without what only a simulation does (counting the free
 * area, spending, constraints): to find and unlink a block, to link one, and per split or merge. They are not measured on a kernel. */
#define ALLOC_INSTRUCTIONS 60
#define FREE_INSTRUCTIONS  45
#define STEP_INSTRUCTIONS  25

/* Records looked at besides the frames': the neighbour in the list (alloc), the old head
 * (free), and per split or merge the other half and its neighbour. */
#define STEP_RECORDS 2

static inline void
init_costs (Buddy *self)
{
  const KmlTime *cost = self->base.machine->cost;
  /* the lock; the list's head and the count of its blocks; the block */
  const KmlTime path_cost = cost[KML_COST_LOCK] + 2 * cost[KML_COST_HOT] + cost[KML_COST_WARM];

  self->alloc_cost = path_cost + ALLOC_INSTRUCTIONS * cost[KML_COST_INSTRUCTION];
  self->free_cost = path_cost + FREE_INSTRUCTIONS * cost[KML_COST_INSTRUCTION];
  self->step_cost = STEP_INSTRUCTIONS * cost[KML_COST_INSTRUCTION] +
                    STEP_RECORDS * cost[KML_COST_WARM];
  kml_frame_check_init (&self->base);
}

/* What spend_path() does with a cache model, where references cost what their lines do. */
static void G_GNUC_NO_INLINE
spend_touching (Buddy *self, guint instructions, KmlPfn pfn, guint order)
{
  KmlMachine *machine = self->base.machine;
  const guint64 n_frames = frames_in (order);

  kml_spend (machine, KML_COST_LOCK, 1);
  kml_spend (machine, KML_COST_INSTRUCTION, instructions);
  kml_frame_check (&self->base, n_frames);
  kml_spend_as (machine, KML_PART_SPLIT,
                self->n_steps * STEP_INSTRUCTIONS * machine->cost[KML_COST_INSTRUCTION]);
  if (pfn != KML_PFN_NONE)
    kml_touch_stored (machine, frame_of (self, pfn), n_frames * sizeof (KmlFrame), KML_TOUCH_WRITE);
}

/* @pfn: the block whose frames' flags are checked; KML_PFN_NONE: there is none. */
static BUDDY_INLINE void
spend_path (Buddy *self, gboolean is_usual, gboolean is_alloc, KmlPfn pfn, guint order)
{
  KmlMachine *machine = self->base.machine;

  if (!is_usual && G_UNLIKELY (self->has_caches)) {
    spend_touching (self, is_alloc ? ALLOC_INSTRUCTIONS : FREE_INSTRUCTIONS, pfn, order);
    return;
  }
  machine->now += is_alloc ? self->alloc_cost : self->free_cost;
  kml_frame_check (&self->base, frames_in (order));
  if (self->n_steps > 0)
    kml_spend_as (machine, KML_PART_SPLIT, self->n_steps * self->step_cost);
}

G_END_DECLS
