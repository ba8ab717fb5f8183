/* hdd.c: a hard disk: an arm that seeks, and platters that turn.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Chris Ruemmler, John Wilkes, "An Introduction to Disk Drive Modeling", IEEE Computer 27(3), March 1994.
 *
 * 1. Where things are
 *
 * Sectors are numbered along a cylinder (`cylinder' bytes, all its tracks together), then on the next one inwards. So
 * sector n lies on cylinder n / N at the angle (n mod N) / N of a turn, N sectors a cylinder.
 *
 * 2. What a request takes
 *
 *     controller + seek + wait for the sector to come round + transfer
 *
 *     seek (0) = 0,  seek (d) = a + b √d      the arm speeds up half of the way and slows down the other half
 *
 * a and b follow from what data sheets say: the seek to the next cylinder and the one across all. The angle is not drawn at random: the
 * platter turns from time 0 on, so it is (t mod turn) / turn at time t, and a request that comes a moment too late waits for a
 * whole turn, as it does in the world. Over requests at unrelated times that is half a turn in the mean. The transfer is the requested
 * part of a turn.
 *
 * Roots are taken in integers with 16 bits of fraction.
 *
 * Not modelled: zones (outer cylinders that hold more), the linear part of long seeks, settling for writes, switching heads and the
 * skew that hides it, a buffer in the drive, reordering in the drive (depth is 1).
 */

#include "simcore/devices/disk.h"
#include "simcore/base/fixed-point.h"
#include "simcore/base/units.h"

typedef unsigned __int128 Wide;

#define MINUTE (60 * KML_S)

typedef struct {
  KmlDisk base;

  /* parameters */
  guint64 rpm;
  guint64 cylinder; /* bytes */
  KmlTime seek_next, seek_full, controller;

  KmlTime turn;
  guint64 per_cylinder; /* sectors */
  guint64 n_cylinders;
  guint64 arm;       /* its cylinder */
  guint64 full_root; /* √(n_cylinders - 1) - 1 in Q16 */
} Hdd;

static const KmlParam hdd_params[] = {
  { .name = "rpm",
    .type = KML_PARAM_COUNT,
    .value = "7200",
    .min = 60,
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (Hdd, rpm),
    .summary = "turns a minute" },
  { .name = "cylinder",
    .type = KML_PARAM_SIZE,
    .value = "4MiB",
    .min = KML_SECTOR_SIZE,
    .max = 1 << 30,
    .offset = G_STRUCT_OFFSET (Hdd, cylinder),
    .summary = "what is read in a turn without moving the arm" },
  { .name = "seek-next",
    .type = KML_PARAM_TIME,
    .value = "1ms",
    .max = KML_S,
    .offset = G_STRUCT_OFFSET (Hdd, seek_next),
    .summary = "seek to the next cylinder" },
  { .name = "seek-full",
    .type = KML_PARAM_TIME,
    .value = "16ms",
    .max = KML_S,
    .offset = G_STRUCT_OFFSET (Hdd, seek_full),
    .summary = "seek from the first cylinder to the last" },
  { .name = "controller",
    .type = KML_PARAM_TIME,
    .value = "200us",
    .max = KML_S,
    .offset = G_STRUCT_OFFSET (Hdd, controller),
    .summary = "what each request takes before the arm moves" },
  KML_DISK_PARAMS (Hdd, "1TiB", "elevator", "512KiB", "1us"),
  { NULL },
};

static guint64
root (guint64 n)
{
  return kml_fixed_square_root ((Wide)n << 32);
}

#define ONE (G_GUINT64_CONSTANT (1) << 16)

static KmlTime
seek (const Hdd *self, guint64 distance)
{
  if (distance == 0)
    return 0;
  if (self->full_root == 0)
    return self->seek_next;
  return self->seek_next + (KmlTime)((Wide)(self->seek_full - self->seek_next) *
                                     (root (distance) - ONE) / self->full_root);
}

static KmlTime
hdd_service (KmlDisk *disk, const KmlDiskRequest *request, guint server)
{
  Hdd *self = (Hdd *)disk;
  const guint64 cylinder = request->first / self->per_cylinder;
  const guint64 n = request->end - request->first;
  const KmlTime sector_comes = (KmlTime)((Wide)(request->first % self->per_cylinder) * self->turn /
                                         self->per_cylinder);
  KmlTime time = self->controller +
                 seek (self, MAX (cylinder, self->arm) - MIN (cylinder, self->arm));
  const KmlTime angle = (disk->base.host.machine->now + time) % self->turn;

  time += sector_comes >= angle ? sector_comes - angle : self->turn - angle + sector_comes;
  time += (KmlTime)((Wide)n * self->turn / self->per_cylinder);
  self->arm = (request->end - 1) / self->per_cylinder;
  return time;
}

static gboolean
hdd_open (KmlDevice *device, GError **error)
{
  Hdd *self = (Hdd *)device;

  if (self->seek_next > self->seek_full) {
    g_autofree char *next = kml_format_time (self->seek_next);
    g_autofree char *full = kml_format_time (self->seek_full);

    return kml_refuse (error, "seek-full",
                       "expected one that is no shorter than seek-next, not %s after %s", full,
                       next);
  }
  self->turn = MINUTE / self->rpm;
  self->per_cylinder = self->cylinder >> KML_SECTOR_SHIFT;
  self->n_cylinders = (self->base.size + self->cylinder - 1) / self->cylinder;
  self->full_root = self->n_cylinders > 2 ? root (self->n_cylinders - 1) - ONE : 0;
  self->arm = 0;
  self->base.n_servers = 1;
  self->base.depth = 1;
  return kml_disk_open (&self->base, error);
}

static const KmlDiskOps hdd_disk = { .service = hdd_service };

static const KmlDeviceOps hdd_ops = {
  .name = "hdd",
  .summary = "hard disk: seek, rotation, transfer",
  .instance_size = sizeof (Hdd),
  .params = hdd_params,
  .counters = kml_disk_counters,
  .figures = kml_disk_figures,
  .disk = &hdd_disk,
  .open = hdd_open,
  .account = kml_disk_account,
  .check = kml_disk_check,
  .remember = kml_disk_remember,
  .close = kml_disk_close,
};

KML_REGISTER_DEVICE (hdd_ops)
