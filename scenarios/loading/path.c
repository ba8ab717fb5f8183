/* path.c: the way from one folder to another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/loading/path.h"

#include <stdlib.h>

/* Links are resolved first: ".." behind a link leads elsewhere. */
char *
kml_path_as_seen_from (const char *path, const char *from)
{
  char *to = realpath (path, NULL);
  char *folder = realpath (from, NULL);
  char *result;

  if (to == NULL || folder == NULL)
    result = g_strdup (path);
  else {
    g_auto (GStrv) there = g_strsplit (to + 1, "/", -1);
    g_auto (GStrv) here = g_strsplit (folder + 1, "/", -1);
    g_autoptr (GString) way = g_string_new (NULL);
    guint common = 0;

    while (there[common] != NULL && g_strcmp0 (there[common], here[common]) == 0)
      common++;
    for (guint i = common; here[i] != NULL; i++)
      g_string_append (way, "../");
    for (guint i = common; there[i] != NULL; i++)
      g_string_append_printf (way, "%s/", there[i]);
    if (way->len > 0)
      g_string_truncate (way, way->len - 1);
    result = g_strdup (common == 0 ? to : way->len == 0 ? "." : way->str);
  }
  free (to);
  free (folder);
  return result;
}
