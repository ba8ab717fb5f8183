/* queue.c: a disk without mechanics: one server, or several, and a law of service.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The M/G/c queue of the textbooks (D. G. Kendall's notation) when requests arrive at random: the least of all models of a disk, and the one
 * about which theorems are known, so that the machine can be held to them (disk.c, 3). What a request asks for, and
 * where, does not matter. It is the smallest kind of device, made to be copied.
 */

#include "simcore/devices/disk.h"

typedef struct {
  KmlDisk base;

  /* parameters */
  guint64 servers;
  char *service_text;

  KmlDistribution service;
  KmlRng rng;
} Queue;

static const KmlParam queue_params[] = {
  { .name = "servers",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .min = 1,
    .max = 4096,
    .offset = G_STRUCT_OFFSET (Queue, servers),
    .summary = "requests that are served at a time" },
  { .name = "service",
    .type = KML_PARAM_TEXT,
    .value = "exponential(1ms)",
    .validate = kml_distribution_validate_services,
    .offset = G_STRUCT_OFFSET (Queue, service_text),
    .grammar = KML_SERVICE_GRAMMAR,
    .summary = "how long a request takes" },
  KML_DISK_PARAMS (Queue, "1TiB", "fifo", "0", "0"),
  { NULL },
};

static gboolean
queue_open (KmlDevice *device, GError **error)
{
  Queue *self = (Queue *)device;

  if (!kml_distribution_parse (self->service_text, KML_DRAW_SERVICES, &self->service, error))
    return FALSE;
  kml_device_rng (device, "service", &self->rng);
  self->base.n_servers = (guint)self->servers;
  self->base.depth = (guint)self->servers;
  return kml_disk_open (&self->base, error);
}

static void
queue_close (KmlDevice *device)
{
  Queue *self = (Queue *)device;

  kml_distribution_clear (&self->service);
  kml_disk_close (device);
}

static KmlTime
queue_service (KmlDisk *disk, const KmlDiskRequest *request, guint server)
{
  Queue *self = (Queue *)disk;

  return kml_distribution_draw (&self->service, &self->rng);
}

/* Inside are at most as many as there are servers, so one is free. */
static guint
queue_place (KmlDisk *disk, const KmlDiskRequest *request)
{
  guint i = 0;

  while (disk->servers[i].current != NULL)
    i++;
  return i;
}

static const KmlDiskOps queue_disk = { .service = queue_service, .place = queue_place };

static const KmlDeviceOps queue_ops = {
  .name = "queue",
  .summary = "a disk that is nothing but a queue with a law of service (M/G/c)",
  .instance_size = sizeof (Queue),
  .params = queue_params,
  .counters = kml_disk_counters,
  .figures = kml_disk_figures,
  .disk = &queue_disk,
  .open = queue_open,
  .account = kml_disk_account,
  .check = kml_disk_check,
  .remember = kml_disk_remember,
  .close = queue_close,
};

KML_REGISTER_DEVICE (queue_ops)
