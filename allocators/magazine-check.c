/* magazine-check.c: what is in magazines, and whether that is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/magazine.h"

/* ---- All magazines ---- */

typedef struct {
  const Magazine *self;
  GHashTable *kept; /* (owned): address + 1 of a round, or of a magazine -> KmlBlockState */
  guint64 bytes;    /* of the magazines */
  gboolean is_good; /* M3, so far */
} Inventory;

static gpointer
key_of (KmlAddr addr)
{
  return GSIZE_TO_POINTER (addr + 1);
}

static gboolean
is_good_round (const Magazine *self, const MagazineClass *class, KmlAddr addr)
{
  return magazine_is_marked (self, addr) && magazine_size_of (self, addr) >= class->size;
}

/* @with_sizes: the allocator below is asked about each block. */
static void
add_magazine (Inventory *inventory, const MagazineClass *class, KmlAddr magazine, guint32 n_rounds,
              gboolean with_sizes)
{
  const Magazine *self = inventory->self;

  if (magazine == KML_ADDR_NONE)
    return;
  for (guint32 i = 0; i < n_rounds; i++) {
    const KmlAddr addr = round_of (self, magazine, i);

    if (with_sizes && !is_good_round (self, class, addr))
      inventory->is_good = FALSE;
    if (!g_hash_table_insert (inventory->kept, key_of (addr), GINT_TO_POINTER (KML_BLOCK_FREE)))
      inventory->is_good = FALSE;
  }
  if (!g_hash_table_insert (inventory->kept, key_of (magazine),
                            GINT_TO_POINTER (KML_BLOCK_METADATA)))
    inventory->is_good = FALSE;
  if (with_sizes)
    inventory->bytes += magazine_size_of (self, magazine);
}

/* Stops where the list is longer than it says. */
static void
add_list (Inventory *inventory, const MagazineClass *class, const MagazineList *list,
          guint32 n_rounds, gboolean with_sizes)
{
  KmlAddr at = list->first;

  for (guint64 i = 0; i < list->n && at != KML_ADDR_NONE; i++) {
    add_magazine (inventory, class, at, n_rounds, with_sizes);
    at = kml_ram_load64 (&inventory->self->base.ram, at);
  }
}

static void
add_magazines (Inventory *inventory, const MagazineClass *class, const Magazines *magazines,
               gboolean with_sizes)
{
  add_magazine (inventory, class, magazines->loaded, magazines->n_loaded, with_sizes);
  add_magazine (inventory, class, magazines->previous, magazines->n_previous, with_sizes);
}

static Inventory
take_inventory (const Magazine *self, gboolean with_sizes)
{
  Inventory inventory = { self, g_hash_table_new (NULL, NULL), 0, TRUE };

  for (guint i = 0; i < self->n_classes; i++) {
    const MagazineClass *class = &self->classes[i];

    for (guint cpu = 0; cpu < self->base.machine->n_cpus; cpu++) {
      add_magazines (&inventory, class, &class->cpus[cpu].magazines, with_sizes);
      add_magazines (&inventory, class, &class->cpus[cpu].dropped, with_sizes);
    }
    add_list (&inventory, class, &class->full, class->rounds, with_sizes);
    add_list (&inventory, class, &class->empty, 0, with_sizes);
  }
  return inventory;
}

/* ---- Walking ---- */

typedef struct {
  GHashTable *kept;
  KmlWalkFunc func;
  gpointer user_data;
} Walk;

static void
walk_block (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  const Walk *walk = user_data;
  gpointer kept;

  if (state == KML_BLOCK_USED &&
      g_hash_table_lookup_extended (walk->kept, key_of (start), NULL, &kept))
    state = (KmlBlockState)GPOINTER_TO_INT (kept);
  walk->func (start, size, state, walk->user_data);
}

void
magazine_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const Inventory inventory = take_inventory ((const Magazine *)base, FALSE);
  Walk walk = { inventory.kept, func, user_data };

  base->lower->ops->walk (base->lower, walk_block, &walk);
  g_hash_table_unref (inventory.kept);
}

/* ---- Checking ---- */

/* M1 */
static gboolean
magazines_are_good (const Magazines *magazines)
{
  if (magazines->loaded == KML_ADDR_NONE)
    return magazines->previous == KML_ADDR_NONE && magazines->n_loaded == 0 &&
           magazines->n_previous == 0 && magazines->capacity == 0;
  if (magazines->n_loaded > magazines->capacity)
    return FALSE;
  return magazines->n_previous == 0 ||
         (magazines->previous != KML_ADDR_NONE && magazines->n_previous == magazines->capacity);
}

/* M2 */
static gboolean
list_is_good (const Magazine *self, const MagazineList *list)
{
  KmlAddr at = list->first;

  for (guint64 i = 0; i < list->n; i++) {
    if (at == KML_ADDR_NONE)
      return FALSE;
    at = kml_ram_load64 (&self->base.ram, at);
  }
  return at == KML_ADDR_NONE && list->least <= list->n;
}

static gboolean
check_class (const Magazine *self, const MagazineClass *class, GError **error)
{
  for (guint cpu = 0; cpu < self->base.machine->n_cpus; cpu++)
    if (!magazines_are_good (&class->cpus[cpu].magazines) ||
        !magazines_are_good (&class->cpus[cpu].dropped))
      return kml_allocator_broken ("M1", "CPU", cpu, error);
  if (!list_is_good (self, &class->full) || !list_is_good (self, &class->empty))
    return kml_allocator_broken ("M2", "size", class->size, error);
  return TRUE;
}

gboolean
magazine_check (const KmlAllocator *base, GError **error)
{
  const Magazine *self = (const Magazine *)base;
  Inventory inventory;

  for (guint i = 0; i < self->n_classes; i++)
    if (!check_class (self, &self->classes[i], error))
      return FALSE;
  inventory = take_inventory (self, TRUE);
  g_hash_table_unref (inventory.kept);
  if (!inventory.is_good)
    return kml_allocator_broken ("M3", "magazine", 0, error);
  if (self->n_moving == 0 && inventory.bytes != base->metadata_bytes)
    return kml_allocator_broken ("M4", "byte", inventory.bytes, error);
  return base->lower->ops->check (base->lower, error);
}
