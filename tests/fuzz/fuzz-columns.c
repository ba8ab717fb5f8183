/* fuzz-columns.c: a CSV and the map of its columns: the first line of the input is the map.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "workloads/traces/trace.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = fuzz_text (data, size);
  const char *end = memchr (text, '\n', size);
  const size_t length = end != NULL ? (size_t)(end - text) : size;
  g_autofree char *columns = g_strndup (text, length);
  const KmlTraceOptions options = { .shown = "input", .columns = columns };
  const size_t at = MIN (length + 1, size);
  g_autoptr (KmlTrace) trace = NULL;
  g_autoptr (GError) error = NULL;
  KmlTraceEvent events[64];

  if (g_utf8_validate (columns, -1, NULL))
    trace = kml_trace_open_with (fuzz_file (data + at, size - at), &options, &error);
  while (trace != NULL && kml_trace_next (trace, events, G_N_ELEMENTS (events), &error) > 0)
    continue;
  return 0;
}
