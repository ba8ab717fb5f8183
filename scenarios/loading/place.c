/* place.c: where a setting stands that turned out to be wrong in a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a scenario by itself is a problem, told with all the others before anything runs. What only a run sees is an error
 * that carries the setting's name (simcore/base/blame.h). Here it gets the place: of the alternative that this run has, in the group, in [sweep] or
 * in -s; or, where the value is the default, of the group.
 *
 *   a.ini:7:11: [memory] flusher = yes: there is nowhere to write to, so expected disk
 *   a.ini:12:9: [layer lists] batch = 64 (in [sweep]): more than high = 32, …
 *   a.ini: [pager] pool = 100000 (-s): …
 *   a.ini:3:1: [layer lists] batch = 31 (its default): …
 *
 * The message is stored with the run, so the file is called what runs call it, whatever folder it is in.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

#define LONGEST_VALUE 60 /* bytes that are shown; a program is in its line anyway */

/* The setting, as one run has it. */
typedef struct {
  const KmlSection *section;
  const char *name;  /* "flusher"; "": the group as a whole */
  const char *value; /* (nullable) */
  const char *whose; /* why it has that value, where its line does not say it */
  KmlPlace place;
} Setting;

static const KmlSection *
find_section (const KmlScenario *self, const char *what, gsize length)
{
  for (guint i = 0; i < self->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);

    if (strlen (section->prefix) == length && strncmp (section->prefix, what, length) == 0)
      return section;
  }
  return NULL;
}

static void
find_value (const KmlScenario *self, const KmlRunSpec *spec, const char *what, Setting *setting)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, what);
  g_autofree guint *digits = g_new0 (guint, self->axes->len + 1);
  const KmlAssignment *assignment;
  const KmlAlternative *alternative;

  setting->value = kml_run_spec_get (spec, what);
  setting->whose = " (its default)";
  if (entry == NULL || entry->alternatives == NULL)
    return;
  kml_scenario_decode (self, self->combinations[spec->index / self->repeat], digits);
  assignment = g_ptr_array_index (entry->assignments, entry->assignments->len - 1);
  alternative = &g_array_index (entry->alternatives, KmlAlternative,
                                kml_entry_alternative (entry, digits));
  setting->place = alternative->place;
  setting->whose = setting->place.line == 0 ? " (-s)" : assignment->is_list ? " (in [sweep])" : "";
}

/* FALSE: the scenario has no such group. */
static gboolean
find_setting (const KmlScenario *self, const KmlRunSpec *spec, const char *what,
              Setting *ret_setting)
{
  const char *dot = strrchr (what, '.');
  const KmlSection *section = dot != NULL ? find_section (self, what, (gsize)(dot - what)) : NULL;

  if (section == NULL)
    return FALSE;
  *ret_setting = (Setting){
    .section = section, .name = dot + 1, .whose = "", .place = section->place
  };
  if (dot[1] != '\0')
    find_value (self, spec, what, ret_setting);
  return TRUE;
}

/* "[memory] flusher = yes" */
static void
append_setting (GString *text, const Setting *setting)
{
  g_autofree char *title = kml_section_title (setting->section);
  const gboolean is_shown = setting->value != NULL && setting->value[0] != '\0' &&
                            strlen (setting->value) <= LONGEST_VALUE;

  g_string_append (text, title);
  if (setting->name[0] != '\0')
    g_string_append_printf (text, " %s", setting->name);
  if (is_shown)
    g_string_append_printf (text, " = %s", setting->value);
  g_string_append (text, setting->whose);
}

void
kml_scenario_place_error (const KmlScenario *self, const KmlRunSpec *spec, GError **error)
{
  g_autoptr (GString) text = g_string_new (self->name);
  g_autofree char *what = error != NULL ? kml_take_blame (*error) : NULL;
  const gboolean is_of_setting = what != NULL && !g_str_has_suffix (what, ".");
  Setting setting;

  g_string_append_c (text, ':');
  if (error == NULL || (!is_of_setting && g_str_has_prefix ((*error)->message, text->str)))
    return; /* it is there already, or says the line of a recording that is its own scenario */
  if (what != NULL && find_setting (self, spec, what, &setting)) {
    if (setting.place.line > 0)
      g_string_append_printf (text, "%u:%u:", setting.place.line, setting.place.column);
    g_string_append_c (text, ' ');
    append_setting (text, &setting);
    g_string_append_c (text, ':');
  }
  g_prefix_error (error, "%s ", text->str);
}
