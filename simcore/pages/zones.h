/* zones.h: the page level of a machine whose memory is in zones.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A page allocator that has another one on each zone and says which of them serves a request: zones.c.
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/pages/locked.h"
#include "simcore/memory/watermark.h"

G_BEGIN_DECLS

/* ---- What can be set ---- */

typedef struct {
  char *start; /* (owned): "": all memory is free */
  char *zones; /* (owned): "one", "linux", or where DMA and DMA32 end */
  guint64 min_free;
  guint64 scale_factor, reserve_ratio;
  guint64 highatomic; /* bytes */
  gboolean reclaim;   /* whether memory is taken back (reclaim.h) … */
  guint64 swappiness, kswapd_cpu;
  char *disk;       /* (owned): … and to which device: "": none */
  guint compaction; /* KML_COMPACTION_…: whether pages are moved together (compaction.h) */
  guint64 extfrag_threshold;
  gboolean flusher; /* whether dirty pages are written before that (writeback.h) */
  guint64 dirty_background_ratio, dirty_ratio, flusher_cpu;
  KmlTime dirty_expire, dirty_writeback;
} KmlMemoryConfig;

extern const KmlParam kml_memory_params[];

/* Where DMA and DMA32 end, from the setting `zones`. */
gboolean kml_memory_parse_ends (const char *text, KmlAddr ret_ends[2], GError **error);

/* Whether there is only one zone, without watermarks: then there is no need of a KmlZones. */
gboolean kml_memory_is_plain (const KmlMemoryConfig *self);

/* ---- Zones ---- */

/* Page frames [first, first + n_frames) and the allocator that has them. */
typedef struct {
  KmlZoneKind kind;
  KmlPfn first;
  guint32 n_frames;
  KmlAllocator *pages; /* (owned): it sees a RAM of its own that begins at frame 0 */
  KmlLocked *locked;   /* (owned) (nullable): its lock around it, on a machine with tasks */
  KmlFreeArea area;    /* kept by it */
  KmlFreeArea counted; /* as much of it is in the machine's */
  guint64 counters[KML_MAX_COUNTERS], metadata_bytes; /* as much is in the zones' */
  KmlWatermarks marks;
  guint64 n_highatomic; /* page frames */
  KmlAddr statics;      /* of its counts, for a cache model */
} KmlZone;

typedef struct _KmlZones KmlZones;

/* Who finds memory where there is none: reclaim. */
typedef struct {
  /* Free memory fell below a zone's low watermark, for a request that lets the daemon know. */
  void (*wake) (gpointer data, const KmlRequest *request);

  /* The request may sleep, and no zone can serve it: whatever is done about that, and the answer. */
  KmlAddr (*slow_path) (gpointer data, KmlZones *zones, const KmlRequest *request,
                        guint64 *ret_held);

  /* Pages have been given back. */
  void (*freed) (gpointer data);
  gpointer data;
} KmlZonesReclaim;

struct _KmlZones {
  KmlAllocator base;
  KmlAllocatorOps ops; /* the page allocators', with the slots that are different here */
  guint n_zones;
  KmlZone zones[KML_N_ZONES];      /* from below */
  guint8 maxima[KML_MAX_COUNTERS]; /* the counters that are a maximum */
  guint n_maxima;
  KmlZonesReclaim reclaim; /* all NULL: there is none, or not yet */
  gboolean has_reclaim;    /* whether there is to be one: [memory] reclaim */
};

/* A new page allocator with its parameters set, not yet started. (transfer full) */
typedef KmlAllocator *(*KmlPagesMaker) (gpointer data, KmlMachine *machine, GError **error);

/* Ready to use: kml_allocator_start() and _destroy() are for it as for every allocator. Errors: INPUT for
 * zones that @machine has no room for. */
KmlZones *kml_zones_new (KmlMachine *machine, const KmlMemoryConfig *config, KmlPagesMaker maker,
                         gpointer data, GError **error);

/* @base made by kml_zones_new()? (nullable) (transfer none) */
KmlZones *kml_zones_from_allocator (KmlAllocator *base);

/* From now on each zone has a lock of its own, "pages.DMA" and so on, around its allocator. Before tasks run. */
void kml_zones_lock (KmlZones *self, KmlLockKind kind);

/* From the zones that the request may have, the highest first, and leaving @mark (0: min, 1: low) as @flags say. */
typedef enum {
  KML_MARK_MIN,
  KML_MARK_LOW,
  KML_MARK_HIGH,
} KmlMark;

KmlAddr kml_zones_try (KmlZones *self, const KmlRequest *request, KmlMark mark, guint flags,
                       guint64 *ret_held);

/* Whether @zone has more free than its high watermark. */
gboolean kml_zone_is_balanced (const KmlZone *zone);

/* Of the frame: which zone it is in. */
KmlZone *kml_zones_of (KmlZones *self, KmlPfn pfn);

/* Whether the whole zone lies behind what @limit, in bytes, allows; 0: all is allowed. */
gboolean kml_zone_is_beyond (const KmlZones *self, const KmlZone *zone, KmlAddr limit);

/* The highest zone that will do for a request with these flags and this limit. */
KmlZoneKind kml_zones_highest (const KmlZones *self, KmlGfp gfp, KmlAddr limit);
KmlZoneKind kml_zones_highest_of (const KmlZones *self, const KmlRequest *request);

G_END_DECLS
