/* schema.h: what may stand in a scenario file, for the loader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* (nullable) */
const KmlGroupInfo *kml_schema_find_group (const char *name);

/* (nullable) */
const KmlPlugin *kml_schema_find_plugin (const GArray *plugins, const char *name);

/* "; did you mean [pages] allocator = buddy?", where that is the place of who has this name. (nullable) (transfer full) */
char *kml_schema_suggest_place (const char *name);

/* "; did you mean “bins”?", or the names there are: the end of a sentence about a name that is not known.
 * @names is NULL-terminated; not too many of them are listed. (transfer full) */
char *kml_schema_suggest (const char *name, const char *const *names);

/* A value of a parameter, as numbers compare and texts are equal. */
typedef struct {
  double real;     /* of a REAL */
  guint64 integer; /* of every other number, choice or set of flags */
  char *text;      /* (owned) (nullable): of a TEXT, without blanks, or of a PATH */
} KmlValue;

/* The value that @text means to @param, whatever the parameter's bounds; an error when it means nothing. */
gboolean kml_value_parse (const KmlParam *param, const char *text, KmlValue *ret_value,
                          GError **error);
void kml_value_clear (KmlValue *self);

/* Negative, 0, positive; texts are equal (0) or not. */
int kml_value_compare (const KmlValue *a, const KmlValue *b);

/* Whether < and > say something about @param. */
gboolean kml_value_is_ordered (const KmlParam *param);

/* Whether the two texts mean the same to @param. */
gboolean kml_value_texts_equal (const KmlParam *param, const char *a, const char *b);

G_END_DECLS
