/* test-trace-heaptrack.c: what `heaptrack --raw` writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trace-fixture.h"

#define VERSION "v 10400 3\n"

static const char *
site_at (const Recording *recording, guint i)
{
  return kml_trace_site (recording->trace, event_at (recording, i)->site);
}

START_TEST (blocks_are_followed)
{
  static const struct {
    KmlOpKind kind;
    guint32 block, bytes;
    guint64 ms;
  } expected[] = {
    { KML_OP_ALLOC, 0, 10, 0 },  { KML_OP_ALLOC, 1, 256, 0 }, { KML_OP_ALLOC, 2, 1, 0 },
    { KML_OP_FREE, 0, 0, 10 },   { KML_OP_FREE, 1, 0, 10 },   { KML_OP_ALLOC, 1, 512, 10 },
    { KML_OP_ALLOC, 0, 32, 20 }, { KML_OP_ALLOC, 3, 8, 20 },  { KML_OP_FREE, 1, 0, 20 },
  };
  g_autoptr (Recording) recording = read_sample ("heaptrack.sample");

  ck_assert_uint_eq (recording->events->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    const KmlTraceEvent *event = event_at (recording, i);

    ck_assert_msg (event->kind == expected[i].kind && event->block == expected[i].block &&
                       event->bytes_req == expected[i].bytes &&
                       event->time_ns == expected[i].ms * 1000000,
                   "event %u is kind %d of block %u, %u bytes", i, event->kind, event->block,
                   event->bytes_req);
  }
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_ZERO_SIZE), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_UNTIMED), 0);
}
END_TEST

START_TEST (call_sites_are_places_in_the_modules_of_their_time)
{
  g_autoptr (Recording) recording = read_sample ("heaptrack.sample");

  ck_assert_str_eq (site_at (recording, 0), "./shop/till+0x1192");
  ck_assert_str_eq (site_at (recording, 2), "/lib/x86_64-linux-gnu/libc.so.6+0x27400");
  ck_assert_str_eq (site_at (recording, 6), "/opt/a path/b.so+0x10");
  ck_assert_str_eq (site_at (recording, 7), "0x10");
}
END_TEST

START_TEST (a_file_that_was_interpreted_is_refused)
{
  static const char *const lines[] = { "s 4 main", "i 5601d50ed0a0 1", "a 20 4" };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_autofree char *text = g_strdup_printf (VERSION "X ./a\n%s\n+ 0\n- 0\n", lines[i]);
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (read_bytes (text, strlen (text), &error));
    assert_error (error, KML_ERROR_INPUT, "the trace:3: heaptrack has interpreted this file");
    assert_error (error, KML_ERROR_INPUT, "record with heaptrack --raw");
  }
}
END_TEST

/* heaptrack 1.0 to 1.3. */
START_TEST (paths_have_no_lengths_in_formats_1_and_2)
{
  for (guint format = 1; format <= 2; format++) {
    g_autofree char *text = g_strdup_printf ("v 10100 %u\n"
                                             "x /opt/a shop/till\n"
                                             "X till --open\n"
                                             "I 1000 3e8000\n"
                                             "m x 5601d50ec000 0 6c0 1000 2000\n"
                                             "m /lib/libc.so.6 7f0000000000 0 200000\n"
                                             "m /lib/empty.so\n"
                                             "t 5601d50ed192 0\n"
                                             "t 7f0000027400 1\n"
                                             "+ a 1 5601f6fbb1d0\n"
                                             "c a\n"
                                             "R 52\n"
                                             "+ 100 2 5601f6fbb2d0\n"
                                             "- 5601f6fbb1d0\n"
                                             "m -\n",
                                             format);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_uint_eq (recording->events->len, 3);
    ck_assert_str_eq (site_at (recording, 0), "/opt/a shop/till+0x1192");
    ck_assert_str_eq (site_at (recording, 1), "/lib/libc.so.6+0x27400");
    ck_assert_uint_eq (event_at (recording, 2)->time_ns, 10000000);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 1);
    ck_assert_str_eq (kml_trace_info (recording->trace)->malformed_text,
                      "expected m PATH ADDRESS …: “m /lib/empty.so”");
  }
}
END_TEST

START_TEST (another_format_of_heaptrack_is_refused)
{
  static const char *const texts[] = { "v 10400 4\n+ 8 0 10\n", "v 10400 0\n+ 8 0 10\n" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (read_bytes (texts[i], strlen (texts[i]), &error));
    assert_error (error, KML_ERROR_INPUT, "the trace:1: not format 1 to 3 of heaptrack");
  }
}
END_TEST

START_TEST (bad_lines_are_counted_and_the_first_is_quoted)
{
  static const struct {
    const char *line, *reason;
  } cases[] = {
    { "+ 8 1", "expected + SIZE TRACE ADDRESS" },
    { "+ 8 1 0x10", "expected + SIZE TRACE ADDRESS" },
    { "+ -8 1 10", "expected + SIZE TRACE ADDRESS" },
    { "+ 8 1 10 10", "expected + SIZE TRACE ADDRESS" },
    { "+ 8 1 11112222333344445", "expected + SIZE TRACE ADDRESS" },
    { "+ 8 2 10", "asked for by a trace that is not there" },
    { "+ 100000000 1 10", "the size is above 4 GiB" },
    { "+ 8000000000000000 1 10", "the size is above 4 GiB" },
    { "-", "expected - ADDRESS" },
    { "- 10 10", "expected - ADDRESS" },
    { "t 10", "expected t ADDRESS TRACE" },
    { "t 10 99", "called from one that is not there" },
    { "c", "expected c MILLISECONDS" },
    { "c ffffffffffffffff", "expected c MILLISECONDS" },
    { "m 99999999 a 10", "expected m LENGTH PATH ADDRESS" },
    { "m 1 a", "expected m LENGTH PATH ADDRESS" },
    { "x 5 ab", "expected x LENGTH PATH" },
    { "? 1", "no line of heaptrack" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf (VERSION "t 10 0\n+ 8 1 1000\n%s\n- 1000\n",
                                             cases[i].line);
    g_autoptr (Recording) recording = read_text (text);
    const KmlTraceInfo *info = kml_trace_info (recording->trace);

    ck_assert_msg (recording->events->len == 2, "%s", cases[i].line);
    ck_assert_uint_eq (info->malformed_line, 4);
    ck_assert_msg (strstr (info->malformed_text, cases[i].reason) != NULL, "%s: %s", cases[i].line,
                   info->malformed_text);
  }
}
END_TEST

static Suite *
trace_heaptrack_suite (void)
{
  Suite *suite = suite_create ("trace-heaptrack");
  TCase *heaptrack = tcase_create ("heaptrack");

  tcase_add_test (heaptrack, blocks_are_followed);
  tcase_add_test (heaptrack, call_sites_are_places_in_the_modules_of_their_time);
  tcase_add_test (heaptrack, a_file_that_was_interpreted_is_refused);
  tcase_add_test (heaptrack, paths_have_no_lengths_in_formats_1_and_2);
  tcase_add_test (heaptrack, another_format_of_heaptrack_is_refused);
  tcase_add_test (heaptrack, bad_lines_are_counted_and_the_first_is_quoted);
  suite_add_tcase (suite, heaptrack);
  return suite;
}

int
main (void)
{
  return run_suite (trace_heaptrack_suite ());
}
