/* resolve-needs.c: settings that say something only beside another.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where a scenario says on which CPU the reclaim daemon runs, and there is none, something else was meant: nothing that it says is left
 * out in silence. A value that is the default says nothing. What is needed may be one of several values: it is enough that any run has it, or
 * would have it without -s, so that one can sweep reclaim or turn it off and leave the rest of its settings where they are.
 */

#include "scenarios/scenario-private.h"

/* @needed is set to anything but its default, or @key has no effect. */
static const struct {
  const char *group, *key, *needed;
  const char *text;
} needs[] = {
  { "memory", "disk", "reclaim", "reclaim = yes" },
  { "memory", "swappiness", "reclaim", "reclaim = yes" },
  { "memory", "kswapd-cpu", "reclaim", "reclaim = yes" },
  { "memory", "flusher", "reclaim", "reclaim = yes" },
  { "memory", "flusher-cpu", "flusher", "flusher = yes" },
  { "memory", "dirty-background-ratio", "flusher", "flusher = yes" },
  { "memory", "dirty-ratio", "flusher", "flusher = yes" },
  { "memory", "dirty-expire", "flusher", "flusher = yes" },
  { "memory", "dirty-writeback", "flusher", "flusher = yes" },
  { "machine", "touch", "cache-model", "cache-model = NAME" },
  { "schedule", "inject-share", "inject", "inject = alloc, or another fault" },
  { "schedule", "inject-most", "inject", "inject = alloc, or another fault" },
  { "schedule", "inject-delay", "inject", "inject = alloc, or another fault" },
  { "schedule", "depth", "policy", "policy = pct" },
  { "schedule", "steps", "policy", "policy = pct" },
  { "record", "sampling", "events", "events = sample" },
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
find_set (const KmlEntry *entry, const GArray *alternatives)
{
  const KmlParam *param = kml_section_find_param (entry->section, NULL, entry->name);

  for (guint i = 0; alternatives != NULL && i < alternatives->len; i++) {
    const KmlAlternative *alternative = &g_array_index (alternatives, KmlAlternative, i);

    if (!is_default (param, alternative->text))
      return alternative;
  }
  return NULL;
}

static gboolean
is_ever_set (const KmlScenario *self, const char *key)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, key);

  for (guint i = 0; entry != NULL && i < entry->assignments->len; i++) {
    const KmlAssignment *assignment = g_ptr_array_index (entry->assignments, i);

    if (find_set (entry, assignment->alternatives) != NULL)
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_right (const KmlScenario *self, const KmlEntry *entry, const char *text)
{
  return kml_entry_is_right (
      self, entry, kml_section_find_param (entry->section, NULL, entry->name), text, NULL);
}

static void
check_entry (KmlScenario *self, const KmlEntry *entry)
{
  for (guint i = 0; i < G_N_ELEMENTS (needs); i++) {
    g_autofree char *needed = NULL;
    const KmlAlternative *set;

    if (!g_str_equal (entry->section->info->name, needs[i].group) ||
        !g_str_equal (entry->name, needs[i].key))
      continue;
    needed = g_strjoin (".", entry->section->prefix, needs[i].needed, NULL);
    set = find_set (entry, entry->alternatives);
    if (set != NULL && is_right (self, entry, set->text) && !is_ever_set (self, needed))
      kml_scenario_problem (self, set->place, "%s has no effect without %s",
                            set->place.line > 0 ? entry->name : entry->key, needs[i].text);
  }
}

static void
check_section (KmlScenario *self, const KmlSection *section)
{
  if (g_str_equal (section->info->name, "mapping") && !is_ever_set (self, "memory.reclaim"))
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
