/* trace-report.c: what `trace-cmd report` prints.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   cpus=4
 *              ktrec-310   [001]    83.794970: kmem_cache_free:      (__fput+0x100) call_site=…
 *   ktrec-310     1d..h1.    83.794970: kmem_cache_free:      (__fput+0x100) call_site=…   (-l)
 *
 * With -l, the CPU and the latency flags stand together: "1" and "d..h1.". The comm is cut to
 * eight bytes then. Flags behind "[001]", where the kernel has them, are read as well, so that it does not matter what a version of
 * trace-cmd prints. Lost events are "CPU:2 [LOST 153 EVENTS]".
 */

#include "workloads/formats/trace-task.h"

/* "  1d..h1.": the digits of the CPU, then five or six flags. The first flag is never a digit. */
#define STYLES (KML_TRACE_CPU_BARE | KML_TRACE_CPU_BRACKETS)

static gboolean
report_recognises (const char *line, const char *end)
{
  KmlTraceTasks none = { 0 };
  KmlTraceLine ignored;
  const char *name;

  return kml_trace_begins_with (line, end, "cpus=") ||
         kml_trace_read_task (&none, line, end, STYLES, &name, &ignored);
}

static KmlTraceLineKind
report_parse (KmlTraceTexts *texts, const char *line, const char *end, KmlTraceLine *ret_line)
{
  const char *name;

  if (!kml_trace_read_task (&texts->tasks, line, end, STYLES | KML_TRACE_CPU_WITH_FLAGS, &name,
                            ret_line))
    return kml_trace_parse_note (line, end, ret_line);
  return kml_trace_parse_event (texts, name, end, ret_line);
}

static const KmlTraceFormat report_format = {
  .name = "trace-cmd",
  .summary = "text of `trace-cmd report`, with or without -l",
  .recognises = report_recognises,
  .parse = report_parse,
};

KML_REGISTER_TRACE_FORMAT (report_format)
