/* test-schedule-tree.c: of each class of schedules one is walked.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The programs here are abstract: CPUs whose steps touch objects, and may let another CPU begin. All their schedules are few enough to be enumerated, and
 * the class of one is which of any two dependent steps comes first. What the tree walks is held against that.
 */

#include "scenarios/exploring/schedule-tree.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

#define N_CPUS    4
#define MAX_STEPS 3
#define MOST      9 /* steps of a program: 15000 schedules at most */

typedef struct {
  guint64 objects[N_CPUS][MAX_STEPS];
  guint n[N_CPUS];
  guint waits_for[N_CPUS]; /* begins when that CPU has done its first step; itself: at once */
} Program;

typedef struct {
  guint at[N_CPUS];
  guint order[N_CPUS * MAX_STEPS]; /* step N of CPU C is C * MAX_STEPS + N */
  guint n;
} Run;

static void
draw_program (Program *program, guint64 seed)
{
  static const guint64 objects[] = { KML_OBJECT_ANY,     KML_OBJECT_NONE,   2, 2, 3, 3, 6,
                                     KML_OBJECT_CPU (0), KML_OBJECT_CPU (1) };
  guint n_left = MOST;
  KmlRng rng;

  kml_rng_init (&rng, seed, "program");
  for (guint i = 0; i < N_CPUS; i++) {
    program->n[i] = MIN (n_left, 1 + (guint)kml_rng_below (&rng, MAX_STEPS));
    n_left -= program->n[i];
    program->waits_for[i] = i == 0 || kml_rng_below (&rng, 3) > 0 ? i
                                                                  : (guint)kml_rng_below (&rng, i);
    for (guint j = 0; j < MAX_STEPS; j++)
      program->objects[i][j] = objects[kml_rng_below (&rng, G_N_ELEMENTS (objects))];
  }
}

static gboolean
can_go_on (const Program *program, const Run *run, guint cpu)
{
  const guint other = program->waits_for[cpu];

  return run->at[cpu] < program->n[cpu] && (other == cpu || run->at[other] > 0);
}

static void
do_step (Run *run, guint cpu)
{
  run->order[run->n++] = cpu * MAX_STEPS + run->at[cpu]++;
}

static gboolean
depend (const Program *program, guint a, guint b)
{
  const guint64 x = program->objects[a / MAX_STEPS][a % MAX_STEPS];
  const guint64 y = program->objects[b / MAX_STEPS][b % MAX_STEPS];

  return x == KML_OBJECT_ANY || y == KML_OBJECT_ANY || (x == y && x != KML_OBJECT_NONE) ||
         x == KML_OBJECT_CPU (b / MAX_STEPS) || y == KML_OBJECT_CPU (a / MAX_STEPS);
}

/* A bit for each pair of dependent steps: the one with the lower number came first. */
static guint64
class_of (const Program *program, const Run *run)
{
  guint64 bits = 0;
  guint place[N_CPUS * MAX_STEPS] = { 0 }, n = 0;

  for (guint i = 0; i < run->n; i++)
    place[run->order[i]] = i;
  for (guint a = 0; a < N_CPUS * MAX_STEPS; a++)
    for (guint b = (a / MAX_STEPS + 1) * MAX_STEPS; b < N_CPUS * MAX_STEPS; b++, n++)
      if (a % MAX_STEPS < program->n[a / MAX_STEPS] && b % MAX_STEPS < program->n[b / MAX_STEPS] &&
          depend (program, a, b) && place[a] < place[b])
        bits |= G_GUINT64_CONSTANT (1) << n;
  return bits;
}

/* All classes there are, by all schedules there are. */
static void
enumerate (const Program *program, const Run *run, GHashTable *classes)
{
  gboolean any = FALSE;

  for (guint i = 0; i < N_CPUS; i++) {
    Run next = *run;

    if (!can_go_on (program, run, i))
      continue;
    any = TRUE;
    do_step (&next, i);
    enumerate (program, &next, classes);
  }
  if (!any) {
    const guint64 bits = class_of (program, run);

    g_hash_table_add (classes, g_memdup2 (&bits, sizeof bits));
  }
}

/* One schedule, as the tree wants it. */
static Run
walk (const Program *program, KmlScheduleTree *tree)
{
  Run run = { .n = 0 };

  kml_schedule_tree_begin (tree);
  for (;;) {
    KmlCandidate candidates[N_CPUS];
    guint n = 0, chosen;

    for (guint i = 0; i < N_CPUS; i++)
      if (can_go_on (program, &run, i))
        candidates[n++] = (KmlCandidate){ KML_CANDIDATE_CPU, i, program->objects[i][run.at[i]] };
    chosen = n > 0 ? kml_schedule_tree_choose (candidates, n, tree) : G_MAXUINT;
    if (chosen == G_MAXUINT)
      return run;
    do_step (&run, candidates[chosen].who);
  }
}

static GHashTable *
new_classes (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
}

START_TEST (each_class_is_walked_once_and_next_to_nothing_else)
{
  guint n_blocked = 0, n_schedules = 0;

  for (guint seed = 1; seed <= 300; seed++) {
    g_autoptr (KmlScheduleTree) tree = kml_schedule_tree_new (KML_ANY_PREEMPTIONS);
    g_autoptr (GHashTable) classes = new_classes (), walked = new_classes ();
    const Run start = { .n = 0 };
    Program program;

    draw_program (&program, seed);
    enumerate (&program, &start, classes);
    do {
      const Run run = walk (&program, tree);
      const guint64 bits = class_of (&program, &run);

      if (kml_schedule_tree_end (tree) == KML_TREE_BLOCKED)
        n_blocked++;
      else
        ck_assert_msg (g_hash_table_add (walked, g_memdup2 (&bits, sizeof bits)),
                       "program %u: a class is walked twice", seed);
    } while (kml_schedule_tree_next (tree));
    ck_assert_msg (g_hash_table_size (walked) == g_hash_table_size (classes),
                   "program %u: %u of %u classes", seed, g_hash_table_size (walked),
                   g_hash_table_size (classes));
    n_schedules += g_hash_table_size (walked);
  }
  ck_assert_msg (n_blocked * 50 < n_schedules, "%u beginnings led nowhere, %u schedules", n_blocked,
                 n_schedules);
}
END_TEST

START_TEST (a_walk_goes_on_from_any_place)
{
  for (guint seed = 1; seed <= 100; seed++) {
    g_autoptr (KmlScheduleTree) tree = kml_schedule_tree_new (KML_ANY_PREEMPTIONS);
    guint64 whole = 0, in_pieces = 0;
    gboolean more = TRUE;
    KmlTreePlace place;
    Program program;

    draw_program (&program, seed);
    do {
      const Run run = walk (&program, tree);

      whole = whole * 31 + class_of (&program, &run);
    } while (kml_schedule_tree_next (tree));
    kml_tree_place_init (&place);
    while (more) { /* a tree for each schedule */
      g_autoptr (KmlScheduleTree) piece = kml_schedule_tree_new (KML_ANY_PREEMPTIONS);
      Run run;

      kml_schedule_tree_start_at (piece, &place, 0);
      run = walk (&program, piece);
      ck_assert_int_ne (kml_schedule_tree_end (piece), KML_TREE_ASTRAY);
      in_pieces = in_pieces * 31 + class_of (&program, &run);
      more = kml_schedule_tree_next (piece);
      kml_schedule_tree_get_place (piece, &place);
    }
    kml_tree_place_clear (&place);
    ck_assert_msg (whole == in_pieces, "program %u", seed);
  }
}
END_TEST

START_TEST (a_place_that_cannot_be_is_noticed)
{
  KmlTreePlace place;
  const guint32 choice = 7;
  Program program;

  draw_program (&program, 1);
  for (guint i = 0; i < 2; i++) { /* a choice that there is not; marks that are missing */
    g_autoptr (KmlScheduleTree) tree = kml_schedule_tree_new (KML_ANY_PREEMPTIONS);
    const guint32 wrong = i == 0 ? choice : 0;

    kml_tree_place_init (&place);
    place.top = 0;
    g_array_append_val (place.choices, wrong);
    kml_schedule_tree_start_at (tree, &place, 0);
    walk (&program, tree);
    ck_assert_int_eq (kml_schedule_tree_end (tree), KML_TREE_ASTRAY);
    kml_tree_place_clear (&place);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("schedule-tree");
  TCase *tcase = tcase_create ("all");

  tcase_add_test (tcase, each_class_is_walked_once_and_next_to_nothing_else);
  tcase_add_test (tcase, a_walk_goes_on_from_any_place);
  tcase_add_test (tcase, a_place_that_cannot_be_is_noticed);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
