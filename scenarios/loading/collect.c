/* collect.c: who says what of which setting.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Groups of the file become sections, their keys entries with an assignment
 * each. A line of [sweep] and an override (-s group.key=value) are assignments
 * to the same entries, under the setting's full name. Nothing is known here of
 * which keys there are.
 *
 * An override can bring in a group that the file does not have: a named one
 * (a workload) by naming its chooser, -s workload.web.kind=synthetic.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

#include "simcore/base/units.h"

#define OVERRIDE_FILE "-s"

/* ---- Sections and entries ---- */

static KmlAssignment *
assignment_new (KmlPlace key_place, KmlPlace value_place, const char *text, gboolean verbatim)
{
  KmlAssignment *self = g_new0 (KmlAssignment, 1);

  self->key_place = key_place;
  self->value_place = value_place;
  self->text = g_strdup (text);
  self->verbatim = verbatim;
  return self;
}

void
kml_assignment_free (KmlAssignment *self)
{
  if (self == NULL)
    return;
  g_free (self->text);
  if (self->alternatives != NULL)
    g_array_unref (self->alternatives);
  g_free (self);
}

KmlPlace
kml_assignment_place (const KmlAssignment *self, gsize at)
{
  KmlPlace place = self->value_place;

  if (self->verbatim && place.line > 0)
    place.column += (guint)g_utf8_strlen (self->text, (gssize)at);
  return place;
}

void
kml_entry_free (KmlEntry *self)
{
  g_free (self->key);
  g_ptr_array_unref (self->assignments);
  g_free (self->applies);
  g_free (self);
}

void
kml_section_free (KmlSection *self)
{
  g_free (self->name);
  g_free (self->prefix);
  if (self->plugins != NULL)
    g_array_unref (self->plugins);
  g_ptr_array_unref (self->possible);
  g_ptr_array_unref (self->chosen);
  g_free (self);
}

char *
kml_section_title (const KmlSection *self)
{
  if (self->name[0] == '\0')
    return g_strdup_printf ("[%s]", self->info->name);
  return g_strdup_printf ("[%s %s]", self->info->name, self->name);
}

static KmlSection *
find_section (const KmlScenario *self, const KmlGroupInfo *info, const char *name)
{
  for (guint i = 0; i < self->sections->len; i++) {
    KmlSection *section = g_ptr_array_index (self->sections, i);

    if (section->info == info && g_str_equal (section->name, name))
      return section;
  }
  return NULL;
}

static KmlSection *
add_section (KmlScenario *self, const KmlGroupInfo *info, const char *name, KmlPlace place)
{
  KmlSection *section = g_new0 (KmlSection, 1);

  section->info = info;
  section->name = g_strdup (name);
  section->prefix = name[0] == '\0' ? g_strdup (info->name)
                                    : g_strjoin (".", info->name, name, NULL);
  section->place = place;
  section->plugins = info->plugins != NULL ? info->plugins () : NULL;
  section->possible = g_ptr_array_new ();
  section->chosen = g_ptr_array_new ();
  g_ptr_array_add (self->sections, section);
  return section;
}

static KmlEntry *
get_entry (KmlScenario *self, KmlSection *section, const char *name)
{
  g_autofree char *key = g_strjoin (".", section->prefix, name, NULL);
  KmlEntry *entry = g_hash_table_lookup (self->by_key, key);

  if (entry != NULL)
    return entry;
  entry = g_new0 (KmlEntry, 1);
  entry->section = section;
  entry->key = g_steal_pointer (&key);
  entry->name = entry->key + strlen (section->prefix) + 1;
  entry->assignments = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_assignment_free);
  entry->axis = -1;
  g_ptr_array_add (self->entries, entry);
  g_hash_table_insert (self->by_key, entry->key, entry);
  if (g_strcmp0 (section->info->chooser, name) == 0)
    section->chooser = entry;
  return entry;
}

/* ---- Names of settings ---- */

/* Names of the groups that settings can be in, or of the instances of one. NULL-terminated (transfer container) */
static GPtrArray *
list_group_names (gboolean settings_only)
{
  GPtrArray *names = g_ptr_array_new ();

  for (const KmlGroupInfo *info = kml_scenario_groups; info->name != NULL; info++)
    if (!settings_only || info->kind == KML_GROUP_SETTINGS)
      g_ptr_array_add (names, (gpointer)info->name);
  g_ptr_array_add (names, NULL);
  return names;
}

static GPtrArray *
list_instances (const KmlScenario *self, const KmlGroupInfo *info)
{
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < self->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);

    if (section->info == info)
      g_ptr_array_add (names, section->name);
  }
  g_ptr_array_add (names, NULL);
  return names;
}

/* Adds the problem. Returns the group that was probably meant (nullable). */
static const KmlGroupInfo *
unknown_group (KmlScenario *self, KmlPlace place, const char *name, gboolean settings_only)
{
  g_autoptr (GPtrArray) names = list_group_names (settings_only);
  g_autofree char *quoted = kml_quote (name, -1);
  g_autofree char *suggestion = kml_schema_suggest_place (name);
  const char *nearest = kml_nearest_name (name, (const char *const *)names->pdata);

  if (suggestion == NULL)
    suggestion = kml_schema_suggest (name, (const char *const *)names->pdata);
  kml_scenario_problem (self, place, "unknown group %s%s", quoted, suggestion);
  return nearest != NULL ? kml_schema_find_group (nearest) : NULL;
}

/* Names of instances are a part of names of settings, so they have no dots. What lacks its name is told, and gone on with. */
static gboolean
check_instance_name (KmlScenario *self, const KmlGroupInfo *info, const char *name, KmlPlace place)
{
  g_autofree char *quoted = NULL;
  g_autoptr (GPtrArray) instances = NULL;
  gsize length = strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

  if (name[0] != '\0' && !info->named) {
    kml_scenario_problem (self, place, "there is one [%s] only, which has no name", info->name);
    return FALSE;
  }
  if (name[0] == '\0' && info->needs_name)
    kml_scenario_problem (self, place, "[%s] needs a name: expected [%s NAME]", info->name,
                          info->name);
  if (name[length] != '\0' || length > 64) {
    quoted = kml_quote (name, -1);
    kml_scenario_problem (
        self, place, "%s is not a name: expected up to 64 letters, digits, “-” and “_”", quoted);
    return FALSE;
  }
  instances = list_instances (self, info);
  if (instances->len > KML_SCENARIO_MAX_INSTANCES) {
    kml_scenario_problem (self, place, "more than %d groups [%s NAME]", KML_SCENARIO_MAX_INSTANCES,
                          info->name);
    return FALSE;
  }
  return TRUE;
}

/* [workload NAME] by name, or without one: the plain [workload], or the only one. */
static KmlSection *
refer_to_instance (KmlScenario *self, const KmlGroupInfo *info, const char *name, KmlPlace place)
{
  g_autoptr (GPtrArray) instances = list_instances (self, info);
  g_autofree char *suggestion = NULL;
  g_autofree char *quoted = NULL;
  KmlSection *section = find_section (self, info, name != NULL ? name : "");

  if (section != NULL)
    return section;
  if (name == NULL && instances->len == 2)
    return find_section (self, info, g_ptr_array_index (instances, 0));

  if (instances->len == 1) {
    kml_scenario_problem (self, place, "there is no [%s] in this scenario", info->name);
  } else if (name == NULL) {
    g_autofree char *names = g_strjoinv (", ", (char **)instances->pdata);

    kml_scenario_problem (self, place, "there are several [%s NAME]: %s; write %s.NAME.key",
                          info->name, names, info->name);
  } else if (instances->len == 2 && ((char *)g_ptr_array_index (instances, 0))[0] == '\0') {
    quoted = kml_quote (name, -1);
    kml_scenario_problem (self, place,
                          "there is no [%s NAME] with the name %s: the only [%s] has none; write "
                          "%s.key",
                          info->name, quoted, info->name, info->name);
  } else {
    quoted = kml_quote (name, -1);
    suggestion = kml_schema_suggest (name, (const char *const *)instances->pdata);
    kml_scenario_problem (self, place, "there is no [%s NAME] with the name %s%s", info->name,
                          quoted, suggestion);
  }
  return NULL;
}

KmlEntry *
kml_scenario_refer (KmlScenario *self, const char *path, KmlPlace place)
{
  g_auto (GStrv) parts = g_strsplit (path, ".", 4);
  const guint n = g_strv_length (parts);
  g_autofree char *quoted = kml_quote (path, -1);
  const KmlGroupInfo *info = NULL;
  KmlSection *section;

  if (n < 2 || n > 3 || parts[n - 1][0] == '\0') {
    kml_scenario_problem (
        self, place, "%s is not the name of a setting: expected group.key, such as machine.cpus",
        quoted);
    return NULL;
  }
  info = kml_schema_find_group (parts[0]);
  if (info == NULL && n == 2 && strchr (parts[0], ' ') != NULL) {
    g_strdelimit (parts[0], " ", '.'); /* as a heading of a file has it: [workload NAME] */
    kml_scenario_problem (self, place, "%s is not the name of a setting: expected %s.%s", quoted,
                          parts[0], parts[1]);
    return NULL;
  }
  if (info == NULL || info->kind != KML_GROUP_SETTINGS) {
    unknown_group (self, place, parts[0], TRUE);
    return NULL;
  }
  if (n == 3 && !info->named) {
    kml_scenario_problem (self, place, "%s is not the name of a setting: expected %s.key", quoted,
                          info->name);
    return NULL;
  }
  section = refer_to_instance (self, info, n == 3 ? parts[1] : info->named ? NULL : "", place);
  return section != NULL ? get_entry (self, section, parts[n - 1]) : NULL;
}

/* ---- The file ---- */

static void
assign_from_file (KmlScenario *self, KmlEntry *entry, const KmlKeyFileEntry *line, gboolean is_list)
{
  KmlAssignment *assignment = assignment_new (
      (KmlPlace){ self->file, line->line, line->column },
      (KmlPlace){ self->file, line->line, line->value_column }, line->value, line->verbatim);

  assignment->is_list = is_list;
  g_ptr_array_add (entry->assignments, assignment);
}

/* What the group is. One that there is not is taken for what was meant, unless the file has that too: so what is wrong
 * in it is told at once. NULL after a problem with which nothing can be done. */
static const KmlGroupInfo *
identify_group (KmlScenario *self, const KmlKeyFile *file, const char *word, const char *name,
                KmlPlace place)
{
  const KmlGroupInfo *info = kml_schema_find_group (word);
  g_autofree char *meant = NULL;

  if (info != NULL)
    return check_instance_name (self, info, name, place) ? info : NULL;
  info = unknown_group (self, place, word, FALSE);
  if (info == NULL || (!info->named && name[0] != '\0') || find_section (self, info, name) != NULL)
    return NULL;
  meant = name[0] == '\0' ? g_strdup (info->name) : g_strjoin (" ", info->name, name, NULL);
  return kml_key_file_find_group (file, meant) == NULL ? info : NULL;
}

static void
collect_group (KmlScenario *self, const KmlKeyFile *file, const KmlKeyFileGroup *group,
               KmlCollected *collected)
{
  g_auto (GStrv) words = g_strsplit (group->name, " ", 2);
  const char *name = words[1] != NULL ? words[1] : "";
  const KmlPlace place = { self->file, group->line, group->column };
  const KmlGroupInfo *info = identify_group (self, file, words[0], name, place);
  KmlSection *section;

  self->lacks_groups |= info == NULL;
  if (info == NULL)
    return;
  if (info->kind == KML_GROUP_SWEEP) {
    collected->sweep = group;
    return;
  }
  if (info->kind == KML_GROUP_EXPECT) {
    g_ptr_array_add (collected->expects, (gpointer)group);
    return;
  }
  section = add_section (self, info, name, place);
  for (guint i = 0; i < group->entries->len; i++) {
    const KmlKeyFileEntry *line = g_ptr_array_index (group->entries, i);

    assign_from_file (self, get_entry (self, section, line->key), line, FALSE);
  }
}

static void
add_axis (KmlScenario *self, KmlEntry *entry)
{
  if (!g_ptr_array_find (self->axes, entry, NULL))
    g_ptr_array_add (self->axes, entry);
}

static KmlAssignment **
find_own_key (KmlCollected *collected, const char *key)
{
  if (g_str_equal (key, "repeat"))
    return &collected->repeat;
  return g_str_equal (key, "constraint") ? &collected->constraint : NULL;
}

static void
collect_sweep (KmlScenario *self, KmlCollected *collected)
{
  for (guint i = 0; collected->sweep != NULL && i < collected->sweep->entries->len; i++) {
    const KmlKeyFileEntry *line = g_ptr_array_index (collected->sweep->entries, i);
    const KmlPlace place = { self->file, line->line, line->column };
    KmlAssignment **own = find_own_key (collected, line->key);
    KmlEntry *entry;

    if (kml_scenario_is_hopeless (self))
      return;
    if (own != NULL) {
      *own = assignment_new (place, (KmlPlace){ self->file, line->line, line->value_column },
                             line->value, line->verbatim);
      continue;
    }
    if (strchr (line->key, '.') == NULL) {
      g_autofree char *quoted = kml_quote (line->key, -1);

      kml_scenario_problem (
          self, place,
          "unknown key %s in [sweep]: expected repeat, constraint, or the full name "
          "of a setting, such as machine.cpus",
          quoted);
      continue;
    }
    entry = kml_scenario_refer (self, line->key, place);
    if (entry == NULL)
      continue;
    if (kml_scenario_is_prose (entry->key)) {
      kml_scenario_problem (self, place, "%s cannot be swept", entry->key);
      continue;
    }
    assign_from_file (self, entry, line, TRUE);
    add_axis (self, entry);
  }
}

/* ---- Overrides ---- */

/* "group.key" and "value" of "group.key = value". (transfer full); FALSE: there is no "=". */
static gboolean
split_override (const char *text, char **ret_path, char **ret_value)
{
  const char *equals = strchr (text, '=');

  if (equals == NULL || !g_utf8_validate (text, -1, NULL))
    return FALSE;
  *ret_path = g_strstrip (g_strndup (text, (gsize)(equals - text)));
  *ret_value = g_strstrip (g_strdup (equals + 1));
  if (g_str_has_prefix (*ret_path, "sweep.") && strchr (*ret_path + strlen ("sweep."), '.') != NULL)
    memmove (*ret_path, *ret_path + strlen ("sweep."), strlen (*ret_path + strlen ("sweep.")) + 1);
  return TRUE;
}

/* -s workload.web.kind=… brings in [workload web]. */
static void
introduce_section (KmlScenario *self, const char *path, KmlPlace place)
{
  g_auto (GStrv) parts = g_strsplit (path, ".", 4);
  const guint n = g_strv_length (parts);
  const KmlGroupInfo *info;
  const char *name;

  if (n < 2 || n > 3)
    return;
  info = kml_schema_find_group (parts[0]);
  if (info == NULL || !info->named || g_strcmp0 (info->chooser, parts[n - 1]) != 0)
    return;
  name = n == 3 ? parts[1] : "";
  if (n == 2) {
    g_autoptr (GPtrArray) instances = list_instances (self, info);

    if (instances->len > 1)
      return; /* it means one that is there */
  }
  if (find_section (self, info, name) == NULL && check_instance_name (self, info, name, place))
    add_section (self, info, name, place);
}

static gboolean
check_override_text (KmlScenario *self, const char *value, const char *path, KmlPlace place)
{
  for (const char *c = value; *c != '\0'; c++) {
    if (g_ascii_iscntrl (*c) && *c != '\t') {
      g_autofree char *quoted = kml_quote (value, -1);

      kml_scenario_problem (
          self, place, "%s: a value is one line without control characters, not %s", path, quoted);
      return FALSE;
    }
  }
  return TRUE;
}

static void
collect_override (KmlScenario *self, const char *text, KmlPlace place, KmlCollected *collected)
{
  g_autofree char *path = NULL;
  g_autofree char *value = NULL;
  KmlAssignment *assignment;
  KmlAssignment **own = NULL;
  KmlEntry *entry;

  if (!split_override (text, &path, &value)) {
    g_autofree char *quoted = kml_quote (text, -1);

    kml_scenario_problem (self, place, "%s is not a setting: expected group.key=value", quoted);
    return;
  }
  if (!check_override_text (self, value, path, place))
    return;
  if (g_str_has_prefix (path, "sweep."))
    own = find_own_key (collected, path + strlen ("sweep."));
  if (own != NULL) {
    kml_assignment_free (*own);
    *own = assignment_new (place, place, value, TRUE);
    return;
  }
  entry = kml_scenario_refer (self, path, place);
  if (entry == NULL)
    return;
  assignment = assignment_new (place, place, value, TRUE);
  assignment->is_list = !kml_scenario_is_prose (entry->key);
  g_ptr_array_add (entry->assignments, assignment);
  if (assignment->is_list)
    add_axis (self, entry);
}

static void
collect_overrides (KmlScenario *self, KmlCollected *collected)
{
  for (guint i = 0; self->overrides[i] != NULL; i++) {
    g_autofree char *path = NULL;
    g_autofree char *value = NULL;

    if (split_override (self->overrides[i], &path, &value))
      introduce_section (self, path, (KmlPlace){ OVERRIDE_FILE, 0, i + 1 });
  }
  for (guint i = 0; self->overrides[i] != NULL && !kml_scenario_is_hopeless (self); i++)
    collect_override (self, self->overrides[i], (KmlPlace){ OVERRIDE_FILE, 0, i + 1 }, collected);
}

/* ---- All of it ---- */

void
kml_scenario_collect (KmlScenario *self, const KmlKeyFile *file, KmlCollected *ret_collected)
{
  *ret_collected = (KmlCollected){ .expects = g_ptr_array_new () };
  self->lacks_groups = file->lacks_groups;
  for (guint i = 0; i < file->groups->len && !kml_scenario_is_hopeless (self); i++)
    collect_group (self, file, g_ptr_array_index (file->groups, i), ret_collected);
  for (const KmlGroupInfo *info = kml_scenario_groups; info->name != NULL; info++)
    if (info->kind == KML_GROUP_SETTINGS && !info->named && find_section (self, info, "") == NULL)
      add_section (self, info, "", (KmlPlace){ self->file, 0, 0 });
  collect_sweep (self, ret_collected);
  collect_overrides (self, ret_collected);
}

void
kml_collected_clear (KmlCollected *self)
{
  g_ptr_array_unref (self->expects);
  kml_assignment_free (self->repeat);
  kml_assignment_free (self->constraint);
}
