/* like-model.h: what a recording is like, as laws to draw from.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is estimated and how stands in like-model.c.
 */

#pragma once

#include "simcore/base/histogram.h"
#include "simcore/base/alias.h"
#include "workloads/traces/trace.h"

G_BEGIN_DECLS

/* What requests can be alike in; all of it is drawn together. */
typedef struct {
  guint32 size; /* objects: bytes; pages: the order */
  guint32 gfp;
  guint16 cpu; /* as recorded */
  guint8 level;
  guint8 context;
  guint8 mobility;
  guint32 class; /* whose lifetimes such blocks have */
} KmlLikeKind;

/* Where a block is freed. */
typedef struct {
  guint16 cpu;
  guint8 context;
} KmlLikePlace;

typedef struct _KmlLikeModel KmlLikeModel;

KmlLikeModel *kml_like_model_new (void);
void kml_like_model_free (KmlLikeModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlLikeModel, kml_like_model_free)

/* ---- Estimating: every event of a recording in its order, then fit() ---- */

/* FALSE: the requests are of more kinds than those of a kernel. */
gboolean kml_like_model_add (KmlLikeModel *self, const KmlTraceEvent *event);

/* @end_ns: when the recording ended. FALSE: nothing was asked for. */
gboolean kml_like_model_fit (KmlLikeModel *self, guint64 end_ns);

/* ---- Drawing, once it is fitted ---- */

guint64 kml_like_model_n_requests (const KmlLikeModel *self); /* of the recording */
guint kml_like_model_n_kinds (const KmlLikeModel *self);

const KmlLikeKind *kml_like_model_draw_kind (const KmlLikeModel *self, KmlRng *rng);

/* ns; each recorded gap once, in any order, before all begin again: the duration of a recording's number
 * of requests is that of the recording. */
guint64 kml_like_model_draw_gap (KmlLikeModel *self, KmlRng *rng);

/* How long a block lives: ns; G_MAXUINT64: for ever. */
guint64 kml_like_model_draw_lifetime (const KmlLikeModel *self, guint32 class, KmlRng *rng);

/* @kind: of the block that is freed. */
KmlLikePlace kml_like_model_draw_place (const KmlLikeModel *self, const KmlLikeKind *kind,
                                        KmlRng *rng);

/* ---- For tests ---- */

/* The share of a class's blocks that live for ever, in units of 2^-62. */
guint64 kml_like_model_forever (const KmlLikeModel *self, guint32 class);

G_END_DECLS
