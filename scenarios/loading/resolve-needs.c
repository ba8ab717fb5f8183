/* resolve-needs.c: settings that say something only beside another.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where a scenario says on which CPU the reclaim daemon runs, and there is none, something else was meant: nothing that it says is left
 * out in silence. A value that is the default says nothing. What is needed may be one of several values: it is enough that any run has it, or
 * would have it without -s, so that one can sweep reclaim or turn it off and leave the rest of its settings where they are.
 */

#include "scenarios/loading/scenario-private.h"

#define HANDLER                                                                                    \
  "context = softirq or hardirq, which makes it the handler of an interrupt; a task does "         \
  "something several times with the step repeat"

/* @needed has @value, or where that is NULL anything but its default, or @key has no effect. @plugin (nullable): whose keys both are. */
static const struct {
  const char *group, *plugin, *key, *needed, *value;
  const char *text;
} needs[] = {
  { "memory", NULL, "disk", "reclaim", NULL, "reclaim = yes" },
  { "memory", NULL, "swappiness", "reclaim", NULL, "reclaim = yes" },
  { "memory", NULL, "kswapd-cpu", "reclaim", NULL, "reclaim = yes" },
  { "memory", NULL, "compaction", "reclaim", NULL, "reclaim = yes" },
  { "memory", NULL, "extfrag-threshold", "compaction", NULL, "compaction = direct or yes" },
  { "memory", NULL, "flusher", "reclaim", NULL, "reclaim = yes" },
  { "memory", NULL, "flusher-cpu", "flusher", NULL, "flusher = yes" },
  { "memory", NULL, "dirty-background-ratio", "flusher", NULL, "flusher = yes" },
  { "memory", NULL, "dirty-ratio", "flusher", NULL, "flusher = yes" },
  { "memory", NULL, "dirty-expire", "flusher", NULL, "flusher = yes" },
  { "memory", NULL, "dirty-writeback", "flusher", NULL, "flusher = yes" },
  { "record", NULL, "sampling", "events", NULL, "events = sample" },
  { "machine", NULL, "touch", "cache-model", NULL, "cache-model = NAME" },
  { "schedule", NULL, "inject-share", "inject", NULL, "inject = alloc, or another fault" },
  { "schedule", NULL, "inject-most", "inject", NULL, "inject = alloc, or another fault" },
  { "schedule", NULL, "inject-delay", "inject", NULL, "inject = alloc, or another fault" },
  { "schedule", NULL, "depth", "policy", "pct", "policy = pct" },
  { "schedule", NULL, "steps", "policy", "pct", "policy = pct" },
  { "task", NULL, "every", "context", NULL, HANDLER },
  { "task", NULL, "times", "context", NULL, HANDLER },
  { "layer", "reserve", "rate", "size", "0", "size = 0" },
  { "layer", "reserve", "holding", "size", "0", "size = 0" },
  { "layer", "reserve", "target", "size", "0", "size = 0" },
  { "workload", "synthetic", "live", "arrivals", "closed", "arrivals = closed" },
};

/* Wrong ones are not the default, and a problem already. */
static gboolean
is_default (const KmlParam *param, const char *text)
{
  KmlValue standard, value;
  gboolean is_equal;

  if (!kml_value_parse (param, text, &value, NULL))
    return FALSE;
  kml_value_parse (param, param->value, &standard, NULL);
  is_equal = kml_value_compare (&standard, &value) == 0;
  kml_value_clear (&standard);
  kml_value_clear (&value);
  return is_equal;
}

/* Of the assignment's values the first that is not the default. (nullable) */
static const KmlAlternative *
find_set (const KmlParam *param, const GArray *alternatives)
{
  for (guint i = 0; alternatives != NULL && i < alternatives->len; i++) {
    const KmlAlternative *alternative = &g_array_index (alternatives, KmlAlternative, i);

    if (!is_default (param, alternative->text))
      return alternative;
  }
  return NULL;
}

/* Whether @entry, of the parameter @param, ever has @value (nullable), or anything but its default. */
static gboolean
has_ever (const KmlEntry *entry, const KmlParam *param, const char *value)
{
  for (guint i = 0; i < entry->assignments->len; i++) {
    const KmlAssignment *assignment = g_ptr_array_index (entry->assignments, i);
    const GArray *alternatives = assignment->alternatives;

    if (value == NULL && find_set (param, alternatives) != NULL)
      return TRUE;
    for (guint j = 0; value != NULL && alternatives != NULL && j < alternatives->len; j++)
      if (g_str_equal (g_array_index (alternatives, KmlAlternative, j).text, value))
        return TRUE;
  }
  return FALSE;
}

/* Whether the file leaves it at its default; -s may say something. */
static gboolean
is_left_alone (const KmlEntry *entry)
{
  return entry == NULL ||
         ((const KmlAssignment *)g_ptr_array_index (entry->assignments, 0))->key_place.line == 0;
}

static gboolean
is_ever_set (const KmlScenario *self, const KmlSection *section, const KmlPlugin *plugin,
             const char *name, const char *value)
{
  g_autofree char *key = g_strjoin (".", section->prefix, name, NULL);
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, key);
  const KmlParam *param = kml_section_find_param (section, plugin, name);

  return (entry != NULL && has_ever (entry, param, value)) ||
         (is_left_alone (entry) && g_strcmp0 (param->value, value) == 0);
}

/* Of the group, or of one of the plug-ins that its section can have. *@ret_plugin (nullable). FALSE: not here. */
static gboolean
find_plugin (const KmlSection *section, const char *name, const KmlPlugin **ret_plugin)
{
  *ret_plugin = NULL;
  for (guint i = 0; name != NULL && i < section->chosen->len; i++) {
    const KmlPlugin *plugin = g_ptr_array_index (section->chosen, i);

    if (plugin != NULL && g_str_equal (plugin->name, name))
      *ret_plugin = plugin;
  }
  return name == NULL || *ret_plugin != NULL;
}

static void
check_entry (KmlScenario *self, const KmlEntry *entry)
{
  const KmlSection *section = entry->section;

  for (guint i = 0; i < G_N_ELEMENTS (needs); i++) {
    const KmlPlugin *plugin;
    const KmlParam *param;
    const KmlAlternative *set;

    if (!g_str_equal (section->info->name, needs[i].group) ||
        !g_str_equal (entry->name, needs[i].key) ||
        !find_plugin (section, needs[i].plugin, &plugin))
      continue;
    param = kml_section_find_param (section, plugin, entry->name);
    set = find_set (param, entry->alternatives);
    if (set != NULL && kml_entry_is_right (self, entry, param, set, NULL) &&
        !is_ever_set (self, section, plugin, needs[i].needed, needs[i].value))
      kml_scenario_problem (self, set->place, "%s has no effect without %s",
                            set->place.line > 0 ? entry->name : entry->key, needs[i].text);
  }
}

static void
check_section (KmlScenario *self, const KmlSection *section)
{
  const KmlEntry *reclaim = g_hash_table_lookup (self->by_key, "memory.reclaim");

  if (g_str_equal (section->info->name, "mapping") &&
      (reclaim == NULL ||
       !has_ever (reclaim, kml_section_find_param (reclaim->section, NULL, reclaim->name), NULL)))
    kml_scenario_problem (self, section->place,
                          "its pages could never be taken back: expected [memory] reclaim = yes");
}

void
kml_scenario_resolve_needs (KmlScenario *self)
{
  for (guint i = 0; i < self->entries->len && !kml_scenario_is_hopeless (self); i++)
    check_entry (self, g_ptr_array_index (self->entries, i));
  for (guint i = 0; i < self->sections->len && !kml_scenario_is_hopeless (self); i++)
    check_section (self, g_ptr_array_index (self->sections, i));
}
