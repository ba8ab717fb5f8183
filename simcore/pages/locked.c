/* locked.c: an allocator that several CPUs may call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/pages/locked.h"

#include "simcore/pages/failure.h"
#include "simcore/tasks/inject.h"

static void
enter (KmlLocked *self)
{
  kml_lock_take (self->base.machine, &self->lock, KML_LOCK_EXCLUSIVE);
  if (self->pager != NULL)
    kml_pager_touch_metadata (self->pager, self->metadata);
}

KmlAddr
kml_locked_ask_uncleared (KmlLocked *self, const KmlRequest *request, guint64 *ret_held)
{
  KmlRequest uncleared = *request;

  uncleared.gfp &= ~(KmlGfp)KML_GFP_ZERO;
  return kml_allocator_alloc (self->base.lower, &uncleared, ret_held);
}

void
kml_locked_clear (KmlLocked *self, KmlAddr addr, guint64 n_bytes)
{
  kml_clear (self->base.machine, &self->base.lower->ram, addr, n_bytes);
}

/* @call: (nullable): of an allocator below which pages can be preloaded. */
static KmlAddr
call_alloc (KmlLocked *self, KmlPreloadCall *call, const KmlRequest *request, guint64 *ret_held)
{
  guint64 n_bytes;
  KmlAddr addr;

  enter (self);
  if (call != NULL)
    self->preload->call = call;
  addr = kml_locked_ask (self, request, ret_held, &n_bytes);
  if (call != NULL)
    self->preload->call = NULL;
  kml_lock_give (self->base.machine, &self->lock);
  kml_locked_prepare (self, request, addr, n_bytes);
  return addr;
}

static KmlAddr
alloc_with_preload (KmlLocked *self, const KmlRequest *request, guint64 *ret_held)
{
  KmlPreloadCall call = { .addr = KML_ADDR_NONE };
  KmlAddr addr;

  do
    addr = call_alloc (self, &call, request, ret_held);
  while (addr == KML_ADDR_NONE && kml_preload_fetch (self->preload, &call));
  kml_preload_end (self->preload, &call);
  return addr;
}

static KmlAddr
locked_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  KmlLocked *self = (KmlLocked *)base;
  KML_CALL (base->machine, base->lower->ops->name);

  if ((request->gfp & KML_GFP_NOFAIL) == 0 && kml_inject (base->machine, KML_INJECT_ALLOC)) {
    kml_failure_note_injected (base->machine);
    return KML_ADDR_NONE;
  }
  return self->preload != NULL ? alloc_with_preload (self, request, ret_held)
                               : call_alloc (self, NULL, request, ret_held);
}

static guint64
locked_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  KmlLocked *self = (KmlLocked *)base;
  KML_CALL (base->machine, base->lower->ops->name);
  guint64 held, n_bytes;

  enter (self);
  held = kml_locked_take_back (self, addr, how, &n_bytes);
  kml_lock_give (base->machine, &self->lock);
  kml_locked_check (self, n_bytes);
  return held;
}

static gboolean
locked_split (KmlAllocator *base, KmlAddr addr, guint64 size)
{
  KmlLocked *self = (KmlLocked *)base;
  KML_CALL (base->machine, base->lower->ops->name);
  gboolean ok;

  if (base->lower->ops->split == NULL)
    return FALSE;
  enter (self);
  ok = base->lower->ops->split (base->lower, addr, size);
  kml_lock_give (base->machine, &self->lock);
  return ok;
}

static guint64
locked_isolate (KmlAllocator *base, KmlAddr addr)
{
  KmlLocked *self = (KmlLocked *)base;
  KML_CALL (base->machine, base->lower->ops->name);
  guint64 n;

  if (base->lower->ops->isolate == NULL)
    return 0;
  enter (self);
  n = base->lower->ops->isolate (base->lower, addr);
  kml_lock_give (base->machine, &self->lock);
  return n;
}

static gboolean
locked_init (KmlAllocator *base, GError **error)
{
  return TRUE;
}

static void
locked_shrink (KmlAllocator *base)
{
  KmlLocked *self = (KmlLocked *)base;
  KML_CALL (base->machine, base->lower->ops->name);

  if (base->lower->ops->shrink == NULL)
    return;
  enter (self);
  base->lower->ops->shrink (base->lower);
  kml_lock_give (base->machine, &self->lock);
}

static gboolean
locked_remember (KmlAllocator *base, KmlImage *image)
{
  return TRUE; /* it is all in the instance */
}

static void
locked_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  base->lower->ops->walk (base->lower, func, user_data);
}

static gboolean
locked_check (const KmlAllocator *base, GError **error)
{
  return base->lower->ops->check (base->lower, error);
}

/* Not registered: every machine with tasks has it, and nothing is to be chosen. */
static const KmlAllocatorOps locked_ops = {
  .name = "locked",
  .summary = "takes a lock around every call",
  .level = KML_LEVEL_LAYER,
  .instance_size = sizeof (KmlLocked),
  .init = locked_init,
  .alloc = locked_alloc,
  .free = locked_free,
  .split = locked_split,
  .isolate = locked_isolate,
  .shrink = locked_shrink,
  .remember = locked_remember,
  .walk = locked_walk,
  .check = locked_check,
};

KmlLocked *
kml_locked_new (KmlAllocator *inner, KmlLockKind kind, const char *name)
{
  KmlLocked *self = (KmlLocked *)kml_allocator_new (&locked_ops, inner->machine, inner);

  kml_lock_init (&self->lock, kind, name);
  self->lock.is_paid = TRUE;
  self->frame_check = inner->frame_check;
  inner->frame_check = 0;
  return self;
}

KmlLocked *
kml_locked_plain (KmlAllocator *allocator)
{
  KmlLocked *self = (KmlLocked *)allocator;

  if (allocator == NULL || allocator->ops != &locked_ops || self->pager != NULL ||
      self->preload != NULL)
    return NULL;
  return self->lock.kind != KML_LOCK_NONE && !kml_lock_sleeps (&self->lock) ? self : NULL;
}
