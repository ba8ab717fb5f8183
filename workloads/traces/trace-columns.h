/* trace-columns.h: what the columns of a CSV mean.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   time=ts_ns, op=2, id=ptr:hex, size=bytes_req      FIELD=COLUMN[:UNIT], …
 *
 * A column is a number from 1 or a name in the first line. The idea, and that a map is given once instead
 * of a format for each tool, is libCacheSim's.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef enum {
  KML_FIELD_TIME,
  KML_FIELD_OP,
  KML_FIELD_ID,
  KML_FIELD_OLD,
  KML_FIELD_SIZE,
  KML_FIELD_GIVEN,
  KML_FIELD_CPU,
  KML_FIELD_PID,
  KML_FIELD_CONTEXT,
  KML_FIELD_GFP,
  KML_FIELD_SITE,
  KML_FIELD_CACHE,
  KML_FIELD_PFN,
  KML_FIELD_ORDER,
  KML_FIELD_MIGRATETYPE,
  KML_N_FIELDS,
} KmlTraceField;

/* "time", "op", …, then NULL; and what each says. */
extern const char *const kml_trace_field_names[KML_N_FIELDS + 1];
extern const char *const kml_trace_field_summaries[KML_N_FIELDS];

typedef struct {
  guint column;    /* from 1; 0: not mapped, or known by .name alone so far */
  char *name;      /* (owned) (nullable): of the column, in the first line */
  gboolean is_hex; /* numbers are hexadecimal without 0x */
  guint64 unit_ns; /* time; 0: nanoseconds, or seconds where there is a decimal point */
  char *alloc;     /* (owned) (nullable): op: the words for an allocation … */
  char *free;      /* (owned) (nullable): … and for a free, where they are not the usual ones */
} KmlTraceColumn;

typedef struct {
  KmlTraceColumn fields[KML_N_FIELDS];
  gboolean has_names; /* some column is known by its name, so there is a line of names */
} KmlTraceColumns;

/* Errors say what was expected, and the nearest name. */
gboolean kml_trace_columns_parse (const char *text, KmlTraceColumns *ret_columns, GError **error);
void kml_trace_columns_clear (KmlTraceColumns *self);

/* The map that a line of names is by itself: each must be that of a field, such as "op" or "id:hex". FALSE: some
 * is none. A map that knew half of the columns would read nonsense without a word. */
gboolean kml_trace_columns_from_names (const char *const *names, KmlTraceColumns *ret_columns);

/* Turns names into numbers. @names (array zero-terminated=1): the cells of the first line. */
gboolean kml_trace_columns_resolve (KmlTraceColumns *self, const char *const *names,
                                    GError **error);

static inline gboolean
kml_trace_columns_has (const KmlTraceColumns *self, KmlTraceField field)
{
  return self->fields[field].column != 0 || self->fields[field].name != NULL;
}

/* For KmlParam.validate: a map, or "auto". */
gboolean kml_trace_columns_validate (const char *text, GError **error);

G_END_DECLS
