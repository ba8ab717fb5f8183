/* bin-file.h: sets of bins in files of one's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/objects/bin-set.h"

G_BEGIN_DECLS

/* Reads the file at @path (bin-set.h has its form). */
gboolean kml_bin_file_load (const char *path, KmlBinSet *ret_set, GError **error);

G_END_DECLS
