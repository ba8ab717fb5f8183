/* key-lines.c: reading and writing small text files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/key-lines.h"

#include "analysis/save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "simcore/base/types.h"
#include "simcore/base/units.h"

#define MAX_SIZE (1 << 23)

/* No more than a little above MAX_SIZE, for there are files without an end. (transfer full) */
static char *
read_bytes (const char *path, gsize *ret_length, GError **error)
{
  FILE *const file = fopen (path, "rbe");
  g_autofree char *text = g_malloc (MAX_SIZE + 2);
  gboolean good = file != NULL;

  if (file != NULL) {
    *ret_length = fread (text, 1, MAX_SIZE + 1, file);
    text[*ret_length] = '\0';
    good = !ferror (file);
  }
  if (!good)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: cannot be read: %s", path,
                 g_strerror (errno));
  if (file != NULL)
    fclose (file);
  return good ? g_steal_pointer (&text) : NULL;
}

static gboolean
read_text (const char *path, const char *group, char **ret_text, GError **error)
{
  gsize length;
  g_autofree char *text = read_bytes (path, &length, error);

  if (text == NULL)
    return FALSE;
  if (length > MAX_SIZE || memchr (text, '\0', length) != NULL ||
      !g_utf8_validate (text, (gssize)length, NULL)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: no %s: it is no text, or too long", path,
                 group);
    return FALSE;
  }
  *ret_text = g_strdup (text + kml_byte_order_mark (text, length));
  return TRUE;
}

static const KmlKeyForm *
find_form (const KmlKeyForm *forms, const char *key, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *quoted = NULL;
  const char *nearest;

  for (const KmlKeyForm *form = forms; form->key != NULL; form++) {
    if (g_str_equal (form->key, key))
      return form;
    g_ptr_array_add (names, (gpointer)form->key);
  }
  g_ptr_array_add (names, NULL);
  quoted = kml_quote (key, -1);
  nearest = kml_nearest_name (key, (const char *const *)names->pdata);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "unknown key %s%s%s%s", quoted,
               nearest != NULL ? "; did you mean “" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "”?" : "");
  return NULL;
}

static gboolean
read_line (const char *text, guint line, const KmlKeyForm *forms, GHashTable *seen,
           KmlKeyLineFunc func, gpointer data, GError **error)
{
  const char *equals = strchr (text, '=');
  g_autofree char *key = NULL;
  g_autofree char *value = NULL;
  const KmlKeyForm *form;

  if (equals == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected key = value");
    return FALSE;
  }
  key = g_strstrip (g_strndup (text, (gsize)(equals - text)));
  value = g_strstrip (g_strdup (equals + 1));
  form = find_form (forms, key, error);
  if (form == NULL)
    return FALSE;
  if (!g_hash_table_add (seen, (gpointer)form->key) && !form->is_repeatable) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "“%s” again", key);
    return FALSE;
  }
  return func (form->key, value, line, data, error);
}

gboolean
kml_key_lines_load (const char *path, const char *group, const KmlKeyForm *forms,
                    KmlKeyLineFunc func, gpointer data, GError **error)
{
  g_autofree char *text = NULL;
  g_autofree char *head = g_strdup_printf ("[%s]", group);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto (GStrv) lines = NULL;

  if (!read_text (path, group, &text, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *line = g_strstrip (lines[i]);

    if (line[0] == '\0' || line[0] == '#' || g_str_equal (line, head))
      continue;
    if (!read_line (line, i + 1, forms, seen, func, data, error)) {
      g_prefix_error (error, "%s:%u: ", path, i + 1);
      return FALSE;
    }
  }
  for (const KmlKeyForm *form = forms; form->key != NULL; form++)
    if (!form->is_optional && !g_hash_table_contains (seen, form->key)) {
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                   "%s:%u: it lacks “%s”: it was cut short, or is no %s", path,
                   MAX (g_strv_length (lines), 1), form->key, group);
      return FALSE;
    }
  return TRUE;
}

gboolean
kml_key_lines_save (const char *path, const GString *text, GError **error)
{
  return kml_save (path, text->str, (gssize)text->len, error);
}
