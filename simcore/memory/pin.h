/* pin.h: page frames that must stay where they are.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A device that is given an address keeps it until it is done: what lies there may be neither moved nor reclaimed nor freed. Several
 * devices may use a frame, so pins are counted. The counts lie beside the frame records, which are full, as Linux's lie in the
 * upper bits of a reference count: they cost the simulated kernel nothing.
 */

#pragma once

#include "simcore/machine.h"

G_BEGIN_DECLS

static inline gboolean
kml_is_pinned (const KmlMachine *machine, KmlPfn pfn)
{
  return machine->pins != NULL && machine->pins[pfn] > 0;
}

static inline void
kml_pin (KmlMachine *machine, KmlPfn pfn)
{
  g_assert (pfn < machine->ram->n_frames);

  if (machine->pins == NULL)
    machine->pins = g_new0 (guint32, machine->ram->n_frames);
  g_assert (machine->pins[pfn] < G_MAXUINT32);
  if (machine->pinned != NULL && machine->pins[pfn] == 0)
    g_array_append_val (machine->pinned, pfn);
  machine->pins[pfn]++;
}

static inline void
kml_unpin (KmlMachine *machine, KmlPfn pfn)
{
  g_assert (kml_is_pinned (machine, pfn));

  machine->pins[pfn]--;
}

/* Whoever has pinned @from has pinned @to instead. */
static inline void
kml_move_pins (KmlMachine *machine, KmlPfn from, KmlPfn to)
{
  for (; kml_is_pinned (machine, from); kml_unpin (machine, from))
    kml_pin (machine, to);
}

G_END_DECLS
