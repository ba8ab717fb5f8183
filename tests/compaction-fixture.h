/* compaction-fixture.h: memory in pieces.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The story. 64 frames in pageblocks of 8. Two anonymous mappings are touched by turns, 28 pages each, and one is dropped:
 *
 *      0      8      16     24     32     40     48     56        M: a page of the other
 *     |M.M.M.M.M.M.M.M. …                          M.M.M.M.|BBBBBBBB|          B: a block that somebody has
 *
 * 28 frames are free, more than min + 2 * 8 = 24, and none is next to another. A request of 8 frames finds no block, so the pages at 0, 2, 4 and 6
 * move to the free frames of the last pageblock that has any, 49 to 55.
 */

#pragma once

#define N 64

#include "simcore/pages/compaction.h"
#include "tests/reclaim-fixture.h"

static const char *const small_blocks[] = { "max-order", "3", NULL };
static const char *const larger_blocks[] = { "max-order", "4", NULL };
static const char *const grouped[] = { "max-order", "3", "grouping", "mobility", NULL };

static KmlMapping *rest; /* the one that is dropped */

static inline void
set_up_compaction (const char *const *settings, gboolean has_daemon)
{
  const KmlCompactionConfig config = { .has_daemon = has_daemon, .frag_threshold = 500 };

  page_settings = settings;
  set_up (FALSE);
  story.reclaim->compaction = kml_compaction_new (story.reclaim, &config);
  rest = kml_mapping_new_anon (story.reclaim, "rest", N, NULL);
}

static inline guint64
count_compact (KmlCompactCounter counter)
{
  return story.reclaim->compaction->counters[counter];
}

static inline KmlPfn
pfn_of (KmlAddr addr)
{
  return kml_ram_pfn (story.rig.machine->ram, addr);
}

/* A byte of page @index, in simulated memory. */
static inline guint8 *
byte_of (const KmlMapping *mapping, guint32 index)
{
  KmlRam *ram = story.rig.machine->ram;

  return &ram->store[kml_ram_addr (ram, mapping->frames[index]) + 5];
}

static inline void
touch_by_turns (void)
{
  for (guint i = 0; i < 28; i++) {
    ck_assert (kml_mapping_touch (story.anon, i, TRUE));
    ck_assert (kml_mapping_touch (rest, i, TRUE));
    *byte_of (story.anon, i) = (guint8)(i + 1);
  }
}

/* Every second frame of the first seven pageblocks is a page of anon; the last is somebody's. */
static inline void
fragment (void)
{
  touch_by_turns ();
  kml_mapping_drop (rest);
  ck_assert_uint_eq (pfn_of (ask (8, KML_GFP_KERNEL)), 56);
  ck_assert_uint_eq (n_free (), 28);
}

static inline void
check_contents (void)
{
  for (guint i = 0; i < 28; i++)
    ck_assert_uint_eq (*byte_of (story.anon, i), i + 1);
  check_all ();
}
