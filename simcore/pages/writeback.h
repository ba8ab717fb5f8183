/* writeback.h: dirty pages of files are written before anybody needs their frames.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A flusher and what it holds writers to: writeback.c. Made and freed by reclaim, whose config says so.
 */

#pragma once

#include "simcore/pages/reclaim.h"

G_BEGIN_DECLS

/* Linux's vm.dirty_… */
struct _KmlWritebackConfig {
  guint background_ratio, limit_ratio; /* per cent of memory that could be dirty */
  KmlTime expire, interval;            /* interval: 0: the flusher does not come by itself */
  guint cpu;                           /* the flusher's */
};

/* In pages, as things are now. background < limit. */
typedef struct {
  guint64 dirtyable; /* free memory and pages of files, without what the zones keep */
  guint64 background, limit;
  guint64 free_run; /* up to here nobody is held up */
} KmlDirtyLimits;

struct _KmlWriteback {
  KmlReclaim *reclaim; /* borrowed */
  KmlWritebackConfig config;
  KmlTask *flusher;
  KmlTimer timer;       /* set: the flusher will come to look for what has expired */
  gboolean has_expired; /* it came */
  gboolean is_wanted, wants_all, sleeps;
  guint32 next_mapping; /* whose turn it is */
  guint64 base_rate;    /* pages a second: what a writer may dirty where all is in balance … */
  guint64 write_rate;   /* … and what the disk writes, both as estimated … */
  KmlTime measured;     /* … at that time (0: nothing is measured) … */
  guint64 n_written, n_dirtied; /* … when so many were written and dirtied */
  KmlTime throttled;            /* all waits of writers together */
};

KmlWriteback *kml_writeback_new (KmlReclaim *reclaim, const KmlWritebackConfig *config);
void kml_writeback_free (KmlWriteback *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlWriteback, kml_writeback_free)

void kml_writeback_remember (KmlWriteback *self, KmlImage *image);

KmlDirtyLimits kml_writeback_limits (const KmlWriteback *self);

/* A page has become dirty: the flusher is to come some time. */
void kml_writeback_begin (KmlWriteback *self);

/* The flusher is to write until no more than the background limit is dirty; @all: everything. In any context. */
void kml_writeback_wake (KmlWriteback *self, gboolean all);

/* The running task has dirtied pages of @mapping, has no lock that the flusher needs, and waits if it was faster than the disk. In atomic context
 * and where there is no flusher it does nothing. */
void kml_mapping_throttle (KmlMapping *mapping);

G_END_DECLS
