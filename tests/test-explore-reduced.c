/* test-explore-reduced.c: what is left out of a search leads nowhere else.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Small programs are drawn, of one or two tasks on each of two CPUs: of locks and events, or of IPIs, for a deadlock or a
 * stall, and of blocks that tasks share for a bug.
 * Each is searched twice: reduced, and with a bound on preemptions that no schedule reaches, which leaves nothing out. Both find it, or neither does.
 */

#include "scenarios/exploring/explore.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

#include <string.h>

#define ENOUGH 4000 /* schedules: a program that has more is left out */

static guint
below (KmlRng *rng, guint n)
{
  return (guint)kml_rng_below (rng, n);
}

/* What programs are made of, and what is sought in them. */
static const struct {
  const char *find;
  const char *first; /* a task more */
  guint seed;
  guint n_programs, n_sure; /* at least so many of them go wrong, and so many never do */
  const char *steps[13];
} kinds[] = {
  /* of locks and events */
  { "deadlocks",
    "",
    5,
    60,
    8,
    { "wait x", "wait y", "wake x", "wake y", "wake x", "wake y", "lock A, unlock A",
      "lock A, wake x, unlock A", "lock B, wait y, unlock B", "lock A, lock B, unlock B, unlock A",
      "lock B, lock A, unlock A, unlock B" } },
  /* of a block */
  { "bugs",
    "[task owner]\nprogram = alloc @x 64\n",
    5,
    60,
    8,
    { "free @x", "touch @x", "touch @x", "work 2us", "work 1us", "lock A, unlock A",
      "lock A, touch @x, unlock A", "lock A, alloc @x 64, free @x, unlock A" } },
  /* of IPIs, with interrupts on and off */
  { "deadlocks",
    "",
    21,
    20,
    3,
    { "irq-off", "irq-on", "lock S", "unlock S", "ipi all { yield }", "ipi all nowait { wake x }",
      "ipi all { lock S, unlock S }", "irq-off, ipi all { yield }, irq-on", "wait x",
      "lock S, ipi all nowait { lock S, unlock S }, unlock S", "lock S, unlock S",
      "lock A, unlock A" } },
};

static void
add_step (GString *text, KmlRng *rng, guint kind)
{
  guint n = 0;

  while (n < G_N_ELEMENTS (kinds[kind].steps) && kinds[kind].steps[n] != NULL)
    n++;
  g_string_append (text, kinds[kind].steps[below (rng, n)]);
}

/* (transfer full) */
static char *
draw_program (KmlRng *rng, guint kind)
{
  GString *text = g_string_new ("[machine]\ncpus = 2\nram = 64KiB\n"
                                "[lock A]\nkind = mutex\n[lock B]\nkind = mutex\n"
                                "[lock S]\nkind = spin\n");

  g_string_append_printf (text, "[schedule]\nfind = %s\n%s", kinds[kind].find, kinds[kind].first);

  for (guint cpu = 0; cpu < 2; cpu++)
    for (guint n = 1 + below (rng, 2); n > 0; n--) {
      g_string_append_printf (text, "[task t%u%u]\ncpus = %u\nprogram = ", cpu, n, cpu);
      add_step (text, rng, kind);
      for (guint i = below (rng, 3); i > 0; i--) {
        g_string_append (text, ", ");
        add_step (text, rng, kind);
      }
      g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

static KmlExploreVerdict
search (const KmlScenario *scenario, const KmlRunSpec *spec, guint64 preemptions,
        guint64 *ret_n_schedules)
{
  const KmlExploreConfig config = { .search = { .preemptions = preemptions },
                                    .budget = ENOUGH,
                                    .n_jobs = 1 };
  KmlExploreVerdict verdict;
  KmlExploreState state;
  g_autoptr (GError) error = NULL;

  kml_explore_state_init (&state);
  ck_assert (kml_explore (scenario, spec, &config, &state, &verdict, &error));
  assert_no_error (error);
  *ret_n_schedules = state.n_schedules;
  if (verdict == KML_EXPLORE_BUDGET && state.is_finished)
    verdict = KML_EXPLORE_EXHAUSTED; /* within a bound that nothing reaches */
  kml_explore_state_clear (&state);
  return verdict;
}

START_TEST (a_reduced_search_finds_what_some_schedule_has)
{
  guint64 n_reduced = 0, n_all = 0;
  guint n_found = 0, n_none = 0;
  KmlRng rng;

  kml_rng_init (&rng, kinds[_i].seed, "programs");
  for (guint i = 0; i < kinds[_i].n_programs; i++) {
    g_autofree char *text = draw_program (&rng, (guint)_i);
    g_autoptr (GPtrArray) problems = kml_problems_new ();
    g_autoptr (KmlScenario) scenario = kml_scenario_load_text ("drawn.ini", ".", NULL, text,
                                                               strlen (text), NULL, problems);
    g_autoptr (KmlRunSpec) spec = NULL;
    guint64 few, many;
    KmlExploreVerdict reduced, all;

    ck_assert_ptr_nonnull (scenario);
    spec = kml_scenario_run_spec (scenario, 0);
    all = search (scenario, spec, G_MAXINT32, &many);
    if (all == KML_EXPLORE_BUDGET)
      continue;
    reduced = search (scenario, spec, KML_ANY_PREEMPTIONS, &few);
    ck_assert_msg (reduced == all, "%s, not %s, in\n%s", kml_explore_verdicts[reduced],
                   kml_explore_verdicts[all], text);
    n_found += all == KML_EXPLORE_FOUND;
    n_none += all == KML_EXPLORE_EXHAUSTED;
    if (all == KML_EXPLORE_EXHAUSTED) {
      n_reduced += few;
      n_all += many;
    }
  }
  ck_assert_uint_ge (n_found, kinds[_i].n_sure);
  ck_assert_uint_ge (n_none, kinds[_i].n_sure);
  ck_assert_uint_lt (4 * n_reduced, n_all);
}
END_TEST

/* B's page lies on its CPU's list, which A looks at to see whether to ask it. A's first schedule comes too early, and nothing else that they do says who was first. */
START_TEST (who_looks_at_the_lists_of_other_cpus_may_come_before_or_after)
{
  static const char text[] =
      "[machine]\ncpus = 2\nram = 64KiB\n[schedule]\nfind = bugs\n"
      "[layer lists]\nallocator = per-cpu-pages\naround = pages\nhigh = 60\nbatch = 1\n"
      "[task A]\ncpus = 0\n"
      "program = wait go, wake on, alloc y 32KiB pages, free y, touch y\n"
      "[task B]\ncpus = 1\nprogram = alloc h 32KiB pages, wake go, wait on, free h\n";
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = kml_scenario_load_text ("lists.ini", ".", NULL, text,
                                                             strlen (text), NULL, problems);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  guint64 n;

  ck_assert_int_eq (search (scenario, spec, G_MAXINT32, &n), KML_EXPLORE_FOUND);
  ck_assert_int_eq (search (scenario, spec, KML_ANY_PREEMPTIONS, &n), KML_EXPLORE_FOUND);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("explore-reduced");
  TCase *tests = tcase_create ("reduced");

  tcase_add_loop_test (tests, a_reduced_search_finds_what_some_schedule_has, 0,
                       G_N_ELEMENTS (kinds));
  tcase_add_test (tests, who_looks_at_the_lists_of_other_cpus_may_come_before_or_after);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
