/* trace-ftrace.c: the kernel's own file, /sys/kernel/tracing/trace.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   # tracer: nop
 *             <idle>-0       [003] ..s1.    36.496213: kfree:
 *             call_site=security_cred_free+0x3c/0x50 ptr=…
 *
 * Pointers are hashed unless the kernel was told otherwise (option hash-ptr); that is no loss, as
 * only their identity counts. Kernels before 5.12 print four flags. With the option latency-format a line is that of `trace-cmd report -l`, with microseconds since the
 * beginning: "bash-7   1d..h1.   12us+: kfree: …". Files without flags (option
 * irq-info off) look like those of trace-cmd and are read as such, unless the header tells.
 */

#include "workloads/formats/trace-task.h"

static gboolean
ftrace_recognises (const char *line, const char *end)
{
  KmlTraceTasks none = { 0 };
  KmlTraceLine ignored;
  const char *name;

  return kml_trace_begins_with (line, end, "# tracer:") ||
         kml_trace_read_task (&none, line, end, KML_TRACE_CPU_WITH_FLAGS, &name, &ignored);
}

static KmlTraceLineKind
ftrace_parse (KmlTraceTexts *texts, const char *line, const char *end, KmlTraceLine *ret_line)
{
  const char *name;

  if (!kml_trace_read_task (&texts->tasks, line, end,
                            KML_TRACE_CPU_WITH_FLAGS | KML_TRACE_CPU_BRACKETS | KML_TRACE_CPU_BARE,
                            &name, ret_line))
    return kml_trace_parse_note (line, end, ret_line);
  return kml_trace_parse_event (texts, name, end, ret_line);
}

static const KmlTraceFormat ftrace_format = {
  .name = "ftrace",
  .summary = "the kernel's own trace file",
  .recognises = ftrace_recognises,
  .parse = ftrace_parse,
};

KML_REGISTER_TRACE_FORMAT (ftrace_format)
