/* machine.h: the virtual computer: clock, CPUs, RAM, costs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a machine is made of is public to the simulated kernel code that runs on
 * it (allocators, later the pager and the tasks): the fields are read and
 * written on every operation.
 */

#pragma once

#include "simcore/cost.h"
#include "simcore/free-area.h"
#include "simcore/image.h"
#include "simcore/part.h"
#include "simcore/ram.h"
#include "simcore/types.h"

G_BEGIN_DECLS

#define KML_MAX_CPUS 256

typedef struct _KmlScheduler KmlScheduler;
typedef struct _KmlTask KmlTask;

/* A machine of one zone; every CPU has a clock of its own. */
typedef struct {
  KmlTime now; /* the clock of the CPU that is running: what simulated code spends moves it */
  KmlTime
      horizon; /* something else happens then, which comes first: see scheduler.h; straight code never gets there */
  KmlScheduler *scheduler; /* (nullable): borrowed: of a machine with tasks */
  KmlTask *task;           /* (nullable): borrowed: that runs now */
  KmlTime
      aside; /* of straight code: what the operation under way has spent by name; see kml_spend_as() */
  KmlTime cost[KML_N_COSTS]; /* the profile */
  KmlRam *ram;               /* (owned) */
  KmlFreeArea free_area;     /* kept by the page allocator */
  guint16 *pins;             /* (nullable) (owned) (array length=ram->n_frames): see pin.h */
  guint n_cpus;
  guint64 seed;
  KmlTime cpu_clock[KML_MAX_CPUS]; /* when each CPU will have finished what it was given */
  KmlTime parts[KML_N_PARTS];      /* what aside is made of, while it is not 0 */
} KmlMachine;

typedef struct {
  guint n_cpus; /* 1 .. KML_MAX_CPUS */
  guint64 ram;  /* bytes */
  guint64 page_size;
  guint64 seed;
  KmlTime cost[KML_N_COSTS];
} KmlMachineConfig;

KmlMachine *kml_machine_new (const KmlMachineConfig *config, GError **error);
void kml_machine_free (KmlMachine *self);

/* As it was when it was new, without its allocators' doing; they must be gone. Touches all of RAM. */
void kml_machine_reset (KmlMachine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlMachine, kml_machine_free)

/* All but its RAM. */
void kml_machine_remember (KmlMachine *self, KmlImage *image);

/* The running CPU works for @n items of @cost. */
static inline void
kml_spend (KmlMachine *self, KmlCost cost, guint64 n)
{
  self->now += self->cost[cost] * n;
}

/* For kml_spend_as(): the books. */
void kml_machine_book (KmlMachine *self, KmlPart part, KmlTime time);

/* It works for @time, which is told apart from its other work as @part. */
static inline void
kml_spend_as (KmlMachine *self, KmlPart part, KmlTime time)
{
  self->now += time;
  kml_machine_book (self, part, time);
}

G_END_DECLS
