/* completion.h: something that tasks wait for and others bring about.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * As Linux's struct completion: it counts. Each post lets one waiter go, now or when it comes; none is lost.
 */

#pragma once

#include "simcore/scheduler.h"

G_BEGIN_DECLS

typedef struct {
  const char *name; /* borrowed */
  guint64 object;   /* see kml_sync_on() */
  guint64 n_posted; /* and not yet taken */
  GQueue waiters;   /* (element-type KmlTask), in the order in which they came */
} KmlCompletion;

void kml_completion_init (KmlCompletion *self, const char *name);
void kml_completion_clear (KmlCompletion *self);

/* What changes in it. */
void kml_completion_remember (KmlCompletion *self, KmlImage *image);

/* By the running task. @provider (nullable): the one task that will post it, if there is only one. */
void kml_completion_wait (KmlMachine *machine, KmlCompletion *self, KmlTask *provider);
void kml_completion_post (KmlMachine *machine, KmlCompletion *self);

G_END_DECLS
