/* cache-walk.c: one stream of references, made by a processor or put to the cache model.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   cache-walk real PATTERN     reads memory: to be watched by a simulator of caches (cachegrind.py)
 *   cache-walk model PATTERN    prints how many of the same references miss L1, and L2
 *
 * With the pattern "-" (as long as the others, so that the stack is where it is) no reference is made: what the program does besides is the same, but for a line or two. For that, before and
 * after there is a pass over another array of SIZE, which leaves nothing of what was in any cache; in between nothing is referred to but the
 * array: all else is in registers. Geometry: L1 32 KiB of 8 ways; the second level, which cachegrind calls LL, 1 MiB of 16. L2 of the model
 * has all that L1 has; cachegrind's LL need not. Where that makes a difference is where a line stays in L1 while LL forgets it, which
 * none of the patterns brings about.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simcore/caches/caches.h"

#define LINE    64u
#define SIZE    (4u << 20)
#define N_STEPS 400000u

/* The line of step @i. A step of a linear congruential generator is three instructions: no memory. */
#define NEXT(state) ((state)*1664525u + 1013904223u)

static inline guint32
line_of (guint pattern, guint32 i, guint32 state)
{
  switch (pattern) {
  case 0: /* in order over 24 KiB, which fits in L1 */
    return i % (24 * 1024 / LINE);
  case 1: /* in order over 40 KiB, which does not: LRU loses each line just before it is wanted */
    return i % (40 * 1024 / LINE);
  case 2: /* a page apart: 12 lines of one set of L1 */
    return i % 12 * (4096 / LINE);
  case 3: /* at random over 64 KiB */
    return (state >> 12) % (64 * 1024 / LINE);
  default: /* at random over 2 MiB, twice the second level */
    return (state >> 12) % (2 * 1024 * 1024 / LINE);
  }
}

__attribute__ ((noinline)) static void
forget (const volatile guint8 *other)
{
  for (guint32 i = 0; i < SIZE; i += LINE)
    (void)other[i];
}

__attribute__ ((noinline)) static void
walk (const volatile guint8 *array, guint pattern, guint32 n_steps)
{
  guint32 state = 1;

  for (guint32 i = 0; i < n_steps; i++) {
    state = NEXT (state);
    (void)array[line_of (pattern, i, state) * LINE];
  }
}

static int
model (guint pattern)
{
  const KmlCachesConfig geometry = {
    .line = LINE,
    .shapes = { { 32 << 10, 8 }, { 1 << 20, 16 }, { 16 << 20, 16 } },
    .is_inclusive = TRUE,
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlCaches) caches = kml_caches_new (&geometry, 1, SIZE, &error);
  const guint64 *served;
  guint64 n_missed;
  guint32 state = 1;

  if (caches == NULL) {
    fprintf (stderr, "%s\n", error->message);
    return EXIT_FAILURE;
  }
  served = kml_caches_counts (caches)->served[KML_ACCOUNT_METADATA];
  for (guint32 i = 0; i < N_STEPS; i++) {
    state = NEXT (state);
    kml_caches_access (caches, 0, (KmlAddr)line_of (pattern, i, state) * LINE, FALSE);
  }
  n_missed = N_STEPS - served[KML_SERVED_L1];
  printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", n_missed,
          n_missed - served[KML_SERVED_L2]);
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  const guint pattern = argc == 3 ? (guint)g_ascii_strtoull (argv[2], NULL, 10) : 0;
  guint32 n_steps;
  guint8 *array;

  if (argc != 3) {
    fprintf (stderr, "cache-walk real|model PATTERN\n");
    return 2;
  }
  if (g_str_equal (argv[1], "model"))
    return model (pattern);
  n_steps = g_str_equal (argv[2], "-") ? 0 : N_STEPS;
  array = aligned_alloc (SIZE, 2 * SIZE);
  if (array == NULL)
    return EXIT_FAILURE;
  /* pages of its own, whatever the host does with those that nobody writes */
  memset (array, 1, 2 * SIZE);
  forget (array + SIZE);
  walk (array, pattern, n_steps);
  forget (array + SIZE);
  _exit (EXIT_SUCCESS); /* nothing more, such as free(), which may write all of it */
}
