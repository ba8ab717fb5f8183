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
 * The profiles that come with the program are resources in it, so a run needs
 * no file that could be missing or changed. Any other is a path, relative to
 * the scenario: a name with a slash or with the ending .profile.
 */

#include "scenarios/keyfile.h"
#include "scenarios/resources.h"
#include "scenarios/schema.h"

#include <string.h>

#include "simcore/units.h"

#define RESOURCE_FOLDER "/kmemlab/profiles"

/* No cost is longer: 2^20 items of it still fit the clock many times over. */
#define MAX_COST KML_S

typedef struct {
  char *title, *source; /* (owned) (nullable) */
  KmlTime cost[KML_N_COSTS];
  gboolean has[KML_N_COSTS];
} Profile;

static gboolean
is_path (const char *name)
{
  return strchr (name, '/') != NULL || g_str_has_suffix (name, ".profile");
}

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
unknown_name (GPtrArray *problems, const char *file, guint line, guint column, const char *what,
              const char *name, const char *const *names)
{
  g_autofree char *quoted = kml_quote (name, -1);
  g_autofree char *suggestion = kml_schema_suggest (name, names);

  kml_problems_add (problems, file, line, column, "unknown %s %s%s", what, quoted, suggestion);
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
      unknown_name (problems, file, entry->line, entry->column, "cost", entry->key, keys);
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
      unknown_name (problems, file, entry->line, entry->column, "key", entry->key, keys);
  }
  if (profile->title == NULL)
    kml_problems_add (problems, file, group->line, group->column, "[profile] lacks “title”");
  if (profile->source == NULL)
    kml_problems_add (problems, file, group->line, group->column,
                      "[profile] lacks “source”: where the figures come from");
}

static void
read_groups (const char *file, const KmlKeyFile *key_file, Profile *profile, GPtrArray *problems)
{
  static const char *const names[] = { "profile", "costs", NULL };

  for (guint i = 0; i < key_file->groups->len; i++) {
    const KmlKeyFileGroup *group = g_ptr_array_index (key_file->groups, i);

    if (g_str_equal (group->name, "profile"))
      read_head (file, group, profile, problems);
    else if (g_str_equal (group->name, "costs"))
      read_costs (file, group, profile, problems);
    else
      unknown_name (problems, file, group->line, group->column, "group", group->name, names);
  }
  for (guint i = 0; names[i] != NULL; i++)
    if (kml_key_file_find_group (key_file, names[i]) == NULL)
      kml_problems_add (problems, file, 0, 0, "the group [%s] is missing", names[i]);
}

static void
profile_clear (Profile *self)
{
  g_free (self->title);
  g_free (self->source);
}

/* All problems, one a line, become one error. */
static gboolean
parse (const char *file, const char *text, gsize length, Profile *ret_profile, GError **error)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile) key_file = kml_key_file_parse (file, text, length, problems);
  g_autofree char *message = NULL;
  Profile profile = { 0 };

  if (key_file != NULL)
    read_groups (file, key_file, &profile, problems);
  if (problems->len > 0) {
    kml_problems_quote (problems, file, text, length);
    message = kml_problems_format (problems);
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "the cost profile is wrong:\n%s",
                 g_strchomp (message));
    profile_clear (&profile);
    return FALSE;
  }
  *ret_profile = profile;
  return TRUE;
}

static gboolean
load_file (const char *path, Profile *ret_profile, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  if (!kml_key_file_read (path, &text, &length, error)) {
    g_prefix_error (error, "the cost profile %s ", path);
    return FALSE;
  }
  return parse (path, text, length, ret_profile, error);
}

static gboolean
load_built_in (const char *name, Profile *ret_profile, GError **error)
{
  g_autofree char *path = g_strjoin ("/", RESOURCE_FOLDER, name, NULL);
  g_autoptr (GBytes) bytes = g_resource_lookup_data (kml_resources_get_resource (), path,
                                                     G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_auto (GStrv) names = NULL;
  g_autofree char *quoted = NULL;
  g_autofree char *suggestion = NULL;
  gconstpointer text;
  gsize length;

  if (bytes == NULL) {
    names = kml_profile_list ();
    quoted = kml_quote (name, -1);
    suggestion = kml_schema_suggest (name, (const char *const *)names);
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "unknown cost profile %s%s", quoted,
                 suggestion);
    return FALSE;
  }
  text = g_bytes_get_data (bytes, &length);
  return parse (name, text, length, ret_profile, error);
}

/* ---- Asking ---- */

char *
kml_profile_file (const char *name)
{
  return is_path (name) ? g_strdup (name) : NULL;
}

gboolean
kml_profile_load (const char *name, const char *path, KmlTime ret_cost[KML_N_COSTS], GError **error)
{
  Profile profile;

  if (!(is_path (name) ? load_file (path, &profile, error) : load_built_in (name, &profile, error)))
    return FALSE;
  memcpy (ret_cost, profile.cost, sizeof profile.cost);
  profile_clear (&profile);
  return TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

char **
kml_profile_list (void)
{
  char **names = g_resource_enumerate_children (kml_resources_get_resource (), RESOURCE_FOLDER,
                                                G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  g_assert (names != NULL); /* the program was built with its profiles */
  qsort (names, g_strv_length (names), sizeof *names, compare_names);
  return names;
}

char *
kml_profile_describe (const char *name)
{
  g_autofree char *description = NULL;
  Profile profile;

  if (!load_built_in (name, &profile, NULL))
    return NULL;
  description = g_strdup_printf ("%s (%s)", profile.title, profile.source);
  profile_clear (&profile);
  return g_steal_pointer (&description);
}
