/* shard.c: names of shards.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/shard.h"

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
  g_autofree char *journal = NULL;

  if (path == NULL)
    return;
  journal = g_strconcat (path, "-journal", NULL);
  g_unlink (path);
  g_unlink (journal);
}

/* "results.db.run-12.tmp", "results.db.run-12.tmp-journal", and ".results.db.run-12.tmp.Xa3B9z"
 * for one that was just being made. */
static gboolean
is_shard_of (const char *name, const char *output_name)
{
  const gboolean is_half_made = name[0] == '.' && output_name[0] != '.';
  const char *at = name + is_half_made;

  if (!g_str_has_prefix (at, output_name))
    return FALSE;
  at += strlen (output_name);
  if (!g_str_has_prefix (at, INFIX))
    return FALSE;
  at += strlen (INFIX);
  if (!g_ascii_isdigit (*at))
    return FALSE;
  while (g_ascii_isdigit (*at))
    at++;
  if (!g_str_has_prefix (at, SUFFIX))
    return FALSE;
  at += strlen (SUFFIX);
  if (is_half_made)
    return at[0] == '.' && strlen (at) >= 7;
  return at[0] == '\0' || g_str_equal (at, "-journal");
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
