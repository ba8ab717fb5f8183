/* json.c: the one JSON document that --json prints.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/json.h"
#include "cli/output.h"

#include <math.h>

JsonBuilder *
kml_json_new (const char *schema)
{
  JsonBuilder *builder = json_builder_new ();
  g_autofree char *name = g_strconcat ("kmemlab/", schema, NULL);

  json_builder_begin_object (builder);
  kml_json_text (builder, "schema", name);
  return builder;
}

void
kml_json_print (JsonBuilder *builder)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  text = json_generator_to_data (generator, NULL);
  kml_out ("%s\n", text);
  g_object_unref (builder);
}

void
kml_json_text (JsonBuilder *builder, const char *name, const char *text)
{
  if (name != NULL)
    json_builder_set_member_name (builder, name);
  if (text == NULL)
    json_builder_add_null_value (builder);
  else {
    g_autofree char *valid = g_utf8_make_valid (text, -1);

    json_builder_add_string_value (builder, valid);
  }
}

void
kml_json_count (JsonBuilder *builder, const char *name, guint64 value)
{
  json_builder_set_member_name (builder, name);
  /* json-glib's integers have a sign; nothing that is counted comes near */
  json_builder_add_int_value (builder, (gint64)MIN (value, (guint64)G_MAXINT64));
}

void
kml_json_number (JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name (builder, name);
  if (isfinite (value))
    json_builder_add_double_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
kml_json_boolean (JsonBuilder *builder, const char *name, gboolean value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

void
kml_json_begin_array (JsonBuilder *builder, const char *name)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
}

void
kml_json_begin_object (JsonBuilder *builder, const char *name)
{
  if (name != NULL)
    json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
}
