/* reclaim.c: taking memory back: kswapd, direct reclaim, and the out-of-memory killer.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mel Gorman, "Understanding the Linux Virtual Memory Manager" (2004), chapters 10 and 13; what
 * is chosen between is Linux 6.1's (mm/vmscan.c, mm/oom_kill.c), in few words.
 *
 * 1. Who reclaims
 *
 *   kswapd   a daemon. Woken when a request finds a zone at its low watermark, sleeps again when all zones are above high
 *   direct   a request that may sleep and finds every zone at min looks for memory itself, in its own time (KML_PART_RECLAIM)
 *   killer   where that finds nothing: the task that would free most is killed
 *
 * A request that may not sleep has none of that: it succeeds at once or fails at once. One that is made in atomic
 * context and says that it may sleep is a bug of the simulated kernel, which is reported where it is made (memalloc.h), and then fails at once, too.
 *
 * 2. What is looked at
 *
 * First the object allocator gives back slabs that hold nothing. Then the tails of the inactive lists, first a little of them (1 / 2^12), then twice as much, and so on, until enough has been freed or all
 * has been looked at. Of what is looked at, swappiness / 200 is anonymous, in the last round everything. A page that
 * was used goes to the active list. A clean one is evicted. A dirty one is written first, and waited for:
 *
 *     GFP_NOIO    nothing is written: only what is clean can be had
 *     GFP_NOFS    anonymous pages go to swap; files are not written, since their file system may be what asks
 *
 * A page is written with the lock of its mapping, if that has one. Who asks with GFP_KERNEL and has this lock waits for itself.
 *
 * 3. When nothing is found
 *
 *     __GFP_NORETRY         fails after one try, whatever it brought
 *     __GFP_RETRY_MAYFAIL   tries as long as something is freed, then fails
 *     order > 3             likewise: many pages in a row are not worth a life
 *     GFP_NOIO, GFP_NOFS    wait until somebody frees something: killing would not help who cannot do I/O
 *     __GFP_NOFAIL          waits likewise when nobody is left to kill
 *     others                kill; and fail when nobody is left
 *
 * Waits for memory end when a page is freed, by whomever. Where nobody is left who could, the scheduler sees that nothing can go on, and the
 * run ends and says so: kernels hang there.
 *
 * 4. Decisions
 *
 * The killer takes the owner with most pages in memory, whose mappings are emptied at once, as by Linux's oom_reaper; badness by
 * oom_score_adj is not modelled. The victim may then dig deeper into the reserves, finds its memory gone at its
 * next touch, and ends when it leaves the kernel: where its program has no lock. Pages are written one at a time, by kswapd as well: a disk with a queue is used better by several direct
 * reclaimers than by one.
 *
 * 5. Not modelled
 *
 * Shrinkers of caches with objects in use (dentries, inodes), memory control groups, refault distances, the lock of the lists, throttling of writers, compaction.
 *
 * Invariants, verified by kml_reclaim_check():
 *   Q1  each list's links agree, it has as many pages as it says, and each of them says so
 *   Q2  a mapping's entry and the frame's record lead to each other
 *   Q3  as many pages are on lists as are in mappings, less those that somebody works on
 */

#include "simcore/reclaim.h"

#include "simcore/lockdep.h"
#include "simcore/memalloc.h"
#include "simcore/pin.h"

#define PRIORITIES      12
#define CLUSTER         32 /* pages that one request asks for */
#define MAX_RETRIES     16 /* tries that brought pages but not those that were needed */
#define COSTLY_ORDER    3
#define SWAPPINESS_UNIT 200

/* To isolate a page, look at it, and put it somewhere. An estimate from reading. */
#define SCAN_INSTRUCTIONS 60

const KmlCounterInfo kml_reclaim_counters[] = {
  [KML_RECLAIM_PAGES] = { "reclaim.pages", "pages" },
  [KML_RECLAIM_DIRECT] = { "reclaim.direct", "requests" },
  [KML_RECLAIM_SCANNED] = { "reclaim.scanned", "pages" },
  [KML_RECLAIM_WRITTEN] = { "reclaim.written", "pages" },
  [KML_RECLAIM_ACTIVATED] = { "reclaim.activated", "pages" },
  [KML_RECLAIM_WAKEUPS] = { "kswapd.wakeups", "times" },
  [KML_RECLAIM_OOM_KILLS] = { "oom.kills", "tasks" },
  [KML_RECLAIM_FAULTS] = { "fault.count", "faults" },
  [KML_RECLAIM_READS] = { "fault.reads", "pages" },
  [KML_RECLAIM_ERRORS] = { "reclaim.io_errors", "requests" },
  [KML_RECLAIM_SLABS] = { "reclaim.slab_pages", "pages" },
  [KML_MIGRATE_PAGES] = { "migrate.pages", "pages" },
  [KML_MIGRATE_FAILED_PINNED] = { "migrate.failed_pinned", "pages" },
  [KML_MIGRATE_FAILED] = { "migrate.failed", "pages" },
  [KML_N_RECLAIM_COUNTERS] = { NULL },
};

/* ---- Waiting ---- */

void
kml_reclaim_wait (KmlReclaim *self, const char *what, KmlTask *provider)
{
  const KmlWait wait = { .kind = KML_WAIT_MEMORY, .what = what, .provider = provider };
  KmlTask *task = kml_current_task (self->machine);

  g_ptr_array_add (self->waiters, task);
  kml_task_wait (self->machine, &wait, KML_PART_MEMORY, FALSE);
  g_ptr_array_remove (self->waiters, task); /* woken by somebody else, for another reason */
}

void
kml_reclaim_wake_all (KmlReclaim *self)
{
  while (self->waiters->len > 0)
    kml_task_wake (g_ptr_array_remove_index (self->waiters, 0));
}

/* ---- Looking at pages ---- */

static gboolean
may_write (const KmlReclaim *self, const KmlMapping *mapping, KmlGfp gfp)
{
  if (self->config.disk == NULL)
    return FALSE;
  return mapping->is_anon ? kml_gfp_may_io (gfp) : kml_gfp_may_fs (gfp);
}

/* Sleeps. The page is isolated. TRUE: it is clean now, and was neither used nor pinned meanwhile. */
static gboolean
write_page (KmlMapping *mapping, KmlPfn pfn)
{
  KmlMachine *machine = mapping->reclaim->machine;
  KmlFrame *frame = kml_ram_frame (machine->ram, pfn);

  if (mapping->lock != NULL)
    kml_lock_take (machine, mapping->lock, KML_LOCK_EXCLUSIVE);
  kml_mapping_write (mapping, pfn);
  if (mapping->lock != NULL)
    kml_lock_give (machine, mapping->lock);
  return (frame->lru.bits & (KML_PAGE_DIRTY | KML_PAGE_REFERENCED)) == 0 &&
         !kml_is_pinned (machine, pfn);
}

/* The page at the tail of @kind, an inactive list. TRUE: it has been freed. */
static gboolean
look_at_tail (KmlReclaim *self, KmlLruKind kind, KmlGfp gfp, KmlZoneKind highest)
{
  const KmlRam *ram = self->machine->ram;
  const KmlPfn pfn = self->lists[kind].last;
  KmlFrame *frame = kml_ram_frame (ram, pfn);
  KmlMapping *mapping = kml_mapping_of (self, frame);
  KmlLruKind back = kind;
  gboolean is_evictable;

  kml_lru_remove (self->lists, ram, pfn);
  self->counters[KML_RECLAIM_SCANNED]++;
  kml_spend (self->machine, KML_COST_INSTRUCTION, SCAN_INSTRUCTIONS);
  kml_spend_references (self->machine, KML_COST_WARM, 2);
  kml_touch_frame (self->machine, frame, KML_TOUCH_WRITE);
  if (kml_zones_of (self->config.zones, pfn)->kind > highest) {
    is_evictable = FALSE; /* of no use to who asks */
  } else if (kml_is_pinned (self->machine, pfn)) {
    is_evictable = FALSE; /* a device has its address */
  } else if (frame->lru.bits & KML_PAGE_REFERENCED) {
    frame->lru.bits &= (guint8)~KML_PAGE_REFERENCED;
    self->counters[KML_RECLAIM_ACTIVATED]++;
    back = kind + KML_LRU_ACTIVE;
    is_evictable = FALSE;
  } else {
    is_evictable = !(frame->lru.bits & KML_PAGE_DIRTY) ||
                   (may_write (self, mapping, gfp) && write_page (mapping, pfn));
  }
  if ((frame->lru.bits & KML_PAGE_DOOMED) && kml_is_pinned (self->machine, pfn))
    return FALSE; /* who unpins it frees it */
  if (is_evictable || (frame->lru.bits & KML_PAGE_DOOMED)) {
    kml_mapping_evict (mapping, pfn);
    self->counters[KML_RECLAIM_PAGES]++;
    return TRUE;
  }
  kml_lru_insert (self->lists, ram, pfn, back);
  return FALSE;
}

/* Until the inactive list is as long as the active one. */
static void
refill_inactive (KmlReclaim *self, KmlLruKind kind)
{
  const KmlRam *ram = self->machine->ram;

  for (guint i = 0; i < CLUSTER && self->lists[kind].n < self->lists[kind + KML_LRU_ACTIVE].n;
       i++) {
    const KmlPfn pfn = self->lists[kind + KML_LRU_ACTIVE].last;

    kml_lru_remove (self->lists, ram, pfn);
    kml_ram_frame (ram, pfn)->lru.bits &= (guint8)~KML_PAGE_REFERENCED;
    kml_lru_insert (self->lists, ram, pfn, kind);
    kml_spend_references (self->machine, KML_COST_WARM, 2);
    kml_touch_frame (self->machine, kml_ram_frame (ram, pfn), KML_TOUCH_WRITE);
  }
}

/* @weight of SWAPPINESS_UNIT; at priority 0 all that there is. */
static guint64
n_to_scan (const KmlReclaim *self, KmlLruKind kind, guint priority, guint weight)
{
  const guint64 n = self->lists[kind].n + self->lists[kind + KML_LRU_ACTIVE].n;

  if (weight == 0)
    return 0;
  return priority == 0 ? n : (n >> priority) * weight / SWAPPINESS_UNIT;
}

static guint64
shrink_list (KmlReclaim *self, KmlLruKind kind, guint64 n_scan, guint64 n_wanted, KmlGfp gfp,
             KmlZoneKind highest)
{
  guint64 n_freed = 0;

  for (guint64 i = 0; i < n_scan && n_freed < n_wanted; i++) {
    if (i % CLUSTER == 0)
      refill_inactive (self, kind);
    if (self->lists[kind].n == 0)
      break;
    n_freed += look_at_tail (self, kind, gfp, highest);
  }
  return n_freed;
}

/* What holds nothing is had for nothing. Counted as the zones see it: what layers keep is not seen. */
static guint64
shrink_slabs (KmlReclaim *self)
{
  const guint64 before = self->machine->free_area.n_free;
  guint64 n;

  if (self->config.slabs == NULL || self->config.slabs->ops->shrink == NULL)
    return 0;
  self->config.slabs->ops->shrink (self->config.slabs);
  n = self->machine->free_area.n_free - MIN (before, self->machine->free_area.n_free);
  self->counters[KML_RECLAIM_SLABS] += n;
  return n;
}

guint64
kml_reclaim_shrink (KmlReclaim *self, guint64 n_wanted, KmlGfp gfp, KmlZoneKind highest)
{
  const guint swappiness = self->config.disk != NULL && kml_gfp_may_io (gfp)
                               ? self->config.swappiness
                               : 0;
  guint64 n_freed = 0;

  kml_lockdep_enter_reclaim (self->machine, gfp);
  kml_sync (self->machine);
  n_freed = shrink_slabs (self);
  for (guint priority = PRIORITIES + 1; priority-- > 0 && n_freed < n_wanted;) {
    const guint64 n_file = n_to_scan (self, KML_LRU_INACTIVE_FILE, priority,
                                      SWAPPINESS_UNIT - swappiness),
                  n_anon = n_to_scan (self, KML_LRU_INACTIVE_ANON, priority, swappiness);

    n_freed += shrink_list (self, KML_LRU_INACTIVE_FILE, n_file, n_wanted - n_freed, gfp, highest);
    n_freed += shrink_list (self, KML_LRU_INACTIVE_ANON, n_anon, n_wanted - n_freed, gfp, highest);
  }
  kml_lockdep_leave_reclaim (self->machine);
  return n_freed;
}

/* ---- kswapd ---- */

static gboolean
is_balanced (const KmlReclaim *self)
{
  const KmlZones *zones = self->config.zones;

  for (guint i = 0; i < zones->n_zones; i++)
    if (!kml_zone_is_balanced (&zones->zones[i]))
      return FALSE;
  return TRUE;
}

static void
kswapd_main (KmlMachine *machine, gpointer data)
{
  static const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = "low memory" };
  KmlReclaim *self = data;

  for (;;) {
    self->kswapd_sleeps = TRUE;
    while (!self->kswapd_is_wanted)
      kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
    self->kswapd_sleeps = FALSE;
    self->kswapd_is_wanted = FALSE;
    kml_task_part (machine, KML_PART_RECLAIM);
    while (!is_balanced (self) &&
           kml_reclaim_shrink (self, CLUSTER, KML_GFP_KERNEL, KML_ZONE_NORMAL) > 0)
      kml_sync (machine);
    kml_task_part (machine, KML_PART_RUN);
  }
}

static void
wake_kswapd (gpointer data, const KmlRequest *request)
{
  KmlReclaim *self = data;

  if (self->kswapd_is_wanted || !self->kswapd_sleeps)
    return;
  self->kswapd_is_wanted = TRUE;
  self->counters[KML_RECLAIM_WAKEUPS]++;
  kml_spend (self->machine, KML_COST_WAKE, 1);
  kml_task_wake (self->kswapd);
}

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

/* FALSE: nobody would free anything. */
static gboolean
kill_somebody (KmlReclaim *self)
{
  KmlTask *victim = NULL;
  guint64 most = 0;

  for (guint i = 0; i < self->mappings->len; i++) {
    const KmlMapping *mapping = g_ptr_array_index (self->mappings, i);
    const guint64 n = mapping->owner != NULL ? n_pages_of (self, mapping->owner) : 0;

    if (n > most) {
      most = n;
      victim = mapping->owner;
    }
  }
  if (victim == NULL)
    return FALSE;
  self->counters[KML_RECLAIM_OOM_KILLS]++;
  victim->is_killed = TRUE;
  for (guint i = 0; i < self->mappings->len; i++) {
    KmlMapping *mapping = g_ptr_array_index (self->mappings, i);

    if (mapping->owner == victim) {
      mapping->is_killed = TRUE;
      kml_mapping_drop (mapping);
    }
  }
  return TRUE;
}

/* ---- Direct reclaim ---- */

typedef enum {
  NEXT_TRY,
  NEXT_WAIT,
  NEXT_FAIL,
} Next;

/* What a request does that has freed @n_freed pages and still has none. */
static Next
decide (KmlReclaim *self, const KmlRequest *request, guint64 n_freed, guint attempt)
{
  const KmlGfp gfp = request->gfp;
  const guint64 n_frames = request->size >> self->machine->ram->page_shift;
  const gboolean must = (gfp & KML_GFP_NOFAIL) != 0;

  if ((gfp & KML_GFP_NORETRY) && !must)
    return NEXT_FAIL;
  if (n_freed > 0 && attempt < MAX_RETRIES)
    return NEXT_TRY;
  if (((gfp & KML_GFP_RETRY_MAYFAIL) || n_frames > 1 << COSTLY_ORDER) && !must)
    return NEXT_FAIL;
  if (!kml_gfp_may_fs (gfp))
    return NEXT_WAIT;
  if (kill_somebody (self))
    return NEXT_TRY;
  return must ? NEXT_WAIT : NEXT_FAIL;
}

static KmlAddr
reclaim_and_try (KmlReclaim *self, KmlZones *zones, const KmlRequest *request, guint64 *ret_held)
{
  KmlTask *task = kml_current_task (self->machine);
  const guint8 scopes = task->memalloc;

  for (guint attempt = 0;; attempt++) {
    guint64 n_freed;
    KmlAddr addr;

    task->memalloc |= KML_MEMALLOC_RESERVES; /* who frees memory may take some */
    n_freed = kml_reclaim_shrink (self,
                                  MAX (CLUSTER, request->size >> self->machine->ram->page_shift),
                                  request->gfp, kml_gfp_zone (request->gfp));
    task->memalloc = scopes;
    addr = kml_zones_try (zones, request, KML_MARK_MIN, kml_memalloc_flags (task, request->gfp),
                          ret_held);
    if (addr != KML_ADDR_NONE)
      return addr;
    switch (decide (self, request, n_freed, attempt)) {
    case NEXT_TRY:
      break;
    case NEXT_WAIT:
      kml_reclaim_wait (self, "memory", NULL);
      break;
    case NEXT_FAIL:
      return KML_ADDR_NONE;
    }
  }
}

static KmlAddr
slow_path (gpointer data, KmlZones *zones, const KmlRequest *request, guint64 *ret_held)
{
  KmlReclaim *self = data;
  KmlMachine *machine = self->machine;
  const KmlTask *task = kml_current_task (machine);
  KML_CALL (machine, "direct reclaim");
  KmlPart part;
  KmlAddr addr;

  if (task == NULL || kml_in_atomic (machine)) /* kml_might_alloc() has told of it */
    return KML_ADDR_NONE;
  self->counters[KML_RECLAIM_DIRECT]++;
  part = kml_task_part (machine, KML_PART_RECLAIM);
  addr = reclaim_and_try (self, zones, request, ret_held);
  kml_task_part (machine, part);
  return addr;
}

static void
page_was_freed (gpointer data)
{
  kml_reclaim_wake_all (data);
}

/* ---- The whole ---- */

static void
free_mapping (gpointer data)
{
  KmlMapping *mapping = data;

  g_free (mapping->name);
  g_free (mapping->frames);
  g_free (mapping->is_on_disk);
  g_array_unref (mapping->fetches);
  g_free (mapping);
}

KmlReclaim *
kml_reclaim_new (const KmlReclaimConfig *config)
{
  KmlReclaim *self = g_new0 (KmlReclaim, 1);
  KmlTaskConfig kswapd = { .name = "kswapd",
                           .cpu = config->kswapd_cpu,
                           .is_daemon = TRUE,
                           .func = kswapd_main,
                           .data = self };

  self->config = *config;
  self->machine = config->zones->base.machine;
  g_assert (self->machine->scheduler != NULL);
  for (guint i = 0; i < KML_N_LRU_LISTS; i++)
    self->lists[i].first = self->lists[i].last = KML_PFN_NONE;
  self->mappings = g_ptr_array_new_with_free_func (free_mapping);
  self->waiters = g_ptr_array_new ();
  kswapd.start = self->machine->now;
  self->kswapd = kml_task_new (self->machine->scheduler, &kswapd);
  self->kswapd->memalloc = KML_MEMALLOC_RESERVES;
  if (self->config.pages == NULL)
    self->config.pages = &config->zones->base;
  config->zones->reclaim = (KmlZonesReclaim){
    .wake = wake_kswapd, .slow_path = slow_path, .freed = page_was_freed, .data = self
  };
  return self;
}

void
kml_reclaim_free (KmlReclaim *self)
{
  if (self == NULL)
    return;
  self->config.zones->reclaim = (KmlZonesReclaim){ 0 };
  g_ptr_array_unref (self->mappings);
  g_ptr_array_unref (self->waiters);
  g_free (self);
}

static void
forget_waiters (gpointer data)
{
  g_ptr_array_set_size (((KmlReclaim *)data)->waiters, 0);
}

void
kml_reclaim_remember (KmlReclaim *self, KmlImage *image)
{
  g_assert (self->waiters->len == 0);
  kml_image_add_hook (image, forget_waiters, self);
  kml_image_add (image, self, sizeof *self);
  for (guint i = 0; i < self->mappings->len; i++) {
    KmlMapping *mapping = g_ptr_array_index (self->mappings, i);

    kml_image_add (image, mapping, sizeof *mapping);
    kml_image_add (image, mapping->frames, mapping->n_pages * sizeof *mapping->frames);
    kml_image_add (image, mapping->is_on_disk, mapping->n_pages * sizeof *mapping->is_on_disk);
    kml_image_add_array (image, mapping->fetches);
  }
}

/* ---- Checking ---- */

static gboolean
broken (const char *invariant, KmlPfn pfn, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "reclaim: invariant %s does not hold at frame %u", invariant, pfn);
  return FALSE;
}

static gboolean
check_list (const KmlReclaim *self, KmlLruKind kind, GError **error)
{
  const KmlLruList *list = &self->lists[kind];
  const KmlRam *ram = self->machine->ram;
  KmlPfn before = KML_PFN_NONE;
  guint64 n = 0;

  for (KmlPfn pfn = list->first; pfn != KML_PFN_NONE; pfn = kml_ram_frame (ram, pfn)->lru.next) {
    const KmlFrame *frame = kml_ram_frame (ram, pfn);
    const KmlMapping *mapping = kml_mapping_of (self, frame);

    if (frame->lru.prev != before || frame->lru.kind != kind || ++n > list->n ||
        mapping->is_anon != (kind <= KML_LRU_ACTIVE_ANON))
      return broken ("Q1", pfn, error);
    if (frame->state != KML_FRAME_USED || mapping->frames[frame->lru.index] != pfn)
      return broken ("Q2", pfn, error);
    before = pfn;
  }
  if (n != list->n || list->last != before)
    return broken ("Q1", list->last, error);
  return TRUE;
}

gboolean
kml_reclaim_check (const KmlReclaim *self, GError **error)
{
  guint64 n_resident = 0, n_listed = 0, n_isolated = 0;

  for (KmlLruKind kind = 0; kind < KML_N_LRU_LISTS; kind++) {
    if (!check_list (self, kind, error))
      return FALSE;
    n_listed += self->lists[kind].n;
  }
  for (guint i = 0; i < self->mappings->len; i++) {
    const KmlMapping *mapping = g_ptr_array_index (self->mappings, i);
    guint64 n = 0;

    for (guint32 index = 0; index < mapping->n_pages; index++) {
      const KmlPfn pfn = mapping->frames[index];
      const KmlFrame *frame;

      if (pfn == KML_PFN_NONE || pfn == KML_PFN_BUSY)
        continue;
      frame = kml_ram_frame (self->machine->ram, pfn);
      if (frame->lru.mapping != mapping->id || frame->lru.index != index)
        return broken ("Q2", pfn, error);
      n_isolated += frame->lru.kind == KML_LRU_ISOLATED;
      n++;
    }
    if (n != mapping->n_resident)
      return broken ("Q3", KML_PFN_NONE, error);
    n_resident += n;
  }
  return n_resident == n_listed + n_isolated || broken ("Q3", KML_PFN_NONE, error);
}
