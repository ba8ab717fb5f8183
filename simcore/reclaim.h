/* reclaim.h: memory that can be taken back, and who takes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pages of files and anonymous pages belong to *mappings* (page-cache.c). Where memory runs short, reclaim takes back those that were not used
 * for long (reclaim.c). Needs a machine with tasks, and zones with watermarks.
 */

#pragma once

#include "simcore/disk.h"
#include "simcore/lru.h"
#include "simcore/zones.h"

G_BEGIN_DECLS

typedef struct _KmlReclaim KmlReclaim;

/* ---- Mappings ---- */

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
  guint64 n_resident;
  gboolean is_killed; /* its owner was: nothing of it is there any more */
} KmlMapping;

#define KML_PFN_BUSY (KML_PFN_NONE - 1) /* somebody is fetching it */

/* Lives as long as @self. @owner: of anonymous memory; NULL: nobody is killed for it. (transfer none) */
KmlMapping *kml_mapping_new_file (KmlReclaim *self, const char *name, guint32 n_pages);
KmlMapping *kml_mapping_new_anon (KmlReclaim *self, const char *name, guint32 n_pages,
                                  KmlTask *owner);

/* A task reads or writes page @index. It is fetched if it is not there, which may sleep. FALSE: it could not be: there is no
 * memory, the disk failed, or the owner was killed. */
gboolean kml_mapping_touch (KmlMapping *self, guint32 index, gboolean is_write);

/* Gives back all pages. What is dirty is lost. */
void kml_mapping_drop (KmlMapping *self);

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
  KML_N_RECLAIM_COUNTERS,
} KmlReclaimCounter;

/* "reclaim.pages", …; ends with a NULL name. */
extern const KmlCounterInfo kml_reclaim_counters[];

typedef struct {
  KmlZones *zones;  /* borrowed */
  KmlDisk *disk;    /* (nullable) borrowed: files and swap; NULL: what is dirty stays */
  guint swappiness; /* 0 .. 200: the share of anonymous pages in what is looked at, of 200 */
  guint kswapd_cpu;
} KmlReclaimConfig;

struct _KmlReclaim {
  KmlReclaimConfig config;
  KmlMachine *machine; /* with a scheduler */
  KmlLruList lists[KML_N_LRU_LISTS];
  GPtrArray *mappings; /* (owned) (element-type KmlMapping): by id */
  GPtrArray *waiters;  /* (owned) (element-type KmlTask): who waits for memory, or for a page */
  GPtrArray *killed;   /* (owned) (element-type KmlTask): borrowed */
  KmlTask *kswapd;
  gboolean kswapd_is_wanted, kswapd_sleeps;
  guint64 next_block; /* of the disk: pages below are given out */
  guint64 counters[KML_N_RECLAIM_COUNTERS];
};

/* Makes the zones reclaim, until it is freed; kswapd is a daemon of the machine's scheduler. */
KmlReclaim *kml_reclaim_new (const KmlReclaimConfig *config);
void kml_reclaim_free (KmlReclaim *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlReclaim, kml_reclaim_free)

/* Takes back pages of zones up to @highest, as far as @gfp allows it, until it has @n_wanted or has looked at all. Returns how
 * many. May sleep. */
guint64 kml_reclaim_shrink (KmlReclaim *self, guint64 n_wanted, KmlGfp gfp, KmlZoneKind highest);

/* Whether the task was killed for want of memory. */
gboolean kml_reclaim_was_killed (const KmlReclaim *self, const KmlTask *task);

gboolean kml_reclaim_check (const KmlReclaim *self, GError **error);

/* ---- Between page-cache.c and reclaim.c ---- */

/* Waits until kml_reclaim_wake_all() is called, or somebody frees a page. */
void kml_reclaim_wait (KmlReclaim *self, const char *what);
void kml_reclaim_wake_all (KmlReclaim *self);

/* The page at @pfn leaves its mapping and memory; it is on no list. */
void kml_mapping_evict (KmlMapping *self, KmlPfn pfn);

/* To or from the disk. FALSE: the disk failed. */
gboolean kml_mapping_transfer (const KmlMapping *self, guint32 index, gboolean is_write);

static inline KmlMapping *
kml_mapping_of (const KmlReclaim *self, const KmlFrame *frame)
{
  return g_ptr_array_index (self->mappings, frame->lru.mapping);
}

G_END_DECLS
