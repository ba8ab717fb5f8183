/* param.h: a parameter, declared once.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An allocator, a workload or a group of a scenario declares its parameters in
 * one constant table. The scenario loader checks against it, `kmemlab list`
 * prints it, docs/parameters.md and the shell completion are made from it, and
 * the values are written straight into the fields of the instance, as fio does
 * with its options:
 *
 *   static const KmlParam buddy_params[] = {
 *     { .name = "max-order", .type = KML_PARAM_COUNT, .value = "10", .min = 0, .max = KML_MAX_ORDER,
 *       .offset = G_STRUCT_OFFSET (Buddy, max_order),
 *       .summary = "the largest block is 2^max-order page frames" },
 *     { NULL }
 *   };
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

/* The type of the field at .offset follows from the type of the parameter. */
typedef enum {
  KML_PARAM_COUNT,  /* guint64 */
  KML_PARAM_SIZE,   /* guint64, bytes */
  KML_PARAM_TIME,   /* KmlTime, ps */
  KML_PARAM_RATE,   /* guint64, per second */
  KML_PARAM_SHARE,  /* double, from 0 to 1 */
  KML_PARAM_BOOL,   /* gboolean */
  KML_PARAM_CHOICE, /* guint, an index into .choices */
  KML_PARAM_FLAGS,  /* guint32, GFP flags by name (gfp.h) */
  KML_PARAM_TEXT,   /* char *, owned by the instance; .validate says what is allowed */
  KML_PARAM_PATH,   /* char *, owned; relative to the scenario file */
} KmlParamType;

typedef struct {
  const char *name;
  KmlParamType type;
  const char *value; /* default, as one would write it; NULL: the parameter is compulsory */
  guint64 min, max;  /* COUNT, SIZE, TIME, RATE; both 0: no limit but the type's */
  gboolean power_of_two;
  gboolean positive;                                       /* SHARE: 0 is none */
  const char *const *choices;                              /* CHOICE: NULL-terminated */
  gboolean (*validate) (const char *text, GError **error); /* (nullable): TEXT */
  gsize offset;                                            /* of the field in the instance */
  /* (nullable): TEXT: the file that a value names; NULL: none (transfer full) */
  char *(*file) (const char *text);
  const char *grammar; /* (nullable): how a TEXT value is written, for `kmemlab list` */
  const char *summary; /* one sentence */
} KmlParam;

/* Checks @text and, unless @instance is NULL, writes the value into its field.
 * Errors are KML_ERROR_INPUT and say what was expected. */
gboolean kml_param_parse (const KmlParam *param, const char *text, gpointer instance,
                          GError **error);

/* Tables end with an entry whose name is NULL; a NULL table is an empty one. */
const KmlParam *kml_param_find (const KmlParam *table, const char *name);
void kml_params_set_defaults (const KmlParam *table, gpointer instance);
void kml_params_clear (const KmlParam *table, gpointer instance); /* frees TEXT and PATH fields */

/* The file that the value @text of the parameter names. (transfer full) (nullable) */
char *kml_param_file (const KmlParam *param, const char *text);

/* Where a file lies that a setting names so: where @elsewhere says (nullable) (element-type utf8 utf8), or
 * else as seen from @base_dir (nullable: from the current folder). (transfer full) */
char *kml_param_locate (const char *file, const char *base_dir, GHashTable *elsewhere);

/* "size", "time", "count", …, or the choices joined by " | ". (transfer full) */
char *kml_param_describe_type (const KmlParam *param);

G_END_DECLS
