/* trace-report.h: what is in a recording, for people and for programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "cli/json.h"
#include "workloads/traces/trace.h"

G_BEGIN_DECLS

/* To standard output: tables of at most twenty rows. */
void kml_trace_report_print (KmlTrace *trace, const KmlTraceStats *stats);

/* Members of the document: all there is. */
void kml_trace_report_json (JsonBuilder *builder, const KmlTrace *trace,
                            const KmlTraceStats *stats);

G_END_DECLS
