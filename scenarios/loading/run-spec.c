/* run-spec.c: the settings of one run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a run are those that its sections and their plug-ins declare,
 * each with the text that the scenario gives it or its default.
 * Its key is made in run-key.c.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

#include "simcore/base/rng.h"
#include "simcore/base/units.h"

/* What the run knows beyond the public struct. */
typedef struct {
  KmlRunSpec spec;
  /* (element-type char) (owned): "workload.web" of named groups, in the order of the file */
  GPtrArray *sections;
} RunSpec;

static void
setting_free (KmlSetting *setting)
{
  g_free (setting->key);
  g_free (setting->value);
  g_free (setting);
}

static int
compare_settings (gconstpointer a, gconstpointer b)
{
  const KmlSetting *const *left = a;
  const KmlSetting *const *right = b;

  return strcmp ((*left)->key, (*right)->key);
}

static int
compare_inputs (gconstpointer a, gconstpointer b)
{
  const KmlInput *const *left = a;
  const KmlInput *const *right = b;

  return strcmp ((*left)->key, (*right)->key);
}

/* The value of @key, whose parameter is @param. */
static const char *
value_under (const KmlScenario *self, const char *key, const KmlParam *param, const guint *digits)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, key);

  if (entry == NULL || entry->alternatives == NULL)
    return param->value;
  return g_array_index (entry->alternatives, KmlAlternative, kml_entry_alternative (entry, digits))
      .text;
}

static void
add_settings (const KmlScenario *self, KmlRunSpec *spec, const KmlSection *section,
              const KmlParam *table, const guint *digits)
{
  for (; table != NULL && table->name != NULL; table++) {
    KmlSetting *setting = g_new0 (KmlSetting, 1);
    g_autofree char *file = NULL;

    setting->key = g_strjoin (".", section->prefix, table->name, NULL);
    setting->value = g_strdup (value_under (self, setting->key, table, digits));
    g_assert (setting->value != NULL); /* what is compulsory was asked for when loading */
    g_ptr_array_add (spec->settings, setting);
    file = kml_param_file (table, setting->value);
    if (file != NULL)
      g_ptr_array_add (spec->inputs, kml_input_files_take (self->inputs, setting->key, file));
  }
}

static void
make_settings (const KmlScenario *self, KmlRunSpec *spec, const guint *digits)
{
  spec->settings = g_ptr_array_new_with_free_func ((GDestroyNotify)setting_free);
  spec->inputs = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_input_free);

  for (guint i = 0; i < self->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);
    const KmlPlugin *plugin = g_ptr_array_index (section->chosen,
                                                 kml_section_choice (section, digits));

    add_settings (self, spec, section, section->info->params, digits);
    if (plugin != NULL)
      add_settings (self, spec, section, plugin->params, digits);
  }
  g_ptr_array_sort (spec->settings, compare_settings);
  g_ptr_array_sort (spec->inputs, compare_inputs);
}

/* ---- Making one ---- */

guint64
kml_scenario_run_seed (const KmlScenario *self, const guint *digits, guint64 repetition)
{
  const KmlParam *param = kml_param_find (kml_scenario_params, "seed");
  guint64 seed;

  if (!kml_parse_count (value_under (self, "scenario.seed", param, digits), &seed, NULL))
    g_assert_not_reached (); /* the values were checked when loading */
  return kml_rng_repetition_seed (seed, repetition);
}

KmlRunSpec *
kml_scenario_run_spec (const KmlScenario *self, guint64 index)
{
  RunSpec *result = g_new0 (RunSpec, 1);
  KmlRunSpec *spec = &result->spec;
  g_autofree guint *digits = g_new0 (guint, self->axes->len + 1);

  g_assert (index < kml_scenario_n_runs (self));

  kml_scenario_decode (self, self->combinations[index / self->repeat], digits);
  spec->index = index;
  spec->repetition = index % self->repeat;
  make_settings (self, spec, digits);
  result->sections = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < self->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);

    if (section->info->named)
      g_ptr_array_add (result->sections, g_strdup (section->prefix));
  }
  spec->seed = kml_scenario_run_seed (self, digits, spec->repetition);
  spec->key = kml_run_spec_make_key (self, spec);
  return spec;
}

void
kml_run_spec_free (KmlRunSpec *self)
{
  RunSpec *whole = (RunSpec *)self;

  if (self == NULL)
    return;
  g_ptr_array_unref (whole->sections);
  g_ptr_array_unref (self->settings);
  g_ptr_array_unref (self->inputs);
  g_free (self->key);
  g_free (whole);
}

/* ---- Asking ---- */

/* By bisection: the settings are sorted. */
const char *
kml_run_spec_get (const KmlRunSpec *self, const char *key)
{
  guint lo = 0, hi = self->settings->len;

  while (lo < hi) {
    const guint middle = lo + (hi - lo) / 2;
    const KmlSetting *setting = g_ptr_array_index (self->settings, middle);
    const int order = strcmp (key, setting->key);

    if (order == 0)
      return setting->value;
    if (order < 0)
      hi = middle;
    else
      lo = middle + 1;
  }
  return NULL;
}

gboolean
kml_run_spec_apply (const KmlRunSpec *self, const char *prefix, const KmlParam *table,
                    gpointer instance, GError **error)
{
  for (; table != NULL && table->name != NULL; table++) {
    g_autofree char *key = g_strjoin (".", prefix, table->name, NULL);
    const char *value = kml_run_spec_get (self, key);

    g_assert (value != NULL); /* the run has this group with this plug-in */
    if (!kml_param_parse (table, value, instance, error)) {
      kml_blame (error, key);
      return FALSE;
    }
  }
  return TRUE;
}

GPtrArray *
kml_run_spec_names (const KmlRunSpec *self, const char *group)
{
  const RunSpec *whole = (const RunSpec *)self;
  const gsize length = strlen (group);
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < whole->sections->len; i++) {
    const char *prefix = g_ptr_array_index (whole->sections, i);

    if (strncmp (prefix, group, length) != 0 || (prefix[length] != '\0' && prefix[length] != '.'))
      continue;
    g_ptr_array_add (names, (gpointer)(prefix + length + (prefix[length] == '.' ? 1 : 0)));
  }
  return names;
}
