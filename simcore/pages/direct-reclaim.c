/* direct-reclaim.c: requests that look for memory themselves, and the out-of-memory killer.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What Linux 6.1 does in __alloc_pages_slowpath() and mm/oom_kill.c, in few words. The looking is in reclaim.c.
 *
 * 1. When nothing is found
 *
 *     __GFP_NORETRY         fails after one try, whatever it brought
 *     order > 3             likewise: many pages in a row are not worth more; unless it says __GFP_RETRY_MAYFAIL
 *     __GFP_RETRY_MAYFAIL   fails
 *     GFP_DMA, GFP_DMA32    fail, as do limits that mean such a zone: nobody knows whose death would free memory there
 *     GFP_NOIO, GFP_NOFS    wait until somebody frees something: killing would not help who cannot do I/O
 *     __GFP_NOFAIL          never fails: kills or waits likewise, and before it waits may have the reserve: all of it, or where nobody would be killed for it
 *                           what atomic requests may have
 *     others                kill; and fail when nobody is left
 *
 * Before that it tries again as long as something is freed: what is free may be far below the watermark, if atomic requests have had the reserve. (Above order 3 each
 * try counts as one in vain.) And as long as pages are on their way to the disk or a flusher has some to write, it tries up to 16 times in vain and waits for them in between,
 * 100 ms at most each time, or, where kswapd has given up (kswapd.c), not at all. Where something was freed and the request still finds nothing, all CPUs give back what they keep free (drain_all_pages()), and it looks once more.
 *
 * Where pages are moved together ([memory] compaction), requests of several frames do that before and after reclaim, and whether they try again is compaction.c's to say, too
 * (section 3).
 *
 * Waits for memory end when a page is freed, by whomever. Where nobody is left who could, the scheduler sees that nothing can go on, and the
 * run ends and says so: kernels hang there.
 *
 * 2. Decisions
 *
 * The killer takes the owner with most pages in memory, whose mappings are emptied at once, as by Linux's oom_reaper; badness by
 * oom_score_adj is not modelled. The victim may then dig deeper into the reserves, finds its memory gone at its
 * next touch, and ends when it leaves the kernel: where its program has no lock.
 */

#include "simcore/pages/compaction.h"
#include "simcore/pages/memalloc.h"

/* ---- The killer ---- */

static guint64
n_pages_of (const KmlReclaim *self, const KmlTask *task)
{
  guint64 n = 0;

  for (guint i = 0; i < self->mappings->len; i++) {
    const KmlMapping *mapping = g_ptr_array_index (self->mappings, i);

    if (mapping->owner == task)
      n += mapping->n_resident;
  }
  return n;
}

/* Who has most, and how much that is. (nullable): nobody would free anything. */
static KmlTask *
choose_victim (const KmlReclaim *self, guint64 *ret_most)
{
  KmlTask *victim = NULL;

  *ret_most = 0;
  for (guint i = 0; i < self->mappings->len; i++) {
    const KmlMapping *mapping = g_ptr_array_index (self->mappings, i);
    const guint64 n = mapping->owner != NULL ? n_pages_of (self, mapping->owner) : 0;

    if (n > *ret_most) {
      *ret_most = n;
      victim = mapping->owner;
    }
  }
  return victim;
}

/* Returns how many frames are free for it. */
static guint64
kill_task (KmlReclaim *self, KmlTask *victim)
{
  guint64 n_freed = 0;

  victim->is_killed = TRUE;
  for (guint i = 0; i < self->mappings->len; i++) {
    KmlMapping *mapping = g_ptr_array_index (self->mappings, i);

    if (mapping->owner == victim) {
      mapping->is_killed = TRUE;
      n_freed += kml_mapping_drop (mapping);
    }
  }
  return n_freed;
}

/* For @request. FALSE: there is nobody. */
static gboolean
kill_somebody (KmlReclaim *self, const KmlRequest *request)
{
  const KmlTask *task = kml_current_task (self->machine);
  guint64 most;
  KmlTask *victim = choose_victim (self, &most);
  KmlOomKill kill;

  if (victim == NULL)
    return FALSE;
  self->counters[KML_RECLAIM_OOM_KILLS]++;
  kill = (KmlOomKill){
    .time = self->machine->now,
    .victim = victim->name,
    .n_pages = most,
    .task = task->name,
    .step = task->step,
    .site = kml_call_chain_text (task->chain, task->n_chain),
    .cpu = task->cpu,
    .size = request->size,
    .gfp = request->gfp,
  };
  kill.n_freed = kill_task (self, victim);
  g_array_append_val (self->kills, kill);
  return TRUE;
}

/* ---- Direct reclaim ---- */

static guint64
n_frames_of (const KmlReclaim *self, const KmlRequest *request)
{
  return request->size >> self->machine->ram->page_shift;
}

static gboolean
is_costly (const KmlReclaim *self, const KmlRequest *request)
{
  return n_frames_of (self, request) > 1 << KML_COSTLY_ORDER;
}

/* Whether somebody's death would be too much for the request, or no help. */
static gboolean
is_worth_no_life (const KmlReclaim *self, const KmlRequest *request)
{
  return (request->gfp & KML_GFP_RETRY_MAYFAIL) || is_costly (self, request) ||
         kml_zones_highest_of (self->config.zones, request) < KML_ZONE_NORMAL;
}

typedef enum {
  NEXT_TRY,
  NEXT_THROTTLE,
  NEXT_KILLED, /* somebody was; try */
  NEXT_WAIT,
  NEXT_FAIL,
} Next;

static gboolean
must_not_fail (const KmlRequest *request)
{
  return (request->gfp & KML_GFP_NOFAIL) != 0;
}

/* Whether to look again after @n_freed pages. @compact: (nullable): what it has compacted. */
static gboolean
looks_again (KmlCompactTry *compact, guint64 n_freed, guint n_in_vain)
{
  return n_freed > 0 && n_in_vain <= KML_RECLAIM_RETRIES &&
         (compact == NULL || kml_compaction_tries_again (compact));
}

/* What a request does that has freed @n_freed pages and still has none, which were @n_in_vain tries in a row. */
static Next
decide (KmlReclaim *self, const KmlRequest *request, KmlCompactTry *compact, guint64 n_freed,
        guint n_in_vain)
{
  const KmlGfp gfp = request->gfp;
  const gboolean must = must_not_fail (request);

  if ((gfp & KML_GFP_NORETRY) && !must)
    return NEXT_FAIL;
  if (is_costly (self, request) && !(gfp & KML_GFP_RETRY_MAYFAIL) && !must)
    return NEXT_FAIL;
  if (looks_again (compact, n_freed, n_in_vain))
    return NEXT_TRY;
  if (n_in_vain <= KML_RECLAIM_RETRIES && kml_reclaim_waits_for_writes (self))
    return kml_reclaim_is_hopeless (self) ? NEXT_TRY : NEXT_THROTTLE;
  if (is_worth_no_life (self, request))
    return must ? NEXT_WAIT : NEXT_FAIL;
  if (!kml_gfp_may_fs (gfp))
    return NEXT_WAIT;
  if (kill_somebody (self, request))
    return NEXT_KILLED;
  return must ? NEXT_WAIT : NEXT_FAIL;
}

/* Returns how many pages. Where compaction has room to work in, a costly request has what reclaim could give it. */
static guint64
reclaim (KmlReclaim *self, KmlZones *zones, const KmlRequest *request, const KmlCompactTry *compact)
{
  KmlTask *task = kml_current_task (self->machine);
  const guint8 scopes = task->memalloc;
  guint64 n_freed;
  const KmlZoneKind highest = kml_zones_highest_of (zones, request);

  if (compact != NULL && compact->order > KML_COSTLY_ORDER &&
      kml_compaction_is_ready (self->compaction, compact->order, highest))
    return 1;
  task->memalloc |= KML_MEMALLOC_RESERVES; /* who frees memory may take some */
  n_freed = kml_reclaim_shrink (self, MAX (KML_RECLAIM_CLUSTER, n_frames_of (self, request)),
                                request->gfp, highest);
  task->memalloc = scopes;
  return n_freed;
}

/* After @n_freed pages. */
static KmlAddr
try_after (KmlReclaim *self, KmlZones *zones, const KmlRequest *request, guint64 n_freed,
           guint64 *ret_held)
{
  const guint flags = kml_memalloc_flags (kml_current_task (self->machine), request->gfp);
  const KmlAddr addr = kml_zones_try (zones, request, KML_MARK_MIN, flags, ret_held);

  if (addr != KML_ADDR_NONE || n_freed == 0 ||
      !kml_allocator_drain (self->config.pages, KML_ALL_CPUS))
    return addr;
  return kml_zones_try (zones, request, KML_MARK_MIN, flags, ret_held);
}

/* What a request that must not fail may have besides: __alloc_pages_cpuset_fallback(). */
static KmlAddr
try_reserve (KmlReclaim *self, KmlZones *zones, const KmlRequest *request, guint64 *ret_held)
{
  return kml_zones_try (
      zones, request, KML_MARK_MIN,
      is_worth_no_life (self, request) ? KML_ALLOC_HARDER : KML_ALLOC_NO_WATERMARKS, ret_held);
}

/* @compact: (nullable) */
static KmlAddr
reclaim_and_try (KmlReclaim *self, KmlZones *zones, const KmlRequest *request,
                 KmlCompactTry *compact, guint64 *ret_held)
{
  self->counters[KML_RECLAIM_DIRECT]++;
  for (guint n_in_vain = 0;;) {
    const guint64 n_freed = reclaim (self, zones, request, compact), n_wakes = self->n_wakes;
    KmlAddr addr = try_after (self, zones, request, n_freed, ret_held);
    Next next;

    if (addr == KML_ADDR_NONE && compact != NULL)
      addr = kml_compaction_try (self->compaction, compact, zones, request, ret_held);
    if (addr != KML_ADDR_NONE)
      return addr;
    n_in_vain = n_freed > 0 && !is_costly (self, request) ? 0 : n_in_vain + 1;
    next = decide (self, request, compact, n_freed, n_in_vain);
    if (next >= NEXT_KILLED && must_not_fail (request))
      addr = try_reserve (self, zones, request, ret_held);
    if (addr != KML_ADDR_NONE)
      return addr;
    switch (next) {
    case NEXT_TRY:
    case NEXT_KILLED:
      break;
    case NEXT_THROTTLE:
      kml_reclaim_throttle (self);
      break;
    case NEXT_WAIT:
      if (self->n_wakes == n_wakes) /* nobody has freed anything since it looked */
        kml_reclaim_wait (self, "memory", NULL);
      break;
    case NEXT_FAIL:
      return KML_ADDR_NONE;
    }
    kml_progress_tries_again (self->machine->scheduler);
  }
}

/* Before anything is reclaimed. *@ret_is_hopeless: the request is not worth more. */
static KmlAddr
compact_first (KmlReclaim *self, KmlZones *zones, const KmlRequest *request, KmlCompactTry *compact,
               gboolean *ret_is_hopeless, guint64 *ret_held)
{
  KmlAddr addr;

  *ret_is_hopeless = FALSE;
  if (!is_costly (self, request) && request->mobility == KML_MOBILITY_MOVABLE)
    return KML_ADDR_NONE;
  compact->priority = KML_COMPACT_ASYNC;
  addr = kml_compaction_try (self->compaction, compact, zones, request, ret_held);
  if (is_costly (self, request) && (request->gfp & KML_GFP_NORETRY))
    *ret_is_hopeless = compact->result <= KML_COMPACT_IS_DEFERRED;
  else
    compact->priority = KML_COMPACT_SYNC_LIGHT;
  return addr;
}

static KmlAddr
find_memory (KmlReclaim *self, KmlZones *zones, const KmlRequest *request, guint64 *ret_held)
{
  KmlCompactTry compact = { .priority = KML_COMPACT_SYNC_LIGHT };
  gboolean is_hopeless;
  KmlAddr addr;

  if (self->compaction != NULL)
    compact.order = kml_compaction_order_of (self->compaction, request);
  if (compact.order == 0)
    return reclaim_and_try (self, zones, request, NULL, ret_held);
  addr = compact_first (self, zones, request, &compact, &is_hopeless, ret_held);
  if (addr != KML_ADDR_NONE || is_hopeless)
    return addr;
  return reclaim_and_try (self, zones, request, &compact, ret_held);
}

KmlAddr
kml_reclaim_slow_path (gpointer data, KmlZones *zones, const KmlRequest *request, guint64 *ret_held)
{
  KmlReclaim *self = data;
  KmlMachine *machine = self->machine;
  const KmlTask *task = kml_current_task (machine);
  KML_CALL (machine, "direct reclaim");
  KmlPart part;
  KmlAddr addr;

  if (task == NULL || kml_in_atomic (machine)) /* kml_might_alloc() has told of it */
    return KML_ADDR_NONE;
  part = kml_task_part (machine, KML_PART_RECLAIM);
  kml_progress_tries (machine->scheduler);
  addr = find_memory (self, zones, request, ret_held);
  kml_progress_tried (machine->scheduler, addr != KML_ADDR_NONE);
  kml_task_part (machine, part);
  return addr;
}
