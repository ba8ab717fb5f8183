/* reproducer.c: writing and reading reproducers.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file that was edited by hand is read as strictly as a scenario: every line has its meaning or is an error with its number.
 */

#include "cli/reproducer.h"

#include <string.h>

#include "simcore/types.h"
#include "simcore/units.h"

#define MAX_SIZE (1 << 20)

void
kml_reproducer_clear (KmlReproducer *self)
{
  g_clear_pointer (&self->version, g_free);
  g_clear_pointer (&self->scenario, g_free);
  g_clear_pointer (&self->fingerprint, g_free);
  g_clear_pointer (&self->overrides, g_ptr_array_unref);
  g_clear_pointer (&self->choices, g_array_unref);
}

gboolean
kml_reproducer_save (const KmlReproducer *self, const char *path, GError **error)
{
  GString *text = g_string_new (NULL);
  GError *cause = NULL;
  gboolean good;

  g_string_append_printf (text,
                          "# A schedule that deadlocks: kmemlab reproduce FILE\n[reproducer]\n"
                          "version = %s\nscenario = %s\n",
                          self->version, self->scenario);
  for (guint i = 0; i < self->overrides->len; i++)
    g_string_append_printf (text, "override = %s\n",
                            (const char *)g_ptr_array_index (self->overrides, i));
  g_string_append_printf (text,
                          "seed = %" G_GUINT64_FORMAT "\nfingerprint = %s\nchoices =", self->seed,
                          self->fingerprint);
  for (guint i = 0; i < self->choices->len; i++)
    g_string_append_printf (text, " %u", g_array_index (self->choices, guint32, i));
  g_string_append_c (text, '\n');
  good = g_file_set_contents (path, text->str, (gssize)text->len, &cause);
  if (!good)
    g_propagate_error (error, g_error_new_literal (KML_ERROR, KML_ERROR_WORLD, cause->message));
  g_clear_error (&cause);
  g_string_free (text, TRUE);
  return good;
}

/* ---- Reading ---- */

static gboolean G_GNUC_PRINTF (4, 5)
    refuse (const char *path, guint line, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s:%u: %s", path, line, text);
  return FALSE;
}

static gboolean
read_choices (KmlReproducer *self, const char *value, const char *path, guint line, GError **error)
{
  g_auto (GStrv) words = g_strsplit (value, " ", -1);

  for (guint i = 0; words[i] != NULL; i++) {
    guint64 choice;
    guint32 narrow;

    if (words[i][0] == '\0')
      continue;
    if (!kml_parse_count (words[i], &choice, NULL) || choice > 256)
      return refuse (path, line, error, "choices: expected small numbers such as 0 or 1, not “%s”",
                     words[i]);
    narrow = (guint32)choice;
    g_array_append_val (self->choices, narrow);
  }
  return TRUE;
}

static gboolean
read_line (KmlReproducer *self, const char *key, const char *value, const char *path, guint line,
           GError **error)
{
  static const char *const keys[] = { "version",     "scenario", "overrides", "seed",
                                      "fingerprint", "choices",  NULL };
  const char *nearest;

  if (g_str_equal (key, "version"))
    self->version = g_strdup (value);
  else if (g_str_equal (key, "scenario"))
    self->scenario = g_strdup (value);
  else if (g_str_equal (key, "fingerprint"))
    self->fingerprint = g_strdup (value);
  else if (g_str_equal (key, "override"))
    g_ptr_array_add (self->overrides, g_strdup (value));
  else if (g_str_equal (key, "choices"))
    return read_choices (self, value, path, line, error);
  else if (g_str_equal (key, "seed"))
    return kml_parse_count (value, &self->seed, NULL) ||
           refuse (path, line, error, "seed: expected a count, not “%s”", value);
  else {
    nearest = kml_nearest_name (key, keys);
    return refuse (path, line, error, "unknown key “%s”%s%s%s", key,
                   nearest != NULL ? "; did you mean “" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "”?" : "");
  }
  return TRUE;
}

static gboolean
check (const KmlReproducer *self, const char *path, GError **error)
{
  if (self->version == NULL || self->scenario == NULL || self->fingerprint == NULL ||
      self->choices->len == 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: it lacks “%s”: it was cut short, or is no reproducer", path,
                 self->version == NULL       ? "version"
                 : self->scenario == NULL    ? "scenario"
                 : self->fingerprint == NULL ? "fingerprint"
                                             : "choices");
    return FALSE;
  }
  if (!g_str_equal (self->version, KML_VERSION)) {
    g_set_error (error, KML_ERROR, KML_ERROR_NEWER,
                 "%s: made by version %s; this is %s, where the same choices may mean other things",
                 path, self->version, KML_VERSION);
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_lines (KmlReproducer *self, const char *path, char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; lines[i] != NULL; i++) {
    char *line = g_strstrip (lines[i]);
    char *equals = strchr (line, '=');
    g_autofree char *key = NULL;

    if (line[0] == '\0' || line[0] == '#' || g_str_equal (line, "[reproducer]"))
      continue;
    if (equals == NULL)
      return refuse (path, i + 1, error, "expected key = value");
    key = g_strstrip (g_strndup (line, (gsize)(equals - line)));
    if (!g_hash_table_add (seen, g_strdup (key)) && !g_str_equal (key, "override"))
      return refuse (path, i + 1, error, "“%s” again", key);
    if (!read_line (self, key, g_strstrip (equals + 1), path, i + 1, error))
      return FALSE;
  }
  return check (self, path, error);
}

gboolean
kml_reproducer_load (KmlReproducer *self, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  GError *cause = NULL;
  gsize length;

  *self = (KmlReproducer){ .choices = g_array_new (FALSE, FALSE, sizeof (guint32)),
                           .overrides = g_ptr_array_new_with_free_func (g_free) };
  if (!g_file_get_contents (path, &text, &length, &cause)) {
    g_propagate_error (error, g_error_new_literal (KML_ERROR, KML_ERROR_INPUT, cause->message));
    g_clear_error (&cause);
    return FALSE;
  }
  if (length > MAX_SIZE || memchr (text, '\0', length) != NULL ||
      !g_utf8_validate (text, (gssize)length, NULL)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: no reproducer: it is no text, or too long",
                 path);
    return FALSE;
  }
  return read_lines (self, path, text, error);
}
