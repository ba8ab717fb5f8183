/* locate.c: finding the files that a stored run read.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The database says the name that the scenario gave the file, the scenario's
 * folder as the command named it, and the content (scenarios/loading/inputs.h). Both,
 * database and files, may have been moved since, together or apart. So the name
 * is tried from every folder that makes sense, and a file is taken for the one
 * that is wanted when it has the content. In this order, B being a folder that the
 * user names, D the database's, C the current one:
 *
 *   B/name            B/file            what the user says
 *   D/folder/name     C/folder/name     everything was moved together, or nothing
 *   D/name            C/name            it lies beside the database as it lay beside the scenario
 *   D/file            C/file            it was copied into one folder with the database
 *   P/folder/name                       P above D or C: the database was moved within its project
 *   where this user's runs have last read this content (seen.h)
 *
 * where folder is the scenario's, name the setting's and file the last part of that.
 */

#include "cli/locate.h"
#include "cli/seen.h"
#include "scenarios/loading/inputs.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  const KmlInput *input;
  GHashTable *tried; /* (element-type filename): canonical paths, a set */
  GString *story;
  char *found; /* (owned) (nullable) */
} Search;

/* Reads the file only if it can be the one. */
static gboolean
has_content (const char *path, const KmlInput *input, const char **ret_why)
{
  char digest[KML_INPUT_DIGEST_LENGTH + 1];
  GStatBuf status;
  guint64 size;

  *ret_why = "no such file";
  if (g_stat (path, &status) != 0)
    return FALSE;
  *ret_why = "not a regular file that can be read";
  if ((status.st_mode & S_IFMT) != S_IFREG)
    return FALSE;
  *ret_why = "has another content";
  if ((guint64)status.st_size != input->size)
    return FALSE;
  if (!kml_input_digest (path, digest, &size, NULL)) {
    *ret_why = "not a regular file that can be read";
    return FALSE;
  }
  return g_str_equal (digest, input->digest);
}

/* @silent: not worth a line of the story. */
static void
try_path (Search *self, const char *path, gboolean silent)
{
  g_autofree char *full = g_canonicalize_filename (path, NULL);
  const char *why;

  if (self->found != NULL || g_hash_table_contains (self->tried, full))
    return;
  if (has_content (path, self->input, &why))
    self->found = g_strdup (path);
  else if (!silent)
    g_string_append_printf (self->story, "\n  %s: %s", path, why);
  g_hash_table_add (self->tried, g_steal_pointer (&full));
}

static void
try_in (Search *self, const char *folder, const char *name, gboolean silent)
{
  g_autofree char *path = g_path_is_absolute (name) ? g_strdup (name)
                                                    : g_build_filename (folder, name, NULL);

  try_path (self, path, silent);
}

static void
try_above (Search *self, const char *folder, const char *name)
{
  g_autofree char *above = g_canonicalize_filename (folder, NULL);

  while (strlen (above) > 1) {
    char *parent = g_path_get_dirname (above);

    g_free (above);
    above = parent;
    try_in (self, above, name, TRUE);
  }
}

char *
kml_locate_input (const KmlResult *stored, const KmlInput *input, const KmlLocatePlaces *places,
                  char **ret_story)
{
  g_autofree char *beside = g_path_get_dirname (places->database);
  const char *const folders[] = { beside, "." };
  g_autofree char *last = g_path_get_basename (input->file);
  g_autofree char *in_folder = g_build_filename (stored->base_dir, input->file, NULL);
  g_autoptr (GHashTable) tried = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) seen = kml_seen_find (input->digest);
  g_autoptr (GString) story = g_string_new (NULL);
  Search search = { .input = input, .tried = tried, .story = story };

  g_string_append_printf (story,
                          "the file “%s” that run %" G_GUINT64_FORMAT
                          " has read (%s; %" G_GUINT64_FORMAT
                          " bytes, XXH3-128 %s) is not found; it was looked for as",
                          input->file, stored->run_id, input->key, input->size, input->digest);
  for (guint i = 0; places->bases != NULL && places->bases[i] != NULL; i++) {
    try_in (&search, places->bases[i], input->file, FALSE);
    try_in (&search, places->bases[i], last, FALSE);
  }
  for (guint i = 0; stored->base_dir[0] != '\0' && i < G_N_ELEMENTS (folders); i++)
    try_in (&search, folders[i], g_path_is_absolute (input->file) ? input->file : in_folder, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    try_in (&search, folders[i], input->file, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    try_in (&search, folders[i], last, FALSE);
  for (guint i = 0; stored->base_dir[0] != '\0' && i < G_N_ELEMENTS (folders); i++)
    try_above (&search, folders[i], in_folder);
  for (guint i = 0; i < seen->len; i++)
    try_path (&search, g_ptr_array_index (seen, i), FALSE);

  if (search.found == NULL)
    *ret_story = g_strdup (story->str);
  return search.found;
}

char *
kml_locate_base_dir (const KmlResult *stored, const KmlLocatePlaces *places)
{
  g_autofree char *beside = g_path_get_dirname (places->database);
  g_autofree char *first = g_build_filename (beside, stored->base_dir, NULL);

  if (places->bases != NULL && places->bases[0] != NULL)
    return g_strdup (places->bases[0]);
  if (stored->base_dir[0] != '\0' && g_file_test (first, G_FILE_TEST_IS_DIR))
    return g_strdup (first);
  if (stored->base_dir[0] != '\0' && g_file_test (stored->base_dir, G_FILE_TEST_IS_DIR))
    return g_strdup (stored->base_dir);
  return g_strdup (beside);
}
