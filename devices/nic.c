/* nic.c: a network card with receive rings, whose driver allocates in interrupts.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The way of a packet
 *
 *     arrival ──► ring: a posted buffer is filled ──interrupt──► poll: a new buffer takes its place ──► backlog ──► consumer
 *                 none posted: drops_ring                        no memory: drops_memory        full:         works and
 *                                                                the old one is posted again    drops_backlog  frees it
 *
 * Each ring has a CPU. Its hardirq starts a poll in softirq, as Linux's NAPI does (Jeffrey C. Mogul, K. K. Ramakrishnan, "Eliminating Receive Livelock in an
 * Interrupt-Driven Kernel", USENIX ATC 1996), or polls itself with `context = hardirq'. While a poll is going on there are no
 * further interrupts of its ring. After `budget' packets it stops and goes on `again' later, so that tasks of the CPU are not starved.
 *
 * The poll may not sleep. It asks with GFP_ATOMIC, and what it does not get is a packet lost: an outcome, and counted. The consumer
 * (a task, as the process that reads a socket) posts the first buffers and gives back each after it has worked on it.
 *
 * Posted buffers are pinned, since the card may write to them at any time.
 *
 * 2. What ends
 *
 * `packets' arrive in all, so that a machine in which nothing else goes on is seen to stand still.
 *
 * Not modelled: sending, the contents of packets, coalescing of interrupts by time, several buffers to a packet, flow control of the senders.
 *
 * Invariants, verified by nic_check():
 *   N1  arrived = drops + received + packets in rings
 *   N2  received = consumed + packets in the backlog
 *   N3  the frames of all buffers in rings are pinned
 */

#include "devices/nic-private.h"

#include "simcore/memory/pin.h"

/* ---- Buffers ---- */

static KmlAllocator *
allocator_of (const Nic *self)
{
  return self->from == FROM_OBJECTS ? self->base.host.objects : self->base.host.pages;
}

static KmlLevel
level_of (const Nic *self)
{
  return self->from == FROM_OBJECTS ? KML_LEVEL_OBJECTS : KML_LEVEL_PAGES;
}

/* By the running task. */
static KmlRequest
make_request (const Nic *self, KmlGfp gfp)
{
  const KmlTask *task = kml_current_task (self->base.host.machine);

  return (KmlRequest){
    .size = self->buffer,
    .constraints = self->constraints.alignment != 0 || self->constraints.limit != 0
                       ? &self->constraints
                       : NULL,
    .gfp = gfp,
    .context = task->context,
    .cpu = (guint8)task->cpu,
    .mobility = kml_gfp_mobility (gfp),
  };
}

static KmlAddr
take_buffer (Nic *self, KmlGfp gfp)
{
  const KmlRequest request = make_request (self, gfp);
  KmlRequests *requests = self->base.host.requests;
  guint64 held;
  KmlBlock block;

  if (requests == NULL)
    return kml_allocator_alloc (allocator_of (self), &request, &held);
  kml_requests_alloc (requests, level_of (self), &request, &block);
  return block.addr;
}

static void
give_back (Nic *self, KmlAddr addr)
{
  const KmlRequest how = make_request (self, 0);
  KmlBlock block = { .addr = addr, .size = self->buffer, .level = level_of (self) };

  if (self->base.host.requests != NULL)
    kml_requests_free (self->base.host.requests, &block, &how);
  else
    kml_allocator_free_block (allocator_of (self), addr, &how);
}

static void
for_frames (Nic *self, KmlAddr addr, void (*func) (KmlMachine *machine, KmlPfn pfn))
{
  KmlMachine *machine = self->base.host.machine;

  for (KmlPfn pfn = kml_ram_pfn (machine->ram, addr);
       pfn <= kml_ram_pfn (machine->ram, addr + self->buffer - 1); pfn++)
    func (machine, pfn);
}

/* ---- Rings ---- */

static KmlAddr *
slot (const Ring *ring, guint i)
{
  return &ring->slots[(ring->head + i) % ring->nic->ring_size];
}

static void
post (Ring *ring, KmlAddr addr)
{
  *slot (ring, ring->n_filled + ring->n_posted) = addr;
  ring->n_posted++;
  for_frames (ring->nic, addr, kml_pin);
}

static void
await_packet (Nic *self)
{
  const KmlMachine *machine = self->base.host.machine;
  const KmlTime next = kml_arrivals_next (&self->arrivals, &self->clock);

  if (next != KML_TIME_MAX)
    kml_timer_set (&self->arrival, machine->scheduler, MAX (next, machine->now));
}

/* Its timer: a packet arrives. */
static void
arrive (gpointer data)
{
  Nic *self = data;
  Ring *ring =
      &self->rings[self->n_rings == 1 ? 0 : kml_rng_below (&self->ring_rng, self->n_rings)];

  self->base.counters[COUNT_PACKETS]++;
  if (ring->n_posted == 0) {
    self->base.counters[COUNT_DROPS_RING]++;
  } else {
    kml_machine_device_writes (self->base.host.machine, *slot (ring, ring->n_filled), self->buffer);
    ring->n_posted--;
    ring->n_filled++;
    if (!ring->is_polling) {
      ring->is_polling = TRUE;
      self->base.counters[COUNT_INTERRUPTS]++;
      kml_irq_raise (&ring->hardirq);
    }
  }
  if (self->base.counters[COUNT_PACKETS] < self->n_packets)
    await_packet (self);
}

/* The packet at the head of the ring goes to the consumer, if there is a buffer to take the place of its own. */
static void
receive (Ring *ring)
{
  Nic *self = ring->nic;
  KmlMachine *machine = self->base.host.machine;
  guint64 *counters = self->base.counters;
  const KmlTime before = machine->now;
  const KmlAddr fresh = take_buffer (self, self->gfp), old = *slot (ring, 0);

  counters[COUNT_ALLOCATIONS]++;
  counters[COUNT_ALLOCATION_TIME] += machine->now - before;
  kml_sync (machine);
  for_frames (self, old, kml_unpin);
  ring->head = (ring->head + 1) % (guint)self->ring_size;
  ring->n_filled--;
  post (ring, fresh != KML_ADDR_NONE ? fresh : old);
  if (fresh == KML_ADDR_NONE) {
    counters[COUNT_DROPS_MEMORY]++;
    return;
  }
  if (self->n_queued == self->backlog) {
    counters[COUNT_DROPS_BACKLOG]++;
    give_back (self, old);
    return;
  }
  counters[COUNT_RECEIVED]++;
  self->queue[(self->first + self->n_queued++) % self->backlog] = old;
  if (self->n_queued == 1) {
    kml_spend (machine, KML_COST_WAKE, 1);
    kml_task_wake (self->consumer);
  }
}

/* Of a handler. */
static void
poll_ring (KmlMachine *machine, gpointer data)
{
  Ring *ring = data;
  Nic *self = ring->nic;

  KML_CALL (machine, "network poll");
  self->base.counters[COUNT_POLLS]++;
  for (guint64 i = 0; i < self->budget; i++) {
    kml_sync (machine);
    if (ring->n_filled == 0)
      break;
    machine->now += self->packet;
    receive (ring);
  }
  kml_sync (machine);
  if (ring->n_filled > 0)
    kml_timer_set (&ring->again, machine->scheduler, machine->now + self->again);
  else
    ring->is_polling = FALSE;
}

static void
start_poll (gpointer data)
{
  Ring *ring = data;

  kml_irq_raise (ring->nic->context == 0 ? &ring->softirq : &ring->hardirq);
}

static void
handle (KmlMachine *machine, gpointer data)
{
  KML_CALL (machine, "network interrupt");
  kml_sync (machine);
  start_poll (data);
}

/* ---- The consumer ---- */

static void
consume (KmlMachine *machine, gpointer data)
{
  Nic *self = data;
  const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = self->base.name };

  KML_CALL (machine, "network consumer");
  for (guint64 i = 0; i < self->n_rings * self->ring_size; i++) {
    const KmlAddr addr = take_buffer (self, KML_GFP_KERNEL);

    kml_sync (machine);
    if (addr != KML_ADDR_NONE)
      post (&self->rings[i % self->n_rings], addr);
  }
  self->clock.now += (unsigned __int128)machine->now << 24; /* the card is up: its time begins */
  await_packet (self);
  for (;;) {
    KmlAddr addr;

    while (self->n_queued == 0)
      kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
    kml_work (machine, kml_distribution_draw (&self->consume, &self->consume_rng));
    kml_sync (machine);
    addr = self->queue[self->first];
    self->first = (self->first + 1) % self->backlog;
    self->n_queued--;
    self->base.counters[COUNT_CONSUMED]++;
    give_back (self, addr);
    kml_sync (machine);
  }
}

/* ---- Slots ---- */

static gboolean
is_possible (const Nic *self, GError **error)
{
  const KmlRam *ram = self->base.host.machine->ram;
  const guint64 page_size = kml_ram_page_size (ram);

  if (self->arrivals.kind == KML_ARRIVALS_CLOSED)
    return kml_refuse (error, "arrivals",
                       "expected poisson(RATE), periodic(TIME) or bursts(N, TIME)");
  if (allocator_of (self) == NULL)
    return kml_refuse (error, "from", "expected pages, since the machine has no object allocator");
  if (self->from == FROM_PAGES && self->buffer % page_size != 0)
    return kml_refuse (error, "buffer", "expected whole pages with from = pages");
  if (self->constraints.limit != 0 && self->constraints.limit < self->buffer)
    return kml_refuse (error, "limit", "expected one that leaves room for a buffer");
  if (self->consumer_cpu >= self->base.host.machine->n_cpus)
    return kml_refuse (error, "consumer-cpu", "the machine has CPUs 0 to %u",
                       self->base.host.machine->n_cpus - 1);
  return TRUE;
}

static gboolean
init_ring (Nic *self, Ring *ring, GError **error)
{
  KmlMachine *machine = self->base.host.machine;
  const guint64 cpu = self->cpu < machine->n_cpus
                          ? (self->cpu + (guint64)(ring - self->rings)) % machine->n_cpus
                          : self->cpu;

  ring->nic = self;
  ring->slots = g_new0 (KmlAddr, self->ring_size);
  if (!kml_device_init_irq (&self->base, &ring->hardirq, cpu, KML_LEVEL_HARDIRQ,
                            self->context == 0 ? handle : poll_ring, error) ||
      !kml_device_init_irq (&self->base, &ring->softirq, cpu, KML_LEVEL_SOFTIRQ, poll_ring, error))
    return FALSE;
  ring->hardirq.task.data = ring;
  ring->softirq.task.data = ring;
  kml_timer_init (&ring->again, machine->scheduler, start_poll, ring);
  return TRUE;
}

static gboolean
nic_open (KmlDevice *device, GError **error)
{
  Nic *self = (Nic *)device;
  KmlScheduler *scheduler = device->host.machine->scheduler;

  if (!kml_arrivals_parse (self->arrivals_text, &self->arrivals, error) ||
      !kml_distribution_parse (self->consume_text, KML_DRAW_SERVICES, &self->consume, error) ||
      !is_possible (self, error))
    return FALSE;
  kml_device_rng (device, "arrivals", &self->clock.rng);
  kml_device_rng (device, "rings", &self->ring_rng);
  kml_device_rng (device, "consume", &self->consume_rng);
  self->rings = g_new0 (Ring, self->n_rings);
  for (guint i = 0; i < self->n_rings; i++)
    if (!init_ring (self, &self->rings[i], error))
      return FALSE;
  self->queue = g_new0 (KmlAddr, self->backlog);
  kml_timer_init (&self->arrival, scheduler, arrive, self);

  const KmlTaskConfig config = {
    .name = device->name,
    .cpu = (guint)self->consumer_cpu,
    .is_daemon = TRUE,
    .func = consume,
    .data = self,
  };
  self->consumer = kml_task_new (scheduler, &config);
  self->consumer->step = device->step;
  return TRUE;
}

static gboolean
broken (const char *invariant, const Nic *self, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant %s does not hold in %s", invariant,
               self->base.name);
  return FALSE;
}

static gboolean
nic_check (const KmlDevice *device, GError **error)
{
  const Nic *self = (const Nic *)device;
  const guint64 *counters = device->counters;
  guint64 n = 0;

  for (guint i = 0; i < self->n_rings; i++) {
    const Ring *ring = &self->rings[i];

    n += ring->n_filled;
    for (guint j = 0; j < ring->n_filled + ring->n_posted; j++)
      if (!kml_is_pinned (device->host.machine,
                          kml_ram_pfn (device->host.machine->ram, *slot (ring, j))))
        return broken ("N3", self, error);
  }
  if (counters[COUNT_PACKETS] != counters[COUNT_DROPS_RING] + counters[COUNT_DROPS_MEMORY] +
                                     counters[COUNT_DROPS_BACKLOG] + counters[COUNT_RECEIVED] + n)
    return broken ("N1", self, error);
  if (counters[COUNT_RECEIVED] != counters[COUNT_CONSUMED] + self->n_queued)
    return broken ("N2", self, error);
  return TRUE;
}

/* Nothing is in rings and backlog, so what their places have is nobody's. */
static void
nic_remember (KmlDevice *device, KmlImage *image)
{
  Nic *self = (Nic *)device;

  kml_image_add (image, self->rings, self->n_rings * sizeof *self->rings);
}

static void
nic_close (KmlDevice *device)
{
  Nic *self = (Nic *)device;

  for (guint i = 0; self->rings != NULL && i < self->n_rings; i++) {
    kml_irq_clear (&self->rings[i].hardirq);
    kml_irq_clear (&self->rings[i].softirq);
    g_free (self->rings[i].slots);
  }
  g_clear_pointer (&self->rings, g_free);
  g_clear_pointer (&self->queue, g_free);
  kml_distribution_clear (&self->consume);
}

static const KmlDeviceOps nic_ops = {
  .name = "nic",
  .summary = "network card: receive rings whose buffers are allocated in interrupts",
  .instance_size = sizeof (Nic),
  .params = kml_nic_params,
  .counters = kml_nic_counters,
  .figures = kml_nic_figures,
  .open = nic_open,
  .check = nic_check,
  .remember = nic_remember,
  .close = nic_close,
};

KML_REGISTER_DEVICE (nic_ops)
