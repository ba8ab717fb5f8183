/* trace-text.h: reads a recording in text form.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/traces/trace-format.h"
#include "workloads/traces/trace-input.h"
#include "workloads/traces/trace.h"

G_BEGIN_DECLS

typedef struct _KmlTraceText KmlTraceText;

/* Finds out which format it is. @input and @info are borrowed; what is found out is written to
 * @info. */
KmlTraceText *kml_trace_text_new (KmlTraceInput *input, KmlTraceInfo *info, GError **error);
void kml_trace_text_free (KmlTraceText *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTraceText, kml_trace_text_free)

int kml_trace_text_next (KmlTraceText *self, KmlTraceEvent *events, guint n, GError **error);

const KmlTraceTexts *kml_trace_text_texts (const KmlTraceText *self);

/* Appends a KmlTraceNameCount for each name that has been met. */
void kml_trace_text_names (const KmlTraceText *self, GArray *names);

G_END_DECLS
