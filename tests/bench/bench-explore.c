/* bench-explore.c: schedules a second.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two tasks that may deadlock, over schedules that do not: drawn at random, so that each is executed from its beginning, and all of them.
 * With a larger machine the same schedules must cost the same. Best of the rounds, CPU time, one core.
 */

#include "scenarios/exploring/explore.h"
#include "tests/bench/bench.h"

#include <string.h>

#define ROUNDS   5
#define N_RANDOM 20000
#define LOCKS    "[lock A]\n[lock B]\n"
#define A_THEN_B "lock A, work 5us, lock B, unlock B, unlock A"
#define B_THEN_A "lock B, work 5us, lock A, unlock A, unlock B"

typedef struct {
  const char *name, *machine, *tasks;
} Case;

/* [schedule] is not used: who comes next is the explorer's to say. */
static const Case cases[] = {
  { "two locks in one order, 16 MiB", "ram = 16MiB",
    LOCKS "[task T1]\nprogram = " A_THEN_B "\n[task T2]\ncpus = 1\nprogram = " A_THEN_B "\n" },
  { "two locks in one order, 1 GiB", "ram = 1GiB",
    LOCKS "[task T1]\nprogram = " A_THEN_B "\n[task T2]\ncpus = 1\nprogram = " A_THEN_B "\n" },
  { "allocator and pager, a pool, 16 MiB", "ram = 16MiB",
    "[pages]\nlock = mutex\n[pager]\nmetadata = pageable\npool = 4\n[region data]\nsize = 4KiB\n"
    "[task T1]\nprogram = alloc a 4KiB pages\n[task T2]\ncpus = 1\nprogram = touch data\n" },
  { "allocator and pager, a pool, 1 GiB", "ram = 1GiB",
    "[pages]\nlock = mutex\n[pager]\nmetadata = pageable\npool = 4\n[region data]\nsize = 4KiB\n"
    "[task T1]\nprogram = alloc a 4KiB pages\n[task T2]\ncpus = 1\nprogram = touch data\n" },
};

static KmlExploreState
explore (const KmlScenario *scenario, KmlSearchKind kind, double *ret_seconds)
{
  const KmlExploreConfig config = { .search = { .kind = kind, .preemptions = KML_ANY_PREEMPTIONS },
                                    .n_jobs = 1,
                                    .budget = kind == KML_SEARCH_RANDOM ? N_RANDOM : 0 };
  KmlRunSpec *spec = kml_scenario_run_spec (scenario, 0);
  KmlExploreState state;
  KmlExploreVerdict verdict;

  *ret_seconds = G_MAXDOUBLE;
  for (guint round = 0; round < ROUNDS; round++) {
    const double start = cpu_seconds ();

    if (round > 0)
      kml_explore_state_clear (&state);
    kml_explore_state_init (&state);
    if (!kml_explore (scenario, spec, &config, &state, &verdict, NULL))
      g_error ("the scenario cannot be run");
    *ret_seconds = MIN (*ret_seconds, cpu_seconds () - start);
  }
  kml_run_spec_free (spec);
  return state;
}

static void
measure (const Case *one)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autofree char *text = g_strdup_printf ("[machine]\ncpus = 2\n%s\n%s", one->machine, one->tasks);
  KmlScenario *scenario = kml_scenario_load_text (one->name, NULL, NULL, text, strlen (text), NULL,
                                                  problems);
  KmlExploreState state;
  double seconds;

  g_assert (scenario != NULL);
  state = explore (scenario, KML_SEARCH_RANDOM, &seconds);
  g_print ("%-36s  random      %7.0f schedules/s\n", one->name,
           (double)state.n_schedules / seconds);
  kml_explore_state_clear (&state);
  state = explore (scenario, KML_SEARCH_EXHAUSTIVE, &seconds);
  g_print ("%-36s  exhaustive  %7" G_GUINT64_FORMAT " schedules in %.3f s\n", one->name,
           state.n_schedules, seconds);
  kml_explore_state_clear (&state);
  kml_scenario_free (scenario);
}

int
main (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    measure (&cases[i]);
  return 0;
}
