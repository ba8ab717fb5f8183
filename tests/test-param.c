/* test-param.c: a parameter, declared once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/memory/gfp.h"
#include "simcore/param.h"
#include "tests/testutils.h"

#include <string.h>

typedef struct {
  guint64 count;
  guint64 size;
  KmlTime time;
  guint64 rate;
  double share;
  gboolean flag;
  guint choice;
  guint32 gfp;
  char *text;
  char *path;
  char *compulsory;
} Thing;

static gboolean
begins_with_k (const char *text, GError **error)
{
  if (text[0] == 'k')
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected a word with k, not “%s”", text);
  return FALSE;
}

static const char *const choices[] = { "objects", "pages", NULL };

static const KmlParam params[] = { { .name = "count",
                                     .type = KML_PARAM_COUNT,
                                     .value = "10",
                                     .min = 1,
                                     .max = 64,
                                     .offset = G_STRUCT_OFFSET (Thing, count),
                                     .summary = "a count" },
                                   { .name = "size",
                                     .type = KML_PARAM_SIZE,
                                     .value = "4KiB",
                                     .min = 512,
                                     .max = 1 << 20,
                                     .power_of_two = TRUE,
                                     .offset = G_STRUCT_OFFSET (Thing, size),
                                     .summary = "a size" },
                                   { .name = "time",
                                     .type = KML_PARAM_TIME,
                                     .value = "1ms",
                                     .min = KML_US,
                                     .offset = G_STRUCT_OFFSET (Thing, time),
                                     .summary = "a time" },
                                   { .name = "rate",
                                     .type = KML_PARAM_RATE,
                                     .value = "5/ms",
                                     .max = 10000,
                                     .offset = G_STRUCT_OFFSET (Thing, rate),
                                     .summary = "a rate" },
                                   { .name = "share",
                                     .type = KML_PARAM_SHARE,
                                     .value = "0.5",
                                     .offset = G_STRUCT_OFFSET (Thing, share),
                                     .positive = TRUE,
                                     .summary = "a share" },
                                   { .name = "flag",
                                     .type = KML_PARAM_BOOL,
                                     .value = "yes",
                                     .offset = G_STRUCT_OFFSET (Thing, flag),
                                     .summary = "yes or no" },
                                   { .name = "choice",
                                     .type = KML_PARAM_CHOICE,
                                     .value = "pages",
                                     .choices = choices,
                                     .offset = G_STRUCT_OFFSET (Thing, choice),
                                     .summary = "one of two" },
                                   { .name = "gfp",
                                     .type = KML_PARAM_FLAGS,
                                     .value = "GFP_KERNEL",
                                     .offset = G_STRUCT_OFFSET (Thing, gfp),
                                     .summary = "flags" },
                                   { .name = "text",
                                     .type = KML_PARAM_TEXT,
                                     .value = "klm",
                                     .validate = begins_with_k,
                                     .offset = G_STRUCT_OFFSET (Thing, text),
                                     .summary = "a word with k" },
                                   { .name = "path",
                                     .type = KML_PARAM_PATH,
                                     .value = "",
                                     .offset = G_STRUCT_OFFSET (Thing, path),
                                     .summary = "a file, or none" },
                                   { .name = "compulsory",
                                     .type = KML_PARAM_PATH,
                                     .offset = G_STRUCT_OFFSET (Thing, compulsory),
                                     .summary = "a file" },
                                   { NULL } };

static void
assert_parse (Thing *thing, const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;

  if (!kml_param_parse (kml_param_find (params, name), text, thing, &error))
    ck_abort_msg ("%s = %s: %s", name, text, error->message);
}

START_TEST (defaults_are_written_into_the_fields)
{
  Thing thing = { 0 };

  kml_params_set_defaults (params, &thing);
  ck_assert_uint_eq (thing.count, 10);
  ck_assert_uint_eq (thing.size, 4096);
  ck_assert_uint_eq (thing.time, KML_MS);
  ck_assert_uint_eq (thing.rate, 5000);
  ck_assert (thing.share == 0.5);
  ck_assert_int_eq (thing.flag, TRUE);
  ck_assert_uint_eq (thing.choice, 1);
  ck_assert_uint_eq (thing.gfp, KML_GFP_KERNEL);
  ck_assert_str_eq (thing.text, "klm");
  ck_assert_str_eq (thing.path, "");
  ck_assert_ptr_null (thing.compulsory);
  kml_params_clear (params, &thing);
  ck_assert_ptr_null (thing.text);
  ck_assert_ptr_null (thing.path);
}
END_TEST

START_TEST (values_replace_defaults)
{
  Thing thing = { 0 };

  kml_params_set_defaults (params, &thing);
  assert_parse (&thing, "count", "64");
  assert_parse (&thing, "size", "1MiB");
  assert_parse (&thing, "time", "2s");
  assert_parse (&thing, "rate", "0/s");
  assert_parse (&thing, "share", "2e-3");
  assert_parse (&thing, "flag", "off");
  assert_parse (&thing, "choice", "objects");
  assert_parse (&thing, "gfp", "GFP_ATOMIC|__GFP_ZERO");
  assert_parse (&thing, "text", "kmem");
  assert_parse (&thing, "compulsory", "a b.txt");
  ck_assert_uint_eq (thing.count, 64);
  ck_assert_uint_eq (thing.size, 1 << 20);
  ck_assert_uint_eq (thing.time, 2 * KML_S);
  ck_assert_uint_eq (thing.rate, 0);
  ck_assert (thing.share == 2e-3);
  ck_assert_int_eq (thing.flag, FALSE);
  ck_assert_uint_eq (thing.choice, 0);
  ck_assert_uint_eq (thing.gfp, KML_GFP_ATOMIC | KML_GFP_ZERO);
  ck_assert_str_eq (thing.text, "kmem");
  ck_assert_str_eq (thing.compulsory, "a b.txt");
  kml_params_clear (params, &thing);
}
END_TEST

START_TEST (refused_values_say_what_was_expected_and_change_nothing)
{
  static const struct {
    const char *name, *text, *fragment;
  } cases[] = {
    { "count", "0", "expected a count from 1 to 64, not “0”" },
    { "count", "65", "expected a count from 1 to 64, not “65”" },
    { "count", "many", "expected a count such as" },
    { "size", "256", "expected a size from 512B to 1MiB, not “256”" },
    { "size", "2MiB", "expected a size from 512B to 1MiB, not “2MiB”" },
    { "size", "3000", "expected a size that is a power of two, not “3000”" },
    { "time", "10", "expected a time with its unit" },
    { "time", "1ns", "expected a time of at least 1us, not “1ns”" },
    { "rate", "10001/s", "expected a rate from 0/s to 10000/s, not “10001/s”" },
    { "share", "nan", "expected a number" },
    { "share", "0", "expected a share above 0 and at most 1, not “0”" },
    { "share", "1.01", "expected a share above 0 and at most 1, not “1.01”" },
    { "flag", "2", "expected yes or no" },
    { "choice", "page", "expected objects | pages, not “page”; did you mean “pages”?" },
    { "choice", "x", "expected objects | pages, not “x”" },
    { "gfp", "GFP_KERNAL", "not “GFP_KERNAL”" },
    { "text", "x", "expected a word with k, not “x”" },
    { "compulsory", "", "expected a path" },
  };
  Thing thing = { 0 }, before;

  kml_params_set_defaults (params, &thing);
  before = thing;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_msg (
        !kml_param_parse (kml_param_find (params, cases[i].name), cases[i].text, &thing, &error),
        "%s = %s was taken", cases[i].name, cases[i].text);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
  }
  ck_assert_mem_eq (&thing, &before, sizeof thing);
  kml_params_clear (params, &thing);
}
END_TEST

START_TEST (without_an_instance_a_value_is_only_checked)
{
  ck_assert (kml_param_parse (kml_param_find (params, "size"), "8K", NULL, NULL));
  ck_assert (kml_param_parse (kml_param_find (params, "text"), "kml", NULL, NULL));
  ck_assert (!kml_param_parse (kml_param_find (params, "text"), "lmk", NULL, NULL));
}
END_TEST

START_TEST (a_missing_table_is_an_empty_one)
{
  Thing thing = { 0 };

  ck_assert_ptr_null (kml_param_find (NULL, "count"));
  ck_assert_ptr_null (kml_param_find (params, "nonesuch"));
  kml_params_set_defaults (NULL, &thing);
  kml_params_clear (NULL, &thing);
}
END_TEST

START_TEST (types_are_described_in_words)
{
  static const struct {
    const char *name, *type;
  } cases[] = {
    { "count", "count" },
    { "size", "size" },
    { "time", "time" },
    { "rate", "rate" },
    { "share", "share in (0, 1]" },
    { "flag", "boolean" },
    { "gfp", "flags" },
    { "text", "text" },
    { "choice", "objects | pages" },
    { "path", "path" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *type = kml_param_describe_type (kml_param_find (params, cases[i].name));

    ck_assert_str_eq (type, cases[i].type);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("param");
  TCase *table = tcase_create ("table");

  tcase_add_test (table, defaults_are_written_into_the_fields);
  tcase_add_test (table, values_replace_defaults);
  tcase_add_test (table, refused_values_say_what_was_expected_and_change_nothing);
  tcase_add_test (table, without_an_instance_a_value_is_only_checked);
  tcase_add_test (table, a_missing_table_is_an_empty_one);
  tcase_add_test (table, types_are_described_in_words);
  suite_add_tcase (suite, table);

  return run_suite (suite);
}
