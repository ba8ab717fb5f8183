/* keys.c: everything that a scenario can set, for those who list it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/keys.h"
#include "simcore/base/units.h"

static void
clear_key (gpointer data)
{
  KmlKey *key = data;

  g_free (key->key);
  g_free (key->condition);
}

/* @plugin (nullable): whose table it is. */
static void
add_keys (GArray *keys, const KmlGroupInfo *group, const KmlPlugin *plugin, const KmlParam *params)
{
  for (; params != NULL && params->name != NULL; params++) {
    const KmlKey key = {
      .group = group,
      .plugin = plugin != NULL ? *plugin : (KmlPlugin){ 0 },
      .param = params,
      .key = g_strconcat (group->name, group->named ? ".NAME." : ".", params->name, NULL),
      .condition = plugin != NULL ? g_strdup_printf ("%s = %s", group->chooser, plugin->name)
                                  : NULL,
    };

    g_array_append_val (keys, key);
  }
}

GArray *
kml_keys_new (void)
{
  GArray *keys = g_array_new (FALSE, FALSE, sizeof (KmlKey));

  g_array_set_clear_func (keys, clear_key);
  for (const KmlGroupInfo *group = kml_scenario_groups; group->name != NULL; group++) {
    g_autoptr (GArray) plugins = group->plugins != NULL ? group->plugins () : NULL;

    add_keys (keys, group, NULL, group->params);
    for (guint i = 0; plugins != NULL && i < plugins->len; i++) {
      const KmlPlugin *plugin = &g_array_index (plugins, KmlPlugin, i);

      add_keys (keys, group, plugin, plugin->params);
    }
  }
  return keys;
}

char *
kml_key_describe_range (const KmlParam *param)
{
  g_autoptr (GString) text = g_string_new (param->grammar);

  if ((param->type == KML_PARAM_COUNT || param->type == KML_PARAM_RATE) &&
      (param->min != 0 || param->max != 0)) {
    if (param->max != 0)
      g_string_append_printf (text, "%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, param->min,
                              param->max);
    else
      g_string_append_printf (text, "at least %" G_GUINT64_FORMAT, param->min);
  }
  if (param->type == KML_PARAM_SIZE && param->max != 0) {
    g_autofree char *min = kml_format_size (param->min);
    g_autofree char *max = kml_format_size (param->max);

    g_string_append_printf (text, "%s to %s", min, max);
  }
  if (param->power_of_two)
    g_string_append (text, text->len > 0 ? ", a power of two" : "a power of two");
  return g_strdup (text->str);
}

char *
kml_key_describe_type (const KmlParam *param)
{
  g_autofree char *type = kml_param_describe_type (param);
  g_autofree char *range = kml_key_describe_range (param);

  return range[0] != '\0' ? g_strdup_printf ("%s: %s", type, range) : g_steal_pointer (&type);
}

char *
kml_key_sentence (const char *summary)
{
  GString *sentence = g_string_new (NULL);

  g_string_append_unichar (sentence, g_unichar_toupper (g_utf8_get_char (summary)));
  g_string_append (sentence, g_utf8_next_char (summary));
  if (sentence->str[sentence->len - 1] != '.')
    g_string_append_c (sentence, '.');
  return g_string_free (sentence, FALSE);
}

char *
kml_key_group_title (const KmlGroupInfo *group)
{
  return g_strdup_printf (group->named ? "[%s NAME]" : "[%s]", group->name);
}
