/* lru.h: pages that can be taken away, in the order of their last use.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two lists for pages of files and two for anonymous ones, as in Linux: a page comes to the head of the inactive list;
 * one that is used again there goes to the active list, whose tail comes back to the inactive one when that
 * is the shorter (Johnson & Shasha, "2Q", VLDB 1994, is the idea). The links are in the records of the frames
 * (KmlFrame.lru), as those of struct page are.
 */

#pragma once

#include "simcore/memory/frame-list.h"

G_BEGIN_DECLS

typedef enum {
  KML_LRU_INACTIVE_ANON,
  KML_LRU_ACTIVE_ANON,
  KML_LRU_INACTIVE_FILE,
  KML_LRU_ACTIVE_FILE,
  KML_N_LRU_LISTS,
  KML_LRU_ISOLATED = KML_N_LRU_LISTS, /* on none: somebody works on it */
} KmlLruKind;

#define KML_LRU_ACTIVE 1 /* an inactive list + 1 is its active one */

/* KmlFrame.lru.bits */
#define KML_PAGE_REFERENCED 0x1  /* used since it was last looked at */
#define KML_PAGE_DIRTY      0x2  /* differs from what is on the disk */
#define KML_PAGE_DOOMED     0x4  /* nobody needs it any more: who works on it frees it */
#define KML_PAGE_WRITEBACK  0x8  /* the disk has been asked to write it (page-write.c) */
#define KML_PAGE_RECLAIM    0x10 /* reclaim has met it and wants it as soon as it is written */
#define KML_PAGE_ISOLATED   0x20 /* somebody has it in his hands, and frees it if it is doomed */

typedef struct {
  KmlFrameList frames; /* the first was used last */
  guint64 n;
} KmlLruList;

static inline void
kml_lru_put (KmlLruList lists[KML_N_LRU_LISTS], const KmlRam *ram, KmlPfn pfn, KmlLruKind kind,
             gboolean at_front)
{
  kml_ram_frame (ram, pfn)->lru.kind = (guint8)kind;
  kml_frame_list_insert (&lists[kind].frames, ram, pfn, at_front);
  lists[kind].n++;
}

static inline void
kml_lru_insert (KmlLruList lists[KML_N_LRU_LISTS], const KmlRam *ram, KmlPfn pfn, KmlLruKind kind)
{
  kml_lru_put (lists, ram, pfn, kind, TRUE);
}

static inline void
kml_lru_insert_last (KmlLruList lists[KML_N_LRU_LISTS], const KmlRam *ram, KmlPfn pfn,
                     KmlLruKind kind)
{
  kml_lru_put (lists, ram, pfn, kind, FALSE);
}

static inline void
kml_lru_remove (KmlLruList lists[KML_N_LRU_LISTS], const KmlRam *ram, KmlPfn pfn)
{
  KmlFrame *frame = kml_ram_frame (ram, pfn);
  KmlLruList *list = &lists[frame->lru.kind];

  kml_frame_list_remove (&list->frames, ram, pfn);
  list->n--;
  frame->lru.kind = KML_LRU_ISOLATED;
}

G_END_DECLS
