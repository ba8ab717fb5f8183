/* test-trace-mtrace.c: what glibc's mtrace() writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trace-fixture.h"

#define START "= Start\n"

/* The sample, line by line:
 *
 *   0 malloc 48 → block 0       6 < … > of the 200 bytes: block 1 freed, named again for 400
 *   1 malloc 0  → block 1       7 a reallocation that failed
 *   2 malloc 200 → block 2      8 malloc 24 → block 2
 *   3 free block 1              9 a free of something unknown
 */
START_TEST (each_line_is_an_operation)
{
  static const struct {
    KmlOpKind kind;
    guint32 block, bytes;
  } expected[] = {
    { KML_OP_ALLOC, 0, 48 }, { KML_OP_ALLOC, 1, 1 }, { KML_OP_ALLOC, 2, 200 },
    { KML_OP_FREE, 1, 0 },   { KML_OP_FREE, 2, 0 },  { KML_OP_ALLOC, 2, 400 },
    { KML_OP_ALLOC, 1, 24 }, { KML_OP_FREE, 1, 0 },  { KML_OP_ALLOC, 1, 128 },
    { KML_OP_FREE, 0, 0 },   { KML_OP_FREE, 2, 0 },  { KML_OP_ALLOC, 2, 8 },
  };
  g_autoptr (Recording) recording = read_sample ("mtrace.sample");

  ck_assert_uint_eq (recording->events->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    const KmlTraceEvent *event = event_at (recording, i);

    ck_assert_msg (event->kind == expected[i].kind && event->block == expected[i].block &&
                       event->bytes_req == expected[i].bytes,
                   "event %u is kind %d of block %u, %u bytes", i, event->kind, event->block,
                   event->bytes_req);
    ck_assert_uint_eq (event->bytes_alloc, event->bytes_req);
    ck_assert_uint_eq (event->level, KML_LEVEL_OBJECTS);
  }
}
END_TEST

START_TEST (what_is_missing_is_counted)
{
  g_autoptr (Recording) recording = read_sample ("mtrace.sample");

  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_EVENTS), 14);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_UNTIMED), 14);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_REALLOCS), 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_ZERO_SIZE), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FAILED), 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_DOUBLE_ALLOC), 1);
}
END_TEST

START_TEST (operations_come_a_microsecond_apart)
{
  g_autoptr (Recording) recording = read_sample ("mtrace.sample");

  ck_assert_uint_eq (event_at (recording, 0)->time_ns, 0);
  ck_assert_uint_eq (event_at (recording, 3)->time_ns, 3000);
  ck_assert_uint_eq (event_at (recording, 6)->time_ns, 7000); /* one failed before it */
  ck_assert_uint_eq (kml_trace_info (recording->trace)->duration_ns, 13000);
}
END_TEST

START_TEST (call_sites_are_kept_as_they_are)
{
  g_autoptr (Recording) recording = read_sample ("mtrace.sample");

  ck_assert_str_eq (kml_trace_site (recording->trace, event_at (recording, 0)->site),
                    "./shop:(open_shop+0x1c)[0x11c9]");
  ck_assert_str_eq (kml_trace_site (recording->trace, event_at (recording, 2)->site),
                    "/opt/my libs/libtill.so:[0x7504]");
  ck_assert_str_eq (kml_trace_site (recording->trace, event_at (recording, 6)->site), "[0x1280]");
}
END_TEST

START_TEST (a_file_without_its_first_line_is_known)
{
  g_autoptr (Recording) recording = read_text ("@ ./a.out:[0x1189] + 0x1000 0x10\r\n"
                                               "@ ./a.out:[0x1199] - 0x1000");

  ck_assert_str_eq (kml_trace_info (recording->trace)->format, "mtrace");
  ck_assert_uint_eq (recording->events->len, 2);
}
END_TEST

START_TEST (bad_lines_are_counted_and_the_first_is_quoted)
{
  static const struct {
    const char *line, *reason;
  } cases[] = {
    { "@ x + 0x1000", "no operation of mtrace" },
    { "@ x + 1000 0x10", "no operation of mtrace" },
    { "@ x ? 0x1000 0x10", "no operation of mtrace" },
    { "@ x + 0x1000 16", "no operation of mtrace" },
    { "@ x + 0x1000 0x100000000", "the size is above 4 GiB" },
    { "@ x + 0x1000 0x8000000000000000", "the size is above 4 GiB" },
    { "@ x + 0x1000 0x80000000000000000", "no operation of mtrace" },
    { "@ x - 0x11112222333344445", "no operation of mtrace" },
    { "@", "no operation of mtrace" },
    { "-", "no operation of mtrace" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf (START "@ x + 0x2000 0x10\n%s\n@ x - 0x2000\n",
                                             cases[i].line);
    g_autoptr (Recording) recording = read_text (text);
    const KmlTraceInfo *info = kml_trace_info (recording->trace);

    ck_assert_uint_eq (recording->events->len, 2);
    ck_assert_uint_eq (info->counts[KML_TRACE_N_MALFORMED], 1);
    ck_assert_uint_eq (info->malformed_line, 3);
    ck_assert_msg (strstr (info->malformed_text, cases[i].reason) != NULL, "%s: %s", cases[i].line,
                   info->malformed_text);
  }
}
END_TEST

START_TEST (a_file_that_is_mostly_bad_is_refused)
{
  static const char text[] = START "hello\nworld\nagain\n@ x + 0x10 0x10\n";
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_bytes (text, strlen (text), &error));
  assert_error (error, KML_ERROR_INPUT, "the trace:2: no operation of mtrace: “hello”; 3 of 5");
}
END_TEST

START_TEST (a_file_without_an_operation_is_refused)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_bytes (START, strlen (START), &error));
  assert_error (error, KML_ERROR_INPUT, "the trace:1: what glibc's mtrace() writes without");
}
END_TEST

static Suite *
trace_mtrace_suite (void)
{
  Suite *suite = suite_create ("trace-mtrace");
  TCase *mtrace = tcase_create ("mtrace");

  tcase_add_test (mtrace, each_line_is_an_operation);
  tcase_add_test (mtrace, what_is_missing_is_counted);
  tcase_add_test (mtrace, operations_come_a_microsecond_apart);
  tcase_add_test (mtrace, call_sites_are_kept_as_they_are);
  tcase_add_test (mtrace, a_file_without_its_first_line_is_known);
  tcase_add_test (mtrace, bad_lines_are_counted_and_the_first_is_quoted);
  tcase_add_test (mtrace, a_file_that_is_mostly_bad_is_refused);
  tcase_add_test (mtrace, a_file_without_an_operation_is_refused);
  suite_add_tcase (suite, mtrace);
  return suite;
}

int
main (void)
{
  return run_suite (trace_mtrace_suite ());
}
