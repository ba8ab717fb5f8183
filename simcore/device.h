/* device.h: what a device of the simulated machine is.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A device works by itself, beside the CPUs: its timers say when it is done with something, and then it raises an
 * interrupt on a CPU. Nothing of it runs on a CPU but its handler. So a machine with devices has a scheduler (scheduler.h).
 *
 * Kinds differ by their table. A *disk* (disk.h) is a device that serves requests for sectors, and all that disks
 * have in common is disk.c; a kind of disk says how long a request takes.
 *
 * To add one: write one file that ends with KML_REGISTER_DEVICE, name it in devices/meson.build.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/param.h"
#include "simcore/replay/requests.h"
#include "simcore/base/rng.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef struct _KmlDevice KmlDevice;
typedef struct _KmlDiskOps KmlDiskOps;

/* The machine that a device is put into. */
typedef struct {
  KmlMachine *machine;   /* with a scheduler */
  KmlAllocator *pages;   /* (nullable) */
  KmlAllocator *objects; /* (nullable) */
  KmlRequests *requests; /* (nullable): where a device's requests are measured */
  const char *place;     /* (nullable): where it is described, "x.ini:14": for who tells of it */
} KmlDeviceHost;

/**
 * KmlDeviceOps:
 * @name: as in "kind = hdd"
 * @counters: (nullable): names of the counters in #KmlDevice.counters; they become the metrics DEVICE.counter
 * @figures: (nullable): what follows from the counters
 * @disk: (nullable): it is a disk, and this is what its kind says of it; the instance begins with a #KmlDisk
 * @open: parameters and host are in the instance; checks what one parameter alone cannot tell (KML_ERROR_INPUT), and
 *   may set timers
 * @account: (nullable): brings counters that grow with time up to the machine's clock
 * @check: (nullable): verifies every invariant that the file's head names; KML_ERROR_CORRUPT names the one that broke
 * @remember: (nullable): adds to @image what changes after @open besides the instance, so that a run with it can go back (image.h); NULL: it cannot
 * @close: (nullable): releases what @open took, as far as it got; the scheduler runs no more
 */
typedef struct {
  const char *name;
  const char *summary;
  gsize instance_size;
  const KmlParam *params;
  const KmlCounterInfo *counters;
  const KmlFigureInfo *figures;
  const KmlDiskOps *disk;

  gboolean (*open) (KmlDevice *self, GError **error);
  void (*account) (KmlDevice *self);
  gboolean (*check) (const KmlDevice *self, GError **error);
  void (*remember) (KmlDevice *self, KmlImage *image);
  void (*close) (KmlDevice *self);
} KmlDeviceOps;

#define KML_MAX_DEVICE_COUNTERS 24

struct _KmlDevice {
  const KmlDeviceOps *ops;
  /* (owned): "sda" of [device sda]: names its random streams, its interrupt, and what tasks wait for */
  char *name;
  /* (owned) (nullable): "[device sda] (x.ini:14)": what its handlers and tasks do, in stories */
  char *step;
  KmlDeviceHost host;
  guint64 counters[KML_MAX_DEVICE_COUNTERS]; /* in the order of ops->counters */
};

/* With default parameters: set fields with kml_param_parse(), then open it. (transfer full) */
KmlDevice *kml_device_new (const KmlDeviceOps *ops, const char *name);
gboolean kml_device_open (KmlDevice *self, const KmlDeviceHost *host, GError **error);

/* Takes it out of its machine: when the scheduler runs no more, and before it is freed. Counters stay. */
void kml_device_close (KmlDevice *self);

void kml_device_free (KmlDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlDevice, kml_device_free)

/* Brings its counters up to date, for whoever reads them. */
void kml_device_account (KmlDevice *self);

/* What changes in it, before tasks run. FALSE: it cannot be remembered. */
gboolean kml_device_remember (KmlDevice *self, KmlImage *image);
gboolean kml_device_check (const KmlDevice *self, GError **error);

/* A stream of random numbers of this device alone: the machine's seed, the device's name, @purpose. */
void kml_device_rng (const KmlDevice *self, const char *purpose, KmlRng *ret_rng);

/* An interrupt of the device on @cpu; KML_ERROR_INPUT where there is no such CPU. @irq must be cleared by the device. */
gboolean kml_device_init_irq (KmlDevice *self, KmlIrq *irq, guint64 cpu, int level,
                              KmlTaskFunc func, GError **error);

/* Lets all that is earlier happen, when it is a task that runs; a timer's function is the earliest anyway. */
static inline void
kml_device_sync (KmlDevice *self)
{
  if (kml_current_task (self->host.machine) != NULL)
    kml_sync (self->host.machine);
}

const KmlDeviceOps *kml_device_find (const char *name);
const KmlDeviceOps *const *kml_device_list (guint *ret_n);
void kml_device_register (const KmlDeviceOps *ops);

#define KML_REGISTER_DEVICE(ops)                                                                   \
  static void __attribute__ ((constructor)) ops##_register (void)                                  \
  {                                                                                                \
    kml_device_register (&(ops));                                                                  \
  }

G_END_DECLS
