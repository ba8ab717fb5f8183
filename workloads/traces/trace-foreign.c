/* trace-foreign.c: files that people bring and that are not read: what to bring instead.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/traces/trace-foreign.h"

#include <string.h>

#define BYTES(text) text, sizeof (text) - 1

const char *
kml_trace_foreign (const char *bytes, gsize n)
{
  static const struct {
    gsize offset;
    const char *bytes;
    gsize length;
    const char *advice;
  } files[] = {
    { 0, BYTES ("PERFILE2"), "perf's own file: bring the text that `perf script` prints" },
    { 0, BYTES ("\xff\xfe"), "the text is UTF-16: write it as UTF-8" },
    { 0, BYTES ("\xfe\xff"), "the text is UTF-16: write it as UTF-8" },
    { 0, BYTES ("BZh"), "compressed by bzip2: gzip, xz and zstd are read" },
    { 0, BYTES ("\x04\x22\x4d\x18"), "compressed by lz4: gzip, xz and zstd are read" },
    { 0, BYTES ("PK\3\4"), "a zip archive: take the file out of it" },
    { 0, BYTES ("7z\xbc\xaf\x27\x1c"), "a 7z archive: take the file out of it" },
    { 257, BYTES ("ustar"), "a tar archive: take the file out of it" },
    { 0, BYTES ("\xc1\x1f\xfc\xc1"), "a stream of LTTng (CTF), which is not read" },
    { 0, BYTES ("SQLite format 3"), "an SQLite database, and no recording: expected a trace" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    if (n >= files[i].offset + files[i].length &&
        memcmp (bytes + files[i].offset, files[i].bytes, files[i].length) == 0)
      return files[i].advice;
  return NULL;
}
