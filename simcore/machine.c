/* machine.c: setting up the virtual computer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/machine.h"

#include "simcore/tasks/scheduler.h"

KmlMachine *
kml_machine_new (const KmlMachineConfig *config, GError **error)
{
  KmlMachine *self;
  KmlRam *ram;

  if (config->n_cpus < 1 || config->n_cpus > KML_MAX_CPUS) {
    kml_refuse (error, "machine.cpus", "a machine has 1 to %d CPUs, not %u", KML_MAX_CPUS,
                config->n_cpus);
    return NULL;
  }
  ram = kml_ram_new (config->ram, config->page_size, error);
  if (ram == NULL) {
    kml_blame (error, "machine.ram");
    return NULL;
  }

  self = g_new0 (KmlMachine, 1);
  self->ram = ram;
  self->n_cpus = config->n_cpus;
  self->seed = config->seed;
  self->horizon = KML_TIME_MAX;
  self->touch = config->touch;
  memcpy (self->cost, config->cost, sizeof self->cost);
  if (config->caches != NULL) {
    self->caches = kml_caches_new (config->caches, config->n_cpus, config->ram + KML_STATICS_SIZE,
                                   error);
    if (self->caches == NULL) {
      kml_blame (error, "machine.cache-model");
      kml_machine_free (self);
      return NULL;
    }
  }
  return self;
}

void
kml_machine_free (KmlMachine *self)
{
  if (self == NULL)
    return;
  kml_ram_free (self->ram);
  kml_caches_free (self->caches);
  g_free (self->pins);
  g_clear_pointer (&self->pinned, g_array_unref);
  g_free (self);
}

void
kml_machine_book (KmlMachine *self, KmlPart part, KmlTime time)
{
  if (self->task != NULL) {
    self->task->parts[part] += time;
    self->task->mark += time;
    return;
  }
  if (self->aside == 0)
    memset (self->parts, 0, sizeof self->parts);
  self->aside += time;
  self->parts[part] += time;
}

/* Takes away the pins since kml_machine_remember(): as many as there were, whatever the size of RAM. */
static void
forget_pins (gpointer data)
{
  KmlMachine *self = data;

  for (guint i = 0; i < self->pinned->len; i++)
    self->pins[g_array_index (self->pinned, KmlPfn, i)] = 0;
  g_array_set_size (self->pinned, 0);
}

static void
remember_pins (KmlMachine *self, KmlImage *image)
{
  g_assert (self->pinned == NULL);

  self->pinned = g_array_new (FALSE, FALSE, sizeof (KmlPfn));
  for (guint32 pfn = 0; self->pins != NULL && pfn < self->ram->n_frames; pfn++)
    if (self->pins[pfn] > 0)
      kml_image_add (image, &self->pins[pfn], sizeof *self->pins);
  if (self->pins == NULL)
    self->pins = g_new0 (guint32, self->ram->n_frames);
  kml_image_add_hook (image, forget_pins, self);
}

static void
empty_caches (gpointer data)
{
  kml_caches_clear (data);
}

void
kml_machine_remember (KmlMachine *self, KmlImage *image)
{
  remember_pins (self, image);
  if (self->caches != NULL)
    kml_image_add_hook (image, empty_caches, self->caches);
  kml_image_add (image, self, sizeof *self);
}
