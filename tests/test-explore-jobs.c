/* test-explore-jobs.c: several processes that go on with a search see what one sees.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A search stops after so many schedules, near the root of its tree or deep in it, above where parts are dealt or below; wherever that is, two
 * processes that take over from there come to the same verdict after the same schedules.
 */

#include "scenarios/exploring/explore-private.h"
#include "tests/testutils.h"

#include <string.h>

typedef struct {
  const char *text; /* of the scenario */
  guint64 preemptions;
  guint64 n_stops;
  guint shortest; /* choices at the stop that is nearest to the root */
} Case;

/* Schedules of 24 choices and more, few of which differ in more than the order of steps that touch different locks; and a bounded search, in which all differ. */
static const Case cases[] = {
  { "[machine]\ncpus = 2\nram = 64KiB\n[lock A]\n[lock B]\n[lock C]\n"
    "[task x]\ncpus = 0\nprogram = lock C, unlock C, repeat 12 { lock A, unlock A }, lock C, "
    "unlock C\n"
    "[task y]\ncpus = 1\nprogram = lock C, unlock C, repeat 12 { lock B, unlock B }, lock C, "
    "unlock C\n",
    KML_ANY_PREEMPTIONS, 4, 6 },
  { "[machine]\ncpus = 2\nram = 64KiB\n[lock A]\n"
    "[task x]\ncpus = 0\nprogram = repeat 4 { lock A, unlock A }, irq-on\n"
    "[task y]\ncpus = 1\nprogram = repeat 4 { lock A, unlock A }\n",
    1, 18, 1 },
};

typedef struct {
  KmlScenario *scenario;
  KmlRunSpec *spec;
  KmlExploreConfig config;
} Search;

static Search
begin (const Case *what)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  Search search = { .config = { .search = { .preemptions = what->preemptions }, .n_jobs = 1 } };

  search.scenario = kml_scenario_load_text ("jobs.ini", ".", NULL, what->text, strlen (what->text),
                                            NULL, problems);
  ck_assert_ptr_nonnull (search.scenario);
  search.spec = kml_scenario_run_spec (search.scenario, 0);
  return search;
}

static void
end (Search *search)
{
  kml_run_spec_free (search->spec);
  kml_scenario_free (search->scenario);
}

/* One process looks at @budget schedules; 0: at all. */
static KmlExploreState
look_alone (Search *search, guint64 budget)
{
  KmlExploreState state;
  KmlExploreVerdict verdict;
  g_autoptr (GError) error = NULL;

  search->config.budget = budget;
  kml_explore_state_init (&state);
  ck_assert (
      kml_explore (search->scenario, search->spec, &search->config, &state, &verdict, &error));
  assert_no_error (error);
  ck_assert_int_ne (verdict, KML_EXPLORE_FOUND);
  return state;
}

/* Two more processes go on from @state. */
static void
go_on (const Search *search, KmlExploreState *state)
{
  KmlExploreConfig config = search->config;
  const KmlExploreTask task = { search->scenario, search->spec, &config,
                                kml_explore_chooser (search->spec, &config.search) };
  g_autoptr (GError) error = NULL;
  KmlPartEnd part_end;

  config.n_jobs = 2;
  config.budget = 0;
  ck_assert (kml_explore_jobs (&task, state, &part_end, &error));
  assert_no_error (error);
  ck_assert_int_eq (part_end, KML_PART_END_DONE);
}

START_TEST (wherever_a_search_stopped_others_go_on_from_there)
{
  Search search = begin (&cases[_i]);
  KmlExploreState all = look_alone (&search, 0);
  const guint64 n = all.n_schedules;
  guint shortest = G_MAXUINT;

  ck_assert_uint_ge (n, 8);
  for (guint64 budget = 1; budget < n; budget += MAX (1, n / cases[_i].n_stops)) {
    KmlExploreState state = look_alone (&search, budget);

    shortest = MIN (shortest, state.place.choices->len);
    go_on (&search, &state);
    ck_assert_uint_eq (state.n_schedules, n);
    ck_assert_uint_eq (state.n_blocked, all.n_blocked);
    ck_assert_uint_eq (state.n_pruned, all.n_pruned);
    ck_assert_uint_eq (state.unsought.n_schedules, all.unsought.n_schedules);
    ck_assert_uint_eq (state.unsought.kind, all.unsought.kind);
    kml_explore_state_clear (&state);
  }
  ck_assert_uint_eq (shortest, cases[_i].shortest);
  kml_explore_state_clear (&all);
  end (&search);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("explore-jobs");
  TCase *tests = tcase_create ("jobs");

  tcase_add_loop_test (tests, wherever_a_search_stopped_others_go_on_from_there, 0,
                       G_N_ELEMENTS (cases));
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
