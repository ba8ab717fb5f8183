/* test-inputs.c: files that decide what a run does are known by their content.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/loading/inputs.h"
#include "simcore/param.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario-fixture.h"

static char *folder, *path; /* of bricks, the file that TOY names */

static void
set_up (void)
{
  folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  path = g_build_filename (folder, "bricks", NULL);
  ck_assert (g_file_set_contents (path, "red", -1, NULL));
}

static void
tear_down (void)
{
  g_unlink (path);
  g_rmdir (folder);
  g_free (path);
  g_free (folder);
}

static KmlScenario *
load (GHashTable *elsewhere)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  KmlScenario *scenario = kml_scenario_load_text ("t.ini", folder, elsewhere, TOY, strlen (TOY),
                                                  NULL, problems);

  ck_assert_ptr_nonnull (scenario);
  return scenario;
}

/* The key of the only run. (transfer full) */
static char *
key_of_run (GHashTable *elsewhere)
{
  g_autoptr (KmlScenario) scenario = load (elsewhere);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);

  return g_strdup (spec->key);
}

START_TEST (the_digest_is_xxh3_of_128_bits)
{
  char digest[KML_INPUT_DIGEST_LENGTH + 1];
  guint64 size;

  ck_assert (g_file_set_contents (path, "", 0, NULL));
  ck_assert (kml_input_digest (path, digest, &size, NULL));
  ck_assert_str_eq (digest, "99aa06d3014798d86001c324468d497f"); /* of xxHash's own tests */
  ck_assert_uint_eq (size, 0);
}
END_TEST

START_TEST (every_byte_of_a_large_file_counts)
{
  const gsize n = (1 << 20) + 17;
  g_autofree char *bytes = g_malloc0 (n);
  char first[KML_INPUT_DIGEST_LENGTH + 1], second[KML_INPUT_DIGEST_LENGTH + 1];
  guint64 size;

  ck_assert (g_file_set_contents (path, bytes, (gssize)n, NULL));
  ck_assert (kml_input_digest (path, first, &size, NULL));
  ck_assert_uint_eq (size, n);
  bytes[n - 1] = 1;
  ck_assert (g_file_set_contents (path, bytes, (gssize)n, NULL));
  ck_assert (kml_input_digest (path, second, &size, NULL));
  ck_assert_str_ne (first, second);
}
END_TEST

START_TEST (what_is_no_file_has_no_digest)
{
  g_autoptr (GError) error = NULL;
  char digest[KML_INPUT_DIGEST_LENGTH + 1];
  guint64 size;

  ck_assert (!kml_input_digest (folder, digest, &size, &error));
  assert_error (error, KML_ERROR_INPUT, "it is a folder");
  g_clear_error (&error);
  g_unlink (path);
  ck_assert (!kml_input_digest (path, digest, &size, &error));
  assert_error (error, KML_ERROR_INPUT, "No such file");
  g_clear_error (&error);
  ck_assert_int_eq (mkfifo (path, 0600), 0);
  ck_assert (!kml_input_digest (path, digest, &size, &error)); /* and does not wait for a writer */
  assert_error (error, KML_ERROR_INPUT, "not a regular file");
}
END_TEST

START_TEST (another_content_is_another_run_and_another_time_is_not)
{
  g_autofree char *red = key_of_run (NULL);
  g_autofree char *blue = NULL;
  g_autofree char *red_again = NULL;

  ck_assert (g_file_set_contents (path, "blue", -1, NULL));
  blue = key_of_run (NULL);
  ck_assert_str_ne (red, blue);
  ck_assert (g_file_set_contents (path, "red", -1, NULL));
  red_again = key_of_run (NULL);
  ck_assert_str_eq (red, red_again);
}
END_TEST

START_TEST (where_a_file_lies_makes_no_other_run)
{
  g_autoptr (GHashTable) elsewhere = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *moved = g_build_filename (folder, "moved", NULL);
  g_autofree char *before = key_of_run (NULL);
  g_autofree char *after = NULL;

  ck_assert_int_eq (g_rename (path, moved), 0);
  g_hash_table_insert (elsewhere, (gpointer) "bricks", moved);
  after = key_of_run (elsewhere);
  ck_assert_str_eq (before, after);
  g_unlink (moved);
}
END_TEST

START_TEST (a_run_knows_its_files)
{
  g_autoptr (KmlScenario) scenario = load (NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  const KmlInput *input;

  ck_assert_uint_eq (spec->inputs->len, 1);
  input = g_ptr_array_index (spec->inputs, 0);
  ck_assert_str_eq (input->key, "workload.file");
  ck_assert_str_eq (input->file, "bricks");
  ck_assert_uint_eq (input->size, 3);
  ck_assert (kml_scenario_check_inputs (scenario, spec, NULL));
}
END_TEST

START_TEST (a_file_that_changes_after_it_was_digested_is_found_out)
{
  g_autoptr (KmlScenario) scenario = load (NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  g_autoptr (GError) error = NULL;

  ck_assert (g_file_set_contents (path, "RED", -1, NULL)); /* as long, but another file */
  ck_assert (!kml_scenario_check_inputs (scenario, spec, &error));
  assert_error (error, KML_ERROR_INPUT, "bricks: the file was changed");
}
END_TEST

START_TEST (a_missing_file_is_told_by_the_run_not_by_the_loader)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlScenario) scenario = NULL;
  g_autoptr (KmlRunSpec) spec = NULL;

  g_unlink (path);
  scenario = load (NULL);
  spec = kml_scenario_run_spec (scenario, 0);
  ck_assert (!kml_scenario_check_inputs (scenario, spec, &error));
  assert_error (error, KML_ERROR_INPUT, "bricks: cannot be read");
}
END_TEST

static char *
trace_of (const char *text)
{
  return g_str_has_prefix (text, "trace(") ? g_strndup (text + 6, strlen (text) - 7) : NULL;
}

START_TEST (a_parameter_says_which_file_a_value_names)
{
  const KmlParam as_path = { .name = "file", .type = KML_PARAM_PATH },
                 text = { .name = "title", .type = KML_PARAM_TEXT },
                 law = { .name = "sizes", .type = KML_PARAM_TEXT, .file = trace_of };
  g_autofree char *named = kml_param_file (&as_path, "a/b.kmt");
  g_autofree char *inside = kml_param_file (&law, "trace(c.kmt)");

  ck_assert_str_eq (named, "a/b.kmt");
  ck_assert_str_eq (inside, "c.kmt");
  ck_assert_ptr_null (kml_param_file (&law, "fixed(18)"));
  ck_assert_ptr_null (kml_param_file (&as_path, "")); /* no file */
  ck_assert_ptr_null (kml_param_file (&text, "a/b.kmt"));
}
END_TEST

START_TEST (what_is_stored_of_a_folder_is_what_the_command_said)
{
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *below = g_build_filename (folder, "a", "b", NULL);
  g_autofree char *above = g_build_filename (folder, "a", NULL);
  const struct {
    const char *base_dir, *stored;
  } cases[] = {
    { ".", "." },   { "./x//y/.", "x/y" }, { "../x", "../x" }, { folder, "" },
    { above, "." }, { below, "b" },        { "/", "" },        { "/no/such/folder", "" },
  };

  ck_assert_int_eq (g_mkdir_with_parents (below, 0700), 0);
  ck_assert_int_eq (g_chdir (above), 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *stored = kml_input_describe_base_dir (cases[i].base_dir);

    ck_assert_msg (g_str_equal (stored, cases[i].stored), "%s: “%s”, not “%s”", cases[i].base_dir,
                   stored, cases[i].stored);
  }
  ck_assert_int_eq (g_chdir (before), 0);
  g_rmdir (below);
  g_rmdir (above);
}
END_TEST

static Suite *
make_suite (void)
{
  Suite *suite = suite_create ("inputs");
  TCase *tcase = tcase_create ("inputs");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, the_digest_is_xxh3_of_128_bits);
  tcase_add_test (tcase, every_byte_of_a_large_file_counts);
  tcase_add_test (tcase, what_is_no_file_has_no_digest);
  tcase_add_test (tcase, another_content_is_another_run_and_another_time_is_not);
  tcase_add_test (tcase, where_a_file_lies_makes_no_other_run);
  tcase_add_test (tcase, a_run_knows_its_files);
  tcase_add_test (tcase, a_file_that_changes_after_it_was_digested_is_found_out);
  tcase_add_test (tcase, a_missing_file_is_told_by_the_run_not_by_the_loader);
  tcase_add_test (tcase, a_parameter_says_which_file_a_value_names);
  tcase_add_test (tcase, what_is_stored_of_a_folder_is_what_the_command_said);
  suite_add_tcase (suite, tcase);
  return suite;
}

int
main (void)
{
  return run_suite (make_suite ());
}
