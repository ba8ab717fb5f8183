/* resolve.c: what the assignments mean, and whether they may.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Choosers first: which plug-ins a section has decides which keys it has. A key
 * is legal if any plug-in that is named anywhere has it, in the group, in
 * [sweep] or in an override: so `-s pages.allocator=bump` works on a file that sets
 * a parameter of buddy, and a sweep over allocators may set parameters of each.
 * A run has only those that its own plug-in has. The value that counts has to be right for every plug-in
 * that is chosen and has the key; one that is overridden, or that no chosen plug-in has, for any that is named anywhere.
 */

#include "scenarios/loading/bin-file.h"
#include "scenarios/loading/scenario-private.h"

#include "simcore/base/units.h"

/* ---- Parameters ---- */

const KmlParam *
kml_section_find_param (const KmlSection *self, const KmlPlugin *plugin, const char *name)
{
  const KmlParam *param = kml_param_find (self->info->params, name);

  return param != NULL || plugin == NULL ? param : kml_param_find (plugin->params, name);
}

static void
add_param_names (GPtrArray *names, const KmlParam *table)
{
  for (; table != NULL && table->name != NULL; table++)
    g_ptr_array_add (names, (gpointer)table->name);
}

/* A name that the section does not know, but would with another plug-in. */
static const KmlPlugin *
find_other_owner (const KmlSection *section, const char *name)
{
  for (guint i = 0; section->plugins != NULL && i < section->plugins->len; i++) {
    const KmlPlugin *plugin = &g_array_index (section->plugins, KmlPlugin, i);

    if (kml_param_find (plugin->params, name) != NULL)
      return plugin;
  }
  return NULL;
}

static char *
join_plugin_names (const GPtrArray *plugins)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < plugins->len; i++) {
    const KmlPlugin *plugin = g_ptr_array_index (plugins, i);

    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", plugin->name);
  }
  return g_string_free (text, FALSE);
}

static void
unknown_key (KmlScenario *self, const KmlEntry *entry, KmlPlace place)
{
  const KmlSection *section = entry->section;
  const KmlPlugin *owner = find_other_owner (section, entry->name);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *title = kml_section_title (section);
  g_autofree char *quoted = kml_quote (entry->name, -1);
  g_autofree char *suggestion = NULL;
  g_autofree char *uses = NULL;

  if (owner != NULL && section->possible->len == 0)
    return; /* the chooser is wrong, and that was said */
  if (owner != NULL) {
    uses = join_plugin_names (section->possible);
    kml_scenario_problem (self, place, "%s belongs to %s; %s uses %s", quoted, owner->name, title,
                          uses);
    return;
  }
  add_param_names (names, section->info->params);
  for (guint i = 0; i < section->possible->len; i++)
    add_param_names (names, ((const KmlPlugin *)g_ptr_array_index (section->possible, i))->params);
  g_ptr_array_add (names, NULL);
  suggestion = kml_schema_suggest (entry->name, (const char *const *)names->pdata);
  kml_scenario_problem (self, place, "unknown key %s in %s%s", quoted, title, suggestion);
}

const KmlParam *
kml_entry_check_key (KmlScenario *self, KmlEntry *entry, KmlPlace place)
{
  const KmlParam *param = kml_section_find_param (entry->section, NULL, entry->name);

  for (guint i = 0; param == NULL && i < entry->section->possible->len; i++)
    param = kml_section_find_param (entry->section, g_ptr_array_index (entry->section->possible, i),
                                    entry->name);
  if (param == NULL)
    unknown_key (self, entry, place);
  return param;
}

/* ---- Choosers ---- */

/* KmlIsValue. @data: (element-type KmlPlugin) */
static gboolean
is_plugin (const char *piece, gconstpointer data)
{
  return kml_schema_find_plugin (data, piece) != NULL;
}

/* When there is none of that name, a problem is added, and the nearest is what the section's keys are checked against.
 * (nullable) */
static const KmlPlugin *
find_plugin (KmlScenario *self, const KmlSection *section, const char *name, KmlPlace place)
{
  const KmlPlugin *plugin = kml_schema_find_plugin (section->plugins, name);
  const char *nearest;
  g_autoptr (GPtrArray) names = NULL;
  g_autofree char *quoted = NULL;
  g_autofree char *suggestion = NULL;
  g_autofree char *title = NULL;

  if (plugin != NULL)
    return plugin;
  names = g_ptr_array_new ();
  for (guint i = 0; i < section->plugins->len; i++)
    g_ptr_array_add (names, (gpointer)g_array_index (section->plugins, KmlPlugin, i).name);
  g_ptr_array_add (names, NULL);
  quoted = kml_quote (name, -1);
  suggestion = kml_sweep_suggest (name, is_plugin, section->plugins);
  if (suggestion == NULL)
    suggestion = kml_schema_suggest_place (name);
  if (suggestion == NULL)
    suggestion = kml_schema_suggest (name, (const char *const *)names->pdata);
  title = kml_section_title (section);
  kml_scenario_problem (self, place, "unknown %s %s in %s%s", section->info->chooser, quoted, title,
                        suggestion);
  nearest = kml_nearest_name (name, (const char *const *)names->pdata);
  return nearest != NULL ? kml_schema_find_plugin (section->plugins, nearest) : NULL;
}

static void
add_possible (KmlSection *section, const KmlPlugin *plugin)
{
  if (!g_ptr_array_find (section->possible, plugin, NULL))
    g_ptr_array_add (section->possible, (gpointer)plugin);
}

/* Nobody named a plug-in: the group's default, if it has one. */
static void
choose_default (KmlScenario *self, KmlSection *section, const KmlParam *param)
{
  g_autofree char *title = kml_section_title (section);
  const KmlPlugin *plugin;

  if (param->value == NULL) {
    kml_scenario_problem (self, section->place, "%s lacks the key “%s”: %s", title, param->name,
                          param->summary);
    return;
  }
  plugin = find_plugin (self, section, param->value, section->place);
  if (plugin == NULL)
    return;
  add_possible (section, plugin);
  g_ptr_array_add (section->chosen, (gpointer)plugin);
}

static void
resolve_chooser (KmlScenario *self, KmlSection *section)
{
  const KmlParam *param;
  KmlEntry *entry = section->chooser;

  if (section->info->chooser == NULL) {
    g_ptr_array_add (section->chosen, NULL);
    return;
  }
  param = kml_param_find (section->info->params, section->info->chooser);
  g_assert (param != NULL); /* a chooser is a parameter of its group */
  if (entry == NULL || entry->assignments->len == 0) {
    choose_default (self, section, param);
    return;
  }
  for (guint i = 0; i < entry->assignments->len; i++) {
    KmlAssignment *assignment = g_ptr_array_index (entry->assignments, i);

    kml_scenario_expand (self, assignment, param);
    g_ptr_array_set_size (section->chosen, 0);
    for (guint j = 0; j < assignment->alternatives->len; j++) {
      const KmlAlternative *alternative = &g_array_index (assignment->alternatives, KmlAlternative,
                                                          j);
      const KmlPlugin *plugin = find_plugin (self, section, alternative->text, alternative->place);

      if (plugin == NULL)
        continue;
      add_possible (section, plugin);
      g_ptr_array_add (section->chosen, (gpointer)plugin);
    }
    entry->alternatives = assignment->alternatives;
  }
}

/* ---- Values ---- */

/* What the types and bounds of parameters cannot say. */
static gboolean
check_special (const KmlScenario *self, const KmlEntry *entry, const char *text, GError **error)
{
  KmlTime costs[KML_N_COSTS];
  KmlCachesConfig caches;
  KmlBinSet set;

  if (g_str_equal (entry->key, "machine.profile")) {
    g_autofree char *path = kml_scenario_locate (self, text);

    return kml_profile_load (text, path, costs, error);
  }
  if (g_str_equal (entry->key, "machine.cache-model") && !g_str_equal (text, KML_NO_CACHE_MODEL)) {
    g_autofree char *path = kml_scenario_locate (self, text);

    return kml_cache_model_load (text, path, &caches, error);
  }
  if (g_str_equal (entry->key, "objects.bins") && kml_bins_is_file (text)) {
    g_autofree char *path = kml_scenario_locate (self, text);

    if (!kml_bin_file_load (path, &set, error))
      return FALSE;
    kml_bin_set_clear (&set);
  }
  return TRUE;
}

/* @plugin: (nullable): whose parameter it is, not all of the group's. */
static void
value_problem (KmlScenario *self, const KmlEntry *entry, const KmlAlternative *alternative,
               const KmlPlugin *plugin, const GError *error)
{
  kml_scenario_problem (self, alternative->place, "%s%s%s: %s",
                        alternative->place.line > 0 ? entry->name : entry->key,
                        plugin != NULL ? " of " : "", plugin != NULL ? plugin->name : "",
                        error->message);
}

/* Nothing is no value of what has a form; -s KEY= takes back what the file says. */
static gboolean
check_empty (const KmlParam *param, const KmlAlternative *alternative, GError **error)
{
  const gboolean has_form = param->type == KML_PARAM_FLAGS || param->grammar != NULL;

  if (alternative->text[0] != '\0' || !has_form ||
      (alternative->place.line == 0 && g_strcmp0 (param->value, "") == 0))
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected %s, not nothing",
               param->grammar != NULL ? param->grammar : "flags such as GFP_KERNEL");
  return FALSE;
}

/* KmlIsValue, of a #KmlParam. A list of numbers can be one value that is wrong: 64,8 as sizes of bins. */
static gboolean
is_value (const char *piece, gconstpointer data)
{
  const KmlParam *param = data;

  return (kml_value_is_ordered (param) || !g_ascii_isdigit (piece[0])) &&
         kml_param_parse (param, piece, NULL, NULL);
}

static gboolean
check_form (const KmlParam *param, const char *text, GError **error)
{
  g_autofree char *suggestion = NULL;

  if (kml_param_parse (param, text, NULL, error))
    return TRUE;
  if (param->type != KML_PARAM_FLAGS)
    suggestion = kml_sweep_suggest (text, is_value, param);
  if (suggestion != NULL) {
    g_autofree char *quoted = kml_quote (text, -1);

    g_clear_error (error);
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected one value, not %s%s", quoted,
                 suggestion);
  }
  return FALSE;
}

gboolean
kml_entry_is_right (const KmlScenario *self, const KmlEntry *entry, const KmlParam *param,
                    const KmlAlternative *alternative, GError **error)
{
  const char *text = alternative->text;

  return check_empty (param, alternative, error) && check_form (param, text, error) &&
         check_special (self, entry, text, error);
}

/* For every one of @plugins (element-type KmlPlugin) that has the key. @ret_n: how many have. */
static void
check_for_every (KmlScenario *self, const KmlEntry *entry, const KmlAlternative *alternative,
                 const GPtrArray *plugins, guint *ret_n)
{
  const guint n_before = self->problems->len;

  *ret_n = 0;
  for (guint i = 0; i < plugins->len && self->problems->len == n_before; i++) {
    const KmlPlugin *plugin = g_ptr_array_index (plugins, i);
    const KmlParam *param = kml_section_find_param (entry->section, plugin, entry->name);
    g_autoptr (GError) error = NULL;

    if (param == NULL)
      continue;
    ++*ret_n;
    if (!kml_entry_is_right (self, entry, param, alternative, &error))
      value_problem (self, entry, alternative, plugins->len > 1 ? plugin : NULL, error);
  }
}

/* For any that is possible. */
static void
check_for_any (KmlScenario *self, const KmlEntry *entry, const KmlAlternative *alternative)
{
  const GPtrArray *possible = entry->section->possible;
  const KmlPlugin *last = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < possible->len; i++) {
    const KmlPlugin *plugin = g_ptr_array_index (possible, i);
    const KmlParam *param = kml_section_find_param (entry->section, plugin, entry->name);

    if (param == NULL)
      continue;
    g_clear_error (&error);
    if (kml_entry_is_right (self, entry, param, alternative, &error))
      return;
    last = plugin;
  }
  if (last != NULL)
    value_problem (self, entry, alternative, possible->len > 1 ? last : NULL, error);
}

/* @counts: no later assignment overrides it. */
static void
check_values (KmlScenario *self, const KmlEntry *entry, const GArray *alternatives, gboolean counts)
{
  const KmlSection *section = entry->section;
  const KmlParam *own = kml_section_find_param (section, NULL, entry->name);

  if (kml_entry_is_program (entry))
    return; /* all of it is looked at, with the other programs, when what they can name is known */
  for (guint i = 0; i < alternatives->len && !kml_scenario_is_hopeless (self); i++) {
    const KmlAlternative *alternative = &g_array_index (alternatives, KmlAlternative, i);
    g_autoptr (GError) error = NULL;
    guint n = 0;

    if (own != NULL) {
      if (!kml_entry_is_right (self, entry, own, alternative, &error))
        value_problem (self, entry, alternative, NULL, error);
      continue;
    }
    if (counts)
      check_for_every (self, entry, alternative, section->chosen, &n);
    if (n == 0)
      check_for_any (self, entry, alternative);
  }
}

static void
resolve_entry (KmlScenario *self, KmlEntry *entry)
{
  for (guint i = 0; i < entry->assignments->len; i++) {
    KmlAssignment *assignment = g_ptr_array_index (entry->assignments, i);
    const KmlParam *param = kml_entry_check_key (self, entry, assignment->key_place);

    if (param == NULL)
      continue;
    kml_scenario_expand (self, assignment, param);
    check_values (self, entry, assignment->alternatives, i + 1 == entry->assignments->len);
    entry->alternatives = assignment->alternatives;
  }
}

static void
resolve_applies (KmlEntry *entry)
{
  const KmlSection *section = entry->section;

  entry->applies = g_new0 (guint8, section->chosen->len + 1);
  for (guint i = 0; i < section->chosen->len; i++)
    entry->applies[i] = kml_section_find_param (section, g_ptr_array_index (section->chosen, i),
                                                entry->name) != NULL;
}

/* ---- What is missing ---- */

static gboolean
is_assigned (const KmlScenario *self, const char *key)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, key);

  return entry != NULL && entry->assignments->len > 0;
}

static void
check_compulsory (KmlScenario *self, const KmlSection *section, const KmlParam *table,
                  const char *whose)
{
  for (; table != NULL && table->name != NULL; table++) {
    g_autofree char *key = NULL;
    g_autofree char *title = NULL;

    if (table->value != NULL || g_strcmp0 (table->name, section->info->chooser) == 0)
      continue;
    key = g_strjoin (".", section->prefix, table->name, NULL);
    if (is_assigned (self, key))
      continue;
    title = kml_section_title (section);
    kml_scenario_problem (self, section->place, "%s lacks the key “%s”%s%s: %s", title, table->name,
                          whose != NULL ? ", which it needs with " : "", whose != NULL ? whose : "",
                          table->summary);
  }
}

/* The first section of a group. (nullable) */
static const KmlSection *
find_section (const KmlScenario *self, const char *group)
{
  for (guint i = 0; i < self->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);

    if (g_str_equal (section->info->name, group))
      return section;
  }
  return NULL;
}

/* What tasks alone use. */
static gboolean
is_for_tasks (const KmlSection *section)
{
  static const char *const groups[] = { "lock", "pager", "pool", "region", NULL };

  return g_strv_contains (groups, section->info->name);
}

/* Something must be done, and it is done by tasks or straight: nothing that a scenario asks for is left out in silence. */
static void
check_workloads (KmlScenario *self)
{
  const KmlSection *workload = find_section (self, "workload");
  const gboolean has_tasks = find_section (self, "task") != NULL ||
                             find_section (self, "device") != NULL;

  if (workload == NULL && !has_tasks && !self->lacks_groups)
    kml_scenario_problem (
        self, (KmlPlace){ self->file, 0, 0 },
        "there is no workload: a scenario has at least one group [workload NAME] or [task NAME]");
  if (workload != NULL && has_tasks && !is_assigned (self, "schedule.replay"))
    kml_scenario_problem (self, workload->place,
                          "beside tasks and devices a workload is replayed on the CPUs: say "
                          "[schedule] replay = cpus");
  for (guint i = 0; i < self->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);

    if (section->place.line > 0 && is_for_tasks (section) && !has_tasks &&
        !is_assigned (self, "schedule.replay"))
      kml_scenario_problem (
          self, section->place,
          "who would use it? Expected a [task NAME], or [schedule] replay = cpus");
  }
}

/* ---- All of it ---- */

void
kml_scenario_resolve (KmlScenario *self)
{
  for (guint i = 0; i < self->sections->len && !kml_scenario_is_hopeless (self); i++)
    resolve_chooser (self, g_ptr_array_index (self->sections, i));
  for (guint i = 0; i < self->entries->len && !kml_scenario_is_hopeless (self); i++) {
    KmlEntry *entry = g_ptr_array_index (self->entries, i);

    if (entry != entry->section->chooser)
      resolve_entry (self, entry);
    resolve_applies (entry);
  }
  for (guint i = 0; i < self->sections->len && !kml_scenario_is_hopeless (self); i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);

    check_compulsory (self, section, section->info->params, NULL);
    for (guint j = 0; j < section->chosen->len; j++) {
      const KmlPlugin *plugin = g_ptr_array_index (section->chosen, j);

      if (plugin != NULL)
        check_compulsory (self, section, plugin->params, plugin->name);
    }
  }
  check_workloads (self);
  kml_scenario_resolve_names (self);
  kml_scenario_resolve_needs (self);
  kml_scenario_resolve_cpus (self);
}
