/* zones.c: the page level of a machine whose memory is in zones.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Zones
 *
 * Old devices reach the first 16 MiB, others 4 GiB. Memory that they can reach is kept apart, so that some is left:
 *
 *     0         16 MiB                4 GiB
 *     | DMA     | DMA32               | Normal …            | frame table
 *
 * On each zone works a page allocator of its own, of the kind that the scenario chooses. It sees a little RAM that begins
 * at frame 0: a record whose store and frame table are those of the machine, further on. So every page allocator can be in
 * zones, and knows nothing of it. Addresses are translated on the way in and out.
 *
 * 2. A request
 *
 * Its flags say the highest zone that will do (GFP_DMA, GFP_DMA32, or any), and so does a limit: who can have memory below 16 MiB alone is kept from none
 * of it for his sake, as with Linux's dma_alloc_coherent(), which chooses the zone for its callers. From there downwards the first zone is
 * taken which has a block that is large enough and will still have its watermark afterwards, plus what is kept there from requests
 * that could go higher (watermark.h):
 *
 *     low watermark ── none? wake the daemon ── min watermark, as deep as the flags allow ── none? the slow path, or failure
 *
 * A task's scope may forbid what the flags allow, or open the reserves (memalloc.h).
 * A request that may not sleep fails here, at once. What the slow path does is reclaim's business (reclaim.h); without
 * reclaim, or on a machine without tasks, there is none, and every request succeeds or fails at once.
 *
 * 3. Constraints
 *
 * Limits move with the zone's beginning. An alignment or a boundary is about multiples of a power of two, which
 * the zone's allocator counts from the zone's beginning; where that is not itself a multiple, a zone cannot serve such an alignment,
 * and keeps to the smaller boundary that its beginning is a multiple of.
 *
 * 4. Sums
 *
 * The recorder knows one page allocator and one free area. After each call they get what the zone's have changed by.
 * Counters are added up; of those that are a maximum the largest is taken.
 *
 * 5. Locks
 *
 * On a machine with tasks each zone has a lock, which is taken around calls of its allocator and nothing else: so the slow path sleeps
 * without it. Watermarks are compared before it is taken, as in Linux: CPUs that compare at the same time may go below a mark by one request each.
 *
 * 6. Not modelled
 *
 * NUMA nodes, zones of movable memory, per-CPU lists; the high-atomic reserve is a number of frames, not
 * pageblocks of their own.
 *
 * Invariants, verified by kml_zones_check() in zones-check.c, besides those of each zone's allocator:
 *   Z1  the zones tile [0, n_usable)
 *   Z2  the machine's free area is the sum of the zones'
 *   Z3  so are metadata and counters; a counter that is a maximum is the largest of theirs
 */

#include "simcore/pages/zones-private.h"

#include "simcore/pages/memalloc.h"

/* A list of zones to go through and compare with: load and add a few words a zone. */
#define TRY_INSTRUCTIONS 20

/* ---- Finding zones ---- */

KmlZone *
kml_zones_of (KmlZones *self, KmlPfn pfn)
{
  guint i = self->n_zones - 1;

  while (self->zones[i].first > pfn)
    i--;
  return &self->zones[i];
}

/* Whom requests are put to. */
static KmlAllocator *
door_of (const KmlZone *zone)
{
  return zone->locked != NULL ? &zone->locked->base : zone->pages;
}

gboolean
kml_zone_is_beyond (const KmlZones *self, const KmlZone *zone, KmlAddr limit)
{
  return limit != 0 && kml_zone_start (self, zone) >= limit;
}

KmlZoneKind
kml_zones_highest (const KmlZones *self, KmlGfp gfp, KmlAddr limit)
{
  KmlZoneKind highest = kml_gfp_zone (gfp);

  for (guint i = self->n_zones; G_UNLIKELY (limit != 0) && i-- > 1;)
    if (kml_zone_is_beyond (self, &self->zones[i], limit))
      highest = MIN (highest, self->zones[i - 1].kind);
  return highest;
}

KmlZoneKind
kml_zones_highest_of (const KmlZones *self, const KmlRequest *request)
{
  return kml_zones_highest (self, request->gfp,
                            request->constraints != NULL ? request->constraints->limit : 0);
}

/* What has changed in the zone changes in the whole. */
static void
add_up (KmlZones *self, KmlZone *zone)
{
  KmlFreeArea *all = self->base.free_area;

  for (guint i = 0; i < KML_MAX_COUNTERS; i++) {
    self->base.counters[i] += zone->pages->counters[i] - zone->counters[i];
    zone->counters[i] = zone->pages->counters[i];
  }
  for (guint i = 0; i < self->n_maxima; i++)
    self->base.counters[self->maxima[i]] = kml_zones_largest_counter (self, self->maxima[i]);
  self->base.metadata_bytes += zone->pages->metadata_bytes - zone->metadata_bytes;
  zone->metadata_bytes = zone->pages->metadata_bytes;
  if (!kml_free_area_has_changed (&zone->area))
    return;
  zone->area.look_at = KML_TIME_MAX;
  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; order <= KML_MAX_ORDER; order++) {
      /* of a fall it is 2^64 less, as is the sum */
      const guint64 n = zone->area.blocks[mobility][order] - zone->counted.blocks[mobility][order];

      if (n != 0)
        kml_free_area_add_blocks (all, order, n, mobility);
    }
  zone->counted = zone->area;
}

/* ---- Requests ---- */

/* @constraints as the allocator of a zone that begins at @start sees them. FALSE: it cannot keep them. */
static gboolean
translate (const KmlConstraints *constraints, KmlAddr start, guint64 size, KmlConstraints *ret)
{
  const guint64 multiple = start == 0 ? G_GUINT64_CONSTANT (1) << 63 : start & -start;

  *ret = *constraints;
  if (constraints->alignment > multiple)
    return FALSE;
  if (constraints->boundary > multiple) {
    if (size > multiple)
      return FALSE;
    ret->boundary = multiple;
  }
  if (constraints->limit != 0) {
    if (constraints->limit <= start)
      return FALSE;
    ret->limit = constraints->limit - start;
  }
  return TRUE;
}

static KmlAddr
alloc_in (KmlZones *self, KmlZone *zone, const KmlRequest *request, guint64 *ret_held)
{
  const KmlAddr start = kml_zone_start (self, zone);
  KmlRequest inner = *request;
  KmlConstraints constraints;
  KmlAddr addr;

  if (request->constraints != NULL) {
    if (!translate (request->constraints, start, request->size, &constraints))
      return KML_ADDR_NONE;
    inner.constraints = &constraints;
  }
  addr = kml_allocator_alloc (door_of (zone), &inner, ret_held);
  add_up (self, zone);
  return addr == KML_ADDR_NONE ? addr : addr + start;
}

/* 1 -> 0, 5 -> 3 */
static guint
order_of (guint64 n_frames)
{
  return n_frames <= 1 ? 0 : 64 - (guint)__builtin_clzll (n_frames - 1);
}

static guint64
mark_of (const KmlZone *zone, KmlMark mark)
{
  switch (mark) {
  case KML_MARK_LOW:
    return zone->marks.low;
  case KML_MARK_HIGH:
    return zone->marks.high;
  case KML_MARK_MIN:
    break;
  }
  return zone->marks.min;
}

KmlAddr
kml_zones_try (KmlZones *self, const KmlRequest *request, KmlMark mark, guint flags,
               guint64 *ret_held)
{
  const KmlZoneKind highest = kml_zones_highest_of (self, request);
  KmlWatermarkQuestion question = {
    .order = MIN (order_of (request->size >> self->base.ram.page_shift), KML_MAX_ORDER),
    .flags = flags,
  };

  for (guint i = self->n_zones; i-- > 0;) {
    KmlZone *zone = &self->zones[i];
    KmlAddr addr;

    if (zone->kind > highest)
      continue;
    kml_spend (self->base.machine, KML_COST_INSTRUCTION, TRY_INSTRUCTIONS);
    kml_spend_references (self->base.machine, KML_COST_HOT, 1);
    kml_touch (self->base.machine, zone->statics, sizeof (guint64), KML_TOUCH_READ);
    question.n_free = zone->area.n_free;
    question.mark = mark_of (zone, mark);
    question.lowmem_reserve = zone->marks.lowmem_reserve[highest];
    question.n_highatomic = zone->n_highatomic;
    if (!(flags & KML_ALLOC_NO_WATERMARKS) && !kml_watermark_ok (&question))
      continue;
    addr = alloc_in (self, zone, request, ret_held);
    if (addr != KML_ADDR_NONE)
      return addr;
  }
  return KML_ADDR_NONE;
}

gboolean
kml_zone_is_balanced (const KmlZone *zone)
{
  return zone->area.n_free > zone->marks.high;
}

/* No zone has enough above its low watermark. */
static KmlAddr G_GNUC_NO_INLINE
alloc_slowly (KmlZones *self, const KmlRequest *request, guint64 *ret_held)
{
  const KmlZonesReclaim *reclaim = &self->reclaim;
  const KmlTask *task = kml_running_task (self->base.machine);
  KmlRequest mine = *request;
  KmlAddr addr;

  mine.gfp = kml_memalloc_gfp (task, request->gfp);
  if (reclaim->wake != NULL && kml_gfp_wakes_kswapd (mine.gfp))
    reclaim->wake (reclaim->data, &mine);
  addr = kml_zones_try (self, &mine, KML_MARK_MIN, kml_memalloc_flags (task, mine.gfp), ret_held);
  if (addr == KML_ADDR_NONE && reclaim->slow_path != NULL && kml_gfp_may_sleep (mine.gfp))
    addr = reclaim->slow_path (reclaim->data, self, &mine, ret_held);
  return addr;
}

/* Up to the zone's lock a request looks at what this protects, and at nothing else; but where there are several zones it looks at more than one, and
 * reclaim is everybody's. */
static void
sync_on_zone (const KmlZones *self)
{
  const KmlLocked *locked = self->zones[0].locked;
  const gboolean is_alone = self->n_zones == 1 && locked != NULL &&
                            locked->lock.kind != KML_LOCK_NONE && self->reclaim.wake == NULL &&
                            self->reclaim.slow_path == NULL && self->reclaim.freed == NULL;

  if (self->base.machine->task != NULL)
    kml_sync_on (self->base.machine, is_alone ? locked->lock.object : KML_OBJECT_ANY);
}

static KmlAddr
zones_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  KmlZones *self = (KmlZones *)base;
  KmlAddr addr;

  sync_on_zone (self);
  addr = kml_zones_try (self, request, KML_MARK_LOW, 0, ret_held);
  if (G_UNLIKELY (addr == KML_ADDR_NONE))
    addr = alloc_slowly (self, request, ret_held);
  return addr;
}

static guint64
zones_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  KmlZones *self = (KmlZones *)base;
  KmlZone *zone = kml_zones_of (self, kml_ram_pfn (&base->ram, addr));
  guint64 held;

  sync_on_zone (self);
  held = kml_allocator_free_block (door_of (zone), addr - kml_zone_start (self, zone), how);
  add_up (self, zone);
  if (self->reclaim.freed != NULL)
    self->reclaim.freed (self->reclaim.data);
  return held;
}

static gboolean
zones_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  KmlZones *self = (KmlZones *)base;
  KmlZone *zone = kml_zones_of (self, kml_ram_pfn (&base->ram, addr));
  const gboolean done = door_of (zone)->ops->split (door_of (zone),
                                                    addr - kml_zone_start (self, zone), piece);

  add_up (self, zone);
  return done;
}

static guint64
zones_isolate (KmlAllocator *base, KmlAddr addr)
{
  KmlZones *self = (KmlZones *)base;
  KmlZone *zone = kml_zones_of (self, kml_ram_pfn (&base->ram, addr));
  guint64 n;

  sync_on_zone (self);
  n = door_of (zone)->ops->isolate (door_of (zone), addr - kml_zone_start (self, zone));
  add_up (self, zone);
  return n;
}

static KmlMobility
zones_mobility_at (const KmlAllocator *base, KmlAddr addr)
{
  KmlZones *self = (KmlZones *)base;
  const KmlZone *zone = kml_zones_of (self, kml_ram_pfn (&base->ram, addr));

  return zone->pages->ops->mobility_at (zone->pages, addr - kml_zone_start (self, zone));
}

static void
zones_shrink (KmlAllocator *base)
{
  KmlZones *self = (KmlZones *)base;

  for (guint i = 0; i < self->n_zones; i++) {
    door_of (&self->zones[i])->ops->shrink (door_of (&self->zones[i]));
    add_up (self, &self->zones[i]);
  }
}

/* What is the zones' own is in the instance. */
static gboolean
zones_remember (KmlAllocator *base, KmlImage *image)
{
  const KmlZones *self = (const KmlZones *)base;

  for (guint i = 0; i < self->n_zones; i++)
    if (!kml_allocator_remember (self->zones[i].pages, image))
      return FALSE;
  return TRUE;
}

/* ---- Making them ---- */

static gboolean
zones_init (KmlAllocator *base, GError **error)
{
  KmlZones *self = (KmlZones *)base;

  for (guint i = 0; i < self->n_zones; i++) {
    if (!kml_allocator_start (self->zones[i].pages, error)) {
      g_prefix_error (error, "zone %s: ", kml_zone_names[self->zones[i].kind]);
      return FALSE;
    }
    add_up (self, &self->zones[i]);
  }
  return TRUE;
}

static void
zones_finish (KmlAllocator *base)
{
  KmlZones *self = (KmlZones *)base;

  for (guint i = 0; i < self->n_zones; i++) {
    if (self->zones[i].locked != NULL)
      kml_allocator_destroy (&self->zones[i].locked->base);
    kml_allocator_destroy (self->zones[i].pages);
  }
}

static void
take_over (KmlZones *self, const KmlAllocatorOps *pages)
{
  self->ops = *pages;
  self->ops.instance_size = sizeof (KmlZones);
  self->ops.params = NULL;
  self->ops.init = zones_init;
  self->ops.finish = zones_finish;
  self->ops.alloc = zones_alloc;
  self->ops.free = zones_free;
  self->ops.split = pages->split != NULL ? zones_split : NULL;
  self->ops.isolate = pages->isolate != NULL ? zones_isolate : NULL;
  self->ops.mobility_at = pages->mobility_at != NULL ? zones_mobility_at : NULL;
  self->ops.shrink = pages->shrink != NULL ? zones_shrink : NULL;
  self->ops.remember = pages->remember != NULL ? zones_remember : NULL;
  self->ops.walk = kml_zones_walk;
  self->ops.state = pages->state != NULL ? kml_zones_state : NULL;
  self->ops.check = kml_zones_check;
  self->base.ops = &self->ops;
  for (guint i = 0; pages->counters != NULL && pages->counters[i].name != NULL; i++)
    if (pages->counters[i].is_maximum)
      self->maxima[self->n_maxima++] = (guint8)i;
}

/* The machine's RAM from frame @first on, as RAM of its own. */
static KmlRam
part_of_ram (const KmlRam *ram, KmlPfn first, guint32 n_frames)
{
  KmlRam part = *ram;

  part.store += kml_ram_addr (ram, first);
  part.frames += first;
  part.size = kml_ram_addr (ram, n_frames);
  part.n_frames = part.n_usable = n_frames;
  return part;
}

static gboolean
add_zone (KmlZones *self, KmlZoneKind kind, KmlPfn first, KmlPfn end, KmlPagesMaker maker,
          gpointer data, GError **error)
{
  KmlZone *zone = &self->zones[self->n_zones];

  if (first == end)
    return TRUE;
  zone->pages = maker (data, self->base.machine, error);
  if (zone->pages == NULL)
    return FALSE;
  self->n_zones++;
  zone->kind = kind;
  zone->first = first;
  zone->statics = kml_machine_statics (self->base.machine, sizeof (guint64));
  zone->n_frames = end - first;
  zone->pages->ram = part_of_ram (&self->base.ram, first, end - first);
  zone->pages->free_area = &zone->area;
  return TRUE;
}

static void
set_marks (KmlZones *self, const KmlMemoryConfig *config)
{
  const guint page_shift = self->base.ram.page_shift;
  const guint64 kbytes = ((guint64)self->base.ram.n_usable << page_shift) >> 10;
  const guint64 min_free = config->min_free != 0
                               ? config->min_free
                               : kml_min_free_kbytes (kbytes, KML_MIN_FREE_KBYTES_MOST) << 10;
  KmlWatermarkConfig marks_config = { .min_free = min_free >> page_shift,
                                      .scale_factor = config->scale_factor,
                                      .reserve_ratio = config->reserve_ratio };
  KmlWatermarks marks[KML_N_ZONES];

  for (guint i = 0; i < self->n_zones; i++)
    marks_config.managed[self->zones[i].kind] = self->zones[i].n_frames;
  kml_watermarks_compute (&marks_config, marks);
  for (guint i = 0; i < self->n_zones; i++)
    self->zones[i].marks = marks[self->zones[i].kind];
  self->zones[self->n_zones - 1].n_highatomic = config->highatomic >> page_shift;
}

KmlZones *
kml_zones_new (KmlMachine *machine, const KmlMemoryConfig *config, KmlPagesMaker maker,
               gpointer data, GError **error)
{
  static const KmlAllocatorOps empty = { .level = KML_LEVEL_PAGES,
                                         .instance_size = sizeof (KmlZones),
                                         .finish = zones_finish };
  const KmlRam *ram = machine->ram;
  const guint64 page_size = kml_ram_page_size (ram);
  g_autoptr (KmlAllocator) base = kml_allocator_new (&empty, machine, NULL);
  KmlZones *self = (KmlZones *)base;
  KmlAddr ends[2];
  KmlPfn first = 0;

  if (!kml_memory_parse_ends (config->zones, ends, error))
    return NULL;
  for (KmlZoneKind kind = KML_ZONE_DMA; kind <= KML_ZONE_NORMAL; kind++) {
    KmlPfn end = ram->n_usable;

    if (kind < KML_ZONE_NORMAL) {
      if (ends[kind] % page_size != 0) {
        kml_refuse (error, "memory.zones", "zone %s ends in the middle of a page",
                    kml_zone_names[kind]);
        return NULL;
      }
      end = (KmlPfn)MIN (ends[kind] / page_size, end);
    }
    if (!add_zone (self, kind, first, end, maker, data, error))
      return NULL;
    first = end;
  }
  self->has_reclaim = config->reclaim;
  take_over (self, self->zones[0].pages->ops);
  set_marks (self, config);
  base = NULL;
  return self;
}

KmlZones *
kml_zones_from_allocator (KmlAllocator *base)
{
  return base->ops->finish == zones_finish ? (KmlZones *)base : NULL;
}

void
kml_zones_lock (KmlZones *self, KmlLockKind kind)
{
  static const char *const names[KML_N_ZONES] = {
    [KML_ZONE_DMA] = "pages.DMA",
    [KML_ZONE_DMA32] = "pages.DMA32",
    [KML_ZONE_NORMAL] = "pages.Normal",
  };

  for (guint i = 0; i < self->n_zones; i++)
    self->zones[i].locked = kml_locked_new (self->zones[i].pages, kind, names[self->zones[i].kind]);
}
