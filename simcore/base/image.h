/* image.h: what was in memory, to be put back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run that is to be done again and again, each time with other choices, is built once. What changes while it is
 * executed is named by whoever owns it, copied before the first execution, and put back before each further one:
 * so many bytes are copied as the run has state, whatever the size of its machine. RAM has an image of its own
 * (ram-image.h).
 *
 * What is named: structs where they are; arrays that grow, by the pointer to them; tables. Pointers among these stay right, as what does not grow does not move.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef struct _KmlImage KmlImage;

KmlImage *kml_image_new (void);
void kml_image_free (KmlImage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlImage, kml_image_free)

/* @size bytes at @where. */
void kml_image_add (KmlImage *self, gpointer where, gsize size);

/* The elements of @array, which may grow and move meanwhile. */
void kml_image_add_array (KmlImage *self, GArray *array);

/* @size bytes at *@where, which are the host's to g_realloc() and g_free() meanwhile: they have that size again. *@where may be part of what is added before. */
void kml_image_add_block (KmlImage *self, gpointer where, gsize size);

/* Keys and values that are no pointers to anything. */
void kml_image_add_table (KmlImage *self, GHashTable *table);

/* @func is called before bytes are put back: it gives back to the host what was taken from it since, such as nodes of lists, and
 * still sees everything as the run has left it. In the order in which they were added. */
void kml_image_add_hook (KmlImage *self, void (*func) (gpointer data), gpointer data);

/* Copies all that was added; nothing more is added afterwards. */
void kml_image_take (KmlImage *self);

/* Everything is as it was then. */
void kml_image_put_back (const KmlImage *self);

G_END_DECLS
