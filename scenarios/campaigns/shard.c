/* shard.c: names of shards.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/campaigns/shard.h"

#include <glib/gstdio.h>
#include <string.h>

#define INFIX  ".run-"
#define SUFFIX ".tmp"

char *
kml_shard_path (const char *output, guint64 run_id)
{
  return g_strdup_printf ("%s" INFIX "%" G_GUINT64_FORMAT SUFFIX, output, run_id);
}

void
kml_shard_remove (const char *path)
{
  if (path != NULL)
    g_unlink (path);
}

/* "results.db.run-12.tmp" */
static gboolean
is_shard_of (const char *name, const char *output_name)
{
  const char *at;

  if (!g_str_has_prefix (name, output_name))
    return FALSE;
  at = name + strlen (output_name);
  if (!g_str_has_prefix (at, INFIX))
    return FALSE;
  at += strlen (INFIX);
  if (!g_ascii_isdigit (*at))
    return FALSE;
  while (g_ascii_isdigit (*at))
    at++;
  return g_str_equal (at, SUFFIX);
}

void
kml_shards_remove_all (const char *output)
{
  g_autofree char *folder = g_path_get_dirname (output);
  g_autofree char *output_name = g_path_get_basename (output);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    if (is_shard_of (name, output_name)) {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  }
}
