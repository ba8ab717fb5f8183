/* trace-columns.c: what the columns of a CSV mean.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/traces/trace-columns.h"

#include "simcore/base/units.h"

#include <string.h>

const char *const kml_trace_field_names[KML_N_FIELDS + 1] = {
  [KML_FIELD_TIME] = "time",
  [KML_FIELD_OP] = "op",
  [KML_FIELD_ID] = "id",
  [KML_FIELD_OLD] = "old",
  [KML_FIELD_SIZE] = "size",
  [KML_FIELD_GIVEN] = "given",
  [KML_FIELD_CPU] = "cpu",
  [KML_FIELD_PID] = "pid",
  [KML_FIELD_CONTEXT] = "context",
  [KML_FIELD_GFP] = "gfp",
  [KML_FIELD_SITE] = "site",
  [KML_FIELD_CACHE] = "cache",
  [KML_FIELD_PFN] = "pfn",
  [KML_FIELD_ORDER] = "order",
  [KML_FIELD_MIGRATETYPE] = "migratetype",
  NULL,
};

const char *const kml_trace_field_summaries[KML_N_FIELDS] = {
  [KML_FIELD_TIME] = "when; without it, operations come a microsecond apart",
  [KML_FIELD_OP] = "what is done",
  [KML_FIELD_ID] = "which block: an address or any number",
  [KML_FIELD_OLD] = "of a reallocation, the block before; without it, the same id",
  [KML_FIELD_SIZE] = "bytes asked for",
  [KML_FIELD_GIVEN] = "bytes given; without it, as many as asked for",
  [KML_FIELD_CPU] = "the CPU",
  [KML_FIELD_PID] = "the task",
  [KML_FIELD_CONTEXT] = "process, softirq or hardirq",
  [KML_FIELD_GFP] = "GFP flags, as names or as a number with the bits of Linux 6.1",
  [KML_FIELD_SITE] = "the call site",
  [KML_FIELD_CACHE] = "the cache",
  [KML_FIELD_PFN] = "of pages, the first frame",
  [KML_FIELD_ORDER] = "of pages, the order",
  [KML_FIELD_MIGRATETYPE] = "of pages, the migrate type, as a number or a name",
};

/* Which fields take ":hex". */
#define HEX_FIELDS                                                                                 \
  (1u << KML_FIELD_ID | 1u << KML_FIELD_OLD | 1u << KML_FIELD_SIZE | 1u << KML_FIELD_GIVEN |       \
   1u << KML_FIELD_GFP | 1u << KML_FIELD_PFN)

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (KML_ERROR, KML_ERROR_INPUT, format, arguments);
  va_end (arguments);
  return FALSE;
}

void
kml_trace_columns_clear (KmlTraceColumns *self)
{
  for (guint i = 0; i < KML_N_FIELDS; i++) {
    g_free (self->fields[i].name);
    g_free (self->fields[i].alloc);
    g_free (self->fields[i].free);
  }
  memset (self, 0, sizeof *self);
}

/* In any case of letters. KML_N_FIELDS: there is none of that name. */
static KmlTraceField
find_field (const char *name)
{
  guint i = 0;

  while (i < KML_N_FIELDS && g_ascii_strcasecmp (kml_trace_field_names[i], name) != 0)
    i++;
  return (KmlTraceField)i;
}

/* What stands behind the colon. */
static gboolean
parse_unit (KmlTraceColumn *column, KmlTraceField field, const char *unit, GError **error)
{
  static const struct {
    const char *name;
    guint64 ns;
  } times[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
  const char *slash;

  if (field == KML_FIELD_TIME) {
    for (guint i = 0; i < G_N_ELEMENTS (times); i++)
      if (strcmp (unit, times[i].name) == 0)
        column->unit_ns = times[i].ns;
    return column->unit_ns > 0 ||
           refuse (error, "expected time=COLUMN:ns, us, ms or s, not “:%s”", unit);
  }
  if (field == KML_FIELD_OP) {
    slash = strchr (unit, '/');
    if (slash == NULL || slash == unit || slash[1] == '\0')
      return refuse (error, "expected op=COLUMN:ALLOCATION/FREE, not “:%s”", unit);
    column->alloc = g_strndup (unit, (gsize)(slash - unit));
    column->free = g_strdup (slash + 1);
    return TRUE;
  }
  column->is_hex = strcmp (unit, "hex") == 0;
  if (column->is_hex && HEX_FIELDS >> field & 1)
    return TRUE;
  if (HEX_FIELDS >> field & 1)
    return refuse (error, "expected %s=COLUMN:hex, not “:%s”", kml_trace_field_names[field], unit);
  return refuse (error, "%s takes no unit, but there is “:%s”", kml_trace_field_names[field], unit);
}

/* COLUMN[:UNIT] */
static gboolean
parse_column (KmlTraceColumn *column, KmlTraceField field, const char *text, GError **error)
{
  const char *const colon = strchr (text, ':');
  g_autofree char *name = colon != NULL ? g_strndup (text, (gsize)(colon - text)) : g_strdup (text);
  guint64 number;

  g_strstrip (name);
  if (name[0] == '\0')
    return refuse (error, "%s= wants a column: a number from 1, or a name",
                   kml_trace_field_names[field]);
  if (name[strspn (name, "0123456789")] == '\0') {
    if (!kml_parse_count (name, &number, error))
      return FALSE;
    if (number < 1 || number > G_MAXUINT16)
      return refuse (error, "%s=%s: columns are numbered from 1", kml_trace_field_names[field],
                     name);
    column->column = (guint)number;
  } else {
    column->name = g_steal_pointer (&name);
  }
  return colon == NULL || parse_unit (column, field, colon + 1, error);
}

static gboolean
check_fields (const KmlTraceColumns *self, GError **error)
{
  if (!kml_trace_columns_has (self, KML_FIELD_OP))
    return refuse (error, "op= is missing: which column says what is done");
  if (!kml_trace_columns_has (self, KML_FIELD_ID) && !kml_trace_columns_has (self, KML_FIELD_PFN))
    return refuse (error, "id= is missing (or pfn=, of pages): which column tells blocks "
                          "apart");
  if (kml_trace_columns_has (self, KML_FIELD_ID) && !kml_trace_columns_has (self, KML_FIELD_SIZE) &&
      !kml_trace_columns_has (self, KML_FIELD_PFN) &&
      !kml_trace_columns_has (self, KML_FIELD_ORDER))
    return refuse (error, "size= is missing (or order=, of pages)");
  return TRUE;
}

static gboolean
parse_entry (KmlTraceColumns *self, char *entry, GError **error)
{
  char *const equals = strchr (entry, '=');
  KmlTraceField field;
  const char *nearest;

  if (equals == NULL) {
    g_autofree char *quoted = kml_quote (entry, -1);

    return refuse (error, "expected FIELD=COLUMN, …, not %s", quoted);
  }
  *equals = '\0';
  field = find_field (g_strstrip (entry));
  if (field == KML_N_FIELDS) {
    g_autofree char *quoted = kml_quote (entry, -1);
    g_autofree char *known = g_strjoinv (", ", (char **)kml_trace_field_names);

    nearest = kml_nearest_name (entry, kml_trace_field_names);
    return nearest != NULL
               ? refuse (error, "there is no field %s: did you mean “%s”?", quoted, nearest)
               : refuse (error, "there is no field %s: expected one of %s", quoted, known);
  }
  if (kml_trace_columns_has (self, field))
    return refuse (error, "%s= is there twice", entry);
  return parse_column (&self->fields[field], field, g_strstrip (equals + 1), error);
}

gboolean
kml_trace_columns_parse (const char *text, KmlTraceColumns *ret_columns, GError **error)
{
  g_auto (GStrv) entries = g_strsplit (text, ",", -1);
  KmlTraceColumns self = { 0 };
  gboolean good = TRUE;

  for (guint i = 0; entries[i] != NULL && good; i++)
    good = parse_entry (&self, entries[i], error);
  if (!good || !check_fields (&self, error)) {
    kml_trace_columns_clear (&self);
    return FALSE;
  }
  for (guint i = 0; i < KML_N_FIELDS; i++)
    self.has_names |= self.fields[i].name != NULL;
  *ret_columns = self;
  return TRUE;
}

gboolean
kml_trace_columns_validate (const char *text, GError **error)
{
  KmlTraceColumns columns;

  if (strcmp (text, "auto") == 0)
    return TRUE;
  if (!kml_trace_columns_parse (text, &columns, error))
    return FALSE;
  kml_trace_columns_clear (&columns);
  return TRUE;
}

gboolean
kml_trace_columns_from_names (const char *const *names, KmlTraceColumns *ret_columns)
{
  KmlTraceColumns self = { .has_names = TRUE };
  gboolean good = TRUE;

  for (guint i = 0; names[i] != NULL && good; i++) {
    const char *const colon = strchr (names[i], ':');
    g_autofree char *name = colon != NULL ? g_strndup (names[i], (gsize)(colon - names[i]))
                                          : g_strdup (names[i]);
    const KmlTraceField field = find_field (name);

    good = field < KML_N_FIELDS && self.fields[field].column == 0 &&
           (colon == NULL || parse_unit (&self.fields[field], field, colon + 1, NULL));
    if (good)
      self.fields[field].column = i + 1;
  }
  if (!good || !check_fields (&self, NULL)) {
    kml_trace_columns_clear (&self);
    return FALSE;
  }
  *ret_columns = self;
  return TRUE;
}

static gboolean
resolve_name (KmlTraceColumn *column, const char *const *names, GError **error)
{
  g_autofree char *quoted = NULL, *all = NULL, *shown = NULL;
  const char *nearest;

  for (guint i = 0; names[i] != NULL; i++)
    if (strcmp (names[i], column->name) == 0) {
      column->column = i + 1;
      return TRUE;
    }
  quoted = kml_quote (column->name, -1);
  nearest = kml_nearest_name (column->name, names);
  all = g_strjoinv (", ", (char **)names);
  shown = kml_quote (all, -1);
  return nearest != NULL
             ? refuse (error, "there is no column %s: did you mean “%s”? The columns are %s",
                       quoted, nearest, shown)
             : refuse (error, "there is no column %s: the columns are %s", quoted, shown);
}

gboolean
kml_trace_columns_resolve (KmlTraceColumns *self, const char *const *names, GError **error)
{
  const guint n = g_strv_length ((char **)names);

  for (guint i = 0; i < KML_N_FIELDS; i++) {
    KmlTraceColumn *const column = &self->fields[i];

    if (column->name != NULL && !resolve_name (column, names, error))
      return FALSE;
    if (column->column > n)
      return refuse (error, "there is no column %u: the first line has %u", column->column, n);
  }
  return TRUE;
}
