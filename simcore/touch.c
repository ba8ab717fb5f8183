/* touch.c: references of simulated code go through the caches of the CPU that makes them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a reference takes beyond a hit of the first-level cache is a part of its own of whoever makes it
 * (KML_PART_CACHE), whatever it is doing otherwise: looking for memory, too.
 */

#include "simcore/tasks/scheduler.h"

KmlAddr
kml_machine_statics (KmlMachine *self, guint64 size)
{
  const KmlAddr addr = self->ram->size + self->n_statics;

  self->n_statics += (size + 63) & ~G_GUINT64_CONSTANT (63);
  return addr;
}

/* Returns what it takes, and sets *@ret_hit to what it would take if all of it were in L1. */
static KmlTime
access_lines (KmlMachine *self, KmlAddr addr, guint64 size, guint how, KmlTime *ret_hit)
{
  const KmlCachesConfig *config = kml_caches_config (self->caches);
  const guint cpu = self->task != NULL ? self->task->cpu : self->cpu;
  const KmlAddr end = addr + size;
  const guint64 size_of_ram = self->ram->size;
  KmlTime hit = 0, spent = 0;

  for (addr &= ~(config->line - 1); addr < end; addr += config->line) {
    const KmlAddr place = G_LIKELY (addr < size_of_ram)
                              ? addr
                              : size_of_ram + (addr - size_of_ram) % KML_STATICS_SIZE;

    spent += kml_caches_access (self->caches, cpu, place, (how & KML_TOUCH_WRITE) != 0);
    hit += config->latency[KML_SERVED_L1];
  }
  *ret_hit = hit;
  return spent;
}

void
kml_machine_touch (KmlMachine *self, KmlAddr addr, guint64 size, guint how)
{
  KmlTime spent, hit;

  if (how & KML_TOUCH_UNPAID) {
    const KmlCacheAccount before = kml_caches_set_account (self->caches, KML_ACCOUNT_UNPAID);

    access_lines (self, addr, size, how, &hit);
    kml_caches_set_account (self->caches, before);
    return;
  }
  spent = access_lines (self, addr, size, how, &hit);
  self->now += hit;
  if (spent > hit)
    kml_spend_as (self, KML_PART_CACHE, spent - hit);
}

void
kml_machine_touch_data (KmlMachine *self, KmlAddr addr, guint64 size, guint how)
{
  kml_caches_set_account (self->caches, KML_ACCOUNT_DATA);
  kml_machine_touch (self, addr, size, how);
  kml_caches_set_account (self->caches, KML_ACCOUNT_METADATA);
}

void
kml_machine_use_block (KmlMachine *self, KmlAddr addr, guint64 size, guint how)
{
  if (self->touch > 0)
    kml_machine_touch_data (self, addr, MIN (size, self->touch), how);
}

void
kml_machine_clears (KmlMachine *self, gpointer stored, guint64 size)
{
  kml_touch_stored (self, stored, size, KML_TOUCH_WRITE | KML_TOUCH_UNPAID);
}

void
kml_machine_device_writes (KmlMachine *self, KmlAddr addr, guint64 size)
{
  if (self->caches != NULL)
    kml_caches_device_write (self->caches, addr, size);
}
