/* module.h: allocators and workloads from outside the program.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Loads the module at @path, which registers what it has. It is looked for nowhere else. FALSE with
 * @error: it is no module, or not one for this program. */
gboolean kml_module_load (const char *path, GError **error);

G_END_DECLS
