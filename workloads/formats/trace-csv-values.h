/* trace-csv-values.h: what the cells of a table of requests say.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Programs write the same number in many ways: 0x1f, bare hexadecimal, 100.0 for 100, 9.5e-05, (nil) for 0. All return FALSE for what
 * they cannot read to the cell's end.
 */

#pragma once

#include "workloads/formats/trace-cells.h"

G_BEGIN_DECLS

/* "100.0" is one: where cells of a column are empty, tools that know no empty number write all of it so. */
gboolean kml_trace_value_number (KmlTraceCell cell, gboolean is_hex, guint64 *ret_value);

/* A number, or what printf() makes of NULL. */
gboolean kml_trace_value_id (KmlTraceCell cell, gboolean is_hex, guint64 *ret_value);

/* Whole units and a fraction of one, as ns. @unit_ns: 0: seconds if there is a fraction, else ns. */
gboolean kml_trace_value_time (KmlTraceCell cell, guint64 unit_ns, gboolean may_have_comma,
                               guint64 *ret_ns);

/* A KmlContext. "task:ip1" is process context. */
gboolean kml_trace_value_context (KmlTraceCell cell, guint8 *ret_context);

/* A name of KmlMobility, or a small number. */
gboolean kml_trace_value_migratetype (KmlTraceCell cell, guint8 *ret_type);

G_END_DECLS
