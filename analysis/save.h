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

G_END_DECLS
