/* path.h: the way from one folder to another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The way to @path from the folder @from; in full when they have nothing in common, as it is when
 * there is no such path. (transfer full) */
char *kml_path_as_seen_from (const char *path, const char *from);

G_END_DECLS
