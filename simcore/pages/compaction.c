/* compaction.c: who moves pages together, and when.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mel Gorman and Patrick Healy, "Supporting Superpage Allocation without Additional Hardware Support", ISMM 2008, has the idea; what is
 * decided is as in Linux 6.1 (mm/compaction.c and the slow path of mm/page_alloc.c), in few words. How pages are moved is in compact-zone.c.
 *
 * 1. Who compacts
 *
 *   direct     a request of several frames that may sleep and has found no block: of more than 8 frames, or not movable, before it reclaims,
 *              asynchronously; any, after it has reclaimed and still has none, and then harder each time
 *   kcompactd  a daemon that kswapd wakes, when it goes to sleep, for the largest block that was asked for in vain since (or, where kswapd has given up, who asks)
 *
 * GFP_NOIO does not compact at all, GFP_NOFS moves anonymous pages alone (compact-zone.c).
 *
 *     order > 3, or not movable ── ASYNC ──┐ no block
 *     others ──────────────────────────────┴─► reclaim ─► SYNC_LIGHT (ASYNC with __GFP_NORETRY) ─► again, as section 3 says, or what reclaim does
 *
 * 2. Whether a zone is compacted
 *
 * Not when it has such a block above its mark. Not when it has less free than min (above order 3: low) and twice the block: pages need room to move to. Above order 3 not
 * when its fragmentation index (free-area.h) says that it is rather memory that is missing: extfrag_threshold, 500 of 1000.
 * And not for a while when it has failed: each time that all has been gone through in vain, the next 2, 4 … 64 requests of this order or above leave the zone alone.
 *
 * 3. Once more?
 *
 * When reclaim has freed something: if compaction lacked memory, as often as reclaim tries; if it has brought a block which then was gone, 16 times (above order
 * 3: 4); else with the next priority, down to SYNC_LIGHT above order 3 and SYNC_FULL below. Above order 3 all this is for __GFP_RETRY_MAYFAIL (and NOFAIL); others
 * have one try. They do not reclaim for it either, where a zone has its high mark and twice the block free.
 *
 * 4. What is remembered
 *
 * Where the scanners stopped, and which pageblocks they have looked at: the next pass goes on there. When they meet both begin anew; the hints are forgotten when kswapd goes to
 * sleep after that, or a zone is tried again that was left alone 64 times.
 *
 * 5. Not modelled
 *
 * Proactive compaction, CMA, NUMA; that a request which has made a block has it for sure, whoever asks meanwhile; that kswapd itself reclaims for an order.
 */

#include "simcore/pages/compaction.h"

#include "simcore/pages/memalloc.h"
#include "simcore/tasks/ipi.h"

#define MOST_DEFER_SHIFT 6  /* COMPACT_MAX_DEFER_SHIFT */
#define MOST_RETRIES     16 /* MAX_COMPACT_RETRIES */

const KmlCounterInfo kml_compact_counters[] = {
  [KML_COMPACT_STALL] = { "compact_stall", "requests" },
  [KML_COMPACT_SUCCESS] = { "compact_success", "requests" },
  [KML_COMPACT_FAIL] = { "compact_fail", "requests" },
  [KML_COMPACT_MIGRATE_SCANNED] = { "compact_migrate_scanned", "pages" },
  [KML_COMPACT_FREE_SCANNED] = { "compact_free_scanned", "pages" },
  [KML_COMPACT_ISOLATED] = { "compact_isolated", "pages" },
  [KML_COMPACT_DAEMON_WAKE] = { "compact_daemon_wake", "times" },
  [KML_COMPACT_DAEMON_MIGRATE_SCANNED] = { "compact_daemon_migrate_scanned", "pages" },
  [KML_COMPACT_DAEMON_FREE_SCANNED] = { "compact_daemon_free_scanned", "pages" },
  [KML_N_COMPACT_COUNTERS] = { NULL },
};

/* ---- Left alone after failures ---- */

static void
defer (KmlCompactZone *state, guint order)
{
  state->n_considered = 0;
  state->defer_shift = MIN (state->defer_shift + 1, MOST_DEFER_SHIFT);
  state->order_failed = MIN (state->order_failed, order);
}

static gboolean
is_deferred (KmlCompactZone *state, guint order)
{
  const guint limit = 1u << state->defer_shift;

  if (order < state->order_failed)
    return FALSE;
  state->n_considered = MIN (state->n_considered + 1, limit);
  return state->n_considered < limit;
}

/* @is_had: the request has its block; otherwise it is to be hoped. */
static void
do_not_defer (KmlCompactZone *state, guint order, gboolean is_had)
{
  if (is_had)
    state->n_considered = state->defer_shift = 0;
  state->order_failed = MAX (state->order_failed, order + 1);
}

static void
forget_hints (const KmlCompaction *self, const KmlZone *zone, KmlCompactZone *state)
{
  if (!state->wants_flush)
    return;
  state->wants_flush = FALSE;
  memset (state->skip, FALSE, state->n_skip);
  kml_compact_zone_restart (self, zone, state);
}

static gboolean
is_tried_again_at_last (const KmlCompactZone *state, guint order)
{
  return order >= state->order_failed && state->defer_shift == MOST_DEFER_SHIFT &&
         state->n_considered >= 1u << MOST_DEFER_SHIFT;
}

/* ---- Whether a zone is worth it ---- */

/* GOES_ON: it is. DONE: it has a block. */
static KmlCompactResult
is_suitable (const KmlCompaction *self, const KmlZone *zone, guint order, guint flags,
             KmlZoneKind highest)
{
  KmlWatermarkQuestion question = { .n_free = zone->area.n_free,
                                    .order = order,
                                    .mark = zone->marks.min,
                                    .lowmem_reserve = zone->marks.lowmem_reserve[highest],
                                    .n_highatomic = zone->n_highatomic,
                                    .flags = flags };
  gint index;

  if (kml_watermark_ok_in (&question, &zone->area))
    return KML_COMPACT_IS_DONE;
  question.order = question.flags = 0;
  question.mark = (order > KML_COSTLY_ORDER ? zone->marks.low : zone->marks.min) +
                  (G_GUINT64_CONSTANT (2) << order);
  if (!kml_watermark_ok (&question))
    return KML_COMPACT_IS_SKIPPED;
  index = kml_free_area_fragmentation_index (&zone->area, order);
  if (order > KML_COSTLY_ORDER && index >= 0 && (guint)index <= self->frag_threshold)
    return KML_COMPACT_IS_SKIPPED;
  return KML_COMPACT_GOES_ON;
}

gboolean
kml_compaction_is_ready (const KmlCompaction *self, guint order, KmlZoneKind highest)
{
  const KmlZones *zones = self->reclaim->config.zones;

  for (guint i = 0; i < zones->n_zones && zones->zones[i].kind <= highest; i++) {
    const KmlZone *zone = &zones->zones[i];
    const KmlCompactResult result = is_suitable (self, zone, order, 0, highest);
    const KmlWatermarkQuestion question = {
      .n_free = zone->area.n_free,
      .mark = zone->marks.high + (G_GUINT64_CONSTANT (2) << order),
      .lowmem_reserve = zone->marks.lowmem_reserve[highest],
      .n_highatomic = zone->n_highatomic,
    };

    if (result == KML_COMPACT_IS_DONE ||
        (result == KML_COMPACT_GOES_ON && kml_watermark_ok (&question)))
      return TRUE;
  }
  return FALSE;
}

/* ---- By requests ---- */

guint
kml_compaction_order_of (const KmlCompaction *self, const KmlRequest *request)
{
  const guint64 n_frames = request->size >> self->reclaim->machine->ram->page_shift;

  return n_frames <= 1 ? 0 : 64 - (guint)__builtin_clzll (n_frames - 1); /* 5 -> 3 */
}

static KmlCompactResult
compact_for (KmlCompaction *self, guint i, const KmlCompactTry *try, const KmlRequest *request,
             guint flags, KmlZoneKind highest)
{
  KmlZone *zone = &self->reclaim->config.zones->zones[i];
  KmlCompactPass pass = {
    .compaction = self,
    .zone = zone,
    .state = &self->zones[i],
    .order = try->order,
    .mobility = request->mobility,
    .gfp = request->gfp,
    .is_async = try->priority == KML_COMPACT_ASYNC,
    .is_direct = TRUE,
    .ignores_hints = try->priority == KML_COMPACT_SYNC_FULL,
    .is_whole = try->priority == KML_COMPACT_SYNC_FULL,
  };
  const KmlCompactResult result = is_suitable (self, zone, try->order, flags, highest);

  if (result != KML_COMPACT_GOES_ON)
    return result;
  if (is_tried_again_at_last (pass.state, try->order))
    forget_hints (self, zone, pass.state);
  return kml_compact_zone (&pass);
}

/* The zones from the highest down, until one has a block. */
static KmlCompactResult
compact_zones (KmlCompaction *self, const KmlCompactTry *try, KmlZones *zones,
               const KmlRequest *request)
{
  const KmlTask *task = kml_current_task (self->reclaim->machine);
  const guint flags = kml_memalloc_flags (task, request->gfp);
  const KmlZoneKind highest = kml_zones_highest_of (zones, request);
  KmlCompactResult most = KML_COMPACT_IS_SKIPPED;

  for (guint i = zones->n_zones; i-- > 0 && most != KML_COMPACT_IS_DONE && !task->is_killed;) {
    KmlCompactZone *state = &self->zones[i];
    KmlCompactResult result;

    if (zones->zones[i].kind > highest)
      continue;
    if (try->priority != KML_COMPACT_SYNC_FULL && is_deferred (state, try->order)) {
      most = MAX (most, KML_COMPACT_IS_DEFERRED);
      continue;
    }
    result = compact_for (self, i, try, request, flags, highest);
    if (result == KML_COMPACT_IS_DONE)
      do_not_defer (state, try->order, FALSE);
    else if (try->priority != KML_COMPACT_ASYNC &&
             (result == KML_COMPACT_IS_COMPLETE || result == KML_COMPACT_IS_PARTIAL))
      defer (state, try->order);
    most = MAX (most, result);
  }
  return most;
}

/* The request has its block, in the zone of @addr. */
static void
note_success (KmlCompaction *self, KmlZones *zones, guint order, KmlAddr addr)
{
  const KmlZone *zone = kml_zones_of (zones, kml_ram_pfn (&zones->base.ram, addr));
  KmlCompactZone *state = &self->zones[zone - zones->zones];

  state->wants_flush = FALSE;
  do_not_defer (state, order, TRUE);
  self->counters[KML_COMPACT_SUCCESS]++;
}

KmlAddr
kml_compaction_try (KmlCompaction *self, KmlCompactTry *try, KmlZones *zones,
                    const KmlRequest *request, guint64 *ret_held)
{
  KmlMachine *machine = self->reclaim->machine;
  const KmlTask *task = kml_current_task (machine);
  KML_CALL (machine, "compaction");
  KmlPart part;
  KmlAddr addr;

  try->result = KML_COMPACT_IS_SKIPPED;
  if (!kml_gfp_may_io (request->gfp))
    return KML_ADDR_NONE;
  part = kml_task_part (machine, KML_PART_COMPACTION);
  try->result = compact_zones (self, try, zones, request);
  kml_task_part (machine, part);
  if (try->result == KML_COMPACT_IS_SKIPPED)
    return KML_ADDR_NONE;
  self->counters[KML_COMPACT_STALL]++;
  addr = kml_zones_try (zones, request, KML_MARK_MIN, kml_memalloc_flags (task, request->gfp),
                        ret_held);
  if (addr != KML_ADDR_NONE)
    note_success (self, zones, try->order, addr);
  else
    self->counters[KML_COMPACT_FAIL]++;
  return addr;
}

gboolean
kml_compaction_tries_again (KmlCompactTry *try)
{
  const gboolean is_costly = try->order > KML_COSTLY_ORDER;

  if (try->result == KML_COMPACT_IS_SKIPPED)
    return TRUE;
  if (try->result == KML_COMPACT_IS_DONE &&
      ++try->n_retries <= (is_costly ? MOST_RETRIES / 4 : MOST_RETRIES))
    return TRUE;
  if (try->priority <= (is_costly ? KML_COMPACT_SYNC_LIGHT : KML_COMPACT_SYNC_FULL))
    return FALSE;
  try->priority--;
  try->n_retries = 0;
  return TRUE;
}

void
kml_compaction_all (KmlCompaction *self)
{
  KmlZones *zones = self->reclaim->config.zones;
  KmlMachine *machine = self->reclaim->machine;
  KML_CALL (machine, "compaction");
  KmlPart part;

  kml_might_alloc (machine, KML_GFP_KERNEL);
  if (kml_in_atomic (machine))
    return;
  part = kml_task_part (machine, KML_PART_COMPACTION);
  for (guint i = 0; i < zones->n_zones; i++) {
    KmlCompactPass pass = { .compaction = self,
                            .zone = &zones->zones[i],
                            .state = &self->zones[i],
                            .gfp = KML_GFP_KERNEL,
                            .is_all = TRUE,
                            .ignores_hints = TRUE,
                            .is_whole = TRUE };

    kml_compact_zone (&pass);
  }
  kml_task_part (machine, part);
}

/* ---- kcompactd ---- */

static void
compact_in_background (KmlCompaction *self, guint i)
{
  KmlZone *zone = &self->reclaim->config.zones->zones[i];
  KmlCompactPass pass = { .compaction = self,
                          .zone = zone,
                          .state = &self->zones[i],
                          .order = self->order,
                          .mobility = KML_MOBILITY_UNMOVABLE, /* its flags are GFP_KERNEL */
                          .gfp = KML_GFP_KERNEL };
  KmlCompactResult result;

  if (is_deferred (pass.state, pass.order) ||
      is_suitable (self, zone, pass.order, 0, self->highest) != KML_COMPACT_GOES_ON)
    return;
  result = kml_compact_zone (&pass);
  self->counters[KML_COMPACT_DAEMON_MIGRATE_SCANNED] += pass.n_migrate_scanned;
  self->counters[KML_COMPACT_DAEMON_FREE_SCANNED] += pass.n_free_scanned;
  if (result == KML_COMPACT_IS_DONE)
    do_not_defer (pass.state, pass.order, FALSE);
  else if (result == KML_COMPACT_IS_COMPLETE || result == KML_COMPACT_IS_PARTIAL) {
    /* perhaps they keep a part of a block */
    kml_allocator_drain (self->reclaim->config.pages, KML_ALL_CPUS);
    defer (pass.state, pass.order);
  }
}

static void
kcompactd_main (KmlMachine *machine, gpointer data)
{
  static const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = "fragmented memory" };
  KmlCompaction *self = data;
  const KmlZones *zones = self->reclaim->config.zones;

  for (;;) {
    self->sleeps = TRUE;
    while (!self->is_wanted)
      kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
    self->sleeps = self->is_wanted = FALSE;
    kml_task_part (machine, KML_PART_COMPACTION);
    for (guint i = 0; i < zones->n_zones && zones->zones[i].kind <= self->highest; i++)
      compact_in_background (self, i);
    kml_task_part (machine, KML_PART_RUN);
  }
}

void
kml_compaction_note_wish (KmlCompaction *self, const KmlRequest *request)
{
  const guint order = kml_compaction_order_of (self, request);
  const KmlZoneKind highest = kml_zones_highest_of (self->reclaim->config.zones, request);

  self->wanted_order = MAX (self->wanted_order, order);
  self->wanted_highest = MAX (self->wanted_highest, highest);
}

/* Whether there is anything for kcompactd to do. */
static gboolean
is_any_suitable (const KmlCompaction *self, guint order, KmlZoneKind highest)
{
  const KmlZones *zones = self->reclaim->config.zones;

  for (guint i = 0; i < zones->n_zones && zones->zones[i].kind <= highest; i++)
    if (is_suitable (self, &zones->zones[i], order, 0, highest) == KML_COMPACT_GOES_ON)
      return TRUE;
  return FALSE;
}

static void
wake_daemon (KmlCompaction *self, guint order, KmlZoneKind highest)
{
  if (self->daemon == NULL || order == 0 || !self->sleeps || self->is_wanted ||
      !is_any_suitable (self, order, highest))
    return;
  self->is_wanted = TRUE;
  self->order = order;
  self->highest = highest;
  self->counters[KML_COMPACT_DAEMON_WAKE]++;
  kml_spend (self->reclaim->machine, KML_COST_WAKE, 1);
  kml_task_wake (self->daemon);
}

void
kml_compaction_wake_for (KmlCompaction *self, const KmlRequest *request)
{
  wake_daemon (self, kml_compaction_order_of (self, request),
               kml_zones_highest_of (self->reclaim->config.zones, request));
}

void
kml_compaction_kswapd_sleeps (KmlCompaction *self)
{
  const KmlZones *zones = self->reclaim->config.zones;

  for (guint i = 0; i < zones->n_zones; i++)
    forget_hints (self, &zones->zones[i], &self->zones[i]);
  wake_daemon (self, self->wanted_order, self->wanted_highest);
  self->wanted_order = 0;
  self->wanted_highest = KML_ZONE_DMA;
}

/* ---- The whole ---- */

/* The largest block may be smaller than a huge page. */
static guint
pageblock_order_of (const KmlZones *zones)
{
  guint order = 0;

  while (order < KML_LARGEST_PAGEBLOCK_ORDER &&
         kml_ram_page_size (&zones->base.ram) << (order + 1) <= zones->zones[0].pages->largest)
    order++;
  return order;
}

KmlCompaction *
kml_compaction_new (KmlReclaim *reclaim, const KmlCompactionConfig *config)
{
  const KmlZones *zones = reclaim->config.zones;
  KmlCompaction *self = g_new0 (KmlCompaction, 1);

  g_assert (zones->base.ops->isolate != NULL);
  self->reclaim = reclaim;
  self->frag_threshold = config->frag_threshold;
  self->pageblock_order = pageblock_order_of (zones);
  for (guint i = 0; i < zones->n_zones; i++) {
    KmlCompactZone *state = &self->zones[i];

    state->n_skip = (zones->zones[i].n_frames >> self->pageblock_order) + 1;
    state->skip = g_new0 (guint8, state->n_skip);
    kml_compact_zone_restart (self, &zones->zones[i], state);
  }
  if (reclaim->machine->n_cpus > 1)
    kml_ipi_prepare (reclaim->machine->scheduler);
  if (config->has_daemon) {
    const KmlTaskConfig kcompactd = { .name = "kcompactd",
                                      .cpu = config->cpu,
                                      .start = reclaim->machine->now,
                                      .is_daemon = TRUE,
                                      .func = kcompactd_main,
                                      .data = self };

    self->daemon = kml_task_new (reclaim->machine->scheduler, &kcompactd);
  }
  return self;
}

void
kml_compaction_free (KmlCompaction *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (self->zones); i++)
    g_free (self->zones[i].skip);
  g_free (self);
}

void
kml_compaction_remember (KmlCompaction *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
  for (guint i = 0; i < G_N_ELEMENTS (self->zones); i++)
    if (self->zones[i].skip != NULL)
      kml_image_add (image, self->zones[i].skip, self->zones[i].n_skip);
}
