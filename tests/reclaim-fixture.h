/* reclaim-fixture.h: a machine whose memory runs short.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One zone of 100 frames (N, if it is defined before) with watermarks 8, 10 and 12, and a disk that takes exactly 1 ms for a page. Costs are zero, so
 * all time is the disk's. page_settings are the page allocator's.
 */

#pragma once

#include "simcore/pages/memalloc.h"
#include "simcore/memory/pin.h"
#include "simcore/pages/writeback.h"
#include "tests/device-fixture.h"

#include <string.h>

#define PAGE 4096
#ifndef N
#define N 100
#endif
#define GOOD  (N - 8) /* frames that ordinary requests can have */
#define BELOW (KML_GFP_KERNEL | KML_GFP_MEMALLOC)

typedef struct {
  DeviceRig rig;
  KmlZones *zones;
  KmlReclaim *reclaim;
  KmlMapping *file, *anon, *other;
  KmlTask *task;
  KmlAddr got[3 * N];
  guint n_got;
} Story;

static Story story;

static const char *const *page_settings; /* name, value, …, NULL */

static KmlAllocator *
make_pages (gpointer data, KmlMachine *machine, GError **error)
{
  KmlAllocator *pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);

  for (guint i = 0; page_settings != NULL && page_settings[i] != NULL; i += 2)
    ck_assert (kml_param_parse (kml_param_find (pages->ops->params, page_settings[i]),
                                page_settings[i + 1], pages, error));
  return pages;
}

static inline void
set_up_with (gboolean with_disk, const char *servers, const KmlWritebackConfig *writeback)
{
  const char *const settings[] = { "service", "fixed(1ms)", "servers", servers, NULL };
  const KmlMachineConfig config = { .n_cpus = 2,
                                    .ram = kml_ram_size_for (N, PAGE),
                                    .page_size = PAGE };
  const KmlMemoryConfig memory = {
    .zones = (char *)"0,0", .min_free = 8 * PAGE, .scale_factor = 1, .reserve_ratio = 256
  };
  KmlSchedulerConfig scheduler = { .time_slice = KML_MS, .until = KML_TIME_MAX };
  KmlReclaimConfig reclaim = { .swappiness = 60, .kswapd_cpu = 1, .writeback = writeback };
  g_autoptr (GError) error = NULL;

  story = (Story){ .rig.machine = kml_machine_new (&config, NULL) };
  scheduler.machine = story.rig.machine;
  story.rig.scheduler = kml_scheduler_new (&scheduler);
  story.zones = kml_zones_new (story.rig.machine, &memory, make_pages, NULL, &error);
  assert_no_error (error);
  ck_assert (kml_allocator_start (&story.zones->base, &error));
  put_in (&story.rig, "queue", settings);
  reclaim.zones = story.zones;
  reclaim.disk = with_disk ? kml_disk_from_device (story.rig.device) : NULL;
  story.reclaim = kml_reclaim_new (&reclaim);
  story.file = kml_mapping_new_file (story.reclaim, "file", 3 * N);
}

static inline void
set_up (gboolean with_disk)
{
  set_up_with (with_disk, "1", NULL);
}

static inline void
check_all (void)
{
  g_autoptr (GError) error = NULL;

  kml_reclaim_check (story.reclaim, &error);
  assert_no_error (error);
  story.zones->base.ops->check (&story.zones->base, &error);
  assert_no_error (error);
}

static inline void
tear_down (void)
{
  check_all ();
  kml_device_close (story.rig.device);
  kml_reclaim_free (story.reclaim);
  kml_allocator_destroy (&story.zones->base);
  clear_rig (&story.rig);
}

static inline KmlTask *
add_task (const char *name, KmlTime start, KmlTaskFunc func)
{
  const KmlTaskConfig config = { .name = name, .start = start, .func = func };

  return kml_task_new (story.rig.scheduler, &config);
}

static inline void
run (KmlTaskFunc func)
{
  story.task = add_task ("task", 0, func);
  story.anon = kml_mapping_new_anon (story.reclaim, "anon", 3 * N, story.task);
  kml_scheduler_run (story.rig.scheduler);
}

static inline guint64
count (KmlReclaimCounter counter)
{
  return story.reclaim->counters[counter];
}

static inline guint64
n_free (void)
{
  return story.zones->zones[0].area.n_free;
}

static inline KmlAddr
ask (guint n_pages, KmlGfp gfp)
{
  const KmlRequest request = { .size = n_pages * PAGE, .gfp = gfp };
  guint64 held;
  KmlAddr addr;

  kml_might_alloc (story.rig.machine, gfp);
  addr = kml_allocator_alloc (&story.zones->base, &request, &held);

  if (addr != KML_ADDR_NONE)
    story.got[story.n_got++] = addr;
  return addr;
}

static inline void
give_back_one (void)
{
  const KmlRequest how = { 0 };

  kml_allocator_free_block (&story.zones->base, story.got[--story.n_got], &how);
}

static inline void
touch_all (KmlMapping *mapping, guint n, gboolean is_write)
{
  for (guint i = 0; i < n; i++)
    ck_assert (kml_mapping_touch (mapping, i, is_write));
}
