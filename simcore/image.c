/* image.c: copies of spans of memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/image.h"

#include <string.h>

typedef struct {
  guint8 *where;
  GArray *array; /* (nullable): borrowed; then where is not used: its elements may move */
  gsize size;    /* bytes */
} Span;

typedef struct {
  void (*func) (gpointer data);
  gpointer data;
} Hook;

struct _KmlImage {
  GArray *spans; /* (owned) (element-type Span) */
  GArray *hooks; /* (owned) (element-type Hook) */
  guint8 *copy;  /* (owned) (nullable): of all spans, one behind the other */
};

KmlImage *
kml_image_new (void)
{
  KmlImage *self = g_new0 (KmlImage, 1);

  self->spans = g_array_new (FALSE, FALSE, sizeof (Span));
  self->hooks = g_array_new (FALSE, FALSE, sizeof (Hook));
  return self;
}

void
kml_image_free (KmlImage *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->spans);
  g_array_unref (self->hooks);
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
kml_image_add_hook (KmlImage *self, void (*func) (gpointer data), gpointer data)
{
  const Hook hook = { func, data };

  g_array_append_val (self->hooks, hook);
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
      memcpy (copy, span->array != NULL ? (guint8 *)span->array->data : span->where, span->size);
    copy += span->size;
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
  for (guint i = 0; i < self->spans->len; i++) {
    const Span *span = &g_array_index (self->spans, Span, i);

    if (span->array != NULL)
      g_array_set_size (span->array, (guint)(span->size / g_array_get_element_size (span->array)));
    if (span->size > 0)
      memcpy (span->array != NULL ? (guint8 *)span->array->data : span->where, copy, span->size);
    copy += span->size;
  }
}
