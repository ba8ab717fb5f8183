/* json.h: the one JSON document that --json prints.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Begins the document, an object, with "schema": "kmemlab/@schema". (transfer full) */
JsonBuilder *kml_json_new (const char *schema);

/* Ends the object that kml_json_new() began and prints it. (transfer full): frees @builder */
void kml_json_print (JsonBuilder *builder);

/* A member each. Text that is not UTF-8 is made so; NULL and numbers that are not finite are
 * null. */
void kml_json_text (JsonBuilder *builder, const char *name, const char *text);
void kml_json_count (JsonBuilder *builder, const char *name, guint64 value);
void kml_json_number (JsonBuilder *builder, const char *name, double value);
void kml_json_boolean (JsonBuilder *builder, const char *name, gboolean value);
void kml_json_begin_array (JsonBuilder *builder, const char *name);
void kml_json_begin_object (JsonBuilder *builder, const char *name);

G_END_DECLS
