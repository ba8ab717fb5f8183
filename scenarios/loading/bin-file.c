/* bin-file.c: sets of bins in files of one's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/loading/bin-file.h"

#include "scenarios/loading/keyfile.h"

gboolean
kml_bin_file_load (const char *path, KmlBinSet *ret_set, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  if (!kml_key_file_read (path, &text, &length, error)) {
    g_prefix_error (error, "the set of bins %s ", path);
    return FALSE;
  }
  return kml_bin_set_parse (path, text, ret_set, error);
}
