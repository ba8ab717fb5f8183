/* trace-spool.h: a stream as a file that can be entered anywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/traces/trace-input.h"

G_BEGIN_DECLS

/* A descriptor (transfer full) for the decoded bytes of all of @input, from which nothing has been read: that of the
 * file itself if it is plain, else that of a copy in the folder for temporary files, which has no name
 * and is gone when the last one has closed it. -1: @error is set. */
int kml_trace_spool (KmlTraceInput *input, guint64 *ret_size, GError **error);

/* An empty file without a name in the folder for temporary files. @shown: for which file, as messages call it. */
int kml_trace_spool_new (const char *shown, GError **error);

G_END_DECLS
