/* dma.h: a device that reads and writes memory without a CPU.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What it moves is described by page frames, which may lie anywhere: a buffer of `size' bytes from `offset' of the first of them on, or one
 * scattered in pieces, as in Linux's scatterlist. The device sees *segments*, runs of neighbouring addresses, and is picky about them (KmlDmaLimits). A buffer
 * that does not suit it is refused when it is submitted: an outcome. kml_dma_constraints() says what to ask an
 * allocator for, so that a buffer suits.
 *
 * From submit until it is done its frames are pinned (pin.h), and stay the caller's: kml_dma_move_page() is the way to move
 * one of them nevertheless.
 */

#pragma once

#include "simcore/device.h"
#include "simcore/devices/iommu.h"
#include "simcore/memory/pin.h"

G_BEGIN_DECLS

typedef struct _KmlDma KmlDma;
typedef struct _KmlDmaRequest KmlDmaRequest;

typedef enum {
  KML_DMA_NEW,     /* not submitted: what a record of zeros says */
  KML_DMA_PENDING, /* the device has it */
  KML_DMA_OK,
  KML_DMA_MISALIGNED,   /* a segment begins where it must not */
  KML_DMA_OUT_OF_REACH, /* a segment ends above the limit */
  KML_DMA_SCATTERED,    /* more segments than the device takes */
  KML_DMA_NO_ADDRESSES, /* the IOMMU has no range left */
} KmlDmaStatus;

/* Of a scattered buffer: what of it is on one page. */
typedef struct {
  guint64 start; /* the byte of the buffer that it begins with; it ends where the next one begins */
  guint64 offset; /* where that is in the page */
} KmlDmaPiece;

struct _KmlDmaRequest {
  /* the caller's */
  KmlPfn *pages; /* (array length=n_pages): borrowed; moving a page changes it */
  guint n_pages;
  guint64 offset, size; /* bytes: all pages are needed for it, and no more */
  /* (nullable) (array length=n_pages): borrowed; NULL: it is not scattered within pages */
  const KmlDmaPiece *pieces;
  gboolean is_from_device;
  guint8 tag; /* from the device: what it writes into each byte */
  void (*done) (KmlDmaRequest *request, gpointer data); /* (nullable): in the interrupt */
  gpointer data;

  /* the device's, to be read */
  guint8 status; /* KmlDmaStatus */
  KmlTime queued, finished;
  guint n_segments;
  guint64 sum; /* to the device: of all bytes, as it has read them */

  /* the device's own */
  KmlTask *waiter; /* (nullable) */
  KmlDmaRequest *next;
  guint64 moved, segment_end; /* bytes: moved; to the end of the segment that is being moved */
  KmlAddr io;                 /* with an IOMMU: address of the first page */
};

/* What a device asks of each segment. */
typedef struct {
  KmlConstraints constraints;
  guint64 max_segment;  /* bytes; 0: any */
  guint64 max_segments; /* 1: no scatter-gather */
} KmlDmaLimits;

struct _KmlDma {
  KmlDevice base;

  /* parameters */
  guint64 cpu;
  KmlDmaLimits limits;
  guint64 burst; /* bytes that are moved without a look at anything else */
  KmlTime burst_time, segment_time;
  gboolean is_coherent;
  KmlTime flush_line; /* of a CPU's cache, where that is not coherent */
  gboolean has_iommu;
  KmlTime map_page, unmap_page, flush_iommu;

  KmlIommu iommu; /* where it has one */
  KmlTimer timer; /* of a burst */
  KmlIrq irq;
  KmlDmaRequest *first, *last;             /* the first is being moved */
  KmlDmaRequest *finished, *last_finished; /* the interrupt is on its way */
  guint64 in_burst;   /* bytes that are on their way; 0: the device is idle or paused */
  KmlTask *mover;     /* (nullable): no burst begins until that one is done */
  gboolean is_paused; /* one would have begun */
  KmlTime paused_since;
  KmlTime accounted;
};

/* (nullable): NULL: @device is none. (transfer none) */
KmlDma *kml_dma_from_device (KmlDevice *device);

/* Whether devices of this kind are. */
gboolean kml_dma_is_kind (const KmlDeviceOps *ops);

/* Why no contiguous block of @size bytes, wherever it lies, suits the device. (nullable): one may (transfer full) */
char *kml_dma_why_never (const KmlDma *self, guint64 size);

/* What a contiguous block of @size bytes must keep to, so that it is in as few segments as the device takes, if that can be. */
KmlConstraints kml_dma_constraints (const KmlDma *self, guint64 size);

/* Where @byte of the buffer lies in memory; *@ret_left: how many bytes of the buffer lie there, up to the end of a piece or page. */
KmlAddr kml_dma_request_addr (const KmlDmaRequest *self, const KmlRam *ram, guint64 byte,
                              guint64 *ret_left);

/* In any context. PENDING, or why it is refused: then nothing is pinned and nothing mapped. */
KmlDmaStatus kml_dma_submit (KmlDma *self, KmlDmaRequest *request);

/* Until it is done, in process context. */
KmlDmaStatus kml_dma_wait (KmlDma *self, KmlDmaRequest *request);

/* Pauses the device, copies page @from of a pending request to @to, and lets the device go on with it; one whose interrupt is on the way
 * needs no pause. FALSE: it is done, and may be no more, has no such page, the device is paused for another, or with that frame it would be refused. Otherwise the old
 * frame is the caller's, and whoever has pinned it has pinned the new one instead. In process context. */
gboolean kml_dma_move_page (KmlDma *self, KmlDmaRequest *request, KmlPfn from, KmlPfn to);

/* "ok", "misaligned", … */
extern const char *const kml_dma_status_names[];

/* Slots of devices/dma.c. */
gboolean kml_dma_open (KmlDevice *self, GError **error);
void kml_dma_account (KmlDevice *self);
gboolean kml_dma_check (const KmlDevice *self, GError **error);
void kml_dma_remember (KmlDevice *self, KmlImage *image);
void kml_dma_close (KmlDevice *self);

extern const KmlCounterInfo kml_dma_counters[];
extern const KmlFigureInfo kml_dma_figures[];

G_END_DECLS
