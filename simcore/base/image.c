/* image.c: copies of spans of memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/image.h"

#include <string.h>

typedef struct {
  guint8 *where;
  GArray *array;   /* (nullable): borrowed; then where is not used: its elements may move */
  gpointer *block; /* (nullable): likewise: *block may move, and be another size */
  gsize size;      /* bytes */
} Span;

typedef struct {
  GHashTable *table; /* borrowed */
  GPtrArray *pairs;  /* (owned): key, value, key, … */
} Table;

typedef struct {
  void (*func) (gpointer data);
  gpointer data;
} Hook;

struct _KmlImage {
  GArray *spans;  /* (owned) (element-type Span) */
  GArray *hooks;  /* (owned) (element-type Hook) */
  GArray *tables; /* (owned) (element-type Table) */
  guint8 *copy;   /* (owned) (nullable): of all spans, one behind the other */
};

static void
clear_table (gpointer table)
{
  g_ptr_array_unref (((Table *)table)->pairs);
}

KmlImage *
kml_image_new (void)
{
  KmlImage *self = g_new0 (KmlImage, 1);

  self->spans = g_array_new (FALSE, FALSE, sizeof (Span));
  self->hooks = g_array_new (FALSE, FALSE, sizeof (Hook));
  self->tables = g_array_new (FALSE, FALSE, sizeof (Table));
  g_array_set_clear_func (self->tables, clear_table);
  return self;
}

void
kml_image_free (KmlImage *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->spans);
  g_array_unref (self->hooks);
  g_array_unref (self->tables);
  g_free (self->copy);
  g_free (self);
}

void
kml_image_add (KmlImage *self, gpointer where, gsize size)
{
  const Span span = { .where = where, .size = size };

  g_assert (self->copy == NULL);
  if (size > 0)
    g_array_append_val (self->spans, span);
}

void
kml_image_add_array (KmlImage *self, GArray *array)
{
  const Span span = { .array = array };

  g_assert (self->copy == NULL);
  g_array_append_val (self->spans, span);
}

void
kml_image_add_block (KmlImage *self, gpointer where, gsize size)
{
  const Span span = { .block = where, .size = size };

  g_assert (self->copy == NULL);
  g_array_append_val (self->spans, span);
}

void
kml_image_add_table (KmlImage *self, GHashTable *table)
{
  const Table entry = { table, g_ptr_array_new () };
  guint n;
  g_autofree gpointer *keys = g_hash_table_get_keys_as_array (table, &n);

  g_assert (self->copy == NULL);
  for (guint i = 0; i < n; i++) { /* in whatever order: it is put back as a whole */
    g_ptr_array_add (entry.pairs, keys[i]);
    g_ptr_array_add (entry.pairs, g_hash_table_lookup (table, keys[i]));
  }
  g_array_append_val (self->tables, entry);
}

void
kml_image_add_hook (KmlImage *self, void (*func) (gpointer data), gpointer data)
{
  const Hook hook = { func, data };

  g_array_append_val (self->hooks, hook);
}

static guint8 *
bytes_of (const Span *span)
{
  if (span->array != NULL)
    return (guint8 *)span->array->data;
  return span->block != NULL ? *span->block : span->where;
}

void
kml_image_take (KmlImage *self)
{
  gsize size = 0;
  guint8 *copy;

  g_assert (self->copy == NULL);
  for (guint i = 0; i < self->spans->len; i++) {
    Span *span = &g_array_index (self->spans, Span, i);

    if (span->array != NULL)
      span->size = (gsize)span->array->len * g_array_get_element_size (span->array);
    size += span->size;
  }
  self->copy = copy = g_malloc (MAX (size, 1));
  for (guint i = 0; i < self->spans->len; i++) {
    const Span *span = &g_array_index (self->spans, Span, i);

    if (span->size > 0)
      memcpy (copy, bytes_of (span), span->size);
    copy += span->size;
  }
}

/* Blocks have their sizes again. Where they are now is seen before what points to them is put back. */
static void
resize_blocks (const KmlImage *self)
{
  for (guint i = 0; i < self->spans->len; i++) {
    Span *span = &g_array_index (self->spans, Span, i);

    if (span->block != NULL)
      span->where = g_realloc (*span->block, span->size);
  }
}

static void
fill_tables (const KmlImage *self)
{
  for (guint i = 0; i < self->tables->len; i++) {
    const Table *table = &g_array_index (self->tables, Table, i);

    g_hash_table_remove_all (table->table);
    for (guint j = 0; j < table->pairs->len; j += 2)
      g_hash_table_insert (table->table, g_ptr_array_index (table->pairs, j),
                           g_ptr_array_index (table->pairs, j + 1));
  }
}

void
kml_image_put_back (const KmlImage *self)
{
  const guint8 *copy = self->copy;

  g_assert (copy != NULL);
  for (guint i = 0; i < self->hooks->len; i++) {
    const Hook *hook = &g_array_index (self->hooks, Hook, i);

    hook->func (hook->data);
  }
  resize_blocks (self);
  for (guint i = 0; i < self->spans->len; i++) {
    const Span *span = &g_array_index (self->spans, Span, i);

    if (span->array != NULL)
      g_array_set_size (span->array, (guint)(span->size / g_array_get_element_size (span->array)));
    if (span->block != NULL)
      *span->block = span->where;
    if (span->size > 0)
      memcpy (bytes_of (span), copy, span->size);
    copy += span->size;
  }
  fill_tables (self);
}
