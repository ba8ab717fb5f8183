/* coroutine.h: a flow of control with a stack of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Simulated kernel code is plain C that may stop anywhere: in the middle of an
 * allocation, five calls deep, it waits for a lock, and other code runs. So it
 * needs a stack that stays as it is meanwhile. A switch saves what the calling
 * convention lets a function keep (seven words on x86-64), and costs about as much as a call.
 *
 * A coroutine that is dropped in the middle is not unwound: simulated code holds
 * nothing of the host across a wait.
 */

#pragma once

#include "simcore/types.h"

G_BEGIN_DECLS

typedef void (*KmlCoroutineFunc) (gpointer data); /* must never return: it ends by switching away */

typedef struct _KmlStack KmlStack;

/* The host's own flow of control is one too, made by zeroing. */
typedef struct {
  gpointer sp;     /* where it goes on, unless it runs */
  KmlStack *stack; /* (owned by the pool) (nullable): NULL: the host's */
  gpointer fake;   /* AddressSanitizer's */
} KmlCoroutine;

/* Stacks are reserved by the hundred and used again, the last one first, since it is still in the caches. One that nobody
 * ran on costs the host address space only. Below each lies a page that may not be touched. */
typedef struct _KmlStackPool KmlStackPool;

KmlStackPool *kml_stack_pool_new (void);
void kml_stack_pool_free (KmlStackPool *self); /* with all stacks, whoever stands on them */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlStackPool, kml_stack_pool_free)

/* Takes a stack from @pool: the first switch to @self calls @func. */
void kml_coroutine_start (KmlCoroutine *self, KmlStackPool *pool, KmlCoroutineFunc func,
                          gpointer data);

/* Gives the stack back; @self is not the one that runs. */
void kml_coroutine_drop (KmlCoroutine *self, KmlStackPool *pool);

/* Goes on with @to where it left off, until somebody switches back to @from, which is the one that runs. */
void kml_coroutine_switch (KmlCoroutine *from, KmlCoroutine *to);

G_END_DECLS
