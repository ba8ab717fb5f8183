/* watermark.h: how much of a zone must stay free, and for whom.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure functions on numbers of page frames: watermark.c has the theory. All of it is Linux 6.1's rule.
 */

#pragma once

#include "simcore/memory/free-area.h"
#include "simcore/memory/gfp.h"
#include "simcore/base/types.h"

G_BEGIN_DECLS

/* The bounds of min_free_kbytes that the kernel chooses by itself; the upper one was 65536 before 5.8. */
#define KML_MIN_FREE_KBYTES_LEAST 128
#define KML_MIN_FREE_KBYTES_MOST  262144

/* What the kernel's vm.* have when nobody has set them. */
#define KML_WATERMARK_SCALE_FACTOR 10  /* ten-thousandths of a zone */
#define KML_LOWMEM_RESERVE_RATIO   256 /* of DMA and DMA32 */

/* Kilobytes to be kept free, from those of all zones: the integer part of sqrt (16 @lowmem_kbytes), between
 * LEAST and @most. */
guint64 kml_min_free_kbytes (guint64 lowmem_kbytes, guint64 most);

/* A zone's watermarks: page frames. min <= low <= high. */
typedef struct {
  guint64 min, low, high;
  guint64 lowmem_reserve[KML_N_ZONES]; /* kept from requests that could have had zone [i] */
} KmlWatermarks;

typedef struct {
  guint64 managed[KML_N_ZONES]; /* page frames of each zone; 0: there is no such zone */
  guint64 min_free;             /* page frames, of all zones together */
  guint64 scale_factor;         /* 1 .. 3000 */
  guint64 reserve_ratio;        /* of zones below Normal; 0: no reserve */
} KmlWatermarkConfig;

void kml_watermarks_compute (const KmlWatermarkConfig *config,
                             KmlWatermarks ret_marks[KML_N_ZONES]);

/* What a request may do to the marks, as Linux's ALLOC_… */
enum {
  KML_ALLOC_HIGH = 0x1,          /* __GFP_HIGH: half of the mark is enough */
  KML_ALLOC_HARDER = 0x2,        /* GFP_ATOMIC: three quarters of what is left */
  KML_ALLOC_OOM = 0x4,           /* being killed: half of what is left */
  KML_ALLOC_NO_WATERMARKS = 0x8, /* it will free more than it takes: down to the last frame */
};

/* What follows from the flags of a request alone. */
guint kml_alloc_flags (KmlGfp gfp);

typedef struct {
  guint64 n_free; /* page frames of the zone */
  guint order;    /* of the request */
  guint64 mark;   /* min, low or high */
  guint64 lowmem_reserve;
  guint64 n_highatomic; /* page frames of the zone that only atomic requests may have */
  guint flags;          /* KML_ALLOC_… */
} KmlWatermarkQuestion;

/* Frames that must be left over (more than these) when the request has been served as if with single frames. */
guint64 kml_watermark_floor (const KmlWatermarkQuestion *self);

/* Whether the request leaves enough. */
gboolean kml_watermark_ok (const KmlWatermarkQuestion *self);

/* Whether it does, and a block that is large enough is free. */
gboolean kml_watermark_ok_in (const KmlWatermarkQuestion *self, const KmlFreeArea *area);

/* ---- Per-CPU page lists ---- */

/* How many pages of a zone of @managed frames a CPU fetches or gives back at a time, and from how many on it gives some back, of
 * @n_cpus of them: with all its lists full the zone is still above its low watermark @low. */
guint64 kml_pcp_batch (guint64 managed, guint64 page_size);
guint64 kml_pcp_high (guint64 low, guint n_cpus, guint64 batch);

G_END_DECLS
