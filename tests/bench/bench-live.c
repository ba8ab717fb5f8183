/* bench-live.c: what an operation takes against how many blocks are live.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * For each registered allocator, and 10^3, 10^3.5, 10^4, ... live blocks: memory is filled, and then a block
 * drawn at random is freed and another asked for, again and again. Printed are, for an operation,
 *
 *   host ns   of this program, the least of ROUNDS rounds; the draws are not measured. It rises for all
 *             when blocks and their records no longer fit the host's caches
 *   sim ns    of the simulated machine, with the default cost profile: what the model says, the same
 *             everywhere. A constant-time allocator is flat
 *
 * and for comparison the host ns of this process' own malloc() and free(), which touch less: no simulated machine.
 *
 * Objects have 16 to 128 bytes, uniformly; pages come by 1 to 4. An allocator is not tried with more blocks
 * once an operation has taken more than LIMIT_NS.
 *
 *   bench-live [ALLOCATOR|objects|pages|constant-time [LARGEST]]        all of them, and up to 10^6 blocks
 *
 * 10^7 blocks take up to 4 GB of the host's memory. The output is data for gnuplot (docs/pictures/live.gp): a block for each
 * allocator.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "simcore/allocator.h"
#include "simcore/base/rng.h"

#define PAGE_SIZE   4096
#define ROUNDS      5
#define PER_ROUND   100000 /* operations, half of them requests */
#define LIMIT_NS    20000
#define MOST_BLOCKS 1000000 /* unless LARGEST says otherwise */

/* Those whose operations take a number of steps that does not depend on how many blocks are live. */
static const char *const constant_time[] = { "buddy", "half-fit", "segregated", "slab",
                                             "slub",  "tlsf",     NULL };

/* The default profile's (scenarios/profiles/default.profile), in picoseconds. */
static const KmlTime costs[KML_N_COSTS] = {
  [KML_COST_INSTRUCTION] = 100, [KML_COST_BRANCH_MISS] = 5000, [KML_COST_HOT] = 1300,
  [KML_COST_WARM] = 4700,       [KML_COST_COLD] = 80000,       [KML_COST_ATOMIC] = 6000,
  [KML_COST_LOCK] = 16000,      [KML_COST_ZERO_PAGE] = 60000,
};

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages;
  KmlAllocator *objects; /* (nullable) */
  KmlAllocator *tested;
  KmlAddr *live; /* (owned) (array length=n_live) */
  guint n_live;
  KmlRng rng;
} Bench;

typedef struct {
  guint32 victim, size;
} Draw;

static double
cpu_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static KmlAllocator *
start (const KmlAllocatorOps *ops, KmlMachine *machine, KmlAllocator *lower)
{
  KmlAllocator *allocator = kml_allocator_new (ops, machine, lower);
  g_autoptr (GError) error = NULL;

  if (!kml_allocator_start (allocator, &error))
    g_error ("bench-live: %s: %s", ops->name, error->message);
  return allocator;
}

static guint32
random_size (Bench *self)
{
  return self->pages == NULL || self->objects != NULL
             ? 16 + (guint32)kml_rng_below (&self->rng, 113)
             : PAGE_SIZE * (1 + (guint32)kml_rng_below (&self->rng, 4));
}

static KmlAddr
ask (Bench *self, guint32 size)
{
  const KmlRequest request = { .size = size };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (self->tested, &request, &held);

  g_assert (addr != KML_ADDR_NONE);
  return addr;
}

/* RAM for twice of what is asked for, at least; the host gives what is touched. */
static void
bench_init (Bench *self, const KmlAllocatorOps *ops, guint n_live)
{
  const guint64 mean = ops->level == KML_LEVEL_PAGES ? 3 * PAGE_SIZE : 80;
  KmlMachineConfig config = { .n_cpus = 1, .page_size = PAGE_SIZE };
  g_autoptr (GError) error = NULL;

  config.ram = ((64 << 20) + 3 * mean * n_live) / PAGE_SIZE * PAGE_SIZE;
  memcpy (config.cost, costs, sizeof costs);
  *self = (Bench){ .n_live = n_live };
  self->machine = kml_machine_new (&config, &error);
  if (self->machine == NULL)
    g_error ("bench-live: %s", error->message);
  if (ops->level == KML_LEVEL_PAGES) {
    self->tested = self->pages = start (ops, self->machine, NULL);
  } else {
    self->pages = start (kml_allocator_find ("buddy"), self->machine, NULL);
    self->tested = self->objects = start (ops, self->machine, self->pages);
  }
  self->live = g_new (KmlAddr, n_live);
  kml_rng_init (&self->rng, 1, "bench");
}

static void
bench_finish (Bench *self)
{
  kml_allocator_destroy (self->objects);
  kml_allocator_destroy (self->pages);
  kml_machine_free (self->machine);
  g_free (self->live);
}

static void
fill (Bench *self)
{
  for (guint i = 0; i < self->n_live; i++)
    self->live[i] = ask (self, random_size (self));
}

static Draw *
draw (Bench *self, guint n_draws)
{
  Draw *draws = g_new (Draw, n_draws);

  for (guint i = 0; i < n_draws; i++)
    draws[i] = (Draw){ (guint32)kml_rng_below (&self->rng, self->n_live), random_size (self) };
  return draws;
}

/* Host ns an operation. */
static double
churn (Bench *self, guint n_draws)
{
  g_autofree Draw *draws = draw (self, n_draws);
  const KmlRequest how = { 0 };
  const double before = cpu_ns ();

  for (guint i = 0; i < n_draws; i++) {
    KmlAddr *block = &self->live[draws[i].victim];

    kml_allocator_free_block (self->tested, *block, &how);
    *block = ask (self, draws[i].size);
  }
  return (cpu_ns () - before) / (2.0 * n_draws);
}

static double
churn_native (Bench *self, void **live, guint n_draws)
{
  g_autofree Draw *draws = draw (self, n_draws);
  const double before = cpu_ns ();

  for (guint i = 0; i < n_draws; i++) {
    void **block = &live[draws[i].victim];

    free (*block);
    *block = malloc (draws[i].size);
  }
  return (cpu_ns () - before) / (2.0 * n_draws);
}

static void
measure_native (guint n_live)
{
  g_autofree void **live = g_new (void *, n_live);
  Bench bench = { .n_live = n_live };
  double host = G_MAXDOUBLE;

  kml_rng_init (&bench.rng, 1, "bench");
  for (guint i = 0; i < n_live; i++)
    live[i] = malloc (random_size (&bench));
  churn_native (&bench, live, MIN (n_live, 5 * PER_ROUND));
  for (guint round = 0; round < ROUNDS; round++) {
    const double ns = churn_native (&bench, live, PER_ROUND / 2);

    host = MIN (host, ns);
  }
  g_print ("%10u %10.1f\n", n_live, host);
  for (guint i = 0; i < n_live; i++)
    free (live[i]);
}

/* FALSE: more live blocks need not be tried. */
static gboolean
measure (const KmlAllocatorOps *ops, guint n_live)
{
  guint n_draws = PER_ROUND / 2;
  double host, pilot;
  KmlTime simulated;
  Bench bench;

  bench_init (&bench, ops, n_live);
  fill (&bench);
  pilot = churn (&bench, 200);
  if (pilot * PER_ROUND > 1e9)
    n_draws = 1000;
  host = churn (&bench, MIN (n_live, 10 * n_draws)); /* away from how it was filled */
  simulated = bench.machine->now;
  for (guint round = 0; round < ROUNDS; round++) {
    const double ns = churn (&bench, n_draws);

    host = round == 0 ? ns : MIN (host, ns);
  }
  simulated = (bench.machine->now - simulated) / (2 * ROUNDS * n_draws);
  g_print ("%10u %10.1f %10.1f\n", n_live, host, (double)simulated / 1000);
  bench_finish (&bench);
  return host < LIMIT_NS;
}

/* Whether @what, an allocator's name or that of a group, means this one. */
static gboolean
is_meant (const KmlAllocatorOps *ops, const char *what)
{
  if (ops->level == KML_LEVEL_LAYER || g_str_equal (ops->name, "bump"))
    return FALSE; /* bump does not reuse what is freed */
  if (g_str_equal (what, "constant-time"))
    return g_strv_contains (constant_time, ops->name);
  return g_str_equal (what, "all") || g_str_equal (what, ops->name) ||
         g_str_equal (what, ops->level == KML_LEVEL_PAGES ? "pages" : "objects");
}

int
main (int argc, char **argv)
{
  static const guint live[] = {
    1000, 3162, 10000, 31623, 100000, 316228, 1000000, 3162278, 10000000
  };
  guint n, largest = argc > 2 ? (guint)g_ascii_strtoull (argv[2], NULL, 10) : MOST_BLOCKS;
  const KmlAllocatorOps *const *list = kml_allocator_list (&n);

  for (guint i = 0; i < n; i++) {
    if (!is_meant (list[i], argc > 1 ? argv[1] : "all"))
      continue;
    g_print ("# %s, %s: live blocks, host ns, simulated ns an operation\n", list[i]->name,
             list[i]->level == KML_LEVEL_PAGES ? "pages" : "objects");
    g_print ("\"%s\"\n", list[i]->name);
    for (guint k = 0; k < G_N_ELEMENTS (live); k++)
      if (live[k] <= largest && !measure (list[i], live[k]))
        break;
    g_print ("\n\n");
  }
  g_print ("# native malloc, objects: live blocks, host ns an operation\n\"malloc\"\n");
  for (guint k = 0; k < G_N_ELEMENTS (live) && live[k] <= largest; k++)
    measure_native (live[k]);
  return 0;
}
