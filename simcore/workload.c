/* workload.c: making workloads, and the registry of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/workload.h"

#include "simcore/base/registry.h"

static KmlRegistry registry;

void
kml_workload_register (const KmlWorkloadOps *ops)
{
  kml_registry_add (&registry, ops);
}

const KmlWorkloadOps *
kml_workload_find (const char *name)
{
  const KmlWorkloadOps *const ops = kml_registry_find (&registry, name);

  if (ops == NULL)
    return NULL;
  g_assert (ops->instance_size >= sizeof (KmlWorkload));
  g_assert (ops->open != NULL);
  g_assert (ops->next != NULL);
  return ops;
}

const KmlWorkloadOps *const *
kml_workload_list (guint *ret_n)
{
  *ret_n = registry.n;
  return (const KmlWorkloadOps *const *)registry.entries;
}

/* All of RAM: a twin has little. */
void
kml_twin_remember (KmlTwin *self)
{
  const KmlRam *ram = self->machine->ram;
  g_autoptr (KmlImage) image = kml_image_new ();

  if (!kml_allocator_remember (self->pages, image))
    return;
  kml_machine_remember (self->machine, image);
  kml_image_add (image, ram->store, ram->size);
  if (ram->shadow != NULL)
    kml_image_add (image, ram->shadow, ram->size);
  kml_image_take (image);
  self->image = g_steal_pointer (&image);
}

gboolean
kml_twin_go_back (KmlTwin *self, guint64 ram)
{
  if (self->image == NULL || self->machine->ram->size != ram)
    return FALSE;
  kml_image_put_back (self->image);
  return TRUE;
}

void
kml_twin_clear (KmlTwin *self)
{
  g_clear_pointer (&self->image, kml_image_free);
  g_clear_pointer (&self->pages, kml_allocator_destroy);
  g_clear_pointer (&self->machine, kml_machine_free);
}

void
kml_workload_blame (const KmlWorkload *self, GError **error)
{
  g_autofree char *prefix = g_strconcat ("workload", self->name[0] != '\0' ? "." : "", self->name,
                                         NULL);

  kml_blame_group (error, prefix);
}

KmlWorkload *
kml_workload_new (const KmlWorkloadOps *ops, const char *name, const char *base_dir)
{
  KmlWorkload *self = g_malloc0 (ops->instance_size);

  self->ops = ops;
  self->name = g_strdup (name);
  self->base_dir = g_strdup (base_dir);
  kml_params_set_defaults (ops->params, self);
  return self;
}

void
kml_workload_set_elsewhere (KmlWorkload *self, GHashTable *elsewhere)
{
  g_assert (self->elsewhere == NULL);

  self->elsewhere = elsewhere != NULL ? g_hash_table_ref (elsewhere) : NULL;
}

gboolean
kml_workload_open (KmlWorkload *self, guint64 seed, guint n_cpus, guint64 page_size, GError **error)
{
  self->seed = seed;
  self->n_cpus = n_cpus;
  self->page_size = page_size;
  if (self->ops->open (self, error))
    return TRUE;
  kml_workload_blame (self, error);
  return FALSE;
}

void
kml_workload_free (KmlWorkload *self)
{
  if (self == NULL)
    return;
  if (self->ops->close != NULL)
    self->ops->close (self);
  kml_params_clear (self->ops->params, self);
  g_free (self->name);
  g_free (self->base_dir);
  g_clear_pointer (&self->elsewhere, g_hash_table_unref);
  g_free (self);
}

char *
kml_workload_locate (const KmlWorkload *self, const char *file)
{
  return kml_param_locate (file, self->base_dir, self->elsewhere);
}

void
kml_workload_rng (const KmlWorkload *self, const char *purpose, KmlRng *ret_rng)
{
  g_autofree char *stream = g_strconcat ("workload.", self->name, ".", purpose, NULL);

  kml_rng_init (ret_rng, self->seed, stream);
}
