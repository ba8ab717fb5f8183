/* trace-binary.h: recordings in binary form (.kmt, docs/trace-format.md).
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/traces/trace-input.h"
#include "workloads/traces/trace-strings.h"
#include "workloads/traces/trace.h"

G_BEGIN_DECLS

/* Whether the first bytes say so. */
gboolean kml_trace_is_binary (KmlTraceInput *input);

/* ---- Reading ---- */

typedef struct _KmlTraceBinary KmlTraceBinary;

/* Checks the header and reads the footer; @input and @info are borrowed. */
KmlTraceBinary *kml_trace_binary_new (KmlTraceInput *input, KmlTraceInfo *info, GError **error);
void kml_trace_binary_free (KmlTraceBinary *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTraceBinary, kml_trace_binary_free)

int kml_trace_binary_next (KmlTraceBinary *self, KmlTraceEvent *events, guint n, GError **error);
gboolean kml_trace_binary_seek (KmlTraceBinary *self, guint64 event, guint64 *ret_event,
                                GError **error);
double kml_trace_binary_progress (const KmlTraceBinary *self);
const KmlTraceStrings *kml_trace_binary_sites (const KmlTraceBinary *self);
const KmlTraceStrings *kml_trace_binary_caches (const KmlTraceBinary *self);
void kml_trace_binary_names (const KmlTraceBinary *self, GArray *names);

G_END_DECLS
