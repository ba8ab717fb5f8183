/* trace-dat.c: trace.dat, what `trace-cmd record` writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A binary form whose events can only be understood with the descriptions that the recorded kernel has put into it, by
 * a library that crashes on hostile files. So trace-cmd itself reads it, in a process of its own, and prints
 * what this program reads as text:
 *
 *   trace-cmd report -l -t -i FILE       -l: with the column of flags, which tells the context
 *                                        -t: times to the nanosecond
 *
 * trace-cmd prints nothing of a file of its version 7 that was cut, and says that all is well. A
 * file of which there is no event is therefore refused. One of version 6 that was cut looks like a short one.
 */

#include "workloads/traces/trace-source.h"
#include "workloads/traces/trace-spool.h"

static gboolean
dat_recognises (const char *head, gsize n)
{
  return n > 10 && memcmp (head,
                           "\x17\x08"
                           "Dtracing",
                           10) == 0;
}

static KmlTraceChild *
dat_translate (KmlTraceInput *input, GError **error)
{
  static const char *const argv[] = { "trace-cmd", "report", "-l", "-t", "-i", "/dev/fd/3", NULL };
  guint64 size;
  const int fd = kml_trace_spool (input, &size, error);

  if (fd < 0)
    return NULL;
  return kml_trace_child_new (argv, fd, kml_trace_input_shown (input), "trace-cmd", error);
}

static const KmlTraceSourceOps dat_source = {
  .name = "trace.dat",
  .summary = "what `trace-cmd record` writes, read through `trace-cmd report`",
  .recognises = dat_recognises,
  .translate = dat_translate,
};

KML_REGISTER_TRACE_SOURCE (dat_source)
