/* seen.c: where files were when a run of this user last read them, by their content.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The newest line is the last. The file is replaced as a whole, so two programs
 * that add at once lose a hint and never garble one.
 */

#include "cli/seen.h"

#include <string.h>

#define MAX_LINES 1000

/* NULL: this user has no such folder. (transfer full) */
static char *
find_file (void)
{
  const char *state = g_getenv ("XDG_STATE_HOME");
  const char *home = g_getenv ("HOME");

  if (state != NULL && g_path_is_absolute (state))
    return g_build_filename (state, "kmemlab", "inputs", NULL);
  if (home != NULL && g_path_is_absolute (home))
    return g_build_filename (home, ".local", "state", "kmemlab", "inputs", NULL);
  return NULL;
}

/* Empty when there is none. (transfer full) */
static char **
read_lines (void)
{
  g_autofree char *file = find_file ();
  g_autofree char *text = NULL;

  if (file == NULL || !g_file_get_contents (file, &text, NULL, NULL))
    return g_new0 (char *, 1);
  return g_strsplit (text, "\n", -1);
}

static void
write_lines (const GPtrArray *lines)
{
  g_autofree char *file = find_file ();
  g_autofree char *folder = file != NULL ? g_path_get_dirname (file) : NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  if (file == NULL || g_mkdir_with_parents (folder, 0700) != 0)
    return;
  for (guint i = lines->len > MAX_LINES ? lines->len - MAX_LINES : 0; i < lines->len; i++)
    g_string_append_printf (text, "%s\n", (const char *)g_ptr_array_index (lines, i));
  g_file_set_contents (file, text->str, (gssize)text->len, NULL);
}

void
kml_seen_add (const char *digest, const char *path)
{
  g_autofree char *full = g_canonicalize_filename (path, NULL);
  g_autofree char *line = g_strdup_printf ("%s %s", digest, full);
  g_auto (GStrv) old = read_lines ();
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();

  if (strchr (full, '\n') != NULL || g_strv_contains ((const char *const *)old, line))
    return;
  for (guint i = 0; old[i] != NULL; i++)
    if (old[i][0] != '\0')
      g_ptr_array_add (lines, old[i]);
  g_ptr_array_add (lines, line);
  write_lines (lines);
}

GPtrArray *
kml_seen_find (const char *digest)
{
  g_auto (GStrv) lines = read_lines ();
  const gsize length = strlen (digest);
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

  for (guint i = g_strv_length (lines); i > 0; i--) {
    const char *line = lines[i - 1];

    if (strncmp (line, digest, length) == 0 && line[length] == ' ')
      g_ptr_array_add (paths, g_strdup (line + length + 1));
  }
  return paths;
}
