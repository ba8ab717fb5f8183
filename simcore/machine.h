/* machine.h: the virtual computer: clock, CPUs, RAM, costs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a machine is made of is public to the simulated kernel code that runs on
 * it (allocators, later the pager and the tasks): the fields are read and
 * written on every operation.
 */

#pragma once

#include "simcore/base/blame.h"
#include "simcore/caches/caches.h"
#include "simcore/cost.h"
#include "simcore/memory/free-area.h"
#include "simcore/base/image.h"
#include "simcore/part.h"
#include "simcore/memory/ram.h"
#include "simcore/base/types.h"

G_BEGIN_DECLS

#define KML_MAX_CPUS 256

typedef struct _KmlScheduler KmlScheduler;
typedef struct _KmlTask KmlTask;

/* What was refused last, for who tells why a request has failed: see failure.h. */
typedef struct {
  KmlTime time;
  guint64 size;      /* of pages, in bytes: 0: none */
  gboolean is_picky; /* they were to keep constraints … */
  KmlAddr limit;     /* … this one among them; 0: none */
  gboolean is_injected;
} KmlRefusal;

/* Who wants to look before pages change. */
typedef struct {
  void (*look) (gpointer data); /* (nullable): nobody does */
  gpointer data;
} KmlObserver;

/* A machine of one zone; every CPU has a clock of its own. */
typedef struct {
  KmlTime now; /* the clock of the CPU that is running: what simulated code spends moves it */
  /* something else happens then, which comes first: see scheduler.h; straight code never gets there */
  KmlTime horizon;
  KmlScheduler *scheduler; /* (nullable): borrowed: of a machine with tasks */
  KmlTask *task;           /* (nullable): borrowed: that runs now */
  /* of straight code: what the operation under way has spent by name; see kml_spend_as() */
  KmlTime aside;
  KmlCaches *caches;         /* (owned) (nullable): NULL: references cost what the profile says */
  KmlTime cost[KML_N_COSTS]; /* the profile */
  KmlRam *ram;               /* (owned) */
  KmlFreeArea free_area;     /* kept by the page allocator */
  guint32 *pins;             /* (nullable) (owned) (array length=ram->n_frames): see pin.h … */
  /* (nullable) (owned) (element-type KmlPfn): … and those frames that were pinned since kml_machine_remember() */
  GArray *pinned;
  guint n_cpus;
  guint cpu;         /* where no task runs: whose caches references go to */
  guint64 n_statics; /* bytes of static data that have addresses */
  guint64 touch;     /* with caches: bytes of a block that its owner uses */
  guint64 seed;
  KmlTime cpu_clock[KML_MAX_CPUS]; /* when each CPU will have finished what it was given */
  KmlTime parts[KML_N_PARTS];      /* what aside is made of, while it is not 0 */
  KmlRefusal refusal;              /* of straight code */
  KmlObserver observer;            /* see kml_machine_before_pages() */
} KmlMachine;

typedef struct {
  guint n_cpus; /* 1 .. KML_MAX_CPUS */
  guint64 ram;  /* bytes */
  guint64 page_size;
  guint64 seed;
  KmlTime cost[KML_N_COSTS];
  const KmlCachesConfig *caches; /* (nullable) */
  guint64 touch;
} KmlMachineConfig;

KmlMachine *kml_machine_new (const KmlMachineConfig *config, GError **error);
void kml_machine_free (KmlMachine *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlMachine, kml_machine_free)

/* All but its RAM. Its caches are empty then. */
void kml_machine_remember (KmlMachine *self, KmlImage *image);

/* Pages are about to be taken, or given back, by nobody's request: by a mapping, a pager. Requests are recorded, and need not say so. */
static inline void
kml_machine_before_pages (const KmlMachine *self)
{
  if (self->observer.look != NULL)
    self->observer.look (self->observer.data);
}

/* The running CPU works for @n items of @cost. */
static inline void
kml_spend (KmlMachine *self, KmlCost cost, guint64 n)
{
  self->now += self->cost[cost] * n;
}

/* What clearing @n_bytes takes (__GFP_ZERO): it is paid by the page. */
static inline KmlTime
kml_clearing_time (const KmlMachine *self, guint64 n_bytes)
{
  return (KmlTime)((unsigned __int128)self->cost[KML_COST_ZERO_PAGE] * n_bytes >>
                   self->ram->page_shift);
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

/* ---- References to memory ----
 *
 * Simulated code that names what it touches is charged in one of two ways:
 *
 *   kml_spend_references (machine, KML_COST_WARM, 2);              without a cache model: by kind, all of a path at once
 *   kml_touch (machine, addr, 8, KML_TOUCH_WRITE);                 with one: where it happens, by where the line is
 *
 * Each does nothing where the other does something. What is only spent with kml_spend() costs the same either way. */

typedef enum {
  KML_TOUCH_READ = 0,
  KML_TOUCH_WRITE = 1,
  /* besides: its time is somebody else's account, and only the caches change */
  KML_TOUCH_UNPAID = 2,
} KmlTouch;

/* Room for the addresses of a kernel's static data, beyond RAM: heads of lists, locks. What is more lies over the first. */
#define KML_STATICS_SIZE (G_GUINT64_CONSTANT (16) << 20)

/* The address of @size bytes of static data, at a multiple of 64: they have one, and no place in RAM. */
KmlAddr kml_machine_statics (KmlMachine *self, guint64 size);

/* The running CPU touches @size > 0 bytes, each of their lines once. With a cache model alone. @how: KmlTouch */
void kml_machine_touch (KmlMachine *self, KmlAddr addr, guint64 size, guint how);

/* The same by the owner of the bytes. */
void kml_machine_touch_data (KmlMachine *self, KmlAddr addr, guint64 size, guint how);

/* The owner of a block of @size bytes uses the first `touch` of it. */
void kml_machine_use_block (KmlMachine *self, KmlAddr addr, guint64 size, guint how);

/* The same of memory, at @stored in the host's, that is cleared: it is paid by the page (KML_COST_ZERO_PAGE). */
void kml_machine_clears (KmlMachine *self, gpointer stored, guint64 size);

/* A device writes. */
void kml_machine_device_writes (KmlMachine *self, KmlAddr addr, guint64 size);

static inline gboolean
kml_has_caches (const KmlMachine *self)
{
  return G_UNLIKELY (self->caches != NULL);
}

/* The running CPU clears @size bytes at @addr of @ram, which is the machine's or a zone's. */
static inline void
kml_clear (KmlMachine *self, const KmlRam *ram, KmlAddr addr, guint64 size)
{
  self->now += kml_clearing_time (self, size);
  if (kml_has_caches (self))
    kml_machine_clears (self, ram->store + addr, size);
}

static inline void
kml_touch (KmlMachine *self, KmlAddr addr, guint64 size, guint how)
{
  if (kml_has_caches (self))
    kml_machine_touch (self, addr, size, how);
}

/* What lies in RAM and is known by where the host has it: a frame's record, in a zone or not, a header. */
static inline void
kml_touch_stored (KmlMachine *self, gconstpointer stored, guint64 size, guint how)
{
  if (kml_has_caches (self))
    kml_machine_touch (self, (KmlAddr)((const guint8 *)stored - self->ram->store), size, how);
}

static inline void
kml_touch_frame (KmlMachine *self, const KmlFrame *frame, guint how)
{
  kml_touch_stored (self, frame, sizeof *frame, how);
}

/* What a reference costs that is spent with others. */
static inline KmlTime
kml_reference_cost (const KmlMachine *self, KmlCost cost)
{
  return kml_has_caches (self) ? 0 : self->cost[cost];
}

static inline void
kml_spend_references (KmlMachine *self, KmlCost cost, guint64 n)
{
  if (!kml_has_caches (self))
    kml_spend (self, cost, n);
}

G_END_DECLS
