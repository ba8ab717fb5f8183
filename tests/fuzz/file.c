/* file.c: an input as a file that costs no disk, and as a text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define _GNU_SOURCE

#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

const char *
fuzz_file (const uint8_t *data, size_t size)
{
  static int fd = -1;
  static char path[64];
  size_t done = 0;

  if (fd >= 0)
    close (fd);
  fd = memfd_create ("input", 0);
  g_assert (fd >= 0);
  while (done < size) {
    const ssize_t n = write (fd, data + done, size - done);

    g_assert (n > 0);
    done += (size_t)n;
  }
  g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  return path;
}

char *
fuzz_text (const uint8_t *data, size_t size)
{
  return size > 0 ? g_strndup ((const char *)data, size) : g_strdup ("");
}
