/* resolve-cpus.c: CPUs that no machine of the scenario has.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What machine.cpus is swept over is known when the scenario is loaded, so a CPU that is beyond all of them is told with its place. One that some
 * machines have is a matter of the run.
 */

#include "scenarios/loading/scenario-private.h"
#include "simcore/base/units.h"
#include "workloads/cpu-list.h"

static const struct {
  const char *group, *key;
} places[] = {
  { "task", "cpus" },           { "workload", "cpus" },     { "device", "cpu" },
  { "device", "consumer-cpu" }, { "memory", "kswapd-cpu" }, { "memory", "flusher-cpu" },
};

/* (nullable) */
static const KmlEntry *
entry_beside (const KmlScenario *self, const KmlSection *section, const char *name)
{
  g_autofree char *key = g_strjoin (".", section->prefix, name, NULL);

  return g_hash_table_lookup (self->by_key, key);
}

/* CPUs of the largest machine. */
static guint
most_cpus (const KmlScenario *self)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, "machine.cpus");
  guint64 most = 1;

  for (guint i = 0; entry != NULL && entry->alternatives != NULL && i < entry->alternatives->len;
       i++) {
    const KmlParam *param = kml_section_find_param (entry->section, NULL, entry->name);
    const char *text = g_array_index (entry->alternatives, KmlAlternative, i).text;
    guint64 n;

    if (kml_param_parse (param, text, NULL, NULL) && kml_parse_count (text, &n, NULL))
      most = MAX (most, n);
  }
  return (guint)MIN (most, KML_MAX_CPUS);
}

/* Of several CPUs a [task] with a count may need the first alone. */
static gboolean
may_need_one (const KmlScenario *self, const KmlEntry *entry)
{
  const KmlEntry *count = g_str_equal (entry->section->info->name, "task")
                              ? entry_beside (self, entry->section, "count")
                              : NULL;

  return count != NULL && count->alternatives != NULL;
}

static void
check_value (KmlScenario *self, const KmlEntry *entry, const KmlAlternative *value, guint n_cpus)
{
  g_autofree guint16 *cpus = NULL;
  guint n;

  if (!kml_cpu_list_parse (value->text, n_cpus, &cpus, &n, NULL))
    return; /* that is a problem already */
  if (may_need_one (self, entry))
    n = MIN (n, 1);
  for (guint i = 0; i < n; i++)
    if (cpus[i] >= n_cpus) {
      kml_scenario_problem (self, value->place, "%s: the machine has CPUs 0 to %u, there is no %u",
                            value->place.line > 0 ? entry->name : entry->key, n_cpus - 1, cpus[i]);
      return;
    }
}

void
kml_scenario_resolve_cpus (KmlScenario *self)
{
  const guint n_cpus = most_cpus (self);

  for (guint i = 0; i < self->entries->len && !kml_scenario_is_hopeless (self); i++) {
    const KmlEntry *entry = g_ptr_array_index (self->entries, i);
    gboolean is_place = FALSE;

    for (guint j = 0; j < G_N_ELEMENTS (places); j++)
      is_place |= g_str_equal (entry->section->info->name, places[j].group) &&
                  g_str_equal (entry->name, places[j].key);
    for (guint j = 0; is_place && entry->alternatives != NULL && j < entry->alternatives->len; j++)
      check_value (self, entry, &g_array_index (entry->alternatives, KmlAlternative, j), n_cpus);
  }
}
