/* trace-csv-values.c: what the cells of a table of requests say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/formats/trace-csv-values.h"

#include "simcore/request.h"
#include "workloads/traces/trace-source.h"
#include "workloads/traces/trace-walk.h"

#include <string.h>

gboolean
kml_trace_value_number (KmlTraceCell cell, gboolean is_hex, guint64 *ret_value)
{
  const char *at = cell.at;

  if (cell.end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
    is_hex = TRUE;
    at += 2;
  }
  if (is_hex)
    return kml_trace_source_hex (at, ret_value) == cell.end;
  if (!kml_trace_read_decimal (at, &at, ret_value))
    return FALSE;
  if (cell.end - at > 1 && *at == '.')
    for (at++; at < cell.end && *at == '0';)
      at++;
  return at == cell.end;
}

gboolean
kml_trace_value_id (KmlTraceCell cell, gboolean is_hex, guint64 *ret_value)
{
  const gsize length = (gsize)(cell.end - cell.at);

  *ret_value = 0;
  return (length == 5 && memcmp (cell.at, "(nil)", 5) == 0) ||
         (length == 6 && memcmp (cell.at, "(null)", 6) == 0) ||
         kml_trace_value_number (cell, is_hex, ret_value);
}

/* "9.5e-05", as programs write small numbers: what a double makes of it. */
static gboolean
read_power (KmlTraceCell cell, guint64 unit_ns, guint64 *ret_ns)
{
  char *end;
  const double value = g_ascii_strtod (cell.at, &end) * (double)unit_ns;

  if (end != cell.end || strspn (cell.at, "0123456789.eE+-") < (gsize)(end - cell.at) ||
      !(value < 9e18))
    return FALSE;
  *ret_ns = (guint64)(value + 0.5);
  return TRUE;
}

/* Nine digits of a fraction; programs write more, which say nothing. NULL: there are none. */
static const char *
read_fraction (const char *at, const char *end, guint64 unit_ns, guint64 *ret_ns)
{
  const char *const begin = at;
  guint64 fraction = 0, scale = 1;

  for (; at < end && g_ascii_isdigit (*at); at++)
    if (at - begin < 9) {
      fraction = fraction * 10 + (guint64)(*at - '0');
      scale *= 10;
    }
  *ret_ns = fraction * unit_ns / scale;
  return at > begin ? at : NULL;
}

gboolean
kml_trace_value_time (KmlTraceCell cell, guint64 unit_ns, gboolean may_have_comma, guint64 *ret_ns)
{
  const gsize n = (gsize)(cell.end - cell.at);
  guint64 whole, fraction = 0;
  const char *at;
  gboolean has_point, has_power;

  if (!kml_trace_read_decimal (cell.at, &at, &whole))
    return FALSE;
  has_point = at < cell.end && (*at == '.' || (may_have_comma && *at == ','));
  has_power = memchr (cell.at, 'e', n) != NULL || memchr (cell.at, 'E', n) != NULL;
  if (unit_ns == 0)
    unit_ns = has_point || has_power ? 1000000000 : 1;
  if (has_power)
    return read_power (cell, unit_ns, ret_ns);
  if (has_point)
    at = read_fraction (at + 1, cell.end, unit_ns, &fraction);
  if (at != cell.end || whole > G_MAXUINT64 / unit_ns - 1)
    return FALSE;
  *ret_ns = whole * unit_ns + fraction;
  return TRUE;
}

gboolean
kml_trace_value_context (KmlTraceCell cell, guint8 *ret_context)
{
  static const struct {
    const char *word;
    KmlContext context;
  } words[] = {
    { "process", KML_CONTEXT_PROCESS }, { "task", KML_CONTEXT_PROCESS },
    { "softirq", KML_CONTEXT_SOFTIRQ }, { "hardirq", KML_CONTEXT_HARDIRQ },
    { "irq", KML_CONTEXT_HARDIRQ },     { "nmi", KML_CONTEXT_HARDIRQ },
  };
  const gsize length = (gsize)(kml_trace_find (cell.at, cell.end, ':') - cell.at);

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (strlen (words[i].word) == length && memcmp (words[i].word, cell.at, length) == 0) {
      *ret_context = (guint8)words[i].context;
      return TRUE;
    }
  return FALSE;
}

gboolean
kml_trace_value_migratetype (KmlTraceCell cell, guint8 *ret_type)
{
  guint64 value;

  for (guint i = 0; kml_mobility_names[i] != NULL; i++)
    if (strlen (kml_mobility_names[i]) == (gsize)(cell.end - cell.at) &&
        memcmp (kml_mobility_names[i], cell.at, (gsize)(cell.end - cell.at)) == 0) {
      *ret_type = (guint8)i;
      return TRUE;
    }
  if (!kml_trace_value_number (cell, FALSE, &value) || value >= KML_TRACE_NO_MIGRATETYPE)
    return FALSE;
  *ret_type = (guint8)value;
  return TRUE;
}
