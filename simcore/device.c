/* device.c: making devices, and the registry of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/device.h"

#include "simcore/base/registry.h"

static KmlRegistry registry;

void
kml_device_register (const KmlDeviceOps *ops)
{
  kml_registry_add (&registry, ops);
}

const KmlDeviceOps *
kml_device_find (const char *name)
{
  const KmlDeviceOps *const ops = kml_registry_find (&registry, name);

  if (ops == NULL)
    return NULL;
  g_assert (ops->instance_size >= sizeof (KmlDevice));
  g_assert (ops->open != NULL);
  return ops;
}

const KmlDeviceOps *const *
kml_device_list (guint *ret_n)
{
  *ret_n = registry.n;
  return (const KmlDeviceOps *const *)registry.entries;
}

KmlDevice *
kml_device_new (const KmlDeviceOps *ops, const char *name)
{
  KmlDevice *self = g_malloc0 (ops->instance_size);

  self->ops = ops;
  self->name = g_strdup (name);
  kml_params_set_defaults (ops->params, self);
  return self;
}

gboolean
kml_device_open (KmlDevice *self, const KmlDeviceHost *host, GError **error)
{
  g_autofree char *prefix = NULL;

  g_assert (self->host.machine == NULL);
  g_assert (host->machine->scheduler != NULL);

  self->host = *host;
  if (host->place != NULL)
    self->step = g_strdup_printf ("[device %s] (%s)", self->name, host->place);
  if (self->ops->open (self, error))
    return TRUE;
  prefix = g_strconcat ("device", self->name[0] != '\0' ? "." : "", self->name, NULL);
  kml_blame_group (error, prefix);
  kml_device_close (self);
  return FALSE;
}

void
kml_device_close (KmlDevice *self)
{
  if (self->host.machine == NULL)
    return;
  if (self->ops->close != NULL)
    self->ops->close (self);
  self->host = (KmlDeviceHost){ 0 };
}

void
kml_device_free (KmlDevice *self)
{
  if (self == NULL)
    return;
  kml_device_close (self);
  kml_params_clear (self->ops->params, self);
  g_free (self->name);
  g_free (self->step);
  g_free (self);
}

void
kml_device_account (KmlDevice *self)
{
  if (self->ops->account != NULL)
    self->ops->account (self);
}

gboolean
kml_device_remember (KmlDevice *self, KmlImage *image)
{
  if (self->ops->remember == NULL)
    return FALSE;
  kml_image_add (image, self, self->ops->instance_size);
  self->ops->remember (self, image);
  return TRUE;
}

gboolean
kml_device_check (const KmlDevice *self, GError **error)
{
  return self->ops->check == NULL || self->ops->check (self, error);
}

void
kml_device_rng (const KmlDevice *self, const char *purpose, KmlRng *ret_rng)
{
  g_autofree char *stream = g_strconcat ("device.", self->name, ".", purpose, NULL);

  kml_rng_init (ret_rng, self->host.machine->seed, stream);
}

gboolean
kml_device_init_irq (KmlDevice *self, KmlIrq *irq, guint64 cpu, int level, KmlTaskFunc func,
                     GError **error)
{
  KmlMachine *machine = self->host.machine;

  if (cpu >= machine->n_cpus)
    return kml_refuse (error, "cpu",
                       "expected a CPU from 0 to %u for its interrupts, not %" G_GUINT64_FORMAT,
                       machine->n_cpus - 1, cpu);
  kml_irq_init (irq, machine->scheduler, self->name, (guint)cpu, level, func, self);
  irq->task.step = self->step;
  return TRUE;
}
