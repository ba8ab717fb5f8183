/* param.c: a parameter, declared once.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every type is read in two steps: the text into a value, the value into the
 * field at .offset. The first can fail and touches nothing; the second cannot.
 * So checking a value and setting it are the same code, with or without an
 * instance, and a refused value leaves the field as it was.
 */

#include "simcore/param.h"
#include "simcore/memory/gfp.h"
#include "simcore/base/units.h"

#include <string.h>

/* A bound as one would write it: in the largest unit of which it is a whole number. */
static char *
format_bound (const KmlParam *param, guint64 value)
{
  static const struct {
    guint64 factor;
    const char *name;
  } sizes[] = { { G_GUINT64_CONSTANT (1) << 40, "TiB" },
                { G_GUINT64_CONSTANT (1) << 30, "GiB" },
                { G_GUINT64_CONSTANT (1) << 20, "MiB" },
                { G_GUINT64_CONSTANT (1) << 10, "KiB" },
                { 1, "B" } },
    times[] = { { KML_S, "s" }, { KML_MS, "ms" }, { KML_US, "us" }, { KML_NS, "ns" }, { 1, "ps" } };

  if (param->type == KML_PARAM_SIZE && value > 0)
    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
      if (value % sizes[i].factor == 0)
        return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value / sizes[i].factor, sizes[i].name);
  if (param->type == KML_PARAM_TIME && value > 0)
    for (guint i = 0; i < G_N_ELEMENTS (times); i++)
      if (value % times[i].factor == 0)
        return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value / times[i].factor, times[i].name);
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value,
                          param->type == KML_PARAM_RATE ? "/s" : "");
}

static const char *
noun (const KmlParam *param)
{
  switch (param->type) {
  case KML_PARAM_COUNT:
    return "count";
  case KML_PARAM_SIZE:
    return "size";
  case KML_PARAM_TIME:
    return "time";
  case KML_PARAM_RATE:
    return "rate";
  case KML_PARAM_SHARE:
    return "share";
  case KML_PARAM_BOOL:
    return "boolean";
  case KML_PARAM_FLAGS:
    return "flags";
  case KML_PARAM_CHOICE:
    return "choice";
  case KML_PARAM_TEXT:
    return "text";
  case KML_PARAM_PATH:
    return "path";
  }
  g_assert_not_reached ();
}

static gboolean
check_bounds (const KmlParam *param, const char *text, guint64 value, GError **error)
{
  g_autofree char *quoted = NULL;
  g_autofree char *min = format_bound (param, param->min);
  g_autofree char *max = format_bound (param, param->max);

  if (value < param->min || (param->max != 0 && value > param->max)) {
    quoted = kml_quote (text, -1);
    if (param->max == 0)
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected a %s of at least %s, not %s",
                   noun (param), min, quoted);
    else
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected a %s from %s to %s, not %s",
                   noun (param), min, max, quoted);
    return FALSE;
  }
  /* 0 is a power of two only where the bounds say that it means "none" */
  if (param->power_of_two && (value & (value - 1)) != 0) {
    quoted = kml_quote (text, -1);
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected a %s that is a power of two, not %s",
                 noun (param), quoted);
    return FALSE;
  }
  return TRUE;
}

static gboolean
parse_integer (const KmlParam *param, const char *text, gpointer field, GError **error)
{
  guint64 value;
  gboolean is_read;

  switch ((int)param->type) {
  case KML_PARAM_COUNT:
    is_read = kml_parse_count (text, &value, error);
    break;
  case KML_PARAM_SIZE:
    is_read = kml_parse_size (text, &value, error);
    break;
  case KML_PARAM_TIME:
    is_read = kml_parse_time (text, &value, error);
    break;
  default:
    is_read = kml_parse_rate (text, &value, error);
    break;
  }
  if (!is_read || !check_bounds (param, text, value, error))
    return FALSE;
  if (field != NULL)
    *(guint64 *)field = value;
  return TRUE;
}

static gboolean
parse_share (const KmlParam *param, const char *text, gpointer field, GError **error)
{
  double share;

  if (!kml_parse_real (text, &share, error))
    return FALSE;
  if (!(share >= 0 && share <= 1) || (param->positive && share == 0)) {
    g_autofree char *quoted = kml_quote (text, -1);

    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected a share %s, not %s",
                 param->positive ? "above 0 and at most 1" : "from 0 to 1", quoted);
    return FALSE;
  }
  if (field != NULL)
    *(double *)field = share;
  return TRUE;
}

static gboolean
parse_choice (const KmlParam *param, const char *text, gpointer field, GError **error)
{
  g_autofree char *choices = NULL;
  g_autofree char *quoted = NULL;
  const char *nearest;

  for (guint i = 0; param->choices[i] != NULL; i++) {
    if (strcmp (param->choices[i], text) == 0) {
      if (field != NULL)
        *(guint *)field = i;
      return TRUE;
    }
  }
  choices = kml_param_describe_type (param);
  quoted = kml_quote (text, -1);
  nearest = kml_nearest_name (text, param->choices);
  if (nearest != NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected %s, not %s; did you mean “%s”?",
                 choices, quoted, nearest);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected %s, not %s", choices, quoted);
  return FALSE;
}

static gboolean
parse_text (const KmlParam *param, const char *text, gpointer field, GError **error)
{
  /* a path may be left empty where that is the default: no file */
  if (param->type == KML_PARAM_PATH && text[0] == '\0' && g_strcmp0 (param->value, "") != 0) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, "expected a path, not “”");
    return FALSE;
  }
  if (param->validate != NULL && !param->validate (text, error))
    return FALSE;
  if (field != NULL) {
    g_free (*(char **)field);
    *(char **)field = g_strdup (text);
  }
  return TRUE;
}

gboolean
kml_param_parse (const KmlParam *param, const char *text, gpointer instance, GError **error)
{
  gpointer field = instance != NULL ? G_STRUCT_MEMBER_P (instance, param->offset) : NULL;
  gboolean boolean;
  KmlGfp gfp;

  switch (param->type) {
  case KML_PARAM_COUNT:
  case KML_PARAM_SIZE:
  case KML_PARAM_TIME:
  case KML_PARAM_RATE:
    return parse_integer (param, text, field, error);
  case KML_PARAM_SHARE:
    return parse_share (param, text, field, error);
  case KML_PARAM_BOOL:
    if (!kml_parse_boolean (text, &boolean, error))
      return FALSE;
    if (field != NULL)
      *(gboolean *)field = boolean;
    return TRUE;
  case KML_PARAM_FLAGS:
    if (!kml_gfp_parse (text, strlen (text), &gfp, error))
      return FALSE;
    if (field != NULL)
      *(guint32 *)field = gfp;
    return TRUE;
  case KML_PARAM_CHOICE:
    return parse_choice (param, text, field, error);
  case KML_PARAM_TEXT:
  case KML_PARAM_PATH:
    return parse_text (param, text, field, error);
  }
  g_assert_not_reached ();
}

const KmlParam *
kml_param_find (const KmlParam *table, const char *name)
{
  if (table == NULL)
    return NULL;
  for (; table->name != NULL; table++)
    if (strcmp (table->name, name) == 0)
      return table;
  return NULL;
}

void
kml_params_set_defaults (const KmlParam *table, gpointer instance)
{
  if (table == NULL)
    return;
  for (; table->name != NULL; table++) {
    g_autoptr (GError) error = NULL;

    if (table->value == NULL)
      continue;
    if (!kml_param_parse (table, table->value, instance, &error))
      g_error ("the default of the parameter %s is refused by its own table: %s", table->name,
               error->message);
  }
}

void
kml_params_clear (const KmlParam *table, gpointer instance)
{
  if (table == NULL)
    return;
  for (; table->name != NULL; table++)
    if (table->type == KML_PARAM_TEXT || table->type == KML_PARAM_PATH)
      g_clear_pointer ((char **)G_STRUCT_MEMBER_P (instance, table->offset), g_free);
}

char *
kml_param_file (const KmlParam *param, const char *text)
{
  if (param->type == KML_PARAM_PATH)
    return text[0] != '\0' ? g_strdup (text) : NULL;
  return param->file != NULL ? param->file (text) : NULL;
}

char *
kml_param_locate (const char *file, const char *base_dir, GHashTable *elsewhere)
{
  const char *path = elsewhere != NULL ? g_hash_table_lookup (elsewhere, file) : NULL;

  if (path != NULL)
    return g_strdup (path);
  if (base_dir == NULL || g_path_is_absolute (file))
    return g_strdup (file);
  return g_build_filename (base_dir, file, NULL);
}

char *
kml_param_describe_type (const KmlParam *param)
{
  if (param->type == KML_PARAM_CHOICE)
    return g_strjoinv (" | ", (char **)param->choices);
  if (param->type == KML_PARAM_SHARE)
    return g_strdup (param->positive ? "share in (0, 1]" : "share in [0, 1]");
  return g_strdup (noun (param));
}
