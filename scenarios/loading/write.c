/* write.c: one run of a scenario, as a scenario of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is written from the settings and not from the file, which may have comments and axes of
 * another experiment: what is left is what this run needs. Loading the text gives a run of the same
 * settings again, and so of the same key.
 */

#include "scenarios/loading/write.h"

#include "scenarios/loading/path.h"
#include "scenarios/loading/scenario-private.h"
#include "scenarios/loading/schema.h"

#include <string.h>

typedef struct {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  const KmlSetting *changes;
  guint n_changes;
  const char *folder;
  GString *text;
} Writing;

static void
write_head (Writing *self, const char *head)
{
  g_auto (GStrv) lines = g_strsplit (head != NULL ? head : "", "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if ((*line)[0] != '\0')
      g_string_append_printf (self->text, "# %s\n", *line);
}

/* A blank that the reader would strip, or that would begin a comment. */
static gboolean
is_blank_in_danger (const char *value, const char *at)
{
  const char next = at[1];

  return *at == ' ' && (at == value || next == '\0' || next == '#' || next == ';');
}

char *
kml_scenario_escape (const char *value)
{
  GString *text = g_string_new (NULL);

  for (const char *c = value; *c != '\0'; c++) {
    const char *escape = *c == '\\'                      ? "\\\\"
                         : *c == '\n'                    ? "\\n"
                         : *c == '\t'                    ? "\\t"
                         : *c == '\r'                    ? "\\r"
                         : is_blank_in_danger (value, c) ? "\\s"
                                                         : NULL;

    if (escape != NULL)
      g_string_append (text, escape);
    else
      g_string_append_c (text, *c);
  }
  return g_string_free (text, FALSE);
}

char *
kml_scenario_escape_file (const char *file)
{
  g_autofree char *escaped = kml_scenario_escape (file);

  return g_strconcat (file[0] == '#' || file[0] == ';' ? "./" : "", escaped, NULL);
}

static const char *
value_of (const Writing *self, const char *key)
{
  for (guint i = 0; i < self->n_changes; i++)
    if (strcmp (self->changes[i].key, key) == 0)
      return self->changes[i].value;
  return kml_run_spec_get (self->spec, key);
}

/* The name of the file @file as seen from the folder of what is written. (transfer full) */
static char *
move_path (const Writing *self, const char *file)
{
  g_autofree char *path = kml_scenario_locate (self->scenario, file);

  return g_path_is_absolute (file) ? g_strdup (file) : kml_path_as_seen_from (path, self->folder);
}

static void
write_settings (Writing *self, const KmlSection *section, const KmlParam *table)
{
  for (; table != NULL && table->name != NULL; table++) {
    g_autofree char *key = g_strjoin (".", section->prefix, table->name, NULL);
    const char *value = value_of (self, key);
    g_autofree char *file = value != NULL ? kml_param_file (table, value) : NULL;
    g_autofree char *moved = NULL, *escaped = NULL;

    if (value == NULL || g_strcmp0 (value, table->value) == 0)
      continue;
    if (file != NULL)
      moved = move_path (self, file);
    escaped = moved != NULL ? kml_scenario_escape_file (moved) : kml_scenario_escape (value);
    g_string_append_printf (self->text, "%s = %s\n", table->name, escaped);
  }
}

static const KmlPlugin *
plugin_of (const Writing *self, const KmlSection *section)
{
  g_autofree char *key = NULL;

  if (section->info->chooser == NULL)
    return NULL;
  key = g_strjoin (".", section->prefix, section->info->chooser, NULL);
  return kml_schema_find_plugin (section->plugins, value_of (self, key));
}

static void
write_section (Writing *self, const KmlSection *section)
{
  const KmlPlugin *plugin = plugin_of (self, section);
  g_autofree char *title = kml_section_title (section);
  const gsize before = self->text->len;
  gsize empty;

  g_string_append_printf (self->text, "\n%s\n", title);
  empty = self->text->len;
  write_settings (self, section, section->info->params);
  if (plugin != NULL)
    write_settings (self, section, plugin->params);
  if (self->text->len == empty && !section->info->named)
    g_string_truncate (self->text, before);
}

char *
kml_scenario_write (const KmlScenario *self, const KmlRunSpec *spec, const KmlSetting *changes,
                    guint n_changes, const char *head, const char *folder)
{
  Writing writing = { self, spec, changes, n_changes, folder, g_string_new (NULL) };

  write_head (&writing, head);
  for (guint i = 0; i < self->sections->len; i++)
    write_section (&writing, g_ptr_array_index (self->sections, i));
  return g_string_free (writing.text, FALSE);
}
