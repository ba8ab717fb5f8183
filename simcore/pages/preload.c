/* preload.c: pages for an object allocator whose lock must not be held while memory is reclaimed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/pages/preload.h"

static KmlAddr
preload_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  KmlPreloadCall *call = ((KmlPreload *)base)->call;
  KmlRequest mine = *request;
  KmlAddr addr;

  if (call == NULL) /* at boot, when nobody else is there; or no lock is held */
    return kml_allocator_alloc (base->lower, request, ret_held);
  if (call->addr != KML_ADDR_NONE && call->size == request->size) {
    addr = call->addr;
    *ret_held = call->held;
    call->addr = KML_ADDR_NONE;
    return addr;
  }
  mine.gfp &= ~(KmlGfp)KML_GFP_DIRECT_RECLAIM;
  addr = kml_allocator_alloc (base->lower, &mine, ret_held);
  if (addr == KML_ADDR_NONE) {
    call->missing = *request;
    if (request->constraints != NULL) {
      call->constraints = *request->constraints;
      call->missing.constraints = &call->constraints;
    }
  }
  return addr;
}

static guint64
preload_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  return kml_allocator_free_block (base->lower, addr, how);
}

static gboolean
preload_init (KmlAllocator *base, GError **error)
{
  return TRUE;
}

static void
preload_shrink (KmlAllocator *base)
{
  if (base->lower->ops->shrink != NULL)
    base->lower->ops->shrink (base->lower);
}

static gboolean
preload_remember (KmlAllocator *base, KmlImage *image)
{
  return TRUE; /* it is all in the instance */
}

static void
preload_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  base->lower->ops->walk (base->lower, func, user_data);
}

static gboolean
preload_check (const KmlAllocator *base, GError **error)
{
  return base->lower->ops->check (base->lower, error);
}

/* Not registered: every machine that reclaims has it, and nothing is to be chosen. */
static const KmlAllocatorOps preload_ops = {
  .name = "preload",
  .summary = "fetches pages before an allocator's lock is taken",
  .level = KML_LEVEL_LAYER,
  .instance_size = sizeof (KmlPreload),
  .init = preload_init,
  .alloc = preload_alloc,
  .free = preload_free,
  .shrink = preload_shrink,
  .remember = preload_remember,
  .walk = preload_walk,
  .check = preload_check,
};

KmlPreload *
kml_preload_new (KmlAllocator *pages)
{
  return (KmlPreload *)kml_allocator_new (&preload_ops, pages->machine, pages);
}

gboolean
kml_preload_fetch (KmlPreload *self, KmlPreloadCall *call)
{
  const KmlRequest missing = call->missing;

  if (missing.size == 0 || !kml_gfp_may_sleep (missing.gfp) || call->addr != KML_ADDR_NONE)
    return FALSE;
  call->missing.size = 0;
  call->size = missing.size;
  call->addr = kml_allocator_alloc (self->base.lower, &missing, &call->held);
  return call->addr != KML_ADDR_NONE;
}

void
kml_preload_end (KmlPreload *self, KmlPreloadCall *call)
{
  if (call->addr != KML_ADDR_NONE)
    kml_allocator_free_block (self->base.lower, call->addr, &call->missing);
  call->addr = KML_ADDR_NONE;
}
