/* claim-files.c: finding the scenarios that claim something.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only the line that begins a group is looked for here: whether the file is a good
 * scenario the loader says, with all that is wrong in it.
 */

#include "cli/claim-files.h"

#include <string.h>
#include <sys/stat.h>

#include "simcore/base/units.h"

/* A folder that is being looked through, and the one that it was found in. */
typedef struct _Level Level;

struct _Level {
  const Level *outer; /* (nullable) */
  struct stat info;
};

/* A link leads back. */
static gboolean
is_within_itself (const Level *self)
{
  for (const Level *outer = self->outer; outer != NULL; outer = outer->outer)
    if (outer->info.st_dev == self->info.st_dev && outer->info.st_ino == self->info.st_ino)
      return TRUE;
  return FALSE;
}

static gboolean
claims_something (const char *path, gboolean *ret_claims, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  /* a pipe would be waited for: the loader says what it is */
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
    *ret_claims = TRUE;
    return TRUE;
  }
  if (!g_file_get_contents (path, &text, &length, error))
    return FALSE;
  *ret_claims = FALSE;
  for (const char *line = text + kml_byte_order_mark (text, length); line != NULL && !*ret_claims;
       line = strchr (line, '\n')) {
    line += strspn (line, "\n \t\r");
    *ret_claims = g_str_has_prefix (line, "[expect]") || g_str_has_prefix (line, "[expect ");
  }
  return TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* Names in @path, sorted: the order of a folder is the file system's. */
static GPtrArray *
list_folder (const char *path, GError **error)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, error);
  GPtrArray *names;
  const char *name;

  if (folder == NULL)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (folder)) != NULL)
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

static gboolean
add_below (const char *path, const Level *outer, GPtrArray *paths, GError **error)
{
  Level level = { .outer = outer };
  g_autoptr (GPtrArray) names = NULL;

  if (stat (path, &level.info) == 0 && is_within_itself (&level))
    return TRUE;
  names = list_folder (path, error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *inner = g_str_equal (path, ".") ? g_strdup (name)
                                                     : g_build_filename (path, name, NULL);
    gboolean claims;

    if (g_file_test (inner, G_FILE_TEST_IS_DIR)) {
      if (!add_below (inner, &level, paths, error))
        return FALSE;
    } else if (g_str_has_suffix (name, ".ini")) {
      if (!claims_something (inner, &claims, error))
        return FALSE;
      if (claims)
        g_ptr_array_add (paths, g_steal_pointer (&inner));
    }
  }
  return TRUE;
}

gboolean
kml_claim_files_add (const char *path, GPtrArray *paths, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_DIR)) {
    g_ptr_array_add (paths, g_strdup (path));
    return TRUE;
  }
  if (add_below (path, NULL, paths, &local_error))
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s", local_error->message);
  return FALSE;
}
