/* disk.h: a device that serves requests for sectors.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request is a record of the caller's. It may be submitted in any context; when it is done, an interrupt on the
 * disk's CPU says so. Process context that wants to wait calls kml_disk_read() or kml_disk_write(), or waits for
 * several of its own by kml_disk_wait().
 *
 *   KmlDiskRequest request = { .sector = 800, .n_sectors = 8 };
 *
 *   kml_disk_submit (disk, &request);
 *   … other work …
 *   if (kml_disk_wait (disk, &request) != KML_DISK_OK)
 *     …                                                  an outcome: the disk failed
 */

#pragma once

#include "simcore/device.h"
#include "simcore/distribution.h"
#include "simcore/devices/fault.h"

G_BEGIN_DECLS

typedef struct _KmlDisk KmlDisk;
typedef struct _KmlDiskRequest KmlDiskRequest;

#define KML_SECTOR_SHIFT 9
#define KML_SECTOR_SIZE  (G_GUINT64_CONSTANT (1) << KML_SECTOR_SHIFT)

typedef enum {
  KML_DISK_NEW,     /* not submitted: what a record of zeros says */
  KML_DISK_PENDING, /* the disk has it */
  KML_DISK_OK,
  KML_DISK_ERROR,        /* on request: see KmlFault */
  KML_DISK_OUT_OF_RANGE, /* sectors that the disk does not have */
} KmlDiskStatus;

struct _KmlDiskRequest {
  /* the caller's */
  guint64 sector;
  guint32 n_sectors; /* > 0 */
  gboolean is_write;
  /* (nullable): in the interrupt; the record is the caller's again, who may free it or submit it anew */
  void (*done) (KmlDiskRequest *request, gpointer data);
  gpointer data;

  /* the disk's, to be read */
  guint8 status; /* KmlDiskStatus */
  KmlTime queued, started, finished;

  /* the disk's own */
  guint8 verdict;         /* KmlDiskStatus: what it will be when it is done */
  KmlTask *waiter;        /* (nullable) */
  guint64 first, end;     /* sectors that are served at once: its own and those merged with it */
  KmlDiskRequest *next;   /* in a queue of the disk */
  KmlDiskRequest *merged; /* (nullable): the next of those that are served with it */
  KmlDiskRequest *last_merged; /* of the first of them */
};

typedef struct {
  KmlDiskRequest *first, *last;
} KmlDiskQueue;

/* What can work on one request at a time: the arm of a hard disk, a channel of a solid-state disk. */
typedef struct {
  KmlDisk *disk;
  KmlTimer timer;          /* while it is busy */
  KmlDiskRequest *current; /* (nullable) */
  KmlDiskQueue queue;
  guint n_queued; /* and being served */
} KmlDiskServer;

/* In which order requests that wait outside are sent to the disk. */
typedef enum {
  KML_DISK_FIFO,
  KML_DISK_ELEVATOR, /* C-LOOK: upwards from where the last one ended, then from the lowest again */
  KML_DISK_SHORTEST, /* the nearest first: what is far away may starve */
} KmlDiskOrder;

/**
 * KmlDiskOps: what a kind of disk says.
 * @service: how long @request's sectors [first, end) take @server, which begins with them now
 * @place: (nullable: the only one): the server for it
 */
struct _KmlDiskOps {
  KmlTime (*service) (KmlDisk *self, const KmlDiskRequest *request, guint server);
  guint (*place) (KmlDisk *self, const KmlDiskRequest *request);
};

struct _KmlDisk {
  KmlDevice base;

  /* parameters */
  guint64 size;       /* bytes */
  guint64 cpu;        /* that its interrupts go to */
  guint order;        /* KmlDiskOrder */
  guint64 max_merged; /* bytes; 0: nothing is merged */
  KmlTime submit;     /* what submitting costs the CPU */
  char *errors_text, *slow_text;
  KmlTime slow_by;

  guint64 n_sectors;
  guint n_servers, depth; /* requests that are inside at a time */
  guint n_inside;
  KmlDiskServer *servers; /* (owned) (array length=n_servers) */
  KmlDiskQueue waiting;   /* outside */
  KmlDiskQueue finished;  /* the interrupt is on its way */
  /* (nullable): the interrupt is about to say so of this one and those merged with it */
  KmlDiskRequest *handled;
  guint64 head; /* behind the sectors that were sent to the disk last */
  guint64 n_sent;
  KmlFault errors, slow;
  KmlRng error_rng, slow_rng;
  KmlIrq irq;
  /* the counters of time are those of then; servers begin and end only at such a time */
  KmlTime accounted;
  KmlTime worst_wait, worst_latency;
};

/* ---- For who has something to read or to write ---- */

/* (nullable): NULL: @device is no disk. (transfer none) */
KmlDisk *kml_disk_from_device (KmlDevice *device);

/* In any context. @request must stay where it is until it is done. */
void kml_disk_submit (KmlDisk *self, KmlDiskRequest *request);

/* Until it is done, which is checked first. One task waits for a request. In process context: elsewhere it is a bug of the simulated
 * kernel (KML_INCIDENT_SLEEP_IN_ATOMIC). */
KmlDiskStatus kml_disk_wait (KmlDisk *self, KmlDiskRequest *request);

/* Submit and wait. */
KmlDiskStatus kml_disk_read (KmlDisk *self, guint64 sector, guint32 n_sectors);
KmlDiskStatus kml_disk_write (KmlDisk *self, guint64 sector, guint32 n_sectors);

/* "ok", "error", "out of range", … */
extern const char *const kml_disk_status_names[];

/* ---- For kinds ---- */

/* Called by a kind's open, when it has set n_servers and depth. */
gboolean kml_disk_open (KmlDisk *self, GError **error);

/* Slots of every kind's table. */
void kml_disk_close (KmlDevice *self);
void kml_disk_remember (KmlDevice *self, KmlImage *image);
void kml_disk_account (KmlDevice *self);
gboolean kml_disk_check (const KmlDevice *self, GError **error);

extern const KmlCounterInfo kml_disk_counters[];
extern const KmlFigureInfo kml_disk_figures[];
extern const char *const kml_disk_order_names[];

/* What all kinds have for parameters: entries of the table of @Type, which begins with a KmlDisk called base. */
#define KML_DISK_PARAMS(Type, default_size, default_order, default_merged, default_submit)         \
  { .name = "size",                                                                                \
    .type = KML_PARAM_SIZE,                                                                        \
    .value = default_size,                                                                         \
    .min = 4096,                                                                                   \
    .max = G_GUINT64_CONSTANT (1) << 50,                                                           \
    .offset = G_STRUCT_OFFSET (Type, base.size),                                                   \
    .summary = "how much it holds" },                                                              \
      { .name = "cpu",                                                                             \
        .type = KML_PARAM_COUNT,                                                                   \
        .value = "0",                                                                              \
        .max = KML_MAX_CPUS - 1,                                                                   \
        .offset = G_STRUCT_OFFSET (Type, base.cpu),                                                \
        .summary = "the CPU that its interrupts go to" },                                          \
      { .name = "order",                                                                           \
        .type = KML_PARAM_CHOICE,                                                                  \
        .value = default_order,                                                                    \
        .choices = kml_disk_order_names,                                                           \
        .offset = G_STRUCT_OFFSET (Type, base.order),                                              \
        .summary = "which of the waiting requests goes next: as they came, upwards and from the "  \
                   "lowest again, or the nearest" },                                               \
      { .name = "max-merged",                                                                      \
        .type = KML_PARAM_SIZE,                                                                    \
        .value = default_merged,                                                                   \
        .max = 1 << 30,                                                                            \
        .offset = G_STRUCT_OFFSET (Type, base.max_merged),                                         \
        .summary =                                                                                 \
            "requests for neighbouring sectors are served as one up to this size; 0: never" },     \
      { .name = "submit",                                                                          \
        .type = KML_PARAM_TIME,                                                                    \
        .value = default_submit,                                                                   \
        .max = KML_S,                                                                              \
        .offset = G_STRUCT_OFFSET (Type, base.submit),                                             \
        .summary = "what it costs a CPU to hand over a request" },                                 \
      { .name = "errors",                                                                          \
        .type = KML_PARAM_TEXT,                                                                    \
        .value = "never",                                                                          \
        .validate = kml_fault_validate,                                                            \
        .offset = G_STRUCT_OFFSET (Type, base.errors_text),                                        \
        .grammar = "never | every(N) | share(P) | between(TIME, TIME)",                            \
        .summary = "which requests fail" },                                                        \
      { .name = "slow",                                                                            \
        .type = KML_PARAM_TEXT,                                                                    \
        .value = "never",                                                                          \
        .validate = kml_fault_validate,                                                            \
        .offset = G_STRUCT_OFFSET (Type, base.slow_text),                                          \
        .grammar = "never | every(N) | share(P) | between(TIME, TIME)",                            \
        .summary = "which requests take longer, by slow-by" },                                     \
  {                                                                                                \
    .name = "slow-by", .type = KML_PARAM_TIME, .value = "100ms", .max = 1000 * KML_S,              \
    .offset = G_STRUCT_OFFSET (Type, base.slow_by),                                                \
    .summary = "how much longer a slow request takes"                                              \
  }

G_END_DECLS
