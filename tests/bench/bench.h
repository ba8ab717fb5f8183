/* bench.h: what benchmarks share: the clock that they look at, and the end when something cannot be read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>
#include <stdlib.h>
#include <time.h>

/* CPU time of the program. */
static inline double
cpu_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void G_GNUC_NORETURN
die (const GError *error)
{
  g_printerr ("%s: %s\n", g_get_prgname () != NULL ? g_get_prgname () : "benchmark",
              error->message);
  exit (2);
}
