/* test-trace-bad.c: text that is no recording, or a bad one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trace-fixture.h"
#include "trace-lines.h"

#define EXPECTED "not a trace that kmemlab reads: expected "

START_TEST (what_is_no_trace_is_refused)
{
  static const char *const texts[] = {
    "\n\n\n", "hello\nworld\n", "cpus=4\n", "# tracer: nop\n#\n", "{\"json\": [1, 2, 3]}\n",
  };
  guint8 bytes[4096];

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (read_bytes (texts[i], strlen (texts[i]), &error));
    assert_error (error, KML_ERROR_INPUT, EXPECTED);
    assert_error (error, KML_ERROR_INPUT, "the trace:1:");
  }
  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i] = (guint8)((i * 2654435761u) >> 13);
  {
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (read_bytes (bytes, sizeof bytes, &error));
    assert_error (error, KML_ERROR_INPUT, EXPECTED);
  }
  {
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (read_bytes ("", 0, &error));
    assert_error (error, KML_ERROR_INPUT, "the trace: it is empty: " EXPECTED);
  }
}
END_TEST

START_TEST (files_that_cannot_be_read_are_told_apart)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *missing = in_folder (folder, "missing");
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (kml_trace_open (missing, "x.txt", &error));
  assert_error (error, KML_ERROR_INPUT, "x.txt: cannot open: No such file or directory");
  g_clear_error (&error);
  ck_assert_ptr_null (kml_trace_open (folder, "x", &error));
  assert_error (error, KML_ERROR_INPUT, "a directory");
}
END_TEST

/* Lines of which each lacks or spoils something, and what is said of it. */
static const struct {
  const char *line;
  const char *reason;
} bad_lines[] = {
  { "kmalloc: call_site=f bytes_req=8 bytes_alloc=8 gfp_flags=0x0", "ptr= is missing" },
  { "kmalloc: call_site=f ptr=0x1 bytes_alloc=8 gfp_flags=0x0", "bytes_req= is missing" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=8 gfp_flags=0x0", "bytes_alloc= is missing" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=8 bytes_alloc=8", "gfp_flags= is missing" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=0 bytes_alloc=8 gfp_flags=0x0", "bytes_req is not" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=-8 bytes_alloc=8 gfp_flags=0x0", "bytes_req is not" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=8x bytes_alloc=8 gfp_flags=0x0", "bytes_req is not" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=4294967296 bytes_alloc=4294967296 gfp_flags=0x0",
    "bytes_req is not" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=1180591620717411303424 bytes_alloc=8 gfp_flags=0x0",
    "bytes_req is not" },
  { "kmalloc: call_site=f ptr=0x1 bytes_req=9 bytes_alloc=8 gfp_flags=0x0",
    "bytes_alloc is less than bytes_req" },
  { "kmalloc: call_site=f ptr=hello bytes_req=8 bytes_alloc=8 gfp_flags=0x0", "ptr is not" },
  { "kmalloc: call_site=f ptr=0x123456789abcdef01 bytes_req=8 bytes_alloc=8 gfp_flags=0x0",
    "ptr is not" },
  { "kfree: call_site=f ptr=", "ptr is not" },
  { "mm_page_alloc: page=0 pfn=1 order=21 migratetype=0 gfp_flags=0x0", "order is not" },
  { "mm_page_alloc: page=0 pfn=1 order=-1 migratetype=0 gfp_flags=0x0", "order is not" },
  { "mm_page_alloc: page=0 pfn=1 order=1 migratetype=0 gfp_flags=0x0", "not a multiple" },
  { "mm_page_alloc: page=0 pfn=0x10000000000 order=0 migratetype=0 gfp_flags=0x0", "pfn is not" },
  { "mm_page_free: page=0 pfn=1", "order= is missing" },
  { "kfree", "does not end with a colon" },
};

START_TEST (a_bad_line_is_counted_and_the_first_is_quoted)
{
  g_autofree char *text = g_strdup_printf (KMALLOC ("1", "0x1000") KMALLOC ("2", "0x2000")
                                               LINE ("3", "%s") LINE ("4", "%s")
                                                   KFREE ("5", "0x1000"),
                                           bad_lines[_i].line, bad_lines[_i].line);
  g_autoptr (Recording) recording = read_text (text);
  const KmlTraceInfo *info = kml_trace_info (recording->trace);

  ck_assert_uint_eq (recording->events->len, 3);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 2);
  ck_assert_uint_eq (info->malformed_line, 3);
  ck_assert_msg (strstr (info->malformed_text, bad_lines[_i].reason) != NULL, "%s",
                 info->malformed_text);
  ck_assert_msg (strstr (info->malformed_text, "task-7") != NULL, "%s", info->malformed_text);
}
END_TEST

START_TEST (a_file_that_is_mostly_bad_is_refused)
{
  g_autoptr (GString) text = g_string_new (KMALLOC ("1", "0x1000"));
  g_autoptr (GError) error = NULL;

  g_string_append (text, "the first bad line\nanother one\n");
  ck_assert_ptr_null (read_bytes (text->str, text->len, &error));
  assert_error (error, KML_ERROR_INPUT, "the trace:2: not an event: “the first bad line”");
}
END_TEST

/* As `perf script` writes them where numbers have one; the format is known by its header, or not at all. */
START_TEST (a_time_with_a_decimal_comma_is_called_one)
{
  static const struct {
    const char *text, *message;
  } cases[] = {
    { "# perf\n task 7 [000] 1,000001: kmem:kfree: call_site=f ptr=0x1\n",
      "the trace:2: the time has a comma where a point is expected: write the text with LC_ALL=C" },
    { "# tracer: nop\n#\n task-7 [000] ..... 1,000001: kfree: call_site=f ptr=0x1\n",
      "the trace:3: the time has a comma where a point is expected: “" },
    { "cpus=4\n task-7 [000] 1,000001: kfree: call_site=f ptr=0x1\n",
      "the trace:2: the time has a comma where a point is expected: “" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_ptr_null (read_bytes (cases[i].text, strlen (cases[i].text), &error));
    assert_error (error, KML_ERROR_INPUT, cases[i].message);
  }
}
END_TEST

START_TEST (a_byte_order_mark_is_no_line)
{
  g_autoptr (Recording) recording = read_text ("\xef\xbb\xbf" KMALLOC ("1", "0x1000"));

  ck_assert_uint_eq (recording->events->len, 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
}
END_TEST

START_TEST (a_line_without_end_is_skipped_and_not_kept)
{
  g_autoptr (GString) text = g_string_new (KMALLOC ("1", "0x1000"));
  g_autoptr (Recording) recording = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < (5u << 20) / 8; i++)
    g_string_append (text, "01234567");
  g_string_append (text, "\n" KMALLOC ("2", "0x2000"));
  recording = read_bytes (text->str, text->len, &error);
  assert_no_error (error);
  ck_assert_uint_eq (recording->events->len, 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 1);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->malformed_line, 2);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->n_lines, 3);
}
END_TEST

START_TEST (zeros_in_the_text_are_bad_lines)
{
  static const char text[] = KMALLOC ("1", "0x1000") "\0\0\0\0\n" KMALLOC ("2", "0x2000");
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_bytes (text, sizeof text - 1, &error);

  assert_no_error (error);
  ck_assert_uint_eq (recording->events->len, 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 1);
}
END_TEST

/* As a crash leaves it: a sector of zeros, which joins the lines that it begins and ends in. */
START_TEST (a_hole_in_the_file_is_a_bad_line)
{
  /* an event that requests memory, one that does not, one in the form of another tool */
  static const char *const events[] = {
    KMALLOC ("1", "0x1000"),
    LINE ("1", "mm_page_pcpu_drain: page=0 pfn=1 order=0 migratetype=1"),
    "@ ./a:(f+0x1)[0x1] + 0x1000 0x8\n",
  };
  static const char hole[512];

  for (guint i = 0; i < G_N_ELEMENTS (events); i++) {
    g_autoptr (GByteArray) text = g_byte_array_new ();
    const guint length = (guint)strlen (events[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (Recording) recording = NULL;

    if (events[i][0] == '@')
      g_byte_array_append (text, (const guint8 *)"= Start\n", 8);
    for (guint j = 0; j < 3; j++)
      g_byte_array_append (text, (const guint8 *)events[i], length);
    g_byte_array_append (text, (const guint8 *)events[i], length - 6);
    g_byte_array_append (text, (const guint8 *)hole, sizeof hole);
    g_byte_array_append (text, (const guint8 *)events[i] + length - 4, 4);
    g_byte_array_append (text, (const guint8 *)events[i], length);
    recording = read_bytes (text->data, text->len, &error);
    assert_no_error (error);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_EVENTS), 4);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 1);
    ck_assert_msg (g_str_has_prefix (kml_trace_info (recording->trace)->malformed_text,
                                     "the line has zeros in it: “"),
                   "%s", kml_trace_info (recording->trace)->malformed_text);
  }
}
END_TEST

START_TEST (dos_line_ends_and_a_missing_last_one_are_no_matter)
{
  g_autoptr (Recording) recording = read_text (
      "task-7 [001] ..... 5.1: kfree: call_site=f ptr=(nil)\r\n"
      "task-7 [001] ..... 5.2: kmem_cache_free: call_site=f ptr=0x10000 name=filp\r\n"
      "task-7 [001] ..... 5.3: kmalloc: call_site=f ptr=0x10000 bytes_req=8 bytes_alloc=8 "
      "gfp_flags=GFP_KERNEL");

  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_EVENTS), 3);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
  ck_assert_uint_eq (event_at (recording, 0)->gfp, KML_GFP_KERNEL);
  ck_assert (kml_trace_info (recording->trace)->unended);
}
END_TEST

/* Text that is cut anywhere is read up to there; that it ends within a line is known. */
START_TEST (text_that_was_cut_is_read_as_far_as_it_goes)
{
  static const struct {
    const char *sample;
    guint first, step;
  } cuts[] = { { "ftrace.txt", 2048, 641 }, { "mtrace.sample", 64, 41 } };
  g_autoptr (GByteArray) plain = sample_bytes (cuts[_i].sample);

  for (guint length = cuts[_i].first; length < plain->len; length += cuts[_i].step) {
    g_autoptr (GError) error = NULL;
    g_autoptr (Recording) recording = read_bytes (plain->data, length, &error);

    assert_no_error (error);
    ck_assert_uint_le (count_of (recording, KML_TRACE_N_MALFORMED), 1);
    ck_assert_int_eq (kml_trace_info (recording->trace)->unended, plain->data[length - 1] != '\n');
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("trace-bad");
  TCase *bad = tcase_create ("bad");

  tcase_add_test (bad, what_is_no_trace_is_refused);
  tcase_add_test (bad, files_that_cannot_be_read_are_told_apart);
  tcase_add_loop_test (bad, a_bad_line_is_counted_and_the_first_is_quoted, 0,
                       G_N_ELEMENTS (bad_lines));
  tcase_add_test (bad, a_file_that_is_mostly_bad_is_refused);
  tcase_add_test (bad, a_time_with_a_decimal_comma_is_called_one);
  tcase_add_test (bad, a_byte_order_mark_is_no_line);
  tcase_add_test (bad, a_line_without_end_is_skipped_and_not_kept);
  tcase_add_test (bad, zeros_in_the_text_are_bad_lines);
  tcase_add_test (bad, a_hole_in_the_file_is_a_bad_line);
  tcase_add_test (bad, dos_line_ends_and_a_missing_last_one_are_no_matter);
  tcase_add_loop_test (bad, text_that_was_cut_is_read_as_far_as_it_goes, 0, 2);
  suite_add_tcase (suite, bad);

  return run_suite (suite);
}
