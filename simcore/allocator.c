/* allocator.c: making allocators, and the registry of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/allocator.h"

#include "simcore/base/registry.h"

static KmlRegistry registry;

void
kml_allocator_register (const KmlAllocatorOps *ops)
{
  /* nothing but its name is looked at: a module may be of another day */
  kml_registry_add (&registry, ops);
}

const KmlAllocatorOps *
kml_allocator_find (const char *name)
{
  const KmlAllocatorOps *const ops = kml_registry_find (&registry, name);

  if (ops == NULL)
    return NULL;
  g_assert (ops->instance_size >= sizeof (KmlAllocator));
  g_assert (ops->init != NULL);
  g_assert (ops->alloc != NULL);
  g_assert (ops->free != NULL);
  g_assert (ops->walk != NULL);
  g_assert (ops->check != NULL);
  return ops;
}

const KmlAllocatorOps *const *
kml_allocator_list (guint *ret_n)
{
  *ret_n = registry.n;
  return (const KmlAllocatorOps *const *)registry.entries;
}

KmlAllocator *
kml_allocator_new (const KmlAllocatorOps *ops, KmlMachine *machine, KmlAllocator *lower)
{
  KmlAllocator *self = g_malloc0 (ops->instance_size);

  g_assert ((ops->level == KML_LEVEL_PAGES) == (lower == NULL));

  self->ops = ops;
  self->machine = machine;
  self->ram = *machine->ram;
  self->free_area = &machine->free_area;
  self->lower = lower;
  kml_params_set_defaults (ops->params, self);
  return self;
}

gboolean
kml_allocator_start (KmlAllocator *self, GError **error)
{
  if (!self->ops->init (self, error)) {
    g_prefix_error (error, "allocator %s: ", self->ops->name);
    return FALSE;
  }
  return TRUE;
}

const char *const kml_from_names[] = {
  [KML_FROM_ANY] = "any",
  [KML_FROM_SOFTIRQ] = "softirq",
  [KML_FROM_PROCESS] = "process",
  [KML_FROM_SLEEPABLE] = "sleepable",
  NULL,
};

KmlFrom
kml_allocator_alloc_from (const KmlAllocator *self)
{
  KmlFrom from = KML_FROM_ANY;

  for (; self != NULL; self = self->lower)
    from = MAX (from, self->ops->alloc_from);
  return from;
}

KmlFrom
kml_allocator_free_from (const KmlAllocator *self)
{
  KmlFrom from = KML_FROM_ANY;

  for (; self != NULL; self = self->lower)
    from = MAX (from, self->ops->free_from);
  return from;
}

const KmlAllocator *
kml_allocator_sizer (const KmlAllocator *self)
{
  while (self->ops->size_of == NULL && self->ops->level == KML_LEVEL_LAYER)
    self = self->lower;
  return self->ops->size_of != NULL ? self : NULL;
}

gboolean
kml_allocator_drain (KmlAllocator *self, guint cpu)
{
  gboolean was_any = FALSE;

  for (; self != NULL; self = self->lower)
    if (self->ops->drain != NULL)
      was_any |= self->ops->drain (self, cpu);
  return was_any;
}

void
kml_allocator_keep_less (KmlAllocator *self, gboolean less)
{
  for (; self != NULL; self = self->lower)
    if (self->ops->keep_less != NULL)
      self->ops->keep_less (self, less);
}

gboolean
kml_allocator_broken (const char *invariant, const char *what, guint64 which, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "invariant %s does not hold at %s %" G_GUINT64_FORMAT, invariant, what, which);
  return FALSE;
}

void
kml_allocator_destroy (KmlAllocator *self)
{
  if (self == NULL)
    return;
  if (self->ops->finish != NULL)
    self->ops->finish (self);
  kml_params_clear (self->ops->params, self);
  g_free (self);
}

gboolean
kml_allocator_remember (KmlAllocator *self, KmlImage *image)
{
  kml_image_add (image, self, self->ops->instance_size);
  return self->ops->remember != NULL && self->ops->remember (self, image);
}
