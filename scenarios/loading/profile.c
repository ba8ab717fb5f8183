/* profile.c: what work costs on a machine, from a data file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   [profile]
 *   title = …
 *   source = …
 *   [costs]
 *   instruction = 100ps
 *   …              every item of cost.h, once
 *
 * Where it is: data-file.h.
 */

#include "scenarios/loading/data-file.h"

#include <string.h>

#include "simcore/base/units.h"

/* No cost is longer: 2^20 items of it still fit the clock many times over. */
#define MAX_COST KML_S

typedef struct {
  char *title, *source; /* (owned) (nullable) */
  KmlTime cost[KML_N_COSTS];
  gboolean has[KML_N_COSTS];
} Profile;

/* ---- Reading ---- */

static int
find_item (const char *key)
{
  for (int i = 0; i < KML_N_COSTS; i++)
    if (g_str_equal (kml_cost_items[i].key, key))
      return i;
  return -1;
}

static void
read_costs (const char *file, const KmlKeyFileGroup *group, Profile *profile, GPtrArray *problems)
{
  const char *keys[KML_N_COSTS + 1] = { NULL };

  for (guint i = 0; i < KML_N_COSTS; i++)
    keys[i] = kml_cost_items[i].key;
  for (guint i = 0; i < group->entries->len; i++) {
    const KmlKeyFileEntry *entry = g_ptr_array_index (group->entries, i);
    const int item = find_item (entry->key);
    g_autoptr (GError) error = NULL;

    if (item < 0) {
      kml_data_file_unknown (problems, file, entry->line, entry->column, "cost", entry->key, keys);
      continue;
    }
    profile->has[item] = TRUE;
    if (!kml_parse_time (entry->value, &profile->cost[item], &error))
      kml_problems_add (problems, file, entry->line, entry->value_column, "%s: %s", entry->key,
                        error->message);
    else if (profile->cost[item] > MAX_COST)
      kml_problems_add (problems, file, entry->line, entry->value_column,
                        "%s: expected a time of at most 1s, not “%s”", entry->key, entry->value);
  }
  for (guint i = 0; i < KML_N_COSTS; i++)
    if (!profile->has[i])
      kml_problems_add (problems, file, group->line, group->column, "[costs] lacks “%s”: %s",
                        keys[i], kml_cost_items[i].summary);
}

static void
read_head (const char *file, const KmlKeyFileGroup *group, Profile *profile, GPtrArray *problems)
{
  static const char *const keys[] = { "title", "source", NULL };

  for (guint i = 0; i < group->entries->len; i++) {
    const KmlKeyFileEntry *entry = g_ptr_array_index (group->entries, i);

    if (g_str_equal (entry->key, "title"))
      profile->title = g_strdup (entry->value);
    else if (g_str_equal (entry->key, "source"))
      profile->source = g_strdup (entry->value);
    else
      kml_data_file_unknown (problems, file, entry->line, entry->column, "key", entry->key, keys);
  }
  if (profile->title == NULL)
    kml_problems_add (problems, file, group->line, group->column, "[profile] lacks “title”");
  if (profile->source == NULL)
    kml_problems_add (problems, file, group->line, group->column,
                      "[profile] lacks “source”: where the figures come from");
}

static void
read_profile (const char *file, const KmlKeyFile *key_file, gpointer data, GPtrArray *problems)
{
  static const char *const names[] = { "profile", "costs", NULL };
  const KmlKeyFileGroup *head = kml_key_file_find_group (key_file, "profile");
  const KmlKeyFileGroup *costs = kml_key_file_find_group (key_file, "costs");
  Profile *profile = data;

  if (head != NULL)
    read_head (file, head, profile, problems);
  if (costs != NULL)
    read_costs (file, costs, profile, problems);
  kml_data_file_check_groups (file, key_file, names, problems);
}

static const KmlDataFileKind kind = { "cost profile", "/kmemlab/profiles", ".profile",
                                      read_profile };

static void
profile_clear (Profile *self)
{
  g_free (self->title);
  g_free (self->source);
}

/* ---- Asking ---- */

char *
kml_profile_file (const char *name)
{
  return kml_data_file_is_path (&kind, name) ? g_strdup (name) : NULL;
}

gboolean
kml_profile_load (const char *name, const char *path, KmlTime ret_cost[KML_N_COSTS], GError **error)
{
  Profile profile = { 0 };
  const gboolean ok = kml_data_file_load (&kind, name, path, &profile, error);

  if (ok)
    memcpy (ret_cost, profile.cost, sizeof profile.cost);
  profile_clear (&profile);
  return ok;
}

char **
kml_profile_list (void)
{
  return kml_data_file_list (&kind);
}

char *
kml_profile_describe (const char *name)
{
  char *description = NULL;
  Profile profile = { 0 };

  if (!kml_data_file_is_path (&kind, name) &&
      kml_data_file_load (&kind, name, NULL, &profile, NULL))
    description = g_strdup_printf ("%s (%s)", profile.title, profile.source);
  profile_clear (&profile);
  return description;
}
