/* test-trace-malloclab.c: .rep files of the malloc exercise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trace-fixture.h"

static void
refuse (const char *text, const char *fragment)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_bytes (text, strlen (text), &error));
  assert_error (error, KML_ERROR_INPUT, fragment);
}

START_TEST (each_line_is_an_operation_and_a_reallocation_two)
{
  static const struct {
    KmlOpKind kind;
    guint32 block, bytes;
  } expected[] = {
    { KML_OP_ALLOC, 0, 512 },  { KML_OP_ALLOC, 1, 128 }, { KML_OP_ALLOC, 2, 1 },
    { KML_OP_FREE, 0, 0 },     { KML_OP_ALLOC, 0, 640 }, { KML_OP_FREE, 1, 0 },
    { KML_OP_ALLOC, 1, 2040 }, { KML_OP_FREE, 2, 0 },    { KML_OP_ALLOC, 2, 24 },
    { KML_OP_FREE, 0, 0 },     { KML_OP_FREE, 1, 0 },
  };
  g_autoptr (Recording) recording = read_sample ("malloclab.sample");

  ck_assert_uint_eq (recording->events->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    const KmlTraceEvent *event = event_at (recording, i);

    ck_assert_msg (event->kind == expected[i].kind && event->block == expected[i].block &&
                       event->bytes_req == expected[i].bytes,
                   "event %u is kind %d of block %u, %u bytes", i, event->kind, event->block,
                   event->bytes_req);
  }
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_REALLOCS), 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_ZERO_SIZE), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_NULL), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_EVENTS), 12);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_UNTIMED), 12);
}
END_TEST

START_TEST (both_orders_of_the_four_numbers_are_read)
{
  g_autoptr (Recording) before = read_text ("20000\n1\n2\n1\na 0 16\nf 0\n");
  g_autoptr (Recording) after = read_text ("1\n1\n2\n104857600\na 0 16\nf 0\n");
  g_autoptr (Recording) in_a_line = read_text (" 1 1 2 104857600\r\n\r\na 0 16\r\nf 0\r\n");

  ck_assert_uint_eq (before->events->len, 2);
  ck_assert_uint_eq (after->events->len, 2);
  ck_assert_uint_eq (in_a_line->events->len, 2);
}
END_TEST

START_TEST (a_reallocation_to_nothing_is_a_free)
{
  g_autoptr (Recording) recording = read_text ("1\n1\n2\n1\na 0 16\nr 0 0\n");

  ck_assert_uint_eq (recording->events->len, 2);
  ck_assert_uint_eq (event_at (recording, 1)->kind, KML_OP_FREE);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_ZERO_SIZE), 0);
}
END_TEST

START_TEST (frees_before_and_second_allocations_are_counted)
{
  g_autoptr (Recording) recording = read_text ("1\n3\n5\n1\nf 0\na 1 8\na 1 16\nr 2 8\nf 1\n");

  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_DOUBLE_ALLOC), 1);
  ck_assert_uint_eq (recording->events->len, 5);
}
END_TEST

START_TEST (a_file_whose_counts_are_wrong_is_refused)
{
  refuse ("1\n1\n3\n1\na 0 16\nf 0\n",
          "the trace:6: the file has 2 operations, and its beginning says 3");
  refuse ("1\n1\n1\n1\na 0 16\nf 0\n",
          "the trace:6: the file has 2 operations, and its beginning says 1");
}
END_TEST

START_TEST (bad_lines_are_counted_and_the_first_is_quoted)
{
  static const struct {
    const char *line, *reason;
  } cases[] = {
    { "a 0", "expected a ID BYTES" },
    { "a -1 8", "expected a ID BYTES" },
    { "x 0 8", "expected a ID BYTES" },
    { "f 0 8", "expected a ID BYTES" },
    { "a 0 8 8", "expected a ID BYTES" },
    { "a 0 0x8", "expected a ID BYTES" },
    { "a 99999999999999999999 8", "expected a ID BYTES" },
    { "a 2 8", "the id is not below the number of ids" },
    { "a 18446744073709551 8", "the id is not below the number of ids" },
    { "a 1 9223372036854775808", "the size is above 4 GiB" },
    { "r 1 4294967296", "the size is above 4 GiB" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf ("1\n2\n3\n1\na 0 16\n%s\nf 0\n", cases[i].line);
    g_autoptr (Recording) recording = read_text (text);
    const KmlTraceInfo *info = kml_trace_info (recording->trace);

    ck_assert_uint_eq (recording->events->len, 2);
    ck_assert_uint_eq (info->malformed_line, 6);
    ck_assert_msg (strstr (info->malformed_text, cases[i].reason) != NULL, "%s: %s", cases[i].line,
                   info->malformed_text);
  }
}
END_TEST

START_TEST (four_numbers_are_not_enough_to_be_known)
{
  refuse ("1\n1\n0\n1\n", "not a trace that kmemlab reads");
  refuse ("1\n1\n1\n1\n5\na 0 1\n", "not a trace that kmemlab reads");
  refuse ("1\n1\n1\nx\na 0 1\n", "not a trace that kmemlab reads");
}
END_TEST

static Suite *
trace_malloclab_suite (void)
{
  Suite *suite = suite_create ("trace-malloclab");
  TCase *malloclab = tcase_create ("malloclab");

  tcase_add_test (malloclab, each_line_is_an_operation_and_a_reallocation_two);
  tcase_add_test (malloclab, both_orders_of_the_four_numbers_are_read);
  tcase_add_test (malloclab, a_reallocation_to_nothing_is_a_free);
  tcase_add_test (malloclab, frees_before_and_second_allocations_are_counted);
  tcase_add_test (malloclab, a_file_whose_counts_are_wrong_is_refused);
  tcase_add_test (malloclab, bad_lines_are_counted_and_the_first_is_quoted);
  tcase_add_test (malloclab, four_numbers_are_not_enough_to_be_known);
  suite_add_tcase (suite, malloclab);
  return suite;
}

int
main (void)
{
  return run_suite (trace_malloclab_suite ());
}
