/* reclaim.c: taking memory back: kswapd, direct reclaim, and the out-of-memory killer.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mel Gorman, "Understanding the Linux Virtual Memory Manager" (2004), chapters 10 and 13; what
 * is chosen between is Linux 6.1's (mm/vmscan.c, mm/oom_kill.c), in few words.
 *
 * 1. Who reclaims
 *
 *   kswapd   a daemon. Woken when a request finds a zone at its low watermark, sleeps again when all zones are above high, or it is hopeless (kswapd.c)
 *   direct   a request that may sleep and finds every zone at min looks for memory itself, in its own time (direct-reclaim.c)
 *   killer   where that finds nothing: the task that would free most is killed
 *
 * A request that may not sleep has none of that: it succeeds at once or fails at once. One that is made in atomic
 * context and says that it may sleep is a bug of the simulated kernel, which is reported where it is made (memalloc.h), and then fails at once, too.
 *
 * 2. What is looked at
 *
 * First the object allocator gives back slabs that hold nothing. Then the tails of the inactive lists, first a little of them (1 / 2^12), then twice as much, and so on, until enough has been freed or all
 * has been looked at. Of what is looked at, swappiness / 200 is anonymous, in the last round everything. A page that
 * was used, or is being written, goes to the active list. A clean one is evicted. A dirty one is written first:
 *
 *                      kswapd                                          direct reclaim
 *     no flusher       gives it to the disk and goes on                writes it and waits
 *     flusher: file    leaves it to the flusher, at first              leaves it to the flusher
 *     flusher: swap    gives it to the disk and goes on                gives it to the disk and goes on
 *
 *     GFP_NOIO    nothing is written: only what is clean can be had
 *     GFP_NOFS    anonymous pages go to swap; files are not written, since their file system may be what asks
 *
 * What is given to the disk counts as half had: the round ends with it, and as soon as the disk's interrupt says so it is at the tail of its list. A round
 * that brings nothing is followed by a wait for the disk, 100 ms at most (VMSCAN_THROTTLE_WRITEBACK), and after 16 of them kswapd gives up (kswapd.c). A page
 * is written with the lock of its mapping, if that has one: direct reclaim has it as long as the disk takes, others until the disk has been asked. Who asks
 * with GFP_KERNEL and has this lock waits for itself.
 *
 * 3. Beside a flusher
 *
 * What is dirty is not reclaim's to write, since it meets pages in the order of their use and the disk wants them in that of the file. A page that is left to the flusher is marked, so
 * that it comes back when it is clean; where of 32 pages all are dirty, the flusher is woken to write everything. kswapd writes a file's
 * page only if it sees it again, marked, after such 32 (PGDAT_DIRTY).
 *
 * 4. Decisions
 *
 * Without a flusher direct reclaim writes pages one at a time and waits for each, as kernels did before 2.6.36: that is what textbooks describe, and what
 * the background text means by a request that writes a page first. Linux's kswapd writes single pages, too, and leaves it to the disk's queue to join them.
 *
 * Pages that need not go but only lie elsewhere are moved by compaction (compaction.c).
 *
 * 5. Not modelled
 *
 * Shrinkers of caches with objects in use (dentries, inodes), memory control groups, refault distances, the lock of the lists, kswapd's own throttling of direct
 * reclaimers (pfmemalloc_wait), VMSCAN_THROTTLE_ISOLATED and _CONGESTED.
 *
 * Invariants: reclaim-check.c.
 */

#include "simcore/pages/reclaim.h"

#include "simcore/locks/lockdep.h"
#include "simcore/pages/compaction.h"
#include "simcore/pages/memalloc.h"
#include "simcore/memory/pin.h"
#include "simcore/pages/writeback.h"

#define PRIORITIES      12
#define SWAPPINESS_UNIT 200
#define THROTTLE        (100 * KML_MS)

/* To isolate a page, look at it, and put it somewhere. An estimate from reading. */
#define SCAN_INSTRUCTIONS 60

const KmlCounterInfo kml_reclaim_counters[] = {
  [KML_RECLAIM_PAGES] = { "reclaim.pages", "pages" },
  [KML_RECLAIM_DIRECT] = { "reclaim.direct", "requests" },
  [KML_RECLAIM_SCANNED] = { "reclaim.scanned", "pages" },
  [KML_RECLAIM_WRITTEN] = { "reclaim.written", "pages" },
  [KML_RECLAIM_ACTIVATED] = { "reclaim.activated", "pages" },
  [KML_RECLAIM_WAKEUPS] = { "kswapd.wakeups", "times" },
  [KML_RECLAIM_GAVE_UP] = { "kswapd.gave_up", "times" },
  [KML_RECLAIM_OOM_KILLS] = { "oom.kills", "tasks" },
  [KML_RECLAIM_FAULTS] = { "fault.count", "faults" },
  [KML_RECLAIM_READS] = { "fault.reads", "pages" },
  [KML_RECLAIM_NO_FRAME] = { "fault.failed", "faults" },
  [KML_RECLAIM_ERRORS] = { "reclaim.io_errors", "requests" },
  [KML_RECLAIM_SLABS] = { "reclaim.slab_pages", "pages" },
  [KML_RECLAIM_THROTTLED] = { "reclaim.throttled", "times" },
  [KML_DIRTY_PEAK] = { "dirty.peak", "pages" },
  [KML_WRITEBACK_PAGES] = { "writeback.pages", "pages" },
  [KML_WRITEBACK_REQUESTS] = { "writeback.requests", "requests" },
  [KML_WRITEBACK_WAKEUPS] = { "writeback.wakeups", "times" },
  [KML_THROTTLE_PAUSES] = { "throttle.pauses", "times" },
  [KML_MIGRATE_PAGES] = { "migrate.pages", "pages" },
  [KML_MIGRATE_FAILED_PINNED] = { "migrate.failed_pinned", "pages" },
  [KML_MIGRATE_FAILED] = { "migrate.failed", "pages" },
  [KML_N_RECLAIM_COUNTERS] = { NULL },
};

/* ---- Waiting ---- */

void
kml_reclaim_wait_in (KmlReclaim *self, GPtrArray *waiters, const KmlWait *wait, KmlPart part,
                     KmlTime most)
{
  KmlMachine *machine = self->machine;
  KmlTask *task = kml_current_task (machine);

  if (waiters != NULL)
    g_ptr_array_add (waiters, task);
  if (most > 0)
    kml_timer_set (&task->alarm, machine->scheduler, machine->now + most);
  kml_task_wait (machine, wait, part, FALSE);
  if (most > 0)
    kml_timer_cancel (&task->alarm);
  if (waiters != NULL)
    g_ptr_array_remove (waiters, task); /* woken by somebody else, for another reason */
}

void
kml_reclaim_wait (KmlReclaim *self, const char *what, KmlTask *provider)
{
  const KmlWait wait = { .kind = KML_WAIT_MEMORY,
                         .what = what,
                         .provider = provider,
                         .providers = provider == NULL ? self->config.givers : NULL };

  kml_reclaim_wait_in (self, self->waiters, &wait, KML_PART_MEMORY, 0);
}

void
kml_reclaim_wake_all (KmlReclaim *self)
{
  self->n_wakes++;
  while (self->waiters->len > 0)
    kml_task_wake (g_ptr_array_remove_index (self->waiters, 0));
}

/* ---- Looking at pages ---- */

/* Who looks, and what came of it. */
typedef struct {
  KmlGfp gfp;
  KmlZoneKind highest;
  gboolean is_kswapd;
  guint64 n_wanted, n_freed;
  guint64 n_queued; /* given to the disk to be written: they can be had soon */
  /* of the last few: pages of files, and of those whom nobody writes yet */
  guint64 n_taken, n_dirty;
  gboolean all_dirty; /* of some few they were all */
} Scan;

typedef enum {
  FATE_KEEP,
  FATE_ACTIVATE,
  FATE_EVICT,
  FATE_LEAVE, /* it is back on a list, or gone already */
} Fate;

static gboolean
is_done (const Scan *scan)
{
  return scan->n_freed + scan->n_queued >= scan->n_wanted;
}

/* Sleeps. The page is isolated. TRUE: it is clean now, and was neither used nor pinned meanwhile. */
static gboolean
write_page (KmlMapping *mapping, KmlPfn pfn)
{
  KmlMachine *machine = mapping->reclaim->machine;
  KmlFrame *frame = kml_ram_frame (machine->ram, pfn);

  kml_mapping_write_locked (mapping, pfn);
  return (frame->lru.bits & (KML_PAGE_DIRTY | KML_PAGE_REFERENCED)) == 0 &&
         !kml_is_pinned (machine, pfn);
}

/* Asks the disk to write page @pfn, which is on its list. */
static void
queue_page (KmlReclaim *self, Scan *scan, KmlMapping *mapping, KmlPfn pfn)
{
  const guint32 index = kml_ram_frame (self->machine->ram, pfn)->lru.index;
  KmlPageWrite *write = kml_page_write_get (self, FALSE);

  if (write != NULL)
    scan->n_queued += kml_mapping_write_behind (mapping, write, index, 1, KML_PAGE_RECLAIM);
}

/* Of a dirty page, which is isolated. */
static Fate
fate_of_dirty (KmlReclaim *self, Scan *scan, KmlMapping *mapping, KmlPfn pfn)
{
  KmlFrame *frame = kml_ram_frame (self->machine->ram, pfn);
  const KmlLruKind kind = mapping->is_anon ? KML_LRU_INACTIVE_ANON : KML_LRU_INACTIVE_FILE;

  if (!mapping->is_anon && self->writeback != NULL &&
      !(scan->is_kswapd && self->all_is_dirty && (frame->lru.bits & KML_PAGE_RECLAIM))) {
    frame->lru.bits |= KML_PAGE_RECLAIM;
    scan->n_dirty++;
    return FATE_ACTIVATE;
  }
  if (!kml_mapping_may_write (mapping, scan->gfp))
    return FATE_KEEP;
  if (!scan->is_kswapd && self->writeback == NULL)
    return write_page (mapping, pfn) ? FATE_EVICT : FATE_KEEP;
  frame->lru.bits &= (guint8)~KML_PAGE_ISOLATED;
  kml_lru_insert (self->lists, self->machine->ram, pfn, kind);
  queue_page (self, scan, mapping, pfn);
  return FATE_LEAVE;
}

/* Of a page, which is isolated. */
static Fate
fate_of (KmlReclaim *self, Scan *scan, KmlMapping *mapping, KmlPfn pfn)
{
  KmlFrame *frame = kml_ram_frame (self->machine->ram, pfn);

  if (kml_zones_of (self->config.zones, pfn)->kind > scan->highest)
    return FATE_KEEP; /* of no use to who asks */
  if (kml_is_pinned (self->machine, pfn))
    return FATE_KEEP; /* a device has its address */
  scan->n_taken += !mapping->is_anon;
  if (frame->lru.bits & KML_PAGE_WRITEBACK) {
    frame->lru.bits |= KML_PAGE_RECLAIM;
    return FATE_ACTIVATE; /* the interrupt brings it back */
  }
  if (frame->lru.bits & KML_PAGE_REFERENCED) {
    frame->lru.bits &= (guint8)~KML_PAGE_REFERENCED;
    self->counters[KML_RECLAIM_ACTIVATED]++;
    return FATE_ACTIVATE;
  }
  return (frame->lru.bits & KML_PAGE_DIRTY) ? fate_of_dirty (self, scan, mapping, pfn) : FATE_EVICT;
}

/* The page at the tail of @kind, an inactive list. */
static void
look_at_tail (KmlReclaim *self, KmlLruKind kind, Scan *scan)
{
  const KmlRam *ram = self->machine->ram;
  const KmlPfn pfn = self->lists[kind].frames.last;
  KmlFrame *frame = kml_ram_frame (ram, pfn);
  KmlMapping *mapping = kml_mapping_of (self, frame);
  Fate fate;

  kml_lru_remove (self->lists, ram, pfn);
  self->counters[KML_RECLAIM_SCANNED]++;
  kml_spend (self->machine, KML_COST_INSTRUCTION, SCAN_INSTRUCTIONS);
  kml_spend_references (self->machine, KML_COST_WARM, 2);
  kml_touch_frame (self->machine, frame, KML_TOUCH_WRITE);
  frame->lru.bits |= KML_PAGE_ISOLATED;
  fate = fate_of (self, scan, mapping, pfn);
  if (fate == FATE_LEAVE)
    return;
  frame->lru.bits &= (guint8)~KML_PAGE_ISOLATED;
  if ((frame->lru.bits & KML_PAGE_DOOMED) && kml_is_pinned (self->machine, pfn))
    return; /* who unpins it frees it */
  if (fate == FATE_EVICT || (frame->lru.bits & KML_PAGE_DOOMED)) {
    kml_mapping_evict (mapping, pfn);
    self->counters[KML_RECLAIM_PAGES]++;
    scan->n_freed++;
    return;
  }
  kml_lru_insert (self->lists, ram, pfn, fate == FATE_ACTIVATE ? kind + KML_LRU_ACTIVE : kind);
}

/* Until the inactive list is as long as the active one. */
static void
refill_inactive (KmlReclaim *self, KmlLruKind kind)
{
  const KmlRam *ram = self->machine->ram;

  for (guint i = 0;
       i < KML_RECLAIM_CLUSTER && self->lists[kind].n < self->lists[kind + KML_LRU_ACTIVE].n; i++) {
    const KmlPfn pfn = self->lists[kind + KML_LRU_ACTIVE].frames.last;

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

/* So many pages of @kind, some at a time: where all of those are dirty, the flusher is to write. */
static void
shrink_list (KmlReclaim *self, KmlLruKind kind, guint64 n_scan, Scan *scan)
{
  for (guint64 i = 0; i < n_scan && !is_done (scan);) {
    scan->n_taken = scan->n_dirty = 0;
    refill_inactive (self, kind);
    for (guint j = 0; j < KML_RECLAIM_CLUSTER && i < n_scan && !is_done (scan); j++, i++) {
      if (self->lists[kind].n == 0)
        break;
      look_at_tail (self, kind, scan);
    }
    if (scan->n_dirty > 0 && scan->n_dirty == scan->n_taken) {
      scan->all_dirty = TRUE;
      kml_writeback_wake (self->writeback, TRUE);
    }
    if (self->lists[kind].n == 0)
      return;
  }
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
  Scan scan = { .gfp = gfp,
                .highest = highest,
                .is_kswapd = kml_current_task (self->machine) == self->kswapd,
                .n_wanted = n_wanted };
  const guint64 n_before = kml_reclaim_n_unwritten (self);

  kml_lockdep_enter_reclaim (self->machine, gfp);
  kml_sync (self->machine);
  scan.n_freed = shrink_slabs (self);
  for (guint priority = PRIORITIES + 1; priority-- > 0 && !is_done (&scan);) {
    const guint64 n_file = n_to_scan (self, KML_LRU_INACTIVE_FILE, priority,
                                      SWAPPINESS_UNIT - swappiness),
                  n_anon = n_to_scan (self, KML_LRU_INACTIVE_ANON, priority, swappiness);

    shrink_list (self, KML_LRU_INACTIVE_FILE, n_file, &scan);
    shrink_list (self, KML_LRU_INACTIVE_ANON, n_anon, &scan);
  }
  if (scan.n_freed == 0) /* rather than fail: what was left as a working set */
    scan.n_freed = shrink_slabs (self);
  kml_lockdep_leave_reclaim (self->machine);
  if (scan.n_freed > 0)
    self->kswapd_failures = 0;
  self->all_is_dirty |= scan.is_kswapd && scan.all_dirty;
  if (scan.is_kswapd && scan.n_queued > 0)
    kml_scheduler_cleaned (self->machine->scheduler, n_before, kml_reclaim_n_unwritten (self));
  if (scan.is_kswapd)
    kml_scheduler_freed_frames (self->machine->scheduler);
  return scan.n_freed;
}

void
kml_reclaim_throttle (KmlReclaim *self)
{
  const guint64 n_written = self->n_written, n_enough = MIN (self->n_writing, KML_RECLAIM_CLUSTER);
  const KmlTime end = self->machine->now + THROTTLE;

  self->counters[KML_RECLAIM_THROTTLED]++;
  do
    kml_reclaim_wait_for_writes (self, KML_PART_THROTTLE, end - self->machine->now);
  while (self->n_written - n_written < n_enough && self->n_writing > 0 && self->machine->now < end);
}

/* ---- The whole ---- */

static void
page_was_freed (gpointer data)
{
  kml_reclaim_wake_all (data);
}

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

static void
clear_kill (gpointer data)
{
  g_free (((KmlOomKill *)data)->site);
}

KmlReclaim *
kml_reclaim_new (const KmlReclaimConfig *config)
{
  KmlReclaim *self = g_new0 (KmlReclaim, 1);

  self->config = *config;
  self->machine = config->zones->base.machine;
  g_assert (self->machine->scheduler != NULL);
  for (guint i = 0; i < KML_N_LRU_LISTS; i++)
    kml_frame_list_init (&self->lists[i].frames);
  self->mappings = g_ptr_array_new_with_free_func (free_mapping);
  self->waiters = g_ptr_array_new ();
  self->write_waiters = g_ptr_array_new ();
  self->writes = g_new0 (KmlPageWrite, KML_MAX_PAGE_WRITES);
  self->kills = g_array_new (FALSE, FALSE, sizeof (KmlOomKill));
  g_array_set_clear_func (self->kills, clear_kill);
  self->kswapd = kml_kswapd_new (self);
  if (self->config.pages == NULL)
    self->config.pages = &config->zones->base;
  config->zones->reclaim = (KmlZonesReclaim){ .wake = kml_kswapd_wake,
                                              .slow_path = kml_reclaim_slow_path,
                                              .freed = page_was_freed,
                                              .data = self };
  if (config->writeback != NULL)
    self->writeback = kml_writeback_new (self, config->writeback);
  if (config->givers != NULL) {
    kml_providers_add (config->givers, NULL); /* who looks for memory, and the disk */
    kml_providers_add (config->givers, self->kswapd);
    if (self->writeback != NULL)
      kml_providers_add (config->givers, self->writeback->flusher);
  }
  if (config->compaction != NULL)
    self->compaction = kml_compaction_new (self, config->compaction);
  self->config.writeback = NULL; /* borrowed for the call, as is … */
  self->config.compaction = NULL;
  return self;
}

void
kml_reclaim_free (KmlReclaim *self)
{
  if (self == NULL)
    return;
  self->config.zones->reclaim = (KmlZonesReclaim){ 0 };
  kml_writeback_free (self->writeback);
  kml_compaction_free (self->compaction);
  g_ptr_array_unref (self->mappings);
  g_ptr_array_unref (self->waiters);
  g_ptr_array_unref (self->write_waiters);
  g_array_unref (self->kills);
  g_free (self->writes);
  g_free (self);
}

static void
forget_what_came (gpointer data)
{
  KmlReclaim *self = data;

  g_array_set_size (self->kills, 0);
  g_ptr_array_set_size (self->waiters, 0);
  g_ptr_array_set_size (self->write_waiters, 0);
}

void
kml_reclaim_remember (KmlReclaim *self, KmlImage *image)
{
  g_assert (self->waiters->len == 0);
  g_assert (self->write_waiters->len == 0);
  kml_image_add_hook (image, forget_what_came, self);
  kml_image_add (image, self, sizeof *self);
  kml_image_add (image, self->writes, KML_MAX_PAGE_WRITES * sizeof *self->writes);
  if (self->writeback != NULL)
    kml_writeback_remember (self->writeback, image);
  if (self->compaction != NULL)
    kml_compaction_remember (self->compaction, image);
  for (guint i = 0; i < self->mappings->len; i++) {
    KmlMapping *mapping = g_ptr_array_index (self->mappings, i);

    kml_image_add (image, mapping, sizeof *mapping);
    kml_image_add (image, mapping->frames, mapping->n_pages * sizeof *mapping->frames);
    kml_image_add (image, mapping->is_on_disk, mapping->n_pages * sizeof *mapping->is_on_disk);
    kml_image_add_array (image, mapping->fetches);
    if (mapping->lock != NULL) /* which perhaps no step of a program names */
      kml_image_add (image, mapping->lock, sizeof *mapping->lock);
  }
}
