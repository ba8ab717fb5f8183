/* bin-file.h: sets of bins in files of one's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/bin-set.h"

G_BEGIN_DECLS

/* Reads @name, a file that is absolute or relative to @base_dir (bin-set.h has its form). */
gboolean kml_bin_file_load (const char *name, const char *base_dir, KmlBinSet *ret_set,
                            GError **error);

G_END_DECLS
