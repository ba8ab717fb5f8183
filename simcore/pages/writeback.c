/* writeback.c: the flusher, and writers that are held to the disk's speed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What Linux 6.1 does in mm/page-writeback.c and fs/fs-writeback.c, in few words; the keys are its vm.dirty_…, as in
 * Documentation/admin-guide/sysctl/vm.rst. The control of writers is Fengguang Wu's, of Linux 3.2 ("IO-less dirty throttling").
 *
 * 1. How much may be dirty
 *
 *     dirtyable  = free frames + pages on the lists of files - what zones keep from ordinary requests
 *     limit      = dirtyable * dirty-ratio / 100
 *     background = dirtyable * dirty-background-ratio / 100, or half of the limit if that is not less
 *
 * A zone keeps its high watermark and the largest of its lowmem reserves. Dirty is what is to be written and what is being
 * written. Anonymous pages are not counted: nobody but reclaim writes them.
 *
 * 2. The flusher
 *
 * A task, for the one disk. It writes
 *
 *     what was dirty for longer than dirty-expire          every dirty-writeback, as long as anything is dirty
 *     until no more than the background limit is dirty     at once, when a writer or reclaim has found more
 *     everything                                           when reclaim finds nothing but dirty pages
 *
 * one file after the other, at most 1024 pages in a turn; a file is gone through from where the last turn ended. Neighbouring pages are one
 * request, and 32 requests may be on their way (page-write.c): it waits for the disk only when it has so many. It takes the lock of a file
 * for each request, until that is handed over. A file is as old as its oldest dirty page at the end of the last turn that
 * went through all of it; so a page is written after dirty-expire + dirty-writeback at the latest, if the disk keeps up.
 *
 * It is no PF_MEMALLOC task: what it needs to write a page (page-write.c) it asks for like anybody, without calling the file system again (GFP_NOFS). While it waits for that, with a file's lock, kswapd
 * cannot help, though it may use the reserves: scenarios/memory/memory-to-write-memory.ini.
 *
 * 3. Who writes waits
 *
 * Up to free_run = (background + limit) / 2 nobody is held up. From there on a task that has dirtied n pages sleeps for n / rate, with
 *
 *     rate = base * f (dirty),    f (x) = 1 + ((setpoint - x) / (limit - setpoint))^3,    setpoint = (free_run + limit) / 2
 *
 * f is 2 at free_run, 1 at the setpoint and 0 at the limit. base is what makes writers together as fast as the disk: where all of them had base * f each and dirtied d
 * pages a second while w were written, they should have had w / d of it. It is corrected by an eighth of what it is wrong, every 200 ms. So nobody counts writers: claim is
 * that in the long run as much is dirtied as written. What a task spent on other things since its last pause counts as paused. A pause lasts at most 200 ms, and at most as
 * long as it takes to write an eighth of what is dirty.
 *
 * At the limit a task waits until less is dirty. Where pages are on their way to the disk, that ends by itself; else only the flusher can
 * end it, which is an edge in the graph of waits: who is held up with a lock that the flusher needs deadlocks, and the story says so.
 *
 * 4. Decisions
 *
 * At the limit Linux sleeps 200 ms and looks again, for ever; a wait with an edge is the same and ends in a report. One flusher, since there is one disk for files: no limits of each
 * device, no PF_LOCAL_THROTTLE. Files take turns by number, not by age: the same in the long run, and nobody starves.
 *
 * 5. Not modelled
 *
 * Control groups, the bonus of real-time tasks, laptop mode, dirty_bytes, the gates in front of base's steps, minimal pauses by think time, the inode lists b_dirty, b_io and
 * b_more_io, time stamps of single inodes (dirty_time), sync's priority over the flusher.
 */

#include "simcore/pages/writeback.h"

#define TURN         1024u /* pages of one file */
#define MEASURE      (200 * KML_MS)
#define MOST_PAUSE   (200 * KML_MS)
#define GRACE        (10 * KML_MS) /* a pause is to be as long, not shorter: each costs */
#define MEMORY       (3 * KML_S)   /* what the disk wrote counts for so long in its rate */
#define FIRST_RATE   G_GUINT64_CONSTANT (25600) /* pages a second: 100 MiB of 4 KiB */
#define MANY         (1u << 20)                 /* pages: their time in ps fits in 64 bits */
#define ONE          1024                       /* of f, in fixed point */
#define PAGE_WORK    30 /* instructions to find a dirty page by its tag, and to add it to a request */
#define BALANCE_WORK 200

/* ---- How much may be dirty ---- */

static guint64
kept_by (const KmlZone *zone)
{
  guint64 most = 0;

  for (guint i = 0; i < KML_N_ZONES; i++)
    most = MAX (most, zone->marks.lowmem_reserve[i]);
  return MIN (most + zone->marks.high, zone->n_frames);
}

KmlDirtyLimits
kml_writeback_limits (const KmlWriteback *self)
{
  const KmlReclaim *reclaim = self->reclaim;
  const KmlZones *zones = reclaim->config.zones;
  KmlDirtyLimits limits;
  guint64 n_free = 0, n_kept = 0;

  for (guint i = 0; i < zones->n_zones; i++) {
    n_free += zones->zones[i].area.n_free;
    n_kept += kept_by (&zones->zones[i]);
  }
  limits.dirtyable = n_free - MIN (n_free, n_kept) + reclaim->lists[KML_LRU_INACTIVE_FILE].n +
                     reclaim->lists[KML_LRU_ACTIVE_FILE].n + 1;
  limits.limit = MAX (limits.dirtyable * self->config.limit_ratio / 100, 2);
  limits.background = limits.dirtyable * self->config.background_ratio / 100;
  if (limits.background >= limits.limit)
    limits.background = limits.limit / 2;
  limits.free_run = (limits.background + limits.limit) / 2;
  return limits;
}

/* ---- The flusher ---- */

static void
come (gpointer data)
{
  KmlWriteback *self = data;

  self->has_expired = TRUE;
  kml_task_wake (self->flusher);
}

void
kml_writeback_begin (KmlWriteback *self)
{
  KmlMachine *machine = self->reclaim->machine;

  if (self->config.interval > 0 && !self->timer.is_set && !self->has_expired)
    kml_timer_set (&self->timer, machine->scheduler, machine->now + self->config.interval);
}

void
kml_writeback_wake (KmlWriteback *self, gboolean all)
{
  self->wants_all |= all;
  if (self->is_wanted)
    return;
  self->is_wanted = TRUE;
  if (!self->sleeps)
    return;
  self->reclaim->counters[KML_WRITEBACK_WAKEUPS]++;
  kml_spend (self->reclaim->machine, KML_COST_WAKE, 1);
  kml_task_wake (self->flusher);
}

/* Waits until it has a record, that is for the disk. */
static KmlPageWrite *
get_record (KmlReclaim *reclaim)
{
  KmlPageWrite *write;

  kml_sync (reclaim->machine);
  while ((write = kml_page_write_get (reclaim, TRUE)) == NULL)
    kml_reclaim_wait_for_writes (reclaim, KML_PART_IO, 0);
  return write;
}

/* Asks the disk to write the page, and those behind it. Returns how many. */
static guint
write_from (KmlMapping *mapping, guint32 index)
{
  KmlReclaim *reclaim = mapping->reclaim;
  const guint n = kml_mapping_write_behind (mapping, get_record (reclaim), index, TURN, 0);

  kml_spend (reclaim->machine, KML_COST_INSTRUCTION, PAGE_WORK * n);
  reclaim->counters[KML_WRITEBACK_REQUESTS] += n > 0;
  return n;
}

/* Up to TURN pages of @mapping, in the order of the file from where it was left. Returns how many. */
static guint
write_turn (KmlMapping *mapping)
{
  KmlMachine *machine = mapping->reclaim->machine;
  guint n = 0;

  for (guint32 i = 0; i < mapping->n_pages; i++) {
    const guint32 index = (guint32)(((guint64)mapping->write_cursor + i) % mapping->n_pages);
    guint n_now;

    if (mapping->n_dirty == 0)
      break;
    if (!kml_mapping_is_writable (mapping, index))
      continue;
    if (n >= TURN) {
      mapping->write_cursor = index;
      return n;
    }
    n_now = write_from (mapping, index);
    kml_sync (machine);
    if (n_now == 0 && kml_mapping_is_writable (mapping, index))
      return n; /* there was no memory for it */
    n += n_now;
  }
  mapping->dirty_since = machine->now;
  return n;
}

/* The next file with pages that are dirty and, where @only_old, have been for long enough. (nullable) */
static KmlMapping *
take_turn (KmlWriteback *self, gboolean only_old)
{
  const GPtrArray *mappings = self->reclaim->mappings;
  const KmlTime now = self->reclaim->machine->now;

  for (guint i = 0; i < mappings->len; i++) {
    const guint32 id = (self->next_mapping + i) % mappings->len;
    KmlMapping *mapping = g_ptr_array_index (mappings, id);

    if (mapping->n_dirty > 0 && (!only_old || now - mapping->dirty_since >= self->config.expire)) {
      self->next_mapping = id + 1;
      return mapping;
    }
  }
  return NULL;
}

static gboolean
is_over_background (const KmlWriteback *self)
{
  return self->reclaim->n_dirty > kml_writeback_limits (self).background;
}

/* Files take turns until @n pages have been written and, unless @only_old, no more than the background limit is dirty; or none has any that could be
 * written now. */
static void
write_pages (KmlWriteback *self, gboolean only_old, guint64 n)
{
  const guint n_mappings = self->reclaim->mappings->len;
  guint n_in_vain = 0;

  while (n_in_vain < n_mappings && (n > 0 || (!only_old && is_over_background (self)))) {
    KmlMapping *mapping = take_turn (self, only_old);
    const guint64 n_before = kml_reclaim_n_unwritten (self->reclaim);
    guint64 n_written;

    if (mapping == NULL)
      return;
    n_written = write_turn (mapping);
    if (n_written > 0)
      kml_scheduler_cleaned (self->reclaim->machine->scheduler, n_before,
                             kml_reclaim_n_unwritten (self->reclaim));
    n -= MIN (n, n_written);
    n_in_vain = n_written > 0 ? 0 : n_in_vain + 1;
  }
}

/* What there is to be done now. */
static void
flush (KmlWriteback *self)
{
  const gboolean all = self->wants_all, expired = self->has_expired;

  self->wants_all = self->has_expired = self->is_wanted = FALSE;
  write_pages (self, FALSE, all ? self->reclaim->n_dirty : 0);
  if (expired)
    write_pages (self, TRUE, G_MAXUINT64);
}

static void
flusher_main (KmlMachine *machine, gpointer data)
{
  static const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = "dirty pages" };
  KmlWriteback *self = data;
  KML_CALL (machine, "write-back");

  for (;;) {
    self->sleeps = TRUE;
    while (!self->is_wanted && !self->has_expired)
      kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
    self->sleeps = FALSE;
    flush (self);
    kml_sync (machine);
    if (self->reclaim->n_dirty > 0)
      kml_writeback_begin (self);
  }
}

/* ---- Who writes waits ---- */

/* f of the head comment, at most 2. */
static guint64
position (const KmlDirtyLimits *limits, guint64 dirty)
{
  const gint64 setpoint = (gint64)(limits->free_run + limits->limit) / 2;
  const gint64 half = MAX ((gint64)limits->limit - setpoint, 1);
  const gint64 x = CLAMP ((setpoint - (gint64)dirty) * ONE / half, -ONE, ONE);

  return (guint64)(ONE + x * x / ONE * x / ONE);
}

/* Corrects both rates, where that is due. */
static void
measure (KmlWriteback *self, guint64 position_now)
{
  const KmlReclaim *reclaim = self->reclaim;
  const KmlTime now = reclaim->machine->now, elapsed = now - self->measured;
  const guint64 ms = elapsed / KML_MS, memory = MEMORY / KML_MS;

  if (self->measured != 0 && elapsed < MEASURE)
    return;
  if (self->measured != 0) {
    const guint64 written = (reclaim->n_written - self->n_written) * 1000 / ms,
                  dirtied = (reclaim->n_dirtied - self->n_dirtied) * 1000 / ms;
    guint64 balanced;

    self->write_rate = ms >= memory ? written
                                    : (written * ms + self->write_rate * (memory - ms)) / memory;
    self->write_rate = MAX (self->write_rate, 1);
    balanced = self->base_rate * position_now / ONE * self->write_rate / MAX (dirtied, 1);
    balanced = MIN (balanced, self->write_rate);
    if (balanced > self->base_rate)
      self->base_rate += (balanced - self->base_rate + 7) / 8;
    else
      self->base_rate -= (self->base_rate - balanced) / 8;
    self->base_rate = MAX (self->base_rate, 1);
  }
  self->measured = now;
  self->n_written = reclaim->n_written;
  self->n_dirtied = reclaim->n_dirtied;
}

static guint64
n_dirty_in_all (const KmlReclaim *reclaim)
{
  return reclaim->n_dirty + reclaim->n_writing;
}

/* At the limit. */
static void
wait_for_flusher (KmlWriteback *self)
{
  KmlReclaim *reclaim = self->reclaim;
  const KmlWait wait = { .kind = KML_WAIT_MEMORY,
                         .what = "dirty pages to be written",
                         .provider = self->flusher };

  if (reclaim->n_writing > 0)
    kml_reclaim_wait_for_writes (reclaim, KML_PART_THROTTLE, 0);
  else
    kml_reclaim_wait_in (reclaim, reclaim->write_waiters, &wait, KML_PART_THROTTLE, 0);
}

/* How long who has dirtied so many pages is to sleep, at @rate pages a second. */
static KmlTime
pause_of (const KmlWriteback *self, KmlDirtier *dirtier, guint64 rate)
{
  const KmlTime now = self->reclaim->machine->now;
  const KmlTime period = MIN (dirtier->n_pages, MANY) * (KML_S / rate);
  const KmlTime most = MIN (n_dirty_in_all (self->reclaim), MANY) * (KML_S / self->write_rate) / 8;

  if (dirtier->since == 0 || now - dirtier->since >= KML_S)
    dirtier->since = now;
  dirtier->since += period;
  return dirtier->since <= now ? 0 : MIN (dirtier->since - now, MIN (most, MOST_PAUSE));
}

/* How many pages until it must be looked at again, where @headroom more may be dirtied: the root of that, so that many writers together do not
 * jump over it. 64 -> 8, 100 -> 8 */
static guint64
grace_of (guint64 headroom)
{
  return headroom == 0 ? 1
                       : G_GUINT64_CONSTANT (1) << ((63 - (guint)__builtin_clzll (headroom)) / 2);
}

static void
be_throttled (KmlWriteback *self, const KmlTask *task, KmlDirtier *dirtier)
{
  static const KmlWait wait = { .kind = KML_WAIT_TIME, .what = "its share of the disk" };
  KmlReclaim *reclaim = self->reclaim;
  KmlMachine *machine = reclaim->machine;

  while (!task->is_killed) {
    const KmlDirtyLimits limits = kml_writeback_limits (self);
    const guint64 dirty = n_dirty_in_all (reclaim);
    guint64 f;
    KmlTime end;

    if (reclaim->n_dirty > limits.background)
      kml_writeback_wake (self, FALSE);
    if (dirty <= limits.free_run) {
      *dirtier = (KmlDirtier){ .n_grace = grace_of (limits.limit - dirty) };
      self->measured = 0;
      return;
    }
    f = position (&limits, dirty);
    measure (self, f);
    if (dirty >= limits.limit || f == 0) {
      reclaim->counters[KML_THROTTLE_PAUSES]++;
      wait_for_flusher (self);
      continue;
    }
    f = MAX (self->base_rate * f / ONE, 1);
    end = machine->now + pause_of (self, dirtier, f);
    dirtier->n_pages = 0;
    dirtier->n_grace = MAX (MIN (f * (GRACE / KML_MS) / 1000, grace_of (limits.limit - dirty)), 1);
    reclaim->counters[KML_THROTTLE_PAUSES] += machine->now < end;
    while (machine->now < end) {
      kml_reclaim_wait_in (reclaim, NULL, &wait, KML_PART_THROTTLE, end - machine->now);
      dirtier->since = machine->now;
    }
    return;
  }
}

void
kml_mapping_throttle (KmlMapping *mapping)
{
  KmlReclaim *reclaim = mapping->reclaim;
  KmlMachine *machine = reclaim->machine;
  KmlTask *task = kml_current_task (machine);
  KML_CALL (machine, "balance_dirty_pages");
  KmlTime before;

  if (reclaim->writeback == NULL || mapping->is_anon || task->dirtier.n_pages == 0 ||
      task->dirtier.n_pages < task->dirtier.n_grace || kml_in_atomic (machine))
    return;
  kml_spend (machine, KML_COST_INSTRUCTION, BALANCE_WORK);
  kml_sync (machine);
  before = task->parts[KML_PART_THROTTLE];
  be_throttled (reclaim->writeback, task, &task->dirtier);
  reclaim->writeback->throttled += task->parts[KML_PART_THROTTLE] - before;
}

/* ---- The whole ---- */

KmlWriteback *
kml_writeback_new (KmlReclaim *reclaim, const KmlWritebackConfig *config)
{
  KmlWriteback *self = g_new0 (KmlWriteback, 1);
  KmlScheduler *scheduler = reclaim->machine->scheduler;
  const KmlTaskConfig flusher = { .name = "flusher",
                                  .cpu = config->cpu,
                                  .is_daemon = TRUE,
                                  .start = reclaim->machine->now,
                                  .func = flusher_main,
                                  .data = self };

  g_assert (reclaim->config.disk != NULL);
  self->reclaim = reclaim;
  self->config = *config;
  self->base_rate = self->write_rate = FIRST_RATE;
  self->flusher = kml_task_new (scheduler, &flusher);
  kml_timer_init (&self->timer, scheduler, come, self);
  return self;
}

void
kml_writeback_free (KmlWriteback *self)
{
  if (self == NULL)
    return;
  kml_timer_cancel (&self->timer);
  g_free (self);
}

void
kml_writeback_remember (KmlWriteback *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
}
