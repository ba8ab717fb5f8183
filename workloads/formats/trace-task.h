/* trace-task.h: "comm-PID", as trace-cmd and the kernel begin their lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/traces/trace-format.h"

G_BEGIN_DECLS

/* How the rest of a line may be written. */
typedef enum {
  KML_TRACE_CPU_BARE = 1 << 0,       /* "1 d..h1.  83.79: ": trace-cmd report -l, latency-format */
  KML_TRACE_CPU_BRACKETS = 1 << 1,   /* "[001]     83.79: ": trace-cmd report */
  KML_TRACE_CPU_WITH_FLAGS = 1 << 2, /* "[001] d..h1. 83.79: ": the kernel */
} KmlTraceTaskStyle;

/* Reads "comm-PID CPU [flags] time"; *@ret_at is behind it, at a colon that a name
 * follows. */
gboolean kml_trace_read_task (KmlTraceTasks *tasks, const char *line, const char *end, guint styles,
                              const char **ret_at, KmlTraceLine *ret_line);

G_END_DECLS
