/* test-keyfile.c: the strict first pass over key files.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The oracle is GKeyFile itself: a text in which the first pass finds nothing
 * wrong must be accepted by GKeyFile with the same groups, keys and values
 * (invariant K1 of keyfile.c). It is asked about files that were mutated at
 * random, from a fixed seed.
 */

#include "scenarios/loading/keyfile.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "simcore/base/rng.h"

#include "testutils.h"

#define N_MUTATIONS 20000

typedef struct {
  const char *text;
  guint line, column;
  const char *fragment;
} BadFile;

static const BadFile bad_files[] = {
  { "a = 1\n", 1, 1, "outside of any group" },
  { "# x\n\n  a = 1\n", 3, 3, "outside of any group" },
  { "[g]\n[h]\n[g]\n", 3, 1, "[g] was opened in line 1" },
  { "[g]\na = 1\nb = 2\na = 3\n", 4, 1, "“a” of [g] was set in line 2" },
  { "[g]\nwhatever\n", 2, 1, "expected [group], key = value (a value is one line) or a comment" },
  { "[g]\n; old style\n", 2, 1, "a comment begins with “#”" },
  { "[g]\n = 1\n", 2, 2, "no key in front of “=”" },
  { "[g]\n=1\n", 2, 1, "no key in front of “=”" },
  { "[]\n", 1, 2, "a group has a name" },
  { "[g\n", 1, 1, "has no “]”" },
  { "[g] x\n", 1, 4, "nothing may follow" },
  { "[g] # c\n", 1, 4, "nothing may follow" },
  { "[g]]\n", 1, 4, "nothing may follow" },
  { "[g  h]\n", 1, 3, "with one space between" },
  { "[ g]\n", 1, 2, "with one space between" },
  { "[g ]\n", 1, 3, "with one space between" },
  { "[g\"]\n", 1, 3, "is not the name of a group" },
  { "[gr\xc3\xbc\xc3\x9f]\n", 1, 4, "is not the name of a group" },
  { "[g]\na b = 1\n", 2, 2, "“a b” is not a key" },
  { "[g]\na[de] = 1\n", 2, 2, "“a[de]” is not a key" },
  { "[g]\n\xc3\xa4 = 1\n", 2, 1, "is not a key" },
  { "[g]\na = 1 # one\n", 2, 7, "on a line of its own" },
  { "[g]\na = 1 ; one\n", 2, 7, "on a line of its own" },
  { "[g]\na = # one\n", 2, 5, "on a line of its own" },
  { "[g]\na = \xc3\xa4 #1\n", 2, 7, "on a line of its own" },
  { "[g]\na = 1\t#one\n", 2, 7, "on a line of its own" },
  { "[g]\na = \\x\n", 2, 5, "unknown escape" },
  { "[g]\na = x\\\n", 2, 6, "unknown escape" },
  { "[g]\na = \\q\\\n", 2, 5, "unknown escape" }, /* two of them */
  { "[g]\na = \\\\\\\n", 2, 7, "unknown escape" },
  { "[g]\na = x\\ny\n", 2, 5, "a value is one line" },
  { "[g]\na = \x01\n", 2, 5, "control character 0x01" },
  { "[g]\na = 1\rb = 2\n", 2, 6, "control character 0x0d" },
  { "[g]\na = \x1b[31m\n", 2, 5, "control character 0x1b" },
  { "[g]\n\xc3\xa4\xff = 1\n", 2, 2, "byte 0xff is not UTF-8" },
  { "\xef\xbb\xbf[g]\n", 1, 1, "byte order mark" },
};

START_TEST (each_slip_is_told_with_its_place)
{
  const BadFile *bad = &bad_files[_i];
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile)
      file = kml_key_file_parse ("f.ini", bad->text, strlen (bad->text), problems);
  g_autofree char *told = kml_problems_format (problems);
  g_autofree char *place = g_strdup_printf ("f.ini:%u:%u: error: ", bad->line, bad->column);

  ck_assert_msg (problems->len == 1, "one problem was expected (%s), not\n%s", bad->fragment, told);
  ck_assert_msg (g_str_has_prefix (told, place), "“%s” was expected, not\n%s", place, told);
  ck_assert_msg (strstr (told, bad->fragment) != NULL, "“%s” was expected, not\n%s", bad->fragment,
                 told);
}
END_TEST

START_TEST (all_slips_of_a_file_are_told_at_once_and_the_rest_is_read)
{
  static const char text[] =
      "x = 1\n[a]\nk = 1\njunk\nk = 2\nl = 3 # c\nm = 4\n[a]\nn = 5\n[b]\no = 6";
  static const guint lines[] = { 1, 4, 5, 6, 8 };
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile) file = kml_key_file_parse ("f.ini", text, strlen (text), problems);
  const KmlKeyFileGroup *a = kml_key_file_find_group (file, "a");

  ck_assert_uint_eq (problems->len, G_N_ELEMENTS (lines));
  for (guint i = 0; i < problems->len; i++)
    ck_assert_uint_eq (((KmlProblem *)g_ptr_array_index (problems, i))->line, lines[i]);
  ck_assert_uint_eq (file->groups->len, 2);
  ck_assert_uint_eq (a->entries->len, 3);
  ck_assert_str_eq (((KmlKeyFileEntry *)g_ptr_array_index (a->entries, 1))->value, "3");
  ck_assert_str_eq (((KmlKeyFileEntry *)g_ptr_array_index (a->entries, 2))->key, "m");
}
END_TEST

START_TEST (a_header_with_something_behind_it_or_without_an_end_opens_its_group)
{
  static const char text[] = "[a] # c\nk = 1\n[b\nk = 2\n[c]d\nk = 3\n";
  static const char *const names[] = { "a", "b", "c" };
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile) file = kml_key_file_parse ("f.ini", text, strlen (text), problems);

  ck_assert_uint_eq (problems->len, 3);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    const KmlKeyFileGroup *group = kml_key_file_find_group (file, names[i]);

    ck_assert_ptr_nonnull (group);
    ck_assert_uint_eq (group->entries->len, 1);
  }
}
END_TEST

START_TEST (a_nul_byte_is_told_with_its_place)
{
  static const char text[] = "[g]\na = 1\0b\n";
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autofree char *told = NULL;

  ck_assert_ptr_null (kml_key_file_parse ("f.ini", text, sizeof text - 1, problems));
  told = kml_problems_format (problems);
  ck_assert_str_eq (told, "f.ini:2:6: error: a NUL byte: this is not a text file\n");
}
END_TEST

START_TEST (values_lose_the_blanks_around_them_and_their_escapes)
{
  static const char text[] = "[g]\r\n a\t=\t x y \r\nb = \\sz\\t\\\\\r\nc=\r\n";
  static const char *const values[] = { "x y", " z\t\\", "" };
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile) file = kml_key_file_parse ("f.ini", text, strlen (text), problems);
  const KmlKeyFileGroup *group = g_ptr_array_index (file->groups, 0);

  ck_assert_uint_eq (problems->len, 0);
  ck_assert_uint_eq (group->entries->len, 3);
  for (guint i = 0; i < 3; i++) {
    const KmlKeyFileEntry *entry = g_ptr_array_index (group->entries, i);

    ck_assert_str_eq (entry->value, values[i]);
    ck_assert_uint_eq (entry->line, 2 + i);
    ck_assert_int_eq (entry->verbatim, i != 1);
  }
  ck_assert_uint_eq (((KmlKeyFileEntry *)g_ptr_array_index (group->entries, 0))->column, 2);
  ck_assert_uint_eq (((KmlKeyFileEntry *)g_ptr_array_index (group->entries, 0))->value_column, 7);
}
END_TEST

/* ---- Too much ---- */

static void
assert_refused (const GString *text, const char *fragment)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile) file = kml_key_file_parse ("f.ini", text->str, text->len, problems);
  g_autofree char *told = kml_problems_format (problems);

  ck_assert_uint_eq (problems->len, 1);
  ck_assert_msg (strstr (told, fragment) != NULL, "“%s” was expected, not\n%s", fragment, told);
}

START_TEST (a_text_above_one_mebibyte_is_refused)
{
  g_autoptr (GString) text = g_string_new ("[g]\n");

  while (text->len <= KML_KEY_FILE_MAX_BYTES)
    g_string_append (text, "# filler filler filler filler filler filler\n");
  assert_refused (text, "more than 1048576 bytes");
}
END_TEST

START_TEST (more_than_64_ki_lines_are_refused)
{
  g_autoptr (GString) text = g_string_new ("[g]\n");

  for (guint i = 0; i < KML_KEY_FILE_MAX_LINES; i++)
    g_string_append_c (text, '\n');
  assert_refused (text, "too many lines");
}
END_TEST

START_TEST (a_line_above_64_kib_is_refused)
{
  g_autoptr (GString) text = g_string_new ("[g]\na = ");

  for (guint i = 0; i < KML_KEY_FILE_MAX_LINE; i++)
    g_string_append_c (text, 'x');
  assert_refused (text, "f.ini:2:1: error: this line has more than 65536 bytes");
}
END_TEST

START_TEST (a_file_of_junk_is_given_up_after_a_hundred_problems)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlKeyFile) file = NULL;

  for (guint i = 0; i < 60000; i++)
    g_string_append (text, "junk\n");
  file = kml_key_file_parse ("f.ini", text->str, text->len, problems);
  ck_assert_uint_eq (problems->len, 101);
}
END_TEST

/* ---- The oracle ---- */

static const char seed_text[] = "# a comment\n"
                                "[scenario]\n"
                                "title = Objects of 18 bytes; in bins\n"
                                "question=Which bins\\swaste\\tleast?\n"
                                "\n"
                                "  [workload web]  \n"
                                "kind\t=\tsynthetic\n"
                                "sizes = weighted(18:0.6, 64:0.4)\n"
                                "[sweep]\r\n"
                                "objects.bins = pow2 | 8,24,40,64\r\n"
                                "machine.cpus = 1..4\n"
                                "[expect x]\n"
                                "frag.internal.mean = 0.18 \xc2\xb1 5%\n"
                                "title = \xe2\x80\x9cx\xe2\x80\x9d";

/* Characters that mean something, so that mutations are about something. */
static const char interesting[] = "[]=#; \t\n\r\\|sn\"x9.-_\xc3\xa4\x01\x7f";

static GString *
mutate (KmlRng *rng)
{
  GString *text = g_string_new (seed_text);

  for (guint64 n = kml_rng_below (rng, 6); n > 0; n--) {
    const gsize at = kml_rng_below (rng, text->len);
    const gsize length = 1 + kml_rng_below (rng, MIN (12, text->len - at));
    const char c = interesting[kml_rng_below (rng, sizeof interesting - 1)];

    switch (kml_rng_below (rng, 4)) {
    case 0:
      g_string_insert_c (text, (gssize)at, c);
      break;
    case 1:
      g_string_erase (text, (gssize)at, (gssize)length);
      break;
    case 2:
      text->str[at] = c;
      break;
    default: {
      g_autofree char *piece = g_strndup (text->str + at, length);

      g_string_insert (text, (gssize)kml_rng_below (rng, text->len), piece);
      break;
    }
    }
    if (text->len == 0)
      g_string_append_c (text, '\n');
  }
  return text;
}

static void
assert_same (const KmlKeyFile *ours, GKeyFile *theirs, const char *text)
{
  g_auto (GStrv) groups = g_key_file_get_groups (theirs, NULL);

  ck_assert_msg (g_strv_length (groups) == ours->groups->len, "other groups in\n%s", text);
  for (guint i = 0; i < ours->groups->len; i++) {
    const KmlKeyFileGroup *group = g_ptr_array_index (ours->groups, i);
    g_auto (GStrv) keys = g_key_file_get_keys (theirs, group->name, NULL, NULL);

    ck_assert_str_eq (groups[i], group->name);
    ck_assert_msg (g_strv_length (keys) == group->entries->len, "other keys in\n%s", text);
    for (guint j = 0; j < group->entries->len; j++) {
      const KmlKeyFileEntry *entry = g_ptr_array_index (group->entries, j);
      g_autofree char *raw = g_key_file_get_value (theirs, group->name, keys[j], NULL);
      g_autofree char *value = NULL;

      /* GKeyFile keeps the blanks at the end of a line */
      g_key_file_set_value (theirs, group->name, keys[j], g_strchomp (raw));
      value = g_key_file_get_string (theirs, group->name, keys[j], NULL);
      ck_assert_str_eq (keys[j], entry->key);
      ck_assert_str_eq (value, entry->value);
    }
  }
}

START_TEST (what_has_no_problem_means_the_same_to_gkeyfile)
{
  guint n_accepted = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "mutations");
  for (guint i = 0; i < N_MUTATIONS; i++) {
    g_autoptr (GString) text = mutate (&rng);
    g_autoptr (GPtrArray) problems = kml_problems_new ();
    g_autoptr (KmlKeyFile) ours = kml_key_file_parse ("f.ini", text->str, text->len, problems);
    g_autoptr (GKeyFile) theirs = g_key_file_new ();
    g_autoptr (GError) error = NULL;

    if (problems->len > 0)
      continue;
    n_accepted++;
    g_key_file_load_from_data (theirs, text->str, text->len, G_KEY_FILE_NONE, &error);
    ck_assert_msg (error == NULL, "GKeyFile refuses (%s)\n%s", error != NULL ? error->message : "",
                   text->str);
    assert_same (ours, theirs, text->str);
  }
  ck_assert_uint_gt (n_accepted, N_MUTATIONS / 10); /* the mutations are not all nonsense */
}
END_TEST

/* ---- Files ---- */

static char *
make_folder (void)
{
  char *folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);

  ck_assert_ptr_nonnull (folder);
  return folder;
}

START_TEST (a_file_is_read_whole)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "x.ini", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  ck_assert (g_file_set_contents (path, seed_text, -1, NULL));
  ck_assert (kml_key_file_read (path, &text, &length, &error));
  ck_assert_uint_eq (length, strlen (seed_text));
  ck_assert_str_eq (text, seed_text);
  g_free (text);
  ck_assert (g_file_set_contents (path, "\xef\xbb\xbf[g]\n", -1, NULL));
  ck_assert (kml_key_file_read (path, &text, &length, &error));
  ck_assert_str_eq (text, "[g]\n"); /* without its byte order mark */
  ck_assert_uint_eq (length, 4);
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

START_TEST (what_is_not_a_file_is_refused_without_waiting)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", NULL);
  const struct {
    const char *path, *fragment;
  } cases[] = { { fifo, "not a regular file" },
                { folder, "a directory" },
                { missing, "No such file" },
                { "/dev/zero", "not a regular file" },
                { "/dev/null", "not a regular file" } };

  ck_assert_int_eq (mkfifo (fifo, 0600), 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    char *text = NULL;
    gsize length;

    ck_assert (!kml_key_file_read (cases[i].path, &text, &length, &error));
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
  g_unlink (fifo);
  g_rmdir (folder);
}
END_TEST

START_TEST (of_a_huge_file_one_mebibyte_is_read)
{
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "huge.ini", NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  gsize length;
  int fd;

  fd = g_open (path, O_CREAT | O_WRONLY, 0600);
  ck_assert_int_eq (ftruncate (fd, (off_t)1 << 40), 0); /* sparse */
  close (fd);
  ck_assert (!kml_key_file_read (path, &text, &length, &error));
  assert_error (error, KML_ERROR_INPUT, "more than 1048576 bytes");
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("keyfile");
  TCase *tests = tcase_create ("keyfile");

  tcase_add_loop_test (tests, each_slip_is_told_with_its_place, 0, G_N_ELEMENTS (bad_files));
  tcase_add_test (tests, all_slips_of_a_file_are_told_at_once_and_the_rest_is_read);
  tcase_add_test (tests, a_header_with_something_behind_it_or_without_an_end_opens_its_group);
  tcase_add_test (tests, a_nul_byte_is_told_with_its_place);
  tcase_add_test (tests, values_lose_the_blanks_around_them_and_their_escapes);
  tcase_add_test (tests, a_text_above_one_mebibyte_is_refused);
  tcase_add_test (tests, more_than_64_ki_lines_are_refused);
  tcase_add_test (tests, a_line_above_64_kib_is_refused);
  tcase_add_test (tests, a_file_of_junk_is_given_up_after_a_hundred_problems);
  tcase_add_test (tests, what_has_no_problem_means_the_same_to_gkeyfile);
  tcase_add_test (tests, a_file_is_read_whole);
  tcase_add_test (tests, what_is_not_a_file_is_refused_without_waiting);
  tcase_add_test (tests, of_a_huge_file_one_mebibyte_is_read);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
