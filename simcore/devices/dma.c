/* dma.c: a device that reads and writes memory without a CPU.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Addresses and segments
 *
 * dma-segments.c: where a buffer lies, what a device sees of it, and whether it takes that.
 *
 * 2. Work
 *
 * Requests are served in the order in which they came, in bursts. Bytes are really moved, at the end of their burst: what comes from the device
 * is its tag, what goes to it is added up. So a frame that changed hands too early shows in the data.
 *
 * 3. Caches
 *
 * Where the device does not see the CPUs' caches, the kernel writes the buffer's lines back before it starts, and drops them again after it was written
 * to (they may have been fetched meanwhile). Each line costs.
 *
 * 4. Pausing
 *
 * A page under DMA can be moved when the device stands still: the mover waits for the end of the burst, copies the page, changes the list
 * of pages or the IOMMU's entry, and lets it go on. Requests that are not yet being moved need no pause. Without an IOMMU the new frame must suit
 * the device as the old one did.
 *
 * Not modelled: bounce buffers (a refusal is counted; the caller decides), several channels, the bus and its contention with CPUs, faults of devices.
 *
 * Invariants, verified by kml_dma_check():
 *   E1  every page of a pending request is pinned
 *   E2  it is at work if and only if it has a request and is not paused
 *   E3  the IOMMU has one range for each pending request (and I1, I2)
 */

#include "simcore/devices/dma-private.h"
#include "simcore/base/units.h"

typedef unsigned __int128 Wide;

/* Without a limit an IOMMU gives 48 bits, as four levels of page tables do. */
#define IO_SPACE (G_GUINT64_CONSTANT (1) << 48)

const char *const kml_dma_status_names[] = {
  [KML_DMA_NEW] = "new",
  [KML_DMA_PENDING] = "pending",
  [KML_DMA_OK] = "ok",
  [KML_DMA_MISALIGNED] = "misaligned",
  [KML_DMA_OUT_OF_REACH] = "out of reach",
  [KML_DMA_SCATTERED] = "scattered",
  [KML_DMA_NO_ADDRESSES] = "no addresses",
  NULL,
};

enum {
  COUNT_REQUESTS,
  COUNT_DONE,
  COUNT_REFUSED,
  COUNT_MISALIGNED, /* in the order of KmlDmaStatus … */
  COUNT_OUT_OF_REACH,
  COUNT_SCATTERED,
  COUNT_NO_ADDRESSES, /* … up to here */
  COUNT_BYTES,
  COUNT_SEGMENTS,
  COUNT_LINES,
  COUNT_MAPPED,
  COUNT_FLUSHES,
  COUNT_MOVES,
  COUNT_PAUSED,
  COUNT_OVERHEAD,
  COUNT_LATENCY,
  COUNT_BUSY,
  COUNT_CAPACITY,
};

const KmlCounterInfo kml_dma_counters[] = {
  [COUNT_REQUESTS] = { "requests", "count", "requests submitted" },
  [COUNT_DONE] = { "done", "count", "requests that are done" },
  [COUNT_REFUSED] = { "refused", "count", "requests whose buffer did not suit the device" },
  [COUNT_MISALIGNED] = { "refused_misaligned", "count",
                         "of them: a segment would begin where it must not (alignment)" },
  [COUNT_OUT_OF_REACH] = { "refused_out_of_reach", "count",
                           "of them: a segment would end above the limit" },
  [COUNT_SCATTERED] = { "refused_scattered", "count",
                        "of them: more segments than max-segments, where it is cut at the boundary "
                        "and at max-segment, too" },
  [COUNT_NO_ADDRESSES] = { "refused_no_addresses", "count",
                           "of them: the IOMMU had no range of addresses left" },
  [COUNT_BYTES] = { "moved", "bytes", "moved by the device" },
  [COUNT_SEGMENTS] = { "segments", "count", "segments of the requests done" },
  [COUNT_LINES] = { "flushed_lines", "count", "cache lines written back or dropped" },
  [COUNT_MAPPED] = { "iommu_pages", "count", "pages mapped in the IOMMU" },
  [COUNT_FLUSHES] = { "iommu_flushes", "count", "flushes of the IOMMU's translation cache" },
  [COUNT_MOVES] = { "moves", "count", "pages moved under the device" },
  [COUNT_PAUSED] = { "paused", "ps", "time that it stood still for that" },
  [COUNT_OVERHEAD] = { "overhead", "ps", "time of CPUs for caches and the IOMMU" },
  [COUNT_LATENCY] = { "latency", "ps", "time from submitting to the interrupt, of those done" },
  [COUNT_BUSY] = { "busy", "ps", "time that it was at work" },
  [COUNT_CAPACITY] = { "capacity", "ps", "time that it could have worked" },
  { NULL, NULL, NULL },
};

static double
segments_mean (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_SEGMENTS], counted[COUNT_DONE]);
}

static double
overhead_mean (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_OVERHEAD], counted[COUNT_DONE]) / KML_NS;
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

const KmlFigureInfo kml_dma_figures[] = {
  { "segments_mean", "count", "mean number of segments of a request", segments_mean },
  { "overhead_mean", "ns", "mean time of CPUs for caches and the IOMMU, a request", overhead_mean },
  { "latency_mean", "ns", "mean time from submitting a request to its interrupt", latency_mean },
  { "utilisation", "ratio", "share of the time in which it is at work", utilisation },
  { NULL, NULL, NULL, NULL },
};

KmlDma *
kml_dma_from_device (KmlDevice *device)
{
  return kml_dma_is_kind (device->ops) ? (KmlDma *)device : NULL;
}

gboolean
kml_dma_is_kind (const KmlDeviceOps *ops)
{
  return ops->open == kml_dma_open;
}

/* ---- Mapping ---- */

static void
flush_caches (KmlDma *self, const KmlDmaRequest *request)
{
  KmlMachine *machine = self->base.host.machine;
  guint64 n;

  if (self->is_coherent)
    return;
  n = kml_dma_n_lines (request, kml_ram_page_size (machine->ram));
  machine->now += n * self->flush_line;
  self->base.counters[COUNT_LINES] += n;
}

static KmlDmaStatus
map (KmlDma *self, KmlDmaRequest *request)
{
  KmlMachine *machine = self->base.host.machine;
  KmlDmaStatus status;

  if (self->has_iommu) {
    request->io = kml_iommu_map (&self->iommu, machine, request->n_pages,
                                 self->limits.constraints.alignment);
    if (request->io == KML_ADDR_NONE)
      return KML_DMA_NO_ADDRESSES;
  }
  status = kml_dma_judge (self, request, &request->n_segments);
  if (status != KML_DMA_PENDING) {
    if (self->has_iommu)
      kml_iommu_unmap (&self->iommu, machine, request->io, request->n_pages);
    return status;
  }
  for (guint i = 0; i < request->n_pages; i++)
    kml_pin (machine, request->pages[i]);
  flush_caches (self, request);
  return status;
}

static void
unmap (KmlDma *self, KmlDmaRequest *request)
{
  KmlMachine *machine = self->base.host.machine;

  if (request->is_from_device)
    flush_caches (self, request);
  if (self->has_iommu)
    kml_iommu_unmap (&self->iommu, machine, request->io, request->n_pages);
  for (guint i = 0; i < request->n_pages; i++)
    kml_unpin (machine, request->pages[i]);
}

/* ---- Work ---- */

static void
start_burst (KmlDma *self)
{
  KmlMachine *machine = self->base.host.machine;
  KmlDmaRequest *request = self->first;
  KmlTime time = 0;

  if (request == NULL || self->in_burst > 0)
    return;
  if (self->mover != NULL) {
    if (!self->is_paused)
      self->paused_since = machine->now;
    self->is_paused = TRUE;
    return;
  }
  if (request->moved == request->segment_end) {
    request->segment_end += kml_dma_segment_length (self, request, request->moved);
    time = self->segment_time;
  }
  self->in_burst = MIN (self->burst, request->segment_end - request->moved);
  time += (KmlTime)(((Wide)self->in_burst * self->burst_time + self->burst - 1) / self->burst);
  kml_timer_set (&self->timer, machine->scheduler, machine->now + time);
}

static void
move_bytes (KmlDma *self, KmlDmaRequest *request)
{
  KmlRam *ram = self->base.host.machine->ram;

  for (guint64 left = self->in_burst, n; left > 0; left -= n) {
    guint8 *bytes = ram->store + kml_dma_request_addr (request, ram, request->moved, &n);

    n = MIN (n, left);
    if (request->is_from_device) {
      memset (bytes, request->tag, n);
      kml_machine_device_writes (self->base.host.machine, (KmlAddr)(bytes - ram->store), n);
    } else {
      for (guint64 i = 0; i < n; i++)
        request->sum += bytes[i];
    }
    request->moved += n;
  }
}

/* Its timer: a burst is over. */
static void
end_burst (gpointer data)
{
  KmlDma *self = data;
  KmlDmaRequest *request = self->first;

  kml_dma_account (&self->base);
  move_bytes (self, request);
  self->base.counters[COUNT_BYTES] += self->in_burst;
  self->in_burst = 0;
  if (request->moved == request->size) {
    self->first = request->next;
    request->next = NULL;
    if (self->finished == NULL)
      self->finished = request;
    else
      self->last_finished->next = request;
    self->last_finished = request;
    kml_irq_raise (&self->irq);
  }
  if (self->mover != NULL)
    kml_task_wake (self->mover);
  start_burst (self);
}

/* The handler, once for each request that is finished. */
static void
handle (KmlMachine *machine, gpointer data)
{
  KmlDma *self = data;
  KmlDmaRequest *request;
  KmlTask *waiter;
  KmlTime before;

  KML_CALL (machine, "DMA interrupt");
  kml_sync (machine);
  request = self->finished;
  self->finished = request->next;
  before = machine->now;
  unmap (self, request);
  self->base.counters[COUNT_OVERHEAD] += machine->now - before;
  kml_sync (machine);
  request->finished = machine->now;
  request->status = KML_DMA_OK;
  self->base.counters[COUNT_DONE]++;
  self->base.counters[COUNT_SEGMENTS] += request->n_segments;
  self->base.counters[COUNT_LATENCY] += request->finished - request->queued;
  waiter = request->waiter;
  if (waiter != NULL) {
    request->waiter = NULL;
    kml_spend (machine, KML_COST_WAKE, 1);
    kml_task_wake (waiter);
  }
  if (request->done != NULL)
    request->done (request, request->data);
}

/* ---- For who has something to move ---- */

KmlDmaStatus
kml_dma_submit (KmlDma *self, KmlDmaRequest *request)
{
  KmlMachine *machine = self->base.host.machine;
  const KmlTime before = machine->now;
  KmlDmaStatus status;

  g_assert (request->status != KML_DMA_PENDING);
  g_assert (kml_dma_is_well_formed (request, kml_ram_page_size (machine->ram)));

  self->base.counters[COUNT_REQUESTS]++;
  kml_device_sync (&self->base);
  status = map (self, request);
  request->status = (guint8)status;
  self->base.counters[COUNT_OVERHEAD] += machine->now - before;
  if (status != KML_DMA_PENDING) {
    self->base.counters[COUNT_REFUSED]++;
    self->base.counters[COUNT_MISALIGNED + status - KML_DMA_MISALIGNED]++;
    return status;
  }
  kml_device_sync (&self->base);
  kml_dma_account (&self->base);
  request->queued = machine->now;
  request->moved = request->segment_end = 0;
  request->sum = 0;
  request->waiter = NULL;
  request->next = NULL;
  if (self->first == NULL)
    self->first = request;
  else
    self->last->next = request;
  self->last = request;
  start_burst (self);
  return status;
}

KmlDmaStatus
kml_dma_wait (KmlDma *self, KmlDmaRequest *request)
{
  KmlMachine *machine = self->base.host.machine;
  const KmlWait wait = { .kind = KML_WAIT_IO, .what = self->base.name };

  g_assert (request->status != KML_DMA_NEW);
  g_assert (request->waiter == NULL);

  kml_sync (machine);
  while (request->status == KML_DMA_PENDING) {
    request->waiter = kml_current_task (machine);
    kml_task_wait (machine, &wait, KML_PART_IO, FALSE);
  }
  return (KmlDmaStatus)request->status;
}

static gboolean
is_in (const KmlDmaRequest *list, const KmlDmaRequest *request)
{
  while (list != NULL && list != request)
    list = list->next;
  return list != NULL;
}

/* Whether it is pending: the device has not yet moved all of it, or its interrupt is on the way. @request may be no more. */
static gboolean
has_it (const KmlDma *self, const KmlDmaRequest *request)
{
  return is_in (self->first, request) || is_in (self->finished, request);
}

/* The device goes on with the pages that @request has now, where they suit it. */
static gboolean
read_pages_anew (const KmlDma *self, KmlDmaRequest *request)
{
  guint n_segments;

  if (is_in (self->finished, request)) /* it needs them no more */
    return TRUE;
  if (kml_dma_judge (self, request, &n_segments) != KML_DMA_PENDING)
    return FALSE;
  request->n_segments = n_segments;
  request->segment_end = request->moved;
  return TRUE;
}

/* Page @index of @request becomes @to, where that suits the device. */
static gboolean
replace_page (KmlDma *self, KmlDmaRequest *request, guint index, KmlPfn to)
{
  KmlMachine *machine = self->base.host.machine;
  KmlRam *ram = machine->ram;
  const KmlPfn from = request->pages[index];

  request->pages[index] = to;
  if (!read_pages_anew (self, request)) {
    request->pages[index] = from;
    return FALSE;
  }
  memcpy (ram->store + kml_ram_addr (ram, to), ram->store + kml_ram_addr (ram, from),
          kml_ram_page_size (ram));
  kml_spend (machine, KML_COST_ZERO_PAGE, 2); /* a page is read and a page is written */
  if (self->has_iommu)
    kml_iommu_remap_page (&self->iommu, machine);
  kml_move_pins (machine, from, to);
  return TRUE;
}

/* Where page @from is in @request, if that is pending. */
static gboolean
find_page (const KmlDma *self, const KmlDmaRequest *request, KmlPfn from, guint *ret_index)
{
  if (!has_it (self, request))
    return FALSE;
  for (guint i = 0; i < request->n_pages; i++)
    if (request->pages[i] == from) {
      *ret_index = i;
      return TRUE;
    }
  return FALSE;
}

gboolean
kml_dma_move_page (KmlDma *self, KmlDmaRequest *request, KmlPfn from, KmlPfn to)
{
  KmlMachine *machine = self->base.host.machine;
  const KmlWait wait = { .kind = KML_WAIT_IO, .what = self->base.name };
  guint index;
  gboolean is_moved;

  KML_CALL (machine, "move a page under DMA");
  kml_sync (machine);
  if (self->mover != NULL || !has_it (self, request))
    return FALSE;
  self->mover = kml_current_task (machine);
  if (self->first == request)
    while (self->in_burst > 0)
      kml_task_wait (machine, &wait, KML_PART_IO, FALSE);
  is_moved = find_page (self, request, from, &index) && replace_page (self, request, index, to);
  kml_sync (machine);
  kml_dma_account (&self->base);
  self->base.counters[COUNT_PAUSED] += self->is_paused ? machine->now - self->paused_since : 0;
  self->base.counters[COUNT_MOVES] += is_moved;
  self->is_paused = FALSE;
  self->mover = NULL;
  start_burst (self);
  return is_moved;
}

/* ---- Slots ---- */

static gboolean
refuse (const char *key, const char *expected, guint64 than, GError **error)
{
  g_autofree char *size = kml_format_size (than);

  return kml_refuse (error, key, "it can reach no memory so: expected %s %s", expected, size);
}

/* What no buffer could keep to. */
static gboolean
is_possible (const KmlDma *self, GError **error)
{
  const KmlDmaLimits *limits = &self->limits;
  const KmlConstraints *constraints = &limits->constraints;
  const guint64 page_size = kml_ram_page_size (self->base.host.machine->ram);

  if (constraints->boundary != 0 && constraints->boundary < constraints->alignment)
    return refuse ("boundary", "no less than the alignment, which is", constraints->alignment,
                   error);
  if (limits->max_segment != 0 && constraints->alignment != 0 &&
      limits->max_segment % constraints->alignment != 0)
    return refuse ("max-segment", "a multiple of the alignment, which is", constraints->alignment,
                   error);
  if (constraints->limit != 0 &&
      constraints->limit < MAX (constraints->alignment, page_size) * (self->has_iommu ? 2 : 1))
    return refuse ("limit", "at least",
                   MAX (constraints->alignment, page_size) * (self->has_iommu ? 2 : 1), error);
  return TRUE;
}

gboolean
kml_dma_open (KmlDevice *device, GError **error)
{
  KmlDma *self = (KmlDma *)device;
  KmlMachine *machine = device->host.machine;

  if (!is_possible (self, error) ||
      !kml_device_init_irq (device, &self->irq, self->cpu, KML_LEVEL_HARDIRQ, handle, error))
    return FALSE;
  kml_timer_init (&self->timer, machine->scheduler, end_burst, self);
  if (self->has_iommu) {
    const KmlAddr limit = self->limits.constraints.limit;

    kml_iommu_init (&self->iommu, machine->ram->page_shift, limit != 0 ? limit : IO_SPACE);
    self->iommu.map_page = self->map_page;
    self->iommu.unmap_page = self->unmap_page;
    self->iommu.flush = self->flush_iommu;
  }
  self->accounted = machine->now;
  return TRUE;
}

void
kml_dma_account (KmlDevice *device)
{
  KmlDma *self = (KmlDma *)device;
  const KmlTime now = device->host.machine->now;

  if (self->in_burst > 0)
    device->counters[COUNT_BUSY] += now - self->accounted;
  device->counters[COUNT_CAPACITY] += now - self->accounted;
  device->counters[COUNT_MAPPED] = self->iommu.n_mapped;
  device->counters[COUNT_FLUSHES] = self->iommu.n_flushes;
  self->accounted = now;
}

static gboolean
broken (const char *invariant, const KmlDma *self, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant %s does not hold in %s", invariant,
               self->base.name);
  return FALSE;
}

static gboolean
are_pinned (const KmlDma *self, const KmlDmaRequest *request, guint *n)
{
  for (; request != NULL; request = request->next) {
    ++*n;
    for (guint i = 0; i < request->n_pages; i++)
      if (!kml_is_pinned (self->base.host.machine, request->pages[i]))
        return FALSE;
  }
  return TRUE;
}

/* Requests are their callers', and nobody has made one yet. */
void
kml_dma_remember (KmlDevice *device, KmlImage *image)
{
  KmlDma *self = (KmlDma *)device;

  if (self->has_iommu)
    kml_image_add_array (image, self->iommu.gaps);
}

gboolean
kml_dma_check (const KmlDevice *device, GError **error)
{
  const KmlDma *self = (const KmlDma *)device;
  guint n = 0;

  if (!are_pinned (self, self->first, &n) || !are_pinned (self, self->finished, &n))
    return broken ("E1", self, error);
  if ((self->in_burst > 0) != self->timer.is_set)
    return broken ("E2", self, error);
  if (self->in_burst == 0 && self->first != NULL && self->mover == NULL)
    return broken ("E2", self, error);
  if (!self->has_iommu)
    return TRUE;
  if (self->iommu.n_ranges != n)
    return broken ("E3", self, error);
  return kml_iommu_check (&self->iommu, error);
}

void
kml_dma_close (KmlDevice *device)
{
  KmlDma *self = (KmlDma *)device;

  kml_timer_cancel (&self->timer);
  kml_iommu_finish (&self->iommu);
  kml_irq_clear (&self->irq);
}
