/* claim-files.h: finding the scenarios that claim something.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Adds the path of each file at or below @path that ends in .ini and has a group [expect], sorted. Hidden files and
 * folders are passed over; a file named by itself is taken whatever it is called. Errors: INPUT, WORLD. */
gboolean kml_claim_files_add (const char *path, GPtrArray *paths, GError **error);

G_END_DECLS
