/* kswapd.c: the daemon that reclaims before requests have to.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * After Linux 6.1 (mm/vmscan.c: kswapd(), balance_pgdat(), wakeup_kswapd()). What it does with pages is in reclaim.c.
 *
 * 1. Its work
 *
 * Woken by a request that finds a zone at its low watermark, it reclaims until all zones are above high, and sleeps.
 *
 * 2. Giving up
 *
 *     looks in vain    0   1   2  …  15  16
 *                      |   it looks again   |   it sleeps, and is not woken
 *
 * A look that brings nothing counts, and it looks again at once, or when the disk has written something. After 16 (MAX_RECLAIM_RETRIES) it is hopeless: memory is full of
 * what cannot be reclaimed, /proc/zoneinfo says node_unreclaimable, and requests are left to reclaim for themselves. As soon as one of them has got anything, the count is 0
 * again (shrink_node()); blocks that their owners free do not do that. Without this every request of a machine that is full would have kswapd look at all pages again.
 *
 * Meanwhile requests that do not reclaim for themselves wake kcompactd, which kswapd would have done when it goes to sleep. And a request that reclaims in vain does
 * not wait for the disk in between any more (skip_throttle_noprogress()): kswapd has, 16 times.
 *
 * 3. Not modelled
 *
 * The sleep of 100 ms before the long one, a kswapd of each node, reclaim for an order, boosts.
 */

#include "simcore/pages/compaction.h"
#include "simcore/pages/memalloc.h"
#include "simcore/pages/reclaim.h"

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
has_looked_in_vain (KmlReclaim *self)
{
  self->kswapd_failures++;
  if (kml_reclaim_is_hopeless (self))
    self->counters[KML_RECLAIM_GAVE_UP]++;
}

/* Until all zones are above high, or it is hopeless. */
static void
balance (KmlReclaim *self)
{
  while (!is_balanced (self) && !kml_reclaim_is_hopeless (self)) {
    if (kml_reclaim_shrink (self, KML_RECLAIM_CLUSTER, KML_GFP_KERNEL, KML_ZONE_NORMAL) == 0) {
      has_looked_in_vain (self);
      if (kml_reclaim_waits_for_writes (self))
        kml_reclaim_throttle (self);
    }
    kml_sync (self->machine);
  }
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
    kml_allocator_keep_less (self->config.pages, TRUE);
    balance (self);
    kml_allocator_keep_less (self->config.pages, FALSE);
    self->all_is_dirty = FALSE;
    if (self->compaction != NULL)
      kml_compaction_kswapd_sleeps (self->compaction);
    kml_task_part (machine, KML_PART_RUN);
  }
}

void
kml_kswapd_wake (gpointer data, const KmlRequest *request)
{
  KmlReclaim *self = data;

  if (self->compaction != NULL)
    kml_compaction_note_wish (self->compaction, request);
  if (self->kswapd_is_wanted || !self->kswapd_sleeps)
    return;
  if (kml_reclaim_is_hopeless (self)) {
    if (self->compaction != NULL && !kml_gfp_may_sleep (request->gfp))
      kml_compaction_wake_for (self->compaction, request);
    return;
  }
  self->kswapd_is_wanted = TRUE;
  self->counters[KML_RECLAIM_WAKEUPS]++;
  kml_spend (self->machine, KML_COST_WAKE, 1);
  kml_task_wake (self->kswapd);
}

KmlTask *
kml_kswapd_new (KmlReclaim *self)
{
  const KmlTaskConfig config = { .name = "kswapd",
                                 .cpu = self->config.kswapd_cpu,
                                 .start = self->machine->now,
                                 .is_daemon = TRUE,
                                 .func = kswapd_main,
                                 .data = self };
  KmlTask *task = kml_task_new (self->machine->scheduler, &config);

  task->memalloc = KML_MEMALLOC_RESERVES;
  return task;
}
