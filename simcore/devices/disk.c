/* disk.c: what all disks have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The way of a request
 *
 *     submit ──► waiting ──order──► a server's queue ──► served ──► finished ──interrupt──► done, waiter awake
 *               (outside,          (inside, at most      timer      (handler on `cpu')
 *                merged here)       depth at a time)
 *
 * What is outside can be reordered and merged by the kernel; what is inside is the device's, and
 * each server (the arm of a hard disk, a channel of a solid-state disk) takes it in the order in which it came. One that
 * is merged with another's sectors is served with it, fails with it and is done in the same interrupt.
 *
 * 2. Order
 *
 * Edward G. Coffman, L. A. Klimko, Barbara Ryan, "Analysis of Scanning Policies for Reducing Disk Seek Times", SIAM J. Comput. 1(3),
 * 1972. The kernel knows sectors and not where they lie, so distances are in sectors. The elevator goes
 * one way only (C-LOOK): the wait of those at the edges is then that of those in the middle. Ties go to who came first.
 *
 * 3. Queueing
 *
 * With one server, Poisson arrivals and service times S that do not depend on them, requests wait outside for
 *
 *     W = λ E[S²] / (2 (1 - ρ)),   ρ = λ E[S]            (Pollaczek, 1930; Khinchin, 1932)
 *
 * on average: claim A32, which tests/test-disk.c holds the kind `queue' to. A fixed S waits half as long as an exponential one.
 *
 * Not modelled: what is in the sectors (a request moves no bytes; who wants them back keeps them), caches of the drive, barriers and
 * flushes, cancelling a request, time-outs and retries (the caller's), plugging.
 *
 * Invariants, verified by kml_disk_check():
 *   D1  n_inside is the number of requests in servers' queues and at most depth
 *   D2  requests wait outside only when depth are inside
 *   D3  a server is at work if and only if it has a request
 *   D4  requests = those done + those that are somewhere in 1.
 */

#include "simcore/devices/disk.h"

#include "simcore/tasks/inject.h"

const char *const kml_disk_status_names[] = {
  [KML_DISK_NEW] = "new",     [KML_DISK_PENDING] = "pending",           [KML_DISK_OK] = "ok",
  [KML_DISK_ERROR] = "error", [KML_DISK_OUT_OF_RANGE] = "out of range", NULL,
};

const char *const kml_disk_order_names[] = {
  [KML_DISK_FIFO] = "fifo",
  [KML_DISK_ELEVATOR] = "elevator",
  [KML_DISK_SHORTEST] = "shortest",
  NULL,
};

enum {
  COUNT_REQUESTS,
  COUNT_DONE,
  COUNT_MERGED,
  COUNT_ERRORS,
  COUNT_SLOW,
  COUNT_READ,
  COUNT_WRITTEN,
  COUNT_WAIT,
  COUNT_LATENCY,
  COUNT_BUSY,
  COUNT_CAPACITY,
};

const KmlCounterInfo kml_disk_counters[] = {
  [COUNT_REQUESTS] = { "requests", "count", "requests submitted" },
  [COUNT_DONE] = { "done", "count", "requests that are done, well or not" },
  [COUNT_MERGED] = { "merged", "count",
                     "requests that were served with one for neighbouring sectors" },
  [COUNT_ERRORS] = { "errors", "count", "requests that failed" },
  [COUNT_SLOW] = { "slow", "count", "times that the disk was slow on request" },
  [COUNT_READ] = { "read", "bytes", "read" },
  [COUNT_WRITTEN] = { "written", "bytes", "written" },
  [COUNT_WAIT] = { "wait", "ps",
                   "time that requests spent before they were served, of those done" },
  [COUNT_LATENCY] = { "latency", "ps", "time from submitting to the interrupt, of those done" },
  [COUNT_BUSY] = { "busy", "ps", "time that servers were at work" },
  [COUNT_CAPACITY] = { "capacity", "ps", "time that servers could have worked" },
  { NULL, NULL, NULL },
};

static double
wait_mean (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_WAIT], counted[COUNT_DONE]) / KML_NS;
}

static double
latency_mean (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_LATENCY], counted[COUNT_DONE]) / KML_NS;
}

static double
utilisation (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_BUSY], counted[COUNT_CAPACITY]);
}

const KmlFigureInfo kml_disk_figures[] = {
  { "wait_mean", "ns", "mean time of a request before it is served", wait_mean },
  { "latency_mean", "ns", "mean time from submitting a request to its interrupt", latency_mean },
  { "utilisation", "ratio", "share of the time in which a server is at work", utilisation },
  { NULL, NULL, NULL, NULL },
};

KmlDisk *
kml_disk_from_device (KmlDevice *device)
{
  return device->ops->disk != NULL ? (KmlDisk *)device : NULL;
}

/* ---- Queues ---- */

static void
push (KmlDiskQueue *queue, KmlDiskRequest *request)
{
  request->next = NULL;
  if (queue->first == NULL)
    queue->first = request;
  else
    queue->last->next = request;
  queue->last = request;
}

/* The one behind @before, or the first. */
static KmlDiskRequest *
take_behind (KmlDiskQueue *queue, KmlDiskRequest *before)
{
  KmlDiskRequest **link = before == NULL ? &queue->first : &before->next;
  KmlDiskRequest *request = *link;

  *link = request->next;
  if (queue->last == request)
    queue->last = before;
  request->next = NULL;
  return request;
}

/* How far @request is from the head in the sense of the order: the least goes next. */
static guint64
distance (const KmlDisk *self, const KmlDiskRequest *request)
{
  if (self->order == KML_DISK_FIFO)
    return 0;
  if (self->order == KML_DISK_ELEVATOR)
    return request->first - self->head; /* modulo 2^64: what is below the head comes last */
  return MAX (request->first, self->head) - MIN (request->first, self->head);
}

static KmlDiskRequest *
take_next (KmlDisk *self)
{
  KmlDiskRequest *best_before = NULL;
  guint64 best = G_MAXUINT64;
  KmlDiskRequest *before = NULL;

  if (self->order == KML_DISK_FIFO)
    return take_behind (&self->waiting, NULL);
  for (KmlDiskRequest *request = self->waiting.first; request != NULL; request = request->next) {
    const guint64 this = distance (self, request);

    if (this < best || request == self->waiting.first) {
      best = this;
      best_before = before;
    }
    before = request;
  }
  return take_behind (&self->waiting, best_before);
}

/* Joins @request to one that waits for the sectors beside its own. */
static gboolean
merge (KmlDisk *self, KmlDiskRequest *request)
{
  const guint64 max = self->max_merged >> KML_SECTOR_SHIFT;

  if (max == 0 || request->verdict != KML_DISK_OK)
    return FALSE;
  for (KmlDiskRequest *other = self->waiting.first; other != NULL; other = other->next) {
    if (other->is_write != request->is_write || other->verdict != KML_DISK_OK ||
        (other->end != request->first && other->first != request->end) ||
        other->end - other->first + request->n_sectors > max)
      continue;
    other->first = MIN (other->first, request->first);
    other->end = MAX (other->end, request->end);
    other->last_merged->merged = request;
    other->last_merged = request;
    return TRUE;
  }
  return FALSE;
}

/* ---- Serving ---- */

static void
start (KmlDisk *self, KmlDiskServer *server)
{
  KmlMachine *machine = self->base.host.machine;
  KmlDiskRequest *request = take_behind (&server->queue, NULL);
  const KmlTime now = machine->now;
  KmlTime service = 0;

  server->current = request;
  if (request->verdict == KML_DISK_OK) {
    service = self->base.ops->disk->service (self, request, (guint)(server - self->servers));
    self->n_sent++;
    if (kml_fault_strikes (&self->slow, self->n_sent, now, &self->slow_rng)) {
      service += self->slow_by;
      self->base.counters[COUNT_SLOW]++;
    }
    if (kml_fault_strikes (&self->errors, self->n_sent, now, &self->error_rng))
      request->verdict = KML_DISK_ERROR;
    service += kml_inject_delay (machine);
    if (request->verdict == KML_DISK_OK && kml_inject (machine, KML_INJECT_IO_ERROR))
      request->verdict = KML_DISK_ERROR;
  }
  for (KmlDiskRequest *part = request; part != NULL; part = part->merged)
    part->started = now;
  kml_timer_set (&server->timer, machine->scheduler,
                 service > KML_TIME_MAX - 1 - now ? KML_TIME_MAX - 1 : now + service);
}

/* Sends requests inside as long as there is room. */
static void
pump (KmlDisk *self)
{
  const KmlDiskOps *ops = self->base.ops->disk;

  while (self->n_inside < self->depth && self->waiting.first != NULL) {
    KmlDiskRequest *request = take_next (self);
    KmlDiskServer *server = &self->servers[ops->place != NULL ? ops->place (self, request) : 0];

    self->head = request->end;
    self->n_inside++;
    server->n_queued++;
    push (&server->queue, request);
    if (server->current == NULL)
      start (self, server);
  }
}

/* Its timer: a server is done with a request. */
static void
finish (gpointer data)
{
  KmlDiskServer *server = data;
  KmlDisk *self = server->disk;

  kml_disk_account (&self->base);
  push (&self->finished, server->current);
  server->current = NULL;
  server->n_queued--;
  self->n_inside--;
  if (server->queue.first != NULL)
    start (self, server);
  pump (self);
  kml_irq_raise (&self->irq);
}

/* One request is done, of those that were served together. */
static void
complete (KmlDisk *self, KmlDiskRequest *request, guint8 status)
{
  KmlMachine *machine = self->base.host.machine;
  guint64 *counters = self->base.counters;
  KmlTask *waiter = request->waiter;

  request->finished = machine->now;
  request->status = status;
  counters[COUNT_DONE]++;
  counters[COUNT_WAIT] += request->started - request->queued;
  counters[COUNT_LATENCY] += request->finished - request->queued;
  if (status == KML_DISK_OK)
    counters[request->is_write ? COUNT_WRITTEN : COUNT_READ] += (guint64)request->n_sectors
                                                                << KML_SECTOR_SHIFT;
  else
    counters[COUNT_ERRORS]++;
  self->worst_wait = MAX (self->worst_wait, request->started - request->queued);
  self->worst_latency = MAX (self->worst_latency, request->finished - request->queued);
  if (waiter != NULL) {
    request->waiter = NULL;
    kml_spend (machine, KML_COST_WAKE, 1);
    kml_task_wake (waiter);
  }
  if (request->done != NULL)
    request->done (request, request->data);
}

/* The handler: of one request, or several merged ones. It is raised once for each that is finished. */
static void
handle (KmlMachine *machine, gpointer data)
{
  KmlDisk *self = data;
  KmlDiskRequest *request;
  guint8 verdict;

  KML_CALL (machine, "disk interrupt");
  kml_sync (machine);
  self->handled = take_behind (&self->finished, NULL);
  verdict = self->handled->verdict;
  while ((request = self->handled) != NULL) {
    self->handled = request->merged;
    complete (self, request, verdict);
    if (self->handled != NULL)
      kml_sync (machine);
  }
}

/* ---- For who has something to read or to write ---- */

void
kml_disk_submit (KmlDisk *self, KmlDiskRequest *request)
{
  KmlMachine *machine = self->base.host.machine;

  g_assert (request->status != KML_DISK_PENDING);
  g_assert (request->n_sectors > 0);

  if (kml_current_task (machine) != NULL) {
    machine->now += self->submit;
    kml_sync (machine);
  }
  kml_disk_account (&self->base);
  request->status = KML_DISK_PENDING;
  request->queued = machine->now;
  request->first = request->sector;
  request->end = request->sector + request->n_sectors;
  request->waiter = NULL;
  request->merged = NULL;
  request->last_merged = request;
  request->verdict = request->end > self->n_sectors || request->end < request->first
                         ? KML_DISK_OUT_OF_RANGE
                         : KML_DISK_OK;
  self->base.counters[COUNT_REQUESTS]++;
  if (merge (self, request)) {
    self->base.counters[COUNT_MERGED]++;
    return;
  }
  push (&self->waiting, request);
  pump (self);
}

KmlDiskStatus
kml_disk_wait (KmlDisk *self, KmlDiskRequest *request)
{
  KmlMachine *machine = self->base.host.machine;
  const KmlWait wait = { .kind = KML_WAIT_IO, .what = self->base.name };

  g_assert (request->status != KML_DISK_NEW);
  g_assert (request->waiter == NULL);

  kml_sync (machine);
  while (request->status == KML_DISK_PENDING) {
    request->waiter = kml_current_task (machine);
    kml_task_wait (machine, &wait, KML_PART_IO, FALSE);
  }
  return (KmlDiskStatus)request->status;
}

static KmlDiskStatus
transfer (KmlDisk *self, guint64 sector, guint32 n_sectors, gboolean is_write)
{
  KmlDiskRequest request = { .sector = sector, .n_sectors = n_sectors, .is_write = is_write };

  kml_disk_submit (self, &request);
  return kml_disk_wait (self, &request);
}

KmlDiskStatus
kml_disk_read (KmlDisk *self, guint64 sector, guint32 n_sectors)
{
  KML_CALL (self->base.host.machine, "disk read");
  return transfer (self, sector, n_sectors, FALSE);
}

KmlDiskStatus
kml_disk_write (KmlDisk *self, guint64 sector, guint32 n_sectors)
{
  KML_CALL (self->base.host.machine, "disk write");
  return transfer (self, sector, n_sectors, TRUE);
}

/* ---- For kinds ---- */

gboolean
kml_disk_open (KmlDisk *self, GError **error)
{
  KmlScheduler *scheduler = self->base.host.machine->scheduler;

  g_assert (self->n_servers > 0);
  g_assert (self->depth > 0);

  if (!kml_fault_parse (self->errors_text, &self->errors, error) ||
      !kml_fault_parse (self->slow_text, &self->slow, error) ||
      !kml_device_init_irq (&self->base, &self->irq, self->cpu, KML_LEVEL_HARDIRQ, handle, error))
    return FALSE;
  kml_device_rng (&self->base, "errors", &self->error_rng);
  kml_device_rng (&self->base, "slow", &self->slow_rng);
  self->n_sectors = self->size >> KML_SECTOR_SHIFT;
  self->servers = g_new0 (KmlDiskServer, self->n_servers);
  for (guint i = 0; i < self->n_servers; i++) {
    self->servers[i].disk = self;
    kml_timer_init (&self->servers[i].timer, scheduler, finish, &self->servers[i]);
  }
  self->accounted = self->base.host.machine->now;
  return TRUE;
}

void
kml_disk_close (KmlDevice *device)
{
  KmlDisk *self = (KmlDisk *)device;

  if (self->servers != NULL) {
    for (guint i = 0; i < self->n_servers; i++)
      kml_timer_cancel (&self->servers[i].timer);
    g_clear_pointer (&self->servers, g_free);
  }
  kml_irq_clear (&self->irq);
}

void
kml_disk_account (KmlDevice *device)
{
  KmlDisk *self = (KmlDisk *)device;
  const KmlTime now = device->host.machine->now;

  for (guint i = 0; i < self->n_servers; i++)
    if (self->servers[i].current != NULL)
      device->counters[COUNT_BUSY] += now - self->accounted;
  device->counters[COUNT_CAPACITY] += self->n_servers * (now - self->accounted);
  self->accounted = now;
}

/* Requests are their callers', and nobody has made one yet. */
void
kml_disk_remember (KmlDevice *device, KmlImage *image)
{
  KmlDisk *self = (KmlDisk *)device;

  kml_image_add (image, self->servers, self->n_servers * sizeof *self->servers);
}

static gboolean
broken (const char *invariant, const KmlDisk *self, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant %s does not hold in disk %s",
               invariant, self->base.name);
  return FALSE;
}

static guint64
n_parts (const KmlDiskRequest *request)
{
  guint64 n = 0;

  for (; request != NULL; request = request->merged)
    n++;
  return n;
}

static guint64
n_in (const KmlDiskQueue *queue)
{
  guint64 n = 0;

  for (const KmlDiskRequest *request = queue->first; request != NULL; request = request->next)
    n += n_parts (request);
  return n;
}

gboolean
kml_disk_check (const KmlDevice *device, GError **error)
{
  const KmlDisk *self = (const KmlDisk *)device;
  guint n_inside = 0;
  guint64 n = n_in (&self->waiting) + n_in (&self->finished) + n_parts (self->handled);

  for (guint i = 0; i < self->n_servers; i++) {
    const KmlDiskServer *server = &self->servers[i];

    n_inside += server->n_queued;
    n += n_parts (server->current) + n_in (&server->queue);
    if ((server->current != NULL) != server->timer.is_set)
      return broken ("D3", self, error);
    if (server->current == NULL && server->queue.first != NULL)
      return broken ("D3", self, error);
  }
  if (n_inside != self->n_inside || n_inside > self->depth)
    return broken ("D1", self, error);
  if (self->waiting.first != NULL && n_inside < self->depth)
    return broken ("D2", self, error);
  if (device->counters[COUNT_REQUESTS] != device->counters[COUNT_DONE] + n)
    return broken ("D4", self, error);
  return TRUE;
}
