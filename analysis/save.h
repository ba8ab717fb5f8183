/* save.h: a file that is whole or not there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Writes @length bytes (-1: up to the NUL) to @path. A file appears whole, in the place of an older one; a link leads to it as before. What is no
 * file, a pipe or a device, is written to. "-" is the standard output. Errors: KML_ERROR_WORLD with @path. */
gboolean kml_save (const char *path, const char *data, gssize length, GError **error);

/* The same, piece by piece: what is too much to be held at once. */
typedef struct _KmlSaving KmlSaving;

KmlSaving *kml_saving_new (const char *path, GError **error);
gboolean kml_saving_add (KmlSaving *self, const char *data, gsize length, GError **error);

/* From now on the file is there. */
gboolean kml_saving_finish (KmlSaving *self, GError **error);

/* Of a file that was not finished nothing is left. */
void kml_saving_free (KmlSaving *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlSaving, kml_saving_free)

G_END_DECLS
