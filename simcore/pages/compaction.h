/* compaction.h: pages that move together, so that there are larger free blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Who compacts, and when: compaction.c. One pass over a zone: compact-zone.c. Needs reclaim, whose pages it moves, and a page allocator with
 * `isolate` (allocator.h).
 */

#pragma once

#include "simcore/pages/reclaim.h"

G_BEGIN_DECLS

/* [memory] compaction */
enum {
  KML_COMPACTION_NO,
  KML_COMPACTION_DIRECT, /* by requests alone */
  KML_COMPACTION_YES,    /* by kcompactd, too */
};

struct _KmlCompactionConfig {
  gboolean has_daemon;
  guint cpu;            /* where that runs */
  guint frag_threshold; /* vm.extfrag_threshold, in thousandths */
};

typedef enum {
  KML_COMPACT_STALL,           /* requests that had to compact themselves … */
  KML_COMPACT_SUCCESS,         /* … and had a block then, … */
  KML_COMPACT_FAIL,            /* … or none */
  KML_COMPACT_MIGRATE_SCANNED, /* frames looked at for pages to be moved … */
  KML_COMPACT_FREE_SCANNED,    /* … and for places to move them to */
  KML_COMPACT_ISOLATED,        /* pages and free frames taken out for it */
  KML_COMPACT_DAEMON_WAKE,     /* times that kcompactd was woken */
  KML_COMPACT_DAEMON_MIGRATE_SCANNED,
  KML_COMPACT_DAEMON_FREE_SCANNED,
  KML_N_COMPACT_COUNTERS,
} KmlCompactCounter;

/* With the names that Linux has in /proc/vmstat. Ends with a NULL name. */
extern const KmlCounterInfo kml_compact_counters[];

/* What came of it. Of several zones it is the largest. */
typedef enum {
  KML_COMPACT_IS_SKIPPED, /* there is not enough free memory for it, or fragmentation is not what is wrong */
  KML_COMPACT_IS_DEFERRED, /* it has failed too often of late */
  KML_COMPACT_GOES_ON,
  KML_COMPACT_IS_COMPLETE, /* the scanners have met, and there is no block … */
  KML_COMPACT_IS_PARTIAL,  /* … nor did they begin at the ends of the zone */
  KML_COMPACT_IS_STOPPED,  /* there was nowhere to move a page to, or the task is being killed */
  KML_COMPACT_IS_DONE,     /* there is a block */
} KmlCompactResult;

/* How hard a request tries. */
typedef enum {
  KML_COMPACT_SYNC_FULL, /* all pageblocks, whatever was found out before */
  KML_COMPACT_SYNC_LIGHT,
  KML_COMPACT_ASYNC, /* nothing that might wait; pageblocks of its own mobility alone */
} KmlCompactPriority;

/* What is remembered of a zone. Frames count from where it begins. */
typedef struct {
  KmlPfn cached_migrate[2]; /* where a pass goes on to look for pages: ASYNC, and others … */
  KmlPfn cached_free;       /* … and for free frames: the first of a pageblock */
  guint n_considered;       /* times that it was wanted since it failed … */
  guint defer_shift;        /* … of the 2^defer_shift for which it is left alone … */
  guint order_failed;       /* … at this order, and above */
  gboolean wants_flush;     /* the scanners have met: hints will be forgotten */
  guint8 *skip; /* (owned) (array length=n_skip): hints: nothing more to be had of this pageblock */
  gsize n_skip;
} KmlCompactZone;

struct _KmlCompaction {
  KmlReclaim *reclaim; /* borrowed */
  guint frag_threshold;
  guint pageblock_order;
  KmlCompactZone zones[KML_N_ZONES]; /* as those of the KmlZones */
  KmlTask *daemon;                   /* (nullable) */
  guint wanted_order;                /* of requests since kswapd slept … */
  KmlZoneKind wanted_highest;
  gboolean is_wanted, sleeps; /* … and what kcompactd has to do */
  guint order;
  KmlZoneKind highest;
  guint64 counters[KML_N_COMPACT_COUNTERS];
};

/* @reclaim's zones can isolate frames. */
KmlCompaction *kml_compaction_new (KmlReclaim *reclaim, const KmlCompactionConfig *config);
void kml_compaction_free (KmlCompaction *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlCompaction, kml_compaction_free)

void kml_compaction_remember (KmlCompaction *self, KmlImage *image);

/* ---- By requests ---- */

/* What a request has tried so far. */
typedef struct {
  guint order;
  KmlCompactPriority priority; /* of the next time */
  KmlCompactResult result;     /* of the last time */
  guint n_retries;
} KmlCompactTry;

#define KML_COSTLY_ORDER 3 /* above, a request rather fails than that others suffer */

/* 0: of one frame, or less. */
guint kml_compaction_order_of (const KmlCompaction *self, const KmlRequest *request);

/* A request of more than one frame has found no block: compacts, asks again, and returns the answer. May take long; does not sleep. */
KmlAddr kml_compaction_try (KmlCompaction *self, KmlCompactTry *try, KmlZones *zones,
                            const KmlRequest *request, guint64 *ret_held);

/* Whether it is worth while to compact once more, after reclaim has freed something; with what priority is in @try then. */
gboolean kml_compaction_tries_again (KmlCompactTry *try);

/* Whether there is so much free memory that a request of a costly @order need not reclaim. */
gboolean kml_compaction_is_ready (const KmlCompaction *self, guint order, KmlZoneKind highest);

/* All zones, whoever needs it: what writing to /proc/sys/vm/compact_memory does. By a task. */
void kml_compaction_all (KmlCompaction *self);

/* ---- kcompactd ---- */

/* A request has found no block. */
void kml_compaction_note_wish (KmlCompaction *self, const KmlRequest *request);

/* … and wakes kcompactd itself, since kswapd has given up. */
void kml_compaction_wake_for (KmlCompaction *self, const KmlRequest *request);

/* kswapd goes to sleep. */
void kml_compaction_kswapd_sleeps (KmlCompaction *self);

/* ---- One pass ---- */

#define KML_COMPACT_CLUSTER         32 /* pages that are moved at a time */
#define KML_LARGEST_PAGEBLOCK_ORDER 9

typedef struct {
  KmlCompaction *compaction;
  KmlZone *zone;
  KmlCompactZone *state; /* of it */
  guint order;           /* that is wanted … */
  KmlMobility mobility;
  KmlGfp gfp;
  gboolean is_all; /* … or everything: @order is not looked at */
  gboolean is_async, is_direct;
  gboolean ignores_hints; /* SYNC_FULL */
  gboolean is_whole;      /* begins at the zone's ends */

  KmlPfn migrate_pfn, free_pfn;      /* where the scanners are, as offsets in the zone */
  KmlPfn pages[KML_COMPACT_CLUSTER]; /* to be moved */
  guint n_pages;
  /* to move them to: the last first */
  KmlPfn frames[KML_COMPACT_CLUSTER + (1 << KML_LARGEST_PAGEBLOCK_ORDER)];
  guint n_frames;
  gboolean has_moved; /* pages, since CPUs' lists were drained, … */
  KmlPfn last_moved;  /* … and the last time from here on */
  guint64 n_migrate_scanned, n_free_scanned;
} KmlCompactPass;

/* The caller has set what is above the scanners. */
KmlCompactResult kml_compact_zone (KmlCompactPass *self);

/* The next pass begins at both ends. */
void kml_compact_zone_restart (const KmlCompaction *self, const KmlZone *zone,
                               KmlCompactZone *state);

G_END_DECLS
