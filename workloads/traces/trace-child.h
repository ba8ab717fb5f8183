/* trace-child.h: another program that turns a file into text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/traces/trace-input.h"

G_BEGIN_DECLS

/* It finds the file as /dev/fd/3, has nothing on its standard input, and ends when this is closed. */
typedef struct _KmlTraceChild KmlTraceChild;

/* Starts @argv[0], found in PATH. @fd (transfer full) is the file; @shown is how messages call it. @package: what to
 * install where the program is missing, which is KML_ERROR_WORLD. */
KmlTraceChild *kml_trace_child_new (const char *const *argv, int fd, const char *shown,
                                    const char *package, GError **error);
void kml_trace_child_close (KmlTraceChild *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTraceChild, kml_trace_child_close)

/* What it prints. (transfer none) */
KmlTraceInput *kml_trace_child_input (KmlTraceChild *self);

/* The text has ended or is not worth reading on: waits for the program to end, and ends it if it does not. FALSE: it
 * failed or crashed, and @error says how, with its own words. To be called once. */
gboolean kml_trace_child_finish (KmlTraceChild *self, GError **error);

G_END_DECLS
