/* reclaim.h: memory that can be taken back, and who takes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pages of files and anonymous pages belong to *mappings* (page-cache.c). Where memory runs short, reclaim takes back those that were not used
 * for long (reclaim.c). What is dirty is on its way to the disk meanwhile (page-write.c), or was before (writeback.h).
 * Needs a machine with tasks, and zones with watermarks.
 */

#pragma once

#include "simcore/devices/disk.h"
#include "simcore/devices/dma.h"
#include "simcore/pages/lru.h"
#include "simcore/pages/zones.h"

G_BEGIN_DECLS

typedef struct _KmlReclaim KmlReclaim;
typedef struct _KmlWriteback KmlWriteback;
typedef struct _KmlCompaction KmlCompaction;
typedef struct _KmlCompactionConfig KmlCompactionConfig;
typedef struct _KmlWritebackConfig KmlWritebackConfig;

/* ---- Mappings ---- */

/* Who is working on the entry of page @index. */
typedef struct {
  guint32 index;
  KmlPfn pfn; /* that of the page, on no list meanwhile; KML_PFN_NONE: there is none yet */
  KmlTask *task;
  const char *what; /* for who waits: "the end of a page's read"; borrowed */
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
  gboolean moves_by_writing; /* of a file: a dirty page is written before it is moved (migrate.c) */
  guint64 write_memory;      /* bytes: that it takes meanwhile, besides, of pages … */
  KmlGfp write_gfp;          /* … and how they are asked for */
  guint64 n_resident;
  guint32 n_dirty;      /* of a file: pages, and … */
  guint32 write_cursor; /* … where the flusher goes on */
  KmlTime dirty_since;  /* while there are any: when the first of them was written to, or later */
  GArray *fetches;      /* (owned) (element-type KmlMappingFetch): entries that are BUSY */
  gboolean is_killed;   /* its owner was: nothing of it is there any more */
  /* of a file: pages that the disk failed to write, since the last kml_mapping_sync() */
  gboolean has_lost;
} KmlMapping;

#define KML_MAPPING_MAX_PAGES (1u << 28)

#define KML_PFN_BUSY (KML_PFN_NONE - 1) /* somebody is fetching it */

/* Lives as long as @self. @owner: of anonymous memory; NULL: nobody is killed for it. (transfer none) */
KmlMapping *kml_mapping_new_file (KmlReclaim *self, const char *name, guint32 n_pages);
KmlMapping *kml_mapping_new_anon (KmlReclaim *self, const char *name, guint32 n_pages,
                                  KmlTask *owner);

/* Before tasks run: nothing of @self, a file, is on the disk; its pages begin as zeros. */
void kml_mapping_make_empty (KmlMapping *self);

/* A task reads or writes page @index. It is fetched if it is not there, which may sleep. FALSE: it could not be: there is no
 * memory, the disk failed, or the owner was killed. Who writes calls kml_mapping_throttle() (writeback.h) when it could wait. */
gboolean kml_mapping_touch (KmlMapping *self, guint32 index, gboolean is_write);

/* Gives back all pages, and returns how many frames are free for it. What is dirty is lost; what a device has is freed when it is unpinned, what is being written
 * when that is done. */
guint64 kml_mapping_drop (KmlMapping *self);

/* Writes all dirty pages and waits. FALSE: the disk failed in that or, of a file, in any write since the last time; or there is none. */
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
  KML_MIGRATE_DIRTY,     /* it is to be written first, which may not be or has failed */
} KmlMigration;

/* Moves page @index to another frame (migrate.c). May sleep. */
KmlMigration kml_mapping_migrate (KmlMapping *self, guint32 index);

/* The same for a page that was pinned for @request, which @dma has and nobody else: the device is paused meanwhile, and the pins move along. Where it is done with it by
 * then, @request may be no more. */
KmlMigration kml_mapping_migrate_under (KmlMapping *self, guint32 index, KmlDma *dma,
                                        KmlDmaRequest *request);

/* The same to @frame, a frame that the caller has; on success he has the old one instead, which *@frame says. Nothing is written for it: a
 * dirty page that would have to be stays. */
KmlMigration kml_mapping_migrate_to (KmlMapping *self, guint32 index, KmlPfn *frame);

/* ---- Reclaim ---- */

typedef enum {
  KML_RECLAIM_PAGES,     /* pages taken back */
  KML_RECLAIM_DIRECT,    /* requests that had to do it themselves */
  KML_RECLAIM_SCANNED,   /* pages looked at */
  KML_RECLAIM_WRITTEN,   /* pages written back or to swap, by all but the flusher */
  KML_RECLAIM_ACTIVATED, /* pages spared, since they were used */
  KML_RECLAIM_WAKEUPS,   /* of kswapd */
  KML_RECLAIM_GAVE_UP,   /* times that it did, until somebody reclaims something */
  KML_RECLAIM_OOM_KILLS,
  KML_RECLAIM_FAULTS,     /* pages fetched */
  KML_RECLAIM_READS,      /* … from the disk */
  KML_RECLAIM_NO_FRAME,   /* faults that found no frame */
  KML_RECLAIM_ERRORS,     /* of the disk */
  KML_RECLAIM_SLABS,      /* pages that empty slabs gave back */
  KML_RECLAIM_THROTTLED,  /* waits of who reclaims for pages to be written */
  KML_DIRTY_PEAK,         /* the most pages of files that were dirty at a time */
  KML_WRITEBACK_PAGES,    /* written by the flusher … */
  KML_WRITEBACK_REQUESTS, /* … in so many requests */
  KML_WRITEBACK_WAKEUPS,  /* of the flusher */
  KML_THROTTLE_PAUSES,    /* waits of who dirties pages */
  KML_MIGRATE_PAGES,      /* moved */
  KML_MIGRATE_FAILED_PINNED,
  KML_MIGRATE_FAILED,
  KML_N_RECLAIM_COUNTERS,
} KmlReclaimCounter;

/* "reclaim.pages", …, with their units; what they mean is in recorder-metrics.c. Ends with a NULL name. */
extern const KmlCounterInfo kml_reclaim_counters[];

/* Somebody was killed for want of memory. Names are borrowed and live as long as the scheduler. */
typedef struct {
  KmlTime time;
  const char *victim;
  guint64 n_pages, n_freed; /* page frames: that its memory had; that are free for it at once */
  const char *task;         /* whose request it was … */
  const char *step;         /* (nullable): … in which step of a program … */
  char *site;               /* (owned): … and where: the call chain */
  guint16 cpu;
  guint64 size; /* bytes of pages asked for */
  KmlGfp gfp;
} KmlOomKill;

typedef struct {
  KmlZones *zones; /* borrowed */
  /* (nullable) borrowed: whom pages are asked of, with layers around the zones; NULL: the zones */
  KmlAllocator *pages;
  KmlAllocator *slabs; /* (nullable) borrowed: who is asked to shrink before pages are looked at */
  KmlDisk *disk;       /* (nullable) borrowed: files and swap; NULL: what is dirty stays */
  guint swappiness;    /* 0 .. 200: the share of anonymous pages in what is looked at, of 200 */
  guint kswapd_cpu;
  /* (nullable) borrowed: who may give memory back; kswapd and the flusher are added */
  KmlProviders *givers;
  /* (nullable): NULL: no flusher; what is dirty is written where reclaim meets it */
  const KmlWritebackConfig *writeback;
  const KmlCompactionConfig *compaction; /* (nullable): NULL: pages are not moved */
} KmlReclaimConfig;

#define KML_RECLAIM_CLUSTER                                                                        \
  32 /* pages that one request asks for, and that go to the disk at once */
#define KML_RECLAIM_RETRIES 16 /* in a row that brought nothing, or not what was needed */
#define KML_MAX_PAGE_WRITES 64 /* requests on their way to the disk: half of them the flusher's */

/* Neighbouring pages of a mapping on their way to the disk. */
typedef struct {
  KmlDiskRequest request;
  KmlMapping *mapping; /* (nullable): NULL: it is free */
  KmlAddr memory;      /* that writing needs, or KML_ADDR_NONE */
  /* the disk is done with the first of them; both are 0 before it has been asked */
  guint n, n_done;
  KmlPfn pages[KML_RECLAIM_CLUSTER];
} KmlPageWrite;

struct _KmlReclaim {
  KmlReclaimConfig config;
  KmlMachine *machine; /* with a scheduler */
  KmlLruList lists[KML_N_LRU_LISTS];
  GPtrArray *mappings; /* (owned) (element-type KmlMapping): by id */
  GPtrArray *waiters;  /* (owned) (element-type KmlTask): who waits for memory, or for a page */
  KmlTask *kswapd;
  gboolean kswapd_is_wanted, kswapd_sleeps;
  guint kswapd_failures;     /* looks in vain, since somebody last reclaimed something */
  gboolean all_is_dirty;     /* kswapd has found nothing but dirty pages in files' lists */
  KmlPageWrite *writes;      /* (owned) (array length=KML_MAX_PAGE_WRITES) */
  GPtrArray *write_waiters;  /* (owned) (element-type KmlTask): who waits for pages to be written */
  guint64 n_dirty;           /* pages of files; besides … */
  guint64 n_dirty_anon;      /* … anonymous ones, of which swap has no copy */
  guint64 n_dirtied;         /* as there ever were */
  guint64 n_writing;         /* pages on their way to the disk: with KML_PAGE_WRITEBACK */
  guint64 n_written;         /* as ever came there */
  guint64 n_wakes;           /* how often all waiters were woken, whether or not there were any */
  KmlWriteback *writeback;   /* (owned) (nullable) */
  KmlCompaction *compaction; /* (owned) (nullable) */
  guint64 next_block;        /* of the disk: pages below are given out */
  guint64 counters[KML_N_RECLAIM_COUNTERS];
  GArray *kills; /* (owned) (element-type KmlOomKill) */
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

/* Whether memory may be had when pages have been written: some are on their way, or a flusher has some to write. */
gboolean kml_reclaim_waits_for_writes (const KmlReclaim *self);

/* Until some have been, or for 100 ms. */
void kml_reclaim_throttle (KmlReclaim *self);

gboolean kml_reclaim_check (const KmlReclaim *self, GError **error);

/* ---- Between the files of reclaim ---- */

/* Waits until kml_reclaim_wake_all() is called, or somebody frees a page. @provider: (nullable): the only one who can end it. */
void kml_reclaim_wait (KmlReclaim *self, const char *what, KmlTask *provider);
void kml_reclaim_wake_all (KmlReclaim *self);

/* Waits in @waiters, a list of tasks, until somebody wakes it, or for @most at most (0: as long as it takes). */
void kml_reclaim_wait_in (KmlReclaim *self, GPtrArray *waiters, const KmlWait *wait, KmlPart part,
                          KmlTime most);

/* The page at @pfn leaves its mapping and memory; it is on no list. */
void kml_mapping_evict (KmlMapping *self, KmlPfn pfn);

/* A frame for a page of @self, cleared where it begins as zeros and @is_copy does not say otherwise; or KML_PFN_NONE. And the way back. */
KmlPfn kml_mapping_take_frame (const KmlMapping *self, gboolean is_copy);
void kml_mapping_free_frame (const KmlMapping *self, KmlPfn pfn);

/* Pages whose contents are nowhere else. */
static inline guint64
kml_reclaim_n_unwritten (const KmlReclaim *self)
{
  return self->n_dirty + self->n_dirty_anon;
}

/* The entry of page @index is BUSY from here on, and then leads to @pfn, which may be KML_PFN_NONE. @pfn and @what: see KmlMappingFetch. */
void kml_mapping_begin (KmlMapping *self, guint32 index, KmlPfn pfn, const char *what);
void kml_mapping_end (KmlMapping *self, guint32 index, KmlPfn pfn);

/* Until nobody works on page @index. */
void kml_mapping_wait_while_busy (KmlMapping *self, guint32 index);

/* To or from the disk. FALSE: the disk failed. */
gboolean kml_mapping_transfer (const KmlMapping *self, guint32 index, gboolean is_write);

/* ---- kswapd.c ---- */

KmlTask *kml_kswapd_new (KmlReclaim *self);

/* KmlZonesReclaim.wake */
void kml_kswapd_wake (gpointer data, const KmlRequest *request);

/* Whether kswapd has given up: it has looked so often in vain, and nobody has reclaimed anything since. */
static inline gboolean
kml_reclaim_is_hopeless (const KmlReclaim *self)
{
  return self->kswapd_failures >= KML_RECLAIM_RETRIES;
}

/* ---- direct-reclaim.c ---- */

/* KmlZonesReclaim.slow_path */
KmlAddr kml_reclaim_slow_path (gpointer data, KmlZones *zones, const KmlRequest *request,
                               guint64 *ret_held);

/* ---- page-write.c ---- */

/* Something has been written, or needs not be any more. */
void kml_reclaim_wake_writers (KmlReclaim *self);

void kml_mapping_set_dirty (KmlMapping *self, KmlFrame *frame);
void kml_mapping_set_clean (KmlMapping *self, KmlFrame *frame);

/* Writes page @pfn, which is isolated, with the file's lock; it is clean then, unless somebody has written to it meanwhile. FALSE: the disk
 * failed, and what a page of a file holds is lost when it is evicted; a page of swap is dirty as before. */
gboolean kml_mapping_write_locked (KmlMapping *self, KmlPfn pfn);

/* Whether who asks with @gfp may write a page of it. */
gboolean kml_mapping_may_write (const KmlMapping *self, KmlGfp gfp);

/* Whether page @index is there, dirty, and nobody works on it. */
gboolean kml_mapping_is_writable (const KmlMapping *self, guint32 index);

/* A record for kml_mapping_write_behind(), or NULL: so many requests are on their way already. */
KmlPageWrite *kml_page_write_get (KmlReclaim *self, gboolean is_flusher);

/* Asks the disk to write page @index and those behind it, as far as they are writable, up to @n_most in all; they get @mark, KML_PAGE_… Waits for the lock
 * and for memory, not for the disk. Returns how many. */
guint kml_mapping_write_behind (KmlMapping *self, KmlPageWrite *write, guint32 index, guint n_most,
                                guint8 mark);

/* Waits for the next pages that have been written. @most: 0: some are on their way. */
void kml_reclaim_wait_for_writes (KmlReclaim *self, KmlPart part, KmlTime most);

static inline KmlMapping *
kml_mapping_of (const KmlReclaim *self, const KmlFrame *frame)
{
  return g_ptr_array_index (self->mappings, frame->lru.mapping);
}

G_END_DECLS
