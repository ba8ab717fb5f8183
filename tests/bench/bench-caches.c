/* bench-caches.c: what a reference through the cache model takes on the host.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The geometry is that of scenarios/profiles/skylake-sp.caches. Each row is a stream of references that is served in one place, and says which it was:
 *
 *   one line again          L1, used last
 *   a page, in order        L1, another set each time
 *   256 KiB, in order       L2
 *   4 MiB, at random        a mixture of L2 and the last level
 *   1 GiB, at random        memory, and the tags in no cache of the host
 *   two CPUs, one line      modified, by turns
 *   four CPUs, 64 KiB       reads and writes at random: upgrades and transfers
 *
 *   bench-caches [MILLIONS]
 */

#include "simcore/caches/caches.h"
#include "simcore/base/rng.h"
#include "tests/bench/bench.h"

#define LINE 64u

static const KmlCachesConfig geometry = {
  .line = LINE,
  .shapes = { { 32 << 10, 8 }, { 1 << 20, 16 }, { 1408 << 10, 11 } },
  .is_per_cpu = TRUE,
  .latency = { 1300, 4700, 20000, 45000, 50000, 45000, 80000 },
};

typedef struct {
  const char *name;
  guint n_cpus;
  guint64 size; /* bytes that are referred to */
  gboolean is_random;
  guint one_in; /* of so many one is a write; 0: none */
} Row;

static const Row rows[] = {
  { "one line again", 1, LINE, FALSE, 0 },         { "a page, in order", 1, 4096, FALSE, 4 },
  { "256 KiB, in order", 1, 256 << 10, FALSE, 4 }, { "4 MiB, at random", 1, 4 << 20, TRUE, 4 },
  { "1 GiB, at random", 1, 1 << 30, TRUE, 4 },     { "two CPUs, one line", 2, LINE, FALSE, 1 },
  { "four CPUs, 64 KiB", 4, 64 << 10, TRUE, 4 },
};

/* Where the line is and whether it is written, worked out beforehand: nothing but the model is timed. */
static guint32 *
make_references (const Row *row, guint n)
{
  guint32 *references = g_new (guint32, n);
  const guint64 n_lines = row->size / LINE;
  KmlRng rng;

  kml_rng_init (&rng, 1, row->name);
  for (guint i = 0; i < n; i++) {
    const guint64 line = row->is_random ? kml_rng_below (&rng, n_lines) : i % n_lines;
    const gboolean is_write = row->one_in != 0 && kml_rng_below (&rng, row->one_in) == 0;

    references[i] = (guint32)(line << 1 | is_write);
  }
  return references;
}

static void
run (KmlCaches *caches, const Row *row, const guint32 *references, guint n)
{
  for (guint i = 0, cpu = 0; i < n; i++) {
    kml_caches_access (caches, cpu, (KmlAddr)(references[i] >> 1) * LINE, references[i] & 1);
    cpu = cpu + 1 == row->n_cpus ? 0 : cpu + 1;
  }
}

static void
measure (const Row *row, guint n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlCaches)
      caches = kml_caches_new (&geometry, row->n_cpus, G_GUINT64_CONSTANT (1) << 30, &error);
  g_autofree guint32 *references = make_references (row, n);
  const guint64 *served;
  double best = G_MAXDOUBLE;
  guint most = 0;

  if (caches == NULL)
    g_error ("%s", error->message);
  for (guint round = 0; round < 5; round++) {
    const double start = cpu_seconds ();

    run (caches, row, references, n);
    best = MIN (best, cpu_seconds () - start);
  }
  served = kml_caches_counts (caches)->served[KML_ACCOUNT_METADATA];
  for (guint i = 0; i < KML_N_SERVED; i++)
    if (served[i] > served[most])
      most = i;
  g_print ("%-20s %6.1f ns a reference   (%2.0f %% %s, %2.0f %% l1)\n", row->name, best * 1e9 / n,
           100.0 * (double)served[most] / (5.0 * n), kml_served_info[most].key,
           100.0 * (double)served[KML_SERVED_L1] / (5.0 * n));
}

int
main (int argc, char **argv)
{
  const guint64 millions = argc > 1 ? g_ascii_strtoull (argv[1], NULL, 10) : 2;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    measure (&rows[i], (guint)CLAMP (millions, 1, 1000) * 1000000);
  return 0;
}
