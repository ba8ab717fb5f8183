/* glib.h: as much of GLib as simcore/base/coroutine.c needs, where there is no GLib for another processor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define G_BEGIN_DECLS
#define G_END_DECLS
#define G_MAXUINT64                UINT64_MAX
#define G_MAXUINT32                UINT32_MAX
#define G_STATIC_ASSERT(condition) _Static_assert(condition, #condition)
#define TRUE                       1
#define FALSE                      0
#define G_DEFINE_AUTOPTR_CLEANUP_FUNC(type, func)

typedef void *gpointer;
typedef const void *gconstpointer;
typedef int gboolean;
typedef unsigned int guint;
typedef size_t gsize;
typedef uint8_t guint8;
typedef uint16_t guint16;
typedef uint32_t guint32;
typedef uint64_t guint64;
typedef guint32 GQuark;
typedef void (*GDestroyNotify) (gpointer data);

#define G_GUINT64_CONSTANT(value) value##ull

#define g_error(...)                                                                               \
  do {                                                                                             \
    fprintf (stderr, __VA_ARGS__);                                                                 \
    abort ();                                                                                      \
  } while (0)
#define g_assert(condition)                                                                        \
  do {                                                                                             \
    if (!(condition))                                                                              \
      g_error ("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                     \
  } while (0)
#define g_assert_not_reached() g_error ("%s:%d: not reached\n", __FILE__, __LINE__)

#define g_new0(type, n) ((type *)calloc ((n), sizeof (type)))
#define g_free          free

typedef struct {
  gpointer *pdata;
  guint len;
  GDestroyNotify destroy;
} GPtrArray;

#define g_ptr_array_index(array, i) ((array)->pdata[i])

static inline GPtrArray *
g_ptr_array_new_with_free_func (GDestroyNotify destroy)
{
  GPtrArray *self = g_new0 (GPtrArray, 1);

  self->destroy = destroy;
  return self;
}

static inline GPtrArray *
g_ptr_array_new (void)
{
  return g_ptr_array_new_with_free_func (NULL);
}

static inline void
g_ptr_array_add (GPtrArray *self, gpointer data)
{
  self->pdata = realloc (self->pdata, (self->len + 1) * sizeof (gpointer));
  self->pdata[self->len++] = data;
}

static inline void
g_ptr_array_unref (GPtrArray *self)
{
  for (guint i = 0; self->destroy != NULL && i < self->len; i++)
    self->destroy (self->pdata[i]);
  free (self->pdata);
  free (self);
}
