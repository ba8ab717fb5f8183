/* reclaim.h: memory that can be taken back, and who takes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pages of files and anonymous pages belong to *mappings* (page-cache.c). Where memory runs short, reclaim takes back those that were not used
 * for long (reclaim.c). Needs a machine with tasks, and zones with watermarks.
 */

#pragma once

#include "simcore/disk.h"
#include "simcore/dma.h"
#include "simcore/lru.h"
#include "simcore/zones.h"

G_BEGIN_DECLS

typedef struct _KmlReclaim KmlReclaim;

/* ---- Mappings ---- */

/* Who is working on the entry of page @index. */
typedef struct {
  guint32 index;
  KmlTask *task;
} KmlMappingFetch;

/* Pages with numbers 0, 1, 2 …, each in memory or not: a file, or the anonymous memory of a task. */
typedef struct {
  KmlReclaim *reclaim;
  char *name; /* (owned) */
  guint32 id;
  gboolean is_anon;
  KmlTask *owner; /* (nullable): whose the memory is: for the out-of-memory killer */
  guint32 n_pages;
  KmlPfn *frames;      /* (owned) (array length=n_pages): KML_PFN_NONE, or KML_PFN_BUSY */
  guint8 *is_on_disk;  /* (owned) (array length=n_pages): its contents can be read */
  guint64 first_block; /* on the disk, in pages */
  KmlLock *lock; /* (nullable): taken to write a page back: a file system's, a swap device's */
  guint64 n_resident;
  GArray *fetches;    /* (owned) (element-type KmlMappingFetch): entries that are BUSY */
  gboolean is_killed; /* its owner was: nothing of it is there any more */
} KmlMapping;

#define KML_MAPPING_MAX_PAGES (1u << 28)

#define KML_PFN_BUSY (KML_PFN_NONE - 1) /* somebody is fetching it */

/* Lives as long as @self. @owner: of anonymous memory; NULL: nobody is killed for it. (transfer none) */
KmlMapping *kml_mapping_new_file (KmlReclaim *self, const char *name, guint32 n_pages);
KmlMapping *kml_mapping_new_anon (KmlReclaim *self, const char *name, guint32 n_pages,
                                  KmlTask *owner);

/* A task reads or writes page @index. It is fetched if it is not there, which may sleep. FALSE: it could not be: there is no
 * memory, the disk failed, or the owner was killed. */
gboolean kml_mapping_touch (KmlMapping *self, guint32 index, gboolean is_write);

/* Gives back all pages. What is dirty is lost; what a device has is freed when it is unpinned. */
void kml_mapping_drop (KmlMapping *self);

/* Writes all dirty pages and waits. FALSE: the disk failed, or there is none. */
gboolean kml_mapping_sync (KmlMapping *self);

/* For a device: page @index, which stays where it is until as many kml_mapping_unpin() have come. It is fetched first, which may sleep.
 * KML_PFN_NONE: it could not be. */
KmlPfn kml_mapping_pin (KmlMapping *self, guint32 index, gboolean is_write);
void kml_mapping_unpin (KmlReclaim *self, KmlPfn pfn);

typedef enum {
  KML_MIGRATED,
  KML_MIGRATE_ABSENT,    /* it is not in memory, or somebody works on it */
  KML_MIGRATE_PINNED,    /* a device has its address */
  KML_MIGRATE_NO_MEMORY, /* there is no frame to move it to */
} KmlMigration;

/* Moves page @index to another frame (migrate.c). May sleep. */
KmlMigration kml_mapping_migrate (KmlMapping *self, guint32 index);

/* The same for a page that was pinned for @request, which @dma has and nobody else: the device is paused meanwhile, and the pins move along. */
KmlMigration kml_mapping_migrate_under (KmlMapping *self, guint32 index, KmlDma *dma,
                                        KmlDmaRequest *request);

/* ---- Reclaim ---- */

typedef enum {
  KML_RECLAIM_PAGES,     /* pages taken back */
  KML_RECLAIM_DIRECT,    /* requests that had to do it themselves */
  KML_RECLAIM_SCANNED,   /* pages looked at */
  KML_RECLAIM_WRITTEN,   /* pages written back or to swap */
  KML_RECLAIM_ACTIVATED, /* pages spared, since they were used */
  KML_RECLAIM_WAKEUPS,   /* of kswapd */
  KML_RECLAIM_OOM_KILLS,
  KML_RECLAIM_FAULTS, /* pages fetched */
  KML_RECLAIM_READS,  /* … from the disk */
  KML_RECLAIM_ERRORS, /* of the disk */
  KML_RECLAIM_SLABS,  /* pages that empty slabs gave back */
  KML_MIGRATE_PAGES,  /* moved */
  KML_MIGRATE_FAILED_PINNED,
  KML_MIGRATE_FAILED,
  KML_N_RECLAIM_COUNTERS,
} KmlReclaimCounter;

/* "reclaim.pages", …, with their units; what they mean is in recorder-metrics.c. Ends with a NULL name. */
extern const KmlCounterInfo kml_reclaim_counters[];

typedef struct {
  KmlZones *zones; /* borrowed */
  KmlAllocator *
      pages; /* (nullable) borrowed: whom pages are asked of, with layers around the zones; NULL: the zones */
  KmlAllocator *slabs; /* (nullable) borrowed: who is asked to shrink before pages are looked at */
  KmlDisk *disk;       /* (nullable) borrowed: files and swap; NULL: what is dirty stays */
  guint swappiness;    /* 0 .. 200: the share of anonymous pages in what is looked at, of 200 */
  guint kswapd_cpu;
} KmlReclaimConfig;

struct _KmlReclaim {
  KmlReclaimConfig config;
  KmlMachine *machine; /* with a scheduler */
  KmlLruList lists[KML_N_LRU_LISTS];
  GPtrArray *mappings; /* (owned) (element-type KmlMapping): by id */
  GPtrArray *waiters;  /* (owned) (element-type KmlTask): who waits for memory, or for a page */
  KmlTask *kswapd;
  gboolean kswapd_is_wanted, kswapd_sleeps;
  guint64 next_block; /* of the disk: pages below are given out */
  guint64 counters[KML_N_RECLAIM_COUNTERS];
};

/* Makes the zones reclaim, until it is freed; kswapd is a daemon of the machine's scheduler. */
KmlReclaim *kml_reclaim_new (const KmlReclaimConfig *config);
void kml_reclaim_free (KmlReclaim *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlReclaim, kml_reclaim_free)

/* What changes in it and in its mappings, but for zones and disk. */
void kml_reclaim_remember (KmlReclaim *self, KmlImage *image);

/* Takes back pages of zones up to @highest, as far as @gfp allows it, until it has @n_wanted or has looked at all. Returns how
 * many. May sleep. */
guint64 kml_reclaim_shrink (KmlReclaim *self, guint64 n_wanted, KmlGfp gfp, KmlZoneKind highest);

gboolean kml_reclaim_check (const KmlReclaim *self, GError **error);

/* ---- Between page-cache.c and reclaim.c ---- */

/* Waits until kml_reclaim_wake_all() is called, or somebody frees a page. @provider: (nullable): the only one who can end it. */
void kml_reclaim_wait (KmlReclaim *self, const char *what, KmlTask *provider);
void kml_reclaim_wake_all (KmlReclaim *self);

/* The page at @pfn leaves its mapping and memory; it is on no list. */
void kml_mapping_evict (KmlMapping *self, KmlPfn pfn);

/* A frame for a page of @self, cleared where it begins as zeros and @is_copy does not say otherwise; or KML_PFN_NONE. And the way back. */
KmlPfn kml_mapping_take_frame (const KmlMapping *self, gboolean is_copy);
void kml_mapping_free_frame (const KmlMapping *self, KmlPfn pfn);

/* The entry of page @index is BUSY from here on, and then leads to @pfn, which may be KML_PFN_NONE. */
void kml_mapping_begin (KmlMapping *self, guint32 index);
void kml_mapping_end (KmlMapping *self, guint32 index, KmlPfn pfn);

/* Writes page @pfn, which is isolated; it is clean then, unless the disk failed or somebody has written to it meanwhile. */
void kml_mapping_write (KmlMapping *self, KmlPfn pfn);

/* To or from the disk. FALSE: the disk failed. */
gboolean kml_mapping_transfer (const KmlMapping *self, guint32 index, gboolean is_write);

static inline KmlMapping *
kml_mapping_of (const KmlReclaim *self, const KmlFrame *frame)
{
  return g_ptr_array_index (self->mappings, frame->lru.mapping);
}

G_END_DECLS
