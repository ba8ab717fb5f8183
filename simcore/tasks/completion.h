/* completion.h: something that tasks wait for and others bring about.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * As Linux's struct completion: it counts. Each post lets one waiter go, now or when it comes; none is lost.
 *
 * A *pool* is one whose elements belong to whom they were given, until they are given back: mempool_t. Who posts and has none gives back the one
 * that has been out for longest, as the end of a request does for whoever made it.
 */

#pragma once

#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef struct {
  const char *name; /* borrowed */
  guint64 object;   /* see kml_sync_on() */
  guint64 n_posted; /* and not yet taken */
  GQueue waiters;   /* (element-type KmlTask), in the order in which they came */
  gboolean is_pool;
  KmlProviders posters; /* who may post it; nobody: as long as none was named */
} KmlCompletion;

void kml_completion_init (KmlCompletion *self, const char *name);
void kml_completion_clear (KmlCompletion *self);

/* What changes in it. */
void kml_completion_remember (KmlCompletion *self, KmlImage *image);

/* @task may post it; NULL: a handler of an interrupt may. */
void kml_completion_add_poster (KmlCompletion *self, KmlTask *task);

/* By the running task. @provider (nullable): the one task that will post it, if there is only one. */
void kml_completion_wait (KmlMachine *machine, KmlCompletion *self, KmlTask *provider);
void kml_completion_post (KmlMachine *machine, KmlCompletion *self);

G_END_DECLS
