/* ssd.c: a solid-state disk: channels that work side by side.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * N. Agrawal, V. Prabhakaran, T. Wobber, J. D. Davis, M. Manasse, R. Panigrahy, "Design Tradeoffs for SSD Performance", USENIX ATC 2008.
 *
 * The host may have `queue-depth' requests inside the device; each goes to one of its channels and is served there
 * in turn. What is read lies where it was written: addresses are dealt over the channels by `stripe's. What is written goes to the channel
 * with the fewest requests (the lowest of equal ones), since the translation layer may put it anywhere. Where a later read
 * of it is looked for does not follow: the map of a real one is larger than this model.
 *
 * A request takes a draw from the law of its direction, and `page' for each 4 KiB after its first. Erasing and
 * garbage collection are in that law or not at all: weighted(20us:0.99, 3ms:0.01) is a disk that collects now and then.
 *
 * Not modelled: wear, a request over several channels, power states.
 */

#include "simcore/devices/disk.h"

#define PAGE_SECTORS 8 /* 4 KiB */

typedef struct {
  KmlDisk base;

  /* parameters */
  guint64 channels, queue_depth;
  guint64 stripe; /* bytes */
  KmlTime page;
  char *read_text, *write_text;

  KmlDistribution read, write;
  KmlRng read_rng, write_rng;
} Ssd;

static const KmlParam ssd_params[] = {
  { .name = "channels",
    .type = KML_PARAM_COUNT,
    .value = "8",
    .min = 1,
    .max = 4096,
    .offset = G_STRUCT_OFFSET (Ssd, channels),
    .summary = "requests that are served at a time, at most" },
  { .name = "queue-depth",
    .type = KML_PARAM_COUNT,
    .value = "32",
    .min = 1,
    .max = 65536,
    .offset = G_STRUCT_OFFSET (Ssd, queue_depth),
    .summary = "requests that the device accepts at a time" },
  { .name = "stripe",
    .type = KML_PARAM_SIZE,
    .value = "64KiB",
    .min = 4096,
    .max = 1 << 30,
    .offset = G_STRUCT_OFFSET (Ssd, stripe),
    .summary = "neighbouring bytes on one channel" },
  { .name = "read",
    .type = KML_PARAM_TEXT,
    .value = "fixed(80us)",
    .validate = kml_distribution_validate_services,
    .offset = G_STRUCT_OFFSET (Ssd, read_text),
    .grammar = KML_SERVICE_GRAMMAR,
    .summary = "how long a read of 4 KiB takes" },
  { .name = "write",
    .type = KML_PARAM_TEXT,
    .value = "fixed(25us)",
    .validate = kml_distribution_validate_services,
    .offset = G_STRUCT_OFFSET (Ssd, write_text),
    .grammar = KML_SERVICE_GRAMMAR,
    .summary = "how long a write of 4 KiB takes" },
  { .name = "page",
    .type = KML_PARAM_TIME,
    .value = "4us",
    .max = KML_S,
    .offset = G_STRUCT_OFFSET (Ssd, page),
    .summary = "how much longer each further 4 KiB takes" },
  KML_DISK_PARAMS (Ssd, "1TiB", "fifo", "128KiB", "1us"),
  { NULL },
};

static gboolean
ssd_open (KmlDevice *device, GError **error)
{
  Ssd *self = (Ssd *)device;

  if (!kml_distribution_parse (self->read_text, KML_DRAW_SERVICES, &self->read, error) ||
      !kml_distribution_parse (self->write_text, KML_DRAW_SERVICES, &self->write, error))
    return FALSE;
  kml_device_rng (device, "read", &self->read_rng);
  kml_device_rng (device, "write", &self->write_rng);
  self->base.n_servers = (guint)self->channels;
  self->base.depth = (guint)self->queue_depth;
  return kml_disk_open (&self->base, error);
}

static void
ssd_close (KmlDevice *device)
{
  Ssd *self = (Ssd *)device;

  kml_distribution_clear (&self->read);
  kml_distribution_clear (&self->write);
  kml_disk_close (device);
}

static KmlTime
ssd_service (KmlDisk *disk, const KmlDiskRequest *request, guint server)
{
  Ssd *self = (Ssd *)disk;
  const guint64 n_pages = (request->end - request->first + PAGE_SECTORS - 1) / PAGE_SECTORS;
  const KmlTime first = request->is_write ? kml_distribution_draw (&self->write, &self->write_rng)
                                          : kml_distribution_draw (&self->read, &self->read_rng);

  return first + (n_pages - 1) * self->page;
}

static guint
ssd_place (KmlDisk *disk, const KmlDiskRequest *request)
{
  Ssd *self = (Ssd *)disk;
  guint best = 0;

  if (!request->is_write)
    return (guint)(request->first / (self->stripe >> KML_SECTOR_SHIFT) % self->channels);
  for (guint i = 1; i < disk->n_servers; i++)
    if (disk->servers[i].n_queued < disk->servers[best].n_queued)
      best = i;
  return best;
}

static const KmlDiskOps ssd_disk = { .service = ssd_service, .place = ssd_place };

static const KmlDeviceOps ssd_ops = {
  .name = "ssd",
  .summary = "solid-state disk: channels, queue depth, laws of reading and writing",
  .instance_size = sizeof (Ssd),
  .params = ssd_params,
  .counters = kml_disk_counters,
  .figures = kml_disk_figures,
  .disk = &ssd_disk,
  .open = ssd_open,
  .account = kml_disk_account,
  .check = kml_disk_check,
  .remember = kml_disk_remember,
  .close = ssd_close,
};

KML_REGISTER_DEVICE (ssd_ops)
