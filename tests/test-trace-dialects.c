/* test-trace-dialects.c: what other kernels, and other versions of the tools, print.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The lines are those of each kernel's TRACE_EVENT, as its vsprintf() and the tool's printf() write them. What is expected was
 * counted by eye.
 */

#include "trace-fixture.h"

/* ---- NULL ---- */

#define THREE_TIMES(line) line line line

/* A pointer as wide as others, that of Linux 4 and of 32 bits; zeros, since 5.8; a hash like any other, in between, where only the frame tells. */
START_TEST (an_allocation_that_failed_is_told_from_one_of_frame_0)
{
  static const char *const failed[] = {
    "page=          (null) pfn=0 order=3",
    "page=  (null) pfn=0 order=0",
    "page=0000000000000000 pfn=0x0 order=9",
    "page=00000000aa55aa55 pfn=0 order=9",
    "page=0x0 pfn=0x0 order=9",
    "page=(nil) pfn=0x0 order=0",
  };

  for (guint i = 0; i < G_N_ELEMENTS (failed); i++) {
    static const char format[] = THREE_TIMES ("  task-7 [001] ..... 5.000001: mm_page_alloc: %1$s "
                                              "migratetype=1 gfp_flags=GFP_KERNEL\n")
        THREE_TIMES (
            "  task-7 [001] ..... 5.000001: mm_page_alloc: page=000000003b2a1c44 pfn=1024 order=9 "
            "migratetype=1 gfp_flags=GFP_KERNEL\n"
            "  task-7 [001] ..... 5.000001: mm_page_alloc: %1$s migratetype=1 "
            "gfp_flags=GFP_KERNEL\n"
            "  task-7 [001] ..... 5.000001: mm_page_free: page=000000003b2a1c44 pfn=1024 "
            "order=9\n");
    g_autofree char *text = g_strdup_printf (format, failed[i]);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_msg (count_of (recording, KML_TRACE_N_FAILED) == 6, "%s", failed[i]);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_ALLOCS), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_FREES), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_DOUBLE_ALLOC), 0);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
  }
}
END_TEST

START_TEST (null_may_be_as_wide_as_any_pointer)
{
  static const char *const nulls[] = { "          (null)", "  (null)", "(null)", "(nil)",
                                       "0000000000000000", "00000000", "0x0" };

  for (guint i = 0; i < G_N_ELEMENTS (nulls); i++) {
    static const char format[] = THREE_TIMES (
        "  task-7 [001] d..1 5.000001: kfree: call_site=ffffffff811d5a3c ptr=%1$s\n"
        "  task-7 [001] d..1 5.000001: kfree: call_site=ffffffff811d5a3c ptr=ffff880035e5a000\n"
        "  task-7 [001] d..1 5.000001: kmem_cache_alloc: call_site=ffffffff811d5a3c ptr=%1$s "
        "bytes_req=256 bytes_alloc=256 gfp_flags=GFP_NOWAIT\n");
    g_autofree char *text = g_strdup_printf (format, nulls[i]);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_msg (count_of (recording, KML_TRACE_N_FREE_NULL) == 3, "“%s”", nulls[i]);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FAILED), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
  }
}
END_TEST

/* ---- Tasks and times ---- */

START_TEST (real_time_kernels_have_a_flag_more_before_the_context)
{
  static const struct {
    const char *flags;
    KmlContext context;
  } cases[] = {
    { "d...1..", KML_CONTEXT_PROCESS },
    { "d.Lh1..", KML_CONTEXT_HARDIRQ },
    { "..Ls1.1", KML_CONTEXT_SOFTIRQ },
    { "dN.H212", KML_CONTEXT_HARDIRQ },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf (
        "  task-7 [001] %s 5.000001: kmalloc: call_site=f ptr=0x10000 bytes_req=8 bytes_alloc=8 "
        "gfp_flags=0x0\n",
        cases[i].flags);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_uint_eq (event_at (recording, 0)->context, cases[i].context);
  }
}
END_TEST

/* Microseconds since the beginning, and a mark for each power of ten until the next event. */
START_TEST (times_of_the_option_latency_format_are_microseconds)
{
  g_autoptr (Recording) recording = read_text (
      "# tracer: nop\n#\n# nop latency trace v1.1.5 on 6.1.0\n"
      "# latency: 0 us, #4/4, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:4)\n"
      "#     \\   /        ||||||  \\    |    /\n"
      "    bash-1234      0d..1.   12us : kmalloc: call_site=f ptr=0x10000 bytes_req=8 "
      "bytes_alloc=8 "
      "gfp_flags=GFP_KERNEL\n"
      "  <idle>-0         3..s1.   13us+: kmalloc: call_site=f ptr=0x20000 bytes_req=8 "
      "bytes_alloc=8 "
      "gfp_flags=GFP_ATOMIC\n"
      "    bash-1234    100.....  223us!: kfree: call_site=f ptr=0x20000\n"
      "    bash-1234      1..... 1223us#: kfree: call_site=f ptr=0x10000\n");

  ck_assert_str_eq (kml_trace_info (recording->trace)->format, "ftrace");
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->base_ns, 12000);
  ck_assert_uint_eq (event_at (recording, 1)->time_ns, 1000);
  ck_assert_uint_eq (event_at (recording, 1)->context, KML_CONTEXT_SOFTIRQ);
  ck_assert_uint_eq (event_at (recording, 2)->time_ns, 211000);
  ck_assert_uint_eq (event_at (recording, 2)->cpu, 100);
  ck_assert_uint_eq (event_at (recording, 3)->time_ns, 1211000);
}
END_TEST

/* Linux 6.1 with the option hash-ptr off. */
START_TEST (flags_that_were_not_printed_are_those_of_most_requests_there)
{
  static const char text[] = THREE_TIMES (
      "  a-7 [001] ..... 5.000001: kmalloc: call_site=f ptr=0x10000 bytes_req=8 bytes_alloc=8 "
      "gfp_flags= node=-1\n"
      "  a-7 [001] ..s1. 5.000001: kmalloc: call_site=f ptr=0x20000 bytes_req=8 bytes_alloc=8 "
      "gfp_flags= node=-1\n"
      "  a-7 [001] d.h1. 5.000001: mm_page_alloc: page=0 pfn=7 order=0 migratetype=0 gfp_flags=\n"
      "  a-7 [001] d.h1. 5.000001: mm_page_free: page=0 pfn=7 order=0\n"
      "  a-7 [001] ..... 5.000001: kfree: call_site=f ptr=0x10000\n"
      "  a-7 [001] ..... 5.000001: kfree: call_site=f ptr=0x20000\n");
  g_autoptr (Recording) recording = read_text (text);

  ck_assert_uint_eq (recording->events->len, 18);
  for (guint i = 0; i < 18; i += 6) {
    ck_assert_uint_eq (event_at (recording, i)->gfp, KML_GFP_KERNEL);
    ck_assert_uint_eq (event_at (recording, i + 1)->gfp, KML_GFP_ATOMIC);
    ck_assert_uint_eq (event_at (recording, i + 2)->gfp, KML_GFP_ATOMIC);
  }
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_GFP_UNKNOWN), 1);
}
END_TEST

/* arm64 and POWER have such frames; what a kernel takes for its objects must not be asked for twice. The direct map is where arm64 has it with 2 GiB before RAM. */
START_TEST (pages_of_slabs_are_known_where_frames_are_larger)
{
  static const guint shifts[] = { 12, 14, 16 };

  for (guint i = 0; i < G_N_ELEMENTS (shifts); i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (Recording) recording = NULL;

    for (guint n = 0; n < 10; n++) {
      const guint64 pfn = (G_GUINT64_CONSTANT (0x90000000) >> shifts[i]) + n * 8;

      g_string_append_printf (
          text,
          "  a-7 [001] ..... 5.00000%u: mm_page_alloc: page=ffffffc000d79680 "
          "pfn=0x%" G_GINT64_MODIFIER "x order=2 migratetype=0 gfp_flags=GFP_KERNEL\n"
          "  a-7 [001] ..... 5.00000%u: kmalloc: call_site=f ptr=0x%" G_GINT64_MODIFIER
          "x bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL\n",
          n, pfn, n,
          G_GUINT64_CONSTANT (0xffff000000000000) - 0x80000000 + (pfn << shifts[i]) +
              ((G_GUINT64_CONSTANT (3) << shifts[i]) + 256));
    }
    recording = read_text (text->str);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_OBJECT_ALLOCS), 10);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_SLAB_PAGES), 10);
  }
}
END_TEST

/* ---- What stands between ---- */

#define HEAD(usecs) "   task-7 [001] d.... 5." usecs ": "
#define KMALLOC(usecs)                                                                             \
  HEAD (usecs) "kmalloc: call_site=f ptr=0x10000 bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL\n"
#define KFREE(usecs) HEAD (usecs) "kfree: call_site=f ptr=0x10000\n"

START_TEST (stacks_calls_and_functions_are_other_events_and_no_bad_lines)
{
  static const char *const texts[] = {
    HEAD ("2") "<stack trace>\n => trace_event_raw_event_kmalloc\n => __kmalloc\n => "
               "0xffffffffc0a01234\n",
    HEAD ("2") "<user stack trace>\n =>  <00007f1c3c4d5e6f>\n => /usr/bin/bash[+0x1234]\n",
    HEAD ("2") "kernel_stack:         <stack trace >\n=> kmem_cache_alloc (ffffffff811d5a3c)\n",
    HEAD ("2") "sys_openat(dfd: ffffff9c, filename: 7f1c3c4d, flags: 80000, mode: 0)\n",
    HEAD ("2") "sys_openat -> 0x3\n",
    HEAD ("2") "do_sys_open <-do_syscall_64\n",
    HEAD ("2") "tracing_mark_write: kmalloc: kfree: x\n",
  };
  static const char *const names[] = { "<stack trace>",     "<user stack trace>", "kernel_stack",
                                       "sys_openat",        "sys_openat",         "do_sys_open",
                                       "tracing_mark_write" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autofree char *text = g_strconcat (KMALLOC ("1"), texts[i], texts[i], KFREE ("3"), NULL);
    g_autoptr (Recording) recording = read_text (text);
    g_autoptr (GArray) counts = kml_trace_names (recording->trace);

    ck_assert_msg (count_of (recording, KML_TRACE_N_MALFORMED) == 0, "%s", texts[i]);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_OTHER), 2);
    ck_assert_uint_eq (recording->events->len, 2);
    ck_assert_str_eq (g_array_index (counts, KmlTraceNameCount, 0).name, names[i]);
  }
}
END_TEST

/* trace-cmd report --ts-diff: the first has none before it. */
START_TEST (the_time_since_the_event_before_is_no_part_of_the_name)
{
  g_autoptr (Recording) recording = read_text (
      "cpus=2\n"
      "   task-7    [001]   5.000001:            kmalloc:  (f+0x12) call_site=f ptr=0x10000 "
      "bytes_req=8 "
      "bytes_alloc=8 gfp_flags=GFP_KERNEL\n"
      "   task-7    [001]   5.000002: (+1)       kfree:    (f+0x12) call_site=f ptr=(nil)\n"
      "   task-7    [001]   5.000014: (+12)      kfree:    (f+0x12) call_site=f ptr=0x10000\n");

  ck_assert_uint_eq (recording->events->len, 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_NULL), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_OTHER), 0);
}
END_TEST

/* What the kernel wrote over, before anybody read it, is lost as well. */
START_TEST (entries_that_were_overwritten_are_lost)
{
  static const struct {
    const char *header;
    guint64 lost;
  } cases[] = { { "# entries-in-buffer/entries-written: 2/1002   #P:4\n", 1000 },
                { "# entries-in-buffer/entries-written: 2/2   #P:4\n", 0 },
                { "# entries-in-buffer/entries-written: 2\n", 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strconcat ("# tracer: nop\n#\n", cases[i].header,
                                         KMALLOC ("1") KFREE ("2"), NULL);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_LOST), cases[i].lost);
    ck_assert_uint_eq (kml_trace_info (recording->trace)->n_cpus, i < 2 ? 4 : 2);
  }
}
END_TEST

/* ---- perf ---- */

#define PERF_KMALLOC                                                                               \
  "kmem:kmalloc: call_site=f ptr=0x10000 bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL"
#define PERF_KFREE "kmem:kfree: call_site=f ptr=0x10000"

START_TEST (perf_may_print_columns_more_and_ids_that_it_does_not_know)
{
  static const struct {
    const char *prefix;
    guint32 pid;
  } cases[] = {
    { "            bash  1234 [001] K     5.000001:       ", 1234 },
    { "            bash  1234 [001] KSp   5.000001:       ", 1234 },
    { "            bash  1234 [001]       5.000001:       ", 1234 },
    { "            bash  1234 [001]    5.000001:          1 ", 1234 },
    { "             :-1    -1 [001]    5.000001: ", G_MAXUINT32 },
    { "             :-1    -1/-1    [001]    5.000001: ", G_MAXUINT32 },
    { "VM: 1234 VCPU: 3             bash  1234 [001]    5.000001: ", 1234 },
    { "  1.5: 1.6:  1234 [001]    1700000000.000001: ", 1234 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char *prefix = cases[i].prefix;
    g_autofree char *text = g_strconcat (prefix, PERF_KMALLOC "\n", prefix, PERF_KFREE "\n", NULL);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_str_eq (kml_trace_info (recording->trace)->format, "perf");
    ck_assert_msg (recording->events->len == 2, "“%s”", prefix);
    ck_assert_uint_eq (event_at (recording, 0)->pid, cases[i].pid);
    ck_assert_uint_eq (event_at (recording, 0)->cpu, 1);
  }
}
END_TEST

START_TEST (the_stacks_and_records_of_perf_are_no_bad_lines)
{
  static const char *const lines[] = {
    "\tffffffff8133d5a3 __kmalloc+0x1f3 ([kernel.kallsyms])\n\t    7f12 std::foo<a::b>(int) "
    "(inlined)\n\n",
    "        __kmalloc+0x1f3\n        [unknown]\n        main\n\n",
    "        ffffffff8133d5a3 __kmalloc+0x1f3 ([kernel.kallsyms])\n  slub.c:3961\n\n",
    "  perf  1234 [000] 5.000002: PERF_RECORD_COMM exec: perf:1234/1234\n",
    "  perf  1234 [000] 5.000002: PERF_RECORD_MMAP2 1/1: [0x7f(0x1) @ 0 00:00 0 0]: r-xp "
    "/bin/bash\n",
    "  perf  1234 [000] 5.000002: PERF_RECORD_EXIT(1:1):(1:1)\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_autofree char *text = g_strconcat ("  a 7 [001] 5.000001: " PERF_KMALLOC "\n", lines[i],
                                         lines[i], "  a 7 [001] 5.000003: " PERF_KFREE "\n",
                                         lines[i], NULL);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_msg (count_of (recording, KML_TRACE_N_MALFORMED) == 0, "%s", lines[i]);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_LOST), 0);
    ck_assert_uint_eq (recording->events->len, 2);
  }
}
END_TEST

START_TEST (an_event_of_perf_that_was_cut_is_no_stack)
{
  g_autoptr (Recording) recording = read_text ("  a 7 [001] 5.000001: " PERF_KMALLOC "\n"
                                               "  a 7 [001] 5.000\n"
                                               "  a 7 [001] 5.000002: " PERF_KFREE "\n");

  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 1);
  ck_assert_uint_eq (recording->events->len, 2);
}
END_TEST

/* ---- Encodings ---- */

START_TEST (utf_16_is_called_so)
{
  static const char text[] = HEAD ("1") "kfree: call_site=f ptr=0x10000\n";
  static const char *const encodings[] = { "UTF-16LE", "UTF-16BE" };
  static const char *const marks[] = { "\xff\xfe", "\xfe\xff" };

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++) {
    gsize n;
    g_autofree char *wide = g_convert (text, -1, encodings[i], "UTF-8", NULL, &n, NULL);
    g_autofree char *bytes = g_malloc (n + 2);
    g_autoptr (GError) error = NULL;

    memcpy (bytes, marks[i], 2);
    memcpy (bytes + 2, wide, n);
    ck_assert_ptr_null (read_bytes (bytes, n + 2, &error));
    assert_error (error, KML_ERROR_INPUT, "the trace: the text is UTF-16: write it as UTF-8");
  }
}
END_TEST

START_TEST (files_of_other_kinds_are_called_by_their_names)
{
  static const struct {
    gsize offset;
    const char *bytes, *message;
  } cases[] = {
    { 0, "PERFILE2", "the trace: perf's own file: bring the text that `perf script` prints" },
    { 0, "BZh91AY", "the trace: compressed by bzip2: gzip, xz and zstd are read" },
    { 0, "PK\3\4", "the trace: a zip archive" },
    { 257, "ustar", "the trace: a tar archive" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    char bytes[512] = { 0 };
    g_autoptr (GError) error = NULL;

    memcpy (bytes + cases[i].offset, cases[i].bytes, strlen (cases[i].bytes));
    ck_assert_ptr_null (read_bytes (bytes, sizeof bytes, &error));
    assert_error (error, KML_ERROR_INPUT, cases[i].message);
  }
}
END_TEST

/* A frame whose head says that it needs a window of 2^30 bytes. */
START_TEST (a_window_of_zstd_that_is_too_large_is_no_damage)
{
  static const guint8 frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, (30 - 10) << 3, 0x01, 0x00, 0x00 };
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_bytes (frame, sizeof frame, &error));
  assert_error (error, KML_ERROR_INPUT,
                "needs more than 128 MiB to decode: compress it with --long=27");
}
END_TEST

static Suite *
trace_dialects_suite (void)
{
  Suite *suite = suite_create ("trace-dialects");
  TCase *null = tcase_create ("NULL");
  TCase *tasks = tcase_create ("tasks");
  TCase *between = tcase_create ("between");
  TCase *perf = tcase_create ("perf");
  TCase *encodings = tcase_create ("encodings");

  tcase_add_test (null, an_allocation_that_failed_is_told_from_one_of_frame_0);
  tcase_add_test (null, null_may_be_as_wide_as_any_pointer);
  suite_add_tcase (suite, null);
  tcase_add_test (tasks, real_time_kernels_have_a_flag_more_before_the_context);
  tcase_add_test (tasks, times_of_the_option_latency_format_are_microseconds);
  tcase_add_test (tasks, pages_of_slabs_are_known_where_frames_are_larger);
  tcase_add_test (tasks, flags_that_were_not_printed_are_those_of_most_requests_there);
  suite_add_tcase (suite, tasks);
  tcase_add_test (between, stacks_calls_and_functions_are_other_events_and_no_bad_lines);
  tcase_add_test (between, the_time_since_the_event_before_is_no_part_of_the_name);
  tcase_add_test (between, entries_that_were_overwritten_are_lost);
  suite_add_tcase (suite, between);
  tcase_add_test (perf, perf_may_print_columns_more_and_ids_that_it_does_not_know);
  tcase_add_test (perf, the_stacks_and_records_of_perf_are_no_bad_lines);
  tcase_add_test (perf, an_event_of_perf_that_was_cut_is_no_stack);
  suite_add_tcase (suite, perf);
  tcase_add_test (encodings, utf_16_is_called_so);
  tcase_add_test (encodings, files_of_other_kinds_are_called_by_their_names);
  tcase_add_test (encodings, a_window_of_zstd_that_is_too_large_is_no_damage);
  suite_add_tcase (suite, encodings);
  return suite;
}

int
main (void)
{
  return run_suite (trace_dialects_suite ());
}
