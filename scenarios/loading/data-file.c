/* data-file.c: what a setting names that is either built in or a file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/loading/data-file.h"

#include <string.h>

#include "scenarios/resources.h"
#include "scenarios/loading/schema.h"
#include "simcore/base/units.h"

gboolean
kml_data_file_is_path (const KmlDataFileKind *kind, const char *name)
{
  return strchr (name, '/') != NULL || g_str_has_suffix (name, kind->ending);
}

void
kml_data_file_unknown (GPtrArray *problems, const char *file, guint line, guint column,
                       const char *what, const char *name, const char *const *names)
{
  g_autofree char *quoted = kml_quote (name, -1);
  g_autofree char *suggestion = kml_schema_suggest (name, names);

  kml_problems_add (problems, file, line, column, "unknown %s %s%s", what, quoted, suggestion);
}

void
kml_data_file_check_groups (const char *file, const KmlKeyFile *key_file, const char *const *names,
                            GPtrArray *problems)
{
  for (guint i = 0; i < key_file->groups->len; i++) {
    const KmlKeyFileGroup *group = g_ptr_array_index (key_file->groups, i);

    if (!g_strv_contains (names, group->name))
      kml_data_file_unknown (problems, file, group->line, group->column, "group", group->name,
                             names);
  }
  for (guint i = 0; names[i] != NULL; i++)
    if (kml_key_file_find_group (key_file, names[i]) == NULL)
      kml_problems_add (problems, file, 0, 0, "the group [%s] is missing", names[i]);
}

static gboolean
parse (const KmlDataFileKind *kind, const char *file, const char *text, gsize length, gpointer data,
       GError **error)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile) key_file = kml_key_file_parse (file, text, length, problems);
  g_autofree char *message = NULL;

  if (key_file != NULL)
    kind->read (file, key_file, data, problems);
  if (problems->len == 0)
    return TRUE;
  kml_problems_quote (problems, file, text, length);
  message = kml_problems_format (problems);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "the %s is wrong:\n%s", kind->what,
               g_strchomp (message));
  return FALSE;
}

static gboolean
load_file (const KmlDataFileKind *kind, const char *path, gpointer data, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  if (!kml_key_file_read (path, &text, &length, error)) {
    g_prefix_error (error, "the %s %s ", kind->what, path);
    return FALSE;
  }
  return parse (kind, path, text, length, data, error);
}

static gboolean
load_built_in (const KmlDataFileKind *kind, const char *name, gpointer data, GError **error)
{
  g_autofree char *path = g_strjoin ("/", kind->folder, name, NULL);
  g_autoptr (GBytes) bytes = g_resource_lookup_data (kml_resources_get_resource (), path,
                                                     G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_auto (GStrv) names = NULL;
  g_autofree char *quoted = NULL;
  g_autofree char *suggestion = NULL;
  gconstpointer text;
  gsize length;

  if (bytes == NULL) {
    names = kml_data_file_list (kind);
    quoted = kml_quote (name, -1);
    suggestion = kml_schema_suggest (name, (const char *const *)names);
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "unknown %s %s%s", kind->what, quoted,
                 suggestion);
    return FALSE;
  }
  text = g_bytes_get_data (bytes, &length);
  return parse (kind, name, text, length, data, error);
}

gboolean
kml_data_file_load (const KmlDataFileKind *kind, const char *name, const char *path, gpointer data,
                    GError **error)
{
  return kml_data_file_is_path (kind, name) ? load_file (kind, path, data, error)
                                            : load_built_in (kind, name, data, error);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

char **
kml_data_file_list (const KmlDataFileKind *kind)
{
  char **names = g_resource_enumerate_children (kml_resources_get_resource (), kind->folder,
                                                G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  g_assert (names != NULL); /* the program was built with them */
  qsort (names, g_strv_length (names), sizeof *names, compare_names);
  return names;
}
