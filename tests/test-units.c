/* test-units.c: sizes, times and counts as people write them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/units.h"
#include "tests/testutils.h"

#include <locale.h>
#include <string.h>

typedef gboolean (*Parse) (const char *text, guint64 *ret_value, GError **error);

typedef struct {
  const char *text;
  guint64 value;
} Good;

typedef struct {
  const char *text;
  const char *fragment;
} Bad;

static void
assert_all_read (Parse parse, const Good *cases, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;
    guint64 value = 12345;

    if (!parse (cases[i].text, &value, &error))
      ck_abort_msg ("“%s”: %s", cases[i].text, error->message);
    ck_assert_msg (value == cases[i].value, "“%s” was read as %" G_GUINT64_FORMAT, cases[i].text,
                   value);
  }
}

static void
assert_all_refused (Parse parse, const Bad *cases, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;
    guint64 value = 12345;

    ck_assert_msg (!parse (cases[i].text, &value, &error), "“%s” was read as %" G_GUINT64_FORMAT,
                   cases[i].text, value);
    assert_error (error, KML_ERROR_INPUT, cases[i].fragment);
    ck_assert_uint_eq (value, 12345);
  }
}

START_TEST (sizes_are_powers_of_1024)
{
  static const Good cases[] = {
    { "0", 0 },
    { "512", 512 },
    { "18B", 18 },
    { "010", 10 },
    { "4K", 4096 },
    { "4k", 4096 },
    { "64KiB", 65536 },
    { "64 KiB", 65536 },
    { "1.5KiB", 1536 },
    { "1.50000000000000000000000000000000KiB", 1536 },
    { "0.0009765625KiB", 1 },
    { "512m", G_GUINT64_CONSTANT (536870912) },
    { "1GiB", G_GUINT64_CONSTANT (1073741824) },
    { "16T", G_GUINT64_CONSTANT (17592186044416) },
    { "18446744073709551615", G_MAXUINT64 },
  };

  assert_all_read (kml_parse_size, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (what_is_not_a_size_is_refused)
{
  static const Bad cases[] = {
    { "", "expected a size such as 64KiB, not “”" },
    { "3x", "expected a size such as 64KiB, not “3x”" },
    { "-5", "not “-5”" },
    { "+5", "not “+5”" },
    { " 5", "not “ 5”" },
    { "5 ", "not “5 ”" },
    { "5KB", "not “5KB”" },
    { "5kib", "not “5kib”" },
    { "5KiBs", "not “5KiBs”; did you mean “5KiB”?" },
    { "64KB", "not “64KB”; did you mean “64KiB”?" },
    { "64 mb", "not “64 mb”; did you mean “64MiB”?" },
    { "0x10", "such as 64KiB" },
    { "1e3", "such as 64KiB" },
    { ".5K", "such as 64KiB" },
    { "5.K", "such as 64KiB" },
    { "1,5K", "not “1,5K”: a fraction is written with a point, as in 1.5K" },
    { "1.2.3K", "such as 64KiB" },
    { "nan", "such as 64KiB" },
    { "0.3B", "expected a whole number of bytes, not “0.3B”" },
    { "0.3", "whole number of bytes" },
    { "0.0001KiB", "whole number of bytes" },
    { "18446744073709551616", "expected fewer than 2^64 bytes" },
    { "16777216TiB", "fewer than 2^64 bytes" },
    { "1000000000000000000000000000000000000000000000000", "such as 64KiB" },
    { "9999999999999999999999999T", "fewer than 2^64 bytes" },
    { "1\nK", "not “1\\u000aK”" },
    { "1\xff", "not “1\\xff”" },
  };

  assert_all_refused (kml_parse_size, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (times_have_units_and_are_exact)
{
  static const Good cases[] = {
    { "0", 0 },
    { "0.0", 0 },
    { "300ps", 300 },
    { "800ns", 800 * KML_NS },
    { "10us", 10 * KML_US },
    { "2ms", 2 * KML_MS },
    { "1.5s", 1500 * KML_MS },
    { "0.000000000001s", 1 },
    { "0.1ns", 100 },
    { "1.50 ms", 1500 * KML_US },
    { "18446744.073709551615s", G_MAXUINT64 },
  };

  assert_all_read (kml_parse_time, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (what_is_not_a_time_is_refused)
{
  static const Bad cases[] = {
    { "5", "expected a time with its unit, such as 2ms, not “5”" },
    { "5x", "expected a time such as 2ms" },
    { "5 m", "expected a time such as 2ms" },
    { "5MS", "not “5MS”; did you mean “5ms”?" },
    { "5uss", "not “5uss”; did you mean “5us”?" },
    { "1,5ms", "not “1,5ms”: a fraction is written with a point, as in 1.5ms" },
    { "-1s", "expected a time such as 2ms" },
    { "ms", "expected a time such as 2ms" },
    { "0.1ps", "whole number of picoseconds" },
    { "0.0001ns", "whole number of picoseconds" },
    { "18446744.073709551616s", "less than 213 days" },
    { "1e3s", "expected a time such as 2ms" },
  };

  assert_all_refused (kml_parse_time, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (counts_are_powers_of_1000)
{
  static const Good cases[] = {
    { "1000000", 1000000 },
    { "1e6", 1000000 },
    { "2.5e3", 2500 },
    { "1E19", G_GUINT64_CONSTANT (10000000000000000000) },
    { "0e999999999999", 0 },
    { "10k", 10000 },
    { "1.5k", 1500 },
    { "2M", 2000000 },
    { "3G", G_GUINT64_CONSTANT (3000000000) },
  };

  assert_all_read (kml_parse_count, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (what_is_not_a_count_is_refused)
{
  static const Bad cases[] = {
    { "", "expected a count such as 1000, 10k or 1e6, not “”" },
    { "10m", "expected a count" },
    { "1e", "expected a count" },
    { "1e-3", "expected a count" },
    { "1e3k", "expected a count" },
    { "10 k", "expected a count" },
    { "0.5", "expected a whole number, not “0.5”" },
    { "1.2345e3", "expected a whole number" },
    { "1e20", "expected a number below 2^64" },
    { "1e999999999999999999999", "expected a number below 2^64" },
    { "18446744073709551616", "expected a number below 2^64" },
  };

  assert_all_refused (kml_parse_count, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (rates_are_kept_per_second)
{
  static const Good cases[] = {
    { "100000/s", 100000 }, { "100k/s", 100000 },
    { "1e5/s", 100000 },    { "5/ms", 5000 },
    { "0.5/ms", 500 },      { "1/us", 1000000 },
    { "0/s", 0 },           { "1/ps", G_GUINT64_CONSTANT (1000000000000) },
  };

  assert_all_read (kml_parse_rate, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (what_is_not_a_rate_is_refused)
{
  static const Bad cases[] = {
    { "100", "expected a rate such as 100000/s or 5/ms, not “100”" },
    { "5/", "expected a rate" },
    { "/s", "expected a rate" },
    { "5/s/s", "expected a rate" },
    { "5/minute", "expected a rate" },
    { "-5/s", "expected a rate" },
    { "0.5/s", "expected a whole number per second" },
    { "1e19/ms", "fewer than 2^64 per second" },
    { "9999999999999999999999999G/ps", "fewer than 2^64 per second" },
  };

  assert_all_refused (kml_parse_rate, cases, G_N_ELEMENTS (cases));
}
END_TEST

START_TEST (booleans_are_six_words)
{
  static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
  static const char *const others[] = { "", "1", "0", "Yes", "yes ", "maybe" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    gboolean value = -1;

    ck_assert (kml_parse_boolean (words[i], &value, NULL));
    ck_assert_int_eq (value, i % 2);
  }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autoptr (GError) error = NULL;
    gboolean value;

    ck_assert (!kml_parse_boolean (others[i], &value, &error));
    assert_error (error, KML_ERROR_INPUT, "expected yes or no, not ");
  }
}
END_TEST

START_TEST (reals_are_finite_decimals_in_any_locale)
{
  static const struct {
    const char *text;
    double value;
  } good[] = { { "-1.25", -1.25 }, { "3e-4", 3e-4 }, { "0", 0 }, { "2E+2", 200 }, { "0.5", 0.5 } };
  static const char *const bad[] = { "",      "inf", "nan", "0x1p3", "1,5", " 1", "1 ",
                                     "1e999", "-",   ".5",  "5.",    "1e",  "+1", "1e+" };

  setlocale (LC_ALL, "de_DE.UTF-8");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    double value;

    ck_assert (kml_parse_real (good[i].text, &value, NULL));
    ck_assert (value == good[i].value);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    double value;

    ck_assert_msg (!kml_parse_real (bad[i], &value, &error), "“%s” was read", bad[i]);
    assert_error (error, KML_ERROR_INPUT, "expected a number");
  }
}
END_TEST

START_TEST (sizes_and_times_are_written_for_people)
{
  static const struct {
    guint64 value;
    const char *size, *time;
  } cases[] = {
    { 0, "0 B", "0 s" },
    { 999, "999 B", "999 ps" },
    { 1024, "1 KiB", "1.02 ns" },
    { 1500, "1.46 KiB", "1.50 ns" },
    { 65536, "64 KiB", "65.54 ns" },
    { 1048575, "1.00 MiB", "1.05 us" },
    { 999999999, "953.67 MiB", "1.00 ms" },
    { G_GUINT64_CONSTANT (1500000000), "1.40 GiB", "1.50 ms" },
    { G_MAXUINT64, "16777216.00 TiB", "18446744.07 s" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *size = kml_format_size (cases[i].value);
    g_autofree char *time = kml_format_time (cases[i].value);

    ck_assert_str_eq (size, cases[i].size);
    ck_assert_str_eq (time, cases[i].time);
  }
}
END_TEST

START_TEST (a_whole_number_of_a_unit_reads_back)
{
  for (guint64 n = 1; n < 1000; n += 37) {
    for (guint shift = 0; shift <= 40; shift += 10) {
      g_autofree char *text = kml_format_size (n << shift);
      guint64 value;

      ck_assert (kml_parse_size (text, &value, NULL));
      ck_assert_uint_eq (value, n << shift);
    }
  }
}
END_TEST

START_TEST (the_nearest_name_is_the_one_that_was_meant)
{
  static const char *const names[] = { "allocator", "alignment", "arrivals", "bins",
                                       "buddy",     "live",      "sizes",    NULL };

  ck_assert_str_eq (kml_nearest_name ("algoritm", (const char *const[]){ "algorithm", NULL }),
                    "algorithm");
  ck_assert_str_eq (kml_nearest_name ("alocator", names), "allocator");   /* one missing */
  ck_assert_str_eq (kml_nearest_name ("allocattor", names), "allocator"); /* one too many */
  ck_assert_str_eq (kml_nearest_name ("bnis", names), "bins");            /* two swapped */
  ck_assert_str_eq (kml_nearest_name ("BUDDY", names), "buddy");
  ck_assert_str_eq (kml_nearest_name ("sizes", names), "sizes");
  ck_assert_ptr_null (kml_nearest_name ("zzz", names));
  ck_assert_ptr_null (kml_nearest_name ("siz", names)); /* two of five is more than a third */
  ck_assert_ptr_null (kml_nearest_name ("", names));
  ck_assert_ptr_null (kml_nearest_name ("x", (const char *const[]){ "y", NULL }));
  ck_assert_ptr_null (kml_nearest_name ("duration", names));
}
END_TEST

START_TEST (a_name_that_goes_on_otherwise_was_meant_to_be_what_it_begins_like)
{
  static const char *const names[] = { "pow2", "spin", "bins", "rw", "geometric", NULL };

  ck_assert_str_eq (kml_nearest_name ("powtwo", names), "pow2");
  ck_assert_str_eq (kml_nearest_name ("SPINLOCK", names), "spin");
  ck_assert_str_eq (kml_nearest_name ("binos", names), "bins"); /* it is nearer */
  ck_assert_ptr_null (kml_nearest_name ("rwlock", names));      /* two letters say too little */
  ck_assert_ptr_null (kml_nearest_name ("geology", names));
}
END_TEST

START_TEST (a_swap_counts_one_and_no_letter_is_edited_twice)
{
  /* “ca” to “abc” is 3 by optimal string alignment, 2 by the unrestricted distance */
  static const char *const names[] = { "abc", NULL };

  ck_assert_ptr_null (kml_nearest_name ("ca", names));
  ck_assert_str_eq (kml_nearest_name ("acb", names), "abc");
}
END_TEST

START_TEST (hostile_names_are_harmless)
{
  g_autofree char *endless = g_strnfill (100000, 'a');
  const char *const names[] = { "aaaa", endless, NULL };

  ck_assert_ptr_null (kml_nearest_name (endless, names));
  ck_assert_str_eq (kml_nearest_name ("aaa", names), "aaaa");
}
END_TEST

START_TEST (quotes_are_short_and_printable)
{
  static const struct {
    const char *text;
    gssize length;
    const char *quoted;
  } cases[] = {
    { "64KiB", -1, "“64KiB”" },    { "64KiB", 2, "“64”" },         { "", -1, "“”" },
    { "a\tb", -1, "“a\\u0009b”" }, { "\xc3\x28", -1, "“\\xc3(”" }, { "\xc3\xa9", -1, "“é”" },
    { "\xc3\xa9", 1, "“\\xc3”" },  { "\0x", 2, "“\\x00x”" },
  };
  g_autofree char *endless = g_strnfill (1 << 20, 'x');
  g_autofree char *quoted_endless = kml_quote (endless, -1);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *quoted = kml_quote (cases[i].text, cases[i].length);

    ck_assert_str_eq (quoted, cases[i].quoted);
  }
  ck_assert_uint_lt (strlen (quoted_endless), 100);
  ck_assert (g_str_has_suffix (quoted_endless, "x…”"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("units");
  TCase *reading = tcase_create ("reading");
  TCase *writing = tcase_create ("writing");
  TCase *names = tcase_create ("names");

  tcase_add_test (reading, sizes_are_powers_of_1024);
  tcase_add_test (reading, what_is_not_a_size_is_refused);
  tcase_add_test (reading, times_have_units_and_are_exact);
  tcase_add_test (reading, what_is_not_a_time_is_refused);
  tcase_add_test (reading, counts_are_powers_of_1000);
  tcase_add_test (reading, what_is_not_a_count_is_refused);
  tcase_add_test (reading, rates_are_kept_per_second);
  tcase_add_test (reading, what_is_not_a_rate_is_refused);
  tcase_add_test (reading, booleans_are_six_words);
  tcase_add_test (reading, reals_are_finite_decimals_in_any_locale);
  suite_add_tcase (suite, reading);

  tcase_add_test (writing, sizes_and_times_are_written_for_people);
  tcase_add_test (writing, a_whole_number_of_a_unit_reads_back);
  tcase_add_test (writing, quotes_are_short_and_printable);
  suite_add_tcase (suite, writing);

  tcase_add_test (names, the_nearest_name_is_the_one_that_was_meant);
  tcase_add_test (names, a_name_that_goes_on_otherwise_was_meant_to_be_what_it_begins_like);
  tcase_add_test (names, a_swap_counts_one_and_no_letter_is_edited_twice);
  tcase_add_test (names, hostile_names_are_harmless);
  suite_add_tcase (suite, names);

  return run_suite (suite);
}
