/* size-table.c: how often each size was asked for, in bounded memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An open-addressed table, at most half full, with the sizes as keys; 0 is no
 * size and marks an empty slot. Counts are exact up to MAX_SIZES different
 * sizes. Should there be more, sizes are rounded up to a multiple of 8, as any
 * allocator would, then of 16, and so on until they fit: a design made from the
 * counts is still valid, only less fine.
 */

#include "workloads/size-table.h"

#define MAX_SIZES     (1u << 20)
#define FIRST_SLOTS   1024u
#define FIRST_QUANTUM 8

struct _KmlSizeTable {
  KmlSizeCount *slots; /* (array length=n_slots) (owned) */
  guint n_slots;       /* a power of two */
  guint n_sizes;
  guint64 quantum; /* what sizes are rounded up to: 1 as long as they are exact */
};

KmlSizeTable *
kml_size_table_new (void)
{
  KmlSizeTable *self = g_new (KmlSizeTable, 1);

  *self = (KmlSizeTable){ g_new0 (KmlSizeCount, FIRST_SLOTS), FIRST_SLOTS, 0, 1 };
  return self;
}

void
kml_size_table_free (KmlSizeTable *self)
{
  if (self == NULL)
    return;
  g_free (self->slots);
  g_free (self);
}

/* Fibonacci hashing: the golden ratio spreads neighbours, the high half of the product is the
 * well-mixed one. */
static KmlSizeCount *
find_slot (const KmlSizeTable *self, guint64 size)
{
  guint at = (guint)((size * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> 32) & (self->n_slots - 1);

  while (self->slots[at].size != 0 && self->slots[at].size != size)
    at = (at + 1) & (self->n_slots - 1);
  return &self->slots[at];
}

static void
insert (KmlSizeTable *self, guint64 size, guint64 count)
{
  const guint64 rounded = (size + self->quantum - 1) / self->quantum * self->quantum;
  KmlSizeCount *slot = find_slot (self, rounded);

  if (slot->size == 0) {
    slot->size = rounded;
    self->n_sizes++;
  }
  slot->count += count;
}

/* Makes room: twice as many slots, or once there are enough of them, sizes that are less
 * fine. */
static void
rebuild (KmlSizeTable *self)
{
  g_autofree KmlSizeCount *old = self->slots;
  const guint n_old = self->n_slots;

  if (self->n_sizes < MAX_SIZES)
    self->n_slots *= 2;
  else
    self->quantum = self->quantum == 1 ? FIRST_QUANTUM : self->quantum * 2;
  self->slots = g_new0 (KmlSizeCount, self->n_slots);
  self->n_sizes = 0;
  for (guint i = 0; i < n_old; i++)
    if (old[i].size != 0)
      insert (self, old[i].size, old[i].count);
}

void
kml_size_table_add (KmlSizeTable *self, guint64 size, guint64 count)
{
  g_assert (size > 0);

  insert (self, size, count);
  while (self->n_sizes > self->n_slots / 2 || self->n_sizes > MAX_SIZES)
    rebuild (self);
}

static int
compare_sizes (gconstpointer a, gconstpointer b)
{
  const KmlSizeCount *x = a;
  const KmlSizeCount *y = b;

  return (x->size > y->size) - (x->size < y->size);
}

void
kml_size_table_append_to (const KmlSizeTable *self, GArray *counts)
{
  g_autoptr (GArray)
      sorted = g_array_sized_new (FALSE, FALSE, sizeof (KmlSizeCount), self->n_sizes);

  for (guint i = 0; i < self->n_slots; i++)
    if (self->slots[i].size != 0)
      g_array_append_val (sorted, self->slots[i]);
  g_array_sort (sorted, compare_sizes);
  g_array_append_vals (counts, sorted->data, sorted->len);
}
