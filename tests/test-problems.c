/* test-problems.c: what is wrong with a scenario is told as a compiler does, all of it at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenario-fixture.h"

/* Everything that is said of a text. (transfer full) */
static char *
all_of (const char *text)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = load_scenario (text, NULL, problems);

  ck_assert_ptr_null (scenario);
  return kml_problems_format (problems);
}

static void
expect_all (const char *text, const char *expected)
{
  g_autofree char *told = all_of (text);

  ck_assert_str_eq (told, expected);
}

START_TEST (the_line_is_shown_with_a_caret_under_the_column)
{
  expect_all (TOY "[machine]\nrma = 64MiB\ncpus = 0\n",
              "t.ini:5:1: error: unknown key “rma” in [machine]; did you mean “ram”?\n"
              "    5 | rma = 64MiB\n"
              "      | ^\n"
              "t.ini:6:8: error: cpus: expected a count from 1 to 256, not “0”\n"
              "    6 | cpus = 0\n"
              "      |        ^\n");
}
END_TEST

START_TEST (tabs_and_wide_characters_do_not_move_the_caret)
{
  /* two characters of two columns each, then an accent of none */
  static const char line[] = "    6 | workload.live = 1 | 日本 | e\xcc\x81 | y\n";
  g_autofree char *told = all_of (TOY "\tlive\t=\tx\n[sweep]\n"
                                      "workload.live = 1 | 日本 | e\xcc\x81 | y\n");
  g_autofree char *last = g_strconcat ("t.ini:6:31: error: live: expected a count such as "
                                       "1000, 10k or 1e6, not “y”\n",
                                       line, "      |                                ^\n", NULL);

  ck_assert (g_str_has_prefix (
      told, "t.ini:4:9: error: live: expected a count such as 1000, 10k or 1e6, not “x”\n"
            "    4 |  live = x\n"
            "      |         ^\n"));
  ck_assert_msg (g_str_has_suffix (told, last), "not\n%sbut\n%s", last, told);
}
END_TEST

START_TEST (what_cannot_be_shown_is_replaced)
{
  expect_all (TOY "live = \xe2\x80\xae" /* turns the direction of writing */ "9\n",
              "t.ini:4:8: error: live: expected a count such as 1000, 10k or 1e6, not “\\u202e9”\n"
              "    4 | live = \xef\xbf\xbd"
              "9\n"
              "      |        ^\n");
}
END_TEST

START_TEST (of_a_long_line_what_is_around_the_place_is_shown)
{
  g_autofree char *blanks = g_strnfill (500, 'x');
  g_autofree char *text = g_strconcat (TOY "[scenario]\ntitle = ", blanks, " # far", blanks, NULL);
  g_autofree char *told = all_of (text);
  g_auto (GStrv) lines = g_strsplit (told, "\n", -1);

  ck_assert_ptr_nonnull (strstr (lines[0], "t.ini:5:510: error: a comment behind a value"));
  ck_assert (g_str_has_prefix (lines[1], "    5 | …xxxx"));
  ck_assert (g_str_has_suffix (lines[1], "xxxx…"));
  ck_assert_int_le (g_utf8_strlen (lines[1], -1), 110);
  /* the caret stands under the "#" */
  ck_assert_int_eq (g_utf8_strlen (lines[1], strchr (lines[1], '#') - lines[1]),
                    strchr (lines[2], '^') - lines[2]);
}
END_TEST

START_TEST (the_end_of_a_line_is_a_place_too)
{
  expect_all (TOY "live =\n",
              "t.ini:4:7: error: live: expected a count such as 1000, 10k or 1e6, not “”\n"
              "    4 | live =\n"
              "      |       ^\n");
}
END_TEST

/* Every line of this has something wrong with it; each is told, and none twice. */
START_TEST (no_mistake_hides_another)
{
  static const char text[] = "[machine] # the box\n"
                             "cpus = 0 # none\n"
                             "rma = 64MiB\n"
                             "[workload web\n"
                             "kind = tyo # a slip\n"
                             "file = bricks ; of clay\n"
                             "live = 0\n"
                             "share = much\n"
                             "[recrod]\n"
                             "sampling = 7\n"
                             "[expct]\n"
                             "frag.internal.maen = <= 1\n";
  static const struct {
    guint line, column;
  } places[] = {
    { 1, 10 }, { 2, 8 }, { 2, 10 }, { 3, 1 }, { 4, 1 },   { 5, 8 },  { 5, 12 },
    { 6, 15 }, { 7, 8 }, { 8, 9 },  { 9, 1 }, { 10, 12 }, { 11, 1 }, { 12, 1 },
  };
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = load_scenario (text, NULL, problems);
  g_autofree char *told = kml_problems_format (problems);

  ck_assert_msg (problems->len == G_N_ELEMENTS (places), "%u problems:\n%s", problems->len, told);
  for (guint i = 0; i < problems->len; i++) {
    const KmlProblem *problem = g_ptr_array_index (problems, i);

    ck_assert_msg (problem->line == places[i].line && problem->column == places[i].column,
                   "%u:%u was expected:\n%s", places[i].line, places[i].column, told);
  }
}
END_TEST

START_TEST (a_misspelled_group_beside_the_right_one_is_only_that)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario)
      scenario = load_scenario (TOY "[machin]\ncpus = 0\n[machine]\ncpus = 2\n", NULL, problems);

  ck_assert_uint_eq (problems->len, 1);
}
END_TEST

START_TEST (what_is_about_an_override_has_no_line)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  const char *overrides[] = { "machine.cpus=0", NULL };
  g_autoptr (KmlScenario) scenario = load_scenario (TOY, overrides, problems);
  g_autofree char *told = kml_problems_format (problems);

  ck_assert_str_eq (told, "-s: error: machine.cpus: expected a count from 1 to 256, not “0”\n");
}
END_TEST

static Suite *
make_suite (void)
{
  Suite *suite = suite_create ("problems");
  TCase *tcase = tcase_create ("problems");

  tcase_add_test (tcase, the_line_is_shown_with_a_caret_under_the_column);
  tcase_add_test (tcase, tabs_and_wide_characters_do_not_move_the_caret);
  tcase_add_test (tcase, what_cannot_be_shown_is_replaced);
  tcase_add_test (tcase, of_a_long_line_what_is_around_the_place_is_shown);
  tcase_add_test (tcase, the_end_of_a_line_is_a_place_too);
  tcase_add_test (tcase, no_mistake_hides_another);
  tcase_add_test (tcase, a_misspelled_group_beside_the_right_one_is_only_that);
  tcase_add_test (tcase, what_is_about_an_override_has_no_line);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return run_suite (make_suite ());
}
